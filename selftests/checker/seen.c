// SPDX-License-Identifier: GPL-2.0
/*
 * The set of states that a search has visited: a hash table that compares whole
 * states.
 */
#include "seen.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS		(1 << 16)
#define STATES_MAX	400000

struct known {
	struct known *next;
	uint64_t hash;
	size_t len;
	uint8_t bytes[];
};

struct seen {
	struct known *buckets[BUCKETS];
	size_t count;
};

struct seen *seen_make(void)
{
	struct seen *seen = calloc(1, sizeof(*seen));

	if (!seen)
		abort();
	return seen;
}

void seen_free(struct seen *seen)
{
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		struct known *known = seen->buckets[i];

		while (known) {
			struct known *next = known->next;

			free(known);
			known = next;
		}
	}
	free(seen);
}

bool seen_full(const struct seen *seen)
{
	return seen->count >= STATES_MAX;
}

static uint8_t *put(uint8_t *to, const void *from, size_t len)
{
	memcpy(to, from, len);
	return to + len;
}

/* Copy the parts of the state that are in use. */
static size_t pack(uint8_t *to, const struct state *st, size_t lanes)
{
	uint8_t *end = put(to, st, offsetof(struct state, next));

	end = put(end, st->next, lanes * sizeof(*st->next));
	end = put(end, st->phase, lanes * sizeof(*st->phase));
	end = put(end, st->entries, st->count * sizeof(*st->entries));
	return end - to;
}

static uint64_t hash_of(const uint8_t *bytes, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325;

	while (len--)
		hash = (hash ^ *bytes++) * 0x100000001b3;
	return hash ^ hash >> 32;
}

/* False if the state is in the set already, or the set is full. */
bool seen_add(struct seen *seen, const struct state *st, size_t lanes)
{
	uint8_t bytes[sizeof(*st)];
	const size_t len = pack(bytes, st, lanes);
	const uint64_t hash = hash_of(bytes, len);
	struct known **bucket = &seen->buckets[hash % BUCKETS], *known;

	if (seen_full(seen))
		return false;
	for (known = *bucket; known; known = known->next)
		if (known->hash == hash && known->len == len && !memcmp(known->bytes, bytes, len))
			return false;
	known = malloc(sizeof(*known) + len);
	if (!known)
		abort();
	known->next = *bucket;
	known->hash = hash;
	known->len = len;
	memcpy(known->bytes, bytes, len);
	*bucket = known;
	seen->count++;
	return true;
}
