/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What fdinfo and debugfs tell of a channel, as text (show.c).
 */
#ifndef GOCHAN_SHOW_H
#define GOCHAN_SHOW_H

#include <linux/types.h>

struct chan_waiter;
struct chan_waiters;
struct gochan_info;
struct pid_namespace;
struct seq_file;

const char *gochan_rights(bool may_send, bool may_receive);
void gochan_show_state(struct seq_file *m, const struct gochan_info *info);
void gochan_show_waiter(struct seq_file *m, const struct chan_waiter *w,
			struct pid_namespace *ns);
void gochan_show_waiters(struct seq_file *m, const struct chan_waiters *waiters);

#endif /* GOCHAN_SHOW_H */
