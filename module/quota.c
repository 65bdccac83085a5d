// SPDX-License-Identifier: GPL-2.0
/*
 * What a user may take of the machine (R19): the limits, and what each user
 * has taken. A user is the real user id of the task that makes something. The
 * count is held by a reference that goes with what was made, so that passing
 * it on or unlinking it frees nothing.
 */

#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "quota.h"

unsigned int max_msg_size = 1 << 20;
module_param(max_msg_size, uint, 0644);
MODULE_PARM_DESC(max_msg_size, "longest message that a channel may be made for, bytes");

unsigned int max_capacity = 65536;
module_param(max_capacity, uint, 0644);
MODULE_PARM_DESC(max_capacity, "most messages that a channel may be made to hold");

unsigned int max_named = 4096;
module_param(max_named, uint, 0644);
MODULE_PARM_DESC(max_named, "most names in all");

unsigned int max_select = 1024;
module_param(max_select, uint, 0644);
MODULE_PARM_DESC(max_select, "most ops in one SELECT or BATCH");

static unsigned int max_user_channels = 1024;
module_param(max_user_channels, uint, 0644);
MODULE_PARM_DESC(max_user_channels, "most channels of one user");

static unsigned long long max_user_bytes = 16 << 20;
module_param(max_user_bytes, ullong, 0644);
MODULE_PARM_DESC(max_user_bytes, "most bytes in the channels and blocked operations of one user");

static unsigned int max_user_named = 64;
module_param(max_user_named, uint, 0644);
MODULE_PARM_DESC(max_user_named, "most names of one user");

static unsigned long long max_bytes;
module_param(max_bytes, ullong, 0644);
MODULE_PARM_DESC(max_bytes, "most bytes of all users but root together; an eighth of memory unless set");

/**
 * struct quota_user - what one user has taken
 * @node: place in users; users_lock
 * @uid: the user
 * @refs: references; users_lock
 * @used: how much of each kind
 */
struct quota_user {
	struct hlist_node node;
	kuid_t uid;
	unsigned long refs;
	atomic64_t used[QUOTA_KINDS];
};

static DEFINE_HASHTABLE(users, 6);
static DEFINE_SPINLOCK(users_lock);

/* Bytes of all users but root. */
static atomic64_t all_bytes;

/* Bytes that were counted without a look at the limit. */
static atomic64_t forced;

void quota_init(void)
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

	hash_for_each_possible(users, user, node, __kuid_val(uid)) {
		if (uid_eq(user->uid, uid)) {
			user->refs++;
			return user;
		}
	}
	return NULL;
}

static struct quota_user *user_get(gfp_t gfp)
{
	kuid_t uid = current_uid();
	struct quota_user *user, *new;

	spin_lock(&users_lock);
	user = user_find(uid);
	spin_unlock(&users_lock);
	if (user)
		return user;

	new = kzalloc(sizeof(*new), gfp);
	if (!new)
		return NULL;
	new->uid = uid;
	new->refs = 1;
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

/**
 * quota_user_get() - whom the caller's takings are charged to
 *
 * Return: the user, to be given to quota_user_put(), or NULL without memory.
 */
struct quota_user *quota_user_get(void)
{
	return user_get(GFP_KERNEL_ACCOUNT);
}

/* The same where there must be one. */
struct quota_user *quota_user_get_nofail(void)
{
	return user_get(GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
}

void quota_user_put(struct quota_user *user)
{
	bool last;

	spin_lock(&users_lock);
	last = !--user->refs;
	if (last)
		hash_del(&user->node);
	spin_unlock(&users_lock);
	if (last)
		kfree(user);
}

/* Add @n unless that passes @limit. */
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
	return kind >= QUOTA_BYTES && !uid_eq(user->uid, GLOBAL_ROOT_UID);
}

/**
 * quota_charge() - take something of the machine
 * @user: who takes it
 * @kind: what
 * @n: how much
 *
 * Return: 0; -EDQUOT over the user's limit, which does not hold for
 * CAP_SYS_RESOURCE; -EINVAL over max_bytes.
 */
int quota_charge(struct quota_user *user, enum quota_kind kind, u64 n)
{
	if (!add_below(&user->used[kind], n, user_limit(kind))) {
		if (!capable(CAP_SYS_RESOURCE))
			return -EDQUOT;
		atomic64_add(n, &user->used[kind]);
	}
	if (!counts_for_all(user, kind) ||
	    add_below(&all_bytes, n, READ_ONCE(max_bytes)))
		return 0;
	atomic64_sub(n, &user->used[kind]);
	return -EINVAL;
}

/* Does anybody have bytes that no limit could refuse? */
bool quota_any_taken(void)
{
	return atomic64_read(&forced);
}

/**
 * quota_user_over() - has the caller more than the limit?
 * @user: the caller's
 * @kind: of what
 *
 * Return: true over the limit, unless CAP_SYS_RESOURCE lifts it.
 */
bool quota_user_over(const struct quota_user *user, enum quota_kind kind)
{
	return atomic64_read(&user->used[kind]) > user_limit(kind) &&
	       !capable(CAP_SYS_RESOURCE);
}

/**
 * quota_over() - the same of a caller of whom nothing may be counted yet
 * @kind: of what
 *
 * Return: as quota_user_over().
 */
bool quota_over(enum quota_kind kind)
{
	struct quota_user *user;
	bool over;

	spin_lock(&users_lock);
	user = user_find(current_uid());
	spin_unlock(&users_lock);
	if (!user)
		return false;
	over = quota_user_over(user, kind);
	quota_user_put(user);
	return over;
}

/**
 * quota_force() - count something that is there already and cannot be refused
 * @user: who has it
 * @kind: what
 * @n: how much
 */
void quota_force(struct quota_user *user, enum quota_kind kind, u64 n)
{
	atomic64_add(n, &user->used[kind]);
	if (counts_for_all(user, kind))
		atomic64_add(n, &all_bytes);
	atomic64_add(n, &forced);
}

/* The opposite of quota_force(). */
void quota_unforce(struct quota_user *user, enum quota_kind kind, u64 n)
{
	atomic64_sub(n, &forced);
	quota_uncharge(user, kind, n);
}

void quota_uncharge(struct quota_user *user, enum quota_kind kind, u64 n)
{
	atomic64_sub(n, &user->used[kind]);
	if (counts_for_all(user, kind))
		atomic64_sub(n, &all_bytes);
}
