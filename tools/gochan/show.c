// SPDX-License-Identifier: GPL-2.0
/*
 * A line for each event: time, task, call, channel, and what happened.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "event.h"
#include "list.h"
#include "show.h"
#include "tasks.h"
#include "utf8.h"

enum { LABEL_SIZE = 64, TIME_SIZE = 16, INTERRUPTED = 512, INTERRUPTED_LAST = 516 };
/* The text may have the name of a channel; each byte may be escaped by four. */
enum { TEXT_SIZE = 512, ESCAPED = 4 };

static struct channel {
	uint64_t id;
	char *name;	/* escaped */
} *channels;
static size_t nr_channels;

static long long wall_offset;	/* of CLOCK_REALTIME from CLOCK_MONOTONIC */

static struct channel *find_channel(uint64_t id)
{
	for (size_t i = 0; i < nr_channels; i++) {
		if (channels[i].id == id)
			return &channels[i];
	}
	return NULL;
}

static struct channel *add_channel(uint64_t id)
{
	struct channel *bigger = realloc(channels, (nr_channels + 1) * sizeof(*channels));

	if (!bigger)
		return NULL;
	channels = bigger;
	channels[nr_channels] = (struct channel){ .id = id };
	return &channels[nr_channels++];
}

enum status show_learn_name(uint64_t id, const char *name)
{
	char escaped[NAME_PATH_SIZE], *copy;
	struct channel *channel = NULL;

	text_escape(escaped, sizeof(escaped), name);
	copy = strdup(escaped);
	if (copy)
		channel = find_channel(id) ?: add_channel(id);
	if (!channel) {
		free(copy);
		return report_errno(name, ENOMEM);
	}
	free(channel->name);
	channel->name = copy;
	return DONE;
}

void show_start(void)
{
	struct list list;

	wall_offset = clock_of_day() - clock_now();
	/* Without them there are still IDs. */
	if (!is_gochanfs(NAME_DIR) || list_channels(&list, NULL, false) != DONE)
		return;
	for (size_t i = 0; i < list.count; i++) {
		if (list.entries[i].has_info)
			show_learn_name(list.entries[i].info.id, list.entries[i].name);
	}
	list_free(&list);
}

/* Its name, or "#ID". */
static const char *channel_label(uint64_t id, char label[LABEL_SIZE])
{
	const struct channel *channel = find_channel(id);

	if (channel)
		return channel->name;
	snprintf(label, LABEL_SIZE, "#%llu", (unsigned long long)id);
	return label;
}

static const char *result_name(long long result)
{
	const char *name = strerrorname_np((int)-result);

	if (result == 0)
		return "ok";
	if (result == GOCHAN_R_CLOSED)
		return "closed";
	if (-result >= INTERRUPTED && -result <= INTERRUPTED_LAST)
		return "interrupted";
	return name ?: "unknown result";
}

/* The length of a message, and with whom it was exchanged. */
static void show_message(char text[TEXT_SIZE], const struct event *event, const char *with,
			 const char *without)
{
	const int peer = (int)event_number(event, "peer");
	char label[2 * COMM_SIZE];

	if (peer)
		snprintf(text, TEXT_SIZE, "len %lld, %s %s", event_number(event, "len"), with,
			 tasks_label(peer, label));
	else
		snprintf(text, TEXT_SIZE, "len %lld, %s", event_number(event, "len"), without);
}

static void show_block(char text[TEXT_SIZE], const struct event *event)
{
	snprintf(text, TEXT_SIZE, "blocks%s%s",
		 event_number(event, "select") ? ", in a select" : "",
		 event_number(event, "deadline") ? ", with a deadline" : "");
}

static void show_unblock(char text[TEXT_SIZE], const struct event *event)
{
	snprintf(text, TEXT_SIZE, "%s, was blocked for %.6f s",
		 result_name(event_number(event, "result")),
		 (double)event_number(event, "waited") / 1e9);
}

