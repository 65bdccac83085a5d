// SPDX-License-Identifier: GPL-2.0
/*
 * A prime sieve built from a chain of processes.
 *
 *	2, 3, 4, 5, ... -> filter 2 -> filter 3 -> filter 5 -> ... -> main
 *
 * The first process generates all numbers. Each filter forwards the numbers that
 * are not divisible by its prime. A number that reaches the end of the chain is
 * the next prime, and main adds a filter for it. When main has enough primes it
 * closes its end. The last filter then gets EPIPE and exits, which closes the end
 * of the filter before it, and so on to the start of the chain.
 *
 * Expected: the first 30 primes, up to 113.
 */
#include <errno.h>

#include <gochan.h>

#include "example.h"

enum { PRIMES = 30 };

/* Returns false on hangup: no receiver is left. */
static bool forward(int out, int number)
{
	if (gochan_send(out, &number, sizeof(number)) == 0)
		return true;
	if (errno != EPIPE)
		err(1, "gochan_send");
	return false;
}

static void generate(int out)
{
	for (int number = 2; forward(out, number);)
		number++;
}

static void filter(int in, int out, int prime)
{
	int number;

	while (must(gochan_recv(in, &number, sizeof(number), NULL), "gochan_recv") > 0) {
		if (number % prime != 0 && !forward(out, number))
			return;
	}
}

/* Append a process to the chain: a filter, or the generator if @prime is 0. */
static int add_process(int end, int prime)
{
	int next[2];

	must(gochan_pair(next, 0, sizeof(int), 0), "gochan_pair");
	if (fork_worker() == 0) {
		close(next[0]);
		if (prime)
			filter(end, next[1], prime);
		else
			generate(next[1]);
		exit(0);
	}
	/* Only the new process may keep these open, else its exit causes no hangup. */
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
	int end = add_process(-1, 0);
	int prime, last = 1;

	for (int i = 0; i < PRIMES; i++) {
		must(gochan_recv(end, &prime, sizeof(prime), NULL), "gochan_recv");
		printf("%d%s", prime, i < PRIMES - 1 ? " " : "\n");
		while (!is_prime(++last))
			;
		expect(prime == last, "the next prime arrives");
		end = add_process(end, prime);
	}
	close(end);
	wait_for_workers();
	return 0;
}
