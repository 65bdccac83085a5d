// SPDX-License-Identifier: GPL-2.0
/*
 * A vote among ten that is decided as soon as five said yes.
 *
 * First by a condition variable in shared memory: the voters count themselves,
 * and whoever changes the count wakes the teller to look at it. Then by a
 * channel: the teller receives votes until it knows enough and leaves; voters
 * who come later are told that nobody listens any more (EPIPE). A timer in the
 * same select is the deadline: when most voters never answer it ends the wait.
 *
 * Expect: decided twice, and then not decided by the deadline.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>

#include <gochan.h>

#include "example.h"

enum { VOTERS = 10, ENOUGH = 5 };

#define SECOND	1000000000LL

/* Seven of ten say yes; who is first is up to the scheduler. */
static bool opinion(int voter)
{
	return voter % 3 != 1;
}

/* ---- by a condition variable -------------------------------------------- */

struct ballot {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	int yes, no;
};

/* Both have to be told that they work between processes. */
static struct ballot *make_ballot(void)
{
	struct ballot *ballot = shared_memory(sizeof(*ballot));
	pthread_mutexattr_t mutex;
	pthread_condattr_t cond;

	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&ballot->mutex, &mutex);
	pthread_mutexattr_destroy(&mutex);
	pthread_condattr_init(&cond);
	pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED);
	pthread_cond_init(&ballot->changed, &cond);
	pthread_condattr_destroy(&cond);
	return ballot;
}

static void vote_by_condition(struct ballot *ballot, bool yes)
{
	pthread_mutex_lock(&ballot->mutex);
	if (yes)
		ballot->yes++;
	else
		ballot->no++;
	pthread_cond_signal(&ballot->changed);
	pthread_mutex_unlock(&ballot->mutex);
}

static bool decided_by_condition(void)
{
	struct ballot *ballot = make_ballot();
	bool decided;

	for (int i = 0; i < VOTERS; i++) {
		if (fork_worker() == 0) {
			vote_by_condition(ballot, opinion(i));
			exit(0);
		}
	}
	pthread_mutex_lock(&ballot->mutex);
	while (ballot->yes < ENOUGH && ballot->no <= VOTERS - ENOUGH)
		pthread_cond_wait(&ballot->changed, &ballot->mutex);
	decided = ballot->yes >= ENOUGH;
	pthread_mutex_unlock(&ballot->mutex);
	wait_for_workers();
	return decided;
}

/* ---- by a channel --------------------------------------------------------- */

static void vote_by_channel(int votes, bool yes)
{
	if (gochan_send(votes, &yes, sizeof(yes)) < 0 && errno != EPIPE)
		err(1, "gochan_send");
}

/* Counts votes until they are enough, or until the deadline. */
static bool count_votes(int votes, int64_t limit)
{
	const int deadline = must(gochan_after(limit), "gochan_after");
	int yes = 0, no = 0;
	bool vote;

	while (yes < ENOUGH && no <= VOTERS - ENOUGH) {
		struct gochan_op ops[] = {
			GOCHAN_RECV(votes, &vote, sizeof(vote)),
			GOCHAN_POLL(deadline, POLLIN),
		};

		if (must(gochan_select(ops, 2, -1, 0), "gochan_select") == 1)
			break;
		expect(ops[0].result != GOCHAN_R_CLOSED, "voters are left");
		if (vote)
			yes++;
		else
			no++;
	}
	close(deadline);
	return yes >= ENOUGH;
}

/* Voters after the first @answering think until it is over. */
static bool decided_by_channel(int answering, int64_t limit)
{
	int votes[2], over[2];
	bool decided;

	must(gochan_pair(votes, 0, sizeof(bool), 0), "gochan_pair");
	must(gochan_pair(over, 0, 0, 0), "gochan_pair");
	for (int i = 0; i < VOTERS; i++) {
		if (fork_worker() == 0) {
			close(votes[0]);
			close(over[1]);
			if (i >= answering)
				must(gochan_recv(over[0], NULL, 0, NULL), "gochan_recv");
			vote_by_channel(votes[1], opinion(i));
			exit(0);
		}
	}
	close(votes[1]);
	decided = count_votes(votes[0], limit);
	close(votes[0]);
	close(over[1]);
	close(over[0]);
	wait_for_workers();
	return decided;
}

int main(void)
{
	expect(decided_by_condition(), "seven votes decide");
	printf("by a condition variable: decided\n");

	expect(decided_by_channel(VOTERS, 60 * SECOND), "seven votes decide");
	printf("by a channel: decided\n");

	expect(!decided_by_channel(ENOUGH - 1, SECOND / 10), "four votes do not decide");
	printf("by a channel, six do not answer: not decided by the deadline\n");
	return 0;
}
