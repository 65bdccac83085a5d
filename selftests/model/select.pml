// SPDX-License-Identifier: GPL-2.0
/*
 * A select of two ops: module/select.c.
 */

#include "tasks.pml"

/* Of the two ops the kth is looked at; c and d are its channel and line. */
#define SELECT_LOCALS byte k, c, d, left, why, in_lines

#define CHAN(k)		((k) == 0 -> c0 : c1)
#define DIR(k)		((k) == 0 -> d0 : d1)
#define FIRST_CHAN	(c0 < c1 || MUTANT == UNSORTED -> c0 : c1)
#define OTHER_CHAN	(c0 < c1 || MUTANT == UNSORTED -> c1 : c0)

/* Why a select no longer waits. */
#define READY		1
#define GAVE_UP		2
#define WAS_SERVED	3

/* What happened was this op. */
inline select_op(n)
{
	k = n;
	c = CHAN(k);
	d = DIR(k)
}

/* Is there something to peek at? */
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

/* try_all(): both ops in random order */
inline try_all()
{
	if
	:: select_op(0)
	:: select_op(1)
	fi;
	left = 2;
	do
	:: left > 0 ->
		if
		:: d == SEND ->
			send_step(OP(me, k), c, false);
			finish_sent()
		:: d == RECV ->
			recv_step(OP(me, k), c, false);
			finish_received()
		:: d == PEEK -> try_peek()
		fi;
		left = (r == EAGAIN -> left - 1 : 0);
		if
		:: left > 0 -> d_step { select_op(1 - k) }
		:: else
		fi
	:: else -> break
	od
}

inline finish_sent()
{
	if
	:: r == OK -> finish_send(OP(me, k))
	:: else
	fi
}

inline finish_received()
{
	if
	:: r == OK -> finish_recv(OP(me, k), c)
	:: else
	fi
}

/* served_verdict() */
inline served_verdict()
{
	if
	:: d == SEND -> finish_sent()
	:: d == RECV -> finish_received()
	:: d == PEEK -> try_peek()
	fi
}

/* Does an op line up here, and is no other one there for it? */
#define stands_0	(c0 == c && d0 != PEEK)
#define stands_1	(c1 == c && d1 != PEEK && !(c0 == c1 && d0 == d1))

/* chan_join() */
inline chan_join()
{
	d_step {
		lock(c);
		if
		:: stands_0 && MUTANT != JOINS_BLINDLY -> op_ready(c, d0)
		:: else
		fi;
		if
		:: stands_1 && MUTANT != JOINS_BLINDLY -> op_ready(c, d1)
		:: else
		fi;
		if
		:: stands_0 && !ready -> enqueue(OP(me, 0), c, d0); ADD(in_lines, 0)
		:: else
		fi;
		if
		:: stands_1 && !ready -> enqueue(OP(me, 1), c, d1); ADD(in_lines, 1)
		:: else
		fi;
		unlock(c)
	}
	wake_up(c)
}

inline join_lines()
{
	c = FIRST_CHAN;
	chan_join();
	if
	:: !ready && c0 != c1 -> c = OTHER_CHAN; chan_join()
	:: else
	fi
}

/* poll_ops(): a peek stands in the queue from the first time on */
inline poll_ops()
{
	d_step { x = (d0 == PEEK -> 0 : 1); select_op(x) }
	if
	:: d == PEEK ->
		if
		:: MUTANT != POLL_LATE -> pollers[c] = pollers[c] | BIT(me)
		:: else
		fi;
		try_peek();
		if
		:: MUTANT == POLL_LATE -> pollers[c] = pollers[c] | BIT(me)
		:: else
		fi
	:: else -> r = EAGAIN
	fi
}

/* sleep_in_lines() until it claims itself */
inline sleep_in_lines()
{
	do
	:: poll_ops();
		if
		:: r == OK -> why = READY; break
		:: else
		fi;
		waiter_sleep();
		if
		:: !woken -> why = GAVE_UP; break
		:: woken && IN(done, me) -> why = WAS_SERVED; break
		:: else -> DEL(poked, me)
		fi
	od;
	woken = 0
}

/* win_myself(), and index_of() for who has won */
inline win_myself()
{
	if
	:: MUTANT == NOT_WON_MYSELF
	:: why != WAS_SERVED && MUTANT != NOT_WON_MYSELF -> d_step {
		if
		:: won[me] == NONE -> won[me] = MYSELF
		:: else -> why = WAS_SERVED
		fi
	}
	:: else
	fi;
	if
	:: why == WAS_SERVED ->
		d_step { x = (won[me] - 1) % OPS_EACH; select_op(x) }
		/* chan_wait_served() */
		!locked[c]
	:: else
	fi
}

/* chan_leave() */
inline leave(n, ch, dir)
{
	if
	:: IN(in_lines, n) -> d_step {
		!locked[ch];
		list_find(LINE(ch, dir), OP(me, n));
		list_cut(i);
		DEL(in_lines, n)
	}
	:: !IN(in_lines, n)
	fi
}

inline leave_lines()
{
	if
	:: MUTANT == STAYS_IN_LINES -> in_lines = 0
	:: else -> leave(0, c0, d0); leave(1, c1, d1)
	fi
}

/* wait_in_lines(), and what sel_block() does after it; EAGAIN: try again */
inline block()
{
	d_step { waiter_init() }
	join_lines();
	if
	:: ready -> ready = 0; why = READY; d = NONE
	:: else -> sleep_in_lines()
	fi;
	win_myself();
	leave_lines();
	if
	:: why == GAVE_UP -> r = EINTR
	:: why == READY && d == PEEK -> try_peek()
	:: why == READY && d != PEEK -> r = EAGAIN
	:: why == WAS_SERVED -> r = result[OP(me, k)]; served_verdict()
	fi;
	d_step { why = 0; result[OP(me, 0)] = 0; result[OP(me, 1)] = 0 }
}

/* R14: if it is the one that happened, it did, else it did not. */
inline end_op(n, o, dir, message, ch)
{
	if
	:: dir == SEND && k == n && r == OK -> check_reported(message, ch)
	:: dir == SEND && PASSES && r == EINTR	/* killed */
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
	DEL(first, o)
}

/* A receive has no message to begin with. */
#define start_selector(me, c0, d0, m0, c1, d1, m1) \
	begin_send(OP(me, 0), m0, d0 == SEND); \
	begin_send(OP(me, 1), m1, d1 == SEND); \
	run selector(me, c0, d0, m0, c1, d1, m1)

proctype selector(byte me, c0, d0, m0, c1, d1, m1)
{
	LOCALS;
	SELECT_LOCALS;

	begin();
	/* sel_run() */
	do
	:: try_all();
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
		DEL(poked, me);
		leave_stack()
	}
	exit()
}
