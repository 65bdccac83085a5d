/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the examples share, and what is not about channels: giving up when
 * something fails, and workers, which are processes.
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

/* What a call returned that must not fail. */
static inline int must(int returned, const char *call)
{
	if (returned < 0)
		err(1, "%s", call);
	return returned;
}

/* What an example shows; where it does not hold, the example fails. */
static inline void expect(bool holds, const char *what)
{
	if (!holds)
		errx(1, "it does not hold that %s", what);
}

/* As fork(2), but the child dies with its parent, for whatever reason. */
static inline pid_t fork_worker(void)
{
	const pid_t parent = getpid();
	pid_t pid;

	fflush(stdout);
	pid = must(fork(), "fork");
	if (pid == 0) {
		must(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
		expect(getppid() == parent, "the parent lives");
	}
	return pid;
}

/* Waits for all children. One that failed has said why; it is this one's failure, too. */
static inline void wait_for_workers(void)
{
	bool failed = false;
	int status;

	while (wait(&status) > 0)
		failed |= !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	if (failed)
		errx(1, "a worker failed");
}

/* Memory, filled with zeros, that a process shares with the children that it makes later. */
static inline void *shared_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		err(1, "mmap");
	return memory;
}

#endif
