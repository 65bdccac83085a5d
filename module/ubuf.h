/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A buffer in user space: either plain, or the segments of an iov_iter. Each copy moves
 * a cursor on by what it copied; a copy that fails moves nothing. The _nofault ones may
 * be called under a spinlock: they fail instead of waiting for a page.
 */
#ifndef GOCHAN_UBUF_H
#define GOCHAN_UBUF_H

#include <linux/pagemap.h>

#include "compat.h"

/**
 * struct ubuf - a buffer in user space
 * @ptr: the cursor of a plain buffer
 * @iter: the segments, NULL for a plain buffer
 */
struct ubuf {
	void __user *ptr;
	struct iov_iter *iter;
};

/*
 * Up to here copies are made word by word: the set-up of a general copy, and hardened
 * usercopy's check, would cost more than the copy itself.
 */
#define UBUF_SHORT_MAX	128

/* The least an architecture has to do for that: words may lie anywhere. */
static inline bool ubuf_short(size_t len)
{
	return IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) &&
	       len <= UBUF_SHORT_MAX;
}

int user_get_short(void *dst, const void __user *src, size_t len);
int user_put_short(void __user *dst, const void *src, size_t len);

/* Is an iterator one plain buffer, as that of most readv() and io_uring calls? */
static inline bool ubuf_iter_is_plain(const struct iov_iter *iter, void __user **buf)
{
	if (iter_is_ubuf(iter))
		*buf = iter->ubuf + iter->iov_offset;
	else if (iter_is_iovec(iter) && iter->nr_segs == 1)
		*buf = compat_iter_iov(iter)->iov_base + iter->iov_offset;
	else
		return false;
	return true;
}

/* Plain copies; 0 or -EFAULT. Up to UBUF_SHORT_MAX @dst has to be known big enough. */
static inline int user_get(void *dst, const void __user *src, size_t len)
{
	if (ubuf_short(len))
		return user_get_short(dst, src, len);
	return copy_from_user(dst, src, len) ? -EFAULT : 0;
}

static inline int user_put(void __user *dst, const void *src, size_t len)
{
	if (ubuf_short(len))
		return user_put_short(dst, src, len);
	return copy_to_user(dst, src, len) ? -EFAULT : 0;
}

static inline int ubuf_get_iter(struct ubuf *u, void *dst, size_t len)
{
	size_t n = copy_from_iter(dst, len, u->iter);

	if (n == len)
		return 0;
	iov_iter_revert(u->iter, n);
	return -EFAULT;
}

static inline int ubuf_put_iter(struct ubuf *u, const void *src, size_t len)
{
	size_t n = copy_to_iter(src, len, u->iter);

	if (n == len)
		return 0;
	iov_iter_revert(u->iter, n);
	return -EFAULT;
}

static __always_inline int ubuf_get(struct ubuf *u, void *dst, size_t len)
{
	if (u->iter)
		return ubuf_get_iter(u, dst, len);
	if (user_get(dst, u->ptr, len))
		return -EFAULT;
	u->ptr += len;
	return 0;
}

static __always_inline int ubuf_put(struct ubuf *u, const void *src, size_t len)
{
	if (u->iter)
		return ubuf_put_iter(u, src, len);
	if (user_put(u->ptr, src, len))
		return -EFAULT;
	u->ptr += len;
	return 0;
}

static inline int user_get_nofault(void *dst, const void __user *src, size_t len)
{
	int err;

	pagefault_disable();
	err = user_get(dst, src, len);
	pagefault_enable();
	return err;
}

static __always_inline int ubuf_get_nofault(struct ubuf *u, void *dst, size_t len)
{
	int err;

	pagefault_disable();
	err = ubuf_get(u, dst, len);
	pagefault_enable();
	return err;
}

/* Take back the last @len bytes that were copied. */
static inline void ubuf_revert(struct ubuf *u, size_t len)
{
	if (u->iter)
		iov_iter_revert(u->iter, len);
	else
		u->ptr -= len;
}

/* Make the next @len bytes present to be read; sleeps until they are. */
static inline int ubuf_fault_in_readable(const struct ubuf *u, size_t len)
{
	if (u->iter)
		return fault_in_iov_iter_readable(u->iter, len) ? -EFAULT : 0;
	return fault_in_readable(u->ptr, len) ? -EFAULT : 0;
}

static inline int ubuf_fault_in_iter(struct iov_iter *iter, size_t len)
{
	size_t n;

	if (!fault_in_iov_iter_writeable(iter, len))
		return 0;
	n = iov_iter_zero(len, iter);
	iov_iter_revert(iter, n);
	return n == len ? 0 : -EFAULT;
}

/*
 * Make the next @len bytes writable; may sleep. What they hold stays, unless they are not
 * mapped yet: a stack grows only when it is written to.
 */
static inline int ubuf_fault_in_writeable(const struct ubuf *u, size_t len)
{
	if (u->iter)
		return ubuf_fault_in_iter(u->iter, len);
	if (!fault_in_safe_writeable(u->ptr, len))
		return 0;
	return fault_in_writeable(u->ptr, len) ? -EFAULT : 0;
}

#endif /* GOCHAN_UBUF_H */
