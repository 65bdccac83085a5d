// SPDX-License-Identifier: GPL-2.0
/* Selects whose two ops are for the same wait queue, and a plain receiver. */
#define TASKS 3
#define OPS_EACH 2
#define MSGS 2

#include "select.pml"

init {
	atomic {
		senders[0] = 1;
		receivers[0] = 1;
		start_selector(0, 0, SEND, 1, 0, SEND, 2);
		start_selector(1, 0, RECV, 0, 0, RECV, 0);
		run receiver(2, 0, 1, false)
	}
}
