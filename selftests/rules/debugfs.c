// SPDX-License-Identifier: GPL-2.0
/*
 * R22: gochan/channels and gochan/waiters in debugfs.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define DEBUG		"/tmp/" PREFIX "debugfs"
#define CHANNELS	DEBUG "/gochan/channels"
#define WAITERS		DEBUG "/gochan/waiters"
#define NAME		PREFIX "debugfs"
#define TEXT_SIZE	(1 << 20)

static char text[TEXT_SIZE];

FIXTURE(debugfs) {
};

FIXTURE_SETUP(debugfs)
{
	const struct rlimit files = { .rlim_cur = 4096, .rlim_max = 4096 };

	umount2(DEBUG, MNT_DETACH);
	ASSERT_TRUE(!mkdir(DEBUG, 0755) || errno == EEXIST);
	ASSERT_EQ(0, mount("debugfs", DEBUG, "debugfs", 0, "mode=0755"));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
}

FIXTURE_TEARDOWN(debugfs)
{
	umount2(DEBUG, MNT_DETACH);
	rmdir(DEBUG);
	unlink_all();
}

/* Read a file, in reads of @piece bytes; false if that fails. */
static bool read_pieces(const char *path, size_t piece)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return false;
	do {
		n = read(fd, text + len, piece < sizeof(text) - len ?
					 piece : sizeof(text) - 1 - len);
		if (n > 0)
			len += n;
	} while (n > 0);
	text[len] = '\0';
	close(fd);
	return !n && len < sizeof(text) - 1;
}

/* Does the text that was read last contain this line? */
static bool has_line(const char *format, ...)
{
	char line[512] = "\n";
	va_list args;
	size_t len;

	va_start(args, format);
	vsnprintf(line + 1, sizeof(line) - 1, format, args);
	va_end(args);
	strcat(line, "\n");
	len = strlen(line + 1);
	return strstr(text, line) || (strlen(text) >= len && !memcmp(text, line + 1, len));
}

/* Is there a line of this channel, with so many dead letters and notices? */
static bool lists_forwarded(int ch, unsigned int dead_letters, unsigned int notices)
{
	static const char format[] =
		"%llu %u %u 0x%x %u %u %llu %u %u %u %u %u %u %u %llu %llu %llu %llu %llu %llu";
	const struct gochan_info i = ch_info(ch);

	return has_line(format, i.id, i.capacity, i.msg_size, i.flags, i.closed, i.len, i.bytes,
			i.leased, dead_letters, notices, i.send_handles, i.recv_handles,
			i.senders_waiting, i.receivers_waiting, i.sent, i.received, i.requeued,
			i.dropped, i.send_blocked, i.recv_blocked);
}

static bool lists(int ch)
{
	return lists_forwarded(ch, 0, 0);
}

/* R22: every channel has a line: unnamed, in transit, named, and named without handles. */
TEST_F(debugfs, r22_channels)
{
	const int ch = ch_make(3, 100, GOCHAN_CRED), named = ch_make_named(NAME, 2, 0600);
	struct gochan_info info;
	struct job *job;

	ASSERT_LE(0, ch);
	ASSERT_LE(0, named);
	ASSERT_EQ(2, send_text(ch, "ab"));
	ASSERT_EQ(1, send_text(named, "a"));
	job = job_send_text(BY_THREAD, ch_make(0, 1, 0), "b");
	ASSERT_TRUE(wait_for_waiters(job->ch, 1, 0));
	ASSERT_TRUE(read_pieces(CHANNELS, sizeof(text)));
	EXPECT_TRUE(lists(ch));
	EXPECT_TRUE(lists(named));
	EXPECT_TRUE(lists(job->ch));
	EXPECT_STREQ("b", recv_text(job->ch));
	EXPECT_EQ(1, job_wait(job));
	info = ch_info(named);
	close(named);
	ASSERT_TRUE(read_pieces(CHANNELS, sizeof(text)));
	EXPECT_TRUE(has_line("%llu 2 4096 0x0 0 1 1 0 0 0 0 0 0 0 1 0 0 0 0 0", info.id));
	ASSERT_EQ(0, ch_unlink(NAME));
	ASSERT_TRUE(read_pieces(CHANNELS, sizeof(text)));
	EXPECT_FALSE(has_line("%llu 2 4096 0x0 0 1 1 0 0 0 0 0 0 0 1 0 0 0 0 0", info.id));
}

