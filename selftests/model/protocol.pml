// SPDX-License-Identifier: GPL-2.0
/*
 * How messages change hands in module/send.c, recv.c, requeue.c, waitq.c, xfer.c
 * and chan.c. An inline has the name of the C function that it stands for, or says which. What
 * tasks do with it is in tasks.pml, what must hold in rules.pml; README.md says
 * what is left out, and why what is one step here may be one.
 */

#define SEND	0
#define RECV	1
#define PEEK	2	/* an op of a select that polls; it is in no wait queue */

/* Verdicts, and the outcomes of an attempt that do not end the operation. */
#define NONE	0
#define OK	1
#define EAGAIN	2
#define EPIPE	3
#define CLOSED	4
#define EINTR	5	/* a signal, or the deadline */
#define EFAULT	6	/* the copy, or receive_fd(), failed */
#define EMSGSIZE 7
#define EDQUOT	8
#define QUEUED	9	/* STEP_WAIT, and the op was queued */
#define OFFERED	10	/* STEP_OFFERED */
#define COMMITTING 11

/* Places inside a section under the lock. */
#define ATTEMPT	12	/* send_attempt() and its like; takes the lock, too */
#define CLAIM	13	/* claim the select that was found */
#define RELEASE	14	/* set done of the waiter that was completed */
#define RELEASE_OFFERED 15
#define RELEASE_RETRY 16	/* the same, and make another attempt */
#define RELEASE_NO_QUOTA 17
#define REFILL	18	/* chan_refill(); takes the lock, too */
#define REFILL_CLAIM 19
#define REFILL_RELEASE 20

#define BIT(n)		(1 << (n))
#define IN(set, n)	(((set) >> (n)) & 1)
#define ADD(set, n)	set = set | BIT(n)
#define DEL(set, n)	set = set & ~BIT(n)

/* Ops are numbered from 1: task t has OP(t, 0) to OP(t, OPS_EACH - 1). */
#define OP(t, k)	((t) * OPS_EACH + (k) + 1)
#define TASK(o)		(((o) - 1) / OPS_EACH)
#define OPS		(TASKS * OPS_EACH + 1)
#define ABORTED		255

/* struct waiter, and its task; but for selected these are sets of tasks. */
byte selected[TASKS];
byte done;
byte is_select;
byte triggered;		/* poll_wqueues.triggered */
byte asleep;		/* TASK_INTERRUPTIBLE, or TASK_UNINTERRUPTIBLE: */
byte uninterruptible;
byte on_stack;		/* in a call that waited: its waiter and ops exist */
byte gone;		/* exited, and its task_struct was freed */
byte rcu;		/* between rcu_read_lock() and rcu_read_unlock() */

/* struct chan_op; messages are numbered from 1. */
byte msg[OPS];
byte result[OPS];
byte todo[OPS];
byte peer[OPS];
/* Sets of ops. */
short queue_first;
short committing;
short offered[CHANS];		/* the sends in chan.offered */

/* struct chan; its lists begin at these cells and end with a 0. */
#define WAITQ(c, dir)	(((c) * 2 + (dir)) * (TASKS + 1))
#define RING(c)		(WAITQ(CHANS, 0) + (c) * (CAPACITY + 2))
#define REQUEUED(c)	(RING(CHANS) + (c) * (MSGS + 1))
#define CELLS		REQUEUED(CHANS)

bit locked[CHANS];
bit closed[CHANS];
byte senders[CHANS];		/* handles */
byte receivers[CHANS];
byte cell[CELLS];
byte in_ring[CHANS];
byte nr_requeued[CHANS];
byte nr_copying[CHANS];
byte last_seq[CHANS];
byte seq[MSGS + 1];
byte in_slot;			/* messages without a charge of their own: a set */
byte pollers[CHANS];		/* in_wait: a set of tasks */

#define send_broken(c)	(closed[c] || receivers[c] == 0)
#define no_senders(c)	(closed[c] || senders[c] == 0)
#define nr_buffered(c)	(in_ring[c] + nr_requeued[c])
#if MUTANT == ONE_SLOT_TOO_MANY
#define has_free_slot(c) (nr_buffered(c) + nr_copying[c] <= CAPACITY)
#else
#define has_free_slot(c) (nr_buffered(c) + nr_copying[c] < CAPACITY)
#endif
#if MUTANT == EOF_BEFORE_DRAINED
#define at_eof(c)	no_senders(c)
#else
#define at_eof(c)	(no_senders(c) && nr_buffered(c) == 0)
#endif

