// SPDX-License-Identifier: GPL-2.0
/*
 * R15: several ops in one system call: their order, how many completed, what
 * stops a batch, and which ops may block. Invalid ops are tested in ops.c.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"
#include "../lib/signals.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

FIXTURE(batch) {
};

FIXTURE_VARIANT(batch) {
	enum by by;
};

FIXTURE_VARIANT_ADD(batch, thread) {
	.by = BY_THREAD,
};

FIXTURE_VARIANT_ADD(batch, process) {
	.by = BY_PROCESS,
};

FIXTURE_SETUP(batch)
{
}

FIXTURE_TEARDOWN(batch)
{
}

static const char *number(int i)
{
	static char text[16];

	snprintf(text, sizeof(text), "%d", i);
	return text;
}

/* A batch of @n sends of "0" and up. */
static struct call *sends(int ch, int n)
{
	struct call *call = call_batch(ch);
	int i;

	for (i = 0; i < n; i++)
		call_send(call, ch, number(i));
	return call;
}

static struct call *receives(int ch, int n)
{
	struct call *call = call_batch(ch);

	while (n--)
		call_recv(call, ch);
	return call;
}

/* R15: ops on one channel are done in order, and counted. */
TEST(r15_in_order)
{
	const int ch = ch_make(8, 16, 0);
	struct call *out = sends(ch, 8);
	struct call *in = receives(ch, 8);
	int i;

	EXPECT_EQ(8, call_now(out));
	EXPECT_EQ(8U, out->arg.index);
	EXPECT_EQ(8U, ch_info(ch).len);
	EXPECT_EQ(8, call_now(in));
	EXPECT_EQ(8U, in->arg.index);
	for (i = 0; i < 8; i++) {
		EXPECT_EQ(0, out->ops[i].result);
		EXPECT_EQ(0, in->ops[i].result);
		EXPECT_EQ(1U, in->ops[i].len);
		EXPECT_EQ(-1, in->ops[i].passed_fd);
		EXPECT_STREQ(number(i), call_text(in, i));
	}
}

/* R15: sends, receives and polls on several channels are done in order. */
TEST(r15_mixed)
{
	const int a = ch_make(1, 16, 0);
	const int b = ch_make(1, 16, 0);
	struct call *call = call_batch(a);

	call_send(call, a, "1");
	call_poll(call, a, POLLIN | POLLOUT);
	call_recv(call, a);
	call_send(call, b, "2");
	call_poll(call, a, POLLIN | POLLOUT);
	call_send(call, a, "3");
	call_recv(call, b);
	call_recv(call, a);
	EXPECT_EQ(8, call_now(call));
	EXPECT_EQ(POLLIN, (int)call->ops[1].events);
	EXPECT_STREQ("1", call_text(call, 2));
	EXPECT_EQ(POLLOUT, (int)call->ops[4].events);
	EXPECT_STREQ("2", call_text(call, 6));
	EXPECT_STREQ("3", call_text(call, 7));
	EXPECT_EQ(0U, ch_info(a).len + ch_info(b).len);
}

/* R12, R15: a batch stops at the op that fails, and later ops are not touched. */
TEST(r12_r15_partial)
{
	const int ch = ch_make(3, 16, 0);
	struct call *out = sends(ch, 5);
	struct call *in = receives(ch, 5);

	EXPECT_EQ(3, call_try(out));
	EXPECT_EQ(3U, out->arg.index);
	EXPECT_EQ(0, out->ops[2].result);
	EXPECT_EQ(-EAGAIN, out->ops[3].result);
	EXPECT_EQ(UNTOUCHED, out->ops[4].result);
	EXPECT_EQ(3, call_try(in));
	EXPECT_STREQ("2", call_text(in, 2));
	EXPECT_EQ(-EAGAIN, in->ops[3].result);
	EXPECT_EQ(CALL_ROOM, (int)in->ops[3].len);
	EXPECT_EQ(UNTOUCHED, in->ops[4].result);
}

