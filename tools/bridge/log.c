// SPDX-License-Identifier: GPL-2.0
/*
 * The log, on standard error: a line for each event, as text or as an object of JSON. If
 * standard error is the journal, lines begin with their priority, see sd-daemon(3).
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bridge.h"

static bool as_json, verbose, with_priority;

/* $JOURNAL_STREAM is the device and inode of the journal's socket. */
static bool is_journal(void)
{
	const char *journal = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return journal && sscanf(journal, "%llu:%llu", &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

void log_setup(bool json, bool debug)
{
	as_json = json;
	verbose = debug;
	with_priority = is_journal();
}

static const char *level_name(enum level level)
{
	switch (level) {
	case LEVEL_ERROR:
		return "error";
	case LEVEL_WARNING:
		return "warning";
	case LEVEL_DEBUG:
		return "debug";
	default:
		return "info";
	}
}

/* The text as a string of JSON, without the quotes. */
static void print_escaped(FILE *file, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(file, "\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			fprintf(file, "\\u%04x", *text);
		else
			fputc(*text, file);
	}
}

static void print_member(FILE *file, const char *key, const char *value)
{
	fprintf(file, ",\"%s\":\"", key);
	print_escaped(file, value);
	fputc('"', file);
}

static void print_json(FILE *file, enum level level, const struct bridge *b, const char *text)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	fprintf(file, "{\"time\":%lld.%06ld", (long long)now.tv_sec, now.tv_nsec / 1000);
	print_member(file, "level", level_name(level));
	if (b) {
		print_member(file, "channel", b->settings.name);
		print_member(file, "stream", b->settings.stream);
	}
	print_member(file, "message", text);
	fputs("}\n", file);
}

static void print_text(FILE *file, enum level level, const struct bridge *b, const char *text)
{
	fprintf(file, "gochan bridge: %s%s%s%s%s\n", b ? b->settings.name : "", b ? ": " : "",
		level == LEVEL_ERROR ? "" : level_name(level), level == LEVEL_ERROR ? "" : ": ",
		text);
}

void log_line(enum level level, const struct bridge *b, const char *format, ...)
{
	char text[1024], line[4096];
	va_list args;
	FILE *file;
	long len;

	if (level == LEVEL_DEBUG && !verbose)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* One write, so that lines of several processes are not interleaved. */
	file = fmemopen(line, sizeof(line), "w");
	if (!file)
		return;
	if (with_priority)
		fprintf(file, "<%d>", level);
	if (as_json)
		print_json(file, level, b, text);
	else
		print_text(file, level, b, text);
	fflush(file);
	len = ftell(file);
	fclose(file);
	if (len > 0 && write(STDERR_FILENO, line, len) < 0)
		return;
}

const char *nats_problem(natsStatus status)
{
	const char *detail = nats_GetLastError(NULL);

	return detail && *detail ? detail : natsStatus_GetText(status);
}
