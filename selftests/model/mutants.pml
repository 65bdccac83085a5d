// SPDX-License-Identifier: GPL-2.0
/*
 * Defects that the model can be given, one at a time, by -DMUTANT=NAME.
 */

#define PLAIN_WIN	1	/* the winner looks, then stores */
#define WON_ONCE	2	/* a sender of several messages is claimed once */
#define DONE_EARLY	3	/* done is not the last access */
#define WAKE_EARLY	4	/* woken before done is set */
#define SLEEP_LATE	5	/* looks at done, then begins to sleep */
#define NO_RCU		6	/* wakes a task that may have exited */
#define GIVES_UP_BLINDLY	7	/* does not look whether it was served */
#define GIVES_UP_UNLOCKED	8	/* looks, but without the lock */
#define ROOM_FOR_ONE_MORE	9	/* a send returns too early */
#define END_BEFORE_DRAINED	10	/* a closed channel's messages are not received */
#define END_SEEN_EARLY	11	/* a send looks for the end before it has the lock */
#define SENT_AFTER_CLOSE	12	/* the messages of senders who are blocked are received */
#define NEXT_NOT_TRIED	13	/* who found a receiver dead waits */
#define NO_REFILL	14	/* no blocked sender moves up into the ring */
#define NOT_PUT_BACK	15	/* a message that could not be copied is dropped */
#define PUT_BACK_LAST	16	/* it goes behind others */
#define PUT_BACK_UNTOLD	17	/* or nobody who waits gets it */
#define RING_FIRST	18	/* or what is in the ring goes before it */
#define CLOSE_TELLS_ONE	19	/* of those who wait */
#define HANGUP_UNTOLD	20	/* nobody is */
#define JOINS_BLINDLY	21	/* chan_join() does not look again */
#define UNSORTED	22	/* each select joins lines in an order of its own */
#define NOT_WON_MYSELF	23	/* a select leaves without claiming itself */
#define STAYS_IN_LINES	24	/* a select that was served leaves its other ops in line */
#define MEETS_ITSELF	25	/* a select finds its own ops */
#define POLL_LATE	26	/* looks, then joins the wait queue */
#define PASS_UNSETTLED	27	/* a sender does not wait for who gets its file */
#define PASS_LEFT_IS_SENT	28	/* a sender does not heed that its message was left */
#define LATE_UNSCHEDULED	29	/* nothing wakes who is late if the ring is not drained */
#define LATE_FORGOTTEN	30	/* nor if that looked too early */
#define LATE_STAYS	31	/* who is late and gives up stays in the list */
#define LATE_UNSENT	32	/* or says that it did not send */
