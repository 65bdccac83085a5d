// SPDX-License-Identifier: GPL-2.0
/*
 * SELECT: exactly one of several ops happens, or none.
 *
 * A select looks which of its ops seem ready, without any lock, chooses a random
 * one of them and tries it; nobody else sees it meanwhile. The first look, in
 * the fast path, is at the ops in user space, as long as all of them are plain.
 * If none is ready the select loads its ops, stages what it would send, and
 * queues its ops on their channels, one channel after the other, in the order of
 * their addresses. Then it sleeps, and the first task that completes one of its
 * ops claims the waiter by one compare-and-swap.
 *
 * If a channel turns out to be ready while the ops are queued, the select claims
 * its own waiter (nobody can complete it any more), dequeues its ops and looks
 * again. So it never has to win two waiters at once, and a select that is queued
 * and one that passes by can always meet. Two selects cannot make each other
 * retry forever: all queue in the same order of channels, and a select that is
 * found queued on a channel has already gone further in that order than the one
 * that found it. So of selects that wait for each other the one furthest along
 * proceeds. If an op fails after it looked ready, another task was faster.
 *
 * Ops that wait for an event (GOCHAN_OP_POLL, GOCHAN_PEEK) sleep on poll wait
 * queues, and are looked at again when those trigger the select, which keeps its
 * place in the wait queues of its channels.
 *
 * No lock is held here; struct sel and its ops belong to the calling task, but
 * for what chan.h says of ops that are queued.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "quota.h"
#include "select.h"
#include "trace.h"
#include "uop.h"

#define SELECT_SMALL	4	/* selects of up to so many ops live on the stack */

/* Not an op: a select that gave up has claimed its waiter for this. */
static struct chan_op aborted;

/**
 * struct sel - a select whose ops are loaded
 * @ops: its ops
 * @order: indices of @ops, sorted by channel
 * @n: how many
 * @flags: of the call
 * @deadline: absolute CLOCK_MONOTONIC, KTIME_MAX for none
 * @waiter: what other tasks complete
 * @inline_buf: where a short message is delivered, as only one op gets one
 * @send_bufs: room to stage short messages, one for each op; NULL in large selects
 */
struct sel {
	struct uop *ops;
	u16 *order;
	u32 n;
	u32 flags;
	ktime_t deadline;
	struct waiter waiter;
	u8 inline_buf[CHAN_INLINE_MAX];
	u8 (*send_bufs)[CHAN_SELECT_INLINE_MAX];
};

/* ---- the choice among ops ---- */

/* Reservoir sampling: does the @nth candidate replace the one chosen so far? */
static bool chosen(u32 flags, u32 nth)
{
	return nth == 1 || (!(flags & GOCHAN_ORDERED) &&
			    !reciprocal_scale(get_random_u32(), nth));
}

static bool loaded_ready_hint(struct uop *u)
{
	if (uop_is_nil(u))
		return false;
	if (u->opcode == GOCHAN_OP_POLL)
		return !gochan_uop_poll(u, NULL);
	if (u->opcode == GOCHAN_OP_SEND && gochan_uop_check_send(&u->op))
		return true;
	return chan_ready_hint(u->op.ch, u->op.dir);
}

/*
 * Choose one of the ops that seem ready: its index, or -EAGAIN. With a constant NULL for
 * @sel this is the fast path, for plain ops in user space, which copies the op to @plain;
 * -EINVAL: some of them are not plain.
 */
static __always_inline int choose(const struct gochan_op __user *uops, u32 n,
				  u32 flags, struct gochan_op *plain,
				  struct sel *sel)
{
	int ready, at = -EAGAIN;
	u32 i, nth = 0;

	for (i = 0; i < n; i++) {
		ready = sel ? loaded_ready_hint(&sel->ops[i]) :
			      uop_plain_ready_hint(uops + i);
		if (ready < 0)
			return ready;
		if (!ready || !chosen(flags, ++nth))
			continue;
		at = i;
		if (!sel && !uop_read_plain(plain, uops + i))
			return -EINVAL;
	}
	return at;
}

