// SPDX-License-Identifier: GPL-2.0
/*
 * R20: 32-bit programs on a 64-bit kernel see the same structures, get the same
 * results from every call, and exchange messages with 64-bit programs.
 *
 * This file is built twice: as the test, and with gcc -m32 as compat32-peer,
 * which the test starts. The Makefile also builds some other tests as 32-bit
 * programs.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define NAME		PREFIX "compat32"
#define TEXT_MAX	32768
#define BIG		65536

/* ---- every call and its results, as text ---- */

struct report {
	size_t len;
	char text[TEXT_MAX];
};

static struct report report;

static void __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report.len += vsnprintf(report.text + report.len, TEXT_MAX - report.len, format, args);
	va_end(args);
	if (report.len >= TEXT_MAX)
		abort();
}

static void say_result(const char *what, long ret)
{
	say("%s: %s\n", what, ret < 0 ? strerrorname_np(errno) : "done");
}

static void say_info(int ch)
{
	struct gochan_info info;

	memset(&info, 0xa5, sizeof(info));
	say_result("INFO", ioctl(ch, GOCHAN_IOC_INFO, &info));
	say("  abi %u flags %u capacity %u msg_size %u len %u closed %u waiting %u %u\n",
	    info.abi, info.flags, info.capacity, info.msg_size, info.len, info.closed,
	    info.senders_waiting, info.receivers_waiting);
	say("  handles %u %u sent %llu received %llu bytes %llu id %d\n", info.send_handles,
	    info.recv_handles, info.sent, info.received, info.bytes, info.id > 0);
	say("  leased %u %u requeued %llu dropped %llu blocked %llu %llu done %d\n", info.leased,
	    info.max_deliveries, info.requeued, info.dropped, info.send_blocked,
	    info.recv_blocked, info.done > 0);
}

static void describe_structures(void)
{
	say("sizes %zu %zu %zu %zu %zu %zu\n", sizeof(struct gochan_setup),
	    sizeof(struct gochan_info), sizeof(struct gochan_op), sizeof(struct gochan_ops),
	    sizeof(struct gochan_ack), sizeof(struct gochan_done));
	say("ioctls %lx %lx %lx %lx %lx %lx %lx\n", (long)GOCHAN_IOC_SETUP,
	    (long)GOCHAN_IOC_INFO, (long)GOCHAN_IOC_CLOSE, (long)GOCHAN_IOC_DUP,
	    (long)GOCHAN_IOC_ACK, (long)GOCHAN_IOC_SELECT, (long)GOCHAN_IOC_BATCH);
}

static void setup(int ch, struct gochan_setup s)
{
	say_result("SETUP", ioctl(ch, GOCHAN_IOC_SETUP, &s));
}

/* Make a buffered channel, after each error that SETUP can return. */
static int describe_setup(void)
{
	const int ch = open("/dev/gochan", O_RDWR);

	say_result("SETUP", ioctl(ch, GOCHAN_IOC_SETUP, NULL));
	setup(ch, (struct gochan_setup){ .msg_size = 0x7fffffff });
	setup(ch, (struct gochan_setup){ .capacity = -1 });
	setup(ch, (struct gochan_setup){ .flags = 0x80000000 });
	setup(ch, (struct gochan_setup){ .done_fd = 1 });
	setup(ch, (struct gochan_setup){ 3, 100, GOCHAN_CRED, 0, 0, 0 });
	setup(ch, (struct gochan_setup){ 3, 100, GOCHAN_CRED, 0, 0, 0 });
	say_info(ch);
	say_result("INFO", ioctl(ch, GOCHAN_IOC_INFO, NULL));
	return ch;
}

static void describe_plain(int ch)
{
	struct iovec iov[2] = { { "wri", 3 }, { "tev", 3 } };
	char buf[101] = {};
	int size;

	say_result("write", write(ch, "write", 5));
	say_result("writev", writev(ch, iov, 2));
	say_result("write", write(ch, buf, 101));
	say("FIONREAD %d", ioctl(ch, FIONREAD, &size));
	say(" %d poll %x\n", size, ch_poll(ch));
	say_info(ch);
	say_result("read", read(ch, buf, 4));
	say("read %zd %.5s\n", read(ch, buf, 100), buf);
	say("read %zd %.6s\n", read(ch, buf, 100), buf);
	say_result("lseek", lseek(ch, 0, SEEK_CUR));
	say_result("pread", pread(ch, buf, 1, 0));
	say_result("ioctl", ioctl(ch, _IOR(GOCHAN_IOC_MAGIC, 2, int), buf));
	say_result("ioctl", ioctl(ch, _IO(GOCHAN_IOC_MAGIC, 9)));
	say_result("ioctl", ioctl(ch, TCGETS, buf));
	fcntl(ch, F_SETFL, O_NONBLOCK);
	say_result("read", read(ch, buf, 4));
	fcntl(ch, F_SETFL, 0);
}

