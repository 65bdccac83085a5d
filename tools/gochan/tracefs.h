/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An instance of the kernel's tracing of our own, so that nobody else's tracing is
 * changed: tracepoints, filters and a buffer.
 */
#ifndef GOCHAN_TRACEFS_H
#define GOCHAN_TRACEFS_H

#include "cmd.h"

struct tracefs {
	char dir[128];		/* of the instance; empty if there is none */
	int pipe;		/* its trace_pipe, O_NONBLOCK, or -1 */
};

/*
 * Make the instance, in which nothing is traced yet. Instances of processes that do not
 * exist any more are removed.
 */
enum status tracefs_open(struct tracefs *fs);
/* Trace gochan's events: those of channel @id only, unless it is 0. */
enum status tracefs_start(const struct tracefs *fs, uint64_t id);
/* Trace which tasks are created, execute programs and exit. */
enum status tracefs_follow_tasks(const struct tracefs *fs);
/* Record nothing more; what was recorded can still be read. */
void tracefs_stop(const struct tracefs *fs);
/* Remove the instance. May be called at any time. */
void tracefs_close(struct tracefs *fs);

#endif /* GOCHAN_TRACEFS_H */
