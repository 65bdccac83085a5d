// SPDX-License-Identifier: GPL-2.0
/*
 * Every operation with the first, the second, ... of what it asks of the kernel
 * failing, until it goes through: each time it is done or refused cleanly. A
 * refusal is ENOMEM or EFAULT, or by R11 and R15 a short count; it changes
 * nothing that INFO shows, leaves no descriptor, loses, doubles and damages no
 * message (R1, R9), and costs the user nothing (R19).
 *
 * One failure is not enough where the kernel has a second way to get memory
 * (kvmalloc): for these all fails that the module asks for.
 */
#include <kselftest_harness.h>

#include "inject.h"
#include "../lib/ops.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>

#define LONGEST		20000U
#define SHORT		512U	/* goes by the receiver's stack */
#define MANY		40

/* An operation that is tried with one failure after the other. */
struct faults {
	int fd;
	unsigned int n;		/* which one fails */
	bool hit;		/* it failed, at the last try */
	unsigned int hits;
};

/* What must be the same after a refusal. */
struct state {
	struct gochan_info info;
	unsigned int fds;
};

FIXTURE(fault) {
	struct faults faults;
	char *msg;
	char *buf;
};

FIXTURE_VARIANT(fault) {
	unsigned int capacity;
	unsigned int len;
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(fault, unbuffered_small) {
	.capacity = 0, .len = 64,
};

FIXTURE_VARIANT_ADD(fault, unbuffered_medium) {
	.capacity = 0, .len = 1000,
};

FIXTURE_VARIANT_ADD(fault, unbuffered_large) {
	.capacity = 0, .len = LONGEST,
};

FIXTURE_VARIANT_ADD(fault, unbuffered_cred) {
	.capacity = 0, .len = 1000, .flags = GOCHAN_CRED,
};

FIXTURE_VARIANT_ADD(fault, buffered_small) {
	.capacity = 2, .len = 64,
};

FIXTURE_VARIANT_ADD(fault, buffered_medium) {
	.capacity = 2, .len = 1000,
};

FIXTURE_VARIANT_ADD(fault, buffered_large) {
	.capacity = 2, .len = LONGEST,
};

FIXTURE_VARIANT_ADD(fault, buffered_cred) {
	.capacity = 2, .len = LONGEST, .flags = GOCHAN_CRED,
};

FIXTURE_SETUP(fault)
{
	ASSERT_EQ(0, inject_setup());
	self->faults.fd = inject_open();
	ASSERT_LE(0, self->faults.fd);
	self->msg = malloc(LONGEST);
	self->buf = malloc(LONGEST);
	ASSERT_NE(NULL, self->msg);
	ASSERT_NE(NULL, self->buf);
	fill(self->msg, LONGEST, variant->len);
	fill(self->buf, LONGEST, 0);
}

FIXTURE_TEARDOWN(fault)
{
}

/* For what does not depend on the size of messages. */
FIXTURE(once) {
	struct faults faults;
	long long max_user_bytes;
	char *msg;
	char *buf;
};

FIXTURE_SETUP(once)
{
	ASSERT_EQ(0, inject_setup());
	self->faults.fd = inject_open();
	ASSERT_LE(0, self->faults.fd);
	self->max_user_bytes = param("max_user_bytes");
	self->msg = calloc(1, LONGEST);
	self->buf = calloc(1, LONGEST);
	ASSERT_NE(NULL, self->msg);
	ASSERT_NE(NULL, self->buf);
}

FIXTURE_TEARDOWN(once)
{
	as_root();
	set_param("max_user_bytes", self->max_user_bytes);
	unlink_all();
}

/* ---- trying ---- */

/* With the next failure, until there was none. */
static bool faults_next(struct faults *f)
{
	if (f->n && !f->hit)
		return false;
	if (f->n++ > INJECT_MOST)
		abort();
	return true;
}

static void faults_on(const struct faults *f)
{
	inject_nth(f->fd, f->n);
}

static long faults_off(struct faults *f, long ret)
{
	f->hit = inject_end(f->fd);
	f->hits += f->hit;
	return ret;
}

/* For the next operation; how many failures the last one saw. */
static unsigned int faults_again(struct faults *f)
{
	const unsigned int hits = f->hits;

	f->n = 0;
	f->hit = false;
	f->hits = 0;
	return hits;
}

static bool refused(const struct faults *f, long ret)
{
	return f->hit && (ret == -ENOMEM || ret == -EFAULT);
}

static unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	if (!dir)
		abort();
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static struct state look(int ch)
{
	return (struct state){
		.info = ch_info(ch),
		.fds = count_fds(),
	};
}

static bool unchanged(const struct state *before, int ch)
{
	const struct state now = look(ch);

	return now.fds == before->fds &&
	       !memcmp(&now.info, &before->info, sizeof(now.info));
}

/* ---- others who wait ---- */

/* A call made by a thread, with the nth thing failing that it asks for. */
struct other {
	pthread_t thread;
	long (*call)(void *arg);
	void *arg;
	unsigned int n;		/* 0: nothing fails */
	bool hit;
	long ret;
	bool done;
};

static void *other_run(void *arg)
{
	struct other *o = arg;
	const int fd = inject_open();

	if (fd < 0)
		abort();
	inject_nth(fd, o->n);
	o->ret = o->call(o->arg);
	o->hit = inject_end(fd);
	close(fd);
	__atomic_store_n(&o->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

static void other_start(struct other *o, unsigned int n, long (*call)(void *arg), void *arg)
{
	o->call = call;
	o->arg = arg;
	o->n = n;
	o->done = false;
	if (pthread_create(&o->thread, NULL, other_run, o))
		abort();
}

/* It stands in line (true), or is done. */
static bool other_waits(const struct other *o, int ch)
{
	const struct wait wait = wait_begin();

	do {
		if (!lines_empty(ch))
			return true;
		if (__atomic_load_n(&o->done, __ATOMIC_SEQ_CST))
			return false;
	} while (wait_more(&wait));
	abort();
}

static long other_end(struct other *o)
{
	if (pthread_join(o->thread, NULL))
		abort();
	return o->ret;
}

/* One read or write. */
struct transfer {
	int ch;
	void *buf;
	size_t len;
};

static long do_send(void *arg)
{
	const struct transfer *t = arg;

	return ch_send(t->ch, t->buf, t->len);
}

static long do_recv(void *arg)
{
	const struct transfer *t = arg;

	return ch_recv(t->ch, t->buf, t->len);
}

/* ---- making ---- */

TEST_F(once, s3_open)
{
	struct faults *f = &self->faults;
	unsigned int before;
	int ch;

	while (faults_next(f)) {
		before = count_fds();
		faults_on(f);
		ch = open("/dev/gochan", O_RDWR | O_CLOEXEC);
		ch = faults_off(f, ch < 0 ? -errno : ch);
		if (ch < 0) {
			ASSERT_TRUE(refused(f, ch)) {
				TH_LOG("%u: %d", f->n, ch);
			}
			EXPECT_EQ(before, count_fds());
			continue;
		}
		EXPECT_EQ(1U, ch_info(ch).send_handles);
		close(ch);
	}
	/* the channel, the user, the handle at least */
	EXPECT_LE(3U, f->hits);
}

TEST_F(fault, s3_setup)
{
	struct faults *f = &self->faults;
	int ch, ret;

	while (faults_next(f)) {
		ch = open("/dev/gochan", O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, ch);
		faults_on(f);
		ret = faults_off(f, ch_setup(ch, variant->capacity, variant->len, variant->flags));
		/* after a refusal it is as it was, and may be tried again */
		ASSERT_TRUE(!ret || refused(f, ret)) {
			TH_LOG("%u: %d", f->n, ret);
		}
		EXPECT_EQ(ret ? 0 : -EBUSY,
			  ch_setup(ch, variant->capacity, variant->len, variant->flags));
		EXPECT_EQ(variant->capacity, ch_info(ch).capacity);
		close(ch);
	}
	EXPECT_LE(variant->capacity ? 2U : 1U, f->hits);
}

TEST_F(once, s3_dup)
{
	const int ch = ch_make(2, 64, GOCHAN_CRED);
	struct faults *f = &self->faults;
	struct state before;
	int dup;

	ASSERT_LE(0, ch);
	before = look(ch);
	while (faults_next(f)) {
		faults_on(f);
		dup = faults_off(f, ch_dup(ch, O_WRONLY));
		if (dup < 0) {
			ASSERT_TRUE(refused(f, dup)) {
				TH_LOG("%u: %d", f->n, dup);
			}
		} else {
			EXPECT_EQ(2U, ch_info(ch).send_handles);
			close(dup);
		}
		EXPECT_TRUE(unchanged(&before, ch));
	}
	EXPECT_LE(2U, f->hits);
}

/*
 * R6: on a named channel with GOCHAN_HANGUP who could not be had was not there,
 * and so is not missed.
 */
TEST_F(once, s3_r6_dup_hangup)
{
	struct faults *f = &self->faults;
	int ch, dup, writer;

	while (faults_next(f)) {
		ch = ch_make(1, 16, GOCHAN_HANGUP);
		ASSERT_LE(0, ch);
		ASSERT_EQ(0, ch_link(ch, PREFIX "fault", 0600));
		faults_on(f);
		dup = faults_off(f, ch_dup(ch, O_RDONLY));
		close(ch);
		close(dup);
		writer = ch_open(PREFIX "fault", O_WRONLY);
		ASSERT_LE(0, writer);
		ASSERT_EQ(dup < 0 ? 1 : -EPIPE, try_send_text(writer, "a")) {
			TH_LOG("%u", f->n);
		}
		close(writer);
		ASSERT_EQ(0, ch_unlink(PREFIX "fault"));
	}
	EXPECT_LE(2U, f->hits);
}

static bool nothing_at(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "/dev/gochans/%s", name);
	if (!access(path, F_OK))
		return false;
	snprintf(path, sizeof(path), "/dev/%s", name);
	if (!access(path, F_OK))
		return false;
	return attr(name, "len") == -ENOENT;
}

/* A name is there as a whole or not at all, and not anywhere else. */
TEST_F(once, s3_link)
{
	const int ch = ch_make(2, 64, GOCHAN_CRED);
	struct faults *f = &self->faults;
	struct state before;
	int other, ret;

	ASSERT_LE(0, ch);
	before = look(ch);
	while (faults_next(f)) {
		faults_on(f);
		ret = faults_off(f, ch_link(ch, PREFIX "fault", 0640));
		if (ret) {
			ASSERT_TRUE(refused(f, ret)) {
				TH_LOG("%u: %d", f->n, ret);
			}
		} else {
			EXPECT_EQ(2, attr(PREFIX "fault", "capacity"));
			other = ch_open(PREFIX "fault", O_RDWR);
			ASSERT_LE(0, other) {
				TH_LOG("%u: %d", f->n, other);
			}
			close(other);
			ASSERT_EQ(0, ch_unlink_handle(ch));
		}
		ASSERT_TRUE(nothing_at(PREFIX "fault")) {
			TH_LOG("%u: left behind", f->n);
		}
		EXPECT_TRUE(unchanged(&before, ch));
	}
	EXPECT_LE(5U, f->hits);
}

TEST_F(once, s3_unlink)
{
	const int ch = ch_make(2, 64, GOCHAN_CRED);
	struct faults *f = &self->faults;
	struct state before;
	int ret;

	ASSERT_LE(0, ch);
	before = look(ch);
	while (faults_next(f)) {
		ASSERT_EQ(0, ch_link(ch, PREFIX "fault", 0640));
		faults_on(f);
		ret = faults_off(f, ch_unlink_handle(ch));
		if (ret) {
			ASSERT_TRUE(refused(f, ret)) {
				TH_LOG("%u: %d", f->n, ret);
			}
			ASSERT_EQ(0, ch_unlink_handle(ch));
		}
		ASSERT_TRUE(nothing_at(PREFIX "fault")) {
			TH_LOG("%u: left behind", f->n);
		}
		EXPECT_TRUE(unchanged(&before, ch));
	}
	EXPECT_LE(1U, f->hits);
}

TEST_F(once, s3_open_named)
{
	const int ch = ch_make_named(PREFIX "fault", 2, 0600);
	struct faults *f = &self->faults;
	struct state before;
	int named;

	ASSERT_LE(0, ch);
	before = look(ch);
	while (faults_next(f)) {
		faults_on(f);
		named = faults_off(f, ch_open(PREFIX "fault", O_RDONLY));
		if (named < 0) {
			ASSERT_TRUE(refused(f, named)) {
				TH_LOG("%u: %d", f->n, named);
			}
		} else {
			EXPECT_EQ(2U, ch_info(ch).recv_handles);
			close(named);
		}
		EXPECT_TRUE(unchanged(&before, ch));
	}
	EXPECT_LE(1U, f->hits);
}

/* ---- one message ---- */

/* Into a buffer, or from one: R4, R9. */
TEST_F(fault, r1_r9_buffer)
{
	const unsigned int len = variant->len;
	struct faults *f = &self->faults;
	struct state before;
	long ret;
	int ch;

	if (!variant->capacity)
		return;
	ch = ch_make(variant->capacity, len, variant->flags);
	ASSERT_LE(0, ch);
	while (faults_next(f)) {
		before = look(ch);
		faults_on(f);
		ret = faults_off(f, ch_send(ch, self->msg, len));
		if (ret < 0) {
			ASSERT_TRUE(refused(f, ret)) {
				TH_LOG("%u: %ld", f->n, ret);
			}
			EXPECT_TRUE(unchanged(&before, ch));
			continue;
		}
		ASSERT_EQ(len, ret);
		EXPECT_EQ(1U, ch_info(ch).len);
		memset(self->buf, 0, len);
		EXPECT_EQ(len, ch_recv(ch, self->buf, len));
		EXPECT_TRUE(is_filled(self->buf, len, len));
	}
	EXPECT_LE(1U, faults_again(f));

	ASSERT_EQ(len, ch_send(ch, self->msg, len));
	while (faults_next(f)) {
		before = look(ch);
		memset(self->buf, 0, len);
		faults_on(f);
		ret = faults_off(f, ch_recv(ch, self->buf, len));
		if (ret < 0) {
			ASSERT_TRUE(refused(f, ret)) {
				TH_LOG("%u: %ld", f->n, ret);
			}
			EXPECT_TRUE(unchanged(&before, ch));
			EXPECT_EQ((int)len, ch_next_size(ch));
			continue;
		}
		ASSERT_EQ(len, ret);
		EXPECT_TRUE(is_filled(self->buf, len, len));
		EXPECT_EQ(0U, ch_info(ch).len);
		ASSERT_EQ(len, ch_send(ch, self->msg, len));
	}
	EXPECT_LE(1U, f->hits);
}

/* The same by writev and readv: one message in many segments. */
TEST_F(fault, r1_r9_segments)
{
	const unsigned int len = variant->len, part = len / 4;
	struct faults *f = &self->faults;
	struct iovec out[4], in[4];
	struct state before;
	long ret;
	int ch, i;

	ch = ch_make(2, len, variant->flags);
	ASSERT_LE(0, ch);
	for (i = 0; i < 4; i++) {
		out[i] = (struct iovec){ self->msg + i * part, part };
		in[i] = (struct iovec){ self->buf + i * part, part };
	}
	while (faults_next(f)) {
		before = look(ch);
		faults_on(f);
		ret = writev(ch, out, 4);
		ret = faults_off(f, ret < 0 ? -errno : ret);
		if (ret < 0) {
			ASSERT_TRUE(refused(f, ret)) {
				TH_LOG("%u: %ld", f->n, ret);
			}
			EXPECT_TRUE(unchanged(&before, ch));
			continue;
		}
		ASSERT_EQ(len, ret);
		memset(self->buf, 0, len);
		EXPECT_EQ(len, ch_recv(ch, self->buf, len));
		EXPECT_TRUE(is_filled(self->buf, len, len));
	}
	EXPECT_LE(4U, faults_again(f));

	ASSERT_EQ(len, ch_send(ch, self->msg, len));
	while (faults_next(f)) {
		before = look(ch);
		memset(self->buf, 0, len);
		faults_on(f);
		ret = readv(ch, in, 4);
		ret = faults_off(f, ret < 0 ? -errno : ret);
		if (ret < 0) {
			ASSERT_TRUE(refused(f, ret)) {
				TH_LOG("%u: %ld", f->n, ret);
			}
			EXPECT_TRUE(unchanged(&before, ch));
			continue;
		}
		ASSERT_EQ(len, ret);
		EXPECT_TRUE(is_filled(self->buf, len, len));
		ASSERT_EQ(len, ch_send(ch, self->msg, len));
	}
	EXPECT_LE(4U, f->hits);
}

/* To a receiver that waits: it is told of nothing that is not sent. */
TEST_F(fault, r1_r9_send_to_receiver)
{
	const unsigned int len = variant->len;
	const int ch = ch_make(variant->capacity, len, variant->flags);
	struct transfer t = { .ch = ch, .buf = self->buf, .len = len };
	struct faults *f = &self->faults;
	struct other o;
	struct state before;
	long ret;

	ASSERT_LE(0, ch);
	other_start(&o, 0, do_recv, &t);
	ASSERT_TRUE(other_waits(&o, ch));
	while (faults_next(f)) {
		before = look(ch);
		faults_on(f);
		ret = faults_off(f, ch_send(ch, self->msg, len));
		if (ret < 0) {
			ASSERT_TRUE(refused(f, ret)) {
				TH_LOG("%u: %ld", f->n, ret);
			}
			EXPECT_TRUE(unchanged(&before, ch));
			continue;
		}
		ASSERT_EQ(len, ret);
		EXPECT_EQ(len, other_end(&o));
		EXPECT_TRUE(is_filled(self->buf, len, len));
		memset(self->buf, 0, len);
		other_start(&o, 0, do_recv, &t);
		ASSERT_TRUE(other_waits(&o, ch));
	}
	EXPECT_LE(1U, f->hits);
	ASSERT_EQ(len, ch_send(ch, self->msg, len));
	EXPECT_EQ(len, other_end(&o));
}

/* A sender that waits on a full channel, with its next message. */
static void next_sender(struct other *o, struct transfer *t, unsigned int *sent)
{
	fill(t->buf, t->len, (*sent)++);
	other_start(o, 0, do_send, t);
	if (!other_waits(o, t->ch))
		abort();
}

/*
 * From a sender that waits, on a full channel: it goes on waiting. If a long
 * message had to be taken to be copied, it was sent, and all are inside.
 */
TEST_F(fault, r1_r2_r9_recv_from_sender)
{
	const unsigned int len = variant->len;
	const int ch = ch_make(variant->capacity, len, variant->flags);
	struct transfer t = { .ch = ch, .buf = self->msg, .len = len };
	unsigned int sent = 0, received = 0;
	struct faults *f = &self->faults;
	struct other o;
	struct state before;
	long ret;

	ASSERT_LE(0, ch);
	while (sent < variant->capacity) {
		fill(self->msg, len, sent++);
		ASSERT_EQ(len, ch_send(ch, self->msg, len));
	}
	next_sender(&o, &t, &sent);
	while (faults_next(f)) {
		before = look(ch);
		faults_on(f);
		ret = faults_off(f, ch_recv(ch, self->buf, len));
		ASSERT_TRUE(ret == len || refused(f, ret)) {
			TH_LOG("%u: %ld", f->n, ret);
		}
		if (ret < 0 && len == LONGEST && !ch_info(ch).senders_waiting) {
			EXPECT_EQ(variant->capacity + 1, ch_info(ch).len);
			ret = ch_recv(ch, self->buf, len);
			ASSERT_EQ(len, ret);
		}
		if (ret < 0) {
			EXPECT_TRUE(unchanged(&before, ch));
			continue;
		}
		EXPECT_TRUE(is_filled(self->buf, len, received++));
		EXPECT_EQ(len, other_end(&o));
		next_sender(&o, &t, &sent);
	}
	EXPECT_LE(1U, f->hits);
	for (; received < sent; received++) {
		ASSERT_EQ(len, ch_recv(ch, self->buf, len));
		EXPECT_TRUE(is_filled(self->buf, len, received));
	}
	EXPECT_EQ(len, other_end(&o));
}

/* A receiver that fails before it waits, or once it has its message. */
TEST_F(fault, r1_r9_waiting_receiver)
{
	const unsigned int len = variant->len;
	const int ch = ch_make(variant->capacity, len, variant->flags);
	struct transfer t = { .ch = ch, .buf = self->buf, .len = len };
	struct faults *f = &self->faults;
	unsigned int late = 0;
	struct other o;
	bool waited;
	long ret;

	ASSERT_LE(0, ch);
	while (faults_next(f)) {
		memset(self->buf, 0, len);
		other_start(&o, f->n, do_recv, &t);
		waited = other_waits(&o, ch);
		if (waited)
			ASSERT_EQ(len, ch_send(ch, self->msg, len));
		ret = other_end(&o);
		f->hit = o.hit;
		f->hits += o.hit;
		if (ret < 0) {
			ASSERT_TRUE(refused(f, ret)) {
				TH_LOG("%u: %ld", f->n, ret);
			}
			ASSERT_EQ(waited, ch_info(ch).len);
			late += waited;
			if (waited)
				ret = ch_recv(ch, self->buf, len);
		}
		if (waited) {
			ASSERT_EQ(len, ret);
			EXPECT_TRUE(is_filled(self->buf, len, len));
		}
		EXPECT_EQ(0U, ch_info(ch).len);
		EXPECT_EQ(ch_info(ch).sent, ch_info(ch).received);
	}
	/* a longer one is copied from the heap, and that is tried twice */
	EXPECT_LE(len <= SHORT ? 1U : 0U, late);
	EXPECT_GE(len <= SHORT ? late : 0U, late);
}

/* A sender that fails before it waits; then nobody has heard of it. */
TEST_F(fault, r1_r9_waiting_sender)
{
	const unsigned int len = variant->len;
	const int ch = ch_make(variant->capacity, len, variant->flags);
	struct transfer t = { .ch = ch, .buf = self->msg, .len = len };
	struct faults *f = &self->faults;
	unsigned int i, sent = 0;
	struct other o;
	long ret;

	ASSERT_LE(0, ch);
	for (i = 0; i < variant->capacity; i++)
		ASSERT_EQ(len, ch_send(ch, self->msg, len));
	while (faults_next(f)) {
		other_start(&o, f->n, do_send, &t);
		if (other_waits(&o, ch)) {
			memset(self->buf, 0, len);
			ASSERT_EQ(len, ch_recv(ch, self->buf, len));
			EXPECT_TRUE(is_filled(self->buf, len, len));
			sent++;
			ASSERT_EQ(len, other_end(&o));
		} else {
			f->hit = o.hit;
			ret = other_end(&o);
			f->hit = o.hit;
			ASSERT_TRUE(refused(f, ret)) {
				TH_LOG("%u: %ld", f->n, ret);
			}
		}
		f->hit = o.hit;
		f->hits += o.hit;
		EXPECT_EQ(variant->capacity, ch_info(ch).len);
		EXPECT_EQ(variant->capacity + sent, ch_info(ch).sent);
	}
	EXPECT_LE(1U, f->hits);
}

/* ---- several messages ---- */

/* R11: those before the one that fails are sent, or received. */
TEST_F(fault, r1_r11_fixed)
{
	const unsigned int len = variant->len, count = 5;
	const size_t size = count * len;
	char *msgs = malloc(size), *bufs = malloc(size);
	struct faults *f = &self->faults;
	unsigned int i;
	long ret, rest;
	int ch;

	ASSERT_NE(NULL, msgs);
	ASSERT_NE(NULL, bufs);
	ch = ch_make(count, len, variant->flags | GOCHAN_FIXED);
	ASSERT_LE(0, ch);
	for (i = 0; i < count; i++)
		fill(msgs + i * len, len, i);
	while (faults_next(f)) {
		faults_on(f);
		ret = faults_off(f, ch_send(ch, msgs, size));
		if (ret < 0) {
			ASSERT_TRUE(refused(f, ret)) {
				TH_LOG("%u: %ld", f->n, ret);
			}
			EXPECT_EQ(0U, ch_info(ch).len);
			continue;
		}
		ASSERT_EQ(0, ret % len);
		ASSERT_TRUE((f->hit && ret) || ret == (long)size);
		EXPECT_EQ(ret / len, ch_info(ch).len);
		EXPECT_EQ(ret, ch_recv(ch, bufs, size));
		for (i = 0; i < ret / len; i++)
			ASSERT_TRUE(is_filled(bufs + i * len, len, i));
	}
	EXPECT_LE(2U, faults_again(f));

	while (faults_next(f)) {
		if (!ch_info(ch).len)
			ASSERT_EQ((long)size, ch_send(ch, msgs, size));
		faults_on(f);
		ret = faults_off(f, ch_recv(ch, bufs, size));
		if (ret < 0) {
			ASSERT_TRUE(refused(f, ret)) {
				TH_LOG("%u: %ld", f->n, ret);
			}
			EXPECT_EQ(count, ch_info(ch).len);
			continue;
		}
		ASSERT_EQ(0, ret % len);
		ASSERT_TRUE((f->hit && ret) || ret == (long)size);
		EXPECT_EQ(count - ret / len, ch_info(ch).len);
		rest = ret == (long)size ? 0 : ch_recv(ch, bufs + ret, size - ret);
		EXPECT_EQ((long)size, ret + rest);
		for (i = 0; i < count; i++)
			ASSERT_TRUE(is_filled(bufs + i * len, len, i));
	}
	EXPECT_LE(2U, f->hits);
}

/* ---- select ---- */

/*
 * A select of @count ops: a send of one's own message on @ch, the others are
 * receives on @idle.
 */
static void ops_fill(struct gochan_op *ops, unsigned int count, int idle, int ch, void *msg,
		     size_t len, void *room)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		ops[i] = GOCHAN_RECV(idle, room, LONGEST);
	ops[count - 1] = GOCHAN_SEND(ch, msg, len);
}

/* Up to 8 ops are on the kernel's stack. */
static const unsigned int counts[] = { 1, 8, 9 };

/* One op of some, or of many, goes through at once: a send, then a receive. */
TEST_F(fault, r1_r14_select)
{
	const unsigned int len = variant->len;
	const int ch = ch_make(variant->capacity + 1, len, variant->flags);
	const int idle = ch_make(variant->capacity, len, variant->flags);
	struct faults *f = &self->faults;
	struct gochan_op ops[MANY];
	struct state before;
	unsigned int i, n;
	long ret;

	ASSERT_LE(0, ch);
	ASSERT_LE(0, idle);
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		n = counts[i];
		while (faults_next(f)) {
			before = look(ch);
			ops_fill(ops, n, idle, ch, self->msg, len, self->buf);
			faults_on(f);
			ret = faults_off(f, ops_select(ch, ops, n, 0));
			if (ret < 0) {
				ASSERT_TRUE(refused(f, ret)) {
					TH_LOG("%u: %ld", f->n, ret);
				}
				EXPECT_TRUE(unchanged(&before, ch));
			} else {
				ASSERT_EQ(n - 1, ret);
				EXPECT_EQ(len, ch_recv(ch, self->buf, len));
				EXPECT_TRUE(is_filled(self->buf, len, len));
			}
			ASSERT_EQ(0U, ch_info(ch).len);
			ASSERT_TRUE(lines_empty(idle));
		}
		EXPECT_LE(n + 1, faults_again(f));

		ASSERT_EQ(len, ch_send(ch, self->msg, len));
		while (faults_next(f)) {
			before = look(ch);
			ops_fill(ops, n, idle, ch, NULL, 0, self->buf);
			ops[n - 1] = GOCHAN_RECV(ch, self->buf, LONGEST);
			faults_on(f);
			ret = faults_off(f, ops_select(ch, ops, n, 0));
			if (ret < 0) {
				ASSERT_TRUE(refused(f, ret)) {
					TH_LOG("%u: %ld", f->n, ret);
				}
				ASSERT_TRUE(unchanged(&before, ch));
				continue;
			}
			ASSERT_EQ(n - 1, ret);
			ASSERT_EQ(0, ops[ret].result);
			ASSERT_EQ(len, ops[ret].len);
			EXPECT_EQ(variant->flags ? getpid() : 0, ops[ret].pid);
			EXPECT_TRUE(is_filled(self->buf, len, len));
			ASSERT_EQ(len, ch_send(ch, self->msg, len));
		}
		EXPECT_LE(n + 2, faults_again(f));
		EXPECT_EQ(len, ch_recv(ch, self->buf, len));
	}
}

