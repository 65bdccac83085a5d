// SPDX-License-Identifier: GPL-2.0
/*
 * Heap messages: allocation, references and charging.
 *
 * A message has one owner at a time: its sender, the channel, or the receiver
 * that has taken it. It is charged to the owner's user, or to nobody while it
 * occupies a slot of the ring, which was charged at setup. The owner changes
 * under the channel's lock, and the charge with it (chan_msg_recharge()). Receivers
 * that pin a message without owning it are charged by themselves (chan_op_pin()).
 *
 * Nothing here takes the channel's lock. Charging is atomic and may be done
 * under it; allocating may sleep.
 */

#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "msg.h"
#include "quota.h"

#define MSG_CACHED_MAX	4096	/* longer payloads are allocated on their own */

/* Messages with a payload of up to @size bytes. */
struct msg_class {
	size_t size;
	const char *name;
	struct kmem_cache *cache;
};

static struct msg_class msg_classes[] = {
	{ 256, "gochan_msg_256" },
	{ 512, "gochan_msg_512" },
	{ 1024, "gochan_msg_1k" },
	{ 2048, "gochan_msg_2k" },
	{ 4096, "gochan_msg_4k" },
};

/* With a constructor init_on_alloc does not zero what is going to be written anyway. */
static void msg_construct(void *p)
{
}

int chan_msg_init(void)
{
	struct msg_class *c = msg_classes;

	for (; c < msg_classes + ARRAY_SIZE(msg_classes); c++) {
		c->cache = kmem_cache_create_usercopy(c->name,
						      sizeof(struct msg) + c->size, 8,
						      SLAB_ACCOUNT, sizeof(struct msg),
						      c->size, msg_construct);
		if (!c->cache) {
			chan_msg_exit();
			return -ENOMEM;
		}
	}
	return 0;
}

void chan_msg_exit(void)
{
	struct msg_class *c = msg_classes;

	for (; c < msg_classes + ARRAY_SIZE(msg_classes); c++)
		kmem_cache_destroy(c->cache);
}

/* The class of a message of at most MSG_CACHED_MAX bytes. */
static const struct msg_class *msg_class(size_t len)
{
	const struct msg_class *c = msg_classes;

	while (c->size < len)
		c++;
	return c;
}

/* What a payload of @len is charged for: about what is allocated for it. */
u64 chan_msg_truesize(size_t len)
{
	if (len <= MSG_CACHED_MAX)
		return sizeof(struct msg) + msg_class(len)->size;
	return sizeof(struct msg) + (u64)PAGE_ALIGN(len);
}

/* An uncharged message with one reference, its payload uninitialised; or NULL. */
struct msg *chan_msg_alloc(size_t len)
{
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
	struct msg *m;

	if (len <= MSG_CACHED_MAX) {
		m = kmem_cache_alloc(msg_class(len)->cache, gfp);
		if (!m)
			return NULL;
		m->data = (u8 *)(m + 1);
	} else {
		m = kmalloc(sizeof(*m), gfp);
		if (!m)
			return NULL;
		m->data = kvmalloc(len, gfp);
		if (!m->data) {
			kfree(m);
			return NULL;
		}
	}
	refcount_set(&m->refs, 1);
	m->next = NULL;
	m->deliveries = 0;
	m->from.pid = NULL;
	m->charged_to = NULL;
	m->len = len;
	return m;
}

void chan_msg_unref(struct msg *m)
{
	if (!refcount_dec_and_test(&m->refs))
		return;
	origin_drop(&m->from);
	if (m->len <= MSG_CACHED_MAX) {
		kmem_cache_free(msg_class(m->len)->cache, m);
		return;
	}
	kvfree(m->data);
	kfree(m);
}

/* Drop the owner's reference, and with it the charge. */
void chan_msg_put(struct msg *m)
{
	chan_msg_uncharge(m);
	chan_msg_unref(m);
}

/* chan_msg_put() messages linked by msg.next; @m may be NULL. */
void chan_msg_put_list(struct msg *m)
{
	while (m) {
		struct msg *next = m->next;

		chan_msg_put(m);
		m = next;
		cond_resched();
	}
}

/* Charge the caller's message, unless it is charged; -ENOMEM, or as gochan_charge(). */
int chan_msg_charge(struct msg *m)
{
	struct quota_user *user;
	int err;

	if (m->charged_to)
		return 0;
	user = gochan_user_get();
	if (!user)
		return -ENOMEM;
	err = gochan_charge(user, QUOTA_BYTES, chan_msg_truesize(m->len));
	if (err)
		gochan_user_put(user);
	else
		m->charged_to = user;
	return err;
}

/*
 * Move a message's charge to @user, who gets it; @own as for gochan_charge_received().
 * 0, or as that, with nothing changed.
 */
int chan_msg_recharge(struct msg *m, struct quota_user *user, bool own)
{
	u64 bytes = chan_msg_truesize(m->len);
	int err;

	if (m->charged_to == user)
		return 0;
	err = gochan_charge_received(user, bytes, own);
	if (err)
		return err;
	chan_msg_uncharge(m);
	gochan_user_hold(user);
	m->charged_to = user;
	return 0;
}

/* End the charge, if any, of a message that the caller owns. */
void chan_msg_uncharge(struct msg *m)
{
	if (!m->charged_to)
		return;
	gochan_uncharge(m->charged_to, QUOTA_BYTES, chan_msg_truesize(m->len));
	gochan_user_put(m->charged_to);
	m->charged_to = NULL;
}
