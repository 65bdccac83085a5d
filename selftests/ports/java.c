// SPDX-License-Identifier: GPL-2.0
/*
 * The methods of Java's BlockingQueue on a channel: buffered as
 * ArrayBlockingQueue, unbuffered as SynchronousQueue. First the methods, then the
 * tests; JAVA.md has the table.
 */
#include <kselftest_harness.h>

#include "go.h"

#include <signal.h>
#include <time.h>

#define SIZE		20
#define NS_PER_S	1000000000LL

/* The timeout of calls that are expected to time out. */
#define SHORT_NS	20000000LL

/* The timeout of calls that are expected to complete. */
#define LONG_NS		(WAIT_LIMIT * NS_PER_S)

/* ---- the methods ---- */

static struct timespec in_ns(long long ns)
{
	const long long end = now_ns() + ns;

	return (struct timespec){ .tv_sec = end / NS_PER_S, .tv_nsec = end % NS_PER_S };
}

/* new ArrayBlockingQueue(capacity), new SynchronousQueue() for 0 */
static int queue(unsigned int capacity)
{
	return make_chan(capacity);
}

/* put(e): 0, or -EINTR, which is InterruptedException */
static int put(int q, long e)
{
	return send_long(q, e);
}

/* take(): 1 and *e, or -EINTR */
static int take(int q, long *e)
{
	return recv_long(q, e);
}

/* offer(e): 0, or -EAGAIN, which is false, and an exception in add(e) */
static int offer(int q, long e)
{
	return try_send_long(q, e);
}

/* offer(e, timeout): 0, -EINTR, or -ETIMEDOUT, which is false */
static int offer_timed(int q, long e, long long ns)
{
	const struct timespec deadline = in_ns(ns);

	return or_errno(gochan_send_until(q, &e, sizeof(e), &deadline));
}

/* poll(): 1 and *e, or -EAGAIN, which is null, and an exception in remove() */
static int poll_now(int q, long *e)
{
	return try_recv_long(q, e);
}

/* poll(timeout): 1 and *e, -EINTR, or -ETIMEDOUT, which is null */
static int poll_timed(int q, long *e, long long ns)
{
	const struct timespec deadline = in_ns(ns);

	return or_errno(gochan_recv_until(q, e, sizeof(*e), NULL, &deadline));
}

/* peek(): 1 and *e, or -EAGAIN, which is null, and an exception in element() */
static int peek(int q, long *e)
{
	struct gochan_op op = op_recv(q, e);
	int ret;

	op.flags = GOCHAN_PEEK;
	ret = select_default(&op, 1);
	return ret ? ret : 1;
}

/* size() */
static int size(int q)
{
	return gochan_len(q);
}

/* remainingCapacity(), from one snapshot */
static int remaining_capacity(int q)
{
	struct gochan_info info;
	const int ret = or_errno(gochan_info(q, &info));

	return ret ? ret : (int)(info.capacity - info.len);
}

/* drainTo(e, max): the number received; one system call, up to max_select */
static int drain_to(int q, long *e, unsigned int max)
{
	struct gochan_op ops[4 * SIZE];
	int n;

	for (unsigned int i = 0; i < max; i++)
		ops[i] = op_recv(q, &e[i]);
	n = or_errno(gochan_batch(ops, max, 0, 0));
	return n == -EAGAIN ? 0 : n;
}

/* addAll(e): the number sent before the first failure */
static int add_all(int q, const long *e, unsigned int n)
{
	struct gochan_op ops[4 * SIZE];
	int ret;

	for (unsigned int i = 0; i < n; i++)
		ops[i] = op_send(q, &e[i]);
	ret = or_errno(gochan_batch(ops, n, 0, 0));
	return ret == -EAGAIN ? 0 : ret;
}

/* clear(): drops what is buffered now, not what is sent meanwhile */
static int clear(int q)
{
	long thrown_away[4 * SIZE];
	const int n = size(q);

	return n <= 0 ? n : drain_to(q, thrown_away, n) - n;
}

/* ---- the tests ---- */

FIXTURE(java) {
	struct gos gos;
	int q;		/* capacity SIZE */
	int s;		/* synchronous */
	long e;
};

FIXTURE_VARIANT(java) {
	enum by by;
};

FIXTURE_VARIANT_ADD(java, thread) {
	.by = BY_THREAD,
};

FIXTURE_VARIANT_ADD(java, process) {
	.by = BY_PROCESS,
};

