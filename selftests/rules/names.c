// SPDX-License-Identifier: GPL-2.0
/*
 * Names (DESIGN 3): LINK and UNLINK, device files and their owners, device
 * numbers and sysfs. Names made at load, and pinning the module, are tested in
 * module.c, limits in limits.c.
 */
#include <kselftest_harness.h>

#include "../lib/common.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#define DIRECTORY		"/dev/gochans/"
#define STRINGIFY(x)	#x
#define AS_TEXT(x)	STRINGIFY(x)
#define USER_DIRECTORY	AS_TEXT(USER) "/"
#define OTHER_DIRECTORY	AS_TEXT(OTHER) "/"
#define COPY		"/dev/" PREFIX "copy"

FIXTURE(names) {
};

FIXTURE_SETUP(names)
{
}

FIXTURE_TEARDOWN(names)
{
	as_root();
	unlink_all();
	unlink(COPY);
	unlink(DIRECTORY PREFIX "stray");
	/* devtmpfs removes the directory with the last name only if it made it */
	rmdir(DIRECTORY);
}

static int mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -errno : (int)(st.st_mode & 07777);
}

static dev_t number_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_rdev;
}

/* DESIGN 3: LINK makes a device file owned by the caller, UNLINK removes it. */
TEST_F(names, s3_link_makes_node)
{
	const int ch = ch_make_named(PREFIX "node", 2, 0640);
	struct stat st;
	int fd;

	ASSERT_LE(0, ch);
	ASSERT_EQ(0, stat(DIRECTORY PREFIX "node", &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0640U, st.st_mode & 07777);
	EXPECT_EQ(0U, st.st_uid);
	EXPECT_EQ(0U, st.st_gid);
	EXPECT_STREQ(PREFIX "node", ch_info(ch).name);

	fd = ch_open(PREFIX "node", O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_STREQ(PREFIX "node", ch_info(fd).name);
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_STREQ("a", recv_text(fd));
	EXPECT_EQ(2U, ch_info(ch).recv_handles);
	EXPECT_EQ(1U, ch_info(ch).send_handles);
	EXPECT_EQ(-EBUSY, ch_setup(fd, 1, 1, 0));

	EXPECT_EQ(0, ch_unlink(PREFIX "node"));
	EXPECT_EQ(-1, stat(DIRECTORY PREFIX "node", &st));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(-1, stat("/sys/class/gochan/" PREFIX "node", &st));
	EXPECT_STREQ("", ch_info(ch).name);
	EXPECT_STREQ("", ch_info(fd).name);
}

/* DESIGN 3: the mode is the one requested, whatever the umask; other bits fail. */
TEST_F(names, s3_mode)
{
	static const int modes[] = { 0, 0400, 0600, 0622, 0660, 0666, 0777 };
	const mode_t mask = umask(077);
	size_t i;
	int ch;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		ch = ch_make_named(PREFIX "mode", 0, modes[i]);
		ASSERT_LE(0, ch);
		EXPECT_EQ(modes[i], mode_of(DIRECTORY PREFIX "mode"));
		EXPECT_EQ(0, ch_unlink(PREFIX "mode"));
		close(ch);
	}
	umask(mask);
	EXPECT_EQ(-EINVAL, ch_make_named(PREFIX "mode", 0, 01000));
	EXPECT_EQ(-EINVAL, ch_make_named(PREFIX "mode", 0, 04755));
	EXPECT_EQ(-EINVAL, ch_make_named(PREFIX "mode", 0, S_IFCHR | 0600));
	EXPECT_EQ(-ENOENT, mode_of(DIRECTORY PREFIX "mode"));
}

/* DESIGN 3: chmod and chown of the device file work and persist. */
TEST_F(names, s3_chmod_chown_persist)
{
	const int ch = ch_make_named(PREFIX "lasts", 1, 0600);
	const int other = ch_make_named(PREFIX "other", 1, 0600);
	struct stat st;

	ASSERT_LE(0, ch);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, chmod(DIRECTORY PREFIX "lasts", 0644));
	ASSERT_EQ(0, chown(DIRECTORY PREFIX "lasts", USER, OTHER));
	close(ch_open(PREFIX "lasts", O_RDWR));
	close(ch);
	EXPECT_EQ(0, ch_unlink(PREFIX "other"));
	ASSERT_EQ(0, stat(DIRECTORY PREFIX "lasts", &st));
	EXPECT_EQ(0644U, st.st_mode & 07777);
	EXPECT_EQ((uid_t)USER, st.st_uid);
	EXPECT_EQ((gid_t)OTHER, st.st_gid);

	ASSERT_EQ(0, as_user(OTHER + 1));
	EXPECT_EQ(-EACCES, ch_open(PREFIX "lasts", O_WRONLY));
	EXPECT_LE(0, ch_open(PREFIX "lasts", O_RDONLY));
}