#define is_plain(o)	(!IN(is_select, TASK(o)))
#define op_is_dead(o)	(IN(is_select, TASK(o)) && selected[TASK(o)] != NONE && \
			 selected[TASK(o)] != (o))

/* Is the op's room too small, and is its user without allowance for a message? */
#define too_small(o)	IN(TOO_SMALL, TASK(o))
#define no_quota(o, n)	(IN(NO_QUOTA, TASK(o)) && is_long(n) && !IN(in_slot, n))
#define is_long(n)	IN(LONG, n)

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

/* Before the entry at i. */
inline list_insert(what)
{
	x = what;
	do
	:: x != 0 -> j = cell[i]; cell[i] = x; x = j; i++
	:: else -> break
	od
}

/* The entry at k. */
inline list_cut(k)
{
	j = k;
	do
	:: cell[j] != 0 -> cell[j] = cell[j + 1]; j++
	:: else -> break
	od
}

/* ---- waiters and wakeups ---- */

inline waiter_init()
{
	selected[me] = NONE;
	DEL(done, me)
}

/* waiter_claim(): would the compare-and-swap succeed? */
#if MUTANT == CLAIM_NOT_ATOMIC
#define waiter_claim(o)	1	/* it was NULL when waitq_first() looked */
#else
#define waiter_claim(o)	(selected[TASK(o)] == NONE || selected[TASK(o)] == (o))
#endif

#if MUTANT == MEETS_ITSELF
#define is_own(o)	0
#else
#define is_own(o)	(TASK(o) == me)
#endif

/* The op comes in at, or 0. */
inline waitq_first(c, dir)
{
	at = 0;
	i = WAITQ(c, dir);
	do
	:: cell[i] != 0 ->
		must_exist(cell[i]);
		if
		:: op_is_dead(cell[i]) -> list_cut(i)
		:: !op_is_dead(cell[i]) && is_own(cell[i]) -> i++
		:: else -> at = cell[i]; break
		fi
	:: else -> break
	od
}

inline waitq_del(c, dir, o)
{
	list_find(WAITQ(c, dir), o);
	list_cut(i)
}

inline waitq_add(o, c, dir)
{
	ADD(on_stack, me);
	if
	:: IN(queue_first, o) -> i = WAITQ(c, dir); list_insert(o); DEL(queue_first, o)
	:: else -> list_add_tail(WAITQ(c, dir), o)
	fi;
	check_place(o, c, dir);
	if
	:: dir == SEND -> note_in(c)
	:: else
	fi
}

/* A select that was found is claimed in a step of its own, other ops are not. */
inline op_claim()
{
	if
	:: is_plain(at)
	:: else -> selected[TASK(at)] = at
	fi
}

/* waiter_complete() up to waiter_release(), for the op in at, which is claimed. */
inline waiter_complete(c, dir, verdict)
{
	op_claim();
	result[at] = verdict;
	waitq_del(c, dir, at);
	release_begin()
}

inline release_begin()
{
	if
	:: MUTANT == DONE_NOT_LAST -> ADD(done, TASK(at))
	:: MUTANT == WOKEN_BEFORE_DONE -> DEL(asleep, TASK(at))
	:: else
	fi
}

/*
 * From here on the op in at and its waiter may be gone. There is none where a
 * sender has more to send.
 */
inline waiter_release()
{
	if
	:: at != 0 ->
		must_exist(at);
		ADD(done, TASK(at));
		/* A section under a spinlock is one of RCU, too. */
		if
		:: MUTANT != WOKEN_BEFORE_DONE -> ADD(wakes, TASK(at)); ADD(rcu, me)
		:: else
		fi;
		at = 0
	:: else
	fi
}

/* The op is to be tried again, and keeps its place. */
inline retry_first(o, lost_by)
{
	note_retried(o);
	if
	:: MUTANT != lost_by -> ADD(queue_first, o)
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
	check_queues(c);
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
	:: r < ATTEMPT -> unlock(c)
	:: else
	fi
}

