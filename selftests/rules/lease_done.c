// SPDX-License-Identifier: GPL-2.0
/*
 * Done channels of acknowledged channels (R21): a notice of each message that is done, and the
 * number that a SEND op reports.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"
#include "../lib/stall.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#define NOTICE		sizeof(struct gochan_done)
#define CAPACITY	4
#define ROOM		8192

/* Messages of @len bytes on a channel whose messages are in a pool, or on the heap. */
FIXTURE(lease_done) {
	int done;
	int ch;
};

FIXTURE_VARIANT(lease_done) {
	unsigned int msg_size;
	unsigned int len;
};

FIXTURE_VARIANT_ADD(lease_done, pooled) { 64, 64 };
FIXTURE_VARIANT_ADD(lease_done, short_on_heap) { ROOM, 64 };
FIXTURE_VARIANT_ADD(lease_done, long_on_heap) { ROOM, ROOM };

static int make_source(unsigned int msg_size, unsigned int flags, int done)
{
	const struct gochan_setup s = {
		.capacity = CAPACITY, .msg_size = msg_size, .done_fd = done,
		.flags = GOCHAN_ACK | GOCHAN_DONE | flags,
	};

	return ch_make_with(&s);
}

static int make_done(unsigned int capacity)
{
	return ch_make(capacity, NOTICE, GOCHAN_FIXED);
}

FIXTURE_SETUP(lease_done)
{
	self->done = make_done(16);
	self->ch = make_source(variant->msg_size, 0, self->done);
	ASSERT_LE(0, self->ch);
}

FIXTURE_TEARDOWN(lease_done)
{
}

static char buf[ROOM];

static bool send_n(int ch, unsigned int len, unsigned int n)
{
	while (n--) {
		fill(buf, len, n);
		if (ch_send(ch, buf, len) != (ssize_t)len)
			return false;
	}
	return true;
}

static struct gochan_op op;

/* Lease a message without blocking: its number, -errno, or 0 at the end. */
static long long lease(int ch)
{
	int ret;

	op = GOCHAN_RECV(ch, buf, sizeof(buf));
	ret = ops_batch(ch, &op, 1, GOCHAN_NONBLOCK);
	if (ret == 1 && op.result == 0)
		return op.seq;
	return ret < 0 ? ret : 0;
}

static int acknowledge(int ch, unsigned long long number, unsigned int flags)
{
	struct gochan_ack arg = { .lease = number, .flags = flags };

	return ioctl(ch, GOCHAN_IOC_ACK, &arg) ? -errno : 0;
}

static struct gochan_op ack_op(int ch, unsigned long long number)
{
	return (struct gochan_op){ .fd = ch, .opcode = GOCHAN_OP_ACK, .lease = number };
}

/* Lease a message and acknowledge it: 0 or -errno. */
static int do_one(int ch)
{
	const long long ret = lease(ch);

	return ret > 0 ? acknowledge(ch, op.lease, 0) : (int)ret;
}

/*
 * The next notice, which is waited for: the number of the message, how often it was delivered,
 * and the flags, if it comes from @ch.
 */
static const char *next_notice(int done, int ch)
{
	struct pollfd pfd = { .fd = done, .events = POLLIN };
	struct gochan_done n;
	static char text[64];

	if (poll(&pfd, 1, WAIT_LIMIT * 1000) != 1 || !(pfd.revents & POLLIN))
		return "(no notice)";
	if (read(done, &n, sizeof(n)) != NOTICE)
		return "(no read)";
	if (n.channel != ch_info(ch).id)
		return "(other channel)";
	snprintf(text, sizeof(text), "%llu %u %#x", (unsigned long long)n.seq, n.deliveries,
		 n.flags);
	return text;
}

/* Fill a done channel of capacity 1 with something else. */
static bool block_done(int done)
{
	const struct gochan_done other = {};

	return ch_send(done, &other, sizeof(other)) == NOTICE;
}

static bool unblock_done(int done)
{
	struct gochan_done other;

	return ch_recv(done, &other, sizeof(other)) == NOTICE && !other.channel;
}

