/* SPDX-License-Identifier: GPL-2.0 */
/*
 * gochanfs, the filesystem of named channels, and the internal one of unnamed handles
 * (fs.c).
 */
#ifndef GOCHAN_FS_H
#define GOCHAN_FS_H

#include <linux/fs.h>

struct chan;
struct seq_file;

int gochan_fs_init(void);
int gochan_fs_register(void);
void gochan_fs_unregister(void);
void gochan_fs_exit(void);

struct chan *gochan_fs_chan(const struct inode *inode);
bool gochan_fs_owned(struct inode *inode);
void gochan_fs_show_name(struct seq_file *m, struct inode *inode);
struct file *gochan_fs_internal_file(const struct file_operations *fops, void *private,
				     int flags);
void gochan_fs_release(const struct inode *inode);

#endif /* GOCHAN_FS_H */
