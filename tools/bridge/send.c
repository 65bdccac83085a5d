// SPDX-License-Identifier: GPL-2.0
/*
 * From the sending channel into the stream.
 *
 * A message is leased from the channel, published, and acknowledged to the channel once the
 * stream has confirmed it. So a message is always in one of the two: if this process dies,
 * the kernel requeues what was not acknowledged, and the next bridge publishes it again. The
 * stream recognizes that by its ID, which is always the same for the same message.
 *
 * Order (R2): messages are published in the order in which they were received. When one is
 * refused, because the stream is full or there is no answer, nothing new is published until
 * all answers are in; then those that have failed are published again one by one, in order.
 * What was published after it may already be in the stream, ahead of it. So that this does
 * not happen where one machine sends, no more messages are published without asking than
 * the stream has room for ("credit"): of the free places a quarter, as other machines may
 * send as well. With none left, messages are published one at a time.
 *
 * One thread runs this; libnats reports results in a thread of its own. @lock protects
 * struct out's fields @sent, @result and @duplicate, and what follows it in struct sender.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge.h"

#define WINDOW			256	/* messages without an answer */
#define BATCH_MAX		64	/* messages received in one call */
#define BATCH_BYTES		(1 << 20)
#define ANSWER_MS		5000
#define RETRY_MIN_NS		NS_PER_MS
#define RETRY_MAX_NS		(200 * NS_PER_MS)
#define UNASKED_SINGLES		16	/* published one at a time before asking for room again */
#define RECONNECT_POLL_NS	(50 * NS_PER_MS)	/* while there is no connection */
#define STOP_NS			(5 * NS_PER_S)	/* to wait for answers at the end */

enum result {
	PENDING,
	CONFIRMED,
	FULL,			/* the stream has no room */
	UNANSWERED,		/* or another failure that may pass */
	REFUSED,		/* the stream will never take it */
};

enum state {
	FREE,
	PUBLISHED,
	RETRY,
};

/**
 * struct out - a message on its way into the stream
 * @state: where it is
 * @lease: what the channel wants to see acknowledged
 * @seq: its number on the channel
 * @msg: the message, unless it is published
 * @sent: when published, @msg as it was; only compared
 * @result: what has become of it
 * @duplicate: it was in the stream already
 */
struct out {
	enum state state;
	uint64_t lease;
	uint64_t seq;
	natsMsg *msg;
	natsMsg *sent;
	enum result result;
	bool duplicate;
};

struct sender {
	struct bridge *b;
	jsCtx *js;
	char id[64];		/* what IDs of messages begin with */
	int event;		/* readable when there are results */
	size_t msg_size;
	unsigned int batch;
	uint8_t *buffers;

	struct out out[WINDOW];
	unsigned int published, to_retry;
	int64_t retry_at, retry_delay;
	int64_t credit;
	unsigned int singles;
	enum result last_problem;
	unsigned int last_begun;
	bool asynchronous;	/* messages were published asynchronously */

	pthread_mutex_t lock;
	unsigned int unanswered;
	unsigned int last_answered;
	unsigned int nr_results;
	unsigned int results[WINDOW];	/* places in @out */
};

/* ---- results, in a thread of libnats ---- */

static enum result classify(const jsPubAckErr *error)
{
	if (error->ErrCode == JSStreamMessageExceedsMaximumErr ||
	    error->ErrCode == JSStreamSealedErr || error->Err == NATS_MAX_PAYLOAD)
		return REFUSED;
	if (error->ErrText && strstr(error->ErrText, "maximum messages"))
		return FULL;
	return UNANSWERED;
}

/* Answers mostly come in the order of the messages, so begin after the last one. */
static struct out *find_sent(struct sender *s, const natsMsg *msg)
{
	unsigned int i;

	for (i = 1; i <= WINDOW; i++) {
		struct out *o = &s->out[(s->last_answered + i) % WINDOW];

		if (o->sent != msg)
			continue;
		s->last_answered = o - s->out;
		return o;
	}
	return NULL;
}

/* A message that was published has a subject for its answer, with which it cannot be again. */
static void keep_copy(struct sender *s, struct out *o, const natsMsg *msg)
{
	if (natsMsg_Create(&o->msg, s->b->subject, NULL, natsMsg_GetData(msg),
			   natsMsg_GetDataLength(msg)) == NATS_OK)
		return;
	log_line(LEVEL_ERROR, s->b, "out of memory");
	o->result = REFUSED;
}

