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
 * Part of a line may have been written, to a socket or a full disk. Without the rest
 * of it, should the descriptor be O_NONBLOCK.
 */
static int write_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(fd, text, len);
		if (n < 0 && errno != EINTR)
			return errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* EPIPE comes with SIGPIPE, and EFBIG with SIGXFSZ: take the signal back. */
void gochan_line_write(int fd, struct line *line)
{
	const struct timespec now = { 0 };
	sigset_t signals, before, mask;
	int err;

	line->text[line->len++] = '\n';
	sigemptyset(&signals);
	sigaddset(&signals, SIGPIPE);
	sigaddset(&signals, SIGXFSZ);
	pthread_sigmask(SIG_BLOCK, &signals, &mask);
	sigpending(&before);
	err = write_all(fd, line->text, line->len);
	if ((err == EPIPE && !sigismember(&before, SIGPIPE)) ||
	    (err == EFBIG && !sigismember(&before, SIGXFSZ)))
		sigtimedwait(&signals, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
}