/* Do one of the ops that are ready; its index, or -EAGAIN. */
static int try_ops(struct sel *sel, int *verdict)
{
	int at;

	for (;;) {
		at = choose(NULL, sel->n, sel->flags, NULL, sel);
		if (at < 0)
			return at;
		*verdict = gochan_uop_do(&sel->ops[at], true, sel->deadline);
		/* The select as a whole gave up while an offer was pending. */
		if (*verdict == -ETIMEDOUT || *verdict == -ERESTARTSYS)
			return *verdict;
		if (*verdict != -EAGAIN)
			return at;
		/* Another task was faster. */
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
}

/* ---- queueing ---- */

static bool op_queues(const struct uop *u)
{
	return u->op.ch && !uop_polls(u);
}

/* Make the ops ready to be queued; the index of one that fails, or -EAGAIN. */
static int prepare_ops(struct sel *sel, int *verdict)
{
	u32 i;

	for (i = 0; i < sel->n; i++) {
		struct uop *u = &sel->ops[i];

		if (!op_queues(u))
			continue;
		if (u->opcode == GOCHAN_OP_SEND) {
			*verdict = chan_send_prepare_wait(&u->op, sel->send_bufs ?
							  sel->send_bufs[i] : NULL);
		} else {
			u->op.inline_buf = sel->inline_buf;
			*verdict = chan_recv_prepare_wait(&u->op);
		}
		if (*verdict)
			return i;
	}
	return -EAGAIN;
}

/* Those without a channel first, then by channel, direction, index. */
static int compare_ops(const void *a, const void *b, const void *priv)
{
	const struct uop *ops = priv;
	const struct uop *x = &ops[*(const u16 *)a];
	const struct uop *y = &ops[*(const u16 *)b];

	if (x->op.ch != y->op.ch)
		return x->op.ch < y->op.ch ? -1 : 1;
	if (x->op.dir != y->op.dir)
		return x->op.dir < y->op.dir ? -1 : 1;
	return x < y ? -1 : 1;
}

/* Choose which op, of those from @i on for one wait queue, is queued there (R14: one). */
static struct chan_op *choose_queued(struct sel *sel, u32 *i,
				     const struct chan *ch, enum chan_dir dir)
{
	struct uop *found = NULL;
	u32 nth = 0;

	for (; *i < sel->n; ++*i) {
		struct uop *u = &sel->ops[sel->order[*i]];

		if (u->op.ch != ch || u->op.dir != dir)
			break;
		if (op_queues(u) && chosen(sel->flags, ++nth))
			found = u;
	}
	return found ? &found->op : NULL;
}

/* Queue the ops; false when a channel turned out to be ready. */
static bool queue_ops(struct sel *sel)
{
	u32 i;

	for (i = 0; i < sel->n; i++)
		sel->order[i] = i;
	sort_r(sel->order, sel->n, sizeof(*sel->order), compare_ops, NULL, sel->ops);
	for (i = 0; i < sel->n;) {
		struct chan *ch = sel->ops[sel->order[i]].op.ch;
		struct chan_op *send = choose_queued(sel, &i, ch, CHAN_SEND);
		struct chan_op *recv = choose_queued(sel, &i, ch, CHAN_RECV);

		if ((send || recv) && !chan_queue_ops(send, recv, &sel->waiter))
			return false;
	}
	return true;
}

static void dequeue_ops(struct sel *sel)
{
	u32 i;

	for (i = 0; i < sel->n; i++) {
		struct chan_op *op = &sel->ops[i].op;

		if (op->waiter)
			chan_waitq_cancel(op);
		op->waiter = NULL;
	}
}

static u32 selected_index(const struct sel *sel)
{
	return container_of(sel->waiter.selected, struct uop, op) - sel->ops;
}

/* Nobody can complete the select any more; false if it was claimed, and is complete. */
static bool sel_abort(struct sel *sel)
{
	if (waiter_claim(&sel->waiter, &aborted))
		return true;
	/* A send that passes a file may withdraw even then. */
	return chan_waitq_cancel(sel->waiter.selected);
}

/* ---- sleeping ---- */

/* Look at the ops that poll, and at first join their queues; one's index, or -EAGAIN. */
static int poll_ops(struct sel *sel, struct poll_wqueues *wq)
{
	int at = -EAGAIN;
	poll_table *pt;
	u32 i, nth = 0;

	if (!wq)
		return -EAGAIN;
	pt = wq->pt._qproc ? &wq->pt : NULL;
	for (i = 0; i < sel->n; i++) {
		struct uop *u = &sel->ops[i];

		if (uop_is_nil(u) || !uop_polls(u) || gochan_uop_poll(u, pt))
			continue;
		if (chosen(sel->flags, ++nth))
			at = i;
	}
	wq->pt._qproc = NULL;
	return wq->error ?: at;
}

/* Sleep until an op is completed or ready: its index. -EAGAIN: look at all ops again. */
static int park(struct sel *sel, struct poll_wqueues *wq)
{
	int at, err;

	for (;;) {
		err = chan_waiter_park(&sel->waiter, sel->deadline);
		if (!err)
			return selected_index(sel);
		if (err != -EAGAIN)
			return sel_abort(sel) ? err : selected_index(sel);
		/* What triggers it from here on is seen before it sleeps. */
		smp_store_mb(wq->triggered, 0);
		at = poll_ops(sel, wq);
		if (at == -EAGAIN && ktime_get() < sel->deadline)
			continue;
		if (at == -EAGAIN)
			at = -ETIMEDOUT;
		return sel_abort(sel) ? at : selected_index(sel);
	}
}

/* Queue the ops and sleep; as park(). */
static int queue_and_park(struct sel *sel, struct poll_wqueues *wq)
{
	int at = -EAGAIN;

	waiter_init(&sel->waiter, sel->deadline);
	if (wq)
		sel->waiter.poll_triggered = &wq->triggered;
	sel->waiter.is_select = true;
	if (queue_ops(sel)) {
		at = poll_ops(sel, wq);
		if (at == -EAGAIN)
			return park(sel, wq);
	}
	return sel_abort(sel) ? at : selected_index(sel);
}

/* The verdict of an op that was completed, or is ready, while the select slept. */
static int woken_verdict(struct uop *u)
{
	struct chan_op *op = &u->op;

	if (u->opcode == GOCHAN_OP_POLL)
		return 0;
	if (op->peek)
		return chan_recv_op(op, true, 0);
	if (op->result || op->dir == CHAN_SEND)
		return op->result;
	return chan_recv_finish(op);
}

/* @wq: for the ops that poll; NULL if there are none */
static noinline int sel_block(struct sel *sel, int *verdict, struct poll_wqueues *wq)
{
	int at;

	at = prepare_ops(sel, verdict);
	if (at != -EAGAIN)
		return at;
	sel->waiter.since = chan_coarse_now();
	do {
		cond_resched();
		at = queue_and_park(sel, wq);
		dequeue_ops(sel);
		if (at >= 0) {
			*verdict = woken_verdict(&sel->ops[at]);
			sel->ops[at].op.result = 0;
			if (*verdict == -EAGAIN)
				at = -EAGAIN;
		}
		if (at == -EAGAIN)
			at = try_ops(sel, verdict);
		if (at == -EAGAIN && signal_pending(current))
			at = -ERESTARTSYS;
		if (at == -EAGAIN && ktime_get() >= sel->deadline)
			at = -ETIMEDOUT;
	} while (at == -EAGAIN);
	return at;
}

/* A function of its own, as these entries of poll wait queues take much of the stack. */
static noinline int sel_block_polling(struct sel *sel, int *verdict)
{
	struct poll_wqueues wq __uninitialized;
	int at;

	poll_initwait(&wq);
	at = sel_block(sel, verdict, &wq);
	poll_freewait(&wq);
	return at;
}

static int sel_block_any(struct sel *sel, int *verdict)
{
	u32 i;

	for (i = 0; i < sel->n; i++) {
		if (!uop_is_nil(&sel->ops[i]) && uop_polls(&sel->ops[i]))
			return sel_block_polling(sel, verdict);
	}
	return sel_block(sel, verdict, NULL);
}

static noinline int sel_block_small(struct sel *sel, int *verdict)
{
	u8 bufs[SELECT_SMALL][CHAN_SELECT_INLINE_MAX] __uninitialized;

	sel->send_bufs = bufs;
	return sel_block_any(sel, verdict);
}

/* Run a loaded select: the index of the op that ended, or why none did. */
static int sel_run(struct sel *sel, int *verdict)
{
	int at;

	at = try_ops(sel, verdict);
	if (at != -EAGAIN || (sel->flags & GOCHAN_NONBLOCK))
		return at;
	sel->send_bufs = NULL;
	if (sel->n <= SELECT_SMALL)
		return sel_block_small(sel, verdict);
	return sel_block_any(sel, verdict);
}

/* Do an op of a BATCH that waits in no wait queue: a poll, a peek, or a nil channel. */
int gochan_select_one(struct uop *u, bool nonblock, ktime_t deadline)
{
	u16 order;
	struct sel sel = {
		.ops = u,
		.order = &order,
		.n = 1,
		.flags = nonblock ? GOCHAN_NONBLOCK : 0,
		.deadline = deadline,
	};
	int verdict;
	int at = sel_run(&sel, &verdict);

	return at < 0 ? at : verdict;
}

/* ---- the call ---- */

/* Load, run and unload; the op that ended, or -errno with *at the op at fault. */
static int load_and_run(struct sel *sel, struct gochan_op __user *uops, u32 *at)
{
	int verdict = 0, err = 0;
	u32 n;

	for (n = 0; n < sel->n; n++) {
		err = gochan_uop_load(&sel->ops[n], uops + n, 0);
		if (err)
			break;
	}
	*at = n;
	if (!err) {
		err = sel_run(sel, &verdict);
		*at = err >= 0 ? err : sel->n;
	}
	if (*at < n) {
		gochan_uop_report(&sel->ops[*at], verdict);
		err = verdict < 0 ? verdict : *at;
	}
	while (n--)
		gochan_uop_unload(&sel->ops[n]);
	return err;
}

/* Many ops do not fit on the stack, and are charged to the caller. */
static long select_large(struct sel *sel, struct gochan_op __user *uops, u32 *at)
{
	size_t each = sizeof(*sel->ops) + sizeof(*sel->order);
	struct quota_user *user = gochan_user_get();
	long ret;

	if (!user)
		return -ENOMEM;
	ret = gochan_charge(user, QUOTA_BYTES, each * sel->n);
	if (ret)
		goto put_user;
	ret = -ENOMEM;
	sel->ops = kvmalloc_array(sel->n, each, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!sel->ops)
		goto uncharge;
	sel->order = (u16 *)(sel->ops + sel->n);
	ret = load_and_run(sel, uops, at);
	kvfree(sel->ops);
uncharge:
	gochan_uncharge(user, QUOTA_BYTES, each * sel->n);
put_user:
	gochan_user_put(user);
	return ret;
}

static noinline long select_small(struct sel *sel,
				  struct gochan_op __user *uops, u32 *at)
{
	struct uop ops[SELECT_SMALL] __uninitialized;
	u16 order[SELECT_SMALL] __uninitialized;

	sel->ops = ops;
	sel->order = order;
	return load_and_run(sel, uops, at);
}

static noinline long select_slow(const struct gochan_ops *call, u32 *at)
{
	struct gochan_op __user *uops = u64_to_user_ptr(call->ops);
	struct sel sel __uninitialized;

	sel.n = call->count;
	sel.flags = call->flags;
	sel.deadline = call->flags & GOCHAN_NONBLOCK ? KTIME_MAX :
						       gochan_ops_deadline(call);
	return sel.n <= SELECT_SMALL ? select_small(&sel, uops, at) :
				       select_large(&sel, uops, at);
}

/* A select of plain ops of which one is ready; its index, or -EAGAIN. */
static long select_fast(const struct gochan_ops *call, u32 *at)
{
	struct gochan_op __user *uops = u64_to_user_ptr(call->ops);
	struct gochan_op g __uninitialized;
	int i, verdict;

	i = choose(uops, call->count, call->flags, &g, NULL);
	if (i < 0 ||
	    !gochan_uop_do_plain(&g, uops + i, CHAN_NONBLOCK, &verdict, true) ||
	    verdict == -EAGAIN)
		return -EAGAIN;
	*at = i;
	return verdict < 0 ? verdict : i;
}

/*
 * GOCHAN_IOC_SELECT: the index of the op that happened; the error of one that failed,
 * whose index is in the call; or why none did.
 */
long gochan_select(struct gochan_ops __user *arg)
{
	struct gochan_ops call __uninitialized;
	long ret;
	u32 at;

	ret = gochan_ops_read(&call, arg, GOCHAN_NONBLOCK | GOCHAN_ORDERED);
	if (ret)
		return ret;
	at = call.count;
	ret = select_fast(&call, &at);
	if (ret == -EAGAIN)
		ret = select_slow(&call, &at);
	trace_gochan_select(call.count, at < call.count ? (int)at : -1,
			    min(ret, 0L));
	if (at < call.count && put_user(at, &arg->index))
		pr_debug("the index of an op could not be written\n");
	return ret;
}
