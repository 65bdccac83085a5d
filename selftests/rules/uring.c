// SPDX-License-Identifier: GPL-2.0
/*
 * R12, R13: channels and io_uring: reads, writes and polls that are ready or
 * have to wait, what completes them, and processes that exit with requests in
 * flight.
 *
 * A request that has to wait does so when its submission has returned.
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
	char bufs[2][SIZE];	/* also registered as fixed buffers */
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

/* A request to be filled in; @tag is returned with its result. */
static struct io_uring_sqe *request(struct io_uring *ring, int tag)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	if (!sqe)
		abort();
	io_uring_prep_nop(sqe);
	sqe->user_data = tag;
	return sqe;
}

/* Prepare a read of the variant's kind; not submitted yet. */
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

/* A completion; @res is -ETIME when there is none. */
struct completion {
	int tag;
	int res;
	unsigned int flags;
};

static struct completion wait_completion(struct io_uring *ring)
{
	struct __kernel_timespec limit = { .tv_sec = WAIT_LIMIT };
	struct completion completion = {};
	struct io_uring_cqe *cqe;

	completion.res = io_uring_wait_cqe_timeout(ring, &cqe, &limit);
	if (completion.res)
		return completion;
	completion.tag = cqe->user_data;
	completion.res = cqe->res;
	completion.flags = cqe->flags;
	io_uring_cqe_seen(ring, cqe);
	return completion;
}

static int wait_res(struct io_uring *ring)
{
	return wait_completion(ring).res;
}

static bool no_completion(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;

	return io_uring_peek_cqe(ring, &cqe) == -EAGAIN;
}

/* R13: requests that are ready when they are submitted. */
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

/* R13: a read waits for a message, a write for a free slot. */
TEST_F(uring, r13_waits)
{
	const int ch = ch_make(1, SIZE, 0);

	prep_read(&self->ring, variant->way, ch, &self->iov[0], 0);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_TRUE(no_completion(&self->ring));
	EXPECT_EQ(5, send_text(ch, "hello"));
	EXPECT_EQ(5, wait_res(&self->ring));
	EXPECT_EQ(0, memcmp(self->bufs[0], "hello", 5));

	EXPECT_EQ(4, send_text(ch, "full"));
	fill(self->bufs[1], SIZE, 4);
	prep_write(&self->ring, variant->way, ch, &self->iov[1], 1);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_TRUE(no_completion(&self->ring));
	EXPECT_EQ(1U, ch_info(ch).len);
	EXPECT_STREQ("full", recv_text(ch));
	EXPECT_EQ(SIZE, wait_res(&self->ring));
	EXPECT_EQ(SIZE, ch_recv(ch, self->bufs[0], SIZE));
	EXPECT_TRUE(is_filled(self->bufs[0], SIZE, 4));
}

