// SPDX-License-Identifier: GPL-2.0
/*
 * Channels: invariants and locking; life, setup, handles, close, state. Sending
 * is in send.c, receiving in recv.c, waiting in waitq.c, waking in wake.c.
 *
 * Whenever a channel's lock is free ("buffered" means in the ring or requeued; an
 * op is "live" unless it belongs to a select that was claimed for another op):
 *
 * I1. A live receive is queued only while nothing is buffered and no live send
 *     but of its own select is queued.
 * I2. A live send is queued only while no slot is free and no live receive but
 *     of its own select is queued. (The slot of a message that a receiver has
 *     taken without being charged is not free until it is copied: ring.kept. An
 *     acknowledged channel has both senders and receivers queued while all slots are
 *     kept for leases, see lease.c.)
 * I3. On a channel that is closed or hung up no op is queued that would wait forever:
 *     no send, and no receive once nothing is buffered. (The state is set first, so
 *     that no op joins; then chan_flush_waiters() fails those queued, a few at a time.)
 * I4. A message is in one place: at its sender, buffered, or at its receiver.
 *     What is buffered leaves in the order of sending (seq); requeued messages
 *     are older than those in the ring.
 * I5. A queued send is staged: its payload is in kernel memory, in the form in
 *     which the ring takes it, and charged if it is on the heap.
 * I6. A message on the heap is charged to its owner's user, unless it occupies a slot or
 *     is staged by a send that does not wait (CHAN_UNCHARGED_MAX at most). One that is
 *     pinned by a receiver is charged to that receiver's user as well.
 *
 * Locking: one channel's lock at a time, never two. Inside it only those of quotas,
 * deferred wakeups, timers, pids, workqueues, the allocator (freeing) and the scheduler are
 * taken; poll wait queues are woken without it. No lock is held across a copy that may fault.
 */

#include <linux/slab.h>
#include <linux/xarray.h>

#include "chan_priv.h"
#include "xfer.h"

static struct kmem_cache *chan_cache;
static atomic64_t last_id;

/*
 * All channels, by id, for debugfs. Its own lock is taken when a channel is made, freed or
 * looked for, and never by an operation.
 */
static DEFINE_XARRAY_FLAGS(channels, XA_FLAGS_ACCOUNT);

int chan_init(void)
{
	int err;

	chan_cache = kmem_cache_create("gochan_chan", sizeof(struct chan), 0,
				       SLAB_ACCOUNT, NULL);
	if (!chan_cache)
		return -ENOMEM;
	err = chan_msg_init();
	if (err)
		kmem_cache_destroy(chan_cache);
	return err;
}

void chan_exit(void)
{
	chan_msg_exit();
	kmem_cache_destroy(chan_cache);
}

/* End an operation, whose op is in no queue. */
void chan_op_release(struct chan_op *op)
{
	chan_msg_put_list(op->msg);
	if (op->dir == CHAN_RECV)
		chan_owner_put(op->owner);
	else if (op->file)
		fput(op->file);
	origin_drop(&op->from);
	gochan_user_put(op->user);
}

/* Would the op succeed or fail now? */
static bool op_ready(const struct chan_op *op)
{
	struct chan *ch = op->ch;

	if (op->dir == CHAN_SEND)
		return send_broken(ch) || has_free_slot(ch) ||
		       (!ch->leases && waitq_first(ch, CHAN_RECV));
	return chan_has_message(ch, NULL) || at_eof(ch);
}

/* May an op succeed or fail now? A hint without the lock, to be checked with it. */
bool chan_ready_hint(struct chan *ch, enum chan_dir dir)
{
	/* a hint, see above */
	if (data_race(ch->waitqs[!dir].len) && !ch->leases)
		return true;
	if (dir == CHAN_RECV)
		/* likewise */
		return data_race(nr_buffered(ch) || at_eof(ch));
	/* likewise */
	return data_race(has_free_slot(ch) || send_broken(ch));
}

/**
 * chan_queue_ops() - queue the ops of a select on one channel, unless one is ready
 * @send: a staged send, or NULL
 * @recv: a receive on the same channel, or NULL
 * @w: the select's waiter
 *
 * Return: true when they are queued, false when one of them need not wait.
 */
