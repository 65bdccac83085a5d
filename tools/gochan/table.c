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

/* Print what fits into the @left columns of the line. */
static void print_limited(const char *text, int *left)
{
	for (; *text; text++) {
		if (!is_continuation(*text) && (*left)-- <= 0)
			return;
		putchar(*text);
	}
}

static void print_spaces(int count, int *left)
{
	for (; count > 0; count--)
		print_limited(" ", left);
}

void table_print(const struct table *table, const struct row *row)
{
	int left = table->limit ? table->limit : INT_MAX;
	const int last = table->columns - 1;

	for (int i = 0; i < last; i++) {
		const int padding = table->width[i] - width(row->cell[i]);

		if (table->right)
			print_spaces(padding, &left);
		print_limited(row->cell[i], &left);
		print_spaces((table->right ? 0 : padding) + 2, &left);
	}
	print_limited(row->cell[last], &left);
}

void table_print_titles(const struct table *table)
{
	table_print(table, titles(table));
}
