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

/* Files of a run, by the descriptor that they become. */
enum { RUN_INPUT, RUN_OUTPUT, RUN_ERRORS, RUN_FILES };

struct runner {
	char **argv;
	char path[PATH_MAX];	/* of the program */
	bool leases;		/* messages are leased: tell the command which, and how often */
	bool gathers;		/* the output goes into files */
	long long timeout_ns;	/* of a run, negative for none */
	/* The next run of the command, prepared: */
	pid_t pid;		/* a child that waits, before execve(2) */
	int control;		/* a socket to it */
	int pidfd;		/* of the child, if there is a timeout, else -1 */
	int files[RUN_FILES];	/* -1 for those that it does not need */
};

/* What is told to a run in its environment. */
struct run_lease {
	uint64_t seq;
	uint32_t deliveries;
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
int runner_start(struct runner *r, const char *message, size_t len,
		 const struct run_lease *lease);
/*
 * Wait until the command exits, and set its wait status. False if it took too long, and
 * was killed.
 */
bool runner_wait(struct runner *r, int *wait_status);
/* Release what runner_prepare() has made, after runner_wait(). */
void runner_release(struct runner *r);
/* Undo runner_prepare(). */
void runner_cancel(struct runner *r);
enum status runner_failed(const struct runner *r, int err, const char *consequence);

#endif /* GOCHAN_RUNNER_H */
