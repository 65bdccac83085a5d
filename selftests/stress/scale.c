// SPDX-License-Identifier: GPL-2.0
/*
 * Scale: 10,000 processes blocked on one channel, 100,000 channels, in debugfs,
 * too, 100 concurrent selects of 1,024 ops. They behave as small numbers do, and leak
 * nothing: the module's reference count and the number of channels return to
 * what they were, and the kernel's allocated memory, after shrinking its caches,
 * grows by less than 4 MiB. (That is 400 bytes per process and 40 per channel, so
 * that leaking one object for each would show.) GOCHAN_SCALE_DOWN=10 divides the
 * numbers by 10, for debugging kernels, which are slow; these also keep freed
 * memory for a while, and have leak detectors of their own.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SELECTS		100
#define OPS		1024
#define DEBUG		"/tmp/" PREFIX "scale-debugfs"

static int nr_processes = 10000, nr_channels = 100000, nr_selects = SELECTS;

static long slack = 4 * 1024 * 1024;

/* ---- leaks ---- */

struct usage {
	long references;
	long channels;
	long bytes;
};

static long number_in(const char *path)
{
	char text[64];

	return read_text(path, text, sizeof(text)) < 0 ? -1 : strtol(text, NULL, 10);
}

/* Release unused slabs. */
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

/* Kernel memory of the kinds that processes and channels use. */
static long kernel_memory(void)
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

static struct usage usage_now(void)
{
	struct usage usage;

	shrink_caches();
	usage.references = number_in("/sys/module/gochan/refcnt");
	usage.channels = number_in("/sys/kernel/slab/gochan_chan/objects");
	usage.bytes = kernel_memory();
	return usage;
}

/* Some memory is freed asynchronously, after an RCU grace period. */
static bool wait_no_leak(const struct usage *before, struct usage *after)
{
	const struct wait wait = wait_begin();

	do {
		*after = usage_now();
		if (after->references == before->references &&
		    after->channels == before->channels &&
		    after->bytes < before->bytes + slack)
			return true;
	} while (wait_more(&wait));
	return false;
}

