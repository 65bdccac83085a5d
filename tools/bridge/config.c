// SPDX-License-Identifier: GPL-2.0
/*
 * The configuration file, in the format of INI files, which libinih reads: settings before
 * the first section are those of all channels, and each section is a channel:
 *
 *	url = nats://queue.example.org/JOBS
 *
 *	[jobs]
 *	mode = queue
 *	cap = 16
 */
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "bridge.h"

/**
 * struct reader - a file that is being read
 * @defaults: settings of all channels
 * @list: the channels
 * @n: how many
 */
struct reader {
	struct settings defaults;
	struct settings *list;
	int n;
};

static struct settings *begin_channel(struct reader *r, const char *name)
{
	struct settings *s = &r->list[r->n];
	int i;

	if (r->n && !strcmp(r->list[r->n - 1].name, name))
		return &r->list[r->n - 1];
	for (i = 0; i < r->n; i++) {
		if (!strcmp(r->list[i].name, name)) {
			log_line(LEVEL_ERROR, NULL, "[%s] is there twice", name);
			return NULL;
		}
	}
	if (r->n == CHANNELS_MAX || strlen(name) >= sizeof(s->name)) {
		log_line(LEVEL_ERROR, NULL, "[%s]: %s", name, r->n == CHANNELS_MAX ?
			 "too many channels" : "the name is too long");
		return NULL;
	}
	if (!settings_copy(s, &r->defaults))
		return NULL;
	snprintf(s->name, sizeof(s->name), "%s", name);
	r->n++;
	return s;
}

/* For ini_parse(): 0 on failure. */
static int on_setting(void *reader, const char *section, const char *key, const char *value)
{
	struct reader *r = reader;
	struct settings *s = &r->defaults;

	if (*section)
		s = begin_channel(r, section);
	return s && settings_set(s, key, value);
}

/* A channel is one of a bridge only, in one direction: else messages would go in circles. */
static bool check_all(const char *file, const struct settings *list, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		if (!settings_check(&list[i])) {
			log_line(LEVEL_ERROR, NULL, "%s: error in [%s]", file, list[i].name);
			return false;
		}
	}
	if (n == 0)
		log_line(LEVEL_ERROR, NULL, "%s: no channel, that is no section [NAME]", file);
	return n > 0;
}

int config_read(const char *file, struct settings *list)
{
	struct reader r = { .list = list };
	int line;

	r.defaults.size = DEFAULT_SIZE;
	r.defaults.ack_wait = DEFAULT_ACK_WAIT;
	r.defaults.duplicates = DEFAULT_DUPLICATES;
	line = ini_parse(file, on_setting, &r);
	settings_free(&r.defaults);
	if (line < 0)
		log_line(LEVEL_ERROR, NULL, "%s: %s", file, strerror(errno));
	else if (line > 0)
		log_line(LEVEL_ERROR, NULL, "%s:%d: error in this line", file, line);
	if (line == 0 && check_all(file, list, r.n))
		return r.n;
	while (r.n)
		settings_free(&list[--r.n]);
	return -1;
}
