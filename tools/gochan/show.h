/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Printing events of channels as lines for people.
 */
#ifndef GOCHAN_SHOW_H
#define GOCHAN_SHOW_H

#include <stdio.h>

#include "cmd.h"
#include "event.h"

/* Learn the names below /dev/gochans, and the time of day. */
void show_start(void);
/* The name of a channel from now on. */
enum status show_learn_name(uint64_t id, const char *name);
void show_event(FILE *out, const struct event *event);

#endif /* GOCHAN_SHOW_H */
