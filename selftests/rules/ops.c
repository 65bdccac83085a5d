// SPDX-License-Identifier: GPL-2.0
/*
 * R20 for SELECT and BATCH: invalid ops, and arrays that cannot be read or
 * written, or change meanwhile. In no case is a message lost.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"
#include "../lib/stall.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

FIXTURE(ops) {
	int ch;		/* half full, so that valid ops complete at once */
};

FIXTURE_VARIANT(ops) {
	unsigned long cmd;
};

FIXTURE_VARIANT_ADD(ops, select) {
	.cmd = GOCHAN_IOC_SELECT,
};

FIXTURE_VARIANT_ADD(ops, batch) {
	.cmd = GOCHAN_IOC_BATCH,
};

FIXTURE_SETUP(ops)
{
	self->ch = ch_make(2, 16, 0);
	ASSERT_LE(0, self->ch);
	ASSERT_EQ(1, send_text(self->ch, "a"));
}

FIXTURE_TEARDOWN(ops)
{
}

/*
 * Make calls with valid ops and a bad one. Returns the error of the bad op if it
 * is refused as it should be, else 1. A select does nothing then; a batch does
 * the ops before it.
 */
static int refusal(int ch, unsigned long cmd, const struct gochan_op *bad)
{
	const unsigned int done = cmd == GOCHAN_IOC_BATCH;
	struct gochan_op ops[3];
	unsigned int index;
	char buf[16];
	int err, ret;

	/* the bad op is the first */
	ops[0] = *bad;
	ops[1] = GOCHAN_RECV(ch, buf, sizeof(buf));
	ops[1].result = UNTOUCHED;
	err = ops_call(ch, cmd, ops, 2, 0, &index);
	if (err >= 0 || index || ops[0].result != err || ops[1].result != UNTOUCHED ||
	    ch_info(ch).len != 1)
		return 1;

	/* the bad op is the second */
	ops[0] = GOCHAN_RECV(ch, buf, sizeof(buf));
	ops[0].result = UNTOUCHED;
	ops[1] = *bad;
	ops[2] = ops[0];
	ret = ops_call(ch, cmd, ops, 3, 0, &index);
	if (ret != (done ? 1 : err) || index != 1 || ops[1].result != err ||
	    ops[0].result != (done ? 0 : UNTOUCHED) || ops[2].result != UNTOUCHED ||
	    ch_info(ch).len != 1 - done)
		return 1;
	if (done && send_text(ch, "a") != 1)
		return 1;
	return no_waiters(ch) ? err : 1;
}

/* R20: unknown opcodes and flags. */
TEST_F(ops, r20_fields)
{
	static const unsigned short known[] = {
		0, GOCHAN_PASS_FD, GOCHAN_PEEK | GOCHAN_TAKE_FD, 0, GOCHAN_REQUEUE,
	};
	const unsigned short common = variant->cmd == GOCHAN_IOC_BATCH ? GOCHAN_NONBLOCK : 0;
	static const int fds[2] = { -1, 0 };
	struct gochan_op op;
	unsigned int bit;
	char buf[16];
	int i, k;

	for (k = 0; k < 2; k++) {
		op = GOCHAN_RECV(fds[k] ? fds[k] : self->ch, buf, sizeof(buf));
		op.opcode = 0;
		EXPECT_EQ(-EINVAL, refusal(self->ch, variant->cmd, &op));
		op.opcode = 5;
		EXPECT_EQ(-EINVAL, refusal(self->ch, variant->cmd, &op));
		op.opcode = 0xffff;
		EXPECT_EQ(-EINVAL, refusal(self->ch, variant->cmd, &op));
		for (i = GOCHAN_OP_SEND; i <= GOCHAN_OP_ACK; i++) {
			op.opcode = i;
			for (bit = 1; bit < 0x10000; bit <<= 1) {
				op.flags = bit;
				if (!(bit & (known[i] | common)))
					EXPECT_EQ(-EINVAL, refusal(self->ch, variant->cmd, &op));
			}
			op.flags = 0;
		}
		op.opcode = GOCHAN_OP_POLL;
		op.events = 0x10000;
		EXPECT_EQ(-EINVAL, refusal(self->ch, variant->cmd, &op));
		op.opcode = GOCHAN_OP_RECV;
		op.flags = GOCHAN_PEEK | GOCHAN_TAKE_FD;
		EXPECT_EQ(-EINVAL, refusal(self->ch, variant->cmd, &op));
	}
}

