// SPDX-License-Identifier: GPL-2.0
/*
 * Wakeups: deferred ones of senders, adaptive spinning before a waiter sleeps, and
 * poll and SIGIO. Completed waiters are woken by chan_unlock().
 *
 * Deferred wakeups. A sender that a full ring has blocked is complete as soon as a slot
 * is free: its message moves up. But if it were woken at once, it would find the ring
 * full again, and a stream would switch tasks twice for each message. So it sleeps on
 * until most of the ring was drained, until the receivers have not done that for some
 * milliseconds, or until its signal or deadline. (A pipe wakes its writer once a page
 * was drained, and only then.) Where receivers do not go on, as when the channel is
 * used as a semaphore, the next senders are woken at once, and so are real-time and
 * deadline tasks always.
 *
 * A timer of the channel bounds the delay. It has to expire in hard interrupt context: a
 * softirq or a kworker can be kept from running by a real-time receiver that computes. As
 * the channel's lock cannot be taken there, a lock of its own, which is the inner one,
 * protects what the timer looks at. The timer is not canceled when the ring is drained,
 * since a stream would start it again for every few messages: it expires once more, and
 * stops if no wakeup is deferred then.
 *
 * Adaptive spinning. A peer on another processor may complete a waiter sooner than that
 * could sleep and be woken. So the first waiter of a wait queue spins before it sleeps, for
 * a window that follows, as in KVM's halt polling, from how long earlier waits took:
 *
 * - A waiter that has slept compares the time until it was completed with the time from
 *   then until it ran again, its latency. A wait of less than twice the latency, or than a
 *   fifth of spin_us, is short. It opens the window for that long, up to spin_us, so that
 *   spinning costs no more than about what it saves. (Twice, as a peer may have to be
 *   woken itself; once one of two tasks spins, the other waits for less.)
 * - A longer wait closes the window. Tasks that are idle in between do not spin.
 * - Spinning that times out closes it, too, and 2 short waits have to follow until one may
 *   open it again; 4, 8 and up to 64 after further timeouts, each of which counts until two
 *   waits have ended while spinning. This bounds what spinning costs where waits prove short
 *   but a spinning task is never completed, as when two virtual processors share one of the
 *   host.
 *
 * No task spins while another one wants its processor, nor does a deadline task, whose
 * processor time is allotted. A wait that ends while spinning is not measured; so the peer
 * reads the clock only for a waiter that it has to wake.
 */

#include <linux/hrtimer.h>
#include <linux/math64.h>
#include <linux/moduleparam.h>
#include <linux/sched/deadline.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>

#include "chan_priv.h"
#include "compat.h"

/* About what sleeping and being woken take on a virtual machine. */
static unsigned int spin_us = 50;
module_param(spin_us, uint, 0644);
MODULE_PARM_DESC(spin_us, "longest adaptive spinning before a task sleeps, microseconds (0: none)");

#define DEFER_CAPACITY_MIN	4	/* smaller rings are drained at once */
#define DEFER_NS		(2 * NSEC_PER_MSEC)	/* delayed by up to twice that */
#define DEFER_MAX		16	/* senders that are kept asleep */
#define DEFER_BACKOFF		1024	/* senders woken at once after the timer fired */
#define SPIN_ALL		U8_MAX	/* of spin_us, see waitq.spin_share */
#define SPIN_MIN_DIV		5	/* an open window is at least spin_us / 5 */
#define SPIN_MISS		2	/* waits that end while spinning make up for a timeout */
#define SPIN_MISSES_MAX		(6 * SPIN_MISS)

/* ---- deferred wakeups ---- */

static bool may_defer(const struct chan_op *op)
{
	const struct waiter *w = op->waiter;

	return !w->is_select && op->ch->ring.capacity >= DEFER_CAPACITY_MIN &&
	       !ring_low(op->ch) && READ_ONCE(w->task->prio) >= MAX_RT_PRIO;
}

