// SPDX-License-Identifier: GPL-2.0
/*
 * Metrics, in the text format of Prometheus, in a file that is replaced every second: for
 * "gochan top --bridges", and for collectors of text files. It is gone when the program ends.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge.h"

#define COUNTER(field, name, help) { offsetof(struct counters, field), name, "counter", help }
#define GAUGE(field, name, help) { offsetof(struct counters, field), name, "gauge", help }

static const struct metric {
	size_t offset;
	const char *name;
	const char *type;
	const char *help;
} metrics[] = {
	GAUGE(connected, "connected", "Whether there is a connection to a server."),
	GAUGE(held, "held_messages", "Messages of the stream that are on this machine."),
	COUNTER(received, "received_total", "Messages received from the sending channel."),
	COUNTER(confirmed, "confirmed_total", "Of these, confirmed by the stream."),
	COUNTER(duplicates, "duplicates_total", "Of these, that the stream had already."),
	COUNTER(retried, "retried_total", "Publications that were repeated."),
	COUNTER(fetched, "fetched_total", "Messages that the stream has delivered."),
	COUNTER(redelivered, "redelivered_total", "Of these, delivered before."),
	COUNTER(delivered, "delivered_total", "Messages sent into the receiving channel."),
	COUNTER(acknowledged, "acknowledged_total", "Of these, acknowledged."),
	COUNTER(dead, "dead_letters_total", "Of these, that became dead letters."),
	COUNTER(reconnects, "reconnects_total", "Connections after the first."),
};

static char *path, *new_path;
static bool failed;

/* The text of a label, which is in quotes. */
static void print_label(FILE *file, const char *name, const char *value)
{
	fprintf(file, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", file);
		else if (*value == '"' || *value == '\\')
			fprintf(file, "\\%c", *value);
		else
			fputc(*value, file);
	}
	fputc('"', file);
}

static void print_metric(FILE *file, const struct metric *m, const struct bridge *b)
{
	const char *counters = (const char *)&b->counters;
	const uint64_t *value = (const uint64_t *)(counters + m->offset);

	fprintf(file, "gochan_bridge_%s{", m->name);
	print_label(file, "channel", b->settings.name);
	fputc(',', file);
	print_label(file, "stream", b->settings.stream);
	fputc(',', file);
	print_label(file, "mode", mode_name(b->settings.mode));
	fprintf(file, "} %" PRIu64 "\n", __atomic_load_n(value, __ATOMIC_RELAXED));
}

static bool print_all(FILE *file, struct bridge *const *list, int nr)
{
	const struct metric *m;
	int i;

	for (m = metrics; m < metrics + ARRAY_SIZE(metrics); m++) {
		fprintf(file, "# HELP gochan_bridge_%s %s\n", m->name, m->help);
		fprintf(file, "# TYPE gochan_bridge_%s %s\n", m->name, m->type);
		for (i = 0; i < nr; i++)
			print_metric(file, m, list[i]);
	}
	return !ferror(file);
}

/* Readers see the whole old file or the whole new one. */
bool metrics_write(struct bridge *const *list, int nr)
{
	FILE *file;
	bool ok;

	if (!path)
		return true;
	file = fopen(new_path, "we");
	ok = file && fchmod(fileno(file), 0644) == 0 && print_all(file, list, nr);
	if (file && fclose(file))
		ok = false;
	if (ok)
		ok = rename(new_path, path) == 0;
	if (!ok && !failed)
		log_line(LEVEL_ERROR, NULL, "metrics: %s: %s", path, strerror(errno));
	if (!ok)
		unlink(new_path);
	failed = !ok;
	return ok;
}

/* @file, or else the one in the directory that the service manager has made, if it has. */
bool metrics_start(const char *file)
{
	const char *directory = getenv("RUNTIME_DIRECTORY");
	int len;

	if (!file && !directory)
		return true;
	if (file)
		len = asprintf(&path, "%s", file);
	else
		len = asprintf(&path, "%s/metrics.prom", directory);
	if (len < 0 || asprintf(&new_path, "%s.new", path) < 0) {
		log_line(LEVEL_ERROR, NULL, "out of memory");
		return false;
	}
	return metrics_write(NULL, 0);
}

bool metrics_wanted(void)
{
	return path;
}

void metrics_end(void)
{
	if (path)
		unlink(path);
}
