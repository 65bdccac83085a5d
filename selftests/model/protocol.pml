// SPDX-License-Identifier: GPL-2.0
/*
 * How messages change hands in module/chan.c. Each inline here has the name of
 * the C function it stands for, or says which. What tasks do with it is in
 * tasks.pml, what must hold in rules.pml; README.md tells what is left out and
 * why what is one step here may be one.
 */

#define SEND	0
#define RECV	1
#define PEEK	2	/* an op of a select that polls; it stands in no line */

/* Verdicts. */
#define NONE	0
#define OK	1
#define EAGAIN	2
#define EPIPE	3
#define CLOSED	4
#define EINTR	5	/* a signal, or the deadline */
#define EFAULT	6
#define EMSGSIZE 7
#define QUEUED	8	/* stands in line */

/* What is to be done next, with the lock held. */
#define LOOK	9	/* look what there is; takes the lock, too */
#define SERVE	10	/* claim who was found in line, and serve him */
#define SERVED	11	/* tell him */
#define REFUSED	12	/* tell him, and look again */
#define MORE	13	/* look who can move up into the ring */
#define REFILL	14	/* claim him, and move his message */
#define REFILLED 15	/* tell him, and look for more */

#define BIT(n)		(1 << (n))
#define IN(set, n)	(((set) >> (n)) & 1)
#define ADD(set, n)	set = set | BIT(n)
#define DEL(set, n)	set = set & ~BIT(n)

/* Ops are numbered from 1: task t has OP(t, 0) to OP(t, OPS_EACH - 1). */
#define OP(t, k)	((t) * OPS_EACH + (k) + 1)
#define TASK(o)		(((o) - 1) / OPS_EACH)
#define OPS		(TASKS * OPS_EACH + 1)
#define MYSELF		255

/* struct waiter, and its task; but for won these are sets of tasks. */
byte won[TASKS];
byte done;
byte asleep;		/* TASK_INTERRUPTIBLE */
byte poked;
byte on_stack;		/* in a call that waited: its waiter and ops exist */
byte gone;		/* exited, and its task_struct was freed */
byte rcu;		/* between rcu_read_lock() and rcu_read_unlock() */

/* struct chan_op; messages are numbered from 1. */
byte msg[OPS];
byte result[OPS];
byte todo[OPS];
byte pass[OPS];		/* a receive's: the task whose file it is, plus 1 */
short first;		/* a set of ops */
byte settled[TASKS];	/* of the file that the task sends */

/* struct chan; its lists begin at these cells and end with a 0. */
#define LINE(c, dir)	(((c) * 2 + (dir)) * (TASKS + 1))
#define RING(c)		(LINE(CHANS, 0) + (c) * (CAPACITY + 2))
#define RETURNED(c)	(RING(CHANS) + (c) * (MSGS + 1))
#define CELLS		RETURNED(CHANS)

#define is_tight(o)	IN(TIGHT, TASK(o))

bit locked[CHANS];
bit closed[CHANS];
byte senders[CHANS];		/* handles */
byte receivers[CHANS];
byte cell[CELLS];
byte in_ring[CHANS];
byte nr_returned[CHANS];
byte last_seq[CHANS];
byte seq[MSGS + 1];
byte pollers[CHANS];		/* in_wait: a set of tasks */

#define send_ended(c)	(closed[c] || receivers[c] == 0)
#define no_more(c)	(closed[c] || senders[c] == 0)
#define inside(c)	(in_ring[c] + nr_returned[c])
#if MUTANT == ROOM_FOR_ONE_MORE
#define has_room(c)	(inside(c) <= CAPACITY)
#else
#define has_room(c)	(inside(c) < CAPACITY)
#endif
#if MUTANT == END_BEFORE_DRAINED
#define recv_ended(c)	no_more(c)
#else
#define recv_ended(c)	(no_more(c) && inside(c) == 0)
#endif
#define op_dead(o)	(won[TASK(o)] != NONE && won[TASK(o)] != (o))

/* For use within one step. */
hidden byte i, j, x;

/* ---- lists ---- */

inline list_find(start, what)
{
	i = start;
	do
	:: cell[i] != 0 && cell[i] != (what) -> i++
	:: else -> break
	od
}

