// SPDX-License-Identifier: GPL-2.0
/*
 * R18: channels order plain accesses to memory that processes share, without any
 * other synchronisation. (That the library tells ThreadSanitizer is tested in
 * user/tsan/.)
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"

#include <sched.h>

#define ROUNDS	400
#define MEMBERS	4

/* The system call that sends and receives. */
enum way { BY_CALL, BY_SELECT, BY_BATCH };

/* Shared by the processes; accesses to data and counter are plain. */
struct shared {
	int data[ROUNDS + 1];
	int counter;
	int inside;
	int most;
	int wrong;
};

FIXTURE(order) {
	struct shared *shared;
};

FIXTURE_VARIANT(order) {
	enum way way;
	unsigned int capacity;
};

FIXTURE_VARIANT_ADD(order, unbuffered) {
	.way = BY_CALL, .capacity = 0,
};

FIXTURE_VARIANT_ADD(order, buffered) {
	.way = BY_CALL, .capacity = 3,
};

FIXTURE_VARIANT_ADD(order, select_unbuffered) {
	.way = BY_SELECT, .capacity = 0,
};

FIXTURE_VARIANT_ADD(order, select_buffered) {
	.way = BY_SELECT, .capacity = 3,
};

FIXTURE_VARIANT_ADD(order, batch_unbuffered) {
	.way = BY_BATCH, .capacity = 0,
};

FIXTURE_VARIANT_ADD(order, batch_buffered) {
	.way = BY_BATCH, .capacity = 3,
};

