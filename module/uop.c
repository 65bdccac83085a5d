// SPDX-License-Identifier: GPL-2.0
/*
 * The ops of SELECT and BATCH: read and validate them, find their files, do them
 * once, report their results. In which order they are done, and how a select
 * waits, is select.c's and batch.c's. No locks here.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fsnotify.h>

#include "quota.h"
#include "uop.h"
#include "xfer.h"

/* Read and validate the argument of SELECT or BATCH: 0, -EFAULT, -EINVAL. */
int gochan_ops_read(struct gochan_ops *call, struct gochan_ops __user *arg, u32 flags)
{
	if (user_get(call, arg, sizeof(*call)) || put_user(call->index, &arg->index))
		return -EFAULT;
	if ((call->flags & ~flags) || call->reserved ||
	    call->count > min_t(u32, READ_ONCE(gochan_max_select), U16_MAX))
		return -EINVAL;
	return 0;
}

/* The deadline of a call, CLOCK_MONOTONIC of the host; KTIME_MAX for none. */
ktime_t gochan_ops_deadline(const struct gochan_ops *call)
{
	if (call->timeout > KTIME_MAX)
		return KTIME_MAX;
	return compat_monotonic_to_host(call->timeout);
}

/* ---- loading ---- */

static bool uop_valid(const struct gochan_op *g, u16 known)
{
	if (g->opcode < GOCHAN_OP_SEND || g->opcode > GOCHAN_OP_ACK)
		return false;
	/* only where results need not be undone: in a BATCH */
	if (g->opcode == GOCHAN_OP_ACK && !(known & GOCHAN_REQUEUE))
		return false;
	if (g->opcode != GOCHAN_OP_ACK)
		known &= ~GOCHAN_REQUEUE;
	if (g->opcode == GOCHAN_OP_POLL && g->events > U16_MAX)
		return false;
	if (g->opcode == GOCHAN_OP_SEND)
		known |= GOCHAN_PASS_FD;
	if (g->opcode == GOCHAN_OP_RECV)
		known |= GOCHAN_PEEK | GOCHAN_TAKE_FD;
	if ((g->flags & GOCHAN_PEEK) && (g->flags & GOCHAN_TAKE_FD))
		return false;
	return !(g->flags & ~known);
}

static int load_send(struct uop *u, const struct gochan_op *g)
{
	struct chan_op *op = &u->op;

	op->len = g->len;
	if (chan_config(op->ch)->flags & GOCHAN_CRED) {
		op->from.pid = get_pid(task_tgid(current));
		op->from.uid = current_euid();
		op->from.gid = current_egid();
	}
	return u->flags & GOCHAN_PASS_FD ? chan_xfer_load(op, g->passed_fd) : 0;
}

static int load_chan_op(struct uop *u, const struct gochan_op *g, struct file *file)
{
	bool send = g->opcode == GOCHAN_OP_SEND;
	struct chan_op *op = &u->op;
	int err;

	if (!file_is_handle(file))
		return -EINVAL;
	if (!(file->f_mode & (send ? FMODE_WRITE : FMODE_READ)))
		return -EBADF;
	/* the checks of security modules that read() and write() make, too */
	err = rw_verify_area(send ? WRITE : READ, file, NULL,
			     g->opcode == GOCHAN_OP_ACK ? 0 : g->len);
	if (err)
		return err;
	chan_freeze(file_chan(file));
	op_init(op, file_chan(file), uop_dir(g->opcode));
	op->ub.ptr = u64_to_user_ptr(g->buf);
	if (send)
		return load_send(u, g);
	if (g->opcode == GOCHAN_OP_ACK) {
		op->lease = g->lease;
		return chan_is_acknowledged(op->ch) ? 0 : -EINVAL;
	}
	op->room = g->len;
	op->peek = u->flags & GOCHAN_PEEK;
	op->take_fd = u->flags & GOCHAN_TAKE_FD;
	op->report = u->user;
	if (op->peek || !chan_is_acknowledged(op->ch))
		return 0;
	return gochan_owner_get(file, &op->owner);
}

void gochan_uop_unload(struct uop *u)
{
	if (uop_is_nil(u))
		return;
	if (u->op.ch)
		chan_op_release(&u->op);
	fdput(u->fd);
}

static int load_file(struct uop *u, const struct gochan_op *g)
{
	struct file *file;
	int err;

	if (g->fd < 0)
		return g->opcode == GOCHAN_OP_ACK ? -EBADF : 0;
	u->fd = fdget(g->fd);
	file = compat_fd_file(u->fd);
	if (!file)
		return -EBADF;
	if (g->opcode == GOCHAN_OP_POLL)
		return 0;
	err = load_chan_op(u, g, file);
	if (err)
		gochan_uop_unload(u);
	return err;
}

