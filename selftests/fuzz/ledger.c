// SPDX-License-Identifier: GPL-2.0
/*
 * The ledger: numbered messages and their fate, and whether what is received is what
 * was sent. Only for programs with prog->ledger.
 */
#include "actor.h"

#include <string.h>

#define MAGIC	0x6f686366

/* More residues in one buffer are practically impossible. */
#define MAX_RESIDUES	8

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

/* Recover from a byte of the body (the number times 37) modulo 256. */
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

/* Write numbered messages of @piece bytes each; none if they do not fit. */
struct message_batch ledger_write(struct actor *actor, char *buf, size_t len, size_t piece)
{
	struct message_batch batch = { .first = actor->sent, .piece = piece };
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

/* @drained: the channel is drained at the end, so none of the messages may be lost. */
void ledger_sent(struct actor *actor, struct message_batch batch, unsigned int sent,
		 bool drained)
{
	uint8_t *fates = &actor->board->fates[actor->index][batch.first];
	unsigned int i;

	for (i = 0; i < batch.count; i++)
		fates[i] = i >= sent ? NOT_SENT : drained ? SENT : SENT_ELSEWHERE;
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
		violation(actor, "a message of %zu bytes is not one that was sent (%x %x %u:%u %u)",
			  len, msg.magic, msg.run, msg.actor, msg.number, msg.len);
		return;
	}
	if (!peek && __atomic_exchange_n(&board->received[msg.actor][msg.number], 1,
					 __ATOMIC_RELAXED))
		violation(actor, "message %u of actor %u was received twice", msg.number,
			  msg.actor);
}

void ledger_received(struct actor *actor, const char *buf, size_t len, size_t piece, bool peek)
{
	size_t at;

	if (!actor->prog->ledger || !len || !piece)
		return;
	for (at = 0; at + piece <= len; at += piece)
		received_one(actor, buf + at, piece, peek);
	if (at != len)
		violation(actor, "%zu bytes received, of messages of %zu", len, piece);
}

/*
 * Is the rest of a buffer of @room bytes, after a message of @len bytes, what may be
 * there? A longer message may have been copied there earlier and not received, and
 * before that a still longer one; the rest is the canary.
 */
bool ledger_is_residue(const char *buf, size_t len, size_t room)
{
	unsigned int residues = 0;
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
		if (residues && body_key(buf[i], i) == key)
			continue;
		key = body_key(buf[i], i);
		if (++residues > MAX_RESIDUES)
			return false;
	}
	return true;
}

void ledger_unknown(struct actor *actor, unsigned int count)
{
	__atomic_fetch_add(&actor->board->unknown, count, __ATOMIC_RELAXED);
}
