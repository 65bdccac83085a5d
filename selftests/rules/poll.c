// SPDX-License-Identifier: GPL-2.0
/*
 * R13: what poll, select, epoll and SIGIO report in each state of a channel, and
 * which pollers are woken.
 */
#include <kselftest_harness.h>

#include "../lib/common.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>

#define IN	(POLLIN | POLLRDNORM)
#define OUT	(POLLOUT | POLLWRNORM)

FIXTURE(poll) {
};

FIXTURE_SETUP(poll)
{
}

FIXTURE_TEARDOWN(poll)
{
	unlink_all();
}

/* R13: a buffered channel, on handles with each of the rights. */
TEST(r13_buffered)
{
	const int ch = ch_make(2, 16, 0);
	const int receiver = ch_dup(ch, O_RDONLY);
	const int sender = ch_dup(ch, O_WRONLY);

	ASSERT_LE(0, receiver);
	ASSERT_LE(0, sender);
	EXPECT_EQ(OUT, ch_poll(ch));
	EXPECT_EQ(0, ch_poll(receiver));
	EXPECT_EQ(OUT, ch_poll(sender));
	send_text(ch, "a");
	EXPECT_EQ(IN | OUT, ch_poll(ch));
	EXPECT_EQ(IN, ch_poll(receiver));
	EXPECT_EQ(OUT, ch_poll(sender));
	send_text(ch, "b");
	EXPECT_EQ(IN, ch_poll(ch));
	EXPECT_EQ(IN, ch_poll(receiver));
	EXPECT_EQ(0, ch_poll(sender));
	recv_text(ch);
	EXPECT_EQ(IN | OUT, ch_poll(ch));
	EXPECT_EQ(OUT, ch_poll(sender));
	recv_text(ch);
	EXPECT_EQ(OUT, ch_poll(ch));
	EXPECT_EQ(0, ch_poll(receiver));
}

