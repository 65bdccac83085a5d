// SPDX-License-Identifier: GPL-2.0
/*
 * A process of three threads: one receives, one closes its descriptor, and one, if there
 * is a LATE one, gets another descriptor of the handle meanwhile. Another process gets what
 * comes back. The messages are there already.
 */
#define TASKS 4
#ifndef MSGS
#define MSGS 1
#endif
#ifndef LATE
#define LATE 1
#endif
#define TABLE(t)	((t) < 3 -> 0 : (t))
#define SHARERS(t)	((t) < 3 -> BIT(0) | BIT(1) | BIT(2) : BIT(t))

#include "lease.pml"

init {
	atomic {
		last_seq = MSGS;
		reported = MSGS;
		ring = sent;
		receivers = 2 + LATE;
		open = BIT(0) | BIT(3);
		run worker(0);
		run closing_thread(1, 0);
#if LATE
		run late_worker(2);
#else
		ADD(exited, 2);
#endif
		run worker(3)
	}
}
