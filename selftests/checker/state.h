/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The state of a search for an order of one channel's operations, shared by
 * the search (search.c), the set of states seen (seen.c) and the words for why
 * there is no order (explain.c).
 */
#ifndef SELFTESTS_STATE_H
#define SELFTESTS_STATE_H

#include <stdint.h>

#include "history.h"

#define LANES		64	/* bits of state.waiting */
#define INSIDE_MAX	160	/* messages inside or in somebody's hands */
#define NOBODY		0xff
#define NO_OP		((size_t)-1)

/* How far a receive that faults, or was killed, has come. */
enum phase { AT_FIRST, JUSTIFIED, HOLDING };

/**
 * struct entry - a message that was sent and is not received for good
 * @msg: index of its send
 * @holder: lane of the receive that took it and may put it back, or NOBODY
 */
struct entry {
	uint16_t msg;
	uint8_t holder;
	uint8_t zero;
};

/**
 * struct state - after some of the operations
 * @waiting: lanes whose operation is known to stand in line
 * @sent: messages sent
 * @senders: handles that may send
 * @receivers: likewise
 * @closed: it was closed
 * @count: how many entries
 * @next: for each lane the first operation that did not happen yet
 * @phase: how far that one has come
 * @nr_path: how many operations happened; says nothing about what can follow
 * @entries: in the order of sending
 */
struct state {
	uint64_t waiting;
	uint32_t sent;
	int16_t senders;
	int16_t receivers;
	uint16_t closed;
	uint16_t count;
	uint16_t next[LANES];
	uint8_t phase[LANES];
	uint32_t nr_path;
	struct entry entries[INSIDE_MAX];
};

/**
 * struct lane - operations that come one after the other
 * @who: whose they are
 * @nth: a select that names the channel several times has a lane for each
 * @ops: indices into the history, in order
 * @count: how many
 */
struct lane {
	int who;
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
 * @sends: for each operation that is a receive the send of its message
 * @recvs: for each operation that is a send the receive of its message
 * @takers: receives that may take a message and put it back, or lose it
 * @nr_takers: how many
 * @doubtful: for each LIN_INFO how many of whom it saw waiting may be others
 *	than those that are known to wait until they are served
 * @look_ahead: leave out what cannot lead to the receives that are to come
 * @seen: states that were seen
 * @path: the operations in the order that is tried
 * @best: of the states that came furthest the one with the most operations
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
	size_t *takers;
	size_t nr_takers;
	int (*doubtful)[2];
	bool look_ahead;
	struct seen *seen;
	uint32_t *path;
	struct state best;
	uint32_t *best_path;
	long long best_until;
};

const struct lin_op *current_op(const struct search *s, const struct state *st, size_t lane);
long long first_return(const struct search *s, const struct state *st);
unsigned int inside(const struct state *st);
const struct entry *head(const struct state *st);
bool send_ended(const struct state *st);
bool no_more(const struct state *st);
bool someone_waits(const struct search *s, const struct state *st, enum lin_kind kind);

#endif
