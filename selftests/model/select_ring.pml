// SPDX-License-Identifier: GPL-2.0
/* Three selects, each between two of three channels. */
#define TASKS 3
#define OPS_EACH 2
#define CHANS 3
#define MSGS 3

#include "select.pml"

init {
	atomic {
		senders[0] = 1;
		receivers[0] = 1;
		senders[1] = 1;
		receivers[1] = 1;
		senders[2] = 1;
		receivers[2] = 1;
		start_selector(0, 0, SEND, 1, 1, RECV, 0);
		start_selector(1, 1, SEND, 2, 2, RECV, 0);
		start_selector(2, 2, SEND, 3, 0, RECV, 0)
	}
}
