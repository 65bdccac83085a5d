// SPDX-License-Identifier: GPL-2.0
/*
 * Acknowledged channels (R21): leases, acknowledgments, requeueing, dead letters. Whose a
 * lease is, and when that ends, is tested by lease_owner.c.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

#define LONG	65536

FIXTURE(lease) {
	int ch;
	char *msg;
	char *buf;
};

FIXTURE_SETUP(lease)
{
	self->ch = ch_make(4, 64, GOCHAN_ACK);
	ASSERT_LE(0, self->ch);
	self->msg = malloc(LONG);
	self->buf = malloc(LONG);
	ASSERT_NE(NULL, self->msg);
	ASSERT_NE(NULL, self->buf);
}

FIXTURE_TEARDOWN(lease)
{
	free(self->msg);
	free(self->buf);
	unlink_all();
}

/* What the last receive() got. */
static char got[65];
static struct gochan_op op;

/* Receive without blocking, with a lease: 0 or -errno, GOCHAN_R_CLOSED. */
static int receive(int ch)
{
	int ret;

	memset(got, 0, sizeof(got));
	op = GOCHAN_RECV(ch, got, sizeof(got) - 1);
	ret = ops_batch(ch, &op, 1, GOCHAN_NONBLOCK);
	return ret < 0 ? ret : op.result;
}

static int ack(int ch, unsigned long long lease, unsigned int flags)
{
	struct gochan_ack arg = { .lease = lease, .flags = flags };

	return ioctl(ch, GOCHAN_IOC_ACK, &arg) ? -errno : 0;
}

/* An acknowledged channel of capacity 4 with dead letters. */
static int make_source(int dead, unsigned int max_deliveries)
{
	const struct gochan_setup s = {
		.capacity = 4, .msg_size = 64, .flags = GOCHAN_ACK | GOCHAN_DEADLETTER,
		.max_deliveries = max_deliveries, .dead_fd = dead,
	};

	return ch_make_with(&s);
}

/* Poll for these events; the exit status is what poll(2) reports. */
static pid_t poller(int ch, short events)
{
	struct pollfd pfd = { .fd = ch, .events = events };
	const pid_t pid = child();

	if (pid)
		return pid;
	poll(&pfd, 1, -1);
	_exit(pfd.revents);
}

/* R21: invalid setups. */
TEST_F(lease, r21_setup)
{
	struct gochan_setup s = { .msg_size = 16, .flags = GOCHAN_ACK };
	const int plain = ch_make(1, 16, 0);
	int source;

	EXPECT_EQ(-EINVAL, ch_make_with(&s));
	s.capacity = 1;
	s.flags = GOCHAN_DEADLETTER;
	s.dead_fd = plain;
	EXPECT_EQ(-EINVAL, ch_make_with(&s));
	s.flags = GOCHAN_ACK;
	EXPECT_EQ(-EINVAL, ch_make_with(&s));
	s.flags = GOCHAN_ACK | GOCHAN_DEADLETTER;
	s.dead_fd = -1;
	EXPECT_EQ(-EBADF, ch_make_with(&s));
	s.dead_fd = 0;
	EXPECT_EQ(-EBADF, ch_make_with(&s));
	s.dead_fd = ch_dup(plain, O_RDONLY);
	EXPECT_EQ(-EBADF, ch_make_with(&s));
	s.dead_fd = ch_dup(plain, O_WRONLY);
	source = ch_make_with(&s);
	ASSERT_LE(0, source);
	/* a source is never a target, nor a target ever a source */
	s.dead_fd = source;
	EXPECT_EQ(-ELOOP, ch_make_with(&s));
	s.dead_fd = open("/dev/gochan", O_RDWR);
	EXPECT_EQ(-1, ioctl(s.dead_fd, GOCHAN_IOC_SETUP, &s));
	EXPECT_EQ(ELOOP, errno);
	EXPECT_LE(0, ch_make_with(&s));
	EXPECT_EQ(-EBUSY, ch_setup(s.dead_fd, 1, 16, 0));
	EXPECT_EQ(0U, ch_info(plain).max_deliveries);
	/* a setup that is refused does not use the other channel */
	s.dead_fd = open("/dev/gochan", O_RDWR);
	s.capacity = 0;
	EXPECT_EQ(-EINVAL, ch_make_with(&s));
	s.capacity = 1;
	EXPECT_EQ(-1, ioctl(source, GOCHAN_IOC_SETUP, &s));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(0, ch_setup(s.dead_fd, 1, 16, 0));
}

