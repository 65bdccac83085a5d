// SPDX-License-Identifier: GPL-2.0
/*
 * Files that travel in messages: made, waited for, installed. Which message
 * carries one, and who gets it, is chan.c's.
 */

#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>

#include "compat.h"
#include "pass.h"

/**
 * pass_make() - begin to pass a file
 * @fd: the caller's descriptor; as with SCM_RIGHTS also one made by O_PATH
 *
 * Return: the pass, or an ERR_PTR: -EBADF, -ENOMEM.
 */
struct pass *pass_make(int fd)
{
	struct pass *pass = kmalloc(sizeof(*pass), GFP_KERNEL_ACCOUNT);

	if (!pass)
		return ERR_PTR(-ENOMEM);
	pass->file = fget_raw(fd);
	if (!pass->file) {
		kfree(pass);
		return ERR_PTR(-EBADF);
	}
	refcount_set(&pass->refs, 1);
	init_completion(&pass->settled);
	return pass;
}

void pass_put(struct pass *pass)
{
	if (!pass || !refcount_dec_and_test(&pass->refs))
		return;
	fput(pass->file);
	kfree(pass);
}

/* The receiver has the file, or left the message: tell the sender. */
void pass_settle(struct pass *pass, int result)
{
	pass->result = result;
	complete(&pass->settled);
}

/**
 * pass_wait() - wait for the receiver that has the message
 * @pass: the pass; may be used anew when this returned -EAGAIN
 *
 * Return: 0 when the receiver has the file or did not want it; -EAGAIN when it
 * left the message; -EINTR when the caller is being killed.
 */
int pass_wait(struct pass *pass)
{
	if (wait_for_completion_state(&pass->settled,
				      TASK_KILLABLE | TASK_FREEZABLE))
		return -EINTR;
	return pass->result;
}

/**
 * pass_install() - give the file to the caller
 * @pass: the pass
 * @ufd: where the descriptor's number is written
 *
 * Return: 0; -EMFILE, -EFAULT, or what a security module says.
 */
int pass_install(const struct pass *pass, int __user *ufd)
{
	int fd = compat_receive_fd(pass->file, ufd, O_CLOEXEC);

	if (fd < 0)
		return fd;
	return 0;
}
