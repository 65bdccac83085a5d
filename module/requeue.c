// SPDX-License-Identifier: GPL-2.0
/*
 * Requeueing: what becomes of a message that a receiver has taken and cannot copy
 * (R9). It goes to the first receiver that waits, or else to its place in the
 * order of sending, ahead of the ring.
 */

#include <linux/sched/signal.h>

#include "chan_priv.h"

/* A waiting receiver gets the message; false if another one has to be tried. */
static bool requeue_to(struct chan_op *to, struct msg *m, bool in_slot,
		       struct wake_batch *wb)
{
	int err = 0;

	if (!op_claim(to))
		return false;
	if (to->room < m->len)
		err = -EMSGSIZE;
	else if (m->len > CHAN_INLINE_MAX && m->charged_to)
		err = chan_msg_recharge(m, to->user, false);
	if (err) {
		to->len = m->len;
		waiter_complete(to, err, wb);
		return false;
	}
	origin_move(&to->from, &m->from);
	if (m->len <= CHAN_INLINE_MAX) {
		memcpy(to->inline_buf, m->data, m->len);
		wake_batch_free(wb, m);
	} else {
		to->msg = m;
		to->in_slot = in_slot;
	}
	if (trace_gochan_recv_enabled())
		chan_trace_recv(to->ch, to->waiter->task, m->seq, m->len);
	deliver(to, m->seq, m->len, wb);
	return true;
}

static bool sent_before(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct msg, node)->seq < rb_entry(b, struct msg, node)->seq;
}

/* It is buffered again, at its place in the order of sending. */
void chan_requeue_sorted(struct chan *ch, struct msg *m, struct wake_batch *wb)
{
	lockdep_assert_held(&ch->lock);
	rb_add(&m->node, &ch->requeued, sent_before);
	ch->nr_requeued++;
	ch->bytes += m->len;
	wb->events |= in_event(ch);
}

/* Give a message to the first receiver that waits, or else ahead of all later ones. */
static void msg_requeue(struct chan *ch, struct msg *m, bool in_slot)
{
	unsigned int budget = CHAN_LOCKED_MSGS_MAX;
	struct wake_batch wb __uninitialized;
	struct chan_op *to;
	bool done = false;

	wake_batch_init(&wb);
	chan_lock(ch);
	chan_note_requeue(ch, m);
	while (!done) {
		to = waitq_first(ch, CHAN_RECV);
		done = !to || requeue_to(to, m, in_slot, &wb);
		if (!done && !--budget) {
			chan_unlock(ch, &wb);
			cond_resched();
			budget = CHAN_LOCKED_MSGS_MAX;
			wake_batch_init(&wb);
			chan_lock(ch);
		}
	}
	if (!to) {
		ch->ring.kept -= in_slot;
		chan_requeue_sorted(ch, m, &wb);
	}
	chan_unlock(ch, &wb);
}

#define REQUEUE_RETRY	max(HZ / 50, 1)	/* jiffies between attempts */

/*
 * The op's message, moved to the heap if it is on this task's stack: without memory or
 * allowance try again. If the task is killed the message is lost with it (R1).
 */
static struct msg *op_reclaim(struct chan_op *op)
{
	struct msg *m = op->msg;

	op->msg = NULL;
	while (!m) {
		m = chan_msg_alloc(op->len);
		if (m && chan_msg_charge(m)) {
			chan_msg_put(m);
			m = NULL;
		}
		if (m)
			memcpy(m->data, op->inline_buf, op->len);
		else if (schedule_timeout_killable(REQUEUE_RETRY) &&
			 fatal_signal_pending(current))
			return NULL;
	}
	m->seq = op->seq;
	origin_move(&m->from, &op->from);
	return m;
}

/* Requeue the message that the op has taken and could not copy; returns @err. */
int chan_recv_requeue(struct chan_op *op, int err)
{
	bool in_slot = op->in_slot;
	struct msg *m;

	op->in_slot = false;
	m = op_reclaim(op);
	if (m && op->ch->leases)
		chan_acked_requeue(op->ch, m, in_slot);
	else if (m)
		msg_requeue(op->ch, m, in_slot);
	return err;
}
