// SPDX-License-Identifier: GPL-2.0
/*
 * gochan_dump() and gochan_dump_on(): what they write, in which circumstances, and what
 * becomes of the process.
 */
#include <kselftest_harness.h>

#include "../lib/common.h"

#include <errno.h>
#include <fcntl.h>
#include <gochan.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#define NAME		PREFIX "dump"
#define TEXT_SIZE	65536
#define LISTED		64	/* at most so many waiters have a line */
#define DUMPS		300
#define STACK_SIZE	1048576
#define CORE_PATTERN	"/proc/sys/kernel/core_pattern"
#define CORE_USES_PID	"/proc/sys/kernel/core_uses_pid"
#define IN_SELECT	", in a select, with a deadline"
#define NO_LIST		"cannot list the channels: /proc/thread-self/fd: "
#define SECONDS		"[0-9]+\\.[0-9]{3} s"

FIXTURE(dump) {
	int out;		/* a file for what is written */
	int ch;
	char core_pattern[128];	/* what they were; empty if they are unchanged */
	char core_uses_pid[16];
	char text[TEXT_SIZE];
};

FIXTURE_SETUP(dump)
{
	self->out = memfd_create("out", MFD_CLOEXEC);
	self->ch = gochan_make(0, 16, 0);
	ASSERT_LE(0, self->out);
	ASSERT_LE(0, self->ch);
}

FIXTURE_TEARDOWN(dump)
{
	if (*self->core_pattern)
		EXPECT_EQ(0, write_text(CORE_PATTERN, self->core_pattern));
	if (*self->core_uses_pid)
		EXPECT_EQ(0, write_text(CORE_USES_PID, self->core_uses_pid));
	unlink_all();
}

/* Cores are written to the file "core" in the current directory. */
static bool set_core_pattern(struct _test_data_dump *self)
{
	return read_text(CORE_PATTERN, self->core_pattern, sizeof(self->core_pattern)) > 0 &&
	       read_text(CORE_USES_PID, self->core_uses_pid, sizeof(self->core_uses_pid)) > 0 &&
	       !write_text(CORE_PATTERN, "core") && !write_text(CORE_USES_PID, "0");
}

static void read_out(struct _test_data_dump *self)
{
	const ssize_t len = pread(self->out, self->text, TEXT_SIZE - 1, 0);

	self->text[len > 0 ? len : 0] = '\0';
}

/* How many lines match, after "gochan[PID]: ". */
static int matching(struct _test_data_dump *self, pid_t pid, const char *format, ...)
{
	char pattern[512];
	va_list args;

	snprintf(pattern, sizeof(pattern), "^gochan\\[%d\\]: ", pid);
	va_start(args, format);
	vsnprintf(pattern + strlen(pattern), sizeof(pattern) - strlen(pattern) - 1, format, args);
	va_end(args);
	strcat(pattern, "$");
	read_out(self);
	return count_matches(self->text, pattern);
}

/* All lines are whole. */
static bool well_formed(struct _test_data_dump *self, pid_t pid)
{
	const char *at;
	int lines = 0;

	read_out(self);
	for (at = self->text; (at = strchr(at, '\n')); at++)
		lines++;
	return lines && lines == matching(self, pid, ".*");
}

static unsigned long long id_of(int ch)
{
	return ch_info(ch).id;
}

/* A process, whose standard error is @out, that dumps on this signal. */
static pid_t dumping_child(const struct _test_data_dump *self, int sig)
{
	const pid_t pid = child();

	if (pid)
		return pid;
	if (dup2(self->out, STDERR_FILENO) < 0 || gochan_dump_on(sig))
		_exit(errno);
	return 0;
}

/* The wait status, or -1 if the process does not end. */
static int wait_status(pid_t pid, int options)
{
	const struct wait wait = wait_begin();
	int status;

	do {
		if (waitpid(pid, &status, options | WNOHANG) == pid)
			return status;
	} while (wait_more(&wait));
	return -1;
}

static bool wait_for_dumps(struct _test_data_dump *self, pid_t pid, int count)
{
	const struct wait wait = wait_begin();

	do {
		if (matching(self, pid, "[0-9]+ descriptors? (is|are) .*") == count)
			return true;
	} while (wait_more(&wait));
	return false;
}