bool chan_queue_ops(struct chan_op *send, struct chan_op *recv, struct waiter *w)
{
	struct chan *ch = send ? send->ch : recv->ch;
	struct wake_batch wb __uninitialized;
	bool ready;

	wake_batch_init(&wb);
	spin_lock(&ch->lock);
	ready = (send && op_ready(send)) || (recv && op_ready(recv));
	if (!ready && send) {
		send->waiter = w;
		waitq_add(ch, send, CHAN_SEND, &wb);
	}
	if (!ready && recv) {
		recv->waiter = w;
		waitq_add(ch, recv, CHAN_RECV, &wb);
	}
	chan_unlock(ch, &wb);
	return !ready;
}

/* ---- close and hangup ---- */

/* Complete some waiters of a direction that ended; false when there are none. */
static bool fail_waiters(struct chan *ch, enum chan_dir dir, int result,
			 struct wake_batch *wb)
{
	unsigned int n;

	lockdep_assert_held(&ch->lock);
	for (n = 0; n < ARRAY_SIZE(wb->tasks) / 2; n++) {
		struct chan_op *op = chan_waitq_claim_first(ch, dir);

		if (!op)
			break;
		waiter_complete(op, result, wb);
	}
	return n;
}

/* The channel was closed or hung up: fail its waiters and tell pollers (I3). */
void chan_flush_waiters(struct chan *ch)
{
	bool more, first = true;
	struct wake_batch wb __uninitialized;

	do {
		more = false;
		wake_batch_init(&wb);
		chan_lock(ch);
		if (send_broken(ch))
			more |= fail_waiters(ch, CHAN_SEND, -EPIPE, &wb) ||
				chan_xfer_fail_one(ch, &wb);
		if (at_eof(ch))
			more |= fail_waiters(ch, CHAN_RECV, GOCHAN_R_CLOSED, &wb);
		if (first && (send_broken(ch) || no_senders(ch)))
			wb.events |= WAKE_ENDED;
		first = false;
		chan_unlock(ch, &wb);
		cond_resched();
	} while (more);
}

/**
 * chan_close() - Go's close(ch)
 * @ch: the channel
 * @even_named: close it even if it has a name
 *
 * Return: 0; -EALREADY if it is closed; -EPERM if it has a name and @even_named is false.
 */
int chan_close(struct chan *ch, bool even_named)
{
	int err = 0;

	spin_lock(&ch->lock);
	if (ch->named && !even_named)
		err = -EPERM;
	else if (ch->closed)
		err = -EALREADY;
	else
		ch->closed = true;
	if (!err)
		trace_gochan_close(ch->config.id);
	spin_unlock(&ch->lock);
	if (err)
		return err;
	chan_flush_waiters(ch);
	return 0;
}

/* Sides that are hung up, and not because the channel is closed: a bit for each. */
static unsigned int hung_up(const struct chan *ch)
{
	if (ch->closed)
		return 0;
	return no_senders(ch) << CHAN_SEND | send_broken(ch) << CHAN_RECV;
}

/* Not once all handles are gone: then there is nothing left to hang up. */
static void trace_hangup(const struct chan *ch, unsigned int before)
{
	unsigned int dir;

	for (dir = CHAN_SEND; dir <= CHAN_RECV; dir++) {
		if (ch->handles[!dir] && hung_up(ch) & ~before & 1U << dir)
			trace_gochan_hangup(ch->config.id, dir);
	}
}

void chan_add_handle(struct chan *ch, bool may_send, bool may_receive)
{
	spin_lock(&ch->lock);
	ch->handles[CHAN_SEND] += may_send;
	ch->handles[CHAN_RECV] += may_receive;
	ch->had_sender |= may_send;
	ch->had_receiver |= may_receive;
	spin_unlock(&ch->lock);
}

/* A handle was released; the last one hangs up its side. */
void chan_drop_handle(struct chan *ch, bool may_send, bool may_receive)
{
	unsigned int before;
	bool ended;

	spin_lock(&ch->lock);
	before = hung_up(ch);
	ch->handles[CHAN_SEND] -= may_send;
	ch->handles[CHAN_RECV] -= may_receive;
	trace_hangup(ch, before);
	ended = send_broken(ch) || no_senders(ch);
	spin_unlock(&ch->lock);
	if (ended)
		chan_flush_waiters(ch);
}

/* ---- names ---- */

