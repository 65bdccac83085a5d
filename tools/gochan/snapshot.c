// SPDX-License-Identifier: GPL-2.0
/*
 * Reading the graph from /proc. Nothing stops meanwhile: processes come, go and change,
 * so this is no snapshot of one instant. What is said of one channel and its waiters is,
 * because it comes from one read of a fdinfo, the last one.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "snapshot.h"
#include "stat.h"

/* ---- files of /proc ---- */

/* Read the first line of a file of a process or thread; false if there is none. */
static bool read_line(pid_t id, const char *name, char *line, size_t size)
{
	char path[64];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", id, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, line, size - 1);
	close(fd);
	line[len > 0 ? len : 0] = '\0';
	return len > 0;
}

/* The same for a file that a thread has of its own. */
static bool read_task_line(pid_t pid, pid_t tid, const char *name, char *line, size_t size)
{
	char file[64];

	snprintf(file, sizeof(file), "task/%d/%s", tid, name);
	return read_line(pid, file, line, size);
}

static bool read_stat(pid_t pid, struct stat_line *stat)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	return stat_read(path, stat);
}

static bool read_task_stat(pid_t pid, pid_t tid, struct stat_line *stat)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	return stat_read(path, stat);
}

/* ---- channels, handles, waiters ---- */

static bool update_leases(struct channel *channel, const struct fdinfo *info)
{
	struct fdinfo_lease *leases;

	leases = realloc(channel->leases, (info->nr_leases + 1) * sizeof(*leases));
	if (!leases)
		return false;
	memcpy(leases, info->leases, info->nr_leases * sizeof(*leases));
	channel->leases = leases;
	channel->nr_leases = info->nr_leases;
	channel->leases_not_listed = info->leases_more;
	channel->leases_not_visible = info->leases_of_others;
	return true;
}

static bool update_channel(struct channel *channel, const struct fdinfo *info)
{
	struct fdinfo_waiter *waiters;

	if (!update_leases(channel, info))
		return false;
	waiters = realloc(channel->waiters, (info->count + 1) * sizeof(*waiters));
	if (!waiters)
		return false;
	memcpy(waiters, info->waiters, info->count * sizeof(*waiters));
	channel->waiters = waiters;
	channel->count = info->count;
	channel->capacity = info->capacity;
	channel->len = info->len;
	channel->acked = info->flags & GOCHAN_ACK;
	channel->leased = info->leased;
	channel->handles[SENDING] = info->send_handles;
	channel->handles[RECEIVING] = info->recv_handles;
	channel->not_listed = info->waiters_more;
	channel->not_visible = info->waiters_of_others;
	free(channel->name);
	channel->name = NULL;
	if (!info->name[0])
		return true;
	channel->name = strdup(info->name + (info->name[0] == '/'));
	return channel->name;
}

/* 0 or -errno. */
static int add_descriptor(const struct fdinfo *info, void *arg)
{
	struct graph *graph = arg;
	struct channel *channel = graph_channel(graph, info->id);
	struct process *process;

	if (!channel || !update_channel(channel, info) ||
	    !graph_found_handle(graph, channel, info))
		return -ENOMEM;
	if (info->pid == getpid())
		return 0;
	process = graph_process(graph, info->pid);
	return process && graph_add_hold(process, channel, info) ? 0 : -ENOMEM;
}

static bool add_waiter(struct graph *graph, struct channel *channel,
		       const struct fdinfo_waiter *waiter)
{
	struct task *task;

	if (!waiter->tid) {
		channel->not_visible++;
		return true;
	}
	task = graph_task(graph, waiter->pid, waiter->tid);
	if (!task)
		return false;
	/* It was read twice, on different channels, and went on meanwhile. */
	if (task->waits && waiter->since_ns < task->since_ns)
		return true;
	if (task->waits && waiter->since_ns > task->since_ns)
		graph_drop_waits(task);
	task->activity = BLOCKED;
	task->is_select = waiter->is_select;
	task->polls = waiter->polls;
	task->has_deadline = waiter->has_deadline;
	task->since_ns = waiter->since_ns;
	return graph_add_wait(task, channel, waiter->sends ? SENDING : RECEIVING);
}

static bool add_waiters(struct graph *graph)
{
	for (size_t i = 0; i < graph->channels.count; i++) {
		struct channel *channel = graph->channels.items[i];

		for (unsigned int n = 0; n < channel->count; n++) {
			if (!add_waiter(graph, channel, &channel->waiters[n]))
				return false;
		}
	}
	return true;
}

