// SPDX-License-Identifier: GPL-2.0
/*
 * gochan each: a worker pool that runs a command for each message.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gather.h"

static const char help[] =
"Usage: gochan each NAME [OPTION...] -- COMMAND [ARGUMENT...]\n"
"       gochan each --fd N [OPTION...] -- COMMAND [ARGUMENT...]\n"
"Runs COMMAND once for each message, with the message as its standard input,\n"
"until the channel is closed and drained.\n"
"\n"
"  -j N                run up to N commands in parallel (default 1)\n"
"  -k                  stop at the first failure; commands that run then may\n"
"                      finish\n"
"      --timeout S     a run of more than S seconds fails, and is killed with its\n"
"                      children, by SIGTERM and 5 seconds later by SIGKILL\n"
"      --group         print the output of a run in one piece, when it has ended\n"
"      --backoff S     wait S seconds before a message is requeued (default 1)\n"
"      --fd N          the channel of an inherited descriptor\n"
"  -h, --help          show this help\n"
"\n"
"On a channel made with --ack, a message is acknowledged when COMMAND exits with\n"
"0. If it fails, its worker waits for the --backoff and requeues the message,\n"
"ahead of later ones. If each or a worker dies, COMMAND is killed and the message\n"
"is requeued at once. In COMMAND's environment, GOCHAN_SEQ is the number of the\n"
"message, the same at every delivery, and GOCHAN_DELIVERIES says how often it was\n"
"delivered, this time included.\n"
"\n"
"A COMMAND that cannot be run costs no message: each fails before it receives\n"
"one. If it cannot be run any more when there is a message, each keeps the\n"
"message and tries again every second.\n"
"\n"
"Exit status: 0 if COMMAND always exited with 0, else 1 or 2.\n";

enum { OPT_GROUP = OPT_OTHER, OPT_BACKOFF };

static const struct option options[] = {
	{ "group", no_argument, NULL, OPT_GROUP },
	{ "backoff", required_argument, NULL, OPT_BACKOFF },
	OPTION_TIMEOUT,
	OPTION_FD,
	OPTION_HELP,
	OPTION_END,
};

enum { MAX_WORKERS = 1024, RETRY_SECONDS = 1 };

#define BACKOFF_NS	1000000000LL

struct pool {
	struct target target;
	unsigned int workers;
	char **command;
	struct runner runner;
	bool stops;		/* at the first failure */
	int stop;		/* is readable once the pool stops; -1 if it never does */
	int output_lock;	/* if the output of runs is gathered */
	bool has_backoff;
	long long backoff_ns;
	uint32_t max_deliveries;
	char *message;
	size_t size;		/* the longest message that is received */
};

/* ---- a run ---- */

/* Prepare a run, again and again until that succeeds. */
static void prepare_again(struct runner *runner)
{
	do
		sleep(RETRY_SECONDS);
	while (runner_prepare(runner));
}

/*
 * Start the command, which is prepared. It could be run when the message was received:
 * if this has changed, keep the message, and try until the command can be run again.
 */
static void start_command(struct pool *pool, const struct gochan_op *op)
{
	const struct run_lease lease = { .seq = op->seq, .deliveries = op->deliveries };
	struct runner *runner = &pool->runner;
	bool reported = false;
	int err;

	while ((err = runner_start(runner, pool->message, op->len, &lease))) {
		runner_cancel(runner);
		if (!reported)
			runner_failed(runner, err, "; trying again until it can be run");
		reported = true;
		prepare_again(runner);
	}
}

enum { TEXT_SIZE = 128 };

/* How a run has ended. */
struct outcome {
	bool in_time;
	int wait_status;
	int print_err;		/* of its output, -errno */
};

/* False if it has not failed. */
static bool describe_failure(const struct runner *runner, const struct outcome *outcome,
			     char text[TEXT_SIZE])
{
	const int wait_status = outcome->wait_status;

	if (!outcome->in_time)
		snprintf(text, TEXT_SIZE, "killed, as it took more than %g s",
			 (double)runner->timeout_ns / 1e9);
	else if (WIFSIGNALED(wait_status))
		snprintf(text, TEXT_SIZE, "killed by signal %d", WTERMSIG(wait_status));
	else if (WEXITSTATUS(wait_status) != 0)
		snprintf(text, TEXT_SIZE, "exited with status %d", WEXITSTATUS(wait_status));
	else if (outcome->print_err)
		snprintf(text, TEXT_SIZE, "its output could not be printed: %s",
			 strerror(-outcome->print_err));
	else
		return false;
	return true;
}

static bool is_last_delivery(const struct pool *pool, const struct gochan_op *op)
{
	return pool->max_deliveries && op->deliveries >= pool->max_deliveries;
}

/* What becomes of the message of a run that has failed. */
static const char *describe_return(const struct pool *pool, const struct gochan_op *op,
				   char text[TEXT_SIZE])
{
	int len;

	if (!op->lease)
		return "";
	len = snprintf(text, TEXT_SIZE, "; message %llu is %s after delivery %u",
		       (unsigned long long)op->seq,
		       is_last_delivery(pool, op) ? "given up" : "requeued", op->deliveries);
	if (pool->max_deliveries)
		snprintf(text + len, TEXT_SIZE - (size_t)len, " of %u", pool->max_deliveries);
	return text;
}

static enum status run_command(struct pool *pool, const struct gochan_op *op)
{
	char failure[TEXT_SIZE], consequence[TEXT_SIZE];
	struct runner *runner = &pool->runner;
	struct outcome outcome = { 0 };

