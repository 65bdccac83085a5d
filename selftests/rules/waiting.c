// SPDX-License-Identifier: GPL-2.0
/*
 * Blocked senders and receivers: in which order they are completed, and how
 * they are interrupted and killed.
 */
#include <kselftest_harness.h>

#include "../lib/common.h"

#include <fcntl.h>
#include <signal.h>

#define WAITERS	6
#define ROUNDS	500

FIXTURE(waitq) {
};

FIXTURE_VARIANT(waitq) {
	enum by by;
	unsigned int capacity;
};

FIXTURE_VARIANT_ADD(waitq, threads_unbuffered) {
	.by = BY_THREAD,
	.capacity = 0,
};

FIXTURE_VARIANT_ADD(waitq, threads_buffered) {
	.by = BY_THREAD,
	.capacity = 2,
};

FIXTURE_VARIANT_ADD(waitq, processes_unbuffered) {
	.by = BY_PROCESS,
	.capacity = 0,
};

FIXTURE_VARIANT_ADD(waitq, processes_buffered) {
	.by = BY_PROCESS,
	.capacity = 2,
};

static int *handled;

static void count_signal(int sig)
{
	(void)sig;
	__atomic_fetch_add(handled, 1, __ATOMIC_SEQ_CST);
}

static void on_signal(int flags)
{
	struct sigaction action = {
		.sa_handler = count_signal,
		.sa_flags = flags,
	};

	sigaction(SIGUSR1, &action, NULL);
}

static bool wait_handled(int count)
{
	const struct wait wait = wait_begin();

	do {
		if (__atomic_load_n(handled, __ATOMIC_SEQ_CST) == count)
			return true;
	} while (wait_more(&wait));
	return false;
}

FIXTURE_SETUP(waitq)
{
	handled = mmap(NULL, sizeof(*handled), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, handled);
}

FIXTURE_TEARDOWN(waitq)
{
}

static const char *number(int i)
{
	static char text[16];

	snprintf(text, sizeof(text), "%d", i);
	return text;
}

/* Fill the channel with messages "0" and up; returns how many. */
static int fill_channel(int ch)
{
	int i = 0;

	while (try_send_text(ch, number(i)) > 0)
		i++;
	return i;
}

/* R7: blocked senders are completed in order of arrival. */
TEST_F(waitq, r7_senders_in_order)
{
	const int ch = ch_make(variant->capacity, 16, 0);
	struct job *jobs[WAITERS];
	int i, buffered;

	ASSERT_LE(0, ch);
	buffered = fill_channel(ch);
	ASSERT_EQ((int)variant->capacity, buffered);
	for (i = 0; i < WAITERS; i++) {
		jobs[i] = job_send_text(variant->by, ch, number(buffered + i));
		ASSERT_TRUE(wait_for_waiters(ch, i + 1, 0));
	}
	for (i = 0; i < WAITERS; i++) {
		EXPECT_STREQ(number(i), recv_text(ch));
		EXPECT_EQ(1, job_wait(jobs[i]));
		EXPECT_EQ(WAITERS - 1U - i, ch_info(ch).senders_waiting);
	}
	for (; i < WAITERS + buffered; i++)
		EXPECT_STREQ(number(i), recv_text(ch));
	EXPECT_STREQ("(EAGAIN)", try_recv_text(ch));
}

/* R7: blocked receivers are completed in order of arrival. */
TEST_F(waitq, r7_receivers_in_order)
{
	const int ch = ch_make(variant->capacity, 16, 0);
	struct job *jobs[WAITERS];
	int i;

	ASSERT_LE(0, ch);
	for (i = 0; i < WAITERS; i++) {
		jobs[i] = job_recv(variant->by, ch, 16);
		ASSERT_TRUE(wait_for_waiters(ch, 0, i + 1));
	}
	for (i = 0; i < WAITERS; i++)
		EXPECT_EQ(1, try_send_text(ch, number(i)));
	for (i = 0; i < WAITERS; i++)
		EXPECT_STREQ(number(i), job_text(jobs[i]));
}