/* Wait until a message can be sent without blocking. */
static bool wait_for_slot(int ch)
{
	struct pollfd pfd = { .fd = ch, .events = POLLOUT };

	return poll(&pfd, 1, WAIT_LIMIT * 1000) == 1 && pfd.revents == POLLOUT;
}

/* ---- setup ---- */

/* R21, R20: invalid setups. */
TEST(r20_r21_setup)
{
	struct gochan_setup s = {
		.capacity = 1, .msg_size = 16, .flags = GOCHAN_DONE, .done_fd = make_done(1),
	};

	EXPECT_EQ(-EINVAL, ch_make_with(&s));
	s.flags = GOCHAN_ACK;
	EXPECT_EQ(-EINVAL, ch_make_with(&s));
	s.flags = GOCHAN_ACK | GOCHAN_DONE;
	s.capacity = 0;
	EXPECT_EQ(-EINVAL, ch_make_with(&s));
	s.capacity = 1;
	s.done_fd = -1;
	EXPECT_EQ(-EBADF, ch_make_with(&s));
	s.done_fd = open("/dev/null", O_RDWR);
	EXPECT_EQ(-EBADF, ch_make_with(&s));
	s.done_fd = ch_dup(make_done(1), O_RDONLY);
	EXPECT_EQ(-EBADF, ch_make_with(&s));
	s.done_fd = ch_dup(make_done(1), O_WRONLY);
	EXPECT_LE(0, ch_make_with(&s));
	/* both targets are checked */
	s.flags |= GOCHAN_DEADLETTER;
	s.dead_fd = -1;
	EXPECT_EQ(-EBADF, ch_make_with(&s));
	s.dead_fd = ch_make(1, 16, 0);
	EXPECT_LE(0, ch_make_with(&s));
	s.done_fd = -1;
	EXPECT_EQ(-EBADF, ch_make_with(&s));
}

/* R21: the messages of a done channel have the size of notices. */
TEST(r21_setup_size)
{
	struct gochan_setup s = {
		.capacity = 1, .msg_size = 16, .flags = GOCHAN_ACK | GOCHAN_DONE,
	};

	s.done_fd = ch_make(1, NOTICE - 1, 0);
	EXPECT_EQ(-EINVAL, ch_make_with(&s));
	s.done_fd = ch_make(1, NOTICE - 1, GOCHAN_FIXED);
	EXPECT_EQ(-EINVAL, ch_make_with(&s));
	s.done_fd = ch_make(1, NOTICE + 1, GOCHAN_FIXED);
	EXPECT_EQ(-EINVAL, ch_make_with(&s));
	s.done_fd = ch_make(1, NOTICE, GOCHAN_FIXED);
	EXPECT_LE(0, ch_make_with(&s));
	s.done_fd = ch_make(1, NOTICE, 0);
	EXPECT_LE(0, ch_make_with(&s));
	s.done_fd = open("/dev/gochan", O_RDWR);
	EXPECT_LE(0, ch_make_with(&s));
}

