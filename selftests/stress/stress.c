// SPDX-License-Identifier: GPL-2.0
/*
 * Random senders and receivers, some of which are killed or interrupted: at the
 * end every message is accounted for (R1), each receiver saw each sender's messages
 * in order (R2), and the counters in INFO are correct.
 *
 * Each sender numbers its messages from 0. Before a send it records that it tries,
 * and afterwards whether the message was sent. A task that is killed leaves at most
 * one message of unknown fate: it may have been sent, or received.
 *
 * GOCHAN_SEED=N in the environment repeats the random choices of a run.
 */
#include <kselftest_harness.h>

#include "../lib/common.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>

#define SENDERS		4
#define RECEIVERS	4
#define SENDER_IDS		40	/* senders, including replacements */
#define NUMBERS		65536	/* messages of a sender, at most */
#define MAGIC		0x676f6368

enum fate { NOT_TRIED, TRYING, SENT, NOT_SENT };

struct message {
	unsigned int magic;
	unsigned int id;
	unsigned int number;
	unsigned int len;
	unsigned int sum;
	unsigned char payload[];
};

/* What all processes share. */
struct shared {
	bool stop;
	int errors;
	unsigned char fates[SENDER_IDS][NUMBERS];
	unsigned char received[SENDER_IDS][NUMBERS];
};

struct worker {
	pid_t pid;
	pthread_t thread;
	bool sender;
	unsigned int id;
	unsigned long long random;
	int ch;
	unsigned int msg_size;
	struct shared *shared;
};

struct run {
	struct shared *shared;
	struct worker workers[SENDERS + RECEIVERS];
	unsigned int next_id;
	unsigned int killed_receivers;
	unsigned long long random;
	unsigned int msg_size;
	int ch;
};

FIXTURE(stress) {
	struct run run;
};

FIXTURE_VARIANT(stress) {
	unsigned int capacity;
	unsigned int msg_size;
};

FIXTURE_VARIANT_ADD(stress, unbuffered_small) {
	.capacity = 0, .msg_size = 64,
};

FIXTURE_VARIANT_ADD(stress, unbuffered_large) {
	.capacity = 0, .msg_size = 9000,
};

FIXTURE_VARIANT_ADD(stress, one_small) {
	.capacity = 1, .msg_size = 64,
};

FIXTURE_VARIANT_ADD(stress, one_large) {
	.capacity = 1, .msg_size = 9000,
};

FIXTURE_VARIANT_ADD(stress, seven_small) {
	.capacity = 7, .msg_size = 64,
};

FIXTURE_VARIANT_ADD(stress, seven_large) {
	.capacity = 7, .msg_size = 9000,
};

FIXTURE_VARIANT_ADD(stress, sixty_four_small) {
	.capacity = 64, .msg_size = 64,
};

