// SPDX-License-Identifier: GPL-2.0
/*
 * Senders that a full ring blocked and that are woken late: op_complete_late(),
 * wake_late(), late_work(), and give_up() of who is late. A model by itself, as
 * the protocol with them has too many states: one buffered channel, whose
 * receiver may stop for ever at any time, and messages that are only counted. A
 * section under the lock is one step here.
 */
#define SENDERS 3
#define EACH 2
#define CAPACITY 2
#define LOW 0		/* ring_low() */
#define PROMPT 1	/* LATE_PROMPT */

#ifndef LATE_MAX
#define LATE_MAX SENDERS
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

hidden byte use_after_return, lost, wakeup_lost, unserved, I2;
hidden byte s, i;

byte in_ring, nr_late, prompt;
byte in_line, late;		/* sets of senders, under the lock */
byte done, asleep, on_stack;	/* likewise, but not */
byte served;			/* likewise, the model's own */
bool scheduled, waits;		/* late_work(); the receiver, in line */

/* Its op and waiter may be gone from here on. */
inline op_let_go(s)
{
	MUST_NOT(use_after_return, !IN(on_stack, s));
	ADD(done, s);
	ADD(wakes, s)
}

inline wake_late()
{
	i = 0;
	do
	:: i == SENDERS -> break
	:: else ->
		if
		:: IN(late, i) ->
			DEL(late, i);
			nr_late--;
			op_let_go(i)
		:: else
		fi;
		i++
	od
}

inline op_complete_late(s)
{
	if
	:: prompt || in_ring <= LOW || nr_late == LATE_MAX ->
		prompt = (prompt -> prompt - 1 : 0);
		op_let_go(s)
	:: else ->
		ADD(late, s);
		scheduled = scheduled || (nr_late == 0 && MUTANT != LATE_UNSCHEDULED);
		nr_late++
	fi
}

/* Who stands first makes no difference here. */
#define FIRST	(IN(in_line, 0) -> 0 : (IN(in_line, 1) -> 1 : 2))

inline refill()
{
	do
	:: in_ring < CAPACITY && in_line ->
		s = FIRST;
		DEL(in_line, s);
		in_ring++;
		ADD(served, s);
		op_complete_late(s)
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
		refill();
		if
		:: nr_late && in_ring <= LOW -> wake_late()
		:: else
		fi
	}
	wake()
	:: d_step {
		!in_ring ->
		MUST_NOT(I2, in_line);
		waits = true
	}
end:	!waits
	od
}

proctype late_work()
{
	byte wakes;

end:	do
	:: d_step {
		scheduled ->
		scheduled = false;
		if
		:: nr_late ->
			prompt = PROMPT;
			wake_late()
		:: else
		fi
	}
	wake()
	:: d_step {
		scheduled && nr_late ->		/* too early */
		scheduled = (MUTANT != LATE_FORGOTTEN)
	}
	od
}

inline give_up(me)
{
	d_step {
		if
		:: IN(in_line, me) || (IN(late, me) && MUTANT == LATE_UNSENT) ->
			DEL(in_line, me);
			MUST_NOT(lost, IN(served, me))
		:: IN(late, me) && MUTANT != LATE_STAYS && MUTANT != LATE_UNSENT ->
			DEL(late, me);
			nr_late--
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
				give_up(me);
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
			DEL(served, me);
			if
			:: waits -> waits = false
			:: !waits && in_ring < CAPACITY -> in_ring++
			:: else ->
				ADD(in_line, me);
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

/* When nothing moves any more nobody sleeps who was served, or could be. */
proctype nothing_moves()
{
end:	timeout ->
	MUST_NOT(wakeup_lost, asleep & (done | late));
	MUST_NOT(unserved, in_line && in_ring < CAPACITY)
}

init {
	atomic {
		run receiver();
		run late_work();
		run nothing_moves();
		run sender(0);
		run sender(1);
		run sender(2)
	}
}
