// SPDX-License-Identifier: GPL-2.0
/*
 * Sizes: 10,000 processes that wait on one channel, 100,000 channels, selects of
 * 1,024 ops by 100 processes at once. Each works as if it were one, and goes
 * away without a trace: the module's references and the channels in memory are
 * as many as before, and what the kernel has allocated, once its caches are
 * emptied, is less than 4 MiB more. (That is 400 bytes for each process, 40 for
 * each channel: no object of either can stay.) Where that would take a slow
 * kernel too long, GOCHAN_CROWD=10 makes it a tenth of each; such a kernel also keeps
 * what was freed for a while, and knows better what was lost.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SELECTS		100
#define OPS		1024

static int nr_processes = 10000, nr_channels = 100000, nr_selects = SELECTS;

static long slack = 4 * 1024 * 1024;

/* ---- traces ---- */

struct traces {
	long references;
	long channels;
	long bytes;
};

static long number_in(const char *path)
{
	char text[64];

	return read_text(path, text, sizeof(text)) < 0 ? -1 : strtol(text, NULL, 10);
}

/* Caches give back what nobody uses. */
static void shrink_caches(void)
{
	static const char *const folder = "/sys/kernel/slab";
	struct dirent *entry;
	char path[512];
	DIR *dir;

	dir = opendir(folder);
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s/shrink", folder, entry->d_name);
		write_text(path, "1");
	}
	if (dir)
		closedir(dir);
}

/* Of what processes and channels are made of. */
static long allocated(void)
{
	static const char *const kinds[] = {
		"\nSUnreclaim:", "\nKernelStack:", "\nPageTables:", "\nVmallocUsed:", "\nPercpu:",
	};
	char text[4096];
	const char *line;
	long sum = 0;
	size_t i;

	if (read_text("/proc/meminfo", text, sizeof(text)) < 0)
		return -1;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		line = strstr(text, kinds[i]);
		if (!line)
			return -1;
		sum += strtol(line + strlen(kinds[i]), NULL, 10) * 1024;
	}
	return sum;
}

static struct traces traces_now(void)
{
	struct traces traces;

	shrink_caches();
	traces.references = number_in("/sys/module/gochan/refcnt");
	traces.channels = number_in("/sys/kernel/slab/chan/objects");
	traces.bytes = allocated();
	return traces;
}

/* What is gone is freed a moment later. */
static bool wait_no_trace(const struct traces *before, struct traces *after)
{
	const struct wait wait = wait_begin();

	do {
		*after = traces_now();
		if (after->references == before->references &&
		    after->channels == before->channels &&
		    after->bytes < before->bytes + slack)
			return true;
	} while (wait_more(&wait));
	return false;
}

FIXTURE(crowd) {
	long threads_max;
	long file_max;
	long pid_max;
	long long max_user_channels;
	struct traces before, after;
};

#define THREADS_MAX	"/proc/sys/kernel/threads-max"
#define FILE_MAX	"/proc/sys/fs/file-max"
#define PID_MAX		"/proc/sys/kernel/pid_max"

static int put_number(const char *path, long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	return write_text(path, text);
}

static void make_smaller(void)
{
	const char *divisor = getenv("GOCHAN_CROWD");

	if (!divisor)
		return;
	nr_processes /= atoi(divisor);
	nr_channels /= atoi(divisor);
	nr_selects /= atoi(divisor);
	slack *= 2;
}

FIXTURE_SETUP(crowd)
{
	struct rlimit files;

	make_smaller();
	files = (struct rlimit){ nr_channels + 100, nr_channels + 100 };
	self->threads_max = number_in(THREADS_MAX);
	self->file_max = number_in(FILE_MAX);
	self->pid_max = number_in(PID_MAX);
	self->max_user_channels = param("max_user_channels");
	ASSERT_EQ(0, put_number(THREADS_MAX, 2 * nr_processes));
	ASSERT_EQ(0, put_number(FILE_MAX, 2 * nr_channels));
	if (self->pid_max < 2 * nr_processes)
		ASSERT_EQ(0, put_number(PID_MAX, 2 * nr_processes));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	self->before = traces_now();
	ASSERT_LE(0, self->before.references);
	ASSERT_LE(0, self->before.channels);
	ASSERT_LT(0, self->before.bytes);
}

FIXTURE_TEARDOWN(crowd)
{
	as_root();
	EXPECT_TRUE(wait_no_trace(&self->before, &self->after));
	TH_LOG("before: %ld references, %ld channels, %ld KiB; after: %ld, %ld, %ld KiB",
	       self->before.references, self->before.channels, self->before.bytes / 1024,
	       self->after.references, self->after.channels, self->after.bytes / 1024);
	put_number(THREADS_MAX, self->threads_max);
	put_number(FILE_MAX, self->file_max);
	put_number(PID_MAX, self->pid_max);
	set_param("max_user_channels", self->max_user_channels);
}

/* ---- 10,000 processes ---- */

#define STACK		4096

/*
 * A process that shares the test's memory, so that there is room for so many:
 * it calls the kernel and nothing else.
 */
