// SPDX-License-Identifier: GPL-2.0
/*
 * Each call of the library, and its errors, by the rules of DESIGN 4.
 */
#include <kselftest_harness.h>

#include "../lib/common.h"

#include <fcntl.h>
#include <gochan.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

FIXTURE(lib) {
	int null;
	char buf[64];
	size_t len;
};

FIXTURE_SETUP(lib)
{
	self->null = open("/dev/null", O_RDWR);
	ASSERT_LE(0, self->null);
}

FIXTURE_TEARDOWN(lib)
{
	as_root();
	unlink_all();
}

/* The errno of a call, or 0. */
static int error_of(long ret)
{
	return ret < 0 ? errno : 0;
}

/* DESIGN 6, R19: gochan_make, gochan_info, gochan_len, gochan_cap. */
TEST_F(lib, s6_make)
{
	const int ch = gochan_make(3, 32, GOCHAN_HANGUP);
	struct gochan_info info;

	ASSERT_LE(0, ch);
	EXPECT_EQ(FD_CLOEXEC, fcntl(ch, F_GETFD));
	EXPECT_EQ(3, gochan_cap(ch));
	EXPECT_EQ(0, gochan_len(ch));
	EXPECT_EQ(0, gochan_send(ch, "a", 1));
	EXPECT_EQ(1, gochan_len(ch));
	EXPECT_EQ(0, gochan_info(ch, &info));
	EXPECT_EQ(32U, info.msg_size);
	EXPECT_EQ(GOCHAN_HANGUP, info.flags);
	EXPECT_EQ(EINVAL, error_of(gochan_make(1, 1, 1U << 30)));
	EXPECT_EQ(EINVAL, error_of(gochan_make(~0U, 1, 0)));
	EXPECT_EQ(EINVAL, error_of(gochan_make(1, ~0U, 0)));
	EXPECT_EQ(EBADF, error_of(gochan_info(-1, &info)));
	EXPECT_EQ(ENOTTY, error_of(gochan_info(self->null, &info)));
	EXPECT_EQ(GOCHAN_ABI, gochan_abi(ch));
	EXPECT_EQ(EBADF, error_of(gochan_abi(-1)));
	EXPECT_EQ(ENOTTY, error_of(gochan_abi(self->null)));
	EXPECT_EQ(EBADF, error_of(gochan_len(-1)));
	EXPECT_EQ(ENOTTY, error_of(gochan_cap(self->null)));
}

/* DESIGN 3, 6: /dev/gochan is another file, another device, or does not exist. */
TEST_F(lib, s6_make_without_device)
{
	const char *path = "/tmp/" PREFIX "device";

	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_EQ(0, mknod(path, S_IFREG | 0666, 0));
	ASSERT_EQ(0, mount(path, "/dev/gochan", NULL, MS_BIND, NULL));
	EXPECT_EQ(ENOTTY, error_of(gochan_make(1, 16, 0)));
	ASSERT_EQ(0, umount("/dev/gochan"));
	unlink(path);
	ASSERT_EQ(0, mknod(path, S_IFCHR | 0666, makedev(4095, 0)));
	ASSERT_EQ(0, mount(path, "/dev/gochan", NULL, MS_BIND, NULL));
	EXPECT_EQ(ENXIO, error_of(gochan_make(1, 16, 0)));
	ASSERT_EQ(0, umount("/dev/gochan"));
	unlink(path);
	ASSERT_EQ(0, mount("none", "/dev", "tmpfs", 0, NULL));
	EXPECT_EQ(ENOENT, error_of(gochan_make(1, 16, 0)));
	ASSERT_EQ(0, umount("/dev"));
}

