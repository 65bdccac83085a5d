// SPDX-License-Identifier: GPL-2.0
/*
 * The model of a channel, and the search for an order of its operations that the
 * model allows: Wing and Gong's algorithm, with Lowe's set of visited states.
 *
 * The model: messages in the order of sending, which of them are leased and to whom,
 * handles of each kind, and whether it is closed. An operation takes effect in one
 * step, except that a send and a receive on an unbuffered channel happen in one step
 * together, at least one of them blocking; that a receive that faults may take a
 * message and later requeue it at its place (R9), while later messages may be received;
 * and that one that was killed may do the same, or lose it.
 *
 * On an acknowledged channel a RECV op leases its message (lease.c); a read takes it and
 * is done with it in two steps, as it keeps its slot until it is copied.
 *
 * An operation that changes nothing (EAGAIN, end, INFO) happens as soon as the state
 * allows it, which can only help. An operation that gave up must have been
 * impossible at some time. Which operations are queued is known only from LIN_INFO:
 * then a later one must not complete before them (R7), and one that could complete
 * with them must not fail with EAGAIN (R12).
 */
#include "search.h"

#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "lease.h"
#include "seen.h"
#include "state.h"

/* Each operation is a level of recursion: so many fit on the stack. */
#define DEPTH_MAX	2000

static bool explore(struct search *s, const struct state *from);

/* ---- the state ---- */

static size_t index_of(const struct search *s, const struct lin_op *op)
{
	return op - s->history->ops;
}

static bool has_free_slot(const struct search *s, const struct state *st)
{
	return nr_used(s, st) < s->channel->capacity;
}

/* An operation that, once queued, stays queued until it is completed. */
static bool stays_queued(const struct lin_op *op)
{
	return op->kind <= LIN_RECV && op->blocking && !op->select &&
	       (op->result == LIN_OK || op->result == LIN_ENDED);
}

/* May it complete now? Not before those that are known to be queued already (R7). */
static bool may_complete(const struct search *s, const struct state *st, size_t lane)
{
	const struct lin_op *op = current_op(s, st, lane);

	/* of some it is not known when they were queued */
	if ((st->queued >> lane & 1) || (op->blocking && !stays_queued(op)))
		return true;
	return !has_queued(s, st, op->kind);
}

/* Go on to the lane's next operation; the current one has happened or not. */
static void advance(struct search *s, struct state *st, size_t lane, bool happened)
{
	const struct lin_op *op = current_op(s, st, lane);

	if (happened)
		s->path[st->nr_path++] = index_of(s, op);
	st->next[lane]++;
	st->phase[lane] = INITIAL;
	st->queued &= ~(1ULL << lane);
}

/* A killed operation did not happen, nor did the rest of its batch. */
static void skip(struct search *s, struct state *st, size_t lane)
{
	const unsigned int batch = current_op(s, st, lane)->batch;
	const struct lin_op *op;

	do {
		advance(s, st, lane, false);
		op = current_op(s, st, lane);
	} while (batch && op && op->batch == batch);
}

static void append(struct state *st, size_t msg, uint8_t holder)
{
	st->entries[st->count++] = (struct entry){
		.msg = msg,
		.lease = NO_LEASE,
		.holder = holder,
	};
	st->sent++;
}

static struct entry *find_held(struct state *st, size_t lane)
{
	struct entry *entry = st->entries;

	while (entry->holder != lane)
		entry++;
	return entry;
}

/* ---- operations that change nothing ---- */

/* Receivers see the end. */
static bool has_ended(const struct search *s, const struct state *st)
{
	return no_senders(st) && is_drained(s, st);
}

/* Where all is leased both a sender and a receiver may be queued. */
static bool has_peer(const struct search *s, const struct state *st, enum lin_kind peer)
{
	return !s->channel->acked && has_queued(s, st, peer);
}

static bool gave_up(const struct search *s, const struct state *st, const struct lin_op *op)
{
	if (op->kind == LIN_SEND)
		return !send_broken(st) && !has_free_slot(s, st) && !has_peer(s, st, LIN_RECV);
	return !has_ended(s, st) && !nr_buffered(st) && !has_peer(s, st, LIN_SEND);
}

