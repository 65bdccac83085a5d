/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The inside of a channel, for the files below chan.h: the structures, the
 * predicates, and what has to be inlined to keep the fast path short.
 */
#ifndef GOCHAN_CHAN_PRIV_H
#define GOCHAN_CHAN_PRIV_H

#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/kref.h>
#include <linux/lockdep.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "chan.h"
#include "quota.h"
#include "ring.h"
#include "trace.h"

/*
 * Up to here messages are copied under the lock where that saves a copy; longer ones are
 * copied without it, on the heap, and change hands by pointer ("indirect slots").
 */
#define CHAN_LOCKED_COPY_MAX	4096

#define CHAN_UNCHARGED_MAX	65536	/* staged bytes charged only in a wait queue */
#define CHAN_FAULT_TRIES	16	/* repeats of a copy whose memory is not present */
#define CHAN_LOCKED_MSGS_MAX	64	/* messages moved without dropping the lock */

/* Flags of a channel that sends to others by itself (forward.c). */
#define CHAN_FORWARDS	(GOCHAN_DEADLETTER | GOCHAN_DONE)

/* What an attempt under the channel's lock came to. */
enum step {
	STEP_DONE,		/* a message was moved */
	STEP_WAIT,		/* the operation has to wait, or to fail with EAGAIN */
	STEP_ENDED,		/* a send would never be received; a receive is at the end */
	STEP_TOO_SMALL,		/* a receive's room is too small for the message */
	STEP_NEED_COPYIN,	/* a send's payload has to be staged in kernel memory */
	STEP_NEED_CHARGE,	/* a send has to be staged and charged; a receive needs op->user */
	STEP_NEED_FAULTIN,	/* a receive's memory is not present */
	STEP_NO_QUOTA,		/* the receive's user has no allowance for the message */
	STEP_OFFERED,		/* a receive was told to copy the message, see xfer.c */
	STEP_RETRY,		/* not on the common path; or the waiter found is out */
};

/**
 * struct waitq - the blocked ops of one direction, in order of arrival
 * @ops: the ops; the channel's lock
 * @nr_blocked: how often an op was queued that had not waited already; the channel's lock
 * @len: how many there are; the channel's lock
 * @spin_share: how long its first waiter spins, the window, as a share of spin_us in
 *	1/SPIN_ALL. It and what follows are accessed without the lock, see wake.c
 * @spin_misses: how often spinning timed out, SPIN_MISS each time
 * @spin_skip: so many more short waits do not open the window
 */
struct waitq {
	struct list_head ops;
	u64 nr_blocked;
	u32 len;
	u8 spin_share;
	u8 spin_misses;
	u8 spin_skip;
};

/**
 * struct chan - a channel
 * @config: constant once frozen; first, see chan_config()
 * @indirect: slots, of which there are some, point to messages on the heap; as @config
 * @pooled: they point to messages of an acknowledged channel's pool; as @config
 * @ref: one for each handle, one for its inode on a gochanfs, and those of chan_find()
 * @charged_to: the user that made it and is charged for the slots; constant
 *
 * @lock: protects all up to @defer_lock; what follows that has locks of its own
 * @closed: Go's close(ch) was performed
 * @has_pollers: somebody has polled or asked for SIGIO
 * @named: it has a name, through which it can be opened
 * @had_sender: it has had a handle that may send
 * @had_receiver: it has had a handle that may receive
 * @ring: buffered messages
 * @waitqs: the blocked senders and receivers
 * @requeued: messages that receivers gave back, older than the ring's, by msg.seq
 * @leases: of an acknowledged channel, else NULL; constant once frozen
 * @offered: sends that pass a file and are offered to a receiver (xfer.c)
 * @handles: open handles, by right
 * @last_seq: of the message sent last
 * @requeued_total: messages that were ever requeued
 * @bytes: payload buffered
 * @nr_requeued: messages in @requeued
 *
 * @defer_lock: protects all up to @defer_timer_on; taken in hard interrupt context, too,
 *	and inside @lock. Only with both locks is a wakeup deferred
 * @deferred: sends that are complete, but whose wakeup is deferred
 * @nr_deferred: how many; read without the lock as well
 * @no_defer: for so many more sends the wakeup is not deferred
 * @defer_expired: the timer has expired, or was started, since the first of @deferred was
 *	completed
 * @defer_timer_on: the timer will expire
 * @defer_timer: wakes the senders in @deferred if no receiver does
 * @in_wait: pollers for a message
 * @out_wait: pollers for a free slot or a receiver
 * @in_async: who gets SIGIO for a message
 * @out_async: who gets SIGIO for a free slot or a receiver
 */
