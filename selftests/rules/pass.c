// SPDX-License-Identifier: GPL-2.0
/*
 * R16: file passing: which file arrives, when the send completes, what becomes
 * of a file whose sender or receiver fails or is killed, and that no file is
 * leaked.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"
#include "../lib/signals.h"
#include "../lib/stall.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/*
 * The tests pass the write end of a pipe, as its read end reports when the last
 * descriptor of that is closed.
 */
FIXTURE(pass) {
	int ch;
	int out;
	int in;
};

FIXTURE_VARIANT(pass) {
	unsigned long cmd;
};

FIXTURE_VARIANT_ADD(pass, select) {
	.cmd = GOCHAN_IOC_SELECT,
};

FIXTURE_VARIANT_ADD(pass, batch) {
	.cmd = GOCHAN_IOC_BATCH,
};

FIXTURE_SETUP(pass)
{
	int fds[2];

	self->ch = ch_make(0, 65536, 0);
	ASSERT_LE(0, self->ch);
	ASSERT_EQ(0, pipe(fds));
	self->in = fds[0];
	self->out = fds[1];
}

FIXTURE_TEARDOWN(pass)
{
}

/* A call that sends a file. */
static struct call *passing(int ch, unsigned long cmd, const char *text, int fd)
{
	struct call *call = call_make(ch, cmd);
	struct gochan_op *op = call_send(call, ch, text);

	op->flags = GOCHAN_PASS_FD;
	op->passed_fd = fd;
	return call;
}

/* A call that receives a file. */
static struct call *taking(int ch, unsigned long cmd)
{
	struct call *call = call_make(ch, cmd);

	call_recv(call, ch)->flags = GOCHAN_TAKE_FD;
	return call;
}

/* Wait for the call; returns the descriptor received, or an error. */
static int taken(struct call *call)
{
	const int ret = call_wait(call);

	return ret < 0 ? ret : call->ops[0].passed_fd;
}

/* Wait until all write ends of the pipe are closed. */
static bool hung_up(int in)
{
	struct pollfd pfd = { .fd = in, .events = POLLIN };

	return poll(&pfd, 1, WAIT_LIMIT * 1000) == 1 && pfd.revents == POLLHUP;
}

static bool still_open(int in)
{
	struct pollfd pfd = { .fd = in, .events = POLLIN };

	return poll(&pfd, 1, 0) == 0;
}

