// SPDX-License-Identifier: GPL-2.0
/*
 * R14: concurrent selects over the same channels, in different orders, sends and
 * receives mixed: two that communicate with each other, and many, of which some
 * are interrupted and some killed. Every message is accounted for.
 *
 * Each worker numbers its messages from 0. Before a select it records that it
 * tries to send the next one, and afterwards whether that was sent. A worker that
 * is killed leaves at most one message of unknown fate: it may have been sent, or
 * received.
 *
 * GOCHAN_SEED=N in the environment repeats the random choices of a run.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"

#include <fcntl.h>
#include <signal.h>

/* ---- two selects ---- */

#define EXCHANGES	300

FIXTURE(two) {
};

FIXTURE_VARIANT(two) {
	enum by by;
};

FIXTURE_VARIANT_ADD(two, thread) {
	.by = BY_THREAD,
};

FIXTURE_VARIANT_ADD(two, process) {
	.by = BY_PROCESS,
};

FIXTURE_SETUP(two)
{
}

FIXTURE_TEARDOWN(two)
{
}

/* Which op happened in each round, and what it received. */
struct log {
	int at[EXCHANGES];
	int got[EXCHANGES];
};

/* Round after round, send on one and receive on the other. */
static void exchange(int send, int recv, struct log *log)
{
	struct gochan_op ops[2];
	int i;

	for (i = 0; i < EXCHANGES; i++) {
		ops[0] = GOCHAN_SEND(send, &i, sizeof(i));
		ops[1] = GOCHAN_RECV(recv, &log->got[i], sizeof(i));
		log->at[i] = ops_select(send, ops, 2, 0);
	}
}

struct peer {
	int send, recv;
	struct log *log;
};

static void *exchange_thread(void *arg)
{
	const struct peer *peer = arg;

	exchange(peer->send, peer->recv, peer->log);
	return NULL;
}

