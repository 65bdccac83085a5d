// SPDX-License-Identifier: GPL-2.0
/*
 * Ports of Go's test/chan/ without select and the sieves, and of the tests of
 * channels in closedchan, chancap, nil, range, ken/chan and fixedbugs; GO.md has
 * the list.
 */
#include <kselftest_harness.h>

#include "go.h"

#include <fcntl.h>
#include <sched.h>

FIXTURE(misc) {
	struct gos gos;
};

FIXTURE_VARIANT(misc) {
	enum by by;
};

FIXTURE_VARIANT_ADD(misc, thread) {
	.by = BY_THREAD,
};

FIXTURE_VARIANT_ADD(misc, process) {
	.by = BY_PROCESS,
};

FIXTURE_SETUP(misc)
{
	self->gos.by = variant->by;
}

FIXTURE_TEARDOWN(misc)
{
}

/* ---- chan/fifo.go ---- */

#define FIFO		10

TEST(fifo_asynchronous)
{
	const int ch = make_chan(FIFO);

	for (long i = 0; i < FIFO; i++)
		ASSERT_EQ(0, send_long(ch, i));
	for (long i = 0; i < FIFO; i++)
		EXPECT_TRUE(recv_is(ch, i));
}

struct link {
	int ch;
	int in;
	int out;
	long v;
};

/* Wait for the turn, receive the expected value, and pass the turn on. */
static bool chain(void *arg)
{
	const struct link *link = arg;
	long turn;

	return recv_long(link->in, &turn) == 1 && recv_is(link->ch, link->v) &&
	       !send_long(link->out, 1);
}

TEST_F(misc, fifo_synchronous)
{
	struct link link = {
		.ch = make_chan(0),
		.in = make_chan(0),
	};
	const int start = link.in;

	for (link.v = 0; link.v < FIFO; link.v++) {
		link.out = make_chan(0);
		go(&self->gos, chain, &link, sizeof(link));
		link.in = link.out;
	}
	EXPECT_EQ(0, send_long(start, 0));
	for (long i = 0; i < FIFO; i++)
		EXPECT_EQ(0, send_long(link.ch, i));
	EXPECT_TRUE(recv_is(link.in, 1));
	EXPECT_TRUE(go_ended(&self->gos));
}

/* ---- chan/goroutines.go ---- */

#define CHAINS		4

struct pass {
	int left;
	int right;
};

static bool pass_left(void *arg)
{
	const struct pass *pass = arg;
	long v;

	return recv_long(pass->right, &v) == 1 && !send_long(pass->left, v);
}

/* A long chain passes one value on and ends. */
TEST_F(misc, goroutines_go)
{
	struct gos chains[CHAINS] = {};
	const int leftmost = make_chan(0);
	struct pass pass = { .right = leftmost };

	for (int i = 0; i < CHAINS * GO_MAX; i++) {
		pass.left = pass.right;
		pass.right = make_chan(0);
		chains[i / GO_MAX].by = variant->by;
		go(&chains[i / GO_MAX], pass_left, &pass, sizeof(pass));
	}
	EXPECT_EQ(0, send_long(pass.right, 1));
	EXPECT_TRUE(recv_is(leftmost, 1));
	for (int i = 0; i < CHAINS; i++)
		EXPECT_TRUE(go_ended(&chains[i]));
}

/* ---- chan/nonblock.go ---- */

struct value {
	const char *bytes;
	size_t len;
};

/* Go's int32, int64, bool and string. */
static const struct value values[] = {
	{ "\x7b\0\0\0", 4 },
	{ "\x40\xe2\x01\0\0\0\0\0", 8 },
	{ "\x01", 1 },
	{ "hello", 5 },
	{ "hello again", 11 },
	{ "", 0 },
};

#define VALUES		(sizeof(values) / sizeof(values[0]))
#define VALUE_MAX	16

struct nonblock {
	int c;
	int strobe;
	unsigned int i;
};

