// SPDX-License-Identifier: GPL-2.0
/*
 * gochan dead: print or resend the messages in a dead-letter channel.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "cmd.h"

static const char help[] =
"Usage: gochan dead NAME [OPTION...]\n"
"       gochan dead --fd N [OPTION...]\n"
"Prints the messages that are in a dead-letter channel, one that was given to\n"
"'gochan make --dead', and leaves them there; or sends them to another channel,\n"
"such as the one that has given them up, where they begin anew. That channel has\n"
"to be made with --ack --deliveries 0, as each look is a delivery.\n"
"\n"
"  -n N                only the first N messages\n"
"  -0, --null          print a NUL after each message instead of a newline\n"
"      --raw           print nothing after each message\n"
"      --resend TO     send the messages to this channel, and remove each one\n"
"                      that is sent\n"
"      --timeout S     wait at most S seconds until TO takes a message; 0: do not\n"
"                      wait\n"
"      --fd N          the channel of an inherited descriptor\n"
"  -h, --help          show this help\n"
"\n"
"A message that could not be sent stays. If resending is interrupted, the message\n"
"that was just sent may stay as well.\n"
"\n"
"Exit status: 0 success, 3 TO is closed, 4 timed out, else 1 or 2.\n";

enum { OPT_RAW = OPT_OTHER, OPT_RESEND };

static const struct option options[] = {
	{ "raw", no_argument, NULL, OPT_RAW },
	{ "resend", required_argument, NULL, OPT_RESEND },
	OPTION_NULL,
	OPTION_TIMEOUT,
	OPTION_FD,
	OPTION_HELP,
	OPTION_END,
};

struct dead_ctx {
	struct target from, to;		/* @to has a label only with --resend */
	struct output out;
	long long timeout_ns;
	unsigned int limit;
	char *message;
	size_t size;
};

/* ---- what to do with a message ---- */

static enum status send_failed(const struct dead_ctx *d, size_t len, int err)
{
	const char *label = d->to.label;

	switch (err) {
	case EPIPE:
		print_error("%s: closed, or no receivers are left", label);
		return CLOSED;
	case EMSGSIZE:
		print_error("%s: does not take a message of %zu bytes; make it with --size",
			    label, len);
		return FAILED;
	default:
		return report_op_error(label, 1, err);
	}
}

static enum status resend(const struct dead_ctx *d, const struct gochan_op *received)
{
	struct gochan_op op = GOCHAN_SEND(d->to.fd, d->message, received->len);

	if (gochan_select(&op, 1, d->timeout_ns, 0) < 0)
		return send_failed(d, received->len, errno);
	return lease_ack(&d->from, received);
}

static enum status process(const struct dead_ctx *d, const struct gochan_op *op)
{
	if (d->to.label)
		return resend(d, op);
	return output_message(&d->out, &d->from, op, d->message, op->len);
}

/* ---- all messages ---- */

/* What is not acknowledged is requeued when this process exits, in its order. */
static enum status process_messages(const struct dead_ctx *d)
{
	enum status status = DONE;

	for (unsigned int i = 0; i < d->limit && status == DONE; i++) {
		struct gochan_op op = GOCHAN_RECV(d->from.fd, d->message, d->size);

		if (gochan_select(&op, 1, 0, 0) < 0) {
			if (errno == EAGAIN)
				return DONE;
			return report_op_error(d->from.label, 1, errno);
		}
		if (op.result == GOCHAN_R_CLOSED)
			return DONE;
		status = process(d, &op);
	}
	return status;
}

static enum status check_look(const struct target *target, const struct gochan_info *info)
{
	if (info->max_deliveries == 0)
		return DONE;
	print_error("%s: a look would be one of %u deliveries; make it with --deliveries 0",
		    target->label, info->max_deliveries);
	return FAILED;
}

static enum status open_to(struct dead_ctx *d)
{
	struct gochan_info info;
	enum status status;

	status = target_open(&d->to, O_WRONLY);
	return status == DONE ? target_info(&d->to, &info) : status;
}

static enum status open_channels(struct dead_ctx *d)
{
	struct gochan_info info;
	enum status status;

	status = target_open(&d->from, O_RDONLY);
	if (status == DONE)
		status = target_info(&d->from, &info);
	if (status == DONE)
		status = check_acknowledged(&d->from, &info);
	if (status != DONE)
		return status;
	d->size = info.msg_size;
	/* What is given up again meanwhile is for the next time. */
	if (d->limit > info.len)
		d->limit = info.len;
	if (d->to.label)
		return open_to(d);
	status = check_look(&d->from, &info);
	return status == DONE ? output_start(&d->out) : status;
}

static enum status process_channel(struct dead_ctx *d)
{
	enum status status = open_channels(d);

	if (status != DONE)
		return status;
	d->message = malloc(d->size + 1);
	if (!d->message)
		return report_errno(d->from.label, ENOMEM);
	status = process_messages(d);
	free(d->message);
	return status;
}

static enum status run(int argc, char **argv)
{
	struct dead_ctx d = {
		.from = NO_TARGET,
		.to = NO_TARGET,
		.out = { .terminator = '\n', .no_ack = true },
		.timeout_ns = -1,
		.limit = UINT32_MAX,
	};
	const struct command *self = &dead_command;
	int opt;

	while ((opt = getopt_long(argc, argv, "n:0h", options, NULL)) != -1) {
		switch (opt) {
		case 'n':
			if (!opt_number(self, "-n", &d.limit))
				return USAGE;
			break;
		case '0':
			d.out.terminator = '\0';
			break;
		case OPT_RAW:
			d.out.terminator = -1;
			break;
		case OPT_RESEND:
			d.to.label = optarg;
			break;
		case OPT_TIMEOUT:
			if (!opt_seconds(self, "--timeout", &d.timeout_ns))
				return USAGE;
			break;
		case OPT_FD:
			if (!opt_fd(self, &d.from))
				return USAGE;
			break;
		default:
			return help_or_usage(self, opt);
		}
	}
	if (!target_parse(&d.from, argc, argv) || optind != argc)
		return usage_error(self, "dead takes one name, or --fd N");
	return process_channel(&d);
}

const struct command dead_command = {
	.name = "dead",
	.summary = "print or resend the messages that were given up",
	.help = help,
	.run = run,
};
