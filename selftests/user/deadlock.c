// SPDX-License-Identifier: GPL-2.0
/*
 * R22: gochan deadlock: situations that are a deadlock, that are none, and that only
 * look so; what it says, and its exit status.
 */
#include <kselftest_harness.h>

#include "../lib/actors.h"

#include <fcntl.h>
#include <gochan.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMAND		"gochan deadlock"
#define NONE		0
#define FOUND		1
#define SUSPECTED	2
#define NO_ANSWER	5

#define KEPT_OPEN	" is kept open by processes that do not send to it: "
#define WITHOUT_PROC	"unshare -m sh -c "
#define ONE		PREFIX "one"
#define OTHER_NAME	PREFIX "other"

FIXTURE(deadlock) {
	struct stage stage;
};

FIXTURE_SETUP(deadlock)
{
	ASSERT_TRUE(stage_open(&self->stage, 0));
}

FIXTURE_TEARDOWN(deadlock)
{
	stage_clear(&self->stage);
	unlink_all();
}

static int deadlock(struct stage *stage)
{
	return run_command(stage, COMMAND);
}

/* When the actors have come to where they do not go on. */
static int deadlock_at_last(struct stage *stage)
{
	const struct wait wait = wait_begin();
	int status;

	do {
		status = deadlock(stage);
	} while (status == NONE && wait_more(&wait));
	return status;
}

/* Wait until so many tasks wait on channels. */
static bool wait_listed(struct stage *stage, int tasks)
{
	const struct wait wait = wait_begin();
	const char *c;
	int lines;

	do {
		lines = 0;
		if (!run_command(stage, "gochan ps")) {
			for (c = stage->output; *c; c++)
				lines += *c == '\n';
		}
		if (lines == tasks + 1)
			return true;
	} while (wait_more(&wait));
	return false;
}

static void play_pause(struct stage *stage)
{
	(void)stage;
	for (;;)
		pause();
}

/* ---- deadlocks ---- */

/* R22: each waits for a message of the next one. */
TEST_F(deadlock, r22_ring)
{
	struct stage *s = &self->stage;
	const pid_t a = actor(s, "<0 +w1"), b = actor(s, "<1 +w2"), c = actor(s, "<2 +w0");

	stage_leave(s);
	EXPECT_EQ(FOUND, deadlock(s));
	EXPECT_TRUE(output_has(s, "Deadlock: 3 tasks wait for each other, and nobody else can w"));
	EXPECT_TRUE(output_has(s, "  process %d (deadlock) has waited ", a));
	EXPECT_TRUE(output_has(s, "only these may send to it: process %d (descriptor ", c));
	EXPECT_TRUE(output_has(s, "  process %d (deadlock) has waited ", b));
	EXPECT_TRUE(output_has(s, "only these may send to it: process %d (descriptor ", a));
	EXPECT_TRUE(output_has(s, "  process %d (deadlock) has waited ", c));
	EXPECT_FALSE(strstr(s->output, "is kept open"));
}

/* R22: a process waits for its own message. */
TEST_F(deadlock, r22_self)
{
	struct stage *s = &self->stage;
	const int fd = s->w[0];
	const pid_t pid = actor(s, "<0 +w0");

	stage_leave(s);
	EXPECT_EQ(FOUND, deadlock(s));
	EXPECT_TRUE(output_has(s, "Deadlock: a task waits, and nobody else can wake it\n"));
	EXPECT_TRUE(output_has(s, "%sprocess %d (descriptor %d)\n", KEPT_OPEN, pid, fd));
}

/* R22: two processes send to each other, and both buffers are full. */
TEST_F(deadlock, r22_full_buffer)
{
	struct stage *s = &self->stage;
	int i;

	stage_leave(s);
	ASSERT_TRUE(stage_open(s, 2));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(1, send_text(s->w[0], "a"));
		ASSERT_EQ(1, send_text(s->w[1], "a"));
	}
	actor(s, ">0 +r1");
	actor(s, ">1 +r0");
	stage_leave(s);
	EXPECT_EQ(FOUND, deadlock(s));
	EXPECT_TRUE(output_has(s, "(2 of 2 inside); only these may receive from it: "));
}

/* A member that waits for a message before it is done, which is sent when it is done. */
static void play_wait_group(struct stage *stage)
{
	struct gochan_wg wg;

	if (gochan_wg_init(&wg, 1) || gochan_wg_add(&wg, 1))
		_exit(1);
	if (!child()) {
		close(stage->w[0]);
		perform(stage, "<0");
		gochan_wg_done(&wg);
		_exit(0);
	}
	close(stage->r[0]);
	gochan_wg_wait(&wg);
	ch_send(stage->w[0], "m", 1);
}

/* R22: a wait group, one of whose members is never done. */
TEST_F(deadlock, r22_wait_group)
{
	struct stage *s = &self->stage;
	const pid_t pid = actor_plays(s, "+r0 +w0", play_wait_group);

	stage_leave(s);
	ASSERT_TRUE(wait_blocked(pid, pid));
	EXPECT_EQ(FOUND, deadlock_at_last(s));
	EXPECT_TRUE(output_has(s, "Deadlock: 2 tasks wait for each other"));
}

static void play_client(struct stage *stage)
{
	char reply[16];

	gochan_call(stage->w[0], "m", 1, stage->r[1], reply, sizeof(reply), NULL, -1);
}