/* R12, R15: the call fails only if its first op failed. */
TEST(r12_r15_first_fails)
{
	const int ch = ch_make(1, 16, 0);
	struct call *in = receives(ch, 3);

	in->ops[1] = GOCHAN_SEND(ch, "a", 1);
	in->ops[1].result = UNTOUCHED;
	EXPECT_EQ(-EAGAIN, call_try(in));
	EXPECT_EQ(0U, in->arg.index);
	EXPECT_EQ(-EAGAIN, in->ops[0].result);
	EXPECT_EQ(UNTOUCHED, in->ops[1].result);
	EXPECT_EQ(0U, ch_info(ch).len);
}

/* R5, R15: on a closed channel a send stops the batch, a receive does not. */
TEST(r5_r15_closed)
{
	const int ch = ch_make(2, 16, 0);
	struct call *out = sends(ch, 2);
	struct call *in = receives(ch, 4);

	ASSERT_EQ(1, send_text(ch, "a"));
	ASSERT_EQ(0, ch_close(ch));
	EXPECT_EQ(-EPIPE, call_now(out));
	EXPECT_EQ(-EPIPE, out->ops[0].result);
	EXPECT_EQ(UNTOUCHED, out->ops[1].result);
	EXPECT_EQ(4, call_now(in));
	EXPECT_STREQ("a", call_text(in, 0));
	EXPECT_STREQ("(closed)", call_text(in, 1));
	EXPECT_STREQ("(closed)", call_text(in, 3));
	EXPECT_EQ(0U, in->ops[3].len);
}

/* R9, R10, R15: a bad size or bad memory stops the batch, and nothing is lost. */
TEST(r9_r10_r15_stopped)
{
	const int ch = ch_make(8, 4, 0);
	struct call *out = sends(ch, 3);
	struct call *in = receives(ch, 3);

	out->ops[1].len = 5;
	EXPECT_EQ(1, call_now(out));
	EXPECT_EQ(-EMSGSIZE, out->ops[1].result);
	call_reset(out);
	out->ops[1].len = 1;
	out->ops[2].buf = 8;
	EXPECT_EQ(2, call_now(out));
	EXPECT_EQ(-EFAULT, out->ops[2].result);
	ASSERT_EQ(4, send_text(ch, "long"));
	EXPECT_EQ(4U, ch_info(ch).len);

	in->ops[1].buf = 8;
	EXPECT_EQ(1, call_now(in));
	EXPECT_EQ(-EFAULT, in->ops[1].result);
	EXPECT_EQ(3U, ch_info(ch).len);
	call_reset(in);
	in->ops[1].buf = (unsigned long)in->bufs[1];
	in->ops[2].len = 3;
	EXPECT_EQ(2, call_now(in));
	EXPECT_EQ(-EMSGSIZE, in->ops[2].result);
	EXPECT_EQ(4U, in->ops[2].len);
	EXPECT_STREQ("long", recv_text(ch));
	EXPECT_EQ(4U, ch_info(ch).received);
}

/* R15: each op completes before the next begins: only one is queued at a time. */
TEST_F(batch, r15_one_at_a_time)
{
	const int a = ch_make(0, 16, 0);
	const int b = ch_make(0, 16, 0);
	struct call *call = call_batch(a);

	call_recv(call, a);
	call_send(call, b, "out");
	call_recv(call, a);
	call_start(call, variant->by);
	ASSERT_TRUE(wait_for_waiters(a, 0, 1));
	EXPECT_TRUE(no_waiters(b));
	EXPECT_EQ(1, send_text(a, "1"));
	ASSERT_TRUE(wait_for_waiters(b, 1, 0));
	EXPECT_TRUE(no_waiters(a));
	EXPECT_EQ(-EAGAIN, try_send_text(a, "2"));
	EXPECT_FALSE(call_done(call));
	EXPECT_STREQ("out", recv_text(b));
	ASSERT_TRUE(wait_for_waiters(a, 0, 1));
	EXPECT_EQ(1, send_text(a, "2"));
	EXPECT_EQ(3, call_wait(call));
	EXPECT_STREQ("1", call_text(call, 0));
	EXPECT_STREQ("2", call_text(call, 2));
}

