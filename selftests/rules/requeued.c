// SPDX-License-Identifier: GPL-2.0
/*
 * Receives that cannot copy their message: who is charged for a message that
 * was requeued (R9, R19), and what becomes of a send that passes a file and was
 * declined (R16).
 */
#include <kselftest_harness.h>

#include "../lib/common.h"
#include "../lib/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <gochan.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define MIB		(1 << 20)
#define MANY		40

/* Where nothing is mapped. */
static void *const bad = (void *)4096;

static char big[MIB];

static long long limit_mib(void)
{
	return param("max_user_bytes") / MIB;
}

/*
 * Have a receiver requeue a message of 1 MiB, on a new channel. Less than 0 if
 * sender or receiver have no allowance for it.
 */
static int requeue_one(void)
{
	const int ch = ch_make(0, MIB, 0);
	struct job *job;

	if (ch < 0)
		return ch;
	job = job_start(BY_THREAD, ch, false, bad, MIB);
	while (!job_done(job) && !ch_info(ch).receivers_waiting)
		sched_yield();
	if (!job_done(job) && ch_send(ch, big, MIB) != MIB)
		return -EDQUOT;
	return job_wait(job) == -EFAULT && ch_info(ch).len == 1 ? 0 : -EDQUOT;
}

/* R9, R19: requeued messages are charged. */
TEST(r9_r19_requeued_is_charged)
{
	const long long limit = limit_mib();
	int n;

	ASSERT_LT(2, limit);
	ASSERT_GT(MANY, limit + 2);
	ASSERT_EQ(0, as_user(USER));
	for (n = 0; n < MANY; n++)
		if (requeue_one() < 0)
			break;
	EXPECT_LE(limit - 2, n);
	EXPECT_GE(limit + 1, n);
	EXPECT_EQ(0, as_root());
}

/* R9, R19: a requeued message is charged to the receiver, not to its sender. */
TEST(r9_r19_receiver_is_charged)
{
	const long long n = limit_mib() - 1;
	int chs[MANY], ring, i;
	pid_t pid;

	ASSERT_GT(MANY, n);
	ASSERT_EQ(0, as_user(USER));
	ring = ch_make(1, MIB, 0);
	ASSERT_LE(0, ring);
	ASSERT_EQ(MIB, ch_send(ring, big, MIB));
	for (i = 0; i < n; i++) {
		chs[i] = ch_make(0, MIB, 0);
		ASSERT_LE(0, chs[i]);
	}
	ASSERT_EQ(0, as_root());
	pid = child();
	if (!pid) {
		become(OTHER);
		for (i = 0; i < n; i++)
			if (read(chs[i], bad, MIB) != -1 || errno != EFAULT)
				_exit(1);
		_exit(0);
	}
	ASSERT_EQ(0, as_user(USER));
	for (i = 0; i < n; i++) {
		ASSERT_TRUE(wait_for_waiters(chs[i], 0, 1));
		EXPECT_EQ(MIB, ch_send(chs[i], big, MIB));
	}
	EXPECT_EQ(0, as_root());
	EXPECT_EQ(0, reap(pid));
	ASSERT_EQ(0, as_user(USER));
	/* The sender may send, and receive long messages, as before. */
	EXPECT_EQ(MIB, ch_recv(ring, big, MIB));
	i = ch_make(limit_mib() - 2, MIB - 1024, 0);
	EXPECT_LE(0, i);
	EXPECT_EQ(0, as_root());
}

/*
 * R9, R19: a receiver without allowance for a long message that is handed off to
 * it fails, by select too; the message stays. Short ones are not charged.
 */
