// SPDX-License-Identifier: GPL-2.0
/*
 * Reads histories as text and checks each, with TAP output. Each states what is
 * expected: "accept", or "reject" and a part of the explanation. The file histories
 * describes the format.
 */
#include "linear.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OPS_MAX		4096
#define WORDS_MAX	24

struct reader {
	struct lin_history history;
	struct lin_op ops[OPS_MAX];
	char name[64];
	char expected[128];	/* part of the explanation; empty if accepted */
	const char *path;
	unsigned int line;
	unsigned int number;
	unsigned int failed;
	bool verbose;
};

static void bad_line(const struct reader *r, const char *what)
{
	fprintf(stderr, "%s:%u: %s\n", r->path, r->line, what);
	exit(2);
}

static void print_comment(const char *text)
{
	while (*text) {
		const int len = strcspn(text, "\n");

		printf("# %.*s\n", len, text);
		text += len + (text[len] == '\n');
	}
}

/* Check the history that was read, if any, and start a new one. */
static void finish(struct reader *r)
{
	enum lin_verdict verdict;
	size_t size;
	char *why;
	FILE *to;
	bool ok;

	if (!r->name[0])
		return;
	to = open_memstream(&why, &size);
	if (!to)
		abort();
	r->history.ops = r->ops;
	verdict = lin_check(&r->history, to);
	fclose(to);
	if (r->expected[0])
		ok = verdict == LIN_REJECTED && strstr(why, r->expected);
	else
		ok = verdict == LIN_ACCEPTED;
	if (!ok || r->verbose)
		print_comment(why);
	if (!ok)
		printf("# expected: %s\n", r->expected[0] ? r->expected : "accepted");
	printf("%sok %u %s\n", ok ? "" : "not ", ++r->number, r->name);
	r->failed += !ok;
	free(why);
	memset(&r->history, 0, sizeof(r->history));
}

/* history NAME accept, or history NAME reject EXPLANATION... */
static void read_head(struct reader *r, const char *line)
{
	char verdict[16];
	int words;

	finish(r);
	r->expected[0] = '\0';
	if (sscanf(line, "history %63s %15s %n%127[^\n]", r->name, verdict, &words,
		   r->expected) < 2)
		bad_line(r, "not a history");
	if (!strcmp(verdict, "reject") != !!r->expected[0])
		bad_line(r, "neither accept nor reject with an explanation");
}

/* channel NAME CAPACITY [SENDERS RECEIVERS [ack [DELIVERIES]]]: handles, default 1 1 */
static void read_channel(struct reader *r, const char *line)
{
	struct lin_channel *channel = &r->history.channels[r->history.nr_channels++];
	char flag[8] = "";

	channel->senders = 1;
	channel->receivers = 1;
	if (r->history.nr_channels > LIN_CHANNELS ||
	    sscanf(line, "channel %15s %u %d %d %7s %u", channel->name, &channel->capacity,
		   &channel->senders, &channel->receivers, flag, &channel->max_deliveries) < 2)
		bad_line(r, "not a channel");
	channel->acked = !strcmp(flag, "ack");
	if (flag[0] && !channel->acked)
		bad_line(r, "no such flag");
}

struct word {
	const char *text;
	enum lin_result result;
	int error;
};

static const struct word words[] = {
	{ "epipe", LIN_ENDED, EPIPE },
	{ "end", LIN_ENDED, 0 },
	{ "already", LIN_ENDED, EALREADY },
	{ "again", LIN_NOT_READY, EAGAIN },
	{ "eintr", LIN_NOT_READY, EINTR },
	{ "timeout", LIN_NOT_READY, ETIMEDOUT },
	{ "fault", LIN_FAULT, EFAULT },
	{ "stale", LIN_STALE, ESTALE },
	{ "killed", LIN_KILLED, 0 },
	{ "passed", LIN_PASSED, 0 },
};

static void read_result(const struct reader *r, struct lin_op *op, const char *text)
{
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(words[i].text, text) != 0)
			continue;
		op->result = words[i].result;
		op->error = words[i].error;
		return;
	}
	bad_line(r, "no such result");
}

static long long read_number(const struct reader *r, const char *text)
{
	char *end = NULL;
	const long long n = text ? strtoll(text, &end, 10) : 0;

	if (!text || end == text || *end)
		bad_line(r, "not a number");
	return n;
}

static const struct {
	const char *text;
	enum lin_kind kind;
} kinds[] = {
	{ "send", LIN_SEND },
	{ "recv", LIN_RECV },
	{ "lease", LIN_RECV },
	{ "ack", LIN_ACK },
	{ "requeue", LIN_REQUEUE },
	{ "return", LIN_RETURN },
	{ "close", LIN_CLOSE },
	{ "handles", LIN_HANDLES },
	{ "info", LIN_INFO },
};

static void read_kind(const struct reader *r, struct lin_op *op, const char *text)
{
	size_t i;

	op->blocking = strncmp(text, "try", 3) != 0;
	if (!op->blocking)
		text += 3;
	op->leasing = !strcmp(text, "lease");
	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i].text, text) != 0)
			continue;
		op->kind = kinds[i].kind;
		return;
	}
	bad_line(r, "no such operation");
}

