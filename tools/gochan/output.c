// SPDX-License-Identifier: GPL-2.0
/*
 * Messages on standard output. A message that was received and cannot be
 * written is lost, so what can be known before is looked at before.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

enum status output_start(struct output *out)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);
	struct stat st;

	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || fstat(STDOUT_FILENO, &st) < 0) {
		complain("standard output: not open for writing");
		return FAILED;
	}
	out->watched = S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode);
	return DONE;
}

/* Without events asked for, poll tells of errors alone: of a broken pipe. */
struct gochan_op output_gone(const struct output *out)
{
	return GOCHAN_POLL(out->watched ? STDOUT_FILENO : -1, 0);
}

/* As if it had been written to: who ignores SIGPIPE is told in words. */
enum status output_reader_left(void)
{
	raise(SIGPIPE);
	return report("standard output", EPIPE);
}

static bool wait_until_writable(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return poll(&out, 1, -1) >= 0 || errno == EINTR;
}

static bool write_all(const char *data, size_t len)
{
	ssize_t written;

	while (len > 0) {
		written = write(STDOUT_FILENO, data, len);
		if (written >= 0) {
			data += written;
			len -= (size_t)written;
		} else if (errno == EAGAIN) {
			if (!wait_until_writable())
				return false;
		} else if (errno != EINTR) {
			return false;
		}
	}
	return true;
}

enum status output_message(const struct output *out, char *message, size_t len)
{
	if (out->end >= 0)
		message[len++] = (char)out->end;
	if (write_all(message, len))
		return DONE;
	complain("standard output: %s; the message just received is lost", strerror(errno));
	return FAILED;
}
