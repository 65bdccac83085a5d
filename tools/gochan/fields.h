/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fields of struct gochan_info under their documented names, which are the same in
 * the text of "gochan info" and in all JSON.
 */
#ifndef GOCHAN_FIELDS_H
#define GOCHAN_FIELDS_H

#include "cmd.h"

enum { FIELDS = 21, FIELD_SIZE = 64 };

struct field {
	const char *name;
	enum { FIELD_NUMBER, FIELD_FLAGS, FIELD_YES_NO } kind;
	unsigned long long value;
	bool hidden;		/* left out of the text unless asked for */
};

void fields_of(const struct gochan_info *info, struct field fields[FIELDS]);
/* NULL if there is no field of this name. */
const struct field *field_find(const struct field fields[FIELDS], const char *name);

/* The value as text. */
const char *field_text(const struct field *field, char text[FIELD_SIZE]);
/* The value with its key. */
void field_json(const struct field *field);
/* All fields. */
void fields_json(const struct gochan_info *info);

#endif /* GOCHAN_FIELDS_H */
