// SPDX-License-Identifier: GPL-2.0
/*
 * Defects that the model can be given, one at a time, by -DMUTANT=NAME.
 */

/* waiters: waitq.c */
#define CLAIM_NOT_ATOMIC	1	/* a select is claimed by a load and a store */
#define DONE_NOT_LAST		2	/* done is set before the last access */
#define WOKEN_BEFORE_DONE	3	/* the task is woken before done is set */
#define STATE_SET_LATE		4	/* done is checked before the task's state is set */
#define NO_RCU			5	/* the wakeup of a task that may have exited */
#define CANCEL_UNCHECKED	6	/* a cancel does not look whether the op was completed */
#define CANCEL_UNLOCKED		7	/* it looks without the lock */

/* send.c, recv.c */
#define ONE_SLOT_TOO_MANY	8	/* a send into a full ring */
#define EOF_BEFORE_DRAINED	9	/* buffered messages are not received after a close */
#define BROKEN_CHECKED_UNLOCKED	10	/* a send checks for a close before it has the lock */
#define RECV_AFTER_CLOSE	11	/* messages of blocked senders are received after a close */
#define QUEUED_AFTER_LOST_CLAIM	12	/* a send is queued without trying the next receiver */
#define NO_REFILL		13	/* no blocked sender's message moves up into the ring */
#define SLOT_FREED_EARLY	14	/* a slot is freed before its message is copied */
#define SLOT_LEAKED		15	/* a requeued message still counts as being copied */
#define CLAIMED_LOSES_PLACE	16	/* a select that is to be tried again is queued last */

/* requeue.c */
#define NOT_REQUEUED		17	/* a message that could not be copied is dropped */
#define REQUEUED_LAST		18	/* it is queued behind later messages */
#define REQUEUE_SKIPS_WAITERS	19	/* it is not delivered to a waiting receiver */
#define RING_BEFORE_REQUEUED	20	/* later messages in the ring are received first */

/* flush_waiters() */
#define FLUSH_ONCE		21	/* a close completes only one waiter */
#define HANGUP_NOT_FLUSHED	22	/* a hangup completes none */

/* xfer.c */
#define OFFER_IS_SENT		23	/* a send returns when its file was offered */
#define DECLINE_IS_SENT		24	/* or when it was declined */
#define DECLINE_LOSES_PLACE	25	/* a send that was declined is queued last */
#define WITHDRAWN_LOSES_PLACE	26	/* so is a receive whose sender has withdrawn */
#define WITHDRAWAL_UNSEEN	27	/* the receiver still refers to a send that withdrew */
#define WITHDRAWS_COMMITTING	28	/* a send withdraws while its file is installed */
#define NO_WITHDRAWAL		29	/* a send that was offered waits for the receiver */
#define OFFER_NOT_FAILED	30	/* a close does not fail a send that is offered */

/* select.c */
#define QUEUED_UNCHECKED	31	/* ops are queued where one is ready */
#define UNSORTED		32	/* each select queues its ops in an order of its own */
#define NO_ABORT		33	/* a select gives up without claiming itself */
#define NOT_DEQUEUED		34	/* a completed select leaves its other ops queued */
#define MEETS_ITSELF		35	/* a select finds its own ops */
#define POLLED_BEFORE_QUEUED	36	/* a poller looks, and then joins the wait queue */
#define CLAIMED_NO_WITHDRAWAL	37	/* a select that was offered does not withdraw */

/* wake.c */
#define DEFERRED_NO_TIMER	38	/* the timer is not started */
#define DEFERRED_NOT_RESTARTED	39	/* nor is it again when it expired too early */
#define DEFERRED_NOT_REMOVED	40	/* a cancelled op stays in the list */
#define DEFERRED_IS_QUEUED	41	/* or reports that it did not send */

/* lease.c */
#define FINISH_IGNORES_END	42	/* a receive does not look whether its owner has ended */
#define MADE_UNCHECKED		43	/* nor whether there was a descriptor when it was made */
#define END_UNCHECKED		44	/* an owner ends though an op has got it since the look */
#define CLOSE_NOT_FLUSHED	45	/* it does not end with the last descriptor */
#define ACK_KEEPS_SLOT		46	/* an acknowledgement frees no slot */
#define ACK_NOT_DISPATCHED	47	/* or what moves up is not given to receivers */
#define RETURN_NOT_DISPATCHED	48	/* nor is what was returned */
#define BUDGET_FORGETS		49	/* nor what exceeds CHAN_LOCKED_MSGS_MAX */
#define ID_IS_INDEX		50	/* a lease has the number of an earlier one */
#define EOF_IGNORES_LEASES	51	/* receives see the end while messages may come back */
#define END_NOT_FLUSHED		52	/* those that wait do not see it when none may any more */
#define DEAD_LETTER_MAY_RETURN	53	/* nor while dead letters are held */
#define DEAD_LETTER_FREES_SLOT	54	/* dead letters that are held have no slots */
#define LIST_TELLS		55	/* that one is being moved is not seen when a slot is free */
#define FAULT_COUNTS		56	/* a message that was not copied counts as delivered */
#define DROP_DISPATCHES		57	/* a slot is filled before all leases are returned */
#define DROPPED_FREES_SLOT	58	/* or is free without being filled */
#define NOTICE_FREES_SLOT	59	/* messages whose notices are held have no slots */
#define NOTICE_MAY_RETURN	60	/* nor is the end seen while notices are held */
#define LETTER_HAS_NO_NOTICE	61	/* a dead letter that was forwarded is just freed */
#define READ_HAS_NO_NOTICE	62	/* so is a message that a read has copied late */
