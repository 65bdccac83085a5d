/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the supervisor and the processes of a program share: who is where, what
 * became of each message, and what was found to be wrong first.
 */
#ifndef FUZZ_BOARD_H
#define FUZZ_BOARD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "prog.h"

#define MAX_MESSAGES	4096	/* of an actor */

enum fate { NOT_TRIED, TRYING, SENT, SENT_ELSEWHERE, NOT_SENT };

struct board {
	uint32_t run;		/* differs from program to program */
	uint32_t verdicts;
	char verdict[512];
	pthread_barrier_t start;	/* actors, and who watches them */
	uint32_t progress;	/* calls that ended */
	uint32_t common;	/* slots that were filled when the actors began */
	bool stop;		/* no further rounds */
	bool finished;		/* every actor did all its calls */
	bool reloaded;		/* the module is not where it was */
	struct {
		int pid;
		int tid;
		bool done;
		bool in_call;
		uint8_t at;	/* its call */
	} actors[MAX_ACTORS + 1];
	uint32_t unknown;	/* messages received where nobody looked */
	uint8_t fates[MAX_ACTORS + 1][MAX_MESSAGES];
	uint8_t received[MAX_ACTORS + 1][MAX_MESSAGES];
};

#endif