/* R7: a new send does not overtake blocked senders. */
TEST_F(waitq, r7_senders_do_not_overtake)
{
	const int ch = ch_make(variant->capacity, 16, 0);
	struct job *first, *second;
	int buffered, i;

	ASSERT_LE(0, ch);
	buffered = fill_channel(ch);
	first = job_send_text(variant->by, ch, "first");
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	second = job_send_text(variant->by, ch, "second");
	ASSERT_TRUE(wait_for_waiters(ch, 2, 0));
	for (i = 0; i < buffered; i++) {
		EXPECT_STREQ(number(i), recv_text(ch));
		EXPECT_EQ(-EAGAIN, try_send_text(ch, "more"));
	}
	EXPECT_STREQ("first", recv_text(ch));
	EXPECT_STREQ("second", recv_text(ch));
	EXPECT_EQ(5, job_wait(first));
	EXPECT_EQ(6, job_wait(second));
}

/* R7: a new receive does not take the message handed off to a blocked receiver. */
TEST_F(waitq, r7_receivers_do_not_overtake)
{
	const int ch = ch_make(variant->capacity, 16, 0);
	struct job *job;
	int i;

	ASSERT_LE(0, ch);
	for (i = 0; i < 10; i++) {
		job = job_recv(variant->by, ch, 16);
		ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
		EXPECT_EQ(1, try_send_text(ch, "a"));
		EXPECT_STREQ("(EAGAIN)", try_recv_text(ch));
		EXPECT_STREQ("a", job_text(job));
	}
}

/*
 * R7: one message wakes one receiver, so that each sleeps about once. If each
 * message woke all of n, they would sleep n * (n + 1) / 2 times instead of n.
 */
TEST_F(waitq, r7_wakes_one_receiver)
{
	const int ch = ch_make(variant->capacity, 16, 0);
	struct job *jobs[2 * WAITERS];
	long switches = 0;
	int i, k;

	ASSERT_LE(0, ch);
	for (i = 0; i < 2 * WAITERS; i++) {
		jobs[i] = job_recv(variant->by, ch, 16);
		ASSERT_TRUE(wait_for_waiters(ch, 0, i + 1));
	}
	for (i = 0; i < 2 * WAITERS; i++) {
		for (k = i; k < 2 * WAITERS; k++)
			ASSERT_TRUE(wait_asleep(jobs[k]->id));
		EXPECT_EQ(1, send_text(ch, "a"));
		EXPECT_EQ(1, job_wait(jobs[i]));
		switches += jobs[i]->switches;
	}
	EXPECT_LE(2 * WAITERS, switches);
	EXPECT_GT(4 * WAITERS, switches);
}

/* R7: one free slot wakes one sender. */
TEST_F(waitq, r7_wakes_one_sender)
{
	const int ch = ch_make(variant->capacity, 16, 0);
	struct job *jobs[2 * WAITERS];
	long switches = 0;
	int i, k;

	ASSERT_LE(0, ch);
	fill_channel(ch);
	for (i = 0; i < 2 * WAITERS; i++) {
		jobs[i] = job_send_text(variant->by, ch, "a");
		ASSERT_TRUE(wait_for_waiters(ch, i + 1, 0));
	}
	for (i = 0; i < 2 * WAITERS; i++) {
		for (k = i; k < 2 * WAITERS; k++)
			ASSERT_TRUE(wait_asleep(jobs[k]->id));
		recv_text(ch);
		EXPECT_EQ(1, job_wait(jobs[i]));
		switches += jobs[i]->switches;
	}
	EXPECT_LE(2 * WAITERS, switches);
	EXPECT_GT(4 * WAITERS, switches);
}

