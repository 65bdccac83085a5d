// SPDX-License-Identifier: GPL-2.0
/*
 * An unprivileged user's attacks: to take all memory, names and places in line,
 * to hold others up, to keep the module or spoil others' channels, and to see
 * what was not meant for it. Each is refused or bounded; what is asserted, and
 * why that is the bound, stands before each test. The limits themselves, one by
 * one, are limits.c's.
 *
 * Times are compared only with times of the same run, the shortest of several.
 */
#include <kselftest_harness.h>

#include "../lib/hog.h"
#include "../lib/ops.h"
#include "../lib/stall.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define KIB		1024L
#define MIB		(1024L * KIB)

#define FOLDER		"/dev/gochans/"
#define CGROUP		"/sys/fs/cgroup/" PREFIX "hostile"

static const char *const limits[] = {
	"max_msg_size", "max_capacity", "max_user_channels", "max_user_bytes",
	"max_user_named", "max_named", "max_bytes", "max_select",
};

#define LIMITS		ARRAY_SIZE(limits)

/* The limits as they were found; what a test changes is put back. */
static long long found[LIMITS];

static void find_limits(void)
{
	size_t i;

	for (i = 0; i < LIMITS; i++)
		found[i] = param(limits[i]);
}

static void restore(void)
{
	size_t i;

	as_root();
	for (i = 0; i < LIMITS; i++)
		set_param(limits[i], found[i]);
	unlink_all();
}

/* Two others, of whom neither is the attacker, go on as if nothing was. */
static bool others_go_on(void)
{
	bool ok;
	int ch;

	if (as_user(OTHER))
		return false;
	ch = ch_make(1, 4096, 0);
	ok = ch >= 0 && send_text(ch, "other") == 5 && !strcmp(recv_text(ch), "other");
	close(ch);
	return !as_root() && ok;
}

/* ---- memory ---- */

/*
 * What an attack that takes memory tells the test. It takes until it is
 * refused or has done what it can, and then holds what it has.
 */
struct spoils {
	bool taken;
	int error;		/* what it was refused with */
	long pieces;		/* how often it was not refused */
	long tasks;		/* threads that it needed */
	long waiting;		/* those that wait for the test to go on */
};

static struct spoils *spoils;

/* More than any of the limits below lets it have. */
#define PIECES		4096
#define TASKS		48

/* Of the attacker's, while it attacks. */
#define ATTACK_BYTES	(4 * MIB)
#define ATTACK_CHANNELS	500

static void took(long ret)
{
	if (ret < 0)
		spoils->error = ret;
	else
		spoils->pieces++;
}

static void take_channels(void)
{
	while (!spoils->error && spoils->pieces < PIECES)
		took(ch_make(0, 4096, 0));
}

/* Channels for messages of this size, all filled. */
static void take_buffers(unsigned int capacity, unsigned int msg_size)
{
	char *msg = calloc(1, msg_size);
	unsigned int i;
	int ch;

	while (!spoils->error && spoils->pieces < PIECES) {
		ch = ch_make(capacity, msg_size, 0);
		took(ch);
		for (i = 0; ch >= 0 && i < capacity; i++)
			if (ch_try_send(ch, msg, msg_size) != (ssize_t)msg_size)
				_exit(1);
	}
}

static void take_small_buffers(void)
{
	take_buffers(16, 64);
}

/* A little more than half of what the allocator gives for it. */
static void take_middle_buffers(void)
{
	take_buffers(8, 4097);
}

static void take_large_buffers(void)
{
	take_buffers(1, MIB);
}

struct taker {
	void (*run)(struct taker *taker);
	int ch;
	void *buf;
	size_t len;
	struct gochan_op *op;
	pid_t tid;
	long ret;
	bool done;
};

static void *taker_thread(void *arg)
{
	struct taker *taker = arg;

	__atomic_store_n(&taker->tid, gettid(), __ATOMIC_SEQ_CST);
	taker->run(taker);
	__atomic_store_n(&taker->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

static void start(struct taker *taker)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 * KIB);
	if (pthread_create(&thread, &attr, taker_thread, taker))
		_exit(1);
	pthread_attr_destroy(&attr);
	spoils->tasks++;
}

/* Until it is blocked or refused. */
static void wait_settled(struct taker *taker)
{
	const struct wait wait = wait_begin();

	for (;;) {
		const pid_t tid = __atomic_load_n(&taker->tid, __ATOMIC_SEQ_CST);

		if (__atomic_load_n(&taker->done, __ATOMIC_SEQ_CST))
			break;
		if (tid && is_asleep(tid))
			break;
		if (!wait_more(&wait))
			_exit(1);
	}
}

static void settle(struct taker *taker)
{
	wait_settled(taker);
	took(taker->done ? taker->ret : 0);
}

/* Threads that block, one after the other. */
static void take_by(void (*run)(struct taker *), int ch, void *buf, size_t len)
{
	struct taker *takers = calloc(TASKS, sizeof(*takers));
	int i;

	for (i = 0; i < TASKS && !spoils->error; i++) {
		takers[i] = (struct taker){ .run = run, .ch = ch, .buf = buf, .len = len };
		start(&takers[i]);
		settle(&takers[i]);
	}
}

static void run_write(struct taker *taker)
{
	taker->ret = ch_send(taker->ch, taker->buf, taker->len);
}

/* Senders that are blocked with a large message each. */
static void take_by_senders(void)
{
	take_by(run_write, ch_make(0, MIB, 0), calloc(1, MIB), 512 * KIB + 1);
}

/* Senders that are blocked with many small messages each. */
static void take_by_fixed(void)
{
	take_by(run_write, ch_make(0, 16, GOCHAN_FIXED), calloc(1, MIB), MIB);
}

/* One who hands over all that a process can address. */
static void take_by_huge_write(void)
{
	const size_t len = 0x7ffff000;
	void *all = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	take_by(run_write, ch_make(0, 1, GOCHAN_FIXED), all, len);
}

#define MOST_OPS	1024

static void run_select(struct taker *taker)
{
	taker->ret = ops_select(taker->ch, taker->buf, MOST_OPS, 0);
}

/* Selects of as many sends as there may be; one stands in line for all. */
static void take_by_selects(void)
{
	struct gochan_op *ops = calloc(MOST_OPS, sizeof(*ops));
	char *msg = calloc(1, 4096);
	const int ch = ch_make(0, 4096, 0);
	int i;

	for (i = 0; i < MOST_OPS; i++)
		ops[i] = GOCHAN_SEND(ch, msg, 129);
	take_by(run_select, ch, ops, 0);
}

/* Or of as many receives. */
static void take_by_receiving_selects(void)
{
	struct gochan_op *ops = calloc(MOST_OPS, sizeof(*ops));
	const int ch = ch_make(0, 16, 0);
	int i;

	for (i = 0; i < MOST_OPS; i++)
		ops[i] = GOCHAN_RECV(ch, NULL, 0);
	take_by(run_select, ch, ops, 0);
}

/* Or of sends that carry a file each. */
static void take_by_files(void)
{
	struct gochan_op *ops = calloc(MOST_OPS, sizeof(*ops));
	const int ch = ch_make(0, 16, 0);
	int i;

	for (i = 0; i < MOST_OPS; i++) {
		ops[i] = GOCHAN_SEND(ch, "f", 1);
		ops[i].flags = GOCHAN_PASS_FD;
		ops[i].passed_fd = ch;
	}
	take_by(run_select, ch, ops, 0);
}