static int find_channel(const struct reader *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->history.nr_channels; i++)
		if (!strcmp(r->history.channels[i].name, name))
			return i;
	bad_line(r, "no such channel");
	return -1;
}

/* If the next word is @name, the number that follows it; else 0. */
static unsigned int read_optional(const struct reader *r, char ***word, const char *name)
{
	unsigned int n;

	if (!**word || strcmp(**word, name) != 0)
		return 0;
	n = read_number(r, (*word)[1]);
	*word += 2;
	return n;
}

/* len N sent N waiting SENDERS RECEIVERS [leased N] [dropped N] [closed] */
static char **read_info(const struct reader *r, struct lin_op *op, char **word)
{
	op->len = read_number(r, word[1]);
	op->sent = read_number(r, word[3]);
	op->senders = read_number(r, word[5]);
	op->receivers = read_number(r, word[6]);
	word += 7;
	op->leased = read_optional(r, &word, "leased");
	op->dropped = read_optional(r, &word, "dropped");
	op->closed = *word && !strcmp(*word, "closed");
	return word + op->closed;
}

/* VALUE, of a leasing receive VALUE LEASE SEQ DELIVERIES, or the LEASE to end */
static char **read_message(const struct reader *r, struct lin_op *op, char **word)
{
	if (op->kind == LIN_ACK || op->kind == LIN_REQUEUE) {
		op->lease = read_number(r, *word++);
		return word;
	}
	op->value = read_number(r, *word++);
	if (!op->leasing)
		return word;
	op->lease = read_number(r, *word++);
	op->seq = read_number(r, *word++);
	op->deliveries = read_number(r, *word++);
	return word;
}

/* = RESULT, and of sN or of bN for the ops of one select or batch */
static void read_rest(struct reader *r, struct lin_op *op, char **word)
{
	while (word[0] && word[1]) {
		if (!strcmp(word[0], "="))
			read_result(r, op, word[1]);
		else if (!strcmp(word[0], "of") && word[1][0] == 's')
			op->select = read_number(r, word[1] + 1);
		else if (!strcmp(word[0], "of") && word[1][0] == 'b')
			op->batch = read_number(r, word[1] + 1);
		else
			break;
		word += 2;
	}
	if (word[0])
		bad_line(r, "too many words");
}

/* pN CALL RETURN CHANNEL [try]KIND [NUMBERS...] [= RESULT] [of sN | of bN] */
static void read_op(struct reader *r, char **word, size_t n)
{
	struct lin_op *op = &r->ops[r->history.nr_ops];

	if (n < 5 || word[0][0] != 'p' || r->history.nr_ops == OPS_MAX)
		bad_line(r, "not an operation");
	memset(op, 0, sizeof(*op));
	op->nth = r->history.nr_ops++;
	op->process = read_number(r, word[0] + 1);
	op->call = read_number(r, word[1]);
	op->ret = read_number(r, word[2]);
	op->channel = find_channel(r, word[3]);
	read_kind(r, op, word[4]);
	word += 5;
	if (op->kind == LIN_INFO) {
		word = read_info(r, op, word);
	} else if (op->kind == LIN_HANDLES) {
		op->senders = read_number(r, word[0]);
		op->receivers = read_number(r, word[1]);
		word += 2;
	} else if (word[0] && word[0][0] != '=' && strcmp(word[0], "of") != 0) {
		word = read_message(r, op, word);
	}
	read_rest(r, op, word);
}

static void read_line(struct reader *r, char *line)
{
	char *word[WORDS_MAX] = {}, *rest = line, *hash = strchr(line, '#');
	size_t n = 0;

	if (hash)
		*hash = '\0';
	if (!strncmp(line, "history ", 8)) {
		read_head(r, line);
		return;
	}
	if (!strncmp(line, "channel ", 8)) {
		read_channel(r, line);
		return;
	}
	while (n < WORDS_MAX - 8 && (word[n] = strtok_r(rest, " \t\n", &rest)))
		n++;
	if (n)
		read_op(r, word, n);
}

static unsigned int count_histories(FILE *from)
{
	unsigned int n = 0;
	char line[256];

	while (fgets(line, sizeof(line), from))
		n += !strncmp(line, "history ", 8);
	rewind(from);
	return n;
}

int main(int argc, char **argv)
{
	static struct reader r;
	char line[256];
	FILE *from;

	r.verbose = argc == 3 && !strcmp(argv[1], "-v");
	if (argc != 2 + r.verbose) {
		fprintf(stderr, "usage: linear [-v] FILE\n");
		return 2;
	}
	r.path = argv[argc - 1];
	from = fopen(r.path, "r");
	if (!from) {
		perror(r.path);
		return 2;
	}
	printf("TAP version 13\n1..%u\n", count_histories(from));
	for (; fgets(line, sizeof(line), from); r.line++)
		read_line(&r, line);
	finish(&r);
	fclose(from);
	return r.failed != 0;
}
