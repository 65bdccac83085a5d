/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Limits, and what each user is charged for (R19, quota.c).
 */
#ifndef GOCHAN_QUOTA_H
#define GOCHAN_QUOTA_H

#include <linux/types.h>

struct quota_user;

/* What is counted for each user. */
enum quota_kind {
	QUOTA_CHANNELS,
	QUOTA_NAMES,
	QUOTA_BYTES,
	QUOTA_KINDS
};

extern unsigned int gochan_max_msg_size;
extern unsigned int gochan_max_capacity;
extern unsigned int gochan_max_select;

void gochan_quota_init(void);

struct quota_user *gochan_user_get(void);
void gochan_user_hold(struct quota_user *user);
void gochan_user_put(struct quota_user *user);
int gochan_charge(struct quota_user *user, enum quota_kind kind, u64 n);
int gochan_charge_received(struct quota_user *user, u64 n, bool own);
void gochan_uncharge(struct quota_user *user, enum quota_kind kind, u64 n);

#endif /* GOCHAN_QUOTA_H */
