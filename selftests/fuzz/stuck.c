// SPDX-License-Identifier: GPL-2.0
/*
 * Detects lost wakeups: an actor is still blocked although all channels of its call
 * are closed. Only in ledger programs, where a channel stays in its slot.
 */
#include "actor.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool is_closed(const struct board *board, const struct process *process, uint64_t at)
{
	struct gochan_info info;

	return at < SLOTS && (board->common & 1U << at) &&
	       !ioctl(slot_get(process, at).fd, GOCHAN_IOC_INFO, &info) && info.closed;
}

/* Does the op wait for a channel only, and is that closed? */
static bool op_must_return(const struct board *board, const struct process *process,
			   const struct args *op)
{
	return (op->v[OP_CODE] == GOCHAN_OP_SEND || op->v[OP_CODE] == GOCHAN_OP_RECV) &&
	       is_closed(board, process, op->v[OP_SLOT]);
}

static bool call_must_return(const struct board *board, const struct process *process,
			     const struct call *call)
{
	unsigned int i;

	if (call->kind == READ || call->kind == WRITE || call->kind == READV ||
	    call->kind == WRITEV)
		return is_closed(board, process, call->args.v[SLOT]);
	if (!has_ops(call->kind) || !call->args.v[LEN])
		return false;
	for (i = 0; i < call->nr_ops; i++)
		if (!op_must_return(board, process, &call->ops[i]))
			return false;
	return true;
}

/* A stalled receiver also delays the sender that passes it a file. */
static bool may_be_stalled(const struct call *call)
{
	unsigned int i;

	for (i = 0; i < call->nr_ops; i++)
		if (call->ops[i].v[OP_BUF] == STALLED)
			return true;
	return call->args.v[BUF] == STALLED || call->args.v[WHERE] == STALLED ||
	       call->args.v[ARG3] == STALLED;
}

static bool any_stalled(const struct program *prog, const struct board *board)
{
	unsigned int i;

	for (i = 0; i < prog->actors; i++)
		if (!board->actors[i].done && may_be_stalled(&prog->calls[board->actors[i].at]))
			return true;
	return false;
}

static bool is_alive(const struct board *board, unsigned int i)
{
	return board->actors[i].tid &&
	       !syscall(SYS_tgkill, board->actors[i].pid, board->actors[i].tid, 0);
}

bool is_stuck(const struct program *prog, const struct board *board, struct process *process,
	      unsigned int i)
{
	const struct call *call = &prog->calls[board->actors[i].at];

	if (!prog->ledger || board->actors[i].done || !board->actors[i].in_call ||
	    !call_must_return(board, process, call) || any_stalled(prog, board))
		return false;
	kill(-1, SIGCONT);
	return is_alive(board, i);
}
