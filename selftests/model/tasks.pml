// SPDX-License-Identifier: GPL-2.0
/*
 * What tasks do: send, receive, close; selects are in select.pml. A file that
 * includes this one says how many there are of what, and starts them.
 */

#ifndef MUTANT
#define MUTANT 0
#endif
/*
 * Sets of tasks: may give up while they wait; may fail once to copy, or to
 * install a file; never end a copy; have too little room for any message; have
 * no allowance left for a long message; have none for one in the ring, which then
 * keeps its slot until it is copied.
 */
#ifndef GIVE_UP
#define GIVE_UP 0
#endif
#ifndef FAULTS
#define FAULTS 0
#endif
#ifndef STALLS
#define STALLS 0
#endif
#ifndef TOO_SMALL
#define TOO_SMALL 0
#endif
#ifndef NO_QUOTA
#define NO_QUOTA 0
#endif
#ifndef KEEPS_SLOT
#define KEEPS_SLOT 255
#endif
/* Sets of messages: taken before they are copied; not the first of their sender. */
#ifndef LONG
#define LONG 0
#endif
#ifndef FOLLOWS
#define FOLLOWS 0
#endif
#ifndef CAPACITY
#define CAPACITY 0
#endif
#ifndef OPS_EACH
#define OPS_EACH 1
#endif
#ifndef CHANS
#define CHANS 1
#endif
/* Messages of a send. */
#ifndef PER_SEND
#define PER_SEND 1
#endif
/* Messages carry files. */
#ifndef PASSES
#define PASSES 0
#endif
/* Handles are dropped in the end. */
#ifndef HANGS_UP
#define HANGS_UP 0
#endif
#ifndef INVARIANTS
#define INVARIANTS (MUTANT == 0)
#endif

#include "mutants.pml"
#include "protocol.pml"
#include "rules.pml"

#define LOCALS \
	byte r, at, wakes, dir, faults; \
	bit holds, notify, woken, ready, gives_up, over_quota

/* over_quota: the limit holds for the task itself, too (not CAP_SYS_RESOURCE). */
inline begin()
{
	atomic {
		faults = IN(FAULTS, me);
		if
		:: gives_up = 0
		:: IN(GIVE_UP, me) -> gives_up = 1
		fi;
		if
		:: over_quota = 0
		:: IN(NO_QUOTA, me) -> over_quota = 1
		fi
	}
}

inline begin_send(o, n, many)
{
	msg[o] = n;
	todo[o] = many
}

/* What is on the stack is no more; zeros are fewer states than leftovers. */
inline leave_stack()
{
	waiter_init();
	DEL(on_stack, me)
}

inline end_of(o)
{
	result[o] = 0;
	DEL(queue_first, o);
	DEL(retried, o)
}

inline return_send(o, c, n)
{
	d_step {
		x = 0;
		do
		:: x < PER_SEND - todo[o] -> check_reported(n + x, c); x++
		:: x >= PER_SEND - todo[o] && x < PER_SEND -> check_failed(n + x); x++
		:: else -> break
		od;
		begin_send(o, n + PER_SEND, PER_SEND);
		end_of(o);
		leave_stack()
	}
}

inline return_recv(o)
{
	d_step {
		MUST_NOT(lost, msg[o] != 0);
		end_of(o);
		leave_stack()
	}
}

/* A task exits, and is freed when RCU allows. */
inline exit()
{
	d_step { rcu == 0; ADD(gone, me) }
}

/* The defects of a sender that does not see how its offer ends. */
#if MUTANT == OFFER_IS_SENT
#define SEE_OFFER(o)	if :: r == OFFERED -> r = OK; todo[o] = 0 :: else fi;
#elif MUTANT == DECLINE_IS_SENT
#define SEE_DECLINE(o)	if :: r == EAGAIN -> r = OK; todo[o] = 0 :: else fi;
#endif
#ifndef SEE_OFFER
#define SEE_OFFER(o)
#endif
#ifndef SEE_DECLINE
#define SEE_DECLINE(o)
#endif

#define start_sender(me, c, n, times) \
	begin_send(OP(me, 0), n, PER_SEND); run sender(me, c, n, times)

/* Sends from message n on, as often as times says. */
proctype sender(byte me, c, n, times)
{
	LOCALS;

	begin();
	do
	:: times > 0 ->
		/* chan_send_op() */
		do
		:: chan_send(OP(me, 0), c, true);
			SEE_OFFER(OP(me, 0))
			op_wait(OP(me, 0), c, SEND);
			SEE_DECLINE(OP(me, 0))
			if
			:: r == EAGAIN && gives_up -> r = EINTR; break
			:: r == EAGAIN || (r == OK && todo[OP(me, 0)] > 0)
			:: r != EAGAIN && !(r == OK && todo[OP(me, 0)] > 0) -> break
			fi
		od;
		return_send(OP(me, 0), c, n);
		n = n + PER_SEND;
		times = (r == EINTR -> 0 : times - 1)
	:: else -> break
	od;
#if HANGS_UP
	chan_drop_handle(c, senders[c]);
#endif
	exit()
}

/* Receives as often as times says, or until the end. */
proctype receiver(byte me, c, times; bit opens)
{
	LOCALS;

	begin();
	if
	:: opens -> chan_add_handle(c, receivers[c])
	:: else
	fi;
	do
	:: times > 0 ->
		/* chan_recv_op() */
		do
		:: chan_recv(OP(me, 0), c, true);
			op_wait(OP(me, 0), c, RECV);
			if
			:: r == OK -> recv_finish(OP(me, 0), c)
			:: else
			fi;
			if
			:: r == EAGAIN && gives_up -> r = EINTR; break
			:: r == EAGAIN
			:: r != EAGAIN -> break
			fi
		od;
		return_recv(OP(me, 0));
		times = (r == CLOSED -> 0 : times - 1)
	:: else -> break
	od;
#if HANGS_UP
	chan_drop_handle(c, receivers[c]);
#endif
	exit()
}

proctype closer(byte me, c)
{
	LOCALS;

	chan_close(c);
	exit()
}
