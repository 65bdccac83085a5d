/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Helpers shared by the examples that have nothing to do with channels: error
 * handling, worker processes and shared memory.
 */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Return the result of a call, or exit if it failed. */
static inline int must(int returned, const char *call)
{
	if (returned < 0)
		err(1, "%s", call);
	return returned;
}

/* Check a property that the example demonstrates, and exit if it does not hold. */
static inline void expect(bool holds, const char *what)
{
	if (!holds)
		errx(1, "check failed: %s", what);
}

/* Like fork(2), but the child is killed when its parent exits. */
static inline pid_t fork_worker(void)
{
	const pid_t parent = getpid();
	pid_t pid;

	fflush(stdout);
	pid = must(fork(), "fork");
	if (pid == 0) {
		must(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
		expect(getppid() == parent, "the parent is still running");
	}
	return pid;
}

/* Wait for all children. Exit if one failed; it has printed the reason. */
static inline void wait_for_workers(void)
{
	bool failed = false;
	int status;

	while (wait(&status) > 0)
		failed |= !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	if (failed)
		errx(1, "a worker failed");
}

/* Wait for all children, of which some are killed: how many. Exit if one failed. */
static inline int count_killed(void)
{
	int killed = 0;
	int status;

	while (wait(&status) > 0) {
		killed += WIFSIGNALED(status);
		expect(WIFSIGNALED(status) || WEXITSTATUS(status) == 0, "no worker fails");
	}
	return killed;
}

/* Allocate zeroed memory that is shared with children forked later. */
static inline void *shared_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		err(1, "mmap");
	return memory;
}

#endif
