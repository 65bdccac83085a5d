// SPDX-License-Identifier: GPL-2.0
/*
 * Adaptive spinning: the first waiter of a wait queue spins for up to spin_us
 * before it sleeps. Apart from the number of context switches this must not be
 * visible. Here it may spin for far longer than it takes to end the wait. With
 * one processor no task spins, and the tests hold for sleeping waiters.
 */
#include <kselftest_harness.h>

#include "../lib/common.h"
#include "../lib/ops.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S	1000000000LL
#define NS_PER_MS	1000000LL

/*
 * Tasks spin for up to SPIN_US; what takes less than SOON did not wait until
 * spinning timed out. More than MOST of ROUNDS attempts have to succeed: other
 * tasks may end the spinning early, or delay the test.
 */
#define SPIN_US		20000000
#define SOON		(100 * NS_PER_MS)
#define ROUNDS		9
#define MOST		6

FIXTURE(spin)
{
	long long saved;
	int ch;
};

FIXTURE_SETUP(spin)
{
	self->saved = param("spin_us");
	ASSERT_LE(0, self->saved);
	ASSERT_EQ(0, set_param("spin_us", SPIN_US));
	self->ch = ch_make(0, 16, 0);
	ASSERT_LE(0, self->ch);
}

FIXTURE_TEARDOWN(spin)
{
	set_param("spin_us", self->saved);
}

static long long clock_ns(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		return -1;
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static bool one_processor(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) == 1;
}

/* Does a queued task keep running, rather than sleep? */
static bool is_spinning(pid_t tid, clockid_t clock)
{
	const long long before = clock_ns(clock);
	long long now = before;

	while (now >= 0 && now < before + 20 * NS_PER_MS) {
		if (is_asleep(tid))
			return false;
		now = clock_ns(clock);
	}
	return now >= 0;
}

static bool job_spins(const struct job *job)
{
	clockid_t clock;

	if (job->by == BY_THREAD ? pthread_getcpuclockid(job->thread, &clock) :
				   clock_getcpuclockid(job->id, &clock))
		return false;
	return is_spinning(job->id, clock);
}

static bool call_spins(const struct call *call)
{
	clockid_t clock;

	return !pthread_getcpuclockid(call->thread, &clock) && is_spinning(call->id, clock);
}

/*
 * Start a receiver that spins, or with one processor one that sleeps; NULL on
 * failure. If it sleeps because another task wants its processor, complete it and
 * start another one.
 */
static struct job *start_spinning(int ch, enum by by)
{
	const struct wait wait = wait_begin();
	struct job *job;

	do {
		job = job_recv(by, ch, 16);
		if (!wait_for_waiters(ch, 0, 1))
			return NULL;
		if (job_spins(job) != one_processor())
			return job;
		if (send_text(ch, "a") != 1 || job_wait(job) != 1)
			return NULL;
	} while (wait_more(&wait));
	return NULL;
}

TEST_F(spin, completed_while_spinning)
{
	unsigned int awake = 0;
	struct job *job;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		job = start_spinning(self->ch, BY_THREAD);
		ASSERT_NE(NULL, job);
		EXPECT_EQ(1, send_text(self->ch, "b"));
		EXPECT_STREQ("b", job_text(job));
		awake += !job->switches;
	}
	EXPECT_EQ(!one_processor(), awake > MOST);
}

TEST_F(spin, disabled)
{
	struct job *job;
	int i;

	ASSERT_EQ(0, set_param("spin_us", 0));
	for (i = 0; i < 20; i++) {
		job = job_recv(BY_THREAD, self->ch, 16);
		ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
		ASSERT_FALSE(job_spins(job));
		ASSERT_TRUE(wait_in_syscall(job->id, SYS_read));
		EXPECT_EQ(1, send_text(self->ch, "a"));
		EXPECT_EQ(1, job_wait(job));
		EXPECT_LT(0, job->switches);
	}
}

/* Only the first waiter may be completed next, so only it spins. */
TEST_F(spin, only_first_spins)
{
	struct job *first, *second;
	int i;

	/* about one in nine would get a processor of its own */
	for (i = 0; i < 8 * ROUNDS; i++) {
		ASSERT_EQ(0, set_param("spin_us", 0));
		first = job_recv(BY_THREAD, self->ch, 16);
		ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
		ASSERT_TRUE(wait_asleep(first->id));
		ASSERT_EQ(0, set_param("spin_us", SPIN_US));
		second = job_recv(BY_THREAD, self->ch, 16);
		ASSERT_TRUE(wait_for_waiters(self->ch, 0, 2));
		EXPECT_FALSE(job_spins(second));
		EXPECT_EQ(1, send_text(self->ch, "a"));
		EXPECT_EQ(1, send_text(self->ch, "b"));
		EXPECT_STREQ("a", job_text(first));
		EXPECT_STREQ("b", job_text(second));
	}
}

