// SPDX-License-Identifier: GPL-2.0
/*
 * ThreadSanitizer annotations for the memory model (R18), so that programs whose
 * threads synchronize through channels can be checked for data races.
 *
 * Every op is annotated as a release before and an acquire after, on one address
 * per channel. This orders at least as much as R18 guarantees, so there are no
 * false positives. It does not know which send was received by which receive, so
 * it can miss a race between threads that use the same channel. Whoever acknowledges
 * or returns a message releases: the send that gets its slot, and the next delivery,
 * come after that. Where a lease ends as its handle is closed, nothing is annotated.
 *
 * The sanitizer's functions are weak symbols: the same library works with and
 * without it.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"
#include "race.h"

void __tsan_acquire(void *addr) __attribute__((weak));
void __tsan_release(void *addr) __attribute__((weak));
void __tsan_read_range(void *addr, long size) __attribute__((weak));
void __tsan_write_range(void *addr, long size) __attribute__((weak));

/* Addresses that stand for channels, chosen by ID modulo size; never accessed. */
static char sync_addrs[1024];

/* The channel's ID from fdinfo, which all of its handles have in common. */
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
	close_fd(info);
	text[n > 0 ? n : 0] = '\0';
	id = strstr(text, "gochan-id:");
	return id ? strtoul(id + strlen("gochan-id:"), NULL, 10) : 0;
}

static void *sync_addr(const struct gochan_op *op)
{
	return &sync_addrs[channel_id(op->fd) % sizeof(sync_addrs)];
}

static void *op_buf(const struct gochan_op *op)
{
	return (void *)(uintptr_t)op->buf;
}

static int is_chan_op(const struct gochan_op *op)
{
	return op->fd >= 0 && op->opcode != GOCHAN_OP_POLL;
}

void gochan_race_before(const struct gochan_op *ops, unsigned int n)
{
	if (!__tsan_release)
		return;
	for (unsigned int i = 0; i < n; i++) {
		if (!is_chan_op(&ops[i]))
			continue;
		if (ops[i].opcode == GOCHAN_OP_SEND)
			__tsan_read_range(op_buf(&ops[i]), ops[i].len);
		__tsan_release(sync_addr(&ops[i]));
	}
}

void gochan_race_after(const struct gochan_op *ops, unsigned int n)
{
	if (!__tsan_acquire)
		return;
	for (unsigned int i = 0; i < n; i++) {
		if (!is_chan_op(&ops[i]))
			continue;
		__tsan_acquire(sync_addr(&ops[i]));
		if (ops[i].opcode == GOCHAN_OP_RECV && !ops[i].result)
			__tsan_write_range(op_buf(&ops[i]), ops[i].len);
	}
}
