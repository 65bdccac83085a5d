// SPDX-License-Identifier: GPL-2.0
/*
 * R9: memory that is unmapped, inaccessible, too short or stalled in a page
 * fault, on either side of a channel; and messages of all sizes.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"
#include "../lib/stall.h"

#include <poll.h>
#include <sys/uio.h>

#define BIG	0x100000U

FIXTURE(size) {
	char *msg;
	char *buf;
};

FIXTURE_VARIANT(size) {
	enum by by;
	unsigned int len;
};

FIXTURE_VARIANT_ADD(size, small) {
	.by = BY_THREAD,
	.len = 100,
};

FIXTURE_VARIANT_ADD(size, page_and_more) {
	.by = BY_THREAD,
	.len = 5000,
};

FIXTURE_VARIANT_ADD(size, large) {
	.by = BY_PROCESS,
	.len = 65536,
};

FIXTURE_VARIANT_ADD(size, largest) {
	.by = BY_PROCESS,
	.len = BIG,
};

FIXTURE_SETUP(size)
{
	self->msg = mmap(NULL, BIG, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->msg);
	self->buf = mmap(NULL, BIG, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->buf);
	fill(self->msg, variant->len, variant->len);
}

FIXTURE_TEARDOWN(size)
{
}

/* R1: messages arrive whole and unchanged, whichever side comes first. */
TEST_F(size, r1_whole)
{
	const unsigned int len = variant->len;
	unsigned int capacity;
	struct job *job;
	int ch;

	for (capacity = 0; capacity < 2; capacity++) {
		ch = ch_make(capacity, len, 0);
		ASSERT_LE(0, ch);
		job = job_start(variant->by, ch, false, self->buf, len);
		ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
		EXPECT_EQ(len, ch_send(ch, self->msg, len));
		EXPECT_EQ(len, job_wait(job));
		EXPECT_TRUE(is_filled(self->buf, len, len));

		/* fills a buffered channel */
		try_send_text(ch, "first");
		memset(self->buf, 0, len);
		job = job_start(variant->by, ch, true, self->msg, len);
		ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
		EXPECT_EQ(capacity ? 5 : (int)len, ch_next_size(ch));
		if (capacity)
			EXPECT_STREQ("first", recv_text(ch));
		EXPECT_EQ(len, ch_recv(ch, self->buf, len));
		EXPECT_TRUE(is_filled(self->buf, len, len));
		EXPECT_EQ(len, job_wait(job));
		EXPECT_EQ(0U, ch_info(ch).bytes);
		close(ch);
	}
}

/* R1, R4: messages of every length, from blocked senders and to blocked receivers. */
TEST_F(size, r1_r4_all_lengths)
{
	static const unsigned int lens[] = {
		1, 127, 128, 129, 511, 512, 513, 4095, 4096, 4097, 9000,
	};
	unsigned int i, len, capacity;
	struct job *job;
	int ch;

	for (i = 0; i < 2 * ARRAY_SIZE(lens); i++) {
		capacity = i % 2;
		len = lens[i / 2];
		if (len > variant->len)
			break;
		ch = ch_make(capacity, variant->len, 0);
		ASSERT_LE(0, ch);
		try_send_text(ch, "first");
		fill(self->msg, len, i);
		job = job_start(variant->by, ch, true, self->msg, len);
		ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
		if (capacity)
			EXPECT_STREQ("first", recv_text(ch));
		EXPECT_EQ(len, ch_recv(ch, self->buf, variant->len));
		EXPECT_TRUE(is_filled(self->buf, len, i));
		EXPECT_EQ(len, job_wait(job));

		job = job_start(variant->by, ch, false, self->buf,
				variant->len);
		ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
		fill(self->msg, len, i + 1);
		EXPECT_EQ(len, ch_try_send(ch, self->msg, len));
		EXPECT_EQ(len, job_wait(job));
		EXPECT_TRUE(is_filled(self->buf, len, i + 1));
		close(ch);
	}
}

