// SPDX-License-Identifier: GPL-2.0
/* The last receiver leaves, and another one comes. */
#define TASKS 4
#define MSGS 3
#define FOLLOWS BIT(2)
#define HANGS_UP 1

#include "tasks.pml"

init {
	atomic {
		senders[0] = 2;
		receivers[0] = 1;
		start_sender(0, 0, 1, 2);
		start_sender(1, 0, 3, 1);
		run receiver(2, 0, 1, false);
		run receiver(3, 0, 2, true)
	}
}