/* R21: a channel is either a source or a target, permanently, and has two different targets. */
TEST(r21_setup_loop)
{
	const int dead = ch_make(1, 64, 0), done = make_done(1);
	struct gochan_setup s = {
		.capacity = 1, .msg_size = 64, .flags = GOCHAN_ACK | GOCHAN_DONE, .done_fd = done,
	};
	struct gochan_setup letters = {
		.capacity = 1, .msg_size = 64, .flags = GOCHAN_ACK | GOCHAN_DEADLETTER,
		.dead_fd = dead,
	};
	const int source = ch_make_with(&s), other = ch_make_with(&letters);

	ASSERT_LE(0, source);
	ASSERT_LE(0, other);
	s.done_fd = source;
	EXPECT_EQ(-ELOOP, ch_make_with(&s));
	s.done_fd = other;
	EXPECT_EQ(-ELOOP, ch_make_with(&s));
	letters.dead_fd = source;
	EXPECT_EQ(-ELOOP, ch_make_with(&letters));
	/* by itself, and as a target of another one since */
	s.done_fd = open("/dev/gochan", O_RDWR);
	EXPECT_EQ(-1, ioctl(s.done_fd, GOCHAN_IOC_SETUP, &s));
	EXPECT_EQ(ELOOP, errno);
	EXPECT_LE(0, ch_make_with(&s));
	EXPECT_EQ(-EBUSY, ch_setup(s.done_fd, 1, 16, 0));
	/* several sources have one done channel, but none has one for both */
	s.done_fd = done;
	EXPECT_LE(0, ch_make_with(&s));
	s.flags |= GOCHAN_DEADLETTER;
	s.dead_fd = ch_dup(done, O_WRONLY);
	EXPECT_EQ(-EINVAL, ch_make_with(&s));
	/* a setup that is refused does not use the other channel */
	s.dead_fd = open("/dev/gochan", O_RDWR);
	s.done_fd = ch_dup(s.dead_fd, O_RDWR);
	EXPECT_EQ(-EBUSY, ch_setup(s.dead_fd, 1, 16, 0));
	s.dead_fd = open("/dev/gochan", O_RDWR);
	s.done_fd = done;
	s.capacity = 0;
	EXPECT_EQ(-EINVAL, ch_make_with(&s));
	EXPECT_EQ(0, ch_setup(s.dead_fd, 1, 16, 0));
}

/* R6, R21: INFO tells which channel it is, which has the source as one that may send. */
TEST_F(lease_done, r6_r21_info)
{
	EXPECT_EQ(ch_info(self->done).id, ch_info(self->ch).done);
	EXPECT_EQ(0ULL, ch_info(self->done).done);
	EXPECT_TRUE(ch_info(self->ch).flags & GOCHAN_DONE);
	EXPECT_EQ(2U, ch_info(self->done).send_handles);
	close(self->ch);
	EXPECT_EQ(1U, ch_info(self->done).send_handles);
}

/* ---- what is done ---- */

/* R21: acknowledged by the ioctl, and by an ACK op, alone or after others. */
TEST_F(lease_done, r21_acknowledged)
{
	struct gochan_op ops[3];

	ASSERT_TRUE(send_n(self->ch, variant->len, 4));
	ASSERT_EQ(1, lease(self->ch));
	EXPECT_EQ(0, acknowledge(self->ch, op.lease, 0));
	EXPECT_STREQ("1 1 0", next_notice(self->done, self->ch));
	EXPECT_EQ(-ESTALE, acknowledge(self->ch, op.lease, 0));
	ASSERT_EQ(2, lease(self->ch));
	ops[0] = ack_op(self->ch, op.lease);
	ASSERT_EQ(3, lease(self->ch));
	ops[1] = ack_op(self->ch, op.lease);
	/* flags, so that it is loaded as a whole */
	ops[1].flags = GOCHAN_NONBLOCK;
	ops[2] = GOCHAN_RECV(self->ch, buf, sizeof(buf));
	EXPECT_EQ(3, ops_batch(self->ch, ops, 3, 0));
	EXPECT_EQ(0, acknowledge(self->ch, ops[2].lease, 0));
	EXPECT_STREQ("2 1 0", next_notice(self->done, self->ch));
	EXPECT_STREQ("3 1 0", next_notice(self->done, self->ch));
	EXPECT_STREQ("4 1 0", next_notice(self->done, self->ch));
	EXPECT_EQ(0U, ch_info(self->done).len);
	EXPECT_TRUE(send_n(self->ch, variant->len, CAPACITY));
}

/* R21: a read acknowledges at once, also one that has waited, or takes what was returned. */
TEST_F(lease_done, r21_read)
{
	struct job *job;

	ASSERT_TRUE(send_n(self->ch, variant->len, 2));
	EXPECT_EQ(variant->len, ch_recv(self->ch, buf, sizeof(buf)));
	EXPECT_STREQ("1 1 0", next_notice(self->done, self->ch));
	ASSERT_EQ(2, lease(self->ch));
	EXPECT_EQ(0, acknowledge(self->ch, op.lease, GOCHAN_REQUEUE));
	EXPECT_EQ(variant->len, ch_recv(self->ch, buf, sizeof(buf)));
	EXPECT_STREQ("2 2 0", next_notice(self->done, self->ch));
	job = job_recv(BY_THREAD, self->ch, sizeof(buf));
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	ASSERT_TRUE(send_n(self->ch, variant->len, 1));
	EXPECT_EQ(variant->len, job_wait(job));
	EXPECT_STREQ("3 1 0", next_notice(self->done, self->ch));
	EXPECT_TRUE(send_n(self->ch, variant->len, CAPACITY));
}

