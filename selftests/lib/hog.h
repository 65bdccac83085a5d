/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A hog: a thread that leaves nobody else on its processor any time, so that
 * what is to run there stays as it is. No test is here.
 */
#ifndef SELFTESTS_HOG_H
#define SELFTESTS_HOG_H

#include <pthread.h>
#include <sched.h>

#include "common.h"

static bool hog_runs, hog_stop;

static inline bool pin(pthread_t thread, int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	return !pthread_setaffinity_np(thread, sizeof(cpus), &cpus);
}

static inline void *hog_run(void *arg)
{
	__atomic_store_n(&hog_runs, true, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&hog_stop, __ATOMIC_SEQ_CST))
		;
	return arg;
}

static inline bool hog_start(pthread_t *thread, int cpu)
{
	const struct sched_param param = { .sched_priority = 1 };
	const struct wait wait = wait_begin();

	hog_stop = false;
	hog_runs = false;
	if (pthread_create(thread, NULL, hog_run, NULL) || !pin(*thread, cpu) ||
	    pthread_setschedparam(*thread, SCHED_FIFO, &param))
		return false;
	while (!__atomic_load_n(&hog_runs, __ATOMIC_SEQ_CST))
		if (!wait_more(&wait))
			return false;
	return true;
}

static inline void hog_end(pthread_t thread)
{
	__atomic_store_n(&hog_stop, true, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
}

#endif
