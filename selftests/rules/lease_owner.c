// SPDX-License-Identifier: GPL-2.0
/*
 * R21: to whom a lease belongs, and when it ends: it belongs to the descriptor table and the
 * handle that received it, until that table holds no descriptor of the handle any more.
 *
 * A process that has exited has released its descriptors by the time it is reaped, so what
 * that has caused can be seen at once.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"
#include "../lib/stall.h"

#include <fcntl.h>
#include <limits.h>
#include <liburing.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define CAPACITY	256
#define MSG_SIZE	64
#define NAME		PREFIX "owner"
#define PLACE		"/tmp/" PREFIX "owner"
#define CGROUP		"/sys/fs/cgroup/" PREFIX "owner"
#define STACK_SIZE	65536
#define NS_PER_S	1000000000LL

FIXTURE(owner) {
	int ch;		/* to send, to look, and for receivers that are somebody else */
	int in;		/* the handle that leases are received through */
};

FIXTURE_SETUP(owner)
{
	self->ch = ch_make(CAPACITY, MSG_SIZE, GOCHAN_ACK);
	ASSERT_LE(0, self->ch);
	self->in = ch_dup(self->ch, O_RDONLY);
	ASSERT_LE(0, self->in);
}

FIXTURE_TEARDOWN(owner)
{
	unlink_all();
}

static int acknowledge(int ch, unsigned long long lease)
{
	struct gochan_ack ack = { .lease = lease };

	return ioctl(ch, GOCHAN_IOC_ACK, &ack) ? -errno : 0;
}

static int requeue(int ch, unsigned long long lease)
{
	struct gochan_ack ack = { .lease = lease, .flags = GOCHAN_REQUEUE };

	return ioctl(ch, GOCHAN_IOC_ACK, &ack) ? -errno : 0;
}

/* A receive that leases. */
static struct call *leasing(int ch)
{
	struct call *job = call_batch(ch);

	call_recv(job, ch);
	return job;
}

static struct call *lease(int ch)
{
	struct call *job = leasing(ch);

	call_try(job);
	return job;
}

/* Acknowledge the message that a job has received. */
static int finish(const struct call *job)
{
	return acknowledge(job->ch, job->ops[0].lease);
}

/* How many messages are leased, and how many can be received. */
static bool has(int ch, unsigned int leased, unsigned int len)
{
	const struct gochan_info info = ch_info(ch);

	if (info.leased == leased && info.len == len)
		return true;
	printf("# leased %u, len %u\n", info.leased, info.len);
	return false;
}

static bool wait_has(int ch, unsigned int leased, unsigned int len)
{
	const struct wait wait = wait_begin();
	struct gochan_info info;

	do {
		info = ch_info(ch);
		if (info.leased == leased && info.len == len)
			return true;
	} while (wait_more(&wait));
	return has(ch, leased, len);
}

static bool wait_requeued(int ch, unsigned int count)
{
	const struct wait wait = wait_begin();

	do {
		if (ch_info(ch).requeued == count)
			return true;
	} while (wait_more(&wait));
	return false;
}

/* A process that leases a message, and then does something, or exits. */
static pid_t worker(struct call *job, void (*then)(struct call *job))
{
	const pid_t pid = child();

	if (pid)
		return pid;
	if (call_try(job) != 1 || !job->ops[0].lease)
		_exit(100);
	if (then)
		then(job);
	_exit(0);
}

static void stay(struct call *job)
{
	(void)job;
	for (;;)
		pause();
}

/* Stop, and when continued acknowledge. */
static void stop_and_finish(struct call *job)
{
	raise(SIGSTOP);
	_exit(-finish(job));
}

/* Wait until a process that stops itself has done so. */
static bool wait_stopped(pid_t pid)
{
	int status;

	return waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status);
}

/* A process with these flags of clone(2). */
static pid_t clone_child(int flags, int (*work)(void *arg), void *arg)
{
	char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (stack == MAP_FAILED)
		return -errno;
	return clone(work, stack + STACK_SIZE, flags | SIGCHLD, arg);
}

/*
 * What this program does when it is executed anew: acknowledge the lease in $LEASE_OWNER, or
 * stay. The exit status is the error.
 */
static void __attribute__((constructor)) new_program(void)
{
	const char *work = getenv("LEASE_OWNER");
	unsigned long long lease;
	int ch;

	if (!work)
		return;
	if (sscanf(work, "%d %llu", &ch, &lease) == 2)
		_exit(-acknowledge(ch, lease));
	stay(NULL);
}

static void exec_and_stay(struct call *job)
{
	(void)job;
	setenv("LEASE_OWNER", "stay", 1);
	execl("/proc/self/exe", "lease_owner", NULL);
	_exit(101);
}

/* The descriptor is not closed by exec. */
static void exec_and_finish(struct call *job)
{
	char work[64];

	snprintf(work, sizeof(work), "%d %llu", job->ch,
		 (unsigned long long)job->ops[0].lease);
	setenv("LEASE_OWNER", work, 1);
	fcntl(job->ch, F_SETFD, 0);
	execl("/proc/self/exe", "lease_owner", NULL);
	_exit(101);
}

/* ---- the end of a process ---- */

/* R21: exit ends it, whoever else has the handle open. */
TEST_F(owner, r21_exit)
{
	struct call *job = leasing(self->in);
	struct call *again;

	EXPECT_EQ(1, send_text(self->ch, "a"));
	EXPECT_EQ(0, reap(worker(job, NULL)));
	EXPECT_TRUE(has(self->ch, 0, 1));
	EXPECT_EQ(1U, job->ops[0].deliveries);
	EXPECT_EQ(-ESTALE, finish(job));
	again = lease(self->in);
	EXPECT_STREQ("a", call_text(again, 0));
	EXPECT_EQ(2U, again->ops[0].deliveries);
	EXPECT_EQ(job->ops[0].seq, again->ops[0].seq);
	EXPECT_NE(job->ops[0].lease, again->ops[0].lease);
	EXPECT_EQ(-ESTALE, finish(job));
	EXPECT_EQ(0, finish(again));
	EXPECT_EQ(-ESTALE, finish(again));
	EXPECT_TRUE(has(self->ch, 0, 0));
}