/* R21, R11: a read of several messages. */
TEST(r21_r11_read_several)
{
	const int done = make_done(8), ch = make_source(2, GOCHAN_FIXED, done);

	ASSERT_EQ(6, ch_send(ch, "aabbcc", 6));
	EXPECT_EQ(6, ch_recv(ch, buf, 64));
	EXPECT_STREQ("1 1 0", next_notice(done, ch));
	EXPECT_STREQ("2 1 0", next_notice(done, ch));
	EXPECT_STREQ("3 1 0", next_notice(done, ch));
}

/* R21, R9: a read that fails acknowledges nothing. */
TEST_F(lease_done, r21_r9_bad_memory)
{
	ASSERT_TRUE(send_n(self->ch, variant->len, 1));
	EXPECT_EQ(-EFAULT, ch_recv(self->ch, NULL, sizeof(buf)));
	EXPECT_EQ(-EMSGSIZE, ch_recv(self->ch, buf, 1));
	EXPECT_EQ(1U, ch_info(self->ch).len);
	EXPECT_EQ(0, do_one(self->ch));
	EXPECT_STREQ("1 1 0", next_notice(self->done, self->ch));
}

/* R21: neither a look nor a message that is returned causes a notice. */
TEST_F(lease_done, r21_requeued)
{
	ASSERT_TRUE(send_n(self->ch, variant->len, 1));
	ASSERT_EQ(1, lease(self->ch));
	EXPECT_EQ(0, acknowledge(self->ch, op.lease, GOCHAN_REQUEUE));
	op = GOCHAN_RECV(self->ch, buf, sizeof(buf));
	op.flags = GOCHAN_PEEK;
	EXPECT_EQ(1, ops_batch(self->ch, &op, 1, 0));
	EXPECT_EQ(0, do_one(self->ch));
	EXPECT_STREQ("1 2 0", next_notice(self->done, self->ch));
	EXPECT_EQ(0U, ch_info(self->done).len);
}

/* R21: likewise that of a worker that is killed. */
TEST_F(lease_done, r21_killed)
{
	int told[2];
	pid_t pid;
	char c;

	ASSERT_TRUE(send_n(self->ch, variant->len, 1));
	ASSERT_EQ(0, pipe(told));
	pid = child();
	if (!pid) {
		c = lease(self->ch);
		if (write(told[1], &c, 1) == 1)
			pause();
		_exit(1);
	}
	ASSERT_EQ(1, read(told[0], &c, 1));
	EXPECT_EQ(1, c);
	EXPECT_EQ(-EAGAIN, lease(self->ch));
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	EXPECT_EQ(0, do_one(self->ch));
	EXPECT_STREQ("1 2 0", next_notice(self->done, self->ch));
	EXPECT_EQ(0U, ch_info(self->done).len);
}

/* R21: a message that is dropped, as it was returned too often. */
TEST_F(lease_done, r21_dropped)
{
	const struct gochan_setup s = {
		.capacity = 2, .msg_size = variant->msg_size, .flags = GOCHAN_ACK | GOCHAN_DONE,
		.max_deliveries = 2, .done_fd = self->done,
	};
	const int ch = ch_make_with(&s);
	int i;

	ASSERT_TRUE(send_n(ch, variant->len, 2));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(1, lease(ch));
		EXPECT_EQ(0, acknowledge(ch, op.lease, GOCHAN_REQUEUE));
	}
	EXPECT_EQ(0, do_one(ch));
	EXPECT_STREQ("1 2 0x1", next_notice(self->done, ch));
	EXPECT_STREQ("2 1 0", next_notice(self->done, ch));
	EXPECT_EQ(1ULL, ch_info(ch).dropped);
}

