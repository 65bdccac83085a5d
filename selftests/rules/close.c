// SPDX-License-Identifier: GPL-2.0
/*
 * How channels end: Go's close(ch), and hangup when no peer is left. What poll
 * reports is tested in poll.c.
 */
#include <kselftest_harness.h>

#include "../lib/common.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

FIXTURE(close) {
};

FIXTURE_VARIANT(close) {
	enum by by;
};

FIXTURE_VARIANT_ADD(close, thread) {
	.by = BY_THREAD,
};

FIXTURE_VARIANT_ADD(close, process) {
	.by = BY_PROCESS,
};

FIXTURE_SETUP(close)
{
	signal(SIGPIPE, SIG_DFL);
}

FIXTURE_TEARDOWN(close)
{
	unlink_all();
}

/* R5: receivers drain the buffer and then see the end, every time. */
TEST(r5_drains)
{
	const int ch = ch_make(3, 16, 0);

	ASSERT_LE(0, ch);
	ASSERT_EQ(1, send_text(ch, "a"));
	ASSERT_EQ(1, send_text(ch, "b"));
	EXPECT_EQ(0, ch_close(ch));
	EXPECT_EQ(1U, ch_info(ch).closed);
	EXPECT_EQ(2U, ch_info(ch).len);
	EXPECT_EQ(1, ch_next_size(ch));
	EXPECT_STREQ("a", recv_text(ch));
	EXPECT_STREQ("b", try_recv_text(ch));
	EXPECT_STREQ("(end)", recv_text(ch));
	EXPECT_STREQ("(end)", try_recv_text(ch));
	EXPECT_EQ(0, ch_next_size(ch));
}

/* R5: sends fail with EPIPE, and there is no SIGPIPE. */
TEST(r5_sends_fail)
{
	unsigned int capacity;
	int ch;

	signal(SIGPIPE, SIG_DFL);
	for (capacity = 0; capacity < 2; capacity++) {
		ch = ch_make(capacity, 16, 0);
		ASSERT_LE(0, ch);
		EXPECT_EQ(0, ch_close(ch));
		EXPECT_EQ(-EPIPE, send_text(ch, "a"));
		EXPECT_EQ(-EPIPE, try_send_text(ch, "a"));
		EXPECT_STREQ("(end)", recv_text(ch));
		EXPECT_EQ(0U, ch_info(ch).sent);
		close(ch);
	}
}

/* R5: closing a closed channel fails, from another handle as well. */
TEST(r5_close_twice)
{
	const int ch = ch_make(1, 16, 0);
	const int sender = ch_dup(ch, O_WRONLY);

	ASSERT_LE(0, sender);
	EXPECT_EQ(0, ch_close(sender));
	EXPECT_EQ(-EALREADY, ch_close(sender));
	EXPECT_EQ(-EALREADY, ch_close(ch));
}

/* R5: close requires the right to send. */
TEST(r5_needs_right_to_send)
{
	int fds[2];

	ASSERT_EQ(0, ch_pair(fds, 1, 16, 0));
	EXPECT_EQ(-EBADF, ch_close(fds[0]));
	EXPECT_EQ(0U, ch_info(fds[0]).closed);
	EXPECT_EQ(0, ch_close(fds[1]));
	EXPECT_EQ(-EBADF, ch_close(fds[0]));
}

/* R5: blocked senders wake, and their messages are not delivered. */
TEST_F(close, r5_wakes_senders)
{
	struct job *jobs[6];
	int chs[2];
	int i;

	chs[0] = ch_make(0, 16, 0);
	chs[1] = ch_make(1, 16, 0);
	ASSERT_EQ(1, send_text(chs[1], "a"));
	for (i = 0; i < 6; i++)
		jobs[i] = job_send_text(variant->by, chs[i % 2], "lost");
	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(wait_for_waiters(chs[i], 3, 0));
		EXPECT_EQ(0, ch_close(chs[i]));
		EXPECT_EQ(0U, ch_info(chs[i]).senders_waiting);
	}
	for (i = 0; i < 6; i++)
		EXPECT_EQ(-EPIPE, job_wait(jobs[i]));
	EXPECT_STREQ("(end)", recv_text(chs[0]));
	EXPECT_STREQ("a", recv_text(chs[1]));
	EXPECT_STREQ("(end)", recv_text(chs[1]));
	EXPECT_EQ(1U, ch_info(chs[1]).sent);
}

