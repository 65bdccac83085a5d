// SPDX-License-Identifier: GPL-2.0
/*
 * R9, R16: ops whose memory is there when a call begins, and cannot be written
 * any more when its results are: the payload's own memory is memory.c's.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#define LONGEST		5000U

/* How often that may come too late that should come in between. */
#define ATTEMPTS	20

/* No descriptor, and not what the module writes for none. */
#define NO_FD		(-77)

/*
 * A call of one op by another thread. The op has two pages of its own, the
 * second of which begins with what tells of the sender.
 */
struct call_of_one {
	int ch;
	unsigned long cmd;
	char *pages;
	struct gochan_op *op;
	pthread_t thread;
	pid_t tid;
	int ret;
};

static void *call_of_one_run(void *arg)
{
	struct call_of_one *c = arg;

	__atomic_store_n(&c->tid, gettid(), __ATOMIC_SEQ_CST);
	c->ret = ops_call(c->ch, c->cmd, c->op, 1, 0, NULL);
	return NULL;
}

static void one_start(struct call_of_one *c, int ch, unsigned long cmd, struct gochan_op op)
{
	c->ch = ch;
	c->cmd = cmd;
	c->pages = map_pages(2);
	c->op = (void *)(c->pages + page_size() - offsetof(struct gochan_op, pid));
	*c->op = op;
	c->tid = 0;
	if (pthread_create(&c->thread, NULL, call_of_one_run, c))
		abort();
	while (!__atomic_load_n(&c->tid, __ATOMIC_SEQ_CST))
		sched_yield();
}

/* What it returns when its op was done: an index, or a count. */
static int done(unsigned long cmd)
{
	return cmd == GOCHAN_IOC_BATCH;
}

static int one_end(struct call_of_one *c)
{
	pthread_join(c->thread, NULL);
	return c->ret;
}

/* The op can be read from here on, and not be written. */
static bool freeze(const struct call_of_one *c)
{
	return !mprotect(c->pages, 2 * page_size(), PROT_READ);
}

/* The same for what tells of the sender. */
static bool freeze_sender(const struct call_of_one *c)
{
	return !mprotect(c->pages + page_size(), page_size(), PROT_READ);
}

/* It can be written, and is all zeroes. */
static bool forget(const struct call_of_one *c)
{
	return !madvise(c->pages, 2 * page_size(), MADV_DONTNEED);
}

FIXTURE(vanish) {
	char msg[LONGEST];
	char buf[LONGEST];
};

FIXTURE_VARIANT(vanish) {
	unsigned long cmd;
	unsigned int len;
};

FIXTURE_VARIANT_ADD(vanish, select_small) {
	.cmd = GOCHAN_IOC_SELECT, .len = 4,
};

FIXTURE_VARIANT_ADD(vanish, select_large) {
	.cmd = GOCHAN_IOC_SELECT, .len = LONGEST,
};

FIXTURE_VARIANT_ADD(vanish, batch_small) {
	.cmd = GOCHAN_IOC_BATCH, .len = 4,
};

FIXTURE_VARIANT_ADD(vanish, batch_large) {
	.cmd = GOCHAN_IOC_BATCH, .len = LONGEST,
};

FIXTURE_SETUP(vanish)
{
	fill(self->msg, LONGEST, variant->len);
}

FIXTURE_TEARDOWN(vanish)
{
}

