// SPDX-License-Identifier: GPL-2.0
/*
 * Receiving: chan_recv() for a plain buffer, chan_recv_op() for everything else.
 *
 * As in send.c both run one body, recv_attempt(), which is compiled with constant
 * arguments: without an op it is the fast path, without a wake batch the common path.
 *
 * A receive copies what it finds, under the lock and with page faults disabled,
 * before it takes it. If that fails it makes the memory present without the lock
 * and looks again. It has to take the message first if that is longer than
 * CHAN_LOCKED_COPY_MAX, or was delivered while it slept. If it cannot copy it
 * then, it requeues it (requeue.c).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/sched/signal.h>

#include "chan_priv.h"
#include "lease.h"
#include "report.h"
#include "xfer.h"

/**
 * struct found - the message that a receive would take next
 * @data: its payload
 * @len: bytes
 * @from: its sender
 * @msg: it as a heap message that can change hands, or NULL
 * @sender: the blocked send that has it, NULL when it is buffered
 */
struct found {
	const u8 *data;
	size_t len;
	struct origin *from;
	struct msg *msg;
	struct chan_op *sender;
};

/**
 * struct recv_buf - a plain buffer in user space to receive into
 * @ptr: the buffer
 * @room: its size
 * @report: where the results beside the payload go, or NULL
 * @key: on an acknowledged channel, who gets the lease
 * @len: comes back as the length of the message found
 */
struct recv_buf {
	void __user *ptr;
	size_t room;
	struct gochan_op __user *report;
	const struct lease_key *key;
	u32 len;
};

/* ---- one message, under the lock ---- */

static inline bool find_requeued_or_blocked(struct chan *ch, struct found *f)
{
	lockdep_assert_held(&ch->lock);
	f->sender = NULL;
	f->msg = rb_entry_safe(rb_first(&ch->requeued), struct msg, node);
	if (f->msg) {
		f->from = &f->msg->from;
		f->len = f->msg->len;
		f->data = f->msg->data;
		return true;
	}
	/* On an acknowledged channel all messages go through the ring. */
	if (send_broken(ch) || ch->leases)
		return false;
	f->sender = waitq_first(ch, CHAN_SEND);
	if (!f->sender)
		return false;
	f->from = &f->sender->from;
	f->len = f->sender->len;
	f->data = op_payload(f->sender);
	f->msg = op_transferable(f->sender);
	return true;
}

static __always_inline bool next_in_ring(const struct chan *ch)
{
	return ch->ring.len && likely(!ch->nr_requeued);
}

static __always_inline void find_in_ring(const struct chan *ch, bool indirect,
					 struct found *f)
{
	struct slot *slot = ring_first(&ch->ring);

	f->sender = NULL;
	f->from = &slot->from;
	f->len = slot->len;
	f->msg = indirect ? slot->msg : NULL;
	f->data = indirect ? slot->msg->data : slot->data;
}

/* Would a receive find a message? Its length is written to @len, unless NULL. */
bool chan_has_message(struct chan *ch, size_t *len)
{
	struct found f;

	lockdep_assert_held(&ch->lock);
	if (next_in_ring(ch))
		find_in_ring(ch, ch->indirect || ch->pooled, &f);
	else if (!find_requeued_or_blocked(ch, &f))
		return false;
	if (len)
		*len = f.len;
	return true;
}

/* A message was taken that was buffered, and copied or about to be. */
static void take_requeued(struct chan *ch, struct chan_op *op, struct found *f)
{
	if (trace_gochan_recv_enabled())
		chan_trace_recv(ch, current, f->msg->seq, f->len);
	rb_erase(&f->msg->node, &ch->requeued);
	ch->nr_requeued--;
	ch->bytes -= f->len;
	if (op) {
		op->seq = f->msg->seq;
		origin_move(&op->from, f->from);
	}
}

static __always_inline void take_slot(struct chan *ch, struct chan_op *op,
				      struct found *f)
{
	if (op) {
		op->seq = ring_first(&ch->ring)->seq;
		origin_move(&op->from, f->from);
	}
	if (trace_gochan_recv_enabled())
		chan_trace_recv(ch, current, ring_first(&ch->ring)->seq, f->len);
	ring_pop(&ch->ring);
	ch->bytes -= f->len;
}

