/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whether Go channels could have produced a history.
 *
 * It is accepted when every operation can be given an instant between its call
 * and its return at which it happened, all at once, so that each channel behaves
 * as search.c's model of one does.
 */
#ifndef SELFTESTS_LINEAR_H
#define SELFTESTS_LINEAR_H

#include "history.h"

enum lin_verdict lin_check(struct lin_history *history, FILE *why);

#endif