/* R3, R14: of two selects that send to each other one sends and one receives. */
TEST_F(two, r3_r14_two_selects)
{
	const int x = ch_make(0, 16, 0);
	const int y = ch_make(0, 16, 0);
	struct log *logs = mmap(NULL, 2 * sizeof(*logs), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct peer peer = { x, y, &logs[0] };
	int i, sent = 0;
	pthread_t thread;
	pid_t pid = 0;

	ASSERT_NE(MAP_FAILED, logs);
	if (variant->by == BY_THREAD) {
		ASSERT_EQ(0, pthread_create(&thread, NULL, exchange_thread, &peer));
	} else {
		pid = child();
		if (!pid) {
			exchange_thread(&peer);
			_exit(0);
		}
	}
	exchange(y, x, &logs[1]);
	ASSERT_EQ(0, variant->by == BY_THREAD ? pthread_join(thread, NULL) : reap(pid));
	for (i = 0; i < EXCHANGES; i++) {
		ASSERT_LE(0, logs[0].at[i]);
		ASSERT_EQ(1, logs[0].at[i] + logs[1].at[i]);
		ASSERT_EQ(i, logs[logs[1].at[i]].got[i]);
		sent += logs[0].at[i] == 0;
	}
	EXPECT_EQ(sent, (int)ch_info(x).sent);
	EXPECT_EQ(EXCHANGES - sent, (int)ch_info(y).sent);
	EXPECT_TRUE(no_waiters(x));
	EXPECT_TRUE(no_waiters(y));
}

/* ---- many selects ---- */

#define CHANNELS	4
#define WORKERS		6
#define KILLS		12
#define IDS		(WORKERS + KILLS)	/* workers, including replacements */
#define NUMBERS		16384			/* messages of a worker, at most */
#define MESSAGES		1000			/* messages of a run, at least */

enum fate { NOT_SENT, TRYING, SENT };

/* What all processes share. */
struct shared {
	bool drain;
	int errors;
	bool drains[IDS];
	unsigned char fates[IDS][NUMBERS];
	unsigned char received[IDS][NUMBERS];
};

struct message {
	unsigned int id;
	unsigned int number;
};

struct run {
	struct shared *shared;
	unsigned long long random;
	unsigned int msg_size;
	int chs[CHANNELS];
	int stop;
	pid_t pids[WORKERS];
	unsigned int ids[WORKERS];
	unsigned int next_id;
};

FIXTURE(many) {
	struct run run;
};

FIXTURE_VARIANT(many) {
	unsigned int capacities[CHANNELS];
	unsigned int msg_size;
	unsigned int kills;
};

FIXTURE_VARIANT_ADD(many, unbuffered) {
	.capacities = { 0, 0, 0, 0 }, .msg_size = 8, .kills = 0,
};

FIXTURE_VARIANT_ADD(many, unbuffered_killed) {
	.capacities = { 0, 0, 0, 0 }, .msg_size = 600, .kills = KILLS,
};

FIXTURE_VARIANT_ADD(many, mixed) {
	.capacities = { 0, 1, 0, 3 }, .msg_size = 600, .kills = 0,
};

FIXTURE_VARIANT_ADD(many, mixed_killed) {
	.capacities = { 0, 1, 0, 3 }, .msg_size = 8, .kills = KILLS,
};

FIXTURE_VARIANT_ADD(many, large) {
	.capacities = { 0, 1, 0, 3 }, .msg_size = 9000, .kills = 0,
};

FIXTURE_VARIANT_ADD(many, large_killed) {
	.capacities = { 0, 1, 0, 3 }, .msg_size = 9000, .kills = KILLS,
};

static unsigned int random_below(unsigned long long *state, unsigned int n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (*state >> 32) % n;
}

static unsigned long long choose_seed(void)
{
	const char *given = getenv("GOCHAN_SEED");

	return given ? strtoull(given, NULL, 0) : (unsigned long long)now_ns();
}

FIXTURE_SETUP(many)
{
	const unsigned long long seed = choose_seed();
	struct run *run = &self->run;
	int i;

	TH_LOG("GOCHAN_SEED=%llu", seed);
	/* an odd factor spreads neighbouring seeds; the state must not be 0 */
	run->random = (seed * 2 + 1) * 0x9e3779b97f4a7c15ULL;
	run->msg_size = variant->msg_size;
	run->shared = mmap(NULL, sizeof(*run->shared), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, run->shared);
	for (i = 0; i < CHANNELS; i++) {
		run->chs[i] = ch_make(variant->capacities[i], run->msg_size, 0);
		ASSERT_LE(0, run->chs[i]);
	}
	run->stop = ch_make(0, 0, 0);
	ASSERT_LE(0, run->stop);
}

FIXTURE_TEARDOWN(many)
{
}

/* A worker, which is replaced by another one when it is killed. */
struct worker {
	struct run *run;
	unsigned int id;
	unsigned int number;
	unsigned char *msg;
	unsigned char *buf;
	unsigned int next[CHANNELS][IDS];	/* lowest number expected */
	struct gochan_op ops[2 * CHANNELS + 1];
	int chs[2 * CHANNELS + 1];		/* which of run->chs it is, or -1 */
	unsigned int n;
};

static void make_message(struct worker *worker)
{
	struct message *msg = (struct message *)worker->msg;

	msg->id = worker->id;
	msg->number = worker->number;
	fill(msg + 1, worker->run->msg_size - sizeof(*msg), worker->id + worker->number);
}

static bool is_whole(const struct worker *worker, unsigned int len)
{
	const struct message *msg = (const struct message *)worker->buf;

	return len == worker->run->msg_size && msg->id < IDS && msg->number < NUMBERS &&
	       is_filled(msg + 1, len - sizeof(*msg), msg->id + msg->number);
}

/* Check and record a received message. */
static bool record(struct worker *worker, int ch, unsigned int len)
{
	const struct message *msg = (const struct message *)worker->buf;
	unsigned int *next = worker->next[ch];

	if (!is_whole(worker, len))
		return false;
	__atomic_fetch_add(&worker->run->shared->received[msg->id][msg->number], 1,
			   __ATOMIC_RELAXED);
	/* R2: one sender's messages on one channel are in order */
	if (msg->number < next[msg->id])
		return false;
	next[msg->id] = msg->number + 1;
	return true;
}

static void add_op(struct worker *worker, struct gochan_op op, int ch)
{
	const unsigned int i = worker->n++;
	const unsigned int k = random_below(&worker->run->random, i + 1);

	worker->ops[i] = worker->ops[k];
	worker->chs[i] = worker->chs[k];
	worker->ops[k] = op;
	worker->chs[k] = ch;
}

/*
 * Make the ops of a select, in random order: all, so that a peer is sure to be
 * found, or some, so that it may have to time out.
 */
static void make_ops(struct worker *worker, bool sends, bool all)
{
	unsigned long long *random = &worker->run->random;
	const struct run *run = worker->run;
	int i;

	worker->n = 0;
	for (i = 0; i < CHANNELS; i++) {
		if (all || !random_below(random, 3))
			add_op(worker, GOCHAN_RECV(run->chs[i], worker->buf, run->msg_size), i);
		if (sends && (all || !random_below(random, 3)))
			add_op(worker, GOCHAN_SEND(run->chs[i], worker->msg, run->msg_size), i);
	}
	add_op(worker, GOCHAN_RECV(run->stop, NULL, 0), -1);
}

/* Without a deadline, with a short one, or non-blocking. */
static int select_somehow(struct worker *worker, bool sends)
{
	const unsigned int how = random_below(&worker->run->random, 8);
	struct gochan_ops arg = {
		.ops = (unsigned long)worker->ops,
		.flags = how == 0 ? GOCHAN_NONBLOCK : how == 1 ? GOCHAN_ORDERED : 0,
		.timeout = GOCHAN_TIMEOUT_NEVER,
	};
	int ret;

	make_ops(worker, sends, how < 4);
	if (how >= 4)
		arg.timeout = now_ns() + 200000;
	arg.count = worker->n;
	ret = ioctl(worker->run->stop, GOCHAN_IOC_SELECT, &arg);
	return ret < 0 ? -errno : ret;
}

static bool is_expected(int err)
{
	return err == -EINTR || err == -EAGAIN || err == -ETIMEDOUT;
}

/* One select; false when run->stop is closed. */
static bool work_once(struct worker *worker, bool sends)
{
	struct shared *shared = worker->run->shared;
	unsigned char *fate = &shared->fates[worker->id][worker->number];
	const struct gochan_op *op;
	int at;

	if (sends) {
		make_message(worker);
		*fate = TRYING;
	}
	at = select_somehow(worker, sends);
	op = &worker->ops[at < 0 ? 0 : at];
	if (sends)
		*fate = at >= 0 && op->opcode == GOCHAN_OP_SEND ? SENT : NOT_SENT;
	if (at < 0 && is_expected(at))
		return true;
	if (at >= 0 && op->result == GOCHAN_R_CLOSED)
		return false;
	if (at < 0 || op->result ||
	    (op->opcode == GOCHAN_OP_RECV && !record(worker, worker->chs[at], op->len)))
		__atomic_fetch_add(&shared->errors, 1, __ATOMIC_RELAXED);
	else if (op->opcode == GOCHAN_OP_SEND)
		worker->number++;
	return true;
}

static void work(struct run *run, unsigned int id)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	bool sends = true;

	worker->run = run;
	worker->id = id;
	worker->msg = malloc(run->msg_size);
	worker->buf = malloc(run->msg_size);
	while (work_once(worker, sends)) {
		if (!sends)
			continue;
		sends = !__atomic_load_n(&run->shared->drain, __ATOMIC_SEQ_CST) &&
			worker->number < NUMBERS;
		if (!sends)
			__atomic_store_n(&run->shared->drains[id], true, __ATOMIC_SEQ_CST);
	}
	_exit(0);
}