/* R12, R13: an unbuffered channel, with a peer that blocks. */
TEST_F(uring, r12_r13_unbuffered)
{
	const int ch = ch_make(0, SIZE, 0);
	struct job *job;

	/* the peer is blocked already */
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

	/* the peer blocks later */
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

/* R5, R13: close: reads see the end, writes fail, at once and in flight. */
TEST_F(uring, r5_r13_closed)
{
	const int in = ch_make(1, SIZE, 0);
	const int out = ch_make(1, SIZE, 0);
	struct completion completion;
	int i;

	ASSERT_EQ(1, send_text(out, "a"));
	for (i = 0; i < 2; i++) {
		prep_read(&self->ring, variant->way, in, &self->iov[0], 0);
		ASSERT_EQ(1, io_uring_submit(&self->ring));
		if (!i)
			EXPECT_EQ(0, ch_close(in));
		completion = wait_completion(&self->ring);
		EXPECT_EQ('r', completion.tag);
		EXPECT_EQ(0, completion.res);
	}
	for (i = 0; i < 2; i++) {
		prep_write(&self->ring, variant->way, out, &self->iov[1], 1);
		ASSERT_EQ(1, io_uring_submit(&self->ring));
		if (!i)
			EXPECT_EQ(0, ch_close(out));
		completion = wait_completion(&self->ring);
		EXPECT_EQ('w', completion.tag);
		EXPECT_EQ(-EPIPE, completion.res);
	}
	EXPECT_STREQ("a", recv_text(out));
	EXPECT_STREQ("(end)", recv_text(out));
}

/*
 * Cancel a request, and again if a worker is just about to block in it. Returns
 * its result, once the completions of the cancel requests have arrived, too.
 */
static int cancel(struct io_uring *ring, int tag)
{
	const struct wait wait = wait_begin();
	unsigned int asked = 0, answered = 0;
	struct completion completion;
	int res = -ETIME;

	do {
		io_uring_prep_cancel64(request(ring, 'c'), tag, 0);
		io_uring_submit(ring);
		asked++;
		do {
			completion = wait_completion(ring);
			answered += completion.tag == 'c';
		} while (completion.tag == 'c' && completion.res == 0);
		if (completion.tag == tag)
			res = completion.res;
	} while (completion.tag == 'c' && wait_more(&wait));
	for (; answered < asked; answered++)
		wait_completion(ring);
	return res;
}

/* R8, R13: a cancelled request has not happened. */
TEST_F(uring, r8_r13_cancelled)
{
	const int in = ch_make(0, SIZE, 0);
	const int out = ch_make(0, SIZE, 0);
	int res;

	prep_read(&self->ring, variant->way, in, &self->iov[0], 0);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_TRUE(no_completion(&self->ring));
	res = cancel(&self->ring, 'r');
	EXPECT_TRUE(res == -ECANCELED || res == -EINTR);
	prep_write(&self->ring, variant->way, out, &self->iov[1], 1);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_TRUE(no_completion(&self->ring));
	res = cancel(&self->ring, 'w');
	EXPECT_TRUE(res == -ECANCELED || res == -EINTR);
	EXPECT_EQ(-EAGAIN, try_send_text(in, "a"));
	EXPECT_STREQ("(EAGAIN)", try_recv_text(out));
}

/*
 * R12: RWF_NOWAIT. (io_uring does not heed O_NONBLOCK of files that support
 * non-blocking calls: it polls them.)
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

/* R9, R10, R13: with a bad size or bad memory a request fails; the message stays. */
TEST(r9_r10_r13_bad_requests)
{
	const int ch = ch_make(2, 16, 0);
	struct iovec small, unmapped, too_long;
	struct io_uring ring;
	char buf[17] = {};

	ASSERT_EQ(0, io_uring_queue_init(ENTRIES, &ring, 0));
	small = (struct iovec){ buf, 3 };
	unmapped = (struct iovec){ (void *)8, 16 };
	too_long = (struct iovec){ buf, 17 };
	ASSERT_EQ(4, send_text(ch, "four"));
	prep_read(&ring, PLAIN, ch, &small, 0);
	ASSERT_EQ(1, io_uring_submit(&ring));
	EXPECT_EQ(-EMSGSIZE, wait_res(&ring));
	prep_read(&ring, PLAIN, ch, &unmapped, 0);
	ASSERT_EQ(1, io_uring_submit(&ring));
	EXPECT_EQ(-EFAULT, wait_res(&ring));
	prep_write(&ring, PLAIN, ch, &unmapped, 0);
	ASSERT_EQ(1, io_uring_submit(&ring));
	EXPECT_EQ(-EFAULT, wait_res(&ring));
	prep_write(&ring, PLAIN, ch, &too_long, 0);
	ASSERT_EQ(1, io_uring_submit(&ring));
	EXPECT_EQ(-EMSGSIZE, wait_res(&ring));
	EXPECT_EQ(1U, ch_info(ch).len);
	EXPECT_STREQ("four", recv_text(ch));
	io_uring_queue_exit(&ring);
}

/* R9, R13: a read whose memory is unmapped in flight does not lose a message. */
TEST(r9_r13_memory_unmapped)
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

/* R10, R11, R13: one writev is one message; fixed-size messages go several at a time. */
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

/* R1, R13: each of many reads in flight receives one message. */
TEST(r1_r13_many)
{
	const int ch = ch_make(4, 4, 0);
	struct io_uring ring;
	unsigned int bufs[ENTRIES] = {}, seen[ENTRIES] = {}, i;
	struct completion completion;

	ASSERT_EQ(0, io_uring_queue_init(ENTRIES, &ring, 0));
	for (i = 0; i < ENTRIES; i++)
		io_uring_prep_read(request(&ring, 0), ch, &bufs[i], 4, 0);
	ASSERT_EQ(ENTRIES, io_uring_submit(&ring));
	EXPECT_TRUE(no_completion(&ring));
	for (i = 0; i < ENTRIES; i++)
		ASSERT_EQ(4, ch_send(ch, &i, 4));
	for (i = 0; i < ENTRIES; i++) {
		completion = wait_completion(&ring);
		ASSERT_EQ(4, completion.res);
	}
	for (i = 0; i < ENTRIES; i++) {
		ASSERT_GT((unsigned int)ENTRIES, bufs[i]);
		seen[bufs[i]]++;
	}
	for (i = 0; i < ENTRIES; i++)
		EXPECT_EQ(1U, seen[i]);
	EXPECT_TRUE(no_completion(&ring));
	EXPECT_EQ(0U, ch_info(ch).len);
	io_uring_queue_exit(&ring);
}

/* R2, R13: linked writes are done in order, through a channel with one slot. */
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

/* R13: oneshot polls. */
TEST(r13_poll)
{
	const int ch = ch_make(1, 16, 0);
	struct io_uring ring;
	struct completion completion;

	ASSERT_EQ(0, io_uring_queue_init(ENTRIES, &ring, 0));
	io_uring_prep_poll_add(request(&ring, 0), ch, POLLIN);
	ASSERT_EQ(1, io_uring_submit(&ring));
	EXPECT_TRUE(no_completion(&ring));
	EXPECT_EQ(1, send_text(ch, "a"));
	completion = wait_completion(&ring);
	EXPECT_EQ(POLLIN, completion.res & (POLLIN | POLLOUT));
	EXPECT_EQ(0U, completion.flags & IORING_CQE_F_MORE);

	io_uring_prep_poll_add(request(&ring, 0), ch, POLLOUT);
	ASSERT_EQ(1, io_uring_submit(&ring));
	EXPECT_TRUE(no_completion(&ring));
	EXPECT_STREQ("a", recv_text(ch));
	EXPECT_EQ(POLLOUT, wait_res(&ring) & (POLLIN | POLLOUT));

	/* and of a close */
	io_uring_prep_poll_add(request(&ring, 0), ch, POLLIN | POLLRDHUP);
	ASSERT_EQ(1, io_uring_submit(&ring));
	EXPECT_TRUE(no_completion(&ring));
	EXPECT_EQ(0, ch_close(ch));
	EXPECT_EQ(POLLRDHUP | POLLHUP, wait_res(&ring) & (POLLIN | POLLRDHUP | POLLHUP));
	io_uring_queue_exit(&ring);
}

/* R13: multishot polls: every send is an edge, also without a receive before it. */
TEST(r13_poll_multishot)
{
	const int ch = ch_make(8, 16, 0);
	struct io_uring ring;
	struct completion completion;
	int i;

	ASSERT_EQ(0, io_uring_queue_init(ENTRIES, &ring, 0));
	io_uring_prep_poll_multishot(request(&ring, 'p'), ch, POLLIN);
	ASSERT_EQ(1, io_uring_submit(&ring));
	for (i = 0; i < 6; i++) {
		EXPECT_TRUE(no_completion(&ring));
		EXPECT_EQ(1, send_text(ch, "a"));
		completion = wait_completion(&ring);
		EXPECT_EQ(POLLIN, completion.res & (POLLIN | POLLOUT));
		EXPECT_EQ(IORING_CQE_F_MORE, (int)(completion.flags & IORING_CQE_F_MORE));
		if (i % 2)
			EXPECT_STREQ("a", recv_text(ch));
	}
	io_uring_prep_cancel64(request(&ring, 'c'), 'p', 0);
	ASSERT_EQ(1, io_uring_submit(&ring));
	for (i = 0; i < 2; i++) {
		completion = wait_completion(&ring);
		EXPECT_EQ(completion.tag == 'p' ? -ECANCELED : 0, completion.res);
	}
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_TRUE(no_completion(&ring));
	io_uring_queue_exit(&ring);
}

/* R13, R14: a ring is pollable, so a select can wait for it. */
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

/* R13, R17: a write by a ring reports the opener of the handle. */
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

/* Submit requests of all kinds, none of which completes. */
static void submit_all(struct io_uring *ring, int ch, int full)
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
	if (io_uring_submit(ring) != 11 || !no_completion(ring))
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
 * R8, R13: a process exits with requests in flight that would never complete: it
 * does exit, and leaves nothing behind.
 */
TEST(r8_r13_exit_in_flight)
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
			submit_all(&ring, ch_dup(ch, O_RDWR), ch_dup(full, O_RDWR));
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
 * R12, R13: the requests of two rings never meet on an unbuffered channel, as
 * neither blocks; each meets a peer that does.
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
	EXPECT_TRUE(no_completion(&one));
	EXPECT_TRUE(no_completion(&two));
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
