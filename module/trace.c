// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints of trace.h, and what the fast path calls while they are on: out of line,
 * so that off they cost it one instruction each, and no register.
 */

#include "chan_priv.h"

/* Last, as it makes the definitions of what chan_priv.h has declared. */
#define CREATE_TRACE_POINTS
#include "trace.h"

/* The current task, or that of @op, has pushed the message sent last to the ring. */
void chan_trace_send(const struct chan *ch, const struct chan_op *op, size_t len)
{
	lockdep_assert_held(&ch->lock);
	trace_gochan_send(ch->config.id, ch->last_seq, len,
			  op ? op->waiter->task->pid : current->pid, 0);
}

/* The current task, or @receiver, receives a message that was buffered. */
void chan_trace_recv(const struct chan *ch, const struct task_struct *receiver, u64 seq,
		     size_t len)
{
	lockdep_assert_held(&ch->lock);
	trace_gochan_recv(ch->config.id, seq, len, receiver->pid, 0);
}

/* A message is handed off. */
void chan_trace_handoff(const struct chan *ch, const struct task_struct *sender,
			const struct task_struct *receiver, u64 seq, size_t len)
{
	lockdep_assert_held(&ch->lock);
	trace_gochan_send(ch->config.id, seq, len, sender->pid, receiver->pid);
	trace_gochan_recv(ch->config.id, seq, len, receiver->pid, sender->pid);
}

void chan_trace_block(const struct chan_op *op)
{
	lockdep_assert_held(&op->ch->lock);
	trace_gochan_block(op->ch->config.id, op->dir, op->waiter);
}

void chan_trace_unblock(const struct chan_op *op, int result)
{
	trace_gochan_unblock(op->ch->config.id, op->dir, result,
			     max(ktime_get() - op->waiter->since, 0LL));
}
