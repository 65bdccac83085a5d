// SPDX-License-Identifier: GPL-2.0
/*
 * Leases: module/lease.c, and what send.c, recv.c, chan.c, uop.c and file.c do on an
 * acknowledged channel. A model by itself: on such a channel nothing is handed off, all
 * messages go through the ring. An inline has the name of the function that it stands for.
 *
 * A section under the channel's lock is one step, as nothing in it is seen from outside
 * but selects, which are left out. How a task sleeps and is woken is in protocol.pml: here it
 * waits until it is done. A message is its number in the order of sending, from 1, and a
 * task has one descriptor, in the table TABLE(task).
 */

#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef INVARIANTS
#define INVARIANTS (MUTANT == 0)
#endif
/*
 * Sets of tasks: may give up while they wait; may fail once to copy; may end with a message
 * that they have not acknowledged; may hang between two operations; may return one message;
 * have too little room for any message.
 */
#ifndef GIVE_UP
#define GIVE_UP 0
#endif
#ifndef FAULTS
#define FAULTS 0
#endif
#ifndef DIES
#define DIES 0
#endif
#ifndef HANGS
#define HANGS 0
#endif
#ifndef REQUEUES
#define REQUEUES 0
#endif
#ifndef TOO_SMALL
#define TOO_SMALL 0
#endif
/* Messages are too long to be copied under the lock. */
#ifndef LONG
#define LONG 0
#endif
/* 0: unlimited */
#ifndef MAX_DELIVERIES
#define MAX_DELIVERIES 0
#endif
/* Slots of the dead-letter channel, 0: there is none. */
#ifndef DEAD
#define DEAD 0
#endif
/* Slots of the done channel, 0: there is none. */
#ifndef DONE
#define DONE 0
#endif
/* CHAN_LOCKED_MSGS_MAX of chan_lease_dispatch() and of chan_owner_end() */
#ifndef DISPATCH_MAX
#define DISPATCH_MAX 255
#endif
#ifndef RETURN_MAX
#define RETURN_MAX 255
#endif
/* Tasks with the same table are threads of a process. */
#ifndef TABLE
#define TABLE(t) (t)
#endif
/* The tasks that share the table of a task, as a set. */
#ifndef SHARERS
#define SHARERS(t) BIT(t)
#endif
/* Somebody receives until the end, so that all messages are acknowledged, or dead letters. */
#ifndef DRAINS
#define DRAINS 1
#endif

#include "mutants.pml"

#define NONE	0
#define OK	1
#define EPIPE	2
#define CLOSED	3
#define EINTR	4	/* a signal, or the deadline */
#define EFAULT	5
#define EMSGSIZE 6
#define EBADF	7
#define ESTALE	8
#define EAGAIN	9
#define QUEUED	10

#define BIT(n)		(1 << (n))
#define IN(set, n)	(((set) >> (n)) & 1)
#define ADD(set, n)	set = set | BIT(n)
#define DEL(set, n)	set = set & ~BIT(n)
/* How many of the messages 1 to 5 are in the set? */
#define COUNT(set)	(IN(set, 1) + IN(set, 2) + IN(set, 3) + IN(set, 4) + IN(set, 5))
#define MUST_NOT(rule, broken)	rule = (broken); assert(!rule)

/* No more owners are held by ops or in the tree. */
#define OWNERS		(2 * TASKS + 1)

/* ---- the channel ---- */

bit closed;
byte senders, receivers;	/* handles */
byte last_seq;
byte ring, requeued;		/* sets of messages; both are taken from in order */
byte kept;			/* ring.kept */
chan send_waitq = [TASKS] of { byte };
chan recv_waitq = [TASKS] of { byte };

/* struct chan_op, of a task that receives, and its waiter */
byte msg[TASKS];
byte lease[TASKS];		/* with the message the id of the lease */
byte owner[TASKS];		/* 0: it reads */
byte result[TASKS];
byte done;			/* a set of tasks */

/* struct leases */
byte leased_by[MSGS + 1];	/* the owner, or 0 */
byte begun[MSGS + 1];		/* leases of the message; what distinguishes their ids */
byte deliveries[MSGS + 1];
byte dead_letters;			/* a set of messages */
byte nr_dead_letters;
byte notices;			/* a set of messages: those of leases.done */
byte nr_notices;
bit work;			/* the work item is to be run */