/* R21, R20: bad acknowledgments. */
TEST_F(lease, r21_bad_ack)
{
	struct gochan_ack arg = {};
	int bit;

	ASSERT_EQ(1, send_text(self->ch, "a"));
	ASSERT_EQ(0, receive(self->ch));
	EXPECT_EQ(-EINVAL, ack(ch_make(1, 16, 0), op.lease, 0));
	EXPECT_EQ(-EBADF, ack(ch_dup(self->ch, O_WRONLY), op.lease, 0));
	EXPECT_EQ(-ESTALE, ack(self->ch, 0, 0));
	EXPECT_EQ(-ESTALE, ack(self->ch, op.lease + 1, 0));
	EXPECT_EQ(-ESTALE, ack(self->ch, ~0ULL, 0));
	for (bit = 0; bit < 32; bit++) {
		if (1U << bit != GOCHAN_REQUEUE)
			EXPECT_EQ(-EINVAL, ack(self->ch, op.lease, 1U << bit));
		arg.lease = op.lease;
		arg.reserved = 1U << bit;
		EXPECT_EQ(-1, ioctl(self->ch, GOCHAN_IOC_ACK, &arg));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(-1, ioctl(self->ch, GOCHAN_IOC_ACK, 8));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(1U, ch_info(self->ch).leased);
	EXPECT_EQ(0, ack(self->ch, op.lease, 0));
}

/* R21: a lease, its number, and the acknowledgment, once. */
TEST_F(lease, r21_acknowledge)
{
	unsigned long long lease;

	ASSERT_EQ(1, send_text(self->ch, "a"));
	ASSERT_EQ(1, send_text(self->ch, "b"));
	ASSERT_EQ(0, receive(self->ch));
	EXPECT_STREQ("a", got);
	EXPECT_EQ(1U, op.len);
	EXPECT_EQ(1ULL, op.seq);
	EXPECT_EQ(1U, op.deliveries);
	EXPECT_NE(0ULL, op.lease);
	lease = op.lease;
	EXPECT_EQ(1U, ch_info(self->ch).leased);
	EXPECT_EQ(1U, ch_info(self->ch).len);
	ASSERT_EQ(0, receive(self->ch));
	EXPECT_EQ(2ULL, op.seq);
	EXPECT_NE(lease, op.lease);
	EXPECT_EQ(-EAGAIN, receive(self->ch));
	EXPECT_EQ(0, ack(self->ch, lease, 0));
	EXPECT_EQ(-ESTALE, ack(self->ch, lease, 0));
	EXPECT_EQ(-ESTALE, ack(self->ch, lease, GOCHAN_REQUEUE));
	EXPECT_EQ(1U, ch_info(self->ch).leased);
}

/* R21: a message that is returned is delivered again, ahead of later ones. */
TEST_F(lease, r21_requeue)
{
	unsigned long long a, b;

	ASSERT_EQ(1, send_text(self->ch, "a"));
	ASSERT_EQ(1, send_text(self->ch, "b"));
	ASSERT_EQ(1, send_text(self->ch, "c"));
	ASSERT_EQ(0, receive(self->ch));
	a = op.lease;
	ASSERT_EQ(0, receive(self->ch));
	b = op.lease;
	EXPECT_EQ(0, ack(self->ch, b, GOCHAN_REQUEUE));
	EXPECT_EQ(-ESTALE, ack(self->ch, b, 0));
	EXPECT_EQ(0, ack(self->ch, a, GOCHAN_REQUEUE));
	EXPECT_EQ(2ULL, ch_info(self->ch).requeued);
	EXPECT_EQ(3U, ch_info(self->ch).len);
	ASSERT_EQ(0, receive(self->ch));
	EXPECT_STREQ("a", got);
	EXPECT_EQ(1ULL, op.seq);
	EXPECT_EQ(2U, op.deliveries);
	ASSERT_EQ(0, receive(self->ch));
	EXPECT_STREQ("b", got);
	EXPECT_EQ(2ULL, op.seq);
	ASSERT_EQ(0, receive(self->ch));
	EXPECT_STREQ("c", got);
	EXPECT_EQ(1U, op.deliveries);
}

/* R21, R4, R13: a leased message keeps its slot. */
TEST_F(lease, r21_keeps_slot)
{
	const int ch = ch_make(1, 16, GOCHAN_ACK);
	unsigned long long lease;
	struct job *job;

	ASSERT_EQ(1, send_text(ch, "a"));
	ASSERT_EQ(0, receive(ch));
	lease = op.lease;
	EXPECT_EQ(0, ch_poll(ch) & (POLLIN | POLLOUT));
	EXPECT_EQ(-EAGAIN, try_send_text(ch, "b"));
	job = job_send_text(BY_THREAD, ch, "b");
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	EXPECT_EQ(0, ch_poll(ch) & POLLIN);
	EXPECT_EQ(-EAGAIN, receive(ch));
	EXPECT_EQ(0, ack(ch, lease, 0));
	EXPECT_EQ(1, job_wait(job));
	EXPECT_STREQ("b", recv_text(ch));
	EXPECT_EQ(POLLOUT, ch_poll(ch) & (POLLIN | POLLOUT));
}

/* R21, R4: an acknowledgment frees the slot. */
TEST_F(lease, r21_frees_slot)
{
	int i;

	for (i = 0; i < 16; i++) {
		ASSERT_EQ(1, try_send_text(self->ch, "a"));
		ASSERT_EQ(0, receive(self->ch));
		ASSERT_EQ(0, ack(self->ch, op.lease, 0));
	}
}

/* R21, R13: and wakes those who poll for one. */
TEST_F(lease, r21_wakes_poller)
{
	const int ch = ch_make(1, 16, GOCHAN_ACK);
	pid_t pid;

	ASSERT_EQ(1, send_text(ch, "a"));
	ASSERT_EQ(0, receive(ch));
	pid = poller(ch, POLLOUT);
	EXPECT_TRUE(wait_asleep(pid));
	EXPECT_EQ(0, ack(ch, op.lease, 0));
	EXPECT_EQ(POLLOUT, reap(pid));
}

/* R21, R7: while all slots are kept both senders and receivers wait; they meet then. */
TEST_F(lease, r21_both_wait)
{
	const int ch = ch_make(1, 16, GOCHAN_ACK);
	unsigned long long lease;
	struct job *send;
	struct call *recv = call_batch(ch);

	ASSERT_EQ(1, send_text(ch, "a"));
	ASSERT_EQ(0, receive(ch));
	lease = op.lease;
	send = job_send_text(BY_THREAD, ch, "b");
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	EXPECT_EQ(0, ch_poll(ch) & (POLLIN | POLLOUT));
	call_recv(recv, ch);
	call_start(recv, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 1));
	EXPECT_EQ(-EAGAIN, receive(ch));
	EXPECT_EQ(-EAGAIN, try_send_text(ch, "c"));
	EXPECT_EQ(0, ack(ch, lease, 0));
	EXPECT_EQ(1, job_wait(send));
	EXPECT_EQ(1, call_wait(recv));
	EXPECT_STREQ("b", call_text(recv, 0));
	EXPECT_EQ(2ULL, recv->ops[0].seq);
	EXPECT_EQ(0, ack(ch, recv->ops[0].lease, 0));
	EXPECT_EQ(0U, ch_info(ch).leased);
}

