// SPDX-License-Identifier: GPL-2.0
/*
 * Mounts of gochanfs (DESIGN 3): options, instances, unmounting, containers and user
 * namespaces; and what kind of file a handle is. Names are tested in names.c, pinning the
 * module in module.c, device cgroups in security.c.
 */
#include <kselftest_harness.h>

#include "../lib/common.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#define DIRECTORY	"/dev/gochans/"
#define PLACE		"/tmp/" PREFIX "mounts"

FIXTURE(mounts) {
};

FIXTURE_SETUP(mounts)
{
	umount2(PLACE, MNT_DETACH);
	ASSERT_TRUE(!mkdir(PLACE, 0755) || errno == EEXIST);
}

FIXTURE_TEARDOWN(mounts)
{
	as_root();
	umount2(PLACE, MNT_DETACH);
	rmdir(PLACE "/dir");
	rmdir(PLACE);
	unlink_all();
}

static int result(long ret)
{
	return ret < 0 ? -errno : (int)ret;
}

static int mount_at(const char *path, const char *options)
{
	return result(mount("gochan", path, "gochan", 0, options));
}

static int make_at(const char *path)
{
	char dir[256];
	int ch, ret;

	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	ch = ch_unnamed_in(dir, 0600);
	if (ch < 0)
		return ch;
	ret = ch_link_at(ch, path);
	if (!ret)
		return ch;
	close(ch);
	return ret;
}

/* DESIGN 3: the root directory is root's, with mode 1777, unless options say otherwise. */
TEST_F(mounts, s3_options)
{
	static const char *const bad[] = {
		"mode=10000", "mode=8", "uid=-1", "uid=x", "gid=4294967295", "max=3", "mode",
	};
	struct stat st;
	size_t i;

	ASSERT_EQ(0, mount_at(PLACE, NULL));
	ASSERT_EQ(0, stat(PLACE, &st));
	EXPECT_EQ(S_IFDIR | 01777U, st.st_mode);
	EXPECT_EQ(0U, st.st_uid);
	EXPECT_EQ(0U, st.st_gid);
	ASSERT_EQ(0, umount(PLACE));

	ASSERT_EQ(0, mount_at(PLACE, "mode=0750,uid=60001,gid=60002"));
	ASSERT_EQ(0, stat(PLACE, &st));
	EXPECT_EQ(S_IFDIR | 0750U, st.st_mode);
	EXPECT_EQ((uid_t)USER, st.st_uid);
	EXPECT_EQ((gid_t)OTHER, st.st_gid);
	ASSERT_EQ(0, umount(PLACE));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, mount_at(PLACE, bad[i])) {
			TH_LOG("%s", bad[i]);
		}
	}
}

/* DESIGN 3: statfs says which filesystem it is, and /proc/self/mounts its options. */
TEST_F(mounts, s3_statfs)
{
	char text[8192];
	struct statfs fs;

	ASSERT_EQ(0, mount_at(PLACE, "mode=0700,uid=60001"));
	ASSERT_EQ(0, statfs(PLACE, &fs));
	EXPECT_EQ(GOCHAN_SUPER_MAGIC, fs.f_type);
	EXPECT_EQ(255, fs.f_namelen);
	ASSERT_LT(0, read_text("/proc/self/mounts", text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, PLACE " gochan rw,relatime,mode=0700,uid=60001 "));
}

/* DESIGN 3: every mount is an instance of its own. */
TEST_F(mounts, s3_instances)
{
	int ch, unnamed;

	ASSERT_EQ(0, mount_at(PLACE, NULL));
	ch = make_at(PLACE "/a");
	unnamed = ch_unnamed_in(PLACE, 0600);
	ASSERT_LE(0, ch);
	ASSERT_LE(0, unnamed);
	EXPECT_EQ(-ENOENT, ch_open("a", O_RDWR));
	EXPECT_EQ(-EXDEV, ch_link(unnamed, "a"));
	EXPECT_EQ(-EXDEV, result(rename(PLACE "/a", DIRECTORY "a")));
	close(unnamed);
	close(ch);
	/* with the mount its channels go */
	ASSERT_EQ(0, umount(PLACE));
	ASSERT_EQ(0, mount_at(PLACE, NULL));
	EXPECT_EQ(-ENOENT, result(access(PLACE "/a", F_OK)));
}

