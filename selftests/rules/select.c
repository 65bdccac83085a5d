// SPDX-License-Identifier: GPL-2.0
/*
 * R14: which op of a select happens, deadlines and signals, ops that fail, and
 * its places in the wait queues. POLL ops are tested in select_poll.c, many
 * concurrent selects in select_many.c, invalid ops in ops.c.
 */
#include <kselftest_harness.h>

#include "../lib/hog.h"
#include "../lib/ops.h"
#include "../lib/signals.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>

FIXTURE(select) {
};

FIXTURE_VARIANT(select) {
	enum by by;
};

FIXTURE_VARIANT_ADD(select, thread) {
	.by = BY_THREAD,
};

FIXTURE_VARIANT_ADD(select, process) {
	.by = BY_PROCESS,
};

FIXTURE_SETUP(select)
{
}

FIXTURE_TEARDOWN(select)
{
}

/* ---- which of several ready ops ---- */

/*
 * Pearson's chi-squared statistic for a uniform distribution. The limits below
 * are exceeded by chance once in 10^9 runs.
 */
static double chi_squared(const unsigned int *counts, unsigned int n)
{
	double sum = 0, total = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		total += counts[i];
	for (i = 0; i < n; i++)
		sum += (counts[i] - total / n) * (counts[i] - total / n);
	return sum * n / total;
}

#define CHI_SQUARED_2	41.4	/* for 3 counts */
#define CHI_SQUARED_7	55.9	/* for 8 */
#define CHI_SQUARED_15	73.6	/* for 16 */

/* A channel on which both a send and a receive are ready. */
static int half_full(void)
{
	const int ch = ch_make(2, 16, 0);

	return ch < 0 || send_text(ch, "a") != 1 ? -1 : ch;
}

/* Make one select of ops on half full channels, and undo its effect. */
static int choose(struct gochan_op *ops, unsigned int n, unsigned int flags)
{
	const int at = ops_select(ops[0].fd, ops, n, flags);

	if (at < 0)
		return at;
	if (ops[at].opcode == GOCHAN_OP_SEND)
		recv_text(ops[at].fd);
	else if (ops[at].opcode == GOCHAN_OP_RECV && !ops[at].flags)
		send_text(ops[at].fd, "a");
	ops[at].len = 1;
	return at;
}

/* Ready ops of all kinds in turn. */
static bool make_ready(struct gochan_op *ops, unsigned int n, char *buf)
{
	unsigned int i;
	int ch;

	for (i = 0; i < n; i++) {
		ch = half_full();
		if (ch < 0)
			return false;
		ops[i] = i % 4 == 0 ? GOCHAN_SEND(ch, buf, 1) :
			 i % 4 == 3 ? GOCHAN_POLL(ch, POLLIN) : GOCHAN_RECV(ch, buf, 1);
		if (i % 4 == 2)
			ops[i].flags = GOCHAN_PEEK;
	}
	return true;
}

/* R14: of eight ready ops each is equally likely. */
TEST(r14_uniform)
{
	unsigned int counts[8] = {};
	struct gochan_op ops[8];
	char buf[4] = "a";
	int i, at;

	ASSERT_TRUE(make_ready(ops, 8, buf));
	for (i = 0; i < 4000; i++) {
		at = choose(ops, 8, 0);
		ASSERT_LE(0, at);
		counts[at]++;
	}
	EXPECT_GT(CHI_SQUARED_7, chi_squared(counts, 8));
}

/* R14: a closed channel and a long message are as likely as a short one. */
TEST(r14_uniform_with_closed)
{
	unsigned int counts[3] = {};
	struct gochan_op ops[3];
	char bufs[2][64] = {};
	const int full = ch_make(1, 16, 0);
	const int closed = ch_make(1, 16, 0);
	const int indirect = ch_make(1, 8192, 0);
	int i, at;

	ASSERT_EQ(1, send_text(full, "a"));
	ASSERT_EQ(1, send_text(indirect, "a"));
	ASSERT_EQ(0, ch_close(closed));
	for (i = 0; i < 3000; i++) {
		ops[0] = GOCHAN_RECV(full, bufs[0], 64);
		ops[1] = GOCHAN_RECV(closed, NULL, 0);
		ops[2] = GOCHAN_RECV(indirect, bufs[1], 64);
		at = ops_select(full, ops, 3, 0);
		ASSERT_TRUE(at >= 0 && at < 3);
		counts[at >= 0 ? at : 0]++;
		if (at != 1)
			ASSERT_EQ(1, send_text(at ? indirect : full, "a"));
	}
	EXPECT_GT(CHI_SQUARED_2, chi_squared(counts, 3));
}

/* R14: likewise with more ops than fit on the stack. */
TEST(r14_uniform_many)
{
	unsigned int counts[16] = {};
	struct gochan_op ops[16];
	char buf[4] = "a";
	int i, at;

	ASSERT_TRUE(make_ready(ops, 16, buf));
	for (i = 0; i < 3000; i++) {
		at = choose(ops, 16, 0);
		ASSERT_LE(0, at);
		counts[at]++;
	}
	EXPECT_GT(CHI_SQUARED_15, chi_squared(counts, 16));
}

/*
 * R14: an op behind others that are not ready is not preferred, as it would be
 * if the first ready op after a random position were taken.
 */
TEST(r14_uniform_with_gaps)
{
	static const int ready[3] = { 0, 3, 4 };
	unsigned int counts[3] = {};
	struct gochan_op ops[8];
	char buf[4] = "a";
	int i, k, at;

	ops[0] = GOCHAN_RECV(half_full(), buf, 1);
	ops[1] = GOCHAN_RECV(ch_make(1, 16, 0), buf, 1);
	ops[2] = GOCHAN_SEND(-1, buf, 1);
	ops[3] = GOCHAN_SEND(half_full(), buf, 1);
	ops[4] = GOCHAN_POLL(half_full(), POLLIN);
	ops[5] = GOCHAN_SEND(ch_make(0, 16, 0), buf, 1);
	ops[6] = GOCHAN_POLL(eventfd(0, 0), POLLIN);
	ops[7] = GOCHAN_RECV(ch_make(0, 16, 0), buf, 1);
	for (i = 0; i < 3000; i++) {
		at = choose(ops, 8, 0);
		for (k = 0; k < 3; k++)
			counts[k] += at == ready[k];
	}
	EXPECT_EQ(3000U, counts[0] + counts[1] + counts[2]);
	EXPECT_GT(CHI_SQUARED_2, chi_squared(counts, 3));
}

