// SPDX-License-Identifier: GPL-2.0
/* A sender; one task that reads, and two workers. */
#define TASKS 4
#ifndef MSGS
#define MSGS 2
#endif

#include "lease.pml"

init {
	atomic {
		senders = 1;
		receivers = 3;
		open = BIT(2) | BIT(3);
		run sender(0, MSGS);
		run reader(1, 2);
		run worker(2);
		run worker(3)
	}
}
