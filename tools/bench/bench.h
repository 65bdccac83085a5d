/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Definitions shared by the benchmarks: benchmark points, the links that transfer
 * messages, and the harness that runs and measures a point.
 *
 * A family is a kind of workload ("stream"). A point is one measurement: a
 * workload on one IPC mechanism (peer) with one message size and one value of the
 * family's parameter, identified by FAMILY/PEER/SIZE/PARAMETER. Any error
 * terminates the program.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Capacity of links that cannot be set in messages, such as pipes and sockets. */
#define NO_CAPACITY	(-1)

#define PROCESSES_MAX	16

struct link;

/**
 * struct peer - an IPC mechanism that is measured
 * @name: name in the results
 * @min_size: minimum message size it is measured with, in bytes
 * @max_size: maximum message size, in bytes
 * @no_capacity: its capacity cannot be set in messages (NO_CAPACITY)
 * @unbuffered: supports capacity 0
 * @shared: maximum message size with several processes at each end, in bytes
 * @open: create a link
 * @close: destroy a link
 * @send: send one message of the link's size, blocking
 * @recv: receive one message of the link's size, blocking
 */
struct peer {
	const char *name;
	size_t min_size;
	size_t max_size;
	bool no_capacity;
	bool unbuffered;
	size_t shared;
	void (*open)(struct link *link, size_t size, int capacity);
	void (*close)(struct link *link);
	void (*send)(struct link *link, void *buf);
	void (*recv)(struct link *link, void *buf);
};

/**
 * struct link - a unidirectional connection from senders to receivers
 * @peer: the mechanism
 * @size: size of each message, in bytes
 * @rfd: descriptor of the receiving end, if the mechanism has one
 * @wfd: descriptor of the sending end, may be equal to @rfd
 * @shm: shared memory, of the futex-based queue
 * @id: ID of a System V message queue
 */
struct link {
	const struct peer *peer;
	size_t size;
	int rfd;
	int wfd;
	void *shm;
	int id;
};

extern const struct peer peer_gochan, peer_gochan_op, peer_gochan_fixed, peer_gochan_ack;
extern const struct peer peer_gochan_make;
extern const struct peer peer_pipe, peer_packet, peer_seqpacket, peer_dgram;
extern const struct peer peer_mqueue, peer_sysv, peer_eventfd, peer_futex;
extern const struct peer *const peers[];	/* NULL-terminated */

struct run;

/**
 * struct point - one measurement
 * @family: the family it belongs to
 * @name: name of the peer, or of the method of using it
 * @peer: mechanism of the links
 * @size: message size in bytes
 * @param: value of the family's parameter
 * @processes: number of processes that call @work
 * @background: @setup forks further processes that take part
 * @messages: total number of messages measured
 * @setup: create what the processes share; called before they are forked
 * @work: what process number @me does to transfer @messages messages
 * @measure: return the result, for points that do not measure time
 * @extra: private data of the family
 * @rounds: maximum number of rounds, 0 for no limit
 * @idles: there may be moments when no task can run; they are not instructions
 * @randomized: the cost varies between runs, because it depends on random numbers
 *	or on the scheduling of many processes
 */
struct point {
	const struct family *family;
	const char *name;
	const struct peer *peer;
	size_t size;
	int param;
	unsigned int processes;
	bool background;
	unsigned int messages;
	void (*setup)(struct run *run);
	void (*work)(struct run *run, unsigned int me, unsigned int messages);
	double (*measure)(struct run *run);
	const void *extra;
	unsigned int rounds;
	bool idles;
	bool randomized;
};

/**
 * struct run - a point that is being measured
 * @point: the point
 * @links: its links
 * @nr_links: number of links
 * @buf: message buffer, private to each process
 * @rep: buffer for replies, private to each process
 * @priv: private data of the family
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
 * struct family - a kind of workload
 * @name: name of the family
 * @param: name of its parameter
 * @what: short description of the workload
 * @unit: unit of the results, NULL for time
 * @points: add its points with point_add()
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
extern const struct family *const families[];	/* of this program, NULL-terminated */

/* main.c */
extern bool count_instructions;	/* the clock counts instructions */
void point_add(const struct point *point);

/* run.c */
struct result {
	double cost;		/* per message, in ns or the family's unit */
	double switches;	/* context switches per message */
};

struct result point_run(const struct point *point);
long long now_ns(void);

/* links.c */
void link_open(struct link *link, const struct peer *peer, size_t size, int capacity);
void links_open(struct run *run, unsigned int count, int capacity);
bool peer_can(const struct peer *peer, size_t size, int capacity);
extern const size_t sizes[];	/* terminated by 0 */
unsigned int scale_messages(size_t size, unsigned int max);
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