/* The owner with the table, or 0; struct lease_owner. */
byte tree[TASKS];
chan list[OWNERS] = [MSGS] of { byte };
byte key[OWNERS];
byte refs[OWNERS];
short ended;			/* a set of owners */
byte dropping[OWNERS];		/* messages that are dropped, and have still their slots */

/* Whose descriptors are open; who has looked at an owner that an op may get since, who did. */
byte open, looking, used;

/* The dead-letter channel. */
byte dead_len;
bit dead_closed;

/* The done channel. */
byte done_len;
bit done_closed;

#define no_senders	(closed || senders == 0)
#define send_broken	(closed || receivers == 0)
#define nr_buffered	COUNT(ring | requeued)
#if MUTANT == ONE_SLOT_TOO_MANY
#define has_free_slot	(nr_buffered + kept <= CAPACITY)
#else
#define has_free_slot	(nr_buffered + kept < CAPACITY)
#endif
#if MUTANT == EOF_IGNORES_LEASES
#define may_return	0
#elif MUTANT == DEAD_LETTER_MAY_RETURN
#define may_return	(kept > 0)
#elif MUTANT == NOTICE_MAY_RETURN
#define may_return	(kept > nr_dead_letters)
#else
#define may_return	(kept > nr_dead_letters + nr_notices)
#endif
#define at_eof		(no_senders && nr_buffered == 0 && !may_return)

/* ---- rules; all of this is the model's own ---- */

byte delivered;			/* sets of messages: were copied by a receiver */
byte acked;
byte received;			/* by read() */
byte dropped;
byte forwarded;
byte aside;			/* are dead letters, and have their slots */
byte untold;			/* are done, and have their slots: their notices are held */
byte told;			/* there was a notice, or the done channel has refused it */
byte reported;			/* how many sends returned success */
byte exited, hanging;		/* sets of tasks */
short returning_some;		/* owners in the midst of chan_owner_end(): a set */

hidden byte not_delivered, acked_twice, acked_stale, delivered_twice, lost, not_sent, overtaken,
	eof_early, end_not_reported, not_completed, not_forwarded, ended_early, ended_lease,
	owner_freed, too_many, slot_leaked, stuck, told_twice, not_told, L4;
hidden byte returning;		/* the leases that a section returns */
hidden byte just_dropped;	/* the same set, of lease_requeue() */
hidden byte n, m, k, o, to, s, x, t, budget;

#define sent		(BIT(last_seq + 1) - 2)
#define finished	(acked | received | dropped | forwarded)
#define inside		(sent & ~finished)

inline check_taken(n)
{
	MUST_NOT(overtaken, ((ring | requeued | returning) & (BIT(n) - 1)) != 0);
	MUST_NOT(delivered_twice, IN(finished | aside, n) || leased_by[n] != 0)
}

inline check_acked(n, me)
{
	MUST_NOT(acked_twice, IN(finished | aside | ring | requeued, n));
	MUST_NOT(acked_stale, begun[n] != lease[me]);
	MUST_NOT(not_delivered, !IN(delivered, n));
	ADD(acked, n)
}

/* Only what can no more come back is left. */
inline check_eof()
{
	MUST_NOT(eof_early, !no_senders || (inside & ~aside) != 0)
}

inline check_dead_letter(n)
{
	MUST_NOT(not_delivered, !IN(delivered, n));
	MUST_NOT(acked_twice, IN(finished | aside | ring | requeued, n))
}

/* Whenever the lock is dropped. */
inline check_queues()
{
	returning = 0;
	MUST_NOT(too_many, COUNT(inside | untold) > CAPACITY);
	MUST_NOT(L4, INVARIANTS && !work && returning_some == 0 &&
		     nr_buffered != 0 && len(recv_waitq) != 0);
	MUST_NOT(L4, INVARIANTS && !send_broken && has_free_slot && len(send_waitq) != 0)
}

/* ---- waiting ---- */

inline lowest(set, n)
{
	n = 1;
	do
	:: !IN(set, n) -> n++
	:: else -> break
	od
}

inline waiter_complete(t, verdict)
{
	result[t] = verdict;
	ADD(done, t)
}

/* chan_unlock() where leases may have ended: chan_lease_unlock() */
inline lease_unlock()
{
	flush = at_eof && MUTANT != END_NOT_FLUSHED;
	check_queues()
}

