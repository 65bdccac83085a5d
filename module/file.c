// SPDX-License-Identifier: GPL-2.0
/*
 * What the VFS calls: open, read, write, poll, ioctl, fasync and release of
 * /dev/gochan, of named channels and of duplicated handles. A file is a handle
 * on a channel, its access mode the rights on it. SELECT and BATCH are in
 * select.c.
 */

#include <linux/anon_inodes.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <asm/ioctls.h>

#include "chan.h"
#include "compat.h"
#include "file.h"
#include "node.h"
#include "select.h"

/* ---- handles ---- */

/* A handle on @ch, whose reference it takes over unless it fails. */
static struct handle *handle_make(struct chan *ch)
{
	struct handle *h = kmalloc(sizeof(*h), GFP_KERNEL_ACCOUNT);

	if (!h)
		return NULL;
	h->ch = ch;
	h->opener = get_pid(task_tgid(current));
	return h;
}

static void handle_free(struct handle *h)
{
	chan_put(h->ch);
	put_pid(h->opener);
	kfree(h);
}

/*
 * From here on the channel knows of the file, which has a handle. It behaves
 * as ours do: no position, and RWF_NOWAIT is understood. As with eventfds since
 * 6.14, inotify and fanotify are not told from here on: whoever may list the
 * folder could watch each send of others, at /dev/gochan on channels that have
 * no name, and have them pay for it. (How many messages a named channel has
 * inside is no secret: sysfs tells.)
 */
static void file_begin(struct file *file)
{
	chan_add_handle(file_chan(file), file->f_mode & FMODE_WRITE,
			file->f_mode & FMODE_READ);
	stream_open(file_inode(file), file);
	file->f_mode |= FMODE_NOWAIT;
	compat_no_fsnotify(file);
}

static int file_open_on(struct file *file, struct chan *ch)
{
	struct handle *h = handle_make(ch);

	if (!h) {
		chan_put(ch);
		return -ENOMEM;
	}
	file->private_data = h;
	file_begin(file);
	return 0;
}

/* Each open of /dev/gochan makes a channel. */
static int gochan_open(struct inode *inode, struct file *file)
{
	struct chan *ch;

	if ((file->f_mode & (FMODE_READ | FMODE_WRITE)) !=
	    (FMODE_READ | FMODE_WRITE))
		return -EINVAL;
	ch = chan_make();
	if (IS_ERR(ch))
		return PTR_ERR(ch);
	return file_open_on(file, ch);
}

static int gochan_open_named(struct inode *inode, struct file *file)
{
	struct chan *ch = node_open(inode);

	if (IS_ERR(ch))
		return PTR_ERR(ch);
	return file_open_on(file, ch);
}

static int gochan_release(struct inode *inode, struct file *file)
{
	chan_drop_handle(file_chan(file), file->f_mode & FMODE_WRITE,
			 file->f_mode & FMODE_READ);
	handle_free(file->private_data);
	return 0;
}

/* ---- read and write ---- */

static ssize_t do_read(struct file *file, struct ubuf ub, size_t len,
		       bool nonblock)
{
	struct chan *ch = file_chan(file);
	struct chan_op op;
	ssize_t ret;

	chan_mark_used(ch);
	if (!len)
		return 0;
	chan_op_init(&op, ch, CHAN_RECV);
	op.ub = ub;
	op.room = len;
	if (ch->flags & GOCHAN_FIXED) {
		if (len < ch->msg_size)
			return -EMSGSIZE;
		op.room = ch->msg_size;
		op.todo = len / ch->msg_size;
	}
	ret = chan_recv(&op, nonblock, KTIME_MAX);
	if (!ret)
		ret = op.count * op.len;
	else if (ret == CHAN_CLOSED)
		ret = 0;
	chan_op_release(&op);
	return ret;
}

static ssize_t do_write(struct file *file, struct ubuf ub, size_t len,
			bool nonblock)
{
	struct chan *ch = file_chan(file);
	const struct handle *h = file->private_data;
	struct chan_op op;
	ssize_t ret;

	chan_mark_used(ch);
	if (!len)
		return 0;
	chan_op_init(&op, ch, CHAN_SEND);
	op.ub = ub;
	op.len = len;
	if (ch->flags & GOCHAN_FIXED) {
		if (len % ch->msg_size)
			return -EINVAL;
		op.len = ch->msg_size;
		op.todo = len / ch->msg_size;
	} else if (len > ch->msg_size) {
		return -EMSGSIZE;
	}
	if (ch->flags & GOCHAN_CRED) {
		/* Who writes vouches for nothing: it may be a set-uid program. */
		op.from.pid = get_pid(h->opener);
		op.from.uid = file->f_cred->euid;
		op.from.gid = file->f_cred->egid;
	}
	ret = chan_send(&op, nonblock, KTIME_MAX);
	if (!ret)
		ret = op.count * op.len;
	chan_op_release(&op);
	return ret;
}