/* The server takes requests, and forgets to reply. */
static void play_server(struct stage *stage)
{
	char request[16];

	while (ch_recv(stage->r[0], request, sizeof(request)) > 0)
		;
}

/* R22: a call whose reply never comes. */
TEST_F(deadlock, r22_reply)
{
	struct stage *s = &self->stage;
	const pid_t client = actor_plays(s, "+w0 +r1", play_client);
	const pid_t server = actor_plays(s, "+r0 +w1", play_server);

	stage_leave(s);
	ASSERT_TRUE(wait_blocked(client, client));
	ASSERT_TRUE(wait_blocked(server, server));
	EXPECT_EQ(FOUND, deadlock_at_last(s));
	EXPECT_TRUE(output_has(s, "process %d (deadlock) has waited ", client));
	EXPECT_TRUE(output_has(s, "process %d (deadlock) has waited ", server));
}

/* R22: two selects, neither of which has an op that matches one of the other. */
TEST_F(deadlock, r22_select_select)
{
	struct stage *s = &self->stage;

	actor(s, "<0 <1 +w2 +r3");
	actor(s, "<2 >3 +w0 +w1");
	stage_leave(s);
	EXPECT_EQ(FOUND, deadlock(s));
	EXPECT_TRUE(output_has(s, "Deadlock: 2 tasks"));
	EXPECT_TRUE(output_has(s, ", in a select\n"));
}

/* R22: workers wait for the end, but each has kept the handle that sends. */
TEST_F(deadlock, r22_forgotten_handle)
{
	struct stage *s = &self->stage;
	const pid_t a = actor(s, "<0 +w0"), b = actor(s, "<0 +w0");
	const int fd = s->w[0];

	stage_leave(s);
	EXPECT_EQ(FOUND, deadlock(s));
	EXPECT_TRUE(output_has(s, "Deadlock: 2 tasks"));
	EXPECT_TRUE(output_has(s, "%s", KEPT_OPEN));
	EXPECT_TRUE(output_has(s, "process %d (descriptor %d)", a, fd));
	EXPECT_TRUE(output_has(s, "process %d (descriptor %d)", b, fd));
}

