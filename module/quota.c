// SPDX-License-Identifier: GPL-2.0
/*
 * Limits, and what each user is charged for (R19). A user is the real user id of the
 * task that makes something. Whatever was made holds a reference to its user and stays
 * charged until it is gone, so that passing it on or unlinking it evades nothing.
 *
 * Limits are hierarchical: a charge also counts against the owners of the user namespaces
 * that the task is in, so that subordinate ids do not multiply anybody's share.
 *
 * users_lock protects the table. A user is found under RCU, and the counts are atomic:
 * charging and uncharging take no lock, and may be done under a channel's lock. So that
 * sends and receives do not make and free users, each handle holds its opener's.
 */

#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/user_namespace.h>

#include "quota.h"

/* The kernel allows 33 levels: the initial namespace and 32 below it. */
#define USER_NS_DEPTH_MAX	40

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
 * @node: place in users; users_lock, read under RCU
 * @uid: the user; constant
 * @up: who is charged as well: the user of the next user namespace owner outside this
 *	one that is neither root nor charged already, a counted reference; or NULL
 * @refs: references
 * @used: how much of each kind
 * @rcu: to free it
 *
 * A user has one of these, and another one for each chain of owners of user namespaces
 * in which it makes something, as with ucounts.
 */
struct quota_user {
	struct hlist_node node;
	kuid_t uid;
	struct quota_user *up;
	refcount_t refs;
	atomic64_t used[QUOTA_KINDS];
	struct rcu_head rcu;
};

static DEFINE_HASHTABLE(users, 6);
static DEFINE_SPINLOCK(users_lock);

/* Bytes of all users but root. */
static atomic64_t all_bytes ____cacheline_aligned_in_smp;

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

static struct quota_user *user_find(kuid_t uid, const struct quota_user *up)
{
	struct quota_user *user;

	hash_for_each_possible_rcu(users, user, node, __kuid_val(uid),
				   lockdep_is_held(&users_lock)) {
		if (uid_eq(user->uid, uid) && user->up == up &&
		    refcount_inc_not_zero(&user->refs))
			return user;
	}
	return NULL;
}

/* The user @uid below @up, whose reference goes to it, or is dropped. NULL: no memory. */
static struct quota_user *user_get(kuid_t uid, struct quota_user *up)
{
	struct quota_user *user, *new = NULL;

	rcu_read_lock();
	user = user_find(uid, up);
	rcu_read_unlock();
	if (user)
		goto put;

	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		goto put;
	new->uid = uid;
	new->up = up;
	refcount_set(&new->refs, 1);
	spin_lock(&users_lock);
	user = user_find(uid, up);
	if (!user)
		hash_add_rcu(users, &new->node, __kuid_val(uid));
	spin_unlock(&users_lock);
	if (!user)
		return new;
	kfree(new);
put:
	gochan_user_put(up);
	return user;
}

static bool user_is_in(const struct quota_user *user, kuid_t uid)
{
	while (user && !uid_eq(user->uid, uid))
		user = user->up;
	return user;
}

/*
 * The user that the caller's charges go to, with a reference; NULL without memory. Above
 * it are the owners of the caller's user namespaces, the outermost one on top.
 */
struct quota_user *gochan_user_get(void)
{
	struct user_namespace *ns = current_user_ns();
	struct quota_user *user = NULL;
	kuid_t uids[USER_NS_DEPTH_MAX];
	int n = 0;

	uids[n++] = current_uid();
	for (; ns->parent && !WARN_ON_ONCE(n == USER_NS_DEPTH_MAX); ns = ns->parent)
		uids[n++] = ns->owner;
	while (n--) {
		/* Root is charged for its own only, and that may be all there is. */
		if (user_is_in(user, uids[n]) ||
		    (uid_eq(uids[n], GLOBAL_ROOT_UID) && (n || user)))
			continue;
		user = user_get(uids[n], user);
		if (!user)
			return NULL;
	}
	return user;
}

void gochan_user_hold(struct quota_user *user)
{
	refcount_inc(&user->refs);
}

/* Drop a reference; @user may be NULL. */
void gochan_user_put(struct quota_user *user)
{
	struct quota_user *up;

	/* Without references it is not found, but may be made anew. */
	for (; user && refcount_dec_and_test(&user->refs); user = up) {
		spin_lock(&users_lock);
		hash_del_rcu(&user->node);
		spin_unlock(&users_lock);
		up = user->up;
		kfree_rcu(user, rcu);
	}
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

static void uncharge_below(struct quota_user *user, const struct quota_user *end,
			   enum quota_kind kind, u64 n)
{
	for (; user != end; user = user->up)
		atomic64_sub(n, &user->used[kind]);
}

/* Charge a user and those above it, up to @limit each, and @all users to @max_all. */
static int charge(struct quota_user *user, enum quota_kind kind, u64 n, u64 limit,
		  u64 max_all)
{
	struct quota_user *u;

	for (u = user; u; u = u->up) {
		if (!add_below(&u->used[kind], n, limit)) {
			uncharge_below(user, u, kind, n);
			return -EDQUOT;
		}
	}
	if (!counts_for_all(user, kind) || add_below(&all_bytes, n, max_all))
		return 0;
	uncharge_below(user, NULL, kind, n);
	return -ENOSPC;
}

/*
 * Charge the caller's user, or the one whose channel it sets up: 0. -EDQUOT over the limit
 * of the user or of one above it, -ENOSPC over max_bytes, neither with CAP_SYS_RESOURCE;
 * -ENOMEM for more than can be counted.
 */
int gochan_charge(struct quota_user *user, enum quota_kind kind, u64 n)
{
	int err = charge(user, kind, n, user_limit(kind), READ_ONCE(max_bytes));

	if (!err || !capable(CAP_SYS_RESOURCE))
		return err;
	return charge(user, kind, n, S64_MAX, S64_MAX) ? -ENOMEM : 0;
}

/*
 * Charge a receiver's user for a message that is inside already: whatever others hold, it
 * can be received. @own: that is the caller, whose CAP_SYS_RESOURCE counts; of other
 * users, only root is taken to have it. 0, -EDQUOT or -ENOMEM, as gochan_charge().
 */
int gochan_charge_received(struct quota_user *user, u64 n, bool own)
{
	int err = charge(user, QUOTA_BYTES, n, user_limit(QUOTA_BYTES), S64_MAX);

	if (!err || !(own ? capable(CAP_SYS_RESOURCE) :
			    uid_eq(user->uid, GLOBAL_ROOT_UID)))
		return err;
	return charge(user, QUOTA_BYTES, n, S64_MAX, S64_MAX) ? -ENOMEM : 0;
}

void gochan_uncharge(struct quota_user *user, enum quota_kind kind, u64 n)
{
	uncharge_below(user, NULL, kind, n);
	if (counts_for_all(user, kind))
		atomic64_sub(n, &all_bytes);
}
