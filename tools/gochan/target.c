// SPDX-License-Identifier: GPL-2.0
/*
 * The channel that a subcommand works on: found by name, or inherited as a
 * descriptor (--fd).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cmd.h"

bool target_from(struct target *target, int argc, char **argv)
{
	if (target->given < 0 && optind < argc)
		target->label = argv[optind++];
	return target->label;
}

static enum status may_not_open(const char *name)
{
	char path[NODE_PATH_SIZE], owner[OWNER_SIZE];
	struct stat st;

	if (!find_node(name, path, &st))
		return report(name, EACCES);
	complain("%s: permission denied: it is %s's, mode %04o; ask its owner for chmod", name,
		 user_name(st.st_uid, owner), st.st_mode & 07777);
	return FAILED;
}

static enum status open_failed(const char *name, int err)
{
	char path[NODE_PATH_SIZE];
	struct stat st;

	switch (err) {
	case ENOENT:
		if (!module_is_loaded())
			return report_no_module();
		complain("%s: no such channel; see 'gochan ls'", name);
		return FAILED;
	case EINVAL:
		complain("%s: not a channel's name", name);
		return FAILED;
	case EACCES:
		return may_not_open(name);
	case ENXIO:
	case ENODEV:
		find_node(name, path, &st);
		complain("%s: the channel is gone and %s is left over; remove it", name, path);
		return FAILED;
	default:
		return report(name, err);
	}
}

static enum status use_given(struct target *target, int oflags)
{
	int flags = fcntl(target->given, F_GETFL);

	if (flags < 0) {
		complain("%s: not open; a shell opens one by: exec %d<>/dev/gochan",
			 target->label, target->given);
		return FAILED;
	}
	flags &= O_ACCMODE;
	if (oflags != O_RDWR && flags != O_RDWR && flags != oflags) {
		complain("%s: not open for %s", target->label,
			 oflags == O_RDONLY ? "receiving" : "sending");
		return FAILED;
	}
	target->fd = target->given;
	return DONE;
}

enum status target_open(struct target *target, int oflags)
{
	if (target->given >= 0)
		return use_given(target, oflags);
	target->fd = gochan_open(target->label, oflags);
	if (target->fd < 0)
		return open_failed(target->label, errno);
	return DONE;
}

enum status target_info(const struct target *target, struct gochan_info *info)
{
	if (gochan_info(target->fd, info) < 0)
		return report(target->label, errno);
	return DONE;
}
