// SPDX-License-Identifier: GPL-2.0
/*
 * A prime sieve: a chain of processes.
 *
 *	numbers 2, 3, 4 ... -> not by 2 -> not by 3 -> not by 5 -> ... -> main
 *
 * The first process sends all numbers. Each later one passes on what it cannot
 * divide by its prime. What comes out at the end of the chain is the next prime,
 * for which another process is put there. When main has enough it closes its
 * end: the last process can send to nobody, ends, leaves nobody to the one
 * before it, and so the whole chain ends.
 *
 * Expect: the first 30 primes, the last is 113.
 */
#include <errno.h>

#include <gochan.h>

#include "example.h"

enum { PRIMES = 30 };

/* False when nobody is left to receive. */
static bool pass_on(int out, int number)
{
	if (gochan_send(out, &number, sizeof(number)) == 0)
		return true;
	if (errno != EPIPE)
		err(1, "gochan_send");
	return false;
}

static void count(int out)
{
	for (int number = 2; pass_on(out, number);)
		number++;
}

static void filter(int in, int out, int prime)
{
	int number;

	while (must(gochan_recv(in, &number, sizeof(number), NULL), "gochan_recv") > 0) {
		if (number % prime != 0 && !pass_on(out, number))
			return;
	}
}

/* Puts a process at the end of the chain; prime 0 makes its first. Returns the new end. */
static int lengthen(int end, int prime)
{
	int next[2];

	must(gochan_pair(next, 0, sizeof(int), 0), "gochan_pair");
	if (fork_worker() == 0) {
		close(next[0]);
		if (prime)
			filter(end, next[1], prime);
		else
			count(next[1]);
		exit(0);
	}
	/* Only the new process may keep these, or nobody would see that it ended. */
	close(next[1]);
	if (prime)
		close(end);
	return next[0];
}

static bool is_prime(int number)
{
	for (int i = 2; i * i <= number; i++) {
		if (number % i == 0)
			return false;
	}
	return true;
}

int main(void)
{
	int end = lengthen(-1, 0);
	int prime, last = 1;

	for (int i = 0; i < PRIMES; i++) {
		must(gochan_recv(end, &prime, sizeof(prime), NULL), "gochan_recv");
		printf("%d%s", prime, i < PRIMES - 1 ? " " : "\n");
		while (!is_prime(++last))
			;
		expect(prime == last, "the next prime comes out");
		end = lengthen(end, prime);
	}
	close(end);
	wait_for_workers();
	return 0;
}
