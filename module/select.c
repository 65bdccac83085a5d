// SPDX-License-Identifier: GPL-2.0
/*
 * SELECT (exactly one of several ops happens, or none) and BATCH (several, one
 * after the other), on top of chan.c's single steps.
 *
 * A select goes through its ops in random order and takes the first that is
 * ready; nobody else sees it meanwhile. If none is, it stages what it would
 * send and joins the lines of its channels, one channel after the other, in
 * the order of their addresses. Then it sleeps, and whoever serves it first
 * wins its waiter by one compare-and-swap.
 *
 * When a channel turns out to be ready while the select joins lines, it first
 * wins its own waiter (nobody can serve it any more), leaves all lines, and
 * goes through its ops again. So it never has to win two waiters at once, and
 * a select that stands in line and one that passes through can always meet.
 * Two selects cannot send each other back for ever: who has joined the line in
 * which the other finds it is past that channel in the common order, so that
 * of those who wait for each other the last in that order goes through. That
 * an op fails after it looked ready means that somebody else got it.
 *
 * Ops that wait for something other than a turn (GOCHAN_OP_POLL, GOCHAN_PEEK)
 * sleep on wait queues through the kernel's poll tables, and are looked at
 * again when those poke the select, which keeps its place in all lines.
 */

#include <linux/cred.h>
#include <linux/fault-inject-usercopy.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>

#include "chan.h"
#include "compat.h"
#include "file.h"
#include "select.h"

/* Selects up to here live on the stack. */
#define SELECT_SMALL	8

/* Stands for no op: a select that won its own waiter was won by this. */
static struct chan_op myself;

/**
 * struct sel_op - one op of a select or batch; the caller's task only
 * @op: the send or receive
 * @fd: holds the file; empty for Go's nil channel
 * @uop: where it came from and where its results go
 * @want: events that an op which polls waits for
 * @events: events that came
 * @opcode: GOCHAN_OP_SEND, GOCHAN_OP_RECV or GOCHAN_OP_POLL
 * @flags: GOCHAN_PEEK and its like
 */
struct sel_op {
	struct chan_op op;
	struct fd fd;
	struct gochan_op __user *uop;
	__poll_t want;
	__poll_t events;
	u16 opcode;
	u16 flags;
};

/**
 * struct sel - a select; the caller's task only
 * @ops: its ops
 * @order: indices of @ops, shuffled, then sorted by channel
 * @n: how many
 * @flags: of the call
 * @first: the index of the op that is drawn first, once, or negative
 * @deadline: absolute CLOCK_MONOTONIC, KTIME_MAX for none
 * @waiter: what others serve
 * @small: where short messages pass, as only one op at a time needs it
 * @stage: where short messages wait to be sent, a place for each op; NULL in
 *	large selects
 */
struct sel {
	struct sel_op *ops;
	u16 *order;
	u32 n;
	u32 flags;
	int first;
	ktime_t deadline;
	struct waiter waiter;
	u8 small[CHAN_SMALL_MAX];
	u8 (*stage)[CHAN_STAGE_MAX];
};

/* ---- loading ---- */

static bool uop_valid(const struct gochan_op *u, u16 known)
{
	if (u->opcode < GOCHAN_OP_SEND || u->opcode > GOCHAN_OP_POLL)
		return false;
	if (u->opcode == GOCHAN_OP_POLL && u->events > U16_MAX)
		return false;
	if (u->opcode == GOCHAN_OP_SEND)
		known |= GOCHAN_PASS_FD;
	if (u->opcode == GOCHAN_OP_RECV)
		known |= GOCHAN_PEEK | GOCHAN_TAKE_FD;
	if ((u->flags & GOCHAN_PEEK) && (u->flags & GOCHAN_TAKE_FD))
		return false;
	return !(u->flags & ~known) && !u->reserved;
}

/* The sender is who makes the call. */
static void set_origin(struct chan_op *op)
{
	if (!(op->ch->flags & GOCHAN_CRED))
		return;
	op->from.pid = get_pid(task_tgid(current));
	op->from.uid = current_euid();
	op->from.gid = current_egid();
}

