// SPDX-License-Identifier: GPL-2.0
/*
 * Ports of Go's test/chan/sieve1.go, sieve2.go and test/235.go: chains and loops of
 * processes that hold only the handles that they need.
 *
 * In Go the goroutines run until the program ends. Here, when the results are not
 * wanted any more, the last handle that may receive them is closed; then one process
 * after the other gets EPIPE and exits, which is tested, too.
 */
#include <kselftest_harness.h>

#include "go.h"

static const long primes[] = {
	2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83,
	89, 97,
};

#define PRIMES		(sizeof(primes) / sizeof(primes[0]))

/* ---- processes and their handles ---- */

#define FIRST_FD	3
#define LAST_FD		63

/* The handles that a process keeps of its parent's; -1: none. */
struct ends {
	int in;
	int out;
	int out2;
	long p;
};

static void keep_ends(const struct ends *ends)
{
	for (int fd = FIRST_FD; fd <= LAST_FD; fd++)
		if (fd != ends->in && fd != ends->out && fd != ends->out2)
			close(fd);
}

static pid_t start(bool (*run)(const struct ends *ends), struct ends ends)
{
	const pid_t pid = child();

	if (pid < 0)
		abort();
	if (!pid) {
		keep_ends(&ends);
		_exit(!run(&ends));
	}
	return pid;
}

static void make_pair(int fds[2], unsigned int capacity)
{
	if (gochan_pair(fds, capacity, sizeof(long), 0))
		abort();
}

/* Start a process that sends on a new channel. Returns the receiving end. */
static int start_source(bool (*run)(const struct ends *ends), struct ends ends,
			unsigned int capacity, pid_t *pid)
{
	int fds[2];

	make_pair(fds, capacity);
	ends.out = fds[1];
	ends.out2 = -1;
	*pid = start(run, ends);
	close(fds[1]);
	return fds[0];
}

/* No receiver is left. */
static bool is_end(int err)
{
	return err == -EPIPE;
}

static bool all_ended(const pid_t *pids, unsigned int n)
{
	bool ok = true;

	while (n--)
		ok &= !reap(pids[n]);
	return ok;
}

/* ---- chan/sieve1.go ---- */

static bool generate(const struct ends *ends)
{
	int err = 0;

	for (long v = 2; !err; v++)
		err = send_long(ends->out, v);
	return is_end(err);
}

static bool filter(const struct ends *ends)
{
	int err = 0;
	long v;

	while (!err && recv_long(ends->in, &v) == 1)
		if (v % ends->p)
			err = send_long(ends->out, v);
	return is_end(err);
}

/* Append a filter to the chain for each prime that passes it. */
static bool sieve(const struct ends *ends)
{
	pid_t pids[PRIMES + 2];
	unsigned int n = 1;
	struct ends last = { .in = -1 };
	int err, in;

	in = start_source(generate, last, 0, &pids[0]);
	for (;;) {
		last.in = in;
		if (recv_long(in, &last.p) != 1)
			return false;
		err = send_long(ends->out, last.p);
		if (err || n == PRIMES + 2)
			break;
		in = start_source(filter, last, 0, &pids[n++]);
		close(last.in);
	}
	close(in);
	return all_ended(pids, n) && is_end(err);
}

TEST(sieve1_go)
{
	pid_t pid;
	const int results = start_source(sieve, (struct ends){ .in = -1 }, 0, &pid);

	for (unsigned int i = 0; i < PRIMES; i++)
		ASSERT_TRUE(recv_is(results, primes[i]));
	close(results);
	EXPECT_EQ(0, reap(pid));
}

/* ---- chan/sieve2.go ---- */

/* The odd multiples of p from p * p on; for p = 1 the odd numbers from 5 on. */
static bool multiples(const struct ends *ends)
{
	const long p = ends->p;
	int err = 0;

	for (long v = p == 1 ? 5 : p * p; !err; v += 2 * p)
		err = send_long(ends->out, v);
	return is_end(err);
}

static int start_multiples(long p, unsigned int capacity, pid_t *pid)
{
	return start_source(multiples, (struct ends){ .in = -1, .p = p }, capacity, pid);
}

/* The streams of multiples and the next number of each. */
struct merge {
	unsigned int n;
	struct {
		int ch;
		long head;
		pid_t pid;
	} streams[PRIMES];
};

static bool advance(struct merge *m, unsigned int i)
{
	return recv_long(m->streams[i].ch, &m->streams[i].head) == 1;
}

static bool add_stream(struct merge *m, long p)
{
	if (m->n == PRIMES)
		return false;
	m->streams[m->n].ch = start_multiples(p, 10, &m->streams[m->n].pid);
	return advance(m, m->n++);
}

static long lowest(const struct merge *m)
{
	long head = m->streams[0].head;

	for (unsigned int i = 1; i < m->n; i++)
		if (m->streams[i].head < head)
			head = m->streams[i].head;
	return head;
}

/* Send the lowest number of all streams, once, and advance these. */
static int send_lowest(struct merge *m, int out)
{
	const long head = lowest(m);

	for (unsigned int i = 0; i < m->n; i++)
		if (m->streams[i].head == head && !advance(m, i))
			return -EIO;
	return send_long(out, head);
}

