/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SELECT (select.c) and BATCH (batch.c).
 */
#ifndef GOCHAN_SELECT_H
#define GOCHAN_SELECT_H

#include <linux/ktime.h>

struct gochan_ops;
struct uop;

long gochan_select(struct gochan_ops __user *arg);
int gochan_select_one(struct uop *u, bool nonblock, ktime_t deadline);
long gochan_batch(struct gochan_ops __user *arg);

#endif /* GOCHAN_SELECT_H */
