/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The channel itself, as the rest of the module sees it; chan.c has the
 * invariants. Nothing here knows of files, names or ioctls.
 */
#ifndef GOCHAN_CHAN_H
#define GOCHAN_CHAN_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/gochan.h>

#include "pass.h"
#include "quota.h"
#include "ubuf.h"

struct fasync_struct;
struct node;
struct pid;

/*
 * Messages up to here travel over the stacks of the tasks concerned, and need no
 * allocation unless their slots are pointers.
 */
#define CHAN_SMALL_MAX		512

/* The same where a select of a few ops has to keep as much for each. */
#define CHAN_STAGE_MAX		128

/*
 * Messages up to here are copied under the channel's lock where that saves a
 * copy; longer ones are copied outside of it and change hands by pointer.
 */
#define CHAN_LOCKED_COPY_MAX	4096

/*
 * Several messages that are staged at once are not charged up to here, unless
 * they wait in line; nor is a single one of any length, of which a call has one.
 */
#define CHAN_FREE_MAX		65536

/* How often a receive waits for the same memory before it is called bad. */
#define CHAN_FAULT_TRIES	16

/* How much one operation does before it lets go of the lock for a moment. */
#define CHAN_LOCKED_MSGS_MAX	64

/* An operation's verdict beside 0 and -errno: closed and drained. */
#define CHAN_CLOSED		GOCHAN_R_CLOSED

/**
 * struct origin - who sent a message
 * @pid: the process, a counted reference; NULL on channels without GOCHAN_CRED
 * @uid: its effective user
 * @gid: its effective group
 */
struct origin {
	struct pid *pid;
	kuid_t uid;
	kgid_t gid;
};

/**
 * struct msg - one message (or, before it is sent, several) on the heap
 * @node: place among the returned messages; the channel's lock
 * @next: the message that its sender sends after this one; its op's owner
 * @spent: the next of those that are to be freed
 * @refs: one owner: the sender, the channel or the receiver that took it; and
 *	who peeks, or is given it by a sender that passes a file and keeps it
 * @seq: place in the order of sending, set when it is sent
 * @from: who sent it, set when it is sent
 * @payer: who pays for it, until its owner is done with it or the channel's
 *	ring has it, which was paid at setup; NULL for nobody; its owner. Who
 *	shares it pays for itself what it keeps for long
 * @kind: as what; the sender pays QUOTA_BYTES, QUOTA_STAGED while it cannot copy
 *	it; a receiver that cannot, QUOTA_TAKEN
 * @len: bytes in @data
 * @data: the payload, behind this or, where it is long, by itself
 */
struct msg {
	struct list_head node;
	struct msg *next;
	struct msg *spent;
	refcount_t refs;
	u64 seq;
	struct origin from;
	struct quota_user *payer;
	enum quota_kind kind;
	size_t len;
	u8 *data;
};

/**
 * struct waiter - a task that is blocked in one operation
 * @task: the task
 * @won: the op that was served, NULL while it waits, and without @many perhaps
 *	for ever. One compare-and-swap decides: by whoever serves it, under the
 *	lock of that op's channel, or by the task itself that goes another way
 * @done: set last by whoever served it; the op may be read from then on, and
 *	the waiter may be gone
 * @poked: not NULL: it also sleeps for this to become true
 * @skip: that of the line in which it is first, of several the last; NULL: it
 *	stands behind others, and sleeps without a look
 * @many: it may be won by another op, elsewhere; constant while it waits
 *
 * It lives on its task's stack. A plain send or receive has one op, a select
 * many.
 */
struct waiter {
	struct task_struct *task;
	struct chan_op *won;
	bool done;
	const int *poked;
	u8 *skip;
	bool many;
};

/* Which of a channel's two lines an op stands in. */
enum chan_dir {
	CHAN_SEND,
	CHAN_RECV,
};

