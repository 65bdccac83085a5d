// SPDX-License-Identifier: GPL-2.0
/*
 * Races between two tasks: concurrent SETUPs of one channel, the first charges
 * of a new user, open against module load, and naming against the end of the
 * channel. Races for a waiting select are in claim_race.c, those between names in
 * names.c.
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

/* More nil ops than fit on the kernel's stack: the select is charged for memory. */
#define MANY		16

/* Wait until both threads have come here. */
static void barrier(unsigned int *arrived)
{
	__atomic_fetch_add(arrived, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(arrived, __ATOMIC_SEQ_CST) < 2)
		;
}

struct racer {
	unsigned int *arrived;
	int ch;
	unsigned int capacity;
	uid_t uid;
	bool found;
	int ret;
};

static void race(void *(*run)(void *racer), struct racer *racers)
{
	unsigned int arrived = 0;
	pthread_t thread;

	racers[0].arrived = &arrived;
	racers[1].arrived = &arrived;
	if (pthread_create(&thread, NULL, run, &racers[0]))
		abort();
	run(&racers[1]);
	pthread_join(thread, NULL);
}

static void *set_up(void *arg)
{
	struct racer *racer = arg;

	barrier(racer->arrived);
	racer->ret = ch_setup(racer->ch, racer->capacity, 16, 0);
	return NULL;
}

FIXTURE(races) {
	long long max_user_bytes, max_user_channels, max_user_named;
	char modprobe[256];
};

FIXTURE_SETUP(races)
{
	self->max_user_bytes = param("max_user_bytes");
	self->max_user_channels = param("max_user_channels");
	self->max_user_named = param("max_user_named");
	ASSERT_LE(0, read_text(MODPROBE, self->modprobe, sizeof(self->modprobe)));
}

FIXTURE_TEARDOWN(races)
{
	as_root();
	set_param("max_user_bytes", self->max_user_bytes);
	set_param("max_user_channels", self->max_user_channels);
	set_param("max_user_named", self->max_user_named);
	write_text(MODPROBE, self->modprobe);
	if (!module_loaded())
		EXPECT_EQ(0, module_load(""));
	unlink_all();
}

/* DESIGN 3, R19: of two SETUPs one succeeds, and the other charges nothing. */
TEST_F(races, s3_r19_setup)
{
	struct racer racers[2];
	int i, ch, first;

	/* enough for one SETUP, not for both */
	ASSERT_EQ(0, set_param("max_user_bytes", 2 * CAPACITY * (16 + 64)));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, as_user(USER));
		ch = open("/dev/gochan", O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, ch);
		racers[0] = (struct racer){ .ch = ch, .capacity = CAPACITY };
		racers[1] = (struct racer){ .ch = ch, .capacity = CAPACITY - 1 };
		race(set_up, racers);
		first = racers[1].ret == 0;
		ASSERT_EQ(0, racers[first].ret);
		ASSERT_EQ(-EBUSY, racers[!first].ret);
		ASSERT_EQ(racers[first].capacity, ch_info(ch).capacity);
		close(ch);
		ASSERT_EQ(0, as_root());
	}
}

/* A select whose ops are never ready, and whose memory is charged to its user. */
static int select_nothing(int ch)
{
	struct gochan_op ops[MANY];
	int i;

	for (i = 0; i < MANY; i++)
		ops[i] = (struct gochan_op)GOCHAN_RECV(-1, NULL, 0);
	return ops_select(ch, ops, MANY, GOCHAN_NONBLOCK);
}

/* The real user id is what is charged; the thread stays privileged. */
static void *select_as(void *arg)
{
	struct racer *racer = arg;

	if (syscall(SYS_setresuid, racer->uid, -1, -1))
		abort();
	barrier(racer->arrived);
	racer->ret = select_nothing(racer->ch);
	return NULL;
}

/* The smallest max_user_bytes that allows such a select. */
static long long select_charge(int ch)
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

/* R19: two tasks that charge a new user concurrently charge the same one. */
TEST_F(races, r19_new_user)
{
	const int ch = ch_make(0, 16, 0);
	const long long bytes = select_charge(ch);
	struct racer racers[2];
	int i;

	ASSERT_LE(0, ch);
	ASSERT_LT(0, bytes);
	for (i = 1; i <= ROUNDS; i++) {
		racers[0] = (struct racer){ .ch = ch, .uid = OTHER + i };
		racers[1] = racers[0];
		race(select_as, racers);
		EXPECT_EQ(-EAGAIN, racers[0].ret);
		EXPECT_EQ(-EAGAIN, racers[1].ret);
		ASSERT_EQ(0, as_root());
	}
	/* everything was uncharged */
	for (i = 1; i <= ROUNDS; i++) {
		ASSERT_EQ(0, as_user(OTHER + i));
		EXPECT_EQ(-EAGAIN, select_nothing(ch));
		ASSERT_EQ(0, as_root());
	}
}

static void *open_repeatedly(void *arg)
{
	const bool *stop = arg;
	int ch;

	while (!__atomic_load_n(stop, __ATOMIC_SEQ_CST)) {
		ch = ch_make(3, 16, 0);
		if (ch < 0)
			continue;
		/* if the open succeeds the channel works */
		if (send_text(ch, "a") != 1)
			abort();
		close(ch);
	}
	return NULL;
}