/* R9: whose results cannot be written, received nothing: the next one does. */
TEST_F(vanish, r9_asleep)
{
	const unsigned int len = variant->len;
	struct call_of_one c;
	int ch, half;

	for (half = 0; half < 2; half++) {
		ch = ch_make(0, LONGEST, GOCHAN_CRED);
		ASSERT_LE(0, ch);
		one_start(&c, ch, variant->cmd,
			  (struct gochan_op)GOCHAN_RECV(ch, self->buf, LONGEST));
		ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
		ASSERT_TRUE(half ? freeze_sender(&c) : freeze(&c));
		EXPECT_EQ(len, ch_send(ch, self->msg, len));
		EXPECT_EQ(-EFAULT, one_end(&c));
		/* a call that is repeated finds its room as it was */
		EXPECT_EQ(LONGEST, c.op->len);
		EXPECT_EQ(0, c.op->pid);
		EXPECT_EQ(1U, ch_info(ch).len);
		EXPECT_TRUE(no_waiters(ch));
		memset(self->buf, 0, LONGEST);
		EXPECT_EQ(len, ch_try_recv(ch, self->buf, LONGEST));
		EXPECT_TRUE(is_filled(self->buf, len, len));
	}
}

/* R9: memory that came anew has the results, and nothing else. */
TEST_F(vanish, r9_comes_back)
{
	const int ch = ch_make(0, LONGEST, 0);
	struct gochan_op op = GOCHAN_RECV(ch, self->buf, LONGEST);
	struct call_of_one c;

	ASSERT_LE(0, ch);
	one_start(&c, ch, variant->cmd, op);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	ASSERT_TRUE(forget(&c));
	EXPECT_EQ(variant->len, ch_send(ch, self->msg, variant->len));
	EXPECT_EQ(done(variant->cmd), one_end(&c));
	EXPECT_EQ(variant->len, c.op->len);
	EXPECT_EQ(-1, c.op->passed_fd);
	EXPECT_EQ(0U, c.op->flags);
	EXPECT_TRUE(is_filled(self->buf, variant->len, variant->len));
	EXPECT_EQ(0U, ch_info(ch).len);
}

/* R9: likewise who peeks, and the message stays. */
TEST_F(vanish, r9_peek)
{
	const unsigned int len = variant->len;
	struct gochan_op op;
	struct call_of_one c;
	int ch, again;

	for (again = 0; again < 2; again++) {
		ch = ch_make(1, LONGEST, 0);
		ASSERT_LE(0, ch);
		op = (struct gochan_op)GOCHAN_RECV(ch, self->buf, LONGEST);
		op.flags = GOCHAN_PEEK;
		one_start(&c, ch, variant->cmd, op);
		ASSERT_TRUE(wait_asleep(c.tid));
		ASSERT_TRUE(again ? forget(&c) : freeze(&c));
		EXPECT_EQ(len, ch_send(ch, self->msg, len));
		EXPECT_EQ(again ? done(variant->cmd) : -EFAULT, one_end(&c));
		EXPECT_EQ(again ? len : LONGEST, c.op->len);
		EXPECT_EQ(1U, ch_info(ch).len);
		EXPECT_EQ(len, ch_try_recv(ch, self->buf, LONGEST));
		EXPECT_TRUE(is_filled(self->buf, len, len));
	}
}

/* R14: who sent, sent: there is nobody to tell, and no way back. */
TEST_F(vanish, r1_r14_send)
{
	const int ch = ch_make(0, LONGEST, 0);
	const unsigned int len = variant->len;
	struct gochan_op op = GOCHAN_SEND(ch, self->msg, len);
	struct call_of_one c;

	ASSERT_LE(0, ch);
	op.result = UNTOUCHED;
	one_start(&c, ch, variant->cmd, op);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	ASSERT_TRUE(freeze(&c));
	EXPECT_EQ(len, ch_recv(ch, self->buf, LONGEST));
	EXPECT_TRUE(is_filled(self->buf, len, len));
	EXPECT_EQ(done(variant->cmd), one_end(&c));
	EXPECT_EQ(UNTOUCHED, c.op->result);
}

/* R14: an event that came, came. */
TEST_F(vanish, r14_poll)
{
	const int ch = ch_make(0, LONGEST, 0), event = eventfd(0, 0);
	struct gochan_op op = GOCHAN_POLL(event, POLLIN);
	struct call_of_one c;

	ASSERT_LE(0, ch);
	one_start(&c, ch, variant->cmd, op);
	ASSERT_TRUE(wait_asleep(c.tid));
	ASSERT_TRUE(freeze(&c));
	ASSERT_EQ(0, eventfd_write(event, 1));
	EXPECT_EQ(done(variant->cmd), one_end(&c));
	EXPECT_EQ(POLLIN, c.op->events);
}

