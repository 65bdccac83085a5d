// SPDX-License-Identifier: GPL-2.0
/* A select that peeks on the channel on which it sends, and a receiver. */
#define TASKS 2
#define OPS_EACH 2
#define MSGS 1

#include "select.pml"

init {
	atomic {
		senders[0] = 1;
		receivers[0] = 1;
		start_selector(0, 0, PEEK, 0, 0, SEND, 1);
		run receiver(1, 0, 1, false)
	}
}