/* The channel is named: it can no longer be set up, nor hangs up as an unnamed one does. */
void chan_set_named(struct chan *ch)
{
	chan_freeze(ch);
	spin_lock(&ch->lock);
	ch->named = true;
	/* For GOCHAN_HANGUP the handle that names it does not count. */
	ch->had_sender = ch->handles[CHAN_SEND] > 1;
	ch->had_receiver = ch->handles[CHAN_RECV] > 1;
	spin_unlock(&ch->lock);
}

/* The name was removed, which may hang up the channel. */
void chan_clear_named(struct chan *ch)
{
	unsigned int before;

	spin_lock(&ch->lock);
	before = hung_up(ch);
	ch->named = false;
	trace_hangup(ch, before);
	spin_unlock(&ch->lock);
	chan_flush_waiters(ch);
}

/* ---- state ---- */

static __poll_t poll_mask(struct chan *ch, bool may_send, bool may_receive)
{
	__poll_t mask = 0;
	bool found;

	lockdep_assert_held(&ch->lock);
	if (may_receive) {
		found = chan_has_message(ch, NULL);
		if (found)
			mask |= EPOLLIN | EPOLLRDNORM;
		if (no_senders(ch))
			mask |= at_eof(ch) ? EPOLLRDHUP | EPOLLHUP : EPOLLRDHUP;
	}
	if (may_send) {
		if (send_broken(ch))
			mask |= EPOLLOUT | EPOLLWRNORM |
				(may_receive ? 0 : EPOLLERR);
		else if (has_free_slot(ch) ||
			 (!ch->leases && waitq_first(ch, CHAN_RECV)))
			mask |= EPOLLOUT | EPOLLWRNORM;
	}
	return mask;
}

/**
 * chan_poll() - poll(2) on a handle
 * @ch: the channel
 * @file: the handle
 * @pt: the poll table
 *
 * Return: the events that hold now.
 */
__poll_t chan_poll(struct chan *ch, struct file *file, poll_table *pt)
{
	__poll_t mask;

	chan_note_poller(ch);
	if (file->f_mode & FMODE_READ)
		poll_wait(file, &ch->in_wait, pt);
	if (file->f_mode & FMODE_WRITE)
		poll_wait(file, &ch->out_wait, pt);
	spin_lock(&ch->lock);
	mask = poll_mask(ch, file->f_mode & FMODE_WRITE, file->f_mode & FMODE_READ);
	spin_unlock(&ch->lock);
	return mask;
}

/**
 * chan_info() - the state of a channel at one instant
 * @ch: the channel
 * @info: its state; all of it is written
 * @waiters: its waiters, to be released by chan_waiters_put(); or NULL
 */
void chan_info(struct chan *ch, struct gochan_info *info, struct chan_waiters *waiters)
{
	memset(info, 0, sizeof(*info));
	info->abi = GOCHAN_ABI;
	info->id = ch->config.id;

	spin_lock(&ch->lock);
	info->flags = ch->config.flags;
	info->capacity = ch->config.capacity;
	info->msg_size = ch->config.msg_size;
	info->len = nr_buffered(ch);
	info->closed = ch->closed;
	info->senders_waiting = ch->waitqs[CHAN_SEND].len;
	info->receivers_waiting = ch->waitqs[CHAN_RECV].len;
	info->send_handles = ch->handles[CHAN_SEND];
	info->recv_handles = ch->handles[CHAN_RECV];
	/* A message that was taken and will be requeued counts as received. */
	info->sent = ch->last_seq;
	info->received = info->sent - nr_buffered(ch);
	info->bytes = ch->bytes;
	info->requeued = ch->requeued_total;
	info->send_blocked = ch->waitqs[CHAN_SEND].nr_blocked;
	info->recv_blocked = ch->waitqs[CHAN_RECV].nr_blocked;
	if (ch->leases)
		chan_lease_info(ch, info);
	if (waiters)
		chan_waiters_get(ch, waiters);
	spin_unlock(&ch->lock);
}

/* Size of the message that a receive would find, 0 when there is none. */
size_t chan_next_len(struct chan *ch)
{
	size_t len = 0;

	spin_lock(&ch->lock);
	chan_has_message(ch, &len);
	spin_unlock(&ch->lock);
	return len;
}

/* ---- setup ---- */

