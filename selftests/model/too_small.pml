// SPDX-License-Identifier: GPL-2.0
/* A receiver with too little room for any message. */
#define TASKS 4
#define MSGS 2
#define TOO_SMALL BIT(2)

#include "tasks.pml"

init {
	atomic {
		senders[0] = 1;
		receivers[0] = 1;
		start_sender(0, 0, 1, 1);
		start_sender(1, 0, 2, 1);
		run receiver(2, 0, 1, false);
		run receiver(3, 0, 2, false)
	}
}
