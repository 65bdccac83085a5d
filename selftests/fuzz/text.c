// SPDX-License-Identifier: GPL-2.0
/*
 * Programs and their origins as text: "SEED:NUMBER,NUMBER,...", and a line for each
 * call.
 */
#include "prog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool origin_parse(struct origin *origin, const char *text)
{
	char *end;

	memset(origin, 0, sizeof(*origin));
	origin->seed = strtoull(text, &end, 0);
	if (end == text || *end != ':')
		return false;
	do {
		text = end + 1;
		if (origin->depth == MAX_DEPTH)
			return false;
		origin->numbers[origin->depth++] = strtoul(text, &end, 0);
		if (end == text)
			return false;
	} while (*end == ',');
	return !*end;
}

void origin_text(const struct origin *origin, char *text)
{
	unsigned int i;

	text += sprintf(text, "%llu", (unsigned long long)origin->seed);
	for (i = 0; i < origin->depth; i++)
		text += sprintf(text, "%c%u", i ? ',' : ':', origin->numbers[i]);
}

static int value_text(char *text, uint64_t value, const struct choice *choices)
{
	const struct choice *c;

	for (c = choices; c->weight; c++)
		if (c->value == value)
			break;
	if (c->weight && c->label)
		return sprintf(text, "%s", c->label);
	if (value < 1 << 24)
		return sprintf(text, "%llu", (unsigned long long)value);
	return sprintf(text, "%#llx", (unsigned long long)value);
}

static int args_text(char *text, const struct args *args, const struct field_spec *fields)
{
	unsigned int i;
	int len = 0;

	for (i = 0; i < FIELDS; i++) {
		if (!fields[i].choices)
			continue;
		if (len)
			len += sprintf(text + len, ", ");
		if (fields[i].name[0])
			len += sprintf(text + len, "%s=", fields[i].name);
		len += value_text(text + len, args->v[i], fields[i].choices);
	}
	return len;
}

void call_text(const struct call *call, char *text)
{
	unsigned int i;

	text += sprintf(text, "%s(", specs[call->kind].name);
	text += args_text(text, &call->args, specs[call->kind].fields);
	for (i = 0; i < call->nr_ops; i++) {
		text += sprintf(text, ", {");
		text += args_text(text, &call->ops[i], op_fields);
		text += sprintf(text, "}");
	}
	text += sprintf(text, ")");
	if (call->fail)
		sprintf(text, " with fault %u", call->fail);
}

void program_print(const struct program *prog)
{
	char text[CALL_TEXT];
	unsigned int i;

	printf("%u actors%s%s%s%s, %u rounds, in processes", prog->actors,
	       prog->ledger ? ", ledger" : "",
	       prog->fills ? ", most calls send" : "",
	       prog->time_ns ? ", time namespace" : "", prog->nudge ? ", nudged" : "",
	       prog->rounds);
	for (i = 0; i < prog->actors; i++)
		printf(" %u", prog->process[i]);
	putchar('\n');
	for (i = 0; i < prog->nr_calls; i++) {
		call_text(&prog->calls[i], text);
		if (prog->calls[i].actor == SETUP_ACTOR)
			printf("%3u setup   %s\n", i, text);
		else
			printf("%3u actor %u %s\n", i, prog->calls[i].actor, text);
	}
}