/*
 * Merge the multiples of all primes into the composites, in order. The next prime
 * is needed only when all composites below its square have been sent.
 */
static bool merge(const struct ends *ends)
{
	struct merge m = {};
	bool ok = true;
	int err = 0;
	long p;

	while (!err && recv_long(ends->in, &p) == 1) {
		ok &= add_stream(&m, p);
		while (ok && !err && lowest(&m) < p * p)
			err = send_lowest(&m, ends->out);
		if (ok && !err)
			err = send_lowest(&m, ends->out);
	}
	for (unsigned int i = 0; i < m.n; i++) {
		close(m.streams[i].ch);
		ok &= !reap(m.streams[i].pid);
	}
	return ok && (!err || is_end(err));
}

#define PROXY_MAX	1024

/* Forward with an unlimited buffer: receive at any time, send when that is possible. */
static bool proxy(const struct ends *ends)
{
	long queue[PROXY_MAX];
	unsigned int first = 0, last = 0;
	int at;

	while (last < PROXY_MAX) {
		struct gochan_op ops[2] = {
			op_recv(ends->in, &queue[last]),
			op_send(first < last ? ends->out : -1, &queue[first]),
		};

		at = select_ops(ops, 2);
		if (at < 0)
			return is_end(at);
		if (ops[at].result == GOCHAN_R_CLOSED)
			return true;
		if (at)
			first++;
		else
			last++;
	}
	return false;
}

/* A candidate that is not a composite is prime. */
static bool sieve_out(const struct ends *ends)
{
	pid_t pid;
	const int candidates = start_multiples(1, 50, &pid);
	long p, c;
	int err = 0;
	bool ok = recv_long(candidates, &p) == 1;

	while (ok && !err && recv_long(ends->in, &c) == 1) {
		while (ok && !err && p < c) {
			err = send_long(ends->out2, p);
			if (!err)
				err = send_long(ends->out, p);
			ok = recv_long(candidates, &p) == 1;
		}
		if (p == c)
			ok = recv_long(candidates, &p) == 1;
	}
	close(candidates);
	return !reap(pid) && ok && (!err || is_end(err));
}

/* The primes that are found are fed back to where their multiples are generated. */
TEST(sieve2_go)
{
	int results[2], composites[2], back[2], proxied[2];
	pid_t pids[3];

	make_pair(results, 10);
	make_pair(composites, 50);
	make_pair(back, 10);
	make_pair(proxied, 10);
	ASSERT_EQ(0, send_long(results[1], 2));
	ASSERT_EQ(0, send_long(results[1], 3));
	ASSERT_EQ(0, send_long(back[1], 3));
	pids[0] = start(merge, (struct ends){ back[0], composites[1], -1, 0 });
	pids[1] = start(proxy, (struct ends){ proxied[0], back[1], -1, 0 });
	pids[2] = start(sieve_out, (struct ends){ composites[0], results[1], proxied[1], 0 });
	keep_ends(&(struct ends){ results[0], -1, -1, 0 });

	for (unsigned int i = 0; i < PRIMES; i++)
		ASSERT_TRUE(recv_is(results[0], primes[i]));
	close(results[0]);
	EXPECT_TRUE(all_ended(pids, 3));
}

/* ---- 235.go ---- */

#define FACTORS		3
#define NUMBERS		60

static const long hamming[NUMBERS] = {
	2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 16, 18, 20, 24, 25, 27, 30, 32, 36, 40, 45, 48, 50, 54,
	60, 64, 72, 75, 80, 81, 90, 96, 100, 108, 120, 125, 128, 135, 144, 150, 160, 162, 180,
	192, 200, 216, 225, 240, 243, 250, 256, 270, 288, 300, 320, 324, 360, 375, 384, 400,
};

static bool multiply(const struct ends *ends)
{
	long v;
	int ret;

	while ((ret = recv_long(ends->in, &v)) == 1)
		if (send_long(ends->out, ends->p * v))
			return false;
	return !ret;
}

/* The numbers that have no prime factors but 2, 3 and 5, in order. */
TEST(hamming_go)
{
	static const long factors[FACTORS] = { 2, 3, 5 };
	long x = 1, heads[FACTORS] = { 1, 1, 1 };
	int ins[FACTORS], outs[FACTORS], fds[2];
	pid_t pids[FACTORS];

	for (int f = 0; f < FACTORS; f++) {
		make_pair(fds, 100);
		outs[f] = start_source(multiply, (struct ends){ .in = fds[0], .p = factors[f] },
				       100, &pids[f]);
		ins[f] = fds[1];
		close(fds[0]);
	}
	for (int i = 0; i < NUMBERS; i++) {
		for (int f = 0; f < FACTORS; f++) {
			ASSERT_EQ(0, send_long(ins[f], x));
			if (heads[f] == x)
				ASSERT_EQ(1, recv_long(outs[f], &heads[f]));
		}
		x = heads[0];
		for (int f = 1; f < FACTORS; f++)
			x = heads[f] < x ? heads[f] : x;
		ASSERT_EQ(hamming[i], x);
	}
	for (int f = 0; f < FACTORS; f++)
		close(ins[f]);
	EXPECT_TRUE(all_ended(pids, FACTORS));
}

TEST_HARNESS_MAIN