/* R21: death ends it, and a receiver that waits gets the message. */
TEST_F(owner, r21_killed)
{
	struct call *job = leasing(self->in);
	struct call *next = leasing(self->in);
	pid_t pid;

	EXPECT_EQ(1, send_text(self->ch, "a"));
	pid = worker(job, stay);
	ASSERT_TRUE(wait_has(self->ch, 1, 0));
	call_start(next, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	EXPECT_EQ(1, call_wait(next));
	EXPECT_STREQ("a", call_text(next, 0));
	EXPECT_EQ(2U, next->ops[0].deliveries);
	EXPECT_EQ(job->ops[0].seq, next->ops[0].seq);
	EXPECT_TRUE(has(self->ch, 1, 0));
	EXPECT_EQ(0, finish(next));
	EXPECT_TRUE(has(self->ch, 0, 0));
}

static void lease_many(struct call *job)
{
	int i;

	for (i = 1; i < CAPACITY - 8; i++) {
		struct call *more = lease(job->ch);

		if (more->ret != 1 || (i % 3 == 0 && finish(more)))
			_exit(101);
		call_free(more);
	}
	stay(job);
}

static bool sends_number(int ch, int number)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", number);
	return try_send_text(ch, text) > 0;
}

/* R2, R21: the messages of a process that dies keep their order, ahead of later ones. */
TEST_F(owner, r2_r21_order)
{
	struct call *job = leasing(self->in);
	char text[16];
	pid_t pid;
	int i;

	for (i = 0; i < CAPACITY; i++)
		ASSERT_TRUE(sends_number(self->ch, i));
	pid = worker(job, lease_many);
	ASSERT_TRUE(wait_has(self->ch, CAPACITY - 8 - (CAPACITY - 9) / 3, 8));
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	ASSERT_TRUE(has(self->ch, 0, CAPACITY - (CAPACITY - 9) / 3));
	for (i = 0; i < CAPACITY; i++) {
		if (i && i % 3 == 0 && i < CAPACITY - 8)
			continue;
		job = lease(self->in);
		snprintf(text, sizeof(text), "%d", i);
		ASSERT_STREQ(text, call_text(job, 0));
		EXPECT_EQ(i < CAPACITY - 8 ? 2U : 1U, job->ops[0].deliveries);
		EXPECT_EQ(0, finish(job));
		call_free(job);
	}
	EXPECT_TRUE(has(self->ch, 0, 0));
}

/* R2, R7, R21: receivers that wait get them in that order. */
TEST_F(owner, r2_r7_r21_order_of_receivers)
{
	struct call *job = leasing(self->in);
	struct call *next[3];
	char text[16];
	pid_t pid;
	int i;

	for (i = 0; i < CAPACITY - 8; i++)
		ASSERT_TRUE(sends_number(self->ch, i));
	pid = worker(job, lease_many);
	ASSERT_TRUE(wait_has(self->ch, CAPACITY - 8 - (CAPACITY - 9) / 3, 0));
	for (i = 0; i < 3; i++) {
		next[i] = call_start(leasing(self->in), BY_THREAD);
		ASSERT_TRUE(wait_for_waiters(self->ch, 0, i + 1));
	}
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	for (i = 0; i < 3; i++) {
		/* 3 was acknowledged */
		snprintf(text, sizeof(text), "%d", i);
		EXPECT_EQ(1, call_wait(next[i]));
		EXPECT_STREQ(text, call_text(next[i], 0));
	}
	job = lease(self->in);
	EXPECT_STREQ("4", call_text(job, 0));
}

static void lease_twice_and_next(struct call *job)
{
	if (requeue(job->ch, job->ops[0].lease) || lease(job->ch)->ops[0].deliveries != 2 ||
	    lease(job->ch)->ops[0].deliveries != 1)
		_exit(101);
	stay(job);
}

/*
 * R21: also where a message becomes a dead letter: its slot is not filled, and so no later
 * message received, before the others are returned.
 */
TEST_F(owner, r21_order_of_dropped)
{
	const struct gochan_setup s = {
		.capacity = 2, .msg_size = MSG_SIZE, .flags = GOCHAN_ACK, .max_deliveries = 2,
	};
	const int ch = open("/dev/gochan", O_RDWR | O_CLOEXEC);
	struct call *next;
	struct job *later;
	pid_t pid;

	ASSERT_LE(0, ch);
	ASSERT_EQ(0, ioctl(ch, GOCHAN_IOC_SETUP, &s));
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_EQ(1, send_text(ch, "b"));
	pid = worker(leasing(ch), lease_twice_and_next);
	ASSERT_TRUE(wait_has(ch, 2, 0));
	later = job_send_text(BY_THREAD, ch, "c");
	next = call_start(leasing(ch), BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 1));
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	EXPECT_EQ(1, call_wait(next));
	EXPECT_STREQ("b", call_text(next, 0));
	EXPECT_EQ(1, job_wait(later));
	EXPECT_EQ(1ULL, ch_info(ch).dropped);
	EXPECT_STREQ("c", recv_text(ch));
}

