// SPDX-License-Identifier: GPL-2.0
/*
 * What the VFS calls: open, read, write, poll, ioctl, fasync and release of
 * /dev/gochan, of named channels and of duplicated handles. A file is a handle on
 * a channel, its access mode the rights on it. SELECT and BATCH are in select.c
 * and batch.c, names in fs.c. No locks here.
 */

#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <asm/ioctls.h>

#include "chan.h"
#include "compat.h"
#include "fs.h"
#include "handle.h"
#include "quota.h"
#include "select.h"
#include "show.h"

/* ---- handles ---- */

static atomic64_t last_handle;

/* Make a handle on @ch, and take over the caller's reference unless that fails. */
static struct handle *handle_make(struct chan *ch)
{
	struct handle *h = kmalloc(sizeof(*h), GFP_KERNEL_ACCOUNT);

	if (!h)
		return NULL;
	h->user = gochan_user_get();
	if (!h->user) {
		kfree(h);
		return NULL;
	}
	h->ch = ch;
	h->id = atomic64_inc_return(&last_handle);
	h->opener = get_pid(task_tgid(current));
	return h;
}

static void handle_free(struct handle *h)
{
	chan_put(h->ch);
	put_pid(h->opener);
	gochan_user_put(h->user);
	kfree(h);
}

/*
 * Count the handle. It has no position, and it has RWF_NOWAIT. On an unnamed channel
 * there are no fsnotify events: those of /dev/gochan would show to everybody when others
 * send, as its inode is shared.
 */
static void file_begin(struct file *file)
{
	chan_add_handle(file_chan(file), file->f_mode & FMODE_WRITE,
			file->f_mode & FMODE_READ);
	stream_open(file_inode(file), file);
	file->f_mode |= FMODE_NOWAIT;
	if (!gochan_fs_chan(file_inode(file)))
		compat_no_fsnotify(file);
}

/* Each open of /dev/gochan makes a channel; a device file of a gochanfs has one. */
static struct chan *inode_chan(const struct inode *inode, fmode_t mode)
{
	struct chan *ch = gochan_fs_chan(inode);

	if (ch) {
		chan_get(ch);
		return ch;
	}
	if (!READ_ONCE(gochan_loaded))
		return ERR_PTR(-ENXIO);
	if ((mode & (FMODE_READ | FMODE_WRITE)) != (FMODE_READ | FMODE_WRITE))
		return ERR_PTR(-EINVAL);
	return chan_make();
}

static int gochan_open(struct inode *inode, struct file *file)
{
	struct chan *ch = inode_chan(inode, file->f_mode);
	struct handle *h;

	if (IS_ERR(ch))
		return PTR_ERR(ch);
	h = handle_make(ch);
	if (!h) {
		chan_put(ch);
		return -ENOMEM;
	}
	file->private_data = h;
	file_begin(file);
	return 0;
}

static int gochan_release(struct inode *inode, struct file *file)
{
	chan_drop_handle(file_chan(file), file->f_mode & FMODE_WRITE,
			 file->f_mode & FMODE_READ);
	handle_free(file->private_data);
	gochan_fs_release(inode);
	return 0;
}

/* ---- owners of leases ---- */

struct fd_search {
	const struct file *file;
	unsigned int found;
};

static int is_searched(const void *p, struct file *file, unsigned int fd)
{
	struct fd_search *search = (void *)p;

	if (file != search->file)
		return 0;
	search->found = fd;
	return 1;
}

/* Find a descriptor of the handle in the table, beginning at @hint. */
static bool find_descriptor(struct files_struct *table, const struct file *file,
			    unsigned int hint, unsigned int *found)
{
	struct fd_search search = { .file = file };

	if (!iterate_fd(table, hint, is_searched, &search) &&
	    !iterate_fd(table, 0, is_searched, &search))
		return false;
	*found = search.found;
	return true;
}

/*
 * End the owner of leases if the table has no descriptor of the handle any more: whether there
 * is none, as the caller knows if it is @gone. A descriptor that is made during the search
 * counts only if a receive uses it.
 */
static bool owner_ended(struct files_struct *table, struct file *file, bool gone)
{
	const struct lease_key key = { table, file->private_data };
	struct chan *ch = file_chan(file);
	struct owner_look look;
	unsigned int fd;

	while (chan_owner_look(ch, &key, &look)) {
		if (!gone && find_descriptor(table, file, look.fd, &fd)) {
			chan_owner_note_fd(ch, &key, fd);
			return false;
		}
		if (chan_owner_end(ch, &key, &look))
			break;
	}
	return true;
}

