// SPDX-License-Identifier: GPL-2.0
/*
 * Ports of Go's test/chan/select*.go, doubleselect.go and test/chanlinear.go; GO.md
 * has the list.
 */
#include <kselftest_harness.h>

#include "go.h"

#include <sys/syscall.h>

FIXTURE(select) {
	struct gos gos;
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
	self->gos.by = variant->by;
}

FIXTURE_TEARDOWN(select)
{
}

/* ---- select.go ---- */

/* Send 1, 2, 4 ... by selects, at most once to each channel. Returns how many. */
static int send_once_each(int a, int b)
{
	int chs[2] = { a, b };
	int sent = 0;
	long v = 1;

	for (;;) {
		struct gochan_op ops[2] = { op_send(chs[0], &v), op_send(chs[1], &v) };
		const int at = select_default(ops, 2);

		if (at < 0)
			return at == -EAGAIN ? sent : at;
		chs[at] = -1;
		sent++;
		v *= 2;
	}
}

/* A channel that has become nil is not selected any more. */
TEST(select_go)
{
	const int a = make_chan(1);
	const int b = make_chan(1);
	long av, bv;

	EXPECT_EQ(2, send_once_each(a, b));
	ASSERT_EQ(1, recv_long(a, &av));
	ASSERT_EQ(1, recv_long(b, &bv));
	EXPECT_EQ(3, av + bv);
	EXPECT_EQ(3, av | bv);
	EXPECT_EQ(1, send_once_each(a, -1));
	EXPECT_TRUE(recv_is(a, 1));
}

/* ---- select2.go ---- */

#define FOOTPRINT	3000
#define FOOTPRINT_BYTES	(100LL << 10)

struct footprint {
	int c;
	int dummy[2];
};

static bool send_all(void *arg)
{
	const struct footprint *f = arg;
	const long v = 1;

	for (int i = 0; i < FOOTPRINT; i++) {
		struct gochan_op ops[2] = { op_send(f->c, &v), op_send(f->dummy[0], &v) };

		if (select_ops(ops, 2) != 0)
			return false;
	}
	return true;
}

static bool receive_all(const struct footprint *f)
{
	long v;

	for (int i = 0; i < FOOTPRINT; i++) {
		struct gochan_op ops[2] = { op_recv(f->c, &v), op_recv(f->dummy[1], &v) };

		if (select_ops(ops, 2) != 0)
			return false;
	}
	return true;
}

/* The kernel's memory for small objects, in bytes. */
static long long slab_bytes(void)
{
	char text[4096];
	const char *line;

	if (read_text("/proc/meminfo", text, sizeof(text)) < 0)
		return -1;
	line = strstr(text, "\nSUnreclaim:");
	return line ? strtoll(line + 12, NULL, 10) << 10 : -1;
}

static bool use_selects(struct gos *gos, const struct footprint *f)
{
	go(gos, send_all, f, sizeof(*f));
	return receive_all(f) && go_ended(gos);
}

/*
 * Selects leak neither memory (it grows by less than a third of what one message
 * each would take) nor charges (the user's limit is a thirtieth of that).
 */
TEST_F(select, select2_go)
{
	const long long old = param("max_user_bytes");
	struct footprint f;
	long long before;

	ASSERT_EQ(0, set_param("max_user_bytes", FOOTPRINT_BYTES / 10));
	ASSERT_EQ(0, as_user(USER));
	f.c = make_chan(0);
	f.dummy[0] = make_chan(0);
	f.dummy[1] = make_chan(0);
	EXPECT_TRUE(use_selects(&self->gos, &f));
	before = slab_bytes();
	EXPECT_TRUE(use_selects(&self->gos, &f));
	EXPECT_GT(FOOTPRINT_BYTES, slab_bytes() - before);
	as_root();
	EXPECT_EQ(0, set_param("max_user_bytes", old));
	EXPECT_EQ(0U, ch_info(f.dummy[0]).senders_waiting);
	EXPECT_EQ(0U, ch_info(f.dummy[1]).receivers_waiting);
}

/* ---- select3.go ---- */

/* Does the call block until its process is killed? */
static bool blocks(int (*call)(struct gochan_op *ops, unsigned int n), struct gochan_op *ops,
		   unsigned int n)
{
	const pid_t pid = child();
	bool asleep;

	if (!pid)
		_exit(call(ops, n) < 0);
	asleep = wait_in_syscall(pid, SYS_ioctl);
	return reap_killed(pid) == 128 + SIGKILL && asleep;
}

