// SPDX-License-Identifier: GPL-2.0
/*
 * The tasks that "gochan trace" follows. The kernel could filter by task itself, but by
 * the current one: it would miss a message that somebody else's send hands off to a
 * receiver that is traced.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "tasks.h"

/* As the kernel's PID_MAX_LIMIT, and TASK_COMM_LEN - 1. */
enum { MAX_TID = 4194304, BITS = 8, NAMES = 4096, COMM_LEN = 15 };

static unsigned char traced[MAX_TID / BITS];
static unsigned char gone[MAX_TID / BITS];	/* of the traced ones */
static unsigned int count;

/* By the thread ID modulo NAMES. */
static struct {
	int tid;
	bool executed;
	char comm[COMM_SIZE];
} names[NAMES];

static unsigned char bit(int tid)
{
	return (unsigned char)(1U << (tid % BITS));
}

bool tasks_have(int tid)
{
	return tid > 0 && tid < MAX_TID && traced[tid / BITS] & bit(tid);
}

void tasks_add(int tid)
{
	if (tid <= 0 || tid >= MAX_TID)
		return;
	/* Another one that had this ID may be. */
	gone[tid / BITS] &= (unsigned char)~bit(tid);
	if (tasks_have(tid))
		return;
	traced[tid / BITS] |= bit(tid);
	count++;
}

void tasks_remove(int tid)
{
	if (!tasks_have(tid))
		return;
	traced[tid / BITS] &= (unsigned char)~bit(tid);
	gone[tid / BITS] &= (unsigned char)~bit(tid);
	count--;
}

unsigned int tasks_count(void)
{
	return count;
}

static void set_name(int tid, const char *comm, size_t len)
{
	if (len > COMM_LEN)
		len = COMM_LEN;
	names[tid % NAMES].tid = tid;
	names[tid % NAMES].executed = false;
	memcpy(names[tid % NAMES].comm, comm, len);
	names[tid % NAMES].comm[len] = '\0';
}

/* From /proc, for one that no event was seen of. */
static bool read_comm(int tid, char comm[COMM_SIZE])
{
	char path[32];
	FILE *file;
	bool ok;

	snprintf(path, sizeof(path), "/proc/%d/comm", tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	ok = fgets(comm, COMM_SIZE, file);
	fclose(file);
	if (ok)
		comm[strcspn(comm, "\n")] = '\0';
	return ok;
}

bool tasks_add_process(int pid)
{
	const struct dirent *entry;
	char comm[COMM_SIZE];
	char path[32];
	DIR *dir;
	int tid;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return false;
	while ((entry = readdir(dir))) {
		tid = (int)strtol(entry->d_name, NULL, 10);
		tasks_add(tid);
		/* It may be gone when the first event of it is read. */
		if (tid > 0 && read_comm(tid, comm))
			set_name(tid, comm, strlen(comm));
	}
	closedir(dir);
	return true;
}

void tasks_find_gone(void)
{
	for (int tid = 1; tid < MAX_TID; tid++) {
		if (!traced[tid / BITS])
			tid |= BITS - 1;
		else if (tasks_have(tid) && kill(tid, 0) < 0 && errno == ESRCH)
			gone[tid / BITS] |= bit(tid);
	}
}

void tasks_remove_gone(void)
{
	for (int tid = 1; tid < MAX_TID; tid++) {
		if (!gone[tid / BITS])
			tid |= BITS - 1;
		else if (gone[tid / BITS] & bit(tid))
			tasks_remove(tid);
	}
}

/* The kernel looks only at times, so it may tell the name from before execve(2). */
void tasks_see(const struct event *event)
{
	bool executed;

	if (event->tid <= 0)
		return;
	executed = names[event->tid % NAMES].tid == event->tid &&
		   names[event->tid % NAMES].executed;
	if (event->comm[0] != '<' && !executed)
		set_name(event->tid, event->comm, strlen(event->comm));
}

void tasks_see_exec(const struct event *event)
{
	const char *file = event_field(event, "filename"), *end, *at;

	if (event->tid <= 0 || !file)
		return;
	end = strstr(file, " pid=");
	if (!end)
		return;
	for (at = end; at > file && at[-1] != '/'; at--)
		;
	set_name(event->tid, at, (size_t)(end - at));
	names[event->tid % NAMES].executed = true;
}

void tasks_forget(int tid)
{
	if (tid > 0 && names[tid % NAMES].tid == tid)
		names[tid % NAMES].tid = 0;
}

const char *tasks_label(int tid, char label[2 * COMM_SIZE])
{
	char comm[COMM_SIZE];

	if (tid > 0 && names[tid % NAMES].tid == tid)
		snprintf(label, 2 * COMM_SIZE, "%s-%d", names[tid % NAMES].comm, tid);
	else if (read_comm(tid, comm))
		snprintf(label, 2 * COMM_SIZE, "%s-%d", comm, tid);
	else
		snprintf(label, 2 * COMM_SIZE, "<...>-%d", tid);
	return label;
}
