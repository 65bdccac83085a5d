// SPDX-License-Identifier: GPL-2.0
/*
 * Tells ThreadSanitizer of R18, so that programs whose threads hand each other
 * data over channels can be checked for races: what came before an op on a
 * channel is seen by who did a later op on it. That is at least what the rule
 * promises, so that nobody is accused wrongly; which send met which receive is
 * not known here, so that a race between two ops on one channel may be missed.
 *
 * The sanitizer's functions are weak: the same library works with and without.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "race.h"

void __tsan_acquire(void *addr) __attribute__((weak));
void __tsan_release(void *addr) __attribute__((weak));
void __tsan_read_range(void *addr, long size) __attribute__((weak));
void __tsan_write_range(void *addr, long size) __attribute__((weak));

/* One address for each channel (or a few); nothing is stored there. */
static char keys[1024];

/*
 * The kernel's number for the channel behind a descriptor: duplicated handles
 * and threads with descriptors of their own have it in common.
 */
static unsigned long channel_id(int fd)
{
	char path[64], text[512];
	const char *id;
	ssize_t n;
	int info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return 0;
	n = read(info, text, sizeof(text) - 1);
	close(info);
	text[n > 0 ? n : 0] = '\0';
	id = strstr(text, "gochan-id:");
	return id ? strtoul(id + strlen("gochan-id:"), NULL, 10) : 0;
}

static void *key_of(const struct gochan_op *op)
{
	return &keys[channel_id(op->fd) % sizeof(keys)];
}

static void *buffer_of(const struct gochan_op *op)
{
	return (void *)(uintptr_t)op->buf;
}

static int on_channel(const struct gochan_op *op)
{
	return op->fd >= 0 && op->opcode != GOCHAN_OP_POLL;
}

void gochan_race_before(const struct gochan_op *ops, unsigned int n)
{
	if (!__tsan_release)
		return;
	for (unsigned int i = 0; i < n; i++) {
		if (!on_channel(&ops[i]))
			continue;
		if (ops[i].opcode == GOCHAN_OP_SEND)
			__tsan_read_range(buffer_of(&ops[i]), ops[i].len);
		__tsan_release(key_of(&ops[i]));
	}
}

void gochan_race_after(const struct gochan_op *ops, unsigned int n)
{
	if (!__tsan_acquire)
		return;
	for (unsigned int i = 0; i < n; i++) {
		if (!on_channel(&ops[i]))
			continue;
		__tsan_acquire(key_of(&ops[i]));
		if (ops[i].opcode == GOCHAN_OP_RECV && !ops[i].result)
			__tsan_write_range(buffer_of(&ops[i]), ops[i].len);
	}
}
