// SPDX-License-Identifier: GPL-2.0
/*
 * Whether a history of several channels is one that Go channels could have
 * produced; search.c decides for one channel.
 *
 * Channel by channel is enough (linearizability is local: Herlihy and Wing),
 * for a select, too: the op that happened is known, and is an operation on its
 * channel alone; the others did nothing. Only of a select whose process was
 * killed it is not known which op happened, and not more than one may have:
 * the channels share out among them which of its ops are allowed.
 */
#include "linear.h"

#include "search.h"

#include <stdlib.h>
#include <string.h>

/* Ops of killed selects on one channel, at most. */
#define DOUBTFUL_MAX	20

/* Of them sets that were enough; what is forgotten is tried in vain. */
#define SETS_MAX	64

/* ---- killed selects ---- */

struct check {
	const struct lin_history *history;
	bool *off;		/* ops of killed selects that did not happen */
	FILE *why;
};

static bool is_doubtful(const struct lin_op *op)
{
	return op->select && op->result == LIN_KILLED;
}

/* Has another op of the same select happened? */
static bool is_taken(const struct check *c, size_t at)
{
	const struct lin_op *ops = c->history->ops;
	size_t i;

	for (i = 0; i < c->history->nr_ops; i++)
		if (i != at && !c->off[i] && is_doubtful(&ops[i]) &&
		    ops[i].select == ops[at].select)
			return true;
	return false;
}

static enum lin_verdict check_from(struct check *c, size_t index);

/* Allow @allowed of the ops; false when two of them are of one select. */
static bool allow(struct check *c, const size_t *ops, size_t n, unsigned int allowed)
{
	bool each_one = true;
	size_t i;

	for (i = 0; i < n; i++) {
		c->off[ops[i]] = !(allowed >> i & 1);
		if (!c->off[ops[i]] && is_taken(c, ops[i]))
			each_one = false;
	}
	return each_one;
}

/*
 * Is there an order with these ops, on this channel and on those that follow?
 * More than are enough for this channel need not be tried.
 */
static enum lin_verdict check_allowing(struct check *c, size_t index, const size_t *ops,
				       size_t n, unsigned int allowed, bool *enough)
{
	enum lin_verdict verdict = LIN_REJECTED;

	*enough = false;
	if (allow(c, ops, n, allowed))
		verdict = search_channel(c->history, index, c->off, NULL);
	if (verdict == LIN_ACCEPTED) {
		*enough = true;
		verdict = check_from(c, index + 1);
	}
	allow(c, ops, n, 0);
	return verdict;
}

static size_t list_doubtful(const struct check *c, size_t index, size_t *ops)
{
	size_t i, n = 0;

	for (i = 0; i < c->history->nr_ops; i++) {
		if (!is_doubtful(&c->history->ops[i]) ||
		    c->history->ops[i].channel != (int)index)
			continue;
		if (n == DOUBTFUL_MAX)
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

/* Channels from @index on, each with as few ops of killed selects as it can do with. */
static enum lin_verdict check_from(struct check *c, size_t index)
{
	enum lin_verdict verdict, worst = LIN_REJECTED;
	unsigned int allowed, sets[SETS_MAX], nr_sets = 0;
	size_t ops[DOUBTFUL_MAX], n, few;
	bool enough;

	if (index == c->history->nr_channels)
		return LIN_ACCEPTED;
	n = list_doubtful(c, index, ops);
	for (few = 0; few <= n; few++) {
		for (allowed = 0; allowed < 1U << n; allowed++) {
			if ((size_t)__builtin_popcount(allowed) != few ||
			    has_subset(allowed, sets, nr_sets))
				continue;
			verdict = check_allowing(c, index, ops, n, allowed, &enough);
			if (verdict == LIN_ACCEPTED)
				return verdict;
			if (verdict == LIN_UNDECIDED)
				worst = verdict;
			if (enough && nr_sets < SETS_MAX)
				sets[nr_sets++] = allowed;
		}
	}
	return worst;
}

/* Each channel with all of them is what has to be possible in any case. */
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
		c->off[i] = is_doubtful(&c->history->ops[i]);
		any |= c->off[i];
	}
	if (!any)
		return LIN_ACCEPTED;
	verdict = check_from(c, 0);
	if (verdict != LIN_REJECTED)
		return verdict;
	fprintf(c->why, "a select that was killed would have done more than one of its ops:\n");
	for (i = 0; i < c->history->nr_ops; i++) {
		if (!is_doubtful(&c->history->ops[i]))
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
	if (x->who != y->who)
		return x->who < y->who ? -1 : 1;
	return x->nth < y->nth ? -1 : x->nth > y->nth;
}

/**
 * lin_check() - could Go channels have produced this history?
 * @history: the history; its operations are put into order
 * @why: where it is explained why not
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
		fprintf(why, "there is too much to search through\n");
	free(c.off);
	return verdict;
}
