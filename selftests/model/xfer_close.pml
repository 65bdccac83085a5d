// SPDX-License-Identifier: GPL-2.0
/* Messages that carry files, and a close. */
#define TASKS 4
#define MSGS 2
#define PASSES 1

#include "tasks.pml"

init {
	atomic {
		senders[0] = 1;
		receivers[0] = 1;
		start_sender(0, 0, 1, 1);
		start_sender(1, 0, 2, 1);
		run receiver(2, 0, 2, false);
		run closer(3, 0)
	}
}
