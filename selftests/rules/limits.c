// SPDX-License-Identifier: GPL-2.0
/*
 * R19: each limit at its boundary, what is charged against it and for how long,
 * and that everything is uncharged.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

static const struct {
	const char *name;
	long long initial;	/* 0: depends on the machine */
} limits[] = {
	{ "max_msg_size", 1 << 20 },
	{ "max_capacity", 65536 },
	{ "max_user_channels", 1024 },
	{ "max_user_bytes", 16 << 20 },
	{ "max_user_named", 64 },
	{ "max_bytes", 0 },
	{ "max_select", 1024 },
};

#define LIMITS		ARRAY_SIZE(limits)
#define SUBORDINATE	100000	/* the first of USER's subordinate ids */

FIXTURE(limits) {
	long long found[LIMITS];
	int chs[16];
};

FIXTURE_SETUP(limits)
{
	size_t i;

	for (i = 0; i < LIMITS; i++) {
		self->found[i] = param(limits[i].name);
		ASSERT_LT(0, self->found[i]);
	}
}

FIXTURE_TEARDOWN(limits)
{
	size_t i;

	as_root();
	for (i = 0; i < LIMITS; i++)
		set_param(limits[i].name, self->found[i]);
	unlink_all();
}

/* Make up to 16 channels; returns how many, and the last error in @error. */
static int make_many(int *chs, unsigned int capacity, unsigned int msg_size,
		     int *error)
{
	int i;

	for (i = 0; i < 16; i++) {
		chs[i] = ch_make(capacity, msg_size, 0);
		if (chs[i] < 0)
			break;
	}
	*error = i < 16 ? chs[i] : 0;
	return i;
}

static void close_many(const int *chs, int count)
{
	while (count)
		close(chs[--count]);
}

/* R19: the parameters' default values, and who may change them. */
TEST_F(limits, r19_parameters)
{
	size_t i;

	for (i = 0; i < LIMITS; i++) {
		if (limits[i].initial)
			EXPECT_EQ(limits[i].initial, self->found[i]);
		EXPECT_EQ(0, set_param(limits[i].name, self->found[i]));
		EXPECT_EQ(-EINVAL, set_param(limits[i].name, -1));
	}
	ASSERT_EQ(0, as_user(USER));
	for (i = 0; i < LIMITS; i++)
		EXPECT_EQ(-EACCES, set_param(limits[i].name, 1));
}

/* R19, R20: msg_size of 0, the limit, the limit + 1, 2^32 - 1. */
TEST_F(limits, r19_r20_max_msg_size)
{
	const unsigned int max = self->found[0];
	char *msg = calloc(1, max + 1);
	int ch;

	ASSERT_NE(NULL, msg);
	EXPECT_LE(0, ch_make(1, 0, 0));
	ch = ch_make(1, max, 0);
	EXPECT_EQ(-EMSGSIZE, ch_send(ch, msg, max + 1));
	EXPECT_EQ(max, ch_send(ch, msg, max));
	EXPECT_EQ(max, ch_recv(ch, msg, max));
	EXPECT_EQ(-EINVAL, ch_make(1, max + 1, 0));
	EXPECT_EQ(-EINVAL, ch_make(1, ~0U, 0));
	EXPECT_EQ(-EINVAL, ch_make(1, 1U << 31, 0));
	EXPECT_EQ(-EINVAL, ch_make(0, 0, GOCHAN_FIXED));

	ASSERT_EQ(0, set_param("max_msg_size", 100));
	EXPECT_LE(0, ch_make(1, 100, 0));
	EXPECT_EQ(-EINVAL, ch_make(1, 101, 0));
	/* existing channels are not affected */
	EXPECT_EQ(max, ch_send(ch, msg, max));
	free(msg);
}

