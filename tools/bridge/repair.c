// SPDX-License-Identifier: GPL-2.0
/*
 * Messages that a stream still has although its consumer is done with all up to the ack floor.
 * Nobody would get them, and they would keep their places forever. nats-server leaves two kinds
 * of them behind when it is killed, and its state does not tell which is which:
 *
 * - messages that were acknowledged, and whose deletion it has forgotten;
 * - in a cluster, messages that were never delivered, as the consumer was ahead of the stream.
 *
 * A bridge knows what it has acknowledged itself, and deletes that. The other bridges do the
 * same within --ack-wait. What is there after that time is published again and then deleted,
 * so that nothing is lost; it is a duplicate if the bridge that had acknowledged it is gone.
 * Bridges that publish the same message again do so with the same ID.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge.h"

#define REQUEST_MS	5000

/*
 * The number of the first message of the stream from @from on; 0 if there is none. Not of the
 * queue's subject, as nats-server 2.9 does not find all of a subject after it was killed.
 */
static uint64_t next_number(struct bridge *b, uint64_t from)
{
	char subject[SUBJECT_SIZE], request[64];
	natsMsg *reply = NULL;
	uint64_t number = 0;
	const char *found;

	snprintf(subject, sizeof(subject), "$JS.API.STREAM.MSG.GET.%s", b->settings.stream);
	snprintf(request, sizeof(request), "{\"seq\":%" PRIu64 ",\"next_by_subj\":\">\"}", from);
	if (natsConnection_RequestString(&reply, b->nc, subject, request, REQUEST_MS) != NATS_OK)
		return 0;
	/* What comes before it, the type and the subject, has no such text. */
	found = strstr(natsMsg_GetData(reply), "\"seq\":");
	if (found)
		number = strtoull(found + strlen("\"seq\":"), NULL, 10);
	natsMsg_Destroy(reply);
	return number;
}

static bool remove_message(struct bridge *b, uint64_t number)
{
	natsStatus status = js_DeleteMsg(b->js, b->settings.stream, number, NULL, NULL);

	if (status != NATS_OK)
		log_line(LEVEL_DEBUG, b, "removing message %" PRIu64 " of stream %s: %s", number,
			 b->settings.stream, nats_problem(status));
	return status == NATS_OK;
}

static bool publish_again(struct bridge *b, natsMsg *msg)
{
	jsPubOptions options;
	natsStatus status;
	char id[96];

	snprintf(id, sizeof(id), "again-%" PRIu64 "-%" PRId64, natsMsg_GetSequence(msg),
		 natsMsg_GetTime(msg));
	jsPubOptions_Init(&options);
	options.MsgId = id;
	status = js_Publish(NULL, b->js, b->subject, natsMsg_GetData(msg),
			    natsMsg_GetDataLength(msg), &options, NULL);
	if (status != NATS_OK)
		log_line(LEVEL_DEBUG, b, "message %" PRIu64 " of stream %s: %s",
			 natsMsg_GetSequence(msg), b->settings.stream, nats_problem(status));
	return status == NATS_OK;
}

/* How many messages were repaired, and how. */
struct repaired {
	unsigned int removed;
	unsigned int published;
	unsigned int failed;
};

static void repair_message(struct bridge *b, struct receiver *r, natsMsg *msg, bool again,
			   struct repaired *repaired)
{
	const uint64_t number = natsMsg_GetSequence(msg);

	switch (receiver_find(r, number, natsMsg_GetTime(msg))) {
	case MESSAGE_HERE:
		break;
	case MESSAGE_ACKNOWLEDGED:
		repaired->removed += remove_message(b, number);
		break;
	case MESSAGE_UNKNOWN:
		if (!again)
			break;
		if (publish_again(b, msg) && remove_message(b, number))
			repaired->published++;
		else
			repaired->failed++;
		break;
	}
}

bool stream_repair(struct bridge *b, struct receiver *r, uint64_t floor, bool again)
{
	struct repaired repaired = { 0 };
	uint64_t number;
	natsMsg *msg;

	for (number = next_number(b, 1); number && number <= floor && !stopping(b);
	     number = next_number(b, number + 1)) {
		if (js_GetMsg(&msg, b->js, b->settings.stream, number, NULL, NULL) != NATS_OK)
			continue;
		if (strcmp(natsMsg_GetSubject(msg), b->subject) == 0)
			repair_message(b, r, msg, again, &repaired);
		natsMsg_Destroy(msg);
		/* With many messages this takes long; the receiver's other work must go on. */
		receiver_tick(r);
	}
	if (repaired.removed)
		log_line(LEVEL_WARNING, b,
			 "stream %s still had %u messages that were acknowledged; they are removed",
			 b->settings.stream, repaired.removed);
	if (repaired.published)
		log_line(LEVEL_WARNING, b,
			 "stream %s had %u messages that it would not have delivered; they are published again",
			 b->settings.stream, repaired.published);
	return !repaired.failed;
}
