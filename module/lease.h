/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Leases (R21), as owner.c, lease.c and forward.c share them, and what send.c and recv.c
 * do with them on the fast path. The invariants are in lease.c.
 */
#ifndef GOCHAN_LEASE_H
#define GOCHAN_LEASE_H

#include <linux/wait.h>
#include <linux/workqueue.h>

#include "chan_priv.h"

/**
 * struct lease_owner - a descriptor table that has received through a handle
 * @node: place in leases.owners, unless @ended; the channel's lock
 * @key: the two; constant
 * @pid: the process that made it, a counted reference; constant
 * @list: its leases, in order of delivery; the channel's lock
 * @fd: a descriptor by which it held the handle, a hint; the channel's lock
 * @last_use: number of the op that has got it last; the channel's lock
 * @refs: one while it is in the tree, and one for each op
 * @ended: the table has no descriptor of the handle any more; set under the channel's lock
 */
struct lease_owner {
	struct rb_node node;
	struct lease_key key;
	struct pid *pid;
	struct list_head list;
	unsigned int fd;
	u64 last_use;
	refcount_t refs;
	bool ended;
};

/**
 * struct lease - a lease, or a free entry; all fields: the channel's lock
 * @id: what user space calls it, 0 if the entry is free
 * @msg: the message
 * @owner: whose it is; it is in the tree, or held by the receive that settles it
 * @since: chan_coarse_now() when it began
 * @node: place in lease_owner.list
 * @next_free: of a free entry, the next one
 */
struct lease {
	u64 id;
	struct msg *msg;
	struct lease_owner *owner;
	ktime_t since;
	union {
		struct list_head node;
		struct lease *next_free;
	};
};

/**
 * struct forward - messages that wait until another channel gets them, or notices of them
 * @leases: whose they are; constant
 * @to: the other channel, a counted reference, or NULL; constant
 * @first: the messages, in order, linked by msg.next; the channel's lock, as for the next two
 * @last: where the next one is linked
 * @nr: how many; read without the lock as well
 * @on_slot: tells when @to has a free slot or a receiver, or is closed
 */
struct forward {
	struct leases *leases;
	struct chan *to;
	struct msg *first;
	struct msg **last;
	u32 nr;
	struct wait_queue_entry on_slot;
};

/**
 * struct leases - what only an acknowledged channel has
 * @ch: the channel
 * @owners: by key; the channel's lock, as for all up to @dropped
 * @last_owner: the one found last, or NULL
 * @uses: ops that have got an owner
 * @free: free entries of @array, linked by next_free
 * @pool: messages of up to CHAN_LOCKED_COPY_MAX bytes, one for each slot; NULL if they are
 *	on the heap; constant
 * @spare: those of @pool that are in use nowhere, linked by msg.next
 * @begun: leases that were ever begun
 * @index_bits: of a lease's id, how many are its index in @array; constant
 * @nr: leases
 * @nr_copying: messages of the pool that are done and still being copied
 * @max_deliveries: a message returned after so many is a dead letter, 0: never; constant
 * @dropped: dead letters that no channel has got
 * @dead: dead letters that the dead-letter channel has not got yet
 * @done: messages that are done, and of which the done channel has no notice yet
 * @creator: who has set up the channel: the sender of what it forwards; constant
 * @work: forwards messages
 * @array: an entry for each slot of the ring
 */
struct leases {
	struct chan *ch;
	struct rb_root owners;
	struct lease_owner *last_owner;
	u64 uses;
	struct lease *free;
	u8 *pool;
	struct msg *spare;
	u64 begun;
	unsigned int index_bits;
	u32 nr;
	u32 nr_copying;
	u32 max_deliveries;
	u64 dropped;
	struct forward dead;
	struct forward done;
	struct origin creator;
	struct delayed_work work;
	struct lease array[];
};

/* owner.c */
struct lease_owner *chan_owner_find_slow(struct chan *ch, const struct lease_key *key);

/* lease.c */
void chan_lease_start(struct chan *ch, struct lease_owner *owner, struct msg *m,
		      const struct lease_report *r, const struct task_struct *task);
struct msg *chan_lease_requeue(struct leases *leases, struct lease *l, struct wake_batch *wb);
void chan_acked_free(struct chan *ch, struct msg *m, struct wake_batch *wb);

/* forward.c */
bool chan_dead_letter(struct leases *leases, struct msg *m);
void chan_notify_done(struct leases *leases, struct msg *m, u32 flags);
void chan_drop(struct leases *leases, struct msg *m, struct wake_batch *wb);
void chan_forward_start(struct leases *leases, const struct chan_targets *targets);
void chan_forward_free(struct leases *leases);

static inline int lease_key_cmp(const struct lease_key *a, const struct lease_key *b)
{
	if (a->table != b->table)
		return a->table < b->table ? -1 : 1;
	if (a->handle != b->handle)
		return a->handle < b->handle ? -1 : 1;
	return 0;
}

/* The owner for a receive that takes a message at once, or NULL. */
static inline struct lease_owner *chan_owner_find(struct chan *ch, const struct lease_key *key)
{
	struct leases *leases = ch->leases;
	struct lease_owner *owner = leases->last_owner;

	lockdep_assert_held(&ch->lock);
	if (!owner || lease_key_cmp(&owner->key, key))
		owner = chan_owner_find_slow(ch, key);
	if (!owner)
		return NULL;
	leases->last_owner = owner;
	owner->last_use = ++leases->uses;
	return owner;
}

/* Each message that is leased keeps a slot, so there is a free entry for any other one. */
static inline u64 lease_next_id(const struct leases *leases)
{
	return (leases->begun + 1) << leases->index_bits | (leases->free - leases->array);
}

/* What a receive reports of the lease of @m, before it takes it; without an owner it peeks. */
static inline void chan_lease_look(struct chan *ch, struct lease_owner *owner,
				   const struct msg *m, struct lease_report *r)
{
	lockdep_assert_held(&ch->lock);
	r->seq = ch->nr_requeued ? m->seq : ring_first(&ch->ring)->seq;
	r->deliveries = m->deliveries;
	r->lease = 0;
	if (!owner)
		return;
	r->lease = lease_next_id(ch->leases);
	if (r->deliveries < U32_MAX)
		r->deliveries++;
}

/* The pool's message for the next free slot: there are as many of them as slots. */
static inline struct msg *chan_pool_first(struct chan *ch)
{
	lockdep_assert_held(&ch->lock);
	return ch->leases->spare;
}

/* It is filled, and put into the slot. */
static inline void chan_pool_take(struct chan *ch, size_t len)
{
	struct msg *m = ch->leases->spare;

	ch->leases->spare = m->next;
	m->next = NULL;
	m->len = len;
	m->deliveries = 0;
	refcount_set(&m->refs, 1);
}

#endif /* GOCHAN_LEASE_H */
