/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The columns that "gochan ls" can show. Each is also a key of its JSON.
 */
#ifndef GOCHAN_COLUMNS_H
#define GOCHAN_COLUMNS_H

#include "list.h"
#include "table.h"

struct column;

/* Those that are shown, in this order. */
struct selection {
	int count;
	const struct column *columns[TABLE_COLUMNS];
	const char *titles[TABLE_COLUMNS];
};

void columns_usual(struct selection *selection);
/* Parse the argument of --output. On failure print an error and return false. */
bool columns_parse(const struct command *command, struct selection *selection, const char *list);

/* An empty table with these columns. */
struct table columns_table(const struct selection *selection);
void columns_row(const struct selection *selection, struct row *row, const struct entry *entry);
/* The keys of an object. */
void columns_json(const struct selection *selection, const struct entry *entry);

#endif /* GOCHAN_COLUMNS_H */
