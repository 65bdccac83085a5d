/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The state of a search for an order of one channel's operations, shared by the
 * search (search.c), the set of visited states (seen.c) and the explanations
 * (explain.c).
 */
#ifndef SELFTESTS_STATE_H
#define SELFTESTS_STATE_H

#include <stdint.h>

#include "history.h"

#define LANES		64	/* bits of state.queued */
#define ENTRIES_MAX	96	/* messages buffered, held or leased */
#define NO_HOLDER		0xff
#define NO_LEASE	0xffff
#define NO_OP		((size_t)-1)

/*
 * The progress of a receive that faults or was killed: JUSTIFIED has found a
 * message, HOLDING has taken one.
 */
enum phase { INITIAL, JUSTIFIED, HOLDING };

/**
 * struct entry - a message that was sent and not yet received, or not yet acknowledged
 * @msg: index of its send
 * @lease: index of the receive that leased it, or NO_LEASE
 * @deliveries: how often it was leased
 * @holder: lane of the receive that took it and may requeue it, or NO_HOLDER
 */
struct entry {
	uint16_t msg;
	uint16_t lease;
	uint16_t deliveries;
	uint8_t holder;
	uint8_t zero;
};

/**
 * struct state - the channel after some of the operations
 * @queued: lanes whose operation is known to be queued
 * @sent: messages sent
 * @dropped: messages dropped, as they had been delivered too often
 * @senders: handles that may send
 * @receivers: handles that may receive
 * @closed: it was closed
 * @count: number of @entries
 * @next: of each lane, the first operation that has not happened yet
 * @phase: the progress of that operation
 * @nr_path: operations that have happened; not part of the state proper
 * @entries: messages in the order of sending
 */
struct state {
	uint64_t queued;
	uint32_t sent;
	uint32_t dropped;
	int16_t senders;
	int16_t receivers;
	uint16_t closed;
	uint16_t count;
	uint16_t next[LANES];
	uint8_t phase[LANES];
	uint32_t nr_path;
	struct entry entries[ENTRIES_MAX];
};

/**
 * struct lane - operations that do not overlap
 * @process: the process
 * @nth: a select with several ops on the channel has one in each of several lanes
 * @ops: indices into the history, in order
 * @count: number of @ops
 */
struct lane {
	int process;
	unsigned int nth;
	uint32_t *ops;
	size_t count;
};

struct seen;

/**
 * struct search - for an order of one channel's operations
 * @history: the whole history
 * @channel: the channel
 * @off: for each operation, whether it is known not to have happened
 * @lanes: its operations
 * @nr_lanes: how many lanes
 * @sends: of each receive, the send of its message
 * @recvs: of each send, the receive of its message, the last one
 * @leases: of each LIN_ACK and LIN_REQUEUE, the receive that got this lease
 * @seqs: of each send, the number of its message, if that was reported, or 0
 * @is_seq_used: numbers that were reported
 * @takers: receives that may take a message and requeue or lose it
 * @nr_takers: number of @takers
 * @uncertain: of each LIN_INFO, how many of the waiters that it counted may be
 *	operations that give up instead of waiting until they are completed
 * @look_ahead: prune states from which the remaining receives are impossible
 * @seen: visited states
 * @path: the order that is being tried
 * @best: of the states that got furthest in time, the one with most operations
 * @best_path: its order
 * @best_until: the return that it does not get past
 */
struct search {
	const struct lin_history *history;
	const struct lin_channel *channel;
	int index;
	const bool *off;
	struct lane lanes[LANES];
	size_t nr_lanes;
	size_t *sends;
	size_t *recvs;
	size_t *leases;
	unsigned int *seqs;
	bool *is_seq_used;
	size_t *takers;
	size_t nr_takers;
	int (*uncertain)[2];
	bool look_ahead;
	struct seen *seen;
	uint32_t *path;
	struct state best;
	uint32_t *best_path;
	long long best_until;
};

const struct lin_op *current_op(const struct search *s, const struct state *st, size_t lane);
long long first_return(const struct search *s, const struct state *st);
bool is_buffered(const struct entry *entry);
unsigned int nr_buffered(const struct state *st);
unsigned int nr_used(const struct search *s, const struct state *st);
bool is_drained(const struct search *s, const struct state *st);
const struct entry *head(const struct state *st);
bool send_broken(const struct state *st);
bool no_senders(const struct state *st);
bool has_queued(const struct search *s, const struct state *st, enum lin_kind kind);

#endif
