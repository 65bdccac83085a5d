// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: chan_send() for a plain buffer, chan_send_op() for everything else,
 * and how blocked senders' messages move up into the ring.
 *
 * Both run send_attempt(), which is compiled with constant arguments: without an
 * op it is the fast path, which works on plain arguments, and without a wake
 * batch the common path, in which nobody is woken. What it cannot do goes to
 * send_slow(), with the lock still held and with the attempt's outcome, so that
 * nothing is done twice. Receiving is recv.c's, waiting waitq.c's.
 *
 * Copies under the lock are made with page faults disabled. If one fails, the
 * payload is staged in kernel memory without the lock, and the attempt is
 * repeated. A send that is queued is always staged, in the form in which the
 * ring takes it, so that whoever completes it cannot fail.
 */

#include <linux/sched/signal.h>

#include "chan_priv.h"
#include "lease.h"
#include "xfer.h"

/* How long a non-blocking send of a file waits for a receiver that has the message. */
#define OFFER_NONBLOCK_MS	1000

/* ---- one message, under the lock ---- */

/* Copy the next message from where it is staged, or else from the user's buffer. */
static __always_inline int copy_payload(struct chan_op *op, u8 *to,
					const void __user *buf, size_t len,
					struct wake_batch *wb)
{
	if (!op)
		return user_get_nofault(to, buf, len);
	if (!op_staged(op))
		return ubuf_get_nofault(&op->ub, to, len);
	memcpy(to, op_payload(op), len);
	op_consume(op, wb);
	return 0;
}

/* Push the next message to the ring, which has a free slot. */
static __always_inline enum step send_to_slot(struct chan *ch, struct chan_op *op,
					      const void __user *buf, size_t len,
					      struct wake_batch *wb, bool acked)
{
	const bool pooled = acked || (op && unlikely(ch->pooled));
	struct slot *slot = ring_next_free(&ch->ring);
	struct msg *m = pooled ? chan_pool_first(ch) : NULL;

	lockdep_assert_held(&ch->lock);
	if (op && ch->indirect) {
		if (!op_transferable(op))
			return STEP_NEED_COPYIN;
		slot->msg = op_detach(op);
		/* the slot is charged */
		chan_msg_uncharge(slot->msg);
	} else if (copy_payload(op, pooled ? m->data : slot->data, buf, len, wb)) {
		return STEP_NEED_COPYIN;
	}
	if (pooled) {
		chan_pool_take(ch, len);
		slot->msg = m;
	}
	slot->len = len;
	slot->seq = ++ch->last_seq;
	slot->from.pid = NULL;
	if (op) {
		op->seq = slot->seq;
		origin_copy(&slot->from, &op->from);
		op_advance(op);
	}
	ring_push(&ch->ring);
	ch->bytes += len;
	if (trace_gochan_send_enabled())
		chan_trace_send(ch, op, len);
	if (wb)
		wb->events |= in_event(ch);
	if (op && unlikely(ch->leases))
		chan_lease_dispatch(ch, wb);
	return STEP_DONE;
}

/* The receive fails, and the message stays for the next one. */
static enum step fail_receiver(struct chan_op *to, size_t len, int err,
			       struct wake_batch *wb)
{
	to->len = len;
	waiter_complete(to, err, wb);
	return STEP_RETRY;
}

/* Hand off a long message, which changes hands by pointer. */
static enum step handoff_msg(struct chan_op *op, struct chan_op *to,
			     struct wake_batch *wb)
{
	int err;

	lockdep_assert_held(&op->ch->lock);
	if (!op_transferable(op) || !op->msg->charged_to)
		return STEP_NEED_CHARGE;
	if (!op_claim(to))
		return STEP_RETRY;
	err = chan_msg_recharge(op->msg, to->user, false);
	if (err)
		return fail_receiver(to, op->len, err, wb);
	to->msg = op_detach(op);
	origin_copy(&to->from, &op->from);
	op_advance(op);
	trace_handoff(op->ch, current, to->waiter->task, op->ch->last_seq + 1, op->len);
	deliver(to, ++op->ch->last_seq, op->len, wb);
	return STEP_DONE;
}

/* Offer a message with a file to a receiver, see xfer.c. */
static enum step handoff_offer(struct chan_op *op, struct chan_op *to,
			       struct wake_batch *wb)
{
	int err = 0;

