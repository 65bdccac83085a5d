// SPDX-License-Identifier: GPL-2.0
/*
 * Options common to several subcommands, and parsing of their arguments.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "cmd.h"

enum status help_or_usage(const struct command *command, int opt)
{
	if (opt == OPT_HELP) {
		fputs(command->help, stdout);
		return DONE;
	}
	fprintf(stderr, "See 'gochan %s --help'.\n", command->name);
	return USAGE;
}

static bool parse_number(const char *text, int base, unsigned int max, unsigned int *value)
{
	unsigned long long number;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	number = strtoull(text, &end, base);
	if (errno || *end || number > max)
		return false;
	*value = (unsigned int)number;
	return true;
}

bool opt_number(const struct command *command, const char *option, unsigned int *value)
{
	if (parse_number(optarg, 10, UINT_MAX, value))
		return true;
	usage_error(command, "%s %s: not a number from 0 to %u", option, optarg, UINT_MAX);
	return false;
}

bool opt_mode(const struct command *command, unsigned int *mode)
{
	if (parse_number(optarg, 8, 0777, mode))
		return true;
	usage_error(command, "--mode %s: not an octal number from 0 to 0777", optarg);
	return false;
}

bool opt_seconds(const struct command *command, const char *option, long long *ns)
{
	double seconds;
	char *end;

	seconds = strtod(optarg, &end);
	/* 3e9 seconds, about a century, are far from overflowing *ns. */
	if (end == optarg || *end || !(seconds >= 0 && seconds <= 3e9)) {
		usage_error(command, "%s %s: not a number of seconds", option, optarg);
		return false;
	}
	*ns = (long long)(seconds * 1e9);
	/* Do not round down to 0, which means non-blocking. */
	if (seconds > 0 && *ns == 0)
		*ns = 1;
	return true;
}

bool opt_fd(const struct command *command, struct target *target)
{
	unsigned int fd;

	if (!parse_number(optarg, 10, INT_MAX, &fd)) {
		usage_error(command, "--fd %s: not a descriptor", optarg);
		return false;
	}
	target->inherited_fd = (int)fd;
	snprintf(target->fd_label, sizeof(target->fd_label), "descriptor %u", fd);
	target->label = target->fd_label;
	return true;
}