/* The ops by a BATCH: as statements outside of a select. */
static int batch_ops(struct gochan_op *ops, unsigned int n)
{
	return or_errno(gochan_batch(ops, n, -1, 0));
}

static bool op_blocks(struct gochan_op op)
{
	return blocks(batch_ops, &op, 1) && blocks(select_ops, &op, 1);
}

FIXTURE(select3) {
	int closed;
	int empty;
	int room;	/* empty, capacity 1 */
	int full;	/* capacity 1, has the message 7 */
	long v;
};

FIXTURE_SETUP(select3)
{
	self->closed = make_chan(0);
	self->empty = make_chan(0);
	self->room = make_chan(1);
	self->full = make_chan(1);
	self->v = 7;
	ASSERT_EQ(0, gochan_close(self->closed));
	ASSERT_EQ(0, send_long(self->full, 7));
}

FIXTURE_TEARDOWN(select3)
{
}

/* A nil channel blocks, alone and in a select, and is never selected. */
TEST_F(select3, nil_channel)
{
	struct gochan_op ops[2] = { op_recv(-1, &self->v), op_send(-1, &self->v) };

	EXPECT_TRUE(op_blocks(ops[0]));
	EXPECT_TRUE(op_blocks(ops[1]));
	EXPECT_TRUE(blocks(select_ops, ops, 2));
	EXPECT_EQ(-EAGAIN, select_default(&ops[0], 1));
	EXPECT_EQ(-EAGAIN, select_default(&ops[1], 1));
	EXPECT_EQ(-EAGAIN, select_default(ops, 2));
	EXPECT_EQ(7, self->v);
}

/* An op on a channel that is ready or closed does not block. */
TEST_F(select3, never_blocks)
{
	EXPECT_EQ(0, send_long(self->room, 7));
	for (int i = 0; i < 10; i++) {
		self->v = 7;
		EXPECT_EQ(0, recv_long(self->closed, &self->v));
		EXPECT_EQ(0, self->v);
	}
	EXPECT_EQ(-EPIPE, send_long(self->closed, 7));
}

/* An op that is not ready blocks. */
TEST_F(select3, always_blocks)
{
	EXPECT_TRUE(op_blocks(op_recv(self->empty, &self->v)));
	EXPECT_TRUE(op_blocks(op_send(self->empty, &self->v)));
	EXPECT_TRUE(op_blocks(op_send(self->full, &self->v)));
	EXPECT_TRUE(blocks(select_ops, NULL, 0));
	EXPECT_EQ(0U, ch_info(self->empty).receivers_waiting);
	EXPECT_EQ(0U, ch_info(self->empty).senders_waiting);
	EXPECT_EQ(0U, ch_info(self->full).senders_waiting);
}

/* A select with a default never blocks, and takes the default only if nothing is ready. */
TEST_F(select3, select_default)
{
	struct gochan_op send = op_send(self->room, &self->v);
	struct gochan_op recv = op_recv(self->full, &self->v);

	EXPECT_EQ(-EAGAIN, select_default(NULL, 0));
	EXPECT_EQ(0, select_default(&send, 1));
	EXPECT_TRUE(recv_is(self->room, 7));
	self->v = 0;
	EXPECT_EQ(0, select_default(&recv, 1));
	EXPECT_EQ(7, self->v);
}

/* A closed channel behaves in a select as it does alone. */
TEST_F(select3, select_closed)
{
	struct gochan_op recv = op_recv(self->closed, &self->v);
	struct gochan_op send = op_send(self->closed, &self->v);

	EXPECT_EQ(0, select_ops(&recv, 1));
	EXPECT_EQ(GOCHAN_R_CLOSED, recv.result);
	EXPECT_EQ(0U, recv.len);
	EXPECT_EQ(-EPIPE, select_ops(&send, 1));
	EXPECT_EQ(-EPIPE, send.result);
}

/* A select whose only possible peer is itself blocks. */
TEST_F(select3, select_itself)
{
	struct gochan_op ops[2] = {
		op_send(self->empty, &self->v),
		op_recv(self->empty, &self->v),
	};

	EXPECT_TRUE(blocks(select_ops, ops, 2));
	EXPECT_EQ(-EAGAIN, select_default(ops, 2));
	EXPECT_EQ(0U, ch_info(self->empty).sent);
}

/* ---- select4.go ---- */

