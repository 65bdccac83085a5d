// SPDX-License-Identifier: GPL-2.0
/*
 * Several ops in one system call: select, batch, and call (a batch of a request
 * and its reply).
 */
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "debug.h"
#include "gochan.h"
#include "internal.h"

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

static bool names(const struct gochan_ops *ops, int fd)
{
	const struct gochan_op *op = (void *)(uintptr_t)ops->ops;

	for (uint32_t i = 0; i < ops->count; i++) {
		if (op[i].fd == fd)
			return true;
	}
	return false;
}

/* Open a channel whose number no op has: one that has it means a descriptor that is closed. */
static int open_temporary(const struct gochan_ops *ops)
{
	int ch = open(DEV_GOCHAN, O_RDWR | O_CLOEXEC);

	while (ch >= 0 && names(ops, ch)) {
		const int next = fcntl(ch, F_DUPFD_CLOEXEC, ch + 1);

		close_fd(ch);
		ch = next;
	}
	return ch;
}

/*
 * The ioctl can be issued on any handle: use @ch, or if it is negative, a channel
 * created just for this call.
 */
static int submit(int ch, unsigned long request, struct gochan_ops *ops, size_t *len)
{
	struct submission s = { .ch = ch, .request = request, .ops = ops, .len = len };
	int ret;

	if (ch >= 0)
		return gochan_submit(&s);
	s.ch = open_temporary(ops);
	if (s.ch < 0)
		return -1;
	s.temporary = 1;
	ret = gochan_submit(&s);
	close_fd(s.ch);
	return ret;
}

int gochan_select(struct gochan_op *ops, unsigned int n, int64_t timeout_ns, unsigned int flags)
{
	struct gochan_ops arg = {
		.ops = (uintptr_t)ops,
		.count = n,
		.flags = flags,
	};
	struct watched w;
	int ret;

	watch_ops(&w, __func__, ops, n);
	set_timeout(&arg, timeout_ns);
	ret = submit(first_channel(ops, n), GOCHAN_IOC_SELECT, &arg, NULL);
	if (ret >= 0)
		return watch_ops_end(&w, ops + ret, 1, ret);
	return watch_ops_end(&w, ops, n, ret);
}

int gochan_batch(struct gochan_op *ops, unsigned int n, int64_t timeout_ns, unsigned int flags)
{
	struct gochan_ops arg = {
		.ops = (uintptr_t)ops,
		.count = n,
		.flags = flags,
	};
	struct watched w;

	watch_ops(&w, __func__, ops, n);
	set_timeout(&arg, timeout_ns);
	return watch_ops_end(&w, ops, n, submit(first_channel(ops, n), GOCHAN_IOC_BATCH, &arg,
						NULL));
}

/* GOCHAN_RESUME: a signal while the reply is awaited does not send the request again. */
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
		.flags = GOCHAN_RESUME,
	};
	struct watched w;
	int ret;

	watch_ops(&w, __func__, op, 2);
	set_timeout(&arg, timeout_ns);
	ret = submit(first_channel(op, 2), GOCHAN_IOC_BATCH, &arg, replen);
	if (ret == 2)
		acknowledge(&op[1]);
	if (ret >= 0)
		ret = recv_return(op[1].result, op[1].len, replen);
	return watch_ops_end(&w, op, 2, ret);
}