/* R9: a send from bad memory sends nothing. */
TEST_F(size, r9_bad_send)
{
	const size_t pages = variant->len / page_size() + 1;
	const int buffered = ch_make(1, variant->len, 0);
	const int unbuffered = ch_make(0, variant->len, 0);
	char *end = (char *)map_pages(pages) + pages * page_size();
	struct job *job;

	ASSERT_LE(0, buffered);
	ASSERT_LE(0, unbuffered);
	EXPECT_EQ(-EFAULT, ch_send(buffered, NULL, variant->len));
	EXPECT_EQ(-EFAULT, ch_send(buffered, end, variant->len));
	EXPECT_EQ(-EFAULT, ch_send(buffered, end - variant->len + 1,
				   variant->len));
	EXPECT_EQ(0U, ch_info(buffered).len);
	EXPECT_EQ(0U, ch_info(buffered).sent);
	EXPECT_STREQ("(EAGAIN)", try_recv_text(buffered));
	EXPECT_EQ(variant->len, ch_send(buffered, self->msg, variant->len));

	/* to a blocked receiver */
	job = job_start(variant->by, unbuffered, false, self->buf,
			variant->len);
	ASSERT_TRUE(wait_for_waiters(unbuffered, 0, 1));
	EXPECT_EQ(-EFAULT, ch_send(unbuffered, end - 1, variant->len));
	EXPECT_EQ(1U, ch_info(unbuffered).receivers_waiting);
	EXPECT_FALSE(job_done(job));
	EXPECT_EQ(variant->len, ch_send(unbuffered, self->msg, variant->len));
	EXPECT_EQ(variant->len, job_wait(job));
	EXPECT_TRUE(is_filled(self->buf, variant->len, variant->len));
}

/* R9: a receive into bad memory takes no buffered message. */
TEST_F(size, r9_bad_recv_buffered)
{
	const size_t pages = variant->len / page_size() + 1;
	const int ch = ch_make(2, variant->len, 0);
	char *map = map_pages(pages);
	char *end = map + pages * page_size();

	ASSERT_LE(0, ch);
	ASSERT_EQ(variant->len, ch_send(ch, self->msg, variant->len));
	ASSERT_EQ(1, send_text(ch, "b"));
	EXPECT_EQ(-EFAULT, ch_recv(ch, NULL, variant->len));
	EXPECT_EQ(-EFAULT, ch_try_recv(ch, end, variant->len));
	EXPECT_EQ(-EFAULT, ch_recv(ch, end - variant->len + 1, variant->len));
	EXPECT_EQ(0, mprotect(map, pages * page_size(), PROT_READ));
	EXPECT_EQ(-EFAULT, ch_recv(ch, map, variant->len));
	EXPECT_EQ(2U, ch_info(ch).len);
	EXPECT_EQ(variant->len + 1U, ch_info(ch).bytes);
	EXPECT_EQ((int)variant->len, ch_next_size(ch));
	EXPECT_EQ(variant->len, ch_recv(ch, self->buf, variant->len));
	EXPECT_TRUE(is_filled(self->buf, variant->len, variant->len));
	EXPECT_STREQ("b", recv_text(ch));
	EXPECT_EQ(2U, ch_info(ch).received);
}

/* R9: likewise from a blocked sender. */
TEST_F(size, r9_bad_recv_unbuffered)
{
	const size_t pages = variant->len / page_size() + 1;
	const int ch = ch_make(0, variant->len, 0);
	char *end = (char *)map_pages(pages) + pages * page_size();
	struct job *job;

	ASSERT_LE(0, ch);
	job = job_start(variant->by, ch, true, self->msg, variant->len);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	EXPECT_EQ(-EFAULT, ch_recv(ch, NULL, variant->len));
	EXPECT_EQ(-EFAULT, ch_recv(ch, end - variant->len + 1, variant->len));
	EXPECT_EQ(variant->len, ch_try_recv(ch, self->buf, variant->len));
	EXPECT_TRUE(is_filled(self->buf, variant->len, variant->len));
	EXPECT_EQ(variant->len, job_wait(job));
	EXPECT_STREQ("(EAGAIN)", try_recv_text(ch));
}

/* R9: the part of a buffer that the message does not need may be inaccessible. */
TEST_F(size, r9_unused_buffer)
{
	const size_t pages = variant->len / page_size() + 1;
	const int ch = ch_make(1, variant->len, 0);
	char *end = (char *)map_pages(pages) + pages * page_size();

	ASSERT_LE(0, ch);
	ASSERT_EQ(variant->len, ch_send(ch, self->msg, variant->len));
	EXPECT_EQ(variant->len, ch_recv(ch, end - variant->len, 2 * BIG));
	EXPECT_TRUE(is_filled(end - variant->len, variant->len, variant->len));
}

