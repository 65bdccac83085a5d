// SPDX-License-Identifier: GPL-2.0
/*
 * Error messages, in the form "gochan: SUBJECT: PROBLEM; REMEDY".
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "cmd.h"
#include "screen.h"

static void print_line(const char *format, va_list args)
{
	char text[1024];

	progress_end();
	screen_end();
	vsnprintf(text, sizeof(text), format, args);
	/* One write, so that messages of several processes are not interleaved. */
	fprintf(stderr, "gochan: %s\n", text);
}

void print_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line(format, args);
	va_end(args);
}

enum status usage_error(const struct command *command, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line(format, args);
	va_end(args);
	fprintf(stderr, "See 'gochan %s%s--help'.\n", command ? command->name : "",
		command ? " " : "");
	return USAGE;
}

enum status report_errno(const char *label, int err)
{
	switch (err) {
	case EAGAIN:
		print_error("%s: it would block", label);
		return TIMED_OUT;
	case ETIMEDOUT:
		print_error("%s: timed out", label);
		return TIMED_OUT;
	case ENOTTY:
		print_error("%s: not a channel; see 'gochan ls'", label);
		return FAILED;
	default:
		print_error("%s: %s", label, strerror(err));
		return FAILED;
	}
}
