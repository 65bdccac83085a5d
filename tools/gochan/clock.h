/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Clocks: the one by which intervals are measured and the module tells since when tasks
 * wait, and the time of day.
 */
#ifndef GOCHAN_CLOCK_H
#define GOCHAN_CLOCK_H

/* CLOCK_MONOTONIC, in nanoseconds. */
long long clock_now(void);
/* CLOCK_REALTIME, in nanoseconds. */
long long clock_of_day(void);

#endif /* GOCHAN_CLOCK_H */
