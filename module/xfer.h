/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages that stay their sender's while a receiver copies them (xfer.c): those
 * that carry a file, and those that are peeked at.
 */
#ifndef GOCHAN_XFER_H
#define GOCHAN_XFER_H

struct chan;
struct chan_op;
struct msg;
struct wake_batch;

int chan_op_pin(struct chan_op *op, struct msg *m, bool own);
void chan_op_drop_msg(struct chan_op *op);
int chan_xfer_load(struct chan_op *send, int fd);
void chan_xfer_offer(struct chan_op *send, struct chan_op *recv);
void chan_xfer_withdraw(struct chan_op *send);
bool chan_xfer_fail_one(struct chan *ch, struct wake_batch *wb);
void chan_xfer_decline(struct chan_op *recv);
int chan_xfer_commit(struct chan_op *recv);

#endif /* GOCHAN_XFER_H */
