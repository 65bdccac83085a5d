// SPDX-License-Identifier: GPL-2.0
/*
 * A single process writes a message and then reads it: the cost of send and
 * receive without blocking. With io_uring it submits a batch of writes and then a
 * batch of reads.
 */
#include <err.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* Requests per submission, and capacity of the channel they are made on. */
#define URING_BATCH	16

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

/* ---- io_uring ---- */

/* Before Linux 6.4, requests on a pipe without O_NONBLOCK go to worker threads. */
static void setup_uring(struct run *run)
{
	struct io_uring *ring = calloc(1, sizeof(*ring));
	int ret;

	if (!ring)
		err(1, "io_uring");
	setup(run);
	if (run->point->peer == &peer_pipe && (fcntl(run->links->rfd, F_SETFL, O_NONBLOCK) ||
					       fcntl(run->links->wfd, F_SETFL, O_NONBLOCK)))
		err(1, "fcntl");
	ret = io_uring_queue_init(URING_BATCH, ring, 0);
	if (ret < 0)
		errx(1, "io_uring_queue_init: %s", strerror(-ret));
	run->priv = ring;
}

/* Submit @count requests of @size bytes each, wait for them and check the results. */
static void uring_run(struct io_uring *ring, unsigned int count, size_t size)
{
	struct io_uring_cqe *cqe;
	unsigned int head, seen = 0;

	if (io_uring_submit_and_wait(ring, count) != (int)count)
		errx(1, "io_uring_submit_and_wait");
	io_uring_for_each_cqe(ring, head, cqe) {
		if (cqe->res != (int)size)
			errx(1, "io_uring: %d instead of %zu", cqe->res, size);
		seen++;
	}
	if (seen != count)
		errx(1, "io_uring: %u of %u requests completed", seen, count);
	io_uring_cq_advance(ring, count);
}

static void work_uring(struct run *run, unsigned int me, unsigned int messages)
{
	const struct link *link = run->links;
	const size_t size = link->size;
	struct io_uring *ring = run->priv;
	unsigned int count, i;

	(void)me;
	for (; messages; messages -= count) {
		count = messages < URING_BATCH ? messages : URING_BATCH;
		for (i = 0; i < count; i++)
			io_uring_prep_write(io_uring_get_sqe(ring), link->wfd, run->buf, size, -1);
		uring_run(ring, count, size);
		for (i = 0; i < count; i++)
			io_uring_prep_read(io_uring_get_sqe(ring), link->rfd, run->rep, size, -1);
		uring_run(ring, count, size);
	}
}

static void points_uring(const struct family *family)
{
	static const struct {
		const char *name;
		const struct peer *peer;
	} methods[] = {
		{ "gochan-uring", &peer_gochan },
		{ "pipe-uring", &peer_pipe },
	};
	const size_t *size;
	unsigned int i;

	for (size = sizes; *size && *size <= 4096; size++) {
		for (i = 0; i < ARRAY_SIZE(methods); i++) {
			const struct peer *peer = methods[i].peer;
			const struct point p = {
				.family = family,
				.name = methods[i].name,
				.peer = peer,
				.size = *size,
				.param = peer->no_capacity ? NO_CAPACITY : URING_BATCH,
				.processes = 1,
				.messages = scale_messages(*size, 8000),
				.setup = setup_uring,
				.work = work_uring,
			};

			point_add(&p);
		}
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
	points_uring(family);
}

const struct family family_self = {
	.name = "self",
	.param = "capacity",
	.what = "one process writes a message, then reads it; with io_uring, 16 of each at a time",
	.points = points,
};
