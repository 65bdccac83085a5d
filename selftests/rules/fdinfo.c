// SPDX-License-Identifier: GPL-2.0
/*
 * R22: what /proc/PID/fdinfo/FD shows of a handle, its channel and the waiters, and to
 * which users; and the counters of INFO.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"
#include "../lib/stall.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define NAME		PREFIX "fdinfo"
#define PROC		"/tmp/" PREFIX "proc"
#define LISTED		64	/* at most so many waiters have a line */
#define TEXT_SIZE	32768

struct text {
	char all[TEXT_SIZE];
};

/* One line of fdinfo. */
struct line {
	int pid;
	int tid;
	char op[8];
	int select;
	int poll;
	int deadline;
	long long since_ns;
};

FIXTURE(fdinfo) {
	struct text text;
};

FIXTURE_SETUP(fdinfo)
{
}

FIXTURE_TEARDOWN(fdinfo)
{
	umount2(PROC, MNT_DETACH);
	rmdir(PROC);
	unlink_all();
}

/* Read all of a file; false if that fails. */
static bool read_all(int fd, struct text *text)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, text->all + len, sizeof(text->all) - 1 - len);
		if (n > 0)
			len += n;
	} while (n > 0);
	text->all[len] = '\0';
	return !n;
}

static bool read_fdinfo_in(const char *proc, int ch, struct text *text)
{
	char path[128];
	bool done;
	int fd;

	snprintf(path, sizeof(path), "%s/self/fdinfo/%d", proc, ch);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	done = read_all(fd, text);
	close(fd);
	return done;
}

static bool read_fdinfo(int ch, struct text *text)
{
	return read_fdinfo_in("/proc", ch, text);
}

/* The value of a line "gochan-KEY:\tVALUE"; "(none)" if there is no such line. */
static const char *field(const struct text *text, const char *key)
{
	static char value[256];
	const char *at;
	char start[64];

	snprintf(start, sizeof(start), "\ngochan-%s:\t", key);
	at = strstr(text->all, start);
	if (!at)
		return "(none)";
	at += strlen(start);
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\n"), at);
	return value;
}

static const char *field_of(int ch, const char *key)
{
	static struct text text;

	return read_fdinfo(ch, &text) ? field(&text, key) : "(unreadable)";
}

/* The @n th waiter; false if there are not so many. */
static bool nth_waiter(const struct text *text, int n, struct line *line)
{
	static const char start[] = "\ngochan-waiter:\t";
	const char *at = text->all;
	long long s, ns;

	do {
		at = strstr(at, start);
		if (!at)
			return false;
		at += strlen(start);
	} while (n--);
	if (sscanf(at, "pid: %d tid: %d op: %7s select: %d poll: %d deadline: %d ",
		   &line->pid, &line->tid, line->op, &line->select, &line->poll,
		   &line->deadline) != 6)
		return false;
	if (sscanf(strstr(at, "since: "), "since: %lld.%9lld\n", &s, &ns) != 2)
		return false;
	line->since_ns = s * 1000000000 + ns;
	return true;
}

static int waiters(const struct text *text)
{
	struct line line;
	int n = 0;

	while (nth_waiter(text, n, &line))
		n++;
	return n;
}

