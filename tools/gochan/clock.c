// SPDX-License-Identifier: GPL-2.0
/*
 * Clocks, in nanoseconds.
 */
#include <time.h>

#include "clock.h"

static long long read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

long long clock_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

long long clock_of_day(void)
{
	return read_clock(CLOCK_REALTIME);
}
