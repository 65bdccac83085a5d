// SPDX-License-Identifier: GPL-2.0
/*
 * R22: the tracepoints gochan:*, as tracefs shows them.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define TRACE		"/tmp/" PREFIX "trace"
#define INSTANCE	TRACE "/instances/" PREFIX "trace"
#define NAME		PREFIX "trace"
#define TEXT_SIZE	(1 << 20)

static char text[TEXT_SIZE];

FIXTURE(trace) {
};

/* An instance of its own, so that nobody else's events come between. */
FIXTURE_SETUP(trace)
{
	umount2(TRACE, MNT_DETACH);
	ASSERT_TRUE(!mkdir(TRACE, 0700) || errno == EEXIST);
	ASSERT_EQ(0, mount("tracefs", TRACE, "tracefs", 0, NULL));
	rmdir(INSTANCE);
	ASSERT_EQ(0, mkdir(INSTANCE, 0700));
	ASSERT_EQ(0, write_text(INSTANCE "/events/gochan/enable", "1"));
}

FIXTURE_TEARDOWN(trace)
{
	write_text(INSTANCE "/events/gochan/enable", "0");
	rmdir(INSTANCE);
	umount2(TRACE, MNT_DETACH);
	rmdir(TRACE);
	unlink_all();
}

static void read_trace(void)
{
	const int fd = open(INSTANCE "/trace", O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, text + len, sizeof(text) - 1 - len);
		if (n > 0)
			len += n;
	} while (n > 0);
	text[len] = '\0';
	close(fd);
}

/* How many events the trace has whose text begins so. */
static int traced(const char *format, ...)
{
	char start[256] = ": gochan_";
	const char *at = text;
	va_list args;
	int n = 0;

	va_start(args, format);
	vsnprintf(start + strlen(start), sizeof(start) - strlen(start), format, args);
	va_end(args);
	read_trace();
	while ((at = strstr(at, start))) {
		at += strlen(start);
		n++;
	}
	return n;
}

static unsigned long long id_of(int ch)
{
	return ch_info(ch).id;
}

/* R22: all of DESIGN's tracepoints exist, but for those of leases. */
TEST_F(trace, r22_events)
{
	static const char *const events[] = {
		"create", "setup", "free", "send", "recv", "block", "unblock", "select",
		"close", "hangup", "link", "unlink", "requeue", "lease", "ack",
	};
	char path[128];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(events); i++) {
		snprintf(path, sizeof(path), INSTANCE "/events/gochan/gochan_%s/format",
			 events[i]);
		EXPECT_EQ(0, access(path, F_OK)) {
			TH_LOG("%s", path);
		}
	}
}

/* R22: create, setup, close, free. */
TEST_F(trace, r22_life)
{
	const int ch = ch_make(2, 16, GOCHAN_CRED);
	const unsigned long long id = id_of(ch);

	ASSERT_LE(0, ch);
	EXPECT_EQ(1, traced("create: id=%llu\n", id));
	EXPECT_EQ(1, traced("setup: id=%llu capacity=2 msg_size=16 flags=0x4\n", id));
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_EQ(0, traced("close: id=%llu\n", id));
	EXPECT_EQ(0, ch_close(ch));
	EXPECT_EQ(-EALREADY, ch_close(ch));
	EXPECT_EQ(1, traced("close: id=%llu\n", id));
	EXPECT_EQ(0, traced("free: id=%llu ", id));
	close(ch);
	EXPECT_EQ(1, traced("free: id=%llu len=1\n", id));
	EXPECT_EQ(0, traced("hangup: id=%llu ", id));
}

/* R22: link and unlink, also by a rename over the name, with the name. */
TEST_F(trace, r22_names)
{
	const int ch = ch_make_named(NAME, 1, 0600), other = ch_make_named(NAME "2", 1, 0600);

	ASSERT_LE(0, other);
	EXPECT_EQ(1, traced("link: id=%llu name=" NAME "\n", id_of(ch)));
	ASSERT_EQ(0, rename("/dev/gochans/" NAME "2", "/dev/gochans/" NAME));
	EXPECT_EQ(1, traced("unlink: id=%llu name=" NAME "\n", id_of(ch)));
	EXPECT_EQ(1, traced("unlink: id=%llu name=" NAME "2\n", id_of(other)));
	EXPECT_EQ(1, traced("link: id=%llu name=" NAME "\n", id_of(other)));
	EXPECT_EQ(0, ch_unlink(NAME));
	EXPECT_EQ(1, traced("unlink: id=%llu name=" NAME "\n", id_of(other)));
}

