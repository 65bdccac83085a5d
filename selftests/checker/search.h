/* SPDX-License-Identifier: GPL-2.0 */
/* The search for an order of the operations on one channel. */
#ifndef SELFTESTS_SEARCH_H
#define SELFTESTS_SEARCH_H

#include "history.h"

enum lin_verdict search_channel(const struct lin_history *history, int index, const bool *off,
				FILE *why);

#endif
