// SPDX-License-Identifier: GPL-2.0
/*
 * What fdinfo and debugfs show of a channel, as text (R22), and which waiters a reader may
 * see. No locks here: the state was copied under the channel's lock, with a reference to
 * each task, which may have exited since.
 */

#include <linux/cred.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/time_namespace.h>

#include "chan.h"
#include "show.h"

const char *gochan_rights(bool may_send, bool may_receive)
{
	if (may_send)
		return may_receive ? "send recv" : "send";
	return may_receive ? "recv" : "none";
}

void gochan_show_state(struct seq_file *m, const struct gochan_info *info)
{
	seq_printf(m, "gochan-capacity:\t%u\n", info->capacity);
	seq_printf(m, "gochan-msg-size:\t%u\n", info->msg_size);
	seq_printf(m, "gochan-flags:\t%#x\n", info->flags);
	seq_printf(m, "gochan-len:\t%u\n", info->len);
	seq_printf(m, "gochan-leased:\t%u\n", info->leased);
	seq_printf(m, "gochan-closed:\t%u\n", info->closed);
	seq_printf(m, "gochan-send-handles:\t%u\n", info->send_handles);
	seq_printf(m, "gochan-recv-handles:\t%u\n", info->recv_handles);
	seq_printf(m, "gochan-senders-waiting:\t%u\n", info->senders_waiting);
	seq_printf(m, "gochan-receivers-waiting:\t%u\n", info->receivers_waiting);
}

/* A waiter, with its ids in @ns, 0 if it is not visible there or has exited. */
void gochan_show_waiter(struct seq_file *m, const struct chan_waiter *w,
			struct pid_namespace *ns)
{
	struct timespec64 since = ktime_to_timespec64(min(w->since, ktime_get()));
	pid_t tid = task_pid_nr_ns(w->task, ns), pid = task_tgid_nr_ns(w->task, ns);

	/* It may be reaped between the two. */
	if (!pid)
		tid = 0;
	if (!tid)
		pid = 0;
	timens_add_monotonic(&since);
	seq_printf(m, "pid: %d tid: %d op: %s select: %d poll: %d deadline: %d ",
		   pid, tid, w->dir == CHAN_SEND ? "send" : "recv", w->is_select, w->polls,
		   w->has_deadline);
	seq_printf(m, "since: %lld.%09ld\n", (s64)since.tv_sec, since.tv_nsec);
}

/*
 * May the opener of @m see the task? It may see those of its own user, and others with
 * CAP_SYS_PTRACE over the task's user namespace, as ptrace(2) has it: so root of a
 * container sees all that waits in it, and nobody outside.
 */
static bool may_see(const struct seq_file *m, struct task_struct *task)
{
	const struct cred *cred = get_task_cred(task);
	bool may = uid_eq(cred->euid, m->file->f_cred->fsuid) ||
		   file_ns_capable(m->file, cred->user_ns, CAP_SYS_PTRACE);

	put_cred(cred);
	return may;
}

/* A lease, with its owner's process id in @ns, 0 if that is not visible there or has exited. */
static void show_lease(struct seq_file *m, const struct chan_lease *l,
		       const struct task_struct *task, struct pid_namespace *ns)
{
	struct timespec64 since = ktime_to_timespec64(min(l->since, ktime_get()));

	timens_add_monotonic(&since);
	seq_printf(m, "gochan-lease:\tpid: %d lease: %llu seq: %llu deliveries: %u ",
		   task ? pid_nr_ns(l->pid, ns) : 0, l->id, l->seq, l->deliveries);
	seq_printf(m, "since: %lld.%09ld\n", (s64)since.tv_sec, since.tv_nsec);
}

/* For fdinfo: a line for each lease, as for waiters. */
static void show_leases(struct seq_file *m, const struct chan_waiters *waiters,
			struct pid_namespace *ns)
{
	unsigned int i, others = 0;

	for (i = 0; i < waiters->nr_leases; i++) {
		const struct chan_lease *l = &waiters->leases[i];
		struct task_struct *task = get_pid_task(l->pid, PIDTYPE_TGID);

		if (task && !may_see(m, task))
			others++;
		else
			show_lease(m, l, task, ns);
		if (task)
			put_task_struct(task);
	}
	if (others)
		seq_printf(m, "gochan-leases-of-others:\t%u\n", others);
	if (waiters->nr_leases_more)
		seq_printf(m, "gochan-leases-more:\t%u\n", waiters->nr_leases_more);
}

/* For fdinfo: a line for each waiter, with ids as /proc has them where it is read. */
void gochan_show_waiters(struct seq_file *m, const struct chan_waiters *waiters)
{
	struct pid_namespace *ns = proc_pid_ns(file_inode(m->file)->i_sb);
	unsigned int i, others = 0;

	for (i = 0; i < waiters->nr; i++) {
		if (!may_see(m, waiters->list[i].task)) {
			others++;
			continue;
		}
		seq_puts(m, "gochan-waiter:\t");
		gochan_show_waiter(m, &waiters->list[i], ns);
	}
	seq_printf(m, "gochan-waiters-of-others:\t%u\n", others);
	seq_printf(m, "gochan-waiters-more:\t%u\n", waiters->nr_more);
	show_leases(m, waiters, ns);
}
