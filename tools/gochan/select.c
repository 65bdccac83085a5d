// SPDX-License-Identifier: GPL-2.0
/*
 * gochan select: receive from several channels at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

static const char help[] =
"Usage: gochan select NAME... [OPTION...]\n"
"Prints messages from several channels as they arrive, as NAME: MESSAGE, until\n"
"all channels are closed and drained.\n"
"\n"
"  -n N                stop after N messages\n"
"      --timeout S     wait at most S seconds for each message; 0: do not wait\n"
"  -0, --null          print a NUL after each message instead of a newline\n"
"      --fd N          also receive from an inherited descriptor; can be repeated\n"
"  -h, --help          show this help\n"
"\n"
"Exit status: 0 success, 3 all closed and drained before N messages arrived, 4\n"
"timed out, else 1 or 2. There is no error message for 3 and 4.\n";

static const struct option options[] = {
	OPTION_NULL,
	OPTION_TIMEOUT,
	OPTION_FD,
	OPTION_HELP,
	OPTION_END,
};

struct select_ctx {
	struct target *targets;
	struct gochan_op *ops;		/* [0]: standard output, then the channels */
	unsigned int count, nr_closed, next;
	struct output out;
	long long timeout_ns;
	bool limited;
	unsigned int limit, received;
	char *line;			/* "NAME: MESSAGE" */
	size_t prefix_size, msg_size;	/* the longest ones */
};

/*
 * The select is GOCHAN_ORDERED. A broken pipe on standard output comes first, so
 * that no message is received and lost; the channels follow in round-robin
 * order. A drained channel has fd -1, Go's nil channel, which is never ready.
 */
static void prepare(struct select_ctx *s)
{
	s->ops[0] = output_hangup_op(&s->out);
	for (unsigned int i = 0; i < s->count; i++) {
		const struct target *target = &s->targets[(s->next + i) % s->count];

		s->ops[1 + i] = GOCHAN_RECV(target->fd, s->line + s->prefix_size, s->msg_size);
	}
}

static enum status print_message(struct select_ctx *s, const struct target *target,
				 const struct gochan_op *op)
{
	size_t prefix = strlen(target->label) + 2;
	char *start = s->line + s->prefix_size - prefix;

	memcpy(start, target->label, prefix - 2);
	start[prefix - 2] = ':';
	start[prefix - 1] = ' ';
	s->received++;
	return output_message(&s->out, target, op, start, prefix + op->len);
}

static enum status select_failed(const struct select_ctx *s, int err)
{
	if (err == EAGAIN || err == ETIMEDOUT)
		return TIMED_OUT;
	for (unsigned int i = 0; i < s->count; i++) {
		if (s->ops[1 + i].result == -err)
			return report_op_error(s->targets[(s->next + i) % s->count].label,
					       1 + s->count, err);
	}
	return report_op_error("select", 1 + s->count, err);
}

static enum status select_message(struct select_ctx *s)
{
	struct target *target;
	const struct gochan_op *op;
	int ready;

	prepare(s);
	ready = gochan_select(s->ops, 1 + s->count, s->timeout_ns, GOCHAN_ORDERED);
	if (ready < 0)
		return select_failed(s, errno);
	if (ready == 0)
		return output_hangup();
	op = &s->ops[ready];
	s->next = (s->next + (unsigned int)ready - 1) % s->count;
	target = &s->targets[s->next];
	s->next = (s->next + 1) % s->count;
	if (op->result != GOCHAN_R_CLOSED)
		return print_message(s, target, op);
	target->fd = -1;
	s->nr_closed++;
	return DONE;
}

static enum status select_messages(struct select_ctx *s)
{
	enum status status;

	while (!s->limited || s->received < s->limit) {
		if (s->nr_closed == s->count)
			return s->limited ? CLOSED : DONE;
		status = select_message(s);
		if (status != DONE)
			return status;
	}
	return DONE;
}

static enum status open_targets(struct select_ctx *s)
{
	struct gochan_info info;
	enum status status;

	for (unsigned int i = 0; i < s->count; i++) {
		struct target *target = &s->targets[i];
		size_t prefix;

		status = target_open(target, O_RDONLY);
		if (status == DONE)
			status = target_info(target, &info);
		if (status != DONE)
			return status;
		prefix = strlen(target->label) + 2;
		if (s->prefix_size < prefix)
			s->prefix_size = prefix;
		if (s->msg_size < info.msg_size)
			s->msg_size = info.msg_size;
	}
	return DONE;
}

static enum status select_channels(struct select_ctx *s)
{
	enum status status;

	status = output_start(&s->out);
	if (status == DONE)
		status = open_targets(s);
	if (status != DONE)
		return status;
	s->line = malloc(s->prefix_size + s->msg_size + 1);
	if (!s->line)
		return report_errno("select", ENOMEM);
	status = select_messages(s);
	free(s->line);
	return status;
}

static enum status parse_and_select(struct select_ctx *s, int argc, char **argv)
{
	const struct command *self = &select_command;
	int opt;

	while ((opt = getopt_long(argc, argv, "n:0h", options, NULL)) != -1) {
		switch (opt) {
		case 'n':
			if (!opt_number(self, "-n", &s->limit))
				return USAGE;
			s->limited = true;
			break;
		case '0':
			s->out.terminator = '\0';
			break;
		case OPT_TIMEOUT:
			if (!opt_seconds(self, "--timeout", &s->timeout_ns))
				return USAGE;
			break;
		case OPT_FD:
			if (!opt_fd(self, &s->targets[s->count++]))
				return USAGE;
			break;
		default:
			return help_or_usage(self, opt);
		}
	}
	for (; optind < argc; optind++)
		s->targets[s->count++].label = argv[optind];
	if (s->count == 0)
		return usage_error(self, "select takes names, or --fd N");
	return select_channels(s);
}

static enum status run(int argc, char **argv)
{
	struct select_ctx s = { .out = { .terminator = '\n' }, .timeout_ns = -1 };
	enum status status;

	/* At most argc - 1 channels, and one op for standard output. */
	s.targets = calloc((size_t)argc, sizeof(*s.targets));
	s.ops = calloc((size_t)argc, sizeof(*s.ops));
	if (!s.targets || !s.ops) {
		status = report_errno("select", ENOMEM);
		goto out;
	}
	for (int i = 0; i < argc; i++)
		s.targets[i] = (struct target)NO_TARGET;
	status = parse_and_select(&s, argc, argv);
out:
	free(s.ops);
	free(s.targets);
	return status;
}

const struct command select_command = {
	.name = "select",
	.summary = "receive from several channels at once",
	.help = help,
	.run = run,
};
