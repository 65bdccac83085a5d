// SPDX-License-Identifier: GPL-2.0
/*
 * R14: POLL ops in a select: descriptors of all kinds, ready at once and later,
 * together with sends and receives, which must not lose messages or their
 * places in the wait queues.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

enum kind {
	TIMER,
	CHILD,
	SOCKET,
	PIPE_IN,
	PIPE_OUT,
	PIPE_HANGUP,
	SIGNAL,
	EVENT,
	EPOLL,
	CHANNEL_IN,
	CHANNEL_OUT,
};

/* A descriptor that is not ready, and what is needed to make it ready. */
struct source {
	enum kind kind;
	int fd;
	int other;
	pid_t pid;
	struct job *job;
};

FIXTURE(source) {
	int idle;
	struct source s;
};

FIXTURE_VARIANT(source) {
	enum kind kind;
	unsigned int events;
	unsigned int revents;
};

FIXTURE_VARIANT_ADD(source, timerfd) {
	.kind = TIMER, .events = POLLIN, .revents = POLLIN,
};

FIXTURE_VARIANT_ADD(source, pidfd) {
	.kind = CHILD, .events = POLLIN, .revents = POLLIN,
};

FIXTURE_VARIANT_ADD(source, socket) {
	.kind = SOCKET, .events = POLLIN, .revents = POLLIN,
};

FIXTURE_VARIANT_ADD(source, pipe) {
	.kind = PIPE_IN, .events = POLLIN, .revents = POLLIN,
};

FIXTURE_VARIANT_ADD(source, full_pipe) {
	.kind = PIPE_OUT, .events = POLLOUT, .revents = POLLOUT,
};

FIXTURE_VARIANT_ADD(source, pipe_hangup) {
	.kind = PIPE_HANGUP, .events = 0, .revents = POLLHUP,
};

FIXTURE_VARIANT_ADD(source, signalfd) {
	.kind = SIGNAL, .events = POLLIN, .revents = POLLIN,
};

FIXTURE_VARIANT_ADD(source, eventfd) {
	.kind = EVENT, .events = POLLIN, .revents = POLLIN,
};

FIXTURE_VARIANT_ADD(source, epoll) {
	.kind = EPOLL, .events = POLLIN, .revents = POLLIN,
};

FIXTURE_VARIANT_ADD(source, channel_in) {
	.kind = CHANNEL_IN, .events = POLLIN, .revents = POLLIN,
};

FIXTURE_VARIANT_ADD(source, channel_out) {
	.kind = CHANNEL_OUT, .events = POLLOUT, .revents = POLLOUT,
};

static void make_child(struct source *s)
{
	s->pid = child();
	if (!s->pid) {
		pause();
		_exit(1);
	}
	s->fd = syscall(SYS_pidfd_open, s->pid, 0);
}

static void make_pipe(struct source *s)
{
	static const char page[4096];
	int fds[2];

	if (pipe2(fds, O_NONBLOCK))
		return;
	s->fd = fds[s->kind == PIPE_OUT];
	s->other = fds[s->kind != PIPE_OUT];
	while (s->kind == PIPE_OUT && write(s->fd, page, sizeof(page)) > 0)
		;
}

static void make_socket(struct source *s)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		return;
	s->fd = fds[0];
	s->other = fds[1];
}

static void make_signal(struct source *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->fd = signalfd(-1, &set, 0);
}

static void make_epoll(struct source *s)
{
	struct epoll_event event = { .events = EPOLLIN };

	s->fd = epoll_create1(0);
	s->other = eventfd(0, 0);
	epoll_ctl(s->fd, EPOLL_CTL_ADD, s->other, &event);
}

static void make_source(struct source *s, enum kind kind)
{
	s->kind = kind;
	s->fd = -1;
	switch (kind) {
	case TIMER:
		s->fd = timerfd_create(CLOCK_MONOTONIC, 0);
		break;
	case CHILD:
		make_child(s);
		break;
	case SOCKET:
		make_socket(s);
		break;
	case SIGNAL:
		make_signal(s);
		break;
	case EVENT:
		s->fd = eventfd(0, 0);
		break;
	case EPOLL:
		make_epoll(s);
		break;
	case CHANNEL_IN:
	case CHANNEL_OUT:
		s->fd = ch_make(0, 16, 0);
		break;
	default:
		make_pipe(s);
	}
}

