// SPDX-License-Identifier: GPL-2.0
/*
 * R12, R13: channels under io_uring: reads, writes and polls that are ready or
 * have to wait, what ends them, and processes that end with them in flight.
 *
 * A request that has to wait is waiting when the submission has returned.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"

#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#define ENTRIES	32
#define SIZE	64

FIXTURE(uring) {
	struct io_uring ring;
	char bufs[2][SIZE];	/* registered, too */
	struct iovec iov[2];
};

enum way { PLAIN, VECTOR, FIXED_BUFFER, ASYNC };

FIXTURE_VARIANT(uring) {
	enum way way;
};

FIXTURE_VARIANT_ADD(uring, plain) {
	.way = PLAIN,
};

FIXTURE_VARIANT_ADD(uring, vector) {
	.way = VECTOR,
};

FIXTURE_VARIANT_ADD(uring, fixed_buffer) {
	.way = FIXED_BUFFER,
};

FIXTURE_VARIANT_ADD(uring, async) {
	.way = ASYNC,
};

FIXTURE_SETUP(uring)
{
	int i;

	memset(self->bufs, 0, sizeof(self->bufs));
	for (i = 0; i < 2; i++)
		self->iov[i] = (struct iovec){ self->bufs[i], SIZE };
	ASSERT_EQ(0, io_uring_queue_init(ENTRIES, &self->ring, 0));
	ASSERT_EQ(0, io_uring_register_buffers(&self->ring, self->iov, 2));
}

FIXTURE_TEARDOWN(uring)
{
	io_uring_queue_exit(&self->ring);
}

/* A request, to be filled in; @tag comes back with its result. */
static struct io_uring_sqe *request(struct io_uring *ring, int tag)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	if (!sqe)
		abort();
	io_uring_prep_nop(sqe);
	sqe->user_data = tag;
	return sqe;
}

/* A read into a buffer, by the way that the variant says, not submitted yet. */
static struct io_uring_sqe *prep_read(struct io_uring *ring, enum way way, int ch,
				      struct iovec *iov, int index)
{
	struct io_uring_sqe *sqe = request(ring, 0);

	if (way == VECTOR)
		io_uring_prep_readv(sqe, ch, iov, 1, 0);
	else if (way == FIXED_BUFFER)
		io_uring_prep_read_fixed(sqe, ch, iov->iov_base, iov->iov_len, 0, index);
	else
		io_uring_prep_read(sqe, ch, iov->iov_base, iov->iov_len, -1);
	if (way == ASYNC)
		sqe->flags |= IOSQE_ASYNC;
	sqe->user_data = 'r';
	return sqe;
}

static struct io_uring_sqe *prep_write(struct io_uring *ring, enum way way, int ch,
				       struct iovec *iov, int index)
{
	struct io_uring_sqe *sqe = request(ring, 0);

	if (way == VECTOR)
		io_uring_prep_writev(sqe, ch, iov, 1, 0);
	else if (way == FIXED_BUFFER)
		io_uring_prep_write_fixed(sqe, ch, iov->iov_base, iov->iov_len, 0, index);
	else
		io_uring_prep_write(sqe, ch, iov->iov_base, iov->iov_len, -1);
	if (way == ASYNC)
		sqe->flags |= IOSQE_ASYNC;
	sqe->user_data = 'w';
	return sqe;
}

/* What a request ended with; -ETIME when none ends. */
struct ended {
	int tag;
	int res;
	unsigned int flags;
};

static struct ended wait_end(struct io_uring *ring)
{
	struct __kernel_timespec limit = { .tv_sec = WAIT_LIMIT };
	struct ended ended = {};
	struct io_uring_cqe *cqe;

	ended.res = io_uring_wait_cqe_timeout(ring, &cqe, &limit);
	if (ended.res)
		return ended;
	ended.tag = cqe->user_data;
	ended.res = cqe->res;
	ended.flags = cqe->flags;
	io_uring_cqe_seen(ring, cqe);
	return ended;
}

static int wait_res(struct io_uring *ring)
{
	return wait_end(ring).res;
}

static bool none_ended(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;

	return io_uring_peek_cqe(ring, &cqe) == -EAGAIN;
}