/* Complete a claimed sender, the first of its queue, that has sent everything. */
void chan_complete_deferred(struct chan_op *op, struct wake_batch *wb)
{
	struct chan *ch = op->ch;

	lockdep_assert_held(&ch->lock);
	if (!may_defer(op)) {
		waiter_complete(op, 0, wb);
		return;
	}
	raw_spin_lock_irq(&ch->defer_lock);
	if (ch->no_defer || ch->nr_deferred == DEFER_MAX) {
		ch->no_defer -= ch->no_defer > 0;
		waiter_complete(op, 0, wb);
		goto unlock;
	}
	op->result = 0;
	op->deferred = true;
	waitq_del(op);
	list_add_tail(&op->node, &ch->deferred);
	WRITE_ONCE(ch->nr_deferred, ch->nr_deferred + 1);
	if (ch->nr_deferred == 1)
		ch->defer_expired = !ch->defer_timer_on;
	if (!ch->defer_timer_on)
		hrtimer_start(&ch->defer_timer, ns_to_ktime(DEFER_NS),
			      HRTIMER_MODE_REL_HARD);
	ch->defer_timer_on = true;
unlock:
	raw_spin_unlock_irq(&ch->defer_lock);
}

static void deferred_del(struct chan_op *op)
{
	struct chan *ch = op->ch;

	lockdep_assert_held(&ch->defer_lock);
	list_del_init(&op->node);
	WRITE_ONCE(ch->nr_deferred, ch->nr_deferred - 1);
}

/* A sender whose wakeup was deferred has woken up by itself. */
void chan_deferred_cancel(struct chan_op *op)
{
	struct chan *ch = op->ch;

	raw_spin_lock_irq(&ch->defer_lock);
	if (!list_empty(&op->node))
		deferred_del(op);
	raw_spin_unlock_irq(&ch->defer_lock);
}

static void release_deferred(struct chan *ch, struct wake_batch *wb)
{
	struct chan_op *op, *next;

	lockdep_assert_held(&ch->defer_lock);
	list_for_each_entry_safe(op, next, &ch->deferred, node) {
		deferred_del(op);
		waiter_release(op, wb);
	}
}

void chan_wake_deferred(struct chan *ch, struct wake_batch *wb)
{
	lockdep_assert_held(&ch->lock);
	raw_spin_lock_irq(&ch->defer_lock);
	release_deferred(ch, wb);
	raw_spin_unlock_irq(&ch->defer_lock);
}

/* The receivers have not drained the ring in time. */
static enum hrtimer_restart defer_timeout(struct hrtimer *timer)
{
	struct chan *ch = container_of(timer, struct chan, defer_timer);
	struct wake_batch wb __uninitialized;
	bool restart;

	wake_batch_init(&wb);
	rcu_read_lock();
	raw_spin_lock(&ch->defer_lock);
	if (ch->nr_deferred && ch->defer_expired) {
		ch->no_defer = DEFER_BACKOFF;
		release_deferred(ch, &wb);
	}
	ch->defer_expired = true;
	restart = ch->nr_deferred;
	ch->defer_timer_on = restart;
	raw_spin_unlock(&ch->defer_lock);
	wake_batch_wake(&wb);
	rcu_read_unlock();
	if (!restart)
		return HRTIMER_NORESTART;
	hrtimer_forward_now(timer, ns_to_ktime(DEFER_NS));
	return HRTIMER_RESTART;
}

void chan_defer_init(struct chan *ch)
{
	raw_spin_lock_init(&ch->defer_lock);
	INIT_LIST_HEAD(&ch->deferred);
	compat_hrtimer_setup(&ch->defer_timer, defer_timeout, CLOCK_MONOTONIC,
			     HRTIMER_MODE_REL_HARD);
}

/* ---- adaptive spinning ---- */

/* Has neither the processor nor the task anything else to do? */
static bool may_spin(const struct waiter *w)
{
	return !waiter_is_done(w) && single_task_running() &&
	       !signal_pending(current) && !waiter_poll_triggered(w);
}

/* Spin until @end: true. False when there is a reason to stop before. */
static bool spin_until(const struct waiter *w, ktime_t end)
{
	while (may_spin(w)) {
		if (ktime_get() >= end)
			return true;
		cond_resched();
		cpu_relax();
	}
	return false;
}

static void spin_hit(struct waitq *q)
{
	u8 misses = READ_ONCE(q->spin_misses);

	if (misses)
		WRITE_ONCE(q->spin_misses, misses - 1);
}

