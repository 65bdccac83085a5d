/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Channels, as the files above use them. struct chan itself is opaque there; chan.c has
 * its invariants. Nothing here or below knows of files, names or ioctls.
 *
 * A verdict, where a function returns one, is what gochan_op.result says: 0,
 * GOCHAN_R_CLOSED or -errno. Lengths are never returned in it.
 */
#ifndef GOCHAN_CHAN_H
#define GOCHAN_CHAN_H

#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <linux/gochan.h>

#include "msg.h"
#include "ubuf.h"

struct chan;
struct file;
struct lease_owner;
struct waitq;

/* Messages up to here are kept on the stack of the task that waits with or for them. */
#define CHAN_INLINE_MAX		512
#define CHAN_SELECT_INLINE_MAX	64		/* likewise, for each op of a small select */
#define CHAN_NONBLOCK		KTIME_MIN	/* as a deadline: do not block */

/* The two directions of a channel, each with a wait queue and handles. */
enum chan_dir {
	CHAN_SEND,
	CHAN_RECV,
};

/* Fast paths for plain messages: not with GOCHAN_FIXED, _CRED, _DONE or indirect slots. */
enum chan_fast {
	CHAN_FAST_NONE,
	CHAN_FAST,		/* chan_send(), chan_recv() */
	CHAN_FAST_ACKED,	/* chan_send_acked(), chan_recv_acked() */
};

/**
 * struct chan_config - what is chosen at setup; constant once @frozen
 * @id: no other channel has or had it
 * @capacity: messages that the channel buffers, 0 for an unbuffered one
 * @msg_size: the longest message
 * @flags: GOCHAN_FIXED and its like
 * @frozen: the channel was set up or used, so that it is too late for setup
 * @fast: which functions may be used for plain messages; CHAN_FAST_NONE until frozen
 */
struct chan_config {
	u64 id;
	u32 capacity;
	u32 msg_size;
	u32 flags;
	bool frozen;
	u8 fast;
};

/**
 * struct waiter - a task that is blocked in a send, a receive or a select
 * @task: the task
 * @selected: of a select, the op that another task claimed it for, or its own mark when
 *	it gives up; NULL while undecided. Set by one compare-and-swap, waiter_claim()
 * @done: set last by whoever completes the op: from then on the waiter may be gone
 * @is_select: any of several ops may be claimed elsewhere; constant while it waits
 * @has_deadline: it gives up at a deadline; constant while it waits
 * @since: chan_coarse_now() when it was queued or, of a select, first was; likewise
 * @poll_triggered: of a select that polls as well: wake up for it, too; or NULL
 * @waitq: the wait queue whose first waiter it was when it was queued; else NULL, and it
 *	does not spin
 * @began_at: when it began to wait, set once it does not spin any more; 0: not measured
 * @done_at: when it was completed, if @began_at was set by then; else 0
 *
 * It lives on its task's stack.
 */
struct waiter {
	struct task_struct *task;
	struct chan_op *selected;
	bool done;
	bool is_select;
	bool has_deadline;
	ktime_t since;
	const int *poll_triggered;
	struct waitq *waitq;
	ktime_t began_at;
	ktime_t done_at;
};

/**
 * struct chan_op - a send or receive that is blocked, or needs more than a plain buffer
 * @waiter: the task that waits with it; a list_head as the first member would make gcc
 *	align the stack of whoever has an op on it
 * @node: place in a wait queue of @ch, its offered sends or its deferred wakeups
 * @ch: the channel; the file behind the caller's descriptor keeps it
 * @dir: send or receive
 * @peek: a receive that leaves the message
 * @take_fd: a receive that wants the file that comes with a message
 * @staged: a send's payload is in @inline_buf
 * @delivered: a receive has still to copy its message, from @msg or else @inline_buf
 * @in_slot: the message in @msg still occupies its slot of the ring
 * @offered: a receive copies the message of a send that passes a file (xfer.c)
 * @queue_first: it waited already, and is queued ahead of the others from now on
 * @deferred: a send that is complete, and whose wakeup was deferred
 * @committing: a send whose file is being installed, so that it cannot withdraw
 * @pinned: @msg is not a receive's own: @user is charged for it as well as its owner
 * @leased: a receive has leased the message that it received last (lease.c)
 * @result: verdict; -EAGAIN: the op is to be tried again
 * @tries: how often a receive's memory was not present
 * @ub: the user's buffer, from which a send is staged
 * @len: a send's bytes a message; a receive's bytes received or, as -EMSGSIZE, required
 * @room: a receive's room for a message
 * @todo: messages still to send, or at most to receive
 * @count: messages sent or received
 * @msg: a send's staged messages; the message of a receive
 * @pos: how much of a block of several messages at @msg is sent
 * @lease: of the message received, if @leased; what an ACK op names
 * @deliveries: how often that was delivered
 * @inline_buf: room for a short message on the task's stack. The ops of a
 *	select share one to receive: it may be written only after the claim
 * @seq: of the message received, its place in the order of sending; of the last one sent if
 *	its channel is acknowledged
 * @from: a send's origin; that of the message received
 * @file: the file that a send passes, a counted reference, or NULL
 * @owner: who gets a receive's lease, a counted reference, or NULL for no lease
 * @peer: the other side of an offer (xfer.c), until one of them ends it
 * @report: where a receive writes its results beside the payload, or NULL
 * @user: whom a receive is charged as; a counted reference, or NULL
 *
 * While it is in a wait queue or list its fields are protected by the channel's lock, as
 * is @peer; at other times they belong to its task.
 */
