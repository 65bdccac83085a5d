// SPDX-License-Identifier: GPL-2.0
/*
 * R9, R16: faults when results are written to struct gochan_op, whose memory was
 * writable when the call began. memory.c tests faults on the payload.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#define LONGEST		5000U

/* How often a race is tried again when it was lost. */
#define ATTEMPTS	20

/* Not a descriptor, and not the -1 that the module writes when there is none. */
#define NO_FD		(-77)

/*
 * A call of one op by another thread. The op lies across two pages, the second of
 * which begins with the sender's credentials.
 */
struct async_call {
	int ch;
	unsigned long cmd;
	char *pages;
	struct gochan_op *op;
	pthread_t thread;
	pid_t tid;
	int ret;
};

static void *call_thread(void *arg)
{
	struct async_call *c = arg;

	__atomic_store_n(&c->tid, gettid(), __ATOMIC_SEQ_CST);
	c->ret = ops_call(c->ch, c->cmd, c->op, 1, 0, NULL);
	return NULL;
}

static void async_start(struct async_call *c, int ch, unsigned long cmd, struct gochan_op op)
{
	c->ch = ch;
	c->cmd = cmd;
	c->pages = map_pages(2);
	c->op = (void *)(c->pages + page_size() - offsetof(struct gochan_op, pid));
	*c->op = op;
	c->tid = 0;
	if (pthread_create(&c->thread, NULL, call_thread, c))
		abort();
	while (!__atomic_load_n(&c->tid, __ATOMIC_SEQ_CST))
		sched_yield();
}

/* What the call returns on success: SELECT an index, BATCH a count. */
static int success(unsigned long cmd)
{
	return cmd == GOCHAN_IOC_BATCH;
}

static int async_wait(struct async_call *c)
{
	pthread_join(c->thread, NULL);
	return c->ret;
}

/* Make the op read-only. */
static bool protect(const struct async_call *c)
{
	return !mprotect(c->pages, 2 * page_size(), PROT_READ);
}

/* Make only the sender's credentials read-only. */
static bool protect_cred(const struct async_call *c)
{
	return !mprotect(c->pages + page_size(), page_size(), PROT_READ);
}

/* Discard the pages: the op stays writable, and is all zeroes. */
static bool discard(const struct async_call *c)
{
	return !madvise(c->pages, 2 * page_size(), MADV_DONTNEED);
}

FIXTURE(results) {
	char msg[LONGEST];
	char buf[LONGEST];
};

FIXTURE_VARIANT(results) {
	unsigned long cmd;
	unsigned int len;
};

FIXTURE_VARIANT_ADD(results, select_small) {
	.cmd = GOCHAN_IOC_SELECT, .len = 4,
};

FIXTURE_VARIANT_ADD(results, select_large) {
	.cmd = GOCHAN_IOC_SELECT, .len = LONGEST,
};

FIXTURE_VARIANT_ADD(results, batch_small) {
	.cmd = GOCHAN_IOC_BATCH, .len = 4,
};

FIXTURE_VARIANT_ADD(results, batch_large) {
	.cmd = GOCHAN_IOC_BATCH, .len = LONGEST,
};

FIXTURE_SETUP(results)
{
	fill(self->msg, LONGEST, variant->len);
}

FIXTURE_TEARDOWN(results)
{
}

/* R9: a blocked receive whose results cannot be written fails, and requeues the message. */
TEST_F(results, r9_blocked)
{
	const unsigned int len = variant->len;
	struct async_call c;
	int ch, half;

	for (half = 0; half < 2; half++) {
		ch = ch_make(0, LONGEST, GOCHAN_CRED);
		ASSERT_LE(0, ch);
		async_start(&c, ch, variant->cmd,
			    (struct gochan_op)GOCHAN_RECV(ch, self->buf, LONGEST));
		ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
		ASSERT_TRUE(half ? protect_cred(&c) : protect(&c));
		EXPECT_EQ(len, ch_send(ch, self->msg, len));
		EXPECT_EQ(-EFAULT, async_wait(&c));
		/* len is unchanged, so that the call can be repeated */
		EXPECT_EQ(LONGEST, c.op->len);
		EXPECT_EQ(0, c.op->pid);
		EXPECT_EQ(1U, ch_info(ch).len);
		EXPECT_TRUE(no_waiters(ch));
		memset(self->buf, 0, LONGEST);
		EXPECT_EQ(len, ch_try_recv(ch, self->buf, LONGEST));
		EXPECT_TRUE(is_filled(self->buf, len, len));
	}
}

/* R9: discarded memory gets the results, and nothing else. */
TEST_F(results, r9_discarded)
{
	const int ch = ch_make(0, LONGEST, 0);
	struct gochan_op op = GOCHAN_RECV(ch, self->buf, LONGEST);
	struct async_call c;

	ASSERT_LE(0, ch);
	async_start(&c, ch, variant->cmd, op);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	ASSERT_TRUE(discard(&c));
	EXPECT_EQ(variant->len, ch_send(ch, self->msg, variant->len));
	EXPECT_EQ(success(variant->cmd), async_wait(&c));
	EXPECT_EQ(variant->len, c.op->len);
	EXPECT_EQ(-1, c.op->passed_fd);
	EXPECT_EQ(0U, c.op->flags);
	EXPECT_TRUE(is_filled(self->buf, variant->len, variant->len));
	EXPECT_EQ(0U, ch_info(ch).len);
}

