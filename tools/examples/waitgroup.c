// SPDX-License-Identifier: GPL-2.0
/*
 * A wait group: waiting until all workers have finished their part.
 *
 * Each of eight workers adds up an eighth of the numbers, stores the sum in shared
 * memory and reports that it is done. The processes keep running after that (here
 * until the leave channel is closed): being done is not the same as having exited.
 *
 * In the second run one worker never reports. In Go the wait would then block
 * forever; here it fails and tells how many are missing.
 *
 * Expected: the complete sum, and then one of eight workers missing.
 */
#include <errno.h>

#include <gochan.h>

#include "example.h"

enum { WORKERS = 8, PART = 1000 };

static long sum_of_part(int part)
{
	long sum = 0;

	for (int i = 1; i <= PART; i++)
		sum += part * PART + i;
	return sum;
}

static void start_workers(struct gochan_wg *group, long *sums, int leave, int silent)
{
	must(gochan_wg_add(group, WORKERS), "gochan_wg_add");
	for (int i = 0; i < WORKERS; i++) {
		if (fork_worker() == 0) {
			sums[i] = sum_of_part(i);
			if (i != silent)
				must(gochan_wg_done(group), "gochan_wg_done");
			gochan_wg_destroy(group);
			must(gochan_recv(leave, NULL, 0, NULL), "gochan_recv");
			exit(0);
		}
	}
}

static void wait_for_all(long *sums, int leave)
{
	const long last = (long)WORKERS * PART;
	struct gochan_wg group;
	long total = 0;

	must(gochan_wg_init(&group, WORKERS), "gochan_wg_init");
	start_workers(&group, sums, leave, -1);
	must(gochan_wg_wait(&group), "gochan_wg_wait");
	for (int i = 0; i < WORKERS; i++)
		total += sums[i];
	printf("all workers are done: the sum of 1 to %ld is %ld\n", last, total);
	expect(total == last * (last + 1) / 2, "the sum is complete");
	gochan_wg_destroy(&group);
}

static void miss_one(long *sums, int leave)
{
	struct gochan_wg group;

	must(gochan_wg_init(&group, WORKERS), "gochan_wg_init");
	start_workers(&group, sums, leave, WORKERS / 2);
	expect(gochan_wg_wait(&group) < 0 && errno == EOWNERDEAD, "the missing worker is detected");
	printf("%u of %d workers is missing\n", group.members, WORKERS);
	expect(group.members == 1, "one worker is missing");
	gochan_wg_destroy(&group);
}

int main(void)
{
	const int leave = must(gochan_make(0, 0, 0), "gochan_make");
	long *sums = shared_memory(WORKERS * sizeof(*sums));

	wait_for_all(sums, leave);
	miss_one(sums, leave);
	must(gochan_close(leave), "gochan_close");
	wait_for_workers();
	return 0;
}
