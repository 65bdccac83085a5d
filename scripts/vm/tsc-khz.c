// SPDX-License-Identifier: GPL-2.0
/*
 * Prints the frequency of the host's time stamp counter in kHz. An emulated guest
 * uses the same counter, but a microvm has no other clock to calibrate it with.
 */
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

#define NSEC_PER_MSEC 1000000LL

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * 1000 * NSEC_PER_MSEC + t.tv_nsec;
}

int main(void)
{
	unsigned long long ticks = __rdtsc();
	long long start = now(), end;

	do {
		end = now();
	} while (end - start < 20 * NSEC_PER_MSEC);
	ticks = __rdtsc() - ticks;
	printf("%llu\n", ticks * NSEC_PER_MSEC / (end - start));
	return 0;
}
