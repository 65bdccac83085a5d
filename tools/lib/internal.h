/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Internal definitions shared by the files of libgochan: paths and conversions
 * between library and ioctl arguments. They are inline so that the static
 * library exports no symbol without the gochan_ prefix.
 */
#ifndef GOCHAN_INTERNAL_H
#define GOCHAN_INTERNAL_H

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/gochan.h>

#include "race.h"

#define DEV_GOCHAN	"/dev/gochan"
#define DEV_GOCHANS	"/dev/gochans/"

#define NSEC_PER_SEC	1000000000ULL

/* close(2) without changing errno, and not a cancellation point. */
static inline void close_fd(int fd)
{
	int err = errno, state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	close(fd);
	pthread_setcancelstate(state, NULL);
	errno = err;
}

/*
 * struct submission - a SELECT or BATCH
 * @ch: any handle
 * @temporary: close @ch if the thread is cancelled
 * @request: GOCHAN_IOC_SELECT or GOCHAN_IOC_BATCH
 * @ops: its argument
 * @len: NULL or, of a single RECV, set only if the thread is cancelled: to the length
 *	of the message received, or to SIZE_MAX if there is none
 */
struct submission {
	int ch;
	int temporary;
	unsigned long request;
	struct gochan_ops *ops;
	size_t *len;
};

/*
 * The ioctl, as a cancellation point unless it is non-blocking. If the thread is
 * cancelled, the result of each op that was not performed becomes -ECANCELED.
 */
int __attribute__((visibility("hidden"))) gochan_submit(struct submission *s);

/*
 * GOCHAN_IOC_SETUP on a new channel. Fails with EOPNOTSUPP if the module is too old for
 * this library, EPROTONOSUPPORT if the library is, ENOTTY if @ch is not a channel.
 */
int __attribute__((visibility("hidden"))) gochan_apply_setup(int ch,
							     const struct gochan_setup *setup);

/* Convert a deadline to gochan_ops.timeout; a negative one becomes 0 (long ago). */
static inline uint64_t timespec_to_ns(const struct timespec *ts)
{
	if (ts->tv_sec < 0)
		return 0;
	if ((uint64_t)ts->tv_sec >= INT64_MAX / NSEC_PER_SEC)
		return GOCHAN_TIMEOUT_NEVER;
	return (uint64_t)ts->tv_sec * NSEC_PER_SEC + (uint64_t)ts->tv_nsec;
}

/*
 * Convert the result of a RECV op (0, GOCHAN_R_CLOSED or -errno) to the return
 * value of gochan_recv(), and set *len.
 */
static inline int recv_return(int result, uint32_t op_len, size_t *len)
{
	if (len && (result == 0 || result == -EMSGSIZE))
		*len = op_len;
	if (result < 0) {
		errno = -result;
		return -1;
	}
	if (len && result == GOCHAN_R_CLOSED)
		*len = 0;
	return result != GOCHAN_R_CLOSED;
}

/* Do an ACK op by GOCHAN_IOC_ACK. */
static inline int end_lease(const struct gochan_op *op)
{
	const struct gochan_ack ack = { .lease = op->lease, .flags = op->flags };

	gochan_race_before(op, 1);
	return ioctl(op->fd, GOCHAN_IOC_ACK, &ack);
}

/* After a receive whose caller is not told the lease, as read(2) does. */
static inline void acknowledge(struct gochan_op *op)
{
	const struct gochan_op ack = {
		.fd = op->fd, .opcode = GOCHAN_OP_ACK, .lease = op->lease,
	};

	if (op->lease)
		end_lease(&ack);
	op->lease = 0;
}

#endif /* GOCHAN_INTERNAL_H */
