// SPDX-License-Identifier: GPL-2.0
/*
 * A port of Go's test/chan/powser1.go: power series as goroutines that compute the
 * next coefficient on request.
 *
 * A series is two channels: one carries requests, the other coefficients. Some
 * hundred goroutines make channels and share them, so they are threads, which are
 * reused.
 */
#include <kselftest_harness.h>

#include "go.h"

#include <sys/resource.h>

#define TERMS		10
#define STACK_SIZE	131072	/* Arm's minimum */
#define FILES_MAX	4096

/* A coefficient; a denominator of 0 marks the end of the series. */
struct rat {
	long long num;
	long long den;
};

struct series {
	int req;
	int dat;
};

/* A goroutine: its function and its series. */
struct task {
	void (*run)(const struct task *t);
	struct series u;
	struct series v;
	struct series z;
	struct rat c;
	int n;
	int wait;
};

static int idle;	/* idle threads receive a task from it */

static const struct rat zero = { 0, 1 };
static const struct rat one = { 1, 1 };
static const struct rat finis = { 1, 0 };

/* Abort the test if an operation on a channel fails. */
static void must(bool ok)
{
	if (!ok)
		abort();
}

/* ---- goroutines ---- */

static void *run_tasks(void *arg)
{
	struct task t = *(struct task *)arg;

	free(arg);
	do {
		t.run(&t);
	} while (gochan_recv(idle, &t, sizeof(t), NULL) == 1);
	return NULL;
}

/* The first task is passed directly: from the channel another thread could take it. */
static void start_thread(struct task t)
{
	struct task *first = calloc(1, sizeof(*first));
	pthread_attr_t attr;
	pthread_t thread;

	must(first);
	*first = t;
	must(!pthread_attr_init(&attr));
	must(!pthread_attr_setstacksize(&attr, STACK_SIZE));
	must(!pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED));
	must(!pthread_create(&thread, &attr, run_tasks, first));
	must(!pthread_attr_destroy(&attr));
}

/* Start a task: a non-blocking send succeeds if there is an idle thread. */
static void start(struct task t)
{
	if (!gochan_try_send(idle, &t, sizeof(t)))
		return;
	must(errno == EAGAIN);
	start_thread(t);
}

/* ---- rationals ---- */

static long long gcd(long long u, long long v)
{
	while (u) {
		const long long rest = v % u;

		v = u;
		u = rest;
	}
	return v < 0 ? -v : v;
}

static struct rat rat(long long num, long long den)
{
	const long long g = den < 0 ? -gcd(num, den) : gcd(num, den);

	return (struct rat){ num / g, den / g };
}

static struct rat add(struct rat u, struct rat v)
{
	return rat(u.num * v.den + v.num * u.den, u.den * v.den);
}

static struct rat mul(struct rat u, struct rat v)
{
	return rat(u.num * v.num, u.den * v.den);
}

static bool is_finis(struct rat u)
{
	return !u.den;
}

/* ---- requests and replies ---- */

static struct series make_series(void)
{
	const struct series z = {
		.req = gochan_make(0, 0, 0),
		.dat = gochan_make(0, sizeof(struct rat), 0),
	};

	must(z.req >= 0 && z.dat >= 0);
	return z;
}

static void ask(struct series u)
{
	must(!gochan_send(u.req, NULL, 0));
}

static struct rat answer(struct series u)
{
	struct rat r;

	must(gochan_recv(u.dat, &r, sizeof(r), NULL) == 1);
	return r;
}

static struct rat get(struct series u)
{
	ask(u);
	return answer(u);
}

static void asked(struct series z)
{
	must(gochan_recv(z.req, NULL, 0, NULL) == 1);
}

static void reply(struct series z, struct rat r)
{
	must(!gochan_send(z.dat, &r, sizeof(r)));
}

static void put(struct series z, struct rat r)
{
	asked(z);
	reply(z, r);
}

/* Forward the rest of a series. */
static void copy(struct series u, struct series z)
{
	struct rat r;

	do {
		asked(z);
		r = get(u);
		reply(z, r);
	} while (!is_finis(r));
}

/*
 * Request a coefficient of both and receive them in any order: the channel of a
 * completed op becomes nil, and a reply is received only after its request.
 */
static void get_two(struct series u, struct series v, struct rat out[2])
{
	struct gochan_op todo[4] = {
		GOCHAN_SEND(u.req, NULL, 0),
		GOCHAN_SEND(v.req, NULL, 0),
		GOCHAN_RECV(-1, &out[0], sizeof(out[0])),
		GOCHAN_RECV(-1, &out[1], sizeof(out[1])),
	};
	struct gochan_op ops[4];
	int at;

	for (int i = 0; i < 4; i++) {
		memcpy(ops, todo, sizeof(ops));
		at = select_ops(ops, 4);
		must(at >= 0 && !ops[at].result);
		todo[at].fd = -1;
		if (at < 2)
			todo[at + 2].fd = at ? v.dat : u.dat;
	}
}

