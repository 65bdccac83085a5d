/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading the waiters and holders of channels from /proc.
 */
#ifndef GOCHAN_SNAPSHOT_H
#define GOCHAN_SNAPSHOT_H

#include "graph.h"

/*
 * Fill @graph with all channels, handles and waiters that the caller may see, and with
 * the commands of the processes. The handles of this process are left out. On failure
 * print an error message and return false.
 */
bool snapshot_read(struct graph *graph);
/* Add what the other threads of processes do that could end a wait. As above. */
bool snapshot_read_threads(struct graph *graph);

#endif /* GOCHAN_SNAPSHOT_H */
