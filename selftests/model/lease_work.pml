// SPDX-License-Identifier: GPL-2.0
/* A sender, or two, and two workers, of which only the first one may fail. */
#define TASKS 4
#ifndef MSGS
#define MSGS 3
#endif

#include "lease.pml"

init {
	atomic {
		senders = 2;
		receivers = 2;
		open = BIT(2) | BIT(3);
		run sender(0, 2);
		run sender(1, 1);
		run worker(2);
		run worker(3)
	}
}
