// SPDX-License-Identifier: GPL-2.0
/*
 * The benchmarks of crossbeam-channel, with processes instead of threads: seq,
 * mpsc, mpmc, select_rx and select_both, each with at most 4 senders and 4
 * receivers. Its spsc corresponds to the family "stream".
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <gochan.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench.h"
#include "pick.h"

#define SIZE		64
#define MAX_PROCS		4	/* processes at one end */
#define MESSAGES	16000

/* The number of processes in each role. */
struct topology {
	unsigned int senders;
	unsigned int receivers;
};

static const struct topology mpsc = { MAX_PROCS, 1 }, mpmc = { MAX_PROCS, MAX_PROCS };
static const struct topology rx = { MAX_PROCS, 1 }, both = { MAX_PROCS, MAX_PROCS };

static bool is_sender(const struct topology *topology, unsigned int me)
{
	return me < topology->senders;
}

static unsigned int messages_each(const struct topology *topology, unsigned int me,
				  unsigned int messages)
{
	return messages / (is_sender(topology, me) ? topology->senders : topology->receivers);
}

/* ---- seq: one process fills the link, then drains it ---- */

static void setup_one(struct run *run)
{
	const int capacity = run->point->param;

	links_open(run, 1, run->point->peer->no_capacity ? NO_CAPACITY : capacity);
}

static void work_seq(struct run *run, unsigned int me, unsigned int messages)
{
	const unsigned int capacity = run->point->param;
	unsigned int i;

	(void)me;
	for (; messages >= capacity; messages -= capacity) {
		for (i = 0; i < capacity; i++)
			link_send(run->links, run->buf);
		for (i = 0; i < capacity; i++)
			link_recv(run->links, run->rep);
	}
}

/* Capacity in messages of SIZE, for peers on which it cannot be set. */
static int default_capacity(const struct peer *peer)
{
	if (!peer->no_capacity)
		return INT_MAX;
	if (peer == &peer_pipe)
		return 65536 / SIZE;
	return peer == &peer_packet || peer == &peer_seqpacket ? 16 : 1;
}

static void points_seq(const struct family *family)
{
	static const int seq_capacities[] = { 16, 256 };
	unsigned int i, r;

	for (r = 0; r < ARRAY_SIZE(seq_capacities); r++) {
		for (i = 0; peers[i]; i++) {
			const struct point p = {
				.family = family,
				.name = peers[i]->name,
				.peer = peers[i],
				.size = SIZE,
				.param = seq_capacities[r],
				.processes = 1,
				.messages = 4096,
				.setup = setup_one,
				.work = work_seq,
			};

			if (p.peer->max_size < SIZE || default_capacity(p.peer) < p.param)
				continue;
			point_add(&p);
		}
	}
}

/* ---- one link, one or more at each end ---- */

static void work_shared(struct run *run, unsigned int me, unsigned int messages)
{
	const struct topology *topology = run->point->extra;

	for (messages = messages_each(topology, me, messages); messages--;) {
		if (is_sender(topology, me))
			link_send(run->links, run->buf);
		else
			link_recv(run->links, run->buf);
	}
}

static const int capacities[] = { NO_CAPACITY, 0, 1, 16, 256 };

static void add_shared(const struct family *family, const struct topology *topology)
{
	unsigned int i, c;

	for (c = 0; c < ARRAY_SIZE(capacities); c++) {
		for (i = 0; peers[i]; i++) {
			const struct point p = {
				.family = family,
				.name = peers[i]->name,
				.peer = peers[i],
				.size = SIZE,
				.param = capacities[c],
				.processes = topology->senders + topology->receivers,
				.randomized = true,
				.messages = MESSAGES,
				.setup = setup_one,
				.work = work_shared,
				.extra = topology,
			};

			if (peer_can(p.peer, p.size, p.param))
				point_add(&p);
		}
	}
}

static void points_mpsc(const struct family *family)
{
	add_shared(family, &mpsc);
}

static void points_mpmc(const struct family *family)
{
	add_shared(family, &mpmc);
}

/* ---- select_rx: each sender has a link, one process receives from all ---- */

static void setup_many(struct run *run)
{
	links_open(run, MAX_PROCS, run->point->param);
}

static void work_rx(struct run *run, unsigned int me, unsigned int messages)
{
	struct picker *pick = run->priv;

	messages = messages_each(&rx, me, messages);
	if (is_sender(&rx, me)) {
		while (messages--)
			link_send(&run->links[me], run->buf);
		return;
	}
	if (!pick) {
		pick = picker_make(run->point->extra, run->links, MAX_PROCS);
		run->priv = pick;
	}
	while (messages--)
		pick->method->pick(pick, run->buf);
}

