// SPDX-License-Identifier: GPL-2.0
/*
 * Deferred wakeups of senders that a full ring has blocked, module/wake.c:
 * chan_complete_deferred(), chan_wake_deferred(), defer_timeout(), and
 * chan_waitq_cancel() of a deferred op. A model by itself, as the protocol with
 * them has too many states: one buffered channel, whose receiver may stop for
 * ever at any time, and messages that are only counted. A section under the
 * channel's lock is cut only before it takes defer_lock once more.
 */
#define SENDERS 3
#define EACH 2
#define CAPACITY 2
#define LOW 0		/* ring_low() */
#define BACKOFF 1	/* DEFER_BACKOFF */

#ifndef DEFER_MAX
#define DEFER_MAX SENDERS
#endif
#ifndef GIVE_UP
#define GIVE_UP 0
#endif
#ifndef MUTANT
#define MUTANT 0
#endif

#include "mutants.pml"

#define BIT(n)		(1 << (n))
#define IN(set, n)	(((set) & BIT(n)) != 0)
#define ADD(set, n)	set = (set) | BIT(n)
#define DEL(set, n)	set = (set) & ~BIT(n)
#define MUST_NOT(rule, broken)	rule = (broken); assert(!rule)

hidden byte use_after_return, lost, lost_wakeup, not_completed, I2;
hidden byte s, i;

byte in_ring, nr_deferred, no_defer;
byte queued, was_deferred;	/* sets of senders; under the channel's lock */
byte deferred;			/* likewise; under defer_lock */
byte done, asleep, on_stack;	/* sets of senders; not under it */
byte completed;			/* likewise; the model's own */
bool locked;			/* the channel, in a section of several steps */
bool defer_timer_on, defer_expired;
bool waiting;			/* the receiver is queued */

/* Its op and waiter may be gone from here on. */
inline waiter_release(s)
{
	MUST_NOT(use_after_return, !IN(on_stack, s));
	ADD(done, s);
	ADD(wakes, s)
}

inline release_deferred()
{
	i = 0;
	do
	:: i == SENDERS -> break
	:: else ->
		if
		:: IN(deferred, i) ->
			DEL(deferred, i);
			nr_deferred--;
			waiter_release(i)
		:: else
		fi;
		i++
	od
}

inline chan_complete_deferred(s)
{
	if
	:: no_defer || in_ring <= LOW || nr_deferred == DEFER_MAX ->
		no_defer = (no_defer -> no_defer - 1 : 0);
		waiter_release(s)
	:: else ->
		ADD(deferred, s);
		ADD(was_deferred, s);
		if
		:: nr_deferred == 0 ->
			defer_expired = !defer_timer_on;
			defer_timer_on = (MUTANT != DEFERRED_NO_TIMER)
		:: else
		fi;
		nr_deferred++
	fi
}

/* Which of them is first makes no difference here. */
#define FIRST	(IN(queued, 0) -> 0 : (IN(queued, 1) -> 1 : 2))

inline chan_refill()
{
	do
	:: in_ring < CAPACITY && queued ->
		s = FIRST;
		DEL(queued, s);
		in_ring++;
		ADD(completed, s);
		chan_complete_deferred(s)
	:: else -> break
	od
}

/* After the lock was dropped, one by one. */
inline wake()
{
	do
	:: d_step {
		wakes ->
		s = (IN(wakes, 0) -> 0 : (IN(wakes, 1) -> 1 : 2));
		DEL(wakes, s);
		DEL(asleep, s)
	}
	:: else -> break
	od
}

proctype receiver()
{
	byte wakes;

	do
	:: break
	:: d_step {
		!locked && in_ring ->
		locked = true;
		in_ring--;
		chan_refill()
	}
	d_step {
		if
		:: nr_deferred && in_ring <= LOW -> release_deferred()
		:: else
		fi;
		locked = false
	}
	wake()
	:: d_step {
		!locked && !in_ring ->
		MUST_NOT(I2, queued);
		waiting = true
	}
end:	!waiting
	od
}

/* It looks at nothing that the channel's lock protects. */
proctype defer_timeout()
{
	byte wakes;

end:	do
	:: d_step {
		defer_timer_on ->
		if
		:: nr_deferred && defer_expired ->
			no_defer = BACKOFF;
			release_deferred()
		:: else
		fi;
		defer_expired = true;
		defer_timer_on = (nr_deferred && MUTANT != DEFERRED_NOT_RESTARTED)
	}
	wake()
	od
}

inline chan_waitq_cancel(me)
{
	d_step {
		!locked ->
		locked = true;
		if
		:: IN(queued, me) || (IN(was_deferred, me) && MUTANT == DEFERRED_IS_QUEUED) ->
			DEL(queued, me);
			MUST_NOT(lost, IN(completed, me))
		:: else
		fi
	}
	d_step {
		if
		:: IN(was_deferred, me) && IN(deferred, me) && MUTANT != DEFERRED_NOT_REMOVED ->
			DEL(deferred, me);
			nr_deferred--
		:: else
		fi;
		locked = false
	}
}

inline op_wait(me)
{
	do
	:: ADD(asleep, me);
		if
		:: IN(done, me) -> break
		:: else ->
end:			if
			:: !IN(asleep, me)
			:: IN(GIVE_UP, me) ->
				chan_waitq_cancel(me);
				break
			fi
		fi
	od;
	DEL(asleep, me)
}

proctype sender(byte me)
{
	byte n = EACH;
	bool blocked;

	do
	:: n == 0 -> break
	:: else ->
		d_step {
			!locked ->
			n--;
			blocked = false;
			ADD(on_stack, me);
			if
			:: waiting -> waiting = false
			:: !waiting && in_ring < CAPACITY -> in_ring++
			:: else ->
				ADD(queued, me);
				blocked = true
			fi
		}
		if
		:: blocked -> op_wait(me)
		:: else
		fi;
		d_step {
			DEL(on_stack, me);
			DEL(done, me);
			DEL(completed, me);
			DEL(was_deferred, me)
		}
	od
}

/* When nothing can happen any more no sender sleeps that was completed, or could be. */
proctype at_rest()
{
end:	timeout ->
	MUST_NOT(lost_wakeup, asleep & (done | deferred));
	MUST_NOT(not_completed, queued && in_ring < CAPACITY)
}

init {
	atomic {
		run receiver();
		run defer_timeout();
		run at_rest();
		run sender(0);
		run sender(1);
		run sender(2)
	}
}