struct woken {
	int ch;
	unsigned int counts[3];
	int end;
};

/* Select until the channel is closed. */
static void *select_until_closed(void *arg)
{
	struct woken *woken = arg;
	struct call *call = call_select(woken->ch);
	int i;

	for (i = 0; i < 3; i++)
		call_recv(call, woken->ch);
	while (call_now(call) >= 0 && call->ops[call->ret].result == 0) {
		woken->counts[call->ret]++;
		call_reset(call);
	}
	woken->end = call->ret < 0 ? call->ret : call->ops[call->ret].result;
	return NULL;
}

/* R14: likewise when one message makes several ops of a blocked select ready. */
TEST(r14_uniform_when_woken)
{
	struct woken woken = { .ch = ch_make(0, 16, 0) };
	pthread_t thread;
	int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, select_until_closed, &woken));
	for (i = 0; i < 400; i++) {
		ASSERT_TRUE(wait_for_waiters(woken.ch, 0, 1));
		ASSERT_EQ(1, try_send_text(woken.ch, "a"));
	}
	ASSERT_EQ(0, ch_close(woken.ch));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(GOCHAN_R_CLOSED, woken.end);
	EXPECT_EQ(400U, woken.counts[0] + woken.counts[1] + woken.counts[2]);
	EXPECT_GT(CHI_SQUARED_2, chi_squared(woken.counts, 3));
}

/* R14: with GOCHAN_ORDERED the first ready op happens. */
TEST(r14_ordered)
{
	struct gochan_op ops[16];
	char buf[4] = "a";
	int i, n;

	ASSERT_TRUE(make_ready(ops, 16, buf));
	for (n = 16; n; n--)
		for (i = 0; i < 10; i++)
			ASSERT_EQ(16 - n, choose(ops + 16 - n, n, GOCHAN_ORDERED) + 16 - n);
	ops[0].fd = -1;
	ops[1] = GOCHAN_RECV(ch_make(0, 16, 0), buf, 1);
	for (i = 0; i < 20; i++)
		ASSERT_EQ(1, choose(ops + 1, 15, GOCHAN_ORDERED));
}

/* R14: likewise when one message makes several ops of a blocked select ready. */
TEST(r14_ordered_when_woken)
{
	const int ch = ch_make(0, 16, 0);
	struct call *call = call_select(ch);
	int i;

	call->arg.flags = GOCHAN_ORDERED;
	call_recv(call, ch_make(0, 16, 0));
	for (i = 0; i < 5; i++)
		call_recv(call, ch);
	for (i = 0; i < 15; i++) {
		call_reset(call);
		call_start(call, BY_THREAD);
		ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
		ASSERT_EQ(1, try_send_text(ch, "a"));
		ASSERT_EQ(1, call_wait(call));
	}
}

/* R14: exactly one op happens. */
TEST(r14_exactly_one)
{
	const int sends = ch_make(2, 16, 0);
	const int recvs = half_full();
	struct call *call = call_select(sends);
	struct gochan_info info;
	int i;

	ASSERT_LE(0, recvs);
	call_send(call, sends, "s");
	call_recv(call, recvs);
	call_send(call, sends, "t");
	call_recv(call, recvs);
	for (i = 0; i < 50; i++) {
		const unsigned long long before = ch_info(sends).sent + ch_info(recvs).received;

		call_reset(call);
		ASSERT_LE(0, call_now(call));
		ASSERT_EQ(call->ret, (int)call->arg.index);
		ASSERT_EQ(0, call->ops[call->ret].result);
		ASSERT_EQ(UNTOUCHED, call->ops[(call->ret + 1) % 4].result);
		ASSERT_EQ(before + 1, ch_info(sends).sent + ch_info(recvs).received);
		if (call->ret % 2)
			send_text(recvs, "a");
		else
			EXPECT_STREQ(call->bufs[call->ret], recv_text(sends));
	}
	info = ch_info(sends);
	EXPECT_EQ(info.sent, info.received);
}

/* R12, R14: GOCHAN_NONBLOCK (Go's default), with no op ready and with one. */
TEST(r12_r14_nonblock)
{
	const int empty = ch_make(1, 16, 0);
	const int full = ch_make(1, 16, 0);
	struct call *call = call_select(empty);

	ASSERT_EQ(1, send_text(full, "f"));
	call_recv(call, empty);
	call_send(call, full, "more");
	call_poll(call, empty, POLLIN);
	call_recv(call, -1);
	EXPECT_EQ(-EAGAIN, call_try(call));
	EXPECT_EQ(UNTOUCHED, call->ops[0].result);
	EXPECT_TRUE(no_waiters(empty));
	EXPECT_TRUE(no_waiters(full));
	EXPECT_STREQ("f", recv_text(full));
	EXPECT_EQ(1, call_try(call));
	EXPECT_EQ(1U, call->arg.index);
	EXPECT_STREQ("more", recv_text(full));
}

