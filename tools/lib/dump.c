// SPDX-License-Identifier: GPL-2.0
/*
 * The channels of this process and their waiters, as fdinfo shows them, written to a
 * descriptor as text.
 *
 * All of it may run in a signal handler, at any point of the program: it takes no lock
 * and allocates no memory. Beside what signal-safety(7) lists it calls only thin wrappers
 * of system calls, pthread_setcancelstate() and strerrorname_np(). It uses some 3 KiB of
 * stack, because the handler may run on an alternate one.
 *
 * Each line is one write(2) and begins with the process ID, so that the dumps of all
 * processes on a terminal, which get SIGQUIT at the same time, can be told apart.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "debug.h"
#include "gochan.h"
#include "internal.h"
#include "line.h"

/* Not /proc/self, which has no descriptors once the first thread has exited. */
#define SELF_FD		"/proc/thread-self/fd"
#define SELF_FDINFO	"/proc/thread-self/fdinfo/"

enum { NAME_SIZE = 64, KEY_SIZE = 160, MAX_DIGITS = 20 };

/*
 * struct dump - where a dump goes, and what it is about
 * @fd: written to
 * @pid: of this process in the pid namespace of /proc, as in fdinfo; 0 without /proc
 * @channels: number of descriptors found that are channels
 * @unread: number of descriptors that could not be looked at
 */
struct dump {
	int fd;
	int pid;
	unsigned int channels;
	unsigned int unread;
};

static struct line begin_line(void)
{
	struct line line = { 0 };

	line_text(&line, "gochan[");
	line_int(&line, getpid());
	line_text(&line, "]: ");
	return line;
}

/* ---- reading /proc ------------------------------------------------------------ */

struct reader {
	int fd;
	size_t at, len;
	char buf[256];
};

static int next_char(struct reader *r)
{
	ssize_t n;

	if (r->at == r->len) {
		n = read(r->fd, r->buf, sizeof(r->buf));
		if (n <= 0)
			return -1;
		r->at = 0;
		r->len = (size_t)n;
	}
	return (unsigned char)r->buf[r->at++];
}

/* The next line without its newline, cut off at @size; false at the end. */
static bool next_line(struct reader *r, char *text, size_t size)
{
	size_t len = 0;
	int c = next_char(r);

	if (c < 0)
		return false;
	for (; c >= 0 && c != '\n'; c = next_char(r)) {
		if (len < size - 1)
			text[len++] = (char)c;
	}
	text[len] = '\0';
	return true;
}

/* What follows @start, or NULL. */
static const char *after(const char *text, const char *start)
{
	size_t len = strlen(start);

	return strncmp(text, start, len) == 0 ? text + len : NULL;
}

static uint64_t to_number(const char *text)
{
	uint64_t number = 0;

	while (*text >= '0' && *text <= '9')
		number = number * 10 + (uint64_t)(*text++ - '0');
	return number;
}

/* This process in the pid namespace of /proc, which may be another one. */
static int pid_in_proc(void)
{
	char text[MAX_DIGITS + 1];
	ssize_t len = readlink("/proc/self", text, sizeof(text) - 1);

	if (len <= 0)
		return 0;
	text[len] = '\0';
	return (int)to_number(text);
}

/* ---- a channel ------------------------------------------------------------------ */

struct channel {
	uint64_t id, len, capacity, closed;
	char name[NAME_SIZE];
	char rights[16];
};

static void copy_text(char *to, size_t size, const char *from)
{
	size_t len = strlen(from);

	if (len > size - 1)
		len = size - 1;
	memcpy(to, from, len);
	to[len] = '\0';
}

/* Take over the value of this line of fdinfo, if it is one of a channel's. */
static void read_field(struct channel *ch, const char *line)
{
	const char *value;

	value = after(line, "gochan-id:\t");
	if (value)
		ch->id = to_number(value);
	value = after(line, "gochan-name:\t");
	if (value)
		copy_text(ch->name, sizeof(ch->name), value);
	value = after(line, "gochan-rights:\t");
	if (value)
		copy_text(ch->rights, sizeof(ch->rights), value);
	value = after(line, "gochan-len:\t");
	if (value)
		ch->len = to_number(value);
	value = after(line, "gochan-capacity:\t");
	if (value)
		ch->capacity = to_number(value);
	value = after(line, "gochan-closed:\t");
	if (value)
		ch->closed = to_number(value);
}