static bool saw_end(const struct search *s, const struct state *st, const struct lin_op *op)
{
	if (op->kind == LIN_SEND)
		return send_broken(st);
	if (op->kind == LIN_RECV)
		return has_ended(s, st);
	return st->closed;
}

static bool saw_contents(const struct search *s, const struct state *st, const struct lin_op *op)
{
	return op->len == nr_buffered(st) && op->sent == st->sent && op->closed == st->closed &&
	       op->dropped == st->dropped &&
	       op->leased == (s->channel->acked ? nr_leased(s, st) : 0);
}

/* How many of the waiters that INFO counted stay queued until they are completed. */
static int nr_certain(const struct search *s, const struct state *st, const struct lin_op *op,
		      enum lin_kind kind)
{
	const int seen = kind == LIN_SEND ? op->senders : op->receivers;
	const int uncertain = s->uncertain[index_of(s, op)][kind == LIN_RECV];

	/* while waiters are being flushed any operation may still be queued */
	if (kind == LIN_SEND ? send_broken(st) : no_senders(st))
		return 0;
	return seen > uncertain ? seen - uncertain : 0;
}

static bool saw_no_waiters(const struct search *s, const struct state *st, const struct lin_op *op)
{
	return !st->queued && !nr_certain(s, st, op, LIN_SEND) && !nr_certain(s, st, op, LIN_RECV);
}

/*
 * Handles are opened, or closed while others of their kind are left: this cannot be
 * observed. They are closed as late as possible, so that the last one may be the one
 * whose close returns last.
 */
static bool change_handles(struct state *st, const struct lin_op *op, long long until)
{
	const int senders = st->senders + op->senders, receivers = st->receivers + op->receivers;

	if ((op->senders < 0 || op->receivers < 0) && op->ret > until)
		return false;
	if ((op->senders < 0 && senders <= 0) || (op->receivers < 0 && receivers <= 0))
		return false;
	st->senders = senders;
	st->receivers = receivers;
	return true;
}

/* Can the lane's operation happen now without an observable change? */
static bool is_quiet(const struct search *s, struct state *st, size_t lane,
		     long long until)
{
	const struct lin_op *op = current_op(s, st, lane);

	if (op->result == LIN_PASSED || s->off[index_of(s, op)])
		return true;
	if (op->result == LIN_NOT_READY)
		return gave_up(s, st, op);
	if (op->result == LIN_ENDED)
		return saw_end(s, st, op);
	if (op->result == LIN_FAULT)
		return op->kind == LIN_SEND;
	if (op->result == LIN_STALE)
		return !find_lease(s, st, op);
	if (op->kind == LIN_INFO)
		return saw_contents(s, st, op) && saw_no_waiters(s, st, op);
	if (op->kind == LIN_RETURN)
		return !has_leases(s, st, op->process) && !has_earlier(s, st, lane);
	if (op->kind == LIN_HANDLES)
		return change_handles(st, op, until);
	return false;
}

/*
 * A receive that faults has found a message. On an unbuffered channel that may be
 * one whose sender gave up later, so the model does not know of it.
 */
static void justify_fault(const struct search *s, struct state *st, size_t lane)
{
	const struct lin_op *op = current_op(s, st, lane);

	if (op->kind == LIN_RECV && op->result == LIN_FAULT && st->phase[lane] == INITIAL &&
	    (!s->channel->capacity || nr_buffered(st)))
		st->phase[lane] = JUSTIFIED;
}

static bool apply_quiet_once(struct search *s, struct state *st)
{
	const long long until = first_return(s, st);
	bool changed = false;
	size_t i;

	for (i = 0; i < s->nr_lanes; i++) {
		const struct lin_op *op = current_op(s, st, i);

		if (!op || op->call > until)
			continue;
		justify_fault(s, st, i);
		if (!is_quiet(s, st, i, until))
			continue;
		advance(s, st, i, op->result != LIN_PASSED && !s->off[index_of(s, op)]);
		changed = true;
	}
	return changed;
}

static void apply_quiet(struct search *s, struct state *st)
{
	while (apply_quiet_once(s, st))
		;
}

/* ---- looking ahead ---- */

