// SPDX-License-Identifier: GPL-2.0
/*
 * The system call of SELECT and BATCH, as a cancellation point, since ioctl(2) is
 * not one.
 *
 * In pthreads, only a thread whose cancellation type is asynchronous is woken from a
 * system call to be cancelled, so it is while it is in the ioctl; the cancellation
 * is then acted upon before the ioctl, during it, or just after it. In the last
 * case the ops were performed. This cannot be excluded, but the kernel has written
 * the results by then: report_cancelled() leaves them where the cleanup handlers of
 * the caller find them.
 */
#include <pthread.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/single_threaded.h>

#include "debug.h"
#include "gochan.h"
#include "internal.h"
#include "race.h"

static struct gochan_op *ops_of(const struct submission *s)
{
	return (struct gochan_op *)(uintptr_t)s->ops->ops;
}

static bool was_performed(const struct submission *s, unsigned int i)
{
	if (s->request == GOCHAN_IOC_BATCH)
		return i < s->ops->index;
	return i == s->ops->index && ops_of(s)[i].result >= 0;
}

static void report_cancelled(void *arg)
{
	const struct submission *s = arg;
	struct gochan_op *op = ops_of(s);

	for (unsigned int i = 0; i < s->ops->count; i++) {
		if (!was_performed(s, i))
			op[i].result = -ECANCELED;
	}
	if (s->len)
		*s->len = op->opcode == GOCHAN_OP_RECV && !op->result ? op->len : SIZE_MAX;
	if (s->temporary)
		close_fd(s->ch);
	gochan_watch_cancelled();
}

static int cancellable_ioctl(struct submission *s)
{
	int type, ret;

	/* Until the kernel writes it: no op was performed. */
	s->ops->index = s->request == GOCHAN_IOC_BATCH ? 0 : UINT32_MAX;
	pthread_cleanup_push(report_cancelled, s);
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
	ret = ioctl(s->ch, s->request, s->ops);
	pthread_setcanceltype(type, NULL);
	pthread_cleanup_pop(0);
	return ret;
}

static int submit(struct submission *s)
{
	if (s->ops->flags & GOCHAN_NONBLOCK)
		return ioctl(s->ch, s->request, s->ops);
	if (!__libc_single_threaded)
		return cancellable_ioctl(s);
	/* No other thread can cancel this one, only it itself: 100 instructions less. */
	pthread_testcancel();
	return ioctl(s->ch, s->request, s->ops);
}

int gochan_submit(struct submission *s)
{
	struct gochan_op *op = ops_of(s);
	int ret;

	gochan_race_before(op, s->ops->count);
	ret = submit(s);
	/* A select performed op number @ret, a batch the first @ret ops. */
	if (ret >= 0 && s->request == GOCHAN_IOC_SELECT)
		gochan_race_after(op + ret, 1);
	if (ret >= 0 && s->request == GOCHAN_IOC_BATCH)
		gochan_race_after(op, (unsigned int)ret);
	return ret;
}
