// SPDX-License-Identifier: GPL-2.0
/*
 * No job dies with its worker (R21): workers receive jobs with a lease, have an effect in
 * shared memory, and acknowledge or return the job. They are killed at random, and crash
 * themselves with leases, while senders go on; in the end the channel is closed. Then every
 * job that was sent had its effect: once, and once more only for each time that its worker
 * returned it or died. All workers see end of file, and the channel is empty. With a done
 * channel there is one notice of each message.
 *
 * The kernel numbers the deliveries of a message. An effect is one bit for each, and so is
 * what a worker did next; when one has died, its deliveries are excused by what it had last
 * noted. That it is killed after the kernel has given or taken a lease, but before it has
 * noted that, is so covered as well.
 *
 * Each test runs for a second, or until all that is left to chance has happened;
 * GOCHAN_SECONDS=N in the environment changes that, and GOCHAN_SEED=N repeats the random
 * choices of a run.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#define SENDERS		3
#define WORKERS		4
#define NUMBERS		65536U		/* jobs of a sender, at most */
#define JOBS		(SENDERS * NUMBERS)
#define HELD		2		/* jobs of a worker at a time */
#define SEND_BATCH	3
#define KILLS		12		/* of a round */
#define MORE_ROUNDS	20		/* at most, until all has happened that may */
#define DELIVERIES	32		/* they are bits */
#define RETURNS		6		/* later deliveries of a job are not returned on purpose */
#define NS_PER_S	1000000000LL

/* How a worker exits. */
#define ENDED		42
#define CRASHED		43

/* What has happened to a job; bit N is about its delivery number N. */
struct job_log {
	unsigned long long seq;
	unsigned int effects;
	unsigned int returned;	/* by its worker, or it was about to */
	unsigned int acked;
	unsigned int died;	/* its worker has died before it noted what became of it */
	unsigned int letters;	/* how often it was a dead letter */
	bool sent;
};

/* How many notices there were of a message. */
struct notices {
	unsigned char done;
	unsigned char dead;
};

/* What all processes share. */
struct shared {
	int errors;
	int sending;		/* senders */
	unsigned long long held[WORKERS][HELD];	/* job + 1, number of the delivery */
	struct job_log jobs[JOBS];
	struct notices notices[JOBS + 1];	/* by the number of the message */
};

struct message {
	unsigned int job;
	unsigned char payload[];
};

/* A job that the worker has. */
struct held {
	unsigned long long lease;
	unsigned int job;
	unsigned int delivery;
	bool to_return;
};

struct actor {
	pid_t pid;
	unsigned int id;
	unsigned long long random;
	struct shared *shared;
	unsigned int msg_size;
	int ch;
	int idle;		/* a channel on which nothing ever happens */
	unsigned int crashes;	/* one in so many jobs makes its worker crash */
	struct held held[HELD];
	unsigned int count;
	struct message *bufs[HELD];
};

struct run {
	struct shared *shared;
	struct actor senders[SENDERS];
	struct actor workers[WORKERS];
	unsigned long long random;
	unsigned int msg_size, max_deliveries;
	bool has_done;
	int ch, idle, dead, done;
	unsigned int deaths;	/* of this round */
	/* of all rounds */
	unsigned long long rounds, sent, doubled, killed, letters;
};

FIXTURE(lease_stress) {
	struct run run;
};

FIXTURE_VARIANT(lease_stress) {
	unsigned int capacity;
	unsigned int msg_size;
	unsigned int max_deliveries;	/* then there is a dead-letter channel */
	bool done;
};

FIXTURE_VARIANT_ADD(lease_stress, one_small) { 1, 64, 0 };
FIXTURE_VARIANT_ADD(lease_stress, one_large) { 1, 9000, 0 };
FIXTURE_VARIANT_ADD(lease_stress, seven_small) { 7, 64, 0 };
FIXTURE_VARIANT_ADD(lease_stress, seven_large) { 7, 9000, 0 };
FIXTURE_VARIANT_ADD(lease_stress, sixty_four_small) { 64, 64, 0 };
FIXTURE_VARIANT_ADD(lease_stress, dead_letters) { 4, 600, 3 };
FIXTURE_VARIANT_ADD(lease_stress, notices_small) { 7, 64, 0, true };
FIXTURE_VARIANT_ADD(lease_stress, notices_large) { 7, 9000, 0, true };
FIXTURE_VARIANT_ADD(lease_stress, notices_and_letters) { 4, 600, 3, true };