/* R12, R14: a select blocks although its descriptor is O_NONBLOCK. */
TEST(r12_r14_nonblocking_descriptor)
{
	const int ch = ch_make(0, 16, 0);
	struct call *call = call_select(ch);

	ASSERT_EQ(0, fcntl(ch, F_SETFL, O_NONBLOCK));
	call_recv(call, ch);
	call_start(call, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	EXPECT_EQ(1, try_send_text(ch, "a"));
	EXPECT_EQ(0, call_wait(call));
	EXPECT_STREQ("a", call_text(call, 0));
}

/* R14: a select is queued on all its channels until one op is ready, then on none. */
TEST_F(select, r14_blocks)
{
	const int chs[3] = { ch_make(0, 16, 0), ch_make(1, 16, 0), ch_make(0, 16, 0) };
	struct call *call = call_select(chs[0]);
	int i, k;

	call_recv(call, chs[0]);
	call_recv(call, chs[1]);
	call_send(call, chs[2], "out");
	for (i = 0; i < 3; i++) {
		call_reset(call);
		call_start(call, variant->by);
		ASSERT_TRUE(wait_for_waiters(chs[0], 0, 1));
		ASSERT_TRUE(wait_for_waiters(chs[1], 0, 1));
		ASSERT_TRUE(wait_for_waiters(chs[2], 1, 0));
		ASSERT_TRUE(wait_asleep(call->id));
		EXPECT_FALSE(call_done(call));
		EXPECT_TRUE(i == 2 ? !strcmp(try_recv_text(chs[i]), "out") :
				     try_send_text(chs[i], "in") == 2);
		EXPECT_EQ(i, call_wait(call));
		EXPECT_EQ(i, (int)call->arg.index);
		EXPECT_EQ(0, call->ops[i].result);
		if (i < 2)
			EXPECT_STREQ("in", call_text(call, i));
		for (k = 0; k < 3; k++)
			EXPECT_TRUE(no_waiters(chs[k]));
	}
}

FIXTURE(size) {
	char *msg;
	char *buf;
};

FIXTURE_VARIANT(size) {
	unsigned int len;
};

FIXTURE_VARIANT_ADD(size, empty) {
	.len = 0,
};

FIXTURE_VARIANT_ADD(size, small) {
	.len = 128,
};

FIXTURE_VARIANT_ADD(size, middle) {
	.len = 129,
};

FIXTURE_VARIANT_ADD(size, page) {
	.len = 4096,
};

FIXTURE_VARIANT_ADD(size, page_and_more) {
	.len = 4097,
};

FIXTURE_VARIANT_ADD(size, large) {
	.len = 300000,
};

FIXTURE_SETUP(size)
{
	self->msg = malloc(variant->len + 1);
	self->buf = malloc(variant->len + 1);
	ASSERT_NE(NULL, self->msg);
	ASSERT_NE(NULL, self->buf);
	fill(self->msg, variant->len, 7);
}

FIXTURE_TEARDOWN(size)
{
}

/* R1, R10, R14: messages of all sizes, whichever side comes first. */
TEST_F(size, r1_r10_r14_whole)
{
	struct gochan_op send, recv;
	unsigned int capacity;
	struct call *call;
	int ch;

	for (capacity = 0; capacity < 2; capacity++) {
		ch = ch_make(capacity, variant->len, 0);
		ASSERT_LE(0, ch);
		send = GOCHAN_SEND(ch, self->msg, variant->len);
		recv = GOCHAN_RECV(ch, self->buf, variant->len);

		call = call_select(ch);
		call_add(call, &recv);
		call_start(call, BY_THREAD);
		ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
		EXPECT_EQ(0, ops_select(ch, &send, 1, GOCHAN_NONBLOCK));
		EXPECT_EQ(0, call_wait(call));
		EXPECT_EQ(variant->len, call->ops[0].len);
		EXPECT_TRUE(is_filled(self->buf, variant->len, 7));

		memset(self->buf, 0, variant->len);
		call = call_select(ch);
		call_add(call, &send);
		call_start(call, BY_THREAD);
		ASSERT_TRUE(capacity ? wait_for_len(ch, 1) : wait_for_waiters(ch, 1, 0));
		EXPECT_EQ(0, ops_select(ch, &recv, 1, GOCHAN_NONBLOCK));
		EXPECT_EQ(0, call_wait(call));
		EXPECT_EQ(variant->len, recv.len);
		EXPECT_TRUE(is_filled(self->buf, variant->len, 7));
		EXPECT_EQ(0U, ch_info(ch).len);
	}
}

/* ---- deadlines ---- */

/* R14: after the deadline a ready op happens, else the call fails with ETIMEDOUT. */
TEST(r14_deadline_passed)
{
	const unsigned long long past[] = { 0, 1, now_ns() - 1, now_ns() };
	const int ch = ch_make(1, 16, 0);
	struct call *call = call_select(ch);
	unsigned int i;

	call_recv(call, ch);
	call_poll(call, ch, POLLIN);
	for (i = 0; i < ARRAY_SIZE(past); i++) {
		call->arg.timeout = past[i];
		call_reset(call);
		EXPECT_EQ(-ETIMEDOUT, call_now(call));
		EXPECT_EQ(UNTOUCHED, (int)call->arg.index);
		EXPECT_TRUE(no_waiters(ch));
		ASSERT_EQ(1, send_text(ch, "a"));
		call->arg.flags = GOCHAN_ORDERED;
		EXPECT_EQ(0, call_now(call));
		EXPECT_STREQ("a", call_text(call, 0));
		EXPECT_EQ(0U, ch_info(ch).len);
		/* with GOCHAN_NONBLOCK it is EAGAIN instead */
		EXPECT_EQ(-EAGAIN, call_try(call));
	}
}

/* R14: a select times out at its deadline, not before, and leaves no trace. */
TEST(r14_deadline)
{
	const int recvs = ch_make(0, 16, 0);
	const int sends = ch_make(0, 16, 0);
	struct call *call = call_select(recvs);
	int i;

	call_recv(call, recvs);
	call_send(call, sends, "more");
	call_poll(call, recvs, POLLIN);
	for (i = 0; i < 5; i++) {
		call->arg.timeout = now_ns() + 10000000 * i;
		EXPECT_EQ(-ETIMEDOUT, call_now(call));
		EXPECT_LE((long long)call->arg.timeout, now_ns());
		EXPECT_TRUE(no_waiters(recvs));
		EXPECT_TRUE(no_waiters(sends));
		EXPECT_EQ(-EAGAIN, try_send_text(recvs, "a"));
		EXPECT_STREQ("(EAGAIN)", try_recv_text(sends));
	}
}

/* R14: deadlines that exceed the kernel's range are not in the past. */
TEST(r14_deadline_far_future)
{
	const unsigned long long ends[] = {
		GOCHAN_TIMEOUT_NEVER, GOCHAN_TIMEOUT_NEVER - 1, 1ULL << 63, (1ULL << 63) - 1,
		1ULL << 62,
	};
	const int ch = ch_make(0, 16, 0);
	struct call *call = call_select(ch);
	unsigned int i;

	call_recv(call, ch);
	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		call_reset(call);
		call->arg.timeout = ends[i];
		call_start(call, BY_THREAD);
		ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
		ASSERT_TRUE(wait_asleep(call->id));
		EXPECT_FALSE(call_done(call));
		EXPECT_EQ(1, try_send_text(ch, "a"));
		EXPECT_EQ(0, call_wait(call));
	}
}

/*
 * R8, R14: a deadline does not drift when signals restart the call, one each
 * time that it blocks.
 */