/* R20: call flags that belong to the other call, to an op, or are unknown. */
TEST_F(ops, r20_call_flags)
{
	const unsigned int other = variant->cmd == GOCHAN_IOC_BATCH ? GOCHAN_ORDERED :
								     GOCHAN_WAITFORONE;
	struct gochan_op op;
	unsigned int bit;
	char buf[16];

	for (bit = 1; bit; bit <<= 1) {
		if (bit < GOCHAN_PEEK && bit != other)
			continue;
		if (bit == GOCHAN_RESUME && variant->cmd == GOCHAN_IOC_BATCH)
			continue;
		op = GOCHAN_RECV(self->ch, buf, sizeof(buf));
		EXPECT_EQ(-EINVAL, ops_call(self->ch, variant->cmd, &op, 1, bit, NULL));
	}
	EXPECT_EQ(1U, ch_info(self->ch).len);
}

/* R20: descriptors that are not channels, for which only POLL is valid, or not open. */
TEST_F(ops, r20_descriptors)
{
	int fds[] = {
		eventfd(1, 0), epoll_create1(0), socket(AF_UNIX, SOCK_STREAM, 0),
		open("/dev/null", O_RDWR), open("/dev/gochan", O_PATH), 9999, INT_MAX,
	};
	const unsigned int good = ARRAY_SIZE(fds) - 3;
	struct gochan_op op;
	unsigned int i;
	char buf[16];

	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		const int err = i < good ? -EINVAL : -EBADF;

		ASSERT_LE(0, fds[i]);
		op = GOCHAN_RECV(fds[i], buf, sizeof(buf));
		EXPECT_EQ(err, refusal(self->ch, variant->cmd, &op));
		op = GOCHAN_SEND(fds[i], buf, 1);
		EXPECT_EQ(err, refusal(self->ch, variant->cmd, &op));
		op = GOCHAN_POLL(fds[i], POLLIN);
		if (i >= good)
			EXPECT_EQ(-EBADF, refusal(self->ch, variant->cmd, &op));
	}
}

/* DESIGN 3, R20: an op requires the right on its own handle. */
TEST_F(ops, s3_r20_rights)
{
	const int recv_only = ch_dup(self->ch, O_RDONLY);
	const int send_only = ch_dup(self->ch, O_WRONLY);
	struct gochan_op op;
	char buf[16] = "b";

	op = GOCHAN_SEND(recv_only, buf, 1);
	EXPECT_EQ(-EBADF, refusal(self->ch, variant->cmd, &op));
	op = GOCHAN_RECV(send_only, buf, sizeof(buf));
	EXPECT_EQ(-EBADF, refusal(self->ch, variant->cmd, &op));
	op.flags = GOCHAN_PEEK;
	EXPECT_EQ(-EBADF, refusal(self->ch, variant->cmd, &op));
	op = GOCHAN_SEND(send_only, buf, 1);
	EXPECT_LE(0, ops_call(self->ch, variant->cmd, &op, 1, 0, NULL));
	op = GOCHAN_RECV(recv_only, buf, sizeof(buf));
	EXPECT_LE(0, ops_call(self->ch, variant->cmd, &op, 1, 0, NULL));
}