/* chan_flush_waiters(), one waiter of each direction at a time */
inline flush_waiters()
{
	do
	:: flush -> d_step {
		flush = false;
		if
		:: send_broken && len(send_waitq) != 0 ->
			send_waitq?t;
			waiter_complete(t, EPIPE);
			flush = true
		:: else
		fi;
		if
		:: at_eof && len(recv_waitq) != 0 ->
			recv_waitq?t;
			check_eof();
			waiter_complete(t, CLOSED);
			flush = true
		:: else
		fi;
		check_queues()
	}
	:: else -> break
	od;
	/* as no d_step may follow a loop */
	flush = false
}

/* op_wait(): chan_waiter_park() and chan_waitq_cancel() */
inline op_wait(waitq)
{
	if
	:: r == QUEUED ->
end_waiting:	if
		:: d_step { IN(done, me); r = result[me]; DEL(done, me); result[me] = 0 }
		:: d_step {
			gives_up;
			if
			:: waitq??[eval(me)] -> waitq??eval(me); r = EINTR
			:: else -> r = result[me]; DEL(done, me); result[me] = 0
			fi
		}
		fi
	:: else
	fi
}

/* ---- leases and dispatch: lease.c ---- */

/* take_first(), and take() of recv.c */
inline take_first(n)
{
	x = requeued;
	if
	:: x == 0 || (MUTANT == RING_BEFORE_REQUEUED && ring != 0) -> x = ring
	:: else
	fi;
	lowest(x, n);
	DEL(ring, n);
	DEL(requeued, n);
	check_taken(n)
}

inline chan_lease_begin(t, n)
{
	leased_by[n] = owner[t];
	list[owner[t]]!n;
	begun[n]++;
	lease[t] = begun[n];
	if
	:: MAX_DELIVERIES != 0 -> deliveries[n]++
	:: else
	fi;
	kept++
}

inline dispatch_to(t)
{
	if
	:: IN(TOO_SMALL, t) -> waiter_complete(t, EMSGSIZE)
	:: else ->
		take_first(m);
		msg[t] = m;
		if
		:: owner[t] != 0 -> chan_lease_begin(t, m)
		:: else -> kept++
		fi;
		waiter_complete(t, OK)
	fi
}

inline chan_lease_dispatch()
{
	budget = DISPATCH_MAX;
	do
	:: nr_buffered != 0 && len(recv_waitq) != 0 && budget != 0 ->
		budget--;
		recv_waitq?to;
		dispatch_to(to)
	:: else -> break
	od;
	if
	:: nr_buffered != 0 && len(recv_waitq) != 0 && MUTANT != BUDGET_FORGETS -> work = 1
	:: else
	fi
}

/* send_to_slot() of send.c */
inline send_to_slot(dispatches)
{
	last_seq++;
	ADD(ring, last_seq);
	if
	:: dispatches -> chan_lease_dispatch()
	:: else
	fi
}

inline slot_freed(dispatches)
{
	/* chan_refill() */
	do
	:: has_free_slot && !send_broken && len(send_waitq) != 0 && MUTANT != NO_REFILL ->
		send_waitq?s;
		send_to_slot(dispatches);
		waiter_complete(s, OK)
	:: else -> break
	od;
	if
	:: dispatches -> chan_lease_dispatch()
	:: else
	fi
}

inline lease_end(n)
{
	list[leased_by[n]]??eval(n);
	leased_by[n] = 0
}

/* The caller goes on with slot_freed(). */
inline chan_acked_done(n)
{
	if
	:: DONE != 0 ->
		MUST_NOT(told_twice, IN(untold | told, n));
		ADD(notices, n);
		ADD(untold, n);
		nr_notices++;
		work = 1;
		if
		:: MUTANT == NOTICE_FREES_SLOT -> kept--
		:: else
		fi
	:: else -> kept--
	fi
}

inline dead_letter(n)
{
	check_dead_letter(n);
	if
	:: DEAD != 0 ->
		ADD(dead_letters, n);
		ADD(aside, n);
		nr_dead_letters++;
		work = 1;
		if
		:: MUTANT == DEAD_LETTER_FREES_SLOT -> kept--
		:: else
		fi
	:: else ->
		ADD(dropped, n);
		if
		:: MUTANT == DROP_DISPATCHES -> kept--; slot_freed(1)
		:: MUTANT == DROPPED_FREES_SLOT -> kept--
		:: else -> ADD(just_dropped, n)
		fi
	fi
}

