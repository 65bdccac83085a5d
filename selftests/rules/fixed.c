// SPDX-License-Identifier: GPL-2.0
/*
 * R11: fixed-size channels: several messages in one read or write, short
 * counts, and writes that block after some of their messages.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"
#include "../lib/signals.h"

#include <fcntl.h>
#include <sys/uio.h>

#define MANY	500	/* more than are moved at a time with the lock held */

FIXTURE(fixed) {
	char *out;
	char *in;
};

FIXTURE_VARIANT(fixed) {
	enum by by;
	unsigned int size;
};

FIXTURE_VARIANT_ADD(fixed, thread) {
	.by = BY_THREAD, .size = 16,
};

FIXTURE_VARIANT_ADD(fixed, process) {
	.by = BY_PROCESS, .size = 16,
};

FIXTURE_VARIANT_ADD(fixed, middle) {
	.by = BY_THREAD, .size = 200,
};

FIXTURE_VARIANT_ADD(fixed, heap) {
	.by = BY_PROCESS, .size = 1000,
};

FIXTURE_VARIANT_ADD(fixed, large) {
	.by = BY_PROCESS, .size = 5000,
};

static void *shared(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

/* Fill in messages @first and up, each with its number and some content. */
static void fill_messages(char *buf, unsigned int size, unsigned int first, unsigned int n)
{
	for (; n--; buf += size, first++) {
		memcpy(buf, &first, sizeof(first));
		fill(buf + sizeof(first), size - sizeof(first), first);
	}
}

static bool are_messages(const char *buf, unsigned int size, unsigned int first, unsigned int n)
{
	for (; n--; buf += size, first++)
		if (memcmp(buf, &first, sizeof(first)) != 0 ||
		    !is_filled(buf + sizeof(first), size - sizeof(first), first))
			return false;
	return true;
}

FIXTURE_SETUP(fixed)
{
	self->out = shared(MANY * variant->size);
	self->in = shared(MANY * variant->size);
	ASSERT_NE(MAP_FAILED, self->out);
	ASSERT_NE(MAP_FAILED, self->in);
	fill_messages(self->out, variant->size, 0, MANY);
}

FIXTURE_TEARDOWN(fixed)
{
}

/* R11: the message size must not be 0. */
TEST(r11_setup)
{
	EXPECT_EQ(-EINVAL, ch_make(1, 0, GOCHAN_FIXED));
	EXPECT_EQ(-EINVAL, ch_make(0, 0, GOCHAN_FIXED));
	EXPECT_LE(0, ch_make(0, 1, GOCHAN_FIXED));
}

/* R11: one write sends as many messages as it holds, one read receives them. */
TEST_F(fixed, r11_several)
{
	const unsigned int size = variant->size;
	const int ch = ch_make(8, size, GOCHAN_FIXED);
	struct gochan_info info;

	EXPECT_EQ(3 * size, ch_send(ch, self->out, 3 * size));
	info = ch_info(ch);
	EXPECT_EQ(3U, info.len);
	EXPECT_EQ(3U, info.sent);
	EXPECT_EQ(3 * size, info.bytes);
	EXPECT_EQ((int)size, ch_next_size(ch));
	EXPECT_EQ(size, ch_send(ch, self->out + 3 * size, size));
	EXPECT_EQ(4 * size, ch_recv(ch, self->in, 4 * size));
	EXPECT_TRUE(are_messages(self->in, size, 0, 4));
	EXPECT_EQ(4U, ch_info(ch).received);
	EXPECT_EQ(0U, ch_info(ch).bytes);
}

/* R11: a read receives the whole messages that are available and fit, at least one. */
TEST_F(fixed, r11_what_fits)
{
	const unsigned int size = variant->size;
	const int ch = ch_make(8, size, GOCHAN_FIXED);

	ASSERT_EQ(7 * size, ch_send(ch, self->out, 7 * size));
	EXPECT_EQ(2 * size, ch_recv(ch, self->in, 3 * size - 1));
	EXPECT_TRUE(are_messages(self->in, size, 0, 2));
	EXPECT_EQ(size, ch_recv(ch, self->in, size));
	EXPECT_TRUE(are_messages(self->in, size, 2, 1));
	EXPECT_EQ(size, ch_recv(ch, self->in, 2 * size - 1));
	EXPECT_EQ(3 * size, ch_recv(ch, self->in, MANY * size));
	EXPECT_TRUE(are_messages(self->in, size, 4, 3));
	EXPECT_EQ(-EAGAIN, ch_try_recv(ch, self->in, MANY * size));
}

/* R10, R11: lengths that are not a multiple, and buffers for less than one message. */
TEST_F(fixed, r10_r11_wrong_lengths)
{
	const unsigned int size = variant->size;
	const int buffered = ch_make(8, size, GOCHAN_FIXED);
	const int unbuffered = ch_make(0, size, GOCHAN_FIXED);

	EXPECT_EQ(-EINVAL, ch_send(buffered, self->out, size - 1));
	EXPECT_EQ(-EINVAL, ch_send(buffered, self->out, size + 1));
	EXPECT_EQ(-EINVAL, ch_send(buffered, self->out, 3 * size - 1));
	EXPECT_EQ(-EINVAL, ch_try_send(buffered, self->out, 1));
	EXPECT_EQ(-EINVAL, ch_send(unbuffered, self->out, size + 1));
	EXPECT_EQ(0, ch_send(unbuffered, self->out, 0));
	EXPECT_EQ(0U, ch_info(buffered).len);

	/* at once, also on an empty channel */
	EXPECT_EQ(-EMSGSIZE, ch_recv(buffered, self->in, size - 1));
	EXPECT_EQ(-EMSGSIZE, ch_recv(unbuffered, self->in, 1));
	ASSERT_EQ(size, ch_send(buffered, self->out, size));
	EXPECT_EQ(-EMSGSIZE, ch_recv(buffered, self->in, size - 1));
	EXPECT_EQ(0, ch_recv(buffered, self->in, 0));
	EXPECT_EQ(1U, ch_info(buffered).len);
}

/* R11: an op sends or receives one message, of exactly that size. */
TEST_F(fixed, r11_ops)
{
	const unsigned int size = variant->size;
	const int ch = ch_make(8, size, GOCHAN_FIXED);
	struct gochan_op ops[2];

	ops[0] = GOCHAN_SEND(ch, self->out, 2 * size);
	EXPECT_EQ(-EMSGSIZE, ops_batch(ch, ops, 1, 0));
	EXPECT_EQ(-EMSGSIZE, ops_select(ch, ops, 1, 0));
	ops[0].len = size - 1;
	EXPECT_EQ(-EINVAL, ops_batch(ch, ops, 1, 0));
	EXPECT_EQ(-EINVAL, ops_select(ch, ops, 1, 0));
	ops[0].len = 0;
	EXPECT_EQ(-EINVAL, ops_batch(ch, ops, 1, 0));
	EXPECT_EQ(0U, ch_info(ch).len);
	ops[0].len = size;
	ops[1] = GOCHAN_RECV(ch, self->in, 3 * size);
	EXPECT_EQ(2, ops_batch(ch, ops, 2, 0));
	EXPECT_EQ(size, ops[1].len);
	EXPECT_EQ(0, ops_select(ch, ops, 1, 0));
	EXPECT_EQ(0, ops_select(ch, ops, 1, 0));
	ops[1].len = 3 * size;
	EXPECT_EQ(1, ops_batch(ch, ops + 1, 1, 0));
	EXPECT_EQ(size, ops[1].len);
	EXPECT_TRUE(are_messages(self->in, size, 0, 1));
	EXPECT_EQ(1U, ch_info(ch).len);
}

/* R11: iovec segments need not end at message boundaries. */
TEST_F(fixed, r11_writev)
{
	const unsigned int size = variant->size;
	const int ch = ch_make(8, size, GOCHAN_FIXED);
	struct iovec iov[3] = {
		{ self->out, size / 2 },
		{ self->out + size / 2, 2 * size },
		{ self->out + size / 2 + 2 * size, size - size / 2 },
	};

	EXPECT_EQ(3 * size, writev(ch, iov, 3));
	EXPECT_EQ(3U, ch_info(ch).len);
	EXPECT_EQ(-1, writev(ch, iov, 2));
	EXPECT_EQ(EINVAL, errno);
	iov[0].iov_base = self->in;
	iov[1].iov_base = self->in + size / 2;
	iov[2].iov_base = self->in + size / 2 + 2 * size;
	EXPECT_EQ(3 * size, readv(ch, iov, 3));
	EXPECT_TRUE(are_messages(self->in, size, 0, 3));
}

/* R11: more messages than are moved at a time. */
TEST_F(fixed, r11_many)
{
	const unsigned int size = variant->size;
	const int ch = ch_make(MANY, size, GOCHAN_FIXED);
	unsigned int got = 0;
	struct job *job;
	ssize_t ret;

	EXPECT_EQ(MANY * size, ch_try_send(ch, self->out, MANY * size));
	EXPECT_EQ((unsigned int)MANY, ch_info(ch).len);
	EXPECT_EQ(MANY * size, ch_recv(ch, self->in, MANY * size));
	EXPECT_TRUE(are_messages(self->in, size, 0, MANY));

	/* through a small buffer */
	close(ch);
	job = job_start(variant->by, ch_make(7, size, GOCHAN_FIXED), true, self->out, MANY * size);
	memset(self->in, 0, MANY * size);
	while (got < MANY * size) {
		ret = ch_recv(job->ch, self->in + got, MANY * size - got);
		ASSERT_LT(0, ret);
		ASSERT_EQ(0, ret % size);
		got += ret;
	}
	EXPECT_EQ(MANY * size, job_wait(job));
	EXPECT_TRUE(are_messages(self->in, size, 0, MANY));
}

/* R11: a read receives any number of messages, also into pages not yet present. */
TEST(r11_very_many)
{
	enum { COUNT = 5000 };
	const int ch = ch_make(COUNT, 8, GOCHAN_FIXED);
	unsigned long *in = calloc(COUNT, sizeof(*in));
	unsigned long *out = map_pages(10);
	int i, round;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < COUNT; i++)
			in[i] = i * 3 + round;
		ASSERT_EQ(COUNT * 8, ch_send(ch, in, COUNT * 8));
		/* the first time none of these pages is present */
		ASSERT_EQ(COUNT * 8, ch_recv(ch, out, 10 * page_size()));
		for (i = 0; i < COUNT; i++)
			ASSERT_EQ(i * 3UL + round, out[i]);
		ASSERT_EQ(0U, ch_info(ch).len);
	}
}