static void read_process(struct process *process)
{
	struct stat_line stat;

	snprintf(process->command, sizeof(process->command), "?");
	if (!read_stat((pid_t)process->pid, &stat))
		return;
	snprintf(process->command, sizeof(process->command), "%s", stat.command);
	process->threads = stat.threads;
}

static void read_processes(struct graph *graph)
{
	for (size_t i = 0; i < graph->processes.count; i++)
		read_process(graph->processes.items[i]);
}

bool snapshot_read(struct graph *graph)
{
	int err;

	*graph = (struct graph){ 0 };
	if (!proc_available())
		return false;
	err = fdinfo_walk(add_descriptor, graph, &graph->walk);
	if (!err && !add_waiters(graph))
		err = -ENOMEM;
	if (err) {
		graph_free(graph);
		report_errno("/proc", -err);
		return false;
	}
	read_processes(graph);
	graph->now_ns = clock_now();
	return true;
}

/* ---- what the threads do that are not listed as waiters ---- */

/* The system call that a task sleeps in; needs the right to trace it. */
struct call {
	long number;
	unsigned long args[6];
};

static bool read_call(pid_t pid, pid_t tid, struct call *call)
{
	char line[256];

	if (!read_task_line(pid, tid, "syscall", line, sizeof(line)))
		return false;
	return sscanf(line, "%ld %lx %lx %lx %lx %lx %lx", &call->number, &call->args[0],
		      &call->args[1], &call->args[2], &call->args[3], &call->args[4],
		      &call->args[5]) == 7;
}

/* Is memory at @address shared with other processes, as far as the mapping says? */
static bool is_shared_memory(pid_t pid, unsigned long address)
{
	unsigned long start, end;
	char path[64], *line = NULL;
	bool shared = true;
	size_t size = 0;
	FILE *file;
	char kind;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	file = fopen(path, "re");
	if (!file)
		return true;
	while (getline(&line, &size, file) >= 0) {
		if (sscanf(line, "%lx-%lx %*3c%c", &start, &end, &kind) == 3 &&
		    address >= start && address < end) {
			shared = kind != 'p';
			break;
		}
	}
	free(line);
	fclose(file);
	return shared;
}

/* A mutex, condition or join without a time limit, among the threads of a process. */
static bool waits_for_thread(pid_t pid, const struct call *call)
{
	const unsigned long op = call->args[1] & (unsigned long)FUTEX_CMD_MASK;

	if (call->number != SYS_futex || (op != FUTEX_WAIT && op != FUTEX_WAIT_BITSET) ||
	    call->args[3])
		return false;
	return (call->args[1] & FUTEX_PRIVATE_FLAG) || !is_shared_memory(pid, call->args[0]);
}

/* The direction of a read or write; false if it is another call. */
static bool call_dir(const struct call *call, enum dir *dir)
{
	switch (call->number) {
	case SYS_read:
	case SYS_readv:
	case SYS_preadv:
	case SYS_preadv2:
		*dir = RECEIVING;
		return true;
	case SYS_write:
	case SYS_writev:
	case SYS_pwritev:
	case SYS_pwritev2:
		*dir = SENDING;
		return true;
	default:
		return false;
	}
}

static struct channel *held_channel(const struct process *process, unsigned long fd)
{
	for (const struct hold *hold = process->holds; hold; hold = hold->next_of_process) {
		if ((unsigned long)hold->fd == fd)
			return hold->channel;
	}
	return NULL;
}

/* Does it block in a read or write, and fdinfo did not list it among too many? */
static bool add_unlisted(struct task *task, const struct call *call)
{
	struct channel *channel;
	enum dir dir;

	if (!call_dir(call, &dir))
		return true;
	channel = held_channel(task->process, call->args[0]);
	if (!channel || !channel->not_listed)
		return true;
	channel->not_listed--;
	task->activity = BLOCKED;
	return graph_add_wait(task, channel, dir);
}

static bool read_activity(struct task *task)
{
	const pid_t pid = (pid_t)task->process->pid, tid = (pid_t)task->tid;
	struct call call;
	char line[64];

	if (read_call(pid, tid, &call)) {
		if (call.number == SYS_wait4 || call.number == SYS_waitid)
			task->activity = WAITS_FOR_CHILD;
		else if (waits_for_thread(pid, &call))
			task->activity = WAITS_FOR_THREAD;
		else
			return add_unlisted(task, &call);
		return true;
	}
	/* wchan needs fewer rights than syscall does. */
	if (read_task_line(pid, tid, "wchan", line, sizeof(line)) && strcmp(line, "do_wait") == 0)
		task->activity = WAITS_FOR_CHILD;
	return true;
}

