/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A handler for SIGUSR1 that counts its signals, including those of processes
 * forked after on_signal().
 */
#ifndef SELFTESTS_SIGNALS_H
#define SELFTESTS_SIGNALS_H

#include <stdbool.h>

/* Install the handler, with SA_RESTART or 0 as flags, and reset the count. */
bool on_signal(int flags);
int handled(void);
bool wait_handled(int count);

#endif