/* R6: gochan_pair works as pipe(2) does. */
TEST_F(lib, r6_pair)
{
	int fds[2] = { -5, -6 };

	EXPECT_EQ(EINVAL, error_of(gochan_pair(fds, ~0U, 1, 0)));
	EXPECT_EQ(-5, fds[0]);
	EXPECT_EQ(-6, fds[1]);
	ASSERT_EQ(0, gochan_pair(fds, 2, 16, 0));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fds[0], F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fds[1], F_GETFD));
	EXPECT_EQ(0, gochan_send(fds[1], "a", 1));
	EXPECT_EQ(EBADF, error_of(gochan_send(fds[0], "a", 1)));
	EXPECT_EQ(EBADF, error_of(gochan_recv(fds[1], self->buf, 64, NULL)));
	close(fds[1]);
	EXPECT_EQ(1, gochan_recv(fds[0], self->buf, 64, &self->len));
	EXPECT_EQ(1U, self->len);
	EXPECT_EQ(0, gochan_recv(fds[0], self->buf, 64, &self->len));

	ASSERT_EQ(0, gochan_pair(fds, 0, 16, 0));
	close(fds[0]);
	EXPECT_EQ(EPIPE, error_of(gochan_send(fds[1], "a", 1)));
}

/* R3, R4: gochan_send and gochan_recv block. */
TEST_F(lib, r3_r4_send_recv)
{
	const int ch = gochan_make(0, 16, 0);
	pid_t pid;

	ASSERT_LE(0, ch);
	pid = child();
	if (!pid)
		_exit(gochan_send(ch, "hello", 5));
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	EXPECT_EQ(1, gochan_recv(ch, self->buf, 64, &self->len));
	EXPECT_EQ(5U, self->len);
	EXPECT_EQ(0, memcmp(self->buf, "hello", 5));
	EXPECT_EQ(0, reap(pid));

	pid = child();
	if (!pid)
		_exit(gochan_recv(ch, self->buf, 64, NULL));
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	EXPECT_EQ(0, gochan_send(ch, "hello", 5));
	EXPECT_EQ(1, reap(pid));
}

/* R5: gochan_close, and a loop that receives until the channel is closed. */
TEST_F(lib, r5_close)
{
	const int ch = gochan_make(4, 16, 0);
	const int receiver = gochan_dup(ch, O_RDONLY);
	int count = 0;

	ASSERT_LE(0, receiver);
	EXPECT_EQ(EBADF, error_of(gochan_close(receiver)));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, gochan_send(ch, &i, sizeof(i)));
	EXPECT_EQ(0, gochan_close(ch));
	EXPECT_EQ(EALREADY, error_of(gochan_close(ch)));
	EXPECT_EQ(EPIPE, error_of(gochan_send(ch, "a", 1)));
	EXPECT_EQ(EPIPE, error_of(gochan_try_send(ch, "a", 1)));
	for (int job; gochan_recv(receiver, &job, sizeof(job), NULL) > 0;)
		EXPECT_EQ(count++, job);
	EXPECT_EQ(3, count);
	EXPECT_EQ(0, gochan_try_recv(receiver, self->buf, 64, NULL));
	EXPECT_EQ(EBADF, error_of(gochan_close(-1)));
	EXPECT_EQ(ENOTTY, error_of(gochan_close(self->null)));
}

/* R10: sizes; EMSGSIZE reports the required size; empty messages. */
TEST_F(lib, r10_sizes)
{
	const int ch = gochan_make(4, 16, 0);

	ASSERT_LE(0, ch);
	EXPECT_EQ(EMSGSIZE, error_of(gochan_send(ch, self->buf, 17)));
	EXPECT_EQ(EMSGSIZE, error_of(gochan_send(ch, self->buf, SIZE_MAX)));
	EXPECT_EQ(EMSGSIZE, error_of(gochan_send(ch, self->buf, 1UL << 32)));
	EXPECT_EQ(0, gochan_send(ch, self->buf, 16));
	EXPECT_EQ(0, gochan_send(ch, NULL, 0));
	EXPECT_EQ(EMSGSIZE, error_of(gochan_recv(ch, self->buf, 5,
						 &self->len)));
	EXPECT_EQ(16U, self->len);
	EXPECT_EQ(2, gochan_len(ch));
	EXPECT_EQ(1, gochan_recv(ch, self->buf, SIZE_MAX, &self->len));
	EXPECT_EQ(16U, self->len);
	EXPECT_EQ(1, gochan_recv(ch, self->buf, 64, &self->len));
	EXPECT_EQ(0U, self->len);
	EXPECT_EQ(EAGAIN, error_of(gochan_try_recv(ch, self->buf, 64, NULL)));
}