/* Memory that never arrives, as a user's own file system could have it. */
static struct stalled never;

static void prepare_stall(void)
{
	/* only so poll(2) tells when somebody stalled */
	if (stall(&never, TASKS * MIB) || fcntl(never.uffd, F_SETFL, O_NONBLOCK))
		_exit(1);
}

/*
 * Somebody stalls behind all others. Those in front may do so again and again: a
 * select is woken whenever something happens on its channel.
 */
static bool another_stalls(void)
{
	struct pollfd pfd = { .fd = never.uffd, .events = POLLIN };
	static unsigned long last;
	struct uffd_msg msg;

	if (poll(&pfd, 1, 1) != 1 || read(never.uffd, &msg, sizeof(msg)) != sizeof(msg) ||
	    msg.arg.pagefault.address <= last)
		return false;
	last = msg.arg.pagefault.address;
	return true;
}

/* Who stalls sleeps as who waits in line does. */
static void settle_stalled(struct taker *taker)
{
	const struct wait wait = wait_begin();

	while (!__atomic_load_n(&taker->done, __ATOMIC_SEQ_CST) && !another_stalls()) {
		if (!wait_more(&wait))
			_exit(1);
	}
	took(taker->done ? taker->ret : 0);
}

static void take_stalled(void (*run)(struct taker *), int ch)
{
	struct taker *takers = calloc(TASKS, sizeof(*takers));
	int i;

	for (i = 0; i < TASKS && !spoils->error; i++) {
		takers[i] = (struct taker){
			.run = run,
			.ch = ch,
			.buf = never.map + i * MIB,
			.len = MIB,
		};
		start(&takers[i]);
		settle_stalled(&takers[i]);
	}
}

/* Senders that never get to the end of the copy of their message. */
static void take_by_stalled_senders(void)
{
	take_stalled(run_write, ch_make(0, MIB, 0));
}

static void run_peek(struct taker *taker)
{
	struct gochan_op op = GOCHAN_RECV(taker->ch, taker->buf, taker->len);

	op.flags = GOCHAN_PEEK;
	taker->ret = ops_batch(taker->ch, &op, 1, 0);
}

/* Peekers, each of whom keeps another message that is in the buffer no more. */
static void take_by_stalled_peekers(void)
{
	struct taker *takers = calloc(TASKS, sizeof(*takers));
	const int ch = ch_make(1, MIB, 0);
	char *msg = calloc(1, MIB);
	int i;

	for (i = 0; i < TASKS && !spoils->error; i++) {
		if (ch_try_send(ch, msg, MIB) != MIB)
			_exit(1);
		takers[i] = (struct taker){
			.run = run_peek,
			.ch = ch,
			.buf = never.map + i * MIB,
			.len = MIB,
		};
		start(&takers[i]);
		settle_stalled(&takers[i]);
		if (!spoils->error)
			took(ch_recv(ch, msg, MIB));
	}
}

static void run_ordered_select(struct taker *taker)
{
	taker->ret = ops_select(taker->ch, taker->buf, taker->len, GOCHAN_ORDERED);
}

static void run_read(struct taker *taker)
{
	taker->ret = ch_recv(taker->ch, taker->buf, taker->len);
}

/* Who waits for this MiB faults. */
static void vanish_at(void *where)
{
	struct uffdio_range range = { .start = (unsigned long)where, .len = MIB };

	if (munmap(where, MIB) || ioctl(never.uffd, UFFDIO_WAKE, &range))
		_exit(1);
}

/* Somebody stalls with a message; false when all refused it, and it lies inside. */
static bool wait_given(int ch)
{
	const struct wait wait = wait_begin();
	struct uffd_msg msg;

	do {
		if (read(never.uffd, &msg, sizeof(msg)) == sizeof(msg))
			return true;
		if (ch_info(ch).len)
			return false;
	} while (wait_more(&wait));
	_exit(1);
}

/* Send messages to the queued receivers until it is refused; how many were sent. */
static int give(int ch, const char *msg)
{
	ssize_t ret;
	int n = 0;

	for (;;) {
		ret = ch_try_send(ch, msg, MIB);
		if (ret != MIB || !wait_given(ch))
			break;
		took(0);
		n++;
	}
	if (!n)
		took(ret);
	return n;
}

/*
 * Receivers are queued with memory that does not arrive. Each message is charged
 * to the receiver that it is handed off to. When that one's memory is taken away
 * it goes to the next one, and remains charged.
 */
static void take_by_leaving(void)
{
	struct taker *takers = calloc(TASKS, sizeof(*takers));
	const int ch = ch_make(0, MIB, 0);
	char *msg = calloc(1, MIB);
	int given = 0, n, i;

	for (i = 0; i < TASKS; i++) {
		takers[i] = (struct taker){
			.run = run_read,
			.ch = ch,
			.buf = never.map + i * MIB,
			.len = MIB,
		};
		start(&takers[i]);
		if (!wait_for_waiters(ch, 0, i + 1))
			_exit(1);
	}
	while ((n = give(ch, msg))) {
		for (i = given; i < given + n; i++)
			vanish_at(takers[i].buf);
		given += n;
		for (i = 0; i < n && given < TASKS && wait_given(ch); i++)
			given++;
	}
}

#define REFUSED		12

/*
 * Selects of sends of a MiB each. All of them find a receiver whose room is too
 * small, so all are brought to the kernel; the last one's does not arrive.
 */
static void take_by_refused_sends(void)
{
	struct taker *takers = calloc(TASKS * (REFUSED + 1), sizeof(*takers));
	struct gochan_op *ops = calloc(TASKS * REFUSED, sizeof(*ops));
	char *msg = calloc(1, MIB), room;
	int n, i;

	for (n = 0; n < TASKS && !spoils->error; n++) {
		for (i = 0; i < REFUSED; i++, takers++) {
			const int ch = ch_make(0, MIB, 0);

			if (ch < 0) {
				took(ch);
				return;
			}
			*takers = (struct taker){
				.run = run_read,
				.ch = ch,
				.buf = &room,
				.len = 1,
			};
			start(takers);
			if (!wait_for_waiters(ch, 0, 1))
				_exit(1);
			ops[i] = GOCHAN_SEND(ch, msg, MIB);
		}
		ops[i - 1].buf = (unsigned long)never.map + n * MIB;
		*takers = (struct taker){
			.run = run_ordered_select,
			.ch = ops[0].fd,
			.buf = ops,
			.len = REFUSED,
		};
		start(takers);
		settle_stalled(takers++);
		ops += REFUSED;
	}
}

FIXTURE(memory) {
	long before;
	pid_t pid;
};

FIXTURE_VARIANT(memory) {
	void (*take)(void);
	bool stalls;
	bool holds_nothing;
};

FIXTURE_VARIANT_ADD(memory, channels) {
	.take = take_channels,
};

FIXTURE_VARIANT_ADD(memory, small_buffers) {
	.take = take_small_buffers,
};

FIXTURE_VARIANT_ADD(memory, middle_buffers) {
	.take = take_middle_buffers,
};

