// SPDX-License-Identifier: GPL-2.0
/*
 * The benchmarks of Go's runtime/chan_test.go, as tests that they end and lose
 * nothing; GO.md has the list. Speed is not measured.
 */
#include <kselftest_harness.h>

#include "go.h"

#include <poll.h>

#define PROCS		4
#define CALLS		300

FIXTURE(bench) {
	struct gos gos;
};

FIXTURE_VARIANT(bench) {
	enum by by;
};

FIXTURE_VARIANT_ADD(bench, thread) {
	.by = BY_THREAD,
};

FIXTURE_VARIANT_ADD(bench, process) {
	.by = BY_PROCESS,
};

FIXTURE_SETUP(bench)
{
	self->gos.by = variant->by;
}

FIXTURE_TEARDOWN(bench)
{
}

struct work {
	int c[4];
	int done;
	int other;
	int *count;
	int most;
};

static void go_procs(struct gos *gos, bool (*run)(void *arg), const struct work *work)
{
	for (int i = 0; i < PROCS; i++)
		go(gos, run, work, sizeof(*work));
}

/* ---- ChanNonblocking, SelectNonblock, ChanClosed ---- */

static bool never_ready(void *arg)
{
	const struct work *work = arg;
	long v = 1;

	for (int i = 0; i < CALLS; i++)
		if (try_recv_long(work->c[0], &v) != -EAGAIN ||
		    try_send_long(work->c[1], v) != -EAGAIN ||
		    try_recv_long(work->c[2], &v) != -EAGAIN ||
		    try_send_long(work->c[3], v) != -EAGAIN)
			return false;
	return v == 1;
}

/* Empty and full channels without waiters are never ready. */
TEST_F(bench, nonblocking)
{
	const struct work work = {
		.c = { make_chan(0), make_chan(0), make_chan(1), make_chan(1) },
	};

	ASSERT_EQ(0, send_long(work.c[3], 0));
	go_procs(&self->gos, never_ready, &work);
	EXPECT_TRUE(go_ended(&self->gos));
}

static bool always_closed(void *arg)
{
	const struct work *work = arg;
	long v;

	for (int i = 0; i < CALLS; i++)
		if (try_recv_long(work->c[0], &v) != 0)
			return false;
	return true;
}

/* A closed channel is always ready. */
TEST_F(bench, closed)
{
	const struct work work = { .c = { make_chan(0) } };

	ASSERT_EQ(0, gochan_close(work.c[0]));
	go_procs(&self->gos, always_closed, &work);
	EXPECT_TRUE(go_ended(&self->gos));
}

/* ---- SelectUncontended, SelectAsyncContended ---- */

/* Send a token, and move tokens from either channel to the other. */
static bool move_tokens(void *arg)
{
	const struct work *work = arg;
	long v = 0;

	if (send_long(work->c[0], v))
		return false;
	for (int i = 0; i < CALLS; i++) {
		struct gochan_op ops[2] = { op_recv(work->c[0], &v), op_recv(work->c[1], &v) };
		const int at = select_ops(ops, 2);

		if (at < 0 || send_long(work->c[!at], v))
			return false;
	}
	return true;
}

TEST(select_uncontended)
{
	struct work work = { .c = { make_chan(1), make_chan(1) } };

	EXPECT_TRUE(move_tokens(&work));
	EXPECT_EQ(1, gochan_len(work.c[0]) + gochan_len(work.c[1]));
}

/* No token is lost. */
TEST_F(bench, select_async_contended)
{
	const struct work work = { .c = { make_chan(PROCS), make_chan(PROCS) } };

	go_procs(&self->gos, move_tokens, &work);
	EXPECT_TRUE(go_ended(&self->gos));
	EXPECT_EQ(PROCS, gochan_len(work.c[0]) + gochan_len(work.c[1]));
}

/* ---- SelectSyncContended ---- */

static bool send_to_any(void *arg)
{
	const struct work *work = arg;
	const long v = 0;
	int at;

	do {
		struct gochan_op ops[4] = {
			op_send(work->c[0], &v), op_send(work->c[1], &v),
			op_send(work->c[2], &v), GOCHAN_RECV(work->done, NULL, 0),
		};

		at = select_ops(ops, 4);
	} while (at >= 0 && at < 3);
	return at == 3;
}

static bool receive_from_any(void *arg)
{
	const struct work *work = arg;
	long v;

	for (int i = 0; i < CALLS; i++) {
		struct gochan_op ops[3] = {
			op_recv(work->c[0], &v), op_recv(work->c[1], &v),
			op_recv(work->c[2], &v),
		};

		if (select_ops(ops, 3) < 0)
			return false;
	}
	return true;
}

/* Selects communicate with selects on several channels, until they are stopped. */
TEST_F(bench, select_sync_contended)
{
	const struct work work = {
		.c = { make_chan(0), make_chan(0), make_chan(0) },
		.done = make_chan(0),
	};
	struct gos senders = { .by = variant->by };
	unsigned long long sent = 0;

	go_procs(&senders, send_to_any, &work);
	go_procs(&self->gos, receive_from_any, &work);
	EXPECT_TRUE(go_ended(&self->gos));
	EXPECT_EQ(0, gochan_close(work.done));
	EXPECT_TRUE(go_ended(&senders));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(0U, ch_info(work.c[i]).senders_waiting);
		sent += ch_info(work.c[i]).sent;
	}
	EXPECT_EQ(PROCS * CALLS, sent);
}