static bool wait_lists_forwarded(int ch, unsigned int dead_letters, unsigned int notices)
{
	const struct wait wait = wait_begin();

	do {
		if (read_pieces(CHANNELS, sizeof(text)) &&
		    lists_forwarded(ch, dead_letters, notices))
			return true;
	} while (wait_more(&wait));
	return false;
}

/*
 * R22: of an acknowledged channel, how many messages are leased, and how many are dead letters
 * and wait for a slot of the dead-letter channel.
 */
TEST_F(debugfs, r22_leases)
{
	const struct gochan_setup setup = {
		.capacity = 4, .msg_size = 16, .flags = GOCHAN_ACK | GOCHAN_DEADLETTER,
		.max_deliveries = 1, .dead_fd = ch_make(1, 16, 0),
	};
	const int ch = gochan_make_with(&setup);
	struct gochan_lease lease;
	char c;
	int i;

	ASSERT_LE(0, ch);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(1, send_text(ch, "a"));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(1, gochan_recv_lease(ch, &c, 1, NULL, &lease));
		if (i)
			ASSERT_EQ(0, gochan_requeue(ch, &lease));
	}
	EXPECT_EQ(1U, ch_info(ch).leased);
	EXPECT_TRUE(wait_lists_forwarded(ch, 2, 0));
	EXPECT_STREQ("a", recv_text(setup.dead_fd));
	EXPECT_TRUE(wait_lists_forwarded(ch, 1, 0));
}

/* R21, R22: how many messages are done, and wait until the done channel has their notices. */
TEST_F(debugfs, r21_r22_notices)
{
	const struct gochan_setup setup = {
		.capacity = 4, .msg_size = 16, .flags = GOCHAN_ACK | GOCHAN_DONE,
		.done_fd = ch_make(1, sizeof(struct gochan_done), 0),
	};
	const int ch = gochan_make_with(&setup);
	struct gochan_done done;
	int i;

	ASSERT_LE(0, ch);
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(1, send_text(ch, "a"));
		EXPECT_STREQ("a", recv_text(ch));
	}
	EXPECT_TRUE(wait_lists_forwarded(ch, 0, 3));
	EXPECT_EQ(sizeof(done), ch_recv(setup.done_fd, &done, sizeof(done)));
	EXPECT_TRUE(wait_lists_forwarded(ch, 0, 2));
}

/* R22: a line for each waiter, whoever it is. */
TEST_F(debugfs, r22_waiters)
{
	const int a = ch_make(0, 16, 0), b = ch_make(0, 16, 0);
	struct call *call = call_select(a);
	char start[128];
	pid_t pid;

	call_send(call, a, "a");
	call_start(call, BY_PROCESS);
	pid = child();
	if (!pid)
		_exit(become(USER) ? 1 : strlen(recv_text(b)));
	ASSERT_TRUE(wait_for_waiters(a, 1, 0));
	ASSERT_TRUE(wait_for_waiters(b, 0, 1));
	ASSERT_TRUE(read_pieces(WAITERS, sizeof(text)));
	snprintf(start, sizeof(start), "channel: %llu pid: %d tid: %d op: send select: 1 ",
		 ch_info(a).id, call->id, call->id);
	EXPECT_NE(NULL, strstr(text, start));
	snprintf(start, sizeof(start), "channel: %llu pid: %d tid: %d op: recv select: 0 ",
		 ch_info(b).id, pid, pid);
	EXPECT_NE(NULL, strstr(text, start));
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	EXPECT_EQ(-EINPROGRESS, call_kill(call));
	ASSERT_TRUE(read_pieces(WAITERS, sizeof(text)));
	snprintf(start, sizeof(start), "channel: %llu ", ch_info(a).id);
	EXPECT_EQ(NULL, strstr(text, start));
}

