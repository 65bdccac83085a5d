// SPDX-License-Identifier: GPL-2.0
/*
 * What must hold: what is checked at each step, and what when nothing moves
 * any more. The variables here are the model's own, the module has none of
 * them; a rule's name is what the verifier says when it is broken.
 */

/* Sets of messages. */
byte sent;		/* left their senders */
byte taken;		/* were assigned to a receiver, if only once */
byte held;		/* are at a receiver that has not copied them yet */
byte received;
byte reported;		/* their sends returned success */
byte failed;		/* their sends returned failure */
byte early[CHANS];	/* how many are reported and were never taken */

hidden byte use_after_return, task_freed, sent_after_end, delivered_twice, out_of_order,
	overtaken, returned_early, lost, not_sent, not_one, stuck, wakeup_lost, forgotten, unserved,
	end_untold, ended_early, poll_unserved, I1, I2, I1_and_I2;
hidden byte s, w, b, t, m;

#define MUST_NOT(rule, broken)	rule = (broken); assert(!rule)

inline must_exist(o)
{
	MUST_NOT(use_after_return, !IN(on_stack, TASK(o)))
}

inline task_must_exist(t)
{
	MUST_NOT(task_freed, IN(gone, t))
}

inline check_sent(n, c)
{
	MUST_NOT(sent_after_end, send_ended(c));
	ADD(sent, n)
}

/* R1; R2: a sender's next message goes after it, or after it failed. */
inline check_taken(n, c)
{
	MUST_NOT(delivered_twice, IN(held | received, n));
	MUST_NOT(out_of_order, IN(FOLLOWS, n) && !IN(taken | failed, n - 1));
	if
	:: IN(reported, n) && !IN(taken, n) -> early[c]--
	:: else
	fi;
	ADD(taken, n);
	ADD(held, n)
}

/* I4: what is inside goes first. */
inline check_direct(c)
{
	MUST_NOT(overtaken, inside(c) != 0)
}

/* I4: and in the order of sending. */
inline check_order(n, c)
{
	i = RETURNED(c);
	do
	:: cell[i] != 0 -> MUST_NOT(overtaken, seq[cell[i]] < seq[n]); i++
	:: else -> break
	od;
	i = RING(c);
	do
	:: cell[i] != 0 -> MUST_NOT(overtaken, seq[cell[i]] < seq[n]); i++
	:: else -> break
	od
}

inline check_received(n)
{
	MUST_NOT(delivered_twice, !IN(held, n));
	DEL(held, n);
	ADD(received, n);
	seq[n] = 0
}

inline check_put_back(n)
{
	DEL(held, n)
}

/* It is at its sender again. */
inline check_left(n)
{
	DEL(held, n);
	DEL(sent, n)
}

/* R3, R4: a send ends when there was room, or somebody took a message. */
inline check_reported(n, c)
{
	MUST_NOT(not_sent, !IN(sent, n));
	ADD(reported, n);
	if
	:: !IN(taken, n) -> early[c]++
	:: else
	fi;
	MUST_NOT(returned_early, early[c] > CAPACITY || (PASSES && !IN(received, n)))
}

inline check_failed(n)
{
	MUST_NOT(lost, IN(sent, n));
	ADD(failed, n)
}

/* A receive says that this is the end. */
inline check_end(c)
{
	MUST_NOT(ended_early, !no_more(c) || inside(c) != 0)
}

/* The tasks that have live ops in line come in s and w, by direction. */
inline find_live(c)
{
	s = 0;
	w = 0;
	i = LINE(c, SEND);
	do
	:: i < LINE(c + 1, SEND) ->
		if
		:: cell[i] == 0 || op_dead(cell[i])
		:: else ->
			if
			:: i < LINE(c, RECV) -> ADD(s, TASK(cell[i]))
			:: else -> ADD(w, TASK(cell[i]))
			fi
		fi;
		i++
	:: else -> break
	od
}

/* Could any of the senders s serve any of the receivers w, but for itself? */
#define can_meet	(s != 0 && w != 0 && !(s == w && (s & (s - 1)) == 0))

/*
 * I1 and I2, whenever the lock is dropped; I2 not between the close of a
 * channel and the end of settle(), as receivers may drain meanwhile.
 */
inline check_lines(c)
{
	if
	:: INVARIANTS ->
		find_live(c);
		MUST_NOT(I1, w != 0 && inside(c) != 0);
		MUST_NOT(I2, s != 0 && inside(c) < CAPACITY && !send_ended(c));
		MUST_NOT(I1_and_I2, can_meet)
	:: else
	fi
}

inline check_message(n)
{
	x = 0;
	i = RING(0);
	do
	:: i < CELLS -> x = x + (cell[i] == n); i++
	:: else -> break
	od;
	MUST_NOT(lost, IN(held, n) || (IN(reported, n) && !IN(received, n) && x == 0));
	MUST_NOT(delivered_twice, x + IN(received, n) > 1);
	MUST_NOT(not_sent, IN(failed, n) && (IN(received, n) || x != 0))
}

inline check_chan(c)
{
	MUST_NOT(stuck, locked[c]);
	find_live(c);
	MUST_NOT(unserved, can_meet || (s != 0 && inside(c) < CAPACITY) ||
			   (w != 0 && inside(c) != 0));
	MUST_NOT(end_untold, (s != 0 && send_ended(c)) ||
			     (w != 0 && no_more(c) && inside(c) == 0));
	w = pollers[c] & asleep;
	MUST_NOT(poll_unserved, w != 0 && (can_meet || inside(c) != 0 || no_more(c)))
}

/* Whoever has not ended sleeps, and nobody should have woken him. */
inline check_task(n)
{
	MUST_NOT(stuck, !IN(gone, n) && !IN(asleep, n));
	MUST_NOT(wakeup_lost, IN(asleep, n) && IN(done, n));
	x = 0;
	i = 0;
	do
	:: i < RING(0) -> x = x || (cell[i] != 0 && TASK(cell[i]) == n); i++
	:: else -> break
	od;
	MUST_NOT(forgotten, IN(asleep, n) && !x)
}

/* When nothing moves any more. */
active proctype judge()
{
	timeout ->
	d_step {
		t = 0;
		do
		:: t < TASKS -> check_task(t); t++
		:: else -> break
		od;
		b = 0;
		do
		:: b < CHANS -> check_chan(b); b++
		:: else -> break
		od;
		m = 1;
		do
		:: m <= MSGS -> check_message(m); m++
		:: else -> break
		od
	}
}
