// SPDX-License-Identifier: GPL-2.0
/*
 * JSON on standard output. Written by hand because it is shorter than what a library
 * would need around it: json-c and the like build a document in memory and leave it to
 * their callers to make strings valid UTF-8, and the command, which is also linked
 * statically, would depend on them everywhere.
 */
#include <math.h>
#include <stdio.h>

#include "json.h"
#include "utf8.h"

#define REPLACEMENT_CHARACTER	0xfffd

/* A value precedes, in the same object or array. */
static bool comma_needed;
static bool newline_needed;

static void print_escaped(unsigned int character)
{
	if (character == '"' || character == '\\')
		printf("\\%c", character);
	else if (character == '\n')
		fputs("\\n", stdout);
	else
		printf("\\u%04x", character);
}

static bool must_escape(unsigned int character)
{
	return character == '"' || character == '\\' || utf8_is_control(character);
}

static void print_string(const char *text)
{
	unsigned int character;
	size_t len;

	putchar('"');
	for (; *text; text += len) {
		len = utf8_decode(text, &character);
		if (len && !must_escape(character)) {
			fwrite(text, 1, len, stdout);
			continue;
		}
		print_escaped(len ? character : REPLACEMENT_CHARACTER);
		if (!len)
			len = 1;
	}
	putchar('"');
}

static void print_newline_if_needed(void)
{
	if (newline_needed)
		putchar('\n');
	newline_needed = false;
}

/* Print what precedes a value. */
static void begin_value(const char *key)
{
	if (comma_needed)
		putchar(',');
	comma_needed = true;
	print_newline_if_needed();
	if (!key)
		return;
	print_string(key);
	putchar(':');
}

static void begin_group(const char *key, char bracket)
{
	begin_value(key);
	putchar(bracket);
	comma_needed = false;
}

static void end_group(char bracket)
{
	print_newline_if_needed();
	putchar(bracket);
	comma_needed = true;
}

void json_object(const char *key)
{
	begin_group(key, '{');
}

void json_object_end(void)
{
	end_group('}');
}

void json_array(const char *key)
{
	begin_group(key, '[');
}

void json_array_end(void)
{
	end_group(']');
}

void json_new_line(void)
{
	newline_needed = true;
}

void json_end(void)
{
	putchar('\n');
	comma_needed = false;
}

void json_string(const char *key, const char *value)
{
	begin_value(key);
	print_string(value);
}

void json_number(const char *key, unsigned long long value)
{
	begin_value(key);
	printf("%llu", value);
}

void json_decimal(const char *key, double value, int digits)
{
	if (!isfinite(value)) {
		json_null(key);
		return;
	}
	begin_value(key);
	printf("%.*f", digits, value);
}

void json_bool(const char *key, bool value)
{
	begin_value(key);
	fputs(value ? "true" : "false", stdout);
}

void json_null(const char *key)
{
	begin_value(key);
	fputs("null", stdout);
}