struct chan_op {
	struct waiter *waiter;
	struct list_head node;
	struct chan *ch;
	u8 dir;
	bool peek : 1;
	bool take_fd : 1;
	bool staged : 1;
	bool delivered : 1;
	bool in_slot : 1;
	bool offered : 1;
	bool queue_first : 1;
	bool deferred : 1;
	bool committing : 1;
	bool pinned : 1;
	bool leased : 1;
	int result;
	unsigned int tries;
	u32 deliveries;
	struct ubuf ub;
	size_t len;
	size_t room;
	u32 todo;
	u32 count;
	struct msg *msg;
	union {
		size_t pos;
		u64 lease;
	};
	u8 *inline_buf;
	u64 seq;
	struct origin from;
	union {
		struct file *file;
		struct lease_owner *owner;
	};
	struct chan_op *peer;
	struct gochan_op __user *report;
	struct quota_user *user;
};

/**
 * struct lease_key - to whom leases belong (R21)
 * @table: a descriptor table; only compared
 * @handle: the handle through which it received; only compared
 */
struct lease_key {
	const void *table;
	const void *handle;
};

/**
 * struct owner_look - the owner of leases at one instant
 * @fd: a descriptor by which it held the handle, a hint
 * @last_use: changes with each op that gets the owner
 */
struct owner_look {
	unsigned int fd;
	u64 last_use;
};

#define CHAN_WAITERS_MAX	64	/* waiters that are listed; bounds the time for that */

/**
 * struct chan_waiter - what is told of a waiter
 * @task: the task, a counted reference
 * @since: CLOCK_MONOTONIC, when it began to wait, as chan_coarse_now() has it
 * @dir: whether it sends or receives
 * @is_select: it does so in a select
 * @polls: the select has ops that poll, which may end it
 * @has_deadline: it gives up at a deadline
 */
struct chan_waiter {
	struct task_struct *task;
	ktime_t since;
	enum chan_dir dir;
	bool is_select;
	bool polls;
	bool has_deadline;
};

/**
 * struct chan_lease - what is told of a lease
 * @pid: the process that it belongs to, a counted reference
 * @id: the lease
 * @seq: the number of its message
 * @since: CLOCK_MONOTONIC, when it began, as chan_coarse_now() has it
 * @deliveries: how often the message was delivered, this time included
 */
struct chan_lease {
	struct pid *pid;
	u64 id;
	u64 seq;
	ktime_t since;
	u32 deliveries;
};

/**
 * struct chan_waiters - the waiters and leases of a channel at one instant
 * @nr: how many are in @list: those whose message a receiver is copying, senders, then
 *	receivers
 * @nr_more: queued waiters beyond these
 * @list: the waiters, those of a direction in order of arrival
 * @nr_leases: how many are in @leases
 * @nr_leases_more: leases beyond these
 * @leases: leases
 */
struct chan_waiters {
	unsigned int nr;
	unsigned int nr_more;
	struct chan_waiter list[CHAN_WAITERS_MAX];
	unsigned int nr_leases;
	unsigned int nr_leases_more;
	struct chan_lease leases[CHAN_WAITERS_MAX];
};

/**
 * struct received - what a plain receive came to
 * @verdict: as that of chan_recv_op()
 * @len: bytes received or, as -EMSGSIZE, required
 */
struct received {
	int verdict;
	u32 len;
};

/**
 * struct chan_targets - the channels to which an acknowledged one sends by itself
 * @dead: gets its dead letters, or NULL
 * @done: gets notices of messages that are done, or NULL
 */
struct chan_targets {
	struct chan *dead;
	struct chan *done;
};

/* struct chan begins with it. */
static inline const struct chan_config *chan_config(const struct chan *ch)
{
	return (const struct chan_config *)ch;
}

void chan_freeze_slow(struct chan *ch);

/* An operation begins: too late for setup. To be called before the config is read. */
static inline void chan_freeze(struct chan *ch)
{
	/* Pairs with freeze_locked(). */
	if (unlikely(!smp_load_acquire(&chan_config(ch)->frozen)))
		chan_freeze_slow(ch);
}

/* Is it an acknowledged channel (R21), and set up? */
static inline bool chan_is_acknowledged(const struct chan *ch)
{
	/* Pairs with freeze_locked(). */
	return smp_load_acquire(&chan_config(ch)->frozen) &&
	       chan_config(ch)->flags & GOCHAN_ACK;
}

/* May chan_send() and chan_recv() be used? Then the configuration is constant. */
static inline bool chan_fast_ok(const struct chan *ch)
{
	/* Pairs with freeze_locked(). */
	return smp_load_acquire(&chan_config(ch)->fast) == CHAN_FAST;
}

