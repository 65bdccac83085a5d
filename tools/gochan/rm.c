// SPDX-License-Identifier: GPL-2.0
/*
 * gochan rm: remove the names of channels.
 */
#include <errno.h>
#include <unistd.h>

#include "list.h"

static const char help[] =
"Usage: gochan rm NAME...\n"
"       gochan rm --all\n"
"Removes the names of channels. A channel is destroyed, with the messages in it,\n"
"once no process has it open any more.\n"
"\n"
"      --all           remove all of your channels below /dev/gochans; as root,\n"
"                      those of all users\n"
"  -h, --help          show this help\n";

enum { OPT_ALL = OPT_OTHER };

static const struct option options[] = {
	{ "all", no_argument, NULL, OPT_ALL },
	OPTION_HELP,
	OPTION_END,
};

static enum status unlink_eperm(const char *name)
{
	char path[NAME_PATH_SIZE], owner[OWNER_SIZE];
	struct stat st;

	if (!name_lookup(name, path, &st))
		return report_errno(name, EPERM);
	print_error("%s: owned by %s; only its owner or root may remove it", name,
		    user_name(st.st_uid, owner));
	return FAILED;
}

static enum status remove_failed(const char *name, int err)
{
	switch (err) {
	case ENOENT:
	case ENOTDIR:
		if (report_no_gochanfs(name))
			return FAILED;
		print_error("%s: no such channel; see 'gochan ls'", name);
		return FAILED;
	case EPERM:
		return unlink_eperm(name);
	default:
		return report_errno(name, err);
	}
}

/* A path might be that of any file. */
static bool is_channel(const char *name)
{
	char path[NAME_PATH_SIZE];
	struct stat st;

	return !name_lookup(name, path, &st) || (S_ISCHR(st.st_mode) && is_gochanfs(path));
}

static enum status remove_names(char **names)
{
	enum status status = DONE;

	for (; *names; names++) {
		if (!is_channel(*names))
			status = report_errno(*names, ENOTTY);
		else if (gochan_unlink(*names) < 0)
			status = remove_failed(*names, errno);
	}
	return status;
}

static bool may_remove(const struct entry *entry)
{
	return geteuid() == 0 || entry->uid == geteuid();
}

static enum status remove_all(void)
{
	enum status status;
	struct list list;

	status = list_channels(&list, NULL, false);
	for (size_t i = 0; i < list.count; i++) {
		const struct entry *entry = &list.entries[i];

		/* ENOENT: another process removed it meanwhile. */
		if (may_remove(entry) && gochan_unlink(entry->path) < 0 && errno != ENOENT)
			status = remove_failed(entry->path, errno);
	}
	list_free(&list);
	return status;
}

static enum status run(int argc, char **argv)
{
	bool all = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt != OPT_ALL)
			return help_or_usage(&rm_command, opt);
		all = true;
	}
	if (all ? optind < argc : optind == argc)
		return usage_error(&rm_command, "rm takes names, or --all");
	if (all)
		return remove_all();
	return remove_names(argv + optind);
}

const struct command rm_command = {
	.name = "rm",
	.summary = "remove named channels",
	.help = help,
	.run = run,
};