/* R9: bad memory. */
TEST_F(lib, r9_bad_memory)
{
	const int ch = gochan_make(2, 16, 0);
	char *end = (char *)map_pages(1) + page_size();

	ASSERT_LE(0, ch);
	EXPECT_EQ(EFAULT, error_of(gochan_send(ch, end - 1, 2)));
	EXPECT_EQ(0, gochan_len(ch));
	EXPECT_EQ(0, gochan_send(ch, "ab", 2));
	EXPECT_EQ(EFAULT, error_of(gochan_recv(ch, end - 1, 2, NULL)));
	EXPECT_EQ(1, gochan_len(ch));
	EXPECT_EQ(1, gochan_recv(ch, end - 2, 2, NULL));
}

/* R12: the non-blocking calls. */
TEST_F(lib, r12_try)
{
	const int unbuffered = gochan_make(0, 16, 0);
	const int ch = gochan_make(1, 16, 0);
	const int nonblock = gochan_dup(ch, O_RDWR | O_NONBLOCK);

	ASSERT_LE(0, nonblock);
	EXPECT_EQ(EAGAIN, error_of(gochan_try_send(unbuffered, "a", 1)));
	EXPECT_EQ(EAGAIN, error_of(gochan_try_recv(unbuffered, self->buf, 64,
						   NULL)));
	EXPECT_EQ(0, gochan_try_send(ch, "a", 1));
	EXPECT_EQ(EAGAIN, error_of(gochan_try_send(ch, "a", 1)));
	EXPECT_EQ(EAGAIN, error_of(gochan_send(nonblock, "a", 1)));
	EXPECT_EQ(1, gochan_try_recv(ch, self->buf, 64, &self->len));
	EXPECT_EQ(1U, self->len);
	EXPECT_EQ(EAGAIN, error_of(gochan_recv(nonblock, self->buf, 64,
					       NULL)));
}

static struct timespec in_ms(int ms)
{
	const long long at = now_ns() + ms * 1000000LL;

	return (struct timespec){ at / 1000000000, at % 1000000000 };
}

/* R8: deadlines in the past and in the future; nothing stays queued. */
TEST_F(lib, r8_until)
{
	const int ch = gochan_make(0, 16, 0);
	const int full = gochan_make(1, 16, 0);
	const struct timespec past = {}, soon = in_ms(20), bad = { 0, -1 };

	ASSERT_LE(0, ch);
	ASSERT_EQ(0, gochan_send_until(full, "a", 1, &past));
	EXPECT_EQ(ETIMEDOUT, error_of(gochan_send_until(full, "b", 1, &past)));
	EXPECT_EQ(ETIMEDOUT, error_of(gochan_send_until(ch, "a", 1, &soon)));
	EXPECT_LE(soon.tv_sec * 1000000000LL + soon.tv_nsec, now_ns());
	EXPECT_EQ(ETIMEDOUT, error_of(gochan_recv_until(ch, self->buf, 64, NULL,
							&past)));
	EXPECT_EQ(EINVAL, error_of(gochan_send_until(ch, "a", 1, &bad)));
	EXPECT_EQ(EINVAL, error_of(gochan_recv_until(ch, self->buf, 64, NULL,
						     &bad)));
	EXPECT_EQ(0U, ch_info(ch).senders_waiting);
	EXPECT_EQ(0U, ch_info(ch).receivers_waiting);
	EXPECT_EQ(1, gochan_recv_until(full, self->buf, 64, NULL, NULL));
	EXPECT_EQ(ETIMEDOUT, error_of(gochan_recv_until(full, self->buf, 64,
							NULL, &past)));
	EXPECT_EQ(0, gochan_send_until(full, "b", 1, NULL));
}

static void ignore(int sig)
{
	(void)sig;
}