TEST(r9_r19_receiver_over_limit)
{
	const int ch = ch_make(0, MIB, 0);
	char *buf = malloc(MIB), c = 'x';
	struct gochan_op *op;
	struct call *call;
	struct job *job;
	int i;

	ASSERT_LE(0, ch);
	ASSERT_EQ(0, as_user(USER));
	ASSERT_LE(0, ch_make(limit_mib(), MIB - 128, 0));
	for (i = 0; i < 2; i++) {
		call = i ? call_select(ch) : call_batch(ch);
		op = call_recv(call, ch);
		op->buf = (unsigned long)buf;
		op->len = MIB;
		/* changing the ids of this process would interrupt a thread of it */
		call_start(call, BY_PROCESS);
		ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
		ASSERT_EQ(0, as_root());
		EXPECT_EQ(-EAGAIN, ch_try_send(ch, big, MIB));
		ASSERT_EQ(0, as_user(USER));
		EXPECT_EQ(-EDQUOT, call_wait(call));
		EXPECT_EQ(-EDQUOT, op->result);
	}
	job = job_recv(BY_THREAD, ch, MIB);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	EXPECT_EQ(1, ch_send(ch, &c, 1));
	EXPECT_EQ(1, job_wait(job));
	EXPECT_EQ(0, as_root());
}

/* R16, R19: the charge for a long message with a file ends with its receive. */
TEST(r16_r19_file_messages_are_uncharged)
{
	const long long n = limit_mib() + 2;
	int i;

	ASSERT_EQ(0, as_user(USER));
	for (i = 0; i < n; i++) {
		const int ch = ch_make(0, MIB, 0);
		struct gochan_op op = GOCHAN_SEND(ch, big, MIB);
		struct job *job = job_recv(BY_THREAD, ch, MIB);

		op.flags = GOCHAN_PASS_FD;
		op.passed_fd = ch;
		ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
		ASSERT_EQ(1, gochan_batch(&op, 1, 1000000000, 0));
		EXPECT_EQ(MIB, job_wait(job));
	}
	EXPECT_EQ(0, as_root());
}

/* R9, R19: a user without charges may wait, whatever others have requeued. */
TEST(r9_r19_other_user_may_wait)
{
	const int ch = ch_make(0, 16, 0);
	char buf[16];
	pid_t pid;

	ASSERT_LE(0, ch);
	ASSERT_EQ(0, requeue_one());
	pid = child();
	if (!pid) {
		become(OTHER);
		_exit(ch_recv(ch, buf, sizeof(buf)) != 4);
	}
	EXPECT_TRUE(wait_for_waiters(ch, 0, 1));
	EXPECT_EQ(4, ch_send(ch, "wait", 4));
	EXPECT_EQ(0, reap(pid));
}

static struct gochan_op passing(int ch, int fd)
{
	struct gochan_op op = GOCHAN_SEND(ch, "file", 4);

	op.flags = GOCHAN_PASS_FD;
	op.passed_fd = fd;
	return op;
}

static struct gochan_op taking(int ch, char *buf, size_t size)
{
	struct gochan_op op = GOCHAN_RECV(ch, buf, size);

	op.flags = GOCHAN_TAKE_FD;
	return op;
}

/* One op, by SELECT or BATCH; its result or -errno. */
static int do_one(int ch, unsigned long cmd, struct gochan_op *op, unsigned long long timeout)
{
	struct gochan_ops ops = {
		.ops = (unsigned long)op,
		.count = 1,
		.timeout = timeout,
	};

	return ioctl(ch, cmd, &ops) < 0 ? -errno : op->result;
}

static pid_t start_passing(int ch)
{
	const pid_t pid = child();
	struct gochan_op op;

	if (pid)
		return pid;
	op = passing(ch, 0);
	_exit(do_one(ch, GOCHAN_IOC_BATCH, &op, GOCHAN_TIMEOUT_NEVER) != 0);
}

/* R9, R16: a receiver with bad memory leaves message and file to others. */
TEST(r9_r16_bad_memory_keeps_file)
{
	const int ch = ch_make(0, 4096, 0);
	struct job *job = job_start(BY_THREAD, ch, false, bad, 100);
	struct gochan_op op;
	char buf[100];
	pid_t pid;

	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	pid = start_passing(ch);
	EXPECT_EQ(-EFAULT, job_wait(job));
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	EXPECT_EQ(0U, ch_info(ch).len);
	EXPECT_EQ(0ULL, ch_info(ch).sent);
	op = taking(ch, buf, sizeof(buf));
	EXPECT_EQ(0, do_one(ch, GOCHAN_IOC_BATCH, &op, GOCHAN_TIMEOUT_NEVER));
	EXPECT_EQ(4U, op.len);
	EXPECT_LE(0, op.passed_fd);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(1ULL, ch_info(ch).sent);
	close(op.passed_fd);
	close(ch);
}