/* The caller goes on with chan_drop() and slot_freed(). */
#define RETURNS_DISPATCH (MUTANT != RETURN_NOT_DISPATCHED)

inline lease_requeue(n)
{
	lease_end(n);
	DEL(returning, n);
	if
	:: MAX_DELIVERIES != 0 && deliveries[n] >= MAX_DELIVERIES -> dead_letter(n)
	:: else -> kept--; ADD(requeued, n)
	fi
}

inline return_one(n)
{
	lease_requeue(n);
	if
	:: just_dropped != 0 -> chan_acked_done(n)
	:: else
	fi;
	just_dropped = 0;
	slot_freed(RETURNS_DISPATCH)
}

/* lease_find(), and chan_ack() but for the table */
#if MUTANT == ID_IS_INDEX
#define lease_found(t)	(leased_by[msg[t]] != 0)
#else
#define lease_found(t)	(leased_by[msg[t]] != 0 && begun[msg[t]] == lease[t])
#endif

inline chan_ack(requeue)
{
	d_step {
		n = msg[me];
		if
		:: !lease_found(me) || IN(ended, leased_by[n]) ||
		   key[leased_by[n]] != TABLE(me) ->
			r = ESTALE;
			MUST_NOT(ended_early, IN(open, me))
		:: else ->
			if
			:: requeue -> return_one(n)
			:: else ->
				lease_end(n);
				check_acked(n, me);
				if
				:: MUTANT != ACK_KEEPS_SLOT -> chan_acked_done(n)
				:: else
				fi;
				begun[n] = 0;
				deliveries[n] = 0;
				slot_freed(MUTANT != ACK_NOT_DISPATCHED)
			fi;
			lease_unlock()
		fi;
		msg[me] = 0;
		lease[me] = 0
	}
	flush_waiters()
}

/* The message was copied, or not; then the owner is looked at without the lock. */
inline chan_lease_finish()
{
	if
	:: r == OK && (!IN(ended, owner[me]) || MUTANT == FINISH_IGNORES_END)
	:: r == EFAULT && MUTANT == NOT_REQUEUED
	:: else ->
		d_step {
			n = msg[me];
			if
			:: lease_found(me) ->
				if
				:: r == EFAULT && MAX_DELIVERIES != 0 && MUTANT != FAULT_COUNTS ->
					deliveries[n]--
				:: else
				fi;
				return_one(n)
			:: else
			fi;
			lease_unlock()
		}
		flush_waiters()
	fi
}

/* ---- owners: lease.c, file.c ---- */

inline owner_put(o)
{
	refs[o]--;
	if
	:: refs[o] == 0 ->
		MUST_NOT(owner_freed, len(list[o]) != 0);
		DEL(ended, o);
		key[o] = 0
	:: else
	fi
}

/* chan_owner_get(); made is 1 if it is a new one */
inline chan_owner_get()
{
	d_step {
		o = tree[TABLE(me)];
		made = (o == 0);
		if
		:: made ->
			o = 1;
			do
			:: refs[o] != 0 -> o++
			:: else -> break
			od;
			tree[TABLE(me)] = o;
			key[o] = TABLE(me);
			refs[o] = 1
		:: else
		fi;
		refs[o]++;
		owner[me] = o;
		used = used | looking
	}
}

inline return_some()
{
	budget = RETURN_MAX;
	k = 1;
	do
	:: k <= MSGS -> returning = returning | ((leased_by[k] == o) << k); k++
	:: else -> break
	od;
	do
	:: len(list[o]) != 0 && budget != 0 ->
		budget--;
		list[o]?<k>;
		lease_requeue(k);
		dropping[o] = dropping[o] | just_dropped;
		just_dropped = 0
	:: else -> break
	od;
	k = 1;
	do
	:: len(list[o]) == 0 && budget != 0 && k <= MSGS ->
		if
		:: IN(dropping[o], k) ->
			budget--;
			DEL(dropping[o], k);
			chan_acked_done(k);
			slot_freed(RETURNS_DISPATCH)
		:: else
		fi;
		k++
	:: else -> break
	od;
	if
	:: budget != 0 ->
		DEL(returning_some, o);
		slot_freed(RETURNS_DISPATCH);
		lease_unlock();
		ending = 0;
		owner_put(o)
	:: else -> ADD(returning_some, o); check_queues()
	fi
}

