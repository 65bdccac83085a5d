/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory shared by the supervisor and the processes of a program: the state of each
 * actor, the fate of each message, and the first violation.
 */
#ifndef FUZZ_BOARD_H
#define FUZZ_BOARD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "prog.h"

#define MAX_MESSAGES	4096	/* of each actor */

enum fate { NOT_TRIED, TRYING, SENT, SENT_ELSEWHERE, NOT_SENT };

struct board {
	uint32_t run;		/* number of the program in this run */
	uint32_t violations;
	char violation[512];	/* the first one */
	pthread_barrier_t start;	/* the actors and the watching thread */
	uint32_t progress;	/* calls that returned */
	uint32_t common;	/* slots with a channel when the actors started */
	bool stop;		/* no further rounds */
	bool finished;		/* every actor has executed all its calls */
	bool reloaded;		/* the module was loaded again, perhaps elsewhere */
	struct {
		int pid;
		int tid;
		bool done;
		bool in_call;
		uint8_t at;	/* index of its call */
	} actors[MAX_ACTORS + 1];
	uint32_t unknown;	/* messages received where they could not be checked */
	uint8_t fates[MAX_ACTORS + 1][MAX_MESSAGES];
	uint8_t received[MAX_ACTORS + 1][MAX_MESSAGES];
};

#endif