/* R22: a name with a newline is one event, and not the head of another one. */
TEST_F(trace, r22_name_with_newline)
{
	const int ch = ch_make_named(NAME "\n1", 1, 0600);

	ASSERT_LE(0, ch);
	EXPECT_EQ(1, traced("link: id=%llu name=" NAME "?1\n", id_of(ch)));
	EXPECT_EQ(0, ch_unlink(NAME "\n1"));
}

/* R22: names that are exchanged. */
TEST_F(trace, r22_names_exchanged)
{
	const int ch = ch_make_named(NAME, 1, 0600), other = ch_make_named(NAME "2", 1, 0600);

	ASSERT_EQ(0, renameat2(AT_FDCWD, "/dev/gochans/" NAME, AT_FDCWD, "/dev/gochans/" NAME "2",
			       RENAME_EXCHANGE));
	EXPECT_EQ(1, traced("link: id=%llu name=" NAME "2\n", id_of(ch)));
	EXPECT_EQ(1, traced("unlink: id=%llu name=" NAME "2\n", id_of(other)));
	EXPECT_EQ(0, ch_unlink(NAME));
	EXPECT_EQ(0, ch_unlink(NAME "2"));
}

/* R22: messages that are buffered, by write, by an op, and several at once. */
TEST_F(trace, r22_buffered)
{
	const int ch = ch_make(4, 16, 0), fixed = ch_make(4, 2, GOCHAN_FIXED);
	struct gochan_op op = GOCHAN_SEND(ch, "abc", 3);
	char buf[16];
	int i;

	ASSERT_EQ(2, send_text(ch, "ab"));
	ASSERT_EQ(1, ops_batch(ch, &op, 1, 0));
	ASSERT_EQ(6, send_text(fixed, "aabbcc"));
	EXPECT_EQ(1, traced("send: id=%llu seq=1 len=2 pid=%d buffered peer=0\n", id_of(ch),
			    getpid()));
	EXPECT_EQ(1, traced("send: id=%llu seq=2 len=3 pid=%d buffered peer=0\n", id_of(ch),
			    getpid()));
	EXPECT_EQ(0, traced("recv: "));
	ASSERT_STREQ("ab", recv_text(ch));
	ASSERT_STREQ("abc", recv_text(ch));
	ASSERT_EQ(6, ch_recv(fixed, buf, sizeof(buf)));
	for (i = 1; i <= 3; i++) {
		EXPECT_EQ(1, traced("send: id=%llu seq=%d len=2 pid=%d buffered",
				    id_of(fixed), i, getpid()));
		EXPECT_EQ(1, traced("recv: id=%llu seq=%d len=2 pid=%d buffered",
				    id_of(fixed), i, getpid()));
	}
	EXPECT_EQ(1, traced("recv: id=%llu seq=2 len=3 pid=%d buffered peer=0\n", id_of(ch),
			    getpid()));
	EXPECT_EQ(0, traced("block: "));
}

/* A length of each way in which messages are handed off. */
static const unsigned int lens[] = { 1, 600, 5000 };

/* R22: handed off to a receiver that waits, with both threads. */
TEST_F(trace, r22_handoff_to_receiver)
{
	static char msg[5000];
	struct job *job;
	size_t i;
	int ch;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		ch = ch_make(0, 5000, 0);
		ASSERT_LE(0, ch);
		job = job_recv(BY_THREAD, ch, 5000);
		ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
		ASSERT_EQ(lens[i], ch_send(ch, msg, lens[i]));
		ASSERT_EQ(lens[i], job_wait(job));
		EXPECT_EQ(1, traced("send: id=%llu seq=1 len=%u pid=%d handoff peer=%d\n",
				    id_of(ch), lens[i], getpid(), job->id));
		EXPECT_EQ(1, traced("recv: id=%llu seq=1 len=%u pid=%d handoff peer=%d\n",
				    id_of(ch), lens[i], job->id, getpid()));
		EXPECT_EQ(2, traced("send: ") + traced("recv: ") - 2 * (int)i);
	}
}

