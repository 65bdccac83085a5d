/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Heap messages (msg.c): allocation, references and charging. Where a message
 * is and who may take it is not known here.
 */
#ifndef GOCHAN_MSG_H
#define GOCHAN_MSG_H

#include <linux/rbtree.h>
#include <linux/pid.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/uidgid.h>

struct quota_user;

/**
 * struct origin - the sender of a message, as GOCHAN_CRED reports it
 * @pid: the process, a counted reference; NULL on channels without GOCHAN_CRED
 * @uid: its effective user
 * @gid: its effective group
 */
struct origin {
	struct pid *pid;
	kuid_t uid;
	kgid_t gid;
};

/* @to must not hold a reference. */
static inline void origin_copy(struct origin *to, const struct origin *from)
{
	to->pid = get_pid(from->pid);
	to->uid = from->uid;
	to->gid = from->gid;
}

static inline void origin_drop(struct origin *from)
{
	if (from->pid)
		put_pid(from->pid);
	from->pid = NULL;
}

static inline void origin_move(struct origin *to, struct origin *from)
{
	origin_drop(to);
	*to = *from;
	from->pid = NULL;
}

/**
 * struct msg - one message on the heap, or a block of several before they are sent
 * @node: place in chan.requeued; the channel's lock
 * @done_flags: instead, of one that is done (lease.c): those of its notice
 * @next: in the list of its sender, of what is forwarded, or of what a wake batch frees; the
 *	owner
 * @refs: the owner (sender, channel or receiver), and receivers that have pinned it; of a
 *	message of a pool see lease.c
 * @deliveries: how often it was delivered on an acknowledged channel; the channel's lock
 * @seq: place in the order of sending, set when it is sent
 * @from: its sender, set when it is sent
 * @charged_to: whose limit it counts against, a counted reference; NULL while it occupies
 *	a slot, charged at setup, or only passes through a call; the owner
 * @len: bytes in @data
 * @data: the payload: behind this structure or, if it is long, on its own
 */
struct msg {
	union {
		struct rb_node node;
		u32 done_flags;
	};
	struct msg *next;
	refcount_t refs;
	u32 deliveries;
	u64 seq;
	struct origin from;
	struct quota_user *charged_to;
	size_t len;
	u8 *data;
};

int chan_msg_init(void);
void chan_msg_exit(void);

struct msg *chan_msg_alloc(size_t len);
void chan_msg_unref(struct msg *m);
void chan_msg_put(struct msg *m);
void chan_msg_put_list(struct msg *m);

u64 chan_msg_truesize(size_t len);
int chan_msg_charge(struct msg *m);
int chan_msg_recharge(struct msg *m, struct quota_user *user, bool own);
void chan_msg_uncharge(struct msg *m);

#endif /* GOCHAN_MSG_H */