/* R21: likewise when the message is returned: it goes to the receiver. */
TEST_F(lease, r21_requeue_to_waiter)
{
	struct call *recv = call_batch(self->ch);

	ASSERT_EQ(1, send_text(self->ch, "a"));
	ASSERT_EQ(0, receive(self->ch));
	call_recv(recv, self->ch);
	call_start(recv, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	EXPECT_EQ(0, ack(self->ch, op.lease, GOCHAN_REQUEUE));
	EXPECT_EQ(1, call_wait(recv));
	EXPECT_STREQ("a", call_text(recv, 0));
	EXPECT_EQ(2U, recv->ops[0].deliveries);
	EXPECT_EQ(0, ack(self->ch, recv->ops[0].lease, 0));
}

/* R21: read(2) acknowledges at once, blocked or not. */
TEST_F(lease, r21_read)
{
	struct job *job = job_recv(BY_THREAD, self->ch, 64);
	int i;

	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	ASSERT_EQ(1, send_text(self->ch, "a"));
	EXPECT_STREQ("a", job_text(job));
	ASSERT_EQ(1, send_text(self->ch, "b"));
	EXPECT_STREQ("b", recv_text(self->ch));
	EXPECT_EQ(0U, ch_info(self->ch).leased);
	EXPECT_EQ(0U, ch_info(self->ch).len);
	ASSERT_EQ(1, send_text(self->ch, "c"));
	ASSERT_EQ(0, receive(self->ch));
	EXPECT_EQ(0, ack(self->ch, op.lease, GOCHAN_REQUEUE));
	EXPECT_STREQ("c", recv_text(self->ch));
	/* no slot is kept */
	for (i = 0; i < 4; i++)
		EXPECT_EQ(1, try_send_text(self->ch, "d"));
}

/* R21, R5, R13: the end comes only when nothing can come back. */
TEST_F(lease, r21_close)
{
	struct call *recv = call_batch(self->ch);

	ASSERT_EQ(1, send_text(self->ch, "a"));
	ASSERT_EQ(0, receive(self->ch));
	ASSERT_EQ(0, ch_close(self->ch));
	EXPECT_EQ(POLLRDHUP, ch_poll(self->ch) & (POLLIN | POLLRDHUP | POLLHUP));
	call_recv(recv, self->ch);
	call_start(recv, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	EXPECT_EQ(0, ack(self->ch, op.lease, 0));
	EXPECT_EQ(1, call_wait(recv));
	EXPECT_STREQ("(closed)", call_text(recv, 0));
	EXPECT_EQ(GOCHAN_R_CLOSED, receive(self->ch));
	EXPECT_EQ(POLLRDHUP | POLLHUP, ch_poll(self->ch) & (POLLIN | POLLRDHUP | POLLHUP));
}

/* ---- a closed channel with a lease ---- */

FIXTURE(closed_lease) {
	int ch;
	unsigned long long lease;
};

FIXTURE_VARIANT(closed_lease) {
	unsigned long cmd;
	int done;		/* what the call returns then */
	unsigned int flags;	/* with which the lease ends */
	const char *text;	/* what is received then */
	int events;		/* what poll(2) reports then */
};

FIXTURE_VARIANT_ADD(closed_lease, select_acknowledged)
{
	GOCHAN_IOC_SELECT, 0, 0, "(closed)", POLLHUP
};

FIXTURE_VARIANT_ADD(closed_lease, select_returned)
{
	GOCHAN_IOC_SELECT, 0, GOCHAN_REQUEUE, "a", POLLIN
};

FIXTURE_VARIANT_ADD(closed_lease, batch_acknowledged)
{
	GOCHAN_IOC_BATCH, 1, 0, "(closed)", POLLHUP
};

FIXTURE_VARIANT_ADD(closed_lease, batch_returned)
{
	GOCHAN_IOC_BATCH, 1, GOCHAN_REQUEUE, "a", POLLIN
};

FIXTURE_SETUP(closed_lease)
{
	self->ch = ch_make(4, 64, GOCHAN_ACK);
	ASSERT_LE(0, self->ch);
	ASSERT_EQ(1, send_text(self->ch, "a"));
	ASSERT_EQ(0, receive(self->ch));
	self->lease = op.lease;
	ASSERT_EQ(0, ch_close(self->ch));
}

FIXTURE_TEARDOWN(closed_lease)
{
}

/* R21, R5, R14: a RECV op sleeps until the lease ends. */
TEST_F(closed_lease, r21_waits)
{
	struct call *call = call_make(self->ch, variant->cmd);

	call_recv(call, self->ch);
	call_start(call, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	EXPECT_TRUE(wait_asleep(call->id));
	EXPECT_FALSE(call_done(call));
	EXPECT_EQ(0, ack(self->ch, self->lease, variant->flags));
	EXPECT_EQ(variant->done, call_wait(call));
	EXPECT_STREQ(variant->text, call_text(call, 0));
}

/* R21, R8, R12: one that does not wait, or only for a time, does not get the end. */
TEST_F(closed_lease, r21_gives_up)
{
	struct call *call = call_make(self->ch, variant->cmd);

	call_recv(call, self->ch);
	call->arg.flags = GOCHAN_NONBLOCK;
	EXPECT_EQ(-EAGAIN, call_wait(call_start(call, BY_THREAD)));
	call_reset(call);
	call->arg.flags = 0;
	call->arg.timeout = now_ns() + 1000000;
	EXPECT_EQ(-ETIMEDOUT, call_wait(call_start(call, BY_THREAD)));
	EXPECT_TRUE(call_done(call));
	EXPECT_EQ(0, ack(self->ch, self->lease, variant->flags));
}

/* R21, R13: pollers sleep until the lease ends. */
TEST_F(closed_lease, r21_poll_waits)
{
	struct call *select = call_select(self->ch);
	const pid_t pid = poller(self->ch, POLLIN);
	siginfo_t info = {};

	call_poll(select, self->ch, POLLIN);
	call_start(select, BY_THREAD);
	EXPECT_TRUE(wait_asleep(select->id));
	EXPECT_TRUE(wait_asleep(pid));
	EXPECT_FALSE(call_done(select));
	EXPECT_EQ(0, waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT));
	EXPECT_EQ(0, info.si_pid);
	EXPECT_EQ(0, ack(self->ch, self->lease, variant->flags));
	EXPECT_EQ(variant->events, reap(pid));
	EXPECT_EQ(0, call_wait(select));
	EXPECT_EQ((unsigned int)variant->events, select->ops[0].events);
}

/* R21, R5: a message that comes back to a closed channel is received. */
TEST_F(lease, r21_close_requeue)
{
	struct job *job;

	ASSERT_EQ(1, send_text(self->ch, "a"));
	ASSERT_EQ(0, receive(self->ch));
	ASSERT_EQ(0, ch_close(self->ch));
	job = job_recv(BY_THREAD, self->ch, 64);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	EXPECT_EQ(0, ack(self->ch, op.lease, GOCHAN_REQUEUE));
	EXPECT_STREQ("a", job_text(job));
	EXPECT_EQ(GOCHAN_R_CLOSED, receive(self->ch));
}

/* R21, R6: likewise while there is no sender. */
TEST_F(lease, r21_hangup)
{
	unsigned long long lease;
	struct job *job;
	int fds[2];

	ASSERT_EQ(0, ch_pair(fds, 1, 16, GOCHAN_ACK));
	ASSERT_EQ(1, send_text(fds[1], "a"));
	ASSERT_EQ(0, receive(fds[0]));
	lease = op.lease;
	close(fds[1]);
	EXPECT_EQ(-EAGAIN, receive(fds[0]));
	job = job_recv(BY_THREAD, fds[0], 16);
	ASSERT_TRUE(wait_for_waiters(fds[0], 0, 1));
	EXPECT_EQ(0, ack(fds[0], lease, 0));
	EXPECT_EQ(0, job_wait(job));
}

/* R21: a select that receives gets a lease, at once or after it has blocked. */
TEST_F(lease, r21_select)
{
	struct call *select = call_select(self->ch);
	const int other = ch_make(1, 16, 0);

	ASSERT_EQ(1, send_text(self->ch, "a"));
	call_recv(select, self->ch);
	call_recv(select, other);
	EXPECT_EQ(0, call_now(select));
	EXPECT_EQ(1U, select->ops[0].deliveries);
	EXPECT_EQ(0, ack(self->ch, select->ops[0].lease, GOCHAN_REQUEUE));
	EXPECT_STREQ("a", recv_text(self->ch));
	call_reset(select);
	call_start(select, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	ASSERT_EQ(1, send_text(self->ch, "b"));
	EXPECT_EQ(0, call_wait(select));
	EXPECT_STREQ("b", call_text(select, 0));
	EXPECT_EQ(2ULL, select->ops[0].seq);
	EXPECT_EQ(0, ack(self->ch, select->ops[0].lease, 0));
}

/* R21, R14: a select that sends and receives where all slots are kept waits for both. */
TEST_F(lease, r21_select_both)
{
	const int ch = ch_make(1, 64, GOCHAN_ACK);
	struct call *select = call_select(ch);
	unsigned long long lease;

	ASSERT_EQ(1, send_text(ch, "a"));
	ASSERT_EQ(0, receive(ch));
	lease = op.lease;
	call_send(select, ch, "b");
	call_recv(select, ch);
	call_start(select, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 1));
	EXPECT_EQ(0, ack(ch, lease, 0));
	EXPECT_EQ(0, call_wait(select));
	ASSERT_EQ(0, receive(ch));
	EXPECT_STREQ("b", got);
	lease = op.lease;
	call_reset(select);
	call_start(select, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 1));
	EXPECT_EQ(0, ack(ch, lease, GOCHAN_REQUEUE));
	EXPECT_EQ(1, call_wait(select));
	EXPECT_STREQ("b", call_text(select, 1));
}

/* R21: ACK ops of a BATCH; EINVAL in a SELECT. */
TEST_F(lease, r21_batch)
{
	struct gochan_op ops[3];
	char a[16], b[16];

	ASSERT_EQ(1, send_text(self->ch, "a"));
	ASSERT_EQ(1, send_text(self->ch, "b"));
	ASSERT_EQ(0, receive(self->ch));
	ops[0] = GOCHAN_SEND(self->ch, "c", 1);
	ops[1] = (struct gochan_op){ .fd = self->ch, .opcode = GOCHAN_OP_ACK,
				     .lease = op.lease };
	ops[2] = GOCHAN_RECV(self->ch, a, sizeof(a));
	EXPECT_EQ(-EINVAL, ops_select(self->ch, ops + 1, 1, 0));
	EXPECT_EQ(3, ops_batch(self->ch, ops, 3, 0));
	EXPECT_EQ(0, ops[1].result);
	EXPECT_EQ('b', a[0]);
	EXPECT_EQ(1U, ch_info(self->ch).leased);
	ops[0] = (struct gochan_op){ .fd = self->ch, .opcode = GOCHAN_OP_ACK,
				     .flags = GOCHAN_REQUEUE, .lease = ops[2].lease };
	ops[1] = GOCHAN_RECV(self->ch, b, sizeof(b));
	ops[2] = ops[0];
	EXPECT_EQ(2, ops_batch(self->ch, ops, 3, 0));
	EXPECT_EQ('b', b[0]);
	EXPECT_EQ(2U, ops[1].deliveries);
	EXPECT_EQ(-ESTALE, ops[2].result);
	ops[0].fd = -1;
	EXPECT_EQ(-EBADF, ops_batch(self->ch, ops, 1, 0));
	ops[0].fd = ch_make(1, 16, 0);
	EXPECT_EQ(-EINVAL, ops_batch(self->ch, ops, 1, 0));
}

/* R21: a peek leaves no lease. */
TEST_F(lease, r21_peek)
{
	struct gochan_op peek = GOCHAN_RECV(self->ch, got, sizeof(got));

	ASSERT_EQ(1, send_text(self->ch, "a"));
	peek.flags = GOCHAN_PEEK;
	EXPECT_EQ(1, ops_batch(self->ch, &peek, 1, 0));
	EXPECT_EQ(0ULL, peek.lease);
	EXPECT_EQ(1ULL, peek.seq);
	EXPECT_EQ(0U, peek.deliveries);
	EXPECT_EQ(0U, ch_info(self->ch).leased);
	EXPECT_EQ(1U, ch_info(self->ch).len);
}

FIXTURE(sizes) {
	int ch;
	char *msg;
	char *buf;
};

FIXTURE_VARIANT(sizes) {
	unsigned int msg_size;
};

/* messages in a pool, and on the heap */
FIXTURE_VARIANT_ADD(sizes, short) { 4096 };
FIXTURE_VARIANT_ADD(sizes, long) { LONG };

static const unsigned int lens[] = { 0, 1, 512, 513, 4096, 4097, LONG };

FIXTURE_SETUP(sizes)
{
	self->ch = ch_make(2, variant->msg_size, GOCHAN_ACK);
	ASSERT_LE(0, self->ch);
	self->msg = malloc(LONG);
	self->buf = malloc(LONG);
	ASSERT_NE(NULL, self->msg);
	ASSERT_NE(NULL, self->buf);
}

FIXTURE_TEARDOWN(sizes)
{
	free(self->msg);
	free(self->buf);
}

/* R21, R10: messages of all sizes, leased and returned. */
TEST_F(sizes, r21_sizes)
{
	struct gochan_op send, recv;
	unsigned int i, again;

	for (i = 0; i < ARRAY_SIZE(lens) && lens[i] <= variant->msg_size; i++) {
		fill(self->msg, lens[i], i);
		send = GOCHAN_SEND(self->ch, self->msg, lens[i]);
		ASSERT_EQ(1, ops_batch(self->ch, &send, 1, 0));
		for (again = 1; again <= 3; again++) {
			recv = GOCHAN_RECV(self->ch, self->buf, LONG);
			ASSERT_EQ(1, ops_batch(self->ch, &recv, 1, 0));
			EXPECT_EQ(lens[i], recv.len);
			EXPECT_EQ(again, recv.deliveries);
			EXPECT_TRUE(is_filled(self->buf, lens[i], i));
			EXPECT_EQ(0, ack(self->ch, recv.lease, again < 3 ? GOCHAN_REQUEUE : 0));
		}
		EXPECT_EQ(0U, ch_info(self->ch).len + ch_info(self->ch).leased);
		EXPECT_EQ(0ULL, ch_info(self->ch).bytes);
	}
}

/* R21, R10: likewise by receivers that wait. */
TEST_F(sizes, r21_sizes_waiting)
{
	struct call *recv = call_batch(self->ch);
	struct gochan_op send;
	unsigned int i;

	call_recv(recv, self->ch)->buf = (unsigned long)self->buf;
	for (i = 0; i < ARRAY_SIZE(lens) && lens[i] <= variant->msg_size; i++) {
		call_reset(recv);
		recv->ops[0].len = LONG;
		call_start(recv, BY_THREAD);
		ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
		fill(self->msg, lens[i], i);
		send = GOCHAN_SEND(self->ch, self->msg, lens[i]);
		ASSERT_EQ(1, ops_batch(self->ch, &send, 1, 0));
		EXPECT_EQ(1, call_wait(recv));
		EXPECT_EQ(lens[i], recv->ops[0].len);
		EXPECT_EQ(i + 1, recv->ops[0].seq);
		EXPECT_EQ(1U, recv->ops[0].deliveries);
		EXPECT_TRUE(is_filled(self->buf, lens[i], i));
		EXPECT_EQ(1U, ch_info(self->ch).leased);
		EXPECT_EQ(0, ack(self->ch, recv->ops[0].lease, 0));
		EXPECT_EQ(0U, ch_info(self->ch).len + ch_info(self->ch).leased);
		EXPECT_EQ(0ULL, ch_info(self->ch).bytes);
	}
}

/* R21, R9: what cannot be copied is not delivered. */
TEST_F(lease, r21_bad_memory)
{
	const int ch = ch_make(2, LONG, GOCHAN_ACK);
	struct gochan_op recv;
	unsigned int len;

	for (len = 16; len <= LONG; len *= LONG / 16) {
		fill(self->msg, len, 3);
		ASSERT_EQ(len, ch_send(ch, self->msg, len));
		recv = GOCHAN_RECV(ch, NULL, LONG);
		EXPECT_EQ(-EFAULT, ops_batch(ch, &recv, 1, 0));
		EXPECT_EQ(0U, ch_info(ch).leased);
		EXPECT_EQ(1U, ch_info(ch).len);
		recv = GOCHAN_RECV(ch, self->buf, LONG);
		EXPECT_EQ(1, ops_batch(ch, &recv, 1, 0));
		EXPECT_EQ(1U, recv.deliveries);
		EXPECT_TRUE(is_filled(self->buf, len, 3));
		EXPECT_EQ(0, ack(ch, recv.lease, 0));
	}
}

/* R21, R10: a waiter whose buffer is too small fails, and the next one gets the message. */
TEST_F(lease, r21_too_small)
{
	struct call *small = call_batch(self->ch), *big = call_batch(self->ch);

	call_recv(small, self->ch)->len = 1;
	call_start(small, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	call_recv(big, self->ch);
	call_start(big, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 2));
	ASSERT_EQ(2, send_text(self->ch, "ab"));
	EXPECT_EQ(-EMSGSIZE, call_wait(small));
	EXPECT_EQ(2U, small->ops[0].len);
	EXPECT_EQ(1, call_wait(big));
	EXPECT_EQ(1U, ch_info(self->ch).leased);
}

#define SMALL	100

/* R21, R10: likewise behind so many of them that they do not all fail under one lock. */
TEST_F(lease, r21_too_small_crowd)
{
	struct job *small[SMALL], *big;
	unsigned int i;

	for (i = 0; i < SMALL; i++)
		small[i] = job_recv(BY_THREAD, self->ch, 1);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, SMALL));
	big = job_recv(BY_THREAD, self->ch, 2);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, SMALL + 1));
	ASSERT_EQ(2, send_text(self->ch, "ab"));
	EXPECT_STREQ("ab", job_text(big));
	for (i = 0; i < SMALL; i++)
		EXPECT_EQ(-EMSGSIZE, job_wait(small[i]));
}

