/* SPDX-License-Identifier: GPL-2.0 */
/* The receiving side of a bridge, which recv.c, fetch.c and held.c share. */
#ifndef GOCHAN_BRIDGE_RECV_H
#define GOCHAN_BRIDGE_RECV_H

#include <fcntl.h>

#include "bridge.h"

#define RECENT		4096	/* acknowledged messages that are remembered */
#define UNCONFIRMED_MAX	4096	/* acknowledgments that are repeated after a reconnect */
#define GRACE_NS	(10 * NS_PER_S)	/* for workers, when the bridge stops */

enum in_state {
	IN_FREE,
	IN_WAITING,		/* to be sent into the channel */
	IN_DELIVERED,
};

/**
 * struct in - a message of the stream that is on this machine
 * @state: where it is
 * @msg: as it was delivered last, with the subject for its acknowledgment
 * @stream_seq: its number in the stream
 * @time: when the stream got it
 * @seq: its number on the channel, once it is there
 * @since: from when on
 * @next: in a list of by_seq, or in that of free places
 * @next_by_stream: in a list of by_stream
 */
struct in {
	enum in_state state;
	natsMsg *msg;
	uint64_t stream_seq;
	int64_t time;
	uint64_t seq;
	int64_t since;
	struct in *next;
	struct in *next_by_stream;
};

struct acked {
	uint64_t stream_seq;
	int64_t time;
};

/**
 * struct receiver - moves messages from the stream into the channel
 * @b: the bridge
 * @channel: ID of the receiving channel
 * @sub: makes the consumer of the stream, or finds it; receives nothing
 * @inbox: subjects to which the consumer sends messages begin with it
 * @pulled: receives these messages
 * @requests: how many there were; the fetcher's
 * @reply: subject for the status of the last one; the fetcher's
 * @take_fd: to take back messages from the channel, or -1 without permission
 * @buf: for such a message
 * @msg_size: its size
 * @idle: workers have not taken what is in the channel, so nothing is fetched; atomic
 * @stats: for @connections; the watcher's
 * @connections: how many there were before, when acknowledgments were confirmed last
 * @checked_at: when it was checked last whether workers take messages; the watcher's
 * @fetcher: thread
 * @deliverer: thread
 * @event: readable when messages wait, @kept_at was reset, or @finished is set
 * @finished: the deliverer is to end; atomic
 * @lock: protects the following, and @buf
 * @room: a place of @in was freed, or @stop set
 * @stop: fetch no more
 * @in: messages, one for each slot of the channel
 * @free: list of those places of @in that are free
 * @size: places of @in, the channel's capacity
 * @used: of these, in use
 * @waiting: ring of those to be sent
 * @first_waiting: the first of them
 * @nr_waiting: how many
 * @by_seq: lists of those in the channel, by their number there
 * @by_stream: lists of all messages, by their number in the stream
 * @mask: number of lists of each, less 1
 * @unconfirmed: subjects of acknowledgments that may not have reached the server
 * @nr_unconfirmed: how many
 * @recent: messages acknowledged last
 * @highest: number in the stream up to which messages were fetched
 * @kept_at: when the stream was told last what is in progress; 0 to tell it at once
 */
struct receiver {
	struct bridge *b;
	uint64_t channel;
	natsSubscription *sub;
	natsInbox *inbox;
	natsSubscription *pulled;
	unsigned int requests;
	char reply[SUBJECT_SIZE];
	int take_fd;
	void *buf;
	uint32_t msg_size;
	bool idle;
	natsStatistics *stats;
	uint64_t connections;
	int64_t checked_at;
	pthread_t fetcher, deliverer;
	int event;
	bool finished;

	pthread_mutex_t lock;
	pthread_cond_t room;
	bool stop;
	struct in *in, *free;
	unsigned int size, used;
	struct in **waiting;
	unsigned int first_waiting, nr_waiting;
	struct in **by_seq, **by_stream;
	uint64_t mask;
	char *unconfirmed[UNCONFIRMED_MAX];
	unsigned int nr_unconfirmed;
	struct acked recent[RECENT];
	uint64_t highest;
	int64_t kept_at;
};

/* ---- fetch.c ---- */

/* Subscribe to what the consumer sends. */
bool fetcher_subscribe(struct receiver *r);
void fetcher_free(struct receiver *r);
void *fetch_thread(void *receiver);

/* ---- held.c: the messages on this machine ---- */

/* Publish an answer to @subject, that of a message for acknowledgments. */
void held_answer(struct receiver *r, const char *subject, const char *text);
void held_ack(struct receiver *r, const char *subject);
/* It is to be delivered again, to any machine. */
void held_refuse(struct receiver *r, const natsMsg *msg);

struct in *held_find(struct receiver *r, uint64_t stream_seq, int64_t time);
/*
 * Take a free place for the message of this number in the stream, or NULL if all are in use. The
 * caller sets @msg, @time and @state, and counts it in @used.
 */
struct in *held_take_free(struct receiver *r, uint64_t stream_seq);
void held_release(struct receiver *r, struct in *in);
/* By the number on the channel, once it is set. */
struct in *held_find_by_seq(struct receiver *r, uint64_t seq);
void held_insert_by_seq(struct receiver *r, struct in *in);
void held_remove_by_seq(struct receiver *r, struct in *in);

#endif /* GOCHAN_BRIDGE_RECV_H */
