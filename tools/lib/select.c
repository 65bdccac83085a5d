// SPDX-License-Identifier: GPL-2.0
/*
 * Several ops in one system call, select and batch; and call, a request and its
 * reply.
 */
#include <errno.h>
#include <fcntl.h>
#include <time.h>

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
	s.ch = open(DEV_GOCHAN, O_RDWR | O_CLOEXEC);
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

	set_timeout(&arg, timeout_ns);
	return submit(first_channel(ops, n), GOCHAN_IOC_SELECT, &arg, NULL);
}

int gochan_batch(struct gochan_op *ops, unsigned int n, int64_t timeout_ns, unsigned int flags)
{
	struct gochan_ops arg = {
		.ops = (uintptr_t)ops,
		.count = n,
		.flags = flags,
	};

	set_timeout(&arg, timeout_ns);
	return submit(first_channel(ops, n), GOCHAN_IOC_BATCH, &arg, NULL);
}

/*
 * Two system calls with one deadline. A BATCH of both ops returns 1 when a signal
 * interrupts the second one, so the kernel would not restart it after a handler
 * with SA_RESTART, and whether the handler has it cannot be found out afterwards.
 */
int gochan_call(int ch, const void *req, size_t reqlen, int reply_ch, void *rep, size_t repsize,
		size_t *replen, int64_t timeout_ns)
{
	struct gochan_op request = GOCHAN_SEND(ch, req, reqlen);
	struct gochan_op reply = GOCHAN_RECV(reply_ch, rep, repsize);
	const int handle = ch >= 0 ? ch : reply_ch;
	struct gochan_ops arg = { .ops = (uintptr_t)&request, .count = 1 };

	set_timeout(&arg, timeout_ns);
	if (submit(handle, GOCHAN_IOC_BATCH, &arg, replen) < 0)
		return -1;
	arg.ops = (uintptr_t)&reply;
	if (submit(handle, GOCHAN_IOC_BATCH, &arg, replen) < 0)
		return recv_return(-errno, reply.len, replen);
	return recv_return(reply.result, reply.len, replen);
}
