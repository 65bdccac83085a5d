// SPDX-License-Identifier: GPL-2.0
/*
 * How far a long transfer from or to a file is: messages and rate, on a
 * terminal. In a pipe, where others may be saying something, it is silent.
 * There is one terminal and one line on it, so there is one state.
 */
#include <unistd.h>

#include "cmd.h"

static struct {
	bool on;
	bool shown;		/* a line stands on the terminal, without its end */
	unsigned long long messages;
	struct timespec started, last;
} progress;

static double seconds_between(const struct timespec *from, const struct timespec *to)
{
	long long ns = to->tv_nsec - from->tv_nsec;

	return (double)(to->tv_sec - from->tv_sec) + (double)ns / 1e9;
}

static void show(const struct timespec *now)
{
	double seconds = seconds_between(&progress.started, now);

	fprintf(stderr, "\r%llu messages, %.0f/s ", progress.messages,
		(double)progress.messages / seconds);
	progress.last = *now;
	progress.shown = true;
}

static bool in_a_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 || S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode);
}

void progress_start(int other_fd)
{
	progress.on = isatty(STDERR_FILENO) && !isatty(other_fd) && !in_a_pipe(other_fd);
	clock_gettime(CLOCK_MONOTONIC, &progress.started);
	progress.last = progress.started;
}

void progress_step(void)
{
	struct timespec now;

	if (!progress.on)
		return;
	progress.messages++;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (seconds_between(&progress.last, &now) >= 0.5)
		show(&now);
}

/* A transfer that was over before the first line was due leaves none. */
void progress_end(void)
{
	struct timespec now;

	if (progress.shown) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		show(&now);
		fputc('\n', stderr);
	}
	progress.on = false;
	progress.shown = false;
}
