// SPDX-License-Identifier: GPL-2.0
/*
 * What tasks do: send, receive, select (module/select.c), close. A file that
 * includes this one says how many there are of what, and starts them.
 */

#ifndef MUTANT
#define MUTANT 0
#endif
/* Sets of tasks: may give up while they wait; may fail once to copy. */
#ifndef GIVE_UP
#define GIVE_UP 0
#endif
#ifndef FAULTS
#define FAULTS 0
#endif
/* Receivers with too little room. */
#ifndef TIGHT
#define TIGHT 0
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
/* Messages of a send; those that are not the first of their sender. */
#ifndef PER_SEND
#define PER_SEND 1
#endif
#ifndef FOLLOWS
#define FOLLOWS 0
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
	bit holds, poke, woken, ready, gives_up

inline begin()
{
	faults = IN(FAULTS, me);
	if
	:: gives_up = 0
	:: IN(GIVE_UP, me) -> gives_up = 1
	fi
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

inline return_send(o, c, n)
{
	d_step {
		x = 0;
		do
		:: x < PER_SEND - todo[o] -> check_reported(n + x, c); x++
		:: x >= PER_SEND - todo[o] && x < PER_SEND ->
			if
			:: PASSES && r == EINTR	/* killed */
			:: else -> check_failed(n + x)
			fi;
			x++
		:: else -> break
		od;
		begin_send(o, n + PER_SEND, PER_SEND);
		result[o] = 0;
		DEL(first, o);
		leave_stack()
	}
}

inline return_recv(o)
{
	d_step {
		MUST_NOT(lost, msg[o] != 0);
		result[o] = 0;
		leave_stack()
	}
}

/* op_wait(), if the op stands in line */
inline op_wait(o, c, dir)
{
	if
	:: r == QUEUED ->
		waiter_sleep();
		if
		:: woken
		:: else -> give_up(o, c, dir)
		fi;
		woken = 0
	:: else
	fi
}

/* A task exits, and is freed when RCU allows. */
inline exit()
{
	d_step { rcu == 0; ADD(gone, me) }
}

#define start_sender(me, c, n, times) \
	begin_send(OP(me, 0), n, PER_SEND); run sender(me, c, n, times)

/* Sends from message n on, as often as times says. */
proctype sender(byte me, c, n, times)
{
	LOCALS;

	begin();
	do
	:: times > 0 ->
		/* send_run() */
		do
		:: send_step(OP(me, 0), c, true);
			op_wait(OP(me, 0), c, SEND);
			if
			:: r == OK -> finish_send(OP(me, 0))
			:: else
			fi;
			if
			:: r == EAGAIN || (r == OK && todo[OP(me, 0)] > 0)
			:: else -> break
			fi
		od;
		return_send(OP(me, 0), c, n);
		n = n + PER_SEND;
		times = (r == EINTR -> 0 : times - 1)
	:: else -> break
	od;
	if
	:: HANGS_UP -> drop_handle(c, senders[c])
	:: else
	fi;
	exit()
}

/* Receives as often as times says, or until the end. */
proctype receiver(byte me, c, times; bit opens)
{
	LOCALS;

	begin();
	if
	:: opens -> add_handle(c, receivers[c])
	:: else
	fi;
	do
	:: times > 0 ->
		/* recv_run() */
		recv_step(OP(me, 0), c, true);
		op_wait(OP(me, 0), c, RECV);
		if
		:: r == OK -> finish_recv(OP(me, 0), c)
		:: else
		fi;
		return_recv(OP(me, 0));
		times = (r == CLOSED -> 0 : times - 1)
	:: else -> break
	od;
	if
	:: HANGS_UP -> drop_handle(c, receivers[c])
	:: else
	fi;
	exit()
}

proctype closer(byte me, c)
{
	LOCALS;

	close(c);
	exit()
}
