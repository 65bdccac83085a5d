/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Declarations shared by the files of gochan-bridge, which moves messages between channels
 * of this machine and a JetStream stream of NATS.
 *
 * Words: a route is what moves one way between one channel and one stream. Functions that
 * return false or a negative value have logged why.
 */
#ifndef GOCHAN_BRIDGE_H
#define GOCHAN_BRIDGE_H

#include <nats/nats.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "gochan.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define NS_PER_MS		1000000LL
#define NS_PER_S		1000000000LL
#define DEFAULT_SIZE		4096
#define DEFAULT_ACK_WAIT	30
#define DEFAULT_DUPLICATES	120
#define SUBJECT_SIZE		160
#define NAME_SIZE		256

/* Bytes of a message in the stream beside its payload: the header for deduplication. */
#define HEADER_ROOM		256

#define CHANNELS_OF_BRIDGE	3
#define SERVERS_MAX		16

enum mode {
	MODE_NONE,
	MODE_SEND,
	MODE_RECV,
	MODE_QUEUE,
	MODE_CALL,
};

/**
 * struct settings - what the user has chosen for one channel; constant once parsed
 * @name: the channel
 * @servers: URLs of servers, separated by commas
 * @stream: name of the stream or, with MODE_CALL, of the subject
 * @mode: what to do
 * @cap: capacity of local channels that are made, 0: make none
 * @size: their message size
 * @capacity: messages that the stream holds; 0: any, and 1024 if it is made
 * @replicas: of the stream, 0: any, and 1 if it is made
 * @memory: the stream is kept in memory, if it is made
 * @ack_wait: seconds after which an unacknowledged message is delivered elsewhere
 * @duplicates: seconds for which the stream remembers message IDs
 * @creds: file with credentials (JWT and seed), or NULL
 * @password: file with "USER:PASSWORD", or NULL
 * @tls_ca: file with trusted certificates, or NULL
 * @tls_cert: file with the client's certificate, or NULL
 * @tls_key: file with its key, or NULL
 * @once: end when nothing is left to move
 */
struct settings {
	char name[NAME_SIZE];
	char *servers;
	char stream[64];
	enum mode mode;
	unsigned int cap;
	unsigned int size;
	unsigned int capacity;
	unsigned int replicas;
	bool memory;
	unsigned int ack_wait;
	unsigned int duplicates;
	char *creds;
	char *password;
	char *tls_ca;
	char *tls_cert;
	char *tls_key;
	bool once;
};

/**
 * struct counters - what a channel's bridge has done and does; each is written by any thread
 * @received: messages received from the sending channel
 * @confirmed: of these, confirmed by the stream and acknowledged locally
 * @duplicates: of these, that the stream had already
 * @retried: publications that were repeated
 * @fetched: messages that the stream has delivered
 * @delivered: of these, sent into the receiving channel
 * @acknowledged: of these, acknowledged by a worker and to the stream
 * @redelivered: of those fetched, that were delivered before, here or elsewhere
 * @dead: messages that became dead letters on this machine
 * @reconnects: connections after the first
 * @held: messages of the stream that are on this machine now
 * @connected: 1 while there is a connection, else 0
 */
struct counters {
	uint64_t received;
	uint64_t confirmed;
	uint64_t duplicates;
	uint64_t retried;
	uint64_t fetched;
	uint64_t delivered;
	uint64_t acknowledged;
	uint64_t redelivered;
	uint64_t dead;
	uint64_t reconnects;
	uint64_t held;
	uint64_t connected;
};

struct sender;

/**
 * struct bridge - the bridge of one channel
 * @settings: what the user has chosen
 * @nc: the connection
 * @js: for everything but publishing, which has a context of its own
 * @subject: of messages
 * @close_subject: of the close marker
 * @stream_capacity: messages that the stream holds
 * @counters: statistics
 * @stop_fd: readable from when the bridge is to stop
 * @closed_fd: eventfd, readable when the connection is closed and makes no more callbacks
 * @wake: eventfd, readable when the watcher has something to do
 * @sender_wake: eventfd, readable when the sender has something to do, or -1
 * @sent_all: what this machine sends is in the stream, and nothing will follow; atomic
 * @broken: the connection was lost, and what was on its way has to be published again; atomic
 * @ready: it is set up; atomic
 * @made: names of channels that this process has made, for as long as it is not @ready
 * @nr_made: how many
 * @failed: a thread has failed; atomic
 * @sender: what send.c keeps, or NULL
 * @send_fd: the sending channel, or -1
 * @recv_fd: the receiving channel, or -1
 * @done_fd: the done channel of @recv_fd, or -1
 */
struct bridge {
	struct settings settings;
	natsConnection *nc;
	jsCtx *js;
	char subject[SUBJECT_SIZE];
	char close_subject[SUBJECT_SIZE];
	int64_t stream_capacity;
	struct counters counters;
	int stop_fd;
	int closed_fd;
	int wake;
	int sender_wake;
	bool sent_all;
	bool failed;
	bool broken;
	bool ready;
	char made[CHANNELS_OF_BRIDGE][NAME_SIZE + 8];
	unsigned int nr_made;
	struct sender *sender;
	int send_fd;
	int recv_fd;
	int done_fd;
};