	lockdep_assert_held(&op->ch->lock);
	if (!op_staged(op))
		return STEP_NEED_COPYIN;
	if (op->msg && !op->msg->charged_to)
		return STEP_NEED_CHARGE;
	if (!op_claim(to))
		return STEP_RETRY;
	if (op->len <= CHAN_INLINE_MAX)
		memcpy(to->inline_buf, op_payload(op), op->len);
	else
		err = chan_op_pin(to, op->msg, false);
	if (err)
		return fail_receiver(to, op->len, err, wb);
	origin_copy(&to->from, &op->from);
	op->waiter->since = chan_coarse_now();
	if (!op->queue_first)
		op->ch->waitqs[CHAN_SEND].nr_blocked++;
	if (trace_gochan_block_enabled())
		chan_trace_block(op);
	chan_xfer_offer(op, to);
	deliver(to, 0, op->len, wb);
	return STEP_OFFERED;
}

/* Hand the next message off to @to, the first receiver in its wait queue. */
static __always_inline enum step handoff(struct chan *ch, struct chan_op *op,
					 struct chan_op *to,
					 const void __user *buf, size_t len,
					 struct wake_batch *wb)
{
	lockdep_assert_held(&ch->lock);
	if (unlikely(to->room < len)) {
		/* Stage first: no receiver fails because the sender's memory is bad. */
		if (!op || !op_staged(op))
			return STEP_NEED_COPYIN;
		return op_claim(to) ? fail_receiver(to, len, -EMSGSIZE, wb) :
				      STEP_RETRY;
	}
	if (op && op->file)
		return handoff_offer(op, to, wb);
	if (len > CHAN_INLINE_MAX)
		return op ? handoff_msg(op, to, wb) : STEP_NEED_CHARGE;
	if (to->waiter->is_select) {
		/* Its inline buffer is written only after the claim: no copy may fail. */
		if (!op || !op_staged(op))
			return STEP_NEED_COPYIN;
		if (!op_claim(to))
			return STEP_RETRY;
	}
	if (copy_payload(op, to->inline_buf, buf, len, wb))
		return STEP_NEED_COPYIN;
	if (op) {
		origin_copy(&to->from, &op->from);
		op_advance(op);
	}
	trace_handoff(ch, current, to->waiter->task, ch->last_seq + 1, len);
	deliver(to, ++ch->last_seq, len, wb);
	return STEP_DONE;
}

/*
 * Try to send one message, from a plain buffer if @op is NULL. Without @wb, too, this is
 * the common path: no receiver waits, and there is a free slot. @acked is constant, too:
 * the channel is acknowledged, and @op is NULL.
 */
static __always_inline enum step send_attempt(struct chan *ch, struct chan_op *op,
					      const void __user *buf, size_t len,
					      struct wake_batch *wb, bool acked)
{
	struct chan_op *to;

	/* Checked on the common path, under the same lock, with a wake batch and no op. */
	if ((op || !wb) && unlikely(send_broken(ch)))
		return STEP_ENDED;
	if (!wb && !waitq_empty(ch, CHAN_RECV))
		return STEP_RETRY;
	to = wb && !(op && unlikely(ch->leases)) ? waitq_first(ch, CHAN_RECV) : NULL;
	if (to)
		return handoff(ch, op, to, buf, len, wb);
	if (likely(has_free_slot(ch)))
		return send_to_slot(ch, op, buf, len, wb, acked);
	return STEP_WAIT;
}

/* Several messages for which there are free slots take the common path. */
static inline void send_common(struct chan_op *op, unsigned int *budget,
			       struct wake_batch *wb)
{
	struct chan *ch = op->ch;
	u32 n = min3((u64)op->todo, (u64)*budget, nr_free_slots(ch)), sent = 0;
	void __user *ptr = op->ub.ptr;
	const size_t len = op->len;

	if (send_broken(ch) || !waitq_empty(ch, CHAN_RECV))
		return;
	while (sent < n && send_to_slot(ch, NULL, ptr, len, NULL, false) == STEP_DONE) {
		ptr += len;
		sent++;
	}
	op->ub.ptr = ptr;
	op->todo -= sent;
	op->count += sent;
	*budget -= sent;
	if (sent)
		wb->events |= in_event(ch);
}

/* Send what can be sent now; a budget bounds the time under the lock. */
static enum step send_locked(struct chan_op *op, struct wake_batch *wb)
{
	const bool common = op->todo > 1 && op_is_common(op);
	unsigned int budget = CHAN_LOCKED_MSGS_MAX;
	enum step step = STEP_DONE;

	lockdep_assert_held(&op->ch->lock);
	while (step == STEP_DONE || step == STEP_RETRY) {
		if (common)
			send_common(op, &budget, wb);
		if (!op->todo || !budget--)
			break;
		step = send_attempt(op->ch, op, NULL, op->len, wb, false);
	}
	return step;
}

