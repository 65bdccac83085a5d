// SPDX-License-Identifier: GPL-2.0
/*
 * The channel that a subcommand works on, given by name or as an inherited
 * descriptor (--fd).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cmd.h"

bool target_parse(struct target *target, int argc, char **argv)
{
	if (target->inherited_fd < 0 && optind < argc)
		target->label = argv[optind++];
	return target->label;
}

static enum status open_eacces(const char *name)
{
	char path[NAME_PATH_SIZE], owner[OWNER_SIZE];
	struct stat st;

	if (!name_lookup(name, path, &st))
		return report_errno(name, EACCES);
	if (report_nodev(name, path))
		return FAILED;
	print_error("%s: permission denied (owner %s, mode %04o); ask its owner for access", name,
		    user_name(st.st_uid, owner), st.st_mode & 07777);
	return FAILED;
}

static enum status open_failed(const char *name, int err)
{
	switch (err) {
	case ENOENT:
	case ENOTDIR:
		if (report_no_gochanfs(name))
			return FAILED;
		print_error("%s: no such channel; see 'gochan ls'", name);
		return FAILED;
	case EISDIR:
		return report_errno(name, ENOTTY);
	case EACCES:
		return open_eacces(name);
	case ENXIO:
	case ENODEV:
		print_error("%s: a copy of a channel's device file; open the original", name);
		return FAILED;
	default:
		return report_errno(name, err);
	}
}

static enum status not_open(const struct target *target)
{
	const char *problem = device_problem();

	if (problem)
		print_error("%s: not open; %s", target->label, problem);
	else
		print_error("%s: not open; in a shell, open a channel with: exec %d<>%s",
			    target->label, target->inherited_fd, DEV_GOCHAN);
	return FAILED;
}

static enum status use_inherited_fd(struct target *target, int oflags)
{
	int flags = fcntl(target->inherited_fd, F_GETFL);

	if (flags < 0)
		return not_open(target);
	flags &= O_ACCMODE;
	if (oflags != O_RDWR && flags != O_RDWR && flags != oflags) {
		print_error("%s: not open for %s", target->label,
			    oflags == O_RDONLY ? "receiving" : "sending");
		return FAILED;
	}
	target->fd = target->inherited_fd;
	return DONE;
}

enum status target_open(struct target *target, int oflags)
{
	if (target->inherited_fd >= 0)
		return use_inherited_fd(target, oflags);
	target->fd = gochan_open(target->label, oflags);
	if (target->fd < 0)
		return open_failed(target->label, errno);
	return DONE;
}

/* A shell's 3<>/dev/gochan opens, and may create, any file. */
static bool is_dev_gochan(int fd)
{
	struct stat st, device;

	return fstat(fd, &st) == 0 && stat(DEV_GOCHAN, &device) == 0 &&
	       st.st_dev == device.st_dev && st.st_ino == device.st_ino;
}

static enum status not_a_channel(const struct target *target)
{
	const char *problem = is_dev_gochan(target->fd) ? device_problem() : NULL;

	if (target->inherited_fd < 0 && report_no_gochanfs(target->label))
		return FAILED;
	print_error("%s: not a channel; %s", target->label, problem ?: "see 'gochan ls'");
	return FAILED;
}

enum status target_info(const struct target *target, struct gochan_info *info)
{
	int abi;

	if (gochan_info(target->fd, info) == 0)
		abi = (int)info->abi;
	else
		abi = gochan_abi(target->fd);
	if (abi < 0)
		return not_a_channel(target);
	if (abi != GOCHAN_ABI)
		return report_other_abi(abi);
	return DONE;
}
