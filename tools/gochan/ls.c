// SPDX-License-Identifier: GPL-2.0
/*
 * gochan ls: list the named channels.
 */
#include "json.h"
#include "list.h"
#include "table.h"

static const char help[] =
"Usage: gochan ls [-q|--json] [DIRECTORY|PATTERN]\n"
"Lists the named channels below /dev/gochans or another DIRECTORY of a gochanfs, or\n"
"those whose name matches a PATTERN. Of channels that you may send to and receive\n"
"from it also shows how many messages are inside, how many were received and not yet\n"
"acknowledged, how many tasks wait to send and to receive, and for how long the one has\n"
"waited that has waited longest. (Of tasks of other users, and without /proc, that is\n"
"not known.)\n"
"\n"
"  -q              print names only\n"
"  --json          print a JSON array with an object, on one line, for each channel\n"
"\n"
"An object has name, path, owner, uid, group, gid, mode (a string, in octal), if you\n"
"may see more the fields of 'gochan info', and oldest_wait, in seconds, or null.\n";

static const struct option options[] = { OPTION_JSON, OPTION_HELP, OPTION_END };

enum { NAME, OWNER, MODE, CAPACITY, SIZE, LEN, LEASED, STATE, SENDERS, RECEIVERS, OLDEST, COLUMNS };

static const char *const titles[COLUMNS] = {
	"NAME", "OWNER", "MODE", "CAPACITY", "SIZE", "LEN", "LEASED", "STATE", "WAIT-SEND",
	"WAIT-RECV", "OLDEST",
};

static void fill_row(struct row *row, const struct entry *entry)
{
	const struct gochan_info *info = &entry->info;
	char user[OWNER_SIZE], group[OWNER_SIZE];

	row_set_name(row, NAME, entry->name);
	row_set(row, OWNER, "%s:%s", user_name(entry->uid, user), group_name(entry->gid, group));
	row_set(row, MODE, "%04o", entry->mode);
	row_set_duration(row, OLDEST, entry->oldest_wait_ns);
	for (int i = CAPACITY; i < OLDEST; i++)
		row_set(row, i, "-");
	if (!entry->has_info)
		return;
	row_set(row, CAPACITY, "%u", info->capacity);
	row_set(row, SIZE, "%u", info->msg_size);
	row_set(row, LEN, "%u", info->len);
	row_set(row, LEASED, "%u", info->leased);
	row_set(row, STATE, "%s", info->closed ? "closed" : "open");
	row_set(row, SENDERS, "%u", info->senders_waiting);
	row_set(row, RECEIVERS, "%u", info->receivers_waiting);
}

static void print_table(const struct list *list)
{
	struct table table = { .columns = COLUMNS, .titles = titles };
	static struct row row;

	table_widen_titles(&table);
	for (size_t i = 0; i < list->count; i++) {
		fill_row(&row, &list->entries[i]);
		table_widen(&table, &row);
	}
	table_print_titles(&table);
	putchar('\n');
	for (size_t i = 0; i < list->count; i++) {
		fill_row(&row, &list->entries[i]);
		table_print(&table, &row);
		putchar('\n');
	}
}

static void print_object(const struct entry *entry)
{
	char text[OWNER_SIZE];

	json_object(NULL);
	entry_json(entry);
	json_string("owner", user_name(entry->uid, text));
	json_number("uid", entry->uid);
	json_string("group", group_name(entry->gid, text));
	json_number("gid", entry->gid);
	snprintf(text, sizeof(text), "%04o", entry->mode);
	json_string("mode", text);
	if (entry->oldest_wait_ns < 0)
		json_null("oldest_wait");
	else
		json_decimal("oldest_wait", (double)entry->oldest_wait_ns / 1e9, 3);
	json_object_end();
}

static void print_json(const struct list *list)
{
	json_array(NULL);
	for (size_t i = 0; i < list->count; i++) {
		json_new_line();
		print_object(&list->entries[i]);
	}
	if (list->count)
		json_new_line();
	json_array_end();
	json_end();
}

static void print_names(const struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		puts(list->entries[i].name);
}

static enum status list_as(const char *which, void (*print)(const struct list *list))
{
	enum status status;
	struct list list;

	status = list_channels(&list, which, print != print_names);
	if (status == DONE && print != print_names)
		status = list_check_abi(&list);
	if (status == DONE)
		print(&list);
	list_free(&list);
	return status;
}

static enum status run(int argc, char **argv)
{
	void (*print)(const struct list *list) = print_table;
	int opt;

	while ((opt = getopt_long(argc, argv, "q", options, NULL)) != -1) {
		switch (opt) {
		case 'q':
			print = print_names;
			break;
		case OPT_JSON:
			print = print_json;
			break;
		default:
			return help_or_usage(&ls_command, opt);
		}
	}
	if (argc - optind > 1)
		return usage_error(&ls_command, "ls takes at most one directory or pattern");
	return list_as(argv[optind], print);
}

const struct command ls_command = {
	.name = "ls",
	.summary = "list the named channels",
	.help = help,
	.run = run,
};