static void play_parent(struct stage *stage)
{
	const pid_t pid = child();

	if (!pid) {
		close(stage->w[0]);
		perform(stage, "<0");
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void play_grandparent(struct stage *stage)
{
	const pid_t pid = child();

	if (!pid) {
		play_parent(stage);
		_exit(0);
	}
	close(stage->w[0]);
	waitpid(pid, NULL, 0);
}

/* R22: a parent waits for its child, which waits for the end of what the parent has. */
TEST_F(deadlock, r22_parent)
{
	struct stage *s = &self->stage;
	const int fd = s->w[0];
	const pid_t pid = actor_plays(s, "+r0 +w0", play_parent);

	stage_leave(s);
	EXPECT_EQ(FOUND, deadlock_at_last(s));
	EXPECT_TRUE(output_has(s, "process %d (deadlock) waits for a child: ", pid));
	EXPECT_TRUE(output_has(s, "%sprocess %d (descriptor %d)\n", KEPT_OPEN, pid, fd));
	stage_clear(s);
	ASSERT_TRUE(stage_open(s, 0));
	actor_plays(s, "+r0 +w0", play_grandparent);
	stage_leave(s);
	EXPECT_EQ(FOUND, deadlock_at_last(s));
}

static void play_one_for_other(struct stage *stage)
{
	const int one = ch_open(ONE, O_RDONLY), other = ch_open(OTHER_NAME, O_WRONLY);

	(void)stage;
	if (one >= 0 && other >= 0)
		recv_text(one);
}

static void play_other_for_one(struct stage *stage)
{
	const int other = ch_open(OTHER_NAME, O_RDONLY), one = ch_open(ONE, O_WRONLY);

	(void)stage;
	if (one >= 0 && other >= 0)
		recv_text(other);
}

/* R22: with names it is only suspected, since others may open them; not once removed. */
TEST_F(deadlock, r22_named)
{
	struct stage *s = &self->stage;
	pid_t a, b;

	ASSERT_EQ(0, close(ch_make_named(ONE, 0, 0600)));
	ASSERT_EQ(0, close(ch_make_named(OTHER_NAME, 0, 0600)));
	a = actor_plays(s, "", play_one_for_other);
	b = actor_plays(s, "", play_other_for_one);
	stage_leave(s);
	ASSERT_TRUE(wait_blocked(a, a));
	ASSERT_TRUE(wait_blocked(b, b));
	EXPECT_EQ(SUSPECTED, deadlock(s));
	EXPECT_TRUE(output_has(s, "Suspected deadlock: 2 tasks wait for each other, and nobody"));
	EXPECT_TRUE(output_has(s, "    to receive from %s; only these may send to it: process %d ",
			       ONE, b));
	EXPECT_TRUE(output_has(s, "    to receive from %s; only these may send to it: process %d ",
			       OTHER_NAME, a));
	EXPECT_TRUE(output_has(s, "  " ONE " has a name, which others may open\n"));
	ASSERT_EQ(0, ch_unlink(ONE));
	EXPECT_EQ(SUSPECTED, deadlock(s));
	ASSERT_EQ(0, ch_unlink(OTHER_NAME));
	EXPECT_EQ(FOUND, deadlock(s));
}

static void play_listener(struct stage *stage)
{
	(void)stage;
	recv_text(ch_open(ONE, O_RDONLY));
}

static void play_opener(struct stage *stage)
{
	if (ch_open(ONE, O_WRONLY) >= 0)
		perform(stage, "<0");
}

/* R22: one waits for another, which is in a deadlock, but others may open what it waits on. */
TEST_F(deadlock, r22_certain_in_part)
{
	struct stage *s = &self->stage;
	pid_t a, b;

	ASSERT_EQ(0, close(ch_make_named(ONE, 0, 0600)));
	a = actor_plays(s, "<0 +w0", play_opener);
	b = actor_plays(s, "", play_listener);
	stage_leave(s);
	ASSERT_TRUE(wait_blocked(a, a));
	ASSERT_TRUE(wait_blocked(b, b));
	EXPECT_EQ(FOUND, deadlock(s));
	EXPECT_TRUE(output_has(s, "Deadlock: a task waits, and nobody else can wake it\n"
				  "Suspected: 1 more waits, and nobody else is seen "));
	EXPECT_TRUE(output_has(s, "  process %d (deadlock) has waited ", a));
	EXPECT_TRUE(output_has(s, "  process %d (deadlock) has waited ", b));
	EXPECT_TRUE(output_has(s, "  " ONE " has a name, which others may open\n"));
}

static void play_in_pid_namespace(struct stage *stage)
{
	if (unshare(CLONE_NEWPID))
		_exit(1);
	if (!fork()) {
		close(stage->w[1]);
		perform(stage, "<0");
		_exit(0);
	}
	/* the one inside is killed with its namespace, of which it is the first */
	close(stage->r[0]);
	wait(NULL);
}

/* R22: one of them is in another pid namespace. */
TEST_F(deadlock, r22_pid_namespace)
{
	struct stage *s = &self->stage;

	actor_plays(s, "<0 +w1", play_in_pid_namespace);
	actor(s, "<1 +w0");
	stage_leave(s);
	EXPECT_EQ(FOUND, deadlock_at_last(s));
	EXPECT_TRUE(output_has(s, "Deadlock: 2 tasks"));
	EXPECT_TRUE(output_has(s, " waits for a child: "));
	/* so that the namespace's first process goes, too */
	run_command(s, "kill -9 $(gochan ps | awk 'NR > 1 { print $1 }')");
}

static void *receive(void *stage)
{
	perform(stage, "<0");
	return NULL;
}

static int thread_ready;

static void *keep_own_descriptors(void *none)
{
	if (unshare(CLONE_FILES) || write(thread_ready, "r", 1) != 1)
		exit(1);
	for (;;)
		pause();
	return none;
}

static pthread_t thread;

static void play_join(struct stage *stage)
{
	pthread_create(&thread, NULL, receive, stage);
	pthread_join(thread, NULL);
}

/* R22: a thread waits for one that waits on a channel. */
TEST_F(deadlock, r22_join)
{
	struct stage *s = &self->stage;
	const pid_t pid = actor_plays(s, "<0 +w0", play_join);

	stage_leave(s);
	EXPECT_EQ(FOUND, deadlock_at_last(s));
	EXPECT_TRUE(output_has(s, "process %d (deadlock) waits for another of its threads\n",
			       pid));
	EXPECT_TRUE(output_has(s, "process %d (deadlock), thread ", pid));
}

/* ---- leases ---- */

/* Channel 0 becomes an acknowledged one with one slot, in which there is a message. */
static bool make_acked(struct stage *stage)
{
	int fds[2];

	if (ch_pair(fds, 1, 16, GOCHAN_ACK) || send_text(fds[1], "m") != 1)
		return false;
	close(stage->r[0]);
	close(stage->w[0]);
	stage->r[0] = fds[0];
	stage->w[0] = fds[1];
	return true;
}

static bool wait_leased(const struct stage *stage)
{
	const struct wait wait = wait_begin();

	do {
		if (ch_info(stage->r[0]).leased)
			return true;
	} while (wait_more(&wait));
	return false;
}

static void lease(struct stage *stage)
{
	struct gochan_lease got;
	char buf[16];

	if (gochan_recv_lease(stage->r[0], buf, sizeof(buf), NULL, &got) != 1)
		_exit(1);
}

static void play_lease_twice(struct stage *stage)
{
	lease(stage);
	lease(stage);
}

static void play_lease_and_receive(struct stage *stage)
{
	lease(stage);
	perform(stage, "<1");
}

static void play_lease_and_pause(struct stage *stage)
{
	lease(stage);
	play_pause(stage);
}

/* R22: a process that receives while it has the only lease waits for itself. */
TEST_F(deadlock, r22_own_lease)
{
	struct stage *s = &self->stage;
	pid_t pid;

	ASSERT_TRUE(make_acked(s));
	pid = actor_plays(s, "+r0", play_lease_twice);
	ASSERT_TRUE(wait_leased(s));
	stage_leave(s);
	ASSERT_TRUE(wait_blocked(pid, pid));
	EXPECT_EQ(FOUND, deadlock_at_last(s));
	EXPECT_TRUE(output_has(s, "(1 of 1 inside, 1 of them leased); only these have leases"));
	EXPECT_TRUE(output_has(s, " on it: process %d (descriptor ", pid));
	EXPECT_FALSE(strstr(s->output, "is kept open"));
}

/* R22: a sender waits for the one who has the lease; another one who may receive is no help. */
TEST_F(deadlock, r22_full_of_leases)
{
	struct stage *s = &self->stage;
	pid_t worker, other, sender;

	ASSERT_TRUE(make_acked(s));
	worker = actor_plays(s, "+r0 +r1", play_lease_and_receive);
	ASSERT_TRUE(wait_blocked(worker, worker));
	other = actor_plays(s, "+r0", play_pause);
	sender = actor(s, ">0 +w1");
	stage_leave(s);
	EXPECT_EQ(FOUND, deadlock(s));
	EXPECT_TRUE(output_has(s, "Deadlock: 2 tasks wait for each other"));
	EXPECT_TRUE(output_has(s, "only these have leases on it: process %d (descriptor ", worker));
	EXPECT_TRUE(output_has(s, "only these may send to it: process %d (descriptor ", sender));
	EXPECT_EQ(0, run_command(s, "gochan ps"));
	EXPECT_TRUE(output_has(s, " %d(deadlock)", worker));
	EXPECT_FALSE(output_has(s, " %d(deadlock)", other));
}

/* R22: a receiver may wait for the one who has the lease, though nobody may send any more. */
TEST_F(deadlock, r22_not_lease)
{
	struct stage *s = &self->stage;

	ASSERT_TRUE(make_acked(s));
	actor_plays(s, "+r0", play_lease_and_pause);
	ASSERT_TRUE(wait_leased(s));
	actor(s, "<0");
	stage_leave(s);
	EXPECT_EQ(NONE, deadlock(s));
}

/* ---- none ---- */

/* R22: a consumer that is slow will receive some time. */
TEST_F(deadlock, r22_not_slow_consumer)
{
	struct stage *s = &self->stage;

	actor_plays(s, "+r0", play_pause);
	actor(s, ">0");
	stage_leave(s);
	EXPECT_EQ(NONE, deadlock(s));
	EXPECT_TRUE(output_has(s, "No deadlock\n"));
}

/* R22: a deadline ends it, and then the others go on. */
TEST_F(deadlock, r22_not_deadline)
{
	struct stage *s = &self->stage;

	actor(s, "<0 +w1 @");
	actor(s, "<1 +w2");
	actor(s, "<2 +w0");
	stage_leave(s);
	EXPECT_EQ(NONE, deadlock(s));
}

/* R22: a select that has a timer, too. */
TEST_F(deadlock, r22_not_timer)
{
	struct stage *s = &self->stage;

	actor(s, "<0 % +w1");
	actor(s, "<1 +w0");
	stage_leave(s);
	EXPECT_EQ(NONE, deadlock(s));
}

/* R22: a waiter on a named channel that no other process has open waits for the next open. */
TEST_F(deadlock, r22_not_listener)
{
	struct stage *s = &self->stage;
	pid_t pid;

	ASSERT_EQ(0, close(ch_make_named(ONE, 0, 0600)));
	pid = actor_plays(s, "+w0", play_listener);
	actor(s, "<0");
	stage_leave(s);
	ASSERT_TRUE(wait_blocked(pid, pid));
	EXPECT_EQ(NONE, deadlock(s));
}

static void play_socket(struct stage *stage)
{
	struct gochan_op ops[2];
	char buf[16];
	int socks[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, socks))
		_exit(1);
	ops[0] = GOCHAN_RECV(stage->r[0], buf, sizeof(buf));
	ops[1] = GOCHAN_POLL(socks[0], 1);
	gochan_select(ops, 2, -1, 0);
}

/* R22: a socket in the same select. */
TEST_F(deadlock, r22_not_socket)
{
	struct stage *s = &self->stage;
	const pid_t pid = actor_plays(s, "<0 +w0", play_socket);

	stage_leave(s);
	ASSERT_TRUE(wait_blocked(pid, pid));
	EXPECT_EQ(NONE, deadlock(s));
}

static bool is_in_state(pid_t pid, char state)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	return read_text(path, text, sizeof(text)) > 0 && strrchr(text, ')')[2] == state;
}

