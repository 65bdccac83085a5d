// SPDX-License-Identifier: GPL-2.0
/*
 * R20: the layout of the structures, every ioctl with pointers, flags and
 * fields that it must refuse, and what is written to user space.
 */
#include <kselftest_harness.h>

#include "../lib/common.h"

#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

static_assert(sizeof(struct gochan_setup) == 24, "gochan_setup");
static_assert(sizeof(struct gochan_info) == 144, "gochan_info");
static_assert(sizeof(struct gochan_op) == 64, "gochan_op");
static_assert(sizeof(struct gochan_ops) == 32, "gochan_ops");
static_assert(sizeof(struct gochan_ack) == 16, "gochan_ack");
static_assert(offsetof(struct gochan_setup, flags) == 8, "setup.flags");
static_assert(sizeof(struct gochan_done) == 24, "gochan_done");
static_assert(offsetof(struct gochan_setup, dead_fd) == 16, "setup.dead_fd");
static_assert(offsetof(struct gochan_setup, done_fd) == 20, "setup.done_fd");
static_assert(offsetof(struct gochan_info, len) == 16, "info.len");
static_assert(offsetof(struct gochan_info, id) == 48, "info.id");
static_assert(offsetof(struct gochan_info, sent) == 56, "info.sent");
static_assert(offsetof(struct gochan_info, leased) == 40, "info.leased");
static_assert(offsetof(struct gochan_info, max_deliveries) == 44, "info.max_deliveries");
static_assert(offsetof(struct gochan_info, bytes) == 72, "info.bytes");
static_assert(offsetof(struct gochan_info, requeued) == 80, "info.requeued");
static_assert(offsetof(struct gochan_info, dropped) == 88, "info.dropped");
static_assert(offsetof(struct gochan_info, send_blocked) == 96, "info.send_blocked");
static_assert(offsetof(struct gochan_info, recv_blocked) == 104, "info.recv_blocked");
static_assert(offsetof(struct gochan_info, done) == 112, "info.done");
static_assert(offsetof(struct gochan_info, reserved) == 120, "info.reserved");
static_assert(offsetof(struct gochan_op, opcode) == 4, "op.opcode");
static_assert(offsetof(struct gochan_op, buf) == 8, "op.buf");
static_assert(offsetof(struct gochan_op, result) == 20, "op.result");
static_assert(offsetof(struct gochan_op, events) == 28, "op.events");
static_assert(offsetof(struct gochan_op, pid) == 32, "op.pid");
static_assert(offsetof(struct gochan_op, deliveries) == 44, "op.deliveries");
static_assert(offsetof(struct gochan_op, lease) == 48, "op.lease");
static_assert(offsetof(struct gochan_op, seq) == 56, "op.seq");
static_assert(offsetof(struct gochan_ops, timeout) == 16, "ops.timeout");
static_assert(offsetof(struct gochan_ops, index) == 24, "ops.index");
static_assert(offsetof(struct gochan_done, seq) == 8, "done.seq");
static_assert(offsetof(struct gochan_done, deliveries) == 16, "done.deliveries");
static_assert(offsetof(struct gochan_done, flags) == 20, "done.flags");

static_assert(GOCHAN_IOC_SETUP == 0x4018c501, "SETUP");
static_assert(GOCHAN_IOC_INFO == 0x8090c502, "INFO");
static_assert(GOCHAN_IOC_CLOSE == 0xc503, "CLOSE");
static_assert(GOCHAN_IOC_DUP == 0xc504, "DUP");
static_assert(GOCHAN_IOC_ACK == 0x4010c505, "ACK");
static_assert(GOCHAN_IOC_SELECT == 0xc020c507, "SELECT");
static_assert(GOCHAN_IOC_BATCH == 0xc020c508, "BATCH");

FIXTURE(abi) {
};

FIXTURE_SETUP(abi)
{
}

FIXTURE_TEARDOWN(abi)
{
	unlink_all();
}

/* Returns -errno, or what the ioctl returned. */
static int call(int ch, unsigned long cmd, const void *arg)
{
	const int ret = ioctl(ch, cmd, arg);

	return ret < 0 ? -errno : ret;
}