static void describe_dup(int ch)
{
	const int fd = ioctl(ch, GOCHAN_IOC_DUP, O_RDONLY | O_NONBLOCK);
	char c;

	say_result("DUP", fd);
	say("flags %x %x\n", fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), fcntl(fd, F_GETFD));
	say_result("DUP", ioctl(fd, GOCHAN_IOC_DUP, O_RDWR));
	say_result("DUP", ioctl(ch, GOCHAN_IOC_DUP, 0x10000));
	say_result("read", read(fd, &c, 1));
	say_result("write", write(fd, &c, 1));
	say_info(ch);
	say_result("CLOSE", ioctl(fd, GOCHAN_IOC_CLOSE));
	close(fd);
}

static void describe_names(void)
{
	const int ch = ch_unnamed(2, 16, 0, 0640);
	struct stat st = {};
	int fd;

	say_result("linkat", ch_link(ch, NAME));
	say_result("linkat", ch_link(ch, NAME));
	say_result("linkat", ch_link(ch, NAME "2"));
	say_info(ch);
	say_result("stat", stat("/dev/gochans/" NAME, &st));
	say("mode %o\n", st.st_mode);
	fd = open("/dev/gochans/" NAME, O_RDWR);
	say_result("open", fd);
	say_info(fd);
	close(fd);
	say_result("unlink", ch_unlink(NAME));
	say_result("unlink", ch_unlink(NAME));
	close(ch);
}

/* Make the call, and report everything that it returned. */
static void call_and_say(int ch, unsigned long cmd, struct gochan_op *ops, unsigned int count,
			 unsigned int flags, unsigned long long timeout)
{
	struct gochan_ops arg = {
		.ops = (unsigned long)ops,
		.count = count,
		.flags = flags,
		.timeout = timeout,
		.index = UNTOUCHED,
	};
	const int ret = ioctl(ch, cmd, &arg);
	unsigned int i;

	say("%s %d %s index %u\n", cmd == GOCHAN_IOC_SELECT ? "SELECT" : "BATCH", ret,
	    ret < 0 ? strerrorname_np(errno) : "", arg.index);
	for (i = 0; i < count; i++) {
		const struct gochan_op *op = &ops[i];

		say("  op %u flags %x len %u result %d passed %d events %x", op->opcode, op->flags,
		    op->len, op->result, op->passed_fd >= 0, op->events);
		say(" from %s %u %u text %.*s\n",
		    op->pid == getpid() ? "me" : op->pid ? "other" : "-", op->uid, op->gid,
		    op->result ? 0 : (int)op->len, (char *)(unsigned long)op->buf);
		say("  leased %d seq %llu deliveries %u\n", !!op->lease, op->seq, op->deliveries);
	}
}

