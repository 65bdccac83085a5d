// SPDX-License-Identifier: GPL-2.0
/*
 * What must hold: what is checked at each step, and what when nothing can happen
 * any more. The variables here are the model's own, the module has none of them;
 * a rule's name is what the verifier reports when it is broken.
 */

/* Sets of messages. */
byte sent;		/* left their senders */
byte taken;		/* were assigned to a receiver, if only once */
byte held;		/* are at a receiver that has not copied them yet */
byte received;
byte reported;		/* their sends returned success */
byte failed;		/* their sends returned failure */
byte early[CHANS];	/* how many are reported, and still in a slot or not taken */

short retried;		/* ops that are to be tried again: a set */
byte stalled;		/* tasks whose copy never ends: a set */

hidden byte use_after_return, task_freed, sent_after_close, delivered_twice, out_of_order,
	overtaken, place_lost, returned_early, lost, not_sent, not_one, stuck, lost_wakeup,
	not_queued, not_completed, end_not_reported, eof_early, poller_not_woken, slot_leaked, I1, I2,
	I1_and_I2;
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
	MUST_NOT(sent_after_close, send_broken(c) && !PASSES);
	ADD(sent, n)
}

/* R1; R2: a sender's next message goes after it, or after it failed. */
inline check_taken(n, c)
{
	MUST_NOT(delivered_twice, IN(held | received, n));
	MUST_NOT(out_of_order, IN(FOLLOWS, n) && !IN(taken | failed, n - 1));
	ADD(taken, n);
	ADD(held, n)
}

/* I4: what is buffered goes first. */
inline check_direct(c)
{
	MUST_NOT(overtaken, nr_buffered(c) != 0)
}

/* I4: and in the order of sending. */
inline check_order(n, c)
{
	i = REQUEUED(c);
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

/* Its slot is free: it was copied, or is charged to its receiver. */
inline leave_slot(n, c)
{
	if
	:: IN(in_slot, n) && IN(reported, n) -> early[c]--
	:: else
	fi;
	DEL(in_slot, n)
}

inline check_received(n, c)
{
	MUST_NOT(delivered_twice, !IN(held, n));
	DEL(held, n);
	ADD(received, n);
	leave_slot(n, c);
	seq[n] = 0
}

/* A receive that was completed has a message. */
inline check_delivered(o)
{
	MUST_NOT(not_sent, msg[o] == 0)
}

inline check_requeued(n)
{
	DEL(held, n)
}

/* ---- files ---- */

inline check_offered(c)
{
	MUST_NOT(sent_after_close, send_broken(c))
}

/* A send that is completed waits for it. */
inline check_peer(o, verdict)
{
	MUST_NOT(use_after_return, verdict == OK && o == 0);
	if
	:: o != 0 -> must_exist(o)
	:: else
	fi
}

/* The send o and its receive happen. */
inline check_committed(o, c)
{
	op_sent(o, c);
	check_taken(msg[o], c);
	check_received(msg[o], c)
}

/* R3, R4: a send ends when there was a slot, or its message was taken. */
inline check_reported(n, c)
{
	MUST_NOT(not_sent, !IN(sent, n));
	ADD(reported, n);
	if
	:: IN(in_slot, n) || !IN(taken, n) -> early[c]++
	:: else
	fi;
	MUST_NOT(returned_early, early[c] > CAPACITY || (PASSES && !IN(received, n)))
}

inline check_failed(n)
{
	MUST_NOT(lost, IN(sent, n));
	ADD(failed, n)
}

/* A receive reports the end. */
inline check_eof(c)
{
	MUST_NOT(eof_early, !no_senders(c) || nr_buffered(c) != 0)
}

/* R7: an op that is to be tried again is queued ahead of the others. */
inline note_retried(o)
{
	ADD(retried, o)
}

inline check_place(o, c, dir)
{
	MUST_NOT(place_lost, IN(retried, o) && cell[WAITQ(c, dir)] != o);
	DEL(retried, o)
}

/* The tasks that have live ops queued come in s and w, by direction. */
inline find_live(c)
{
	s = 0;
	w = 0;
	i = WAITQ(c, SEND);
	do
	:: i < WAITQ(c + 1, SEND) ->
		if
		:: cell[i] == 0 || op_is_dead(cell[i])
		:: else ->
			if
			:: i < WAITQ(c, RECV) -> ADD(s, TASK(cell[i]))
			:: else -> ADD(w, TASK(cell[i]))
			fi
		fi;
		i++
	:: else -> break
	od
}

/* Could any of the senders s complete any of the receivers w, but for itself? */
#define can_meet	(s != 0 && w != 0 && !(s == w && (s & (s - 1)) == 0))

/*
 * I1 and I2, whenever the lock is dropped; I2 not between the close of a
 * channel and the end of flush_waiters(), as receivers may drain it meanwhile.
 */
inline check_queues(c)
{
	if
	:: INVARIANTS ->
		find_live(c);
		MUST_NOT(I1, w != 0 && nr_buffered(c) != 0);
		MUST_NOT(I2, s != 0 && has_free_slot(c) && !send_broken(c));
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
	MUST_NOT(lost, stalled == 0 &&
		       (IN(held, n) || (IN(reported, n) && !IN(received, n) && x == 0)));
	MUST_NOT(delivered_twice, x + IN(received, n) > 1);
	MUST_NOT(not_sent, IN(failed, n) && (IN(received, n) || x != 0))
}

/* The slots are counted here without nr_copying, which has to be 0. */
inline check_chan(c)
{
	MUST_NOT(stuck, locked[c]);
	find_live(c);
	MUST_NOT(slot_leaked, nr_copying[c] != 0 && stalled == 0);
	MUST_NOT(not_completed, can_meet ||
				(s != 0 && nr_buffered(c) < CAPACITY && stalled == 0) ||
				(w != 0 && nr_buffered(c) != 0));
	MUST_NOT(end_not_reported, ((s | offered[c]) != 0 && send_broken(c)) ||
				   (w != 0 && no_senders(c) && nr_buffered(c) == 0));
	w = pollers[c] & asleep;
	MUST_NOT(poller_not_woken, w != 0 &&
				   (can_meet || nr_buffered(c) != 0 || no_senders(c)))
}

/* A task that has not ended sleeps, and nobody should have woken it. */
inline check_task(n)
{
	MUST_NOT(stuck, !IN(gone | stalled, n) && (!IN(asleep, n) || IN(uninterruptible, n)));
	MUST_NOT(lost_wakeup, IN(asleep, n) && IN(done, n));
	x = 0;
	i = 0;
	do
	:: i < RING(0) -> x = x || (cell[i] != 0 && TASK(cell[i]) == n); i++
	:: else -> break
	od;
	/* or its send was offered to a receiver that stalls */
	i = 1;
	do
	:: i < OPS -> x = x || (TASK(i) == n && peer[i] != 0); i++
	:: else -> break
	od;
	MUST_NOT(not_queued, IN(asleep, n) && !x)
}

/* When nothing can happen any more. */
active proctype at_rest()
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
