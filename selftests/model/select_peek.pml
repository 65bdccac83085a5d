// SPDX-License-Identifier: GPL-2.0
/* A select that peeks on one channel and receives on another. */
#define TASKS 4
#define OPS_EACH 2
#define CHANS 2
#define MSGS 2

#include "select.pml"

init {
	atomic {
		senders[0] = 1;
		receivers[0] = 1;
		senders[1] = 1;
		receivers[1] = 1;
		start_selector(0, 0, PEEK, 0, 1, RECV, 0);
		start_sender(1, 0, 1, 1);
		run receiver(2, 0, 1, false);
		start_sender(3, 1, 2, 1)
	}
}