struct chan {
	struct chan_config config;
	bool indirect;
	bool pooled;
	struct kref ref;
	struct quota_user *charged_to;

	spinlock_t lock;	/* protects what follows, see above */
	bool closed;
	bool has_pollers;
	bool named : 1;
	bool had_sender : 1;
	bool had_receiver : 1;
	struct ring ring;
	struct waitq waitqs[2];
	struct rb_root requeued;
	struct leases *leases;
	struct list_head offered;
	u32 handles[2];
	u64 last_seq;
	u64 requeued_total;
	u64 bytes;
	u32 nr_requeued;

	raw_spinlock_t defer_lock;	/* protects what follows, see above */
	u32 nr_deferred;
	u16 no_defer;
	bool defer_expired;
	bool defer_timer_on;
	struct list_head deferred;
	struct hrtimer defer_timer;
	wait_queue_head_t in_wait;
	wait_queue_head_t out_wait;
	struct fasync_struct *in_async;
	struct fasync_struct *out_async;
};

static_assert(offsetof(struct chan, config) == 0);

/**
 * struct lease_report - what a receive reports of a lease
 * @lease: its id
 * @seq: the number of the message
 * @deliveries: how often it was delivered
 */
struct lease_report {
	u64 lease;
	u64 seq;
	u32 deliveries;
};

/* Events for pollers, in wake_batch.events. */
enum {
	WAKE_IN = 1,		/* a message */
	WAKE_OUT = 2,		/* a free slot or a receiver */
	WAKE_ENDED = 4,		/* closed or hung up: wake all */
};

/**
 * struct wake_batch - what to do once the channel's lock is dropped
 * @tasks: completed waiters to wake; kept by RCU, as they may exit
 * @nr: how many
 * @events: for pollers, WAKE_IN and its like
 * @free: messages to free, linked by msg.next
 */
struct wake_batch {
	struct task_struct *tasks[6];
	unsigned int nr;
	unsigned int events;
	struct msg *free;
};

void chan_wake_pollers(struct chan *ch, unsigned int events);
void chan_note_poller(struct chan *ch);
void chan_waiter_spin(struct waiter *w, ktime_t deadline);
void chan_spin_adapt(const struct waiter *w);
void chan_complete_deferred(struct chan_op *op, struct wake_batch *wb);
void chan_deferred_cancel(struct chan_op *op);
void chan_wake_deferred(struct chan *ch, struct wake_batch *wb);
void chan_defer_init(struct chan *ch);

struct chan_op *chan_waitq_first_select(struct chan *ch, enum chan_dir dir);
struct chan_op *chan_waitq_claim_first(struct chan *ch, enum chan_dir dir);
void chan_waiters_get(struct chan *ch, struct chan_waiters *waiters);
int chan_op_pause(const struct chan_op *op);
int chan_may_retry(ktime_t deadline);

void chan_refill(struct chan *ch, struct wake_batch *wb);
bool chan_has_message(struct chan *ch, size_t *len);
int chan_recv_requeue(struct chan_op *op, int err);
void chan_requeue_sorted(struct chan *ch, struct msg *m, struct wake_batch *wb);

void chan_trace_send(const struct chan *ch, const struct chan_op *op, size_t len);
void chan_trace_recv(const struct chan *ch, const struct task_struct *receiver, u64 seq,
		     size_t len);
void chan_trace_handoff(const struct chan *ch, const struct task_struct *sender,
			const struct task_struct *receiver, u64 seq, size_t len);
void chan_trace_block(const struct chan_op *op);
void chan_trace_unblock(const struct chan_op *op, int result);

void chan_flush_waiters(struct chan *ch);

