// SPDX-License-Identifier: GPL-2.0
/*
 * What every part of the executor may call: an error as a result, and the word
 * that something is wrong.
 */
#include "actor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

long or_errno(long ret)
{
	return ret < 0 ? -errno : ret;
}

void wrong(struct actor *actor, const char *format, ...)
{
	struct board *board = actor->board;
	char call[CALL_TEXT] = "the end", what[160];
	va_list args;

	if (__atomic_fetch_add(&board->verdicts, 1, __ATOMIC_SEQ_CST))
		return;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	if (actor->call)
		call_text(actor->call, call);
	snprintf(board->verdict, sizeof(board->verdict), "%s, in %.300s of actor %u", what, call,
		 actor->index);
}