/* DESIGN 3: opens of /dev/gochan while the module is loaded and unloaded. */
TEST_F(races, s3_load_and_open)
{
	bool stop = false;
	pthread_t thread;
	int i;

	ASSERT_EQ(0, module_unload());
	ASSERT_EQ(0, write_text(MODPROBE, "\n"));
	ASSERT_EQ(0, pthread_create(&thread, NULL, open_repeatedly, &stop));
	for (i = 0; i < LOADS; i++) {
		ASSERT_EQ(0, module_load(""));
		while (module_unload() == -EWOULDBLOCK)
			sched_yield();
		ASSERT_FALSE(module_loaded());
	}
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	ASSERT_EQ(0, pthread_join(thread, NULL));
}

/* Of the thread alone; without privileges. */
static void become_thread(uid_t uid)
{
	if (syscall(SYS_setresuid, uid, uid, uid))
		abort();
}

static void *link_as(void *arg)
{
	struct racer *racer = arg;

	become_thread(racer->uid);
	barrier(racer->arrived);
	racer->ret = ch_link(racer->ch, PREFIX "raced");
	return NULL;
}

static void *close_channel_as(void *arg)
{
	struct racer *racer = arg;
	int fd;

	become_thread(racer->uid);
	barrier(racer->arrived);
	fd = ch_open(PREFIX "raced", O_RDONLY);
	racer->found = fd >= 0;
	racer->ret = ch_close(racer->ch);
	if (racer->found)
		close(fd);
	return NULL;
}

static void *close_handle(void *arg)
{
	struct racer *racer = arg;

	barrier(racer->arrived);
	racer->ret = close(racer->ch);
	return NULL;
}

/* Two threads that do different things, neither of them in this one. */
static void race_two(void *(*a)(void *racer), void *(*b)(void *racer), struct racer *racers)
{
	unsigned int arrived = 0;
	pthread_t threads[2];

	racers[0].arrived = &arrived;
	racers[1].arrived = &arrived;
	if (pthread_create(&threads[0], NULL, a, &racers[0]) ||
	    pthread_create(&threads[1], NULL, b, &racers[1]))
		abort();
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
}

/* DESIGN 3, R5: another user's CLOSE precedes the naming, or has no effect. */
TEST_F(races, s3_r5_link_and_close)
{
	struct racer racers[2];
	int i, ch;

	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, as_user(USER));
		ch = ch_unnamed(1, 16, 0, 0666);
		ASSERT_EQ(0, as_root());
		ASSERT_LE(0, ch);
		racers[0] = (struct racer){ .ch = ch, .uid = USER };
		racers[1] = (struct racer){ .ch = ch, .uid = OTHER };
		race_two(link_as, close_channel_as, racers);
		ASSERT_EQ(0, racers[0].ret);
		/* who has found the name finds that it cannot be closed */
		ASSERT_TRUE(racers[1].ret == -EPERM || (!racers[1].ret && !racers[1].found));
		ASSERT_EQ(!racers[1].ret, ch_info(ch).closed);
		ASSERT_EQ(0, ch_unlink(PREFIX "raced"));
		close(ch);
	}
}

/* DESIGN 3, R19: naming against the last close: a whole channel, or none and no charge. */
TEST_F(races, s3_r19_link_and_last_close)
{
	struct racer racers[2];
	int i, ch, named = 0;

	ASSERT_EQ(0, set_param("max_user_channels", 2));
	ASSERT_EQ(0, set_param("max_user_named", 2));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, as_user(USER));
		ch = ch_unnamed(7, 16, 0, 0666);
		ASSERT_LE(0, ch);
		ASSERT_EQ(1, send_text(ch, "a"));
		ASSERT_EQ(0, as_root());
		racers[0] = (struct racer){ .ch = ch, .uid = USER };
		racers[1] = (struct racer){ .ch = ch };
		race_two(link_as, close_handle, racers);
		ASSERT_EQ(0, racers[1].ret);
		ASSERT_TRUE(racers[0].ret == 0 || racers[0].ret == -ENOENT);
		ch = ch_open(PREFIX "raced", O_RDONLY);
		ASSERT_EQ(racers[0].ret, ch < 0 ? ch : 0);
		if (ch < 0)
			continue;
		named++;
		EXPECT_EQ(7U, ch_info(ch).capacity);
		EXPECT_STREQ("a", recv_text(ch));
		/* it waits for whoever opens the name */
		EXPECT_STREQ("(EAGAIN)", try_recv_text(ch));
		ASSERT_EQ(0, ch_unlink(PREFIX "raced"));
		EXPECT_STREQ("(end)", try_recv_text(ch));
		close(ch);
	}
	TH_LOG("%d of %d were named", named, ROUNDS);
	/* everything was uncharged */
	ASSERT_EQ(0, as_user(USER));
	EXPECT_LE(0, ch_make_named(PREFIX "a", 1, 0600));
	EXPECT_LE(0, ch_make_named(PREFIX "b", 1, 0600));
}

TEST_HARNESS_MAIN