static __always_inline bool take_from_sender(struct chan *ch, struct chan_op *op,
					     struct found *f, bool by_pointer,
					     struct wake_batch *wb)
{
	struct chan_op *sender = f->sender;

	lockdep_assert_held(&ch->lock);
	if (!op_claim(sender))
		return false;
	if (op) {
		origin_drop(&op->from);
		origin_copy(&op->from, f->from);
	}
	if (sender->file && op && (op->take_fd || by_pointer)) {
		waitq_del(sender);
		chan_xfer_offer(sender, op);
		return true;
	}
	if (by_pointer)
		op_detach(sender);
	else
		op_consume(sender, wb);
	op_advance(sender);
	ch->last_seq++;
	trace_handoff(ch, sender->waiter->task, current, ch->last_seq, f->len);
	if (op)
		op->seq = ch->last_seq;
	if (!sender->todo)
		waiter_complete(sender, 0, wb);
	return true;
}

/* Take what was found, copied or @by_pointer; false if its sender was claimed. */
static __always_inline bool take(struct chan *ch, struct chan_op *op, struct found *f,
				 bool by_pointer, struct wake_batch *wb)
{
	if (wb && f->sender)
		return take_from_sender(ch, op, f, by_pointer, wb);
	if (!wb || !ch->nr_requeued)
		take_slot(ch, op, f);
	else
		take_requeued(ch, op, f);
	if (op && unlikely(op->owner)) {
		chan_lease_begin(op, f->msg);
	} else if (op && unlikely(ch->leases) && !by_pointer) {
		ch->ring.kept++;
		chan_acked_taken(ch, f->msg, op->seq, wb);
	} else if (wb && f->msg && !by_pointer) {
		wake_batch_free(wb, f->msg);
	}
	return true;
}

/* Copy what was found to the user, and then take it. */
static __always_inline enum step recv_copy(struct chan *ch, struct chan_op *op,
					   const struct recv_buf *rb,
					   struct found *f,
					   struct wake_batch *wb, bool acked)
{
	struct lease_owner *owner = acked ? chan_owner_find(ch, rb->key) : NULL;
	struct gochan_op __user *to = op ? op->report : rb->report;
	struct lease_report lease __uninitialized;
	int err = 0;

	if (acked && !owner)
		return STEP_RETRY;
	if (acked)
		chan_lease_look(ch, owner, f->msg, &lease);

	if (op && unlikely(ch->leases))
		chan_lease_preview(op, f->msg);
	pagefault_disable();
	if (likely(f->len))
		err = op ? ubuf_put(&op->ub, f->data, f->len) :
			   user_put(rb->ptr, f->data, f->len);
	if (!err && to) {
		err = report(op, to, f->len, f->from);
		if (!err && acked) {
			err = report_lease(to, &lease);
			if (err)
				unreport(to, rb->room);
		}
		if (err && op)
			ubuf_revert(&op->ub, f->len);
	}
	pagefault_enable();
	if (unlikely(err))
		return STEP_NEED_FAULTIN;
	if (op && op->peek)
		return STEP_DONE;
	if (likely(take(ch, op, f, false, wb))) {
		if (acked)
			chan_lease_start(ch, owner, f->msg, &lease, current);
		return STEP_DONE;
	}
	/* Its sender is a select, which was claimed elsewhere. */
	if (op)
		ubuf_revert(&op->ub, f->len);
	pagefault_disable();
	unreport(to, op ? op->room : rb->room);
	pagefault_enable();
	return STEP_RETRY;
}

/*
 * Charge the op's user for a long message. A buffered one without an allowance for it is
 * received all the same, but keeps its slot, which is charged, until it is copied (R19).
 */
