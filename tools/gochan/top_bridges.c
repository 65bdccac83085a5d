// SPDX-License-Identifier: GPL-2.0
/*
 * What "gochan top" shows of bridges: the metrics that gochan-bridge writes every second, in
 * the text format of Prometheus, to a file for each process. The time of the file is that of
 * its figures.
 */
#include <errno.h>
#include <glob.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "json.h"
#include "top.h"

#define FILES		"/run/gochan-bridge/*/metrics.prom"
#define PREFIX		"gochan_bridge_"
#define STALE_NS	5000000000LL

enum {
	IN, OUT, HELD, RETRIED, DUPLICATES, REDELIVERED, DEAD, RECONNECTS, STATE, MODE, STREAM,
	NAME, COLUMNS
};

static const char *const keys[COLUMNS] = {
	"in", "out", "held", "retried", "duplicates", "redelivered", "dead", "reconnects",
	"state", "mode", "stream", "name",
};

static const char *const titles[COLUMNS] = {
	"IN/S", "OUT/S", "HELD", "RETRIED", "DUPLICATES", "REDELIVERED", "DEAD", "RECONNECTS",
	"STATE", "MODE", "STREAM", "NAME",
};

enum {
	METRIC_CONNECTED, METRIC_HELD, METRIC_RECEIVED, METRIC_CONFIRMED, METRIC_DUPLICATES,
	METRIC_RETRIED, METRIC_FETCHED, METRIC_REDELIVERED, METRIC_DELIVERED,
	METRIC_ACKNOWLEDGED, METRIC_DEAD, METRIC_RECONNECTS, METRICS
};

static const char *const metrics[METRICS] = {
	"connected", "held_messages", "received_total", "confirmed_total", "duplicates_total",
	"retried_total", "fetched_total", "redelivered_total", "delivered_total",
	"acknowledged_total", "dead_letters_total", "reconnects_total",
};

enum { TEXT_SIZE = 512 };

/**
 * struct bridge - the bridge of a channel, as it was when its file was written
 * @file: the path of the file
 * @time_ns: when it was written, by the clock of the day
 * @stale: that is too long ago, so the process is no more
 * @seconds: since it was written before, NAN if it is seen for the first time
 * @in: messages per second that the stream has confirmed, or NAN
 * @out: messages per second that were acknowledged, or NAN
 */
struct bridge {
	char file[TEXT_SIZE];
	char channel[TEXT_SIZE], stream[TEXT_SIZE], mode[TEXT_SIZE];
	double values[METRICS];
	long long time_ns;
	bool stale;
	double seconds, in, out;
};

struct bridges {
	struct bridge *list;
	size_t count;
};

static struct bridges bridges;

/* ---- reading ---- */

/* The value of a label, which is in quotes; where its text ends, or NULL. */
static const char *parse_label(const char *line, const char *name, char text[TEXT_SIZE])
{
	const size_t len = strlen(name);
	size_t i = 0;

	if (strncmp(line, name, len) != 0 || strncmp(line + len, "=\"", 2) != 0)
		return NULL;
	for (line += len + 2; *line && *line != '"' && i < TEXT_SIZE - 1; line++) {
		if (*line == '\\' && line[1])
			text[i++] = *++line == 'n' ? '\n' : *line;
		else
			text[i++] = *line;
	}
	text[i] = '\0';
	return *line == '"' ? line + 1 : NULL;
}

static struct bridge *find(const struct bridges *in, const struct bridge *like)
{
	for (size_t i = 0; i < in->count; i++) {
		struct bridge *b = &in->list[i];

		if (!strcmp(b->file, like->file) && !strcmp(b->channel, like->channel) &&
		    !strcmp(b->stream, like->stream) && !strcmp(b->mode, like->mode))
			return b;
	}
	return NULL;
}

static struct bridge *find_or_add(struct bridges *to, const struct bridge *like)
{
	struct bridge *found = find(to, like);
	struct bridge *list;

	if (found)
		return found;
	list = reallocarray(to->list, to->count + 1, sizeof(*list));
	if (!list)
		return NULL;
	to->list = list;
	list[to->count] = *like;
	return &list[to->count++];
}

/* NAME{channel="...",stream="...",mode="..."} VALUE; other lines are passed over. */
static enum status parse_line(struct bridges *to, const struct bridge *of_file, const char *line)
{
	struct bridge b = *of_file, *found;
	char name[64];
	int len = 0, metric;
	double value;

	if (sscanf(line, PREFIX "%63[a-z_]{%n", name, &len) != 1 || !len)
		return DONE;
	line = parse_label(line + len, "channel", b.channel);
	line = line ? parse_label(line, ",stream", b.stream) : NULL;
	line = line ? parse_label(line, ",mode", b.mode) : NULL;
	if (!line || sscanf(line, "} %lf", &value) != 1)
		return DONE;
	for (metric = 0; metric < METRICS && strcmp(name, metrics[metric]) != 0; metric++)
		;
	if (metric == METRICS)
		return DONE;
	found = find_or_add(to, &b);
	if (!found)
		return report_errno("top", ENOMEM);
	found->values[metric] = value;
	return DONE;
}