/* R21: the messages of a worker that is killed, which are all dropped. */
TEST_F(lease_done, r21_dropped_of_killed)
{
	const struct gochan_setup s = {
		.capacity = 3, .msg_size = variant->msg_size, .flags = GOCHAN_ACK | GOCHAN_DONE,
		.max_deliveries = 1, .done_fd = self->done,
	};
	const int ch = ch_make_with(&s);
	pid_t pid;
	int i;

	ASSERT_TRUE(send_n(ch, variant->len, 3));
	pid = child();
	if (!pid) {
		for (i = 0; i < 3; i++)
			lease(ch);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	/* which of them is dropped first is not said */
	for (i = 0; i < 3; i++)
		EXPECT_STREQ(" 1 0x1", strchr(next_notice(self->done, ch), ' '));
	EXPECT_EQ(3ULL, ch_info(ch).dropped);
	EXPECT_TRUE(send_n(ch, variant->len, 3));
}

/* R21: a dead letter is done when the dead-letter channel has it, or has refused it. */
TEST_F(lease_done, r21_dead_letter)
{
	const struct gochan_setup s = {
		.capacity = 2, .msg_size = variant->msg_size, .max_deliveries = 1,
		.flags = GOCHAN_ACK | GOCHAN_DONE | GOCHAN_DEADLETTER, .done_fd = self->done,
		.dead_fd = ch_make(1, variant->msg_size, 0),
	};
	const int ch = ch_make_with(&s);

	ASSERT_EQ(1, send_text(s.dead_fd, "x"));
	ASSERT_TRUE(send_n(ch, variant->len, 2));
	ASSERT_EQ(1, lease(ch));
	EXPECT_EQ(0, acknowledge(ch, op.lease, GOCHAN_REQUEUE));
	EXPECT_EQ(0, do_one(ch));
	/* the first one is held until there is room */
	EXPECT_STREQ("2 1 0", next_notice(self->done, ch));
	EXPECT_STREQ("x", recv_text(s.dead_fd));
	EXPECT_STREQ("1 1 0x1", next_notice(self->done, ch));
	EXPECT_EQ(variant->len, ch_recv(s.dead_fd, buf, sizeof(buf)));

	ASSERT_EQ(0, ch_close(s.dead_fd));
	ASSERT_TRUE(send_n(ch, variant->len, 1));
	ASSERT_EQ(3, lease(ch));
	EXPECT_EQ(0, acknowledge(ch, op.lease, GOCHAN_REQUEUE));
	EXPECT_STREQ("3 1 0x1", next_notice(self->done, ch));
	EXPECT_EQ(1ULL, ch_info(ch).dropped);
	EXPECT_TRUE(send_n(ch, variant->len, 2));
}

/* R21, R9: done while another receive still copies what was leased to it. */
TEST(r21_done_while_copying)
{
	const int done = make_done(8), ch = make_source(64, 0, done);
	const int in = ch_dup(ch, O_RDONLY), in2 = ch_dup(ch, O_RDONLY);
	struct call *job = call_batch(in2);
	char *content = map_pages(1);
	struct stalled mem;
	int socks[2], i;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	ASSERT_EQ(0, stall(&mem, page_size()));
	call_recv(job, in2)->buf = (unsigned long)mem.map;
	call_start(job, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	EXPECT_EQ(1, send_text(ch, "a"));
	ASSERT_TRUE(wait_stalled(&mem));
	/* the last descriptor of the handle: the message is returned */
	EXPECT_EQ(0, send_fd(socks[0], in2));
	close(in2);
	EXPECT_EQ(0, do_one(in));
	EXPECT_STREQ("1 2 0", next_notice(done, ch));
	for (i = 0; i < CAPACITY - 1; i++)
		EXPECT_EQ(1, try_send_text(ch, "b"));
	/* it keeps its slot for the copy */
	EXPECT_EQ(-EAGAIN, try_send_text(ch, "b"));
	ASSERT_EQ(0, arrive(&mem, content));
	EXPECT_LE(0, call_wait(job));
	EXPECT_EQ('a', mem.map[0]);
	EXPECT_EQ(1, try_send_text(ch, "b"));
	EXPECT_EQ(0U, ch_info(done).len);
}

/* ---- the done channel ---- */

/* R21: notices come in the order in which messages are done, from each source. */
TEST_F(lease_done, r21_order)
{
	static const int order[CAPACITY] = { 2, 0, 3, 1 };
	const int other = make_source(variant->msg_size, 0, self->done);
	unsigned long long leases[CAPACITY];
	char text[16];
	int i, round;

	for (round = 0; round < 20; round++) {
		ASSERT_TRUE(send_n(self->ch, variant->len, CAPACITY));
		for (i = 0; i < CAPACITY; i++) {
			ASSERT_EQ(round * CAPACITY + i + 1, lease(self->ch));
			leases[i] = op.lease;
		}
		for (i = 0; i < CAPACITY; i++)
			ASSERT_EQ(0, acknowledge(self->ch, leases[order[i]], 0));
		for (i = 0; i < CAPACITY; i++) {
			sprintf(text, "%d 1 0", round * CAPACITY + order[i] + 1);
			ASSERT_STREQ(text, next_notice(self->done, self->ch));
		}
	}
	ASSERT_TRUE(send_n(other, variant->len, 1));
	EXPECT_EQ(0, do_one(other));
	EXPECT_STREQ("1 1 0", next_notice(self->done, other));
}

/* R21: while it is full, messages keep their slots, and nobody who acknowledges waits. */
TEST_F(lease_done, r21_full)
{
	const int done = make_done(1), ch = make_source(variant->msg_size, 0, done);
	struct job *job;
	int i;

	ASSERT_TRUE(block_done(done));
	ASSERT_TRUE(send_n(ch, variant->len, CAPACITY));
	for (i = 0; i < CAPACITY - 1; i++)
		EXPECT_EQ(0, do_one(ch));
	EXPECT_EQ(variant->len, ch_recv(ch, buf, sizeof(buf)));
	EXPECT_EQ(0U, ch_info(ch).leased + ch_info(ch).len);
	EXPECT_EQ(0, ch_poll(ch) & POLLOUT);
	EXPECT_EQ(-EAGAIN, ch_try_send(ch, buf, variant->len));
	job = job_send(BY_THREAD, ch, buf, variant->len);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	EXPECT_TRUE(unblock_done(done));
	EXPECT_EQ(variant->len, job_wait(job));
	/* one is in the done channel, and two are held */
	ASSERT_TRUE(wait_for_len(done, 1));
	EXPECT_EQ(-EAGAIN, ch_try_send(ch, buf, variant->len));
	EXPECT_STREQ("1 1 0", next_notice(done, ch));
	EXPECT_STREQ("2 1 0", next_notice(done, ch));
	EXPECT_STREQ("3 1 0", next_notice(done, ch));
	EXPECT_STREQ("4 1 0", next_notice(done, ch));
	EXPECT_TRUE(send_n(ch, variant->len, CAPACITY - 1));
}

/* R21: when it is closed, or has no receivers, notices are dropped and slots are free. */
TEST_F(lease_done, r21_refused)
{
	int fds[2], i, round, done, ch;

	for (round = 0; round < 2; round++) {
		ASSERT_EQ(0, ch_pair(fds, 1, NOTICE, GOCHAN_FIXED));
		done = fds[1];
		ch = make_source(variant->msg_size, 0, done);
		ASSERT_TRUE(block_done(done));
		ASSERT_TRUE(send_n(ch, variant->len, CAPACITY));
		for (i = 0; i < CAPACITY; i++)
			EXPECT_EQ(0, do_one(ch));
		EXPECT_EQ(0, ch_poll(ch) & POLLOUT);
		if (round)
			close(fds[0]);
		else
			EXPECT_EQ(0, ch_close(done));
		for (i = 0; i < 2 * CAPACITY; i++) {
			ASSERT_TRUE(wait_for_slot(ch));
			EXPECT_TRUE(send_n(ch, variant->len, 1));
			EXPECT_EQ(0, do_one(ch));
		}
		EXPECT_EQ(1ULL, ch_info(done).sent);
		EXPECT_EQ(0ULL, ch_info(ch).dropped);
	}
}

/* R5, R21: notices that are held do not come back, and so do not delay the end. */
TEST_F(lease_done, r5_r21_end)
{
	const int done = make_done(1), ch = make_source(variant->msg_size, 0, done);
	struct job *job;

	ASSERT_TRUE(block_done(done));
	ASSERT_TRUE(send_n(ch, variant->len, 2));
	ASSERT_EQ(0, ch_close(ch));
	EXPECT_EQ(0, do_one(ch));
	ASSERT_EQ(2, lease(ch));
	EXPECT_EQ(0, ch_poll(ch) & POLLHUP);
	job = job_recv(BY_THREAD, ch, sizeof(buf));
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	EXPECT_EQ(0, acknowledge(ch, op.lease, 0));
	EXPECT_EQ(0, job_wait(job));
	EXPECT_EQ(0, lease(ch));
	EXPECT_TRUE(ch_poll(ch) & POLLHUP);
	EXPECT_TRUE(unblock_done(done));
	EXPECT_STREQ("1 1 0", next_notice(done, ch));
	EXPECT_STREQ("2 1 0", next_notice(done, ch));
}

/* R21: a process that acknowledges and then closes leaves a notice. */
TEST_F(lease_done, r21_freed)
{
	int i, ch;

	for (i = 0; i < 200; i++) {
		ch = make_source(variant->msg_size, 0, self->done);
		ASSERT_TRUE(send_n(ch, variant->len, 2));
		EXPECT_EQ(0, do_one(ch));
		EXPECT_EQ(0, do_one(ch));
		close(ch);
		ASSERT_EQ(2U, ch_info(self->done).len);
		ASSERT_EQ(2 * NOTICE, ch_recv(self->done, buf, 2 * NOTICE));
	}
}

/* R21: notices that are held when the channel is freed are dropped. */
TEST_F(lease_done, r21_freed_with_notices)
{
	const int done = make_done(2), ch = make_source(variant->msg_size, 0, done);
	int i;

	ASSERT_TRUE(block_done(done));
	ASSERT_TRUE(send_n(ch, variant->len, 3));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, do_one(ch));
	close(ch);
	EXPECT_EQ(1U, ch_info(done).send_handles);
	EXPECT_EQ(2ULL, ch_info(done).sent);
	EXPECT_TRUE(unblock_done(done));
	EXPECT_EQ(NOTICE, ch_recv(done, buf, NOTICE));
	EXPECT_EQ(-EAGAIN, ch_try_recv(done, buf, NOTICE));
}

/* R21: done channels that are unbuffered, acknowledged, with long messages. */
TEST_F(lease_done, r21_kinds)
{
	static const struct gochan_setup kinds[] = {
		{ .msg_size = 4096 },
		{ .msg_size = NOTICE, .flags = GOCHAN_FIXED },
		{ .capacity = 1, .msg_size = 64, .flags = GOCHAN_ACK },
		{ .capacity = 1, .msg_size = ROOM },
		{ .capacity = 1, .msg_size = ROOM, .flags = GOCHAN_ACK | GOCHAN_CRED },
	};
	unsigned int i;
	int done, ch;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		done = ch_make_with(&kinds[i]);
		ch = make_source(variant->msg_size, 0, done);
		ASSERT_LE(0, ch);
		ASSERT_TRUE(send_n(ch, variant->len, 3));
		EXPECT_EQ(0, do_one(ch));
		EXPECT_EQ(0, do_one(ch));
		EXPECT_EQ(0, do_one(ch));
		if (!kinds[i].capacity) {
			/* read is what waits for them there */
			EXPECT_EQ(NOTICE, ch_recv(done, buf, sizeof(buf)));
			EXPECT_EQ(1ULL, ((struct gochan_done *)buf)->seq);
			EXPECT_EQ(NOTICE, ch_recv(done, buf, sizeof(buf)));
			EXPECT_EQ(2ULL, ((struct gochan_done *)buf)->seq);
			EXPECT_EQ(NOTICE, ch_recv(done, buf, sizeof(buf)));
			EXPECT_EQ(3ULL, ((struct gochan_done *)buf)->seq);
			continue;
		}
		EXPECT_STREQ("1 1 0", next_notice(done, ch));
		EXPECT_STREQ("2 1 0", next_notice(done, ch));
		EXPECT_STREQ("3 1 0", next_notice(done, ch));
	}
}

