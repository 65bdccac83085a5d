/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the worker pool benchmark share.
 */
#ifndef BENCH_JOBS_H
#define BENCH_JOBS_H

#include "../bench.h"

#define WORKERS		4
#define JOB_SIZE	64
#define BATCH_MAX	16

/**
 * struct method - a way to hand jobs to a pool of workers that acknowledge them
 * @name: name in the results
 * @batches: how many jobs a call sends or receives, terminated by 0
 * @setup: start what the processes share; called before they are forked
 * @produce: send jobs
 * @work: receive and acknowledge jobs, as worker number @worker
 */
struct method {
	const char *name;
	int batches[3];
	void (*setup)(struct run *run);
	void (*produce)(struct run *run, unsigned int jobs);
	void (*work)(struct run *run, unsigned int worker, unsigned int jobs);
};

/* Arrays terminated by a method without a name. */
extern const struct method gochan_methods[], redis_methods[], nats_methods[];

extern const struct family family_jobs;

/* How many jobs the next call is about. */
static inline unsigned int next_batch(const struct run *run, unsigned int left)
{
	const unsigned int batch = run->point->param;

	return left < batch ? left : batch;
}

/* server.c */
void server_start(const char *const argv[]);
void wait_until(bool (*ready)(void), const char *what);

#endif /* BENCH_JOBS_H */
