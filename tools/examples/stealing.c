// SPDX-License-Identifier: GPL-2.0
/*
 * Work stealing with select.
 *
 * Each worker has its own queue. It selects over all queues, with its own first
 * (GOCHAN_ORDERED), so it steals jobs from others only when its own queue is
 * empty. A queue that is closed and drained is removed from the select as in Go,
 * by replacing it with the nil channel: a negative descriptor is never ready.
 *
 * In this example all jobs are in one queue, and the first job runs until all
 * others are done.
 *
 * Expected: one worker does only the long job, the others do the rest, and jobs
 * were stolen.
 */
#include <gochan.h>

#include "example.h"

enum { WORKERS = 4, JOBS = 40, LONG_JOB = 0 };

struct result {
	int job, worker;
	bool stolen;
};

/* Nothing is ever sent on @others_done: closing it ends the long job. */
static void run(int job, int others_done)
{
	if (job == LONG_JOB)
		must(gochan_recv(others_done, NULL, 0, NULL), "gochan_recv");
}

static void work(int self, const int *queues, int results, int others_done)
{
	int sources[WORKERS], left = WORKERS;

	for (int i = 0; i < WORKERS; i++)
		sources[i] = queues[(self + i) % WORKERS];
	while (left > 0) {
		struct result result = { .worker = self };
		struct gochan_op ops[WORKERS];
		int which;

		for (int i = 0; i < WORKERS; i++)
			ops[i] = GOCHAN_RECV(sources[i], &result.job, sizeof(result.job));
		which = must(gochan_select(ops, WORKERS, -1, GOCHAN_ORDERED), "gochan_select");
		if (ops[which].result == GOCHAN_R_CLOSED) {
			sources[which] = -1;
			left--;
			continue;
		}
		run(result.job, others_done);
		result.stolen = which != 0;
		must(gochan_send(results, &result, sizeof(result)), "gochan_send");
	}
}

/* Collect the results: the number of jobs per worker, and of stolen jobs. */
static void collect(int results, int others_done)
{
	int done_by[WORKERS] = { 0 }, stolen = 0, long_worker = -1;
	bool done[JOBS] = { false };

	for (int count = 1; count <= JOBS; count++) {
		struct result result;

		must(gochan_recv(results, &result, sizeof(result), NULL), "gochan_recv");
		expect(!done[result.job], "a job is done exactly once");
		done[result.job] = true;
		done_by[result.worker]++;
		stolen += result.stolen;
		if (result.job == LONG_JOB)
			long_worker = result.worker;
		if (count == JOBS - 1)
			must(gochan_close(others_done), "gochan_close");
	}
	for (int i = 0; i < WORKERS; i++)
		printf("worker %d: %d%s\n", i, done_by[i],
		       i == long_worker ? ", the long one" : "");
	printf("%d jobs, %d stolen\n", JOBS, stolen);
	expect(done_by[long_worker] == 1, "the long job kept its worker busy");
	expect(stolen > 0, "jobs were stolen");
}

int main(void)
{
	const int results = must(gochan_make(0, sizeof(struct result), 0), "gochan_make");
	const int others_done = must(gochan_make(0, 0, 0), "gochan_make");
	int queues[WORKERS];

	for (int i = 0; i < WORKERS; i++)
		queues[i] = must(gochan_make(JOBS, sizeof(int), 0), "gochan_make");
	for (int job = 0; job < JOBS; job++)
		must(gochan_send(queues[0], &job, sizeof(job)), "gochan_send");
	for (int i = 0; i < WORKERS; i++)
		must(gochan_close(queues[i]), "gochan_close");
	for (int i = 0; i < WORKERS; i++) {
		if (fork_worker() == 0) {
			work(i, queues, results, others_done);
			exit(0);
		}
	}
	collect(results, others_done);
	wait_for_workers();
	return 0;
}