/* A file goes only where its sender waits, so that none is ever stored. */
static int load_pass(struct chan_op *op, int fd)
{
	struct pass *pass;

	if (op->ch->capacity)
		return -EOPNOTSUPP;
	pass = pass_make(fd);
	if (IS_ERR(pass))
		return PTR_ERR(pass);
	op->pass = pass;
	return 0;
}

static int load_chan_op(struct sel_op *s, const struct gochan_op *u,
			const struct file *file)
{
	bool send = u->opcode == GOCHAN_OP_SEND;
	struct chan_op *op = &s->op;

	if (!file_is_handle(file))
		return -EINVAL;
	if (!(file->f_mode & (send ? FMODE_WRITE : FMODE_READ)))
		return -EBADF;
	chan_mark_used(file_chan(file));
	chan_op_init(op, file_chan(file), send ? CHAN_SEND : CHAN_RECV);
	op->ub.ptr = u64_to_user_ptr(u->buf);
	if (send) {
		op->len = u->len;
		set_origin(op);
		return s->flags & GOCHAN_PASS_FD ? load_pass(op, u->passed_fd) : 0;
	}
	op->room = u->len;
	op->peek = s->flags & GOCHAN_PEEK;
	op->take_fd = s->flags & GOCHAN_TAKE_FD;
	op->report = s->uop;
	return 0;
}

static void unload_op(struct sel_op *s)
{
	if (!compat_fd_file(s->fd))
		return;
	if (s->op.ch)
		chan_op_release(&s->op);
	fdput(s->fd);
}

/* Find the file of an op that was read. */
static int load_file(struct sel_op *s, const struct gochan_op *u)
{
	struct file *file;
	int err;

	if (u->fd < 0)
		return 0;
	s->fd = fdget(u->fd);
	file = compat_fd_file(s->fd);
	if (!file)
		return -EBADF;
	if (u->opcode == GOCHAN_OP_POLL)
		return 0;
	err = load_chan_op(s, u, file);
	if (err)
		unload_op(s);
	return err;
}

/*
 * Read one op from user space and find its file. @known are the flags that any
 * op of the call may have.
 */
static int load_op(struct sel_op *s, struct gochan_op __user *uop,
		   u16 known)
{
	struct gochan_op u;
	int err;

	memset(s, 0, sizeof(*s));
	if (user_get(&u, uop, sizeof(u))) {
		if (put_user(-EFAULT, &uop->result))
			pr_debug("the result of an op could not be written\n");
		return -EFAULT;
	}
	/* The results must have somewhere to go before anything happens. */
	if (put_user(u.result, &uop->result))
		return -EFAULT;
	s->uop = uop;
	s->opcode = u.opcode;
	s->flags = u.flags;
	s->want = u.opcode == GOCHAN_OP_POLL ? demangle_poll(u.events) :
					       EPOLLIN;
	err = uop_valid(&u, known) ? load_file(s, &u) : -EINVAL;
	if (err && put_user(err, &uop->result))
		return -EFAULT;
	return err;
}

static bool op_is_nil(const struct sel_op *s)
{
	return !compat_fd_file(s->fd);
}

/* Does it wait for an event, and not in a line? */
static bool op_polls(const struct sel_op *s)
{
	return s->opcode == GOCHAN_OP_POLL || s->op.peek;
}

/*
 * Tell the user how the op ended. That this could be written was seen when the
 * op was loaded; should it have changed, there is nobody to tell. A message
 * that was received told its own results already, before it was taken.
 */