struct select_args {
	int ch;
	struct gochan_op *ops;
	unsigned int count;
};

static long do_select(void *arg)
{
	const struct select_args *s = arg;

	return ops_select(s->ch, s->ops, s->count, 0);
}

/* A select that waits to send: its message is got, or nobody heard of it. */
TEST_F(fault, r1_r14_waiting_select_send)
{
	const unsigned int len = variant->len;
	const int ch = ch_make(0, len, variant->flags);
	const int idle = ch_make(variant->capacity, len, variant->flags);
	struct faults *f = &self->faults;
	struct gochan_op ops[MANY];
	struct select_args s = { .ch = ch, .ops = ops };
	struct other o;
	unsigned int i;
	long ret;

	ASSERT_LE(0, ch);
	ASSERT_LE(0, idle);
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		s.count = counts[i];
		while (faults_next(f)) {
			ops_fill(ops, s.count, idle, ch, self->msg, len, self->buf);
			other_start(&o, f->n, do_select, &s);
			if (other_waits(&o, ch)) {
				memset(self->buf, 0, len);
				ASSERT_EQ(len, ch_recv(ch, self->buf, len));
				EXPECT_TRUE(is_filled(self->buf, len, len));
				ASSERT_EQ(s.count - 1, other_end(&o));
				f->hit = o.hit;
			} else {
				ret = other_end(&o);
				f->hit = o.hit;
				ASSERT_TRUE(refused(f, ret)) {
					TH_LOG("%u: %ld", f->n, ret);
				}
			}
			f->hits += o.hit;
			ASSERT_TRUE(lines_empty(ch));
			ASSERT_TRUE(lines_empty(idle));
		}
		EXPECT_LE(s.count + 1, faults_again(f));
		EXPECT_EQ(ch_info(ch).sent, ch_info(ch).received);
	}
}