static bool wait_state(pid_t pid, char state)
{
	const struct wait wait = wait_begin();

	do {
		if (is_in_state(pid, state))
			return true;
	} while (wait_more(&wait));
	return false;
}

/* R22: a stopped process will be continued, before it waits and while it does. */
TEST_F(deadlock, r22_not_stopped)
{
	struct stage *s = &self->stage;
	pid_t pid;

	pid = actor(s, "<0 +w1");
	ASSERT_LT(0, pid);
	actor(s, "<1 +w0");
	stage_leave(s);
	ASSERT_EQ(0, kill(pid, SIGSTOP));
	ASSERT_TRUE(wait_state(pid, 'T'));
	EXPECT_EQ(NONE, deadlock(s));
	ASSERT_EQ(0, kill(pid, SIGCONT));
	ASSERT_TRUE(wait_blocked(pid, pid));
	EXPECT_EQ(FOUND, deadlock(s));
}

/* R22: nor is one a deadlock that a debugger has stopped. */
TEST_F(deadlock, r22_not_traced)
{
	struct stage *s = &self->stage;
	pid_t pid;

	pid = actor(s, "<0 +w1");
	ASSERT_LT(0, pid);
	actor(s, "<1 +w0");
	stage_leave(s);
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, pid, 0, 0));
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, pid, 0, 0));
	ASSERT_TRUE(wait_state(pid, 't'));
	EXPECT_EQ(NONE, deadlock(s));
}

