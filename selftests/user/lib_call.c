// SPDX-License-Identifier: GPL-2.0
/*
 * gochan_call(): a request and its reply; what a signal, a deadline and a close
 * do to the send and to the wait for the reply.
 */
#include <kselftest_harness.h>

#include "../lib/common.h"
#include "../lib/signals.h"

#include <errno.h>
#include <gochan.h>
#include <signal.h>

#define SIGNALS		5
#define CALL_MS		300

FIXTURE(call) {
	int requests, replies;
	char buf[64];
	size_t len;
};

FIXTURE_SETUP(call)
{
	self->requests = gochan_make(0, 16, 0);
	self->replies = gochan_make(0, 16, 0);
	ASSERT_LE(0, self->requests);
	ASSERT_LE(0, self->replies);
}

FIXTURE_TEARDOWN(call)
{
}

static int call(const struct _test_data_call *self, char reply[16], int64_t timeout_ns)
{
	return gochan_call(self->requests, "ask", 3, self->replies, reply, 16, NULL, timeout_ns);
}

/* A process that calls: 0 if the reply is "answer", else the errno. */
static pid_t caller(const struct _test_data_call *self, int64_t timeout_ns)
{
	const pid_t pid = child();
	char reply[16];

	if (pid)
		return pid;
	if (call(self, reply, timeout_ns) != 1)
		_exit(errno);
	_exit(memcmp(reply, "answer", 6) != 0);
}

/* Signal the caller again and again while it is blocked; false if it has ended. */
static bool signal_blocked(const struct _test_data_call *self, pid_t pid,
			   int senders, int receivers)
{
	for (int i = 1; i <= SIGNALS; i++) {
		kill(pid, SIGUSR1);
		if (!wait_handled(i))
			return false;
		if (!wait_for_waiters(senders ? self->requests : self->replies, senders,
				      receivers))
			return false;
	}
	return true;
}

/* DESIGN 6: a request is answered. */
TEST_F(call, s6_replies)
{
	const pid_t pid = caller(self, -1);

	EXPECT_EQ(1, gochan_recv(self->requests, self->buf, 64, &self->len));
	EXPECT_EQ(3U, self->len);
	EXPECT_EQ(0, gochan_send(self->replies, "answer", 6));
	EXPECT_EQ(0, reap(pid));
}

/* DESIGN 6, R8: it goes on waiting for the reply if the handler has SA_RESTART. */
TEST_F(call, s6_r8_reply_restarts)
{
	pid_t pid;

	ASSERT_TRUE(on_signal(SA_RESTART));
	pid = caller(self, -1);
	EXPECT_EQ(1, gochan_recv(self->requests, self->buf, 64, NULL));
	ASSERT_TRUE(wait_for_waiters(self->replies, 0, 1));
	EXPECT_TRUE(signal_blocked(self, pid, 0, 1));
	EXPECT_EQ(0, gochan_send(self->replies, "answer", 6));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(1U, ch_info(self->requests).sent);
}

/* DESIGN 6, R8: any other signal ends the wait for the reply. */
TEST_F(call, s6_r8_reply_interrupted)
{
	pid_t pid;

	ASSERT_TRUE(on_signal(0));
	pid = caller(self, -1);
	EXPECT_EQ(1, gochan_recv(self->requests, self->buf, 64, NULL));
	ASSERT_TRUE(wait_for_waiters(self->replies, 0, 1));
	kill(pid, SIGUSR1);
	EXPECT_TRUE(wait_for_waiters(self->replies, 0, 0));
	EXPECT_EQ(EINTR, reap(pid));
	EXPECT_EQ(1U, ch_info(self->requests).sent);
	EXPECT_EQ(EAGAIN, gochan_try_send(self->replies, "answer", 6) < 0 ? errno : 0);
}

