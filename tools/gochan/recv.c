// SPDX-License-Identifier: GPL-2.0
/*
 * gochan recv: receive messages and print them on standard output.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd.h"

static const char help[] =
"Usage: gochan recv NAME [OPTION...]\n"
"       gochan recv --fd N [OPTION...]\n"
"Prints each message and a newline, until the channel is closed and drained.\n"
"\n"
"  -n N                stop after N messages\n"
"      --timeout S     wait at most S seconds for each message; 0: do not wait\n"
"  -0, --null          print a NUL after each message instead of a newline\n"
"      --raw           print nothing after each message\n"
"      --ack           on a channel made with --ack: acknowledge each message\n"
"                      once it is printed (default)\n"
"      --no-ack        on such a channel: print what is there, at most N\n"
"                      messages, and return it in the end; that counts as a\n"
"                      delivery\n"
"      --fd N          the channel of an inherited descriptor\n"
"  -h, --help          show this help\n"
"\n"
"To loop over all messages: while msg=$(gochan recv jobs -n 1); do ...; done\n"
"\n"
"Exit status: 0 success, 3 closed and drained before N messages arrived, 4 timed\n"
"out, else 1 or 2. There is no error message for 3 and 4.\n";

enum { OPT_RAW = OPT_OTHER, OPT_ACK, OPT_NO_ACK };

static const struct option options[] = {
	{ "raw", no_argument, NULL, OPT_RAW },
	{ "ack", no_argument, NULL, OPT_ACK },
	{ "no-ack", no_argument, NULL, OPT_NO_ACK },
	OPTION_NULL,
	OPTION_TIMEOUT,
	OPTION_FD,
	OPTION_HELP,
	OPTION_END,
};

struct recv_ctx {
	struct target target;
	struct output out;
	long long timeout_ns;
	bool needs_ack;		/* --ack or --no-ack was given */
	bool limited;
	unsigned int limit, received;
	char *message;
	size_t size;
};

static enum status receive_failed(const struct recv_ctx *r, int err)
{
	if (err == EAGAIN || err == ETIMEDOUT)
		return TIMED_OUT;
	return report_op_error(r->target.label, 2, err);
}

/* The end of a channel does not come while this process has leases. */
static bool may_wait(const struct recv_ctx *r)
{
	return !r->out.no_ack || r->received == 0;
}

static enum status receive_message(struct recv_ctx *r)
{
	/* Do not take a message if the reader of standard output is gone. */
	struct gochan_op ops[] = {
		output_hangup_op(&r->out),
		GOCHAN_RECV(r->target.fd, r->message, r->size),
	};
	int ready = gochan_select(ops, 2, may_wait(r) ? r->timeout_ns : 0, GOCHAN_ORDERED);

	if (ready < 0)
		return receive_failed(r, errno);
	if (ready == 0)
		return output_hangup();
	if (ops[1].result == GOCHAN_R_CLOSED)
		return CLOSED;
	r->received++;
	progress_step();
	return output_message(&r->out, &r->target, &ops[1], r->message, ops[1].len);
}

static enum status receive_messages(struct recv_ctx *r)
{
	enum status status = DONE;

	while (status == DONE && (!r->limited || r->received < r->limit))
		status = receive_message(r);
	if (r->limited)
		return status;
	if (status == CLOSED || (status == TIMED_OUT && !may_wait(r)))
		return DONE;
	return status;
}

static enum status receive(struct recv_ctx *r)
{
	struct gochan_info info;
	enum status status;

	status = output_start(&r->out);
	if (status == DONE)
		status = target_open(&r->target, O_RDONLY);
	if (status == DONE)
		status = target_info(&r->target, &info);
	if (status == DONE && r->needs_ack)
		status = check_acknowledged(&r->target, &info);
	if (status != DONE)
		return status;
	r->size = info.msg_size;
	r->message = malloc(r->size + 1);
	if (!r->message)
		return report_errno(r->target.label, ENOMEM);
	progress_start(STDOUT_FILENO);
	status = receive_messages(r);
	progress_end();
	free(r->message);
	return status;
}

static enum status run(int argc, char **argv)
{
	struct recv_ctx r = {
		.target = NO_TARGET,
		.out = { .terminator = '\n' },
		.timeout_ns = -1,
	};
	const struct command *self = &recv_command;
	int opt;

	while ((opt = getopt_long(argc, argv, "n:0h", options, NULL)) != -1) {
		switch (opt) {
		case 'n':
			if (!opt_number(self, "-n", &r.limit))
				return USAGE;
			r.limited = true;
			break;
		case '0':
			r.out.terminator = '\0';
			break;
		case OPT_RAW:
			r.out.terminator = -1;
			break;
		case OPT_ACK:
		case OPT_NO_ACK:
			r.needs_ack = true;
			r.out.no_ack = opt == OPT_NO_ACK;
			break;
		case OPT_TIMEOUT:
			if (!opt_seconds(self, "--timeout", &r.timeout_ns))
				return USAGE;
			break;
		case OPT_FD:
			if (!opt_fd(self, &r.target))
				return USAGE;
			break;
		default:
			return help_or_usage(self, opt);
		}
	}
	if (!target_parse(&r.target, argc, argv) || optind != argc)
		return usage_error(self, "recv takes one name, or --fd N");
	return receive(&r);
}

const struct command recv_command = {
	.name = "recv",
	.summary = "receive messages and print them",
	.help = help,
	.run = run,
};