static void ignore(int sig)
{
	(void)sig;
}

FIXTURE_SETUP(java)
{
	const struct sigaction action = { .sa_handler = ignore };

	self->gos.by = variant->by;
	self->q = queue(SIZE);
	self->s = queue(0);
	ASSERT_LE(0, self->q);
	ASSERT_LE(0, self->s);
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
}

FIXTURE_TEARDOWN(java)
{
}

static bool fill_queue(int q, long from)
{
	for (int i = 0; i < SIZE; i++)
		if (offer(q, from + i))
			return false;
	return true;
}

/* Does e[] count up? */
static bool in_order(const long *e, int n, long from)
{
	for (int i = 0; i < n; i++)
		if (e[i] != from + i)
			return false;
	return true;
}

/* A call by another thread or process, and its expected result. */
struct other {
	int q;
	long e;
	int ret;
	long long ns;	/* the timeout; 0: none */
};

static bool do_put(void *arg)
{
	const struct other *o = arg;
	const int ret = o->ns ? offer_timed(o->q, o->e, o->ns) : put(o->q, o->e);

	return ret == o->ret;
}

static bool do_take(void *arg)
{
	const struct other *o = arg;
	long e = -1;
	const int ret = o->ns ? poll_timed(o->q, &e, o->ns) : take(o->q, &e);

	return ret == o->ret && e == (ret == 1 ? o->e : -1);
}

static void start_put(struct gos *gos, int q, long e, int ret, long long ns)
{
	const struct other o = { .q = q, .e = e, .ret = ret, .ns = ns };

	go(gos, do_put, &o, sizeof(o));
}

static void start_take(struct gos *gos, int q, long e, int ret, long long ns)
{
	const struct other o = { .q = q, .e = e, .ret = ret, .ns = ns };

	go(gos, do_take, &o, sizeof(o));
}

/* Interrupt the goroutine that was started last. */
static void interrupt(const struct gos *gos)
{
	const struct go *last = &gos->go[gos->n - 1];

	if (gos->by == BY_THREAD)
		pthread_kill(last->thread, SIGUSR1);
	else
		kill(last->pid, SIGUSR1);
}

/* ArrayBlockingQueue: size, isEmpty and remainingCapacity follow the contents. */
TEST_F(java, array_size)
{
	EXPECT_EQ(SIZE, remaining_capacity(self->q));
	EXPECT_EQ(0, size(self->q));
	for (int i = 0; i < SIZE; i++) {
		EXPECT_EQ(i, size(self->q));
		EXPECT_EQ(SIZE - i, remaining_capacity(self->q));
		EXPECT_EQ(0, offer(self->q, i));
	}
	EXPECT_EQ(-EAGAIN, offer(self->q, SIZE));
	for (int i = 0; i < SIZE; i++) {
		EXPECT_EQ(SIZE - i, size(self->q));
		EXPECT_EQ(i, remaining_capacity(self->q));
		EXPECT_EQ(1, poll_now(self->q, &self->e));
		EXPECT_EQ(i, self->e);
	}
	EXPECT_EQ(-EAGAIN, poll_now(self->q, &self->e));
	EXPECT_EQ(SIZE, remaining_capacity(self->q));
}

/* ArrayBlockingQueue: put waits for a free slot, take for an element. */
TEST_F(java, array_put_take)
{
	for (int i = 0; i < SIZE; i++)
		ASSERT_EQ(0, put(self->q, i));
	start_put(&self->gos, self->q, SIZE, 0, 0);
	ASSERT_TRUE(wait_for_waiters(self->q, 1, 0));
	EXPECT_EQ(SIZE, size(self->q));
	EXPECT_EQ(0, remaining_capacity(self->q));
	ASSERT_EQ(1, take(self->q, &self->e));
	EXPECT_EQ(0, self->e);
	EXPECT_TRUE(go_ended(&self->gos));
	EXPECT_EQ(SIZE, size(self->q));
	for (int i = 1; i <= SIZE; i++) {
		ASSERT_EQ(1, take(self->q, &self->e));
		EXPECT_EQ(i, self->e);
	}
	start_take(&self->gos, self->q, 86, 1, 0);
	ASSERT_TRUE(wait_for_waiters(self->q, 0, 1));
	EXPECT_EQ(0, put(self->q, 86));
	EXPECT_TRUE(go_ended(&self->gos));
	EXPECT_EQ(0, size(self->q));
}

