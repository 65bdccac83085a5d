// SPDX-License-Identifier: GPL-2.0
/*
 * Calls: an unbuffered channel across machines. A send to the sending channel completes when
 * a receiver of the receiving channel, on any machine, has taken the message.
 *
 * The bridge peeks at the message of a sender that is blocked, and asks with it: a request to
 * a queue group, of which NATS gives it to one member. A bridge is a member while a receiver
 * waits on its machine. It sends the message there without blocking, and answers whether that
 * has worked. Only then the asking bridge receives the message, which completes the sender.
 *
 * If the sender has given up meanwhile, the bridge may receive another one's message instead.
 * That sender has succeeded then, so that message is asked with until it is taken. A request
 * without an answer is repeated with the same ID, and a bridge answers what it has taken with
 * that ID before; but another machine may get it, and then it is received twice.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge.h"

#define ANSWER_MS	2000
#define BACKOFF_MIN_MS	2
#define BACKOFF_MAX_MS	200
#define STOP_NS		(5 * NS_PER_S)	/* for a message that is owed */
#define MEMBER_MS	100	/* between looks whether receivers still wait */
#define GROUP		"gochan"
#define ID_HEADER	"Gochan-Id"
#define RECENT		64

/**
 * struct asker - the sending half
 * @b: the bridge
 * @size: of the buffers
 * @msg: the message that is asked with
 * @len: its length
 * @other: for a message that is peeked at or received
 * @asked: a request with the message was made, and nobody is known to have taken it
 * @owed: it was received already
 * @id: of the request; a new one for each message
 */
struct asker {
	struct bridge *b;
	size_t size;
	uint8_t *msg;
	size_t len;
	uint8_t *other;
	bool asked;
	bool owed;
	char id[64];
};

/* ---- the sending half ---- */

static void new_id(struct asker *a)
{
	static uint64_t count;

	snprintf(a->id, sizeof(a->id), "%d-%" PRIx64 "-%" PRIu64, getpid(), (uint64_t)now_ns(),
		 ++count);
}

/* The message in @other, of @len bytes, is the next one to ask with. */
static void take_other(struct asker *a, size_t len)
{
	uint8_t *swap = a->msg;

	a->msg = a->other;
	a->other = swap;
	a->len = len;
	new_id(a);
}

static bool is_other_same(const struct asker *a, size_t len)
{
	return len == a->len && !memcmp(a->other, a->msg, len);
}

/*
 * Wait for a sender, and peek at its message: 1; 0 if there is none, -1 at the end. While it is
 * the same, so is the ID: the answer to the last request may have been lost.
 */
static int peek(struct asker *a)
{
	struct gochan_op wait[] = {
		GOCHAN_POLL(a->b->send_fd, POLLIN),
		GOCHAN_POLL(a->b->stop_fd, POLLIN),
	};
	struct gochan_op op = GOCHAN_RECV(a->b->send_fd, a->other, a->size);

	if (gochan_select(wait, ARRAY_SIZE(wait), -1, GOCHAN_ORDERED) != 0)
		return 0;
	op.flags = GOCHAN_PEEK;
	if (gochan_batch(&op, 1, 0, 0) != 1)
		return 0;
	if (op.result == GOCHAN_R_CLOSED)
		return -1;
	if (!a->asked || !is_other_same(a, op.len))
		take_other(a, op.len);
	a->asked = true;
	return 1;
}

static natsStatus ask(struct asker *a, bool *taken)
{
	natsMsg *msg = NULL, *reply = NULL;
	natsStatus status;

	*taken = false;
	status = natsMsg_Create(&msg, a->b->subject, NULL, (const char *)a->msg, a->len);
	if (status == NATS_OK)
		status = natsMsgHeader_Set(msg, ID_HEADER, a->id);
	if (status == NATS_OK)
		status = natsConnection_RequestMsg(&reply, a->b->nc, msg, ANSWER_MS);
	if (status == NATS_OK)
		*taken = natsMsg_GetDataLength(reply) && natsMsg_GetData(reply)[0] == '+';
	natsMsg_Destroy(reply);
	natsMsg_Destroy(msg);
	return status;
}

