// SPDX-License-Identifier: GPL-2.0
/*
 * Running a command with a message as its standard input, optionally with a time limit.
 *
 * The child is forked, and the file for its input created, before the message is
 * received, so that a limit of processes, descriptors or memory costs no message.
 * The child waits on its control socket to be told the lease of the message, and
 * then calls execve(2). If that fails, it sends the errno; if not, its end of the
 * socket is closed on exec, and the parent reads end of file.
 *
 * Whether execve(2) will fail is found out before the first message is received, by
 * a trial: a child that is traced stops in execve(2) after everything that can fail,
 * and is killed there. It cannot be left stopped until there is a message, because
 * SIGCONT, which a shell sends to all processes of a job, would make it run.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner.h"

/* From SIGTERM to SIGKILL, for a run that takes too long. */
#define KILL_AFTER_NS	5000000000LL

/* ---- finding the program --------------------------------------------------- */

/* Returns 0 or -errno, as all functions here. */
static int check_program(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return eaccess(path, X_OK) < 0 ? -errno : 0;
}

/*
 * Search $PATH. execvp(3) would do so, but also run a file of unknown format with a
 * shell. As a shell does, report that there is a program which must not be executed
 * rather than that there is none.
 */
static int search_path(const char *name, char path[PATH_MAX])
{
	const char *dirs = getenv("PATH");
	int found = -ENOENT, err, len;
	size_t dir;

	if (!dirs)
		dirs = "/bin:/usr/bin";
	for (;; dirs += dir + 1) {
		dir = strcspn(dirs, ":");
		/* An empty entry is the current directory. */
		len = snprintf(path, PATH_MAX, "%.*s%s%s", (int)dir, dirs, dir ? "/" : "./", name);
		err = len < PATH_MAX ? check_program(path) : -ENAMETOOLONG;
		if (!err)
			return 0;
		if (err == -EACCES)
			found = err;
		if (dirs[dir] == '\0')
			return found;
	}
}

int runner_find(const char *name, char path[PATH_MAX])
{
	path[0] = '\0';
	if (name[0] == '\0')
		return -ENOENT;
	if (!strchr(name, '/'))
		return search_path(name, path);
	if (snprintf(path, PATH_MAX, "%s", name) >= PATH_MAX)
		return -ENAMETOOLONG;
	return check_program(path);
}

/* ---- a run ------------------------------------------------------------------- */

/* What is leased is delivered again if the worker dies, and only it ends a run in time. */
static bool dies_with_worker(const struct runner *r)
{
	return r->leases || r->timeout_ns >= 0;
}

static bool set_number(const char *variable, unsigned long long number)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", number);
	return setenv(variable, text, true) == 0;
}

static bool set_lease(const struct run_lease *lease)
{
	return set_number("GOCHAN_SEQ", lease->seq) &&
	       set_number("GOCHAN_DELIVERIES", lease->deliveries);
}

static bool set_files(const struct runner *r)
{
	for (int fd = 0; fd < RUN_FILES; fd++) {
		if (r->files[fd] >= 0 && dup2(r->files[fd], fd) < 0)
			return false;
	}
	return true;
}

static void __attribute__((noreturn)) child_main(const struct runner *r, int control, pid_t parent)
{
	struct run_lease lease;
	int err;

	if (dies_with_worker(r)) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(FAILED);
	}
	/* To be killed together with its children. */
	if (r->timeout_ns >= 0)
		setpgid(0, 0);
	/* End of file: the parent does not need this child, or has died. */
	if (read(control, &lease, sizeof(lease)) != sizeof(lease))
		_exit(FAILED);
	if (set_files(r) && (!r->leases || set_lease(&lease)))
		execv(r->path, r->argv);
	err = errno;
	if (write(control, &err, sizeof(err)) < 0)
		_exit(FAILED);
	_exit(FAILED);
}

static void close_files(struct runner *r)
{
	for (int i = 0; i < RUN_FILES; i++) {
		if (r->files[i] >= 0)
			close(r->files[i]);
		r->files[i] = -1;
	}
}

static int make_files(struct runner *r)
{
	static const char *const names[RUN_FILES] = { "message", "output", "errors" };
	int err;

	for (int i = 0; i < RUN_FILES; i++)
		r->files[i] = -1;
	for (int i = 0; i < (r->gathers ? RUN_FILES : RUN_INPUT + 1); i++) {
		r->files[i] = memfd_create(names[i], MFD_CLOEXEC);
		if (r->files[i] >= 0)
			continue;
		err = -errno;
		close_files(r);
		return err;
	}
	return 0;
}

static int reap(const struct runner *r)
{
	int wait_status = 0;

	while (waitpid(r->pid, &wait_status, 0) < 0 && errno == EINTR)
		;
	return wait_status;
}

