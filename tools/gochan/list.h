/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The list of the named channels below /dev/gochans, or another directory. They are
 * opened with O_ACCMODE, which has no effect on hangup.
 */
#ifndef GOCHAN_LIST_H
#define GOCHAN_LIST_H

#include "cmd.h"

struct entry {
	char *path;
	const char *name;	/* @path, relative to /dev/gochans if it is below it */
	bool has_info;		/* @info is valid: needs permission for both directions */
	int abi;		/* the module's, if there is permission */
	uid_t uid;
	gid_t gid;
	mode_t mode;
	long long time_ns;	/* when @info was taken, CLOCK_MONOTONIC */
	long long oldest_wait_ns;	/* of the waiters that may be seen, or -1 */
	struct gochan_info info;
};

struct list {
	struct entry *entries;	/* sorted by name */
	size_t count;
};

/*
 * All channels if @which is NULL; those below it if it is a directory; else those whose
 * name matches it as a pattern. With @waits also look for the oldest wait.
 */
enum status list_channels(struct list *list, const char *which, bool waits);
/* DONE if the module has this command's version of the interface. */
enum status list_check_abi(const struct list *list);
void list_free(struct list *list);

/* The keys of an entry that all commands have in their JSON. */
void entry_json(const struct entry *entry);

#endif /* GOCHAN_LIST_H */