TEST_F(select, r8_r14_deadline_does_not_drift)
{
	const int ch = ch_make(0, 16, 0);
	long long ns = 100000000;
	struct call *call;
	int signals;

	ASSERT_TRUE(on_signal(SA_RESTART));
	/* extend the deadline until the call is interrupted several times */
	do {
		call = call_select(ch);
		call_recv(call, ch);
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

/* Select with a deadline on this process's clock, and time out. */
static int select_until(int ch, long long ns)
{
	struct call *call = call_select(ch);

	call_recv(call, ch);
	call->arg.timeout = now_ns() + ns;
	return call_now(call);
}

/* R14: a deadline is in the caller's time namespace. */
TEST(r14_deadline_time_namespace)
{
	const int ch = ch_make(0, 16, 0);
	int i;
	pid_t pid;

	for (i = 0; i < 2; i++) {
		pid = child();
		if (!pid) {
			if (unshare(CLONE_NEWTIME) ||
			    write_text("/proc/self/timens_offsets",
				       i ? "monotonic 1000000 0" : "monotonic -1 0"))
				_exit(100);
			/* applies to children only */
			pid = child();
			if (!pid)
				_exit(select_until(ch, 100000000) != -ETIMEDOUT);
			_exit(reap(pid));
		}
		EXPECT_EQ(0, reap(pid));
	}
}

/* ---- how many ops ---- */

/* R14: Go's nil channel is never ready. */
TEST(r14_nil)
{
	const int ch = ch_make(1, 16, 0);
	struct call *call = call_select(ch);
	int i;

	ASSERT_EQ(1, send_text(ch, "a"));
	call_recv(call, -1);
	call_send(call, INT_MIN, "a");
	call_recv(call, ch);
	call_poll(call, -2, POLLIN | POLLOUT);
	for (i = 0; i < 20; i++) {
		call_reset(call);
		EXPECT_EQ(2, call_now(call));
		send_text(ch, "a");
	}
}

/* R14: with all ops nil, or none, a select blocks until its deadline or a signal. */
TEST_F(select, r14_all_nil)
{
	const int ch = ch_make(1, 16, 0);
	struct call *call = call_select(ch);
	int n;

	ASSERT_TRUE(on_signal(0));
	for (n = 0; n < 3; n++) {
		call->arg.timeout = now_ns() + 5000000;
		EXPECT_EQ(-ETIMEDOUT, call_now(call));
		EXPECT_LE((long long)call->arg.timeout, now_ns());
		EXPECT_EQ(-EAGAIN, call_try(call));
		call->arg.timeout = GOCHAN_TIMEOUT_NEVER;
		call_start(call, variant->by);
		ASSERT_TRUE(wait_in_syscall(call->id, SYS_ioctl));
		ASSERT_TRUE(wait_asleep(call->id));
		call_signal(call, SIGUSR1);
		EXPECT_EQ(-EINTR, call_wait(call));
		call_recv(call, -1);
	}
}

/* R14: 0, 1, max_select and max_select + 1 ops. */
TEST(r14_count)
{
	const unsigned int max = param("max_select");
	const int ch = ch_make(1, 16, 0);
	struct gochan_op *ops = calloc(max + 1, sizeof(*ops));
	unsigned int i, index;
	char buf[16];

	ASSERT_NE(NULL, ops);
	for (i = 0; i <= max; i++)
		ops[i] = GOCHAN_RECV(ch, buf, sizeof(buf));
	EXPECT_EQ(-EAGAIN, ops_select(ch, ops, 0, GOCHAN_NONBLOCK));
	EXPECT_EQ(-EAGAIN, ops_select(ch, NULL, 0, GOCHAN_NONBLOCK));
	EXPECT_EQ(-EAGAIN, ops_select(ch, ops, 1, GOCHAN_NONBLOCK));
	EXPECT_EQ(-EAGAIN, ops_select(ch, ops, max, GOCHAN_NONBLOCK));
	EXPECT_EQ(-EINVAL, ops_select(ch, ops, max + 1, GOCHAN_NONBLOCK));
	EXPECT_EQ(-EINVAL, ops_select(ch, ops, UINT_MAX, GOCHAN_NONBLOCK));
	EXPECT_EQ(-EINVAL, ops_select(ch, ops, 1U << 31, GOCHAN_NONBLOCK));

	ASSERT_EQ(1, send_text(ch, "a"));
	EXPECT_EQ(-EINVAL, ops_select(ch, ops, max + 1, 0));
	EXPECT_EQ(1U, ch_info(ch).len);
	EXPECT_LE(0, ops_call(ch, GOCHAN_IOC_SELECT, ops, max, 0, &index));
	ASSERT_GT(max, index);
	EXPECT_EQ(0, ops[index].result);
	EXPECT_EQ(1U, ops[index].len);
	EXPECT_EQ(0U, ch_info(ch).len);
}

/* A select with the most ops allowed, each on a channel of its own. */
struct crowd {
	unsigned int n;
	int *chs;
	struct gochan_op *ops;
	int ret;
};

static bool make_crowd(struct crowd *crowd, char *buf)
{
	struct rlimit limit = { crowd->n + 100, crowd->n + 100 };
	unsigned int i;

	crowd->chs = calloc(crowd->n, sizeof(*crowd->chs));
	crowd->ops = calloc(crowd->n, sizeof(*crowd->ops));
	if (!crowd->chs || !crowd->ops || setrlimit(RLIMIT_NOFILE, &limit))
		return false;
	for (i = 0; i < crowd->n; i++) {
		crowd->chs[i] = ch_make(0, 16, 0);
		if (crowd->chs[i] < 0)
			return false;
		crowd->ops[i] = i % 2 ? GOCHAN_SEND(crowd->chs[i], "out", 3) :
					GOCHAN_RECV(crowd->chs[i], buf, 16);
	}
	return true;
}

static void *select_crowd(void *arg)
{
	struct crowd *crowd = arg;

	crowd->ret = ops_select(crowd->chs[0], crowd->ops, crowd->n, 0);
	return NULL;
}

/* R14: a select is queued on max_select channels, and dequeued from all of them. */
TEST(r14_max_select_queues)
{
	struct crowd crowd = { .n = param("max_select") };
	unsigned int i, ready;
	pthread_t thread;
	char buf[16];

	ASSERT_TRUE(make_crowd(&crowd, buf));
	for (ready = crowd.n / 2; ready < crowd.n / 2 + 2; ready++) {
		ASSERT_EQ(0, pthread_create(&thread, NULL, select_crowd, &crowd));
		for (i = 0; i < crowd.n; i++)
			ASSERT_TRUE(wait_for_waiters(crowd.chs[i], i % 2, !(i % 2)));
		EXPECT_TRUE(ready % 2 ? !strcmp(try_recv_text(crowd.chs[ready]), "out") :
					try_send_text(crowd.chs[ready], "in") == 2);
		ASSERT_EQ(0, pthread_join(thread, NULL));
		EXPECT_EQ((int)ready, crowd.ret);
		for (i = 0; i < crowd.n; i++)
			ASSERT_TRUE(no_waiters(crowd.chs[i]));
	}
}

/* ---- the same channel in several ops ---- */

/* R14: a select is queued at most once per wait queue. */
TEST(r14_queued_once)
{
	const unsigned int max = param("max_select");
	struct crowd crowd = { .n = max };
	const int ch = ch_make(0, 16, 0);
	pthread_t thread;
	unsigned int i;
	char buf[16];

	crowd.chs = (int *)&ch;
	crowd.ops = calloc(max, sizeof(*crowd.ops));
	ASSERT_NE(NULL, crowd.ops);
	for (i = 0; i < max; i++)
		crowd.ops[i] = i % 3 ? GOCHAN_RECV(ch, buf, 16) : GOCHAN_SEND(ch, "out", 3);
	ASSERT_EQ(0, pthread_create(&thread, NULL, select_crowd, &crowd));
	ASSERT_TRUE(wait_for_waiters(ch, 1, 1));
	EXPECT_EQ(1, try_send_text(ch, "a"));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_LE(0, crowd.ret);
	EXPECT_NE(0, crowd.ret % 3);
	EXPECT_EQ(0, crowd.ops[crowd.ret].result);
	EXPECT_TRUE(no_waiters(ch));

	ASSERT_EQ(0, pthread_create(&thread, NULL, select_crowd, &crowd));
	ASSERT_TRUE(wait_for_waiters(ch, 1, 1));
	EXPECT_STREQ("out", try_recv_text(ch));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_LE(0, crowd.ret);
	EXPECT_EQ(0, crowd.ret % 3);
	EXPECT_TRUE(no_waiters(ch));
}

/* A select that sends and receives on the same channel. */
static struct call *both_ways(int ch, const char *text)
{
	struct call *call = call_select(ch);

	call_send(call, ch, text);
	call_recv(call, ch);
	call_send(call, ch, text);
	return call;
}

/* R14: a select does not communicate with itself. */
TEST_F(select, r14_not_with_itself)
{
	const int ch = ch_make(0, 16, 0);
	struct call *call = both_ways(ch, "self");

	EXPECT_EQ(-EAGAIN, call_try(call));
	call->arg.timeout = now_ns() + 1000000;
	EXPECT_EQ(-ETIMEDOUT, call_now(call));
	call->arg.timeout = GOCHAN_TIMEOUT_NEVER;

	call_start(call, variant->by);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 1));
	ASSERT_TRUE(wait_asleep(call->id));
	EXPECT_EQ(POLLIN | POLLOUT, ch_poll(ch) & (POLLIN | POLLOUT));
	EXPECT_EQ(1, try_send_text(ch, "a"));
	EXPECT_EQ(1, call_wait(call));
	EXPECT_STREQ("a", call_text(call, 1));
	EXPECT_EQ(1U, ch_info(ch).sent);

	call_reset(call);
	call_start(call, variant->by);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 1));
	EXPECT_STREQ("self", try_recv_text(ch));
	EXPECT_EQ(0, call_wait(call) % 2);
	EXPECT_TRUE(no_waiters(ch));
}