FIXTURE_VARIANT_ADD(memory, large_buffers) {
	.take = take_large_buffers,
};

FIXTURE_VARIANT_ADD(memory, by_senders) {
	.take = take_by_senders,
};

FIXTURE_VARIANT_ADD(memory, by_fixed) {
	.take = take_by_fixed,
};

FIXTURE_VARIANT_ADD(memory, by_huge_write) {
	.take = take_by_huge_write,
};

FIXTURE_VARIANT_ADD(memory, by_selects) {
	.take = take_by_selects,
};

FIXTURE_VARIANT_ADD(memory, by_receiving_selects) {
	.take = take_by_receiving_selects,
};

FIXTURE_VARIANT_ADD(memory, by_files) {
	.take = take_by_files,
};

FIXTURE_VARIANT_ADD(memory, by_stalled_senders) {
	.take = take_by_stalled_senders, .stalls = true, .holds_nothing = true,
};

FIXTURE_VARIANT_ADD(memory, by_stalled_peekers) {
	.take = take_by_stalled_peekers, .stalls = true,
};

FIXTURE_VARIANT_ADD(memory, by_leaving) {
	.take = take_by_leaving, .stalls = true,
};

FIXTURE_VARIANT_ADD(memory, by_refused_sends) {
	.take = take_by_refused_sends, .stalls = true,
};

/* Kernel memory of the attacker's cgroup, its stacks and page tables included. */
static long kernel_bytes(void)
{
	char text[8192];
	const char *line;

	if (read_text(CGROUP "/memory.stat", text, sizeof(text)) < 0)
		return -1;
	line = strstr(text, "\nkernel ");
	return line ? strtol(line + strlen("\nkernel "), NULL, 10) : -1;
}

/* Before anything is done. Newer kernels tell it up to two seconds late. */
static long kernel_bytes_begin(void)
{
	const struct wait wait = wait_begin();
	long bytes;

	do {
		bytes = kernel_bytes();
	} while (!bytes && wait_more(&wait));
	return bytes;
}

static struct spoils *share_spoils(void)
{
	struct spoils *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return s == MAP_FAILED ? NULL : s;
}

static int make_cgroup(void)
{
	const int err = write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");

	rmdir(CGROUP);
	return err ?: mkdir(CGROUP, 0755);
}

static int join_cgroup(void)
{
	return write_text(CGROUP "/cgroup.procs", "0");
}

FIXTURE_SETUP(memory)
{
	find_limits();
	spoils = share_spoils();
	ASSERT_NE(NULL, spoils);
	ASSERT_EQ(0, set_param("max_user_bytes", ATTACK_BYTES));
	ASSERT_EQ(0, set_param("max_user_channels", ATTACK_CHANNELS));
	ASSERT_EQ(0, make_cgroup());
}

FIXTURE_TEARDOWN(memory)
{
	restore();
	rmdir(CGROUP);
}

static void attack(void (*take)(void), bool stalls)
{
	const struct rlimit files = { 2 * ATTACK_CHANNELS, 2 * ATTACK_CHANNELS };

	if (join_cgroup() || setrlimit(RLIMIT_NOFILE, &files))
		_exit(1);
	if (stalls)
		prepare_stall();
	if (become(USER))
		_exit(1);
	take();
	__atomic_store_n(&spoils->taken, true, __ATOMIC_SEQ_CST);
	for (;;)
		pause();
}

/* As long as the attacker needs for it. */
static bool wait_taken(pid_t pid)
{
	siginfo_t info = {};

	while (!__atomic_load_n(&spoils->taken, __ATOMIC_SEQ_CST)) {
		if (waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid)
			return false;
		sched_yield();
	}
	return true;
}

/* So many MiB can be charged, a moment later at most. */
static bool wait_limit_leaves(long mib)
{
	const struct wait wait = wait_begin();
	int ch;

	do
		ch = ch_make(mib, MIB - 128, 0);
	while (ch < 0 && wait_more(&wait));
	close(ch);
	return ch >= 0;
}

static bool wait_kernel_bytes(long most)
{
	const struct wait wait = wait_begin();

	do {
		if (kernel_bytes() <= most)
			return true;
	} while (wait_more(&wait));
	return false;
}

/*
 * R19: a user is refused with EDQUOT, or holds nothing, and has no more kernel
 * memory than this: what is charged may be half of what the allocator gives, and
 * one message may come on top; 64 KiB for each channel's file and the like and for
 * each thread, stack, page tables and uncharged short messages included. Other
 * users are not affected. When it is killed all of the memory is freed.
 */
TEST_F(memory, r19_all)
{
	const long most = variant->holds_nothing ? MIB : 2 * (ATTACK_BYTES + MIB);
	long bytes;

	self->pid = child();
	if (!self->pid)
		attack(variant->take, variant->stalls);
	EXPECT_TRUE(wait_taken(self->pid));
	bytes = kernel_bytes();
	TH_LOG("%ld pieces by %ld threads, %ld KiB; %s", spoils->pieces, spoils->tasks,
	       bytes / KIB, strerrorname_np(-spoils->error) ?: "not refused");
	EXPECT_EQ(variant->holds_nothing ? 0 : -EDQUOT, spoils->error);
	EXPECT_LE(0, bytes);
	EXPECT_GE(most + spoils->tasks * 64 * KIB, bytes);
	EXPECT_TRUE(others_go_on());
	EXPECT_EQ(128 + SIGKILL, reap_killed(self->pid));
	ASSERT_EQ(0, as_user(USER));
	EXPECT_TRUE(wait_limit_leaves(ATTACK_BYTES / MIB));
	ASSERT_EQ(0, as_root());
	EXPECT_TRUE(wait_kernel_bytes(MIB));
}

/* ---- others' limits, names and channels ---- */

FIXTURE(hostile) {
};

FIXTURE_SETUP(hostile)
{
	find_limits();
}

FIXTURE_TEARDOWN(hostile)
{
	restore();
}

/* Whose memory does not arrive when it is given another's message. */
FIXTURE(stalled) {
};

FIXTURE_VARIANT(stalled) {
	bool results;
};

/* The room for the message. */
FIXTURE_VARIANT_ADD(stalled, payload) {
	.results = false,
};

/* Its struct gochan_op, which was there when the call began. */
FIXTURE_VARIANT_ADD(stalled, results) {
	.results = true,
};

FIXTURE_SETUP(stalled)
{
	find_limits();
	spoils = share_spoils();
	ASSERT_NE(NULL, spoils);
	ASSERT_EQ(0, set_param("max_user_bytes", ATTACK_BYTES));
	ASSERT_EQ(0, make_cgroup());
	ASSERT_EQ(0, join_cgroup());
}

FIXTURE_TEARDOWN(stalled)
{
	restore();
	write_text("/sys/fs/cgroup/cgroup.procs", "0");
	rmdir(CGROUP);
}

static void run_op(struct taker *taker)
{
	taker->ret = ops_select(taker->ch, taker->op, 1, 0);
}

/* The op, in a page that arrived. */
static struct gochan_op *arrived_op(void *page, const struct gochan_op *op)
{
	char *content = calloc(1, page_size());
	struct uffdio_copy copy = {
		.dst = (unsigned long)page,
		.src = (unsigned long)content,
		.len = page_size(),
	};

