// SPDX-License-Identifier: GPL-2.0
/*
 * The fetcher of recv.c: gets messages of the stream when there is room for them, and a worker
 * that takes them.
 */
#include <stdio.h>
#include <string.h>

#include "bridge.h"
#include "recv.h"

#define FETCH_MS	1000
#define ANSWER_MS	500		/* for the server to say that this is over */
#define BACKOFF_MIN_MS	20
#define BACKOFF_MAX_MS	2000
#define IDLE_MS		50		/* between looks whether there is a worker */

/* Delivered again while it is here, or after it was acknowledged here. */
static bool is_known(struct receiver *r, natsMsg *msg, const jsMsgMetaData *meta)
{
	const struct acked *a = &r->recent[meta->Sequence.Stream % RECENT];
	struct in *in = held_find(r, meta->Sequence.Stream, meta->Timestamp);

	if (in) {
		natsMsg_Destroy(in->msg);
		in->msg = msg;
		return true;
	}
	if (a->stream_seq != meta->Sequence.Stream || a->time != meta->Timestamp)
		return false;
	held_ack(r, natsMsg_GetReply(msg));
	natsMsg_Destroy(msg);
	return true;
}

static void take(struct receiver *r, natsMsg *msg)
{
	jsMsgMetaData *meta = NULL;
	struct in *in;

	if (natsMsg_GetMetaData(&meta, msg) != NATS_OK) {
		natsMsg_Destroy(msg);
		return;
	}
	__atomic_add_fetch(&r->b->counters.fetched, 1, __ATOMIC_RELAXED);
	pthread_mutex_lock(&r->lock);
	if (meta->NumDelivered > 1)
		__atomic_add_fetch(&r->b->counters.redelivered, 1, __ATOMIC_RELAXED);
	/* A consumer that was made again counts deliveries anew. */
	if ((meta->NumDelivered > 1 || meta->Sequence.Stream <= r->highest) &&
	    is_known(r, msg, meta))
		msg = NULL;
	if (meta->Sequence.Stream > r->highest)
		r->highest = meta->Sequence.Stream;
	in = msg ? held_take_free(r, meta->Sequence.Stream) : NULL;
	if (msg && !in) {
		log_line(LEVEL_WARNING, r->b, "more messages than were asked for");
		held_refuse(r, msg);
		natsMsg_Destroy(msg);
	} else if (msg) {
		in->msg = msg;
		in->time = meta->Timestamp;
		in->state = IN_WAITING;
		r->used++;
		__atomic_store_n(&r->b->counters.held, r->used, __ATOMIC_RELAXED);
		r->waiting[(r->first_waiting + r->nr_waiting++) % r->size] = in;
	}
	pthread_mutex_unlock(&r->lock);
	jsMsgMetaData_Destroy(meta);
}

static unsigned int wait_for_room(struct receiver *r)
{
	unsigned int room;

	pthread_mutex_lock(&r->lock);
	while (r->used == r->size && !r->stop)
		pthread_cond_wait(&r->room, &r->lock);
	room = r->stop ? 0 : r->size - r->used;
	pthread_mutex_unlock(&r->lock);
	return room;
}

static bool is_told_to_stop(struct receiver *r)
{
	bool stop;

	pthread_mutex_lock(&r->lock);
	stop = r->stop;
	pthread_mutex_unlock(&r->lock);
	return stop;
}

/* Do workers wait for messages? */
static bool is_wanted(const struct receiver *r)
{
	struct gochan_info info;

	return gochan_info(r->b->recv_fd, &info) == 0 && info.receivers_waiting;
}

/* Is there no message that a worker could take? */
static bool is_empty(const struct receiver *r)
{
	struct gochan_info info;

	return gochan_info(r->b->recv_fd, &info) == 0 && !info.len;
}

/*
 * While workers take nothing, wait for one that waits. Those that poll do not show, so try
 * one message from time to time, unless one is there already, of whoever: behind that of
 * another sender, it could not be taken back.
 */
static unsigned int wait_until_wanted(struct receiver *r, unsigned int room)
{
	const int64_t end = now_ns() + r->b->settings.ack_wait * NS_PER_S;

	while (__atomic_load_n(&r->idle, __ATOMIC_ACQUIRE)) {
		if (is_wanted(r)) {
			__atomic_store_n(&r->idle, false, __ATOMIC_RELEASE);
			break;
		}
		if (is_told_to_stop(r))
			return 0;
		if (now_ns() >= end && is_empty(r))
			return 1;
		nats_Sleep(IDLE_MS);
	}
	return room;
}

