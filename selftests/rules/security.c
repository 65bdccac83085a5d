// SPDX-License-Identifier: GPL-2.0
/*
 * DESIGN section 3: every way to send or receive passes the checks of security
 * modules, as read(2) and write(2) do. Under an AppArmor profile that denies
 * named channels (security.profile), on a handle that was opened before. And
 * under a device cgroup, which does not apply to named channels. Only for
 * Debian's kernels, which have both.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"

#include <gochan.h>

#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define APPARMOR	"/sys/kernel/security/apparmor"
#define CGROUP		"/sys/fs/cgroup/" PREFIX "security"

/* Load the compiled profiles. */
static int load_profiles(void)
{
	static char policy[65536];
	int in = open("security.policy", O_RDONLY);
	int out = open(APPARMOR "/.replace", O_WRONLY);
	ssize_t len = read(in, policy, sizeof(policy));
	int ret = -EIO;

	if (len > 0)
		ret = write(out, policy, len) == len ? 0 : -errno;
	close(in);
	close(out);
	return ret;
}

/* Go on under a profile, as the only thread. */
static int change_profile(const char *name)
{
	char text[64];

	snprintf(text, sizeof(text), "changeprofile %s", name);
	return write_text("/proc/self/attr/current", text);
}

FIXTURE(security) {
	int ch;		/* buffers a message */
	int empty;
};

FIXTURE_VARIANT(security) {
	const char *profile;
	int denied;
};

FIXTURE_VARIANT_ADD(security, denied) {
	.profile = "gochan-denied", .denied = -EACCES,
};

FIXTURE_VARIANT_ADD(security, allowed) {
	.profile = "gochan-allowed", .denied = 0,
};

FIXTURE_SETUP(security)
{
	mount("securityfs", "/sys/kernel/security", "securityfs", 0, NULL);
	ASSERT_EQ(0, load_profiles());
	/* What an unconfined task has opened is never checked. */
	ASSERT_EQ(0, change_profile("gochan-allowed"));
	ASSERT_LE(0, ch_make_named(PREFIX "security", 4, 0600));
	self->ch = ch_open(PREFIX "security", O_RDWR);
	ASSERT_LE(0, self->ch);
	ASSERT_LE(0, ch_make_named(PREFIX "empty", 1, 0600));
	self->empty = ch_open(PREFIX "empty", O_RDWR);
	ASSERT_LE(0, self->empty);
	ASSERT_EQ(1, ch_send(self->ch, "a", 1));
	ASSERT_EQ(0, change_profile(variant->profile));
}

FIXTURE_TEARDOWN(security)
{
	EXPECT_EQ(0, change_profile("unconfined"));
	unlink_all();
}

/* What @call returns, and its first op's result, when the checks are made. */
static bool is_checked(struct call *call, int denied, int success)
{
	if (call_try(call) != (denied ?: success))
		return false;
	return call->ops[0].result == denied;
}

TEST_F(security, s3_read_write)
{
	struct iovec iov = { .iov_base = "b", .iov_len = 1 };
	char c;

	EXPECT_EQ(variant->denied ?: 1, ch_send(self->ch, "b", 1));
	EXPECT_EQ(variant->denied ? -1 : 1, writev(self->ch, &iov, 1));
	EXPECT_EQ(variant->denied ?: 1, ch_recv(self->ch, &c, 1));
}

TEST_F(security, s3_batch)
{
	struct call *call = call_batch(self->ch);

	call_send(call, self->ch, "b");
	EXPECT_TRUE(is_checked(call, variant->denied, 1));
	call = call_batch(self->ch);
	call_recv(call, self->ch);
	EXPECT_TRUE(is_checked(call, variant->denied, 1));
}

/* An op that is not plain is loaded first. */
TEST_F(security, s3_batch_loaded)
{
	struct call *call = call_batch(self->ch);

	call_recv(call, self->ch)->flags = GOCHAN_PEEK;
	EXPECT_TRUE(is_checked(call, variant->denied, 1));
}

/* Issued on a channel of one's own. */
TEST_F(security, s3_select)
{
	struct call *call = call_select(ch_make(0, 1, 0));

	call_send(call, self->ch, "b");
	EXPECT_TRUE(is_checked(call, variant->denied, 0));
	call = call_select(ch_make(0, 1, 0));
	call_recv(call, self->ch);
	EXPECT_TRUE(is_checked(call, variant->denied, 0));
	call = call_select(ch_make(0, 1, 0));
	call_recv(call, self->ch)->flags = GOCHAN_PEEK;
	EXPECT_TRUE(is_checked(call, variant->denied, 0));
}

