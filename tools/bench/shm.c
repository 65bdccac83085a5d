// SPDX-License-Identifier: GPL-2.0
/*
 * A queue in shared memory with futexes, as one makes it by hand: a ring under
 * a lock, and a word to sleep on at each end. It has what programs that trust
 * each other can do without: a dead process leaves the lock locked, and no
 * descriptor stands for it.
 */
#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

/*
 * @lock is 0 free, 1 held, 2 held and waited for. @came and @went count what
 * happened, for who sleeps until it does; @receivers and @senders are those.
 */
struct ring {
	atomic_uint lock;
	atomic_uint came, went;
	unsigned int receivers, senders;
	unsigned int capacity, head, len;
	unsigned char data[] __attribute__((aligned(64)));
};

static void sleep_while(atomic_uint *word, unsigned int value)
{
	syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static void wake_one(atomic_uint *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void lock(struct ring *ring)
{
	unsigned int was = 0;

	if (atomic_compare_exchange_strong(&ring->lock, &was, 1))
		return;
	while (atomic_exchange(&ring->lock, 2))
		sleep_while(&ring->lock, 2);
}

static void unlock(struct ring *ring)
{
	if (atomic_exchange(&ring->lock, 0) == 2)
		wake_one(&ring->lock);
}

/* Sleeps until the word changes; the lock is given up meanwhile. */
static void await(struct ring *ring, atomic_uint *word, unsigned int *sleepers)
{
	const unsigned int seen = atomic_load(word);

	++*sleepers;
	unlock(ring);
	sleep_while(word, seen);
	lock(ring);
	--*sleepers;
}

static void unlock_and_tell(struct ring *ring, atomic_uint *word, unsigned int sleepers)
{
	atomic_fetch_add(word, 1);
	unlock(ring);
	if (sleepers)
		wake_one(word);
}

static void futex_open(struct link *link, size_t size, int capacity)
{
	struct ring *ring = shared_memory(sizeof(*ring) + size * capacity);

	ring->capacity = capacity;
	link->shm = ring;
}

static void futex_close(struct link *link)
{
	const struct ring *ring = link->shm;

	unshare_memory(link->shm, sizeof(*ring) + link->size * ring->capacity);
}

static void futex_send(struct link *link, void *buf)
{
	struct ring *ring = link->shm;
	unsigned int at;

	lock(ring);
	while (ring->len == ring->capacity)
		await(ring, &ring->went, &ring->senders);
	at = ring->head + ring->len++;
	if (at >= ring->capacity)
		at -= ring->capacity;
	memcpy(ring->data + at * link->size, buf, link->size);
	unlock_and_tell(ring, &ring->came, ring->receivers);
}

static void futex_recv(struct link *link, void *buf)
{
	struct ring *ring = link->shm;

	lock(ring);
	while (!ring->len)
		await(ring, &ring->came, &ring->receivers);
	memcpy(buf, ring->data + ring->head * link->size, link->size);
	ring->head = ring->head + 1 == ring->capacity ? 0 : ring->head + 1;
	ring->len--;
	unlock_and_tell(ring, &ring->went, ring->senders);
}

const struct peer peer_futex = {
	.name = "futex",
	.max_size = 65536,
	.shared = 65536,
	.open = futex_open,
	.close = futex_close,
	.send = futex_send,
	.recv = futex_recv,
};