/* Start a receiver, the @nth that is blocked, and make its memory inaccessible. */
static struct job *faulting_receiver(int ch, size_t size, unsigned int nth)
{
	void *buf = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct job *job = job_start(BY_THREAD, ch, false, buf, size);

	if (!wait_for_waiters(ch, 0, nth) || mprotect(buf, size, PROT_NONE))
		return NULL;
	return job;
}

/* R9: a message handed off to a blocked receiver that cannot copy it is requeued. */
TEST_F(size, r9_requeued)
{
	const unsigned int len = variant->len;
	unsigned int capacity;
	struct job *job;
	int ch;

	for (capacity = 0; capacity < 3; capacity++) {
		ch = ch_make(capacity, len, 0);
		ASSERT_LE(0, ch);
		job = faulting_receiver(ch, len, 1);
		ASSERT_NE(NULL, job);
		EXPECT_EQ(len, ch_send(ch, self->msg, len));
		EXPECT_EQ(-EFAULT, job_wait(job));
		ASSERT_TRUE(wait_for_len(ch, 1));
		EXPECT_EQ((int)len, ch_next_size(ch));
		memset(self->buf, 0, len);
		EXPECT_EQ(len, ch_recv(ch, self->buf, len));
		EXPECT_TRUE(is_filled(self->buf, len, len));
		EXPECT_STREQ("(EAGAIN)", try_recv_text(ch));
		EXPECT_EQ(0U, ch_info(ch).len);
		EXPECT_EQ(0U, ch_info(ch).bytes);
		EXPECT_EQ(1U, ch_info(ch).sent);
		EXPECT_EQ(1U, ch_info(ch).received);
		close(ch);
	}
}

FIXTURE(requeue) {
	int ch;
};

FIXTURE_VARIANT(requeue) {
	unsigned int capacity;
};

FIXTURE_VARIANT_ADD(requeue, unbuffered) {
	.capacity = 0,
};

FIXTURE_VARIANT_ADD(requeue, buffered) {
	.capacity = 4,
};

FIXTURE_SETUP(requeue)
{
	self->ch = ch_make(variant->capacity, 16, 0);
	ASSERT_LE(0, self->ch);
}

FIXTURE_TEARDOWN(requeue)
{
}

/* R9: a requeued message is ahead of later ones. */
TEST_F(requeue, r9_requeued_at_head)
{
	struct job *receiver, *sender;

	receiver = faulting_receiver(self->ch, 16, 1);
	ASSERT_NE(NULL, receiver);
	ASSERT_EQ(1, send_text(self->ch, "a"));
	EXPECT_EQ(-EFAULT, job_wait(receiver));
	ASSERT_TRUE(wait_for_len(self->ch, 1));
	sender = job_send_text(BY_THREAD, self->ch, "b");
	ASSERT_TRUE(variant->capacity ? wait_for_len(self->ch, 2) :
					wait_for_waiters(self->ch, 1, 0));
	EXPECT_STREQ("a", recv_text(self->ch));
	EXPECT_STREQ("b", recv_text(self->ch));
	EXPECT_EQ(1, job_wait(sender));
}

/* R9: a requeued message goes to the next blocked receiver. */
TEST_F(requeue, r9_requeued_to_next_waiter)
{
	struct job *bad, *good;

	bad = faulting_receiver(self->ch, 16, 1);
	ASSERT_NE(NULL, bad);
	good = job_recv(BY_PROCESS, self->ch, 16);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 2));
	ASSERT_EQ(1, send_text(self->ch, "a"));
	EXPECT_EQ(-EFAULT, job_wait(bad));
	EXPECT_STREQ("a", job_text(good));
	EXPECT_EQ(0U, ch_info(self->ch).len);
}

/* R9, R10: unless its buffer is too small: then it fails, and the next one is tried. */
TEST_F(requeue, r9_r10_requeued_past_small_buffer)
{
	struct job *bad, *small, *good;

	bad = faulting_receiver(self->ch, 16, 1);
	ASSERT_NE(NULL, bad);
	small = job_recv(BY_PROCESS, self->ch, 2);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 2));
	good = job_recv(BY_PROCESS, self->ch, 16);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 3));
	ASSERT_EQ(3, send_text(self->ch, "abc"));
	EXPECT_EQ(-EFAULT, job_wait(bad));
	EXPECT_EQ(-EMSGSIZE, job_wait(small));
	EXPECT_STREQ("abc", job_text(good));
	EXPECT_EQ(0U, ch_info(self->ch).len);
}

