// SPDX-License-Identifier: GPL-2.0
/*
 * Leases of acknowledged channels (R21). A message that is leased stays among the entries
 * of the state, at its place in the order of sending, until it is done; one that is
 * returned is so ahead of all that were sent later. A process has one handle on a channel
 * at a time, so that its leases are those of one owner.
 */
#include "lease.h"

#include <string.h>

/* ---- what a history tells of leases ---- */

static bool is_delivery(const struct search *s, const struct lin_op *op)
{
	return op->channel == s->index && op->leasing && op->result == LIN_OK;
}

/* The receive by which the process got this lease. */
static size_t find_recv(const struct search *s, const struct lin_op *end)
{
	const struct lin_history *history = s->history;
	size_t i;

	for (i = 0; i < history->nr_ops; i++)
		if (is_delivery(s, &history->ops[i]) && history->ops[i].lease == end->lease &&
		    history->ops[i].process == end->process)
			return i;
	return NO_OP;
}

/* Once s->sends is known. */
void match_leases(struct search *s)
{
	const struct lin_history *history = s->history;
	const struct lin_op *op;
	size_t i;

	for (i = 0; i < history->nr_ops; i++) {
		op = &history->ops[i];
		s->leases[i] = NO_OP;
		if (op->channel == s->index && (op->kind == LIN_ACK || op->kind == LIN_REQUEUE))
			s->leases[i] = find_recv(s, op);
		if (!is_delivery(s, op) || s->sends[i] == NO_OP)
			continue;
		s->seqs[s->sends[i]] = op->seq;
		if (op->seq <= history->nr_ops)
			s->is_seq_used[op->seq] = true;
	}
}

/* Is a delivery wrong in any order? Then what is, and the other one that shows it. */
bool is_lease_wrong(const struct search *s, size_t recv, const struct lin_op **other,
		    const char **wrong)
{
	const struct lin_op *ops = s->history->ops, *op = &ops[recv];
	size_t i;

	*wrong = NULL;
	for (i = 0; i < recv && !*wrong && is_delivery(s, op); i++) {
		if (!is_delivery(s, &ops[i]))
			continue;
		*other = &ops[i];
		if (ops[i].lease == op->lease)
			*wrong = "was received with a lease that was given before";
		else if (ops[i].value == op->value && ops[i].seq != op->seq)
			*wrong = "was received with two numbers";
	}
	return *wrong;
}

/* ---- the state ---- */

/* The message whose lease @op shall end, or NULL: the process has no such lease now. */
struct entry *find_lease(const struct search *s, struct state *st, const struct lin_op *op)
{
	const size_t recv = s->leases[op - s->history->ops];
	unsigned int i;

	for (i = 0; i < st->count && recv != NO_OP; i++)
		if (st->entries[i].lease == recv)
			return &st->entries[i];
	return NULL;
}

static bool is_leased(const struct search *s, const struct state *st, const struct entry *entry)
{
	return entry->lease != NO_LEASE ||
	       (entry->holder != NO_HOLDER && current_op(s, st, entry->holder)->leasing);
}

unsigned int nr_leased(const struct search *s, const struct state *st)
{
	unsigned int i, n = 0;

	for (i = 0; i < st->count; i++)
		n += is_leased(s, st, &st->entries[i]);
	return n;
}

static bool is_of(const struct search *s, const struct entry *entry, int process)
{
	return entry->lease != NO_LEASE && s->history->ops[entry->lease].process == process;
}

bool has_leases(const struct search *s, const struct state *st, int process)
{
	unsigned int i;

	for (i = 0; i < st->count; i++)
		if (is_of(s, &st->entries[i], process))
			return true;
	return false;
}

/* Has the process another operation that has still to happen before the lane's? */
bool has_earlier(const struct search *s, const struct state *st, size_t lane)
{
	const struct lin_op *op = current_op(s, st, lane), *other;
	size_t i;

	for (i = 0; i < s->nr_lanes; i++) {
		other = current_op(s, st, i);
		if (other && other->process == op->process && other < op)
			return true;
	}
	return false;
}

/* Can this be the next message to be sent, by the numbers that receives reported? */
bool is_place_of(const struct search *s, const struct state *st, size_t msg)
{
	const unsigned int next = st->sent + 1;

	return s->seqs[msg] ? s->seqs[msg] == next : !s->is_seq_used[next];
}

/* ---- its changes ---- */

void drop_entry(struct state *st, struct entry *entry)
{
	const unsigned int i = entry - st->entries;

	st->count--;
	memmove(entry, entry + 1, (st->count - i) * sizeof(*entry));
}

/* End a lease: the message is buffered again, or dropped. */
void return_entry(const struct search *s, struct state *st, struct entry *entry)
{
	const unsigned int max = s->channel->max_deliveries;

	entry->lease = NO_LEASE;
	if (!max || entry->deliveries < max)
		return;
	drop_entry(st, entry);
	st->dropped++;
}

void return_all(const struct search *s, struct state *st, int process)
{
	unsigned int i;

	for (i = st->count; i--;)
		if (is_of(s, &st->entries[i], process))
			return_entry(s, st, &st->entries[i]);
}