/* R5: blocked receivers wake and see the end. */
TEST_F(close, r5_wakes_receivers)
{
	struct job *jobs[6];
	int chs[2];
	int i;

	chs[0] = ch_make(0, 16, 0);
	chs[1] = ch_make(1, 16, 0);
	for (i = 0; i < 6; i++)
		jobs[i] = job_recv(variant->by, chs[i % 2], 16);
	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(wait_for_waiters(chs[i], 0, 3));
		EXPECT_EQ(0, ch_close(chs[i]));
		EXPECT_EQ(0U, ch_info(chs[i]).receivers_waiting);
	}
	for (i = 0; i < 6; i++)
		EXPECT_STREQ("(end)", job_text(jobs[i]));
}

/* R5: releasing a handle that is not the last one does not close the channel. */
TEST(r5_close2_is_not_close)
{
	const int ch = ch_make(1, 16, 0);
	const int ch2 = ch_dup(ch, O_RDWR);

	ASSERT_LE(0, ch2);
	close(ch);
	EXPECT_EQ(0U, ch_info(ch2).closed);
	EXPECT_EQ(1, send_text(ch2, "a"));
	EXPECT_STREQ("a", recv_text(ch2));
}

/* R6: a holder of both rights never sees a hangup. */
TEST(r6_both_rights)
{
	const int ch = ch_make(1, 16, 0);

	ASSERT_LE(0, ch);
	EXPECT_STREQ("(EAGAIN)", try_recv_text(ch));
	EXPECT_EQ(1, try_send_text(ch, "a"));
}

/* R6: no senders are left: receivers drain the buffer, then see the end. */
TEST(r6_no_senders)
{
	int fds[2];

	ASSERT_EQ(0, ch_pair(fds, 2, 16, 0));
	ASSERT_EQ(1, send_text(fds[1], "a"));
	ASSERT_EQ(1, send_text(fds[1], "b"));
	close(fds[1]);
	EXPECT_EQ(0U, ch_info(fds[0]).send_handles);
	EXPECT_EQ(0U, ch_info(fds[0]).closed);
	EXPECT_STREQ("a", recv_text(fds[0]));
	EXPECT_STREQ("b", recv_text(fds[0]));
	EXPECT_STREQ("(end)", recv_text(fds[0]));
	EXPECT_STREQ("(end)", try_recv_text(fds[0]));
}

/* R6: no receivers are left: sends fail with EPIPE, without SIGPIPE. */
TEST(r6_no_receivers)
{
	int fds[2];

	signal(SIGPIPE, SIG_DFL);
	ASSERT_EQ(0, ch_pair(fds, 2, 16, 0));
	ASSERT_EQ(1, send_text(fds[1], "a"));
	close(fds[0]);
	EXPECT_EQ(0U, ch_info(fds[1]).recv_handles);
	EXPECT_EQ(-EPIPE, send_text(fds[1], "b"));
	EXPECT_EQ(-EPIPE, try_send_text(fds[1], "b"));
	EXPECT_EQ(1U, ch_info(fds[1]).len);
}

/* R6: the hangup begins when the last of several senders is gone. */
TEST(r6_last_of_several)
{
	int fds[2], other;

	ASSERT_EQ(0, ch_pair(fds, 0, 16, 0));
	other = ch_dup(fds[1], O_WRONLY);
	ASSERT_LE(0, other);
	close(fds[1]);
	EXPECT_STREQ("(EAGAIN)", try_recv_text(fds[0]));
	close(other);
	EXPECT_STREQ("(end)", try_recv_text(fds[0]));
}

/* R6: the last sender is killed while receivers sleep. */
TEST_F(close, r6_last_sender_killed)
{
	struct job *jobs[3];
	int fds[2], i;
	pid_t pid;

	ASSERT_EQ(0, ch_pair(fds, 2, 16, 0));
	for (i = 0; i < 3; i++)
		jobs[i] = job_recv(variant->by, fds[0], 16);
	pid = child();
	if (!pid) {
		close(fds[0]);
		pause();
		_exit(1);
	}
	close(fds[1]);
	ASSERT_TRUE(wait_for_waiters(fds[0], 0, 3));
	EXPECT_EQ(1U, ch_info(fds[0]).send_handles);
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	for (i = 0; i < 3; i++)
		EXPECT_STREQ("(end)", job_text(jobs[i]));
}