/* R22: taken from a sender that waits. */
TEST_F(trace, r22_handoff_from_sender)
{
	static char msg[5000];
	struct job *job;
	size_t i;
	int ch;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		ch = ch_make(0, 5000, 0);
		ASSERT_LE(0, ch);
		job = job_send(BY_THREAD, ch, msg, lens[i]);
		ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
		ASSERT_EQ(lens[i], ch_recv(ch, msg, sizeof(msg)));
		ASSERT_EQ(lens[i], job_wait(job));
		EXPECT_EQ(1, traced("send: id=%llu seq=1 len=%u pid=%d handoff peer=%d\n",
				    id_of(ch), lens[i], job->id, getpid()));
		EXPECT_EQ(1, traced("recv: id=%llu seq=1 len=%u pid=%d handoff peer=%d\n",
				    id_of(ch), lens[i], getpid(), job->id));
		EXPECT_EQ(2, traced("send: ") + traced("recv: ") - 2 * (int)i);
	}
}

/* R22: a message with a file, which is sent once the receiver has the file. */
TEST_F(trace, r22_file)
{
	const int ch = ch_make(0, 16, 0);
	struct call *call = call_batch(ch);
	struct gochan_op *op = call_send(call, ch, "a");
	char buf[16];
	struct gochan_op recv = GOCHAN_RECV(ch, buf, sizeof(buf));

	op->flags = GOCHAN_PASS_FD;
	op->passed_fd = ch;
	call_start(call, BY_PROCESS);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	recv.flags = GOCHAN_TAKE_FD;
	ASSERT_EQ(1, ops_batch(ch, &recv, 1, 0));
	EXPECT_LE(0, recv.passed_fd);
	EXPECT_EQ(1, call_wait(call));
	EXPECT_EQ(1, traced("send: id=%llu seq=1 len=1 pid=%d handoff peer=%d\n", id_of(ch),
			    call->id, getpid()));
	EXPECT_EQ(1, traced("recv: id=%llu seq=1 len=1 pid=%d handoff peer=%d\n", id_of(ch),
			    getpid(), call->id));
	EXPECT_EQ(2, traced("send: ") + traced("recv: "));
}

/* The time waited in the unblock event of this channel, or -1. */
static long long wait_time(unsigned long long id, const char *rest)
{
	char start[128];
	const char *at;

	snprintf(start, sizeof(start), ": gochan_unblock: id=%llu %s waited=", id, rest);
	read_trace();
	at = strstr(text, start);
	return at ? strtoll(at + strlen(start), NULL, 10) : -1;
}

/* R22: a sender blocks while the file that it offered to a waiting receiver is taken. */
TEST_F(trace, r22_file_to_receiver)
{
	const int ch = ch_make(0, 16, 0);
	struct call *call = call_batch(ch);
	struct gochan_op *op = call_recv(call, ch);
	struct gochan_op send = GOCHAN_SEND(ch, "a", 1);

	op->flags = GOCHAN_TAKE_FD;
	call_start(call, BY_PROCESS);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	send.flags = GOCHAN_PASS_FD;
	send.passed_fd = ch;
	ASSERT_EQ(1, ops_batch(ch, &send, 1, 0));
	EXPECT_EQ(1, call_wait(call));
	EXPECT_EQ(1, traced("block: id=%llu op=send select=0 deadline=0\n", id_of(ch)));
	EXPECT_LE(0, wait_time(id_of(ch), "op=send result=0"));
	EXPECT_EQ(1ULL, ch_info(ch).send_blocked);
}

/* R22: the message of a blocked sender moves up: the event names the sender. */
TEST_F(trace, r22_moves_up)
{
	const int ch = ch_make(1, 16, 0);
	struct job *job;

	ASSERT_EQ(1, send_text(ch, "a"));
	job = job_send_text(BY_PROCESS, ch, "bc");
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	EXPECT_EQ(0, traced("send: id=%llu seq=2 ", id_of(ch)));
	EXPECT_STREQ("a", recv_text(ch));
	EXPECT_EQ(2, job_wait(job));
	EXPECT_EQ(1, traced("send: id=%llu seq=2 len=2 pid=%d buffered peer=0\n", id_of(ch),
			    job->id));
}