/* gone is 1 when there is no owner any more, 0: look again. */
inline chan_owner_end()
{
	d_step {
		o = tree[TABLE(me)];
		DEL(looking, me);
		if
		:: o == 0 -> gone = 1
		:: o != 0 && IN(used, me) && MUTANT != END_UNCHECKED -> gone = 0
		:: else ->
			gone = 1;
			ADD(ended, o);
			tree[TABLE(me)] = 0;
			ending = o;
			return_some()
		fi;
		DEL(used, me)
	}
	do
	:: ending != 0 -> d_step { o = ending; return_some() }
	:: else -> break
	od;
	flush_waiters()
}

/* owner_ended() of file.c; gone is 1 when there is no descriptor in the table any more. */
inline owner_ended()
{
	gone = 0;
	do
	:: !gone ->
		/* chan_owner_look() */
		d_step {
			if
			:: tree[TABLE(me)] == 0 -> gone = 1
			:: else -> ADD(looking, me); DEL(used, me)
			fi
		}
		if
		:: gone
		:: else ->
			/* iterate_fd() */
			if
			:: d_step {
				(open & SHARERS(me)) != 0 ->
				DEL(looking, me);
				DEL(used, me)
			};
				break
			:: else -> chan_owner_end()
			fi
		fi
	:: else -> break
	od
}

/* close(2) of the descriptor of a task, by a sharer of its table, with gochan_flush() */
inline close_descriptor(t)
{
	if
	:: d_step { IN(open, t); DEL(open, t) };
		if
		:: MUTANT != CLOSE_NOT_FLUSHED -> owner_ended()
		:: else
		fi
	:: else
	fi
}

/* ---- receiving: recv.c, uop.c ---- */

/* recv_attempt(), and the queueing of recv_slow() */
inline recv_attempt()
{
	d_step {
		if
		:: nr_buffered != 0 && IN(TOO_SMALL, me) -> r = EMSGSIZE
		:: nr_buffered != 0 && !IN(TOO_SMALL, me) ->
			take_first(n);
			r = OK;
			msg[me] = n;
			if
			:: owner[me] != 0 -> chan_lease_begin(me, n)
			:: owner[me] == 0 && LONG -> kept++
			:: else -> ADD(received, n); msg[me] = 0; kept++; chan_acked_done(n)
			fi;
			if
			:: owner[me] != 0 && !LONG -> ADD(delivered, n)
			:: else
			fi;
			copied = !LONG;
			slot_freed(1)
		:: nr_buffered == 0 && at_eof -> check_eof(); r = CLOSED
		:: else -> recv_waitq!me; r = QUEUED; copied = 0
		fi;
		check_queues()
	}
	op_wait(recv_waitq)
}

/* copy_delivered() */
inline copy_delivered()
{
	if
	:: r == OK && !copied ->
		if
		:: d_step { ADD(delivered, msg[me]); copied = 1 }
		:: faults -> faults = 0; r = EFAULT
		fi
	:: else
	fi
}

/* A RECV op: gochan_uop_load(), chan_recv_op(), gochan_uop_unload() */
inline recv_lease()
{
	r = OK;
	/* fdget() */
	if
	:: IN(open, me) ->
		chan_owner_get();
		if
		:: made && MUTANT != MADE_UNCHECKED ->
			owner_ended();
			r = (gone -> EBADF : OK)
		:: else
		fi;
		if
		:: r == OK ->
			recv_attempt();
			copy_delivered();
			if
			:: msg[me] != 0 -> chan_lease_finish()
			:: else
			fi
		:: else
		fi;
		d_step {
			owner_put(owner[me]);
			owner[me] = 0;
			made = 0;
			gone = 0;
			copied = 0;
			if
			:: r != OK -> msg[me] = 0; lease[me] = 0
			:: else
			fi
		}
	:: else -> r = EBADF
	fi
}

/* chan_drop_handle() */
inline drop_handle(handles)
{
	r = 0;
	d_step {
		handles--;
		flush = send_broken || no_senders;
		check_queues()
	}
	flush_waiters()
}

#define LOCALS	byte r, ending; bit flush, gives_up, faults, made, gone, copied

inline begin()
{
	atomic {
		faults = IN(FAULTS, me);
		if
		:: gives_up = 0
		:: IN(GIVE_UP, me) -> gives_up = 1
		fi
	}
}

