// SPDX-License-Identifier: GPL-2.0
/*
 * The output of gochan deadlock --dot: processes are rectangles, channels ellipses; an
 * edge leads from a waiter to the channel, and from there to each process that could
 * end the wait; and from a stuck parent to each child that it waits for.
 */
#include "deadlock.h"

static void print_quoted(const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
}

static const char *highlight(bool stuck)
{
	return stuck ? ", color=red" : "";
}

static bool has_stuck(const struct process *process)
{
	const struct task *task;

	for (task = process->tasks; task; task = task->next_of_process) {
		if (!task->live)
			return true;
	}
	return false;
}

/* Does it wait for children, none of which can go on? */
static bool is_stuck_parent(const struct process *process)
{
	const struct task *task;

	for (task = process->tasks; task; task = task->next_of_process) {
		if (task->activity == WAITS_FOR_CHILD && !task->live)
			return true;
	}
	return false;
}

/* Is it part of the graph: does it wait, or could it end a wait? */
static bool is_shown(const struct process *process)
{
	const struct hold *hold;
	const struct task *task;

	if (is_stuck_parent(process) || (process->parent && is_stuck_parent(process->parent)))
		return true;
	for (task = process->tasks; task; task = task->next_of_process) {
		if (task->waits)
			return true;
	}
	for (hold = process->holds; hold; hold = hold->next_of_process) {
		if (hold->channel->waits)
			return true;
	}
	return false;
}

static void print_process(const struct process *process)
{
	char label[LABEL_SIZE];

	printf("\tp%llu [shape=box, label=\"%llu ", (unsigned long long)process->pid,
	       (unsigned long long)process->pid);
	print_quoted(command_label(process, label));
	printf("\"%s];\n", highlight(has_stuck(process)));
}

static void print_children(const struct process *process)
{
	const struct process *child;

	if (!is_stuck_parent(process))
		return;
	for (child = process->children; child; child = child->next_sibling)
		printf("\tp%llu -> p%llu [label=\"waits for a child\", color=red];\n",
		       (unsigned long long)process->pid, (unsigned long long)child->pid);
}

static void print_wait(const struct graph *graph, const struct wait *wait)
{
	const struct task *task = wait->task;
	char since[DURATION_SIZE];

	printf("\tp%llu -> c%llu [label=\"%s%s, %s\"%s];\n",
	       (unsigned long long)task->process->pid, (unsigned long long)wait->channel->id,
	       wait->dir == SENDING ? "send" : "receive", task->is_select ? " (select)" : "",
	       duration(graph, task, since), highlight(is_stuck(task)));
}

/* @waited: in which directions somebody waits. */
static void print_hold(const struct hold *hold, const bool waited[2])
{
	const bool sends = waited[RECEIVING] && may_serve(hold, RECEIVING);
	const bool receives = waited[SENDING] && may_serve(hold, SENDING);
	const char *may = sends && receives ? "may send, receive" :
			  sends ? "may send" : "may receive";

	if (!sends && !receives)
		return;
	printf("\tc%llu -> p%llu [label=\"%s, fd %d\", style=dashed];\n",
	       (unsigned long long)hold->channel->id, (unsigned long long)hold->process->pid,
	       may_have_lease(hold) ? "has a lease" : may, hold->fd);
}

static void print_channel(const struct graph *graph, const struct channel *channel)
{
	bool waited[2] = { false, false };
	char label[LABEL_SIZE];
	const struct wait *wait;
	const struct hold *hold;

	printf("\tc%llu [shape=ellipse, label=\"", (unsigned long long)channel->id);
	print_quoted(channel_label(channel, label));
	puts("\"];");
	for (wait = channel->waits; wait; wait = wait->next_of_channel) {
		waited[wait->dir] = true;
		print_wait(graph, wait);
	}
	for (hold = channel->holds; hold; hold = hold->next_of_channel)
		print_hold(hold, waited);
}

void print_dot(const struct graph *graph)
{
	puts("digraph gochan {");
	for (size_t i = 0; i < graph->processes.count; i++) {
		const struct process *process = graph->processes.items[i];

		if (!is_shown(process))
			continue;
		print_process(process);
		print_children(process);
	}
	for (size_t i = 0; i < graph->channels.count; i++) {
		const struct channel *channel = graph->channels.items[i];

		if (channel->waits)
			print_channel(graph, channel);
	}
	puts("}");
}
