// SPDX-License-Identifier: GPL-2.0
/*
 * gochan info: the state of one channel.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

static const char help[] =
"Usage: gochan info NAME [FIELD...]\n"
"       gochan info --fd N [FIELD...]\n"
"Prints a consistent snapshot of a channel's state, as lines of FIELD: VALUE. If\n"
"FIELDs are given, prints only their values, one per line. The handle that this\n"
"command opens is not counted.\n"
"\n"
"  name                                its name or path, or none\n"
"  id                                  identifies it until the module is unloaded\n"
"  capacity, msg_size, flags           parameters it was created with\n"
"  closed                              yes or no\n"
"  len, bytes                          messages in the channel, and their bytes\n"
"  senders_waiting, receivers_waiting  blocked senders and receivers\n"
"  send_handles, recv_handles          open handles that may send, receive\n"
"  sent, received                      messages since it was created\n"
"  send_blocked, recv_blocked          how often a send, a receive had to block\n"
"  requeued                            messages given back by receivers that could not\n"
"                                      copy them\n";

static const struct option options[] = { OPTION_FD, OPTION_HELP, OPTION_END };

enum { FIELDS = 17 };

struct field {
	const char *name;
	char value[NAME_PATH_SIZE];
};

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

static struct field number(const char *name, unsigned long long value)
{
	struct field field = { .name = name };

	snprintf(field.value, sizeof(field.value), "%llu", value);
	return field;
}

static struct field text(const char *name, const char *value)
{
	struct field field = { .name = name };

	snprintf(field.value, sizeof(field.value), "%s", value);
	return field;
}

static struct field flags(unsigned int flags)
{
	struct field field = { .name = "flags" };

	snprintf(field.value, sizeof(field.value), "%s%s%s",
		 flags & GOCHAN_FIXED ? " fixed" : "", flags & GOCHAN_HANGUP ? " hangup" : "",
		 flags & GOCHAN_CRED ? " cred" : "");
	if (field.value[0] == '\0')
		return text("flags", "none");
	return text("flags", field.value + 1);
}

/* The path of an inherited handle, as far as it is one on a gochanfs. */
static struct field name(const struct target *target)
{
	char link[64], path[NAME_PATH_SIZE];
	ssize_t len;

	if (target->inherited_fd < 0)
		return text("name", target->label);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", target->fd);
	len = readlink(link, path, sizeof(path) - 1);
	path[len < 0 ? 0 : len] = '\0';
	if (!is_gochanfs(path))
		return text("name", "none");
	if (strncmp(path, NAME_DIR, strlen(NAME_DIR)) == 0)
		return text("name", path + strlen(NAME_DIR));
	return text("name", path);
}

static void describe(const struct gochan_info *info, const struct target *target,
		     struct field fields[FIELDS])
{
	const struct field all[FIELDS] = {
		name(target),
		number("id", info->id),
		number("capacity", info->capacity),
		number("msg_size", info->msg_size),
		flags(info->flags),
		text("closed", info->closed ? "yes" : "no"),
		number("len", info->len),
		number("bytes", info->bytes),
		number("senders_waiting", info->senders_waiting),
		number("receivers_waiting", info->receivers_waiting),
		number("send_handles", info->send_handles),
		number("recv_handles", info->recv_handles),
		number("sent", info->sent),
		number("received", info->received),
		number("send_blocked", info->send_blocked),
		number("recv_blocked", info->recv_blocked),
		number("requeued", info->requeued),
	};

	memcpy(fields, all, sizeof(all));
}

static bool print_value(const struct field fields[FIELDS], const char *name)
{
	for (int i = 0; i < FIELDS; i++) {
		if (strcmp(fields[i].name, name) == 0) {
			puts(fields[i].value);
			return true;
		}
	}
	return false;
}

static enum status print_values(const struct field fields[FIELDS], char **names)
{
	for (; *names; names++) {
		if (!print_value(fields, *names))
			return usage_error(&info_command, "%s: no such field", *names);
	}
	return DONE;
}

static enum status run(int argc, char **argv)
{
	const struct command *self = &info_command;
	struct target target = NO_TARGET;
	struct field fields[FIELDS];
	struct gochan_info info;
	enum status status;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != OPT_FD)
			return help_or_usage(self, opt);
		if (!opt_fd(self, &target))
			return USAGE;
	}
	if (!target_parse(&target, argc, argv))
		return usage_error(self, "info takes a name, or --fd N");
	status = open_for_info(&target);
	if (status == DONE)
		status = target_info(&target, &info);
	if (status != DONE)
		return status;
	exclude_own_handle(&info, &target);
	describe(&info, &target, fields);
	if (optind < argc)
		return print_values(fields, argv + optind);
	for (int i = 0; i < FIELDS; i++)
		printf("%s: %s\n", fields[i].name, fields[i].value);
	return DONE;
}

const struct command info_command = {
	.name = "info",
	.summary = "show the state of a channel",
	.help = help,
	.run = run,
};