/* The end of a section that completed a waiter, with a verdict: a step of a loop. */
#define RELEASED(c, verdict) \
	:: r >= RELEASE && r < REFILL -> d_step { \
		waiter_release(); \
		r = (r == RELEASE -> verdict : (r == RELEASE_OFFERED -> OFFERED : \
		    (r == RELEASE_RETRY -> ATTEMPT : EDQUOT))); \
		unlock_if_done(c) \
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
	:: notify -> d_step {
		notify = 0;
		triggered = triggered | pollers[c];
		asleep = asleep & ~pollers[c]
	}
	:: else
	fi
}

/* in_event() */
inline note_in(c)
{
	notify = notify || pollers[c] != 0
}

#define is_woken(t)	(IN(done, t) || IN(triggered, t))

/*
 * woken is 1 when the waiter was completed, with the verdict in r, or triggered;
 * 0 when the task gave up.
 */
inline chan_waiter_park(verdict)
{
	if
	:: MUTANT != STATE_SET_LATE -> ADD(asleep, me)
	:: else
	fi;
	do
	:: d_step {
			is_woken(me);
			r = verdict;
			DEL(asleep, me);
			woken = 1
		};
		break
	:: else ->
		if
		:: MUTANT == STATE_SET_LATE -> ADD(asleep, me)
		:: else
		fi;
end_waiting:	if
		:: d_step {
			!IN(asleep, me);
			if
			:: MUTANT != STATE_SET_LATE -> ADD(asleep, me)
			:: else
			fi
		}
		:: gives_up -> DEL(asleep, me); woken = 0; break
		fi
	od
}

/* EINTR when the op was withdrawn, else its verdict. */
inline chan_waitq_cancel(o, c, dir)
{
	if
	:: MUTANT == CANCEL_UNLOCKED ->
		d_step { list_find(WAITQ(c, dir), o); ready = cell[i] != 0 }
	:: else
	fi;
	d_step {
		!locked[c];
		list_find(WAITQ(c, dir), o);
		if
		:: cell[i] != 0 || ready || MUTANT == CANCEL_UNCHECKED ->
			list_cut(i);
			ready = 0;
			r = EINTR
		:: else ->
			if
			:: PASSES && dir == SEND && peer[o] != 0 -> withdraw(o, c)
			:: else -> r = result[o]
			fi
		fi
	}
#if PASSES
	wait_for_commit(o)
#endif
}

/* chan_xfer_withdraw(), unless committing */
inline withdraw(o, c)
{
	if
	:: (IN(committing, o) && MUTANT != WITHDRAWS_COMMITTING) ||
	   MUTANT == NO_WITHDRAWAL ->
		r = COMMITTING;
		ADD(uninterruptible, me)
	:: else ->
		if
		:: MUTANT != WITHDRAWAL_UNSEEN -> j = peer[o]; peer[j] = 0
		:: else
		fi;
		peer[o] = 0;
		DEL(offered[c], o);
		r = EINTR
	fi
}

inline wait_for_commit(o)
{
	do
	:: r == COMMITTING ->
		ADD(asleep, me);
		if
		:: d_step {
			IN(done, me);
			DEL(asleep, me);
			DEL(uninterruptible, me);
			r = result[o]
		}
		:: else -> !IN(asleep, me)
		fi
	:: else -> break
	od
}