/* DESIGN 3: the mode decides who may open for which rights. */
TEST_F(names, s3_mode_permits)
{
	const int ch = ch_make_named(PREFIX "drop", 1, 0622);
	int fd;

	ASSERT_LE(0, ch);
	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(-EACCES, ch_open(PREFIX "drop", O_RDONLY));
	EXPECT_EQ(-EACCES, ch_open(PREFIX "drop", O_RDWR));
	fd = ch_open(PREFIX "drop", O_WRONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, send_text(fd, "a"));
	EXPECT_EQ(-EBADF, ch_recv(fd, &fd, 1));
	EXPECT_EQ(-EACCES, ch_dup(fd, O_RDWR));
	EXPECT_STREQ("a", recv_text(ch));
}

/* DESIGN 3, R12: O_NONBLOCK at open. */
TEST_F(names, s3_r12_nonblock)
{
	const int ch = ch_make_named(PREFIX "drop", 1, 0600);
	const int fd = ch_open(PREFIX "drop", O_RDWR | O_NONBLOCK);

	ASSERT_LE(0, ch);
	ASSERT_LE(0, fd);
	EXPECT_STREQ("(EAGAIN)", recv_text(fd));
	EXPECT_EQ(1, send_text(fd, "a"));
	EXPECT_EQ(-EAGAIN, send_text(fd, "b"));
	EXPECT_EQ(-EAGAIN, try_send_text(ch, "b"));
}

/* DESIGN 3: a user's names are in a directory of their own. */
TEST_F(names, s3_user_directory)
{
	const int ch = ch_make_named(PREFIX "jobs", 1, 0600);
	struct stat st;
	int mine, others;

	ASSERT_LE(0, ch);
	ASSERT_EQ(0, as_user(USER));
	mine = ch_make_named(PREFIX "jobs", 2, 0600);
	ASSERT_LE(0, mine);
	EXPECT_STREQ(PREFIX "jobs", ch_info(mine).name);
	EXPECT_EQ(-EEXIST, ch_make_named(PREFIX "jobs", 0, 0600));
	ASSERT_EQ(0, as_root());
	ASSERT_EQ(0, as_user(OTHER));
	others = ch_make_named(PREFIX "jobs", 3, 0600);
	ASSERT_LE(0, others);
	EXPECT_EQ(-EACCES, ch_open(USER_DIRECTORY PREFIX "jobs", O_RDWR));
	ASSERT_EQ(0, as_root());

	ASSERT_EQ(0, stat(DIRECTORY USER_DIRECTORY PREFIX "jobs", &st));
	EXPECT_EQ((uid_t)USER, st.st_uid);
	EXPECT_EQ((gid_t)USER, st.st_gid);
	EXPECT_EQ(1U, ch_info(ch_open(PREFIX "jobs", O_RDWR)).capacity);
	EXPECT_EQ(2U, ch_info(ch_open(USER_DIRECTORY PREFIX "jobs",
				      O_RDWR)).capacity);
	EXPECT_EQ(3U, ch_info(ch_open(OTHER_DIRECTORY PREFIX "jobs",
				      O_RDWR)).capacity);

	EXPECT_EQ(0, ch_unlink(USER_DIRECTORY PREFIX "jobs"));
	EXPECT_EQ(-ENOENT, ch_open(USER_DIRECTORY PREFIX "jobs", O_RDWR));
	EXPECT_EQ(0600, mode_of(DIRECTORY OTHER_DIRECTORY PREFIX "jobs"));
	EXPECT_STREQ("", ch_info(mine).name);
	EXPECT_STREQ(PREFIX "jobs", ch_info(others).name);
}

static int set_caps(unsigned int caps)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{ .effective = caps, .permitted = caps },
	};

	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

