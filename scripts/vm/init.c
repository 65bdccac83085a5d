// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's init process: sets up a minimal system, runs one command on the
 * terminal named by the kernel parameter "terminal", and reboots, which ends QEMU.
 *
 * The host (boot) provides two files in /.vm: "command", the arguments, each
 * terminated by NUL, and "token", a random number of this run. The last line of
 * output repeats the token, and so does the last line of the kernel log on the
 * console: the host accepts a result only if it finds both.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define MAX_ARGS 256

static const struct mount {
	const char *type, *where, *options;
} mounts[] = {
	{ "devtmpfs", "/dev", "mode=0755" },
	{ "proc", "/proc", NULL },
	{ "sysfs", "/sys", NULL },
	{ "debugfs", "/sys/kernel/debug", NULL },
	{ "cgroup2", "/sys/fs/cgroup", NULL },
	{ "devpts", "/dev/pts", "mode=0620,ptmxmode=0666" },
	{ "tmpfs", "/dev/shm", "mode=1777" },
	{ "tmpfs", "/tmp", "mode=1777" },
	{ NULL }
};

/* Links that shells expect and devtmpfs does not provide. */
static const struct link {
	const char *to, *where;
} links[] = {
	{ "/proc/self/fd", "/dev/fd" },
	{ "fd/0", "/dev/stdin" },
	{ "fd/1", "/dev/stdout" },
	{ "fd/2", "/dev/stderr" },
	{ NULL }
};

/* A hang in the kernel ends the run. */
static const struct setting {
	const char *where, *value;
} settings[] = {
	{ "/proc/sys/kernel/hung_task_timeout_secs", "20" },
	{ "/proc/sys/kernel/hung_task_panic", "1" },
	{ "/proc/sys/kernel/panic_on_rcu_stall", "1" },
	{ "/proc/sys/kernel/softlockup_panic", "1" },
	{ NULL }
};

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		warn("%s", path);
	if (fd >= 0)
		close(fd);
}

static void make_system(void)
{
	const struct mount *mnt;
	const struct setting *set;
	const struct link *link;

	for (mnt = mounts; mnt->type; mnt++) {
		mkdir(mnt->where, 0755);
		if (mount(mnt->type, mnt->where, mnt->type, 0, mnt->options))
			warn("mount %s", mnt->where);
	}
	/* Where boot mounts a gochanfs, once the module is loaded. */
	mkdir("/dev/gochans", 0755);
	for (link = links; link->to; link++)
		if (symlink(link->to, link->where))
			warn("%s", link->where);
	for (set = settings; set->where; set++)
		put(set->where, set->value);
}

/* Read a file that the host provided, append NUL, and remove the file. */
static size_t read_and_unlink(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (len < 0)
		err(1, "%s", path);
	close(fd);
	unlink(path);
	buf[len] = '\0';
	return len;
}

/* Raw mode, so that output reaches the host unchanged, without CR before LF. */
static void open_terminal(void)
{
	struct termios tio;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", getenv("terminal") ?: "console");
	fd = open(path, O_RDWR | O_NOCTTY);
	if (fd < 0)
		err(1, "%s", path);
	tcgetattr(fd, &tio);
	cfmakeraw(&tio);
	tcsetattr(fd, TCSANOW, &tio);
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

/* Run the command, reaping orphans meanwhile; return its status like a shell. */
static int run_command(void)
{
	char text[4096], *argv[MAX_ARGS + 1];
	size_t len, at, argc = 0;
	pid_t child, pid;
	int status;

	len = read_and_unlink("/.vm/command", text, sizeof(text));
	for (at = 0; at < len && argc < MAX_ARGS; at += strlen(text + at) + 1)
		argv[argc++] = text + at;
	argv[argc] = NULL;
	if (!argc || at < len || len == sizeof(text) - 1)
		errx(1, "the command is missing or too long");

	child = fork();
	if (child < 0)
		err(1, "fork");
	if (child == 0) {
		execvp(argv[0], argv);
		err(127, "%s", argv[0]);
	}
	do {
		pid = wait(&status);
	} while (pid != child && (pid > 0 || errno == EINTR));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static unsigned long taints(void)
{
	unsigned long bits = ~0UL;
	FILE *file = fopen("/proc/sys/kernel/tainted", "r");

	if (!file || fscanf(file, "%lu", &bits) != 1)
		warn("tainted");
	if (file)
		fclose(file);
	return bits;
}

static void finish(const char *token, int status)
{
	char line[256];

	kill(-1, SIGKILL);
	while (wait(NULL) > 0)
		;
	snprintf(line, sizeof(line), "%s end of the log\n", token);
	put("/dev/kmsg", line);
	printf("%s status=%d taints=%lu\n", token, status, taints());
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
	reboot(RB_AUTOBOOT);
}

int main(void)
{
	char token[128];

	umask(022);
	make_system();
	open_terminal();
	read_and_unlink("/.vm/token", token, sizeof(token));
	setenv("PATH", "/usr/bin:/bin", 1);
	setenv("HOME", "/root", 1);
	finish(token, run_command());
	return 1;
}