/* R11: a blocked read takes the first message, and others that are available. */
TEST_F(fixed, r11_read_waits_for_one)
{
	const unsigned int size = variant->size;
	unsigned int capacity;
	struct job *job;
	long ret;
	int ch;

	for (capacity = 0; capacity < 5; capacity += 4) {
		ch = ch_make(capacity, size, GOCHAN_FIXED);
		job = job_start(variant->by, ch, false, self->in, 4 * size);
		ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
		EXPECT_EQ(size, ch_try_send(ch, self->out, size));
		EXPECT_EQ(size, job_wait(job));

		job = job_start(variant->by, ch, false, self->in, 4 * size);
		ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
		EXPECT_EQ(capacity ? 3 * size : size, ch_try_send(ch, self->out, 3 * size));
		ret = job_wait(job);
		EXPECT_LE(size, ret);
		EXPECT_EQ(0, ret % size);
		EXPECT_TRUE(are_messages(self->in, size, 0, ret / size));
		EXPECT_EQ(ret / size + ch_info(ch).len, capacity ? 3 : 1);
	}
}

/* R3, R11: on an unbuffered channel each message waits for its receiver. */
TEST_F(fixed, r3_r11_unbuffered)
{
	const unsigned int size = variant->size;
	const int ch = ch_make(0, size, GOCHAN_FIXED);
	struct job *job;

	job = job_start(variant->by, ch, true, self->out, 6 * size);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	EXPECT_EQ(size, ch_recv(ch, self->in, size));
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	EXPECT_EQ(1U, ch_info(ch).sent);
	EXPECT_FALSE(job_done(job));
	EXPECT_EQ(3 * size, ch_recv(ch, self->in + size, 3 * size));
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	EXPECT_FALSE(job_done(job));
	EXPECT_EQ(2 * size, ch_recv(ch, self->in + 4 * size, 10 * size));
	EXPECT_EQ(6 * size, job_wait(job));
	EXPECT_TRUE(are_messages(self->in, size, 0, 6));
	EXPECT_EQ(-EAGAIN, ch_try_recv(ch, self->in, size));
}