/* R21: a worker that is stopped keeps it, and may acknowledge when it is continued. */
TEST_F(owner, r21_stopped)
{
	pid_t pid;

	EXPECT_EQ(1, send_text(self->ch, "a"));
	pid = worker(leasing(self->in), stop_and_finish);
	ASSERT_TRUE(wait_stopped(pid));
	EXPECT_TRUE(has(self->ch, 1, 0));
	EXPECT_EQ(1, send_text(self->ch, "b"));
	EXPECT_STREQ("b", recv_text(self->ch));
	EXPECT_TRUE(has(self->ch, 1, 0));
	kill(pid, SIGCONT);
	EXPECT_EQ(0, reap(pid));
	EXPECT_TRUE(has(self->ch, 0, 0));
}

static bool wait_frozen(void)
{
	const struct wait wait = wait_begin();
	char text[256];

	do {
		if (read_text(CGROUP "/cgroup.events", text, sizeof(text)) > 0 &&
		    strstr(text, "frozen 1"))
			return true;
	} while (wait_more(&wait));
	return false;
}

/* R21: a worker that is frozen keeps it, until it is killed. */
TEST_F(owner, r21_frozen)
{
	char text[16];
	pid_t pid;

	rmdir(CGROUP);
	ASSERT_EQ(0, mkdir(CGROUP, 0755));
	EXPECT_EQ(1, send_text(self->ch, "a"));
	pid = worker(leasing(self->in), stay);
	ASSERT_TRUE(wait_has(self->ch, 1, 0));
	snprintf(text, sizeof(text), "%d", pid);
	EXPECT_EQ(0, write_text(CGROUP "/cgroup.procs", text));
	EXPECT_EQ(0, write_text(CGROUP "/cgroup.freeze", "1"));
	EXPECT_TRUE(wait_frozen());
	EXPECT_TRUE(has(self->ch, 1, 0));
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	EXPECT_TRUE(has(self->ch, 0, 1));
	EXPECT_EQ(0, rmdir(CGROUP));
}

/* The name tells scripts/vm/filter-log.awk that the kernel's report was asked for. */
static void run_out_of_memory(struct call *job)
{
	const size_t len = 64UL << 20;
	char *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)job;
	prctl(PR_SET_NAME, "gochan-oom");
	if (memory == MAP_FAILED || write_text(CGROUP "/cgroup.procs", "0"))
		_exit(1);
	memset(memory, 1, len);
	_exit(2);
}

