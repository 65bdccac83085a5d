// SPDX-License-Identifier: GPL-2.0
/*
 * Three counters incremented by 1000 workers: with a data race, with a mutex and
 * with a channel.
 *
 * The first counter is in shared memory without any locking: if two workers load
 * the same value, they store the same sum, and one increment is lost. The second
 * is protected by a mutex. The third is a message in a channel of capacity 1: the
 * worker that has received it owns it exclusively until it sends it back.
 *
 * Expected: 1000 for the mutex and the channel, and usually less for the first.
 */
#include <pthread.h>
#include <sched.h>

#include <gochan.h>

#include "example.h"

enum { WORKERS = 1000 };

struct shared {
	int unlocked;
	int with_mutex;
	pthread_mutex_t mutex;
};

static void increment_unlocked(struct shared *shared)
{
	const int loaded = shared->unlocked;

	sched_yield();		/* make the race likely */
	shared->unlocked = loaded + 1;
}

static void increment_with_mutex(struct shared *shared)
{
	pthread_mutex_lock(&shared->mutex);
	shared->with_mutex++;
	pthread_mutex_unlock(&shared->mutex);
}

static void increment_with_channel(int counter)
{
	int count;

	must(gochan_recv(counter, &count, sizeof(count), NULL), "gochan_recv");
	count++;
	must(gochan_send(counter, &count, sizeof(count)), "gochan_send");
}

/* A mutex shared between processes needs PTHREAD_PROCESS_SHARED. */
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
	int with_channel = 0;

	must(gochan_send(counter, &with_channel, sizeof(with_channel)), "gochan_send");
	for (int i = 0; i < WORKERS; i++) {
		if (fork_worker() == 0) {
			/* Nothing is ever sent: all block here until it is closed. */
			must(gochan_recv(start, NULL, 0, NULL), "gochan_recv");
			increment_unlocked(shared);
			increment_with_mutex(shared);
			increment_with_channel(counter);
			exit(0);
		}
	}
	must(gochan_close(start), "gochan_close");
	wait_for_workers();

	must(gochan_recv(counter, &with_channel, sizeof(with_channel), NULL), "gochan_recv");
	printf("without a lock: %d of %d\n", shared->unlocked, WORKERS);
	printf("with a mutex: %d\n", shared->with_mutex);
	printf("with a channel: %d\n", with_channel);
	expect(shared->with_mutex == WORKERS, "the mutex lost no increment");
	expect(with_channel == WORKERS, "the channel lost no increment");
	expect(shared->unlocked <= WORKERS, "the race adds no increment");
	return 0;
}
