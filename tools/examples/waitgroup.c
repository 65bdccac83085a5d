// SPDX-License-Identifier: GPL-2.0
/*
 * A wait group: waiting until all workers have done their part.
 *
 * Eight workers add up an eighth of the numbers each, leave their sum in shared
 * memory and say that they are done. Their processes go on (here until they are
 * told to leave): that all are done is another thing than that all have ended.
 * The second time one worker ends without a word. The wait does not go on for
 * ever then, as it would in Go, but tells that one is missing.
 *
 * Expect: the whole sum, and then one of eight missing.
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

static void all_are_done(long *sums, int leave)
{
	const long last = (long)WORKERS * PART;
	struct gochan_wg group;
	long total = 0;

	must(gochan_wg_init(&group, WORKERS), "gochan_wg_init");
	start_workers(&group, sums, leave, -1);
	must(gochan_wg_wait(&group), "gochan_wg_wait");
	for (int i = 0; i < WORKERS; i++)
		total += sums[i];
	printf("all are done: the sum of 1 to %ld is %ld\n", last, total);
	expect(total == last * (last + 1) / 2, "the sum has all parts");
	gochan_wg_destroy(&group);
}

static void one_is_missing(long *sums, int leave)
{
	struct gochan_wg group;

	must(gochan_wg_init(&group, WORKERS), "gochan_wg_init");
	start_workers(&group, sums, leave, WORKERS / 2);
	expect(gochan_wg_wait(&group) < 0 && errno == EOWNERDEAD, "a worker is missed");
	printf("%u of %d is missing\n", group.members, WORKERS);
	expect(group.members == 1, "it is one worker");
	gochan_wg_destroy(&group);
}

int main(void)
{
	const int leave = must(gochan_make(0, 0, 0), "gochan_make");
	long *sums = shared_memory(WORKERS * sizeof(*sums));

	all_are_done(sums, leave);
	one_is_missing(sums, leave);
	must(gochan_close(leave), "gochan_close");
	wait_for_workers();
	return 0;
}
