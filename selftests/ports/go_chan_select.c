// SPDX-License-Identifier: GPL-2.0
/*
 * Ports of the tests of select in Go's runtime/chan_test.go; GO.md has the list.
 * Its other tests are in go_chan.c, test/chan/select*.go is in go_select.c.
 */
#include <kselftest_harness.h>

#include "go.h"

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

/* ---- TestNonblockSelectRace, TestNonblockSelectRace2 ---- */

#define RACES		200

struct race {
	int over;	/* the channels are sent over this one, in pairs */
	int done;
	unsigned int flags;
};

/*
 * Go locks all channels at once, gochan examines one after the other, in random
 * order or in that of the ops. So a select may find first c2 and then c1 empty.
 * Then c2 has its message by now, and a second select finds it.
 */
static int select_two(int c1, int c2, unsigned int flags)
{
	int ret = -EAGAIN;
	long v;

	for (int tries = flags & GOCHAN_ORDERED ? 1 : 2; ret == -EAGAIN && tries; tries--) {
		struct gochan_op ops[2] = { op_recv(c1, &v), op_recv(c2, &v) };

		ret = or_errno(gochan_select(ops, 2, 0, flags));
	}
	return ret;
}

static bool race_to_select(void *arg)
{
	const struct race *race = arg;
	int c1, c2;

	while ((c1 = recv_chan(race->over)) >= 0) {
		c2 = recv_chan(race->over);
		if (c2 < 0 || send_long(race->done, select_two(c1, c2, race->flags)))
			return false;
		close(c1);
		close(c2);
	}
	return c1 == -ENOMSG;
}

/* Do c1 and c2 have what was not received? @index: the select's result. */
static bool race_adds_up(const int c[2], int mine, long index, bool closed)
{
	return mine + (index == 0) == 1 && gochan_len(c[0]) == 0 &&
	       gochan_len(c[1]) == (!closed && index != 1);
}

/* At any time one of the two is ready: c2 becomes so before c1 stops being so. */
static bool race_once(const struct race *race, bool closing)
{
	const int c[2] = { make_chan(1), make_chan(!closing) };
	long v, index;
	int mine;
	bool ok;

	ok = !send_long(c[0], 1);
	ok &= !send_chan(race->over, c[0]) && !send_chan(race->over, c[1]);
	ok &= closing ? !gochan_close(c[1]) : !send_long(c[1], 1);
	mine = try_recv_long(c[0], &v) == 1;
	ok &= recv_long(race->done, &index) == 1;
	ok &= index >= 0 && race_adds_up(c, mine, index, closing);
	close(c[0]);
	close(c[1]);
	return ok;
}

static bool races(struct gos *gos, bool closing, unsigned int flags)
{
	const struct race race = {
		.over = make_chan(0),
		.done = make_chan(0),
		.flags = flags,
	};

	go(gos, race_to_select, &race, sizeof(race));
	for (int i = 0; i < RACES; i++)
		if (!race_once(&race, closing))
			return false;
	return !gochan_close(race.over) && go_ended(gos);
}

TEST_F(select, nonblock_select_race)
{
	EXPECT_TRUE(races(&self->gos, false, GOCHAN_ORDERED));
	EXPECT_TRUE(races(&self->gos, false, 0));
}

TEST_F(select, nonblock_select_race_2)
{
	EXPECT_TRUE(races(&self->gos, true, GOCHAN_ORDERED));
	EXPECT_TRUE(races(&self->gos, true, 0));
}

/* ---- TestSelfSelect ---- */

#define SELF		1000

struct self_select {
	int c;
	long me;
	bool unbuffered;
};

