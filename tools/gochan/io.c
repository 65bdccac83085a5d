// SPDX-License-Identifier: GPL-2.0
/*
 * Standard input, output and error. Whoever started this program may have left
 * their descriptors O_NONBLOCK, which is a property of the open file that others
 * use as well: so do not change it, but wait where a read or write would block.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <unistd.h>

#include "clock.h"
#include "cmd.h"

/* After EAGAIN: wait. Returns false, with errno, if the call cannot be repeated. */
static bool wait_until_ready(int fd, short events)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };

	if (errno == EINTR)
		return true;
	if (errno != EAGAIN)
		return false;
	return poll(&poll_fd, 1, -1) >= 0 || errno == EINTR;
}

bool write_all(int fd, const char *data, size_t len)
{
	ssize_t written;

	while (len > 0) {
		written = write(fd, data, len);
		if (written >= 0) {
			data += written;
			len -= (size_t)written;
		} else if (!wait_until_ready(fd, POLLOUT)) {
			return false;
		}
	}
	return true;
}

bool wait_readable(int fd, long long ns)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	const long long end = clock_now() + ns;
	struct timespec timeout;
	int ready;

	do {
		ns = end - clock_now();
		if (ns < 0)
			ns = 0;
		timeout.tv_sec = ns / 1000000000;
		timeout.tv_nsec = ns % 1000000000;
		ready = ppoll(&poll_fd, 1, &timeout, NULL);
	} while (ready < 0 && errno == EINTR);
	return ready > 0;
}

static int cookie_fd(void *cookie)
{
	return (int)(intptr_t)cookie;
}

static ssize_t stream_read(void *cookie, char *buf, size_t size)
{
	ssize_t got;

	do
		got = read(cookie_fd(cookie), buf, size);
	while (got < 0 && wait_until_ready(cookie_fd(cookie), POLLIN));
	return got;
}

/* fopencookie(3) wants 0 for an error. */
static ssize_t stream_write(void *cookie, const char *data, size_t len)
{
	return write_all(cookie_fd(cookie), data, len) ? (ssize_t)len : 0;
}

static int stream_close(void *cookie)
{
	return close(cookie_fd(cookie));
}

static FILE *open_stream(int fd, const char *mode, int buffering, FILE *old)
{
	const cookie_io_functions_t functions = {
		.read = stream_read,
		.write = stream_write,
		.close = stream_close,
	};
	FILE *stream = fopencookie((void *)(intptr_t)fd, mode, functions);

	if (!stream)
		return old;
	setvbuf(stream, NULL, buffering, BUFSIZ);
	return stream;
}

void io_start(void)
{
	stdin = open_stream(STDIN_FILENO, "r", _IOFBF, stdin);
	stdout = open_stream(STDOUT_FILENO, "w", isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, stdout);
	stderr = open_stream(STDERR_FILENO, "w", _IONBF, stderr);
}