/* R10, R16: EMFILE leaves the op's length as it was, so that it can be repeated. */
TEST(r10_r16_emfile_keeps_len)
{
	const int ch = ch_make(0, 4096, 0);
	const pid_t pid = start_passing(ch);
	struct rlimit old, none;
	struct gochan_op op;
	char buf[100];

	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	getrlimit(RLIMIT_NOFILE, &old);
	none = old;
	none.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &none);
	op = taking(ch, buf, sizeof(buf));
	EXPECT_EQ(-EMFILE, do_one(ch, GOCHAN_IOC_BATCH, &op, GOCHAN_TIMEOUT_NEVER));
	EXPECT_EQ(sizeof(buf), op.len);
	setrlimit(RLIMIT_NOFILE, &old);
	EXPECT_EQ(0, do_one(ch, GOCHAN_IOC_BATCH, &op, GOCHAN_TIMEOUT_NEVER));
	EXPECT_EQ(4U, op.len);
	EXPECT_EQ(0, reap(pid));
	close(op.passed_fd);
	close(ch);
}

static int busy_ch;

/* Receives again and again, and always fails with EMFILE. */
static void *receive_emfile(void *arg)
{
	struct gochan_op op;
	char buf[100];

	do
		op = taking(busy_ch, buf, sizeof(buf));
	while (do_one(busy_ch, GOCHAN_IOC_BATCH, &op, GOCHAN_TIMEOUT_NEVER) == -EMFILE);
	return arg;
}

FIXTURE(busy) {
	pid_t pid;
};

FIXTURE_VARIANT(busy) {
	unsigned long cmd;
};

FIXTURE_VARIANT_ADD(busy, batch) {
	.cmd = GOCHAN_IOC_BATCH,
};

FIXTURE_VARIANT_ADD(busy, select) {
	.cmd = GOCHAN_IOC_SELECT,
};

FIXTURE_SETUP(busy)
{
	const struct rlimit none = { 3, 3 };
	pthread_t thread;
	int i;

	busy_ch = ch_make(0, 4096, 0);
	ASSERT_LE(0, busy_ch);
	self->pid = child();
	if (self->pid)
		return;
	setrlimit(RLIMIT_NOFILE, &none);
	for (i = 0; i < 12; i++)
		pthread_create(&thread, NULL, receive_emfile, NULL);
	pause();
}

FIXTURE_TEARDOWN(busy)
{
	kill(self->pid, SIGKILL);
	reap_killed(self->pid);
	close(busy_ch);
}

/* R8, R16: the deadline holds although the file is offered again and again. */
TEST_F(busy, r8_r16_deadline)
{
	struct gochan_op op = passing(busy_ch, 0);

	ASSERT_TRUE(wait_for_waiters(busy_ch, 0, 12));
	EXPECT_EQ(-ETIMEDOUT, do_one(busy_ch, variant->cmd, &op, now_ns() + 50000000));
	EXPECT_EQ(0ULL, ch_info(busy_ch).sent);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* R8, R16: and a signal interrupts the send. */
TEST_F(busy, r8_r16_signal)
{
	const struct sigaction action = { .sa_handler = on_alarm };
	struct gochan_op op = passing(busy_ch, 0);

	ASSERT_TRUE(wait_for_waiters(busy_ch, 0, 12));
	sigaction(SIGALRM, &action, NULL);
	ualarm(50000, 0);
	EXPECT_EQ(-EINTR, do_one(busy_ch, variant->cmd, &op, GOCHAN_TIMEOUT_NEVER));
}

TEST_HARNESS_MAIN
