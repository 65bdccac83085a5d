// SPDX-License-Identifier: GPL-2.0
/*
 * gochan ls: list the named channels.
 */
#include <unistd.h>

#include "columns.h"
#include "json.h"
#include "screen.h"
#include "utf8.h"

static const char help[] =
"Usage: gochan ls [OPTION...] [DIRECTORY|PATTERN]\n"
"Lists the named channels below /dev/gochans or another DIRECTORY of a gochanfs,\n"
"or those whose name matches a PATTERN, sorted by name. On a terminal, lines are\n"
"cut off at its width.\n"
"\n"
"  -o, --output LIST   show these columns, separated by commas; +LIST: also these\n"
"  -n, --noheadings    do not print the line of headings\n"
"  -r, --raw           do not align columns, and print a space in a name as \\040\n"
"  -q                  print only names, one per line, escaped only on a terminal\n"
"  -J, --json          print a JSON array with an object, on one line, for each\n"
"                      channel; with -o only what belongs to the columns\n"
"  -h, --help          show this help\n"
"\n"
"Columns (* if there is no -o):\n"
"  NAME*, PATH         the name, and the path of the file\n"
"  OWNER*, GROUP*      names of the owner and group, or numbers if they have none\n"
"  UID, GID            the numbers\n"
"  MODE*               permissions, in octal\n"
"Columns, of channels that you may send to and receive from, else -:\n"
"  CAP*, SIZE*, FLAGS  capacity, maximum message length, how it was made\n"
"  LEN*, BYTES         messages inside, and their bytes\n"
"  LEASED*             messages that were received and not yet acknowledged\n"
"  STATE*              open or closed\n"
"  WAIT-SEND*          tasks that wait to send\n"
"  WAIT-RECV*          tasks that wait to receive\n"
"  OLDEST*             for how long the one has waited that has waited longest; -\n"
"                      if there is none, for tasks of other users, without /proc\n"
"  SEND-HANDLES        open handles that may send\n"
"  RECV-HANDLES        open handles that may receive\n"
"  SENT, RECEIVED      messages since it was created\n"
"  SEND-BLOCKED        how often a send had to block\n"
"  RECV-BLOCKED        how often a receive had to block\n"
"  REQUEUED            messages given back\n"
"  MAX-DELIVERIES      deliveries after which a message is given up, 0: never\n"
"  DROPPED             messages that were given up and that no channel has got\n"
"  DONE                id of the channel that is told what is done, 0: none\n"
"  ID                  identifies the channel until the module is unloaded\n"
"\n"
"An object has name, path, owner, uid, group, gid, mode (a string, in octal), if\n"
"you may see more the fields of 'gochan info', and oldest_wait, in seconds, or\n"
"null.\n";

static const struct option options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "noheadings", no_argument, NULL, 'n' },
	{ "raw", no_argument, NULL, 'r' },
	OPTION_JSON,
	OPTION_HELP,
	OPTION_END,
};

struct format {
	enum { TABLE, NAMES, JSON } kind;
	bool no_headings;
	bool raw;
	bool has_columns;	/* @columns were chosen */
	struct selection columns;
};

/* On a terminal the right part is cut off rather than that lines wrap, as ps(1) does. */
static int line_limit(const struct format *format)
{
	int rows, width;

	if (format->raw || !isatty(STDOUT_FILENO))
		return 0;
	screen_size(&rows, &width);
	return width;
}

static void print_table(const struct list *list, const struct format *format)
{
	struct table table = columns_table(&format->columns);
	static struct row row;

	table.raw = format->raw;
	table.limit = line_limit(format);
	if (!format->no_headings)
		table_widen_titles(&table);
	for (size_t i = 0; i < list->count; i++) {
		columns_row(&format->columns, &row, &list->entries[i]);
		table_widen(&table, &row);
	}
	if (!format->no_headings) {
		table_print_titles(&table);
		putchar('\n');
	}
	for (size_t i = 0; i < list->count; i++) {
		columns_row(&format->columns, &row, &list->entries[i]);
		table_print(&table, &row);
		putchar('\n');
	}
}

/* The fields of INFO, and what the file has. */
static void print_whole_object(const struct entry *entry)
{
	static const char file_columns[] = "OWNER,UID,GROUP,GID,MODE,OLDEST";
	struct selection selection;

	columns_parse(&ls_command, &selection, file_columns);
	entry_json(entry);
	columns_json(&selection, entry);
}

static void print_json(const struct list *list, const struct format *format)
{
	json_array(NULL);
	for (size_t i = 0; i < list->count; i++) {
		json_new_line();
		json_object(NULL);
		if (format->has_columns)
			columns_json(&format->columns, &list->entries[i]);
		else
			print_whole_object(&list->entries[i]);
		json_object_end();
	}
	if (list->count)
		json_new_line();
	json_array_end();
	json_end();
}

/* For other programs as they are; on a terminal, which they might control, escaped. */
static void print_names(const struct list *list)
{
	const bool terminal = isatty(STDOUT_FILENO);
	static char text[NAME_PATH_SIZE];

	for (size_t i = 0; i < list->count; i++) {
		text_escape(text, sizeof(text), list->entries[i].name);
		puts(terminal ? text : list->entries[i].name);
	}
}

static void print(const struct list *list, const struct format *format)
{
	switch (format->kind) {
	case TABLE:
		print_table(list, format);
		break;
	case NAMES:
		print_names(list);
		break;
	case JSON:
		print_json(list, format);
		break;
	}
}

static enum status list_as(const char *which, const struct format *format)
{
	const bool names = format->kind == NAMES;
	enum status status;
	struct list list;

	status = list_channels(&list, which, !names);
	if (status == DONE && !names)
		status = list_check_abi(&list);
	if (status == DONE)
		print(&list, format);
	list_free(&list);
	return status;
}

/* Options that make no sense together. */
static enum status check(const struct format *format)
{
	if (format->kind == NAMES && (format->has_columns || format->no_headings || format->raw))
		return usage_error(&ls_command, "-q prints no columns");
	if (format->kind == JSON && (format->no_headings || format->raw))
		return usage_error(&ls_command, "--noheadings and --raw do not apply to --json");
	return DONE;
}

static enum status run(int argc, char **argv)
{
	struct format format = { .kind = TABLE };
	const struct command *self = &ls_command;
	enum status status;
	int opt;

	columns_usual(&format.columns);
	while ((opt = getopt_long(argc, argv, "o:nrqJh", options, NULL)) != -1) {
		switch (opt) {
		case 'o':
			if (!columns_parse(self, &format.columns, optarg))
				return USAGE;
			format.has_columns = true;
			break;
		case 'n':
			format.no_headings = true;
			break;
		case 'r':
			format.raw = true;
			break;
		case 'q':
			format.kind = NAMES;
			break;
		case OPT_JSON:
			format.kind = JSON;
			break;
		default:
			return help_or_usage(self, opt);
		}
	}
	if (argc - optind > 1)
		return usage_error(self, "ls takes at most one directory or pattern");
	status = check(&format);
	return status == DONE ? list_as(argv[optind], &format) : status;
}

const struct command ls_command = {
	.name = "ls",
	.summary = "list the named channels",
	.help = help,
	.run = run,
};