static void spin_missed(struct waitq *q)
{
	u8 misses = min(READ_ONCE(q->spin_misses) + SPIN_MISS, SPIN_MISSES_MAX);

	WRITE_ONCE(q->spin_misses, misses);
	WRITE_ONCE(q->spin_skip, 1 << (misses / SPIN_MISS));
	WRITE_ONCE(q->spin_share, 0);
}

static u64 spin_max_ns(void)
{
	return (u64)READ_ONCE(spin_us) * NSEC_PER_USEC;
}

/* Spin for the window of the waiter's queue. */
void chan_waiter_spin(struct waiter *w, ktime_t deadline)
{
	u64 max_ns = spin_max_ns();
	u64 window = div_u64(max_ns * READ_ONCE(w->waitq->spin_share), SPIN_ALL);
	bool timed_out;
	ktime_t now;

	if (!max_ns || dl_task(current))
		return;
	now = ktime_get();
	if (window) {
		timed_out = spin_until(w, min_t(ktime_t, now + window, deadline));
		if (waiter_is_done(w)) {
			spin_hit(w->waitq);
			return;
		}
		if (timed_out)
			spin_missed(w->waitq);
	}
	WRITE_ONCE(w->began_at, now);
}

/* The waiter was completed while it slept: was its wait short? */
void chan_spin_adapt(const struct waiter *w)
{
	s64 max_ns = spin_max_ns();
	s64 waited = w->done_at - w->began_at;
	s64 latency = ktime_get() - w->done_at;
	s64 worth = max(2 * latency, max_ns / SPIN_MIN_DIV);
	struct waitq *q = w->waitq;
	u8 skip = READ_ONCE(q->spin_skip);

	if (!max_ns || waited >= worth)
		WRITE_ONCE(q->spin_share, 0);
	else if (skip)
		WRITE_ONCE(q->spin_skip, skip - 1);
	else
		WRITE_ONCE(q->spin_share, div64_s64(min(worth, max_ns) * SPIN_ALL, max_ns));
}

/* ---- poll and SIGIO ---- */

void chan_wake_pollers(struct chan *ch, unsigned int events)
{
	if (events & WAKE_IN) {
		wake_up_interruptible_poll(&ch->in_wait, EPOLLIN | EPOLLRDNORM);
		kill_fasync(&ch->in_async, SIGIO, POLL_IN);
	}
	if (events & WAKE_OUT) {
		wake_up_interruptible_poll(&ch->out_wait, EPOLLOUT | EPOLLWRNORM);
		kill_fasync(&ch->out_async, SIGIO, POLL_OUT);
	}
	if (events & WAKE_ENDED) {
		__wake_up(&ch->in_wait, TASK_INTERRUPTIBLE, 0,
			  poll_to_key(EPOLLIN | EPOLLRDNORM | EPOLLRDHUP |
				      EPOLLHUP));
		__wake_up(&ch->out_wait, TASK_INTERRUPTIBLE, 0,
			  poll_to_key(EPOLLOUT | EPOLLWRNORM | EPOLLERR));
		kill_fasync(&ch->in_async, SIGIO, POLL_HUP);
		kill_fasync(&ch->out_async, SIGIO, POLL_ERR);
	}
}

/* To be called before joining a queue: changes from now on look there. */
void chan_note_poller(struct chan *ch)
{
	if (READ_ONCE(ch->has_pollers))
		return;
	spin_lock(&ch->lock);
	WRITE_ONCE(ch->has_pollers, true);
	spin_unlock(&ch->lock);
}

/* Ask for SIGIO, or no longer; as fasync_helper(). */
int chan_fasync(struct chan *ch, int fd, struct file *file, int on)
{
	int err = 0;

	if (on)
		chan_note_poller(ch);
	if (file->f_mode & FMODE_READ)
		err = fasync_helper(fd, file, on, &ch->in_async);
	if (err < 0 || !(file->f_mode & FMODE_WRITE))
		return err;
	err = fasync_helper(fd, file, on, &ch->out_async);
	if (err < 0 && (file->f_mode & FMODE_READ))
		fasync_helper(-1, file, 0, &ch->in_async);
	return err;
}
