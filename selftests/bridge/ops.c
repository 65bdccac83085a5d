// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on channels that the command cannot do, for the tests of the bridge.
 *
 *   ops poll CHANNEL in|out MS
 *	exit with 0 if it becomes readable or writable in that time, else with 4
 *   ops batch CHANNEL COUNT
 *	send the numbers from 1 in one batch
 *   ops bad-send CHANNEL, ops bad-recv CHANNEL
 *	exit with 0 if that fails with EFAULT
 *   ops pass CHANNEL TEXT
 *	send a text with the file that is standard input
 *   ops take CHANNEL
 *	receive a text, and a file if there is one; print both
 *   ops lock CHANNEL
 *	exit with 0 if it has no bridge, else with 4
 *   ops make-cred NAME
 *	make an unbuffered channel that reports who has sent a message
 *   ops who CHANNEL
 *	receive a text, and print it and the process that has sent it
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>

#include "gochan.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define MSG_SIZE	256
#define MAX_BATCH	64
#define NOT_READY	4	/* as the status of the command */

static int open_channel(const char *name, int flags)
{
	int ch = gochan_open(name, flags);

	if (ch < 0)
		err(1, "%s", name);
	return ch;
}

static int run_poll(char **args)
{
	const short events = strcmp(args[1], "in") ? POLLOUT : POLLIN;
	const int flags = events == POLLIN ? O_RDONLY : O_WRONLY;
	struct pollfd fd = { .fd = open_channel(args[0], flags), .events = events };

	if (poll(&fd, 1, strtol(args[2], NULL, 10)) < 0)
		err(1, "poll");
	return fd.revents & events ? 0 : NOT_READY;
}

static int run_batch(char **args)
{
	int ch = open_channel(args[0], O_WRONLY), i;
	int count = strtol(args[1], NULL, 10);
	struct gochan_op ops[MAX_BATCH];
	char text[MAX_BATCH][16];

	if (count > MAX_BATCH)
		errx(2, "at most %d", MAX_BATCH);
	for (i = 0; i < count; i++) {
		snprintf(text[i], sizeof(text[i]), "%d", i + 1);
		ops[i] = GOCHAN_SEND(ch, text[i], strlen(text[i]));
	}
	if (gochan_batch(ops, count, -1, 0) != count)
		err(1, "batch");
	return 0;
}

/* Memory that cannot be accessed. */
static void *bad_memory(void)
{
	void *p = mmap(NULL, MSG_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		err(1, "mmap");
	return p;
}

static int check_fault(int ret)
{
	if (ret >= 0)
		errx(1, "it succeeded");
	if (errno != EFAULT)
		err(1, "not EFAULT");
	return 0;
}

static int run_bad_send(char **args)
{
	return check_fault(gochan_send(open_channel(args[0], O_WRONLY), bad_memory(), 5));
}

static int run_bad_recv(char **args)
{
	struct gochan_lease lease;
	size_t len;

	return check_fault(gochan_recv_lease(open_channel(args[0], O_RDONLY), bad_memory(),
					     MSG_SIZE, &len, &lease));
}

static int run_pass(char **args)
{
	struct gochan_op op;

	op = GOCHAN_SEND(open_channel(args[0], O_WRONLY), args[1], strlen(args[1]));
	op.flags = GOCHAN_PASS_FD;
	op.passed_fd = 0;
	if (gochan_batch(&op, 1, -1, 0) != 1)
		err(1, "pass");
	return 0;
}

/* Receive a text with these flags. */
static struct gochan_op receive(const char *name, char *buf, unsigned int flags)
{
	struct gochan_op op = GOCHAN_RECV(open_channel(name, O_RDONLY), buf, MSG_SIZE);

	op.flags = flags;
	if (gochan_batch(&op, 1, -1, 0) != 1 || op.result)
		err(1, "receive");
	return op;
}

static int run_take(char **args)
{
	char buf[MSG_SIZE];
	struct gochan_op op = receive(args[0], buf, GOCHAN_TAKE_FD);

	printf("%.*s, %s\n", (int)op.len, buf, op.passed_fd < 0 ? "no file" : "a file");
	return 0;
}

static int run_who(char **args)
{
	char buf[MSG_SIZE];
	struct gochan_op op = receive(args[0], buf, 0);

	printf("%.*s %d\n", (int)op.len, buf, op.pid);
	return 0;
}

static int run_lock(char **args)
{
	return flock(open_channel(args[0], O_RDONLY), LOCK_EX | LOCK_NB) ? NOT_READY : 0;
}

static int run_make_cred(char **args)
{
	if (gochan_create(args[0], 0, MSG_SIZE, GOCHAN_CRED, 0600) < 0)
		err(1, "%s", args[0]);
	return 0;
}

static const struct command {
	const char *name;
	int args;
	int (*run)(char **args);
} commands[] = {
	{ "poll", 3, run_poll },
	{ "batch", 2, run_batch },
	{ "bad-send", 1, run_bad_send },
	{ "bad-recv", 1, run_bad_recv },
	{ "pass", 2, run_pass },
	{ "take", 1, run_take },
	{ "lock", 1, run_lock },
	{ "make-cred", 1, run_make_cred },
	{ "who", 1, run_who },
};

int main(int argc, char **argv)
{
	const struct command *c;

	for (c = commands; argc >= 2 && c < commands + ARRAY_SIZE(commands); c++) {
		if (!strcmp(argv[1], c->name) && argc - 2 == c->args)
			return c->run(argv + 2);
	}
	errx(2, "usage: ops COMMAND CHANNEL [ARGUMENT...], see ops.c");
}