/* R8: a signal interrupts a receive. */
TEST_F(lib, r8_signal)
{
	const struct sigaction action = { .sa_handler = ignore };
	const int ch = gochan_make(0, 16, 0);
	pid_t pid;

	ASSERT_LE(0, ch);
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	pid = child();
	if (!pid)
		_exit(error_of(gochan_recv(ch, self->buf, 64, NULL)));
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	kill(pid, SIGUSR1);
	EXPECT_EQ(EINTR, reap(pid));
	EXPECT_EQ(0U, ch_info(ch).receivers_waiting);
}

/* DESIGN 3: gochan_dup's rights. */
TEST_F(lib, s3_dup)
{
	const int ch = gochan_make(1, 16, 0);
	const int sender = gochan_dup(ch, O_WRONLY);

	ASSERT_LE(0, sender);
	EXPECT_EQ(FD_CLOEXEC, fcntl(sender, F_GETFD));
	EXPECT_EQ(EACCES, error_of(gochan_dup(sender, O_RDWR)));
	EXPECT_EQ(EACCES, error_of(gochan_dup(sender, O_RDONLY)));
	EXPECT_EQ(EINVAL, error_of(gochan_dup(ch, O_APPEND)));
	EXPECT_EQ(EBADF, error_of(gochan_dup(-1, O_RDWR)));
	EXPECT_EQ(ENOTTY, error_of(gochan_dup(self->null, O_RDWR)));
}

/* DESIGN 6: a name is a file in /dev/gochans, one with a slash a path. */
TEST_F(lib, s6_names)
{
	const int ch = gochan_create(PREFIX "lib", 1, 16, 0, 0666);
	struct stat st;

	ASSERT_LE(0, ch);
	EXPECT_EQ(FD_CLOEXEC, fcntl(ch, F_GETFD));
	EXPECT_EQ(1, gochan_cap(gochan_open(PREFIX "lib", O_RDWR)));
	EXPECT_EQ(1, gochan_cap(gochan_open("/dev/gochans/" PREFIX "lib", O_RDWR)));
	EXPECT_EQ(EEXIST, error_of(gochan_create(PREFIX "lib", 1, 16, 0, 0666)));
	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(EPERM, error_of(gochan_unlink(PREFIX "lib")));
	EXPECT_EQ(EPERM, error_of(gochan_close(ch)));
	ASSERT_EQ(0, as_root());
	EXPECT_EQ(0, gochan_unlink(PREFIX "lib"));
	EXPECT_EQ(ENOENT, error_of(gochan_unlink(PREFIX "lib")));
	EXPECT_EQ(ENOENT, error_of(gochan_open(PREFIX "lib", O_RDWR)));

	ASSERT_EQ(0, mkdir("/dev/gochans/" PREFIX "dir", 0755));
	EXPECT_LE(0, gochan_create("/dev/gochans/" PREFIX "dir/lib", 2, 16, 0, 0600));
	ASSERT_EQ(0, chdir("/dev/gochans/" PREFIX "dir"));
	EXPECT_EQ(2, gochan_cap(gochan_open("./lib", O_RDWR)));
	EXPECT_LE(0, gochan_create("./lib2", 3, 16, 0, 0644));
	EXPECT_EQ(0, stat("lib2", &st));
	EXPECT_EQ(0644U, st.st_mode & 07777);
	EXPECT_EQ(0, gochan_unlink("./lib2"));
	ASSERT_EQ(0, chdir("/"));
}

