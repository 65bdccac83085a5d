// SPDX-License-Identifier: GPL-2.0
/*
 * gochan trace: print what happens on channels, by the tracepoints of the module.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "event.h"
#include "runner.h"
#include "show.h"
#include "tasks.h"
#include "tracefs.h"

static const char help[] =
"Usage: gochan trace [OPTION...] [NAME] [-- COMMAND [ARGUMENT...]]\n"
"Prints a line for each event on channels: time, task, call, channel (#ID, if it\n"
"has no name), and what happened: length, result, for how long it was blocked.\n"
"Without arguments, of all channels of the machine, until it is interrupted. With\n"
"NAME, only events on this channel. With COMMAND, runs it, and shows only its\n"
"calls and those of its children, until all of them have exited.\n"
"\n"
"      --fd N          only events on the channel of an inherited descriptor\n"
"      --pid P         only calls of process P and of children that it creates\n"
"                      from then on, until all of them have exited\n"
"  -o FILE             print to FILE; else to standard output or, with COMMAND,\n"
"                      to standard error\n"
"  -h, --help          show this help\n"
"\n"
"Needs access to tracefs, which root has. GOCHAN_DEBUG=1 in the environment of a\n"
"program that uses the library shows its calls without that access.\n"
"\n"
"Exit status: that of COMMAND, 128 plus the number of the signal that ended it,\n"
"or 127 if it cannot be run; else 0, 1 or 2.\n";

enum { OPT_PID = OPT_OTHER, PRUNE_SECONDS = 1, BUFFER_SIZE = 65536, NOT_RUN = 127 };

/* The inode of the initial pid namespace; the tracepoints have its IDs. */
#define INITIAL_PID_NS	0xeffffffcU

static const struct option options[] = {
	{ "pid", required_argument, NULL, OPT_PID },
	OPTION_FD,
	OPTION_HELP,
	OPTION_END,
};

struct trace {
	struct target target;	/* the label is NULL for all channels */
	unsigned int pid;	/* 0 for all processes */
	char **command;		/* NULL if there is none */
	const char *file;
	FILE *out;
	struct tracefs fs;
	uint64_t id;		/* of the channel, 0 for all */
	pid_t child;		/* that is or was COMMAND */
	int control;		/* a socket to the child, or -1 */
	int wait_status;
	bool reaped;
	sigset_t mask, blocked;	/* the original mask, and the one with all signals below */
	long long read_ns;	/* events up to here were read, by CLOCK_MONOTONIC */
	long long found_ns;	/* when gone tasks were found, 0 if these are removed */
	long long find_ns;	/* when to look for them again */
	unsigned long long lost;
	int output_err;
	char buffer[BUFFER_SIZE];
	size_t len;
};

/* ---- signals: whatever ends the command, the instance is removed ----------------- */

static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGCHLD };
static int caught;	/* the last one but SIGCHLD, or 0 */

static void on_signal(int sig)
{
	if (sig != SIGCHLD)
		__atomic_store_n(&caught, sig, __ATOMIC_RELAXED);
}

/* SIGCHLD must not interrupt the output; ppoll(2) is interrupted even so. */
static void catch_signal(int sig)
{
	const struct sigaction action = {
		.sa_handler = on_signal,
		.sa_flags = sig == SIGCHLD ? SA_RESTART : 0,
	};

	sigaction(sig, &action, NULL);
}

/* They are blocked, so that none comes between is_over() and ppoll(2). */
static void catch_signals(struct trace *trace)
{
	struct sigaction old;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		sigaction(signals[i], NULL, &old);
		/* As nohup(1) has it; SIGCHLD may be ignored by mistake. */
		if (old.sa_handler == SIG_IGN && signals[i] != SIGCHLD)
			continue;
		catch_signal(signals[i]);
		sigaddset(&set, signals[i]);
	}
	sigprocmask(SIG_BLOCK, &set, &trace->mask);
	sigprocmask(SIG_BLOCK, NULL, &trace->blocked);
}

static void unblock_signals(const struct trace *trace)
{
	sigprocmask(SIG_SETMASK, &trace->mask, NULL);
}

