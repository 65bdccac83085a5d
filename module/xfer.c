// SPDX-License-Identifier: GPL-2.0
/*
 * Files in messages (R16): how one gets from a blocked sender to a receiver.
 *
 * A message with a file never leaves its sender before the receiver has it all. It is
 * offered: the send leaves its wait queue, the send and the receive refer to each other
 * by chan_op.peer, and the receiver copies the payload. Then, under the lock,
 *
 * - the sender withdraws (a signal, its deadline, death, or the channel is closed):
 *   the receiver finds no peer, and goes on as if the message had never been queued;
 * - or the receiver declines, as it could not copy: the sender tries again, ahead
 *   of the other senders;
 * - or the receiver commits: it marks the send as committing, drops the lock and
 *   installs the file. A sender cannot withdraw meanwhile, but no user memory is
 *   touched, so that this ends soon. If it succeeds the send is complete, if not
 *   the sender tries again.
 *
 * So no file is ever in flight without a sender that waits, and no reference
 * cycles have to be collected. A message on the heap is pinned meanwhile, as
 * is one that a receiver peeks at.
 */

#include "chan_priv.h"
#include "compat.h"
#include "xfer.h"

/* Pin a message that the op will not own, and charge its user for that. */
int chan_op_pin(struct chan_op *op, struct msg *m, bool own)
{
	u64 bytes = chan_msg_truesize(m->len);
	int err;

	lockdep_assert_held(&op->ch->lock);
	err = gochan_charge_received(op->user, bytes, own);
	if (err)
		return err;
	refcount_inc(&m->refs);
	op->msg = m;
	op->pinned = true;
	return 0;
}

/* Drop the op's message, whether it owns it or has pinned it. */
void chan_op_drop_msg(struct chan_op *op)
{
	if (op->pinned) {
		gochan_uncharge(op->user, QUOTA_BYTES,
				chan_msg_truesize(op->msg->len));
		chan_msg_unref(op->msg);
		op->pinned = false;
	} else {
		chan_msg_put_list(op->msg);
	}
	op->msg = NULL;
}

/*
 * Add a file to a send, as SCM_RIGHTS also one opened by O_PATH. -EBADF; -EOPNOTSUPP on a
 * buffered channel, where messages stay without a sender.
 */
int chan_xfer_load(struct chan_op *send, int fd)
{
	if (chan_config(send->ch)->capacity)
		return -EOPNOTSUPP;
	send->file = fget_raw(fd);
	return send->file ? 0 : -EBADF;
}

/* Offer the message of a send that is claimed and in no queue. */
void chan_xfer_offer(struct chan_op *send, struct chan_op *recv)
{
	lockdep_assert_held(&send->ch->lock);
	list_add_tail(&send->node, &send->ch->offered);
	send->peer = recv;
	recv->peer = send;
	recv->offered = true;
}

/* The sender gives up; not while committing. */
void chan_xfer_withdraw(struct chan_op *send)
{
	lockdep_assert_held(&send->ch->lock);
	list_del_init(&send->node);
	send->peer->peer = NULL;
	send->peer = NULL;
}

/* Fail a send that is offered, as the channel was closed; false if there is none. */
bool chan_xfer_fail_one(struct chan *ch, struct wake_batch *wb)
{
	struct chan_op *send;

	lockdep_assert_held(&ch->lock);
	list_for_each_entry(send, &ch->offered, node) {
		if (send->committing)
			continue;
		chan_xfer_withdraw(send);
		send->result = -EPIPE;
		waiter_release(send, wb);
		return true;
	}
	return false;
}

/* End the offer; the send is complete (0), or is tried again (-EAGAIN). */
static void xfer_end(struct chan_op *recv, int result, struct wake_batch *wb)
{
	struct chan_op *send = recv->peer;

	chan_xfer_withdraw(send);
	send->committing = false;
	send->result = result;
	if (result) {
		send->queue_first = true;
	} else {
		recv->seq = ++recv->ch->last_seq;
		trace_handoff(recv->ch, send->waiter->task, current, recv->seq,
			      send->len);
		op_advance(send);
	}
	waiter_release(send, wb);
}

/* The receiver could not copy the message that it was offered. */
void chan_xfer_decline(struct chan_op *recv)
{
	struct chan *ch = recv->ch;
	struct wake_batch wb __uninitialized;

	wake_batch_init(&wb);
	spin_lock(&ch->lock);
	if (recv->peer)
		xfer_end(recv, -EAGAIN, &wb);
	chan_unlock(ch, &wb);
}

/* Mark the send as committing. False if it was withdrawn. */
static bool xfer_begin_commit(struct chan_op *recv)
{
	struct chan_op *send;

	spin_lock(&recv->ch->lock);
	send = recv->peer;
	if (send)
		send->committing = true;
	spin_unlock(&recv->ch->lock);
	return send;
}

/* Report the descriptor; page faults are off, as the sender cannot withdraw now. */
static int report_fd(int fd, struct gochan_op __user *to)
{
	int err;

	pagefault_disable();
	err = put_user(fd, &to->passed_fd);
	pagefault_enable();
	return err;
}

/*
 * The receiver has copied the message: install its file. 0; -EAGAIN when the sender has
 * withdrawn, or to try again; -EFAULT, -EMFILE, -ENOMEM or what a security module says,
 * with the message back at its sender.
 */
int chan_xfer_commit(struct chan_op *recv)
{
	struct chan *ch = recv->ch;
	struct wake_batch wb __uninitialized;
	int fd, err = 0;

	if (!xfer_begin_commit(recv))
		return -EAGAIN;
	/* A receiver that does not ask gets the message alone. */
	if (recv->take_fd) {
		fd = compat_receive_fd(recv->peer->file, O_CLOEXEC);
		err = fd < 0 ? fd : report_fd(fd, recv->report);
		if (fd >= 0 && err)
			close_fd(fd);
	}
	wake_batch_init(&wb);
	chan_lock(ch);
	xfer_end(recv, err ? -EAGAIN : 0, &wb);
	chan_unlock(ch, &wb);
	/* The page that was written with the other results has gone since. */
	if (err == -EFAULT && !fault_in_safe_writeable((void __user *)recv->report,
						       sizeof(*recv->report)))
		err = -EAGAIN;
	return err;
}
