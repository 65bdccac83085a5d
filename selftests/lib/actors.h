/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processes that wait for each other, and what a command says of them. The test makes
 * unnamed channels, starts actors, and closes its own handles, so that it cannot end a
 * wait itself.
 */
#ifndef SELFTESTS_ACTORS_H
#define SELFTESTS_ACTORS_H

#include "common.h"

#define CHANNELS	4
#define ACTORS		16
#define OUTPUT_SIZE	65536

struct stage {
	int r[CHANNELS];	/* handles that may receive, and send */
	int w[CHANNELS];
	pid_t actors[ACTORS];
	int count;
	char output[OUTPUT_SIZE];	/* of the last command */
};

/* Wait until nobody waits on a channel any more, and make the channels. */
bool stage_open(struct stage *stage, unsigned int capacity);
/* Close the test's own handles: the actors are among themselves. */
void stage_leave(struct stage *stage);
/* Kill the actors. */
void stage_clear(struct stage *stage);

/*
 * Start an actor. @script has its operations, which it selects among if there are
 * several, and what else it holds:
 *
 *	<N	receive from channel N		+rN	hold a handle that may receive there
 *	>N	send to it			+wN	hold one that may send
 *	@	give up in an hour		%	poll a timer, too
 */
pid_t actor(struct stage *stage, const char *script);
/* The same; it calls @play when it holds only what the script says. */
pid_t actor_plays(struct stage *stage, const char *script, void (*play)(struct stage *stage));

/* Perform a script, as an actor does; for @play. */
void perform(struct stage *stage, const char *script);

/* Wait until a task is listed as a waiter on one of the channels of a process. */
bool wait_blocked(pid_t pid, pid_t tid);

/* Run a command; its exit status and all that it prints. */
int run_command(struct stage *stage, const char *command);
int run_command_as(struct stage *stage, uid_t uid, const char *command);
bool output_has(const struct stage *stage, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