/* R21, R17: the sender is reported at every delivery. */
TEST_F(lease, r21_credentials)
{
	const int ch = ch_make(1, 16, GOCHAN_ACK | GOCHAN_CRED);
	int i;

	ASSERT_EQ(1, send_text(ch, "a"));
	for (i = 1; i < 4; i++) {
		ASSERT_EQ(0, receive(ch));
		EXPECT_EQ(getpid(), op.pid);
		EXPECT_EQ(0U, op.uid);
		EXPECT_EQ((unsigned int)i, op.deliveries);
		EXPECT_EQ(0, ack(ch, op.lease, GOCHAN_REQUEUE));
	}
}

/* R21, R11: fixed-size messages. */
TEST_F(lease, r21_fixed)
{
	const int ch = ch_make(4, 2, GOCHAN_ACK | GOCHAN_FIXED);

	ASSERT_EQ(6, ch_send(ch, "aabbcc", 6));
	ASSERT_EQ(0, receive(ch));
	EXPECT_STREQ("aa", got);
	EXPECT_EQ(0, ack(ch, op.lease, GOCHAN_REQUEUE));
	memset(got, 0, sizeof(got));
	EXPECT_EQ(6, ch_recv(ch, got, 64));
	EXPECT_STREQ("aabbcc", got);
}

