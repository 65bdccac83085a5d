// SPDX-License-Identifier: GPL-2.0
/*
 * The analysis of a graph: find the live tasks; the others are stuck. These are the
 * greatest set of tasks such that all tasks which could serve one of them are in the set.
 * Linear in the number of tasks, handles and waits. No I/O here.
 */
#include "stuck.h"

/* Live tasks whose processes have not been looked at. */
struct live {
	struct task *first;
};

static void set_live(struct live *live, struct task *task)
{
	if (task->live)
		return;
	task->live = true;
	task->next_live = live->first;
	live->first = task;
}

/* ---- who is live without the help of others ---- */

bool has_handles_elsewhere(const struct channel *channel, enum dir dir)
{
	return channel->handles[dir] > channel->found[dir];
}

static bool waits_for(const struct task *task, const struct channel *channel, enum dir dir)
{
	const struct wait *wait;

	for (wait = task->waits; wait; wait = wait->next_of_task) {
		if (wait->channel == channel && wait->dir == dir)
			return true;
	}
	return false;
}

/*
 * Does a process have the right to serve the waiters of a direction of a channel, and a
 * task that does not wait there itself?
 */
static bool has_peer(const struct channel *channel, enum dir dir)
{
	const struct hold *hold;
	const struct task *task;

	for (hold = channel->holds; hold; hold = hold->next_of_channel) {
		if (!may_serve(hold, dir))
			continue;
		for (task = hold->process->tasks; task; task = task->next_of_process) {
			if (!waits_for(task, channel, dir))
				return true;
		}
	}
	return false;
}

/* It waits for whoever opens the name next, as servers do. */
static bool waits_for_newcomer(const struct task *task)
{
	const struct wait *wait;

	for (wait = task->waits; wait; wait = wait->next_of_task) {
		if (wait->channel->name && !wait->channel->has_peer[wait->dir])
			return true;
	}
	return false;
}

/* Slots are kept by what the channel is to send itself, until the other one has room. */
static bool waits_for_forwarding(const struct task *task)
{
	const struct wait *wait;

	for (wait = task->waits; wait; wait = wait->next_of_task) {
		const struct channel *channel = wait->channel;

		if (wait->dir == SENDING && channel->acked &&
		    channel->len + channel->leased < channel->capacity)
			return true;
	}
	return false;
}

static bool may_be_served_from_elsewhere(const struct task *task, const struct graph *graph)
{
	const struct wait *wait;

	if (graph->walk.hidden || graph->walk.hides_others)
		return true;
	for (wait = task->waits; wait; wait = wait->next_of_task) {
		const struct channel *channel = wait->channel;

		if (channel->name || channel->not_visible || has_unseen_leases(channel) ||
		    has_handles_elsewhere(channel, other_dir(wait->dir)) ||
		    (channel->leased && has_handles_elsewhere(channel, RECEIVING)))
			return true;
	}
	return false;
}

static bool is_live_itself(const struct task *task)
{
	if (task->activity == BUSY || task->stopped || task->moved)
		return true;
	if (task->activity == WAITS_FOR_CHILD)
		return !task->process->children;
	if (task->activity == WAITS_FOR_THREAD)
		return false;
	return task->has_deadline || task->polls || waits_for_newcomer(task) ||
	       waits_for_forwarding(task);
}

/* ---- whom they make live ---- */

static void serve_channel(struct live *live, struct channel *channel, enum dir dir)
{
	const struct wait *wait;

	if (channel->served[dir])
		return;
	channel->served[dir] = true;
	for (wait = channel->waits; wait; wait = wait->next_of_channel) {
		if (wait->dir == dir)
			set_live(live, wait->task);
	}
}

static void set_live_if(struct live *live, const struct process *process,
			enum activity activity)
{
	struct task *task;

	for (task = process->tasks; task; task = task->next_of_process) {
		if (task->activity == activity)
			set_live(live, task);
	}
}

/* A process with a live thread may use all its handles, or exit. */
static void process_is_live(struct live *live, struct process *process)
{
	const struct hold *hold;

	if (process->live)
		return;
	process->live = true;
	for (hold = process->holds; hold; hold = hold->next_of_process) {
		if (may_serve(hold, RECEIVING))
			serve_channel(live, hold->channel, RECEIVING);
		if (may_serve(hold, SENDING))
			serve_channel(live, hold->channel, SENDING);
	}
	set_live_if(live, process, WAITS_FOR_THREAD);
	if (process->parent)
		set_live_if(live, process->parent, WAITS_FOR_CHILD);
}

