// SPDX-License-Identifier: GPL-2.0
/* A sender of three messages, receivers who may requeue theirs. */
#define TASKS 4
#define MSGS 3
#define FOLLOWS (BIT(2) | BIT(3))

#include "tasks.pml"

init {
	atomic {
		senders[0] = 1;
		receivers[0] = 1;
		start_sender(0, 0, 1, 3);
		run receiver(1, 0, 1, false);
		run receiver(2, 0, 1, false);
		run receiver(3, 0, 2, false)
	}
}
