// SPDX-License-Identifier: GPL-2.0
/*
 * The stream that a bridged queue is, and its consumer. They are made by the first bridge; a
 * stream with other settings is refused, as each of these settings is a guarantee:
 *
 * - work queue retention: a message is in the stream until it is acknowledged, and is
 *   delivered to one machine;
 * - discard new: a full stream refuses messages instead of dropping others;
 * - no age or size at which messages are dropped.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bridge.h"

#define DEFAULT_CAPACITY	1024
#define OPEN_TRIES		20	/* while a cluster elects a leader */
#define OPEN_RETRY_MS		500

static uint32_t local_msg_size(int fd)
{
	struct gochan_info info;

	return fd >= 0 && gochan_info(fd, &info) == 0 ? info.msg_size : 0;
}

/* ---- a stream that exists ---- */

static bool other_setting(const struct bridge *b, const char *what, const char *remedy)
{
	log_line(LEVEL_ERROR, b, "stream %s exists with other settings: %s; %s",
		 b->settings.stream, what, remedy);
	return false;
}

static bool check_capacity(struct bridge *b, const jsStreamConfig *c)
{
	char text[160];

	if (c->MaxMsgs <= 0)
		return other_setting(b, "it has no limit of messages",
				     "set one: nats stream edit STREAM --max-msgs N");
	b->stream_capacity = c->MaxMsgs;
	if (!b->settings.capacity || b->settings.capacity == c->MaxMsgs)
		return true;
	snprintf(text, sizeof(text), "it holds %" PRId64 " messages, not %u", c->MaxMsgs,
		 b->settings.capacity);
	return other_setting(b, text, "leave out --capacity, or edit the stream");
}

static bool check_sizes(const struct bridge *b, const jsStreamConfig *c)
{
	uint32_t send = local_msg_size(b->send_fd), recv = local_msg_size(b->recv_fd);
	char text[160];

	if (c->MaxMsgSize >= 0 && send + HEADER_ROOM > (uint32_t)c->MaxMsgSize) {
		snprintf(text, sizeof(text),
			 "its messages have up to %d bytes with the header, those of the channel %u and %d for the header",
			 c->MaxMsgSize, send, HEADER_ROOM);
		return other_setting(b, text, "make the channel with a smaller --size");
	}
	if (b->recv_fd < 0 || (c->MaxMsgSize >= 0 &&
			       (uint32_t)c->MaxMsgSize <= recv + HEADER_ROOM))
		return true;
	snprintf(text, sizeof(text), "its messages may be longer than the channel's %u bytes",
		 recv);
	return other_setting(b, text, "make the channel with a larger --size");
}

static bool check_subjects(const struct bridge *b, const jsStreamConfig *c)
{
	int i, found = 0;

	for (i = 0; i < c->SubjectsLen; i++)
		found += !strcmp(c->Subjects[i], b->subject) ||
			 !strcmp(c->Subjects[i], b->close_subject);
	if (found == 2 && c->SubjectsLen == 2)
		return true;
	return other_setting(b, "its subjects are not those of a bridge",
			     "use another name, or remove the stream");
}

static bool check_stream(struct bridge *b, const jsStreamConfig *c)
{
	if (!check_subjects(b, c))
		return false;
	if (c->Retention != js_WorkQueuePolicy)
		return other_setting(b, "its retention is not that of a work queue",
				     "use another name, or remove the stream");
	if (c->Discard != js_DiscardNew)
		return other_setting(b, "when full it drops old messages",
				     "use: nats stream edit STREAM --discard new");
	if (c->MaxAge || c->MaxBytes > 0)
		return other_setting(b, "it drops messages by age, or has a limit of bytes",
				     "use: nats stream edit STREAM --max-age 0 --max-bytes -1");
	if (b->settings.replicas && b->settings.replicas != c->Replicas)
		return other_setting(b, "it has another number of replicas",
				     "leave out --replicas, or edit the stream");
	return check_capacity(b, c) && check_sizes(b, c);
}

/* ---- making ---- */

