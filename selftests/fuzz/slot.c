// SPDX-License-Identifier: GPL-2.0
/*
 * The descriptors of a process, in slots that its actors fill and empty concurrently.
 * In a ledger program a slot that is filled is never changed, so that it is known
 * which channel a call uses.
 */
#include "actor.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A slot is a word: generation, whether it is a channel, descriptor + 1. */
#define CHANNEL_BIT	(1ULL << 32)
#define GENERATION	33

static uint64_t load(const struct process *process, uint64_t at)
{
	return __atomic_load_n(&process->slots[at], __ATOMIC_SEQ_CST);
}

struct slot slot_get(const struct process *process, uint64_t at)
{
	uint64_t word;

	if (at >= SLOTS)
		return (struct slot){ .at = at, .fd = at == SLOTS ? -1 : 9999 };
	word = load(process, at);
	return (struct slot){
		.at = at,
		.fd = (int)(uint32_t)word - 1,
		.is_channel = word & CHANNEL_BIT,
		.generation = word >> GENERATION,
	};
}

/* Is it a channel, and has the slot not changed since? */
bool slot_unchanged(const struct actor *actor, struct slot slot)
{
	return slot.is_channel &&
	       slot_get(actor->process, slot.at).generation == slot.generation;
}

/* For a ledger, record the message size of the channel. */
void slot_read_info(struct process *process, uint64_t at)
{
	struct gochan_info info;

	if (ioctl(slot_get(process, at).fd, GOCHAN_IOC_INFO, &info))
		return;
	process->msg_size[at] = info.msg_size;
	process->fixed[at] = info.flags & GOCHAN_FIXED;
}

/*
 * Put a descriptor, -1 for none, into a slot and close the old one. With @is_new it is
 * a new channel; otherwise INFO tells whether it is one.
 */
void slot_put(struct actor *actor, uint64_t at, int fd, bool is_new)
{
	struct process *process = actor->process;
	uint64_t old = load(process, at), new;
	struct gochan_info info;

	if (actor->prog->ledger && (uint32_t)old) {
		close(fd);
		return;
	}
	new = fd + 1;
	if (is_new || (fd >= 0 && !ioctl(fd, GOCHAN_IOC_INFO, &info)))
		new |= CHANNEL_BIT;
	while (!__atomic_compare_exchange_n(&process->slots[at], &old,
					    new | ((old >> GENERATION) + 1) << GENERATION, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	if ((uint32_t)old)
		close((int)(uint32_t)old - 1);
	if (actor->prog->ledger && (new & CHANNEL_BIT) && !is_new)
		slot_read_info(process, at);
}
