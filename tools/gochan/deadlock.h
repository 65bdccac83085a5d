/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What gochan deadlock prints.
 */
#ifndef GOCHAN_DEADLOCK_H
#define GOCHAN_DEADLOCK_H

#include "stuck.h"

/* As text, for people. */
void print_stuck(struct graph *graph, const struct stuck *stuck);
/* For Graphviz: all who wait on channels, and in red those who are stuck. */
void print_dot(const struct graph *graph);

#endif /* GOCHAN_DEADLOCK_H */
