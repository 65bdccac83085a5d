// SPDX-License-Identifier: GPL-2.0
/*
 * gochan - use Go channels from a shell. This file has main() and the table of
 * subcommands; each subcommand is in a file of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

static const struct command *const commands[] = {
	&make_command, &rm_command, &ls_command, &info_command, &close_command,
	&send_command, &recv_command, &select_command, &each_command,
	&ps_command, &top_command, &trace_command, &deadlock_command, &dead_command,
};

static void print_help(void)
{
	printf("Usage: gochan COMMAND [OPTION...]\n"
	       "Go channels between processes: whole messages, any number of senders and\n"
	       "receivers.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-10s%s\n", commands[i]->name, commands[i]->summary);
	printf("\n"
	       "'gochan COMMAND --help' describes a command, 'gochan --version' prints the\n"
	       "version. The channel NAME is the file /dev/gochans/NAME; with a slash in it,\n"
	       "NAME is a path. Use --fd N in place of NAME for an inherited descriptor, and\n"
	       "-- before messages that start with -. Whether an inherited descriptor is\n"
	       "O_NONBLOCK makes no difference: commands wait unless given a --timeout.\n"
	       "\n"
	       "Exit status: 0 success, 1 error, 2 wrong usage, 3 the channel is closed (or\n"
	       "no handle is left at its other end), 4 timed out or would block. Those of\n"
	       "deadlock are others.\n");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return NULL;
}

/*
 * If a standard descriptor is closed, the next open would reuse its number, and
 * messages would be written to that file. Occupy it with /dev/null, opened so
 * that its intended use still fails with EBADF.
 */
static void reserve_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
	}
}

static enum status flush_output(enum status status)
{
	if (fclose(stdout) == 0)
		return status;
	print_error("standard output: %s", strerror(errno));
	return status == DONE ? FAILED : status;
}

static enum status run(int argc, char **argv)
{
	const struct command *command;
	char title[32];

	if (argc < 2) {
		print_error("no command given; see 'gochan --help'");
		return USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		print_help();
		return DONE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("gochan %s, interface %d\n", VERSION, GOCHAN_ABI);
		return DONE;
	}
	command = find_command(argv[1]);
	if (!command) {
		print_error("%s: no such command; see 'gochan --help'", argv[1]);
		return USAGE;
	}
	/* getopt(3) starts its error messages with argv[0]. */
	snprintf(title, sizeof(title), "gochan %s", command->name);
	argv[1] = title;
	return command->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	reserve_standard_descriptors();
	io_start();
	return flush_output(run(argc, argv));
}