/**
 * struct chan_op - one send or receive, and its place in line while it waits
 * @node: place in the line of @ch, empty while in none; the channel's lock
 * @waiter: the task that waits by it; NULL before it waits
 * @ch: the channel; the file behind the caller's descriptor keeps it
 * @dir: the line
 * @peek: a receive that leaves the message
 * @staged: a send's bytes were copied to @small
 * @landed: a receive was given a message while it waited
 * @take_fd: a receive that wants a file that comes with the message
 * @first: a send that was served, but whose receiver left the message: it
 *	stands in front of the line now
 * @late: a send that was served, and whose task sleeps on for a while, as the
 *	ring is nearly full: it stands in the channel's late list
 * @result: verdict, 0, CHAN_CLOSED or -errno
 * @ub: the user's buffer, until a send is staged
 * @len: a send's bytes a message; of a receive the bytes received or, with
 *	-EMSGSIZE, needed
 * @room: a receive's room
 * @todo: messages still to send, or at most to receive
 * @count: messages sent or received
 * @msg: the heap's part: staged for a send, being received for a receive
 * @pos: how much of a block of several messages at @msg is sent
 * @small: CHAN_SMALL_MAX bytes of its task's stack for short messages, or what
 *	chan_stage_to_wait() was given; who stands in line as a receiver has
 *	them, as only the op that won uses them
 * @seq: of the message sent last, or received
 * @from: a send's origin; that of the message received
 * @pass: a send's file, or that of the message received; NULL for none
 * @report: where a receive writes its results beside the payload, or NULL
 * @tries: how often a receive's memory was not there
 * @held: a receive's user, who pays for the bytes that it is about to take out
 *	of the ring by pointer, or shares while it stalls; NULL for none; always
 *	its task's
 * @held_bytes: how many
 *
 * While it stands in a line or is late the fields belong to the channel's lock, else to
 * its task.
 */
struct chan_op {
	struct list_head node;
	struct waiter *waiter;
	struct chan *ch;
	u8 dir;
	bool peek;
	bool staged;
	bool landed;
	bool take_fd;
	bool first;
	bool late;
	int result;
	struct ubuf ub;
	size_t len;
	size_t room;
	u32 todo;
	u32 count;
	struct msg *msg;
	size_t pos;
	u8 *small;
	u64 seq;
	struct origin from;
	struct pass *pass;
	struct gochan_op __user *report;
	unsigned int tries;
	struct quota_user *held;
	u64 held_bytes;
};

/**
 * struct chan_line - ops that wait, in the order in which they came
 * @ops: the ops; the channel's lock
 * @len: how many; the channel's lock
 * @skip: so many times more somebody sleeps without a look (waiter_spin()); read
 *	and written without the lock
 */
struct chan_line {
	struct list_head ops;
	u32 len;
	u8 skip;
};

/**
 * struct chan - a channel
 * @ref: one for each handle and one for the name
 * @id: no other channel has or had it; constant
 * @capacity: chosen at setup, then constant, as are the next five
 * @msg_size: the longest message
 * @flags: GOCHAN_FIXED and its like
 * @by_pointer: slots, of which there are some, hold a pointer to the message,
 *	not the message
 * @stride: size of a slot
 * @slots: the ring of @capacity slots
 * @charge: what the maker pays
 * @node: its device file, which keeps the name; node.c, under its own lock
 *
 * @lock: guards all that follows up to the wait queues, which have their own,
 *	as have the lists for SIGIO
 * @used: something was done with it, so that it is too late for setup
 * @plain: the same, and it has neither GOCHAN_FIXED nor GOCHAN_CRED, nor is it
 *	@by_pointer
 * @closed: Go's close(ch) was done
 * @watched: somebody polled, or asked for SIGIO, once
 * @had_sender: it has had a handle that may send
 * @had_receiver: it has had a handle that may receive
 * @head: the oldest message's slot
 * @in_ring: messages in the ring
 * @nr_returned: messages in @returned
 * @lines: who is blocked, by direction
 * @returned: messages that a receiver took, could not copy and put back, in
 *	the order of sending; all older than those in the ring
 * @late: senders that were served and are woken when the ring is drained
 * @nr_late: how many
 * @late_since: in jiffies, since when there is one
 * @prompt: so many are not late, as the last ones were in vain
 * @handles: open handles, by what they may do
 * @last_seq: of the message sent last
 * @unsent: how many of those sent were left by their receiver
 * @bytes: payload inside
 * @name: its name, NULL for none
 *
 * @late_work: wakes who is in @late, if the ring is not drained
 * @in_wait: who polls or peeks for a message
 * @out_wait: who polls for room
 * @in_async: who wants SIGIO for a message
 * @out_async: who wants SIGIO for room
 */
struct chan {
	struct kref ref;
	u64 id;
	u32 capacity;
	u32 msg_size;
	u32 flags;
	bool by_pointer;
	size_t stride;
	u8 *slots;
	struct charge charge;
	struct node *node;

