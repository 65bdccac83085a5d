// SPDX-License-Identifier: GPL-2.0
/*
 * Leases (R21): which process works on which message of an acknowledged channel.
 *
 * All messages of such a channel go through the ring: a send fills a slot, and
 * chan_lease_dispatch() gives what is buffered to receivers that wait. Slots point to
 * messages, which are in a pool that has one for each slot or, if longer than
 * CHAN_LOCKED_COPY_MAX, on the heap. A RECV op leases its message, which is outside from
 * then on but keeps its slot (ring.kept), until the lease ends:
 *
 * - it is acknowledged: the message is done. It is freed, and its slot is free, if there is
 *   no done channel, or once that has the notice;
 * - the message is returned, by GOCHAN_REQUEUE or because the owner has ended: it is
 *   buffered again at its place in the order of sending or, once it was delivered
 *   max_deliveries times, a dead letter.
 *
 * An owner is a descriptor table together with a handle. It is made by the first RECV op
 * and ends when file.c finds no descriptor of the handle in the table any more. In
 * addition to those of chan.c, whenever the channel's lock is free:
 *
 * L1. A message that is leased is in one entry of leases.array, which is in the list of
 *     its owner; all other entries are free.
 * L2. An owner that has ended is not found, and has no leases, except for one that a
 *     receive has just got: that receive returns it itself (chan_lease_finish()).
 * L3. A dead letter keeps its slot until the dead-letter channel has it or refuses it, and
 *     is done then.
 * L4. Receivers wait only while nothing is buffered, senders only while no slot is free.
 *     So both wait at once where all slots are kept. (If more than CHAN_LOCKED_MSGS_MAX
 *     receivers in a row fail, as their buffers are too small, the work item goes on.)
 * L5. A message of the pool is spare, in a slot, requeued, leased, a dead letter, done, or
 *     with the receive that copies it; msg.refs counts that place, and a receive that copies
 *     what it has leased. One that is not spare has a slot: so for a free slot there is a spare.
 * L6. With a done channel, each message that leaves is done exactly once, and passes through
 *     chan_acked_done(). From then on it is in leases.done, in the order in which messages
 *     are done, and keeps its slot until the done channel has its notice or refuses it. It
 *     cannot come back, so it delays no end of file.
 *
 * Owners are in owner.c, dead letters and notices in forward.c.
 */

#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/slab.h>

#include "lease.h"

#define LIST_OWNERS_MAX	1024	/* owners that are looked at, as some have no leases */

/* ---- leases ---- */

static struct lease *lease_find(struct leases *leases, u64 id)
{
	u64 i = id & (BIT_ULL(leases->index_bits) - 1);

	lockdep_assert_held(&leases->ch->lock);
	if (!id || i >= leases->ch->config.capacity || leases->array[i].id != id)
		return NULL;
	return &leases->array[i];
}

/* Lease a message that is in no slot and in no tree, as it was reported. */
void chan_lease_start(struct chan *ch, struct lease_owner *owner, struct msg *m,
		      const struct lease_report *r, const struct task_struct *task)
{
	struct leases *leases = ch->leases;
	struct lease *l = leases->free;

	leases->free = l->next_free;
	l->id = r->lease;
	l->msg = m;
	l->owner = owner;
	l->since = chan_coarse_now();
	list_add_tail(&l->node, &owner->list);
	m->deliveries = r->deliveries;
	m->seq = r->seq;
	leases->begun++;
	leases->nr++;
	ch->ring.kept++;
	trace_gochan_lease(ch->config.id, l->id, m->seq, m->deliveries, task->pid);
}

/* What the op reports about @m, the first message. */
void chan_lease_preview(struct chan_op *op, const struct msg *m)
{
	struct lease_report r;

	chan_lease_look(op->ch, op->owner, m, &r);
	op->seq = r.seq;
	op->deliveries = r.deliveries;
	op->lease = r.lease;
}

/* Lease the first message, which the op has previewed and taken since. */
void chan_lease_begin(struct chan_op *op, struct msg *m)
{
	const struct lease_report r = { op->lease, op->seq, op->deliveries };

	origin_drop(&m->from);
	origin_copy(&m->from, &op->from);
	op->leased = true;
	chan_lease_start(op->ch, op->owner, m, &r, op->waiter->task);
}