static bool same_inode(int fd, int other)
{
	struct stat a, b;

	return !fstat(fd, &a) && !fstat(other, &b) && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* Do they share an open file, and so its flags? (O_PATH files have none to set.) */
static bool same_file(int fd, int other)
{
	const int flags = fcntl(fd, F_GETFL);
	bool same;

	if (flags < 0 || flags != fcntl(other, F_GETFL) || !same_inode(fd, other))
		return false;
	if (flags & O_PATH)
		return true;
	if (fcntl(fd, F_SETFL, flags ^ O_NONBLOCK))
		return false;
	same = fcntl(other, F_GETFL) == (flags ^ O_NONBLOCK);
	fcntl(fd, F_SETFL, flags);
	return same;
}

/* Are they the two ends of the pipe? */
static bool is_pipe(int out, int in)
{
	char c = 0;

	return write(out, "p", 1) == 1 && read(in, &c, 1) == 1 && c == 'p';
}

static unsigned int open_descriptors(void)
{
	unsigned int fd, n = 0;

	for (fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Pass @fd to another thread; returns the descriptor that it received. */
static int pass_file(int ch, unsigned long cmd, int fd)
{
	struct call *receiver = call_start(taking(ch, cmd), BY_THREAD);

	if (!wait_for_waiters(ch, 0, 1) || call_now(passing(ch, cmd, "file", fd)) < 0)
		return -1;
	return taken(receiver);
}

/* R16: from a sender to a blocked receiver. */
TEST_F(pass, r16_receiver_first)
{
	struct call *sender = passing(self->ch, variant->cmd, "file", self->out);
	struct call *receiver = taking(self->ch, variant->cmd);
	int fd;

	call_start(receiver, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	EXPECT_LE(0, call_now(sender));
	EXPECT_EQ(0, sender->ops[0].result);
	fd = taken(receiver);
	ASSERT_LE(0, fd);
	EXPECT_STREQ("file", call_text(receiver, 0));
	EXPECT_NE(self->out, fd);
	EXPECT_TRUE(same_file(self->out, fd));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_TRUE(is_pipe(fd, self->in));
	close(self->out);
	EXPECT_TRUE(still_open(self->in));
	close(fd);
	EXPECT_TRUE(hung_up(self->in));
	EXPECT_EQ(1U, ch_info(self->ch).sent);
	EXPECT_EQ(1U, ch_info(self->ch).received);
}

/* R16: from a blocked sender, whose own descriptor may be closed meanwhile. */
TEST_F(pass, r16_sender_first)
{
	struct call *sender = passing(self->ch, variant->cmd, "file", self->out);
	struct call *receiver = taking(self->ch, variant->cmd);

	call_start(sender, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
	close(self->out);
	EXPECT_TRUE(still_open(self->in));
	EXPECT_EQ(0U, ch_info(self->ch).sent);
	EXPECT_LE(0, call_now(receiver));
	EXPECT_STREQ("file", call_text(receiver, 0));
	EXPECT_LE(0, call_wait(sender));
	ASSERT_LE(0, receiver->ops[0].passed_fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(receiver->ops[0].passed_fd, F_GETFD));
	EXPECT_TRUE(is_pipe(receiver->ops[0].passed_fd, self->in));
	close(receiver->ops[0].passed_fd);
	EXPECT_TRUE(hung_up(self->in));
}

/* R10, R16: files with messages of all sizes, empty ones too. */
TEST_F(pass, r10_r16_sizes)
{
	static const unsigned int lens[] = { 0, 128, 129, 512, 513, 4096, 4097, 65536 };
	struct call *sender, *receiver;
	char *out = malloc(65536), *in = malloc(65536);
	unsigned int i, k;

	fill(out, 65536, 5);
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		for (k = 0; k < 2; k++) {
			memset(in, 0, 65536);
			sender = passing(self->ch, variant->cmd, "", self->out);
			sender->ops[0].buf = (unsigned long)out;
			sender->ops[0].len = lens[i];
			receiver = taking(self->ch, variant->cmd);
			receiver->ops[0].buf = (unsigned long)in;
			receiver->ops[0].len = 65536;
			call_start(k ? sender : receiver, BY_THREAD);
			ASSERT_TRUE(wait_for_waiters(self->ch, k, !k));
			EXPECT_LE(0, call_now(k ? receiver : sender));
			EXPECT_LE(0, call_wait(k ? sender : receiver));
			EXPECT_EQ(lens[i], receiver->ops[0].len);
			EXPECT_TRUE(is_filled(in, lens[i], 5));
			ASSERT_LE(0, receiver->ops[0].passed_fd);
			EXPECT_TRUE(same_file(self->out, receiver->ops[0].passed_fd));
			close(receiver->ops[0].passed_fd);
		}
	}
	close(self->out);
	EXPECT_TRUE(hung_up(self->in));
}

/* R16: all kinds of files, channels and the channel itself included. */
TEST_F(pass, r16_kinds)
{
	const int other = ch_make(3, 16, GOCHAN_FIXED);
	int fds[] = {
		self->in, self->out, socket(AF_UNIX, SOCK_SEQPACKET, 0), eventfd(0, 0),
		open("/", O_RDONLY | O_DIRECTORY), open("/", O_PATH), open("/dev/null", O_RDWR),
		open("/dev/gochan", O_RDWR), other, ch_dup(other, O_RDONLY), self->ch,
		ch_dup(self->ch, O_WRONLY), open("/dev/gochan", O_PATH),
	};
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		ASSERT_LE(0, fds[i]);
		fd = pass_file(self->ch, variant->cmd, fds[i]);
		ASSERT_LE(0, fd);
		EXPECT_TRUE(same_file(fds[i], fd));
		EXPECT_EQ(fcntl(fds[i], F_GETFL), fcntl(fd, F_GETFL));
		close(fd);
	}
}

/* DESIGN 3, R16: passing a handle, or an O_PATH file, adds no rights. */
TEST_F(pass, s3_r16_rights)
{
	const int other = ch_make(1, 16, 0);
	int fd = pass_file(self->ch, variant->cmd, ch_dup(other, O_RDONLY));

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBADF, send_text(fd, "a"));
	EXPECT_EQ(-EACCES, ch_dup(fd, O_RDWR));
	EXPECT_EQ(1, send_text(other, "a"));
	EXPECT_STREQ("a", recv_text(fd));
	fd = pass_file(self->ch, variant->cmd, open("/dev/null", O_PATH));
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBADF, send_text(fd, "a"));
}

/* A server on a channel of channels: each request passes the channel for its reply. */
static void serve(int requests)
{
	struct call *call = taking(requests, GOCHAN_IOC_SELECT);

	while (call_now(call) >= 0 && call->ops[0].result == 0) {
		if (send_text(call->ops[0].passed_fd, call_text(call, 0)) < 0)
			_exit(1);
		close(call->ops[0].passed_fd);
		call_reset(call);
	}
	_exit(call->ret < 0);
}

/* R16: channels travel over channels. */
TEST_F(pass, r16_channel_of_channels)
{
	const pid_t pid = child();
	int fds[2], i;

	if (!pid)
		serve(self->ch);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, ch_pair(fds, 0, 16, 0));
		ASSERT_LE(0, call_now(passing(self->ch, variant->cmd, "ask", fds[1])));
		close(fds[1]);
		ASSERT_STREQ("ask", recv_text(fds[0]));
		/* the server has closed its handle, so the channel hung up (R6) */
		ASSERT_STREQ("(end)", recv_text(fds[0]));
		close(fds[0]);
	}
	EXPECT_EQ(0, ch_close(self->ch));
	EXPECT_EQ(0, reap(pid));
}