static void finish_op(struct sel_op *s, int verdict)
{
	bool recv = s->opcode == GOCHAN_OP_RECV;
	int err = 0;

	if (recv && !verdict)
		return;
	/* A call that is restarted needs to find its room as it was. */
	if (recv && (verdict == -EMSGSIZE || verdict == CHAN_CLOSED))
		err |= put_user(verdict == -EMSGSIZE ? (u32)s->op.len : 0,
				&s->uop->len);
	if (recv)
		err |= put_user(-1, &s->uop->passed_fd);
	if (s->opcode == GOCHAN_OP_POLL && !verdict)
		err |= put_user((u32)mangle_poll(s->events), &s->uop->events);
	/* A result is not restarted. */
	if (verdict == -ERESTARTSYS)
		verdict = -EINTR;
	err |= put_user(verdict, &s->uop->result);
	if (err)
		pr_debug("the results of an op could not be written\n");
}

/* ---- one op ---- */

/* A send of a size that the channel does not take fails when its turn comes. */
static int send_size_ok(const struct chan_op *op)
{
	if (op->len > op->ch->msg_size)
		return -EMSGSIZE;
	if ((op->ch->flags & GOCHAN_FIXED) && op->len != op->ch->msg_size)
		return -EINVAL;
	return 0;
}

static int try_poll(struct sel_op *s, poll_table *table)
{
	const __poll_t want = s->want | EPOLLERR | EPOLLHUP;
	__poll_t mask;

	if (table)
		table->_key = want;
	mask = vfs_poll(compat_fd_file(s->fd), table) & want;
	if (!mask)
		return -EAGAIN;
	s->events = mask;
	return 0;
}

static int try_send(struct sel *sel, struct chan_op *op)
{
	int err = send_size_ok(op);

	if (err)
		return err;
	err = chan_try_send(op);
	if (op->small == sel->small)
		chan_unstage(op);
	return err;
}

/* Do the op if that can be done at once. */
static int try_op(struct sel *sel, struct sel_op *s)
{
	if (op_is_nil(s))
		return -EAGAIN;
	if (s->opcode == GOCHAN_OP_POLL)
		return try_poll(s, NULL);
	if (s->opcode == GOCHAN_OP_RECV)
		return chan_try_recv(&s->op);
	return try_send(sel, &s->op);
}

/* ---- select ---- */

static u32 random_below(u32 n)
{
	return reciprocal_scale(get_random_u32(), n);
}

/*
 * Of candidates that come one after the other, does the @nth stand in for the
 * one so far? So each of them is picked equally often, or the first always.
 */
static bool takes_turn(u32 flags, u32 nth)
{
	return nth == 1 || (!(flags & GOCHAN_ORDERED) && !random_below(nth));
}

/* The next index of a random order, of which i are known; or of the order. */
static u32 draw(struct sel *sel, u32 i)
{
	u32 j = i;

	if (sel->first >= 0)
		j = sel->first;
	else if (!(sel->flags & GOCHAN_ORDERED))
		j += random_below(sel->n - i);
	sel->first = -1;
	swap(sel->order[i], sel->order[j]);
	return sel->order[i];
}

/* Go through the ops once; the index of the one that ended, or -EAGAIN. */
static int try_all(struct sel *sel, int *verdict)
{
	u32 i, at;

	for (i = 0; i < sel->n; i++)
		sel->order[i] = i;
	for (i = 0; i < sel->n; i++) {
		at = draw(sel, i);
		*verdict = try_op(sel, &sel->ops[at]);
		if (*verdict != -EAGAIN)
			return at;
	}
	return -EAGAIN;
}

/* Bring what may be sent to the kernel; the index of an op that fails by it. */
static int stage_sends(struct sel *sel, int *verdict)
{
	u32 i;

	for (i = 0; i < sel->n; i++) {
		struct sel_op *s = &sel->ops[i];

		if (s->opcode != GOCHAN_OP_SEND || op_is_nil(s))
			continue;
		*verdict = chan_stage_to_wait(&s->op, sel->stage ?
						      sel->stage[i] : NULL);
		if (*verdict)
			return i;
	}
	return -EAGAIN;
}

static bool op_lines_up(const struct sel_op *s)
{
	return s->op.ch && !op_polls(s);
}

/*
 * Who has taken too much already waits for no further message, as in
 * chan_recv(); the index of a receive that fails by it.
 */
