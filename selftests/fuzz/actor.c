// SPDX-License-Identifier: GPL-2.0
/*
 * Helpers for all parts of the executor: error codes, and reporting a violation.
 */
#include "actor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

long or_errno(long ret)
{
	return ret < 0 ? -errno : ret;
}

void violation(struct actor *actor, const char *format, ...)
{
	struct board *board = actor->board;
	char call[CALL_TEXT] = "the final checks", what[160];
	va_list args;

	if (__atomic_fetch_add(&board->violations, 1, __ATOMIC_SEQ_CST))
		return;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	if (actor->call)
		call_text(actor->call, call);
	snprintf(board->violation, sizeof(board->violation), "%s, in %.300s of actor %u", what,
		 call, actor->index);
}