/* R21: as many leases as there are slots, found by their numbers. */
TEST_F(lease, r21_many)
{
	const unsigned int n = 65536;
	const int ch = ch_make(n, 4, GOCHAN_ACK);
	unsigned long long *leases = calloc(n, sizeof(*leases));
	unsigned int i;

	ASSERT_LE(0, ch);
	for (i = 0; i < n; i++) {
		ASSERT_EQ(4, ch_send(ch, &i, sizeof(i)));
		ASSERT_EQ(0, receive(ch));
		leases[i] = op.lease;
	}
	EXPECT_EQ(n, ch_info(ch).leased);
	EXPECT_EQ(-EAGAIN, try_send_text(ch, "a"));
	for (i = n; i--;)
		ASSERT_EQ(0, ack(ch, leases[i], i % 2 ? GOCHAN_REQUEUE : 0));
	for (i = 1; i < n; i += 2) {
		ASSERT_EQ(0, receive(ch));
		ASSERT_EQ(0, memcmp(got, &i, sizeof(i)));
	}
	free(leases);
}

/* ---- dead letters ---- */

/* Deliver the next message once, and return it. */
static int deliver_once(int ch)
{
	return receive(ch) ?: ack(ch, op.lease, GOCHAN_REQUEUE);
}

/* R21: without a dead-letter channel a message is dropped, and counted. */
TEST_F(lease, r21_dropped)
{
	const struct gochan_setup s = {
		.capacity = 1, .msg_size = 16, .flags = GOCHAN_ACK, .max_deliveries = 2,
	};
	const int ch = ch_make_with(&s);

	ASSERT_EQ(1, send_text(ch, "a"));
	EXPECT_EQ(2U, ch_info(ch).max_deliveries);
	EXPECT_EQ(0, deliver_once(ch));
	EXPECT_EQ(0ULL, ch_info(ch).dropped);
	EXPECT_EQ(0, deliver_once(ch));
	EXPECT_EQ(1ULL, ch_info(ch).dropped);
	EXPECT_EQ(0U, ch_info(ch).len);
	EXPECT_EQ(1, try_send_text(ch, "b"));
	ASSERT_EQ(0, receive(ch));
	EXPECT_STREQ("b", got);
	EXPECT_EQ(1U, op.deliveries);
}