/* The buffer of an op that is not ready is not touched, and may be invalid. */
TEST(select4_go)
{
	const int c = make_chan(1);
	const int c1 = make_chan(0);
	long x = 0;
	struct gochan_op ops[2] = { op_recv(c1, NULL), op_recv(c, &x) };

	ASSERT_EQ(0, send_long(c, 42));
	EXPECT_EQ(1, select_ops(ops, 2));
	EXPECT_EQ(42, x);
}

/* ---- select5.go ---- */

/* Ops that are never ready, of which each select has some. */
#define NEVER		4
#define EVERY_MASK	16

struct choice {
	int c;
	int dummy;
	unsigned int mask;	/* which ops that are never ready */
	unsigned int at;	/* position of the op on c among them */
	long long timeout;
	unsigned int flags;
};

static unsigned int never_ready(struct gochan_op *ops, int dummy, unsigned int mask)
{
	static const long one = 1;
	const struct gochan_op never[NEVER] = {
		op_send(dummy, &one), op_recv(dummy, NULL), op_send(-1, &one), op_recv(-1, NULL),
	};
	unsigned int n = 0;

	for (unsigned int i = 0; i < NEVER; i++)
		if (mask >> i & 1)
			ops[n++] = never[i];
	return n;
}

/* A select of the ready op and of ops that are never ready. */
static bool choose(const struct choice *how, struct gochan_op ready)
{
	struct gochan_op ops[NEVER + 1];
	const unsigned int n = never_ready(ops, how->dummy, how->mask);

	memmove(&ops[how->at + 1], &ops[how->at], (n - how->at) * sizeof(ops[0]));
	ops[how->at] = ready;
	return gochan_select(ops, n + 1, how->timeout, how->flags) == (int)how->at &&
	       ops[how->at].result == 0;
}

/* One select that sends, and one that receives the message. */
static bool choose_both(const struct choice *how)
{
	static long n;
	long x = 0;

	n++;
	if (send_long(how->c, n) || !choose(how, op_recv(how->c, &x)) || x != n)
		return false;
	n++;
	return choose(how, op_send(how->c, &n)) && recv_is(how->c, n);
}

/* The op that is ready happens, whatever the others are and in any order. */
TEST(select5_select)
{
	struct choice how = {
		.c = make_chan(1),
		.dummy = make_chan(0),
	};
	unsigned int chosen = 0;

	for (how.mask = 0; how.mask < EVERY_MASK; how.mask++) {
		for (how.at = 0; how.at <= (unsigned int)__builtin_popcount(how.mask); how.at++) {
			for (how.timeout = -1; how.timeout <= 1; how.timeout++) {
				how.flags = chosen % 2 ? GOCHAN_ORDERED : 0;
				ASSERT_TRUE(choose_both(&how));
				chosen++;
			}
		}
	}
	EXPECT_EQ(3U * 48, chosen);
	EXPECT_EQ(0U, ch_info(how.dummy).sent);
}

/* Outside of a select, by every call. */
TEST(select5_plain)
{
	const struct timespec past = {};
	const int c = make_chan(1);
	struct gochan_op op;
	long n = 0, x;

	ASSERT_EQ(0, gochan_send(c, &n, sizeof(n)));
	ASSERT_EQ(1, gochan_recv(c, &x, sizeof(x), NULL));
	EXPECT_EQ(n++, x);
	ASSERT_EQ(0, gochan_try_send(c, &n, sizeof(n)));
	ASSERT_EQ(1, gochan_try_recv(c, &x, sizeof(x), NULL));
	EXPECT_EQ(n++, x);
	ASSERT_EQ(0, gochan_send_until(c, &n, sizeof(n), &past));
	ASSERT_EQ(1, gochan_recv_until(c, &x, sizeof(x), NULL, &past));
	EXPECT_EQ(n++, x);
	op = op_send(c, &n);
	ASSERT_EQ(1, batch_ops(&op, 1));
	op = op_recv(c, &x);
	ASSERT_EQ(1, batch_ops(&op, 1));
	EXPECT_EQ(n++, x);
	ASSERT_EQ((ssize_t)sizeof(n), write(c, &n, sizeof(n)));
	ASSERT_EQ((ssize_t)sizeof(x), read(c, &x, sizeof(x)));
	EXPECT_EQ(n, x);
}