/* Pass a message on, or with the test's help the first one. */
static void pass_on(int from, int to, bool first)
{
	char buf[16];

	for (;;) {
		if (!first)
			ch_recv(from, buf, sizeof(buf));
		first = false;
		ch_send(to, "m", 1);
	}
}

static void play_first(struct stage *stage)
{
	pass_on(stage->r[0], stage->w[1], true);
}

static void play_second(struct stage *stage)
{
	pass_on(stage->r[1], stage->w[2], false);
}

static void play_third(struct stage *stage)
{
	pass_on(stage->r[2], stage->w[0], false);
}

/* R22: a ring in which a message goes round, so that mostly all of them wait. */
TEST_F(deadlock, r22_not_moving)
{
	struct stage *s = &self->stage;
	int i;

	actor_plays(s, "<0 >1", play_first);
	actor_plays(s, "<1 >2", play_second);
	actor_plays(s, "<2 >0", play_third);
	stage_leave(s);
	for (i = 0; i < 20; i++)
		ASSERT_EQ(NONE, deadlock(s));
}

static void play_as_user(struct stage *stage)
{
	/* changing the ids made /proc/self root's */
	if (!become(USER) && !prctl(PR_SET_DUMPABLE, 1))
		perform(stage, "<0");
}

/* R22: who may not look at the process that could send only suspects. */
TEST_F(deadlock, r22_not_other_user)
{
	struct stage *s = &self->stage;
	const pid_t pid = actor_plays(s, "<0", play_as_user);

	actor_plays(s, "+w0", play_pause);
	stage_leave(s);
	ASSERT_TRUE(wait_blocked(pid, pid));
	EXPECT_EQ(NONE, deadlock(s));
	EXPECT_EQ(SUSPECTED, run_command_as(s, USER, "gochan deadlock"));
	EXPECT_TRUE(output_has(s, "Suspected deadlock: a task waits, and nobody else is seen "));
	EXPECT_TRUE(output_has(s, "nobody who was looked at may send to it\n"));
	EXPECT_TRUE(output_has(s, "Processes that could not be looked at and may have handles: "));
}

/* R22: a handle that is in a message on a socket. */
TEST_F(deadlock, r22_not_in_flight)
{
	struct stage *s = &self->stage;
	int socks[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks));
	ASSERT_EQ(0, send_fd(socks[0], s->w[0]));
	actor(s, "<0");
	stage_leave(s);
	EXPECT_EQ(SUSPECTED, deadlock(s));
	EXPECT_TRUE(output_has(s, " has a handle that may send to it and was not found: "));
	/* here it is */
	ASSERT_LE(0, recv_fd(socks[1]));
	EXPECT_EQ(NONE, deadlock(s));
}

static void play_thread(struct stage *stage)
{
	pthread_create(&thread, NULL, receive, stage);
	play_pause(stage);
}

/* R22: another thread of the process, which is not stuck, may send. */
TEST_F(deadlock, r22_not_thread)
{
	struct stage *s = &self->stage;

	actor_plays(s, "<0 +w0", play_thread);
	stage_leave(s);
	ASSERT_TRUE(wait_listed(s, 1));
	EXPECT_EQ(NONE, deadlock(s));
}

static void *sleep_on(void *none)
{
	for (;;)
		pause();
	return none;
}

/* A child whose first thread has exited, and whose other one could exit. */
static void play_parent_of_threads(struct stage *stage)
{
	const pid_t idle = child();

	if (!idle) {
		close(stage->r[0]);
		close(stage->w[0]);
		pthread_create(&thread, NULL, sleep_on, NULL);
		pthread_exit(NULL);
	}
	if (wait_state(idle, 'Z') && !child()) {
		close(stage->w[0]);
		perform(stage, "<0");
		_exit(0);
	}
	wait(NULL);
}

/* R22: a parent of a process whose first thread has exited before the others. */
TEST_F(deadlock, r22_not_first_thread)
{
	struct stage *s = &self->stage;
	const pid_t pid = actor_plays(s, "+r0 +w0", play_parent_of_threads);

	stage_leave(s);
	ASSERT_TRUE(wait_listed(s, 1));
	ASSERT_TRUE(wait_in_syscall(pid, SYS_wait4));
	EXPECT_EQ(NONE, deadlock(s));
}

