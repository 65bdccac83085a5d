// SPDX-License-Identifier: GPL-2.0
/*
 * Fault injection; see inject.h. System calls are made by number, as the functions
 * of the C library may be wrapped (retry.c).
 */
#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const folders[INJECT_KINDS] = {
	"/sys/kernel/debug/failslab",
	"/sys/kernel/debug/fail_page_alloc",
	"/sys/kernel/debug/fail_usercopy",
};

/* The "times" file of each kind: kept open, as only root can open it. */
static int times[INJECT_KINDS] = { -1, -1, -1 };

static int file_open(const char *path, int flags)
{
	const int fd = syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

static int fd_put(int fd, const char *text)
{
	return syscall(SYS_write, fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int knob_put(const char *folder, const char *knob, const char *text)
{
	char path[128];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/%s", folder, knob);
	fd = file_open(path, O_WRONLY);
	if (fd < 0)
		return fd;
	ret = fd_put(fd, text);
	syscall(SYS_close, fd);
	return ret;
}

/* "gochan 81920 0 - Live 0xffffffffc0000000 (O)" */
static bool find_module(unsigned long *start, unsigned long *end)
{
	FILE *file = fopen("/proc/modules", "re");
	unsigned long size = 0;
	char line[256];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, "gochan %lu %*s %*s %*s %lx", &size, start) == 2;
	*end = *start + size;
	if (file)
		fclose(file);
	return found;
}

/* Only requests from this range of addresses fail. */
static int set_range(unsigned long start, unsigned long end)
{
	char from[32], to[32];
	int kind, ret = 0;

	snprintf(from, sizeof(from), "%#lx", start);
	snprintf(to, sizeof(to), "%#lx", end);
	for (kind = 0; !ret && kind < INJECT_KINDS; kind++) {
		ret = knob_put(folders[kind], "require-start", from);
		if (!ret)
			ret = knob_put(folders[kind], "require-end", to);
	}
	return ret;
}

/*
 * With GOCHAN_FAULTS=2 in the environment the kernel logs the call trace of each
 * failure. Allocations that may sleep fail like the others.
 */
static int setup_kind(enum inject_kind kind)
{
	const char *folder = folders[kind];
	char path[128];
	int ret;

	ret = knob_put(folder, "verbose", getenv("GOCHAN_FAULTS") ?: "0");
	if (!ret)
		ret = knob_put(folder, "times", "0");
	if (!ret)
		ret = knob_put(folder, "probability", "100");
	if (!ret && kind != INJECT_COPIES)
		ret = knob_put(folder, "ignore-gfp-wait", "N");
	if (ret || times[kind] >= 0)
		return ret;
	snprintf(path, sizeof(path), "%s/times", folder);
	times[kind] = file_open(path, O_WRONLY);
	return times[kind] < 0 ? times[kind] : 0;
}

int inject_setup(void)
{
	unsigned long start = 0, end;
	int kind, ret = 0;

	for (kind = 0; !ret && kind < INJECT_KINDS; kind++)
		ret = setup_kind(kind);
	if (ret)
		return ret;
	return find_module(&start, &end) ? set_range(start, end) : -ENOENT;
}

int inject_everywhere(void)
{
	return set_range(0, ULONG_MAX);
}

int inject_open(void)
{
	return file_open("/proc/thread-self/fail-nth", O_RDWR);
}

void inject_nth(int fd, unsigned int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	/* a count that is still running may fail this write, which ends it */
	fd_put(fd, "0");
	if (fd_put(fd, text))
		abort();
}

/*
 * Reading and resetting the count also copies to and from user space: that fails
 * if the count is at one.
 */
unsigned int inject_left(int fd)
{
	char text[16] = "";
	unsigned int left = 1;

	if (syscall(SYS_pread64, fd, text, sizeof(text) - 1, 0, 0) > 0)
		left = strtoul(text, NULL, 10);
	if (left)
		fd_put(fd, "0");
	return left;
}

bool inject_end(int fd)
{
	return !inject_left(fd);
}

int inject_all(enum inject_kind kind, bool on)
{
	return fd_put(times[kind], on ? "-1" : "0");
}

int inject_nodes(bool on)
{
	const int ret = knob_put(folders[INJECT_SLAB], "cache-filter", on ? "Y" : "N");

	return ret ?: inject_all(INJECT_SLAB, on);
}

int inject_some(enum inject_kind kind, unsigned int count)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", count);
	return fd_put(times[kind], text);
}

unsigned int inject_rest(enum inject_kind kind)
{
	char path[128], text[16] = "";
	int fd;

	/* once per open(2), as the file is not seekable */
	snprintf(path, sizeof(path), "%s/times", folders[kind]);
	fd = file_open(path, O_RDONLY);
	if (fd < 0 || syscall(SYS_read, fd, text, sizeof(text) - 1) <= 0)
		abort();
	syscall(SYS_close, fd);
	return strtoul(text, NULL, 10);
}