static void show_select(char text[TEXT_SIZE], const struct event *event)
{
	const long long index = event_number(event, "index"), ops = event_number(event, "ops");
	const char *result = result_name(event_number(event, "result"));

	if (index >= 0)
		snprintf(text, TEXT_SIZE, "op %lld of %lld: %s", index, ops, result);
	else
		snprintf(text, TEXT_SIZE, "none of %lld ops: %s", ops, result);
}

static void show_setup(char text[TEXT_SIZE], const struct event *event)
{
	snprintf(text, TEXT_SIZE, "capacity %lld, size %lld, flags %#llx",
		 event_number(event, "capacity"), event_number(event, "msg_size"),
		 event_number(event, "flags"));
}

static bool is_dir(const struct event *event, const char *key)
{
	const char *value = event_field(event, key);

	return value && strncmp(value, "send", 4) == 0;
}

static void learn_name(const struct event *event)
{
	const char *name = event_field(event, "name");

	if (name)
		show_learn_name((uint64_t)event_number(event, "id"), name);
}

/* What happened, and in *@call, what was called. */
static void describe(char text[TEXT_SIZE], const struct event *event, const char **call)
{
	if (event_is(event, "gochan_send")) {
		show_message(text, event, "handed off to", "buffered");
	} else if (event_is(event, "gochan_recv")) {
		show_message(text, event, "handed off by", "was buffered");
	} else if (event_is(event, "gochan_lease")) {
		snprintf(text, TEXT_SIZE, "message %lld, delivery %lld",
			 event_number(event, "seq"), event_number(event, "deliveries"));
	} else if (event_is(event, "gochan_ack")) {
		snprintf(text, TEXT_SIZE, "message %lld", event_number(event, "seq"));
	} else if (event_is(event, "gochan_requeue")) {
		snprintf(text, TEXT_SIZE, "message %lld, len %lld", event_number(event, "seq"),
			 event_number(event, "len"));
	} else if (event_is(event, "gochan_block")) {
		*call = is_dir(event, "op") ? "send" : "recv";
		show_block(text, event);
	} else if (event_is(event, "gochan_unblock")) {
		*call = is_dir(event, "op") ? "send" : "recv";
		show_unblock(text, event);
	} else if (event_is(event, "gochan_select")) {
		show_select(text, event);
	} else if (event_is(event, "gochan_setup")) {
		show_setup(text, event);
	} else if (event_is(event, "gochan_hangup")) {
		snprintf(text, TEXT_SIZE, "no %s left",
			 is_dir(event, "side") ? "senders" : "receivers");
	} else {
		snprintf(text, TEXT_SIZE, "%s", event->fields + strspn(event->fields, " "));
	}
}

static void format_time(char text[TIME_SIZE], uint64_t ns)
{
	const time_t seconds = (time_t)(ns / 1000000000);
	const unsigned int us = ns % 1000000000 / 1000;
	struct tm tm;
	size_t len;

	localtime_r(&seconds, &tm);
	len = strftime(text, TIME_SIZE, "%H:%M:%S", &tm);
	snprintf(text + len, TIME_SIZE - len, ".%06u", us);
}

void show_event(char line[SHOW_SIZE], const struct event *event)
{
	const uint64_t id = (uint64_t)event_number(event, "id");
	char label[LABEL_SIZE], name[LABEL_SIZE], text[TEXT_SIZE], time[TIME_SIZE];
	char comm[2 * COMM_SIZE], task[ESCAPED * 2 * COMM_SIZE], what[ESCAPED * TEXT_SIZE];
	const char *call = name;

	snprintf(name, sizeof(name), "%.*s", (int)event->name_len, event->name);
	if (strncmp(name, "gochan_", strlen("gochan_")) == 0)
		call = name + strlen("gochan_");
	describe(text, event, &call);
	learn_name(event);
	text_escape(what, sizeof(what), text);
	text_escape(task, sizeof(task), tasks_label(event_subject(event), comm));
	format_time(time, event->ns + (uint64_t)wall_offset);
	snprintf(line, SHOW_SIZE, "%s %-20s %-8s %-12s %s\n", time, task, call,
		 id ? channel_label(id, label) : "-", what);
}
