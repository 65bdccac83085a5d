// SPDX-License-Identifier: GPL-2.0
/*
 * The output of gochan deadlock, for people: a paragraph for each group of tasks that
 * wait for each other.
 */
#include <stdlib.h>

#include "deadlock.h"

#define MAX_TASKS	20	/* of a group, then how many more */
#define MAX_HOLDERS	6	/* of a channel */

static const char *verb(enum dir dir)
{
	return dir == SENDING ? "send to" : "receive from";
}

/* ---- processes that could end a wait ---- */

/* Print those who could end waits in direction @dir, as "process 5 (descriptor 3), ..." */
static unsigned int print_holders(const struct channel *channel, enum dir dir)
{
	const struct hold *hold;
	unsigned int n = 0;

	for (hold = channel->holds; hold; hold = hold->next_of_channel) {
		if (!may_serve(hold, dir))
			continue;
		if (n++ >= MAX_HOLDERS)
			continue;
		printf("%sprocess %llu (descriptor %d)", n > 1 ? ", " : "",
		       (unsigned long long)hold->process->pid, hold->fd);
	}
	if (n > MAX_HOLDERS)
		printf(" and %u more", n - MAX_HOLDERS);
	return n;
}

static bool is_served(const struct channel *channel, enum dir dir)
{
	const struct hold *hold;

	for (hold = channel->holds; hold; hold = hold->next_of_channel) {
		if (may_serve(hold, dir))
			return true;
	}
	return false;
}

/* By what they could. */
static void print_means(const struct channel *channel, enum dir dir)
{
	if (leases_decide(channel)) {
		printf("have leases on it");
		return;
	}
	printf("may %s it", verb(other_dir(dir)));
	if (channel->leased)
		printf(" or have leases on it");
}

/* Leased messages count as inside. */
static void print_contents(const struct channel *channel)
{
	printf(" (%u of %u inside", channel->len + channel->leased, channel->capacity);
	if (channel->leased)
		printf(", %u of them leased", channel->leased);
	putchar(')');
}

/* ---- a group ---- */

static void print_wait(const struct wait *wait)
{
	const struct channel *channel = wait->channel;
	char label[LABEL_SIZE];

	printf("    to %s %s", verb(wait->dir), channel_label(channel, label));
	if (channel->leased || (wait->dir == SENDING && channel->capacity))
		print_contents(channel);
	if (!is_served(channel, wait->dir)) {
		printf("; nobody who was looked at may %s it\n", verb(other_dir(wait->dir)));
		return;
	}
	printf("; only these ");
	print_means(channel, wait->dir);
	printf(": ");
	print_holders(channel, wait->dir);
	putchar('\n');
}

static void print_children(const struct process *process)
{
	const struct process *child;
	unsigned int n = 0;

	printf(" waits for a child");
	for (child = process->children; child; child = child->next_sibling) {
		if (n++ < MAX_HOLDERS)
			printf("%s %llu", n > 1 ? "," : ":", (unsigned long long)child->pid);
	}
	if (n > MAX_HOLDERS)
		printf(" and %u more", n - MAX_HOLDERS);
	putchar('\n');
}

static void print_task(const struct graph *graph, const struct task *task)
{
	const struct process *process = task->process;
	char since[DURATION_SIZE], label[LABEL_SIZE];
	const struct wait *wait;

	printf("  process %llu (%s)", (unsigned long long)process->pid,
	       command_label(process, label));
	if (task->tid != process->pid)
		printf(", thread %llu,", (unsigned long long)task->tid);
	switch (task->activity) {
	case WAITS_FOR_CHILD:
		print_children(process);
		break;
	case WAITS_FOR_THREAD:
		puts(" waits for another of its threads");
		break;
	default:
		if (task->since_ns == SINCE_UNKNOWN)
			printf(" waits");
		else
			printf(" has waited %s", duration(graph, task, since));
		puts(task->is_select ? ", in a select" : "");
		break;
	}
	for (wait = task->waits; wait; wait = wait->next_of_task)
		print_wait(wait);
}

struct group {
	struct process *process;	/* stands for it */
	size_t tasks;			/* blocked on channels */
	size_t certain;			/* of these */
};

static bool is_member(const struct group *group, const struct task *task)
{
	return !task->live && group_of(task->process) == group->process;
}

static void print_verdict(const char *verdict, size_t tasks, const char *wakers)
{
	if (tasks > 1)
		printf("%s: %zu tasks wait for each other, and nobody else %s wake them\n",
		       verdict, tasks, wakers);
	else
		printf("%s: a task waits, and nobody else %s wake it\n", verdict, wakers);
}

