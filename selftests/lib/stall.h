/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory backed by userfaultfd: a task that touches it blocks in the page fault
 * until arrive() or vanish() is called, or it is killed.
 */
#ifndef SELFTESTS_STALL_H
#define SELFTESTS_STALL_H

#include <stdbool.h>
#include <stddef.h>

struct stalled {
	int uffd;
	char *map;
	size_t len;
};

/* Map it at @where, or anywhere for NULL. */
int stall_at(struct stalled *stalled, void *where, size_t len);
int stall(struct stalled *stalled, size_t len);

/* Wait until a task is blocked in a fault on it. */
bool wait_stalled(const struct stalled *stalled);

/* Unmap it: a task blocked on it gets EFAULT. */
void vanish(const struct stalled *stalled);

/* Resolve the fault, with as many bytes of content as the memory has. */
int arrive(const struct stalled *stalled, const void *content);

#endif
