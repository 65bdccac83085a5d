// SPDX-License-Identifier: GPL-2.0
/*
 * What an acknowledged channel sends by itself (R21): to a dead-letter channel the messages
 * that were returned after max_deliveries deliveries, and to a done channel a notice of each
 * message that is done. Until the other channel has them, messages keep their slots, and a work
 * item sends them there, as that takes the other channel's lock. A channel is a source or a
 * target, never both, so these form no cycles.
 */

#include <linux/slab.h>

#include "lease.h"

#define FORWARD_RETRY	max(HZ / 50, 1)	/* jiffies to wait for memory */

/* ---- setup ---- */

/* Not if it is a source itself, which must not change any more. @to may be NULL. */
static bool may_be_target(const struct chan *ch, struct chan *to)
{
	if (!to)
		return true;
	if (to == ch)
		return false;
	chan_freeze(to);
	return !(to->config.flags & CHAN_FORWARDS);
}

static bool takes_notices(const struct chan *done)
{
	if (done->config.flags & GOCHAN_FIXED)
		return done->config.msg_size == sizeof(struct gochan_done);
	return done->config.msg_size >= sizeof(struct gochan_done);
}

/* May @ch be set up to send there? 0, -EINVAL, -ELOOP. */
int chan_targets_check(const struct chan *ch, const struct chan_targets *targets)
{
	if (targets->dead && targets->dead == targets->done)
		return -EINVAL;
	if (!may_be_target(ch, targets->dead) || !may_be_target(ch, targets->done))
		return -ELOOP;
	return targets->done && !takes_notices(targets->done) ? -EINVAL : 0;
}

/* ---- waiting for the other channel ---- */

static void forward_add(struct forward *fwd, struct msg *m)
{
	lockdep_assert_held(&fwd->leases->ch->lock);
	m->next = NULL;
	*fwd->last = m;
	fwd->last = &m->next;
	WRITE_ONCE(fwd->nr, fwd->nr + 1);
	queue_delayed_work(compat_unbound_wq, &fwd->leases->work, 0);
}

/* A message becomes a dead letter. False if there is no channel for those. */
bool chan_dead_letter(struct leases *leases, struct msg *m)
{
	if (!leases->dead.to)
		return false;
	forward_add(&leases->dead, m);
	return true;
}

/* The notice of a message, which is done with these @flags, is to be sent. */
void chan_notify_done(struct leases *leases, struct msg *m, u32 flags)
{
	m->done_flags = flags;
	forward_add(&leases->done, m);
}

/* Drop a message that keeps a slot. The caller does slot_freed(). */
void chan_drop(struct leases *leases, struct msg *m, struct wake_batch *wb)
{
	leases->dropped++;
	chan_acked_done(leases->ch, m, GOCHAN_DONE_DEAD, wb);
}

/* ---- forwarding ---- */

static struct msg *forward_pop(struct forward *fwd)
{
	struct chan *ch = fwd->leases->ch;
	struct msg *m;

	spin_lock(&ch->lock);
	m = fwd->first;
	if (m)
		fwd->first = m->next;
	if (m && !m->next)
		fwd->last = &fwd->first;
	spin_unlock(&ch->lock);
	return m;
}

static void forward_push_back(struct forward *fwd, struct msg *m)
{
	struct chan *ch = fwd->leases->ch;

	spin_lock(&ch->lock);
	m->next = fwd->first;
	fwd->first = m;
	if (!m->next)
		fwd->last = &m->next;
	spin_unlock(&ch->lock);
}

/* A message was forwarded or, if the other channel refused it, dropped. */
static void forwarded(struct forward *fwd, struct msg *m, bool dropped)
{
	struct leases *leases = fwd->leases;
	struct chan *ch = leases->ch;
	struct wake_batch wb __uninitialized;

	wake_batch_init(&wb);
	chan_lock(ch);
	WRITE_ONCE(fwd->nr, fwd->nr - 1);
	if (fwd == &leases->done) {
		chan_acked_free(ch, m, &wb);
	} else {
		leases->dropped += dropped;
		chan_acked_done(ch, m, GOCHAN_DONE_DEAD, &wb);
	}
	slot_freed(ch, &wb);
	chan_lease_unlock(ch, &wb);
}

/* A copy, as the message stays in the pool, or with others that refer to it. */
static struct msg *make_letter(const struct msg *m)
{
	struct msg *copy = chan_msg_alloc(m->len);

	if (copy)
		memcpy(copy->data, m->data, m->len);
	return copy;
}

static struct msg *make_notice(const struct chan *ch, const struct msg *m)
{
	struct msg *notice = chan_msg_alloc(sizeof(struct gochan_done));

