/* SPDX-License-Identifier: GPL-2.0 */
/* Words for why there is no order. */
#ifndef SELFTESTS_EXPLAIN_H
#define SELFTESTS_EXPLAIN_H

#include "state.h"

bool explain_messages(const struct search *s, FILE *why);
void explain(const struct search *s, FILE *why);

#endif