static void become_ready(struct source *s)
{
	const struct itimerspec soon = { .it_value.tv_nsec = 1 };
	static char page[4096];

	switch (s->kind) {
	case TIMER:
		timerfd_settime(s->fd, 0, &soon, NULL);
		break;
	case CHILD:
		kill(s->pid, SIGKILL);
		break;
	case SIGNAL:
		kill(getpid(), SIGUSR2);
		break;
	case SOCKET:
	case PIPE_IN:
		ch_send(s->other, "a", 1);
		break;
	case PIPE_OUT:
		while (read(s->other, page, sizeof(page)) > 0)
			;
		break;
	case PIPE_HANGUP:
		close(s->other);
		break;
	case EVENT:
		eventfd_write(s->fd, 1);
		break;
	case EPOLL:
		eventfd_write(s->other, 1);
		break;
	case CHANNEL_IN:
		s->job = job_send_text(BY_THREAD, s->fd, "a");
		break;
	case CHANNEL_OUT:
		s->job = job_recv(BY_THREAD, s->fd, 16);
		break;
	}
}

FIXTURE_SETUP(source)
{
	self->idle = ch_make(0, 16, 0);
	ASSERT_LE(0, self->idle);
	make_source(&self->s, variant->kind);
	ASSERT_LE(0, self->s.fd);
}

FIXTURE_TEARDOWN(source)
{
}

/* R14: not ready, then ready before the call. */
TEST_F(source, r14_ready)
{
	struct call *call = call_select(self->idle);
	struct pollfd pfd = { .fd = self->s.fd, .events = variant->events };

	call_recv(call, self->idle);
	call_poll(call, self->s.fd, variant->events);
	EXPECT_EQ(-EAGAIN, call_try(call));
	EXPECT_EQ(variant->events, call->ops[1].events);
	call->arg.timeout = now_ns() + 1000000;
	EXPECT_EQ(-ETIMEDOUT, call_now(call));
	become_ready(&self->s);
	ASSERT_EQ(1, poll(&pfd, 1, WAIT_LIMIT * 1000));
	call_reset(call);
	EXPECT_EQ(1, call_now(call));
	EXPECT_EQ(0, call->ops[1].result);
	EXPECT_EQ(variant->revents, call->ops[1].events);
	/* polling consumes nothing */
	EXPECT_EQ(1, poll(&pfd, 1, 0));
}

/* R14: the descriptor becomes ready while the select is blocked. */
TEST_F(source, r14_wakes)
{
	struct call *call = call_select(self->idle);

	call_recv(call, self->idle);
	call_poll(call, self->s.fd, variant->events);
	call_send(call, self->idle, "lost");
	call_start(call, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(self->idle, 1, 1));
	ASSERT_TRUE(wait_asleep(call->id));
	become_ready(&self->s);
	EXPECT_EQ(1, call_wait(call));
	EXPECT_EQ(1U, call->arg.index);
	EXPECT_EQ(variant->revents, call->ops[1].events);
	EXPECT_TRUE(no_waiters(self->idle));
}

/* R14: a message arrives while the polled descriptor is not ready. */
TEST_F(source, r14_message_wakes)
{
	struct call *call = call_select(self->idle);

	call_poll(call, self->s.fd, variant->events);
	call_recv(call, self->idle);
	call_start(call, BY_THREAD);
	ASSERT_TRUE(wait_for_waiters(self->idle, 0, 1));
	ASSERT_TRUE(wait_asleep(call->id));
	EXPECT_EQ(1, try_send_text(self->idle, "a"));
	EXPECT_EQ(1, call_wait(call));
	EXPECT_STREQ("a", call_text(call, 1));
	EXPECT_EQ(UNTOUCHED, call->ops[0].result);
}

