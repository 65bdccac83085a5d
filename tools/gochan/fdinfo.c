// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/PID/fdinfo: finding handles of channels, and parsing what the module says there.
 * Threads share the table of descriptors of their process, with few exceptions.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "fdinfo.h"
#include "stat.h"

#define PROC			"/proc"
#define PROC_SUPER_MAGIC	0x9fa0

/* Each byte of a name may be an escape of four, and a waiter or lease takes some 120. */
#define TEXT_SIZE		(4 * NAME_PATH_SIZE + 192 * (FDINFO_WAITERS + FDINFO_LEASES))

/* ---- parsing ---- */

static const struct {
	const char *key;
	size_t offset;
} numbers[] = {
	{ "capacity", offsetof(struct fdinfo, capacity) },
	{ "msg-size", offsetof(struct fdinfo, msg_size) },
	{ "flags", offsetof(struct fdinfo, flags) },
	{ "len", offsetof(struct fdinfo, len) },
	{ "leased", offsetof(struct fdinfo, leased) },
	{ "closed", offsetof(struct fdinfo, closed) },
	{ "send-handles", offsetof(struct fdinfo, send_handles) },
	{ "recv-handles", offsetof(struct fdinfo, recv_handles) },
	{ "senders-waiting", offsetof(struct fdinfo, senders_waiting) },
	{ "receivers-waiting", offsetof(struct fdinfo, receivers_waiting) },
	{ "waiters-of-others", offsetof(struct fdinfo, waiters_of_others) },
	{ "waiters-more", offsetof(struct fdinfo, waiters_more) },
	{ "leases-of-others", offsetof(struct fdinfo, leases_of_others) },
	{ "leases-more", offsetof(struct fdinfo, leases_more) },
};

static void parse_number(struct fdinfo *info, const char *key, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		unsigned int *number = (unsigned int *)((char *)info + numbers[i].offset);

		if (strcmp(key, numbers[i].key) == 0)
			*number = (unsigned int)strtoul(value, NULL, 0);
	}
}

/* The kernel's escapes are a backslash and three octal digits. */
static bool is_escape(const char *text)
{
	return text[0] == '\\' && strspn(text + 1, "01234567") >= 3;
}

static void parse_name(struct fdinfo *info, const char *value)
{
	char *to = info->name;

	while (*value && to < info->name + sizeof(info->name) - 1) {
		if (is_escape(value)) {
			*to++ = (char)strtoul((char[]){ value[1], value[2], value[3], '\0' },
					      NULL, 8);
			value += 4;
		} else {
			*to++ = *value++;
		}
	}
	*to = '\0';
}

static void parse_waiter(struct fdinfo *info, const char *value)
{
	struct fdinfo_waiter *waiter = &info->waiters[info->count];
	int is_select, polls, has_deadline, since = 0;
	long long seconds, ns;
	char op[8];

	if (info->count == FDINFO_WAITERS)
		return;
	if (sscanf(value, "pid: %d tid: %d op: %7s select: %d poll: %d deadline: %d since: %n",
		   &waiter->pid, &waiter->tid, op, &is_select, &polls, &has_deadline,
		   &since) != 6 || sscanf(value + since, "%lld.%lld", &seconds, &ns) != 2)
		return;
	waiter->sends = strcmp(op, "send") == 0;
	waiter->is_select = is_select;
	waiter->polls = polls;
	waiter->has_deadline = has_deadline;
	waiter->since_ns = seconds * 1000000000 + ns;
	info->count++;
}

static void parse_lease(struct fdinfo *info, const char *value)
{
	struct fdinfo_lease *lease = &info->leases[info->nr_leases];
	unsigned long long id, seq;
	long long seconds, ns;

	if (info->nr_leases == FDINFO_LEASES)
		return;
	if (sscanf(value, "pid: %d lease: %llu seq: %llu deliveries: %u since: %lld.%lld",
		   &lease->pid, &id, &seq, &lease->deliveries, &seconds, &ns) != 6)
		return;
	lease->lease = id;
	lease->seq = seq;
	lease->since_ns = seconds * 1000000000 + ns;
	info->nr_leases++;
}

static void parse_line(struct fdinfo *info, const char *key, const char *value)
{
	if (strcmp(key, "id") == 0) {
		info->id = strtoull(value, NULL, 10);
	} else if (strcmp(key, "handle") == 0) {
		info->handle = strtoull(value, NULL, 10);
	} else if (strcmp(key, "name") == 0) {
		parse_name(info, value);
	} else if (strcmp(key, "rights") == 0) {
		info->may_send = strstr(value, "send");
		info->may_receive = strstr(value, "recv");
	} else if (strcmp(key, "waiter") == 0) {
		parse_waiter(info, value);
	} else if (strcmp(key, "lease") == 0) {
		parse_lease(info, value);
	} else {
		parse_number(info, key, value);
	}
}

static void parse(struct fdinfo *info, char *text)
{
	static const char prefix[] = "gochan-";
	char *save, *line;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *value = strstr(line, ":\t");

		if (!value || strncmp(line, prefix, strlen(prefix)) != 0)
			continue;
		*value = '\0';
		parse_line(info, line + strlen(prefix), value + strlen(":\t"));
	}
}

/* ---- reading ---- */