/*
 * May a receive hold the message @front, or have lost it, when the message @behind
 * is received?
 */
static bool may_overtake(const struct search *s, size_t behind, size_t front)
{
	const struct lin_op *ops = s->history->ops;
	const struct lin_op *recv = &ops[s->recvs[behind]];
	const bool lost = s->recvs[front] == NO_OP;
	size_t i;

	for (i = 0; i < s->nr_takers; i++) {
		const struct lin_op *taker = &ops[s->takers[i]];

		if (taker->call <= recv->ret &&
		    taker->ret >= (lost ? ops[behind].call : recv->call))
			return true;
	}
	return false;
}

/* Would the message, if sent now, be behind one that is received only later? */
static bool is_too_early(const struct search *s, const struct state *st, size_t msg)
{
	const struct lin_op *ops = s->history->ops;
	const size_t recv = s->recvs[msg];
	unsigned int i;

	if (s->channel->acked)
		return !is_place_of(s, st, msg);
	if (!s->look_ahead || recv == NO_OP)
		return false;
	for (i = 0; i < st->count; i++) {
		const size_t front = st->entries[i].msg, before = s->recvs[front];

		if (st->entries[i].holder == NO_HOLDER &&
		    (before == NO_OP || ops[before].call > ops[recv].ret) &&
		    !may_overtake(s, msg, front))
			return true;
	}
	return false;
}

/* ---- operations that change something ---- */

static bool happens(const struct lin_op *op)
{
	return op->result == LIN_OK || op->result == LIN_KILLED;
}

/* A receive that may take a message without reporting it: it requeues or loses it. */
static bool takes(const struct lin_op *op)
{
	return op->kind == LIN_RECV && (op->result == LIN_FAULT || op->result == LIN_KILLED);
}

/* A read that takes its message before it has copied it. */
static bool takes_in_two_steps(const struct search *s, const struct lin_op *op)
{
	return s->channel->acked && !op->leasing && op->result == LIN_OK;
}

static bool send_to_buffer(struct search *s, const struct state *from, size_t lane)
{
	const size_t msg = index_of(s, current_op(s, from, lane));
	struct state st = *from;

	if (!has_free_slot(s, &st) || is_too_early(s, &st, msg))
		return false;
	append(&st, msg, NO_HOLDER);
	advance(s, &st, lane, true);
	return explore(s, &st);
}

/* A handoff on an unbuffered channel: send and receive in one step. */
static bool hand_off(struct search *s, const struct state *from, size_t lane, size_t to)
{
	const struct lin_op *send = current_op(s, from, lane);
	const struct lin_op *recv = current_op(s, from, to);
	const size_t msg = index_of(s, send);
	struct state st = *from;

	if (!send->blocking && !recv->blocking)
		return false;
	if (!may_complete(s, &st, to))
		return false;
	if (takes(recv) && st.phase[to] != HOLDING) {
		append(&st, msg, to);
		st.phase[to] = HOLDING;
		advance(s, &st, lane, true);
		return explore(s, &st);
	}
	if (recv->result != LIN_OK || s->sends[index_of(s, recv)] != msg)
		return false;
	st.sent++;
	advance(s, &st, lane, true);
	advance(s, &st, to, true);
	return explore(s, &st);
}

static bool send_to_receiver(struct search *s, const struct state *st, size_t lane)
{
	const long long until = first_return(s, st);
	size_t i;

	if (nr_buffered(st))
		return false;
	for (i = 0; i < s->nr_lanes; i++) {
		const struct lin_op *op = current_op(s, st, i);

		if (!op || op->call > until || op->kind != LIN_RECV)
			continue;
		if (hand_off(s, st, lane, i))
			return true;
	}
	return false;
}

static bool try_send(struct search *s, const struct state *st, size_t lane)
{
	if (!happens(current_op(s, st, lane)) || send_broken(st) || !may_complete(s, st, lane))
		return false;
	return s->channel->capacity ? send_to_buffer(s, st, lane) : send_to_receiver(s, st, lane);
}

