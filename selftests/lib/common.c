// SPDX-License-Identifier: GPL-2.0
/*
 * Helpers shared by the tests; see common.h.
 */
#define _GNU_SOURCE 1
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <regex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S	1000000000LL

static long or_errno(long ret)
{
	return ret < 0 ? -errno : ret;
}

/* Time */

long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

struct wait wait_begin(void)
{
	return (struct wait){ .end_ns = now_ns() + WAIT_LIMIT * NS_PER_S };
}

/* Yield the processor; false when the time limit has expired. */
bool wait_more(const struct wait *wait)
{
	sched_yield();
	return now_ns() < wait->end_ns;
}

/* Channels */

int ch_setup(int ch, unsigned int capacity, unsigned int msg_size, unsigned int flags)
{
	struct gochan_setup setup = {
		.capacity = capacity,
		.msg_size = msg_size,
		.flags = flags,
	};

	return or_errno(ioctl(ch, GOCHAN_IOC_SETUP, &setup));
}

int ch_make_with(const struct gochan_setup *setup)
{
	int ch = or_errno(open("/dev/gochan", O_RDWR | O_CLOEXEC));
	int ret;

	if (ch < 0)
		return ch;
	ret = or_errno(ioctl(ch, GOCHAN_IOC_SETUP, setup));
	if (ret < 0) {
		close(ch);
		return ret;
	}
	return ch;
}

int ch_make(unsigned int capacity, unsigned int msg_size, unsigned int flags)
{
	const struct gochan_setup setup = {
		.capacity = capacity,
		.msg_size = msg_size,
		.flags = flags,
	};

	return ch_make_with(&setup);
}

int ch_dup(int ch, int oflags)
{
	return or_errno(ioctl(ch, GOCHAN_IOC_DUP, (unsigned long)oflags));
}

/* As pipe(2): fds[0] receives, fds[1] sends; there is no other handle. */
int ch_pair(int fds[2], unsigned int capacity, unsigned int msg_size, unsigned int flags)
{
	int ch = ch_make(capacity, msg_size, flags);

	if (ch < 0)
		return ch;
	fds[0] = ch_dup(ch, O_RDONLY);
	fds[1] = ch_dup(ch, O_WRONLY);
	close(ch);
	return fds[0] < 0 ? fds[0] : fds[1] < 0 ? fds[1] : 0;
}

int ch_close(int ch)
{
	return or_errno(ioctl(ch, GOCHAN_IOC_CLOSE));
}

/* All ones if the ioctl fails. */
struct gochan_info ch_info(int ch)
{
	struct gochan_info info;

	memset(&info, 0xff, sizeof(info));
	if (ioctl(ch, GOCHAN_IOC_INFO, &info) < 0)
		memset(&info, 0xff, sizeof(info));
	return info;
}

int ch_next_size(int ch)
{
	int size = -1;

	if (ioctl(ch, FIONREAD, &size) < 0)
		return -errno;
	return size;
}

/* All events that poll(2) reports now. */
short ch_poll(int ch)
{
	struct pollfd pfd = {
		.fd = ch,
		.events = POLLIN | POLLOUT | POLLPRI | POLLRDNORM | POLLWRNORM |
			  POLLRDBAND | POLLWRBAND | POLLRDHUP,
	};

	if (poll(&pfd, 1, 0) < 0)
		return -1;
	return pfd.revents;
}

ssize_t ch_send(int ch, const void *msg, size_t len)
{
	return or_errno(write(ch, msg, len));
}

ssize_t ch_recv(int ch, void *buf, size_t size)
{
	return or_errno(read(ch, buf, size));
}

ssize_t ch_try_send(int ch, const void *msg, size_t len)
{
	struct iovec iov = { .iov_base = (void *)msg, .iov_len = len };

	return or_errno(pwritev2(ch, &iov, 1, -1, RWF_NOWAIT));
}

ssize_t ch_try_recv(int ch, void *buf, size_t size)
{
	struct iovec iov = { .iov_base = buf, .iov_len = size };

	return or_errno(preadv2(ch, &iov, 1, -1, RWF_NOWAIT));
}

