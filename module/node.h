/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names of channels and their device files (node.c).
 */
#ifndef GOCHAN_NODE_H
#define GOCHAN_NODE_H

#include <linux/fs.h>
#include <linux/types.h>

struct chan;

int node_init(void);
void node_exit(void);
int node_serve(const struct file_operations *fops);
void node_set_ready(void);
void node_unserve(void);

int node_link(struct chan *ch, const char *name, umode_t mode);
int node_unlink(struct chan *ch);
int node_unlink_path(const char *path);
void node_unlink_all(void);
struct chan *node_open(const struct inode *inode);
int node_may_close(struct chan *ch);

#endif /* GOCHAN_NODE_H */
