// SPDX-License-Identifier: GPL-2.0
/*
 * Clocks, in nanoseconds.
 */
#include <errno.h>
#include <stdio.h>
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

void clock_sleep(long long ns)
{
	clock_sleep_until(clock_now() + ns);
}

void clock_sleep_until(long long at_ns)
{
	const struct timespec at = {
		.tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000,
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

const char *format_duration(long long ns, char text[DURATION_SIZE])
{
	const long long seconds = ns / 1000000000, minutes = seconds / 60, hours = minutes / 60;

	if (seconds < 60)
		snprintf(text, DURATION_SIZE, "%.1fs", (double)ns / 1e9);
	else if (minutes < 60)
		snprintf(text, DURATION_SIZE, "%lldm%02llds", minutes, seconds % 60);
	else if (hours < 24)
		snprintf(text, DURATION_SIZE, "%lldh%02lldm", hours, minutes % 60);
	else
		snprintf(text, DURATION_SIZE, "%lldd%02lldh", hours / 24, hours % 24);
	return text;
}