	spinlock_t lock;	/* guards what follows, see above */
	bool used;
	bool plain;
	bool closed;
	bool watched;
	bool had_sender;
	bool had_receiver;
	u32 head;
	u32 in_ring;
	u32 nr_returned;
	struct chan_line lines[2];
	struct list_head returned;
	struct list_head late;
	u32 nr_late;
	unsigned long late_since;
	u32 prompt;
	u32 handles[2];
	u64 last_seq;
	u64 unsent;
	u64 bytes;
	const char *name;

	struct delayed_work late_work;
	wait_queue_head_t in_wait;
	wait_queue_head_t out_wait;
	struct fasync_struct *in_async;
	struct fasync_struct *out_async;
};

/* Who polls is woken for these. */
enum {
	WAKE_IN = 1,		/* a message came */
	WAKE_OUT = 2,		/* room came */
	WAKE_ENDED = 4,		/* the channel ended: wake all */
};

/**
 * struct chan_wake - whom to wake when the lock is dropped
 * @tasks: blocked tasks that were served; kept by RCU, as they may exit
 * @nr: how many
 * @events: what those are told who poll, WAKE_IN and its like
 * @spent: messages to free
 */
struct chan_wake {
	struct task_struct *tasks[6];
	unsigned int nr;
	unsigned int events;
	struct msg *spent;
};

void chan_mark_used_now(struct chan *ch);

/**
 * chan_mark_used() - something is done with the channel: too late for setup
 * @ch: the channel
 *
 * Whatever looks at capacity, msg_size or flags calls this first.
 */
static inline void chan_mark_used(struct chan *ch)
{
	/* Pairs with set_used(). */
	if (unlikely(!smp_load_acquire(&ch->used)))
		chan_mark_used_now(ch);
}

/* Is it too late for setup, and the channel of the simplest kind? */
static inline bool chan_is_plain(struct chan *ch)
{
	/* Pairs with set_used(). */
	return smp_load_acquire(&ch->plain);
}

int chan_cache_init(void);
void chan_cache_exit(void);

/* Life. */
struct chan *chan_make(void);
int chan_setup(struct chan *ch, const struct gochan_setup *setup);
void chan_get(struct chan *ch);
void chan_put(struct chan *ch);
void chan_add_handle(struct chan *ch, bool may_send, bool may_receive);
void chan_drop_handle(struct chan *ch, bool may_send, bool may_receive);
int chan_set_name(struct chan *ch, const char *name);
void chan_clear_name(struct chan *ch);

/* Operations that may block. */
int chan_send(struct chan_op *op, bool nonblock, ktime_t deadline);
int chan_recv(struct chan_op *op, bool nonblock, ktime_t deadline);
int chan_send_quick(struct chan *ch, const void __user *buf, size_t len,
		    bool block);
u32 chan_send_several(struct chan *ch, const void __user *buf, size_t len,
		      u32 n);
int chan_recv_quick(struct chan *ch, void __user *buf, size_t room, bool block,
		    struct gochan_op __user *report);
u32 chan_recv_several(struct chan *ch, void __user *buf, size_t len, u32 n);
int chan_close(struct chan *ch);
void chan_op_init(struct chan_op *op, struct chan *ch, enum chan_dir dir);
void chan_op_release(struct chan_op *op);

/* Looking at it. */
void chan_watch(struct chan *ch);
__poll_t chan_poll_mask(struct chan *ch, bool may_send, bool may_receive);
void chan_info(struct chan *ch, struct gochan_info *info);
size_t chan_next_len(struct chan *ch);

/* The steps of which an operation is made, for select.c. */
int chan_try_send(struct chan_op *op);
int chan_try_recv(struct chan_op *op);
void chan_unstage(struct chan_op *op);
int chan_stage_to_wait(struct chan_op *op, u8 *small);
int chan_finish_send(struct chan_op *op);
int chan_finish_recv(struct chan_op *op);
bool chan_seems_ready(struct chan *ch, enum chan_dir dir);
bool chan_join(struct chan_op *send, struct chan_op *recv, struct waiter *w);
void chan_leave(struct chan_op *op);
void chan_wait_served(struct chan_op *op);
void waiter_init(struct waiter *w);
bool waiter_claim(struct waiter *w, struct chan_op *op);
int waiter_sleep(struct waiter *w, ktime_t deadline);

#endif /* GOCHAN_CHAN_H */