FIXTURE_SETUP(order)
{
	self->shared = mmap(NULL, sizeof(*self->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->shared);
}

FIXTURE_TEARDOWN(order)
{
}

static bool do_op(enum way way, struct gochan_op op)
{
	char *buf = (char *)(unsigned long)op.buf;
	const ssize_t len = op.len;

	if (way == BY_SELECT)
		return ops_select(op.fd, &op, 1, 0) == 0 && !op.result;
	if (way == BY_BATCH)
		return ops_batch(op.fd, &op, 1, 0) == 1 && !op.result;
	if (op.opcode == GOCHAN_OP_SEND)
		return ch_send(op.fd, buf, len) == len;
	return ch_recv(op.fd, buf, len) == len;
}

static bool send_int(enum way way, int ch, int i)
{
	return do_op(way, GOCHAN_SEND(ch, &i, sizeof(i)));
}

static bool recv_int(enum way way, int ch, int *i)
{
	return do_op(way, GOCHAN_RECV(ch, i, sizeof(*i)));
}

/* R18: a send happens before the completion of the receive of that message. */
TEST_F(order, r18_send_before_receive)
{
	const int ch = ch_make(variant->capacity, sizeof(int), 0);
	struct shared *shared = self->shared;
	const pid_t pid = child();
	int i, k;

	if (!pid) {
		for (i = 1; i <= ROUNDS; i++) {
			shared->data[i] = i * i;
			if (!send_int(variant->way, ch, i))
				_exit(1);
		}
		_exit(0);
	}
	for (i = 1; i <= ROUNDS; i++) {
		ASSERT_TRUE(recv_int(variant->way, ch, &k));
		ASSERT_EQ(i, k);
		ASSERT_EQ(k * k, shared->data[k]);
	}
	EXPECT_EQ(0, reap(pid));
}

/*
 * R18: the kth receive happens before the completion of the (k + capacity)th
 * send.
 */
TEST_F(order, r18_receive_before_send)
{
	const int ch = ch_make(variant->capacity, sizeof(int), 0);
	struct shared *shared = self->shared;
	const pid_t pid = child();
	int i, k;

	if (!pid) {
		for (i = 1; i <= ROUNDS; i++) {
			shared->data[i] = i * i;
			if (!recv_int(variant->way, ch, &k))
				_exit(1);
		}
		_exit(0);
	}
	for (i = 1; i <= ROUNDS; i++) {
		ASSERT_TRUE(send_int(variant->way, ch, i));
		k = i - (int)variant->capacity;
		if (k > 0)
			ASSERT_EQ(k * k, shared->data[k]);
	}
	EXPECT_EQ(0, reap(pid));
}

/* Use a channel as a semaphore: a send acquires it, a receive releases it. */
static int acquire_and_release(enum way way, int ch, struct shared *shared)
{
	int i, n, dummy;

	for (i = 0; i < ROUNDS / 4; i++) {
		if (!send_int(way, ch, i))
			return 1;
		n = __atomic_add_fetch(&shared->inside, 1, __ATOMIC_SEQ_CST);
		if (n > shared->most)
			shared->most = n;
		sched_yield();
		__atomic_sub_fetch(&shared->inside, 1, __ATOMIC_SEQ_CST);
		if (!recv_int(way, ch, &dummy))
			return 1;
	}
	return 0;
}

/* R18: at most capacity processes hold the semaphore. */
TEST_F(order, r18_semaphore)
{
	const unsigned int capacity = variant->capacity ? variant->capacity : 1;
	const int ch = ch_make(capacity, sizeof(int), 0);
	pid_t pids[MEMBERS + 2];
	int i;

	for (i = 0; i < MEMBERS + 2; i++) {
		pids[i] = child();
		if (!pids[i])
			_exit(acquire_and_release(variant->way, ch, self->shared));
	}
	for (i = 0; i < MEMBERS + 2; i++)
		EXPECT_EQ(0, reap(pids[i]));
	EXPECT_LT(0, self->shared->most);
	EXPECT_GE((int)capacity, self->shared->most);
}

/* Count by separate plain loads and stores. */
static int count(enum way way, int ch, struct shared *shared)
{
	int i, before, dummy;

	for (i = 0; i < ROUNDS / 4; i++) {
		if (!send_int(way, ch, i))
			return 1;
		before = shared->counter;
		if (i % 8 == 0)
			sched_yield();
		shared->counter = before + 1;
		if (!recv_int(way, ch, &dummy))
			return 1;
	}
	return 0;
}

/* R18: with a capacity of one it is a mutex. */
TEST_F(order, r18_mutex)
{
	const int ch = ch_make(1, sizeof(int), 0);
	pid_t pids[MEMBERS];
	int i;

	for (i = 0; i < MEMBERS; i++) {
		pids[i] = child();
		if (!pids[i])
			_exit(count(variant->way, ch, self->shared));
	}
	for (i = 0; i < MEMBERS; i++)
		EXPECT_EQ(0, reap(pids[i]));
	EXPECT_EQ(MEMBERS * (ROUNDS / 4), self->shared->counter);
}

/* Receive until the end, and check what was written before the close. */
static int see_the_end(enum way way, int ch, const struct shared *shared)
{
	int dummy;

	while (recv_int(way, ch, &dummy))
		;
	return shared->counter == 0;
}

/* R18: close happens before a receive that sees the end. */
TEST_F(order, r18_close_before_end)
{
	struct shared *shared = self->shared;
	pid_t pids[MEMBERS];
	int i, k, ch;

	for (i = 0; i < 4; i++) {
		ch = ch_make(variant->capacity, sizeof(int), 0);
		shared->counter = 0;
		for (k = 0; k < MEMBERS; k++) {
			pids[k] = child();
			if (!pids[k])
				_exit(see_the_end(variant->way, ch, shared));
		}
		/* all of them are blocked, or some begin later */
		if (i % 2)
			ASSERT_TRUE(wait_for_waiters(ch, 0, MEMBERS));
		shared->counter = 1;
		ASSERT_EQ(0, ch_close(ch));
		for (k = 0; k < MEMBERS; k++)
			EXPECT_EQ(0, reap(pids[k]));
		close(ch);
	}
}

TEST_HARNESS_MAIN