/* Complete the sender whose message was taken. */
static void complete(struct asker *a)
{
	struct gochan_op op = GOCHAN_RECV(a->b->send_fd, a->other, a->size);

	a->asked = false;
	__atomic_add_fetch(&a->b->counters.received, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&a->b->counters.confirmed, 1, __ATOMIC_RELAXED);
	if (a->owed) {
		a->owed = false;
		return;
	}
	if (gochan_batch(&op, 1, 0, 0) != 1 || op.result == GOCHAN_R_CLOSED) {
		log_line(LEVEL_WARNING, a->b,
			 "a sender has given up while its message was taken on another machine");
		return;
	}
	if (is_other_same(a, op.len))
		return;
	a->owed = true;
	take_other(a, op.len);
}

/* May the thread go on? At a stop, a message that is owed gets some more time. */
static bool goes_on(const struct asker *a, int64_t *stop_at)
{
	if (!stopping(a->b))
		return true;
	if (!a->owed)
		return false;
	if (!*stop_at)
		*stop_at = now_ns() + STOP_NS;
	if (now_ns() < *stop_at)
		return true;
	log_line(LEVEL_ERROR, a->b, "a message is lost: it was received, and nobody has taken it");
	return false;
}

/* The sending channel is closed: tell all machines, and close the receiving one here. */
static void announce_close(struct bridge *b)
{
	natsStatus status;

	for (;;) {
		status = natsConnection_Publish(b->nc, b->close_subject, "", 0);
		if (status == NATS_OK)
			status = natsConnection_FlushTimeout(b->nc, ANSWER_MS);
		if (status == NATS_OK || stopping(b))
			break;
		log_line(LEVEL_DEBUG, b, "close: %s", nats_problem(status));
		poll(&(struct pollfd){ b->stop_fd, POLLIN, 0 }, 1, BACKOFF_MAX_MS);
	}
	if (!channel_close(b, b->recv_fd, "receiving"))
		__atomic_store_n(&b->failed, true, __ATOMIC_RELEASE);
}

static void *ask_thread(void *asker)
{
	struct asker *a = asker;
	int backoff = BACKOFF_MIN_MS, found = 1;
	int64_t stop_at = 0;
	natsStatus status;
	bool taken;

	while (goes_on(a, &stop_at)) {
		if (!a->owed)
			found = peek(a);
		if (found < 0)
			break;
		if (!found)
			continue;
		status = ask(a, &taken);
		if (taken) {
			complete(a);
			backoff = BACKOFF_MIN_MS;
			continue;
		}
		if (status != NATS_OK && status != NATS_NO_RESPONDERS)
			log_line(LEVEL_DEBUG, a->b, "call: %s", nats_problem(status));
		nats_Sleep(backoff);
		backoff = backoff * 2 < BACKOFF_MAX_MS ? backoff * 2 : BACKOFF_MAX_MS;
	}
	if (found < 0)
		announce_close(a->b);
	natsConnection_FlushTimeout(a->b->nc, ANSWER_MS);
	bridge_stop(a->b);
	return NULL;
}

/* ---- the receiving half ---- */

/**
 * struct answerer - the receiving half
 * @b: the bridge
 * @recent: IDs of requests whose messages were taken, as a ring
 * @next: where the next one goes
 * @problem: errno of the last send that has failed for good, until one succeeds
 */
struct answerer {
	struct bridge *b;
	char recent[RECENT][64];
	unsigned int next;
	int problem;
};

static bool was_taken(const struct answerer *a, const char *id)
{
	for (unsigned int i = 0; i < RECENT; i++) {
		if (!strcmp(a->recent[i], id))
			return true;
	}
	return false;
}

/* Once, as the message is asked with again and again. */
static void report_problem(struct answerer *a, int len)
{
	if (a->problem == errno)
		return;
	a->problem = errno;
	log_line(LEVEL_ERROR, a->b, "cannot send a message of %d bytes: %s%s", len,
		 strerror(errno), errno == EMSGSIZE || errno == EINVAL ?
		 "; make the channels of all machines with the same --size" : "");
}

/* False if the receiving channel is closed. */
static bool answer(struct answerer *a, natsMsg *msg)
{
	struct gochan_op op = GOCHAN_SEND(a->b->recv_fd, natsMsg_GetData(msg),
					  natsMsg_GetDataLength(msg));
	const char *id;
	bool taken;

	if (natsMsgHeader_Get(msg, ID_HEADER, &id) != NATS_OK)
		id = "";	/* not of a bridge */
	taken = *id && was_taken(a, id);
	if (!taken && gochan_batch(&op, 1, 0, 0) == 1) {
		taken = true;
		a->problem = 0;
		snprintf(a->recent[a->next++ % RECENT], sizeof(a->recent[0]), "%s", id);
		__atomic_add_fetch(&a->b->counters.delivered, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&a->b->counters.acknowledged, 1, __ATOMIC_RELAXED);
	} else if (!taken && errno == EPIPE) {
		return false;
	} else if (!taken && errno != EAGAIN) {
		report_problem(a, natsMsg_GetDataLength(msg));
	}
	natsConnection_Publish(a->b->nc, natsMsg_GetReply(msg), taken ? "+" : "-", 1);
	return true;
}

