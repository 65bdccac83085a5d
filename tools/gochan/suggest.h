/* SPDX-License-Identifier: GPL-2.0 */
/* What a misspelled word may have meant. */
#ifndef GOCHAN_SUGGEST_H
#define GOCHAN_SUGGEST_H

#include <stdbool.h>

/* Is @word a beginning of @name, or at most two typing errors away from it? */
bool is_similar(const char *word, const char *name);

#endif /* GOCHAN_SUGGEST_H */
