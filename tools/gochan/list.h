/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The list of all named channels, read from sysfs and their device files without
 * opening them.
 */
#ifndef GOCHAN_LIST_H
#define GOCHAN_LIST_H

#include "cmd.h"

struct entry {
	char name[256];		/* relative to /dev/gochans: "jobs", "1000/jobs" */
	bool has_node;		/* uid, gid and mode are valid */
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
