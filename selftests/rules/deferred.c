// SPDX-License-Identifier: GPL-2.0
/*
 * Deferred wakeups: when a slot becomes free, the message of a blocked sender
 * moves into the ring and its send is complete, but the sender is woken only
 * once most of the ring is drained, or some milliseconds later; a real-time
 * sender at once. Apart from the number of context switches this must not be
 * visible.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define CAPACITY	16
#define ROUNDS		100
#define RT_ROUNDS	5
#define SOON_NS		100000000LL	/* some milliseconds, on a busy host */
#define DEFER_NS	2000000LL	/* for so long, unless most of the ring is drained */
#define LEASES		3		/* after which most of a ring of four is drained */

FIXTURE(deferred)
{
	int ch;
};

FIXTURE_VARIANT(deferred)
{
	enum by by;
};

FIXTURE_VARIANT_ADD(deferred, thread)
{
	.by = BY_THREAD,
};

FIXTURE_VARIANT_ADD(deferred, process)
{
	.by = BY_PROCESS,
};

/* Message number @n. */
static const char *text(int n)
{
	static char buf[8];

	snprintf(buf, sizeof(buf), "%d", n);
	return buf;
}

static int make_full(void)
{
	const int ch = ch_make(CAPACITY, 64, 0);
	int i;

	for (i = 0; i < CAPACITY; i++)
		if (try_send_text(ch, text(i)) < 1)
			return -1;
	return ch;
}

FIXTURE_SETUP(deferred)
{
	self->ch = make_full();
	ASSERT_LE(0, self->ch);
}

FIXTURE_TEARDOWN(deferred)
{
}

/* Add a blocked sender. */
static struct job *start_blocked(enum by by, int ch, int n)
{
	const unsigned int before = ch_info(ch).senders_waiting;
	struct job *job = job_send_text(by, ch, text(n));

	if (!wait_for_waiters(ch, before + 1, 0))
		abort();
	return job;
}

/* R4: the send returns once its message is buffered, though no receive follows. */
TEST_F(deferred, r4_no_further_receives)
{
	struct job *job = start_blocked(variant->by, self->ch, CAPACITY);

	EXPECT_STREQ("0", recv_text(self->ch));
	EXPECT_EQ(0U, ch_info(self->ch).senders_waiting);
	EXPECT_EQ((unsigned int)CAPACITY, ch_info(self->ch).len);
	EXPECT_EQ(2, job_wait(job));
}

static bool run_on(pid_t tid, int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	return !sched_setaffinity(tid, sizeof(cpus), &cpus);
}

static bool set_realtime(pid_t tid, bool realtime)
{
	const struct sched_param param = { .sched_priority = realtime };

	return !sched_setscheduler(tid, realtime ? SCHED_FIFO : SCHED_OTHER, &param);
}

/* R4: likewise while a real-time receiver occupies its processor, if there is another. */
TEST_F(deferred, r4_realtime_receiver)
{
	int i, soon = 0;

	ASSERT_TRUE(run_on(0, 0));
	for (i = 0; i < RT_ROUNDS; i++) {
		const int ch = make_full();
		struct job *job = start_blocked(variant->by, ch, CAPACITY);
		long long end;

		ASSERT_TRUE(run_on(job->id, 1));
		ASSERT_TRUE(set_realtime(0, true));
		EXPECT_STREQ("0", recv_text(ch));
		for (end = now_ns() + SOON_NS; !job_done(job) && now_ns() < end;)
			;
		soon += job_done(job);
		ASSERT_TRUE(set_realtime(0, false));
		EXPECT_EQ(2, job_wait(job));
		close(ch);
	}
	EXPECT_LT(0, soon);
}

/* R4: a real-time sender on the receiver's processor preempts it, its send complete. */
TEST_F(deferred, r4_realtime_sender)
{
	int i;

	ASSERT_TRUE(run_on(0, 0));
	for (i = 0; i < RT_ROUNDS; i++) {
		const int ch = make_full();
		struct job *job = start_blocked(variant->by, ch, CAPACITY);

		ASSERT_TRUE(run_on(job->id, 0));
		ASSERT_TRUE(set_realtime(job->id, true));
		EXPECT_STREQ("0", recv_text(ch));
		EXPECT_TRUE(job_done(job));
		EXPECT_EQ(2, job_wait(job));
		close(ch);
	}
}

/* Lease a message. */
static struct gochan_op lease(int ch, char buf[64])
{
	struct gochan_op op = GOCHAN_RECV(ch, buf, 64);

	return ops_batch(ch, &op, 1, GOCHAN_NONBLOCK) == 1 ? op : (struct gochan_op){};
}

/*
 * On an acknowledged channel that is full, acknowledge a message, so that a blocked sender is
 * complete, and lease @leases more: when the sender returns, in nanoseconds after that.
 */
