// SPDX-License-Identifier: GPL-2.0
/*
 * Names (DESIGN 3): what can be done with files of a gochanfs, and by whom. Mounts,
 * containers and what a handle looks like are tested in mounts.c, pinning the module in
 * module.c, limits in limits.c.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#define DIRECTORY	"/dev/gochans/"
#define COPY		"/dev/" PREFIX "copy"
#define HARDLINKS	"/proc/sys/fs/protected_hardlinks"

FIXTURE(names) {
	char hardlinks[16];
};

FIXTURE_SETUP(names)
{
	ASSERT_LE(0, read_text(HARDLINKS, self->hardlinks, sizeof(self->hardlinks)));
}

FIXTURE_TEARDOWN(names)
{
	as_root();
	write_text(HARDLINKS, self->hardlinks);
	unlink_all();
	unlink(COPY);
}

static int result(int ret)
{
	return ret < 0 ? -errno : ret;
}

static int mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -errno : (int)(st.st_mode & 07777);
}

/* DESIGN 3: O_TMPFILE, SETUP and linkat make a device file of the caller's. */
TEST_F(names, s3_create)
{
	const int ch = ch_make_named(PREFIX "file", 2, 0640);
	struct stat st;
	int fd;

	ASSERT_LE(0, ch);
	ASSERT_EQ(0, stat(DIRECTORY PREFIX "file", &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0U, st.st_rdev);
	EXPECT_EQ(0640U, st.st_mode & 07777);
	EXPECT_EQ(1U, st.st_nlink);
	EXPECT_EQ(0U, st.st_uid);
	EXPECT_EQ(0U, st.st_gid);

	fd = ch_open(PREFIX "file", O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(ch_info(ch).id, ch_info(fd).id);
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_STREQ("a", recv_text(fd));
	EXPECT_EQ(2U, ch_info(ch).recv_handles);
	EXPECT_EQ(1U, ch_info(ch).send_handles);
	EXPECT_EQ(0, ch_unlink(PREFIX "file"));
	EXPECT_EQ(-ENOENT, mode_of(DIRECTORY PREFIX "file"));
}

/* DESIGN 3: an unnamed channel is not found by name, and setup is not too late. */
TEST_F(names, s3_unnamed_until_linked)
{
	const int ch = ch_unnamed_in("/dev/gochans", 0600);

	ASSERT_LE(0, ch);
	EXPECT_EQ(-ENOENT, ch_open(PREFIX "late", O_RDWR));
	EXPECT_EQ(0, ch_setup(ch, 3, 16, 0));
	EXPECT_EQ(0, ch_link(ch, PREFIX "late"));
	EXPECT_EQ(3U, ch_info(ch_open(PREFIX "late", O_RDWR)).capacity);
}

/* DESIGN 3: naming freezes the setup. */
TEST_F(names, s3_link_freezes_setup)
{
	const int ch = ch_unnamed_in("/dev/gochans", 0600);

	ASSERT_LE(0, ch);
	EXPECT_EQ(0, ch_link(ch, PREFIX "frozen"));
	EXPECT_EQ(-EBUSY, ch_setup(ch, 3, 16, 0));
	EXPECT_EQ(0U, ch_info(ch).capacity);
}

/* DESIGN 3: O_TMPFILE without both directions fails. */
TEST_F(names, s3_tmpfile_needs_both_directions)
{
	EXPECT_EQ(-EINVAL, result(open(DIRECTORY, O_TMPFILE | O_WRONLY, 0600)));
	EXPECT_EQ(-EINVAL, result(open(DIRECTORY, O_TMPFILE | O_RDONLY, 0600)));
	EXPECT_EQ(-EINVAL, result(open(DIRECTORY, O_TMPFILE | O_ACCMODE, 0600)));
	EXPECT_LE(0, open(DIRECTORY, O_TMPFILE | O_RDWR, 0600));
}

/* DESIGN 3: with O_EXCL a channel stays unnamed. */
TEST_F(names, s3_tmpfile_excl)
{
	const int ch = open(DIRECTORY, O_TMPFILE | O_EXCL | O_RDWR, 0600);

	ASSERT_LE(0, ch);
	EXPECT_EQ(0, ch_setup(ch, 1, 16, 0));
	EXPECT_EQ(-ENOENT, ch_link(ch, PREFIX "never"));
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_STREQ("a", recv_text(ch));
}

/* DESIGN 3: a channel is named once. */
TEST_F(names, s3_link_once)
{
	const int ch = ch_make_named(PREFIX "once", 1, 0600);

	ASSERT_LE(0, ch);
	EXPECT_EQ(-EMLINK, ch_link(ch, PREFIX "twice"));
	EXPECT_EQ(-EMLINK, ch_link(ch_dup(ch, O_RDWR), PREFIX "twice"));
	EXPECT_EQ(-EMLINK, result(link(DIRECTORY PREFIX "once", DIRECTORY PREFIX "twice")));
	EXPECT_EQ(-EEXIST, ch_link(ch, PREFIX "once"));
	EXPECT_EQ(0, ch_unlink(PREFIX "once"));
	EXPECT_EQ(-ENOENT, ch_link(ch, PREFIX "twice"));
	EXPECT_EQ(-ENOENT, mode_of(DIRECTORY PREFIX "twice"));
}

/* DESIGN 3: the umask applies, and only permission bits are taken. */
TEST_F(names, s3_umask)
{
	const mode_t mask = umask(027);
	const int ch = open(DIRECTORY, O_TMPFILE | O_RDWR, 0666);
	const int odd = open(DIRECTORY, O_TMPFILE | O_RDWR, 06600);

	umask(mask);
	ASSERT_LE(0, ch);
	ASSERT_LE(0, odd);
	EXPECT_EQ(0, ch_link(ch, PREFIX "mask"));
	EXPECT_EQ(0, ch_link(odd, PREFIX "odd"));
	EXPECT_EQ(0640, mode_of(DIRECTORY PREFIX "mask"));
	EXPECT_EQ(0600, mode_of(DIRECTORY PREFIX "odd"));
}

/* DESIGN 3: chmod and chown work and persist. */
TEST_F(names, s3_chmod_chown_persist)
{
	const int ch = ch_make_named(PREFIX "lasts", 1, 0600);
	struct stat st;

	ASSERT_LE(0, ch);
	ASSERT_EQ(0, chmod(DIRECTORY PREFIX "lasts", 0644));
	ASSERT_EQ(0, chown(DIRECTORY PREFIX "lasts", USER, OTHER));
	close(ch_open(PREFIX "lasts", O_RDWR));
	close(ch);
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
	EXPECT_EQ(-EACCES, ch_open(PREFIX "drop", O_ACCMODE));
	fd = ch_open(PREFIX "drop", O_WRONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, send_text(fd, "a"));
	EXPECT_EQ(-EBADF, ch_recv(fd, &fd, 1));
	EXPECT_EQ(-EACCES, ch_dup(fd, O_RDWR));
	EXPECT_STREQ("a", recv_text(ch));
}

/* DESIGN 3, R6: a handle for neither direction allows INFO and counts as none. */
TEST_F(names, s3_r6_accmode)
{
	const int ch = ch_unnamed(2, 16, GOCHAN_HANGUP, 0600);
	int neither, sender, len;
	struct gochan_ops call = {};

	ASSERT_EQ(0, ch_link(ch, PREFIX "neither"));
	neither = ch_open(PREFIX "neither", O_ACCMODE);
	ASSERT_LE(0, neither);
	EXPECT_EQ(1U, ch_info(neither).send_handles);
	EXPECT_EQ(1U, ch_info(neither).recv_handles);
	EXPECT_EQ(2U, ch_info(neither).capacity);
	EXPECT_EQ(-EBADF, ch_close(neither));
	EXPECT_EQ(-EBADF, ch_dup(neither, O_RDONLY));
	EXPECT_EQ(-EBADF, ch_setup(neither, 1, 1, 0));
	EXPECT_EQ(-EBADF, result(ioctl(neither, GOCHAN_IOC_SELECT, &call)));
	EXPECT_EQ(-EBADF, result(ioctl(neither, FIONREAD, &len)));
	EXPECT_EQ(-EBADF, ch_recv(neither, &len, sizeof(len)));
	EXPECT_EQ(-EBADF, ch_send(neither, &len, sizeof(len)));
	EXPECT_EQ(POLLERR, ch_poll(neither));
	EXPECT_EQ(-EBADF, result(fcntl(neither, F_SETFL, O_ASYNC)));

	sender = ch_open(PREFIX "neither", O_WRONLY);
	close(ch_open(PREFIX "neither", O_RDONLY));
	close(ch);
	EXPECT_EQ(-EPIPE, try_send_text(sender, "a"));
	EXPECT_EQ(0U, ch_info(neither).recv_handles);
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

/* DESIGN 3: directories, with names in them. */
TEST_F(names, s3_directories)
{
	struct stat st, parent;
	int ch;

	ASSERT_EQ(0, stat(DIRECTORY, &parent));
	ASSERT_EQ(0, mkdir(DIRECTORY PREFIX "dir", 0750));
	ASSERT_EQ(0, stat(DIRECTORY, &st));
	EXPECT_EQ(parent.st_nlink + 1, st.st_nlink);
	EXPECT_EQ(-EEXIST, result(mkdir(DIRECTORY PREFIX "dir", 0750)));
	EXPECT_EQ(0750, mode_of(DIRECTORY PREFIX "dir"));
	ch = ch_make_named(PREFIX "dir/jobs", 4, 0666);
	ASSERT_LE(0, ch);
	EXPECT_EQ(4U, ch_info(ch_open(PREFIX "dir/jobs", O_RDWR)).capacity);
	ASSERT_EQ(0, stat(DIRECTORY PREFIX "dir", &st));
	EXPECT_EQ(2U, st.st_nlink);
	EXPECT_EQ(-ENOTEMPTY, result(rmdir(DIRECTORY PREFIX "dir")));
	EXPECT_EQ(-EISDIR, result(unlink(DIRECTORY PREFIX "dir")));

	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(-EACCES, ch_open(PREFIX "dir/jobs", O_RDWR));
	ASSERT_EQ(0, as_root());
	EXPECT_EQ(0, ch_unlink(PREFIX "dir/jobs"));
	EXPECT_EQ(0, rmdir(DIRECTORY PREFIX "dir"));
	EXPECT_EQ(-ENOENT, mode_of(DIRECTORY PREFIX "dir"));
	ASSERT_EQ(0, stat(DIRECTORY, &st));
	EXPECT_EQ(parent.st_nlink, st.st_nlink);
}

/* DESIGN 3: a channel made in one directory is named in another, and setgid is inherited. */
TEST_F(names, s3_setgid_directory)
{
	struct stat st;
	int ch;

	ASSERT_EQ(0, mkdir(DIRECTORY PREFIX "dir", 0755));
	ASSERT_EQ(0, chown(DIRECTORY PREFIX "dir", 0, OTHER));
	ASSERT_EQ(0, chmod(DIRECTORY PREFIX "dir", 02775));
	ch = ch_unnamed_in(DIRECTORY PREFIX "dir", 0660);
	ASSERT_LE(0, ch);
	EXPECT_EQ(0, ch_link(ch, PREFIX "elsewhere"));
	ASSERT_EQ(0, stat(DIRECTORY PREFIX "elsewhere", &st));
	EXPECT_EQ((gid_t)OTHER, st.st_gid);
}

/* DESIGN 3, R6: rename; a channel that is renamed over is unlinked. */
TEST_F(names, s3_r6_rename)
{
	const int ch = ch_make_named(PREFIX "a", 1, 0600);
	const int over = ch_make_named(PREFIX "b", 1, 0600);
	const int receiver = ch_open(PREFIX "b", O_RDONLY);
	struct job *job;

	ASSERT_LE(0, ch);
	close(over);
	job = job_recv(BY_PROCESS, receiver, 16);
	ASSERT_TRUE(wait_for_waiters(receiver, 0, 1));
	EXPECT_EQ(0, rename(DIRECTORY PREFIX "a", DIRECTORY PREFIX "b"));
	EXPECT_STREQ("(end)", job_text(job));
	EXPECT_EQ(-ENOENT, ch_open(PREFIX "a", O_RDWR));
	EXPECT_EQ(ch_info(ch).id, ch_info(ch_open(PREFIX "b", O_RDWR)).id);

	ASSERT_EQ(0, mkdir(DIRECTORY PREFIX "dir", 0755));
	EXPECT_EQ(0, rename(DIRECTORY PREFIX "b", DIRECTORY PREFIX "dir/c"));
	EXPECT_EQ(ch_info(ch).id, ch_info(ch_open(PREFIX "dir/c", O_RDWR)).id);
	ASSERT_EQ(0, mkdir(DIRECTORY PREFIX "dir2", 0755));
	EXPECT_EQ(-EISDIR, result(rename(DIRECTORY PREFIX "dir/c", DIRECTORY PREFIX "dir2")));
}

/* DESIGN 3: rename with its flags. */
TEST_F(names, s3_rename_flags)
{
	const int a = ch_make_named(PREFIX "a", 1, 0600);
	const int b = ch_make_named(PREFIX "b", 1, 0600);

	ASSERT_LE(0, a);
	ASSERT_LE(0, b);
	EXPECT_EQ(-EEXIST, result(renameat2(AT_FDCWD, DIRECTORY PREFIX "a", AT_FDCWD,
					    DIRECTORY PREFIX "b", RENAME_NOREPLACE)));
	EXPECT_EQ(0, renameat2(AT_FDCWD, DIRECTORY PREFIX "a", AT_FDCWD,
			       DIRECTORY PREFIX "b", RENAME_EXCHANGE));
	EXPECT_EQ(ch_info(a).id, ch_info(ch_open(PREFIX "b", O_RDWR)).id);
	EXPECT_EQ(ch_info(b).id, ch_info(ch_open(PREFIX "a", O_RDWR)).id);
	EXPECT_EQ(-EINVAL, result(renameat2(AT_FDCWD, DIRECTORY PREFIX "a", AT_FDCWD,
					    DIRECTORY PREFIX "c", RENAME_WHITEOUT)));
	EXPECT_EQ(0, ch_unlink(PREFIX "a"));
	EXPECT_EQ(0, ch_unlink(PREFIX "b"));
}

/* DESIGN 3, R6: channels whose names are exchanged keep a name, and do not hang up. */
TEST_F(names, s3_r6_exchange)
{
	struct job *receiver, *sender;
	int a, b;

	close(ch_make_named(PREFIX "a", 0, 0600));
	close(ch_make_named(PREFIX "b", 0, 0600));
	a = ch_open(PREFIX "a", O_WRONLY);
	b = ch_open(PREFIX "b", O_RDONLY);
	ASSERT_LE(0, a);
	ASSERT_LE(0, b);
	sender = job_send_text(BY_PROCESS, a, "a");
	receiver = job_recv(BY_PROCESS, b, 16);
	ASSERT_TRUE(wait_for_waiters(a, 1, 0));
	ASSERT_TRUE(wait_for_waiters(b, 0, 1));
	ASSERT_EQ(0, renameat2(AT_FDCWD, DIRECTORY PREFIX "a", AT_FDCWD,
			       DIRECTORY PREFIX "b", RENAME_EXCHANGE));
	EXPECT_EQ(1U, ch_info(a).senders_waiting);
	EXPECT_EQ(1U, ch_info(b).receivers_waiting);
	EXPECT_STREQ("a", try_recv_text(ch_open(PREFIX "b", O_RDONLY)));
	EXPECT_EQ(1, try_send_text(ch_open(PREFIX "a", O_WRONLY), "b"));
	EXPECT_EQ(1, job_wait(sender));
	EXPECT_STREQ("b", job_text(receiver));

	/* a channel and a directory */
	ASSERT_EQ(0, mkdir(DIRECTORY PREFIX "dir", 0755));
	ASSERT_EQ(0, renameat2(AT_FDCWD, DIRECTORY PREFIX "dir", AT_FDCWD,
			       DIRECTORY PREFIX "b", RENAME_EXCHANGE));
	EXPECT_EQ(ch_info(a).id, ch_info(ch_open(PREFIX "dir", O_WRONLY)).id);
	EXPECT_EQ(0, rmdir(DIRECTORY PREFIX "b"));
}

/* DESIGN 3: nothing but channels and directories can be made. */
TEST_F(names, s3_nothing_else)
{
	struct sockaddr_un address = {
		.sun_family = AF_UNIX, .sun_path = DIRECTORY PREFIX "x",
	};
	const int sock = socket(AF_UNIX, SOCK_STREAM, 0);

	EXPECT_EQ(-EPERM, result(mknod(DIRECTORY PREFIX "x", S_IFCHR | 0600, 0)));
	EXPECT_EQ(-EPERM, result(mknod(DIRECTORY PREFIX "x", S_IFBLK | 0600, makedev(7, 0))));
	EXPECT_EQ(-EPERM, result(mkfifo(DIRECTORY PREFIX "x", 0600)));
	EXPECT_EQ(-EPERM, result(symlink("/dev/null", DIRECTORY PREFIX "x")));
	EXPECT_EQ(-EPERM, result(bind(sock, (struct sockaddr *)&address, sizeof(address))));
	EXPECT_EQ(-ENOENT, result(mknod(DIRECTORY PREFIX "x", S_IFREG | 0600, 0)));
	EXPECT_EQ(-ENOENT, mode_of(DIRECTORY PREFIX "x"));
}

/* DESIGN 3: a mistyped name makes nothing, with O_CREAT as `>` has it, or without. */
TEST_F(names, s3_mistyped_name)
{
	const int ch = ch_make_named(PREFIX "typed", 1, 0600);

	ASSERT_LE(0, ch);
	EXPECT_EQ(-ENOENT, ch_open(PREFIX "tpyed", O_WRONLY));
	EXPECT_EQ(-ENOENT, result(open(DIRECTORY PREFIX "tpyed",
				       O_WRONLY | O_CREAT | O_TRUNC, 0666)));
	EXPECT_EQ(-ENOENT, result(open(DIRECTORY PREFIX "tpyed",
				       O_RDWR | O_CREAT | O_EXCL, 0666)));
	EXPECT_EQ(-ENOENT, mode_of(DIRECTORY PREFIX "tpyed"));
	EXPECT_LE(0, open(DIRECTORY PREFIX "typed", O_WRONLY | O_CREAT | O_TRUNC, 0666));
}

/* DESIGN 3: in a sticky directory `>` reaches one's own and the directory owner's. */
TEST_F(names, s3_sticky_directory)
{
	int ch;

	ASSERT_LE(0, ch_make_named(PREFIX "root", 1, 0666));
	ASSERT_EQ(0, as_user(OTHER));
	ch = ch_make_named(PREFIX "theirs", 1, 0666);
	ASSERT_LE(0, ch);
	ASSERT_EQ(0, as_root());
	ASSERT_EQ(0, as_user(USER));
	ASSERT_LE(0, ch_make_named(PREFIX "mine", 1, 0666));
	EXPECT_LE(0, ch_open(PREFIX "root", O_WRONLY | O_CREAT));
	EXPECT_LE(0, ch_open(PREFIX "mine", O_WRONLY | O_CREAT));
	EXPECT_EQ(-EACCES, ch_open(PREFIX "theirs", O_WRONLY | O_CREAT));
	EXPECT_LE(0, ch_open(PREFIX "theirs", O_WRONLY));
	EXPECT_EQ(-EPERM, ch_unlink(PREFIX "theirs"));
	EXPECT_EQ(-EPERM, ch_unlink(PREFIX "root"));
	EXPECT_EQ(-EPERM, result(rename(DIRECTORY PREFIX "theirs", DIRECTORY PREFIX "x")));
	EXPECT_EQ(0, ch_unlink(PREFIX "mine"));
}

/* As a shell opens a file for `>`, and for `>>`. */
static int redirect(const char *name)
{
	return ch_open(name, O_WRONLY | O_CREAT | O_TRUNC);
}

static int append(const char *name)
{
	return ch_open(name, O_WRONLY | O_CREAT | O_APPEND);
}

/*
 * DESIGN 3: two users, and redirections to a sticky and to a plain directory. In the
 * sticky one `>` reaches one's own channels and those of the directory's owner only.
 */
TEST_F(names, s3_redirections)
{
	int ch, fd;

	ASSERT_EQ(0, mkdir(DIRECTORY PREFIX "plain", 0777));
	ASSERT_EQ(0, chmod(DIRECTORY PREFIX "plain", 0777));
	ASSERT_EQ(0, as_user(OTHER));
	ASSERT_LE(0, ch_make_named(PREFIX "sticky", 1, 0666));
	ch = ch_make_named(PREFIX "plain/jobs", 4, 0666);
	ASSERT_LE(0, ch);
	ASSERT_EQ(0, as_root());

	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(-EACCES, redirect(PREFIX "sticky"));
	EXPECT_EQ(-EACCES, append(PREFIX "sticky"));
	EXPECT_EQ(-ENOENT, redirect(PREFIX "plain/tpyo"));
	EXPECT_EQ(-ENOENT, append(PREFIX "plain/tpyo"));
	fd = redirect(PREFIX "plain/jobs");
	EXPECT_EQ(1, try_send_text(fd, "a"));
	fd = append(PREFIX "plain/jobs");
	EXPECT_EQ(1, try_send_text(fd, "b"));
	EXPECT_EQ(2U, ch_info(ch).len);
	/* nothing is truncated */
	EXPECT_STREQ("a", try_recv_text(ch));
	EXPECT_STREQ("b", try_recv_text(ch));

	/* in a directory that one may not write to, names are opened just the same */
	ASSERT_EQ(0, as_root());
	ASSERT_EQ(0, chmod(DIRECTORY PREFIX "plain", 0755));
	ASSERT_EQ(0, as_user(USER));
	EXPECT_LE(0, redirect(PREFIX "plain/jobs"));
	EXPECT_LE(0, append(PREFIX "plain/jobs"));
	EXPECT_EQ(-ENOENT, redirect(PREFIX "plain/tpyo"));
	EXPECT_EQ(-ENOENT, append(PREFIX "plain/tpyo"));
	/* one has to be allowed to search it, though */
	ASSERT_EQ(0, as_root());
	ASSERT_EQ(0, chmod(DIRECTORY PREFIX "plain", 0700));
	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(-EACCES, redirect(PREFIX "plain/tpyo"));
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

static int become_with(uid_t uid, unsigned int caps)
{
	int ret;

	if (prctl(PR_SET_KEEPCAPS, 1))
		return -errno;
	ret = become(uid);
	return ret ?: set_caps(caps);
}

/* DESIGN 3: naming needs ownership of the inode whatever fs.protected_hardlinks says. */
TEST_F(names, s3_naming_needs_ownership)
{
	int ch, unprotected;
	pid_t pid;

	for (unprotected = 0; unprotected < 2; unprotected++) {
		ASSERT_EQ(0, write_text(HARDLINKS, unprotected ? "0" : "1"));
		ASSERT_EQ(0, as_user(OTHER));
		ch = ch_unnamed(1, 16, 0, 0666);
		ASSERT_EQ(0, as_root());
		ASSERT_LE(0, ch);
		pid = child();
		if (!pid) {
			EXPECT_EQ(0, become(USER));
			EXPECT_EQ(1, send_text(ch, "a"));
			EXPECT_EQ(-EPERM, ch_link(ch, PREFIX "stolen"));
			_exit(!_metadata->passed);
		}
		EXPECT_EQ(0, reap(pid));
		pid = child();
		if (!pid) {
			EXPECT_EQ(0, become_with(USER, 1U << CAP_FOWNER));
			EXPECT_EQ(0, ch_link(ch, PREFIX "fowner"));
			_exit(!_metadata->passed);
		}
		EXPECT_EQ(0, reap(pid));
		EXPECT_EQ(0, ch_unlink(PREFIX "fowner"));
		close(ch);
	}
}

/* DESIGN 3: an unnamed channel from /dev/gochan cannot be named at all. */
TEST_F(names, s3_only_tmpfiles_are_named)
{
	const int ch = ch_make(1, 16, 0);
	const int sender = ch_dup(ch, O_WRONLY);

	ASSERT_LE(0, ch);
	ASSERT_EQ(0, write_text(HARDLINKS, "0"));
	EXPECT_EQ(-EXDEV, ch_link(ch, PREFIX "never"));
	EXPECT_EQ(-EXDEV, ch_link(sender, PREFIX "never"));
	EXPECT_EQ(-EXDEV, ch_link_at(sender, "/dev/" PREFIX "copy"));
	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(-EXDEV, ch_link(ch, PREFIX "never"));
}

/* DESIGN 3, R5: CLOSE of a named channel is reserved to the inode's owner. */
TEST_F(names, s3_r5_current_owner)
{
	const int ch = ch_make_named(PREFIX "owned", 1, 0666);

	ASSERT_LE(0, ch);
	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(-EPERM, ch_close(ch_open(PREFIX "owned", O_WRONLY)));
	EXPECT_EQ(-EPERM, ch_close(ch));
	EXPECT_EQ(0U, ch_info(ch).closed);

	ASSERT_EQ(0, as_root());
	ASSERT_EQ(0, chown(DIRECTORY PREFIX "owned", USER, USER));
	ASSERT_EQ(0, as_user(OTHER));
	EXPECT_EQ(-EPERM, ch_close(ch));
	EXPECT_EQ(-EPERM, ch_close(ch_dup(ch, O_WRONLY)));
	ASSERT_EQ(0, as_root());
	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(0, ch_close(ch));
}

/* DESIGN 3, R5: CAP_FOWNER may close, too; without a name any sender may. */
TEST_F(names, s3_r5_cap_fowner)
{
	const int ch = ch_make_named(PREFIX "cap", 1, 0666);
	const int other = ch_make_named(PREFIX "cap2", 1, 0666);
	pid_t pid;

	ASSERT_LE(0, ch);
	pid = child();
	if (!pid) {
		EXPECT_EQ(0, become_with(USER, 1U << CAP_FOWNER));
		EXPECT_EQ(0, ch_close(ch));
		_exit(!_metadata->passed);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, ch_unlink(PREFIX "cap2"));
	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(0, ch_close(other));
}

/* DESIGN 3, R5: root of another user namespace may neither close nor unlink. */
TEST_F(names, s3_r5_namespace_root)
{
	const int ch = ch_make_named(PREFIX "host", 1, 0666);
	pid_t pid;

	ASSERT_LE(0, ch);
	pid = child();
	if (!pid) {
		EXPECT_EQ(0, become_namespace_root(USER));
		EXPECT_EQ(0U, geteuid());
		EXPECT_EQ(-EPERM, ch_unlink(PREFIX "host"));
		EXPECT_EQ(-EPERM, ch_close(ch));
		EXPECT_LE(0, ch_make_named(PREFIX "guest", 1, 0600));
		_exit(!_metadata->passed);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0600, mode_of(DIRECTORY PREFIX "guest"));
	EXPECT_EQ(0U, ch_info(ch).closed);
}

/* DESIGN 3: a name that exists. */
TEST_F(names, s3_name_exists)
{
	const int ch = ch_make_named(PREFIX "taken", 1, 0600);
	const int other = ch_unnamed(1, 16, 0, 0600);

	ASSERT_LE(0, ch);
	EXPECT_EQ(-EEXIST, ch_link(other, PREFIX "taken"));
	EXPECT_EQ(0, ch_link(other, PREFIX "taken2"));
}

/* DESIGN 3: a name exists without open handles, until it is unlinked. */
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
	EXPECT_EQ(2U, ch_info(ch_open(PREFIX "taken", O_RDWR)).capacity);
}

/* DESIGN 3: names are file names, of up to 255 bytes. */
TEST_F(names, s3_file_names)
{
	static const char *const good[] = { " ", "-x", "...", "12345", "a b\n", "\xc3\xa4", "#1" };
	char longest[257] = PREFIX;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		EXPECT_LE(0, ch_make_named(good[i], 0, 0600));
		EXPECT_LE(0, ch_open(good[i], O_RDWR));
		EXPECT_EQ(0, ch_unlink(good[i]));
	}
	memset(longest + strlen(PREFIX), 'x', 256 - strlen(PREFIX));
	EXPECT_EQ(-ENAMETOOLONG, ch_make_named(longest, 0, 0600));
	EXPECT_EQ(-ENAMETOOLONG, ch_open(longest, O_WRONLY | O_CREAT));
	longest[255] = '\0';
	EXPECT_LE(0, ch_make_named(longest, 0, 0600));
	EXPECT_EQ(0, ch_unlink(longest));
}

static int open_copy(dev_t number)
{
	int fd;

	if (mknod(COPY, S_IFCHR | 0666, number))
		return -errno;
	fd = result(open(COPY, O_RDWR | O_CLOEXEC));
	unlink(COPY);
	return fd;
}

/* DESIGN 3: a copy of the device file cannot be opened. */
TEST_F(names, s3_copy_never_opens)
{
	struct stat st;

	ASSERT_LE(0, ch_make_named(PREFIX "real", 1, 0600));
	ASSERT_EQ(0, stat(DIRECTORY PREFIX "real", &st));
	EXPECT_EQ(-ENXIO, open_copy(st.st_rdev));
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

static int reopen(int fd, int oflags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return result(open(path, oflags));
}

/* DESIGN 3: as on any filesystem, an inode is opened again by whoever its mode allows. */
TEST_F(names, s3_reopen)
{
	const int ch = ch_make_named(PREFIX "old", 1, 0600);
	const int path = ch_open(PREFIX "old", O_PATH);
	const int unnamed = ch_make(1, 16, 0);
	const int sender = ch_dup(unnamed, O_WRONLY);

	ASSERT_LE(0, path);
	EXPECT_EQ(ch_info(ch).id, ch_info(reopen(path, O_RDWR)).id);
	EXPECT_EQ(0, ch_unlink(PREFIX "old"));
	EXPECT_EQ(ch_info(ch).id, ch_info(reopen(path, O_RDWR)).id);
	ASSERT_LE(0, ch_make_named(PREFIX "old", 2, 0600));
	EXPECT_EQ(ch_info(ch).id, ch_info(reopen(path, O_RDWR)).id);

	/* a handle from /dev/gochan never reaches the same channel */
	EXPECT_NE(ch_info(unnamed).id, ch_info(reopen(unnamed, O_RDWR)).id);
	EXPECT_EQ(-ENXIO, reopen(sender, O_WRONLY));
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

/* What inotify reports now, all masks together; 0 for nothing. */
static unsigned int events(int watch)
{
	char buf[4096] __attribute__((aligned(8)));
	const ssize_t len = read(watch, buf, sizeof(buf));
	const struct inotify_event *event;
	unsigned int mask = 0;
	ssize_t at;

	for (at = 0; at < len; at += sizeof(*event) + event->len) {
		event = (const struct inotify_event *)(buf + at);
		mask |= event->mask;
	}
	return mask;
}

/* DESIGN 3: inotify reports what is done on a gochanfs, as on any filesystem. */
TEST_F(names, s3_inotify)
{
	const int watch = inotify_init1(IN_NONBLOCK);
	const int ch = ch_make_named(PREFIX "watched", 1, 0644);
	const int dup = ch_dup(ch_open(PREFIX "watched", O_RDWR), O_RDWR);
	struct call *call;

	ASSERT_LE(0, ch);
	ASSERT_LE(0, dup);
	ASSERT_LE(0, inotify_add_watch(watch, DIRECTORY PREFIX "watched",
				       IN_ACCESS | IN_MODIFY));
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_EQ((unsigned int)IN_MODIFY, events(watch));
	EXPECT_STREQ("a", recv_text(ch));
	EXPECT_EQ((unsigned int)IN_ACCESS, events(watch));
	EXPECT_EQ(1, send_text(dup, "a"));
	EXPECT_EQ((unsigned int)IN_MODIFY, events(watch));
	EXPECT_EQ(0U, events(watch));
	call = call_select(ch);
	call_recv(call, ch);
	EXPECT_EQ(0, call_now(call));
	EXPECT_EQ((unsigned int)IN_ACCESS, events(watch));
	call = call_batch(ch);
	call_send(call, ch, "b");
	EXPECT_EQ(1, call_now(call));
	EXPECT_EQ((unsigned int)IN_MODIFY, events(watch));
	/* not a plain op, which is loaded first */
	call = call_select(ch);
	call_recv(call, ch)->flags = GOCHAN_PEEK;
	EXPECT_EQ(0, call_now(call));
	EXPECT_EQ((unsigned int)IN_ACCESS, events(watch));
	call = call_select(ch);
	call_send(call, ch, "c");
	EXPECT_EQ(-EAGAIN, call_try(call));
	EXPECT_EQ(0U, events(watch));
	ASSERT_LE(0, inotify_add_watch(watch, DIRECTORY, IN_CREATE | IN_DELETE));
	EXPECT_EQ(0, ch_unlink(PREFIX "watched"));
	EXPECT_EQ((unsigned int)IN_DELETE, events(watch));
	ASSERT_LE(0, ch_make_named(PREFIX "watched", 1, 0644));
	EXPECT_EQ((unsigned int)IN_CREATE, events(watch));
}

/* DESIGN 3: an open that races with naming and unlink gets the channel or ENOENT. */
TEST_F(names, s3_open_races_unlink)
{
	pid_t pid;
	int i, ch;

	pid = child();
	if (!pid) {
		for (;;) {
			ch = ch_open(PREFIX "race", O_RDWR);
			if (ch == -ENOENT)
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

/* DESIGN 3: of two processes that use the same name one succeeds. */
TEST_F(names, s3_link_races_link)
{
	int i, ch, won, status;
	pid_t pid;

	for (i = 0; i < 20; i++) {
		ch = ch_unnamed(1, 16, 0, 0600);
		ASSERT_LE(0, ch);
		pid = child();
		if (!pid) {
			ch = ch_make_named(PREFIX "prize", 1, 0600);
			_exit(ch == -EEXIST ? 1 : ch < 0 ? 2 : 0);
		}
		won = ch_link(ch, PREFIX "prize");
		status = reap(pid);
		EXPECT_TRUE((!won && status == 1) || (won == -EEXIST && !status));
		ASSERT_EQ(0, ch_unlink(PREFIX "prize"));
		close(ch);
	}
}

TEST_HARNESS_MAIN
