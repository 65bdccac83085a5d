// SPDX-License-Identifier: GPL-2.0
/* A sender, two workers, and a close. */
#define TASKS 4
#ifndef MSGS
#define MSGS 2
#endif

#include "lease.pml"

init {
	atomic {
		senders = 1;
		receivers = 2;
		open = BIT(1) | BIT(2);
		run sender(0, MSGS);
		run worker(1);
		run worker(2);
		run closer(3)
	}
}
