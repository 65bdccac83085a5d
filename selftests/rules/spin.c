// SPDX-License-Identifier: GPL-2.0
/*
 * Adaptive spinning: the first waiter of a wait queue spins for a window before it sleeps.
 * Short waits open the window, long ones and timeouts close it. Apart from processor time
 * and the number of context switches this must not be visible.
 *
 * Here spin_us is so long that any wait counts as short, and that spinning does not time
 * out before a test does. Another task may end it early, if it runs on the same processor:
 * so what has to spin is tried again until it does, and what must not is tried several
 * times. With one processor no task spins, and the tests hold for sleeping waiters.
 */
#include <kselftest_harness.h>

#include "../lib/common.h"
#include "../lib/hog.h"
#include "../lib/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S	1000000000LL
#define NS_PER_MS	1000000LL

/* An open window is between a fifth of it and all of it. */
#define SPIN_US		(10 * WAIT_LIMIT * 1000000LL)

/*
 * A waiter that keeps the processor in the kernel for so many ticks of USER_HZ spins. What
 * must not happen may be seen in FEW of ROUNDS, as other tasks run in the kernel, too.
 */
#define SPIN_TICKS	3
#define LATE_TICKS	10	/* likewise: it goes on spinning, though it has to stop */
#define ROUNDS		5
#define FEW		1

#define DEADLINE_NS	(500 * NS_PER_MS)
#define LONG_NS		(300 * NS_PER_MS)	/* of a wait */
#define WINDOW_US	(30 * 1000)		/* that times out, see timeouts_close */
#define AT_ONCE_NS	(10 * NS_PER_MS)	/* a receiver starts and sleeps */

static long long spin_us_found;

/*
 * Before the tests: leave a process behind that restores spin_us when the program ends, even if
 * it is killed. The harness kills a test without its teardown, and its process group.
 */
static void __attribute__((constructor)) guard_spin_us(void)
{
	const pid_t program = getpid();
	sigset_t set;
	int sig;

	spin_us_found = param("spin_us");
	if (fork())
		return;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() == program)
		sigwait(&set, &sig);
	set_param("spin_us", spin_us_found);
	_exit(0);
}

FIXTURE(spin)
{
	int ch;
};

FIXTURE_SETUP(spin)
{
	ASSERT_LE(0, spin_us_found);
	ASSERT_EQ(0, set_param("spin_us", SPIN_US));
	self->ch = ch_make(0, 16, 0);
	ASSERT_LE(0, self->ch);
}

FIXTURE_TEARDOWN(spin)
{
	close(self->ch);
}

static bool one_processor(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) == 1;
}

/* ---- receivers, one at a time ---- */

/*
 * Read an open file of procfs again. It is not opened each time, since to close it would keep
 * RCU busy, whose kthread ends the spinning when it runs on the same processor.
 */
static bool reread(int fd, char *text, size_t size)
{
	const ssize_t len = pread(fd, text, size - 1, 0);

	text[len < 0 ? 0 : len] = '\0';
	return len > 0;
}

/*
 * For how many ticks of USER_HZ a processor, or all for -1, was in the kernel. It is counted
 * by the timer's interrupts, so that, unlike a task's own time, it does not pass while the
 * host lets the processor wait.
 */
static long long kernel_ticks(int cpu)
{
	static int fd = -1;
	char name[16] = "cpu ", text[4096];
	long long user, nice, ticks;
	const char *line;

	if (fd < 0)
		fd = open("/proc/stat", O_RDONLY | O_CLOEXEC);
	if (cpu >= 0)
		snprintf(name, sizeof(name), "cpu%d ", cpu);
	if (!reread(fd, text, sizeof(text)))
		return -1;
	line = strstr(text, name);
	if (!line || sscanf(line + strlen(name), "%lld %lld %lld", &user, &nice, &ticks) != 3)
		return -1;
	return ticks;
}

/*
 * The processor of a task that is running or wants to; -1 if it sleeps or has ended. @fd is
 * its /proc/PID/stat.
 */
static int running_on(int fd)
{
	char text[512], *at;
	int field;

	if (!reread(fd, text, sizeof(text)))
		return -1;
	at = strrchr(text, ')');
	if (!at || at[2] != 'R')
		return -1;
	for (field = 2; at && field < 39; field++)
		at = strchr(at + 1, ' ');
	return at ? atoi(at) : -1;
}