/* R20: pointers to unmapped and kernel memory, and across the end of a mapping. */
TEST_F(abi, r20_bad_pointers)
{
	static const unsigned long cmds[] = {
		GOCHAN_IOC_SETUP, GOCHAN_IOC_INFO, GOCHAN_IOC_SELECT, GOCHAN_IOC_BATCH,
		FIONREAD,
	};
	char *end = (char *)map_pages(1) + page_size();
	void *bad[] = {
		NULL, (void *)8, (void *)-1UL, (void *)-4096UL, (void *)-8UL,
		(void *)(1UL << 63), end, end - 2,
	};
	size_t i, k;
	int ch;

	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		for (k = 0; k < ARRAY_SIZE(bad); k++) {
			ch = open("/dev/gochan", O_RDWR);
			ASSERT_LE(0, ch);
			EXPECT_EQ(-EFAULT, call(ch, cmds[i], bad[k])) {
				TH_LOG("ioctl %#lx, bad[%zu]", cmds[i], k);
			}
			EXPECT_EQ(0U, ch_info(ch).closed);
			close(ch);
		}
	}
}

/* R20: a SETUP that fails with EFAULT does not prevent a later one. */
TEST_F(abi, r20_setup_after_bad_pointer)
{
	const int ch = open("/dev/gochan", O_RDWR);

	ASSERT_LE(0, ch);
	EXPECT_EQ(-EFAULT, call(ch, GOCHAN_IOC_SETUP, NULL));
	EXPECT_EQ(0, ch_setup(ch, 3, 16, 0));
}

/* R20: INFO and FIONREAD into read-only memory. */
TEST_F(abi, r20_info_read_only)
{
	const int ch = ch_make(1, 16, 0);
	void *page = map_pages(1);

	ASSERT_LE(0, ch);
	ASSERT_EQ(0, mprotect(page, page_size(), PROT_READ));
	EXPECT_EQ(-EFAULT, call(ch, GOCHAN_IOC_INFO, page));
	EXPECT_EQ(-EFAULT, call(ch, FIONREAD, page));
}

/* R20: unknown flags and reserved fields of SETUP. */
TEST_F(abi, r20_setup_fields)
{
	const unsigned int known = GOCHAN_FIXED | GOCHAN_HANGUP | GOCHAN_CRED | GOCHAN_ACK;
	const int ch = open("/dev/gochan", O_RDWR);
	struct gochan_setup setup = { .capacity = 1, .msg_size = 16 };
	int bit;

	ASSERT_LE(0, ch);
	for (bit = 0; bit < 32; bit++) {
		setup.flags = 1U << bit;
		if (!(setup.flags & known))
			EXPECT_EQ(-EINVAL, call(ch, GOCHAN_IOC_SETUP, &setup));
		setup.flags = 0;
		setup.done_fd = 1U << bit;
		EXPECT_EQ(-EINVAL, call(ch, GOCHAN_IOC_SETUP, &setup));
		setup.done_fd = 0;
		setup.max_deliveries = 1U << bit;
		EXPECT_EQ(-EINVAL, call(ch, GOCHAN_IOC_SETUP, &setup));
		setup.max_deliveries = 0;
		setup.dead_fd = 1U << bit;
		EXPECT_EQ(-EINVAL, call(ch, GOCHAN_IOC_SETUP, &setup));
		setup.dead_fd = 0;
	}
	EXPECT_EQ(0, call(ch, GOCHAN_IOC_SETUP, &setup));
}

/* R20: every undefined bit of DUP's argument. */
TEST_F(abi, r20_dup_flags)
{
	const int ch = ch_make(1, 16, 0);
	const int known = O_ACCMODE | O_NONBLOCK | O_CLOEXEC;
	int bit;

	ASSERT_LE(0, ch);
	for (bit = 0; bit < 64; bit++) {
		if (1UL << bit & known)
			continue;
		EXPECT_EQ(-EINVAL, call(ch, GOCHAN_IOC_DUP,
					(void *)(O_RDWR | 1UL << bit))) {
			TH_LOG("bit %d", bit);
		}
	}
	EXPECT_EQ(1U, ch_info(ch).send_handles);
}

