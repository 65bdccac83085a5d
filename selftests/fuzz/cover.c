// SPDX-License-Identifier: GPL-2.0
/*
 * Coverage of the module; see cover.h. A site is an instruction of the module that
 * reports to KCOV; the host has listed all of them, by section and offset. An edge
 * is a pair of sites that a thread reached one after the other.
 */
#include "prog.h"

#include "cover.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcov.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"

#define ENTRIES		32768U
#define MAX_SITES	16384U
#define MAX_SECTIONS	8

/* Above the descriptors of programs. */
#define KCOV_FD		900

struct site {
	unsigned int section;
	unsigned long offset;
	bool reached;
};

static struct section {
	char name[32];
	unsigned long base;	/* 0 if unknown */
} sections[MAX_SECTIONS];

static struct site sites[MAX_SITES];
static unsigned int nr_sections, nr_sites, nr_reached, nr_edges;
static unsigned long *buffers[COVER_BUFFERS];
static unsigned char *edges;		/* a bit for each pair of sites */

static unsigned int section_of(const char *name)
{
	unsigned int i;

	for (i = 0; i < nr_sections; i++)
		if (!strcmp(sections[i].name, name))
			return i;
	if (i == MAX_SECTIONS)
		errx(1, "too many sections");
	snprintf(sections[i].name, sizeof(sections[i].name), "%s", name);
	nr_sections++;
	return i;
}

static void read_sites(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned long offset;
	char name[32];

	if (!file)
		err(1, "%s", path);
	while (fscanf(file, "%31s %lx", name, &offset) == 2) {
		if (nr_sites == MAX_SITES)
			errx(1, "too many sites");
		sites[nr_sites++] = (struct site){ section_of(name), offset, false };
	}
	fclose(file);
	if (!nr_sites)
		errx(1, "the module was built without KCOV");
}

static void open_buffer(unsigned int i)
{
	const int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		err(1, "/sys/kernel/debug/kcov: this kernel has no KCOV");
	if (ioctl(fd, KCOV_INIT_TRACE, ENTRIES) || dup3(fd, KCOV_FD + i, O_CLOEXEC) < 0)
		err(1, "KCOV");
	close(fd);
	buffers[i] = mmap(NULL, ENTRIES * sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED,
			  KCOV_FD + i, 0);
	if (buffers[i] == MAP_FAILED)
		err(1, "KCOV's buffer");
}

/* @path: the list of sites; NULL: no coverage. */
void cover_open(const char *path)
{
	unsigned int i;

	if (!path)
		return;
	read_sites(path);
	edges = calloc(1, (size_t)nr_sites * nr_sites / 8 + 1);
	if (!edges)
		err(1, "edges");
	for (i = 0; i < COVER_BUFFERS; i++)
		open_buffer(i);
}

/* The module was loaded: read the addresses of its sections. */
void cover_locate(void)
{
	char path[512], text[32];
	unsigned int i;

	for (i = 0; i < nr_sections; i++) {
		snprintf(path, sizeof(path), "/sys/module/gochan/sections/%s", sections[i].name);
		sections[i].base = 0;
		if (read_text(path, text, sizeof(text)) > 0)
			sections[i].base = strtoul(text, NULL, 16);
	}
}

/* Record the coverage of the calling thread in a buffer, until it exits. */
void cover_begin(unsigned int i)
{
	if (!nr_sites)
		return;
	buffers[i][0] = 0;
	if (ioctl(KCOV_FD + i, KCOV_ENABLE, KCOV_TRACE_PC))
		err(1, "KCOV_ENABLE");
}

void cover_end(unsigned int i)
{
	if (nr_sites && ioctl(KCOV_FD + i, KCOV_DISABLE, 0))
		err(1, "KCOV_DISABLE");
}

static int compare_site(const void *key, const void *at)
{
	const struct site *a = key, *b = at;

	if (a->section != b->section)
		return a->section < b->section ? -1 : 1;
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* The list is sorted. */
static struct site *find_site(unsigned long pc)
{
	struct site key, *site;
	unsigned int i;

	for (i = 0; i < nr_sections; i++) {
		if (!sections[i].base || pc < sections[i].base)
			continue;
		key = (struct site){ .section = i, .offset = pc - sections[i].base };
		site = bsearch(&key, sites, nr_sites, sizeof(*sites), compare_site);
		if (site)
			return site;
	}
	return NULL;
}

/* Returns 1 if the edge is new. */
static unsigned int add_edge(size_t from, size_t to)
{
	const size_t bit = from * nr_sites + to;

	if (edges[bit / 8] & (1 << bit % 8))
		return 0;
	edges[bit / 8] |= 1 << bit % 8;
	nr_edges++;
	return 1;
}

/* Returns the number of new edges in a buffer. */
unsigned int cover_collect(unsigned int i)
{
	unsigned long n, at;
	unsigned int new = 0;
	size_t last = 0;

	if (!nr_sites)
		return 0;
	n = __atomic_load_n(&buffers[i][0], __ATOMIC_RELAXED);
	for (at = 1; at <= n && at < ENTRIES; at++) {
		struct site *site = find_site(buffers[i][at]);

		if (!site)
			continue;
		nr_reached += !site->reached;
		site->reached = true;
		new += add_edge(last, site - sites);
		last = site - sites;
	}
	return new;
}

void cover_clear(void)
{
	unsigned int i;

	for (i = 0; nr_sites && i < COVER_BUFFERS; i++)
		buffers[i][0] = 0;
}

unsigned int cover_sites(void)
{
	return nr_sites;
}

unsigned int cover_reached(void)
{
	return nr_reached;
}

unsigned int cover_edges(void)
{
	return nr_edges;
}

/* Print the sites that were reached, for the host. */
void cover_print(void)
{
	unsigned int i;

	for (i = 0; i < nr_sites; i++)
		if (sites[i].reached)
			printf("@reached %s %lx\n", sections[sites[i].section].name,
			       sites[i].offset);
}
