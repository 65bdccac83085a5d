// SPDX-License-Identifier: GPL-2.0
/*
 * gochan make: a channel with a name.
 */
#include <errno.h>
#include <unistd.h>

#include "cmd.h"

static const char help[] =
"Usage: gochan make NAME [OPTION...]\n"
"Makes a channel that stays until 'gochan rm', and prints its device file.\n"
"\n"
"  --cap N         messages that it holds (default 0: unbuffered, where a send\n"
"                  returns when a receiver has taken the message)\n"
"  --size BYTES    the longest message (default 4096)\n"
"  --fixed         every message has exactly that size\n"
"  --hangup        tell each end when nobody is left at the other\n"
"  --mode MODE     who may open it, as for chmod, in octal (default 0600)\n"
"\n"
"NAME is 1 to 63 of A-Z a-z 0-9 . _ -, begins with neither . nor -, and is not a\n"
"number. Root's channels are the system's; everyone else has a folder of their own.\n";

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
	complain("%s %u: the limit is %lu, see %s", option, value, limit, path);
	return true;
}

static enum status make_failed(const struct request *req, int err)
{
	if (err == ENOENT)
		return report_no_module();
	if (err == EINVAL && (over_limit("--cap", req->capacity, "max_capacity") ||
			      over_limit("--size", req->size, "max_msg_size")))
		return FAILED;
	return report(req->name, err);
}

static enum status link_failed(const struct request *req, int err)
{
	switch (err) {
	case EEXIST:
		complain("%s: the name is taken; see 'gochan ls' and " NODES, req->name);
		return FAILED;
	case EINVAL:
		complain("%s: the system has as many names as it may, see "
			 PARAMETERS "/max_named", req->name);
		return FAILED;
	case ENODEV:
		complain("%s: names need a devtmpfs on /dev", req->name);
		return FAILED;
	default:
		return report(req->name, err);
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
	if (find_node(req->name, path, &st))
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
			if (!take_number(self, "--cap", &req.capacity))
				return USAGE;
			break;
		case OPT_SIZE:
			if (!take_number(self, "--size", &req.size))
				return USAGE;
			break;
		case OPT_FIXED:
			req.flags |= GOCHAN_FIXED;
			break;
		case OPT_HANGUP:
			req.flags |= GOCHAN_HANGUP;
			break;
		case OPT_MODE:
			if (!take_mode(self, &req.mode))
				return USAGE;
			break;
		default:
			return help_or_usage(self, opt);
		}
	}
	if (optind != argc - 1)
		return bad_usage(self, "make takes one name");
	req.name = argv[optind];
	if (!is_name(req.name))
		return bad_usage(self, "%s: not a name for a channel", req.name);
	if ((req.flags & GOCHAN_FIXED) && req.size == 0)
		return bad_usage(self, "--fixed needs a --size of at least 1");
	return make(&req);
}

const struct command make_command = {
	.name = "make",
	.summary = "make a channel with a name",
	.help = help,
	.run = run,
};
