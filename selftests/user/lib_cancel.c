// SPDX-License-Identifier: GPL-2.0
/*
 * The blocking calls as cancellation points: a blocked call is cancelled without a
 * trace, a pending cancellation is acted upon at once, and whatever happened is known
 * to the thread's cleanup handlers.
 */
#include <kselftest_harness.h>

#include "../lib/common.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gochan.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/syscall.h>

#define ROUNDS		200

/* What a thread does, and what came of it. */
struct task {
	int ch, other;		/* the call blocks on @ch */
	int (*call)(struct task *task);
	struct gochan_wg group;
	struct gochan_op ops[2];
	char buf[16];
	size_t len;
	int state, type;	/* of the thread, set before the call */
	bool hold;		/* wait for @go before the call, without cancellation */
	bool go, returned;
	int ret, type_after;
};

static int do_send(struct task *task)
{
	return gochan_send(task->ch, "a", 1);
}

static int do_recv(struct task *task)
{
	return gochan_recv(task->ch, task->buf, sizeof(task->buf), &task->len);
}

static const struct timespec far = { .tv_sec = 1000000000 };

static int do_send_until(struct task *task)
{
	return gochan_send_until(task->ch, "a", 1, &far);
}

static int do_recv_until(struct task *task)
{
	return gochan_recv_until(task->ch, task->buf, sizeof(task->buf), &task->len, &far);
}

static int do_select(struct task *task)
{
	task->ops[0] = GOCHAN_RECV(task->other, task->buf, sizeof(task->buf));
	task->ops[1] = GOCHAN_RECV(task->ch, task->buf, sizeof(task->buf));
	return gochan_select(task->ops, 2, -1, 0);
}

static int do_batch(struct task *task)
{
	task->ops[0] = GOCHAN_RECV(task->ch, task->buf, sizeof(task->buf));
	task->ops[1] = GOCHAN_SEND(task->other, "a", 1);
	return gochan_batch(task->ops, 2, -1, 0);
}

static int do_call_request(struct task *task)
{
	return gochan_call(task->ch, "a", 1, task->other, task->buf, sizeof(task->buf), &task->len,
			   -1);
}

/* The request is buffered. */
static int do_call_reply(struct task *task)
{
	const int requests = gochan_make(1, 16, 0);

	return gochan_call(requests, "a", 1, task->ch, task->buf, sizeof(task->buf), &task->len,
			   -1);
}

static int do_wg_wait(struct task *task)
{
	return gochan_wg_wait(&task->group);
}

static void *run(void *arg)
{
	struct task *task = arg;
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	while (task->hold && !__atomic_load_n(&task->go, __ATOMIC_ACQUIRE))
		sched_yield();
	pthread_setcanceltype(task->type, NULL);
	pthread_setcancelstate(task->state, NULL);
	task->ret = task->call(task);
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &task->type_after);
	__atomic_store_n(&task->returned, true, __ATOMIC_RELEASE);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	pthread_testcancel();
	return NULL;
}

/* What the thread returned; NULL also if it does not end. */
static void *join(pthread_t thread)
{
	struct timespec limit;
	void *ret = NULL;

	clock_gettime(CLOCK_MONOTONIC, &limit);
	limit.tv_sec += WAIT_LIMIT / 6;
	if (pthread_clockjoin_np(thread, &ret, CLOCK_MONOTONIC, &limit))
		return NULL;
	return ret;
}

FIXTURE(cancel) {
	struct task task;
	pthread_t thread;
};

FIXTURE_VARIANT(cancel) {
	int (*call)(struct task *task);
	bool sends, waits_for_group;
};

FIXTURE_VARIANT_ADD(cancel, send) { .call = do_send, .sends = true };
FIXTURE_VARIANT_ADD(cancel, recv) { .call = do_recv };
FIXTURE_VARIANT_ADD(cancel, send_until) { .call = do_send_until, .sends = true };
FIXTURE_VARIANT_ADD(cancel, recv_until) { .call = do_recv_until };
FIXTURE_VARIANT_ADD(cancel, select) { .call = do_select };
FIXTURE_VARIANT_ADD(cancel, batch) { .call = do_batch };
FIXTURE_VARIANT_ADD(cancel, call_request) { .call = do_call_request, .sends = true };
FIXTURE_VARIANT_ADD(cancel, call_reply) { .call = do_call_reply };
FIXTURE_VARIANT_ADD(cancel, wg_wait) { .call = do_wg_wait, .waits_for_group = true };

