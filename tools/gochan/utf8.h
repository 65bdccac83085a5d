/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Text that others chose, such as names of channels: any bytes, which may be neither
 * UTF-8 nor printable.
 */
#ifndef GOCHAN_UTF8_H
#define GOCHAN_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Decode the character at @text; returns its length, 0 if it is not valid UTF-8. */
size_t utf8_decode(const char *text, unsigned int *character);
/* Is it a control character, which would make a terminal do something? */
bool utf8_is_control(unsigned int character);
/*
 * Copy @from, escaping what is not valid UTF-8 or would control a terminal, as "ls -b"
 * does. What does not fit into @size bytes, at least 1, is cut off at a character.
 */
void text_escape(char *to, size_t size, const char *from);

#endif /* GOCHAN_UTF8_H */
