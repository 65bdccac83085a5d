// SPDX-License-Identifier: GPL-2.0
/*
 * The messages of the stream that are on this machine: found by their number in the stream,
 * or, once they are in the channel, by their number there; and the answers that the stream
 * gets for them. What looks up or changes the table needs @lock; receiver_find() takes it.
 */
#include "bridge.h"
#include "recv.h"

/* Not natsMsg_Ack() and the like, which answer once only, and only for natsSubscription_Fetch(). */
void held_answer(struct receiver *r, const char *subject, const char *text)
{
	if (subject)
		natsConnection_PublishString(r->b->nc, subject, text);
}

void held_ack(struct receiver *r, const char *subject)
{
	held_answer(r, subject, "+ACK");
}

void held_refuse(struct receiver *r, const natsMsg *msg)
{
	held_answer(r, natsMsg_GetReply(msg), "-NAK");
}

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

struct in *held_find(struct receiver *r, uint64_t stream_seq, int64_t time)
{
	struct in *in;

	for (in = r->by_stream[stream_seq & r->mask]; in; in = in->next_by_stream) {
		if (in->stream_seq == stream_seq && in->time == time)
			return in;
	}
	return NULL;
}

struct in *held_take_free(struct receiver *r, uint64_t stream_seq)
{
	struct in **list = &r->by_stream[stream_seq & r->mask];
	struct in *in = r->free;

	if (!in)
		return NULL;
	r->free = in->next;
	in->stream_seq = stream_seq;
	in->next_by_stream = *list;
	*list = in;
	return in;
}

void held_release(struct receiver *r, struct in *in)
{
	struct in **link = &r->by_stream[in->stream_seq & r->mask];

	while (*link != in)
		link = &(*link)->next_by_stream;
	*link = in->next_by_stream;
	natsMsg_Destroy(in->msg);
	in->msg = NULL;
	in->state = IN_FREE;
	in->next = r->free;
	r->free = in;
	r->used--;
	__atomic_store_n(&r->b->counters.held, r->used, __ATOMIC_RELAXED);
	pthread_cond_signal(&r->room);
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
