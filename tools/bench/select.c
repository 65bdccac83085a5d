// SPDX-License-Identifier: GPL-2.0
/*
 * Receiving from the one of many links that is ready, with gochan_select(), epoll
 * or poll. Either a single process sends to each link in turn and then receives,
 * or one process sends while another is blocked on all links, and waits for a
 * reply.
 */
#include <err.h>
#include <gochan.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "bench.h"
#include "pick.h"

#define SIZE	64

/* ---- gochan_select ---- */

static void select_begin(struct picker *pick, struct link *links, unsigned int count)
{
	unsigned int i;

	pick->ops = calloc(count, sizeof(*pick->ops));
	if (!pick->ops)
		err(1, "ops");
	for (i = 0; i < count; i++)
		pick->ops[i] = GOCHAN_RECV(links[i].rfd, NULL, links[i].size);
}

/*
 * The ops can be reused: the length returned is equal to the buffer size, as all
 * messages have the same size.
 */
static unsigned int select_pick(struct picker *pick, void *buf)
{
	unsigned int i;
	int ready;

	for (i = 0; pick->buf != buf && i < pick->count; i++)
		pick->ops[i].buf = (uintptr_t)buf;
	pick->buf = buf;
	ready = gochan_select(pick->ops, pick->count, -1, 0);
	if (ready < 0)
		err(1, "gochan_select");
	return ready;
}

/* ---- epoll, which can return several events at once ---- */

static void epoll_begin(struct picker *pick, struct link *links, unsigned int count)
{
	unsigned int i;

	pick->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (i = 0; i < count; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };

		if (epoll_ctl(pick->epoll, EPOLL_CTL_ADD, links[i].rfd, &event))
			err(1, "epoll_ctl");
	}
}

static unsigned int epoll_pick(struct picker *pick, void *buf)
{
	unsigned int ready;

	if (pick->next_event == pick->nr_events) {
		pick->nr_events = epoll_wait(pick->epoll, pick->events,
					     ARRAY_SIZE(pick->events), -1);
		if (pick->nr_events <= 0)
			err(1, "epoll_wait");
		pick->next_event = 0;
	}
	ready = pick->events[pick->next_event++].data.u32;
	link_recv(&pick->links[ready], buf);
	return ready;
}

/* ---- poll ---- */

static void poll_begin(struct picker *pick, struct link *links, unsigned int count)
{
	unsigned int i;

	pick->fds = calloc(count, sizeof(*pick->fds));
	if (!pick->fds)
		err(1, "fds");
	for (i = 0; i < count; i++) {
		pick->fds[i].fd = links[i].rfd;
		pick->fds[i].events = POLLIN;
	}
}

static unsigned int poll_pick(struct picker *pick, void *buf)
{
	unsigned int i = 0;

	if (poll(pick->fds, pick->count, -1) < 1)
		err(1, "poll");
	while (!pick->fds[i].revents)
		i++;
	link_recv(&pick->links[i], buf);
	return i;
}

const struct method methods[] = {
	{ "gochan", &peer_gochan, select_begin, select_pick, true },
	{ "gochan+epoll", &peer_gochan, epoll_begin, epoll_pick, false },
	{ "pipe+epoll", &peer_pipe, epoll_begin, epoll_pick, false },
	{ "pipe+poll", &peer_pipe, poll_begin, poll_pick, false },
	{ "seqpacket+epoll", &peer_seqpacket, epoll_begin, epoll_pick, false },
	{ "dgram+epoll", &peer_dgram, epoll_begin, epoll_pick, false },
	{ "mqueue+epoll", &peer_mqueue, epoll_begin, epoll_pick, false },
	{ NULL }
};

struct picker *picker_make(const struct method *method, struct link *links, unsigned int count)
{
	struct picker *pick = calloc(1, sizeof(*pick));

	if (!pick)
		err(1, "picker");
	pick->method = method;
	pick->links = links;
	pick->count = count;
	method->begin(pick, links, count);
	return pick;
}

