/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Signals that interrupt: SIGUSR1 with a handler that counts, also those of
 * processes that were forked after on_signal(). No test is here.
 */
#ifndef SELFTESTS_SIGNALS_H
#define SELFTESTS_SIGNALS_H

#include <stdbool.h>

/* With SA_RESTART or without; the count begins at 0. */
bool on_signal(int flags);
int handled(void);
bool wait_handled(int count);

#endif