FIXTURE(scale) {
	long threads_max;
	long file_max;
	long pid_max;
	long long max_user_channels;
	struct usage before, after;
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

static void scale_down(void)
{
	const char *divisor = getenv("GOCHAN_SCALE_DOWN");

	if (!divisor)
		return;
	nr_processes /= atoi(divisor);
	nr_channels /= atoi(divisor);
	nr_selects /= atoi(divisor);
	slack *= 2;
}

FIXTURE_SETUP(scale)
{
	struct rlimit files;

	scale_down();
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
	self->before = usage_now();
	ASSERT_LE(0, self->before.references);
	ASSERT_LE(0, self->before.channels);
	ASSERT_LT(0, self->before.bytes);
}

FIXTURE_TEARDOWN(scale)
{
	as_root();
	EXPECT_TRUE(wait_no_leak(&self->before, &self->after));
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
 * A process that shares the test's memory, so that 10,000 of them fit. It only
 * makes system calls.
 */
struct peer {
	int ch;
	bool send;
	int number;	/* to send, or received */
	long ret;
	pid_t pid;
};

static int peer_main(void *arg)
{
	struct peer *peer = arg;

	syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
	peer->ret = syscall(peer->send ? SYS_write : SYS_read, peer->ch, &peer->number,
			    sizeof(peer->number));
	syscall(SYS_exit, 0);
	return 0;
}

struct crowd {
	int ch;
	struct peer *peers;
	char *stacks;
};

/*
 * Run on one CPU with SCHED_FIFO: a task that yields lets the others run until
 * they block, so a new process is queued when this task next runs.
 */
static bool set_fifo_scheduling(bool on)
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

static bool crowd_start(struct crowd *crowd, int ch, bool send)
{
	int i;

	crowd->ch = ch;
	crowd->peers = calloc(nr_processes, sizeof(*crowd->peers));
	crowd->stacks = mmap(NULL, (size_t)nr_processes * STACK, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!crowd->peers || crowd->stacks == MAP_FAILED || !set_fifo_scheduling(true))
		return false;
	for (i = 0; i < nr_processes; i++) {
		struct peer *peer = &crowd->peers[i];

		peer->ch = ch;
		peer->send = send;
		peer->number = send ? i : -1;
		peer->pid = clone(peer_main, crowd->stacks + (size_t)(i + 1) * STACK,
				  CLONE_VM | CLONE_FILES | SIGCHLD, peer);
		if (peer->pid < 0 || !wait_for_waiters(ch, send ? i + 1 : 0, send ? 0 : i + 1))
			return false;
	}
	return set_fifo_scheduling(false);
}

/* All have exited, and their read or write returned @ret. */
static bool crowd_returned(struct crowd *crowd, long ret)
{
	bool ok = true;
	int i, status;

	for (i = 0; i < nr_processes; i++) {
		if (waitpid(crowd->peers[i].pid, &status, 0) < 0 || status ||
		    crowd->peers[i].ret != ret)
			ok = false;
	}
	munmap(crowd->stacks, (size_t)nr_processes * STACK);
	return ok;
}

/* R7: 10,000 blocked receivers are completed in order of arrival. */
TEST_F(scale, r7_receivers)
{
	const int ch = ch_make(0, 16, 0);
	struct crowd crowd;
	int i, wrong = 0;

	ASSERT_TRUE(crowd_start(&crowd, ch, false));
	for (i = 0; i < nr_processes; i++)
		ASSERT_EQ(4, ch_try_send(ch, &i, sizeof(i)));
	EXPECT_EQ(-EAGAIN, ch_try_send(ch, &i, sizeof(i)));
	EXPECT_TRUE(crowd_returned(&crowd, sizeof(i)));
	for (i = 0; i < nr_processes; i++)
		wrong += crowd.peers[i].number != i;
	EXPECT_EQ(0, wrong);
	free(crowd.peers);
	close(ch);
}

/* R2, R7: the same for 10,000 blocked senders. */
TEST_F(scale, r2_r7_senders)
{
	const int ch = ch_make(0, 16, 0);
	int i, number, wrong = 0;
	struct crowd crowd;

	ASSERT_TRUE(crowd_start(&crowd, ch, true));
	for (i = 0; i < nr_processes; i++) {
		ASSERT_EQ(4, ch_try_recv(ch, &number, sizeof(number)));
		wrong += number != i;
	}
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(-EAGAIN, ch_try_recv(ch, &number, sizeof(number)));
	EXPECT_TRUE(crowd_returned(&crowd, sizeof(i)));
	free(crowd.peers);
	close(ch);
}

/* R5: close wakes 10,000 blocked receivers. */
TEST_F(scale, r5_receivers_closed)
{
	const int ch = ch_make(0, 16, 0);
	struct crowd crowd;

	ASSERT_TRUE(crowd_start(&crowd, ch, false));
	EXPECT_EQ(0, ch_close(ch));
	EXPECT_EQ(0U, ch_info(ch).receivers_waiting);
	EXPECT_TRUE(crowd_returned(&crowd, 0));
	free(crowd.peers);
	close(ch);
}

/* ---- 100,000 channels ---- */

/* USER makes as many channels as its limit allows. Returns 0 on success. */
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
 * R19: a user can have as many channels as max_user_channels says, and no more,
 * and all are uncharged when the process exits. (USER keeps one channel, so that
 * its count is not freed meanwhile and starts again at 0.)
 */
TEST_F(scale, r19_channels)
{
	int kept, more, status;
	pid_t pid;

	ASSERT_EQ(0, set_param("max_user_channels", nr_channels + 1));
	ASSERT_EQ(0, as_user(USER));
	kept = ch_make(0, 16, 0);
	ASSERT_LE(0, kept);
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
	close(kept);
}

/* The lines of a file, read in pieces of a page; -1 if that fails. */
static long count_lines(const char *path)
{
	const int fd = open(path, O_RDONLY);
	char piece[4096];
	long lines = 0;
	ssize_t n, i;

	if (fd < 0)
		return -1;
	do {
		n = read(fd, piece, sizeof(piece));
		for (i = 0; i < n; i++)
			lines += piece[i] == '\n';
	} while (n > 0);
	close(fd);
	return n ? -1 : lines;
}

/* R22: debugfs shows all channels, however many there are. */
TEST_F(scale, r22_debugfs)
{
	int first, i;

	umount2(DEBUG, MNT_DETACH);
	ASSERT_TRUE(!mkdir(DEBUG, 0755) || errno == EEXIST);
	ASSERT_EQ(0, mount("debugfs", DEBUG, "debugfs", 0, NULL));
	first = open("/dev/gochan", O_RDWR);
	for (i = 1; i < nr_channels; i++)
		ASSERT_EQ(first + i, open("/dev/gochan", O_RDWR));
	EXPECT_EQ(1 + nr_channels, count_lines(DEBUG "/gochan/channels"));
	EXPECT_EQ(0, count_lines(DEBUG "/gochan/waiters"));
	ASSERT_EQ(0, close_range(first, first + nr_channels - 1, 0));
	EXPECT_EQ(0, umount(DEBUG));
	EXPECT_EQ(0, rmdir(DEBUG));
}

/* ---- selects of 1,024 ops ---- */

/* The outcome of a process's select: the op that happened, the number sent or received. */
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

/* Wait for all processes; no wait queue has an op left. Returns the messages sent. */
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

/* Every 16th channel, in an order that jumps, each of them several times. */
static int channel_of(int i)
{
	return i * 331 % OPS / 16 * 16;
}

/* R1, R7, R14: 100 selects to receive from 1,024 channels: each receives once. */
TEST_F(scale, r1_r7_r14_selects_receive)
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

/* R1, R7, R14: 100 selects to send on 1,024 channels: each sends once. */
TEST_F(scale, r1_r7_r14_selects_send)
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
