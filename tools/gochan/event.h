/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An event as a line of trace_pipe has it, parsed.
 */
#ifndef GOCHAN_EVENT_H
#define GOCHAN_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { COMM_SIZE = 32 };

struct event {
	char comm[COMM_SIZE];	/* "<...>" if the kernel does not know */
	int tid;		/* of the current task */
	uint64_t ns;		/* CLOCK_MONOTONIC, microseconds precise */
	const char *name;	/* such as "gochan_send", not terminated */
	size_t name_len;
	const char *fields;	/* "id=17 seq=1 ..." */
};

/* Parse a line, which the event then points to; false if it is none of an event. */
bool event_parse(struct event *event, const char *line);
/* Is it the event of this name? */
bool event_is(const struct event *event, const char *name);
/* The value of field KEY=VALUE, or NULL. */
const char *event_field(const struct event *event, const char *key);
/* The same as a number, 0 if there is none. */
long long event_number(const struct event *event, const char *key);
/*
 * The task that made the call. That is the current one, but of a handoff the other end
 * may be current. Only messages have a field for it: elsewhere " pid=" is part of a name.
 */
int event_subject(const struct event *event);
/* Does the line say that events were lost? @count is 0 if it does not say how many. */
bool event_lost(const char *line, unsigned long long *count);

#endif /* GOCHAN_EVENT_H */
