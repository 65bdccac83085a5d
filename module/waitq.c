// SPDX-License-Identifier: GPL-2.0
/*
 * Waiters: how a task is queued, claimed, completed and parked, and how it
 * gives up. Which message it gets is decided in send.c and recv.c, how long it
 * spins and when pollers are woken in wake.c.
 *
 * A waiter is completed under its channel's lock: claim it (a compare-and-swap for a
 * select, nothing for others), move the message, write the op's results, dequeue the
 * op, set waiter.done, and wake the task once the lock is dropped. After done the op
 * and the waiter may be gone; the task is kept by RCU until it has been woken.
 *
 * A task that gives up takes the lock and looks: either its op is still queued,
 * and is dequeued, or it was completed. A select first claims itself (select.c).
 * When a select was claimed for one op, its other ops may still be queued. The
 * select dequeues them when it wakes; a task that meets one earlier does so, once.
 */

#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "chan_priv.h"
#include "xfer.h"

/* Was the op's select claimed for another op? */
static bool op_is_dead(const struct chan_op *op)
{
	const struct chan_op *selected = READ_ONCE(op->waiter->selected);

	return op->waiter->is_select && selected && selected != op;
}

/* waitq_first() where the first op is a select's. */
struct chan_op *chan_waitq_first_select(struct chan *ch, enum chan_dir dir)
{
	struct chan_op *op, *next;

	lockdep_assert_held(&ch->lock);
	list_for_each_entry_safe(op, next, &ch->waitqs[dir].ops, node) {
		if (op_is_dead(op))
			waitq_del(op);
		else if (op->waiter->task != current)
			return op;
	}
	return NULL;
}

/* The first op that can be completed, claimed; NULL when there is none. */
struct chan_op *chan_waitq_claim_first(struct chan *ch, enum chan_dir dir)
{
	struct chan_op *op;

	do {
		op = waitq_first(ch, dir);
	} while (op && !op_claim(op));
	return op;
}

/*
 * Spin, then sleep until the waiter, whose ops are queued, is completed: 0. -ERESTARTSYS,
 * -ETIMEDOUT, or -EAGAIN when a poll wait queue woke it; it may have been completed all
 * the same, which chan_waitq_cancel() tells.
 */
int chan_waiter_park(struct waiter *w, ktime_t deadline)
{
	int err = 0;

	if (w->waitq && num_online_cpus() > 1)
		chan_waiter_spin(w, deadline);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE | TASK_FREEZABLE);
		if (waiter_is_done(w))
			break;
		err = -ERESTARTSYS;
		if (signal_pending(current))
			break;
		err = -EAGAIN;
		if (waiter_poll_triggered(w))
			break;
		err = -ETIMEDOUT;
		if (deadline == KTIME_MAX)
			schedule();
		else if (!schedule_hrtimeout_range(&deadline,
						   current->timer_slack_ns,
						   HRTIMER_MODE_ABS))
			break;
		err = 0;
	}
	__set_current_state(TASK_RUNNING);
	if (!err && w->done_at)
		chan_spin_adapt(w);
	return err;
}

/* Wait for a commit (xfer.c), which touches no user memory and so ends soon. */
static void wait_for_commit(struct waiter *w)
{
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (waiter_is_done(w))
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

/* Withdraw an op that was queued; false if it was completed before, see @op->result. */
bool chan_waitq_cancel(struct chan_op *op)
{
	bool withdrawn = false, committing = false;

	spin_lock(&op->ch->lock);
	if (op->deferred) {
		chan_deferred_cancel(op);
	} else if (op->committing) {
		committing = true;
	} else if (op->dir == CHAN_SEND && op->peer) {
		chan_xfer_withdraw(op);
		withdrawn = true;
	} else if (!list_empty(&op->node)) {
		waitq_del(op);
		withdrawn = true;
	}
	spin_unlock(&op->ch->lock);
	if (committing)
		wait_for_commit(op->waiter);
	return withdrawn;
}

/* ---- listing waiters ---- */

static s64 coarse_base;		/* CLOCK_MONOTONIC when jiffies was 0; accessed without a lock */

/*
 * CLOCK_MONOTONIC derived from jiffies, usually up to two ticks behind: ktime_get() would
 * make blocking 1 % slower, and ktime_get_coarse() nearly so. It is more, and may be ahead,
 * where a processor that updates jiffies is held up. While unblock is traced it is exact.
 */
ktime_t chan_coarse_now(void)
{
	if (trace_gochan_unblock_enabled())
		return ktime_get();
	return READ_ONCE(coarse_base) + get_jiffies_64() * TICK_NSEC;
}

/* Where jiffies is not derived from CLOCK_MONOTONIC they may drift apart. */
void chan_coarse_adjust(void)
{
	s64 base = ktime_get() - get_jiffies_64() * TICK_NSEC - TICK_NSEC;

	if (abs(base - READ_ONCE(coarse_base)) > 2 * TICK_NSEC)
		WRITE_ONCE(coarse_base, base);
}

/* List the ops on @ops, until the list of waiters is full; how many were looked at. */
static unsigned int list_waiters(const struct list_head *ops, unsigned int most,
				 struct chan_waiters *waiters)
{
	unsigned int n = 0;
	struct chan_op *op;

	list_for_each_entry(op, ops, node) {
		if (n == most)
			break;
		n++;
		if (op_is_dead(op))
			continue;
		waiters->list[waiters->nr++] = (struct chan_waiter){
			.task = get_task_struct(op->waiter->task),
			.since = op->waiter->since,
			.dir = op->dir,
			.is_select = op->waiter->is_select,
			.polls = op->waiter->poll_triggered,
			.has_deadline = op->waiter->has_deadline,
		};
	}
	return n;
}

/*
 * Who waits on the channel, with references to the tasks. However many there are, it looks
 * at no more than CHAN_WAITERS_MAX ops.
 */
void chan_waiters_get(struct chan *ch, struct chan_waiters *waiters)
{
	unsigned int left = CHAN_WAITERS_MAX, n, dir;

	lockdep_assert_held(&ch->lock);
	waiters->nr = 0;
	waiters->nr_more = 0;
	waiters->nr_leases = 0;
	waiters->nr_leases_more = 0;
	left -= list_waiters(&ch->offered, left, waiters);
	for (dir = CHAN_SEND; dir <= CHAN_RECV; dir++) {
		n = list_waiters(&ch->waitqs[dir].ops, left, waiters);
		left -= n;
		waiters->nr_more += ch->waitqs[dir].len - n;
	}
	if (ch->leases)
		chan_leases_get(ch, waiters);
}

void chan_waiters_put(struct chan_waiters *waiters)
{
	unsigned int i;

	for (i = 0; i < waiters->nr; i++)
		put_task_struct(waiters->list[i].task);
	for (i = 0; i < waiters->nr_leases; i++)
		put_pid(waiters->leases[i].pid);
}

/* ---- going on ---- */

/* A peer has ended an offer: may the op be tried again, however often that is? */
int chan_may_retry(ktime_t deadline)
{
	if (signal_pending(current))
		return -ERESTARTSYS;
	return ktime_get() < deadline ? 0 : -ETIMEDOUT;
}

/* Between the steps of a long operation. */
int chan_op_pause(const struct chan_op *op)
{
	cond_resched();
	if (fatal_signal_pending(current))
		return -EINTR;
	return op->count && signal_pending(current) ? -ERESTARTSYS : 0;
}
