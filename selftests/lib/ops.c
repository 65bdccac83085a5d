// SPDX-License-Identifier: GPL-2.0
#include "ops.h"

/* For longer arrays of ops, or ops in special memory. */
int ops_call(int ch, unsigned long cmd, struct gochan_op *ops, unsigned int count,
	     unsigned int flags, unsigned int *index)
{
	struct gochan_ops arg = {
		.ops = (unsigned long)ops,
		.count = count,
		.flags = flags,
		.timeout = GOCHAN_TIMEOUT_NEVER,
		.index = UNTOUCHED,
	};
	const int ret = ioctl(ch, cmd, &arg);

	if (index)
		*index = arg.index;
	return ret < 0 ? -errno : ret;
}

int ops_select(int ch, struct gochan_op *ops, unsigned int count, unsigned int flags)
{
	return ops_call(ch, GOCHAN_IOC_SELECT, ops, count, flags, NULL);
}

int ops_batch(int ch, struct gochan_op *ops, unsigned int count, unsigned int flags)
{
	return ops_call(ch, GOCHAN_IOC_BATCH, ops, count, flags, NULL);
}

struct call *call_make(int ch, unsigned long cmd)
{
	struct call *call = mmap(NULL, sizeof(*call), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (call == MAP_FAILED)
		abort();
	call->ch = ch;
	call->cmd = cmd;
	call->arg.ops = (unsigned long)call->ops;
	call->arg.timeout = GOCHAN_TIMEOUT_NEVER;
	call->arg.index = UNTOUCHED;
	return call;
}

struct call *call_select(int ch)
{
	return call_make(ch, GOCHAN_IOC_SELECT);
}

struct call *call_batch(int ch)
{
	return call_make(ch, GOCHAN_IOC_BATCH);
}

void call_free(struct call *call)
{
	munmap(call, sizeof(*call));
}

struct gochan_op *call_add(struct call *call, const struct gochan_op *op)
{
	struct gochan_op *added = &call->ops[call->arg.count];

	if (call->arg.count++ == CALL_OPS)
		abort();
	*added = *op;
	added->result = UNTOUCHED;
	return added;
}

struct gochan_op *call_recv(struct call *call, int ch)
{
	const struct gochan_op op = GOCHAN_RECV(ch, call->bufs[call->arg.count], CALL_ROOM);

	return call_add(call, &op);
}

/* The text may be changed later, in call->bufs. */
struct gochan_op *call_send(struct call *call, int ch, const char *text)
{
	char *buf = call->bufs[call->arg.count];
	const struct gochan_op op = GOCHAN_SEND(ch, buf, strlen(text));

	memcpy(buf, text, strlen(text) + 1);
	return call_add(call, &op);
}

struct gochan_op *call_poll(struct call *call, int fd, unsigned int events)
{
	const struct gochan_op op = GOCHAN_POLL(fd, events);

	return call_add(call, &op);
}

int call_now(struct call *call)
{
	call->ret = ioctl(call->ch, call->cmd, &call->arg);
	if (call->ret < 0)
		call->ret = -errno;
	__atomic_store_n(&call->done, true, __ATOMIC_SEQ_CST);
	return call->ret;
}

/* Reset the results, and the lengths of receives, to make the call again. */
void call_reset(struct call *call)
{
	unsigned int i;

	call->arg.index = UNTOUCHED;
	for (i = 0; i < call->arg.count; i++) {
		call->ops[i].result = UNTOUCHED;
		if (call->ops[i].opcode == GOCHAN_OP_RECV)
			call->ops[i].len = CALL_ROOM;
	}
}

int call_try(struct call *call)
{
	int ret;

	call->arg.flags |= GOCHAN_NONBLOCK;
	ret = call_now(call);
	call->arg.flags &= ~GOCHAN_NONBLOCK;
	return ret;
}

/*
 * The text that a receive got, "(closed)", or its error as in "(EMSGSIZE)";
 * valid until the next call.
 */
const char *call_text(struct call *call, unsigned int at)
{
	const struct gochan_op *op = &call->ops[at];
	char *text = call->bufs[at];

	if (op->result == UNTOUCHED)
		return "(untouched)";
	if (op->result == GOCHAN_R_CLOSED)
		return "(closed)";
	if (op->result < 0)
		snprintf(text, CALL_ROOM, "(%s)", strerrorname_np(-op->result) ?: "?");
	else
		text[op->len] = '\0';
	return text;
}

static void *call_thread(void *arg)
{
	struct call *call = arg;

	__atomic_store_n(&call->id, gettid(), __ATOMIC_SEQ_CST);
	call_now(call);
	return NULL;
}

/* A process keeps all descriptors open, so the end of a channel cannot be tested. */
struct call *call_start(struct call *call, enum by by)
{
	const struct wait wait = wait_begin();
	pid_t pid;

