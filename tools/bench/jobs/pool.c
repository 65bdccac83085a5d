// SPDX-License-Identifier: GPL-2.0
/*
 * A worker pool: one process sends jobs, four workers receive and acknowledge them. A job
 * takes no time. The programs of this family are linked to the clients of Redis and NATS,
 * so they are not part of the other benchmarks' program.
 */
#include "jobs.h"

#define JOBS	8192

const struct family *const families[] = { &family_jobs, NULL };

static const struct method *method_of(const struct run *run)
{
	return run->point->extra;
}

static void setup(struct run *run)
{
	method_of(run)->setup(run);
}

/* Each worker does its share, so that all know when they are done. */
static void work(struct run *run, unsigned int me, unsigned int jobs)
{
	if (me < WORKERS)
		method_of(run)->work(run, me, jobs / WORKERS);
	else
		method_of(run)->produce(run, jobs);
}

static void add_points(const struct family *family, const struct method *method)
{
	const int *batch;

	for (; method->name; method++) {
		for (batch = method->batches; *batch; batch++) {
			const struct point p = {
				.family = family,
				.name = method->name,
				.size = JOB_SIZE,
				.param = *batch,
				.processes = WORKERS + 1,
				.messages = JOBS,
				.setup = setup,
				.work = work,
				.extra = method,
				.background = true,
				.idles = true,
				.randomized = true,
			};

			point_add(&p);
		}
	}
}

static void points(const struct family *family)
{
	add_points(family, gochan_methods);
	add_points(family, redis_methods);
	add_points(family, nats_methods);
}

const struct family family_jobs = {
	.name = "jobs",
	.param = "batch",
	.what = "one process sends jobs to 4 workers, which acknowledge them",
	.points = points,
};
