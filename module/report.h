/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The results that a receive writes into its struct gochan_op beside the payload,
 * before it takes the message. Under a spinlock page faults have to be disabled.
 */
#ifndef GOCHAN_REPORT_H
#define GOCHAN_REPORT_H

#include <linux/fault-inject-usercopy.h>
#include <linux/pid_namespace.h>
#include <linux/user_namespace.h>

#include "chan_priv.h"

static inline int report_len(struct gochan_op __user *to, size_t len)
{
	if (should_fail_usercopy() || !user_write_access_begin(to, sizeof(*to)))
		return -EFAULT;
	/* the length last: it is the room, should the receive be tried again */
	unsafe_put_user(-1, &to->passed_fd, fault);
	unsafe_put_user(0, &to->result, fault);
	unsafe_put_user((u32)len, &to->len, fault);
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

static inline int report_origin(struct gochan_op __user *to, const struct origin *from)
{
	const struct gochan_op r = {
		.pid = pid_nr_ns(from->pid, task_active_pid_ns(current)),
		.uid = from_kuid_munged(current_user_ns(), from->uid),
		.gid = from_kgid_munged(current_user_ns(), from->gid),
	};

	return user_put(&to->pid, &r.pid, offsetof(struct gochan_op, deliveries) -
					  offsetof(struct gochan_op, pid));
}

static inline int report_lease(struct gochan_op __user *to, const struct lease_report *r)
{
	if (should_fail_usercopy() || !user_write_access_begin(to, sizeof(*to)))
		return -EFAULT;
	unsafe_put_user(r->deliveries, &to->deliveries, fault);
	unsafe_put_user(r->lease, &to->lease, fault);
	unsafe_put_user(r->seq, &to->seq, fault);
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

/* The message is not received after all: a repeated call needs its room. */
static inline void unreport(struct gochan_op __user *to, size_t room)
{
	if (to && put_user((u32)room, &to->len))
		pr_debug("the room of an op could not be restored\n");
}

static __always_inline int report(const struct chan_op *op,
				  struct gochan_op __user *to, size_t len,
				  const struct origin *from)
{
	int err = report_len(to, len);

	if (err || !op || !(op->ch->config.flags & (GOCHAN_CRED | GOCHAN_ACK)))
		return err;
	if (op->ch->config.flags & GOCHAN_CRED)
		err = report_origin(to, from);
	if (!err && op->ch->leases) {
		const struct lease_report lease = { op->lease, op->seq, op->deliveries };

		err = report_lease(to, &lease);
	}
	/* that may lie on the next page: then the room is no longer there */
	if (err)
		unreport(to, op->room);
	return err;
}

#endif /* GOCHAN_REPORT_H */