static enum status parse_file(struct bridges *to, const char *path, FILE *file)
{
	struct bridge of_file = { .in = NAN, .out = NAN, .seconds = NAN };
	enum status status = DONE;
	char *line = NULL;
	size_t size = 0;
	struct stat st;

	for (int i = 0; i < METRICS; i++)
		of_file.values[i] = NAN;
	snprintf(of_file.file, sizeof(of_file.file), "%s", path);
	if (fstat(fileno(file), &st) == 0)
		of_file.time_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
	of_file.stale = clock_of_day() - of_file.time_ns > STALE_NS;
	while (status == DONE && getline(&line, &size, file) >= 0)
		status = parse_line(to, &of_file, line);
	free(line);
	return status;
}

static double rate(const struct bridge *b, const struct bridge *before, int metric)
{
	return (b->values[metric] - before->values[metric]) / b->seconds;
}

static void set_rates(struct bridge *b, const struct bridge *before)
{
	if (b->time_ns == before->time_ns && !b->stale) {
		b->seconds = before->seconds;
		b->in = before->in;
		b->out = before->out;
		return;
	}
	if (b->time_ns <= before->time_ns)
		return;
	b->seconds = (double)(b->time_ns - before->time_ns) / 1e9;
	b->in = rate(b, before, METRIC_CONFIRMED);
	b->out = rate(b, before, METRIC_ACKNOWLEDGED);
	/* A process that was started again counts from 0. */
	if (b->in >= 0 && b->out >= 0)
		return;
	b->seconds = NAN;
	b->in = NAN;
	b->out = NAN;
}

static enum status read_files(struct bridges *to, char **paths, size_t count)
{
	enum status status = DONE;
	FILE *file;

	for (size_t i = 0; status == DONE && i < count; i++) {
		file = fopen(paths[i], "re");
		if (!file && errno == ENOENT)
			continue;	/* the process has ended meanwhile */
		if (!file)
			return report_errno(paths[i], errno);
		status = parse_file(to, paths[i], file);
		fclose(file);
	}
	return status;
}

static enum status update(const char *which)
{
	struct bridges now = { 0 };
	enum status status;
	glob_t files = { 0 };
	char *paths[1];

	if (which && access(which, R_OK) != 0)
		return report_errno(which, errno);
	paths[0] = (char *)which;
	if (!which && glob(FILES, 0, NULL, &files) == GLOB_NOSPACE)
		return report_errno("top", ENOMEM);
	status = which ? read_files(&now, paths, 1) :
			 read_files(&now, files.gl_pathv, files.gl_pathc);
	globfree(&files);
	for (size_t i = 0; i < now.count; i++) {
		const struct bridge *before = find(&bridges, &now.list[i]);

		if (before)
			set_rates(&now.list[i], before);
	}
	free(bridges.list);
	bridges = now;
	return status;
}

/* ---- showing ---- */

static size_t count(void)
{
	return bridges.count;
}

static double value(size_t row, int column)
{
	static const int metric_of[] = {
		[HELD] = METRIC_HELD, [RETRIED] = METRIC_RETRIED,
		[DUPLICATES] = METRIC_DUPLICATES,
		[REDELIVERED] = METRIC_REDELIVERED, [DEAD] = METRIC_DEAD,
		[RECONNECTS] = METRIC_RECONNECTS,
	};
	const struct bridge *b = &bridges.list[row];

	if (column == IN)
		return b->in;
	return column == OUT ? b->out : b->values[metric_of[column]];
}

static const char *state(const struct bridge *b)
{
	if (b->stale)
		return "gone";
	return b->values[METRIC_CONNECTED] > 0 ? "connected" : "disconnected";
}

static const char *text(size_t row, int column)
{
	const struct bridge *b = &bridges.list[row];

	switch (column) {
	case STATE:
		return state(b);
	case MODE:
		return b->mode;
	case STREAM:
		return b->stream;
	default:
		return b->channel;
	}
}

static void json(size_t row)
{
	const struct bridge *b = &bridges.list[row];

	json_string("channel", b->channel);
	json_string("stream", b->stream);
	json_string("mode", b->mode);
	json_string("state", state(b));
	for (int i = METRIC_HELD; i < METRICS; i++)
		json_decimal(metrics[i], b->values[i], 0);
	json_decimal("confirmed_per_second", b->in, 3);
	json_decimal("acknowledged_per_second", b->out, 3);
	json_decimal("interval", b->seconds, 6);
}

static void clear(void)
{
	free(bridges.list);
	bridges = (struct bridges){ 0 };
}

const struct view bridges_view = {
	.what = "bridges",
	.columns = COLUMNS,
	.rates = HELD,
	.numbers = STATE,
	.keys = keys,
	.titles = titles,
	.update = update,
	.count = count,
	.value = value,
	.text = text,
	.json = json,
	.free = clear,
};
