// SPDX-License-Identifier: GPL-2.0
/*
 * gochan_call(): a request and its reply; what a signal, a deadline and a close
 * do to the send and to the wait for the reply; requests that are acknowledged, and
 * whose workers die (R21).
 */
#include <kselftest_harness.h>

#include "../lib/common.h"
#include "../lib/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <gochan.h>
#include <poll.h>
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

/* A call: 0 if the reply is "answer", -ENODATA at the end of the replies, else -errno. */
static int ask(int requests, const char *request, int replies, int64_t timeout_ns)
{
	char reply[16];
	const int ret = gochan_call(requests, request, strlen(request), replies, reply, 16, NULL,
				    timeout_ns);

	if (ret < 0)
		return -errno;
	if (ret == 0)
		return -ENODATA;
	return memcmp(reply, "answer", 6) ? -EBADMSG : 0;
}

/* A process that calls. */
static pid_t caller(const struct _test_data_call *self, int64_t timeout_ns)
{
	const pid_t pid = child();

	if (pid)
		return pid;
	_exit(-ask(self->requests, "ask", self->replies, timeout_ns));
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

/* ---- requests that are acknowledged with the answer ------------------------------ */

/*
 * The requests are on a named channel, which waits for workers that come later. The replies
 * are on a channel that the caller knows, and that the workers inherit, unless the request
 * is its name.
 */
FIXTURE(acknowledged) {
	int requests, reply[2];
	char buf[64];
	struct gochan_lease lease;
};

FIXTURE_SETUP(acknowledged)
{
	const int creator = gochan_create(PREFIX "requests", 4, 16, GOCHAN_ACK, 0600);

	ASSERT_LE(0, creator);
	/* Nobody can receive but the workers. */
	self->requests = gochan_dup(creator, O_WRONLY);
	ASSERT_LE(0, self->requests);
	close(creator);
	ASSERT_EQ(0, gochan_pair(self->reply, 1, 16, 0));
}

FIXTURE_TEARDOWN(acknowledged)
{
	gochan_unlink(PREFIX "requests");
}

static pid_t start_caller(const struct _test_data_acknowledged *self, int64_t timeout_ns)
{
	const pid_t pid = child();

	if (pid)
		return pid;
	close(self->reply[1]);
	_exit(-ask(self->requests, "ask", self->reply[0], timeout_ns));
}

/* A worker that does not acknowledge its request; the reply channel, or -1: no answer. */
static pid_t start_worker(const struct _test_data_acknowledged *self, int reply)
{
	const pid_t pid = child();
	struct gochan_lease lease;
	char request[16];

	if (pid)
		return pid;
	close(self->reply[0]);
	gochan_recv_lease(gochan_open(PREFIX "requests", O_RDONLY), request, 16, NULL, &lease);
	if (reply >= 0)
		gochan_send(reply, "answer", 6);
	pause();
	_exit(1);
}

static bool wait_leased(int ch, unsigned int leased)
{
	const struct wait wait = wait_begin();

	while (ch_info(ch).leased != leased)
		if (!wait_more(&wait))
			return false;
	return true;
}

/* Kill a worker once it has a request. */
static bool kill_worker(const struct _test_data_acknowledged *self, pid_t worker)
{
	return wait_leased(self->requests, 1) && kill(worker, SIGKILL) == 0 &&
	       reap_killed(worker) == 128 + SIGKILL;
}

/* Be the next worker: receive a request, which was delivered so often. */
static int next_worker(struct _test_data_acknowledged *self, unsigned int deliveries)
{
	const int ch = gochan_open(PREFIX "requests", O_RDONLY);
	struct pollfd request = { .fd = ch, .events = POLLIN };

	memset(self->buf, 0, sizeof(self->buf));
	if (poll(&request, 1, WAIT_LIMIT * 1000) != 1 ||
	    gochan_recv_lease(ch, self->buf, 16, NULL, &self->lease) != 1)
		return -1;
	return self->lease.deliveries == deliveries ? ch : -1;
}

/* R21: the worker is killed before it answers; the caller gets the answer of another one. */
TEST_F(acknowledged, r21_killed_before_answer)
{
	const pid_t worker = start_worker(self, -1);
	const pid_t pid = start_caller(self, -1);
	int ch;

	ASSERT_TRUE(kill_worker(self, worker));
	ch = next_worker(self, 2);
	ASSERT_LE(0, ch);
	EXPECT_STREQ("ask", self->buf);
	EXPECT_EQ(0, gochan_send(self->reply[1], "answer", 6));
	EXPECT_EQ(0, gochan_ack(ch, &self->lease));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(1U, ch_info(self->requests).sent);
	EXPECT_EQ(1U, ch_info(self->reply[0]).received);
}

/*
 * R21: it is killed after that, but before it acknowledges. The caller has one answer; the
 * second one finds that it has left.
 */
TEST_F(acknowledged, r21_killed_before_ack)
{
	const pid_t worker = start_worker(self, self->reply[1]);
	const pid_t pid = start_caller(self, -1);
	int ch;

	close(self->reply[0]);
	EXPECT_EQ(0, reap(pid));
	ASSERT_TRUE(kill_worker(self, worker));
	ch = next_worker(self, 2);
	ASSERT_LE(0, ch);
	EXPECT_EQ(-1, gochan_send(self->reply[1], "answer", 6));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(0, gochan_ack(ch, &self->lease));
	EXPECT_EQ(0, gochan_len(self->requests));
}

/* A caller whose requests are the names of reply channels, one for each call. */
static int ask_by_name(int requests, const char *name)
{
	const int reply = gochan_create(name, 1, 16, 0, 0600);
	const int error = ask(requests, name, reply, -1);

	gochan_unlink(name);
	close(reply);
	return error;
}

static pid_t start_caller_by_name(const struct _test_data_acknowledged *self)
{
	const pid_t pid = child();

	if (pid)
		return pid;
	_exit(-(ask_by_name(self->requests, PREFIX "reply1") ?:
		ask_by_name(self->requests, PREFIX "reply2")));
}

/* R21: the second answer to a call is not taken for that to the next one. */
TEST_F(acknowledged, r21_next_call)
{
	const int ch = gochan_open(PREFIX "requests", O_RDONLY);
	const pid_t pid = start_caller_by_name(self);
	int reply;

	ASSERT_EQ(1, gochan_recv_lease(ch, self->buf, 16, NULL, &self->lease));
	reply = gochan_open(PREFIX "reply1", O_WRONLY);
	EXPECT_EQ(0, gochan_send(reply, "answer", 6));
	close(reply);
	/* As this worker's death: */
	ASSERT_TRUE(wait_for_len(self->requests, 1));
	close(ch);

	reply = next_worker(self, 2);
	ASSERT_LE(0, reply);
	EXPECT_STREQ(PREFIX "reply1", self->buf);
	EXPECT_EQ(-1, gochan_open(self->buf, O_WRONLY));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(0, gochan_ack(reply, &self->lease));

	reply = next_worker(self, 1);
	ASSERT_LE(0, reply);
	EXPECT_STREQ(PREFIX "reply2", self->buf);
	EXPECT_EQ(0, gochan_send(gochan_open(self->buf, O_WRONLY), "answer", 6));
	EXPECT_EQ(0, gochan_ack(reply, &self->lease));
	EXPECT_EQ(0, reap(pid));
}

/* R21: all workers die; the caller waits for the next one. */
TEST_F(acknowledged, r21_all_workers_die)
{
	pid_t worker = start_worker(self, -1);
	const pid_t pid = start_caller(self, -1);
	int ch;

	ASSERT_TRUE(kill_worker(self, worker));
	worker = start_worker(self, -1);
	ASSERT_TRUE(kill_worker(self, worker));
	EXPECT_EQ(0U, ch_info(self->requests).recv_handles);
	EXPECT_EQ(1, gochan_len(self->requests));
	EXPECT_TRUE(wait_for_waiters(self->reply[0], 0, 1));
	ch = next_worker(self, 3);
	ASSERT_LE(0, ch);
	EXPECT_EQ(0, gochan_send(self->reply[1], "answer", 6));
	EXPECT_EQ(0, gochan_ack(ch, &self->lease));
	EXPECT_EQ(0, reap(pid));
}

/* R8, R21: its deadline ends the call, but not the request. */
TEST_F(acknowledged, r8_r21_deadline)
{
	const pid_t worker = start_worker(self, -1);
	const pid_t pid = start_caller(self, CALL_MS * 1000000LL);
	int ch;

	ASSERT_TRUE(kill_worker(self, worker));
	EXPECT_EQ(ETIMEDOUT, reap(pid));
	ch = next_worker(self, 2);
	ASSERT_LE(0, ch);
	EXPECT_EQ(0, gochan_ack(ch, &self->lease));
}

/* R6, R21: it ends as well if only the worker that has died could send the reply. */
TEST_F(acknowledged, r6_r21_reply_hangs_up)
{
	const pid_t worker = start_worker(self, -1);
	const pid_t pid = start_caller(self, -1);

	close(self->reply[1]);
	ASSERT_TRUE(kill_worker(self, worker));
	EXPECT_EQ(ENODATA, reap(pid));
	EXPECT_EQ(1, gochan_len(self->requests));
}

/* DESIGN 6, R21: a reply on an acknowledged channel is acknowledged at once. */
TEST_F(acknowledged, s6_r21_reply_acknowledged)
{
	const int replies = gochan_make(1, 16, GOCHAN_ACK);

	ASSERT_EQ(0, gochan_send(replies, "answer", 6));
	EXPECT_EQ(0, ask(self->requests, "ask", replies, -1));
	EXPECT_EQ(0U, ch_info(replies).leased);
	EXPECT_EQ(0, gochan_len(replies));
}

TEST_HARNESS_MAIN
