// SPDX-License-Identifier: GPL-2.0
/*
 * GOCHAN_DEBUG: the log of a program's calls (helpers/debugged.c), where it goes, and
 * that it changes nothing.
 */
#include <kselftest_harness.h>

#include "../lib/common.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <gochan.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define TEXT_SIZE	262144
#define DIR		"/tmp/" PREFIX "debug"
#define LOG		DIR "/log"
#define TIME		"^[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\\.[0-9]{6} "
#define SEND		"send=4 id=[0-9]+ len="
#define RECV		"recv=5 id=[0-9]+ len="
#define LEASE		"3 id=[0-9]+ lease=[1-9][0-9]*"
#define LEASED(seq, n)	"recv=3 id=[0-9]+ len=2 lease=[1-9][0-9]* seq=" #seq " deliveries=" #n
#define TOOK		" took=[0-9]+\\.[0-9]{6}$"

/* A copy of the helper, whose owner and mode may be changed. */
#define PROGRAM		DIR "/debugged"

FIXTURE(debug) {
	int out;		/* the program's standard output */
	int err;		/* and standard error */
	pid_t pid;		/* of the program that was run last */
	char text[TEXT_SIZE];
};

static bool copy_helper(const char *to)
{
	char from[256], command[512];
	ssize_t len = readlink("/proc/self/exe", from, sizeof(from) - 1);

	if (len < 0)
		return false;
	from[len] = '\0';
	*strrchr(from, '/') = '\0';
	snprintf(command, sizeof(command), "cp %s/debugged %s", from, to);
	return system(command) == 0;
}

FIXTURE_SETUP(debug)
{
	ASSERT_EQ(0, system("rm -rf " DIR));
	ASSERT_EQ(0, mkdir(DIR, 0777));
	ASSERT_EQ(0, chmod(DIR, 0777));
	ASSERT_EQ(0, chdir(DIR));
	ASSERT_TRUE(copy_helper(PROGRAM));
	self->out = memfd_create("out", MFD_CLOEXEC);
	self->err = memfd_create("err", MFD_CLOEXEC);
	ASSERT_LE(0, self->err);
}

FIXTURE_TEARDOWN(debug)
{
	EXPECT_EQ(0, system("rm -rf " DIR));
	unlink_all();
}

static bool prepare(const struct _test_data_debug *self, const char *value, uid_t uid)
{
	if (dup2(self->out, STDOUT_FILENO) < 0 || dup2(self->err, STDERR_FILENO) < 0)
		return false;
	if (value ? setenv("GOCHAN_DEBUG", value, 1) : unsetenv("GOCHAN_DEBUG"))
		return false;
	return !uid || !become(uid);
}

/* Empty a file; a pipe has none of the last run's output. */
static void rewind_fd(int fd)
{
	lseek(fd, 0, SEEK_SET);
	if (ftruncate(fd, 0) && errno != EINVAL)
		err(1, "ftruncate");
}

/* The exit status of the program with this value of GOCHAN_DEBUG, NULL for none. */
static int run_as(struct _test_data_debug *self, uid_t uid, const char *value, const char *name)
{
	rewind_fd(self->out);
	rewind_fd(self->err);
	self->pid = child();
	if (self->pid)
		return reap(self->pid);
	if (prepare(self, value, uid))
		execl(PROGRAM, PROGRAM, name, NULL);
	_exit(126);
}

static int run(struct _test_data_debug *self, const char *value, const char *name)
{
	return run_as(self, 0, value, name);
}

static void read_fd(struct _test_data_debug *self, int fd)
{
	const ssize_t len = pread(fd, self->text, TEXT_SIZE - 1, 0);

	self->text[len > 0 ? len : 0] = '\0';
}

static void read_file(struct _test_data_debug *self, const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	read_fd(self, fd);
	close(fd);
}

static int lines(const struct _test_data_debug *self)
{
	const char *at = self->text;
	int n = 0;

	for (; (at = strchr(at, '\n')); at++)
		n++;
	return n;
}

/* How many lines of the text match. */
static int matching(const struct _test_data_debug *self, const char *pattern)
{
	return count_matches(self->text, pattern);
}

