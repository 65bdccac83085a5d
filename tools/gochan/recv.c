// SPDX-License-Identifier: GPL-2.0
/*
 * gochan recv: messages to standard output.
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
"  -n N            stop after N messages\n"
"  --timeout S     wait at most S seconds for each; 0: take only what is there\n"
"  -0, --null      a NUL after each message, not a newline\n"
"  --raw           nothing after each message\n"
"\n"
"A loop over all messages: while msg=$(gochan recv jobs -n 1); do ...; done\n"
"\n"
"Exit status: 0 done, 3 the end came before the Nth message, 4 no message in time,\n"
"else 1 or 2. With 3 and 4, which a script expects, nothing is printed.\n";

enum { OPT_RAW = OPT_OTHER };

static const struct option options[] = {
	{ "raw", no_argument, NULL, OPT_RAW },
	OPTION_NULL,
	OPTION_TIMEOUT,
	OPTION_FD,
	OPTION_HELP,
	OPTION_END,
};

struct receiving {
	struct target target;
	struct output out;
	long long timeout_ns;
	bool limited;
	unsigned int limit, received;
	char *message;
	size_t room;
};

static enum status receive_failed(const struct receiving *r, int err)
{
	if (err == EAGAIN || err == ETIMEDOUT)
		return TIMED_OUT;
	return report(r->target.label, err);
}

static enum status receive_message(struct receiving *r)
{
	/* No message is taken for a reader who has left. */
	struct gochan_op ops[] = {
		output_gone(&r->out),
		GOCHAN_RECV(r->target.fd, r->message, r->room),
	};
	int happened = gochan_select(ops, 2, r->timeout_ns, GOCHAN_ORDERED);

	if (happened < 0)
		return receive_failed(r, errno);
	if (happened == 0)
		return output_reader_left();
	if (ops[1].result == GOCHAN_R_CLOSED)
		return CLOSED;
	r->received++;
	progress_step();
	return output_message(&r->out, r->message, ops[1].len);
}

static enum status receive_messages(struct receiving *r)
{
	enum status status = DONE;

	while (status == DONE && (!r->limited || r->received < r->limit))
		status = receive_message(r);
	if (status == CLOSED && !r->limited)
		return DONE;
	return status;
}

static enum status receive(struct receiving *r)
{
	struct gochan_info info;
	enum status status;

	status = output_start(&r->out);
	if (status == DONE)
		status = target_open(&r->target, O_RDONLY);
	if (status == DONE)
		status = target_info(&r->target, &info);
	if (status != DONE)
		return status;
	r->room = info.msg_size;
	r->message = malloc(r->room + 1);
	if (!r->message)
		return report(r->target.label, ENOMEM);
	progress_start(STDOUT_FILENO);
	status = receive_messages(r);
	progress_end();
	free(r->message);
	return status;
}

static enum status run(int argc, char **argv)
{
	struct receiving r = { .target = NO_TARGET, .out = { .end = '\n' }, .timeout_ns = -1 };
	const struct command *self = &recv_command;
	int opt;

	while ((opt = getopt_long(argc, argv, "n:0", options, NULL)) != -1) {
		switch (opt) {
		case 'n':
			if (!take_number(self, "-n", &r.limit))
				return USAGE;
			r.limited = true;
			break;
		case '0':
			r.out.end = '\0';
			break;
		case OPT_RAW:
			r.out.end = -1;
			break;
		case OPT_TIMEOUT:
			if (!take_seconds(self, &r.timeout_ns))
				return USAGE;
			break;
		case OPT_FD:
			if (!take_fd(self, &r.target))
				return USAGE;
			break;
		default:
			return help_or_usage(self, opt);
		}
	}
	if (!target_from(&r.target, argc, argv) || optind != argc)
		return bad_usage(self, "recv takes one name, or --fd N");
	return receive(&r);
}

const struct command recv_command = {
	.name = "recv",
	.summary = "receive messages and print them",
	.help = help,
	.run = run,
};