/* R19, R20: capacity of 0, the limit, the limit + 1, 2^32 - 1. */
TEST_F(limits, r19_r20_max_capacity)
{
	const unsigned int max = self->found[1];
	unsigned int i;
	int ch;

	ch = ch_make(max, 4, 0);
	ASSERT_LE(0, ch);
	for (i = 0; i < max; i++)
		ASSERT_EQ(4, ch_try_send(ch, &i, 4));
	EXPECT_EQ(-EAGAIN, ch_try_send(ch, &i, 4));
	EXPECT_EQ(max, ch_info(ch).len);
	close(ch);
	EXPECT_EQ(-EINVAL, ch_make(max + 1, 4, 0));
	EXPECT_EQ(-EINVAL, ch_make(~0U, 0, 0));
	EXPECT_EQ(-EINVAL, ch_make(~0U, ~0U, 0));
	EXPECT_EQ(-EINVAL, ch_make(1U << 31, 1 << 20, 0));

	ASSERT_EQ(0, set_param("max_capacity", 2));
	EXPECT_LE(0, ch_make(2, 4, 0));
	EXPECT_EQ(-EINVAL, ch_make(3, 4, 0));
	ASSERT_EQ(0, set_param("max_capacity", 0));
	EXPECT_LE(0, ch_make(0, 4, 0));
	EXPECT_EQ(-EINVAL, ch_make(1, 4, 0));
}

/* R19: channels per user: uncharged when released, counted for each user. */
TEST_F(limits, r19_max_user_channels)
{
	int error, i, other;

	ASSERT_EQ(0, set_param("max_user_channels", 5));
	ASSERT_EQ(0, as_user(USER));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(5, make_many(self->chs, 1, 16, &error));
		EXPECT_EQ(-EDQUOT, error);
		EXPECT_EQ(-1, open("/dev/gochan", O_RDWR));
		EXPECT_EQ(EDQUOT, errno);
		/* handles are not channels */
		EXPECT_LE(0, ch_dup(self->chs[0], O_RDWR));
		close(self->chs[4]);
		self->chs[4] = ch_make(0, 16, 0);
		EXPECT_LE(0, self->chs[4]);
		close_range(self->chs[0], ~0U, 0);
	}
	EXPECT_EQ(5, make_many(self->chs, 1, 16, &error));
	ASSERT_EQ(0, as_root());
	ASSERT_EQ(0, as_user(OTHER));
	other = ch_make(1, 16, 0);
	EXPECT_LE(0, other);
}

/* R19: the limits do not apply to CAP_SYS_RESOURCE. */
TEST_F(limits, r19_root_is_exempt)
{
	int error, ch;

	ASSERT_EQ(0, set_param("max_user_channels", 2));
	ASSERT_EQ(0, set_param("max_user_bytes", 10000));
	ASSERT_EQ(0, set_param("max_user_named", 1));
	ASSERT_EQ(0, set_param("max_bytes", 10000));
	EXPECT_EQ(16, make_many(self->chs, 16, 4096, &error));
	ch = self->chs[0];
	EXPECT_LE(0, ch_make_named(PREFIX "a", 1, 0600));
	EXPECT_LE(0, ch_make_named(PREFIX "b", 1, 0600));
	EXPECT_LE(0, ch_dup(ch, O_RDWR));
}

/* R19: but they do to root of another user namespace. */
TEST_F(limits, r19_namespace_root_is_not_exempt)
{
	pid_t pid;
	int error;

	ASSERT_EQ(0, set_param("max_user_channels", 2));
	pid = child();
	if (!pid) {
		EXPECT_EQ(0, become_namespace_root(USER));
		EXPECT_EQ(2, make_many(self->chs, 1, 16, &error));
		EXPECT_EQ(-EDQUOT, error);
		_exit(!_metadata->passed);
	}
	EXPECT_EQ(0, reap(pid));
}

/* R19: a user's subordinate ids share its limit, and it shares theirs. */
TEST_F(limits, r19_subordinate_users)
{
	int error, ready[2];
	pid_t pid;
	char c;

	ASSERT_EQ(0, set_param("max_user_channels", 4));
	ASSERT_EQ(0, pipe(ready));
	pid = child();
	if (!pid) {
		EXPECT_EQ(0, become_root_of_subordinates(USER, SUBORDINATE, 8));
		EXPECT_EQ(0, as_user(1));
		EXPECT_LE(0, ch_make(1, 16, 0));
		EXPECT_LE(0, ch_make(1, 16, 0));
		EXPECT_EQ(0, as_root());
		EXPECT_EQ(0, as_user(2));
		EXPECT_EQ(2, make_many(self->chs, 1, 16, &error));
		EXPECT_EQ(-EDQUOT, error);
		EXPECT_EQ(0, as_root());
		EXPECT_EQ(-EDQUOT, ch_make(1, 16, 0));
		EXPECT_EQ(1, write(ready[1], _metadata->passed ? "y" : "n", 1));
		pause();
	}
	EXPECT_EQ(1, read(ready[0], &c, 1));
	EXPECT_EQ('y', c);
	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(-EDQUOT, ch_make(1, 16, 0));
	ASSERT_EQ(0, as_root());
	ASSERT_EQ(0, as_user(OTHER));
	EXPECT_LE(0, ch_make(1, 16, 0));
	ASSERT_EQ(0, as_root());
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(4, make_many(self->chs, 1, 16, &error));
}

