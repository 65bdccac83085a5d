/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trials: a call is repeated with its first, its second, ... request to the kernel
 * failing, until none is left to fail, and what surrounds each attempt is checked.
 * A test is a table of trials. As this uses the harness' macros, it is a header
 * like the harness; no test is here.
 */
#ifndef SELFTESTS_TRIAL_H
#define SELFTESTS_TRIAL_H

#include <kselftest_harness.h>

#include "inject.h"
#include "../lib/ops.h"

#include <dirent.h>
#include <poll.h>

#define LONGEST		20000U
#define MOST_OPS	40
#define FIXED_COUNT	5	/* messages of one read or write */

struct env;

typedef long call_fn(struct env *e);

/* A call made by another thread, with its nth request failing (0: none). */
struct peer {
	pthread_t thread;
	call_fn *call;
	struct env *env;
	unsigned int n;
	bool started, done, hit;
	long ret;
};

/* What a refused call must not change. */
struct state {
	struct gochan_info info;
	int next_size;
	unsigned int fds;
};

/* What a test works on. Its messages are numbered, and each is filled by number. */
struct env {
	int fault_fd;
	unsigned int n;			/* the request that fails */
	bool hit;			/* it did fail, in the last attempt */
	int ch;
	int idle;			/* a channel on which nothing ever happens */
	unsigned int capacity, flags, len;
	char *msg, *buf;		/* @len bytes are sent from here, received here */
	unsigned int sent, received;	/* messages */
	unsigned int requeued;		/* messages of receives that failed */
	unsigned int failed;		/* calls, for want of a kind of request */
	struct gochan_op ops[MOST_OPS];	/* of a SELECT or BATCH */
	unsigned int count;
	struct gochan_op pass, take;	/* of a file */
	int fds[2];			/* other descriptors that a test needs */
	struct peer caller, peer;	/* who makes the call; who is at the other end */
	bool blocked;			/* the caller has blocked */
	struct state before;		/* the state before the call */
};

struct trial {
	/* The channel, if not the fixture's; filled to its capacity. */
	enum { AS_FIXTURE, UNBUFFERED, BUFFERED, ONE_MORE, FIXED } channel;
	bool full;
	/* The call and its arguments, which are set before each attempt. */
	void (*set)(struct env *e);
	call_fn *call;
	unsigned int count;
	bool by_count;		/* of 1, of 8 and of 9 ops */
	/* It moves a message, or, with @done and @refused, does something else. */
	enum { NO_MESSAGE, SEND, RECV, PEEK } kind;
	bool file;
	void (*done)(struct env *e, long ret);
	void (*refused)(struct env *e, long ret);
	/* The call at the other end, by a thread that blocks first, or meets ours. */
	call_fn *peer;
	bool blocks;
	void (*meet)(struct env *e);
	/* How often, at least, it is refused in all, and with a message. */
	unsigned int least, requeues;
	unsigned int first;	/* where to begin; 0 is before the first request */
};

/* The running test, by the name that the harness' macros use. */
static struct __test_metadata *_metadata;

static long do_send(struct env *e) { return ch_send(e->ch, e->msg, e->len); }
static long do_recv(struct env *e) { return ch_recv(e->ch, e->buf, e->len); }

/* ---- state ---- */

static struct state state_of(int ch)
{
	DIR *dir = opendir("/proc/self/fd");
	struct state state = {};

	if (!dir)
		abort();
	while (readdir(dir))
		state.fds++;
	closedir(dir);
	if (ch >= 0) {
		state.info = ch_info(ch);
		state.next_size = ch_next_size(ch);
	}
	/* Whoever is refused may have blocked, and its message been requeued. */
	state.info.requeued = 0;
	state.info.send_blocked = 0;
	state.info.recv_blocked = 0;
	return state;
}

static void unchanged(struct env *e, long ret)
{
	const struct state now = state_of(e->ch);

	EXPECT_EQ(0, memcmp(&now, &e->before, sizeof(now))) {
		TH_LOG("request %u, result %ld: the state has changed", e->n, ret);
	}
	if (e->idle >= 0)
		EXPECT_TRUE(no_waiters(e->idle));
}

static bool is_refusal(long ret)
{
	return ret == -ENOMEM || ret == -EFAULT;
}

static void put_message(struct env *e)
{
	fill(e->msg, e->len, e->sent++);
	ASSERT_EQ(e->len, do_send(e));
}

static void check_message(struct env *e)
{
	EXPECT_TRUE(is_filled(e->buf, e->len, e->received++));
}

