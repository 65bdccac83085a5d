// SPDX-License-Identifier: GPL-2.0
/*
 * A single process writes a message and then reads it: the cost of send and
 * receive without blocking.
 */
#include "bench.h"

static void setup(struct run *run)
{
	links_open(run, 1, run->point->param);
}

static void work(struct run *run, unsigned int me, unsigned int messages)
{
	struct link *link = run->links;

	(void)me;
	while (messages--) {
		link_send(link, run->buf);
		link_recv(link, run->rep);
	}
}

static void points(const struct family *family)
{
	const size_t *size;
	unsigned int i;

	for (size = sizes; *size; size++) {
		for (i = 0; peers[i]; i++) {
			const struct point p = {
				.family = family,
				.name = peers[i]->name,
				.peer = peers[i],
				.size = *size,
				.param = peers[i]->no_capacity ? NO_CAPACITY : 1,
				.processes = 1,
				.messages = scale_messages(*size, 8000),
				.setup = setup,
				.work = work,
			};

			if (peer_can(p.peer, p.size, p.param))
				point_add(&p);
		}
	}
}

const struct family family_self = {
	.name = "self",
	.param = "capacity",
	.what = "one process writes a message, then reads it",
	.points = points,
};
