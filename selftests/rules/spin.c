// SPDX-License-Identifier: GPL-2.0
/*
 * Who has to wait looks for a while whether it is served before it sleeps
 * (spin_us). That must not be seen but in how often it sleeps: here it would
 * look for far longer than anything that ends it takes. On one processor nobody
 * looks, and all of it holds for who sleeps.
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
 * How long one looks; what is far less; how often it is tried; and more than so
 * many tell. Something else may end the look just then, and what is quick be late.
 */
#define LOOK_US		20000000
#define SOON		(100 * NS_PER_MS)
#define ROUNDS		9
#define MOST		6

FIXTURE(spin)
{
	long long standard;
	int ch;
};

FIXTURE_SETUP(spin)
{
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

static bool one_processor(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) == 1;
}

/* Does a task that stands in line run on? Else it sleeps. */
static bool is_looking(pid_t tid, clockid_t clock)
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

static bool job_looks(const struct job *job)
{
	clockid_t clock;

	if (job->by == BY_THREAD ? pthread_getcpuclockid(job->thread, &clock) :
				   clock_getcpuclockid(job->id, &clock))
		return false;
	return is_looking(job->id, clock);
}

static bool call_looks(const struct call *call)
{
	clockid_t clock;

	return !pthread_getcpuclockid(call->thread, &clock) && is_looking(call->id, clock);
}

/*
 * A receiver who looks, on one processor one who sleeps; NULL when there is none.
 * Something else may want to run on its processor just then: it sleeps, and is
 * given a message, and the next comes.
 */
static struct job *looking(int ch, enum by by)
{
	const struct wait wait = wait_begin();
	struct job *job;

	do {
		job = job_recv(by, ch, 16);
		if (!wait_for_waiters(ch, 0, 1))
			return NULL;
		if (job_looks(job) != one_processor())
			return job;
		if (send_text(ch, "a") != 1 || job_wait(job) != 1)
			return NULL;
	} while (wait_more(&wait));
	return NULL;
}

TEST_F(spin, served_awake)
{
	unsigned int awake = 0;
	struct job *job;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		job = looking(self->ch, BY_THREAD);
		ASSERT_NE(NULL, job);
		EXPECT_EQ(1, send_text(self->ch, "b"));
		EXPECT_STREQ("b", job_text(job));
		awake += !job->switches;
	}
	EXPECT_EQ(!one_processor(), awake > MOST);
}

TEST_F(spin, not_at_all)
{
	struct job *job;
	int i;

	ASSERT_EQ(0, set_param("spin_us", 0));
	for (i = 0; i < 20; i++) {
		job = job_recv(BY_THREAD, self->ch, 16);
		ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
		ASSERT_FALSE(job_looks(job));
		ASSERT_TRUE(wait_in_syscall(job->id, SYS_read));
		EXPECT_EQ(1, send_text(self->ch, "a"));
		EXPECT_EQ(1, job_wait(job));
		EXPECT_LT(0, job->switches);
	}
}

/* Only who is first in line may be served next. */
TEST_F(spin, not_behind_others)
{
	struct job *first, *second;
	int i;

	/* about one in nine would have a processor of its own */
	for (i = 0; i < 8 * ROUNDS; i++) {
		ASSERT_EQ(0, set_param("spin_us", 0));
		first = job_recv(BY_THREAD, self->ch, 16);
		ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
		ASSERT_TRUE(wait_asleep(first->id));
		ASSERT_EQ(0, set_param("spin_us", LOOK_US));
		second = job_recv(BY_THREAD, self->ch, 16);
		ASSERT_TRUE(wait_for_waiters(self->ch, 0, 2));
		EXPECT_FALSE(job_looks(second));
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

/* How long it took a receiver who looks to notice a signal. */
static long long signal_one(int ch, enum by by, int sig)
{
	struct job *job = looking(ch, by);
	const long long begin = now_ns();

	if (!job)
		return -1;
	job_signal(job, sig);
	if (job_wait(job) != (sig == SIGKILL ? -EINPROGRESS : -EINTR))
		return -1;
	return ch_info(ch).receivers_waiting ? -1 : now_ns() - begin;
}

/* How many of them noticed it soon; -1 when one did something else. */
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

/* How long it took a select that looks to notice what it polls; 0: it did not look. */
static long long poll_one(struct call *call, int event)
{
	long long begin;
	eventfd_t count;
	bool looked;

	call_reset(call);
	call->ops[1].events = POLLIN;
	call_start(call, BY_THREAD);
	if (!wait_for_waiters(call->ch, 0, 1))
		return -1;
	looked = call_looks(call) != one_processor();
	begin = now_ns();
	if (eventfd_write(event, 1) || call_wait(call) != 1 || eventfd_read(event, &count))
		return -1;
	return looked ? now_ns() - begin : 0;
}

TEST_F(spin, r13_polled)
{
	const struct wait wait = wait_begin();
	struct call *call = call_select(self->ch);
	const int event = eventfd(0, EFD_CLOEXEC);
	unsigned int looked = 0, soon = 0;
	long long took;

	ASSERT_LE(0, event);
	call_recv(call, self->ch);
	call_poll(call, event, POLLIN);
	while (looked < ROUNDS && wait_more(&wait)) {
		took = poll_one(call, event);
		ASSERT_LE(0, took);
		looked += took > 0;
		soon += took > 0 && took < SOON;
	}
	EXPECT_EQ(ROUNDS, looked);
	EXPECT_LT(MOST, soon);
	call_free(call);
}

/* Nanoseconds that the caller runs in a call. */
static long long call_ran(struct call *call)
{
	const long long before = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	call_now(call);
	return clock_ns(CLOCK_THREAD_CPUTIME_ID) - before;
}

/*
 * Where nobody comes most do not look. Who looks runs for far longer than all
 * else takes that a call does, on kernels that check everything, too.
 */
TEST_F(spin, in_vain)
{
	enum { WAITS = 32, LOOK_MS = 20 };
	struct call *call = call_select(self->ch);
	unsigned int looks = 0;
	int i;

	ASSERT_EQ(0, set_param("spin_us", LOOK_MS * 1000));
	call_recv(call, self->ch);
	for (i = 0; i < WAITS; i++) {
		call->arg.timeout = now_ns() + 3 * LOOK_MS * NS_PER_MS;
		looks += call_ran(call) > LOOK_MS / 2 * NS_PER_MS;
		EXPECT_EQ(-ETIMEDOUT, call->ret);
		call_reset(call);
	}
	EXPECT_EQ(!one_processor(), looks > 0);
	EXPECT_GT(WAITS / 2, looks);
	call_free(call);
}

TEST_HARNESS_MAIN
