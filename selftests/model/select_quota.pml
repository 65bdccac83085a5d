// SPDX-License-Identifier: GPL-2.0
/*
 * A select that sends a long message or receives, a receiver whose user has no
 * allowance for it, and senders.
 */
#define TASKS 4
#define OPS_EACH 2
#define CHANS 2
#define MSGS 3
#define NO_QUOTA BIT(1)
#define LONG (BIT(1) | BIT(2))

#include "select.pml"

init {
	atomic {
		senders[0] = 1;
		receivers[0] = 1;
		senders[1] = 1;
		receivers[1] = 1;
		start_selector(0, 0, SEND, 1, 1, RECV, 0);
		run receiver(1, 0, 1, false);
		start_sender(2, 0, 2, 1);
		run receiver(3, 0, 1, false)
	}
}
