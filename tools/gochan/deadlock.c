// SPDX-License-Identifier: GPL-2.0
/*
 * gochan deadlock: find tasks that wait for each other for ever.
 *
 * A task is live if it may do something without a message from somebody else: it runs,
 * or waits for something that is not known here; it is stopped or traced, and will be
 * continued; it waits on channels, but has a deadline, or polls another descriptor in the
 * same select. A process is live if one of its threads is, since all of them have all its
 * descriptors. From there on, until nothing changes:
 *
 * - a task that waits to receive on a channel is live if a live process may send there,
 *   and the other way round; in a select, if that is so for one of its ops;
 * - a task that waits for a child is live if it has a live child (or none), and one that
 *   waits for another thread if its process has a live one;
 * - a task that waits on a named channel is live if nobody has a handle for the other
 *   direction, or only those who wait on it with the task: it waits for whoever opens the
 *   name next, as servers do.
 *
 * The other tasks are stuck: whoever could serve one of them is stuck, too. Only a signal
 * or a newcomer can end that; signals are not considered.
 *
 * /proc is read piece by piece, and what was read of one process may be over when the next
 * one is read. So everything is read twice, and only tasks count that are stuck both times
 * and, by the time since when they wait, did not return from their call in between. At any
 * instant between the two all of them were waiting. Missed is only a process which got a
 * handle after it was read the first time, and dropped it before it was read the second
 * time.
 *
 * It is a deadlock (exit status 1) if tasks are stuck even when all those count as live who
 * might be served by somebody that was not seen. Otherwise it is suspected (2). Somebody may
 * not be seen because
 *
 * - the channel has a name, which others may open;
 * - it has more handles than descriptors of different handles were found: one is in a
 *   message on a socket, registered with io_uring, or in a process that is not shown;
 * - it has waiters of other users or pid namespaces, whose processes have it open;
 * - a process could not be looked at, which may share any handle.
 *
 * Two things are not noticed: a process outside of this pid namespace that shares a handle
 * with one inside, and does not wait on the channel; and a handle in a message on a socket
 * that its sender has kept as well.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deadlock.h"
#include "snapshot.h"

static const char help[] =
"Usage: gochan deadlock [-q] [--dot] [--watch SECONDS]\n"
"Finds processes that wait on channels for each other, so that none can go on, and says\n"
"who waits where and since when, and which descriptors keep a channel open. Looks at all\n"
"processes that you may look at, twice, a tenth of a second apart. Signals that could\n"
"interrupt a wait are not considered.\n"
"\n"
"  -q               print nothing, only exit with the status\n"
"  --dot            print who waits for whom as a graph for Graphviz\n"
"  --watch SECONDS  look again and again, until a deadlock is found or suspected\n"
"\n"
"Exit status: 0 none, 1 a deadlock, 2 one that is suspected: somebody who was not seen\n"
"might end it, 5 error or wrong usage.\n";

enum { OPT_DOT = OPT_OTHER, OPT_WATCH };

static const struct option options[] = {
	{ "dot", no_argument, NULL, OPT_DOT },
	{ "watch", required_argument, NULL, OPT_WATCH },
	OPTION_HELP, OPTION_END
};

#define INTERVAL_NS	100000000

/* Exit statuses of this command; NO_ANSWER in case of errors. */
enum answer { NONE = 0, FOUND = 1, SUSPECTED = 2 };

static void sleep_ns(long long ns)
{
	const struct timespec time = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

static bool look_once(struct graph *graph)
{
	if (!snapshot_read(graph))
		return false;
	if (snapshot_read_threads(graph))
		return true;
	graph_free(graph);
	return false;
}

/* Fill @graph and @stuck with what both of two looks have found. */
static bool look(struct graph *graph, struct stuck *stuck)
{
	struct graph earlier;
	bool ok;

	if (!look_once(graph))
		return false;
	*stuck = find_stuck(graph, NULL);
	if (!stuck->tasks)
		return true;
	earlier = *graph;
	sleep_ns(INTERVAL_NS);
	ok = look_once(graph);
	if (ok)
		*stuck = find_stuck(graph, &earlier);
	graph_free(&earlier);
	return ok;
}

static enum answer answer_of(const struct stuck *stuck)
{
	if (stuck->certain)
		return FOUND;
	return stuck->tasks ? SUSPECTED : NONE;
}

struct arguments {
	bool quiet;
	bool dot;
	long long watch_ns;	/* or -1 */
};

static enum status answer(const struct arguments *args)
{
	enum answer answer;
	struct stuck stuck;
	struct graph graph;

	for (;;) {
		if (!look(&graph, &stuck))
			return NO_ANSWER;
		answer = answer_of(&stuck);
		if (answer != NONE || args->watch_ns < 0)
			break;
		graph_free(&graph);
		sleep_ns(args->watch_ns);
	}
	if (args->dot)
		print_dot(&graph);
	else if (!args->quiet)
		print_stuck(&graph, &stuck);
	graph_free(&graph);
	if (fflush(stdout) == 0)
		return (enum status)answer;
	/* main() prints the message, and must not turn it into an answer. */
	return NO_ANSWER;
}

static enum status parse(int argc, char **argv, struct arguments *args)
{
	const struct command *self = &deadlock_command;
	int opt;

	while ((opt = getopt_long(argc, argv, "q", options, NULL)) != -1) {
		switch (opt) {
		case 'q':
			args->quiet = true;
			break;
		case OPT_DOT:
			args->dot = true;
			break;
		case OPT_WATCH:
			if (!opt_seconds(self, "--watch", &args->watch_ns))
				return USAGE;
			break;
		default:
			return help_or_usage(self, opt);
		}
	}
	if (optind != argc)
		return usage_error(self, "deadlock takes no arguments");
	return DONE;
}

static enum status run(int argc, char **argv)
{
	struct arguments args = { .watch_ns = -1 };
	const enum status status = parse(argc, argv, &args);

	if (status != DONE)
		return NO_ANSWER;
	return answer(&args);
}

const struct command deadlock_command = {
	.name = "deadlock",
	.summary = "find processes that wait for each other for ever",
	.help = help,
	.run = run,
};
