// SPDX-License-Identifier: GPL-2.0
/*
 * Ports of Go's runtime/chan_test.go and chanbarrier_test.go, without the tests of
 * select, which are in go_chan_select.c; GO.md has the list.
 */
#include <kselftest_harness.h>

#include "go.h"

#include <sched.h>

/* Go tests all capacities from 0 to 19. */
static const unsigned int caps[] = { 0, 1, 2, 7, 19 };

#define CAPS		(sizeof(caps) / sizeof(caps[0]))

FIXTURE(chan) {
	struct gos gos;
};

FIXTURE_VARIANT(chan) {
	enum by by;
};

FIXTURE_VARIANT_ADD(chan, thread) {
	.by = BY_THREAD,
};

FIXTURE_VARIANT_ADD(chan, process) {
	.by = BY_PROCESS,
};

FIXTURE_SETUP(chan)
{
	self->gos.by = variant->by;
}

FIXTURE_TEARDOWN(chan)
{
}

static bool fill_chan(int c, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (send_long(c, i))
			return false;
	return true;
}

/* ---- TestChan ---- */

static bool receive_one(void *arg)
{
	const int *c = arg;

	return recv_is(*c, 5);
}

/* On an empty channel receives block, and non-blocking ones fail. */
TEST_F(chan, chan_empty)
{
	for (unsigned int i = 0; i < CAPS; i++) {
		const int c = make_chan(caps[i]);
		struct gochan_op op;
		long v = 7;

		ASSERT_LE(0, c);
		go(&self->gos, receive_one, &c, sizeof(c));
		go(&self->gos, receive_one, &c, sizeof(c));
		ASSERT_TRUE(wait_for_waiters(c, 0, 2));
		EXPECT_EQ(-EAGAIN, try_recv_long(c, &v));
		op = op_recv(c, &v);
		EXPECT_EQ(-EAGAIN, select_default(&op, 1));
		EXPECT_EQ(7, v);
		EXPECT_EQ(2U, ch_info(c).receivers_waiting);
		EXPECT_EQ(0, send_long(c, 5));
		EXPECT_EQ(0, send_long(c, 5));
		EXPECT_TRUE(go_ended(&self->gos));
		close(c);
	}
}

static bool send_last(void *arg)
{
	const int *c = arg;

	return !send_long(*c, 99);
}

/* On a full channel sends block, and non-blocking ones fail. */
TEST_F(chan, chan_full)
{
	for (unsigned int i = 0; i < CAPS; i++) {
		const int c = make_chan(caps[i]);
		struct gochan_op op;
		const long v = 98;

		ASSERT_TRUE(fill_chan(c, caps[i]));
		go(&self->gos, send_last, &c, sizeof(c));
		ASSERT_TRUE(wait_for_waiters(c, 1, 0));
		EXPECT_EQ(-EAGAIN, try_send_long(c, v));
		op = op_send(c, &v);
		EXPECT_EQ(-EAGAIN, select_default(&op, 1));
		EXPECT_EQ(1U, ch_info(c).senders_waiting);
		for (unsigned int k = 0; k < caps[i]; k++)
			EXPECT_TRUE(recv_is(c, k));
		EXPECT_TRUE(recv_is(c, 99));
		EXPECT_TRUE(go_ended(&self->gos));
		EXPECT_EQ(0, gochan_len(c));
		close(c);
	}
}

/* A closed channel delivers what is buffered, then zero values. */
TEST(chan_closed)
{
	for (unsigned int i = 0; i < CAPS; i++) {
		const int c = make_chan(caps[i]);
		long v;

		ASSERT_TRUE(fill_chan(c, caps[i]));
		ASSERT_EQ(0, gochan_close(c));
		for (unsigned int k = 0; k < caps[i]; k++)
			EXPECT_TRUE(recv_is(c, k));
		for (int again = 0; again < 2; again++) {
			v = 7;
			EXPECT_EQ(0, recv_long(c, &v));
			EXPECT_EQ(0, v);
		}
		close(c);
	}
}

static bool receive_end(void *arg)
{
	const int *c = arg;
	long v = 7;

	return !recv_long(*c, &v) && !v;
}

/* close wakes a blocked receiver, which gets the zero value. */
TEST_F(chan, chan_close_wakes)
{
	for (unsigned int i = 0; i < CAPS; i++) {
		const int c = make_chan(caps[i]);

		ASSERT_LE(0, c);
		go(&self->gos, receive_end, &c, sizeof(c));
		ASSERT_TRUE(wait_for_waiters(c, 0, 1));
		EXPECT_EQ(0, gochan_close(c));
		EXPECT_TRUE(go_ended(&self->gos));
		close(c);
	}
}

#define FIFO		100

static bool send_sequence(void *arg)
{
	const int *c = arg;

	return fill_chan(*c, FIFO);
}