static void take_message(struct env *e)
{
	memset(e->buf, 0, e->len);
	ASSERT_EQ(e->len, do_recv(e));
	check_message(e);
}

/* The file that was passed is the write end of our pipe, and the last one. */
static void check_file(struct env *e)
{
	struct pollfd pfd = { .fd = e->fds[0], .events = POLLIN };
	char c = 0;

	if (e->fds[1] >= 0)
		close(e->fds[1]);
	EXPECT_EQ(1, write(e->take.passed_fd, "x", 1));
	EXPECT_EQ(1, read(e->fds[0], &c, 1));
	EXPECT_EQ('x', c);
	EXPECT_EQ(0, close(e->take.passed_fd));
	EXPECT_EQ(1, poll(&pfd, 1, WAIT_LIMIT * 1000));
	EXPECT_EQ(POLLHUP, pfd.revents);
	close(e->fds[0]);
	e->fds[0] = 0;
}

/* ---- attempts ---- */

static void *peer_run(void *arg)
{
	struct peer *peer = arg;
	const int fd = inject_open();

	if (fd < 0)
		abort();
	inject_nth(fd, peer->n);
	peer->ret = peer->call(peer->env);
	peer->hit = inject_end(fd);
	close(fd);
	__atomic_store_n(&peer->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Start the call; true once a task is blocked, false when the call has returned. */
static bool peer_start(struct env *e, struct peer *peer, unsigned int n, call_fn *call)
{
	const struct wait wait = wait_begin();

	*peer = (struct peer){ .call = call, .env = e, .n = n, .started = true };
	if (pthread_create(&peer->thread, NULL, peer_run, peer))
		abort();
	do {
		if (!no_waiters(e->ch))
			return true;
		if (__atomic_load_n(&peer->done, __ATOMIC_SEQ_CST))
			return false;
	} while (wait_more(&wait));
	abort();
}

static long peer_end(struct peer *peer)
{
	if (pthread_join(peer->thread, NULL))
		abort();
	peer->started = false;
	return peer->ret;
}

/* Make the call with the nth request failing. */
static long attempt(struct env *e, call_fn *call)
{
	long ret;

	inject_nth(e->fault_fd, e->n);
	ret = call(e);
	e->hit = inject_end(e->fault_fd);
	return ret;
}

/* The same by a thread, which is met when it blocks. */
static long attempt_blocking(struct env *e, const struct trial *t)
{
	long ret;

	e->blocked = peer_start(e, &e->caller, e->n, t->call);
	if (e->blocked && t->meet)
		t->meet(e);
	else if (e->blocked)
		peer_start(e, &e->peer, 0, t->peer);
	ret = peer_end(&e->caller);
	e->hit = e->caller.hit;
	return ret;
}

static void prepare(struct env *e, const struct trial *t)
{
	memset(e->buf, 0, LONGEST);
	if (t->set)
		t->set(e);
	if (!t->kind || e->peer.started)
		return;
	if (t->kind != SEND && !t->peer && e->sent == e->received)
		put_message(e);
	fill(e->msg, e->len, e->sent);
	if (!t->peer || t->blocks)
		return;
	ASSERT_TRUE(peer_start(e, &e->peer, 0, t->peer));
	/* now the message has the only write end */
	if (t->file && t->kind == RECV) {
		close(e->fds[1]);
		e->fds[1] = -1;
	}
}

/*
 * A refused call has changed nothing, unless a receive had been given its message
 * already, or had to take it to copy it. Then that was requeued, and the call is
 * repeated.
 */
static long message_refused(struct env *e, const struct trial *t, long ret)
{
	struct gochan_info info;

	if (t->file)
		EXPECT_EQ(-1, e->take.passed_fd);
	if (t->file && t->kind == RECV && e->peer.started)
		ASSERT_TRUE(wait_for_waiters(e->ch, 1, 0));
	info = ch_info(e->ch);
	if (t->kind != RECV || !(t->blocks ? e->blocked : t->peer && !info.senders_waiting)) {
		unchanged(e, ret);
		return ret;
	}
	ASSERT_TRUE(t->blocks || e->len == LONGEST);
	EXPECT_EQ(e->before.info.len + !t->file, info.len);
	e->requeued++;
	if (t->set)
		t->set(e);
	ret = t->call(e);
	ASSERT_EQ(e->len, ret);
	return ret;
}

static void message_moved(struct env *e, const struct trial *t, long ret)
{
	ASSERT_EQ(e->len, ret);
	if (e->count && t->kind == RECV)
		EXPECT_EQ(e->flags ? getpid() : 0, e->ops[e->count - 1].pid);
	if (t->kind == PEEK) {
		EXPECT_TRUE(is_filled(e->buf, e->len, e->received));
		unchanged(e, ret);
		return;
	}
	if (e->peer.started)
		ASSERT_EQ(e->len, peer_end(&e->peer));
	e->sent += t->peer || t->kind == SEND;
	if (t->peer || t->kind == RECV)
		check_message(e);
	else
		take_message(e);
	if (t->file)
		check_file(e);
	EXPECT_EQ(e->sent, ch_info(e->ch).sent);
	EXPECT_EQ(e->received, ch_info(e->ch).received);
}

static void try_each(struct env *e, const struct trial *t)
{
	unsigned int hits = 0;
	long ret;

	e->n = t->first;
	do {
		ASSERT_GT(INJECT_MOST, e->n++);
		prepare(e, t);
		e->before = state_of(e->ch);
		ret = t->blocks ? attempt_blocking(e, t) : attempt(e, t->call);
		hits += e->hit;
		ASSERT_TRUE(ret >= 0 || (e->hit && is_refusal(ret))) {
			TH_LOG("request %u, result %ld", e->n, ret);
		}
		if (ret < 0 && t->kind)
			ret = message_refused(e, t, ret);
		else if (ret < 0)
			(t->refused ?: unchanged)(e, ret);
		if (ret >= 0 && t->kind)
			message_moved(e, t, ret);
		else if (ret >= 0 && t->done)
			t->done(e, ret);
		if (t->blocks) {
			ASSERT_TRUE(no_waiters(e->ch));
			ASSERT_TRUE(no_waiters(e->idle));
		}
	} while (e->hit);
	EXPECT_LE(t->least + (t->by_count ? e->count : 0), hits);
}

static void make_channel(struct env *e, const struct trial *t)
{
	static const unsigned int capacity[] = { [BUFFERED] = 2, [FIXED] = FIXED_COUNT };
	unsigned int i;

	if (t->channel) {
		close(e->ch);
		e->capacity = t->channel == ONE_MORE ? e->capacity + 1 : capacity[t->channel];
		e->ch = ch_make(e->capacity, e->len,
				e->flags | (t->channel == FIXED ? GOCHAN_FIXED : 0));
		ASSERT_LE(0, e->ch);
	}
	for (i = 0; t->full && i < e->capacity; i++)
		put_message(e);
}

static void run_trials(struct __test_metadata *test, struct env *e, const struct trial *t)
{
	/* up to 8 ops of a select are kept on the kernel's stack */
	static const unsigned int counts[] = { 1, 8, 9 };
	unsigned int i;

	_metadata = test;
	make_channel(e, t);
	for (; t->call; t++) {
		for (i = 0; i < (t->by_count ? ARRAY_SIZE(counts) : 1); i++) {
			e->count = t->by_count ? counts[i] : t->count;
			try_each(e, t);
		}
		EXPECT_LE(t->requeues, e->requeued);
	}
	while (e->received < e->sent)
		take_message(e);
}

/* For the setup of a fixture. */
static void env_init(struct __test_metadata *test, struct env *e, unsigned int capacity,
		     unsigned int len, unsigned int flags)
{
	_metadata = test;
	ASSERT_EQ(0, inject_setup());
	e->fault_fd = inject_open();
	ASSERT_LE(0, e->fault_fd);
	e->msg = malloc(10 * LONGEST);
	e->buf = malloc(10 * LONGEST);
	ASSERT_NE(NULL, e->msg);
	ASSERT_NE(NULL, e->buf);
	fill(e->msg, 10 * LONGEST, 0);
	e->len = len;
	e->capacity = capacity;
	e->flags = flags;
	e->ch = ch_make(capacity, len, flags);
	e->idle = ch_make(capacity, len, flags);
	ASSERT_LE(0, e->ch);
	ASSERT_LE(0, e->idle);
}

#define TRIALS(self, ...) \
	run_trials(_metadata, &(self)->env, (const struct trial[]){ __VA_ARGS__, {} })

/* A test that is nothing else. */
#define TRIAL_F(fixture, name, ...) \
	static const struct trial fixture##_##name##_trials[] = { __VA_ARGS__, {} }; \
	TEST_F(fixture, name) { run_trials(_metadata, &self->env, fixture##_##name##_trials); }

#endif