struct one {
	int ch;
	bool send;
	int number;	/* to send, or received */
	long ret;
	pid_t pid;
};

static int one_main(void *arg)
{
	struct one *one = arg;

	syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
	one->ret = syscall(one->send ? SYS_write : SYS_read, one->ch, &one->number,
			   sizeof(one->number));
	syscall(SYS_exit, 0);
	return 0;
}

struct many {
	int ch;
	struct one *ones;
	char *stacks;
};

/*
 * On one processor, one after the other, and whoever yields lets the others go
 * first: so each of them stands in line when it is next looked for.
 */
static bool take_turns(bool on)
{
	const struct sched_param param = { .sched_priority = on };
	cpu_set_t set;
	int i;

	CPU_ZERO(&set);
	for (i = 0; i < (on ? 1 : CPU_SETSIZE); i++)
		CPU_SET(i, &set);
	return !sched_setscheduler(0, on ? SCHED_FIFO : SCHED_OTHER, &param) &&
	       !sched_setaffinity(0, sizeof(set), &set);
}

static bool many_start(struct many *many, int ch, bool send)
{
	int i;

	many->ch = ch;
	many->ones = calloc(nr_processes, sizeof(*many->ones));
	many->stacks = mmap(NULL, (size_t)nr_processes * STACK, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!many->ones || many->stacks == MAP_FAILED || !take_turns(true))
		return false;
	for (i = 0; i < nr_processes; i++) {
		struct one *one = &many->ones[i];

		one->ch = ch;
		one->send = send;
		one->number = send ? i : -1;
		one->pid = clone(one_main, many->stacks + (size_t)(i + 1) * STACK,
				 CLONE_VM | CLONE_FILES | SIGCHLD, one);
		if (one->pid < 0 || !wait_for_waiters(ch, send ? i + 1 : 0, send ? 0 : i + 1))
			return false;
	}
	return take_turns(false);
}

/* All have ended by themselves, and their read or write returned this. */
static bool many_returned(struct many *many, long ret)
{
	bool ok = true;
	int i, status;

	for (i = 0; i < nr_processes; i++) {
		if (waitpid(many->ones[i].pid, &status, 0) < 0 || status ||
		    many->ones[i].ret != ret)
			ok = false;
	}
	munmap(many->stacks, (size_t)nr_processes * STACK);
	return ok;
}

/* R7: 10,000 receivers are served in the order in which they came. */
TEST_F(crowd, r7_receivers)
{
	const int ch = ch_make(0, 16, 0);
	struct many many;
	int i, wrong = 0;

	ASSERT_TRUE(many_start(&many, ch, false));
	for (i = 0; i < nr_processes; i++)
		ASSERT_EQ(4, ch_try_send(ch, &i, sizeof(i)));
	EXPECT_EQ(-EAGAIN, ch_try_send(ch, &i, sizeof(i)));
	EXPECT_TRUE(many_returned(&many, sizeof(i)));
	for (i = 0; i < nr_processes; i++)
		wrong += many.ones[i].number != i;
	EXPECT_EQ(0, wrong);
	free(many.ones);
	close(ch);
}

/* R2, R7: likewise 10,000 senders. */
TEST_F(crowd, r2_r7_senders)
{
	const int ch = ch_make(0, 16, 0);
	int i, number, wrong = 0;
	struct many many;

	ASSERT_TRUE(many_start(&many, ch, true));
	for (i = 0; i < nr_processes; i++) {
		ASSERT_EQ(4, ch_try_recv(ch, &number, sizeof(number)));
		wrong += number != i;
	}
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(-EAGAIN, ch_try_recv(ch, &number, sizeof(number)));
	EXPECT_TRUE(many_returned(&many, sizeof(i)));
	free(many.ones);
	close(ch);
}

/* R5: 10,000 receivers see the end. */
TEST_F(crowd, r5_receivers)
{
	const int ch = ch_make(0, 16, 0);
	struct many many;

	ASSERT_TRUE(many_start(&many, ch, false));
	EXPECT_EQ(0, ch_close(ch));
	EXPECT_EQ(0U, ch_info(ch).receivers_waiting);
	EXPECT_TRUE(many_returned(&many, 0));
	free(many.ones);
	close(ch);
}

/* ---- 100,000 channels ---- */

/* Channels of USER, as many as there may be; 0 when all was as it should be. */
static int use_channels(void)
{
	int first, ch, i;

	if (become(USER))
		return 1;
	first = open("/dev/gochan", O_RDWR);
	for (i = 1; i < nr_channels; i++) {
		ch = open("/dev/gochan", O_RDWR);
		if (ch != first + i)
			return 2;
		if (i % 100)
			continue;
		if (ch_setup(ch, 1, 16, 0) || ch_send(ch, &i, sizeof(i)) != sizeof(i))
			return 3;
	}
	if (open("/dev/gochan", O_RDWR) != -1 || errno != EDQUOT)
		return 4;
	for (i = 100; i < nr_channels; i += 100)
		if (ch_recv(first + i, &ch, sizeof(ch)) != sizeof(ch) || ch != i)
			return 5;
	return 0;
}