static void *receive_once(void *ch)
{
	char c;

	ch_recv((long)ch, &c, 1);
	return NULL;
}

/* R22: of many waiters on one channel 64 have a line, and the others are counted. */
TEST_F(debugfs, r22_crowd)
{
	const int ch = ch_make(0, 16, 0), n = 100;
	const pid_t pid = child();
	pthread_t thread;
	int i;

	ASSERT_LE(0, ch);
	if (!pid) {
		for (i = 0; i < n; i++)
			pthread_create(&thread, NULL, receive_once, (void *)(long)ch);
		pause();
	}
	ASSERT_TRUE(wait_for_waiters(ch, 0, n));
	ASSERT_TRUE(read_pieces(WAITERS, sizeof(text)));
	EXPECT_TRUE(has_line("channel: %llu more: %d", ch_info(ch).id, n - 64));
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
}

/* R22: waiters that die while they are listed: every line is a whole one. */
TEST_F(debugfs, r22_dying_waiters)
{
	const struct wait wait = wait_begin();
	const int ch = ch_make(0, 16, 0);
	int seen = 0, n, pid, tid;
	pid_t killer;
	char start[64];
	const char *line;

	ASSERT_LE(0, ch);
	killer = child();
	if (!killer)
		kill_waiters_forever(ch);
	snprintf(start, sizeof(start), "channel: %llu ", ch_info(ch).id);
	while (seen < 500) {
		ASSERT_TRUE(wait_more(&wait));
		ASSERT_TRUE(read_pieces(WAITERS, sizeof(text)));
		for (line = strstr(text, start); line; line = strstr(line + 1, start)) {
			n = sscanf(line + strlen(start), "pid: %d tid: %d op: recv ", &pid, &tid);
			ASSERT_EQ(2, n);
			/* 0 once it is dead */
			ASSERT_EQ(pid, tid);
			seen++;
		}
	}
	EXPECT_EQ(128 + SIGKILL, reap_killed(killer));
}

/* R22: root only. */
TEST_F(debugfs, r22_root_only)
{
	static const char *const paths[] = { CHANNELS, WAITERS };
	struct stat st;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		ASSERT_EQ(0, stat(paths[i], &st));
		EXPECT_EQ(S_IFREG | 0400U, st.st_mode);
		EXPECT_EQ(0U, st.st_uid);
		ASSERT_EQ(0, as_user(USER));
		EXPECT_EQ(-1, open(paths[i], O_RDONLY));
		EXPECT_EQ(EACCES, errno);
		ASSERT_EQ(0, as_root());
	}
}

static void make_channels_forever(void)
{
	int chs[8];
	size_t i;

	for (;;) {
		for (i = 0; i < ARRAY_SIZE(chs); i++)
			chs[i] = ch_make(1, 16, 0);
		for (i = 0; i < ARRAY_SIZE(chs); i++)
			close(chs[i]);
	}
}

/*
 * R22: many channels, read in small pieces while others come and go: each of those that
 * stay has one line, in the order of the ids.
 */
TEST_F(debugfs, r22_pieces)
{
	enum { N = 2000 };
	static unsigned long long ids[N];
	unsigned long long id, last = 0;
	int chs[N], i, found = 0;
	const char *line;
	pid_t pid;

	for (i = 0; i < N; i++) {
		chs[i] = ch_make(0, 16, 0);
		ASSERT_LE(0, chs[i]);
		ids[i] = ch_info(chs[i]).id;
	}
	pid = child();
	if (!pid)
		make_channels_forever();
	ASSERT_TRUE(read_pieces(CHANNELS, 100));
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	line = strchr(text, '\n');
	for (; line && line[1]; line = strchr(line + 1, '\n')) {
		id = strtoull(line + 1, NULL, 10);
		ASSERT_LT(last, id);
		last = id;
		if (found < N && id == ids[found])
			found++;
	}
	EXPECT_EQ(N, found);
}

TEST_HARNESS_MAIN