/* R22: the parameters and the state of the channel. */
TEST_F(fdinfo, r22_state)
{
	int fds[2];

	ASSERT_EQ(0, ch_pair(fds, 3, 100, GOCHAN_CRED));
	ASSERT_EQ(2, send_text(fds[1], "ab"));
	ASSERT_TRUE(read_fdinfo(fds[0], &self->text));
	EXPECT_EQ(ch_info(fds[0]).id, strtoull(field(&self->text, "id"), NULL, 10));
	EXPECT_STREQ("(none)", field(&self->text, "name"));
	EXPECT_STREQ("recv", field(&self->text, "rights"));
	EXPECT_STREQ("3", field(&self->text, "capacity"));
	EXPECT_STREQ("100", field(&self->text, "msg-size"));
	EXPECT_STREQ("0x4", field(&self->text, "flags"));
	EXPECT_STREQ("1", field(&self->text, "len"));
	EXPECT_STREQ("0", field(&self->text, "leased"));
	EXPECT_STREQ("0", field(&self->text, "closed"));
	EXPECT_STREQ("1", field(&self->text, "send-handles"));
	EXPECT_STREQ("1", field(&self->text, "recv-handles"));
	EXPECT_STREQ("0", field(&self->text, "senders-waiting"));
	EXPECT_STREQ("0", field(&self->text, "receivers-waiting"));
	EXPECT_STREQ("0", field(&self->text, "waiters-of-others"));
	EXPECT_STREQ("0", field(&self->text, "waiters-more"));
	EXPECT_EQ(0, waiters(&self->text));
	ASSERT_EQ(0, ch_close(fds[1]));
	EXPECT_STREQ("1", field_of(fds[0], "closed"));
}

/* R22: the rights of each kind of handle. */
TEST_F(fdinfo, r22_rights)
{
	const int ch = ch_make_named(NAME, 1, 0600);

	ASSERT_LE(0, ch);
	EXPECT_STREQ("send recv", field_of(ch, "rights"));
	EXPECT_STREQ("send", field_of(ch_open(NAME, O_WRONLY), "rights"));
	EXPECT_STREQ("recv", field_of(ch_dup(ch, O_RDONLY), "rights"));
	EXPECT_STREQ("none", field_of(ch_open(NAME, O_ACCMODE), "rights"));
}

/* The number of the handle as a child sees it. */
static unsigned long long handle_in_child(int ch)
{
	const pid_t pid = child();

	if (!pid)
		_exit(strtoull(field_of(ch, "handle"), NULL, 10) % 101);
	return reap(pid);
}

/* R22: dup(2) and fork share a handle, GOCHAN_IOC_DUP and open make another one. */
TEST_F(fdinfo, r22_handle)
{
	const int ch = ch_make_named(NAME, 1, 0600);
	const int others[] = { ch_dup(ch, O_RDWR), ch_open(NAME, O_RDWR), ch_make(1, 1, 0) };
	const unsigned long long number = strtoull(field_of(ch, "handle"), NULL, 10);
	size_t i;

	ASSERT_LT(0U, number);
	EXPECT_EQ(number, strtoull(field_of(dup(ch), "handle"), NULL, 10));
	EXPECT_EQ(number % 101, handle_in_child(ch));
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		ASSERT_LE(0, others[i]);
		EXPECT_LT(number, strtoull(field_of(others[i], "handle"), NULL, 10));
	}
}

/* R22: the name is the path in its gochanfs, as it is now, also of the first handle. */
TEST_F(fdinfo, r22_name)
{
	const int ch = ch_unnamed(1, 16, 0, 0600);
	int other;

	ASSERT_LE(0, ch);
	EXPECT_STREQ("(none)", field_of(ch, "name"));
	ASSERT_EQ(0, ch_link(ch, NAME));
	EXPECT_STREQ("/" NAME, field_of(ch, "name"));
	other = ch_open(NAME, O_RDONLY);
	EXPECT_STREQ("/" NAME, field_of(other, "name"));
	EXPECT_STREQ("/" NAME, field_of(ch_dup(other, O_RDONLY), "name"));
	ASSERT_EQ(0, mkdir("/dev/gochans/" PREFIX "dir", 0700));
	ASSERT_EQ(0, rename("/dev/gochans/" NAME, "/dev/gochans/" PREFIX "dir/a b\n"));
	EXPECT_STREQ("/" PREFIX "dir/a\\040b\\012", field_of(ch, "name"));
	ASSERT_EQ(0, ch_unlink(PREFIX "dir/a b\n"));
	EXPECT_STREQ("(none)", field_of(ch, "name"));
	EXPECT_STREQ("(none)", field_of(other, "name"));
}