/* R20: no array, or one at an unmapped or kernel address. */
TEST_F(ops, r20_no_array)
{
	static const unsigned long long bad[] = {
		0, 8, 0xfffff000, 0x7ffffffff000, 0x800000000000, 0xffff888000000000, -48ULL, -1ULL,
	};
	struct gochan_ops arg = { .timeout = GOCHAN_TIMEOUT_NEVER };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		arg.ops = bad[i];
		arg.count = 1;
		EXPECT_EQ(-1, ioctl(self->ch, variant->cmd, &arg));
		EXPECT_EQ(EFAULT, errno);
		arg.count = 20;
		EXPECT_EQ(-1, ioctl(self->ch, variant->cmd, &arg));
		EXPECT_EQ(EFAULT, errno);
	}
	EXPECT_EQ(1U, ch_info(self->ch).len);
}

/* Ops at the end of a page; the last @missing bytes are beyond it, inaccessible. */
static struct gochan_op *ops_at_page_end(unsigned int count, size_t missing)
{
	char *end = (char *)map_pages(1) + page_size();

	return (struct gochan_op *)(end + missing) - count;
}

/* R20: an array that extends into inaccessible memory. */
TEST_F(ops, r20_array_crosses_mapping_end)
{
	static const size_t missing[] = { 1, 4, 24, 32, 47, 48 };
	const int done = variant->cmd == GOCHAN_IOC_BATCH;
	struct gochan_op *ops, op;
	unsigned int i, k;
	char buf[16];

	for (i = 0; i < ARRAY_SIZE(missing); i++) {
		op = GOCHAN_RECV(self->ch, buf, sizeof(buf));
		ops = (struct gochan_op *)((char *)ops_at_page_end(3, 0) + missing[i]);
		for (k = 0; k < 2; k++)
			memcpy(&ops[k], &op, sizeof(op));
		if (done)
			ASSERT_EQ(1, send_text(self->ch, "b"));
		EXPECT_EQ(done ? 2 : -EFAULT,
			  ops_call(self->ch, variant->cmd, ops, 3, 0, NULL));
		EXPECT_EQ(1U - done, ch_info(self->ch).len);
		EXPECT_EQ(-EFAULT, ops_call(self->ch, variant->cmd, ops + 2, 1, 0, NULL));
		if (done)
			ASSERT_EQ(1, send_text(self->ch, "a"));
	}
}

/* R9, R20: results that cannot be written: the call fails before any op is done. */
TEST_F(ops, r9_r20_read_only_array)
{
	struct gochan_op *ops = map_pages(1);
	char buf[16] = "b";

	ops[0] = GOCHAN_RECV(self->ch, buf, sizeof(buf));
	ops[1] = GOCHAN_SEND(self->ch, buf, 1);
	ASSERT_EQ(0, mprotect(ops, page_size(), PROT_READ));
	EXPECT_EQ(-EFAULT, ops_call(self->ch, variant->cmd, ops, 1, 0, NULL));
	EXPECT_EQ(-EFAULT, ops_call(self->ch, variant->cmd, ops + 1, 1, 0, NULL));
	EXPECT_EQ(-EFAULT, ops_call(self->ch, variant->cmd, ops, 2, 0, NULL));
	EXPECT_EQ(1U, ch_info(self->ch).len);
	EXPECT_EQ(1U, ch_info(self->ch).sent);
	EXPECT_EQ(0U, ch_info(self->ch).received);
}

/* R9, R20: likewise struct gochan_ops. */
TEST_F(ops, r9_r20_read_only_call)
{
	struct gochan_ops *arg = map_pages(1);
	struct gochan_op op;
	char buf[16];

	op = GOCHAN_RECV(self->ch, buf, sizeof(buf));
	*arg = (struct gochan_ops){
		.ops = (unsigned long)&op,
		.count = 1,
		.timeout = GOCHAN_TIMEOUT_NEVER,
	};
	ASSERT_EQ(0, mprotect(arg, page_size(), PROT_READ));
	EXPECT_EQ(-1, ioctl(self->ch, variant->cmd, arg));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->ch, variant->cmd, (char *)arg + page_size() - 8));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->ch, variant->cmd, NULL));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(1U, ch_info(self->ch).len);
}