/* Messages of one sender arrive in order. */
TEST_F(chan, chan_fifo)
{
	for (unsigned int i = 0; i < CAPS; i++) {
		const int c = make_chan(caps[i]);

		ASSERT_LE(0, c);
		go(&self->gos, send_sequence, &c, sizeof(c));
		for (long k = 0; k < FIFO; k++)
			ASSERT_TRUE(recv_is(c, k));
		EXPECT_TRUE(go_ended(&self->gos));
		close(c);
	}
}

#define MANY		40
#define SIDE		4	/* senders, and also receivers */

struct many {
	int c;
	int done;
};

static bool send_many(void *arg)
{
	const struct many *many = arg;

	return fill_chan(many->c, MANY);
}

/* Receive MANY numbers, then send how often each was received. */
static bool receive_many(void *arg)
{
	const struct many *many = arg;
	unsigned char count[MANY] = {};
	long v;

	for (int i = 0; i < MANY; i++) {
		if (recv_long(many->c, &v) != 1 || v < 0 || v >= MANY)
			return false;
		count[v]++;
	}
	return !gochan_send(many->done, count, sizeof(count));
}

/* Several senders and receivers: each number is received once from each sender. */
TEST_F(chan, chan_many)
{
	unsigned char got[MANY];

	for (unsigned int i = 0; i < CAPS; i++) {
		const struct many many = {
			.c = make_chan(caps[i]),
			.done = gochan_make(0, MANY, 0),
		};
		unsigned int count[MANY] = {};

		ASSERT_LE(0, many.c);
		ASSERT_LE(0, many.done);
		for (int p = 0; p < SIDE; p++) {
			go(&self->gos, send_many, &many, sizeof(many));
			go(&self->gos, receive_many, &many, sizeof(many));
		}
		for (int p = 0; p < SIDE; p++) {
			ASSERT_EQ(1, gochan_recv(many.done, got, MANY, NULL));
			for (int k = 0; k < MANY; k++)
				count[k] += got[k];
		}
		EXPECT_TRUE(go_ended(&self->gos));
		for (int k = 0; k < MANY; k++)
			EXPECT_EQ(SIDE, count[k]);
		EXPECT_EQ(0, gochan_len(many.c));
		close(many.c);
		close(many.done);
	}
}

/* len and cap. */
TEST(chan_len_cap)
{
	for (unsigned int i = 0; i < CAPS; i++) {
		const int c = make_chan(caps[i]);

		ASSERT_LE(0, c);
		EXPECT_EQ(0, gochan_len(c));
		EXPECT_EQ(caps[i], gochan_cap(c));
		ASSERT_TRUE(fill_chan(c, caps[i]));
		EXPECT_EQ(caps[i], gochan_len(c));
		EXPECT_EQ(caps[i], gochan_cap(c));
		close(c);
	}
}

/* ---- TestNonblockRecvRace ---- */

#define RACES		100

struct race {
	int over;	/* the channels are sent over this one */
	int done;
};

/* A non-blocking receive from each channel that arrives. */
static bool race_to_receive(void *arg)
{
	const struct race *race = arg;
	long v = 1;
	int c, got;

	while ((c = recv_chan(race->over)) >= 0) {
		got = try_recv_long(c, &v);
		if (v != 1 || send_long(race->done, got))
			return false;
		close(c);
	}
	return c == -ENOMSG;
}

/* A non-blocking receive never fails on a channel that has a message or is closed. */
TEST_F(chan, nonblock_recv_race)
{
	const struct race race = {
		.over = make_chan(0),
		.done = make_chan(0),
	};
	long other, v;
	int c, mine;

	go(&self->gos, race_to_receive, &race, sizeof(race));
	for (int i = 0; i < RACES; i++) {
		c = make_chan(1);
		ASSERT_EQ(0, send_long(c, 1));
		ASSERT_EQ(0, send_chan(race.over, c));
		ASSERT_EQ(0, gochan_close(c));
		mine = recv_long(c, &v);
		ASSERT_EQ(1, recv_long(race.done, &other));
		ASSERT_LE(0, other);
		ASSERT_EQ(1, mine + other);
		close(c);
	}
	EXPECT_EQ(0, gochan_close(race.over));
	EXPECT_TRUE(go_ended(&self->gos));
}

/* ---- TestMultiConsumer ---- */

#define WORKERS		23
#define WORK		600

static const int primes[] = { 2, 3, 7, 11, 13, 17, 19, 23, 27, 31 };

#define PRIMES		((int)(sizeof(primes) / sizeof(primes[0])))

struct consumer {
	int q;
	int r;
	int done;
	int number;
};

static bool consume(void *arg)
{
	const struct consumer *me = arg;
	long v;
	int ret;

	while ((ret = recv_long(me->q, &v)) == 1) {
		if (primes[me->number % PRIMES] == v)
			sched_yield();
		if (send_long(me->r, v))
			return false;
	}
	return !ret && !send_long(me->done, 0);
}

