// SPDX-License-Identifier: GPL-2.0
/*
 * Parsing lines of trace_pipe:
 *
 *	        COMM-TID     [CPU] FLAGS SECONDS.MICROSECONDS: EVENT: KEY=VALUE ...
 *	CPU:0 [LOST 123 EVENTS]
 *	CPU:0 [LOST EVENTS]
 *
 * The name of a task may contain anything, so the line is read from the time to its
 * beginning, and the time is that in front of the first ": " where the rest fits. FLAGS
 * depend on options.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"

/* Where the last word before @end begins, and, in *@end, where it ends. */
static const char *word_before(const char *line, const char **end)
{
	const char *at = *end;

	while (at > line && at[-1] == ' ')
		at--;
	*end = at;
	while (at > line && at[-1] != ' ')
		at--;
	return at;
}

/* Seconds with 6 or 9 decimal places, up to @end. */
static bool parse_time(const char *at, const char *end, uint64_t *ns)
{
	uint64_t fraction, unit = 1000000000;
	const char *digit;
	char *point;

	if (!isdigit((unsigned char)*at))
		return false;
	*ns = strtoull(at, &point, 10) * unit;
	if (*point != '.')
		return false;
	for (digit = point + 1; digit < end && isdigit((unsigned char)*digit); digit++)
		unit /= 10;
	fraction = strtoull(point + 1, NULL, 10);
	*ns += fraction * unit;
	return digit == end;
}

/* "[001]" */
static bool is_cpu(const char *at, const char *end)
{
	if (end - at < 3 || *at != '[' || end[-1] != ']')
		return false;
	for (at++; at < end - 1; at++) {
		if (!isdigit((unsigned char)*at))
			return false;
	}
	return true;
}

/* "COMM-TID" up to @end. */
static bool parse_task(struct event *event, const char *line, const char *end)
{
	const char *dash, *at = end;
	size_t len;

	while (at > line && isdigit((unsigned char)at[-1]))
		at--;
	dash = at - 1;
	if (at == end || dash < line || *dash != '-')
		return false;
	event->tid = (int)strtol(at, NULL, 10);
	while (*line == ' ')
		line++;
	if (dash < line)
		return false;
	len = (size_t)(dash - line);
	if (len > sizeof(event->comm) - 1)
		len = sizeof(event->comm) - 1;
	memcpy(event->comm, line, len);
	event->comm[len] = '\0';
	return true;
}

/* What is in front of the name of the event, and of ": ". */
static bool parse_head(struct event *event, const char *line, const char *end)
{
	const char *word = word_before(line, &end);

	if (!parse_time(word, end, &event->ns))
		return false;
	end = word;
	word = word_before(line, &end);
	if (!is_cpu(word, end)) {
		end = word;
		word = word_before(line, &end);
	}
	if (!is_cpu(word, end))
		return false;
	end = word;
	word_before(line, &end);
	return parse_task(event, line, end);
}

bool event_parse(struct event *event, const char *line)
{
	const char *at = line, *colon;

	while ((at = strstr(at, ": "))) {
		colon = strchr(at + 2, ':');
		if (!colon)
			return false;
		if (parse_head(event, line, at)) {
			event->name = at + 2;
			event->name_len = (size_t)(colon - event->name);
			event->fields = colon + 1;
			return true;
		}
		at += 2;
	}
	return false;
}

bool event_is(const struct event *event, const char *name)
{
	return strlen(name) == event->name_len &&
	       strncmp(event->name, name, event->name_len) == 0;
}

const char *event_field(const struct event *event, const char *key)
{
	const size_t len = strlen(key);
	const char *at = event->fields;

	while ((at = strstr(at, key))) {
		if (at > event->fields && at[-1] == ' ' && at[len] == '=')
			return at + len + 1;
		at += len;
	}
	return NULL;
}

long long event_number(const struct event *event, const char *key)
{
	const char *value = event_field(event, key);

	return value ? strtoll(value, NULL, 0) : 0;
}

int event_subject(const struct event *event)
{
	if (event_is(event, "gochan_send") || event_is(event, "gochan_recv"))
		return (int)event_number(event, "pid");
	return event->tid;
}

bool event_lost(const char *line, unsigned long long *count)
{
	const char *at = strstr(line, "[LOST ");

	if (strncmp(line, "CPU:", 4) != 0 || !at)
		return false;
	*count = strtoull(at + strlen("[LOST "), NULL, 10);
	return true;
}