/* More than are failed without dropping the channel's lock. */
#define SMALL_BUFFERS	70

/* R9, R10: however many buffers are too small. */
TEST_F(requeue, r9_r10_requeued_past_many_small_buffers)
{
	struct job *bad, *small[SMALL_BUFFERS], *good;
	unsigned int i;

	bad = faulting_receiver(self->ch, 16, 1);
	ASSERT_NE(NULL, bad);
	for (i = 0; i < SMALL_BUFFERS; i++)
		small[i] = job_recv(BY_THREAD, self->ch, 2);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, SMALL_BUFFERS + 1));
	good = job_recv(BY_THREAD, self->ch, 16);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, SMALL_BUFFERS + 2));
	ASSERT_EQ(3, send_text(self->ch, "abc"));
	EXPECT_EQ(-EFAULT, job_wait(bad));
	for (i = 0; i < SMALL_BUFFERS; i++)
		EXPECT_EQ(-EMSGSIZE, job_wait(small[i]));
	EXPECT_STREQ("abc", job_text(good));
	EXPECT_EQ(0U, ch_info(self->ch).len);
}

/* R9: requeueing a message wakes pollers. */
TEST_F(requeue, r9_requeue_wakes_pollers)
{
	struct job *bad = faulting_receiver(self->ch, 16, 1);
	struct pollfd pfd = { .fd = self->ch, .events = POLLIN };

	ASSERT_NE(NULL, bad);
	ASSERT_EQ(1, send_text(self->ch, "a"));
	EXPECT_EQ(1, poll(&pfd, 1, WAIT_LIMIT * 1000));
	EXPECT_EQ(-EFAULT, job_wait(bad));
	EXPECT_EQ(POLLIN, pfd.revents);
	EXPECT_STREQ("a", recv_text(self->ch));
}

/* R9: memory that is unmapped, entirely or in part. */
TEST(r9_unmapped)
{
	const int ch = ch_make(1, 16, 0);
	char *map = map_pages(2);
	char *edge = map + page_size();

	ASSERT_LE(0, ch);
	ASSERT_EQ(0, munmap(edge, page_size()));
	EXPECT_EQ(-EFAULT, ch_send(ch, edge, 8));
	EXPECT_EQ(-EFAULT, ch_send(ch, edge - 4, 8));
	EXPECT_EQ(0U, ch_info(ch).len);
	EXPECT_EQ(8, ch_send(ch, edge - 8, 8));
	EXPECT_EQ(-EFAULT, ch_recv(ch, edge, 8));
	EXPECT_EQ(-EFAULT, ch_recv(ch, edge - 4, 8));
	EXPECT_EQ(1U, ch_info(ch).len);
	EXPECT_EQ(8, ch_recv(ch, edge - 8, 16));
}

/* R9: one bad segment fails the whole message. */
TEST(r9_bad_segment)
{
	const int ch = ch_make(1, 16, 0);
	char *end = (char *)map_pages(1) + page_size();
	struct iovec iov[2] = { { "ab", 2 }, { end, 2 } };
	char buf[4];

	ASSERT_LE(0, ch);
	EXPECT_EQ(-1, writev(ch, iov, 2));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0U, ch_info(ch).len);
	EXPECT_EQ(4, send_text(ch, "abcd"));
	iov[0].iov_base = buf;
	EXPECT_EQ(-1, readv(ch, iov, 2));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_STREQ("abcd", recv_text(ch));
}

/* R9: requeued messages are received in the order in which they were sent. */
TEST_F(requeue, r9_requeued_in_send_order)
{
	static const int order[4] = { 2, 0, 3, 1 };
	struct stalled mems[4];
	struct job *jobs[4];
	char text[2] = "0";
	int i;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, stall(&mems[i], 16));
		jobs[i] = job_start(BY_THREAD, self->ch, false, mems[i].map,
				    16);
		ASSERT_TRUE(wait_for_waiters(self->ch, 0, i + 1));
	}
	for (i = 0; i < 4; i++) {
		text[0] = '0' + i;
		ASSERT_EQ(1, try_send_text(self->ch, text));
	}
	for (i = 0; i < 4; i++) {
		vanish(&mems[order[i]]);
		EXPECT_EQ(-EFAULT, job_wait(jobs[order[i]]));
		EXPECT_EQ(i + 1U, ch_info(self->ch).len);
	}
	for (i = 0; i < 4; i++) {
		text[0] = '0' + i;
		EXPECT_STREQ(text, try_recv_text(self->ch));
	}
}