/* R14: polling the handle on which the call is made. */
TEST(r14_same_handle)
{
	const int ch = ch_make(1, 16, 0);
	struct call *call = call_select(ch);

	call_poll(call, ch, POLLIN);
	EXPECT_EQ(-EAGAIN, call_try(call));
	call_start(call, BY_THREAD);
	ASSERT_TRUE(wait_in_syscall(call->id, SYS_ioctl));
	ASSERT_TRUE(wait_asleep(call->id));
	EXPECT_EQ(1, send_text(ch, "a"));
	EXPECT_EQ(0, call_wait(call));
	EXPECT_EQ(1U, ch_info(ch).len);

	call->ops[0].events = POLLOUT;
	EXPECT_EQ(-EAGAIN, call_try(call));
	call_start(call, BY_THREAD);
	ASSERT_TRUE(wait_in_syscall(call->id, SYS_ioctl));
	ASSERT_TRUE(wait_asleep(call->id));
	EXPECT_STREQ("a", recv_text(ch));
	EXPECT_EQ(0, call_wait(call));
	EXPECT_EQ(POLLOUT, (int)call->ops[0].events);
}

/* R14: the events are those of poll(2): the requested ones, errors and hangup. */
TEST(r14_events)
{
	struct pollfd pfd = { .events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP };
	struct call *call = call_select(ch_make(0, 16, 0));
	struct gochan_op *op;
	int fds[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	ASSERT_EQ(1, write(fds[1], "a", 1));
	op = call_poll(call, fds[0], POLLIN);
	EXPECT_EQ(0, call_now(call));
	EXPECT_EQ(POLLIN, (int)op->events);
	op->events = POLLOUT;
	EXPECT_EQ(0, call_now(call));
	EXPECT_EQ(POLLOUT, (int)op->events);
	op->events = POLLIN | POLLOUT;
	EXPECT_EQ(0, call_now(call));
	EXPECT_EQ(POLLIN | POLLOUT, (int)op->events);
	op->events = 0;
	EXPECT_EQ(-EAGAIN, call_try(call));
	op->events = POLLPRI;
	EXPECT_EQ(-EAGAIN, call_try(call));

	ASSERT_EQ(0, shutdown(fds[1], SHUT_WR));
	op->events = POLLRDHUP;
	EXPECT_EQ(0, call_now(call));
	EXPECT_EQ(POLLRDHUP, (int)op->events);
	close(fds[1]);
	pfd.fd = fds[0];
	ASSERT_EQ(1, poll(&pfd, 1, 0));
	op->events = pfd.events;
	EXPECT_EQ(0, call_now(call));
	EXPECT_EQ(pfd.revents, (int)op->events);
	op->events = 0;
	EXPECT_EQ(0, call_now(call));
	EXPECT_EQ(pfd.revents & (POLLERR | POLLHUP), (int)op->events);
}

/* R13, R14: the events of a channel that hangs up. */
TEST(r13_r14_hangup_events)
{
	struct call *call;
	int fds[2];

	ASSERT_EQ(0, ch_pair(fds, 1, 16, 0));
	call = call_select(fds[0]);
	call_poll(call, fds[0], 0);
	EXPECT_EQ(-EAGAIN, call_try(call));
	call_start(call, BY_THREAD);
	ASSERT_TRUE(wait_in_syscall(call->id, SYS_ioctl));
	ASSERT_TRUE(wait_asleep(call->id));
	close(fds[1]);
	EXPECT_EQ(0, call_wait(call));
	EXPECT_EQ(POLLHUP, (int)call->ops[0].events);
}

/* R14: files without poll are always ready, O_PATH descriptors fail. */
TEST(r14_other_files)
{
	struct call *call = call_select(ch_make(0, 16, 0));
	const int dir = open("/", O_RDONLY | O_DIRECTORY);
	const int path = open("/", O_PATH);
	struct gochan_op *op = call_poll(call, dir, POLLIN | POLLOUT);

	ASSERT_LE(0, dir);
	ASSERT_LE(0, path);
	EXPECT_EQ(0, call_now(call));
	EXPECT_EQ(POLLIN | POLLOUT, (int)op->events);
	op->fd = path;
	EXPECT_EQ(-EBADF, call_now(call));
	EXPECT_EQ(-EBADF, op->result);
	EXPECT_EQ(0U, call->arg.index);
}

/* R14: one descriptor in many ops, and many different ones. */
TEST(r14_many_polls)
{
	const int hub = ch_make(0, 16, 0);
	struct gochan_op ops[200];
	struct call *call = call_select(hub);
	int i, fd;

	ops[0] = GOCHAN_POLL(eventfd(0, 0), POLLIN);
	for (i = 1; i < 200; i++)
		ops[i] = GOCHAN_POLL(i % 2 ? eventfd(0, 0) : ops[0].fd, POLLIN);
	ops[0] = GOCHAN_RECV(hub, call->bufs[0], CALL_ROOM);
	call->arg.ops = (unsigned long)ops;
	call->arg.count = 200;
	for (i = 101; i < 200; i += 98) {
		fd = ops[i].fd;
		ASSERT_LE(0, fd);
		call_start(call, BY_THREAD);
		ASSERT_TRUE(wait_for_waiters(hub, 0, 1));
		ASSERT_TRUE(wait_asleep(call->id));
		ASSERT_EQ(0, eventfd_write(fd, 1));
		EXPECT_EQ(i, call_wait(call));
		EXPECT_EQ(POLLIN, (int)ops[i].events);
		ops[i].fd = -1;
	}
}

/* R8, R14: close(2) does not wake a select, which keeps references to its files. */
TEST(r8_r14_closed_descriptor)
{
	const int hub = ch_make(0, 16, 0);
	const int ch = ch_make(0, 16, 0);
	const int event = eventfd(0, 0);
	const int held = ch_dup(ch, O_RDWR);
	const int held_event = dup(event);
	struct call *call;
	int i;

	for (i = 0; i < 2; i++) {
		const int fd = dup(held), fd_event = dup(held_event);

		ASSERT_LE(0, fd);
		ASSERT_LE(0, fd_event);
		call = call_select(hub);
		call_recv(call, fd);
		call_poll(call, fd_event, POLLIN);
		call_start(call, BY_THREAD);
		ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
		ASSERT_TRUE(wait_asleep(call->id));
		close(fd);
		close(fd_event);
		ASSERT_TRUE(wait_asleep(call->id));
		EXPECT_FALSE(call_done(call));
		EXPECT_TRUE(i ? !eventfd_write(event, 1) : try_send_text(ch, "a") == 1);
		EXPECT_EQ(i, call_wait(call));
	}
}

/* R7, R14: selects that poll are not queued, and do not delay receivers. */
TEST(r7_r14_pollers_not_queued)
{
	const int ch = ch_make(0, 16, 0);
	struct call *calls[3];
	struct job *receiver;
	int i;

	for (i = 0; i < 3; i++) {
		calls[i] = call_select(ch);
		call_poll(calls[i], ch, POLLIN);
		call_start(calls[i], BY_THREAD);
		ASSERT_TRUE(wait_in_syscall(calls[i]->id, SYS_ioctl));
		ASSERT_TRUE(wait_asleep(calls[i]->id));
	}
	EXPECT_TRUE(no_waiters(ch));
	EXPECT_EQ(-EAGAIN, try_send_text(ch, "a"));
	receiver = job_recv(BY_THREAD, ch, 16);
	ASSERT_TRUE(wait_for_waiters(ch, 0, 1));
	EXPECT_EQ(1, try_send_text(ch, "a"));
	EXPECT_STREQ("a", job_text(receiver));

	receiver = job_send_text(BY_THREAD, ch, "b");
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, call_wait(calls[i]));
	EXPECT_EQ(1U, ch_info(ch).senders_waiting);
	EXPECT_STREQ("b", recv_text(ch));
	EXPECT_EQ(1, job_wait(receiver));
}

