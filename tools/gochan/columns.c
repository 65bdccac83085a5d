// SPDX-License-Identifier: GPL-2.0
/*
 * The columns of "gochan ls": their titles, cells and JSON, and the choice among them.
 */
#include <string.h>
#include <strings.h>

#include "columns.h"
#include "fields.h"
#include "json.h"

enum source { NAME, PATH, OWNER, GROUP, UID, GID, MODE, OLDEST, STATE, FIELD };

struct column {
	const char *title;
	const char *key;	/* in JSON; of a FIELD that of fields.h, too */
	enum source source;
	bool is_usual;
};

static const struct column columns[] = {
	{ "NAME", "name", NAME, true },
	{ "PATH", "path", PATH, false },
	{ "OWNER", "owner", OWNER, true },
	{ "GROUP", "group", GROUP, true },
	{ "UID", "uid", UID, false },
	{ "GID", "gid", GID, false },
	{ "MODE", "mode", MODE, true },
	{ "CAP", "capacity", FIELD, true },
	{ "SIZE", "msg_size", FIELD, true },
	{ "FLAGS", "flags", FIELD, false },
	{ "LEN", "len", FIELD, true },
	{ "BYTES", "bytes", FIELD, false },
	{ "LEASED", "leased", FIELD, true },
	{ "STATE", "closed", STATE, true },
	{ "WAIT-SEND", "senders_waiting", FIELD, true },
	{ "WAIT-RECV", "receivers_waiting", FIELD, true },
	{ "OLDEST", "oldest_wait", OLDEST, true },
	{ "SEND-HANDLES", "send_handles", FIELD, false },
	{ "RECV-HANDLES", "recv_handles", FIELD, false },
	{ "SENT", "sent", FIELD, false },
	{ "RECEIVED", "received", FIELD, false },
	{ "SEND-BLOCKED", "send_blocked", FIELD, false },
	{ "RECV-BLOCKED", "recv_blocked", FIELD, false },
	{ "REQUEUED", "requeued", FIELD, false },
	{ "MAX-DELIVERIES", "max_deliveries", FIELD, false },
	{ "DROPPED", "dropped", FIELD, false },
	{ "DONE", "done", FIELD, false },
	{ "ID", "id", FIELD, false },
};

/* ---- which of them ---- */

static bool has(const struct selection *selection, const struct column *column)
{
	for (int i = 0; i < selection->count; i++) {
		if (selection->columns[i] == column)
			return true;
	}
	return false;
}

/* A second time there would be a second key of the same name in JSON. */
static void add(struct selection *selection, const struct column *column)
{
	if (has(selection, column))
		return;
	selection->columns[selection->count] = column;
	selection->titles[selection->count++] = column->title;
}

void columns_usual(struct selection *selection)
{
	*selection = (struct selection){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		if (columns[i].is_usual)
			add(selection, &columns[i]);
	}
}

static const struct column *find(const char *title, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		if (strncasecmp(columns[i].title, title, len) == 0 && !columns[i].title[len])
			return &columns[i];
	}
	return NULL;
}

bool columns_parse(const struct command *command, struct selection *selection, const char *list)
{
	const struct column *column;
	size_t len;

	if (*list == '+')
		list++;
	else
		*selection = (struct selection){ 0 };
	for (;; list++) {
		len = strcspn(list, ",");
		column = find(list, len);
		if (!column) {
			usage_error(command, "--output: no such column: '%.*s'", (int)len, list);
			return false;
		}
		add(selection, column);
		list += len;
		if (!*list)
			return true;
	}
}

/* ---- the table ---- */

/* Numbers and durations are. */
static bool is_right(const struct column *column)
{
	switch (column->source) {
	case UID:
	case GID:
	case OLDEST:
		return true;
	case FIELD:
		return strcmp(column->key, "flags") != 0;
	default:
		return false;
	}
}

struct table columns_table(const struct selection *selection)
{
	struct table table = { .columns = selection->count, .titles = selection->titles };

	for (int i = 0; i < selection->count; i++) {
		if (is_right(selection->columns[i]))
			table.right |= 1U << i;
	}
	return table;
}

static void set_field(struct row *row, int i, const struct field *field)
{
	char text[FIELD_SIZE];

	field_text(field, text);
	/* One word, for those who split lines. */
	for (char *c = text; *c; c++) {
		if (*c == ' ')
			*c = ',';
	}
	row_set(row, i, "%s", text);
}

static void set_cell(struct row *row, int i, const struct column *column,
		     const struct entry *entry, const struct field *fields)
{
	char text[OWNER_SIZE];

	switch (column->source) {
	case NAME:
		row_set_name(row, i, entry->name);
		break;
	case PATH:
		row_set_name(row, i, entry->path);
		break;
	case OWNER:
		row_set(row, i, "%s", user_name(entry->uid, text));
		break;
	case GROUP:
		row_set(row, i, "%s", group_name(entry->gid, text));
		break;
	case UID:
		row_set(row, i, "%u", entry->uid);
		break;
	case GID:
		row_set(row, i, "%u", entry->gid);
		break;
	case MODE:
		row_set(row, i, "%04o", entry->mode);
		break;
	case OLDEST:
		row_set_duration(row, i, entry->oldest_wait_ns);
		break;
	case STATE:
		row_set(row, i, "%s", !entry->has_info ? "-" :
			entry->info.closed ? "closed" : "open");
		break;
	case FIELD:
		if (entry->has_info)
			set_field(row, i, field_find(fields, column->key));
		else
			row_set(row, i, "-");
		break;
	}
}

void columns_row(const struct selection *selection, struct row *row, const struct entry *entry)
{
	struct field fields[FIELDS];

	fields_of(&entry->info, fields);
	for (int i = 0; i < selection->count; i++)
		set_cell(row, i, selection->columns[i], entry, fields);
}

/* ---- JSON ---- */

static void cell_json(const struct column *column, const struct entry *entry,
		      const struct field *fields)
{
	char text[OWNER_SIZE];

	switch (column->source) {
	case NAME:
		json_string(column->key, entry->name);
		break;
	case PATH:
		json_string(column->key, entry->path);
		break;
	case OWNER:
		json_string(column->key, user_name(entry->uid, text));
		break;
	case GROUP:
		json_string(column->key, group_name(entry->gid, text));
		break;
	case UID:
		json_number(column->key, entry->uid);
		break;
	case GID:
		json_number(column->key, entry->gid);
		break;
	case MODE:
		snprintf(text, sizeof(text), "%04o", entry->mode);
		json_string(column->key, text);
		break;
	case OLDEST:
		if (entry->oldest_wait_ns < 0)
			json_null(column->key);
		else
			json_decimal(column->key, (double)entry->oldest_wait_ns / 1e9, 3);
		break;
	case STATE:
	case FIELD:
		if (entry->has_info)
			field_json(field_find(fields, column->key));
		break;
	}
}

void columns_json(const struct selection *selection, const struct entry *entry)
{
	struct field fields[FIELDS];

	fields_of(&entry->info, fields);
	for (int i = 0; i < selection->count; i++)
		cell_json(selection->columns[i], entry, fields);
}