/*
 * A select that waits to receive and cannot copy what it got puts it back. A long
 * message, and the results, are copied again when that fails once.
 */
TEST_F(fault, r1_r14_waiting_select_recv)
{
	const unsigned int len = variant->len;
	const int ch = ch_make(variant->capacity, len, variant->flags);
	const int idle = ch_make(variant->capacity, len, variant->flags);
	struct faults *f = &self->faults;
	struct gochan_op ops[MANY];
	struct select_args s = { .ch = ch, .ops = ops };
	unsigned int i, late = 0;
	struct other o;
	bool waited;
	long ret;

	ASSERT_LE(0, ch);
	ASSERT_LE(0, idle);
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		s.count = counts[i];
		while (faults_next(f)) {
			ops_fill(ops, s.count, idle, ch, NULL, 0, self->buf);
			ops[s.count - 1] = GOCHAN_RECV(ch, self->buf, LONGEST);
			memset(self->buf, 0, len);
			other_start(&o, f->n, do_select, &s);
			waited = other_waits(&o, ch);
			if (waited)
				ASSERT_EQ(len, ch_send(ch, self->msg, len));
			ret = other_end(&o);
			f->hit = o.hit;
			f->hits += o.hit;
			if (ret < 0) {
				ASSERT_TRUE(refused(f, ret)) {
					TH_LOG("%u: %ld", f->n, ret);
				}
				ASSERT_EQ(waited, ch_info(ch).len);
				late += waited;
			} else {
				ASSERT_EQ(s.count - 1, ret);
				ASSERT_EQ(len, ops[ret].len);
			}
			if (waited && ret < 0)
				ASSERT_EQ(len, ch_recv(ch, self->buf, LONGEST));
			if (waited)
				EXPECT_TRUE(is_filled(self->buf, len, len));
			ASSERT_EQ(0U, ch_info(ch).len);
			EXPECT_EQ(ch_info(ch).sent, ch_info(ch).received);
			ASSERT_TRUE(lines_empty(ch));
			ASSERT_TRUE(lines_empty(idle));
		}
		EXPECT_LE(s.count + 2, faults_again(f));
	}
	EXPECT_LE(len <= SHORT ? 2U : 0U, late);
	EXPECT_GE(len <= SHORT ? late : 0U, late);
}