/* Messages of blocked senders move up while there are free slots. */
void chan_refill(struct chan *ch, struct wake_batch *wb)
{
	struct chan_op *op;

	while (has_free_slot(ch) && !send_broken(ch)) {
		op = chan_waitq_claim_first(ch, CHAN_SEND);
		if (!op)
			return;
		/* It is staged (I5), so this cannot fail. */
		if (WARN_ON_ONCE(send_to_slot(ch, op, NULL, op->len, wb, false)))
			return;
		if (!op->todo)
			chan_complete_deferred(op, wb);
	}
}

/* ---- staging, without the lock ---- */

static int stage_inline(struct chan_op *op)
{
	if (op->len && ubuf_get(&op->ub, op->inline_buf, op->len))
		return -EFAULT;
	op->staged = true;
	return 0;
}

/*
 * Copy to @m. Pages may take forever to become present: meanwhile no more than
 * CHAN_UNCHARGED_MAX is kept allocated, unless charged. -EAGAIN: try again.
 */
static int stage_copy(struct chan_op *op, struct msg *m, unsigned int *tries)
{
	if (m->len <= CHAN_UNCHARGED_MAX)
		return ubuf_get(&op->ub, m->data, m->len);
	if (!ubuf_get_nofault(&op->ub, m->data, m->len))
		return 0;
	if (++*tries <= CHAN_FAULT_TRIES)
		return -EAGAIN;
	return chan_msg_charge(m) ?: ubuf_get(&op->ub, m->data, m->len);
}

/* Stage @len bytes of the op as one heap message. */
static struct msg *stage_block(struct chan_op *op, size_t len)
{
	unsigned int tries = 0;
	struct msg *m;
	int err;

	for (;;) {
		m = chan_msg_alloc(len);
		if (!m)
			return ERR_PTR(-ENOMEM);
		err = len ? stage_copy(op, m, &tries) : 0;
		if (!err)
			return m;
		chan_msg_put(m);
		if (err != -EAGAIN)
			return ERR_PTR(err);
		if (ubuf_fault_in_readable(&op->ub, len))
			return ERR_PTR(-EFAULT);
	}
}

/* Stage a block; @charge it if the whole send exceeds CHAN_UNCHARGED_MAX. */
static struct msg *stage_charged(struct chan_op *op, size_t len, bool charge)
{
	struct msg *m = stage_block(op, len);
	int err;

	if (IS_ERR(m) || !charge)
		return m;
	err = chan_msg_charge(m);
	if (!err)
		return m;
	/* The next try begins where this one did. */
	ubuf_revert(&op->ub, len);
	chan_msg_put(m);
	return ERR_PTR(err);
}

/* Stage what is left to send on the heap; if some of it fails, what comes before it. */
static int stage_heap(struct chan_op *op)
{
	bool charge = op->todo > 1 && op->todo * op->len > CHAN_UNCHARGED_MAX;
	struct msg **tail = &op->msg;
	u32 n = 0, some, most = 1;

	op->pos = 0;
	/* Messages that are copied into slots share a block. */
	if (op->todo > 1 && op->len <= CHAN_INLINE_MAX && !op->ch->indirect)
		most = min_t(u32, op->todo, CHAN_UNCHARGED_MAX / op->len);
	while (n < op->todo) {
		struct msg *m;

		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
		some = min(most, op->todo - n);
		m = stage_charged(op, some * op->len, charge);
		if (!IS_ERR(m)) {
			*tail = m;
			tail = &m->next;
			n += some;
		} else if (most > 1) {
			most = 1;	/* one by one, as many as the quota allows */
		} else if (n) {
			op->todo = n;
		} else {
			return PTR_ERR(m);
		}
	}
	return 0;
}

static int stage(struct chan_op *op)
{
	if (op->todo == 1 && op->len <= CHAN_INLINE_MAX && !op->ch->indirect)
		return stage_inline(op);
	return stage_heap(op);
}

/* Charge what is staged, so that it may wait. */
static int charge_staged(struct chan_op *op)
{
	struct msg *m;
	int err = 0;

	for (m = op->msg; m && !err; m = m->next)
		err = chan_msg_charge(m);
	return err;
}

/* Forget what a send that failed has staged, unless it is charged. */
static void unstage(struct chan_op *op)
{
	if (!op_staged(op) || (op->msg && op->msg->charged_to))
		return;
	ubuf_revert(&op->ub, op->len);
	chan_msg_put_list(op->msg);
	op->msg = NULL;
	op->staged = false;
}

