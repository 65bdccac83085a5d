// SPDX-License-Identifier: GPL-2.0
/*
 * Looking at messages without taking them (GOCHAN_PEEK, FIONREAD), and empty
 * messages (R1, R7, R9, R10, R14).
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

FIXTURE(peek) {
};

FIXTURE_VARIANT(peek) {
	unsigned long cmd;
	unsigned int capacity;
};

FIXTURE_VARIANT_ADD(peek, select_unbuffered) {
	.cmd = GOCHAN_IOC_SELECT, .capacity = 0,
};

FIXTURE_VARIANT_ADD(peek, select_buffered) {
	.cmd = GOCHAN_IOC_SELECT, .capacity = 1,
};

FIXTURE_VARIANT_ADD(peek, batch_unbuffered) {
	.cmd = GOCHAN_IOC_BATCH, .capacity = 0,
};

FIXTURE_VARIANT_ADD(peek, batch_buffered) {
	.cmd = GOCHAN_IOC_BATCH, .capacity = 1,
};

FIXTURE_SETUP(peek)
{
}

FIXTURE_TEARDOWN(peek)
{
}

static struct call *peeking(int ch, unsigned long cmd)
{
	struct call *call = call_make(ch, cmd);

	call_recv(call, ch)->flags = GOCHAN_PEEK;
	return call;
}

/* Make a message available: buffered, or from a blocked sender. */
static struct job *provide(int ch, const void *msg, size_t len)
{
	const unsigned int inside = ch_info(ch).capacity ? 1 : 0;
	struct job *job = job_send(BY_THREAD, ch, msg, len);

	if (!(inside ? wait_for_len(ch, 1) : wait_for_waiters(ch, 1, 0)))
		abort();
	return job;
}

/* R1: a peek returns the message and leaves it, any number of times. */
TEST_F(peek, r1_leaves_message)
{
	const int ch = ch_make(variant->capacity, 16, 0);
	struct call *call = peeking(ch, variant->cmd);
	struct job *job = provide(ch, "hello", 5);
	const struct gochan_info before = ch_info(ch);
	struct gochan_info after;
	int i;

	for (i = 0; i < 5; i++) {
		call_reset(call);
		call->bufs[0][0] = 0;
		EXPECT_LE(0, call_now(call));
		EXPECT_EQ(0, call->ops[0].result);
		EXPECT_STREQ("hello", call_text(call, 0));
		EXPECT_EQ(-1, call->ops[0].passed_fd);
	}
	after = ch_info(ch);
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
	if (!variant->capacity)
		EXPECT_FALSE(job_done(job));
	EXPECT_STREQ("hello", recv_text(ch));
	EXPECT_EQ(5, job_wait(job));
	call_reset(call);
	EXPECT_EQ(-EAGAIN, call_try(call));
}

/* R1: peeks at messages of all sizes. */
TEST_F(peek, r1_sizes)
{
	static const unsigned int lens[] = { 0, 1, 128, 129, 512, 513, 4096, 4097, 65536 };
	const int ch = ch_make(variant->capacity, 65536, 0);
	char *msg = malloc(65536), *buf = malloc(65536);
	struct gochan_op send, recv;
	unsigned int i, peek;
	struct call *call;

	fill(msg, 65536, 9);
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		send = GOCHAN_SEND(ch, msg, lens[i]);
		call = call_batch(ch);
		call_add(call, &send);
		call_start(call, BY_THREAD);
		ASSERT_TRUE(variant->capacity ? wait_for_len(ch, 1) : wait_for_waiters(ch, 1, 0));
		EXPECT_EQ((int)lens[i], ch_next_size(ch));
		for (peek = 2; peek--;) {
			memset(buf, 0, 65536);
			recv = GOCHAN_RECV(ch, buf, 65536);
			recv.flags = peek ? GOCHAN_PEEK : 0;
			EXPECT_LE(0, ops_call(ch, variant->cmd, &recv, 1, 0, NULL));
			EXPECT_EQ(lens[i], recv.len);
			EXPECT_TRUE(is_filled(buf, lens[i], 9));
		}
		EXPECT_EQ(1, call_wait(call));
	}
}