static bool select_self(void *arg)
{
	const struct self_select *self = arg;

	for (int i = 0; i < SELF; i++) {
		const int sends = self->me && i % 2;
		long v = -1;
		struct gochan_op ops[2] = { op_recv(self->c, &v), op_recv(self->c, &v) };
		int ret;

		ops[sends] = op_send(self->c, &self->me);
		ret = select_ops(ops, 2);
		if (ret < 0 || ops[ret].result)
			return false;
		if (ret != sends && (v < 0 || v > 1))
			return false;
		if (ret != sends && self->unbuffered && v == self->me)
			return false;
	}
	return true;
}

/* Selects that send and receive on one channel: none communicates with itself. */
TEST_F(select, self_select)
{
	for (unsigned int cap = 0; cap <= 10; cap += 10) {
		struct self_select two = {
			.c = make_chan(cap),
			.unbuffered = !cap,
		};
		struct gochan_info info;

		ASSERT_LE(0, two.c);
		for (two.me = 0; two.me < 2; two.me++)
			go(&self->gos, select_self, &two, sizeof(two));
		EXPECT_TRUE(go_ended(&self->gos));
		info = ch_info(two.c);
		EXPECT_EQ(2 * SELF, info.sent + info.received);
		EXPECT_EQ(info.sent, info.received + info.len);
		EXPECT_EQ(0U, info.senders_waiting);
		EXPECT_EQ(0U, info.receivers_waiting);
	}
}

/* ---- TestSelectStress ---- */

#define STRESS		300

struct stress {
	int c[4];
	int k;
};

static bool stress_send(void *arg)
{
	const struct stress *stress = arg;

	for (int i = 0; i < STRESS; i++)
		if (send_long(stress->c[stress->k], 0))
			return false;
	return true;
}

static bool stress_receive(void *arg)
{
	const struct stress *stress = arg;

	for (int i = 0; i < STRESS; i++)
		if (!recv_is(stress->c[stress->k], 0))
			return false;
	return true;
}

/* Do each op STRESS times, in selects; then its channel becomes nil. */
static bool select_each(struct gochan_op made[4])
{
	struct gochan_op ops[4];
	int n[4] = {};
	int at;

	for (int i = 0; i < 4 * STRESS; i++) {
		memcpy(ops, made, sizeof(ops));
		at = select_ops(ops, 4);
		if (at < 0 || ops[at].result)
			return false;
		if (++n[at] == STRESS)
			made[at].fd = -1;
	}
	return true;
}

static bool stress_select_send(void *arg)
{
	const struct stress *stress = arg;
	const long v = 0;
	struct gochan_op ops[4] = {
		op_send(stress->c[3], &v), op_send(stress->c[2], &v),
		op_send(stress->c[0], &v), op_send(stress->c[1], &v),
	};

	return select_each(ops);
}

static bool stress_select_receive(void *arg)
{
	const struct stress *stress = arg;
	long v;
	struct gochan_op ops[4] = {
		op_recv(stress->c[0], &v), op_recv(stress->c[1], &v),
		op_recv(stress->c[2], &v), op_recv(stress->c[3], &v),
	};

	return select_each(ops);
}

/* Sends, receives and selects of either, all on the same channels. */
TEST_F(select, select_stress)
{
	struct stress stress = {
		.c = { make_chan(0), make_chan(0), make_chan(2), make_chan(3) },
	};
	struct gochan_info info;

	for (stress.k = 0; stress.k < 4; stress.k++) {
		go(&self->gos, stress_send, &stress, sizeof(stress));
		go(&self->gos, stress_receive, &stress, sizeof(stress));
	}
	go(&self->gos, stress_select_send, &stress, sizeof(stress));
	go(&self->gos, stress_select_receive, &stress, sizeof(stress));
	EXPECT_TRUE(go_ended(&self->gos));
	for (int k = 0; k < 4; k++) {
		info = ch_info(stress.c[k]);
		EXPECT_EQ(2 * STRESS, info.sent);
		EXPECT_EQ(2 * STRESS, info.received);
		EXPECT_EQ(0U, info.senders_waiting + info.receivers_waiting);
	}
}

/* ---- TestSelectFairness ---- */

#define TRIALS		10000
#define SIX_NINES	4.891676

