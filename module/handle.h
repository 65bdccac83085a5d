/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Handles: open files on channels (file.c), for code that finds a channel by its file.
 */
#ifndef GOCHAN_HANDLE_H
#define GOCHAN_HANDLE_H

#include <linux/fs.h>

struct chan;
struct lease_owner;
struct pid;
struct quota_user;

/**
 * struct handle - what a file on a channel knows; constant
 * @ch: the channel, a counted reference
 * @id: unique until the module is unloaded; shows which descriptors share a handle
 * @opener: the process that opened it, a counted reference
 * @user: its user, a counted reference: sends and receives find it, and need not make it
 */
struct handle {
	struct chan *ch;
	u64 id;
	struct pid *opener;
	struct quota_user *user;
};

extern const struct file_operations gochan_fops;
extern bool gochan_loaded;		/* main.c: loading cannot fail any more */

int gochan_owner_get(struct file *file, struct lease_owner **owner);
int gochan_ack(struct file *file, u64 lease, bool requeue);

static inline bool file_is_handle(const struct file *file)
{
	return file->f_op == &gochan_fops;
}

static inline struct chan *file_chan(const struct file *file)
{
	return ((const struct handle *)file->private_data)->ch;
}

#endif /* GOCHAN_HANDLE_H */
