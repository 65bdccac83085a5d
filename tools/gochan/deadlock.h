/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What gochan deadlock prints.
 */
#ifndef GOCHAN_DEADLOCK_H
#define GOCHAN_DEADLOCK_H

#include "stuck.h"

/* As text, for people. */
void print_stuck(struct graph *graph, const struct stuck *stuck);
/* For Graphviz: all waiters, those that are stuck in red. */
void print_dot(const struct graph *graph);

#endif /* GOCHAN_DEADLOCK_H */