/* R21: killed by the OOM killer. */
TEST_F(owner, r21_oom_killed)
{
	char text[256];

	ASSERT_EQ(0, write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory"));
	rmdir(CGROUP);
	ASSERT_EQ(0, mkdir(CGROUP, 0755));
	ASSERT_EQ(0, write_text(CGROUP "/memory.max", "8M"));
	EXPECT_EQ(1, send_text(self->ch, "a"));
	EXPECT_EQ(128 + SIGKILL, reap(worker(leasing(self->in), run_out_of_memory)));
	EXPECT_LT(0, read_text(CGROUP "/memory.events", text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, "oom_kill 1\n"));
	EXPECT_TRUE(has(self->ch, 0, 1));
	EXPECT_EQ(0, rmdir(CGROUP));
}

/* ---- exec ---- */

/* R21: exec ends it where it closes the descriptor. */
TEST_F(owner, r21_exec_closes)
{
	pid_t pid;

	EXPECT_EQ(1, send_text(self->ch, "a"));
	pid = worker(leasing(self->in), exec_and_stay);
	EXPECT_TRUE(wait_requeued(self->ch, 1));
	EXPECT_TRUE(has(self->ch, 0, 1));
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
}

/* R21: else it is the new program's, which may acknowledge. */
TEST_F(owner, r21_exec_keeps)
{
	EXPECT_EQ(1, send_text(self->ch, "a"));
	EXPECT_EQ(0, reap(worker(leasing(self->in), exec_and_finish)));
	EXPECT_TRUE(has(self->ch, 0, 0));
	EXPECT_EQ(0U, ch_info(self->ch).requeued);
}

static void *exec_thread(void *job)
{
	exec_and_finish(job);
	return NULL;
}

static void thread_execs(struct call *job)
{
	pthread_t thread;

	pthread_create(&thread, NULL, exec_thread, job);
	stay(job);
}

/* R21: likewise when another thread than the first one executes it. */
TEST_F(owner, r21_exec_by_thread)
{
	EXPECT_EQ(1, send_text(self->ch, "a"));
	EXPECT_EQ(0, reap(worker(leasing(self->in), thread_execs)));
	EXPECT_TRUE(has(self->ch, 0, 0));
	EXPECT_EQ(0U, ch_info(self->ch).requeued);
}

static int sharer_execs(void *job)
{
	exec_and_finish(job);
	return 101;
}

/* One that shares the table executes a program. */
static void share_and_exec(struct call *job)
{
	if (reap(clone_child(CLONE_FILES, sharer_execs, job)) != ESTALE)
		_exit(102);
	_exit(-finish(job));
}

/* R21: a process that shares the table loses it by exec, and gets no lease. */
TEST_F(owner, r21_exec_of_sharer)
{
	EXPECT_EQ(1, send_text(self->ch, "a"));
	EXPECT_EQ(0, reap(worker(leasing(self->in), share_and_exec)));
	EXPECT_TRUE(has(self->ch, 0, 0));
	EXPECT_EQ(0U, ch_info(self->ch).requeued);
}

/* ---- close ---- */

/* R21: it ends when the last of several descriptors is closed, whichever that is. */
TEST_F(owner, r21_close_one_then_other)
{
	struct call *job;
	int k, fds[2];

	EXPECT_EQ(1, send_text(self->ch, "a"));
	for (k = 0; k < 2; k++) {
		fds[k] = dup(self->in);
		fds[!k] = dup(self->in);
		close(self->in);
		job = lease(fds[0]);
		EXPECT_EQ(k + 1U, job->ops[0].deliveries);
		close(fds[0]);
		EXPECT_TRUE(has(self->ch, 1, 0));
		self->in = ch_dup(self->ch, O_RDONLY);
		close(fds[1]);
		EXPECT_TRUE(has(self->ch, 0, 1));
	}
}

/* R21: it stays while there is a descriptor, below or above those that were there before. */
TEST_F(owner, r21_descriptors_come_and_go)
{
	struct call *job;
	int low, high, i;

	EXPECT_EQ(1, send_text(self->ch, "a"));
	job = lease(self->in);
	low = self->in;
	for (i = 0; i < 4; i++) {
		high = dup(low);
		ASSERT_LT(low, high);
		close(low);
		EXPECT_TRUE(has(self->ch, 1, 0));
		ASSERT_EQ(low, dup(high));
		close(high);
		EXPECT_TRUE(has(self->ch, 1, 0));
	}
	EXPECT_EQ(0, finish(job));
}

/* R21: it can be acknowledged through any descriptor of the handle. */
TEST_F(owner, r21_other_descriptor)
{
	const int fd = dup(self->in);
	struct call *job;

	EXPECT_EQ(1, send_text(self->ch, "a"));
	job = lease(self->in);
	close(self->in);
	EXPECT_EQ(0, acknowledge(fd, job->ops[0].lease));
	EXPECT_TRUE(has(self->ch, 0, 0));
}

/* R21: so it does when dup2(2) replaces the last one, by another handle. */
TEST_F(owner, r21_dup2)
{
	struct call *job;
	int fd;

	EXPECT_EQ(1, send_text(self->ch, "a"));
	job = lease(self->in);
	fd = dup(self->in);
	EXPECT_EQ(self->in, dup2(self->in, self->in));
	EXPECT_EQ(fd, dup2(self->in, fd));
	EXPECT_TRUE(has(self->ch, 1, 0));
	EXPECT_EQ(fd, dup2(self->ch, fd));
	EXPECT_TRUE(has(self->ch, 1, 0));
	EXPECT_EQ(self->in, dup2(self->ch, self->in));
	EXPECT_TRUE(has(self->ch, 0, 1));
	EXPECT_EQ(-ESTALE, finish(job));
}

/* R21: so it does by close_range(2), unless that only marks the descriptor. */
TEST_F(owner, r21_close_range)
{
	static const unsigned int flags[] = { 0, CLOSE_RANGE_UNSHARE };
	struct call *job;
	int k;

	EXPECT_EQ(1, send_text(self->ch, "a"));
	for (k = 0; k < 2; k++) {
		job = lease(self->in);
		EXPECT_EQ(k + 1U, job->ops[0].deliveries);
		EXPECT_EQ(0, close_range(self->in, self->in, CLOSE_RANGE_CLOEXEC));
		EXPECT_TRUE(has(self->ch, 1, 0));
		EXPECT_EQ(0, close_range(self->in, self->in, flags[k]));
		EXPECT_TRUE(has(self->ch, 0, 1));
		self->in = ch_dup(self->ch, O_RDONLY);
	}
}

/* Close a descriptor by io_uring, or only register the file there and close it then. */
static int uring_close(int fd, bool registered)
{
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	int ret;

	ret = io_uring_queue_init(4, &ring, 0);
	if (ret)
		return ret;
	if (registered) {
		ret = io_uring_register_files(&ring, &fd, 1);
		/* the ring keeps the file until the test ends */
		return ret ?: close(fd);
	}
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_close(sqe, fd);
	io_uring_submit(&ring);
	ret = io_uring_wait_cqe(&ring, &cqe) ?: cqe->res;
	io_uring_queue_exit(&ring);
	return ret;
}

/* R21: so it does by io_uring, and though io_uring has the file registered. */
TEST_F(owner, r21_uring)
{
	struct call *job;
	int k;

	EXPECT_EQ(1, send_text(self->ch, "a"));
	for (k = 0; k < 2; k++) {
		job = lease(self->in);
		EXPECT_EQ(k + 1U, job->ops[0].deliveries);
		EXPECT_EQ(0, uring_close(self->in, k));
		EXPECT_TRUE(has(self->ch, 0, 1));
		self->in = ch_dup(self->ch, O_RDONLY);
	}
}

/* R21: so it does though the file is in flight; who receives it is a new owner. */
TEST_F(owner, r21_scm_rights)
{
	struct call *job, *again;
	int socks[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	EXPECT_EQ(1, send_text(self->ch, "a"));
	job = lease(self->in);
	EXPECT_EQ(0, send_fd(socks[0], self->in));
	EXPECT_TRUE(has(self->ch, 1, 0));
	close(self->in);
	EXPECT_TRUE(has(self->ch, 0, 1));
	self->in = recv_fd(socks[1]);
	ASSERT_LE(0, self->in);
	EXPECT_EQ(-ESTALE, acknowledge(self->in, job->ops[0].lease));
	again = lease(self->in);
	EXPECT_EQ(2U, again->ops[0].deliveries);
	EXPECT_EQ(-ESTALE, acknowledge(self->in, job->ops[0].lease));
	EXPECT_EQ(0, finish(again));
	EXPECT_TRUE(has(self->ch, 0, 0));
}

/* R21: a duplicate by GOCHAN_IOC_DUP is another handle. */
TEST_F(owner, r21_other_handle)
{
	const int other = ch_dup(self->in, O_RDONLY);
	struct call *job;

	EXPECT_EQ(1, send_text(self->ch, "a"));
	job = lease(self->in);
	EXPECT_EQ(-ESTALE, acknowledge(other, job->ops[0].lease));
	EXPECT_EQ(-ESTALE, requeue(other, job->ops[0].lease));
	EXPECT_EQ(-ESTALE, acknowledge(self->ch, job->ops[0].lease));
	close(other);
	EXPECT_TRUE(has(self->ch, 1, 0));
	EXPECT_LE(0, ch_dup(self->in, O_RDONLY));
	close(self->in);
	EXPECT_TRUE(has(self->ch, 0, 1));
}

#define MANY	100000

static void open_many(struct call *job)
{
	const struct rlimit limit = { MANY + 64, MANY + 64 };
	int i;

	if (setrlimit(RLIMIT_NOFILE, &limit))
		_exit(101);
	for (i = 0; i < MANY; i++)
		if (dup(job->ch) < 0)
			_exit(102);
	raise(SIGSTOP);
}

/* R21: a process with very many descriptors of the handle exits within seconds. */
TEST_F(owner, r21_many_descriptors)
{
	long long start;
	pid_t pid;

	EXPECT_EQ(1, send_text(self->ch, "a"));
	pid = worker(leasing(self->in), open_many);
	ASSERT_TRUE(wait_stopped(pid));
	EXPECT_TRUE(has(self->ch, 1, 0));
	start = now_ns();
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	EXPECT_GT(5 * NS_PER_S, now_ns() - start);
	EXPECT_TRUE(has(self->ch, 0, 1));
}

/* ---- other processes, threads and tables ---- */

/* R21: a child may not acknowledge its parent's, and ends nothing; but what it leased. */
TEST_F(owner, r21_fork)
{
	struct call *own = leasing(self->in);
	struct call *job;
	pid_t pid;

	EXPECT_EQ(1, send_text(self->ch, "a"));
	EXPECT_EQ(1, send_text(self->ch, "b"));
	job = lease(self->in);
	pid = child();
	if (!pid) {
		if (finish(job) != -ESTALE || requeue(job->ch, job->ops[0].lease) != -ESTALE)
			_exit(1);
		if (call_try(own) != 1)
			_exit(2);
		close(self->in);
		_exit(!has(self->ch, 1, 1));
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_TRUE(has(self->ch, 1, 1));
	EXPECT_STREQ("b", call_text(own, 0));
	EXPECT_EQ(-ESTALE, finish(own));
	EXPECT_EQ(0, finish(job));
	EXPECT_TRUE(has(self->ch, 0, 1));
}

static int may_not_finish(void *job)
{
	return finish(job) != -ESTALE;
}

static int execs(void *job)
{
	exec_and_stay(job);
	return 101;
}

/* R21: likewise a child by vfork(2), whether it exits or executes a program. */
TEST_F(owner, r21_vfork)
{
	struct call *job;
	pid_t pid;

	EXPECT_EQ(1, send_text(self->ch, "a"));
	job = lease(self->in);
	EXPECT_EQ(0, reap(clone_child(CLONE_VM | CLONE_VFORK, may_not_finish, job)));
	EXPECT_TRUE(has(self->ch, 1, 0));
	pid = clone_child(CLONE_VM | CLONE_VFORK, execs, job);
	EXPECT_TRUE(has(self->ch, 1, 0));
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	EXPECT_EQ(0, finish(job));
	EXPECT_TRUE(has(self->ch, 0, 0));
}

/* R21: it does not end with the thread that received it. */
TEST_F(owner, r21_thread_exits)
{
	struct call *job = leasing(self->in);

	EXPECT_EQ(1, send_text(self->ch, "a"));
	call_start(job, BY_THREAD);
	EXPECT_EQ(1, call_wait(job));
	EXPECT_TRUE(has(self->ch, 1, 0));
	EXPECT_EQ(0, finish(job));
	EXPECT_TRUE(has(self->ch, 0, 0));
}

static int finishes(void *job)
{
	return -finish(job);
}

static void sharer_finishes(struct call *job)
{
	_exit(reap(clone_child(CLONE_FILES, finishes, job)));
}

/* R21: a process that shares the table may acknowledge. */
TEST_F(owner, r21_sharer_acknowledges)
{
	EXPECT_EQ(1, send_text(self->ch, "a"));
	EXPECT_EQ(0, reap(worker(leasing(self->in), sharer_finishes)));
	EXPECT_TRUE(has(self->ch, 0, 0));
	EXPECT_EQ(0U, ch_info(self->ch).requeued);
}

static int stays(void *job)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	stay(job);
	return 0;
}

/* Share the table with another child of the test, whose id is in job->id. */
static void share(struct call *job)
{
	job->id = clone_child(CLONE_FILES | CLONE_PARENT, stays, job);
	if (job->id < 0)
		_exit(101);
}

static void share_and_unshare(struct call *job)
{
	share(job);
	if (unshare(CLONE_FILES))
		_exit(102);
	if (finish(job) != -ESTALE)
		_exit(103);
}

static void share_and_close_range(struct call *job)
{
	share(job);
	if (close_range(job->ch, job->ch, CLOSE_RANGE_UNSHARE))
		_exit(102);
	if (finish(job) != -EBADF)
		_exit(103);
}

static void share_and_close_all(struct call *job)
{
	share(job);
	if (close_range(0, ~0U, CLOSE_RANGE_UNSHARE))
		_exit(102);
}

/* R21: it stays while a process has the table, whatever becomes of those that leave it. */
TEST_F(owner, r21_table_shared)
{
	void (*const ways[])(struct call *job) = {
		share, share_and_unshare, share_and_close_range, share_and_close_all
	};
	struct call *job;
	unsigned int k;

	EXPECT_EQ(1, send_text(self->ch, "a"));
	for (k = 0; k < ARRAY_SIZE(ways); k++) {
		job = leasing(self->in);
		ASSERT_EQ(0, reap(worker(job, ways[k])));
		EXPECT_EQ(k + 1, job->ops[0].deliveries);
		EXPECT_TRUE(has(self->ch, 1, 0));
		EXPECT_EQ(128 + SIGKILL, reap_killed(job->id));
		EXPECT_TRUE(has(self->ch, 0, 1));
	}
}

static void unshare_and_finish(struct call *job)
{
	if (unshare(CLONE_FILES))
		_exit(101);
	_exit(-finish(job));
}

/* R21: unshare(2) of a table that nobody else has changes nothing. */
TEST_F(owner, r21_table_not_shared)
{
	EXPECT_EQ(1, send_text(self->ch, "a"));
	EXPECT_EQ(0, reap(worker(leasing(self->in), unshare_and_finish)));
	EXPECT_TRUE(has(self->ch, 0, 0));
}

/* ---- receives during which the last descriptor is closed ---- */

FIXTURE(closed) {
	int ch;
	int in;
	int socks[2];
};

FIXTURE_VARIANT(closed) {
	unsigned long cmd;
};

FIXTURE_VARIANT_ADD(closed, batch) {
	.cmd = GOCHAN_IOC_BATCH,
};

FIXTURE_VARIANT_ADD(closed, select) {
	.cmd = GOCHAN_IOC_SELECT,
};

FIXTURE_SETUP(closed)
{
	self->ch = ch_make(CAPACITY, MSG_SIZE, GOCHAN_ACK);
	ASSERT_LE(0, self->ch);
	self->in = ch_dup(self->ch, O_RDONLY);
	ASSERT_LE(0, self->in);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, self->socks));
}

