// SPDX-License-Identifier: GPL-2.0
/*
 * A periodic task that is told to stop.
 *
 * The task wakes on every tick of a timer, and sends what it measured. It never
 * waits for one thing alone: while it waits for the tick, and while it waits for
 * somebody to take its measurement, it listens for the end as well. The end is a
 * channel that is closed; nothing is ever sent on it, and however many tasks
 * there were, one close would reach all.
 *
 * Expect: five beats, then it stops.
 */
#include <poll.h>

#include <gochan.h>

#include "example.h"

enum { BEATS = 5 };

#define PERIOD	(20 * 1000 * 1000)	/* in nanoseconds */

/* Waits for the op, or for the end. Of both it takes the end, which is first. */
static bool done_before_end(int stop, struct gochan_op op)
{
	struct gochan_op ops[] = { GOCHAN_RECV(stop, NULL, 0), op };

	return must(gochan_select(ops, 2, -1, GOCHAN_ORDERED), "gochan_select") == 1;
}

static void beat(int beats, int stop)
{
	const int ticker = must(gochan_tick(PERIOD), "gochan_tick");
	uint64_t ticks;

	for (int number = 1;; number++) {
		if (!done_before_end(stop, GOCHAN_POLL(ticker, POLLIN)))
			return;
		must(read(ticker, &ticks, sizeof(ticks)), "read");
		if (!done_before_end(stop, GOCHAN_SEND(beats, &number, sizeof(number))))
			return;
	}
}

int main(void)
{
	const int beats = must(gochan_make(0, sizeof(int), 0), "gochan_make");
	const int stop = must(gochan_make(0, 0, 0), "gochan_make");
	int number;

	if (fork_worker() == 0) {
		beat(beats, stop);
		exit(0);
	}
	for (int i = 1; i <= BEATS; i++) {
		must(gochan_recv(beats, &number, sizeof(number), NULL), "gochan_recv");
		printf("beat %d\n", number);
		expect(number == i, "beats come in order");
	}
	must(gochan_close(stop), "gochan_close");
	wait_for_workers();
	printf("stopped\n");
	return 0;
}
