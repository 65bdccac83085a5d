// SPDX-License-Identifier: GPL-2.0
/*
 * The list of named channels.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "list.h"

#define MAX_OPEN	16	/* directories at a time */

/* nftw(3) has no argument for its callback. */
static struct list *walked;

static void read_info(struct entry *entry)
{
	int ch = gochan_open(entry->path, O_ACCMODE);

	if (ch < 0)
		return;
	entry->abi = gochan_abi(ch);
	if (entry->abi == GOCHAN_ABI)
		entry->has_info = gochan_info(ch, &entry->info) == 0;
	close(ch);
}

static int add_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	struct entry *entries, *entry;

	(void)ftw;
	if (type != FTW_F || !S_ISCHR(st->st_mode))
		return 0;
	entries = realloc(walked->entries, (walked->count + 1) * sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	walked->entries = entries;
	entry = &entries[walked->count];
	*entry = (struct entry){
		.path = strdup(path), .uid = st->st_uid, .gid = st->st_gid,
		.mode = st->st_mode & 07777, .abi = GOCHAN_ABI,
	};
	if (!entry->path)
		return -ENOMEM;
	entry->name = entry->path + strlen(NAME_DIR);
	read_info(entry);
	walked->count++;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct entry *one = a, *other = b;

	return strcmp(one->name, other->name);
}

enum status list_channels(struct list *list)
{
	int err;

	*list = (struct list){ 0 };
	if (!is_gochanfs(NAME_DIR))
		return report_no_mount();
	walked = list;
	err = nftw(NAME_DIR, add_entry, MAX_OPEN, FTW_PHYS | FTW_MOUNT);
	if (err) {
		list_free(list);
		return report_errno(NAME_DIR, err == -1 ? errno : -err);
	}
	if (list->count)
		qsort(list->entries, list->count, sizeof(*list->entries), by_name);
	return DONE;
}

void list_free(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->entries[i].path);
	free(list->entries);
	*list = (struct list){ 0 };
}
