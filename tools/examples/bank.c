// SPDX-License-Identifier: GPL-2.0
/*
 * A bank whose money stays the same while tellers move it about.
 *
 * An account is a channel that holds one message, its balance. Who has received
 * the balance has the account; the others wait in line. A transfer takes two
 * accounts and puts both back, an audit takes all of them: each in one system
 * call. All take accounts in the order of their numbers, and so no two can wait
 * for each other in a ring.
 *
 * A hasty auditor only peeks, at one account after the other, and may see money
 * twice that moved meanwhile, or not at all.
 *
 * Expect: every audit finds the same sum, which not every hasty one does.
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

	expect(gochan_batch(ops, 2, -1, 0) == 2, "a teller gets both accounts");
}

static void put_two(int low, int high, const int *low_balance, const int *high_balance)
{
	struct gochan_op ops[] = {
		GOCHAN_SEND(low, low_balance, sizeof(int)),
		GOCHAN_SEND(high, high_balance, sizeof(int)),
	};

	expect(gochan_batch(ops, 2, -1, 0) == 2, "a teller puts both accounts back");
}

/* Moves the amount, which is less than 0 in the other direction, if it is there. */
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

/* The sum of all balances; peeking leaves each where it is. */
static int sum(const int *accounts, bool hasty)
{
	struct gochan_op ops[ACCOUNTS];
	int balances[ACCOUNTS];
	int total = 0;

	for (int i = 0; i < ACCOUNTS; i++) {
		ops[i] = GOCHAN_RECV(accounts[i], &balances[i], sizeof(balances[i]));
		ops[i].flags = hasty ? GOCHAN_PEEK : 0;
	}
	expect(gochan_batch(ops, ACCOUNTS, -1, 0) == ACCOUNTS, "an auditor sees all accounts");
	for (int i = 0; i < ACCOUNTS; i++)
		total += balances[i];
	if (hasty)
		return total;

	for (int i = 0; i < ACCOUNTS; i++)
		ops[i] = GOCHAN_SEND(accounts[i], &balances[i], sizeof(balances[i]));
	expect(gochan_batch(ops, ACCOUNTS, -1, 0) == ACCOUNTS, "an auditor puts all back");
	return total;
}

int main(void)
{
	const int opening = OPENING;
	int accounts[ACCOUNTS], working[2];
	int audits = 0, hasty_and_wrong = 0;

	for (int i = 0; i < ACCOUNTS; i++) {
		accounts[i] = must(gochan_make(1, sizeof(int), 0), "gochan_make");
		must(gochan_send(accounts[i], &opening, sizeof(opening)), "gochan_send");
	}
	must(gochan_pair(working, 0, 0, 0), "gochan_pair");
	for (int i = 0; i < TELLERS; i++) {
		if (fork_worker() == 0) {
			work_as_teller(accounts, i);
			exit(0);
		}
	}

	/* The tellers have the other end, never use it, and end: that can be seen here. */
	close(working[1]);
	do {
		hasty_and_wrong += sum(accounts, true) != ACCOUNTS * OPENING;
		expect(sum(accounts, false) == ACCOUNTS * OPENING, "an audit finds all money");
		audits++;
	} while (gochan_try_recv(working[0], NULL, 0, NULL) != 0);
	wait_for_workers();

	expect(sum(accounts, false) == ACCOUNTS * OPENING, "all money is there at the end");
	printf("%d transfers, %d audits: the sum was always %d\n", TELLERS * TRANSFERS, audits,
	       ACCOUNTS * OPENING);
	printf("%d of %d hasty audits were wrong\n", hasty_and_wrong, audits);
	return 0;
}
