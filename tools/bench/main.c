// SPDX-License-Identifier: GPL-2.0
/*
 * The benchmark program of the guest: runs the points whose names match, all
 * of them once a round, and prints what it runs on and a line for each:
 *
 *   point FAMILY PEER SIZE PARAMETER PROCESSES MESSAGES ROUND COST SWITCHES UNIT KIND
 *
 *   bench [-c] [-l] [-m MOST] [-r ROUNDS] [PATTERN...]
 *
 * A PATTERN is FAMILY[/PEER[/SIZE[/PARAMETER]]], each part as in a shell. With
 * -l the points are listed. With -c the clock must count instructions, and what is
 * no matter of time is measured, too. With -m no more than that many messages are
 * measured.
 */
#include <err.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench.h"

#define POINTS_MAX	2048
#define NAME_SIZE	128

static const struct family *const families[] = {
	&family_self, &family_pingpong, &family_stream, &family_batch, &family_seq,
	&family_mpsc, &family_mpmc, &family_select, &family_select_asleep, &family_select_rx,
	&family_select_both, &family_wake, &family_create, &family_memory,
};

static struct point all[POINTS_MAX];
static unsigned int nr_points, most_messages = -1;
static bool counting;
static char **patterns;

static void name_of(const struct point *p, char name[static NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%s/%s/%zu/%d", p->family->name, p->name, p->size, p->param);
}

/* Does @pattern fit all of @name, or all up to one of its slashes? */
static bool matches(const char *pattern, const char *name)
{
	return fnmatch(pattern, name, FNM_PATHNAME | FNM_LEADING_DIR) == 0;
}

void point_add(const struct point *point)
{
	char name[NAME_SIZE], **pattern = patterns;

	name_of(point, name);
	while (*pattern && !matches(*pattern, name))
		pattern++;
	if (!*pattern && patterns[0])
		return;
	if (nr_points == POINTS_MAX)
		errx(1, "too many points");
	all[nr_points] = *point;
	if (point->messages > most_messages)
		all[nr_points].messages = most_messages;
	nr_points++;
}

static void run_round(unsigned int round)
{
	const struct point *p;

	for (p = all; p < all + nr_points; p++) {
		struct result r;

		if ((p->rounds && round >= p->rounds) || (p->measure && !counting))
			continue;
		r = point_run(p);
		printf("point %s %s %zu %d %u %u %u %.3f %.4f %s %s\n", p->family->name, p->name,
		       p->size, p->param, p->processes, p->messages, round, r.cost, r.switches,
		       p->family->unit ?: "time", p->by_chance ? "chance" : "steady");
		fflush(stdout);
	}
}

static void list(void)
{
	char name[NAME_SIZE];
	unsigned int i;

	for (i = 0; i < nr_points; i++) {
		name_of(&all[i], name);
		puts(name);
	}
}

static void raise_limit(int resource, rlim_t most)
{
	const struct rlimit limit = { most, most };

	if (setrlimit(resource, &limit))
		err(1, "setrlimit");
}

static void put(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err(1, "%s", path);
	close(fd);
}

static void print_line_of(const char *path, const char *start, const char *name)
{
	char line[4096];
	FILE *file = fopen(path, "r");

	if (!file)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), file) &&
	       strncmp(line, start, strlen(start)) != 0)
		;
	fclose(file);
	printf("about %s %s", name, line + strlen(start));
}

static void print_about(void)
{
	struct utsname name;
	unsigned int i;

	uname(&name);
	printf("about kernel %s %s\n", name.release, name.version);
	print_line_of("/proc/cmdline", "", "parameters");
	print_line_of("/proc/cpuinfo", "model name\t: ", "processor");
	for (i = 0; i < ARRAY_SIZE(families); i++)
		printf("family %s %s %s\n", families[i]->name, families[i]->param,
		       families[i]->what);
}

/* No peer is to be measured at its administrator's limits. */
static void raise_limits(void)
{
	raise_limit(RLIMIT_NOFILE, 65536);
	raise_limit(RLIMIT_MSGQUEUE, RLIM_INFINITY);
	put("/proc/sys/kernel/msgmax", "65536");
}

/* Two instructions a turn must take two nanoseconds. */
static void check_clock(void)
{
	const long turns = 10000000;
	long left = turns;
	long long start = now_ns(), took;

	__asm__ volatile("1: dec %0; jnz 1b" : "+r" (left));
	took = now_ns() - start;
	if (took < 2 * turns || took > 2 * turns + turns / 50)
		errx(1, "%ld instructions took %lld ns: the clock does not count them",
		     2 * turns, took);
}

int main(int argc, char **argv)
{
	unsigned int rounds = 1, round, i;
	bool only_list = false;
	int option;

	while ((option = getopt(argc, argv, "clm:r:")) != -1) {
		switch (option) {
		case 'c':
			counting = true;
			break;
		case 'l':
			only_list = true;
			break;
		case 'm':
			most_messages = strtoul(optarg, NULL, 10);
			break;
		case 'r':
			rounds = strtoul(optarg, NULL, 10);
			break;
		default:
			return 2;
		}
	}
	patterns = argv + optind;
	for (i = 0; i < ARRAY_SIZE(families); i++)
		families[i]->points(families[i]);
	if (!nr_points)
		errx(1, "no such point");
	if (only_list) {
		list();
		return 0;
	}
	if (counting)
		check_clock();
	raise_limits();
	print_about();
	for (round = 0; round < rounds; round++)
		run_round(round);
	return 0;
}