static bool is_value(const char *got, size_t len, unsigned int i)
{
	return len == values[i].len && !memcmp(got, values[i].bytes, len);
}

static bool receive_value(void *arg)
{
	const struct nonblock *n = arg;
	char got[VALUE_MAX];
	size_t len;

	return gochan_recv(n->c, got, sizeof(got), &len) == 1 && is_value(got, len, n->i) &&
	       !send_long(n->strobe, 1);
}

static bool send_value(void *arg)
{
	const struct nonblock *n = arg;

	return !gochan_send(n->c, values[n->i].bytes, values[n->i].len) &&
	       !send_long(n->strobe, 1);
}

/* Non-blocking sends and receives with blocked peers. */
TEST_F(misc, nonblock_go)
{
	char got[VALUE_MAX];
	size_t len;

	for (unsigned int k = 0; k < 2 * VALUES; k++) {
		const unsigned int buffer = k % 2;
		const struct nonblock n = {
			.c = gochan_make(buffer, VALUE_MAX, 0),
			.strobe = make_chan(0),
			.i = k / 2,
		};

		EXPECT_EQ(-EAGAIN, or_errno(gochan_try_recv(n.c, got, VALUE_MAX, &len)));
		go(&self->gos, receive_value, &n, sizeof(n));
		ASSERT_TRUE(buffer || wait_for_waiters(n.c, 0, 1));
		ASSERT_EQ(0, gochan_try_send(n.c, values[n.i].bytes, values[n.i].len));
		EXPECT_TRUE(recv_is(n.strobe, 1));

		go(&self->gos, send_value, &n, sizeof(n));
		ASSERT_TRUE(buffer ? recv_is(n.strobe, 1) : wait_for_waiters(n.c, 1, 0));
		ASSERT_EQ(1, gochan_try_recv(n.c, got, VALUE_MAX, &len));
		EXPECT_TRUE(is_value(got, len, n.i));
		EXPECT_TRUE(buffer || recv_is(n.strobe, 1));
		EXPECT_TRUE(go_ended(&self->gos));
		close(n.c);
		close(n.strobe);
	}
}

/* ---- chan/perm.go ---- */

/* What Go's compiler rejects fails at run time. */
FIXTURE(perm) {
	int c;
	int cr;
	int cs;
	long v;
};

FIXTURE_SETUP(perm)
{
	self->c = make_chan(1);
	self->cr = gochan_dup(self->c, O_RDONLY);
	self->cs = gochan_dup(self->c, O_WRONLY);
	ASSERT_LE(0, self->cr);
	ASSERT_LE(0, self->cs);
}

FIXTURE_TEARDOWN(perm)
{
}

/* A handle can be duplicated with fewer rights, never with more or others. */
TEST_F(perm, assign)
{
	EXPECT_EQ(-EACCES, or_errno(gochan_dup(self->cr, O_RDWR)));
	EXPECT_EQ(-EACCES, or_errno(gochan_dup(self->cs, O_RDWR)));
	EXPECT_EQ(-EACCES, or_errno(gochan_dup(self->cs, O_RDONLY)));
	EXPECT_EQ(-EACCES, or_errno(gochan_dup(self->cr, O_WRONLY)));
}

TEST_F(perm, send_receive)
{
	EXPECT_EQ(0, send_long(self->c, 1));
	EXPECT_TRUE(recv_is(self->c, 1));
	EXPECT_EQ(-EBADF, send_long(self->cr, 2));
	EXPECT_EQ(-EAGAIN, try_recv_long(self->cr, &self->v));
	EXPECT_EQ(0, send_long(self->cs, 3));
	EXPECT_EQ(-EBADF, recv_long(self->cs, &self->v));
	EXPECT_TRUE(recv_is(self->cr, 3));
}