/* The clock that is read at a tick, and so as late as jiffies where ticks are delayed. */
static long long coarse_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* R22: a line a waiter, in order of arrival. */
TEST_F(fdinfo, r22_waiters)
{
	const int full = ch_make(1, 16, 0), empty = ch_make(1, 16, 0);
	const long long before = coarse_ns();
	struct job *jobs[3];
	struct line line;
	int i;

	ASSERT_EQ(1, send_text(full, "a"));
	jobs[0] = job_send_text(BY_PROCESS, full, "b");
	ASSERT_TRUE(wait_for_waiters(full, 1, 0));
	jobs[1] = job_send_text(BY_THREAD, full, "c");
	ASSERT_TRUE(wait_for_waiters(full, 2, 0));
	jobs[2] = job_recv(BY_THREAD, empty, 16);
	ASSERT_TRUE(wait_for_waiters(empty, 0, 1));

	ASSERT_TRUE(read_fdinfo(full, &self->text));
	EXPECT_STREQ("2", field(&self->text, "senders-waiting"));
	EXPECT_EQ(2, waiters(&self->text));
	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(nth_waiter(&self->text, i, &line));
		EXPECT_EQ(i ? getpid() : jobs[0]->id, line.pid);
		EXPECT_EQ(jobs[i]->id, line.tid);
		EXPECT_STREQ("send", line.op);
		EXPECT_EQ(0, line.select);
		EXPECT_EQ(0, line.deadline);
		/* by up to four ticks, of up to 10 ms, see chan_coarse_adjust() */
		EXPECT_LE(before - 40000000, line.since_ns);
		EXPECT_GE(now_ns(), line.since_ns);
	}
	ASSERT_TRUE(read_fdinfo(empty, &self->text));
	EXPECT_EQ(1, waiters(&self->text));
	ASSERT_TRUE(nth_waiter(&self->text, 0, &line));
	EXPECT_EQ(jobs[2]->id, line.tid);
	EXPECT_STREQ("recv", line.op);

	EXPECT_STREQ("a", recv_text(full));
	EXPECT_EQ(1, job_wait(jobs[0]));
	EXPECT_STREQ("b", recv_text(full));
	EXPECT_EQ(1, job_wait(jobs[1]));
	EXPECT_EQ(1, send_text(empty, "d"));
	EXPECT_STREQ("d", job_text(jobs[2]));
	EXPECT_STREQ("0", field_of(full, "senders-waiting"));
}

/* Does the first waiter wait for less than @ns, as this process sees its clock? */
static bool waits_for_less(int ch, long long ns)
{
	static struct text text;
	struct line line;

	return read_fdinfo(ch, &text) && nth_waiter(&text, 0, &line) &&
	       line.since_ns <= now_ns() && now_ns() - line.since_ns < ns;
}

/* R22: since when, is in the reader's time namespace. */
TEST_F(fdinfo, r22_time_namespace)
{
	static const char *const offsets[] = { "monotonic 1000000 0", "monotonic -1 0" };
	const int ch = ch_make(0, 16, 0);
	struct job *job = job_recv(BY_THREAD, ch, 16);
	size_t i;
	pid_t pid;

	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		pid = child();
		if (!pid) {
			if (unshare(CLONE_NEWTIME) ||
			    write_text("/proc/self/timens_offsets", offsets[i]))
				_exit(100);
			/* applies to children only */
			pid = child();
			if (!pid)
				_exit(!waits_for_less(ch, WAIT_LIMIT * 1000000000LL));
			_exit(reap(pid));
		}
		EXPECT_EQ(0, reap(pid));
	}
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_STREQ("a", job_text(job));
}