/* The first child is stopped, but could exit. */
static void play_parent_of_stopped(struct stage *stage)
{
	const pid_t idle = child();

	if (!idle) {
		close(stage->r[0]);
		close(stage->w[0]);
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(idle, NULL, WUNTRACED);
	if (!child()) {
		close(stage->w[0]);
		perform(stage, "<0");
		_exit(0);
	}
	wait(NULL);
}

/* R22: a parent that waits for several children, of which one is not stuck. */
TEST_F(deadlock, r22_not_parent)
{
	struct stage *s = &self->stage;
	const pid_t pid = actor_plays(s, "+r0 +w0", play_parent_of_stopped);

	stage_leave(s);
	ASSERT_TRUE(wait_listed(s, 1));
	ASSERT_TRUE(wait_in_syscall(pid, SYS_wait4));
	EXPECT_EQ(NONE, deadlock(s));
}

/* Where a thread that sleeps or is stopped is in its program; 0 if it runs. */
static unsigned long program_counter(pid_t tid)
{
	char path[64], text[256];
	const char *last;

	snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
	if (read_text(path, text, sizeof(text)) <= 0)
		return 0;
	last = strrchr(text, ' ');
	return last ? strtoul(last, NULL, 0) : 0;
}

/*
 * Has a task that slept in a call, with this program counter, been stopped there? On arm64 a
 * task leaves its call to stop, and will begin it again: its next instruction, of 4 bytes, is
 * the one before.
 */
static bool is_stopped_in(pid_t pid, long call, unsigned long pc)
{
	return is_in_syscall(pid, call) || (pc && program_counter(pid) == pc - 4);
}

/* Start a command and stop it between its two looks; 0 if it was too late. */
static pid_t stopped_command(void)
{
	const struct wait wait = wait_begin();
	const pid_t command = child();
	unsigned long pc;
	int status;

	if (!command) {
		execlp("gochan", "gochan", "deadlock", "-q", NULL);
		_exit(101);
	}
	if (command < 0)
		return 0;
	while (!is_in_syscall(command, SYS_clock_nanosleep) && !is_in_state(command, 'Z') &&
	       wait_more(&wait))
		;
	pc = program_counter(command);
	kill(command, SIGSTOP);
	if (waitpid(command, &status, WUNTRACED) == command && WIFSTOPPED(status) &&
	    is_stopped_in(command, SYS_clock_nanosleep, pc))
		return command;
	reap_killed(command);
	return 0;
}

/* Let only this thread interrupt the call that it waits in, and begin it again. */
static bool interrupt(pid_t tid, long call)
{
	return !ptrace(PTRACE_SEIZE, tid, 0, 0) && !ptrace(PTRACE_INTERRUPT, tid, 0, 0) &&
	       wait_state(tid, 't') && !ptrace(PTRACE_DETACH, tid, 0, 0) &&
	       wait_in_syscall(tid, call);
}

/* The answer of a command between whose two looks a thread is interrupted. */
static int deadlock_while_interrupted(pid_t tid, long call)
{
	const struct wait wait = wait_begin();
	pid_t command;

	do {
		command = stopped_command();
	} while (!command && wait_more(&wait));
	if (!command)
		return -1;
	if (!interrupt(tid, call)) {
		reap_killed(command);
		return -1;
	}
	kill(command, SIGCONT);
	return reap(command);
}

/* R22: nor is it one if a task stopped waiting between the two looks. */
TEST_F(deadlock, r22_not_between_looks)
{
	struct stage *s = &self->stage;
	const pid_t pid = actor(s, "<0 +w0");

	ASSERT_LT(0, pid);
	stage_leave(s);
	EXPECT_EQ(FOUND, deadlock(s));
	EXPECT_EQ(NONE, deadlock_while_interrupted(pid, SYS_read));
}

/* R22: the same for a thread that waits for another, since when is not known. */
TEST_F(deadlock, r22_not_thread_between_looks)
{
	struct stage *s = &self->stage;
	const pid_t pid = actor_plays(s, "<0 +w0", play_join);

	ASSERT_LT(0, pid);
	stage_leave(s);
	EXPECT_EQ(FOUND, deadlock_at_last(s));
	EXPECT_EQ(NONE, deadlock_while_interrupted(pid, SYS_futex));
}

/* R22: and for a parent that waits for its child. */
TEST_F(deadlock, r22_not_parent_between_looks)
{
	struct stage *s = &self->stage;
	const pid_t pid = actor_plays(s, "+r0 +w0", play_parent);

	ASSERT_LT(0, pid);
	stage_leave(s);
	EXPECT_EQ(FOUND, deadlock_at_last(s));
	EXPECT_EQ(NONE, deadlock_while_interrupted(pid, SYS_wait4));
}

/* ---- the command ---- */

/* R22: who is not part of the deadlock is not named, and two are told apart. */
TEST_F(deadlock, r22_groups)
{
	struct stage *s = &self->stage;
	const pid_t self_a = actor(s, "<0 +w0"), self_b = actor(s, "<1 +w1");
	char name[32];
	pid_t slow;

	actor_plays(s, "+r2", play_pause);
	slow = actor(s, ">2");
	stage_leave(s);
	EXPECT_EQ(FOUND, deadlock(s));
	EXPECT_EQ(NULL, strstr(s->output, "2 tasks"));
	EXPECT_TRUE(output_has(s, "  process %d (deadlock) has waited ", self_a));
	EXPECT_TRUE(output_has(s, "  process %d (deadlock) has waited ", self_b));
	snprintf(name, sizeof(name), "process %d ", slow);
	EXPECT_EQ(NULL, strstr(s->output, name));
}

/* R22: -q says nothing, and --watch waits for the first deadlock. */
TEST_F(deadlock, r22_options)
{
	struct stage *s = &self->stage;
	pid_t watcher;

	EXPECT_EQ(NONE, run_command(s, "gochan deadlock -q"));
	EXPECT_STREQ("", s->output);
	watcher = child();
	if (!watcher) {
		stage_leave(s);
		_exit(run_command(s, "gochan deadlock -q --watch 0.01"));
	}
	actor(s, "<0 +w0");
	stage_leave(s);
	EXPECT_EQ(FOUND, reap(watcher));
	EXPECT_EQ(FOUND, run_command(s, "gochan deadlock -q"));
	EXPECT_STREQ("", s->output);
}

static void play_renamed(struct stage *stage)
{
	prctl(PR_SET_NAME, "a\"\033");
	perform(stage, "<0");
}

/* R22: commands that would change the terminal or the graph. */
TEST_F(deadlock, r22_odd_command)
{
	struct stage *s = &self->stage;
	const pid_t pid = actor_plays(s, "<0 +w0", play_renamed);

	stage_leave(s);
	ASSERT_TRUE(wait_blocked(pid, pid));
	EXPECT_EQ(FOUND, deadlock(s));
	EXPECT_TRUE(output_has(s, "  process %d (a\"\\033) ", pid));
	EXPECT_EQ(FOUND, run_command(s, "gochan deadlock --dot"));
	EXPECT_TRUE(output_has(s, " [shape=box, label=\"%d a\\\"\\\\033\", ", pid));
}

/* R22: --dot. */
TEST_F(deadlock, r22_dot)
{
	struct stage *s = &self->stage;
	const unsigned long long id = ch_info(s->r[0]).id;
	const int fd = s->w[0];
	pid_t pid;

	pid = actor(s, "<0 +w0");
	stage_leave(s);
	EXPECT_EQ(FOUND, run_command(s, "gochan deadlock --dot"));
	EXPECT_EQ(0, strncmp(s->output, "digraph gochan {\n", 17));
	EXPECT_TRUE(output_has(s, "\tp%d [shape=box, label=\"%d deadlock\", color=red];\n", pid,
			       pid));
	EXPECT_TRUE(output_has(s, "\tc%llu [shape=ellipse, label=\"#%llu\"];\n", id, id));
	EXPECT_TRUE(output_has(s, "\tp%d -> c%llu [label=\"receive, ", pid, id));
	EXPECT_TRUE(output_has(s, "\tc%llu -> p%d [label=\"may send, fd %d\", style=dashed];\n",
			       id, pid, fd));
}

/* R22: --dot, with a parent that waits for its child. */
TEST_F(deadlock, r22_dot_parent)
{
	struct stage *s = &self->stage;
	const pid_t pid = actor_plays(s, "+r0 +w0", play_parent);
	const char *edge;
	char text[64];
	int child_pid;

	stage_leave(s);
	ASSERT_EQ(FOUND, deadlock_at_last(s));
	ASSERT_EQ(FOUND, run_command(s, "gochan deadlock --dot"));
	EXPECT_TRUE(output_has(s, "\tp%d [shape=box, label=\"%d deadlock\", color=red];\n", pid,
			       pid));
	snprintf(text, sizeof(text), "\tp%d -> p", pid);
	edge = strstr(s->output, text);
	ASSERT_NE(NULL, edge);
	child_pid = atoi(edge + strlen(text));
	EXPECT_TRUE(output_has(s, "%s%d [label=\"waits for a child\", color=red];\n", text,
			       child_pid));
	EXPECT_TRUE(output_has(s, "\tp%d [shape=box, label=\"%d deadlock\", color=red];\n",
			       child_pid, child_pid));
}

/* R22: errors are no answers. */
TEST_F(deadlock, r22_errors)
{
	struct stage *s = &self->stage;

	EXPECT_EQ(NO_ANSWER, run_command(s, "gochan deadlock x"));
	EXPECT_EQ(NO_ANSWER, run_command(s, "gochan deadlock --watch x"));
	EXPECT_EQ(NO_ANSWER, run_command(s, "gochan deadlock --unknown"));
	EXPECT_EQ(NO_ANSWER, run_command(s, "gochan deadlock >/dev/full"));
	EXPECT_EQ(0, run_command(s, "gochan deadlock --help"));
	EXPECT_EQ(NULL, strstr(s->output, "No deadlock"));
	EXPECT_EQ(NO_ANSWER, run_command(s, WITHOUT_PROC "'umount -l /proc && gochan deadlock'"));
	EXPECT_TRUE(output_has(s, "gochan: /proc: not mounted, "));
	EXPECT_EQ(NO_ANSWER, run_command(s, "ulimit -n 3; exec gochan deadlock"));
	EXPECT_TRUE(output_has(s, "gochan: /proc: Too many open files\n"));
}

/* R22: what cannot be read for any reason is told. */
TEST_F(deadlock, r22_unread)
{
	struct stage *s = &self->stage;

	stage_leave(s);
	/* for /proc and one directory in it */
	EXPECT_EQ(NONE, run_command(s, "exec 3>&- 4>&-; ulimit -n 5; exec gochan deadlock"));
	EXPECT_TRUE(output_has(s, "Processes that could not be looked at and may have handles: "));
}

/* R22: an unprivileged user sees its own processes, and knows what it does not see. */
TEST_F(deadlock, r22_user)
{
	struct stage *s = &self->stage;
	const pid_t pid = actor_plays(s, "<0 +w0", play_as_user);

	stage_leave(s);
	ASSERT_TRUE(wait_blocked(pid, pid));
	EXPECT_EQ(SUSPECTED, run_command_as(s, USER, "gochan deadlock"));
	EXPECT_TRUE(output_has(s, "process %d (deadlock) has waited ", pid));
	EXPECT_EQ(NONE, run_command_as(s, OTHER, "gochan deadlock"));
	EXPECT_EQ(FOUND, deadlock(s));
}

#define ALICE		1000
#define HIDEPID		WITHOUT_PROC "'mount -t proc -o hidepid=2 none /proc && "
#define CONTAINER	"unshare -p -f -m sh -c 'mount -t proc none /proc && exec sh -c \"$0\"' "
/* It waits for what only itself could send. */
#define CAT		"(exec 3<>/dev/gochan; exec cat <&3) & " \
			"timeout 60 sh -c \"until gochan ps | grep -q cat; do :; done\"; "
#define THREADS_MAX	"/proc/sys/kernel/threads-max"

/* R22: inside a container, which has a /proc of its own. */
TEST_F(deadlock, r22_container)
{
	struct stage *s = &self->stage;

	actor(s, "<0 +w0");
	stage_leave(s);
	EXPECT_EQ(FOUND, run_command(s, CONTAINER "'" CAT "gochan deadlock'"));
	EXPECT_TRUE(output_has(s, "Deadlock: a task waits"));
	EXPECT_TRUE(output_has(s, " (cat) has waited "));
	EXPECT_EQ(NONE, run_command(s, CONTAINER "'gochan deadlock'"));
}

static void play_as_alice(struct stage *stage)
{
	if (!become(ALICE) && !prctl(PR_SET_DUMPABLE, 1))
		perform(stage, "<0");
}

/* R22: a /proc that hides the processes of other users. */
TEST_F(deadlock, r22_hidepid)
{
	struct stage *s = &self->stage;
	const pid_t pid = actor_plays(s, "<0 +w0", play_as_alice);

	stage_leave(s);
	ASSERT_TRUE(wait_blocked(pid, pid));
	EXPECT_EQ(SUSPECTED, run_command(s, HIDEPID "su alice -c \"gochan deadlock\"'"));
	EXPECT_TRUE(output_has(s, "(hidepid)"));
	EXPECT_EQ(FOUND, run_command(s, HIDEPID "gochan deadlock'"));
}

static int crowd_size(void)
{
	const char *scale = getenv("GOCHAN_SCALE_DOWN");

	return 10000 / (scale ? atoi(scale) : 1);
}

static void *receive_once(void *ch)
{
	recv_text((long)ch);
	return NULL;
}

static void play_crowd(struct stage *stage)
{
	pthread_attr_t attr;
	int i;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 32768);
	for (i = 1; i < crowd_size(); i++) {
		if (pthread_create(&thread, &attr, receive_once, (void *)(long)stage->r[0]))
			_exit(1);
	}
	perform(stage, "<0");
}