/* Both: put and take, timed or not, do nothing when they are interrupted. */
TEST_F(java, interrupted)
{
	ASSERT_TRUE(fill_queue(self->q, 0));
	for (int i = 0; i < 4; i++) {
		const int q = i / 2 ? self->s : self->q;

		start_put(&self->gos, q, 99, -EINTR, i % 2 ? LONG_NS : 0);
		ASSERT_TRUE(wait_for_waiters(q, 1, 0));
		interrupt(&self->gos);
		EXPECT_TRUE(go_ended(&self->gos));
		EXPECT_EQ(0U, ch_info(q).senders_waiting);
	}
	EXPECT_EQ(SIZE, size(self->q));
	EXPECT_EQ(0, clear(self->q));
	EXPECT_EQ(0, size(self->q));
	for (int i = 0; i < 4; i++) {
		const int q = i / 2 ? self->s : self->q;

		start_take(&self->gos, q, 0, -EINTR, i % 2 ? LONG_NS : 0);
		ASSERT_TRUE(wait_for_waiters(q, 0, 1));
		interrupt(&self->gos);
		EXPECT_TRUE(go_ended(&self->gos));
		EXPECT_EQ(0U, ch_info(q).receivers_waiting);
		EXPECT_EQ(-EAGAIN, poll_now(q, &self->e));
	}
}

/* Both: offer and poll with a timeout do not time out early. */
TEST_F(java, timed_out)
{
	const int qs[2] = { self->q, self->s };
	long long start;

	for (int i = 0; i < 2; i++) {
		start = now_ns();
		EXPECT_EQ(-ETIMEDOUT, poll_timed(qs[i], &self->e, SHORT_NS));
		EXPECT_LE(SHORT_NS, now_ns() - start);
		EXPECT_EQ(-ETIMEDOUT, poll_timed(qs[i], &self->e, 0));
	}
	ASSERT_TRUE(fill_queue(self->q, 0));
	for (int i = 0; i < 2; i++) {
		start = now_ns();
		EXPECT_EQ(-ETIMEDOUT, offer_timed(qs[i], 99, SHORT_NS));
		EXPECT_LE(SHORT_NS, now_ns() - start);
		EXPECT_EQ(-ETIMEDOUT, offer_timed(qs[i], 99, 0));
	}
	EXPECT_EQ(1, poll_timed(self->q, &self->e, 0));
	EXPECT_EQ(0, offer_timed(self->q, SIZE, 0));
	EXPECT_EQ(SIZE, size(self->q));
	EXPECT_EQ(0, size(self->s));
}

/* Both: offer and poll with a timeout return as soon as they can succeed. */
TEST_F(java, timed_in_time)
{
	const int qs[2] = { self->q, self->s };
	const long long start = now_ns();

	for (int i = 0; i < 2; i++) {
		start_take(&self->gos, qs[i], 7, 1, LONG_NS);
		ASSERT_TRUE(wait_for_waiters(qs[i], 0, 1));
		EXPECT_EQ(0, offer_timed(qs[i], 7, SHORT_NS));
		EXPECT_TRUE(go_ended(&self->gos));
	}
	ASSERT_TRUE(fill_queue(self->q, 0));
	for (int i = 0; i < 2; i++) {
		start_put(&self->gos, qs[i], SIZE, 0, LONG_NS);
		ASSERT_TRUE(wait_for_waiters(qs[i], 1, 0));
		EXPECT_EQ(1, poll_timed(qs[i], &self->e, SHORT_NS));
		EXPECT_EQ(i * SIZE, self->e);
		EXPECT_TRUE(go_ended(&self->gos));
	}
	EXPECT_GT(LONG_NS, now_ns() - start);
}

/* ArrayBlockingQueue: peek and element return the head without removing it. */
TEST_F(java, array_peek)
{
	EXPECT_EQ(-EAGAIN, peek(self->q, &self->e));
	ASSERT_TRUE(fill_queue(self->q, 0));
	for (int i = 0; i < SIZE; i++) {
		for (int again = 0; again < 2; again++) {
			self->e = -1;
			EXPECT_EQ(1, peek(self->q, &self->e));
			EXPECT_EQ(i, self->e);
		}
		EXPECT_EQ(SIZE - i, size(self->q));
		EXPECT_EQ(1, poll_now(self->q, &self->e));
		EXPECT_EQ(i, self->e);
	}
	EXPECT_EQ(-EAGAIN, peek(self->q, &self->e));
}

