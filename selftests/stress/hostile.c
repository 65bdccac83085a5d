// SPDX-License-Identifier: GPL-2.0
/*
 * Attacks by an unprivileged user: exhausting memory and names, starving or
 * slowing down others, pinning the module, tampering with others' channels, and
 * reading what it may not see. Each is refused or bounded; the comment at each
 * test says what the bound is and why. limits.c tests the individual limits.
 *
 * Times are the minimum of several, and compared only within one run.
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
	"max_user_named", "max_bytes", "max_select",
};

#define LIMITS		ARRAY_SIZE(limits)

/* The limits before the test, which are restored after it. */
static long long saved[LIMITS];

static void save_limits(void)
{
	size_t i;

	for (i = 0; i < LIMITS; i++)
		saved[i] = param(limits[i]);
}

static void restore(void)
{
	size_t i;

	as_root();
	for (i = 0; i < LIMITS; i++)
		set_param(limits[i], saved[i]);
	unlink_all();
}

/* Another user can still make a channel, send and receive. */
static bool others_unaffected(void)
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
 * The progress of an attack on memory. It allocates until it is refused or has
 * nothing left to try, and then keeps what it has.
 */
struct progress {
	bool complete;
	int error;		/* of the attempt that was refused */
	long successes;		/* attempts that were not refused */
	long tasks;		/* threads started */
	long waiting;		/* threads that wait for the test to continue */
};

static struct progress *progress;

/* More than the limits below allow. */
#define ATTEMPTS	4096
#define TASKS		48

/* The attacker's limits. */
#define ATTACK_BYTES	(4 * MIB)
#define ATTACK_CHANNELS	500

static void count_attempt(long ret)
{
	if (ret < 0)
		progress->error = ret;
	else
		progress->successes++;
}

static void alloc_channels(void)
{
	while (!progress->error && progress->successes < ATTEMPTS)
		count_attempt(ch_make(0, 4096, 0));
}

/* Full channels for messages of this size. */
static void alloc_buffers(unsigned int capacity, unsigned int msg_size)
{
	char *msg = calloc(1, msg_size);
	unsigned int i;
	int ch;

	while (!progress->error && progress->successes < ATTEMPTS) {
		ch = ch_make(capacity, msg_size, 0);
		count_attempt(ch);
		for (i = 0; ch >= 0 && i < capacity; i++)
			if (ch_try_send(ch, msg, msg_size) != (ssize_t)msg_size)
				_exit(1);
	}
}

static void alloc_small_buffers(void)
{
	alloc_buffers(16, 64);
}

/* Just above a power of two: the allocator rounds it up to twice the size. */
static void alloc_medium_buffers(void)
{
	alloc_buffers(8, 4097);
}

static void alloc_large_buffers(void)
{
	alloc_buffers(1, MIB);
}

struct attacker {
	void (*run)(struct attacker *attacker);
	int ch;
	void *buf;
	size_t len;
	struct gochan_op *op;
	pid_t tid;
	long ret;
	bool done;
};

static void *attacker_thread(void *arg)
{
	struct attacker *attacker = arg;

	__atomic_store_n(&attacker->tid, gettid(), __ATOMIC_SEQ_CST);
	attacker->run(attacker);
	__atomic_store_n(&attacker->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

static void start(struct attacker *attacker)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 * KIB);
	if (pthread_create(&thread, &attr, attacker_thread, attacker))
		_exit(1);
	pthread_attr_destroy(&attr);
	progress->tasks++;
}

/* Wait until it is blocked or has returned. */
static void wait_blocked(struct attacker *attacker)
{
	const struct wait wait = wait_begin();

	for (;;) {
		const pid_t tid = __atomic_load_n(&attacker->tid, __ATOMIC_SEQ_CST);

		if (__atomic_load_n(&attacker->done, __ATOMIC_SEQ_CST))
			break;
		if (tid && is_asleep(tid))
			break;
		if (!wait_more(&wait))
			_exit(1);
	}
}

static void count_blocked(struct attacker *attacker)
{
	wait_blocked(attacker);
	count_attempt(attacker->done ? attacker->ret : 0);
}

/* Start threads that block, one after the other. */
static void alloc_by_threads(void (*run)(struct attacker *), int ch, void *buf, size_t len)
{
	struct attacker *attackers = calloc(TASKS, sizeof(*attackers));
	int i;

	for (i = 0; i < TASKS && !progress->error; i++) {
		attackers[i] = (struct attacker){ .run = run, .ch = ch, .buf = buf, .len = len };
		start(&attackers[i]);
		count_blocked(&attackers[i]);
	}
}

static void run_write(struct attacker *attacker)
{
	attacker->ret = ch_send(attacker->ch, attacker->buf, attacker->len);
}

/* Blocked senders with a large message each. */
static void alloc_by_senders(void)
{
	alloc_by_threads(run_write, ch_make(0, MIB, 0), calloc(1, MIB), 512 * KIB + 1);
}

/* Blocked senders with many small messages each. */
static void alloc_by_fixed(void)
{
	alloc_by_threads(run_write, ch_make(0, 16, GOCHAN_FIXED), calloc(1, MIB), MIB);
}

/* A write of the maximum length. */
static void alloc_by_huge_write(void)
{
	const size_t len = 0x7ffff000;
	void *all = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	alloc_by_threads(run_write, ch_make(0, 1, GOCHAN_FIXED), all, len);
}

