// SPDX-License-Identifier: GPL-2.0
/*
 * The graph of waiters and holders. No /proc here, and no analysis.
 */
#include <stdlib.h>
#include <string.h>

#include "graph.h"
#include "utf8.h"

/* ---- indexes ---- */

static uint64_t key_of(const void *item)
{
	return *(const uint64_t *)item;
}

/* The first item whose key is not less. */
static size_t index_position(const struct index *index, uint64_t key)
{
	size_t low = 0, high = index->count;

	/* Most keys come in order. */
	if (high && key_of(index->items[high - 1]) < key)
		return high;
	while (low < high) {
		const size_t middle = (low + high) / 2;

		if (key_of(index->items[middle]) < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void *index_find(const struct index *index, uint64_t key)
{
	const size_t at = index_position(index, key);

	if (at == index->count || key_of(index->items[at]) != key)
		return NULL;
	return index->items[at];
}

static bool index_grow(struct index *index)
{
	const size_t room = index->room ? 2 * index->room : 64;
	void **items = realloc(index->items, room * sizeof(*items));

	if (!items)
		return false;
	index->items = items;
	index->room = room;
	return true;
}

/* A new item of @size bytes, zero but for its key. */
static void *index_add(struct index *index, uint64_t key, size_t size)
{
	const size_t at = index_position(index, key);
	uint64_t *item;

	if (index->count == index->room && !index_grow(index))
		return NULL;
	item = calloc(1, size);
	if (!item)
		return NULL;
	*item = key;
	memmove(&index->items[at + 1], &index->items[at],
		(index->count - at) * sizeof(index->items[0]));
	index->items[at] = item;
	index->count++;
	return item;
}

static void index_free(struct index *index)
{
	for (size_t i = 0; i < index->count; i++)
		free(index->items[i]);
	free(index->items);
}

/* ---- the graph ---- */

struct channel *graph_channel(struct graph *graph, uint64_t id)
{
	return index_find(&graph->channels, id) ?:
	       index_add(&graph->channels, id, sizeof(struct channel));
}

struct process *graph_process(struct graph *graph, pid_t pid)
{
	return index_find(&graph->processes, (uint64_t)pid) ?:
	       index_add(&graph->processes, (uint64_t)pid, sizeof(struct process));
}

struct task *graph_task(struct graph *graph, pid_t pid, pid_t tid)
{
	struct task *task = index_find(&graph->tasks, (uint64_t)tid);
	struct process *process;

	if (task)
		return task;
	process = graph_process(graph, pid);
	if (!process)
		return NULL;
	task = index_add(&graph->tasks, (uint64_t)tid, sizeof(*task));
	if (!task)
		return NULL;
	task->process = process;
	task->since_ns = SINCE_UNKNOWN;
	task->next_of_process = process->tasks;
	process->tasks = task;
	return task;
}

struct hold *graph_add_hold(struct process *process, struct channel *channel,
			    const struct fdinfo *info)
{
	struct hold *hold = malloc(sizeof(*hold));

	if (!hold)
		return NULL;
	*hold = (struct hold){
		.process = process, .channel = channel, .fd = info->fd,
		.may = { [SENDING] = info->may_send, [RECEIVING] = info->may_receive },
		.next_of_process = process->holds, .next_of_channel = channel->holds,
	};
	process->holds = hold;
	channel->holds = hold;
	return hold;
}

struct wait *graph_add_wait(struct task *task, struct channel *channel, enum dir dir)
{
	struct wait *wait = malloc(sizeof(*wait));

	if (!wait)
		return NULL;
	*wait = (struct wait){
		.task = task, .channel = channel, .dir = dir,
		.next_of_task = task->waits, .next_of_channel = channel->waits,
	};
	task->waits = wait;
	channel->waits = wait;
	return wait;
}

bool graph_found_handle(struct graph *graph, struct channel *channel,
			const struct fdinfo *info)
{
	if (index_find(&graph->handles, info->handle))
		return true;
	channel->found[SENDING] += info->may_send;
	channel->found[RECEIVING] += info->may_receive;
	return index_add(&graph->handles, info->handle, sizeof(struct handle));
}

void graph_drop_waits(struct task *task)
{
	struct wait *wait, **link;

	while ((wait = task->waits)) {
		task->waits = wait->next_of_task;
		for (link = &wait->channel->waits; *link != wait; link = &(*link)->next_of_channel)
			;
		*link = wait->next_of_channel;
		free(wait);
	}
}

/* ---- who could end a wait ---- */

bool has_unseen_leases(const struct channel *channel)
{
	if (channel->leases_not_visible)
		return true;
	for (unsigned int i = 0; i < channel->nr_leases; i++) {
		if (!channel->leases[i].pid)
			return true;
	}
	return false;
}

bool may_have_lease(const struct hold *hold)
{
	const struct channel *channel = hold->channel;

	if (!channel->leased || !hold->may[RECEIVING])
		return false;
	for (unsigned int i = 0; i < channel->nr_leases; i++) {
		if (channel->leases[i].pid == (pid_t)hold->process->pid)
			return true;
	}
	return channel->leases_not_listed || has_unseen_leases(channel);
}

/* With all slots leased there is nothing to receive, and no room to send. */
bool leases_decide(const struct channel *channel)
{
	return channel->leased && channel->leased == channel->capacity;
}

/* Whoever has a lease frees the slot when it acknowledges, or else the message comes back. */
bool may_serve(const struct hold *hold, enum dir dir)
{
	if (may_have_lease(hold))
		return true;
	return hold->may[other_dir(dir)] && !leases_decide(hold->channel);
}

/* ---- the end of the graph ---- */

void graph_free(struct graph *graph)
{
	for (size_t i = 0; i < graph->channels.count; i++) {
		struct channel *channel = graph->channels.items[i];
		struct hold *hold;
		struct wait *wait;

		while ((hold = channel->holds)) {
			channel->holds = hold->next_of_channel;
			free(hold);
		}
		while ((wait = channel->waits)) {
			channel->waits = wait->next_of_channel;
			free(wait);
		}
		free(channel->name);
		free(channel->waiters);
		free(channel->leases);
	}
	index_free(&graph->channels);
	index_free(&graph->processes);
	index_free(&graph->tasks);
	index_free(&graph->handles);
	*graph = (struct graph){ 0 };
}

/* ---- as text ---- */

const char *channel_label(const struct channel *channel, char label[LABEL_SIZE])
{
	if (channel->name)
		text_escape(label, LABEL_SIZE, channel->name);
	else
		snprintf(label, LABEL_SIZE, "#%llu", (unsigned long long)channel->id);
	return label;
}

const char *command_label(const struct process *process, char label[LABEL_SIZE])
{
	text_escape(label, LABEL_SIZE, process->command);
	return label;
}

const char *duration(const struct graph *graph, const struct task *task,
		     char text[DURATION_SIZE])
{
	const long long ns = graph->now_ns - task->since_ns;

	if (task->since_ns == SINCE_UNKNOWN)
		return "?";
	return format_duration(ns > 0 ? ns : 0, text);
}
