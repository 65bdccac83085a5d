// SPDX-License-Identifier: GPL-2.0
/*
 * What a misspelled word may have meant.
 */
#include <string.h>

#include "suggest.h"

enum { MAX_LEN = 16, MAX_ERRORS = 2 };

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/*
 * How many characters were left out, added, replaced or exchanged with the next one to
 * make one word of the other. @d[i][j] is that of their first i and j characters.
 */
static unsigned int typing_errors(const char *a, const char *b)
{
	unsigned int d[MAX_LEN + 1][MAX_LEN + 1];
	const size_t a_len = strlen(a), b_len = strlen(b);

	for (unsigned int i = 0; i <= a_len; i++)
		d[i][0] = i;
	for (unsigned int j = 0; j <= b_len; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		for (size_t j = 1; j <= b_len; j++) {
			d[i][j] = least(least(d[i - 1][j], d[i][j - 1]) + 1,
					d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[a_len][b_len];
}

bool is_similar(const char *word, const char *name)
{
	const size_t len = strlen(word);

	if (len == 0 || len > MAX_LEN)
		return false;
	if (strncmp(word, name, len) == 0)
		return true;
	/* Two of three characters that are wrong are another word. */
	return typing_errors(word, name) <= least(MAX_ERRORS, (unsigned int)len / 2);
}
