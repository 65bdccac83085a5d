// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs, for root: gochan/channels, a line for each channel of the machine, and
 * gochan/waiters, one for each waiter. The lines of a channel are of one instant, except
 * for dead_letters and notices; those of different channels are not. The next channel is
 * looked up by id, so channels may come and go meanwhile, and between two reads. Reading
 * holds a reference to one channel at a time, and its lock no longer than it takes to list
 * CHAN_WAITERS_MAX waiters.
 */

#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/pid_namespace.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "chan.h"
#include "debug.h"
#include "show.h"

static struct dentry *debug_dir;

/* ---- iteration; the position is 0 for the head, and then the channel's id ---- */

static void *find_from(loff_t *pos)
{
	struct chan *ch = chan_find(*pos);

	if (ch)
		*pos = chan_config(ch)->id;
	return ch;
}

static void *debug_start(struct seq_file *m, loff_t *pos)
{
	return *pos ? find_from(pos) : SEQ_START_TOKEN;
}

static void debug_stop(struct seq_file *m, void *v)
{
	if (v && v != SEQ_START_TOKEN)
		chan_put(v);
}

static void *debug_next(struct seq_file *m, void *v, loff_t *pos)
{
	debug_stop(m, v);
	/* Many channels may have nothing to show. */
	cond_resched();
	++*pos;
	return find_from(pos);
}

/* ---- gochan/channels ---- */

static int show_channel(struct seq_file *m, void *v)
{
	struct gochan_info i;

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "id capacity msg_size flags closed len bytes leased dead_letters notices ");
		seq_puts(m, "send_handles recv_handles senders_waiting receivers_waiting ");
		seq_puts(m, "sent received requeued dropped send_blocked recv_blocked\n");
		return 0;
	}
	chan_info(v, &i, NULL);
	seq_printf(m, "%llu %u %u %#x %u %u %llu %u %u %u %u %u %u %u ", i.id, i.capacity,
		   i.msg_size, i.flags, i.closed, i.len, i.bytes, i.leased,
		   chan_nr_dead_letters(v), chan_nr_notices(v), i.send_handles,
		   i.recv_handles, i.senders_waiting, i.receivers_waiting);
	seq_printf(m, "%llu %llu %llu %llu %llu %llu\n", i.sent, i.received, i.requeued,
		   i.dropped, i.send_blocked, i.recv_blocked);
	return 0;
}

static const struct seq_operations channels_sops = {
	.start = debug_start,
	.next = debug_next,
	.stop = debug_stop,
	.show = show_channel,
};
DEFINE_SEQ_ATTRIBUTE(channels);

/* ---- gochan/waiters ---- */

static int show_waiters(struct seq_file *m, void *v)
{
	struct chan_waiters *waiters = m->private;
	struct gochan_info info;
	unsigned int i;

	if (v == SEQ_START_TOKEN)
		return 0;
	chan_info(v, &info, waiters);
	for (i = 0; i < waiters->nr; i++) {
		seq_printf(m, "channel: %llu ", info.id);
		gochan_show_waiter(m, &waiters->list[i], task_active_pid_ns(current));
	}
	if (waiters->nr_more)
		seq_printf(m, "channel: %llu more: %u\n", info.id, waiters->nr_more);
	chan_waiters_put(waiters);
	return 0;
}

static const struct seq_operations waiters_sops = {
	.start = debug_start,
	.next = debug_next,
	.stop = debug_stop,
	.show = show_waiters,
};

static int waiters_open(struct inode *inode, struct file *file)
{
	/* m->private, which the mutex of the seq_file protects */
	return seq_open_private(file, &waiters_sops, sizeof(struct chan_waiters));
}

static const struct file_operations waiters_fops = {
	.owner = THIS_MODULE,
	.open = waiters_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

/* ---- load and unload ---- */

/* As everywhere, debugfs that is missing is no reason to fail. */
void gochan_debug_init(void)
{
	debug_dir = debugfs_create_dir("gochan", NULL);
	debugfs_create_file("channels", 0400, debug_dir, NULL, &channels_fops);
	debugfs_create_file("waiters", 0400, debug_dir, NULL, &waiters_fops);
}

void gochan_debug_exit(void)
{
	debugfs_remove_recursive(debug_dir);
}