/* Does a queued task keep running, rather than sleep? */
static bool is_spinning(pid_t tid)
{
	long long before = 0, ticks = 0;
	int fd, cpu, last = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	do {
		cpu = running_on(fd);
		if (cpu < 0)
			break;
		ticks = kernel_ticks(cpu);
		if (cpu != last)
			before = ticks;
		last = cpu;
		/* not by yielding, so that this processor has room for other tasks */
		usleep(1000);
	} while (ticks - before < SPIN_TICKS);
	close(fd);
	return cpu >= 0;
}

/*
 * What is freed by RCU, as the stack of a task that has exited is after two grace periods,
 * makes its kthread and a kworker run for a moment. Let that pass: it would end the spinning.
 */
static void settle(void)
{
	int i;

	for (i = 0; i < 3; i++)
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

/* Start a receiver that is the only waiter; NULL on failure. */
static struct job *start_waiting(int ch, enum by by)
{
	struct job *job;

	settle();
	job = job_recv(by, ch, 16);
	return wait_for_waiters(ch, 0, 1) ? job : NULL;
}

static bool complete(struct job *job)
{
	return send_text(job->ch, "a") == 1 && job_wait(job) == 1;
}

/* A receiver sleeps for a short time, which opens the window. */
static bool wait_short(int ch)
{
	struct job *job = start_waiting(ch, BY_THREAD);

	return job && wait_asleep(job->id) && complete(job);
}

/* The same; 1 if it spun before, -1 on failure. */
static int try_spinning(int ch)
{
	struct job *job = start_waiting(ch, BY_THREAD);
	int spins;

	if (!job)
		return -1;
	spins = is_spinning(job->id);
	if (!spins && !wait_asleep(job->id))
		return -1;
	return complete(job) ? spins : -1;
}

/* How many of ROUNDS receivers, one after the other, spun; -1 on failure. */
static int count_spinning(int ch)
{
	int i, spins, sum = 0;

	for (i = 0; i < ROUNDS; i++) {
		spins = try_spinning(ch);
		if (spins < 0)
			return -1;
		sum += spins;
	}
	return sum;
}

/*
 * Start a receiver that spins, or with one processor one that sleeps; NULL on failure. The
 * first one, or one whose processor is wanted by another task, sleeps: complete it, which
 * leaves the window open, and start another one.
 */
static struct job *start_spinning(int ch, enum by by)
{
	const struct wait wait = wait_begin();
	struct job *job;

	do {
		job = start_waiting(ch, by);
		if (!job)
			return NULL;
		if (is_spinning(job->id) != one_processor())
			return job;
		if (!complete(job))
			return NULL;
	} while (wait_more(&wait));
	return NULL;
}

/* Is the test to be tried again, as it has not happened ROUNDS times that no task slept? */
static bool more_rounds(int rounds, const struct wait *wait)
{
	return rounds < ROUNDS && wait_more(wait);
}

TEST_F(spin, completed_while_spinning)
{
	const struct wait wait = wait_begin();
	int awake = 0;
	struct job *job;

	while (more_rounds(awake, &wait)) {
		job = start_spinning(self->ch, BY_THREAD);
		ASSERT_NE(NULL, job);
		EXPECT_EQ(1, send_text(self->ch, "b"));
		EXPECT_STREQ("b", job_text(job));
		awake += !job->switches != one_processor();
	}
	EXPECT_EQ(ROUNDS, awake);
}

/* ---- giving up ---- */

static void ignore(int sig)
{
	(void)sig;
}

TEST_F(spin, r8_signal)
{
	const struct sigaction action = { .sa_handler = ignore };
	const struct wait wait = wait_begin();
	int awake = 0, late = 0;
	long long before, ticks;
	struct job *job;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	while (more_rounds(awake, &wait)) {
		job = start_spinning(self->ch, BY_THREAD);
		ASSERT_NE(NULL, job);
		before = kernel_ticks(-1);
		job_signal(job, SIGUSR1);
		ASSERT_EQ(-EINTR, job_wait(job));
		ticks = kernel_ticks(-1) - before;
		EXPECT_TRUE(no_waiters(self->ch));
		if (!job->switches != one_processor()) {
			awake++;
			late += ticks >= LATE_TICKS;
		}
	}
	EXPECT_EQ(ROUNDS, awake);
	EXPECT_GE(FEW, late);
}

TEST_F(spin, r8_killed)
{
	int i, late = 0;
	long long before;
	struct job *job;

	for (i = 0; i < ROUNDS; i++) {
		job = start_spinning(self->ch, BY_PROCESS);
		ASSERT_NE(NULL, job);
		before = kernel_ticks(-1);
		job_signal(job, SIGKILL);
		ASSERT_EQ(-EINPROGRESS, job_wait(job));
		late += kernel_ticks(-1) - before >= LATE_TICKS;
		EXPECT_TRUE(no_waiters(self->ch));
	}
	EXPECT_GE(FEW, late);
}

static void sleep_until(long long end)
{
	const struct timespec ts = { .tv_sec = end / NS_PER_S, .tv_nsec = end % NS_PER_S };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

TEST_F(spin, r8_deadline)
{
	const struct wait wait = wait_begin();
	int ch, awake = 0, late = 0;
	long long before, end;
	struct call *call;
	bool spins;

	while (more_rounds(awake, &wait)) {
		/* as a timeout closes the window */
		ch = ch_make(0, 16, 0);
		ASSERT_TRUE(wait_short(ch));
		settle();
		call = call_select(ch);
		call_recv(call, ch);
		end = now_ns() + DEADLINE_NS;
		call->arg.timeout = end;
		call_start(call, BY_THREAD);
		spins = is_spinning(call->id) != one_processor();
		sleep_until(end);
		before = kernel_ticks(-1);
		EXPECT_EQ(-ETIMEDOUT, call_wait(call));
		EXPECT_LE(end, now_ns());
		awake += spins;
		late += spins && kernel_ticks(-1) - before >= LATE_TICKS;
		call_free(call);
		close(ch);
	}
	EXPECT_EQ(ROUNDS, awake);
	EXPECT_GE(FEW, late);
}

TEST_F(spin, r13_polled)
{
	struct call *call = call_select(self->ch);
	const int event = eventfd(0, EFD_CLOEXEC);
	const struct wait wait = wait_begin();
	int awake = 0, late = 0;
	long long before;
	eventfd_t count;
	bool spins;

	ASSERT_LE(0, event);
	ASSERT_TRUE(wait_short(self->ch));
	call_recv(call, self->ch);
	call_poll(call, event, POLLIN);
	while (more_rounds(awake, &wait)) {
		settle();
		call_reset(call);
		call->ops[1].events = POLLIN;
		call_start(call, BY_THREAD);
		ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
		spins = is_spinning(call->id) != one_processor();
		before = kernel_ticks(-1);
		ASSERT_EQ(0, eventfd_write(event, 1));
		ASSERT_EQ(1, call_wait(call));
		awake += spins;
		late += spins && kernel_ticks(-1) - before >= LATE_TICKS;
		ASSERT_EQ(0, eventfd_read(event, &count));
	}
	EXPECT_EQ(ROUNDS, awake);
	EXPECT_GE(FEW, late);
	call_free(call);
}

/* ---- who does not spin ---- */

TEST_F(spin, disabled)
{
	int spun;

	ASSERT_TRUE(wait_short(self->ch));
	ASSERT_EQ(0, set_param("spin_us", 0));
	spun = count_spinning(self->ch);
	EXPECT_LE(0, spun);
	EXPECT_GE(FEW, spun);
}

/* Only the first waiter may be completed next, so only it spins. */
TEST_F(spin, only_first_spins)
{
	struct job *first, *second;
	int i, spun = 0;

	ASSERT_TRUE(wait_short(self->ch));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, set_param("spin_us", 0));
		first = start_waiting(self->ch, BY_THREAD);
		ASSERT_NE(NULL, first);
		ASSERT_TRUE(wait_asleep(first->id));
		ASSERT_EQ(0, set_param("spin_us", SPIN_US));
		second = job_recv(BY_THREAD, self->ch, 16);
		ASSERT_TRUE(wait_for_waiters(self->ch, 0, 2));
		spun += is_spinning(second->id);
		EXPECT_EQ(1, send_text(self->ch, "a"));
		EXPECT_EQ(1, send_text(self->ch, "b"));
		EXPECT_STREQ("a", job_text(first));
		EXPECT_STREQ("b", job_text(second));
	}
	EXPECT_GE(FEW, spun);
}