/* The same of many ops that wait. */
TEST_F(once, r1_r14_waiting_select_of_many)
{
	const int ch = ch_make(0, LONGEST, 0), idle = ch_make(0, 1, 0);
	struct faults *f = &self->faults;
	struct gochan_op ops[MANY];
	struct select_args s = { .ch = ch, .ops = ops, .count = MANY };
	struct other o;
	long ret;

	ASSERT_LE(0, ch);
	ASSERT_LE(0, idle);
	while (faults_next(f)) {
		ops_fill(ops, MANY, idle, ch, self->msg, LONGEST, self->buf);
		other_start(&o, f->n, do_select, &s);
		if (other_waits(&o, ch))
			ASSERT_EQ(LONGEST, ch_recv(ch, self->buf, LONGEST));
		ret = other_end(&o);
		f->hit = o.hit;
		f->hits += o.hit;
		ASSERT_TRUE(ret == MANY - 1 || refused(f, ret)) {
			TH_LOG("%u: %ld", f->n, ret);
		}
		EXPECT_EQ(ch_info(ch).sent, ch_info(ch).received);
		ASSERT_TRUE(lines_empty(ch));
		ASSERT_TRUE(lines_empty(idle));
	}
	EXPECT_LE(MANY + 3U, f->hits);
}