/* R15: as recvmmsg: wait for one message, and take what else is available. */
TEST_F(batch, r15_wait_for_one)
{
	const int ch = ch_make(4, 16, 0);
	struct call *in = receives(ch, 4);

	in->arg.flags = GOCHAN_WAITFORONE;
	call_start(in, variant->by);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	EXPECT_EQ(1, send_text(ch, "0"));
	EXPECT_EQ(1, call_wait(in));
	EXPECT_STREQ("0", call_text(in, 0));
	EXPECT_EQ(-EAGAIN, in->ops[1].result);

	ASSERT_EQ(3, call_now(sends(ch, 3)));
	call_reset(in);
	EXPECT_EQ(3, call_now(in));
	EXPECT_STREQ("2", call_text(in, 2));
	EXPECT_EQ(-EAGAIN, in->ops[3].result);
	ASSERT_EQ(4, call_now(sends(ch, 4)));
	call_reset(in);
	EXPECT_EQ(4, call_now(in));
}

/* R15: likewise sends. */
TEST_F(batch, r15_wait_for_one_send)
{
	const int ch = ch_make(2, 16, 0);
	struct call *out = sends(ch, 4);

	ASSERT_EQ(2, call_try(sends(ch, 4)));
	out->arg.flags = GOCHAN_WAITFORONE;
	call_start(out, variant->by);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	ASSERT_EQ(2, call_now(receives(ch, 2)));
	EXPECT_LE(1, call_wait(out));
	EXPECT_GE(2, out->ret);
	EXPECT_EQ(-EAGAIN, out->ops[out->ret].result);
	EXPECT_EQ(out->ret, (int)ch_info(ch).len);
}

/* R12, R15: GOCHAN_NONBLOCK applies to the call, or to a single op. */
TEST_F(batch, r12_r15_nonblock)
{
	const int ch = ch_make(1, 16, 0);
	struct call *call = receives(ch, 2);

	EXPECT_EQ(-EAGAIN, call_try(call));
	call->ops[0].flags = GOCHAN_NONBLOCK;
	EXPECT_EQ(-EAGAIN, call_now(call));
	EXPECT_EQ(0U, call->arg.index);
	ASSERT_EQ(1, send_text(ch, "a"));
	call_reset(call);
	call->ops[0].flags = 0;
	call->ops[1].flags = GOCHAN_NONBLOCK;
	EXPECT_EQ(1, call_now(call));
	EXPECT_EQ(-EAGAIN, call->ops[1].result);

	/* only to that op: the other one blocks */
	call_reset(call);
	call_start(call, variant->by);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	ASSERT_TRUE(wait_asleep(call->id));
	EXPECT_FALSE(call_done(call));
	EXPECT_EQ(1, send_text(ch, "b"));
	EXPECT_EQ(1, call_wait(call));
}

