// SPDX-License-Identifier: GPL-2.0
/*
 * gochan make: create a named channel.
 */
#include <errno.h>
#include <unistd.h>

#include "cmd.h"

static const char help[] =
"Usage: gochan make NAME [OPTION...]\n"
"Creates a channel that exists until 'gochan rm', and prints its device file.\n"
"\n"
"  --cap N         messages it can buffer (default 0: unbuffered, a send returns\n"
"                  when a receiver has taken the message)\n"
"  --size BYTES    maximum message length (default 4096)\n"
"  --fixed         every message has exactly that length\n"
"  --hangup        when the last sender is gone, receivers see end of file; when\n"
"                  the last receiver is gone, sends fail (default: wait for the\n"
"                  next process that opens the channel)\n"
"  --mode MODE     permissions in octal, as for chmod (default 0600)\n"
"\n"
"NAME is 1 to 63 characters from A-Z a-z 0-9 . _ -, does not start with . or -,\n"
"and is not a number. Root's channels are system-wide; other users have a\n"
"directory each.\n";

struct request {
	const char *name;
	unsigned int capacity, size, flags, mode;
};

enum {
	OPT_CAP = OPT_OTHER,
	OPT_SIZE,
	OPT_FIXED,
	OPT_HANGUP,
	OPT_MODE,
};

static const struct option options[] = {
	{ "cap", required_argument, NULL, OPT_CAP },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "fixed", no_argument, NULL, OPT_FIXED },
	{ "hangup", no_argument, NULL, OPT_HANGUP },
	{ "mode", required_argument, NULL, OPT_MODE },
	OPTION_HELP,
	OPTION_END,
};

static bool over_limit(const char *option, unsigned int value, const char *parameter)
{
	char path[128];
	unsigned long limit;

	snprintf(path, sizeof(path), PARAMETERS "/%s", parameter);
	if (!read_number(path, &limit) || value <= limit)
		return false;
	print_error("%s %u: the limit is %lu; see %s", option, value, limit, path);
	return true;
}

static enum status make_failed(const struct request *req, int err)
{
	if (err == ENOENT)
		return report_no_module();
	if (err == EINVAL && (over_limit("--cap", req->capacity, "max_capacity") ||
			      over_limit("--size", req->size, "max_msg_size")))
		return FAILED;
	return report_errno(req->name, err);
}

static enum status link_failed(const struct request *req, int err)
{
	switch (err) {
	case EEXIST:
		print_error("%s: name already in use; see 'gochan ls' and " NODE_DIR, req->name);
		return FAILED;
	case EINVAL:
		print_error("%s: the system-wide limit of names is reached; see "
			    PARAMETERS "/max_named", req->name);
		return FAILED;
	case ENODEV:
		print_error("%s: named channels need a devtmpfs on /dev", req->name);
		return FAILED;
	default:
		return report_errno(req->name, err);
	}
}

static enum status make(const struct request *req)
{
	char path[NODE_PATH_SIZE];
	struct stat st;
	int ch = gochan_make(req->capacity, req->size, req->flags);

	if (ch < 0)
		return make_failed(req, errno);
	if (gochan_link(ch, req->name, req->mode) < 0)
		return link_failed(req, errno);
	if (node_lookup(req->name, path, &st))
		puts(path);
	return DONE;
}

static enum status run(int argc, char **argv)
{
	struct request req = { .size = GOCHAN_DEFAULT_MSG_SIZE, .mode = 0600 };
	const struct command *self = &make_command;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case OPT_CAP:
			if (!opt_number(self, "--cap", &req.capacity))
				return USAGE;
			break;
		case OPT_SIZE:
			if (!opt_number(self, "--size", &req.size))
				return USAGE;
			break;
		case OPT_FIXED:
			req.flags |= GOCHAN_FIXED;
			break;
		case OPT_HANGUP:
			req.flags |= GOCHAN_HANGUP;
			break;
		case OPT_MODE:
			if (!opt_mode(self, &req.mode))
				return USAGE;
			break;
		default:
			return help_or_usage(self, opt);
		}
	}
	if (optind != argc - 1)
		return usage_error(self, "make takes one name");
	req.name = argv[optind];
	if (!is_valid_name(req.name))
		return usage_error(self, "%s: not a valid channel name", req.name);
	if ((req.flags & GOCHAN_FIXED) && req.size == 0)
		return usage_error(self, "--fixed needs a --size of at least 1");
	return make(&req);
}

const struct command make_command = {
	.name = "make",
	.summary = "create a named channel",
	.help = help,
	.run = run,
};
