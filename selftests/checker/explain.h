/* SPDX-License-Identifier: GPL-2.0 */
/* Explains why there is no valid order. */
#ifndef SELFTESTS_EXPLAIN_H
#define SELFTESTS_EXPLAIN_H

#include "state.h"

bool explain_messages(const struct search *s, FILE *why);
void explain(const struct search *s, FILE *why);

#endif