/* R13: what is ready when it is submitted. */
TEST_F(uring, r13_ready)
{
	const int ch = ch_make(1, SIZE, 0);

	fill(self->bufs[0], SIZE, 3);
	prep_write(&self->ring, variant->way, ch, &self->iov[0], 0);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_EQ(SIZE, wait_res(&self->ring));
	EXPECT_EQ(1U, ch_info(ch).len);
	prep_read(&self->ring, variant->way, ch, &self->iov[1], 1);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_EQ(SIZE, wait_res(&self->ring));
	EXPECT_TRUE(is_filled(self->bufs[1], SIZE, 3));
	EXPECT_EQ(0U, ch_info(ch).len);
}

/* R13: a read waits for its message, a write for its room. */
TEST_F(uring, r13_waits)
{
	const int ch = ch_make(1, SIZE, 0);

	prep_read(&self->ring, variant->way, ch, &self->iov[0], 0);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_TRUE(none_ended(&self->ring));
	EXPECT_EQ(5, send_text(ch, "hello"));
	EXPECT_EQ(5, wait_res(&self->ring));
	EXPECT_EQ(0, memcmp(self->bufs[0], "hello", 5));

	EXPECT_EQ(4, send_text(ch, "full"));
	fill(self->bufs[1], SIZE, 4);
	prep_write(&self->ring, variant->way, ch, &self->iov[1], 1);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_TRUE(none_ended(&self->ring));
	EXPECT_EQ(1U, ch_info(ch).len);
	EXPECT_STREQ("full", recv_text(ch));
	EXPECT_EQ(SIZE, wait_res(&self->ring));
	EXPECT_EQ(SIZE, ch_recv(ch, self->bufs[0], SIZE));
	EXPECT_TRUE(is_filled(self->bufs[0], SIZE, 4));
}

/* R12, R13: an unbuffered channel, where the other side blocks. */
TEST_F(uring, r12_r13_unbuffered)
{
	const int ch = ch_make(0, SIZE, 0);
	struct job *job;

	/* the other side was there */
	job = job_send_text(BY_THREAD, ch, "hello");
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	prep_read(&self->ring, variant->way, ch, &self->iov[0], 0);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_EQ(5, wait_res(&self->ring));
	EXPECT_EQ(5, job_wait(job));
	job = job_recv(BY_THREAD, ch, SIZE);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	fill(self->bufs[0], SIZE, 5);
	prep_write(&self->ring, variant->way, ch, &self->iov[0], 0);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_EQ(SIZE, wait_res(&self->ring));
	EXPECT_EQ(SIZE, job_wait(job));
	EXPECT_TRUE(is_filled(job->data, SIZE, 5));

	/* the other side comes later */
	prep_read(&self->ring, variant->way, ch, &self->iov[0], 0);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_TRUE(no_waiters(ch));
	job = job_send_text(BY_THREAD, ch, "again");
	EXPECT_EQ(5, wait_res(&self->ring));
	EXPECT_EQ(5, job_wait(job));
	EXPECT_EQ(0, memcmp(self->bufs[0], "again", 5));
	prep_write(&self->ring, variant->way, ch, &self->iov[1], 1);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_TRUE(no_waiters(ch));
	job = job_recv(BY_THREAD, ch, SIZE);
	EXPECT_EQ(SIZE, wait_res(&self->ring));
	EXPECT_EQ(SIZE, job_wait(job));
}

/* R5, R13: the end: a read sees it, a write fails; at once and in flight. */
TEST_F(uring, r5_r13_closed)
{
	const int in = ch_make(1, SIZE, 0);
	const int out = ch_make(1, SIZE, 0);
	struct ended ended;
	int i;

	ASSERT_EQ(1, send_text(out, "a"));
	for (i = 0; i < 2; i++) {
		prep_read(&self->ring, variant->way, in, &self->iov[0], 0);
		ASSERT_EQ(1, io_uring_submit(&self->ring));
		if (!i)
			EXPECT_EQ(0, ch_close(in));
		ended = wait_end(&self->ring);
		EXPECT_EQ('r', ended.tag);
		EXPECT_EQ(0, ended.res);
	}
	for (i = 0; i < 2; i++) {
		prep_write(&self->ring, variant->way, out, &self->iov[1], 1);
		ASSERT_EQ(1, io_uring_submit(&self->ring));
		if (!i)
			EXPECT_EQ(0, ch_close(out));
		ended = wait_end(&self->ring);
		EXPECT_EQ('w', ended.tag);
		EXPECT_EQ(-EPIPE, ended.res);
	}
	EXPECT_STREQ("a", recv_text(out));
	EXPECT_STREQ("(end)", recv_text(out));
}