/* DESIGN 3: naming in the top directory needs CAP_MKNOD, not uid 0. */
TEST_F(names, s3_cap_mknod)
{
	struct stat st;
	pid_t pid;

	pid = child();
	if (!pid) {
		EXPECT_EQ(0, set_caps(0));
		EXPECT_LE(0, ch_make_named(PREFIX "cap", 1, 0600));
		EXPECT_EQ(0600, mode_of(DIRECTORY "0/" PREFIX "cap"));
		EXPECT_EQ(0, ch_unlink("0/" PREFIX "cap"));
		_exit(!_metadata->passed);
	}
	EXPECT_EQ(0, reap(pid));
	pid = child();
	if (!pid) {
		EXPECT_EQ(0, prctl(PR_SET_KEEPCAPS, 1));
		EXPECT_EQ(0, become(USER));
		EXPECT_EQ(0, set_caps(1U << CAP_MKNOD));
		EXPECT_LE(0, ch_make_named(PREFIX "cap", 1, 0600));
		_exit(!_metadata->passed);
	}
	EXPECT_EQ(0, reap(pid));
	ASSERT_EQ(0, stat(DIRECTORY PREFIX "cap", &st));
	EXPECT_EQ((uid_t)USER, st.st_uid);
	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(0, ch_unlink(PREFIX "cap"));
}

/* DESIGN 3: CAP_FOWNER permits what the owner may do. */
TEST_F(names, s3_cap_fowner)
{
	const int ch = ch_make_named(PREFIX "cap", 1, 0600);
	pid_t pid;

	ASSERT_LE(0, ch);
	pid = child();
	if (!pid) {
		EXPECT_EQ(0, prctl(PR_SET_KEEPCAPS, 1));
		EXPECT_EQ(0, become(USER));
		EXPECT_EQ(0, set_caps(1U << CAP_MKNOD));
		EXPECT_EQ(-EPERM, ch_unlink(PREFIX "cap"));
		_exit(!_metadata->passed);
	}
	EXPECT_EQ(0, reap(pid));
	pid = child();
	if (!pid) {
		EXPECT_EQ(0, prctl(PR_SET_KEEPCAPS, 1));
		EXPECT_EQ(0, become(USER));
		EXPECT_EQ(0, set_caps(1U << CAP_FOWNER));
		EXPECT_EQ(0, ch_close(ch));
		EXPECT_EQ(0, ch_unlink(PREFIX "cap"));
		_exit(!_metadata->passed);
	}
	EXPECT_EQ(0, reap(pid));
}

/* DESIGN 3: a name that exists. */
TEST_F(names, s3_name_exists)
{
	const int ch = ch_make_named(PREFIX "taken", 1, 0600);
	const int ch2 = ch_make(1, 16, 0);

	ASSERT_LE(0, ch);
	EXPECT_EQ(-EEXIST, ch_link(ch2, PREFIX "taken", 0600));
	EXPECT_STREQ("", ch_info(ch2).name);
	EXPECT_EQ(0, ch_link(ch2, PREFIX "taken2", 0600));
	EXPECT_STREQ(PREFIX "taken2", ch_info(ch2).name);
}

/* DESIGN 3: a name exists without open handles, until UNLINK. */
TEST_F(names, s3_name_exists_until_unlink)
{
	int ch = ch_make_named(PREFIX "taken", 1, 0600);

	ASSERT_LE(0, ch);
	close(ch);
	EXPECT_EQ(-EEXIST, ch_make_named(PREFIX "taken", 1, 0600));
	ch = ch_open(PREFIX "taken", O_RDWR);
	EXPECT_EQ(0, ch_unlink(PREFIX "taken"));
	EXPECT_LE(0, ch_make_named(PREFIX "taken", 2, 0600));
	EXPECT_EQ(1U, ch_info(ch).capacity);
	EXPECT_EQ(-ENOENT, ch_unlink_handle(ch));
	EXPECT_EQ(2U, ch_info(ch_open(PREFIX "taken", O_RDWR)).capacity);
}

/* DESIGN 3: invalid names. */
TEST_F(names, s3_bad_names)
{
	static const char *const bad[] = {
		"", ".", "..", ".hidden", "-option", "12345", "0",
		PREFIX "a/b", "/" PREFIX "a", PREFIX "a/", "../" PREFIX "a",
		PREFIX "a b", PREFIX "a\n", PREFIX "a!", PREFIX "a:1",
		PREFIX "a,b", PREFIX "\x80", PREFIX "\xc3\xa4", PREFIX "a\x7f",
		PREFIX "%s", PREFIX "a\\", PREFIX "*",
		USER_DIRECTORY PREFIX "a",
	};
	const int ch = ch_make(1, 16, 0);
	size_t i;

	ASSERT_LE(0, ch);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, ch_link(ch, bad[i], 0600)) {
			TH_LOG("bad[%zu]", i);
		}
	}
	EXPECT_STREQ("", ch_info(ch).name);
}