TEST_F(perm, select)
{
	struct gochan_op ops[2] = { op_recv(self->c, &self->v), op_send(self->cr, &self->v) };

	EXPECT_EQ(-EBADF, select_default(ops, 2));
	ops[1] = op_recv(self->cs, &self->v);
	EXPECT_EQ(-EBADF, select_default(ops, 2));
	ops[0] = op_recv(self->cr, &self->v);
	ops[1] = op_send(self->cs, &self->v);
	EXPECT_EQ(1, select_default(ops, 2));
	EXPECT_EQ(1U, ch_info(self->c).sent);
}

TEST_F(perm, close)
{
	EXPECT_EQ(-EBADF, or_errno(gochan_close(self->cr)));
	EXPECT_EQ(0, gochan_close(self->cs));
	EXPECT_EQ(-EALREADY, or_errno(gochan_close(self->c)));
}

TEST_F(perm, no_channel)
{
	const int n = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct gochan_op ops[2] = { op_recv(self->c, &self->v), op_recv(n, &self->v) };

	ASSERT_LE(0, n);
	EXPECT_EQ(-ENOTTY, recv_long(n, &self->v));
	EXPECT_EQ(-ENOTTY, send_long(n, 2));
	EXPECT_EQ(-EINVAL, select_default(ops, 2));
	EXPECT_EQ(-ENOTTY, or_errno(gochan_close(n)));
}

/* ---- chan/sendstmt.go ---- */

struct chan_chan {
	int cc;
	int c;
};

static bool send_channel(void *arg)
{
	const struct chan_chan *cc = arg;

	return !send_chan(cc->cc, cc->c);
}

/* Send on a channel that was received over a channel. */
TEST_F(misc, sendstmt_go)
{
	const struct chan_chan cc = {
		.cc = make_chan(0),
		.c = make_chan(1),
	};
	int c;

	go(&self->gos, send_channel, &cc, sizeof(cc));
	c = recv_chan(cc.cc);
	ASSERT_LE(0, c);
	EXPECT_NE(cc.c, c);
	EXPECT_EQ(0, try_send_long(c, 2));
	EXPECT_TRUE(recv_is(cc.c, 2));
	EXPECT_TRUE(go_ended(&self->gos));
}

/* ---- chan/zerosize.go ---- */

static bool receive_nothing(void *arg)
{
	const int *c = arg;
	size_t len = 1;

	return gochan_recv(*c, NULL, 0, &len) == 1 && !len;
}

/* A channel of empty messages keeps their number. */
TEST_F(misc, zerosize_go)
{
	for (unsigned int cap = 0; cap < 2; cap++) {
		const int c = gochan_make(cap, 0, 0);

		ASSERT_LE(0, c);
		EXPECT_EQ(-EMSGSIZE, or_errno(gochan_send(c, "x", 1)));
		go(&self->gos, receive_nothing, &c, sizeof(c));
		go(&self->gos, receive_nothing, &c, sizeof(c));
		EXPECT_EQ(0, gochan_send(c, NULL, 0));
		EXPECT_EQ(0, gochan_send(c, NULL, 0));
		EXPECT_TRUE(go_ended(&self->gos));
		EXPECT_EQ(2U, ch_info(c).received);
		EXPECT_EQ(0, gochan_close(c));
		EXPECT_EQ(0, gochan_recv(c, NULL, 0, NULL));
	}
}

/* ---- chancap.go, makechan.go, fixedbugs/bug273.go ---- */

TEST(chancap_go)
{
	int c = make_chan(10);

	EXPECT_EQ(0, gochan_len(c));
	EXPECT_EQ(10, gochan_cap(c));
	for (long i = 0; i < 3; i++)
		EXPECT_EQ(0, send_long(c, i));
	EXPECT_EQ(3, gochan_len(c));
	EXPECT_EQ(10, gochan_cap(c));
	c = make_chan(0);
	EXPECT_EQ(0, gochan_len(c));
	EXPECT_EQ(0, gochan_cap(c));
}