/*
 * R7, R14: a select that is woken by a poll wait queue and finds nothing ready
 * keeps its place. A signalfd wakes its pollers for any signal, also for one that
 * it does not report.
 */
TEST(r7_r14_keeps_its_place)
{
	const int recvs = ch_make(0, 16, 0);
	const int sends = ch_make(0, 16, 0);
	struct job *receiver, *sender;
	struct call *call;
	struct source signals;
	sigset_t others;
	long before;
	int i, turn;

	make_source(&signals, SIGNAL);
	sigemptyset(&others);
	sigaddset(&others, SIGRTMIN);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &others, NULL));
	for (turn = 0; turn < 2; turn++) {
		call = call_select(recvs);
		call_recv(call, recvs);
		call_send(call, sends, "first");
		call_poll(call, signals.fd, POLLIN);
		call_start(call, BY_THREAD);
		ASSERT_TRUE(wait_for_waiters(recvs, 0, 1));
		ASSERT_TRUE(wait_for_waiters(sends, 1, 0));
		ASSERT_TRUE(wait_asleep(call->id));
		receiver = job_recv(BY_THREAD, recvs, 16);
		sender = job_send_text(BY_THREAD, sends, "second");
		ASSERT_TRUE(wait_for_waiters(recvs, 0, 2));
		ASSERT_TRUE(wait_for_waiters(sends, 2, 0));
		for (i = 0; i < 10; i++) {
			before = sleeps(call->id);
			ASSERT_EQ(0, kill(getpid(), SIGRTMIN));
			ASSERT_TRUE(wait_slept_again(call->id, before));
		}
		EXPECT_FALSE(call_done(call));
		if (!turn) {
			EXPECT_EQ(5, try_send_text(recvs, "first"));
			EXPECT_EQ(0, call_wait(call));
			EXPECT_STREQ("first", call_text(call, 0));
			EXPECT_STREQ("second", try_recv_text(sends));
		} else {
			EXPECT_STREQ("first", try_recv_text(sends));
			EXPECT_EQ(1, call_wait(call));
			EXPECT_STREQ("second", try_recv_text(sends));
		}
		EXPECT_EQ(6, try_send_text(recvs, "second"));
		EXPECT_STREQ("second", job_text(receiver));
		EXPECT_EQ(6, job_wait(sender));
		EXPECT_TRUE(no_waiters(recvs));
		EXPECT_TRUE(no_waiters(sends));
	}
}