static void points_rx(const struct family *family)
{
	const struct method *method;
	unsigned int c;

	for (c = 0; c < ARRAY_SIZE(capacities); c++) {
		for (method = methods; method->name; method++) {
			const struct point p = {
				.family = family,
				.name = method->name,
				.peer = method->peer,
				.size = SIZE,
				.param = capacities[c],
				.processes = MAX_PROCS + 1,
				.messages = MESSAGES,
				.setup = setup_many,
				.work = work_rx,
				.extra = method,
				.randomized = true,
			};

			if (peer_can(p.peer, p.size, p.param))
				point_add(&p);
		}
	}
}

/* ---- select_both: each process sends to, or receives from, whichever is ready ---- */

static void select_both(struct run *run, bool send, unsigned int messages)
{
	struct gochan_op ops[MAX_PROCS];
	unsigned int i;

	for (i = 0; i < MAX_PROCS; i++)
		ops[i] = send ? GOCHAN_SEND(run->links[i].wfd, run->buf, SIZE) :
				GOCHAN_RECV(run->links[i].rfd, run->buf, SIZE);
	while (messages--)
		if (gochan_select(ops, MAX_PROCS, -1, 0) < 0)
			err(1, "gochan_select");
}

static void work_both_select(struct run *run, unsigned int me, unsigned int messages)
{
	select_both(run, is_sender(&both, me), messages_each(&both, me, messages));
}

/*
 * Without EPOLLEXCLUSIVE each message wakes all waiting processes, and all but
 * one get EAGAIN. EPOLLEXCLUSIVE is not used because the only process woken may
 * be done with its own messages and about to exit, and the wakeup would be lost.
 */
static void setup_both_epoll(struct run *run)
{
	unsigned int i;

	setup_many(run);
	for (i = 0; i < MAX_PROCS; i++)
		if (fcntl(run->links[i].rfd, F_SETFL, O_NONBLOCK) ||
		    fcntl(run->links[i].wfd, F_SETFL, O_NONBLOCK))
			err(1, "O_NONBLOCK");
}

static int epoll_create_on(const struct run *run, bool send)
{
	const int epoll = epoll_create1(EPOLL_CLOEXEC);
	unsigned int i;

	for (i = 0; i < MAX_PROCS; i++) {
		const struct link *link = &run->links[i];
		struct epoll_event event = { .events = send ? EPOLLOUT : EPOLLIN };

		event.data.fd = send ? link->wfd : link->rfd;
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event))
			err(1, "epoll_ctl");
	}
	return epoll;
}

static bool try_transfer(struct run *run, bool send, int fd)
{
	const ssize_t n = send ? write(fd, run->buf, SIZE) : read(fd, run->buf, SIZE);

	if (n < 0 && errno != EAGAIN)
		err(1, "%s", run->point->name);
	return n == SIZE;
}

static void work_both_epoll(struct run *run, unsigned int me, unsigned int messages)
{
	const bool send = is_sender(&both, me);
	struct epoll_event events[MAX_PROCS];
	int *epoll = run->priv, n;

	if (!epoll) {
		epoll = malloc(sizeof(*epoll));
		if (!epoll)
			err(1, "epoll");
		*epoll = epoll_create_on(run, send);
		run->priv = epoll;
	}
	messages = messages_each(&both, me, messages);
	while (messages) {
		n = epoll_wait(*epoll, events, MAX_PROCS, -1);
		if (n <= 0)
			err(1, "epoll_wait");
		while (n-- && messages)
			messages -= try_transfer(run, send, events[n].data.fd);
	}
}

static void add_both(struct point p, const char *name, const struct peer *peer)
{
	unsigned int c;

	p.name = name;
	p.peer = peer;
	p.setup = peer == &peer_gochan ? setup_many : setup_both_epoll;
	p.work = peer == &peer_gochan ? work_both_select : work_both_epoll;
	p.randomized = true;
	for (c = 0; c < ARRAY_SIZE(capacities); c++) {
		p.param = capacities[c];
		if (peer_can(peer, SIZE, p.param))
			point_add(&p);
	}
}

static void points_both(const struct family *family)
{
	const struct point p = {
		.family = family,
		.size = SIZE,
		.processes = both.senders + both.receivers,
		.messages = MESSAGES,
	};

	add_both(p, "gochan", &peer_gochan);
	add_both(p, "pipe+epoll", &peer_pipe);
	add_both(p, "seqpacket+epoll", &peer_seqpacket);
}

const struct family family_seq = {
	.name = "seq",
	.param = "messages",
	.what = "one process sends a number of messages, then receives them",
	.points = points_seq,
};

const struct family family_mpsc = {
	.name = "mpsc",
	.param = "capacity",
	.what = "4 processes send, one receives",
	.points = points_mpsc,
};

const struct family family_mpmc = {
	.name = "mpmc",
	.param = "capacity",
	.what = "4 processes send, 4 receive",
	.points = points_mpmc,
};

const struct family family_select_rx = {
	.name = "select_rx",
	.param = "capacity",
	.what = "4 processes send on one link each, one receives from whichever is ready",
	.points = points_rx,
};

const struct family family_select_both = {
	.name = "select_both",
	.param = "capacity",
	.what = "4 processes send to whichever of 4 links is ready, 4 receive likewise",
	.points = points_both,
};
