/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ops of SELECT and BATCH (uop.c): struct gochan_op in user space, and what
 * it is loaded into. Plain ops, which are sends and receives without flags on
 * channels for which chan_fast_ok() holds, are done without being loaded.
 */
#ifndef GOCHAN_UOP_H
#define GOCHAN_UOP_H

#include <linux/fault-inject-usercopy.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/uaccess.h>

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
 * @opcode: GOCHAN_OP_SEND, GOCHAN_OP_RECV or GOCHAN_OP_POLL
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

int gochan_ops_read(struct gochan_ops *call, struct gochan_ops __user *arg,
		    u32 flags);
ktime_t gochan_ops_deadline(const struct gochan_ops *call);
int gochan_uop_load(struct uop *u, struct gochan_op __user *user, u16 known);
void gochan_uop_unload(struct uop *u);
int gochan_uop_poll(struct uop *u, poll_table *pt);
int gochan_uop_do(struct uop *u, bool nonblock, ktime_t deadline);
int gochan_uop_check_send(const struct chan_op *op);
void gochan_uop_report(const struct uop *u, int verdict);
bool gochan_uop_do_plain(const struct gochan_op *g, struct gochan_op __user *user,
			 ktime_t deadline, int *verdict, bool select);

static inline bool uop_is_nil(const struct uop *u)
{
	return !compat_fd_file(u->fd);
}

/* Does it wait for an event, and not in a wait queue of the channel? */
static inline bool uop_polls(const struct uop *u)
{
	return u->opcode == GOCHAN_OP_POLL || u->op.peek;
}

/* Read what matters of an op that may be plain. False if it is not. */
static __always_inline bool uop_read_plain(struct gochan_op *g,
					   const struct gochan_op __user *user)
{
	if (should_fail_usercopy() ||
	    !user_read_access_begin(user, sizeof(*user)))
		return false;
	unsafe_get_user(g->fd, &user->fd, fault);
	unsafe_get_user(g->opcode, &user->opcode, fault);
	unsafe_get_user(g->flags, &user->flags, fault);
	unsafe_get_user(g->buf, &user->buf, fault);
	unsafe_get_user(g->len, &user->len, fault);
	unsafe_get_user(g->result, &user->result, fault);
	unsafe_get_user(g->reserved, &user->reserved, fault);
	user_read_access_end();
	return !g->flags && !g->reserved && (g->opcode == GOCHAN_OP_SEND ||
					     g->opcode == GOCHAN_OP_RECV);
fault:
	user_read_access_end();
	return false;
}

static inline enum chan_dir uop_dir(const struct gochan_op *g)
{
	return g->opcode == GOCHAN_OP_SEND ? CHAN_SEND : CHAN_RECV;
}

/* The channel behind @file if the op is plain and allowed there, or NULL. */
static __always_inline struct chan *uop_plain_chan(const struct gochan_op *g,
						   const struct file *file)
{
	bool send = g->opcode == GOCHAN_OP_SEND;
	struct chan *ch;

	if (!file || !file_is_handle(file) ||
	    !(file->f_mode & (send ? FMODE_WRITE : FMODE_READ)))
		return NULL;
	ch = file_chan(file);
	if (!chan_fast_ok(ch))
		return NULL;
	return send && g->len > chan_config(ch)->msg_size ? NULL : ch;
}

#endif /* GOCHAN_UOP_H */
