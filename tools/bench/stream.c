// SPDX-License-Identifier: GPL-2.0
/*
 * One process sends and another receives, as fast as they can.
 */
#include "bench.h"

static void setup(struct run *run)
{
	links_open(run, 1, run->point->param);
}

static void work(struct run *run, unsigned int me, unsigned int messages)
{
	struct link *link = run->links;

	while (messages--) {
		if (me)
			link_send(link, run->buf);
		else
			link_recv(link, run->buf);
	}
}

static void points(const struct family *family)
{
	static const int capacities[] = { NO_CAPACITY, 0, 1, 16, 256 };
	const size_t *size;
	unsigned int i, c;

	for (size = sizes; *size; size++) {
		for (i = 0; peers[i]; i++) {
			struct point p = {
				.family = family,
				.name = peers[i]->name,
				.peer = peers[i],
				.size = *size,
				.processes = 2,
				.messages = scale_messages(*size, 32000),
				.setup = setup,
				.work = work,
			};

			for (c = 0; c < ARRAY_SIZE(capacities); c++) {
				p.param = capacities[c];
				if (peer_can(p.peer, p.size, p.param))
					point_add(&p);
			}
		}
	}
}

const struct family family_stream = {
	.name = "stream",
	.param = "capacity",
	.what = "one process sends, another receives",
	.points = points,
};
