/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /proc/PID/stat: what state a process or thread is in, and whose child it is.
 */
#ifndef GOCHAN_STAT_H
#define GOCHAN_STAT_H

#include <stdbool.h>
#include <sys/types.h>

struct stat_line {
	char command[64];
	char state;		/* as in ps(1) */
	pid_t parent;
	unsigned int flags;
	unsigned int threads;	/* of its process; the first one counts until all have exited */
};

/* The file at @path; false, with errno, if it is not there. */
bool stat_read(const char *path, struct stat_line *stat);

/* Has this task exited? The first one of a process stays a zombie until all have. */
static inline bool stat_has_exited(const struct stat_line *stat)
{
	return stat->state == 'Z' || stat->state == 'X';
}

/* Have all threads of the process exited? @stat is that of the first one. */
static inline bool stat_is_over(const struct stat_line *stat)
{
	return stat_has_exited(stat) && stat->threads < 2;
}

static inline bool stat_is_stopped(const struct stat_line *stat)
{
	return stat->state == 'T' || stat->state == 't';
}

static inline bool stat_is_kernel_thread(const struct stat_line *stat)
{
	return stat->flags & 0x00200000;	/* PF_KTHREAD */
}

#endif /* GOCHAN_STAT_H */
