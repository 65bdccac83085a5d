// SPDX-License-Identifier: GPL-2.0
/*
 * One message sent or received, with or without blocking.
 *
 * Each is a batch of one op, not write(2) or read(2): those send no empty
 * message, cannot tell an empty one from the end or how much room a long one
 * needs, and move several messages at once on a GOCHAN_FIXED channel.
 */
#include <errno.h>
#include <stdbool.h>
#include <sys/ioctl.h>

#include "gochan.h"
#include "internal.h"
#include "race.h"

/* Returns the op's result: 0, GOCHAN_R_CLOSED or -errno. */
static int do_op(struct gochan_op *op, uint64_t timeout)
{
	struct gochan_ops ops = {
		.ops = (uintptr_t)op,
		.count = 1,
		.timeout = timeout,
	};

	int ret;

	gochan_race_before(op, 1);
	ret = ioctl(op->fd, GOCHAN_IOC_BATCH, &ops);
	if (ret < 0)
		return -errno;
	gochan_race_after(op, 1);
	return op->result;
}

static int send_op(struct gochan_op op, uint64_t timeout)
{
	int result = do_op(&op, timeout);

	if (result < 0) {
		errno = -result;
		return -1;
	}
	return 0;
}

static int recv_op(struct gochan_op op, size_t *len, uint64_t timeout)
{
	int result = do_op(&op, timeout);

	return received(result, op.len, len);
}

static struct gochan_op nonblocking(struct gochan_op op)
{
	op.flags = GOCHAN_NONBLOCK;
	return op;
}

/* True and *timeout, or false and EINVAL. */
static bool timeout_of(const struct timespec *deadline, uint64_t *timeout)
{
	*timeout = GOCHAN_TIMEOUT_NEVER;
	if (!deadline)
		return true;
	if (deadline->tv_nsec < 0 || (uint64_t)deadline->tv_nsec >= NSEC_PER_SEC) {
		errno = EINVAL;
		return false;
	}
	*timeout = instant(deadline);
	return true;
}

int gochan_send(int ch, const void *msg, size_t len)
{
	return send_op(GOCHAN_SEND(ch, msg, len), GOCHAN_TIMEOUT_NEVER);
}

int gochan_recv(int ch, void *buf, size_t size, size_t *len)
{
	return recv_op(GOCHAN_RECV(ch, buf, size), len, GOCHAN_TIMEOUT_NEVER);
}

int gochan_try_send(int ch, const void *msg, size_t len)
{
	return send_op(nonblocking(GOCHAN_SEND(ch, msg, len)), GOCHAN_TIMEOUT_NEVER);
}

int gochan_try_recv(int ch, void *buf, size_t size, size_t *len)
{
	return recv_op(nonblocking(GOCHAN_RECV(ch, buf, size)), len, GOCHAN_TIMEOUT_NEVER);
}

int gochan_send_until(int ch, const void *msg, size_t len, const struct timespec *deadline)
{
	uint64_t timeout;

	if (!timeout_of(deadline, &timeout))
		return -1;
	return send_op(GOCHAN_SEND(ch, msg, len), timeout);
}

int gochan_recv_until(int ch, void *buf, size_t size, size_t *len,
		      const struct timespec *deadline)
{
	uint64_t timeout;

	if (!timeout_of(deadline, &timeout))
		return -1;
	return recv_op(GOCHAN_RECV(ch, buf, size), len, timeout);
}