#define CROWD	16384U

/* A process that leases all messages: its id when it has. */
static pid_t lease_all(int ch)
{
	const pid_t pid = child();
	const struct wait wait = wait_begin();

	if (pid) {
		while (ch_info(ch).leased < CROWD && wait_more(&wait))
			;
		return pid;
	}
	while (!receive(ch))
		;
	pause();
	_exit(1);
}

/*
 * R21: where all leases of a process that dies are dropped, a blocked write fills their slots
 * a few at a time, so that others get the channel's lock in between.
 */
TEST_F(lease, r21_dropped_crowd)
{
	const struct gochan_setup s = {
		.capacity = CROWD, .msg_size = 64, .flags = GOCHAN_ACK | GOCHAN_FIXED,
		.max_deliveries = 1,
	};
	char *msgs = calloc(CROWD, 64);
	unsigned int seen = 0, round;
	struct gochan_info info;
	struct job *writer;
	pid_t worker;
	int ch;

	for (round = 0; !seen && round < 20; round++) {
		ch = ch_make_with(&s);
		ASSERT_LE(0, ch);
		ASSERT_EQ(CROWD * 64, ch_send(ch, msgs, CROWD * 64));
		worker = lease_all(ch);
		ASSERT_EQ(CROWD, ch_info(ch).leased);
		writer = job_start(BY_THREAD, ch, true, msgs, CROWD * 64);
		ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
		kill(worker, SIGKILL);
		do {
			info = ch_info(ch);
			seen += info.sent > CROWD && info.sent < 2 * CROWD;
		} while (info.sent < 2 * CROWD);
		EXPECT_EQ(128 + SIGKILL, reap_killed(worker));
		EXPECT_EQ(CROWD * 64, job_wait(writer));
		EXPECT_EQ((unsigned long long)CROWD, ch_info(ch).dropped);
		EXPECT_EQ(CROWD, ch_info(ch).len);
		close(ch);
	}
	EXPECT_LT(0U, seen);
	free(msgs);
}

