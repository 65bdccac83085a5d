/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Methods to receive from whichever of several links is ready (select.c).
 */
#ifndef BENCH_PICK_H
#define BENCH_PICK_H

#include <gochan.h>
#include <poll.h>
#include <sys/epoll.h>

#include "bench.h"

/**
 * struct picker - state of a method
 * @method: the method
 * @links: the links
 * @count: number of links
 * @buf: receive buffer that the ops point to
 * @ops: gochan_select(): one op per link
 * @epoll: epoll: the epoll instance
 * @events: epoll: events returned by the last epoll_wait()
 * @nr_events: epoll: their number
 * @next_event: epoll: the first one not handled yet
 * @fds: poll: one entry per link
 */
struct picker {
	const struct method *method;
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
 * struct method - a method to receive from whichever link is ready
 * @name: name in the results
 * @peer: mechanism of the links
 * @begin: initialize, in the receiving process or before it is forked
 * @pick: receive a message; returns the index of its link
 * @randomized: it checks the links in random order
 */
struct method {
	const char *name;
	const struct peer *peer;
	void (*begin)(struct picker *pick, struct link *links, unsigned int count);
	unsigned int (*pick)(struct picker *pick, void *buf);
	bool randomized;
};

extern const struct method methods[];		/* terminated by one without name */

struct picker *picker_make(const struct method *method, struct link *links, unsigned int count);

#endif /* BENCH_PICK_H */