static void describe_ops(int ch, unsigned long cmd)
{
	const unsigned long long never = GOCHAN_TIMEOUT_NEVER;
	const int event = eventfd(1, 0);
	struct gochan_op ops[3];
	char bufs[3][100] = {};

	/* calls that succeed */
	ops[0] = GOCHAN_SEND(ch, "first", 5);
	ops[1] = GOCHAN_SEND(ch, "second", 6);
	ops[2] = GOCHAN_POLL(event, POLLIN | POLLOUT | POLLPRI);
	call_and_say(ch, GOCHAN_IOC_BATCH, ops, 3, 0, never);
	ops[0] = GOCHAN_RECV(ch, bufs[0], 100);
	ops[0].flags = GOCHAN_PEEK;
	call_and_say(ch, cmd, ops, 1, 0, never);
	ops[0] = GOCHAN_RECV(ch, bufs[0], 2);
	call_and_say(ch, cmd, ops, 1, 0, never);
	ops[0] = GOCHAN_RECV(-1, bufs[0], 2);
	ops[1] = GOCHAN_RECV(ch, bufs[1], 100);
	ops[1].flags = GOCHAN_TAKE_FD;
	ops[2] = GOCHAN_POLL(ch, POLLIN);
	call_and_say(ch, cmd, ops + 1, 1, 0, never);
	ops[1] = GOCHAN_RECV(ch, bufs[1], 100);
	call_and_say(ch, GOCHAN_IOC_SELECT, ops, 3, GOCHAN_ORDERED, never);
	/* calls that fail */
	call_and_say(ch, cmd, ops + 1, 1, GOCHAN_NONBLOCK, never);
	call_and_say(ch, cmd, ops + 1, 1, 0, 0);
	call_and_say(ch, cmd, ops + 1, 1, 0, now_ns() + 3000000);
	ops[1].len = 100;
	call_and_say(ch, cmd, ops, 2, 0, now_ns() + 3000000);
	ops[0] = GOCHAN_SEND(ch, "too long", 101);
	call_and_say(ch, cmd, ops, 1, 0, never);
	ops[0] = GOCHAN_SEND(9999, "bad", 3);
	call_and_say(ch, cmd, ops, 1, 0, never);
	ops[0] = GOCHAN_SEND(event, "bad", 3);
	call_and_say(ch, cmd, ops, 1, 0, never);
	ops[0] = GOCHAN_SEND(ch, "bad", 3);
	ops[0].flags = 0x8000;
	call_and_say(ch, cmd, ops, 1, 0, never);
	ops[0].flags = GOCHAN_PASS_FD;
	ops[0].passed_fd = event;
	call_and_say(ch, cmd, ops, 1, 0, never);
	ops[0] = GOCHAN_SEND(ch, "bad", 3);
	call_and_say(ch, cmd, ops, 1, 0x8000, never);
	call_and_say(ch, cmd, NULL, 0, GOCHAN_NONBLOCK, never);
	say_result("SELECT", ioctl(ch, GOCHAN_IOC_SELECT, NULL));
	say_result("BATCH", ioctl(ch, GOCHAN_IOC_BATCH, NULL));
	say_info(ch);
	close(event);
}

static void describe_end(int ch)
{
	struct gochan_op op = GOCHAN_RECV(ch, NULL, 0);

	say_result("CLOSE", ioctl(ch, GOCHAN_IOC_CLOSE));
	say_result("CLOSE", ioctl(ch, GOCHAN_IOC_CLOSE));
	call_and_say(ch, GOCHAN_IOC_SELECT, &op, 1, 0, GOCHAN_TIMEOUT_NEVER);
	op = GOCHAN_SEND(ch, "a", 1);
	call_and_say(ch, GOCHAN_IOC_BATCH, &op, 1, 0, GOCHAN_TIMEOUT_NEVER);
	say("poll %x\n", ch_poll(ch));
	say_info(ch);
}

/* A source of dead letters and notices, after each error that SETUP can return for one. */
static int describe_source(int dead, int done)
{
	const int receives = ch_dup(dead, O_RDONLY), ch = open("/dev/gochan", O_RDWR);
	struct gochan_setup s = { .msg_size = 16, .flags = GOCHAN_ACK, .max_deliveries = 2 };

	setup(ch, s);
	s.capacity = 60000;
	s.dead_fd = dead;
	setup(ch, s);
	s.flags = GOCHAN_DEADLETTER;
	setup(ch, s);
	s.flags = GOCHAN_ACK | GOCHAN_DEADLETTER;
	s.dead_fd = -1;
	setup(ch, s);
	s.dead_fd = receives;
	setup(ch, s);
	s.dead_fd = ch;
	setup(ch, s);
	s.dead_fd = dead;
	s.flags |= GOCHAN_DONE;
	s.done_fd = -1;
	setup(ch, s);
	s.done_fd = dead;
	setup(ch, s);
	s.done_fd = done;
	setup(ch, s);
	say_info(ch);
	close(receives);
	return ch;
}

static void end_lease(int ch, unsigned long long lease, unsigned int flags)
{
	struct gochan_ack arg = { .lease = lease, .flags = flags };

	say_result("ACK", ioctl(ch, GOCHAN_IOC_ACK, &arg));
}

/* Receive, and return the message until leases are numbers of more than 32 bits. */
static struct gochan_op receive_long_lease(int ch, char *buf)
{
	const struct gochan_op recv = GOCHAN_RECV(ch, buf, 16);
	struct gochan_op ops[2] = { [1] = recv };

