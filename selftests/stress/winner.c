// SPDX-License-Identifier: GPL-2.0
/*
 * R14: who wins a select. Many selects wait on two channels, and both channels
 * want the same one at the same moment: each select ends once, by one of them,
 * and the other goes on to the next as if nobody had been there.
 *
 * Both go through their lines from the head. Who is behind passes quickly over
 * those that the other has won, and so keeps catching up with it.
 */
#include <kselftest_harness.h>

#include "../lib/ops.h"

#define SELECTS		32
#define SIDES		2
#define ROUNDS		12
#define LONG		5000

/* The number of a message that no select has to do with. */
#define FILLER		(SIDES * SELECTS)

struct race;
struct side;

/* What the selects want, who comes for them, and how they end. */
struct contest {
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

/* Who wants the selects on one of the channels. */
struct side {
	struct race *race;
	pthread_t thread;
	unsigned int number;
	int ch;
	unsigned int moved;		/* messages sent or received */
	bool seen[FILLER + 1];		/* whose messages were received */
	int error;
};

struct race {
	const struct contest *contest;
	struct select selects[SELECTS];
	struct side sides[SIDES];
	unsigned int ready;
};

/* ---- the ways of going through a line ---- */

static void note(bool *seen, unsigned int number, int *error)
{
	if (number > FILLER || seen[number])
		*error = -EBADMSG;
	else
		seen[number] = true;
}

/* Messages for all by one write. */
static void push(struct side *side)
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

/* A message that nobody has the room for. */
static void push_too_long(struct side *side)
{
	const char msg[16] = {};
	const ssize_t ret = ch_try_send(side->ch, msg, sizeof(msg));

	if (ret != -EAGAIN)
		side->error = ret;
}

/* All that is there by one read. */
static void pull(struct side *side)
{
	unsigned int msgs[FILLER];
	ssize_t ret, i;

	while ((ret = ch_try_recv(side->ch, msgs, sizeof(msgs))) > 0)
		for (i = 0; i < ret / (ssize_t)sizeof(*msgs); i++, side->moved++)
			note(side->seen, msgs[i], &side->error);
	if (ret != -EAGAIN)
		side->error = ret;
}

/* One long message after the other. */
static void pull_long(struct side *side)
{
	unsigned int msg[LONG / sizeof(unsigned int)];
	ssize_t ret;

	for (; (ret = ch_try_recv(side->ch, msg, sizeof(msg))) == LONG; side->moved++)
		note(side->seen, msg[0], &side->error);
	if (ret != -EAGAIN)
		side->error = ret;
}

static void shut(struct side *side)
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

/* Both begin when both are there. */
static void *side_run(void *arg)
{
	struct side *side = arg;
	unsigned int *ready = &side->race->ready;

	__atomic_fetch_add(ready, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(ready, __ATOMIC_SEQ_CST) < SIDES)
		;
	side->race->contest->run(side);
	return NULL;
}

/* A channel of the contest's kind, with as much inside as it holds. */
static bool side_make(struct race *race, unsigned int number)
{
	const struct contest *contest = race->contest;
	struct side *side = &race->sides[number];
	const unsigned int filler = FILLER;

	memset(side, 0, sizeof(*side));
	side->race = race;
	side->number = number;
	side->ch = ch_make(contest->capacity, contest->msg_size, contest->flags);
	if (side->ch < 0)
		return false;
	return !contest->capacity || ch_try_send(side->ch, &filler, sizeof(filler)) > 0;
}

static void select_start(struct race *race, unsigned int number)
{
	const struct contest *contest = race->contest;
	struct select *s = &race->selects[number];
	unsigned int i;

	for (i = 0; i < SIDES; i++) {
		const int ch = race->sides[i].ch;

		s->bufs[i][0] = number;
		s->ops[i] = contest->send ?
			(struct gochan_op)GOCHAN_SEND(ch, s->bufs[i], contest->msg_size) :
			(struct gochan_op)GOCHAN_RECV(ch, s->bufs[i], sizeof(**s->bufs));
		s->ops[i].result = UNTOUCHED;
	}
	if (pthread_create(&s->thread, NULL, select_run, s))
		abort();
}

static bool all_wait(const struct race *race)
{
	const unsigned int senders = race->contest->send ? SELECTS : 0;
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

/* ---- what became of it ---- */

/* The op that happened, or failed; SIDES if that is not exactly one. */
static unsigned int winner(const struct race *race, const struct select *s)
{
	const int result = race->contest->result;
	const unsigned int at = s->ops[0].result == UNTOUCHED;

	if (s->ops[at].result != result || s->ops[!at].result != UNTOUCHED)
		return SIDES;
	return s->ret == (result < 0 ? result : (int)at) ? at : SIDES;
}

/* Messages were moved by the selects that say so, and each only once. */
static bool is_accounted_for(const struct race *race)
{
	const struct contest *contest = race->contest;
	bool seen[FILLER + 1] = {};
	unsigned int i, at, won[SIDES] = {};
	int error = 0;

	for (i = 0; i < SELECTS; i++) {
		const struct select *s = &race->selects[i];

		at = winner(race, s);
		if (at == SIDES)
			return false;
		won[at]++;
		if (contest->send && !contest->result && !race->sides[at].seen[i])
			return false;
		if (!contest->send && !contest->result)
			note(seen, s->bufs[at][0], &error);
	}
	for (i = 0; i < SIDES; i++) {
		const struct side *side = &race->sides[i];

		if (side->error || !no_waiters(side->ch))
			return false;
		if (side->moved != (contest->result ? 0 : won[i] + side->seen[FILLER]))
			return false;
	}
	return !error;
}

FIXTURE(winner) {
	struct race race;
};

FIXTURE_VARIANT(winner) {
	struct contest contest;
};

FIXTURE_VARIANT_ADD(winner, sent_to) {
	.contest = { .msg_size = 4, .flags = GOCHAN_FIXED, .run = push },
};

FIXTURE_VARIANT_ADD(winner, sent_too_much) {
	.contest = { .msg_size = 16, .run = push_too_long, .result = -EMSGSIZE },
};

FIXTURE_VARIANT_ADD(winner, receivers_closed) {
	.contest = { .msg_size = 4, .run = shut, .result = GOCHAN_R_CLOSED },
};

FIXTURE_VARIANT_ADD(winner, received_from) {
	.contest = { .send = true, .msg_size = 4, .flags = GOCHAN_FIXED, .run = pull },
};

FIXTURE_VARIANT_ADD(winner, received_from_ring) {
	.contest = {
		.send = true, .capacity = 1, .msg_size = 4, .flags = GOCHAN_FIXED, .run = pull,
	},
};

FIXTURE_VARIANT_ADD(winner, received_from_long) {
	.contest = { .send = true, .msg_size = LONG, .run = pull_long },
};

FIXTURE_VARIANT_ADD(winner, senders_closed) {
	.contest = { .send = true, .msg_size = 4, .run = shut, .result = -EPIPE },
};

FIXTURE_SETUP(winner)
{
	self->race.contest = &variant->contest;
}

FIXTURE_TEARDOWN(winner)
{
}

/* R1, R14: exactly one of a select's ops happens, whoever else wants it. */
TEST_F(winner, r1_r14_one)
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

TEST_HARNESS_MAIN