/* R14: but it does with an identical one. */
TEST_F(select, r14_identical_selects)
{
	const int ch = ch_make(0, 16, 0);
	struct call *one, *two, *receiver;
	int i;

	for (i = 0; i < 25; i++) {
		one = call_start(both_ways(ch, "one"), variant->by);
		two = call_start(both_ways(ch, "two"), variant->by);
		ASSERT_LE(0, call_wait(one));
		ASSERT_LE(0, call_wait(two));
		ASSERT_EQ(1, one->ret % 2 + two->ret % 2);
		receiver = one->ret % 2 ? one : two;
		ASSERT_STREQ(receiver == one ? "two" : "one", call_text(receiver, 1));
		call_free(one);
		call_free(two);
	}
	EXPECT_EQ(25U, ch_info(ch).sent);
	EXPECT_TRUE(no_waiters(ch));
}

/* ---- ops that fail ---- */

/* R5, R14: ops on a closed channel are ready: a send fails, a receive sees the end. */
TEST(r5_r14_closed)
{
	const int idle = ch_make(0, 16, 0);
	const int ch = ch_make(1, 16, 0);
	struct call *send = call_select(idle);
	struct call *recv = call_select(idle);

	ASSERT_EQ(1, send_text(ch, "a"));
	ASSERT_EQ(0, ch_close(ch));
	call_recv(send, idle);
	call_send(send, ch, "lost");
	EXPECT_EQ(-EPIPE, call_now(send));
	EXPECT_EQ(1U, send->arg.index);
	EXPECT_EQ(-EPIPE, send->ops[1].result);
	EXPECT_EQ(UNTOUCHED, send->ops[0].result);

	call_send(recv, idle, "b");
	call_recv(recv, idle);
	call_recv(recv, ch);
	EXPECT_EQ(2, call_now(recv));
	EXPECT_STREQ("a", call_text(recv, 2));
	call_reset(recv);
	EXPECT_EQ(2, call_try(recv));
	EXPECT_EQ(2U, recv->arg.index);
	EXPECT_STREQ("(closed)", call_text(recv, 2));
	EXPECT_EQ(0U, recv->ops[2].len);
	EXPECT_EQ(-1, recv->ops[2].passed_fd);
}

/* R5, R6, R14: the channel is closed while a select is blocked. */
TEST_F(select, r5_r6_r14_closed_asleep)
{
	struct call *send, *recv;
	int fds[2], hub, i;

	for (i = 0; i < 2; i++) {
		hub = ch_make(0, 16, 0);
		ASSERT_EQ(0, ch_pair(fds, 0, 16, 0));
		send = call_select(hub);
		call_recv(send, hub);
		call_send(send, fds[1], "lost");
		recv = call_select(hub);
		call_recv(recv, hub);
		call_recv(recv, fds[0]);
		if (i == 0) {
			call_start(send, variant->by);
			ASSERT_TRUE(wait_for_waiters(fds[0], 1, 0));
		} else {
			call_start(recv, variant->by);
			ASSERT_TRUE(wait_for_waiters(fds[0], 0, 1));
		}
		EXPECT_EQ(0, ch_close(fds[1]));
		if (i == 0) {
			EXPECT_EQ(-EPIPE, call_wait(send));
			EXPECT_EQ(1U, send->arg.index);
			EXPECT_EQ(-EPIPE, send->ops[1].result);
		} else {
			EXPECT_EQ(1, call_wait(recv));
			EXPECT_STREQ("(closed)", call_text(recv, 1));
			EXPECT_EQ(0U, recv->ops[1].len);
		}
		EXPECT_TRUE(no_waiters(hub));
		EXPECT_TRUE(no_waiters(fds[0]));
	}
}