/* R8: a signal removes waiters from the wait queues without a trace. */
TEST_F(waitq, r8_signal_interrupts)
{
	const int ch = ch_make(variant->capacity, 16, 0);
	const int full = ch_make(variant->capacity, 16, 0);
	struct job *receiver, *sender;
	int i, buffered;

	ASSERT_LE(0, ch);
	ASSERT_LE(0, full);
	buffered = fill_channel(full);
	on_signal(0);
	receiver = job_recv(variant->by, ch, 16);
	sender = job_send_text(variant->by, full, "lost");
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	ASSERT_TRUE(wait_for_waiters(full, 1, 0));
	job_signal(receiver, SIGUSR1);
	job_signal(sender, SIGUSR1);
	EXPECT_EQ(-EINTR, job_wait(receiver));
	EXPECT_EQ(-EINTR, job_wait(sender));
	EXPECT_EQ(0U, ch_info(ch).receivers_waiting);
	EXPECT_EQ(0U, ch_info(full).senders_waiting);
	for (i = 0; i < buffered; i++)
		EXPECT_STREQ(number(i), recv_text(full));
	EXPECT_STREQ("(EAGAIN)", try_recv_text(full));
}

/* R8: with SA_RESTART they are queued again and complete. */
TEST_F(waitq, r8_signal_restarts)
{
	const int ch = ch_make(variant->capacity, 16, 0);
	const int full = ch_make(variant->capacity, 16, 0);
	struct job *receiver, *sender;
	int i, buffered;

	ASSERT_LE(0, ch);
	ASSERT_LE(0, full);
	buffered = fill_channel(full);
	on_signal(SA_RESTART);
	receiver = job_recv(variant->by, ch, 16);
	sender = job_send_text(variant->by, full, "more");
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	ASSERT_TRUE(wait_for_waiters(full, 1, 0));
	job_signal(receiver, SIGUSR1);
	job_signal(sender, SIGUSR1);
	ASSERT_TRUE(wait_handled(2));
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_STREQ("a", job_text(receiver));
	for (i = 0; i < buffered; i++)
		EXPECT_STREQ(number(i), recv_text(full));
	EXPECT_STREQ("more", recv_text(full));
	EXPECT_EQ(4, job_wait(sender));
	EXPECT_STREQ("(EAGAIN)", try_recv_text(full));
}

FIXTURE(race) {
};

FIXTURE_VARIANT(race) {
	unsigned int capacity;
};

FIXTURE_VARIANT_ADD(race, unbuffered) {
	.capacity = 0,
};

FIXTURE_VARIANT_ADD(race, buffered) {
	.capacity = 2,
};

FIXTURE_SETUP(race)
{
	handled = calloc(1, sizeof(*handled));
	ASSERT_NE(NULL, handled);
}

FIXTURE_TEARDOWN(race)
{
	free(handled);
}

struct racer {
	int ch;
	int got;
	bool stop;
};

static void *receive_until_end(void *arg)
{
	struct racer *racer = arg;
	ssize_t ret;
	char c;

	while ((ret = ch_recv(racer->ch, &c, 1)))
		racer->got += ret == 1;
	return NULL;
}

static void *send_until_closed(void *arg)
{
	struct racer *racer = arg;
	ssize_t ret;

	while ((ret = ch_send(racer->ch, "a", 1)) != -EPIPE)
		racer->got += ret == 1;
	return NULL;
}

/* Vary the delay, so that the race is hit at different points. */
static void delay(int round)
{
	const long long end = now_ns() + round % 50 * 2000LL;

	while (now_ns() < end)
		;
}

/* R8: a signal races with a send: the receive happens and says so, or it does not. */
TEST_F(race, r8_signal_races_send)
{
	struct racer racer = { .ch = ch_make(variant->capacity, 16, 0) };
	pthread_t thread;
	int i, sent = 0;

	ASSERT_LE(0, racer.ch);
	on_signal(0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, receive_until_end, &racer));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_TRUE(wait_for_waiters(racer.ch, 0, 1));
		if (i % 8)
			pthread_kill(thread, SIGUSR1);
		delay(i);
		sent += try_send_text(racer.ch, "a") == 1;
	}
	EXPECT_EQ(0, ch_close(racer.ch));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(sent, racer.got);
	EXPECT_LT(0, sent);
	EXPECT_EQ(sent, (int)ch_info(racer.ch).received);
}

