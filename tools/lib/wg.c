// SPDX-License-Identifier: GPL-2.0
/*
 * Wait groups, built on a channel: each member sends an empty message when it is
 * done, and the waiting process receives one message per member. If members exit
 * without sending, the hangup of the channel ends the wait.
 */
#include <errno.h>
#include <unistd.h>

#include "gochan.h"

int gochan_wg_init(struct gochan_wg *wg, uint32_t max)
{
	int fds[2];

	if (!max) {
		errno = EINVAL;
		return -1;
	}
	if (gochan_pair(fds, max, 0, 0))
		return -1;
	wg->wait_fd = fds[0];
	wg->done_fd = fds[1];
	wg->max = max;
	wg->members = 0;
	return 0;
}

int gochan_wg_add(struct gochan_wg *wg, uint32_t n)
{
	uint32_t old = __atomic_load_n(&wg->members, __ATOMIC_RELAXED);

	do {
		if (n > wg->max - old) {
			errno = EOVERFLOW;
			return -1;
		}
	} while (!__atomic_compare_exchange_n(&wg->members, &old, old + n, 0, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return 0;
}

int gochan_wg_done(const struct gochan_wg *wg)
{
	return gochan_send(wg->done_fd, "", 0);
}

int gochan_wg_wait(struct gochan_wg *wg)
{
	char none;
	int ret;

	/* A sending end left open here would prevent the hangup. */
	if (wg->done_fd >= 0) {
		close(wg->done_fd);
		wg->done_fd = -1;
	}
	while (wg->members) {
		ret = gochan_recv(wg->wait_fd, &none, 0, NULL);
		if (ret < 0)
			return -1;
		if (!ret) {
			errno = EOWNERDEAD;
			return -1;
		}
		wg->members--;
	}
	return 0;
}

void gochan_wg_destroy(struct gochan_wg *wg)
{
	if (wg->done_fd >= 0)
		close(wg->done_fd);
	close(wg->wait_fd);
}