/* DESIGN 3: the longest name, one that is too long, and bytes after the NUL. */
TEST_F(names, s3_long_names)
{
	struct gochan_link link = { .mode = 0600 };
	const int ch = ch_make(1, 16, 0);

	ASSERT_LE(0, ch);
	memset(link.name, 'x', sizeof(link.name));
	memcpy(link.name, PREFIX, strlen(PREFIX));
	EXPECT_EQ(-1, ioctl(ch, GOCHAN_IOC_LINK, &link));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(ch, GOCHAN_IOC_UNLINK,
			    &(struct gochan_link){ .name = PREFIX "none" }));
	EXPECT_EQ(ENOENT, errno);
	link.name[63] = '\0';
	EXPECT_EQ(0, ioctl(ch, GOCHAN_IOC_LINK, &link));
	EXPECT_STREQ(link.name, ch_info(ch).name);
	EXPECT_EQ(0, ch_unlink(link.name));

	strcpy(link.name, PREFIX "short");
	link.name[40] = '/';
	link.name[63] = '/';
	EXPECT_EQ(0, ioctl(ch, GOCHAN_IOC_LINK, &link));
	EXPECT_EQ(0600, mode_of(DIRECTORY PREFIX "short"));
}

/* DESIGN 3: every valid character. */
TEST_F(names, s3_good_names)
{
	static const char *const good[] = {
		PREFIX "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-",
		PREFIX "abcdefghijklmnopqrstuvwxyz", "_ks", "0ks", "k", "1-1",
	};
	size_t i;
	int ch;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		ch = ch_make_named(good[i], 0, 0600);
		EXPECT_LE(0, ch);
		EXPECT_STREQ(good[i], ch_info(ch).name);
		EXPECT_EQ(0, ch_unlink_handle(ch));
		close(ch);
	}
}

/* DESIGN 3: LINK requires a handle with both rights. */
TEST_F(names, s3_link_needs_both_rights)
{
	int fds[2];

	ASSERT_EQ(0, ch_pair(fds, 1, 16, 0));
	EXPECT_EQ(-EBADF, ch_link(fds[0], PREFIX "half", 0600));
	EXPECT_EQ(-EBADF, ch_link(fds[1], PREFIX "half", 0600));
	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(-EBADF, ch_link(fds[1], PREFIX "half", 0600));
}

/* DESIGN 3: a channel has one name at a time, whichever handle is used. */
TEST_F(names, s3_link_twice)
{
	const int ch = ch_make_named(PREFIX "once", 1, 0600);
	const int ch2 = ch_dup(ch, O_RDWR);

	ASSERT_LE(0, ch2);
	EXPECT_EQ(-EBUSY, ch_link(ch, PREFIX "twice", 0600));
	EXPECT_EQ(-EBUSY, ch_link(ch2, PREFIX "once", 0600));
	EXPECT_EQ(-EBUSY, ch_link(ch_open(PREFIX "once", O_RDWR),
				  PREFIX "twice", 0600));
	EXPECT_EQ(-ENOENT, mode_of(DIRECTORY PREFIX "twice"));
	EXPECT_EQ(0, ch_unlink(PREFIX "once"));
	EXPECT_EQ(0, ch_link(ch, PREFIX "twice", 0600));
	EXPECT_STREQ(PREFIX "twice", ch_info(ch2).name);
}

/* DESIGN 3: UNLINK of a name on any handle, or, with an empty name, of the handle's. */
TEST_F(names, s3_unlink)
{
	const int ch = ch_make_named(PREFIX "a", 1, 0600);
	const int receiver = ch_open(PREFIX "a", O_RDONLY);
	const int unnamed = ch_make(1, 16, 0);

	ASSERT_LE(0, receiver);
	EXPECT_EQ(-ENOENT, ch_unlink(PREFIX "none"));
	EXPECT_EQ(-ENOENT, ch_unlink(USER_DIRECTORY PREFIX "a"));
	EXPECT_EQ(-ENOENT, ch_unlink_handle(unnamed));
	EXPECT_EQ(0, ch_unlink_handle(receiver));
	EXPECT_EQ(-ENOENT, ch_unlink_handle(receiver));
	EXPECT_EQ(-ENOENT, ch_unlink_handle(ch));
	EXPECT_EQ(-ENOENT, ch_unlink(PREFIX "a"));
	EXPECT_EQ(-ENOENT, mode_of(DIRECTORY PREFIX "a"));
}

