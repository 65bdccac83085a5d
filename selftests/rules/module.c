// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading: what pins the module, and the parameter channels=. The
 * tests unload the module, and load it again without channels.
 */
#include <kselftest_harness.h>

#include "../lib/common.h"

#include <fcntl.h>
#include <linux/module.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#define DIRECTORY	"/dev/gochans/"

FIXTURE(module) {
};

FIXTURE_SETUP(module)
{
	ASSERT_TRUE(module_loaded());
}

FIXTURE_TEARDOWN(module)
{
	unlink_all();
	if (!module_loaded())
		EXPECT_EQ(0, module_load(""));
	unlink(DIRECTORY PREFIX "b");
	rmdir(DIRECTORY);
}

/* DESIGN 3: an idle module can be unloaded, and leaves nothing behind. */
TEST_F(module, s3_unload)
{
	ASSERT_EQ(0, module_unload());
	EXPECT_NE(0, access("/dev/gochan", F_OK));
	EXPECT_NE(0, access(DIRECTORY, F_OK));
	EXPECT_NE(0, access("/sys/class/gochan", F_OK));
	EXPECT_FALSE(module_loaded());
	ASSERT_EQ(0, module_load(""));
	EXPECT_LE(0, ch_make(1, 1, 0));
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

/* DESIGN 3: a name pins the module until it is unlinked. */
TEST_F(module, s3_names_pin_module)
{
	int ch = ch_make_named(PREFIX "keeps", 1, 0600);

	ASSERT_LE(0, ch);
	EXPECT_EQ(1, send_text(ch, "a"));
	close(ch);
	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	ch = ch_open(PREFIX "keeps", O_RDWR);
	EXPECT_STREQ("a", recv_text(ch));
	EXPECT_EQ(0, ch_unlink(PREFIX "keeps"));
	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	close(ch);
	EXPECT_EQ(0, module_unload());
}

/* The device number of a named channel. */
static dev_t number_of(const char *name)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), DIRECTORY "%s", name);
	return stat(path, &st) ? 0 : st.st_rdev;
}

/*
 * DESIGN 3: a copy of a device node cannot be opened, even when its number is
 * reused. Reloading starts with the first number again, so that it is reused
 * without making a million names.
 */
TEST_F(module, s3_copy_with_reused_number)
{
	static const char copy[] = "/dev/" PREFIX "copy";
	dev_t number;
	int ch, rounds;

	ASSERT_EQ(0, module_unload());
	ASSERT_EQ(0, module_load(""));
	ch = ch_make_named(PREFIX "old", 1, 0600);
	ASSERT_LE(0, ch);
	number = number_of(PREFIX "old");
	ASSERT_EQ(0, mknod(copy, S_IFCHR | 0600, number));
	close(ch);
	EXPECT_EQ(0, ch_unlink(PREFIX "old"));
	ASSERT_EQ(0, module_unload());

	/* The major number is the same unless something else has taken it. */
	for (rounds = 0; rounds < 8; rounds++) {
		ASSERT_EQ(0, module_load(""));
		ch = ch_make_named(PREFIX "new", 1, 0600);
		ASSERT_LE(0, ch);
		if (number_of(PREFIX "new") == number)
			break;
		close(ch);
		EXPECT_EQ(0, ch_unlink(PREFIX "new"));
		ASSERT_EQ(0, module_unload());
	}
	EXPECT_EQ(number, number_of(PREFIX "new"));
	EXPECT_EQ(-1, open(copy, O_RDWR));
	EXPECT_EQ(ENXIO, errno);
	close(ch);
	EXPECT_EQ(0, ch_unlink(PREFIX "new"));
	unlink(copy);
}

/* DESIGN 3: reading an open attribute fails once channel or module are gone. */
TEST_F(module, s3_unload_with_open_attribute)
{
	const int ch = ch_make_named(PREFIX "attr", 1, 0600);
	int fd;
	char c;

	ASSERT_LE(0, ch);
	fd = open("/sys/class/gochan/" PREFIX "attr/len", O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, ch_unlink(PREFIX "attr"));
	close(ch);
	EXPECT_EQ(-1, read(fd, &c, 1));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(0, module_unload());
	EXPECT_EQ(-1, read(fd, &c, 1));
	EXPECT_EQ(ENODEV, errno);
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

static int mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -errno : (int)(st.st_mode & 07777);
}