/* R13: an unbuffered channel is ready while a peer is blocked. */
TEST(r13_unbuffered)
{
	const int ch = ch_make(0, 16, 0);
	const int receiver = ch_dup(ch, O_RDONLY);
	const int sender = ch_dup(ch, O_WRONLY);
	struct job *job;

	ASSERT_LE(0, receiver);
	ASSERT_LE(0, sender);
	EXPECT_EQ(0, ch_poll(ch));
	EXPECT_EQ(0, ch_poll(receiver));
	EXPECT_EQ(0, ch_poll(sender));

	job = job_send_text(BY_THREAD, ch, "a");
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	EXPECT_EQ(IN, ch_poll(ch));
	EXPECT_EQ(IN, ch_poll(receiver));
	EXPECT_EQ(0, ch_poll(sender));
	EXPECT_STREQ("a", recv_text(ch));
	EXPECT_EQ(1, job_wait(job));
	EXPECT_EQ(0, ch_poll(ch));

	job = job_recv(BY_THREAD, ch, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	EXPECT_EQ(OUT, ch_poll(ch));
	EXPECT_EQ(0, ch_poll(receiver));
	EXPECT_EQ(OUT, ch_poll(sender));
	EXPECT_EQ(1, send_text(ch, "b"));
	EXPECT_EQ(1, job_wait(job));
	EXPECT_EQ(0, ch_poll(ch));
}

/* R8, R13: an unbuffered channel is not ready after its waiter was killed. */
TEST(r8_r13_killed_waiter)
{
	const int ch = ch_make(0, 16, 0);
	struct job *job;

	ASSERT_LE(0, ch);
	job = job_send_text(BY_PROCESS, ch, "a");
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	EXPECT_EQ(IN, ch_poll(ch));
	job_kill(job);
	EXPECT_EQ(0, ch_poll(ch));
	job = job_recv(BY_PROCESS, ch, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	EXPECT_EQ(OUT, ch_poll(ch));
	job_kill(job);
	EXPECT_EQ(0, ch_poll(ch));
}

/* R5, R13: closed with a buffered message, then drained. */
TEST(r5_r13_closed)
{
	const int ch = ch_make(1, 16, 0);
	const int receiver = ch_dup(ch, O_RDONLY);
	const int sender = ch_dup(ch, O_WRONLY);

	ASSERT_LE(0, receiver);
	ASSERT_LE(0, sender);
	send_text(ch, "a");
	ASSERT_EQ(0, ch_close(ch));
	EXPECT_EQ(IN | POLLRDHUP, ch_poll(receiver));
	EXPECT_EQ(IN | OUT | POLLRDHUP, ch_poll(ch));
	EXPECT_EQ(OUT | POLLERR, ch_poll(sender) & (IN | OUT | POLLERR));
	recv_text(ch);
	EXPECT_EQ(POLLHUP | POLLRDHUP, ch_poll(receiver));
	EXPECT_EQ(OUT | POLLHUP | POLLRDHUP, ch_poll(ch));
	EXPECT_EQ(OUT | POLLERR, ch_poll(sender) & (IN | OUT | POLLERR));
}

/* R6, R13: no senders are left, with a buffered message and drained. */
TEST(r6_r13_no_senders)
{
	int fds[2];

	ASSERT_EQ(0, ch_pair(fds, 1, 16, 0));
	EXPECT_EQ(0, ch_poll(fds[0]));
	send_text(fds[1], "a");
	close(fds[1]);
	EXPECT_EQ(IN | POLLRDHUP, ch_poll(fds[0]));
	recv_text(fds[0]);
	EXPECT_EQ(POLLHUP | POLLRDHUP, ch_poll(fds[0]));
}

/* R6, R13: no receivers are left: a send would not block, but fail. */
TEST(r6_r13_no_receivers)
{
	unsigned int capacity;
	int fds[2];

	for (capacity = 0; capacity < 2; capacity++) {
		ASSERT_EQ(0, ch_pair(fds, capacity, 16, 0));
		EXPECT_EQ(capacity ? OUT : 0, ch_poll(fds[1]));
		close(fds[0]);
		EXPECT_EQ(OUT | POLLERR,
			  ch_poll(fds[1]) & (IN | OUT | POLLERR));
		close(fds[1]);
	}
}

/* R6, R13: a named channel hangs up only when it is unlinked. */
TEST_F(poll, r6_r13_named)
{
	const int ch = ch_make_named(PREFIX "poll", 1, 0600);
	const int receiver = ch_open(PREFIX "poll", O_RDONLY);

	ASSERT_LE(0, receiver);
	close(ch);
	EXPECT_EQ(0, ch_poll(receiver));
	ASSERT_EQ(0, ch_unlink(PREFIX "poll"));
	EXPECT_EQ(POLLHUP | POLLRDHUP, ch_poll(receiver));
}

struct poller {
	int fd;
	short events;
	short revents;
	pid_t tid;
	bool done;
};

static void *poll_once(void *arg)
{
	struct poller *poller = arg;
	struct pollfd pfd = { .fd = poller->fd, .events = poller->events };

	__atomic_store_n(&poller->tid, gettid(), __ATOMIC_SEQ_CST);
	ppoll(&pfd, 1, NULL, NULL);
	poller->revents = pfd.revents;
	__atomic_store_n(&poller->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

static bool is_done(const struct poller *poller)
{
	return __atomic_load_n(&poller->done, __ATOMIC_SEQ_CST);
}

/* Wait until the poller is blocked in system call @nr. */
static bool wait_polling(const struct poller *poller, long nr)
{
	const struct wait wait = wait_begin();

	while (!__atomic_load_n(&poller->tid, __ATOMIC_SEQ_CST))
		if (!wait_more(&wait))
			return false;
	return wait_in_syscall(poller->tid, nr);
}

static bool start_poller(pthread_t *thread, struct poller *poller)
{
	return !pthread_create(thread, NULL, poll_once, poller) &&
	       wait_polling(poller, SYS_ppoll);
}

/* R13: a poller is woken by the events that it asked for, and no others. */
TEST_F(poll, r13_wakes_in_and_out)
{
	const int ch = ch_make(2, 16, 0);
	struct poller in = { .fd = ch, .events = POLLIN };
	struct poller out = { .fd = ch, .events = POLLOUT };
	pthread_t threads[2];

	ASSERT_LE(0, ch);
	ASSERT_TRUE(start_poller(&threads[0], &in));
	EXPECT_EQ(1, send_text(ch, "a"));
	ASSERT_EQ(0, pthread_join(threads[0], NULL));
	EXPECT_EQ(POLLIN, in.revents);

	EXPECT_EQ(1, send_text(ch, "b"));
	ASSERT_TRUE(start_poller(&threads[1], &out));
	EXPECT_FALSE(is_done(&out));
	EXPECT_STREQ("a", recv_text(ch));
	ASSERT_EQ(0, pthread_join(threads[1], NULL));
	EXPECT_EQ(POLLOUT, out.revents);
}

/* R13: a receiver that blocks wakes pollers for a send, and vice versa. */
TEST_F(poll, r13_wakes_unbuffered)
{
	const int ch = ch_make(0, 16, 0);
	struct poller in = { .fd = ch, .events = POLLIN };
	struct poller out = { .fd = ch, .events = POLLOUT };
	pthread_t thread;
	struct job *job;

	ASSERT_LE(0, ch);
	ASSERT_TRUE(start_poller(&thread, &out));
	job = job_recv(BY_PROCESS, ch, 16);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(POLLOUT, out.revents);
	EXPECT_EQ(1, try_send_text(ch, "a"));
	EXPECT_STREQ("a", job_text(job));

	ASSERT_TRUE(start_poller(&thread, &in));
	job = job_send_text(BY_PROCESS, ch, "b");
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(POLLIN, in.revents);
	EXPECT_STREQ("b", try_recv_text(ch));
	EXPECT_EQ(1, job_wait(job));
}

/* R5, R6, R13: close and hangup wake all pollers. */
TEST_F(poll, r5_r6_r13_end_wakes_all)
{
	const int ch = ch_make(0, 16, 0);
	struct poller closed[2] = {
		{ .fd = ch, .events = POLLIN }, { .fd = ch, .events = POLLOUT },
	};
	struct poller hangup = { .events = POLLIN };
	pthread_t threads[2];
	int fds[2], i;

	ASSERT_LE(0, ch);
	for (i = 0; i < 2; i++)
		ASSERT_TRUE(start_poller(&threads[i], &closed[i]));
	EXPECT_EQ(0, ch_close(ch));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	EXPECT_EQ(POLLHUP, closed[0].revents);
	EXPECT_EQ(POLLOUT | POLLHUP, closed[1].revents);

	ASSERT_EQ(0, ch_pair(fds, 0, 16, 0));
	hangup.fd = fds[0];
	ASSERT_TRUE(start_poller(&threads[0], &hangup));
	close(fds[1]);
	ASSERT_EQ(0, pthread_join(threads[0], NULL));
	EXPECT_EQ(POLLHUP, hangup.revents);
}

/* R7, R13: pollers are not queued, so a message goes to the blocked receiver. */
TEST_F(poll, r7_r13_pollers_not_queued)
{
	const int ch = ch_make(0, 16, 0);
	struct poller pollers[3];
	pthread_t threads[3];
	struct job *job;
	int i;

	ASSERT_LE(0, ch);
	for (i = 0; i < 3; i++) {
		pollers[i] = (struct poller){ .fd = ch, .events = POLLIN };
		ASSERT_TRUE(start_poller(&threads[i], &pollers[i]));
	}
	EXPECT_EQ(0U, ch_info(ch).receivers_waiting);
	job = job_recv(BY_THREAD, ch, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	EXPECT_EQ(1, try_send_text(ch, "a"));
	EXPECT_STREQ("a", job_text(job));
	EXPECT_EQ(0, ch_close(ch));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, pthread_join(threads[i], NULL));
}

static int epoll_of(int fd, unsigned int events)
{
	struct epoll_event event = { .events = events };
	const int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event))
		return -errno;
	return ep;
}

static int events_within(int ep, int milliseconds)
{
	struct epoll_event event = {};
	const int count = epoll_wait(ep, &event, 1, milliseconds);

	return count < 0 ? -errno : (int)event.events;
}

/* The events reported now. */
static int events_of(int ep)
{
	return events_within(ep, 0);
}

/* Wait for events: a queued sender may not have woken pollers yet. */
static int next_events(int ep)
{
	return events_within(ep, WAIT_LIMIT * 1000);
}

/* R13: level-triggered epoll reports an event as long as it holds. */
TEST(r13_epoll_level)
{
	const int ch = ch_make(1, 16, 0);
	const int ep = epoll_of(ch, EPOLLIN | EPOLLOUT | EPOLLRDHUP);

	ASSERT_LE(0, ep);
	EXPECT_EQ(EPOLLOUT, events_of(ep));
	EXPECT_EQ(EPOLLOUT, events_of(ep));
	send_text(ch, "a");
	EXPECT_EQ(EPOLLIN, events_of(ep));
	EXPECT_EQ(EPOLLIN, events_of(ep));
	recv_text(ch);
	EXPECT_EQ(EPOLLOUT, events_of(ep));
	ASSERT_EQ(0, ch_close(ch));
	EXPECT_EQ(EPOLLOUT | EPOLLHUP | EPOLLRDHUP, events_of(ep));
}

/* R13: edge-triggered: every send is an edge for EPOLLIN, a receive is not. */
TEST(r13_epoll_edge_in)
{
	const int ch = ch_make(4, 16, 0);
	const int ep = epoll_of(ch, EPOLLIN | EPOLLET);

	ASSERT_LE(0, ep);
	EXPECT_EQ(0, events_of(ep));
	send_text(ch, "a");
	EXPECT_EQ(EPOLLIN, events_of(ep));
	EXPECT_EQ(0, events_of(ep));
	send_text(ch, "b");
	EXPECT_EQ(EPOLLIN, events_of(ep));
	send_text(ch, "c");
	EXPECT_EQ(EPOLLIN, events_of(ep));
	recv_text(ch);
	EXPECT_EQ(0, events_of(ep));
	recv_text(ch);
	recv_text(ch);
	send_text(ch, "d");
	EXPECT_EQ(EPOLLIN, events_of(ep));
}

/* R13: edge-triggered: a free slot is an edge for EPOLLOUT, a send is not. */
TEST(r13_epoll_edge_out)
{
	const int ch = ch_make(2, 16, 0);
	const int ep = epoll_of(ch, EPOLLOUT | EPOLLET);

	ASSERT_LE(0, ep);
	EXPECT_EQ(EPOLLOUT, events_of(ep));
	send_text(ch, "a");
	EXPECT_EQ(0, events_of(ep));
	send_text(ch, "b");
	EXPECT_EQ(0, events_of(ep));
	recv_text(ch);
	EXPECT_EQ(EPOLLOUT, events_of(ep));
	EXPECT_EQ(0, events_of(ep));
}

/* R13: edge-triggered: a sender that blocks is an edge for EPOLLIN. */
TEST(r13_epoll_edge_unbuffered)
{
	const int ch = ch_make(0, 16, 0);
	const int ep = epoll_of(ch, EPOLLIN | EPOLLET);
	struct job *jobs[2];
	int i;

	ASSERT_LE(0, ep);
	for (i = 0; i < 2; i++) {
		jobs[i] = job_send_text(BY_THREAD, ch, "a");
		ASSERT_TRUE(wait_for_waiters(ch, i + 1, 0));
		EXPECT_EQ(EPOLLIN, next_events(ep));
		EXPECT_EQ(0, events_of(ep));
	}
	for (i = 0; i < 2; i++) {
		EXPECT_STREQ("a", recv_text(ch));
		EXPECT_EQ(1, job_wait(jobs[i]));
	}
	EXPECT_EQ(0, events_of(ep));
}

#define POLLERS	8

static void *epoll_once(void *arg)
{
	struct poller *poller = arg;
	struct epoll_event event;

	__atomic_store_n(&poller->tid, gettid(), __ATOMIC_SEQ_CST);
	poller->revents = epoll_pwait(poller->fd, &event, 1, -1, NULL);
	__atomic_store_n(&poller->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

/* How many pollers returned, once each has returned or sleeps again. */
static int count_woken(const struct poller *pollers)
{
	const struct wait wait = wait_begin();
	int i, woken = 0;

	for (i = 0; i < POLLERS; i++) {
		while (!is_done(&pollers[i]) && !is_asleep(pollers[i].tid))
			if (!wait_more(&wait))
				return -1;
		woken += is_done(&pollers[i]);
	}
	return woken;
}

/* R13: an EPOLLEXCLUSIVE event wakes at least one and not all. */
TEST(r13_epoll_exclusive)
{
	const int ch = ch_make(POLLERS, 16, 0);
	struct poller pollers[POLLERS] = {};
	pthread_t threads[POLLERS];
	int i, woken;

	ASSERT_LE(0, ch);
	for (i = 0; i < POLLERS; i++) {
		pollers[i].fd = epoll_of(ch, EPOLLIN | EPOLLEXCLUSIVE);
		ASSERT_LE(0, pollers[i].fd);
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, epoll_once,
					    &pollers[i]));
		ASSERT_TRUE(wait_polling(&pollers[i],
					 SYS_epoll_pwait));
	}
	EXPECT_EQ(1, send_text(ch, "a"));
	woken = count_woken(pollers);
	EXPECT_LE(1, woken);
	EXPECT_GT(POLLERS, woken);

	/* a close wakes all of them */
	EXPECT_EQ(0, ch_close(ch));
	for (i = 0; i < POLLERS; i++)
		EXPECT_EQ(0, pthread_join(threads[i], NULL));
}

/* R13: select(2). */
TEST(r13_select2)
{
	const int ch = ch_make(1, 16, 0);
	struct timeval zero = {};
	fd_set in, out;

	ASSERT_LE(0, ch);
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(ch, &in);
	FD_SET(ch, &out);
	EXPECT_EQ(1, select(ch + 1, &in, &out, NULL, &zero));
	EXPECT_FALSE(FD_ISSET(ch, &in));
	EXPECT_TRUE(FD_ISSET(ch, &out));
	send_text(ch, "a");
	FD_SET(ch, &in);
	EXPECT_EQ(1, select(ch + 1, &in, &out, NULL, &zero));
	EXPECT_TRUE(FD_ISSET(ch, &in));
	EXPECT_FALSE(FD_ISSET(ch, &out));
}

static bool got_signal(int sig, siginfo_t *info)
{
	const struct timespec limit = { .tv_sec = WAIT_LIMIT };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	return sigtimedwait(&set, info, &limit) == sig;
}

static void block_signal(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static bool is_pending(int sig)
{
	sigset_t set;

	sigpending(&set);
	return sigismember(&set, sig);
}

/* R13: SIGIO for a message, a free slot and a close. */
TEST(r13_sigio)
{
	const int ch = ch_make(1, 16, 0);
	siginfo_t info;

	ASSERT_LE(0, ch);
	block_signal(SIGIO);
	ASSERT_EQ(0, fcntl(ch, F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(ch, F_SETFL, O_ASYNC));
	send_text(ch, "a");
	EXPECT_TRUE(got_signal(SIGIO, &info));
	recv_text(ch);
	EXPECT_TRUE(got_signal(SIGIO, &info));
	ASSERT_EQ(0, ch_close(ch));
	EXPECT_TRUE(got_signal(SIGIO, &info));
}

/* R13: with F_SETSIG the signal names descriptor and event. */
TEST(r13_sigio_info)
{
	const int ch = ch_make(2, 16, 0);
	const int sig = SIGRTMIN + 1;
	siginfo_t info = {};

	ASSERT_LE(0, ch);
	block_signal(sig);
	ASSERT_EQ(0, fcntl(ch, F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(ch, F_SETSIG, sig));
	ASSERT_EQ(0, fcntl(ch, F_SETFL, O_ASYNC));
	send_text(ch, "a");
	ASSERT_TRUE(got_signal(sig, &info));
	EXPECT_EQ(ch, info.si_fd);
	EXPECT_EQ(POLL_IN, info.si_code);
	EXPECT_EQ(IN, info.si_band & (IN | OUT));
	while (is_pending(sig))
		ASSERT_TRUE(got_signal(sig, &info));

	ASSERT_EQ(0, fcntl(ch, F_SETFL, 0));
	send_text(ch, "b");
	EXPECT_FALSE(is_pending(sig));
}

/* R6, R13: SIGIO for a hangup. */
TEST(r6_r13_sigio_hangup)
{
	siginfo_t info;
	int fds[2];

	ASSERT_EQ(0, ch_pair(fds, 1, 16, 0));
	block_signal(SIGIO);
	ASSERT_EQ(0, fcntl(fds[0], F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(fds[0], F_SETFL, O_ASYNC));
	close(fds[1]);
	EXPECT_TRUE(got_signal(SIGIO, &info));
}

TEST_HARNESS_MAIN
