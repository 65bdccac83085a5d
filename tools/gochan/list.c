// SPDX-License-Identifier: GPL-2.0
/*
 * The list of named channels.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fdinfo.h"
#include "fields.h"
#include "json.h"
#include "list.h"

#define MAX_OPEN	16	/* directories at a time */
#define MAX_WALKS	100

/* nftw(3) has no argument for its callback. */
static struct {
	struct list *list;
	const char *pattern;
	bool waits;
} walk;

/* -1 if it is not known: no waiter may be seen, or /proc is not mounted. */
static long long oldest_wait(int ch, uint64_t id, long long now)
{
	static struct fdinfo info;
	long long oldest = now;

	if (!fdinfo_read(getpid(), ch, &info) || info.id != id || !info.count)
		return -1;
	for (unsigned int i = 0; i < info.count; i++) {
		if (info.waiters[i].since_ns < oldest)
			oldest = info.waiters[i].since_ns;
	}
	return now - oldest;
}

static void read_info(struct entry *entry)
{
	int ch = gochan_open(entry->path, O_ACCMODE);

	if (ch < 0)
		return;
	entry->abi = gochan_abi(ch);
	if (entry->abi == GOCHAN_ABI)
		entry->has_info = gochan_info(ch, &entry->info) == 0;
	entry->time_ns = clock_now();
	if (walk.waits && (entry->info.senders_waiting || entry->info.receivers_waiting))
		entry->oldest_wait_ns = oldest_wait(ch, entry->info.id, entry->time_ns);
	close(ch);
}

static const char *name_of(const char *path)
{
	if (strncmp(path, NAME_DIR, strlen(NAME_DIR)) == 0)
		return path + strlen(NAME_DIR);
	return path;
}

static int add_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	struct list *list = walk.list;
	struct entry *entries, *entry;

	(void)ftw;
	if (type != FTW_F || !S_ISCHR(st->st_mode))
		return 0;
	if (walk.pattern && fnmatch(walk.pattern, name_of(path), 0) != 0)
		return 0;
	entries = realloc(list->entries, (list->count + 1) * sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	list->entries = entries;
	entry = &entries[list->count];
	*entry = (struct entry){
		.path = strdup(path), .uid = st->st_uid, .gid = st->st_gid,
		.mode = st->st_mode & 07777, .abi = GOCHAN_ABI, .oldest_wait_ns = -1,
	};
	if (!entry->path)
		return -ENOMEM;
	entry->name = name_of(entry->path);
	read_info(entry);
	list->count++;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct entry *one = a, *other = b;

	return strcmp(one->name, other->name);
}

/* A directory that is removed while it is walked makes nftw(3) fail: walk again. */
static int walk_directory(struct list *list, const char *dir)
{
	int err;

	for (int tries = 0; tries < MAX_WALKS; tries++) {
		err = nftw(dir, add_entry, MAX_OPEN, FTW_PHYS | FTW_MOUNT);
		if (err != -1)
			return err;
		err = -errno;
		list_free(list);
		if (err != -ENOENT || !is_gochanfs(dir))
			break;
	}
	return err;
}

/* What to walk; NULL, after an error message, if it is not on a gochanfs. */
static const char *directory(const char *which, char path[NAME_PATH_SIZE])
{
	struct stat st;

	if (which && name_lookup(which, path, &st) && S_ISDIR(st.st_mode)) {
		if (is_gochanfs(path))
			return path;
		print_error("%s: not on a gochanfs", which);
		return NULL;
	}
	if (is_gochanfs(NAME_DIR))
		return NAME_DIR;
	report_no_mount();
	return NULL;
}

enum status list_channels(struct list *list, const char *which, bool waits)
{
	char path[NAME_PATH_SIZE];
	const char *dir;
	int err;

	*list = (struct list){ 0 };
	dir = directory(which, path);
	if (!dir)
		return FAILED;
	walk.list = list;
	walk.pattern = which && dir != path ? name_of(which) : NULL;
	walk.waits = waits;
	err = walk_directory(list, dir);
	if (err) {
		list_free(list);
		return report_errno(dir, -err);
	}
	if (list->count)
		qsort(list->entries, list->count, sizeof(*list->entries), by_name);
	return DONE;
}

enum status list_check_abi(const struct list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->entries[i].abi != GOCHAN_ABI)
			return report_other_abi(list->entries[i].abi);
	}
	return DONE;
}

void list_free(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->entries[i].path);
	free(list->entries);
	*list = (struct list){ 0 };
}

void entry_json(const struct entry *entry)
{
	json_string("name", entry->name);
	json_string("path", entry->path);
	if (entry->has_info)
		fields_json(&entry->info);
}
