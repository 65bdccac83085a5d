// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that wait for each other; see actors.h.
 */
#include "actors.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ops.h"

#define MAX_FD		64

static bool waits_on(pid_t pid, pid_t tid, int fd)
{
	char path[64], text[32768], name[32];

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	snprintf(name, sizeof(name), " tid: %d op:", tid);
	return read_text(path, text, sizeof(text)) > 0 && strstr(text, name);
}

bool wait_blocked(pid_t pid, pid_t tid)
{
	const struct wait wait = wait_begin();
	int fd;

	do {
		for (fd = 0; fd < MAX_FD; fd++) {
			if (waits_on(pid, tid, fd))
				return true;
		}
	} while (wait_more(&wait));
	return false;
}

/* Waiters of earlier tests have been killed, but may not be dead. */
static bool wait_for_quiet(struct stage *stage)
{
	const struct wait wait = wait_begin();

	do {
		if (run_command(stage, "gochan ps") == 0 &&
		    strchr(stage->output, '\n') == strrchr(stage->output, '\n'))
			return true;
	} while (wait_more(&wait));
	return false;
}

bool stage_open(struct stage *stage, unsigned int capacity)
{
	int i, fds[2];

	if (!wait_for_quiet(stage))
		return false;
	for (i = 0; i < CHANNELS; i++) {
		if (ch_pair(fds, capacity, 16, 0))
			return false;
		stage->r[i] = fds[0];
		stage->w[i] = fds[1];
	}
	stage->count = 0;
	return true;
}

void stage_leave(struct stage *stage)
{
	int i;

	for (i = 0; i < CHANNELS; i++) {
		close(stage->r[i]);
		close(stage->w[i]);
	}
}

void stage_clear(struct stage *stage)
{
	while (stage->count)
		reap_killed(stage->actors[--stage->count]);
}

static bool script_has(const char *script, char sign, char which, int channel)
{
	const char token[] = { sign, which ? which : '0' + channel,
			       which ? '0' + channel : '\0', '\0' };

	return strstr(script, token);
}

/* Close all handles that the script does not mention. */
static void keep(struct stage *stage, const char *script)
{
	int i;

	for (i = 0; i < CHANNELS; i++) {
		if (!script_has(script, '<', 0, i) && !script_has(script, '+', 'r', i))
			close(stage->r[i]);
		if (!script_has(script, '>', 0, i) && !script_has(script, '+', 'w', i))
			close(stage->w[i]);
	}
}

/* A timer that does not expire. */
static int timer(void)
{
	const struct itimerspec spec = { .it_value.tv_sec = 3600 };
	const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	timerfd_settime(fd, 0, &spec, NULL);
	return fd;
}

void perform(struct stage *stage, const char *script)
{
	struct call *call = call_select(stage->r[0]);
	const struct gochan_op *op = call->ops;
	const char *c;

	for (c = script; *c; c++) {
		if (*c == '<')
			call_recv(call, stage->r[c[1] - '0']);
		else if (*c == '>')
			call_send(call, stage->w[c[1] - '0'], "m");
		else if (*c == '%')
			call_poll(call, timer(), POLLIN);
		else if (*c == '@')
			call->arg.timeout = now_ns() + 3600 * 1000000000LL;
	}
	call->ch = op->fd;
	if (call->arg.count > 1 || strchr(script, '@'))
		call_now(call);
	else if (op->opcode == GOCHAN_OP_RECV)
		recv_text(op->fd);
	else
		send_text(op->fd, "m");
}

/* Returns when the actor holds only what its script says: it has closed its end then. */
static void wait_for_actor(int pipe_end)
{
	char c;

	while (read(pipe_end, &c, 1) < 0 && errno == EINTR)
		;
}

pid_t actor_plays(struct stage *stage, const char *script, void (*play)(struct stage *stage))
{
	int ready[2];
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC))
		return -errno;
	pid = child();
	if (!pid) {
		close(ready[0]);
		keep(stage, script);
		close(ready[1]);
		if (play)
			play(stage);
		else
			perform(stage, script);
		_exit(0);
	}
	close(ready[1]);
	if (pid > 0) {
		stage->actors[stage->count++] = pid;
		wait_for_actor(ready[0]);
	}
	close(ready[0]);
	return pid < 0 ? -EAGAIN : pid;
}

pid_t actor(struct stage *stage, const char *script)
{
	const pid_t pid = actor_plays(stage, script, NULL);

	return wait_blocked(pid, pid) ? pid : -1;
}

int run_command_as(struct stage *stage, uid_t uid, const char *command)
{
	size_t len = 0;
	int out[2];
	ssize_t n;
	pid_t pid;

	if (pipe(out))
		return -errno;
	pid = child();
	if (!pid) {
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		close(out[0]);
		close(out[1]);
		if (uid && become(uid))
			_exit(100);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(101);
	}
	close(out[1]);
	if (pid < 0) {
		close(out[0]);
		return -EAGAIN;
	}
	while ((n = read(out[0], stage->output + len, OUTPUT_SIZE - 1 - len)) > 0)
		len += n;
	stage->output[len] = '\0';
	close(out[0]);
	return reap(pid);
}

int run_command(struct stage *stage, const char *command)
{
	return run_command_as(stage, 0, command);
}

bool output_has(const struct stage *stage, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (strstr(stage->output, text))
		return true;
	printf("# '%s' is not in the output:\n%s\n", text, stage->output);
	return false;
}