/* R8: the send of the request behaves as gochan_send(). */
TEST_F(call, r8_send_restarts)
{
	pid_t pid;

	ASSERT_TRUE(on_signal(SA_RESTART));
	pid = caller(self, -1);
	ASSERT_TRUE(wait_for_waiters(self->requests, 1, 0));
	EXPECT_TRUE(signal_blocked(self, pid, 1, 0));
	EXPECT_EQ(1, gochan_recv(self->requests, self->buf, 64, NULL));
	EXPECT_EQ(0, gochan_send(self->replies, "answer", 6));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(1U, ch_info(self->requests).sent);
}

TEST_F(call, r8_send_interrupted)
{
	pid_t pid;

	ASSERT_TRUE(on_signal(0));
	pid = caller(self, -1);
	ASSERT_TRUE(wait_for_waiters(self->requests, 1, 0));
	kill(pid, SIGUSR1);
	EXPECT_EQ(EINTR, reap(pid));
	EXPECT_EQ(0U, ch_info(self->requests).sent);
	EXPECT_TRUE(wait_for_waiters(self->requests, 0, 0));
}

/* R8: signals with SA_RESTART do not extend the timeout, which is for both. */
TEST_F(call, r8_deadline_does_not_drift)
{
	long long begin;
	pid_t pid;

	ASSERT_TRUE(on_signal(SA_RESTART));
	begin = now_ns();
	pid = caller(self, CALL_MS * 1000000LL);
	EXPECT_EQ(1, gochan_recv(self->requests, self->buf, 64, NULL));
	while (now_ns() - begin < CALL_MS * 1000000LL)
		if (ch_info(self->replies).receivers_waiting == 1)
			kill(pid, SIGUSR1);
	EXPECT_EQ(ETIMEDOUT, reap(pid));
	EXPECT_LE(CALL_MS * 1000000LL, now_ns() - begin);
	EXPECT_TRUE(wait_for_waiters(self->replies, 0, 0));
}

/* DESIGN 6: the other ways in which a call ends. */
TEST_F(call, s6_ends)
{
	const int requests = gochan_make(4, 16, 0), replies = gochan_make(4, 16, 0);

	/* EAGAIN, of either op */
	EXPECT_EQ(-1, call(self, self->buf, 0));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-1, gochan_call(requests, "a", 1, replies, self->buf, 16, &self->len, 0));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(1, gochan_len(requests));

	/* nil channels are never ready */
	EXPECT_EQ(-1, gochan_call(-1, "a", 1, replies, self->buf, 16, &self->len, 1));
	EXPECT_EQ(ETIMEDOUT, errno);
	EXPECT_EQ(-1, gochan_call(-1, "a", 1, -1, self->buf, 16, &self->len, 1));
	EXPECT_EQ(ETIMEDOUT, errno);
	EXPECT_EQ(-1, gochan_call(requests, "a", 1, -1, self->buf, 16, &self->len, 1));
	EXPECT_EQ(ETIMEDOUT, errno);
	EXPECT_EQ(2, gochan_len(requests));

	/* a reply that is too long, then one that fits */
	EXPECT_EQ(0, gochan_send(replies, "answer", 6));
	EXPECT_EQ(-1, gochan_call(requests, "a", 1, replies, self->buf, 5, &self->len, -1));
	EXPECT_EQ(EMSGSIZE, errno);
	EXPECT_EQ(6U, self->len);
	EXPECT_EQ(1, gochan_call(requests, "a", 1, replies, self->buf, 6, &self->len, -1));
	EXPECT_EQ(6U, self->len);
	EXPECT_EQ(4, gochan_len(requests));

	/* the end of replies, and of requests */
	EXPECT_EQ(0, gochan_close(replies));
	EXPECT_EQ(1, gochan_recv(requests, self->buf, 64, NULL));
	EXPECT_EQ(0, gochan_call(requests, "a", 1, replies, self->buf, 16, &self->len, -1));
	EXPECT_EQ(0U, self->len);
	EXPECT_EQ(0, gochan_close(requests));
	EXPECT_EQ(-1, gochan_call(requests, "a", 1, replies, self->buf, 16, &self->len, -1));
	EXPECT_EQ(EPIPE, errno);
}

TEST_HARNESS_MAIN