static long long returns_after(enum by by, unsigned int leases)
{
	const int ch = ch_make(4, 64, GOCHAN_ACK);
	struct gochan_op ops[1 + LEASES] = {};
	char bufs[1 + LEASES][64];
	long long start, ns;
	struct job *job;
	unsigned int i;

	for (i = 0; i < 4; i++)
		try_send_text(ch, text(i));
	ops[0] = lease(ch, bufs[0]);
	ops[0].opcode = GOCHAN_OP_ACK;
	for (i = 1; i <= leases; i++)
		ops[i] = GOCHAN_RECV(ch, bufs[i], 64);
	job = start_blocked(by, ch, 4);
	start = now_ns();
	if (ops_batch(ch, ops, 1 + leases, GOCHAN_NONBLOCK) != 1 + (int)leases)
		abort();
	while (!job_done(job) && now_ns() - start < SOON_NS)
		;
	ns = now_ns() - start;
	if (job_wait(job) != 1)
		abort();
	close(ch);
	return ns;
}

/*
 * R4, R21: leases free no slots, but drain the ring. Where the host is busy the sender may be
 * late nevertheless, but not each time.
 */
TEST_F(deferred, r4_r21_leases)
{
	const struct wait wait = wait_begin();
	bool soon;

	EXPECT_LE(DEFER_NS, returns_after(variant->by, 0));
	do
		soon = returns_after(variant->by, LEASES) < DEFER_NS;
	while (!soon && wait_more(&wait));
	EXPECT_TRUE(soon);
}

/* R7: one free slot completes one sender; the others stay blocked. */
TEST_F(deferred, r7_one_slot_one_sender)
{
	struct job *jobs[3];
	int i;

	for (i = 0; i < 3; i++)
		jobs[i] = start_blocked(variant->by, self->ch, CAPACITY + i);
	EXPECT_STREQ("0", recv_text(self->ch));
	EXPECT_EQ(2, job_wait(jobs[0]));
	EXPECT_EQ(2U, ch_info(self->ch).senders_waiting);
	EXPECT_FALSE(job_done(jobs[1]));
	EXPECT_FALSE(job_done(jobs[2]));
	for (i = 1; i < CAPACITY + 3; i++)
		EXPECT_STREQ(text(i), recv_text(self->ch));
	EXPECT_EQ(2, job_wait(jobs[1]));
	EXPECT_EQ(2, job_wait(jobs[2]));
}

/* R7: more senders than have their wakeup deferred at a time. */
TEST_F(deferred, r7_many_senders)
{
	struct job *jobs[3 * CAPACITY];
	int i;

	for (i = 0; i < 3 * CAPACITY; i++)
		jobs[i] = start_blocked(variant->by, self->ch, CAPACITY + i);
	for (i = 0; i < 4 * CAPACITY; i++)
		EXPECT_STREQ(text(i), recv_text(self->ch));
	for (i = 0; i < 3 * CAPACITY; i++)
		EXPECT_LT(0, job_wait(jobs[i]));
}

static void ignore(int sig)
{
	(void)sig;
}

/* R8: a signal does not undo a send that is complete. */
TEST_F(deferred, r8_signal)
{
	const struct sigaction act = { .sa_handler = ignore };
	int i;

	ASSERT_EQ(0, sigaction(SIGUSR1, &act, NULL));
	for (i = 0; i < ROUNDS; i++) {
		struct job *job = start_blocked(variant->by, self->ch, CAPACITY);

		recv_text(self->ch);
		job_signal(job, SIGUSR1);
		ASSERT_EQ(2, job_wait(job));
		ASSERT_EQ((unsigned int)CAPACITY, ch_info(self->ch).len);
	}
}

/* R8: the message of a sender killed before its wakeup stays, and nothing else. */
TEST_F(deferred, r8_killed)
{
	int i;

	if (variant->by == BY_THREAD)
		return;
	for (i = 0; i < ROUNDS; i++) {
		struct job *job = start_blocked(variant->by, self->ch, CAPACITY);

		recv_text(self->ch);
		job_kill(job);
		ASSERT_EQ((unsigned int)CAPACITY, ch_info(self->ch).len);
		ASSERT_EQ(0U, ch_info(self->ch).senders_waiting);
	}
	for (i = 0; i < CAPACITY; i++)
		EXPECT_STREQ("16", recv_text(self->ch));
	EXPECT_STREQ("(EAGAIN)", try_recv_text(self->ch));
}

/* R5: a message buffered before the close is delivered. */
TEST_F(deferred, r5_closed)
{
	struct job *first = start_blocked(variant->by, self->ch, CAPACITY);
	struct job *second = start_blocked(variant->by, self->ch, CAPACITY + 1);
	int i;

	EXPECT_STREQ("0", recv_text(self->ch));
	EXPECT_EQ(0, ch_close(self->ch));
	EXPECT_EQ(2, job_wait(first));
	EXPECT_EQ(-EPIPE, job_wait(second));
	for (i = 1; i <= CAPACITY; i++)
		EXPECT_STREQ(text(i), recv_text(self->ch));
	EXPECT_STREQ("(end)", recv_text(self->ch));
}

/* R6: the channel may be released while a wakeup is deferred. */
TEST_F(deferred, r6_channel_released)
{
	int i, k;

	for (i = 0; i < ROUNDS; i++) {
		const int ch = ch_make(4, 64, 0);
		struct job *job;

		for (k = 0; k < 4; k++)
			ASSERT_LT(0, try_send_text(ch, text(k)));
		job = start_blocked(variant->by, ch, 4);
		recv_text(ch);
		job_signal(job, SIGCONT);
		close(ch);
		ASSERT_EQ(1, job_wait(job));
	}
}

TEST_HARNESS_MAIN
