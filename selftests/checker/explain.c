// SPDX-License-Identifier: GPL-2.0
/*
 * Words for why a channel's operations have no order: the return that no
 * explanation gets past, what stands against it in one that comes that far,
 * and the operations that this is about.
 */
#include "explain.h"

#include <string.h>

/* How many operations of an order are shown. */
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

/* ---- messages that are wrong whatever the order ---- */

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
	*other = find_other_recv(s, recv);
	if (*other)
		return "was received twice";
	*other = find_send(s, recv->value);
	if (!*other)
		return "was never sent";
	if ((*other)->result == LIN_PASSED)
		return "was received, but its select did something else";
	if ((*other)->result != LIN_OK && (*other)->result != LIN_KILLED)
		return "was received, but its send failed";
	if ((*other)->call > recv->ret)
		return "was received before it was sent";
	return NULL;
}

/* True when a message is wrong; with @why it is said which. */
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

/* ---- what stands against an operation in a state ---- */

static unsigned int value_of(const struct search *s, const struct entry *entry)
{
	return s->history->ops[entry->msg].value;
}

static void against_send(const struct search *s, const struct state *st, const struct lin_op *op,
			 FILE *why)
{
	if (st->closed)
		fputs("the channel was closed", why);
	else if (!st->receivers)
		fputs("nobody was left who may receive", why);
	else if (someone_waits(s, st, LIN_SEND))
		fputs("another sender stood in line before it", why);
	else if (s->channel->capacity && inside(st) >= s->channel->capacity)
		fprintf(why, "the buffer was full, it held %u", inside(st));
	else if (!s->channel->capacity && inside(st))
		fprintf(why, "a message that was put back, %u, was to be received first",
			value_of(s, head(st)));
	else if (!s->channel->capacity)
		fprintf(why, "nobody was there to receive %u", op->value);
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

static void against_message(const struct search *s, const struct state *st,
			    const struct lin_op *op, FILE *why)
{
	const struct entry *entry = find_entry(s, st, op->value), *first = head(st);

	if (entry && entry->holder != NOBODY) {
		fputs("somebody else took it and did not put it back", why);
	} else if (entry && first != entry) {
		fprintf(why, "%u was sent before it and was still inside", value_of(s, first));
		if (s->recvs[first->msg] == NO_OP)
			fputs(": it is lost", why);
	} else if (entry) {
		fputs("another receiver stood in line before it", why);
	} else {
		fprintf(why, "%u was not inside, as it could not be sent: ", op->value);
		against_send(s, st, find_send(s, op->value), why);
	}
}

static void against_end(const struct search *s, const struct state *st, FILE *why)
{
	if (!no_more(st))
		fputs("the channel was open", why);
	else
		fprintf(why, "%u was inside", value_of(s, head(st)));
}

static void against_giving_up(const struct search *s, const struct state *st,
			      const struct lin_op *op, FILE *why)
{
	const bool send = op->kind == LIN_SEND;

	if (send ? send_ended(st) : no_more(st) && !inside(st))
		fputs("the channel had ended", why);
	else if (someone_waits(s, st, send ? LIN_RECV : LIN_SEND))
		fprintf(why, "a %s stood in line", send ? "receiver" : "sender");
	else if (send)
		fprintf(why, "there was room: %u of %u", inside(st), s->channel->capacity);
	else if (inside(st))
		fprintf(why, "%u was inside", value_of(s, head(st)));
}

static void against_info(const struct state *st, const struct lin_op *op, FILE *why)
{
	if (op->len != inside(st))
		fprintf(why, "%u were inside", inside(st));
	else if (op->sent != st->sent)
		fprintf(why, "%u had been sent", st->sent);
	else if (op->closed != st->closed)
		fprintf(why, "the channel was %s", st->closed ? "closed" : "open");
	else
		fputs("not so many could stand in line", why);
}

static void against(const struct search *s, const struct state *st, const struct lin_op *op,
		    FILE *why)
{
	if (op->result == LIN_KILLED)
		fputs("what was called before cannot have been in time", why);
	else if (op->kind == LIN_INFO)
		against_info(st, op, why);
	else if (op->kind == LIN_CLOSE)
		fprintf(why, "the channel was %s", st->closed ? "closed" : "open");
	else if (op->result == LIN_NOT_READY)
		against_giving_up(s, st, op, why);
	else if (op->result == LIN_ENDED && op->kind == LIN_SEND)
		fputs("the channel was open", why);
	else if (op->result == LIN_ENDED)
		against_end(s, st, why);
	else if (op->result == LIN_FAULT)
		fputs("there was no message", why);
	else if (op->kind == LIN_SEND)
		against_send(s, st, op, why);
	else if (op->kind == LIN_RECV)
		against_message(s, st, op, why);
	else
		fputs("there were not so many handles", why);
}

/* ---- the explanation ---- */

/* What has to return first; not one that was killed, of those that return at once. */
static const struct lin_op *stumbling(const struct search *s)
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

	fprintf(why, "then it was %s, %u sent, inside:", st->closed ? "closed" : "open", st->sent);
	for (i = 0; i < st->count; i++)
		fprintf(why, st->entries[i].holder == NOBODY ? " %u" : " (%u)",
			value_of(s, &st->entries[i]));
	fputs(st->count ? "\n" : " nothing\n", why);
}

static void print_order(const struct search *s, FILE *why)
{
	unsigned int i = s->best.nr_path > SHOWN ? s->best.nr_path - SHOWN : 0;

	fprintf(why, "the order that comes furthest, %u operations%s\n", s->best.nr_path,
		i ? ", ends with" : "");
	for (; i < s->best.nr_path; i++)
		print_line(s, &s->history->ops[s->best_path[i]], why);
}

/* Those that were called and did not happen, and those of the same messages. */
static bool is_concerned(const struct search *s, const struct lin_op *op,
			 const struct lin_op *what)
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
	return what->kind <= LIN_RECV && op->value == what->value && op->result == LIN_OK;
}

static void print_concerned(const struct search *s, const struct lin_op *what, FILE *why)
{
	const struct lin_history *history = s->history;
	const struct lin_op *op;

	fputs("other operations that this is about:\n", why);
	for (op = history->ops; op < history->ops + history->nr_ops; op++)
		if (op != what && is_concerned(s, op, what))
			print_line(s, op, why);
}

/* Why the search failed. */
void explain(const struct search *s, FILE *why)
{
	const struct lin_op *what = stumbling(s);

	fprintf(why, "channel %s, capacity %u: nothing explains this return:\n", name_of(s),
		s->channel->capacity);
	print_line(s, what, why);
	fputs("as ", why);
	against(s, &s->best, what, why);
	fputc('\n', why);
	print_order(s, why);
	print_state(s, &s->best, why);
	print_concerned(s, what, why);
}