/* R22: all of a crowd, most of which fdinfo does not list. */
TEST_F(deadlock, r22_crowd)
{
	struct stage *s = &self->stage;
	char before[32];

	ASSERT_LT(0, read_text(THREADS_MAX, before, sizeof(before)));
	ASSERT_EQ(0, write_text(THREADS_MAX, "30000"));
	actor_plays(s, "<0 +w0", play_crowd);
	/* starting them may take half a minute */
	ASSERT_TRUE(wait_for_waiters(s->r[0], 0, crowd_size()) ||
		    wait_for_waiters(s->r[0], 0, crowd_size()));
	stage_leave(s);
	EXPECT_EQ(FOUND, deadlock(s));
	EXPECT_TRUE(output_has(s, "Deadlock: %d tasks", crowd_size()));
	EXPECT_TRUE(output_has(s, "  and %d more\n", crowd_size() - 20));
	EXPECT_EQ(0, run_command(s, "gochan ps | wc -l"));
	EXPECT_EQ(crowd_size() + 1, atoi(s->output));
	stage_clear(s);
	EXPECT_EQ(0, write_text(THREADS_MAX, before));
}

static void play_short_lives(struct stage *stage)
{
	pid_t pids[8];
	size_t i;

	for (;;) {
		for (i = 0; i < 8; i++) {
			pids[i] = child();
			if (!pids[i]) {
				if (i % 2)
					close(stage->w[0]);
				perform(stage, "<0");
			}
		}
		for (i = 0; i < 8; i++)
			reap_killed(pids[i]);
	}
}

