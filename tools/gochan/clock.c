// SPDX-License-Identifier: GPL-2.0
/*
 * The monotonic clock.
 */
#include <time.h>

#include "clock.h"

long long clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}