/* R6, R16: a handle in a blocked send still counts. */
TEST_F(pass, r6_r16_handle_in_transit)
{
	struct call *sender;
	int fds[2];

	ASSERT_EQ(0, ch_pair(fds, 1, 16, 0));
	sender = passing(self->ch, variant->cmd, "file", fds[1]);
	call_start(sender, BY_PROCESS);
	ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
	close(fds[1]);
	EXPECT_EQ(1U, ch_info(fds[0]).send_handles);
	EXPECT_STREQ("(EAGAIN)", try_recv_text(fds[0]));
	EXPECT_EQ(-EINPROGRESS, call_kill(sender));
	EXPECT_EQ(0U, ch_info(fds[0]).send_handles);
	EXPECT_STREQ("(end)", try_recv_text(fds[0]));
}

/* R16: files are passed on unbuffered channels only. */
TEST_F(pass, r16_unbuffered_only)
{
	const int ch = ch_make(1, 16, 0);
	struct call *sender = passing(ch, variant->cmd, "file", self->out);
	struct call *receiver = taking(ch, variant->cmd);

	EXPECT_EQ(-EOPNOTSUPP, call_now(sender));
	EXPECT_EQ(-EOPNOTSUPP, sender->ops[0].result);
	EXPECT_EQ(0U, sender->arg.index);
	EXPECT_EQ(0U, ch_info(ch).len);
	/* a receive with GOCHAN_TAKE_FD is valid */
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_LE(0, call_now(receiver));
	EXPECT_EQ(-1, receiver->ops[0].passed_fd);
	EXPECT_STREQ("a", call_text(receiver, 0));
}

/* R16, R20: invalid descriptors. */
TEST_F(pass, r16_r20_bad_descriptor)
{
	static const int fds[] = { -1, 9999, INT_MAX, INT_MIN, -100 };
	struct call *call = passing(self->ch, variant->cmd, "file", -1);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		call_reset(call);
		call->ops[0].passed_fd = fds[i];
		EXPECT_EQ(-EBADF, call_now(call));
		EXPECT_EQ(-EBADF, call->ops[0].result);
	}
	EXPECT_TRUE(no_waiters(self->ch));
}

/* R16: a receive without GOCHAN_TAKE_FD gets the message, and the file is dropped. */
TEST_F(pass, r16_file_not_requested)
{
	struct call *sender, *receiver;
	struct job *job;
	int k;

	for (k = 0; k < 2; k++) {
		sender = passing(self->ch, variant->cmd, "file", self->out);
		receiver = call_make(self->ch, variant->cmd);
		call_recv(receiver, self->ch)->passed_fd = 77;
		call_start(k ? sender : receiver, BY_THREAD);
		ASSERT_TRUE(wait_for_waiters(self->ch, k, !k));
		EXPECT_LE(0, call_now(k ? receiver : sender));
		EXPECT_LE(0, call_wait(k ? sender : receiver));
		EXPECT_STREQ("file", call_text(receiver, 0));
		EXPECT_EQ(-1, receiver->ops[0].passed_fd);

		sender = passing(self->ch, variant->cmd, "file", self->out);
		if (k) {
			call_start(sender, BY_THREAD);
			ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
			EXPECT_STREQ("file", recv_text(self->ch));
			EXPECT_LE(0, call_wait(sender));
		} else {
			job = job_recv(BY_THREAD, self->ch, 16);
			ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
			EXPECT_LE(0, call_now(sender));
			EXPECT_STREQ("file", job_text(job));
		}
	}
	close(self->out);
	EXPECT_TRUE(hung_up(self->in));
}

/* R16: a receive with GOCHAN_TAKE_FD gets messages without a file, too. */
TEST_F(pass, r16_no_file_passed)
{
	struct call *receiver = taking(self->ch, variant->cmd);
	struct rlimit limit, none;

	receiver->ops[0].passed_fd = 77;
	call_start(receiver, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	/* it needs no free descriptor then */
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	none = limit;
	none.rlim_cur = 0;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_EQ(1, try_send_text(self->ch, "a"));
	EXPECT_EQ(-1, taken(receiver));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_STREQ("a", call_text(receiver, 0));
}

/* R15, R16: several files in one batch, some of them repeatedly. */
TEST(r15_r16_several)
{
	const int ch = ch_make(0, 16, 0);
	struct call *sender = call_batch(ch);
	struct call *receiver = call_batch(ch);
	int i, fds[2];

	ASSERT_EQ(0, pipe(fds));
	for (i = 0; i < 6; i++) {
		struct gochan_op *op = call_send(sender, ch, "file");

		op->flags = i % 3 ? GOCHAN_PASS_FD : 0;
		op->passed_fd = fds[i / 3];
		call_recv(receiver, ch)->flags = GOCHAN_TAKE_FD;
	}
	call_start(receiver, BY_THREAD);
	ASSERT_EQ(6, call_now(sender));
	ASSERT_EQ(6, call_wait(receiver));
	for (i = 0; i < 6; i++) {
		const int fd = receiver->ops[i].passed_fd;

		EXPECT_EQ(i % 3 != 0, fd >= 0);
		if (fd >= 0)
			EXPECT_TRUE(same_file(fds[i / 3], fd));
	}
}

/* ---- a send completes when the receiver has the descriptor ---- */

/* A receiver that stalls while it copies the payload of the message offered to it. */
struct slow {
	struct stalled mem;
	struct call *receiver;
	char *content;
};

static bool slow_receiver(struct slow *slow, int ch, unsigned long cmd)
{
	if (stall(&slow->mem, CALL_ROOM))
		return false;
	slow->content = map_pages(1);
	slow->receiver = taking(ch, cmd);
	slow->receiver->ops[0].buf = (unsigned long)slow->mem.map;
	call_start(slow->receiver, BY_THREAD);
	return wait_for_waiters(ch, 0, 1);
}

/* R16: the send does not complete before the receiver has the descriptor. */
TEST_F(pass, r16_completes_with_descriptor)
{
	struct call *sender = passing(self->ch, variant->cmd, "file", self->out);
	struct slow slow;
	int fd;

	ASSERT_TRUE(slow_receiver(&slow, self->ch, variant->cmd));
	call_start(sender, BY_THREAD);
	ASSERT_TRUE(wait_stalled(&slow.mem));
	ASSERT_TRUE(wait_in_syscall(sender->id, SYS_ioctl));
	EXPECT_TRUE(no_waiters(self->ch));
	EXPECT_FALSE(call_done(sender));
	EXPECT_EQ(0U, ch_info(self->ch).sent);
	close(self->out);
	EXPECT_TRUE(still_open(self->in));

	ASSERT_EQ(0, arrive(&slow.mem, slow.content));
	fd = taken(slow.receiver);
	EXPECT_LE(0, call_wait(sender));
	EXPECT_EQ(0, sender->ops[0].result);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, memcmp(slow.mem.map, "file", 4));
	EXPECT_TRUE(is_pipe(fd, self->in));
	EXPECT_EQ(1U, ch_info(self->ch).sent);
}