inline list_add_tail(start, what)
{
	list_find(start, 0);
	cell[i] = what
}

/* Before what stands at i. */
inline list_insert(what)
{
	x = what;
	do
	:: x != 0 -> j = cell[i]; cell[i] = x; x = j; i++
	:: else -> break
	od
}

/* What stands at k. */
inline list_cut(k)
{
	j = k;
	do
	:: cell[j] != 0 -> cell[j] = cell[j + 1]; j++
	:: else -> break
	od
}

/* ---- waiters and wake-ups ---- */

inline waiter_init()
{
	won[me] = NONE;
	DEL(done, me)
}

/* waiter_claim(): would the compare-and-swap succeed, or was it ours before? */
#if MUTANT == PLAIN_WIN
#define claims(o)	1	/* it was NULL when line_first() looked */
#elif MUTANT == WON_ONCE
#define claims(o)	(won[TASK(o)] == NONE)
#else
#define claims(o)	(won[TASK(o)] == NONE || won[TASK(o)] == (o))
#endif

#if MUTANT == MEETS_ITSELF
#define is_own(o)	0
#else
#define is_own(o)	(TASK(o) == me)
#endif

/* The op comes in at, or 0. */
inline line_first(c, dir)
{
	at = 0;
	i = LINE(c, dir);
	do
	:: cell[i] != 0 ->
		must_exist(cell[i]);
		if
		:: op_dead(cell[i]) -> list_cut(i)
		:: !op_dead(cell[i]) && is_own(cell[i]) -> i++
		:: else -> at = cell[i]; break
		fi
	:: else -> break
	od
}

inline line_del(c, dir, o)
{
	list_find(LINE(c, dir), o);
	list_cut(i)
}

/* The claim, and all of op_complete() that is not seen before done is. */
inline serve(c, dir, verdict)
{
	won[TASK(at)] = at;
	result[at] = verdict;
	line_del(c, dir, at);
	if
	:: MUTANT == DONE_EARLY -> ADD(done, TASK(at))
	:: MUTANT == WAKE_EARLY -> DEL(asleep, TASK(at))
	:: else
	fi
}

/*
 * The end of op_complete(): from here on the op and its waiter may be gone.
 * There is nobody to tell where a sender has more to send.
 */
inline op_complete()
{
	if
	:: at != 0 ->
		must_exist(at);
		ADD(done, TASK(at));
		/* A section under a spinlock is one of RCU, too. */
		if
		:: MUTANT != WAKE_EARLY -> ADD(wakes, TASK(at)); ADD(rcu, me)
		:: else
		fi;
		at = 0
	:: else
	fi
}

/* spin_lock(), unless it is held since the step before */
inline lock(c)
{
	!locked[c] || holds;
	locked[c] = 1;
	holds = 1
}

/* chan_unlock() until the lock is free */
inline unlock(c)
{
	check_lines(c);
	if
	:: MUTANT == NO_RCU -> DEL(rcu, me)
	:: else
	fi;
	at = 0;
	holds = 0;
	locked[c] = 0
}

inline unlock_if_done(c)
{
	if
	:: r <= QUEUED -> unlock(c)
	:: else
	fi
}

/* The rest of chan_unlock(). */
inline wake_up(c)
{
	do
	:: wakes != 0 -> d_step {
		x = 0;
		do
		:: !IN(wakes, x) -> x++
		:: else -> break
		od;
		task_must_exist(x);
		DEL(asleep, x);
		DEL(wakes, x);
		if
		:: wakes == 0 -> DEL(rcu, me)
		:: else
		fi
	}
	:: else -> break
	od;
	if
	:: poke -> d_step {
		poke = 0;
		poked = poked | pollers[c];
		asleep = asleep & ~pollers[c]
	}
	:: else
	fi
}

inline note_in(c)
{
	poke = poke || pollers[c] != 0
}

#define is_woken(t)	(IN(done, t) || IN(poked, t))

/*
 * waiter_sleep(): woken is 1 when the waiter was served, with what then comes
 * in r, or poked; 0 when the task gave up.
 */