/* ---- main.c ---- */

void bridge_stop(struct bridge *b);
bool stopping(const struct bridge *b);
/* It is set up. */
void bridge_ready(struct bridge *b);

/* ---- log.c ---- */

enum level {
	LEVEL_ERROR = 3,	/* numbers as in syslog(3) */
	LEVEL_WARNING = 4,
	LEVEL_INFO = 6,
	LEVEL_DEBUG = 7,
};

void log_setup(bool json, bool verbose);
/* Write one line about the channel of @b; NULL: about the program. */
void log_line(enum level level, const struct bridge *b, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* What is known of a failed call of libnats. */
const char *nats_problem(natsStatus status);

/* ---- metrics.c ---- */

/* Where to write metrics; NULL: where the service manager wants it, or nowhere. */
bool metrics_start(const char *file);
bool metrics_wanted(void);
bool metrics_write(struct bridge *const *list, int nr);
void metrics_end(void);

/* ---- settings.c ---- */

const char *mode_name(enum mode mode);

/* Set what is called @key on the command line, as --KEY, and in the configuration file. */
bool settings_set(struct settings *s, const char *key, const char *value);
bool settings_set_url(struct settings *s, const char *url);
/* Log what is missing or does not fit together. */
bool settings_check(const struct settings *s);
bool settings_equal(const struct settings *a, const struct settings *b);
bool settings_copy(struct settings *to, const struct settings *from);
void settings_free(struct settings *s);

/* ---- config.c ---- */

#define CHANNELS_MAX	256

/* Read a file; the number of channels, or -1. */
int config_read(const char *file, struct settings *list);

/* ---- server.c ---- */

bool server_connect(struct bridge *b);
void server_disconnect(struct bridge *b);

/* ---- channel.c ---- */

bool channels_open(struct bridge *b);
/* Remove what channels_open() has made, as the bridge could not be set up. */
void channels_unmake(struct bridge *b);
/* Close a channel, the @which one; log a failure. */
bool channel_close(const struct bridge *b, int fd, const char *which);
int64_t now_ns(void);
void event_signal(int fd);
void event_clear(int fd);

/* ---- stream.c ---- */

/**
 * struct stream_state - what is in a stream
 * @messages: messages but for close markers, also those that are not acknowledged yet
 * @first: number of the first one, or of the close marker
 * @closed: there is a close marker
 * @sealed: nothing can be added any more
 */
struct stream_state {
	uint64_t messages;
	uint64_t first;
	bool closed;
	bool sealed;
};

bool stream_open(struct bridge *b);
/* How many messages it has room for; 0 if it does not answer. */
int64_t stream_room(struct bridge *b);
/* Logs nothing; NATS_NOT_FOUND: there is no such stream any more. */
natsStatus stream_get_state(struct bridge *b, struct stream_state *state);
bool stream_seal(struct bridge *b);
natsSubscription *stream_subscribe(struct bridge *b);
/*
 * All messages up to this number are done with for the consumer; 0 if it is not known. If the
 * consumer is gone, make it again.
 */
uint64_t stream_ack_floor(struct bridge *b);
/* Has the consumer delivered all that it will, and got all acknowledgments? */
bool stream_is_drained(struct bridge *b);

/* ---- repair.c ---- */

struct receiver;
/*
 * Up to @floor; @again: also messages of other bridges, or of none. False if one of these
 * could not be published again.
 */
bool stream_repair(struct bridge *b, struct receiver *r, uint64_t floor, bool again);

/* ---- watch.c ---- */

void publish_close(struct bridge *b);
/* Run a bridge that is set up until it ends; false on failure. */
bool bridge_run(struct bridge *b);

/* ---- send.c ---- */

void *send_thread(void *bridge);
void sender_free(struct bridge *b);

/* ---- recv.c ---- */

/**
 * enum whereabouts - what a receiver knows of a message of the stream
 * @MESSAGE_UNKNOWN: nothing
 * @MESSAGE_HERE: it is on this machine, and not acknowledged
 * @MESSAGE_ACKNOWLEDGED: it was on this machine, and was acknowledged to the stream
 */
enum whereabouts {
	MESSAGE_UNKNOWN,
	MESSAGE_HERE,
	MESSAGE_ACKNOWLEDGED,
};

struct receiver *receiver_start(struct bridge *b);
/* To be called often: what is to be done from time to time. */
void receiver_tick(struct receiver *r);
/* After a reconnect: tell the stream at once what is in progress. */
void receiver_reconnected(struct receiver *r);
/* The message with this number, which the stream got at this time. */
enum whereabouts receiver_find(struct receiver *r, uint64_t stream_seq, int64_t time);
/* Messages on this machine that no worker has acknowledged. */
unsigned int receiver_used(struct receiver *r);
void receiver_join(struct receiver *r);

/* ---- call.c ---- */

bool call_run(struct bridge *b);

#endif /* GOCHAN_BRIDGE_H */
