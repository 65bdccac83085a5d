/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Declarations shared by the subcommands of gochan. A function that returns a
 * status other than DONE has already printed an error message where one is due.
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

#define DEV_GOCHAN	"/dev/gochan"
#define PARAMETERS	"/sys/module/gochan/parameters"

/* Exit statuses, documented in "gochan --help" for use in scripts. */
enum status {
	DONE = 0,
	FAILED = 1,
	USAGE = 2,
	CLOSED = 3,
	TIMED_OUT = 4,
	/* For deadlock, where 1 and 2 are answers: any error. */
	NO_ANSWER = 5,
};

struct command {
	const char *name;
	const char *summary;	/* its line in "gochan --help" */
	const char *help;	/* the text of "gochan NAME --help" */
	enum status (*run)(int argc, char **argv);
};

extern const struct command make_command, rm_command, ls_command, info_command;
extern const struct command close_command, send_command, recv_command;
extern const struct command select_command, each_command, ps_command, top_command;
extern const struct command trace_command, deadlock_command, dead_command;
extern const struct command bridge_command;

/* ---- report.c: error messages -------------------------------------------- */

void print_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* @command is NULL for wrong usage of gochan itself. */
enum status usage_error(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Print the message for an errno whose meaning does not depend on the caller. */
enum status report_errno(const char *label, int err);

/* ---- module.c: what is wrong with the module and its files ----------------- */

enum status report_no_mount(void);
bool report_nodev(const char *name, const char *path);
/* What is wrong with /dev/gochan; NULL if nothing is. */
const char *device_problem(void);
/* The module's interface has version @abi, another one than GOCHAN_ABI. */
enum status report_other_abi(int abi);

/* ---- limit.c: error messages about limits -------------------------------- */

/* False where /sys is not mounted. */
bool read_parameter(const char *parameter, unsigned long *value);
/*
 * A user's limit, of which @parameter is the module parameter. @remedy is what else helps, as
 * "...; ", or empty.
 */
enum status report_user_limit(const char *label, const char *parameter, const char *remedy);
/* The limit of all users. */
enum status report_max_bytes(const char *label, const char *remedy);
/* Print an error message and return true if @value exceeds @parameter. */
bool over_limit(const char *what, unsigned int value, const char *parameter);
/* The errno of a send or receive, or of a select of @ops ops. */
enum status report_op_error(const char *label, unsigned int ops, int err);

struct target;

/* ---- option.c: options common to several subcommands --------------------- */

enum {
	OPT_HELP = 'h',
	OPT_JSON = 'J',
	OPT_FD = 256,
	OPT_TIMEOUT,
	OPT_OTHER,
};

#define OPTION_HELP	{ "help", no_argument, NULL, OPT_HELP }
#define OPTION_FD	{ "fd", required_argument, NULL, OPT_FD }
#define OPTION_TIMEOUT	{ "timeout", required_argument, NULL, OPT_TIMEOUT }
#define OPTION_JSON	{ "json", no_argument, NULL, OPT_JSON }
#define OPTION_NULL	{ "null", no_argument, NULL, '0' }
#define OPTION_END	{ NULL, 0, NULL, 0 }

/* Handle --help, or an option that getopt(3) has already printed an error for. */
enum status help_or_usage(const struct command *command, int opt);
/* Parse optarg. On failure print an error and return false. */
bool opt_number(const struct command *command, const char *option, unsigned int *value);
bool opt_mode(const struct command *command, unsigned int *mode);
bool opt_seconds(const struct command *command, const char *option, long long *ns);
bool opt_fd(const struct command *command, struct target *target);

/* ---- target.c: the channel that a subcommand works on -------------------- */

struct target {
	const char *label;	/* its name in messages to the user */
	int inherited_fd;	/* the argument of --fd, or -1 */
	int fd;			/* the open descriptor, or -1 */
	char fd_label[32];
};

#define NO_TARGET	{ .inherited_fd = -1, .fd = -1 }

/* Unless --fd was given, take NAME from the arguments; false if there is none. */
bool target_parse(struct target *target, int argc, char **argv);
/*
 * Open NAME with @oflags, or check that the descriptor of --fd allows @oflags;
 * O_RDWR accepts an inherited descriptor with any rights.
 */
enum status target_open(struct target *target, int oflags);
enum status target_info(const struct target *target, struct gochan_info *info);

/* ---- lease.c: messages of acknowledged channels ----------------------------- */

/* End the lease of a message that @op received, if it has one. */
enum status lease_ack(const struct target *target, const struct gochan_op *op);
enum status lease_requeue(const struct target *target, const struct gochan_op *op);
/* Print an error message if it is another channel. */
enum status check_acknowledged(const struct target *target, const struct gochan_info *info);

/* ---- name.c: names and their files ---------------------------------------- */

#define NAME_DIR	"/dev/gochans/"
#define NAME_PATH_SIZE	4096
#define OWNER_SIZE	64

/* Look up the file that gochan_open() would open; false if none exists. */
bool name_lookup(const char *name, char path[NAME_PATH_SIZE], struct stat *st);
/* The directory of its file, with a slash at the end. */
void name_directory(const char *name, char dir[NAME_PATH_SIZE]);
bool is_gochanfs(const char *path);
/* Print an error message and return true if that directory is not on a gochanfs. */
bool report_no_gochanfs(const char *name);
/* The name of a user or group, or its ID if it has none. */
const char *user_name(uid_t uid, char text[OWNER_SIZE]);
const char *group_name(gid_t gid, char text[OWNER_SIZE]);
/* Read one decimal number from a file. */
bool read_number(const char *path, unsigned long *value);

/* ---- io.c: descriptors that may be O_NONBLOCK ---------------------------- */

/* Let the standard streams wait also on descriptors that are O_NONBLOCK. */
void io_start(void);
/* Write everything, waiting if @fd is O_NONBLOCK. False, with errno, on an error. */
bool write_all(int fd, const char *data, size_t len);
/* Wait until @fd, unless it is negative, is readable; false if it is not after so long. */
bool wait_readable(int fd, long long ns);

/* ---- output.c: messages on standard output ------------------------------- */

struct output {
	int terminator;		/* byte written after each message, -1 for none */
	bool no_ack;		/* messages are not acknowledged */
	bool is_pipe;		/* pipe or socket, whose reader can close it */
};

enum status output_start(struct output *out);
/* An op for select that becomes ready when the reader of stdout has closed it. */
struct gochan_op output_hangup_op(const struct output *out);
enum status output_hangup(void);
/*
 * Write the message that @op received from @target, and then acknowledge it. @message must
 * have space for @len + 1 bytes.
 */
enum status output_message(const struct output *out, const struct target *target,
			   const struct gochan_op *op, char *message, size_t len);

/* ---- progress.c: progress of a transfer, on a terminal ------------------- */

/* @other_fd is the other end of the transfer, standard input or output. */
void progress_start(int other_fd);
void progress_step(void);
void progress_end(void);

#endif /* GOCHAN_CMD_H */
