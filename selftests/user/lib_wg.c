// SPDX-License-Identifier: GPL-2.0
/*
 * Wait groups: members that are done, one done too many, and members that die.
 */
#include <kselftest_harness.h>

#include "../lib/common.h"

#include <errno.h>
#include <gochan.h>
#include <limits.h>
#include <signal.h>

#define MEMBERS		50
#define PROCESSES	4

FIXTURE(wg) {
	struct gochan_wg group;
	int leave;
};

FIXTURE_SETUP(wg)
{
	self->leave = gochan_make(0, 0, 0);
	ASSERT_LE(0, self->leave);
	ASSERT_EQ(0, gochan_wg_init(&self->group, MEMBERS));
}

FIXTURE_TEARDOWN(wg)
{
	gochan_wg_destroy(&self->group);
}

static int error_of(int ret)
{
	return ret < 0 ? errno : 0;
}

/* What gochan_wg_done() returns in a process of its own, which it must not block. */
static int done_in_child(const struct gochan_wg *group)
{
	const pid_t pid = child();

	if (!pid)
		_exit(error_of(gochan_wg_done(group)));
	return reap(pid);
}

/* A process that waits for the group, and for nothing else: 0 or its errno. */
static pid_t waiter(struct gochan_wg *group)
{
	const pid_t pid = child();

	if (!pid)
		_exit(error_of(gochan_wg_wait(group)));
	return pid;
}

/* DESIGN 6: a group is done when each member is. */
TEST_F(wg, s6_done)
{
	struct gochan_wg *group = &self->group;
	pid_t pid;

	EXPECT_EQ(0, gochan_wg_add(group, 2));
	EXPECT_EQ(0, gochan_wg_add(group, 1));
	EXPECT_EQ(0, done_in_child(group));
	pid = waiter(group);
	EXPECT_TRUE(wait_for_waiters(group->wait_fd, 0, 1));
	EXPECT_EQ(0, done_in_child(group));
	EXPECT_EQ(0, gochan_wg_done(group));
	EXPECT_EQ(0, reap(pid));
}

/* DESIGN 6: one done too many is an error, never a hang. */
TEST_F(wg, s6_one_done_too_many)
{
	struct gochan_wg full;

	/* with slots left in the channel */
	EXPECT_EQ(EOVERFLOW, done_in_child(&self->group));
	EXPECT_EQ(0, gochan_wg_add(&self->group, 1));
	EXPECT_EQ(0, done_in_child(&self->group));
	EXPECT_EQ(EOVERFLOW, done_in_child(&self->group));

	/* with none */
	ASSERT_EQ(0, gochan_wg_init(&full, 2));
	EXPECT_EQ(0, gochan_wg_add(&full, 2));
	EXPECT_EQ(0, done_in_child(&full));
	EXPECT_EQ(0, done_in_child(&full));
	EXPECT_EQ(EOVERFLOW, done_in_child(&full));

	/* the waiting process sees exactly the members */
	EXPECT_EQ(0, gochan_wg_wait(&full));
	EXPECT_EQ(0U, full.members);
	EXPECT_EQ(EBADF, error_of(gochan_wg_done(&full)));
	gochan_wg_destroy(&full);
}

/* DESIGN 6: one done too many after the wait has returned. */
TEST_F(wg, s6_one_done_too_many_after_wait)
{
	struct gochan_wg *group = &self->group;
	pid_t late;

	EXPECT_EQ(0, gochan_wg_add(group, 1));
	late = child();
	if (!late) {
		gochan_recv(self->leave, NULL, 0, NULL);
		_exit(error_of(gochan_wg_done(group)));
	}
	EXPECT_EQ(0, done_in_child(group));
	EXPECT_EQ(0, gochan_wg_wait(group));
	EXPECT_EQ(0, gochan_close(self->leave));
	EXPECT_EQ(EOVERFLOW, reap(late));
}

/* Call gochan_wg_done() until it fails with EOVERFLOW; how often it did not. */
static int done_until_overflow(const struct gochan_wg *group)
{
	int done = 0;

	while (gochan_wg_done(group) == 0)
		done++;
	return errno == EOVERFLOW ? done : UCHAR_MAX;
}

