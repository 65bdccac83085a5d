/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All channels that have a name, as sysfs and their device files show them
 * without opening any.
 */
#ifndef GOCHAN_LIST_H
#define GOCHAN_LIST_H

#include "cmd.h"

struct entry {
	char name[256];		/* "jobs", "1000/jobs" */
	bool has_node;		/* else uid, gid and mode are unknown */
	uid_t uid;
	gid_t gid;
	mode_t mode;
	unsigned long capacity, msg_size, len, closed;
};

struct list {
	struct entry *entries;	/* sorted by name */
	size_t count;
};

enum status list_channels(struct list *list);
void list_free(struct list *list);

#endif /* GOCHAN_LIST_H */