/* If nothing is ready the default is taken, and no buffer is touched. */
TEST(select5_nonblock)
{
	struct gochan_op ops[NEVER];
	const int dummy = make_chan(0);
	unsigned int n;

	for (unsigned int mask = 0; mask < EVERY_MASK; mask++) {
		n = never_ready(ops, dummy, mask);
		EXPECT_EQ(-EAGAIN, or_errno(gochan_select(ops, n, 0, 0)));
		n = never_ready(ops, dummy, mask);
		EXPECT_EQ(-EAGAIN, or_errno(gochan_select(ops, n, 0, GOCHAN_ORDERED)));
	}
	EXPECT_EQ(0U, ch_info(dummy).sent);
}

/* ---- select6.go ---- */

struct three {
	int c1;
	int c2;
	int c3;
};

static bool receive_c1(void *arg)
{
	const struct three *three = arg;

	return recv_is(three->c1, 1);
}

static bool select_then_receive(void *arg)
{
	const struct three *three = arg;
	long v;
	struct gochan_op ops[2] = { op_recv(three->c1, &v), op_recv(three->c2, &v) };

	return select_ops(ops, 2) == 1 && v == 2 && !send_long(three->c3, 3) &&
	       recv_is(three->c1, 1);
}

static bool send_c2(void *arg)
{
	const struct three *three = arg;

	return !send_long(three->c2, 2);
}

/* A select that is last in a wait queue and claimed elsewhere leaves the queue intact. */
TEST_F(select, select6_go)
{
	const struct three three = {
		.c1 = make_chan(0),
		.c2 = make_chan(0),
		.c3 = make_chan(0),
	};

	go(&self->gos, receive_c1, &three, sizeof(three));
	ASSERT_TRUE(wait_for_waiters(three.c1, 0, 1));
	go(&self->gos, select_then_receive, &three, sizeof(three));
	ASSERT_TRUE(wait_for_waiters(three.c1, 0, 2));
	ASSERT_TRUE(wait_for_waiters(three.c2, 0, 1));
	go(&self->gos, send_c2, &three, sizeof(three));
	EXPECT_TRUE(recv_is(three.c3, 3));
	ASSERT_TRUE(wait_for_waiters(three.c1, 0, 2));
	EXPECT_EQ(0, send_long(three.c1, 1));
	EXPECT_EQ(0, send_long(three.c1, 1));
	EXPECT_TRUE(go_ended(&self->gos));
}

/* ---- select7.go ---- */

#define FORMS		3	/* alone, alone in a select, beside another in one */

struct discard {
	int c;
	int other[2];
	size_t size;
	int form;
};

static int do_form(int form, struct gochan_op op, struct gochan_op other)
{
	struct gochan_op ops[2] = { op, other };

	return form == 0 ? batch_ops(ops, 1) - 1 : select_ops(ops, form);
}

/* Receive a message and discard it. */
static bool discard(void *arg)
{
	const struct discard *d = arg;
	char room[sizeof(long)];

	return do_form(d->form, GOCHAN_RECV(d->c, d->size ? room : NULL, d->size),
		       GOCHAN_RECV(d->other[0], NULL, 0)) == 0;
}

/* Send to a blocked receiver that discards the message. */
static bool sends_to_discard(struct gos *gos, struct discard d, int form)
{
	const long one = 1;

	go(gos, discard, &d, sizeof(d));
	return wait_for_waiters(d.c, 0, 1) &&
	       do_form(form, GOCHAN_SEND(d.c, &one, d.size),
		       GOCHAN_SEND(d.other[1], &one, d.size)) == 0 &&
	       go_ended(gos);
}

TEST_F(select, select7_go)
{
	struct discard d = {};

	for (int i = 0; i < 2 * FORMS * FORMS; i++) {
		d.size = i % 2 ? sizeof(long) : 0;
		d.c = gochan_make(0, d.size, 0);
		d.other[0] = gochan_make(0, d.size, 0);
		d.other[1] = gochan_make(0, d.size, 0);
		d.form = i / 2 % FORMS;
		ASSERT_TRUE(sends_to_discard(&self->gos, d, i / 2 / FORMS));
		EXPECT_EQ(1U, ch_info(d.c).received);
		close(d.c);
		close(d.other[0]);
		close(d.other[1]);
	}
}

/* ---- select8.go ---- */

static bool send_fives(void *arg)
{
	const int *ch = arg;

	while (!send_long(*ch, 5))
		;
	return errno == EPIPE;
}

