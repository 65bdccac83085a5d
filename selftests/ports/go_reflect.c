// SPDX-License-Identifier: GPL-2.0
/*
 * Ports of the tests of channels in Go's reflect/all_test.go; GO.md has the list.
 *
 * The test of select makes random selects of all kinds of ops, and checks that the
 * result is one of the possible ones. GOCHAN_SEED=N in the environment repeats a
 * run.
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

enum kind {
	READY_SEND,
	READY_RECV,
	BLOCKED_SEND,		/* until a peer is there */
	BLOCKED_RECV,
	NIL_SEND,
	NIL_RECV,
	CLOSED_SEND,
	CLOSED_RECV,
	KINDS,
};

/* One case of a select; @v is what its channel carries. */
struct one_case {
	enum kind kind;
	bool may_happen;
	int ch;
	long v;
};

struct round {
	unsigned int n;
	struct one_case cases[MAX_CASES];
	struct gochan_op ops[MAX_CASES];
	unsigned int ready;	/* cases that are ready */
	int paired;		/* the blocked case that gets a peer, or -1 */
	bool has_default;
	unsigned int flags;
};

/* An operation of the peer, once the op that it matches is blocked. */
struct peer_op {
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

static bool is_send(enum kind kind)
{
	return kind == READY_SEND || kind == BLOCKED_SEND || kind == NIL_SEND ||
	       kind == CLOSED_SEND;
}

static void make_case(struct one_case *c, enum kind kind, long v)
{
	const bool buffered = kind == READY_SEND || kind == READY_RECV;

	*c = (struct one_case){ .kind = kind, .ch = -1, .v = v };
	if (kind == NIL_SEND || kind == NIL_RECV)
		return;
	c->ch = make_chan(buffered);
	c->may_happen = kind != BLOCKED_SEND && kind != BLOCKED_RECV;
	if (kind == READY_RECV && send_long(c->ch, v))
		abort();
	if ((kind == CLOSED_SEND || kind == CLOSED_RECV) && gochan_close(c->ch))
		abort();
}

/* Random kinds in random order. */
static void make_cases(struct round *r)
{
	for (unsigned int kind = 0; kind < KINDS; kind++) {
		/* rare, or a select would hardly ever block */
		const bool rare = kind <= READY_RECV || kind >= CLOSED_SEND;
		unsigned int at;

		if (random_below(rare ? 4 : 2))
			continue;
		at = random_below(++r->n);
		r->cases[r->n - 1] = r->cases[at];
		make_case(&r->cases[at], kind, 100 + kind);
	}
}

/* Choose the blocked case that gets a peer; -1 if there is none. */
static int choose_paired(const struct round *r)
{
	int chosen = -1;
	unsigned int n = 0;

	for (unsigned int i = 0; i < r->n; i++) {
		const enum kind kind = r->cases[i].kind;

		if ((kind == BLOCKED_SEND || kind == BLOCKED_RECV) && !random_below(++n))
			chosen = i;
	}
	return chosen;
}

static void make_round(struct round *r)
{
	*r = (struct round){ .paired = -1 };
	r->flags = random_below(2) ? GOCHAN_ORDERED : 0;
	make_cases(r);
	for (unsigned int i = 0; i < r->n; i++) {
		struct one_case *c = &r->cases[i];

		r->ready += c->may_happen;
		r->ops[i] = is_send(c->kind) ? op_send(c->ch, &c->v) : op_recv(c->ch, &c->v);
	}
	if (!r->ready)
		r->paired = choose_paired(r);
	r->has_default = !r->ready && (r->paired < 0 || !random_below(3));
	if (r->has_default)
		r->paired = -1;
	if (r->paired >= 0)
		r->cases[r->paired].may_happen = true;
}

static void clear_values(struct round *r)
{
	for (unsigned int i = 0; i < r->n; i++)
		if (!is_send(r->cases[i].kind))
			r->cases[i].v = 0;
}

static bool start_peer_op(const struct round *r, int helper)
{
	const struct one_case *c = &r->cases[r->paired];
	const struct peer_op peer = {
		.ch = c->ch,
		.send = !is_send(c->kind),
		.v = 100 + c->kind,
	};

	return !gochan_send(helper, &peer, sizeof(peer));
}

static bool run_peer_op(const struct peer_op *peer)
{
	if (!wait_for_waiters(peer->ch, !peer->send, peer->send))
		return false;
	return peer->send ? !send_long(peer->ch, peer->v) : recv_is(peer->ch, peer->v);
}

static bool run_peer(void *arg)
{
	const int *helper = arg;
	struct peer_op peer;

	while (gochan_recv(*helper, &peer, sizeof(peer), NULL) == 1)
		if (!run_peer_op(&peer))
			return false;
	return true;
}

/* Is the result as expected for this kind, and the channel in the right state? */
static bool is_result(const struct one_case *c, const struct gochan_op *op, int ret, int at)
{
	if (c->kind == CLOSED_SEND)
		return ret == -EPIPE && op->result == -EPIPE;
	if (ret != at)
		return false;
	if (c->kind == CLOSED_RECV)
		return op->result == GOCHAN_R_CLOSED && op->len == 0;
	if (op->result)
		return false;
	if (is_send(c->kind))
		return c->kind == BLOCKED_SEND || recv_is(c->ch, 100 + c->kind);
	return op->len == sizeof(long) && c->v == 100 + (long)c->kind && gochan_len(c->ch) == 0;
}

/* Was the case not executed? */
static bool is_untouched(const struct one_case *c)
{
	if (c->kind == READY_RECV)
		return !c->v && recv_is(c->ch, 100 + c->kind);
	if (!is_send(c->kind) && c->v)
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
	if (r->paired >= 0 && !start_peer_op(r, helper))
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
	const int helper = gochan_make(0, sizeof(struct peer_op), 0);
	struct gos gos = { .by = BY_THREAD };
	unsigned int blocked = 0;
	struct round r;

	TH_LOG("GOCHAN_SEED=%llu", first);
	seed = (first * 2 + 1) * 0x9e3779b97f4a7c15ULL;
	go(&gos, run_peer, &helper, sizeof(helper));
	for (int i = 0; i < ROUNDS; i++) {
		make_round(&r);
		blocked += r.paired >= 0;
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