/* How many lines of the text are one of this process about these calls. */
static int logged(const struct _test_data_debug *self, const char *format, ...)
{
	char pattern[1024];
	va_list args;

	snprintf(pattern, sizeof(pattern), TIME "%d [0-9]+ ", self->pid);
	va_start(args, format);
	vsnprintf(pattern + strlen(pattern), sizeof(pattern) - strlen(pattern), format, args);
	va_end(args);
	strncat(pattern, TOOK, sizeof(pattern) - strlen(pattern) - 1);
	return matching(self, pattern);
}

/* DESIGN 6: of each call: what it was, on which channel, lengths and result. */
TEST_F(debug, s6_calls)
{
	ASSERT_EQ(0, run(self, "1", "all"));
	read_fd(self, self->err);
	EXPECT_EQ(lines(self), logged(self, "gochan_[a-z_]+( [^ ]+)*"));

	EXPECT_EQ(1, logged(self, "gochan_make ch=3 id=[0-9]+ result=3"));
	EXPECT_EQ(1, logged(self, "gochan_send send=3 id=[0-9]+ len=5 result=0"));
	EXPECT_EQ(1, logged(self, "gochan_recv recv=3 id=[0-9]+ len=5 result=1"));
	EXPECT_EQ(1, logged(self, "gochan_try_send send=3 id=[0-9]+ len=3 result=0"));
	EXPECT_EQ(1, logged(self, "gochan_recv recv=3 id=[0-9]+ len=3 result=EMSGSIZE"));
	EXPECT_EQ(1, logged(self, "gochan_try_recv recv=3 id=[0-9]+ len=3 result=1"));
	EXPECT_EQ(1, logged(self, "gochan_try_recv recv=3 id=[0-9]+ len=16 result=EAGAIN"));
	EXPECT_EQ(1, logged(self, "gochan_send send=3 id=[0-9]+ len=17 result=EMSGSIZE"));
	EXPECT_EQ(1, logged(self, "gochan_recv_until recv=3 id=[0-9]+ len=16 result=ETIMEDOUT"));
	EXPECT_EQ(1, logged(self, "gochan_recv_until result=EINVAL"));
	EXPECT_EQ(1, logged(self, "gochan_send_until result=EINVAL"));
	EXPECT_EQ(1, logged(self, "gochan_send send=-1 len=1 result=EBADF"));
	EXPECT_EQ(1, logged(self, "gochan_send send=0 len=1 result=ENOTTY"));
	EXPECT_EQ(1, logged(self, "gochan_info ch=3 id=[0-9]+ result=0"));
	EXPECT_EQ(1, logged(self, "gochan_close ch=3 id=[0-9]+ result=0"));
	EXPECT_EQ(1, logged(self, "gochan_close ch=3 id=[0-9]+ result=EALREADY"));
	EXPECT_EQ(1, logged(self, "gochan_recv recv=3 id=[0-9]+ len=0 result=0"));
}

/* DESIGN 6: of calls with several ops, those that were performed, or the first eight. */
TEST_F(debug, s6_ops)
{
	ASSERT_EQ(0, run(self, "1", "all"));
	read_fd(self, self->err);
	EXPECT_EQ(1, logged(self, "gochan_select poll=4 " RECV "16%s result=EAGAIN",
			    "( send=-1 len=0){6} \\.\\.\\."));
	EXPECT_EQ(1, logged(self, "gochan_select recv=5 id=[0-9]+ len=3 result=1"));
	EXPECT_EQ(1, logged(self, "gochan_select result=[A-Z]+"));
	EXPECT_EQ(1, logged(self, "gochan_batch " SEND "1 send=5 id=[0-9]+ len=2 result=2"));
	EXPECT_EQ(1, logged(self, "gochan_call " SEND "3 " RECV "2 result=1"));
	EXPECT_EQ(1, logged(self, "gochan_call " SEND "3 " RECV "16 result=EAGAIN"));
}