#define OPS	1024

static void run_select(struct attacker *attacker)
{
	attacker->ret = ops_select(attacker->ch, attacker->buf, OPS, 0);
}

/* Selects of max_select sends on one channel, on which each is queued once. */
static void alloc_by_selects(void)
{
	struct gochan_op *ops = calloc(OPS, sizeof(*ops));
	char *msg = calloc(1, 4096);
	const int ch = ch_make(0, 4096, 0);
	int i;

	for (i = 0; i < OPS; i++)
		ops[i] = GOCHAN_SEND(ch, msg, 129);
	alloc_by_threads(run_select, ch, ops, 0);
}

/* Selects of max_select receives. */
static void alloc_by_receiving_selects(void)
{
	struct gochan_op *ops = calloc(OPS, sizeof(*ops));
	const int ch = ch_make(0, 16, 0);
	int i;

	for (i = 0; i < OPS; i++)
		ops[i] = GOCHAN_RECV(ch, NULL, 0);
	alloc_by_threads(run_select, ch, ops, 0);
}

/* Selects of max_select sends that pass a file each. */
static void alloc_by_files(void)
{
	struct gochan_op *ops = calloc(OPS, sizeof(*ops));
	const int ch = ch_make(0, 16, 0);
	int i;

	for (i = 0; i < OPS; i++) {
		ops[i] = GOCHAN_SEND(ch, "f", 1);
		ops[i].flags = GOCHAN_PASS_FD;
		ops[i].passed_fd = ch;
	}
	alloc_by_threads(run_select, ch, ops, 0);
}

/* Memory whose page faults are never resolved, as with a user's FUSE filesystem. */
static struct stalled never;

static void prepare_stall(void)
{
	/* poll(2) on a userfaultfd needs O_NONBLOCK */
	if (stall(&never, TASKS * MIB) || fcntl(never.uffd, F_SETFL, O_NONBLOCK))
		_exit(1);
}

/*
 * Has a task faulted at a higher address than all before? Those at lower addresses
 * may fault repeatedly: a select is woken whenever something happens on its channel.
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

/* A task in a page fault sleeps just as a blocked one does, so ask the userfaultfd. */
static void count_stalled(struct attacker *attacker)
{
	const struct wait wait = wait_begin();

	while (!__atomic_load_n(&attacker->done, __ATOMIC_SEQ_CST) && !another_stalls()) {
		if (!wait_more(&wait))
			_exit(1);
	}
	count_attempt(attacker->done ? attacker->ret : 0);
}

static void alloc_stalled(void (*run)(struct attacker *), int ch)
{
	struct attacker *attackers = calloc(TASKS, sizeof(*attackers));
	int i;

	for (i = 0; i < TASKS && !progress->error; i++) {
		attackers[i] = (struct attacker){
			.run = run,
			.ch = ch,
			.buf = never.map + i * MIB,
			.len = MIB,
		};
		start(&attackers[i]);
		count_stalled(&attackers[i]);
	}
}

/* Senders whose copy from user memory never completes. */
static void alloc_by_stalled_senders(void)
{
	alloc_stalled(run_write, ch_make(0, MIB, 0));
}

static void run_peek(struct attacker *attacker)
{
	struct gochan_op op = GOCHAN_RECV(attacker->ch, attacker->buf, attacker->len);

	op.flags = GOCHAN_PEEK;
	attacker->ret = ops_batch(attacker->ch, &op, 1, 0);
}

/* Peekers that each pin a message which has since been received. */
static void alloc_by_stalled_peekers(void)
{
	struct attacker *attackers = calloc(TASKS, sizeof(*attackers));
	const int ch = ch_make(1, MIB, 0);
	char *msg = calloc(1, MIB);
	int i;

	for (i = 0; i < TASKS && !progress->error; i++) {
		if (ch_try_send(ch, msg, MIB) != MIB)
			_exit(1);
		attackers[i] = (struct attacker){
			.run = run_peek,
			.ch = ch,
			.buf = never.map + i * MIB,
			.len = MIB,
		};
		start(&attackers[i]);
		count_stalled(&attackers[i]);
		if (!progress->error)
			count_attempt(ch_recv(ch, msg, MIB));
	}
}

static void run_ordered_select(struct attacker *attacker)
{
	attacker->ret = ops_select(attacker->ch, attacker->buf, attacker->len, GOCHAN_ORDERED);
}

static void run_read(struct attacker *attacker)
{
	attacker->ret = ch_recv(attacker->ch, attacker->buf, attacker->len);
}

/* The copy to this buffer fails with EFAULT. */
static void unmap_buffer(void *where)
{
	struct uffdio_range range = { .start = (unsigned long)where, .len = MIB };

	if (munmap(where, MIB) || ioctl(never.uffd, UFFDIO_WAKE, &range))
		_exit(1);
}

/* Wait until a receiver stalls in its copy; false if the message was requeued instead. */
static bool wait_handed_off(int ch)
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

/* Send messages to blocked receivers until it is refused. Returns to how many. */
static int send_to_waiters(int ch, const char *msg)
{
	ssize_t ret;
	int n = 0;

	for (;;) {
		ret = ch_try_send(ch, msg, MIB);
		if (ret != MIB || !wait_handed_off(ch))
			break;
		count_attempt(0);
		n++;
	}
	if (!n)
		count_attempt(ret);
	return n;
}

