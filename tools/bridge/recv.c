// SPDX-License-Identifier: GPL-2.0
/*
 * From the stream into the receiving channel.
 *
 * A message is fetched and sent into the channel, where a worker leases it. When the worker
 * has acknowledged it, the kernel sends a notice to the done channel, and then the message is
 * acknowledged to the stream. Until then the stream is told regularly that the message is
 * in progress, so that it is not delivered elsewhere; if this process, the machine or the
 * network fails, it is told no more, and delivers the message elsewhere. No more messages are
 * fetched than the channel has slots, counting those that are leased. What workers leave in
 * the channel for --ack-wait is taken back, for other machines, and then nothing more is
 * fetched until a worker waits.
 *
 * An acknowledgment is a message without an answer. It is repeated after a reconnect unless
 * the same connection has carried a ping and its answer after it. A message is known by its number
 * and its time in the stream, as the numbers of a stream that is made again begin anew.
 *
 * The fetcher gets messages. The deliverer sends them, and receives notices; as it asks the
 * server nothing for whose answer it would have to wait, it also keeps messages in progress.
 * receiver_tick(), in the watcher, confirms acknowledgments and takes messages back. The fetcher
 * is in fetch.c, the table of messages in held.c.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bridge.h"
#include "recv.h"

#define CONFIRM_MS	1000
#define BATCH		64
#define CHECK_NS	NS_PER_S	/* between looks whether workers take messages */
#define POISON_DELAY_NS	(30 * NS_PER_S)	/* before what cannot be sent is delivered again */

static const char was_closed[] =
	"it was closed on this machine; remove it, and start the bridge again";

/* ---- acknowledgments to the stream ---- */

/* Acknowledge; remember it until that is confirmed, and in case it is delivered again. */
static void acknowledge(struct receiver *r, struct in *in)
{
	struct acked *a = &r->recent[in->stream_seq % RECENT];

	held_ack(r, natsMsg_GetReply(in->msg));
	a->stream_seq = in->stream_seq;
	a->time = in->time;
	if (r->nr_unconfirmed < UNCONFIRMED_MAX)
		r->unconfirmed[r->nr_unconfirmed++] = strdup(natsMsg_GetReply(in->msg));
	held_release(r, in);
	__atomic_add_fetch(&r->b->counters.acknowledged, 1, __ATOMIC_RELAXED);
}

/* How often the connection was made again; it is counted before anything is sent by it. */
static uint64_t count_connections(struct receiver *r)
{
	uint64_t count = 0;

	if (natsConnection_GetStats(r->b->nc, r->stats) == NATS_OK)
		natsStatistics_GetCounts(r->stats, NULL, NULL, NULL, NULL, &count);
	return count;
}

/*
 * A ping is answered after what was sent before it, if both went by the same connection: what
 * was acknowledged without one, or by one that broke, was not sent or may be lost.
 */
static void confirm(struct receiver *r)
{
	char *list[UNCONFIRMED_MAX];
	unsigned int i, n;
	uint64_t count;
	bool confirmed;

	pthread_mutex_lock(&r->lock);
	n = r->nr_unconfirmed;
	memcpy(list, r->unconfirmed, n * sizeof(*list));
	r->nr_unconfirmed = 0;
	pthread_mutex_unlock(&r->lock);
	if (!n)
		return;
	count = count_connections(r);
	confirmed = natsConnection_FlushTimeout(r->b->nc, CONFIRM_MS) == NATS_OK &&
		    count == r->connections && count_connections(r) == count;
	r->connections = count;
	for (i = 0; i < n; i++) {
		if (!confirmed)
			held_ack(r, list[i]);
		pthread_mutex_lock(&r->lock);
		if (!confirmed && r->nr_unconfirmed < UNCONFIRMED_MAX) {
			r->unconfirmed[r->nr_unconfirmed++] = list[i];
			list[i] = NULL;
		}
		pthread_mutex_unlock(&r->lock);
		free(list[i]);
	}
}

/* ---- the deliverer ---- */

static void delivered(struct receiver *r, const struct gochan_op *op)
{
	struct in *in = r->waiting[r->first_waiting];

	r->first_waiting = (r->first_waiting + 1) % r->size;
	r->nr_waiting--;
	in->state = IN_DELIVERED;
	in->seq = op->seq;
	in->since = now_ns();
	held_insert_by_seq(r, in);
	__atomic_add_fetch(&r->b->counters.delivered, 1, __ATOMIC_RELAXED);
}