/* DESIGN 6: what was leased, acknowledged and returned. */
TEST_F(debug, s6_leases)
{
	ASSERT_EQ(0, run(self, "1", "leases"));
	read_fd(self, self->err);
	EXPECT_EQ(13, lines(self));
	EXPECT_EQ(1, logged(self, "gochan_recv_lease " LEASED(1, 1) " result=1"));
	EXPECT_EQ(1, logged(self, "gochan_requeue requeue=" LEASE " result=0"));
	EXPECT_EQ(1, logged(self, "gochan_ack ack=" LEASE " result=ESTALE"));
	EXPECT_EQ(1, logged(self, "gochan_recv_lease " LEASED(1, 2) " result=1"));
	EXPECT_EQ(1, logged(self, "gochan_batch ack=" LEASE " " LEASED(2, 1) " result=2"));
	EXPECT_EQ(1, logged(self, "gochan_batch requeue=" LEASE " result=1"));
	EXPECT_EQ(1, logged(self, "gochan_select " LEASED(2, 2) " result=0"));
	EXPECT_EQ(1, logged(self, "gochan_ack ack=" LEASE " result=0"));
	/* it acknowledges at once */
	EXPECT_EQ(1, logged(self, "gochan_recv recv=3 id=[0-9]+ len=2 result=1"));
}

/* DESIGN 6: names, of which control characters do not get into the log; wait groups. */
TEST_F(debug, s6_names_and_groups)
{
	ASSERT_EQ(0, run(self, "1", "all"));
	read_fd(self, self->err);
	EXPECT_EQ(1, logged(self, "gochan_create_with name=ks-debug ch=6 id=[0-9]+ result=6"));
	EXPECT_EQ(1, logged(self, "gochan_create_with name=ks-debug result=EEXIST"));
	EXPECT_EQ(1, logged(self, "gochan_open name=ks-debug ch=7 id=[0-9]+ result=7"));
	EXPECT_EQ(1, logged(self, "gochan_open name=ks-no\\?such\\?channel result=ENOENT"));
	EXPECT_EQ(1, logged(self, "gochan_unlink name=ks-debug result=0"));
	EXPECT_EQ(2, logged(self, "gochan_unlink name=ks-debug result=ENOENT"));
	EXPECT_EQ(1, logged(self, "gochan_wg_add result=0"));
	EXPECT_EQ(1, logged(self, "gochan_wg_done result=0"));
	EXPECT_EQ(1, logged(self, "gochan_wg_done result=EOVERFLOW"));
	EXPECT_EQ(1, logged(self, "gochan_wg_wait result=0"));
}

/* DESIGN 6: results, errno and descriptors are the same with a log and without. */
TEST_F(debug, s6_changes_nothing)
{
	static const char *const values[] = { "0", "", "1", "yes", (LOG) };
	static char expected[TEXT_SIZE];
	size_t i;

	ASSERT_EQ(0, run(self, NULL, "all"));
	read_fd(self, self->err);
	EXPECT_STREQ("", self->text);
	read_fd(self, self->out);
	ASSERT_LT(40, lines(self));
	strcpy(expected, self->text);
	for (i = 0; i < ARRAY_SIZE(values); i++) {
		ASSERT_EQ(0, run(self, values[i], "all"));
		read_fd(self, self->out);
		EXPECT_STREQ(expected, self->text);
		read_fd(self, self->err);
		EXPECT_EQ(i == 2 || i == 3, lines(self) > 40);
	}
}

/* DESIGN 6: a file, to which lines are appended, also after a change of directory. */
TEST_F(debug, s6_file)
{
	struct stat st;

	umask(022);
	ASSERT_EQ(0, run(self, LOG, "forks"));
	read_file(self, LOG);
	EXPECT_EQ(3, lines(self));
	ASSERT_EQ(0, run(self, "./log", "changes_directory"));
	read_file(self, LOG);
	EXPECT_EQ(4, lines(self));
	EXPECT_EQ(1, logged(self, "gochan_make .*"));
	ASSERT_EQ(0, stat(LOG, &st));
	EXPECT_EQ(0644U, st.st_mode & 07777);
	read_fd(self, self->err);
	EXPECT_STREQ("", self->text);
}

