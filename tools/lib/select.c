// SPDX-License-Identifier: GPL-2.0
/*
 * Several ops in one system call: select, batch, and call (a batch of a request
 * and its reply).
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "gochan.h"
#include "internal.h"
#include "race.h"

/* Convert a relative timeout to an absolute deadline, or to GOCHAN_NONBLOCK. */
static void set_timeout(struct gochan_ops *ops, int64_t timeout_ns)
{
	struct timespec now;

	ops->timeout = GOCHAN_TIMEOUT_NEVER;
	if (timeout_ns == 0)
		ops->flags |= GOCHAN_NONBLOCK;
	if (timeout_ns <= 0)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	ops->timeout = timespec_to_ns(&now) + (uint64_t)timeout_ns;
}

static int first_channel(const struct gochan_op *ops, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (ops[i].opcode != GOCHAN_OP_POLL && ops[i].fd >= 0)
			return ops[i].fd;
	}
	return -1;
}

/* A select performed op number @ret, a batch the first @ret ops. */
static void race_after(unsigned long request, const struct gochan_op *op, int ret)
{
	if (request == GOCHAN_IOC_SELECT)
		gochan_race_after(op + ret, 1);
	else
		gochan_race_after(op, (unsigned int)ret);
}

/*
 * The ioctl can be issued on any handle: use the first op that has one, or else
 * create a channel just for this call.
 */
static int submit(unsigned long request, struct gochan_ops *ops, const struct gochan_op *op)
{
	int ch = first_channel(op, ops->count);
	int tmp = -1;
	int ret, err;

	if (ch < 0) {
		tmp = open(DEV_GOCHAN, O_RDWR | O_CLOEXEC);
		if (tmp < 0)
			return -1;
		ch = tmp;
	}
	gochan_race_before(op, ops->count);
	ret = ioctl(ch, request, ops);
	if (ret >= 0)
		race_after(request, op, ret);
	if (tmp >= 0) {
		err = errno;
		close(tmp);
		errno = err;
	}
	return ret;
}

int gochan_select(struct gochan_op *ops, unsigned int n, int64_t timeout_ns, unsigned int flags)
{
	struct gochan_ops arg = {
		.ops = (uintptr_t)ops,
		.count = n,
		.flags = flags,
	};

	set_timeout(&arg, timeout_ns);
	return submit(GOCHAN_IOC_SELECT, &arg, ops);
}

int gochan_batch(struct gochan_op *ops, unsigned int n, int64_t timeout_ns, unsigned int flags)
{
	struct gochan_ops arg = {
		.ops = (uintptr_t)ops,
		.count = n,
		.flags = flags,
	};

	set_timeout(&arg, timeout_ns);
	return submit(GOCHAN_IOC_BATCH, &arg, ops);
}

/*
 * Resume waiting for the reply when a signal has interrupted it after the request
 * was sent, with the same deadline. @init is the op before the first attempt,
 * since the kernel overwrites it. Returns the result of the op.
 */
static int await_reply(struct gochan_ops *arg, struct gochan_op *reply, struct gochan_op init)
{
	arg->ops = (uintptr_t)reply;
	arg->count = 1;
	do {
		*reply = init;
		if (submit(GOCHAN_IOC_BATCH, arg, reply) >= 0)
			return reply->result;
	} while (errno == EINTR);
	return -errno;
}

int gochan_call(int ch, const void *req, size_t reqlen, int reply_ch, void *rep, size_t repsize,
		size_t *replen, int64_t timeout_ns)
{
	struct gochan_op op[2] = {
		GOCHAN_SEND(ch, req, reqlen),
		GOCHAN_RECV(reply_ch, rep, repsize),
	};
	struct gochan_ops arg = {
		.ops = (uintptr_t)op,
		.count = 2,
	};
	int result;

	set_timeout(&arg, timeout_ns);
	if (submit(GOCHAN_IOC_BATCH, &arg, op) < 0)
		return -1;
	result = op[1].result;
	if (result == -EINTR)
		result = await_reply(&arg, &op[1], GOCHAN_RECV(reply_ch, rep, repsize));
	return recv_return(result, op[1].len, replen);
}
