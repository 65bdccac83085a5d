/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The output of runs in parallel, one after the other.
 */
#ifndef GOCHAN_GATHER_H
#define GOCHAN_GATHER_H

#include "runner.h"

/* A lock that workers share: a descriptor, or -1 with errno. */
int gather_lock_make(void);
/* Print the output of a run that has ended. Returns 0 or -errno. */
int gather_print(const struct runner *r, int lock);

#endif /* GOCHAN_GATHER_H */
