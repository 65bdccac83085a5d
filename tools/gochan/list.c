// SPDX-License-Identifier: GPL-2.0
/*
 * The list of named channels: state from sysfs, owner and mode from the device
 * files.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "list.h"

#define CLASS	"/sys/class/gochan"

static bool read_attribute(const char *device, const char *attribute, unsigned long *value)
{
	char path[512];

	snprintf(path, sizeof(path), CLASS "/%s/%s", device, attribute);
	return read_number(path, value);
}

/* Returns false if the channel was removed meanwhile. */
static bool read_entry(const char *device, struct entry *entry)
{
	char path[NODE_PATH_SIZE];
	struct stat st;
	char *slash;

	/* sysfs replaces the / of 1000/jobs by a ! */
	snprintf(entry->name, sizeof(entry->name), "%s", device);
	slash = strchr(entry->name, '!');
	if (slash)
		*slash = '/';
	snprintf(path, sizeof(path), NODE_DIR "%s", entry->name);
	entry->has_node = stat(path, &st) == 0;
	if (entry->has_node) {
		entry->uid = st.st_uid;
		entry->gid = st.st_gid;
		entry->mode = st.st_mode & 07777;
	}
	return read_attribute(device, "capacity", &entry->capacity) &&
	       read_attribute(device, "msg_size", &entry->msg_size) &&
	       read_attribute(device, "len", &entry->len) &&
	       read_attribute(device, "closed", &entry->closed);
}

static int by_name(const void *a, const void *b)
{
	const struct entry *one = a, *other = b;

	return strcmp(one->name, other->name);
}

static enum status list_error(void)
{
	if (!module_is_loaded())
		return report_no_module();
	return report_errno(CLASS, errno);
}

static bool add_entry(struct list *list, const struct entry *entry)
{
	size_t size = (list->count + 1) * sizeof(*entry);
	struct entry *entries = realloc(list->entries, size);

	if (!entries)
		return false;
	list->entries = entries;
	entries[list->count++] = *entry;
	return true;
}

enum status list_channels(struct list *list)
{
	DIR *dir = opendir(CLASS);
	struct entry entry;
	struct dirent *found;

	*list = (struct list){ 0 };
	if (!dir)
		return list_error();
	while ((found = readdir(dir))) {
		if (found->d_name[0] == '.' || !read_entry(found->d_name, &entry))
			continue;
		if (!add_entry(list, &entry)) {
			closedir(dir);
			list_free(list);
			return report_errno(CLASS, ENOMEM);
		}
	}
	closedir(dir);
	if (list->count)
		qsort(list->entries, list->count, sizeof(entry), by_name);
	return DONE;
}

void list_free(struct list *list)
{
	free(list->entries);
	*list = (struct list){ 0 };
}