/* R19: a namespace of a namespace counts for the owners of both, and for each once. */
TEST_F(limits, r19_nested_namespaces)
{
	int error;
	pid_t pid;

	ASSERT_EQ(0, set_param("max_user_channels", 4));
	pid = child();
	if (!pid) {
		EXPECT_EQ(0, become_namespace_root(USER));
		EXPECT_LE(0, ch_make(1, 16, 0));
		EXPECT_EQ(0, unshare(CLONE_NEWUSER));
		EXPECT_EQ(3, make_many(self->chs, 1, 16, &error));
		EXPECT_EQ(-EDQUOT, error);
		_exit(!_metadata->passed);
	}
	EXPECT_EQ(0, reap(pid));
}

/* R19: a limit of 0 allows none. */
TEST_F(limits, r19_limit_zero)
{
	ASSERT_EQ(0, set_param("max_user_channels", 0));
	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(-1, open("/dev/gochan", O_RDWR));
	EXPECT_EQ(EDQUOT, errno);
}

/* R19: the channels of a killed process are uncharged. */
TEST_F(limits, r19_killed_creator)
{
	int error, i, made[2];
	pid_t pid;
	char c;

	ASSERT_EQ(0, set_param("max_user_channels", 4));
	ASSERT_EQ(0, pipe(made));
	for (i = 0; i < 3; i++) {
		pid = child();
		if (!pid) {
			EXPECT_EQ(0, become(USER));
			EXPECT_EQ(4, make_many(self->chs, 1, 16, &error));
			EXPECT_EQ(1, write(made[1], "m", 1));
			pause();
		}
		EXPECT_EQ(1, read(made[0], &c, 1));
		ASSERT_EQ(0, as_user(USER));
		EXPECT_EQ(-EDQUOT, ch_make(1, 16, 0));
		ASSERT_EQ(0, as_root());
		EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	}
	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(4, make_many(self->chs, 1, 16, &error));
}

/* R19: passing handles to another process does not evade the limit. */
TEST_F(limits, r19_passing_handles)
{
	int error, i, socks[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	ASSERT_EQ(0, set_param("max_user_channels", 4));
	ASSERT_EQ(0, as_user(USER));
	ASSERT_EQ(4, make_many(self->chs, 1, 16, &error));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, send_fd(socks[0], self->chs[i]));
		close(self->chs[i]);
	}
	EXPECT_EQ(-EDQUOT, ch_make(1, 16, 0));
	/* root holds them now, but they stay charged to USER */
	ASSERT_EQ(0, as_root());
	for (i = 0; i < 4; i++)
		self->chs[i] = recv_fd(socks[1]);
	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(-EDQUOT, ch_make(1, 16, 0));
	close_many(self->chs, 4);
	EXPECT_EQ(4, make_many(self->chs, 1, 16, &error));
}

/* R19: nor does closing the handles of a name, or unlinking the name. */
TEST_F(limits, r19_naming_and_unlinking)
{
	ASSERT_EQ(0, set_param("max_user_channels", 2));
	ASSERT_EQ(0, as_user(USER));
	self->chs[0] = ch_make_named(PREFIX "a", 1, 0600);
	self->chs[1] = ch_make_named(PREFIX "b", 1, 0600);
	ASSERT_LE(0, self->chs[0]);
	ASSERT_LE(0, self->chs[1]);
	close(self->chs[0]);
	EXPECT_EQ(-EDQUOT, ch_make(1, 16, 0));
	EXPECT_EQ(0, ch_unlink(PREFIX "b"));
	EXPECT_EQ(-EDQUOT, ch_make(1, 16, 0));
	close(self->chs[1]);
	self->chs[1] = ch_make(1, 16, 0);
	EXPECT_LE(0, self->chs[1]);
	EXPECT_EQ(-EDQUOT, ch_make(1, 16, 0));
	ASSERT_EQ(0, as_root());
	EXPECT_EQ(0, ch_unlink(PREFIX "a"));
	ASSERT_EQ(0, as_user(USER));
	EXPECT_LE(0, ch_make(1, 16, 0));
}