	if (ops_batch(ch, ops + 1, 1, GOCHAN_NONBLOCK) != 1)
		return recv;
	while (!(ops[1].lease >> 32)) {
		ops[0] = (struct gochan_op){
			.fd = ch,
			.opcode = GOCHAN_OP_ACK,
			.flags = GOCHAN_REQUEUE,
			.lease = ops[1].lease,
		};
		ops[1] = recv;
		if (ops_batch(ch, ops, 2, GOCHAN_NONBLOCK) != 2)
			return recv;
	}
	return ops[1];
}

static void say_notice(int done)
{
	struct gochan_done n = {};

	say_result("notice", ch_recv(done, &n, sizeof(n)));
	say("notice of %llu, delivered %u times, flags %x\n", (unsigned long long)n.seq,
	    n.deliveries, n.flags);
}

/* Leases, how they end, a dead letter, and notices. */
static void describe_acknowledged(unsigned long cmd)
{
	const unsigned long long never = GOCHAN_TIMEOUT_NEVER;
	const int dead = ch_make(2, 16, 0), done = ch_make(2, sizeof(struct gochan_done), 0);
	const int ch = describe_source(dead, done);
	const int many = ch_make(60000, 16, GOCHAN_ACK);
	char bufs[2][16] = {};
	struct gochan_op ops[2];
	struct gochan_ack ack = {};

	ops[0] = GOCHAN_SEND(ch, "first", 5);
	ops[1] = GOCHAN_SEND(ch, "second", 6);
	call_and_say(ch, GOCHAN_IOC_BATCH, ops, 2, 0, never);
	ops[0] = GOCHAN_RECV(ch, bufs[0], 16);
	ops[0].flags = GOCHAN_PEEK;
	call_and_say(ch, cmd, ops, 1, 0, never);
	ops[0] = GOCHAN_RECV(ch, bufs[0], 16);
	call_and_say(ch, cmd, ops, 1, 0, never);
	say_info(ch);
	/* acknowledgments that fail */
	say_result("ACK", ioctl(ch, GOCHAN_IOC_ACK, NULL));
	end_lease(ch, 0, 0);
	end_lease(ch, ops[0].lease ^ 1ULL << 32, 0);
	end_lease(ch, ops[0].lease, 1);
	end_lease(dead, ops[0].lease, 0);
	ack.lease = ops[0].lease;
	ack.reserved = 1;
	say_result("ACK", ioctl(ch, GOCHAN_IOC_ACK, &ack));
	/* by ioctl, and as an op */
	end_lease(ch, ops[0].lease, 0);
	end_lease(ch, ops[0].lease, 0);
	ops[0] = GOCHAN_RECV(ch, bufs[0], 16);
	call_and_say(ch, cmd, ops, 1, 0, never);
	ops[0].opcode = GOCHAN_OP_ACK;
	ops[0].flags = GOCHAN_REQUEUE;
	ops[1] = GOCHAN_RECV(ch, bufs[1], 16);
	call_and_say(ch, cmd, ops, 2, 0, never);
	/* delivered twice: a dead letter */
	if (cmd == GOCHAN_IOC_BATCH)
		end_lease(ch, ops[1].lease, GOCHAN_REQUEUE);
	say_info(ch);
	if (cmd == GOCHAN_IOC_BATCH)
		say("dead letter %s\n", recv_text(dead));
	say_notice(done);
	if (cmd == GOCHAN_IOC_BATCH)
		say_notice(done);
	say_result("write", write(many, "long", 4));
	ops[0] = receive_long_lease(many, bufs[0]);
	say("lease %llx of delivery %u\n", ops[0].lease, ops[0].deliveries);
	end_lease(many, ops[0].lease & 0xffffffff, 0);
	end_lease(many, ops[0].lease, 0);
	say_info(many);
	close(many);
	close(ch);
	close(done);
	close(dead);
}

static void describe(void)
{
	const int ch = describe_setup();

	describe_structures();
	describe_plain(ch);
	describe_dup(ch);
	describe_names();
	describe_ops(ch, GOCHAN_IOC_SELECT);
	describe_ops(ch, GOCHAN_IOC_BATCH);
	describe_end(ch);
	describe_acknowledged(GOCHAN_IOC_SELECT);
	describe_acknowledged(GOCHAN_IOC_BATCH);
	close(ch);
}

/* ---- the peer ---- */

enum way { BY_CALL, BY_SELECT, BY_BATCH };