/*
 * Read an op and find its file; @known: flags for any op of the call. 0, to be undone by
 * gochan_uop_unload(); or the error, which is also the op's result in user space.
 */
int gochan_uop_load(struct uop *u, struct gochan_op __user *user, u16 known)
{
	struct gochan_op g __uninitialized;
	int err;

	memset(u, 0, sizeof(*u));
	if (user_get(&g, user, sizeof(g))) {
		if (put_user(-EFAULT, &user->result))
			pr_debug("the result of an op could not be written\n");
		return -EFAULT;
	}
	/* The results must have somewhere to go before anything happens. */
	if (put_user(g.result, &user->result))
		return -EFAULT;
	u->user = user;
	u->opcode = g.opcode;
	u->flags = g.flags;
	u->want = g.opcode == GOCHAN_OP_POLL ? demangle_poll(g.events) : EPOLLIN;
	err = uop_valid(&g, known) ? load_file(u, &g) : -EINVAL;
	if (err && put_user(err, &user->result))
		return -EFAULT;
	return err;
}

/* ---- doing ---- */

/*
 * Does the channel take messages of this length? Checked when the op is tried, not when it
 * is loaded, so that a select may do another: 0, -EMSGSIZE, -EINVAL.
 */
int gochan_uop_check_send(const struct chan_op *op)
{
	const struct chan_config *config = chan_config(op->ch);

	if (op->len > config->msg_size)
		return -EMSGSIZE;
	if ((config->flags & GOCHAN_FIXED) && op->len != config->msg_size)
		return -EINVAL;
	return 0;
}

/* Look for the op's events, and with @pt join the file's wait queues: 0 or -EAGAIN. */
int gochan_uop_poll(struct uop *u, poll_table *pt)
{
	const __poll_t want = u->want | EPOLLERR | EPOLLHUP;
	__poll_t mask;

	if (pt)
		pt->_key = want;
	mask = vfs_poll(compat_fd_file(u->fd), pt) & want;
	if (!mask)
		return -EAGAIN;
	u->events = mask;
	return 0;
}

/* The verdict of an op, not a nil channel; one that polls never waits here. */
int gochan_uop_do(struct uop *u, bool nonblock, ktime_t deadline)
{
	int err;

	if (u->opcode == GOCHAN_OP_POLL)
		return gochan_uop_poll(u, NULL);
	if (u->opcode == GOCHAN_OP_ACK)
		return gochan_ack(compat_fd_file(u->fd), u->op.lease,
				  u->flags & GOCHAN_REQUEUE);
	if (u->opcode == GOCHAN_OP_RECV)
		return chan_recv_op(&u->op, nonblock, deadline);
	err = gochan_uop_check_send(&u->op);
	return err ?: chan_send_op(&u->op, nonblock, deadline);
}

/*
 * Reading the op showed that this can be written; if that has changed, there is nobody to
 * tell. A receive reported its success before it took the message.
 */
static void report(struct gochan_op __user *user, u16 opcode, int verdict,
		   size_t len, __poll_t events)
{
	bool recv = opcode == GOCHAN_OP_RECV;
	int err = 0;

	if (recv && !verdict)
		return;
	/* A call that is restarted needs to find its room as it was. */
	if (recv && (verdict == -EMSGSIZE || verdict == GOCHAN_R_CLOSED))
		err |= put_user(verdict == -EMSGSIZE ? (u32)len : 0, &user->len);
	if (recv)
		err |= put_user(-1, &user->passed_fd);
	if (opcode == GOCHAN_OP_POLL && !verdict)
		err |= put_user((u32)mangle_poll(events), &user->events);
	/* A result is not restarted. */
	if (verdict == -ERESTARTSYS)
		verdict = -EINTR;
	err |= put_user(verdict, &user->result);
	if (err)
		pr_debug("the results of an op could not be written\n");
}

/* Tell fsnotify of the file, and so inotify, as read(2) and write(2) do. */
static inline void notify(struct file *file, u16 opcode)
{
	if (opcode == GOCHAN_OP_SEND)
		fsnotify_modify(file);
	else if (opcode == GOCHAN_OP_RECV)
		fsnotify_access(file);
}

