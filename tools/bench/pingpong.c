// SPDX-License-Identifier: GPL-2.0
/*
 * Two processes and two links, one for requests and one for replies. A message in
 * the results is a round trip.
 */
#include <err.h>
#include <gochan.h>

#include "bench.h"

static void setup(struct run *run)
{
	links_open(run, 2, run->point->param);
}

static void serve(struct run *run, unsigned int messages)
{
	while (messages--) {
		link_recv(&run->links[0], run->buf);
		link_send(&run->links[1], run->buf);
	}
}

static void work(struct run *run, unsigned int me, unsigned int messages)
{
	if (me == 1) {
		serve(run, messages);
		return;
	}
	while (messages--) {
		link_send(&run->links[0], run->buf);
		link_recv(&run->links[1], run->rep);
	}
}

static void call(struct run *run)
{
	const size_t size = run->point->size;

	if (gochan_call(run->links[0].wfd, run->buf, size, run->links[1].rfd, run->rep, size,
			NULL, -1) != 1)
		err(1, "gochan_call");
}

/* Each gochan_call() sends a reply and receives the next request. */
static void serve_by_call(struct run *run, unsigned int messages)
{
	struct link *in = &run->links[0], *out = &run->links[1];
	const size_t size = run->point->size;

	link_recv(in, run->buf);
	while (--messages)
		if (gochan_call(out->wfd, run->buf, size, in->rfd, run->buf, size, NULL, -1) != 1)
			err(1, "gochan_call");
	link_send(out, run->buf);
}

static void work_by_call(struct run *run, unsigned int me, unsigned int messages)
{
	if (me == 1) {
		serve_by_call(run, messages);
		return;
	}
	while (messages--)
		call(run);
}

static void add(const struct family *family, const struct peer *peer, size_t size, int capacity)
{
	struct point p = {
		.family = family,
		.name = peer->name,
		.peer = peer,
		.size = size,
		.param = capacity,
		.processes = 2,
		.messages = scale_messages(size, 5000),
		.setup = setup,
		.work = work,
	};

	if (!peer_can(peer, size, capacity))
		return;
	point_add(&p);
	if (peer != &peer_gochan)
		return;
	p.name = "gochan-call";
	p.work = work_by_call;
	point_add(&p);
}

static void points(const struct family *family)
{
	const size_t *size;
	unsigned int i;
	int capacity;

	for (size = sizes; *size; size++)
		for (i = 0; peers[i]; i++)
			for (capacity = NO_CAPACITY; capacity <= 1; capacity++)
				add(family, peers[i], *size, capacity);
}

const struct family family_pingpong = {
	.name = "pingpong",
	.param = "capacity",
	.what = "two processes, a request and its reply",
	.points = points,
};
