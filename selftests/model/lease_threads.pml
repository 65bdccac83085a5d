// SPDX-License-Identifier: GPL-2.0
/* A process of two workers, so that it has several leases, and another process. */
#define TASKS 4
#ifndef MSGS
#define MSGS 3
#endif
#define TABLE(t)	((t) < 2 -> 0 : (t))
#define SHARERS(t)	((t) < 2 -> BIT(0) | BIT(1) : BIT(t))

#include "lease.pml"

init {
	atomic {
		senders = 1;
		receivers = 3;
		open = BIT(0) | BIT(1) | BIT(2);
		run worker(0);
		run worker(1);
		run worker(2);
		run sender(3, MSGS)
	}
}