/* Feed the workers and close their channel; then close that of the results. */
static bool feed(void *arg)
{
	const struct consumer *us = arg;

	for (int i = 0; i < WORK; i++)
		if (send_long(us->q, primes[i % PRIMES]))
			return false;
	if (gochan_close(us->q))
		return false;
	for (int i = 0; i < WORKERS; i++)
		if (!recv_is(us->done, 0))
			return false;
	return !gochan_close(us->r);
}

/* Many workers consume one channel until it is closed: nothing is lost or duplicated. */
TEST_F(chan, multi_consumer)
{
	struct consumer us = {
		.q = make_chan(3 * WORKERS),
		.r = make_chan(3 * WORKERS),
		.done = make_chan(0),
	};
	long v, sum = 0, expected = 0;
	int n = 0;

	for (us.number = 0; us.number < WORKERS; us.number++)
		go(&self->gos, consume, &us, sizeof(us));
	go(&self->gos, feed, &us, sizeof(us));
	while (recv_long(us.r, &v) == 1) {
		sum += v;
		n++;
	}
	for (int i = 0; i < WORK; i++)
		expected += primes[i % PRIMES];
	EXPECT_EQ(WORK, n);
	EXPECT_EQ(expected, sum);
	EXPECT_TRUE(go_ended(&self->gos));
}

/* ---- TestShrinkStackDuringBlockedSend ---- */

#define MOVES		5

struct blocked_send {
	int c;
	const void *msg;
	size_t len;
};

static bool send_blocked(void *arg)
{
	const struct blocked_send *send = arg;

	return !gochan_send(send->c, send->msg, send->len);
}

/* A blocked sender's memory may be unmapped: its payload was copied. */
TEST(shrink_stack_during_blocked_send)
{
	static const size_t lens[] = { sizeof(long), 3000, 9000 };
	struct blocked_send send = {
		.c = gochan_make(0, 9000, 0),
	};
	struct gos gos = { .by = BY_THREAD };
	char got[9000];
	size_t len;
	void *msg;

	ASSERT_LE(0, send.c);
	for (unsigned int i = 0; i < 3 * MOVES; i++) {
		send.len = lens[i % 3];
		msg = map_pages(3);
		fill(msg, send.len, i);
		send.msg = msg;
		go(&gos, send_blocked, &send, sizeof(send));
		ASSERT_TRUE(wait_for_waiters(send.c, 1, 0));
		ASSERT_EQ(0, munmap(msg, 4 * page_size()));
		ASSERT_EQ(1, gochan_recv(send.c, got, sizeof(got), &len));
		EXPECT_EQ(send.len, len);
		EXPECT_TRUE(is_filled(got, len, i));
		EXPECT_TRUE(go_ended(&gos));
	}
}

/* ---- TestChanSendBarrier, TestChanSendSelectBarrier ---- */

#define OUTER		3
#define INNER		6

struct request {
	int response;
	int done;
	bool select;
	enum by by;
};

struct response {
	const void *value;
	long error;
};

/* Send a response and exit. */
static bool respond(void *arg)
{
	const struct request *request = arg;
	const struct response response = { .error = 42 };
	struct gochan_op ops[2] = {
		GOCHAN_SEND(request->response, &response, sizeof(response)),
		GOCHAN_RECV(request->done, NULL, 0),
	};

	if (request->select)
		return select_ops(ops, 2) == 0;
	return !gochan_send(request->response, &response, sizeof(response));
}

static bool do_request(enum by by, bool select)
{
	const struct request request = {
		.response = gochan_make(0, sizeof(struct response), 0),
		.done = gochan_make(0, 0, 0),
		.select = select,
	};
	struct response response = { .value = &request };
	struct gos gos = { .by = by };
	bool ok;

	go(&gos, respond, &request, sizeof(request));
	ok = gochan_recv(request.response, &response, sizeof(response), NULL) == 1;
	sched_yield();
	ok &= go_ended(&gos) && !response.value && response.error == 42;
	close(request.response);
	close(request.done);
	return ok;
}

static bool request_often(void *arg)
{
	const struct request *how = arg;

	for (int i = 0; i < INNER; i++)
		if (!do_request(how->by, how->select))
			return false;
	return true;
}

static bool send_barrier(struct gos *gos, bool select)
{
	const struct request how = {
		.select = select,
		.by = gos->by,
	};

	for (int i = 0; i < OUTER; i++)
		go(gos, request_often, &how, sizeof(how));
	return go_ended(gos);
}

/* A message outlives the goroutine that sent it, and the channel. */
TEST_F(chan, chan_send_barrier)
{
	EXPECT_TRUE(send_barrier(&self->gos, false));
}

TEST_F(chan, chan_send_select_barrier)
{
	EXPECT_TRUE(send_barrier(&self->gos, true));
}

TEST_HARNESS_MAIN