/* What makes a sender withdraw. */
enum cause {
	BY_DEADLINE,
	BY_SIGNAL,
	BY_DEATH,
	CAUSES
};

/*
 * R8, R16: a deadline, a signal and death take effect on the sender at once while
 * the receiver copies, and withdraw message and file. The receiver goes on as if
 * the message had never been queued, and gets the next one.
 */
TEST_F(pass, r8_r16_withdrawn_during_copy)
{
	static const int results[] = { -ETIMEDOUT, -EINTR, -EINPROGRESS };
	struct call *sender, *next;
	struct slow slow;
	int cause, fds[2], fd;

	ASSERT_TRUE(on_signal(0));
	for (cause = 0; cause < CAUSES; cause++) {
		ASSERT_EQ(0, pipe(fds));
		sender = passing(self->ch, variant->cmd, "withdrawn", fds[1]);
		ASSERT_TRUE(slow_receiver(&slow, self->ch, variant->cmd));
		if (cause == BY_DEADLINE)
			sender->arg.timeout = now_ns() + 1000000;
		call_start(sender, cause == BY_DEATH ? BY_PROCESS : BY_THREAD);
		ASSERT_TRUE(wait_stalled(&slow.mem));
		close(fds[1]);
		if (cause == BY_SIGNAL)
			call_signal(sender, SIGUSR1);
		EXPECT_EQ(results[cause],
			  cause == BY_DEATH ? call_kill(sender) : call_wait(sender));
		EXPECT_TRUE(hung_up(fds[0]));
		EXPECT_EQ((unsigned int)cause, ch_info(self->ch).sent);

		next = call_start(passing(self->ch, variant->cmd, "next", self->out), BY_THREAD);
		ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
		ASSERT_EQ(0, arrive(&slow.mem, slow.content));
		fd = taken(slow.receiver);
		EXPECT_LE(0, call_wait(next));
		ASSERT_LE(0, fd);
		EXPECT_EQ(4U, slow.receiver->ops[0].len);
		EXPECT_EQ(0, memcmp(slow.mem.map, "next", 4));
		EXPECT_TRUE(is_pipe(fd, self->in));
		EXPECT_EQ(cause + 1U, ch_info(self->ch).received);
		close(fd);
	}
	EXPECT_EQ(1, handled());
}

/*
 * R8, R16: a receiver that is signalled meanwhile, and finds neither the message that was
 * withdrawn nor another one, is interrupted.
 */
TEST_F(pass, r8_r16_withdrawn_and_signalled)
{
	struct call *sender = passing(self->ch, variant->cmd, "withdrawn", self->out);
	struct slow slow;

	ASSERT_TRUE(on_signal(0));
	ASSERT_TRUE(slow_receiver(&slow, self->ch, variant->cmd));
	call_start(sender, BY_PROCESS);
	ASSERT_TRUE(wait_stalled(&slow.mem));
	EXPECT_EQ(-EINPROGRESS, call_kill(sender));
	call_signal(slow.receiver, SIGUSR1);
	ASSERT_EQ(0, arrive(&slow.mem, slow.content));
	EXPECT_EQ(-EINTR, taken(slow.receiver));
	EXPECT_EQ(1, handled());
	EXPECT_TRUE(no_waiters(self->ch));
	EXPECT_EQ(0ULL, ch_info(self->ch).sent);
}

/* Descriptors for which a new process has room. */
#define TABLE	64

static void *wait_forever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/*
 * Take a file by a process whose descriptor table has to grow for it. As a thread
 * shares the table, installing the descriptor takes an RCU grace period.
 */
