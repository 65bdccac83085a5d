// SPDX-License-Identifier: GPL-2.0
/*
 * Names of channels: their files, looked up without opening a channel, and the
 * filesystem that they are in.
 */
#include <errno.h>
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

void name_directory(const char *name, char dir[NAME_PATH_SIZE])
{
	const char *slash = strrchr(name, '/');

	if (slash)
		snprintf(dir, NAME_PATH_SIZE, "%.*s", (int)(slash + 1 - name), name);
	else
		snprintf(dir, NAME_PATH_SIZE, "%s", NAME_DIR);
}

bool is_gochanfs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == GOCHAN_SUPER_MAGIC;
}

static bool is_below_name_dir(const char *name)
{
	return !strchr(name, '/') || strncmp(name, NAME_DIR, strlen(NAME_DIR)) == 0;
}

bool report_no_gochanfs(const char *name)
{
	const char *hint = "a name with a slash is a path, such as " NAME_DIR "app/jobs";
	char dir[NAME_PATH_SIZE];

	name_directory(name, dir);
	if (is_gochanfs(dir))
		return false;
	if (is_below_name_dir(name) && !is_gochanfs(NAME_DIR))
		report_no_mount();
	else if (access(dir, F_OK) == 0)
		print_error("%s: not on a gochanfs; %s", name, hint);
	else if (errno != ENOENT)
		report_errno(name, errno);
	else if (is_below_name_dir(name))
		print_error("%s: no such directory; create it with: mkdir %s", name, dir);
	else
		print_error("%s: no such directory; %s", name, hint);
	return true;
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
