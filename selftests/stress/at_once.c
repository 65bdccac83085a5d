// SPDX-License-Identifier: GPL-2.0
/*
 * Two tasks that do at the same moment what only one of them can be the first
 * to do. Two that want the same select are in winner.c.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"

#include <fcntl.h>
#include <sys/syscall.h>

#define ROUNDS		60
#define LOADS		8
#define CAPACITY	20000U

/* What the kernel runs when a device without a driver is opened. */
#define MODPROBE	"/proc/sys/kernel/modprobe"

/* More nil ops than live on the kernel's stack: they are charged for. */
#define MANY		16

/* The calling thread does something when the other one is there, too. */
static void meet(unsigned int *there)
{
	__atomic_fetch_add(there, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(there, __ATOMIC_SEQ_CST) < 2)
		;
}

struct one {
	unsigned int *there;
	int ch;
	unsigned int capacity;
	uid_t uid;
	int ret;
};

static void both(void *(*run)(void *one), struct one *ones)
{
	unsigned int there = 0;
	pthread_t thread;

	ones[0].there = &there;
	ones[1].there = &there;
	if (pthread_create(&thread, NULL, run, &ones[0]))
		abort();
	run(&ones[1]);
	pthread_join(thread, NULL);
}

static void *set_up(void *arg)
{
	struct one *one = arg;

	meet(one->there);
	one->ret = ch_setup(one->ch, one->capacity, 16, 0);
	return NULL;
}

FIXTURE(at_once) {
	long long max_user_bytes;
	char modprobe[256];
};

FIXTURE_SETUP(at_once)
{
	self->max_user_bytes = param("max_user_bytes");
	ASSERT_LE(0, read_text(MODPROBE, self->modprobe, sizeof(self->modprobe)));
}

FIXTURE_TEARDOWN(at_once)
{
	as_root();
	set_param("max_user_bytes", self->max_user_bytes);
	write_text(MODPROBE, self->modprobe);
	if (!module_loaded())
		EXPECT_EQ(0, module_load(""));
	unlink_all();
}

/* DESIGN 3, R19: one SETUP counts, and the other one costs nothing. */
TEST_F(at_once, s3_r19_setup)
{
	struct one ones[2];
	int i, ch, first;

	/* twice that would not do */
	ASSERT_EQ(0, set_param("max_user_bytes", 2 * CAPACITY * (16 + 64)));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, as_user(USER));
		ch = open("/dev/gochan", O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, ch);
		ones[0] = (struct one){ .ch = ch, .capacity = CAPACITY };
		ones[1] = (struct one){ .ch = ch, .capacity = CAPACITY - 1 };
		both(set_up, ones);
		first = ones[1].ret == 0;
		ASSERT_EQ(0, ones[first].ret);
		ASSERT_EQ(-EBUSY, ones[!first].ret);
		ASSERT_EQ(ones[first].capacity, ch_info(ch).capacity);
		close(ch);
		ASSERT_EQ(0, as_root());
	}
}

/* A select of ops that are never ready, and which costs its user something. */
static int select_nothing(int ch)
{
	struct gochan_op ops[MANY];
	int i;

	for (i = 0; i < MANY; i++)
		ops[i] = (struct gochan_op)GOCHAN_RECV(-1, NULL, 0);
	return ops_select(ch, ops, MANY, GOCHAN_NONBLOCK);
}

/* As another user, but not one without privilege. */
static void *select_as(void *arg)
{
	struct one *one = arg;

	if (syscall(SYS_setresuid, one->uid, -1, -1))
		abort();
	meet(one->there);
	one->ret = select_nothing(one->ch);
	return NULL;
}

/* What a user without anything has to be allowed for such a select. */
static long long price(int ch)
{
	long long bytes;
	int ret;

	for (bytes = 0; bytes < 1 << 20; bytes += 64) {
		if (set_param("max_user_bytes", bytes) || as_user(USER))
			abort();
		ret = select_nothing(ch);
		if (as_root())
			abort();
		if (ret == -EAGAIN)
			return bytes;
	}
	return -1;
}

/* R19: who is seen for the first time by two tasks at once is one user. */
TEST_F(at_once, r19_new_user)
{
	const int ch = ch_make(0, 16, 0);
	const long long bytes = price(ch);
	struct one ones[2];
	int i;

	ASSERT_LE(0, ch);
	ASSERT_LT(0, bytes);
	for (i = 1; i <= ROUNDS; i++) {
		ones[0] = (struct one){ .ch = ch, .uid = OTHER + i };
		ones[1] = ones[0];
		both(select_as, ones);
		EXPECT_EQ(-EAGAIN, ones[0].ret);
		EXPECT_EQ(-EAGAIN, ones[1].ret);
		ASSERT_EQ(0, as_root());
	}
	/* none of them has anything now */
	for (i = 1; i <= ROUNDS; i++) {
		ASSERT_EQ(0, as_user(OTHER + i));
		EXPECT_EQ(-EAGAIN, select_nothing(ch));
		ASSERT_EQ(0, as_root());
	}
}

static void *open_for_ever(void *arg)
{
	const bool *stop = arg;
	int ch;

	while (!__atomic_load_n(stop, __ATOMIC_SEQ_CST)) {
		ch = ch_open(PREFIX "early", O_RDWR);
		if (ch < 0)
			continue;
		/* who gets in finds all of it */
		if (ch_info(ch).capacity != 3)
			abort();
		close(ch);
	}
	return NULL;
}

/* DESIGN 3: nobody gets at a name of a module that may still fail to load. */
TEST_F(at_once, s3_load_and_open)
{
	bool stop = false;
	pthread_t thread;
	int i, ch;

	ASSERT_EQ(0, module_unload());
	ASSERT_EQ(0, write_text(MODPROBE, "\n"));
	ASSERT_EQ(0, pthread_create(&thread, NULL, open_for_ever, &stop));
	for (i = 0; i < LOADS; i++) {
		ASSERT_EQ(0, module_load("channels=" PREFIX "early:3"));
		ch = ch_open(PREFIX "early", O_RDWR);
		ASSERT_LE(0, ch);
		ASSERT_EQ(0, ch_unlink(PREFIX "early"));
		close(ch);
		while (module_unload() == -EWOULDBLOCK)
			sched_yield();
		ASSERT_FALSE(module_loaded());
	}
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	ASSERT_EQ(0, pthread_join(thread, NULL));
}

TEST_HARNESS_MAIN