static bool setup_valid(const struct gochan_setup *s)
{
	const u32 known = GOCHAN_FIXED | GOCHAN_HANGUP | GOCHAN_CRED | GOCHAN_ACK |
			  CHAN_FORWARDS;

	if ((s->flags & ~known) ||
	    ((s->flags & GOCHAN_ACK) && !s->capacity) ||
	    (!(s->flags & GOCHAN_ACK) && (s->max_deliveries || (s->flags & CHAN_FORWARDS))) ||
	    (!(s->flags & GOCHAN_DEADLETTER) && s->dead_fd) ||
	    (!(s->flags & GOCHAN_DONE) && s->done_fd) ||
	    s->capacity > READ_ONCE(gochan_max_capacity) ||
	    s->msg_size > READ_ONCE(gochan_max_msg_size))
		return false;
	return s->msg_size || !(s->flags & GOCHAN_FIXED);
}

static u32 slot_size(u32 msg_size, u32 flags)
{
	if (msg_size > CHAN_LOCKED_COPY_MAX || (flags & GOCHAN_ACK))
		return sizeof(struct slot);
	return ALIGN(max(sizeof(struct slot),
			 offsetof(struct slot, data) + msg_size), 8);
}

/* What the creator is charged for the slots, whether they hold messages or pointers. */
static u64 slots_charge(u32 capacity, u32 msg_size, u32 flags)
{
	u64 bytes = sizeof(struct slot);

	if (flags & GOCHAN_ACK)
		bytes += chan_lease_size(msg_size);
	else
		bytes += msg_size;
	return capacity * bytes;
}

/* It is too late for setup from here on. */
static void freeze_locked(struct chan *ch)
{
	u8 fast = CHAN_FAST_NONE;

	lockdep_assert_held(&ch->lock);
	if (!(ch->config.flags & (GOCHAN_FIXED | GOCHAN_CRED | GOCHAN_DONE)) && !ch->indirect)
		fast = ch->pooled ? CHAN_FAST_ACKED : CHAN_FAST;
	/* Pairs with chan_fast_ok(). */
	smp_store_release(&ch->config.fast, fast);
	/* Pairs with chan_freeze(). */
	smp_store_release(&ch->config.frozen, true);
}

void chan_freeze_slow(struct chan *ch)
{
	spin_lock(&ch->lock);
	freeze_locked(ch);
	spin_unlock(&ch->lock);
}

/* Configure the channel, unless it was used meanwhile. */
static int setup_locked(struct chan *ch, const struct gochan_setup *setup,
			void *slots, struct leases *leases)
{
	lockdep_assert_held(&ch->lock);
	if (ch->config.frozen)
		return -EBUSY;
	ch->config.capacity = setup->capacity;
	ch->config.msg_size = setup->msg_size;
	ch->config.flags = setup->flags;
	ch->indirect = setup->capacity && setup->msg_size > CHAN_LOCKED_COPY_MAX;
	ch->pooled = leases && !ch->indirect;
	ch->ring.capacity = setup->capacity;
	ch->ring.stride = slot_size(setup->msg_size, setup->flags);
	ch->ring.slots = slots;
	ch->leases = leases;
	freeze_locked(ch);
	return 0;
}

/**
 * chan_setup() - choose capacity, message size and flags
 * @ch: a channel that was not used yet
 * @setup: what is chosen
 * @targets: to which channels it sends by itself
 *
 * Return: 0; -EBUSY when it is too late; -ELOOP when a target is @ch, or has targets of
 * its own; -EINVAL, -ENOMEM, -EDQUOT.
 */
int chan_setup(struct chan *ch, const struct gochan_setup *setup,
	       const struct chan_targets *targets)
{
	u64 bytes = slots_charge(setup->capacity, setup->msg_size, setup->flags);
	struct leases *leases = NULL;
	void *slots = NULL;
	int err;

	if (!setup_valid(setup))
		return -EINVAL;
	/* Pairs with freeze_locked(); setup_locked() decides. */
	if (smp_load_acquire(&ch->config.frozen))
		return -EBUSY;
	err = chan_targets_check(ch, targets);
	if (err)
		return err;
	err = gochan_charge(ch->charged_to, QUOTA_BYTES, bytes);
	if (err)
		return err;
	if (setup->capacity) {
		err = -ENOMEM;
		slots = kvmalloc_array(setup->capacity,
				       slot_size(setup->msg_size, setup->flags),
				       GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!slots)
			goto uncharge;
	}
	if (setup->flags & GOCHAN_ACK) {
		err = -ENOMEM;
		leases = chan_leases_make(ch, setup, targets);
		if (!leases)
			goto free;
	}
	spin_lock(&ch->lock);
	err = setup_locked(ch, setup, slots, leases);
	spin_unlock(&ch->lock);
	if (err)
		goto free;
	trace_gochan_setup(&ch->config);
	return 0;

free:
	chan_leases_stop(leases);
	chan_leases_free(leases);
	kvfree(slots);
uncharge:
	gochan_uncharge(ch->charged_to, QUOTA_BYTES, bytes);
	return err;
}