/* A capacity above the limit is rejected. */
TEST(chancap_out_of_range)
{
	const long long max_capacity = param("max_capacity");
	const long long max_msg_size = param("max_msg_size");

	EXPECT_EQ(-EINVAL, or_errno(make_chan(-1)));
	EXPECT_EQ(-EINVAL, or_errno(make_chan(1U << 31)));
	EXPECT_EQ(-EINVAL, or_errno(make_chan(max_capacity + 1)));
	EXPECT_EQ(-EINVAL, or_errno(gochan_make(max_capacity + 1, 0, 0)));
	EXPECT_EQ(-EINVAL, or_errno(gochan_make(1, max_msg_size + 1, 0)));
}

/* ---- closedchan.go ---- */

/* A closed channel, used alone, in a select, or with another one in a select. */
FIXTURE(closed) {
	int dummy;
};

FIXTURE_VARIANT(closed) {
	int others;	/* -1: no select */
};

FIXTURE_VARIANT_ADD(closed, alone) {
	.others = -1,
};

FIXTURE_VARIANT_ADD(closed, select) {
	.others = 0,
};

FIXTURE_VARIANT_ADD(closed, larger_select) {
	.others = 1,
};

FIXTURE_SETUP(closed)
{
	self->dummy = make_chan(0);
}

FIXTURE_TEARDOWN(closed)
{
}

/* The op's result, or -errno. */
static int do_closed(int others, int dummy, struct gochan_op op, long long timeout)
{
	struct gochan_op ops[2] = { op, GOCHAN_RECV(dummy, NULL, 0) };
	int ret;

	if (others < 0)
		ret = gochan_batch(ops, 1, timeout, 0) - 1;
	else
		ret = gochan_select(ops, 1 + others, timeout, 0);
	return ret ? -errno : ops[0].result;
}

static bool receives_end(int others, int dummy, int c)
{
	long v = 7;

	return do_closed(others, dummy, op_recv(c, &v), -1) == GOCHAN_R_CLOSED &&
	       do_closed(others, dummy, op_recv(c, &v), 0) == GOCHAN_R_CLOSED && v == 7;
}

static bool refuses_send(int others, int dummy, int c)
{
	const long v = 1;

	return do_closed(others, dummy, op_send(c, &v), -1) == -EPIPE &&
	       do_closed(others, dummy, op_send(c, &v), 0) == -EPIPE;
}

TEST_F(closed, synchronous)
{
	const int c = make_chan(0);

	ASSERT_EQ(0, gochan_close(c));
	for (int i = 0; i < 3; i++) {
		EXPECT_TRUE(receives_end(variant->others, self->dummy, c));
		EXPECT_TRUE(refuses_send(variant->others, self->dummy, c));
	}
	EXPECT_EQ(0U, ch_info(c).sent);
}

TEST_F(closed, asynchronous)
{
	for (long long timeout = -1; timeout <= 0; timeout++) {
		const int c = make_chan(2);
		long v = 0;

		ASSERT_EQ(0, send_long(c, 1));
		ASSERT_EQ(0, gochan_close(c));
		EXPECT_TRUE(refuses_send(variant->others, self->dummy, c));
		EXPECT_EQ(0, do_closed(variant->others, self->dummy, op_recv(c, &v), timeout));
		EXPECT_EQ(1, v);
		for (int i = 0; i < 3; i++)
			EXPECT_TRUE(receives_end(variant->others, self->dummy, c));
		EXPECT_TRUE(refuses_send(variant->others, self->dummy, c));
	}
}

/* Closing a nil or closed channel fails. */
TEST(closedchan_panics)
{
	const int c = make_chan(0);

	EXPECT_EQ(-EBADF, or_errno(gochan_close(-1)));
	EXPECT_EQ(0, gochan_close(c));
	EXPECT_EQ(-EALREADY, or_errno(gochan_close(c)));
}

/* ---- nil.go: channels ---- */

