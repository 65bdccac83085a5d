// SPDX-License-Identifier: GPL-2.0
/*
 * R14: races to claim a select. Many selects are queued on two channels, and tasks
 * on both channels claim the same ones concurrently: each select is completed once,
 * by one of them, and the other one goes on to the next.
 *
 * Both process their wait queues from the head. The one that is behind skips those
 * that the other has claimed, and so keeps catching up with it.
 *
 * Also a select that polls while a send completes its receive: KCSAN sees which of its fields
 * are shared.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"

#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>

#define SELECTS		32
#define SIDES		2
#define ROUNDS		12
#define MESSAGES	5000
#define LONG		5000

/* A message that is buffered beforehand and not from a select. */
#define FILLER		(SIDES * SELECTS)

struct race;
struct side;

/* What the selects do, what completes them, and with which result. */
struct race_type {
	bool send;
	unsigned int capacity;
	unsigned int msg_size;
	unsigned int flags;
	void (*run)(struct side *side);
	int result;
};

/* A select of one op on each channel. */
struct select {
	struct race *race;
	pthread_t thread;
	struct gochan_op ops[SIDES];
	unsigned int bufs[SIDES][LONG / sizeof(unsigned int)];
	int ret;
};

/* A task that claims the selects queued on one of the channels. */
struct side {
	struct race *race;
	pthread_t thread;
	unsigned int number;
	int ch;
	unsigned int moved;		/* messages sent or received */
	bool seen[FILLER + 1];		/* messages received, by number */
	int error;
};

struct race {
	const struct race_type *type;
	struct select selects[SELECTS];
	struct side sides[SIDES];
	unsigned int ready;
};

/* ---- operations that complete many selects ---- */

static void record(bool *seen, unsigned int number, int *error)
{
	if (number > FILLER || seen[number])
		*error = -EBADMSG;
	else
		seen[number] = true;
}

/* One write with a message for each select. */
static void send_to_all(struct side *side)
{
	unsigned int msgs[SELECTS], i;
	ssize_t ret;

	for (i = 0; i < SELECTS; i++)
		msgs[i] = side->number * SELECTS + i;
	ret = ch_try_send(side->ch, msgs, sizeof(msgs));
	if (ret > 0)
		side->moved = ret / sizeof(*msgs);
	else if (ret != -EAGAIN)
		side->error = ret;
}

/* A message that is too long for every receiver. */
static void send_too_long(struct side *side)
{
	const char msg[16] = {};
	const ssize_t ret = ch_try_send(side->ch, msg, sizeof(msg));

	if (ret != -EAGAIN)
		side->error = ret;
}

/* Reads of as many messages as there are. */
static void recv_all(struct side *side)
{
	unsigned int msgs[FILLER];
	ssize_t ret, i;

	while ((ret = ch_try_recv(side->ch, msgs, sizeof(msgs))) > 0)
		for (i = 0; i < ret / (ssize_t)sizeof(*msgs); i++, side->moved++)
			record(side->seen, msgs[i], &side->error);
	if (ret != -EAGAIN)
		side->error = ret;
}

/* Reads of one long message each. */
static void recv_long(struct side *side)
{
	unsigned int msg[LONG / sizeof(unsigned int)];
	ssize_t ret;

	for (; (ret = ch_try_recv(side->ch, msg, sizeof(msg))) == LONG; side->moved++)
		record(side->seen, msg[0], &side->error);
	if (ret != -EAGAIN)
		side->error = ret;
}

static void close_channel(struct side *side)
{
	side->error = ch_close(side->ch);
}

/* ---- a round ---- */

static void *select_run(void *arg)
{
	struct select *s = arg;

	s->ret = ops_select(s->ops[0].fd, s->ops, SIDES, 0);
	return NULL;
}

/* Both start at the same time. */
static void *side_run(void *arg)
{
	struct side *side = arg;
	unsigned int *ready = &side->race->ready;

	__atomic_fetch_add(ready, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(ready, __ATOMIC_SEQ_CST) < SIDES)
		;
	side->race->type->run(side);
	return NULL;
}

/* Make a channel of the race's type, full if it is buffered. */
static bool side_make(struct race *race, unsigned int number)
{
	const struct race_type *type = race->type;
	struct side *side = &race->sides[number];
	const unsigned int filler = FILLER;

	memset(side, 0, sizeof(*side));
	side->race = race;
	side->number = number;
	side->ch = ch_make(type->capacity, type->msg_size, type->flags);
	if (side->ch < 0)
		return false;
	return !type->capacity || ch_try_send(side->ch, &filler, sizeof(filler)) > 0;
}

static void select_start(struct race *race, unsigned int number)
{
	const struct race_type *type = race->type;
	struct select *s = &race->selects[number];
	unsigned int i;

	for (i = 0; i < SIDES; i++) {
		const int ch = race->sides[i].ch;

		s->bufs[i][0] = number;
		s->ops[i] = type->send ?
			(struct gochan_op)GOCHAN_SEND(ch, s->bufs[i], type->msg_size) :
			(struct gochan_op)GOCHAN_RECV(ch, s->bufs[i], sizeof(**s->bufs));
		s->ops[i].result = UNTOUCHED;
	}
	if (pthread_create(&s->thread, NULL, select_run, s))
		abort();
}

static bool all_wait(const struct race *race)
{
	const unsigned int senders = race->type->send ? SELECTS : 0;
	unsigned int i;

	for (i = 0; i < SIDES; i++)
		if (!wait_for_waiters(race->sides[i].ch, senders, SELECTS - senders))
			return false;
	return true;
}

