// SPDX-License-Identifier: GPL-2.0
/*
 * gochan deadlock: find tasks that wait for each other forever.
 *
 * A task is live if it may do something without a message from somebody else: it runs,
 * or waits for something that is not known here; it is stopped or traced, and will be
 * continued; it waits on channels, but has a deadline, or polls another descriptor in the
 * same select. A process is live if one of its threads is, since all of them have all its
 * descriptors. From there on, until nothing changes:
 *
 * - a task that waits to receive on a channel is live if a live process may send there,
 *   and the other way round; in a select, if that is so for one of its ops;
 * - on an acknowledged channel a live process that has a lease makes live who waits there
 *   in either direction: it frees a slot, or its message comes back. Where all slots are
 *   leased, nobody else does; and where some are kept by messages that were given up, or
 *   are done and not told yet, a task that waits to send is live;
 * - a task that waits for a child is live if it has a live child (or none), and one that
 *   waits for another thread if its process has a live one;
 * - a task that waits on a named channel is live if no process has a handle for the other
 *   direction, or only waiters of the same direction have: like a server, it waits for the
 *   next process that opens the name.
 *
 * The other tasks are stuck: all tasks that could serve one of them are stuck, too. Only a
 * signal or a new process can end that; signals are not considered.
 *
 * /proc is read piece by piece, and what was read of one process may be over when the next
 * one is read. So everything is read twice. A task counts only if it is stuck both times
 * and has waited since the same time, that is, did not return from its call in between.
 * So at any instant between the two, all of them were waiting. The only thing missed is a
 * process that got a handle after it was first read, and dropped it before the second
 * time.
 *
 * It is a deadlock (exit status 1) if tasks are stuck even when every task counts as live
 * that a process which was not seen might serve. Otherwise it is suspected (2). A process
 * may not be seen because
 *
 * - the channel has a name, which others may open;
 * - it has more handles than descriptors of different handles were found: one is in a
 *   message on a socket, registered with io_uring, or in a process that is not shown;
 * - it has waiters or leases of other users or pid namespaces, whose processes have it open;
 * - a process could not be looked at, which may share any handle.
 *
 * That a task waits for another thread is seen only with the right to trace its process;
 * otherwise it counts as live.
 *
 * Three things are not noticed: a process outside of this pid namespace that shares a handle
 * with one inside, and does not wait on the channel; a handle in a message on a socket that
 * its sender has kept as well; and a process that shares a table of descriptors, and so its
 * leases, with the one that has received.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deadlock.h"
#include "snapshot.h"

static const char help[] =
"Usage: gochan deadlock [OPTION...]\n"
"Finds processes that wait on channels for each other, so that none can go on.\n"
"Says which tasks wait, where and since when, and which descriptors keep a\n"
"channel open. Looks at all processes that you may look at, twice, a tenth of a\n"
"second apart. Signals that could interrupt a wait are not considered. That a\n"
"thread waits for another one of its process is recognised only if you may trace\n"
"the process (see ptrace(2)).\n"
"\n"
"  -q                  print nothing, only exit with the status\n"
"      --dot           print the wait-for graph for Graphviz\n"
"      --watch S       look again every S seconds, until a deadlock is found or\n"
"                      suspected\n"
"  -h, --help          show this help\n"
"\n"
"Exit status: 0 none, 1 a deadlock, 2 a suspected one, which a process that\n"
"cannot be seen might end, 5 error or wrong usage.\n";

enum { OPT_DOT = OPT_OTHER, OPT_WATCH };

static const struct option options[] = {
	{ "dot", no_argument, NULL, OPT_DOT },
	{ "watch", required_argument, NULL, OPT_WATCH },
	OPTION_HELP, OPTION_END
};

#define INTERVAL_NS	100000000

/* Exit statuses of this command; NO_ANSWER in case of errors. */
enum answer { NONE = 0, FOUND = 1, SUSPECTED = 2 };

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
	clock_sleep(INTERVAL_NS);
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
		clock_sleep(args->watch_ns);
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

static enum status run(int argc, char **argv)
{
	struct arguments args = { .watch_ns = -1 };
	const struct command *self = &deadlock_command;
	int opt;

	while ((opt = getopt_long(argc, argv, "qh", options, NULL)) != -1) {
		switch (opt) {
		case 'q':
			args.quiet = true;
			break;
		case OPT_DOT:
			args.dot = true;
			break;
		case OPT_WATCH:
			if (!opt_seconds(self, "--watch", &args.watch_ns))
				return NO_ANSWER;
			break;
		default:
			return help_or_usage(self, opt) == DONE ? DONE : NO_ANSWER;
		}
	}
	if (optind != argc) {
		usage_error(self, "deadlock takes no arguments");
		return NO_ANSWER;
	}
	return answer(&args);
}

const struct command deadlock_command = {
	.name = "deadlock",
	.summary = "find processes that wait for each other forever",
	.help = help,
	.run = run,
};