static int refuse_receivers(const struct sel *sel, int *verdict)
{
	u32 i;

	if (likely(!quota_any_taken()) || !quota_over(QUOTA_TAKEN))
		return -EAGAIN;
	for (i = 0; i < sel->n; i++) {
		const struct sel_op *s = &sel->ops[i];

		if (op_lines_up(s) && s->opcode == GOCHAN_OP_RECV) {
			*verdict = -EDQUOT;
			return i;
		}
	}
	return -EAGAIN;
}

/* Those without a line first, then by channel, by line, by index. */
static int compare_ops(const void *a, const void *b, const void *priv)
{
	const struct sel_op *ops = priv;
	const struct sel_op *x = &ops[*(const u16 *)a];
	const struct sel_op *y = &ops[*(const u16 *)b];

	if (x->op.ch != y->op.ch)
		return x->op.ch < y->op.ch ? -1 : 1;
	if (x->op.dir != y->op.dir)
		return x->op.dir < y->op.dir ? -1 : 1;
	return x < y ? -1 : 1;
}

/* Of the ops from @i on that name the same line, the one that stands in it. */
static struct chan_op *pick(struct sel *sel, u32 *i, const struct chan *ch,
			    enum chan_dir dir)
{
	struct sel_op *picked = NULL;
	u32 n = 0;

	for (; *i < sel->n; ++*i) {
		struct sel_op *s = &sel->ops[sel->order[*i]];

		if (s->op.ch != ch || s->op.dir != dir)
			break;
		if (!op_lines_up(s))
			continue;
		if (takes_turn(sel->flags, ++n))
			picked = s;
	}
	return picked ? &picked->op : NULL;
}

/* Stand in all lines; false when something turned out to be ready. */
static bool join_lines(struct sel *sel)
{
	u32 i = 0;

	sort_r(sel->order, sel->n, sizeof(*sel->order), compare_ops, NULL,
	       sel->ops);
	while (i < sel->n) {
		struct chan *ch = sel->ops[sel->order[i]].op.ch;
		struct chan_op *send = pick(sel, &i, ch, CHAN_SEND);
		struct chan_op *recv = pick(sel, &i, ch, CHAN_RECV);

		if (!send && !recv)
			continue;
		if (!chan_join(send, recv, &sel->waiter))
			return false;
	}
	return true;
}

static void leave_lines(struct sel *sel)
{
	u32 i;

	for (i = 0; i < sel->n; i++)
		if (sel->ops[i].op.waiter)
			chan_leave(&sel->ops[i].op);
}

static u32 index_of(const struct sel *sel, const struct chan_op *op)
{
	return container_of(op, struct sel_op, op) - sel->ops;
}

/*
 * Nobody may serve the select any more. False if somebody has: then that is
 * done when this returns.
 */
static bool win_myself(struct sel *sel)
{
	if (waiter_claim(&sel->waiter, &myself))
		return true;
	chan_wait_served(sel->waiter.won);
	return false;
}

/*
 * Look at the ops that poll, and the first time also wait on their queues; the
 * index of a random one that is ready, or of the first, or -EAGAIN.
 */
static int poll_ops(struct sel *sel, struct poll_wqueues *wq)
{
	poll_table *table = wq->pt._qproc ? &wq->pt : NULL;
	int at = -EAGAIN;
	u32 i, n = 0;

	for (i = 0; i < sel->n; i++) {
		struct sel_op *s = &sel->ops[i];

		if (op_is_nil(s) || !op_polls(s) || try_poll(s, table))
			continue;
		if (takes_turn(sel->flags, ++n))
			at = i;
	}
	wq->pt._qproc = NULL;
	return wq->error ?: at;
}

/*
 * Sleep until the select is served (its op's index) or an op that polls is
 * ready (that one's). -EAGAIN: go through the ops again. Else the reason for
 * giving up.
 */
