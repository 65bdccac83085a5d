// SPDX-License-Identifier: GPL-2.0
/* A receiver whose user has no allowance for long messages. */
#define TASKS 4
#define MSGS 2
#define NO_QUOTA BIT(1)
#define LONG (BIT(1) | BIT(2))

#include "tasks.pml"

init {
	atomic {
		senders[0] = 1;
		receivers[0] = 1;
		start_sender(0, 0, 1, 2);
		run receiver(1, 0, 1, false);
		run receiver(2, 0, 1, false);
		run receiver(3, 0, 1, false)
	}
}
