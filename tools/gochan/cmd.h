/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the subcommands of gochan share. A function that returns a status has
 * already told the user what is wrong when it is not DONE.
 */
#ifndef GOCHAN_CMD_H
#define GOCHAN_CMD_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "gochan.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

#define PARAMETERS	"/sys/module/gochan/parameters"

/* Exit statuses; "gochan --help" promises them to scripts. */
enum status {
	DONE = 0,
	FAILED = 1,
	USAGE = 2,
	CLOSED = 3,
	TIMED_OUT = 4,
};

struct command {
	const char *name;
	const char *summary;	/* a line of "gochan --help" */
	const char *help;	/* all of "gochan NAME --help" */
	enum status (*run)(int argc, char **argv);
};

extern const struct command make_command, rm_command, ls_command, info_command;
extern const struct command close_command, send_command, recv_command;
extern const struct command select_command, each_command;

/* ---- report.c: what the user is told ------------------------------------ */

void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
enum status bad_usage(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* What is true of an errno wherever it comes from. */
enum status report(const char *label, int err);
bool module_is_loaded(void);
enum status report_no_module(void);

struct target;

/* ---- option.c: options that several subcommands have --------------------- */

enum {
	OPT_HELP = 256,
	OPT_FD,
	OPT_TIMEOUT,
	OPT_OTHER,
};

#define OPTION_HELP	{ "help", no_argument, NULL, OPT_HELP }
#define OPTION_FD	{ "fd", required_argument, NULL, OPT_FD }
#define OPTION_TIMEOUT	{ "timeout", required_argument, NULL, OPT_TIMEOUT }
#define OPTION_NULL	{ "null", no_argument, NULL, '0' }
#define OPTION_END	{ NULL, 0, NULL, 0 }

/* After --help, or an option that getopt(3) has complained about. */
enum status help_or_usage(const struct command *command, int opt);
/* The value of the option at hand; false after a complaint. */
bool take_number(const struct command *command, const char *option, unsigned int *value);
bool take_mode(const struct command *command, unsigned int *mode);
bool take_seconds(const struct command *command, long long *ns);
bool take_fd(const struct command *command, struct target *target);

/* ---- target.c: the channel that a subcommand works on -------------------- */

struct target {
	const char *label;	/* what the user calls it */
	int given;		/* with --fd the descriptor, else -1 */
	int fd;			/* once it is open */
	char fd_label[32];
};

#define NO_TARGET	{ .given = -1, .fd = -1 }	/* nothing chosen yet */

/* Without --fd takes NAME from the arguments; false when there is none. */
bool target_from(struct target *target, int argc, char **argv);
/* Opens NAME, or takes the descriptor of --fd, for O_RDONLY, O_WRONLY or both. */
enum status target_open(struct target *target, int oflags);
enum status target_info(const struct target *target, struct gochan_info *info);

/* ---- node.c: device files ------------------------------------------------ */

#define NODES		"/dev/gochans/"
#define NODE_PATH_SIZE	512
#define OWNER_SIZE	64

/* The device file that gochan_open() would open. */
bool find_node(const char *name, char path[NODE_PATH_SIZE], struct stat *st);
bool is_name(const char *name);
/* A user's or group's name, or its number where it has none. */
const char *user_name(uid_t uid, char text[OWNER_SIZE]);
const char *group_name(gid_t gid, char text[OWNER_SIZE]);
/* One number out of sysfs. */
bool read_number(const char *path, unsigned long *value);

/* ---- output.c: messages on standard output ------------------------------- */

struct output {
	int end;		/* the byte after each message, -1 for none */
	bool watched;		/* who reads it may go away */
};

enum status output_start(struct output *out);
/* For a select: ready when nobody reads standard output any more. */
struct gochan_op output_gone(const struct output *out);
enum status output_reader_left(void);
/* @message has room for one more byte than @len. */
enum status output_message(const struct output *out, char *message, size_t len);

/* ---- progress.c: how far a long transfer is, on a terminal --------------- */

/* The messages come from or go to @other_fd. */
void progress_start(int other_fd);
void progress_step(void);
void progress_end(void);

#endif /* GOCHAN_CMD_H */