/* Wait until a receiver waits on this machine; false on a stop. */
static bool wait_for_receiver(struct answerer *a)
{
	struct gochan_op wait[] = {
		GOCHAN_POLL(a->b->recv_fd, POLLOUT),
		GOCHAN_POLL(a->b->stop_fd, POLLIN),
	};

	return gochan_select(wait, ARRAY_SIZE(wait), -1, 0) == 0;
}

static bool is_receiver_waiting(const struct answerer *a)
{
	struct pollfd fd = { .fd = a->b->recv_fd, .events = POLLOUT };

	return poll(&fd, 1, 0) == 1 && fd.revents & POLLOUT;
}

/* Be a member of the group while a receiver waits. */
static bool serve(struct answerer *a)
{
	natsSubscription *sub = NULL;
	natsMsg *msg = NULL;
	natsStatus status;
	bool ok = true;

	status = natsConnection_QueueSubscribeSync(&sub, a->b->nc, a->b->subject, GROUP);
	if (status != NATS_OK) {
		log_line(LEVEL_DEBUG, a->b, "call: %s", nats_problem(status));
		poll(&(struct pollfd){ a->b->stop_fd, POLLIN, 0 }, 1, MEMBER_MS);
		return true;
	}
	while (ok && !stopping(a->b)) {
		if (natsSubscription_NextMsg(&msg, sub, MEMBER_MS) == NATS_OK) {
			ok = answer(a, msg);
			natsMsg_Destroy(msg);
		} else if (!is_receiver_waiting(a)) {
			break;
		}
	}
	/* What is on its way is answered, too. */
	status = natsSubscription_Drain(sub);
	while (ok && status == NATS_OK) {
		status = natsSubscription_NextMsg(&msg, sub, MEMBER_MS);
		if (status != NATS_OK)
			break;
		ok = answer(a, msg);
		natsMsg_Destroy(msg);
	}
	natsSubscription_Destroy(sub);
	return ok;
}

static void on_close(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *closure)
{
	struct bridge *b = closure;

	(void)nc;
	(void)sub;
	natsMsg_Destroy(msg);
	if (!channel_close(b, b->send_fd, "sending") || !channel_close(b, b->recv_fd, "receiving"))
		__atomic_store_n(&b->failed, true, __ATOMIC_RELEASE);
	bridge_stop(b);
}

/* Ask with messages of this machine in a thread, and answer here, until a stop. */
static bool run(struct asker *asker, struct answerer *answerer)
{
	struct bridge *b = asker->b;
	natsSubscription *close_sub = NULL;
	pthread_t thread;
	natsStatus status;

	status = natsConnection_Subscribe(&close_sub, b->nc, b->close_subject, on_close, b);
	if (status != NATS_OK || pthread_create(&thread, NULL, ask_thread, asker)) {
		log_line(LEVEL_ERROR, b, "cannot begin: %s", nats_problem(status));
		natsSubscription_Destroy(close_sub);
		return false;
	}
	bridge_ready(b);
	log_line(LEVEL_INFO, b, "bridged to %s at %s", b->subject, b->settings.servers);
	while (!stopping(b) && wait_for_receiver(answerer) && serve(answerer))
		;
	bridge_stop(b);
	pthread_join(thread, NULL);
	natsSubscription_Destroy(close_sub);
	return !b->failed;
}

bool call_run(struct bridge *b)
{
	struct answerer answerer = { .b = b };
	struct asker asker = { .b = b };
	struct gochan_info info;
	bool ok = false;

	snprintf(b->subject, sizeof(b->subject), "gochan.%s", b->settings.stream);
	snprintf(b->close_subject, sizeof(b->close_subject), "gochan.%s.close",
		 b->settings.stream);
	if (gochan_info(b->send_fd, &info) == 0) {
		asker.size = info.msg_size + 1;
		asker.msg = malloc(asker.size);
		asker.other = malloc(asker.size);
	}
	if (asker.msg && asker.other)
		ok = run(&asker, &answerer);
	else
		log_line(LEVEL_ERROR, b, "cannot begin: %s", strerror(errno));
	free(asker.msg);
	free(asker.other);
	return ok;
}