/* R22: ops of a select, and a deadline. */
TEST_F(fdinfo, r22_select)
{
	const int a = ch_make(0, 16, 0), b = ch_make(0, 16, 0), c = ch_make(0, 16, 0);
	struct call *call = call_select(a);
	long long since;
	struct line line;

	call_send(call, a, "a");
	call_recv(call, b);
	call_poll(call, c, EPOLLIN);
	call->arg.timeout = now_ns() + 3600 * 1000000000LL;
	call_start(call, BY_PROCESS);
	ASSERT_TRUE(wait_for_waiters(a, 1, 0));
	ASSERT_TRUE(wait_for_waiters(b, 0, 1));
	ASSERT_TRUE(wait_asleep(call->id));

	ASSERT_TRUE(read_fdinfo(a, &self->text));
	ASSERT_EQ(1, waiters(&self->text));
	ASSERT_TRUE(nth_waiter(&self->text, 0, &line));
	EXPECT_EQ(call->id, line.pid);
	EXPECT_STREQ("send", line.op);
	EXPECT_EQ(1, line.select);
	EXPECT_EQ(1, line.poll);
	EXPECT_EQ(1, line.deadline);
	/* It may be ahead of the clock, and until then shows as the present. */
	do {
		since = line.since_ns;
		ASSERT_TRUE(read_fdinfo(a, &self->text));
		ASSERT_TRUE(nth_waiter(&self->text, 0, &line));
	} while (line.since_ns != since);
	ASSERT_TRUE(read_fdinfo(b, &self->text));
	ASSERT_TRUE(nth_waiter(&self->text, 0, &line));
	EXPECT_STREQ("recv", line.op);
	EXPECT_EQ(since, line.since_ns);

	call_kill(call);
}

/* R22: a select of channels only, without a deadline. */
TEST_F(fdinfo, r22_select_of_channels)
{
	const int a = ch_make(0, 16, 0), b = ch_make(0, 16, 0);
	struct call *call = call_select(a);
	struct line line;

	call_send(call, a, "a");
	call_recv(call, b);
	call_start(call, BY_PROCESS);
	ASSERT_TRUE(wait_for_waiters(b, 0, 1));
	ASSERT_TRUE(read_fdinfo(b, &self->text));
	ASSERT_TRUE(nth_waiter(&self->text, 0, &line));
	EXPECT_EQ(1, line.select);
	EXPECT_EQ(0, line.poll);
	EXPECT_EQ(0, line.deadline);
	call_kill(call);
}

/* R22: BATCH with a deadline, which is not part of a select. */
TEST_F(fdinfo, r22_deadline)
{
	const int ch = ch_make(0, 16, 0);
	struct call *call = call_batch(ch);
	struct line line;

	call_recv(call, ch);
	call->arg.timeout = now_ns() + 3600 * 1000000000LL;
	call_start(call, BY_PROCESS);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	ASSERT_TRUE(read_fdinfo(ch, &self->text));
	ASSERT_TRUE(nth_waiter(&self->text, 0, &line));
	EXPECT_EQ(0, line.select);
	EXPECT_EQ(1, line.deadline);
	EXPECT_EQ(-EINPROGRESS, call_kill(call));
	ASSERT_TRUE(read_fdinfo(ch, &self->text));
	EXPECT_EQ(0, waiters(&self->text));
}

static void *receive_once(void *ch)
{
	char c;

	ch_recv((long)ch, &c, 1);
	return NULL;
}

/* Start a process with @n threads that wait to receive. */
static pid_t start_crowd(int ch, int n)
{
	const pid_t pid = child();
	pthread_attr_t attr;
	pthread_t thread;

	if (pid)
		return pid;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	while (n--) {
		if (pthread_create(&thread, &attr, receive_once, (void *)(long)ch))
			_exit(1);
	}
	for (;;)
		pause();
}