/* The first message that waits cannot be sent: let it be delivered again, but not soon. */
static void put_off(struct receiver *r, int err)
{
	struct in *in = r->waiting[r->first_waiting];
	char text[64];

	log_line(LEVEL_ERROR, r->b,
		 "a message of %d bytes, number %llu of stream %s, does not fit into the channel: %s; %s",
		 natsMsg_GetDataLength(in->msg), (unsigned long long)in->stream_seq,
		 r->b->settings.stream, strerror(err),
		 err == EINVAL ? "all of its messages have the same size; make it without --fixed" :
		 "make it with a larger --size");
	r->first_waiting = (r->first_waiting + 1) % r->size;
	r->nr_waiting--;
	snprintf(text, sizeof(text), "-NAK {\"delay\":%lld}", (long long)POISON_DELAY_NS);
	held_answer(r, natsMsg_GetReply(in->msg), text);
	held_release(r, in);
}

static struct gochan_op send_op(struct receiver *r, unsigned int i)
{
	natsMsg *msg = r->waiting[(r->first_waiting + i) % r->size]->msg;

	return GOCHAN_SEND(r->b->recv_fd, natsMsg_GetData(msg), natsMsg_GetDataLength(msg));
}

/* A send has failed. False if the bridge cannot go on. */
static bool send_failed(struct receiver *r, int err)
{
	if (err == EAGAIN)
		return true;
	if (err == EMSGSIZE || err == EINVAL) {
		put_off(r, err);
		return true;
	}
	log_line(LEVEL_ERROR, r->b, "cannot send into the channel: %s",
		 err == EPIPE ? was_closed : strerror(err));
	return false;
}

/* Send what waits, as far as the channel has slots. */
static bool deliver(struct receiver *r)
{
	struct gochan_op ops[BATCH];
	unsigned int i, n;
	bool ok = true;
	int sent, err = 0;

	pthread_mutex_lock(&r->lock);
	while (ok && !err && r->nr_waiting) {
		n = r->nr_waiting < BATCH ? r->nr_waiting : BATCH;
		for (i = 0; i < n; i++)
			ops[i] = send_op(r, i);
		sent = gochan_batch(ops, n, 0, 0);
		if (sent < 0)
			err = errno;
		else if (sent < (int)n)
			err = -ops[sent].result;
		for (i = 0; (int)i < sent; i++)
			delivered(r, &ops[i]);
		if (err)
			ok = send_failed(r, err);
		if (err != EAGAIN)
			err = 0;
	}
	pthread_mutex_unlock(&r->lock);
	return ok;
}

static void done(struct receiver *r, const struct gochan_done *notice)
{
	struct in *in = NULL;

	if (notice->channel == r->channel)
		in = held_find_by_seq(r, notice->seq);
	if (!in)
		return;		/* not sent by this process */
	if (notice->flags & GOCHAN_DONE_DEAD) {
		__atomic_add_fetch(&r->b->counters.dead, 1, __ATOMIC_RELAXED);
		log_line(LEVEL_WARNING, r->b,
			 "message %llu of stream %s became a dead letter of the channel after %u deliveries",
			 (unsigned long long)in->stream_seq, r->b->settings.stream,
			 notice->deliveries);
	}
	held_remove_by_seq(r, in);
	acknowledge(r, in);
	__atomic_store_n(&r->idle, false, __ATOMIC_RELEASE);
}

/* Take what there is, after the one that was waited for, or NULL if that was no notice. */
static void take_notices(struct receiver *r, const struct gochan_done *first)
{
	struct gochan_done notices[BATCH];
	struct gochan_op ops[BATCH];
	int i, n;

	for (i = 0; i < BATCH; i++)
		ops[i] = GOCHAN_RECV(r->b->done_fd, &notices[i], sizeof(notices[i]));
	n = gochan_batch(ops, BATCH, 0, 0);
	pthread_mutex_lock(&r->lock);
	if (first)
		done(r, first);
	for (i = 0; i < n; i++) {
		if (ops[i].result != GOCHAN_R_CLOSED && ops[i].len == sizeof(notices[i]))
			done(r, &notices[i]);
	}
	pthread_mutex_unlock(&r->lock);
}

/*
 * If it is due, tell the stream that what is here is in progress. Returns the nanoseconds until
 * it is due next, or -1 if nothing is here.
 */
static int64_t keep_in_progress(struct receiver *r)
{
	const int64_t period = r->b->settings.ack_wait * NS_PER_S / 3;
	const int64_t now = now_ns();
	struct in *in;
	int64_t left;

	pthread_mutex_lock(&r->lock);
	if (now - r->kept_at >= period) {
		r->kept_at = now;
		for (in = r->in; in < r->in + r->size; in++) {
			if (in->state != IN_FREE)
				held_answer(r, natsMsg_GetReply(in->msg), "+WPI");
		}
	}
	left = r->kept_at + period - now_ns();
	if (!r->used)
		left = -1;
	else if (left < 1)
		left = 1;
	pthread_mutex_unlock(&r->lock);
	return left;
}