static unsigned int random_below(unsigned long long *state, unsigned int n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (*state >> 32) % n;
}

static unsigned long long number_in_env(const char *name, unsigned long long otherwise)
{
	const char *given = getenv(name);

	return given ? strtoull(given, NULL, 0) : otherwise;
}

FIXTURE_SETUP(lease_stress)
{
	const unsigned long long seed = number_in_env("GOCHAN_SEED", now_ns());
	struct run *run = &self->run;

	TH_LOG("GOCHAN_SEED=%llu", seed);
	/* an odd factor spreads neighbouring seeds; the state must not be 0 */
	run->random = (seed * 2 + 1) * 0x9e3779b97f4a7c15ULL;
	run->msg_size = variant->msg_size;
	run->max_deliveries = variant->max_deliveries;
	run->has_done = variant->done;
	run->idle = ch_make(1, 16, 0);
	ASSERT_LE(0, run->idle);
}

FIXTURE_TEARDOWN(lease_stress)
{
}

static void wrong(struct shared *shared)
{
	__atomic_fetch_add(&shared->errors, 1, __ATOMIC_RELAXED);
}

static void note(unsigned int *bits, unsigned int delivery)
{
	__atomic_fetch_or(bits, 1U << delivery, __ATOMIC_RELAXED);
}

/* ---- senders ---- */

static struct gochan_op next_job(struct actor *sender, unsigned int number, struct message *msg)
{
	const unsigned int room = sender->msg_size - sizeof(*msg);
	const unsigned int len = random_below(&sender->random, room + 1);

	msg->job = sender->id * NUMBERS + number;
	fill(msg->payload, len, msg->job);
	return GOCHAN_SEND(sender->ch, msg, sizeof(*msg) + len);
}

/* Send up to @count jobs; how many were sent. */
static int send_jobs(struct actor *sender, struct gochan_op *ops, unsigned int count)
{
	ssize_t ret;

	switch (random_below(&sender->random, 3)) {
	case 0:
		ret = ch_send(sender->ch, (void *)(unsigned long)ops->buf, ops->len);
		return ret < 0 ? ret : 1;
	case 1:
		ret = ops_select(sender->ch, ops, 1, 0);
		return ret < 0 ? ret : 1;
	default:
		return ops_batch(sender->ch, ops, count, 0);
	}
}

/* Until the channel is closed. */
static void send_many(struct actor *sender)
{
	struct gochan_op ops[SEND_BATCH];
	char *bufs = malloc((size_t)SEND_BATCH * sender->msg_size);
	unsigned int number, i;
	int ret = 0;

	for (number = 0; ret >= 0 && number + SEND_BATCH <= NUMBERS; number += ret) {
		for (i = 0; i < SEND_BATCH; i++)
			ops[i] = next_job(sender, number + i,
					  (void *)(bufs + (size_t)i * sender->msg_size));
		ret = send_jobs(sender, ops, SEND_BATCH);
		for (i = 0; ret > 0 && i < (unsigned int)ret; i++)
			sender->shared->jobs[sender->id * NUMBERS + number + i].sent = true;
	}
	if (ret < 0 && ret != -EPIPE)
		wrong(sender->shared);
	__atomic_fetch_sub(&sender->shared->sending, 1, __ATOMIC_RELAXED);
	free(bufs);
}

/* ---- workers ---- */

static void maybe_crash(struct actor *worker)
{
	if (random_below(&worker->random, worker->crashes))
		return;
	if (random_below(&worker->random, 2))
		raise(SIGKILL);
	_exit(CRASHED);
}

/* The number of a message on its channel is the same at every delivery. */
static bool is_seq(struct job_log *log, unsigned long long seq)
{
	unsigned long long before = 0;

	return __atomic_compare_exchange_n(&log->seq, &before, seq, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED) ||
	       before == seq;
}

/* A job was received: note that. */
static void note_job(struct actor *worker, const struct gochan_op *op)
{
	const struct message *msg = (void *)(unsigned long)op->buf;

	if (op->len < sizeof(*msg) || msg->job >= JOBS || !op->lease || !op->deliveries ||
	    op->deliveries >= DELIVERIES ||
	    !is_filled(msg->payload, op->len - sizeof(*msg), msg->job) ||
	    !is_seq(&worker->shared->jobs[msg->job], op->seq)) {
		wrong(worker->shared);
		return;
	}
	worker->held[worker->count] = (struct held){
		.lease = op->lease,
		.job = msg->job,
		.delivery = op->deliveries,
	};
	__atomic_store_n(&worker->shared->held[worker->id][worker->count],
			 (msg->job + 1ULL) << 8 | op->deliveries, __ATOMIC_RELEASE);
	worker->count++;
}