/* End a lease; its message still keeps its slot. */
static struct msg *lease_end(struct leases *leases, struct lease *l)
{
	lockdep_assert_held(&leases->ch->lock);
	l->id = 0;
	leases->nr--;
	list_del(&l->node);
	l->next_free = leases->free;
	leases->free = l;
	return l->msg;
}

/* ---- messages ---- */

static void pool_put(struct leases *leases, struct msg *m)
{
	origin_drop(&m->from);
	m->next = leases->spare;
	leases->spare = m;
}

/*
 * Free a message that is done, and its slot. One of the pool keeps its slot while it is copied.
 * The caller does slot_freed().
 */
void chan_acked_free(struct chan *ch, struct msg *m, struct wake_batch *wb)
{
	lockdep_assert_held(&ch->lock);
	if (!ch->pooled) {
		wake_batch_free(wb, m);
	} else if (refcount_dec_and_test(&m->refs)) {
		pool_put(ch->leases, m);
	} else {
		ch->leases->nr_copying++;
		return;
	}
	ch->ring.kept--;
}

/*
 * A message that is outside is done, with these flags of its notice: free it, unless the
 * done channel has to get that first (L6). The caller does slot_freed().
 */
void chan_acked_done(struct chan *ch, struct msg *m, u32 flags, struct wake_batch *wb)
{
	lockdep_assert_held(&ch->lock);
	if (unlikely(ch->leases->done.to))
		chan_notify_done(ch->leases, m, flags);
	else
		chan_acked_free(ch, m, wb);
}

/*
 * A receive without a lease has copied the message with this number, which keeps its slot. Others
 * may still copy it, to which it was leased before.
 */
void chan_acked_taken(struct chan *ch, struct msg *m, u64 seq, struct wake_batch *wb)
{
	m->seq = seq;
	if (m->deliveries < U32_MAX)
		m->deliveries++;
	chan_acked_done(ch, m, 0, wb);
}

/* A message of the pool was copied that may have been done meanwhile. */
static void msg_copied(struct chan *ch, struct msg *m)
{
	if (!refcount_dec_and_test(&m->refs))
		return;
	ch->leases->nr_copying--;
	pool_put(ch->leases, m);
	ch->ring.kept--;
}

/*
 * End a lease and requeue its message, or make it a dead letter. One that is to be dropped
 * is returned, for chan_drop(). The caller does slot_freed() in any case.
 */
struct msg *chan_lease_requeue(struct leases *leases, struct lease *l, struct wake_batch *wb)
{
	struct msg *m = lease_end(leases, l);
	struct chan *ch = leases->ch;

	if (leases->max_deliveries && m->deliveries >= leases->max_deliveries) {
		trace_gochan_requeue(ch->config.id, m->seq, m->len);
		return chan_dead_letter(leases, m) ? NULL : m;
	}
	ch->ring.kept--;
	chan_note_requeue(ch, m);
	chan_requeue_sorted(ch, m, wb);
	return NULL;
}

/* End a lease whose message is not done; the caller does slot_freed(). */
static void return_one(struct leases *leases, struct lease *l, struct wake_batch *wb)
{
	struct msg *m = chan_lease_requeue(leases, l, wb);

	if (m)
		chan_drop(leases, m, wb);
}

/* Unlock, and if that was the last message to come back fail the receivers that wait. */
void chan_lease_unlock(struct chan *ch, struct wake_batch *wb)
	__releases(&ch->lock)
{
	bool ended = ch->leases && at_eof(ch);

	chan_unlock(ch, wb);
	if (ended)
		chan_flush_waiters(ch);
}

/* Acknowledge a lease, or return its message: 0, or -ESTALE if it is not the caller's. */
int chan_ack(struct chan *ch, const struct lease_key *key, u64 lease, bool requeue)
{
	struct wake_batch wb __uninitialized;
	struct lease *l;
	struct msg *m;

	wake_batch_init(&wb);
	chan_lock(ch);
	l = lease_find(ch->leases, lease);
	if (!l || l->owner->ended || lease_key_cmp(&l->owner->key, key)) {
		chan_unlock(ch, &wb);
		return -ESTALE;
	}
	if (requeue) {
		return_one(ch->leases, l, &wb);
		slot_freed(ch, &wb);
		chan_lease_unlock(ch, &wb);
		return 0;
	}
	trace_gochan_ack(ch->config.id, l->id, l->msg->seq);
	m = lease_end(ch->leases, l);
	/* the common path: no notice; nobody waits for the slot or the end, or still copies it */
	if (likely(ch->pooled && only_pollers_follow(ch) && waitq_empty(ch, CHAN_RECV) &&
		   refcount_read(&m->refs) == 1 && !ch->leases->done.to)) {
		pool_put(ch->leases, m);
		ch->ring.kept--;
		chan_unlock_and_notify(ch, out_event(ch));
		return 0;
	}
	chan_acked_done(ch, m, 0, &wb);
	slot_freed(ch, &wb);
	chan_lease_unlock(ch, &wb);
	return 0;
}