FIXTURE_SETUP(cancel)
{
	struct task *task = &self->task;

	task->call = variant->call;
	task->type = PTHREAD_CANCEL_DEFERRED;
	task->ch = gochan_make(0, 16, 0);
	task->other = gochan_make(0, 16, 0);
	ASSERT_LE(0, task->other);
	if (!variant->waits_for_group)
		return;
	/* Here the call receives from the group's channel. */
	ASSERT_EQ(0, gochan_wg_init(&task->group, 2));
	ASSERT_EQ(0, gochan_wg_add(&task->group, 1));
	task->ch = task->group.wait_fd;
	task->other = gochan_dup(task->group.done_fd, O_WRONLY);
}

FIXTURE_TEARDOWN(cancel)
{
	/* A thread that was not cancelled ends with the process. */
}

/* Do what the blocked call waits for, without blocking; 0. */
static int complete(const struct _test_data_cancel *self,
		    const struct _fixture_variant_cancel *variant)
{
	char buf[16];

	if (variant->sends)
		return gochan_try_recv(self->task.ch, buf, sizeof(buf), NULL) == 1 ? 0 : -1;
	if (variant->waits_for_group)
		return gochan_try_send(self->task.other, "", 0);
	return gochan_try_send(self->task.ch, "b", 1);
}

static bool wait_blocked(const struct _test_data_cancel *self,
			 const struct _fixture_variant_cancel *variant)
{
	return wait_for_waiters(self->task.ch, variant->sends, !variant->sends);
}

/* DESIGN 6: a blocked call is cancelled, and leaves nothing behind. */
TEST_F(cancel, s6_blocked)
{
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, run, &self->task));
	ASSERT_TRUE(wait_blocked(self, variant));
	EXPECT_EQ(0, pthread_cancel(self->thread));
	EXPECT_EQ(PTHREAD_CANCELED, join(self->thread));
	EXPECT_FALSE(self->task.returned);
	EXPECT_TRUE(wait_for_waiters(self->task.ch, 0, 0));
	EXPECT_EQ(0U, ch_info(self->task.ch).sent);
	if (!variant->waits_for_group)
		EXPECT_EQ(-1, complete(self, variant));
}

/* DESIGN 6: so is one in a thread whose type is asynchronous. */
TEST_F(cancel, s6_asynchronous)
{
	self->task.type = PTHREAD_CANCEL_ASYNCHRONOUS;
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, run, &self->task));
	ASSERT_TRUE(wait_blocked(self, variant));
	EXPECT_EQ(0, pthread_cancel(self->thread));
	EXPECT_EQ(PTHREAD_CANCELED, join(self->thread));
	EXPECT_TRUE(wait_for_waiters(self->task.ch, 0, 0));
}

/* DESIGN 6: a cancellation that is pending is acted upon at the call. */
TEST_F(cancel, s6_pending)
{
	self->task.hold = true;
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, run, &self->task));
	EXPECT_EQ(0, pthread_cancel(self->thread));
	__atomic_store_n(&self->task.go, true, __ATOMIC_RELEASE);
	EXPECT_EQ(PTHREAD_CANCELED, join(self->thread));
	EXPECT_FALSE(self->task.returned);
	EXPECT_TRUE(wait_for_waiters(self->task.ch, 0, 0));
}

/* DESIGN 6: a thread that disabled cancellation goes on waiting. */
TEST_F(cancel, s6_disabled)
{
	self->task.state = PTHREAD_CANCEL_DISABLE;
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, run, &self->task));
	ASSERT_TRUE(wait_blocked(self, variant));
	EXPECT_EQ(0, pthread_cancel(self->thread));
	ASSERT_TRUE(wait_blocked(self, variant));
	EXPECT_EQ(0, complete(self, variant));
	if (variant->call == do_batch)
		EXPECT_EQ(1, gochan_recv(self->task.other, self->task.ops, 16, NULL));
	if (variant->call == do_call_request)
		EXPECT_EQ(0, gochan_send(self->task.other, "b", 1));
	EXPECT_EQ(PTHREAD_CANCELED, join(self->thread));
	EXPECT_TRUE(self->task.returned);
	EXPECT_LE(0, self->task.ret);
}

