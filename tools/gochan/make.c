// SPDX-License-Identifier: GPL-2.0
/*
 * gochan make: create a named channel.
 */
#include <errno.h>
#include <unistd.h>

#include "cmd.h"

static const char help[] =
"Usage: gochan make NAME [OPTION...]\n"
"Creates a channel that exists until 'gochan rm', and prints its path.\n"
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
"NAME is a file name in /dev/gochans, or a path with a slash in it on any gochanfs.\n"
"In /dev/gochans, which is sticky, a shell's > reaches only one's own channels and\n"
"those of root: share channels in a directory of their own, or use 'gochan send'.\n";

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

/* No gochanfs is where the name should be. */
static enum status no_directory(const struct request *req, const char *problem)
{
	if (!is_mounted_for(req->name))
		return report_no_mount();
	print_error("%s: %s", req->name, problem);
	return FAILED;
}

static enum status make_failed(const struct request *req, int err)
{
	switch (err) {
	case ENOENT:
		return no_directory(req, "no such directory");
	case ENODEV:
	case EOPNOTSUPP:
		return no_directory(req, "not on a gochanfs; channels can be made only there");
	case EACCES:
		print_error("%s: permission denied; its directory is not yours to write to",
			    req->name);
		return FAILED;
	case EEXIST:
		print_error("%s: name already in use; see 'gochan ls'", req->name);
		return FAILED;
	case EINVAL:
		if (over_limit("--cap", req->capacity, "max_capacity") ||
		    over_limit("--size", req->size, "max_msg_size"))
			return FAILED;
		return report_errno(req->name, err);
	default:
		return report_errno(req->name, err);
	}
}

static enum status make(const struct request *req)
{
	char path[NAME_PATH_SIZE];
	struct stat st;

	if (gochan_create(req->name, req->capacity, req->size, req->flags, req->mode) < 0)
		return make_failed(req, errno);
	if (name_lookup(req->name, path, &st))
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
			umask(0);
			break;
		default:
			return help_or_usage(self, opt);
		}
	}
	if (optind != argc - 1)
		return usage_error(self, "make takes one name");
	req.name = argv[optind];
	if (!req.name[0])
		return usage_error(self, "the name is empty");
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
