/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SELECT and BATCH (select.c).
 */
#ifndef GOCHAN_SELECT_H
#define GOCHAN_SELECT_H

struct gochan_ops;

long chan_select(struct gochan_ops __user *arg);
long chan_batch(struct gochan_ops __user *arg);

#endif /* GOCHAN_SELECT_H */