/* ---- tasks ---- */

inline hang()
{
	ADD(hanging, me);
end_hanging:
	false
}

/* Receives by leases, until the end or an error. */
proctype worker(byte me)
{
	LOCALS;
	bit may_requeue = IN(REQUEUES, me);

	begin();
	do
	:: recv_lease();
		if
		:: r == OK ->
			if
			:: chan_ack(0)
			:: may_requeue -> may_requeue = 0; chan_ack(1)
			:: IN(DIES, me) -> break
			:: IN(HANGS, me) -> hang()
			fi
		:: r == EFAULT || r == EMSGSIZE
		:: else -> break
		fi;
		if
		:: true
		:: IN(HANGS, me) -> hang()
		fi
	od;
	close_descriptor(me);
	drop_handle(receivers);
	d_step { msg[me] = 0; lease[me] = 0; ADD(exited, me) }
}

/* Gets a descriptor at any time, and is a worker. */
proctype late_worker(byte me)
{
	LOCALS;

	begin();
	ADD(open, me);
	recv_lease();
	if
	:: r == OK -> chan_ack(0)
	:: else
	fi;
	close_descriptor(me);
	drop_handle(receivers);
	d_step { msg[me] = 0; lease[me] = 0; ADD(exited, me) }
}

/* Closes the descriptor of another thread. */
proctype closing_thread(byte me, whose)
{
	LOCALS;

	close_descriptor(whose);
	ADD(exited, me)
}

/* read(), as often as times says */
proctype reader(byte me, times)
{
	LOCALS;

	begin();
	do
	:: times > 0 ->
		times--;
		recv_attempt();
		copy_delivered();
		if
		:: msg[me] != 0 ->
			d_step {
				n = msg[me];
				if
				/* release_slot() */
				:: r == OK && MUTANT != READ_HAS_NO_NOTICE ->
					ADD(received, n);
					chan_acked_done(n);
					slot_freed(1)
				:: r == OK && MUTANT == READ_HAS_NO_NOTICE ->
					ADD(received, n);
					kept--;
					slot_freed(1)
				/* chan_lease_requeue() */
				:: else -> kept--; ADD(requeued, n); chan_lease_dispatch()
				fi;
				msg[me] = 0;
				lease_unlock()
			}
			flush_waiters()
		:: else
		fi;
		if
		:: r == OK || r == EFAULT
		:: else -> break
		fi
	:: else -> break
	od;
	drop_handle(receivers);
	ADD(exited, me)
}

/* Sends as often as times says: send_attempt(), and the queueing of send_slow(). */
proctype sender(byte me, times)
{
	LOCALS;

	begin();
	do
	:: times > 0 ->
		d_step {
			if
			:: send_broken -> r = EPIPE
			:: !send_broken && has_free_slot -> send_to_slot(1); r = OK
			:: else -> send_waitq!me; r = QUEUED
			fi;
			check_queues()
		}
		op_wait(send_waitq);
		d_step {
			reported = reported + (r == OK);
			times = (r == OK -> times - 1 : 0)
		}
	:: else -> break
	od;
	drop_handle(senders);
	ADD(exited, me)
}

/* chan_close() */
proctype closer(byte me)
{
	LOCALS;

	d_step { closed = 1; flush = 1; check_queues() }
	flush_waiters();
	ADD(exited, me)
}