/* R6, R14: the channel hangs up while a select is blocked. */
TEST(r6_r14_hangup_asleep)
{
	struct call *call;
	int fds[2], hub = ch_make(0, 16, 0);

	ASSERT_EQ(0, ch_pair(fds, 0, 16, 0));
	call = call_select(hub);
	call_recv(call, hub);
	call_recv(call, fds[0]);
	call_start(call, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(fds[0], 0, 1));
	close(fds[1]);
	EXPECT_EQ(1, call_wait(call));
	EXPECT_STREQ("(closed)", call_text(call, 1));

	ASSERT_EQ(0, ch_pair(fds, 0, 16, 0));
	call = call_select(hub);
	call_recv(call, hub);
	call_send(call, fds[1], "lost");
	call_start(call, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(fds[1], 1, 0));
	close(fds[0]);
	EXPECT_EQ(-EPIPE, call_wait(call));
	EXPECT_EQ(1U, call->arg.index);
	EXPECT_TRUE(no_waiters(hub));
}

/* R10, R14: too small a buffer fails the select and leaves the message. */
TEST(r10_r14_small_buffer)
{
	const int idle = ch_make(0, 16, 0);
	const int ch = ch_make(1, 16, 0);
	struct call *call = call_select(ch);

	ASSERT_EQ(6, send_text(ch, "longer"));
	call_recv(call, idle);
	call_recv(call, ch)->len = 5;
	EXPECT_EQ(-EMSGSIZE, call_now(call));
	EXPECT_EQ(1U, call->arg.index);
	EXPECT_EQ(-EMSGSIZE, call->ops[1].result);
	EXPECT_EQ(6U, call->ops[1].len);
	EXPECT_EQ(0, call->bufs[1][0]);
	EXPECT_EQ(UNTOUCHED, call->ops[0].result);
	EXPECT_EQ(1U, ch_info(ch).len);
	EXPECT_EQ(0U, ch_info(ch).received);
	/* len now is the required size */
	EXPECT_EQ(1, call_now(call));
	EXPECT_STREQ("longer", call_text(call, 1));
}

/* R10, R14: likewise when the message arrives while the select is blocked. */
TEST_F(select, r10_r14_small_buffer_asleep)
{
	unsigned int capacity;
	struct call *call;
	struct job *job;
	int ch, hub;

	for (capacity = 0; capacity < 2; capacity++) {
		ch = ch_make(capacity, 16, 0);
		hub = ch_make(0, 16, 0);
		call = call_select(hub);
		call_recv(call, hub);
		call_recv(call, ch)->len = 5;
		call_start(call, variant->by);
		ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
		job = job_send_text(BY_THREAD, ch, "longer");
		EXPECT_EQ(-EMSGSIZE, call_wait(call));
		EXPECT_EQ(1U, call->arg.index);
		EXPECT_EQ(6U, call->ops[1].len);
		EXPECT_EQ(-EMSGSIZE, call->ops[1].result);
		EXPECT_STREQ("longer", recv_text(ch));
		EXPECT_EQ(6, job_wait(job));
		EXPECT_TRUE(no_waiters(ch));
		EXPECT_TRUE(no_waiters(hub));
	}
}

/* R10, R11, R14: a send of an invalid size is ready, and fails. */
TEST(r10_r11_r14_wrong_size)
{
	const int ch = ch_make(0, 4, 0);
	const int fixed = ch_make(0, 4, GOCHAN_FIXED);
	const int idle = ch_make(0, 16, 0);
	struct call *call = call_select(ch);
	struct call *call_fixed = call_select(ch);

	call_recv(call, idle);
	call_send(call, ch, "longer");
	EXPECT_EQ(-EMSGSIZE, call_now(call));
	EXPECT_EQ(1U, call->arg.index);
	EXPECT_EQ(-EMSGSIZE, call->ops[1].result);
	call->ops[1].len = UINT_MAX;
	EXPECT_EQ(-EMSGSIZE, call_now(call));

	call_recv(call_fixed, idle);
	call_send(call_fixed, fixed, "abc");
	EXPECT_EQ(-EINVAL, call_now(call_fixed));
	EXPECT_EQ(1U, call_fixed->arg.index);
	EXPECT_EQ(-EINVAL, call_fixed->ops[1].result);
	EXPECT_TRUE(no_waiters(idle));
}

/* R9, R14: bad memory fails the select, and nothing is lost. */
TEST(r9_r14_bad_memory)
{
	char *end = (char *)map_pages(1) + page_size();
	const int idle = ch_make(0, 16, 0);
	const int ch = ch_make(1, 16, 0);
	struct call *send = call_select(ch);
	struct call *recv = call_select(ch);

	call_recv(send, idle);
	call_send(send, ch, "ab")->buf = (unsigned long)(end - 1);
	EXPECT_EQ(-EFAULT, call_now(send));
	EXPECT_EQ(1U, send->arg.index);
	EXPECT_EQ(-EFAULT, send->ops[1].result);
	EXPECT_EQ(0U, ch_info(ch).sent);

	/* also where the send would block */
	ASSERT_EQ(1, send_text(ch, "a"));
	EXPECT_EQ(-EFAULT, call_now(send));
	EXPECT_EQ(1U, send->arg.index);
	EXPECT_TRUE(no_waiters(ch));
	EXPECT_STREQ("a", recv_text(ch));

	ASSERT_EQ(2, send_text(ch, "ab"));
	call_recv(recv, idle);
	call_recv(recv, ch)->buf = (unsigned long)(end - 1);
	EXPECT_EQ(-EFAULT, call_now(recv));
	EXPECT_EQ(1U, recv->arg.index);
	EXPECT_EQ(-EFAULT, recv->ops[1].result);
	EXPECT_EQ(1U, ch_info(ch).len);
	EXPECT_STREQ("ab", recv_text(ch));
}