static bool take(struct search *s, const struct state *from, size_t lane)
{
	struct state st = *from;

	st.entries[head(from) - from->entries].holder = lane;
	st.phase[lane] = HOLDING;
	st.queued &= ~(1ULL << lane);
	return explore(s, &st);
}

static bool requeue(struct search *s, const struct state *from, size_t lane)
{
	struct state st = *from;

	find_held(&st, lane)->holder = NO_HOLDER;
	advance(s, &st, lane, true);
	return explore(s, &st);
}

static bool receive(struct search *s, const struct state *from, size_t lane)
{
	struct state st = *from;

	drop_entry(&st, st.entries + (head(from) - from->entries));
	advance(s, &st, lane, true);
	return explore(s, &st);
}

/* A read has copied the message that it took, or was killed and has lost it. */
static bool drop_held(struct search *s, const struct state *from, size_t lane)
{
	struct state st = *from;

	drop_entry(&st, find_held(&st, lane));
	advance(s, &st, lane, true);
	return explore(s, &st);
}

static bool lease(struct search *s, const struct state *from, size_t lane)
{
	const struct lin_op *op = current_op(s, from, lane);
	struct state st = *from;
	struct entry *entry = &st.entries[head(from) - from->entries];

	if (op->deliveries != ++entry->deliveries)
		return false;
	entry->lease = index_of(s, op);
	advance(s, &st, lane, true);
	return explore(s, &st);
}

static bool try_recv(struct search *s, const struct state *st, size_t lane)
{
	const struct lin_op *op = current_op(s, st, lane);
	const struct entry *first = head(st);

	if (st->phase[lane] == HOLDING)
		return takes(op) ? requeue(s, st, lane) : drop_held(s, st, lane);
	if (!first || !may_complete(s, st, lane))
		return false;
	if (takes(op))
		return take(s, st, lane);
	if (op->result != LIN_OK || s->sends[index_of(s, op)] != first->msg)
		return false;
	if (op->leasing)
		return lease(s, st, lane);
	return takes_in_two_steps(s, op) ? take(s, st, lane) : receive(s, st, lane);
}

/* Acknowledge a message, or return it. */
static bool try_end_lease(struct search *s, const struct state *from, size_t lane)
{
	const struct lin_op *op = current_op(s, from, lane);
	struct state st = *from;
	struct entry *entry = find_lease(s, &st, op);

	if (!happens(op) || !entry)
		return false;
	if (op->kind == LIN_ACK)
		drop_entry(&st, entry);
	else
		return_entry(s, &st, entry);
	advance(s, &st, lane, true);
	return explore(s, &st);
}

static bool try_return(struct search *s, const struct state *from, size_t lane)
{
	struct state st = *from;

	if (has_earlier(s, from, lane))
		return false;
	return_all(s, &st, current_op(s, from, lane)->process);
	advance(s, &st, lane, true);
	return explore(s, &st);
}

static bool try_close(struct search *s, const struct state *from, size_t lane)
{
	struct state st = *from;

	if (!happens(current_op(s, from, lane)) || st.closed)
		return false;
	st.closed = true;
	advance(s, &st, lane, true);
	return explore(s, &st);
}

static bool is_drop(const struct lin_op *op, enum lin_kind kind)
{
	return op->kind == LIN_HANDLES && (kind == LIN_SEND ? op->senders : op->receivers) < 0;
}

/* Close the last handles of a kind, all whose close was called by now. */
static bool drop_last(struct search *s, const struct state *from, enum lin_kind kind)
{
	const long long until = first_return(s, from);
	struct state st = *from;
	size_t i;

	for (i = 0; i < s->nr_lanes; i++) {
		const struct lin_op *op = current_op(s, &st, i);

		if (!op || op->call > until || !is_drop(op, kind))
			continue;
		st.senders += op->senders;
		st.receivers += op->receivers;
		advance(s, &st, i, true);
	}
	return !(kind == LIN_SEND ? st.senders : st.receivers) && explore(s, &st);
}

static bool try_handles(struct search *s, const struct state *st, size_t lane)
{
	const struct lin_op *op = current_op(s, st, lane);

	return (is_drop(op, LIN_SEND) && drop_last(s, st, LIN_SEND)) ||
	       (is_drop(op, LIN_RECV) && drop_last(s, st, LIN_RECV));
}

