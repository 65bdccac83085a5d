// SPDX-License-Identifier: GPL-2.0
/*
 * Explains why a channel's operations have no valid order: the return that no
 * order gets past, why it is impossible in the order that gets furthest, and the
 * related operations.
 */
#include "explain.h"

#include "lease.h"

#include <string.h>

/* How many operations of the order are printed. */
#define SHOWN		8

static void print_line(const struct search *s, const struct lin_op *op, FILE *why)
{
	fputs("  ", why);
	lin_print_op(s->history, op, why);
	fputc('\n', why);
}

static const char *name_of(const struct search *s)
{
	return s->channel->name;
}

/* ---- messages that are wrong in any order ---- */

static const struct lin_op *find_send(const struct search *s, unsigned int value)
{
	const struct lin_history *history = s->history;
	size_t i;

	for (i = 0; i < history->nr_ops; i++)
		if (history->ops[i].channel == s->index && history->ops[i].kind == LIN_SEND &&
		    history->ops[i].value == value)
			return &history->ops[i];
	return NULL;
}

static const struct lin_op *find_other_recv(const struct search *s, const struct lin_op *recv)
{
	const struct lin_op *op;

	for (op = s->history->ops; op < recv; op++)
		if (op->channel == s->index && op->kind == LIN_RECV && op->result == LIN_OK &&
		    op->value == recv->value)
			return op;
	return NULL;
}

/* What is wrong with this receive, and the operation that shows it. */
static const char *wrong_message(const struct search *s, const struct lin_op *recv,
				 const struct lin_op **other)
{
	const char *wrong;

	if (is_lease_wrong(s, recv - s->history->ops, other, &wrong))
		return wrong;
	*other = s->channel->acked ? NULL : find_other_recv(s, recv);
	if (*other)
		return "was received twice";
	*other = find_send(s, recv->value);
	if (!*other)
		return "was never sent";
	if ((*other)->result == LIN_PASSED)
		return "was received, but its select chose another op";
	if ((*other)->result != LIN_OK && (*other)->result != LIN_KILLED)
		return "was received, but its send failed";
	if ((*other)->call > recv->ret)
		return "was received before it was sent";
	return NULL;
}

/* True if a message is wrong, which is then described in @why unless that is NULL. */
bool explain_messages(const struct search *s, FILE *why)
{
	const struct lin_history *history = s->history;
	const struct lin_op *op, *other;

	for (op = history->ops; op < history->ops + history->nr_ops; op++) {
		const char *wrong = NULL;

		if (op->channel == s->index && op->kind == LIN_RECV && op->result == LIN_OK)
			wrong = wrong_message(s, op, &other);
		if (!wrong)
			continue;
		if (!why)
			return true;
		fprintf(why, "channel %s, capacity %u: %u %s\n", name_of(s), s->channel->capacity,
			op->value, wrong);
		if (other)
			print_line(s, other, why);
		print_line(s, op, why);
		return true;
	}
	return false;
}

/* ---- why an operation is impossible in a state ---- */

static unsigned int value_of(const struct search *s, const struct entry *entry)
{
	return s->history->ops[entry->msg].value;
}

static void why_not_sent(const struct search *s, const struct state *st, const struct lin_op *op,
			 FILE *why)
{
	const unsigned int seq = s->seqs[op - s->history->ops];

	if (st->closed)
		fputs("the channel was closed", why);
	else if (!st->receivers)
		fputs("no receiver was left", why);
	else if (has_queued(s, st, LIN_SEND))
		fputs("another sender was queued before it", why);
	else if (s->channel->capacity && nr_used(s, st) >= s->channel->capacity)
		fprintf(why, "the buffer was full, it held %u", nr_used(s, st));
	else if (seq)
		fprintf(why, "its number was %u, but %u had been sent before it", seq, st->sent);
	else if (s->channel->acked)
		fprintf(why, "number %u was that of another message", st->sent + 1);
	else if (!s->channel->capacity && nr_buffered(st))
		fprintf(why, "the requeued message %u had to be received first",
			value_of(s, head(st)));
	else if (!s->channel->capacity)
		fprintf(why, "there was no receiver for %u", op->value);
}

