/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Helpers for the ports of Go's tests: goroutines, which are processes or threads,
 * and channels of longs and of channels.
 */
#ifndef SELFTESTS_GO_H
#define SELFTESTS_GO_H

#include <errno.h>
#include <gochan.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../lib/common.h"

#define GO_MAX		32
#define GO_ARG_MAX	64

/* Turn a failure into -errno, which makes assertions easier to read. */
static inline int or_errno(int ret)
{
	return ret < 0 ? -errno : ret;
}

/* ---- goroutines ---- */

/* A goroutine; @run gets a copy of its argument, and returns false for a panic. */
struct go {
	bool (*run)(void *arg);
	pid_t pid;
	pthread_t thread;
	bool ok;
	char arg[GO_ARG_MAX] __attribute__((aligned(8)));
};

/* A group of goroutines, for go_ended(). */
struct gos {
	enum by by;
	unsigned int n;
	struct go go[GO_MAX];
};

static inline void *go_thread(void *arg)
{
	struct go *go = arg;

	go->ok = go->run(go->arg);
	return NULL;
}

/* go run(arg); the process ends with the thread that started it. */
static inline void go(struct gos *gos, bool (*run)(void *arg), const void *arg, size_t size)
{
	struct go *go = &gos->go[gos->n++];

	if (gos->n > GO_MAX || size > GO_ARG_MAX)
		abort();
	go->run = run;
	memcpy(go->arg, arg, size);
	if (gos->by == BY_THREAD) {
		if (pthread_create(&go->thread, NULL, go_thread, go))
			abort();
		return;
	}
	go->pid = child();
	if (go->pid < 0)
		abort();
	if (!go->pid)
		_exit(!run(go->arg));
}

static inline bool go_join(struct go *go)
{
	struct timespec limit;

	clock_gettime(CLOCK_MONOTONIC, &limit);
	limit.tv_sec += WAIT_LIMIT;
	return !pthread_clockjoin_np(go->thread, NULL, CLOCK_MONOTONIC, &limit) && go->ok;
}

/* Wait for all goroutines of a group: did each return without a panic? */
static inline bool go_ended(struct gos *gos)
{
	bool ok = true;

	for (unsigned int i = 0; i < gos->n; i++) {
		if (gos->by == BY_THREAD)
			ok &= go_join(&gos->go[i]);
		else
			ok &= !reap(gos->go[i].pid);
	}
	gos->n = 0;
	return ok;
}

/* Memory that goroutines share with their parent, also when they are processes. */
static inline void *go_shared(size_t size)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		abort();
	return map;
}

/* ---- channels ---- */

/* make(chan long, capacity) */
static inline int make_chan(unsigned int capacity)
{
	return gochan_make(capacity, sizeof(long), 0);
}

/* ch <- v */
static inline int send_long(int ch, long v)
{
	return or_errno(gochan_send(ch, &v, sizeof(v)));
}

/* v, ok = <-ch: 1; 0 if closed, with v the zero value; or -errno. */
static inline int recv_long(int ch, long *v)
{
	size_t len = 0;
	int ret = or_errno(gochan_recv(ch, v, sizeof(*v), &len));

	if (!ret)
		*v = 0;
	return ret == 1 && len != sizeof(*v) ? -EBADMSG : ret;
}

/* Does a receive get v? */
static inline bool recv_is(int ch, long v)
{
	long got;

	return recv_long(ch, &got) == 1 && got == v;
}

/* select { case ch <- v: default: } */
static inline int try_send_long(int ch, long v)
{
	return or_errno(gochan_try_send(ch, &v, sizeof(v)));
}

/* select { case v = <-ch: default: } */
static inline int try_recv_long(int ch, long *v)
{
	return or_errno(gochan_try_recv(ch, v, sizeof(*v), NULL));
}

static inline struct gochan_op op_send(int ch, const long *v)
{
	return GOCHAN_SEND(ch, v, sizeof(*v));
}

static inline struct gochan_op op_recv(int ch, long *v)
{
	return GOCHAN_RECV(ch, v, sizeof(*v));
}

/* select without default, and with one: -EAGAIN. */
static inline int select_ops(struct gochan_op *ops, unsigned int n)
{
	return or_errno(gochan_select(ops, n, -1, 0));
}

static inline int select_default(struct gochan_op *ops, unsigned int n)
{
	return or_errno(gochan_select(ops, n, 0, 0));
}

/* over <- ch: over is unbuffered */
static inline int send_chan(int over, int ch)
{
	struct gochan_op op = GOCHAN_SEND(over, NULL, 0);

	op.flags = GOCHAN_PASS_FD;
	op.passed_fd = ch;
	return or_errno(gochan_select(&op, 1, -1, 0));
}

/* <-over: a descriptor, or -errno; -ENOMSG when over is closed. */
static inline int recv_chan(int over)
{
	struct gochan_op op = GOCHAN_RECV(over, NULL, 0);
	int ret;

	op.flags = GOCHAN_TAKE_FD;
	ret = or_errno(gochan_select(&op, 1, -1, 0));
	if (ret < 0)
		return ret;
	return op.result == GOCHAN_R_CLOSED ? -ENOMSG : op.passed_fd;
}

#endif