static int ack(int ch, unsigned long long lease)
{
	struct gochan_ack arg = { .lease = lease };

	return ioctl(ch, GOCHAN_IOC_ACK, &arg) ? -errno : 0;
}

static void call_ack(struct call *call, int ch, unsigned long long lease, unsigned int flags)
{
	const struct gochan_op op = {
		.fd = ch, .opcode = GOCHAN_OP_ACK, .flags = flags, .lease = lease,
	};

	call_add(call, &op);
}

/* R21: leases that began before the profile was changed, and a plain channel of one's own. */
TEST_F(security, s3_r21_acknowledge)
{
	const struct gochan_setup setup = { .capacity = 4, .msg_size = 1, .flags = GOCHAN_ACK };
	struct call *call, *recv;
	unsigned int i;
	int ch, own;

	ASSERT_EQ(0, change_profile("gochan-allowed"));
	ch = gochan_create_with(PREFIX "acked", &setup, 0600);
	ASSERT_LE(0, ch);
	own = gochan_make_with(&setup);
	ASSERT_LE(0, own);
	recv = call_batch(ch);
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(1, ch_send(i < 3 ? ch : own, "a", 1));
		call_recv(recv, i < 3 ? ch : own);
	}
	ASSERT_EQ(4, call_try(recv));
	ASSERT_EQ(0, change_profile(variant->profile));

	EXPECT_EQ(variant->denied, ack(ch, recv->ops[0].lease));
	call = call_batch(own);
	call_ack(call, own, recv->ops[3].lease, 0);
	call_ack(call, ch, recv->ops[1].lease, 0);
	EXPECT_EQ(variant->denied ? 1 : 2, call_try(call));
	EXPECT_EQ(0, call->ops[0].result);
	EXPECT_EQ(variant->denied, call->ops[1].result);
	/* requeued: by a BATCH that begins with it */
	call = call_batch(own);
	call_ack(call, ch, recv->ops[2].lease, GOCHAN_REQUEUE);
	EXPECT_EQ(variant->denied ?: 1, call_try(call));
	EXPECT_EQ(variant->denied ? 3U : 0U, ch_info(ch).leased);
}

/* Nothing is ready: ops are checked before they are queued. */
TEST_F(security, s3_select_not_ready)
{
	struct call *call = call_select(self->ch);

	call_recv(call, ch_make(0, 1, 0));
	call_recv(call, self->empty);
	call->arg.timeout = 1;
	EXPECT_EQ(variant->denied ?: -ETIMEDOUT, call_now(call));
	EXPECT_EQ(variant->denied ?: UNTOUCHED, call->ops[1].result);
}

/* A program that denies every device. */
static int deny_devices(int cgroup)
{
	static const struct bpf_insn deny[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = (unsigned long)deny,
		.insn_cnt = ARRAY_SIZE(deny),
		.license = (unsigned long)"GPL",
	};
	union bpf_attr attach = {
		.target_fd = cgroup,
		.attach_type = BPF_CGROUP_DEVICE,
	};
	int fd = syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));

	if (fd < 0)
		return -errno;
	attach.attach_bpf_fd = fd;
	return syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof(attach)) ? -errno : 0;
}

FIXTURE(cgroup) {
};

FIXTURE_SETUP(cgroup)
{
	rmdir(CGROUP);
	ASSERT_EQ(0, mkdir(CGROUP, 0755));
}

FIXTURE_TEARDOWN(cgroup)
{
	rmdir(CGROUP);
	unlink_all();
}

/* A device cgroup does not apply to a gochanfs. */
TEST_F(cgroup, s3_device_cgroup)
{
	const int dir = open(CGROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t pid;

	ASSERT_LE(0, dir);
	ASSERT_EQ(0, deny_devices(dir));
	pid = child();
	if (!pid) {
		EXPECT_EQ(0, write_text(CGROUP "/cgroup.procs", "0"));
		EXPECT_EQ(-1, open("/dev/gochan", O_RDWR));
		EXPECT_EQ(EPERM, errno);
		EXPECT_LE(0, ch_make_named(PREFIX "cg", 1, 0600));
		EXPECT_LE(0, ch_open(PREFIX "cg", O_RDWR));
		EXPECT_LE(0, ch_dup(ch_open(PREFIX "cg", O_RDWR), O_RDONLY));
		_exit(!_metadata->passed);
	}
	EXPECT_EQ(0, reap(pid));
}

TEST_HARNESS_MAIN