/* R9: the same for a peek, and the message stays. */
TEST_F(results, r9_peek)
{
	const unsigned int len = variant->len;
	struct gochan_op op;
	struct async_call c;
	int ch, discarded;

	for (discarded = 0; discarded < 2; discarded++) {
		ch = ch_make(1, LONGEST, 0);
		ASSERT_LE(0, ch);
		op = (struct gochan_op)GOCHAN_RECV(ch, self->buf, LONGEST);
		op.flags = GOCHAN_PEEK;
		async_start(&c, ch, variant->cmd, op);
		ASSERT_TRUE(wait_asleep(c.tid));
		ASSERT_TRUE(discarded ? discard(&c) : protect(&c));
		EXPECT_EQ(len, ch_send(ch, self->msg, len));
		EXPECT_EQ(discarded ? success(variant->cmd) : -EFAULT, async_wait(&c));
		EXPECT_EQ(discarded ? len : LONGEST, c.op->len);
		EXPECT_EQ(1U, ch_info(ch).len);
		EXPECT_EQ(len, ch_try_recv(ch, self->buf, LONGEST));
		EXPECT_TRUE(is_filled(self->buf, len, len));
	}
}

/* R14: a send that has completed succeeds even if its result cannot be written. */
TEST_F(results, r1_r14_send)
{
	const int ch = ch_make(0, LONGEST, 0);
	const unsigned int len = variant->len;
	struct gochan_op op = GOCHAN_SEND(ch, self->msg, len);
	struct async_call c;

	ASSERT_LE(0, ch);
	op.result = UNTOUCHED;
	async_start(&c, ch, variant->cmd, op);
	ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
	ASSERT_TRUE(protect(&c));
	EXPECT_EQ(len, ch_recv(ch, self->buf, LONGEST));
	EXPECT_TRUE(is_filled(self->buf, len, len));
	EXPECT_EQ(success(variant->cmd), async_wait(&c));
	EXPECT_EQ(UNTOUCHED, c.op->result);
}

/* R14: the same for a poll op. */
TEST_F(results, r14_poll)
{
	const int ch = ch_make(0, LONGEST, 0), event = eventfd(0, 0);
	struct gochan_op op = GOCHAN_POLL(event, POLLIN);
	struct async_call c;

	ASSERT_LE(0, ch);
	async_start(&c, ch, variant->cmd, op);
	ASSERT_TRUE(wait_asleep(c.tid));
	ASSERT_TRUE(protect(&c));
	ASSERT_EQ(0, eventfd_write(event, 1));
	EXPECT_EQ(success(variant->cmd), async_wait(&c));
	EXPECT_EQ(POLLIN, c.op->events);
}

/* ---- the numbers of a lease ---- */

/* Lease the message by a SELECT or BATCH of one op; -errno, 0 or 1. */
static int lease(int ch, unsigned long cmd, struct gochan_op *op, char *buf)
{
	*op = (struct gochan_op)GOCHAN_RECV(ch, buf, LONGEST);
	return ops_call(ch, cmd, op, 1, 0, NULL);
}

static int acknowledge(int ch, const struct gochan_op *op)
{
	const struct gochan_ack ack = { .lease = op->lease };

	return ioctl(ch, GOCHAN_IOC_ACK, &ack) ? -errno : 0;
}

/*
 * R9, R21: where they cannot be written, which are in another page than the other results, the
 * message is not leased; where their page is only made present, it is.
 */