static void on_result(jsCtx *js, natsMsg *msg, jsPubAck *ack, jsPubAckErr *error, void *closure)
{
	struct sender *s = closure;
	bool tell = false;
	struct out *o;

	(void)js;
	pthread_mutex_lock(&s->lock);
	o = find_sent(s, msg);
	if (o) {
		o->sent = NULL;
		o->result = ack ? CONFIRMED : classify(error);
		o->duplicate = ack && ack->Duplicate;
		if (!ack) {
			keep_copy(s, o, msg);
			if (o->result == UNANSWERED)
				log_line(LEVEL_DEBUG, s->b, "message %" PRIu64 ": %s", o->seq,
					 error->ErrText ? error->ErrText :
					 natsStatus_GetText(error->Err));
		}
		s->results[s->nr_results++] = o - s->out;
		s->unanswered--;
		/* Not for each result: while messages are unanswered, others follow. */
		tell = !ack || s->nr_results >= s->unanswered;
	}
	pthread_mutex_unlock(&s->lock);
	natsMsg_Destroy(msg);
	if (tell)
		event_signal(s->event);
}

/* ---- publishing ---- */

static void publish_and_wait(struct sender *s, natsMsg *msg, jsPubOptions *options)
{
	jsPubAckErr error = { 0 };
	jsPubAck *ack = NULL;

	error.Err = js_PublishMsg(&ack, s->js, msg, options, &error.ErrCode);
	error.ErrText = nats_GetLastError(NULL);
	on_result(s->js, msg, ack, &error, s);
	jsPubAck_Destroy(ack);
}

/*
 * A message that is @alone, as there are no others, is sent at once and waited for; those
 * that come meanwhile are then published together. What is published asynchronously libnats
 * collects for a millisecond.
 */
static void publish(struct sender *s, struct out *o, bool alone)
{
	jsPubOptions options;
	natsStatus status;
	natsMsg *msg;
	char id[96];

	snprintf(id, sizeof(id), "%s-%" PRIu64, s->id, o->seq);
	jsPubOptions_Init(&options);
	options.MsgId = id;
	options.MaxWait = ANSWER_MS;
	pthread_mutex_lock(&s->lock);
	msg = o->msg;
	o->msg = NULL;
	o->result = PENDING;
	o->sent = msg;
	s->unanswered++;
	pthread_mutex_unlock(&s->lock);
	o->state = PUBLISHED;
	s->published++;
	if (alone) {
		publish_and_wait(s, msg, &options);
		return;
	}
	/* The result may come, and @o have the message again, before this returns. */
	status = js_PublishMsgAsync(s->js, &msg, &options);
	if (status == NATS_OK) {
		s->asynchronous = true;
		return;
	}
	log_line(LEVEL_DEBUG, s->b, "message %" PRIu64 ": %s", o->seq, nats_problem(status));
	/* If it is libnats' nevertheless, there will be a result. */
	if (!msg)
		return;
	pthread_mutex_lock(&s->lock);
	o->sent = NULL;
	s->unanswered--;
	o->result = status == NATS_MAX_PAYLOAD ? REFUSED : UNANSWERED;
	keep_copy(s, o, msg);
	s->results[s->nr_results++] = o - s->out;
	pthread_mutex_unlock(&s->lock);
	natsMsg_Destroy(msg);
	event_signal(s->event);
}

/* How many messages may be published now? */
static unsigned int may_publish(struct sender *s)
{
	if (s->to_retry)
		return s->published ? 0 : 1;
	if (s->credit > 0)
		return s->credit < WINDOW - s->published ? s->credit : WINDOW - s->published;
	if (s->published)
		return 0;
	if (s->singles) {
		s->singles--;
		return 1;
	}
	s->singles = UNASKED_SINGLES;
	s->credit = stream_room(s->b) / 4;
	return s->credit < 1 ? 1 : s->credit < WINDOW ? s->credit : WINDOW;
}

static struct out *first_to_retry(struct sender *s)
{
	struct out *o, *first = NULL;

	for (o = s->out; o < s->out + WINDOW; o++) {
		if (o->state == RETRY && (!first || o->seq < first->seq))
			first = o;
	}
	return first;
}