/* DESIGN 3: UNLINK and CLOSE are reserved to the current owner of the device file. */
TEST_F(names, s3_current_owner)
{
	const int ch = ch_make_named(PREFIX "owned", 1, 0666);
	const int ch2 = ch_make_named(PREFIX "owned2", 1, 0666);

	ASSERT_LE(0, ch);
	ASSERT_LE(0, ch2);
	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(-EPERM, ch_unlink(PREFIX "owned"));
	EXPECT_EQ(-EPERM, ch_unlink_handle(ch));
	EXPECT_EQ(-EPERM, ch_close(ch_open(PREFIX "owned", O_WRONLY)));
	EXPECT_EQ(-EPERM, ch_close(ch));
	EXPECT_EQ(0U, ch_info(ch).closed);

	ASSERT_EQ(0, as_root());
	ASSERT_EQ(0, chown(DIRECTORY PREFIX "owned", USER, USER));
	ASSERT_EQ(0, chown(DIRECTORY PREFIX "owned2", USER, USER));
	ASSERT_EQ(0, as_user(OTHER));
	EXPECT_EQ(-EPERM, ch_close(ch));
	EXPECT_EQ(-EPERM, ch_unlink(PREFIX "owned"));
	ASSERT_EQ(0, as_root());
	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(0, ch_close(ch));
	EXPECT_EQ(0, ch_unlink(PREFIX "owned"));
	EXPECT_EQ(0, ch_unlink_handle(ch2));
	EXPECT_EQ(0, ch_close(ch2));
}

/* DESIGN 3: a former owner may not. */
TEST_F(names, s3_former_owner)
{
	int ch;

	ASSERT_EQ(0, as_user(USER));
	ch = ch_make_named(PREFIX "mine", 1, 0600);
	ASSERT_LE(0, ch);
	EXPECT_EQ(0, chmod(DIRECTORY USER_DIRECTORY PREFIX "mine", 0666));
	EXPECT_EQ(0666, mode_of(DIRECTORY USER_DIRECTORY PREFIX "mine"));
	ASSERT_EQ(0, as_root());
	ASSERT_EQ(0, chown(DIRECTORY USER_DIRECTORY PREFIX "mine", OTHER, OTHER));
	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(-EPERM, ch_close(ch));
	EXPECT_EQ(-EPERM, ch_unlink_handle(ch));
	EXPECT_EQ(-EPERM, ch_unlink(USER_DIRECTORY PREFIX "mine"));
	ASSERT_EQ(0, as_root());
	EXPECT_EQ(0, ch_close(ch));
	EXPECT_EQ(0, ch_unlink(USER_DIRECTORY PREFIX "mine"));
}

/* DESIGN 3: nor may root of another user namespace. */
TEST_F(names, s3_namespace_root)
{
	const int ch = ch_make_named(PREFIX "host", 1, 0666);
	struct stat st;
	pid_t pid;
	int mine;

	ASSERT_LE(0, ch);
	pid = child();
	if (!pid) {
		EXPECT_EQ(0, become_namespace_root(USER));
		EXPECT_EQ(0U, geteuid());
		EXPECT_EQ(-EPERM, ch_unlink(PREFIX "host"));
		EXPECT_EQ(-EPERM, ch_unlink_handle(ch));
		EXPECT_EQ(-EPERM, ch_close(ch));
		mine = ch_make_named(PREFIX "guest", 1, 0600);
		EXPECT_LE(0, mine);
		EXPECT_EQ(-ENOENT, ch_open(PREFIX "guest", O_RDWR));
		EXPECT_LE(0, ch_open(USER_DIRECTORY PREFIX "guest", O_RDWR));
		EXPECT_EQ(0, ch_close(mine));
		_exit(!_metadata->passed);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0600, mode_of(DIRECTORY USER_DIRECTORY PREFIX "guest"));
	ASSERT_EQ(0, stat(DIRECTORY USER_DIRECTORY PREFIX "guest", &st));
	EXPECT_EQ((uid_t)USER, st.st_uid);
	EXPECT_EQ(0U, ch_info(ch).closed);
	EXPECT_STREQ(PREFIX "host", ch_info(ch).name);
}