#define TEXT_SIZE	4096

static __thread char text_buf[TEXT_SIZE + 1];

static const char *as_text(ssize_t ret)
{
	const char *name;

	if (ret > 0 && ret <= TEXT_SIZE) {
		text_buf[ret] = '\0';
		return text_buf;
	}
	if (!ret)
		return "(end)";
	name = strerrorname_np(-ret);
	snprintf(text_buf, sizeof(text_buf), "(%s)", name ? name : "?");
	return text_buf;
}

ssize_t send_text(int ch, const char *text)
{
	return ch_send(ch, text, strlen(text));
}

ssize_t try_send_text(int ch, const char *text)
{
	return ch_try_send(ch, text, strlen(text));
}

const char *recv_text(int ch)
{
	return as_text(ch_recv(ch, text_buf, TEXT_SIZE));
}

const char *try_recv_text(int ch)
{
	return as_text(ch_try_recv(ch, text_buf, TEXT_SIZE));
}

bool wait_for_waiters(int ch, unsigned int senders, unsigned int receivers)
{
	const struct wait wait = wait_begin();
	struct gochan_info info;

	do {
		info = ch_info(ch);
		if (info.senders_waiting == senders &&
		    info.receivers_waiting == receivers)
			return true;
	} while (wait_more(&wait));
	return false;
}

bool wait_for_len(int ch, unsigned int len)
{
	const struct wait wait = wait_begin();

	do {
		if (ch_info(ch).len == len)
			return true;
	} while (wait_more(&wait));
	return false;
}

/* Processes */

/* Fork a child that is killed when the test ends. */
pid_t child(void)
{
	const pid_t parent = getpid();
	const pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return pid;
}

static bool wait_for_end(pid_t pid)
{
	struct pollfd pfd = { .events = POLLIN };
	bool ended;

	pfd.fd = syscall(SYS_pidfd_open, pid, 0);
	if (pfd.fd < 0)
		return false;
	ended = poll(&pfd, 1, WAIT_LIMIT * 1000) == 1;
	close(pfd.fd);
	return ended;
}

/* Returns the exit status, 128 + the signal, or -ETIMEDOUT. */
int reap(pid_t pid)
{
	int status;

	if (!wait_for_end(pid)) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		return -ETIMEDOUT;
	}
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int reap_killed(pid_t pid)
{
	kill(pid, SIGKILL);
	return reap(pid);
}

static char state_of(pid_t tid)
{
	char path[64], text[512];
	const char *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	if (read_text(path, text, sizeof(text)) < 0)
		return '?';
	end = strrchr(text, ')');
	return end ? end[2] : '?';
}

bool is_asleep(pid_t tid)
{
	return state_of(tid) == 'S';
}

bool wait_asleep(pid_t tid)
{
	const struct wait wait = wait_begin();

	do {
		if (is_asleep(tid))
			return true;
	} while (wait_more(&wait));
	return false;
}

/* Wait until the thread sleeps in this kernel function. */
bool wait_wchan(pid_t tid, const char *symbol)
{
	const struct wait wait = wait_begin();
	char path[64], text[128];

	snprintf(path, sizeof(path), "/proc/%d/wchan", tid);
	do {
		if (read_text(path, text, sizeof(text)) >= 0 &&
		    !strcmp(text, symbol))
			return true;
	} while (wait_more(&wait));
	return false;
}

/* Does the thread sleep in this system call? */
bool is_in_syscall(pid_t tid, long nr)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
	/* it says "running" for a running task */
	return read_text(path, text, sizeof(text)) > 0 && text[0] != 'r' &&
	       strtol(text, NULL, 10) == nr;
}

bool wait_in_syscall(pid_t tid, long nr)
{
	const struct wait wait = wait_begin();

	do {
		if (is_in_syscall(tid, nr))
			return true;
	} while (wait_more(&wait));
	return false;
}

/* Jobs */

