// SPDX-License-Identifier: GPL-2.0
/*
 * gochan make: create a named channel.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd.h"

static const char help[] =
"Usage: gochan make NAME [OPTION...]\n"
"Creates a channel that exists until 'gochan rm', and prints its path.\n"
"\n"
"      --cap N         messages it can buffer (default 0: unbuffered, a send\n"
"                      returns when a receiver has taken the message)\n"
"      --size BYTES    maximum message length (default 65536, or 4096 if --cap is\n"
"                      more than 16)\n"
"      --fixed         every message has exactly that length; needs a --size\n"
"      --hangup        when the last sender is gone, receivers see end of file;\n"
"                      when the last receiver is gone, sends fail (default: wait\n"
"                      for the next process that opens the channel)\n"
"      --mode MODE     permissions in octal, as for chmod (default 0600)\n"
"      --ack           a message stays the channel's until its receiver\n"
"                      acknowledges it; if that dies before, the message is\n"
"                      delivered again; needs a --cap\n"
"      --deliveries N  with --ack, give up a message that is returned after N\n"
"                      deliveries; 0: never (default 16)\n"
"      --dead NAME     with --ack, send what is given up to this channel, see\n"
"                      'gochan dead'; while that is full it keeps its place in\n"
"                      this one (default: drop it)\n"
"      --done NAME     with --ack, tell this channel of each message that is\n"
"                      acknowledged or given up, by a struct gochan_done\n"
"  -h, --help          show this help\n"
"\n"
"NAME is a file name in /dev/gochans, or a path with a slash in it on any\n"
"gochanfs. In /dev/gochans, which is sticky, a shell's > reaches only one's own\n"
"channels and those of root: share channels in a directory of their own, or use\n"
"'gochan send'.\n";

struct request {
	const char *name;
	struct gochan_setup setup;
	unsigned int mode;
	bool has_size;
	bool has_deliveries;
	struct target dead, done;
};

enum { DEFAULT_DELIVERIES = 16 };

/*
 * What a pipe holds, so that cat(1) can send what it reads from one. As slots are charged for in
 * full when the channel is made, one with more of them has messages of the kernel's default size.
 */
enum { DEFAULT_SIZE = 65536, DEFAULT_SIZE_SLOTS = 16 };

enum {
	OPT_CAP = OPT_OTHER,
	OPT_SIZE,
	OPT_FIXED,
	OPT_HANGUP,
	OPT_MODE,
	OPT_ACK,
	OPT_DELIVERIES,
	OPT_DEAD,
	OPT_DONE,
};

static const struct option options[] = {
	{ "cap", required_argument, NULL, OPT_CAP },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "fixed", no_argument, NULL, OPT_FIXED },
	{ "hangup", no_argument, NULL, OPT_HANGUP },
	{ "mode", required_argument, NULL, OPT_MODE },
	{ "ack", no_argument, NULL, OPT_ACK },
	{ "deliveries", required_argument, NULL, OPT_DELIVERIES },
	{ "dead", required_argument, NULL, OPT_DEAD },
	{ "done", required_argument, NULL, OPT_DONE },
	OPTION_HELP,
	OPTION_END,
};

/* Which limit of the user stops it? Before it is named, a channel counts, and its bytes. */
static const char *exceeded_limit(const struct request *req)
{
	const char *parameter = "max_user_named";
	char dir[NAME_PATH_SIZE];
	int ch;

	name_directory(req->name, dir);
	ch = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (ch < 0)
		return "max_user_channels";
	if (ioctl(ch, GOCHAN_IOC_SETUP, &req->setup) < 0)
		parameter = "max_user_bytes";
	close(ch);
	return parameter;
}

/* What helps against a limit of bytes: slots are charged for. */
static const char *bytes_remedy(const struct request *req)
{
	return req->setup.capacity ? "make it with a smaller --size or --cap; " : "";
}

static enum status over_user_limit(const struct request *req)
{
	const char *parameter = exceeded_limit(req);
	bool bytes = strcmp(parameter, "max_user_bytes") == 0;

	return report_user_limit(req->name, parameter, bytes ? bytes_remedy(req) : "");
}

/* Which of the two sends to another channel itself? */
static enum status report_loop(const struct request *req)
{
	const unsigned int sends = GOCHAN_DEADLETTER | GOCHAN_DONE;
	struct gochan_info info;

	if (req->dead.label && !gochan_info(req->dead.fd, &info) && info.flags & sends)
		print_error("%s: has a dead-letter or done channel itself, so it cannot be one",
			    req->dead.label);
	else
		print_error("%s: has a dead-letter or done channel itself, so it cannot be one",
			    req->done.label);
	return FAILED;
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
		return over_user_limit(req);
	case ENOSPC:
		return report_max_bytes(req->name, bytes_remedy(req));
	case EOPNOTSUPP:
		return report_other_abi(GOCHAN_ABI - 1);
	case EPROTONOSUPPORT:
		return report_other_abi(GOCHAN_ABI + 1);
	case ELOOP:
		return report_loop(req);
	case EINVAL:
		if (over_limit("--cap", req->setup.capacity, "max_capacity") ||
		    over_limit("--size", req->setup.msg_size, "max_msg_size"))
			return FAILED;
		return report_errno(req->name, err);
	default:
		return report_errno(req->name, err);
	}
}

/* Would the channel take all messages of the new one? Others would be dropped. */
static enum status check_dead_size(const struct request *req, const struct gochan_info *dead)
{
	const struct gochan_setup *setup = &req->setup;

