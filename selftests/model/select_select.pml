// SPDX-License-Identifier: GPL-2.0
/* Two selects that can meet on either of two channels, and a sender. */
#define TASKS 3
#define OPS_EACH 2
#define CHANS 2
#define MSGS 3

#include "select.pml"

init {
	atomic {
		senders[0] = 1;
		receivers[0] = 1;
		senders[1] = 1;
		receivers[1] = 1;
		start_selector(0, 0, SEND, 1, 1, RECV, 0);
		start_selector(1, 1, SEND, 2, 0, RECV, 0);
		start_sender(2, 1, 3, 1)
	}
}