static bool race_run(struct race *race)
{
	unsigned int i;

	race->ready = 0;
	for (i = 0; i < SIDES; i++)
		if (!side_make(race, i))
			return false;
	for (i = 0; i < SELECTS; i++)
		select_start(race, i);
	if (!all_wait(race))
		return false;
	for (i = 0; i < SIDES; i++)
		if (pthread_create(&race->sides[i].thread, NULL, side_run, &race->sides[i]))
			abort();
	for (i = 0; i < SIDES; i++)
		pthread_join(race->sides[i].thread, NULL);
	for (i = 0; i < SELECTS; i++)
		pthread_join(race->selects[i].thread, NULL);
	return true;
}

/* ---- results ---- */

/* The op that happened, or failed; SIDES unless that is exactly one. */
static unsigned int decided_op(const struct race *race, const struct select *s)
{
	const int result = race->type->result;
	const unsigned int at = s->ops[0].result == UNTOUCHED;

	if (s->ops[at].result != result || s->ops[!at].result != UNTOUCHED)
		return SIDES;
	return s->ret == (result < 0 ? result : (int)at) ? at : SIDES;
}

/* Exactly the messages that the selects report were sent or received, each once. */
static bool is_accounted_for(const struct race *race)
{
	const struct race_type *type = race->type;
	bool seen[FILLER + 1] = {};
	unsigned int i, at, won[SIDES] = {};
	int error = 0;

	for (i = 0; i < SELECTS; i++) {
		const struct select *s = &race->selects[i];

		at = decided_op(race, s);
		if (at == SIDES)
			return false;
		won[at]++;
		if (type->send && !type->result && !race->sides[at].seen[i])
			return false;
		if (!type->send && !type->result)
			record(seen, s->bufs[at][0], &error);
	}
	for (i = 0; i < SIDES; i++) {
		const struct side *side = &race->sides[i];

		if (side->error || !no_waiters(side->ch))
			return false;
		if (side->moved != (type->result ? 0 : won[i] + side->seen[FILLER]))
			return false;
	}
	return !error;
}

FIXTURE(claim_race) {
	struct race race;
};

FIXTURE_VARIANT(claim_race) {
	struct race_type type;
};

FIXTURE_VARIANT_ADD(claim_race, sent_to) {
	.type = { .msg_size = 4, .flags = GOCHAN_FIXED, .run = send_to_all },
};

FIXTURE_VARIANT_ADD(claim_race, sent_too_much) {
	.type = { .msg_size = 16, .run = send_too_long, .result = -EMSGSIZE },
};

FIXTURE_VARIANT_ADD(claim_race, receivers_closed) {
	.type = { .msg_size = 4, .run = close_channel, .result = GOCHAN_R_CLOSED },
};

FIXTURE_VARIANT_ADD(claim_race, received_from) {
	.type = { .send = true, .msg_size = 4, .flags = GOCHAN_FIXED, .run = recv_all },
};

FIXTURE_VARIANT_ADD(claim_race, received_from_ring) {
	.type = {
		.send = true, .capacity = 1, .msg_size = 4, .flags = GOCHAN_FIXED, .run = recv_all,
	},
};

FIXTURE_VARIANT_ADD(claim_race, received_from_long) {
	.type = { .send = true, .msg_size = LONG, .run = recv_long },
};

FIXTURE_VARIANT_ADD(claim_race, senders_closed) {
	.type = { .send = true, .msg_size = 4, .run = close_channel, .result = -EPIPE },
};

FIXTURE_SETUP(claim_race)
{
	self->race.type = &variant->type;
}

FIXTURE_TEARDOWN(claim_race)
{
}

/* R1, R14: exactly one of a select's ops happens when several tasks claim it. */
TEST_F(claim_race, r1_r14_exactly_one)
{
	struct race *race = &self->race;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		ASSERT_TRUE(race_run(race));
		ASSERT_TRUE(is_accounted_for(race)) {
			TH_LOG("round %u", i);
		}
		close(race->sides[0].ch);
		close(race->sides[1].ch);
	}
}

/* On an unbuffered channel, a send that does not wait finds only selects that do. */
static void *send_each(void *arg)
{
	const int ch = *(const int *)arg;
	unsigned int i;
	ssize_t ret;

	for (i = 0; i < MESSAGES; i++) {
		while ((ret = ch_try_send(ch, &i, sizeof(i))) == -EAGAIN)
			sched_yield();
		if (ret != sizeof(i))
			break;
	}
	return NULL;
}

/* R14: a select receives while it also polls a file and peeks at another channel. */
TEST(r14_polls_meanwhile)
{
	unsigned int i, msg, peeked;
	pthread_t thread;
	int ch, other, event;

	ch = ch_make(0, sizeof(msg), 0);
	other = ch_make(0, sizeof(msg), 0);
	event = eventfd(0, EFD_CLOEXEC);
	ASSERT_LE(0, ch);
	ASSERT_LE(0, other);
	ASSERT_LE(0, event);
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_each, &ch));
	for (i = 0; i < MESSAGES; i++) {
		struct gochan_op ops[] = {
			GOCHAN_POLL(event, POLLIN),
			GOCHAN_RECV(ch, &msg, sizeof(msg)),
			GOCHAN_RECV(other, &peeked, sizeof(peeked)),
		};

		ops[2].flags = GOCHAN_PEEK;
		ASSERT_EQ(1, ops_select(ch, ops, 3, 0));
		ASSERT_EQ(i, msg);
	}
	pthread_join(thread, NULL);
	EXPECT_TRUE(no_waiters(ch));
	close(event);
	close(other);
	close(ch);
}

TEST_HARNESS_MAIN
