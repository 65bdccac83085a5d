// SPDX-License-Identifier: GPL-2.0
/*
 * What Go's reflect/all_test.go says of channels; GO.md has the list.
 *
 * The test of select makes selects of all kinds of ops, of which it knows what
 * may come of each. GOCHAN_SEED=N in the environment repeats a run.
 */
#include <kselftest_harness.h>

#include "go.h"

#include <sys/ioctl.h>

/* ---- TestChan ---- */

TEST(reflect_chan)
{
	int c = make_chan(1);
	long v = 7;

	EXPECT_EQ(0, send_long(c, 2));
	EXPECT_TRUE(recv_is(c, 2));
	EXPECT_EQ(-EAGAIN, try_recv_long(c, &v));
	EXPECT_EQ(7, v);
	EXPECT_EQ(0, send_long(c, 4));
	EXPECT_EQ(1, try_recv_long(c, &v));
	EXPECT_EQ(4, v);
	EXPECT_EQ(0, send_long(c, 100));
	EXPECT_EQ(-EAGAIN, try_send_long(c, 5));
	EXPECT_TRUE(recv_is(c, 100));
	EXPECT_EQ(0, try_send_long(c, 6));
	EXPECT_TRUE(recv_is(c, 6));
	EXPECT_EQ(0, send_long(c, 123));
	EXPECT_EQ(0, gochan_close(c));
	EXPECT_TRUE(recv_is(c, 123));
	EXPECT_EQ(0, recv_long(c, &v));
	EXPECT_EQ(0, v);

	c = make_chan(0);
	EXPECT_EQ(-EAGAIN, try_send_long(c, 7));
	EXPECT_EQ(-EAGAIN, try_recv_long(c, &v));
	EXPECT_EQ(0, gochan_len(c));
	EXPECT_EQ(0, gochan_cap(c));
}

/* ---- TestSelect ---- */

#define ROUNDS		400
#define MAX_CASES	16

enum what {
	READY_SEND,
	READY_RECV,
	BLOCKED_SEND,		/* until somebody helps */
	BLOCKED_RECV,
	NIL_SEND,
	NIL_RECV,
	CLOSED_SEND,
	CLOSED_RECV,
	WHATS,
};

/* One case; its channel has this number and no other. */
struct one_case {
	enum what what;
	bool may_happen;
	int ch;
	long v;
};

struct round {
	unsigned int n;
	struct one_case cases[MAX_CASES];
	struct gochan_op ops[MAX_CASES];
	unsigned int ready;	/* how many may happen */
	int helped;		/* the one that somebody helps, or -1 */
	bool has_default;
	unsigned int flags;
};

/* Who makes a blocked op ready does so when it is blocked. */
struct help {
	int ch;
	bool send;
	long v;
};

static unsigned long long seed;

static unsigned int random_below(unsigned int n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 32) % n;
}

static bool is_send(enum what what)
{
	return what == READY_SEND || what == BLOCKED_SEND || what == NIL_SEND ||
	       what == CLOSED_SEND;
}

static void make_case(struct one_case *c, enum what what, long v)
{
	const bool buffered = what == READY_SEND || what == READY_RECV;

	*c = (struct one_case){ .what = what, .ch = -1, .v = v };
	if (what == NIL_SEND || what == NIL_RECV)
		return;
	c->ch = make_chan(buffered);
	c->may_happen = what != BLOCKED_SEND && what != BLOCKED_RECV;
	if (what == READY_RECV && send_long(c->ch, v))
		abort();
	if ((what == CLOSED_SEND || what == CLOSED_RECV) && gochan_close(c->ch))
		abort();
}

/* Each kind is there or not, in any order. */
static void make_cases(struct round *r)
{
	for (unsigned int what = 0; what < WHATS; what++) {
		/* With many that are ready a select would hardly ever block. */
		const bool rare = what <= READY_RECV || what >= CLOSED_SEND;
		unsigned int at;

		if (random_below(rare ? 4 : 2))
			continue;
		at = random_below(++r->n);
		r->cases[r->n - 1] = r->cases[at];
		make_case(&r->cases[at], what, 100 + what);
	}
}

/* Among those who are blocked, who is helped; -1 where there is none. */
static int choose_helped(const struct round *r)
{
	int chosen = -1;
	unsigned int n = 0;

	for (unsigned int i = 0; i < r->n; i++) {
		const enum what what = r->cases[i].what;

		if ((what == BLOCKED_SEND || what == BLOCKED_RECV) && !random_below(++n))
			chosen = i;
	}
	return chosen;
}

static void make_round(struct round *r)
{
	*r = (struct round){ .helped = -1 };
	r->flags = random_below(2) ? GOCHAN_ORDERED : 0;
	make_cases(r);
	for (unsigned int i = 0; i < r->n; i++) {
		struct one_case *c = &r->cases[i];

		r->ready += c->may_happen;
		r->ops[i] = is_send(c->what) ? op_send(c->ch, &c->v) : op_recv(c->ch, &c->v);
	}
	if (!r->ready)
		r->helped = choose_helped(r);
	r->has_default = !r->ready && (r->helped < 0 || !random_below(3));
	if (r->has_default)
		r->helped = -1;
	if (r->helped >= 0)
		r->cases[r->helped].may_happen = true;
}