/* "descriptor 3: channel 17 /jobs, send recv, 0 of 4 messages, closed" */
static void write_channel(const struct dump *d, int fd, const struct channel *ch)
{
	struct line line = begin_line();

	line_text(&line, "descriptor ");
	line_int(&line, fd);
	line_text(&line, ": channel ");
	line_number(&line, ch->id);
	if (*ch->name) {
		line_char(&line, ' ');
		line_name(&line, ch->name);
	}
	line_text(&line, ", ");
	line_text(&line, ch->rights);
	line_text(&line, ", ");
	line_number(&line, ch->len);
	line_text(&line, " of ");
	line_number(&line, ch->capacity);
	line_text(&line, ch->closed ? " messages, closed" : " messages");
	gochan_line_write(d->fd, &line);
}

/* ---- its waiters ------------------------------------------------------------------ */

/* The value of "KEY: VALUE" in a waiter's line; "" if there is none. */
static const char *waiter_field(const char *waiter, const char *key)
{
	const char *at = strstr(waiter, key);

	return at ? at + strlen(key) : "";
}

static uint64_t waited_ns(const char *waiter)
{
	const char *since = waiter_field(waiter, "since: ");
	const char *point = strchr(since, '.');

	return elapsed_ns(to_number(since) * NSEC_PER_SEC + (point ? to_number(point + 1) : 0));
}

static void put_task(struct line *line, const struct dump *d, const char *waiter)
{
	uint64_t pid = to_number(waiter_field(waiter, "pid: "));

	if (!pid) {
		line_text(line, "a process that is not visible here");
		return;
	}
	if (pid == (uint64_t)d->pid) {
		line_text(line, "this process");
	} else {
		line_text(line, "process ");
		line_number(line, pid);
	}
	line_text(line, ", thread ");
	line_number(line, to_number(waiter_field(waiter, "tid: ")));
}

/* "    process 4712, thread 4712: has waited 3.002 s to send, in a select" */
static void write_waiter(const struct dump *d, const char *waiter)
{
	struct line line = begin_line();

	line_text(&line, "    ");
	put_task(&line, d, waiter);
	line_text(&line, ": has waited ");
	line_seconds(&line, waited_ns(waiter), 3);
	line_text(&line, after(waiter_field(waiter, "op: "), "send") ? " s to send" :
								       " s to receive");
	if (*waiter_field(waiter, "select: ") == '1')
		line_text(&line, ", in a select");
	if (*waiter_field(waiter, "deadline: ") == '1')
		line_text(&line, ", with a deadline");
	gochan_line_write(d->fd, &line);
}

/* How many there are besides, if any. */
static void write_count(const struct dump *d, uint64_t count, const char *one,
			const char *several)
{
	struct line line = begin_line();

	if (!count)
		return;
	line_text(&line, "    ");
	line_number(&line, count);
	line_text(&line, count == 1 ? one : several);
	gochan_line_write(d->fd, &line);
}

/* A line about waiters, which come after all others. */
static void write_waiters(const struct dump *d, const char *text)
{
	const char *value;

	value = after(text, "gochan-waiter:\t");
	if (value)
		write_waiter(d, value);
	value = after(text, "gochan-waiters-of-others:\t");
	if (value)
		write_count(d, to_number(value), " waiter of other users",
			    " waiters of other users");
	value = after(text, "gochan-waiters-more:\t");
	if (value)
		write_count(d, to_number(value), " more waiter", " more waiters");
}

/* ---- all descriptors ---------------------------------------------------------------- */

static void dump_fdinfo(struct dump *d, int fd, struct reader *r)
{
	struct channel ch = { 0 };
	char text[KEY_SIZE];
	bool more = next_line(r, text, sizeof(text));

	for (; more && !after(text, "gochan-waiter"); more = next_line(r, text, sizeof(text)))
		read_field(&ch, text);
	if (!ch.id)
		return;
	d->channels++;
	write_channel(d, fd, &ch);
	for (; more; more = next_line(r, text, sizeof(text)))
		write_waiters(d, text);
}

static void dump_descriptor(struct dump *d, const char *number)
{
	char path[sizeof(SELF_FDINFO) + MAX_DIGITS];
	struct reader r = { 0 };

	copy_text(path, sizeof(path), SELF_FDINFO);
	copy_text(path + sizeof(SELF_FDINFO) - 1, MAX_DIGITS, number);
	r.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (r.fd < 0) {
		/* ENOENT: another thread has closed it meanwhile. */
		d->unread += errno != ENOENT;
		return;
	}
	dump_fdinfo(d, (int)to_number(number), &r);
	close(r.fd);
}