	memcpy(content, op, sizeof(*op));
	if (ioctl(never.uffd, UFFDIO_COPY, &copy))
		_exit(1);
	return page;
}

/* Somebody who waits with a receive, of whose memory some is no longer there. */
static void start_stalled(struct taker *taker, int ch, unsigned int flags, bool results)
{
	static char room[MIB];
	struct gochan_op *op = calloc(1, sizeof(*op));
	char *place = never.map + spoils->waiting * MIB;

	memset(room, 0, MIB);
	*op = GOCHAN_RECV(ch, results ? room : place, MIB);
	op->flags = flags;
	*taker = (struct taker){
		.run = results || flags ? run_op : run_read,
		.ch = ch,
		.buf = place,
		.len = MIB,
		.op = results ? arrived_op(place, op) : op,
	};
	start(taker);
	wait_settled(taker);
	if (results && madvise(place, page_size(), MADV_DONTNEED))
		_exit(1);
	__atomic_add_fetch(&spoils->waiting, 1, __ATOMIC_SEQ_CST);
}

/* Until the spoils' count is so many, or no more may be had. */
static bool wait_spoils(const long *count, long n)
{
	const struct wait wait = wait_begin();

	do {
		if (__atomic_load_n(count, __ATOMIC_SEQ_CST) >= n ||
		    __atomic_load_n(&spoils->error, __ATOMIC_SEQ_CST))
			return true;
	} while (wait_more(&wait));
	return false;
}

/* Receivers of USER that never get to the end of the copy of their message. */
static void receive_stalled(int ch, bool results)
{
	struct taker *takers = calloc(TASKS, sizeof(*takers));
	int i;

	prepare_stall();
	if (become(USER))
		_exit(1);
	for (i = 0; i < TASKS; i++)
		start_stalled(&takers[i], ch, 0, results);
	for (;;)
		pause();
}

/* Until nobody waits for one. */
static bool send_all(int ch, const char *msg)
{
	const struct wait wait = wait_begin();

	do {
		if (ch_try_send(ch, msg, MIB) == -EAGAIN && !ch_info(ch).receivers_waiting)
			return true;
	} while (wait_more(&wait));
	return false;
}

/* Take what lies inside until so many MiB can be charged. */
static bool drain_until_limit_leaves(int ch, char *msg, long mib)
{
	const struct wait wait = wait_begin();
	int made;

	do {
		ch_try_recv(ch, msg, MIB);
		made = ch_make(mib, MIB - 128, 0);
	} while (made < 0 && wait_more(&wait));
	close(made);
	return made >= 0;
}

/*
 * R9, R19: who receives another's messages and never gets to the end of it
 * pays for them itself. When it may have no more it leaves them, so that the
 * sender's limit is whole as soon as somebody else has received those.
 */
TEST_F(stalled, r9_r19_anothers_limit)
{
	char *msg = calloc(1, MIB);
	pid_t pid;
	int ch;

	ch = ch_make(0, MIB, 0);
	ASSERT_LE(0, ch);
	pid = child();
	if (!pid)
		receive_stalled(ch, variant->results);
	ASSERT_TRUE(wait_spoils(&spoils->waiting, TASKS));
	ASSERT_TRUE(wait_for_waiters(ch, 0, TASKS));
	ASSERT_EQ(0, as_user(OTHER));
	EXPECT_TRUE(send_all(ch, msg));
	EXPECT_LE(ATTACK_BYTES / MIB, (long)ch_info(ch).sent);
	EXPECT_TRUE(drain_until_limit_leaves(ch, msg, ATTACK_BYTES / MIB));
	ASSERT_EQ(0, as_root());
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
}

/* At each message: those before it are gone. */
static void peek_stalled(int ch, bool results)
{
	struct taker *takers = calloc(TASKS, sizeof(*takers));
	int i;

	prepare_stall();
	if (become(USER))
		_exit(1);
	for (i = 0; i < TASKS && !spoils->error; i++) {
		while (ch_info(ch).received != (unsigned int)i)
			sched_yield();
		start_stalled(&takers[i], ch, GOCHAN_PEEK, results);
		settle_stalled(&takers[i]);
	}
	for (;;)
		pause();
}

/*
 * R9, R19: who peeks at another's messages and never gets to the end of it pays
 * for them itself: the sender does no longer when they were received. Once it
 * has all of a message it keeps nothing of it.
 */
TEST_F(stalled, r9_r19_anothers_limit_by_peeking)
{
	const int n = 3 * ATTACK_BYTES / MIB;
	char *msg = calloc(1, MIB), *buf = calloc(1, MIB);
	struct job *job;
	long before;
	int ch, i;
	pid_t pid;

	ch = ch_make(0, MIB, 0);
	ASSERT_LE(0, ch);
	before = kernel_bytes_begin();
	ASSERT_LT(0, before);
	pid = child();
	if (!pid)
		peek_stalled(ch, variant->results);
	ASSERT_EQ(0, as_user(OTHER));
	for (i = 0; i < n; i++) {
		ASSERT_TRUE(wait_spoils(&spoils->waiting, i + 1));
		job = job_send(BY_THREAD, ch, msg, MIB);
		ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
		ASSERT_TRUE(wait_spoils(&spoils->pieces, i + 1));
		EXPECT_EQ(MIB, ch_recv(ch, buf, MIB));
		EXPECT_EQ(MIB, job_wait(job));
	}
	EXPECT_EQ(variant->results ? 0 : -EDQUOT, spoils->error);
	EXPECT_TRUE(wait_kernel_bytes(before + ATTACK_BYTES + MIB + n * 64 * KIB));
	ASSERT_EQ(0, as_root());
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
}

/* Names until there are no more for the user; how many, and what came then. */
static int take_names(int *error)
{
	char name[32];
	int n = 0, ch;

	do {
		snprintf(name, sizeof(name), PREFIX "%d", n++);
		ch = ch_make_named(name, 0, 0600);
	} while (ch >= 0 && n < 1000);
	*error = ch;
	return n - 1;
}

/*
 * R19: a user has max_user_named names and no more; another, and root, have
 * theirs. That it makes and removes names again and again uses up nothing.
 */
TEST_F(hostile, s3_r19_all_names)
{
	int error, i, ch;

	ASSERT_EQ(0, as_user(USER));
	for (i = 0; i < 300; i++) {
		ch = ch_make_named(PREFIX "again", 0, 0600);
		ASSERT_LE(0, ch);
		ASSERT_EQ(0, ch_unlink_handle(ch));
		close(ch);
	}
	EXPECT_EQ(param("max_user_named"), take_names(&error));
	EXPECT_EQ(-EDQUOT, error);
	ASSERT_EQ(0, as_root());
	EXPECT_LE(0, ch_make_named(PREFIX "root", 0, 0600));
	ASSERT_EQ(0, as_user(OTHER));
	EXPECT_LE(0, ch_make_named(PREFIX "other", 0, 0600));
}

static int reopen(pid_t pid, int fd, int oflags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	return open(path, oflags) < 0 ? -errno : 0;
}

static int error_of(int ret)
{
	return ret < 0 ? -errno : ret;
}