/* DESIGN 6: a call leaves the thread's type as it was. */
TEST_F(cancel, s6_type_is_kept)
{
	struct task *task = &self->task;

	for (int i = 0; i < 2; i++) {
		task->type = i ? PTHREAD_CANCEL_ASYNCHRONOUS : PTHREAD_CANCEL_DEFERRED;
		task->type_after = -1;
		ASSERT_EQ(0, pthread_create(&self->thread, NULL, run, task));
		if (variant->waits_for_group && i) {
			/* a group can be waited for once: there is nobody left */
			EXPECT_EQ(NULL, join(self->thread));
			EXPECT_EQ(task->type, task->type_after);
			continue;
		}
		ASSERT_TRUE(wait_blocked(self, variant));
		EXPECT_EQ(0, complete(self, variant));
		if (variant->call == do_batch)
			EXPECT_EQ(1, gochan_recv(task->other, task->ops, 16, NULL));
		if (variant->call == do_call_request)
			EXPECT_EQ(0, gochan_send(task->other, "b", 1));
		EXPECT_EQ(0, pthread_join(self->thread, NULL));
		EXPECT_EQ(task->type, task->type_after);
	}
}

/* DESIGN 6: what a cleanup handler finds when nothing happened. */
TEST_F(cancel, s6_results)
{
	struct task *task = &self->task;

	task->len = 0;
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, run, task));
	ASSERT_TRUE(wait_blocked(self, variant));
	EXPECT_EQ(0, pthread_cancel(self->thread));
	EXPECT_EQ(PTHREAD_CANCELED, join(self->thread));
	if (variant->call == do_recv || variant->call == do_recv_until ||
	    variant->call == do_call_reply || variant->call == do_call_request)
		EXPECT_EQ(SIZE_MAX, task->len);
	if (variant->call == do_select || variant->call == do_batch) {
		EXPECT_EQ(-ECANCELED, task->ops[0].result);
		EXPECT_EQ(-ECANCELED, task->ops[1].result);
	}
	if (variant->waits_for_group)
		EXPECT_EQ(1U, task->group.members);
}

FIXTURE(cancel_one) {
	struct task task;
	pthread_t thread;
};

FIXTURE_SETUP(cancel_one)
{
	self->task.ch = gochan_make(0, 16, 0);
	self->task.other = gochan_make(4, 16, 0);
	self->task.type = PTHREAD_CANCEL_DEFERRED;
	ASSERT_LE(0, self->task.ch);
	ASSERT_LE(0, self->task.other);
}

FIXTURE_TEARDOWN(cancel_one)
{
}

static int send_then_recv(struct task *task)
{
	task->ops[0] = GOCHAN_SEND(task->other, "a", 1);
	task->ops[1] = GOCHAN_RECV(task->ch, task->buf, sizeof(task->buf));
	return gochan_batch(task->ops, 2, -1, 0);
}

/* DESIGN 6: a batch that is cancelled between its ops says which were performed. */
TEST_F(cancel_one, s6_batch_in_part)
{
	struct task *task = &self->task;

	task->call = send_then_recv;
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, run, task));
	ASSERT_TRUE(wait_for_waiters(task->ch, 0, 1));
	EXPECT_EQ(0, pthread_cancel(self->thread));
	EXPECT_EQ(PTHREAD_CANCELED, join(self->thread));
	EXPECT_EQ(0, task->ops[0].result);
	EXPECT_EQ(-ECANCELED, task->ops[1].result);
	EXPECT_EQ(1, gochan_len(task->other));
}

/* A pending cancellation is not acted upon. */
static int do_not_block(struct task *task)
{
	int ret = 0;

	ret |= gochan_try_send(task->other, "a", 1);
	ret |= gochan_try_recv(task->other, task->buf, 16, NULL) != 1;
	task->ops[0] = GOCHAN_SEND(task->other, "a", 1);
	ret |= gochan_batch(task->ops, 1, 0, 0) != 1;
	task->ops[0] = GOCHAN_RECV(task->other, task->buf, 16);
	ret |= gochan_select(task->ops, 1, 0, 0);
	ret |= gochan_wg_add(&task->group, 1);
	ret |= gochan_wg_done(&task->group);
	return ret;
}

