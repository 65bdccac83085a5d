/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The terminal while a command has all of it: keys without Enter and without echo, the
 * alternate screen, and what signals mean then. It is left as it was found, whatever
 * signal ends or stops the command.
 */
#ifndef GOCHAN_SCREEN_H
#define GOCHAN_SCREEN_H

#include <stdbool.h>

/* What screen_wait() returns if it is not a key. */
enum {
	SCREEN_TIMEOUT = -1,
	SCREEN_REDRAW = -2,	/* its size changed, or the command was stopped meanwhile */
	SCREEN_GONE = -3,
};

/* False, with errno, if that is impossible. */
bool screen_start(void);
/* Restore the terminal; does nothing unless there was a screen_start(). */
void screen_end(void);
void screen_size(int *rows, int *columns);

/* Between these two, print lines, each followed by screen_line_end(). */
void screen_draw_start(void);
void screen_line_end(void);
void screen_highlight(bool on);
/* False if the terminal is gone. */
bool screen_draw_end(void);

/* A key, or one of the above, @deadline being that of clock_now(). */
int screen_wait(long long deadline);

#endif /* GOCHAN_SCREEN_H */