/*
 * Cancel a request, again if a worker is just about to wait with it. What is said
 * to the cancelling, too, has come afterwards.
 */
static int cancel(struct io_uring *ring, int tag)
{
	const struct wait wait = wait_begin();
	unsigned int asked = 0, answered = 0;
	struct ended ended;
	int res = -ETIME;

	do {
		io_uring_prep_cancel64(request(ring, 'c'), tag, 0);
		io_uring_submit(ring);
		asked++;
		do {
			ended = wait_end(ring);
			answered += ended.tag == 'c';
		} while (ended.tag == 'c' && ended.res == 0);
		if (ended.tag == tag)
			res = ended.res;
	} while (ended.tag == 'c' && wait_more(&wait));
	for (; answered < asked; answered++)
		wait_end(ring);
	return res;
}

/* R8, R13: what is cancelled did not happen. */
TEST_F(uring, r8_r13_cancelled)
{
	const int in = ch_make(0, SIZE, 0);
	const int out = ch_make(0, SIZE, 0);
	int res;

	prep_read(&self->ring, variant->way, in, &self->iov[0], 0);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_TRUE(none_ended(&self->ring));
	res = cancel(&self->ring, 'r');
	EXPECT_TRUE(res == -ECANCELED || res == -EINTR);
	prep_write(&self->ring, variant->way, out, &self->iov[1], 1);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_TRUE(none_ended(&self->ring));
	res = cancel(&self->ring, 'w');
	EXPECT_TRUE(res == -ECANCELED || res == -EINTR);
	EXPECT_EQ(-EAGAIN, try_send_text(in, "a"));
	EXPECT_STREQ("(EAGAIN)", try_recv_text(out));
}

/*
 * R12: not to wait. (A ring heeds RWF_NOWAIT alone: with O_NONBLOCK it waits
 * by poll, for every file that can be asked not to block.)
 */
TEST_F(uring, r12_nowait)
{
	const int ch = ch_make(0, SIZE, 0);

	prep_read(&self->ring, variant->way, ch, &self->iov[0], 0)->rw_flags = RWF_NOWAIT;
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_EQ(-EAGAIN, wait_res(&self->ring));
	prep_write(&self->ring, variant->way, ch, &self->iov[1], 1)->rw_flags = RWF_NOWAIT;
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_EQ(-EAGAIN, wait_res(&self->ring));
}

/* R9, R10, R13: sizes and memory: it fails, and the message stays. */
TEST(r9_r10_r13_bad)
{
	const int ch = ch_make(2, 16, 0);
	struct iovec small, none, long_one;
	struct io_uring ring;
	char buf[17] = {};

	ASSERT_EQ(0, io_uring_queue_init(ENTRIES, &ring, 0));
	small = (struct iovec){ buf, 3 };
	none = (struct iovec){ (void *)8, 16 };
	long_one = (struct iovec){ buf, 17 };
	ASSERT_EQ(4, send_text(ch, "four"));
	prep_read(&ring, PLAIN, ch, &small, 0);
	ASSERT_EQ(1, io_uring_submit(&ring));
	EXPECT_EQ(-EMSGSIZE, wait_res(&ring));
	prep_read(&ring, PLAIN, ch, &none, 0);
	ASSERT_EQ(1, io_uring_submit(&ring));
	EXPECT_EQ(-EFAULT, wait_res(&ring));
	prep_write(&ring, PLAIN, ch, &none, 0);
	ASSERT_EQ(1, io_uring_submit(&ring));
	EXPECT_EQ(-EFAULT, wait_res(&ring));
	prep_write(&ring, PLAIN, ch, &long_one, 0);
	ASSERT_EQ(1, io_uring_submit(&ring));
	EXPECT_EQ(-EMSGSIZE, wait_res(&ring));
	EXPECT_EQ(1U, ch_info(ch).len);
	EXPECT_STREQ("four", recv_text(ch));
	io_uring_queue_exit(&ring);
}

/* R9, R13: a request in flight whose memory goes away takes no message along. */
TEST(r9_r13_memory_goes_away)
{
	const int ch = ch_make(1, 16, 0);
	struct io_uring ring;
	struct iovec iov;

	ASSERT_EQ(0, io_uring_queue_init(ENTRIES, &ring, 0));
	iov = (struct iovec){ map_pages(1), 16 };
	prep_read(&ring, PLAIN, ch, &iov, 0);
	ASSERT_EQ(1, io_uring_submit(&ring));
	ASSERT_EQ(0, munmap(iov.iov_base, page_size()));
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_EQ(-EFAULT, wait_res(&ring));
	EXPECT_STREQ("a", try_recv_text(ch));
	io_uring_queue_exit(&ring);
}