/* R6: the last sender is killed while it is blocked itself. */
TEST(r6_last_sender_killed_blocked)
{
	struct job *sender;
	int fds[2];

	ASSERT_EQ(0, ch_pair(fds, 1, 16, 0));
	ASSERT_EQ(1, send_text(fds[1], "a"));
	sender = job_send_text(BY_PROCESS, fds[1], "lost");
	close(fds[1]);
	ASSERT_TRUE(wait_for_waiters(fds[0], 1, 0));
	EXPECT_EQ(-EINPROGRESS, job_kill(sender));
	EXPECT_STREQ("a", recv_text(fds[0]));
	EXPECT_STREQ("(end)", recv_text(fds[0]));
}

/* R6: the last receiver is killed while senders are blocked. */
TEST_F(close, r6_last_receiver_killed)
{
	struct job *jobs[3];
	int fds[2], i;
	pid_t pid;

	signal(SIGPIPE, SIG_DFL);
	ASSERT_EQ(0, ch_pair(fds, 0, 16, 0));
	for (i = 0; i < 3; i++)
		jobs[i] = job_send_text(variant->by, fds[1], "lost");
	pid = child();
	if (!pid) {
		close(fds[1]);
		pause();
		_exit(1);
	}
	close(fds[0]);
	ASSERT_TRUE(wait_for_waiters(fds[1], 3, 0));
	EXPECT_EQ(1U, ch_info(fds[1]).recv_handles);
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-EPIPE, job_wait(jobs[i]));
	EXPECT_EQ(0U, ch_info(fds[1]).sent);
}

/* R6: the last receiver is killed while it is blocked itself. */
TEST(r6_last_receiver_killed_blocked)
{
	struct job *receiver;
	int fds[2];

	ASSERT_EQ(0, ch_pair(fds, 1, 16, 0));
	receiver = job_recv(BY_PROCESS, fds[0], 16);
	close(fds[0]);
	ASSERT_TRUE(wait_for_waiters(fds[1], 0, 1));
	EXPECT_EQ(-EINPROGRESS, job_kill(receiver));
	EXPECT_EQ(-EPIPE, send_text(fds[1], "a"));
	EXPECT_EQ(0U, ch_info(fds[1]).len);
}

/* R6: a handle in flight over a socket still counts. */
TEST(r6_handle_in_transit)
{
	struct job *receiver;
	int fds[2], socks[2];

	ASSERT_EQ(0, ch_pair(fds, 1, 16, 0));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	ASSERT_EQ(0, send_fd(socks[0], fds[1]));
	close(fds[1]);
	EXPECT_EQ(1U, ch_info(fds[0]).send_handles);
	EXPECT_STREQ("(EAGAIN)", try_recv_text(fds[0]));

	fds[1] = recv_fd(socks[1]);
	ASSERT_LE(0, fds[1]);
	EXPECT_EQ(1, send_text(fds[1], "a"));
	EXPECT_STREQ("a", recv_text(fds[0]));

	ASSERT_EQ(0, send_fd(socks[0], fds[1]));
	close(fds[1]);
	receiver = job_recv(BY_THREAD, fds[0], 16);
	ASSERT_TRUE(wait_for_waiters(fds[0], 0, 1));
	close(socks[0]);
	close(socks[1]);
	EXPECT_STREQ("(end)", job_text(receiver));
}

/* R6: a forked child shares the handle, which lasts until both have closed it. */
TEST(r6_fork_keeps_handle)
{
	int fds[2], gate[2];
	pid_t pid;
	char c;

	ASSERT_EQ(0, ch_pair(fds, 1, 16, 0));
	ASSERT_EQ(0, ch_pair(gate, 0, 16, 0));
	pid = child();
	if (!pid) {
		close(gate[1]);
		_exit(ch_recv(gate[0], &c, 1) != 1);
	}
	close(fds[1]);
	EXPECT_EQ(1U, ch_info(fds[0]).send_handles);
	EXPECT_STREQ("(EAGAIN)", try_recv_text(fds[0]));
	EXPECT_EQ(1, send_text(gate[1], "g"));
	EXPECT_EQ(0, reap(pid));
	EXPECT_STREQ("(end)", recv_text(fds[0]));
}