/* DESIGN 6: a file that cannot be opened is reported once, and there is no log. */
TEST_F(debug, s6_bad_file)
{
	ASSERT_EQ(0, run(self, "/no/such/log", "forks"));
	read_fd(self, self->err);
	EXPECT_STREQ("gochan: GOCHAN_DEBUG=/no/such/log: the file cannot be opened: ENOENT\n",
		     self->text);
	/* a FIFO without a reader does not stop the program */
	ASSERT_EQ(0, mkfifo(LOG, 0600));
	ASSERT_EQ(0, run(self, LOG, "forks"));
	read_fd(self, self->err);
	EXPECT_EQ(1, lines(self));
}

/* DESIGN 6: no line is written to a file of the program. */
TEST_F(debug, s6_closed_descriptors)
{
	ASSERT_EQ(0, run(self, LOG, "closed"));
	read_file(self, DIR "/data");
	EXPECT_STREQ("", self->text);
	read_file(self, LOG);
	EXPECT_EQ(1, lines(self));
}

/* DESIGN 6: errors when writing are not the program's, nor are their signals. */
TEST_F(debug, s6_unwritable)
{
	const struct rlimit limit = { .rlim_cur = 100, .rlim_max = 100 };
	static char expected[TEXT_SIZE];
	int fds[2];

	ASSERT_EQ(0, run(self, NULL, "all"));
	read_fd(self, self->out);
	strcpy(expected, self->text);
	ASSERT_EQ(0, pipe(fds));
	close(fds[0]);
	ASSERT_LE(0, dup2(fds[1], self->err));
	EXPECT_EQ(0, run(self, "1", "all"));
	read_fd(self, self->out);
	EXPECT_STREQ(expected, self->text);

	self->pid = child();
	if (!self->pid) {
		if (prepare(self, LOG, 0) && !setrlimit(RLIMIT_FSIZE, &limit))
			execl(PROGRAM, PROGRAM, "forks", NULL);
		_exit(126);
	}
	EXPECT_EQ(0, reap(self->pid));
	read_file(self, LOG);
	EXPECT_EQ(100U, strlen(self->text));
}

/* DESIGN 6: children are logged, too, with their own IDs. */
TEST_F(debug, s6_fork)
{
	ASSERT_EQ(0, run(self, "1", "forks"));
	read_fd(self, self->err);
	EXPECT_EQ(3, lines(self));
	EXPECT_EQ(1, logged(self, "gochan_make .*"));
	EXPECT_EQ(1, logged(self, "gochan_send .* len=3 .*"));
	EXPECT_EQ(0, logged(self, "gochan_send .* len=5 .*"));
	EXPECT_EQ(1, matching(self, TIME "([0-9]+) \\1 gochan_send .* len=5 result=0" TOOK));
}

/* DESIGN 6: lines of several threads do not mix. */
TEST_F(debug, s6_threads)
{
	ASSERT_EQ(0, run(self, LOG, "threads"));
	read_file(self, LOG);
	EXPECT_EQ(1 + 4 * 50 + 1, lines(self));
	EXPECT_EQ(4 * 50, logged(self, "gochan_send send=3 id=[0-9]+ len=1 result=0"));
}

/* DESIGN 6: a call that does not return. */
TEST_F(debug, s6_cancelled)
{
	ASSERT_EQ(0, run(self, "1", "cancelled"));
	read_fd(self, self->err);
	EXPECT_EQ(1, logged(self, "gochan_recv result=cancelled"));
	EXPECT_EQ(1, logged(self, "gochan_recv .*"));
}

/* DESIGN 6: a program with more rights than its user has ignores the variable. */
TEST_F(debug, s6_set_user_id)
{
	ASSERT_EQ(0, run_as(self, USER, LOG, "forks"));
	ASSERT_EQ(0, unlink(LOG));
	ASSERT_EQ(0, chown(PROGRAM, OTHER, OTHER));
	ASSERT_EQ(0, chmod(PROGRAM, 04755));
	ASSERT_EQ(0, run_as(self, USER, LOG, "forks"));
	EXPECT_EQ(-1, access(LOG, F_OK));
	ASSERT_EQ(0, run_as(self, USER, "1", "forks"));
	read_fd(self, self->err);
	EXPECT_STREQ("", self->text);
}

TEST_HARNESS_MAIN