/* R20: unknown ioctls, and known ones with another size or direction. */
TEST_F(abi, r20_unknown_ioctls)
{
	static const unsigned long cmds[] = {
		_IO(GOCHAN_IOC_MAGIC, 0), _IO(GOCHAN_IOC_MAGIC, 9),
		_IO(GOCHAN_IOC_MAGIC, 255), _IO(GOCHAN_IOC_MAGIC, 1),
		_IO(GOCHAN_IOC_MAGIC, 2), _IO(GOCHAN_IOC_MAGIC, 7),
		_IOR(GOCHAN_IOC_MAGIC, 1, struct gochan_setup),
		_IOW(GOCHAN_IOC_MAGIC, 1, struct gochan_info),
		_IOW(GOCHAN_IOC_MAGIC, 1, int),
		_IOR(GOCHAN_IOC_MAGIC, 2, struct gochan_setup),
		_IOWR(GOCHAN_IOC_MAGIC, 2, struct gochan_info),
		_IOW(GOCHAN_IOC_MAGIC, 3, int), _IOW(GOCHAN_IOC_MAGIC, 4, int),
		_IOW(GOCHAN_IOC_MAGIC, 5, char[72]), _IOW(GOCHAN_IOC_MAGIC, 6, char[72]),
		_IOW(GOCHAN_IOC_MAGIC, 7, struct gochan_ops),
		_IOWR(GOCHAN_IOC_MAGIC, 8, struct gochan_op),
		TCGETS, TIOCSTI, 0, ~0U,
	};
	static char room[4096];
	const int ch = open("/dev/gochan", O_RDWR);
	const int named = ch_make_named(PREFIX "abi", 1, 0600);
	const int chs[] = {
		ch, ch_dup(named, O_RDONLY), ch_dup(named, O_WRONLY),
		ch_open(PREFIX "abi", O_RDWR),
	};
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(chs); i++) {
		ASSERT_LE(0, chs[i]);
		for (k = 0; k < ARRAY_SIZE(cmds); k++) {
			EXPECT_EQ(-ENOTTY, call(chs[i], cmds[k], room)) {
				TH_LOG("chs[%zu], cmds[%zu]", i, k);
			}
		}
	}
	EXPECT_EQ(0U, ch_info(ch).closed);
}

static bool info_is_complete(int ch)
{
	struct gochan_info zeroes, ones;

	memset(&zeroes, 0, sizeof(zeroes));
	memset(&ones, 0xff, sizeof(ones));
	return !call(ch, GOCHAN_IOC_INFO, &zeroes) &&
	       !call(ch, GOCHAN_IOC_INFO, &ones) &&
	       !memcmp(&zeroes, &ones, sizeof(ones)) && !ones.reserved[2];
}

/* R20: INFO writes the whole structure, whatever was in the memory. */
TEST_F(abi, r20_info_is_complete)
{
	const int ch = ch_make_named(PREFIX "abi", 2, 0600);

	ASSERT_LE(0, ch);
	EXPECT_TRUE(info_is_complete(ch));
	send_text(ch, "a");
	EXPECT_TRUE(info_is_complete(ch));
	EXPECT_EQ(0, ch_unlink(PREFIX "abi"));
	EXPECT_TRUE(info_is_complete(ch));
}

/* R20: INFO writes nothing beyond the structure. */
TEST_F(abi, r20_info_writes_no_more)
{
	unsigned char room[sizeof(struct gochan_info) + 64];
	const int ch = ch_make(1, 16, 0);
	size_t i;

	ASSERT_LE(0, ch);
	memset(room, 0xff, sizeof(room));
	EXPECT_EQ(0, call(ch, GOCHAN_IOC_INFO, room));
	for (i = sizeof(struct gochan_info); i < sizeof(room); i++)
		ASSERT_EQ(0xff, room[i]);
}

/* R20: a receive writes the message and no more, buffered or handed off. */
TEST_F(abi, r20_recv_writes_no_more)
{
	static unsigned char buf[65536];
	unsigned int msg_size, i;
	struct job *job;
	int ch;

	for (msg_size = 16; msg_size <= sizeof(buf); msg_size *= 16) {
		ch = ch_make(1, msg_size, 0);
		ASSERT_LE(0, ch);
		memset(buf, 0xff, sizeof(buf));
		send_text(ch, "short");
		EXPECT_EQ(5, ch_recv(ch, buf, sizeof(buf)));
		for (i = 5; i < sizeof(buf); i++)
			ASSERT_EQ(0xff, buf[i]);
		memset(buf, 0xff, 5);
		job = job_start(BY_THREAD, ch, false, buf, sizeof(buf));
		ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
		send_text(ch, "b");
		EXPECT_EQ(1, job_wait(job));
		for (i = 1; i < sizeof(buf); i++)
			ASSERT_EQ(0xff, buf[i]);
		close(ch);
	}
}