/* R21: a dead letter, and the message that follows it. */
TEST_F(lease, r21_dead_letter)
{
	const int dead = ch_make(4, 64, GOCHAN_CRED);
	const int ch = make_source(dead, 1);

	ASSERT_LE(0, ch);
	ASSERT_EQ(1, send_text(ch, "a"));
	ASSERT_EQ(1, send_text(ch, "b"));
	EXPECT_EQ(0, deliver_once(ch));
	ASSERT_TRUE(wait_for_len(dead, 1));
	EXPECT_EQ(0, receive(dead));
	EXPECT_STREQ("a", got);
	ASSERT_EQ(0, receive(ch));
	EXPECT_STREQ("b", got);
	EXPECT_EQ(0ULL, ch_info(ch).dropped);
}

/* As a user, create a source, send to it, and let its message become a dead letter. */
static pid_t make_dead_letter(int dead, unsigned int flags)
{
	const struct gochan_setup s = {
		.capacity = 1, .msg_size = 64, .max_deliveries = 1, .dead_fd = dead,
		.flags = GOCHAN_ACK | GOCHAN_DEADLETTER | flags,
	};
	const pid_t pid = child();
	int ch;

	if (pid)
		return pid;
	if (become(1000))
		_exit(1);
	ch = ch_make_with(&s);
	if (ch < 0 || try_send_text(ch, "a") != 1 || deliver_once(ch))
		_exit(2);
	pause();
	_exit(3);
}

/* R21, R17: the sender of a dead letter is who has set up its source, whoever sent it. */
TEST_F(lease, r21_r17_sender_of_dead_letter)
{
	const int dead = ch_make(4, 64, GOCHAN_CRED);
	const unsigned int flags[] = { 0, GOCHAN_CRED };
	unsigned int i;
	pid_t pid;

	for (i = 0; i < 2; i++) {
		pid = make_dead_letter(dead, flags[i]);
		ASSERT_TRUE(wait_for_len(dead, 1));
		EXPECT_EQ(0, receive(dead));
		EXPECT_STREQ("a", got);
		EXPECT_EQ(pid, op.pid);
		EXPECT_EQ(1000U, op.uid);
		EXPECT_EQ(1000U, op.gid);
		kill(pid, SIGKILL);
		EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	}
}

/* Wait until the channel has dropped this many messages. */
static bool wait_dropped(int ch, unsigned long long n)
{
	const struct wait wait = wait_begin();

	while (ch_info(ch).dropped != n && wait_more(&wait))
		;
	return ch_info(ch).dropped == n;
}

/* R21: while the dead-letter channel is full they keep their slots, and their order. */
TEST_F(lease, r21_dead_letters_held)
{
	const int dead = ch_make(1, 64, 0);
	const int ch = make_source(dead, 1);
	static const char * const text[] = { "a", "b", "c", "d" };
	struct job *job;
	int i;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(1, send_text(ch, text[i]));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, deliver_once(ch));
	/* one slot is free again, as the first has left */
	job = job_send_text(BY_THREAD, ch, "e");
	EXPECT_EQ(1, job_wait(job));
	EXPECT_EQ(-EAGAIN, try_send_text(ch, "f"));
	EXPECT_EQ(0, deliver_once(ch));
	EXPECT_EQ(-EAGAIN, try_send_text(ch, "f"));
	for (i = 0; i < 4; i++)
		EXPECT_STREQ(text[i], recv_text(dead));
	EXPECT_STREQ("e", recv_text(dead));
	EXPECT_EQ(0ULL, ch_info(ch).dropped);
}

/* R21, R4: what is held is neither inside nor leased, but in its slot until it has left. */
TEST_F(lease, r21_dead_letters_held_info)
{
	const int dead = ch_make(1, 64, 0);
	const int ch = make_source(dead, 1);
	static const char * const text[] = { "a", "b", "c", "d" };
	struct gochan_info info;
	int i;

	ASSERT_EQ(1, send_text(dead, "f"));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(1, send_text(ch, text[i]));
		EXPECT_EQ(0, deliver_once(ch));
	}
	EXPECT_EQ(0, ch_poll(ch) & (POLLIN | POLLOUT));
	info = ch_info(ch);
	EXPECT_EQ(0U, info.len + info.leased);
	EXPECT_EQ(4ULL, info.sent);
	EXPECT_EQ(4ULL, info.received);
	EXPECT_EQ(0ULL, info.bytes + info.requeued + info.dropped);
	EXPECT_STREQ("f", recv_text(dead));
	for (i = 0; i < 4; i++)
		EXPECT_STREQ(text[i], recv_text(dead));
	/* all slots are free */
	for (i = 0; i < 4; i++)
		ASSERT_EQ(1, send_text(ch, text[i]));
	info = ch_info(ch);
	EXPECT_EQ(4U, info.len);
	EXPECT_EQ(4ULL, info.bytes);
	EXPECT_EQ(0ULL, info.requeued + info.dropped);
	EXPECT_EQ(5ULL, ch_info(dead).sent);
}

/* R21, R5: it does not come back, so the end of a closed channel does not wait for it. */
TEST_F(lease, r21_dead_letters_held_end)
{
	const int dead = ch_make(1, 64, 0);
	const int ch = make_source(dead, 1);
	struct job *job;

	ASSERT_EQ(1, send_text(dead, "f"));
	ASSERT_EQ(1, send_text(ch, "a"));
	ASSERT_EQ(0, receive(ch));
	ASSERT_EQ(0, ch_close(ch));
	job = job_recv(BY_THREAD, ch, 64);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	EXPECT_EQ(0, ack(ch, op.lease, GOCHAN_REQUEUE));
	EXPECT_STREQ("(end)", job_text(job));
	EXPECT_EQ(GOCHAN_R_CLOSED, receive(ch));
	EXPECT_NE(0, ch_poll(ch) & POLLHUP);
	EXPECT_STREQ("f", recv_text(dead));
	EXPECT_STREQ("a", recv_text(dead));
}

/* R21: an unbuffered dead-letter channel. */
TEST_F(lease, r21_dead_letter_unbuffered)
{
	const int dead = ch_make(0, 64, 0);
	const int ch = make_source(dead, 1);

	ASSERT_EQ(1, send_text(ch, "a"));
	EXPECT_EQ(0, deliver_once(ch));
	EXPECT_STREQ("a", recv_text(dead));
}

