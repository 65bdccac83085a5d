/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ThreadSanitizer annotations (race.c); they do nothing in programs built
 * without it.
 */
#ifndef GOCHAN_RACE_H
#define GOCHAN_RACE_H

#include <linux/gochan.h>

/*
 * Called right before the system call that performs @ops, and after it for the
 * ops that were performed. Without ThreadSanitizer each costs one pointer test.
 */
void __attribute__((visibility("hidden")))
gochan_race_before(const struct gochan_op *ops, unsigned int n);
void __attribute__((visibility("hidden")))
gochan_race_after(const struct gochan_op *ops, unsigned int n);

#endif /* GOCHAN_RACE_H */