static int sleep_in_lines(struct sel *sel, struct poll_wqueues *wq)
{
	int at, err;

	for (;;) {
		err = waiter_sleep(&sel->waiter, sel->deadline);
		if (!err)
			return index_of(sel, sel->waiter.won);
		if (err != -EAGAIN) {
			if (win_myself(sel))
				return err;
			return index_of(sel, sel->waiter.won);
		}
		/* Whoever pokes from here on is seen by the next sleep. */
		smp_store_mb(wq->triggered, 0);
		at = poll_ops(sel, wq);
		if (at == -EAGAIN && ktime_get() < sel->deadline)
			continue;
		if (at == -EAGAIN)
			at = -ETIMEDOUT;
		return win_myself(sel) ? at : index_of(sel, sel->waiter.won);
	}
}

/* The verdict of an op whose turn came while the select slept. */
static int served_verdict(struct sel_op *s)
{
	struct chan_op *op = &s->op;

	if (s->opcode == GOCHAN_OP_POLL)
		return 0;
	if (op->peek)
		return chan_try_recv(op);
	if (op->result)
		return op->result;
	return op->dir == CHAN_SEND ? chan_finish_send(op) :
				      chan_finish_recv(op);
}

/* Stand in line until there is a reason not to; as sleep_in_lines(). */
static int wait_in_lines(struct sel *sel, struct poll_wqueues *wq)
{
	int at = -EAGAIN;

	waiter_init(&sel->waiter);
	sel->waiter.poked = &wq->triggered;
	sel->waiter.many = true;
	if (join_lines(sel)) {
		at = poll_ops(sel, wq);
		if (at == -EAGAIN)
			return sleep_in_lines(sel, wq);
	}
	return win_myself(sel) ? at : index_of(sel, sel->waiter.won);
}

/* None was ready: block. */
static noinline int sel_block(struct sel *sel, int *verdict)
{
	struct poll_wqueues wq;
	int at;

	at = stage_sends(sel, verdict);
	if (at == -EAGAIN)
		at = refuse_receivers(sel, verdict);
	if (at != -EAGAIN)
		return at;
	poll_initwait(&wq);
	do {
		cond_resched();
		at = wait_in_lines(sel, &wq);
		leave_lines(sel);
		if (at >= 0) {
			*verdict = served_verdict(&sel->ops[at]);
			if (*verdict == -EAGAIN)
				at = -EAGAIN;
		}
		if (at == -EAGAIN)
			at = try_all(sel, verdict);
		if (at == -EAGAIN && signal_pending(current))
			at = -ERESTARTSYS;
		if (at == -EAGAIN && ktime_get() >= sel->deadline)
			at = -ETIMEDOUT;
	} while (at == -EAGAIN);
	poll_freewait(&wq);
	return at;
}

static noinline int sel_block_small(struct sel *sel, int *verdict)
{
	u8 stage[SELECT_SMALL][CHAN_STAGE_MAX];

	sel->stage = stage;
	return sel_block(sel, verdict);
}

/* Run a loaded select; the index of the op that ended, or why none did. */
static int sel_run(struct sel *sel, int *verdict)
{
	int at;
	u32 i;

	for (i = 0; i < sel->n; i++)
		sel->ops[i].op.small = sel->small;
	at = try_all(sel, verdict);
	if (at != -EAGAIN || (sel->flags & GOCHAN_NONBLOCK))
		return at;
	sel->stage = NULL;
	if (sel->n <= SELECT_SMALL)
		return sel_block_small(sel, verdict);
	return sel_block(sel, verdict);
}

static ktime_t host_deadline(u64 timeout)
{
	if (timeout == GOCHAN_TIMEOUT_NEVER)
		return KTIME_MAX;
	if (timeout > KTIME_MAX)
		return KTIME_MAX;
	return compat_monotonic_to_host(timeout);
}

static int get_ops(struct gochan_ops *call, struct gochan_ops __user *arg,
		   u32 flags)
{
	if (user_get(call, arg, sizeof(*call)))
		return -EFAULT;
	if (put_user(call->index, &arg->index))
		return -EFAULT;
	if ((call->flags & ~flags) || call->reserved ||
	    call->count > min_t(u32, READ_ONCE(max_select), U16_MAX))
		return -EINVAL;
	return 0;
}