/* The length, 0 if it is not of a channel, or -errno. */
static ssize_t read_text(int dir, const char *name, char text[TEXT_SIZE])
{
	const int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t len, total;

	if (fd < 0)
		return -errno;
	total = read(fd, text, TEXT_SIZE - 1);
	len = total;
	text[total > 0 ? total : 0] = '\0';
	/* That of an epoll or inotify descriptor may be long. */
	if (total > 0 && !strstr(text, "\ngochan-id:\t"))
		total = 0;
	while (total > 0 && len > 0 && total < TEXT_SIZE - 1) {
		len = read(fd, text + total, (size_t)(TEXT_SIZE - 1 - total));
		if (len > 0)
			total += len;
	}
	if (len < 0)
		total = -errno;
	close(fd);
	if (total > 0)
		text[total] = '\0';
	return total;
}

/* As read_text(). */
static ssize_t read_in(int dir, const char *name, struct fdinfo *info)
{
	static char text[TEXT_SIZE];
	const ssize_t len = read_text(dir, name, text);

	if (len <= 0)
		return len;
	*info = (struct fdinfo){ .fd = atoi(name) };
	parse(info, text);
	return len;
}

bool fdinfo_read(pid_t pid, int fd, struct fdinfo *info)
{
	char path[64];

	snprintf(path, sizeof(path), PROC "/%d/fdinfo/%d", pid, fd);
	if (read_in(AT_FDCWD, path, info) <= 0)
		return false;
	info->pid = pid;
	info->tid = pid;
	info->fd = fd;
	return true;
}

bool proc_available(void)
{
	struct statfs fs;

	if (statfs(PROC, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC)
		return true;
	print_error("%s: not mounted, and waiters are shown only there: sudo mount -t proc none %s",
		    PROC, PROC);
	return false;
}

/* ---- the walk ---- */

struct visitor {
	int (*visit)(const struct fdinfo *info, void *arg);
	void *arg;
	int err;	/* what @visit returned */
};

enum table { SEEN, HIDDEN, GONE };

/* What cannot be read for any other reason may have handles. */
static enum table table_error(int err)
{
	return err == ENOENT || err == ESRCH ? GONE : HIDDEN;
}

static enum table walk_table(const char *path, pid_t pid, pid_t tid, struct visitor *visitor)
{
	static struct fdinfo info;
	enum table result = SEEN;
	struct dirent *entry;
	DIR *dir = opendir(path);
	ssize_t len;

	if (!dir)
		return table_error(errno);
	while (result == SEEN && !visitor->err && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		len = read_in(dirfd(dir), entry->d_name, &info);
		if (len < 0 && table_error((int)-len) == HIDDEN)
			result = HIDDEN;
		if (len <= 0)
			continue;
		info.pid = pid;
		info.tid = tid;
		visitor->err = visitor->visit(&info, visitor->arg);
	}
	closedir(dir);
	return result;
}

static bool share_table(pid_t one, pid_t other)
{
	/* An error says nothing: threads that do not share are rare. */
	return syscall(SYS_kcmp, one, other, KCMP_FILES, 0UL, 0UL) <= 0;
}

/* Threads that do not share the descriptors of the others. */
static void walk_threads(pid_t pid, struct visitor *visitor)
{
	struct dirent *entry;
	pid_t last = pid;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), PROC "/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return;
	while (!visitor->err && (entry = readdir(dir))) {
		const pid_t tid = atoi(entry->d_name);

		if (tid <= 0 || tid == pid || share_table(pid, tid) || share_table(last, tid))
			continue;
		last = tid;
		snprintf(path, sizeof(path), PROC "/%d/task/%d/fdinfo", pid, tid);
		walk_table(path, pid, tid, visitor);
	}
	closedir(dir);
}

/* Kernel threads have no descriptors, and zombies have none any more. */
static bool has_descriptors(pid_t pid)
{
	struct stat_line stat;
	char path[64];

	snprintf(path, sizeof(path), PROC "/%d/stat", pid);
	if (!stat_read(path, &stat))
		return table_error(errno) == HIDDEN;
	return !stat_is_over(&stat) && !stat_is_kernel_thread(&stat);
}

static void walk_process(pid_t pid, struct visitor *visitor, struct fdinfo_walk *walk)
{
	char path[64];

	snprintf(path, sizeof(path), PROC "/%d/fdinfo", pid);
	switch (walk_table(path, pid, pid, visitor)) {
	case SEEN:
		walk->processes++;
		walk_threads(pid, visitor);
		break;
	case HIDDEN:
		if (has_descriptors(pid))
			walk->hidden++;
		break;
	case GONE:
		break;
	}
}

int fdinfo_walk(int (*visit)(const struct fdinfo *info, void *arg), void *arg,
		struct fdinfo_walk *walk)
{
	struct visitor visitor = { .visit = visit, .arg = arg };
	struct dirent *entry;
	DIR *dir;

	*walk = (struct fdinfo_walk){ 0 };
	dir = opendir(PROC);
	if (!dir)
		return -errno;
	while (!visitor.err && (entry = readdir(dir))) {
		if (isdigit((unsigned char)entry->d_name[0]))
			walk_process(atoi(entry->d_name), &visitor, walk);
	}
	closedir(dir);
	/* The first process is there, and as a rule another user's. */
	walk->hides_others = access(PROC "/1", F_OK) != 0;
	return visitor.err;
}
