/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files that travel in messages (R16).
 *
 * A pass is made by the sender and seen by the receiver that took its message.
 * The sender waits until that receiver has copied the message and, if it wants
 * it, installed the file, or has failed and left the message. So
 * there is never a file on the way without somebody who waits; only death ends
 * that wait, and then the receiver still has its own reference.
 */
#ifndef GOCHAN_PASS_H
#define GOCHAN_PASS_H

#include <linux/completion.h>
#include <linux/refcount.h>

struct file;

/**
 * struct pass - a file on its way
 * @refs: the sender, and the receiver that has the message
 * @file: the file, a counted reference
 * @settled: the receiver is done
 * @result: 0 when it has the file, -EAGAIN when it left the message; written
 *	before @settled
 */
struct pass {
	refcount_t refs;
	struct file *file;
	struct completion settled;
	int result;
};

struct pass *pass_make(int fd);
void pass_put(struct pass *pass);
void pass_settle(struct pass *pass, int result);
int pass_wait(struct pass *pass);
int pass_install(const struct pass *pass, int __user *ufd);

static inline struct pass *pass_get(struct pass *pass)
{
	refcount_inc(&pass->refs);
	return pass;
}

#endif /* GOCHAN_PASS_H */
