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

struct count {
	int yes, no;
};

static bool is_decided(const struct count *count)
{
	return count->yes >= ENOUGH || count->no > VOTERS - ENOUGH;
}

static void count_vote(struct count *count, bool yes)
{
	if (yes)
		count->yes++;
	else
		count->no++;
}

/* ---- by a condition variable -------------------------------------------- */

struct ballot {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct count count;
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
	count_vote(&ballot->count, yes);
	pthread_cond_signal(&ballot->changed);
	pthread_mutex_unlock(&ballot->mutex);
}

static struct count decide_by_condition(void)
{
	struct ballot *ballot = make_ballot();
	struct count count;

	for (int i = 0; i < VOTERS; i++) {
		if (fork_worker() == 0) {
			vote_by_condition(ballot, opinion(i));
			exit(0);
		}
	}
	pthread_mutex_lock(&ballot->mutex);
	while (!is_decided(&ballot->count))
		pthread_cond_wait(&ballot->changed, &ballot->mutex);
	count = ballot->count;
	pthread_mutex_unlock(&ballot->mutex);
	wait_for_workers();
	return count;
}

/* ---- by a channel --------------------------------------------------------- */

static void vote_by_channel(int votes, bool yes)
{
	if (gochan_send(votes, &yes, sizeof(yes)) < 0 && errno != EPIPE)
		err(1, "gochan_send");
}

/* Counts votes until they decide, or until the deadline. */
static struct count count_votes(int votes, int64_t limit)
{
	const int deadline = must(gochan_after(limit), "gochan_after");
	struct count count = { 0 };
	bool yes;

	while (!is_decided(&count)) {
		struct gochan_op ops[] = {
			GOCHAN_RECV(votes, &yes, sizeof(yes)),
			GOCHAN_POLL(deadline, POLLIN),
		};

		if (must(gochan_select(ops, 2, -1, 0), "gochan_select") == 1)
			break;
		expect(ops[0].result != GOCHAN_R_CLOSED, "voters are left");
		count_vote(&count, yes);
	}
	close(deadline);
	return count;
}

/* Voters after the first @answering think until it is over. */
static struct count decide_by_channel(int answering, int64_t limit)
{
	struct count count;
	int votes[2], over[2];

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
	count = count_votes(votes[0], limit);
	close(votes[0]);
	close(over[1]);
	close(over[0]);
	wait_for_workers();
	return count;
}

int main(void)
{
	struct count count;

	count = decide_by_condition();
	printf("by a condition variable: decided by %d of %d\n", count.yes, count.yes + count.no);
	expect(count.yes >= ENOUGH, "yes has won");

	count = decide_by_channel(VOTERS, 60 * SECOND);
	printf("by a channel: decided by %d of %d\n", count.yes, count.yes + count.no);
	expect(count.yes == ENOUGH, "the fifth yes is the last vote that is counted");

	count = decide_by_channel(ENOUGH - 1, SECOND / 10);
	printf("by a channel, six do not answer: not decided by the deadline\n");
	expect(!is_decided(&count), "four votes decide nothing");
	return 0;
}
