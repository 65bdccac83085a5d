// SPDX-License-Identifier: GPL-2.0
/*
 * gochan close: Go's close(ch).
 */
#include <errno.h>
#include <fcntl.h>

#include "cmd.h"

static const char help[] =
"Usage: gochan close NAME\n"
"       gochan close --fd N\n"
"Closes a channel permanently: sends fail from now on, and receivers see end of\n"
"file once it is drained. Only its owner and root may close a named channel.\n"
"\n"
"      --fd N          the channel of an inherited descriptor\n"
"  -h, --help          show this help\n"
"\n"
"Exit status: 0 success, 3 the channel was already closed, else 1 or 2.\n";

static const struct option options[] = { OPTION_FD, OPTION_HELP, OPTION_END };

static enum status close_failed(const struct target *target, int err)
{
	switch (err) {
	case EALREADY:
		print_error("%s: already closed", target->label);
		return CLOSED;
	case EPERM:
		print_error("%s: only its owner or root may close it", target->label);
		return FAILED;
	default:
		return report_errno(target->label, err);
	}
}

static enum status run(int argc, char **argv)
{
	const struct command *self = &close_command;
	struct target target = NO_TARGET;
	struct gochan_info info;
	enum status status;
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt != OPT_FD)
			return help_or_usage(self, opt);
		if (!opt_fd(self, &target))
			return USAGE;
	}
	if (!target_parse(&target, argc, argv) || optind != argc)
		return usage_error(self, "close takes one name, or --fd N");
	status = target_open(&target, O_WRONLY);
	if (status == DONE)
		status = target_info(&target, &info);
	if (status != DONE)
		return status;
	if (gochan_close(target.fd) < 0)
		return close_failed(&target, errno);
	return DONE;
}

const struct command close_command = {
	.name = "close",
	.summary = "close a channel: no more messages can be sent",
	.help = help,
	.run = run,
};