/* A call whose array has a page of its own. */
static struct call *call_on_page(int ch, unsigned long cmd, struct gochan_op **ops)
{
	struct call *call = call_make(ch, cmd);

	*ops = map_pages(1);
	call->arg.ops = (unsigned long)*ops;
	return call;
}

/*
 * R9, R20: the array becomes read-only or inaccessible while a receive is
 * blocked: without its results the receive does not happen.
 */
TEST_F(ops, r9_r20_array_inaccessible_recv)
{
	unsigned int capacity, i;
	struct gochan_op *ops;
	struct call *call;
	int ch;

	for (i = 0; i < 4; i++) {
		capacity = i / 2;
		ch = ch_make(capacity, 16, 0);
		call = call_on_page(ch, variant->cmd, &ops);
		ops[0] = GOCHAN_RECV(ch, call->bufs[0], CALL_ROOM);
		call->arg.count = 1;
		call_start(call, BY_THREAD);
		ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
		ASSERT_EQ(0, mprotect(ops, page_size(), i % 2 ? PROT_READ : PROT_NONE));
		EXPECT_EQ(1, try_send_text(ch, "a"));
		EXPECT_EQ(-EFAULT, call_wait(call));
		EXPECT_EQ(1U, ch_info(ch).len);
		EXPECT_STREQ("a", try_recv_text(ch));
		EXPECT_STREQ("(EAGAIN)", try_recv_text(ch));
	}
}

