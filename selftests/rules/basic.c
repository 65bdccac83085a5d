// SPDX-License-Identifier: GPL-2.0
/*
 * Making channels, sends and receives on buffered and unbuffered ones, sizes,
 * and what INFO reports. The order of waiters is tested in waiting.c, close and
 * hangup in close.c.
 */
#include <kselftest_harness.h>

#include "../lib/common.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

/* DESIGN 3: open is make(chan T): each open makes a new channel. */
TEST(s3_open_makes_channel)
{
	const int ch = open("/dev/gochan", O_RDWR);
	const int ch2 = open("/dev/gochan", O_RDWR);
	struct gochan_info info;

	ASSERT_LE(0, ch);
	ASSERT_LE(0, ch2);
	info = ch_info(ch);
	EXPECT_EQ(GOCHAN_ABI, info.abi);
	EXPECT_EQ(0U, info.flags);
	EXPECT_EQ(0U, info.capacity);
	EXPECT_EQ(GOCHAN_DEFAULT_MSG_SIZE, info.msg_size);
	EXPECT_EQ(0U, info.len);
	EXPECT_EQ(0U, info.closed);
	EXPECT_EQ(0U, info.senders_waiting);
	EXPECT_EQ(0U, info.receivers_waiting);
	EXPECT_EQ(1U, info.send_handles);
	EXPECT_EQ(1U, info.recv_handles);
	EXPECT_EQ(0U, info.sent);
	EXPECT_EQ(0U, info.received);
	EXPECT_EQ(0U, info.bytes);
	EXPECT_NE(0U, info.id);

	EXPECT_EQ(0, ch_close(ch));
	EXPECT_EQ(1U, ch_info(ch).closed);
	EXPECT_EQ(0U, ch_info(ch2).closed);
}

/* DESIGN 3: every user may open the device. */
TEST(s3_device_mode)
{
	struct stat st;

	ASSERT_EQ(0, stat("/dev/gochan", &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0666U, st.st_mode & 07777);
}

/* DESIGN 3: opening with one right fails, as there could never be a peer. */
TEST(s3_open_needs_both_rights)
{
	EXPECT_EQ(-1, open("/dev/gochan", O_RDONLY));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, open("/dev/gochan", O_WRONLY));
	EXPECT_EQ(EINVAL, errno);
}

/* DESIGN 3: SETUP chooses capacity, message size and flags. */
TEST(s3_setup_configures)
{
	const int ch = ch_make(17, 100, GOCHAN_HANGUP | GOCHAN_CRED);
	struct gochan_info info;

	ASSERT_LE(0, ch);
	info = ch_info(ch);
	EXPECT_EQ(17U, info.capacity);
	EXPECT_EQ(100U, info.msg_size);
	EXPECT_EQ(GOCHAN_HANGUP | GOCHAN_CRED, info.flags);
}

/* DESIGN 3: a SETUP that failed does not prevent another one. */
TEST(s3_setup_again_after_failure)
{
	const int ch = open("/dev/gochan", O_RDWR);

	ASSERT_LE(0, ch);
	EXPECT_EQ(-EINVAL, ch_setup(ch, ~0U, 1, 0));
	EXPECT_EQ(-EINVAL, ch_setup(ch, 1, 1, 1U << 31));
	EXPECT_EQ(0, ch_setup(ch, 1, 1, 0));
	EXPECT_EQ(-EBUSY, ch_setup(ch, 1, 1, 0));
	EXPECT_EQ(1U, ch_info(ch).capacity);
}

static void use_info(int ch)
{
	ch_info(ch);
}

static void use_size(int ch)
{
	ch_next_size(ch);
}

static void use_dup(int ch)
{
	close(ch_dup(ch, O_RDWR));
}

static void use_poll(int ch)
{
	ch_poll(ch);
}

static void use_read(int ch)
{
	try_recv_text(ch);
}

static void use_write(int ch)
{
	try_send_text(ch, "a");
}

static void use_close(int ch)
{
	ch_close(ch);
}

