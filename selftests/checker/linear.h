/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Decides whether Go channels could have produced a history: whether each operation
 * can be assigned a time between its call and its return at which it takes effect
 * atomically, so that each channel behaves as the model in search.c.
 */
#ifndef SELFTESTS_LINEAR_H
#define SELFTESTS_LINEAR_H

#include "history.h"

enum lin_verdict lin_check(struct lin_history *history, FILE *why);

#endif