FIXTURE_TEARDOWN(closed)
{
}

static struct call *leasing_by(unsigned long cmd, int ch)
{
	struct call *job = call_make(ch, cmd);

	call_recv(job, ch);
	return job;
}

/*
 * R8, R21: a receive that is blocked then succeeds, and its message is requeued at once. Who
 * gets the handle after that is a new owner.
 */
TEST_F(closed, r8_r21_blocked)
{
	struct call *job = leasing_by(variant->cmd, self->in);
	struct call *again;

	call_start(job, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	EXPECT_EQ(0, send_fd(self->socks[0], self->in));
	close(self->in);
	EXPECT_FALSE(call_done(job));
	EXPECT_EQ(1, send_text(self->ch, "a"));
	EXPECT_LE(0, call_wait(job));
	EXPECT_STREQ("a", call_text(job, 0));
	EXPECT_NE(0U, job->ops[0].lease);
	EXPECT_TRUE(has(self->ch, 0, 1));
	EXPECT_EQ(1U, ch_info(self->ch).requeued);

	self->in = recv_fd(self->socks[1]);
	ASSERT_LE(0, self->in);
	EXPECT_EQ(-ESTALE, acknowledge(self->in, job->ops[0].lease));
	again = lease(self->in);
	EXPECT_STREQ("a", call_text(again, 0));
	EXPECT_EQ(2U, again->ops[0].deliveries);
	EXPECT_EQ(job->ops[0].seq, again->ops[0].seq);
	EXPECT_EQ(-ESTALE, acknowledge(self->in, job->ops[0].lease));
	EXPECT_EQ(0, finish(again));
}

/* R8, R21: the same, where the handle has come back and has an owner when it is received. */
TEST_F(closed, r8_r21_blocked_and_anew)
{
	struct call *job = leasing_by(variant->cmd, self->in);
	struct call *own;

	EXPECT_EQ(0, send_fd(self->socks[0], self->in));
	call_start(job, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	close(self->in);
	self->in = recv_fd(self->socks[1]);
	ASSERT_LE(0, self->in);
	own = leasing_by(variant->cmd, self->in);
	call_start(own, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 2));
	EXPECT_EQ(1, send_text(self->ch, "a"));
	/* the second one gets it when the first one has returned it */
	EXPECT_LE(0, call_wait(job));
	EXPECT_LE(0, call_wait(own));
	EXPECT_EQ(1U, job->ops[0].deliveries);
	EXPECT_EQ(2U, own->ops[0].deliveries);
	EXPECT_EQ(job->ops[0].seq, own->ops[0].seq);
	EXPECT_EQ(-ESTALE, acknowledge(self->in, job->ops[0].lease));
	EXPECT_TRUE(has(self->ch, 1, 0));
	EXPECT_EQ(0, finish(own));
	EXPECT_TRUE(has(self->ch, 0, 0));
}

/* R9, R21: closed while the receive copies: another one may have the message meanwhile. */
TEST_F(closed, r9_r21_copying)
{
	struct call *job = leasing_by(variant->cmd, self->in);
	struct call *next;
	char *content = map_pages(1);
	struct stalled mem;

	ASSERT_EQ(0, stall(&mem, MSG_SIZE));
	job->ops[0].buf = (unsigned long)mem.map;
	call_start(job, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	EXPECT_EQ(0, send_fd(self->socks[0], self->in));
	EXPECT_EQ(1, send_text(self->ch, "a"));
	ASSERT_TRUE(wait_stalled(&mem));
	EXPECT_TRUE(has(self->ch, 1, 0));
	close(self->in);
	EXPECT_TRUE(has(self->ch, 0, 1));
	next = lease(self->ch);
	EXPECT_STREQ("a", call_text(next, 0));
	EXPECT_EQ(2U, next->ops[0].deliveries);
	EXPECT_EQ(0, finish(next));
	EXPECT_TRUE(has(self->ch, 0, 0));

	ASSERT_EQ(0, arrive(&mem, content));
	EXPECT_LE(0, call_wait(job));
	EXPECT_EQ(1U, job->ops[0].len);
	EXPECT_EQ('a', mem.map[0]);
	EXPECT_TRUE(has(self->ch, 0, 0));
	self->in = recv_fd(self->socks[1]);
	EXPECT_EQ(-ESTALE, acknowledge(self->in, job->ops[0].lease));
}

/* R1, R9, R21: the same, where read(2) takes it meanwhile: its memory is not used anew. */
TEST_F(closed, r1_r21_read_while_copying)
{
	struct call *job = leasing_by(variant->cmd, self->in);
	char *content = map_pages(1);
	struct stalled mem;
	int i;

	ASSERT_EQ(0, stall(&mem, MSG_SIZE));
	job->ops[0].buf = (unsigned long)mem.map;
	call_start(job, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	EXPECT_EQ(0, send_fd(self->socks[0], self->in));
	EXPECT_EQ(1, send_text(self->ch, "a"));
	ASSERT_TRUE(wait_stalled(&mem));
	close(self->in);
	EXPECT_TRUE(has(self->ch, 0, 1));
	EXPECT_STREQ("a", recv_text(self->ch));
	/* until it is copied, it keeps a slot */
	for (i = 0; i < CAPACITY - 1; i++)
		EXPECT_EQ(1, try_send_text(self->ch, "b"));
	EXPECT_EQ(-EAGAIN, try_send_text(self->ch, "b"));

	ASSERT_EQ(0, arrive(&mem, content));
	EXPECT_LE(0, call_wait(job));
	EXPECT_EQ(1U, job->ops[0].len);
	EXPECT_EQ('a', mem.map[0]);
	EXPECT_EQ(1, try_send_text(self->ch, "b"));
	EXPECT_TRUE(has(self->ch, 0, CAPACITY));
	self->in = recv_fd(self->socks[1]);
	EXPECT_EQ(-ESTALE, acknowledge(self->in, job->ops[0].lease));
}

#define ROUNDS		5000
#define MAX_DELAY_NS	6000

/* A thread that closes a descriptor in each round. */
struct closer {
	int fd;
	int round;		/* its number, from 1; -1: exit */
	int done;		/* the last round in which it has closed it */
};

static int current_round(const int *round)
{
	return __atomic_load_n(round, __ATOMIC_SEQ_CST);
}

static void *close_each(void *arg)
{
	struct closer *closer = arg;
	unsigned int seed = 1;
	long long until;
	int round;

	while ((round = current_round(&closer->round)) >= 0) {
		if (round == closer->done) {
			sched_yield();
			continue;
		}
		until = now_ns() + rand_r(&seed) % MAX_DELAY_NS;
		while (now_ns() < until)
			;
		close(closer->fd);
		__atomic_store_n(&closer->done, round, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

/* R21: at whatever time of a receive the descriptor is closed, nothing stays leased. */
TEST_F(closed, r21_races)
{
	struct call *job = leasing_by(variant->cmd, self->in);
	const pid_t holder = child();
	struct closer closer = {};
	int outcomes[2] = {};
	pthread_t thread;
	int i, pidfd;

	if (!holder)
		stay(NULL);
	pidfd = syscall(SYS_pidfd_open, holder, 0);
	ASSERT_LE(0, pidfd);
	EXPECT_EQ(1, send_text(self->ch, "a"));
	close(self->in);
	job->ch = self->ch;
	ASSERT_EQ(0, pthread_create(&thread, NULL, close_each, &closer));
	for (i = 1; i <= ROUNDS; i++) {
		closer.fd = syscall(SYS_pidfd_getfd, pidfd, self->in, 0);
		ASSERT_LE(0, closer.fd);
		job->ops[0].fd = closer.fd;
		call_reset(job);
		__atomic_store_n(&closer.round, i, __ATOMIC_SEQ_CST);
		call_now(job);
		ASSERT_TRUE(job->ret >= 0 || job->ret == -EBADF);
		outcomes[job->ret >= 0]++;
		while (current_round(&closer.done) != i)
			sched_yield();
		ASSERT_TRUE(has(self->ch, 0, 1));
	}
	__atomic_store_n(&closer.round, -1, __ATOMIC_SEQ_CST);
	EXPECT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(128 + SIGKILL, reap_killed(holder));
	/* it was closed before the receive, too, and after it */
	EXPECT_LT(0, outcomes[0]);
	EXPECT_LT(0, outcomes[1]);
}

#define COMERS		2

/* A thread that gets the handle, receives, returns the message and closes it, repeatedly. */
struct comer {
	int ch;
	int pidfd;		/* who has the handle */
	int in;			/* and where */
	int kept;		/* messages that it could return */
	int lost;		/* and could not */
	pthread_t thread;
};

static void *come_and_go(void *arg)
{
	struct comer *comer = arg;
	char buf[MSG_SIZE];
	int i, fd;

	for (i = 0; i < ROUNDS; i++) {
		struct gochan_op op;

		fd = syscall(SYS_pidfd_getfd, comer->pidfd, comer->in, 0);
		op = GOCHAN_RECV(fd, buf, sizeof(buf));
		if (ops_batch(comer->ch, &op, 1, GOCHAN_NONBLOCK) == 1) {
			if (requeue(fd, op.lease))
				comer->lost++;
			else
				comer->kept++;
		}
		close(fd);
	}
	return NULL;
}

/*
 * R21: threads that get the same handle, and close it: what one leases is not returned as
 * the other one has closed the descriptor that was the last one then.
 */
TEST_F(owner, r21_threads_come_and_go)
{
	struct comer comers[COMERS] = {};
	const pid_t holder = child();
	int i, pidfd;

	if (!holder)
		stay(NULL);
	pidfd = syscall(SYS_pidfd_open, holder, 0);
	ASSERT_LE(0, pidfd);
	for (i = 0; i < COMERS; i++)
		EXPECT_EQ(1, send_text(self->ch, "a"));
	close(self->in);
	for (i = 0; i < COMERS; i++) {
		comers[i].ch = self->ch;
		comers[i].pidfd = pidfd;
		comers[i].in = self->in;
		ASSERT_EQ(0, pthread_create(&comers[i].thread, NULL, come_and_go,
					    &comers[i]));
	}
	for (i = 0; i < COMERS; i++) {
		EXPECT_EQ(0, pthread_join(comers[i].thread, NULL));
		EXPECT_LT(0, comers[i].kept);
		EXPECT_EQ(0, comers[i].lost);
	}
	EXPECT_TRUE(has(self->ch, 0, COMERS));
	EXPECT_EQ(128 + SIGKILL, reap_killed(holder));
}

/* ---- names ---- */

/* Open a channel by name, and lease a message. */
static pid_t named_worker(const char *path, int others)
{
	const pid_t pid = child();
	struct call *job;

	if (pid)
		return pid;
	close(others);
	job = lease(open(path, O_RDONLY | O_CLOEXEC));
	if (job->ret != 1)
		_exit(100);
	stop_and_finish(job);
	return -1;
}

/* R6, R21: unlink(2): what is leased is received before the end, if its worker dies. */
TEST_F(owner, r6_r21_unlink)
{
	const int ch = ch_unnamed(CAPACITY, MSG_SIZE, GOCHAN_ACK, 0600);
	struct job *reader;
	pid_t pids[2];
	int k, in;

	ASSERT_EQ(0, ch_link(ch, NAME));
	in = ch_open(NAME, O_RDONLY);
	for (k = 0; k < 2; k++) {
		EXPECT_EQ(1, send_text(ch, k ? "b" : "a"));
		pids[k] = named_worker("/dev/gochans/" NAME, ch);
		ASSERT_TRUE(wait_stopped(pids[k]));
	}
	close(ch);
	EXPECT_EQ(0, ch_unlink(NAME));
	EXPECT_TRUE(has(in, 2, 0));
	reader = job_recv(BY_THREAD, in, MSG_SIZE);
	ASSERT_TRUE(wait_for_waiters(in, 0, 1));
	EXPECT_EQ(128 + SIGKILL, reap_killed(pids[0]));
	EXPECT_STREQ("a", job_text(reader));
	reader = job_recv(BY_THREAD, in, MSG_SIZE);
	ASSERT_TRUE(wait_for_waiters(in, 0, 1));
	kill(pids[1], SIGCONT);
	EXPECT_EQ(0, reap(pids[1]));
	EXPECT_STREQ("(end)", job_text(reader));
}

/* R21: a named channel that the kernel itself opens and closes, for no table. */
TEST_F(owner, r21_closed_by_kernel)
{
	const int ch = ch_unnamed(CAPACITY, MSG_SIZE, GOCHAN_ACK, 0600);

	ASSERT_EQ(0, ch_link(ch, NAME));
	EXPECT_EQ(-1, acct("/dev/gochans/" NAME));
	EXPECT_EQ(-1, swapon("/dev/gochans/" NAME, 0));
	EXPECT_EQ(1U, ch_info(ch).recv_handles);
}

#define HANDLES		4096

/* How long it takes a process to exit that has tried to receive through many handles. */
static long long exit_time(int ch)
{
	const struct rlimit many = { 2 * HANDLES, 2 * HANDLES };
	const pid_t pid = child();
	long long start;
	char buf[MSG_SIZE];
	int i;

	if (pid) {
		if (!wait_stopped(pid))
			return -1;
		start = now_ns();
		reap_killed(pid);
		return now_ns() - start;
	}
	if (setrlimit(RLIMIT_NOFILE, &many))
		_exit(1);
	for (i = 0; i < HANDLES; i++) {
		const int in = ch_dup(ch, O_RDONLY);
		struct gochan_op op = GOCHAN_RECV(in, buf, sizeof(buf));

		if (in < 0 || ops_batch(in, &op, 1, GOCHAN_NONBLOCK) != -EAGAIN)
			_exit(2);
	}
	raise(SIGSTOP);
	_exit(3);
}

static long long shortest_exit_time(int ch)
{
	long long best = LLONG_MAX, ns;
	int k;

	for (k = 0; k < 5; k++) {
		ns = exit_time(ch);
		best = ns < best ? ns : best;
	}
	return best;
}

/* R21: the exit of a process with many handles does not search its table for each. */
TEST_F(owner, r21_many_handles)
{
	const long long plain = shortest_exit_time(ch_make(CAPACITY, MSG_SIZE, 0));
	const long long acked = shortest_exit_time(self->ch);

	TH_LOG("%lld us, %lld us on a plain channel", acked / 1000, plain / 1000);
	EXPECT_LT(0, acked);
	EXPECT_GT(8 * plain, acked);
}

/* R21: likewise when the instance is unmounted; and the last handle may be a worker's. */
TEST_F(owner, r21_unmount)
{
	pid_t pids[2];
	int k, ch;

	umount2(PLACE, MNT_DETACH);
	ASSERT_TRUE(!mkdir(PLACE, 0755) || errno == EEXIST);
	ASSERT_EQ(0, mount("gochan", PLACE, "gochan", 0, NULL));
	ch = ch_unnamed_in(PLACE, 0600);
	ASSERT_EQ(0, ch_setup(ch, CAPACITY, MSG_SIZE, GOCHAN_ACK));
	ASSERT_EQ(0, ch_link_at(ch, PLACE "/a"));
	for (k = 0; k < 2; k++) {
		EXPECT_EQ(1, send_text(ch, "a"));
		pids[k] = named_worker(PLACE "/a", ch);
		ASSERT_TRUE(wait_stopped(pids[k]));
	}
	EXPECT_EQ(0, umount2(PLACE, MNT_DETACH));
	EXPECT_TRUE(has(ch, 2, 0));
	kill(pids[0], SIGCONT);
	EXPECT_EQ(0, reap(pids[0]));
	EXPECT_TRUE(has(ch, 1, 0));
	close(ch);
	EXPECT_EQ(128 + SIGKILL, reap_killed(pids[1]));
	rmdir(PLACE);
}

TEST_HARNESS_MAIN