/* R10: a peek with too small a buffer reports the required size. */
TEST_F(peek, r10_reports_size)
{
	const int ch = ch_make(variant->capacity, 16, 0);
	struct call *call = peeking(ch, variant->cmd);
	struct job *job = provide(ch, "longer", 6);

	call->ops[0].len = 0;
	call->ops[0].buf = 0;
	EXPECT_EQ(-EMSGSIZE, call_now(call));
	EXPECT_EQ(-EMSGSIZE, call->ops[0].result);
	EXPECT_EQ(6U, call->ops[0].len);
	EXPECT_EQ(6, ch_next_size(ch));
	EXPECT_STREQ("longer", recv_text(ch));
	EXPECT_EQ(6, job_wait(job));
}

/* R9: a peek into bad memory fails, and the message stays. */
TEST_F(peek, r9_bad_memory)
{
	static const unsigned int lens[] = { 5, 200, 9000 };
	const int ch = ch_make(variant->capacity, 9000, 0);
	char *end = (char *)map_pages(3) + 3 * page_size();
	struct call *call = peeking(ch, variant->cmd);
	static char msg[9000], buf[9000];
	struct job *job;
	unsigned int i;

	fill(msg, sizeof(msg), 2);
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		job = provide(ch, msg, lens[i]);
		call_reset(call);
		call->ops[0].len = 9000;
		call->ops[0].buf = (unsigned long)(end - lens[i] + 1);
		EXPECT_EQ(-EFAULT, call_now(call));
		EXPECT_EQ(-EFAULT, call->ops[0].result);
		call->ops[0].buf = (unsigned long)(end - lens[i]);
		EXPECT_LE(0, call_now(call));
		EXPECT_TRUE(is_filled(end - lens[i], lens[i], 2));
		EXPECT_EQ(lens[i], ch_recv(ch, buf, sizeof(buf)));
		EXPECT_EQ(lens[i], job_wait(job));
		EXPECT_EQ(0U, ch_info(ch).len);
	}
}

/* DESIGN 3: a peek requires the right to receive. */
TEST_F(peek, s3_needs_right_to_receive)
{
	const int ch = ch_make(variant->capacity, 16, 0);
	struct call *call = peeking(ch_dup(ch, O_WRONLY), variant->cmd);

	EXPECT_EQ(-EBADF, call_try(call));
	EXPECT_EQ(-EBADF, call->ops[0].result);
}

/* R5: a peek sees the end once the channel is drained. */
TEST_F(peek, r5_closed)
{
	const int ch = ch_make(1, 16, 0);
	struct call *call = peeking(ch, variant->cmd);

	ASSERT_EQ(1, send_text(ch, "a"));
	ASSERT_EQ(0, ch_close(ch));
	EXPECT_LE(0, call_now(call));
	EXPECT_STREQ("a", call_text(call, 0));
	EXPECT_STREQ("a", recv_text(ch));
	call_reset(call);
	EXPECT_LE(0, call_now(call));
	EXPECT_STREQ("(closed)", call_text(call, 0));
}

/* R5: the channel is closed while a peek is blocked. */
TEST_F(peek, r5_closed_asleep)
{
	const int ch = ch_make(variant->capacity, 16, 0);
	struct call *call = call_start(peeking(ch, variant->cmd), BY_THREAD);

	ASSERT_TRUE(wait_in_syscall(call->id, SYS_ioctl));
	ASSERT_TRUE(wait_asleep(call->id));
	ASSERT_EQ(0, ch_close(ch));
	EXPECT_LE(0, call_wait(call));
	EXPECT_STREQ("(closed)", call_text(call, 0));
}

/*
 * R7: peekers are not queued: no send is handed off to them, and all of them see
 * the same message.
 */
