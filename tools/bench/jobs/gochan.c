// SPDX-License-Identifier: GPL-2.0
/*
 * Jobs through an acknowledged channel.
 */
#include <err.h>
#include <gochan.h>
#include <stdlib.h>

#include "jobs.h"

#define CAPACITY	256

static void setup(struct run *run)
{
	run->links = calloc(1, sizeof(*run->links));
	if (!run->links)
		err(1, "links");
	link_open(run->links, &peer_gochan_ack, JOB_SIZE, CAPACITY);
}

/* ---- a call for each step ---- */

static void produce(struct run *run, unsigned int jobs)
{
	while (jobs--) {
		if (gochan_send(run->links->wfd, run->buf, JOB_SIZE))
			err(1, "gochan_send");
	}
}

static void work(struct run *run, unsigned int worker, unsigned int jobs)
{
	struct gochan_lease lease;
	size_t len;

	(void)worker;
	while (jobs--) {
		if (gochan_recv_lease(run->links->rfd, run->buf, JOB_SIZE, &len, &lease) != 1)
			err(1, "gochan_recv_lease");
		if (gochan_ack(run->links->rfd, &lease))
			err(1, "gochan_ack");
	}
}

/* ---- the acknowledgments and the next receives in one call ---- */

static void produce_batch(struct run *run, unsigned int jobs)
{
	struct gochan_op ops[BATCH_MAX];
	unsigned int i;
	int n;

	for (i = 0; i < BATCH_MAX; i++)
		ops[i] = GOCHAN_SEND(run->links->wfd, run->buf, JOB_SIZE);
	for (; jobs; jobs -= n) {
		n = gochan_batch(ops, next_batch(run, jobs), -1, 0);
		if (n <= 0)
			err(1, "gochan_batch");
	}
}

static unsigned int add_receives(const struct run *run, struct gochan_op *op, unsigned int jobs)
{
	unsigned int i;

	for (i = 0; i < jobs; i++)
		op[i] = GOCHAN_RECV(run->links->rfd, run->buf, JOB_SIZE);
	return jobs;
}

/*
 * A single receive may block. Of several, only one that is the first op may: so a batch that
 * acknowledges and finds nothing to receive is followed by one that waits.
 */
static void work_batch(struct run *run, unsigned int worker, unsigned int jobs)
{
	struct gochan_op ops[2 * BATCH_MAX];
	uint64_t leases[BATCH_MAX];
	unsigned int i, n, want, got = 0;
	int done;

	(void)worker;
	do {
		want = next_batch(run, jobs);
		for (n = 0; n < got; n++)
			ops[n] = (struct gochan_op){ .fd = run->links->rfd,
						     .opcode = GOCHAN_OP_ACK,
						     .lease = leases[n] };
		n += add_receives(run, ops + n, want);
		done = gochan_batch(ops, n, -1, want == 1 ? 0 : GOCHAN_WAITFORONE);
		if (done <= 0 || (unsigned int)done < got)
			err(1, "gochan_batch");
		for (n = 0, i = got; i < (unsigned int)done; i++)
			leases[n++] = ops[i].lease;
		got = n;
		jobs -= got;
	} while (jobs || got);
}

const struct method gochan_methods[] = {
	{ "gochan", { 1 }, setup, produce, work },
	{ "gochan-batch", { 1, 16 }, setup, produce_batch, work_batch },
	{ 0 }
};
