/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A table on standard output, as those of util-linux: one space between columns that are as
 * wide as they have to be. First widen it by all rows, then print them.
 */
#ifndef GOCHAN_TABLE_H
#define GOCHAN_TABLE_H

#include "cmd.h"

enum { TABLE_COLUMNS = 32 };	/* at most */

struct row {
	char cell[TABLE_COLUMNS][NAME_PATH_SIZE];
};

struct table {
	int columns;
	const char *const *titles;
	uint32_t right;		/* bit N: column N is aligned to the right */
	bool raw;		/* nothing is aligned, and cells have no spaces */
	int limit;		/* of the length of a line, 0 for none */
	int width[TABLE_COLUMNS];
};

void row_set(struct row *row, int column, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Escaped, see text_escape(). */
void row_set_name(struct row *row, int column, const char *name);
/* For how long; "-" if @ns is negative. */
void row_set_duration(struct row *row, int column, long long ns);

void table_widen(struct table *table, const struct row *row);
void table_widen_titles(struct table *table);

/* Both without a newline, and without spaces at the end of the line. */
void table_print(const struct table *table, const struct row *row);
void table_print_titles(const struct table *table);

#endif /* GOCHAN_TABLE_H */
