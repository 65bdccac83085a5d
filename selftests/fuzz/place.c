// SPDX-License-Identifier: GPL-2.0
/*
 * Memory, valid and invalid: each actor's own, and memory that the actors of a process
 * share and change. It is mapped once, before all programs, as that is slow on a
 * debugging kernel, and inherited by fork. Each region is followed by an unmapped gap
 * that is longer than any message, and far from what else a process maps.
 */
#include "actor.h"

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BASE	((char *)0x100000000000UL)
#define STRIDE	(8UL << 20)
#define REGION	STRUCTS

/* Structures are put into an actor's own memory, and at the end of a region. */
static_assert(sizeof(struct gochan_ops) + MAX_COUNT * sizeof(struct gochan_op) <= STRUCTS,
	      "a call with MAX_COUNT ops does not fit");

/* Above the descriptors of programs. */
#define TRUNCATED_FD	950

static struct {
	char *own, *edge, *lazy, *stack;
	const char *own_ro;
} actor_memory[MAX_ACTORS + 1];

static struct process process_memory;

static char *next_place(void)
{
	static unsigned int n;

	return BASE + n++ * STRIDE;
}

static void *map(void *where, size_t len, int prot, int flags, int fd)
{
	void *to = mmap(where, len, prot, flags | MAP_FIXED, fd, 0);

	/* a fault injected into the call may hit this mmap, once */
	if (to == MAP_FAILED)
		to = mmap(where, len, prot, flags | MAP_FIXED, fd, 0);
	if (to == MAP_FAILED)
		err(1, "mmap");
	return to;
}

static char *fill_region(char *at)
{
	return map(at, REGION, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static int file_of(const char *name, size_t len)
{
	const int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, len))
		err(1, "memfd");
	return fd;
}

static void memory_of_actor(unsigned int i)
{
	const size_t len = MESSAGES + STRUCTS;
	const int fd = file_of("own", len);

	actor_memory[i].own = map(next_place(), len, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	actor_memory[i].own_ro = map(next_place(), len, PROT_READ, MAP_SHARED, fd);
	close(fd);
	actor_memory[i].edge = fill_region(next_place());
	actor_memory[i].lazy = fill_region(next_place());
	actor_memory[i].stack = map(next_place(), STACK, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

/* A file of one page, mapped beyond its end. */
static void map_truncated(void)
{
	const int fd = file_of("truncated", 4096);

	if (dup3(fd, TRUNCATED_FD, O_CLOEXEC) < 0)
		err(1, "memfd");
	close(fd);
	process_memory.truncated_fd = TRUNCATED_FD;
	process_memory.truncated = map(next_place(), REGION, PROT_READ | PROT_WRITE, MAP_SHARED,
				       TRUNCATED_FD);
}

void memory_make(void)
{
	unsigned int i;

	for (i = 0; i <= MAX_ACTORS; i++)
		memory_of_actor(i);
	process_memory.shared[0] = fill_region(next_place());
	process_memory.shared[1] = fill_region(next_place());
	process_memory.stalled = fill_region(next_place());
	map_truncated();
}

void memory_assign(struct process *process, struct actor *actors)
{
	unsigned int i;

	*process = process_memory;
	if (ftruncate(TRUNCATED_FD, 4096))
		err(1, "ftruncate");
	for (i = 0; i <= MAX_ACTORS; i++) {
		actors[i].own = actor_memory[i].own;
		actors[i].own_ro = actor_memory[i].own_ro;
		actors[i].edge = actor_memory[i].edge;
		actors[i].lazy = actor_memory[i].lazy;
		actors[i].stack = actor_memory[i].stack;
	}
}

/* Register the region: accesses block in a page fault. */
static long stall_region(const struct process *process)
{
	struct uffdio_register reg = {
		.range = { (unsigned long)process->stalled, REGION },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	return ioctl(process->uffd, UFFDIO_REGISTER, &reg);
}

/* Each process needs its own userfaultfd, as fork does not inherit it. */
void uffd_of_process(struct process *process)
{
	struct uffdio_api api = { .api = UFFD_API };

	process->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (process->uffd < 0 || ioctl(process->uffd, UFFDIO_API, &api) || stall_region(process))
		err(1, "userfaultfd");
}

static size_t at_most(uint64_t size, size_t limit)
{
	return size < limit ? size : limit;
}

void *address(struct actor *actor, enum place place, uint64_t size, size_t offset)
{
	switch (place) {
	case OWN:
		return actor->own + offset;
	case READ_ONLY:
		return (void *)(actor->own_ro + offset);
	case EDGE:
		return actor->edge + REGION - at_most(size, REGION) / 2;
	case EXACT:
		return actor->edge + REGION - at_most(size, REGION);
	case LAZY:
		madvise(actor->lazy, REGION, MADV_DONTNEED);
		return actor->lazy;
	case SHARED0:
		return actor->process->shared[0];
	case SHARED1:
		return actor->process->shared[1];
	case STALLED:
		return actor->process->stalled;
	case TRUNCATED:
		return actor->process->truncated + 4096 - at_most(size, 4096) / 2;
	case NOWHERE:
		return NULL;
	case KERNEL:
		return (void *)0xffff888000001000UL;
	case NONCANONICAL:
		return (void *)0x0000800000000000UL;
	default:
		return (void *)-16UL;
	}
}

/* Put a structure at a place; if it cannot be written there, it stays what it is. */
void *put_struct(struct actor *actor, enum place place, const void *from, size_t size,
		 size_t offset)
{
	char *to = address(actor, place, size, MESSAGES + offset);

	if (place == OWN || place == READ_ONLY)
		memcpy(actor->own + MESSAGES + offset, from, size);
	else if (place == EXACT)
		memcpy(to, from, size);
	else if (place == EDGE)
		memcpy(to, from, size / 2);
	return to;
}

static char *shared_place(const struct process *process, enum place place)
{
	if (place == SHARED0)
		return process->shared[0];
	return place == SHARED1 ? process->shared[1] : process->stalled;
}

static long arrive(const struct process *process)
{
	struct uffdio_zeropage zero = {
		.range = { (unsigned long)process->stalled, REGION },
	};

	return ioctl(process->uffd, UFFDIO_ZEROPAGE, &zero);
}

long change_memory(struct process *process, enum place place, enum memory how)
{
	char *at = shared_place(process, place);

	switch (how) {
	case UNMAP:
		return munmap(at, REGION);
	case MAP:
		fill_region(at);
		return 0;
	case DROP:
		return madvise(at, REGION, MADV_DONTNEED);
	case PROTECT_RO:
		return mprotect(at, REGION, PROT_READ);
	case PROTECT_NONE:
		return mprotect(at, REGION, PROT_NONE);
	case STALL:
		fill_region(process->stalled);
		return stall_region(process);
	case ARRIVE:
		return arrive(process);
	default:
		return ftruncate(process->truncated_fd, 0);
	}
}