/* DESIGN 3: SETUP has to come before any other operation. */
TEST(s3_setup_too_late)
{
	static void (*const use[])(int ch) = {
		use_info, use_size, use_dup, use_poll,
		use_read, use_write, use_close,
	};
	size_t i;
	int ch;

	for (i = 0; i < ARRAY_SIZE(use); i++) {
		ch = open("/dev/gochan", O_RDWR);
		ASSERT_LE(0, ch);
		use[i](ch);
		EXPECT_EQ(-EBUSY, ch_setup(ch, 1, 1, 0)) {
			TH_LOG("after use %zu", i);
		}
		EXPECT_EQ(0U, ch_info(ch).capacity);
		close(ch);
	}
}

/* DESIGN 3: a duplicate has the rights requested, at most those of the original. */
TEST(s3_dup_rights)
{
	static const int oflags[] = { O_RDONLY, O_WRONLY, O_RDWR };
	const int ch = ch_make(4, 16, 0);
	int from, to, fd, fd2;

	ASSERT_LE(0, ch);
	for (from = 0; from < 3; from++) {
		fd = ch_dup(ch, oflags[from]);
		ASSERT_LE(0, fd);
		EXPECT_EQ(oflags[from], fcntl(fd, F_GETFL) & O_ACCMODE);
		EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
		for (to = 0; to < 3; to++) {
			fd2 = ch_dup(fd, oflags[to]);
			if (oflags[from] == O_RDWR || from == to) {
				EXPECT_LE(0, fd2);
				close(fd2);
			} else {
				EXPECT_EQ(-EACCES, fd2);
			}
		}
		close(fd);
	}
	EXPECT_EQ(-EINVAL, ch_dup(ch, O_ACCMODE));
	EXPECT_EQ(-EINVAL, ch_dup(ch, O_RDWR | O_APPEND));
	EXPECT_EQ(-EINVAL, ch_dup(ch, O_RDWR | O_DIRECT));
	EXPECT_EQ(1U, ch_info(ch).send_handles);
}

/* DESIGN 3, R20: rights are enforced; each handle is counted for its rights. */
TEST(s3_r20_rights)
{
	int fds[2], ch;
	char c;

	ASSERT_EQ(0, ch_pair(fds, 4, 16, 0));
	EXPECT_EQ(-EBADF, ch_send(fds[0], "a", 1));
	EXPECT_EQ(-EBADF, ch_recv(fds[1], &c, 1));
	EXPECT_EQ(1, send_text(fds[1], "a"));
	EXPECT_STREQ("a", recv_text(fds[0]));
	EXPECT_EQ(1U, ch_info(fds[0]).send_handles);
	EXPECT_EQ(1U, ch_info(fds[1]).recv_handles);

	/* dup(2) shares the open file, DUP makes another one */
	ch = dup(fds[0]);
	EXPECT_EQ(1U, ch_info(ch).recv_handles);
	close(ch);
	ch = ch_dup(fds[0], O_RDONLY);
	EXPECT_EQ(2U, ch_info(ch).recv_handles);
	close(ch);
	EXPECT_EQ(1U, ch_info(fds[1]).recv_handles);
}