FIXTURE(stall) {
	int ch;
	struct stalled mem;
	void *content;
};

FIXTURE_VARIANT(stall) {
	unsigned int capacity;
	unsigned int len;
};

FIXTURE_VARIANT_ADD(stall, small_unbuffered) {
	.capacity = 0,
	.len = 64,
};

FIXTURE_VARIANT_ADD(stall, small_buffered) {
	.capacity = 2,
	.len = 64,
};

FIXTURE_VARIANT_ADD(stall, large_unbuffered) {
	.capacity = 0,
	.len = 65536,
};

FIXTURE_VARIANT_ADD(stall, large_buffered) {
	.capacity = 2,
	.len = 65536,
};

FIXTURE_SETUP(stall)
{
	self->ch = ch_make(variant->capacity, 65536, 0);
	ASSERT_LE(0, self->ch);
	ASSERT_EQ(0, stall(&self->mem, variant->len));
	self->content = mmap(NULL, self->mem.len, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->content);
	fill(self->content, variant->len, 3);
}

FIXTURE_TEARDOWN(stall)
{
}

/* Can others still send, receive, poll and ask for the next size? */
static bool others_are_not_delayed(int ch)
{
	struct job *job = job_recv(BY_PROCESS, ch, 65536);
	bool ok;

	ok = wait_for_waiters(ch, 0, 1);
	ok = ok && send_text(ch, "other") == 5;
	ok = ok && !strcmp(job_text(job), "other");
	ok = ok && !(ch_poll(ch) & POLLIN) && !ch_next_size(ch);
	return ok;
}

/* R9: a sender stalled in a page fault delays nobody else. */
TEST_F(stall, r9_stalled_sender)
{
	struct job *job = job_start(BY_THREAD, self->ch, true, self->mem.map,
				    variant->len);
	static char buf[65536];

	ASSERT_TRUE(wait_stalled(&self->mem));
	EXPECT_EQ(0U, ch_info(self->ch).len);
	EXPECT_TRUE(others_are_not_delayed(self->ch));
	EXPECT_FALSE(job_done(job));
	EXPECT_EQ(0, arrive(&self->mem, self->content));
	EXPECT_EQ(variant->len, ch_recv(self->ch, buf, sizeof(buf)));
	EXPECT_TRUE(is_filled(buf, variant->len, 3));
	EXPECT_EQ(variant->len, job_wait(job));
}

/* R9: nor does a receiver that found a message. */
TEST_F(stall, r9_stalled_receiver)
{
	struct job *sender, *receiver;
	static char buf[65536];
	ssize_t ret;

	sender = job_send(BY_THREAD, self->ch, self->content, variant->len);
	ASSERT_TRUE(variant->capacity ? wait_for_len(self->ch, 1) :
					wait_for_waiters(self->ch, 1, 0));
	receiver = job_start(BY_THREAD, self->ch, false, self->mem.map,
			     variant->len);
	ASSERT_TRUE(wait_stalled(&self->mem));

	/* it may have taken the message, or others may still take it */
	ret = ch_try_recv(self->ch, buf, sizeof(buf));
	EXPECT_TRUE(ret == -EAGAIN || ret == variant->len);
	EXPECT_TRUE(others_are_not_delayed(self->ch));
	EXPECT_EQ(0, arrive(&self->mem, self->content));
	if (ret == variant->len) {
		EXPECT_TRUE(is_filled(buf, variant->len, 3));
		memset(buf, 0, sizeof(buf));
		EXPECT_EQ(1, ch_send(self->ch, buf, 1));
		EXPECT_EQ(1, job_wait(receiver));
	} else {
		EXPECT_EQ(variant->len, job_wait(receiver));
		EXPECT_TRUE(is_filled(self->mem.map, variant->len, 3));
	}
	EXPECT_EQ(variant->len, job_wait(sender));
	EXPECT_STREQ("(EAGAIN)", try_recv_text(self->ch));
}