static int charge_found(struct chan_op *op, const struct found *f, bool shared)
{
	int err;

	if (shared)
		return chan_op_pin(op, f->msg, true);
	if (op->ch->leases) {
		op->in_slot = !op->owner;
		return 0;
	}
	err = chan_msg_recharge(f->msg, op->user, true);
	if (!err || f->msg->charged_to)
		return err;
	op->in_slot = true;
	return 0;
}

/* Take a long message, to copy it without the lock. */
static enum step recv_by_pointer(struct chan_op *op, struct found *f,
				 struct wake_batch *wb)
{
	bool shared = op->peek || (f->sender && f->sender->file);
	struct chan *ch = op->ch;
	int err;

	lockdep_assert_held(&ch->lock);
	if (!op->user)
		return STEP_NEED_CHARGE;
	if (f->sender && !op->peek && !op_claim(f->sender))
		return STEP_RETRY;
	err = charge_found(op, f, shared);
	if (err) {
		/* A select that is claimed has to try again. */
		if (f->sender && !op->peek && f->sender->waiter->is_select) {
			f->sender->queue_first = true;
			waiter_complete(f->sender, -EAGAIN, wb);
		}
		op->result = err;
		return STEP_NO_QUOTA;
	}
	op->delivered = true;
	if (ch->leases)
		chan_lease_preview(op, f->msg);
	if (op->peek) {
		origin_drop(&op->from);
		origin_copy(&op->from, f->from);
		return STEP_DONE;
	}
	take(ch, op, f, true, wb);
	ch->ring.kept += op->in_slot;
	op->msg = f->msg;
	/* until it is copied */
	if (op->leased)
		refcount_inc(&op->msg->refs);
	return STEP_DONE;
}

/* Will a receive have to wait? False where it takes more than a look to tell. */
static inline bool nothing_to_receive(const struct chan *ch)
{
	return !nr_buffered(ch) && waitq_empty(ch, CHAN_SEND) && !no_senders(ch);
}

/*
 * Try to receive one message, by an op or, if that is NULL, into a plain buffer. Without
 * @wb, too, this is the common path: it is in the ring. The caller does slot_freed().
 * @acked is constant, too: the message is leased, and @op and @wb are NULL.
 */
static __always_inline enum step recv_attempt(struct chan *ch, struct chan_op *op,
					      struct recv_buf *rb,
					      struct wake_batch *wb, bool acked)
{
	struct found f __uninitialized;

	if (likely(next_in_ring(ch)))
		find_in_ring(ch, acked || (op && (ch->indirect || ch->pooled)), &f);
	else if (!wb)
		return nothing_to_receive(ch) ? STEP_WAIT : STEP_RETRY;
	else if (!find_requeued_or_blocked(ch, &f))
		return at_eof(ch) ? STEP_ENDED : STEP_WAIT;
	if (op)
		op->len = f.len;
	else
		rb->len = f.len;
	if (unlikely(f.len > (op ? op->room : rb->room)))
		return STEP_TOO_SMALL;
	if (likely(f.len <= CHAN_LOCKED_COPY_MAX))
		return recv_copy(ch, op, rb, &f, wb, acked);
	return op ? recv_by_pointer(op, &f, wb) : STEP_NEED_CHARGE;
}

/* Several messages that are in the ring take the common path. */
static inline void recv_common(struct chan_op *op, unsigned int *budget)
{
	struct recv_buf rb = { .ptr = op->ub.ptr, .room = op->room };
	u32 n = min(op->todo, *budget), got = 0;

	while (got < n && recv_attempt(op->ch, NULL, &rb, NULL, false) == STEP_DONE) {
		rb.ptr += rb.len;
		got++;
	}
	if (!got)
		return;
	op->len = op->room;
	op->ub.ptr = rb.ptr;
	op->tries = 0;
	op->todo -= got;
	op->count += got;
	*budget -= got;
}

/* Receive what is there; a budget bounds the time under the lock. */
static enum step recv_locked(struct chan_op *op, struct wake_batch *wb)
{
	unsigned int budget = CHAN_LOCKED_MSGS_MAX;
	enum step step = STEP_DONE;
	u32 count = op->count;

