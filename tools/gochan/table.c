// SPDX-License-Identifier: GPL-2.0
/*
 * Tables. Each character counts as one column of the screen.
 */
#include <limits.h>
#include <stdarg.h>

#include "clock.h"
#include "table.h"
#include "utf8.h"

void row_set(struct row *row, int column, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(row->cell[column], sizeof(row->cell[column]), format, args);
	va_end(args);
}

void row_set_name(struct row *row, int column, const char *name)
{
	text_escape(row->cell[column], sizeof(row->cell[column]), name);
}

void row_set_duration(struct row *row, int column, long long ns)
{
	char text[DURATION_SIZE];

	row_set(row, column, "%s", ns < 0 ? "-" : format_duration(ns, text));
}

static bool is_continuation(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

static int width(const char *text)
{
	int characters = 0;

	for (; *text; text++)
		characters += !is_continuation(*text);
	return characters;
}

void table_widen(struct table *table, const struct row *row)
{
	for (int i = 0; i < table->columns; i++) {
		if (table->width[i] < width(row->cell[i]))
			table->width[i] = width(row->cell[i]);
	}
}

/* The titles as a row. */
static const struct row *titles(const struct table *table)
{
	static struct row row;

	for (int i = 0; i < table->columns; i++)
		row_set(&row, i, "%s", table->titles[i]);
	return &row;
}

void table_widen_titles(struct table *table)
{
	table_widen(table, titles(table));
}

/* What is printed of a line: spaces only once text follows them. */
struct line {
	int left;		/* columns of the screen */
	int spaces;
};

/* Print what fits into the line. */
static void print_text(struct line *line, const char *text)
{
	if (!*text || line->left <= line->spaces)
		return;
	printf("%*s", line->spaces, "");
	line->left -= line->spaces;
	line->spaces = 0;
	for (; *text; text++) {
		if (!is_continuation(*text) && line->left-- <= 0)
			return;
		putchar(*text);
	}
}

/* With what separates a name from the next column escaped. */
static void print_raw(const char *text)
{
	for (; *text; text++) {
		if (*text == ' ')
			fputs("\\040", stdout);
		else
			putchar(*text);
	}
}

static void print_raw_row(const struct table *table, const struct row *row)
{
	for (int i = 0; i < table->columns; i++) {
		if (i > 0)
			putchar(' ');
		print_raw(row->cell[i]);
	}
}

void table_print(const struct table *table, const struct row *row)
{
	struct line line = { .left = table->limit ? table->limit : INT_MAX };

	if (table->raw) {
		print_raw_row(table, row);
		return;
	}
	for (int i = 0; i < table->columns; i++) {
		const int padding = table->width[i] - width(row->cell[i]);
		const bool right = table->right & 1U << i;

		line.spaces += (i > 0) + (right ? padding : 0);
		print_text(&line, row->cell[i]);
		line.spaces += right ? 0 : padding;
	}
}

void table_print_titles(const struct table *table)
{
	table_print(table, titles(table));
}
