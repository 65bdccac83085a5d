// SPDX-License-Identifier: GPL-2.0
/*
 * Deferred wakeups of senders that a full ring has blocked, module/wake.c:
 * chan_complete_deferred(), chan_wake_deferred(), chan_deferred_work(), and
 * chan_waitq_cancel() of a deferred op. A model by itself, as the protocol with
 * them has too many states: one buffered channel, whose receiver may stop for
 * ever at any time, and messages that are only counted. A section under the lock
 * is one step here.
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
byte queued, deferred;		/* sets of senders; under the lock */
byte done, asleep, on_stack;	/* sets of senders; not under it */
byte completed;			/* likewise; the model's own */
bool scheduled;			/* deferred_work */
bool waiting;			/* the receiver is queued */

/* Its op and waiter may be gone from here on. */
inline waiter_release(s)
{
	MUST_NOT(use_after_return, !IN(on_stack, s));
	ADD(done, s);
	ADD(wakes, s)
}

inline chan_wake_deferred()
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
		scheduled = scheduled || (nr_deferred == 0 && MUTANT != DEFERRED_UNSCHEDULED);
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
		in_ring ->
		in_ring--;
		chan_refill();
		if
		:: nr_deferred && in_ring <= LOW -> chan_wake_deferred()
		:: else
		fi
	}
	wake()
	:: d_step {
		!in_ring ->
		MUST_NOT(I2, queued);
		waiting = true
	}
end:	!waiting
	od
}

proctype chan_deferred_work()
{
	byte wakes;

end:	do
	:: d_step {
		scheduled ->
		scheduled = false;
		if
		:: nr_deferred ->
			no_defer = BACKOFF;
			chan_wake_deferred()
		:: else
		fi
	}
	wake()
	:: d_step {
		scheduled && nr_deferred ->		/* too early */
		scheduled = (MUTANT != DEFERRED_NOT_RESCHEDULED)
	}
	od
}

inline chan_waitq_cancel(me)
{
	d_step {
		if
		:: IN(queued, me) || (IN(deferred, me) && MUTANT == DEFERRED_IS_QUEUED) ->
			DEL(queued, me);
			MUST_NOT(lost, IN(completed, me))
		:: IN(deferred, me) && MUTANT != DEFERRED_NOT_REMOVED && MUTANT != DEFERRED_IS_QUEUED ->
			DEL(deferred, me);
			nr_deferred--
		:: else
		fi
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
			n--;
			blocked = false;
			ADD(on_stack, me);
			DEL(done, me);
			DEL(completed, me);
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
		DEL(on_stack, me)
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
		run chan_deferred_work();
		run at_rest();
		run sender(0);
		run sender(1);
		run sender(2)
	}
}
