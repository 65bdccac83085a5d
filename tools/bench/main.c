// SPDX-License-Identifier: GPL-2.0
/*
 * The benchmark program, which runs in the guest:
 *
 *   bench [-c] [-l] [-m MAX] [-r ROUNDS] [PATTERN...]
 *
 * It runs all points that match a PATTERN, once per round, and prints a
 * description of the system and a line for each measurement:
 *
 *   point FAMILY PEER SIZE PARAMETER PROCESSES MESSAGES ROUND COST SWITCHES UNIT KIND
 *
 * A PATTERN is FAMILY[/PEER[/SIZE[/PARAMETER]]], where each part is a shell
 * pattern.
 *
 *   -c  the guest's clock counts instructions (fail if it does not); also measure
 *       the points that do not measure time
 *   -l  list the points instead of running them
 *   -m  measure at most MAX messages per point
 *   -r  number of rounds (default 1)
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

bool count_instructions;

static struct point all[POINTS_MAX];
static unsigned int nr_points, max_messages = -1;
static char **patterns;

static void name_of(const struct point *p, char name[static NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%s/%s/%zu/%d", p->family->name, p->name, p->size, p->param);
}

/* Does @pattern match @name, or a prefix of it that ends before a slash? */
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
	if (point->messages > max_messages)
		all[nr_points].messages = max_messages;
	nr_points++;
}

static void run_round(unsigned int round)
{
	const struct point *p;

	for (p = all; p < all + nr_points; p++) {
		struct result r;

		if ((p->rounds && round >= p->rounds) || (p->measure && !count_instructions))
			continue;
		r = point_run(p);
		printf("point %s %s %zu %d %u %u %u %.3f %.4f %s %s\n", p->family->name, p->name,
		       p->size, p->param, p->processes, p->messages, round, r.cost, r.switches,
		       p->family->unit ?: "time", p->randomized ? "chance" : "steady");
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

static void set_rlimit(int resource, rlim_t max)
{
	const struct rlimit limit = { max, max };

	if (setrlimit(resource, &limit))
		err(1, "setrlimit");
}

static void write_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err(1, "%s", path);
	close(fd);
}

static void print_line(const char *path, const char *start, const char *name)
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
	print_line("/proc/cmdline", "", "parameters");
	print_line("/proc/cpuinfo", "model name\t: ", "processor");
	for (i = 0; families[i]; i++)
		printf("family %s %s %s\n", families[i]->name, families[i]->param,
		       families[i]->what);
}

/* Raise the resource limits that would restrict some peers. */
static void raise_limits(void)
{
	set_rlimit(RLIMIT_NOFILE, 65536);
	set_rlimit(RLIMIT_MSGQUEUE, RLIM_INFINITY);
	write_file("/proc/sys/kernel/msgmax", "65536");
}

/* Under icount (shift=0) each instruction takes 1 ns: two per iteration here. */
static void check_clock(void)
{
	const long iterations = 10000000;
	long left = iterations;
	long long start = now_ns(), took;

	__asm__ volatile("1: dec %0; jnz 1b" : "+r" (left));
	took = now_ns() - start;
	if (took < 2 * iterations || took > 2 * iterations + iterations / 50)
		errx(1, "%ld instructions took %lld ns: the clock does not count them",
		     2 * iterations, took);
}

int main(int argc, char **argv)
{
	unsigned int rounds = 1, round, i;
	bool only_list = false;
	int option;

	while ((option = getopt(argc, argv, "clm:r:")) != -1) {
		switch (option) {
		case 'c':
			count_instructions = true;
			break;
		case 'l':
			only_list = true;
			break;
		case 'm':
			max_messages = strtoul(optarg, NULL, 10);
			break;
		case 'r':
			rounds = strtoul(optarg, NULL, 10);
			break;
		default:
			return 2;
		}
	}
	patterns = argv + optind;
	for (i = 0; families[i]; i++)
		families[i]->points(families[i]);
	if (!nr_points)
		errx(1, "no such point");
	if (only_list) {
		list();
		return 0;
	}
	if (count_instructions)
		check_clock();
	raise_limits();
	print_about();
	for (round = 0; round < rounds; round++)
		run_round(round);
	return 0;
}