/* R22: of 1,000 waiters the first 64 are listed, and then how many more there are. */
TEST_F(fdinfo, r22_crowd)
{
	const char *scale = getenv("GOCHAN_SCALE_DOWN");
	const int n = 1000 / (scale ? atoi(scale) : 1);
	const int ch = ch_make(0, 16, 0);
	struct line line;
	pid_t pid;
	int i;

	ASSERT_LE(0, ch);
	pid = start_crowd(ch, n);
	ASSERT_TRUE(wait_for_waiters(ch, 0, n));
	ASSERT_TRUE(read_fdinfo(ch, &self->text));
	EXPECT_EQ(n, atoi(field(&self->text, "receivers-waiting")));
	EXPECT_EQ(LISTED, waiters(&self->text));
	EXPECT_EQ(n - LISTED, atoi(field(&self->text, "waiters-more")));
	for (i = 0; i < LISTED; i++) {
		ASSERT_TRUE(nth_waiter(&self->text, i, &line));
		ASSERT_EQ(pid, line.pid);
	}
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	EXPECT_STREQ("0", field_of(ch, "waiters-more"));
}

/* Start a receiver that will stall while it copies, and a sender that passes it a file. */
static bool stall_transfer(int ch)
{
	struct call *send = call_batch(ch), *recv = call_batch(ch);
	struct gochan_op *op = call_recv(recv, ch);
	struct stalled mem;

	if (stall(&mem, CALL_ROOM))
		return false;
	op->flags = GOCHAN_TAKE_FD;
	op->buf = (unsigned long)mem.map;
	call_start(recv, BY_THREAD);
	if (!wait_for_waiters(ch, 0, 1))
		return false;
	op = call_send(send, ch, "a");
	op->flags = GOCHAN_PASS_FD;
	op->passed_fd = ch;
	call_start(send, BY_THREAD);
	return wait_stalled(&mem);
}

/* Then one sender waits in the wait queue, and the process on @ready. */
static void stall_transfers(int ch, int n, int ready)
{
	while (n--) {
		if (!stall_transfer(ch))
			_exit(1);
	}
	job_send_text(BY_THREAD, ch, "b");
	wait_for_waiters(ch, 1, 0);
	send_text(ready, "a");
	pause();
}

/*
 * R16, R22: the sender of a file is listed also while its message is copied, though it is
 * not in the wait queue then.
 */
TEST_F(fdinfo, r16_r22_offered)
{
	const int ch = ch_make(0, CALL_ROOM, 0), ready = ch_make(0, 16, 0), n = 3;
	struct line line;
	pid_t pid;
	int i;

	ASSERT_LE(0, ch);
	pid = child();
	if (!pid)
		stall_transfers(ch, n, ready);
	ASSERT_TRUE(wait_for_waiters(ready, 1, 0));
	ASSERT_TRUE(read_fdinfo(ch, &self->text));
	EXPECT_STREQ("1", field(&self->text, "senders-waiting"));
	EXPECT_EQ(n + 1, waiters(&self->text));
	EXPECT_STREQ("0", field(&self->text, "waiters-more"));
	for (i = 0; i < n + 1; i++) {
		ASSERT_TRUE(nth_waiter(&self->text, i, &line));
		ASSERT_EQ(pid, line.pid);
		ASSERT_STREQ("send", line.op);
	}
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	ASSERT_TRUE(read_fdinfo(ch, &self->text));
	EXPECT_EQ(0, waiters(&self->text));
}

static bool drop_cap(int cap)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		return false;
	data[cap / 32].effective &= ~(1U << cap % 32);
	return !syscall(SYS_capset, &head, data);
}

/* What a reader with other credentials sees: listed waiters and, times 10, others. */
#define SEES(listed, others)	((listed) + 10 * (others))
#define SEES_NOTHING		99

static int count_seen(int ch)
{
	static struct text text;

	/* changing the ids made /proc/self root's */
	if (prctl(PR_SET_DUMPABLE, 1) || !read_fdinfo(ch, &text))
		return SEES_NOTHING;
	return SEES(waiters(&text), atoi(field(&text, "waiters-of-others")));
}

static int seen_by_user(int ch)
{
	return become(USER) ? SEES_NOTHING : count_seen(ch);
}