static void job_run(struct job *job)
{
	struct rusage before, after;
	long ret;

	__atomic_store_n(&job->id, gettid(), __ATOMIC_SEQ_CST);
	getrusage(RUSAGE_THREAD, &before);
	if (job->send)
		ret = ch_send(job->ch, job->buf, job->len);
	else
		ret = ch_recv(job->ch, job->buf, job->len);
	getrusage(RUSAGE_THREAD, &after);
	job->switches = after.ru_nvcsw - before.ru_nvcsw;
	job->ret = ret;
	__atomic_store_n(&job->done, true, __ATOMIC_SEQ_CST);
}

static void *job_thread(void *job)
{
	job_run(job);
	return NULL;
}

static void job_process(struct job *job)
{
	close_range(0, job->ch - 1, 0);
	close_range(job->ch + 1, ~0U, 0);
	job_run(job);
	_exit(0);
}

static struct job *job_alloc(size_t extra)
{
	struct job *job = mmap(NULL, sizeof(*job) + extra,
			       PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (job == MAP_FAILED)
		abort();
	return job;
}

static struct job *job_begin(struct job *job)
{
	const struct wait wait = wait_begin();
	pid_t pid;

	job->ret = -EINPROGRESS;
	if (job->by == BY_THREAD) {
		if (pthread_create(&job->thread, NULL, job_thread, job))
			abort();
	} else {
		pid = child();
		if (!pid)
			job_process(job);
		if (pid < 0)
			abort();
	}
	while (!__atomic_load_n(&job->id, __ATOMIC_SEQ_CST))
		if (!wait_more(&wait))
			abort();
	return job;
}

struct job *job_start(enum by by, int ch, bool send, void *buf, size_t len)
{
	struct job *job = job_alloc(0);

	job->by = by;
	job->ch = ch;
	job->send = send;
	job->buf = buf;
	job->len = len;
	return job_begin(job);
}

/* Sends a copy of the message. */
struct job *job_send(enum by by, int ch, const void *msg, size_t len)
{
	struct job *job = job_alloc(len);

	job->by = by;
	job->ch = ch;
	job->send = true;
	job->buf = job->data;
	job->len = len;
	memcpy(job->data, msg, len);
	return job_begin(job);
}

struct job *job_send_text(enum by by, int ch, const char *text)
{
	return job_send(by, ch, text, strlen(text));
}

/* Receives into job->data. */
struct job *job_recv(enum by by, int ch, size_t size)
{
	struct job *job = job_alloc(size);

