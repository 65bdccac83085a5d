// SPDX-License-Identifier: GPL-2.0
/*
 * A hand-written queue in shared memory: a ring buffer protected by a lock, with
 * a futex to sleep on for each direction. It is meant for processes that trust
 * each other: if one dies while it holds the lock, all others hang. It has no
 * descriptor that could be polled.
 */
#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

/*
 * @lock is 0 if free, 1 if held, 2 if held with waiters. @sends and @recvs count
 * completed operations and serve as futexes for blocked receivers and senders,
 * whose numbers are in @receivers and @senders.
 */
struct ring {
	atomic_uint lock;
	atomic_uint sends, recvs;
	unsigned int receivers, senders;
	unsigned int capacity, head, len;
	unsigned char data[] __attribute__((aligned(64)));
};

static void futex_wait(atomic_uint *word, unsigned int value)
{
	syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static void futex_wake_one(atomic_uint *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void lock(struct ring *ring)
{
	unsigned int was = 0;

	if (atomic_compare_exchange_strong(&ring->lock, &was, 1))
		return;
	while (atomic_exchange(&ring->lock, 2))
		futex_wait(&ring->lock, 2);
}

static void unlock(struct ring *ring)
{
	if (atomic_exchange(&ring->lock, 0) == 2)
		futex_wake_one(&ring->lock);
}

/* Block until @word changes, releasing the lock meanwhile. */
static void wait_for_change(struct ring *ring, atomic_uint *word, unsigned int *sleepers)
{
	const unsigned int seen = atomic_load(word);

	++*sleepers;
	unlock(ring);
	futex_wait(word, seen);
	lock(ring);
	--*sleepers;
}

static void unlock_and_wake(struct ring *ring, atomic_uint *word, unsigned int sleepers)
{
	atomic_fetch_add(word, 1);
	unlock(ring);
	if (sleepers)
		futex_wake_one(word);
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
		wait_for_change(ring, &ring->recvs, &ring->senders);
	at = ring->head + ring->len++;
	if (at >= ring->capacity)
		at -= ring->capacity;
	memcpy(ring->data + at * link->size, buf, link->size);
	unlock_and_wake(ring, &ring->sends, ring->receivers);
}

static void futex_recv(struct link *link, void *buf)
{
	struct ring *ring = link->shm;

	lock(ring);
	while (!ring->len)
		wait_for_change(ring, &ring->sends, &ring->receivers);
	memcpy(buf, ring->data + ring->head * link->size, link->size);
	ring->head = ring->head + 1 == ring->capacity ? 0 : ring->head + 1;
	ring->len--;
	unlock_and_wake(ring, &ring->recvs, ring->senders);
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
