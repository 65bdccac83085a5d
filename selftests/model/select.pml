// SPDX-License-Identifier: GPL-2.0
/*
 * A select of two ops: module/select.c.
 */

#include "tasks.pml"

/* The kth op is looked at; c and d are its channel and direction. */
#define SELECT_LOCALS byte k, c, d, why, hints, queued

#define CHAN(k)		((k) == 0 -> c0 : c1)
#define DIR(k)		((k) == 0 -> d0 : d1)
#define FIRST_CHAN	(c0 < c1 || MUTANT == UNSORTED -> c0 : c1)
#define OTHER_CHAN	(c0 < c1 || MUTANT == UNSORTED -> c1 : c0)

/* Why a select no longer waits. */
#define POLL_READY	1	/* an op that polls is ready */
#define LOOK_AGAIN	2	/* a channel turned out to be ready */
#define GAVE_UP		3
#define COMPLETED	4

inline select_op(n)
{
	k = n;
	c = CHAN(k);
	d = DIR(k)
}

/* gochan_uop_poll(), or chan_recv_op() of a peek */
inline try_peek()
{
	d_step {
		lock(c);
		op_ready(c, RECV);
		r = (ready -> OK : EAGAIN);
		ready = 0;
		unlock(c)
	}
}

/* loaded_ready_hint(): without the lock, but for an op that polls */
inline ready_hint(n, ch, dir)
{
	!locked[ch] || dir != PEEK;
	if
	:: dir == PEEK -> op_ready(ch, RECV)
	:: dir == SEND ->
		ready = cell[WAITQ(ch, RECV)] != 0 || has_free_slot(ch) || send_broken(ch)
	:: dir == RECV ->
		ready = cell[WAITQ(ch, SEND)] != 0 || nr_buffered(ch) != 0 || no_senders(ch)
	fi;
	hints = hints | (ready << n);
	ready = 0
}

#define NO_OP	2

/* k is one of the ops that seem ready, or NO_OP. */
inline choose()
{
	d_step { ready_hint(0, c0, d0) }
	d_step { ready_hint(1, c1, d1) }
	if
	:: d_step { IN(hints, 0) -> select_op(0); hints = 0 }
	:: d_step { IN(hints, 1) -> select_op(1); hints = 0 }
	:: d_step { hints == 0 -> k = NO_OP; c = 0; d = 0 }
	fi
}

/* EAGAIN: none is ready. */
inline try_ops()
{
	do
	:: choose();
		if
		:: k == NO_OP -> r = EAGAIN; break
		:: k != NO_OP && d == SEND ->
			chan_send(OP(me, k), c, false);
			op_wait(OP(me, k), c, SEND)
		:: k != NO_OP && d == RECV ->
			chan_recv(OP(me, k), c, false);
			finish_received()
		:: k != NO_OP && d == PEEK -> try_peek()
		fi;
		if
		:: r == EAGAIN	/* another task was faster */
		:: else -> break
		fi
	od
}

inline finish_received()
{
	if
	:: r == OK -> recv_finish(OP(me, k), c)
	:: else
	fi
}

/* What woken_verdict() does with the result of an op that was completed. */
inline woken_verdict()
{
	if
	:: r == OK && d == RECV -> check_delivered(OP(me, k)); finish_received()
	:: else
	fi
}

/* Is the op queued here, and no other one for it? */
#define queues_0	(c0 == c && d0 != PEEK)
#define queues_1	(c1 == c && d1 != PEEK && !(c0 == c1 && d0 == d1))

inline chan_queue_ops()
{
	d_step {
		lock(c);
		if
		:: queues_0 && MUTANT != QUEUED_UNCHECKED -> op_ready(c, d0)
		:: else
		fi;
		if
		:: queues_1 && MUTANT != QUEUED_UNCHECKED -> op_ready(c, d1)
		:: else
		fi;
		if
		:: queues_0 && !ready -> waitq_add(OP(me, 0), c, d0); ADD(queued, 0)
		:: else
		fi;
		if
		:: queues_1 && !ready -> waitq_add(OP(me, 1), c, d1); ADD(queued, 1)
		:: else
		fi;
		unlock(c)
	}
	wake_up(c)
}

inline queue_ops()
{
	c = FIRST_CHAN;
	chan_queue_ops();
	if
	:: !ready && c0 != c1 -> c = OTHER_CHAN; chan_queue_ops()
	:: else
	fi
}

/* A peek is in the poll wait queue from the first time on. */
inline poll_ops()
{
	d_step { x = (d0 == PEEK -> 0 : 1); select_op(x) }
	if
	:: d == PEEK ->
		if
		:: MUTANT != POLLED_BEFORE_QUEUED -> pollers[c] = pollers[c] | BIT(me)
		:: else
		fi;
		try_peek();
		if
		:: MUTANT == POLLED_BEFORE_QUEUED -> pollers[c] = pollers[c] | BIT(me)
		:: else
		fi
	:: else -> r = EAGAIN
	fi
}