/*
 * Stage a select's send, so that it can be queued: in @inline_buf, CHAN_SELECT_INLINE_MAX
 * bytes for this op alone or NULL, or else on the heap, charged to the caller.
 */
int chan_send_prepare_wait(struct chan_op *op, u8 *inline_buf)
{
	int err = 0;

	if (op->staged)
		return 0;
	if (!op->msg && inline_buf && op->len <= CHAN_SELECT_INLINE_MAX &&
	    !op->ch->indirect) {
		op->inline_buf = inline_buf;
		return stage_inline(op);
	}
	if (!op->msg)
		err = stage_heap(op);
	return err ?: charge_staged(op);
}

/* ---- the slow path ---- */

/*
 * What is missing before the send can be queued (I5), or STEP_WAIT. A short message whose
 * memory is present is staged here, with the lock held.
 */
static __always_inline enum step before_wait(struct chan_op *op)
{
	lockdep_assert_held(&op->ch->lock);
	if (!op_staged(op) && op->todo == 1 && op->len <= CHAN_INLINE_MAX &&
	    !op->ch->indirect &&
	    !ubuf_get_nofault(&op->ub, op->inline_buf, op->len))
		op->staged = true;
	if (!op_staged(op) || (op->msg && !op->msg->charged_to))
		return STEP_NEED_CHARGE;
	return STEP_WAIT;
}

/* Do without the lock what an attempt has asked for; or its verdict. */
static int send_prepare(struct chan_op *op, enum step step)
{
	int err = 0;

	switch (step) {
	case STEP_WAIT:
		return -EAGAIN;
	case STEP_ENDED:
		return -EPIPE;
	case STEP_NEED_COPYIN:
		return stage(op);
	case STEP_NEED_CHARGE:
		if (!op_staged(op))
			err = stage(op);
		return err ?: charge_staged(op);
	default:
		return 0;
	}
}

/*
 * Wait until the receiver has the file that was offered to it. A non-blocking send
 * does so as well, as the receiver is there, but only for a bounded time.
 */
static noinline int wait_for_receiver(struct chan_op *op, bool nonblock,
				      ktime_t deadline)
{
	ktime_t bound = ktime_add_ms(ktime_get(), OFFER_NONBLOCK_MS);
	int err = op_wait(op, nonblock ? min(bound, deadline) : deadline);

	return nonblock && err == -ETIMEDOUT ? -EAGAIN : err;
}

/* Go on after an attempt that did not send everything; releases the lock. */
static __always_inline int send_slow(struct chan_op *op, enum step step,
				     struct wake_batch *wb, bool nonblock,
				     ktime_t deadline)
	__releases(&op->ch->lock)
{
	struct chan *ch = op->ch;
	int err;

	for (;;) {
		if (step == STEP_WAIT && !nonblock)
			step = before_wait(op);
		if (step == STEP_WAIT && !nonblock) {
			op->waiter->since = chan_coarse_now();
			waitq_add(ch, op, CHAN_SEND, wb);
			chan_unlock(ch, wb);
			err = op_wait(op, deadline);
		} else if (step == STEP_OFFERED) {
			chan_unlock(ch, wb);
			err = wait_for_receiver(op, nonblock, deadline);
		} else {
			chan_unlock(ch, wb);
			err = send_prepare(op, step);
			if (err == -EAGAIN)
				return err;
		}
		if (likely(!err) && !op->todo)
			return 0;
		/* The receiver has declined: try again. */
		if (err == -EAGAIN && op->queue_first)
			err = chan_may_retry(deadline);
		if (!err)
			err = chan_op_pause(op);
		if (err)
			return err;
		if (op->waiter->done)
			waiter_init(op->waiter, deadline);
		wake_batch_init(wb);
		chan_lock(ch);
		step = send_locked(op, wb);
	}
}

/* A plain send that a receiver waits for, or that needs an op. */
static noinline int send_uncommon(struct chan *ch, const void __user *buf,
				  size_t len, enum step step, ktime_t deadline)
	__releases(&ch->lock)
{
	u8 inline_buf[CHAN_INLINE_MAX] __uninitialized;
	bool nonblock = deadline == CHAN_NONBLOCK;
	struct wake_batch wb __uninitialized;
	struct chan_op op __uninitialized;
	struct waiter w __uninitialized;
	int err;

	wake_batch_init(&wb);
	if (step == STEP_RETRY)
		step = send_attempt(ch, NULL, buf, len, &wb, false);
	if (step == STEP_DONE || (step == STEP_WAIT && nonblock)) {
		chan_unlock(ch, &wb);
		return step == STEP_DONE ? 0 : -EAGAIN;
	}
	waiter_init(&w, deadline);
	op_init(&op, ch, CHAN_SEND);
	op.ub.ptr = (void __user *)buf;
	op.len = len;
	op.inline_buf = inline_buf;
	op.waiter = &w;
	err = send_slow(&op, step, &wb, nonblock, deadline);
	if (unlikely(op.msg))
		chan_msg_put_list(op.msg);
	return err;
}