/* R10, R11, R13: one writev is one message; of a fixed size several go at once. */
TEST(r10_r11_r13_messages)
{
	const int ch = ch_make(4, 16, 0);
	const int fixed = ch_make(4, 4, GOCHAN_FIXED);
	struct iovec segments[3] = { { "ab", 2 }, { "", 0 }, { "cde", 3 } };
	struct iovec out = { "111122223333", 12 };
	struct io_uring ring;
	char buf[16];
	struct iovec in = { buf, 16 };

	ASSERT_EQ(0, io_uring_queue_init(ENTRIES, &ring, 0));
	io_uring_prep_writev(request(&ring, 0), ch, segments, 3, 0);
	ASSERT_EQ(1, io_uring_submit(&ring));
	EXPECT_EQ(5, wait_res(&ring));
	EXPECT_EQ(1U, ch_info(ch).len);
	EXPECT_STREQ("abcde", recv_text(ch));

	prep_write(&ring, PLAIN, fixed, &out, 0);
	ASSERT_EQ(1, io_uring_submit(&ring));
	EXPECT_EQ(12, wait_res(&ring));
	EXPECT_EQ(3U, ch_info(fixed).len);
	prep_read(&ring, PLAIN, fixed, &in, 0);
	ASSERT_EQ(1, io_uring_submit(&ring));
	EXPECT_EQ(12, wait_res(&ring));
	EXPECT_EQ(0, memcmp(buf, "111122223333", 12));
	io_uring_queue_exit(&ring);
}

/* R1, R13: many reads in flight get one message each, and each gets one. */
TEST(r1_r13_many)
{
	const int ch = ch_make(4, 4, 0);
	struct io_uring ring;
	unsigned int bufs[ENTRIES] = {}, seen[ENTRIES] = {}, i;
	struct ended ended;

	ASSERT_EQ(0, io_uring_queue_init(ENTRIES, &ring, 0));
	for (i = 0; i < ENTRIES; i++)
		io_uring_prep_read(request(&ring, 0), ch, &bufs[i], 4, 0);
	ASSERT_EQ(ENTRIES, io_uring_submit(&ring));
	EXPECT_TRUE(none_ended(&ring));
	for (i = 0; i < ENTRIES; i++)
		ASSERT_EQ(4, ch_send(ch, &i, 4));
	for (i = 0; i < ENTRIES; i++) {
		ended = wait_end(&ring);
		ASSERT_EQ(4, ended.res);
	}
	for (i = 0; i < ENTRIES; i++) {
		ASSERT_GT((unsigned int)ENTRIES, bufs[i]);
		seen[bufs[i]]++;
	}
	for (i = 0; i < ENTRIES; i++)
		EXPECT_EQ(1U, seen[i]);
	EXPECT_TRUE(none_ended(&ring));
	EXPECT_EQ(0U, ch_info(ch).len);
	io_uring_queue_exit(&ring);
}

/* R2, R13: what is linked is done in order, through a buffer that is too small. */
TEST(r2_r13_linked)
{
	const int ch = ch_make(1, 4, 0);
	struct io_uring ring;
	unsigned int out[8], i, in;
	struct io_uring_sqe *sqe;

	ASSERT_EQ(0, io_uring_queue_init(ENTRIES, &ring, 0));
	for (i = 0; i < 8; i++) {
		out[i] = i;
		sqe = request(&ring, 0);
		io_uring_prep_write(sqe, ch, &out[i], 4, 0);
		sqe->flags |= i < 7 ? IOSQE_IO_LINK : 0;
	}
	ASSERT_EQ(8, io_uring_submit(&ring));
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(4, ch_recv(ch, &in, 4));
		ASSERT_EQ(i, in);
		EXPECT_EQ(4, wait_res(&ring));
	}
	io_uring_queue_exit(&ring);
}