/* Ops that poll: more of them than the kernel's poll tables hold at once. */
TEST_F(once, r14_poll_ops)
{
	const int ch = ch_make(2, 64, GOCHAN_CRED);
	const int event = eventfd(0, EFD_CLOEXEC);
	struct faults *f = &self->faults;
	struct gochan_op ops[MANY];
	struct select_args s = { .ch = ch, .ops = ops, .count = MANY };
	const uint64_t one = 1;
	uint64_t got;
	struct other o;
	unsigned int i;
	bool waited;
	long ret;

	ASSERT_LE(0, ch);
	ASSERT_LE(0, event);
	while (faults_next(f)) {
		for (i = 0; i < MANY; i++)
			ops[i] = GOCHAN_POLL(event, POLLIN);
		ops[0] = GOCHAN_RECV(ch, self->buf, LONGEST);
		other_start(&o, f->n, do_select, &s);
		waited = other_waits(&o, ch);
		ASSERT_EQ(8, write(event, &one, 8));
		ret = other_end(&o);
		f->hit = o.hit;
		f->hits += o.hit;
		ASSERT_EQ(8, read(event, &got, 8));
		ASSERT_TRUE(ret >= 0 || refused(f, ret)) {
			TH_LOG("%u: %ld", f->n, ret);
		}
		if (ret >= 0)
			EXPECT_EQ(POLLIN, ops[ret].events);
		EXPECT_TRUE(waited || ret < 0 || f->hit);
		ASSERT_TRUE(lines_empty(ch));
	}
	EXPECT_LE(MANY + 2U, f->hits);
}

/* A peek leaves the message, whether it could look or not. */
TEST_F(fault, r1_r14_peek)
{
	const unsigned int len = variant->len;
	const int ch = ch_make(variant->capacity + 1, len, variant->flags);
	struct faults *f = &self->faults;
	struct gochan_op op;
	struct state before;
	long ret;

	ASSERT_LE(0, ch);
	ASSERT_EQ(len, ch_send(ch, self->msg, len));
	before = look(ch);
	while (faults_next(f)) {
		op = (struct gochan_op)GOCHAN_RECV(ch, self->buf, LONGEST);
		op.flags = GOCHAN_PEEK;
		memset(self->buf, 0, len);
		faults_on(f);
		ret = faults_off(f, ops_select(ch, &op, 1, 0));
		ASSERT_TRUE(ret == 0 || refused(f, ret)) {
			TH_LOG("%u: %ld", f->n, ret);
		}
		if (!ret)
			EXPECT_TRUE(is_filled(self->buf, len, len));
		ASSERT_TRUE(unchanged(&before, ch));
	}
	EXPECT_LE(3U, f->hits);
	EXPECT_EQ(len, ch_recv(ch, self->buf, len));
}

/* ---- batch ---- */

