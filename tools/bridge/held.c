// SPDX-License-Identifier: GPL-2.0
/*
 * The messages of the stream that are on this machine: found by their number in the stream,
 * or, once they are in the channel, by their number there. All of it needs @lock, except for
 * receiver_find().
 */
#include "bridge.h"
#include "recv.h"

struct in *held_find_by_seq(struct receiver *r, uint64_t seq)
{
	struct in *in;

	for (in = r->by_seq[seq & r->mask]; in; in = in->next) {
		if (in->seq == seq)
			return in;
	}
	return NULL;
}

void held_insert_by_seq(struct receiver *r, struct in *in)
{
	in->next = r->by_seq[in->seq & r->mask];
	r->by_seq[in->seq & r->mask] = in;
}

void held_remove_by_seq(struct receiver *r, struct in *in)
{
	struct in **link = &r->by_seq[in->seq & r->mask];

	while (*link != in)
		link = &(*link)->next;
	*link = in->next;
}

void held_release(struct receiver *r, struct in *in)
{
	natsMsg_Destroy(in->msg);
	in->msg = NULL;
	in->state = IN_FREE;
	r->used--;
	__atomic_store_n(&r->b->counters.held, r->used, __ATOMIC_RELAXED);
	pthread_cond_signal(&r->room);
}

struct in *held_find(struct receiver *r, uint64_t stream_seq, int64_t time)
{
	struct in *in;

	for (in = r->in; in < r->in + r->size; in++) {
		if (in->state != IN_FREE && in->stream_seq == stream_seq && in->time == time)
			return in;
	}
	return NULL;
}

struct in *held_find_free(struct receiver *r)
{
	struct in *in;

	for (in = r->in; in < r->in + r->size; in++) {
		if (in->state == IN_FREE)
			return in;
	}
	return NULL;
}

enum whereabouts receiver_find(struct receiver *r, uint64_t stream_seq, int64_t time)
{
	const struct acked *a = &r->recent[stream_seq % RECENT];
	enum whereabouts found = MESSAGE_UNKNOWN;

	pthread_mutex_lock(&r->lock);
	if (held_find(r, stream_seq, time))
		found = MESSAGE_HERE;
	else if (a->stream_seq == stream_seq && a->time == time)
		found = MESSAGE_ACKNOWLEDGED;
	pthread_mutex_unlock(&r->lock);
	return found;
}