static int count_queued(const struct search *s, const struct state *st, enum lin_kind kind)
{
	int n = 0;
	size_t i;

	for (i = 0; i < s->nr_lanes; i++)
		n += (st->queued >> i & 1) && current_op(s, st, i)->kind == kind;
	return n;
}

/* No operation is queued that could complete. */
static bool waitqs_consistent(const struct search *s, const struct state *st)
{
	const bool senders = has_queued(s, st, LIN_SEND);
	const bool receivers = has_queued(s, st, LIN_RECV);

	if (senders && !send_broken(st) &&
	    (has_free_slot(s, st) || has_peer(s, st, LIN_RECV)))
		return false;
	return !receivers || no_senders(st) || !nr_buffered(st);
}

/* Choose which operations INFO of lane @info counted: so many more, from @lane on. */
static bool choose_queued(struct search *s, const struct state *from, size_t info,
			  int senders, int receivers, size_t lane)
{
	const long long until = first_return(s, from);
	struct state st = *from;

	if (senders <= 0 && receivers <= 0) {
		if (!waitqs_consistent(s, &st))
			return false;
		advance(s, &st, info, true);
		return explore(s, &st);
	}
	for (; lane < s->nr_lanes; lane++) {
		const struct lin_op *op = current_op(s, from, lane);
		const bool send = op && op->kind == LIN_SEND;

		if (!op || op->call > until || !stays_queued(op) || from->phase[lane] == HOLDING ||
		    (from->queued >> lane & 1) || (send ? senders : receivers) <= 0)
			continue;
		st.queued |= 1ULL << lane;
		if (choose_queued(s, &st, info, senders - send, receivers - !send, lane + 1))
			return true;
		st.queued = from->queued;
	}
	return false;
}

static bool try_info(struct search *s, const struct state *st, size_t lane)
{
	const struct lin_op *op = current_op(s, st, lane);
	const int senders = count_queued(s, st, LIN_SEND);
	const int receivers = count_queued(s, st, LIN_RECV);

	if (op->result != LIN_OK || !saw_contents(s, st, op) || senders > op->senders ||
	    receivers > op->receivers)
		return false;
	return choose_queued(s, st, lane, nr_certain(s, st, op, LIN_SEND) - senders,
			      nr_certain(s, st, op, LIN_RECV) - receivers, 0);
}

/* ---- the search ---- */

static bool try_lane(struct search *s, const struct state *st, size_t lane)
{
	switch (current_op(s, st, lane)->kind) {
	case LIN_SEND:
		return try_send(s, st, lane);
	case LIN_RECV:
		return try_recv(s, st, lane);
	case LIN_CLOSE:
		return try_close(s, st, lane);
	case LIN_HANDLES:
		return try_handles(s, st, lane);
	case LIN_ACK:
	case LIN_REQUEUE:
		return try_end_lease(s, st, lane);
	case LIN_RETURN:
		return try_return(s, st, lane);
	default:
		return try_info(s, st, lane);
	}
}

/* A killed operation has leased the message that it took, until its process is dead. */
static bool keep(struct search *s, const struct state *from, size_t lane)
{
	struct state st = *from;
	struct entry *entry = find_held(&st, lane);

	entry->holder = NO_HOLDER;
	entry->lease = index_of(s, current_op(s, from, lane));
	entry->deliveries++;
	advance(s, &st, lane, true);
	return explore(s, &st);
}

/* The lane's operation has to return now, without a step of its own. */
static bool end_lane(struct search *s, const struct state *from, size_t lane)
{
	const struct lin_op *op = current_op(s, from, lane);
	struct state st = *from;

	if (op->result == LIN_KILLED && st.phase[lane] == HOLDING)
		return op->leasing ? keep(s, from, lane) : drop_held(s, from, lane);
	if (op->result == LIN_KILLED)
		skip(s, &st, lane);
	else if (op->result == LIN_FAULT && st.phase[lane] == JUSTIFIED)
		advance(s, &st, lane, true);
	else
		return false;
	return explore(s, &st);
}

/*
 * A killed operation may end early, so that others of its batch can follow, and what its
 * process has leased can be received by others.
 */