static pid_t growing_receiver(int ch)
{
	const pid_t pid = child();
	struct gochan_op op;
	pthread_t thread;
	char buf[16];
	int fd;

	if (pid)
		return pid;
	if (pthread_create(&thread, NULL, wait_forever, NULL))
		_exit(1);
	do
		fd = dup(0);
	while (fd >= 0 && fd < TABLE - 1);
	op = GOCHAN_RECV(ch, buf, sizeof(buf));
	op.flags = GOCHAN_TAKE_FD;
	_exit(ops_batch(ch, &op, 1, 0) != 1 || op.passed_fd < 0);
}

/* Wait until the receiver waits for RCU, or for the end of the send. */
static void wait_committing(pid_t receiver, const struct call *sender)
{
	char path[64], text[128];

	snprintf(path, sizeof(path), "/proc/%d/wchan", receiver);
	while (!call_done(sender))
		if (read_text(path, text, sizeof(text)) >= 0 && strstr(text, "rcu"))
			break;
}

/* R8, R16: while the descriptor is installed the sender can no longer withdraw. */
TEST_F(pass, r8_r16_signal_during_commit)
{
	struct call *sender;
	pid_t receiver;
	int i;

	ASSERT_TRUE(on_signal(0));
	for (i = 0; i < 5; i++) {
		sender = passing(self->ch, variant->cmd, "file", self->out);
		call_start(sender, BY_THREAD);
		ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
		receiver = growing_receiver(self->ch);
		wait_committing(receiver, sender);
		call_signal(sender, SIGUSR1);
		EXPECT_LE(0, call_wait(sender));
		EXPECT_EQ(0, reap(receiver));
		EXPECT_EQ(i + 1U, ch_info(self->ch).received);
	}
}

/*
 * R7, R8, R16: a receiver whose message was withdrawn while it copied keeps its
 * place, ahead of receivers that were queued behind it.
 */
TEST_F(pass, r7_r16_withdrawn_keeps_place)
{
	struct call *sender = passing(self->ch, variant->cmd, "withdrawn", self->out);
	struct call *behind;
	struct slow slow;

	ASSERT_TRUE(on_signal(0));
	ASSERT_TRUE(slow_receiver(&slow, self->ch, variant->cmd));
	behind = call_start(taking(self->ch, variant->cmd), BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 2));
	call_start(sender, BY_THREAD);
	ASSERT_TRUE(wait_stalled(&slow.mem));
	call_signal(sender, SIGUSR1);
	EXPECT_EQ(-EINTR, call_wait(sender));
	ASSERT_EQ(0, arrive(&slow.mem, slow.content));
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 2));
	EXPECT_EQ(5, ch_try_send(self->ch, "first", 5));
	EXPECT_EQ(-1, taken(slow.receiver));
	EXPECT_EQ(0, memcmp(slow.mem.map, "first", 5));
	EXPECT_EQ(6, ch_try_send(self->ch, "second", 6));
	EXPECT_EQ(-1, taken(behind));
	EXPECT_STREQ("second", call_text(behind, 0));
}

/* R16: both are killed, the sender first. */
TEST_F(pass, r16_both_killed)
{
	struct call *sender = passing(self->ch, variant->cmd, "file", self->out);
	const pid_t pid = child();
	struct slow slow;

	if (!pid) {
		close(self->out);
		slow_receiver(&slow, self->ch, variant->cmd);
		call_wait(slow.receiver);
		_exit(1);
	}
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	call_start(sender, BY_PROCESS);
	close(self->out);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 0));
	EXPECT_EQ(-EINPROGRESS, call_kill(sender));
	EXPECT_TRUE(hung_up(self->in));
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	EXPECT_EQ(0U, ch_info(self->ch).sent);
}

/* R1, R16: the receiver is killed while it copies: the sender stays blocked. */
TEST_F(pass, r1_r16_receiver_killed_during_copy)
{
	struct call *sender = passing(self->ch, variant->cmd, "file", self->out);
	struct call *receiver = taking(self->ch, variant->cmd);
	const pid_t pid = child();
	struct stalled mem;

	if (!pid) {
		if (stall(&mem, CALL_ROOM))
			_exit(1);
		receiver->ops[0].buf = (unsigned long)mem.map;
		call_now(receiver);
		_exit(2);
	}
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	call_start(sender, BY_THREAD);
	ASSERT_TRUE(wait_wchan(pid, "handle_userfault"));
	EXPECT_FALSE(call_done(sender));
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
	EXPECT_FALSE(call_done(sender));

	receiver = taking(self->ch, variant->cmd);
	EXPECT_LE(0, call_now(receiver));
	EXPECT_LE(0, call_wait(sender));
	EXPECT_STREQ("file", call_text(receiver, 0));
	ASSERT_LE(0, receiver->ops[0].passed_fd);
	EXPECT_TRUE(is_pipe(receiver->ops[0].passed_fd, self->in));
	EXPECT_EQ(1U, ch_info(self->ch).sent);
	EXPECT_EQ(1U, ch_info(self->ch).received);
}