/* R6: exec releases a handle that is close-on-exec. */
TEST(r6_exec_drops_handle)
{
	int fds[2], keep[2];
	pid_t pid;

	ASSERT_EQ(0, ch_pair(fds, 1, 16, 0));
	ASSERT_EQ(0, ch_pair(keep, 0, 16, 0));
	pid = child();
	if (!pid) {
		/* sleeps reading keep, its standard input */
		dup2(keep[0], STDIN_FILENO);
		execlp("cat", "cat", NULL);
		_exit(127);
	}
	close(fds[1]);
	EXPECT_STREQ("(end)", recv_text(fds[0]));
	close(keep[1]);
	EXPECT_EQ(0, reap(pid));
}

enum end { BY_CLOSE, BY_LAST_HANDLE };

/*
 * A receiver blocks on one unbuffered channel and a sender on another while both
 * channels end: both operations return.
 */
static bool end_races(enum by by, enum end end)
{
	struct job *receiver, *sender;
	int a[2], b[2];

	if (ch_pair(a, 0, 16, 0) || ch_pair(b, 0, 16, 0))
		return false;
	receiver = job_recv(by, a[0], 16);
	sender = job_send_text(by, b[1], "lost");
	if (end == BY_CLOSE) {
		ch_close(a[1]);
		ch_close(b[1]);
	}
	close(a[1]);
	close(b[0]);
	if (job_wait(receiver) != 0 || job_wait(sender) != -EPIPE)
		return false;
	close(a[0]);
	close(b[1]);
	return true;
}

/* R5, R6: close and hangup race with an operation that is about to block. */
TEST_F(close, r5_r6_races)
{
	int i;

	for (i = 0; i < 25; i++) {
		ASSERT_TRUE(end_races(variant->by, BY_CLOSE));
		ASSERT_TRUE(end_races(variant->by, BY_LAST_HANDLE));
	}
}

/* R6: a named channel does not hang up, but waits for the next open. */
TEST_F(close, r6_named_does_not_hang_up)
{
	const int ch = ch_make_named(PREFIX "waits", 1, 0600);
	struct job *job;
	int fd;

	ASSERT_LE(0, ch);
	fd = ch_open(PREFIX "waits", O_RDONLY);
	ASSERT_LE(0, fd);
	close(ch);
	EXPECT_EQ(0U, ch_info(fd).send_handles);
	EXPECT_STREQ("(EAGAIN)", try_recv_text(fd));
	job = job_recv(variant->by, fd, 16);
	ASSERT_TRUE(wait_for_waiters(fd, 0, 1));
	close(ch_open(PREFIX "waits", O_WRONLY));
	EXPECT_EQ(1U, ch_info(fd).receivers_waiting);
	fd = ch_open(PREFIX "waits", O_WRONLY);
	EXPECT_EQ(1, send_text(fd, "a"));
	EXPECT_STREQ("a", job_text(job));
}

/* R6: unlinking a channel without a peer begins the hangup. */
TEST_F(close, r6_begins_with_unlink)
{
	const int ch = ch_make_named(PREFIX "alone", 2, 0600);
	const int ch2 = ch_make_named(PREFIX "alone2", 0, 0600);
	const int receiver = ch_open(PREFIX "alone", O_RDONLY);
	const int sender = ch_open(PREFIX "alone2", O_WRONLY);
	struct job *receive, *send;

	ASSERT_LE(0, receiver);
	ASSERT_LE(0, sender);
	close(ch);
	close(ch2);
	receive = job_recv(variant->by, receiver, 16);
	send = job_send_text(variant->by, sender, "lost");
	ASSERT_TRUE(wait_for_waiters(receiver, 0, 1));
	ASSERT_TRUE(wait_for_waiters(sender, 1, 0));
	EXPECT_EQ(0, ch_unlink(PREFIX "alone"));
	EXPECT_EQ(0, ch_unlink(PREFIX "alone2"));
	EXPECT_STREQ("(end)", job_text(receive));
	EXPECT_EQ(-EPIPE, job_wait(send));
}

/* R6: after the unlink the buffer is drained first. */
TEST_F(close, r6_unlink_drains)
{
	const int ch = ch_make_named(PREFIX "drains", 2, 0600);
	const int receiver = ch_open(PREFIX "drains", O_RDONLY);

	ASSERT_LE(0, receiver);
	ASSERT_EQ(1, send_text(ch, "a"));
	close(ch);
	EXPECT_EQ(0, ch_unlink(PREFIX "drains"));
	EXPECT_STREQ("a", try_recv_text(receiver));
	EXPECT_STREQ("(end)", try_recv_text(receiver));
}