/* Have the effect of each job; some are to be returned, with or without it. */
static void do_jobs(struct actor *worker)
{
	struct held *held;

	for (held = worker->held; held < worker->held + worker->count; held++) {
		maybe_crash(worker);
		held->to_return = held->delivery < RETURNS && !random_below(&worker->random, 8);
		if (!held->to_return || random_below(&worker->random, 2))
			note(&worker->shared->jobs[held->job].effects, held->delivery);
		maybe_crash(worker);
	}
}

/* What shall become of a job that the worker has. */
static struct gochan_op end_op(struct actor *worker, const struct held *held)
{
	if (held->to_return)
		note(&worker->shared->jobs[held->job].returned, held->delivery);
	return (struct gochan_op){
		.fd = worker->ch,
		.opcode = GOCHAN_OP_ACK,
		.flags = held->to_return ? GOCHAN_REQUEUE : 0,
		.lease = held->lease,
	};
}

/* The worker has acknowledged or returned its jobs. */
static void forget_jobs(struct actor *worker)
{
	unsigned int i;

	for (i = 0; i < worker->count; i++) {
		const struct held *held = &worker->held[i];

		if (!held->to_return)
			note(&worker->shared->jobs[held->job].acked, held->delivery);
		__atomic_store_n(&worker->shared->held[worker->id][i], 0, __ATOMIC_RELEASE);
	}
	worker->count = 0;
}

static void end_jobs(struct actor *worker)
{
	unsigned int i;

	for (i = 0; i < worker->count; i++) {
		const struct gochan_op op = end_op(worker, &worker->held[i]);
		const struct gochan_lease lease = { .lease = op.lease };

		if ((op.flags ? gochan_requeue : gochan_ack)(worker->ch, &lease))
			wrong(worker->shared);
	}
	forget_jobs(worker);
}

static struct gochan_op recv_op(struct actor *worker, unsigned int at)
{
	return GOCHAN_RECV(worker->ch, worker->bufs[at], worker->msg_size);
}

/* End all jobs, and wait for the next, by the library: false at end of file. */
static bool next_by_library(struct actor *worker)
{
	struct gochan_op op = recv_op(worker, 0);
	struct gochan_lease lease;
	size_t len;
	int ret;

	end_jobs(worker);
	ret = gochan_recv_lease(worker->ch, worker->bufs[0], worker->msg_size, &len, &lease);
	if (ret < 0)
		wrong(worker->shared);
	if (ret <= 0)
		return false;
	op.len = len;
	op.lease = lease.lease;
	op.seq = lease.seq;
	op.deliveries = lease.deliveries;
	note_job(worker, &op);
	do_jobs(worker);
	return true;
}

/* The same by SELECT. */
static bool next_by_select(struct actor *worker)
{
	struct gochan_op ops[] = {
		GOCHAN_RECV(worker->idle, NULL, 0),
		recv_op(worker, 0),
	};
	int ret;

	end_jobs(worker);
	ret = ops_select(worker->ch, ops, 2, 0);
	if (ret != 1)
		wrong(worker->shared);
	if (ret != 1 || ops[1].result)
		return false;
	note_job(worker, &ops[1]);
	do_jobs(worker);
	return true;
}

/* The same in one BATCH, which also takes a second job that is there. */
static bool next_by_batch(struct actor *worker)
{
	const unsigned int ends = worker->count;
	struct gochan_op ops[2 * HELD];
	unsigned int i;
	int ret;

	for (i = 0; i < ends; i++)
		ops[i] = end_op(worker, &worker->held[i]);
	ops[ends] = recv_op(worker, 0);
	ops[ends + 1] = recv_op(worker, 1);
	/* Who has the only job, and waits for another, waits for itself. */
	ops[ends + 1].flags = GOCHAN_NONBLOCK;
	ret = ops_batch(worker->ch, ops, ends + 2, 0);
	if (ret <= (int)ends) {
		wrong(worker->shared);
		return false;
	}
	forget_jobs(worker);
	if (ops[ends].result)
		return false;
	note_job(worker, &ops[ends]);
	if (ret == (int)ends + 2 && !ops[ends + 1].result)
		note_job(worker, &ops[ends + 1]);
	do_jobs(worker);
	return true;
}