/* R19: channels stay charged to their creator when the process changes its user. */
TEST_F(limits, r19_charged_to_creator)
{
	int error;

	ASSERT_EQ(0, set_param("max_user_channels", 2));
	ASSERT_EQ(0, as_user(USER));
	ASSERT_EQ(2, make_many(self->chs, 1, 16, &error));
	ASSERT_EQ(0, as_root());
	ASSERT_EQ(0, as_user(OTHER));
	EXPECT_EQ(1, send_text(self->chs[0], "a"));
	EXPECT_LE(0, ch_make(1, 16, 0));
	EXPECT_LE(0, ch_make(1, 16, 0));
	EXPECT_EQ(-EDQUOT, ch_make(1, 16, 0));
}

/* R19: the bytes charged are capacity * (msg_size + slot overhead). */
TEST_F(limits, r19_max_user_bytes)
{
	int error, count, i, ch;

	ASSERT_EQ(0, set_param("max_user_bytes", 1 << 20));
	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(-EDQUOT, ch_make(1024, 1024, 0));
	EXPECT_EQ(-EDQUOT, ch_make(65536, 1 << 20, 0));
	ch = open("/dev/gochan", O_RDWR);
	ASSERT_LE(0, ch);
	EXPECT_EQ(-EDQUOT, ch_setup(ch, 1024, 1024, 0));
	EXPECT_EQ(0, ch_setup(ch, 900, 1024, 0));
	EXPECT_EQ(-EDQUOT, ch_make(200, 1024, 0));
	close(ch);
	for (i = 0; i < 3; i++) {
		count = make_many(self->chs, 100, 1024, &error);
		EXPECT_LE(9, count);
		EXPECT_GE(10, count);
		EXPECT_EQ(-EDQUOT, error);
		close_many(self->chs, count);
	}
	/* slots for empty messages are charged, too */
	EXPECT_EQ(-EDQUOT, ch_make(65536, 0, 0));
}

/* R19: the charge does not depend on the messages buffered. */
TEST_F(limits, r19_bytes_of_full_channel)
{
	char msg[1024] = {};
	int ch, i;

	ASSERT_EQ(0, set_param("max_user_bytes", 1 << 20));
	ASSERT_EQ(0, as_user(USER));
	ch = ch_make(900, 1024, 0);
	ASSERT_LE(0, ch);
	for (i = 0; i < 900; i++)
		ASSERT_EQ(1024, ch_try_send(ch, msg, 1024));
	close(ch);
	ch = ch_make(900, 1024, 0);
	EXPECT_LE(0, ch);
}

/* R4, R19: slots are charged at setup: a send into one is not charged. */
TEST_F(limits, r4_r19_slots_charged_at_setup)
{
	static const unsigned int sizes[] = { 1000, 5000, 60000 };
	static char msg[60000];
	size_t i;
	int ch;

	ASSERT_EQ(0, set_param("max_user_bytes", 63000));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, as_user(USER));
		ch = ch_make(60000 / sizes[i], sizes[i], 0);
		ASSERT_LE(0, ch);
		ASSERT_EQ(sizes[i], ch_send(ch, msg, sizes[i]));
		EXPECT_EQ(sizes[i], ch_recv(ch, msg, sizes[i]));
		close(ch);
		ASSERT_EQ(0, as_root());
	}
}

