// SPDX-License-Identifier: GPL-2.0
/*
 * The configuration file, in the format of INI files: settings before the first section are
 * those of all channels, and each section is a channel:
 *
 *	# a comment
 *	url = nats://queue.example.org/JOBS
 *
 *	[jobs]
 *	mode = queue
 *	cap = 16
 *
 * libinih is not used, as it cuts long names silently, and passes over empty sections.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
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

static bool begin_channel(struct reader *r, const char *name)
{
	struct settings *s = &r->list[r->n];
	int i;

	for (i = 0; i < r->n; i++) {
		if (!strcmp(r->list[i].name, name)) {
			log_line(LEVEL_ERROR, NULL, "[%s] is there twice", name);
			return false;
		}
	}
	if (r->n == CHANNELS_MAX || !*name || strlen(name) >= sizeof(s->name)) {
		log_line(LEVEL_ERROR, NULL, "[%s]: %s", name, r->n == CHANNELS_MAX ?
			 "too many channels" : "not the name of a channel");
		return false;
	}
	if (!settings_copy(s, &r->defaults))
		return false;
	snprintf(s->name, sizeof(s->name), "%s", name);
	r->n++;
	return true;
}

/* Without white space at both ends. */
static char *strip(char *text)
{
	char *end = text + strlen(text);

	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	while (isspace((unsigned char)*text))
		text++;
	return text;
}

static bool read_line(struct reader *r, char *line)
{
	char *text = strip(line), *value;
	size_t len = strlen(text);

	if (!len || *text == '#' || *text == ';')
		return true;
	if (*text == '[' && text[len - 1] == ']') {
		text[len - 1] = '\0';
		return begin_channel(r, strip(text + 1));
	}
	value = strchr(text, '=');
	if (!value) {
		log_line(LEVEL_ERROR, NULL, "%s: neither [NAME] nor KEY = VALUE", text);
		return false;
	}
	*value++ = '\0';
	return settings_set(r->n ? &r->list[r->n - 1] : &r->defaults, strip(text), strip(value));
}

/* The number of the line that is wrong, 0 for none, or -1 with errno. */
static int read_lines(struct reader *r, const char *file)
{
	FILE *stream = fopen(file, "re");
	char *line = NULL;
	size_t size = 0;
	int number = 0;
	bool ok = true;

	if (!stream)
		return -1;
	while (ok && getline(&line, &size, stream) >= 0) {
		number++;
		ok = read_line(r, line);
	}
	if (ok)
		number = ferror(stream) ? -1 : 0;
	free(line);
	fclose(stream);
	return number;
}

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
	line = read_lines(&r, file);
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