/* R17, R21: the sender of a notice is who has set up the source, whoever acknowledges. */
TEST(r17_r21_sender)
{
	const int done = ch_make(1, NOTICE, GOCHAN_CRED);
	int ch, told[2];
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(told));
	pid = child();
	if (!pid) {
		if (become(USER))
			_exit(1);
		ch = make_source(16, 0, done);
		if (send_text(ch, "a") != 1 || do_one(ch) || write(told[1], &c, 1) != 1)
			_exit(2);
		pause();
	}
	ASSERT_EQ(1, read(told[0], &c, 1));
	ASSERT_TRUE(wait_for_len(done, 1));
	EXPECT_EQ(0, lease(done));
	EXPECT_EQ(pid, op.pid);
	EXPECT_EQ((unsigned int)USER, op.uid);
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
}

/* ---- the number that a send reports ---- */

/* R21, R15: of each SEND op of a BATCH; write(2) has no way to. */
TEST_F(lease_done, r21_r15_number)
{
	struct gochan_op ops[3];
	int i;

	ASSERT_TRUE(send_n(self->ch, variant->len, 1));
	for (i = 0; i < 3; i++)
		ops[i] = GOCHAN_SEND(self->ch, buf, variant->len);
	ASSERT_EQ(3, ops_batch(self->ch, ops, 3, 0));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(2ULL + i, ops[i].seq);
	/* one that fails has none */
	ops[0].seq = UNTOUCHED;
	EXPECT_EQ(-EAGAIN, ops_batch(self->ch, ops, 1, GOCHAN_NONBLOCK));
	EXPECT_EQ((unsigned long long)UNTOUCHED, ops[0].seq);
	for (i = 1; i <= 4; i++) {
		EXPECT_EQ(i, lease(self->ch));
		EXPECT_EQ(0, acknowledge(self->ch, op.lease, 0));
	}
}

