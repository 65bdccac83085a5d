// SPDX-License-Identifier: GPL-2.0
/*
 * timerfds for use in a select.
 */
#include <errno.h>
#include <sys/timerfd.h>

#include "gochan.h"
#include "internal.h"

static struct timespec ns_to_timespec(int64_t ns)
{
	return (struct timespec){
		.tv_sec = ns / (int64_t)NSEC_PER_SEC,
		.tv_nsec = ns % (int64_t)NSEC_PER_SEC,
	};
}

static int timer(struct itimerspec spec)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	if (fd >= 0)
		timerfd_settime(fd, 0, &spec, NULL);
	return fd;
}

int gochan_after(int64_t ns)
{
	/* An it_value of 0 would disarm the timer. */
	return timer((struct itimerspec){ .it_value = ns_to_timespec(ns > 0 ? ns : 1) });
}

int gochan_tick(int64_t ns)
{
	if (ns <= 0) {
		errno = EINVAL;
		return -1;
	}
	return timer((struct itimerspec){
		.it_interval = ns_to_timespec(ns),
		.it_value = ns_to_timespec(ns),
	});
}