/* The owner of what the caller leases through a handle, counted: 0, -ENOMEM, -EBADF. */
int gochan_owner_get(struct file *file, struct lease_owner **owner)
{
	const struct lease_key key = { current->files, file->private_data };
	bool made;

	*owner = chan_owner_get(file_chan(file), &key, &made);
	if (!*owner)
		return -ENOMEM;
	/* The last descriptor may have been closed before there was an owner to end. */
	return made && owner_ended(current->files, file, false) ? -EBADF : 0;
}

int gochan_ack(struct file *file, u64 lease, bool requeue)
{
	const struct lease_key key = { current->files, file->private_data };

	return chan_ack(file_chan(file), &key, lease, requeue);
}

/*
 * A descriptor was removed from a table, by close(2), dup2(2), exec or exit. If it was the
 * last one of the handle there, the owner of leases has ended. That needs no search, which
 * takes long in a table of many descriptors, if this is the last reference to the file, or if
 * no task has the table any more. (Newer kernels than 6.12 leave all descriptors in it then.)
 */
static int gochan_flush(struct file *file, fl_owner_t id)
{
	struct files_struct *table = id;

	/* Without a table: acct(2) and swapon(2) close what they have opened themselves. */
	if (!table || !chan_is_acknowledged(file_chan(file)))
		return 0;
	owner_ended(table, file, !atomic_read(&table->count) || file_count(file) == 1);
	return 0;
}

/* ---- read and write ---- */

static ktime_t file_deadline(const struct file *file)
{
	return file->f_flags & O_NONBLOCK ? CHAN_NONBLOCK : KTIME_MAX;
}

/* A read that is no plain receive: segments, or a channel that is not CHAN_FAST. */
static noinline ssize_t read_op(struct file *file, struct ubuf ub, size_t len,
				ktime_t deadline)
{
	struct chan *ch = file_chan(file);
	const struct chan_config *config = chan_config(ch);
	struct chan_op op;
	ssize_t ret;

	chan_freeze(ch);
	if (!len)
		return 0;
	op_init(&op, ch, CHAN_RECV);
	op.ub = ub;
	op.room = len;
	if (config->flags & GOCHAN_FIXED) {
		if (len < config->msg_size)
			return -EMSGSIZE;
		op.room = config->msg_size;
		op.todo = len / config->msg_size;
	}
	ret = chan_recv_op(&op, deadline == CHAN_NONBLOCK, KTIME_MAX);
	if (!ret)
		ret = op.count * op.len;
	else if (ret == GOCHAN_R_CLOSED)
		ret = 0;
	chan_op_release(&op);
	return ret;
}

static noinline ssize_t write_op(struct file *file, struct ubuf ub, size_t len,
				 ktime_t deadline)
{
	const struct handle *h = file->private_data;
	const struct chan_config *config = chan_config(h->ch);
	struct chan_op op;
	ssize_t ret;

	chan_freeze(h->ch);
	if (!len)
		return 0;
	op_init(&op, h->ch, CHAN_SEND);
	op.ub = ub;
	op.len = len;
	if (config->flags & GOCHAN_FIXED) {
		if (len % config->msg_size)
			return -EINVAL;
		op.len = config->msg_size;
		op.todo = len / config->msg_size;
	} else if (len > config->msg_size) {
		return -EMSGSIZE;
	}
	if (config->flags & GOCHAN_CRED) {
		/* The opener's: a set-uid program that writes vouches for nothing. */
		op.from.pid = get_pid(h->opener);
		op.from.uid = file->f_cred->euid;
		op.from.gid = file->f_cred->egid;
	}
	ret = chan_send_op(&op, deadline == CHAN_NONBLOCK, KTIME_MAX);
	if (!ret)
		ret = op.count * op.len;
	chan_op_release(&op);
	return ret;
}

static __always_inline ssize_t read_plain(struct chan *ch, void __user *buf,
					  size_t len, ktime_t deadline)
{
	struct received r = chan_recv(ch, buf, len, NULL, deadline);

	if (likely(!r.verdict))
		return r.len;
	return r.verdict == GOCHAN_R_CLOSED ? 0 : r.verdict;
}

static ssize_t gochan_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	ktime_t deadline = file_deadline(file);

	if (likely(chan_fast_ok(file_chan(file)) && len))
		return read_plain(file_chan(file), buf, len, deadline);
	return read_op(file, (struct ubuf){ .ptr = buf }, len, deadline);
}

