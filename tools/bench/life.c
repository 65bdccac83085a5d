// SPDX-License-Identifier: GPL-2.0
/*
 * What a link costs that carries nothing: making and ending it, and the memory
 * that it takes.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define SIZE	64
#define MANY	8192	/* links whose memory is measured */

static void work(struct run *run, unsigned int me, unsigned int messages)
{
	const struct point *p = run->point;
	struct link link;

	(void)me;
	while (messages--) {
		link_open(&link, p->peer, p->size, p->param);
		p->peer->close(&link);
	}
}

/* ---- memory ---- */

static void fold_counts(void)
{
	const int fd = open("/proc/sys/vm/stat_refresh", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "1", 1) != 1)
		err(1, "stat_refresh");
	close(fd);
}

/* Bytes that the kernel has taken for itself by slab, page by page or otherwise. */
static double kernel_memory(void)
{
	static const char *const kinds[] = { "Slab:", "KernelStack:", "VmallocUsed:", "Percpu:" };
	char line[128], kind[32];
	unsigned long long kib;
	double total = 0;
	unsigned int i;
	FILE *file;

	fold_counts();
	file = fopen("/proc/meminfo", "r");
	if (!file)
		err(1, "meminfo");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%31s %llu", kind, &kib) != 2)
			continue;
		for (i = 0; i < ARRAY_SIZE(kinds); i++)
			if (!strcmp(kind, kinds[i]))
				total += kib * 1024.0;
	}
	fclose(file);
	return total;
}

/* The table of descriptors is to have its full size before. */
static double measure(struct run *run)
{
	const struct point *p = run->point;
	struct link *links = calloc(MANY, sizeof(*links));
	double before;
	int i;

	if (!links || dup2(STDIN_FILENO, 4 * MANY) < 0)
		err(1, "%d links", MANY);
	memset(links, 1, MANY * sizeof(*links));
	before = kernel_memory();
	for (i = 0; i < MANY; i++)
		link_open(&links[i], p->peer, p->size, p->param);
	return (kernel_memory() - before) / MANY;
}

/* What has neither a descriptor nor a limit of its own is left out. */
static const struct peer *const kinds[] = {
	&peer_gochan_make, &peer_gochan, &peer_pipe, &peer_seqpacket, &peer_dgram, &peer_mqueue,
	&peer_sysv, &peer_eventfd, NULL
};

static void add(struct point p, int capacity)
{
	unsigned int i;

	for (i = 0; kinds[i]; i++) {
		p.peer = kinds[i];
		p.name = p.peer == &peer_gochan ? "gochan-pair" : p.peer->name;
		p.size = p.peer == &peer_eventfd ? 8 : SIZE;
		p.param = capacity;
		if (peer_can(p.peer, p.size, capacity))
			point_add(&p);
	}
}

static void points(struct point p)
{
	add(p, OWN_CAPACITY);
	add(p, 0);
	add(p, 16);
	add(p, 256);
}

static void points_create(const struct family *family)
{
	const struct point p = {
		.family = family,
		.processes = 1,
		.messages = 2000,
		.work = work,
	};

	points(p);
}

static void points_memory(const struct family *family)
{
	const struct point p = {
		.family = family,
		.processes = 1,
		.messages = MANY,
		.measure = measure,
		.rounds = 2,
	};

	points(p);
}

const struct family family_create = {
	.name = "create",
	.param = "capacity",
	.what = "making one and ending it; gochan has one descriptor, gochan-pair two",
	.points = points_create,
};

const struct family family_memory = {
	.name = "memory",
	.param = "capacity",
	.what = "kernel memory of one that is idle, its files included",
	.unit = "bytes",
	.points = points_memory,
};
