// SPDX-License-Identifier: GPL-2.0
/*
 * Operations as text.
 */
#include "history.h"

#include <errno.h>

static const char *const kinds[] = {
	[LIN_SEND] = "send",
	[LIN_RECV] = "recv",
	[LIN_CLOSE] = "close",
	[LIN_HANDLES] = "handles",
	[LIN_INFO] = "info",
	[LIN_ACK] = "ack",
	[LIN_REQUEUE] = "requeue",
	[LIN_RETURN] = "return",
};

static const char *result_word(const struct lin_op *op)
{
	switch (op->result) {
	case LIN_ENDED:
		return op->kind == LIN_SEND ? "epipe" : op->kind == LIN_RECV ? "end" : "already";
	case LIN_NOT_READY:
		return op->error == EINTR ? "eintr" : op->error == ETIMEDOUT ? "timeout" : "again";
	case LIN_FAULT:
		return "fault";
	case LIN_STALE:
		return "stale";
	case LIN_KILLED:
		return "killed";
	case LIN_PASSED:
		return "passed";
	default:
		return "ok";
	}
}

static void print_info(const struct lin_op *op, FILE *to)
{
	fprintf(to, " len %u sent %u waiting %d %d", op->len, op->sent, op->senders,
		op->receivers);
	if (op->leased)
		fprintf(to, " leased %u", op->leased);
	if (op->dropped)
		fprintf(to, " dropped %u", op->dropped);
	if (op->closed)
		fputs(" closed", to);
}

/* As a line of the file histories. */
void lin_print_op(const struct lin_history *history, const struct lin_op *op, FILE *to)
{
	fprintf(to, "p%d %lld %lld %s %s%s", op->process, op->call, op->ret,
		history->channels[op->channel].name,
		op->kind <= LIN_RECV && !op->blocking ? "try" : "",
		op->leasing ? "lease" : kinds[op->kind]);
	if (op->kind == LIN_SEND || (op->kind == LIN_RECV && op->result == LIN_OK))
		fprintf(to, " %u", op->value);
	if (op->leasing && op->result == LIN_OK)
		fprintf(to, " %llu %u %u", op->lease, op->seq, op->deliveries);
	if (op->kind == LIN_ACK || op->kind == LIN_REQUEUE)
		fprintf(to, " %llu", op->lease);
	if (op->kind == LIN_HANDLES)
		fprintf(to, " %d %d", op->senders, op->receivers);
	if (op->kind == LIN_INFO)
		print_info(op, to);
	if (op->result != LIN_OK)
		fprintf(to, " = %s", result_word(op));
	if (op->select)
		fprintf(to, " of s%u", op->select);
	if (op->batch)
		fprintf(to, " of b%u", op->batch);
}
