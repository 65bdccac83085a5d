/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tasks that are traced, and the names of those that were seen.
 */
#ifndef GOCHAN_TASKS_H
#define GOCHAN_TASKS_H

#include <stdbool.h>

#include "event.h"

void tasks_add(int tid);
void tasks_remove(int tid);
bool tasks_have(int tid);
unsigned int tasks_count(void);
/* Add all threads of a process; false, with errno, if there is none. */
bool tasks_add_process(int pid);
/* Find those that do not exist any more. */
void tasks_find_gone(void);
/* Remove those that were found gone, and not added again since then. */
void tasks_remove_gone(void);

/* Note the name of the current task of an event. */
void tasks_see(const struct event *event);
/*
 * Note the name of the program that it executes; later events may still carry the old
 * name.
 */
void tasks_see_exec(const struct event *event);
/* This is a new task. */
void tasks_forget(int tid);
/* "COMM-TID" of a task. */
const char *tasks_label(int tid, char label[2 * COMM_SIZE]);

#endif /* GOCHAN_TASKS_H */