void gochan_uop_report(const struct uop *u, int verdict)
{
	if (!verdict)
		notify(compat_fd_file(u->fd), u->opcode);
	report(u->user, u->opcode, verdict, u->op.len, u->events);
	if (!verdict && u->opcode == GOCHAN_OP_SEND &&
	    chan_config(u->op.ch)->flags & GOCHAN_DONE &&
	    put_user(u->op.seq, &u->user->seq))
		pr_debug("the number of a message could not be written\n");
}

/* Do a plain op on an acknowledged channel; false if the op has to be loaded. */
static bool do_acked(const struct gochan_op *g, struct gochan_op __user *user, struct file *file)
{
	const struct lease_key key = { current->files, file->private_data };
	bool send = g->opcode == GOCHAN_OP_SEND, done;
	void __user *buf = u64_to_user_ptr(g->buf);

	if (rw_verify_area(send ? WRITE : READ, file, NULL, g->len))
		return false;
	if (send)
		done = chan_send_acked(file_chan(file), buf, g->len);
	else
		done = chan_recv_acked(file_chan(file), buf, g->len, user, &key);
	if (!done)
		return false;
	notify(file, g->opcode);
	if (send)
		report(user, g->opcode, 0, 0, 0);
	return true;
}

/*
 * Do an ACK op that uop_read_plain() has read; false if it is wrong, and has to be loaded.
 * The security check is made once for successive ACK ops of a call on one handle, as
 * read(2) makes it once for several messages: @checked is that handle's id, or 0.
 */
bool gochan_uop_do_ack(const struct gochan_op *g, struct gochan_op __user *user, u64 *checked,
		       int *verdict)
{
	const struct handle *h;
	struct file *file;
	struct fd fd;
	u64 lease;

	if ((g->flags & ~GOCHAN_REQUEUE) || get_user(lease, &user->lease))
		return false;
	fd = fdget(g->fd);
	file = compat_fd_file(fd);
	if (!file || !file_is_handle(file) || !(file->f_mode & FMODE_READ) ||
	    !chan_is_acknowledged(file_chan(file)))
		goto put;
	h = file->private_data;
	if (h->id != *checked) {
		if (rw_verify_area(READ, file, NULL, 0))
			goto put;
		*checked = h->id;
	}
	/* Success is reported first, as the result must have somewhere to go. */
	if (put_user(0, &user->result))
		goto put;
	*verdict = gochan_ack(file, lease, g->flags & GOCHAN_REQUEUE);
	fdput(fd);
	if (unlikely(*verdict))
		report(user, g->opcode, *verdict, 0, 0);
	return true;
put:
	fdput(fd);
	return false;
}

/*
 * Do an op that uop_read_plain() has read, and report its results, but no -EAGAIN of a
 * @select's op. False if the op is not plain, or wrong, and has to be loaded.
 */
bool gochan_uop_do_plain(const struct gochan_op *g, struct gochan_op __user *user,
			 ktime_t deadline, int *verdict, bool select)
{
	bool send = g->opcode == GOCHAN_OP_SEND;
	void __user *buf = u64_to_user_ptr(g->buf);
	struct received r = {};
	struct file *file;
	struct chan *ch;
	struct fd fd;
	bool done;

	/*
	 * The results must have somewhere to go before anything happens. A receive
	 * that does not wait reports them before it takes the message.
	 */
	if ((send || deadline != CHAN_NONBLOCK) && put_user(g->result, &user->result))
		return false;
	fd = fdget(g->fd);
	file = compat_fd_file(fd);
	ch = uop_plain_chan(g->opcode, g->len, file, !select);
	if (!ch) {
		fdput(fd);
		return false;
	}
	if (unlikely(!chan_fast_ok(ch))) {
		*verdict = 0;
		done = do_acked(g, user, file);
		fdput(fd);
		return done;
	}
	/* A SELECT does not block here, a BATCH obeys the handle. */
	if (file->f_flags & O_NONBLOCK)
		deadline = CHAN_NONBLOCK;
	r.verdict = rw_verify_area(send ? WRITE : READ, file, NULL, g->len);
	if (!r.verdict && send)
		r.verdict = chan_send(ch, buf, g->len, deadline);
	else if (!r.verdict)
		r = chan_recv(ch, buf, g->len, user, deadline);
	if (likely(!r.verdict))
		notify(file, g->opcode);
	fdput(fd);
	*verdict = r.verdict;
	if (likely(!r.verdict) && !send)
		return true;
	if (r.verdict != -EAGAIN || !select)
		report(user, g->opcode, r.verdict, r.len, 0);
	return true;
}