/* DESIGN 3: a regular file exists where the device file should be. */
TEST_F(names, s3_stray_file)
{
	const int ch = ch_make(1, 16, 0);
	struct stat st;
	int fd;

	ASSERT_LE(0, ch);
	mkdir(DIRECTORY, 0755);
	fd = open(DIRECTORY PREFIX "stray", O_CREAT | O_EXCL | O_RDWR, 0600);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EEXIST, ch_link(ch, PREFIX "stray", 0600));
	EXPECT_STREQ("", ch_info(ch).name);
	ASSERT_EQ(0, stat(DIRECTORY PREFIX "stray", &st));
	EXPECT_TRUE(S_ISREG(st.st_mode));
	EXPECT_EQ(-1, stat("/sys/class/gochan/" PREFIX "stray", &st));

	/* once it is removed the name is available */
	ASSERT_EQ(0, unlink(DIRECTORY PREFIX "stray"));
	EXPECT_EQ(0, ch_link(ch, PREFIX "stray", 0600));
}

/* DESIGN 3: so does a device node, even one with the next number. */
TEST_F(names, s3_stray_node)
{
	const int ch = ch_make(1, 16, 0);
	const int first = ch_make_named(PREFIX "first", 1, 0600);
	const dev_t number = number_of(DIRECTORY PREFIX "first");
	unsigned int i;

	ASSERT_LE(0, ch);
	ASSERT_LE(0, first);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, mknod(DIRECTORY PREFIX "stray", S_IFCHR | 0600,
				   makedev(major(number), minor(number) + i)));
		EXPECT_EQ(-EEXIST, ch_link(ch, PREFIX "stray", 0600));
		EXPECT_EQ(0, unlink(DIRECTORY PREFIX "stray"));
	}
	EXPECT_STREQ("", ch_info(ch).name);
}

/* DESIGN 3: /dev is not a devtmpfs. */
TEST_F(names, s3_no_devtmpfs)
{
	const int ch = ch_make(1, 16, 0);
	int ret;

	ASSERT_LE(0, ch);
	ASSERT_EQ(0, mount("none", "/dev", "tmpfs", 0, NULL));
	ret = ch_link(ch, PREFIX "nowhere", 0600);
	ASSERT_EQ(0, umount("/dev"));
	EXPECT_EQ(-ENODEV, ret);
	EXPECT_STREQ("", ch_info(ch).name);
	EXPECT_EQ(-ENOENT, mode_of(DIRECTORY PREFIX "nowhere"));
	EXPECT_EQ(0, ch_link(ch, PREFIX "nowhere", 0600));
}

/* DESIGN 3: names belong to the host: the /dev of a container does not matter. */
TEST_F(names, s3_container_without_dev)
{
	const int ch = ch_make(1, 16, 0);
	pid_t pid;

	ASSERT_LE(0, ch);
	pid = child();
	if (!pid) {
		EXPECT_EQ(0, unshare(CLONE_NEWNS));
		EXPECT_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
		EXPECT_EQ(0, mount("none", "/dev", "tmpfs", 0, NULL));
		EXPECT_EQ(0, ch_link(ch, PREFIX "host", 0600));
		_exit(!_metadata->passed);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0600, mode_of(DIRECTORY PREFIX "host"));
}

/* DESIGN 3: a bind mount of the device file opens the channel. */
TEST_F(names, s3_bind_mount)
{
	const int ch = ch_make_named(PREFIX "bound", 1, 0600);
	int fd;

	ASSERT_LE(0, ch);
	close(open(COPY, O_CREAT | O_RDWR, 0600));
	ASSERT_EQ(0, mount(DIRECTORY PREFIX "bound", COPY, NULL, MS_BIND, NULL));
	fd = open(COPY, O_RDONLY | O_CLOEXEC);
	EXPECT_EQ(0, umount2(COPY, MNT_DETACH));
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_STREQ("a", recv_text(fd));
}

static int open_copy(dev_t number)
{
	int fd;

	if (mknod(COPY, S_IFCHR | 0666, number))
		return -errno;
	fd = open(COPY, O_RDWR | O_CLOEXEC);
	fd = fd < 0 ? -errno : fd;
	unlink(COPY);
	return fd;
}

