/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ring of slots of a buffered channel: push, pop, peek. No locking (the
 * channel's lock guards it) and no wakeups here.
 */
#ifndef GOCHAN_RING_H
#define GOCHAN_RING_H

#include <linux/types.h>

#include "msg.h"

/**
 * struct slot - one place of the ring
 * @seq: the message's place in the order of sending
 * @from: its sender
 * @len: bytes of the message
 * @msg: the message, where slots are indirect
 * @data: the message, where they are not
 */
struct slot {
	u64 seq;
	struct origin from;
	u32 len;
	union {
		struct msg *msg;
		DECLARE_FLEX_ARRAY(u8, data);
	};
};

/**
 * struct ring - a FIFO of slots
 * @slots: @capacity slots, NULL for none
 * @stride: bytes from one slot to the next
 * @capacity: how many there are
 * @head: index of the oldest message
 * @len: messages in it
 * @kept: slots that are not free, though their messages are outside: leased, or being
 *	copied by receivers not charged for them
 */
struct ring {
	u8 *slots;
	size_t stride;
	u32 capacity;
	u32 head;
	u32 len;
	u32 kept;
};

/* The @n th slot after the oldest message's; @n < capacity. */
static inline struct slot *ring_slot(const struct ring *r, u32 n)
{
	u64 i = (u64)r->head + n;

	if (i >= r->capacity)
		i -= r->capacity;
	return (struct slot *)(r->slots + i * r->stride);
}

static inline struct slot *ring_first(const struct ring *r)
{
	return (struct slot *)(r->slots + r->head * r->stride);
}

/* The slot that the next push makes part of the ring, which is not full. */
static inline struct slot *ring_next_free(const struct ring *r)
{
	return ring_slot(r, r->len);
}

static inline void ring_push(struct ring *r)
{
	r->len++;
}

static inline void ring_pop(struct ring *r)
{
	r->head = r->head + 1 == r->capacity ? 0 : r->head + 1;
	r->len--;
}

#endif /* GOCHAN_RING_H */