/* R20: a failed receive writes nothing. */
TEST_F(abi, r20_nothing_on_failure)
{
	const int ch = ch_make(1, 16, 0);
	char buf[16], ones[16];

	ASSERT_LE(0, ch);
	memset(buf, 0xff, sizeof(buf));
	memset(ones, 0xff, sizeof(ones));
	EXPECT_EQ(-EAGAIN, ch_try_recv(ch, buf, sizeof(buf)));
	send_text(ch, "longer");
	EXPECT_EQ(-EMSGSIZE, ch_recv(ch, buf, 3));
	EXPECT_EQ(0, memcmp(buf, ones, sizeof(buf)));
}

/* R14, R15, R20: one send and one receive by SELECT and by BATCH. */
TEST_F(abi, r14_r15_r20_ops)
{
	static const unsigned long cmds[] = {
		GOCHAN_IOC_BATCH, GOCHAN_IOC_SELECT,
	};
	const int ch = ch_make(1, 16, 0);
	char buf[16] = {};
	struct gochan_op op;
	struct gochan_ops ops = {
		.ops = (unsigned long)&op,
		.count = 1,
		.timeout = GOCHAN_TIMEOUT_NEVER,
	};
	int i;

	ASSERT_LE(0, ch);
	for (i = 0; i < 2; i++) {
		op = (struct gochan_op){
			.fd = ch,
			.opcode = GOCHAN_OP_SEND,
			.buf = (unsigned long)"hello",
			.len = 5,
			.result = -1,
		};
		/* BATCH returns the number of ops, SELECT an index */
		EXPECT_EQ(!i, call(ch, cmds[i], &ops));
		EXPECT_EQ(0, op.result);
		EXPECT_EQ(!i, (int)ops.index);
		EXPECT_EQ(1U, ch_info(ch).len);

		op = (struct gochan_op){
			.fd = ch,
			.opcode = GOCHAN_OP_RECV,
			.buf = (unsigned long)buf,
			.len = sizeof(buf),
			.result = -1,
		};
		EXPECT_EQ(!i, call(ch, cmds[i], &ops));
		EXPECT_EQ(0, op.result);
		EXPECT_EQ(5U, op.len);
		EXPECT_STREQ("hello", buf);

		op.len = sizeof(buf);
		ops.flags = GOCHAN_NONBLOCK;
		EXPECT_EQ(-EAGAIN, call(ch, cmds[i], &ops));
		ops.flags = 1U << 31;
		EXPECT_EQ(-EINVAL, call(ch, cmds[i], &ops));
		ops.flags = 0;
		ops.reserved = 1;
		EXPECT_EQ(-EINVAL, call(ch, cmds[i], &ops));
		ops.reserved = 0;
	}
}

/* R10: only ops send empty messages; a read that receives one returns 0. */
TEST_F(abi, r10_empty_message)
{
	const int ch = ch_make(2, 16, 0);
	struct gochan_op op = { .fd = ch, .opcode = GOCHAN_OP_SEND };
	struct gochan_ops ops = {
		.ops = (unsigned long)&op,
		.count = 1,
		.timeout = GOCHAN_TIMEOUT_NEVER,
	};
	char c;

	ASSERT_LE(0, ch);
	EXPECT_EQ(1, call(ch, GOCHAN_IOC_BATCH, &ops));
	EXPECT_EQ(1U, ch_info(ch).len);
	EXPECT_EQ(0U, ch_info(ch).bytes);
	EXPECT_EQ(POLLIN, ch_poll(ch) & POLLIN);
	EXPECT_EQ(0, ch_recv(ch, &c, 1));
	EXPECT_EQ(0U, ch_info(ch).len);
	EXPECT_EQ(-EAGAIN, ch_try_recv(ch, &c, 1));
}

TEST_HARNESS_MAIN