/*
 * S3: what is another's, and admits one to send only, stays as it is: its name,
 * its owner, its mode, its being open, its rights, and what else has its folder.
 */
TEST_F(hostile, s3_anothers_channel)
{
	static const char *const path = FOLDER "60002/" PREFIX "theirs";
	const pid_t parent = getpid();
	int theirs, mine;
	struct stat st;
	pid_t pid;

	ASSERT_EQ(0, as_user(OTHER));
	theirs = ch_make_named(PREFIX "theirs", 2, 0622);
	ASSERT_LE(0, theirs);
	ASSERT_EQ(0, as_root());
	pid = child();
	if (!pid) {
		EXPECT_EQ(0, become(USER));
		mine = open(path, O_WRONLY);
		EXPECT_LE(0, mine);
		EXPECT_EQ(1, send_text(mine, "a"));
		EXPECT_EQ(-EACCES, ch_dup(mine, O_RDWR));
		EXPECT_EQ(-EPERM, ch_close(mine));
		EXPECT_EQ(-EPERM, ch_unlink_handle(mine));
		EXPECT_EQ(-EPERM, ch_unlink("60002/" PREFIX "theirs"));
		EXPECT_EQ(-EBADF, ch_link(mine, PREFIX "mine", 0600));
		EXPECT_EQ(-EBUSY, ch_setup(mine, 1, 1, 0));
		EXPECT_EQ(-EBADF, ch_recv(mine, &st, sizeof(st)));
		EXPECT_EQ(-EACCES, error_of(open(path, O_RDWR)));
		EXPECT_EQ(-EACCES, reopen(getpid(), mine, O_RDWR));
		EXPECT_EQ(-EACCES, reopen(parent, theirs, O_RDWR));
		EXPECT_EQ(-EPERM, error_of(fchmod(mine, 0666)));
		EXPECT_EQ(-EPERM, error_of(chmod(path, 0666)));
		EXPECT_EQ(-EPERM, error_of(chown(path, USER, USER)));
		EXPECT_EQ(-EACCES, error_of(unlink(path)));
		EXPECT_EQ(-EACCES, error_of(rename(path, FOLDER "60002/b")));
		EXPECT_EQ(-EPERM, error_of(link(path, FOLDER "60002/b")));
		EXPECT_EQ(-EACCES, error_of(mkdir(FOLDER "b", 0700)));
		EXPECT_EQ(-EACCES, error_of(open("/sys/class/gochan/60002!" PREFIX "theirs/closed",
						 O_WRONLY)));
		_exit(!_metadata->passed);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, stat(path, &st));
	EXPECT_EQ(0622U, st.st_mode & 07777);
	EXPECT_EQ((uid_t)OTHER, st.st_uid);
	EXPECT_EQ(0U, ch_info(theirs).closed);
	EXPECT_EQ(1U, ch_info(theirs).len);
}

/* ---- the line ---- */

#define CROWD		40

static void receive_forever(int ch, void *buf)
{
	if (become(USER))
		_exit(1);
	for (;;)
		ch_recv(ch, buf, 16);
}

static void send_forever(int ch)
{
	if (become(USER))
		_exit(1);
	for (;;)
		ch_send(ch, "crowd", 5);
}

struct line {
	int ch;
	pid_t pids[CROWD];
};

static bool crowd_waits(const struct line *line, bool send, int others)
{
	return wait_for_waiters(line->ch, send ? CROWD + others : 0, send ? 0 : CROWD + others);
}

static bool crowd_start(struct line *line, unsigned int capacity, bool send, void *buf)
{
	int i;

	line->ch = ch_make(capacity, 16, 0);
	if (line->ch < 0)
		return false;
	for (i = 0; i < CROWD; i++) {
		line->pids[i] = child();
		if (line->pids[i])
			continue;
		if (send)
			send_forever(line->ch);
		receive_forever(line->ch, buf);
	}
	return crowd_waits(line, send, 0);
}

static void crowd_end(const struct line *line)
{
	int i;

	for (i = 0; i < CROWD; i++)
		reap_killed(line->pids[i]);
}

/*
 * R7: a crowd of receivers that come again at once does not overtake: who came
 * after them is served when each of them was, once.
 */
TEST_F(hostile, r7_crowd_of_receivers)
{
	char buf[16], text[16];
	struct line line;
	struct job *job;
	int i;

	ASSERT_TRUE(crowd_start(&line, 0, false, buf));
	job = job_recv(BY_THREAD, line.ch, 16);
	ASSERT_TRUE(crowd_waits(&line, false, 1));
	for (i = 0; i <= CROWD; i++) {
		snprintf(text, sizeof(text), "%d", i);
		EXPECT_LT(0, send_text(line.ch, text));
		ASSERT_TRUE(crowd_waits(&line, false, i < CROWD));
	}
	EXPECT_STREQ(text, job_text(job));
	crowd_end(&line);
}

/* R7: likewise senders, who want a place in the buffer. */
TEST_F(hostile, r7_crowd_of_senders)
{
	const char *got = "";
	struct line line;
	struct job *job;
	int i;

	ASSERT_TRUE(crowd_start(&line, 1, true, NULL));
	job = job_send_text(BY_THREAD, line.ch, "other");
	ASSERT_TRUE(crowd_waits(&line, true, 1));
	for (i = 0; i <= CROWD + 1; i++) {
		EXPECT_STRNE("other", got);
		got = recv_text(line.ch);
		ASSERT_TRUE(crowd_waits(&line, true, i < CROWD));
	}
	EXPECT_STREQ("other", got);
	EXPECT_EQ(5, job_wait(job));
	crowd_end(&line);
}

/*
 * R7, R9: a crowd that can keep no message, in front of another: one send, and
 * the message goes past all of them, each of whom fails once.
 */
TEST_F(hostile, r7_r9_bad_crowd)
{
	struct line line;
	struct job *job;

	ASSERT_TRUE(crowd_start(&line, 0, false, (void *)4096));
	job = job_recv(BY_THREAD, line.ch, 16);
	ASSERT_TRUE(crowd_waits(&line, false, 1));
	EXPECT_EQ(5, send_text(line.ch, "other"));
	EXPECT_STREQ("other", job_text(job));
	EXPECT_TRUE(crowd_waits(&line, false, 0));
	EXPECT_EQ(1U, ch_info(line.ch).received);
	crowd_end(&line);
}

/* Sends a file, and sends it again. */
static void pass_forever(int ch)
{
	struct gochan_op op = GOCHAN_SEND(ch, "crowd", 5);

	if (become(USER))
		_exit(1);
	op.flags = GOCHAN_PASS_FD;
	op.passed_fd = ch;
	for (;;)
		ops_batch(ch, &op, 1, 0);
}

/* Takes the message, and has no descriptor for the file. */
static void leave_forever(int ch)
{
	const struct rlimit none = { 0, 0 };
	struct gochan_op op;
	char buf[16];

	if (setrlimit(RLIMIT_NOFILE, &none) || become(USER))
		_exit(1);
	for (;;) {
		op = GOCHAN_RECV(ch, buf, sizeof(buf));
		op.flags = GOCHAN_TAKE_FD;
		ops_batch(ch, &op, 1, 0);
	}
}

/*
 * R7, R16: a sender that comes back to the front because its accomplice leaves
 * the message each time holds up nobody: with each two messages that somebody
 * receives one of those behind it is served.
 */