TEST_F(results, r9_r21_lease)
{
	const int ch = ch_make(1, variant->len, GOCHAN_ACK);
	char *pages = map_pages(2), *second = pages + page_size();
	struct gochan_op *op = (void *)(second - offsetof(struct gochan_op, deliveries)), first;

	ASSERT_EQ(variant->len, ch_send(ch, self->msg, variant->len));
	/* the next receive is not the first of its owner, so that it may take the fast path */
	ASSERT_EQ(success(variant->cmd), lease(ch, variant->cmd, &first, self->buf));
	ASSERT_EQ(0, acknowledge(ch, &first));
	ASSERT_EQ(variant->len, ch_send(ch, self->msg, variant->len));

	*op = (struct gochan_op)GOCHAN_RECV(ch, self->buf, LONGEST);
	ASSERT_EQ(0, mprotect(second, page_size(), PROT_READ));
	EXPECT_EQ(-EFAULT, ops_call(ch, variant->cmd, op, 1, 0, NULL));
	EXPECT_EQ(LONGEST, op->len);
	EXPECT_EQ(0ULL, op->lease);
	EXPECT_EQ(0U, ch_info(ch).leased);
	EXPECT_EQ(1U, ch_info(ch).len);

	ASSERT_EQ(0, mprotect(second, page_size(), PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, madvise(second, page_size(), MADV_DONTNEED));
	memset(self->buf, 0, LONGEST);
	EXPECT_EQ(success(variant->cmd), ops_call(ch, variant->cmd, op, 1, 0, NULL));
	EXPECT_EQ(variant->len, op->len);
	EXPECT_TRUE(is_filled(self->buf, variant->len, variant->len));
	EXPECT_EQ(1U, op->deliveries);
	EXPECT_EQ(2ULL, op->seq);
	EXPECT_EQ(1U, ch_info(ch).leased);
	EXPECT_EQ(0, acknowledge(ch, op));
}

/*
 * R14, R21: a send that is done succeeds even if the number of its message cannot be written; an
 * ACK op whose result cannot be written is not done.
 */
TEST_F(results, r14_r21_number)
{
	const int done = ch_make(1, sizeof(struct gochan_done), GOCHAN_FIXED);
	const struct gochan_setup setup = {
		.capacity = 1, .msg_size = variant->len, .done_fd = done,
		.flags = GOCHAN_ACK | GOCHAN_DONE,
	};
	const int ch = ch_make_with(&setup);
	char *pages = map_pages(2), *second = pages + page_size();
	struct gochan_op *send = (void *)(second - offsetof(struct gochan_op, deliveries));
	struct gochan_op *ack = (void *)(second + sizeof(*ack)), recv;

	*send = (struct gochan_op)GOCHAN_SEND(ch, self->msg, variant->len);
	ASSERT_EQ(0, mprotect(second, page_size(), PROT_READ));
	EXPECT_EQ(success(variant->cmd), ops_call(ch, variant->cmd, send, 1, 0, NULL));
	EXPECT_EQ(0ULL, send->seq);
	EXPECT_EQ(1U, ch_info(ch).len);

	ASSERT_EQ(success(variant->cmd), lease(ch, variant->cmd, &recv, self->buf));
	ASSERT_EQ(0, mprotect(second, page_size(), PROT_READ | PROT_WRITE));
	*ack = (struct gochan_op){ .fd = ch, .opcode = GOCHAN_OP_ACK, .lease = recv.lease };
	ASSERT_EQ(0, mprotect(second, page_size(), PROT_READ));
	EXPECT_EQ(-EFAULT, ops_batch(ch, ack, 1, 0));
	EXPECT_EQ(1U, ch_info(ch).leased);
	EXPECT_EQ(0, acknowledge(ch, &recv));
}

/* ---- the number of a passed descriptor ---- */

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
 * Fill the descriptor table: the next descriptor makes it grow, which takes an RCU
 * grace period if threads share the table.
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
 * A receiver that takes a file, and whose op becomes read-only after the other
 * results were written and before the descriptor's number is.
 */
static int take_protected(int ch, char *buf)
{
	struct gochan_op op = GOCHAN_RECV(ch, buf, LONGEST);
	struct async_call c;

	op.flags = GOCHAN_TAKE_FD;
	op.passed_fd = NO_FD;
	async_start(&c, ch, GOCHAN_IOC_SELECT, op);
	/* until the other results are written */
	while (__atomic_load_n(&c.op->passed_fd, __ATOMIC_SEQ_CST) == NO_FD)
		;
	protect(&c);
	return async_wait(&c);
}

static int take(int ch, char *buf)
{
	struct gochan_op op = GOCHAN_RECV(ch, buf, LONGEST);
	int ret;

	op.flags = GOCHAN_TAKE_FD;
	ret = ops_select(ch, &op, 1, 0);
	return ret ? ret : op.passed_fd;
}

enum attempt { REFUSED, LOST_RACE, WRONG };

/* Pass a file to a receiver whose op becomes read-only, and then to another one. */
static enum attempt take_twice(int ch, char *msg, char *buf, unsigned int len)
{
	struct gochan_op op = GOCHAN_SEND(ch, msg, len);
	struct async_call sender;
	unsigned int before;
	int ends[2];

	if (pipe(ends))
		abort();
	op.flags = GOCHAN_PASS_FD;
	op.passed_fd = ends[1];
	async_start(&sender, ch, GOCHAN_IOC_SELECT, op);
	if (!wait_for_waiters(ch, 1, 0))
		return WRONG;
	fill_table();
	before = open_descriptors();
	if (take_protected(ch, buf) == 0)
		return LOST_RACE;
	if (open_descriptors() != before || !wait_for_waiters(ch, 1, 0) ||
	    ch_info(ch).sent != ch_info(ch).received)
		return WRONG;
	memset(buf, 0, len);
	if (take(ch, buf) < 0 || async_wait(&sender) || !is_filled(buf, len, len))
		return WRONG;
	return REFUSED;
}

/*
 * R16: a receiver to which the number cannot be reported declines: it gets neither
 * the message nor the file.
 */
TEST_F(results, r9_r16_passed_fd)
{
	enum attempt attempt = LOST_RACE;
	int i, ch;
	pid_t pid;

	for (i = 0; i < ATTEMPTS && attempt == LOST_RACE; i++) {
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