/*
 * Wait until there is something to do, or for @timeout_ns unless that is -1; take what there is
 * from the done channel.
 */
static bool wait_for_work(struct receiver *r, int64_t timeout_ns)
{
	struct gochan_done notice;
	struct gochan_op ops[] = {
		GOCHAN_RECV(r->b->done_fd, &notice, sizeof(notice)),
		GOCHAN_POLL(r->event, POLLIN),
		GOCHAN_POLL(r->nr_waiting ? r->b->recv_fd : -1, POLLOUT),
	};
	int chosen = gochan_select(ops, ARRAY_SIZE(ops), timeout_ns, 0);

	if (chosen == 0 && ops[0].result != GOCHAN_R_CLOSED) {
		take_notices(r, ops[0].len == sizeof(notice) ? &notice : NULL);
		return true;
	}
	if (chosen < 0 && (errno == EINTR || errno == ETIMEDOUT))
		return true;
	if (chosen <= 0) {
		log_line(LEVEL_ERROR, r->b, "cannot receive from the done channel: %s",
			 chosen ? strerror(errno) : was_closed);
		return false;
	}
	event_clear(r->event);
	return true;
}

static void *deliver_thread(void *receiver)
{
	struct receiver *r = receiver;
	bool ok = true;

	while (ok && !__atomic_load_n(&r->finished, __ATOMIC_ACQUIRE))
		ok = deliver(r) && wait_for_work(r, keep_in_progress(r));
	if (!ok) {
		__atomic_store_n(&r->b->failed, true, __ATOMIC_RELEASE);
		bridge_stop(r->b);
	}
	return NULL;
}

/* ---- taking messages back ---- */

/* The message of this process that is first in the channel; NULL if there is none. */
static struct in *first_in_channel(struct receiver *r)
{
	struct gochan_op op = GOCHAN_RECV(r->take_fd, r->buf, r->msg_size);

	/* To lease another sender's message would count as a delivery. */
	op.flags = GOCHAN_PEEK;
	if (gochan_batch(&op, 1, 0, 0) != 1 || op.result == GOCHAN_R_CLOSED)
		return NULL;
	return held_find_by_seq(r, op.seq);
}

/* Take back the first message, which no worker has; false if a worker was faster. */
static bool take_back(struct receiver *r)
{
	struct gochan_op op = GOCHAN_RECV(r->take_fd, r->buf, r->msg_size);
	struct gochan_lease lease;
	struct in *in;

	if (gochan_batch(&op, 1, 0, 0) != 1 || op.result == GOCHAN_R_CLOSED)
		return false;
	lease.lease = op.lease;
	in = held_find_by_seq(r, op.seq);
	if (!in) {
		gochan_requeue(r->take_fd, &lease);
		return false;
	}
	held_remove_by_seq(r, in);
	held_refuse(r, in->msg);
	held_release(r, in);
	gochan_ack(r->take_fd, &lease);
	return true;
}

/* So that what no worker has begun is delivered elsewhere, at once and only there. */
static void take_all_back(struct receiver *r)
{
	pthread_mutex_lock(&r->lock);
	while (r->take_fd >= 0 && first_in_channel(r) && take_back(r))
		;
	pthread_mutex_unlock(&r->lock);
}

/*
 * Has the first message in the channel been there for too long? Then the workers of this
 * machine are busy, or there are none, and others may have time.
 */
static bool is_stuck(struct receiver *r)
{
	const int64_t limit = r->b->settings.ack_wait * NS_PER_S;
	struct in *in;
	bool stuck;

	pthread_mutex_lock(&r->lock);
	in = r->take_fd >= 0 && r->used ? first_in_channel(r) : NULL;
	stuck = in && now_ns() - in->since > limit;
	pthread_mutex_unlock(&r->lock);
	return stuck;
}

/* ---- in the watcher ---- */

void receiver_tick(struct receiver *r)
{
	confirm(r);
	if (now_ns() - r->checked_at < CHECK_NS)
		return;
	r->checked_at = now_ns();
	if (!is_stuck(r))
		return;
	log_line(LEVEL_DEBUG, r->b, "no worker takes messages; they go elsewhere");
	__atomic_store_n(&r->idle, true, __ATOMIC_RELEASE);
	take_all_back(r);
}

void receiver_reconnected(struct receiver *r)
{
	pthread_mutex_lock(&r->lock);
	r->kept_at = 0;
	pthread_mutex_unlock(&r->lock);
	event_signal(r->event);
}