/* R21, R14: of a SELECT, also one that waits, and of a BATCH that waits. */
TEST_F(lease_done, r21_r14_number_of_select)
{
	struct gochan_op send = GOCHAN_SEND(self->ch, buf, variant->len);
	struct call *calls[] = { call_select(self->ch), call_batch(self->ch) };
	unsigned int i;

	for (i = 1; i <= CAPACITY; i++) {
		EXPECT_EQ(0, ops_select(self->ch, &send, 1, 0));
		EXPECT_EQ(i, send.seq);
	}
	for (i = 0; i < 2; i++) {
		call_send(calls[i], self->ch, "");
		calls[i]->ops[0].buf = (unsigned long)buf;
		calls[i]->ops[0].len = variant->len;
		call_start(calls[i], BY_THREAD);
		ASSERT_TRUE(wait_for_waiters(self->ch, i + 1, 0));
	}
	/* another task completes them */
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, do_one(self->ch));
		EXPECT_EQ((int)i, call_wait(calls[i]));
		EXPECT_EQ(CAPACITY + 1ULL + i, calls[i]->ops[0].seq);
	}
	for (i = 3; i <= CAPACITY + 2; i++)
		EXPECT_EQ(i, lease(self->ch));
}

/* R21: elsewhere a SEND op leaves it alone, as it always has. */
TEST(r21_number_elsewhere)
{
	const int chs[] = { ch_make(2, 64, 0), ch_make(2, 64, GOCHAN_ACK), make_done(1) };
	struct gochan_op send;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(chs); i++) {
		send = GOCHAN_SEND(chs[i], buf, NOTICE);
		send.seq = UNTOUCHED;
		ASSERT_EQ(1, ops_batch(chs[i], &send, 1, 0));
		EXPECT_EQ((unsigned long long)UNTOUCHED, send.seq);
	}
}

TEST_HARNESS_MAIN
