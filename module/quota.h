/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a user may take of the machine (R19): channels, names and bytes.
 */
#ifndef GOCHAN_QUOTA_H
#define GOCHAN_QUOTA_H

#include <linux/types.h>

struct quota_user;

/*
 * What is counted for each user. Bytes that receives took out of their channels
 * count by themselves, to the same limit: a user whose sends hold all that they
 * may can still receive it. So do bytes that a send cannot copy at once: its
 * place in the channel may be paid for already.
 */
enum quota_kind {
	QUOTA_CHANNELS,
	QUOTA_NAMES,
	QUOTA_BYTES,		/* all that follow are bytes, too */
	QUOTA_TAKEN,
	QUOTA_STAGED,
	QUOTA_KINDS
};

/**
 * struct charge - what one channel costs its maker, until it is gone
 * @user: the maker, a counted reference
 * @bytes: bytes charged beside the one channel
 */
struct charge {
	struct quota_user *user;
	u64 bytes;
};

extern unsigned int max_msg_size;
extern unsigned int max_capacity;
extern unsigned int max_named;
extern unsigned int max_select;

void quota_init(void);

struct quota_user *quota_user_get(void);
struct quota_user *quota_user_get_nofail(void);
void quota_user_put(struct quota_user *user);
bool quota_any_taken(void);
bool quota_user_over(const struct quota_user *user, enum quota_kind kind);
bool quota_over(enum quota_kind kind);
void quota_force(struct quota_user *user, enum quota_kind kind, u64 n);
void quota_unforce(struct quota_user *user, enum quota_kind kind, u64 n);
int quota_charge(struct quota_user *user, enum quota_kind kind, u64 n);
void quota_uncharge(struct quota_user *user, enum quota_kind kind, u64 n);

#endif /* GOCHAN_QUOTA_H */