/* R12, R15: an op on an O_NONBLOCK descriptor does not block. */
TEST(r12_r15_nonblocking_descriptor)
{
	const int ch = ch_make(1, 16, 0);
	const int nonblock = ch_dup(ch, O_RDWR | O_NONBLOCK);
	struct call *call = call_batch(ch);

	call_recv(call, nonblock);
	EXPECT_EQ(-EAGAIN, call_now(call));
	EXPECT_EQ(-EAGAIN, call->ops[0].result);
	call->ops[0] = GOCHAN_SEND(ch, "a", 1);
	call_send(call, nonblock, "b");
	EXPECT_EQ(1, call_now(call));
	EXPECT_EQ(-EAGAIN, call->ops[1].result);

	/* the op's descriptor counts, not that of the ioctl */
	call = call_batch(nonblock);
	call_send(call, ch, "c");
	call_start(call, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	EXPECT_STREQ("a", recv_text(ch));
	EXPECT_EQ(1, call_wait(call));
	EXPECT_STREQ("c", recv_text(ch));
}

/* Answer each request with its text reversed, until the channel is closed. */
static void serve(int requests, int replies)
{
	char text[16], reply[16];
	ssize_t len, i;

	while ((len = ch_recv(requests, text, sizeof(text))) > 0) {
		for (i = 0; i < len; i++)
			reply[i] = text[len - 1 - i];
		if (ch_send(replies, reply, len) != len)
			_exit(1);
	}
	_exit(len < 0);
}

/* R15: a call and its reply in one system call. */
TEST(r15_call)
{
	const int requests = ch_make(0, 16, 0);
	const int replies = ch_make(0, 16, 0);
	struct call *call = call_batch(requests);
	const pid_t pid = child();
	int i;

	if (!pid)
		serve(requests, replies);
	call_send(call, requests, "abc");
	call_recv(call, replies);
	for (i = 0; i < 50; i++) {
		call_reset(call);
		ASSERT_EQ(2, call_now(call));
		ASSERT_STREQ("cba", call_text(call, 1));
	}
	EXPECT_EQ(0, ch_close(requests));
	EXPECT_EQ(0, reap(pid));
}

/* R15: forward messages: receive from one channel, send to another. */
TEST_F(batch, r15_forward)
{
	const int from = ch_make(0, 8, GOCHAN_FIXED);
	const int to = ch_make(0, 8, GOCHAN_FIXED);
	struct call *call = call_batch(from);
	char msg[8];
	int i;

	for (i = 0; i < 4; i++) {
		call_recv(call, from)->len = 8;
		call_send(call, to, "12345678")->buf = (unsigned long)call->bufs[2 * i];
	}
	call_start(call, variant->by);
	for (i = 0; i < 4; i++) {
		fill(msg, 8, i);
		ASSERT_EQ(8, ch_send(from, msg, 8));
		ASSERT_EQ(8, ch_recv(to, msg, 8));
		ASSERT_TRUE(is_filled(msg, 8, i));
	}
	EXPECT_EQ(8, call_wait(call));
}

/* R3, R15: two batches meet on unbuffered channels. */
TEST_F(batch, r3_r15_two_batches)
{
	const int x = ch_make(0, 16, 0);
	const int y = ch_make(0, 16, 0);
	struct call *one = call_batch(x);
	struct call *two = call_batch(x);
	int i, k;

	for (i = 0; i < 4; i++) {
		call_send(one, x, number(i));
		call_recv(one, y);
		call_recv(two, x);
		call_send(two, y, number(i + 4));
	}
	for (k = 0; k < 20; k++) {
		call_reset(one);
		call_reset(two);
		call_start(one, variant->by);
		ASSERT_EQ(8, call_now(two));
		ASSERT_EQ(8, call_wait(one));
		for (i = 0; i < 4; i++) {
			ASSERT_STREQ(number(i), call_text(two, 2 * i));
			ASSERT_STREQ(number(i + 4), call_text(one, 2 * i + 1));
		}
	}
}

/* R10: a blocked receive with too small a buffer reports the required size. */
TEST_F(batch, r10_small_buffer_queued)
{
	const int ch = ch_make(1, 100, 0);
	struct call *call = call_batch(ch);
	struct gochan_op *op = call_recv(call, ch);

	/* freeze the configuration first */
	ASSERT_EQ(1, send_text(ch, "a"));
	ASSERT_STREQ("a", recv_text(ch));
	op->len = 3;
	call_start(call, variant->by);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	ASSERT_EQ(10, send_text(ch, "0123456789"));
	EXPECT_EQ(-EMSGSIZE, call_wait(call));
	EXPECT_EQ(-EMSGSIZE, op->result);
	EXPECT_EQ(10U, op->len);
	EXPECT_EQ(-1, op->passed_fd);
	EXPECT_STREQ("0123456789", recv_text(ch));
}

/* R10: receiving an empty message needs no buffer, blocked or not. */
TEST_F(batch, r10_empty_without_buffer)
{
	const int ch = ch_make(1, 100, 0);
	const struct gochan_op empty = GOCHAN_SEND(ch, (void *)-1UL, 0);
	struct call *call = call_batch(ch);
	struct gochan_op *op = call_recv(call, ch);
	struct gochan_op send = empty;

	ASSERT_EQ(1, ops_batch(ch, &send, 1, 0));
	op->buf = -1UL;
	op->len = 0;
	EXPECT_EQ(1, call_now(call));
	EXPECT_EQ(0, op->result);
	call_reset(call);
	op->len = 0;
	call_start(call, variant->by);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	send = empty;
	ASSERT_EQ(1, ops_batch(ch, &send, 1, 0));
	EXPECT_EQ(1, call_wait(call));
	EXPECT_EQ(0, op->result);
	EXPECT_EQ(0U, ch_info(ch).len);
}

/* R15: a POLL op waits for its event, then the next op begins. */
TEST(r15_poll)
{
	const int ch = ch_make(1, 16, 0);
	const int event = eventfd(0, 0);
	struct call *call = call_batch(ch);

	call_poll(call, event, POLLIN);
	call_send(call, ch, "a");
	EXPECT_EQ(-EAGAIN, call_try(call));
	EXPECT_EQ(0U, ch_info(ch).len);
	call_start(call, BY_THREAD);
	ASSERT_TRUE(wait_in_syscall(call->id, SYS_ioctl));
	ASSERT_TRUE(wait_asleep(call->id));
	EXPECT_EQ(0U, ch_info(ch).len);
	ASSERT_EQ(0, eventfd_write(event, 1));
	EXPECT_EQ(2, call_wait(call));
	EXPECT_EQ(POLLIN, (int)call->ops[0].events);
	EXPECT_STREQ("a", recv_text(ch));
}

/* R14, R15: a nil channel is never ready, so no later op is done. */
TEST(r14_r15_nil)
{
	const int ch = ch_make(2, 16, 0);
	struct call *call = call_batch(ch);

	call_send(call, ch, "a");
	call_recv(call, -1);
	call_send(call, ch, "b");
	EXPECT_EQ(1, call_try(call));
	EXPECT_EQ(-EAGAIN, call->ops[1].result);
	call->arg.timeout = now_ns() + 5000000;
	EXPECT_EQ(1, call_now(call));
	EXPECT_LE((long long)call->arg.timeout, now_ns());
	EXPECT_EQ(-ETIMEDOUT, call->ops[1].result);
	EXPECT_EQ(2U, ch_info(ch).len);
}

/* R15: one deadline for all ops; those that need not block are done after it, too. */
TEST(r15_deadline)
{
	const int ch = ch_make(2, 16, 0);
	struct call *call = receives(ch, 2);

	call->arg.timeout = now_ns() + 10000000;
	EXPECT_EQ(-ETIMEDOUT, call_now(call));
	EXPECT_LE((long long)call->arg.timeout, now_ns());
	EXPECT_EQ(-ETIMEDOUT, call->ops[0].result);
	EXPECT_EQ(0U, call->arg.index);
	EXPECT_TRUE(no_waiters(ch));

	ASSERT_EQ(1, send_text(ch, "a"));
	ASSERT_EQ(1, send_text(ch, "b"));
	EXPECT_EQ(2, call_now(call));
	ASSERT_EQ(1, send_text(ch, "c"));
	call_reset(call);
	call->arg.timeout = 0;
	EXPECT_EQ(1, call_now(call));
	EXPECT_EQ(-ETIMEDOUT, call->ops[1].result);
	EXPECT_TRUE(no_waiters(ch));

	call = sends(ch, 4);
	call->arg.timeout = now_ns() + 1000000;
	EXPECT_EQ(2, call_now(call));
	EXPECT_EQ(-ETIMEDOUT, call->ops[2].result);
	EXPECT_EQ(2U, ch_info(ch).len);
}

/*
 * R8, R15: a signal after some ops: those stay done and are counted, with
 * SA_RESTART or without.
 */
TEST_F(batch, r8_r15_interrupted)
{
	static const int flags[2] = { 0, SA_RESTART };
	struct call *call;
	int ch, i;

	for (i = 0; i < 2; i++) {
		ch = ch_make(2, 16, 0);
		ASSERT_TRUE(on_signal(flags[i]));
		call = sends(ch, 4);
		call_start(call, variant->by);
		ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
		call_signal(call, SIGUSR1);
		EXPECT_EQ(2, call_wait(call));
		EXPECT_EQ(2U, call->arg.index);
		EXPECT_EQ(-EINTR, call->ops[2].result);
		EXPECT_EQ(UNTOUCHED, call->ops[3].result);
		EXPECT_EQ(2U, ch_info(ch).len);
		EXPECT_EQ(2U, ch_info(ch).sent);
		EXPECT_TRUE(no_waiters(ch));
	}
}

/* R8, R15: a signal before the first op is done. */
TEST_F(batch, r8_r15_interrupted_before_first)
{
	const int ch = ch_make(0, 16, 0);
	struct call *call = sends(ch, 2);

	ASSERT_TRUE(on_signal(0));
	call_start(call, variant->by);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	call_signal(call, SIGUSR1);
	EXPECT_EQ(-EINTR, call_wait(call));
	EXPECT_EQ(-EINTR, call->ops[0].result);
	EXPECT_EQ(0U, call->arg.index);
	EXPECT_TRUE(no_waiters(ch));
	EXPECT_STREQ("(EAGAIN)", try_recv_text(ch));
}

/* R8, R15: with SA_RESTART the call is restarted, and nothing is done twice. */
TEST_F(batch, r8_r15_restart)
{
	const int ch = ch_make(0, 16, 0);
	struct call *call = sends(ch, 2);
	int i;

	ASSERT_TRUE(on_signal(SA_RESTART));
	call_recv(call, ch);
	call_start(call, variant->by);
	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
		call_signal(call, SIGUSR1);
		ASSERT_TRUE(wait_handled(i + 1));
	}
	EXPECT_STREQ("0", recv_text(ch));
	EXPECT_STREQ("1", recv_text(ch));
	EXPECT_EQ(1, send_text(ch, "2"));
	EXPECT_EQ(3, call_wait(call));
	EXPECT_EQ(0, call->ops[0].result);
	EXPECT_STREQ("2", call_text(call, 2));
	EXPECT_EQ(3U, ch_info(ch).sent);
}

