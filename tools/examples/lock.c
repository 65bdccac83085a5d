// SPDX-License-Identifier: GPL-2.0
/*
 * A lock that survives its holder: with a robust mutex, and with a channel.
 *
 * Workers increment two counters in shared memory, which must be equal whenever nobody has
 * the lock. Some die in between. The next holder of the lock has to know of that, and to
 * repair the counters.
 *
 * A robust mutex tells it by EOWNERDEAD. It must lie in memory that all have mapped, and can
 * write to: whoever overwrites it breaks it for everybody. Its fast path needs no system
 * call, so it is the faster lock where that does not matter.
 *
 * The channel is acknowledged and has one message, the right to go on: to receive it with a
 * lease is to lock, to return it is to unlock. When the holder dies the kernel returns it. A
 * note in what is protected tells the next holder. Such a lock needs no shared memory of its
 * own, is a descriptor that can be passed on and waited for in a select, with a deadline,
 * together with anything else, and "gochan ps" shows who has it.
 *
 * Expected: the same with both, and a repair for each worker that died.
 */
#include <errno.h>
#include <pthread.h>

#include <gochan.h>

#include "example.h"

enum { WORKERS = 50, EVERY = 5 };

/* What the lock protects. */
struct counters {
	bool in_use;		/* with a channel: by whoever has the lock */
	int first, second;
	int repairs;
};

/* ---- with a robust mutex ----------------------------------------------------- */

struct with_mutex {
	pthread_mutex_t mutex;
	struct counters counters;
};

static struct with_mutex *make_mutex(void)
{
	struct with_mutex *shared = shared_memory(sizeof(*shared));
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&shared->mutex, &attr);
	pthread_mutexattr_destroy(&attr);
	return shared;
}

/* Lock; whether the last holder has died. */
static bool lock_mutex(pthread_mutex_t *mutex)
{
	const int error = pthread_mutex_lock(mutex);

	if (error == EOWNERDEAD)
		pthread_mutex_consistent(mutex);
	else
		expect(error == 0, "the mutex can be locked");
	return error == EOWNERDEAD;
}

/* ---- with a channel ---------------------------------------------------------- */

static int make_lock(void)
{
	const int lock = must(gochan_make(1, 0, GOCHAN_ACK), "gochan_make");

	must(gochan_send(lock, NULL, 0), "gochan_send");
	return lock;
}

/* Lock; whether the last holder has died. */
static bool lock_channel(int lock, struct gochan_lease *held, struct counters *counters)
{
	bool died;

	must(gochan_recv_lease(lock, NULL, 0, NULL, held), "gochan_recv_lease");
	died = counters->in_use;
	counters->in_use = true;
	return died;
}

static void unlock_channel(int lock, const struct gochan_lease *held,
			   struct counters *counters)
{
	counters->in_use = false;
	must(gochan_requeue(lock, held), "gochan_requeue");
}

/* ---- the work, and both ------------------------------------------------------- */

static void increment(struct counters *counters, bool repair, bool die)
{
	if (repair) {
		counters->second = counters->first;
		counters->repairs++;
	}
	expect(counters->first == counters->second, "the counters are equal");
	counters->first++;
	if (die)
		raise(SIGKILL);
	counters->second++;
}

static void work_with_mutex(struct with_mutex *shared, bool die)
{
	increment(&shared->counters, lock_mutex(&shared->mutex), die);
	pthread_mutex_unlock(&shared->mutex);
}

static void work_with_channel(int lock, struct counters *counters, bool die)
{
	struct gochan_lease held;

	increment(counters, lock_channel(lock, &held, counters), die);
	unlock_channel(lock, &held, counters);
}

/* Everybody has had the lock, and the parent after them. */
static void report(const char *with, const struct counters *counters, int killed)
{
	printf("with %s: %d increments, %d holders died, %d repairs\n", with, counters->first,
	       killed, counters->repairs);
	expect(killed == WORKERS / EVERY, "every fifth worker died");
	expect(counters->first == WORKERS + 1, "no increment was lost");
	expect(counters->first == counters->second, "the counters were repaired");
	expect(counters->repairs == killed, "each death was noticed once");
}

int main(void)
{
	struct counters *counters = shared_memory(sizeof(*counters));
	struct with_mutex *mutex = make_mutex();
	const int lock = make_lock();
	int killed;

	for (int i = 0; i < WORKERS; i++) {
		if (fork_worker() == 0) {
			work_with_mutex(mutex, i % EVERY == 0);
			exit(0);
		}
	}
	killed = count_killed();
	work_with_mutex(mutex, false);
	report("a robust mutex", &mutex->counters, killed);

	for (int i = 0; i < WORKERS; i++) {
		if (fork_worker() == 0) {
			work_with_channel(lock, counters, i % EVERY == 0);
			exit(0);
		}
	}
	killed = count_killed();
	work_with_channel(lock, counters, false);
	report("a channel", counters, killed);
	return 0;
}