/* park(), and the poll_ops() before it, until sel_abort() */
inline park()
{
	do
	:: poll_ops();
		if
		:: r == OK -> why = POLL_READY; break
		:: else
		fi;
		chan_waiter_park(NONE);
		if
		:: !woken -> why = GAVE_UP; break
		:: woken && IN(done, me) -> why = COMPLETED; break
		:: else -> DEL(triggered, me)
		fi
	od;
	woken = 0
}

/* The op that was selected; the result in r of one that may still be offered. */
inline selected_index()
{
	x = (selected[me] - 1) % OPS_EACH;
	select_op(x)
}

inline sel_abort()
{
	if
	:: why == COMPLETED -> d_step { selected_index() }
	:: why != COMPLETED && MUTANT == NO_ABORT
	:: else ->
		d_step {
			r = NONE;
			if
			:: selected[me] == NONE -> selected[me] = ABORTED
			:: else -> selected_index(); r = EAGAIN
			fi
		}
		if
		:: r != NONE ->
			cancel_selected();
			why = (r == EINTR -> why : COMPLETED)
		:: else
		fi
	fi
}

inline cancel_selected()
{
	if
	:: MUTANT == CLAIMED_NO_WITHDRAWAL -> ADD(uninterruptible, me); r = COMMITTING;
		wait_for_commit(OP(me, k))
	:: else -> chan_waitq_cancel(OP(me, k), c, d)
	fi
}

/* chan_waitq_cancel() of ops that are not offered */
inline dequeue(n, ch, dir)
{
	if
	:: IN(queued, n) -> d_step {
		!locked[ch];
		list_find(WAITQ(ch, dir), OP(me, n));
		list_cut(i);
		DEL(queued, n)
	}
	:: !IN(queued, n)
	fi
}

inline dequeue_ops()
{
	if
	:: MUTANT == NOT_DEQUEUED -> queued = 0
	:: else -> dequeue(0, c0, d0); dequeue(1, c1, d1)
	fi
}

/* queue_and_park(), and what sel_block() does after it; EAGAIN: look again */
inline block()
{
	d_step { waiter_init() }
	queue_ops();
	if
	:: ready -> ready = 0; why = LOOK_AGAIN
	:: else -> park()
	fi;
	sel_abort();
	dequeue_ops();
	if
	:: why == GAVE_UP -> r = EINTR
	:: why == LOOK_AGAIN -> r = EAGAIN
	:: why == POLL_READY ->
		d_step { x = (d0 == PEEK -> 0 : 1); select_op(x) }
		try_peek()
	:: why == COMPLETED -> r = result[OP(me, k)]; woken_verdict()
	fi;
	d_step { why = 0; result[OP(me, 0)] = 0; result[OP(me, 1)] = 0 }
}

/* R14: the op that happened did, every other one did not. */
inline end_op(n, o, dir, message, ch)
{
	if
	:: dir == SEND && k == n && r == OK -> check_reported(message, ch)
	:: else ->
		MUST_NOT(not_one, (dir == SEND && IN(sent, message)) ||
				  (dir != SEND && msg[o] != 0));
		if
		:: dir == SEND -> ADD(failed, message)
		:: else
		fi
	fi;
	msg[o] = 0;
	todo[o] = 0;
	end_of(o)
}

/* A receive has no message to begin with. */
#define start_selector(me, c0, d0, m0, c1, d1, m1) \
	begin_send(OP(me, 0), m0, d0 == SEND); \
	begin_send(OP(me, 1), m1, d1 == SEND); \
	ADD(is_select, me); \
	run selector(me, c0, d0, m0, c1, d1, m1)

proctype selector(byte me, c0, d0, m0, c1, d1, m1)
{
	LOCALS;
	SELECT_LOCALS;

	begin();
	/* sel_run() */
	do
	:: try_ops();
		if
		:: r != EAGAIN -> break
		:: r == EAGAIN && gives_up -> r = EINTR; break
		:: r == EAGAIN
		fi;
		block();
		if
		:: r != EAGAIN -> break
		:: else
		fi
	od;
	/* poll_freewait() */
	if
	:: d0 == PEEK -> pollers[c0] = pollers[c0] & ~BIT(me)
	:: d1 == PEEK -> pollers[c1] = pollers[c1] & ~BIT(me)
	:: else
	fi;
	d_step {
		end_op(0, OP(me, 0), d0, m0, c0);
		end_op(1, OP(me, 1), d1, m1, c1);
		DEL(triggered, me);
		leave_stack()
	}
	exit()
}
