// SPDX-License-Identifier: GPL-2.0
/*
 * One program: its processes, the actors that are threads of them, their end.
 *
 * The first process is the init of a PID namespace, so that when it is gone
 * all are gone. Its first thread does what comes first of all, forks the other
 * processes, and watches. When no call has ended for a while, everybody waits
 * for somebody: then it closes all channels, looks a while longer, and ends,
 * which kills the rest.
 */
#include "actor.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "cover.h"

/*
 * Milliseconds that we get to see without the end of a call; seconds in all,
 * and those that a busy machine may need to wake somebody.
 */
#define IDLE_LIMIT	12
#define NUDGE_LIMIT	3
#define RUN_LIMIT	1
#define WAKE_LIMIT	5

/* Messages that one call may send. */
#define MOST_AT_ONCE	(OP_ROOM / LEAST_NUMBERED)

static struct actor all[MAX_ACTORS + 1];
static struct process process;		/* each has its own */

/* ---- actors ---- */

static void actor_begin(struct actor *actor)
{
	actor->fail_fd = open("/proc/thread-self/fail-nth", O_WRONLY | O_CLOEXEC);
	actor->board->actors[actor->index].pid = getpid();
	__atomic_store_n(&actor->board->actors[actor->index].tid, gettid(), __ATOMIC_SEQ_CST);
	cover_begin(actor->index);
}

static void run_round(struct actor *actor)
{
	const struct program *prog = actor->prog;
	struct board *board = actor->board;
	unsigned int i;

	for (i = 0; i < prog->nr_calls; i++) {
		if (prog->calls[i].actor != actor->index ||
		    actor->sent + MOST_AT_ONCE > MAX_MESSAGES)
			continue;
		board->actors[actor->index].at = i;
		board->actors[actor->index].in_call = true;
		do_call(actor, &prog->calls[i]);
		board->actors[actor->index].in_call = false;
		__atomic_fetch_add(&board->progress, 1, __ATOMIC_SEQ_CST);
	}
}

static void run_calls(struct actor *actor, unsigned int rounds)
{
	while (rounds-- && !actor->board->stop)
		run_round(actor);
	__atomic_store_n(&actor->board->actors[actor->index].done, true, __ATOMIC_SEQ_CST);
}

static void *actor_thread(void *arg)
{
	struct actor *actor = arg;

	actor_begin(actor);
	pthread_barrier_wait(&actor->board->start);
	run_calls(actor, actor->prog->rounds);
	return NULL;
}

/* The actors of a process; with @mine the first of them is its first thread. */
static void start_actors(const struct program *prog, unsigned int which, bool mine)
{
	struct actor *first = NULL;
	pthread_attr_t attr;
	pthread_t thread;
	unsigned int i;

	pthread_attr_init(&attr);
	for (i = 0; i < prog->actors; i++) {
		if (prog->process[i] != which)
			continue;
		pthread_attr_setstack(&attr, all[i].stack, STACK);
		if (mine && !first)
			first = &all[i];
		else if (pthread_create(&thread, &attr, actor_thread, &all[i]))
			err(1, "pthread_create");
	}
	if (first)
		actor_thread(first);
}

static void *sleep_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void child_process(const struct program *prog, unsigned int which)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	uffd_of_process(&process);
	start_actors(prog, which, true);
	sleep_for_ever(NULL);
}

static bool has_process(const struct program *prog, unsigned int which)
{
	unsigned int i;

	for (i = 0; i < prog->actors; i++)
		if (prog->process[i] == which)
			return true;
	return false;
}

static void start_processes(const struct program *prog)
{
	unsigned int i;

	for (i = 1; i < MAX_PROCESSES; i++)
		if (has_process(prog, i) && !fork())
			child_process(prog, i);
	start_actors(prog, 0, false);
}

/* ---- watching ---- */

static bool all_done(const struct program *prog, const struct board *board)
{
	unsigned int i;

	for (i = 0; i < prog->actors; i++)
		if (!__atomic_load_n(&board->actors[i].done, __ATOMIC_SEQ_CST))
			return false;
	return true;
}

/*
 * True when all are done, false when nothing happens for a while; for a longer
 * one when it was @nudged_at the last call that ended.
 */
static bool watch_until_idle(const struct program *prog, struct board *board,
			     unsigned int nudged_at)
{
	const time_t begin = time(NULL);
	unsigned int idle = 0, limit = 1, last = 0;

	while (idle < limit && time(NULL) <= begin + RUN_LIMIT) {
		const unsigned int progress = __atomic_load_n(&board->progress, __ATOMIC_SEQ_CST);

		if (all_done(prog, board))
			return true;
		limit = prog->nudged && progress != nudged_at ? NUDGE_LIMIT : IDLE_LIMIT;
		idle = progress == last ? idle + 1 : 0;
		last = progress;
		usleep(1000);
	}
	return false;
}

/* Give whoever waits something to give up for. */
static void nudge(const struct program *prog, const struct board *board)
{
	unsigned int i;

	for (i = 0; i < prog->actors; i++)
		if (!board->actors[i].done)
			syscall(SYS_tgkill, board->actors[i].pid, board->actors[i].tid, SIGUSR1);
}