static bool rival_stop;

static void *rival_run(void *arg)
{
	while (!__atomic_load_n(&rival_stop, __ATOMIC_SEQ_CST))
		;
	return arg;
}

/* Another task wants the processor to which this thread, and those it creates, are pinned. */
static bool rival_start(pthread_t *rival)
{
	__atomic_store_n(&rival_stop, false, __ATOMIC_SEQ_CST);
	return pin(pthread_self(), 0) && !pthread_create(rival, NULL, rival_run, NULL);
}

static bool unpin(void)
{
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	return !sched_setaffinity(0, sizeof(all), &all);
}

static bool rival_end(pthread_t rival)
{
	__atomic_store_n(&rival_stop, true, __ATOMIC_SEQ_CST);
	return !pthread_join(rival, NULL) && unpin();
}

TEST_F(spin, processor_wanted)
{
	pthread_t rival;
	int spun;

	ASSERT_TRUE(wait_short(self->ch));
	ASSERT_TRUE(rival_start(&rival));
	spun = count_spinning(self->ch);
	EXPECT_LE(0, spun);
	EXPECT_GE(FEW, spun);
	ASSERT_TRUE(rival_end(rival));
}

struct receiver {
	int ch;
	pid_t tid;
	int err;
};

/* Fails for a task that is not allowed to run on all processors. */
static int set_deadline_policy(void)
{
	/* struct sched_attr, whose header does not go with <sched.h> */
	const struct {
		unsigned int size, policy;
		unsigned long long flags;
		int nice;
		unsigned int priority;
		unsigned long long runtime, deadline, period;
	} attr = {
		.size = sizeof(attr),
		.policy = SCHED_DEADLINE,
		.runtime = 90 * NS_PER_MS,
		.deadline = 100 * NS_PER_MS,
		.period = 100 * NS_PER_MS,
	};

	return syscall(SYS_sched_setattr, 0, &attr, 0) ? -errno : 0;
}

