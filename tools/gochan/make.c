// SPDX-License-Identifier: GPL-2.0
/*
 * gochan make: create a named channel.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
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

/* Which limit of the user stops it? Before it is named, a channel counts, and its bytes. */
static const char *exceeded_limit(const struct request *req)
{
	const struct gochan_setup setup = {
		.capacity = req->capacity,
		.msg_size = req->size,
		.flags = req->flags,
	};
	const char *parameter = "max_user_named";
	char dir[NAME_PATH_SIZE];
	int ch;

	name_directory(req->name, dir);
	ch = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (ch < 0)
		return "max_user_channels";
	if (ioctl(ch, GOCHAN_IOC_SETUP, &setup) < 0)
		parameter = "max_user_bytes";
	close(ch);
	return parameter;
}

static enum status make_failed(const struct request *req, int err)
{
	char dir[NAME_PATH_SIZE];

	if (report_no_gochanfs(req->name))
		return FAILED;
	switch (err) {
	case EACCES:
		name_directory(req->name, dir);
		if (report_nodev(req->name, dir))
			return FAILED;
		print_error("%s: permission denied; its directory is not yours to write to",
			    req->name);
		return FAILED;
	case EEXIST:
		print_error("%s: name already in use; see 'gochan ls'", req->name);
		return FAILED;
	case EDQUOT:
		return report_user_limit(req->name, exceeded_limit(req));
	case ENOSPC:
		return report_max_bytes(req->name);
	case EOPNOTSUPP:
		return report_other_abi(GOCHAN_ABI - 1);
	case EPROTONOSUPPORT:
		return report_other_abi(GOCHAN_ABI + 1);
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
