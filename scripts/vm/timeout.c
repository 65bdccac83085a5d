// SPDX-License-Identifier: GPL-2.0
/*
 * The timeout command for the kselftest runner: kills COMMAND after SECONDS and
 * exits with status 124. Processes that COMMAND started are killed in any case,
 * because the runner would wait until they close the output.
 *
 *   timeout [--foreground] SECONDS COMMAND [ARGUMENT...]
 */
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMED_OUT 124

static pid_t child;

static void on_alarm(int sig)
{
	(void)sig;
	kill(child, SIGKILL);
}

static pid_t parent_of(pid_t pid)
{
	char path[32], line[256];
	const char *name_end;
	pid_t parent = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (!file)
		return -1;
	/* The command name is in parentheses, and may contain some. */
	if (fgets(line, sizeof(line), file)) {
		name_end = strrchr(line, ')');
		if (!name_end || sscanf(name_end, ") %*c %d", &parent) != 1)
			parent = -1;
	}
	fclose(file);
	return parent;
}

static void kill_children(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t pid;

	if (!proc)
		err(125, "/proc");
	while ((entry = readdir(proc))) {
		pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;
		if (pid && parent_of(pid) == getpid())
			kill(pid, SIGKILL);
	}
	closedir(proc);
}

/* Return the command's status like a shell, or TIMED_OUT. */
static int wait_for_child(void)
{
	int status;

	if (waitpid(child, &status, 0) < 0)
		err(125, "waitpid");
	if (alarm(0) == 0)
		return TIMED_OUT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	const struct sigaction action = {
		.sa_handler = on_alarm,
		.sa_flags = SA_RESTART,
	};
	int status;

	if (argc > 1 && !strcmp(argv[1], "--foreground")) {
		argv++;
		argc--;
	}
	if (argc < 3)
		errx(125, "usage: timeout [--foreground] SECONDS COMMAND [ARGUMENT...]");

	/* Orphans become children of this process. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	child = fork();
	if (child < 0)
		err(125, "fork");
	if (child == 0) {
		execvp(argv[2], argv + 2);
		err(127, "%s", argv[2]);
	}
	sigaction(SIGALRM, &action, NULL);
	alarm((unsigned int)strtoul(argv[1], NULL, 10));
	status = wait_for_child();
	do {
		kill_children();
	} while (wait(NULL) > 0);
	return status;
}