/*
 * Receivers are blocked with buffers whose page faults are not resolved. Each
 * message is charged to the receiver that it is handed off to. When that one's
 * buffer is unmapped the copy fails, and the message is requeued to the next
 * blocked receiver, and remains charged.
 */
static void alloc_by_requeueing(void)
{
	struct attacker *attackers = calloc(TASKS, sizeof(*attackers));
	const int ch = ch_make(0, MIB, 0);
	char *msg = calloc(1, MIB);
	int given = 0, n, i;

	for (i = 0; i < TASKS; i++) {
		attackers[i] = (struct attacker){
			.run = run_read,
			.ch = ch,
			.buf = never.map + i * MIB,
			.len = MIB,
		};
		start(&attackers[i]);
		if (!wait_for_waiters(ch, 0, i + 1))
			_exit(1);
	}
	while ((n = send_to_waiters(ch, msg))) {
		for (i = given; i < given + n; i++)
			unmap_buffer(attackers[i].buf);
		given += n;
		for (i = 0; i < n && given < TASKS && wait_handed_off(ch); i++)
			given++;
	}
}

#define RECEIVERS		12

/*
 * Selects of sends of 1 MiB each, to receivers whose buffers are too small, so
 * that all payloads may be staged in kernel memory; the last one's never arrives.
 */
static void alloc_by_undeliverable_sends(void)
{
	struct attacker *attackers = calloc(TASKS * (RECEIVERS + 1), sizeof(*attackers));
	struct gochan_op *ops = calloc(TASKS * RECEIVERS, sizeof(*ops));
	char *msg = calloc(1, MIB), room;
	int n, i;

	for (n = 0; n < TASKS && !progress->error; n++) {
		for (i = 0; i < RECEIVERS; i++, attackers++) {
			const int ch = ch_make(0, MIB, 0);

			if (ch < 0) {
				count_attempt(ch);
				return;
			}
			*attackers = (struct attacker){
				.run = run_read,
				.ch = ch,
				.buf = &room,
				.len = 1,
			};
			start(attackers);
			if (!wait_for_waiters(ch, 0, 1))
				_exit(1);
			ops[i] = GOCHAN_SEND(ch, msg, MIB);
		}
		ops[i - 1].buf = (unsigned long)never.map + n * MIB;
		*attackers = (struct attacker){
			.run = run_ordered_select,
			.ch = ops[0].fd,
			.buf = ops,
			.len = RECEIVERS,
		};
		start(attackers);
		count_stalled(attackers++);
		ops += RECEIVERS;
	}
}

FIXTURE(memory) {
	long before;
	pid_t pid;
};

FIXTURE_VARIANT(memory) {
	void (*alloc)(void);
	bool stalls;
	bool holds_nothing;
};

FIXTURE_VARIANT_ADD(memory, channels) {
	.alloc = alloc_channels,
};

FIXTURE_VARIANT_ADD(memory, small_buffers) {
	.alloc = alloc_small_buffers,
};

FIXTURE_VARIANT_ADD(memory, medium_buffers) {
	.alloc = alloc_medium_buffers,
};

FIXTURE_VARIANT_ADD(memory, large_buffers) {
	.alloc = alloc_large_buffers,
};

FIXTURE_VARIANT_ADD(memory, by_senders) {
	.alloc = alloc_by_senders,
};

FIXTURE_VARIANT_ADD(memory, by_fixed) {
	.alloc = alloc_by_fixed,
};

FIXTURE_VARIANT_ADD(memory, by_huge_write) {
	.alloc = alloc_by_huge_write,
};

FIXTURE_VARIANT_ADD(memory, by_selects) {
	.alloc = alloc_by_selects,
};

FIXTURE_VARIANT_ADD(memory, by_receiving_selects) {
	.alloc = alloc_by_receiving_selects,
};

FIXTURE_VARIANT_ADD(memory, by_files) {
	.alloc = alloc_by_files,
};

FIXTURE_VARIANT_ADD(memory, by_stalled_senders) {
	.alloc = alloc_by_stalled_senders, .stalls = true, .holds_nothing = true,
};

FIXTURE_VARIANT_ADD(memory, by_stalled_peekers) {
	.alloc = alloc_by_stalled_peekers, .stalls = true,
};

FIXTURE_VARIANT_ADD(memory, by_requeueing) {
	.alloc = alloc_by_requeueing, .stalls = true,
};

FIXTURE_VARIANT_ADD(memory, by_undeliverable_sends) {
	.alloc = alloc_by_undeliverable_sends, .stalls = true,
};

/* Kernel memory of the attacker's cgroup, with kernel stacks and page tables. */
static long kernel_bytes(void)
{
	char text[8192];
	const char *line;

	if (read_text(CGROUP "/memory.stat", text, sizeof(text)) < 0)
		return -1;
	line = strstr(text, "\nkernel ");
	return line ? strtol(line + strlen("\nkernel "), NULL, 10) : -1;
}

/* The initial value. Newer kernels update the statistics with up to two seconds delay. */
static long kernel_bytes_begin(void)
{
	const struct wait wait = wait_begin();
	long bytes;

	do {
		bytes = kernel_bytes();
	} while (!bytes && wait_more(&wait));
	return bytes;
}