/* R9, R14: a message handed off to a blocked select that cannot copy it is requeued. */
TEST(r9_r14_requeued)
{
	unsigned int capacity;
	struct call *call;
	int ch, hub;
	char *page;

	for (capacity = 0; capacity < 2; capacity++) {
		ch = ch_make(capacity, 16, 0);
		hub = ch_make(0, 16, 0);
		page = map_pages(1);
		call = call_select(hub);
		call_recv(call, hub);
		call_recv(call, ch)->buf = (unsigned long)page;
		call_start(call, BY_THREAD);
		ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
		ASSERT_EQ(0, mprotect(page, page_size(), PROT_NONE));
		EXPECT_EQ(1, try_send_text(ch, "a"));
		EXPECT_EQ(-EFAULT, call_wait(call));
		EXPECT_EQ(1U, call->arg.index);
		EXPECT_EQ(-EFAULT, call->ops[1].result);
		EXPECT_EQ(1U, ch_info(ch).len);
		EXPECT_STREQ("a", try_recv_text(ch));
		EXPECT_STREQ("(EAGAIN)", try_recv_text(ch));
		EXPECT_TRUE(no_waiters(hub));
	}
}

/* ---- in the wait queues ---- */

/* R7, R14: a select that is blocked in a receive is completed in its turn. */
TEST_F(select, r7_r14_receivers)
{
	const int ch = ch_make(0, 16, 0);
	struct job *first, *third;
	struct call *second;

	first = job_recv(variant->by, ch, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	second = call_select(ch);
	call_recv(second, ch_make(0, 16, 0));
	call_recv(second, ch);
	call_recv(second, ch);
	call_start(second, variant->by);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 2));
	third = job_recv(variant->by, ch, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 3));
	EXPECT_EQ(1, try_send_text(ch, "1"));
	EXPECT_EQ(1, try_send_text(ch, "2"));
	EXPECT_EQ(1, try_send_text(ch, "3"));
	EXPECT_STREQ("1", job_text(first));
	EXPECT_LT(0, call_wait(second));
	EXPECT_STREQ("2", call_text(second, second->arg.index));
	EXPECT_STREQ("3", job_text(third));
}

/* R7, R14: likewise in a send. */
TEST_F(select, r7_r14_senders)
{
	struct job *first, *third;
	struct call *second;
	unsigned int capacity;
	int ch;

	for (capacity = 0; capacity < 2; capacity++) {
		ch = ch_make(capacity, 16, 0);
		if (capacity)
			ASSERT_EQ(1, send_text(ch, "0"));
		first = job_send_text(variant->by, ch, "1");
		ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
		second = call_select(ch);
		call_recv(second, ch_make(0, 16, 0));
		call_send(second, ch, "2");
		call_start(second, variant->by);
		ASSERT_TRUE(wait_for_waiters(ch, 2, 0));
		third = job_send_text(variant->by, ch, "3");
		ASSERT_TRUE(wait_for_waiters(ch, 3, 0));
		if (capacity)
			EXPECT_STREQ("0", try_recv_text(ch));
		EXPECT_STREQ("1", try_recv_text(ch));
		EXPECT_STREQ("2", try_recv_text(ch));
		EXPECT_STREQ("3", try_recv_text(ch));
		EXPECT_EQ(1, job_wait(first));
		EXPECT_EQ(1, call_wait(second));
		EXPECT_EQ(1, job_wait(third));
	}
}

/* R7, R14: a new select does not overtake blocked senders. */
TEST_F(select, r7_r14_no_overtaking)
{
	const int ch = ch_make(1, 16, 0);
	struct call *call = call_select(ch);
	struct job *first;

	ASSERT_EQ(1, send_text(ch, "0"));
	first = job_send_text(variant->by, ch, "1");
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	call_send(call, ch, "2");
	EXPECT_EQ(-EAGAIN, call_try(call));
	EXPECT_STREQ("0", recv_text(ch));
	EXPECT_EQ(-EAGAIN, call_try(call));
	EXPECT_EQ(1, job_wait(first));
	EXPECT_STREQ("1", recv_text(ch));
	EXPECT_EQ(0, call_try(call));
	EXPECT_STREQ("2", recv_text(ch));
}

/* R8, R14: a signal removes a select from all wait queues without a trace. */
TEST_F(select, r8_r14_signal)
{
	const int recvs = ch_make(1, 16, 0);
	const int sends = ch_make(0, 16, 0);
	struct call *call = call_select(recvs);

	ASSERT_TRUE(on_signal(0));
	call_recv(call, recvs);
	call_send(call, sends, "lost");
	call_start(call, variant->by);
	ASSERT_TRUE(wait_for_waiters(recvs, 0, 1));
	ASSERT_TRUE(wait_for_waiters(sends, 1, 0));
	call_signal(call, SIGUSR1);
	EXPECT_EQ(-EINTR, call_wait(call));
	EXPECT_TRUE(no_waiters(recvs));
	EXPECT_TRUE(no_waiters(sends));
	EXPECT_STREQ("(EAGAIN)", try_recv_text(sends));
	EXPECT_EQ(1, send_text(recvs, "a"));
	EXPECT_EQ(1U, ch_info(recvs).len);
}

/* R8, R14: with SA_RESTART the select is restarted unchanged. */
TEST_F(select, r8_r14_restart)
{
	const int recvs = ch_make(0, 16, 0);
	const int sends = ch_make(0, 16, 0);
	struct call *call = call_select(recvs);
	int i;

	ASSERT_TRUE(on_signal(SA_RESTART));
	call_recv(call, recvs);
	call_send(call, sends, "out");
	call_start(call, variant->by);
	for (i = 0; i < 5; i++) {
		ASSERT_TRUE(wait_for_waiters(recvs, 0, 1));
		call_signal(call, SIGUSR1);
		ASSERT_TRUE(wait_handled(i + 1));
	}
	ASSERT_TRUE(wait_for_waiters(sends, 1, 0));
	EXPECT_STREQ("out", recv_text(sends));
	EXPECT_EQ(1, call_wait(call));
	EXPECT_EQ(1U, ch_info(sends).sent);
	EXPECT_EQ(CALL_ROOM, (int)call->ops[0].len);
	EXPECT_TRUE(no_waiters(recvs));
}