TEST_F(peek, r7_peekers_not_queued)
{
	const int ch = ch_make(variant->capacity, 16, 0);
	struct call *calls[3];
	struct job *job;
	int i;

	for (i = 0; i < 3; i++) {
		calls[i] = call_start(peeking(ch, variant->cmd), BY_THREAD);
		ASSERT_TRUE(wait_in_syscall(calls[i]->id, SYS_ioctl));
		ASSERT_TRUE(wait_asleep(calls[i]->id));
	}
	EXPECT_TRUE(no_waiters(ch));
	EXPECT_EQ(variant->capacity ? POLLOUT : 0, ch_poll(ch) & (POLLIN | POLLOUT));
	if (!variant->capacity)
		EXPECT_EQ(-EAGAIN, try_send_text(ch, "a"));
	job = provide(ch, "hello", 5);
	for (i = 0; i < 3; i++) {
		EXPECT_LE(0, call_wait(calls[i]));
		EXPECT_STREQ("hello", call_text(calls[i], 0));
	}
	EXPECT_STREQ("hello", recv_text(ch));
	EXPECT_EQ(5, job_wait(job));
}

/* R7: a blocked receiver gets its message, although a peeker came first. */
TEST_F(peek, r7_receivers_not_delayed)
{
	const int ch = ch_make(variant->capacity, 16, 0);
	struct call *peeker = call_start(peeking(ch, variant->cmd), BY_THREAD);
	struct job *receiver;
	int i;

	ASSERT_TRUE(wait_in_syscall(peeker->id, SYS_ioctl));
	ASSERT_TRUE(wait_asleep(peeker->id));
	for (i = 0; i < 5; i++) {
		receiver = job_recv(BY_THREAD, ch, 16);
		ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
		EXPECT_EQ(1, try_send_text(ch, "a"));
		EXPECT_STREQ("a", job_text(receiver));
	}
	/* the peeker has seen none of them, and is still blocked */
	ASSERT_TRUE(wait_asleep(peeker->id));
	EXPECT_FALSE(call_done(peeker));
	receiver = provide(ch, "b", 1);
	EXPECT_LE(0, call_wait(peeker));
	EXPECT_STREQ("b", call_text(peeker, 0));
	EXPECT_STREQ("b", recv_text(ch));
	EXPECT_EQ(1, job_wait(receiver));
}

/* R12: non-blocking peeks, and deadlines. */
TEST_F(peek, r12_nonblock)
{
	const int ch = ch_make(variant->capacity, 16, 0);
	struct call *call = peeking(ch, variant->cmd);

	EXPECT_EQ(-EAGAIN, call_try(call));
	call->arg.timeout = now_ns() + 1000000;
	EXPECT_EQ(-ETIMEDOUT, call_now(call));
	EXPECT_LE((long long)call->arg.timeout, now_ns());
}

/* R14: a peek among other ops of a select. */
TEST(r14_peek_or_receive)
{
	const int a = ch_make(0, 16, 0);
	const int b = ch_make(0, 16, 0);
	struct call *call = call_select(a);
	struct job *job;

	call_recv(call, a)->flags = GOCHAN_PEEK;
	call_recv(call, b);
	call_start(call, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(b, 0, 1));
	EXPECT_TRUE(no_waiters(a));
	job = provide(a, "peek", 4);
	EXPECT_EQ(0, call_wait(call));
	EXPECT_STREQ("peek", call_text(call, 0));
	EXPECT_TRUE(no_waiters(b));
	EXPECT_STREQ("peek", recv_text(a));
	EXPECT_EQ(4, job_wait(job));

	call_reset(call);
	call_start(call, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(b, 0, 1));
	EXPECT_EQ(4, try_send_text(b, "recv"));
	EXPECT_EQ(1, call_wait(call));
	EXPECT_STREQ("recv", call_text(call, 1));
}

/* R15: peek, then receive, in one batch. */
TEST(r15_peek_then_receive)
{
	const int ch = ch_make(2, 16, 0);
	struct call *call = call_batch(ch);

	ASSERT_EQ(1, send_text(ch, "1"));
	ASSERT_EQ(1, send_text(ch, "2"));
	call_recv(call, ch)->flags = GOCHAN_PEEK;
	call_recv(call, ch);
	call_recv(call, ch)->flags = GOCHAN_PEEK;
	call_recv(call, ch);
	EXPECT_EQ(4, call_now(call));
	EXPECT_STREQ("1", call_text(call, 0));
	EXPECT_STREQ("1", call_text(call, 1));
	EXPECT_STREQ("2", call_text(call, 2));
	EXPECT_STREQ("2", call_text(call, 3));
}