static void clear_values(struct round *r)
{
	for (unsigned int i = 0; i < r->n; i++)
		if (!is_send(r->cases[i].what))
			r->cases[i].v = 0;
}

static bool ask_for_help(const struct round *r, int helper)
{
	const struct one_case *c = &r->cases[r->helped];
	const struct help help = {
		.ch = c->ch,
		.send = !is_send(c->what),
		.v = 100 + c->what,
	};

	return !gochan_send(helper, &help, sizeof(help));
}

static bool give_help(const struct help *help)
{
	if (!wait_for_waiters(help->ch, !help->send, help->send))
		return false;
	return help->send ? !send_long(help->ch, help->v) : recv_is(help->ch, help->v);
}

static bool give_all_help(void *arg)
{
	const int *helper = arg;
	struct help help;

	while (gochan_recv(*helper, &help, sizeof(help), NULL) == 1)
		if (!give_help(&help))
			return false;
	return true;
}

/* Is that what a channel of this kind gives, and holds afterwards? */
static bool is_result(const struct one_case *c, const struct gochan_op *op, int ret, int at)
{
	if (c->what == CLOSED_SEND)
		return ret == -EPIPE && op->result == -EPIPE;
	if (ret != at)
		return false;
	if (c->what == CLOSED_RECV)
		return op->result == GOCHAN_R_CLOSED && op->len == 0;
	if (op->result)
		return false;
	if (is_send(c->what))
		return c->what == BLOCKED_SEND || recv_is(c->ch, 100 + c->what);
	return op->len == sizeof(long) && c->v == 100 + (long)c->what && gochan_len(c->ch) == 0;
}

/* Nothing happened to the others. */
static bool is_untouched(const struct one_case *c)
{
	if (c->what == READY_RECV)
		return !c->v && recv_is(c->ch, 100 + c->what);
	if (!is_send(c->what) && c->v)
		return false;
	return c->ch < 0 || ch_info(c->ch).sent == 0;
}

static int first_ready(const struct round *r)
{
	for (unsigned int i = 0; i < r->n; i++)
		if (r->cases[i].may_happen)
			return i;
	return -1;
}

static bool run_round(struct round *r, int helper)
{
	struct gochan_ops call = {
		.ops = (uintptr_t)r->ops,
		.count = r->n,
		.flags = r->flags | (r->has_default ? GOCHAN_NONBLOCK : 0),
		.timeout = GOCHAN_TIMEOUT_NEVER,
		.index = MAX_CASES,
	};
	int ret, at;

	clear_values(r);
	if (r->helped >= 0 && !ask_for_help(r, helper))
		return false;
	ret = or_errno(ioctl(helper, GOCHAN_IOC_SELECT, &call));
	at = call.index;
	if (r->has_default)
		return ret == -EAGAIN && at == MAX_CASES;
	if (at < 0 || at >= (int)r->n || !r->cases[at].may_happen)
		return false;
	if ((r->flags & GOCHAN_ORDERED) && at != first_ready(r))
		return false;
	for (unsigned int i = 0; i < r->n; i++)
		if ((int)i != at && !is_untouched(&r->cases[i]))
			return false;
	return is_result(&r->cases[at], &r->ops[at], ret, at);
}

static void end_round(const struct round *r)
{
	for (unsigned int i = 0; i < r->n; i++)
		if (r->cases[i].ch >= 0)
			close(r->cases[i].ch);
}

TEST(reflect_select)
{
	const char *given = getenv("GOCHAN_SEED");
	const unsigned long long first = given ? strtoull(given, NULL, 0) :
						(unsigned long long)now_ns();
	const int helper = gochan_make(0, sizeof(struct help), 0);
	struct gos gos = { .by = BY_THREAD };
	unsigned int blocked = 0;
	struct round r;

	TH_LOG("GOCHAN_SEED=%llu", first);
	seed = (first * 2 + 1) * 0x9e3779b97f4a7c15ULL;
	go(&gos, give_all_help, &helper, sizeof(helper));
	for (int i = 0; i < ROUNDS; i++) {
		make_round(&r);
		blocked += r.helped >= 0;
		ASSERT_TRUE(run_round(&r, helper)) {
			TH_LOG("round %d of %u ops, %u ready", i, r.n, r.ready);
		}
		end_round(&r);
	}
	EXPECT_LT(ROUNDS / 20, blocked);
	EXPECT_EQ(0, gochan_close(helper));
	EXPECT_TRUE(go_ended(&gos));
}

/* ---- TestSelectMaxCases, TestSelectNop ---- */

TEST(reflect_select_max_cases)
{
	const unsigned int max = param("max_select");
	struct gochan_op *ops = calloc(max + 1, sizeof(*ops));
	const int c = make_chan(0);
	long v;

	ASSERT_NE(NULL, ops);
	ASSERT_EQ(0, gochan_close(c));
	for (unsigned int i = 0; i <= max; i++)
		ops[i] = op_recv(c, &v);
	EXPECT_LE(0, select_ops(ops, max));
	EXPECT_EQ(-EINVAL, select_ops(ops, max + 1));
	free(ops);
}

TEST(reflect_select_nop)
{
	EXPECT_EQ(-EAGAIN, select_default(NULL, 0));
}

TEST_HARNESS_MAIN
