// SPDX-License-Identifier: GPL-2.0
/*
 * The library's calls for acknowledged channels (R21): gochan_make_with(),
 * gochan_recv_lease(), gochan_ack(), gochan_requeue().
 */
#include <kselftest_harness.h>

#include "../lib/common.h"

#include <fcntl.h>
#include <gochan.h>
#include <signal.h>

FIXTURE(lib_lease) {
	int ch;
	char buf[64];
	size_t len;
	struct gochan_lease lease;
};

FIXTURE_SETUP(lib_lease)
{
	self->ch = gochan_make(4, 16, GOCHAN_ACK);
	ASSERT_LE(0, self->ch);
}

FIXTURE_TEARDOWN(lib_lease)
{
}

static int error_of(int ret)
{
	return ret < 0 ? errno : 0;
}

/* DESIGN 6, R21: a message is leased and acknowledged. */
TEST_F(lib_lease, s6_ack)
{
	ASSERT_EQ(0, gochan_send(self->ch, "a", 1));
	ASSERT_EQ(1, gochan_recv_lease(self->ch, self->buf, 64, &self->len, &self->lease));
	EXPECT_EQ('a', self->buf[0]);
	EXPECT_EQ(1U, self->len);
	EXPECT_EQ(1ULL, self->lease.seq);
	EXPECT_EQ(1U, self->lease.deliveries);
	EXPECT_NE(0ULL, self->lease.lease);
	EXPECT_EQ(1U, ch_info(self->ch).leased);
	EXPECT_EQ(0, gochan_ack(self->ch, &self->lease));
	EXPECT_EQ(0U, ch_info(self->ch).leased);
	EXPECT_EQ(ESTALE, error_of(gochan_ack(self->ch, &self->lease)));
	EXPECT_EQ(ESTALE, error_of(gochan_requeue(self->ch, &self->lease)));
}

/* DESIGN 6, R21: it is returned, and delivered again. */
TEST_F(lib_lease, s6_requeue)
{
	ASSERT_EQ(0, gochan_send(self->ch, "a", 1));
	ASSERT_EQ(1, gochan_recv_lease(self->ch, self->buf, 64, NULL, &self->lease));
	EXPECT_EQ(0, gochan_requeue(self->ch, &self->lease));
	ASSERT_EQ(1, gochan_recv_lease(self->ch, self->buf, 64, NULL, &self->lease));
	EXPECT_EQ(2U, self->lease.deliveries);
	EXPECT_EQ(1ULL, self->lease.seq);
}

/* DESIGN 6, R21: gochan_recv() acknowledges at once. */
TEST_F(lib_lease, s6_recv)
{
	ASSERT_EQ(0, gochan_send(self->ch, "a", 1));
	ASSERT_EQ(1, gochan_recv(self->ch, self->buf, 64, NULL));
	ASSERT_EQ(0, gochan_send(self->ch, "b", 1));
	ASSERT_EQ(1, gochan_try_recv(self->ch, self->buf, 64, NULL));
	EXPECT_EQ('b', self->buf[0]);
	EXPECT_EQ(0U, ch_info(self->ch).leased);
}

/* DESIGN 6, R21: the end, and errors. */
TEST_F(lib_lease, s6_errors)
{
	const int plain = gochan_make(1, 16, 0);

	ASSERT_EQ(0, gochan_send(self->ch, "ab", 2));
	EXPECT_EQ(EMSGSIZE, error_of(gochan_recv_lease(self->ch, self->buf, 1, &self->len,
						       &self->lease)));
	EXPECT_EQ(2U, self->len);
	ASSERT_EQ(1, gochan_recv(self->ch, self->buf, 64, NULL));
	ASSERT_EQ(0, gochan_close(self->ch));
	EXPECT_EQ(0, gochan_recv_lease(self->ch, self->buf, 64, NULL, &self->lease));
	ASSERT_EQ(0, gochan_send(plain, "a", 1));
	ASSERT_EQ(1, gochan_recv_lease(plain, self->buf, 64, NULL, &self->lease));
	EXPECT_EQ(0ULL, self->lease.lease);
	EXPECT_EQ(EINVAL, error_of(gochan_ack(plain, &self->lease)));
	EXPECT_EQ(EBADF, error_of(gochan_ack(-1, &self->lease)));
	EXPECT_EQ(ENOTTY, error_of(gochan_requeue(open("/dev/null", O_RDWR), &self->lease)));
	EXPECT_EQ(EBADF, error_of(gochan_ack(gochan_dup(self->ch, O_WRONLY), &self->lease)));
}

/* DESIGN 6, R21: all parameters, unnamed and named; dead letters. */
TEST_F(lib_lease, s6_make_with)
{
	struct gochan_setup setup = {
		.capacity = 2, .msg_size = 16, .flags = GOCHAN_ACK | GOCHAN_DEADLETTER,
		.max_deliveries = 1, .dead_fd = self->ch,
	};
	const int ch = gochan_make_with(&setup);
	int named;

	ASSERT_LE(0, ch);
	EXPECT_EQ(1U, ch_info(ch).max_deliveries);
	ASSERT_EQ(0, gochan_send(ch, "a", 1));
	ASSERT_EQ(1, gochan_recv_lease(ch, self->buf, 64, NULL, &self->lease));
	ASSERT_EQ(0, gochan_requeue(ch, &self->lease));
	ASSERT_EQ(1, gochan_recv(self->ch, self->buf, 64, NULL));
	setup.dead_fd = ch;
	EXPECT_EQ(ELOOP, error_of(gochan_make_with(&setup)));
	setup.dead_fd = -1;
	EXPECT_EQ(EBADF, error_of(gochan_make_with(&setup)));
	setup.dead_fd = self->ch;
	named = gochan_create_with(PREFIX "with", &setup, 0600);
	ASSERT_LE(0, named);
	EXPECT_EQ(1U, ch_info(named).max_deliveries);
	EXPECT_EQ(0, gochan_unlink(PREFIX "with"));
}

/* DESIGN 6, R21: a worker is killed; the next one gets its job. */
TEST_F(lib_lease, s6_killed_worker)
{
	const struct wait wait = wait_begin();
	pid_t pid = child();

	if (!pid) {
		gochan_recv_lease(self->ch, self->buf, 64, NULL, &self->lease);
		pause();
	}
	ASSERT_TRUE(wait_for_waiters(self->ch, 0, 1));
	ASSERT_EQ(0, gochan_send(self->ch, "job", 3));
	while (!ch_info(self->ch).leased && wait_more(&wait))
		;
	kill(pid, SIGKILL);
	ASSERT_EQ(1, gochan_recv_lease(self->ch, self->buf, 64, &self->len, &self->lease));
	EXPECT_EQ(3U, self->len);
	EXPECT_EQ(2U, self->lease.deliveries);
	EXPECT_EQ(0, gochan_ack(self->ch, &self->lease));
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
}

TEST_HARNESS_MAIN
