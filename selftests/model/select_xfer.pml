// SPDX-License-Identifier: GPL-2.0
/* A select that sends a file or receives, both peers, and perhaps a close. */
#ifdef CLOSES
#define TASKS 4
#else
#define TASKS 3
#endif
#define OPS_EACH 2
#define CHANS 2
#define MSGS 2
#define PASSES 1

#include "select.pml"

init {
	atomic {
		senders[0] = 1;
		receivers[0] = 1;
		senders[1] = 1;
		receivers[1] = 1;
		start_selector(0, 0, SEND, 1, 1, RECV, 0);
		run receiver(1, 0, 2, false);
		start_sender(2, 1, 2, 1);
#ifdef CLOSES
		run closer(3, CLOSES)
#endif
	}
}
