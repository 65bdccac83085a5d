// SPDX-License-Identifier: GPL-2.0
/*
 * gochan info: the state of one channel.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fields.h"
#include "json.h"
#include "utf8.h"

static const char help[] =
"Usage: gochan info NAME [OPTION...] [FIELD...]\n"
"       gochan info --fd N [OPTION...] [FIELD...]\n"
"Prints a consistent snapshot of a channel's state, as lines of FIELD: VALUE. If\n"
"FIELDs are given, prints only their values, one per line. The handle that this\n"
"command opens is not counted.\n"
"\n"
"      --fd N          the channel of an inherited descriptor\n"
"  -J, --json          print one JSON object, with all fields or those given\n"
"  -h, --help          show this help\n"
"\n"
"Fields:\n"
"  name                its name or path, or none\n"
"  id                  identifies it until the module is unloaded\n"
"  capacity            messages it can buffer\n"
"  msg_size            maximum message length\n"
"  flags               how it was made: fixed, hangup, cred, ack, deadletter,\n"
"                      done\n"
"  closed              yes or no\n"
"  len, bytes          messages in the channel, and their bytes\n"
"  senders_waiting     tasks that are blocked in a send\n"
"  receivers_waiting   tasks that are blocked in a receive\n"
"  send_handles        open handles that may send\n"
"  recv_handles        open handles that may receive\n"
"  sent, received      messages since it was created\n"
"  send_blocked        how often a send had to block\n"
"  recv_blocked        how often a receive had to block\n"
"  requeued            messages given back: by receivers that could not copy\n"
"                      them, or without an acknowledgment\n"
"\n"
"Fields of channels made with --ack, printed unless they are 0:\n"
"  leased              messages that were received and not yet acknowledged\n"
"  max_deliveries      deliveries after which a message is given up\n"
"  dropped             messages that were given up and that no channel has got\n"
"  done                id of the channel that is told what is done\n"
"\n"
"Field that is printed only in JSON or if it is given:\n"
"  abi                 the version of the module's interface\n"
"\n"
"In JSON numbers are numbers, flags is an array of strings, closed is true or\n"
"false, and the name of an unnamed channel is null. Bytes that are not UTF-8\n"
"become U+FFFD.\n";

/* The longest field that may be printed, and a space. */
enum { LABEL_WIDTH = sizeof("receivers_waiting") };

static const struct option options[] = { OPTION_FD, OPTION_JSON, OPTION_HELP, OPTION_END };

/*
 * Prefer a handle without rights (O_ACCMODE), which has no effect on hangup, but
 * needs permission for both directions. Otherwise use the one that is permitted.
 */
static enum status open_for_info(struct target *target)
{
	static const int rights[] = { O_ACCMODE, O_RDONLY };

	if (target->inherited_fd >= 0)
		return target_open(target, O_RDWR);
	for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
		target->fd = gochan_open(target->label, rights[i]);
		if (target->fd >= 0)
			return DONE;
		if (errno != EACCES)
			break;
	}
	return target_open(target, O_WRONLY);
}

/* Do not count the handle that was opened for INFO. */
static void exclude_own_handle(struct gochan_info *info, const struct target *target)
{
	int right = fcntl(target->fd, F_GETFL) & O_ACCMODE;

	if (target->inherited_fd >= 0)
		return;
	if (right == O_WRONLY)
		info->send_handles--;
	if (right == O_RDONLY)
		info->recv_handles--;
}

/* The path of an inherited handle, as far as it is one on a gochanfs; or NULL. */
static const char *name_of(const struct target *target)
{
	static char path[NAME_PATH_SIZE];
	char link[64];
	ssize_t len;

	if (target->inherited_fd < 0)
		return target->label;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", target->fd);
	len = readlink(link, path, sizeof(path) - 1);
	path[len < 0 ? 0 : len] = '\0';
	if (!is_gochanfs(path))
		return NULL;
	if (strncmp(path, NAME_DIR, strlen(NAME_DIR)) == 0)
		return path + strlen(NAME_DIR);
	return path;
}

static bool is_name(const char *field)
{
	return strcmp(field, "name") == 0;
}

static enum status check_fields(const struct field fields[FIELDS], char **names)
{
	for (; *names; names++) {
		if (!is_name(*names) && !field_find(fields, *names))
			return usage_error(&info_command, "%s: no such field", *names);
	}
	return DONE;
}

/* A name may have bytes that would control the terminal, or begin a line. */
static const char *label(const char *name)
{
	static char text[NAME_PATH_SIZE];

	text_escape(text, sizeof(text), name ?: "none");
	return text;
}

static void print_line(const char *field, const char *value)
{
	int padding = LABEL_WIDTH - (int)strlen(field);

	printf("%s:%*s%s\n", field, padding, "", value);
}

static void print_all(const struct field fields[FIELDS], const char *name)
{
	char text[FIELD_SIZE];

	print_line("name", label(name));
	for (int i = 0; i < FIELDS; i++) {
		if (!fields[i].hidden)
			print_line(fields[i].name, field_text(&fields[i], text));
	}
}

static void print_values(const struct field fields[FIELDS], const char *name, char **names)
{
	char text[FIELD_SIZE];

	for (; *names; names++) {
		if (is_name(*names))
			puts(isatty(STDOUT_FILENO) ? label(name) : name ?: "none");
		else
			puts(field_text(field_find(fields, *names), text));
	}
}

static void name_json(const char *name)
{
	if (name)
		json_string("name", name);
	else
		json_null("name");
}

/* Those in @names, or all if there are none. */
static bool is_wanted(const char *field, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++) {
		if (strcmp(*names, field) == 0)
			return true;
	}
	return false;
}

static void print_json(const struct field fields[FIELDS], const char *name, char **names)
{
	json_object(NULL);
	if (is_wanted("name", names))
		name_json(name);
	for (int i = 0; i < FIELDS; i++) {
		if (is_wanted(fields[i].name, names))
			field_json(&fields[i]);
	}
	json_object_end();
	json_end();
}

static enum status show(const struct target *target, char **names, bool json)
{
	struct field fields[FIELDS];
	struct gochan_info info;
	enum status status;

	status = target_info(target, &info);
	if (status != DONE)
		return status;
	exclude_own_handle(&info, target);
	fields_of(&info, fields);
	status = check_fields(fields, names);
	if (status != DONE)
		return status;
	if (json)
		print_json(fields, name_of(target), names);
	else if (*names)
		print_values(fields, name_of(target), names);
	else
		print_all(fields, name_of(target));
	return DONE;
}

static enum status run(int argc, char **argv)
{
	const struct command *self = &info_command;
	struct target target = NO_TARGET;
	enum status status;
	bool json = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "Jh", options, NULL)) != -1) {
		switch (opt) {
		case OPT_FD:
			if (!opt_fd(self, &target))
				return USAGE;
			break;
		case OPT_JSON:
			json = true;
			break;
		default:
			return help_or_usage(self, opt);
		}
	}
	if (!target_parse(&target, argc, argv))
		return usage_error(self, "info takes a name, or --fd N");
	status = open_for_info(&target);
	if (status != DONE)
		return status;
	return show(&target, argv + optind, json);
}

const struct command info_command = {
	.name = "info",
	.summary = "show the state of a channel",
	.help = help,
	.run = run,
};
