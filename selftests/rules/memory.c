// SPDX-License-Identifier: GPL-2.0
/*
 * R9: memory that is not there, may not be touched, ends too early or never
 * arrives, on either side of a channel; and messages of all sizes whole.
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

/* R1: whole and unchanged, whoever comes first. */
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

		/* fills the buffer if there is one */
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

/* R1, R4: messages of every length, short ones too, from blocked senders. */
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

	/* to a receiver that waits */
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

/* R9: a receive into bad memory takes nothing from a buffer. */
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

/* R9: a receive into bad memory from a blocked sender. */
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

/* R9: what a message does not need may be missing. */
TEST_F(size, r9_room_beyond_message)
{
	const size_t pages = variant->len / page_size() + 1;
	const int ch = ch_make(1, variant->len, 0);
	char *end = (char *)map_pages(pages) + pages * page_size();

	ASSERT_LE(0, ch);
	ASSERT_EQ(variant->len, ch_send(ch, self->msg, variant->len));
	EXPECT_EQ(variant->len, ch_recv(ch, end - variant->len, 2 * BIG));
	EXPECT_TRUE(is_filled(end - variant->len, variant->len, variant->len));
}

/* A receiver whose memory went away while it slept. */
static struct job *doomed_receiver(int ch, size_t size, unsigned int line)
{
	void *buf = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct job *job = job_start(BY_THREAD, ch, false, buf, size);

	if (!wait_for_waiters(ch, 0, line) || mprotect(buf, size, PROT_NONE))
		return NULL;
	return job;
}

