// SPDX-License-Identifier: GPL-2.0
/*
 * gochan each: a worker pool that runs a command for each message.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner.h"

static const char help[] =
"Usage: gochan each NAME [-j N] -- COMMAND [ARGUMENT...]\n"
"       gochan each --fd N [-j N] -- COMMAND [ARGUMENT...]\n"
"Runs COMMAND once for each message, with the message as its standard input,\n"
"until the channel is closed and drained.\n"
"\n"
"  -j N            run up to N commands in parallel (default 1)\n"
"\n"
"A COMMAND that cannot be run costs no message: each fails before it receives one.\n"
"If it cannot be run any more when there is a message, each keeps the message and\n"
"tries again every second.\n"
"\n"
"Exit status: 0 if COMMAND always exited with 0, else 1 or 2.\n";

static const struct option options[] = { OPTION_FD, OPTION_HELP, OPTION_END };

enum { MAX_WORKERS = 1024, RETRY_SECONDS = 1 };

struct pool {
	struct target target;
	unsigned int workers;
	char **command;
	struct runner runner;
	char *message;
	size_t size;		/* the longest message that is received */
};

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

/* Prepare a run, again and again until that succeeds. */
static void prepare_again(struct runner *runner)
{
	do
		sleep(RETRY_SECONDS);
	while (runner_prepare(runner));
}

/*
 * Run the command, which is prepared. It could be run when the message was received:
 * if this has changed, keep the message, and try until the command can be run again.
 */
static enum status run_command(struct pool *pool, size_t len)
{
	struct runner *runner = &pool->runner;
	bool reported = false;
	int err;

	while ((err = runner_start(runner, pool->message, len))) {
		runner_cancel(runner);
		if (!reported)
			runner_failed(runner, err, "; trying again until it can be run");
		reported = true;
		prepare_again(runner);
	}
	return check_exit_status(runner->argv[0], runner_wait(runner));
}

/* Returns as gochan_recv(), and waits also if the descriptor is O_NONBLOCK. */
static int receive(struct pool *pool, size_t *len)
{
	struct gochan_op op = GOCHAN_RECV(pool->target.fd, pool->message, pool->size);

	if (gochan_select(&op, 1, -1, 0) < 0) {
		*len = op.len;
		return -1;
	}
	*len = op.len;
	return op.result != GOCHAN_R_CLOSED;
}

static enum status receive_failed(const struct pool *pool, size_t len, int err)
{
	if (err != EMSGSIZE)
		return report_op_error(pool->target.label, 1, err);
	print_error("%s: a message of %zu bytes exceeds your limit of file sizes (ulimit -f)",
		    pool->target.label, len);
	return FAILED;
}

static enum status worker_main(struct pool *pool)
{
	enum status status = DONE;
	int got, err;
	size_t len;

	for (;;) {
		err = runner_prepare(&pool->runner);
		if (err)
			return runner_failed(&pool->runner, err, "");
		got = receive(pool, &len);
		err = errno;
		if (got <= 0)
			break;
		if (run_command(pool, len) != DONE)
			status = FAILED;
	}
	runner_cancel(&pool->runner);
	return got < 0 ? receive_failed(pool, len, err) : status;
}

static enum status start_worker(struct pool *pool)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		return runner_failed(&pool->runner, -errno, "");
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

/* A longer message than a file may be stays in the channel. */
static size_t message_limit(const struct gochan_info *info)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur >= info->msg_size)
		return info->msg_size;
	return limit.rlim_cur;
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
	status = runner_init(&pool->runner, pool->command);
	if (status != DONE)
		return status;
	pool->size = message_limit(&info);
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
