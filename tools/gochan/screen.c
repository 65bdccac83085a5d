// SPDX-License-Identifier: GPL-2.0
/*
 * The terminal in full-screen mode, with the few control sequences that terminals have
 * had in common since the VT100: ncurses would need its database of terminals, which is
 * absent where the static command is most useful, in an initramfs or a container.
 *
 * Signals are read from a descriptor by screen_wait(), so that none comes while a frame is
 * half drawn or the terminal half restored.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "clock.h"
#include "cmd.h"
#include "screen.h"

#define ALTERNATE_SCREEN	"\033[?1049h"
#define NORMAL_SCREEN		"\033[?1049l"
#define HIDE_CURSOR		"\033[?25l"
#define SHOW_CURSOR		"\033[?25h"
#define HOME			"\033[H"
#define LAST_LINE		"\033[999;1H"
#define ERASE_LINE		"\033[K"
#define ERASE_BELOW		"\033[J"
#define REVERSE			"\033[7m"
#define NORMAL			"\033[m"

enum { ESCAPE = 033, DEFAULT_ROWS = 24, DEFAULT_COLUMNS = 80 };

static const int signals[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGCONT, SIGWINCH,
};

static struct {
	bool on;
	struct termios termios;	/* as it was */
	int signals;		/* descriptor to read them from */
	char keys[64];
	size_t count, next;	/* of @keys */
	enum { NO_SEQUENCE, BEGUN, CSI, SS3 } sequence;	/* what the last key is part of */
} screen;

static bool is_ignored(int sig)
{
	struct sigaction action;

	return sigaction(sig, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

/* Those that are ignored, as by nohup(1), remain so. */
static bool take_signals(void)
{
	sigset_t mask;

	sigemptyset(&mask);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		if (!is_ignored(signals[i]))
			sigaddset(&mask, signals[i]);
	}
	screen.signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return screen.signals >= 0 && sigprocmask(SIG_BLOCK, &mask, NULL) == 0;
}

/* Characters come at once, and are not echoed; control characters still raise signals. */
static bool take_keys(void)
{
	struct termios raw = screen.termios;

	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	return tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

static bool enter(void)
{
	if (tcgetattr(STDIN_FILENO, &screen.termios) < 0 || !take_keys())
		return false;
	screen.on = true;
	fputs(ALTERNATE_SCREEN HIDE_CURSOR, stdout);
	return true;
}

bool screen_start(void)
{
	return take_signals() && enter();
}

/* A terminal without an alternate screen keeps the frame, above the last line. */
void screen_end(void)
{
	if (!screen.on)
		return;
	screen.on = false;
	fputs(LAST_LINE ERASE_LINE SHOW_CURSOR NORMAL_SCREEN, stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &screen.termios);
}

void screen_size(int *rows, int *columns)
{
	struct winsize size = { 0 };

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	*rows = size.ws_row ?: DEFAULT_ROWS;
	*columns = size.ws_col ?: DEFAULT_COLUMNS;
}

void screen_draw_start(void)
{
	fputs(HOME, stdout);
}

void screen_line_end(void)
{
	fputs(ERASE_LINE "\n", stdout);
}

void screen_highlight(bool on)
{
	fputs(on ? REVERSE : NORMAL, stdout);
}

bool screen_draw_end(void)
{
	fputs(ERASE_BELOW, stdout);
	return fflush(stdout) == 0;
}

/* Let a signal that was read end or stop this process after all. */
static void raise_unblocked(int sig)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, sig);
	raise(sig);
	sigprocmask(SIG_UNBLOCK, &mask, NULL);
	sigprocmask(SIG_BLOCK, &mask, NULL);
}

static int handle_signal(int sig)
{
	switch (sig) {
	case SIGWINCH:
		return SCREEN_REDRAW;
	case SIGCONT:
		/* After a SIGSTOP: whoever had the terminal meanwhile may have changed it. */
		take_keys();
		return SCREEN_REDRAW;
	case SIGTSTP:
		screen_end();
		raise_unblocked(sig);
		return enter() ? SCREEN_REDRAW : SCREEN_GONE;
	default:
		screen_end();
		raise_unblocked(sig);
		return SCREEN_GONE;
	}
}

static int read_signal(void)
{
	struct signalfd_siginfo info;

	if (read(screen.signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return SCREEN_REDRAW;
	return handle_signal((int)info.ssi_signo);
}

static bool may_repeat(int err)
{
	return err == EINTR || err == EAGAIN;
}

/* Is it a key by itself? Escape sequences, which may come in pieces, have no meaning here. */
static bool is_key(char c)
{
	switch (screen.sequence) {
	case BEGUN:
		screen.sequence = c == '[' ? CSI : c == 'O' ? SS3 : NO_SEQUENCE;
		return false;
	case CSI:
		if (c >= '@' && c <= '~')
			screen.sequence = NO_SEQUENCE;
		return false;
	case SS3:
		screen.sequence = NO_SEQUENCE;
		return false;
	default:
		if (c != ESCAPE)
			return true;
		screen.sequence = BEGUN;
		return false;
	}
}

static int next_key(void)
{
	while (screen.next < screen.count) {
		const char c = screen.keys[screen.next++];

		if (is_key(c))
			return (unsigned char)c;
	}
	return SCREEN_REDRAW;
}

static int read_keys(void)
{
	const ssize_t count = read(STDIN_FILENO, screen.keys, sizeof(screen.keys));

	if (count <= 0)
		return count < 0 && may_repeat(errno) ? SCREEN_REDRAW : SCREEN_GONE;
	screen.count = (size_t)count;
	screen.next = 0;
	return next_key();
}

int screen_wait(long long deadline)
{
	struct pollfd fds[] = {
		{ .fd = screen.signals, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};
	long long left = deadline - clock_now();
	struct timespec timeout;

	if (screen.next < screen.count)
		return next_key();
	if (left < 0)
		left = 0;
	timeout.tv_sec = left / 1000000000;
	timeout.tv_nsec = left % 1000000000;
	if (ppoll(fds, ARRAY_SIZE(fds), &timeout, NULL) < 0)
		return SCREEN_REDRAW;
	if (fds[0].revents)
		return read_signal();
	if (fds[1].revents)
		return read_keys();
	return SCREEN_TIMEOUT;
}
