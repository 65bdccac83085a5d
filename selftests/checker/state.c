// SPDX-License-Identifier: GPL-2.0
/*
 * Properties of a state.
 */
#include "state.h"

const struct lin_op *current_op(const struct search *s, const struct state *st, size_t lane)
{
	const struct lane *l = &s->lanes[lane];

	return st->next[lane] < l->count ? &s->history->ops[l->ops[st->next[lane]]] : NULL;
}

/* The earliest return of a pending operation: only those called by then can be next. */
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

bool is_buffered(const struct entry *entry)
{
	return entry->holder == NO_HOLDER && entry->lease == NO_LEASE;
}

unsigned int nr_buffered(const struct state *st)
{
	unsigned int i, n = 0;

	for (i = 0; i < st->count; i++)
		n += is_buffered(&st->entries[i]);
	return n;
}

/* Slots that are not free: on an acknowledged channel a message keeps its slot until it is done. */
unsigned int nr_used(const struct search *s, const struct state *st)
{
	return s->channel->acked ? st->count : nr_buffered(st);
}

/* Nothing is left that can be received, now or later. */
bool is_drained(const struct search *s, const struct state *st)
{
	return !nr_used(s, st);
}

/* The message that is received next. */
const struct entry *head(const struct state *st)
{
	unsigned int i;

	for (i = 0; i < st->count; i++)
		if (is_buffered(&st->entries[i]))
			return &st->entries[i];
	return NULL;
}

bool send_broken(const struct state *st)
{
	return st->closed || !st->receivers;
}

bool no_senders(const struct state *st)
{
	return st->closed || !st->senders;
}

/* Is an operation of this kind known to be queued? */
bool has_queued(const struct search *s, const struct state *st, enum lin_kind kind)
{
	size_t i;

	for (i = 0; i < s->nr_lanes && st->queued; i++)
		if ((st->queued >> i & 1) && current_op(s, st, i)->kind == kind)
			return true;
	return false;
}