TEST_F(hostile, r7_r16_back_to_the_front)
{
	const int ch = ch_make(0, 16, 0);
	struct job *jobs[4];
	pid_t pids[2];
	int i;

	ASSERT_LE(0, ch);
	pids[0] = child();
	if (!pids[0])
		pass_forever(ch);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	for (i = 0; i < 4; i++) {
		jobs[i] = job_send_text(BY_THREAD, ch, "other");
		ASSERT_TRUE(wait_for_waiters(ch, i + 2, 0));
	}
	pids[1] = child();
	if (!pids[1])
		leave_forever(ch);
	for (i = 0; i < 8; i++)
		EXPECT_EQ(5, (int)strlen(recv_text(ch)));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(5, job_wait(jobs[i]));
	EXPECT_EQ(128 + SIGKILL, reap_killed(pids[1]));
	EXPECT_EQ(128 + SIGKILL, reap_killed(pids[0]));
}

/* ---- what others' operations cost ---- */

/* Of each second, for the likes of a hog; the rest is for others. */
#define RT_RUNTIME	"/proc/sys/kernel/sched_rt_runtime_us"

/* Threads of another process, on the other processor, that wait in some way. */
static int nr_waiters = 400;

struct way {
	int own;	/* all of them wait here */
	int shared;	/* and here, which is another's */
	bool poll;
	pid_t *tids;	/* room for one each */
};

static int nr_tids;

static void *wait_some_way(void *arg)
{
	const struct way *way = arg;
	struct pollfd pfd = { .fd = way->shared, .events = POLLIN };
	struct gochan_op ops[2];
	char buf[16];

	__atomic_store_n(&way->tids[__atomic_fetch_add(&nr_tids, 1, __ATOMIC_SEQ_CST)], gettid(),
			 __ATOMIC_SEQ_CST);
	if (way->poll) {
		poll(&pfd, 1, -1);
		return arg;
	}
	ops[0] = GOCHAN_RECV(way->own, buf, sizeof(buf));
	ops[1] = GOCHAN_RECV(way->shared, buf, sizeof(buf));
	ops_select(way->own, ops, 2, 0);
	return arg;
}

static void wait_all(const struct way *way)
{
	pthread_attr_t attr;
	pthread_t thread;
	int i;

	if (!pin(pthread_self(), 1) || become(USER))
		_exit(1);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 32 * KIB);
	for (i = 0; i < nr_waiters; i++)
		if (pthread_create(&thread, &attr, wait_some_way, (void *)way))
			_exit(1);
	for (;;)
		pause();
}

static bool wait_asleep_all(const pid_t *tids)
{
	const struct wait wait = wait_begin();
	int i;

	for (i = 0; i < nr_waiters; i++) {
		while (!__atomic_load_n(&tids[i], __ATOMIC_SEQ_CST))
			if (!wait_more(&wait))
				return false;
		if (!wait_asleep(tids[i]))
			return false;
	}
	return true;
}

