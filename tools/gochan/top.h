/* SPDX-License-Identifier: GPL-2.0 */
/* What "gochan top" can show: the columns of a table, and what fills them. */
#ifndef GOCHAN_TOP_H
#define GOCHAN_TOP_H

#include "cmd.h"

/**
 * struct view - a table of what is counted, one row for each thing
 * @what: the things, in the plural
 * @columns: number of columns, of which the last one is the name
 * @rates: the first so many are rates
 * @numbers: the first so many are numbers, the others are text
 * @keys: names of the columns for the user
 * @titles: the same for the table
 * @update: count anew
 * @count: number of rows
 * @value: a number, NAN if it is not known
 * @text: a text
 * @json: print the members of an object for the row
 * @free: free what @update has made
 */
struct view {
	const char *what;
	int columns, rates, numbers;
	const char *const *keys, *const *titles;
	enum status (*update)(const char *which);
	size_t (*count)(void);
	double (*value)(size_t row, int column);
	const char *(*text)(size_t row, int column);
	void (*json)(size_t row);
	void (*free)(void);
};

extern const struct view channels_view, bridges_view;

#endif /* GOCHAN_TOP_H */