/* DESIGN 6: calls that do not block are not cancellation points. */
TEST_F(cancel_one, s6_nonblocking)
{
	struct task *task = &self->task;

	ASSERT_EQ(0, gochan_wg_init(&task->group, 1));
	task->call = do_not_block;
	task->hold = true;
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, run, task));
	EXPECT_EQ(0, pthread_cancel(self->thread));
	__atomic_store_n(&task->go, true, __ATOMIC_RELEASE);
	EXPECT_EQ(PTHREAD_CANCELED, join(self->thread));
	EXPECT_TRUE(task->returned);
	EXPECT_EQ(0, task->ret);
}

static int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static int select_polls(struct task *task)
{
	task->ops[0] = GOCHAN_POLL(task->ch, POLLIN);
	__atomic_store_n(&task->ret, gettid(), __ATOMIC_RELEASE);
	return gochan_select(task->ops, 1, -1, 0);
}

/* DESIGN 6: a select without a channel leaves no descriptor open. */
TEST_F(cancel_one, s6_descriptors)
{
	struct task *task = &self->task;
	const int before = open_descriptors();

	task->call = select_polls;
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, run, task));
	while (!__atomic_load_n(&task->ret, __ATOMIC_ACQUIRE))
		sched_yield();
	ASSERT_TRUE(wait_in_syscall(task->ret, SYS_ioctl));
	EXPECT_EQ(before + 1, open_descriptors());
	EXPECT_EQ(0, pthread_cancel(self->thread));
	EXPECT_EQ(PTHREAD_CANCELED, join(self->thread));
	EXPECT_EQ(before, open_descriptors());
}

/* The calls of the races below: each receives one message from @ch. */
static int select_one(struct task *task)
{
	task->ops[0] = GOCHAN_RECV(task->ch, task->buf, sizeof(task->buf));
	return gochan_select(task->ops, 1, -1, 0);
}

static int batch_one(struct task *task)
{
	task->ops[0] = GOCHAN_RECV(task->ch, task->buf, sizeof(task->buf));
	return gochan_batch(task->ops, 1, -1, 0);
}

/* Did the thread, cancelled or not, receive the message? */
static bool received(const struct task *task)
{
	if (task->call == do_recv)
		return task->len != SIZE_MAX;
	if (task->call == do_wg_wait)
		return task->group.members == 0;
	return task->ops[0].result == 0;
}

/*
 * Send a message to a blocked thread, which another one cancels at the same time:
 * how often it was received although the thread was cancelled; -1 on a message that
 * was lost, or received twice.
 */
static int race_once(struct task *task)
{
	pthread_t thread;
	bool sent;
	void *ret;	/* NULL also if it ended before it could be cancelled */

	task->len = SIZE_MAX;
	task->ops[0].result = -ECANCELED;
	task->returned = false;
	if (pthread_create(&thread, NULL, run, task))
		return -1;
	if (!wait_for_waiters(task->ch, 0, 1))
		return -1;
	/* It is assigned to the thread, which is cancelled before it runs, or after. */
	sent = gochan_try_send(task->other, "b", 1) == 0;
	pthread_cancel(thread);
	ret = join(thread);
	if (!sent || !received(task) || (ret != PTHREAD_CANCELED && !task->returned))
		return -1;
	return !task->returned;
}

static int race(struct task *task)
{
	int late = 0;

	for (int i = 0; i < ROUNDS; i++) {
		const int ret = race_once(task);

		if (ret < 0)
			return -1;
		late += ret;
	}
	return late;
}

/* DESIGN 6: a thread cancelled as it receives a message knows that it has it. */
TEST_F(cancel_one, s6_race)
{
	static int (*const calls[])(struct task *task) = { do_recv, select_one, batch_one };
	struct task *task = &self->task;
	int late = 0;

	task->other = task->ch;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		int ret;

		task->call = calls[i];
		ret = race(task);
		ASSERT_LE(0, ret);
		late += ret;
	}
	TH_LOG("%d of %d threads were cancelled with the message", late, 3 * ROUNDS);
	EXPECT_LT(0, late);
}

TEST_HARNESS_MAIN