/* R13: poll, once. */
TEST(r13_poll)
{
	const int ch = ch_make(1, 16, 0);
	struct io_uring ring;
	struct ended ended;

	ASSERT_EQ(0, io_uring_queue_init(ENTRIES, &ring, 0));
	io_uring_prep_poll_add(request(&ring, 0), ch, POLLIN);
	ASSERT_EQ(1, io_uring_submit(&ring));
	EXPECT_TRUE(none_ended(&ring));
	EXPECT_EQ(1, send_text(ch, "a"));
	ended = wait_end(&ring);
	EXPECT_EQ(POLLIN, ended.res & (POLLIN | POLLOUT));
	EXPECT_EQ(0U, ended.flags & IORING_CQE_F_MORE);

	io_uring_prep_poll_add(request(&ring, 0), ch, POLLOUT);
	ASSERT_EQ(1, io_uring_submit(&ring));
	EXPECT_TRUE(none_ended(&ring));
	EXPECT_STREQ("a", recv_text(ch));
	EXPECT_EQ(POLLOUT, wait_res(&ring) & (POLLIN | POLLOUT));

	/* and the end */
	io_uring_prep_poll_add(request(&ring, 0), ch, POLLIN | POLLRDHUP);
	ASSERT_EQ(1, io_uring_submit(&ring));
	EXPECT_TRUE(none_ended(&ring));
	EXPECT_EQ(0, ch_close(ch));
	EXPECT_EQ(POLLRDHUP | POLLHUP, wait_res(&ring) & (POLLIN | POLLRDHUP | POLLHUP));
	io_uring_queue_exit(&ring);
}

/* R13: multishot: every send is an edge, also when nothing was received. */
TEST(r13_poll_multishot)
{
	const int ch = ch_make(8, 16, 0);
	struct io_uring ring;
	struct ended ended;
	int i;

	ASSERT_EQ(0, io_uring_queue_init(ENTRIES, &ring, 0));
	io_uring_prep_poll_multishot(request(&ring, 'p'), ch, POLLIN);
	ASSERT_EQ(1, io_uring_submit(&ring));
	for (i = 0; i < 6; i++) {
		EXPECT_TRUE(none_ended(&ring));
		EXPECT_EQ(1, send_text(ch, "a"));
		ended = wait_end(&ring);
		EXPECT_EQ(POLLIN, ended.res & (POLLIN | POLLOUT));
		EXPECT_EQ(IORING_CQE_F_MORE, (int)(ended.flags & IORING_CQE_F_MORE));
		if (i % 2)
			EXPECT_STREQ("a", recv_text(ch));
	}
	io_uring_prep_cancel64(request(&ring, 'c'), 'p', 0);
	ASSERT_EQ(1, io_uring_submit(&ring));
	for (i = 0; i < 2; i++) {
		ended = wait_end(&ring);
		EXPECT_EQ(ended.tag == 'p' ? -ECANCELED : 0, ended.res);
	}
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_TRUE(none_ended(&ring));
	io_uring_queue_exit(&ring);
}

/* R13, R14: a ring is pollable, so that a select may wait for it. */
TEST(r13_r14_select_polls_a_ring)
{
	const int ch = ch_make(0, 16, 0);
	struct io_uring ring;
	struct call *call = call_select(ch);

	ASSERT_EQ(0, io_uring_queue_init(ENTRIES, &ring, 0));
	io_uring_prep_poll_add(request(&ring, 0), ch, POLLIN);
	ASSERT_EQ(1, io_uring_submit(&ring));
	call_recv(call, -1);
	call_poll(call, ring.ring_fd, POLLIN);
	EXPECT_EQ(-EAGAIN, call_try(call));
	ASSERT_EQ(0, ch_close(ch));
	EXPECT_EQ(1, call_now(call));
	EXPECT_NE(0, wait_res(&ring));
	io_uring_queue_exit(&ring);
}

/* R17: what a ring writes is from who opened the handle. */
TEST(r13_r17_cred)
{
	const int ch = ch_make(2, 16, GOCHAN_CRED);
	struct iovec iov = { "a", 1 };
	struct io_uring ring;
	struct call *call = call_select(ch);
	int i;

	ASSERT_EQ(0, io_uring_queue_init(ENTRIES, &ring, 0));
	prep_write(&ring, PLAIN, ch, &iov, 0);
	prep_write(&ring, ASYNC, ch, &iov, 0);
	ASSERT_EQ(2, io_uring_submit(&ring));
	call_recv(call, ch);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(1, wait_res(&ring));
		call_reset(call);
		EXPECT_EQ(0, call_now(call));
		EXPECT_EQ(getpid(), call->ops[0].pid);
		EXPECT_EQ(0U, call->ops[0].uid);
	}
	io_uring_queue_exit(&ring);
}