/* ---- the families ---- */

/* The last link is for replies. */
static void setup(struct run *run)
{
	const int capacity = run->point->peer->no_capacity ? NO_CAPACITY : 1;
	const unsigned int count = run->point->param;

	links_open(run, count + 1, capacity);
	run->priv = picker_make(run->point->extra, run->links, count);
}

static unsigned int next(unsigned int at, const struct run *run)
{
	return at + 2 < run->nr_links ? at + 1 : 0;
}

static void work_ready(struct run *run, unsigned int me, unsigned int messages)
{
	struct picker *pick = run->priv;
	unsigned int at = 0;

	(void)me;
	while (messages--) {
		at = next(at, run);
		link_send(&run->links[at], run->buf);
		if (pick->method->pick(pick, run->rep) != at)
			errx(1, "received from the wrong link");
	}
}

static void work_asleep(struct run *run, unsigned int me, unsigned int messages)
{
	struct link *replies = &run->links[run->point->param];
	struct picker *pick = run->priv;
	unsigned int at = 0;

	while (messages--) {
		at = next(at, run);
		if (me == 1) {
			pick->method->pick(pick, run->buf);
			link_send(replies, run->buf);
		} else {
			link_send(&run->links[at], run->buf);
			link_recv(replies, run->rep);
		}
	}
}

static void add(const struct family *family, unsigned int processes,
		void (*work)(struct run *run, unsigned int me, unsigned int messages))
{
	static const int counts[] = { 1, 8, 64, 1024 };
	const struct method *method;
	unsigned int c;

	for (c = 0; c < ARRAY_SIZE(counts); c++) {
		for (method = methods; method->name; method++) {
			const struct point p = {
				.family = family,
				.name = method->name,
				.peer = method->peer,
				.size = SIZE,
				.param = counts[c],
				.processes = processes,
				.messages = counts[c] > 64 ? 512 : 2048,
				.setup = setup,
				.work = work,
				.extra = method,
				.randomized = method->randomized && counts[c] > 1,
			};

			point_add(&p);
		}
	}
}

/* The cost of passing ops to a select: one channel is empty, the others are nil. */
static void setup_nil(struct run *run)
{
	struct gochan_op *ops = calloc(run->point->param, sizeof(*ops));
	int i;

	if (!ops)
		err(1, "ops");
	links_open(run, 1, 1);
	for (i = 0; i < run->point->param; i++)
		ops[i] = GOCHAN_RECV(i ? -1 : run->links[0].rfd, NULL, SIZE);
	run->priv = ops;
}

static void work_nil(struct run *run, unsigned int me, unsigned int messages)
{
	(void)me;
	while (messages--)
		if (gochan_select(run->priv, run->point->param, 0, 0) >= 0)
			errx(1, "a nil channel is ready");
}

static void add_nil(const struct family *family)
{
	static const int counts[] = { 8, 64, 1024 };
	unsigned int c;

	for (c = 0; c < ARRAY_SIZE(counts); c++) {
		const struct point p = {
			.family = family,
			.name = "nil",
			.peer = &peer_gochan,
			.size = SIZE,
			.param = counts[c],
			.processes = 1,
			.messages = counts[c] > 64 ? 512 : 2048,
			.setup = setup_nil,
			.work = work_nil,
		};

		point_add(&p);
	}
}

static void points_ready(const struct family *family)
{
	add(family, 1, work_ready);
	add_nil(family);
}

static void points_asleep(const struct family *family)
{
	add(family, 2, work_asleep);
}

const struct family family_select = {
	.name = "select",
	.param = "channels",
	.what = "a process sends to one of many links and then selects it; nil: none is ready",
	.points = points_ready,
};

const struct family family_select_asleep = {
	.name = "select_asleep",
	.param = "channels",
	.what = "a message to one of many links, on all of which a process blocks, and its reply",
	.points = points_asleep,
};