/* Of several messages those that can be received at once, in bytes. */
static size_t read_several(struct chan *ch, char __user *buf, size_t len)
{
	size_t each = ch->msg_size, done = 0;
	u32 got;

	do {
		got = chan_recv_several(ch, buf + done, each,
					(len - done) / each);
		done += got * each;
		cond_resched();
	} while (got && !signal_pending(current));
	return done;
}

/* Several messages in one buffer, or what is not simple. */
static noinline ssize_t read_more(struct file *file, char __user *buf,
				  size_t len)
{
	bool nonblock = file->f_flags & O_NONBLOCK;
	struct chan *ch = file_chan(file);
	size_t done = 0;
	ssize_t ret;

	chan_mark_used(ch);
	if ((ch->flags & GOCHAN_FIXED) && !ch->by_pointer) {
		done = read_several(ch, buf, len);
		if (done && (len - done < ch->msg_size ||
			     signal_pending(current)))
			return done;
	}
	ret = do_read(file, (struct ubuf){ .ptr = buf + done }, len - done,
		      nonblock || done);
	if (ret < 0)
		return done ?: ret;
	return done + ret;
}

static ssize_t gochan_read(struct file *file, char __user *buf, size_t len,
			   loff_t *pos)
{
	struct chan *ch = file_chan(file);
	int got;

	if (len && chan_is_plain(ch)) {
		got = chan_recv_quick(ch, buf, len,
				      !(file->f_flags & O_NONBLOCK), NULL);
		if (got != -EAGAIN)
			return got == -ENODATA ? 0 : got;
	}
	return read_more(file, buf, len);
}

static noinline ssize_t write_more(struct file *file, const char __user *buf,
				   size_t len)
{
	struct chan *ch = file_chan(file);
	ssize_t sent = 0, ret;
	u32 each;

	chan_mark_used(ch);
	if ((ch->flags & (GOCHAN_FIXED | GOCHAN_CRED)) == GOCHAN_FIXED &&
	    !ch->by_pointer) {
		each = ch->msg_size;
		if (len % each == 0)
			sent = chan_send_several(ch, buf, each, len / each);
		sent *= each;
		if (sent == len)
			return sent;
	}
	ret = do_write(file, (struct ubuf){ .ptr = (void __user *)buf + sent },
		       len - sent, file->f_flags & O_NONBLOCK);
	if (ret < 0)
		return sent ?: ret;
	return sent + ret;
}

static ssize_t gochan_write(struct file *file, const char __user *buf,
			    size_t len, loff_t *pos)
{
	struct chan *ch = file_chan(file);
	int err;

	if (len && chan_is_plain(ch) && len <= ch->msg_size) {
		err = chan_send_quick(ch, buf, len,
				      !(file->f_flags & O_NONBLOCK));
		if (err != -EAGAIN)
			return err ?: len;
	}
	return write_more(file, buf, len);
}

static bool iocb_nonblock(const struct kiocb *iocb)
{
	return (iocb->ki_flags & IOCB_NOWAIT) ||
	       (iocb->ki_filp->f_flags & O_NONBLOCK);
}

/* readv, preadv2 and io_uring */
static ssize_t gochan_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return do_read(iocb->ki_filp, (struct ubuf){ .iter = to },
		       iov_iter_count(to), iocb_nonblock(iocb));
}

/* writev, pwritev2 and io_uring: all segments are one message */
static ssize_t gochan_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return do_write(iocb->ki_filp, (struct ubuf){ .iter = from },
			iov_iter_count(from), iocb_nonblock(iocb));
}

static __poll_t gochan_poll(struct file *file, poll_table *wait)
{
	struct chan *ch = file_chan(file);

	chan_mark_used(ch);
	/* Whoever said it before us did so under the lock. */
	if (!READ_ONCE(ch->watched))
		chan_watch(ch);
	if (file->f_mode & FMODE_READ)
		poll_wait(file, &ch->in_wait, wait);
	if (file->f_mode & FMODE_WRITE)
		poll_wait(file, &ch->out_wait, wait);
	return chan_poll_mask(ch, file->f_mode & FMODE_WRITE,
			      file->f_mode & FMODE_READ);
}

