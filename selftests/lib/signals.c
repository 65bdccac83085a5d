// SPDX-License-Identifier: GPL-2.0
#include "signals.h"

#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>

#include "common.h"

static int *signals_handled;

static void count_signal(int sig)
{
	(void)sig;
	__atomic_fetch_add(signals_handled, 1, __ATOMIC_SEQ_CST);
}

/* Install the handler, with SA_RESTART or 0 as flags, and reset the count. */
bool on_signal(int flags)
{
	const struct sigaction action = { .sa_handler = count_signal, .sa_flags = flags };

	signals_handled = mmap(NULL, sizeof(*signals_handled), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return signals_handled != MAP_FAILED && !sigaction(SIGUSR1, &action, NULL);
}

int handled(void)
{
	return __atomic_load_n(signals_handled, __ATOMIC_SEQ_CST);
}

bool wait_handled(int count)
{
	const struct wait wait = wait_begin();

	do {
		if (handled() >= count)
			return true;
	} while (wait_more(&wait));
	return false;
}
