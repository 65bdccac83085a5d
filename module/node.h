/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names of channels and their device files (node.c).
 */
#ifndef GOCHAN_NODE_H
#define GOCHAN_NODE_H

#include <linux/fs.h>
#include <linux/types.h>

struct chan;

int gochan_node_init(void);
void gochan_node_exit(void);
int gochan_node_serve(const struct file_operations *fops);
void gochan_node_set_ready(void);
void gochan_node_unserve(void);

int gochan_node_link(struct chan *ch, const char *name, umode_t mode);
int gochan_node_unlink(struct chan *ch);
int gochan_node_unlink_path(const char *path);
void gochan_node_unlink_all(void);
struct chan *gochan_node_open(const struct inode *inode);
int gochan_node_may_close(struct chan *ch);
bool gochan_node_is_named(const struct inode *inode);

#endif /* GOCHAN_NODE_H */