static void kill_child(const struct runner *r)
{
	kill(r->pid, SIGKILL);
	reap(r);
}

int runner_prepare(struct runner *r)
{
	const pid_t parent = getpid();
	int ends[2], err;

	err = make_files(r);
	if (err)
		return err;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		err = -errno;
		goto close_files;
	}
	r->pid = fork();
	if (r->pid < 0) {
		err = -errno;
		goto close_ends;
	}
	if (r->pid == 0) {
		close(ends[0]);
		child_main(r, ends[1], parent);
	}
	r->pidfd = -1;
	if (r->timeout_ns >= 0)
		r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
	if (r->timeout_ns >= 0 && r->pidfd < 0) {
		err = -errno;
		kill_child(r);
		goto close_ends;
	}
	close(ends[1]);
	r->control = ends[0];
	return 0;

close_ends:
	close(ends[0]);
	close(ends[1]);
close_files:
	close_files(r);
	return err;
}

void runner_release(struct runner *r)
{
	if (r->pidfd >= 0)
		close(r->pidfd);
	close(r->control);
	close_files(r);
}

void runner_cancel(struct runner *r)
{
	kill_child(r);
	runner_release(r);
}

bool runner_wait(struct runner *r, int *wait_status)
{
	const bool in_time = r->timeout_ns < 0 || wait_readable(r->pidfd, r->timeout_ns);

	if (!in_time) {
		kill(-r->pid, SIGTERM);
		wait_readable(r->pidfd, KILL_AFTER_NS);
		/* It may have left children. Until it is reaped, its ID is not used again. */
		kill(-r->pid, SIGKILL);
		kill(r->pid, SIGKILL);
	}
	*wait_status = reap(r);
	return in_time;
}

static int write_input(const struct runner *r, const char *message, size_t len)
{
	const int input = r->files[RUN_INPUT];

	if (!write_all(input, message, len))
		return -errno;
	return lseek(input, 0, SEEK_SET) < 0 ? -errno : 0;
}

static int send_go(const struct runner *r, const struct run_lease *lease)
{
	return send(r->control, lease, sizeof(*lease), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* What execve(2) returned in the child, or 0 if it succeeded. */
static int exec_result(const struct runner *r)
{
	int err;

	return read(r->control, &err, sizeof(err)) == sizeof(err) ? -err : 0;
}

int runner_start(struct runner *r, const char *message, size_t len,
		 const struct run_lease *lease)
{
	int err = write_input(r, message, len);

	if (!err)
		err = send_go(r, lease);
	return err ? err : exec_result(r);
}

/* ---- the trial ----------------------------------------------------------------- */

/*
 * Follow the traced child until it has executed the program, passing on the signals
 * it gets. Returns false if it has exited instead.
 */
static bool wait_for_exec(pid_t pid)
{
	int wait_status, sig;

	while (waitpid(pid, &wait_status, __WALL) == pid && WIFSTOPPED(wait_status)) {
		if (wait_status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8))
			return true;
		sig = wait_status >> 16 ? 0 : WSTOPSIG(wait_status);
		ptrace(PTRACE_CONT, pid, NULL, sig);
	}
	return false;
}

/*
 * Returns what execve(2) does. Where tracing is not allowed, nothing is known. Nor is
 * it after EPERM, which may be due to the tracing.
 */
static int try_exec(struct runner *r)
{
	/* The environment takes no more than this. */
	static const struct run_lease longest = { UINT64_MAX, UINT32_MAX };
	int err;

	if (ptrace(PTRACE_SEIZE, r->pid, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC) < 0)
		return 0;
	if (send_go(r, &longest) || wait_for_exec(r->pid))
		return 0;
	err = exec_result(r);
	return err == -EPERM ? 0 : err;
}

/* The kernel says ENOENT also of the interpreter of a script, EAGAIN only of processes. */
const char *runner_strerror(const char *path, int err)
{
	if (err == -ENOENT && check_program(path) == 0)
		return "its interpreter does not exist";
	if (err == -EAGAIN)
		return "cannot start a process: your limit of processes is reached (ulimit -u)";
	return strerror(-err);
}

enum status runner_failed(const struct runner *r, int err, const char *consequence)
{
	print_error("%s: %s%s", r->argv[0], runner_strerror(r->path, err), consequence);
	return FAILED;
}

enum status runner_init(struct runner *r, char **argv)
{
	int err;

	r->argv = argv;
	err = runner_find(argv[0], r->path);
	if (!err)
		err = runner_prepare(r);
	if (err)
		return runner_failed(r, err, "");
	err = try_exec(r);
	runner_cancel(r);
	return err ? runner_failed(r, err, "") : DONE;
}
