/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What ThreadSanitizer is told (race.c); nothing where there is none.
 */
#ifndef GOCHAN_RACE_H
#define GOCHAN_RACE_H

#include <linux/gochan.h>

/*
 * Around a system call: @ops are about to be done, and @ops were done. A
 * program without ThreadSanitizer pays for a test of a pointer.
 */
void __attribute__((visibility("hidden")))
gochan_race_before(const struct gochan_op *ops, unsigned int n);
void __attribute__((visibility("hidden")))
gochan_race_after(const struct gochan_op *ops, unsigned int n);

#endif /* GOCHAN_RACE_H */