/*
 * A receive has copied the message that it leased, or not (@err). In the latter case, and if
 * its owner has ended meanwhile, it returns the message. Returns @err.
 */
int chan_lease_finish(struct chan_op *op, int err)
{
	struct chan *ch = op->ch;
	struct wake_batch wb __uninitialized;
	struct msg *copied = op->msg;
	struct lease *l = NULL;

	op->leased = false;
	op->msg = NULL;
	if (copied && !ch->pooled) {
		chan_msg_unref(copied);
		copied = NULL;
	}
	/* If it ends only now, that finds the lease. */
	if (likely(!copied && !err && !READ_ONCE(op->owner->ended)))
		return 0;
	wake_batch_init(&wb);
	chan_lock(ch);
	if (err || op->owner->ended)
		l = lease_find(ch->leases, op->lease);
	if (l) {
		/* What was not copied was not delivered. */
		l->msg->deliveries -= err < 0;
		return_one(ch->leases, l, &wb);
	}
	if (copied)
		msg_copied(ch, copied);
	slot_freed(ch, &wb);
	chan_lease_unlock(ch, &wb);
	return err;
}

/* ---- dispatch ---- */

/* A receive without a lease could not copy its message: buffer it again. */
void chan_acked_requeue(struct chan *ch, struct msg *m, bool in_slot)
{
	struct wake_batch wb __uninitialized;

	wake_batch_init(&wb);
	chan_lock(ch);
	ch->ring.kept -= in_slot;
	chan_note_requeue(ch, m);
	chan_requeue_sorted(ch, m, &wb);
	chan_lease_dispatch(ch, &wb);
	chan_lease_unlock(ch, &wb);
}

static struct msg *first_buffered(const struct chan *ch)
{
	if (ch->nr_requeued)
		return rb_entry(rb_first(&ch->requeued), struct msg, node);
	return ring_first(&ch->ring)->msg;
}

/* Take the oldest buffered message for a receive that waits. */
static struct msg *take_first(struct chan *ch, struct chan_op *to)
{
	struct msg *m = first_buffered(ch);

	if (ch->nr_requeued) {
		rb_erase(&m->node, &ch->requeued);
		ch->nr_requeued--;
		origin_move(&to->from, &m->from);
	} else {
		origin_move(&to->from, &ring_first(&ch->ring)->from);
		ring_pop(&ch->ring);
	}
	ch->bytes -= m->len;
	return m;
}

/* Give the oldest message to a receive, if that was not claimed elsewhere. */
static void dispatch_to(struct chan *ch, struct chan_op *to, struct wake_batch *wb)
{
	size_t len = 0;

	if (!op_claim(to))
		return;
	chan_has_message(ch, &len);
	if (to->room < len) {
		to->len = len;
		waiter_complete(to, -EMSGSIZE, wb);
		return;
	}
	chan_lease_preview(to, first_buffered(ch));
	to->msg = take_first(ch, to);
	if (trace_gochan_recv_enabled())
		chan_trace_recv(ch, to->waiter->task, to->seq, len);
	if (to->owner) {
		chan_lease_begin(to, to->msg);
		/* until it is copied */
		refcount_inc(&to->msg->refs);
	} else {
		ch->ring.kept++;
		to->in_slot = true;
	}
	deliver(to, to->seq, len, wb);
}

/* Give what is buffered to receivers that wait (L4). */
void chan_lease_dispatch(struct chan *ch, struct wake_batch *wb)
{
	unsigned int budget = CHAN_LOCKED_MSGS_MAX;
	struct chan_op *to;

	lockdep_assert_held(&ch->lock);
	while (nr_buffered(ch)) {
		to = waitq_first(ch, CHAN_RECV);
		if (!to)
			return;
		if (!budget--) {
			queue_delayed_work(compat_unbound_wq, &ch->leases->work, 0);
			return;
		}
		dispatch_to(ch, to, wb);
	}
}