static void dump_directory(struct dump *d, int dir)
{
	union {
		struct dirent64 first;
		char all[512];
	} buf;
	const struct dirent64 *entry;
	ssize_t len, at;

	while ((len = getdents64(dir, &buf, sizeof(buf))) > 0) {
		for (at = 0; at < len; at += entry->d_reclen) {
			entry = (const struct dirent64 *)(buf.all + at);
			if (entry->d_name[0] != '.')
				dump_descriptor(d, entry->d_name);
		}
	}
}

static void write_no_proc(const struct dump *d)
{
	const char *error = strerrorname_np(errno);
	struct line line = begin_line();

	line_text(&line, "cannot list the channels: " SELF_FD ": ");
	line_text(&line, error ?: "unknown error");
	if (errno == ENOENT)
		line_text(&line, "; is /proc mounted?");
	gochan_line_write(d->fd, &line);
}

/* The handler's own thread waits on no channel: the signal has interrupted its call. */
static void write_current(const struct dump *d)
{
	const struct current *current = &gochan_current;
	struct line line = begin_line();

	if (!current->call)
		return;
	line_text(&line, "thread ");
	line_int(&line, gettid());
	line_text(&line, " has been in ");
	line_text(&line, current->call);
	line_text(&line, " for ");
	line_seconds(&line, elapsed_ns(current->begin), 3);
	line_text(&line, " s:");
	for (unsigned int i = 0; i < current->count && i < CURRENT_OPS; i++) {
		line_char(&line, ' ');
		line_text(&line, current->op[i].what);
		line_char(&line, ' ');
		line_int(&line, current->op[i].fd);
	}
	if (current->count > CURRENT_OPS)
		line_text(&line, " ...");
	gochan_line_write(d->fd, &line);
}

static void write_end(const struct dump *d)
{
	struct line line = begin_line();

	line_number(&line, d->channels);
	line_text(&line, d->channels == 1 ? " descriptor is a channel" :
					    " descriptors are channels");
	if (d->unread) {
		line_text(&line, ", ");
		line_number(&line, d->unread);
		line_text(&line, " could not be looked at");
	}
	gochan_line_write(d->fd, &line);
}

void gochan_dump(int fd)
{
	struct dump d = { .fd = fd };
	int err = errno, dir, state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	write_current(&d);
	dir = open(SELF_FD, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		write_no_proc(&d);
	} else {
		d.pid = pid_in_proc();
		dump_directory(&d, dir);
		close(dir);
		write_end(&d);
	}
	pthread_setcancelstate(state, NULL);
	errno = err;
}

/* ---- on a signal ------------------------------------------------------------------------ */

/* Take the default action, which was restored when the handler was called. */
static void default_action(int sig, siginfo_t *info)
{
	/* With what came with the signal, for a core. Sandboxes may not know the call. */
	if (syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), sig, info) < 0)
		raise(sig);
}

/* Is it a signal that by default ends no process? */
static bool goes_on(int sig)
{
	switch (sig) {
	case SIGCHLD:
	case SIGCONT:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
	case SIGURG:
	case SIGWINCH:
		return true;
	default:
		return false;
	}
}

static void dump_and_act(int sig, siginfo_t *info, void *context)
{
	sigset_t signals, mask;
	int err = errno;

	(void)context;
	/*
	 * Before the dump, so that a second signal gets through to one that is stuck; and
	 * not left to the return, since the signal may be blocked there.
	 */
	sigemptyset(&signals);
	sigaddset(&signals, sig);
	pthread_sigmask(SIG_UNBLOCK, &signals, &mask);
	gochan_dump(STDERR_FILENO);
	default_action(sig, info);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	if (goes_on(sig))
		gochan_dump_on(sig);
	errno = err;
}

int gochan_dump_on(int sig)
{
	/*
	 * SA_RESETHAND: it dumps once, whatever other threads get, and a second signal
	 * ends the process although a dump is stuck. SA_ONSTACK: the program may have
	 * run out of stack, or be written in Go.
	 */
	struct sigaction action = {
		.sa_sigaction = dump_and_act,
		.sa_flags = SA_SIGINFO | SA_RESETHAND | SA_RESTART | SA_ONSTACK,
	};

	sigemptyset(&action.sa_mask);
	if (sigaction(sig, &action, NULL) < 0)
		return -1;
	__atomic_fetch_or(&gochan_watch, WATCH_CURRENT, __ATOMIC_RELAXED);
	return 0;
}