/*
 * R8, R15: with GOCHAN_RESUME and SA_RESTART a signal after some ops restarts the
 * call with the op that was interrupted.
 */
TEST_F(batch, r8_r15_resume)
{
	const int ch = ch_make(2, 16, 0);
	struct call *call = sends(ch, 4);

	ASSERT_TRUE(on_signal(SA_RESTART));
	call->arg.flags = GOCHAN_RESUME;
	call->arg.index = 0;
	call_start(call, variant->by);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	call_signal(call, SIGUSR1);
	ASSERT_TRUE(wait_handled(1));
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	EXPECT_STREQ("0", recv_text(ch));
	EXPECT_STREQ("1", recv_text(ch));
	EXPECT_EQ(4, call_wait(call));
	EXPECT_EQ(4U, ch_info(ch).sent);
}

/* R8, R15: without SA_RESTART it fails, and tells how many ops were done. */
TEST_F(batch, r8_r15_resume_interrupted)
{
	const int ch = ch_make(2, 16, 0);
	struct call *call = sends(ch, 4);

	ASSERT_TRUE(on_signal(0));
	call->arg.flags = GOCHAN_RESUME;
	call->arg.index = 0;
	call_start(call, variant->by);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	call_signal(call, SIGUSR1);
	EXPECT_EQ(-EINTR, call_wait(call));
	EXPECT_EQ(2U, call->arg.index);
	EXPECT_EQ(0, call->ops[1].result);
	EXPECT_EQ(-EINTR, call->ops[2].result);
	EXPECT_EQ(2U, ch_info(ch).sent);
}

