// SPDX-License-Identifier: GPL-2.0
/*
 * What a state says of a channel.
 */
#include "state.h"

const struct lin_op *current_op(const struct search *s, const struct state *st, size_t lane)
{
	const struct lane *l = &s->lanes[lane];

	return st->next[lane] < l->count ? &s->history->ops[l->ops[st->next[lane]]] : NULL;
}

/* No further operation happens before it than those called by then. */
long long first_return(const struct search *s, const struct state *st)
{
	long long first = -1;
	size_t i;

	for (i = 0; i < s->nr_lanes; i++) {
		const struct lin_op *op = current_op(s, st, i);

		if (op && (first < 0 || op->ret < first))
			first = op->ret;
	}
	return first;
}

unsigned int inside(const struct state *st)
{
	unsigned int i, n = 0;

	for (i = 0; i < st->count; i++)
		n += st->entries[i].holder == NOBODY;
	return n;
}

/* What is received next. */
const struct entry *head(const struct state *st)
{
	unsigned int i;

	for (i = 0; i < st->count; i++)
		if (st->entries[i].holder == NOBODY)
			return &st->entries[i];
	return NULL;
}

bool send_ended(const struct state *st)
{
	return st->closed || !st->receivers;
}

bool no_more(const struct state *st)
{
	return st->closed || !st->senders;
}

/* Is somebody known to stand in this line? */
bool someone_waits(const struct search *s, const struct state *st, enum lin_kind kind)
{
	size_t i;

	for (i = 0; i < s->nr_lanes && st->waiting; i++)
		if ((st->waiting >> i & 1) && current_op(s, st, i)->kind == kind)
			return true;
	return false;
}