/* R16: a peek leaves the file that comes with a message. */
TEST_F(peek, r16_file_stays)
{
	const int ch = ch_make(0, 16, 0);
	struct call *sender = call_select(ch);
	struct call *receiver = call_select(ch);
	struct call *peeker = peeking(ch, variant->cmd);

	call_send(sender, ch, "file")->flags = GOCHAN_PASS_FD;
	sender->ops[0].passed_fd = ch;
	call_start(sender, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	EXPECT_LE(0, call_now(peeker));
	EXPECT_STREQ("file", call_text(peeker, 0));
	EXPECT_EQ(-1, peeker->ops[0].passed_fd);
	EXPECT_FALSE(call_done(sender));
	call_recv(receiver, ch)->flags = GOCHAN_TAKE_FD;
	EXPECT_EQ(0, call_now(receiver));
	EXPECT_EQ(0, call_wait(sender));
	EXPECT_LE(0, receiver->ops[0].passed_fd);
}

struct peeker {
	int ch;
	int seen;
	int bad;
};

/* Peek until the end, and check that the messages are whole. */
static void *peek_until_end(void *arg)
{
	static __thread char buf[9000];
	struct peeker *peeker = arg;
	struct gochan_op op;

	for (;;) {
		op = GOCHAN_RECV(peeker->ch, buf, sizeof(buf));
		op.flags = GOCHAN_PEEK;
		if (ops_select(peeker->ch, &op, 1, 0) < 0 || op.result)
			return NULL;
		peeker->seen++;
		peeker->bad += op.len != sizeof(buf) ||
			       !is_filled(buf + 1, sizeof(buf) - 1, (unsigned char)buf[0]);
	}
}

/* R1, R7: a concurrent peeker does not affect senders and receivers. */
TEST_F(peek, r1_r7_concurrent_peeks)
{
	struct peeker peeker = { .ch = ch_make(variant->capacity, 9000, 0) };
	static char msg[9000], buf[9000];
	pthread_t thread;
	struct job *job;
	int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, peek_until_end, &peeker));
	for (i = 0; i < 25; i++) {
		msg[0] = i;
		fill(msg + 1, sizeof(msg) - 1, i);
		job = job_start(BY_THREAD, peeker.ch, true, msg, sizeof(msg));
		ASSERT_EQ(sizeof(buf), ch_recv(peeker.ch, buf, sizeof(buf)));
		ASSERT_EQ(0, memcmp(msg, buf, sizeof(buf)));
		ASSERT_EQ(sizeof(msg), job_wait(job));
	}
	ASSERT_EQ(0, ch_close(peeker.ch));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, peeker.bad);
	EXPECT_EQ(25U, ch_info(peeker.ch).received);
}

/* ---- FIONREAD ---- */

/* DESIGN 5: the size of the next message, on a handle with any rights. */
TEST(s5_fionread)
{
	const int ch = ch_make(3, 65536, 0);
	const int send_only = ch_dup(ch, O_WRONLY);
	static char msg[65536];

	EXPECT_EQ(0, ch_next_size(ch));
	ASSERT_EQ(7, ch_send(ch, msg, 7));
	ASSERT_EQ(65536, ch_send(ch, msg, 65536));
	ASSERT_EQ(1, ch_send(ch, msg, 1));
	EXPECT_EQ(7, ch_next_size(ch));
	EXPECT_EQ(7, ch_next_size(send_only));
	ASSERT_EQ(7, ch_recv(ch, msg, sizeof(msg)));
	EXPECT_EQ(65536, ch_next_size(ch));
	ASSERT_EQ(65536, ch_recv(ch, msg, sizeof(msg)));
	EXPECT_EQ(1, ch_next_size(ch));
	ASSERT_EQ(1, ch_recv(ch, msg, sizeof(msg)));
	EXPECT_EQ(0, ch_next_size(ch));
	EXPECT_EQ(-1, ioctl(ch, FIONREAD, NULL));
	EXPECT_EQ(EFAULT, errno);
}

/* ---- empty messages ---- */