FIXTURE_VARIANT_ADD(stress, sixty_four_large) {
	.capacity = 64, .msg_size = 9000,
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

FIXTURE_SETUP(stress)
{
	const unsigned long long seed = choose_seed();
	struct run *run = &self->run;

	TH_LOG("GOCHAN_SEED=%llu", seed);
	run->shared = mmap(NULL, sizeof(*run->shared), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, run->shared);
	run->ch = ch_make(variant->capacity, variant->msg_size, 0);
	ASSERT_LE(0, run->ch);
	run->msg_size = variant->msg_size;
	/* an odd factor spreads neighbouring seeds; the state must not be 0 */
	run->random = (seed * 2 + 1) * 0x9e3779b97f4a7c15ULL;
}

FIXTURE_TEARDOWN(stress)
{
}

static unsigned int sum_of(const struct message *msg)
{
	unsigned int sum = msg->id * 31 + msg->number * 17 + msg->len;
	unsigned int i;

	for (i = 0; i < msg->len - sizeof(*msg); i++)
		sum = sum * 33 + msg->payload[i];
	return sum;
}

static void make_message(struct worker *worker, struct message *msg,
			 unsigned int number)
{
	const unsigned int room = worker->msg_size - sizeof(*msg);

	msg->magic = MAGIC;
	msg->id = worker->id;
	msg->number = number;
	msg->len = sizeof(*msg) + random_below(&worker->random, room + 1);
	memset(msg->payload, number, msg->len - sizeof(*msg));
	msg->sum = sum_of(msg);
}

static bool stopped(const struct worker *worker)
{
	return __atomic_load_n(&worker->shared->stop, __ATOMIC_RELAXED);
}

/* Send until shared->stop, until the channel is closed, or up to NUMBERS messages. */
static void *send_many(void *arg)
{
	struct worker *worker = arg;
	unsigned char *fates = worker->shared->fates[worker->id];
	struct message *msg = malloc(worker->msg_size);
	unsigned int i;
	ssize_t ret;

	for (i = 0; i < NUMBERS && !stopped(worker); i++) {
		make_message(worker, msg, i);
		fates[i] = TRYING;
		if (random_below(&worker->random, 4))
			ret = ch_send(worker->ch, msg, msg->len);
		else
			ret = ch_try_send(worker->ch, msg, msg->len);
		fates[i] = ret < 0 ? NOT_SENT : SENT;
		if (ret == -EPIPE)
			break;
		if (ret != msg->len && ret != -EAGAIN && ret != -EINTR)
			__atomic_fetch_add(&worker->shared->errors, 1,
					   __ATOMIC_RELAXED);
	}
	free(msg);
	return NULL;
}

/* Check and record a received message; @next: the lowest number expected, by sender. */
static bool record(struct shared *shared, const struct message *msg, ssize_t len,
		   unsigned int *next)
{
	if (len < (ssize_t)sizeof(*msg) || msg->magic != MAGIC ||
	    msg->len != len || msg->id >= SENDER_IDS || msg->number >= NUMBERS ||
	    msg->sum != sum_of(msg) ||
	    shared->fates[msg->id][msg->number] == NOT_TRIED)
		return false;
	__atomic_fetch_add(&shared->received[msg->id][msg->number], 1,
			   __ATOMIC_RELAXED);
	if (msg->number < next[msg->id])
		return false;
	next[msg->id] = msg->number + 1;
	return true;
}

/* Receive until the channel is closed and drained. */
static void *receive_many(void *arg)
{
	struct worker *worker = arg;
	struct message *msg = malloc(worker->msg_size);
	unsigned int next[SENDER_IDS] = {};
	ssize_t ret;

	do {
		if (random_below(&worker->random, 4))
			ret = ch_recv(worker->ch, msg, worker->msg_size);
		else
			ret = ch_try_recv(worker->ch, msg, worker->msg_size);
		if (!ret || ret == -EAGAIN || ret == -EINTR)
			continue;
		if (!record(worker->shared, msg, ret, next))
			__atomic_fetch_add(&worker->shared->errors, 1,
					   __ATOMIC_RELAXED);
	} while (ret);
	free(msg);
	return NULL;
}

static void ignore(int sig)
{
	(void)sig;
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	return worker->sender ? send_many(worker) : receive_many(worker);
}

static void prepare(struct run *run, struct worker *worker)
{
	random_below(&run->random, 2);
	worker->ch = run->ch;
	worker->shared = run->shared;
	worker->msg_size = run->msg_size;
	worker->random = run->random;
	if (worker->sender)
		worker->id = run->next_id++;
}

static void start_process(struct worker *worker)
{
	const pid_t pid = child();

	if (!pid) {
		work(worker);
		_exit(0);
	}
	worker->pid = pid;
}

/* Drain a closed channel: it has as many messages as INFO says. */
static bool drain(const struct run *run)
{
	const struct gochan_info info = ch_info(run->ch);
	struct message *msg = malloc(run->msg_size);
	unsigned int next[SENDER_IDS] = {};
	unsigned int count = 0;
	ssize_t ret;

	while ((ret = ch_recv(run->ch, msg, run->msg_size)) > 0)
		count += record(run->shared, msg, ret, next);
	free(msg);
	return !ret && count == info.len;
}

struct tally {
	unsigned int sent;
	unsigned int unknown;
	unsigned int received;
	unsigned int lost;
	unsigned int wrong;
};

static void tally_one(struct tally *tally, enum fate fate,
		      unsigned int received)
{
	tally->received += received;
	tally->sent += fate == SENT;
	tally->unknown += fate == TRYING;
	tally->lost += fate == SENT && !received;
	tally->wrong += received > 1 || (received && fate == NOT_SENT);
}

static struct tally tally_up(const struct shared *shared)
{
	struct tally tally = {};
	unsigned int i, k;

	for (i = 0; i < SENDER_IDS; i++)
		for (k = 0; k < NUMBERS && shared->fates[i][k]; k++)
			tally_one(&tally, shared->fates[i][k],
				  shared->received[i][k]);
	return tally;
}

/* Wait until so many more messages were received. */
static bool wait_for_messages(int ch, unsigned int count)
{
	const unsigned long long received = ch_info(ch).received + count;
	const struct wait wait = wait_begin();

	do {
		if (ch_info(ch).received >= received)
			return true;
	} while (wait_more(&wait));
	return false;
}

static struct worker *random_worker(struct run *run)
{
	return &run->workers[random_below(&run->random, SENDERS + RECEIVERS)];
}

#define KILLS	24

/* R1, R2, R8: processes, of which random ones are killed and replaced. */
TEST_F(stress, r1_r2_r8_killed)
{
	struct run *run = &self->run;
	struct worker *worker;
	struct gochan_info info;
	struct tally tally;
	unsigned int i;

	for (i = 0; i < SENDERS + RECEIVERS; i++) {
		run->workers[i].sender = i < SENDERS;
		prepare(run, &run->workers[i]);
		start_process(&run->workers[i]);
	}
	for (i = 0; i < KILLS; i++) {
		ASSERT_TRUE(wait_for_messages(run->ch,
					      random_below(&run->random, 40)));
		worker = random_worker(run);
		EXPECT_EQ(128 + SIGKILL, reap_killed(worker->pid));
		run->killed_receivers += !worker->sender;
		prepare(run, worker);
		start_process(worker);
	}

	/* kill receivers first, so that messages are buffered and senders blocked */
	for (i = SENDERS; i < SENDERS + RECEIVERS; i++)
		EXPECT_EQ(128 + SIGKILL, reap_killed(run->workers[i].pid));
	run->killed_receivers += RECEIVERS;
	EXPECT_EQ(0U, ch_info(run->ch).receivers_waiting);
	__atomic_store_n(&run->shared->stop, true, __ATOMIC_RELAXED);
	EXPECT_EQ(0, ch_close(run->ch));
	for (i = 0; i < SENDERS; i++)
		EXPECT_EQ(0, reap(run->workers[i].pid));
	info = ch_info(run->ch);
	EXPECT_EQ(info.sent, info.received + info.len);
	EXPECT_EQ(0U, info.senders_waiting);
	EXPECT_TRUE(drain(run));

	tally = tally_up(run->shared);
	EXPECT_EQ(0, run->shared->errors);
	EXPECT_EQ(0U, tally.wrong);
	EXPECT_GE(run->killed_receivers, tally.lost);
	EXPECT_LE(tally.sent, info.sent);
	EXPECT_GE(tally.sent + tally.unknown, info.sent);
	EXPECT_LE(tally.received, info.sent);
	EXPECT_GE(tally.received + run->killed_receivers, info.sent);
	info = ch_info(run->ch);
	EXPECT_EQ(info.sent, info.received);
	EXPECT_EQ(0U, info.bytes);
}

#define SIGNALS	60

/* R1, R2, R8: threads interrupted by signals: the fate of every message is known. */
TEST_F(stress, r1_r2_r8_interrupted)
{
	const struct sigaction action = { .sa_handler = ignore };
	struct run *run = &self->run;
	struct worker *worker;
	struct gochan_info info;
	struct tally tally;
	unsigned int i;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	for (i = 0; i < SENDERS + RECEIVERS; i++) {
		worker = &run->workers[i];
		worker->sender = i < SENDERS;
		prepare(run, worker);
		ASSERT_EQ(0, pthread_create(&worker->thread, NULL, work,
					    worker));
	}
	for (i = 0; i < SIGNALS; i++) {
		ASSERT_TRUE(wait_for_messages(run->ch,
					      random_below(&run->random, 10)));
		pthread_kill(random_worker(run)->thread, SIGUSR1);
	}
	__atomic_store_n(&run->shared->stop, true, __ATOMIC_RELAXED);
	EXPECT_EQ(0, ch_close(run->ch));
	for (i = 0; i < SENDERS + RECEIVERS; i++)
		EXPECT_EQ(0, pthread_join(run->workers[i].thread, NULL));

	info = ch_info(run->ch);
	tally = tally_up(run->shared);
	EXPECT_EQ(0, run->shared->errors);
	EXPECT_EQ(0U, tally.wrong);
	EXPECT_EQ(0U, tally.unknown);
	EXPECT_EQ(0U, tally.lost);
	EXPECT_EQ(tally.sent, tally.received);
	EXPECT_EQ(tally.sent, info.sent);
	EXPECT_EQ(tally.sent, info.received);
	EXPECT_EQ(0U, info.len);
}

TEST_HARNESS_MAIN