/* DESIGN 6: descriptors, IDs, names, rights, messages; in order. */
TEST_F(dump, s6_channels)
{
	const int named = gochan_create(NAME, 4, 16, 0, 0600);
	const int odd = gochan_create(NAME "\033[2J\177", 4, 16, 0, 0600);
	int fds[2];

	ASSERT_LE(0, named);
	ASSERT_LE(0, odd);
	ASSERT_EQ(0, gochan_pair(fds, 8, 16, 0));
	ASSERT_EQ(0, gochan_send(named, "a", 1));
	ASSERT_EQ(0, gochan_close(fds[1]));
	gochan_dump(self->out);
	EXPECT_EQ(1, matching(self, getpid(),
			      "descriptor %d: channel %llu, send recv, 0 of 0 messages",
			      self->ch, id_of(self->ch)));
	EXPECT_EQ(1, matching(self, getpid(),
			      "descriptor %d: channel %llu /" NAME ", send recv, 1 of 4 messages",
			      named, id_of(named)));
	/* a name cannot control a terminal */
	EXPECT_EQ(1, matching(self, getpid(),
			      "descriptor %d: channel %llu /" NAME "\\?\\[2J\\?, send recv, .*",
			      odd, id_of(odd)));
	EXPECT_EQ(1, matching(self, getpid(),
			      "descriptor %d: channel %llu, recv, 0 of 8 messages, closed",
			      fds[0], id_of(fds[0])));
	EXPECT_EQ(1, matching(self, getpid(),
			      "descriptor %d: channel %llu, send, 0 of 8 messages, closed",
			      fds[1], id_of(fds[1])));
	EXPECT_EQ(1, matching(self, getpid(), "5 descriptors are channels"));
	EXPECT_EQ(6, matching(self, getpid(), ".*"));
	EXPECT_TRUE(well_formed(self, getpid()));
}

/* DESIGN 6: without channels. */
TEST_F(dump, s6_none)
{
	close(self->ch);
	gochan_dump(self->out);
	EXPECT_EQ(1, matching(self, getpid(), "0 descriptors are channels"));
	EXPECT_EQ(1, matching(self, getpid(), ".*"));
}

/* DESIGN 6, R22: waiters: processes and threads, in a select, with a deadline. */
TEST_F(dump, s6_r22_waiters)
{
	const int other = gochan_make(0, 16, 0);
	struct gochan_op ops[2];
	struct job *process, *thread;
	char buf[16];
	pid_t pid;

	process = job_recv(BY_PROCESS, self->ch, 16);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	thread = job_recv(BY_THREAD, self->ch, 16);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 2));
	pid = child();
	if (!pid) {
		ops[0] = GOCHAN_SEND(other, "a", 1);
		ops[1] = GOCHAN_RECV(self->ch, buf, sizeof(buf));
		gochan_select(ops, 2, 1000000000000LL, 0);
		_exit(0);
	}
	ASSERT_TRUE(wait_for_waiters(other, 1, 0));
	gochan_dump(self->out);
	EXPECT_EQ(1, matching(self, getpid(),
			      "    process %d, thread %d: has waited " SECONDS " to receive",
			      process->id, process->id));
	EXPECT_EQ(1, matching(self, getpid(),
			      "    this process, thread %d: has waited " SECONDS " to receive",
			      thread->id));
	EXPECT_EQ(1, matching(self, getpid(),
			      "    process %d, thread %d: has waited " SECONDS " to send" IN_SELECT,
			      pid, pid));
	EXPECT_EQ(1, matching(self, getpid(),
			      "    process %d, thread %d: has waited " SECONDS
			      " to receive" IN_SELECT,
			      pid, pid));
	EXPECT_TRUE(well_formed(self, getpid()));
	reap_killed(pid);
	ASSERT_EQ(0, gochan_send(self->ch, "a", 1));
	ASSERT_EQ(0, gochan_send(self->ch, "a", 1));
	job_wait(process);
	job_wait(thread);
}

/* DESIGN 6, R22: more waiters than fdinfo has lines for, and more than a buffer's worth. */
TEST_F(dump, s6_r22_crowd)
{
	struct job *jobs[LISTED + 6];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(jobs); i++)
		jobs[i] = job_recv(BY_THREAD, self->ch, 16);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, ARRAY_SIZE(jobs)));
	gochan_dump(self->out);
	for (i = 0; i < LISTED; i++)
		EXPECT_EQ(1, matching(self, getpid(), "    this process, thread %d: .*",
				      jobs[i]->id));
	EXPECT_EQ(1, matching(self, getpid(), "    6 more waiters"));
	EXPECT_TRUE(well_formed(self, getpid()));
	for (i = 0; i < ARRAY_SIZE(jobs); i++)
		ASSERT_EQ(0, gochan_send(self->ch, "a", 1));
	for (i = 0; i < ARRAY_SIZE(jobs); i++)
		job_wait(jobs[i]);
}