static int send_empty(int ch)
{
	struct gochan_op op = GOCHAN_SEND(ch, NULL, 0);

	return ops_batch(ch, &op, 1, GOCHAN_NONBLOCK);
}

/* R4, R10: empty messages are counted and ordered, and are not the end. */
TEST(r4_r10_empty)
{
	const int ch = ch_make(3, 16, 0);
	struct call *call = call_batch(ch);

	EXPECT_EQ(1, send_empty(ch));
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_EQ(1, send_empty(ch));
	EXPECT_EQ(-EAGAIN, send_empty(ch));
	EXPECT_EQ(3U, ch_info(ch).len);
	EXPECT_EQ(1U, ch_info(ch).bytes);
	EXPECT_EQ(0, ch_next_size(ch));
	EXPECT_EQ(POLLIN, ch_poll(ch) & (POLLIN | POLLOUT));
	call_recv(call, ch);
	call_recv(call, ch);
	call_recv(call, ch);
	/* receiving one needs no buffer */
	call->ops[0].len = 0;
	call->ops[0].buf = 0;
	EXPECT_EQ(3, call_now(call));
	EXPECT_EQ(0, call->ops[0].result);
	EXPECT_EQ(0U, call->ops[0].len);
	EXPECT_STREQ("a", call_text(call, 1));
	EXPECT_EQ(0, call->ops[2].result);
	EXPECT_EQ(0U, call->ops[2].len);
	EXPECT_EQ(3U, ch_info(ch).received);
	ASSERT_EQ(0, ch_close(ch));
	call_reset(call);
	EXPECT_EQ(3, call_now(call));
	EXPECT_STREQ("(closed)", call_text(call, 0));
}

/* R10: a read receives an empty message and returns 0, a read of length 0 does not. */
TEST(r10_read_takes_empty)
{
	const int ch = ch_make(3, 16, 0);
	char c;

	EXPECT_EQ(1, send_empty(ch));
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_EQ(0, ch_send(ch, &c, 0));
	EXPECT_EQ(2U, ch_info(ch).len);
	EXPECT_EQ(0, ch_recv(ch, &c, 0));
	EXPECT_EQ(2U, ch_info(ch).len);
	EXPECT_EQ(0, ch_recv(ch, &c, 1));
	EXPECT_EQ(1U, ch_info(ch).len);
	EXPECT_EQ(1, ch_recv(ch, &c, 1));
}

/* R3, R10: empty messages on an unbuffered channel, whichever side comes first. */
TEST_F(peek, r3_r10_empty_unbuffered)
{
	const int ch = ch_make(0, 0, 0);
	struct call *call;
	int k;

	for (k = 0; k < 2; k++) {
		call = call_make(ch, variant->cmd);
		if (k)
			call_send(call, ch, "");
		else
			call_recv(call, ch);
		call_start(call, BY_THREAD);
		ASSERT_TRUE(wait_for_waiters(ch, k, !k));
		if (k) {
			EXPECT_EQ(POLLIN, ch_poll(ch) & (POLLIN | POLLOUT));
			EXPECT_STREQ("(end)", recv_text(ch));
		} else {
			EXPECT_EQ(1, send_empty(ch));
		}
		EXPECT_LE(0, call_wait(call));
		EXPECT_EQ(0, call->ops[0].result);
		EXPECT_EQ(0U, call->ops[0].len);
	}
	EXPECT_EQ(2U, ch_info(ch).received);
}

/* R4, R10: a channel with a msg_size of 0 is a semaphore. */
TEST(r4_r10_semaphore)
{
	const int ch = ch_make(2, 0, 0);

	EXPECT_EQ(1, send_empty(ch));
	EXPECT_EQ(1, send_empty(ch));
	EXPECT_EQ(-EAGAIN, send_empty(ch));
	EXPECT_EQ(-EMSGSIZE, send_text(ch, "a"));
	EXPECT_STREQ("(end)", recv_text(ch));
	EXPECT_EQ(1, send_empty(ch));
	EXPECT_EQ(2U, ch_info(ch).len);
	EXPECT_EQ(0U, ch_info(ch).bytes);
}

TEST_HARNESS_MAIN