/* forward.c */
int chan_targets_check(const struct chan *ch, const struct chan_targets *targets);

/* lease.c */
struct leases *chan_leases_make(struct chan *ch, const struct gochan_setup *setup,
				const struct chan_targets *targets);
void chan_leases_stop(struct leases *leases);
void chan_leases_free(struct leases *leases);
size_t chan_lease_size(u32 msg_size);
bool chan_lease_may_return(const struct chan *ch);
void chan_lease_preview(struct chan_op *op, const struct msg *m);
void chan_acked_done(struct chan *ch, struct msg *m, u32 flags, struct wake_batch *wb);
void chan_acked_taken(struct chan *ch, struct msg *m, u64 seq, struct wake_batch *wb);
void chan_lease_begin(struct chan_op *op, struct msg *m);
int chan_lease_finish(struct chan_op *op, int err);
void chan_acked_requeue(struct chan *ch, struct msg *m, bool in_slot);
void chan_lease_dispatch(struct chan *ch, struct wake_batch *wb);
void chan_lease_unlock(struct chan *ch, struct wake_batch *wb) __releases(&ch->lock);
void chan_leases_get(struct chan *ch, struct chan_waiters *list);
void chan_lease_info(const struct chan *ch, struct gochan_info *info);

/* ---- predicates; the lock is held ---- */

/* Does the lack of handles count as a hangup, or may somebody open the name? */
static inline bool hangs_up(const struct chan *ch, bool had)
{
	return !ch->named || ((ch->config.flags & GOCHAN_HANGUP) && had);
}

/* Closed or hung up: sends fail. */
static inline bool send_broken(const struct chan *ch)
{
	return ch->closed || (!ch->handles[CHAN_RECV] &&
			      hangs_up(ch, ch->had_receiver));
}

/* Closed or hung up: nothing more will be sent. */
static inline bool no_senders(const struct chan *ch)
{
	return ch->closed || (!ch->handles[CHAN_SEND] && hangs_up(ch, ch->had_sender));
}

/* Buffered messages that a receive may take. */
static inline u64 nr_buffered(const struct chan *ch)
{
	return (u64)ch->ring.len + ch->nr_requeued;
}

static inline u64 nr_used_slots(const struct chan *ch)
{
	return nr_buffered(ch) + ch->ring.kept;
}

static inline bool has_free_slot(const struct chan *ch)
{
	return nr_used_slots(ch) < ch->ring.capacity;
}

/* Requeued messages may be more than there are slots. */
static inline u64 nr_free_slots(const struct chan *ch)
{
	return has_free_slot(ch) ? ch->ring.capacity - nr_used_slots(ch) : 0;
}

/* Receives see the end: nothing is buffered and, where leases may return it, outside. */
static inline bool at_eof(const struct chan *ch)
{
	return no_senders(ch) && !nr_buffered(ch) &&
	       (likely(!ch->leases) || !chan_lease_may_return(ch));
}

static inline bool waitq_empty(const struct chan *ch, enum chan_dir dir)
{
	return list_empty(&ch->waitqs[dir].ops);
}

/* So much of the ring is drained that blocked senders are worth waking. */
static inline bool ring_low(const struct chan *ch)
{
	return ch->ring.len <= ch->ring.capacity / 4;
}

/* Is a send's payload in kernel memory? */
static inline bool op_staged(const struct chan_op *op)
{
	return op->staged || op->msg;
}

static inline const u8 *op_payload(const struct chan_op *op)
{
	return op->msg ? op->msg->data + op->pos : op->inline_buf;
}

/* A send's next message, if it is one that can change hands by pointer. */
static inline struct msg *op_transferable(const struct chan_op *op)
{
	return op->msg && op->msg->len == op->len ? op->msg : NULL;
}

/* May the op's messages take the common path, which knows no op? */
static inline bool op_is_common(const struct chan_op *op)
{
	return !op->ub.iter && !op_staged(op) && !op->ch->indirect && !op->ch->leases &&
	       !(op->ch->config.flags & GOCHAN_CRED);
}

/* ---- locking and wakeups ---- */