static int seen_by_other(int ch)
{
	return become(OTHER) ? SEES_NOTHING : count_seen(ch);
}

static int seen_by_root_without_cap(int ch)
{
	return drop_cap(CAP_SYS_PTRACE) ? count_seen(ch) : SEES_NOTHING;
}

static int seen_by_namespace_root(int ch)
{
	return become_namespace_root(OTHER) ? SEES_NOTHING : count_seen(ch);
}

/* USER is a subordinate, but the waiter is not in the namespace. */
static int seen_by_root_of_subordinates(int ch)
{
	return become_root_of_subordinates(OTHER, USER, 1) ? SEES_NOTHING :
							     count_seen(ch);
}

/* Opened by root, and read by another user: what counts is who opened. */
static int seen_by_inherited_file(int ch)
{
	static struct text text;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", ch);
	fd = open(path, O_RDONLY);
	if (become(OTHER) || !read_all(fd, &text))
		return SEES_NOTHING;
	return SEES(waiters(&text), atoi(field(&text, "waiters-of-others")));
}

static int run_in_child(int (*run)(int ch), int ch)
{
	const pid_t pid = child();

	if (!pid)
		_exit(run(ch));
	return reap(pid);
}

static int wait_as_user(int ch)
{
	return become(USER) ? 1 : strlen(recv_text(ch));
}

/* R22: waiters of other users are only counted, except for CAP_SYS_PTRACE over them. */
TEST_F(fdinfo, r22_other_users)
{
	const int ch = ch_make(0, 16, 0);
	pid_t pid;

	ASSERT_LE(0, ch);
	pid = child();
	if (!pid)
		_exit(wait_as_user(ch));
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	EXPECT_EQ(SEES(1, 0), count_seen(ch));
	EXPECT_EQ(SEES(1, 0), run_in_child(seen_by_user, ch));
	EXPECT_EQ(SEES(0, 1), run_in_child(seen_by_other, ch));
	EXPECT_EQ(SEES(0, 1), run_in_child(seen_by_root_without_cap, ch));
	EXPECT_EQ(SEES(0, 1), run_in_child(seen_by_namespace_root, ch));
	EXPECT_EQ(SEES(0, 1), run_in_child(seen_by_root_of_subordinates, ch));
	EXPECT_EQ(SEES(1, 0), run_in_child(seen_by_inherited_file, ch));
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
}

/* In the namespace: its root, and a waiter of a subordinate user, that is 1 there. */
static int root_and_subordinate(int ch)
{
	pid_t pid;
	int seen;

	if (become_root_of_subordinates(OTHER, USER, 1))
		return SEES_NOTHING;
	pid = child();
	if (!pid) {
		if (setresgid(1, 1, 1) || setresuid(1, 1, 1))
			_exit(1);
		_exit(strlen(recv_text(ch)));
	}
	if (!wait_for_waiters(ch, 0, 1))
		return SEES_NOTHING;
	seen = count_seen(ch);
	kill(pid, SIGKILL);
	return seen;
}

/* R22: root of a user namespace sees the waiters in it. */
TEST_F(fdinfo, r22_user_namespace)
{
	const int ch = ch_make(0, 16, 0);

	ASSERT_LE(0, ch);
	EXPECT_EQ(SEES(1, 0), run_in_child(root_and_subordinate, ch));
}

/* As init of a pid namespace, with a procfs of its own: how the waiter outside looks. */
static int seen_in_pid_namespace(int ch)
{
	static struct text text;
	struct line outside, inside;
	pid_t pid;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("proc", PROC, "proc", 0, NULL))
		return 2;
	pid = child();
	if (!pid)
		_exit(strlen(recv_text(ch)));
	if (!wait_for_waiters(ch, 0, 2) || !read_fdinfo_in(PROC, ch, &text) ||
	    !nth_waiter(&text, 0, &outside) || !nth_waiter(&text, 1, &inside))
		return 3;
	if (outside.pid || outside.tid || strcmp(outside.op, "recv") != 0)
		return 4;
	if (inside.pid != pid || inside.tid != pid)
		return 5;
	return 0;
}