static int gochan_fasync(int fd, struct file *file, int on)
{
	struct chan *ch = file_chan(file);
	int err = 0;

	if (on)
		chan_watch(ch);
	if (file->f_mode & FMODE_READ)
		err = fasync_helper(fd, file, on, &ch->in_async);
	if (err < 0 || !(file->f_mode & FMODE_WRITE))
		return err;
	err = fasync_helper(fd, file, on, &ch->out_async);
	if (err < 0 && (file->f_mode & FMODE_READ))
		fasync_helper(-1, file, 0, &ch->in_async);
	return err;
}

/* /proc/PID/fdinfo/FD: which channel a descriptor is, and how it is */
static void gochan_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct gochan_info info;

	chan_info(file_chan(file), &info);
	seq_printf(m, "gochan-id:\t%llu\n", file_chan(file)->id);
	seq_printf(m, "gochan-capacity:\t%u\n", info.capacity);
	seq_printf(m, "gochan-len:\t%u\n", info.len);
	seq_printf(m, "gochan-closed:\t%u\n", info.closed);
	seq_printf(m, "gochan-senders-waiting:\t%u\n", info.senders_waiting);
	seq_printf(m, "gochan-receivers-waiting:\t%u\n",
		   info.receivers_waiting);
}

/* ---- ioctls ---- */

static long ioctl_setup(struct file *file, const void __user *arg)
{
	struct gochan_setup setup;

	if (copy_from_user(&setup, arg, sizeof(setup)))
		return -EFAULT;
	return chan_setup(file_chan(file), &setup);
}

static long ioctl_info(struct file *file, void __user *arg)
{
	struct gochan_info info;

	chan_info(file_chan(file), &info);
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long ioctl_close(struct file *file)
{
	struct chan *ch = file_chan(file);
	int err;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	err = node_may_close(ch);
	return err ?: chan_close(ch);
}

static struct file *dup_file(struct chan *ch, int flags)
{
	struct handle *h = handle_make(ch);
	struct file *new;

	if (!h)
		return ERR_PTR(-ENOMEM);
	chan_get(ch);
	new = anon_inode_getfile("[gochan]", &gochan_fops, h, flags);
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
	new = dup_file(file_chan(file), flags & (O_ACCMODE | O_NONBLOCK));
	if (IS_ERR(new)) {
		put_unused_fd(fd);
		return PTR_ERR(new);
	}
	fd_install(fd, new);
	return fd;
}

static int get_link(struct gochan_link *link, const void __user *arg)
{
	if (copy_from_user(link, arg, sizeof(*link)))
		return -EFAULT;
	if (strnlen(link->name, sizeof(link->name)) == sizeof(link->name))
		return -EINVAL;
	return link->reserved || (link->mode & ~0777) ? -EINVAL : 0;
}

static long ioctl_link(struct file *file, const void __user *arg)
{
	struct gochan_link link;
	int err;

	if ((file->f_mode & (FMODE_READ | FMODE_WRITE)) !=
	    (FMODE_READ | FMODE_WRITE))
		return -EBADF;
	err = get_link(&link, arg);
	return err ?: node_link(file_chan(file), link.name, link.mode);
}

static long ioctl_unlink(struct file *file, const void __user *arg)
{
	struct gochan_link link;
	int err;

	err = get_link(&link, arg);
	if (err)
		return err;
	if (link.mode)
		return -EINVAL;
	if (link.name[0])
		return node_unlink_path(link.name);
	return node_unlink(file_chan(file));
}

static long ioctl_fionread(struct file *file, int __user *arg)
{
	return put_user((int)chan_next_len(file_chan(file)), arg);
}

static long gochan_ioctl(struct file *file, unsigned int cmd,
			 unsigned long arg)
{
	void __user *p = (void __user *)arg;

	if (cmd == GOCHAN_IOC_SETUP)
		return ioctl_setup(file, p);
	if (cmd == FIONREAD || _IOC_TYPE(cmd) == GOCHAN_IOC_MAGIC)
		chan_mark_used(file_chan(file));
	switch (cmd) {
	case GOCHAN_IOC_INFO:
		return ioctl_info(file, p);
	case GOCHAN_IOC_CLOSE:
		return ioctl_close(file);
	case GOCHAN_IOC_DUP:
		return ioctl_dup(file, arg);
	case GOCHAN_IOC_LINK:
		return ioctl_link(file, p);
	case GOCHAN_IOC_UNLINK:
		return ioctl_unlink(file, p);
	case GOCHAN_IOC_SELECT:
		return chan_select(p);
	case GOCHAN_IOC_BATCH:
		return chan_batch(p);
	case FIONREAD:
		return ioctl_fionread(file, p);
	default:
		return -ENOTTY;
	}
}

const struct file_operations gochan_fops = {
	.owner = THIS_MODULE,
	.open = gochan_open,
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

const struct file_operations gochan_named_fops = {
	.owner = THIS_MODULE,
	.open = gochan_open_named,
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