	if (!notice)
		return NULL;
	*(struct gochan_done *)notice->data = (struct gochan_done){
		.channel = ch->config.id,
		.seq = m->seq,
		.deliveries = m->deliveries,
		.flags = m->done_flags,
	};
	return notice;
}

/*
 * Its sender is who has set up the source: that of the message may never have sent anything
 * to the other channel, and is not known without GOCHAN_CRED.
 */
static int forward_one(struct forward *fwd, const struct msg *m)
{
	struct leases *leases = fwd->leases;
	struct msg *new;
	int err;

	new = fwd == &leases->done ? make_notice(leases->ch, m) : make_letter(m);
	if (!new)
		return -ENOMEM;
	origin_copy(&new->from, &leases->creator);
	err = chan_send_msg(fwd->to, new);
	if (err)
		chan_msg_put(new);
	return err;
}

/*
 * Forward what the other channel takes; on_slot() goes on where that is full. False for want of
 * memory. Only this takes messages out of the list, so that they keep their order.
 */
static bool forward_all(struct forward *fwd)
{
	struct msg *m;
	int err;

	while ((m = forward_pop(fwd))) {
		err = forward_one(fwd, m);
		if (err == -EAGAIN || err == -ENOMEM) {
			forward_push_back(fwd, m);
			return err == -EAGAIN;
		}
		forwarded(fwd, m, err);
		cond_resched();
	}
	return true;
}

static void leases_work(struct work_struct *work)
{
	struct leases *leases = container_of(work, struct leases, work.work);
	struct wake_batch wb __uninitialized;
	bool retry;

	wake_batch_init(&wb);
	chan_lock(leases->ch);
	chan_lease_dispatch(leases->ch, &wb);
	/* A receive may have taken the last message before those that wait. */
	chan_lease_unlock(leases->ch, &wb);
	/* Dead letters that are forwarded have notices. */
	retry = !forward_all(&leases->dead);
	retry |= !forward_all(&leases->done);
	if (retry)
		queue_delayed_work(compat_unbound_wq, &leases->work, FORWARD_RETRY);
}

/*
 * The other channel may take a message. Whoever has added one to the list has counted it before
 * the work item found that channel full, under the lock of that channel.
 */
static int on_slot(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key)
{
	struct forward *fwd = container_of(entry, struct forward, on_slot);

	if (READ_ONCE(fwd->nr))
		queue_delayed_work(compat_unbound_wq, &fwd->leases->work, 0);
	return 0;
}

/* ---- life ---- */

/* Begin to use the channel @to, or NULL. The source is a handle that may send there. */
static void forward_start(struct leases *leases, struct forward *fwd, struct chan *to)
{
	fwd->leases = leases;
	fwd->last = &fwd->first;
	fwd->to = to;
	if (!to)
		return;
	chan_get(to);
	chan_add_handle(to, true, false);
	chan_note_poller(to);
	init_waitqueue_func_entry(&fwd->on_slot, on_slot);
	add_wait_queue(&to->out_wait, &fwd->on_slot);
}

void chan_forward_start(struct leases *leases, const struct chan_targets *targets)
{
	leases->creator.pid = get_pid(task_tgid(current));
	leases->creator.uid = current_euid();
	leases->creator.gid = current_egid();
	INIT_DELAYED_WORK(&leases->work, leases_work);
	forward_start(leases, &leases->dead, targets->dead);
	forward_start(leases, &leases->done, targets->done);
}

static void forward_stop(struct forward *fwd)
{
	if (fwd->to)
		remove_wait_queue(&fwd->to->out_wait, &fwd->on_slot);
}

/*
 * The channel is about to be freed, or could not be set up: nobody else uses it. What the other
 * channels take at once is still forwarded, so a process may acknowledge and then close.
 */
void chan_leases_stop(struct leases *leases)
{
	if (!leases)
		return;
	forward_stop(&leases->dead);
	forward_stop(&leases->done);
	flush_delayed_work(&leases->work);
	cancel_delayed_work_sync(&leases->work);
}

/* Drop what was not forwarded. */
static void forward_free(struct forward *fwd)
{
	struct msg *m;

	if (fwd->leases->pool) {
		for (m = fwd->first; m; m = m->next)
			origin_drop(&m->from);
	} else {
		chan_msg_put_list(fwd->first);
	}
	if (!fwd->to)
		return;
	chan_drop_handle(fwd->to, true, false);
	chan_put(fwd->to);
}

void chan_forward_free(struct leases *leases)
{
	forward_free(&leases->dead);
	forward_free(&leases->done);
	origin_drop(&leases->creator);
}
