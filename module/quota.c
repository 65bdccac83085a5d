// SPDX-License-Identifier: GPL-2.0
/*
 * Limits, and what each user is charged for (R19). A user is the real user id of the
 * task that makes something. Whatever was made holds a reference to its user and stays
 * charged until it is gone, so that passing it on or unlinking it evades nothing.
 *
 * users_lock guards the table and the last reference. The counts are atomic: charging and
 * uncharging take no lock, and may be done under a channel's lock.
 */

#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "quota.h"

unsigned int gochan_max_msg_size = 1 << 20;
module_param_named(max_msg_size, gochan_max_msg_size, uint, 0644);
MODULE_PARM_DESC(max_msg_size, "largest msg_size of a channel, bytes");

unsigned int gochan_max_capacity = 65536;
module_param_named(max_capacity, gochan_max_capacity, uint, 0644);
MODULE_PARM_DESC(max_capacity, "largest capacity of a channel, messages");

unsigned int gochan_max_select = 1024;
module_param_named(max_select, gochan_max_select, uint, 0644);
MODULE_PARM_DESC(max_select, "most ops in one SELECT or BATCH");

static unsigned int max_user_channels = 1024;
module_param(max_user_channels, uint, 0644);
MODULE_PARM_DESC(max_user_channels, "most channels of one user");

static unsigned long long max_user_bytes = 16 << 20;
module_param(max_user_bytes, ullong, 0644);
MODULE_PARM_DESC(max_user_bytes, "most bytes in the channels and blocked operations of one user");

static unsigned int max_user_named = 64;
module_param(max_user_named, uint, 0644);
MODULE_PARM_DESC(max_user_named, "most named channels and their directories of one user");

static unsigned long long max_bytes;
module_param(max_bytes, ullong, 0644);
MODULE_PARM_DESC(max_bytes, "most bytes of all users but root together (default: an eighth of memory)");

/**
 * struct quota_user - what one user is charged for
 * @node: place in users; users_lock
 * @uid: the user; constant
 * @refs: references
 * @used: how much of each kind
 */
struct quota_user {
	struct hlist_node node;
	kuid_t uid;
	refcount_t refs;
	atomic64_t used[QUOTA_KINDS];
};

static DEFINE_HASHTABLE(users, 6);
static DEFINE_SPINLOCK(users_lock);

/* Bytes of all users but root. */
static atomic64_t all_bytes;

void gochan_quota_init(void)
{
	if (!max_bytes)
		max_bytes = (u64)totalram_pages() << PAGE_SHIFT >> 3;
}

static u64 user_limit(enum quota_kind kind)
{
	switch (kind) {
	case QUOTA_CHANNELS:
		return READ_ONCE(max_user_channels);
	case QUOTA_NAMES:
		return READ_ONCE(max_user_named);
	default:
		return READ_ONCE(max_user_bytes);
	}
}

static struct quota_user *user_find(kuid_t uid)
{
	struct quota_user *user;

	lockdep_assert_held(&users_lock);
	hash_for_each_possible(users, user, node, __kuid_val(uid)) {
		if (uid_eq(user->uid, uid)) {
			refcount_inc(&user->refs);
			return user;
		}
	}
	return NULL;
}

/* The user that the caller's charges go to, with a reference; NULL without memory. */
struct quota_user *gochan_user_get(void)
{
	kuid_t uid = current_uid();
	struct quota_user *user, *new;

	spin_lock(&users_lock);
	user = user_find(uid);
	spin_unlock(&users_lock);
	if (user)
		return user;

	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return NULL;
	new->uid = uid;
	refcount_set(&new->refs, 1);
	spin_lock(&users_lock);
	user = user_find(uid);
	if (!user)
		hash_add(users, &new->node, __kuid_val(uid));
	spin_unlock(&users_lock);
	if (!user)
		return new;
	kfree(new);
	return user;
}

void gochan_user_hold(struct quota_user *user)
{
	refcount_inc(&user->refs);
}

/* Drop a reference; @user may be NULL. */
void gochan_user_put(struct quota_user *user)
{
	bool last;

	if (!user)
		return;
	spin_lock(&users_lock);
	last = refcount_dec_and_test(&user->refs);
	if (last)
		hash_del(&user->node);
	spin_unlock(&users_lock);
	if (last)
		kfree(user);
}

static bool add_below(atomic64_t *used, u64 n, u64 limit)
{
	s64 old = atomic64_read(used);

	do {
		if (n > limit || old > limit - n)
			return false;
	} while (!atomic64_try_cmpxchg(used, &old, old + n));
	return true;
}

static bool counts_for_all(const struct quota_user *user, enum quota_kind kind)
{
	return kind == QUOTA_BYTES && !uid_eq(user->uid, GLOBAL_ROOT_UID);
}

static int charge(struct quota_user *user, enum quota_kind kind, u64 n, u64 limit)
{
	if (!add_below(&user->used[kind], n, limit))
		return -EDQUOT;
	if (!counts_for_all(user, kind) ||
	    add_below(&all_bytes, n, READ_ONCE(max_bytes)))
		return 0;
	atomic64_sub(n, &user->used[kind]);
	return -EINVAL;
}

/*
 * Charge a user who need not be the caller's; of users only root is taken to have
 * CAP_SYS_RESOURCE. -EDQUOT over the user's limit, -EINVAL over max_bytes.
 */
int gochan_try_charge(struct quota_user *user, enum quota_kind kind, u64 n)
{
	bool root = uid_eq(user->uid, GLOBAL_ROOT_UID);

	return charge(user, kind, n, root ? S64_MAX : user_limit(kind));
}

/*
 * Charge the caller's user, or the one whose channel it sets up. As gochan_try_charge(),
 * but CAP_SYS_RESOURCE lifts the user's limit; -ENOMEM for more than can be counted.
 */
int gochan_charge(struct quota_user *user, enum quota_kind kind, u64 n)
{
	int err = charge(user, kind, n, user_limit(kind));

	if (err != -EDQUOT || !capable(CAP_SYS_RESOURCE))
		return err;
	err = charge(user, kind, n, S64_MAX);
	return err == -EDQUOT ? -ENOMEM : err;
}

void gochan_uncharge(struct quota_user *user, enum quota_kind kind, u64 n)
{
	atomic64_sub(n, &user->used[kind]);
	if (counts_for_all(user, kind))
		atomic64_sub(n, &all_bytes);
}
