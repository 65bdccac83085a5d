/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Helpers for the tests of SELECT and BATCH: a call with a few ops, each with
 * its own buffer, made by the caller or in a thread or process of its own.
 * Nothing here depends on the test harness.
 *
 * Calls that can fail return -errno.
 */
#ifndef SELFTESTS_OPS_H
#define SELFTESTS_OPS_H

#include <errno.h>
#include <gochan.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common.h"
#include "signals.h"

#define CALL_OPS	8
#define CALL_ROOM	64

/* A result that no op returns. */
#define UNTOUCHED	0x5a5a

/* A SELECT or BATCH on @ch; in memory shared between processes. */
struct call {
	int ch;
	unsigned long cmd;
	struct gochan_ops arg;
	struct gochan_op ops[CALL_OPS];
	char bufs[CALL_OPS][CALL_ROOM + 1];
	enum by by;
	pthread_t thread;
	pid_t id;		/* of the thread or process */
	int ret;
	bool done;
};

/* For longer arrays of ops, or ops in special memory. */
int ops_call(int ch, unsigned long cmd, struct gochan_op *ops, unsigned int count,
	     unsigned int flags, unsigned int *index);
int ops_select(int ch, struct gochan_op *ops, unsigned int count, unsigned int flags);
int ops_batch(int ch, struct gochan_op *ops, unsigned int count, unsigned int flags);
struct call *call_make(int ch, unsigned long cmd);
struct call *call_select(int ch);
struct call *call_batch(int ch);
void call_free(struct call *call);
struct gochan_op *call_add(struct call *call, const struct gochan_op *op);
struct gochan_op *call_recv(struct call *call, int ch);

/* The text may be changed later, in call->bufs. */
struct gochan_op *call_send(struct call *call, int ch, const char *text);
struct gochan_op *call_poll(struct call *call, int fd, unsigned int events);
int call_now(struct call *call);

/* Reset the results, and the lengths of receives, to make the call again. */
void call_reset(struct call *call);
int call_try(struct call *call);

/*
 * The text that a receive got, "(closed)", or its error as in "(EMSGSIZE)";
 * valid until the next call.
 */
const char *call_text(struct call *call, unsigned int at);

/* A process keeps all descriptors open, so the end of a channel cannot be tested. */
struct call *call_start(struct call *call, enum by by);
bool call_done(const struct call *call);
void call_signal(const struct call *call, int sig);

/* Returns what the call returned, or -ETIMEDOUT if it does not return. */
int call_wait(struct call *call);

/* Kills the process; -EINPROGRESS if its call had not returned. */
int call_kill(struct call *call);

/* Both wait queues of the channel are empty. */
bool no_waiters(int ch);

/* A task's voluntary context switches, or -1. */
long sleeps(pid_t tid);

/* Wait until the task was woken, @before being its sleeps(), and sleeps again. */
bool wait_slept_again(pid_t tid, long before);

/* Signal a call each time it blocks as a receiver, until it returns; how often. */
int call_signal_sleeps(struct call *call, int ch);

/* Keep starting processes that wait to receive, and killing them. */
void kill_waiters_forever(int ch);

#endif