/* Waits with an op that was queued or offered. */
inline op_wait(o, c, dir)
{
	if
	:: r == QUEUED || r == OFFERED ->
		chan_waiter_park(result[o]);
		if
		:: woken -> d_step {
			woken = 0;
			if
			:: dir == RECV && r == OK -> check_delivered(o)
			:: else
			fi
		}
		:: else -> chan_waitq_cancel(o, c, dir)
		fi
	:: else
	fi
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

inline send_to_slot(o, c)
{
	op_sent(o, c);
	list_add_tail(RING(c), msg[o]);
	in_ring[c]++;
	ADD(in_slot, msg[o]);
	op_advance(o);
	note_in(c)
}

/* The message of an op goes straight to another one, which has still to copy it. */
inline move(o, c, to)
{
	op_sent(o, c);
	check_taken(msg[o], c);
	check_direct(c);
	msg[to] = msg[o];
	op_advance(o)
}

/* chan_xfer_offer(): the message stays with its sender. */
inline offer(o, c, to)
{
	check_offered(c);
	ADD(offered[c], o);
	peer[o] = to;
	peer[to] = o;
	msg[to] = msg[o]
}

/* The receive in at, which is claimed, fails; the message is for the next one. */
inline fail_receiver(c, verdict)
{
	waiter_complete(c, RECV, verdict);
	r = RELEASE_RETRY
}

/* handoff() to the receive in at, which is claimed */
inline handoff(o, c)
{
	if
	:: too_small(at) ->
		fail_receiver(c, EMSGSIZE)
	:: !too_small(at) && no_quota(at, msg[o]) ->
		fail_receiver(c, EDQUOT)
	:: else ->
		if
		:: PASSES ->
			waiter_init();
			ADD(on_stack, me);
			offer(o, c, at);
			r = RELEASE_OFFERED
		:: else ->
			move(o, c, at);
			r = RELEASE
		fi;
		waiter_complete(c, RECV, OK)
	fi
}

/* send_attempt() as far as it claims no select, and the queueing of send_slow() */
inline send_attempt(o, c, block)
{
	if
	:: send_broken(c) && MUTANT != BROKEN_CHECKED_UNLOCKED -> r = EPIPE
	:: MUTANT == BROKEN_CHECKED_UNLOCKED && ready -> r = EPIPE
	:: else ->
		waitq_first(c, RECV);
		if
		:: at != 0 && !is_plain(at) -> r = CLAIM
		:: at != 0 && is_plain(at) -> handoff(o, c)
		:: at == 0 && has_free_slot(c) -> send_to_slot(o, c); r = OK
		:: at == 0 && !has_free_slot(c) && block -> queue_send(o, c)
		:: else -> r = EAGAIN
		fi
	fi
}

inline queue_send(o, c)
{
	waiter_init();
	waitq_add(o, c, SEND);
	r = QUEUED
}

/* Sends one message, as if the budget were one; QUEUED, OFFERED: wait. */
inline chan_send(o, c, block)
{
	if
	:: MUTANT == BROKEN_CHECKED_UNLOCKED -> ready = send_broken(c)
	:: else
	fi;
	r = ATTEMPT;
	do
	:: r == ATTEMPT -> d_step {
		lock(c);
		send_attempt(o, c, block);
		unlock_if_done(c)
	}
	:: r == CLAIM -> d_step {
		must_exist(at);
		if
		:: waiter_claim(at) -> handoff(o, c)
#if MUTANT == QUEUED_AFTER_LOST_CLAIM
		:: else ->
			waitq_del(c, RECV, at);
			queue_send(o, c);
			unlock(c)
#else
		:: else ->
			waitq_del(c, RECV, at);
			r = ATTEMPT
#endif
		fi
	}
	RELEASED(c, OK)
	:: else -> break
	od;
	wake_up(c)
}

/* ---- receiving ---- */

/* A short message is copied before it is taken, so that it is received. */
inline copied_if_short(o, c)
{
	if
	:: !is_long(msg[o]) -> check_received(msg[o], c); msg[o] = 0
	:: else
	fi
}

/* take(), or recv_by_pointer() with charge_found(), of a message that is buffered */
inline take(o, c)
{
	i = (nr_requeued[c] != 0 && !(MUTANT == RING_BEFORE_REQUEUED && in_ring[c] != 0) ->
		REQUEUED(c) : RING(c));
	if
	:: over_quota && no_quota(o, cell[i]) -> r = EDQUOT
	:: else ->
		msg[o] = cell[i];
		if
		:: i == REQUEUED(c) -> nr_requeued[c]--
		:: else -> in_ring[c]--
		fi;
		list_cut(i);
		check_taken(msg[o], c);
		check_order(msg[o], c);
		if
		:: is_long(msg[o]) && !IN(KEEPS_SLOT, me) && !over_quota -> leave_slot(msg[o], c)
		:: else
		fi;
		copied_if_short(o, c);
		if
		:: msg[o] != 0 && IN(in_slot, msg[o]) && MUTANT != SLOT_FREED_EARLY ->
			nr_copying[c]++;
			note_eof(c);
			r = OK
		:: else -> chan_refill(c)
		fi
	fi
}

inline note_eof(c)
{
	if
	:: at_eof(c) -> note_in(c)
	:: else
	fi
}

/* slot_freed() as far as chan_refill() claims no select */
inline chan_refill(c)
{
	at = 0;
	if
	:: has_free_slot(c) && !send_broken(c) && MUTANT != NO_REFILL ->
		waitq_first(c, SEND)
	:: else
	fi;
	if
	:: at != 0 && !is_plain(at) -> r = REFILL_CLAIM
	:: at != 0 && is_plain(at) -> refill_from(c)
	:: else -> r = OK; note_eof(c)
	fi
}

/* The message of the send in at, which is claimed, moves up. */
inline refill_from(c)
{
	send_to_slot(at, c);
	complete_if_sent(c);
	r = REFILL_RELEASE
}

inline complete_if_sent(c)
{
	if
	:: todo[at] == 0 -> waiter_complete(c, SEND, OK)
	:: else -> at = 0
	fi
}

/* What follows the first chan_refill(): steps of a loop. */
#define SLOT_FREED(c) \
	:: r == REFILL -> d_step { lock(c); chan_refill(c); unlock_if_done(c) } \
	:: r == REFILL_CLAIM -> d_step { must_exist(at); refill_claim(c) } \
	:: r == REFILL_RELEASE -> d_step { waiter_release(); r = REFILL }

inline refill_claim(c)
{
	if
	:: waiter_claim(at) -> refill_from(c)
	:: else ->
		waitq_del(c, SEND, at);
		r = REFILL
	fi
}

/* take_from_sender(), of the send in at, which is claimed */
inline take_from_sender(o, c)
{
	if
	:: over_quota && no_quota(o, msg[at]) ->
		if
		:: is_plain(at) -> r = EDQUOT
		:: else ->
			/* A select that is claimed has to try again. */
			retry_first(at, CLAIMED_LOSES_PLACE);
			waiter_complete(c, SEND, EAGAIN);
			r = RELEASE_NO_QUOTA
		fi
	:: else ->
		if
		:: PASSES ->
			op_claim();
			waitq_del(c, SEND, at);
			offer(at, c, o);
			at = 0
		:: else ->
			move(at, c, o);
			copied_if_short(o, c);
			complete_if_sent(c)
		fi;
		note_eof(c);
		r = RELEASE
	fi
}

/* recv_attempt() as far as it claims no select, and the queueing of recv_slow() */
inline recv_attempt(o, c, block)
{
	at = 0;
	if
	:: nr_buffered(c) == 0 && (!send_broken(c) || MUTANT == RECV_AFTER_CLOSE) ->
		waitq_first(c, SEND)
	:: else
	fi;
	if
	:: (nr_buffered(c) != 0 || at != 0) && too_small(o) -> r = EMSGSIZE
	:: nr_buffered(c) != 0 && !too_small(o) && !at_eof(c) -> take(o, c)
	:: at != 0 && !too_small(o) ->
		if
		:: is_plain(at) -> take_from_sender(o, c)
		:: else -> r = CLAIM
		fi
	:: at == 0 && at_eof(c) -> check_eof(c); r = CLOSED
	:: else ->
		if
		:: block ->
			waiter_init();
			waitq_add(o, c, RECV);
			r = QUEUED
		:: else -> r = EAGAIN
		fi
	fi
}

inline chan_recv(o, c, block)
{
	r = ATTEMPT;
	do
	:: r == ATTEMPT -> d_step {
		lock(c);
		recv_attempt(o, c, block);
		unlock_if_done(c)
	}
	:: r == CLAIM -> d_step {
		must_exist(at);
		if
		:: waiter_claim(at) -> take_from_sender(o, c)
		:: else ->
			waitq_del(c, SEND, at);
			r = ATTEMPT
		fi
	}
	RELEASED(c, OK)
	SLOT_FREED(c)
	:: else -> break
	od;
	wake_up(c)
}

/* ---- requeueing ---- */

inline requeue_sorted(n, c)
{
	i = REQUEUED(c);
	do
	:: cell[i] != 0 &&
	   (seq[cell[i]] < seq[n] || MUTANT == REQUEUED_LAST) -> i++
	:: else -> break
	od;
	list_insert(n);
	nr_requeued[c]++;
	check_requeued(n);
	note_in(c)
}

/* requeue_to(), to the receive in at, which is claimed */
inline requeue_to(o, c)
{
	if
	:: too_small(at) ->
		fail_receiver(c, EMSGSIZE)
	:: !too_small(at) && no_quota(at, msg[o]) ->
		fail_receiver(c, EDQUOT)
	:: else ->
		check_direct(c);
		msg[at] = msg[o];
		waiter_complete(c, RECV, OK);
		r = RELEASE
	fi
}

/* msg_requeue() as far as it claims no select */
inline requeue_attempt(o, c)
{
	if
	:: MUTANT != REQUEUE_SKIPS_WAITERS -> waitq_first(c, RECV)
	:: else -> at = 0
	fi;
	if
	:: at != 0 && !is_plain(at) -> r = CLAIM
	:: at != 0 && is_plain(at) -> requeue_to(o, c)
	:: else ->
		if
		:: IN(in_slot, msg[o]) && MUTANT != SLOT_LEAKED -> nr_copying[c]--
		:: else
		fi;
		requeue_sorted(msg[o], c);
		r = EFAULT
	fi
}

/* The message of an op that could not copy it, and ends with EFAULT. */
inline msg_requeue(o, c)
{
	r = ATTEMPT;
	do
	:: r == ATTEMPT -> d_step {
		lock(c);
		requeue_attempt(o, c);
		unlock_if_done(c)
	}
	:: r == CLAIM -> d_step {
		must_exist(at);
		if
		:: waiter_claim(at) -> requeue_to(o, c)
		:: else ->
			waitq_del(c, RECV, at);
			r = ATTEMPT
		fi
	}
	RELEASED(c, EFAULT)
	:: else -> break
	od;
	msg[o] = 0;
	wake_up(c)
}

/* ---- after a receive ---- */

/* The message that was copied had kept its slot. */
inline release_slot(o, c)
{
	d_step {
		lock(c);
		check_received(msg[o], c);
		msg[o] = 0;
		nr_copying[c]--;
		chan_refill(c);
		unlock_if_done(c)
	}
	do
	SLOT_FREED(c)
	:: else -> break
	od;
	wake_up(c)
}

#define has_slot(o)	(IN(in_slot, msg[o]) && MUTANT != SLOT_FREED_EARLY)

/*
 * Copies the message that the op has to its user, without the lock; as often as
 * FAULTS says that fails, and for STALLS it never ends.
 */
inline recv_finish(o, c)
{
	if
	:: msg[o] == 0
	:: msg[o] != 0 && IN(STALLS, me) ->
		ADD(stalled, me);
end_stalled:	false
#if PASSES
	:: msg[o] != 0 && !IN(STALLS, me) -> r = OK; finish_offer(o, c)
	:: msg[o] != 0 && faults > 0 -> faults--; r = EFAULT; finish_offer(o, c)
#else
	:: d_step {
		msg[o] != 0 && !IN(STALLS, me) && !has_slot(o) ->
		check_received(msg[o], c);
		msg[o] = 0;
		r = OK
	}
#if LONG
	:: msg[o] != 0 && !IN(STALLS, me) && has_slot(o) -> release_slot(o, c)
#endif
	:: msg[o] != 0 && faults > 0 && MUTANT != NOT_REQUEUED ->
		faults--;
		msg_requeue(o, c)
	:: msg[o] != 0 && faults > 0 && MUTANT == NOT_REQUEUED ->
		faults--;
		msg[o] = 0;
		r = EFAULT
#endif
	fi
}

/* ---- files: xfer.c ---- */

inline finish_offer(o, c)
{
	if
	:: r == EFAULT	/* decline */
	:: else ->
		xfer_begin_commit(o, c);
		/* receive_fd() */
		if
		:: true
		:: r == OK && faults > 0 -> faults--; r = EFAULT
		fi
	fi;
	if
	:: r != EAGAIN -> xfer_end(o, c)
	:: else
	fi;
	d_step {
		retry_first(o, WITHDRAWN_LOSES_PLACE);
		msg[o] = 0
	}
}

/* EAGAIN: the sender has withdrawn. */
inline xfer_begin_commit(o, c)
{
	d_step {
		!locked[c];
		if
		:: peer[o] != 0 -> must_exist(peer[o]); ADD(committing, peer[o])
		:: else -> r = EAGAIN
		fi
	}
}

/* The send is complete, or is tried again; a decline finds that it withdrew. */
inline xfer_end(o, c)
{
	d_step {
		lock(c);
		at = peer[o];
		check_peer(at, r);
		if
		:: at != 0 ->
			peer[o] = 0;
			peer[at] = 0;
			DEL(offered[c], at);
			DEL(committing, at);
			if
			:: r == OK ->
				check_committed(at, c);
				result[at] = OK
			:: else ->
				result[at] = EAGAIN;
				retry_first(at, DECLINE_LOSES_PLACE)
			fi;
			release_begin()
		:: else
		fi
	}
	d_step {
		waiter_release();
		unlock(c)
	}
	wake_up(c)
}

/* ---- selects ---- */

/* op_ready(), for an op that is to be queued; the answer is added to ready */
inline op_ready(c, dir)
{
	at = 0;
	if
	:: dir == SEND ->
		waitq_first(c, RECV);
		ready = ready || send_broken(c) || has_free_slot(c) || at != 0
	:: dir == RECV ->
		if
		:: nr_buffered(c) == 0 && !send_broken(c) -> waitq_first(c, SEND)
		:: else
		fi;
		ready = ready || nr_buffered(c) != 0 || at != 0 || at_eof(c)
	fi;
	at = 0
}

/* ---- close and hangup ---- */

/* A send that is offered and not committing comes in at, or 0. */
inline find_offered(c)
{
	at = 1;
	do
	:: at < OPS && !IN(offered[c] & ~committing, at) -> at++
	:: else -> break
	od;
	at = (at < OPS -> at : 0)
}

/* chan_xfer_fail_one(), for the send in at; its receiver finds no peer. */
inline xfer_fail(c)
{
	withdraw(at, c);
	result[at] = EPIPE;
	release_begin();
	r = RELEASE
}

/* fail_waiters() and chan_xfer_fail_one() as far as they claim no select */
inline fail_waiters(c)
{
	at = 0;
	if
	:: send_broken(c) -> dir = SEND; waitq_first(c, SEND)
	:: else
	fi;
	if
	:: PASSES && at == 0 && send_broken(c) && MUTANT != OFFER_NOT_FAILED -> find_offered(c)
	:: else
	fi;
	if
	:: at == 0 && at_eof(c) -> dir = RECV; waitq_first(c, RECV)
	:: else
	fi;
	if
	:: at != 0 && IN(offered[c], at) -> xfer_fail(c)
	:: at != 0 && !IN(offered[c], at) && !is_plain(at) -> r = CLAIM
	:: at != 0 && !IN(offered[c], at) && is_plain(at) -> fail_waiter(c)
	:: else -> r = OK; note_in(c)
	fi
}

inline fail_waiter(c)
{
	waiter_complete(c, dir, (dir == SEND -> EPIPE : CLOSED));
	r = RELEASE
}

/* One waiter at a time, where the module completes up to six, then pollers. */
inline flush_waiters(c)
{
	r = ATTEMPT;
	do
	:: r == ATTEMPT -> d_step { lock(c); fail_waiters(c); unlock_if_done(c) }
	:: r == CLAIM -> d_step {
		must_exist(at);
		if
		:: waiter_claim(at) -> fail_waiter(c)
		:: else ->
			waitq_del(c, dir, at);
			r = ATTEMPT
		fi
	}
	:: r == RELEASE -> d_step { waiter_release(); unlock(c) }
		wake_up(c);
		r = (MUTANT == FLUSH_ONCE -> OK : ATTEMPT)
	:: else -> break
	od;
	wake_up(c)
}

inline chan_close(c)
{
	d_step { lock(c); closed[c] = 1; unlock(c) }
	flush_waiters(c)
}

inline chan_add_handle(c, handles)
{
	d_step { lock(c); handles++; unlock(c) }
}

inline chan_drop_handle(c, handles)
{
	d_step {
		lock(c);
		handles--;
		ready = send_broken(c) || no_senders(c);
		unlock(c)
	}
	if
	:: ready && MUTANT != HANGUP_NOT_FLUSHED -> flush_waiters(c)
	:: else
	fi
}
