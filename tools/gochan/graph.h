/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who waits on which channel, and who holds handles of it: what was seen of a machine at
 * one time, as a graph of tasks, processes and channels. Nothing here reads /proc, see
 * snapshot.h. A function that allocates returns NULL if there is no memory.
 */
#ifndef GOCHAN_GRAPH_H
#define GOCHAN_GRAPH_H

#include "clock.h"
#include "fdinfo.h"

#define COMMAND_SIZE	64

/* What a handle may do, and what a task waits to do. */
enum dir { SENDING, RECEIVING };

static inline enum dir other_dir(enum dir dir)
{
	return dir == SENDING ? RECEIVING : SENDING;
}

/* Pointers to structures that begin with their key, an uint64_t, in its order. */
struct index {
	void **items;
	size_t count;
	size_t room;
};

void *index_find(const struct index *index, uint64_t key);

/* A descriptor of a channel. */
struct hold {
	struct process *process;
	struct channel *channel;
	int fd;
	bool may[2];			/* by enum dir */
	struct hold *next_of_process;
	struct hold *next_of_channel;
};

/* A task waits in one direction of a channel. */
struct wait {
	struct task *task;
	struct channel *channel;
	enum dir dir;
	struct wait *next_of_task;
	struct wait *next_of_channel;
};

struct handle {
	uint64_t number;
};

struct channel {
	uint64_t id;
	char *name;			/* without the slash, or NULL */
	unsigned int capacity;
	unsigned int len;
	bool acked;			/* made with GOCHAN_ACK */
	unsigned int leased;
	unsigned int handles[2];	/* that exist, by enum dir */
	unsigned int found[2];		/* of these, handles that have a descriptor */
	unsigned int not_listed;	/* waiters that fdinfo did not list, and unknown */
	unsigned int not_visible;	/* waiters of other users and pid namespaces */
	struct fdinfo_waiter *waiters;	/* as last read */
	unsigned int count;
	unsigned int leases_not_listed;
	unsigned int leases_not_visible;
	struct fdinfo_lease *leases;	/* as last read */
	unsigned int nr_leases;
	struct hold *holds;
	struct wait *waits;
	/* stuck.c, by the direction of waiters */
	bool has_peer[2];
	bool served[2];
};

enum activity {
	BUSY,			/* runs, or waits for something that is not known */
	BLOCKED,		/* on channels */
	WAITS_FOR_CHILD,
	WAITS_FOR_THREAD,	/* for another thread of its process */
};

#define SINCE_UNKNOWN	(-1LL)

struct task {
	uint64_t tid;
	struct process *process;
	enum activity activity;
	bool is_select;
	bool polls;
	bool has_deadline;
	bool stopped;			/* or traced, and not running */
	long long since_ns;
	/* Voluntary context switches, if @since_ns is not known but it waits. */
	long long switches;
	struct wait *waits;
	struct task *next_of_process;
	/* stuck.c */
	bool moved;			/* since an earlier look */
	bool live;
	bool certain;
	struct task *next_live;
};

struct process {
	uint64_t pid;
	char command[COMMAND_SIZE];
	unsigned int threads;
	size_t mark;			/* for whoever visits each process once */
	bool threads_known;		/* @tasks are all of its threads */
	struct hold *holds;
	struct task *tasks;
	struct process *parent;		/* if that waits for a child */
	struct process *children;
	struct process *next_sibling;
	/* stuck.c */
	bool live;
	struct process *group;
};

struct graph {
	struct index channels;
	struct index processes;
	struct index tasks;
	struct index handles;
	struct fdinfo_walk walk;
	long long now_ns;
};

/* These return what is there already, if it is. */
struct channel *graph_channel(struct graph *graph, uint64_t id);
struct process *graph_process(struct graph *graph, pid_t pid);
struct task *graph_task(struct graph *graph, pid_t pid, pid_t tid);

struct hold *graph_add_hold(struct process *process, struct channel *channel,
			    const struct fdinfo *info);
struct wait *graph_add_wait(struct task *task, struct channel *channel, enum dir dir);
/* Count a handle as found, once. False if there is no memory. */
bool graph_found_handle(struct graph *graph, struct channel *channel,
			const struct fdinfo *info);
void graph_drop_waits(struct task *task);

/* Are there leases of other users or pid namespaces? */
bool has_unseen_leases(const struct channel *channel);
/* Does the process have a lease on the channel, or may it have one that is not listed? */
bool may_have_lease(const struct hold *hold);
/* Do only those who have leases decide when waits on the channel end? */
bool leases_decide(const struct channel *channel);
/* Could the process end waits in this direction of the channel, by its rights and leases? */
bool may_serve(const struct hold *hold, enum dir dir);
void graph_free(struct graph *graph);

#define LABEL_SIZE	256

/* The name of a channel, escaped, or "#ID". */
const char *channel_label(const struct channel *channel, char label[LABEL_SIZE]);
/* The command of a process, escaped. */
const char *command_label(const struct process *process, char label[LABEL_SIZE]);
/* How long a task has waited; "?" if it is not known. */
const char *duration(const struct graph *graph, const struct task *task,
		     char text[DURATION_SIZE]);

#endif /* GOCHAN_GRAPH_H */