/* R15: a send, its receive, and so on: what the count says was done is done. */
TEST_F(fault, r1_r15_batch)
{
	const unsigned int len = variant->len;
	const int ch = ch_make(variant->capacity + 1, len, variant->flags);
	struct faults *f = &self->faults;
	struct gochan_op ops[8];
	struct gochan_info before, now;
	long i, ret;

	ASSERT_LE(0, ch);
	while (faults_next(f)) {
		before = ch_info(ch);
		for (i = 0; i < 8; i += 2) {
			ops[i] = (struct gochan_op)GOCHAN_SEND(ch, self->msg, len);
			ops[i + 1] = (struct gochan_op)GOCHAN_RECV(ch, self->buf, LONGEST);
		}
		memset(self->buf, 0, len);
		faults_on(f);
		ret = faults_off(f, ops_batch(ch, ops, 8, GOCHAN_NONBLOCK));
		now = ch_info(ch);
		if (ret < 0) {
			ASSERT_TRUE(refused(f, ret)) {
				TH_LOG("%u: %ld", f->n, ret);
			}
			ret = 0;
		} else if (ret < 8) {
			ASSERT_TRUE(refused(f, ops[ret].result)) {
				TH_LOG("%u: %ld", f->n, ret);
			}
		}
		for (i = 0; i < ret; i++)
			EXPECT_EQ(0, ops[i].result);
		EXPECT_EQ((ret + 1) / 2, now.sent - before.sent);
		EXPECT_EQ(ret / 2, now.received - before.received);
		ASSERT_EQ(ret % 2, now.len);
		if (ret % 2)
			ASSERT_EQ(len, ch_recv(ch, self->buf, len));
		if (ret)
			EXPECT_TRUE(is_filled(self->buf, len, len));
	}
	EXPECT_LE(16U, f->hits);
}

/* ---- files ---- */

static struct gochan_op passing(int ch, void *msg, size_t len, int fd)
{
	struct gochan_op op = GOCHAN_SEND(ch, msg, len);

	op.flags = GOCHAN_PASS_FD;
	op.passed_fd = fd;
	return op;
}

static struct gochan_op taking(int ch, void *buf)
{
	struct gochan_op op = GOCHAN_RECV(ch, buf, LONGEST);

	op.flags = GOCHAN_TAKE_FD;
	op.passed_fd = -1;
	return op;
}

/* The file that came is the pipe's write end, and the last of it. */
static bool is_pipe_end(int fd, int in)
{
	struct pollfd pfd = { .fd = in, .events = POLLIN };
	char c = 0;

	return write(fd, "x", 1) == 1 && read(in, &c, 1) == 1 && c == 'x' && !close(fd) &&
	       poll(&pfd, 1, WAIT_LIMIT * 1000) == 1 && pfd.revents == POLLHUP;
}

/*
 * R16: a sender passes a file and waits; the receiver that fails leaves the
 * message, and the file comes once.
 */
TEST_F(fault, r1_r16_take_file)
{
	const unsigned int len = variant->len;
	const int ch = ch_make(0, len, variant->flags);
	struct gochan_op out, in;
	struct select_args s = { .ch = ch, .ops = &out, .count = 1 };
	struct faults *f = &self->faults;
	struct other o;
	unsigned int fds;
	int ends[2];
	long ret;

	ASSERT_LE(0, ch);
	while (faults_next(f)) {
		ASSERT_EQ(0, pipe(ends));
		out = passing(ch, self->msg, len, ends[1]);
		other_start(&o, 0, do_select, &s);
		ASSERT_TRUE(other_waits(&o, ch));
		close(ends[1]);
		fds = count_fds();
		in = taking(ch, self->buf);
		memset(self->buf, 0, len);
		faults_on(f);
		ret = faults_off(f, ops_select(ch, &in, 1, 0));
		if (ret < 0) {
			ASSERT_TRUE(refused(f, ret)) {
				TH_LOG("%u: %ld", f->n, ret);
			}
			EXPECT_EQ(-1, in.passed_fd);
			EXPECT_EQ(fds, count_fds());
			ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
			in = taking(ch, self->buf);
			ASSERT_EQ(0, ops_select(ch, &in, 1, 0));
		}
		EXPECT_EQ(0, other_end(&o));
		EXPECT_TRUE(is_filled(self->buf, len, len));
		EXPECT_TRUE(is_pipe_end(in.passed_fd, ends[0]));
		EXPECT_EQ(ch_info(ch).sent, ch_info(ch).received);
		close(ends[0]);
	}
	EXPECT_LE(3U, f->hits);
}

/* The same to a receiver that waits, in either role. */
TEST_F(fault, r1_r16_waiting_taker)
{
	const unsigned int len = variant->len;
	const int ch = ch_make(0, len, variant->flags);
	struct gochan_op out, in;
	struct select_args s = { .ch = ch, .ops = &in, .count = 1 };
	struct select_args other = { .ch = ch, .ops = &out, .count = 1 };
	struct faults *f = &self->faults;
	struct other o, sender;
	int ends[2];
	long ret;

	ASSERT_LE(0, ch);
	while (faults_next(f)) {
		ASSERT_EQ(0, pipe(ends));
		out = passing(ch, self->msg, len, ends[1]);
		in = taking(ch, self->buf);
		memset(self->buf, 0, len);
		other_start(&o, f->n, do_select, &s);
		other_waits(&o, ch);
		other_start(&sender, 0, do_select, &other);
		ret = other_end(&o);
		f->hit = o.hit;
		f->hits += o.hit;
		if (ret < 0) {
			ASSERT_TRUE(refused(f, ret)) {
				TH_LOG("%u: %ld", f->n, ret);
			}
			ASSERT_TRUE(wait_for_waiters(ch, 1, 0));
			in = taking(ch, self->buf);
			ASSERT_EQ(0, ops_select(ch, &in, 1, 0));
		}
		EXPECT_EQ(0, other_end(&sender));
		close(ends[1]);
		EXPECT_TRUE(is_filled(self->buf, len, len));
		EXPECT_TRUE(is_pipe_end(in.passed_fd, ends[0]));
		EXPECT_EQ(ch_info(ch).sent, ch_info(ch).received);
		close(ends[0]);
	}
	EXPECT_LE(3U, f->hits);
}

/* A sender that fails has its file still, and nobody else has it. */
TEST_F(fault, r1_r16_pass_file)
{
	const unsigned int len = variant->len;
	const int ch = ch_make(0, len, variant->flags);
	struct gochan_op out, in;
	struct select_args s = { .ch = ch, .ops = &in, .count = 1 };
	struct faults *f = &self->faults;
	struct state before;
	struct other o;
	int ends[2];
	long ret;

	ASSERT_LE(0, ch);
	ASSERT_EQ(0, pipe(ends));
	in = taking(ch, self->buf);
	other_start(&o, 0, do_select, &s);
	ASSERT_TRUE(other_waits(&o, ch));
	while (faults_next(f)) {
		before = look(ch);
		out = passing(ch, self->msg, len, ends[1]);
		faults_on(f);
		ret = faults_off(f, ops_select(ch, &out, 1, 0));
		if (ret < 0) {
			ASSERT_TRUE(refused(f, ret)) {
				TH_LOG("%u: %ld", f->n, ret);
			}
			ASSERT_TRUE(unchanged(&before, ch));
			continue;
		}
		close(ends[1]);
		EXPECT_EQ(0, other_end(&o));
		EXPECT_TRUE(is_filled(self->buf, len, len));
		EXPECT_TRUE(is_pipe_end(in.passed_fd, ends[0]));
		close(ends[0]);
		ASSERT_EQ(0, pipe(ends));
		in = taking(ch, self->buf);
		memset(self->buf, 0, len);
		other_start(&o, 0, do_select, &s);
		ASSERT_TRUE(other_waits(&o, ch));
	}
	EXPECT_LE(3U, f->hits);
	ASSERT_EQ(len, ch_send(ch, self->msg, len));
	EXPECT_EQ(0, other_end(&o));
}

/* ---- the rest ---- */

static long do_info(int ch)
{
	struct gochan_info info;

	return ioctl(ch, GOCHAN_IOC_INFO, &info) ? -errno : 0;
}