/* R7, R11: one write completes several blocked receivers in order. */
TEST_F(fixed, r7_r11_several_receivers)
{
	const unsigned int size = variant->size;
	const int ch = ch_make(0, size, GOCHAN_FIXED);
	struct job *jobs[3];
	int i;

	for (i = 0; i < 3; i++) {
		jobs[i] = job_start(variant->by, ch, false, self->in + i * size, size);
		ASSERT_TRUE(wait_for_waiters(ch, 0, i + 1));
	}
	EXPECT_EQ(3 * size, ch_try_send(ch, self->out, 5 * size));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(size, job_wait(jobs[i]));
	EXPECT_TRUE(are_messages(self->in, size, 0, 3));
}

/*
 * R7, R11: a blocked write keeps its place in the wait queue until all its
 * messages are sent, and is woken once.
 */
TEST_F(fixed, r7_r11_keeps_its_place)
{
	const unsigned int size = variant->size;
	unsigned int capacity, i;
	struct job *first, *second;
	int ch;

	for (capacity = 0; capacity < 3; capacity++) {
		ch = ch_make(capacity, size, GOCHAN_FIXED);
		first = job_start(variant->by, ch, true, self->out, 30 * size);
		ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
		second = job_start(variant->by, ch, true, self->out + 30 * size, 10 * size);
		ASSERT_TRUE(wait_for_waiters(ch, 2, 0));
		for (i = 0; i < 40; i++) {
			ASSERT_EQ((i < 30 - capacity) + (i < 40 - capacity),
				  ch_info(ch).senders_waiting);
			if (i < 30 - capacity)
				ASSERT_TRUE(wait_asleep(first->id));
			ASSERT_EQ(size, ch_try_recv(ch, self->in + i * size, size));
		}
		EXPECT_EQ(30 * size, job_wait(first));
		EXPECT_EQ(10 * size, job_wait(second));
		EXPECT_TRUE(are_messages(self->in, size, 0, 40));
		/* if woken for each message it would be some 30 */
		EXPECT_GT(5, first->switches);
	}
}