/* Send or receive one message; its length, or -errno. */
static int transfer(enum way way, struct gochan_op op)
{
	char *buf = (char *)(unsigned long)op.buf;
	int ret;

	if (way == BY_CALL)
		return op.opcode == GOCHAN_OP_SEND ? ch_send(op.fd, buf, op.len) :
						     ch_recv(op.fd, buf, op.len);
	ret = ops_call(op.fd, way == BY_SELECT ? GOCHAN_IOC_SELECT : GOCHAN_IOC_BATCH, &op, 1, 0,
		       NULL);
	return ret < 0 ? ret : op.result == GOCHAN_R_CLOSED ? 0 : (int)op.len;
}

/* Send back every message received, until the end. */
static int echo(int in, int out, enum way way)
{
	static char buf[BIG];
	int len;

	while ((len = transfer(way, GOCHAN_RECV(in, buf, sizeof(buf)))) > 0)
		if (transfer(way, GOCHAN_SEND(out, buf, len)) != len)
			return 101;
	return len ? 102 : 0;
}

/* Receive files, and send back each with what was read from it. */
static int take(int in, int out)
{
	struct call *call = call_select(in);
	char buf[16];

	call_recv(call, in)->flags = GOCHAN_TAKE_FD;
	while (call_now(call) == 0 && call->ops[0].result == 0) {
		struct gochan_op op = GOCHAN_SEND(out, buf, 0);

		op.len = read(call->ops[0].passed_fd, buf, sizeof(buf));
		op.flags = GOCHAN_PASS_FD;
		op.passed_fd = call->ops[0].passed_fd;
		if (ops_batch(out, &op, 1, 0) != 1)
			return 103;
		close(call->ops[0].passed_fd);
		call_reset(call);
	}
	return call->ret;
}

/* Receive with a lease, and acknowledge with the answer; keep what says so. */
static int work(int in, int out, enum way way)
{
	char buf[16];
	struct gochan_op ops[2];
	struct gochan_ack ack;

	for (;;) {
		ops[0] = GOCHAN_RECV(in, buf, sizeof(buf));
		if (ops_call(in, way == BY_SELECT ? GOCHAN_IOC_SELECT : GOCHAN_IOC_BATCH, ops, 1, 0,
			     NULL) < 0)
			return 104;
		if (ops[0].result == GOCHAN_R_CLOSED)
			return 0;
		if (buf[0] == 'k')
			pause();
		ack = (struct gochan_ack){ .lease = ops[0].lease };
		ops[0] = GOCHAN_SEND(out, buf, ops[0].len);
		ops[1] = (struct gochan_op){ .fd = in, .opcode = GOCHAN_OP_ACK };
		ops[1].lease = ack.lease;
		if (ops_batch(in, ops, way == BY_BATCH ? 2 : 1, 0) < 0 ||
		    (way != BY_BATCH && ioctl(in, GOCHAN_IOC_ACK, &ack)))
			return 105;
	}
}

static int run_peer(char **argv)
{
	const int in = atoi(argv[1]), out = atoi(argv[2]);

	switch (argv[0][0]) {
	case 'd':
		describe();
		return write(out, report.text, report.len) != (ssize_t)report.len;
	case 'e':
		return echo(in, out, atoi(argv[3]));
	case 'w':
		return work(in, out, atoi(argv[3]));
	default:
		return take(in, out);
	}
}

static void __attribute__((constructor)) begin(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], "--peer"))
		_exit(run_peer(argv + 2));
}

/* Start the peer; it keeps only these two descriptors. */
static pid_t start_peer(const char *what, int in, int out, enum way way)
{
	char path[PATH_MAX], in_text[16], out_text[16], way_text[16];
	const ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 8);
	const pid_t pid = child();

	if (pid || len < 0)
		return pid;
	strcpy(path + len, "-peer");
	snprintf(in_text, sizeof(in_text), "%d", in);
	snprintf(out_text, sizeof(out_text), "%d", out);
	snprintf(way_text, sizeof(way_text), "%d", way);
	fcntl(in, F_SETFD, 0);
	fcntl(out, F_SETFD, 0);
	execl(path, path, "--peer", what, in_text, out_text, way_text, NULL);
	_exit(100);
}

/* ---- the tests ---- */

FIXTURE(compat32) {
	int to[2];
	int from[2];
	pid_t pid;
};

FIXTURE_VARIANT(compat32) {
	enum way way;
	unsigned int capacity;
};

