/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A writer of JSON to standard output:
 *
 *	json_object(NULL);
 *	json_string("name", name);
 *	json_array("waiters");
 *	json_number(NULL, pid);
 *	json_array_end();
 *	json_object_end();
 *	json_end();
 *
 * prints {"name":"jobs","waiters":[17]}. Each value has a key in an object; in an array
 * and at the top, @key is NULL.
 */
#ifndef GOCHAN_JSON_H
#define GOCHAN_JSON_H

#include <stdbool.h>

void json_object(const char *key);
void json_object_end(void);
void json_array(const char *key);
void json_array_end(void);
/* Begin the next value, or the end of the array, on a new line. */
void json_new_line(void);
/* After the value at the top: end the line. */
void json_end(void);

/*
 * Any bytes: those that are not valid UTF-8 become U+FFFD, since JSON cannot have them.
 * Control characters are escaped.
 */
void json_string(const char *key, const char *value);
void json_number(const char *key, unsigned long long value);
/* With @digits after the point; null if it is not finite. */
void json_decimal(const char *key, double value, int digits);
void json_bool(const char *key, bool value);
void json_null(const char *key);

#endif /* GOCHAN_JSON_H */
