/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Internal definitions shared by the files of libgochan: paths and conversions
 * between library and ioctl arguments. They are inline so that the static
 * library exports no symbol without the gochan_ prefix.
 */
#ifndef GOCHAN_INTERNAL_H
#define GOCHAN_INTERNAL_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <linux/gochan.h>

#define DEV_GOCHAN	"/dev/gochan"
#define DEV_GOCHANS	"/dev/gochans/"

#define NSEC_PER_SEC	1000000000ULL

/* close(2) on an error path, without changing errno. */
static inline void close_keep_errno(int fd)
{
	int err = errno;

	close(fd);
	errno = err;
}

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

#endif /* GOCHAN_INTERNAL_H */