/* R21: dropped, as the dead-letter channel is closed or its messages are shorter. */
TEST_F(lease, r21_dead_letter_refused)
{
	const int dead = ch_make(4, 1, 0);
	const int ch = make_source(dead, 1);

	ASSERT_EQ(2, send_text(ch, "ab"));
	EXPECT_EQ(0, deliver_once(ch));
	EXPECT_TRUE(wait_dropped(ch, 1));
	ASSERT_EQ(0, ch_close(dead));
	ASSERT_EQ(1, send_text(ch, "a"));
	EXPECT_EQ(0, deliver_once(ch));
	EXPECT_TRUE(wait_dropped(ch, 2));
	EXPECT_EQ(0U, ch_info(dead).len);
}

/* R21, R11: likewise where those are of another length. */
TEST_F(lease, r11_r21_dead_letter_fixed)
{
	const int dead = ch_make(4, 2, GOCHAN_FIXED);
	const int ch = make_source(dead, 1);

	ASSERT_EQ(1, send_text(ch, "a"));
	EXPECT_EQ(0, deliver_once(ch));
	EXPECT_TRUE(wait_dropped(ch, 1));
	ASSERT_EQ(2, send_text(ch, "bc"));
	EXPECT_EQ(0, deliver_once(ch));
	EXPECT_STREQ("bc", recv_text(dead));
	EXPECT_EQ(1ULL, ch_info(ch).dropped);
}

/* R21: letters that are held are dropped when the dead-letter channel is closed. */
TEST_F(lease, r21_dead_letter_closed_while_held)
{
	const int dead = ch_make(1, 64, 0);
	const int ch = make_source(dead, 1);
	int i;

	ASSERT_EQ(1, send_text(dead, "f"));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(1, send_text(ch, "a"));
		EXPECT_EQ(0, deliver_once(ch));
	}
	EXPECT_EQ(-EAGAIN, try_send_text(ch, "b"));
	ASSERT_EQ(0, ch_close(dead));
	EXPECT_TRUE(wait_dropped(ch, 4));
	EXPECT_EQ(1, send_text(ch, "b"));
}

/* R21, R6: the source counts as a handle of the dead-letter channel that may send. */
TEST_F(lease, r21_source_is_sender)
{
	int ch, fds[2];
	struct job *job;

	ASSERT_EQ(0, ch_pair(fds, 1, 64, 0));
	ch = make_source(fds[1], 1);
	ASSERT_LE(0, ch);
	close(fds[1]);
	EXPECT_EQ(1U, ch_info(fds[0]).send_handles);
	job = job_recv(BY_THREAD, fds[0], 16);
	ASSERT_TRUE(wait_for_waiters(fds[0], 0, 1));
	close(ch);
	EXPECT_EQ(0, job_wait(job));
	EXPECT_EQ(0U, ch_info(fds[0]).send_handles);
}

/* R21: a channel is freed with letters that are held. */
TEST_F(lease, r21_freed_with_letters)
{
	const int dead = ch_make(0, 64, 0);
	const int ch = make_source(dead, 1);

	ASSERT_EQ(1, send_text(ch, "a"));
	EXPECT_EQ(0, deliver_once(ch));
	close(ch);
	EXPECT_EQ(1U, ch_info(dead).send_handles);
	EXPECT_EQ(-EAGAIN, receive(dead));
}

/* R21, R22: fdinfo shows who has which lease. */
TEST_F(lease, r21_r22_fdinfo)
{
	const long long before = now_ns();
	long long sec, nsec;
	char path[64], line[128];
	const char *at;

	ASSERT_EQ(1, send_text(self->ch, "a"));
	ASSERT_EQ(0, receive(self->ch));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->ch);
	ASSERT_LT(0, read_text(path, self->buf, LONG));
	snprintf(line, sizeof(line),
		 "gochan-lease:\tpid: %d lease: %llu seq: 1 deliveries: 1 since: ",
		 getpid(), (unsigned long long)op.lease);
	at = strstr(self->buf, line);
	ASSERT_NE(NULL, at);
	ASSERT_TRUE(sscanf(at + strlen(line), "%lld.%lld", &sec, &nsec) == 2);
	EXPECT_LE(before - 1000000000LL, sec * 1000000000LL + nsec);
	EXPECT_GE(now_ns(), sec * 1000000000LL + nsec);
	EXPECT_NE(NULL, strstr(self->buf, "gochan-leased:\t1\n"));
	EXPECT_EQ(NULL, strstr(self->buf, "gochan-leases-more"));
}

/* R21, R22: fdinfo lists 64 leases, and of other users' only how many there are. */
TEST_F(lease, r21_r22_fdinfo_crowd)
{
	const int ch = ch_make(100, 16, GOCHAN_ACK);
	char path[64];
	pid_t pid;
	int i;

	for (i = 0; i < 70; i++) {
		ASSERT_EQ(1, send_text(ch, "a"));
		ASSERT_EQ(0, receive(ch));
	}
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", ch);
	ASSERT_LT(0, read_text(path, self->buf, LONG));
	EXPECT_NE(NULL, strstr(self->buf, "gochan-leases-more:\t6\n"));
	pid = child();
	if (!pid) {
		if (become(USER) || read_text(path, self->buf, LONG) <= 0 ||
		    strstr(self->buf, "gochan-lease:"))
			_exit(1);
		_exit(!strstr(self->buf, "gochan-leases-of-others:\t64\n"));
	}
	EXPECT_EQ(0, reap(pid));
}

/* R21, R19: what an acknowledged channel is charged for, and that all of it is returned. */
TEST_F(lease, r21_r19_charge)
{
	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(-EDQUOT, ch_make(65536, 256, GOCHAN_ACK));
	EXPECT_LE(0, ch_make(1024, 256, GOCHAN_ACK));
	ASSERT_EQ(0, as_root());
}

TEST_HARNESS_MAIN