static int run_pid_namespace(int ch)
{
	int status;

	/* so that getppid() in child() has the parent's id */
	if (unshare(CLONE_NEWPID | CLONE_NEWNS))
		return 1;
	if (!fork())
		_exit(seen_in_pid_namespace(ch));
	if (wait(&status) < 0 || !WIFEXITED(status))
		return 6;
	return WEXITSTATUS(status);
}

/* R22: ids are those of the procfs that is read; 0 for who is not visible in it. */
TEST_F(fdinfo, r22_pid_namespace)
{
	const int ch = ch_make(0, 16, 0);
	struct job *job;

	ASSERT_LE(0, ch);
	ASSERT_EQ(0, mkdir(PROC, 0755));
	job = job_recv(BY_PROCESS, ch, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	EXPECT_EQ(0, run_in_child(run_pid_namespace, ch));
	EXPECT_EQ(-EINPROGRESS, job_kill(job));
}

/* R22: waiters that die while they are listed: every line is a whole one. */
TEST_F(fdinfo, r22_dying_waiters)
{
	const struct wait wait = wait_begin();
	const int ch = ch_make(0, 16, 0);
	int seen = 0, i, n;
	struct line line;
	pid_t pid;

	ASSERT_LE(0, ch);
	pid = child();
	if (!pid)
		kill_waiters_forever(ch);
	while (seen < 500) {
		ASSERT_TRUE(wait_more(&wait));
		ASSERT_TRUE(read_fdinfo(ch, &self->text));
		n = waiters(&self->text);
		for (i = 0; i < n; i++) {
			ASSERT_TRUE(nth_waiter(&self->text, i, &line));
			/* 0 once it is dead */
			ASSERT_EQ(line.pid, line.tid);
			ASSERT_STREQ("recv", line.op);
			seen++;
		}
	}
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
}

/* R22: how often a send, and how often a receive had to block. */
TEST_F(fdinfo, r22_blocked)
{
	const int ch = ch_make(1, 16, 0);
	struct job *job;

	ASSERT_LE(0, ch);
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_EQ(-EAGAIN, try_send_text(ch, "b"));
	EXPECT_EQ(0U, ch_info(ch).send_blocked);
	job = job_send_text(BY_THREAD, ch, "b");
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	EXPECT_EQ(1U, ch_info(ch).send_blocked);
	EXPECT_STREQ("a", recv_text(ch));
	EXPECT_STREQ("b", recv_text(ch));
	EXPECT_EQ(1, job_wait(job));
	EXPECT_EQ(0U, ch_info(ch).recv_blocked);
	job = job_recv(BY_PROCESS, ch, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	EXPECT_EQ(-EINPROGRESS, job_kill(job));
	EXPECT_EQ(1U, ch_info(ch).send_blocked);
	EXPECT_EQ(1U, ch_info(ch).recv_blocked);
}

/* R22: how many messages were requeued. */
TEST_F(fdinfo, r22_requeued)
{
	const int ch = ch_make(1, 16, 0);
	struct job *job;

	ASSERT_LE(0, ch);
	job = job_start(BY_THREAD, ch, false, NULL, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	EXPECT_EQ(0U, ch_info(ch).requeued);
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_EQ(-EFAULT, job_wait(job));
	EXPECT_EQ(1U, ch_info(ch).requeued);
	EXPECT_STREQ("a", recv_text(ch));
	EXPECT_EQ(1U, ch_info(ch).requeued);
	EXPECT_EQ(0U, ch_info(ch).dropped);
	EXPECT_EQ(0U, ch_info(ch).leased);
	EXPECT_EQ(0U, ch_info(ch).max_deliveries);
}

TEST_HARNESS_MAIN