/* R8, R14: a killed select is removed from all wait queues. */
TEST(r8_r14_killed)
{
	const int recvs = ch_make(0, 16, 0);
	const int sends = ch_make(0, 16, 0);
	struct call *call;
	struct job *behind;
	int i;

	for (i = 0; i < 10; i++) {
		call = call_select(recvs);
		call_recv(call, recvs);
		call_send(call, sends, "lost");
		call_start(call, BY_PROCESS);
		ASSERT_TRUE(wait_for_waiters(recvs, 0, 1));
		behind = job_recv(BY_THREAD, recvs, 16);
		ASSERT_TRUE(wait_for_waiters(recvs, 0, 2));
		ASSERT_TRUE(wait_for_waiters(sends, 1, 0));
		EXPECT_EQ(-EINPROGRESS, call_kill(call));
		EXPECT_TRUE(no_waiters(sends));
		EXPECT_EQ(1, send_text(recvs, "a"));
		EXPECT_STREQ("a", job_text(behind));
	}
}

#define DEAD	20

struct dead {
	int ch;
	int own[DEAD];
	struct call *calls[DEAD];
};

/* Start selects that are queued on @dead->ch, and each on a channel of its own. */
static bool start_dead(struct dead *dead, bool send)
{
	int i;

	dead->ch = ch_make(0, 16, 0);
	for (i = 0; i < DEAD; i++) {
		dead->own[i] = ch_make(0, 16, 0);
		dead->calls[i] = call_select(dead->ch);
		call_recv(dead->calls[i], dead->own[i]);
		if (send)
			call_send(dead->calls[i], dead->ch, "dead");
		else
			call_recv(dead->calls[i], dead->ch);
		call_start(dead->calls[i], BY_THREAD);
		if (!pin(dead->calls[i]->thread, 1) ||
		    !wait_for_waiters(dead->ch, send ? i + 1 : 0, send ? 0 : i + 1) ||
		    !wait_for_waiters(dead->own[i], 0, 1) ||
		    !wait_asleep(dead->calls[i]->id))
			return false;
	}
	return true;
}

/* Have the selects claimed for the ops on their own channels. */
static bool claim_elsewhere(const struct dead *dead)
{
	int i;

	for (i = 0; i < DEAD; i++)
		if (try_send_text(dead->own[i], "own") != 3)
			return false;
	return true;
}

static bool all_claimed_elsewhere(const struct dead *dead)
{
	int i;

	for (i = 0; i < DEAD; i++)
		if (call_wait(dead->calls[i]) != 0 ||
		    strcmp(call_text(dead->calls[i], 0), "own") != 0)
			return false;
	return true;
}

/*
 * R14: the ops of selects that were claimed on other channels are skipped, and
 * dequeued, by the next send, before their tasks have run again.
 */
TEST(r14_dead_receivers)
{
	struct dead dead;
	struct job *live;
	pthread_t thread;

	ASSERT_TRUE(pin(pthread_self(), 0));
	ASSERT_TRUE(start_dead(&dead, false));
	live = job_recv(BY_THREAD, dead.ch, 16);
	ASSERT_TRUE(wait_for_waiters(dead.ch, 0, DEAD + 1));
	ASSERT_TRUE(hog_start(&thread, 1));
	EXPECT_TRUE(claim_elsewhere(&dead));
	EXPECT_EQ(4, try_send_text(dead.ch, "live"));
	EXPECT_STREQ("live", job_text(live));
	EXPECT_EQ(0U, ch_info(dead.ch).receivers_waiting);
	EXPECT_EQ(-EAGAIN, try_send_text(dead.ch, "dead"));
	hog_end(thread);
	EXPECT_TRUE(all_claimed_elsewhere(&dead));
	EXPECT_TRUE(no_waiters(dead.ch));
	EXPECT_EQ(1U, ch_info(dead.ch).sent);
}

/* R14: likewise by the next receive. */
TEST(r14_dead_senders)
{
	struct dead dead;
	struct job *live;
	pthread_t thread;

	ASSERT_TRUE(pin(pthread_self(), 0));
	ASSERT_TRUE(start_dead(&dead, true));
	live = job_send_text(BY_THREAD, dead.ch, "live");
	ASSERT_TRUE(wait_for_waiters(dead.ch, DEAD + 1, 0));
	ASSERT_TRUE(hog_start(&thread, 1));
	EXPECT_TRUE(claim_elsewhere(&dead));
	EXPECT_EQ(4, ch_next_size(dead.ch));
	EXPECT_STREQ("live", try_recv_text(dead.ch));
	EXPECT_EQ(4, job_wait(live));
	EXPECT_EQ(0U, ch_info(dead.ch).senders_waiting);
	EXPECT_STREQ("(EAGAIN)", try_recv_text(dead.ch));
	hog_end(thread);
	EXPECT_TRUE(all_claimed_elsewhere(&dead));
	EXPECT_TRUE(no_waiters(dead.ch));
	EXPECT_EQ(1U, ch_info(dead.ch).sent);
}

/* R13, R14: poll does not count such ops as waiters. */
TEST(r13_r14_dead_are_not_ready)
{
	struct dead recvs, sends;
	pthread_t thread;

	ASSERT_TRUE(pin(pthread_self(), 0));
	ASSERT_TRUE(start_dead(&recvs, false));
	ASSERT_TRUE(start_dead(&sends, true));
	EXPECT_EQ(POLLOUT, ch_poll(recvs.ch) & (POLLIN | POLLOUT));
	EXPECT_EQ(POLLIN, ch_poll(sends.ch) & (POLLIN | POLLOUT));
	ASSERT_TRUE(hog_start(&thread, 1));
	EXPECT_TRUE(claim_elsewhere(&recvs));
	EXPECT_TRUE(claim_elsewhere(&sends));
	EXPECT_EQ(0, ch_poll(recvs.ch));
	EXPECT_EQ(0, ch_poll(sends.ch));
	EXPECT_EQ(0, ch_next_size(sends.ch));
	hog_end(thread);
	EXPECT_TRUE(all_claimed_elsewhere(&recvs));
	EXPECT_TRUE(all_claimed_elsewhere(&sends));
}

/* R14: the call may be made on any handle, whatever its rights. */
TEST(r14_on_any_handle)
{
	const int other = ch_make(0, 16, 0);
	const int recv_only = ch_dup(other, O_RDONLY);
	const int send_only = ch_dup(other, O_WRONLY);
	const int ch = ch_make(1, 16, 0);
	struct call *call;

	call = call_select(recv_only);
	call_send(call, ch, "a");
	EXPECT_EQ(0, call_now(call));
	call = call_select(send_only);
	call_recv(call, ch);
	EXPECT_EQ(0, call_now(call));
	EXPECT_STREQ("a", call_text(call, 0));
}

TEST_HARNESS_MAIN
