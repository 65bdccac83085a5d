/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Handles: open files on channels (file.c).
 */
#ifndef GOCHAN_FILE_H
#define GOCHAN_FILE_H

#include <linux/fs.h>

struct chan;
struct pid;

/**
 * struct handle - what a file on a channel knows; constant
 * @ch: the channel, a counted reference
 * @opener: the process that opened it, a counted reference
 */
struct handle {
	struct chan *ch;
	struct pid *opener;
};

extern const struct file_operations gochan_fops;
extern const struct file_operations gochan_named_fops;

static inline bool file_is_handle(const struct file *file)
{
	return file->f_op == &gochan_fops || file->f_op == &gochan_named_fops;
}

static inline struct chan *file_chan(const struct file *file)
{
	return ((const struct handle *)file->private_data)->ch;
}

#endif /* GOCHAN_FILE_H */