static bool may_end(const struct search *s, const struct state *st, size_t lane, long long until)
{
	const struct lin_op *op = current_op(s, st, lane);

	return op->ret == until || (op->batch && st->phase[lane] == HOLDING) ||
	       (op->result == LIN_KILLED && s->channel->acked);
}

static bool is_sooner(const struct lin_op *a, const struct lin_op *b)
{
	const bool a_happens = a->result == LIN_OK, b_happens = b->result == LIN_OK;

	return a_happens == b_happens ? a->ret < b->ret : a_happens;
}

/* The lanes whose operation may be next, sorted by time of return. */
static size_t candidates(const struct search *s, const struct state *st, long long until,
			 uint8_t *lanes)
{
	size_t i, k, n = 0;

	for (i = 0; i < s->nr_lanes; i++) {
		const struct lin_op *op = current_op(s, st, i);

		if (!op || op->call > until)
			continue;
		for (k = n++; k && is_sooner(op, current_op(s, st, lanes[k - 1])); k--)
			lanes[k] = lanes[k - 1];
		lanes[k] = i;
	}
	return n;
}

static void record_best(struct search *s, const struct state *st, long long until)
{
	if (until < s->best_until ||
	    (until == s->best_until && st->nr_path <= s->best.nr_path))
		return;
	s->best = *st;
	s->best_until = until;
	memcpy(s->best_path, s->path, st->nr_path * sizeof(*s->path));
}

static bool explore_state(struct search *s, const struct state *st)
{
	const long long until = first_return(s, st);
	uint8_t lanes[LANES];
	size_t i, n;

	if (until < 0)
		return true;
	if (!seen_add(s->seen, st, s->nr_lanes))
		return false;
	record_best(s, st, until);
	n = candidates(s, st, until, lanes);
	for (i = 0; i < n; i++) {
		if (try_lane(s, st, lanes[i]))
			return true;
	}
	for (i = 0; i < n; i++) {
		if (may_end(s, st, lanes[i], until) && end_lane(s, st, lanes[i]))
			return true;
	}
	return false;
}

/* Is there an order of the operations that have not happened yet? */
static bool explore(struct search *s, const struct state *from)
{
	struct state st = *from;

	apply_quiet(s, &st);
	return explore_state(s, &st);
}

/* ---- preparation ---- */

static struct lane *find_lane(struct search *s, int process, unsigned int nth)
{
	struct lane *lane;

	for (lane = s->lanes; lane < s->lanes + s->nr_lanes; lane++)
		if (lane->process == process && lane->nth == nth)
			return lane;
	if (s->nr_lanes == LANES)
		abort();
	s->nr_lanes++;
	lane->process = process;
	lane->nth = nth;
	lane->ops = calloc(s->history->nr_ops, sizeof(*lane->ops));
	return lane;
}

/* The number of preceding ops of the same select on the same channel. */
static unsigned int nth_of_select(const struct lin_history *history, size_t at)
{
	const struct lin_op *op = &history->ops[at];
	unsigned int n = 0;
	size_t i;

	for (i = at; op->select && i && history->ops[i - 1].call == op->call; i--)
		n += history->ops[i - 1].select == op->select &&
		     history->ops[i - 1].channel == op->channel;
	return n;
}

static bool is_message_of(const struct lin_op *send, const struct lin_op *recv)
{
	return send->kind == LIN_SEND && recv->kind == LIN_RECV && recv->result == LIN_OK &&
	       send->value == recv->value && send->channel == recv->channel;
}

static void match_messages(struct search *s)
{
	const struct lin_history *history = s->history;
	size_t i, k;

	for (i = 0; i < history->nr_ops; i++) {
		s->sends[i] = NO_OP;
		s->recvs[i] = NO_OP;
	}
	for (i = 0; i < history->nr_ops; i++) {
		if (history->ops[i].channel != s->index || history->ops[i].kind != LIN_RECV)
			continue;
		for (k = 0; k < history->nr_ops; k++) {
			if (!is_message_of(&history->ops[k], &history->ops[i]))
				continue;
			s->sends[i] = k;
			s->recvs[k] = i;
		}
	}
}