/* R15, R20: how many ops GOCHAN_RESUME skips. */
TEST_F(batch, r15_r20_resume_index)
{
	const int ch = ch_make(4, 16, 0);
	struct call *call = sends(ch, 2);

	call->arg.flags = GOCHAN_RESUME;
	call->arg.index = 3;
	EXPECT_EQ(-EINVAL, call_now(call));
	call->arg.index = 2;
	EXPECT_EQ(2, call_now(call));
	EXPECT_EQ(0U, ch_info(ch).sent);
	call->arg.index = 1;
	EXPECT_EQ(2, call_now(call));
	EXPECT_EQ(1U, ch_info(ch).sent);
	EXPECT_STREQ("1", recv_text(ch));
}

/* R8, R15: a deadline does not drift when a signal restarts the call. */
TEST_F(batch, r8_r15_deadline_does_not_drift)
{
	const int ch = ch_make(0, 16, 0);
	long long ns = 100000000;
	struct call *call;
	int signals;

	ASSERT_TRUE(on_signal(SA_RESTART));
	/* extend the deadline until the call is interrupted several times */
	do {
		call = receives(ch, 2);
		call->arg.timeout = now_ns() + ns;
		call_start(call, variant->by);
		signals = call_signal_sleeps(call, ch);
		EXPECT_EQ(-ETIMEDOUT, call_wait(call));
		EXPECT_LE((long long)call->arg.timeout, now_ns());
		ns *= 2;
	} while (signals <= 3 && ns < WAIT_LIMIT * 1000000000LL / 4);
	EXPECT_LT(3, signals);
	EXPECT_TRUE(no_waiters(ch));
}

