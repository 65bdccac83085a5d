/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Printing events of channels as lines for people.
 */
#ifndef GOCHAN_SHOW_H
#define GOCHAN_SHOW_H

#include "cmd.h"
#include "event.h"

enum { SHOW_SIZE = 2 * NAME_PATH_SIZE };	/* enough for any line */

/* Learn the names below /dev/gochans, and the time of day. */
void show_start(void);
/* The name of a channel from now on. */
enum status show_learn_name(uint64_t id, const char *name);
/*
 * The line of an event, with a newline. It is one string because standard error is not
 * buffered.
 */
void show_event(char line[SHOW_SIZE], const struct event *event);

#endif /* GOCHAN_SHOW_H */
