// SPDX-License-Identifier: GPL-2.0
/*
 * Names of channels: their files, looked up without opening a channel, and the
 * filesystem that they are in.
 */
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cmd.h"

bool name_lookup(const char *name, char path[NAME_PATH_SIZE], struct stat *st)
{
	snprintf(path, NAME_PATH_SIZE, "%s%s", strchr(name, '/') ? "" : NAME_DIR, name);
	return stat(path, st) == 0;
}

bool is_gochanfs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == GOCHAN_SUPER_MAGIC;
}

bool is_mounted_for(const char *name)
{
	return strchr(name, '/') || is_gochanfs(NAME_DIR);
}

enum status report_no_mount(void)
{
	print_error("no gochanfs is mounted: sudo mount -t gochan -o x-mount.mkdir none %s",
		    "/dev/gochans");
	return FAILED;
}

/*
 * Read /etc/passwd and /etc/group directly: getpwuid(3) uses NSS, which needs
 * shared libraries at run time, and this program may be linked statically.
 */
const char *user_name(uid_t uid, char text[OWNER_SIZE])
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *user;

	snprintf(text, OWNER_SIZE, "%u", uid);
	if (!file)
		return text;
	while ((user = fgetpwent(file))) {
		if (user->pw_uid == uid) {
			snprintf(text, OWNER_SIZE, "%s", user->pw_name);
			break;
		}
	}
	fclose(file);
	return text;
}

const char *group_name(gid_t gid, char text[OWNER_SIZE])
{
	FILE *file = fopen("/etc/group", "re");
	const struct group *group;

	snprintf(text, OWNER_SIZE, "%u", gid);
	if (!file)
		return text;
	while ((group = fgetgrent(file))) {
		if (group->gr_gid == gid) {
			snprintf(text, OWNER_SIZE, "%s", group->gr_name);
			break;
		}
	}
	fclose(file);
	return text;
}

bool read_number(const char *path, unsigned long *value)
{
	FILE *file = fopen(path, "re");
	bool ok;

	if (!file)
		return false;
	ok = fscanf(file, "%lu", value) == 1;
	fclose(file);
	return ok;
}
