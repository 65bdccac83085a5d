// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading, and what pins the module. The tests unload the module, with the
 * gochanfs, and load it again.
 */
#include <kselftest_harness.h>

#include "../lib/common.h"

#include <fcntl.h>
#include <linux/module.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#define DIRECTORY	"/dev/gochans/"
#define MODPROBE	"/proc/sys/kernel/modprobe"

FIXTURE(module) {
};

FIXTURE_SETUP(module)
{
	ASSERT_TRUE(module_loaded());
}

FIXTURE_TEARDOWN(module)
{
	umount2(DIRECTORY, MNT_DETACH);
	EXPECT_EQ(0, module_loaded() ? fs_mount() : module_load(""));
}

/* DESIGN 3: an idle module can be unloaded, and leaves nothing behind. */
TEST_F(module, s3_unload)
{
	ASSERT_EQ(0, module_unload());
	EXPECT_NE(0, access("/dev/gochan", F_OK));
	EXPECT_NE(0, access("/sys/class/gochan", F_OK));
	EXPECT_FALSE(module_loaded());
	ASSERT_EQ(0, module_load(""));
	EXPECT_LE(0, ch_make(1, 1, 0));
}

/* DESIGN 3: the filesystem's type is an alias of the module, so that a mount loads it. */
TEST_F(module, s3_mount_loads)
{
	ASSERT_EQ(0, module_unload());
	EXPECT_EQ(-ENODEV, fs_mount());
	ASSERT_EQ(0, write_text(MODPROBE, "/bin/modprobe"));
	EXPECT_EQ(0, fs_mount());
	EXPECT_EQ(0, write_text(MODPROBE, "/sbin/modprobe"));
	EXPECT_TRUE(module_loaded());
	EXPECT_LE(0, ch_make_named(PREFIX "loaded", 1, 0600));
	EXPECT_EQ(0, ch_unlink(PREFIX "loaded"));
}

/* DESIGN 3: an open handle pins the module, a duplicate too. */
TEST_F(module, s3_handles_pin_module)
{
	const int ch = ch_make(1, 16, 0);
	int dup;

	ASSERT_LE(0, ch);
	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	dup = ch_dup(ch, O_RDONLY);
	close(ch);
	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	EXPECT_EQ(0U, ch_info(dup).len);
	close(dup);
	EXPECT_EQ(0, module_unload());
}

/* DESIGN 3: a mount pins the module, even a detached one that is still open. */
TEST_F(module, s3_mounts_pin_module)
{
	const int ch = ch_make_named(PREFIX "keeps", 1, 0600);
	int fd;

	ASSERT_LE(0, ch);
	EXPECT_EQ(-EWOULDBLOCK, module_unload_only());
	close(ch);
	EXPECT_EQ(-EWOULDBLOCK, module_unload_only());
	fd = open(DIRECTORY, O_RDONLY | O_DIRECTORY);
	EXPECT_EQ(0, umount2(DIRECTORY, MNT_DETACH));
	EXPECT_EQ(-EWOULDBLOCK, module_unload_only());
	close(fd);
	EXPECT_EQ(0, module_unload_only());
}

/* DESIGN 3: after umount -l handles work on, and pin the module. */
TEST_F(module, s3_detached_handles_pin_module)
{
	const int ch = ch_make_named(PREFIX "keeps", 1, 0600);
	const int receiver = ch_open(PREFIX "keeps", O_RDONLY);
	const int sender = ch_dup(ch, O_WRONLY);

	ASSERT_LE(0, sender);
	close(ch);
	EXPECT_EQ(-1, umount(DIRECTORY));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(0, umount2(DIRECTORY, MNT_DETACH));
	EXPECT_EQ(1, send_text(sender, "a"));
	EXPECT_STREQ("a", recv_text(receiver));
	EXPECT_EQ(-EWOULDBLOCK, module_unload_only());
	close(sender);
	EXPECT_EQ(-EWOULDBLOCK, module_unload_only());
	close(receiver);
	EXPECT_EQ(0, module_unload_only());
}

/* DESIGN 3, R8: a waiter pins the module until it is killed. */
TEST_F(module, s3_r8_waiters_pin_module)
{
	const int ch = ch_make(0, 16, 0);
	struct job *job;

	ASSERT_LE(0, ch);
	job = job_recv(BY_PROCESS, ch, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	close(ch);
	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	EXPECT_EQ(-EINPROGRESS, job_kill(job));
	EXPECT_EQ(0, module_unload());
}

/* R22, DESIGN 3: a file in debugfs that is open pins the module. */
TEST_F(module, s3_r22_debugfs_pins_module)
{
	static const char *const paths[] = {
		"/sys/kernel/debug/gochan/channels", "/sys/kernel/debug/gochan/waiters",
	};
	size_t i;
	int fd;

	if (access("/sys/kernel/debug/gochan", F_OK))
		ASSERT_EQ(0, mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL));
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, fd);
		EXPECT_EQ(-EWOULDBLOCK, module_unload());
		close(fd);
	}
	EXPECT_EQ(0, module_unload());
	EXPECT_NE(0, access(paths[0], F_OK));
}

/* Keep making channels, with moments at which there is none. */
static void make_channels_forever(void)
{
	int ch, i;

	for (;;) {
		ch = ch_make(1, 16, 0);
		if (ch >= 0 && send_text(ch, "a") != 1)
			_exit(1);
		close(ch);
		for (i = 0; i < 50; i++)
			sched_yield();
	}
}

/* DESIGN 3: unload and load while another process makes channels. */
TEST_F(module, s3_unload_races_open)
{
	const struct wait wait = wait_begin();
	int gone = 0;
	pid_t pid;

	pid = child();
	if (!pid)
		make_channels_forever();
	while (gone < 8) {
		if (module_unload()) {
			ASSERT_TRUE(wait_more(&wait));
			continue;
		}
		gone++;
		ASSERT_EQ(0, module_load(""));
	}
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
}

TEST_HARNESS_MAIN