/* leases_work() */
proctype work_item()
{
	byte r, first;
	bit flush;

end:	do
	:: work ->
		d_step { work = 0; chan_lease_dispatch(); check_queues() }
		r = OK;
		do
		:: d_step { r == OK && dead_letters != 0; lowest(dead_letters, first); DEL(dead_letters, first) };
			/* chan_send_msg() */
			d_step {
				if
				:: dead_closed -> r = EPIPE
				:: !dead_closed && dead_len < DEAD -> dead_len++; r = OK
				:: else -> r = EAGAIN
				fi
			}
			if
			:: r == EAGAIN -> ADD(dead_letters, first)
			:: else ->
				/* forwarded() */
				d_step {
					if
					:: r == OK -> ADD(forwarded, first)
					:: else -> ADD(dropped, first)
					fi;
					DEL(aside, first);
					r = OK;
					nr_dead_letters--;
					if
					:: MUTANT == DEAD_LETTER_FREES_SLOT
					:: MUTANT == LETTER_HAS_NO_NOTICE -> kept--
					:: else -> chan_acked_done(first)
					fi;
					slot_freed(1);
					lease_unlock()
				}
				flush_waiters()
			fi
		:: else -> break
		od;
#if DONE
		r = OK;
		do
		:: d_step { r == OK && notices != 0; lowest(notices, first); DEL(notices, first) };
			/* chan_send_msg() */
			d_step {
				if
				:: done_closed -> r = EPIPE
				:: !done_closed && done_len < DONE -> done_len++; r = OK
				:: else -> r = EAGAIN
				fi
			}
			if
			:: r == EAGAIN -> ADD(notices, first)
			:: else ->
				/* forwarded() */
				d_step {
					r = OK;
					DEL(untold, first);
					ADD(told, first);
					nr_notices--;
					if
					:: MUTANT == NOTICE_FREES_SLOT
					:: else -> kept--
					fi;
					slot_freed(1);
					lease_unlock()
				}
				flush_waiters()
			fi
		:: else -> break
		od;
#endif
		r = 0;
		first = 0
	od
}

/* on_slot(), of either */
#define done_on_slot()	work = work || nr_notices != 0
#define on_slot()	work = work || (MUTANT == LIST_TELLS -> dead_letters : nr_dead_letters) != 0

/* Receives dead letters as often as times says, and may close their channel then. */
proctype dead_letter_receiver(byte times; bit closes)
{
	do
	:: times > 0 ->
end:		d_step { dead_len > 0; dead_len--; times-- }
		on_slot()
	:: else -> break
	od;
	if
	:: closes -> dead_closed = 1; on_slot()
	:: else
	fi
}

/* Receives notices likewise. */
proctype notice_receiver(byte times; bit closes)
{
	do
	:: times > 0 ->
end:		d_step { done_len > 0; done_len--; times-- }
		done_on_slot()
	:: else -> break
	od;
	if
	:: closes -> done_closed = 1; done_on_slot()
	:: else
	fi
}

/* ---- when nothing can happen any more ---- */

inline check_message(n)
{
	x = IN(ring, n) + IN(requeued, n) + IN(dead_letters, n) + (leased_by[n] != 0) +
	    IN(acked, n) + IN(received, n) + IN(dropped, n) + IN(forwarded, n);
	MUST_NOT(delivered_twice, x > 1);
	MUST_NOT(lost, IN(sent, n) && x == 0);
	MUST_NOT(not_sent, !IN(sent, n) && x != 0);
	MUST_NOT(ended_lease, leased_by[n] != 0 && (IN(ended, leased_by[n]) ||
						    (open & SHARERS(key[leased_by[n]])) == 0));
	MUST_NOT(not_told, DONE != 0 && IN(finished, n) != (IN(notices, n) || IN(told, n)));
	k = k + (leased_by[n] != 0) + IN(dead_letters, n) + IN(notices, n)
}

inline check_task(t)
{
	MUST_NOT(stuck, !IN(exited | hanging, t) &&
			(DRAINS || IN(done, t) ||
			 !(send_waitq??[eval(t)] || recv_waitq??[eval(t)])))
}

active proctype at_rest()
{
	timeout ->
	d_step {
		k = 0;
		n = 1;
		do
		:: n <= MSGS -> check_message(n); n++
		:: else -> break
		od;
		MUST_NOT(not_sent, reported != last_seq);
		MUST_NOT(not_forwarded, dead_letters != 0 && (dead_closed || dead_len < DEAD));
		MUST_NOT(not_forwarded, notices != 0 && (done_closed || done_len < DONE));
		MUST_NOT(not_completed, len(recv_waitq) != 0 && (ring | requeued) != 0);
		MUST_NOT(not_completed, len(send_waitq) != 0 && COUNT(inside | untold) < CAPACITY);
		MUST_NOT(end_not_reported, len(send_waitq) != 0 && send_broken);
		MUST_NOT(end_not_reported, len(recv_waitq) != 0 && no_senders &&
					   (inside & ~aside) == 0);
		t = 0;
		do
		:: t < TASKS -> check_task(t); t++
		:: else -> break
		od;
		MUST_NOT(slot_leaked, kept != k || nr_dead_letters != COUNT(dead_letters) ||
				      nr_notices != COUNT(notices));
		MUST_NOT(lost, DRAINS && (inside & ~aside) != 0)
	}
}