/* All that may be in flight, on channels on which nothing happens. */
static void fly(struct io_uring *ring, int ch, int full)
{
	static char buf[16];
	static struct iovec iov = { buf, 16 };
	enum way way;

	if (io_uring_queue_init(ENTRIES, ring, 0))
		_exit(100);
	for (way = PLAIN; way <= ASYNC; way++) {
		if (way == FIXED_BUFFER)
			continue;
		prep_read(ring, way, ch, &iov, 0);
		prep_write(ring, way, ch, &iov, 0);
		prep_write(ring, way, full, &iov, 0);
	}
	io_uring_prep_poll_add(request(ring, 0), ch, POLLIN | POLLOUT);
	io_uring_prep_poll_multishot(request(ring, 0), ch, POLLIN);
	if (io_uring_submit(ring) != 11 || !none_ended(ring))
		_exit(101);
}

static bool wait_for_handles(int ch, unsigned int n)
{
	const struct wait wait = wait_begin();

	do {
		if (ch_info(ch).send_handles == n && ch_info(ch).recv_handles == n)
			return true;
	} while (wait_more(&wait));
	return false;
}

enum ending { BY_EXIT, BY_KILL, BY_RING_EXIT, BY_EXEC };

/*
 * R8, R13: a process ends with requests in flight on unbuffered channels that
 * nobody will ever serve: it ends, and nothing of it is left.
 */
TEST(r8_r13_ends_in_flight)
{
	const int ch = ch_make(0, 16, 0);
	const int full = ch_make(1, 16, 0);
	const int gate = ch_make(0, 16, 0);
	struct io_uring ring;
	enum ending ending;
	pid_t pid;

	ASSERT_EQ(4, send_text(full, "full"));
	for (ending = BY_EXIT; ending <= BY_EXEC; ending++) {
		pid = child();
		if (!pid) {
			fly(&ring, ch_dup(ch, O_RDWR), ch_dup(full, O_RDWR));
			if (send_text(gate, "ready") != 5)
				_exit(1);
			if (ending == BY_KILL)
				pause();
			if (ending == BY_RING_EXIT)
				io_uring_queue_exit(&ring);
			if (ending == BY_EXEC)
				execl("/bin/true", "true", NULL);
			_exit(0);
		}
		ASSERT_STREQ("ready", recv_text(gate));
		EXPECT_EQ(ending == BY_KILL ? 128 + SIGKILL : 0,
			  ending == BY_KILL ? reap_killed(pid) : reap(pid));
		ASSERT_TRUE(wait_for_handles(ch, 1));
		ASSERT_TRUE(wait_for_handles(full, 1));
		EXPECT_TRUE(no_waiters(ch));
		EXPECT_EQ(-EAGAIN, try_send_text(ch, "a"));
		EXPECT_STREQ("(EAGAIN)", try_recv_text(ch));
		EXPECT_EQ(1U, ch_info(full).len);
	}
}

/*
 * R12: two users of rings never meet on an unbuffered channel, as neither ever
 * blocks; with one who blocks each of them does.
 */
TEST(r12_r13_two_rings)
{
	const int ch = ch_make(0, 16, 0);
	struct iovec out = { "ring", 4 };
	struct io_uring one, two;
	char buf[16];
	struct iovec in = { buf, 16 };
	struct job *job;

	ASSERT_EQ(0, io_uring_queue_init(ENTRIES, &one, 0));
	ASSERT_EQ(0, io_uring_queue_init(ENTRIES, &two, 0));
	prep_read(&one, PLAIN, ch, &in, 0);
	ASSERT_EQ(1, io_uring_submit(&one));
	prep_write(&two, PLAIN, ch, &out, 0);
	ASSERT_EQ(1, io_uring_submit(&two));
	EXPECT_TRUE(none_ended(&one));
	EXPECT_TRUE(none_ended(&two));
	EXPECT_TRUE(no_waiters(ch));

	job = job_send_text(BY_THREAD, ch, "call");
	EXPECT_EQ(4, wait_res(&one));
	EXPECT_EQ(0, memcmp(buf, "call", 4));
	EXPECT_EQ(4, job_wait(job));
	job = job_recv(BY_THREAD, ch, 16);
	EXPECT_EQ(4, wait_res(&two));
	EXPECT_STREQ("ring", job_text(job));
	io_uring_queue_exit(&one);
	io_uring_queue_exit(&two);
}

TEST_HARNESS_MAIN
