// SPDX-License-Identifier: GPL-2.0
/*
 * gochan each: a worker pool that runs a command for each message.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd.h"

static const char help[] =
"Usage: gochan each NAME [-j N] -- COMMAND [ARGUMENT...]\n"
"       gochan each --fd N [-j N] -- COMMAND [ARGUMENT...]\n"
"Runs COMMAND once for each message, with the message as its standard input,\n"
"until the channel is closed and drained.\n"
"\n"
"  -j N            run up to N commands in parallel (default 1)\n"
"\n"
"Exit status: 0 if COMMAND always exited with 0, else 1 or 2.\n";

static const struct option options[] = { OPTION_FD, OPTION_HELP, OPTION_END };

enum { MAX_WORKERS = 1024 };

struct pool {
	struct target target;
	unsigned int workers;
	char **command;
	char *message;
	size_t size;
};

/* Create a memfd that contains the message, positioned at its start; -1 on error. */
static int message_memfd(const char *message, size_t len)
{
	int fd = memfd_create("message", MFD_CLOEXEC);
	size_t done = 0;
	ssize_t written;

	while (fd >= 0 && done < len) {
		written = write(fd, message + done, len - done);
		if (written < 0) {
			close(fd);
			return -1;
		}
		done += (size_t)written;
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

static enum status check_exit_status(const char *command, int wait_status)
{
	if (WIFSIGNALED(wait_status))
		print_error("%s: killed by signal %d", command, WTERMSIG(wait_status));
	else if (WEXITSTATUS(wait_status) != 0)
		print_error("%s: exited with status %d", command, WEXITSTATUS(wait_status));
	else
		return DONE;
	return FAILED;
}

static enum status spawn(const struct pool *pool, int input)
{
	posix_spawn_file_actions_t actions;
	int err, wait_status;
	pid_t pid;

	err = posix_spawn_file_actions_init(&actions);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	if (!err)
		err = posix_spawnp(&pid, pool->command[0], &actions, NULL, pool->command, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (err)
		return report_errno(pool->command[0], err);
	if (waitpid(pid, &wait_status, 0) < 0)
		return report_errno(pool->command[0], errno);
	return check_exit_status(pool->command[0], wait_status);
}

static enum status run_command(const struct pool *pool, size_t len)
{
	int input = message_memfd(pool->message, len);
	enum status status;

	if (input < 0)
		return report_errno("memfd_create", errno);
	status = spawn(pool, input);
	close(input);
	return status;
}

static enum status worker_main(const struct pool *pool)
{
	enum status status = DONE;
	size_t len;
	int got;

	while ((got = gochan_recv(pool->target.fd, pool->message, pool->size, &len)) > 0) {
		if (run_command(pool, len) != DONE)
			status = FAILED;
	}
	return got < 0 ? report_errno(pool->target.label, errno) : status;
}

static enum status start_worker(const struct pool *pool)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		return report_errno("fork", errno);
	if (pid > 0)
		return DONE;
	/* Without the parent nobody would collect the exit status. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(FAILED);
	_exit(worker_main(pool));
}

static enum status wait_for_workers(void)
{
	enum status status = DONE;
	int wait_status;

	while (wait(&wait_status) > 0) {
		if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != DONE)
			status = FAILED;
	}
	return status;
}

static enum status run_pool(struct pool *pool)
{
	struct gochan_info info;
	enum status status, started = DONE;

	status = target_open(&pool->target, O_RDONLY);
	if (status == DONE)
		status = target_info(&pool->target, &info);
	if (status != DONE)
		return status;
	pool->size = info.msg_size;
	pool->message = malloc(pool->size + 1);
	if (!pool->message)
		return report_errno(pool->target.label, ENOMEM);
	for (unsigned int i = 0; i < pool->workers && started == DONE; i++)
		started = start_worker(pool);
	status = wait_for_workers();
	free(pool->message);
	return started == DONE ? status : started;
}

static enum status run(int argc, char **argv)
{
	struct pool pool = { .target = NO_TARGET, .workers = 1 };
	const struct command *self = &each_command;
	int opt;

	while ((opt = getopt_long(argc, argv, "j:", options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			if (!opt_number(self, "-j", &pool.workers))
				return USAGE;
			if (pool.workers < 1 || pool.workers > MAX_WORKERS)
				return usage_error(self, "-j %s: not in the range 1 to %d", optarg,
						   MAX_WORKERS);
			break;
		case OPT_FD:
			if (!opt_fd(self, &pool.target))
				return USAGE;
			break;
		default:
			return help_or_usage(self, opt);
		}
	}
	if (!target_parse(&pool.target, argc, argv))
		return usage_error(self, "each takes a name, or --fd N");
	if (optind == argc)
		return usage_error(self, "each takes a command, after --");
	pool.command = argv + optind;
	return run_pool(&pool);
}

const struct command each_command = {
	.name = "each",
	.summary = "run a command for each message, optionally in parallel",
	.help = help,
	.run = run,
};