static void spread(struct graph *graph, struct live *live)
{
	struct task *task;

	/* Nothing is known of the threads of a process that has just exited. */
	for (size_t i = 0; i < graph->processes.count; i++) {
		struct process *process = graph->processes.items[i];

		if (!process->threads_known)
			process_is_live(live, process);
	}
	while ((task = live->first)) {
		live->first = task->next_live;
		process_is_live(live, task->process);
	}
}

static void forget(struct graph *graph)
{
	for (size_t i = 0; i < graph->channels.count; i++) {
		struct channel *channel = graph->channels.items[i];

		channel->served[SENDING] = false;
		channel->served[RECEIVING] = false;
	}
	for (size_t i = 0; i < graph->processes.count; i++) {
		struct process *process = graph->processes.items[i];

		process->live = false;
	}
	for (size_t i = 0; i < graph->tasks.count; i++) {
		struct task *task = graph->tasks.items[i];

		task->live = false;
	}
}

/* Who is stuck? With @strict everybody is live who may be. */
static void judge(struct graph *graph, bool strict)
{
	struct live live = { 0 };

	forget(graph);
	for (size_t i = 0; i < graph->tasks.count; i++) {
		struct task *task = graph->tasks.items[i];

		if (is_live_itself(task) ||
		    (strict && may_be_served_from_elsewhere(task, graph)))
			set_live(&live, task);
	}
	spread(graph, &live);
}

static bool has_moved(const struct task *task, const struct graph *earlier)
{
	const struct task *before = index_find(&earlier->tasks, task->tid);

	return !before || before->live || before->since_ns != task->since_ns ||
	       before->activity != task->activity || before->switches != task->switches;
}

struct stuck find_stuck(struct graph *graph, const struct graph *earlier)
{
	struct stuck stuck = { 0 };

	for (size_t i = 0; i < graph->channels.count; i++) {
		struct channel *channel = graph->channels.items[i];

		channel->has_peer[SENDING] = has_peer(channel, SENDING);
		channel->has_peer[RECEIVING] = has_peer(channel, RECEIVING);
	}
	for (size_t i = 0; i < graph->tasks.count && earlier; i++) {
		struct task *task = graph->tasks.items[i];

		task->moved = has_moved(task, earlier);
	}
	judge(graph, true);
	for (size_t i = 0; i < graph->tasks.count; i++) {
		struct task *task = graph->tasks.items[i];

		task->certain = !task->live;
		stuck.certain += is_stuck(task);
	}
	judge(graph, false);
	for (size_t i = 0; i < graph->tasks.count; i++)
		stuck.tasks += is_stuck(graph->tasks.items[i]);
	return stuck;
}

bool is_kept_open(const struct channel *channel, enum dir dir)
{
	bool held = false;
	const struct hold *hold;
	const struct task *task;

	if (channel->name || channel->leased || has_handles_elsewhere(channel, other_dir(dir)))
		return false;
	for (hold = channel->holds; hold; hold = hold->next_of_channel) {
		if (!hold->may[other_dir(dir)])
			continue;
		held = true;
		for (task = hold->process->tasks; task; task = task->next_of_process) {
			if (task->activity == BLOCKED && !waits_for(task, channel, dir))
				return false;
		}
	}
	return held;
}

/* ---- groups ---- */

struct process *group_of(struct process *process)
{
	while (process->group != process) {
		process->group = process->group->group;
		process = process->group;
	}
	return process;
}

static void join(struct process **group, struct process *process)
{
	if (*group)
		group_of(process)->group = group_of(*group);
	*group = process;
}

/* The waiters of a direction of a channel, and the processes that could serve them. */
static void group_channel(const struct channel *channel, enum dir dir)
{
	struct process *group = NULL;
	const struct wait *wait;
	const struct hold *hold;

	for (wait = channel->waits; wait; wait = wait->next_of_channel) {
		if (wait->dir == dir && is_stuck(wait->task))
			join(&group, wait->task->process);
	}
	if (!group)
		return;
	for (hold = channel->holds; hold; hold = hold->next_of_channel) {
		if (may_serve(hold, dir))
			join(&group, hold->process);
	}
}

void group_stuck(struct graph *graph)
{
	for (size_t i = 0; i < graph->processes.count; i++) {
		struct process *process = graph->processes.items[i];

		process->group = process;
	}
	for (size_t i = 0; i < graph->channels.count; i++) {
		group_channel(graph->channels.items[i], SENDING);
		group_channel(graph->channels.items[i], RECEIVING);
	}
	for (size_t i = 0; i < graph->processes.count; i++) {
		struct process *process = graph->processes.items[i];

		struct process *group = process->parent;

		if (group && !group->live)
			join(&group, process);
	}
}