	/* Where an owner is just ending, there may be messages for receivers that wait (R7). */
	if (unlikely(op->ch->leases) && !op->peek)
		chan_lease_dispatch(op->ch, wb);
	if (op->todo > 1 && op_is_common(op))
		recv_common(op, &budget);
	while ((step == STEP_RETRY ||
		(step == STEP_DONE && op->todo && !op->delivered && !op->offered)) &&
	       budget--) {
		step = recv_attempt(op->ch, op, NULL, wb, false);
		if (step == STEP_DONE && !op->delivered) {
			op->tries = 0;
			op_advance(op);
		}
	}
	if (!op->peek && (op->count != count || op->delivered))
		slot_freed(op->ch, wb);
	return step;
}

/* ---- after the lock was dropped ---- */

/* Copy the message that was delivered to the user. */
static __always_inline int copy_delivered(struct chan_op *op)
{
	const u8 *data = op->msg ? op->msg->data : op->inline_buf;

	op->delivered = false;
	if (op->len && ubuf_put(&op->ub, data, op->len))
		return -EFAULT;
	if (op->report && report(op, op->report, op->len, &op->from))
		return -EFAULT;
	op_advance(op);
	return 0;
}

/* The message was copied that occupied a slot until now. */
static void release_slot(struct chan_op *op)
{
	struct chan *ch = op->ch;
	struct wake_batch wb __uninitialized;

	op->in_slot = false;
	wake_batch_init(&wb);
	chan_lock(ch);
	if (ch->leases) {
		chan_acked_taken(ch, op->msg, op->seq, &wb);
		op->msg = NULL;
	} else {
		ch->ring.kept--;
	}
	slot_freed(ch, &wb);
	chan_lease_unlock(ch, &wb);
}

/* A message with a file was copied, or not (@err): commit or decline. */
static int finish_offer(struct chan_op *op, int err)
{
	op->offered = false;
	if (err) {
		chan_xfer_decline(op);
	} else {
		err = chan_xfer_commit(op);
		if (err) {	/* the message is not received after all */
			op->count--;
			op->todo++;
			ubuf_revert(&op->ub, op->len);
			unreport(op->report, op->room);
			origin_drop(&op->from);
		}
	}
	chan_op_drop_msg(op);
	op->queue_first = err;
	return err;
}

static __always_inline int recv_finish(struct chan_op *op)
{
	int err = 0;

	if (op->delivered)
		err = copy_delivered(op);
	if (unlikely(op->leased))
		return chan_lease_finish(op, err);
	if (unlikely(op->offered))
		return finish_offer(op, err);
	if (unlikely(err) && !op->peek)
		return chan_recv_requeue(op, err);
	if (op->in_slot)
		release_slot(op);
	if (op->msg)
		chan_op_drop_msg(op);
	return err;
}

/*
 * Copy the message that was delivered or offered, if any, to the user. -EAGAIN: its sender
 * has withdrawn it, and the receive goes on. -EFAULT, -EMFILE, -ENOMEM or what a security
 * module says: the message is requeued or back at its sender.
 */
int chan_recv_finish(struct chan_op *op)
{
	return recv_finish(op);
}

/* The op's memory was not present under the lock: make it so. */
static int recv_fault_in(struct chan_op *op)
{
	if (fatal_signal_pending(current))
		return -EINTR;
	if (++op->tries > CHAN_FAULT_TRIES)
		return -EFAULT;
	if (ubuf_fault_in_writeable(&op->ub, op->len))
		return -EFAULT;
	if (op->report && fault_in_safe_writeable((void __user *)op->report,
						  sizeof(*op->report)))
		return -EFAULT;
	return 0;
}

/* Do without the lock what an attempt has asked for; or its verdict. */
static int recv_prepare(struct chan_op *op, enum step step)
{
	switch (step) {
	case STEP_WAIT:
		return -EAGAIN;
	case STEP_ENDED:
		return GOCHAN_R_CLOSED;
	case STEP_TOO_SMALL:
		return -EMSGSIZE;
	case STEP_NO_QUOTA:
		return op->result;
	case STEP_NEED_FAULTIN:
		return recv_fault_in(op);
	case STEP_NEED_CHARGE:
		/* or the op was just made, which can do more than the fast path */
		if (!op->user)
			op->user = gochan_user_get();
		return op->user ? 0 : -ENOMEM;
	default:
		return 0;
	}
}