static void publish_again(struct sender *s)
{
	struct out *o = first_to_retry(s);

	s->to_retry--;
	__atomic_add_fetch(&s->b->counters.retried, 1, __ATOMIC_RELAXED);
	publish(s, o, false);
}

/* ---- what has become of them ---- */

/* Log the first of several problems of the same kind. */
static void report_problem(struct sender *s, enum result result)
{
	if (s->last_problem == result)
		return;
	s->last_problem = result;
	switch (result) {
	case FULL:
		log_line(LEVEL_DEBUG, s->b, "stream %s is full; senders wait",
			 s->b->settings.stream);
		break;
	case UNANSWERED:
		log_line(LEVEL_WARNING, s->b,
			 "stream %s does not confirm messages; they are published again",
			 s->b->settings.stream);
		break;
	case CONFIRMED:
		log_line(LEVEL_DEBUG, s->b, "stream %s takes messages again",
			 s->b->settings.stream);
		break;
	default:
		break;
	}
}

static void confirmed(struct sender *s, struct out *o, struct gochan_op *op)
{
	memset(op, 0, sizeof(*op));
	op->fd = s->b->send_fd;
	op->opcode = GOCHAN_OP_ACK;
	op->lease = o->lease;
	o->state = FREE;
	s->retry_delay = RETRY_MIN_NS;
	if (o->duplicate)
		__atomic_add_fetch(&s->b->counters.duplicates, 1, __ATOMIC_RELAXED);
}

static void failed(struct sender *s, struct out *o)
{
	o->state = RETRY;
	s->to_retry++;
	s->credit = 0;
	s->singles = 0;
	s->retry_at = now_ns() + s->retry_delay;
	s->retry_delay = s->retry_delay * 2 < RETRY_MAX_NS ? s->retry_delay * 2 : RETRY_MAX_NS;
}

static bool acknowledge(struct sender *s, struct gochan_op *ops, unsigned int n)
{
	if (n && gochan_batch(ops, n, -1, 0) != (int)n) {
		log_line(LEVEL_ERROR, s->b, "acknowledging to the channel: %s",
			 strerror(errno));
		return false;
	}
	__atomic_add_fetch(&s->b->counters.confirmed, n, __ATOMIC_RELAXED);
	return true;
}

/* Take over what on_result() has found out; false if the bridge cannot go on. */
static bool take_results(struct sender *s)
{
	struct gochan_op ops[WINDOW];
	unsigned int results[WINDOW];
	unsigned int i, n, nr_ops = 0;
	struct out *o;

	event_clear(s->event);
	pthread_mutex_lock(&s->lock);
	n = s->nr_results;
	memcpy(results, s->results, n * sizeof(*results));
	s->nr_results = 0;
	pthread_mutex_unlock(&s->lock);
	for (i = 0; i < n; i++) {
		o = &s->out[results[i]];
		s->published--;
		if (o->result == CONFIRMED)
			confirmed(s, o, &ops[nr_ops++]);
		else
			failed(s, o);
		report_problem(s, o->result);
		if (o->result != REFUSED)
			continue;
		log_line(LEVEL_ERROR, s->b,
			 "stream %s refuses a message: it was closed, or the message is too long; messages stay in the channel, use gochan recv to get them",
			 s->b->settings.stream);
		acknowledge(s, ops, nr_ops);
		return false;
	}
	return acknowledge(s, ops, nr_ops);
}

/*
 * The connection was lost, and with it what was on its way or its answers: take back all
 * that is without an answer, so that it is published again in order.
 */
static void take_back(struct sender *s)
{
	natsMsgList list;
	int i;

	__atomic_store_n(&s->b->broken, false, __ATOMIC_RELEASE);
	/* libnats 3.4 crashes if nothing was ever published asynchronously. */
	if (!s->asynchronous)
		return;
	if (js_PublishAsyncGetPendingList(&list, s->js) != NATS_OK)
		return;
	pthread_mutex_lock(&s->lock);
	for (i = 0; i < list.Count; i++) {
		struct out *o = find_sent(s, list.Msgs[i]);

		if (!o)
			continue;
		o->sent = NULL;
		s->unanswered--;
		o->result = UNANSWERED;
		keep_copy(s, o, list.Msgs[i]);
		s->results[s->nr_results++] = o - s->out;
	}
	pthread_mutex_unlock(&s->lock);
	natsMsgList_Destroy(&list);
}

