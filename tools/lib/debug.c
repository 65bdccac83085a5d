// SPDX-License-Identifier: GPL-2.0
/*
 * The log of GOCHAN_DEBUG, a line for each call:
 *
 *	12:34:56.789012 4711 4712 gochan_recv recv=3 id=17 len=5 result=1 took=0.000123
 *
 * The environment is read once, when the library is loaded. A log file is opened for
 * each line: a descriptor that is kept could be closed by the program, and its number
 * given to another file. No locks and no memory allocation, so that calls in signal
 * handlers and in children of fork(2) are logged as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "internal.h"
#include "line.h"
#include "debug.h"

int gochan_watch;
__thread struct current gochan_current;

/* The log file; empty for standard error. Constant after read_environment(). */
static char log_path[PATH_MAX];

static int open_log(void)
{
	/* O_NONBLOCK: a FIFO without a reader must not stop the program. */
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

	return open(log_path, flags, 0666);
}

/* The program may change its directory later. */
static void set_log_path(const char *value)
{
	size_t len = 0;

	if (value[0] != '/' && getcwd(log_path, sizeof(log_path) - 1)) {
		len = strlen(log_path);
		log_path[len++] = '/';
	}
	strncpy(log_path + len, value, sizeof(log_path) - 1 - len);
}

static void report_log_path(const char *value)
{
	const char *error = strerrorname_np(errno);
	struct line line = { 0 };

	line_text(&line, "gochan: GOCHAN_DEBUG=");
	line_name(&line, value);
	line_text(&line, ": the file cannot be opened: ");
	line_text(&line, error ?: "unknown error");
	gochan_line_write(STDERR_FILENO, &line);
}

/* A user who runs a set-user-ID program does not choose which files it writes to. */
static void __attribute__((constructor)) read_environment(void)
{
	const char *value = secure_getenv("GOCHAN_DEBUG");
	int fd;

	if (!value || !*value || strcmp(value, "0") == 0)
		return;
	if (strchr(value, '/')) {
		set_log_path(value);
		fd = open_log();
		if (fd < 0) {
			report_log_path(value);
			return;
		}
		close(fd);
	}
	gochan_watch = WATCH_LOG;
}

static bool is_logged(void)
{
	return __atomic_load_n(&gochan_watch, __ATOMIC_RELAXED) & WATCH_LOG;
}

/* ---- a line of the log ------------------------------------------------------ */

/* Of the day in UTC, since local time needs the C library's lock. */
static void put_time(struct line *line)
{
	struct timespec now;
	uint64_t seconds;

	clock_gettime(CLOCK_REALTIME, &now);
	seconds = (uint64_t)now.tv_sec;
	line_digits(line, seconds / 3600 % 24, 2);
	line_char(line, ':');
	line_digits(line, seconds / 60 % 60, 2);
	line_char(line, ':');
	line_digits(line, seconds % 60, 2);
	line_char(line, '.');
	line_digits(line, (uint64_t)now.tv_nsec / 1000, 6);
}

static void put_begin(struct line *line, const char *call)
{
	put_time(line);
	line_char(line, ' ');
	line_int(line, getpid());
	line_char(line, ' ');
	line_int(line, gettid());
	line_char(line, ' ');
	line_text(line, call);
}

static void put_value(struct line *line, const char *key, uint64_t value)
{
	line_char(line, ' ');
	line_text(line, key);
	line_char(line, '=');
	line_number(line, value);
}

/* The channel's ID, which all processes have in common. */
static void put_id(struct line *line, int ch)
{
	struct gochan_info info;

	if (ch < 0 || ioctl(ch, GOCHAN_IOC_INFO, &info) < 0)
		return;
	put_value(line, "id", info.id);
}

static void put_channel(struct line *line, const char *key, int ch)
{
	line_char(line, ' ');
	line_text(line, key);
	line_char(line, '=');
	line_int(line, ch);
	put_id(line, ch);
}

const char *gochan_watch_what(const struct gochan_op *op)
{
	switch (op->opcode) {
	case GOCHAN_OP_SEND:
		return "send";
	case GOCHAN_OP_POLL:
		return "poll";
	case GOCHAN_OP_ACK:
		return op->flags & GOCHAN_REQUEUE ? "requeue" : "ack";
	default:
		return "recv";
	}
}