/* R8: likewise a signal to a blocked sender and a receive. */
TEST_F(race, r8_signal_races_recv)
{
	struct racer racer = { .ch = ch_make(variant->capacity, 16, 0) };
	pthread_t thread;
	int i, got = 0;
	char c;

	ASSERT_LE(0, racer.ch);
	on_signal(0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_until_closed, &racer));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_TRUE(wait_for_waiters(racer.ch, 1, 0));
		if (i % 8)
			pthread_kill(thread, SIGUSR1);
		delay(i);
		got += ch_try_recv(racer.ch, &c, 1) == 1;
	}
	EXPECT_EQ(0, ch_close(racer.ch));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	while (ch_recv(racer.ch, &c, 1) == 1)
		got++;
	EXPECT_EQ(got, racer.got);
	EXPECT_LT(0, got);
}

/* R8: a killed sender leaves the wait queue, the others stay in it. */
TEST_F(waitq, r8_killed_sender)
{
	const int ch = ch_make(variant->capacity, 16, 0);
	struct job *jobs[3];
	int i, buffered;

	ASSERT_LE(0, ch);
	buffered = fill_channel(ch);
	for (i = 0; i < 3; i++) {
		jobs[i] = job_send_text(i == 1 ? BY_PROCESS : variant->by, ch,
					number(buffered + i));
		ASSERT_TRUE(wait_for_waiters(ch, i + 1, 0));
	}
	EXPECT_EQ(-EINPROGRESS, job_kill(jobs[1]));
	EXPECT_EQ(2U, ch_info(ch).senders_waiting);
	for (i = 0; i < buffered + 3; i++) {
		if (i != buffered + 1)
			EXPECT_STREQ(number(i), recv_text(ch));
	}
	EXPECT_EQ(1, job_wait(jobs[0]));
	EXPECT_EQ(1, job_wait(jobs[2]));
	EXPECT_STREQ("(EAGAIN)", try_recv_text(ch));
}

/* R8: a killed receiver leaves the wait queue, and the next one gets the message. */
TEST_F(waitq, r8_killed_receiver)
{
	const int ch = ch_make(variant->capacity, 16, 0);
	struct job *jobs[3];
	int i;

	ASSERT_LE(0, ch);
	for (i = 0; i < 3; i++) {
		jobs[i] = job_recv(i == 1 ? BY_PROCESS : variant->by, ch, 16);
		ASSERT_TRUE(wait_for_waiters(ch, 0, i + 1));
	}
	EXPECT_EQ(-EINPROGRESS, job_kill(jobs[1]));
	EXPECT_EQ(2U, ch_info(ch).receivers_waiting);
	EXPECT_EQ(1, try_send_text(ch, "0"));
	EXPECT_EQ(1, try_send_text(ch, "2"));
	EXPECT_STREQ("0", job_text(jobs[0]));
	EXPECT_STREQ("2", job_text(jobs[2]));
}

/* R8: when all waiters are killed the channel is as good as new. */
TEST_F(waitq, r8_all_killed)
{
	const int ch = ch_make(variant->capacity, 16, 0);
	struct job *jobs[WAITERS];
	int i;

	ASSERT_LE(0, ch);
	for (i = 0; i < WAITERS; i++)
		jobs[i] = job_recv(BY_PROCESS, ch, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, WAITERS));
	for (i = 0; i < WAITERS; i++)
		EXPECT_EQ(-EINPROGRESS, job_kill(jobs[i]));
	EXPECT_EQ(0U, ch_info(ch).receivers_waiting);
	EXPECT_EQ((int)variant->capacity, fill_channel(ch));
	for (i = 0; i < WAITERS; i++)
		jobs[i] = job_send_text(BY_PROCESS, ch, "lost");
	ASSERT_TRUE(wait_for_waiters(ch, WAITERS, 0));
	for (i = 0; i < WAITERS; i++)
		EXPECT_EQ(-EINPROGRESS, job_kill(jobs[i]));
	EXPECT_EQ(0U, ch_info(ch).senders_waiting);
	for (i = 0; i < (int)variant->capacity; i++)
		EXPECT_STREQ(number(i), recv_text(ch));
	EXPECT_STREQ("(EAGAIN)", try_recv_text(ch));
}

