// SPDX-License-Identifier: GPL-2.0
/*
 * R17: the credentials of messages sent by ops and by write, as seen from other
 * user and pid namespaces; and that a set-uid program cannot be tricked into
 * lending its credentials.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define SETUID_PROGRAM	"/tmp/ks-setuid"
#define NAME		PREFIX "cred"

/* Ids that no sender has. */
#define NO_PID		(-7)
#define NO_ID		123456789U

/* Who sent a message. */
struct sender {
	int ret;
	pid_t pid;
	unsigned int uid;
	unsigned int gid;
};

/*
 * The set-uid program: send by a write to an inherited descriptor, and by an op
 * with its own credentials.
 */
static int run_setuid_program(int ch)
{
	struct gochan_op op = GOCHAN_SEND(ch, "op", 2);

	if (geteuid() || !getuid())
		return 100;
	if (send_text(ch, "write") != 5)
		return 101;
	return ops_batch(ch, &op, 1, 0) == 1 ? 0 : 102;
}

/* This program also serves as the set-uid program. */
static void __attribute__((constructor)) begin(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--write-to"))
		_exit(run_setuid_program(atoi(argv[2])));
}

FIXTURE(cred) {
	int ch;
};

FIXTURE_SETUP(cred)
{
	self->ch = ch_unnamed(4, 16, GOCHAN_CRED, 0666);
	ASSERT_LE(0, self->ch);
}

FIXTURE_TEARDOWN(cred)
{
	unlink_all();
	unlink(SETUID_PROGRAM);
}

static struct sender receive_by(int ch, unsigned long cmd, unsigned int flags)
{
	char buf[16];
	struct gochan_op op = GOCHAN_RECV(ch, buf, sizeof(buf));
	struct sender from;

	op.flags = flags;
	op.pid = NO_PID;
	op.uid = NO_ID;
	op.gid = NO_ID;
	from.ret = ops_call(ch, cmd, &op, 1, GOCHAN_NONBLOCK, NULL);
	from.pid = op.pid;
	from.uid = op.uid;
	from.gid = op.gid;
	return from;
}

static struct sender receive(int ch)
{
	return receive_by(ch, GOCHAN_IOC_BATCH, 0);
}

static bool is_from(const struct sender *from, pid_t pid, unsigned int uid, unsigned int gid)
{
	return from->ret >= 0 && from->pid == pid && from->uid == uid && from->gid == gid;
}

static int send_op(int ch)
{
	struct gochan_op op = GOCHAN_SEND(ch, "op", 2);

	return ops_batch(ch, &op, 1, 0) - 1;
}

/*
 * Run a function in a child, which may change its ids. Returns its exit status,
 * and its process id in @id unless NULL.
 */
static int in_child(int (*run)(int ch), int ch, pid_t *id)
{
	const pid_t pid = child();

	if (!pid)
		_exit(run(ch));
	if (id)
		*id = pid;
	return reap(pid);
}

static int user_sends_op(int ch)
{
	return become(USER) || send_op(ch);
}

/* R17: a SEND op reports the sender's process id and effective ids. */
TEST_F(cred, r17_op)
{
	static const unsigned long cmds[2] = { GOCHAN_IOC_SELECT, GOCHAN_IOC_BATCH };
	struct gochan_op op;
	struct sender from;
	int i;

	for (i = 0; i < 2; i++) {
		op = GOCHAN_SEND(self->ch, "op", 2);
		ASSERT_LE(0, ops_call(self->ch, cmds[i], &op, 1, 0, NULL));
		from = receive_by(self->ch, cmds[i], 0);
		EXPECT_TRUE(is_from(&from, getpid(), 0, 0));

		ASSERT_EQ(0, setresgid(-1, OTHER, -1));
		ASSERT_EQ(0, setresuid(-1, USER, -1));
		ASSERT_LE(0, ops_call(self->ch, cmds[i], &op, 1, 0, NULL));
		ASSERT_EQ(0, as_root());
		/* the ids at the time of the send, not the current ones */
		from = receive_by(self->ch, cmds[i], 0);
		EXPECT_TRUE(is_from(&from, getpid(), USER, OTHER));

		/* real ids do not count */
		ASSERT_EQ(0, setresuid(USER, 0, 0));
		ASSERT_LE(0, ops_call(self->ch, cmds[i], &op, 1, 0, NULL));
		ASSERT_EQ(0, as_root());
		from = receive_by(self->ch, cmds[i], 0);
		EXPECT_TRUE(is_from(&from, getpid(), 0, 0));
	}
}

