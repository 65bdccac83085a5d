// SPDX-License-Identifier: GPL-2.0
/*
 * Producers and consumers on a bounded queue.
 *
 * The queue is a channel with a capacity of eight jobs: producers block while it
 * is full, consumers while it is empty. Every process closes the end that it does
 * not use. So after the last producer has exited, the consumers drain the queue
 * and see end of file, without counting producers and without a final message.
 *
 * Expected: every job is consumed exactly once, and the queue never holds more
 * than eight.
 */
#include <gochan.h>

#include "example.h"

enum { CAPACITY = 8, PRODUCERS = 3, CONSUMERS = 4, JOBS = 200 };

struct report {
	int jobs;
	long sum;
};

/* Jobs are numbers: the first producer's are 0 to 199, the next one's 200 to 399. */
static void produce(int queue, int producer)
{
	for (int i = 0; i < JOBS; i++) {
		const int job = producer * JOBS + i;

		must(gochan_send(queue, &job, sizeof(job)), "gochan_send");
	}
}

static void consume(int queue, int reports)
{
	struct report report = { 0 };
	int got, job;

	while ((got = gochan_recv(queue, &job, sizeof(job), NULL)) > 0) {
		expect(gochan_len(queue) <= CAPACITY, "the queue is bounded");
		report.jobs++;
		report.sum += job;
	}
	must(got, "gochan_recv");
	must(gochan_send(reports, &report, sizeof(report)), "gochan_send");
}

int main(void)
{
	const long all = (long)PRODUCERS * JOBS;
	struct report report, total = { 0 };
	int queue[2], reports[2];

	must(gochan_pair(queue, CAPACITY, sizeof(int), 0), "gochan_pair");
	must(gochan_pair(reports, 0, sizeof(struct report), 0), "gochan_pair");
	for (int i = 0; i < PRODUCERS; i++) {
		if (fork_worker() == 0) {
			close(queue[0]);
			produce(queue[1], i);
			exit(0);
		}
	}
	close(queue[1]);
	for (int i = 0; i < CONSUMERS; i++) {
		if (fork_worker() == 0) {
			consume(queue[0], reports[1]);
			exit(0);
		}
	}
	close(queue[0]);
	close(reports[1]);

	while (gochan_recv(reports[0], &report, sizeof(report), NULL) > 0) {
		total.jobs += report.jobs;
		total.sum += report.sum;
	}
	wait_for_workers();
	printf("%d producers, %d consumers: %d jobs, sum %ld\n", PRODUCERS, CONSUMERS, total.jobs,
	       total.sum);
	expect(total.jobs == all, "every job was consumed exactly once");
	expect(total.sum == all * (all - 1) / 2, "the jobs arrived unchanged");
	return 0;
}