/* Could a heap message be delivered, which is charged to the receiver's user? */
static bool needs_user(const struct chan_op *op)
{
	return op->room > CHAN_INLINE_MAX && !op->user && !op->ch->leases &&
	       op->ch->config.msg_size > CHAN_INLINE_MAX;
}

/* Make the receive of a select ready to be queued: 0 or -ENOMEM. */
int chan_recv_prepare_wait(struct chan_op *op)
{
	return needs_user(op) ? recv_prepare(op, STEP_NEED_CHARGE) : 0;
}

/* ---- the slow path ---- */

/* Go on after an attempt; releases the lock. Only the first message is waited for. */
static __always_inline int recv_slow(struct chan_op *op, enum step step,
				     struct wake_batch *wb, bool nonblock,
				     ktime_t deadline)
	__releases(&op->ch->lock)
{
	struct chan *ch = op->ch;
	int err;

	for (;;) {
		bool wait = step == STEP_WAIT && !nonblock && !op->count;

		if (wait && needs_user(op)) {
			wait = false;
			step = STEP_NEED_CHARGE;
		}
		if (wait) {
			op->waiter->since = chan_coarse_now();
			waitq_add(ch, op, CHAN_RECV, wb);
			chan_unlock(ch, wb);
			err = op_wait(op, deadline);
		} else {
			chan_unlock(ch, wb);
			err = recv_prepare(op, step);
		}
		if (!err)
			err = recv_finish(op);
		if (likely(!err) && !op->todo)
			return 0;
		/* The sender of a message with a file has withdrawn it. */
		if (err == -EAGAIN && step != STEP_WAIT)
			err = 0;
		else if (err == -EAGAIN && wait)
			err = chan_may_retry(deadline);
		if (!err)
			err = chan_op_pause(op);
		if (err)
			return err;
		if (op->waiter->done)
			waiter_init(op->waiter, deadline);
		wake_batch_init(wb);
		chan_lock(ch);
		step = recv_locked(op, wb);
	}
}

/* A plain receive whose message is not in the ring, or that needs an op. */
static noinline struct received recv_uncommon(struct chan *ch, void __user *buf,
					      size_t room,
					      struct gochan_op __user *report,
					      ktime_t deadline, enum step step)
	__releases(&ch->lock)
{
	struct recv_buf rb = { buf, room, report };
	u8 inline_buf[CHAN_INLINE_MAX] __uninitialized;
	bool nonblock = deadline == CHAN_NONBLOCK;
	struct wake_batch wb __uninitialized;
	struct chan_op op __uninitialized;
	struct waiter w __uninitialized;
	struct received r;

	wake_batch_init(&wb);
	if (step == STEP_RETRY) {
		step = recv_attempt(ch, NULL, &rb, &wb, false);
		/* A sender that was completed had no slot. */
		if (step == STEP_DONE && !wb.nr)
			slot_freed(ch, &wb);
	}
	if (step == STEP_DONE || (step == STEP_WAIT && nonblock)) {
		chan_unlock(ch, &wb);
		r.verdict = step == STEP_DONE ? 0 : -EAGAIN;
		r.len = rb.len;
		return r;
	}
	waiter_init(&w, deadline);
	op_init(&op, ch, CHAN_RECV);
	op.ub.ptr = buf;
	op.room = room;
	op.report = report;
	op.len = 0;
	if (step != STEP_WAIT)
		chan_has_message(ch, &op.len);
	op.inline_buf = inline_buf;
	op.waiter = &w;
	r.verdict = recv_slow(&op, step, &wb, nonblock, deadline);
	r.len = op.len;
	if (unlikely(op.user))
		gochan_user_put(op.user);
	return r;
}

