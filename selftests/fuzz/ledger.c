// SPDX-License-Identifier: GPL-2.0
/*
 * Messages that carry a number, what became of them, and whether what arrives
 * is what was sent. Only programs that are a ledger have them.
 */
#include "actor.h"

#include <string.h>

#define MAGIC	0x6f686366

/* So many messages in vain in one call are as good as never. */
#define MAX_LAYERS	8

struct message {
	uint32_t magic;
	uint32_t run;
	uint16_t actor;
	uint16_t number;
	uint32_t len;
	uint8_t body[];
};

static uint8_t body_byte(unsigned int number, size_t i)
{
	return number * 37 + i * 11 + (i >> 8);
}

/* Of which number body_byte() made @byte for place @i, modulo 256, times 37. */
static uint8_t body_key(uint8_t byte, size_t i)
{
	return byte - i * 11 - (i >> 8);
}

static void write_one(struct actor *actor, char *buf, size_t len, unsigned int number)
{
	const struct message msg = { MAGIC, actor->board->run, actor->index, number, len };
	size_t i;

	memcpy(buf, &msg, sizeof(msg));
	for (i = sizeof(msg); i < len; i++)
		buf[i] = body_byte(number, i);
}

/* Numbered messages of @piece bytes each; none when they do not fit. */
struct batch_of_messages ledger_write(struct actor *actor, char *buf, size_t len, size_t piece)
{
	struct batch_of_messages batch = { .first = actor->sent, .piece = piece };
	size_t at;

	if (!actor->prog->ledger || piece < sizeof(struct message))
		return batch;
	for (at = 0; at + piece <= len && actor->sent < MAX_MESSAGES; at += piece) {
		write_one(actor, buf + at, piece, actor->sent);
		actor->board->fates[actor->index][actor->sent++] = TRYING;
		batch.count++;
	}
	return batch;
}

/* @counts: none of them may be lost, as the channel is seen to at the end. */
void ledger_sent(struct actor *actor, struct batch_of_messages batch, unsigned int sent,
		 bool counts)
{
	uint8_t *fates = &actor->board->fates[actor->index][batch.first];
	unsigned int i;

	for (i = 0; i < batch.count; i++)
		fates[i] = i >= sent ? NOT_SENT : counts ? SENT : SENT_ELSEWHERE;
}

static bool is_whole(const char *buf, size_t len, struct message *msg, uint32_t run)
{
	size_t i;

	if (len < sizeof(*msg))
		return false;
	memcpy(msg, buf, sizeof(*msg));
	if (msg->magic != MAGIC || msg->run != run || msg->len != len ||
	    msg->actor > MAX_ACTORS || msg->number >= MAX_MESSAGES)
		return false;
	for (i = sizeof(*msg); i < len; i++)
		if ((uint8_t)buf[i] != body_byte(msg->number, i))
			return false;
	return true;
}

static void received_one(struct actor *actor, const char *buf, size_t len, bool peek)
{
	struct board *board = actor->board;
	struct message msg = {};

	if (!is_whole(buf, len, &msg, board->run)) {
		wrong(actor, "a message of %zu bytes is not one that was sent (%x %x %u:%u %u)",
		      len, msg.magic, msg.run, msg.actor, msg.number, msg.len);
		return;
	}
	if (!peek && __atomic_exchange_n(&board->received[msg.actor][msg.number], 1,
					 __ATOMIC_RELAXED))
		wrong(actor, "message %u of actor %u came twice", msg.number, msg.actor);
}

void ledger_received(struct actor *actor, const char *buf, size_t len, size_t piece, bool peek)
{
	size_t at;

	if (!actor->prog->ledger || !len || !piece)
		return;
	for (at = 0; at + piece <= len; at += piece)
		received_one(actor, buf + at, piece, peek);
	if (at != len)
		wrong(actor, "%zu bytes came of messages of %zu", len, piece);
}

/*
 * Behind a message of @len bytes, may what lies in its room of @room bytes be
 * there? A longer one may have been copied there before it and then not taken,
 * and before that one a still longer one; else it is as it was laid.
 */
bool ledger_is_rest(const char *buf, size_t len, size_t room)
{
	unsigned int layers = 0;
	uint8_t key = 0;
	size_t i;

	while (room > len && (uint8_t)buf[room - 1] == CANARY)
		room--;
	if (len < sizeof(struct message) && room > len) {
		if (len == 0 && (room < sizeof(struct message) ||
				 ((const struct message *)buf)->magic != MAGIC))
			return false;
		len = sizeof(struct message);
	}
	for (i = len; i < room; i++) {
		if (layers && body_key(buf[i], i) == key)
			continue;
		key = body_key(buf[i], i);
		if (++layers > MAX_LAYERS)
			return false;
	}
	return true;
}

void ledger_unknown(struct actor *actor, unsigned int count)
{
	__atomic_fetch_add(&actor->board->unknown, count, __ATOMIC_RELAXED);
}