/* R1, R20: likewise while a send is blocked: it happens, and the call succeeds. */
TEST_F(ops, r1_r20_array_inaccessible_send)
{
	struct gochan_op *ops;
	struct call *call;
	int ch;

	ch = ch_make(0, 16, 0);
	call = call_on_page(ch, variant->cmd, &ops);
	ops[0] = GOCHAN_SEND(ch, "hello", 5);
	call->arg.count = 1;
	call_start(call, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	ASSERT_EQ(0, munmap(ops, page_size()));
	EXPECT_STREQ("hello", recv_text(ch));
	EXPECT_LE(0, call_wait(call));
	EXPECT_EQ(1U, ch_info(ch).sent);
}

/*
 * R20: a change to an op after it was read has no effect. The first op is
 * changed while the call is stalled in reading the second.
 */
TEST(r20_changed_after_read)
{
	const int ch = ch_make(1, 16, 0);
	const int other = ch_make(1, 16, 0);
	char *pages = (char *)map_pages(2);
	char *content = map_pages(1);
	struct gochan_op *ops = (struct gochan_op *)(pages + page_size()) - 1;
	struct call *call = call_select(ch);
	struct gochan_op second;
	struct stalled page;

	ASSERT_EQ(1, send_text(ch, "a"));
	ASSERT_EQ(1, send_text(other, "b"));
	ASSERT_EQ(0, stall_at(&page, pages + page_size(), page_size()));
	ops[0] = GOCHAN_RECV(ch, call->bufs[0], CALL_ROOM);
	second = GOCHAN_RECV(ch_make(0, 16, 0), call->bufs[1], CALL_ROOM);
	memcpy(content, &second, sizeof(second));
	call->arg.ops = (unsigned long)ops;
	call->arg.count = 2;
	call_start(call, BY_THREAD);
	ASSERT_TRUE(wait_stalled(&page));
	ops[0].fd = other;
	ops[0].opcode = 99;
	ops[0].flags = 0xffff;
	ops[0].buf = 1;
	ops[0].len = 0;
	ASSERT_EQ(0, arrive(&page, content));
	EXPECT_EQ(0, call_wait(call));
	EXPECT_EQ(0, ops[0].result);
	EXPECT_EQ(1U, ops[0].len);
	EXPECT_EQ('a', call->bufs[0][0]);
	EXPECT_EQ(0U, ch_info(ch).len);
	EXPECT_EQ(1U, ch_info(other).len);
}

/* A thread that keeps changing ops. */
struct spoiler {
	struct gochan_op *ops;
	unsigned int count;
	int fds[5];
	char *buf;
	bool stop;
};

static void *spoil(void *arg)
{
	static const unsigned short flags[] = {
		0, 0, 0, GOCHAN_PEEK, GOCHAN_NONBLOCK, GOCHAN_TAKE_FD, GOCHAN_PASS_FD, 0x8000,
	};
	static const unsigned int lens[] = { 0, 1, 16, 17, UINT_MAX };
	struct spoiler *s = arg;
	struct gochan_op *op;
	unsigned int i;

	for (i = 0; !__atomic_load_n(&s->stop, __ATOMIC_SEQ_CST); i++) {
		op = &s->ops[i % s->count];
		__atomic_store_n(&op->fd, s->fds[i / 3 % 5], __ATOMIC_RELAXED);
		__atomic_store_n(&op->opcode, i / 7 % 6, __ATOMIC_RELAXED);
		__atomic_store_n(&op->flags, flags[i / 11 % 8], __ATOMIC_RELAXED);
		__atomic_store_n(&op->len, lens[i / 13 % 5], __ATOMIC_RELAXED);
		__atomic_store_n(&op->buf, i / 17 % 4 ? (unsigned long)s->buf : 8,
				 __ATOMIC_RELAXED);
		__atomic_store_n(&op->lease, i / 19, __ATOMIC_RELAXED);
		__atomic_store_n(&op->passed_fd, s->fds[i / 23 % 5], __ATOMIC_RELAXED);
		__atomic_store_n(&op->result, i, __ATOMIC_RELAXED);
	}
	return NULL;
}

static unsigned int open_descriptors(void)
{
	unsigned int fd, n = 0;

	for (fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* R1, R20: another thread changes the ops during the calls: nothing is lost or leaked. */
TEST_F(ops, r1_r20_changed_concurrently)
{
	const int unbuffered = ch_make(0, 16, 0);
	const int event = eventfd(1, 0);
	struct spoiler s = {
		.count = 3,
		.fds = { self->ch, unbuffered, event, -1, 9999 },
	};
	const unsigned int before = open_descriptors();
	struct gochan_ops arg = {};
	struct gochan_info info;
	pthread_t thread;
	int i, done = 0;
	char buf[32];

	s.buf = buf;
	s.ops = calloc(s.count, sizeof(*s.ops));
	ASSERT_NE(NULL, s.ops);
	ASSERT_EQ(0, pthread_create(&thread, NULL, spoil, &s));
	for (i = 0; i < 3000 || (!done && i < 300000); i++) {
		arg.ops = (unsigned long)s.ops;
		arg.count = s.count;
		arg.flags = i % 2 ? GOCHAN_NONBLOCK : 0;
		arg.timeout = 0;
		done += ioctl(self->ch, variant->cmd, &arg) >= 0;
	}
	__atomic_store_n(&s.stop, true, __ATOMIC_SEQ_CST);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_LT(0, done);
	EXPECT_EQ(before, open_descriptors());
	info = ch_info(self->ch);
	EXPECT_EQ(info.sent, info.received + info.len);
	EXPECT_GE(info.capacity, info.len);
	EXPECT_TRUE(no_waiters(self->ch));
	EXPECT_TRUE(no_waiters(unbuffered));
	EXPECT_EQ(0U, ch_info(unbuffered).sent);
	while (info.len--)
		EXPECT_LE(0, ch_try_recv(self->ch, buf, 16));
	EXPECT_STREQ("(EAGAIN)", try_recv_text(self->ch));
	EXPECT_EQ(1, send_text(self->ch, "z"));
	EXPECT_STREQ("z", recv_text(self->ch));
}

TEST_HARNESS_MAIN
