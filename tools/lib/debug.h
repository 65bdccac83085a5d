/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Watching the calls of a program: for the log of GOCHAN_DEBUG, and so that
 * gochan_dump() can tell which call a signal interrupted.
 *
 * A function that is watched begins with watch_begin() or watch_ops(), and returns
 * through watch_end() or watch_ops_end(). Unless something is watched, each costs a
 * test and a branch.
 */
#ifndef GOCHAN_DEBUG_H
#define GOCHAN_DEBUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/gochan.h>

#include "internal.h"

enum {
	WATCH_LOG = 1,		/* log each call */
	WATCH_CURRENT = 2,	/* keep gochan_current */
};

/* Shared by the files of the library. */
#pragma GCC visibility push(hidden)

/* WATCH_LOG is set when the library is loaded, or never; WATCH_CURRENT is never reset. */
extern int gochan_watch;

enum { CURRENT_OPS = 8 };

/*
 * struct current - the call with ops that a thread is in
 * @call: its name, NULL if there is none
 * @begin: CLOCK_MONOTONIC, in nanoseconds
 * @count: number of its ops
 * @op: the first ones of them, with what they do
 *
 * By value, since a thread may leave a call by siglongjmp(3).
 */
struct current {
	const char *call;
	uint64_t begin;
	unsigned int count;
	struct {
		int fd;
		const char *what;
	} op[CURRENT_OPS];
};

extern __thread struct current gochan_current;

/*
 * struct watched - a call that is watched
 * @call: its name, NULL if nothing is watched
 * @name: the name of a channel, or NULL
 * @begin: CLOCK_MONOTONIC, in nanoseconds
 * @outer: what this thread was in before, if a signal handler makes the call
 */
struct watched {
	const char *call;
	const char *name;
	uint64_t begin;
	struct current outer;
};

void gochan_watch_begin(struct watched *w, const char *call, const char *name);
void gochan_watch_ops(struct watched *w, const char *call, const struct gochan_op *ops,
		      unsigned int n);
int gochan_watch_end(const struct watched *w, int ch, int ret);
int gochan_watch_ops_end(const struct watched *w, const struct gochan_op *ops, unsigned int n,
			 int ret);

/* What an op does, in one word. */
const char *gochan_watch_what(const struct gochan_op *op);

/* The thread is cancelled in its current call. */
void gochan_watch_cancelled(void);

#pragma GCC visibility pop

static inline bool is_watched(void)
{
	return __builtin_expect(__atomic_load_n(&gochan_watch, __ATOMIC_RELAXED), 0);
}

static inline uint64_t elapsed_ns(uint64_t begin)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return timespec_to_ns(&now) - begin;
}

/* @name may be NULL. */
static inline void watch_begin(struct watched *w, const char *call, const char *name)
{
	w->call = NULL;
	if (is_watched())
		gochan_watch_begin(w, call, name);
}

static inline void watch_ops(struct watched *w, const char *call, const struct gochan_op *ops,
			     unsigned int n)
{
	w->call = NULL;
	if (is_watched())
		gochan_watch_ops(w, call, ops, n);
}

/* Returns @ret, and leaves errno alone. @ch is negative if there is no channel. */
static inline int watch_end(const struct watched *w, int ch, int ret)
{
	return __builtin_expect(!!w->call, 0) ? gochan_watch_end(w, ch, ret) : ret;
}

static inline int watch_ops_end(const struct watched *w, const struct gochan_op *ops,
				unsigned int n, int ret)
{
	return __builtin_expect(!!w->call, 0) ? gochan_watch_ops_end(w, ops, n, ret) : ret;
}

#endif /* GOCHAN_DEBUG_H */