/* R8: a process exits while its threads are blocked. */
TEST_F(waitq, r8_exit_with_blocked_threads)
{
	const int ch = ch_make(variant->capacity, 16, 0);
	const int full = ch_make(variant->capacity, 16, 0);
	pid_t pid;
	int i;

	ASSERT_LE(0, ch);
	ASSERT_LE(0, full);
	fill_channel(full);
	pid = child();
	if (!pid) {
		for (i = 0; i < 3; i++) {
			job_recv(BY_THREAD, ch, 16);
			job_send_text(BY_THREAD, full, "lost");
		}
		_exit(!wait_for_waiters(ch, 0, 3) ||
		      !wait_for_waiters(full, 3, 0));
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0U, ch_info(ch).receivers_waiting);
	EXPECT_EQ(0U, ch_info(full).senders_waiting);
	EXPECT_EQ(variant->capacity ? 1 : -EAGAIN, try_send_text(ch, "a"));
}

/* R8: close(2) of a descriptor does not wake an operation blocked on it. */
TEST_F(waitq, r8_close2_does_not_wake)
{
	const int ch = ch_make(variant->capacity, 16, 0);
	struct job *receiver, *sender;
	int fds[2];

	ASSERT_LE(0, ch);
	fds[0] = ch_dup(ch, O_RDONLY);
	receiver = job_recv(BY_THREAD, fds[0], 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	close(fds[0]);
	ASSERT_TRUE(wait_asleep(receiver->id));
	EXPECT_EQ(1U, ch_info(ch).receivers_waiting);
	EXPECT_EQ(2U, ch_info(ch).recv_handles);
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_STREQ("a", job_text(receiver));
	EXPECT_EQ(1U, ch_info(ch).recv_handles);

	fill_channel(ch);
	fds[1] = ch_dup(ch, O_WRONLY);
	sender = job_send_text(BY_THREAD, fds[1], "b");
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	close(fds[1]);
	ASSERT_TRUE(wait_asleep(sender->id));
	EXPECT_EQ(1U, ch_info(ch).senders_waiting);
	recv_text(ch);
	EXPECT_EQ(1, job_wait(sender));
	EXPECT_EQ(1U, ch_info(ch).send_handles);
}

/* R8: a fork during a blocked receive does not duplicate the receiver. */
TEST_F(waitq, r8_fork_while_blocked)
{
	const int ch = ch_make(variant->capacity, 16, 0);
	struct job *job;
	pid_t pid;

	ASSERT_LE(0, ch);
	job = job_recv(variant->by, ch, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	pid = child();
	if (!pid)
		_exit(ch_info(ch).receivers_waiting != 1);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(1U, ch_info(ch).receivers_waiting);
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_STREQ("a", job_text(job));
}

/* R8: a stopped waiter completes once it is continued. */
TEST_F(waitq, r8_stopped)
{
	const int ch = ch_make(variant->capacity, 16, 0);
	struct job *job;
	int status;

	ASSERT_LE(0, ch);
	job = job_recv(BY_PROCESS, ch, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	job_signal(job, SIGSTOP);
	ASSERT_EQ(job->id, waitpid(job->id, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
	job_signal(job, SIGCONT);
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_STREQ("a", job_text(job));
}

TEST_HARNESS_MAIN