/**
 * chan_send() - send one message from a plain buffer: the fast path
 * @ch: a channel for which chan_fast_ok() holds
 * @buf: the message in user space
 * @len: its length, at most msg_size
 * @deadline: absolute CLOCK_MONOTONIC, KTIME_MAX for none, or CHAN_NONBLOCK
 *
 * Return: as chan_send_op().
 */
int chan_send(struct chan *ch, const void __user *buf, size_t len, ktime_t deadline)
{
	enum step step;

	chan_lock(ch);
	step = send_attempt(ch, NULL, buf, len, NULL, false);
	if (unlikely(step != STEP_DONE))
		return send_uncommon(ch, buf, len, step, deadline);
	chan_unlock_and_notify(ch, in_event(ch));
	return 0;
}

/**
 * chan_send_acked() - try to send to an acknowledged channel: the fast path
 * @ch: a channel of CHAN_FAST_ACKED
 * @buf: the message in user space
 * @len: its length, at most msg_size
 *
 * Return: whether it was sent; if not, chan_send_op() tells why.
 */
bool chan_send_acked(struct chan *ch, const void __user *buf, size_t len)
{
	enum step step;

	chan_lock(ch);
	step = send_attempt(ch, NULL, buf, len, NULL, true);
	chan_unlock_and_notify(ch, step == STEP_DONE ? in_event(ch) : 0);
	return step == STEP_DONE;
}

/**
 * chan_send_op() - send op->todo messages of op->len bytes each
 * @op: the op
 * @nonblock: fail instead of waiting
 * @deadline: absolute CLOCK_MONOTONIC, KTIME_MAX for none
 *
 * Even with @nonblock, a receiver that is being offered a file is waited for.
 *
 * Return: 0 when some were sent (op->count tells), else -EPIPE on a closed channel or
 * with no receiver left, -EAGAIN, -ETIMEDOUT, -ERESTARTSYS, -EINTR, -EFAULT, -ENOMEM, or
 * as gochan_charge().
 */
int chan_send_op(struct chan_op *op, bool nonblock, ktime_t deadline)
{
	u8 inline_buf[CHAN_INLINE_MAX] __uninitialized;
	bool own_buf = !op->inline_buf;
	struct wake_batch wb __uninitialized;
	struct waiter w __uninitialized;
	enum step step;
	int err = 0;

	if (own_buf)
		op->inline_buf = inline_buf;
	waiter_init(&w, deadline);
	op->waiter = &w;
	wake_batch_init(&wb);
	chan_lock(op->ch);
	step = send_locked(op, &wb);
	if (op->todo)
		err = send_slow(op, step, &wb, nonblock, deadline);
	else
		chan_unlock(op->ch, &wb);
	op->waiter = NULL;
	if (own_buf) {
		if (err && op->todo == 1)
			unstage(op);
		op->inline_buf = NULL;
	}
	return op->count ? 0 : err;
}

/**
 * chan_send_msg() - send a message that is on the heap already, without blocking
 * @ch: the channel
 * @m: the message, of which nobody else knows; its origin is kept
 *
 * Return: 0 when @ch has got the caller's reference; -EAGAIN, -EPIPE, -ENOMEM;
 * -EMSGSIZE or -EINVAL when the channel takes no messages of that length.
 */
int chan_send_msg(struct chan *ch, struct msg *m)
{
	struct chan_op op;
	int err;

	chan_freeze(ch);
	if (m->len > ch->config.msg_size)
		return -EMSGSIZE;
	if ((ch->config.flags & GOCHAN_FIXED) && m->len != ch->config.msg_size)
		return -EINVAL;
	op_init(&op, ch, CHAN_SEND);
	op.ub.ptr = NULL;
	op.len = m->len;
	op.pos = 0;
	m->deliveries = 0;
	/* A send that fails drops what it has staged. */
	refcount_inc(&m->refs);
	op.msg = m;
	if (ch->config.flags & GOCHAN_CRED)
		origin_copy(&op.from, &m->from);
	err = chan_send_op(&op, true, KTIME_MAX);
	chan_op_release(&op);
	if (!err)
		chan_msg_unref(m);
	return err;
}
