/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of SELECT and BATCH share: a call of a few ops, each with a
 * buffer of its own, made by whoever has it or by a thread or process of its
 * own. No test is here, and nothing that knows the harness.
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

/* A result that no op has. */
#define UNTOUCHED	0x5a5a

/* A SELECT or BATCH on @ch; in memory that processes share. */
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

/* For arrays of more ops, or in memory of another kind. */
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

/* As it was made: receives have all their room again. */
void call_reset(struct call *call);
int call_try(struct call *call);

/*
 * What a receive got, "(closed)", or its error as in "(EMSGSIZE)"; good until
 * the next call.
 */
const char *call_text(struct call *call, unsigned int at);

/* A process keeps all descriptors, also those that should tell who is left. */
struct call *call_start(struct call *call, enum by by);
bool call_done(const struct call *call);
void call_signal(const struct call *call, int sig);

/* What it returned; -ETIMEDOUT when it does not return. */
int call_wait(struct call *call);

/* Kills a process; -EINPROGRESS when its call had not returned. */
int call_kill(struct call *call);

/* Nobody stands in a line of the channel. */
bool lines_empty(int ch);

/* How often a task went to sleep, or -1. */
long sleeps(pid_t tid);

/* It woke, looked, and sleeps again. */
bool wait_slept_again(pid_t tid, long before);

/* Signal a call each time that it sleeps as a receiver, until it ends; how often. */
int call_signal_sleeps(struct call *call, int ch);

#endif
