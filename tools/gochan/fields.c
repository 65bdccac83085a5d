// SPDX-License-Identifier: GPL-2.0
/*
 * The fields of struct gochan_info, as text and as JSON.
 */
#include <string.h>

#include "fields.h"
#include "json.h"

static const struct {
	unsigned int flag;
	const char *name;
} flag_names[] = {
	{ GOCHAN_FIXED, "fixed" },
	{ GOCHAN_HANGUP, "hangup" },
	{ GOCHAN_CRED, "cred" },
	{ GOCHAN_ACK, "ack" },
	{ GOCHAN_DEADLETTER, "deadletter" },
	{ GOCHAN_DONE, "done" },
};

void fields_of(const struct gochan_info *info, struct field fields[FIELDS])
{
	/* Four are 0 unless it is an acknowledged channel. */
	const struct field all[FIELDS] = {
		{ "abi", FIELD_NUMBER, info->abi, true },
		{ "id", FIELD_NUMBER, info->id, false },
		{ "capacity", FIELD_NUMBER, info->capacity, false },
		{ "msg_size", FIELD_NUMBER, info->msg_size, false },
		{ "flags", FIELD_FLAGS, info->flags, false },
		{ "closed", FIELD_YES_NO, info->closed, false },
		{ "len", FIELD_NUMBER, info->len, false },
		{ "bytes", FIELD_NUMBER, info->bytes, false },
		{ "leased", FIELD_NUMBER, info->leased, !info->leased },
		{ "max_deliveries", FIELD_NUMBER, info->max_deliveries, !info->max_deliveries },
		{ "senders_waiting", FIELD_NUMBER, info->senders_waiting, false },
		{ "receivers_waiting", FIELD_NUMBER, info->receivers_waiting, false },
		{ "send_handles", FIELD_NUMBER, info->send_handles, false },
		{ "recv_handles", FIELD_NUMBER, info->recv_handles, false },
		{ "sent", FIELD_NUMBER, info->sent, false },
		{ "received", FIELD_NUMBER, info->received, false },
		{ "send_blocked", FIELD_NUMBER, info->send_blocked, false },
		{ "recv_blocked", FIELD_NUMBER, info->recv_blocked, false },
		{ "requeued", FIELD_NUMBER, info->requeued, false },
		{ "dropped", FIELD_NUMBER, info->dropped, !info->dropped },
		{ "done", FIELD_NUMBER, info->done, !info->done },
	};

	memcpy(fields, all, sizeof(all));
}

const struct field *field_find(const struct field fields[FIELDS], const char *name)
{
	for (int i = 0; i < FIELDS; i++) {
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	}
	return NULL;
}

static void flags_text(unsigned long long flags, char text[FIELD_SIZE])
{
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(flag_names); i++) {
		if (flags & flag_names[i].flag)
			len += (size_t)snprintf(text + len, FIELD_SIZE - len, "%s%s",
						len ? " " : "", flag_names[i].name);
	}
	if (!len)
		snprintf(text, FIELD_SIZE, "none");
}

const char *field_text(const struct field *field, char text[FIELD_SIZE])
{
	switch (field->kind) {
	case FIELD_NUMBER:
		snprintf(text, FIELD_SIZE, "%llu", field->value);
		break;
	case FIELD_FLAGS:
		flags_text(field->value, text);
		break;
	case FIELD_YES_NO:
		snprintf(text, FIELD_SIZE, "%s", field->value ? "yes" : "no");
		break;
	}
	return text;
}

static void flags_json(const char *key, unsigned long long flags)
{
	json_array(key);
	for (size_t i = 0; i < ARRAY_SIZE(flag_names); i++) {
		if (flags & flag_names[i].flag)
			json_string(NULL, flag_names[i].name);
	}
	json_array_end();
}

void field_json(const struct field *field)
{
	switch (field->kind) {
	case FIELD_NUMBER:
		json_number(field->name, field->value);
		break;
	case FIELD_FLAGS:
		flags_json(field->name, field->value);
		break;
	case FIELD_YES_NO:
		json_bool(field->name, field->value);
		break;
	}
}

void fields_json(const struct gochan_info *info)
{
	struct field fields[FIELDS];

	fields_of(info, fields);
	for (int i = 0; i < FIELDS; i++)
		field_json(&fields[i]);
}
