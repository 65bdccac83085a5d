/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A line of text that is put together and written without stdio, locks or memory
 * allocation, so that it can be done in a signal handler.
 */
#ifndef GOCHAN_LINE_H
#define GOCHAN_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "internal.h"

enum { LINE_SIZE = 512 };

/* What does not fit is cut off; there is always room for the newline. */
struct line {
	size_t len;
	char text[LINE_SIZE];
};

/* A space or a control character in a name would break the line apart. */
static inline char printable(char c)
{
	return (unsigned char)c <= ' ' || c == 0x7f ? '?' : c;
}

static inline void line_char(struct line *line, char c)
{
	if (line->len < LINE_SIZE - 1)
		line->text[line->len++] = c;
}

static inline void line_text(struct line *line, const char *text)
{
	while (*text)
		line_char(line, *text++);
}

static inline void line_name(struct line *line, const char *name)
{
	while (*name)
		line_char(line, printable(*name++));
}

/* With at least @width digits. */
static inline void line_digits(struct line *line, uint64_t number, unsigned int width)
{
	char digits[20];
	unsigned int n = 0;

	do {
		digits[n++] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	for (; width > n; width--)
		line_char(line, '0');
	while (n)
		line_char(line, digits[--n]);
}

static inline void line_number(struct line *line, uint64_t number)
{
	line_digits(line, number, 1);
}

static inline void line_int(struct line *line, int number)
{
	if (number < 0)
		line_char(line, '-');
	line_number(line, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

/* Seconds with @places decimal places, at most 9. */
static inline void line_seconds(struct line *line, uint64_t ns, unsigned int places)
{
	uint64_t fraction = ns % NSEC_PER_SEC;

	for (unsigned int i = places; i < 9; i++)
		fraction /= 10;
	line_number(line, ns / NSEC_PER_SEC);
	line_char(line, '.');
	line_digits(line, fraction, places);
}

/*
 * Write the line and a newline in one write(2), so that lines of several threads and
 * processes do not mix. SIGPIPE is not raised. Changes errno, and is a cancellation
 * point unless cancellation is disabled.
 */
void __attribute__((visibility("hidden"))) gochan_line_write(int fd, struct line *line);

#endif /* GOCHAN_LINE_H */
