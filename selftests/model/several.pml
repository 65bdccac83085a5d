// SPDX-License-Identifier: GPL-2.0
/* Sends of two messages each, which may be cut short. */
#define TASKS 4
#define MSGS 4
#define PER_SEND 2
#define FOLLOWS (BIT(2) | BIT(4))

#include "tasks.pml"

init {
	atomic {
		senders[0] = 1;
		receivers[0] = 1;
		start_sender(0, 0, 1, 1);
		start_sender(1, 0, 3, 1);
		run receiver(2, 0, 2, false);
		run receiver(3, 0, 1, false)
	}
}
