// SPDX-License-Identifier: GPL-2.0
/*
 * The cost of an idle link: creating and destroying it, and its memory.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define SIZE	64
#define NR_LINKS	8192	/* links whose memory is measured */

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

static void refresh_vmstat(void)
{
	const int fd = open("/proc/sys/vm/stat_refresh", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "1", 1) != 1)
		err(1, "stat_refresh");
	close(fd);
}

/* Memory allocated by the kernel for its own use, in bytes. */
static double kernel_memory(void)
{
	static const char *const kinds[] = { "Slab:", "KernelStack:", "VmallocUsed:", "Percpu:" };
	char line[128], kind[32];
	unsigned long long kib;
	double total = 0;
	unsigned int i;
	FILE *file;

	refresh_vmstat();
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

/* Grow the descriptor table first (dup2), so that it is not counted. */
static double measure(struct run *run)
{
	const struct point *p = run->point;
	struct link *links = calloc(NR_LINKS, sizeof(*links));
	double before;
	int i;

	if (!links || dup2(STDIN_FILENO, 4 * NR_LINKS) < 0)
		err(1, "%d links", NR_LINKS);
	memset(links, 1, NR_LINKS * sizeof(*links));
	before = kernel_memory();
	for (i = 0; i < NR_LINKS; i++)
		link_open(&links[i], p->peer, p->size, p->param);
	return (kernel_memory() - before) / NR_LINKS;
}

/* The futex-based queue is omitted: it has no kernel object. */
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
	add(p, NO_CAPACITY);
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
		.messages = NR_LINKS,
		.measure = measure,
		.rounds = 2,
	};

	points(p);
}

const struct family family_create = {
	.name = "create",
	.param = "capacity",
	.what = "create and destroy a link; gochan has one descriptor, gochan-pair two",
	.points = points_create,
};

const struct family family_memory = {
	.name = "memory",
	.param = "capacity",
	.what = "kernel memory of an idle link, including its open files",
	.unit = "bytes",
	.points = points_memory,
};
