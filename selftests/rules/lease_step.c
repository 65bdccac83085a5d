// SPDX-License-Identifier: GPL-2.0
/*
 * R21: a worker that is killed at any instruction of a receive and of the acknowledgment. It
 * is single-stepped by ptrace(2), and killed after none, one, two, ... instructions, until it
 * comes to its end before that. Its message is then either done or delivered again, never
 * both and never neither.
 *
 * A system call is one step: what happens when a task is killed within is tested by
 * lease_owner.c and lease_stress.c. These are the instructions around it: those of the
 * library, too. As it takes minutes to try all, only each seventh is tried, from a random one
 * on, on slow kernels each tenth; with GOCHAN_EVERY=1 in the environment it is all of them.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"

#include <poll.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define MOST_STEPS	20000U

/* What the worker has done; in memory shared with it. */
struct progress {
	unsigned int effects;
	bool acked;
};

/* A way to receive and acknowledge a message, and how often what has become of it. */
struct run {
	int (*work)(int ch, struct progress *progress);
	bool waits;	/* for its message, which is then sent */
	bool returns;	/* does not acknowledge it */
	int ch;
	struct progress *progress;
	bool sent;
	unsigned int untouched, again, done;
};

FIXTURE(step) {
	struct run run;
};

FIXTURE_VARIANT(step) {
	int (*work)(int ch, struct progress *progress);
	bool waits, returns;
};

static char text[64];
static size_t len;

static int by_library(int ch, struct progress *progress)
{
	struct gochan_lease lease;

	if (gochan_recv_lease(ch, text, sizeof(text), &len, &lease) != 1)
		return 1;
	progress->effects++;
	if (gochan_ack(ch, &lease))
		return 2;
	progress->acked = true;
	return 0;
}

static int by_library_returned(int ch, struct progress *progress)
{
	struct gochan_lease lease;

	if (gochan_recv_lease(ch, text, sizeof(text), &len, &lease) != 1)
		return 1;
	progress->effects++;
	return gochan_requeue(ch, &lease) ? 2 : 0;
}

static int ioctl_ops(int ch, unsigned long cmd, struct gochan_op *ops, unsigned int count)
{
	struct gochan_ops arg = {
		.ops = (unsigned long)ops,
		.count = count,
		.timeout = GOCHAN_TIMEOUT_NEVER,
	};

	return ioctl(ch, cmd, &arg);
}

static int by_select(int ch, struct progress *progress)
{
	struct gochan_op op = GOCHAN_RECV(ch, text, sizeof(text));
	struct gochan_ack ack = {};

	if (ioctl_ops(ch, GOCHAN_IOC_SELECT, &op, 1))
		return 1;
	progress->effects++;
	ack.lease = op.lease;
	if (ioctl(ch, GOCHAN_IOC_ACK, &ack))
		return 2;
	progress->acked = true;
	return 0;
}

/* Acknowledged by the second op of a call. */
static int by_batch(int ch, struct progress *progress)
{
	struct gochan_op ops[2] = { GOCHAN_RECV(ch, text, sizeof(text)) };

	if (ioctl_ops(ch, GOCHAN_IOC_BATCH, ops, 1) != 1)
		return 1;
	progress->effects++;
	ops[1] = (struct gochan_op){
		.fd = ch,
		.opcode = GOCHAN_OP_ACK,
		.lease = ops[0].lease,
	};
	ops[0] = (struct gochan_op)GOCHAN_POLL(ch, POLLOUT);
	if (ioctl_ops(ch, GOCHAN_IOC_BATCH, ops, 2) != 2)
		return 2;
	progress->acked = true;
	return 0;
}

FIXTURE_VARIANT_ADD(step, library) { .work = by_library };
FIXTURE_VARIANT_ADD(step, library_waits) { .work = by_library, .waits = true };
FIXTURE_VARIANT_ADD(step, returned) { .work = by_library_returned, .returns = true };
FIXTURE_VARIANT_ADD(step, select) { .work = by_select };
FIXTURE_VARIANT_ADD(step, select_waits) { .work = by_select, .waits = true };
FIXTURE_VARIANT_ADD(step, batch) { .work = by_batch };

FIXTURE_SETUP(step)
{
	struct run *run = &self->run;
	cpu_set_t one;

	/* a step of another processor's task takes far longer */
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(one), &one));
	run->work = variant->work;
	run->waits = variant->waits;
	run->returns = variant->returns;
	run->progress = mmap(NULL, sizeof(*run->progress), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, run->progress);
}

FIXTURE_TEARDOWN(step)
{
}

static unsigned int number_in_env(const char *name, unsigned int otherwise)
{
	const char *given = getenv(name);

	return given ? strtoul(given, NULL, 0) : otherwise;
}

