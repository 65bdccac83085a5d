// SPDX-License-Identifier: GPL-2.0
/*
 * Who has to wait looks for a while whether it is served before it sleeps
 * (spin_us). That must not be seen but in how often it sleeps: here it would
 * look for far longer than anything that ends it takes.
 */
#include <kselftest_harness.h>

#include "common.h"
#include "ops.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S	1000000000LL
#define NS_PER_MS	1000000LL

/* How long one looks, and what is far less. */
#define LOOK_US		20000000
#define SOON		(5 * NS_PER_S)

FIXTURE(spin)
{
	long long standard;
	int ch;
};

FIXTURE_SETUP(spin)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "nobody looks on one processor");
	self->standard = param("spin_us");
	ASSERT_LE(0, self->standard);
	ASSERT_EQ(0, set_param("spin_us", LOOK_US));
	self->ch = ch_make(0, 16, 0);
	ASSERT_LE(0, self->ch);
}

FIXTURE_TEARDOWN(spin)
{
	set_param("spin_us", self->standard);
}

static long long clock_ns(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		return -1;
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* Nanoseconds that it has run. */
static long long job_ran(const struct job *job)
{
	clockid_t clock;

	if (job->by == BY_THREAD ? pthread_getcpuclockid(job->thread, &clock) :
				   clock_getcpuclockid(job->id, &clock))
		return -1;
	return clock_ns(clock);
}

/* Does it stand in line and run on? Else it sleeps. */
static bool is_looking(const struct job *job)
{
	const long long before = job_ran(job);

	while (job_ran(job) < before + 20 * NS_PER_MS)
		if (is_asleep(job->id))
			return false;
	return true;
}

/*
 * A receiver who looks; NULL when none does. Something else may want to run on
 * its processor just then: it sleeps, and is given a message, and the next comes.
 */
static struct job *looking(int ch, enum by by)
{
	const struct wait wait = wait_begin();
	struct job *job;

	do {
		job = job_recv(by, ch, 16);
		if (!wait_for_waiters(ch, 0, 1))
			return NULL;
		if (is_looking(job))
			return job;
		if (send_text(ch, "a") != 1 || job_wait(job) != 1)
			return NULL;
	} while (wait_more(&wait));
	return NULL;
}

TEST_F(spin, served_awake)
{
	struct job *job = looking(self->ch, BY_THREAD);

	ASSERT_NE(NULL, job);
	EXPECT_EQ(1, send_text(self->ch, "b"));
	EXPECT_STREQ("b", job_text(job));
	EXPECT_EQ(0, job->switches);
}

TEST_F(spin, not_at_all)
{
	struct job *job;
	int i;

	ASSERT_EQ(0, set_param("spin_us", 0));
	for (i = 0; i < 20; i++) {
		job = job_recv(BY_THREAD, self->ch, 16);
		ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
		ASSERT_FALSE(is_looking(job));
		EXPECT_EQ(1, send_text(self->ch, "a"));
		EXPECT_EQ(1, job_wait(job));
		EXPECT_LT(0, job->switches);
	}
}

static void ignore(int sig)
{
	(void)sig;
}

TEST_F(spin, r8_signal)
{
	const struct sigaction action = { .sa_handler = ignore };
	long long begin;
	struct job *job;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	job = looking(self->ch, BY_THREAD);
	ASSERT_NE(NULL, job);
	begin = now_ns();
	job_signal(job, SIGUSR1);
	EXPECT_EQ(-EINTR, job_wait(job));
	EXPECT_GT(SOON, now_ns() - begin);
	EXPECT_EQ(0U, ch_info(self->ch).receivers_waiting);
}

TEST_F(spin, r8_killed)
{
	struct job *job = looking(self->ch, BY_PROCESS);
	long long begin = now_ns();

	ASSERT_NE(NULL, job);
	EXPECT_EQ(-EINPROGRESS, job_kill(job));
	EXPECT_GT(SOON, now_ns() - begin);
	EXPECT_EQ(0U, ch_info(self->ch).receivers_waiting);
}

TEST_F(spin, r8_deadline)
{
	struct call *call = call_select(self->ch);
	const long long begin = now_ns(), end = begin + 30 * NS_PER_MS;

	call_recv(call, self->ch);
	call->arg.timeout = end;
	EXPECT_EQ(-ETIMEDOUT, call_now(call));
	EXPECT_LE(end, now_ns());
	EXPECT_GT(SOON, now_ns() - begin);
	call_free(call);
}

/* What a select polls ends it, too. */
TEST_F(spin, r13_polled)
{
	struct call *call = call_select(self->ch);
	const int event = eventfd(0, EFD_CLOEXEC);
	long long begin;

	ASSERT_LE(0, event);
	call_recv(call, self->ch);
	call_poll(call, event, POLLIN);
	call_start(call, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	begin = now_ns();
	ASSERT_EQ(0, eventfd_write(event, 1));
	EXPECT_EQ(1, call_wait(call));
	EXPECT_GT(SOON, now_ns() - begin);
	call_free(call);
}

/* Where nobody comes most do not look: each would run for two milliseconds. */
TEST_F(spin, in_vain)
{
	enum { ROUNDS = 64 };
	struct call *call = call_select(self->ch);
	const long long before = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	int i;

	ASSERT_EQ(0, set_param("spin_us", 2000));
	call_recv(call, self->ch);
	for (i = 0; i < ROUNDS; i++) {
		call->arg.timeout = now_ns() + 4 * NS_PER_MS;
		EXPECT_EQ(-ETIMEDOUT, call_now(call));
		call_reset(call);
	}
	EXPECT_GT(ROUNDS * NS_PER_MS, clock_ns(CLOCK_THREAD_CPUTIME_ID) - before);
	call_free(call);
}

TEST_HARNESS_MAIN