/* Until end of file. */
static void work(struct actor *worker)
{
	static bool (*const ways[])(struct actor *worker) = {
		next_by_library, next_by_select, next_by_batch,
	};
	unsigned int i;

	for (i = 0; i < HELD; i++)
		worker->bufs[i] = malloc(worker->msg_size);
	/* a handle of its own, or that of all */
	if (random_below(&worker->random, 2))
		worker->ch = ch_dup(worker->ch, O_RDONLY);
	do {
		i = random_below(&worker->random, ARRAY_SIZE(ways));
	} while (ways[i](worker));
}

/* ---- a round ---- */

static void prepare(struct run *run, struct actor *actor, unsigned int id)
{
	random_below(&run->random, 2);
	*actor = (struct actor){
		.id = id,
		.random = run->random,
		.shared = run->shared,
		.msg_size = run->msg_size,
		.ch = run->ch,
		.idle = run->idle,
		.crashes = run->dead >= 0 ? 30 : 300,
	};
}

static void start_sender(struct run *run, unsigned int id)
{
	struct actor *sender = &run->senders[id];

	prepare(run, sender, id);
	sender->pid = child();
	if (sender->pid)
		return;
	send_many(sender);
	_exit(0);
}

static void start_worker(struct run *run, unsigned int id)
{
	struct actor *worker = &run->workers[id];

	prepare(run, worker, id);
	worker->pid = child();
	if (worker->pid)
		return;
	work(worker);
	_exit(ENDED);
}

/* Count dead letters until there are no more. */
static pid_t start_reader(struct run *run)
{
	struct message *msg = malloc(run->msg_size);
	const pid_t pid = child();
	ssize_t ret;

	if (pid) {
		free(msg);
		return pid;
	}
	while ((ret = ch_recv(run->dead, msg, run->msg_size)) > 0) {
		if (ret < (ssize_t)sizeof(*msg) || msg->job >= JOBS ||
		    !is_filled(msg->payload, ret - sizeof(*msg), msg->job))
			_exit(1);
		run->shared->jobs[msg->job].letters++;
	}
	_exit(ret);
}

/* Count notices until there are no more. */
static pid_t start_done_reader(struct run *run)
{
	const unsigned long long id = ch_info(run->ch).id;
	const pid_t pid = child();
	struct gochan_done n;
	ssize_t ret;

	if (pid)
		return pid;
	while ((ret = ch_recv(run->done, &n, sizeof(n))) > 0) {
		if (ret != sizeof(n) || n.channel != id || !n.seq || n.seq > JOBS ||
		    !n.deliveries || n.flags & ~GOCHAN_DONE_DEAD)
			_exit(1);
		if (n.flags)
			run->shared->notices[n.seq].dead++;
		else
			run->shared->notices[n.seq].done++;
	}
	_exit(ret);
}

/* A worker has died: another one begins in its place. */
static void replace_worker(struct run *run, unsigned int id)
{
	unsigned long long *held = run->shared->held[id];
	unsigned int i;

	for (i = 0; i < HELD; i++) {
		if (held[i])
			note(&run->shared->jobs[(held[i] >> 8) - 1].died, held[i] & 0xff);
		held[i] = 0;
	}
	run->deaths++;
	start_worker(run, id);
}

static bool has_crashed(int status)
{
	return status == CRASHED || status == 128 + SIGKILL;
}

/* Replace the workers that have crashed. */
static void replace_crashed(struct run *run)
{
	unsigned int i;

	for (i = 0; i < WORKERS; i++) {
		siginfo_t info = {};

		if (!waitid(P_PID, run->workers[i].pid, &info, WEXITED | WNOHANG) &&
		    info.si_pid)
			replace_worker(run, i);
	}
}

/* Wait until so many more messages were received, or all were sent. */
static bool wait_for_jobs(struct run *run, unsigned int count)
{
	const unsigned long long received = ch_info(run->ch).received + count;
	const struct wait wait = wait_begin();

	do {
		replace_crashed(run);
		if (ch_info(run->ch).received >= received ||
		    !__atomic_load_n(&run->shared->sending, __ATOMIC_RELAXED))
			return true;
	} while (wait_more(&wait));
	return false;
}