FIXTURE_VARIANT_ADD(compat32, calls_unbuffered) {
	.way = BY_CALL, .capacity = 0,
};

FIXTURE_VARIANT_ADD(compat32, calls_buffered) {
	.way = BY_CALL, .capacity = 2,
};

FIXTURE_VARIANT_ADD(compat32, select_unbuffered) {
	.way = BY_SELECT, .capacity = 0,
};

FIXTURE_VARIANT_ADD(compat32, select_buffered) {
	.way = BY_SELECT, .capacity = 2,
};

FIXTURE_VARIANT_ADD(compat32, batch_unbuffered) {
	.way = BY_BATCH, .capacity = 0,
};

FIXTURE_VARIANT_ADD(compat32, batch_buffered) {
	.way = BY_BATCH, .capacity = 2,
};

FIXTURE_SETUP(compat32)
{
}

FIXTURE_TEARDOWN(compat32)
{
	unlink_all();
}

/* Make two channels, and start a peer between them. */
static bool start_between(int to[2], int from[2], pid_t *pid, const char *what, enum way way,
			  const struct gochan_setup *s)
{
	if (ch_pair(to, s->capacity, s->msg_size, s->flags) ||
	    ch_pair(from, s->capacity, s->msg_size, s->flags))
		return false;
	*pid = start_peer(what, to[0], from[1], way);
	close(to[0]);
	close(from[1]);
	return *pid > 0;
}

/* R20: the same calls give the same results. */
TEST(r20_same_results)
{
	static char text[TEXT_MAX];
	int fds[2];
	ssize_t ret;
	size_t len = 0;
	pid_t pid;

	ASSERT_EQ(0, pipe(fds));
	pid = start_peer("describe", fds[0], fds[1], 0);
	ASSERT_LT(0, pid);
	close(fds[1]);
	while ((ret = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += ret;
	EXPECT_EQ(0, reap(pid));
	describe();
	EXPECT_LT(1000U, len);
	EXPECT_STREQ(report.text, text);
	unlink_all();
}

/* R1, R6, R20: messages of all sizes in both directions, and the end. */
TEST_F(compat32, r1_r6_r20_messages)
{
	static const unsigned int lens[] = { 1, 128, 129, 512, 513, 4095, 4096, 4097, BIG };
	const struct gochan_setup s = { variant->capacity, BIG, 0, 0, 0, 0 };
	static char msg[BIG], buf[BIG];
	unsigned int i;

	ASSERT_TRUE(start_between(self->to, self->from, &self->pid, "echo", variant->way, &s));
	for (i = 0; i < 4 * ARRAY_SIZE(lens); i++) {
		const int len = lens[i % ARRAY_SIZE(lens)];

		fill(msg, len, i);
		ASSERT_EQ(len, transfer(variant->way, GOCHAN_SEND(self->to[1], msg, len)));
		ASSERT_EQ(len, transfer(variant->way, GOCHAN_RECV(self->from[0], buf, BIG)));
		ASSERT_EQ(0, memcmp(msg, buf, len));
	}
	close(self->to[1]);
	EXPECT_EQ(0, transfer(variant->way, GOCHAN_RECV(self->from[0], buf, BIG)));
	EXPECT_EQ(0, reap(self->pid));
}

/* R11, R20: fixed-size messages, several per call. */
TEST(r11_r20_fixed)
{
	const struct gochan_setup s = { 3, 8, GOCHAN_FIXED, 0, 0, 0 };
	int to[2], from[2], i;
	char msg[24], buf[24];
	ssize_t got;
	pid_t pid;

	ASSERT_TRUE(start_between(to, from, &pid, "echo", BY_CALL, &s));
	for (i = 0; i < 20; i++) {
		fill(msg, sizeof(msg), i);
		ASSERT_EQ(24, ch_send(to[1], msg, 24));
		for (got = 0; got < 24;) {
			const ssize_t ret = ch_recv(from[0], buf + got, 24 - got);

			ASSERT_LT(0, ret);
			got += ret;
		}
		ASSERT_EQ(0, memcmp(msg, buf, 24));
	}
	close(to[1]);
	EXPECT_EQ(0, reap(pid));
}

/* R16, R17, R20: files in both directions, and credentials. */
TEST(r16_r17_r20_files)
{
	const struct gochan_setup s = { 0, 16, GOCHAN_CRED, 0, 0, 0 };
	int to[2], from[2], fds[2], i;
	struct call *send, *recv;
	pid_t pid;

	ASSERT_TRUE(start_between(to, from, &pid, "take", 0, &s));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, pipe(fds));
		ASSERT_EQ(5, write(fds[1], "hello", 5));
		send = call_batch(to[1]);
		call_send(send, to[1], "file")->flags = GOCHAN_PASS_FD;
		send->ops[0].passed_fd = fds[0];
		ASSERT_EQ(1, call_now(send));
		close(fds[0]);
		recv = call_select(from[0]);
		call_recv(recv, from[0])->flags = GOCHAN_TAKE_FD;
		ASSERT_EQ(0, call_now(recv));
		EXPECT_STREQ("hello", call_text(recv, 0));
		EXPECT_EQ(pid, recv->ops[0].pid);
		EXPECT_EQ(0U, recv->ops[0].uid);
		ASSERT_LE(0, recv->ops[0].passed_fd);
		EXPECT_EQ(FD_CLOEXEC, fcntl(recv->ops[0].passed_fd, F_GETFD));
		ASSERT_EQ(5, write(fds[1], "again", 5));
		EXPECT_STREQ("again", recv_text(recv->ops[0].passed_fd));
		close(recv->ops[0].passed_fd);
		close(fds[1]);
	}
	close(to[1]);
	EXPECT_EQ(0, reap(pid));
}