static long do_poll(int ch)
{
	struct pollfd pfds[MANY];
	unsigned int i;

	for (i = 0; i < MANY; i++)
		pfds[i] = (struct pollfd){ .fd = ch, .events = POLLIN | POLLOUT };
	return poll(pfds, MANY, 0) < 0 ? -errno : 0;
}

static long do_epoll(int ch)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT };
	const int epoll = epoll_create1(EPOLL_CLOEXEC);
	long ret;

	if (epoll < 0)
		return -errno;
	ret = epoll_ctl(epoll, EPOLL_CTL_ADD, ch, &event) ? -errno : 0;
	close(epoll);
	return ret;
}

/* SIGIO in and out, on and off. */
static long do_async(int ch)
{
	const int flags = fcntl(ch, F_GETFL);
	long ret;

	ret = fcntl(ch, F_SETFL, flags | O_ASYNC) ? -errno : 0;
	if (fcntl(ch, F_SETFL, flags & ~O_ASYNC))
		return -errno;
	return ret;
}

static long (*const looks[])(int ch) = {
	do_info, do_poll, do_epoll, do_async,
};

/* What looks at a channel changes nothing in it. */
TEST_F(once, s5_looks)
{
	const int ch = ch_make_named(PREFIX "fault", 2, 0600);
	struct faults *f = &self->faults;
	struct state before;
	unsigned int i;
	long ret;

	ASSERT_LE(0, ch);
	ASSERT_EQ(1, send_text(ch, "a"));
	before = look(ch);
	for (i = 0; i < ARRAY_SIZE(looks); i++) {
		while (faults_next(f)) {
			faults_on(f);
			ret = faults_off(f, looks[i](ch));
			ASSERT_TRUE(ret >= 0 || refused(f, ret)) {
				TH_LOG("%u, %u: %ld", i, f->n, ret);
			}
			ASSERT_TRUE(unchanged(&before, ch));
		}
		EXPECT_LE(1U, faults_again(f)) {
			TH_LOG("%u", i);
		}
	}
	EXPECT_STREQ("a", recv_text(ch));
}

/* R5, R6: what ends a channel, and close(2), asks for nothing. */
TEST_F(once, r5_ends)
{
	struct faults *f = &self->faults;
	struct transfer t = { .buf = self->buf, .len = 64 };
	struct other o;
	unsigned int n;

	for (n = 1; n <= 3; n++) {
		t.ch = ch_make(2, 64, GOCHAN_CRED);
		ASSERT_LE(0, t.ch);
		other_start(&o, 0, do_recv, &t);
		ASSERT_TRUE(other_waits(&o, t.ch));
		f->n = n;
		faults_on(f);
		EXPECT_EQ(0, faults_off(f, ch_close(t.ch)));
		EXPECT_EQ(0, other_end(&o));
		faults_on(f);
		EXPECT_EQ(0, faults_off(f, close(t.ch)));
		EXPECT_EQ(-1, fcntl(t.ch, F_GETFD));
	}
}

/* ---- what it costs ---- */

/* Each so little that there is only one way to get the memory. */
static long cost_make(int ch, struct gochan_op *op)
{
	const int new = ch_make(2, 64, 0);

	(void)ch;
	(void)op;
	if (new >= 0)
		close(new);
	return new < 0 ? new : 0;
}

/* One op that waits until a moment that has passed. */
static long cost_wait(int ch, struct gochan_op *op)
{
	struct gochan_ops arg = {
		.ops = (unsigned long)op,
		.count = 1,
	};
	const int ret = ioctl(ch, GOCHAN_IOC_SELECT, &arg);

	return ret < 0 && errno != ETIMEDOUT ? -errno : 0;
}

static long cost_select(int ch, struct gochan_op *op)
{
	struct gochan_op ops[9];
	unsigned int i;
	int ret;

	(void)op;
	for (i = 0; i < ARRAY_SIZE(ops); i++)
		ops[i] = (struct gochan_op)GOCHAN_RECV(ch, NULL, 1);
	ret = ops_select(ch, ops, ARRAY_SIZE(ops), GOCHAN_NONBLOCK);
	return ret == -EAGAIN ? 0 : ret;
}

/* A message longer than what is copied under the lock is taken, and held. */
static long cost_recv(int ch, struct gochan_op *op)
{
	static char buf[LONGEST];
	const int new = ch_make(1, LONGEST, 0);
	long ret;

	(void)ch;
	if (new < 0)
		return new;
	ret = ch_send(new, (void *)(unsigned long)op->buf, LONGEST);
	if (ret > 0)
		ret = ch_recv(new, buf, LONGEST);
	close(new);
	return ret < 0 ? ret : 0;
}

static long (*const costs[])(int ch, struct gochan_op *op) = {
	cost_make, cost_wait, cost_select, cost_recv,
};

static long cost_at(long long bytes, unsigned int which, int ch, struct gochan_op *op)
{
	long ret;

	as_root();
	if (set_param("max_user_bytes", bytes) || as_user(USER) || prctl(PR_SET_DUMPABLE, 1))
		abort();
	ret = costs[which](ch, op);
	return ret;
}

/* The least that the user's limit may be. */
static long long least_bytes(unsigned int which, int ch, struct gochan_op *op)
{
	long long low = -1, high = 1 << 20, middle;

	while (high - low > 1) {
		middle = (low + high) / 2;
		if (cost_at(middle, which, ch, op) == -EDQUOT)
			low = middle;
		else
			high = middle;
	}
	return high;
}

/* R19: with not a byte to spare, a failure that cost one would be the last. */
TEST_F(once, r19_costs_nothing)
{
	const int ch = ch_make(0, LONGEST, 0);
	struct gochan_op op = GOCHAN_SEND(ch, self->msg, 1000);
	struct faults *f = &self->faults;
	long long least;
	unsigned int i;
	long ret;

	ASSERT_LE(0, ch);
	for (i = 0; i < ARRAY_SIZE(costs); i++) {
		least = least_bytes(i, ch, &op);
		EXPECT_LT(0, least);
		EXPECT_EQ(-EDQUOT, cost_at(least - 1, i, ch, &op));
		EXPECT_EQ(0, cost_at(least, i, ch, &op));
		while (faults_next(f)) {
			faults_on(f);
			ret = faults_off(f, costs[i](ch, &op));
			ASSERT_TRUE(!ret || refused(f, ret)) {
				TH_LOG("%u, %u: %ld", i, f->n, ret);
			}
		}
		EXPECT_LE(2U, faults_again(f));
	}
}

/* ---- all memory fails ---- */

FIXTURE(all) {
	char *msg;
	char *buf;
};

FIXTURE_SETUP(all)
{
	ASSERT_EQ(0, inject_setup());
	self->msg = malloc(10 * LONGEST);
	self->buf = malloc(10 * LONGEST);
	ASSERT_NE(NULL, self->msg);
	ASSERT_NE(NULL, self->buf);
	fill(self->msg, 10 * LONGEST, 1);
	fill(self->buf, 10 * LONGEST, 0);
}

FIXTURE_TEARDOWN(all)
{
	unsigned int kind;

	for (kind = 0; kind < INJECT_KINDS; kind++)
		inject_all(kind, false);
}

static void all_on(unsigned int kinds)
{
	unsigned int kind;

	for (kind = 0; kind < INJECT_KINDS; kind++)
		if (inject_all(kind, kinds & 1U << kind))
			abort();
}

static long all_off(long ret)
{
	all_on(0);
	return ret;
}

#define ALL_MEMORY	(1U << INJECT_SLAB | 1U << INJECT_PAGES)
#define ALL		(ALL_MEMORY | 1U << INJECT_COPIES)

