/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The list of the named channels below /dev/gochans. They are opened with O_ACCMODE,
 * which has no effect on hangup.
 */
#ifndef GOCHAN_LIST_H
#define GOCHAN_LIST_H

#include "cmd.h"

struct entry {
	char *path;
	const char *name;	/* @path relative to /dev/gochans */
	bool has_info;		/* @info is valid: needs permission for both directions */
	int abi;		/* the module's, if there is permission */
	uid_t uid;
	gid_t gid;
	mode_t mode;
	struct gochan_info info;
};

struct list {
	struct entry *entries;	/* sorted by name */
	size_t count;
};

enum status list_channels(struct list *list);
void list_free(struct list *list);

#endif /* GOCHAN_LIST_H */
