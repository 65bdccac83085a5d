// SPDX-License-Identifier: GPL-2.0
/* Selects that send and receive on the same channel. */
#define TASKS 3
#define OPS_EACH 2
#define MSGS 3

#include "select.pml"

init {
	atomic {
		senders[0] = 1;
		receivers[0] = 1;
		start_selector(0, 0, SEND, 1, 0, RECV, 0);
		start_selector(1, 0, SEND, 2, 0, RECV, 0);
		start_selector(2, 0, SEND, 3, 0, RECV, 0)
	}
}