static void ignore(int sig)
{
	(void)sig;
}

/* How long a spinning receiver takes to notice a signal; -1 on failure. */
static long long signal_one(int ch, enum by by, int sig)
{
	struct job *job = start_spinning(ch, by);
	const long long begin = now_ns();

	if (!job)
		return -1;
	job_signal(job, sig);
	if (job_wait(job) != (sig == SIGKILL ? -EINPROGRESS : -EINTR))
		return -1;
	return ch_info(ch).receivers_waiting ? -1 : now_ns() - begin;
}

/* How many receivers noticed it soon; -1 on failure. */
static int signal_some(int ch, enum by by, int sig)
{
	long long took;
	int i, soon = 0;

	for (i = 0; i < ROUNDS; i++) {
		took = signal_one(ch, by, sig);
		if (took < 0)
			return -1;
		soon += took < SOON;
	}
	return soon;
}

TEST_F(spin, r8_signal)
{
	const struct sigaction action = { .sa_handler = ignore };

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	EXPECT_LT(MOST, signal_some(self->ch, BY_THREAD, SIGUSR1));
}

TEST_F(spin, r8_killed)
{
	EXPECT_LT(MOST, signal_some(self->ch, BY_PROCESS, SIGKILL));
}

TEST_F(spin, r8_deadline)
{
	struct call *call = call_select(self->ch);
	unsigned int soon = 0;
	long long end;
	int i;

	call_recv(call, self->ch);
	for (i = 0; i < ROUNDS; i++) {
		end = now_ns() + 3 * NS_PER_MS;
		call->arg.timeout = end;
		EXPECT_EQ(-ETIMEDOUT, call_now(call));
		EXPECT_LE(end, now_ns());
		soon += now_ns() - end < SOON;
		call_reset(call);
	}
	EXPECT_LT(MOST, soon);
	call_free(call);
}

/* How long a spinning select takes to notice a poll event; 0 if it did not spin. */
static long long poll_one(struct call *call, int event)
{
	long long begin;
	eventfd_t count;
	bool spun;

	call_reset(call);
	call->ops[1].events = POLLIN;
	call_start(call, BY_THREAD);
	if (!wait_for_waiters(call->ch, 0, 1))
		return -1;
	spun = call_spins(call) != one_processor();
	begin = now_ns();
	if (eventfd_write(event, 1) || call_wait(call) != 1 || eventfd_read(event, &count))
		return -1;
	return spun ? now_ns() - begin : 0;
}

TEST_F(spin, r13_polled)
{
	const struct wait wait = wait_begin();
	struct call *call = call_select(self->ch);
	const int event = eventfd(0, EFD_CLOEXEC);
	unsigned int spun = 0, soon = 0;
	long long took;

	ASSERT_LE(0, event);
	call_recv(call, self->ch);
	call_poll(call, event, POLLIN);
	while (spun < ROUNDS && wait_more(&wait)) {
		took = poll_one(call, event);
		ASSERT_LE(0, took);
		spun += took > 0;
		soon += took > 0 && took < SOON;
	}
	EXPECT_EQ(ROUNDS, spun);
	EXPECT_LT(MOST, soon);
	call_free(call);
}

/* Processor time that a call takes, in nanoseconds. */
static long long call_ran(struct call *call)
{
	const long long before = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	call_now(call);
	return clock_ns(CLOCK_THREAD_CPUTIME_ID) - before;
}

/*
 * When spinning times out again and again most waiters do not spin. One that
 * spins uses far more processor time than the rest of the call, even on kernels
 * with all debugging enabled.
 */
TEST_F(spin, spin_times_out)
{
	enum { WAITS = 32, SPIN_MS = 20 };
	struct call *call = call_select(self->ch);
	unsigned int spins = 0;
	int i;

	ASSERT_EQ(0, set_param("spin_us", SPIN_MS * 1000));
	call_recv(call, self->ch);
	for (i = 0; i < WAITS; i++) {
		call->arg.timeout = now_ns() + 3 * SPIN_MS * NS_PER_MS;
		spins += call_ran(call) > SPIN_MS / 2 * NS_PER_MS;
		EXPECT_EQ(-ETIMEDOUT, call->ret);
		call_reset(call);
	}
	EXPECT_EQ(!one_processor(), spins > 0);
	EXPECT_GT(WAITS / 2, spins);
	call_free(call);
}

TEST_HARNESS_MAIN
