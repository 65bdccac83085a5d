// SPDX-License-Identifier: GPL-2.0
/* A message that is returned too often is a dead letter, for a channel or for none. */
#define TASKS 3
#ifndef MSGS
#define MSGS 3
#endif

#ifndef TAKES
#define TAKES 1		/* dead letters that are received */
#endif
#ifndef CLOSES
#define CLOSES 0	/* the dead-letter channel is closed then */
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
		run work_item();
		run dead_letter_receiver(TAKES, CLOSES)
	}
}
