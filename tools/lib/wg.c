// SPDX-License-Identifier: GPL-2.0
/*
 * Wait groups, built on two channels. The one of tokens has a token for each
 * member that is not done yet; a member takes one when it is done, and if there is
 * none, one too many called gochan_wg_done(). Then it sends an empty message on the
 * other one, on which the waiting process receives one message per member: at
 * most as many as there were tokens, so that this send never blocks. If members
 * exit without sending, the hangup of this channel ends the wait.
 */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "debug.h"
#include "gochan.h"
#include "internal.h"

int gochan_wg_init(struct gochan_wg *wg, uint32_t max)
{
	int fds[2], token_fd;

	if (!max) {
		errno = EINVAL;
		return -1;
	}
	/* Of fixed size, so that one write(2) sends many tokens. */
	token_fd = gochan_make(max, 1, GOCHAN_FIXED);
	if (token_fd < 0)
		return -1;
	if (gochan_pair(fds, max, 0, 0)) {
		close_fd(token_fd);
		return -1;
	}
	wg->wait_fd = fds[0];
	wg->done_fd = fds[1];
	wg->token_fd = token_fd;
	wg->max = max;
	wg->members = 0;
	return 0;
}

/* There is a slot for each token, so this does not block. */
static int send_tokens(int token_fd, uint32_t n)
{
	static const char tokens[256];
	ssize_t sent = 0;
	int state;

	/* Unlike write(2), gochan_wg_add() is not a cancellation point. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	while (n > 0 && (sent >= 0 || errno == EINTR)) {
		sent = write(token_fd, tokens, n < sizeof(tokens) ? n : sizeof(tokens));
		if (sent > 0)
			n -= (uint32_t)sent;
	}
	pthread_setcancelstate(state, NULL);
	return n > 0 ? -1 : 0;
}

static int wg_add(struct gochan_wg *wg, uint32_t n)
{
	uint32_t old = __atomic_load_n(&wg->members, __ATOMIC_RELAXED);

	do {
		if (n > wg->max - old) {
			errno = EOVERFLOW;
			return -1;
		}
	} while (!__atomic_compare_exchange_n(&wg->members, &old, old + n, 0, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	if (send_tokens(wg->token_fd, n)) {
		__atomic_sub_fetch(&wg->members, n, __ATOMIC_RELAXED);
		return -1;
	}
	return 0;
}

int gochan_wg_add(struct gochan_wg *wg, uint32_t n)
{
	struct watched w;

	watch_begin(&w, __func__, NULL);
	return watch_end(&w, -1, wg_add(wg, n));
}

static int wg_done(const struct gochan_wg *wg)
{
	char token;
	struct gochan_op ops[] = {
		GOCHAN_RECV(wg->token_fd, &token, sizeof(token)),
		GOCHAN_SEND(wg->done_fd, "", 0),
	};
	int done;

	/* A nil channel is no error in a batch. */
	if (wg->done_fd < 0) {
		errno = EBADF;
		return -1;
	}
	done = gochan_batch(ops, 2, 0, 0);
	if (done == 2)
		return 0;
	if (done == 1)
		errno = -ops[1].result;
	else if (errno == EAGAIN)
		errno = EOVERFLOW;
	return -1;
}

int gochan_wg_done(const struct gochan_wg *wg)
{
	struct watched w;

	watch_begin(&w, __func__, NULL);
	return watch_end(&w, -1, wg_done(wg));
}

struct await {
	struct gochan_wg *wg;
	size_t len;
};

/* A message that was received as the thread was cancelled counts. */
static void await_cancelled(void *arg)
{
	const struct await *await = arg;

	if (await->len != SIZE_MAX)
		__atomic_sub_fetch(&await->wg->members, 1, __ATOMIC_RELAXED);
}

/* Receive the message of one member, as gochan_recv(). */
static int await_member(struct gochan_wg *wg)
{
	struct await await = { .wg = wg, .len = SIZE_MAX };
	char none;
	int ret;

	pthread_cleanup_push(await_cancelled, &await);
	ret = gochan_recv(wg->wait_fd, &none, 0, &await.len);
	pthread_cleanup_pop(0);
	if (ret > 0)
		__atomic_sub_fetch(&wg->members, 1, __ATOMIC_RELAXED);
	return ret;
}

static int wg_wait(struct gochan_wg *wg)
{
	int ret;

	/* A sending end left open here would prevent the hangup. */
	if (wg->done_fd >= 0) {
		close_fd(wg->done_fd);
		wg->done_fd = -1;
	}
	while (__atomic_load_n(&wg->members, __ATOMIC_RELAXED)) {
		ret = await_member(wg);
		if (ret == 0)
			errno = EOWNERDEAD;
		if (ret <= 0)
			return -1;
	}
	return 0;
}

int gochan_wg_wait(struct gochan_wg *wg)
{
	struct watched w;

	watch_begin(&w, __func__, NULL);
	return watch_end(&w, -1, wg_wait(wg));
}

void gochan_wg_destroy(struct gochan_wg *wg)
{
	if (wg->done_fd >= 0)
		close_fd(wg->done_fd);
	close_fd(wg->token_fd);
	close_fd(wg->wait_fd);
}
