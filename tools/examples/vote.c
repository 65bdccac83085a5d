// SPDX-License-Identifier: GPL-2.0
/*
 * A vote among ten processes that is decided as soon as five have said yes.
 *
 * First with a condition variable in shared memory: each voter updates the count
 * and signals the counting process. Then with a channel: the counting process
 * receives votes until the result is known, and closes its end; later voters get
 * EPIPE. A timer in the same select is the deadline, in case too few voters
 * answer.
 *
 * Expected: two decisions, and then none before the deadline.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>

#include <gochan.h>

#include "example.h"

enum { VOTERS = 10, QUORUM = 5 };

#define SECOND	1000000000LL

/* Seven of ten voters say yes; their order depends on the scheduler. */
static bool vote_of(int voter)
{
	return voter % 3 != 1;
}

struct count {
	int yes, no;
};

static bool is_decided(const struct count *count)
{
	return count->yes >= QUORUM || count->no > VOTERS - QUORUM;
}

static void count_vote(struct count *count, bool yes)
{
	if (yes)
		count->yes++;
	else
		count->no++;
}

/* ---- with a condition variable ------------------------------------------ */

struct ballot {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct count count;
};

/* Both need PTHREAD_PROCESS_SHARED, as they are used by several processes. */
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

static void vote_with_condition(struct ballot *ballot, bool yes)
{
	pthread_mutex_lock(&ballot->mutex);
	count_vote(&ballot->count, yes);
	pthread_cond_signal(&ballot->changed);
	pthread_mutex_unlock(&ballot->mutex);
}

static struct count decide_with_condition(void)
{
	struct ballot *ballot = make_ballot();
	struct count count;

	for (int i = 0; i < VOTERS; i++) {
		if (fork_worker() == 0) {
			vote_with_condition(ballot, vote_of(i));
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

/* ---- with a channel ------------------------------------------------------- */

static void vote_with_channel(int votes, bool yes)
{
	if (gochan_send(votes, &yes, sizeof(yes)) < 0 && errno != EPIPE)
		err(1, "gochan_send");
}

/* Count votes until they are decided, or until @timeout_ns is over. */
static struct count count_votes(int votes, int64_t timeout_ns)
{
	const int deadline = must(gochan_after(timeout_ns), "gochan_after");
	struct count count = { 0 };
	bool yes;

	while (!is_decided(&count)) {
		struct gochan_op ops[] = {
			GOCHAN_RECV(votes, &yes, sizeof(yes)),
			GOCHAN_POLL(deadline, POLLIN),
		};

		if (must(gochan_select(ops, 2, -1, 0), "gochan_select") == 1)
			break;
		expect(ops[0].result != GOCHAN_R_CLOSED, "there are voters left");
		count_vote(&count, yes);
	}
	close(deadline);
	return count;
}

/* Only the first @answering voters vote at once; the others wait until it is over. */
static struct count decide_with_channel(int answering, int64_t timeout_ns)
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
			vote_with_channel(votes[1], vote_of(i));
			exit(0);
		}
	}
	close(votes[1]);
	count = count_votes(votes[0], timeout_ns);
	close(votes[0]);
	close(over[1]);
	close(over[0]);
	wait_for_workers();
	return count;
}

int main(void)
{
	struct count count;

	count = decide_with_condition();
	printf("with a condition variable: decided, %d of %d votes were yes\n", count.yes,
	       count.yes + count.no);
	expect(count.yes >= QUORUM, "the result is yes");

	count = decide_with_channel(VOTERS, 60 * SECOND);
	printf("with a channel: decided, %d of %d votes were yes\n", count.yes,
	       count.yes + count.no);
	expect(count.yes == QUORUM, "counting stops at the fifth yes");

	count = decide_with_channel(QUORUM - 1, SECOND / 10);
	printf("with a channel and six voters silent: not decided by the deadline\n");
	expect(!is_decided(&count), "four votes do not decide");
	return 0;
}
