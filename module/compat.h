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