static pid_t start_waiters(struct way *way)
{
	pid_t pid;

	way->tids = mmap(NULL, nr_waiters * sizeof(*way->tids), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (way->tids == MAP_FAILED)
		return -1;
	pid = child();
	if (!pid)
		wait_all(way);
	if (wait_asleep_all(way->tids))
		return pid;
	reap_killed(pid);
	return -1;
}

/* What one byte sent there takes, while none of the waiters can run. */
static long long time_of_send(int fd)
{
	long long begin, ns;
	pthread_t thread;

	if (!hog_start(&thread, 1))
		return -1;
	begin = now_ns();
	ns = write(fd, "a", 1) == 1 ? now_ns() - begin : -1;
	hog_end(thread);
	return ns;
}

/* One that must find nothing but dead ops in the line, and leave none. */
static long long time_past_dead(const struct way *way)
{
	long long begin, ns = -1;
	pthread_t thread;

	if (!hog_start(&thread, 1))
		return -1;
	ch_close(way->own);
	if (ch_info(way->shared).receivers_waiting == (__u32)nr_waiters) {
		begin = now_ns();
		ns = ch_try_send(way->shared, "a", 1) == 1 ? now_ns() - begin : -1;
	}
	if (ch_info(way->shared).receivers_waiting)
		ns = -1;
	hog_end(thread);
	return ns;
}

/* The time of a send where a crowd of selects was won by another channel. */
static long long time_with_dead(void)
{
	struct way way = { .own = ch_make(0, 16, 0), .shared = ch_make(2, 16, 0) };
	const pid_t pid = start_waiters(&way);
	const long long ns = pid < 0 ? -1 : time_past_dead(&way);

	if (pid > 0)
		reap_killed(pid);
	close(way.own);
	close(way.shared);
	return ns;
}

static long long time_with_pollers(int fds[2])
{
	struct way way = { .own = -1, .shared = fds[0], .poll = true };
	const pid_t pid = start_waiters(&way);
	const long long ns = pid < 0 ? -1 : time_of_send(fds[1]);

	if (pid > 0)
		reap_killed(pid);
	close(fds[0]);
	close(fds[1]);
	return ns;
}

static long long shorter(long long a, long long b)
{
	return a < b ? a : b;
}

/* Negative times are failures of another kind. */
static bool is_dear(long long dead, long long polled, long long of_pipe)
{
	return dead >= 0 && polled >= 0 && of_pipe >= 0 && (dead > of_pipe || polled > 2 * of_pipe);
}

/*
 * R14: another's send meets as many dead ops as the attacker has threads, once;
 * they are gone then. Each costs it less than a poller of a pipe costs who
 * writes to it: so nobody is held up by a crowd of selects more than a crowd of
 * pollers can hold up who uses a pipe. R13: nor by pollers of the channel more
 * than by twice that.
 */
TEST_F(hostile, r13_r14_cost_of_a_crowd)
{
	long long dead = 1LL << 62, polled = dead, of_pipe = dead;
	const char *divisor = getenv("GOCHAN_CROWD");	/* as in crowd.c */
	int fds[2], i;

	if (divisor)
		nr_waiters /= atoi(divisor);
	ASSERT_TRUE(pin(pthread_self(), 0));
	ASSERT_EQ(0, write_text(RT_RUNTIME, "-1"));
	/* Each at its best; where the machine does something else, of more. */
	for (i = 0; i < 3 || (i < 30 && is_dear(dead, polled, of_pipe)); i++) {
		dead = shorter(dead, time_with_dead());
		ASSERT_EQ(0, ch_pair(fds, 2, 16, 0));
		polled = shorter(polled, time_with_pollers(fds));
		ASSERT_EQ(0, pipe(fds));
		of_pipe = shorter(of_pipe, time_with_pollers(fds));
	}
	ASSERT_EQ(0, write_text(RT_RUNTIME, "950000"));
	TH_LOG("%d of each: dead ops %lld us, pollers %lld us, of a pipe %lld us", nr_waiters,
	       dead / 1000, polled / 1000, of_pipe / 1000);
	EXPECT_LE(0, dead);
	EXPECT_LE(0, polled);
	EXPECT_LE(0, of_pipe);
	EXPECT_FALSE(is_dear(dead, polled, of_pipe));
}

#define TRIES		300
#define ROUNDS		40

/* One message sent and received; of many tries of some the shortest. */
static long long time_of_rounds(int ch)
{
	long long best = 1LL << 62, begin;
	char c;
	int i, k;

	for (k = 0; k < TRIES; k++) {
		begin = now_ns();
		for (i = 0; i < ROUNDS; i++)
			if (ch_send(ch, "a", 1) != 1 || ch_recv(ch, &c, 1) != 1)
				return -1;
		best = shorter(best, now_ns() - begin);
	}
	return best / ROUNDS;
}

/*
 * R9: a message that the attacker took, could not copy and put back makes every
 * receive of everybody look at its user's limit. That is all: less than twice
 * the time.
 */
TEST_F(hostile, r9_cost_of_what_is_left)
{
	const int ch = ch_make(0, 16, 0), other = ch_make(1, 16, 0);
	long long before, after;
	struct job *job;

	ASSERT_LE(0, ch);
	before = time_of_rounds(other);
	ASSERT_EQ(0, as_user(USER));
	job = job_start(BY_THREAD, ch, false, (void *)4096, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	ASSERT_EQ(1, send_text(ch, "a"));
	EXPECT_EQ(-EFAULT, job_wait(job));
	ASSERT_EQ(0, as_root());
	ASSERT_EQ(1U, ch_info(ch).len);
	after = time_of_rounds(other);
	TH_LOG("a round took %lld ns before, %lld ns after", before, after);
	EXPECT_LT(0, before);
	EXPECT_GT(2 * before, after);
}

/* ---- the module ---- */

/* A handle in a socket that is in its own queue: only the kernel finds it. */
static void bury(int ch)
{
	int socks[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, socks) || send_fd(socks[0], ch) ||
	    send_fd(socks[0], socks[0]) || send_fd(socks[0], socks[1]))
		_exit(1);
	close(socks[0]);
	close(socks[1]);
}

/* Two channels, each on its way over the other, and no descriptor of either. */
static void entangle(void)
{
	const int a = ch_make(0, 16, 0), b = ch_make(0, 16, 0);
	struct call *ab = call_select(a), *ba = call_select(b);
	struct gochan_op *op;

	op = call_send(ab, a, "b");
	op->flags = GOCHAN_PASS_FD;
	op->passed_fd = b;
	op = call_send(ba, b, "a");
	op->flags = GOCHAN_PASS_FD;
	op->passed_fd = a;
	call_start(ab, BY_THREAD);
	call_start(ba, BY_THREAD);
	if (!wait_for_waiters(a, 1, 0) || !wait_for_waiters(b, 1, 0))
		_exit(1);
	close(a);
	close(b);
}

/* All that may keep the module, or seem to. */
static void cling(int ready)
{
	const int ch = ch_make_named(PREFIX "cling", 4, 0600);
	const int pfd = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN };
	struct call *call = call_select(ch);

	if (become(USER))
		_exit(1);
	call_poll(call, ch_make_named(PREFIX "user", 0, 0600), POLLIN);
	call_recv(call, ch_make(0, 16, 0));
	call_start(call, BY_THREAD);
	job_recv(BY_THREAD, ch_make(0, 16, 0), 16);
	epoll_ctl(pfd, EPOLL_CTL_ADD, ch, &event);
	signal(SIGIO, SIG_IGN);
	fcntl(ch, F_SETOWN, getpid());
	fcntl(ch, F_SETFL, O_ASYNC);
	open("/sys/class/gochan/60001!" PREFIX "user/len", O_RDONLY);
	open(FOLDER "60001/" PREFIX "user", O_PATH);
	inotify_add_watch(inotify_init1(0), FOLDER "60001/" PREFIX "user", IN_ALL_EVENTS);
	send_text(ch, "a");
	bury(ch_make(0, 16, 0));
	entangle();
	if (chdir(FOLDER "60001") || write(ready, "r", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* A socket that is closed makes the kernel look for buried ones. */
static int wait_unload(void)
{
	const struct wait wait = wait_begin();
	int socks[2], ret;

	do {
		if (!socketpair(AF_UNIX, SOCK_STREAM, 0, socks)) {
			close(socks[0]);
			close(socks[1]);
		}
		ret = module_unload();
	} while (ret && wait_more(&wait));
	return ret;
}

/*
 * DESIGN 3: a user's handles and names keep the module, but none of it longer
 * than the user's processes and names are there.
 */
TEST_F(hostile, s3_module_goes)
{
	int ready[2];
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(ready));
	pid = child();
	if (!pid)
		cling(ready[1]);
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &c, 1));
	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	EXPECT_EQ(0, ch_unlink(PREFIX "cling"));
	EXPECT_EQ(0, ch_unlink("60001/" PREFIX "user"));
	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	EXPECT_EQ(0, wait_unload());
	EXPECT_EQ(0, module_load(""));
}

/* ---- what was not meant for it ---- */

#define SECRET		"SECRETsecret"

static void fill_secret(char *buf, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = SECRET[i % strlen(SECRET)];
}

static bool has_secret(const void *buf, size_t len)
{
	return memmem(buf, len, "SECRET", 6) || memmem(buf, len, "secret", 6);
}

/* Another's messages, of all ways to be stored; the memory is free then. */
static bool leave_secrets(void)
{
	static const unsigned int sizes[] = { 100, 200, 1000, 4096, 5000, 60000 };
	static char secret[60000], buf[60000];
	size_t i, k;
	int ch;

	fill_secret(secret, sizeof(secret));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ch = ch_make(16, sizes[i], 0);
		for (k = 0; k < 16; k++)
			if (ch_try_send(ch, secret, sizes[i]) != sizes[i])
				return false;
		for (k = 0; k < 8; k++)
			if (ch_try_recv(ch, buf, sizes[i]) != sizes[i])
				return false;
		close(ch);
	}
	return true;
}

/* The op is as it was but for what a receive of so many bytes may write. */
static bool op_whole(const struct gochan_op *op, const struct gochan_op *was, int result)
{
	struct gochan_op expected = *was;

	expected.result = result;
	expected.len = op->len;
	if (op->passed_fd == -1)
		expected.passed_fd = -1;
	return !memcmp(op, &expected, sizeof(expected));
}

/* A receive into a larger buffer, by op: not a byte more than there is. */
static bool receives_no_more(int ch, unsigned long cmd, unsigned int flags, unsigned int len)
{
	static unsigned char buf[65536];
	struct gochan_op op = GOCHAN_RECV(ch, buf, sizeof(buf)), was;
	struct gochan_ops call = {
		.ops = (unsigned long)&op,
		.count = 1,
		.flags = GOCHAN_NONBLOCK,
		.timeout = GOCHAN_TIMEOUT_NEVER,
		.index = UNTOUCHED,
	};
	size_t i;

	memset(buf, 0xa5, sizeof(buf));
	op.flags = flags;
	op.events = UNTOUCHED;
	op.pid = UNTOUCHED;
	op.uid = UNTOUCHED;
	op.gid = UNTOUCHED;
	op.passed_fd = UNTOUCHED;
	was = op;
	if (ioctl(ch, cmd, &call) < 0 || op.len != len || !op_whole(&op, &was, was.result) ||
	    call.reserved || has_secret(buf, sizeof(buf)))
		return false;
	for (i = len; i < sizeof(buf); i++)
		if (buf[i] != 0xa5)
			return false;
	return true;
}