/* ---- ChanUncontended, ChanContended, ReceiveDataFromClosedChan ---- */

#define BURST		20

static bool fill_and_drain(void *arg)
{
	const struct work *work = arg;
	long v;

	for (int i = 0; i < CALLS; i++) {
		const bool sends = i / BURST % 2 == 0;

		if (sends ? send_long(work->c[0], i) : recv_long(work->c[0], &v) != 1)
			return false;
	}
	return true;
}

static bool receive_rest(void *arg)
{
	const struct work *work = arg;
	long v;
	int ret;

	while ((ret = recv_long(work->c[0], &v)) == 1)
		__atomic_add_fetch(work->count, 1, __ATOMIC_RELAXED);
	return !ret;
}

/* Concurrent bursts of sends and receives; then the channel is closed and drained. */
TEST_F(bench, contended)
{
	const struct work work = {
		.c = { make_chan(BURST * PROCS) },
		.count = go_shared(sizeof(int)),
	};
	const int left = PROCS * (CALLS % (2 * BURST));

	go_procs(&self->gos, fill_and_drain, &work);
	EXPECT_TRUE(go_ended(&self->gos));
	EXPECT_EQ(left, gochan_len(work.c[0]));
	EXPECT_EQ(0, gochan_close(work.c[0]));
	go_procs(&self->gos, receive_rest, &work);
	EXPECT_TRUE(go_ended(&self->gos));
	EXPECT_EQ(left, *work.count);
}

/* ---- ChanSync ---- */

static bool answer(void *arg)
{
	const struct work *work = arg;
	long v;

	for (int i = 0; i < CALLS; i++)
		if (recv_long(work->c[0], &v) != 1 || v != i || send_long(work->c[0], -v))
			return false;
	return true;
}

/* Ping-pong over one unbuffered channel: no task receives what it sent itself. */
TEST_F(bench, sync)
{
	const struct work work = { .c = { make_chan(0) } };

	go(&self->gos, answer, &work, sizeof(work));
	for (int i = 0; i < CALLS; i++) {
		ASSERT_EQ(0, send_long(work.c[0], i));
		ASSERT_TRUE(recv_is(work.c[0], -i));
	}
	EXPECT_TRUE(go_ended(&self->gos));
}

/* ---- ChanProdCons, SelectProdCons ---- */

/* An op, in SelectProdCons in a select with a timer and a channel to stop it. */
static int do_op(const struct work *work, struct gochan_op op)
{
	struct gochan_op ops[3] = {
		op, GOCHAN_POLL(work->other, POLLIN), GOCHAN_RECV(work->done, NULL, 0),
	};

	return select_ops(ops, work->other < 0 ? 1 : 3);
}

static bool produce(void *arg)
{
	const struct work *work = arg;
	const long one = 1, zero = 0;

	for (int i = 0; i < CALLS; i++)
		if (do_op(work, op_send(work->c[0], &one)))
			return false;
	return !do_op(work, op_send(work->c[0], &zero));
}

static bool consume(void *arg)
{
	const struct work *work = arg;
	long v;

	for (;;) {
		if (do_op(work, op_recv(work->c[0], &v)))
			return false;
		if (!v)
			return true;
		__atomic_add_fetch(work->count, 1, __ATOMIC_RELAXED);
	}
}

/* Each producer stops one consumer by a zero. */
static bool produce_and_consume(struct gos *gos, unsigned int capacity, int timer)
{
	const struct work work = {
		.c = { make_chan(capacity) },
		.count = go_shared(sizeof(int)),
		.other = timer,
		.done = make_chan(0),
	};

	go_procs(gos, produce, &work);
	go_procs(gos, consume, &work);
	return go_ended(gos) && *work.count == PROCS * CALLS && gochan_len(work.c[0]) == 0;
}

TEST_F(bench, prod_cons)
{
	EXPECT_TRUE(produce_and_consume(&self->gos, 0, -1));
	EXPECT_TRUE(produce_and_consume(&self->gos, 10, -1));
	EXPECT_TRUE(produce_and_consume(&self->gos, 100, -1));
}

TEST_F(bench, select_prod_cons)
{
	const int hour = gochan_after(3600 * 1000000000LL);

	ASSERT_LE(0, hour);
	EXPECT_TRUE(produce_and_consume(&self->gos, 0, hour));
	EXPECT_TRUE(produce_and_consume(&self->gos, 128, hour));
}

/* ---- ChanSem ---- */

static bool hold(void *arg)
{
	const struct work *work = arg;
	bool ok = true;

	for (int i = 0; i < CALLS; i++) {
		if (gochan_send(work->c[0], NULL, 0))
			return false;
		ok &= __atomic_add_fetch(work->count, 1, __ATOMIC_RELAXED) <= work->most;
		__atomic_sub_fetch(work->count, 1, __ATOMIC_RELAXED);
		if (gochan_recv(work->c[0], NULL, 0, NULL) != 1)
			return false;
	}
	return ok;
}

/* A channel as a semaphore: never held more often than its capacity. */
TEST_F(bench, sem)
{
	struct work work = { .count = go_shared(sizeof(int)) };

	for (work.most = 1; work.most < PROCS; work.most++) {
		work.c[0] = gochan_make(work.most, 0, 0);
		go_procs(&self->gos, hold, &work);
		EXPECT_TRUE(go_ended(&self->gos));
		EXPECT_EQ(0, *work.count);
	}
}

TEST_HARNESS_MAIN