inline waiter_sleep()
{
	if
	:: MUTANT != SLEEP_LATE -> ADD(asleep, me)
	:: else
	fi;
	do
	:: d_step {
			is_woken(me);
			r = result[won[me]];
			DEL(asleep, me);
			woken = 1
		};
		break
	:: else ->
		if
		:: MUTANT == SLEEP_LATE -> ADD(asleep, me)
		:: else
		fi;
end_waiting:	if
		:: d_step {
			!IN(asleep, me);
			if
			:: MUTANT != SLEEP_LATE -> ADD(asleep, me)
			:: else
			fi
		}
		:: gives_up -> DEL(asleep, me); woken = 0; break
		fi
	od
}

/* give_up(), for an op that is asked for its result where it was served */
inline give_up(o, c, dir)
{
	if
	:: MUTANT == GIVES_UP_UNLOCKED ->
		d_step { list_find(LINE(c, dir), o); ready = cell[i] != 0 }
	:: else
	fi;
	d_step {
		!locked[c];
		list_find(LINE(c, dir), o);
		if
		:: cell[i] != 0 || ready || MUTANT == GIVES_UP_BLINDLY ->
			list_cut(i);
			ready = 0;
			r = EINTR
		:: else ->
			r = result[o]
		fi
	}
}

/* ---- sending ---- */

inline op_sent(o, c)
{
	check_sent(msg[o], c);
	last_seq[c]++;
	seq[msg[o]] = last_seq[c];
	todo[o]--
}

/* Several messages of one op are numbered in a row. */
inline op_advance(o)
{
	if
	:: !PASSES -> msg[o]++
	:: else
	fi
}

inline fill_slot(o, c)
{
	op_sent(o, c);
	list_add_tail(RING(c), msg[o]);
	in_ring[c]++;
	op_advance(o);
	note_in(c)
}

/* The message of an op goes straight to another one. */
inline move(o, c, to)
{
	op_sent(o, c);
	check_taken(msg[o], c);
	check_direct(c);
	msg[to] = msg[o];
	pass[to] = (PASSES -> TASK(o) + 1 : 0);
	op_advance(o)
}

/* send_one() as far as it claims nobody, and what send_step() does with it */
inline send_one(o, c, block)
{
	if
	:: send_ended(c) && MUTANT != END_SEEN_EARLY -> r = EPIPE
	:: MUTANT == END_SEEN_EARLY && ready -> r = EPIPE
	:: else ->
		line_first(c, RECV);
		if
		:: at != 0 -> r = SERVE
		:: at == 0 && has_room(c) -> fill_slot(o, c); r = OK
		:: at == 0 && !has_room(c) && block ->
			waiter_init();
			enqueue(o, c, SEND);
			r = QUEUED
		:: else -> r = EAGAIN
		fi
	fi
}

inline enqueue(o, c, dir)
{
	ADD(on_stack, me);
	if
	:: IN(first, o) -> i = LINE(c, dir); list_insert(o)
	:: else -> list_add_tail(LINE(c, dir), o)
	fi;
	if
	:: dir == SEND -> note_in(c)
	:: else
	fi
}

/* Sends one message, as if the budget were one. */
inline send_step(o, c, block)
{
	if
	:: MUTANT == END_SEEN_EARLY -> ready = send_ended(c)
	:: else
	fi;
	r = LOOK;
	do
	:: r == LOOK -> d_step { lock(c); send_one(o, c, block); unlock_if_done(c) }
	:: r == SERVE -> d_step {
		must_exist(at);
		if
		:: claims(at) && is_tight(at) ->
			serve(c, RECV, EMSGSIZE);
			r = REFUSED
		:: claims(at) && !is_tight(at) ->
			/* hand_over() */
			move(o, c, at);
			serve(c, RECV, OK);
			r = SERVED
		:: !claims(at) && MUTANT == NEXT_NOT_TRIED ->
			line_del(c, RECV, at);
			waiter_init();
			enqueue(o, c, SEND);
			r = QUEUED;
			unlock(c)
		:: else ->
			line_del(c, RECV, at);
			r = LOOK
		fi
	}
	:: r == SERVED -> d_step { op_complete(); r = OK; unlock(c) }
	:: r == REFUSED -> d_step { op_complete(); r = LOOK }
	:: else -> break
	od;
	wake_up(c)
}

/* ---- receiving ---- */