/* R7, R11: a new send does not overtake a blocked write. */
TEST_F(fixed, r7_r11_not_overtaken)
{
	const unsigned int size = variant->size;
	const int ch = ch_make(1, size, GOCHAN_FIXED);
	struct job *job;
	int i;

	job = job_start(variant->by, ch, true, self->out, 5 * size);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(-EAGAIN, ch_try_send(ch, self->in, size));
		EXPECT_EQ(size, ch_recv(ch, self->in, size));
		EXPECT_TRUE(are_messages(self->in, size, i, 1));
	}
	EXPECT_EQ(5 * size, job_wait(job));
	EXPECT_EQ(-EAGAIN, ch_try_send(ch, self->in, size));
}

/* R11, R12: a non-blocking call moves as many messages as it can. */
TEST_F(fixed, r11_r12_nonblock)
{
	const unsigned int size = variant->size;
	const int ch = ch_make(3, size, GOCHAN_FIXED);

	EXPECT_EQ(-EAGAIN, ch_try_recv(ch, self->in, 2 * size));
	EXPECT_EQ(3 * size, ch_try_send(ch, self->out, 5 * size));
	EXPECT_EQ(-EAGAIN, ch_try_send(ch, self->out, 5 * size));
	EXPECT_EQ(size, ch_try_recv(ch, self->in, size));
	EXPECT_EQ(size, ch_try_send(ch, self->out + 3 * size, 5 * size));
	ASSERT_EQ(0, fcntl(ch, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, ch_send(ch, self->out, 2 * size));
	EXPECT_EQ(3 * size, ch_recv(ch, self->in, 5 * size));
	EXPECT_TRUE(are_messages(self->in, size, 1, 3));
	EXPECT_EQ(3 * size, ch_send(ch, self->out, 4 * size));
}

/* R8, R11: a signal after some messages: a short count, with SA_RESTART or without. */
TEST_F(fixed, r8_r11_signal)
{
	static const int flags[2] = { 0, SA_RESTART };
	const unsigned int size = variant->size;
	struct job *job;
	int i, ch;

	for (i = 0; i < 2; i++) {
		ch = ch_make(2, size, GOCHAN_FIXED);
		ASSERT_TRUE(on_signal(flags[i]));
		job = job_start(variant->by, ch, true, self->out, 6 * size);
		ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
		ASSERT_EQ(size, ch_recv(ch, self->in, size));
		job_signal(job, SIGUSR1);
		EXPECT_EQ(3 * size, job_wait(job));
		EXPECT_EQ(3U, ch_info(ch).sent);
		EXPECT_EQ(0U, ch_info(ch).senders_waiting);
		EXPECT_EQ(2 * size, ch_recv(ch, self->in + size, 6 * size));
		EXPECT_TRUE(are_messages(self->in, size, 0, 3));
	}
}

/* R8, R11: a signal before the first message: EINTR, or a restart. */
TEST_F(fixed, r8_r11_signal_before_first)
{
	const unsigned int size = variant->size;
	const int ch = ch_make(0, size, GOCHAN_FIXED);
	struct job *job;

	ASSERT_TRUE(on_signal(0));
	job = job_start(variant->by, ch, true, self->out, 3 * size);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	job_signal(job, SIGUSR1);
	EXPECT_EQ(-EINTR, job_wait(job));
	EXPECT_EQ(-EAGAIN, ch_try_recv(ch, self->in, size));

	ASSERT_TRUE(on_signal(SA_RESTART));
	job = job_start(variant->by, ch, true, self->out, 3 * size);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	job_signal(job, SIGUSR1);
	ASSERT_TRUE(wait_handled(1));
	EXPECT_EQ(size, ch_recv(ch, self->in, size));
	EXPECT_EQ(2 * size, ch_recv(ch, self->in + size, 2 * size));
	EXPECT_EQ(3 * size, job_wait(job));
	EXPECT_TRUE(are_messages(self->in, size, 0, 3));
	EXPECT_EQ(3U, ch_info(ch).sent);
}

/* R5, R11: close before the first message, and after some. */
TEST_F(fixed, r5_r11_close)
{
	const unsigned int size = variant->size;
	unsigned int capacity;
	struct job *job;
	int ch;

	for (capacity = 0; capacity < 3; capacity += 2) {
		ch = ch_make(capacity, size, GOCHAN_FIXED);
		job = job_start(variant->by, ch, true, self->out, 6 * size);
		ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
		EXPECT_EQ(0, ch_close(ch));
		EXPECT_EQ(capacity ? 2 * (int)size : -EPIPE, job_wait(job));
		EXPECT_EQ(-EPIPE, ch_send(ch, self->out, size));
		EXPECT_EQ(capacity * size, ch_recv(ch, self->in, 6 * size));
		EXPECT_TRUE(are_messages(self->in, size, 0, capacity));
		EXPECT_EQ(0, ch_recv(ch, self->in, 6 * size));
	}
}

/* R8, R11: killed after two messages: those stay, and no more follow. */
TEST_F(fixed, r8_r11_killed)
{
	const unsigned int size = variant->size;
	const int ch = ch_make(2, size, GOCHAN_FIXED);
	struct job *job;

	job = job_start(BY_PROCESS, ch, true, self->out, 6 * size);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	EXPECT_EQ(-EINPROGRESS, job_kill(job));
	EXPECT_EQ(0U, ch_info(ch).senders_waiting);
	EXPECT_EQ(2 * size, ch_recv(ch, self->in, 6 * size));
	EXPECT_TRUE(are_messages(self->in, size, 0, 2));
	EXPECT_EQ(-EAGAIN, ch_try_recv(ch, self->in, size));
}

/* R9, R11: memory that ends inside a message: those before it are sent. */
TEST_F(fixed, r9_r11_fault_in_write)
{
	const unsigned int size = variant->size;
	const size_t pages = 3 * size / page_size() + 1;
	char *end = (char *)map_pages(pages) + pages * page_size();
	const int ch = ch_make(8, size, GOCHAN_FIXED);
	char *buf = end - 2 * size - size / 2;
	struct job *job;

	fill_messages(buf, size, 0, 2);
	EXPECT_EQ(2 * size, ch_send(ch, buf, 4 * size));
	EXPECT_EQ(2U, ch_info(ch).len);
	EXPECT_EQ(2 * size, ch_recv(ch, self->in, 4 * size));
	EXPECT_TRUE(are_messages(self->in, size, 0, 2));
	EXPECT_EQ(-EFAULT, ch_send(ch, end - 1, 4 * size));
	EXPECT_EQ(0U, ch_info(ch).len);

	/* likewise when the write blocks */
	job = job_start(BY_THREAD, ch_make(1, size, GOCHAN_FIXED), true, buf, 4 * size);
	ASSERT_TRUE(wait_for_waiters(job->ch, 1, 0));
	EXPECT_EQ(size, ch_recv(job->ch, self->in, size));
	EXPECT_EQ(2 * size, job_wait(job));
	EXPECT_EQ(size, ch_recv(job->ch, self->in + size, size));
	EXPECT_TRUE(are_messages(self->in, size, 0, 2));
	EXPECT_EQ(-EAGAIN, ch_try_recv(job->ch, self->in, size));
}

/* R9, R11: a buffer that ends inside a message: those before it are received. */
TEST_F(fixed, r9_r11_fault_in_read)
{
	const unsigned int size = variant->size;
	const size_t pages = 3 * size / page_size() + 1;
	char *end = (char *)map_pages(pages) + pages * page_size();
	const int ch = ch_make(8, size, GOCHAN_FIXED);
	char *buf = end - 2 * size - size / 2;

	ASSERT_EQ(5 * size, ch_send(ch, self->out, 5 * size));
	EXPECT_EQ(2 * size, ch_recv(ch, buf, 4 * size));
	EXPECT_TRUE(are_messages(buf, size, 0, 2));
	EXPECT_EQ(3U, ch_info(ch).len);
	EXPECT_EQ(-EFAULT, ch_recv(ch, end - 1, 4 * size));
	EXPECT_EQ(3U, ch_info(ch).len);
	EXPECT_EQ(3 * size, ch_recv(ch, self->in, 4 * size));
	EXPECT_TRUE(are_messages(self->in, size, 2, 3));
}

/* R6, R11: no receivers are left for the remaining messages. */
TEST_F(fixed, r6_r11_no_receivers)
{
	const unsigned int size = variant->size;
	struct job *job;
	int fds[2];

	ASSERT_EQ(0, ch_pair(fds, 2, size, GOCHAN_FIXED));
	job = job_start(variant->by, fds[1], true, self->out, 6 * size);
	ASSERT_TRUE(wait_for_waiters(fds[1], 1, 0));
	close(fds[0]);
	EXPECT_EQ(2 * size, job_wait(job));
	EXPECT_EQ(-EPIPE, ch_send(fds[1], self->out, size));
}

/* Did each message arrive once, and those of each writer in order? */
static bool all_arrived(const char *in, unsigned int size, unsigned int each)
{
	bool seen[MANY] = {};
	unsigned int i, k;

	for (i = 0; i < MANY; i++) {
		memcpy(&k, in + i * size, sizeof(k));
		if (k >= MANY || seen[k] || (k % each && !seen[k - 1]) ||
		    !are_messages(in + i * size, size, k, 1))
			return false;
		seen[k] = true;
	}
	return true;
}

/* R1, R2, R11: several concurrent writers, read several messages at a time. */
TEST_F(fixed, r1_r2_r11_all_arrive)
{
	const unsigned int size = variant->size, each = MANY / 5;
	const int ch = ch_make(3, size, GOCHAN_FIXED);
	unsigned int got = 0, i;
	struct job *jobs[5];
	ssize_t ret;

	for (i = 0; i < 5; i++)
		jobs[i] = job_start(variant->by, ch, true, self->out + i * each * size,
				    each * size);
	while (got < MANY) {
		i = got % 4 + 1;
		if (i > MANY - got)
			i = MANY - got;
		ret = ch_recv(ch, self->in + got * size, i * size);
		ASSERT_LT(0, ret);
		got += ret / size;
	}
	for (i = 0; i < 5; i++)
		EXPECT_EQ(each * size, job_wait(jobs[i]));
	EXPECT_TRUE(all_arrived(self->in, size, each));
	EXPECT_EQ(-EAGAIN, ch_try_recv(ch, self->in, size));
}

TEST_HARNESS_MAIN