/* DESIGN 6, R22: of other users' waiters only how many; and not being dumpable. */
TEST_F(dump, s6_r22_unprivileged)
{
	struct job *job = job_recv(BY_PROCESS, self->ch, 16);
	pid_t pid;

	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	pid = child();
	if (!pid) {
		if (become(USER))
			_exit(1);
		gochan_dump(self->out);
		_exit(0);
	}
	ASSERT_EQ(0, reap(pid));
	EXPECT_EQ(1, matching(self, pid, "descriptor %d: channel .*", self->ch));
	EXPECT_EQ(1, matching(self, pid, "    1 waiter of other users"));
	EXPECT_EQ(3, matching(self, pid, ".*"));
	job_kill(job);
}

/* DESIGN 6: errno is left alone, whether the dump succeeds or not. */
TEST_F(dump, s6_errno)
{
	int fds[2];

	errno = 77;
	gochan_dump(self->out);
	EXPECT_EQ(77, errno);
	gochan_dump(-1);
	EXPECT_EQ(77, errno);
	/* nor is there a SIGPIPE */
	ASSERT_EQ(0, pipe(fds));
	close(fds[0]);
	errno = 77;
	gochan_dump(fds[1]);
	EXPECT_EQ(77, errno);
}

/* DESIGN 6: SIGXFSZ is taken back, but not a signal that was pending before. */
TEST_F(dump, s6_pending)
{
	const struct rlimit limit = { .rlim_cur = 100, .rlim_max = 100 };
	const pid_t pid = child();
	sigset_t signals;

	if (!pid) {
		sigemptyset(&signals);
		sigaddset(&signals, SIGPIPE);
		sigprocmask(SIG_BLOCK, &signals, NULL);
		raise(SIGPIPE);
		setrlimit(RLIMIT_FSIZE, &limit);
		gochan_dump(self->out);
		sigpending(&signals);
		_exit(!sigismember(&signals, SIGPIPE));
	}
	EXPECT_EQ(0, reap(pid));
	read_out(self);
	EXPECT_EQ(100U, strlen(self->text));
}

/* DESIGN 6: a file that takes nothing, without an error. */
TEST_F(dump, s6_takes_nothing)
{
	pid_t pid = child();
	char path[64];
	int mem;

	if (!pid)
		pause();
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, mem);
	reap_killed(pid);
	ASSERT_EQ(0, write(mem, "a", 1));
	pid = child();
	if (!pid) {
		gochan_dump(mem);
		_exit(0);
	}
	EXPECT_EQ(0, wait_status(pid, 0));
}

/* DESIGN 6: without free descriptors it says so. */
TEST_F(dump, s6_emfile)
{
	const struct rlimit none = { .rlim_cur = 0, .rlim_max = 0 };

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	gochan_dump(self->out);
	EXPECT_EQ(1, matching(self, getpid(), NO_LIST "EMFILE"));
}

/* DESIGN 6: of one descriptor that is free, it says what it could not read. */
TEST_F(dump, s6_unread)
{
	const struct rlimit one = { .rlim_cur = self->ch + 2, .rlim_max = self->ch + 2 };

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &one));
	gochan_dump(self->out);
	EXPECT_EQ(1, matching(self, getpid(),
			      "0 descriptors are channels, [0-9]+ could not be looked at"));
}

/* DESIGN 6: without /proc it says so, and what this thread does. */
TEST_F(dump, s6_no_proc)
{
	pid_t pid;
	int status;

	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	pid = dumping_child(self, SIGQUIT);
	if (!pid) {
		if (umount2("/proc", MNT_DETACH))
			_exit(1);
		gochan_send(self->ch, "a", 1);
		_exit(0);
	}
	ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
	kill(pid, SIGQUIT);
	status = wait_status(pid, 0);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(1, matching(self, pid, "thread %d has been in gochan_send for .*", pid));
	EXPECT_EQ(1, matching(self, pid, NO_LIST "ENOENT; is /proc mounted\\?"));
	EXPECT_EQ(2, matching(self, pid, ".*"));
}