static struct progress *share_progress(void)
{
	struct progress *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
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
	save_limits();
	progress = share_progress();
	ASSERT_NE(NULL, progress);
	ASSERT_EQ(0, set_param("max_user_bytes", ATTACK_BYTES));
	ASSERT_EQ(0, set_param("max_user_channels", ATTACK_CHANNELS));
	ASSERT_EQ(0, make_cgroup());
}

FIXTURE_TEARDOWN(memory)
{
	restore();
	rmdir(CGROUP);
}

static void attack(void (*alloc)(void), bool stalls)
{
	const struct rlimit files = { 2 * ATTACK_CHANNELS, 2 * ATTACK_CHANNELS };

	if (join_cgroup() || setrlimit(RLIMIT_NOFILE, &files))
		_exit(1);
	if (stalls)
		prepare_stall();
	if (become(USER))
		_exit(1);
	alloc();
	__atomic_store_n(&progress->complete, true, __ATOMIC_SEQ_CST);
	for (;;)
		pause();
}

/* Without a time limit; false if the attacker has died. */
static bool wait_complete(pid_t pid)
{
	siginfo_t info = {};

	while (!__atomic_load_n(&progress->complete, __ATOMIC_SEQ_CST)) {
		if (waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid)
			return false;
		sched_yield();
	}
	return true;
}

/* Wait until so many MiB can be charged: uncharging may be asynchronous. */
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
 * R19: every way of exhausting memory is refused with EDQUOT in the end, or holds
 * nothing, and is bounded: by twice the limit and one message more, doubled because
 * the allocator may round up to twice what is charged, and red zones of a debugging
 * kernel to more; and 64 KiB for each thread, for its stack, page tables, files and
 * messages on the stack. Other users are not
 * affected meanwhile. When the attacker is killed everything is freed.
 */
TEST_F(memory, r19_bounded)
{
	const long most = variant->holds_nothing ? MIB : 2 * (2 * ATTACK_BYTES + MIB);
	long bytes;

	self->pid = child();
	if (!self->pid)
		attack(variant->alloc, variant->stalls);
	EXPECT_TRUE(wait_complete(self->pid));
	bytes = kernel_bytes();
	TH_LOG("%ld attempts succeeded, by %ld threads, %ld KiB; %s", progress->successes,
	       progress->tasks, bytes / KIB, strerrorname_np(-progress->error) ?: "not refused");
	EXPECT_EQ(variant->holds_nothing ? 0 : -EDQUOT, progress->error);
	EXPECT_LE(0, bytes);
	EXPECT_GE(most + progress->tasks * 64 * KIB, bytes);
	EXPECT_TRUE(others_unaffected());
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
	save_limits();
}

FIXTURE_TEARDOWN(hostile)
{
	restore();
}

/* A receiver that stalls when it copies another user's message. */
FIXTURE(stalled) {
};

FIXTURE_VARIANT(stalled) {
	bool results;
};

/* In its buffer. */
FIXTURE_VARIANT_ADD(stalled, payload) {
	.results = false,
};

/* In its struct gochan_op, which was present when the call began. */
FIXTURE_VARIANT_ADD(stalled, results) {
	.results = true,
};

