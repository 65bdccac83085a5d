/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory that does not arrive: whoever touches it stays in a page fault until
 * arrive(), vanish() or its death. No test is here.
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

/* Put it at @where, or anywhere for NULL. */
int stall_at(struct stalled *stalled, void *where, size_t len);
int stall(struct stalled *stalled, size_t len);

/* Somebody waits for it. */
bool wait_stalled(const struct stalled *stalled);

/* Whoever waits for it faults. */
void vanish(const struct stalled *stalled);

/* It comes, with as many bytes of content as there is of it. */
int arrive(const struct stalled *stalled, const void *content);

#endif
