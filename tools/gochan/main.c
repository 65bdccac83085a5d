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
#include "suggest.h"

static const struct command *const commands[] = {
	&make_command, &rm_command, &ls_command, &info_command, &close_command,
	&send_command, &recv_command, &select_command, &each_command,
	&ps_command, &top_command, &trace_command, &deadlock_command, &dead_command,
	&bridge_command,
};

static void print_commands(FILE *file)
{
	fprintf(file, "Usage: gochan COMMAND [OPTION...]\n"
		"Go channels between processes: whole messages, any number of senders and\n"
		"receivers.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(file, "  %-18s  %s\n", commands[i]->name, commands[i]->summary);
	fprintf(file, "  %-18s  %s\n\n", "help [COMMAND]", "describe a command, or show this help");
}

static void print_help(void)
{
	print_commands(stdout);
	printf("  -h, --help          show this help\n"
	       "  -V, --version       print the version\n"
	       "\n"
	       "'gochan COMMAND --help' describes a command. The channel NAME is the file\n"
	       "/dev/gochans/NAME; with a slash in it, NAME is a path. Use --fd N in place of\n"
	       "NAME for an inherited descriptor, and -- before messages that start with -.\n"
	       "Whether an inherited descriptor is O_NONBLOCK makes no difference: commands\n"
	       "wait unless given a --timeout.\n"
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

static enum status unknown_command(const char *name)
{
	if (name[0] == '-')
		return usage_error(NULL, "unrecognized option '%s'", name);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (is_similar(name, commands[i]->name))
			return usage_error(NULL, "%s: no such command; did you mean '%s'?", name,
					   commands[i]->name);
	}
	return usage_error(NULL, "%s: no such command", name);
}

/* gochan help [COMMAND] */
static enum status run_help(int argc, char **argv)
{
	const struct command *command;

	if (argc > 2)
		return usage_error(NULL, "help takes at most one command");
	if (argc < 2) {
		print_help();
		return DONE;
	}
	command = find_command(argv[1]);
	if (!command)
		return unknown_command(argv[1]);
	fputs(command->help, stdout);
	return DONE;
}

static bool is_option(const char *word, const char *short_option, const char *long_option)
{
	return strcmp(word, short_option) == 0 || strcmp(word, long_option) == 0;
}

static enum status run(int argc, char **argv)
{
	const struct command *command;
	char title[32];

	if (argc < 2) {
		print_commands(stderr);
		return usage_error(NULL, "no command given");
	}
	if (strcmp(argv[1], "help") == 0)
		return run_help(argc - 1, argv + 1);
	if (is_option(argv[1], "-h", "--help")) {
		print_help();
		return DONE;
	}
	if (is_option(argv[1], "-V", "--version")) {
		printf("gochan %s, interface %d\n", VERSION, GOCHAN_ABI);
		return DONE;
	}
	command = find_command(argv[1]);
	if (!command)
		return unknown_command(argv[1]);
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
