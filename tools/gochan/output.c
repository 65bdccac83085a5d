// SPDX-License-Identifier: GPL-2.0
/*
 * Writing messages to standard output. A message that was received but cannot be
 * written is lost, unless it is leased, so check as much as possible before receiving.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

enum status output_start(struct output *out)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);
	struct stat st;

	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || fstat(STDOUT_FILENO, &st) < 0) {
		print_error("standard output: not open for writing");
		return FAILED;
	}
	out->is_pipe = S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode);
	return DONE;
}

/* POLLERR and POLLHUP, which report a broken pipe, need not be requested. */
struct gochan_op output_hangup_op(const struct output *out)
{
	return GOCHAN_POLL(out->is_pipe ? STDOUT_FILENO : -1, 0);
}

/* Behave like a write to a broken pipe: SIGPIPE or, if that is ignored, EPIPE. */
enum status output_hangup(void)
{
	raise(SIGPIPE);
	return report_errno("standard output", EPIPE);
}

/* A lease ends with this process. */
static enum status write_failed(const struct gochan_op *op, int err)
{
	print_error("standard output: %s; the message just received is %s", strerror(err),
		    op->lease ? "requeued" : "lost");
	return FAILED;
}

enum status output_message(const struct output *out, const struct target *target,
			   const struct gochan_op *op, char *message, size_t len)
{
	if (out->terminator >= 0)
		message[len++] = (char)out->terminator;
	if (!write_all(STDOUT_FILENO, message, len))
		return write_failed(op, errno);
	return out->no_ack ? DONE : lease_ack(target, op);
}
