// SPDX-License-Identifier: GPL-2.0
/* A select that receives from either of two senders. */
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
		start_selector(0, 0, RECV, 0, 1, RECV, 0);
		start_sender(1, 0, 1, 1);
		start_sender(2, 1, 2, 1);
		run receiver(3, 0, 1, false)
	}
}