/* R1: short, medium and long messages, from sizes that have a second way. */
TEST_F(all, r1_r9_messages)
{
	static const unsigned int lens[] = { 64, 1000, LONGEST, 10 * LONGEST };
	struct state before;
	unsigned int i, kinds, failed = 0;
	int ch;
	long ret;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		ch = ch_make(2, lens[i], 0);
		ASSERT_LE(0, ch);
		for (kinds = 1; kinds <= ALL; kinds++) {
			before = look(ch);
			all_on(kinds);
			ret = all_off(ch_send(ch, self->msg, lens[i]));
			if (ret < 0) {
				failed++;
				ASSERT_TRUE(ret == -ENOMEM || ret == -EFAULT) {
					TH_LOG("%u: %ld", kinds, ret);
				}
				ASSERT_TRUE(unchanged(&before, ch));
				ASSERT_EQ(lens[i], ch_send(ch, self->msg, lens[i]));
			}
			before = look(ch);
			all_on(kinds);
			ret = all_off(ch_recv(ch, self->buf, lens[i]));
			if (ret < 0) {
				failed++;
				ASSERT_TRUE(ret == -ENOMEM || ret == -EFAULT) {
					TH_LOG("%u: %ld", kinds, ret);
				}
				ASSERT_TRUE(unchanged(&before, ch));
				ASSERT_EQ(lens[i], ch_recv(ch, self->buf, lens[i]));
			}
			EXPECT_TRUE(is_filled(self->buf, lens[i], 1));
			memset(self->buf, 0, lens[i]);
		}
		close(ch);
	}
	/* all for want of copies, and the sends of two without slabs, pages or no pages */
	EXPECT_EQ(ARRAY_SIZE(lens) * 2 * 4 + 2 * 2, failed);
}

/* R9: a message that has to be put back is, where there is no memory at all. */
TEST_F(all, r9_put_back)
{
	const int ch = ch_make(0, 64, 0);
	struct transfer t = { .ch = ch, .buf = self->buf, .len = 64 };
	struct other o;

	ASSERT_LE(0, ch);
	/* the first thing that fails is its copy of what it was given */
	other_start(&o, 1, do_recv, &t);
	ASSERT_TRUE(other_waits(&o, ch));
	all_on(ALL_MEMORY);
	EXPECT_EQ(64, ch_send(ch, self->msg, 64));
	EXPECT_EQ(-EFAULT, all_off(other_end(&o)));
	EXPECT_TRUE(o.hit);
	EXPECT_EQ(64, ch_recv(ch, self->buf, 64));
	EXPECT_TRUE(is_filled(self->buf, 64, 1));
}

/* R19: a ring, and a select, of which there are two ways to get memory. */
TEST_F(all, r19_large)
{
	const int idle = ch_make(0, 64, 0);
	struct gochan_op *ops = calloc(1000, sizeof(*ops));
	unsigned int i, kinds, failed = 0;
	int ch;
	long ret;

	ASSERT_LE(0, idle);
	ASSERT_NE(NULL, ops);
	for (i = 0; i < 1000; i++)
		ops[i] = (struct gochan_op)GOCHAN_RECV(idle, NULL, 1);
	for (kinds = 1; kinds <= ALL; kinds++) {
		ch = open("/dev/gochan", O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, ch);
		all_on(kinds);
		ret = all_off(ch_setup(ch, 1000, 1000, 0));
		failed += ret < 0;
		ASSERT_TRUE(!ret || ret == -ENOMEM || ret == -EFAULT) {
			TH_LOG("%u: %ld", kinds, ret);
		}
		EXPECT_EQ(ret ? 0 : -EBUSY, ch_setup(ch, 1000, 1000, 0));
		close(ch);

		all_on(kinds);
		ret = all_off(ops_select(idle, ops, 1000, GOCHAN_NONBLOCK));
		if (ret != -EAGAIN) {
			failed++;
			ASSERT_TRUE(ret == -ENOMEM || ret == -EFAULT) {
				TH_LOG("%u: %ld", kinds, ret);
			}
		}
		EXPECT_TRUE(lines_empty(idle));
	}
	/* both for want of copies, and without any memory */
	EXPECT_EQ(2 * (4U + 1), failed);
}

/* ---- loading ---- */

FIXTURE(loading) {
	struct faults faults;
};

FIXTURE_SETUP(loading)
{
	ASSERT_EQ(0, inject_setup());
	ASSERT_EQ(0, inject_everywhere());
	self->faults.fd = inject_open();
	ASSERT_LE(0, self->faults.fd);
	ASSERT_TRUE(module_loaded());
}

FIXTURE_TEARDOWN(loading)
{
	if (!module_loaded())
		EXPECT_EQ(0, module_load(""));
}

/* No file, folder or class of the module's. */
static bool nothing_loaded(void)
{
	return !module_loaded() && access("/dev/gochan", F_OK) &&
	       access("/sys/class/gochan", F_OK) && access("/dev/gochans/" PREFIX "a", F_OK) &&
	       access("/dev/gochans/" PREFIX "b", F_OK) && access("/dev/" PREFIX "a", F_OK) &&
	       access("/dev/" PREFIX "b", F_OK);
}

#define CHANNELS	"channels=" PREFIX "a:1:16," PREFIX "b:200:5000"

/*
 * How much the kernel's loader asks for before it has read the parameters: that
 * is its own affair, and some of what fails there it complains of.
 */
static unsigned int asked_before_parameters(int fd)
{
	inject_nth(fd, INJECT_MOST);
	if (module_load(CHANNELS " max_select=x") != -EINVAL)
		abort();
	return INJECT_MOST - inject_left(fd);
}

/* DESIGN 3: the module is loaded with all its channels or not at all. */
TEST_F(loading, s3_load)
{
	struct faults *f = &self->faults;
	int ch, ret;

	ASSERT_EQ(0, module_unload());
	f->hit = true;
	f->n = asked_before_parameters(f->fd);
	while (faults_next(f)) {
		faults_on(f);
		ret = faults_off(f, module_load(CHANNELS));
		if (ret) {
			ASSERT_TRUE(refused(f, ret)) {
				TH_LOG("%u: %d", f->n, ret);
			}
			ASSERT_TRUE(nothing_loaded()) {
				TH_LOG("%u: %d", f->n, ret);
			}
			continue;
		}
		ch = ch_open(PREFIX "b", O_RDWR);
		ASSERT_LE(0, ch) {
			TH_LOG("%u: %d", f->n, ch);
		}
		EXPECT_EQ(200U, ch_info(ch).capacity);
		EXPECT_EQ(0, ch_unlink_handle(ch));
		EXPECT_EQ(0, ch_unlink(PREFIX "a"));
		close(ch);
		ASSERT_EQ(0, module_unload());
		ASSERT_TRUE(nothing_loaded()) {
			TH_LOG("%u", f->n);
		}
	}
	EXPECT_LE(50U, f->hits);
}

/* It goes, or says that it does not, and nothing of it stays. */
TEST_F(loading, s3_unload)
{
	struct faults *f = &self->faults;
	int ret;

	while (faults_next(f)) {
		faults_on(f);
		ret = faults_off(f, module_unload());
		if (ret) {
			ASSERT_TRUE(refused(f, ret)) {
				TH_LOG("%u: %d", f->n, ret);
			}
			ASSERT_TRUE(module_loaded());
			ASSERT_EQ(0, module_unload());
		}
		ASSERT_TRUE(nothing_loaded()) {
			TH_LOG("%u", f->n);
		}
		ASSERT_EQ(0, module_load(""));
	}
	EXPECT_LE(1U, f->hits);
}

TEST_HARNESS_MAIN
