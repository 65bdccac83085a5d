// SPDX-License-Identifier: GPL-2.0
/*
 * Named channels: creating, opening and unlinking files of a gochanfs. A name
 * without a slash is in /dev/gochans.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "debug.h"
#include "gochan.h"
#include "internal.h"

/* The path of a name; -1 and errno if it is empty or too long. */
static int name_path(char path[PATH_MAX], const char *name)
{
	const char *dir = strchr(name, '/') ? "" : DEV_GOCHANS;

	if (!*name) {
		errno = ENOENT;
		return -1;
	}
	if (snprintf(path, PATH_MAX, "%s%s", dir, name) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

static int open_name(const char *name, int oflags)
{
	char path[PATH_MAX];

	/* With O_CREAT, say, a mistyped path could create a regular file. */
	if (oflags & ~(O_ACCMODE | O_NONBLOCK | O_CLOEXEC)) {
		errno = EINVAL;
		return -1;
	}
	if (name_path(path, name) < 0)
		return -1;
	return open(path, oflags | O_CLOEXEC);
}

int gochan_open(const char *name, int oflags)
{
	struct watched w;
	int ch;

	watch_begin(&w, __func__, name);
	ch = open_name(name, oflags);
	return watch_end(&w, ch, ch);
}

/* A new channel in the directory of @path, without a name yet. */
static int open_unnamed(const char *path, mode_t mode)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	int ch;

	/* With the slash, so that "/jobs" is in "/". */
	snprintf(dir, sizeof(dir), "%.*s", (int)(slash + 1 - path), path);
	ch = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
	if (ch < 0 && errno == EOPNOTSUPP)
		errno = ENODEV;
	return ch;
}

static int link_fd(int ch, const char *path)
{
	char self[sizeof("/proc/self/fd/") + 3 * sizeof(ch)];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", ch);
	if (linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	if (errno != ENOENT)
		return -1;
	/* Without /proc, the kernel allows this to CAP_DAC_READ_SEARCH. */
	return linkat(ch, "", AT_FDCWD, path, AT_EMPTY_PATH);
}

static int create(const char *name, const struct gochan_setup *setup, mode_t mode)
{
	char path[PATH_MAX];
	int ch;

	if (mode & ~0777U) {
		errno = EINVAL;
		return -1;
	}
	if (name_path(path, name) < 0)
		return -1;
	ch = open_unnamed(path, mode);
	if (ch < 0)
		return -1;
	if (gochan_apply_setup(ch, setup) == 0 && link_fd(ch, path) == 0)
		return ch;
	/* A temporary file of another filesystem. */
	if (errno == ENOTTY)
		errno = ENODEV;
	close_fd(ch);
	return -1;
}

int gochan_create_with(const char *name, const struct gochan_setup *setup, mode_t mode)
{
	struct watched w;
	int ch;

	watch_begin(&w, __func__, name);
	ch = create(name, setup, mode);
	return watch_end(&w, ch, ch);
}

int gochan_create(const char *name, uint32_t capacity, uint32_t msg_size, uint32_t flags,
		  mode_t mode)
{
	const struct gochan_setup setup = {
		.capacity = capacity,
		.msg_size = msg_size,
		.flags = flags,
	};

	return gochan_create_with(name, &setup, mode);
}

int gochan_unlink(const char *name)
{
	char path[PATH_MAX];
	struct watched w;
	int ret;

	watch_begin(&w, __func__, name);
	ret = name_path(path, name);
	if (!ret)
		ret = unlink(path);
	return watch_end(&w, -1, ret);
}