static const struct entry *find_entry(const struct search *s, const struct state *st,
				      unsigned int value)
{
	unsigned int i;

	for (i = 0; i < st->count; i++)
		if (value_of(s, &st->entries[i]) == value)
			return &st->entries[i];
	return NULL;
}

/* Is it part of the order that gets furthest? */
static bool has_happened(const struct search *s, const struct lin_op *op)
{
	unsigned int i;

	for (i = 0; i < s->best.nr_path; i++)
		if (&s->history->ops[s->best_path[i]] == op)
			return true;
	return false;
}

static void why_not_received(const struct search *s, const struct state *st,
			     const struct lin_op *op, FILE *why)
{
	const struct entry *entry = find_entry(s, st, op->value), *first = head(st);
	const struct lin_op *send = find_send(s, op->value);

	if (!entry && has_happened(s, send)) {
		fputs("it was done, and had left the channel", why);
	} else if (entry && entry->lease != NO_LEASE) {
		fputs("it was leased, and had not come back", why);
	} else if (entry && entry->holder != NO_HOLDER) {
		fputs("another receiver took it and did not requeue it", why);
	} else if (entry && first != entry) {
		fprintf(why, "%u was sent before it and was still buffered", value_of(s, first));
		if (s->recvs[first->msg] == NO_OP)
			fputs(": it is lost", why);
	} else if (entry && op->leasing && op->deliveries != entry->deliveries + 1U) {
		fprintf(why, "it was delivery number %u", entry->deliveries + 1U);
	} else if (entry) {
		fputs("another receiver was queued before it", why);
	} else {
		fprintf(why, "%u was not buffered, as it could not be sent: ", op->value);
		why_not_sent(s, st, send, why);
	}
}

static void why_no_end(const struct search *s, const struct state *st, FILE *why)
{
	if (!no_senders(st))
		fputs("the channel was open", why);
	else if (head(st))
		fprintf(why, "%u was buffered", value_of(s, head(st)));
	else
		fprintf(why, "%u was leased, and might come back", value_of(s, st->entries));
}

static void why_ready(const struct search *s, const struct state *st,
		      const struct lin_op *op, FILE *why)
{
	const bool send = op->kind == LIN_SEND;

	if (send ? send_broken(st) : no_senders(st) && is_drained(s, st))
		fputs("the channel was closed or hung up", why);
	else if (!s->channel->acked && has_queued(s, st, send ? LIN_RECV : LIN_SEND))
		fprintf(why, "a %s was queued", send ? "receiver" : "sender");
	else if (send)
		fprintf(why, "a slot was free: %u of %u were used", nr_used(s, st),
			s->channel->capacity);
	else if (nr_buffered(st))
		fprintf(why, "%u was buffered", value_of(s, head(st)));
}

static void why_not_info(const struct search *s, const struct state *st, const struct lin_op *op,
			 FILE *why)
{
	if (op->len != nr_buffered(st))
		fprintf(why, "%u were buffered", nr_buffered(st));
	else if (op->sent != st->sent)
		fprintf(why, "%u had been sent", st->sent);
	else if (op->closed != st->closed)
		fprintf(why, "the channel was %s", st->closed ? "closed" : "open");
	else if (op->dropped != st->dropped)
		fprintf(why, "%u had been dropped", st->dropped);
	else if (s->channel->acked && op->leased != nr_leased(s, st))
		fprintf(why, "%u were leased", nr_leased(s, st));
	else
		fputs("so many cannot have been queued", why);
}

static void why_not_ended(const struct search *s, const struct lin_op *op, FILE *why)
{
	if (op->result == LIN_STALE)
		fputs("the process had that lease", why);
	else if (s->leases[op - s->history->ops] == NO_OP)
		fputs("the process never got that lease", why);
	else
		fputs("the lease had ended", why);
}

