// SPDX-License-Identifier: GPL-2.0
/*
 * Owners of leases (R21): a descriptor table together with a handle. When a table has no
 * descriptor of the handle any more, is for file.c to find out, without the lock: an owner is
 * ended only if no op has got it since that looked, as it may have done so through a new
 * descriptor. What is leased is in lease.c.
 */

#include <linux/pid.h>
#include <linux/slab.h>

#include "lease.h"

static int cmp_key(const void *key, const struct rb_node *node)
{
	return lease_key_cmp(key, &rb_entry(node, struct lease_owner, node)->key);
}

static int cmp_owner(struct rb_node *new, const struct rb_node *node)
{
	return cmp_key(&rb_entry(new, struct lease_owner, node)->key, node);
}

struct lease_owner *chan_owner_find_slow(struct chan *ch, const struct lease_key *key)
{
	struct rb_node *node;

	lockdep_assert_held(&ch->lock);
	node = rb_find(key, &ch->leases->owners, cmp_key);
	return rb_entry_safe(node, struct lease_owner, node);
}

static struct lease_owner *owner_get(struct chan *ch, const struct lease_key *key)
{
	struct lease_owner *owner;

	spin_lock(&ch->lock);
	owner = chan_owner_find_slow(ch, key);
	if (owner) {
		owner->last_use = ++ch->leases->uses;
		refcount_inc(&owner->refs);
	}
	spin_unlock(&ch->lock);
	return owner;
}

/* Is there such an owner? Then what it takes to look for its descriptor, and to end it. */
bool chan_owner_look(struct chan *ch, const struct lease_key *key, struct owner_look *look)
{
	struct lease_owner *owner;

	spin_lock(&ch->lock);
	owner = chan_owner_find_slow(ch, key);
	if (owner) {
		look->fd = owner->fd;
		look->last_use = owner->last_use;
	}
	spin_unlock(&ch->lock);
	return owner;
}

/* Note a descriptor by which the owner holds the handle. */
void chan_owner_note_fd(struct chan *ch, const struct lease_key *key, unsigned int fd)
{
	struct lease_owner *owner;

	spin_lock(&ch->lock);
	owner = chan_owner_find_slow(ch, key);
	if (owner)
		owner->fd = fd;
	spin_unlock(&ch->lock);
}

static void owner_free(struct lease_owner *owner)
{
	put_pid(owner->pid);
	kfree(owner);
}

/* The owner with this key, counted, @made if it is a new one; NULL without memory. */
struct lease_owner *chan_owner_get(struct chan *ch, const struct lease_key *key, bool *made)
{
	struct lease_owner *owner = owner_get(ch, key), *new;
	struct rb_node *old;

	*made = false;
	if (owner)
		return owner;
	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return NULL;
	new->key = *key;
	new->pid = get_pid(task_tgid(current));
	INIT_LIST_HEAD(&new->list);
	refcount_set(&new->refs, 2);
	spin_lock(&ch->lock);
	old = rb_find_add(&new->node, &ch->leases->owners, cmp_owner);
	owner = rb_entry_safe(old, struct lease_owner, node);
	(owner ?: new)->last_use = ++ch->leases->uses;
	if (owner)
		refcount_inc(&owner->refs);
	spin_unlock(&ch->lock);
	if (owner) {
		owner_free(new);
		return owner;
	}
	*made = true;
	return new;
}

/* @owner may be NULL. */
void chan_owner_put(struct lease_owner *owner)
{
	if (owner && refcount_dec_and_test(&owner->refs))
		owner_free(owner);
}

/* Drop and take the lock again after each CHAN_LOCKED_MSGS_MAX calls. */
static void relock_each(struct chan *ch, unsigned int *budget, struct wake_batch *wb)
	__must_hold(&ch->lock)
{
	if (--*budget)
		return;
	chan_unlock(ch, wb);
	cond_resched();
	*budget = CHAN_LOCKED_MSGS_MAX;
	wake_batch_init(wb);
	chan_lock(ch);
}

/*
 * End an owner, if there is one with this key, and return its leases. False if an op has got
 * it since the caller has looked, perhaps through a new descriptor: look again.
 */
bool chan_owner_end(struct chan *ch, const struct lease_key *key, const struct owner_look *look)
{
	unsigned int budget = CHAN_LOCKED_MSGS_MAX;
	struct wake_batch wb __uninitialized;
	struct lease_owner *owner;
	struct msg *dropped = NULL, *m;
	struct lease *l;

	wake_batch_init(&wb);
	chan_lock(ch);
	owner = chan_owner_find_slow(ch, key);
	if (!owner || owner->last_use != look->last_use) {
		chan_unlock(ch, &wb);
		return !owner;
	}
	WRITE_ONCE(owner->ended, true);
	rb_erase(&owner->node, &ch->leases->owners);
	if (ch->leases->last_owner == owner)
		ch->leases->last_owner = NULL;
	/*
	 * All are buffered before any is dispatched and before slots of those that are dropped
	 * are filled, so that they keep their order and are ahead of later ones.
	 */
	while ((l = list_first_entry_or_null(&owner->list, struct lease, node))) {
		m = chan_lease_requeue(ch->leases, l, &wb);
		if (m) {
			m->next = dropped;
			dropped = m;
		}
		relock_each(ch, &budget, &wb);
	}
	/* Each slot is filled before the lock is dropped, and before a newcomer fills it. */
	while (dropped) {
		m = dropped;
		dropped = m->next;
		chan_drop(ch->leases, m, &wb);
		slot_freed(ch, &wb);
		relock_each(ch, &budget, &wb);
	}
	slot_freed(ch, &wb);
	chan_lease_unlock(ch, &wb);
	chan_owner_put(owner);
	return true;
}
