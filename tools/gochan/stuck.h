/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which tasks of a graph can never go on; the definition is in deadlock.c.
 */
#ifndef GOCHAN_STUCK_H
#define GOCHAN_STUCK_H

#include "graph.h"

struct stuck {
	size_t tasks;		/* blocked on channels, and stuck */
	size_t certain;		/* of these */
};

/*
 * Set for each task whether it is @live, and if not, whether it is @certain. Tasks that
 * are not stuck in @earlier, a graph that was judged before, have moved; it may be NULL.
 */
struct stuck find_stuck(struct graph *graph, const struct graph *earlier);

/* Are there handles with a right that no descriptor was found for? */
bool has_handles_elsewhere(const struct channel *channel, enum dir dir);

/* Is @task blocked on a channel and stuck? */
static inline bool is_stuck(const struct task *task)
{
	return task->activity == BLOCKED && !task->live;
}

/*
 * Would the waiters of a direction of a channel see its end if the stuck tasks closed
 * the descriptors that they do not wait on?
 */
bool is_kept_open(const struct channel *channel, enum dir dir);

/* Set @group of the processes: the same one for those that wait for each other. */
void group_stuck(struct graph *graph);
struct process *group_of(struct process *process);

#endif /* GOCHAN_STUCK_H */
