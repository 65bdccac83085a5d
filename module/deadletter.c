// SPDX-License-Identifier: GPL-2.0
/*
 * Dead letters (R21): messages returned after max_deliveries deliveries. They keep their slots
 * until the dead-letter channel has them, and a work item sends them there, as that takes the
 * other channel's lock. A channel is a source or a target of dead letters, never both, so
 * these form no cycles.
 */

#include <linux/slab.h>

#include "lease.h"

#define FORWARD_RETRY	max(HZ / 50, 1)	/* jiffies to wait for memory */

/* A message becomes a dead letter. False if there is no channel for those. */
bool chan_dead_letter(struct leases *leases, struct msg *m)
{
	lockdep_assert_held(&leases->ch->lock);
	if (!leases->dead)
		return false;
	m->next = NULL;
	*leases->last_dead_letter = m;
	leases->last_dead_letter = &m->next;
	WRITE_ONCE(leases->nr_dead_letters, leases->nr_dead_letters + 1);
	queue_delayed_work(compat_unbound_wq, &leases->work, 0);
	return true;
}

/* Drop a message that keeps a slot. The caller does slot_freed(). */
void chan_drop(struct leases *leases, struct msg *m, struct wake_batch *wb)
{
	leases->dropped++;
	chan_acked_done(leases->ch, m, wb);
}

static struct msg *pop_dead_letter(struct leases *leases)
{
	struct msg *m;

	spin_lock(&leases->ch->lock);
	m = leases->dead_letters;
	if (m)
		leases->dead_letters = m->next;
	if (m && !m->next)
		leases->last_dead_letter = &leases->dead_letters;
	spin_unlock(&leases->ch->lock);
	return m;
}

static void push_back_dead_letter(struct leases *leases, struct msg *m)
{
	spin_lock(&leases->ch->lock);
	m->next = leases->dead_letters;
	leases->dead_letters = m;
	if (!m->next)
		leases->last_dead_letter = &m->next;
	spin_unlock(&leases->ch->lock);
}

/* A dead letter has left the channel, and its slot is free. */
static void dead_letter_left(struct leases *leases, struct msg *m, bool dropped)
{
	struct chan *ch = leases->ch;
	struct wake_batch wb __uninitialized;

	wake_batch_init(&wb);
	chan_lock(ch);
	WRITE_ONCE(leases->nr_dead_letters, leases->nr_dead_letters - 1);
	leases->dropped += dropped;
	chan_acked_done(ch, m, &wb);
	slot_freed(ch, &wb);
	chan_lease_unlock(ch, &wb);
}

/*
 * Send a copy, as the message stays in the pool, or with others that refer to it. Its sender
 * is who has set up the source: that of the message may never have sent anything to the
 * dead-letter channel, and is not known without GOCHAN_CRED.
 */
static int forward(struct leases *leases, const struct msg *m)
{
	struct msg *copy = chan_msg_alloc(m->len);
	int err;

	if (!copy)
		return -ENOMEM;
	memcpy(copy->data, m->data, m->len);
	origin_copy(&copy->from, &leases->creator);
	err = chan_send_msg(leases->dead, copy);
	if (err)
		chan_msg_put(copy);
	return err;
}

/* Only this takes messages out of the list, so that they keep their order. */
static void leases_work(struct work_struct *work)
{
	struct leases *leases = container_of(work, struct leases, work.work);
	struct wake_batch wb __uninitialized;
	struct msg *m;
	int err;

	wake_batch_init(&wb);
	chan_lock(leases->ch);
	chan_lease_dispatch(leases->ch, &wb);
	/* A receive may have taken the last message before those that wait. */
	chan_lease_unlock(leases->ch, &wb);
	while ((m = pop_dead_letter(leases))) {
		err = forward(leases, m);
		if (err == -EAGAIN || err == -ENOMEM) {
			push_back_dead_letter(leases, m);
			/* Else on_slot() goes on. */
			if (err == -ENOMEM)
				queue_delayed_work(compat_unbound_wq, &leases->work,
						   FORWARD_RETRY);
			return;
		}
		dead_letter_left(leases, m, err);
		cond_resched();
	}
}

/*
 * The dead-letter channel may take a message. Whoever gave one up has counted it before the
 * work item found that channel full, under the lock of that channel.
 */
static int on_slot(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key)
{
	struct leases *leases = container_of(entry, struct leases, on_slot);

	if (READ_ONCE(leases->nr_dead_letters))
		queue_delayed_work(compat_unbound_wq, &leases->work, 0);
	return 0;
}

/* Begin to use a dead-letter channel, or NULL. The source is a handle that may send there. */
void chan_deadletter_start(struct leases *leases, struct chan *dead)
{
	leases->creator.pid = get_pid(task_tgid(current));
	leases->creator.uid = current_euid();
	leases->creator.gid = current_egid();
	leases->last_dead_letter = &leases->dead_letters;
	INIT_DELAYED_WORK(&leases->work, leases_work);
	leases->dead = dead;
	if (!dead)
		return;
	chan_get(dead);
	chan_add_handle(dead, true, false);
	chan_note_poller(dead);
	init_waitqueue_func_entry(&leases->on_slot, on_slot);
	add_wait_queue(&dead->out_wait, &leases->on_slot);
}

/* The channel is about to be freed, or could not be set up: nobody else uses it. */
void chan_leases_stop(struct leases *leases)
{
	if (!leases)
		return;
	if (leases->dead)
		remove_wait_queue(&leases->dead->out_wait, &leases->on_slot);
	cancel_delayed_work_sync(&leases->work);
}

/* Drop what was not forwarded. */
void chan_deadletter_free(struct leases *leases)
{
	struct msg *m;

	if (leases->pool) {
		for (m = leases->dead_letters; m; m = m->next)
			origin_drop(&m->from);
	} else {
		chan_msg_put_list(leases->dead_letters);
	}
	origin_drop(&leases->creator);
	if (!leases->dead)
		return;
	chan_drop_handle(leases->dead, true, false);
	chan_put(leases->dead);
}
