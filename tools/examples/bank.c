// SPDX-License-Identifier: GPL-2.0
/*
 * Concurrent transfers between bank accounts, and audits of their sum.
 *
 * An account is a channel with one message, its balance. A process that has
 * received the balance owns the account, as if it held a lock; others block
 * until the balance is sent back. A transfer takes two accounts and an audit
 * takes all of them, each with one BATCH. Everyone takes accounts in ascending
 * order, which prevents deadlock.
 *
 * A peeking audit uses GOCHAN_PEEK instead of taking the accounts. It reads one
 * after the other, so money that is transferred meanwhile may be counted twice or
 * not at all.
 *
 * Expected: all audits find the same sum, but not all peeking audits do.
 */
#include <gochan.h>

#include "example.h"

enum { ACCOUNTS = 8, OPENING = 100, TELLERS = 4, TRANSFERS = 100 };

static void take_two(int low, int high, int *low_balance, int *high_balance)
{
	struct gochan_op ops[] = {
		GOCHAN_RECV(low, low_balance, sizeof(int)),
		GOCHAN_RECV(high, high_balance, sizeof(int)),
	};

	expect(gochan_batch(ops, 2, -1, 0) == 2, "a teller takes both accounts");
}

static void put_two(int low, int high, const int *low_balance, const int *high_balance)
{
	struct gochan_op ops[] = {
		GOCHAN_SEND(low, low_balance, sizeof(int)),
		GOCHAN_SEND(high, high_balance, sizeof(int)),
	};

	expect(gochan_batch(ops, 2, -1, 0) == 2, "a teller puts both accounts back");
}

/* Transfer @amount from @low to @high, or back if negative, if it is covered. */
static void transfer(const int *accounts, int low, int high, int amount)
{
	int low_balance, high_balance;

	take_two(accounts[low], accounts[high], &low_balance, &high_balance);
	if (low_balance >= amount && high_balance >= -amount) {
		low_balance -= amount;
		high_balance += amount;
	}
	put_two(accounts[low], accounts[high], &low_balance, &high_balance);
}

static void work_as_teller(const int *accounts, unsigned int seed)
{
	for (int i = 0; i < TRANSFERS; i++) {
		const int low = rand_r(&seed) % (ACCOUNTS - 1);
		const int high = low + 1 + rand_r(&seed) % (ACCOUNTS - 1 - low);

		transfer(accounts, low, high, rand_r(&seed) % 101 - 50);
	}
}

/* The sum of all balances; peeking leaves them in their channels. */
static int sum(const int *accounts, bool peek)
{
	struct gochan_op ops[ACCOUNTS];
	int balances[ACCOUNTS];
	int total = 0;

	for (int i = 0; i < ACCOUNTS; i++) {
		ops[i] = GOCHAN_RECV(accounts[i], &balances[i], sizeof(balances[i]));
		ops[i].flags = peek ? GOCHAN_PEEK : 0;
	}
	expect(gochan_batch(ops, ACCOUNTS, -1, 0) == ACCOUNTS, "an audit reads all accounts");
	for (int i = 0; i < ACCOUNTS; i++)
		total += balances[i];
	if (peek)
		return total;

	for (int i = 0; i < ACCOUNTS; i++)
		ops[i] = GOCHAN_SEND(accounts[i], &balances[i], sizeof(balances[i]));
	expect(gochan_batch(ops, ACCOUNTS, -1, 0) == ACCOUNTS, "an audit puts all accounts back");
	return total;
}

int main(void)
{
	const int opening = OPENING;
	int accounts[ACCOUNTS], tellers_alive[2];
	int audits = 0, wrong_peeks = 0;

	for (int i = 0; i < ACCOUNTS; i++) {
		accounts[i] = must(gochan_make(1, sizeof(int), 0), "gochan_make");
		must(gochan_send(accounts[i], &opening, sizeof(opening)), "gochan_send");
	}
	must(gochan_pair(tellers_alive, 0, 0, 0), "gochan_pair");
	for (int i = 0; i < TELLERS; i++) {
		if (fork_worker() == 0) {
			work_as_teller(accounts, i);
			exit(0);
		}
	}

	/* Never sent on: only the tellers keep this end open, so hangup means all exited. */
	close(tellers_alive[1]);
	do {
		wrong_peeks += sum(accounts, true) != ACCOUNTS * OPENING;
		expect(sum(accounts, false) == ACCOUNTS * OPENING, "an audit finds the right sum");
		audits++;
	} while (gochan_try_recv(tellers_alive[0], NULL, 0, NULL) != 0);
	wait_for_workers();

	expect(sum(accounts, false) == ACCOUNTS * OPENING, "the final sum is right");
	printf("%d transfers, %d audits: the sum was always %d\n", TELLERS * TRANSFERS, audits,
	       ACCOUNTS * OPENING);
	printf("%d of %d peeking audits were wrong\n", wrong_peeks, audits);
	return 0;
}
