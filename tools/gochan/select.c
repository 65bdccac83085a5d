// SPDX-License-Identifier: GPL-2.0
/*
 * gochan select: messages from whichever of several channels has one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

static const char help[] =
"Usage: gochan select NAME... [OPTION...]\n"
"Prints messages of several channels as they come, as NAME: MESSAGE, until all\n"
"channels are closed and drained.\n"
"\n"
"  -n N            stop after N messages\n"
"  --timeout S     wait at most S seconds for each; 0: take only what is there\n"
"  -0, --null      a NUL after each message, not a newline\n"
"  --fd N          an inherited descriptor as well; may be given several times\n"
"\n"
"Exit status: 0 done, 3 the end came before the Nth message, 4 no message in time,\n"
"else 1 or 2. With 3 and 4, which a script expects, nothing is printed.\n";

static const struct option options[] = {
	OPTION_NULL,
	OPTION_TIMEOUT,
	OPTION_FD,
	OPTION_HELP,
	OPTION_END,
};

struct selecting {
	struct target *targets;
	struct gochan_op *ops;		/* one for standard output, one a channel */
	unsigned int count, ended, next;
	struct output out;
	long long timeout_ns;
	bool limited;
	unsigned int limit, received;
	char *line;			/* "NAME: MESSAGE" */
	size_t prefix_room, room;
};

/*
 * A broken pipe goes first, so no message is taken in vain; the channels take
 * turns at being the next. One that ended is a nil channel, never ready.
 */
static void prepare(struct selecting *s)
{
	s->ops[0] = output_gone(&s->out);
	for (unsigned int i = 0; i < s->count; i++) {
		const struct target *target = &s->targets[(s->next + i) % s->count];

		s->ops[1 + i] = GOCHAN_RECV(target->fd, s->line + s->prefix_room, s->room);
	}
}

static enum status print_message(struct selecting *s, const char *label, size_t len)
{
	size_t prefix = strlen(label) + 2;
	char *start = s->line + s->prefix_room - prefix;

	memcpy(start, label, prefix - 2);
	start[prefix - 2] = ':';
	start[prefix - 1] = ' ';
	s->received++;
	return output_message(&s->out, start, prefix + len);
}

static enum status select_failed(const struct selecting *s, int err)
{
	if (err == EAGAIN || err == ETIMEDOUT)
		return TIMED_OUT;
	for (unsigned int i = 0; i < s->count; i++) {
		if (s->ops[1 + i].result == -err)
			return report(s->targets[(s->next + i) % s->count].label, err);
	}
	return report("select", err);
}

static enum status select_message(struct selecting *s)
{
	struct target *target;
	const struct gochan_op *op;
	int happened;

	prepare(s);
	happened = gochan_select(s->ops, 1 + s->count, s->timeout_ns, GOCHAN_ORDERED);
	if (happened < 0)
		return select_failed(s, errno);
	if (happened == 0)
		return output_reader_left();
	op = &s->ops[happened];
	s->next = (s->next + (unsigned int)happened - 1) % s->count;
	target = &s->targets[s->next];
	s->next = (s->next + 1) % s->count;
	if (op->result != GOCHAN_R_CLOSED)
		return print_message(s, target->label, op->len);
	target->fd = -1;
	s->ended++;
	return DONE;
}

static enum status select_messages(struct selecting *s)
{
	enum status status;

	while (!s->limited || s->received < s->limit) {
		if (s->ended == s->count)
			return s->limited ? CLOSED : DONE;
		status = select_message(s);
		if (status != DONE)
			return status;
	}
	return DONE;
}

static enum status open_targets(struct selecting *s)
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
		if (s->prefix_room < prefix)
			s->prefix_room = prefix;
		if (s->room < info.msg_size)
			s->room = info.msg_size;
	}
	return DONE;
}

static enum status select_channels(struct selecting *s)
{
	enum status status;

	status = output_start(&s->out);
	if (status == DONE)
		status = open_targets(s);
	if (status != DONE)
		return status;
	s->line = malloc(s->prefix_room + s->room + 1);
	if (!s->line)
		return report("select", ENOMEM);
	status = select_messages(s);
	free(s->line);
	return status;
}

static enum status parse_and_select(struct selecting *s, int argc, char **argv)
{
	const struct command *self = &select_command;
	int opt;

	while ((opt = getopt_long(argc, argv, "n:0", options, NULL)) != -1) {
		switch (opt) {
		case 'n':
			if (!take_number(self, "-n", &s->limit))
				return USAGE;
			s->limited = true;
			break;
		case '0':
			s->out.end = '\0';
			break;
		case OPT_TIMEOUT:
			if (!take_seconds(self, &s->timeout_ns))
				return USAGE;
			break;
		case OPT_FD:
			if (!take_fd(self, &s->targets[s->count++]))
				return USAGE;
			break;
		default:
			return help_or_usage(self, opt);
		}
	}
	for (; optind < argc; optind++)
		s->targets[s->count++].label = argv[optind];
	if (s->count == 0)
		return bad_usage(self, "select takes names, or --fd N");
	return select_channels(s);
}

static enum status run(int argc, char **argv)
{
	struct selecting s = { .out = { .end = '\n' }, .timeout_ns = -1 };
	enum status status;

	/* There are no more channels than arguments. */
	s.targets = calloc((size_t)argc, sizeof(*s.targets));
	s.ops = calloc((size_t)argc, sizeof(*s.ops));
	if (!s.targets || !s.ops) {
		status = report("select", ENOMEM);
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
	.summary = "receive from whichever of several channels has a message",
	.help = help,
	.run = run,
};
