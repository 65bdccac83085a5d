/* SPDX-License-Identifier: GPL-2.0 */
/* The set of states that a search has visited. */
#ifndef SELFTESTS_SEEN_H
#define SELFTESTS_SEEN_H

#include "state.h"

struct seen *seen_make(void);
void seen_free(struct seen *seen);
bool seen_add(struct seen *seen, const struct state *st, size_t lanes);
bool seen_full(const struct seen *seen);

#endif