/* ---- receiving ---- */

static bool begin(struct sender *s, const struct gochan_op *op, const void *data, bool alone)
{
	struct out *o;

	do {
		s->last_begun = (s->last_begun + 1) % WINDOW;
		o = &s->out[s->last_begun];
	} while (o->state != FREE);
	o->lease = op->lease;
	o->seq = op->seq;
	if (natsMsg_Create(&o->msg, s->b->subject, NULL, data, op->len) != NATS_OK) {
		log_line(LEVEL_ERROR, s->b, "out of memory");
		return false;
	}
	__atomic_add_fetch(&s->b->counters.received, 1, __ATOMIC_RELAXED);
	if (s->credit > 0)
		s->credit--;
	publish(s, o, alone);
	return true;
}

/* Receive what else is there without waiting; the number of messages. */
static int receive_more(struct sender *s, struct gochan_op *ops, unsigned int n)
{
	unsigned int i;
	int got;

	for (i = 0; i < n; i++)
		ops[i] = GOCHAN_RECV(s->b->send_fd, s->buffers + (i + 1) * s->msg_size,
				     s->msg_size);
	got = n ? gochan_batch(ops, n, 0, 0) : 0;
	/* A receive at the end counts as complete. */
	while (got > 0 && ops[got - 1].result == GOCHAN_R_CLOSED)
		got--;
	return got;
}

/*
 * Wait for messages, of which up to @n are published, for results, or until @timeout_ns. 1 at
 * the end of the channel, -1 on failure.
 */
static int receive(struct sender *s, unsigned int n, int64_t timeout_ns)
{
	struct gochan_op ops[BATCH_MAX];
	struct gochan_op wait[] = {
		GOCHAN_RECV(n ? s->b->send_fd : -1, s->buffers, s->msg_size),
		GOCHAN_POLL(s->event, POLLIN),
		GOCHAN_POLL(s->b->stop_fd, POLLIN),
	};
	int chosen, got, i;

	chosen = gochan_select(wait, ARRAY_SIZE(wait), timeout_ns, 0);
	if (chosen < 0 && (errno == EAGAIN || errno == ETIMEDOUT || errno == EINTR))
		return 0;
	if (chosen < 0) {
		log_line(LEVEL_ERROR, s->b, "receiving from the channel: %s",
			 strerror(errno));
		return -1;
	}
	if (chosen)
		return 0;
	if (wait[0].result == GOCHAN_R_CLOSED)
		return 1;
	got = receive_more(s, ops, (n < s->batch ? n : s->batch) - 1);
	if (!begin(s, &wait[0], s->buffers, got <= 0 && !s->published))
		return -1;
	for (i = 0; i < got; i++) {
		if (!begin(s, &ops[i], s->buffers + (i + 1) * s->msg_size, false))
			return -1;
	}
	return 0;
}

/* ---- the thread ---- */

/* Has everything that was in the channel been moved? */
static bool is_done(const struct sender *s)
{
	struct gochan_info info;

	return s->b->settings.once && !s->published && !s->to_retry &&
	       gochan_info(s->b->send_fd, &info) == 0 && !info.len && !info.leased;
}

static bool is_connected(const struct sender *s)
{
	return natsConnection_Status(s->b->nc) == NATS_CONN_STATUS_CONNECTED;
}

/* Until the end of the channel (1), a stop or --once (0), or a failure (-1). */
static int move(struct sender *s)
{
	int64_t timeout, stop_at = 0;
	unsigned int n;
	int end = 0;

	while (!end) {
		if (__atomic_load_n(&s->b->broken, __ATOMIC_ACQUIRE) && is_connected(s))
			take_back(s);
		if (!take_results(s))
			return -1;
		if (is_done(s))
			return 0;
		if (stopping(s->b) && !stop_at)
			stop_at = now_ns() + STOP_NS;
		if (stop_at && (!s->published || now_ns() >= stop_at))
			return 0;
		n = is_connected(s) ? may_publish(s) : 0;
		timeout = stop_at ? STOP_NS : s->b->settings.once ? 10 * NS_PER_MS : -1;
		if (!is_connected(s))
			timeout = RECONNECT_POLL_NS;
		if (n && s->to_retry) {
			timeout = s->retry_at - now_ns();
			if (timeout <= 0)
				publish_again(s);
			n = 0;
		}
		if (stop_at) {
			poll(&(struct pollfd){ s->event, POLLIN, 0 }, 1, 100);
			continue;
		}
		end = receive(s, n, timeout < 0 && timeout != -1 ? 0 : timeout);
	}
	return end;
}

