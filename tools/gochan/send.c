// SPDX-License-Identifier: GPL-2.0
/*
 * gochan send: send messages from the command line or standard input.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

static const char help[] =
"Usage: gochan send NAME [OPTION...] [MESSAGE...]\n"
"       gochan send --fd N [OPTION...] [MESSAGE...]\n"
"Sends each MESSAGE or, if there is none, each line of standard input, without\n"
"its newline.\n"
"\n"
"  -0, --null          messages on standard input end with NUL instead of newline\n"
"      --whole         send all of standard input as one message\n"
"      --timeout S     wait at most S seconds for each send; 0: do not wait\n"
"      --fd N          the channel of an inherited descriptor\n"
"  -h, --help          show this help\n"
"\n"
"Put -- before messages that start with -: gochan send jobs -- -1\n"
"\n"
"Exit status: 0 all messages sent, 3 the channel is closed or has no receivers\n"
"left, 4 timed out, else 1 or 2. If one fails, all messages before it were sent.\n";

enum { OPT_WHOLE = OPT_OTHER };

static const struct option options[] = {
	{ "whole", no_argument, NULL, OPT_WHOLE },
	OPTION_NULL,
	OPTION_TIMEOUT,
	OPTION_FD,
	OPTION_HELP,
	OPTION_END,
};

struct send_ctx {
	struct target target;
	struct gochan_info info;
	long long timeout_ns;
	unsigned long long number;	/* of the message, from 1 */
	int delimiter;
	bool whole;
};

static enum status wrong_size(const struct send_ctx *s, size_t len)
{
	const char *bound = s->info.flags & GOCHAN_FIXED ? "exactly" : "at most";

	print_error("%s: message %llu is %zu bytes, the channel takes %s %u; make it with --size",
		    s->target.label, s->number, len, bound, s->info.msg_size);
	return FAILED;
}

static enum status not_sent(const struct send_ctx *s, const char *why, enum status status)
{
	print_error("%s: message %llu was not sent: %s", s->target.label, s->number, why);
	return status;
}

static enum status send_epipe(const struct send_ctx *s)
{
	struct gochan_info now;

	if (gochan_info(s->target.fd, &now) == 0 && !now.closed)
		return not_sent(s, "no receivers are left", CLOSED);
	return not_sent(s, "the channel is closed", CLOSED);
}

static enum status send_failed(const struct send_ctx *s, size_t len, int err)
{
	switch (err) {
	case EPIPE:
		return send_epipe(s);
	case EMSGSIZE:
		return wrong_size(s, len);
	case EINVAL:
		if ((s->info.flags & GOCHAN_FIXED) && len != s->info.msg_size)
			return wrong_size(s, len);
		return report_op_error(s->target.label, 1, err);
	case EAGAIN:
		return not_sent(s, "it would block", TIMED_OUT);
	case ETIMEDOUT:
		return not_sent(s, "timed out", TIMED_OUT);
	default:
		return report_op_error(s->target.label, 1, err);
	}
}

static enum status send_message(struct send_ctx *s, const char *message, size_t len)
{
	struct gochan_op op = GOCHAN_SEND(s->target.fd, message, len);

	s->number++;
	/* Unlike a batch, a select waits also on a descriptor that is O_NONBLOCK. */
	if (gochan_select(&op, 1, s->timeout_ns, 0) < 0)
		return send_failed(s, len, errno);
	progress_step();
	return DONE;
}

static enum status send_arguments(struct send_ctx *s, char **messages)
{
	enum status status = DONE;

	for (; *messages && status == DONE; messages++)
		status = send_message(s, *messages, strlen(*messages));
	return status;
}

static enum status send_lines(struct send_ctx *s)
{
	enum status status = DONE;
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while (status == DONE && (len = getdelim(&line, &size, s->delimiter, stdin)) >= 0) {
		if (len > 0 && line[len - 1] == s->delimiter)
			len--;
		status = send_message(s, line, (size_t)len);
	}
	if (status == DONE && !feof(stdin))
		status = report_errno("standard input", errno);
	free(line);
	return status;
}

static enum status send_whole(struct send_ctx *s)
{
	size_t size = (size_t)s->info.msg_size + 1, len;
	char *message = malloc(size);
	enum status status;

	if (!message)
		return report_errno(s->target.label, ENOMEM);
	len = fread(message, 1, size, stdin);
	if (ferror(stdin)) {
		status = report_errno("standard input", errno);
	} else if (len == size) {
		print_error("%s: standard input exceeds %u bytes; make the channel with --size",
			    s->target.label, s->info.msg_size);
		status = FAILED;
	} else {
		status = send_message(s, message, len);
	}
	free(message);
	return status;
}

static enum status send_input(struct send_ctx *s)
{
	enum status status;

	progress_start(STDIN_FILENO);
	status = s->whole ? send_whole(s) : send_lines(s);
	progress_end();
	return status;
}

static enum status run(int argc, char **argv)
{
	struct send_ctx s = { .target = NO_TARGET, .timeout_ns = -1, .delimiter = '\n' };
	const struct command *self = &send_command;
	bool input_option = false;
	enum status status;
	int opt;

	while ((opt = getopt_long(argc, argv, "0h", options, NULL)) != -1) {
		switch (opt) {
		case '0':
			s.delimiter = '\0';
			input_option = true;
			break;
		case OPT_WHOLE:
			s.whole = true;
			input_option = true;
			break;
		case OPT_TIMEOUT:
			if (!opt_seconds(self, "--timeout", &s.timeout_ns))
				return USAGE;
			break;
		case OPT_FD:
			if (!opt_fd(self, &s.target))
				return USAGE;
			break;
		default:
			return help_or_usage(self, opt);
		}
	}
	if (!target_parse(&s.target, argc, argv))
		return usage_error(self, "send takes a name, or --fd N");
	if (input_option && optind < argc)
		return usage_error(self, "-0 and --whole apply to standard input, not to MESSAGEs");
	status = target_open(&s.target, O_WRONLY);
	if (status == DONE)
		status = target_info(&s.target, &s.info);
	if (status != DONE)
		return status;
	if (optind < argc)
		return send_arguments(&s, argv + optind);
	return send_input(&s);
}

const struct command send_command = {
	.name = "send",
	.summary = "send messages from arguments or standard input",
	.help = help,
	.run = run,
};