/* R19: blocked sends are charged while they are blocked. */
TEST_F(limits, r19_blocked_senders)
{
	struct job *jobs[3];
	char msg[20000] = {};
	int ch, i, k;

	ch = ch_make(0, sizeof(msg), 0);
	ASSERT_EQ(0, set_param("max_user_bytes", 70000));
	ASSERT_EQ(0, as_user(USER));
	for (k = 0; k < 2; k++) {
		for (i = 0; i < 3; i++) {
			jobs[i] = job_send(BY_THREAD, ch, msg, sizeof(msg));
			ASSERT_TRUE(wait_for_waiters(ch, i + 1, 0));
		}
		EXPECT_EQ(-EDQUOT, ch_send(ch, msg, sizeof(msg)));
		EXPECT_EQ(3U, ch_info(ch).senders_waiting);
		EXPECT_EQ(-EDQUOT, ch_make(1, 20000, 0));
		for (i = 0; i < 3; i++) {
			EXPECT_EQ((int)sizeof(msg),
				  ch_recv(ch, msg, sizeof(msg)));
			EXPECT_EQ((int)sizeof(msg), job_wait(jobs[i]));
		}
	}
	EXPECT_LE(0, ch_make(1, 20000, 0));
}

#define PART_SIZE	512
#define PART_COUNT	200

/*
 * R1, R2, R11, R19: the allowance ends within a blocked write of several messages.
 * Those before that are sent, in order, and nothing else is read.
 */
TEST_F(limits, r1_r2_r11_r19_charged_in_part)
{
	const size_t bytes = PART_COUNT * PART_SIZE;
	const size_t mapped = (bytes + page_size() - 1) / page_size() * page_size();
	char *out = (char *)map_pages(mapped / page_size() + 1) + mapped - bytes;
	char in[PART_SIZE];
	struct job *job;
	bool done;
	int ch, i, n = -1;

	ASSERT_EQ(0, mprotect(out + bytes, page_size(), PROT_NONE));
	for (i = 0; i < PART_COUNT; i++)
		memset(out + i * PART_SIZE, i, PART_SIZE);
	ASSERT_EQ(0, set_param("max_user_bytes", 40000));
	ASSERT_EQ(0, as_user(USER));
	ch = ch_make(1, PART_SIZE, GOCHAN_FIXED);
	ASSERT_LE(0, ch);
	ASSERT_EQ(PART_SIZE, ch_send(ch, out, PART_SIZE));
	job = job_start(BY_THREAD, ch, true, out, bytes);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	do {
		done = job_done(job);
		while (ch_try_recv(ch, in, PART_SIZE) == PART_SIZE) {
			EXPECT_EQ((char)(n < 0 ? 0 : n), in[0]);
			n++;
		}
	} while (!done);
	EXPECT_LT(0, n);
	EXPECT_GT(PART_COUNT, n);
	EXPECT_EQ(n * PART_SIZE, job_wait(job));
}

/* R19: killed ones are uncharged as well. */
TEST_F(limits, r19_killed_senders)
{
	static char msg[60000];
	struct job *job;
	int ch, i;

	ch = ch_make(0, sizeof(msg), 0);
	ASSERT_EQ(0, set_param("max_user_bytes", 70000));
	ASSERT_EQ(0, as_user(USER));
	for (i = 0; i < 4; i++) {
		job = job_send(BY_PROCESS, ch, msg, sizeof(msg));
		ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
		EXPECT_EQ(-EDQUOT, ch_send(ch, msg, sizeof(msg)));
		EXPECT_EQ(-EINPROGRESS, job_kill(job));
	}
	EXPECT_LE(0, ch_make(1, sizeof(msg), 0));
}

/* R19: bytes of all users except root together. */
TEST_F(limits, r19_max_bytes)
{
	int error, count, ch;

	ASSERT_EQ(0, set_param("max_bytes", 1 << 20));
	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(-ENOSPC, ch_make(1024, 1024, 0));
	count = make_many(self->chs, 100, 1024, &error);
	EXPECT_LE(8, count);
	EXPECT_GE(10, count);
	EXPECT_EQ(-ENOSPC, error);
	ASSERT_EQ(0, as_root());
	EXPECT_LE(0, ch_make(1024, 1024, 0));
	ASSERT_EQ(0, as_user(OTHER));
	EXPECT_EQ(-ENOSPC, ch_make(300, 1024, 0));
	close_many(self->chs, count);
	ch = ch_make(300, 1024, 0);
	EXPECT_LE(0, ch);
}