/* ArrayBlockingQueue: drainTo takes all, or up to max, in order. */
TEST_F(java, array_drain_to)
{
	long e[2 * SIZE];

	EXPECT_EQ(0, drain_to(self->q, e, 2 * SIZE));
	for (int again = 0; again < 2; again++) {
		ASSERT_TRUE(fill_queue(self->q, 0));
		EXPECT_EQ(SIZE, drain_to(self->q, e, 2 * SIZE));
		EXPECT_TRUE(in_order(e, SIZE, 0));
		EXPECT_EQ(0, size(self->q));
	}
	ASSERT_TRUE(fill_queue(self->q, 0));
	EXPECT_EQ(0, drain_to(self->q, e, 0));
	EXPECT_EQ(1, drain_to(self->q, e, 1));
	EXPECT_EQ(SIZE - 2, drain_to(self->q, &e[1], SIZE - 2));
	EXPECT_TRUE(in_order(e, SIZE - 1, 0));
	EXPECT_EQ(1, size(self->q));
}

/* ArrayBlockingQueue: addAll adds what fits, in order. */
TEST_F(java, array_add_all)
{
	long e[SIZE + 1], got[SIZE];

	for (int i = 0; i <= SIZE; i++)
		e[i] = i;
	EXPECT_EQ(3, add_all(self->q, e, 3));
	EXPECT_EQ(SIZE - 3, add_all(self->q, &e[3], SIZE - 2));
	EXPECT_EQ(0, add_all(self->q, &e[SIZE], 1));
	EXPECT_EQ(SIZE, drain_to(self->q, got, SIZE));
	EXPECT_TRUE(in_order(got, SIZE, 0));
	EXPECT_EQ(0, add_all(self->s, e, 1));
}

/* On a fixed-size channel drainTo is one read. */
TEST_F(java, array_drain_to_fixed)
{
	const int q = gochan_make(SIZE, sizeof(long), GOCHAN_FIXED);
	long e[2 * SIZE];

	ASSERT_LE(0, q);
	EXPECT_EQ(-EAGAIN, ch_try_recv(q, e, sizeof(e)));
	ASSERT_TRUE(fill_queue(q, 0));
	EXPECT_EQ((ssize_t)(3 * sizeof(long)), ch_try_recv(q, e, 3 * sizeof(long)));
	EXPECT_EQ((ssize_t)((SIZE - 3) * sizeof(long)), ch_try_recv(q, &e[3], sizeof(e) / 2));
	EXPECT_TRUE(in_order(e, SIZE, 0));
	EXPECT_EQ(0, size(q));
}

/* ArrayBlockingQueue: drainTo gets the element of a blocked put last. */
TEST_F(java, array_drain_to_active_put)
{
	long e[2 * SIZE];
	int n;

	ASSERT_TRUE(fill_queue(self->q, 0));
	start_put(&self->gos, self->q, SIZE, 0, 0);
	ASSERT_TRUE(wait_for_waiters(self->q, 1, 0));
	n = drain_to(self->q, e, 2 * SIZE);
	EXPECT_TRUE(go_ended(&self->gos));
	EXPECT_EQ(SIZE + 1, n);
	EXPECT_TRUE(in_order(e, n, 0));
}

/* ArrayBlockingQueue: clear lets a blocked put complete. */
TEST_F(java, array_clear)
{
	EXPECT_EQ(0, clear(self->q));
	ASSERT_TRUE(fill_queue(self->q, 0));
	EXPECT_EQ(0, clear(self->q));
	EXPECT_EQ(0, size(self->q));
	EXPECT_EQ(SIZE, remaining_capacity(self->q));
	ASSERT_TRUE(fill_queue(self->q, 0));
	start_put(&self->gos, self->q, SIZE, 0, 0);
	ASSERT_TRUE(wait_for_waiters(self->q, 1, 0));
	EXPECT_EQ(0, clear(self->q));
	EXPECT_TRUE(go_ended(&self->gos));
	EXPECT_EQ(1, size(self->q));
	EXPECT_EQ(1, take(self->q, &self->e));
	EXPECT_EQ(SIZE, self->e);
}