/*
 * Ask the consumer for so many messages; it answers with them, and ends with a status. Each
 * request has a subject of its own for that, so that a late status does not end another one.
 */
static natsStatus request(struct receiver *r, unsigned int room)
{
	char subject[SUBJECT_SIZE], text[96];

	snprintf(subject, sizeof(subject), "$JS.API.CONSUMER.MSG.NEXT.%s.gochan",
		 r->b->settings.stream);
	snprintf(text, sizeof(text), "{\"batch\":%u,\"expires\":%lld}", room,
		 FETCH_MS * NS_PER_MS);
	snprintf(r->reply, sizeof(r->reply), "%s.%u", r->inbox, ++r->requests);
	return natsConnection_PublishRequestString(r->b->nc, subject, r->reply, text);
}

/* All messages of a delivery have a subject for their acknowledgment, a status has none. */
static bool is_status(const natsMsg *msg)
{
	const char *reply = natsMsg_GetReply(msg);

	return !reply || !*reply;
}

static bool more_pending(const struct receiver *r)
{
	int messages = 0;

	return natsSubscription_GetPending(r->pulled, &messages, NULL) == NATS_OK && messages;
}

/*
 * Take up to @room messages, of one request at a time: so no more come than there is room for.
 * (natsSubscription_Fetch() of libnats 3.4 lets requests overlap, and then writes beyond its
 * list.) NATS_TIMEOUT: the server does not answer; NATS_ERR: it refuses.
 */
static natsStatus fetch(struct receiver *r, unsigned int room)
{
	const int64_t begun = now_ns();
	natsStatus status = request(r, room);
	unsigned int got = 0;
	natsMsg *msg;

	while (status == NATS_OK && got < room) {
		status = natsSubscription_NextMsg(&msg, r->pulled, FETCH_MS + ANSWER_MS);
		if (status != NATS_OK)
			break;
		if (!is_status(msg)) {
			take(r, msg);
			got++;
			if (!more_pending(r))
				event_signal(r->event);
			continue;
		}
		if (strcmp(natsMsg_GetSubject(msg), r->reply) != 0) {
			natsMsg_Destroy(msg);
			event_signal(r->event);
			continue;
		}
		natsMsg_Destroy(msg);
		if (!got && now_ns() - begun < FETCH_MS * NS_PER_MS / 2)
			status = NATS_ERR;
		break;
	}
	event_signal(r->event);
	return status;
}

void *fetch_thread(void *receiver)
{
	struct receiver *r = receiver;
	int backoff = BACKOFF_MIN_MS;
	natsStatus status;
	unsigned int room;

	while ((room = wait_for_room(r)) && (room = wait_until_wanted(r, room))) {
		status = fetch(r, room);
		if (status == NATS_OK || status == NATS_TIMEOUT) {
			backoff = BACKOFF_MIN_MS;
			continue;
		}
		if (!stopping(r->b))
			log_line(LEVEL_DEBUG, r->b, "fetch: %s", nats_problem(status));
		nats_Sleep(backoff);
		backoff = backoff * 2 < BACKOFF_MAX_MS ? backoff * 2 : BACKOFF_MAX_MS;
	}
	return NULL;
}

bool fetcher_subscribe(struct receiver *r)
{
	char subject[SUBJECT_SIZE];
	natsStatus status = natsInbox_Create(&r->inbox);

	snprintf(subject, sizeof(subject), "%s.*", status == NATS_OK ? r->inbox : "");
	if (status == NATS_OK)
		status = natsConnection_SubscribeSync(&r->pulled, r->b->nc, subject);
	/* Requests limit what is pending; by default libnats drops messages beyond 64 MiB. */
	if (status == NATS_OK)
		status = natsSubscription_SetPendingLimits(r->pulled, -1, -1);
	if (status != NATS_OK)
		log_line(LEVEL_ERROR, r->b, "cannot begin to receive: %s", nats_problem(status));
	return status == NATS_OK;
}

void fetcher_free(struct receiver *r)
{
	natsSubscription_Destroy(r->pulled);
	natsInbox_Destroy(r->inbox);
}