/* R22: block and unblock, with the result and how long it took. */
TEST_F(trace, r22_block)
{
	const int ch = ch_make(0, 16, 0);
	const long long before = now_ns();
	struct gochan_op op = GOCHAN_RECV(ch, NULL, 0);
	struct gochan_ops call = { .ops = (unsigned long)&op, .count = 1 };
	struct job *job;

	job = job_send_text(BY_THREAD, ch, "a");
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	EXPECT_EQ(1, traced("block: id=%llu op=send select=0 deadline=0\n", id_of(ch)));
	EXPECT_EQ(0, traced("unblock: "));
	EXPECT_STREQ("a", recv_text(ch));
	EXPECT_EQ(1, job_wait(job));
	EXPECT_LT(0, wait_time(id_of(ch), "op=send result=0"));
	EXPECT_GT(now_ns() - before, wait_time(id_of(ch), "op=send result=0"));

	job = job_recv(BY_PROCESS, ch, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	EXPECT_EQ(-EINPROGRESS, job_kill(job));
	EXPECT_LT(0, wait_time(id_of(ch), "op=recv result=-512"));

	call.timeout = now_ns() + 1000000;
	EXPECT_EQ(-1, ioctl(ch, GOCHAN_IOC_BATCH, &call));
	EXPECT_EQ(ETIMEDOUT, errno);
	EXPECT_EQ(1, traced("block: id=%llu op=recv select=0 deadline=1\n", id_of(ch)));
	EXPECT_LT(0, wait_time(id_of(ch), "op=recv result=-110"));
}

/* R22: selects: on the fast path, after blocking, and without an op that is ready. */
TEST_F(trace, r22_select)
{
	const int a = ch_make(1, 16, 0), b = ch_make(1, 16, 0);
	struct call *call = call_select(a);

	call_recv(call, a);
	call_recv(call, b);
	ASSERT_EQ(1, send_text(b, "b"));
	ASSERT_EQ(1, call_now(call));
	EXPECT_EQ(1, traced("select: ops=2 index=1 result=0\n"));
	EXPECT_EQ(-EAGAIN, call_try(call));
	EXPECT_EQ(1, traced("select: ops=2 index=-1 result=-11\n"));
	EXPECT_EQ(0, traced("block: "));
	call_reset(call);
	call->arg.flags = 0;
	call_start(call, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(a, 0, 1));
	ASSERT_TRUE(wait_for_waiters(b, 0, 1));
	EXPECT_EQ(1, traced("block: id=%llu op=recv select=1 deadline=0\n", id_of(a)));
	EXPECT_EQ(1, traced("block: id=%llu op=recv select=1 deadline=0\n", id_of(b)));
	ASSERT_EQ(1, send_text(a, "a"));
	EXPECT_EQ(0, call_wait(call));
	EXPECT_EQ(1, traced("select: ops=2 index=0 result=0\n"));
	EXPECT_EQ(1, traced("recv: id=%llu seq=1 len=1 pid=%d handoff peer=%d\n", id_of(a),
			    call->id, getpid()));
}

/* R22: hangup, once for each side; a channel that is closed does not hang up. */
TEST_F(trace, r22_hangup)
{
	unsigned long long id;
	int ch, fds[2];

	ASSERT_EQ(0, ch_pair(fds, 1, 16, 0));
	EXPECT_EQ(0, traced("hangup: "));
	close(fds[1]);
	EXPECT_EQ(1, traced("hangup: id=%llu side=send\n", id_of(fds[0])));
	EXPECT_EQ(1, traced("hangup: "));
	ASSERT_EQ(0, ch_pair(fds, 1, 16, 0));
	close(fds[0]);
	EXPECT_EQ(1, traced("hangup: id=%llu side=recv\n", id_of(fds[1])));

	ch = ch_make_named(NAME, 1, 0600);
	fds[0] = ch_open(NAME, O_RDONLY);
	close(ch);
	EXPECT_EQ(0, traced("hangup: id=%llu ", id_of(fds[0])));
	ASSERT_EQ(0, ch_unlink(NAME));
	EXPECT_EQ(1, traced("hangup: id=%llu side=send\n", id_of(fds[0])));
	EXPECT_EQ(1, traced("hangup: id=%llu ", id_of(fds[0])));

	/* not without any handle */
	ch = ch_make(1, 16, 0);
	id = id_of(ch);
	close(ch);
	EXPECT_EQ(1, traced("free: id=%llu len=0\n", id));
	EXPECT_EQ(0, traced("hangup: id=%llu ", id));
}

/* R21, R22: a lease that is returned, and one that is acknowledged. */
TEST_F(trace, r21_r22_lease)
{
	const int ch = ch_make(1, 16, GOCHAN_ACK);
	struct gochan_ack ack = { .flags = GOCHAN_REQUEUE };
	struct gochan_op op;
	char buf[16];

	ASSERT_EQ(1, send_text(ch, "a"));
	op = GOCHAN_RECV(ch, buf, sizeof(buf));
	ASSERT_EQ(1, ops_batch(ch, &op, 1, 0));
	EXPECT_EQ(1, traced("lease: id=%llu lease=%llu seq=1 deliveries=1 pid=%d\n", id_of(ch),
			    (unsigned long long)op.lease, getpid()));
	ack.lease = op.lease;
	ASSERT_EQ(0, ioctl(ch, GOCHAN_IOC_ACK, &ack));
	EXPECT_EQ(1, traced("requeue: id=%llu seq=1 len=1\n", id_of(ch)));
	op = GOCHAN_RECV(ch, buf, sizeof(buf));
	ASSERT_EQ(1, ops_batch(ch, &op, 1, 0));
	ack.lease = op.lease;
	ack.flags = 0;
	ASSERT_EQ(0, ioctl(ch, GOCHAN_IOC_ACK, &ack));
	EXPECT_EQ(1, traced("ack: id=%llu lease=%llu seq=1\n", id_of(ch),
			    (unsigned long long)op.lease));
	EXPECT_EQ(2, traced("lease: id=%llu ", id_of(ch)));
}

/* R21, R22: a message that is leased to a receiver that waits. */
TEST_F(trace, r21_r22_lease_waiting)
{
	const int ch = ch_make(1, 16, GOCHAN_ACK);
	struct call *call = call_batch(ch);

	call_recv(call, ch);
	call_start(call, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	ASSERT_EQ(1, send_text(ch, "a"));
	ASSERT_EQ(1, call_wait(call));
	EXPECT_EQ(1, traced("send: id=%llu seq=1 len=1 pid=%d buffered peer=0\n", id_of(ch),
			    getpid()));
	EXPECT_EQ(1, traced("recv: id=%llu seq=1 len=1 pid=%d buffered peer=0\n", id_of(ch),
			    call->id));
	EXPECT_EQ(1, traced("lease: id=%llu lease=%llu seq=1 deliveries=1 pid=%d\n", id_of(ch),
			    (unsigned long long)call->ops[0].lease, call->id));
}

/* R22: a message that its receiver could not copy. */
TEST_F(trace, r22_requeue)
{
	const int ch = ch_make(1, 16, 0);
	struct job *job;

	ASSERT_LE(0, ch);
	job = job_start(BY_THREAD, ch, false, NULL, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_EQ(-EFAULT, job_wait(job));
	EXPECT_EQ(1, traced("requeue: id=%llu seq=1 len=1\n", id_of(ch)));
	EXPECT_STREQ("a", recv_text(ch));
	EXPECT_EQ(1, traced("recv: id=%llu seq=1 len=1 pid=%d buffered peer=0\n", id_of(ch),
			    getpid()));
}

/* R22: a message that its receiver could not copy, and that another one waits for. */
TEST_F(trace, r22_requeue_to_waiter)
{
	const int ch = ch_make(0, 16, 0);
	struct job *bad, *good;

	ASSERT_LE(0, ch);
	bad = job_start(BY_THREAD, ch, false, NULL, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	good = job_recv(BY_THREAD, ch, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 2));
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_EQ(-EFAULT, job_wait(bad));
	EXPECT_STREQ("a", job_text(good));
	EXPECT_EQ(1, traced("requeue: id=%llu seq=1 len=1\n", id_of(ch)));
	EXPECT_EQ(1, traced("recv: id=%llu seq=1 len=1 pid=%d ", id_of(ch), bad->id));
	EXPECT_EQ(1, traced("recv: id=%llu seq=1 len=1 pid=%d ", id_of(ch), good->id));
}

/* R22: nothing is traced that was not asked for. */
TEST_F(trace, r22_off)
{
	const int ch = ch_make(1, 16, 0);

	ASSERT_EQ(0, write_text(INSTANCE "/events/gochan/gochan_send/enable", "0"));
	ASSERT_EQ(1, send_text(ch, "a"));
	ASSERT_STREQ("a", recv_text(ch));
	EXPECT_EQ(0, traced("send: "));
	EXPECT_EQ(1, traced("recv: "));
}

TEST_HARNESS_MAIN