/* DESIGN 6: what gochan_create() cannot do leaves no name behind. */
TEST_F(lib, s6_create_fails)
{
	struct gochan_setup setup = { .capacity = 1, .msg_size = 16, .done_fd = 1 };

	EXPECT_EQ(EINVAL, error_of(gochan_create_with(PREFIX "a", &setup, 0600)));
	EXPECT_EQ(EINVAL, error_of(gochan_create(PREFIX "a", ~0U, 16, 0, 0600)));
	EXPECT_EQ(EINVAL, error_of(gochan_create(PREFIX "a", 1, 16, 0, 01600)));
	EXPECT_EQ(ENOENT, error_of(gochan_create("", 1, 16, 0, 0600)));
	EXPECT_EQ(ENOENT, error_of(gochan_create(PREFIX "none/a", 1, 16, 0, 0600)));
	EXPECT_EQ(ENODEV, error_of(gochan_create("/tmp/a", 1, 16, 0, 0600)));
	EXPECT_EQ(ENODEV, error_of(gochan_create("/proc/a", 1, 16, 0, 0600)));
	EXPECT_EQ(EINVAL, error_of(gochan_open(PREFIX "a", O_RDWR | O_CREAT)));
	EXPECT_EQ(ENOENT, error_of(gochan_open(PREFIX "a", O_RDWR)));
	EXPECT_NE(0, access("/tmp/a", F_OK));
	setup.done_fd = 0;
	EXPECT_LE(0, gochan_create_with(PREFIX "a", &setup, 0600));
}

/* DESIGN 6: a descriptor that is not a channel, or not open. */
TEST_F(lib, s6_not_a_channel)
{
	EXPECT_EQ(EBADF, error_of(gochan_send(-1, "a", 1)));
	EXPECT_EQ(EBADF, error_of(gochan_recv(-1, self->buf, 64, NULL)));
	EXPECT_EQ(EBADF, error_of(gochan_try_send(9999, "a", 1)));
	EXPECT_EQ(ENOTTY, error_of(gochan_send(self->null, "a", 1)));
	EXPECT_EQ(ENOTTY, error_of(gochan_recv(self->null, self->buf, 64,
					       NULL)));
	EXPECT_EQ(ENOTTY, error_of(gochan_try_recv(self->null, self->buf, 64,
						   NULL)));
}

/* R1, R2: concurrent use by threads. */
struct counts {
	int ch;
	long sum;
};

static void *send_thousand(void *arg)
{
	struct counts *counts = arg;

	for (int i = 1; i <= 1000; i++)
		if (gochan_send(counts->ch, &i, sizeof(i)))
			return arg;
	return NULL;
}

static void *sum_up(void *arg)
{
	struct counts *counts = arg;
	int last = 0;

	for (int i; gochan_recv(counts->ch, &i, sizeof(i), NULL) > 0;) {
		if (i <= last)
			return arg;
		last = i;
		counts->sum += i;
	}
	return NULL;
}

/* The call has to be issued on a channel of its own, which must not get the closed number. */
TEST_F(lib, s6_closed_descriptor)
{
	const int first = dup(STDIN_FILENO), second = dup(STDIN_FILENO);
	struct gochan_op ops[2] = { GOCHAN_POLL(first, POLLIN), GOCHAN_POLL(second, POLLIN) };

	ASSERT_LE(0, first);
	ASSERT_LT(first, second);
	close(first);
	close(second);
	EXPECT_EQ(-1, gochan_select(ops, 2, WAIT_LIMIT * 1000000000LL, GOCHAN_ORDERED));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, gochan_select(ops + 1, 1, WAIT_LIMIT * 1000000000LL, 0));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, gochan_batch(ops, 2, WAIT_LIMIT * 1000000000LL, 0));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, fcntl(second, F_GETFD));
}

TEST_F(lib, r1_r2_threads)
{
	const int ch = gochan_make(8, 16, 0);
	struct counts counts[3] = { { .ch = ch }, { .ch = ch }, { .ch = ch } };
	pthread_t threads[3];
	void *failed;
	int i;

	ASSERT_LE(0, ch);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, sum_up,
					    &counts[i]));
	ASSERT_EQ(0, pthread_create(&threads[2], NULL, send_thousand,
				    &counts[2]));
	ASSERT_EQ(0, pthread_join(threads[2], &failed));
	EXPECT_EQ(NULL, failed);
	EXPECT_EQ(0, gochan_close(ch));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], &failed));
		EXPECT_EQ(NULL, failed);
	}
	EXPECT_EQ(500500, counts[0].sum + counts[1].sum);
}

TEST_HARNESS_MAIN