static void *recv_by_deadline(void *arg)
{
	struct receiver *receiver = arg;
	char buf[16];
	int i;

	receiver->tid = gettid();
	/* it stays on the processor that the main thread does not use; there may be only one */
	pin(pthread_self(), 1);
	unpin();
	receiver->err = set_deadline_policy();
	for (i = 0; i < ROUNDS && !receiver->err; i++) {
		settle();
		if (ch_recv(receiver->ch, buf, sizeof(buf)) != 1)
			receiver->err = -EIO;
	}
	return NULL;
}

/* Its processor time is allotted to it. */
TEST_F(spin, deadline_task)
{
	struct receiver receiver = { .ch = self->ch };
	pthread_t thread;
	int i, spun = 0;

	ASSERT_TRUE(wait_short(self->ch));
	ASSERT_TRUE(pin(pthread_self(), 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, recv_by_deadline, &receiver));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
		spun += is_spinning(receiver.tid);
		EXPECT_EQ(1, send_text(self->ch, "a"));
	}
	EXPECT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, receiver.err);
	EXPECT_GE(FEW, spun);
}

/* ---- the window ---- */

TEST_F(spin, short_waits_open)
{
	int i, ch, spins, spun = 0;
	struct job *job;

	for (i = 0; i < ROUNDS; i++) {
		ch = ch_make(0, 16, 0);
		spins = try_spinning(ch);
		ASSERT_LE(0, spins);
		spun += spins;
		job = start_spinning(ch, BY_THREAD);
		ASSERT_NE(NULL, job);
		EXPECT_TRUE(complete(job));
		close(ch);
	}
	EXPECT_GE(FEW, spun);
}

/*
 * A receiver sleeps for LONG_NS at least. 1 if that was twice as long as it took to wake up
 * thereafter, 0 if not, -1 on failure. spin_us is short meanwhile.
 */
static int wait_long(int ch)
{
	struct job *job = start_waiting(ch, BY_THREAD);
	long long sent;

	if (!job || !wait_asleep(job->id) || set_param("spin_us", 1))
		return -1;
	usleep(LONG_NS / 1000);
	sent = now_ns();
	if (!complete(job))
		return -1;
	sent = now_ns() - sent;
	return set_param("spin_us", SPIN_US) ? -1 : 2 * sent < LONG_NS;
}

TEST_F(spin, long_waits_close)
{
	const struct wait wait = wait_begin();
	int ch, closed, spins, rounds = 0, spun = 0;
	pthread_t rival;

	while (more_rounds(rounds, &wait)) {
		ch = ch_make(0, 16, 0);
		ASSERT_TRUE(wait_short(ch));
		/* otherwise it would be a timeout that closes the window */
		ASSERT_TRUE(rival_start(&rival));
		closed = wait_long(ch);
		ASSERT_LE(0, closed);
		ASSERT_TRUE(rival_end(rival));
		spins = try_spinning(ch);
		ASSERT_LE(0, spins);
		rounds += closed;
		spun += closed && spins;
		close(ch);
	}
	EXPECT_EQ(ROUNDS, rounds);
	EXPECT_GE(FEW, spun);
}

