// SPDX-License-Identifier: GPL-2.0
/*
 * gochan bridge: a program of its own, so that only its package depends on NATS.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

#define PROGRAM	"gochan-bridge"

static const char help[] =
"Usage: gochan bridge NAME URL MODE [OPTION...]\n"
"Joins a channel with those of other machines, by NATS. This runs gochan-bridge;\n"
"'gochan bridge --help' shows its options, and gochan-bridge(1) describes it.\n";

/* Beside this program, where a build or an installation has it, or else in $PATH. */
static void find_program(char path[NAME_PATH_SIZE])
{
	ssize_t len = readlink("/proc/self/exe", path, NAME_PATH_SIZE - sizeof("-bridge"));

	if (len > 0) {
		snprintf(path + len, NAME_PATH_SIZE - len, "-bridge");
		if (access(path, X_OK) == 0)
			return;
	}
	snprintf(path, NAME_PATH_SIZE, PROGRAM);
}

static enum status run(int argc, char **argv)
{
	static char name[] = PROGRAM;
	char path[NAME_PATH_SIZE];

	(void)argc;
	find_program(path);
	argv[0] = name;
	execvp(path, argv);
	if (errno == ENOENT)
		print_error("%s is not installed; install the package %s", PROGRAM, PROGRAM);
	else
		print_error("%s: %s", path, strerror(errno));
	return FAILED;
}

const struct command bridge_command = {
	.name = "bridge",
	.summary = "join a channel with those of other machines",
	.help = help,
	.run = run,
};