/* Does any actor go on waiting where there is nothing to wait for? */
static bool find_stuck(const struct program *prog, const struct board *board, unsigned int *which)
{
	for (*which = 0; *which < prog->actors; ++*which)
		if (is_stuck(prog, board, &process, *which))
			return true;
	return false;
}

static void check_stuck(const struct program *prog, const struct board *board)
{
	const unsigned int progress = board->progress;
	unsigned int tries = WAKE_LIMIT * 100, which;

	while (find_stuck(prog, board, &which)) {
		if (__atomic_load_n(&board->progress, __ATOMIC_SEQ_CST) != progress)
			return;
		if (!tries--) {
			all[which].call = &prog->calls[board->actors[which].at];
			wrong(&all[which], "it waits although all its channels are closed");
			return;
		}
		usleep(10000);
	}
}

/* True when all are done, false when nothing happens any more. */
static bool watch(const struct program *prog, struct board *board)
{
	const time_t begin = time(NULL);
	unsigned int nudged_at = ~0U;

	while (!watch_until_idle(prog, board, nudged_at)) {
		check_stuck(prog, board);
		if (!prog->nudged || board->progress == nudged_at || time(NULL) > begin + RUN_LIMIT)
			return false;
		nudged_at = board->progress;
		nudge(prog, board);
	}
	return true;
}

static void close_channels(void)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++) {
		const struct slot slot = slot_get(&process, i);

		if (slot.is_channel)
			ioctl(slot.fd, GOCHAN_IOC_CLOSE);
	}
}

/* ---- the ledger's end ---- */

static void drain(struct actor *actor)
{
	struct iovec iov = { actor->own, MESSAGES };
	const int fd = slot_get(&process, 0).fd;
	ssize_t ret;

	if (!slot_get(&process, 0).is_channel)
		return;
	if (process.fixed[0])
		iov.iov_len -= MESSAGES % (process.msg_size[0] ?: 1);
	while ((ret = preadv2(fd, &iov, 1, -1, RWF_NOWAIT)) > 0)
		ledger_received(actor, actor->own, ret,
				process.fixed[0] ? process.msg_size[0] : (size_t)ret, false);
}

/* What was sent and did not come. */
static unsigned int count_lost(const struct board *board)
{
	unsigned int lost = 0, i, j;

	for (i = 0; i <= MAX_ACTORS; i++)
		for (j = 0; j < MAX_MESSAGES; j++)
			lost += board->fates[i][j] == SENT && !board->received[i][j];
	return lost;
}

static unsigned int count_unsent(const struct board *board)
{
	unsigned int unsent = 0, i, j;

	for (i = 0; i <= MAX_ACTORS; i++)
		for (j = 0; j < MAX_MESSAGES; j++)
			unsent += board->fates[i][j] == NOT_SENT && board->received[i][j];
	return unsent;
}

static void check_ledger(struct actor *actor)
{
	const struct board *board = actor->board;
	unsigned int n;

	actor->call = NULL;
	if (board->finished)
		drain(actor);
	n = count_unsent(board);
	if (n)
		wrong(actor, "%u messages came although their sends failed", n);
	n = count_lost(board);
	if (board->finished && n > board->unknown)
		wrong(actor, "%u messages were lost, and %u received unseen", n, board->unknown);
}

/* When nothing happens any more, the sums are right. */
static void check_sums(struct actor *actor)
{
	const struct slot slot = slot_get(&process, 0);
	struct gochan_info info;

	if (!slot.is_channel || ioctl(slot.fd, GOCHAN_IOC_INFO, &info))
		return;
	if (info.sent - info.received != info.len)
		wrong(actor, "%llu sent, %llu received, %u inside", info.sent, info.received,
		      info.len);
	if (info.senders_waiting || info.receivers_waiting)
		wrong(actor, "%u senders and %u receivers wait who are not there",
		      info.senders_waiting, info.receivers_waiting);
}

/* ---- all of it ---- */

static void on_signal(int sig)
{
	(void)sig;
}

static void set_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGIO, &action, NULL);
	action.sa_flags = SA_RESTART;
	sigaction(SIGUSR2, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
}

static void prepare(const struct program *prog, struct board *board)
{
	pthread_barrierattr_t shared;
	unsigned int i;

	pthread_barrierattr_init(&shared);
	pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&board->start, &shared, prog->actors + 1);
	set_signals();
	for (i = 0; i <= MAX_ACTORS; i++)
		all[i] = (struct actor){
			.index = i,
			.prog = prog,
			.process = &process,
			.board = board,
			.fail_fd = -1,
		};
	memory_give(&process, all);
}

void exec_program(const struct program *prog, struct board *board)
{
	struct actor *first = &all[FIRST_OF_ALL];
	unsigned int i;

	prepare(prog, board);
	actor_begin(first);
	run_calls(first, 1);
	syscall(SYS_setresuid, 0, 0, 0);
	syscall(SYS_setresgid, 0, 0, 0);
	for (i = 0; i < SLOTS; i++)
		board->common |= slot_get(&process, i).is_channel << i;
	start_processes(prog);
	uffd_of_process(&process);
	pthread_barrier_wait(&board->start);
	board->finished = watch(prog, board);
	if (!board->finished) {
		board->stop = true;
		close_channels();
		board->finished = watch(prog, board);
	}
	if (prog->ledger)
		check_ledger(first);
	if (prog->ledger && board->finished)
		check_sums(first);
	_exit(0);
}