inline take_inside(o, c)
{
	if
	:: nr_returned[c] != 0 && !(MUTANT == RING_FIRST && in_ring[c] != 0) ->
		msg[o] = cell[RETURNED(c)];
		list_cut(RETURNED(c));
		nr_returned[c]--
	:: else ->
		msg[o] = cell[RING(c)];
		list_cut(RING(c));
		in_ring[c]--
	fi;
	check_taken(msg[o], c);
	check_order(msg[o], c)
}

/* refill() as far as it claims nobody, and the end of take() */
inline refill(c)
{
	at = 0;
	if
	:: has_room(c) && !send_ended(c) && MUTANT != NO_REFILL ->
		line_first(c, SEND)
	:: else
	fi;
	if
	:: at != 0 -> r = REFILL
	:: else -> r = OK; note_end(c)
	fi
}

inline note_end(c)
{
	if
	:: recv_ended(c) -> note_in(c)
	:: else
	fi
}

/* recv_one() as far as it claims nobody, and what recv_step() does with it */
inline recv_one(o, c, block)
{
	at = 0;
	if
	:: inside(c) == 0 && (!send_ended(c) || MUTANT == SENT_AFTER_CLOSE) ->
		line_first(c, SEND)
	:: else
	fi;
	if
	:: (inside(c) != 0 || at != 0) && is_tight(o) -> r = EMSGSIZE
	:: inside(c) != 0 && !is_tight(o) && !recv_ended(c) ->
		take_inside(o, c);
		refill(c)
	:: at != 0 && !is_tight(o) -> r = SERVE
	:: at == 0 && recv_ended(c) -> check_end(c); r = CLOSED
	:: else ->
		if
		:: block ->
			waiter_init();
			enqueue(o, c, RECV);
			r = QUEUED
		:: else -> r = EAGAIN
		fi
	fi
}

inline recv_step(o, c, block)
{
	r = LOOK;
	do
	:: r == LOOK -> d_step { lock(c); recv_one(o, c, block); unlock_if_done(c) }
	:: r == SERVE -> d_step {
		must_exist(at);
		if
		:: claims(at) ->
			/* take_from_sender() */
			move(at, c, o);
			if
			:: todo[at] == 0 -> serve(c, SEND, OK)
			:: else -> won[TASK(at)] = at; at = 0
			fi;
			r = SERVED
		:: else ->
			line_del(c, SEND, at);
			r = LOOK
		fi
	}
	:: r == SERVED -> d_step { op_complete(); r = OK; note_end(c); unlock(c) }
	:: r == MORE -> d_step { refill(c); unlock_if_done(c) }
	:: r == REFILL -> d_step {
		must_exist(at);
		if
		:: claims(at) ->
			fill_slot(at, c);
			if
			:: todo[at] == 0 -> serve(c, SEND, OK)
			:: else -> won[TASK(at)] = at; at = 0
			fi;
			r = REFILLED
		:: else ->
			line_del(c, SEND, at);
			r = MORE
		fi
	}
	:: r == REFILLED -> d_step { op_complete(); r = MORE }
	:: else -> break
	od;
	wake_up(c)
}

inline add_returned(m, c)
{
	i = RETURNED(c);
	do
	:: cell[i] != 0 &&
	   (seq[cell[i]] < seq[m] || MUTANT == PUT_BACK_LAST) -> i++
	:: else -> break
	od;
	list_insert(m);
	nr_returned[c]++;
	check_put_back(m);
	note_in(c)
}

/* put_back_locked() as far as it claims nobody */
inline put_back_locked(m, c)
{
	if
	:: MUTANT != PUT_BACK_UNTOLD -> line_first(c, RECV)
	:: else
	fi;
	if
	:: at != 0 -> r = SERVE
	:: else -> add_returned(m, c); r = EFAULT
	fi
}

/* A message that could not be copied; the op ends with EFAULT. */
inline put_back(o, c)
{
	r = LOOK;
	do
	:: r == LOOK -> d_step {
		lock(c);
		put_back_locked(msg[o], c);
		unlock_if_done(c)
	}
	:: r == SERVE -> d_step {
		must_exist(at);
		if
		:: claims(at) && is_tight(at) ->
			serve(c, RECV, EMSGSIZE);
			r = REFUSED
		:: claims(at) && !is_tight(at) ->
			/* give_back() */
			check_direct(c);
			msg[at] = msg[o];
			serve(c, RECV, OK);
			r = SERVED
		:: else ->
			line_del(c, RECV, at);
			r = LOOK
		fi
	}
	:: r == SERVED -> d_step { op_complete(); r = EFAULT; unlock(c) }
	:: r == REFUSED -> d_step { op_complete(); r = LOOK }
	:: else -> break
	od;
	msg[o] = 0;
	wake_up(c)
}