/* R19: CAP_SYS_RESOURCE receives long messages over its limit, blocked or not. */
TEST_F(limits, r19_root_receives_over_limit)
{
	static char msg[20000];
	struct job *job;
	int ch;

	ch = ch_make(0, sizeof(msg), 0);
	ASSERT_LE(0, ch);
	ASSERT_EQ(0, set_param("max_user_bytes", 1));
	job = job_send(BY_THREAD, ch, msg, sizeof(msg));
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	EXPECT_EQ(sizeof(msg), ch_recv(ch, msg, sizeof(msg)));
	EXPECT_EQ(sizeof(msg), job_wait(job));
	job = job_recv(BY_THREAD, ch, sizeof(msg));
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	EXPECT_EQ(sizeof(msg), ch_send(ch, msg, sizeof(msg)));
	EXPECT_EQ(sizeof(msg), job_wait(job));
}

/* Fail to receive as a user without allowance for the message. */
static pid_t recv_over_limit(int ch, void *buf, size_t size)
{
	const pid_t pid = child();

	if (pid)
		return pid;
	if (become(OTHER))
		_exit(1);
	_exit(ch_recv(ch, buf, size) != -EDQUOT);
}

/* R7, R14, R19: a select whose receiver is over its limit keeps its place. */
TEST_F(limits, r7_r14_r19_select_keeps_its_place)
{
	static char first[20000] = "first", second[20000] = "second", in[20000];
	struct gochan_op op;
	struct call *call;
	struct job *job;
	int ch;

	ch = ch_make(0, sizeof(in), 0);
	ASSERT_LE(0, ch);
	ASSERT_EQ(0, set_param("max_user_bytes", 1));
	op = GOCHAN_SEND(ch, first, sizeof(first));
	call = call_select(ch);
	call_add(call, &op);
	call_start(call, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	job = job_send(BY_THREAD, ch, second, sizeof(second));
	ASSERT_TRUE(wait_for_waiters(ch, 2, 0));
	EXPECT_EQ(0, reap(recv_over_limit(ch, in, sizeof(in))));
	ASSERT_TRUE(wait_for_waiters(ch, 2, 0));
	EXPECT_EQ(sizeof(in), ch_recv(ch, in, sizeof(in)));
	EXPECT_STREQ("first", in);
	EXPECT_EQ(0, call_wait(call));
	EXPECT_EQ(sizeof(in), ch_recv(ch, in, sizeof(in)));
	EXPECT_STREQ("second", in);
	EXPECT_EQ(sizeof(second), job_wait(job));
}

/* R16, R19: a file with a long message stays if its receiver is over its limit. */
TEST_F(limits, r16_r19_file_stays)
{
	static char msg[20000] = "file", in[20000];
	struct gochan_op op;
	struct call *call;
	pid_t pid;
	int ch;

	ch = ch_make(0, sizeof(in), 0);
	ASSERT_LE(0, ch);
	ASSERT_EQ(0, set_param("max_user_bytes", 1));
	pid = recv_over_limit(ch, in, sizeof(in));
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	op = GOCHAN_SEND(ch, msg, sizeof(msg));
	op.flags = GOCHAN_PASS_FD;
	op.passed_fd = ch;
	call = call_batch(ch);
	call_add(call, &op);
	call_start(call, BY_THREAD);
	EXPECT_EQ(0, reap(pid));
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	EXPECT_EQ(sizeof(in), ch_recv(ch, in, sizeof(in)));
	EXPECT_STREQ("file", in);
	EXPECT_EQ(1, call_wait(call));
}

/* A task that has slept @before times sleeps once more. */
static bool wait_sleeps(pid_t pid, long before)
{
	const struct wait wait = wait_begin();

	do {
		if (sleeps(pid) > before)
			return true;
	} while (wait_more(&wait));
	return false;
}

/* As OTHER, receive into inaccessible memory; returns when it is to be requeued. */
static pid_t recv_and_requeue(int ch)
{
	const pid_t pid = child();
	long before;

	if (!pid) {
		if (become(OTHER))
			_exit(1);
		_exit(read(ch, (void *)4096, 16) != -1 || errno != EFAULT);
	}
	if (!wait_for_waiters(ch, 0, 1) || !wait_asleep(pid))
		return -1;
	before = sleeps(pid);
	if (ch_send(ch, "text", 4) != 4 || !wait_sleeps(pid, before))
		return -1;
	return pid;
}

/* R9, R19: a message is requeued once its receiver has an allowance for that. */
TEST_F(limits, r9_r19_requeued_when_allowed)
{
	const int ch = ch_make(0, 16, 0);
	char in[16];
	pid_t pid;

	ASSERT_LE(0, ch);
	ASSERT_EQ(0, set_param("max_user_bytes", 1));
	pid = recv_and_requeue(ch);
	ASSERT_LT(0, pid);
	EXPECT_EQ(0U, ch_info(ch).len);
	ASSERT_EQ(0, set_param("max_user_bytes", 4096));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(1U, ch_info(ch).len);
	EXPECT_EQ(4, ch_recv(ch, in, sizeof(in)));
}

/* R1, R8, R19: its receiver can be killed meanwhile, and the message goes with it. */
TEST_F(limits, r1_r8_r19_killed_before_requeueing)
{
	const int ch = ch_make(0, 16, 0);
	pid_t pid;

	ASSERT_LE(0, ch);
	ASSERT_EQ(0, set_param("max_user_bytes", 1));
	pid = recv_and_requeue(ch);
	ASSERT_LT(0, pid);
	kill(pid, SIGKILL);
	reap_killed(pid);
	EXPECT_EQ(0U, ch_info(ch).len);
	EXPECT_EQ(1U, ch_info(ch).received);
	EXPECT_TRUE(no_waiters(ch));
}

/* R19: what is inside can be received, whatever others hold of max_bytes. */
TEST_F(limits, r19_receive_over_max_bytes)
{
	static char out[60000], in[60000];
	struct job *job;
	pid_t pid;
	int ch;

	ch = ch_make(0, sizeof(out), 0);
	ASSERT_LE(0, ch);
	job = job_start(BY_THREAD, ch, true, out, sizeof(out));
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	ASSERT_EQ(0, set_param("max_bytes", 1));
	pid = child();
	if (!pid) {
		EXPECT_EQ(0, become(OTHER));
		EXPECT_EQ(-ENOSPC, ch_make(1, sizeof(out), 0));
		EXPECT_EQ(sizeof(in), ch_recv(ch, in, sizeof(in)));
		_exit(!_metadata->passed);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(sizeof(out), job_wait(job));
}

/* R19: names per user; one that is unlinked stays charged while it is open. */
TEST_F(limits, r19_max_user_named)
{
	int i, a, b, c;

	ASSERT_EQ(0, set_param("max_user_named", 2));
	ASSERT_EQ(0, as_user(USER));
	for (i = 0; i < 3; i++) {
		a = ch_make_named(PREFIX "a", 1, 0600);
		b = ch_make_named(PREFIX "b", 1, 0600);
		c = ch_unnamed(1, 16, 0, 0600);
		ASSERT_LE(0, a);
		ASSERT_LE(0, b);
		EXPECT_EQ(-EDQUOT, ch_link(c, PREFIX "c"));
		EXPECT_EQ(0, ch_unlink(PREFIX "a"));
		EXPECT_EQ(-EDQUOT, ch_link(c, PREFIX "c"));
		close(a);
		/* a link that fails is not charged */
		EXPECT_EQ(-EEXIST, ch_link(c, PREFIX "b"));
		EXPECT_EQ(-ENOENT, ch_link(c, PREFIX "no/name"));
		EXPECT_EQ(0, ch_link(c, PREFIX "c"));
		close(b);
		close(c);
		EXPECT_EQ(0, ch_unlink(PREFIX "b"));
		EXPECT_EQ(0, ch_unlink(PREFIX "c"));
	}
}

/* R19: directories count as names; there can be as many as max_user_named. */
TEST_F(limits, r19_directories)
{
	const long long most = param("max_user_named");
	char path[64];
	int i, held;

	ASSERT_EQ(0, as_user(USER));
	for (i = 0; i < most; i++) {
		snprintf(path, sizeof(path), "/dev/gochans/" PREFIX "%d", i);
		ASSERT_EQ(0, mkdir(path, 0700));
	}
	EXPECT_EQ(-1, mkdir("/dev/gochans/" PREFIX "more", 0700));
	EXPECT_EQ(EDQUOT, errno);
	EXPECT_EQ(-EDQUOT, ch_make_named(PREFIX "more", 0, 0600));
	held = open(path, O_RDONLY | O_DIRECTORY);
	EXPECT_EQ(0, rmdir(path));
	EXPECT_EQ(-EDQUOT, ch_make_named(PREFIX "more", 0, 0600));
	close(held);
	EXPECT_LE(0, ch_make_named(PREFIX "more", 0, 0600));

	/* others have a limit of their own, and root none */
	ASSERT_EQ(0, as_root());
	for (i = 0; i < most + 1; i++) {
		snprintf(path, sizeof(path), "/dev/gochans/" PREFIX "root%d", i);
		ASSERT_EQ(0, mkdir(path, 0700));
	}
}

/* R19: a name stays charged to its creator after chown. */
TEST_F(limits, r19_names_charged_to_creator)
{
	ASSERT_EQ(0, set_param("max_user_named", 1));
	ASSERT_EQ(0, as_user(USER));
	EXPECT_LE(0, ch_make_named(PREFIX "a", 1, 0600));
	ASSERT_EQ(0, as_root());
	EXPECT_EQ(0, chown("/dev/gochans/" PREFIX "a", OTHER, OTHER));
	ASSERT_EQ(0, as_user(USER));
	EXPECT_EQ(-EDQUOT, ch_make_named(PREFIX "b", 1, 0600));
	ASSERT_EQ(0, as_root());
	ASSERT_EQ(0, as_user(OTHER));
	EXPECT_LE(0, ch_make_named(PREFIX "c", 1, 0600));
}

/* R19: ops per SELECT or BATCH. */
TEST_F(limits, r19_max_select)
{
	static struct gochan_op op[4];
	struct gochan_ops ops = {
		.ops = (unsigned long)op,
		.flags = GOCHAN_NONBLOCK,
		.timeout = GOCHAN_TIMEOUT_NEVER,
	};
	const int ch = ch_make(8, 16, 0);
	int i;

	ASSERT_LE(0, ch);
	for (i = 0; i < 4; i++)
		op[i] = (struct gochan_op){
			.fd = ch,
			.opcode = GOCHAN_OP_SEND,
			.buf = (unsigned long)"a",
			.len = 1,
			.passed_fd = -1,
		};
	ASSERT_EQ(0, set_param("max_select", 3));
	ops.count = 3;
	EXPECT_EQ(3, ioctl(ch, GOCHAN_IOC_BATCH, &ops));
	EXPECT_LE(0, ioctl(ch, GOCHAN_IOC_SELECT, &ops));
	EXPECT_EQ(4U, ch_info(ch).len);
	ops.count = 4;
	EXPECT_EQ(-1, ioctl(ch, GOCHAN_IOC_BATCH, &ops));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(ch, GOCHAN_IOC_SELECT, &ops));
	EXPECT_EQ(EINVAL, errno);
	ops.count = ~0U;
	EXPECT_EQ(-1, ioctl(ch, GOCHAN_IOC_SELECT, &ops));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(4U, ch_info(ch).len);
}

#define CGROUP	"/sys/fs/cgroup/" PREFIX "memory"

static long cgroup_bytes(void)
{
	char text[64];

	if (read_text(CGROUP "/memory.current", text, sizeof(text)) < 0)
		return -1;
	return strtol(text, NULL, 10);
}

/* R19: memory is charged to the memory cgroup of the task that causes it. */
TEST_F(limits, r19_memory_cgroup)
{
	const long bytes = 2048L * 4096;
	int made[2], ch;
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(made));
	ASSERT_EQ(0, write_text("/sys/fs/cgroup/cgroup.subtree_control",
				"+memory"));
	rmdir(CGROUP);
	ASSERT_EQ(0, mkdir(CGROUP, 0755));
	pid = child();
	if (!pid) {
		EXPECT_EQ(0, write_text(CGROUP "/cgroup.procs", "0"));
		ch = ch_make(2048, 4096, 0);
		EXPECT_LE(0, ch);
		EXPECT_EQ(1, write(made[1], "m", 1));
		pause();
	}
	EXPECT_EQ(1, read(made[0], &c, 1));
	EXPECT_LE(bytes, cgroup_bytes());
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	EXPECT_GT(bytes, cgroup_bytes());
	EXPECT_EQ(0, rmdir(CGROUP));
}

TEST_HARNESS_MAIN
