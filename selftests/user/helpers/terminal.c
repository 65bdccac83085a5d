// SPDX-License-Identifier: GPL-2.0
/*
 * terminal ROWS COLUMNS COMMAND...: run COMMAND on a terminal of this size, and do what
 * the lines of standard input say:
 *
 *	frame TEXT	wait until the screen shows TEXT
 *	no TEXT		wait until the screen does not show TEXT
 *	order A B	wait until the screen shows A before B (no spaces in A)
 *	full		wait until the screen has all lines and columns that fit, and no more
 *	output TEXT	wait until TEXT was written, on the screen or not
 *	line TEXT	wait until TEXT was written as a whole line
 *	keys TEXT	type TEXT
 *	size R C	resize the terminal
 *	signal N	send it to the process group that has the terminal
 *	run COMMAND	run it in a shell, beside COMMAND
 *	hangup		hang up the terminal
 *	end STATUS	wait until COMMAND exits with this status
 *
 * In a line ^ stands for the escape character. Each wait is for what is written after the
 * last keys, size, signal, run or hangup, and after the last output that was waited for. Exits with
 * 0 if all of that happened; otherwise prints what did not, and the output.
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FRAME_START	"\033[H"
#define FRAME_END	"\033[J"
#define MAX_OUTPUT	(4 << 20)

enum { TIMEOUT = 60 };	/* seconds */

static int terminal;
static struct winsize size;
static char output[MAX_OUTPUT];
static size_t len, since;	/* of the output, and at the last action */
static char frame[MAX_OUTPUT];	/* the last complete one since then */

/* Append what was written; false after a second without anything, or at the end. */
static bool read_output(void)
{
	struct pollfd input = { .fd = terminal, .events = POLLIN };
	ssize_t count;

	if (len == sizeof(output) - 1)
		errx(1, "too much output");
	if (poll(&input, 1, 1000) <= 0)
		return false;
	count = read(terminal, output + len, sizeof(output) - 1 - len);
	if (count <= 0)
		return false;
	len += (size_t)count;
	output[len] = '\0';
	return true;
}

static bool find_frame(void)
{
	const char *at = output + since, *start = NULL, *end = NULL, *found;

	while ((found = strstr(at, FRAME_START)) && (at = strstr(found, FRAME_END))) {
		start = found + strlen(FRAME_START);
		end = at;
	}
	if (!start)
		return false;
	snprintf(frame, sizeof(frame), "%.*s", (int)(end - start), start);
	return true;
}

static bool in_frame(const char *text)
{
	return find_frame() && strstr(frame, text);
}

static bool not_in_frame(const char *text)
{
	return find_frame() && !strstr(frame, text);
}

static bool in_order(const char *names)
{
	const char *second = strchr(names, ' ');
	const char *one, *other;
	char first[64];

	if (!second || !find_frame())
		return false;
	snprintf(first, sizeof(first), "%.*s", (int)(second - names), names);
	one = strstr(frame, first);
	other = strstr(frame, second + 1);
	return one && other && one < other;
}

/* Of a line without its escape sequences. */
static int columns_of(const char *line, const char *end)
{
	int columns = 0;

	for (; line < end; line++) {
		if (*line == '\033')
			line = strpbrk(line, "mK");
		else
			columns++;
	}
	return columns;
}

static bool is_full(const char *unused)
{
	const char *line, *end;
	int rows = 0, longest = 0;

	(void)unused;
	if (!find_frame())
		return false;
	for (line = frame; (end = strstr(line, "\r\n")); line = end + 2) {
		const int columns = columns_of(line, end);

		if (columns > longest)
			longest = columns;
		rows++;
	}
	return rows == size.ws_row - 1 && longest == size.ws_col - 1;
}

/* What is waited for next has to come after it. */
static bool was_written(const char *text)
{
	const char *found = strstr(output + since, text);

	if (!found)
		return false;
	since = (size_t)(found - output) + strlen(text);
	return true;
}