/* DESIGN 3: mount flags: read-only nothing can be named, nodev nothing opened. */
TEST_F(mounts, s3_flags)
{
	int ch;

	ASSERT_EQ(0, mount_at(PLACE, NULL));
	ch = make_at(PLACE "/a");
	ASSERT_LE(0, ch);
	close(ch);
	ASSERT_EQ(0, mount(NULL, PLACE, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	EXPECT_EQ(-EROFS, make_at(PLACE "/b"));
	EXPECT_EQ(-EROFS, result(mkdir(PLACE "/b", 0700)));
	EXPECT_EQ(-EROFS, result(unlink(PLACE "/a")));
	EXPECT_EQ(-ENOENT, result(open(PLACE "/b", O_WRONLY | O_CREAT, 0600)));
	EXPECT_LE(0, open(PLACE "/a", O_RDWR | O_CLOEXEC));
	ASSERT_EQ(0, mount(NULL, PLACE, NULL, MS_REMOUNT | MS_BIND | MS_NODEV, NULL));
	EXPECT_EQ(-EACCES, result(open(PLACE "/a", O_RDWR | O_CLOEXEC)));
}

/* DESIGN 3: an open handle keeps the mount busy; umount -l leaves handles working. */
TEST_F(mounts, s3_unmount)
{
	struct job *job;
	int ch, receiver;

	ASSERT_EQ(0, mount_at(PLACE, NULL));
	ch = make_at(PLACE "/a");
	receiver = open(PLACE "/a", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, receiver);
	EXPECT_EQ(-EBUSY, result(umount(PLACE)));
	job = job_recv(BY_PROCESS, receiver, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	EXPECT_EQ(0, umount2(PLACE, MNT_DETACH));
	EXPECT_EQ(1U, ch_info(ch).receivers_waiting);
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_STREQ("a", job_text(job));
	EXPECT_LE(0, ch_dup(ch, O_WRONLY));
}

/* Make, use and unlink names forever. */
static void use_forever(void)
{
	int ch;

	for (;;) {
		ch = make_at(PLACE "/busy");
		if (ch >= 0)
			try_send_text(ch, "a");
		mkdir(PLACE "/dir", 0700);
		close(open(PLACE "/busy", O_RDONLY | O_CLOEXEC));
		rmdir(PLACE "/dir");
		unlink(PLACE "/busy");
		close(ch);
	}
}

/* DESIGN 3: mount and unmount under load. */
TEST_F(mounts, s3_unmount_under_load)
{
	const struct wait wait = wait_begin();
	int done = 0, ret;
	pid_t pid;

	ASSERT_EQ(0, mount_at(PLACE, NULL));
	pid = child();
	if (!pid)
		use_forever();
	while (done < 30) {
		ret = done % 2 ? result(umount(PLACE)) : result(umount2(PLACE, MNT_DETACH));
		if (ret == -EBUSY) {
			ASSERT_TRUE(wait_more(&wait));
			continue;
		}
		ASSERT_EQ(0, ret);
		ASSERT_EQ(0, mount_at(PLACE, NULL));
		done++;
	}
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
}

/* References to the module: of mounts and files. */
static int module_references(void)
{
	char text[32];

	return read_text("/sys/module/gochan/refcnt", text, sizeof(text)) < 0 ? -1 : atoi(text);
}

static bool wait_for_references(int count)
{
	const struct wait wait = wait_begin();

	do {
		if (module_references() == count)
			return true;
	} while (wait_more(&wait));
	return false;
}

/* Start a process that sends or receives on @ch forever, and holds no other descriptor. */
static pid_t traffic(int ch, bool send)
{
	const pid_t pid = child();
	char c = 'x';

	if (pid)
		return pid;
	close_range(0, ch - 1, 0);
	close_range(ch + 1, ~0U, 0);
	while ((send ? ch_send(ch, &c, 1) : ch_recv(ch, &c, 1)) == 1)
		;
	_exit(1);
}

static bool wait_for_sent(int ch, unsigned long long sent)
{
	const struct wait wait = wait_begin();

	do {
		if (ch_info(ch).sent >= sent)
			return true;
	} while (wait_more(&wait));
	return false;
}

/* DESIGN 3: umount -l under senders and receivers, which go on; nothing is left of them. */
TEST_F(mounts, s3_unmount_under_traffic)
{
	const int references = module_references();
	int chs[2], i, round;
	pid_t pids[8];

	ASSERT_LE(0, references);
	for (round = 0; round < 5; round++) {
		ASSERT_EQ(0, mount_at(PLACE, NULL));
		chs[0] = make_at(PLACE "/a");
		chs[1] = make_at(PLACE "/b");
		ASSERT_LE(0, chs[0]);
		ASSERT_LE(0, chs[1]);
		for (i = 0; i < 8; i++) {
			const int fd = open(i % 2 ? PLACE "/b" : PLACE "/a",
					    (i / 2 % 2 ? O_RDONLY : O_WRONLY) | O_CLOEXEC);

			ASSERT_LE(0, fd);
			pids[i] = traffic(fd, !(i / 2 % 2));
			close(fd);
		}
		for (i = 0; i < 2; i++)
			ASSERT_TRUE(wait_for_sent(chs[i], 50));
		EXPECT_EQ(-EBUSY, result(umount(PLACE)));
		EXPECT_EQ(0, umount2(PLACE, MNT_DETACH));
		EXPECT_EQ(-ENOENT, result(access(PLACE "/a", F_OK)));
		for (i = 0; i < 2; i++)
			ASSERT_TRUE(wait_for_sent(chs[i], ch_info(chs[i]).sent + 50));
		close(chs[0]);
		/* the last handles are those of killed processes, or this one */
		for (i = 0; i < 8; i++)
			EXPECT_EQ(128 + SIGKILL, reap_killed(pids[i]));
		EXPECT_EQ(0U, ch_info(chs[1]).senders_waiting);
		EXPECT_EQ(0U, ch_info(chs[1]).receivers_waiting);
		close(chs[1]);
		EXPECT_TRUE(wait_for_references(references));
	}
}

/* DESIGN 3: in a user namespace, one may mount and create. */
TEST_F(mounts, s3_user_namespace)
{
	struct stat st;
	pid_t pid;
	int ch;

	pid = child();
	if (!pid) {
		EXPECT_EQ(0, become_namespace_root(USER));
		EXPECT_EQ(-EPERM, mount_at(PLACE, NULL));
		EXPECT_EQ(0, unshare(CLONE_NEWNS));
		EXPECT_EQ(0, mount_at(PLACE, NULL));
		EXPECT_EQ(0, stat(PLACE, &st));
		EXPECT_EQ(0U, st.st_uid);
		ch = make_at(PLACE "/a");
		EXPECT_LE(0, ch);
		EXPECT_EQ(0, mkdir(PLACE "/dir", 0700));
		EXPECT_EQ(0, rename(PLACE "/a", PLACE "/dir/a"));
		EXPECT_LE(0, open(PLACE "/dir/a", O_WRONLY | O_CLOEXEC));
		EXPECT_EQ(1, send_text(ch_dup(ch, O_WRONLY), "") + 1);
		EXPECT_EQ(0, ch_close(ch));
		EXPECT_EQ(0, unlink(PLACE "/dir/a"));
		/* no device can be made, and no stranger's id be used */
		EXPECT_EQ(-EPERM, result(mknod(PLACE "/null", S_IFCHR | 0666,
					       makedev(1, 3))));
		EXPECT_EQ(-EINVAL, mount_at(PLACE, "uid=1"));
		_exit(!_metadata->passed);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(-ENOENT, result(access(PLACE "/dir", F_OK)));
}

/* The options that /proc/self/mounts shows for a mount. */
static const char *shown_options(const char *path)
{
	static char text[8192];
	char *line, *options;

	if (read_text("/proc/self/mounts", text, sizeof(text)) < 0)
		return "";
	line = strstr(text, path);
	options = line ? strchr(line + strlen(path) + 1, ' ') : NULL;
	if (!options)
		return "";
	options[1 + strcspn(options + 1, " ")] = '\0';
	return options + 1;
}

/*
 * DESIGN 3: the options shown are those of the mount's user namespace; mount(8) gives them
 * again for a remount, which ignores them, as tmpfs does.
 */
TEST_F(mounts, s3_remount)
{
	struct stat st;
	pid_t pid;

	pid = child();
	if (!pid) {
		EXPECT_EQ(0, become_root_of_subordinates(USER, 100000, 8));
		EXPECT_EQ(0, unshare(CLONE_NEWNS));
		EXPECT_EQ(0, mount_at(PLACE, NULL));
		EXPECT_STREQ("rw,relatime", shown_options(PLACE));
		EXPECT_EQ(0, umount(PLACE));
		EXPECT_EQ(0, mount_at(PLACE, "mode=0750,uid=1,gid=2"));
		EXPECT_STREQ("rw,relatime,mode=0750,uid=1,gid=2", shown_options(PLACE));
		EXPECT_EQ(0, result(mount(NULL, PLACE, NULL, MS_REMOUNT,
					  "mode=0700,uid=1,gid=2")));
		EXPECT_EQ(0, stat(PLACE, &st));
		EXPECT_EQ(S_IFDIR | 0750U, st.st_mode);
		EXPECT_EQ(1U, st.st_uid);
		EXPECT_EQ(2U, st.st_gid);
		EXPECT_EQ(-EINVAL, result(mount(NULL, PLACE, NULL, MS_REMOUNT, "uid=9")));
		EXPECT_EQ(-EINVAL, result(mount(NULL, PLACE, NULL, MS_REMOUNT, "max=3")));
		_exit(!_metadata->passed);
	}
	EXPECT_EQ(0, reap(pid));
}

/* What Docker gives by default, of the first 32. */
static int container_caps(void)
{
	const unsigned int caps = 1U << CAP_CHOWN | 1U << CAP_DAC_OVERRIDE | 1U << CAP_FSETID |
		1U << CAP_FOWNER | 1U << CAP_MKNOD | 1U << CAP_NET_RAW | 1U << CAP_SETGID |
		1U << CAP_SETUID | 1U << CAP_SETFCAP | 1U << CAP_SETPCAP |
		1U << CAP_NET_BIND_SERVICE | 1U << CAP_SYS_CHROOT | 1U << CAP_KILL |
		1U << CAP_AUDIT_WRITE;
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{ .effective = caps, .permitted = caps },
	};

	return result(syscall(SYS_capset, &head, data));
}

/* A root directory in which there is only /dev/gochan, and namespaces of its own. */
static int enter_container(void)
{
	int fd;

	if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", PLACE, "tmpfs", 0, NULL) || mkdir(PLACE "/dev", 0755))
		return -errno;
	fd = open(PLACE "/dev/gochan", O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
	close(fd);
	if (mount("/dev/gochan", PLACE "/dev/gochan", NULL, MS_BIND, NULL) ||
	    chroot(PLACE) || chdir("/"))
		return -errno;
	return container_caps();
}

/* DESIGN 3: a container that is given /dev/gochan reaches no name of the host. */
TEST_F(mounts, s3_container)
{
	static char old_link[72] = PREFIX "host";
	const int host = ch_make_named(PREFIX "host", 1, 0666);
	struct statvfs before, after;
	pid_t pid;
	int ch;

	ASSERT_LE(0, host);
	ASSERT_EQ(0, statvfs(DIRECTORY, &before));
	pid = child();
	if (!pid) {
		EXPECT_EQ(0, enter_container());
		ch = ch_make(1, 16, 0);
		EXPECT_LE(0, ch);
		EXPECT_EQ(1, send_text(ch, "a"));
		EXPECT_EQ(0, mkdir("/dev/gochans", 0755));
		EXPECT_EQ(-EPERM, fs_mount());
		EXPECT_EQ(-ENOENT, ch_open(PREFIX "host", O_RDWR));
		EXPECT_EQ(-ENOENT, ch_unlink(PREFIX "host"));
		/* what ABI 1 called LINK and UNLINK */
		EXPECT_EQ(-ENOTTY, result(ioctl(ch, _IOW(GOCHAN_IOC_MAGIC, 5, char[72]),
						old_link)));
		EXPECT_EQ(-ENOTTY, result(ioctl(ch, _IOW(GOCHAN_IOC_MAGIC, 6, char[72]),
						old_link)));
		/* not even a copy of the device file */
		EXPECT_EQ(0, mknod("/copy", S_IFCHR | 0666, 0));
		EXPECT_EQ(-ENXIO, result(open("/copy", O_RDWR)));
		_exit(!_metadata->passed);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, access(DIRECTORY PREFIX "host", F_OK));
	EXPECT_EQ(0U, ch_info(host).closed);
	ASSERT_EQ(0, statvfs(DIRECTORY, &after));
}

/* As an engine without root lays out /dev: it binds the host's device, mounts names. */
static int enter_rootless(void)
{
	int fd;

	if (unshare(CLONE_NEWNS | CLONE_NEWIPC) ||
	    mount("none", PLACE, "tmpfs", 0, NULL) || mkdir(PLACE "/dev", 0755) ||
	    mkdir(PLACE "/dev/gochans", 0755) || mkdir(PLACE "/proc", 0755))
		return -errno;
	fd = open(PLACE "/dev/gochan", O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
	close(fd);
	if (mount("/dev/gochan", PLACE "/dev/gochan", NULL, MS_BIND, NULL) ||
	    mount("/proc", PLACE "/proc", NULL, MS_BIND | MS_REC, NULL) ||
	    mount("gochan", PLACE "/dev/gochans", "gochan", MS_NOSUID | MS_NOEXEC, NULL) ||
	    chroot(PLACE) || chdir("/"))
		return -errno;
	return 0;
}

/* DESIGN 3, R19: a container without root on the host, its users and its limits. */
TEST_F(mounts, s3_r19_rootless)
{
	const int host = ch_make_named(PREFIX "host", 1, 0666);
	const long long most = param("max_user_named");
	struct stat st;
	pid_t pid;
	int ch, a, b, c;

	ASSERT_LE(0, host);
	ASSERT_EQ(0, set_param("max_user_named", 3));
	pid = child();
	if (!pid) {
		EXPECT_EQ(0, become_root_of_subordinates(USER, 100000, 8));
		EXPECT_EQ(0, enter_rootless());
		EXPECT_EQ(-ENOENT, ch_open(PREFIX "host", O_RDWR));
		ch = ch_make(1, 16, 0);
		EXPECT_EQ(1, send_text(ch, "a"));
		EXPECT_STREQ("a", recv_text(ch_dup(ch, O_RDONLY)));
		/* the container's own users */
		a = ch_make_named("root", 1, 0600);
		b = ch_make_named("all", 1, 0666);
		EXPECT_LE(0, a);
		EXPECT_LE(0, b);
		EXPECT_EQ(0, as_user(1));
		EXPECT_EQ(-EACCES, ch_open("root", O_RDWR));
		EXPECT_LE(0, ch_open("all", O_RDWR));
		EXPECT_EQ(-EPERM, ch_close(b));
		EXPECT_EQ(-EPERM, ch_unlink("all"));
		c = ch_make_named("user", 1, 0600);
		EXPECT_LE(0, c);
		EXPECT_EQ(0, stat("/dev/gochans/user", &st));
		EXPECT_EQ(1U, st.st_uid);
		/* all of them share the limit of the host's user */
		EXPECT_EQ(-EDQUOT, ch_make_named("more", 1, 0600));
		EXPECT_EQ(0, as_root());
		EXPECT_EQ(-EDQUOT, result(mkdir("/dev/gochans/dir", 0700)));
		/* root of the container has CAP_FOWNER over its users' inodes */
		EXPECT_EQ(0, ch_close(c));
		EXPECT_EQ(0, ch_unlink("user"));
		close(c);
		EXPECT_EQ(0, result(mkdir("/dev/gochans/dir", 0700)));
		_exit(!_metadata->passed);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, set_param("max_user_named", most));
	/* with the container its names are gone, and their charges */
	ASSERT_EQ(0, as_user(USER));
	EXPECT_LE(0, ch_make_named(PREFIX "mine", 1, 0600));
}

static bool is_device(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISCHR(st.st_mode);
}

/* DESIGN 3: every handle is a character device. */
TEST_F(mounts, s3_kind_of_file)
{
	const int ch = ch_make(1, 16, 0);
	const int named = ch_make_named(PREFIX "named", 1, 0600);
	int fds[2];

	ASSERT_EQ(0, ch_pair(fds, 1, 16, 0));
	EXPECT_TRUE(is_device(ch));
	EXPECT_TRUE(is_device(fds[0]));
	EXPECT_TRUE(is_device(fds[1]));
	EXPECT_TRUE(is_device(ch_unnamed_in("/dev/gochans", 0600)));
	EXPECT_TRUE(is_device(named));
	EXPECT_TRUE(is_device(ch_open(PREFIX "named", O_RDONLY)));
	EXPECT_TRUE(is_device(ch_dup(named, O_WRONLY)));
}

/* The file behind a descriptor. */
static const char *path_of(int fd)
{
	static char path[256];
	char link[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	path[len < 0 ? 0 : len] = '\0';
	return path;
}

/* DESIGN 3: the duplicate of a named handle is on the same path and inode. */
TEST_F(mounts, s3_duplicates)
{
	const int named = ch_make_named(PREFIX "named", 1, 0600);
	const int opened = ch_open(PREFIX "named", O_RDWR);
	const int dup = ch_dup(opened, O_RDONLY);
	const int unnamed = ch_dup(ch_make(1, 16, 0), O_RDONLY);
	struct stat st, dup_st;

	ASSERT_LE(0, named);
	ASSERT_LE(0, dup);
	ASSERT_EQ(0, fstat(opened, &st));
	ASSERT_EQ(0, fstat(dup, &dup_st));
	EXPECT_EQ(st.st_ino, dup_st.st_ino);
	EXPECT_EQ(st.st_dev, dup_st.st_dev);
	EXPECT_STREQ(DIRECTORY PREFIX "named", path_of(dup));
	EXPECT_EQ(O_RDONLY, fcntl(dup, F_GETFL) & O_ACCMODE);
	ASSERT_EQ(0, fstat(unnamed, &dup_st));
	EXPECT_NE(st.st_dev, dup_st.st_dev);
	EXPECT_EQ(0U, dup_st.st_rdev);
	/* a duplicate can be made when the mode has changed, and the name is gone */
	ASSERT_EQ(0, chmod(DIRECTORY PREFIX "named", 0));
	ASSERT_EQ(0, ch_unlink(PREFIX "named"));
	ASSERT_EQ(0, as_user(USER));
	EXPECT_LE(0, ch_dup(opened, O_WRONLY));
}

TEST_HARNESS_MAIN
