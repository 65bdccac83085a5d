// SPDX-License-Identifier: GPL-2.0
#include "hog.h"

#include <sched.h>

#include "common.h"

static bool hog_runs, hog_stop;

bool pin(pthread_t thread, int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	return !pthread_setaffinity_np(thread, sizeof(cpus), &cpus);
}

static void *hog_run(void *arg)
{
	__atomic_store_n(&hog_runs, true, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&hog_stop, __ATOMIC_SEQ_CST))
		;
	return arg;
}

bool hog_start(pthread_t *thread, int cpu)
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

void hog_end(pthread_t thread)
{
	__atomic_store_n(&hog_stop, true, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
}
