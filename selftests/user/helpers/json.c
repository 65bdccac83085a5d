// SPDX-License-Identifier: GPL-2.0
/*
 * json: exits with 0 if each line of standard input is a JSON value (RFC 8259), and with
 * -w if all of it is one. Objects may not have a key twice. Otherwise it prints where it
 * is wrong.
 */
#include <ctype.h>
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SIZE	(16 << 20)
#define MAX_KEYS	64
#define MAX_DEPTH	16

static char text[MAX_SIZE];
static const char *at = text;

/* The objects and arrays that are open. */
static struct group {
	char end;		/* its last character */
	const char *keys[MAX_KEYS];
	size_t lengths[MAX_KEYS];
	int count;		/* of the keys */
} groups[MAX_DEPTH];
static int depth;

static __attribute__((noreturn)) void fail(const char *what)
{
	errx(1, "byte %td: %s: %.40s", at - text, what, at);
}

static bool take(char c)
{
	if (*at != c)
		return false;
	at++;
	return true;
}

static void need(char c)
{
	if (!take(c))
		fail((const char[]){ 'n', 'o', ' ', c, '\0' });
}

static void skip_space(void)
{
	while (*at && strchr(" \t\r\n", *at))
		at++;
}

static void word(const char *wanted)
{
	for (; *wanted; wanted++)
		need(*wanted);
}

static void digits(void)
{
	if (!isdigit((unsigned char)*at))
		fail("no digit");
	while (isdigit((unsigned char)*at))
		at++;
}

static void number(void)
{
	take('-');
	if (!take('0'))
		digits();
	if (take('.'))
		digits();
	if (take('e') || take('E')) {
		if (!take('-'))
			take('+');
		digits();
	}
}

/* Lone halves of surrogate pairs are not characters: they are not allowed here. */
static void escape(void)
{
	char hex[5] = "";

	if (*at && strchr("\"\\/bfnrt", *at)) {
		at++;
		return;
	}
	need('u');
	for (int i = 0; i < 4; i++) {
		if (!isxdigit((unsigned char)*at))
			fail("no hexadecimal digit");
		hex[i] = *at++;
	}
	if ((strtoul(hex, NULL, 16) & 0xf800) == 0xd800)
		fail("surrogate");
}

/* As RFC 3629 has it: the first byte limits the second. */
static void utf8(void)
{
	const unsigned char *byte = (const unsigned char *)at;
	const unsigned char second = byte[1];
	int more = 0;

	if (*byte >= 0xc2 && *byte <= 0xdf)
		more = 1;
	else if (*byte >= 0xe0 && *byte <= 0xef)
		more = 2;
	else if (*byte >= 0xf0 && *byte <= 0xf4)
		more = 3;
	else if (*byte >= 0x80)
		fail("not UTF-8");
	if ((*byte == 0xe0 && second < 0xa0) || (*byte == 0xed && second > 0x9f) ||
	    (*byte == 0xf0 && second < 0x90) || (*byte == 0xf4 && second > 0x8f))
		fail("not UTF-8");
	for (at++; more > 0; more--, at++) {
		if (((unsigned char)*at & 0xc0) != 0x80)
			fail("not UTF-8");
	}
}

static void string(void)
{
	need('"');
	while (!take('"')) {
		if ((unsigned char)*at < 0x20)
			fail("control character");
		if (take('\\'))
			escape();
		else
			utf8();
	}
}

static void scalar(void)
{
	switch (*at) {
	case '"':
		string();
		break;
	case 't':
		word("true");
		break;
	case 'f':
		word("false");
		break;
	case 'n':
		word("null");
		break;
	default:
		number();
		break;
	}
}

/* A key that the object does not have yet, and its colon. */
static void key(struct group *object)
{
	const char *start;
	size_t len;

	skip_space();
	start = at;
	string();
	len = (size_t)(at - start);
	for (int i = 0; i < object->count; i++) {
		if (object->lengths[i] == len && memcmp(object->keys[i], start, len) == 0)
			fail("it is there twice");
	}
	if (object->count == MAX_KEYS)
		fail("too many keys");
	object->keys[object->count] = start;
	object->lengths[object->count++] = len;
	skip_space();
	need(':');
}

/* A scalar, an empty object or array, or the start of one; false if a value must follow. */
static bool begin_value(void)
{
	struct group *group;

	skip_space();
	if (*at != '{' && *at != '[') {
		scalar();
		return true;
	}
	if (depth == MAX_DEPTH)
		fail("too deep");
	group = &groups[depth++];
	group->end = *at++ == '{' ? '}' : ']';
	group->count = 0;
	skip_space();
	if (take(group->end)) {
		depth--;
		return true;
	}
	if (group->end == '}')
		key(group);
	return false;
}

/* After a value: is there another one in an open group? Close those that end here. */
static bool another_value(void)
{
	for (; depth; depth--) {
		struct group *group = &groups[depth - 1];

		skip_space();
		if (take(',')) {
			if (group->end == '}')
				key(group);
			return true;
		}
		need(group->end);
	}
	skip_space();
	return false;
}

static void value(void)
{
	do {
		while (!begin_value())
			;
	} while (another_value());
}

/* A line's value is in this line. */
static void line(void)
{
	const char *end = strchr(at, '\n');

	if (!end)
		fail("no newline");
	value();
	if (at <= end)
		fail("more after the value");
	at = end + 1;
}

int main(int argc, char **argv)
{
	const size_t len = fread(text, 1, sizeof(text) - 1, stdin);

	if (argc > 2 || (argc == 2 && strcmp(argv[1], "-w") != 0))
		errx(2, "usage: json [-w]");
	if (!len)
		fail("nothing");
	if (strlen(text) != len)
		errx(1, "a NUL byte");
	if (argc == 2) {
		value();
		if (*at)
			fail("more after the value");
		return 0;
	}
	while (*at)
		line();
	return 0;
}