static void block_signals(const struct trace *trace)
{
	sigprocmask(SIG_SETMASK, &trace->blocked, NULL);
}

static bool is_caught(void)
{
	return __atomic_load_n(&caught, __ATOMIC_RELAXED);
}

/* In the child: one that comes before execve(2) must not get lost. */
static void default_signals(void)
{
	struct sigaction old;

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		sigaction(signals[i], NULL, &old);
		if (old.sa_handler == on_signal)
			signal(signals[i], SIG_DFL);
	}
}

/* End as if the signal had not been caught. */
static void raise_caught(const struct trace *trace)
{
	const int sig = __atomic_load_n(&caught, __ATOMIC_RELAXED);

	if (!sig)
		return;
	signal(sig, SIG_DFL);
	raise(sig);
	sigprocmask(SIG_SETMASK, &trace->mask, NULL);
}

/* ---- the command --------------------------------------------------------------------- */

static void __attribute__((noreturn)) run_child(const struct trace *trace, int control)
{
	char path[PATH_MAX], go;
	int err;

	/* End of file: tracing is not possible, or the parent has died. */
	if (read(control, &go, sizeof(go)) != sizeof(go))
		_exit(FAILED);
	default_signals();
	sigprocmask(SIG_SETMASK, &trace->mask, NULL);
	err = runner_find(trace->command[0], path);
	if (!err) {
		execv(path, trace->command);
		err = -errno;
	}
	print_error("%s: %s", trace->command[0], runner_strerror(path, err));
	_exit(NOT_RUN);
}

/* The child waits for send_go(). */
static enum status start_child(struct trace *trace)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return report_errno("trace", errno);
	trace->child = fork();
	if (trace->child < 0)
		return report_errno("trace", errno);
	if (trace->child == 0) {
		close(ends[1]);
		run_child(trace, ends[0]);
	}
	close(ends[0]);
	trace->control = ends[1];
	tasks_add(trace->child);
	return DONE;
}

static void send_go(const struct trace *trace)
{
	if (trace->control < 0)
		return;
	/* If it fails, the child was killed. */
	send(trace->control, "", 1, MSG_NOSIGNAL);
	close(trace->control);
}

static void reap_child(struct trace *trace, int flags)
{
	if (trace->child > 0 && !trace->reaped)
		trace->reaped = waitpid(trace->child, &trace->wait_status, flags) == trace->child;
}

/* It has not run COMMAND. */
static void cancel_child(struct trace *trace)
{
	if (trace->child <= 0)
		return;
	kill(trace->child, SIGKILL);
	reap_child(trace, 0);
}

static enum status exit_status(const struct trace *trace)
{
	if (!trace->reaped)
		return DONE;
	if (WIFSIGNALED(trace->wait_status))
		return 128 + WTERMSIG(trace->wait_status);
	return WEXITSTATUS(trace->wait_status);
}

/* ---- events ------------------------------------------------------------------------------ */

static bool is_following(const struct trace *trace)
{
	return trace->pid || trace->command;
}

/* A thread that executes a program takes over the thread ID of the group leader. */
static void follow_exec(const struct event *event)
{
	const int old_tid = (int)event_number(event, "old_pid");

	tasks_see_exec(event);
	if (!tasks_have(old_tid))
		return;
	tasks_remove(old_tid);
	tasks_add(event->tid);
}

/* Returns true if the event is about tasks rather than about channels. */
static bool follow_task(const struct event *event)
{
	if (event_is(event, "sched_process_fork")) {
		tasks_forget((int)event_number(event, "child_pid"));
		if (tasks_have(event->tid))
			tasks_add((int)event_number(event, "child_pid"));
	} else if (event_is(event, "sched_process_exit")) {
		tasks_remove(event->tid);
	} else if (event_is(event, "sched_process_exec")) {
		follow_exec(event);
	} else {
		return false;
	}
	return true;
}

/* After an error nothing more is written: a signal may have interrupted the output. */
static void print_line(struct trace *trace, const char *line)
{
	if (!trace->output_err && fputs(line, trace->out) < 0)
		trace->output_err = errno;
}

