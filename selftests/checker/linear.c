// SPDX-License-Identifier: GPL-2.0
/*
 * Decides whether Go channels could have produced a history of several channels;
 * search.c does so for one channel.
 *
 * Each channel can be checked by itself, as linearizability is local (Herlihy and
 * Wing). This holds for a select, too: it is known which op happened, and that is
 * an operation on its channel only; the others did nothing. It is not known only
 * for a select whose process was killed. Of its ops at most one may have happened:
 * every choice is tried.
 */
#include "linear.h"

#include "search.h"

#include <stdlib.h>
#include <string.h>

/* Ops of killed selects on one channel, at most. */
#define UNKNOWN_MAX	20

/* Sets of these ops that were found sufficient; beyond this, supersets are tried again. */
#define SETS_MAX	64

/* ---- killed selects ---- */

struct check {
	const struct lin_history *history;
	bool *off;		/* ops of killed selects that did not happen */
	FILE *why;
};

static bool is_unknown(const struct lin_op *op)
{
	return op->select && op->result == LIN_KILLED;
}

/* Is another op of the same select assumed to have happened? */
static bool is_select_used(const struct check *c, size_t at)
{
	const struct lin_op *ops = c->history->ops;
	size_t i;

	for (i = 0; i < c->history->nr_ops; i++)
		if (i != at && !c->off[i] && is_unknown(&ops[i]) &&
		    ops[i].select == ops[at].select)
			return true;
	return false;
}

static enum lin_verdict check_from(struct check *c, size_t index);

/* Assume that the @allowed ops happened; false if two of them are of one select. */
static bool allow(struct check *c, const size_t *ops, size_t n, unsigned int allowed)
{
	bool ok = true;
	size_t i;

	for (i = 0; i < n; i++) {
		c->off[ops[i]] = !(allowed >> i & 1);
		if (!c->off[ops[i]] && is_select_used(c, ops[i]))
			ok = false;
	}
	return ok;
}

/*
 * Is there an order with the @allowed ops on this channel, and one on each of those
 * that follow? Supersets of what is @sufficient for this channel need not be tried.
 */
static enum lin_verdict check_allowing(struct check *c, size_t index, const size_t *ops,
				       size_t n, unsigned int allowed, bool *sufficient)
{
	enum lin_verdict verdict = LIN_REJECTED;

	*sufficient = false;
	if (allow(c, ops, n, allowed))
		verdict = search_channel(c->history, index, c->off, NULL);
	if (verdict == LIN_ACCEPTED) {
		*sufficient = true;
		verdict = check_from(c, index + 1);
	}
	allow(c, ops, n, 0);
	return verdict;
}

static size_t list_unknown(const struct check *c, size_t index, size_t *ops)
{
	size_t i, n = 0;

	for (i = 0; i < c->history->nr_ops; i++) {
		if (!is_unknown(&c->history->ops[i]) ||
		    c->history->ops[i].channel != (int)index)
			continue;
		if (n == UNKNOWN_MAX)
			abort();
		ops[n++] = i;
	}
	return n;
}

static bool has_subset(unsigned int set, const unsigned int *sets, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if ((set & sets[i]) == sets[i])
			return true;
	return false;
}

/* Check the channels from @index on, each with as few ops of killed selects as suffice. */
static enum lin_verdict check_from(struct check *c, size_t index)
{
	enum lin_verdict verdict, worst = LIN_REJECTED;
	unsigned int allowed, sets[SETS_MAX], nr_sets = 0;
	size_t ops[UNKNOWN_MAX], n, size;
	bool sufficient;

	if (index == c->history->nr_channels)
		return LIN_ACCEPTED;
	n = list_unknown(c, index, ops);
	for (size = 0; size <= n; size++) {
		for (allowed = 0; allowed < 1U << n; allowed++) {
			if ((size_t)__builtin_popcount(allowed) != size ||
			    has_subset(allowed, sets, nr_sets))
				continue;
			verdict = check_allowing(c, index, ops, n, allowed, &sufficient);
			if (verdict == LIN_ACCEPTED)
				return verdict;
			if (verdict == LIN_UNDECIDED)
				worst = verdict;
			if (sufficient && nr_sets < SETS_MAX)
				sets[nr_sets++] = allowed;
		}
	}
	return worst;
}

/* Each channel must have an order if all ops of killed selects may have happened. */
static enum lin_verdict check_each(struct check *c)
{
	enum lin_verdict verdict;
	size_t i;

	for (i = 0; i < c->history->nr_channels; i++) {
		verdict = search_channel(c->history, i, c->off, c->why);
		if (verdict != LIN_ACCEPTED)
			return verdict;
	}
	return LIN_ACCEPTED;
}

static enum lin_verdict check_selects(struct check *c)
{
	enum lin_verdict verdict;
	bool any = false;
	size_t i;

	for (i = 0; i < c->history->nr_ops; i++) {
		c->off[i] = is_unknown(&c->history->ops[i]);
		any |= c->off[i];
	}
	if (!any)
		return LIN_ACCEPTED;
	verdict = check_from(c, 0);
	if (verdict != LIN_REJECTED)
		return verdict;
	fprintf(c->why, "a killed select would have executed more than one of its ops:\n");
	for (i = 0; i < c->history->nr_ops; i++) {
		if (!is_unknown(&c->history->ops[i]))
			continue;
		fputs("  ", c->why);
		lin_print_op(c->history, &c->history->ops[i], c->why);
		fputc('\n', c->why);
	}
	return verdict;
}

static int compare_calls(const void *a, const void *b)
{
	const struct lin_op *x = a, *y = b;

	if (x->call != y->call)
		return x->call < y->call ? -1 : 1;
	if (x->process != y->process)
		return x->process < y->process ? -1 : 1;
	return x->nth < y->nth ? -1 : x->nth > y->nth;
}

/**
 * lin_check() - could Go channels have produced this history?
 * @history: the history; its operations are sorted by call
 * @why: the explanation is written there if not
 *
 * Return: LIN_ACCEPTED, LIN_REJECTED, or LIN_UNDECIDED.
 */
enum lin_verdict lin_check(struct lin_history *history, FILE *why)
{
	struct check c = {
		.history = history,
		.off = calloc(history->nr_ops + 1, sizeof(*c.off)),
		.why = why,
	};
	enum lin_verdict verdict;

	if (!c.off)
		abort();
	qsort(history->ops, history->nr_ops, sizeof(*history->ops), compare_calls);
	verdict = check_each(&c);
	if (verdict == LIN_ACCEPTED)
		verdict = check_selects(&c);
	if (verdict == LIN_UNDECIDED)
		fprintf(why, "the search is too large\n");
	free(c.off);
	return verdict;
}