static void print_heading(const struct group *group)
{
	const size_t others = group->tasks - group->certain;

	if (!group->certain) {
		print_verdict("Suspected deadlock", group->tasks, "is seen that could");
		return;
	}
	print_verdict("Deadlock", group->certain, "can");
	if (others == 1)
		puts("Suspected: 1 more waits, and nobody else is seen that could wake it");
	else if (others)
		printf("Suspected: %zu more wait, and nobody else is seen that could wake them\n",
		       others);
}

/* A channel that is kept open only by its own waiters and by tasks that wait for them. */
static void print_kept_open(const struct group *group, const struct channel *channel,
			    enum dir dir)
{
	const enum dir other = other_dir(dir);
	char label[LABEL_SIZE];
	const struct wait *wait;

	for (wait = channel->waits; wait; wait = wait->next_of_channel) {
		if (wait->dir == dir && is_stuck(wait->task) && is_member(group, wait->task))
			break;
	}
	if (!wait || !is_kept_open(channel, dir))
		return;
	printf("  %s is kept open by processes that do not %s it: ",
	       channel_label(channel, label), verb(other));
	print_holders(channel, dir);
	printf("\n    close the descriptors that are not needed; to keep one direction only, use\n"
	       "    gochan_pair() or GOCHAN_IOC_DUP\n");
}

static void print_group(const struct graph *graph, const struct group *group)
{
	size_t n = 0;

	print_heading(group);
	for (size_t i = 0; i < graph->tasks.count; i++) {
		const struct task *task = graph->tasks.items[i];

		if (is_member(group, task) && n++ < MAX_TASKS)
			print_task(graph, task);
	}
	if (n > MAX_TASKS)
		printf("  and %zu more\n", n - MAX_TASKS);
	for (size_t i = 0; i < graph->channels.count; i++) {
		const struct channel *channel = graph->channels.items[i];

		print_kept_open(group, channel, SENDING);
		print_kept_open(group, channel, RECEIVING);
	}
}

/* ---- why it is only suspected ---- */

static void print_reason(const struct group *group, const struct channel *channel)
{
	char label[LABEL_SIZE];
	const struct wait *wait;

	for (wait = channel->waits; wait; wait = wait->next_of_channel) {
		if (is_member(group, wait->task))
			break;
	}
	if (!wait)
		return;
	channel_label(channel, label);
	if (channel->name)
		printf("  %s has a name, which others may open\n", label);
	if (has_handles_elsewhere(channel, other_dir(wait->dir)))
		printf("  %s has a handle that may %s it and was not found: it is in a\n"
		       "    process that could not be looked at, in a message on a socket, or\n"
		       "    registered with io_uring\n",
		       label, verb(other_dir(wait->dir)));
	if (channel->not_visible || has_unseen_leases(channel))
		printf("  %s is used by processes of other users or pid namespaces\n", label);
}

static void print_reasons(const struct graph *graph, const struct group *group)
{
	for (size_t i = 0; i < graph->channels.count; i++)
		print_reason(group, graph->channels.items[i]);
}

static void print_hidden(const struct graph *graph)
{
	if (graph->walk.hidden)
		printf("Processes that could not be looked at and may have handles: %u; root can\n",
		       graph->walk.hidden);
	if (graph->walk.hides_others)
		puts("/proc does not show the processes of other users (hidepid); root sees them");
}

/* ---- all groups ---- */

static int by_process(const void *a, const void *b)
{
	const struct group *one = a, *other = b;

	if (one->process->pid == other->process->pid)
		return 0;
	return one->process->pid < other->process->pid ? -1 : 1;
}

/* The groups of all stuck tasks, each once; the caller frees them. */
static struct group *find_groups(struct graph *graph, const struct stuck *stuck, size_t *count)
{
	struct group *groups = calloc(stuck->tasks, sizeof(*groups));
	size_t n = 0, kept = 0;

	if (!groups)
		return NULL;
	for (size_t i = 0; i < graph->tasks.count; i++) {
		const struct task *task = graph->tasks.items[i];

		if (is_stuck(task))
			groups[n++] = (struct group){ group_of(task->process), 1, task->certain };
	}
	qsort(groups, n, sizeof(*groups), by_process);
	for (size_t i = 1; i < n; i++) {
		if (by_process(&groups[kept], &groups[i])) {
			groups[++kept] = groups[i];
		} else {
			groups[kept].tasks++;
			groups[kept].certain += groups[i].certain;
		}
	}
	*count = kept + 1;
	return groups;
}

void print_stuck(struct graph *graph, const struct stuck *stuck)
{
	struct group *groups;
	size_t count;

	if (!stuck->tasks) {
		puts("No deadlock");
		print_hidden(graph);
		return;
	}
	group_stuck(graph);
	groups = find_groups(graph, stuck, &count);
	if (!groups) {
		puts("Deadlock; no memory to describe it");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		print_group(graph, &groups[i]);
		if (groups[i].certain < groups[i].tasks)
			print_reasons(graph, &groups[i]);
	}
	print_hidden(graph);
	free(groups);
}