/* Count the operations that INFO may have counted and that gave up later. */
static void count_uncertain(struct search *s, size_t at)
{
	const struct lin_op *info = &s->history->ops[at], *op;
	size_t i;

	for (i = 0; i < s->history->nr_ops; i++) {
		op = &s->history->ops[i];
		if (op->channel == s->index && op->kind <= LIN_RECV && op->blocking &&
		    !stays_queued(op) && op->call <= info->ret && op->ret >= info->call)
			s->uncertain[at][op->kind == LIN_RECV]++;
	}
}

static void prepare(struct search *s)
{
	const struct lin_history *history = s->history;
	size_t i;

	match_messages(s);
	match_leases(s);
	for (i = 0; i < history->nr_ops; i++) {
		const struct lin_op *op = &history->ops[i];
		struct lane *lane;

		if (op->channel != s->index)
			continue;
		lane = find_lane(s, op->process, nth_of_select(history, i));
		lane->ops[lane->count++] = i;
		if (takes(op) && !s->off[i])
			s->takers[s->nr_takers++] = i;
		if (op->kind == LIN_INFO)
			count_uncertain(s, i);
	}
}

static void search_make(struct search *s, const struct lin_history *history, int index,
			const bool *off)
{
	const size_t n = history->nr_ops;

	memset(s, 0, sizeof(*s));
	s->history = history;
	s->channel = &history->channels[index];
	s->index = index;
	s->off = off;
	s->sends = calloc(n, sizeof(*s->sends));
	s->recvs = calloc(n, sizeof(*s->recvs));
	s->leases = calloc(n, sizeof(*s->leases));
	s->seqs = calloc(n, sizeof(*s->seqs));
	s->is_seq_used = calloc(n + 2, sizeof(*s->is_seq_used));
	s->takers = calloc(n, sizeof(*s->takers));
	s->uncertain = calloc(n, sizeof(*s->uncertain));
	s->path = calloc(n, sizeof(*s->path));
	s->best_path = calloc(n, sizeof(*s->best_path));
	prepare(s);
}

static void search_free(struct search *s)
{
	size_t i;

	for (i = 0; i < s->nr_lanes; i++)
		free(s->lanes[i].ops);
	free(s->sends);
	free(s->recvs);
	free(s->leases);
	free(s->seqs);
	free(s->is_seq_used);
	free(s->takers);
	free(s->uncertain);
	free(s->path);
	free(s->best_path);
}

static enum lin_verdict run(struct search *s, bool look_ahead)
{
	const struct state start = {
		.senders = s->channel->senders,
		.receivers = s->channel->receivers,
	};
	enum lin_verdict verdict;

	s->look_ahead = look_ahead;
	s->best_until = -1;
	s->seen = seen_make();
	verdict = explore(s, &start) ? LIN_ACCEPTED : LIN_REJECTED;
	if (verdict == LIN_REJECTED && seen_full(s->seen))
		verdict = LIN_UNDECIDED;
	seen_free(s->seen);
	return verdict;
}

static size_t count_ops(const struct lin_history *history, int index)
{
	size_t i, n = 0;

	for (i = 0; i < history->nr_ops; i++)
		n += history->ops[i].channel == index;
	return n;
}

/*
 * Is there an order of the operations on one channel? If not the search is repeated
 * without look-ahead: then it gets as far as possible, and the operation that it
 * cannot get past is the one to explain.
 */
enum lin_verdict search_channel(const struct lin_history *history, int index, const bool *off,
				FILE *why)
{
	enum lin_verdict verdict = LIN_REJECTED;
	struct search s;

	if (count_ops(history, index) > DEPTH_MAX)
		return LIN_UNDECIDED;
	search_make(&s, history, index, off);
	if (s.channel->capacity + s.nr_lanes > ENTRIES_MAX)
		abort();
	if (explain_messages(&s, why))
		goto free;
	verdict = run(&s, true);
	if (verdict == LIN_ACCEPTED || !why)
		goto free;
	if (verdict == LIN_REJECTED && run(&s, false) == LIN_UNDECIDED)
		run(&s, true);
	explain(&s, why);
free:
	search_free(&s);
	return verdict;
}