/*
 * DESIGN 6: several processes call it at the same time, and too often, while
 * another one waits: it succeeds once for each member.
 */
TEST_F(wg, s6_concurrent_done)
{
	struct gochan_wg *group = &self->group;
	pid_t pids[PROCESSES], waits;
	int sum = 0;

	EXPECT_EQ(0, gochan_wg_add(group, MEMBERS));
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = child();
		if (!pids[i]) {
			gochan_recv(self->leave, NULL, 0, NULL);
			_exit(done_until_overflow(group));
		}
	}
	EXPECT_TRUE(wait_for_waiters(self->leave, 0, PROCESSES));
	waits = waiter(group);
	EXPECT_TRUE(wait_for_waiters(group->wait_fd, 0, 1));
	EXPECT_EQ(0, gochan_close(self->leave));
	for (int i = 0; i < PROCESSES; i++)
		sum += reap(pids[i]);
	EXPECT_EQ(MEMBERS, sum);
	EXPECT_EQ(0, reap(waits));
}

/* R6: members that die without being done end the wait. */
TEST_F(wg, r6_member_dies)
{
	struct gochan_wg *group = &self->group;
	pid_t pid;

	EXPECT_EQ(0, gochan_wg_add(group, 3));
	EXPECT_EQ(0, done_in_child(group));
	pid = child();
	if (!pid) {
		gochan_recv(self->leave, NULL, 0, NULL);
		_exit(0);
	}
	EXPECT_TRUE(wait_for_waiters(self->leave, 0, 1));
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	EXPECT_EQ(EOWNERDEAD, error_of(gochan_wg_wait(group)));
	EXPECT_EQ(2U, group->members);
}

/* R6: with nobody left who waits, done fails. */
TEST_F(wg, r6_nobody_waits)
{
	struct gochan_wg group;
	pid_t pid;

	ASSERT_EQ(0, gochan_wg_init(&group, 1));
	EXPECT_EQ(0, gochan_wg_add(&group, 1));
	pid = child();
	if (!pid) {
		close(group.wait_fd);
		gochan_recv(self->leave, NULL, 0, NULL);
		_exit(error_of(gochan_wg_done(&group)));
	}
	EXPECT_TRUE(wait_for_waiters(self->leave, 0, 1));
	gochan_wg_destroy(&group);
	EXPECT_EQ(0, gochan_close(self->leave));
	EXPECT_EQ(EPIPE, reap(pid));
}

/* DESIGN 6: the number of members is limited; many can be added at once. */
TEST_F(wg, s6_limits)
{
	struct gochan_wg many = {};

	EXPECT_EQ(EINVAL, error_of(gochan_wg_init(&many, 0)));
	EXPECT_EQ(EINVAL, error_of(gochan_wg_init(&many, UINT_MAX)));
	EXPECT_EQ(0, gochan_wg_add(&self->group, 0));
	EXPECT_EQ(EOVERFLOW, error_of(gochan_wg_add(&self->group, MEMBERS + 1)));
	EXPECT_EQ(0, gochan_wg_add(&self->group, MEMBERS));
	EXPECT_EQ(EOVERFLOW, error_of(gochan_wg_add(&self->group, 1)));
	EXPECT_EQ(EOVERFLOW, error_of(gochan_wg_add(&self->group, UINT_MAX)));

	ASSERT_EQ(0, gochan_wg_init(&many, 1000));
	EXPECT_EQ(0, gochan_wg_add(&many, 999));
	EXPECT_EQ(0, gochan_wg_add(&many, 1));
	for (int i = 0; i < 1000; i++)
		ASSERT_EQ(0, gochan_wg_done(&many));
	EXPECT_EQ(EOVERFLOW, error_of(gochan_wg_done(&many)));
	EXPECT_EQ(0, gochan_wg_wait(&many));
	gochan_wg_destroy(&many);
}

TEST_HARNESS_MAIN