/* R17: from a blocked sender, and to a blocked receiver. */
TEST_F(cred, r17_blocked)
{
	static const unsigned long cmds[2] = { GOCHAN_IOC_SELECT, GOCHAN_IOC_BATCH };
	const int ch = ch_make(0, 65536, GOCHAN_CRED);
	struct call *sender, *receiver;
	struct gochan_op *op;
	static char big[2][65536];
	int i, k;

	for (i = 0; i < 4; i++) {
		for (k = 0; k < 2; k++) {
			sender = call_make(ch, cmds[i / 2]);
			receiver = call_make(ch, cmds[i / 2]);
			call_send(sender, ch, "small");
			op = call_recv(receiver, ch);
			if (i % 2) {
				sender->ops[0].buf = (unsigned long)big[0];
				op->buf = (unsigned long)big[1];
				sender->ops[0].len = 65536;
				op->len = 65536;
			}
			if (k) {
				call_start(sender, BY_PROCESS);
				ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
				EXPECT_LE(0, call_now(receiver));
				EXPECT_LE(0, call_wait(sender));
			} else {
				call_start(receiver, BY_PROCESS);
				ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
				sender->id = getpid();
				EXPECT_LE(0, call_now(sender));
				EXPECT_LE(0, call_wait(receiver));
			}
			EXPECT_EQ(sender->id, op->pid);
			EXPECT_EQ(0U, op->uid);
			EXPECT_EQ(0U, op->gid);
		}
	}
}

/* R17: the credential fields in a sender's op are ignored. */
TEST_F(cred, r17_not_forged)
{
	struct gochan_op op = GOCHAN_SEND(self->ch, "op", 2);
	struct sender from;

	op.pid = 1;
	op.uid = USER;
	op.gid = USER;
	ASSERT_EQ(1, ops_batch(self->ch, &op, 1, 0));
	from = receive(self->ch);
	EXPECT_TRUE(is_from(&from, getpid(), 0, 0));
}

static void *send_in_thread(void *arg)
{
	send_op(*(int *)arg);
	return NULL;
}

/* R17: a thread is reported by its process id. */
TEST_F(cred, r17_thread)
{
	struct sender from;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, send_in_thread, &self->ch));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	from = receive(self->ch);
	EXPECT_TRUE(is_from(&from, getpid(), 0, 0));
}

/* R17: a channel without GOCHAN_CRED reports no credentials. */
TEST(r17_without_flag)
{
	const int ch = ch_make(2, 16, 0);
	struct sender from;

	ASSERT_EQ(0, send_op(ch));
	ASSERT_EQ(1, send_text(ch, "a"));
	from = receive(ch);
	EXPECT_TRUE(is_from(&from, NO_PID, NO_ID, NO_ID));
	from = receive_by(ch, GOCHAN_IOC_SELECT, 0);
	EXPECT_TRUE(is_from(&from, NO_PID, NO_ID, NO_ID));
}

/* Send by write, writev and pwritev2. */
static int user_writes(int ch)
{
	struct iovec iov = { "v", 1 };

	return become(USER) || send_text(ch, "a") != 1 || writev(ch, &iov, 1) != 1 ||
	       ch_try_send(ch, "b", 1) != 1;
}

/* R17: write reports the opener of the handle. */
TEST_F(cred, r17_write)
{
	struct sender from;
	pid_t pid;

	EXPECT_EQ(0, in_child(user_writes, self->ch, NULL));
	from = receive(self->ch);
	EXPECT_TRUE(is_from(&from, getpid(), 0, 0));
	from = receive(self->ch);
	EXPECT_TRUE(is_from(&from, getpid(), 0, 0));
	from = receive(self->ch);
	EXPECT_TRUE(is_from(&from, getpid(), 0, 0));
	/* an op on the same handle reports the sender */
	EXPECT_EQ(0, in_child(user_sends_op, self->ch, &pid));
	from = receive(self->ch);
	EXPECT_TRUE(is_from(&from, pid, USER, USER));
}

static int other_writes_to_dup(int ch)
{
	return become(OTHER) || send_text(dup(ch), "a") != 1;
}

/* R17: the opener of a handle made by DUP is the caller of DUP; ... */
TEST_F(cred, r17_write_by_dup)
{
	struct sender from;
	int socks[2], fd;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	pid = child();
	if (!pid) {
		fd = become(USER) ? -1 : ch_dup(self->ch, O_WRONLY);
		_exit(fd < 0 || send_fd(socks[1], fd));
	}
	fd = recv_fd(socks[0]);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, reap(pid));
	ASSERT_EQ(1, send_text(fd, "a"));
	from = receive(self->ch);
	EXPECT_TRUE(is_from(&from, pid, USER, USER));
	/* ... dup(2) does not change the opener */
	EXPECT_EQ(0, in_child(other_writes_to_dup, fd, NULL));
	from = receive(self->ch);
	EXPECT_TRUE(is_from(&from, pid, USER, USER));
}