static void *recv_in_thread(void *arg)
{
	const struct _test_data_dump *self = arg;

	gochan_recv(self->ch, NULL, 0, NULL);
	return NULL;
}

static void *dump_in_thread(void *arg)
{
	const struct _test_data_dump *self = arg;
	const struct wait wait = wait_begin();
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->ch);
	while (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 && wait_more(&wait))
		;
	gochan_dump(self->out);
	_exit(0);
}

/* DESIGN 6: the first thread has exited, so /proc/self has no descriptors. */
TEST_F(dump, s6_first_thread_exited)
{
	const pid_t pid = child();
	pthread_t thread;

	if (!pid) {
		pthread_create(&thread, NULL, dump_in_thread, self);
		pthread_exit(NULL);
	}
	ASSERT_EQ(0, reap(pid));
	EXPECT_EQ(1, matching(self, pid, "descriptor %d: channel .*", self->ch));
}

/* ---- on a signal ---- */

/* DESIGN 6: which call the signal interrupted, then the default action, with a core. */
TEST_F(dump, s6_quit)
{
	const struct rlimit all = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
	char dir[] = "/tmp/" PREFIX "XXXXXX";
	pid_t pid;
	int status;

	ASSERT_TRUE(mkdtemp(dir));
	ASSERT_EQ(0, chdir(dir));
	ASSERT_TRUE(set_core_pattern(self));
	pid = dumping_child(self, SIGQUIT);
	if (!pid) {
		setrlimit(RLIMIT_CORE, &all);
		gochan_send(self->ch, "a", 1);
		_exit(0);
	}
	ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
	kill(pid, SIGQUIT);
	status = wait_status(pid, 0);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGQUIT, WTERMSIG(status));
	EXPECT_TRUE(WCOREDUMP(status));
	EXPECT_EQ(0, unlink("core"));
	rmdir(dir);
	EXPECT_EQ(1, matching(self, pid,
			      "thread %d has been in gochan_send for " SECONDS ": send %d",
			      pid, self->ch));
	EXPECT_EQ(1, matching(self, pid, "descriptor %d: channel .*", self->ch));
	EXPECT_EQ(1, matching(self, pid, "1 descriptor is a channel"));
	EXPECT_EQ(3, matching(self, pid, ".*"));
}

/* A pipe that has no room left. */
static int full_pipe(void)
{
	static char page[65536];
	int fds[2];

	if (pipe(fds) || fcntl(fds[1], F_SETPIPE_SZ, (int)page_size()) < 0)
		return -1;
	return write(fds[1], page, page_size()) == (ssize_t)page_size() ? fds[1] : -1;
}

/* DESIGN 6: a second signal ends a process whose dump is stuck. */
TEST_F(dump, s6_stuck)
{
	const int full = full_pipe();
	pid_t pid;
	int status;

	ASSERT_LE(0, full);
	pid = dumping_child(self, SIGQUIT);
	if (!pid) {
		dup2(full, STDERR_FILENO);
		gochan_send(self->ch, "a", 1);
		_exit(0);
	}
	ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
	kill(pid, SIGQUIT);
	ASSERT_TRUE(wait_in_syscall(pid, SYS_write));
	kill(pid, SIGQUIT);
	status = wait_status(pid, 0);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGQUIT, WTERMSIG(status));
}

/* DESIGN 6: all ops of a select, up to eight. */
TEST_F(dump, s6_select)
{
	struct gochan_op ops[9];
	char buf[16];
	pid_t pid;
	int i;

	pid = dumping_child(self, SIGTERM);
	if (!pid) {
		for (i = 0; i < 9; i++)
			ops[i] = GOCHAN_RECV(-1, buf, sizeof(buf));
		ops[1] = GOCHAN_POLL(self->out, POLLPRI);
		ops[8] = GOCHAN_SEND(self->ch, "a", 1);
		gochan_select(ops, 9, -1, 0);
		_exit(0);
	}
	ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
	kill(pid, SIGTERM);
	EXPECT_EQ(128 + SIGTERM, reap(pid));
	EXPECT_EQ(1, matching(self, pid,
			      "thread %d has been in gochan_select for " SECONDS
			      ": recv -1 poll %d( recv -1){6} \\.\\.\\.",
			      pid, self->out));
}

static int handler_out;

static void dump_in_handler(int sig)
{
	(void)sig;
	gochan_dump(handler_out);
}