/* ---- life ---- */

/* make(chan T), unbuffered: one reference, charged to the caller; -ENOMEM, -EDQUOT. */
struct chan *chan_make(void)
{
	struct chan *ch = kmem_cache_zalloc(chan_cache, GFP_KERNEL);
	int err = -ENOMEM;

	if (!ch)
		return ERR_PTR(-ENOMEM);
	ch->charged_to = gochan_user_get();
	if (!ch->charged_to)
		goto free;
	err = gochan_charge(ch->charged_to, QUOTA_CHANNELS, 1);
	if (err)
		goto put_user;

	kref_init(&ch->ref);
	ch->config.id = atomic64_inc_return(&last_id);
	ch->config.msg_size = GOCHAN_DEFAULT_MSG_SIZE;
	spin_lock_init(&ch->lock);
	INIT_LIST_HEAD(&ch->waitqs[CHAN_SEND].ops);
	INIT_LIST_HEAD(&ch->waitqs[CHAN_RECV].ops);
	ch->requeued = RB_ROOT;
	INIT_LIST_HEAD(&ch->offered);
	chan_defer_init(ch);
	init_waitqueue_head(&ch->in_wait);
	init_waitqueue_head(&ch->out_wait);
	chan_coarse_adjust();
	/* From here on it can be found. */
	err = xa_insert(&channels, ch->config.id, ch, GFP_KERNEL);
	if (err)
		goto uncharge;
	trace_gochan_create(ch->config.id);
	return ch;

uncharge:
	gochan_uncharge(ch->charged_to, QUOTA_CHANNELS, 1);
put_user:
	gochan_user_put(ch->charged_to);
free:
	kmem_cache_free(chan_cache, ch);
	return ERR_PTR(err);
}

static void drop_messages(struct chan *ch)
{
	struct msg *m, *next;

	for (; ch->ring.len; ring_pop(&ch->ring)) {
		struct slot *slot = ring_first(&ch->ring);

		origin_drop(&slot->from);
		if (ch->indirect)
			chan_msg_put(slot->msg);
		cond_resched();
	}
	rbtree_postorder_for_each_entry_safe(m, next, &ch->requeued, node) {
		if (ch->pooled)
			origin_drop(&m->from);
		else
			chan_msg_put(m);
		cond_resched();
	}
}

/* The last reference was dropped under the lock of the list, see chan_find(). */
static void chan_free(struct kref *ref)
	__releases(&channels.xa_lock)
{
	struct chan *ch = container_of(ref, struct chan, ref);

	__xa_erase(&channels, ch->config.id);
	xa_unlock(&channels);
	trace_gochan_free(ch->config.id, nr_buffered(ch));
	hrtimer_cancel(&ch->defer_timer);
	chan_leases_stop(ch->leases);
	drop_messages(ch);
	chan_leases_free(ch->leases);
	kvfree(ch->ring.slots);
	gochan_uncharge(ch->charged_to, QUOTA_BYTES,
			slots_charge(ch->config.capacity, ch->config.msg_size,
				     ch->config.flags));
	gochan_uncharge(ch->charged_to, QUOTA_CHANNELS, 1);
	gochan_user_put(ch->charged_to);
	kmem_cache_free(chan_cache, ch);
}

void chan_get(struct chan *ch)
{
	kref_get(&ch->ref);
}

void chan_put(struct chan *ch)
{
	kref_put_lock(&ch->ref, chan_free, &channels.xa_lock);
}

/* The channel with the least id from @id on, counted; NULL if there is none. */
struct chan *chan_find(u64 id)
{
	unsigned long index = id;
	struct chan *ch;

	/* One that is listed has references: the last one is dropped under the lock. */
	xa_lock(&channels);
	ch = xa_find(&channels, &index, ULONG_MAX, XA_PRESENT);
	if (ch)
		kref_get(&ch->ref);
	xa_unlock(&channels);
	return ch;
}