/* R22: processes that come and go while they are looked at, and one that is stuck. */
TEST_F(deadlock, r22_short_lives)
{
	struct stage *s = &self->stage;
	int i;

	actor_plays(s, "<0 +w0", play_short_lives);
	actor(s, "<1 +w1");
	stage_leave(s);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(FOUND, deadlock(s));
		ASSERT_TRUE(output_has(s, "Deadlock: a task"));
		ASSERT_EQ(0, run_command(s, "gochan ps --json"));
	}
}

/* The thread keeps descriptors that the others do not have any more. */
static void play_own_descriptors(struct stage *stage)
{
	int ready[2];

	if (pipe(ready))
		_exit(1);
	thread_ready = ready[1];
	pthread_create(&thread, NULL, keep_own_descriptors, NULL);
	while (read(ready[0], ready, 1) != 1)
		;
	close(stage->w[0]);
	perform(stage, "<1");
}

/* R22: a thread that has descriptors of its own. */
TEST_F(deadlock, r22_not_own_descriptors)
{
	struct stage *s = &self->stage;
	pid_t pid;

	pid = actor_plays(s, "<1 +w0", play_own_descriptors);
	actor(s, "<0 +w1");
	stage_leave(s);
	ASSERT_TRUE(wait_blocked(pid, pid));
	EXPECT_EQ(NONE, deadlock(s));
}

TEST_HARNESS_MAIN
