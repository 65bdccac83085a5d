// SPDX-License-Identifier: GPL-2.0
/*
 * BATCH: several ops, one after the other. What an op is, and how it is done, is
 * uop.c's. No locks here.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/sched.h>

#include "select.h"
#include "uop.h"

static int do_loaded(struct uop *u, bool nonblock, ktime_t deadline)
{
	if (u->flags & GOCHAN_NONBLOCK)
		nonblock = true;
	/* A POLL op waits, as poll(2), also on a descriptor with O_NONBLOCK. */
	if (u->op.ch && (compat_fd_file(u->fd)->f_flags & O_NONBLOCK))
		nonblock = true;
	if (nonblock)
		deadline = KTIME_MAX;
	/* What waits elsewhere than in a wait queue is a select of one op. */
	if (uop_is_nil(u) || uop_polls(u))
		return gochan_select_one(u, nonblock, deadline);
	return gochan_uop_do(u, nonblock, deadline);
}

static noinline int load_and_do(struct gochan_op __user *user, bool nonblock,
				ktime_t deadline)
{
	struct uop u __uninitialized;
	int verdict;

	verdict = gochan_uop_load(&u, user, GOCHAN_NONBLOCK | GOCHAN_REQUEUE);
	if (verdict)
		return verdict;
	verdict = do_loaded(&u, nonblock, deadline);
	gochan_uop_report(&u, verdict);
	gochan_uop_unload(&u);
	return verdict;
}

/* @checked: see gochan_uop_do_ack() */
static __always_inline int batch_one(struct gochan_op __user *user, bool nonblock,
				     ktime_t deadline, u64 *checked)
{
	struct gochan_op g __uninitialized;
	int verdict;

	if (uop_read_plain(&g, user)) {
		if (g.fd >= 0 &&
		    gochan_uop_do_plain(&g, user, nonblock ? CHAN_NONBLOCK : deadline,
					&verdict, false))
			return verdict;
	} else if (g.opcode == GOCHAN_OP_ACK && gochan_uop_do_ack(&g, user, checked, &verdict)) {
		return verdict;
	}
	return load_and_do(user, nonblock, deadline);
}

/* GOCHAN_IOC_BATCH: how many ops completed; if the first did not, its error. */
long gochan_batch(struct gochan_ops __user *arg)
{
	struct gochan_op __user *uops;
	struct gochan_ops call __uninitialized;
	ktime_t deadline;
	bool nonblock, resume;
	u64 checked = 0;
	int err = 0;
	u32 i;

	err = gochan_ops_read(&call, arg, GOCHAN_NONBLOCK | GOCHAN_WAITFORONE |
					  GOCHAN_RESUME);
	if (err)
		return err;
	resume = call.flags & GOCHAN_RESUME;
	if (resume && call.index > call.count)
		return -EINVAL;
	uops = u64_to_user_ptr(call.ops);
	nonblock = call.flags & GOCHAN_NONBLOCK;
	deadline = gochan_ops_deadline(&call);
	for (i = resume ? call.index : 0; i < call.count; i++) {
		err = batch_one(uops + i, nonblock, deadline, &checked);
		if (err < 0)
			break;
		if (call.flags & GOCHAN_WAITFORONE)
			nonblock = true;
		cond_resched();
	}
	if (put_user(i, &arg->index))
		pr_debug("the count of a batch could not be written\n");
	/* A call that is restarted begins with the op that was interrupted. */
	if (resume && err == -ERESTARTSYS)
		return err;
	return i ? i : err;
}