/* DESIGN 3: a copy of the device node cannot be opened. */
TEST_F(names, s3_copy_never_opens)
{
	const int ch = ch_make_named(PREFIX "real", 1, 0600);
	const dev_t number = number_of(DIRECTORY PREFIX "real");

	ASSERT_LE(0, ch);
	EXPECT_EQ(-ENXIO, open_copy(number));
	EXPECT_EQ(0, ch_unlink(PREFIX "real"));
	EXPECT_EQ(-ENXIO, open_copy(number));
	EXPECT_LE(0, ch_make_named(PREFIX "real", 1, 0600));
	EXPECT_EQ(-ENXIO, open_copy(number));
	EXPECT_EQ(-ENXIO, open_copy(number_of(DIRECTORY PREFIX "real")));
	EXPECT_EQ(-ENXIO, open_copy(makedev(major(number), 0xfffff)));
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

/* DESIGN 3: after UNLINK an old descriptor cannot be reopened. */
TEST_F(names, s3_stale_descriptor)
{
	const int ch = ch_make_named(PREFIX "old", 1, 0600);
	const int handle = ch_open(PREFIX "old", O_RDWR);
	const int path = ch_open(PREFIX "old", O_PATH);
	int fd;

	ASSERT_LE(0, handle);
	ASSERT_LE(0, path);
	fd = reopen(path, O_RDWR);
	EXPECT_LE(0, fd);
	EXPECT_STREQ(PREFIX "old", ch_info(fd).name);
	EXPECT_LE(0, reopen(handle, O_RDONLY));
	EXPECT_EQ(0, ch_unlink(PREFIX "old"));
	EXPECT_EQ(-ENXIO, reopen(path, O_RDWR));
	EXPECT_EQ(-ENXIO, reopen(handle, O_RDWR));
	EXPECT_LE(0, ch_make_named(PREFIX "old", 1, 0600));
	EXPECT_EQ(-ENXIO, reopen(path, O_RDWR));
	EXPECT_EQ(-ENXIO, reopen(handle, O_RDWR));
	EXPECT_EQ(1, send_text(handle, "a"));
	EXPECT_STREQ("a", recv_text(ch));
}

/* DESIGN 3: device numbers are not reused at once. */
TEST_F(names, s3_numbers_not_reused_at_once)
{
	dev_t numbers[24];
	size_t i, k;
	int ch;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		ch = ch_make_named(PREFIX "turn", 0, 0600);
		ASSERT_LE(0, ch);
		numbers[i] = number_of(DIRECTORY PREFIX "turn");
		ASSERT_NE(0U, numbers[i]);
		ASSERT_EQ(0, ch_unlink(PREFIX "turn"));
		close(ch);
		for (k = 0; k < i; k++)
			EXPECT_NE(numbers[k], numbers[i]);
	}
}

