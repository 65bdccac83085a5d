// SPDX-License-Identifier: GPL-2.0
/*
 * Progress display for long transfers from or to a file: the number of messages
 * and the rate, on a terminal. It is off in a pipeline, whose other commands may
 * use the terminal too.
 */
#include <unistd.h>

#include "cmd.h"

static struct {
	bool on;
	bool shown;		/* a line without newline is on the terminal */
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

static bool is_pipe_or_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 || S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode);
}

void progress_start(int other_fd)
{
	progress.on = isatty(STDERR_FILENO) && !isatty(other_fd) && !is_pipe_or_socket(other_fd);
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

/* Print the final line, unless the transfer was too short to show any. */
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