/*
 * R20: short messages in places where another's long ones were: a receive, by
 * whichever way, writes the message and what the op's fields are said to be,
 * and not a byte of anything else.
 */
TEST_F(hostile, r20_nothing_else)
{
	static const unsigned int sizes[] = { 100, 200, 1000, 4096, 5000, 60000 };
	static const unsigned int lens[] = { 0, 1, 7, 100 };
	struct gochan_op op;
	char dots[100];
	size_t i, k;
	int ch;

	memset(dots, '.', sizeof(dots));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, as_user(OTHER));
		ASSERT_TRUE(leave_secrets());
		ASSERT_EQ(0, as_root());
		ASSERT_EQ(0, as_user(USER));
		ch = ch_make(16, sizes[i], 0);
		ASSERT_LE(0, ch);
		for (k = 0; k < 16; k++) {
			const unsigned int len = lens[k % ARRAY_SIZE(lens)];

			op = GOCHAN_SEND(ch, dots, len);
			ASSERT_EQ(1, ops_batch(ch, &op, 1, GOCHAN_NONBLOCK));
			EXPECT_TRUE(receives_no_more(ch, GOCHAN_IOC_SELECT, GOCHAN_PEEK, len));
			EXPECT_TRUE(receives_no_more(ch, k & 4 ? GOCHAN_IOC_SELECT :
								 GOCHAN_IOC_BATCH, 0, len));
		}
		close(ch);
		ASSERT_EQ(0, as_root());
	}
}

/*
 * R20: what an op fails with is all that it writes, and what asks for a state
 * gets nothing of another's.
 */
TEST_F(hostile, r20_failing_tells_nothing)
{
	unsigned char buf[64], untouched[64];
	struct gochan_op op, was;
	struct gochan_info info;
	char text[4096];
	int ch, fd, i;

	ASSERT_EQ(0, as_user(OTHER));
	ASSERT_TRUE(leave_secrets());
	ASSERT_EQ(0, as_root());
	ASSERT_EQ(0, as_user(USER));
	memset(buf, 0xa5, sizeof(buf));
	memcpy(untouched, buf, sizeof(buf));
	for (i = 0; i < 200; i++) {
		ch = ch_make(i % 3, 16 + i * 40, 0);
		was = GOCHAN_RECV(ch, buf, sizeof(buf));
		was.uid = UNTOUCHED;
		op = was;
		EXPECT_EQ(-EAGAIN, ops_batch(ch, &op, 1, GOCHAN_NONBLOCK));
		EXPECT_TRUE(op_whole(&op, &was, -EAGAIN));
		EXPECT_EQ(sizeof(buf), op.len);
		was.reserved = 1;
		op = was;
		EXPECT_EQ(-EINVAL, ops_batch(ch, &op, 1, 0));
		EXPECT_TRUE(op_whole(&op, &was, -EINVAL));
		info = ch_info(ch);
		EXPECT_FALSE(has_secret(&info, sizeof(info)));
		snprintf(text, sizeof(text), "/proc/self/fdinfo/%d", ch);
		fd = open(text, O_RDONLY);
		EXPECT_LT(0, read(fd, text, sizeof(text)));
		EXPECT_FALSE(has_secret(text, sizeof(text)));
		close(fd);
		close(ch);
	}
	EXPECT_EQ(0, memcmp(buf, untouched, sizeof(buf)));
	ASSERT_EQ(0, as_root());
}

/*
 * R20: inotify tells nobody when others use a channel, named or not, and so they
 * do not pay for who watches.
 */
TEST_F(hostile, r20_inotify_tells_nothing)
{
	const unsigned int mask = IN_ACCESS | IN_MODIFY | IN_OPEN | IN_CLOSE | IN_ATTRIB;
	const int named = ch_make_named(PREFIX "told", 1, 0644);
	const int watch = inotify_init1(IN_NONBLOCK);
	char event[256];
	int ch, fd;

	ASSERT_EQ(0, as_user(USER));
	ASSERT_LE(0, inotify_add_watch(watch, "/dev/gochan", mask));
	ASSERT_LE(0, inotify_add_watch(watch, FOLDER PREFIX "told", mask));
	ASSERT_LE(0, inotify_add_watch(watch, "/dev/gochans", mask));
	ASSERT_EQ(0, as_root());
	ch = ch_make(1, 16, 0);
	fd = open(FOLDER PREFIX "told", O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(5, send_text(ch, "quiet"));
	EXPECT_STREQ("quiet", recv_text(ch));
	EXPECT_EQ(5, send_text(named, "quiet"));
	EXPECT_STREQ("quiet", recv_text(fd));
	close(fd);
	close(ch);
	EXPECT_EQ(-1, read(watch, event, sizeof(event)));
	EXPECT_EQ(EAGAIN, errno);
	/* It would be told if there were something to tell. */
	EXPECT_EQ(0, chmod(FOLDER PREFIX "told", 0600));
	EXPECT_LT(0, read(watch, event, sizeof(event)));
	close(watch);
	EXPECT_EQ(0, ch_unlink(PREFIX "told"));
}

/* ---- numbers that do not fit ---- */

/*
 * R19, R20: with the limits of sizes gone there is still the limit of bytes, and
 * no product is so large that it is small: each is refused as too much, and for
 * root for want of memory. What was refused was not counted.
 */
TEST_F(hostile, r19_r20_products)
{
	static const unsigned int large[] = {
		~0U, ~0U - 3, ~0U - 39, ~0U - 40, ~0U - 41, 1U << 31, (1U << 31) - 1, 1U << 30,
	};
	/* not on the stack, behind which there may be less than that */
	static char below;
	unsigned int i, k;
	int ch;

	ASSERT_EQ(0, set_param("max_msg_size", ~0U));
	ASSERT_EQ(0, set_param("max_capacity", ~0U));
	ASSERT_EQ(0, set_param("max_select", ~0U));
	for (i = 0; i < ARRAY_SIZE(large); i++) {
		for (k = 0; k < ARRAY_SIZE(large); k++) {
			ASSERT_EQ(0, as_user(USER));
			EXPECT_EQ(-EDQUOT, ch_make(large[i], large[k], 0));
			ASSERT_EQ(0, as_root());
			EXPECT_EQ(-ENOMEM, ch_make(large[i], large[k], 0));
		}
	}
	ASSERT_EQ(0, as_user(USER));
	ch = ch_make(1, 15 * MIB, 0);
	EXPECT_LE(0, ch);
	EXPECT_EQ(-EMSGSIZE, ch_send(ch, &below, 0x7ffff000));
	EXPECT_EQ(-EINVAL, ops_select(ch, NULL, ~0U, 0));
	EXPECT_EQ(-EINVAL, ops_select(ch, NULL, 65536, 0));
	EXPECT_EQ(-EDQUOT, ops_select(ch, NULL, 65535, 0));
	EXPECT_EQ(-EINVAL, ops_batch(ch, NULL, 1U << 31, 0));
	EXPECT_EQ(-EFAULT, ops_batch(ch, NULL, 65535, 0));
}

TEST_HARNESS_MAIN