/* R3, R8, R20: a 32-bit process blocks, and is killed, like any other. */
TEST(r3_r8_r20_killed)
{
	const struct gochan_setup s = { 0, 16, 0, 0, 0, 0 };
	int to[2], from[2];
	enum way way;
	pid_t pid;

	for (way = BY_CALL; way <= BY_BATCH; way++) {
		ASSERT_TRUE(start_between(to, from, &pid, "echo", way, &s));
		ASSERT_TRUE(wait_for_waiters(to[1], 0, 1));
		EXPECT_EQ(1, send_text(to[1], "a"));
		ASSERT_TRUE(wait_for_waiters(from[0], 1, 0));
		EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
		EXPECT_TRUE(no_waiters(from[0]));
		EXPECT_STREQ("(end)", recv_text(from[0]));
		EXPECT_EQ(-EPIPE, send_text(to[1], "b"));
	}
}

static bool wait_leased(int ch)
{
	const struct wait wait = wait_begin();

	do {
		if (ch_info(ch).leased)
			return true;
	} while (wait_more(&wait));
	return false;
}

/* R20, R21: a 32-bit worker acknowledges its job, or dies and leaves it to a 64-bit one. */
TEST(r20_r21_leases)
{
	const struct gochan_setup s = { 2, 16, GOCHAN_ACK, 0, 0, 0 };
	struct gochan_ack ack = {};
	struct gochan_op op;
	int to[2], from[2];
	char buf[16];
	enum way way;
	pid_t pid;

	for (way = BY_SELECT; way <= BY_BATCH; way++) {
		/* as start_between(), but the worker's handle is kept */
		ASSERT_EQ(0, ch_pair(to, s.capacity, s.msg_size, s.flags));
		ASSERT_EQ(0, ch_pair(from, s.capacity, s.msg_size, 0));
		pid = start_peer("work", to[0], from[1], way);
		ASSERT_LT(0, pid);
		EXPECT_EQ(3, send_text(to[1], "job"));
		EXPECT_STREQ("job", recv_text(from[0]));
		/* it has acknowledged that when it waits for the next */
		ASSERT_TRUE(wait_for_waiters(to[1], 0, 1));
		EXPECT_EQ(0U, ch_info(to[1]).leased + ch_info(to[1]).len);
		EXPECT_EQ(4, send_text(to[1], "keep"));
		ASSERT_TRUE(wait_leased(to[1]));
		EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
		op = GOCHAN_RECV(to[0], buf, sizeof(buf));
		ASSERT_EQ(1, ops_batch(to[0], &op, 1, GOCHAN_NONBLOCK));
		EXPECT_EQ(2ULL, op.seq);
		EXPECT_EQ(2U, op.deliveries);
		EXPECT_EQ(0, memcmp(buf, "keep", 4));
		ack.lease = op.lease;
		EXPECT_EQ(0, ioctl(to[0], GOCHAN_IOC_ACK, &ack));
		EXPECT_EQ(0ULL, ch_info(to[1]).dropped);
		EXPECT_EQ(1ULL, ch_info(to[1]).requeued);
	}
}

TEST_HARNESS_MAIN