/*
 * A receiver takes longer to wake up than it has waited, because a hog occupies its
 * processor. spin_us is short meanwhile.
 */
static bool wake_late(int ch)
{
	const long long begin = now_ns();
	struct job *job = start_waiting(ch, BY_THREAD);
	long long sent;
	pthread_t hog;

	if (!job || !wait_asleep(job->id) || set_param("spin_us", 1) || !pin(job->thread, 1) ||
	    !pin(pthread_self(), 0) || !hog_start(&hog, 1))
		return false;
	sent = now_ns();
	if (send_text(ch, "a") != 1)
		return false;
	while (now_ns() - sent < sent - begin)
		usleep(1000);
	hog_end(hog);
	return job_wait(job) == 1 && !set_param("spin_us", SPIN_US) && unpin();
}

/* How short a wait has to be depends on how long it takes to wake up. */
TEST_F(spin, late_wakeups_open)
{
	const struct wait wait = wait_begin();
	int ch, spins, spun = 0;

	while (!one_processor() && more_rounds(spun, &wait)) {
		ch = ch_make(0, 16, 0);
		ASSERT_TRUE(wake_late(ch));
		spins = try_spinning(ch);
		ASSERT_LE(0, spins);
		spun += spins;
		close(ch);
	}
	EXPECT_EQ(one_processor() ? 0 : ROUNDS, spun);
}

/* Time for which a receiver, now asleep, ran or was to run; -1 if it does not sleep. */
static long long ran_until_asleep(const struct job *job)
{
	struct timespec ts;
	clockid_t clock;

	if (!wait_asleep(job->id) || pthread_getcpuclockid(job->thread, &clock) ||
	    clock_gettime(clock, &ts))
		return -1;
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/*
 * A receiver spins until the window, which is open, ends: 1. 0 if another task has ended it
 * early, -1 on failure.
 */
static int time_out(int ch)
{
	struct job *job;
	long long ran;

	if (set_param("spin_us", 5 * WINDOW_US))
		return -1;
	job = start_waiting(ch, BY_THREAD);
	if (!job)
		return -1;
	ran = ran_until_asleep(job);
	if (ran < 0 || set_param("spin_us", SPIN_US) || !complete(job))
		return -1;
	return ran > 1000LL * WINDOW_US;
}

/*
 * How many short waits follow until a receiver spins, which is interrupted. 0 if the first
 * one may have spun, too, and not for long as another task wanted its processor; -1 on
 * failure.
 */
static int count_skipped(int ch)
{
	const struct wait wait = wait_begin();
	struct job *job;
	long long ran;
	int n = 0;

	do {
		job = start_waiting(ch, BY_THREAD);
		if (!job)
			return -1;
		if (is_spinning(job->id)) {
			job_signal(job, SIGUSR1);
			return job_wait(job) == -EINTR ? n : -1;
		}
		ran = ran_until_asleep(job);
		if (ran < 0 || !complete(job))
			return -1;
		if (!n && ran > AT_ONCE_NS)
			return 0;
		n++;
	} while (wait_more(&wait));
	return -1;
}

/*
 * The window is between WINDOW_US and five times that: long enough to tell from a receiver that
 * sleeps at once, and so short that seldom another task ends it early. With PREEMPT_RT one did
 * most of the time at 100 ms.
 */
TEST_F(spin, timeouts_close)
{
	const struct sigaction action = { .sa_handler = ignore };
	const struct wait wait = wait_begin();
	/* how many at least; the wait that timed out counts, and the last one opens the window */
	static const int least[] = { 2, 4, 8, 16, 32 };
	int timed_out, skipped;
	unsigned int i = 0;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_TRUE(wait_short(self->ch));
	while (!one_processor() && i < ARRAY_SIZE(least) && wait_more(&wait)) {
		timed_out = time_out(self->ch);
		ASSERT_LE(0, timed_out);
		skipped = count_skipped(self->ch);
		ASSERT_LE(0, skipped);
		if (timed_out && skipped) {
			EXPECT_LE(least[i], skipped);
			i++;
		}
	}
	EXPECT_EQ(one_processor() ? 0 : ARRAY_SIZE(least), i);
}

TEST_HARNESS_MAIN