	job->by = by;
	job->ch = ch;
	job->buf = job->data;
	job->len = size;
	return job_begin(job);
}

bool job_done(const struct job *job)
{
	return __atomic_load_n(&job->done, __ATOMIC_SEQ_CST);
}

void job_signal(const struct job *job, int sig)
{
	if (job->by == BY_THREAD)
		pthread_kill(job->thread, sig);
	else
		kill(job->id, sig);
}

/* Returns what the read or write returned, or -ETIMEDOUT if it does not return. */
long job_wait(struct job *job)
{
	struct timespec limit;

	if (job->by == BY_PROCESS) {
		if (reap(job->id) == -ETIMEDOUT)
			return -ETIMEDOUT;
		return job->ret;
	}
	clock_gettime(CLOCK_MONOTONIC, &limit);
	limit.tv_sec += WAIT_LIMIT;
	if (pthread_clockjoin_np(job->thread, NULL, CLOCK_MONOTONIC, &limit))
		return -ETIMEDOUT;
	return job->ret;
}

/* What a receive of at most TEXT_SIZE bytes returned, as recv_text() returns it. */
const char *job_text(struct job *job)
{
	const long ret = job_wait(job);

	if (ret > 0)
		memcpy(text_buf, job->data, ret);
	return as_text(ret);
}

/* Kills the process; -EINPROGRESS if its read or write had not returned. */
long job_kill(struct job *job)
{
	reap_killed(job->id);
	return job->ret;
}

/* Users */

int as_user(uid_t uid)
{
	if (setgroups(0, NULL) || setresgid(uid, uid, 0) ||
	    setresuid(uid, uid, 0))
		return -errno;
	return 0;
}

int as_root(void)
{
	if (setresuid(0, 0, 0) || setresgid(0, 0, 0))
		return -errno;
	return 0;
}

/* Not reversible. Setting the ids clears PR_SET_PDEATHSIG, so set it again. */
int become(uid_t uid)
{
	if (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
	    setresuid(uid, uid, uid) || prctl(PR_SET_PDEATHSIG, SIGKILL))
		return -errno;
	return 0;
}

/* @uid on the host, root with all capabilities in a user namespace of its own. */
int become_namespace_root(uid_t uid)
{
	char map[64];
	int ret = become(uid);

	if (ret)
		return ret;
	if (prctl(PR_SET_DUMPABLE, 1) || unshare(CLONE_NEWUSER))
		return -errno;
	snprintf(map, sizeof(map), "0 %u 1", uid);
	ret = write_text("/proc/self/setgroups", "deny");
	if (!ret)
		ret = write_text("/proc/self/uid_map", map);
	if (!ret)
		ret = write_text("/proc/self/gid_map", map);
	return ret;
}

/* Write @map to the id maps of a process once @go is written to. */
static void write_maps(pid_t pid, const char *map, int go)
{
	char path[64], c;

	if (read(go, &c, 1) != 1)
		_exit(1);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	if (write_text(path, map))
		_exit(1);
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	_exit(!!write_text(path, map));
}

/*
 * Become user @uid, and root of a user namespace with @uid as 0 and the @count ids
 * from @first as 1 and so on. A process that is still root has to map these.
 */
int become_root_of_subordinates(uid_t uid, uid_t first, unsigned int count)
{
	char map[64];
	int go[2], status, ret;
	pid_t pid;

	snprintf(map, sizeof(map), "0 %u 1\n1 %u %u", uid, first, count);
	if (pipe(go))
		return -errno;
	pid = getpid();
	if (!fork())
		write_maps(pid, map, go[0]);
	ret = become(uid);
	if (ret)
		return ret;
	if (prctl(PR_SET_DUMPABLE, 1) || unshare(CLONE_NEWUSER) ||
	    write(go[1], "g", 1) != 1 || wait(&status) < 0)
		return -errno;
	return status ? -EPERM : 0;
}

/* Names */

/* @name is relative to /dev/gochans. */
static const char *name_path(const char *name)
{
	static __thread char path[512];

	snprintf(path, sizeof(path), "/dev/gochans/%s", name);
	return path;
}

/* A channel that can be named in the gochanfs at @dir, with exactly this @mode. */
int ch_unnamed_in(const char *dir, unsigned int mode)
{
	const mode_t mask = umask(0);
	int ret = or_errno(open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, mode));

	umask(mask);
	return ret;
}

int ch_unnamed(unsigned int capacity, unsigned int msg_size, unsigned int flags,
	       unsigned int mode)
{
	int ch = ch_unnamed_in("/dev/gochans", mode);
	int ret;

	if (ch < 0)
		return ch;
	ret = ch_setup(ch, capacity, msg_size, flags);
	if (ret < 0) {
		close(ch);
		return ret;
	}
	return ch;
}

int ch_link_at(int ch, const char *path)
{
	char self[64];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", ch);
	return or_errno(linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW));
}

int ch_link(int ch, const char *name)
{
	return ch_link_at(ch, name_path(name));
}

int ch_unlink(const char *name)
{
	return or_errno(unlink(name_path(name)));
}

int ch_open(const char *name, int oflags)
{
	return or_errno(open(name_path(name), oflags | O_CLOEXEC));
}

int ch_make_named(const char *name, unsigned int capacity, unsigned int mode)
{
	int ch = ch_unnamed(capacity, GOCHAN_DEFAULT_MSG_SIZE, 0, mode);
	int ret;

	if (ch < 0)
		return ch;
	ret = ch_link(ch, name);
	if (ret < 0) {
		close(ch);
		return ret;
	}
	return ch;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	if (ftw->level)
		remove(path);
	return 0;
}

/* Removes every name and directory that a test may have left behind. */
void unlink_all(void)
{
	nftw("/dev/gochans", remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* Text */

int count_matches(const char *text, const char *pattern)
{
	regmatch_t match;
	regex_t regex;
	int n = 0;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NEWLINE))
		return -1;
	for (; !regexec(&regex, text, 1, &match, 0); text += match.rm_eo)
		n++;
	regfree(&regex);
	return n;
}

