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
"Closes a channel for good: sends fail from now on, receivers take what is inside\n"
"and then see the end. A channel with a name is closed by its owner or root.\n"
"\n"
"Exit status: 0 closed, 3 it was closed before, else 1 or 2.\n";

static const struct option options[] = { OPTION_FD, OPTION_HELP, OPTION_END };

static enum status close_failed(const struct target *target, int err)
{
	switch (err) {
	case EALREADY:
		complain("%s: closed before", target->label);
		return CLOSED;
	case EPERM:
		complain("%s: only its owner and root may close it", target->label);
		return FAILED;
	default:
		return report(target->label, err);
	}
}

static enum status run(int argc, char **argv)
{
	const struct command *self = &close_command;
	struct target target = NO_TARGET;
	enum status status;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != OPT_FD)
			return help_or_usage(self, opt);
		if (!take_fd(self, &target))
			return USAGE;
	}
	if (!target_from(&target, argc, argv) || optind != argc)
		return bad_usage(self, "close takes one name, or --fd N");
	status = target_open(&target, O_WRONLY);
	if (status != DONE)
		return status;
	if (gochan_close(target.fd) < 0)
		return close_failed(&target, errno);
	return DONE;
}

const struct command close_command = {
	.name = "close",
	.summary = "close a channel: no more messages will be sent",
	.help = help,
	.run = run,
};