/* A set-uid copy of this program. */
static bool make_setuid_program(void)
{
	const int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	const int out = open(SETUID_PROGRAM, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	static char buf[65536];
	ssize_t len;

	while ((len = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, len) != len)
			return false;
	return !len && !fchmod(out, 04755) && !close(out) && !close(in);
}

/* As a user, open the channel and have the set-uid program write to it. */
static int trick_setuid_program(void)
{
	const int ch = ch_open(NAME, O_WRONLY);
	char number[16];
	int status;
	pid_t pid;

	if (ch < 0 || fcntl(ch, F_SETFD, 0))
		return 110;
	snprintf(number, sizeof(number), "%d", ch);
	pid = fork();
	if (!pid) {
		execl(SETUID_PROGRAM, SETUID_PROGRAM, "--write-to", number, NULL);
		_exit(111);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 112;
	return WEXITSTATUS(status);
}

/*
 * R17: when a set-uid program writes to an inherited descriptor, the message
 * has the credentials of the descriptor's opener. An op that it issues has its
 * own.
 */
TEST_F(cred, r17_setuid)
{
	struct sender from;
	pid_t pid;

	ASSERT_TRUE(make_setuid_program());
	ASSERT_EQ(0, ch_link(self->ch, NAME));
	pid = child();
	if (!pid)
		_exit(become(USER) ? 1 : trick_setuid_program());
	ASSERT_EQ(0, reap(pid));
	from = receive(self->ch);
	EXPECT_TRUE(is_from(&from, pid, USER, USER));
	from = receive(self->ch);
	EXPECT_EQ(0U, from.uid);
	EXPECT_EQ((unsigned int)USER, from.gid);
	EXPECT_NE(pid, from.pid);
}

/* R17: a sender that has exited is still reported. */
TEST_F(cred, r17_sender_exited)
{
	struct sender from;
	pid_t pids[2];
	int i;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, in_child(user_sends_op, self->ch, &pids[i]));
	from = receive(self->ch);
	EXPECT_TRUE(is_from(&from, pids[0], USER, USER));
	from = receive(self->ch);
	EXPECT_TRUE(is_from(&from, pids[1], USER, USER));
}

/* R11, R17: each message of one write has credentials. */
TEST(r11_r17_fixed)
{
	const int ch = ch_make(4, 4, GOCHAN_FIXED | GOCHAN_CRED);
	struct sender from;
	int i;

	ASSERT_EQ(12, send_text(ch, "aaaabbbbcccc"));
	for (i = 0; i < 3; i++) {
		from = receive(ch);
		EXPECT_TRUE(is_from(&from, getpid(), 0, 0));
	}
}

/* R17: a peek reports credentials, too. */
TEST_F(cred, r17_peek)
{
	struct sender from;
	pid_t pid;

	ASSERT_EQ(0, in_child(user_sends_op, self->ch, &pid));
	from = receive_by(self->ch, GOCHAN_IOC_BATCH, GOCHAN_PEEK);
	EXPECT_TRUE(is_from(&from, pid, USER, USER));
	from = receive_by(self->ch, GOCHAN_IOC_SELECT, GOCHAN_PEEK);
	EXPECT_TRUE(is_from(&from, pid, USER, USER));
	from = receive(self->ch);
	EXPECT_TRUE(is_from(&from, pid, USER, USER));
}

/* R9, R17: a requeued message keeps its credentials. */
TEST(r9_r17_requeued)
{
	static const unsigned int lens[] = { 1, 200, 9000 };
	struct sender from;
	unsigned int i;
	struct job *job;
	char *buf;
	pid_t pid;
	int ch;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		const struct gochan_op op = GOCHAN_SEND(0, map_pages(3), lens[i]);
		struct call *call;

		ch = ch_make(0, 9000, GOCHAN_CRED);
		buf = map_pages(3);
		job = job_start(BY_THREAD, ch, false, buf, 9000);
		ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
		ASSERT_EQ(0, mprotect(buf, 3 * page_size(), PROT_NONE));
		call = call_batch(ch);
		call_add(call, &op)->fd = ch;
		pid = child();
		if (!pid)
			_exit(become(USER) || call_now(call) != 1);
		ASSERT_EQ(0, reap(pid));
		EXPECT_EQ(-EFAULT, job_wait(job));
		ASSERT_EQ(0, mprotect(buf, 3 * page_size(), PROT_READ | PROT_WRITE));
		call = call_batch(ch);
		call_recv(call, ch)->buf = (unsigned long)buf;
		call->ops[0].len = 9000;
		ASSERT_EQ(1, call_now(call));
		from = (struct sender){ 0, call->ops[0].pid, call->ops[0].uid, call->ops[0].gid };
		EXPECT_TRUE(is_from(&from, pid, USER, USER));
	}
}