/* Files */

int read_text(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t ret;

	if (fd < 0)
		return -errno;
	ret = or_errno(read(fd, buf, size - 1));
	close(fd);
	buf[ret < 0 ? 0 : ret] = '\0';
	return ret;
}

int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t ret;

	if (fd < 0)
		return -errno;
	ret = or_errno(write(fd, text, strlen(text)));
	close(fd);
	return ret < 0 ? ret : 0;
}

long long param(const char *name)
{
	char path[256], text[64];
	int ret;

	snprintf(path, sizeof(path), "/sys/module/gochan/parameters/%s", name);
	ret = read_text(path, text, sizeof(text));
	return ret < 0 ? ret : strtoll(text, NULL, 10);
}

int set_param(const char *name, long long value)
{
	char path[256], text[64];

	snprintf(path, sizeof(path), "/sys/module/gochan/parameters/%s", name);
	snprintf(text, sizeof(text), "%lld", value);
	return write_text(path, text);
}

union fd_control {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

int send_fd(int sock, int fd)
{
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	union fd_control control = {};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

int recv_fd(int sock)
{
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	union fd_control control = {};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1)
		return -errno;
	if (!CMSG_FIRSTHDR(&msg))
		return -ENOMSG;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* The module */

/* $GOCHAN_KO, or from the running kernel's module directories. */
static int open_module(void)
{
	static const char *const places[] = {
		"", "extra/", "updates/", "updates/dkms/", NULL
	};
	const char *path = getenv("GOCHAN_KO");
	const char *const *place;
	struct utsname system;
	char file[512];
	int fd = -1;

	if (path)
		return open(path, O_RDONLY | O_CLOEXEC);
	uname(&system);
	for (place = places; fd < 0 && *place; place++) {
		snprintf(file, sizeof(file), "/lib/modules/%s/%sgochan.ko",
			 system.release, *place);
		fd = open(file, O_RDONLY | O_CLOEXEC);
	}
	return fd;
}

int fs_mount(void)
{
	return or_errno(mount("gochan", "/dev/gochans", "gochan", 0, NULL));
}

int module_load_only(const char *parameters)
{
	const int fd = open_module();
	int ret;

	if (fd < 0)
		return -errno;
	ret = or_errno(syscall(SYS_finit_module, fd, parameters, 0));
	close(fd);
	return ret;
}

/* Also mounts the gochanfs. */
int module_load(const char *parameters)
{
	return module_load_only(parameters) ?: fs_mount();
}

int module_unload_only(void)
{
	return or_errno(syscall(SYS_delete_module, "gochan", O_NONBLOCK));
}

/* Also unmounts the gochanfs; if the unload fails, an empty one is mounted. */
int module_unload(void)
{
	int ret;

	if (umount("/dev/gochans") && errno == EBUSY)
		return -EWOULDBLOCK;
	ret = module_unload_only();
	if (ret && module_loaded())
		fs_mount();
	return ret;
}

bool module_loaded(void)
{
	return !access("/sys/module/gochan", F_OK);
}

/* Memory */

size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* Pages followed by an inaccessible one, so that an access past the end faults. */
void *map_pages(size_t count)
{
	char *map = mmap(NULL, (count + 1) * page_size(), PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED ||
	    mprotect(map, count * page_size(), PROT_READ | PROT_WRITE))
		abort();
	return map;
}

static unsigned char pattern(size_t i, unsigned int seed)
{
	return (i * 2654435761U + seed * 40503U) >> 13;
}

void fill(void *buf, size_t len, unsigned int seed)
{
	unsigned char *bytes = buf;
	size_t i;

	for (i = 0; i < len; i++)
		bytes[i] = pattern(i, seed);
}

bool is_filled(const void *buf, size_t len, unsigned int seed)
{
	const unsigned char *bytes = buf;
	size_t i;

	for (i = 0; i < len; i++)
		if (bytes[i] != pattern(i, seed))
			return false;
	return true;
}