FIXTURE_SETUP(stalled)
{
	save_limits();
	progress = share_progress();
	ASSERT_NE(NULL, progress);
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

static void run_op(struct attacker *attacker)
{
	attacker->ret = ops_select(attacker->ch, attacker->op, 1, 0);
}

/* Copy the op to @page, which becomes present. */
static struct gochan_op *put_op(void *page, const struct gochan_op *op)
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

/* A blocked receive whose buffer, or whose op, is not present any more. */
static void start_stalled(struct attacker *attacker, int ch, unsigned int flags, bool results)
{
	static char room[MIB];
	struct gochan_op *op = calloc(1, sizeof(*op));
	char *place = never.map + progress->waiting * MIB;

	memset(room, 0, MIB);
	*op = GOCHAN_RECV(ch, results ? room : place, MIB);
	op->flags = flags;
	*attacker = (struct attacker){
		.run = results || flags ? run_op : run_read,
		.ch = ch,
		.buf = place,
		.len = MIB,
		.op = results ? put_op(place, op) : op,
	};
	start(attacker);
	wait_blocked(attacker);
	if (results && madvise(place, page_size(), MADV_DONTNEED))
		_exit(1);
	__atomic_add_fetch(&progress->waiting, 1, __ATOMIC_SEQ_CST);
}

/* Wait until a count of @progress has reached @n, or the attack was refused. */
static bool wait_progress(const long *count, long n)
{
	const struct wait wait = wait_begin();

	do {
		if (__atomic_load_n(count, __ATOMIC_SEQ_CST) >= n ||
		    __atomic_load_n(&progress->error, __ATOMIC_SEQ_CST))
			return true;
	} while (wait_more(&wait));
	return false;
}

/* Receivers of USER whose copy to user memory never completes. */
static void receive_stalled(int ch, bool results)
{
	struct attacker *attackers = calloc(TASKS, sizeof(*attackers));
	int i;

	prepare_stall();
	if (become(USER))
		_exit(1);
	for (i = 0; i < TASKS; i++)
		start_stalled(&attackers[i], ch, 0, results);
	for (;;)
		pause();
}

/* Send until no receiver is blocked. */
static bool send_all(int ch, const char *msg)
{
	const struct wait wait = wait_begin();

	do {
		if (ch_try_send(ch, msg, MIB) == -EAGAIN && !ch_info(ch).receivers_waiting)
			return true;
	} while (wait_more(&wait));
	return false;
}

/* Receive what is left until so many MiB can be charged. */
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
 * R9, R19: a receiver that stalls while copying another user's messages is
 * charged for them itself. Over its limit it does not get them, and once somebody
 * else has received these the sender's whole limit is available again.
 */
TEST_F(stalled, r9_r19_senders_limit)
{
	char *msg = calloc(1, MIB);
	pid_t pid;
	int ch;

	ch = ch_make(0, MIB, 0);
	ASSERT_LE(0, ch);
	pid = child();
	if (!pid)
		receive_stalled(ch, variant->results);
	ASSERT_TRUE(wait_progress(&progress->waiting, TASKS));
	ASSERT_TRUE(wait_for_waiters(ch, 0, TASKS));
	ASSERT_EQ(0, as_user(OTHER));
	EXPECT_TRUE(send_all(ch, msg));
	EXPECT_LE(ATTACK_BYTES / MIB - 1, (long)ch_info(ch).sent);
	EXPECT_TRUE(drain_until_limit_leaves(ch, msg, ATTACK_BYTES / MIB));
	ASSERT_EQ(0, as_root());
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
}

/* Peek at each message; those before it were received. */
static void peek_stalled(int ch, bool results)
{
	struct attacker *attackers = calloc(TASKS, sizeof(*attackers));
	int i;

	prepare_stall();
	if (become(USER))
		_exit(1);
	for (i = 0; i < TASKS && !progress->error; i++) {
		while (ch_info(ch).received != (unsigned int)i)
			sched_yield();
		start_stalled(&attackers[i], ch, GOCHAN_PEEK, results);
		count_stalled(&attackers[i]);
	}
	for (;;)
		pause();
}

/*
 * R9, R19: a peeker that stalls while copying another user's messages is charged
 * for those that it pins; the sender is uncharged when they are received. A peeker
 * that has copied the payload pins nothing.
 */
TEST_F(stalled, r9_r19_senders_limit_peek)
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
		ASSERT_TRUE(wait_progress(&progress->waiting, i + 1));
		job = job_send(BY_THREAD, ch, msg, MIB);
		ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
		ASSERT_TRUE(wait_progress(&progress->successes, i + 1));
		EXPECT_EQ(MIB, ch_recv(ch, buf, MIB));
		EXPECT_EQ(MIB, job_wait(job));
	}
	EXPECT_EQ(variant->results ? 0 : -EDQUOT, progress->error);
	EXPECT_TRUE(wait_kernel_bytes(before + ATTACK_BYTES + MIB + n * 64 * KIB));
	ASSERT_EQ(0, as_root());
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
}

/* Create names until that fails with @error. Returns how many. */
static int exhaust_names(int *error)
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
 * R19: a user can have max_user_named names and no more, and other users and root
 * can still create theirs. Creating and removing names repeatedly uses up nothing.
 */
TEST_F(hostile, s3_r19_names)
{
	int error, i, ch;

	ASSERT_EQ(0, as_user(USER));
	for (i = 0; i < 300; i++) {
		ch = ch_make_named(PREFIX "again", 0, 0600);
		ASSERT_LE(0, ch);
		ASSERT_EQ(0, ch_unlink(PREFIX "again"));
		close(ch);
	}
	EXPECT_EQ(param("max_user_named"), exhaust_names(&error));
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
 * S3: on another user's channel, whose mode lets others only send, an attacker
 * cannot change the name, owner, mode or rights, or close it.
 */
TEST_F(hostile, s3_other_users_channel)
{
	static const char *const path = FOLDER PREFIX "theirs";
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
		EXPECT_EQ(-EPERM, ch_unlink(PREFIX "theirs"));
		EXPECT_EQ(-EPERM, ch_link(mine, PREFIX "mine"));
		EXPECT_EQ(-EBUSY, ch_setup(mine, 1, 1, 0));
		EXPECT_EQ(-EBADF, ch_recv(mine, &st, sizeof(st)));
		EXPECT_EQ(-EACCES, error_of(open(path, O_RDWR)));
		EXPECT_EQ(-EACCES, reopen(getpid(), mine, O_RDWR));
		EXPECT_EQ(-EACCES, reopen(parent, theirs, O_RDWR));
		EXPECT_EQ(-EPERM, error_of(fchmod(mine, 0666)));
		EXPECT_EQ(-EPERM, error_of(chmod(path, 0666)));
		EXPECT_EQ(-EPERM, error_of(chown(path, USER, USER)));
		/* the directory is sticky */
		EXPECT_EQ(-EPERM, error_of(unlink(path)));
		EXPECT_EQ(-EPERM, error_of(rename(path, FOLDER PREFIX "b")));
		EXPECT_EQ(-EPERM, error_of(link(path, FOLDER PREFIX "b")));
		EXPECT_EQ(-EACCES, error_of(open(path, O_WRONLY | O_CREAT)));
		_exit(!_metadata->passed);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, stat(path, &st));
	EXPECT_EQ(0622U, st.st_mode & 07777);
	EXPECT_EQ((uid_t)OTHER, st.st_uid);
	EXPECT_EQ(0U, ch_info(theirs).closed);
	EXPECT_EQ(1U, ch_info(theirs).len);
}

