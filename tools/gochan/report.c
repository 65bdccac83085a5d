// SPDX-License-Identifier: GPL-2.0
/*
 * What the user is told when something is wrong: the thing first, then what is
 * wrong with it, then what to do about it.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

static void print_line(const char *format, va_list args)
{
	char text[1024];

	progress_end();
	vsnprintf(text, sizeof(text), format, args);
	/* One write, so that lines of several processes do not mix. */
	fprintf(stderr, "gochan: %s\n", text);
}

void complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line(format, args);
	va_end(args);
}

enum status bad_usage(const struct command *command, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line(format, args);
	va_end(args);
	fprintf(stderr, "See 'gochan %s --help'.\n", command->name);
	return USAGE;
}

bool module_is_loaded(void)
{
	return access("/dev/gochan", F_OK) == 0;
}

enum status report_no_module(void)
{
	complain("the module is not loaded: sudo modprobe gochan");
	return FAILED;
}

enum status report(const char *label, int err)
{
	switch (err) {
	case EAGAIN:
		complain("%s: it would block", label);
		return TIMED_OUT;
	case ETIMEDOUT:
		complain("%s: timed out", label);
		return TIMED_OUT;
	case EDQUOT:
		complain("%s: over your limit of channels, names or bytes; see max_user_* in %s",
			 label, PARAMETERS);
		return FAILED;
	case ENOTTY:
		complain("%s: not a channel; see 'gochan ls'", label);
		return FAILED;
	default:
		complain("%s: %s", label, strerror(err));
		return FAILED;
	}
}