/* DESIGN 3: channels= makes named channels at load. */
TEST_F(module, s3_channels)
{
	struct gochan_info info;

	ASSERT_EQ(0, module_unload());
	ASSERT_EQ(0, module_load("channels=" PREFIX "a:16," PREFIX "b:0:1024:0622,"
			  PREFIX "c:3:0"));
	info = ch_info(ch_open(PREFIX "a", O_RDWR));
	EXPECT_EQ(16U, info.capacity);
	EXPECT_EQ((unsigned int)GOCHAN_DEFAULT_MSG_SIZE, info.msg_size);
	EXPECT_EQ(1U, info.send_handles);
	EXPECT_STREQ(PREFIX "a", info.name);
	info = ch_info(ch_open(PREFIX "b", O_RDWR));
	EXPECT_EQ(0U, info.capacity);
	EXPECT_EQ(1024U, info.msg_size);
	EXPECT_EQ(0622, mode_of(DIRECTORY PREFIX "b"));
	info = ch_info(ch_open(PREFIX "c", O_RDWR));
	EXPECT_EQ(3U, info.capacity);
	EXPECT_EQ(0U, info.msg_size);
}

/* DESIGN 3: channels made at load are like any others. */
TEST_F(module, s3_channels_are_ordinary)
{
	int ch;

	ASSERT_EQ(0, module_unload());
	ASSERT_EQ(0, module_load("channels=" PREFIX "a:2"));
	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	ch = ch_open(PREFIX "a", O_RDWR);
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_STREQ("a", recv_text(ch));
	EXPECT_EQ(-EBUSY, ch_link(ch, PREFIX "b", 0600));
	EXPECT_EQ(-EBUSY, ch_setup(ch, 1, 1, 0));
	EXPECT_EQ(-EEXIST, ch_make_named(PREFIX "a", 1, 0600));
	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(-EPERM, ch_unlink_handle(ch));
	ASSERT_EQ(0, as_root());
	EXPECT_EQ(0, ch_unlink(PREFIX "a"));
	close(ch);
	EXPECT_EQ(0, module_unload());
}

/* DESIGN 3: an invalid channels= makes the load fail, and leaves nothing behind. */
TEST_F(module, s3_bad_channels)
{
	static const char *const bad[] = {
		PREFIX "a", PREFIX "a:", ":1", PREFIX "a:x", PREFIX "a:-1",
		PREFIX "a:1:", PREFIX "a:1:x", PREFIX "a:1:1:", PREFIX "a:1:1:8",
		PREFIX "a:1:1:1000", PREFIX "a:1:1:600:1", "1000:1", ".a:1",
		PREFIX "a/b:1", PREFIX "a:4294967295", PREFIX "a:4294967296",
		PREFIX "a:1:4294967295", PREFIX "a:65537", PREFIX "a:1:1048577",
		PREFIX "a:1,", "," PREFIX "a:1", PREFIX "b:1," PREFIX "a:x",
	};
	char parameters[256];
	size_t i;

	ASSERT_EQ(0, module_unload());
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(parameters, sizeof(parameters), "channels=%s", bad[i]);
		EXPECT_EQ(-EINVAL, module_load(parameters)) {
			TH_LOG("%s", parameters);
		}
		EXPECT_FALSE(module_loaded());
		EXPECT_NE(0, access(DIRECTORY, F_OK));
		if (module_loaded()) {
			unlink_all();
			module_unload();
		}
	}
	EXPECT_EQ(-EBUSY, module_load("channels=" PREFIX "b:1," PREFIX "b:1"));
	EXPECT_FALSE(module_loaded());
	EXPECT_NE(0, access(DIRECTORY, F_OK));
}

/* DESIGN 3: so does an existing file with the name of a channel. */
TEST_F(module, s3_channels_stray_file)
{
	ASSERT_EQ(0, module_unload());
	ASSERT_EQ(0, mkdir(DIRECTORY, 0755));
	close(open(DIRECTORY PREFIX "b", O_CREAT | O_RDWR, 0600));
	EXPECT_EQ(-EBUSY, module_load("channels=" PREFIX "a:1," PREFIX "b:1"));
	EXPECT_FALSE(module_loaded());
	EXPECT_NE(0, access(DIRECTORY PREFIX "a", F_OK));
	EXPECT_EQ(0, access(DIRECTORY PREFIX "b", F_OK));
}

TEST_HARNESS_MAIN
