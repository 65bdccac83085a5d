/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the benchmarks share: points, the links that carry messages, and the
 * harness that runs a point and measures it.
 *
 * A family is a kind of work ("stream"); a point is that work done by one peer
 * with one message size and one value of the family's parameter, and is known
 * by FAMILY/PEER/SIZE/PARAMETER. Whatever fails ends the program.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* A link whose room is not chosen in messages: a pipe, a socket. */
#define OWN_CAPACITY	(-1)

#define PROCESSES_MAX	16

struct link;

/**
 * struct peer - something that carries messages from process to process
 * @name: in the tables
 * @min_size: the shortest message that it is measured with
 * @max_size: the longest
 * @own_capacity: its room cannot be chosen in messages
 * @unbuffered: capacity 0 is possible
 * @shared: several processes may be at each end, up to messages this long
 * @open: makes one
 * @close: ends it
 * @send: sends one message, blocking
 * @recv: receives one message of the link's size, blocking
 */
struct peer {
	const char *name;
	size_t min_size;
	size_t max_size;
	bool own_capacity;
	bool unbuffered;
	size_t shared;
	void (*open)(struct link *link, size_t size, int capacity);
	void (*close)(struct link *link);
	void (*send)(struct link *link, void *buf);
	void (*recv)(struct link *link, void *buf);
};

/**
 * struct link - one way from senders to receivers
 * @peer: what it is made of
 * @size: of each message
 * @rfd: to receive from, if it is a descriptor
 * @wfd: to send to
 * @shm: memory shared by all processes, if it is not
 * @id: what else it is known by
 */
struct link {
	const struct peer *peer;
	size_t size;
	int rfd;
	int wfd;
	void *shm;
	int id;
};

extern const struct peer peer_gochan, peer_gochan_op, peer_gochan_fixed, peer_gochan_make;
extern const struct peer peer_pipe, peer_packet, peer_seqpacket, peer_dgram;
extern const struct peer peer_mqueue, peer_sysv, peer_eventfd, peer_futex;
extern const struct peer *const peers[];	/* all of them, NULL at the end */

struct run;

/**
 * struct point - what is measured
 * @family: what it belongs to
 * @name: of the peer, or of the way in which it is used
 * @peer: what the links are made of
 * @size: of each message
 * @param: the family's parameter
 * @processes: how many work
 * @crowd: others, made by @setup, work too
 * @messages: how many are measured, all processes together
 * @setup: makes what the processes share, before there is more than one
 * @work: what process @me does for @messages messages
 * @measure: for points that are no matter of time: returns the figure
 * @extra: what else the family's functions need
 * @rounds: how often it is run at most, 0 for as often as the others
 * @by_chance: what it does is drawn at random, or depends on which of many processes
 *	runs next, and its cost is no better known than that
 */
struct point {
	const struct family *family;
	const char *name;
	const struct peer *peer;
	size_t size;
	int param;
	unsigned int processes;
	bool crowd;
	unsigned int messages;
	void (*setup)(struct run *run);
	void (*work)(struct run *run, unsigned int me, unsigned int messages);
	double (*measure)(struct run *run);
	const void *extra;
	unsigned int rounds;
	bool by_chance;
};

/**
 * struct run - a point while it is measured
 * @point: which
 * @links: its links
 * @nr_links: how many
 * @buf: room for a message, of each process its own
 * @rep: room for a reply
 * @priv: what the family's functions keep
 */
struct run {
	const struct point *point;
	struct link *links;
	unsigned int nr_links;
	unsigned char *buf;
	unsigned char *rep;
	void *priv;
};

/**
 * struct family - a kind of work
 * @name: of the family
 * @param: what its parameter is
 * @what: the work, in a few words
 * @unit: of what a message costs, NULL for time
 * @points: adds its points
 */
struct family {
	const char *name;
	const char *param;
	const char *what;
	const char *unit;
	void (*points)(const struct family *family);
};

extern const struct family family_self, family_pingpong, family_stream;
extern const struct family family_batch, family_seq, family_mpsc, family_mpmc;
extern const struct family family_select, family_select_asleep;
extern const struct family family_select_rx, family_select_both;
extern const struct family family_wake, family_create, family_memory;

/* main.c */
void point_add(const struct point *point);

/* run.c */
struct result {
	double cost;		/* of a message, in ns or the family's unit */
	double switches;	/* of processes, a message */
};

struct result point_run(const struct point *point);
long long now_ns(void);

/* links.c */
void link_open(struct link *link, const struct peer *peer, size_t size, int capacity);
void links_open(struct run *run, unsigned int count, int capacity);
bool peer_can(const struct peer *peer, size_t size, int capacity);
extern const size_t sizes[];	/* 0 at the end */
unsigned int messages_of(size_t size, unsigned int most);
void *shared_memory(size_t size);
void unshare_memory(void *mem, size_t size);
void read_whole(int fd, void *buf, size_t len);

static inline void link_send(struct link *link, void *buf)
{
	link->peer->send(link, buf);
}

static inline void link_recv(struct link *link, void *buf)
{
	link->peer->recv(link, buf);
}

#endif /* BENCH_H */