	call->by = by;
	call->id = 0;
	call->done = false;
	call->ret = -EINPROGRESS;
	if (by == BY_THREAD) {
		if (pthread_create(&call->thread, NULL, call_thread, call))
			abort();
	} else {
		pid = child();
		if (pid < 0)
			abort();
		if (!pid) {
			call_thread(call);
			_exit(0);
		}
	}
	while (!__atomic_load_n(&call->id, __ATOMIC_SEQ_CST))
		if (!wait_more(&wait))
			abort();
	return call;
}

bool call_done(const struct call *call)
{
	return __atomic_load_n(&call->done, __ATOMIC_SEQ_CST);
}

void call_signal(const struct call *call, int sig)
{
	if (call->by == BY_THREAD)
		pthread_kill(call->thread, sig);
	else
		kill(call->id, sig);
}

/* Returns what the call returned, or -ETIMEDOUT if it does not return. */
int call_wait(struct call *call)
{
	struct timespec limit;

	if (call->by == BY_PROCESS)
		return reap(call->id) == -ETIMEDOUT ? -ETIMEDOUT : call->ret;
	clock_gettime(CLOCK_MONOTONIC, &limit);
	limit.tv_sec += WAIT_LIMIT;
	if (pthread_clockjoin_np(call->thread, NULL, CLOCK_MONOTONIC, &limit))
		return -ETIMEDOUT;
	return call->ret;
}

/* Kills the process; -EINPROGRESS if its call had not returned. */
int call_kill(struct call *call)
{
	reap_killed(call->id);
	return call->ret;
}

/* Both wait queues of the channel are empty. */
bool no_waiters(int ch)
{
	const struct gochan_info info = ch_info(ch);

	return !info.senders_waiting && !info.receivers_waiting;
}

/* A task's voluntary context switches, or -1. */
long sleeps(pid_t tid)
{
	char path[64], text[4096];
	const char *line;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	if (read_text(path, text, sizeof(text)) < 0)
		return -1;
	line = strstr(text, "\nvoluntary_ctxt_switches:");
	return line ? strtol(strchr(line, '\t'), NULL, 10) : -1;
}

/* Wait until the task was woken, @before being its sleeps(), and sleeps again. */
bool wait_slept_again(pid_t tid, long before)
{
	const struct wait wait = wait_begin();

	do {
		if (sleeps(tid) > before && is_asleep(tid))
			return true;
	} while (wait_more(&wait));
	return false;
}

/* Signal a call each time it blocks as a receiver, until it returns; how often. */
int call_signal_sleeps(struct call *call, int ch)
{
	const struct wait wait = wait_begin();
	const int before = handled();
	int last = before;

	while (!call_done(call) && wait_more(&wait)) {
		if (ch_info(ch).receivers_waiting != 1)
			continue;
		call_signal(call, SIGUSR1);
		while (!call_done(call) && handled() == last && wait_more(&wait))
			;
		last = handled();
	}
	return last - before;
}

/* Keep starting processes that wait to receive, and killing them. */
void kill_waiters_forever(int ch)
{
	pid_t pids[8];
	size_t i;

	for (;;) {
		for (i = 0; i < sizeof(pids) / sizeof(*pids); i++) {
			pids[i] = child();
			if (!pids[i])
				_exit(strlen(recv_text(ch)));
		}
		for (i = 0; i < sizeof(pids) / sizeof(*pids); i++)
			reap_killed(pids[i]);
	}
}