	start_command(pool, op);
	outcome.in_time = runner_wait(runner, &outcome.wait_status);
	if (runner->gathers)
		outcome.print_err = gather_print(runner, pool->output_lock);
	runner_release(runner);
	if (!describe_failure(runner, &outcome, failure))
		return DONE;
	print_error("%s: %s%s", runner->argv[0], failure, describe_return(pool, op, consequence));
	return FAILED;
}

/* ---- a worker ---- */

/* Run the command, and then acknowledge the message or requeue it. */
static enum status process_message(struct pool *pool, const struct gochan_op *op)
{
	if (run_command(pool, op) == DONE)
		return lease_ack(&pool->target, op);
	if (pool->stops)
		eventfd_write(pool->stop, 1);
	if (op->lease)
		wait_readable(pool->stop, pool->backoff_ns);
	lease_requeue(&pool->target, op);
	return FAILED;
}

/*
 * Has the pool stopped while a message was received, perhaps the one that has failed? Then
 * requeue it, unless that would give it up.
 */
static bool received_too_late(const struct pool *pool, const struct gochan_op *op)
{
	if (!pool->stops || !op->lease || is_last_delivery(pool, op) ||
	    !wait_readable(pool->stop, 0))
		return false;
	lease_requeue(&pool->target, op);
	return true;
}

/*
 * Returns 1, or 0 if there is nothing more to receive, or -1 with errno. Waits also if the
 * descriptor is O_NONBLOCK.
 */
static int receive(struct pool *pool, struct gochan_op *op)
{
	struct gochan_op ops[] = {
		GOCHAN_POLL(pool->stop, POLLIN),
		GOCHAN_RECV(pool->target.fd, pool->message, pool->size),
	};
	int ready = gochan_select(ops, ARRAY_SIZE(ops), -1, GOCHAN_ORDERED);

	*op = ops[1];
	if (ready < 0)
		return -1;
	if (ready == 0 || op->result == GOCHAN_R_CLOSED)
		return 0;
	return !received_too_late(pool, op);
}

static enum status receive_failed(const struct pool *pool, size_t len, int err)
{
	if (err != EMSGSIZE)
		return report_op_error(pool->target.label, 2, err);
	print_error("%s: a message of %zu bytes exceeds your limit of file sizes (ulimit -f)",
		    pool->target.label, len);
	return FAILED;
}

static enum status worker_main(struct pool *pool)
{
	enum status status = DONE;
	struct gochan_op op;
	int got, err;

	for (;;) {
		err = runner_prepare(&pool->runner);
		if (err)
			return runner_failed(&pool->runner, err, "");
		got = receive(pool, &op);
		err = errno;
		if (got <= 0)
			break;
		if (process_message(pool, &op) != DONE)
			status = FAILED;
	}
	runner_cancel(&pool->runner);
	return got < 0 ? receive_failed(pool, op.len, err) : status;
}

/* ---- the pool ---- */

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
		if (WIFSIGNALED(wait_status))
			print_error("a worker was killed by signal %d", WTERMSIG(wait_status));
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

static enum status open_channel(struct pool *pool)
{
	struct gochan_info info;
	enum status status;

	status = target_open(&pool->target, O_RDONLY);
	if (status == DONE)
		status = target_info(&pool->target, &info);
	if (status == DONE && pool->has_backoff)
		status = check_acknowledged(&pool->target, &info);
	if (status != DONE)
		return status;
	pool->max_deliveries = info.max_deliveries;
	pool->runner.leases = info.flags & GOCHAN_ACK;
	pool->size = message_limit(&info);
	return DONE;
}

/* What the workers share. */
static enum status make_shared(struct pool *pool)
{
	if (pool->stops)
		pool->stop = eventfd(0, EFD_CLOEXEC);
	if (pool->stops && pool->stop < 0)
		return report_errno("eventfd", errno);
	if (pool->runner.gathers)
		pool->output_lock = gather_lock_make();
	if (pool->runner.gathers && pool->output_lock < 0)
		return report_errno("memfd", errno);
	return DONE;
}

static enum status run_pool(struct pool *pool)
{
	enum status status, started = DONE;

	status = open_channel(pool);
	if (status == DONE)
		status = make_shared(pool);
	if (status == DONE)
		status = runner_init(&pool->runner, pool->command);
	if (status != DONE)
		return status;
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
	struct pool pool = {
		.target = NO_TARGET,
		.workers = 1,
		.runner.timeout_ns = -1,
		.stop = -1,
		.backoff_ns = BACKOFF_NS,
	};
	const struct command *self = &each_command;
	int opt;

	while ((opt = getopt_long(argc, argv, "j:kh", options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			if (!opt_number(self, "-j", &pool.workers))
				return USAGE;
			if (pool.workers < 1 || pool.workers > MAX_WORKERS)
				return usage_error(self, "-j %s: not in the range 1 to %d", optarg,
						   MAX_WORKERS);
			break;
		case 'k':
			pool.stops = true;
			break;
		case OPT_GROUP:
			pool.runner.gathers = true;
			break;
		case OPT_BACKOFF:
			if (!opt_seconds(self, "--backoff", &pool.backoff_ns))
				return USAGE;
			pool.has_backoff = true;
			break;
		case OPT_TIMEOUT:
			if (!opt_seconds(self, "--timeout", &pool.runner.timeout_ns))
				return USAGE;
			if (pool.runner.timeout_ns == 0)
				return usage_error(self, "--timeout %s: not more than 0", optarg);
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
