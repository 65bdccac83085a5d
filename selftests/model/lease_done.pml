// SPDX-License-Identifier: GPL-2.0
/* A sender, a task that reads or else works, and a worker; there is a done channel. */
#define TASKS 3
#ifndef MSGS
#define MSGS 2
#endif
#define DONE 1

#ifndef READS
#define READS 0		/* a task reads, so often */
#endif
#ifndef TAKES
#define TAKES 1		/* dead letters that are received */
#endif
#ifndef TELLS
#define TELLS 1		/* notices that are received */
#endif
#ifndef CLOSES
#define CLOSES 0	/* the done channel is closed then */
#endif

#include "lease.pml"

init {
	atomic {
		senders = 1;
		receivers = 2;
		open = (READS -> BIT(2) : BIT(1) | BIT(2));
		run sender(0, MSGS);
		if
		:: READS -> run reader(1, READS)
		:: else -> run worker(1)
		fi;
		run worker(2);
		run work_item();
		if
		:: DEAD -> run dead_letter_receiver(TAKES, 0)
		:: else
		fi;
		run notice_receiver(TELLS, CLOSES)
	}
}