static ssize_t gochan_write(struct file *file, const char __user *buf,
			    size_t len, loff_t *pos)
{
	ktime_t deadline = file_deadline(file);
	struct chan *ch = file_chan(file);

	if (likely(chan_fast_ok(ch) && len && len <= chan_config(ch)->msg_size))
		return chan_send(ch, buf, len, deadline) ?: len;
	return write_op(file, (struct ubuf){ .ptr = (void __user *)buf }, len,
			deadline);
}

static ktime_t iocb_deadline(const struct kiocb *iocb)
{
	return iocb->ki_flags & IOCB_NOWAIT ? CHAN_NONBLOCK :
					      file_deadline(iocb->ki_filp);
}

/* readv, preadv2 and io_uring */
static ssize_t gochan_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct chan *ch = file_chan(iocb->ki_filp);
	ktime_t deadline = iocb_deadline(iocb);
	size_t len = iov_iter_count(to);
	void __user *buf;
	ssize_t ret;

	if (!chan_fast_ok(ch) || !len || !ubuf_iter_is_plain(to, &buf))
		return read_op(iocb->ki_filp, (struct ubuf){ .iter = to }, len,
			       deadline);
	ret = read_plain(ch, buf, len, deadline);
	if (ret > 0)
		iov_iter_advance(to, ret);
	return ret;
}

/* writev, pwritev2 and io_uring: all segments are one message */
static ssize_t gochan_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct chan *ch = file_chan(iocb->ki_filp);
	ktime_t deadline = iocb_deadline(iocb);
	size_t len = iov_iter_count(from);
	void __user *buf;
	int err;

	if (!chan_fast_ok(ch) || !len || len > chan_config(ch)->msg_size ||
	    !ubuf_iter_is_plain(from, &buf))
		return write_op(iocb->ki_filp, (struct ubuf){ .iter = from }, len,
				deadline);
	err = chan_send(ch, buf, len, deadline);
	if (err)
		return err;
	iov_iter_advance(from, len);
	return len;
}

static __poll_t gochan_poll(struct file *file, poll_table *wait)
{
	if (!(file->f_mode & (FMODE_READ | FMODE_WRITE)))
		return EPOLLERR;
	chan_freeze(file_chan(file));
	return chan_poll(file_chan(file), file, wait);
}

static int gochan_fasync(int fd, struct file *file, int on)
{
	if (on && !(file->f_mode & (FMODE_READ | FMODE_WRITE)))
		return -EBADF;
	return chan_fasync(file_chan(file), fd, file, on);
}

/* /proc/PID/fdinfo/FD: the handle and channel of a descriptor, its state, its waiters */
static void gochan_show_fdinfo(struct seq_file *m, struct file *file)
{
	const struct handle *h = file->private_data;
	struct chan_waiters *waiters = kmalloc(sizeof(*waiters), GFP_KERNEL);
	struct gochan_info info;

	chan_info(h->ch, &info, waiters);
	seq_printf(m, "gochan-id:\t%llu\n", info.id);
	gochan_fs_show_name(m, file_inode(file));
	seq_printf(m, "gochan-rights:\t%s\n",
		   gochan_rights(file->f_mode & FMODE_WRITE, file->f_mode & FMODE_READ));
	seq_printf(m, "gochan-handle:\t%llu\n", h->id);
	gochan_show_state(m, &info);
	if (!waiters) {
		seq_printf(m, "gochan-waiters-more:\t%u\n",
			   info.senders_waiting + info.receivers_waiting);
		return;
	}
	gochan_show_waiters(m, waiters);
	chan_waiters_put(waiters);
	kfree(waiters);
}

/* ---- ioctls ---- */

/* A channel to which one that is set up will send by itself; *@fd holds it: 0 or -EBADF. */
static int target_get(int num, struct fd *fd, struct chan **to)
{
	struct file *file;

	*fd = fdget(num);
	file = compat_fd_file(*fd);
	if (!file || !file_is_handle(file) || !(file->f_mode & FMODE_WRITE))
		return -EBADF;
	*to = file_chan(file);
	return 0;
}