static inline void wake_batch_init(struct wake_batch *wb)
{
	wb->nr = 0;
	wb->events = 0;
	wb->free = NULL;
}

static inline void wake_batch_add(struct wake_batch *wb, struct task_struct *task)
{
	if (likely(wb->nr < ARRAY_SIZE(wb->tasks)))
		wb->tasks[wb->nr++] = task;
	else
		wake_up_process(task);
}

/* A completed task may exit at once: RCU has to keep it from before then. */
static __always_inline void wake_batch_wake(struct wake_batch *wb)
{
	unsigned int i;

	for (i = 0; i < wb->nr; i++)
		wake_up_process(wb->tasks[i]);
}

static inline void wake_batch_free(struct wake_batch *wb, struct msg *m)
{
	m->next = wb->free;
	wb->free = m;
}

/* For functions that leave the unlocking to another one. */
static inline void chan_lock(struct chan *ch)
	__acquires(&ch->lock)
{
	spin_lock(&ch->lock);
}

/* Drop the lock, and wake. */
static __always_inline void chan_unlock(struct chan *ch, struct wake_batch *wb)
	__releases(&ch->lock)
{
	if (wb->nr) {
		rcu_read_lock();
		spin_unlock(&ch->lock);
		wake_batch_wake(wb);
		rcu_read_unlock();
	} else {
		spin_unlock(&ch->lock);
	}
	if (unlikely(wb->events))
		chan_wake_pollers(ch, wb->events);
	if (unlikely(wb->free))
		chan_msg_put_list(wb->free);
}

static __always_inline void chan_unlock_and_notify(struct chan *ch, unsigned int events)
	__releases(&ch->lock)
{
	spin_unlock(&ch->lock);
	if (unlikely(events))
		chan_wake_pollers(ch, events);
}

/*
 * A poller sets has_pollers under the lock, joins the queue and then takes the
 * lock to look. So without a barrier either we see it, or it sees what we did.
 */
static inline unsigned int in_event(struct chan *ch)
{
	if (likely(!ch->has_pollers))
		return 0;
	/* ordered by the lock, see above */
	return waitqueue_active(&ch->in_wait) || ch->in_async ? WAKE_IN : 0;
}

static inline unsigned int out_event(struct chan *ch)
{
	if (likely(!ch->has_pollers))
		return 0;
	/* likewise */
	return waitqueue_active(&ch->out_wait) || ch->out_async ? WAKE_OUT : 0;
}

/* ---- waiters ---- */

static inline void waitq_del(struct chan_op *op)
{
	lockdep_assert_held(&op->ch->lock);
	list_del_init(&op->node);
	op->ch->waitqs[op->dir].len--;
}

/* Queue an op whose waiter is set. A send is staged. */
static inline void waitq_add(struct chan *ch, struct chan_op *op,
			     enum chan_dir dir, struct wake_batch *wb)
{
	struct waitq *q = &ch->waitqs[dir];

	lockdep_assert_held(&ch->lock);
	list_add(&op->node, unlikely(op->queue_first) ? &q->ops : q->ops.prev);
	q->nr_blocked += !op->queue_first;
	if (++q->len == 1)
		op->waiter->waitq = q;
	op->queue_first = false;
	if (trace_gochan_block_enabled())
		chan_trace_block(op);
	/* A channel that hands off is ready for the peers of its waiters. */
	if (unlikely(ch->has_pollers) && !has_free_slot(ch) && !ch->leases)
		wb->events |= dir == CHAN_SEND ? in_event(ch) : out_event(ch);
}

/*
 * The first op that can be completed, or NULL. Only ops of selects may be the caller's
 * own, or claimed elsewhere.
 */
static __always_inline struct chan_op *waitq_first(struct chan *ch, enum chan_dir dir)
{
	struct chan_op *op;

	lockdep_assert_held(&ch->lock);
	op = list_first_entry_or_null(&ch->waitqs[dir].ops, struct chan_op, node);
	if (!op || likely(!op->waiter->is_select))
		return op;
	return chan_waitq_first_select(ch, dir);
}