/* ---- splitting a series ---- */

static int receive_any(int a, int b)
{
	struct gochan_op ops[2] = { GOCHAN_RECV(a, NULL, 0), GOCHAN_RECV(b, NULL, 0) };
	const int at = select_ops(ops, 2);

	must(at >= 0 && !ops[at].result);
	return at;
}

/*
 * Send one coefficient of u to both v and z, which may request at different speeds.
 * The newest task replies to the one that is ahead. Each task keeps its coefficient
 * until the other series has requested it, too; then the next newer task replies to
 * both.
 */
static void split_one(const struct task *t)
{
	struct task next = *t;
	const bool both = receive_any(t->v.req, t->wait) == 1;
	struct rat r;

	if (both && receive_any(t->v.req, t->z.req) == 1) {
		next.v = t->z;
		next.z = t->v;
	}
	ask(t->u);
	next.wait = gochan_make(0, 0, 0);
	start(next);
	r = answer(t->u);
	reply(next.v, r);
	if (!both)
		must(gochan_recv(t->wait, NULL, 0, NULL) == 1);
	close(t->wait);
	put(next.z, r);
	must(!gochan_send(next.wait, NULL, 0));
}

static void split_into(struct series u, struct series a, struct series b)
{
	const int first = gochan_make(0, 0, 0);

	start((struct task){ .run = split_one, .u = u, .v = a, .z = b, .wait = first });
	must(!gochan_send(first, NULL, 0));
}

/* ---- series ---- */

/* The series that a task computes. */
static struct series compute(struct task t)
{
	t.z = make_series();
	start(t);
	return t.z;
}

static void run_repeat(const struct task *t)
{
	for (;;)
		put(t->z, t->c);
}

static struct series repeat(struct rat c)
{
	return compute((struct task){ .run = run_repeat, .c = c });
}

/* c x^n */
static void run_monomial(const struct task *t)
{
	for (int i = 0; i < t->n; i++)
		put(t->z, zero);
	put(t->z, t->c);
	put(t->z, finis);
}

static struct series monomial(struct rat c, int n)
{
	return compute((struct task){ .run = run_monomial, .c = c, .n = n });
}

static void run_sum(const struct task *t)
{
	struct rat uv[2];

	for (;;) {
		asked(t->z);
		get_two(t->u, t->v, uv);
		if (is_finis(uv[0]) || is_finis(uv[1]))
			break;
		reply(t->z, add(uv[0], uv[1]));
	}
	reply(t->z, is_finis(uv[0]) ? uv[1] : uv[0]);
	if (!is_finis(uv[0]))
		copy(t->u, t->z);
	if (!is_finis(uv[1]))
		copy(t->v, t->z);
}

static struct series sum(struct series u, struct series v)
{
	return compute((struct task){ .run = run_sum, .u = u, .v = v });
}

static void run_multiple(const struct task *t)
{
	struct rat r;

	do {
		asked(t->z);
		r = get(t->u);
		reply(t->z, is_finis(r) ? r : mul(t->c, r));
	} while (!is_finis(r));
}

static struct series multiple(struct rat c, struct series u)
{
	return compute((struct task){ .run = run_multiple, .c = c, .u = u });
}

static struct series difference(struct series u, struct series v)
{
	return sum(u, multiple(rat(-1, 1), v));
}

static struct series product(struct series u, struct series v);

/* (u + xU)(v + xV) = uv + x(uV + vU) + xx UV */
static void run_product(const struct task *t)
{
	struct series us[2] = { make_series(), make_series() };
	struct series vs[2] = { make_series(), make_series() };
	struct series middle;
	struct rat uv[2];

	asked(t->z);
	get_two(t->u, t->v, uv);
	if (is_finis(uv[0]) || is_finis(uv[1])) {
		reply(t->z, finis);
		return;
	}
	reply(t->z, mul(uv[0], uv[1]));
	split_into(t->u, us[0], us[1]);
	split_into(t->v, vs[0], vs[1]);
	middle = sum(multiple(uv[0], vs[0]), multiple(uv[1], us[0]));
	put(t->z, get(middle));
	copy(sum(middle, product(us[1], vs[1])), t->z);
}

static struct series product(struct series u, struct series v)
{
	return compute((struct task){ .run = run_product, .u = u, .v = v });
}

static void run_derivative(const struct task *t)
{
	struct rat r;
	int i = 0;

	asked(t->z);
	for (r = get(t->u); !is_finis(r); i++) {
		r = get(t->u);
		if (is_finis(r))
			break;
		reply(t->z, mul(rat(i + 1, 1), r));
		asked(t->z);
	}
	reply(t->z, finis);
}

static struct series derivative(struct series u)
{
	return compute((struct task){ .run = run_derivative, .u = u });
}

