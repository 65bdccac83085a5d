// SPDX-License-Identifier: GPL-2.0
/*
 * The servers of the peers, which run while a point is measured.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "jobs.h"

#define TRIES	6000

/* Start a server that ends with this process. */
void server_start(const char *const argv[])
{
	const int null = open("/dev/null", O_WRONLY);
	const pid_t pid = fork();

	if (pid < 0 || null < 0)
		err(1, "%s", argv[0]);
	if (pid) {
		close(null);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

/* Wait for a server that cannot tell when it is ready. */
void wait_until(bool (*ready)(void), const char *what)
{
	const struct timespec t = { .tv_nsec = 10000000 };
	unsigned int i;

	for (i = 0; i < TRIES; i++) {
		if (ready())
			return;
		nanosleep(&t, NULL);
	}
	errx(1, "%s does not start", what);
}
