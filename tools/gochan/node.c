// SPDX-License-Identifier: GPL-2.0
/*
 * Device files and sysfs attributes of channels, read without opening a channel.
 */
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

static const char digits[] = "0123456789";

bool is_valid_name(const char *name)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t len = strlen(name);

	return len >= 1 && len < GOCHAN_NAME_SIZE && strspn(name, allowed) == len &&
	       name[0] != '.' && name[0] != '-' && strspn(name, digits) != len;
}

bool node_lookup(const char *name, char path[NODE_PATH_SIZE], struct stat *st)
{
	if (!strchr(name, '/')) {
		snprintf(path, NODE_PATH_SIZE, NODE_DIR "%u/%s", geteuid(), name);
		if (stat(path, st) == 0)
			return true;
	}
	snprintf(path, NODE_PATH_SIZE, NODE_DIR "%s", name);
	return stat(path, st) == 0;
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
