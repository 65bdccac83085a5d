// SPDX-License-Identifier: GPL-2.0
/*
 * A deadlock, on purpose: three workers in a ring, each of which wants to hand its number
 * to the next one before it takes that of the previous one. The channels are unbuffered,
 * so each send waits for a receive that never comes. With a capacity of 1 it would work.
 *
 * Ctrl-\ (SIGQUIT) makes each process say where it is stuck. With an argument, whatever it
 * is, the example does not wait for that, but sends SIGQUIT as soon as all are stuck.
 *
 * Expected: nothing until SIGQUIT; then a dump from each worker that shows it in
 * gochan_send, and "3 of 3 workers were stuck".
 */
#include <gochan.h>

#include "example.h"

enum { WORKERS = 3 };

static void work(int number, int previous, int next)
{
	int received;

	must(gochan_dump_on(SIGQUIT), "gochan_dump_on");
	must(gochan_send(next, &number, sizeof(number)), "gochan_send");
	must(gochan_recv(previous, &received, sizeof(received), NULL), "gochan_recv");
	exit(0);
}

static bool is_stuck(int ch)
{
	struct gochan_info info;

	must(gochan_info(ch, &info), "gochan_info");
	return info.senders_waiting == 1;
}

static void quit_when_stuck(const int *ring, const pid_t *workers)
{
	for (int i = 0; i < WORKERS; i++) {
		while (!is_stuck(ring[i]))
			usleep(1000);
	}
	for (int i = 0; i < WORKERS; i++)
		kill(workers[i], SIGQUIT);
}

int main(int argc, char **argv)
{
	int ring[WORKERS], killed = 0, status;
	pid_t workers[WORKERS];

	(void)argv;
	for (int i = 0; i < WORKERS; i++)
		ring[i] = must(gochan_make(0, sizeof(int), GOCHAN_FIXED), "gochan_make");
	/* The terminal's SIGQUIT is for the workers. */
	signal(SIGQUIT, SIG_IGN);
	for (int i = 0; i < WORKERS; i++) {
		workers[i] = fork_worker();
		if (workers[i] == 0)
			work(i, ring[i], ring[(i + 1) % WORKERS]);
	}
	if (argc > 1)
		quit_when_stuck(ring, workers);
	while (wait(&status) > 0)
		killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGQUIT;
	printf("%d of %d workers were stuck\n", killed, WORKERS);
	return killed == WORKERS ? 0 : 1;
}