static int make_hangup(const char *name)
{
	const int ch = ch_unnamed(2, 16, GOCHAN_HANGUP, 0600);

	return ch_link(ch, name) < 0 ? -1 : ch;
}

/* R6: GOCHAN_HANGUP: the hangup begins and ends with the senders. */
TEST_F(close, r6_hangup_senders)
{
	const int ch = make_hangup(PREFIX "hangup");
	const int receiver = ch_open(PREFIX "hangup", O_RDONLY);
	struct job *job;
	int sender;

	ASSERT_LE(0, ch);
	close(ch);
	sender = ch_open(PREFIX "hangup", O_WRONLY);
	ASSERT_LE(0, sender);
	EXPECT_STREQ("(EAGAIN)", try_recv_text(receiver));
	job = job_recv(variant->by, receiver, 16);
	ASSERT_TRUE(wait_for_waiters(receiver, 0, 1));
	close(sender);
	EXPECT_STREQ("(end)", job_text(job));
	EXPECT_STREQ("(end)", try_recv_text(receiver));

	sender = ch_open(PREFIX "hangup", O_WRONLY);
	EXPECT_STREQ("(EAGAIN)", try_recv_text(receiver));
	EXPECT_EQ(1, send_text(sender, "a"));
	close(sender);
	EXPECT_STREQ("a", recv_text(receiver));
	EXPECT_STREQ("(end)", recv_text(receiver));
	EXPECT_EQ(0U, ch_info(receiver).closed);
}

/* R6: GOCHAN_HANGUP: the hangup begins and ends with the receivers. */
TEST_F(close, r6_hangup_receivers)
{
	const int ch = make_hangup(PREFIX "hangup");
	const int sender = ch_open(PREFIX "hangup", O_WRONLY);
	struct job *job;
	int receiver;

	ASSERT_LE(0, ch);
	close(ch);
	receiver = ch_open(PREFIX "hangup", O_RDONLY);
	ASSERT_LE(0, receiver);
	EXPECT_EQ(1, try_send_text(sender, "a"));
	EXPECT_EQ(1, try_send_text(sender, "b"));
	job = job_send_text(variant->by, sender, "lost");
	ASSERT_TRUE(wait_for_waiters(sender, 1, 0));
	close(receiver);
	EXPECT_EQ(-EPIPE, job_wait(job));
	EXPECT_EQ(-EPIPE, send_text(sender, "c"));

	receiver = ch_open(PREFIX "hangup", O_RDONLY);
	EXPECT_STREQ("a", recv_text(receiver));
	EXPECT_EQ(1, try_send_text(sender, "d"));
	EXPECT_STREQ("b", recv_text(receiver));
	EXPECT_STREQ("d", recv_text(receiver));
}

/*
 * R6: GOCHAN_HANGUP has no effect before a peer has opened the name. The handle
 * that made the channel does not count, so that either side may open first.
 */
TEST_F(close, r6_hangup_before_first_peer)
{
	int ch = make_hangup(PREFIX "early");
	int receiver, sender;

	ASSERT_LE(0, ch);
	close(ch);
	receiver = ch_open(PREFIX "early", O_RDONLY);
	ASSERT_LE(0, receiver);
	EXPECT_STREQ("(EAGAIN)", try_recv_text(receiver));
	close(ch_open(PREFIX "early", O_WRONLY));
	EXPECT_STREQ("(end)", try_recv_text(receiver));

	ch = make_hangup(PREFIX "early2");
	ASSERT_LE(0, ch);
	close(ch);
	sender = ch_open(PREFIX "early2", O_WRONLY);
	ASSERT_LE(0, sender);
	EXPECT_EQ(1, try_send_text(sender, "a"));
	close(ch_open(PREFIX "early2", O_RDONLY));
	EXPECT_EQ(-EPIPE, try_send_text(sender, "b"));
}

/* R5: a named channel stays closed, for later opens too. */
TEST_F(close, r5_named_stays_closed)
{
	const int ch = ch_make_named(PREFIX "closed", 2, 0600);
	int fd;

	ASSERT_LE(0, ch);
	ASSERT_EQ(1, send_text(ch, "a"));
	EXPECT_EQ(0, ch_close(ch));
	close(ch);
	fd = ch_open(PREFIX "closed", O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EPIPE, send_text(fd, "b"));
	EXPECT_STREQ("a", recv_text(fd));
	EXPECT_STREQ("(end)", recv_text(fd));
}

TEST_HARNESS_MAIN