/* R1, R8, R15: killed after some sends: those messages stay, no more follow. */
TEST(r1_r8_r15_killed)
{
	const int ch = ch_make(2, 16, 0);
	struct call *call = sends(ch, 5);

	call_start(call, BY_PROCESS);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	EXPECT_EQ(-EINPROGRESS, call_kill(call));
	EXPECT_TRUE(no_waiters(ch));
	EXPECT_STREQ("0", recv_text(ch));
	EXPECT_STREQ("1", recv_text(ch));
	EXPECT_STREQ("(EAGAIN)", try_recv_text(ch));
}

/* R7, R15: the ops of a batch are queued like any others. */
TEST_F(batch, r7_r15_queued)
{
	const int ch = ch_make(0, 16, 0);
	struct job *first, *third;
	struct call *second = receives(ch, 2);

	first = job_recv(variant->by, ch, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	call_start(second, variant->by);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 2));
	third = job_recv(variant->by, ch, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 3));
	EXPECT_EQ(1, send_text(ch, "1"));
	EXPECT_EQ(1, send_text(ch, "2"));
	/* its second op is queued behind the receivers already blocked */
	ASSERT_TRUE(wait_for_waiters(ch, 0, 2));
	EXPECT_EQ(1, send_text(ch, "3"));
	EXPECT_EQ(1, send_text(ch, "4"));
	EXPECT_STREQ("1", job_text(first));
	EXPECT_STREQ("3", job_text(third));
	EXPECT_EQ(2, call_wait(second));
	EXPECT_STREQ("2", call_text(second, 0));
	EXPECT_STREQ("4", call_text(second, 1));
}

/* R15: none, max_select and max_select + 1 ops. */
TEST(r15_count)
{
	const unsigned int max = param("max_select");
	const int ch = ch_make(max, 4, 0);
	struct gochan_op *ops = calloc(max + 1, sizeof(*ops));
	unsigned int *msgs = calloc(max + 1, sizeof(*msgs));
	unsigned int i, index;

	ASSERT_NE(NULL, ops);
	ASSERT_NE(NULL, msgs);
	EXPECT_EQ(0, ops_call(ch, GOCHAN_IOC_BATCH, NULL, 0, 0, &index));
	EXPECT_EQ(0U, index);
	for (i = 0; i <= max; i++) {
		msgs[i] = i;
		ops[i] = GOCHAN_SEND(ch, &msgs[i], 4);
	}
	EXPECT_EQ(-EINVAL, ops_batch(ch, ops, max + 1, 0));
	EXPECT_EQ(-EINVAL, ops_batch(ch, ops, UINT_MAX, 0));
	EXPECT_EQ(0U, ch_info(ch).len);
	EXPECT_EQ((int)max, ops_call(ch, GOCHAN_IOC_BATCH, ops, max, 0, &index));
	EXPECT_EQ(max, index);
	EXPECT_EQ(max, ch_info(ch).len);
	memset(msgs, 0, (max + 1) * sizeof(*msgs));
	for (i = 0; i <= max; i++)
		ops[i] = GOCHAN_RECV(ch, &msgs[i], 4);
	EXPECT_EQ((int)max, ops_batch(ch, ops, max, 0));
	for (i = 0; i < max; i++)
		ASSERT_EQ(i, msgs[i]);
}

/* R15: the call may be made on any handle. */
TEST(r15_on_any_handle)
{
	const int hub = ch_dup(ch_make(0, 16, 0), O_RDONLY);
	const int ch = ch_make(1, 16, 0);
	struct call *call = call_batch(hub);

	ASSERT_LE(0, hub);
	call_send(call, ch, "a");
	call_recv(call, ch);
	EXPECT_EQ(2, call_now(call));
	EXPECT_STREQ("a", call_text(call, 1));
}

TEST_HARNESS_MAIN
