// SPDX-License-Identifier: GPL-2.0
/*
 * Short copies from and to user space, see ubuf.h.
 */

#include <linux/fault-inject-usercopy.h>

#include "ubuf.h"

/* What one turn copies, as long as there is as much. */
struct block {
	unsigned long word[4];
};

/* copy_from_user() of at most UBUF_SHORT_MAX bytes; if it fails @dst is undefined. */
int user_get_short(void *dst, const void __user *src, size_t len)
{
	if (should_fail_usercopy() || !user_read_access_begin(src, len))
		return -EFAULT;
	for (; len >= sizeof(struct block); len -= sizeof(struct block)) {
		const struct block __user *from = src;
		struct block *to = dst;

		unsafe_get_user(to->word[0], &from->word[0], fault);
		unsafe_get_user(to->word[1], &from->word[1], fault);
		unsafe_get_user(to->word[2], &from->word[2], fault);
		unsafe_get_user(to->word[3], &from->word[3], fault);
		src += sizeof(*from);
		dst += sizeof(*to);
	}
	for (; len >= sizeof(long); len -= sizeof(long)) {
		unsafe_get_user(*(long *)dst, (const long __user *)src, fault);
		src += sizeof(long);
		dst += sizeof(long);
	}
	for (; len; len--)
		unsafe_get_user(*(u8 *)dst++, (const u8 __user *)src++, fault);
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

/* copy_to_user() of at most UBUF_SHORT_MAX bytes. */
int user_put_short(void __user *dst, const void *src, size_t len)
{
	if (should_fail_usercopy() || !user_write_access_begin(dst, len))
		return -EFAULT;
	for (; len >= sizeof(struct block); len -= sizeof(struct block)) {
		struct block __user *to = dst;
		const struct block *from = src;

		unsafe_put_user(from->word[0], &to->word[0], fault);
		unsafe_put_user(from->word[1], &to->word[1], fault);
		unsafe_put_user(from->word[2], &to->word[2], fault);
		unsafe_put_user(from->word[3], &to->word[3], fault);
		src += sizeof(*from);
		dst += sizeof(*to);
	}
	for (; len >= sizeof(long); len -= sizeof(long)) {
		unsafe_put_user(*(const long *)src, (long __user *)dst, fault);
		src += sizeof(long);
		dst += sizeof(long);
	}
	for (; len; len--)
		unsafe_put_user(*(const u8 *)src++, (u8 __user *)dst++, fault);
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}