/* ---- life and state ---- */

/* May a message that is outside be buffered again? */
bool chan_lease_may_return(const struct chan *ch)
{
	const struct leases *leases = ch->leases;

	return ch->ring.kept > (u64)leases->dead.nr + leases->done.nr + leases->nr_copying;
}

void chan_lease_info(const struct chan *ch, struct gochan_info *info)
{
	const struct leases *leases = ch->leases;

	lockdep_assert_held(&ch->lock);
	info->leased = leases->nr;
	info->max_deliveries = leases->max_deliveries;
	info->dropped = leases->dropped;
	if (leases->done.to)
		info->done = leases->done.to->config.id;
}

/* Dead letters that their channel has not got yet. */
unsigned int chan_nr_dead_letters(const struct chan *ch)
{
	return chan_is_acknowledged(ch) ? READ_ONCE(ch->leases->dead.nr) : 0;
}

/* Messages that are done, and of which the done channel has no notice yet. */
unsigned int chan_nr_notices(const struct chan *ch)
{
	return chan_is_acknowledged(ch) ? READ_ONCE(ch->leases->done.nr) : 0;
}

/* List leases, those of an owner in order of delivery; the time for that is bounded. */
void chan_leases_get(struct chan *ch, struct chan_waiters *list)
{
	struct leases *leases = ch->leases;
	unsigned int owners = 0;
	struct lease_owner *owner;
	struct rb_node *node;
	struct lease *l;

	lockdep_assert_held(&ch->lock);
	for (node = rb_first(&leases->owners); node; node = rb_next(node)) {
		owner = rb_entry(node, struct lease_owner, node);
		list_for_each_entry(l, &owner->list, node) {
			if (list->nr_leases == CHAN_WAITERS_MAX)
				goto out;
			list->leases[list->nr_leases++] = (struct chan_lease){
				.pid = get_pid(owner->pid),
				.id = l->id,
				.seq = l->msg->seq,
				.since = l->since,
				.deliveries = l->msg->deliveries,
			};
		}
		if (++owners == LIST_OWNERS_MAX)
			break;
	}
out:
	list->nr_leases_more = leases->nr - list->nr_leases;
}

static size_t pool_stride(u32 msg_size)
{
	return ALIGN(sizeof(struct msg) + msg_size, 8);
}

/* What a slot costs with its message, beside the slot itself. */
size_t chan_lease_size(u32 msg_size)
{
	size_t size = sizeof(struct lease);

	return size + (msg_size > CHAN_LOCKED_COPY_MAX ? chan_msg_truesize(msg_size) :
							 pool_stride(msg_size));
}

static int pool_make(struct leases *leases, u32 capacity, u32 msg_size)
{
	size_t stride = pool_stride(msg_size);
	struct msg *m;
	u32 i;

	leases->pool = kvmalloc_array(capacity, stride, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!leases->pool)
		return -ENOMEM;
	for (i = capacity; i--;) {
		m = (struct msg *)(leases->pool + i * stride);
		memset(m, 0, sizeof(*m));
		m->data = (u8 *)(m + 1);
		m->next = leases->spare;
		leases->spare = m;
	}
	return 0;
}

/* What a channel with this setup has beside others; NULL without memory. */
struct leases *chan_leases_make(struct chan *ch, const struct gochan_setup *setup,
				const struct chan_targets *targets)
{
	struct leases *leases;
	u32 i;

	leases = kvzalloc(struct_size(leases, array, setup->capacity),
			  GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!leases)
		return NULL;
	if (setup->msg_size <= CHAN_LOCKED_COPY_MAX &&
	    pool_make(leases, setup->capacity, setup->msg_size)) {
		kvfree(leases);
		return NULL;
	}
	leases->ch = ch;
	leases->owners = RB_ROOT;
	leases->index_bits = order_base_2(setup->capacity);
	leases->max_deliveries = setup->max_deliveries;
	for (i = setup->capacity; i--;) {
		leases->array[i].next_free = leases->free;
		leases->free = &leases->array[i];
	}
	chan_forward_start(leases, targets);
	return leases;
}

/* After chan_leases_stop(), once no messages are left. */
void chan_leases_free(struct leases *leases)
{
	if (!leases)
		return;
	chan_forward_free(leases);
	WARN_ON_ONCE(leases->nr || !RB_EMPTY_ROOT(&leases->owners));
	kvfree(leases->pool);
	kvfree(leases);
}