/*
 * chan_finish_recv(): copy the message that the op has to its user, which may
 * fail as often as FAULTS says; the copy of a receive that found its message
 * under the lock is here, too.
 */
inline finish_recv(o, c)
{
	if
	:: true ->
		d_step { check_received(msg[o]); msg[o] = 0; r = OK }
		settle_pass(o, OK)
	:: faults > 0 -> faults--;
		if
		:: PASSES ->
			d_step { check_left(msg[o]); msg[o] = 0; r = EFAULT }
			settle_pass(o, EAGAIN)
		:: !PASSES && MUTANT == NOT_PUT_BACK -> msg[o] = 0; r = EFAULT
		:: else -> put_back(o, c)
		fi
	fi
}

/* pass_settle() */
inline settle_pass(o, verdict)
{
	if
	:: PASSES -> d_step { settled[pass[o] - 1] = verdict; pass[o] = 0 }
	:: else
	fi
}

/* chan_finish_send(), whose sender may be killed */
inline finish_send(o)
{
	if
	:: PASSES && MUTANT != PASS_UNSETTLED ->
		if
		:: d_step { settled[me] != NONE; r = settled[me]; settled[me] = NONE }
		:: gives_up -> r = EINTR
		fi;
		r = (MUTANT == PASS_LEFT_IS_SENT && r == EAGAIN -> OK : r);
		if
		:: r != OK -> d_step { todo[o]++; ADD(first, o) }
		:: else
		fi
	:: else
	fi
}

/* ---- standing in many lines ---- */

/* op_ready(), for an op that lines up; the answer comes in ready */
inline op_ready(c, dir)
{
	at = 0;
	if
	:: dir == SEND ->
		line_first(c, RECV);
		ready = ready || send_ended(c) || has_room(c) || at != 0
	:: dir == RECV ->
		if
		:: inside(c) == 0 && !send_ended(c) -> line_first(c, SEND)
		:: else
		fi;
		ready = ready || inside(c) != 0 || at != 0 || recv_ended(c)
	fi;
	at = 0
}

/* ---- ends ---- */

/* fail_some() as far as it claims nobody */
inline fail_some(c)
{
	at = 0;
	if
	:: send_ended(c) -> dir = SEND; line_first(c, SEND)
	:: else
	fi;
	if
	:: at == 0 && recv_ended(c) -> dir = RECV; line_first(c, RECV)
	:: else
	fi;
	if
	:: at != 0 -> r = SERVE
	:: else -> r = OK; note_in(c)
	fi
}

/* settle(), one op at a time and then who polls */
inline settle(c)
{
	r = LOOK;
	do
	:: r == LOOK -> d_step { lock(c); fail_some(c); unlock_if_done(c) }
	:: r == SERVE -> d_step {
		must_exist(at);
		if
		:: claims(at) ->
			serve(c, dir, (dir == SEND -> EPIPE : CLOSED));
			r = SERVED
		:: else ->
			line_del(c, dir, at);
			r = LOOK
		fi
	}
	:: r == SERVED -> d_step { op_complete(); unlock(c) }
		wake_up(c);
		r = (MUTANT == CLOSE_TELLS_ONE -> OK : LOOK)
	:: else -> break
	od;
	wake_up(c)
}

/* chan_close() */
inline close(c)
{
	d_step { lock(c); closed[c] = 1; unlock(c) }
	settle(c)
}

/* chan_add_handle() */
inline add_handle(c, handles)
{
	d_step { lock(c); handles++; unlock(c) }
}

/* chan_drop_handle() */
inline drop_handle(c, handles)
{
	d_step {
		lock(c);
		handles--;
		ready = send_ended(c) || no_more(c);
		unlock(c)
	}
	if
	:: ready && MUTANT != HANGUP_UNTOLD -> settle(c)
	:: else
	fi
}