/* ---- wait queues ---- */

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

struct crowd {
	int ch;
	pid_t pids[CROWD];
};

static bool crowd_waits(const struct crowd *crowd, bool send, int others)
{
	return wait_for_waiters(crowd->ch, send ? CROWD + others : 0, send ? 0 : CROWD + others);
}

static bool crowd_start(struct crowd *crowd, unsigned int capacity, bool send, void *buf)
{
	int i;

	crowd->ch = ch_make(capacity, 16, 0);
	if (crowd->ch < 0)
		return false;
	for (i = 0; i < CROWD; i++) {
		crowd->pids[i] = child();
		if (crowd->pids[i])
			continue;
		if (send)
			send_forever(crowd->ch);
		receive_forever(crowd->ch, buf);
	}
	return crowd_waits(crowd, send, 0);
}

static void crowd_end(const struct crowd *crowd)
{
	int i;

	for (i = 0; i < CROWD; i++)
		reap_killed(crowd->pids[i]);
}

/*
 * R7: many receivers that receive again at once do not overtake: a receiver that
 * was queued after them completes when each of them has completed once.
 */
TEST_F(hostile, r7_crowd_of_receivers)
{
	char buf[16], text[16];
	struct crowd crowd;
	struct job *job;
	int i;

	ASSERT_TRUE(crowd_start(&crowd, 0, false, buf));
	job = job_recv(BY_THREAD, crowd.ch, 16);
	ASSERT_TRUE(crowd_waits(&crowd, false, 1));
	for (i = 0; i <= CROWD; i++) {
		snprintf(text, sizeof(text), "%d", i);
		EXPECT_LT(0, send_text(crowd.ch, text));
		ASSERT_TRUE(crowd_waits(&crowd, false, i < CROWD));
	}
	EXPECT_STREQ(text, job_text(job));
	crowd_end(&crowd);
}

/* R7: the same for senders that wait for a free slot. */
TEST_F(hostile, r7_crowd_of_senders)
{
	const char *got = "";
	struct crowd crowd;
	struct job *job;
	int i;

	ASSERT_TRUE(crowd_start(&crowd, 1, true, NULL));
	job = job_send_text(BY_THREAD, crowd.ch, "other");
	ASSERT_TRUE(crowd_waits(&crowd, true, 1));
	for (i = 0; i <= CROWD + 1; i++) {
		EXPECT_STRNE("other", got);
		got = recv_text(crowd.ch);
		ASSERT_TRUE(crowd_waits(&crowd, true, i < CROWD));
	}
	EXPECT_STREQ("other", got);
	EXPECT_EQ(5, job_wait(job));
	crowd_end(&crowd);
}

/*
 * R7, R9: receivers whose buffers fault are queued ahead of another one: a message
 * is requeued past all of them, each of which fails once, and reaches it.
 */
TEST_F(hostile, r7_r9_faulting_receivers)
{
	struct crowd crowd;
	struct job *job;

	ASSERT_TRUE(crowd_start(&crowd, 0, false, (void *)4096));
	job = job_recv(BY_THREAD, crowd.ch, 16);
	ASSERT_TRUE(crowd_waits(&crowd, false, 1));
	EXPECT_EQ(5, send_text(crowd.ch, "other"));
	EXPECT_STREQ("other", job_text(job));
	EXPECT_TRUE(crowd_waits(&crowd, false, 0));
	EXPECT_EQ(1U, ch_info(crowd.ch).received);
	crowd_end(&crowd);
}

/* Pass a file, again and again. */
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

/* Receive with GOCHAN_TAKE_FD, which fails for want of a descriptor. */
static void decline_forever(int ch)
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
 * R7, R16: a sender that is queued at the front again because an accomplice
 * declines its file each time does not starve others: of every two messages that
 * are received at least one is from a sender behind it.
 */
TEST_F(hostile, r7_r16_declined_in_front)
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
		decline_forever(ch);
	for (i = 0; i < 8; i++)
		EXPECT_EQ(5, (int)strlen(recv_text(ch)));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(5, job_wait(jobs[i]));
	EXPECT_EQ(128 + SIGKILL, reap_killed(pids[1]));
	EXPECT_EQ(128 + SIGKILL, reap_killed(pids[0]));
}

/* ---- the cost to others ---- */

/* Microseconds of each second that realtime tasks, such as a hog, may run. */
#define RT_RUNTIME	"/proc/sys/kernel/sched_rt_runtime_us"

/* Threads of another process, on the other CPU, that wait by select or poll. */
static int nr_waiters = 400;

struct wait_setup {
	int own;	/* the attacker's channel, on which all wait */
	int shared;	/* the victim's channel, on which all wait as well */
	bool poll;
	pid_t *tids;	/* of each thread */
};

static int nr_tids;

