// SPDX-License-Identifier: GPL-2.0
/*
 * A stream from one process to another, with several messages per system call.
 */
#include <err.h>
#include <gochan.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define CAPACITY	256

/* Arrays passed to the system calls, initialized once by each process. */
struct batch {
	struct gochan_op *ops;
	struct mmsghdr *headers;
	struct iovec *iovecs;
};

static void *zeroed(size_t count, size_t size)
{
	void *mem = calloc(count, size);

	if (!mem)
		err(1, "batch");
	return mem;
}

static void setup(struct run *run)
{
	links_open(run, 1, run->point->peer->no_capacity ? NO_CAPACITY : CAPACITY);
}

/* A buffer for a whole batch, since run->buf holds a single message. */
static void setup_bytes(struct run *run)
{
	setup(run);
	run->priv = zeroed(run->point->param, run->point->size);
}

/* ---- one write, one read: pipes and GOCHAN_FIXED channels ---- */

static void work_bytes(struct run *run, unsigned int me, unsigned int messages)
{
	const size_t size = run->point->size;
	const size_t max = run->point->param * size;
	size_t left = messages * size;
	ssize_t n;

	while (left) {
		const size_t len = left < max ? left : max;

		n = me ? write(run->links->wfd, run->priv, len) :
			 read(run->links->rfd, run->priv, len);
		if (n <= 0)
			err(1, "%s", run->point->name);
		left -= n;
	}
}

/* ---- gochan_batch ---- */

static struct batch *batch_of(struct run *run)
{
	if (!run->priv)
		run->priv = zeroed(1, sizeof(struct batch));
	return run->priv;
}

static void work_ops(struct run *run, unsigned int me, unsigned int messages)
{
	const unsigned int max = run->point->param;
	const size_t size = run->point->size;
	struct batch *batch = batch_of(run);
	unsigned int i;
	int n;

	if (!batch->ops) {
		batch->ops = zeroed(max, sizeof(*batch->ops));
		for (i = 0; i < max; i++)
			batch->ops[i] = me ? GOCHAN_SEND(run->links->wfd, run->buf, size) :
					     GOCHAN_RECV(run->links->rfd, run->buf, size);
	}
	for (; messages; messages -= n) {
		n = gochan_batch(batch->ops, messages < max ? messages : max, -1,
				 me ? 0 : GOCHAN_WAITFORONE);
		if (n <= 0)
			err(1, "gochan_batch");
	}
}

/* ---- the same on an acknowledged channel ---- */

/* A batch that acknowledges @acks messages, whose leases are to be set, and receives @want. */
static unsigned int prepare_acked(const struct run *run, struct gochan_op *op,
				  unsigned int acks, unsigned int want)
{
	const struct gochan_op receive = GOCHAN_RECV(run->links->rfd, run->buf, run->point->size);
	const struct gochan_op ack = { .fd = run->links->rfd, .opcode = GOCHAN_OP_ACK };
	unsigned int i, n = 0;

	if (want)
		op[n++] = receive;
	for (i = 0; i < acks; i++)
		op[n++] = ack;
	while (n < want + acks)
		op[n++] = receive;
	return n;
}

/*
 * The call that receives the next messages acknowledges the last ones. Only its first op may
 * block, so that is a receive; and so the last ones must not be all that fit in. The ops are
 * only prepared when their number changes.
 */
static void receive_acked(struct run *run, unsigned int messages)
{
	const unsigned int max = run->point->param < CAPACITY ? run->point->param : CAPACITY / 2;
	struct gochan_op *op = zeroed(2 * max, sizeof(*op));
	uint64_t *leases = zeroed(max, sizeof(*leases));
	unsigned int i, want, first, acks = 0, got = 0, n = 0, ops_want = 0;
	int ret;

	do {
		want = messages < max ? messages : max;
		if (acks != got || ops_want != want)
			n = prepare_acked(run, op, got, want);
		acks = got;
		ops_want = want;
		first = want ? 1 : 0;
		for (i = 0; i < acks; i++)
			op[first + i].lease = leases[i];
		ret = gochan_batch(op, n, -1, GOCHAN_WAITFORONE);
		if (ret < (int)(first + acks))
			err(1, "gochan_batch");
		got = 0;
		if (want)
			leases[got++] = op[0].lease;
		for (i = first + acks; i < (unsigned int)ret; i++)
			leases[got++] = op[i].lease;
		messages -= got;
	} while (messages || got);
	free(leases);
	free(op);
}

static void work_acked(struct run *run, unsigned int me, unsigned int messages)
{
	if (me)
		work_ops(run, me, messages);
	else
		receive_acked(run, messages);
}

/* ---- sendmmsg, recvmmsg ---- */

static void work_mmsg(struct run *run, unsigned int me, unsigned int messages)
{
	const unsigned int max = run->point->param;
	struct batch *batch = batch_of(run);
	unsigned int i, count;
	int n;

	if (!batch->headers) {
		batch->headers = zeroed(max, sizeof(*batch->headers));
		batch->iovecs = zeroed(max, sizeof(*batch->iovecs));
		for (i = 0; i < max; i++) {
			batch->iovecs[i].iov_base = run->buf;
			batch->iovecs[i].iov_len = run->point->size;
			batch->headers[i].msg_hdr.msg_iov = &batch->iovecs[i];
			batch->headers[i].msg_hdr.msg_iovlen = 1;
		}
	}
	for (; messages; messages -= n) {
		count = messages < max ? messages : max;
		n = me ? sendmmsg(run->links->wfd, batch->headers, count, 0) :
			 recvmmsg(run->links->rfd, batch->headers, count, MSG_WAITFORONE, NULL);
		if (n <= 0)
			err(1, "%s", run->point->name);
	}
}

static const struct {
	const char *name;
	const struct peer *peer;
	void (*setup)(struct run *run);
	void (*work)(struct run *run, unsigned int me, unsigned int messages);
} methods[] = {
	{ "gochan-fixed", &peer_gochan_fixed, setup_bytes, work_bytes },
	{ "gochan-batch", &peer_gochan, setup, work_ops },
	{ "gochan-ack", &peer_gochan_ack, setup, work_acked },
	{ "pipe", &peer_pipe, setup_bytes, work_bytes },
	{ "seqpacket+mmsg", &peer_seqpacket, setup, work_mmsg },
	{ "dgram+mmsg", &peer_dgram, setup, work_mmsg },
};

static void points(const struct family *family)
{
	static const int batches[] = { 16, 256 };
	const size_t *size;
	unsigned int i, b;

	for (size = sizes; *size && *size <= 4096; size++) {
		for (b = 0; b < ARRAY_SIZE(batches); b++) {
			for (i = 0; i < ARRAY_SIZE(methods); i++) {
				const struct point p = {
					.family = family,
					.name = methods[i].name,
					.peer = methods[i].peer,
					.size = *size,
					.param = batches[b],
					.processes = 2,
					.messages = scale_messages(*size, 32768),
					.setup = methods[i].setup,
					.work = methods[i].work,
				};

				point_add(&p);
			}
		}
	}
}

const struct family family_batch = {
	.name = "batch",
	.param = "batch",
	.what = "one process sends, another receives, several messages per call; capacity 256",
	.points = points,
};