/* DESIGN 3: handles outlive the name. */
TEST_F(names, s3_handles_outlive_name)
{
	const int ch = ch_make_named(PREFIX "short", 2, 0600);
	const int receiver = ch_open(PREFIX "short", O_RDONLY);
	struct job *job;

	ASSERT_LE(0, receiver);
	ASSERT_EQ(1, send_text(ch, "a"));
	EXPECT_EQ(0, ch_unlink(PREFIX "short"));
	EXPECT_EQ(1, send_text(ch, "b"));
	EXPECT_STREQ("a", recv_text(receiver));
	EXPECT_STREQ("b", recv_text(receiver));
	job = job_recv(BY_PROCESS, receiver, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	EXPECT_EQ(1, send_text(ch, "c"));
	EXPECT_STREQ("c", job_text(job));
}

/* DESIGN 3: a named channel and its contents outlive its handles. */
TEST_F(names, s3_name_outlives_handles)
{
	int ch = ch_make_named(PREFIX "lives", 2, 0600);

	ASSERT_LE(0, ch);
	ASSERT_EQ(1, send_text(ch, "a"));
	close(ch);
	EXPECT_EQ(1, attr(PREFIX "lives", "len"));
	ch = ch_open(PREFIX "lives", O_RDWR);
	EXPECT_EQ(1U, ch_info(ch).len);
	EXPECT_EQ(1U, ch_info(ch).sent);
	EXPECT_STREQ("a", try_recv_text(ch));
}

/* DESIGN 3: waiters stay blocked when the name is removed. */
TEST_F(names, s3_unlink_under_waiters)
{
	const int ch = ch_make_named(PREFIX "wait", 1, 0600);
	struct job *job;

	ASSERT_LE(0, ch);
	job = job_recv(BY_PROCESS, ch_open(PREFIX "wait", O_RDWR), 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	EXPECT_EQ(0, ch_unlink(PREFIX "wait"));
	EXPECT_EQ(1U, ch_info(ch).receivers_waiting);
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_STREQ("a", job_text(job));
}

/* DESIGN 3: sysfs attributes are correct, for a user's channel too. */
TEST_F(names, s3_sysfs)
{
	const char *const theirs = AS_TEXT(USER) "!" PREFIX "attrs";
	const int ch = ch_make_named(PREFIX "attrs", 3, 0600);
	int user;

	ASSERT_LE(0, ch);
	EXPECT_EQ(3, attr(PREFIX "attrs", "capacity"));
	EXPECT_EQ(GOCHAN_DEFAULT_MSG_SIZE, attr(PREFIX "attrs", "msg_size"));
	EXPECT_EQ(0, attr(PREFIX "attrs", "len"));
	EXPECT_EQ(0, attr(PREFIX "attrs", "closed"));
	send_text(ch, "a");
	send_text(ch, "b");
	EXPECT_EQ(2, attr(PREFIX "attrs", "len"));
	recv_text(ch);
	EXPECT_EQ(1, attr(PREFIX "attrs", "len"));
	EXPECT_EQ(0, ch_close(ch));
	EXPECT_EQ(1, attr(PREFIX "attrs", "closed"));
	EXPECT_EQ(1, attr(PREFIX "attrs", "len"));
	EXPECT_GT(0, write_text("/sys/class/gochan/" PREFIX "attrs/capacity",
				"5"));
	EXPECT_EQ(3, attr(PREFIX "attrs", "capacity"));

	ASSERT_EQ(0, as_user(USER));
	user = ch_make_named(PREFIX "attrs", 5, 0600);
	ASSERT_LE(0, user);
	EXPECT_EQ(5, attr(theirs, "capacity"));
	EXPECT_EQ(0, attr(theirs, "closed"));
	EXPECT_EQ(0, ch_unlink_handle(user));
	EXPECT_EQ(-ENOENT, attr(theirs, "capacity"));
}

static int listen_to_uevents(void)
{
	struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = 1,
	};
	const int sock = socket(AF_NETLINK, SOCK_DGRAM | SOCK_NONBLOCK,
				NETLINK_KOBJECT_UEVENT);

	if (sock < 0 || bind(sock, (struct sockaddr *)&address,
			     sizeof(address)))
		return -errno;
	return sock;
}

/* DESIGN 3: naming a channel causes no uevent. */
TEST_F(names, s3_no_uevent)
{
	const int sock = listen_to_uevents();
	char text[4096];
	ssize_t len;
	int ch;

	ASSERT_LE(0, sock);
	ch = ch_make_named(PREFIX "quiet", 1, 0600);
	ASSERT_LE(0, ch);
	EXPECT_EQ(0, ch_unlink(PREFIX "quiet"));
	while ((len = recv(sock, text, sizeof(text), 0)) >= 0)
		EXPECT_EQ(NULL, memmem(text, len, "gochan", 6));
	EXPECT_EQ(EAGAIN, errno);
}

/* DESIGN 3: an open that races with LINK and UNLINK gets the channel or an error. */
TEST_F(names, s3_open_races_unlink)
{
	pid_t pid;
	int i, ch;

	pid = child();
	if (!pid) {
		for (;;) {
			ch = ch_open(PREFIX "race", O_RDWR);
			if (ch == -ENOENT || ch == -ENXIO)
				continue;
			if (ch < 0 || ch_info(ch).capacity != 7)
				_exit(1);
			close(ch);
		}
	}
	for (i = 0; i < 40; i++) {
		ch = ch_make_named(PREFIX "race", 7, 0600);
		ASSERT_LE(0, ch);
		if (i % 2)
			close(ch);
		ASSERT_EQ(0, ch_unlink(PREFIX "race"));
		if (!(i % 2))
			close(ch);
	}
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
}

/* DESIGN 3: of two processes that link the same name one succeeds. */
TEST_F(names, s3_link_races_link)
{
	int i, ch, won, status;
	pid_t pid;

	for (i = 0; i < 20; i++) {
		ch = ch_make(1, 16, 0);
		ASSERT_LE(0, ch);
		pid = child();
		if (!pid) {
			ch = ch_make_named(PREFIX "prize", 1, 0600);
			_exit(ch == -EEXIST ? 1 : ch < 0 ? 2 : 0);
		}
		won = ch_link(ch, PREFIX "prize", 0600);
		status = reap(pid);
		EXPECT_TRUE((!won && status == 1) ||
			    (won == -EEXIST && !status));
		ASSERT_EQ(0, ch_unlink(PREFIX "prize"));
		close(ch);
	}
}

TEST_HARNESS_MAIN