/* Load, run and unload; the op that ended, or -errno with *at the op at fault. */
static int sel_call(struct sel *sel, struct gochan_op __user *uops, u32 *at)
{
	int verdict = 0, err = 0;
	u32 n;

	for (n = 0; n < sel->n; n++) {
		err = load_op(&sel->ops[n], uops + n, 0);
		if (err)
			break;
	}
	*at = n;
	if (!err) {
		err = sel_run(sel, &verdict);
		*at = err >= 0 ? err : sel->n;
	}
	if (*at < n) {
		finish_op(&sel->ops[*at], verdict);
		err = verdict < 0 ? verdict : *at;
	}
	while (n--)
		unload_op(&sel->ops[n]);
	return err;
}

/* Many ops do not fit on the stack and are charged to the caller. */
static long select_large(struct sel *sel, struct gochan_op __user *uops,
			 u32 *at)
{
	size_t each = sizeof(*sel->ops) + sizeof(*sel->order);
	struct quota_user *user = quota_user_get();
	long ret;

	if (!user)
		return -ENOMEM;
	ret = quota_charge(user, QUOTA_BYTES, each * sel->n);
	if (ret)
		goto put_user;
	ret = -ENOMEM;
	sel->ops = kvmalloc_array(sel->n, each,
				  GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!sel->ops)
		goto uncharge;
	sel->order = (u16 *)(sel->ops + sel->n);
	ret = sel_call(sel, uops, at);
	kvfree(sel->ops);
uncharge:
	quota_uncharge(user, QUOTA_BYTES, each * sel->n);
put_user:
	quota_user_put(user);
	return ret;
}

static noinline long select_small(struct sel *sel,
				  struct gochan_op __user *uops, u32 *at)
{
	struct sel_op ops[SELECT_SMALL];
	u16 order[SELECT_SMALL];

	sel->ops = ops;
	sel->order = order;
	return sel_call(sel, uops, at);
}

/* ---- the short way ---- */

/*
 * Most selects find one of their ops ready, and most ops are plain sends and
 * receives. So the ops are looked at first without loading them, and one that
 * seems ready, each with the same chance, is done in few steps. Whatever turns
 * out not to be as simple, or wrong, is left to the steps above.
 */

static inline bool op_plain(const struct gochan_op *u)
{
	return !u->flags && !u->reserved && (u->opcode == GOCHAN_OP_SEND ||
					     u->opcode == GOCHAN_OP_RECV);
}

/* The plain channel that @file is a handle on, if the op may be done there. */
static inline struct chan *plain_chan(const struct gochan_op *u,
				      const struct file *file)
{
	bool send = u->opcode == GOCHAN_OP_SEND;
	struct chan *ch;

	if (!file || !file_is_handle(file) ||
	    !(file->f_mode & (send ? FMODE_WRITE : FMODE_READ)))
		return NULL;
	ch = file_chan(file);
	if (!chan_is_plain(ch))
		return NULL;
	return send && u->len > ch->msg_size ? NULL : ch;
}

