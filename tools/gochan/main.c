// SPDX-License-Identifier: GPL-2.0
/*
 * gochan - channels between processes, from a shell. Here is the table of
 * subcommands and the way into them; each family has its own file.
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
};

static void print_help(void)
{
	printf("Usage: gochan COMMAND [OPTION...]\n"
	       "Channels between processes: whole messages, many senders, many receivers.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-8s%s\n", commands[i]->name, commands[i]->summary);
	printf("\n"
	       "'gochan COMMAND --help' tells more; 'gochan --version' the version.\n"
	       "A channel jobs is the device file /dev/gochans/jobs, or /dev/gochans/UID/jobs\n"
	       "where a user without privilege made it. In place of NAME, --fd N takes an\n"
	       "inherited descriptor. A message that begins with - goes after --.\n"
	       "\n"
	       "Exit status: 0 done, 1 error, 2 wrong usage, 3 the channel is closed (or\n"
	       "nobody is left at its other end), 4 it timed out or would block.\n");
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
 * A closed standard descriptor would be taken by the next file opened, and
 * messages go there. /dev/null the wrong way round keeps it useless.
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
	complain("standard output: %s", strerror(errno));
	return status == DONE ? FAILED : status;
}

static enum status run(int argc, char **argv)
{
	const struct command *command;
	char title[32];

	if (argc < 2) {
		complain("what is to be done? See 'gochan --help'");
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
		complain("%s: no such command; see 'gochan --help'", argv[1]);
		return USAGE;
	}
	/* So getopt(3) complains in the subcommand's name. */
	snprintf(title, sizeof(title), "gochan %s", command->name);
	argv[1] = title;
	return command->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	reserve_standard_descriptors();
	return flush_output(run(argc, argv));
}
