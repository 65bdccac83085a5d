/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ops of SELECT and BATCH (uop.c): struct gochan_op in user space, and what
 * it is loaded into. Plain ops, which are sends and receives without flags on
 * channels for which chan_fast_ok() holds, are done without being loaded.
 */
#ifndef GOCHAN_UOP_H
#define GOCHAN_UOP_H

#include <linux/fault-inject-usercopy.h>

#include "chan.h"
#include "compat.h"
#include "handle.h"

/**
 * struct uop - a loaded op; only its task uses it
 * @op: the send or receive; its channel is NULL if it is neither
 * @fd: holds the file; empty for Go's nil channel
 * @user: where it was read from, and where its results go
 * @want: events that a polling op waits for
 * @events: events that came
 * @opcode: GOCHAN_OP_SEND and its like
 * @flags: GOCHAN_PEEK and its like
 */
struct uop {
	struct chan_op op;
	struct fd fd;
	struct gochan_op __user *user;
	__poll_t want;
	__poll_t events;
	u16 opcode;
	u16 flags;
};

int gochan_ops_read(struct gochan_ops *call, struct gochan_ops __user *arg, u32 flags);
ktime_t gochan_ops_deadline(const struct gochan_ops *call);
int gochan_uop_load(struct uop *u, struct gochan_op __user *user, u16 known);
void gochan_uop_unload(struct uop *u);
int gochan_uop_poll(struct uop *u, poll_table *pt);
int gochan_uop_do(struct uop *u, bool nonblock, ktime_t deadline);
int gochan_uop_check_send(const struct chan_op *op);
void gochan_uop_report(const struct uop *u, int verdict);
bool gochan_uop_do_ack(const struct gochan_op *g, struct gochan_op __user *user, u64 *checked,
		       int *verdict);
bool gochan_uop_do_plain(const struct gochan_op *g, struct gochan_op __user *user,
			 ktime_t deadline, int *verdict, bool select);

static inline bool uop_is_nil(const struct uop *u)
{
	return !compat_fd_file(u->fd);
}

/*
 * Does it wait for an event, and not in a wait queue of the channel? Not read from @op.peek, as
 * others may change the bits beside it while @op is queued.
 */
static inline bool uop_polls(const struct uop *u)
{
	return u->opcode == GOCHAN_OP_POLL || (u->flags & GOCHAN_PEEK);
}

static inline bool uop_is_plain(u16 opcode, u16 flags)
{
	return !flags &&
	       (opcode == GOCHAN_OP_SEND || opcode == GOCHAN_OP_RECV);
}

/* Read an op that may be plain. False if it is not; its opcode is 0 if it could not be read. */
static inline bool uop_read_plain(struct gochan_op *g,
				  const struct gochan_op __user *user)
{
	g->opcode = 0;
	if (should_fail_usercopy() || !user_read_access_begin(user, sizeof(*user)))
		return false;
	unsafe_get_user(g->fd, &user->fd, fault);
	unsafe_get_user(g->flags, &user->flags, fault);
	unsafe_get_user(g->buf, &user->buf, fault);
	unsafe_get_user(g->len, &user->len, fault);
	unsafe_get_user(g->result, &user->result, fault);
	unsafe_get_user(g->opcode, &user->opcode, fault);
	user_read_access_end();
	return uop_is_plain(g->opcode, g->flags);
fault:
	user_read_access_end();
	return false;
}

static inline enum chan_dir uop_dir(u16 opcode)
{
	return opcode == GOCHAN_OP_SEND ? CHAN_SEND : CHAN_RECV;
}

/* The channel behind @file if a plain op is allowed there, with @acked also with a lease. */
static __always_inline struct chan *uop_plain_chan(u16 opcode, u32 len,
						   const struct file *file, bool acked)
{
	bool send = opcode == GOCHAN_OP_SEND;
	struct chan *ch;

	if (!file || !file_is_handle(file) ||
	    !(file->f_mode & (send ? FMODE_WRITE : FMODE_READ)))
		return NULL;
	ch = file_chan(file);
	if (!chan_fast_ok(ch) && !(acked && chan_is_fast_acked(ch)))
		return NULL;
	return send && len > chan_config(ch)->msg_size ? NULL : ch;
}

/* Does an op in user space seem ready? -EINVAL: not plain. Reads as little as it can. */
static __always_inline int uop_plain_ready_hint(const struct gochan_op __user *user)
{
	u16 opcode, flags;
	struct chan *ch;
	struct fd fd;
	int ready;
	u32 len;
	s32 num;

	if (should_fail_usercopy() || !user_read_access_begin(user, sizeof(*user)))
		return -EINVAL;
	unsafe_get_user(num, &user->fd, fault);
	unsafe_get_user(opcode, &user->opcode, fault);
	unsafe_get_user(flags, &user->flags, fault);
	unsafe_get_user(len, &user->len, fault);
	user_read_access_end();
	if (!uop_is_plain(opcode, flags))
		return -EINVAL;
	if (num < 0)
		return false;
	fd = fdget(num);
	ch = uop_plain_chan(opcode, len, compat_fd_file(fd), false);
	ready = ch ? chan_ready_hint(ch, uop_dir(opcode)) : -EINVAL;
	fdput(fd);
	return ready;
fault:
	user_read_access_end();
	return -EINVAL;
}

#endif /* GOCHAN_UOP_H */