static natsStatus add_stream(struct bridge *b, jsErrCode *code)
{
	const char *subjects[2];
	uint32_t size = local_msg_size(b->send_fd);
	const struct settings *s = &b->settings;
	jsStreamConfig c;

	if (!size)
		size = local_msg_size(b->recv_fd);
	subjects[0] = b->subject;
	subjects[1] = b->close_subject;
	jsStreamConfig_Init(&c);
	c.Name = s->stream;
	c.Description = "made by gochan bridge";
	c.Subjects = subjects;
	c.SubjectsLen = ARRAY_SIZE(subjects);
	c.Retention = js_WorkQueuePolicy;
	c.Discard = js_DiscardNew;
	c.MaxMsgs = s->capacity ? s->capacity : DEFAULT_CAPACITY;
	c.MaxMsgSize = size + HEADER_ROOM;
	c.Storage = s->memory ? js_MemoryStorage : js_FileStorage;
	c.Replicas = s->replicas ? s->replicas : 1;
	c.Duplicates = s->duplicates * NS_PER_S;
	b->stream_capacity = c.MaxMsgs;
	return js_AddStream(NULL, b->js, &c, NULL, code);
}

/* There is a stream with the right settings, made now or before. */
static natsStatus find_or_add_stream(struct bridge *b, bool *wrong, jsErrCode *code)
{
	jsStreamInfo *info = NULL;
	natsStatus status;

	status = js_GetStreamInfo(&info, b->js, b->settings.stream, NULL, code);
	if (status == NATS_OK) {
		*wrong = !check_stream(b, info->Config);
		jsStreamInfo_Destroy(info);
		return NATS_OK;
	}
	if (status != NATS_NOT_FOUND)
		return status;
	status = add_stream(b, code);
	if (status == NATS_OK)
		log_line(LEVEL_INFO, b, "made stream %s for %" PRId64 " messages",
			 b->settings.stream, b->stream_capacity);
	return status;
}

/* Subjects overlap with those of the same stream, too, while another bridge is making it. */
static bool is_passing(natsStatus status, jsErrCode code)
{
	return status == NATS_TIMEOUT || status == NATS_NO_RESPONDERS ||
	       status == NATS_CONNECTION_DISCONNECTED || code == JSClusterNotAvailErr ||
	       code == JSClusterNoPeersErr || code == JSStreamNameExistErr ||
	       code == JSStreamSubjectOverlapErr;
}

bool stream_open(struct bridge *b)
{
	jsErrCode code = 0;
	natsStatus status = NATS_OK;
	bool wrong = false;
	int tries;

	snprintf(b->subject, sizeof(b->subject), "gochan.%s", b->settings.stream);
	snprintf(b->close_subject, sizeof(b->close_subject), "gochan.%s.close",
		 b->settings.stream);
	for (tries = 0; tries < OPEN_TRIES && !stopping(b); tries++) {
		code = 0;
		status = find_or_add_stream(b, &wrong, &code);
		if (status == NATS_OK)
			return !wrong;
		if (!is_passing(status, code))
			break;
		log_line(LEVEL_DEBUG, b, "stream: %s; trying again", nats_problem(status));
		nats_Sleep(OPEN_RETRY_MS);
	}
	if (!stopping(b) && code == JSStreamSubjectOverlapErr)
		log_line(LEVEL_ERROR, b,
			 "another stream has the subjects of stream %s; use another name, or remove it",
			 b->settings.stream);
	else if (!stopping(b))
		log_line(LEVEL_ERROR, b,
			 "stream %s: %s; is JetStream available, and may this user use it? gochan-bridge(1) lists the permissions",
			 b->settings.stream, nats_problem(status));
	return false;
}

int64_t stream_room(struct bridge *b)
{
	jsStreamInfo *info = NULL;
	int64_t room;

	if (js_GetStreamInfo(&info, b->js, b->settings.stream, NULL, NULL) != NATS_OK)
		return 0;
	room = info->Config->MaxMsgs - (int64_t)info->State.Msgs;
	jsStreamInfo_Destroy(info);
	return room;
}

natsStatus stream_get_state(struct bridge *b, struct stream_state *state)
{
	jsStreamStateSubjects *subjects;
	jsStreamInfo *info = NULL;
	jsOptions options;
	natsStatus status;
	int i;

	jsOptions_Init(&options);
	options.Stream.Info.SubjectsFilter = b->close_subject;
	status = js_GetStreamInfo(&info, b->js, b->settings.stream, &options, NULL);
	if (status != NATS_OK)
		return status;
	*state = (struct stream_state){
		.first = info->State.FirstSeq,
		.messages = info->State.Msgs,
		.sealed = info->Config->Sealed,
	};
	subjects = info->State.Subjects;
	for (i = 0; subjects && i < subjects->Count; i++) {
		if (strcmp(subjects->List[i].Subject, b->close_subject) != 0)
			continue;
		state->closed = subjects->List[i].Msgs > 0;
		state->messages -= subjects->List[i].Msgs;
	}
	jsStreamInfo_Destroy(info);
	return NATS_OK;
}

