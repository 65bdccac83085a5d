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
"  --all           remove all of your channels; as root, those of all users, so\n"
"                  that the module can be unloaded\n";

enum { OPT_ALL = OPT_OTHER };

static const struct option options[] = {
	{ "all", no_argument, NULL, OPT_ALL },
	OPTION_HELP,
	OPTION_END,
};

static enum status unlink_eperm(const char *name)
{
	char path[NODE_PATH_SIZE], owner[OWNER_SIZE];
	struct stat st;

	if (!node_lookup(name, path, &st))
		return report_errno(name, EPERM);
	print_error("%s: owned by %s; only its owner or root may remove it", name,
		    user_name(st.st_uid, owner));
	return FAILED;
}

static enum status remove_failed(const char *name, int err)
{
	switch (err) {
	case ENOENT:
		if (!module_is_loaded())
			return report_no_module();
		print_error("%s: no such channel; see 'gochan ls'", name);
		return FAILED;
	case EPERM:
		return unlink_eperm(name);
	case EINVAL:
		print_error("%s: not a valid channel name", name);
		return FAILED;
	default:
		return report_errno(name, err);
	}
}

static enum status remove_names(char **names)
{
	enum status status = DONE;

	for (; *names; names++) {
		if (gochan_unlink(*names) < 0)
			status = remove_failed(*names, errno);
	}
	return status;
}

static bool may_remove(const struct entry *entry)
{
	return geteuid() == 0 || (entry->has_node && entry->uid == geteuid());
}

static enum status remove_all(void)
{
	enum status status;
	struct list list;

	status = list_channels(&list);
	for (size_t i = 0; i < list.count; i++) {
		const struct entry *entry = &list.entries[i];

		/* ENOENT: another process removed it meanwhile. */
		if (may_remove(entry) && gochan_unlink(entry->name) < 0 && errno != ENOENT)
			status = remove_failed(entry->name, errno);
	}
	list_free(&list);
	return status;
}

static enum status run(int argc, char **argv)
{
	bool all = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
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