	if (dead->flags & GOCHAN_FIXED) {
		if ((setup->flags & GOCHAN_FIXED) && dead->msg_size == setup->msg_size)
			return DONE;
		print_error("%s: takes messages of exactly %u bytes; make it without --fixed",
			    req->dead.label, dead->msg_size);
		return FAILED;
	}
	if (dead->msg_size >= setup->msg_size)
		return DONE;
	print_error("%s: takes messages of at most %u bytes; make it with --size %u",
		    req->dead.label, dead->msg_size, setup->msg_size);
	return FAILED;
}

/* Do notices fit? */
static enum status check_done(const struct request *req, const struct gochan_info *done)
{
	const unsigned int size = sizeof(struct gochan_done);

	if (done->msg_size == size || (done->msg_size > size && !(done->flags & GOCHAN_FIXED)))
		return DONE;
	print_error("%s: notices have %u bytes; make it with --size %u --fixed", req->done.label,
		    size, size);
	return FAILED;
}

static enum status check_not_both(const struct request *req, const struct gochan_info *dead,
				  const struct gochan_info *done)
{
	if (dead->id != done->id)
		return DONE;
	print_error("%s: cannot be both --dead and --done", req->done.label);
	return FAILED;
}

/* No larger than max_msg_size and the dead-letter channel allow. @dead is NULL if there is none. */
static unsigned int default_size(const struct request *req, const struct gochan_info *dead)
{
	unsigned int size = GOCHAN_DEFAULT_MSG_SIZE;
	unsigned long limit;

	if (req->setup.capacity <= DEFAULT_SIZE_SLOTS)
		size = DEFAULT_SIZE;
	if (read_parameter("max_msg_size", &limit) && size > limit)
		size = limit;
	if (dead && size > dead->msg_size)
		size = dead->msg_size;
	return size;
}

/* Open the channel of --dead or --done, if it is given. */
static enum status open_other(struct target *other, __s32 *fd, struct gochan_info *info)
{
	enum status status;

	if (!other->label)
		return DONE;
	status = target_open(other, O_WRONLY);
	if (status == DONE)
		status = target_info(other, info);
	*fd = other->fd;
	return status;
}

/* Choose the size, if need be, and open the other channels. */
static enum status prepare(struct request *req)
{
	const bool has_dead = req->dead.label, has_done = req->done.label;
	struct gochan_info dead = {}, done = {};
	enum status status;

	status = open_other(&req->dead, &req->setup.dead_fd, &dead);
	if (status == DONE)
		status = open_other(&req->done, &req->setup.done_fd, &done);
	if (status == DONE && has_done)
		status = check_done(req, &done);
	if (status == DONE && has_dead && has_done)
		status = check_not_both(req, &dead, &done);
	if (status != DONE)
		return status;
	if (!req->has_size)
		req->setup.msg_size = default_size(req, has_dead ? &dead : NULL);
	return has_dead ? check_dead_size(req, &dead) : DONE;
}

static enum status make(struct request *req)
{
	char path[NAME_PATH_SIZE];
	enum status status;
	struct stat st;

	status = prepare(req);
	if (status != DONE)
		return status;
	if (gochan_create_with(req->name, &req->setup, req->mode) < 0)
		return make_failed(req, errno);
	if (name_lookup(req->name, path, &st))
		puts(path);
	return DONE;
}

/* Options that make no sense together. */
static enum status check(struct request *req)
{
	const struct command *self = &make_command;
	struct gochan_setup *setup = &req->setup;

	if (!req->name[0])
		return usage_error(self, "the name is empty");
	if ((setup->flags & GOCHAN_FIXED) && setup->msg_size == 0)
		return usage_error(self, "--fixed needs a --size of at least 1");
	if (!(setup->flags & GOCHAN_ACK)) {
		if (req->has_deliveries || req->dead.label || req->done.label)
			return usage_error(self, "--deliveries, --dead and --done need --ack");
		return DONE;
	}
	if (setup->capacity == 0)
		return usage_error(self, "--ack needs a --cap of at least 1");
	if (!req->has_deliveries)
		setup->max_deliveries = DEFAULT_DELIVERIES;
	if (req->dead.label && setup->max_deliveries == 0)
		return usage_error(self, "--dead needs --deliveries of at least 1");
	return DONE;
}

static enum status run(int argc, char **argv)
{
	struct request req = {
		.mode = 0600,
		.dead = NO_TARGET,
		.done = NO_TARGET,
	};
	const struct command *self = &make_command;
	enum status status;
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case OPT_CAP:
			if (!opt_number(self, "--cap", &req.setup.capacity))
				return USAGE;
			break;
		case OPT_SIZE:
			if (!opt_number(self, "--size", &req.setup.msg_size))
				return USAGE;
			req.has_size = true;
			break;
		case OPT_FIXED:
			req.setup.flags |= GOCHAN_FIXED;
			break;
		case OPT_HANGUP:
			req.setup.flags |= GOCHAN_HANGUP;
			break;
		case OPT_MODE:
			if (!opt_mode(self, &req.mode))
				return USAGE;
			umask(0);
			break;
		case OPT_ACK:
			req.setup.flags |= GOCHAN_ACK;
			break;
		case OPT_DELIVERIES:
			if (!opt_number(self, "--deliveries", &req.setup.max_deliveries))
				return USAGE;
			req.has_deliveries = true;
			break;
		case OPT_DEAD:
			req.setup.flags |= GOCHAN_DEADLETTER;
			req.dead.label = optarg;
			break;
		case OPT_DONE:
			req.setup.flags |= GOCHAN_DONE;
			req.done.label = optarg;
			break;
		default:
			return help_or_usage(self, opt);
		}
	}
	if (optind != argc - 1)
		return usage_error(self, "make takes one name");
	req.name = argv[optind];
	status = check(&req);
	return status == DONE ? make(&req) : status;
}

const struct command make_command = {
	.name = "make",
	.summary = "create a named channel",
	.help = help,
	.run = run,
};