/* The message was received, and blocked senders may have to be woken. */
static noinline void recv_follow_up(struct chan *ch)
	__releases(&ch->lock)
{
	struct wake_batch wb __uninitialized;

	wake_batch_init(&wb);
	slot_freed(ch, &wb);
	chan_unlock(ch, &wb);
}

/**
 * chan_recv() - receive one message into a plain buffer: the fast path
 * @ch: a channel for which chan_fast_ok() holds
 * @buf: the buffer in user space
 * @room: its size
 * @report: where the results beside the payload go, or NULL
 * @deadline: absolute CLOCK_MONOTONIC, KTIME_MAX for none, or CHAN_NONBLOCK
 *
 * Return: the verdict of chan_recv_op(), and the length.
 */
struct received chan_recv(struct chan *ch, void __user *buf, size_t room,
			  struct gochan_op __user *report, ktime_t deadline)
{
	struct recv_buf rb = { buf, room, report };
	enum step step;

	chan_lock(ch);
	step = recv_attempt(ch, NULL, &rb, NULL, false);
	if (unlikely(step != STEP_DONE))
		return recv_uncommon(ch, buf, room, report, deadline, step);
	if (likely(only_pollers_follow(ch)))
		chan_unlock_and_notify(ch, out_event(ch));
	else
		recv_follow_up(ch);
	return (struct received){ .len = rb.len };
}

/**
 * chan_recv_acked() - try to lease a message of an acknowledged channel: the fast path
 * @ch: a channel of CHAN_FAST_ACKED
 * @buf: the buffer in user space
 * @room: its size
 * @report: where the results beside the payload go
 * @key: whose the lease is
 *
 * Return: whether one was received; if not, chan_recv_op() tells why.
 */
bool chan_recv_acked(struct chan *ch, void __user *buf, size_t room,
		     struct gochan_op __user *report, const struct lease_key *key)
{
	struct recv_buf rb = { buf, room, report, key };
	enum step step = STEP_RETRY;

	chan_lock(ch);
	/* else there are receivers to be served */
	if (likely(waitq_empty(ch, CHAN_RECV)))
		step = recv_attempt(ch, NULL, &rb, NULL, true);
	/* no slot is free, but the ring may be so low that senders are to be woken */
	if (unlikely(ring_low(ch) && READ_ONCE(ch->nr_deferred)))
		recv_follow_up(ch);
	else
		spin_unlock(&ch->lock);
	return step == STEP_DONE;
}

/**
 * chan_recv_op() - receive a message, or up to op->todo of those that are there
 * @op: the op; the first message is waited for, the others are not. Several are
 *	received only from a GOCHAN_FIXED channel, into room for as many
 * @nonblock: fail instead of waiting; a peek never waits here
 * @deadline: absolute CLOCK_MONOTONIC, KTIME_MAX for none
 *
 * Return: 0 when op->count messages were received, op->len bytes the last;
 * GOCHAN_R_CLOSED; -EMSGSIZE with the size required in op->len; -EAGAIN, -ETIMEDOUT,
 * -ERESTARTSYS, -EINTR, -EFAULT, -EMFILE, -ENOMEM, or as gochan_charge().
 */
int chan_recv_op(struct chan_op *op, bool nonblock, ktime_t deadline)
{
	u8 inline_buf[CHAN_INLINE_MAX] __uninitialized;
	u8 *shared_buf = op->inline_buf;
	struct wake_batch wb __uninitialized;
	struct waiter w __uninitialized;
	enum step step;
	int err = 0;

	op->inline_buf = inline_buf;
	waiter_init(&w, deadline);
	op->waiter = &w;
	wake_batch_init(&wb);
	chan_lock(op->ch);
	step = recv_locked(op, &wb);
	if (step != STEP_DONE || op->todo || op->offered)
		err = recv_slow(op, step, &wb, nonblock || op->peek, deadline);
	else
		chan_unlock(op->ch, &wb);
	if (unlikely(op->leased))
		err = chan_lease_finish(op, 0);
	op->waiter = NULL;
	op->inline_buf = shared_buf;
	return op->count ? 0 : err;
}