struct fairness {
	int c[4];
	int out;
	int done;
};

/* Forward messages from any of four channels until stopped. */
static bool pass_on(void *arg)
{
	const struct fairness *f = arg;
	long v;

	for (;;) {
		struct gochan_op in[4] = {
			op_recv(f->c[2], &v), op_recv(f->c[3], &v),
			op_recv(f->c[0], &v), op_recv(f->c[1], &v),
		};
		struct gochan_op out[2] = { op_send(f->out, &v), op_recv(f->done, &v) };

		if (select_ops(in, 4) < 2)
			return false;
		if (select_ops(out, 2) == 1)
			return out[1].result == GOCHAN_R_CLOSED;
	}
}

/* Of two ready ops a select chooses each equally often. */
TEST_F(select, select_fairness)
{
	const struct fairness f = {
		.c = { make_chan(TRIALS + 1), make_chan(TRIALS + 1), make_chan(0), make_chan(0) },
		.out = make_chan(0),
		.done = make_chan(0),
	};
	double difference;
	int count[2] = {};
	long v;

	for (int i = 0; i <= TRIALS; i++) {
		ASSERT_EQ(0, send_long(f.c[0], 0));
		ASSERT_EQ(0, send_long(f.c[1], 1));
	}
	go(&self->gos, pass_on, &f, sizeof(f));
	for (int i = 0; i < TRIALS; i++) {
		ASSERT_EQ(1, recv_long(f.out, &v));
		ASSERT_TRUE(v == 0 || v == 1);
		count[v]++;
	}
	/* count[0] has a standard deviation of sqrt(TRIALS) / 2. */
	difference = count[0] - TRIALS / 2.0;
	EXPECT_LT(difference * difference, SIX_NINES * SIX_NINES * TRIALS / 4) {
		TH_LOG("%d of one and %d of the other", count[0], count[1]);
	}
	EXPECT_EQ(0, gochan_close(f.done));
	EXPECT_TRUE(go_ended(&self->gos));
}

/* ---- TestChanSendInterface ---- */

/* One or two sends on a full channel in a select are not ready. */
TEST(chan_send_interface)
{
	const int c = gochan_make(1, 16, 0);
	struct gochan_op op = GOCHAN_SEND(c, "b", 1);
	struct gochan_op ops[2] = { GOCHAN_SEND(c, "c", 1), GOCHAN_SEND(c, "longer", 6) };

	ASSERT_EQ(0, gochan_send(c, "a", 1));
	EXPECT_EQ(-EAGAIN, select_default(&op, 1));
	EXPECT_EQ(-EAGAIN, select_default(ops, 2));
	EXPECT_EQ(1, gochan_len(c));
	EXPECT_STREQ("a", recv_text(c));
}

/* ---- TestPseudoRandomSend ---- */

#define RANDOM		100

static bool send_random(void *arg)
{
	const long zero = 0, one = 1;
	const int *c = arg;

	for (int i = 0; i < RANDOM; i++) {
		struct gochan_op ops[2] = { op_send(*c, &one), op_send(*c, &zero) };

		if (select_ops(ops, 2) < 0)
			return false;
	}
	return true;
}

/* Of two sends on one channel a select chooses at random. */
TEST_F(select, pseudo_random_send)
{
	for (unsigned int cap = 0; cap <= RANDOM; cap += RANDOM) {
		const int c = make_chan(cap);
		int count[2] = {};
		long v;

		go(&self->gos, send_random, &c, sizeof(c));
		for (int i = 0; i < RANDOM; i++) {
			ASSERT_EQ(1, recv_long(c, &v));
			ASSERT_TRUE(v == 0 || v == 1);
			count[v]++;
		}
		EXPECT_TRUE(go_ended(&self->gos));
		EXPECT_LT(RANDOM / 10, count[0]);
		EXPECT_LT(RANDOM / 10, count[1]);
	}
}

