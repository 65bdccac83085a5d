// SPDX-License-Identifier: GPL-2.0
/*
 * A counter that a thousand workers increment, wrong and then right.
 *
 * Every worker adds one to three counters. The first lies in shared memory, and
 * nobody guards it: two workers that load the same number store the same sum,
 * and one increment is lost. The second is guarded by a mutex. The third is a
 * message that travels through a channel: who has received it is alone with it
 * until it is sent on.
 *
 * Expect 1000 by the mutex and by the channel, and most times less by luck.
 */
#include <pthread.h>
#include <sched.h>

#include <gochan.h>

#include "example.h"

enum { WORKERS = 1000 };

struct shared {
	int by_luck;
	int by_mutex;
	pthread_mutex_t mutex;
};

static void increment_by_luck(struct shared *shared)
{
	const int loaded = shared->by_luck;

	sched_yield();		/* makes it likely that another one comes in between */
	shared->by_luck = loaded + 1;
}

static void increment_by_mutex(struct shared *shared)
{
	pthread_mutex_lock(&shared->mutex);
	shared->by_mutex++;
	pthread_mutex_unlock(&shared->mutex);
}

static void increment_by_channel(int counter)
{
	int count;

	must(gochan_recv(counter, &count, sizeof(count), NULL), "gochan_recv");
	count++;
	must(gochan_send(counter, &count, sizeof(count)), "gochan_send");
}

/* A mutex that works between processes has to be told so. */
static struct shared *make_shared(void)
{
	struct shared *shared = shared_memory(sizeof(*shared));
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&shared->mutex, &attr);
	pthread_mutexattr_destroy(&attr);
	return shared;
}

int main(void)
{
	struct shared *shared = make_shared();
	const int counter = must(gochan_make(1, sizeof(int), 0), "gochan_make");
	const int start = must(gochan_make(0, 0, 0), "gochan_make");
	int by_channel = 0;

	must(gochan_send(counter, &by_channel, sizeof(by_channel)), "gochan_send");
	for (int i = 0; i < WORKERS; i++) {
		if (fork_worker() == 0) {
			/* Nothing is ever sent: all wait here until it is closed. */
			must(gochan_recv(start, NULL, 0, NULL), "gochan_recv");
			increment_by_luck(shared);
			increment_by_mutex(shared);
			increment_by_channel(counter);
			exit(0);
		}
	}
	must(gochan_close(start), "gochan_close");
	wait_for_workers();

	must(gochan_recv(counter, &by_channel, sizeof(by_channel), NULL), "gochan_recv");
	printf("by luck: %d of %d\n", shared->by_luck, WORKERS);
	printf("by a mutex: %d\n", shared->by_mutex);
	printf("by a channel: %d\n", by_channel);
	expect(shared->by_mutex == WORKERS, "the mutex lost nothing");
	expect(by_channel == WORKERS, "the channel lost nothing");
	expect(shared->by_luck <= WORKERS, "luck adds nothing");
	return 0;
}