static void why_impossible(const struct search *s, const struct state *st, const struct lin_op *op,
			   FILE *why)
{
	if (op->result == LIN_KILLED)
		fputs("not all operations called before it can have happened", why);
	else if (op->kind == LIN_INFO)
		why_not_info(s, st, op, why);
	else if (op->kind == LIN_ACK || op->kind == LIN_REQUEUE)
		why_not_ended(s, op, why);
	else if (op->kind == LIN_CLOSE)
		fprintf(why, "the channel was %s", st->closed ? "closed" : "open");
	else if (op->result == LIN_NOT_READY)
		why_ready(s, st, op, why);
	else if (op->result == LIN_ENDED && op->kind == LIN_SEND)
		fputs("the channel was open", why);
	else if (op->result == LIN_ENDED)
		why_no_end(s, st, why);
	else if (op->result == LIN_FAULT)
		fputs("there was no message", why);
	else if (op->kind == LIN_SEND)
		why_not_sent(s, st, op, why);
	else if (op->kind == LIN_RECV)
		why_not_received(s, st, op, why);
	else
		fputs("there were fewer handles", why);
}

/* ---- the explanation ---- */

/* The operation that has to return first, if possible one that was not killed. */
static const struct lin_op *first_return_op(const struct search *s)
{
	const struct lin_op *found = NULL;
	size_t i;

	for (i = 0; i < s->nr_lanes; i++) {
		const struct lin_op *op = current_op(s, &s->best, i);

		if (op && op->ret == s->best_until && (!found || found->result == LIN_KILLED))
			found = op;
	}
	return found;
}

static void print_state(const struct search *s, const struct state *st, FILE *why)
{
	unsigned int i;

	fprintf(why, "then the channel was %s, %u sent, buffered:",
		st->closed ? "closed" : "open", st->sent);
	for (i = 0; i < st->count; i++)
		fprintf(why, is_buffered(&st->entries[i]) ? " %u" : " (%u)",
			value_of(s, &st->entries[i]));
	fputs(st->count ? "\n" : " nothing\n", why);
}

static void print_order(const struct search *s, FILE *why)
{
	unsigned int i = s->best.nr_path > SHOWN ? s->best.nr_path - SHOWN : 0;

	fprintf(why, "the order that gets furthest, %u operations%s\n", s->best.nr_path,
		i ? ", ends with" : "");
	for (; i < s->best.nr_path; i++)
		print_line(s, &s->history->ops[s->best_path[i]], why);
}

/* Is it pending, or does it concern the same message? */
static bool is_related(const struct search *s, const struct lin_op *op,
		       const struct lin_op *failed)
{
	const struct entry *first = head(&s->best);
	size_t i;

	for (i = 0; i < s->nr_lanes; i++)
		if (current_op(s, &s->best, i) == op && op->call <= s->best_until)
			return true;
	if (op->kind > LIN_RECV || op->channel != s->index)
		return false;
	if (first && op->value == value_of(s, first) &&
	    (op->kind == LIN_SEND || op->result == LIN_OK))
		return true;
	return failed->kind <= LIN_RECV && op->value == failed->value && op->result == LIN_OK;
}

static void print_related(const struct search *s, const struct lin_op *failed, FILE *why)
{
	const struct lin_history *history = s->history;
	const struct lin_op *op;

	fputs("related operations:\n", why);
	for (op = history->ops; op < history->ops + history->nr_ops; op++)
		if (op != failed && is_related(s, op, failed))
			print_line(s, op, why);
}

/* Explain why the search failed. */
void explain(const struct search *s, FILE *why)
{
	const struct lin_op *failed = first_return_op(s);

	fprintf(why, "channel %s, capacity %u: no order explains this return:\n", name_of(s),
		s->channel->capacity);
	print_line(s, failed, why);
	fputs("because ", why);
	why_impossible(s, &s->best, failed, why);
	fputc('\n', why);
	print_order(s, why);
	print_state(s, &s->best, why);
	print_related(s, failed, why);
}