static void flush_lines(struct trace *trace)
{
	if (!trace->output_err && fflush(trace->out) < 0)
		trace->output_err = errno;
}

static void handle_lost(struct trace *trace, unsigned long long lost)
{
	char line[64] = "(events were lost here)\n";

	if (lost)
		snprintf(line, sizeof(line), "(%llu events were lost here)\n", lost);
	print_line(trace, line);
	trace->lost += lost ?: 1;
}

static void handle_line(struct trace *trace, const char *line)
{
	char shown[SHOW_SIZE];
	unsigned long long lost;
	struct event event;

	if (event_lost(line, &lost)) {
		handle_lost(trace, lost);
		return;
	}
	if (!event_parse(&event, line))
		return;
	trace->read_ns = (long long)event.ns;
	tasks_see(&event);
	if (follow_task(&event))
		return;
	if (is_following(trace) && !tasks_have(event_subject(&event)))
		return;
	show_event(shown, &event);
	print_line(trace, shown);
}

static void handle_lines(struct trace *trace)
{
	char *line = trace->buffer, *end;

	trace->buffer[trace->len] = '\0';
	while ((end = strchr(line, '\n'))) {
		*end = '\0';
		handle_line(trace, line);
		line = end + 1;
	}
	trace->len -= (size_t)(line - trace->buffer);
	/* A line that fills the buffer is none of ours. */
	if (trace->len == BUFFER_SIZE - 1)
		trace->len = 0;
	memmove(trace->buffer, line, trace->len);
}

/* Handle some of the events that there are; false if there are none. */
static bool handle_events(struct trace *trace)
{
	const long long now = clock_now();
	ssize_t n;

	n = read(trace->fs.pipe, trace->buffer + trace->len, BUFFER_SIZE - 1 - trace->len);
	if (n <= 0) {
		trace->read_ns = now;
		return false;
	}
	trace->len += (size_t)n;
	handle_lines(trace);
	flush_lines(trace);
	return true;
}

/*
 * The event of an exit may have been lost. Those found gone are removed when all events
 * that were recorded by then have been read, because some may be theirs.
 */
static void prune_tasks(struct trace *trace)
{
	const long long now = clock_now();

	if (trace->found_ns && trace->read_ns > trace->found_ns) {
		tasks_remove_gone();
		trace->found_ns = 0;
	} else if (!trace->found_ns && now >= trace->find_ns) {
		reap_child(trace, WNOHANG);
		tasks_find_gone();
		trace->found_ns = now;
		trace->find_ns = now + PRUNE_SECONDS * 1000000000LL;
	}
}

static bool is_over(const struct trace *trace)
{
	if (trace->output_err || is_caught())
		return true;
	return is_following(trace) && tasks_count() == 0;
}

static void follow_events(struct trace *trace)
{
	struct pollfd pfd = { .fd = trace->fs.pipe, .events = POLLIN };
	const struct timespec limit = { .tv_sec = PRUNE_SECONDS };

	while (!is_over(trace)) {
		ppoll(&pfd, 1, &limit, &trace->mask);
		/* ppoll(2) delivers none if there are events, and the output may wait forever. */
		unblock_signals(trace);
		handle_events(trace);
		block_signals(trace);
		prune_tasks(trace);
	}
	tracefs_stop(&trace->fs);
	unblock_signals(trace);
	while (!trace->output_err && handle_events(trace))
		;
	block_signals(trace);
}

static enum status follow(struct trace *trace)
{
	follow_events(trace);
	/* The signal is the reason: SIGPIPE, or one that interrupted the output. */
	if (trace->output_err && is_caught())
		return FAILED;
	if (trace->output_err) {
		print_error("%s: %s", trace->file ?: "output", strerror(trace->output_err));
		return FAILED;
	}
	if (trace->lost)
		print_error("trace: %llu events were lost: too many at once; give it a NAME",
			    trace->lost);
	return DONE;
}

/* ---- what is traced ------------------------------------------------------------------------ */

