/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Running a command with a message as its standard input, such that a command that
 * cannot be run is known before the message is received.
 */
#ifndef GOCHAN_RUNNER_H
#define GOCHAN_RUNNER_H

#include <limits.h>
#include <sys/types.h>

#include "cmd.h"

struct runner {
	char **argv;
	char path[PATH_MAX];	/* of the program */
	/* The next run of the command, prepared: */
	pid_t pid;		/* a child that waits, before execve(2) */
	int control;		/* a socket to it */
	int input;		/* a file, its standard input */
};

/* Find a program as a shell does. Returns 0 or -errno, as execve(2) would. */
int runner_find(const char *name, char path[PATH_MAX]);
/* What is wrong if @err, -errno, was the result of execve(2). */
const char *runner_strerror(const char *path, int err);

/*
 * Find the program of @argv, and execute it for trial, up to but without its first
 * instruction.
 */
enum status runner_init(struct runner *r, char **argv);
/* Prepare the next run. After that only execve(2) can fail. Returns 0 or -errno. */
int runner_prepare(struct runner *r);
/* Run the command. Returns 0, or -errno if it was not run. */
int runner_start(struct runner *r, const char *message, size_t len);
/* Wait until the command exits. Returns its wait status. */
int runner_wait(struct runner *r);
/* Undo runner_prepare(). */
void runner_cancel(struct runner *r);
enum status runner_failed(const struct runner *r, int err, const char *consequence);

#endif /* GOCHAN_RUNNER_H */
