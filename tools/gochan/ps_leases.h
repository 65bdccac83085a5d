/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The leases of a graph, as gochan ps lists them: of all processes or, unless it is 0, of
 * @pid.
 */
#ifndef GOCHAN_PS_LEASES_H
#define GOCHAN_PS_LEASES_H

#include "graph.h"

/* A table, after an empty line; nothing if there are no leases. */
void leases_print_table(const struct graph *graph, unsigned int pid);
/* Elements of the object that ps prints. */
void leases_print_json(const struct graph *graph, unsigned int pid);
/* What the table does not have. */
void leases_print_notes(const struct graph *graph);

#endif /* GOCHAN_PS_LEASES_H */