/* DESIGN 6: a handler of the program's own, which the blocked call survives; then there is none. */
TEST_F(dump, s6_in_handler)
{
	const struct sigaction action = { .sa_handler = dump_in_handler,
					  .sa_flags = SA_RESTART };
	pid_t pid;
	int go = gochan_make(0, 1, 0);

	pid = child();
	if (!pid) {
		handler_out = self->out;
		gochan_dump_on(SIGQUIT);
		sigaction(SIGUSR1, &action, NULL);
		if (gochan_send(self->ch, "a", 1) || read(go, &go, 1) != 1)
			_exit(1);
		gochan_dump(self->out);
		_exit(0);
	}
	ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
	kill(pid, SIGUSR1);
	ASSERT_TRUE(wait_for_dumps(self, pid, 1));
	ASSERT_EQ(1, gochan_recv(self->ch, self->text, 16, NULL));
	ASSERT_TRUE(wait_for_waiters(go, 0, 1));
	/* a read(2) is none of the library's calls */
	kill(pid, SIGUSR1);
	ASSERT_TRUE(wait_for_dumps(self, pid, 2));
	ASSERT_EQ(0, gochan_send(go, "a", 1));
	EXPECT_EQ(0, reap(pid));
	EXPECT_TRUE(wait_for_dumps(self, pid, 3));
	EXPECT_EQ(1, matching(self, pid, "thread .*"));
	EXPECT_EQ(1, matching(self, pid, "thread .* gochan_send .*"));
}

static int handler_ch;

static void send_in_handler(int sig)
{
	(void)sig;
	gochan_try_send(handler_ch, "a", 1);
	gochan_dump(handler_out);
}

/* DESIGN 6: a call in a handler: then the thread is in the one that was interrupted again. */
TEST_F(dump, s6_call_in_handler)
{
	const struct sigaction action = { .sa_handler = send_in_handler,
					  .sa_flags = SA_RESTART };
	pid_t pid;

	pid = child();
	if (!pid) {
		handler_out = self->out;
		handler_ch = gochan_make(1, 1, 0);
		gochan_dump_on(SIGQUIT);
		sigaction(SIGUSR1, &action, NULL);
		_exit(gochan_send(self->ch, "a", 1));
	}
	ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
	kill(pid, SIGUSR1);
	ASSERT_TRUE(wait_for_dumps(self, pid, 1));
	ASSERT_EQ(1, gochan_recv(self->ch, self->text, 16, NULL));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(1, matching(self, pid, "thread .* gochan_send .*"));
	EXPECT_EQ(1, matching(self, pid, "thread .*"));
}

/* DESIGN 6: one dump, with the threads that wait, whichever thread gets the signal. */
TEST_F(dump, s6_threads)
{
	pthread_t threads[4];
	pid_t pid;
	size_t i;

	pid = dumping_child(self, SIGQUIT);
	if (!pid) {
		for (i = 0; i < ARRAY_SIZE(threads); i++)
			pthread_create(&threads[i], NULL, recv_in_thread, self);
		for (;;)
			pause();
	}
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, ARRAY_SIZE(threads)));
	kill(pid, SIGQUIT);
	EXPECT_EQ(128 + SIGQUIT, reap(pid));
	EXPECT_EQ(1, matching(self, pid, "1 descriptor is a channel"));
	/* the first thread, if it is the one, is in no call */
	EXPECT_EQ(4, matching(self, pid, "    this process, thread .*: has waited .* to receive") +
		     matching(self, pid, "thread [0-9]+ has been in gochan_recv for .*"));
}

static bool wait_handled_default(pid_t pid)
{
	return !wait_status(pid, WUNTRACED);
}

/* DESIGN 6: after signals that by default do nothing, it goes on, and dumps again. */
TEST_F(dump, s6_ignored)
{
	pid_t pid;
	int i;

	pid = dumping_child(self, SIGURG);
	if (!pid)
		_exit(gochan_send(self->ch, "a", 1));
	ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
	for (i = 1; i <= 3; i++) {
		kill(pid, SIGURG);
		ASSERT_TRUE(wait_for_dumps(self, pid, i));
		ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
		ASSERT_TRUE(wait_asleep(pid));
	}
	ASSERT_EQ(1, gochan_recv(self->ch, self->text, 16, NULL));
	EXPECT_TRUE(wait_handled_default(pid));
	EXPECT_EQ(3, matching(self, pid, "thread .* gochan_send .*"));
}