TEST(nil_go)
{
	long v = 1;
	struct gochan_op ops[2] = { op_send(-1, &v), op_recv(-1, &v) };

	EXPECT_EQ(-EAGAIN, select_default(&ops[0], 1));
	EXPECT_EQ(-EAGAIN, select_default(&ops[1], 1));
	EXPECT_EQ(-EBADF, or_errno(gochan_len(-1)));
	EXPECT_EQ(-EBADF, or_errno(gochan_cap(-1)));
}

/* ---- range.go: channels ---- */

static bool generate(void *arg)
{
	const int *c = arg;

	for (long v = 'a'; v <= 'z'; v++)
		if (send_long(*c, v))
			return false;
	return !gochan_close(*c);
}

/* Receive until the channel is closed. */
TEST_F(misc, range_go)
{
	const int c = make_chan(0);
	char all[27] = "";
	int n = 0;
	long v;

	go(&self->gos, generate, &c, sizeof(c));
	while (recv_long(c, &v) > 0 && n < 26)
		all[n++] = v;
	EXPECT_STREQ("abcdefghijklmnopqrstuvwxyz", all);
	EXPECT_EQ(0, recv_long(c, &v));
	EXPECT_TRUE(go_ended(&self->gos));
}

/* ---- fixedbugs/bug147.go ---- */

struct wait_for_send {
	int c;
	int *count;
};

static bool receive_delayed(void *arg)
{
	const struct wait_for_send *w = arg;

	if (!recv_is(w->c, 1))
		return false;
	__atomic_add_fetch(w->count, 1, __ATOMIC_RELAXED);
	if (!wait_for_waiters(w->c, 1, 0))
		return false;
	__atomic_add_fetch(w->count, 1, __ATOMIC_RELAXED);
	return recv_is(w->c, 2);
}

/* A synchronous send waits for its receiver. */
TEST_F(misc, bug147_go)
{
	const struct wait_for_send w = {
		.c = make_chan(0),
		.count = go_shared(sizeof(int)),
	};

	go(&self->gos, receive_delayed, &w, sizeof(w));
	EXPECT_EQ(0, send_long(w.c, 1));
	EXPECT_EQ(0, send_long(w.c, 2));
	EXPECT_EQ(2, __atomic_load_n(w.count, __ATOMIC_RELAXED));
	EXPECT_TRUE(go_ended(&self->gos));
}

/* ---- fixedbugs/bug234.go, fixedbugs/issue8347.go ---- */

TEST(bug234_go)
{
	const int c = make_chan(1);
	long v;

	EXPECT_EQ(-EAGAIN, try_recv_long(c, &v));
	EXPECT_EQ(0, send_long(c, 100));
	EXPECT_TRUE(recv_is(c, 100));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(-EAGAIN, try_recv_long(c, &v));
	EXPECT_EQ(0, gochan_close(c));
	EXPECT_EQ(0, recv_long(c, &v));
	EXPECT_EQ(0, v);
	EXPECT_EQ(0, try_recv_long(c, &v));
}

/* ---- ken/chan.go ---- */

#define KEN		30	/* numbers that each channel carries, in order */

struct ken {
	int r[4];
	int s[4];
};

static bool ken_send(void *arg)
{
	const int *c = arg;

	for (long v = 0; v < KEN; v++)
		if (send_long(*c, v))
			return false;
	return true;
}

static bool ken_receive(void *arg)
{
	const int *c = arg;

	for (long v = 0; v < KEN; v++)
		if (!recv_is(*c, v))
			return false;
	return true;
}

/* One select for all; a channel that has carried all its numbers becomes nil. */
static bool ken_select(void *arg)
{
	struct ken *ken = arg;
	int running = 0;
	long next[8] = {}, got;

	for (int i = 0; i < 4; i++)
		running += (ken->r[i] >= 0) + (ken->s[i] >= 0);
	while (running) {
		struct gochan_op ops[8];
		int at;

		for (int i = 0; i < 4; i++) {
			ops[i] = op_recv(ken->r[i], &got);
			ops[i + 4] = op_send(ken->s[i], &next[i + 4]);
		}
		at = select_ops(ops, 8);
		if (at < 0 || (at < 4 && got != next[at]))
			return false;
		if (++next[at] < KEN)
			continue;
		*(at < 4 ? &ken->r[at] : &ken->s[at - 4]) = -1;
		running--;
	}
	return true;
}