/* A worker that has stopped itself, and will work when it is continued. */
static pid_t start_stopped(const struct run *run)
{
	const pid_t pid = child();
	int status;

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		/* fewer instructions than raise(3) */
		syscall(SYS_kill, getpid(), SIGSTOP);
		_exit(run->work(run->ch, run->progress));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return -1;
	return pid;
}

/* Send the message once the worker waits for it; whether it has been sent. */
static bool meet(struct run *run)
{
	if (!run->sent && ch_info(run->ch).receivers_waiting == 1)
		run->sent = send_text(run->ch, "job") == 3;
	return run->sent;
}

/*
 * Let the worker do one instruction. A message for which it waits is sent; if it is to be
 * killed after this @last one, then without waiting for it to get there. Returns its status
 * (-1: nothing happens).
 */
static int single_step(struct run *run, pid_t pid, bool last)
{
	const struct wait wait = wait_begin();
	int status = 0;
	bool was_sent = run->sent;

	if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL))
		return -1;
	do {
		if (waitpid(pid, &status, was_sent ? 0 : WNOHANG))
			return status;
		if (!meet(run))
			continue;
		if (last)
			return W_STOPCODE(SIGTRAP);
		was_sent = true;
	} while (wait_more(&wait));
	return -1;
}

/* Kill the worker after so many instructions: false if it has ended before. */
static bool run_and_kill(struct __test_metadata *_metadata, struct run *run,
			 unsigned int steps)
{
	const pid_t pid = start_stopped(run);
	unsigned int i;
	int status;

	ASSERT_LT(0, pid);
	for (i = 0; i < steps; i++) {
		status = single_step(run, pid, i + 1 == steps);
		ASSERT_LE(0, status);
		if (WIFEXITED(status)) {
			EXPECT_EQ(0, WEXITSTATUS(status));
			return false;
		}
		ASSERT_EQ(W_STOPCODE(SIGTRAP), status);
	}
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	return true;
}

/* The message is there; how often the worker, which is dead, had got it: once at most. */
static unsigned int deliver_again(struct __test_metadata *_metadata, struct run *run)
{
	struct call *next = call_batch(run->ch);
	struct gochan_ack ack = {};
	unsigned int before;

	call_recv(next, run->ch);
	ASSERT_EQ(1, call_try(next));
	EXPECT_STREQ("job", call_text(next, 0));
	EXPECT_EQ(1ULL, next->ops[0].seq);
	before = next->ops[0].deliveries - 1;
	ack.lease = next->ops[0].lease;
	EXPECT_EQ(0, ioctl(run->ch, GOCHAN_IOC_ACK, &ack));
	call_free(next);
	return before;
}

/* The worker is dead: its message is done, or is there. */
static void check_fate(struct __test_metadata *_metadata, struct run *run)
{
	const struct progress *progress = run->progress;
	const struct gochan_info info = ch_info(run->ch);
	unsigned int before;

	EXPECT_EQ(0U, info.leased);
	EXPECT_EQ(0U, info.receivers_waiting);
	if (!info.len) {
		EXPECT_FALSE(run->returns);
		EXPECT_EQ(1U, progress->effects);
		EXPECT_EQ(0ULL, info.requeued);
		run->done++;
		return;
	}
	EXPECT_EQ(1U, info.len);
	EXPECT_FALSE(progress->acked);
	before = deliver_again(_metadata, run);
	EXPECT_EQ(before, info.requeued);
	EXPECT_LE(progress->effects, before);
	EXPECT_GE(1U, before);
	if (before)
		run->again++;
	else
		run->untouched++;
	EXPECT_EQ(0U, ch_info(run->ch).len + ch_info(run->ch).leased);
}

/* R21: exactly one of "delivered again" and "done", whatever was the last instruction. */
TEST_F(step, r21_killed_at_any_instruction)
{
	struct run *run = &self->run;
	const unsigned int by = number_in_env("GOCHAN_EVERY",
					      number_in_env("GOCHAN_SCALE_DOWN", 7));
	unsigned int steps = now_ns() % by;
	bool killed;

	do {
		ASSERT_GT(MOST_STEPS, steps);
		run->ch = ch_make(2, 64, GOCHAN_ACK);
		ASSERT_LE(0, run->ch);
		*run->progress = (struct progress){};
		run->sent = !run->waits;
		if (run->sent)
			ASSERT_EQ(3, send_text(run->ch, "job"));
		killed = run_and_kill(_metadata, run, steps);
		/* it has not come to the receive */
		if (!run->sent)
			ASSERT_EQ(3, send_text(run->ch, "job"));
		check_fate(_metadata, run);
		close(run->ch);
		steps += by;
	} while (killed);
	TH_LOG("killed after %u to %u instructions: not received %u, delivered again %u, done %u",
	       steps % by, steps - by, run->untouched, run->again, run->done);
	EXPECT_LT(0U, run->untouched);
	EXPECT_LT(0U, run->again);
	EXPECT_EQ(run->returns, !run->done);
}

TEST_HARNESS_MAIN
