// SPDX-License-Identifier: GPL-2.0
/*
 * Sending and receiving single messages: blocking, non-blocking and with a
 * deadline.
 *
 * Each call is a BATCH of one op instead of a write(2) or read(2), which do not
 * send empty messages, cannot distinguish an empty message from end of file,
 * do not report the buffer size required, and transfer several messages at once
 * on a GOCHAN_FIXED channel.
 */
#include <errno.h>
#include <stdbool.h>

#include "debug.h"
#include "gochan.h"
#include "internal.h"

/* In place of a timeout: do not block. No deadline is as far away. */
#define TRY	(GOCHAN_TIMEOUT_NEVER - 1)

/* Returns the op's result: 0, GOCHAN_R_CLOSED or -errno. */
static int do_op(struct gochan_op *op, size_t *len, uint64_t timeout)
{
	struct gochan_ops ops = {
		.ops = (uintptr_t)op,
		.count = 1,
		.flags = timeout == TRY ? GOCHAN_NONBLOCK : 0,
		.timeout = timeout,
	};
	struct submission s = {
		.ch = op->fd,
		.request = GOCHAN_IOC_BATCH,
		.ops = &ops,
		.len = len,
	};

	return gochan_submit(&s) < 0 ? -errno : op->result;
}

static int send_op(const char *call, struct gochan_op op, uint64_t timeout)
{
	struct watched w;
	int result;

	watch_ops(&w, call, &op, 1);
	result = do_op(&op, NULL, timeout);
	if (result < 0)
		errno = -result;
	return watch_ops_end(&w, &op, 1, result < 0 ? -1 : 0);
}

static int recv_op(const char *call, struct gochan_op op, size_t *len, uint64_t timeout)
{
	struct watched w;
	int result;

	watch_ops(&w, call, &op, 1);
	result = do_op(&op, len, timeout);
	if (!result)
		acknowledge(&op);
	return watch_ops_end(&w, &op, 1, recv_return(result, op.len, len));
}

/* Without the channel, which was not used: asking for its ID would end its setup. */
static int bad_deadline(const char *call)
{
	struct watched w;

	watch_begin(&w, call, NULL);
	errno = EINVAL;
	return watch_end(&w, -1, -1);
}

/* Convert a deadline to gochan_ops.timeout; false if it is invalid. */
static bool deadline_to_timeout(const struct timespec *deadline, uint64_t *timeout)
{
	*timeout = GOCHAN_TIMEOUT_NEVER;
	if (!deadline)
		return true;
	if (deadline->tv_nsec < 0 || (uint64_t)deadline->tv_nsec >= NSEC_PER_SEC)
		return false;
	*timeout = timespec_to_ns(deadline);
	return true;
}

int gochan_send(int ch, const void *msg, size_t len)
{
	return send_op(__func__, GOCHAN_SEND(ch, msg, len), GOCHAN_TIMEOUT_NEVER);
}

int gochan_recv(int ch, void *buf, size_t size, size_t *len)
{
	return recv_op(__func__, GOCHAN_RECV(ch, buf, size), len, GOCHAN_TIMEOUT_NEVER);
}

int gochan_try_send(int ch, const void *msg, size_t len)
{
	return send_op(__func__, GOCHAN_SEND(ch, msg, len), TRY);
}

int gochan_try_recv(int ch, void *buf, size_t size, size_t *len)
{
	return recv_op(__func__, GOCHAN_RECV(ch, buf, size), len, TRY);
}

int gochan_send_until(int ch, const void *msg, size_t len, const struct timespec *deadline)
{
	uint64_t timeout;

	if (!deadline_to_timeout(deadline, &timeout))
		return bad_deadline(__func__);
	return send_op(__func__, GOCHAN_SEND(ch, msg, len), timeout);
}

int gochan_recv_until(int ch, void *buf, size_t size, size_t *len,
		      const struct timespec *deadline)
{
	uint64_t timeout;

	if (!deadline_to_timeout(deadline, &timeout))
		return bad_deadline(__func__);
	return recv_op(__func__, GOCHAN_RECV(ch, buf, size), len, timeout);
}

int gochan_recv_lease(int ch, void *buf, size_t size, size_t *len, struct gochan_lease *lease)
{
	struct gochan_op op = GOCHAN_RECV(ch, buf, size);
	struct watched w;
	int result, ret;

	watch_ops(&w, __func__, &op, 1);
	result = do_op(&op, len, GOCHAN_TIMEOUT_NEVER);
	ret = recv_return(result, op.len, len);
	if (ret == 1) {
		lease->lease = op.lease;
		lease->seq = op.seq;
		lease->deliveries = op.deliveries;
	}
	return watch_ops_end(&w, &op, 1, ret);
}

static int ack_op(const char *call, int ch, const struct gochan_lease *lease, uint16_t flags)
{
	const struct gochan_op op = {
		.fd = ch, .opcode = GOCHAN_OP_ACK, .flags = flags, .lease = lease->lease,
	};
	struct watched w;

	watch_ops(&w, call, &op, 1);
	return watch_ops_end(&w, &op, 1, end_lease(&op));
}

int gochan_ack(int ch, const struct gochan_lease *lease)
{
	return ack_op(__func__, ch, lease, 0);
}

int gochan_requeue(int ch, const struct gochan_lease *lease)
{
	return ack_op(__func__, ch, lease, GOCHAN_REQUEUE);
}