/* Workers that are killed may have acknowledged, but not noted it: not with dead letters. */
static bool kill_some(struct run *run)
{
	unsigned int i, id;

	for (i = 0; i < KILLS; i++) {
		if (!wait_for_jobs(run, random_below(&run->random, 100)))
			return false;
		if (run->dead >= 0)
			continue;
		id = random_below(&run->random, WORKERS);
		if (!has_crashed(reap_killed(run->workers[id].pid)))
			return false;
		replace_worker(run, id);
	}
	return true;
}

/* After the close: senders stop, and all workers get to the end. */
static bool wait_for_all(struct run *run)
{
	unsigned int i;
	int status;

	for (i = 0; i < SENDERS; i++)
		if (reap(run->senders[i].pid))
			return false;
	for (i = 0; i < WORKERS; i++) {
		while (has_crashed(status = reap(run->workers[i].pid)))
			replace_worker(run, i);
		if (status != ENDED)
			return false;
	}
	return true;
}

/* ---- what has happened ---- */

struct tally {
	unsigned int sent;
	unsigned int doubled;	/* had their effect more than once */
	unsigned int letters;
	unsigned int returned;	/* deliveries of which another one followed */
	unsigned int unnoted;	/* of which the worker has noted nothing */
	unsigned int wrong;
};

static bool has(unsigned int bits, unsigned int delivery)
{
	return bits >> delivery & 1;
}

/* Is all that has happened to a job as it should be? @last: its last delivery. */
static bool is_right(const struct job_log *log, unsigned int last, unsigned int max_deliveries)
{
	const unsigned int excused = log->returned | log->died, before = ~(1U << last);

	if (!log->sent)
		return !last && !log->letters;
	if (!last || log->effects & before & ~excused || log->acked & before)
		return false;
	if (max_deliveries && last == max_deliveries && !log->acked)
		return log->letters == 1 && has(excused, last);
	/* the last one has had its effect, and was acknowledged before any death */
	return !log->letters && has(log->effects, last) && has(log->acked | log->died, last) &&
	       (!has(log->returned, last) || has(log->died, last));
}

static void tally_one(struct tally *tally, const struct job_log *log,
		      unsigned int max_deliveries)
{
	const unsigned int noted = log->effects | log->returned | log->died;
	const unsigned int last = noted ? 31 - __builtin_clz(noted) : 0;

	tally->sent += log->sent;
	tally->doubled += __builtin_popcount(log->effects) > 1;
	tally->letters += log->letters;
	tally->returned += last ? last - 1 : 0;
	tally->unnoted += last - __builtin_popcount(noted);
	if (is_right(log, last, max_deliveries))
		return;
	if (!tally->wrong++)
		printf("# sent %d effects %x returned %x acked %x died %x letters %u\n",
		       log->sent, log->effects, log->returned, log->acked, log->died,
		       log->letters);
}

static struct tally tally_up(const struct run *run)
{
	struct tally tally = {};
	unsigned int i;

	for (i = 0; i < JOBS; i++)
		tally_one(&tally, &run->shared->jobs[i], run->max_deliveries);
	return tally;
}

/* Jobs that must become dead letters, as their last delivery was returned. */
static unsigned int letters_expected(const struct run *run)
{
	const struct job_log *log;
	unsigned int count = 0;

	for (log = run->shared->jobs; log < run->shared->jobs + JOBS; log++)
		count += !log->acked && has(log->returned | log->died, run->max_deliveries);
	return count;
}

/* They are moved by the kernel in the background. */
static bool wait_for_letters(const struct run *run)
{
	const unsigned int count = letters_expected(run);
	const struct wait wait = wait_begin();

	do {
		if (ch_info(run->dead).sent == count)
			return true;
	} while (wait_more(&wait));
	return false;
}

static bool wait_for_notices(const struct run *run)
{
	const unsigned long long count = ch_info(run->ch).sent;
	const struct wait wait = wait_begin();

	do {
		if (ch_info(run->done).sent == count)
			return true;
	} while (wait_more(&wait));
	return false;
}

/* Of each message there is one notice, which tells what has become of it. */
static bool notices_are_right(const struct run *run)
{
	const unsigned long long count = ch_info(run->ch).sent;
	const struct notices *notices = run->shared->notices;
	const struct job_log *log;
	unsigned long long seq;

	for (seq = 1; seq <= JOBS; seq++) {
		const int expected = seq <= count;

		if (notices[seq].done + notices[seq].dead != expected)
			return false;
	}
	for (log = run->shared->jobs; log < run->shared->jobs + JOBS; log++) {
		if (log->seq && (log->letters != notices[log->seq].dead ||
				 (log->acked && !notices[log->seq].done)))
			return false;
	}
	return true;
}