/* DESIGN 3, R12: DUP sets O_NONBLOCK on the new handle only. */
TEST(s3_r12_dup_nonblock)
{
	const int ch = ch_make(1, 16, 0);
	const int nonblock = ch_dup(ch, O_RDONLY | O_NONBLOCK);

	ASSERT_LE(0, nonblock);
	EXPECT_EQ(O_NONBLOCK, fcntl(nonblock, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(0, fcntl(ch, F_GETFL) & O_NONBLOCK);
	EXPECT_STREQ("(EAGAIN)", recv_text(nonblock));
}

/* DESIGN 3: DUP that fails with EMFILE leaves no handle. */
TEST(s3_dup_emfile)
{
	const int ch = ch_make(1, 16, 0);
	struct rlimit limit = { ch + 1, ch + 1 };

	ASSERT_LE(0, ch);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(-EMFILE, ch_dup(ch, O_RDWR));
	EXPECT_EQ(1U, ch_info(ch).send_handles);
	EXPECT_EQ(1U, ch_info(ch).recv_handles);
}

static int reopen(int fd, int oflags)
{
	char path[64];
	int ret;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = open(path, oflags);
	return ret < 0 ? -errno : ret;
}

/* DESIGN 3: reopening through /proc never reaches the same channel. */
TEST(s3_reopen_makes_another)
{
	const int ch = ch_make(1, 16, 0);
	int fd;

	ASSERT_LE(0, ch);
	ASSERT_EQ(1, send_text(ch, "a"));
	fd = reopen(ch, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0U, ch_info(fd).capacity);
	EXPECT_EQ(0U, ch_info(fd).len);
	EXPECT_EQ(1U, ch_info(ch).recv_handles);
	EXPECT_EQ(-EINVAL, reopen(ch, O_RDONLY));

	fd = ch_dup(ch, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_GT(0, reopen(fd, O_RDWR));
	EXPECT_GT(0, reopen(fd, O_RDONLY));
	EXPECT_EQ(2U, ch_info(ch).recv_handles);
}

FIXTURE(basic) {
};

FIXTURE_VARIANT(basic) {
	enum by by;
};

FIXTURE_VARIANT_ADD(basic, thread) {
	.by = BY_THREAD,
};

FIXTURE_VARIANT_ADD(basic, process) {
	.by = BY_PROCESS,
};

FIXTURE_SETUP(basic)
{
}

FIXTURE_TEARDOWN(basic)
{
}

/* R3: a send completes only when a receiver has taken the message. */
TEST_F(basic, r3_send_waits_for_receiver)
{
	const int ch = ch_make(0, 16, 0);
	struct gochan_info info;
	struct job *job;

	ASSERT_LE(0, ch);
	job = job_send_text(variant->by, ch, "hello");
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	ASSERT_TRUE(wait_asleep(job->id));
	EXPECT_FALSE(job_done(job));
	info = ch_info(ch);
	EXPECT_EQ(0U, info.len);
	EXPECT_EQ(0U, info.bytes);
	EXPECT_EQ(0U, info.sent);
	EXPECT_EQ(5, ch_next_size(ch));

	EXPECT_STREQ("hello", recv_text(ch));
	EXPECT_EQ(5, job_wait(job));
	info = ch_info(ch);
	EXPECT_EQ(1U, info.sent);
	EXPECT_EQ(1U, info.received);
	EXPECT_EQ(0U, info.senders_waiting);
}

/* R3: the kth receive completes only with the kth send. */
TEST_F(basic, r3_recv_waits_for_sender)
{
	const int ch = ch_make(0, 16, 0);
	struct job *job;

	ASSERT_LE(0, ch);
	job = job_recv(variant->by, ch, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	ASSERT_TRUE(wait_asleep(job->id));
	EXPECT_FALSE(job_done(job));
	EXPECT_EQ(5, try_send_text(ch, "hello"));
	EXPECT_STREQ("hello", job_text(job));
	EXPECT_EQ(0U, ch_info(ch).receivers_waiting);
	EXPECT_EQ(-EAGAIN, try_send_text(ch, "again"));
}

/* R3: each receive completes one send. */
TEST_F(basic, r3_one_send_per_receive)
{
	const int ch = ch_make(0, 16, 0);
	struct job *jobs[3];
	char text[2] = "0";
	int i;

	ASSERT_LE(0, ch);
	for (i = 0; i < 3; i++) {
		text[0] = '0' + i;
		jobs[i] = job_send_text(variant->by, ch, text);
		ASSERT_TRUE(wait_for_waiters(ch, i + 1, 0));
	}
	for (i = 0; i < 3; i++) {
		text[0] = '0' + i;
		EXPECT_STREQ(text, recv_text(ch));
		EXPECT_EQ(1, job_wait(jobs[i]));
		EXPECT_EQ(2U - i, ch_info(ch).senders_waiting);
		EXPECT_EQ(i + 1U, ch_info(ch).sent);
	}
	EXPECT_STREQ("(EAGAIN)", try_recv_text(ch));
}

/* R4: as many sends as the capacity complete at once, the next one blocks. */
TEST_F(basic, r4_blocks_when_full)
{
	const int ch = ch_make(3, 16, 0);
	struct gochan_info info;
	struct job *job;

	ASSERT_LE(0, ch);
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_EQ(2, send_text(ch, "bb"));
	EXPECT_EQ(3, send_text(ch, "ccc"));
	EXPECT_EQ(-EAGAIN, try_send_text(ch, "dddd"));
	job = job_send_text(variant->by, ch, "eeeee");
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	ASSERT_TRUE(wait_asleep(job->id));
	EXPECT_FALSE(job_done(job));
	info = ch_info(ch);
	EXPECT_EQ(3U, info.len);
	EXPECT_EQ(6U, info.bytes);
	EXPECT_EQ(3U, info.sent);
	EXPECT_EQ(0U, info.received);
	EXPECT_EQ(1, ch_next_size(ch));

	EXPECT_STREQ("a", recv_text(ch));
	EXPECT_EQ(5, job_wait(job));
	info = ch_info(ch);
	EXPECT_EQ(3U, info.len);
	EXPECT_EQ(10U, info.bytes);
	EXPECT_EQ(4U, info.sent);
	EXPECT_EQ(1U, info.received);
	EXPECT_EQ(0U, info.senders_waiting);
	EXPECT_STREQ("bb", recv_text(ch));
	EXPECT_STREQ("ccc", recv_text(ch));
	EXPECT_STREQ("eeeee", recv_text(ch));
	info = ch_info(ch);
	EXPECT_EQ(0U, info.len);
	EXPECT_EQ(0U, info.bytes);
	EXPECT_EQ(4U, info.received);
	EXPECT_EQ(0, ch_next_size(ch));
}

/* R4: a receive blocks only while the channel is empty. */
TEST_F(basic, r4_recv_blocks_when_empty)
{
	const int ch = ch_make(3, 16, 0);
	struct job *job;

	ASSERT_LE(0, ch);
	EXPECT_STREQ("(EAGAIN)", try_recv_text(ch));
	job = job_recv(variant->by, ch, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	ASSERT_TRUE(wait_asleep(job->id));
	EXPECT_FALSE(job_done(job));
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_STREQ("a", job_text(job));
	EXPECT_EQ(0U, ch_info(ch).len);
	EXPECT_EQ(1U, ch_info(ch).received);
}

#define ORDERED		300

static void send_numbers(int ch, unsigned int sender)
{
	unsigned int msg[2] = { sender, 0 };

	while (msg[1] < ORDERED) {
		if (ch_send(ch, msg, sizeof(msg)) != sizeof(msg))
			_exit(1);
		msg[1]++;
	}
	_exit(0);
}

FIXTURE(order) {
};

FIXTURE_VARIANT(order) {
	unsigned int capacity;
};

FIXTURE_VARIANT_ADD(order, unbuffered) {
	.capacity = 0,
};

FIXTURE_VARIANT_ADD(order, one) {
	.capacity = 1,
};

FIXTURE_VARIANT_ADD(order, seven) {
	.capacity = 7,
};

FIXTURE_SETUP(order)
{
}

FIXTURE_TEARDOWN(order)
{
}

/* R1, R2: the messages of each sender arrive once and in order. */
TEST_F(order, r1_r2_order_per_sender)
{
	const int ch = ch_make(variant->capacity, 8, 0);
	unsigned int next[3] = {}, msg[2];
	pid_t pids[3];
	int i;

	ASSERT_LE(0, ch);
	for (i = 0; i < 3; i++) {
		pids[i] = child();
		if (!pids[i])
			send_numbers(ch, i);
	}
	for (i = 0; i < 3 * ORDERED; i++) {
		ASSERT_EQ(8, ch_recv(ch, msg, sizeof(msg)));
		ASSERT_GT(3U, msg[0]);
		ASSERT_EQ(next[msg[0]], msg[1]);
		next[msg[0]]++;
	}
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, reap(pids[i]));
	EXPECT_STREQ("(EAGAIN)", try_recv_text(ch));
	EXPECT_EQ(3U * ORDERED, ch_info(ch).received);
}

/* R2: the buffer is one FIFO for all senders, also when the ring wraps around. */
TEST(r2_one_fifo)
{
	const int ch = ch_make(5, 16, 0);
	const int ch2 = ch_dup(ch, O_WRONLY);
	unsigned int in = 0, out = 0, got;
	int i;

	ASSERT_LE(0, ch2);
	for (i = 0; i < 13; i++) {
		while (ch_try_send(in % 2 ? ch : ch2, &in, sizeof(in)) > 0)
			in++;
		ASSERT_EQ(out + 5, in);
		for (; out < in - (i % 5); out++) {
			ASSERT_EQ(4, ch_recv(ch, &got, sizeof(got)));
			ASSERT_EQ(out, got);
		}
	}
}

/* R10: messages of up to msg_size bytes are sent, longer ones are not. */
TEST(r10_sizes)
{
	const int ch = ch_make(2, 100, 0);
	char msg[101], buf[200];

	ASSERT_LE(0, ch);
	fill(msg, sizeof(msg), 1);
	EXPECT_EQ(-EMSGSIZE, ch_send(ch, msg, 101));
	EXPECT_EQ(-EMSGSIZE, ch_send(ch, msg, 1UL << 20));
	EXPECT_EQ(0U, ch_info(ch).len);
	EXPECT_EQ(100, ch_send(ch, msg, 100));
	EXPECT_EQ(1, ch_send(ch, msg, 1));
	EXPECT_EQ(100, ch_next_size(ch));
	EXPECT_EQ(100, ch_recv(ch, buf, sizeof(buf)));
	EXPECT_TRUE(is_filled(buf, 100, 1));
	EXPECT_EQ(1, ch_recv(ch, buf, sizeof(buf)));
	EXPECT_EQ(msg[0], buf[0]);
}

/* R10: a message that is too long fails at once, also where the send would block. */
TEST(r10_too_long_never_blocks)
{
	const int unbuffered = ch_make(0, 100, 0);
	const int full = ch_make(1, 100, 0);
	const int empty = ch_make(1, 0, 0);
	char msg[101] = {};

	ASSERT_LE(0, unbuffered);
	ASSERT_EQ(1, ch_send(full, msg, 1));
	EXPECT_EQ(-EMSGSIZE, ch_send(unbuffered, msg, 101));
	EXPECT_EQ(-EMSGSIZE, ch_send(full, msg, 101));
	EXPECT_EQ(-EMSGSIZE, ch_send(empty, msg, 1));
}

/* R10, R20: huge lengths. */
TEST(r10_r20_huge_lengths)
{
	const int ch = ch_make(1, 100, 0);
	static char byte = 'a';	/* far from the end of the address space */
	ssize_t ret;

	ASSERT_LE(0, ch);
	/* the VFS refuses or truncates lengths beyond the address space */
	ret = ch_send(ch, &byte, SSIZE_MAX);
	EXPECT_TRUE(ret == -EFAULT || ret == -EMSGSIZE);
	ret = ch_try_recv(ch, &byte, SSIZE_MAX);
	EXPECT_TRUE(ret == -EFAULT || ret == -EAGAIN);
	EXPECT_GT(0, ch_send(ch, &byte, SSIZE_MAX + 1UL));
	EXPECT_GT(0, ch_try_recv(ch, &byte, SSIZE_MAX + 1UL));
	EXPECT_EQ(-EMSGSIZE, ch_send(ch, &byte, 1UL << 31));
	EXPECT_EQ(-EMSGSIZE, ch_send(ch, &byte, 1UL << 32));
	EXPECT_EQ(0U, ch_info(ch).len);
	EXPECT_EQ(1, ch_send(ch, "b", 1));
	EXPECT_EQ(1, ch_recv(ch, &byte, 1UL << 32));
	EXPECT_EQ('b', byte);
}

/* R10: a receive with too small a buffer leaves the message in place. */
TEST(r10_small_buffer)
{
	const int ch = ch_make(2, 100, 0);
	char buf[8] = "unmoved";

	ASSERT_LE(0, ch);
	ASSERT_EQ(6, send_text(ch, "longer"));
	ASSERT_EQ(1, send_text(ch, "b"));
	EXPECT_EQ(-EMSGSIZE, ch_recv(ch, buf, 5));
	EXPECT_EQ(-EMSGSIZE, ch_try_recv(ch, buf, 1));
	EXPECT_STREQ("unmoved", buf);
	EXPECT_EQ(2U, ch_info(ch).len);
	EXPECT_EQ(0U, ch_info(ch).received);
	EXPECT_EQ(6, ch_next_size(ch));
	EXPECT_EQ(6, ch_recv(ch, buf, 6));
	EXPECT_EQ(0, memcmp(buf, "longer", 6));
	EXPECT_STREQ("b", recv_text(ch));
}

/* R10: likewise with a blocked sender, which stays blocked. */
TEST_F(basic, r10_small_buffer_blocked_sender)
{
	const int ch = ch_make(0, 100, 0);
	struct job *job;
	char buf[8];

	ASSERT_LE(0, ch);
	job = job_send_text(variant->by, ch, "longer");
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	EXPECT_EQ(-EMSGSIZE, ch_recv(ch, buf, 5));
	EXPECT_EQ(1U, ch_info(ch).senders_waiting);
	EXPECT_FALSE(job_done(job));
	EXPECT_STREQ("longer", recv_text(ch));
	EXPECT_EQ(6, job_wait(job));
}

/* R10: a blocked receiver with too small a buffer. */
TEST_F(basic, r10_small_buffer_blocked_receiver)
{
	const int unbuffered = ch_make(0, 100, 0);
	const int buffered = ch_make(1, 100, 0);
	struct job *small, *job;

	ASSERT_LE(0, unbuffered);
	ASSERT_LE(0, buffered);
	small = job_recv(variant->by, buffered, 5);
	ASSERT_TRUE(wait_for_waiters(buffered, 0, 1));
	EXPECT_EQ(6, send_text(buffered, "longer"));
	EXPECT_EQ(-EMSGSIZE, job_wait(small));
	EXPECT_EQ(1U, ch_info(buffered).len);
	EXPECT_STREQ("longer", recv_text(buffered));

	small = job_recv(variant->by, unbuffered, 5);
	ASSERT_TRUE(wait_for_waiters(unbuffered, 0, 1));
	job = job_send_text(variant->by, unbuffered, "longer");
	EXPECT_EQ(-EMSGSIZE, job_wait(small));
	ASSERT_TRUE(wait_for_waiters(unbuffered, 1, 0));
	EXPECT_FALSE(job_done(job));
	EXPECT_STREQ("longer", recv_text(unbuffered));
	EXPECT_EQ(6, job_wait(job));
}

/* R10: one writev is one message, and readv scatters it. */
TEST(r10_writev_is_one_message)
{
	const int ch = ch_make(2, 16, 0);
	struct iovec out[3] = { { "ab", 2 }, { "", 0 }, { "cde", 3 } };
	char a[4], b[8];
	struct iovec in[2] = { { a, 4 }, { b, 8 } };

	ASSERT_LE(0, ch);
	EXPECT_EQ(5, writev(ch, out, 3));
	EXPECT_EQ(1U, ch_info(ch).len);
	EXPECT_EQ(5U, ch_info(ch).bytes);
	EXPECT_EQ(5, readv(ch, in, 2));
	EXPECT_EQ(0, memcmp(a, "abcd", 4));
	EXPECT_EQ('e', b[0]);
	EXPECT_STREQ("(EAGAIN)", try_recv_text(ch));

	out[1].iov_base = "0123456789ab";
	out[1].iov_len = 12;
	EXPECT_EQ(-1, writev(ch, out, 3));
	EXPECT_EQ(EMSGSIZE, errno);
	EXPECT_EQ(0U, ch_info(ch).len);
}

/* R10: reads and writes of length 0 send and receive nothing. */
TEST(r10_length_zero)
{
	const int buffered = ch_make(1, 16, 0);
	const int unbuffered = ch_make(0, 16, 0);
	struct iovec iov[2] = {};
	char c;

	ASSERT_LE(0, buffered);
	ASSERT_LE(0, unbuffered);
	EXPECT_EQ(0, ch_send(unbuffered, "", 0));
	EXPECT_EQ(0, ch_recv(unbuffered, &c, 0));
	EXPECT_EQ(0, ch_send(buffered, "", 0));
	EXPECT_EQ(0, writev(buffered, iov, 2));
	EXPECT_EQ(0U, ch_info(buffered).len);
	EXPECT_EQ(0, ch_recv(buffered, &c, 0));
	ASSERT_EQ(1, send_text(buffered, "a"));
	EXPECT_EQ(0, ch_recv(buffered, &c, 0));
	EXPECT_EQ(0, readv(buffered, iov, 2));
	EXPECT_EQ(1U, ch_info(buffered).len);
	EXPECT_EQ(0, ch_send(buffered, "", 0));
	EXPECT_STREQ("a", recv_text(buffered));
}

/* R12: O_NONBLOCK and RWF_NOWAIT never block, buffered or not. */
TEST(r12_nonblocking)
{
	unsigned int capacity;
	char c = 'a';
	int ch;

	for (capacity = 0; capacity < 2; capacity++) {
		ch = ch_make(capacity, 16, 0);
		ASSERT_LE(0, ch);
		EXPECT_EQ(-EAGAIN, ch_try_recv(ch, &c, 1));
		EXPECT_EQ(capacity ? 1 : -EAGAIN, ch_try_send(ch, &c, 1));
		EXPECT_EQ(-EAGAIN, ch_try_send(ch, &c, 1));
		ASSERT_EQ(0, fcntl(ch, F_SETFL, O_NONBLOCK));
		EXPECT_EQ(-EAGAIN, ch_send(ch, &c, 1));
		EXPECT_EQ(capacity ? 1 : -EAGAIN, ch_recv(ch, &c, 1));
		EXPECT_EQ(-EAGAIN, ch_recv(ch, &c, 1));
		EXPECT_EQ(0U, ch_info(ch).len);
		close(ch);
	}
}

/* R12: a non-blocking operation meets a blocked peer. */
TEST_F(basic, r12_nonblocking_meets_blocked)
{
	const int ch = ch_make(0, 16, 0);
	struct job *job;

	ASSERT_LE(0, ch);
	ASSERT_EQ(0, fcntl(ch, F_SETFL, O_NONBLOCK));
	job = job_recv(variant->by, ch_dup(ch, O_RDONLY), 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_STREQ("a", job_text(job));
	job = job_send_text(variant->by, ch_dup(ch, O_WRONLY), "b");
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	EXPECT_STREQ("b", recv_text(ch));
	EXPECT_EQ(1, job_wait(job));
}

/* R20: a channel has no file position and cannot be mapped. */
TEST(r20_no_seeking)
{
	const int ch = ch_make(1, 16, 0);
	const int fds[2] = { ch, ch_dup(ch, O_RDWR) };
	char c = 'a';
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_LE(0, fds[i]);
		EXPECT_EQ(-1, lseek(fds[i], 0, SEEK_CUR));
		EXPECT_EQ(ESPIPE, errno);
		EXPECT_EQ(-1, pread(fds[i], &c, 1, 0));
		EXPECT_EQ(ESPIPE, errno);
		EXPECT_EQ(-1, pwrite(fds[i], &c, 1, 0));
		EXPECT_EQ(ESPIPE, errno);
		EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED,
					   fds[i], 0));
		EXPECT_EQ(ENODEV, errno);
		EXPECT_EQ(-1, ftruncate(fds[i], 0));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(0U, ch_info(ch).len);
}

/* R20: splice and sendfile are refused. */
TEST(r20_no_splicing)
{
	const int ch = ch_make(1, 16, 0);
	int pipe_fds[2];

	ASSERT_LE(0, ch);
	ASSERT_EQ(0, pipe(pipe_fds));
	send_text(ch, "a");
	EXPECT_EQ(-1, splice(ch, NULL, pipe_fds[1], NULL, 16, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, sendfile(pipe_fds[1], ch, NULL, 16));
	EXPECT_STREQ("a", try_recv_text(ch));
}

/* DESIGN 3: a shell command uses an inherited descriptor. */
TEST(s3_shell)
{
	const int ch = ch_make(1, 4096, 0);
	char command[64];

	ASSERT_LE(0, ch);
	ASSERT_EQ(0, fcntl(ch, F_SETFD, 0));
	snprintf(command, sizeof(command), "echo hello >&%d", ch);
	ASSERT_EQ(0, system(command));
	EXPECT_STREQ("hello\n", recv_text(ch));
}

TEST_HARNESS_MAIN