/* One thread selects over a channel and an eventfd, others make them ready. */
struct race {
	int ch;
	int event;
	int got;
	int polled;
	int end;
};

static void *select_both(void *arg)
{
	struct race *race = arg;
	struct call *call = call_select(race->ch);
	eventfd_t value;

	call_recv(call, race->ch);
	call_poll(call, race->event, POLLIN);
	for (;;) {
		call_reset(call);
		call->ops[1].events = POLLIN;
		race->end = call_now(call);
		if (race->end < 0 || call->ops[race->end].result)
			return NULL;
		race->got += race->end == 0;
		race->polled += race->end == 1;
		if (race->end == 1)
			eventfd_read(race->event, &value);
	}
}

/* R1, R14: concurrent messages and events are neither lost nor duplicated. */
TEST(r1_r14_message_and_event)
{
	struct race race = { .ch = ch_make(0, 16, 0), .event = eventfd(0, EFD_SEMAPHORE) };
	pthread_t thread;
	int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, select_both, &race));
	for (i = 0; i < 500; i++) {
		ASSERT_EQ(0, eventfd_write(race.event, 1));
		ASSERT_EQ(1, send_text(race.ch, "a"));
	}
	while (ch_poll(race.event) & POLLIN)
		ASSERT_TRUE(wait_for_waiters(race.ch, 0, 1));
	ASSERT_TRUE(wait_for_waiters(race.ch, 0, 1));
	ASSERT_EQ(0, ch_close(race.ch));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, race.end);
	EXPECT_EQ(500, race.got);
	EXPECT_EQ(500, race.polled);
	EXPECT_EQ(500U, ch_info(race.ch).received);
}

static void *toggle(void *arg)
{
	struct race *race = arg;
	eventfd_t value;

	while (!__atomic_load_n(&race->end, __ATOMIC_SEQ_CST)) {
		eventfd_write(race->event, 1);
		eventfd_read(race->event, &value);
	}
	return NULL;
}

/* R1, R14: no wakeup is lost while poll events keep waking the select. */
TEST(r1_r14_constant_poll_events)
{
	struct race race = { .ch = ch_make(0, 16, 0), .event = eventfd(0, EFD_NONBLOCK) };
	struct race idle = { .event = race.event };
	pthread_t selecter, toggler;
	int i;

	ASSERT_EQ(0, pthread_create(&selecter, NULL, select_both, &race));
	ASSERT_EQ(0, pthread_create(&toggler, NULL, toggle, &idle));
	for (i = 0; i < 300; i++)
		ASSERT_EQ(1, send_text(race.ch, "a"));
	__atomic_store_n(&idle.end, 1, __ATOMIC_SEQ_CST);
	ASSERT_EQ(0, pthread_join(toggler, NULL));
	ASSERT_EQ(0, ch_close(race.ch));
	ASSERT_EQ(0, pthread_join(selecter, NULL));
	EXPECT_EQ(0, race.end);
	EXPECT_EQ(300, race.got);
}

TEST_HARNESS_MAIN