static unsigned int overflow_id(void)
{
	char text[32];

	return read_text("/proc/sys/kernel/overflowuid", text, sizeof(text)) < 0 ?
			0 : strtoul(text, NULL, 10);
}

/*
 * In a user namespace that maps only USER, to 0: receive a message from outside,
 * one from USER, and again one from outside.
 */
static int receive_in_user_namespace(int ch)
{
	const pid_t outside = getppid();
	struct sender from;

	if (become_namespace_root(USER))
		return 100;
	from = receive(ch);
	if (!is_from(&from, outside, overflow_id(), overflow_id()))
		return 101;
	from = receive(ch);
	if (!is_from(&from, from.pid, 0, 0) || from.pid <= 0)
		return 102;
	from = receive(ch);
	return is_from(&from, outside, overflow_id(), overflow_id()) ? 0 : 103;
}

static int namespace_root_sends_op(int ch)
{
	return become_namespace_root(USER) || getuid() || send_op(ch);
}

/* R17: ids are mapped to the receiver's user namespace, or the overflow ids. */
TEST_F(cred, r17_user_namespace)
{
	struct sender from;
	pid_t pid;

	ASSERT_NE(0U, overflow_id());
	ASSERT_EQ(0, send_op(self->ch));
	EXPECT_EQ(0, in_child(user_sends_op, self->ch, NULL));
	ASSERT_EQ(1, send_text(self->ch, "a"));
	EXPECT_EQ(0, in_child(receive_in_user_namespace, self->ch, NULL));

	/* outside, the namespace's root is USER */
	EXPECT_EQ(0, in_child(namespace_root_sends_op, self->ch, &pid));
	from = receive(self->ch);
	EXPECT_TRUE(is_from(&from, pid, USER, USER));
}

/* As in_child(), in a new pid namespace, which does not include the parent. */
static int in_namespace(int (*run)(int ch), int ch, pid_t *id)
{
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		return -errno;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(run(ch));
	}
	if (id)
		*id = pid;
	return reap(pid);
}

/* Receive messages from outside, and from a child in this namespace. */
static int receive_in_pid_namespace(int ch)
{
	struct sender from;
	pid_t pid;

	if (getpid() != 1)
		return 100;
	from = receive(ch);
	if (!is_from(&from, 0, 0, 0))
		return 101;
	from = receive(ch);
	if (!is_from(&from, 0, 0, 0))
		return 102;
	pid = fork();
	if (!pid)
		_exit(send_op(ch));
	if (reap(pid))
		return 103;
	from = receive(ch);
	return is_from(&from, pid, 0, 0) ? 0 : 104;
}

/* R17: process ids are those in the receiver's pid namespace, or 0 if there is none. */
TEST_F(cred, r17_pid_namespace_receiver)
{
	ASSERT_EQ(0, send_op(self->ch));
	ASSERT_EQ(1, send_text(self->ch, "a"));
	EXPECT_EQ(0, in_namespace(receive_in_pid_namespace, self->ch, NULL));
}

static int first_process_sends(int ch)
{
	return getpid() != 1 || send_op(ch) || send_text(ch, "a") != 1;
}

/* R17: a sender in a nested pid namespace has a pid in the outer one. */
TEST_F(cred, r17_pid_namespace_sender)
{
	struct sender from;
	pid_t pid;

	EXPECT_EQ(0, in_namespace(first_process_sends, self->ch, &pid));
	ASSERT_LT(1, pid);
	from = receive(self->ch);
	EXPECT_TRUE(is_from(&from, pid, 0, 0));
	from = receive(self->ch);
	EXPECT_TRUE(is_from(&from, getpid(), 0, 0));
}

static int send_op_in_namespace(int ch)
{
	return in_namespace(send_op, ch, NULL);
}

static int receive_without_pid(int ch)
{
	const struct sender from = receive(ch);

	return !is_from(&from, 0, 0, 0);
}

/* R17: but none in a sibling namespace. */
TEST_F(cred, r17_pid_namespace_sibling)
{
	EXPECT_EQ(0, in_child(send_op_in_namespace, self->ch, NULL));
	EXPECT_EQ(0, in_namespace(receive_without_pid, self->ch, NULL));
}

TEST_HARNESS_MAIN