static void *waiter_thread(void *arg)
{
	const struct wait_setup *setup = arg;
	struct pollfd pfd = { .fd = setup->shared, .events = POLLIN };
	struct gochan_op ops[2];
	char buf[16];

	__atomic_store_n(&setup->tids[__atomic_fetch_add(&nr_tids, 1, __ATOMIC_SEQ_CST)], gettid(),
			 __ATOMIC_SEQ_CST);
	if (setup->poll) {
		poll(&pfd, 1, -1);
		return arg;
	}
	ops[0] = GOCHAN_RECV(setup->own, buf, sizeof(buf));
	ops[1] = GOCHAN_RECV(setup->shared, buf, sizeof(buf));
	ops_select(setup->own, ops, 2, 0);
	return arg;
}

static void wait_all(const struct wait_setup *setup)
{
	pthread_attr_t attr;
	pthread_t thread;
	int i;

	if (!pin(pthread_self(), 1) || become(USER))
		_exit(1);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 32 * KIB);
	for (i = 0; i < nr_waiters; i++)
		if (pthread_create(&thread, &attr, waiter_thread, (void *)setup))
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

static pid_t start_waiters(struct wait_setup *setup)
{
	pid_t pid;

	setup->tids = mmap(NULL, nr_waiters * sizeof(*setup->tids), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (setup->tids == MAP_FAILED)
		return -1;
	pid = child();
	if (!pid)
		wait_all(setup);
	if (wait_asleep_all(setup->tids))
		return pid;
	reap_killed(pid);
	return -1;
}

/* The time to send one byte to @fd, while none of the waiters can run. */
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

/* The time of a send that finds only dead ops in the wait queue, and removes them. */
static long long time_past_dead(const struct wait_setup *setup)
{
	long long begin, ns = -1;
	pthread_t thread;

	if (!hog_start(&thread, 1))
		return -1;
	ch_close(setup->own);
	if (ch_info(setup->shared).receivers_waiting == (__u32)nr_waiters) {
		begin = now_ns();
		ns = ch_try_send(setup->shared, "a", 1) == 1 ? now_ns() - begin : -1;
	}
	if (ch_info(setup->shared).receivers_waiting)
		ns = -1;
	hog_end(thread);
	return ns;
}

/* The time of a send to a channel where all queued selects were claimed by another. */
static long long time_with_dead(void)
{
	struct wait_setup setup = { .own = ch_make(0, 16, 0), .shared = ch_make(2, 16, 0) };
	const pid_t pid = start_waiters(&setup);
	const long long ns = pid < 0 ? -1 : time_past_dead(&setup);

	if (pid > 0)
		reap_killed(pid);
	close(setup.own);
	close(setup.shared);
	return ns;
}

static long long time_with_pollers(int fds[2])
{
	struct wait_setup setup = { .own = -1, .shared = fds[0], .poll = true };
	const pid_t pid = start_waiters(&setup);
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

/* Negative times are other failures. */
static bool is_too_slow(long long dead, long long polled, long long of_pipe)
{
	return dead >= 0 && polled >= 0 && of_pipe >= 0 && (dead > of_pipe || polled > 2 * of_pipe);
}

/*
 * R14: the victim's send comes across one dead op for each thread of the attacker,
 * and removes it. Each costs less than a poller of a pipe costs a writer: so many
 * selects delay nobody more than as many pollers can delay a pipe's writer. R13:
 * pollers of a channel cost at most twice that.
 */
TEST_F(hostile, r13_r14_cost_of_waiters)
{
	long long dead = 1LL << 62, polled = dead, of_pipe = dead;
	const char *divisor = getenv("GOCHAN_SCALE_DOWN");	/* as in scale.c */
	int fds[2], i;

	if (divisor)
		nr_waiters /= atoi(divisor);
	ASSERT_TRUE(pin(pthread_self(), 0));
	ASSERT_EQ(0, write_text(RT_RUNTIME, "-1"));
	/* the minimum of three, or of more while the machine is busy */
	for (i = 0; i < 3 || (i < 30 && is_too_slow(dead, polled, of_pipe)); i++) {
		dead = shorter(dead, time_with_dead());
		ASSERT_EQ(0, ch_pair(fds, 2, 16, 0));
		polled = shorter(polled, time_with_pollers(fds));
		ASSERT_EQ(0, pipe(fds));
		of_pipe = shorter(of_pipe, time_with_pollers(fds));
	}
	ASSERT_EQ(0, write_text(RT_RUNTIME, "950000"));
	TH_LOG("%d of each: dead ops %lld us, pollers %lld us, pipe pollers %lld us", nr_waiters,
	       dead / 1000, polled / 1000, of_pipe / 1000);
	EXPECT_LE(0, dead);
	EXPECT_LE(0, polled);
	EXPECT_LE(0, of_pipe);
	EXPECT_FALSE(is_too_slow(dead, polled, of_pipe));
}

#define TRIES		300
#define ROUNDS		40

/* The time to send and receive a message: the minimum of many attempts. */
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
 * R9: a message that the attacker could not copy, so that it was requeued, does
 * not slow down other channels: less than twice the time.
 */
TEST_F(hostile, r9_cost_of_requeued)
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

/* A handle in flight in a cycle of sockets, which only garbage collection frees. */
static void pass_in_cycle(int ch)
{
	int socks[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, socks) || send_fd(socks[0], ch) ||
	    send_fd(socks[0], socks[0]) || send_fd(socks[0], socks[1]))
		_exit(1);
	close(socks[0]);
	close(socks[1]);
}

/* Two channels, each being sent over the other, and no descriptor of either. */
static void pass_crosswise(void)
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

/* Everything that pins the module, or might. */
static void pin_module(int ready)
{
	const int ch = ch_make_named(PREFIX "pinned", 4, 0600);
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
	open(FOLDER PREFIX "user", O_PATH);
	inotify_add_watch(inotify_init1(0), FOLDER PREFIX "user", IN_ALL_EVENTS);
	mkdir(FOLDER PREFIX "dir", 0700);
	send_text(ch, "a");
	pass_in_cycle(ch_make(0, 16, 0));
	pass_crosswise();
	if (chdir(FOLDER PREFIX "dir") || write(ready, "r", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* Closing a socket triggers the garbage collection of those in flight. */
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
 * DESIGN 3: a user's handles and names pin the module, but no longer than the
 * user's processes and names exist.
 */
TEST_F(hostile, s3_module_unloads)
{
	int ready[2];
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(ready));
	pid = child();
	if (!pid)
		pin_module(ready[1]);
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &c, 1));
	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	EXPECT_EQ(0, ch_unlink(PREFIX "pinned"));
	EXPECT_EQ(0, ch_unlink(PREFIX "user"));
	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	EXPECT_EQ(0, wait_unload());
	EXPECT_EQ(0, module_load(""));
}

/* ---- information leaks ---- */

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

/* Leave secrets in memory that was used for each kind of message storage. */
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

/* The op is unchanged but for the fields that a receive writes. */
static bool op_unchanged(const struct gochan_op *op, const struct gochan_op *was, int result)
{
	struct gochan_op expected = *was;

	expected.result = result;
	expected.len = op->len;
	if (op->passed_fd == -1)
		expected.passed_fd = -1;
	return !memcmp(op, &expected, sizeof(expected));
}

/* A RECV op into a larger buffer writes the message and not a byte more. */
static bool receives_only_message(int ch, unsigned long cmd, unsigned int flags, unsigned int len)
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
	if (ioctl(ch, cmd, &call) < 0 || op.len != len || !op_unchanged(&op, &was, was.result) ||
	    call.reserved || has_secret(buf, sizeof(buf)))
		return false;
	for (i = len; i < sizeof(buf); i++)
		if (buf[i] != 0xa5)
			return false;
	return true;
}

