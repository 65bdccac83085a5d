// SPDX-License-Identifier: GPL-2.0
/*
 * A periodic task that can be stopped at any time.
 *
 * The task wakes up on every tick of a timer and sends a message. Whenever it
 * blocks, for the timer or for a receiver, it uses a select that also receives
 * from a stop channel. Nothing is ever sent on that channel; closing it stops all
 * tasks that select on it, however many there are.
 *
 * Expected: five beats, then it stops.
 */
#include <poll.h>

#include <gochan.h>

#include "example.h"

enum { BEATS = 5 };

#define PERIOD	(20 * 1000 * 1000)	/* in nanoseconds */

/* Perform @op; false if stopped, which has priority over @op (GOCHAN_ORDERED). */
static bool do_unless_stopped(int stop, struct gochan_op op)
{
	struct gochan_op ops[] = { GOCHAN_RECV(stop, NULL, 0), op };

	return must(gochan_select(ops, 2, -1, GOCHAN_ORDERED), "gochan_select") == 1;
}

static void beat(int beats, int stop)
{
	const int ticker = must(gochan_tick(PERIOD), "gochan_tick");
	uint64_t ticks;

	for (int number = 1;; number++) {
		if (!do_unless_stopped(stop, GOCHAN_POLL(ticker, POLLIN)))
			return;
		must(read(ticker, &ticks, sizeof(ticks)), "read");
		if (!do_unless_stopped(stop, GOCHAN_SEND(beats, &number, sizeof(number))))
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
		expect(number == i, "beats arrive in order");
	}
	must(gochan_close(stop), "gochan_close");
	wait_for_workers();
	printf("stopped\n");
	return 0;
}