/* Read what matters of a plain op. */
static __always_inline int get_plain(struct gochan_op *u,
				     const struct gochan_op __user *uop)
{
	if (should_fail_usercopy() ||
	    !user_read_access_begin(uop, sizeof(*uop)))
		return -EFAULT;
	unsafe_get_user(u->fd, &uop->fd, fault);
	unsafe_get_user(u->opcode, &uop->opcode, fault);
	unsafe_get_user(u->flags, &uop->flags, fault);
	unsafe_get_user(u->buf, &uop->buf, fault);
	unsafe_get_user(u->len, &uop->len, fault);
	unsafe_get_user(u->result, &uop->result, fault);
	unsafe_get_user(u->reserved, &uop->reserved, fault);
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

/* Does a plain op seem ready? -EINVAL: it is not as simple. */
static inline int quick_look(const struct gochan_op *u)
{
	struct fd fd = fdget(u->fd);
	struct chan *ch = plain_chan(u, compat_fd_file(fd));
	int ready = -EINVAL;

	if (ch)
		ready = chan_seems_ready(ch, u->opcode == GOCHAN_OP_SEND ?
						     CHAN_SEND : CHAN_RECV);
	fdput(fd);
	return ready;
}

/*
 * The index of a random op that seems ready, or of the first, and the op;
 * -EAGAIN: none. -EINVAL: not as simple.
 */
static int quick_pick(const struct gochan_ops *call, struct gochan_op *picked)
{
	struct gochan_op __user *uops = u64_to_user_ptr(call->ops);
	int ready, at = -EAGAIN;
	struct gochan_op u;
	u32 i, nth = 0;

	for (i = 0; i < call->count; i++) {
		if (get_plain(&u, uops + i) || !op_plain(&u))
			return -EINVAL;
		if (u.fd < 0)
			continue;
		ready = quick_look(&u);
		if (ready < 0)
			return ready;
		if (ready && takes_turn(call->flags, ++nth)) {
			at = i;
			*picked = u;
		}
	}
	return at;
}

/* What finish_op() says of a receive that waited in vain. */
static int quick_fail(struct gochan_op __user *uop, int verdict)
{
	int result = verdict == -ERESTARTSYS ? -EINTR : verdict;
	int err = put_user(-1, &uop->passed_fd);

	if (verdict == -ENODATA) {
		err |= put_user(0, &uop->len);
		verdict = CHAN_CLOSED;
		result = verdict;
	}
	if (err | put_user(result, &uop->result))
		pr_debug("the results of an op could not be written\n");
	return verdict;
}

/* Do one plain op in few steps; its verdict, or -EAGAIN. */
static int quick_do(const struct gochan_op *u, struct gochan_op __user *uop,
		    bool block)
{
	void __user *buf = u64_to_user_ptr(u->buf);
	int err = -EAGAIN;
	struct chan *ch;
	struct fd fd;

	/* The results must have somewhere to go before anything happens. */
	if (put_user(u->result, &uop->result))
		return -EAGAIN;
	fd = fdget(u->fd);
	ch = plain_chan(u, compat_fd_file(fd));
	if (!ch)
		goto put;
	if (block && (compat_fd_file(fd)->f_flags & O_NONBLOCK))
		block = false;
	if (u->opcode == GOCHAN_OP_SEND) {
		err = chan_send_quick(ch, buf, u->len, false);
		if (!err && put_user(0, &uop->result))
			pr_debug("the result of an op could not be written\n");
	} else {
		err = chan_recv_quick(ch, buf, u->len, block, uop);
	}
put:
	fdput(fd);
	if (err == -EAGAIN)
		return err;
	return err < 0 ? quick_fail(uop, err) : 0;
}

/*
 * A select; -EAGAIN: it has to be done at length, and then *@first, if not
 * negative, is the op that would have been done.
 */
static long select_quick(const struct gochan_ops *call, int *first)
{
	struct gochan_op __user *uops = u64_to_user_ptr(call->ops);
	struct gochan_op u;

	*first = quick_pick(call, &u);
	if (*first < 0)
		return -EAGAIN;
	return quick_do(&u, uops + *first, false) ?: *first;
}

/* ---- the call ---- */

static noinline long select_slowly(const struct gochan_ops *call, int first,
				   u32 *at)
{
	struct gochan_op __user *uops = u64_to_user_ptr(call->ops);
	struct sel sel;

	sel.n = call->count;
	sel.flags = call->flags;
	sel.first = call->flags & GOCHAN_ORDERED ? -1 : first;
	sel.deadline = host_deadline(call->timeout);
	return sel.n <= SELECT_SMALL ? select_small(&sel, uops, at) :
				       select_large(&sel, uops, at);
}

/**
 * chan_select() - GOCHAN_IOC_SELECT
 * @arg: the call
 *
 * Return: the index of the op that happened; the error of the op that failed,
 * whose index is in the call; -EAGAIN, -ETIMEDOUT, -ERESTARTSYS; for a call
 * that cannot be made -EFAULT, -EINVAL, -EBADF, -ENOMEM, -EDQUOT.
 */
long chan_select(struct gochan_ops __user *arg)
{
	struct gochan_ops call;
	int first;
	u32 at;
	long ret;

	ret = get_ops(&call, arg, GOCHAN_NONBLOCK | GOCHAN_ORDERED);
	if (ret)
		return ret;
	at = call.count;
	ret = select_quick(&call, &first);
	if (ret >= 0)
		at = ret;
	else
		ret = select_slowly(&call, first, &at);
	if (at < call.count && put_user(at, &arg->index))
		pr_debug("the index of an op could not be written\n");
	return ret;
}

/* ---- batch ---- */

/* What is no turn in one line is a select of one. */
static noinline int batch_select(struct sel_op *s, bool nonblock,
				 ktime_t deadline)
{
	u16 order;
	struct sel sel = {
		.ops = s,
		.order = &order,
		.n = 1,
		.flags = nonblock ? GOCHAN_NONBLOCK : 0,
		.first = -1,
		.deadline = deadline,
	};
	int verdict;
	int at = sel_run(&sel, &verdict);

	return at < 0 ? at : verdict;
}

static int batch_run(struct sel_op *s, bool nonblock, ktime_t deadline)
{
	int err;

	/* Polling, as poll(2), waits on a descriptor that does not block. */
	if (s->op.ch && (compat_fd_file(s->fd)->f_flags & O_NONBLOCK))
		nonblock = true;
	if (op_is_nil(s) || op_polls(s))
		return batch_select(s, nonblock, deadline);
	if (s->opcode == GOCHAN_OP_SEND) {
		err = send_size_ok(&s->op);
		if (err)
			return err;
	}
	if (s->opcode == GOCHAN_OP_RECV)
		return chan_recv(&s->op, nonblock, deadline);
	return chan_send(&s->op, nonblock, deadline);
}

static noinline int batch_slowly(struct gochan_op __user *uop, bool nonblock,
				 ktime_t deadline)
{
	struct sel_op s;
	int err;

	err = load_op(&s, uop, GOCHAN_NONBLOCK);
	if (err)
		return err;
	err = batch_run(&s, nonblock || (s.flags & GOCHAN_NONBLOCK), deadline);
	finish_op(&s, err);
	unload_op(&s);
	return err;
}

static int batch_one(struct gochan_op __user *uop, bool nonblock,
		     ktime_t deadline)
{
	bool block = !nonblock && deadline == KTIME_MAX;
	struct gochan_op u;
	int err = -EAGAIN;

	if (!get_plain(&u, uop) && op_plain(&u) && u.fd >= 0)
		err = quick_do(&u, uop, block);
	if (err == -EAGAIN)
		err = batch_slowly(uop, nonblock, deadline);
	return err;
}

/**
 * chan_batch() - GOCHAN_IOC_BATCH
 * @arg: the call
 *
 * Return: how many ops completed; if the first did not, its error.
 */
long chan_batch(struct gochan_ops __user *arg)
{
	struct gochan_op __user *uops;
	struct gochan_ops call;
	bool nonblock;
	ktime_t deadline;
	int err = 0;
	u32 i;

	err = get_ops(&call, arg, GOCHAN_NONBLOCK | GOCHAN_WAITFORONE);
	if (err)
		return err;
	uops = u64_to_user_ptr(call.ops);
	nonblock = call.flags & GOCHAN_NONBLOCK;
	deadline = host_deadline(call.timeout);
	for (i = 0; i < call.count; i++) {
		err = batch_one(uops + i, nonblock, deadline);
		if (err < 0)
			break;
		if (call.flags & GOCHAN_WAITFORONE)
			nonblock = true;
		cond_resched();
	}
	if (put_user(i, &arg->index))
		pr_debug("the count of a batch could not be written\n");
	return i ? i : err;
}
