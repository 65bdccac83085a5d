// SPDX-License-Identifier: GPL-2.0
/*
 * Writing a line from anywhere, also from a signal handler, such that the program
 * notices nothing.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "line.h"

/*
 * Part of a line may have been written, to a socket or a full disk. On an O_NONBLOCK
 * descriptor the rest may be lost. Returns the errno of the last write, or 0.
 */
static int write_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(fd, text, len);
		if (n < 0 && errno != EINTR)
			return errno;
		/* Such as to /proc/PID/mem of a process that has ended. */
		if (n == 0)
			return 0;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* Take back the signal that the write raised, unless one of the program's was pending. */
static void take_back(int sig, const sigset_t *before)
{
	const struct timespec now = { 0 };
	sigset_t raised;

	if (sigismember(before, sig))
		return;
	sigemptyset(&raised);
	sigaddset(&raised, sig);
	sigtimedwait(&raised, NULL, &now);
}

/* EPIPE comes with SIGPIPE, and EFBIG with SIGXFSZ. */
void gochan_line_write(int fd, struct line *line)
{
	sigset_t signals, before, mask;
	int err;

	line->text[line->len++] = '\n';
	sigemptyset(&signals);
	sigaddset(&signals, SIGPIPE);
	sigaddset(&signals, SIGXFSZ);
	pthread_sigmask(SIG_BLOCK, &signals, &mask);
	sigpending(&before);
	err = write_all(fd, line->text, line->len);
	if (err == EPIPE)
		take_back(SIGPIPE, &before);
	if (err == EFBIG)
		take_back(SIGXFSZ, &before);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
}