static enum status find_channel(struct trace *trace)
{
	struct gochan_info info;
	enum status status;

	if (!trace->target.label)
		return DONE;
	status = target_open(&trace->target,
			     trace->target.inherited_fd < 0 ? O_ACCMODE : O_RDWR);
	if (status == DONE)
		status = target_info(&trace->target, &info);
	if (status != DONE)
		return status;
	trace->id = info.id;
	/* Do not keep the channel alive: its free event is of interest, too. */
	if (trace->target.inherited_fd >= 0)
		return DONE;
	close(trace->target.fd);
	return show_learn_name(info.id, trace->target.label);
}

static enum status find_tasks(struct trace *trace)
{
	struct stat st;

	if (!is_following(trace))
		return DONE;
	if (stat("/proc/self/ns/pid", &st) == 0 && st.st_ino != INITIAL_PID_NS) {
		print_error("trace: %s: %s",
			    "--pid and a command work only in the initial pid namespace",
			    "run it on the host, outside of the container");
		return FAILED;
	}
	if (trace->pid && !tasks_add_process((int)trace->pid)) {
		print_error("trace: --pid %u: %s", trace->pid,
			    errno == ENOENT ? "no such process" : strerror(errno));
		return FAILED;
	}
	return trace->command ? start_child(trace) : DONE;
}

static enum status open_output(struct trace *trace)
{
	int err;

	trace->out = trace->command ? stderr : stdout;
	if (!trace->file)
		return DONE;
	/* That of a FIFO waits for a reader. */
	unblock_signals(trace);
	trace->out = fopen(trace->file, "we");
	err = errno;
	block_signals(trace);
	if (trace->out)
		return DONE;
	return is_caught() ? FAILED : report_errno(trace->file, err);
}

static enum status start(struct trace *trace)
{
	enum status status = find_channel(trace);

	if (status == DONE)
		status = open_output(trace);
	if (status == DONE)
		status = tracefs_follow_tasks(&trace->fs);
	if (status == DONE)
		status = find_tasks(trace);
	if (status == DONE)
		status = tracefs_start(&trace->fs, trace->id);
	return status;
}

static enum status run_trace(struct trace *trace)
{
	enum status status;

	show_start();
	catch_signals(trace);
	/* First, because without the right to it nothing else matters, or may be changed. */
	status = tracefs_open(&trace->fs);
	if (status == DONE)
		status = start(trace);
	if (status == DONE) {
		send_go(trace);
		status = follow(trace);
	} else {
		cancel_child(trace);
	}
	tracefs_close(&trace->fs);
	raise_caught(trace);
	reap_child(trace, 0);
	return status == DONE ? exit_status(trace) : status;
}

/* The number of arguments in front of "--". What follows is COMMAND. */
static int split_command(struct trace *trace, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0) {
			trace->command = argv + i + 1;
			return i;
		}
	}
	return argc;
}

static enum status run(int argc, char **argv)
{
	static struct trace trace = { .target = NO_TARGET, .control = -1 };
	const struct command *self = &trace_command;
	int opt;

	argc = split_command(&trace, argc, argv);
	while ((opt = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
		switch (opt) {
		case 'o':
			trace.file = optarg;
			break;
		case OPT_PID:
			if (!opt_number(self, "--pid", &trace.pid))
				return USAGE;
			if (!trace.pid || trace.pid > INT_MAX)
				return usage_error(self, "--pid %s: not a process", optarg);
			break;
		case OPT_FD:
			if (!opt_fd(self, &trace.target))
				return USAGE;
			break;
		default:
			return help_or_usage(self, opt);
		}
	}
	target_parse(&trace.target, argc, argv);
	if (optind != argc)
		return usage_error(self, "trace takes one name; a command comes after --");
	if (trace.command && !trace.command[0])
		return usage_error(self, "trace takes a command after --");
	if (trace.command && trace.pid)
		return usage_error(self, "trace takes either --pid or a command");
	return run_trace(&trace);
}

const struct command trace_command = {
	.name = "trace",
	.summary = "print what happens on channels, as it happens",
	.help = help,
	.run = run,
};