/* The end of this line may be the beginning of the next one. */
static bool line_was_written(const char *text)
{
	char line[512];

	snprintf(line, sizeof(line), "\n%s\r\n", text);
	if (!was_written(line))
		return false;
	since--;
	return true;
}

static void fail(const char *what, const char *argument)
{
	fprintf(stderr, "%s %s: did not happen; the output since then:\n", what, argument);
	for (const char *at = output + since; *at; at++) {
		if (*at == '\033')
			fputs("\\e", stderr);
		else
			fputc(*at, stderr);
	}
	exit(1);
}

static void wait_for(bool (*happened)(const char *), const char *what, const char *argument)
{
	const time_t end = time(NULL) + TIMEOUT;

	while (!happened(argument)) {
		if (!read_output() && time(NULL) >= end)
			fail(what, argument);
	}
}

static void type(const char *keys)
{
	for (; *keys; keys++) {
		if (write(terminal, keys, 1) != 1)
			err(1, "typing");
	}
}

static void resize(const char *argument)
{
	if (sscanf(argument, "%hu %hu", &size.ws_row, &size.ws_col) != 2)
		errx(2, "size %s", argument);
	if (ioctl(terminal, TIOCSWINSZ, &size) < 0)
		err(1, "TIOCSWINSZ");
}

static void send_signal(const char *argument)
{
	const pid_t group = tcgetpgrp(terminal);

	if (group < 0 || kill(-group, atoi(argument)) < 0)
		err(1, "signal %s", argument);
}

static void run(const char *command)
{
	if (system(command) != 0)
		errx(1, "%s: failed", command);
}

static void hang_up(const char *unused)
{
	(void)unused;
	close(terminal);
	terminal = -1;
}

static void wait_for_end(pid_t pid, const char *argument)
{
	const time_t end = time(NULL) + TIMEOUT;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		/* Without a terminal, or once all have closed it, nothing can be read. */
		if (terminal < 0 || !read_output())
			usleep(10000);
		if (time(NULL) >= end)
			fail("end", argument);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != atoi(argument))
		errx(1, "wait status %#x, not exit status %s", status, argument);
}

static void replace(char *text, char from, char to)
{
	while ((text = strchr(text, from)))
		*text = to;
}

static const struct {
	const char *name;
	bool (*happened)(const char *argument);
	void (*act)(const char *argument);
} steps[] = {
	{ "frame", in_frame, NULL },
	{ "no", not_in_frame, NULL },
	{ "order", in_order, NULL },
	{ "full", is_full, NULL },
	{ "output", was_written, NULL },
	{ "line", line_was_written, NULL },
	{ "keys", NULL, type },
	{ "size", NULL, resize },
	{ "signal", NULL, send_signal },
	{ "run", NULL, run },
	{ "hangup", NULL, hang_up },
};

static void step(const char *name, const char *argument)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (strcmp(name, steps[i].name) != 0)
			continue;
		if (steps[i].happened) {
			wait_for(steps[i].happened, name, argument);
			return;
		}
		since = len;
		steps[i].act(argument);
		return;
	}
	errx(2, "%s: unknown", name);
}

int main(int argc, char **argv)
{
	char line[256], *argument;
	pid_t pid;

	if (argc < 4)
		errx(2, "usage: terminal ROWS COLUMNS COMMAND...");
	size.ws_row = (unsigned short)atoi(argv[1]);
	size.ws_col = (unsigned short)atoi(argv[2]);
	pid = forkpty(&terminal, NULL, NULL, &size);
	if (pid < 0)
		err(1, "forkpty");
	if (pid == 0) {
		/* Whatever the runner of the tests ignores. */
		signal(SIGHUP, SIG_DFL);
		signal(SIGINT, SIG_DFL);
		signal(SIGQUIT, SIG_DFL);
		execvp(argv[3], argv + 3);
		err(127, "%s", argv[3]);
	}
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		replace(line, '^', '\033');
		argument = line + strcspn(line, " ");
		if (*argument)
			*argument++ = '\0';
		if (strcmp(line, "end") == 0)
			wait_for_end(pid, argument);
		else
			step(line, argument);
	}
	return 0;
}