static void ken_go_select(struct gos *gos, const int *r, const int *s)
{
	struct ken ken;

	for (int i = 0; i < 4; i++) {
		ken.r[i] = r ? r[i] : -1;
		ken.s[i] = s ? s[i] : -1;
	}
	go(gos, ken_select, &ken, sizeof(ken));
}

static void ken_go_four(struct gos *gos, bool (*run)(void *arg), const int *c)
{
	for (int i = 0; i < 4; i++)
		go(gos, run, &c[i], sizeof(c[i]));
}

#define KEN_TESTS	6
#define KEN_CHANS	12

static void ken_start(struct gos *gos, int test, const int *c)
{
	if (test == 0 || test == 1)
		ken_go_four(gos, ken_send, c);
	if (test == 0 || test == 2)
		ken_go_four(gos, ken_receive, c);
	if (test == 1 || test == 3)
		ken_go_select(gos, c, NULL);
	if (test == 2 || test == 3)
		ken_go_select(gos, NULL, c);
	if (test == 4) {
		ken_go_select(gos, &c[4], c);
		ken_go_select(gos, c, &c[4]);
	}
	if (test == 5) {
		ken_go_four(gos, ken_send, &c[4]);
		ken_go_four(gos, ken_receive, &c[8]);
		ken_go_select(gos, &c[4], c);
		ken_go_select(gos, c, &c[8]);
	}
}

/* Sends and receives, alone and in selects, against the same. */
TEST_F(misc, ken_chan_go)
{
	static const unsigned int buffers[] = { 0, 1, 10, 100 };
	static const int chans[KEN_TESTS] = { 4, 4, 4, 4, 8, 12 };
	int c[KEN_CHANS];

	for (int k = 0; k < 4 * KEN_TESTS; k++) {
		const int test = k % KEN_TESTS;

		for (int i = 0; i < KEN_CHANS; i++)
			c[i] = make_chan(buffers[k / KEN_TESTS]);
		ken_start(&self->gos, test, c);
		ASSERT_TRUE(go_ended(&self->gos));
		for (int i = 0; i < KEN_CHANS; i++) {
			EXPECT_EQ(i < chans[test] ? KEN : 0, (int)ch_info(c[i]).received);
			EXPECT_EQ(0, gochan_len(c[i]));
			close(c[i]);
		}
	}
}

/* ---- ken/chan1.go ---- */

#define MARKS		1000
#define MARKERS		10

struct marks {
	int c;
	int h[MARKS];
};

struct marker {
	struct marks *marks;
};

/* The receiver sees what the sender marked before the send. */
static bool receive_marks(void *arg)
{
	const struct marker *marker = arg;
	struct marks *marks = marker->marks;
	long v;
	int ret;

	while ((ret = recv_long(marks->c, &v)) == 1) {
		if (v < 0 || v >= MARKS || marks->h[v] != 1)
			return false;
		marks->h[v] = 2;
	}
	return !ret;
}

TEST_F(misc, ken_chan1_go)
{
	struct marks *marks = go_shared(sizeof(*marks));
	const struct marker marker = { .marks = marks };

	marks->c = make_chan(2);
	for (int m = 0; m < MARKERS; m++)
		go(&self->gos, receive_marks, &marker, sizeof(marker));
	for (int v = 0; v < MARKS; v++) {
		ASSERT_EQ(0, marks->h[v]);
		marks->h[v] = 1;
		ASSERT_EQ(0, send_long(marks->c, v));
	}
	ASSERT_EQ(0, gochan_close(marks->c));
	EXPECT_TRUE(go_ended(&self->gos));
	for (int v = 0; v < MARKS; v++)
		ASSERT_EQ(2, marks->h[v]);
}

TEST_HARNESS_MAIN
