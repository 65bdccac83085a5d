// SPDX-License-Identifier: GPL-2.0
/*
 * A message to one of many blocked receivers, and its reply: the cost should not
 * depend on the number of receivers.
 */
#include <err.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bench.h"

static bool is_asleep(pid_t pid)
{
	char path[32], line[256];
	const char *name_end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (!file || !fgets(line, sizeof(line), file))
		err(1, "%s", path);
	fclose(file);
	/* The command name is in parentheses, and may itself contain some. */
	name_end = strrchr(line, ')');
	return name_end && !strncmp(name_end, ") S", 3);
}

static void echo(struct run *run)
{
	unsigned char buf[4096];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		link_recv(&run->links[0], buf);
		link_send(&run->links[1], buf);
	}
}

/* The receivers are killed when this process exits (PR_SET_PDEATHSIG). */
static void setup(struct run *run)
{
	pid_t pids[1024];
	int i;

	links_open(run, 2, run->point->peer->no_capacity ? NO_CAPACITY : 1);
	for (i = 0; i < run->point->param; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			err(1, "fork");
		if (!pids[i])
			echo(run);
	}
	for (i = 0; i < run->point->param; i++)
		while (!is_asleep(pids[i]))
			sched_yield();
}

static void work(struct run *run, unsigned int me, unsigned int messages)
{
	(void)me;
	while (messages--) {
		link_send(&run->links[0], run->buf);
		link_recv(&run->links[1], run->rep);
	}
}

/* To save time, only some peers are measured with 1000 receivers. */
static bool measured_with_1000(const struct peer *peer)
{
	return peer == &peer_gochan || peer == &peer_pipe || peer == &peer_mqueue ||
	       peer == &peer_eventfd;
}

static void points(const struct family *family)
{
	static const int waiting[] = { 1, 10, 100, 1000 };
	unsigned int i, w;

	for (w = 0; w < ARRAY_SIZE(waiting); w++) {
		for (i = 0; peers[i]; i++) {
			const struct point p = {
				.family = family,
				.name = peers[i]->name,
				.peer = peers[i],
				.size = peers[i] == &peer_eventfd ? 8 : 64,
				.param = waiting[w],
				.processes = 1,
				.background = true,
				.messages = 2000,
				.setup = setup,
				.work = work,
				/* Forking that many processes takes most of the time. */
				.rounds = waiting[w] > 100 ? 2 : 0,
			};

			if (waiting[w] <= 100 || measured_with_1000(peers[i]))
				point_add(&p);
		}
	}
}

const struct family family_wake = {
	.name = "wake",
	.param = "receivers",
	.what = "a message to one of several blocked receivers, and its reply",
	.points = points,
};