/* R9: who was given a message asleep and cannot have it puts it back. */
TEST_F(size, r9_put_back)
{
	const unsigned int len = variant->len;
	unsigned int capacity;
	struct job *job;
	int ch;

	for (capacity = 0; capacity < 3; capacity++) {
		ch = ch_make(capacity, len, 0);
		ASSERT_LE(0, ch);
		job = doomed_receiver(ch, len, 1);
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

FIXTURE(put_back) {
	int ch;
};

FIXTURE_VARIANT(put_back) {
	unsigned int capacity;
};

FIXTURE_VARIANT_ADD(put_back, unbuffered) {
	.capacity = 0,
};

FIXTURE_VARIANT_ADD(put_back, buffered) {
	.capacity = 4,
};

FIXTURE_SETUP(put_back)
{
	self->ch = ch_make(variant->capacity, 16, 0);
	ASSERT_LE(0, self->ch);
}

FIXTURE_TEARDOWN(put_back)
{
}

/* R9: it comes before what was sent later. */
TEST_F(put_back, r9_at_the_head)
{
	struct job *receiver, *sender;

	receiver = doomed_receiver(self->ch, 16, 1);
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

/* R9: the next receiver in line gets it. */
TEST_F(put_back, r9_to_the_next_in_line)
{
	struct job *bad, *good;

	bad = doomed_receiver(self->ch, 16, 1);
	ASSERT_NE(NULL, bad);
	good = job_recv(BY_PROCESS, self->ch, 16);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 2));
	ASSERT_EQ(1, send_text(self->ch, "a"));
	EXPECT_EQ(-EFAULT, job_wait(bad));
	EXPECT_STREQ("a", job_text(good));
	EXPECT_EQ(0U, ch_info(self->ch).len);
}

/* R9, R10: one whose room is too small for it fails, and it goes on. */
TEST_F(put_back, r9_r10_past_a_small_buffer)
{
	struct job *bad, *small, *good;

	bad = doomed_receiver(self->ch, 16, 1);
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

/* R9: pollers are told of it. */
TEST_F(put_back, r9_wakes_pollers)
{
	struct job *bad = doomed_receiver(self->ch, 16, 1);
	struct pollfd pfd = { .fd = self->ch, .events = POLLIN };

	ASSERT_NE(NULL, bad);
	ASSERT_EQ(1, send_text(self->ch, "a"));
	EXPECT_EQ(1, poll(&pfd, 1, WAIT_LIMIT * 1000));
	EXPECT_EQ(-EFAULT, job_wait(bad));
	EXPECT_EQ(POLLIN, pfd.revents);
	EXPECT_STREQ("a", recv_text(self->ch));
}

/* R9: memory that is not mapped at all, and half of which is not. */
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

/* R9: one bad segment of a message spoils the message. */
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

/* R9: what several put back comes in the order in which it was sent. */
TEST_F(put_back, r9_in_send_order)
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

/* Others pass a message to each other, and whatever asks is answered. */
static bool others_go_on(int ch)
{
	struct job *job = job_recv(BY_PROCESS, ch, 65536);
	bool ok;

	ok = wait_for_waiters(ch, 0, 1);
	ok = ok && send_text(ch, "other") == 5;
	ok = ok && !strcmp(job_text(job), "other");
	ok = ok && !(ch_poll(ch) & POLLIN) && !ch_next_size(ch);
	return ok;
}

/* R9: a sender whose memory does not arrive holds up nobody. */
TEST_F(stall, r9_stalled_sender)
{
	struct job *job = job_start(BY_THREAD, self->ch, true, self->mem.map,
				    variant->len);
	static char buf[65536];

	ASSERT_TRUE(wait_stalled(&self->mem));
	EXPECT_EQ(0U, ch_info(self->ch).len);
	EXPECT_TRUE(others_go_on(self->ch));
	EXPECT_FALSE(job_done(job));
	EXPECT_EQ(0, arrive(&self->mem, self->content));
	EXPECT_EQ(variant->len, ch_recv(self->ch, buf, sizeof(buf)));
	EXPECT_TRUE(is_filled(buf, variant->len, 3));
	EXPECT_EQ(variant->len, job_wait(job));
}

/* R9: nor does a receiver that came to a message which was there. */
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

	/* it may have taken the message or not, others may too */
	ret = ch_try_recv(self->ch, buf, sizeof(buf));
	EXPECT_TRUE(ret == -EAGAIN || ret == variant->len);
	EXPECT_TRUE(others_go_on(self->ch));
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

/* R9: nor does one that was given its message asleep. */
TEST_F(stall, r9_stalled_receiver_asleep)
{
	struct job *job = job_start(BY_THREAD, self->ch, false,
				    self->mem.map, variant->len);

	/* an implementation may touch the buffer before it sleeps */
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	EXPECT_EQ(variant->len, ch_try_send(self->ch, self->content,
					    variant->len));
	ASSERT_TRUE(wait_stalled(&self->mem));
	EXPECT_TRUE(others_go_on(self->ch));
	EXPECT_FALSE(job_done(job));
	EXPECT_EQ(0, arrive(&self->mem, self->content));
	EXPECT_EQ(variant->len, job_wait(job));
	EXPECT_TRUE(is_filled(self->mem.map, variant->len, 3));
}

/* R9: closing takes no notice of it, and the message is not lost. */
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

/* A process that stays in its own memory's page fault. */
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

/* R8, R9: a sender killed in its fault sent nothing. */
TEST_F(stall, r8_r9_stalled_sender_killed)
{
	const pid_t pid = stalled_process(self->ch, true, variant->len);

	ASSERT_TRUE(wait_wchan(pid, "handle_userfault"));
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	EXPECT_EQ(0U, ch_info(self->ch).len);
	EXPECT_EQ(0U, ch_info(self->ch).senders_waiting);
	EXPECT_STREQ("(EAGAIN)", try_recv_text(self->ch));
	EXPECT_TRUE(others_go_on(self->ch));
	EXPECT_EQ(1U, ch_info(self->ch).sent);
}

/* R8, R9: a receiver killed in its fault took one message at most. */
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
	EXPECT_TRUE(others_go_on(self->ch));
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

/* R9: who asks for INFO into memory that does not arrive holds up nobody. */
TEST_F(stall, r9_stalled_info)
{
	struct question question = { self->ch, self->mem.map, -1 };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, ask_info, &question));
	ASSERT_TRUE(wait_stalled(&self->mem));
	EXPECT_TRUE(others_go_on(self->ch));
	EXPECT_EQ(0, arrive(&self->mem, self->content));
	EXPECT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, question.ret);
	EXPECT_EQ(GOCHAN_ABI, *(unsigned int *)self->mem.map);
}

/*
 * R9: a message was copied in part, then somebody else took it, and a shorter
 * one came: that one is whole, and behind it lies nothing but the former's end.
 */
TEST(r9_another_meanwhile)
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
 * R9: the results of a receive could be written in part. Until it has its
 * message its room is what the caller gave, as the call may be repeated. The
 * memory for who sent it goes while another op of the select, which comes to
 * nothing, is brought to the kernel.
 */
TEST(r9_room_stays)
{
	char *const pages = mmap(NULL, 2 * page_size(), PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *const content = calloc(1, page_size());
	const int ch = ch_make(1, 100, GOCHAN_CRED), refusing = ch_make(0, 100, 0);
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
	two.ops[0] = GOCHAN_SEND(refusing, msg.map, 100);
	two.ops[1] = GOCHAN_RECV(ch, buf, sizeof(buf));
	ASSERT_EQ(5, send_text(ch, "short"));
	job = job_recv(BY_THREAD, refusing, 1);
	ASSERT_TRUE(wait_for_waiters(refusing, 0, 1));
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