static void run_integral(const struct task *t)
{
	struct rat r;
	int i = 1;

	put(t->z, t->c);
	do {
		asked(t->z);
		r = get(t->u);
		reply(t->z, is_finis(r) ? r : mul(rat(1, i++), r));
	} while (!is_finis(r));
}

static struct series integral(struct rat c, struct series u)
{
	return compute((struct task){ .run = run_integral, .c = c, .u = u });
}

/* Z = exp(U) is the integral of Z U' with constant term 1, which is recursive. */
static struct series exponential(struct series u)
{
	const struct series a = make_series(), b = make_series();

	split_into(integral(one, product(a, derivative(u))), a, b);
	return b;
}

/* U(c x^n) */
static void run_substitute(const struct task *t)
{
	struct rat r, c = one;

	do {
		asked(t->z);
		r = get(t->u);
		reply(t->z, is_finis(r) ? r : mul(r, c));
		c = mul(c, t->c);
		for (int i = 1; !is_finis(r) && i < t->n; i++)
			put(t->z, zero);
	} while (!is_finis(r));
}

static struct series substitute(struct series u, struct rat c, int n)
{
	return compute((struct task){ .run = run_substitute, .u = u, .c = c, .n = n });
}

/* ---- tests ---- */

FIXTURE(powser) {
	struct series ones;
	struct series twos;
};

FIXTURE_SETUP(powser)
{
	const struct rlimit limit = { FILES_MAX, FILES_MAX };

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	idle = gochan_make(0, sizeof(struct task), 0);
	ASSERT_LE(0, idle);
	self->ones = repeat(one);
	self->twos = repeat(rat(2, 1));
}

FIXTURE_TEARDOWN(powser)
{
}

static bool begins_with(struct series u, const struct rat *want, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct rat r = get(u);

		if (r.num != want[i].num || r.den != want[i].den) {
			ksft_print_msg("%u: %lld/%lld for %lld/%lld\n", i, r.num, r.den,
				       want[i].num, want[i].den);
			return false;
		}
	}
	return true;
}

static bool is_constant(struct series u, long c)
{
	struct rat want[TERMS];

	for (int i = 0; i < TERMS; i++)
		want[i] = rat(c, 1);
	return begins_with(u, want, TERMS);
}

TEST_F(powser, constant)
{
	EXPECT_TRUE(is_constant(self->ones, 1));
	EXPECT_TRUE(is_constant(sum(self->ones, self->ones), 2));
	EXPECT_TRUE(is_constant(sum(self->ones, self->twos), 3));
	EXPECT_TRUE(is_constant(multiple(rat(-1, 1), self->twos), -2));
	EXPECT_TRUE(is_constant(difference(self->ones, self->twos), -1));
}

TEST_F(powser, derivative)
{
	struct rat want[TERMS];

	for (int i = 0; i < TERMS; i++)
		want[i] = rat(i + 1, 1);
	EXPECT_TRUE(begins_with(derivative(self->ones), want, TERMS));
}

TEST_F(powser, integral)
{
	struct rat want[TERMS] = { zero };

	for (int i = 1; i < TERMS; i++)
		want[i] = rat(1, i);
	EXPECT_TRUE(begins_with(integral(zero, self->ones), want, TERMS));
}

TEST_F(powser, product)
{
	struct rat want[TERMS];

	for (int i = 0; i < TERMS; i++)
		want[i] = rat(i + 1, 1);
	EXPECT_TRUE(begins_with(product(self->ones, self->ones), want, TERMS));
}

TEST_F(powser, exponential)
{
	static const struct rat want[TERMS] = {
		{ 1, 1 }, { 1, 1 }, { 3, 2 }, { 13, 6 }, { 73, 24 }, { 167, 40 },
		{ 4051, 720 }, { 37633, 5040 }, { 43817, 4480 }, { 4596553, 362880 },
	};

	EXPECT_TRUE(begins_with(exponential(self->ones), want, TERMS));
}

/* Finite series: (x^2 + 3 x^3)' = 2 x + 9 x^2. */
TEST_F(powser, finite)
{
	static const struct rat want[] = { { 0, 1 }, { 2, 1 }, { 9, 1 }, { 1, 0 } };
	const struct series u = sum(monomial(one, 2), monomial(rat(3, 1), 3));

	EXPECT_TRUE(begins_with(derivative(u), want, 4));
}

/* The arc tangent is the integral of 1 / (1 + xx). */
TEST_F(powser, arc_tangent)
{
	struct rat want[TERMS];

	for (int i = 0; i < TERMS; i++)
		want[i] = i % 2 ? rat(i % 4 == 1 ? 1 : -1, i) : zero;
	EXPECT_TRUE(begins_with(integral(zero, substitute(self->ones, rat(-1, 1), 2)), want,
				TERMS));
}

TEST_HARNESS_MAIN
