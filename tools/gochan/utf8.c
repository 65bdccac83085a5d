// SPDX-License-Identifier: GPL-2.0
/*
 * UTF-8 without the C library's locales, which a static program may not find where it
 * runs.
 */
#include <stdio.h>
#include <string.h>

#include "utf8.h"

enum { ESCAPE_SIZE = 5 };	/* "\033" */

/* As its first byte says; 0 if no character begins so. */
static size_t length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc0 && first < 0xe0)
		return 2;
	if (first >= 0xe0 && first < 0xf0)
		return 3;
	if (first >= 0xf0 && first < 0xf8)
		return 4;
	return 0;
}

/* Encoded in the shortest way, in the range of Unicode, and no half of a surrogate pair. */
static bool is_valid(unsigned int character, size_t len)
{
	static const unsigned int least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	return character >= least[len] && character <= 0x10ffff &&
	       !(character >= 0xd800 && character <= 0xdfff);
}

size_t utf8_decode(const char *text, unsigned int *character)
{
	const unsigned char *bytes = (const unsigned char *)text;
	const size_t len = length(bytes[0]);

	if (len <= 1) {
		*character = bytes[0];
		return len;
	}
	*character = bytes[0] & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		/* The end of the string is none of these, either. */
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		*character = *character << 6 | (bytes[i] & 0x3f);
	}
	return is_valid(*character, len) ? len : 0;
}

bool utf8_is_control(unsigned int character)
{
	return character < 0x20 || (character >= 0x7f && character < 0xa0);
}

/* The character at @text as it is printed; returns its length in @text. */
static size_t escape(const char *text, char escaped[ESCAPE_SIZE])
{
	unsigned int character;
	size_t len = utf8_decode(text, &character);

	if (!len || utf8_is_control(character)) {
		/* A longer control character has a first byte that is none of ASCII. */
		snprintf(escaped, ESCAPE_SIZE, "\\%03o", (unsigned char)*text);
		return 1;
	}
	if (*text == '\\')
		snprintf(escaped, ESCAPE_SIZE, "\\\\");
	else
		snprintf(escaped, ESCAPE_SIZE, "%.*s", (int)len, text);
	return len;
}

void text_escape(char *to, size_t size, const char *from)
{
	char escaped[ESCAPE_SIZE];
	size_t len;

	while (*from) {
		from += escape(from, escaped);
		len = strlen(escaped);
		if (len >= size)
			break;
		memcpy(to, escaped, len);
		size -= len;
		to += len;
	}
	*to = '\0';
}