static void ignore(int sig)
{
	(void)sig;
}

static void start_worker(struct run *run, unsigned int i)
{
	struct sigaction action = { .sa_handler = ignore };

	action.sa_flags = run->next_id % 2 ? SA_RESTART : 0;
	sigaction(SIGUSR1, &action, NULL);
	random_below(&run->random, 2);
	run->ids[i] = run->next_id++;
	run->pids[i] = child();
	if (!run->pids[i])
		work(run, run->ids[i]);
}

static unsigned long long received(const struct run *run)
{
	unsigned long long sum = 0;
	int i;

	for (i = 0; i < CHANNELS; i++)
		sum += ch_info(run->chs[i]).received;
	return sum;
}

/* Interrupt random workers until so many more messages were received. */
static bool disturb(struct run *run, unsigned int count)
{
	const unsigned long long wanted = received(run) + count;
	const struct wait wait = wait_begin();

	while (received(run) < wanted) {
		kill(run->pids[random_below(&run->random, WORKERS)], SIGUSR1);
		if (!wait_more(&wait))
			return false;
	}
	return true;
}

static bool nothing_left(const struct run *run)
{
	struct gochan_info info;
	int i;

	for (i = 0; i < WORKERS; i++)
		if (!__atomic_load_n(&run->shared->drains[run->ids[i]], __ATOMIC_SEQ_CST))
			return false;
	for (i = 0; i < CHANNELS; i++) {
		info = ch_info(run->chs[i]);
		if (info.len || info.senders_waiting)
			return false;
	}
	return true;
}

