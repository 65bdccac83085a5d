/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Clocks: the one by which intervals are measured and the module tells since when tasks
 * wait, and the time of day; sleeping, and durations as text.
 */
#ifndef GOCHAN_CLOCK_H
#define GOCHAN_CLOCK_H

enum { DURATION_SIZE = 32 };

/* CLOCK_MONOTONIC, in nanoseconds. */
long long clock_now(void);
/* CLOCK_REALTIME, in nanoseconds. */
long long clock_of_day(void);
/* Sleep so long, or until then; a signal does not end it. */
void clock_sleep(long long ns);
void clock_sleep_until(long long at_ns);
/* For how long, such as 2.5s or 3h05m. */
const char *format_duration(long long ns, char text[DURATION_SIZE]);

#endif /* GOCHAN_CLOCK_H */