/* ---- TestSelectDuplicateChannel ---- */

struct three {
	int c;
	int d;
	int e;
};

static bool select_duplicate(void *arg)
{
	const struct three *three = arg;
	long v;
	struct gochan_op ops[3] = {
		op_recv(three->c, &v), op_recv(three->c, &v), op_recv(three->d, &v),
	};

	return select_ops(ops, 3) == 2 && v == 7 && !send_long(three->e, 9);
}

static bool receive_eight(void *arg)
{
	const struct three *three = arg;

	return recv_is(three->c, 8);
}

/* A select with the same channel twice leaves its wait queue intact. */
TEST_F(select, select_duplicate_channel)
{
	const struct three three = {
		.c = make_chan(0),
		.d = make_chan(0),
		.e = make_chan(0),
	};

	go(&self->gos, select_duplicate, &three, sizeof(three));
	ASSERT_TRUE(wait_for_waiters(three.c, 0, 1));
	ASSERT_TRUE(wait_for_waiters(three.d, 0, 1));
	go(&self->gos, receive_eight, &three, sizeof(three));
	ASSERT_TRUE(wait_for_waiters(three.c, 0, 2));
	EXPECT_EQ(0, send_long(three.d, 7));
	EXPECT_TRUE(recv_is(three.e, 9));
	EXPECT_EQ(0, send_long(three.c, 8));
	EXPECT_TRUE(go_ended(&self->gos));
	EXPECT_EQ(0U, ch_info(three.c).receivers_waiting);
}

/* ---- TestSelectStackAdjust ---- */

struct adjust {
	int c;
	int d;
	long *cx;
	bool twice;
};

/* Block on c, with a buffer that must stay unchanged or will be unmapped, and on d. */
static bool select_adjust(void *arg)
{
	const struct adjust *adjust = arg;
	long v = 41;
	struct gochan_op ops[4] = {
		op_recv(adjust->c, adjust->cx),
		op_recv(adjust->twice ? adjust->c : -1, adjust->cx),
		op_recv(adjust->d, &v),
		op_recv(adjust->twice ? adjust->d : -1, &v),
	};
	const int ret = select_ops(ops, 4);

	if (ret != 2 && !(ret == 3 && adjust->twice))
		return false;
	return ops[ret].result == GOCHAN_R_CLOSED && v == 41;
}

/* When one channel is closed, the buffers of the other ops stay unchanged. */
TEST_F(select, select_stack_adjust)
{
	struct adjust adjust = {
		.c = make_chan(0),
		.d = make_chan(0),
		.cx = go_shared(sizeof(long)),
	};

	*adjust.cx = 42;
	for (int i = 0; i < 2; i++) {
		adjust.twice = i;
		go(&self->gos, select_adjust, &adjust, sizeof(adjust));
	}
	ASSERT_TRUE(wait_for_waiters(adjust.d, 0, 2));
	EXPECT_EQ(0, gochan_close(adjust.d));
	EXPECT_TRUE(go_ended(&self->gos));
	EXPECT_EQ(42, *adjust.cx);
	EXPECT_EQ(0U, ch_info(adjust.c).receivers_waiting);
}

/* The buffers of the other ops may even be unmapped. */
TEST(select_stack_adjust_gone)
{
	struct adjust adjust = {
		.c = make_chan(0),
		.d = make_chan(0),
		.cx = map_pages(1),
		.twice = true,
	};
	struct gos gos = { .by = BY_THREAD };

	go(&gos, select_adjust, &adjust, sizeof(adjust));
	ASSERT_TRUE(wait_for_waiters(adjust.d, 0, 1));
	ASSERT_EQ(0, munmap(adjust.cx, 2 * page_size()));
	EXPECT_EQ(0, gochan_close(adjust.d));
	EXPECT_TRUE(go_ended(&gos));
	EXPECT_EQ(0U, ch_info(adjust.c).receivers_waiting);
}

TEST_HARNESS_MAIN
