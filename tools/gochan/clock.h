/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The clock by which intervals are measured and the module tells since when tasks wait.
 */
#ifndef GOCHAN_CLOCK_H
#define GOCHAN_CLOCK_H

/* CLOCK_MONOTONIC, in nanoseconds. */
long long clock_now(void);

#endif /* GOCHAN_CLOCK_H */