/* May chan_send_acked() and chan_recv_acked() be used? */
static inline bool chan_is_fast_acked(const struct chan *ch)
{
	/* Pairs with freeze_locked(). */
	return smp_load_acquire(&chan_config(ch)->fast) == CHAN_FAST_ACKED;
}

/* chan.c: life, handles, close, state */
int chan_init(void);
void chan_exit(void);
struct chan *chan_make(void);
int chan_setup(struct chan *ch, const struct gochan_setup *setup,
	       const struct chan_targets *targets);
void chan_get(struct chan *ch);
void chan_put(struct chan *ch);
struct chan *chan_find(u64 id);
void chan_add_handle(struct chan *ch, bool may_send, bool may_receive);
void chan_drop_handle(struct chan *ch, bool may_send, bool may_receive);
int chan_close(struct chan *ch, bool even_named);
void chan_set_named(struct chan *ch);
void chan_clear_named(struct chan *ch);
void chan_info(struct chan *ch, struct gochan_info *info, struct chan_waiters *waiters);
size_t chan_next_len(struct chan *ch);
__poll_t chan_poll(struct chan *ch, struct file *file, poll_table *pt);
bool chan_ready_hint(struct chan *ch, enum chan_dir dir);
bool chan_queue_ops(struct chan_op *send, struct chan_op *recv, struct waiter *w);
void chan_op_release(struct chan_op *op);

/* send.c */
int chan_send(struct chan *ch, const void __user *buf, size_t len, ktime_t deadline);
int chan_send_op(struct chan_op *op, bool nonblock, ktime_t deadline);
bool chan_send_acked(struct chan *ch, const void __user *buf, size_t len);
int chan_send_prepare_wait(struct chan_op *op, u8 *inline_buf);
int chan_send_msg(struct chan *ch, struct msg *m);

/* recv.c */
struct received chan_recv(struct chan *ch, void __user *buf, size_t room,
			  struct gochan_op __user *report, ktime_t deadline);
bool chan_recv_acked(struct chan *ch, void __user *buf, size_t room,
		     struct gochan_op __user *report, const struct lease_key *key);
int chan_recv_op(struct chan_op *op, bool nonblock, ktime_t deadline);
int chan_recv_prepare_wait(struct chan_op *op);
int chan_recv_finish(struct chan_op *op);

/* lease.c */
struct lease_owner *chan_owner_get(struct chan *ch, const struct lease_key *key, bool *made);
bool chan_owner_look(struct chan *ch, const struct lease_key *key, struct owner_look *look);
void chan_owner_note_fd(struct chan *ch, const struct lease_key *key, unsigned int fd);
bool chan_owner_end(struct chan *ch, const struct lease_key *key, const struct owner_look *look);
void chan_owner_put(struct lease_owner *owner);
int chan_ack(struct chan *ch, const struct lease_key *key, u64 lease, bool requeue);
unsigned int chan_nr_dead_letters(const struct chan *ch);
unsigned int chan_nr_notices(const struct chan *ch);

/* wake.c */
int chan_fasync(struct chan *ch, int fd, struct file *file, int on);

/* waitq.c */
int chan_waiter_park(struct waiter *w, ktime_t deadline);
bool chan_waitq_cancel(struct chan_op *op);
void chan_waiters_put(struct chan_waiters *waiters);
ktime_t chan_coarse_now(void);
void chan_coarse_adjust(void);

/*
 * Begin an operation. The caller sets the buffer, and @len or @room. Not all of the op
 * is zeroed: that would be a tenth of what it costs to block.
 */
static inline void op_init(struct chan_op *op, struct chan *ch, enum chan_dir dir)
{
	INIT_LIST_HEAD(&op->node);
	op->waiter = NULL;
	op->ch = ch;
	op->dir = dir;
	op->peek = false;
	op->take_fd = false;
	op->staged = false;
	op->delivered = false;
	op->in_slot = false;
	op->offered = false;
	op->queue_first = false;
	op->deferred = false;
	op->committing = false;
	op->pinned = false;
	op->leased = false;
	op->result = 0;
	op->tries = 0;
	op->ub.iter = NULL;
	op->todo = 1;
	op->count = 0;
	op->msg = NULL;
	op->inline_buf = NULL;
	op->from.pid = NULL;
	op->file = NULL;
	op->peer = NULL;
	op->report = NULL;
	op->user = NULL;
}

/* Not @since, which is set where it is queued. */
static inline void waiter_init(struct waiter *w, ktime_t deadline)
{
	w->task = current;
	w->selected = NULL;
	w->done = false;
	w->is_select = false;
	w->has_deadline = deadline != KTIME_MAX;
	w->poll_triggered = NULL;
	w->waitq = NULL;
	w->began_at = 0;
	w->done_at = 0;
}

/* Claim a select for @op. True for whoever decides it, and again for that op. */
static inline bool waiter_claim(struct waiter *w, struct chan_op *op)
{
	struct chan_op *old = cmpxchg(&w->selected, NULL, op);

	return !old || old == op;
}

#endif /* GOCHAN_CHAN_H */
