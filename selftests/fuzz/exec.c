// SPDX-License-Identifier: GPL-2.0
/*
 * Runs one program: starts its processes and their threads, the actors, watches
 * them, and ends them.
 *
 * The first process is the init of a PID namespace, so that its exit kills all
 * others. Its first thread executes the setup calls, forks the other processes, and
 * watches. When no call has returned for a while, all actors are blocked: then it
 * closes all channels, watches a while longer, and exits.
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
 * IDLE_LIMIT and NUDGE_LIMIT: milliseconds without progress, counted while this
 * process runs. RUN_LIMIT: seconds in all. WAKE_LIMIT: seconds that a wakeup may take
 * on a busy machine.
 */
#define IDLE_LIMIT	12
#define NUDGE_LIMIT	3
#define RUN_LIMIT	1
#define WAKE_LIMIT	5

/* The most messages that one call can send. */
#define MAX_BATCH	(OP_ROOM / MIN_NUMBERED)

static struct actor all[MAX_ACTORS + 1];
static struct process process;		/* of the calling process: copied by fork */

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
		    actor->sent + MAX_BATCH > MAX_MESSAGES)
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

/* Start the actors of a process; with @mine the calling thread is the first of them. */
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
 * True when all are done, false without progress for IDLE_LIMIT, or for NUDGE_LIMIT if
 * they can be nudged. (At progress @nudged_at they were nudged already.)
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
		limit = prog->nudge && progress != nudged_at ? NUDGE_LIMIT : IDLE_LIMIT;
		idle = progress == last ? idle + 1 : 0;
		last = progress;
		usleep(1000);
	}
	return false;
}

/* Interrupt blocked actors by a signal. */
static void nudge(const struct program *prog, const struct board *board)
{
	unsigned int i;

	for (i = 0; i < prog->actors; i++)
		if (!board->actors[i].done)
			syscall(SYS_tgkill, board->actors[i].pid, board->actors[i].tid, SIGUSR1);
}

/* Is an actor still blocked although its channels are closed? */
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
			violation(&all[which], "blocked although all its channels are closed");
			return;
		}
		usleep(10000);
	}
}

/* True when all are done, false when there is no more progress. */
static bool watch(const struct program *prog, struct board *board)
{
	const time_t begin = time(NULL);
	unsigned int nudged_at = ~0U;

	while (!watch_until_idle(prog, board, nudged_at)) {
		check_stuck(prog, board);
		if (!prog->nudge || board->progress == nudged_at || time(NULL) > begin + RUN_LIMIT)
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

/* ---- final checks of the ledger ---- */

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

/* Messages that were sent and not received. */
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
		violation(actor, "%u messages were received although their sends failed", n);
	n = count_lost(board);
	if (board->finished && n > board->unknown)
		violation(actor, "%u messages were lost, %u were received unchecked", n,
			  board->unknown);
}

/* When all actors are done, the counters must be consistent. */
static void check_sums(struct actor *actor)
{
	const struct slot slot = slot_get(&process, 0);
	struct gochan_info info;

	if (!slot.is_channel || ioctl(slot.fd, GOCHAN_IOC_INFO, &info))
		return;
	if (info.sent - info.received != info.len)
		violation(actor, "%llu sent, %llu received, %u buffered", info.sent, info.received,
			  info.len);
	if (info.senders_waiting || info.receivers_waiting)
		violation(actor, "%u senders and %u receivers are queued although none is left",
			  info.senders_waiting, info.receivers_waiting);
}

/* ---- the whole program ---- */

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
	memory_assign(&process, all);
}

void exec_program(const struct program *prog, struct board *board)
{
	struct actor *first = &all[SETUP_ACTOR];
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