/* ---- the number of a descriptor ---- */

static int status_number(const char *what)
{
	char text[4096];
	const char *line;

	if (read_text("/proc/self/status", text, sizeof(text)) < 0)
		abort();
	line = strstr(text, what);
	if (!line)
		abort();
	return atoi(line + strlen(what));
}

static unsigned int open_descriptors(void)
{
	unsigned int fd, n = 0;

	for (fd = 0; fd < 4096; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/*
 * The next descriptor makes the table of them grow, and that takes the kernel a
 * while (an RCU grace period) if threads share the table.
 */
static void fill_table(void)
{
	const int size = status_number("\nFDSize:");
	int fd;

	do {
		fd = fcntl(0, F_DUPFD, 0);
		if (fd < 0)
			abort();
	} while (fd < size - 1);
}

/*
 * A receiver that takes a file, and whose op cannot be written any more when
 * the file has got its descriptor.
 */
static int take_frozen(int ch, char *buf)
{
	struct gochan_op op = GOCHAN_RECV(ch, buf, LONGEST);
	struct call_of_one c;

	op.flags = GOCHAN_TAKE_FD;
	op.passed_fd = NO_FD;
	one_start(&c, ch, GOCHAN_IOC_SELECT, op);
	/* the rest of the results is there */
	while (__atomic_load_n(&c.op->passed_fd, __ATOMIC_SEQ_CST) == NO_FD)
		;
	freeze(&c);
	return one_end(&c);
}

static int take(int ch, char *buf)
{
	struct gochan_op op = GOCHAN_RECV(ch, buf, LONGEST);
	int ret;

	op.flags = GOCHAN_TAKE_FD;
	ret = ops_select(ch, &op, 1, 0);
	return ret ? ret : op.passed_fd;
}

enum attempt { REFUSED, IN_TIME, WRONG };

/* A file is passed to a receiver that freezes, and then to another. */
static enum attempt take_twice(int ch, char *msg, char *buf, unsigned int len)
{
	struct gochan_op op = GOCHAN_SEND(ch, msg, len);
	struct call_of_one sender;
	unsigned int before;
	int ends[2];

	if (pipe(ends))
		abort();
	op.flags = GOCHAN_PASS_FD;
	op.passed_fd = ends[1];
	one_start(&sender, ch, GOCHAN_IOC_SELECT, op);
	if (!wait_for_waiters(ch, 1, 0))
		return WRONG;
	fill_table();
	before = open_descriptors();
	if (take_frozen(ch, buf) == 0)
		return IN_TIME;
	if (open_descriptors() != before || !wait_for_waiters(ch, 1, 0) ||
	    ch_info(ch).sent != ch_info(ch).received)
		return WRONG;
	memset(buf, 0, len);
	if (take(ch, buf) < 0 || one_end(&sender) || !is_filled(buf, len, len))
		return WRONG;
	return REFUSED;
}

/* R16: who cannot be told the number leaves the message, and has no file. */
TEST_F(vanish, r9_r16_number)
{
	enum attempt attempt = IN_TIME;
	int i, ch;
	pid_t pid;

	for (i = 0; i < ATTEMPTS && attempt == IN_TIME; i++) {
		ch = ch_make(0, LONGEST, 0);
		ASSERT_LE(0, ch);
		pid = child();
		if (!pid)
			_exit(take_twice(ch, self->msg, self->buf, variant->len));
		attempt = reap(pid);
		close(ch);
	}
	EXPECT_EQ(REFUSED, attempt) {
		TH_LOG("after %d attempts", i);
	}
}

TEST_HARNESS_MAIN