/* DESIGN 6: after signals that by default stop the process, it stops, and dumps again. */
TEST_F(dump, s6_stopped)
{
	pid_t pid;
	int i, status;

	pid = dumping_child(self, SIGTSTP);
	if (!pid) {
		/* not orphaned, or it would not stop */
		setpgid(0, 0);
		_exit(gochan_send(self->ch, "a", 1));
	}
	for (i = 1; i <= 2; i++) {
		ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
		ASSERT_TRUE(wait_asleep(pid));
		kill(pid, SIGTSTP);
		status = wait_status(pid, WUNTRACED);
		ASSERT_NE(-1, status);
		ASSERT_TRUE(WIFSTOPPED(status));
		EXPECT_EQ(SIGTSTP, WSTOPSIG(status));
		EXPECT_TRUE(wait_for_dumps(self, pid, i));
		kill(pid, SIGCONT);
	}
	ASSERT_EQ(1, gochan_recv(self->ch, self->text, 16, NULL));
	EXPECT_EQ(0, reap(pid));
}

/* DESIGN 6: the process ends, although the signal is blocked but in sigsuspend(2). */
TEST_F(dump, s6_blocked)
{
	sigset_t quit, none;
	pid_t pid;

	pid = dumping_child(self, SIGQUIT);
	if (!pid) {
		sigemptyset(&none);
		sigemptyset(&quit);
		sigaddset(&quit, SIGQUIT);
		sigprocmask(SIG_BLOCK, &quit, NULL);
		gochan_try_send(self->ch, "a", 1);
		sigsuspend(&none);
		_exit(0);
	}
	ASSERT_TRUE(wait_in_syscall(pid, SYS_rt_sigsuspend));
	kill(pid, SIGQUIT);
	EXPECT_EQ(128 + SIGQUIT, reap(pid));
	EXPECT_EQ(1, matching(self, pid, "1 descriptor is a channel"));
}

static void use_up_stack(void)
{
	char frame[2 * STACK_SIZE];

	fill(frame, sizeof(frame), 1);
}

/* DESIGN 6: on an alternate stack, after the stack was used up. */
TEST_F(dump, s6_stack_overflow)
{
	const struct rlimit small = { .rlim_cur = STACK_SIZE, .rlim_max = STACK_SIZE };
	static char stack[16384];
	const stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	pid_t pid;

	pid = dumping_child(self, SIGSEGV);
	if (!pid) {
		setrlimit(RLIMIT_STACK, &small);
		sigaltstack(&alternate, NULL);
		use_up_stack();
	}
	EXPECT_EQ(128 + SIGSEGV, reap(pid));
	EXPECT_EQ(1, matching(self, pid, "descriptor %d: channel .*", self->ch));
	EXPECT_EQ(1, matching(self, pid, "1 descriptor is a channel"));
}

static int nr_dumps;

/* No more than fit into the text, however seldom the interrupted program runs. */
static void dump_at_most(int sig)
{
	(void)sig;
	if (__atomic_fetch_add(&nr_dumps, 1, __ATOMIC_RELAXED) < DUMPS)
		gochan_dump(handler_out);
}

/* DESIGN 6: wherever the signal comes, also within malloc() and stdio. */
TEST_F(dump, s6_anywhere)
{
	const struct sigaction action = { .sa_handler = dump_at_most };
	const struct itimerval often = { .it_interval.tv_usec = 500, .it_value.tv_usec = 500 };
	pid_t pid;
	void *p;

	pid = child();
	if (!pid) {
		handler_out = self->out;
		sigaction(SIGALRM, &action, NULL);
		setitimer(ITIMER_REAL, &often, NULL);
		while (__atomic_load_n(&nr_dumps, __ATOMIC_RELAXED) < DUMPS) {
			p = malloc(1 << 17);
			snprintf(self->text, 64, "%p %f", p, 1.0);
			free(p);
		}
		signal(SIGALRM, SIG_IGN);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_TRUE(well_formed(self, pid));
}

/* DESIGN 6: signals that there are not, and those that cannot be handled. */
TEST_F(dump, s6_errors)
{
	static const int bad[] = { 0, -1, 65, 1000, 32, 33, SIGKILL, SIGSTOP };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		errno = 0;
		EXPECT_EQ(-1, gochan_dump_on(bad[i]));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(0, gochan_dump_on(SIGUSR2));
	EXPECT_EQ(0, gochan_dump_on(SIGRTMAX));
}

TEST_HARNESS_MAIN