/* How often a task has gone to sleep; -1 if it is not known. */
static long long read_switches(pid_t pid, pid_t tid)
{
	char path[64], *line = NULL;
	long long switches = -1;
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	while (switches < 0 && getline(&line, &size, file) >= 0)
		sscanf(line, "voluntary_ctxt_switches: %lld", &switches);
	free(line);
	fclose(file);
	return switches;
}

/*
 * What a task does that fdinfo does not list. Since when is not known: if it sleeps in a
 * later look, and was not switched since it was seen to sleep here, it slept all the time.
 */
static bool read_unlisted(struct task *task)
{
	if (!read_activity(task))
		return false;
	if (task->activity == BUSY)
		return true;
	task->switches = read_switches((pid_t)task->process->pid, (pid_t)task->tid);
	if (task->switches < 0)
		task->activity = BUSY;
	return true;
}

static bool read_thread(struct graph *graph, struct process *process, pid_t tid)
{
	struct task *task = index_find(&graph->tasks, (uint64_t)tid);
	struct stat_line stat;

	if (!read_task_stat((pid_t)process->pid, tid, &stat) || stat_has_exited(&stat))
		return true;
	if (!task)
		task = graph_task(graph, (pid_t)process->pid, tid);
	if (!task)
		return false;
	task->stopped = stat_is_stopped(&stat);
	return task->activity == BLOCKED || task->stopped || read_unlisted(task);
}

static bool read_threads(struct graph *graph, struct process *process)
{
	bool memory = true;
	struct dirent *entry;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (pid_t)process->pid);
	dir = opendir(path);
	if (!dir)
		return true;
	while (memory && (entry = readdir(dir))) {
		if (isdigit((unsigned char)entry->d_name[0]))
			memory = read_thread(graph, process, atoi(entry->d_name));
	}
	closedir(dir);
	process->threads_known = memory && process->tasks;
	return memory;
}

static bool concerns_waiters(const struct process *process)
{
	const struct hold *hold;

	if (process->tasks)
		return true;
	for (hold = process->holds; hold; hold = hold->next_of_process) {
		if (hold->channel->waits)
			return true;
	}
	return false;
}

/* ---- children ---- */

static bool waits_for_child(const struct process *process)
{
	const struct task *task;

	for (task = process->tasks; task; task = task->next_of_process) {
		if (task->activity == WAITS_FOR_CHILD)
			return true;
	}
	return false;
}

static bool add_child(struct graph *graph, pid_t pid, struct process *parent, bool *found)
{
	struct process *child = graph_process(graph, pid);

	if (!child)
		return false;
	if (child->parent)
		return true;
	child->parent = parent;
	child->next_sibling = parent->children;
	parent->children = child;
	*found = true;
	return child->threads_known || read_threads(graph, child);
}

/*
 * Add the children of processes that wait for one; @found says whether there were any.
 * Returns 0 or -errno.
 */
static int read_children_once(struct graph *graph, bool *found)
{
	struct process *parent;
	struct dirent *entry;
	struct stat_line stat;
	bool memory = true;
	pid_t pid;
	DIR *dir;

	*found = false;
	dir = opendir("/proc");
	if (!dir)
		return -errno;
	while (memory && (entry = readdir(dir))) {
		pid = atoi(entry->d_name);
		if (pid <= 0 || !read_stat(pid, &stat) || stat_is_over(&stat))
			continue;
		parent = index_find(&graph->processes, (uint64_t)stat.parent);
		if (parent && waits_for_child(parent))
			memory = add_child(graph, pid, parent, found);
	}
	closedir(dir);
	return memory ? 0 : -ENOMEM;
}

static int read_children(struct graph *graph)
{
	bool more = false;
	int err = 0;

	for (size_t i = 0; i < graph->processes.count && !more; i++)
		more = waits_for_child(graph->processes.items[i]);
	while (more && !err)
		err = read_children_once(graph, &more);
	return err;
}

bool snapshot_read_threads(struct graph *graph)
{
	bool memory = true;
	int err;

	for (size_t i = 0; i < graph->processes.count && memory; i++) {
		struct process *process = graph->processes.items[i];

		if (concerns_waiters(process))
			memory = read_threads(graph, process);
	}
	err = memory ? read_children(graph) : -ENOMEM;
	if (err) {
		report_errno("/proc", -err);
		return false;
	}
	read_processes(graph);
	return true;
}