/* R9: nor does a blocked receiver to which a message was handed off. */
TEST_F(stall, r9_stalled_receiver_asleep)
{
	struct job *job = job_start(BY_THREAD, self->ch, false,
				    self->mem.map, variant->len);

	/* the receiver may touch its buffer before it sleeps */
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	EXPECT_EQ(variant->len, ch_try_send(self->ch, self->content,
					    variant->len));
	ASSERT_TRUE(wait_stalled(&self->mem));
	EXPECT_TRUE(others_are_not_delayed(self->ch));
	EXPECT_FALSE(job_done(job));
	EXPECT_EQ(0, arrive(&self->mem, self->content));
	EXPECT_EQ(variant->len, job_wait(job));
	EXPECT_TRUE(is_filled(self->mem.map, variant->len, 3));
}

/* R9: nor does it delay a close, and its message is not lost. */
TEST_F(stall, r9_stalled_while_closed)
{
	struct job *job = job_start(BY_THREAD, self->ch, false,
				    self->mem.map, variant->len);
	static char buf[65536];

	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	ASSERT_EQ(variant->len, ch_try_send(self->ch, self->content,
					    variant->len));
	ASSERT_TRUE(wait_stalled(&self->mem));
	EXPECT_EQ(0, ch_close(self->ch));
	vanish(&self->mem);
	EXPECT_EQ(-EFAULT, job_wait(job));
	ASSERT_TRUE(wait_for_len(self->ch, 1));
	EXPECT_EQ(variant->len, ch_recv(self->ch, buf, sizeof(buf)));
	EXPECT_TRUE(is_filled(buf, variant->len, 3));
	EXPECT_STREQ("(end)", recv_text(self->ch));
}

/* Start a process that stalls in a page fault of its own. */
static pid_t stalled_process(int ch, bool send, size_t len)
{
	struct stalled mem;
	const pid_t pid = child();

	if (pid)
		return pid;
	if (stall(&mem, len))
		_exit(1);
	if (send)
		ch_send(ch, mem.map, len);
	else
		ch_recv(ch, mem.map, len);
	_exit(2);
}

/* R8, R9: a sender killed in a page fault has sent nothing. */
TEST_F(stall, r8_r9_stalled_sender_killed)
{
	const pid_t pid = stalled_process(self->ch, true, variant->len);

	ASSERT_TRUE(wait_wchan(pid, "handle_userfault"));
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	EXPECT_EQ(0U, ch_info(self->ch).len);
	EXPECT_EQ(0U, ch_info(self->ch).senders_waiting);
	EXPECT_STREQ("(EAGAIN)", try_recv_text(self->ch));
	EXPECT_TRUE(others_are_not_delayed(self->ch));
	EXPECT_EQ(1U, ch_info(self->ch).sent);
}

/* R8, R9: a receiver killed in a page fault has taken one message at most. */
TEST_F(stall, r8_r9_stalled_receiver_killed)
{
	const pid_t pid = stalled_process(self->ch, false, variant->len);
	static char buf[65536];
	ssize_t ret;

	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	ASSERT_EQ(variant->len, ch_try_send(self->ch, self->content,
					    variant->len));
	ASSERT_TRUE(wait_wchan(pid, "handle_userfault"));
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	EXPECT_EQ(0U, ch_info(self->ch).receivers_waiting);
	ret = ch_try_recv(self->ch, buf, sizeof(buf));
	EXPECT_TRUE(ret == -EAGAIN ||
		    (ret == variant->len && is_filled(buf, ret, 3)));
	EXPECT_STREQ("(EAGAIN)", try_recv_text(self->ch));
	EXPECT_TRUE(others_are_not_delayed(self->ch));
	EXPECT_EQ(0U, ch_info(self->ch).len);
}

struct question {
	int ch;
	void *answer;
	int ret;
};

static void *ask_info(void *arg)
{
	struct question *question = arg;

	question->ret = ioctl(question->ch, GOCHAN_IOC_INFO, question->answer);
	return NULL;
}