/* Selects of one, no and two ops while another task keeps sending. */
TEST_F(select, select8_go)
{
	const int ch = make_chan(0);
	const long ten = 10;
	long v;
	struct gochan_op ops[2] = { op_recv(ch, &v), op_send(ch, &ten) };
	int ret;

	go(&self->gos, send_fives, &ch, sizeof(ch));
	EXPECT_EQ(0, select_ops(ops, 1));
	EXPECT_EQ(5, v);
	EXPECT_EQ(-EAGAIN, select_default(NULL, 0));
	ret = select_default(ops, 1);
	EXPECT_TRUE(ret == 0 || ret == -EAGAIN);
	ops[0] = op_recv(ch, &v);
	ret = select_default(ops, 2);
	EXPECT_TRUE(ret == 0 || ret == -EAGAIN);
	EXPECT_EQ(0, gochan_close(ch));
	EXPECT_TRUE(go_ended(&self->gos));
}

/* ---- doubleselect.go ---- */

#define DOUBLE		1500

struct mux {
	int c[4];
	int i;
	int out;
	int done;
};

/* Send a counter on any of four channels. */
static bool send_counter(void *arg)
{
	const struct mux *mux = arg;
	bool ok = true;

	for (long v = 0; v < DOUBLE; v++) {
		struct gochan_op ops[4] = {
			op_send(mux->c[0], &v), op_send(mux->c[1], &v),
			op_send(mux->c[2], &v), op_send(mux->c[3], &v),
		};

		if (select_ops(ops, 4) < 0)
			return false;
	}
	for (int i = 0; i < 4; i++)
		ok &= !gochan_close(mux->c[i]);
	return ok;
}

static bool forward(void *arg)
{
	const struct mux *mux = arg;
	long v;
	int ret;

	while ((ret = recv_long(mux->c[mux->i], &v)) == 1)
		if (send_long(mux->out, v))
			return false;
	return !ret && !send_long(mux->done, 0);
}

static bool close_out(void *arg)
{
	const struct mux *mux = arg;

	for (int i = 0; i < 4; i++)
		if (!recv_is(mux->done, 0))
			return false;
	return !gochan_close(mux->out);
}

/* Exactly one op of each select happens. */
TEST_F(select, doubleselect_go)
{
	struct mux mux = {
		.c = { make_chan(0), make_chan(0), make_chan(0), make_chan(0) },
		.out = make_chan(0),
		.done = make_chan(0),
	};
	unsigned char seen[DOUBLE] = {};
	long v;

	go(&self->gos, send_counter, &mux, sizeof(mux));
	for (mux.i = 0; mux.i < 4; mux.i++)
		go(&self->gos, forward, &mux, sizeof(mux));
	go(&self->gos, close_out, &mux, sizeof(mux));
	while (recv_long(mux.out, &v) == 1) {
		ASSERT_TRUE(v >= 0 && v < DOUBLE);
		ASSERT_EQ(0, seen[v]++);
	}
	for (int i = 0; i < DOUBLE; i++)
		ASSERT_EQ(1, seen[i]);
	EXPECT_TRUE(go_ended(&self->gos));
}

/* ---- chanlinear.go ---- */

#define CROWD		30
#define CROWD_ROUNDS	10

struct crowd {
	int c;
	int d;
};

static bool select_in_crowd(void *arg)
{
	const struct crowd *crowd = arg;
	long v;

	for (int i = 0; i < CROWD_ROUNDS; i++) {
		struct gochan_op ops[2] = { op_recv(crowd->c, &v), op_recv(crowd->d, &v) };

		if (select_ops(ops, 2) != 1)
			return false;
	}
	return recv_is(crowd->c, 2);
}

/* A select that completed on one channel is not queued twice on the other. */
TEST_F(select, chanlinear_go)
{
	struct crowd crowd = {
		.c = make_chan(0),
	};
	int d[CROWD];

	for (int i = 0; i < CROWD; i++) {
		d[i] = make_chan(0);
		crowd.d = d[i];
		go(&self->gos, select_in_crowd, &crowd, sizeof(crowd));
	}
	for (int round = 0; round < CROWD_ROUNDS; round++) {
		ASSERT_TRUE(wait_for_waiters(crowd.c, 0, CROWD));
		for (int i = 0; i < CROWD; i++)
			ASSERT_EQ(0, send_long(d[i], 1));
	}
	ASSERT_TRUE(wait_for_waiters(crowd.c, 0, CROWD));
	for (int i = 0; i < CROWD; i++)
		EXPECT_EQ(0, send_long(crowd.c, 2));
	EXPECT_TRUE(go_ended(&self->gos));
	EXPECT_EQ(0U, ch_info(crowd.c).receivers_waiting);
}

TEST_HARNESS_MAIN
