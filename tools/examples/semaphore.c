// SPDX-License-Identifier: GPL-2.0
/*
 * A counting semaphore whose holders may die, here a pool of four places.
 *
 * The semaphore is an acknowledged channel that was filled with a token for each place. To
 * receive a token with a lease is to enter, and to return it is to leave. A process that
 * dies inside cannot leave, so the kernel returns its token: the place is free again. (After
 * sem_wait(3) it would be lost. semop(2) with SEM_UNDO returns a count as well, but not
 * which place it was.) Nobody acknowledges a token, so there are always four.
 *
 * Each place notes who is there. Whoever finds the note of another one there, is the first
 * after one that has died inside, and knows that the place may have to be tidied up.
 *
 * Expected: never more than one process in a place. For each process that died inside,
 * one note is found, by the next one there or at the end.
 */
#include <sched.h>

#include <gochan.h>

#include "example.h"

enum { PLACES = 4, WORKERS = 40 };

struct shared {
	pid_t inside[PLACES];
	int visits;
	int found;		/* notes of processes that had died */
};

/* Enter a place: its number. */
static int enter(int semaphore, struct gochan_lease *token)
{
	int place;

	must(gochan_recv_lease(semaphore, &place, sizeof(place), NULL, token),
	     "gochan_recv_lease");
	return place;
}

static void leave(int semaphore, const struct gochan_lease *token)
{
	must(gochan_requeue(semaphore, token), "gochan_requeue");
}

/* Every fourth worker dies inside. */
static void visit(int semaphore, struct shared *shared, int worker)
{
	struct gochan_lease token;
	const int place = enter(semaphore, &token);

	if (shared->inside[place])
		__atomic_fetch_add(&shared->found, 1, __ATOMIC_RELAXED);
	shared->inside[place] = getpid();
	sched_yield();
	if (worker % 4 == 0)
		raise(SIGKILL);
	expect(shared->inside[place] == getpid(), "nobody else is here");
	shared->inside[place] = 0;
	__atomic_fetch_add(&shared->visits, 1, __ATOMIC_RELAXED);
	leave(semaphore, &token);
}

int main(void)
{
	const int semaphore = must(gochan_make(PLACES, sizeof(int), GOCHAN_ACK), "gochan_make");
	struct shared *shared = shared_memory(sizeof(*shared));
	int killed;

	for (int place = 0; place < PLACES; place++)
		must(gochan_send(semaphore, &place, sizeof(place)), "gochan_send");
	for (int i = 0; i < WORKERS; i++) {
		if (fork_worker() == 0) {
			visit(semaphore, shared, i);
			exit(0);
		}
	}
	killed = count_killed();

	for (int place = 0; place < PLACES; place++)
		shared->found += shared->inside[place] != 0;
	printf("%d places, %d visits, %d workers died inside: %d places are free\n", PLACES,
	       shared->visits, killed, (int)gochan_len(semaphore));
	expect(killed == WORKERS / 4, "every fourth worker died");
	expect(shared->visits == WORKERS - killed, "all others came through");
	expect(shared->found == killed, "they left a note each");
	expect(gochan_len(semaphore) == PLACES, "all tokens are back");
	return 0;
}