/* Win the waiter of a queued op; if it was claimed elsewhere, dequeue the op. */
static inline bool op_claim(struct chan_op *op)
{
	if (likely(!op->waiter->is_select) || waiter_claim(op->waiter, op))
		return true;
	waitq_del(op);
	return false;
}

/* A claimed op in no queue is complete: from here on it and its waiter may be gone. */
static inline void waiter_release(struct chan_op *op, struct wake_batch *wb)
{
	struct waiter *w = op->waiter;
	struct task_struct *task = w->task;

	if (READ_ONCE(w->began_at))
		w->done_at = ktime_get();
	/* Pairs with waiter_is_done(): who sees done sees the results. */
	smp_store_release(&w->done, true);
	wake_batch_add(wb, task);
}

static inline void waiter_complete(struct chan_op *op, int result,
				   struct wake_batch *wb)
{
	op->result = result;
	waitq_del(op);
	waiter_release(op, wb);
}

static inline bool waiter_is_done(const struct waiter *w)
{
	/* Pairs with waiter_release(). */
	return smp_load_acquire(&w->done);
}

static inline bool waiter_poll_triggered(const struct waiter *w)
{
	/* poll's wait queues write it unmarked */
	return w->poll_triggered && data_race(READ_ONCE(*w->poll_triggered));
}

/* Wait until the queued op is completed, or give up; its verdict. */
static inline int op_wait(struct chan_op *op, ktime_t deadline)
{
	int err = chan_waiter_park(op->waiter, deadline);

	if (likely(!err) || !chan_waitq_cancel(op))
		err = op->result;
	if (trace_gochan_unblock_enabled())
		chan_trace_unblock(op, err);
	return err;
}

static inline void op_advance(struct chan_op *op)
{
	op->count++;
	op->todo--;
}

/* Take the first staged message away from its sender. */
static inline struct msg *op_detach(struct chan_op *op)
{
	struct msg *m = op->msg;

	op->msg = m->next;
	m->next = NULL;
	return m;
}

/* The send's next message was copied from where it is staged. */
static inline void op_consume(struct chan_op *op, struct wake_batch *wb)
{
	if (!op->msg)
		return;
	op->pos += op->len;
	if (op->pos < op->msg->len)
		return;
	op->pos = 0;
	wake_batch_free(wb, op_detach(op));
}

/* A message is handed off, and neither task woken yet. */
static __always_inline void trace_handoff(const struct chan *ch,
					  const struct task_struct *sender,
					  const struct task_struct *receiver,
					  u64 seq, size_t len)
{
	if (trace_gochan_send_enabled() || trace_gochan_recv_enabled())
		chan_trace_handoff(ch, sender, receiver, seq, len);
}

/* A queued receive that is claimed has its message, in op->msg or op->inline_buf. */
static inline void deliver(struct chan_op *to, u64 seq, size_t len,
			   struct wake_batch *wb)
{
	to->seq = seq;
	to->len = len;
	to->delivered = true;
	waiter_complete(to, 0, wb);
}

static inline void chan_note_requeue(struct chan *ch, const struct msg *m)
{
	ch->requeued_total++;
	trace_gochan_requeue(ch->config.id, m->seq, m->len);
}

/* ---- after a receive ---- */

/* A slot is free: blocked senders' messages move up; or the channel is drained. */
static inline void slot_freed(struct chan *ch, struct wake_batch *wb)
{
	lockdep_assert_held(&ch->lock);
	if (!waitq_empty(ch, CHAN_SEND))
		chan_refill(ch, wb);
	if (unlikely(ch->leases))
		chan_lease_dispatch(ch, wb);
	if (READ_ONCE(ch->nr_deferred) && ring_low(ch))
		chan_wake_deferred(ch, wb);
	if (has_free_slot(ch))
		wb->events |= out_event(ch);
	if (at_eof(ch))
		wb->events |= WAKE_ENDED;
}

/* Is nothing left of slot_freed() but the wakeup of pollers? */
static __always_inline bool only_pollers_follow(const struct chan *ch)
{
	return waitq_empty(ch, CHAN_SEND) && !no_senders(ch) &&
	       likely(!READ_ONCE(ch->nr_deferred) || !ring_low(ch));
}

#endif /* GOCHAN_CHAN_PRIV_H */
