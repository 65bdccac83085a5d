/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernel versions and configurations: every
 * LINUX_VERSION_CODE and CONFIG_ test of the module is here, so that the code
 * reads as if there were one kernel. Supported from 6.1 on.
 */
#ifndef GOCHAN_COMPAT_H
#define GOCHAN_COMPAT_H

#include <linux/cred.h>
#include <linux/device.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/time_namespace.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "gochan needs Linux 6.1 or newer"
#endif

/* 6.2 made the devnode callbacks take a const device. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define compat_const
#else
#define compat_const const
#endif

/* 6.3 made idmapped mounts a type of their own. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define compat_idmap user_namespace
#define compat_nop_idmap (&init_user_ns)
#else
#define compat_idmap mnt_idmap
#define compat_nop_idmap (&nop_mnt_idmap)
#endif

/* 6.17 gave system_unbound_wq another name. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#define compat_unbound_wq system_unbound_wq
#else
#define compat_unbound_wq system_dfl_wq
#endif

/* 6.6 hid the ctime of inodes behind functions, and 6.7 the other timestamps. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
static inline void compat_inode_init_ts(struct inode *inode)
{
	inode->i_ctime = current_time(inode);
	inode->i_mtime = inode->i_ctime;
	inode->i_atime = inode->i_ctime;
}

static inline void compat_inode_touch(struct inode *inode)
{
	inode->i_ctime = current_time(inode);
	inode->i_mtime = inode->i_ctime;
}
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
static inline void compat_inode_init_ts(struct inode *inode)
{
	inode->i_mtime = inode_set_ctime_current(inode);
	inode->i_atime = inode->i_mtime;
}

static inline void compat_inode_touch(struct inode *inode)
{
	inode->i_mtime = inode_set_ctime_current(inode);
}
#else
static inline void compat_inode_init_ts(struct inode *inode)
{
	simple_inode_init_ts(inode);
}

static inline void compat_inode_touch(struct inode *inode)
{
	inode_set_mtime_to_ts(inode, inode_set_ctime_current(inode));
}
#endif

/* 6.15 has mkdir return a dentry, which here is always the one it was given. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
#define compat_mkdir_type int
static inline int compat_mkdir_return(int err)
{
	return err;
}
#else
#define compat_mkdir_type struct dentry *
static inline struct dentry *compat_mkdir_return(int err)
{
	return ERR_PTR(err);
}
#endif

/* 7.3 dropped an argument of create; here nothing can be created by it. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 3, 0)
static inline int compat_no_create(struct compat_idmap *idmap, struct inode *dir,
				   struct dentry *dentry, umode_t mode, bool excl)
{
	return -ENOENT;
}
#else
static inline int compat_no_create(struct compat_idmap *idmap, struct inode *dir,
				   struct dentry *dentry, umode_t mode)
{
	return -ENOENT;
}
#endif

/* 6.19 knows by itself which dentries the filesystem keeps. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
static inline void compat_d_make_persistent(struct dentry *dentry, struct inode *inode)
{
	d_instantiate(dentry, inode);
	dget(dentry);
}

static inline void compat_kill_litter_super(struct super_block *sb)
{
	kill_litter_super(sb);
}
#else
static inline void compat_d_make_persistent(struct dentry *dentry, struct inode *inode)
{
	d_make_persistent(dentry, inode);
}

static inline void compat_kill_litter_super(struct super_block *sb)
{
	kill_anon_super(sb);
}
#endif

/* 6.12 made struct fd opaque. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
static inline struct file *compat_fd_file(struct fd f)
{
	return f.file;
}
#else
static inline struct file *compat_fd_file(struct fd f)
{
	return fd_file(f);
}
#endif

/* 6.4 hid iov_iter.iov behind a function. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
static inline const struct iovec *compat_iter_iov(const struct iov_iter *iter)
{
	return iter->iov;
}
#else
static inline const struct iovec *compat_iter_iov(const struct iov_iter *iter)
{
	return iter_iov(iter);
}
#endif

/* 6.8 has receive_fd() report the descriptor as well, if it is told where. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
static inline int compat_receive_fd(struct file *file, unsigned int flags)
{
	return receive_fd(file, flags);
}
#else
static inline int compat_receive_fd(struct file *file, unsigned int flags)
{
	return receive_fd(file, NULL, flags);
}
#endif

/* 6.13 has one function initialise a timer, its callback included. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void compat_hrtimer_setup(struct hrtimer *timer,
					enum hrtimer_restart (*callback)(struct hrtimer *),
					clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = callback;
}
#else
static inline void compat_hrtimer_setup(struct hrtimer *timer,
					enum hrtimer_restart (*callback)(struct hrtimer *),
					clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_setup(timer, callback, clock, mode);
}
#endif

/* 6.10 has __assign_str() take the source from __string(). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
#define compat_assign_str(dst, src)	__assign_str(dst, src)
#else
#define compat_assign_str(dst, src)	__assign_str(dst)
#endif

/* 6.14, and later releases of 6.12, have two bits for which events are told. */
#ifndef FMODE_FSNOTIFY_MASK
#define FMODE_FSNOTIFY_MASK FMODE_NONOTIFY
#endif

/* From here on nothing done with the file is told to inotify and fanotify. */
static inline void compat_no_fsnotify(struct file *file)
{
	file->f_mode = (file->f_mode & ~FMODE_FSNOTIFY_MASK) | FMODE_NONOTIFY;
}

/*
 * CLOCK_MONOTONIC of the caller's time namespace as the host's. The kernel's
 * own function for this is not exported.
 */
#ifdef CONFIG_TIME_NS
static inline ktime_t compat_monotonic_to_host(ktime_t t)
{
	const struct time_namespace *ns = current->nsproxy->time_ns;
	ktime_t offset = timespec64_to_ktime(ns->offsets.monotonic);

	if (offset >= t)
		return 0;
	return offset > 0 ? ktime_sub(t, offset) : ktime_add_safe(t, -offset);
}
#else
static inline ktime_t compat_monotonic_to_host(ktime_t t)
{
	return t;
}
#endif

#endif /* GOCHAN_COMPAT_H */