/* SynchronousQueue: it is always empty, even with a blocked put. */
TEST_F(java, synchronous_size)
{
	EXPECT_EQ(0, size(self->s));
	EXPECT_EQ(0, remaining_capacity(self->s));
	EXPECT_EQ(-EAGAIN, offer(self->s, 1));
	EXPECT_EQ(-EAGAIN, poll_now(self->s, &self->e));
	start_put(&self->gos, self->s, 1, 0, 0);
	ASSERT_TRUE(wait_for_waiters(self->s, 1, 0));
	EXPECT_EQ(0, size(self->s));
	EXPECT_EQ(0, remaining_capacity(self->s));
	EXPECT_EQ(0, clear(self->s));
	EXPECT_EQ(1U, ch_info(self->s).senders_waiting);
	EXPECT_EQ(1, take(self->s, &self->e));
	EXPECT_TRUE(go_ended(&self->gos));
}

/* SynchronousQueue: put and take wait for each other; offer and poll do not block. */
TEST_F(java, synchronous_put_take)
{
	start_put(&self->gos, self->s, 86, 0, 0);
	ASSERT_TRUE(wait_for_waiters(self->s, 1, 0));
	EXPECT_EQ(-EAGAIN, offer(self->s, 1));
	EXPECT_EQ(1, take(self->s, &self->e));
	EXPECT_EQ(86, self->e);
	EXPECT_TRUE(go_ended(&self->gos));

	start_take(&self->gos, self->s, 87, 1, 0);
	ASSERT_TRUE(wait_for_waiters(self->s, 0, 1));
	EXPECT_EQ(-EAGAIN, poll_now(self->s, &self->e));
	EXPECT_EQ(0, put(self->s, 87));
	EXPECT_TRUE(go_ended(&self->gos));

	start_put(&self->gos, self->s, 88, 0, 0);
	ASSERT_TRUE(wait_for_waiters(self->s, 1, 0));
	EXPECT_EQ(1, poll_now(self->s, &self->e));
	EXPECT_EQ(88, self->e);
	EXPECT_TRUE(go_ended(&self->gos));

	start_take(&self->gos, self->s, 89, 1, 0);
	ASSERT_TRUE(wait_for_waiters(self->s, 0, 1));
	EXPECT_EQ(0, offer(self->s, 89));
	EXPECT_TRUE(go_ended(&self->gos));
}

/* SynchronousQueue: unlike Java's, peek returns the element of a blocked put. */
TEST_F(java, synchronous_peek)
{
	EXPECT_EQ(-EAGAIN, peek(self->s, &self->e));
	start_put(&self->gos, self->s, 5, 0, 0);
	ASSERT_TRUE(wait_for_waiters(self->s, 1, 0));
	EXPECT_EQ(1, peek(self->s, &self->e));
	EXPECT_EQ(5, self->e);
	EXPECT_EQ(1U, ch_info(self->s).senders_waiting);
	EXPECT_EQ(1, take(self->s, &self->e));
	EXPECT_TRUE(go_ended(&self->gos));
	EXPECT_EQ(-EAGAIN, peek(self->s, &self->e));
}

/* SynchronousQueue: drainTo takes from blocked puts, in order of arrival. */
TEST_F(java, synchronous_drain_to)
{
	long e[SIZE];

	EXPECT_EQ(0, drain_to(self->s, e, SIZE));
	for (int i = 0; i < 3; i++) {
		start_put(&self->gos, self->s, i, 0, 0);
		ASSERT_TRUE(wait_for_waiters(self->s, i + 1, 0));
	}
	EXPECT_EQ(1, drain_to(self->s, e, 1));
	EXPECT_EQ(2U, ch_info(self->s).senders_waiting);
	EXPECT_EQ(2, drain_to(self->s, &e[1], SIZE - 1));
	EXPECT_TRUE(in_order(e, 3, 0));
	EXPECT_TRUE(go_ended(&self->gos));
}

/* Both: as in Java's fair queues, waiters complete in order of arrival. */
TEST_F(java, fair)
{
	const int qs[2] = { self->q, self->s };

	for (int i = 0; i < 2; i++) {
		for (int k = 0; k < 3; k++) {
			start_take(&self->gos, qs[i], k, 1, 0);
			ASSERT_TRUE(wait_for_waiters(qs[i], 0, k + 1));
		}
		for (int k = 0; k < 3; k++)
			EXPECT_EQ(0, put(qs[i], k));
		EXPECT_TRUE(go_ended(&self->gos));
	}
}

TEST_HARNESS_MAIN