/*
 * What tells this channel from any other, now and before: the boot, the channel's number,
 * and when its file was made, as numbers begin anew when the module is loaded. The time of
 * modification, as chmod(1) and mv(1) set that of the last change.
 */
static bool make_id(struct sender *s, const struct gochan_info *info)
{
	char boot[37] = "";
	struct stat st;
	FILE *file;

	file = fopen("/proc/sys/kernel/random/boot_id", "re");
	if (!file || !fgets(boot, sizeof(boot), file) || fstat(s->b->send_fd, &st)) {
		log_line(LEVEL_ERROR, s->b, "cannot identify the channel: %s", strerror(errno));
		if (file)
			fclose(file);
		return false;
	}
	fclose(file);
	snprintf(s->id, sizeof(s->id), "%.8s%.4s%.4s-%" PRIx64 "-%llx", boot, boot + 9, boot + 14,
		 (uint64_t)info->id,
		 (unsigned long long)st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec);
	return true;
}

/* Once for a bridge, as libnats may report results until after the connection is closed. */
static struct sender *get_sender(struct bridge *b)
{
	struct sender *s = b->sender;

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->b = b;
	s->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&s->lock, NULL);
	b->sender = s;
	b->sender_wake = s->event;
	return s;
}

/* Forget what was on its way in an earlier connection; the channel has it still. */
static void forget_all(struct sender *s)
{
	struct out *o;

	pthread_mutex_lock(&s->lock);
	for (o = s->out; o < s->out + WINDOW; o++) {
		natsMsg_Destroy(o->msg);
		*o = (struct out){ .state = FREE };
	}
	s->nr_results = 0;
	s->unanswered = 0;
	pthread_mutex_unlock(&s->lock);
	s->published = 0;
	s->to_retry = 0;
	s->credit = 0;
	s->singles = 0;
	s->retry_delay = RETRY_MIN_NS;
	s->last_problem = PENDING;
	s->asynchronous = false;
}

static bool prepare(struct sender *s)
{
	struct gochan_info info;
	jsOptions options;
	natsStatus status;

	forget_all(s);
	if (gochan_info(s->b->send_fd, &info) || !make_id(s, &info))
		return false;
	s->msg_size = info.msg_size ? info.msg_size : 1;
	s->batch = BATCH_BYTES / s->msg_size;
	s->batch = s->batch < 1 ? 1 : s->batch > BATCH_MAX ? BATCH_MAX : s->batch;
	s->buffers = malloc(s->batch * s->msg_size);
	jsOptions_Init(&options);
	options.PublishAsync.MaxPending = WINDOW;
	options.PublishAsync.AckHandler = on_result;
	options.PublishAsync.AckHandlerClosure = s;
	status = natsConnection_JetStream(&s->js, s->b->nc, &options);
	if (s->buffers && s->event >= 0 && status == NATS_OK)
		return true;
	log_line(LEVEL_ERROR, s->b, "cannot begin to send: %s",
		 status == NATS_OK ? strerror(errno) : nats_problem(status));
	return false;
}

void *send_thread(void *bridge)
{
	struct bridge *b = bridge;
	struct sender *s = get_sender(b);
	int end = -1;

	if (s && prepare(s))
		end = move(s);
	if (end > 0)
		publish_close(b);
	if (end < 0) {
		__atomic_store_n(&b->failed, true, __ATOMIC_RELEASE);
		bridge_stop(b);
	}
	__atomic_store_n(&b->sent_all, true, __ATOMIC_RELEASE);
	event_signal(b->wake);
	if (s) {
		jsCtx_Destroy(s->js);
		s->js = NULL;
		free(s->buffers);
		s->buffers = NULL;
	}
	return NULL;
}

/* The bridge is gone, and its connection. */
void sender_free(struct bridge *b)
{
	if (!b->sender)
		return;
	forget_all(b->sender);
	close(b->sender->event);
	free(b->sender);
	b->sender = NULL;
	b->sender_wake = -1;
}