/* R9: INFO stalled in a page fault delays nobody else. */
TEST_F(stall, r9_stalled_info)
{
	struct question question = { self->ch, self->mem.map, -1 };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, ask_info, &question));
	ASSERT_TRUE(wait_stalled(&self->mem));
	EXPECT_TRUE(others_are_not_delayed(self->ch));
	EXPECT_EQ(0, arrive(&self->mem, self->content));
	EXPECT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, question.ret);
	EXPECT_EQ(GOCHAN_ABI, *(unsigned int *)self->mem.map);
}

/*
 * R9: a receive stalls in the middle of a copy. Meanwhile another one takes the
 * message, and a shorter one is sent: that one is received whole, and the bytes
 * after it are untouched or the first message's.
 */
TEST(r9_taken_during_copy)
{
	char *const pages = mmap(NULL, 2 * page_size(), PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *const room = pages + page_size() - 64;
	char *const content = calloc(1, page_size());
	const int ch = ch_make(1, 100, 0);
	char longer[100], taken[100];
	struct stalled mem;
	struct job *job;
	int i;

	ASSERT_NE(MAP_FAILED, (void *)pages);
	ASSERT_EQ(0, stall_at(&mem, pages + page_size(), page_size()));
	memset(pages, '-', page_size());
	fill(longer, sizeof(longer), 1);
	ASSERT_EQ(100, ch_send(ch, longer, sizeof(longer)));
	job = job_start(BY_THREAD, ch, false, room, 100);
	ASSERT_TRUE(wait_stalled(&mem));
	EXPECT_EQ(100, ch_try_recv(ch, taken, sizeof(taken)));
	EXPECT_EQ(5, try_send_text(ch, "short"));
	EXPECT_EQ(0, arrive(&mem, content));
	EXPECT_EQ(5, job_wait(job));
	EXPECT_EQ(0, memcmp(room, "short", 5));
	EXPECT_EQ('-', room[-1]);
	for (i = 5; i < 64; i++)
		EXPECT_TRUE(room[i] == '-' || room[i] == longer[i]);
	EXPECT_EQ(0, memcmp(room + 64, content, page_size()));
}

struct two_ops {
	struct gochan_op *ops;
	int ret;
};

static void *run_two_ops(void *arg)
{
	struct two_ops *two = arg;

	two->ret = ops_select(two->ops[0].fd, two->ops, 2, GOCHAN_ORDERED);
	return NULL;
}

/*
 * R9: a receive that fails after it has written some of its results. The op's
 * length keeps the caller's value until the message is received, as the call may
 * be restarted. The memory for the credentials disappears while another op of
 * the select, which does not happen, is being staged.
 */
TEST(r9_len_kept_until_received)
{
	char *const pages = mmap(NULL, 2 * page_size(), PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *const content = calloc(1, page_size());
	const int ch = ch_make(1, 100, GOCHAN_CRED), other = ch_make(0, 100, 0);
	struct stalled results, msg;
	struct two_ops two;
	pthread_t thread;
	struct job *job;
	char buf[100];

	ASSERT_NE(MAP_FAILED, (void *)pages);
	ASSERT_EQ(0, stall_at(&results, pages + page_size(), page_size()));
	ASSERT_EQ(0, stall(&msg, page_size()));
	ASSERT_EQ(0, arrive(&results, content));
	two.ops = (void *)(pages + page_size() - offsetof(struct gochan_op, pid));
	two.ops--;
	two.ops[0] = GOCHAN_SEND(other, msg.map, 100);
	two.ops[1] = GOCHAN_RECV(ch, buf, sizeof(buf));
	ASSERT_EQ(5, send_text(ch, "short"));
	/* has too small a buffer, so that the send cannot happen */
	job = job_recv(BY_THREAD, other, 1);
	ASSERT_TRUE(wait_for_waiters(other, 0, 1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_two_ops, &two));
	ASSERT_TRUE(wait_stalled(&msg));
	ASSERT_EQ(0, madvise(results.map, results.len, MADV_DONTNEED));
	EXPECT_EQ(0, arrive(&msg, content));
	ASSERT_TRUE(wait_stalled(&results));
	EXPECT_EQ(sizeof(buf), two.ops[1].len);
	EXPECT_EQ(0, arrive(&results, content));
	EXPECT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(1, two.ret);
	EXPECT_EQ(5U, two.ops[1].len);
	EXPECT_EQ(getpid(), two.ops[1].pid);
	EXPECT_EQ(-EMSGSIZE, job_wait(job));
}

TEST_HARNESS_MAIN