/*
 * R19: a user who may has 100,000 channels beside the one it has, and no more;
 * and then none. (What is counted is forgotten only when nothing is there.)
 */
TEST_F(crowd, r19_channels)
{
	int has, more, status;
	pid_t pid;

	ASSERT_EQ(0, set_param("max_user_channels", nr_channels + 1));
	ASSERT_EQ(0, as_user(USER));
	has = ch_make(0, 16, 0);
	ASSERT_LE(0, has);
	ASSERT_EQ(0, as_root());
	pid = child();
	if (!pid)
		_exit(use_channels());
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, set_param("max_user_channels", 2));
	ASSERT_EQ(0, as_user(USER));
	more = ch_make(0, 16, 0);
	EXPECT_LE(0, more);
	EXPECT_EQ(-EDQUOT, ch_make(0, 16, 0));
	close(more);
	close(has);
}

/* ---- selects of 1,024 ops ---- */

/* What a select's process tells: which op happened, and what it sent or got. */
struct choice {
	int at;
	int number;
};

static void choose(const int *chs, bool send, struct choice *choice)
{
	struct gochan_op *ops = calloc(OPS, sizeof(*ops));
	int i;

	for (i = 0; i < OPS; i++)
		ops[i] = send ? GOCHAN_SEND(chs[i], &choice->number, sizeof(choice->number)) :
				GOCHAN_RECV(chs[i], &choice->number, sizeof(choice->number));
	choice->at = ops_select(chs[0], ops, OPS, 0);
	_exit(choice->at < 0 || ops[choice->at].result);
}

struct choices {
	int chs[OPS];
	pid_t pids[SELECTS];
	struct choice *choice;
};

static bool choices_start(struct choices *choices, bool send)
{
	int i;

	choices->choice = mmap(NULL, SELECTS * sizeof(*choices->choice), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (choices->choice == MAP_FAILED)
		return false;
	for (i = 0; i < OPS; i++) {
		choices->chs[i] = ch_make(0, 16, 0);
		if (choices->chs[i] < 0)
			return false;
	}
	for (i = 0; i < nr_selects; i++) {
		choices->choice[i].number = i;
		choices->pids[i] = child();
		if (!choices->pids[i])
			choose(choices->chs, send, &choices->choice[i]);
	}
	for (i = 0; i < OPS; i++)
		if (!wait_for_waiters(choices->chs[i], send ? nr_selects : 0,
				      send ? 0 : nr_selects))
			return false;
	return true;
}

/* All have ended, and none of them stands in a line; how many messages went. */
static int choices_end(struct choices *choices)
{
	int sent = 0, i;

	for (i = 0; i < nr_selects; i++)
		if (reap(choices->pids[i]))
			return -1;
	for (i = 0; i < OPS; i++) {
		const struct gochan_info info = ch_info(choices->chs[i]);

		if (info.senders_waiting || info.receivers_waiting || info.sent != info.received)
			return -1;
		sent += info.sent;
		close(choices->chs[i]);
	}
	return sent;
}

/* Channels far from each other, and each of them often. */
static int channel_of(int i)
{
	return i * 331 % OPS / 16 * 16;
}

/* R1, R7, R14: 100 receive on 1,024 channels each, and each receives once. */
TEST_F(crowd, r1_r7_r14_selects_receive)
{
	static struct choices choices;
	int times[SELECTS] = {};
	int i, number;

	ASSERT_TRUE(choices_start(&choices, false));
	for (i = 0; i < nr_selects; i++)
		ASSERT_EQ(4, ch_try_send(choices.chs[channel_of(i)], &i, sizeof(i)));
	EXPECT_EQ(-EAGAIN, ch_try_send(choices.chs[0], &i, sizeof(i)));
	EXPECT_EQ(nr_selects, choices_end(&choices));
	for (i = 0; i < nr_selects; i++) {
		number = choices.choice[i].number;
		ASSERT_LE(0, number);
		ASSERT_GT(nr_selects, number);
		EXPECT_EQ(channel_of(number), choices.choice[i].at);
		times[number]++;
	}
	for (i = 0; i < nr_selects; i++)
		EXPECT_EQ(1, times[i]);
}

/* R1, R7, R14: 100 send on 1,024 channels each, and each sends once. */
TEST_F(crowd, r1_r7_r14_selects_send)
{
	static struct choices choices;
	int times[SELECTS] = {};
	int i, number, at[SELECTS];

	ASSERT_TRUE(choices_start(&choices, true));
	for (i = 0; i < nr_selects; i++) {
		ASSERT_EQ(4, ch_try_recv(choices.chs[channel_of(i)], &number, sizeof(number)));
		ASSERT_LE(0, number);
		ASSERT_GT(nr_selects, number);
		at[number] = channel_of(i);
		times[number]++;
	}
	EXPECT_EQ(-EAGAIN, ch_try_recv(choices.chs[0], &number, sizeof(number)));
	EXPECT_EQ(nr_selects, choices_end(&choices));
	for (i = 0; i < nr_selects; i++) {
		EXPECT_EQ(1, times[i]);
		EXPECT_EQ(at[i], choices.choice[i].at);
	}
}

TEST_HARNESS_MAIN