/* Let the workers receive what was sent, and exit; false on failure. */
static bool finish(struct run *run)
{
	const struct wait wait = wait_begin();
	bool ok = true;
	int i;

	__atomic_store_n(&run->shared->drain, true, __ATOMIC_SEQ_CST);
	while (!nothing_left(run))
		if (!wait_more(&wait))
			return false;
	if (ch_close(run->stop))
		return false;
	for (i = 0; i < WORKERS; i++)
		ok = !reap(run->pids[i]) && ok;
	return ok;
}

struct tally {
	unsigned int sent;
	unsigned int unknown;
	unsigned int received;
	unsigned int lost;
	unsigned int wrong;
};

static struct tally tally_up(const struct shared *shared)
{
	struct tally tally = {};
	unsigned int i, k;

	for (i = 0; i < IDS; i++) {
		for (k = 0; k < NUMBERS; k++) {
			const unsigned int got = shared->received[i][k];
			const enum fate fate = shared->fates[i][k];

			tally.received += got;
			tally.sent += fate == SENT;
			tally.unknown += fate == TRYING;
			tally.lost += fate == SENT && !got;
			tally.wrong += got > 1 || (got && fate == NOT_SENT);
		}
	}
	return tally;
}

/* R1, R2, R8, R14: no message is lost or duplicated, and all selects return. */
TEST_F(many, r1_r2_r8_r14_accounted_for)
{
	struct run *run = &self->run;
	struct gochan_info info, sum = {};
	struct tally tally;
	unsigned int i, who;

	for (i = 0; i < WORKERS; i++)
		start_worker(run, i);
	for (i = 0; i < variant->kills; i++) {
		ASSERT_TRUE(disturb(run, MESSAGES / KILLS));
		who = random_below(&run->random, WORKERS);
		EXPECT_EQ(128 + SIGKILL, reap_killed(run->pids[who]));
		start_worker(run, who);
	}
	ASSERT_TRUE(disturb(run, MESSAGES - i * (MESSAGES / KILLS)));
	ASSERT_TRUE(finish(run));

	for (i = 0; i < CHANNELS; i++) {
		info = ch_info(run->chs[i]);
		EXPECT_EQ(info.sent, info.received);
		EXPECT_EQ(0U, info.senders_waiting + info.receivers_waiting);
		EXPECT_EQ(0U, info.bytes);
		EXPECT_LT(0U, info.sent);
		sum.sent += info.sent;
	}
	tally = tally_up(run->shared);
	EXPECT_EQ(0, run->shared->errors);
	EXPECT_EQ(0U, tally.wrong);
	EXPECT_GE(variant->kills, tally.lost);
	EXPECT_GE(variant->kills, tally.unknown);
	EXPECT_LE(tally.sent, sum.sent);
	EXPECT_GE(tally.sent + tally.unknown, sum.sent);
	EXPECT_LE(tally.received, sum.sent);
	EXPECT_GE(tally.received + variant->kills, sum.sent);
}

TEST_HARNESS_MAIN