/*
 * R20: short messages in memory that held another user's long ones: a receive
 * writes the message and the documented fields of the op, and not a byte more.
 */
TEST_F(hostile, r20_no_stale_data)
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
			EXPECT_TRUE(receives_only_message(ch, GOCHAN_IOC_SELECT, GOCHAN_PEEK, len));
			EXPECT_TRUE(receives_only_message(ch, k & 4 ? GOCHAN_IOC_SELECT :
								 GOCHAN_IOC_BATCH, 0, len));
		}
		close(ch);
		ASSERT_EQ(0, as_root());
	}
}

/*
 * R20: an op that fails writes its result and nothing else, and INFO and fdinfo
 * contain nothing of another user's.
 */
TEST_F(hostile, r20_errors_leak_nothing)
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
		EXPECT_TRUE(op_unchanged(&op, &was, -EAGAIN));
		EXPECT_EQ(sizeof(buf), op.len);
		was.opcode = 5;
		op = was;
		EXPECT_EQ(-EINVAL, ops_batch(ch, &op, 1, 0));
		EXPECT_TRUE(op_unchanged(&op, &was, -EINVAL));
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
 * R20: inotify does not report when others use unnamed channels, so a watch on
 * /dev/gochan or on a duplicate shows nothing.
 */
TEST_F(hostile, r20_no_inotify_events)
{
	const unsigned int mask = IN_ACCESS | IN_MODIFY | IN_CLOSE | IN_ATTRIB;
	const int watch = inotify_init1(IN_NONBLOCK);
	char event[256];
	int ch, fds[2];

	ASSERT_EQ(0, as_user(USER));
	ASSERT_LE(0, inotify_add_watch(watch, "/dev/gochan", mask));
	ASSERT_EQ(0, as_root());
	ch = ch_make(1, 16, 0);
	ASSERT_EQ(0, ch_pair(fds, 1, 16, 0));
	EXPECT_EQ(5, send_text(ch, "quiet"));
	EXPECT_STREQ("quiet", recv_text(ch));
	EXPECT_EQ(5, send_text(fds[1], "quiet"));
	EXPECT_STREQ("quiet", recv_text(fds[0]));
	close(ch);
	EXPECT_EQ(-1, read(watch, event, sizeof(event)));
	EXPECT_EQ(EAGAIN, errno);
	/* the watch works: a change of the mode is reported */
	EXPECT_EQ(0, chmod("/dev/gochan", 0666));
	EXPECT_LT(0, read(watch, event, sizeof(event)));
	close(watch);
}

/* ---- overflow ---- */

/*
 * R19, R20: without limits on sizes the limit on bytes still holds, and no product
 * of capacity and size overflows: each exceeds the limit or, for root, the
 * available memory. What was refused is not charged.
 */
TEST_F(hostile, r19_r20_overflow)
{
	static const unsigned int large[] = {
		~0U, ~0U - 3, ~0U - 39, ~0U - 40, ~0U - 41, 1U << 31, (1U << 31) - 1, 1U << 30,
	};
	/* not on the stack, above which there may be less than that */
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
