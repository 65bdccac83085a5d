// SPDX-License-Identifier: GPL-2.0
/*
 * Named channels: opening, linking and unlinking. A name without a user ID
 * refers to the caller's own channel or, if there is none, to the system-wide
 * one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "gochan.h"
#include "internal.h"

#define NAME_CHARS	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
#define DIGITS		"0123456789"
#define UID_DIGITS	10

/* Size of "UID/NAME", including the terminating NUL. */
#define PATH_SIZE	(UID_DIGITS + 1 + GOCHAN_NAME_SIZE)

static bool is_bare_name(const char *name)
{
	size_t len = strlen(name);

	return len >= 1 && len < GOCHAN_NAME_SIZE && strspn(name, NAME_CHARS) == len &&
	       name[0] != '.' && name[0] != '-' && strspn(name, DIGITS) != len;
}

/* Is it "UID/NAME"? */
static bool has_uid(const char *name)
{
	size_t digits = strspn(name, DIGITS);

	return digits >= 1 && digits <= UID_DIGITS && name[digits] == '/';
}

static bool is_name(const char *name)
{
	return is_bare_name(has_uid(name) ? strchr(name, '/') + 1 : name);
}

/* Path of the caller's own channel of that name, relative to /dev/gochans. */
static void own_path(char path[PATH_SIZE], const char *name)
{
	snprintf(path, PATH_SIZE, "%u/%s", geteuid(), name);
}

static int open_node(const char *path, int oflags)
{
	char node[sizeof(DEV_GOCHANS) + PATH_SIZE];

	snprintf(node, sizeof(node), DEV_GOCHANS "%s", path);
	return open(node, oflags | O_CLOEXEC);
}

int gochan_open(const char *name, int oflags)
{
	char own[PATH_SIZE];
	int ch;

	/* With O_CREAT, say, a mistyped name would create a regular file. */
	if (!is_name(name) || (oflags & ~(O_ACCMODE | O_NONBLOCK | O_CLOEXEC))) {
		errno = EINVAL;
		return -1;
	}
	if (!has_uid(name)) {
		own_path(own, name);
		ch = open_node(own, oflags);
		if (ch >= 0 || errno != ENOENT)
			return ch;
	}
	return open_node(name, oflags);
}

int gochan_link(int ch, const char *name, mode_t mode)
{
	struct gochan_link arg = { .mode = mode };

	if (!is_bare_name(name)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(arg.name, name, strlen(name));
	return ioctl(ch, GOCHAN_IOC_LINK, &arg);
}

/* UNLINK by path can be issued on any handle, so use that of a new channel. */
static int unlink_by_name(const char *path)
{
	struct gochan_link arg = { .mode = 0 };
	int ch, ret, err;

	ch = open(DEV_GOCHAN, O_RDWR | O_CLOEXEC);
	if (ch < 0)
		return -1;
	memcpy(arg.name, path, strlen(path));
	ret = ioctl(ch, GOCHAN_IOC_UNLINK, &arg);
	err = errno;
	close(ch);
	errno = err;
	return ret;
}

/*
 * Fallback for paths that do not fit into struct gochan_link, and for users at
 * their limit of channels, who cannot create the one that unlink_by_name() uses.
 */
static int unlink_by_handle(const char *path)
{
	struct gochan_link arg = { .mode = 0 };
	int ch, ret, err;

	ch = open_node(path, O_RDONLY);
	if (ch < 0 && errno == EACCES)
		ch = open_node(path, O_WRONLY);
	if (ch < 0)
		return -1;
	ret = ioctl(ch, GOCHAN_IOC_UNLINK, &arg);
	err = errno;
	close(ch);
	errno = err;
	return ret;
}

static int unlink_path(const char *path)
{
	if (strlen(path) >= GOCHAN_NAME_SIZE)
		return unlink_by_handle(path);
	if (unlink_by_name(path) == 0)
		return 0;
	return errno == EDQUOT ? unlink_by_handle(path) : -1;
}

int gochan_unlink(const char *name)
{
	char own[PATH_SIZE];

	if (!is_name(name)) {
		errno = EINVAL;
		return -1;
	}
	if (!has_uid(name)) {
		own_path(own, name);
		if (unlink_path(own) == 0)
			return 0;
		if (errno != ENOENT)
			return -1;
	}
	return unlink_path(name);
}
