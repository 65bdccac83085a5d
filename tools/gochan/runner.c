// SPDX-License-Identifier: GPL-2.0
/*
 * Running a command with a message as its standard input.
 *
 * The child is forked, and the file for its input created, before the message is
 * received, so that a limit of processes, descriptors or memory costs no message.
 * The child waits for a byte on its control socket, and then calls execve(2). If
 * that fails, it sends the errno; if not, its end of the socket is closed on exec,
 * and the parent reads end of file.
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
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner.h"

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

static void __attribute__((noreturn)) child_main(const struct runner *r, int control)
{
	char go;
	int err;

	/* End of file: the parent does not need this child, or has died. */
	if (read(control, &go, sizeof(go)) != sizeof(go))
		_exit(FAILED);
	if (dup2(r->input, STDIN_FILENO) >= 0)
		execv(r->path, r->argv);
	err = errno;
	if (write(control, &err, sizeof(err)) < 0)
		_exit(FAILED);
	_exit(FAILED);
}

int runner_prepare(struct runner *r)
{
	int ends[2], err;

	r->input = memfd_create("message", MFD_CLOEXEC);
	if (r->input < 0)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		err = -errno;
		goto close_input;
	}
	r->pid = fork();
	if (r->pid < 0) {
		err = -errno;
		goto close_ends;
	}
	if (r->pid == 0) {
		close(ends[0]);
		child_main(r, ends[1]);
	}
	close(ends[1]);
	r->control = ends[0];
	return 0;

close_ends:
	close(ends[0]);
	close(ends[1]);
close_input:
	close(r->input);
	return err;
}

int runner_wait(struct runner *r)
{
	int wait_status = 0;

	while (waitpid(r->pid, &wait_status, 0) < 0 && errno == EINTR)
		;
	close(r->control);
	close(r->input);
	return wait_status;
}

void runner_cancel(struct runner *r)
{
	kill(r->pid, SIGKILL);
	runner_wait(r);
}

static int write_input(const struct runner *r, const char *message, size_t len)
{
	if (!write_all(r->input, message, len))
		return -errno;
	return lseek(r->input, 0, SEEK_SET) < 0 ? -errno : 0;
}

static int send_go(const struct runner *r)
{
	return send(r->control, "", 1, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* What execve(2) returned in the child, or 0 if it succeeded. */
static int exec_result(const struct runner *r)
{
	int err;

	return read(r->control, &err, sizeof(err)) == sizeof(err) ? -err : 0;
}

int runner_start(struct runner *r, const char *message, size_t len)
{
	int err = write_input(r, message, len);

	if (!err)
		err = send_go(r);
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
	int err;

	if (ptrace(PTRACE_SEIZE, r->pid, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC) < 0)
		return 0;
	if (send_go(r) || wait_for_exec(r->pid))
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