unsigned int receiver_used(struct receiver *r)
{
	unsigned int used;

	pthread_mutex_lock(&r->lock);
	used = r->used;
	pthread_mutex_unlock(&r->lock);
	return used;
}

/* ---- beginning and end ---- */

static bool prepare(struct receiver *r)
{
	struct gochan_info info;
	unsigned int i;

	if (gochan_info(r->b->recv_fd, &info))
		return false;
	r->channel = info.id;
	r->msg_size = info.msg_size;
	r->buf = malloc(info.msg_size + 1);
	r->idle = true;
	r->take_fd = gochan_open(r->b->settings.name, O_RDONLY);
	if (r->take_fd < 0)
		log_line(LEVEL_WARNING, r->b,
			 "no permission to receive from the channel: when the bridge stops, or workers take nothing, its messages remain");
	r->size = info.capacity;
	for (r->mask = 1; r->mask < 2 * r->size; r->mask *= 2)
		;
	r->in = calloc(r->size, sizeof(*r->in));
	r->waiting = calloc(r->size, sizeof(void *));
	r->by_seq = calloc(r->mask, sizeof(void *));
	r->by_stream = calloc(r->mask, sizeof(void *));
	r->mask--;
	r->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->room, NULL);
	r->kept_at = now_ns();
	if (natsStatistics_Create(&r->stats) != NATS_OK)
		return false;
	r->connections = count_connections(r);
	for (i = 0; r->in && i < r->size; i++) {
		r->in[i].next = r->free;
		r->free = &r->in[i];
	}
	return r->in && r->waiting && r->by_seq && r->by_stream && r->buf && r->event >= 0;
}

/* Fetch no more; what was not sent into the channel yet is delivered elsewhere at once. */
static void stop_fetching(struct receiver *r)
{
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_signal(&r->room);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->fetcher, NULL);
	pthread_mutex_lock(&r->lock);
	while (r->nr_waiting) {
		struct in *in = r->waiting[r->first_waiting];

		r->first_waiting = (r->first_waiting + 1) % r->size;
		r->nr_waiting--;
		held_refuse(r, in->msg);
		held_release(r, in);
	}
	pthread_mutex_unlock(&r->lock);
}

static void receiver_free(struct receiver *r)
{
	unsigned int i;

	__atomic_store_n(&r->b->counters.held, 0, __ATOMIC_RELAXED);
	fetcher_free(r);
	natsSubscription_Destroy(r->sub);
	natsStatistics_Destroy(r->stats);
	for (i = 0; r->in && i < r->size; i++)
		natsMsg_Destroy(r->in[i].msg);
	for (i = 0; i < r->nr_unconfirmed; i++)
		free(r->unconfirmed[i]);
	if (r->event >= 0)
		close(r->event);
	if (r->take_fd >= 0)
		close(r->take_fd);
	free(r->buf);
	free(r->in);
	free(r->waiting);
	free(r->by_seq);
	free(r->by_stream);
	free(r);
}

struct receiver *receiver_start(struct bridge *b)
{
	struct receiver *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->b = b;
	r->event = -1;
	r->take_fd = -1;
	if (!prepare(r)) {
		log_line(LEVEL_ERROR, b, "cannot begin to receive: %s", strerror(errno));
		goto free;
	}
	r->sub = stream_subscribe(b);
	if (!r->sub || !fetcher_subscribe(r))
		goto free;
	if (pthread_create(&r->fetcher, NULL, fetch_thread, r)) {
		log_line(LEVEL_ERROR, b, "cannot make a thread");
		goto free;
	}
	if (pthread_create(&r->deliverer, NULL, deliver_thread, r)) {
		log_line(LEVEL_ERROR, b, "cannot make a thread");
		stop_fetching(r);
		goto free;
	}
	return r;

free:
	receiver_free(r);
	return NULL;
}

void receiver_join(struct receiver *r)
{
	const int64_t end = now_ns() + GRACE_NS;

	stop_fetching(r);
	if (stopping(r->b))
		take_all_back(r);
	/* Workers may acknowledge what they have. */
	while (receiver_used(r) && now_ns() < end && !r->b->failed) {
		receiver_tick(r);
		nats_Sleep(20);
	}
	if (receiver_used(r))
		log_line(LEVEL_WARNING, r->b,
			 "workers have not acknowledged %u messages, which will be delivered again",
			 receiver_used(r));
	__atomic_store_n(&r->finished, true, __ATOMIC_RELEASE);
	event_signal(r->event);
	pthread_join(r->deliverer, NULL);
	confirm(r);
	receiver_free(r);
}