static long ioctl_setup(struct file *file, const void __user *arg)
{
	struct chan_targets targets = {};
	struct fd dead = {}, done = {};
	struct gochan_setup setup;
	int err = 0;

	if (copy_from_user(&setup, arg, sizeof(setup)))
		return -EFAULT;
	/* Without GOCHAN_ACK chan_setup() rejects both flags. */
	if (setup.flags & GOCHAN_ACK && setup.flags & GOCHAN_DEADLETTER)
		err = target_get(setup.dead_fd, &dead, &targets.dead);
	if (!err && setup.flags & GOCHAN_ACK && setup.flags & GOCHAN_DONE)
		err = target_get(setup.done_fd, &done, &targets.done);
	if (!err)
		err = chan_setup(file_chan(file), &setup, &targets);
	fdput(dead);
	fdput(done);
	return err;
}

static long ioctl_ack(struct file *file, const void __user *arg)
{
	struct gochan_ack ack;
	int err;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	if (copy_from_user(&ack, arg, sizeof(ack)))
		return -EFAULT;
	if ((ack.flags & ~GOCHAN_REQUEUE) || ack.reserved ||
	    !chan_is_acknowledged(file_chan(file)))
		return -EINVAL;
	err = rw_verify_area(READ, file, NULL, 0);
	if (err)
		return err;
	return gochan_ack(file, ack.lease, ack.flags & GOCHAN_REQUEUE);
}

static long ioctl_info(struct file *file, void __user *arg)
{
	struct gochan_info info;

	chan_info(file_chan(file), &info, NULL);
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long ioctl_close(struct file *file)
{
	int err;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	err = chan_close(file_chan(file), false);
	/* Named, as the channel's lock decides; that is up to its owner. */
	if (err == -EPERM && gochan_fs_owned(file_inode(file)))
		err = chan_close(file_chan(file), true);
	return err;
}

/* The duplicate of a handle on a gochanfs is on the same path, so that labels follow. */
static struct file *dup_file(const struct file *file, int flags)
{
	struct chan *ch = file_chan(file);
	struct handle *h;
	struct file *new;

	if (gochan_fs_chan(file_inode(file)))
		return dentry_open(&file->f_path, flags, current_cred());
	h = handle_make(ch);
	if (!h)
		return ERR_PTR(-ENOMEM);
	chan_get(ch);
	new = gochan_fs_internal_file(&gochan_fops, h, flags);
	if (IS_ERR(new))
		handle_free(h);
	else
		file_begin(new);
	return new;
}

static long ioctl_dup(struct file *file, unsigned long flags)
{
	struct file *new;
	fmode_t mode;
	int fd;

	if ((flags & ~(O_ACCMODE | O_NONBLOCK | O_CLOEXEC)) ||
	    (flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	mode = OPEN_FMODE(flags);
	if ((file->f_mode & mode) != mode)
		return -EACCES;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	new = dup_file(file, flags & (O_ACCMODE | O_NONBLOCK));
	if (IS_ERR(new)) {
		put_unused_fd(fd);
		return PTR_ERR(new);
	}
	fd_install(fd, new);
	return fd;
}

static long gochan_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *p = (void __user *)arg;

	/* Opened for neither direction, that is with O_ACCMODE. */
	if (!(file->f_mode & (FMODE_READ | FMODE_WRITE)) && cmd != GOCHAN_IOC_INFO)
		return -EBADF;
	if (cmd == GOCHAN_IOC_SETUP)
		return ioctl_setup(file, p);
	if (cmd == FIONREAD || _IOC_TYPE(cmd) == GOCHAN_IOC_MAGIC)
		chan_freeze(file_chan(file));
	switch (cmd) {
	case GOCHAN_IOC_INFO:
		return ioctl_info(file, p);
	case GOCHAN_IOC_CLOSE:
		return ioctl_close(file);
	case GOCHAN_IOC_DUP:
		return ioctl_dup(file, arg);
	case GOCHAN_IOC_ACK:
		return ioctl_ack(file, p);
	case GOCHAN_IOC_SELECT:
		return gochan_select(p);
	case GOCHAN_IOC_BATCH:
		return gochan_batch(p);
	case FIONREAD:
		return put_user((int)chan_next_len(file_chan(file)), (int __user *)p);
	default:
		return -ENOTTY;
	}
}

const struct file_operations gochan_fops = {
	.owner = THIS_MODULE,
	.open = gochan_open,
	.flush = gochan_flush,
	.release = gochan_release,
	.read = gochan_read,
	.write = gochan_write,
	.read_iter = gochan_read_iter,
	.write_iter = gochan_write_iter,
	.poll = gochan_poll,
	.fasync = gochan_fasync,
	.show_fdinfo = gochan_show_fdinfo,
	.unlocked_ioctl = gochan_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
