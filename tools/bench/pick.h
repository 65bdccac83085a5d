/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ways to receive from whichever of several links is ready (select.c).
 */
#ifndef BENCH_PICK_H
#define BENCH_PICK_H

#include <gochan.h>
#include <poll.h>
#include <sys/epoll.h>

#include "bench.h"

/**
 * struct picker - one way, over some links
 * @way: which
 * @links: the links
 * @count: how many
 * @buf: where the ops' messages go
 * @ops: for gochan_select()
 * @epoll: for epoll, as are the next three
 * @events: what it told of
 * @nr_events: of how many
 * @next_event: the first that was not received yet
 * @fds: for poll
 */
struct picker {
	const struct way *way;
	struct link *links;
	unsigned int count;
	void *buf;
	struct gochan_op *ops;
	int epoll;
	struct epoll_event events[8];
	int nr_events;
	int next_event;
	struct pollfd *fds;
};

/**
 * struct way - how it is done
 * @name: in the tables
 * @peer: what the links are
 * @begin: prepares, in the process that will pick or before it
 * @pick: receives a message; returns from which link
 * @by_chance: where it begins to look is drawn at random
 */
struct way {
	const char *name;
	const struct peer *peer;
	void (*begin)(struct picker *pick, struct link *links, unsigned int count);
	unsigned int (*pick)(struct picker *pick, void *buf);
	bool by_chance;
};

extern const struct way ways[];		/* a nameless one at the end */

struct picker *picker_make(const struct way *way, struct link *links, unsigned int count);

#endif /* BENCH_PICK_H */