static int make_channel(const struct run *run, unsigned int capacity)
{
	const struct gochan_setup setup = {
		.capacity = capacity,
		.msg_size = run->msg_size,
		.flags = GOCHAN_ACK | (run->dead < 0 ? 0 : GOCHAN_DEADLETTER) |
			 (run->has_done ? GOCHAN_DONE : 0),
		.max_deliveries = run->max_deliveries,
		.dead_fd = run->dead < 0 ? 0 : run->dead,
		.done_fd = run->has_done ? run->done : 0,
	};

	return gochan_make_with(&setup);
}

static void run_round(struct __test_metadata *_metadata, struct run *run, unsigned int capacity)
{
	struct gochan_op op = {};
	struct gochan_info info;
	struct tally tally;
	unsigned int i;
	pid_t reader = 0, done_reader = 0;

	run->shared = mmap(NULL, sizeof(*run->shared), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, run->shared);
	run->dead = run->max_deliveries ? ch_make(2, run->msg_size, 0) : -1;
	run->done = run->has_done ? ch_make(2, sizeof(struct gochan_done), GOCHAN_FIXED) : -1;
	run->ch = make_channel(run, capacity);
	ASSERT_LE(0, run->ch);
	run->deaths = 0;
	run->shared->sending = SENDERS;
	for (i = 0; i < SENDERS; i++)
		start_sender(run, i);
	for (i = 0; i < WORKERS; i++)
		start_worker(run, i);
	if (run->dead >= 0)
		reader = start_reader(run);
	if (run->has_done)
		done_reader = start_done_reader(run);
	ASSERT_TRUE(kill_some(run));
	ASSERT_EQ(0, ch_close(run->ch));
	ASSERT_TRUE(wait_for_all(run));
	if (run->dead >= 0) {
		EXPECT_TRUE(wait_for_letters(run));
		EXPECT_EQ(0, ch_close(run->dead));
		EXPECT_EQ(0, reap(reader));
	}
	if (run->has_done) {
		EXPECT_TRUE(wait_for_notices(run));
		EXPECT_EQ(0, ch_close(run->done));
		EXPECT_EQ(0, reap(done_reader));
		EXPECT_TRUE(notices_are_right(run));
	}

	info = ch_info(run->ch);
	tally = tally_up(run);
	EXPECT_EQ(0, run->shared->errors);
	EXPECT_EQ(0U, tally.wrong);
	EXPECT_EQ(info.sent, tally.sent);
	EXPECT_EQ(info.sent, info.received);
	EXPECT_LE(tally.returned, info.requeued);
	EXPECT_GE(tally.returned + run->deaths * HELD, info.requeued);
	EXPECT_GE(run->deaths * HELD, tally.unnoted);
	EXPECT_EQ(0U, info.len + info.leased + info.senders_waiting + info.receivers_waiting);
	EXPECT_EQ(0U, info.bytes + info.dropped);
	op = GOCHAN_RECV(run->ch, NULL, 0);
	EXPECT_EQ(1, ops_batch(run->ch, &op, 1, 0));
	EXPECT_EQ(GOCHAN_R_CLOSED, op.result);
	EXPECT_NE(0, ch_poll(run->ch) & POLLHUP);
	run->sent += tally.sent;
	run->doubled += tally.doubled;
	run->letters += tally.letters;
	run->killed += run->deaths;
	run->rounds++;
	close(run->ch);
	close(run->dead);
	close(run->done);
	munmap(run->shared, sizeof(*run->shared));
}

/* Has all happened that is left to chance? */
static bool seen_all(const struct run *run)
{
	return run->killed && run->doubled && !run->max_deliveries == !run->letters;
}

/* R21: workers die at random, and no job is lost. */
TEST_F_TIMEOUT(lease_stress, r21_workers_die, 86400)
{
	const long long end = now_ns() + number_in_env("GOCHAN_SECONDS", 1) * NS_PER_S;
	struct run *run = &self->run;

	do {
		run_round(_metadata, run, variant->capacity);
	} while (now_ns() < end || (!seen_all(run) && run->rounds < MORE_ROUNDS));
	TH_LOG("%llu rounds: %llu jobs, %llu deaths, %llu jobs had their effect more than once",
	       run->rounds, run->sent, run->killed, run->doubled);
	EXPECT_TRUE(seen_all(run));
}

TEST_HARNESS_MAIN