/* R8, R16: the sender is killed while it is queued. */
TEST_F(pass, r8_r16_sender_killed_queued)
{
	struct call *sender = passing(self->ch, variant->cmd, "file", self->out);

	call_start(sender, BY_PROCESS);
	ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
	close(self->out);
	EXPECT_TRUE(still_open(self->in));
	EXPECT_EQ(-EINPROGRESS, call_kill(sender));
	EXPECT_TRUE(hung_up(self->in));
	EXPECT_TRUE(no_waiters(self->ch));
	EXPECT_EQ(-EAGAIN, call_try(taking(self->ch, variant->cmd)));
}

/* R5, R8, R12, R16: sends that fail drop their reference to the file. */
TEST_F(pass, r5_r8_r12_r16_failed_send_drops_file)
{
	struct call *sender = passing(self->ch, variant->cmd, "file", self->out);

	ASSERT_TRUE(on_signal(0));
	EXPECT_EQ(-EAGAIN, call_try(sender));
	sender->arg.timeout = now_ns() + 1000000;
	EXPECT_EQ(-ETIMEDOUT, call_now(sender));
	sender->arg.timeout = GOCHAN_TIMEOUT_NEVER;
	call_start(sender, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
	call_signal(sender, SIGUSR1);
	EXPECT_EQ(-EINTR, call_wait(sender));
	call_start(sender, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
	close(self->out);
	EXPECT_EQ(0, ch_close(self->ch));
	EXPECT_EQ(-EPIPE, call_wait(sender));
	EXPECT_EQ(-EPIPE, sender->ops[0].result);
	EXPECT_TRUE(hung_up(self->in));
}

/* ---- receivers that decline ---- */

/* Start a receive in a process at its descriptor limit. */
static struct call *start_at_limit(struct call *receiver)
{
	const struct rlimit none = { 0, 0 };
	pid_t pid;

	receiver->by = BY_PROCESS;
	receiver->ret = -EINPROGRESS;
	pid = child();
	if (!pid) {
		if (!setrlimit(RLIMIT_NOFILE, &none))
			call_now(receiver);
		_exit(0);
	}
	receiver->id = pid;
	return receiver;
}

/* R16: EMFILE leaves the message with its sender, whichever side comes first. */
TEST_F(pass, r16_emfile)
{
	struct call *sender, *receiver;
	int k, fd;

	for (k = 0; k < 2; k++) {
		sender = passing(self->ch, variant->cmd, "file", self->out);
		receiver = taking(self->ch, variant->cmd);
		if (k) {
			start_at_limit(receiver);
			ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
		}
		call_start(sender, BY_THREAD);
		if (!k) {
			ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
			start_at_limit(receiver);
		}
		EXPECT_EQ(-EMFILE, call_wait(receiver));
		EXPECT_EQ(-EMFILE, receiver->ops[0].result);
		EXPECT_EQ(-1, receiver->ops[0].passed_fd);
		ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
		EXPECT_FALSE(call_done(sender));
		EXPECT_EQ((unsigned int)k, ch_info(self->ch).sent);
		EXPECT_EQ((unsigned int)k, ch_info(self->ch).received);

		receiver = taking(self->ch, variant->cmd);
		EXPECT_LE(0, call_now(receiver));
		EXPECT_LE(0, call_wait(sender));
		EXPECT_STREQ("file", call_text(receiver, 0));
		fd = receiver->ops[0].passed_fd;
		EXPECT_TRUE(same_file(self->out, fd));
		close(fd);
	}
}

/* R12, R16: a non-blocking send whose receiver declines the message. */
TEST_F(pass, r12_r16_nonblock)
{
	struct call *sender = passing(self->ch, variant->cmd, "file", self->out);
	struct call *receiver;

	receiver = start_at_limit(taking(self->ch, variant->cmd));
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	EXPECT_EQ(-EAGAIN, call_try(sender));
	EXPECT_EQ(-EMFILE, call_wait(receiver));
	EXPECT_EQ(0U, ch_info(self->ch).sent);
	EXPECT_TRUE(no_waiters(self->ch));
	receiver = call_start(taking(self->ch, variant->cmd), BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	EXPECT_LE(0, call_try(sender));
	EXPECT_TRUE(same_file(self->out, taken(receiver)));
}

/* R16: after EMFILE a receive without GOCHAN_TAKE_FD gets the message. */
TEST_F(pass, r16_declined_then_not_requested)
{
	struct call *sender = passing(self->ch, variant->cmd, "file", self->out);

	call_start(sender, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
	EXPECT_EQ(-EMFILE, call_wait(start_at_limit(taking(self->ch, variant->cmd))));
	EXPECT_STREQ("file", recv_text(self->ch));
	EXPECT_LE(0, call_wait(sender));
	close(self->out);
	EXPECT_TRUE(hung_up(self->in));
}

/* R2, R7, R16: a declined message is ahead of those sent meanwhile. */
TEST_F(pass, r2_r7_r16_declined_keeps_place)
{
	struct call *sender = passing(self->ch, variant->cmd, "first", self->out);
	struct rlimit limit, none;
	struct job *second;
	struct slow slow;

	ASSERT_TRUE(slow_receiver(&slow, self->ch, variant->cmd));
	call_start(sender, BY_THREAD);
	ASSERT_TRUE(wait_stalled(&slow.mem));
	second = job_send_text(BY_THREAD, self->ch, "second");
	ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	none = limit;
	none.rlim_cur = 0;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	ASSERT_EQ(0, arrive(&slow.mem, slow.content));
	EXPECT_EQ(-EMFILE, taken(slow.receiver));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	ASSERT_TRUE(wait_for_waiters(self->ch, 2, 0));
	EXPECT_STREQ("first", recv_text(self->ch));
	EXPECT_STREQ("second", recv_text(self->ch));
	EXPECT_LE(0, call_wait(sender));
	EXPECT_EQ(6, job_wait(second));
}

/* R9, R16: if payload or results cannot be written the message is declined. */
TEST_F(pass, r9_r16_bad_memory)
{
	const unsigned int before = open_descriptors();
	struct call *sender, *receiver;
	struct gochan_op *ops;
	char *payload;
	int k;

	for (k = 0; k < 4; k++) {
		/* two receives find a blocked sender, two are blocked themselves */
		ops = map_pages(1);
		payload = map_pages(1);
		sender = passing(self->ch, variant->cmd, "file", self->out);
		receiver = taking(self->ch, variant->cmd);
		ops[0] = receiver->ops[0];
		ops[0].buf = (unsigned long)payload;
		receiver->arg.ops = (unsigned long)ops;
		if (k < 2) {
			call_start(sender, BY_THREAD);
			ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
			ASSERT_EQ(0, mprotect(k ? (void *)ops : payload, page_size(), PROT_READ));
			EXPECT_EQ(-EFAULT, call_now(receiver));
		} else {
			call_start(receiver, BY_THREAD);
			ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
			ASSERT_EQ(0, mprotect(k & 1 ? (void *)ops : payload, page_size(),
					      PROT_READ));
			call_start(sender, BY_THREAD);
			EXPECT_EQ(-EFAULT, call_wait(receiver));
		}
		EXPECT_EQ(before, open_descriptors());
		ASSERT_TRUE(wait_for_waiters(self->ch, 1, 0));
		EXPECT_FALSE(call_done(sender));
		receiver = taking(self->ch, variant->cmd);
		EXPECT_LE(0, call_now(receiver));
		EXPECT_LE(0, call_wait(sender));
		EXPECT_STREQ("file", call_text(receiver, 0));
		EXPECT_TRUE(same_file(self->out, receiver->ops[0].passed_fd));
		close(receiver->ops[0].passed_fd);
	}
	close(self->out);
	EXPECT_TRUE(hung_up(self->in));
}

/*
 * R5, R16: the channel is closed while the receiver copies: the sender fails at
 * once, and its message is not delivered.
 */
TEST_F(pass, r5_r16_closed_during_copy)
{
	struct call *sender = passing(self->ch, variant->cmd, "file", self->out);
	struct slow slow;

	ASSERT_TRUE(slow_receiver(&slow, self->ch, variant->cmd));
	call_start(sender, BY_THREAD);
	ASSERT_TRUE(wait_stalled(&slow.mem));
	EXPECT_EQ(0, ch_close(self->ch));
	EXPECT_EQ(-EPIPE, call_wait(sender));
	close(self->out);
	EXPECT_TRUE(hung_up(self->in));
	ASSERT_EQ(0, arrive(&slow.mem, slow.content));
	EXPECT_LE(0, call_wait(slow.receiver));
	EXPECT_EQ(GOCHAN_R_CLOSED, slow.receiver->ops[0].result);
	EXPECT_EQ(-1, slow.receiver->ops[0].passed_fd);
	EXPECT_EQ(0U, ch_info(self->ch).sent);
}

/* ---- selects ---- */

/* R14, R16: only the op of a select that happens passes its file. */
TEST(r14_r16_select_sends)
{
	const int chs[3] = { ch_make(0, 16, 0), ch_make(0, 16, 0), ch_make(0, 16, 0) };
	struct call *call = call_select(chs[0]);
	struct call *receiver;
	int fds[3][2], i, k;

	for (i = 0; i < 3; i++) {
		struct gochan_op *op = call_send(call, chs[i], "file");

		ASSERT_EQ(0, pipe(fds[i]));
		op->flags = GOCHAN_PASS_FD;
		op->passed_fd = fds[i][1];
	}
	call_start(call, BY_THREAD);
	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(wait_for_waiters(chs[i], 1, 0));
		close(fds[i][1]);
		EXPECT_TRUE(still_open(fds[i][0]));
	}
	receiver = taking(chs[1], GOCHAN_IOC_SELECT);
	EXPECT_EQ(0, call_now(receiver));
	EXPECT_EQ(1, call_wait(call));
	ASSERT_LE(0, receiver->ops[0].passed_fd);
	EXPECT_TRUE(is_pipe(receiver->ops[0].passed_fd, fds[1][0]));
	close(receiver->ops[0].passed_fd);
	for (k = 0; k < 3; k++) {
		EXPECT_TRUE(hung_up(fds[k][0]));
		EXPECT_TRUE(no_waiters(chs[k]));
	}
}

/* R14, R16: a select receives a file by one of its ops. */
TEST(r14_r16_select_receives)
{
	const int chs[3] = { ch_make(0, 16, 0), ch_make(0, 16, 0), ch_make(0, 16, 0) };
	struct call *call = call_select(chs[0]);
	int fds[2], i;

	ASSERT_EQ(0, pipe(fds));
	for (i = 0; i < 3; i++)
		call_recv(call, chs[i])->flags = GOCHAN_TAKE_FD;
	call_start(call, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(chs[2], 0, 1));
	EXPECT_EQ(0, call_now(passing(chs[2], GOCHAN_IOC_SELECT, "file", fds[1])));
	EXPECT_EQ(2, call_wait(call));
	EXPECT_STREQ("file", call_text(call, 2));
	EXPECT_TRUE(same_file(fds[1], call->ops[2].passed_fd));
}

/*
 * R14, R16: a select whose message was declined is queued again, and another of
 * its ops may happen.
 */
TEST(r14_r16_select_declined)
{
	const int ch = ch_make(0, 16, 0);
	const int other = ch_make(0, 16, 0);
	struct call *call = passing(ch, GOCHAN_IOC_SELECT, "file", other);
	int k;

	call_recv(call, other);
	for (k = 0; k < 2; k++) {
		call_reset(call);
		call_start(call, BY_THREAD);
		ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
		EXPECT_EQ(-EMFILE, call_wait(start_at_limit(taking(ch, GOCHAN_IOC_SELECT))));
		ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
		ASSERT_TRUE(wait_for_waiters(other, 0, 1));
		EXPECT_FALSE(call_done(call));
		EXPECT_TRUE(k ? !strcmp(recv_text(ch), "file") : try_send_text(other, "a") == 1);
		EXPECT_EQ(!k, call_wait(call));
		EXPECT_TRUE(no_waiters(ch));
		EXPECT_TRUE(no_waiters(other));
	}
}

/* ---- nothing is leaked ---- */

static long first_number(const char *path)
{
	char text[128];

	return read_text(path, text, sizeof(text)) < 0 ? -1 : strtol(text, NULL, 10);
}

/*
 * The module's references: one for each open handle of the whole system. The
 * kernel's count of open files is too inexact.
 */
static long open_handles(void)
{
	return first_number("/sys/module/gochan/refcnt");
}

/* Files may be closed a moment after their process has exited. */
static bool wait_for_handles(long handles)
{
	const struct wait wait = wait_begin();

	do {
		if (open_handles() <= handles)
			return true;
	} while (wait_more(&wait));
	return false;
}

/* Keep passing the channel itself, and other files. */
static void pass_forever(int ch, unsigned long cmd)
{
	struct call *call = passing(ch, cmd, "file", ch);

	for (;;) {
		call->ops[0].passed_fd = ch_make(0, 16, 0);
		call_now(call);
		close(call->ops[0].passed_fd);
		call->ops[0].passed_fd = ch;
		call_now(call);
	}
}

/* Keep receiving, with the file and without, and close some of the files. */
static void take_forever(int ch, unsigned long cmd)
{
	struct call *call = taking(ch, cmd);
	unsigned int i;

	for (i = 0;; i++) {
		call->ops[0].flags = i % 3 ? GOCHAN_TAKE_FD : 0;
		call_reset(call);
		if (call_now(call) >= 0 && i % 5)
			close(call->ops[0].passed_fd);
	}
}

static bool wait_for_messages(int ch, unsigned int count)
{
	const unsigned long long wanted = ch_info(ch).received + count;
	const struct wait wait = wait_begin();

	do {
		if (ch_info(ch).received >= wanted)
			return true;
	} while (wait_more(&wait));
	return false;
}

/* R8, R16: senders and receivers killed at any time leak no file. */
TEST_F(pass, r8_r16_no_leak)
{
	const long handles = open_handles();
	pid_t pids[4];
	int i, k, ch;

	ch = ch_make(0, 16, 0);
	ASSERT_LE(0, ch);
	for (i = 0; i < 6; i++) {
		for (k = 0; k < 4; k++) {
			pids[k] = child();
			if (pids[k])
				continue;
			if (k % 2)
				pass_forever(ch, variant->cmd);
			take_forever(ch, variant->cmd);
		}
		ASSERT_TRUE(wait_for_messages(ch, 10 + i));
		for (k = 0; k < 4; k++)
			EXPECT_EQ(128 + SIGKILL, reap_killed(pids[k]));
		EXPECT_TRUE(no_waiters(ch));
	}
	close(ch);
	EXPECT_TRUE(wait_for_handles(handles));
}

/* R16: a process is killed while it passes a channel over itself. */
TEST_F(pass, r16_channel_over_itself)
{
	const long handles = open_handles();
	struct call *call;
	pid_t pid;
	int i, ch;

	for (i = 0; i < 5; i++) {
		pid = child();
		if (!pid) {
			ch = ch_make(0, 16, 0);
			call = passing(ch, variant->cmd, "file", ch);
			call_start(call, BY_THREAD);
			if (!wait_for_waiters(ch, 1, 0))
				_exit(1);
			close(ch);
			kill(getpid(), SIGKILL);
		}
		EXPECT_EQ(128 + SIGKILL, reap(pid));
	}
	EXPECT_TRUE(wait_for_handles(handles));
}

TEST_HARNESS_MAIN
