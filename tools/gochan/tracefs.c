// SPDX-License-Identifier: GPL-2.0
/*
 * An instance of tracefs: made, set up and removed. libtracefs would do it as well, but
 * it is a dependency for a dozen writes to files, whose names are the kernel's ABI.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tracefs.h"

#define TRACEFS_MAGIC	0x74726163
#define MOUNT		"sudo mount -t tracefs nodev /sys/kernel/tracing"
#define WITHOUT_ROOT	"GOCHAN_DEBUG=1 shows the calls of your own programs"
#define PREFIX		"gochan-"

/* Older systems know only the second one, which debugfs mounts when it is accessed. */
static const char *const mounts[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };

/* Events of gochan whose channel is a field. */
static const char *const channel_events[] = {
	"create", "setup", "free", "send", "recv", "requeue", "lease", "ack", "block", "unblock",
	"close", "hangup", "link", "unlink",
};

/*
 * A new instance has the options of the system's own; these would change the text. Some
 * kernels do not have all of them.
 */
static const char *const options_off[] = {
	"bin", "hex", "raw", "verbose", "latency-format", "record-tgid", "fields",
};

static int put(const struct tracefs *fs, const char *file, const char *text)
{
	char path[256];
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s/%s", fs->dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

static enum status failed(const struct tracefs *fs, const char *file, int err)
{
	print_error("%s/%s: %s", fs->dir, file, strerror(-err));
	return FAILED;
}

/* Where tracefs is mounted, or NULL. */
static const char *find_mount(void)
{
	struct statfs st;

	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		if (statfs(mounts[i], &st) == 0 && st.f_type == TRACEFS_MAGIC)
			return mounts[i];
	}
	return NULL;
}

static enum status report_no_tracefs(void)
{
	if (access(mounts[0], F_OK) == 0)
		print_error("trace: tracefs is not mounted: " MOUNT);
	else
		print_error("trace: this kernel has no tracing, or /sys is not mounted");
	return FAILED;
}

static enum status report_no_rights(const char *mount, int err)
{
	if (geteuid() != 0)
		print_error("trace: no access to %s: run it with sudo; " WITHOUT_ROOT, mount);
	else if (err == EPERM)
		print_error("trace: not permitted, not even to root: is the kernel locked down?");
	else
		print_error("trace: %s/instances: %s", mount, strerror(err));
	return FAILED;
}

static enum status report_no_events(void)
{
	if (access("/sys/module/gochan", F_OK) < 0)
		print_error("trace: the module is not loaded: sudo modprobe gochan");
	else
		print_error("trace: the module has no tracepoints in this kernel; " WITHOUT_ROOT);
	return FAILED;
}

/* Remove instances of processes that were killed. Those in use cannot be removed. */
static void remove_leftovers(const char *instances)
{
	const size_t len = strlen(PREFIX);
	const struct dirent *entry;
	struct tracefs old;
	DIR *dir = opendir(instances);
	int pid;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (strncmp(entry->d_name, PREFIX, len) != 0)
			continue;
		pid = (int)strtol(entry->d_name + len, NULL, 10);
		if (pid <= 0 || kill(pid, 0) == 0 || errno != ESRCH)
			continue;
		snprintf(old.dir, sizeof(old.dir), "%s/" PREFIX "%d", instances, pid);
		old.pipe = -1;
		tracefs_close(&old);
	}
	closedir(dir);
}

/* One with our name is a leftover of another process that had our ID. */
static int make_directory(const char *dir)
{
	if (mkdir(dir, 0700) == 0)
		return 0;
	if (errno != EEXIST || rmdir(dir) < 0)
		return -1;
	return mkdir(dir, 0700);
}

static enum status set_up(struct tracefs *fs)
{
	char path[256];
	int err;

	snprintf(path, sizeof(path), "%s/events/gochan", fs->dir);
	if (access(path, F_OK) < 0)
		return report_no_events();
	for (size_t i = 0; i < ARRAY_SIZE(options_off); i++) {
		snprintf(path, sizeof(path), "options/%s", options_off[i]);
		put(fs, path, "0");
	}
	put(fs, "options/context-info", "1");
	/* Wake up readers at the first event. */
	put(fs, "buffer_percent", "0");
	err = put(fs, "trace_clock", "mono");
	if (err)
		return failed(fs, "trace_clock", err);
	snprintf(path, sizeof(path), "%s/trace_pipe", fs->dir);
	fs->pipe = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return fs->pipe < 0 ? failed(fs, "trace_pipe", -errno) : DONE;
}

enum status tracefs_open(struct tracefs *fs)
{
	const char *mount = find_mount();
	char instances[64];
	enum status status;

	fs->pipe = -1;
	fs->dir[0] = '\0';
	/* What is below a directory without permission is not known. */
	if (!mount && access(mounts[0], X_OK) < 0 && errno == EACCES)
		return report_no_rights(mounts[0], EACCES);
	if (!mount)
		return report_no_tracefs();
	snprintf(instances, sizeof(instances), "%s/instances", mount);
	remove_leftovers(instances);
	snprintf(fs->dir, sizeof(fs->dir), "%s/" PREFIX "%d", instances, getpid());
	if (make_directory(fs->dir) < 0) {
		fs->dir[0] = '\0';
		return report_no_rights(mount, errno);
	}
	status = set_up(fs);
	if (status != DONE)
		tracefs_close(fs);
	return status;
}

static enum status start_channel(const struct tracefs *fs, uint64_t id)
{
	char file[64], filter[64];
	int err;

	snprintf(filter, sizeof(filter), "id == %llu", (unsigned long long)id);
	for (size_t i = 0; i < ARRAY_SIZE(channel_events); i++) {
		snprintf(file, sizeof(file), "events/gochan/gochan_%s/filter", channel_events[i]);
		err = put(fs, file, filter);
		if (err)
			return failed(fs, file, err);
		snprintf(file, sizeof(file), "events/gochan/gochan_%s/enable", channel_events[i]);
		err = put(fs, file, "1");
		if (err)
			return failed(fs, file, err);
	}
	return DONE;
}

enum status tracefs_start(const struct tracefs *fs, uint64_t id)
{
	int err;

	if (id)
		return start_channel(fs, id);
	err = put(fs, "events/gochan/enable", "1");
	return err ? failed(fs, "events/gochan/enable", err) : DONE;
}

enum status tracefs_follow_tasks(const struct tracefs *fs)
{
	static const char *const files[] = {
		"events/sched/sched_process_fork/enable",
		"events/sched/sched_process_exit/enable",
		"events/sched/sched_process_exec/enable",
	};
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		err = put(fs, files[i], "1");
		if (err)
			return failed(fs, files[i], err);
	}
	return DONE;
}

void tracefs_stop(const struct tracefs *fs)
{
	put(fs, "tracing_on", "0");
}

void tracefs_close(struct tracefs *fs)
{
	if (fs->pipe >= 0)
		close(fs->pipe);
	fs->pipe = -1;
	if (!fs->dir[0])
		return;
	/* This disables its events, too, but does nothing while somebody uses it. */
	if (rmdir(fs->dir) < 0 && errno != ENOENT && errno != EBUSY)
		print_error("%s: %s; remove it with: sudo rmdir %s", fs->dir, strerror(errno),
			    fs->dir);
	fs->dir[0] = '\0';
}
