// SPDX-License-Identifier: GPL-2.0
/*
 * gochan ls: list the named channels.
 */
#include <string.h>

#include "list.h"

static const char help[] =
"Usage: gochan ls [-q]\n"
"Lists the named channels below /dev/gochans, with the number of messages in each,\n"
"if you may send to and receive from them.\n"
"\n"
"  -q              print names only\n";

static const struct option options[] = { OPTION_HELP, OPTION_END };

enum { COLUMNS = 7 };

struct row {
	char column[COLUMNS][NAME_PATH_SIZE];
};

static const struct row header = {
	{ "NAME", "OWNER", "MODE", "CAPACITY", "SIZE", "LEN", "STATE" }
};

static void fill_row(struct row *row, const struct entry *entry)
{
	const size_t size = sizeof(row->column[0]);
	char user[OWNER_SIZE], group[OWNER_SIZE];

	snprintf(row->column[0], size, "%s", entry->name);
	snprintf(row->column[1], size, "%s:%s", user_name(entry->uid, user),
		 group_name(entry->gid, group));
	snprintf(row->column[2], size, "%04o", entry->mode);
	for (int i = 3; i < COLUMNS; i++)
		snprintf(row->column[i], size, "-");
	if (!entry->has_info)
		return;
	snprintf(row->column[3], size, "%u", entry->info.capacity);
	snprintf(row->column[4], size, "%u", entry->info.msg_size);
	snprintf(row->column[5], size, "%u", entry->info.len);
	snprintf(row->column[6], size, "%s", entry->info.closed ? "closed" : "open");
}

static void widen(int width[COLUMNS], const struct row *row)
{
	for (int i = 0; i < COLUMNS; i++) {
		int len = (int)strlen(row->column[i]);

		if (width[i] < len)
			width[i] = len;
	}
}

static void print_row(const int width[COLUMNS], const struct row *row)
{
	for (int i = 0; i < COLUMNS - 1; i++)
		printf("%-*s  ", width[i], row->column[i]);
	puts(row->column[COLUMNS - 1]);
}

static enum status print_table(const struct list *list)
{
	int width[COLUMNS] = { 0 };
	struct row row;

	for (size_t i = 0; i < list->count; i++) {
		if (list->entries[i].abi != GOCHAN_ABI)
			return report_other_abi(list->entries[i].abi);
	}
	widen(width, &header);
	for (size_t i = 0; i < list->count; i++) {
		fill_row(&row, &list->entries[i]);
		widen(width, &row);
	}
	print_row(width, &header);
	for (size_t i = 0; i < list->count; i++) {
		fill_row(&row, &list->entries[i]);
		print_row(width, &row);
	}
	return DONE;
}

static enum status print_names(const struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		puts(list->entries[i].name);
	return DONE;
}

static enum status run(int argc, char **argv)
{
	struct list list;
	enum status status;
	bool quiet = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "q", options, NULL)) != -1) {
		if (opt != 'q')
			return help_or_usage(&ls_command, opt);
		quiet = true;
	}
	if (optind != argc)
		return usage_error(&ls_command, "ls takes no arguments; see 'gochan info'");
	status = list_channels(&list);
	if (status != DONE)
		return status;
	status = quiet ? print_names(&list) : print_table(&list);
	list_free(&list);
	return status;
}

const struct command ls_command = {
	.name = "ls",
	.summary = "list the named channels",
	.help = help,
	.run = run,
};