bool stream_seal(struct bridge *b)
{
	jsStreamInfo *info = NULL;
	natsStatus status;

	status = js_GetStreamInfo(&info, b->js, b->settings.stream, NULL, NULL);
	if (status == NATS_OK) {
		info->Config->Sealed = true;
		status = js_UpdateStream(NULL, b->js, info->Config, NULL, NULL);
		jsStreamInfo_Destroy(info);
	}
	if (status != NATS_OK)
		log_line(LEVEL_WARNING, b, "cannot seal stream %s: %s", b->settings.stream,
			 nats_problem(status));
	return status == NATS_OK;
}

/* ---- the consumer ---- */

static void configure_consumer(const struct bridge *b, jsConsumerConfig *c)
{
	c->Durable = "gochan";
	c->FilterSubject = b->subject;
	c->AckPolicy = js_AckExplicit;
	c->AckWait = b->settings.ack_wait * NS_PER_S;
	c->MaxDeliver = -1;
	c->MaxAckPending = b->stream_capacity;
}

static natsStatus subscribe(struct bridge *b, natsSubscription **sub, jsErrCode *code)
{
	jsSubOptions options;

	jsSubOptions_Init(&options);
	options.Stream = b->settings.stream;
	configure_consumer(b, &options.Config);
	return js_PullSubscribe(sub, b->js, b->subject, "gochan", NULL, &options, code);
}

static void report_no_consumer(const struct bridge *b, natsStatus status, jsErrCode code)
{
	const char *stream = b->settings.stream;

	if (is_passing(status, code))
		log_line(LEVEL_ERROR, b,
			 "consumer of stream %s: %s; has the cluster a leader, and may this user use the consumer? gochan-bridge(1) lists the permissions",
			 stream, nats_problem(status));
	else
		log_line(LEVEL_ERROR, b,
			 "consumer of stream %s: %s; all bridges of a stream need the same --ack-wait; if that or the capacity has changed, stop them all, and use: nats consumer rm %s gochan",
			 stream, nats_problem(status), stream);
}

natsSubscription *stream_subscribe(struct bridge *b)
{
	natsStatus status = NATS_OK;
	natsSubscription *sub = NULL;
	jsErrCode code = 0;
	int tries;

	for (tries = 0; tries < OPEN_TRIES && !stopping(b); tries++) {
		code = 0;
		status = subscribe(b, &sub, &code);
		if (status == NATS_OK)
			return sub;
		if (!is_passing(status, code))
			break;
		nats_Sleep(OPEN_RETRY_MS);
	}
	if (!stopping(b))
		report_no_consumer(b, status, code);
	return NULL;
}

/*
 * Somebody may have deleted the consumer, and a cluster may have lost it. Nothing would be
 * delivered any more; a new one delivers all that is in the stream.
 */
static void make_consumer_again(struct bridge *b)
{
	jsConsumerConfig config;
	natsStatus status;

	jsConsumerConfig_Init(&config);
	configure_consumer(b, &config);
	status = js_AddConsumer(NULL, b->js, b->settings.stream, &config, NULL, NULL);
	log_line(LEVEL_WARNING, b, "the consumer of stream %s is gone; %s", b->settings.stream,
		 status == NATS_OK ? "it was made again" : nats_problem(status));
}

bool stream_is_drained(struct bridge *b)
{
	jsConsumerInfo *info = NULL;
	bool drained = false;
	natsStatus status;

	status = js_GetConsumerInfo(&info, b->js, b->settings.stream, "gochan", NULL, NULL);
	if (status == NATS_NOT_FOUND)
		make_consumer_again(b);
	else if (status == NATS_OK)
		drained = !info->NumPending && !info->NumAckPending;
	jsConsumerInfo_Destroy(info);
	return drained;
}

/* A server that was killed may have an old floor; with nothing pending, all is done with. */
uint64_t stream_ack_floor(struct bridge *b)
{
	jsConsumerInfo *info = NULL;
	uint64_t floor = 0;
	natsStatus status;

	status = js_GetConsumerInfo(&info, b->js, b->settings.stream, "gochan", NULL, NULL);
	if (status == NATS_NOT_FOUND)
		make_consumer_again(b);
	else if (status == NATS_OK)
		floor = info->NumAckPending ? info->AckFloor.Stream : info->Delivered.Stream;
	jsConsumerInfo_Destroy(info);
	return floor;
}