static void put_op(struct line *line, const struct gochan_op *op)
{
	if (op->opcode == GOCHAN_OP_POLL) {
		line_text(line, " poll=");
		line_int(line, op->fd);
		return;
	}
	put_channel(line, gochan_watch_what(op), op->fd);
	if (op->opcode == GOCHAN_OP_ACK)
		put_value(line, "lease", op->lease);
	else
		put_value(line, "len", op->len);
}

/* What an op that was performed has received on an acknowledged channel. */
static void put_lease(struct line *line, const struct gochan_op *op)
{
	if (op->opcode != GOCHAN_OP_RECV || op->result || !op->lease)
		return;
	put_value(line, "lease", op->lease);
	put_value(line, "seq", op->seq);
	put_value(line, "deliveries", op->deliveries);
}

/* The first @done ops were performed. */
static void put_ops(struct line *line, const struct gochan_op *ops, unsigned int n,
		    unsigned int done)
{
	for (unsigned int i = 0; i < n && i < CURRENT_OPS; i++) {
		put_op(line, &ops[i]);
		if (i < done)
			put_lease(line, &ops[i]);
	}
	if (n > CURRENT_OPS)
		line_text(line, " ...");
}

static void put_result(struct line *line, int ret, int err)
{
	const char *name = ret < 0 ? strerrorname_np(err) : NULL;

	line_text(line, " result=");
	if (name)
		line_text(line, name);
	else
		line_int(line, ret < 0 ? -err : ret);
}

static void write_line(struct line *line, uint64_t begin)
{
	int fd = STDERR_FILENO;

	line_text(line, " took=");
	line_seconds(line, elapsed_ns(begin), 6);
	if (*log_path)
		fd = open_log();
	if (fd < 0)
		return;
	gochan_line_write(fd, line);
	if (*log_path)
		close(fd);
}

static void log_call(const struct watched *w, int ch, int ret, int err)
{
	struct line line = { 0 };

	put_begin(&line, w->call);
	if (w->name) {
		line_text(&line, " name=");
		line_name(&line, w->name);
	}
	if (ch >= 0)
		put_channel(&line, "ch", ch);
	put_result(&line, ret, err);
	write_line(&line, w->begin);
}

static void log_ops(const struct watched *w, const struct gochan_op *ops, unsigned int n,
		    int ret, int err)
{
	struct line line = { 0 };

	put_begin(&line, w->call);
	put_ops(&line, ops, n, ret < 0 ? 0 : n == 1 ? 1 : (unsigned int)ret);
	put_result(&line, ret, err);
	write_line(&line, w->begin);
}

/* ---- the call that a thread is in -------------------------------------------- */

/* For a handler that interrupts this, @call is either NULL or belongs to the rest. */
static void set_current(const struct current *next)
{
	gochan_current.call = NULL;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	gochan_current.begin = next->begin;
	gochan_current.count = next->count;
	memcpy(gochan_current.op, next->op, sizeof(next->op));
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	gochan_current.call = next->call;
}

void gochan_watch_begin(struct watched *w, const char *call, const char *name)
{
	w->call = call;
	w->name = name;
	w->begin = elapsed_ns(0);
}

void gochan_watch_ops(struct watched *w, const char *call, const struct gochan_op *ops,
		      unsigned int n)
{
	struct current current = { .call = call, .count = n };

	gochan_watch_begin(w, call, NULL);
	w->outer = gochan_current;
	current.begin = w->begin;
	for (unsigned int i = 0; i < n && i < CURRENT_OPS; i++) {
		current.op[i].fd = ops[i].fd;
		current.op[i].what = gochan_watch_what(&ops[i]);
	}
	set_current(&current);
}

int gochan_watch_end(const struct watched *w, int ch, int ret)
{
	int err = errno, state;

	if (!is_logged())
		return ret;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	log_call(w, ch, ret, err);
	pthread_setcancelstate(state, NULL);
	errno = err;
	return ret;
}

int gochan_watch_ops_end(const struct watched *w, const struct gochan_op *ops, unsigned int n,
			 int ret)
{
	int err = errno, state;

	set_current(&w->outer);
	if (!is_logged())
		return ret;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	log_ops(w, ops, n, ret, err);
	pthread_setcancelstate(state, NULL);
	errno = err;
	return ret;
}

void gochan_watch_cancelled(void)
{
	const struct current current = gochan_current;
	struct line line = { 0 };

	gochan_current.call = NULL;
	if (!current.call || !is_logged())
		return;
	put_begin(&line, current.call);
	line_text(&line, " result=cancelled");
	write_line(&line, current.begin);
}
