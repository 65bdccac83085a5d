// SPDX-License-Identifier: GPL-2.0
/*
 * Dead letters (R21): messages that were returned max_deliveries times. They keep their slots
 * until the dead-letter channel has them, and a work item sends them there, as that takes the
 * other channel's lock. A channel is a source or a target of dead letters, never both, so
 * these form no cycles.
 */

#include <linux/slab.h>

#include "lease.h"

#define FORWARD_RETRY	max(HZ / 50, 1)	/* jiffies to wait for memory */

/* A message was returned too often. False if there is no dead-letter channel. */
bool chan_give_up(struct leases *leases, struct msg *m)
{
	lockdep_assert_held(&leases->ch->lock);
	if (!leases->dead)
		return false;
	m->next = NULL;
	*leases->last_given_up = m;
	leases->last_given_up = &m->next;
	WRITE_ONCE(leases->nr_given_up, leases->nr_given_up + 1);
	queue_delayed_work(compat_unbound_wq, &leases->work, 0);
	return true;
}

/* Drop a message that keeps a slot. The caller does slot_freed(). */
void chan_drop(struct leases *leases, struct msg *m, struct wake_batch *wb)
{
	leases->dropped++;
	chan_acked_done(leases->ch, m, wb);
}

static struct msg *pop_given_up(struct leases *leases)
{
	struct msg *m;

	spin_lock(&leases->ch->lock);
	m = leases->given_up;
	if (m)
		leases->given_up = m->next;
	if (m && !m->next)
		leases->last_given_up = &leases->given_up;
	spin_unlock(&leases->ch->lock);
	return m;
}

static void push_back_given_up(struct leases *leases, struct msg *m)
{
	spin_lock(&leases->ch->lock);
	m->next = leases->given_up;
	leases->given_up = m;
	if (!m->next)
		leases->last_given_up = &m->next;
	spin_unlock(&leases->ch->lock);
}

/* A message that was given up has left the channel, and its slot is free. */
static void given_up_left(struct leases *leases, struct msg *m, bool dropped)
{
	struct chan *ch = leases->ch;
	struct wake_batch wb __uninitialized;

	wake_batch_init(&wb);
	chan_lock(ch);
	WRITE_ONCE(leases->nr_given_up, leases->nr_given_up - 1);
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
	while ((m = pop_given_up(leases))) {
		err = forward(leases, m);
		if (err == -EAGAIN || err == -ENOMEM) {
			push_back_given_up(leases, m);
			/* Else on_slot() goes on. */
			if (err == -ENOMEM)
				queue_delayed_work(compat_unbound_wq, &leases->work,
						   FORWARD_RETRY);
			return;
		}
		given_up_left(leases, m, err);
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

	if (READ_ONCE(leases->nr_given_up))
		queue_delayed_work(compat_unbound_wq, &leases->work, 0);
	return 0;
}

/* Begin to use a dead-letter channel, or NULL. The source is a handle that may send there. */
void chan_deadletter_start(struct leases *leases, struct chan *dead)
{
	leases->creator.pid = get_pid(task_tgid(current));
	leases->creator.uid = current_euid();
	leases->creator.gid = current_egid();
	leases->last_given_up = &leases->given_up;
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
		for (m = leases->given_up; m; m = m->next)
			origin_drop(&m->from);
	} else {
		chan_msg_put_list(leases->given_up);
	}
	origin_drop(&leases->creator);
	if (!leases->dead)
		return;
	chan_drop_handle(leases->dead, true, false);
	chan_put(leases->dead);
}
