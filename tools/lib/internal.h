/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of libgochan share: paths, and the translation between the
 * calls' arguments and the kernel's interface. Inline, so that the static
 * library brings its users no name that does not begin with gochan_.
 */
#ifndef GOCHAN_INTERNAL_H
#define GOCHAN_INTERNAL_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <linux/gochan.h>

#define DEV_GOCHAN	"/dev/gochan"
#define DEV_GOCHANS	"/dev/gochans/"

#define NSEC_PER_SEC	1000000000ULL

/* An instant as gochan_ops.timeout has it; before the clock's beginning is 0. */
static inline uint64_t instant(const struct timespec *ts)
{
	if (ts->tv_sec < 0)
		return 0;
	if ((uint64_t)ts->tv_sec >= INT64_MAX / NSEC_PER_SEC)
		return GOCHAN_TIMEOUT_NEVER;
	return (uint64_t)ts->tv_sec * NSEC_PER_SEC + (uint64_t)ts->tv_nsec;
}

/* What a receive returns, from its op's result: 0, GOCHAN_R_CLOSED or -errno. */
static inline int received(int result, uint32_t op_len, size_t *len)
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
