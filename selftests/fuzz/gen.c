// SPDX-License-Identifier: GPL-2.0
/*
 * Programs from numbers: made, and changed step by step. The same numbers give
 * the same program, whatever happened before.
 */
#include "prog.h"

#include <fcntl.h>
#include <linux/gochan.h>
#include <string.h>

#include "gen.h"

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

struct rng rng_make(uint64_t seed, uint64_t number)
{
	return (struct rng){ mix(mix(seed) ^ number) };
}

uint64_t rng_next(struct rng *rng)
{
	return mix(rng->state++);
}

unsigned int rng_below(struct rng *rng, unsigned int n)
{
	return (rng_next(rng) >> 32) * n >> 32;
}

static bool one_in(struct rng *rng, unsigned int n)
{
	return !rng_below(rng, n);
}

/* Near a power of two, or anything. */
static uint64_t any_number(struct rng *rng)
{
	const uint64_t power = 1ULL << rng_below(rng, 64);

	switch (rng_below(rng, 4)) {
	case 0:
		return power;
	case 1:
		return power - 1;
	case 2:
		return -power;
	default:
		return rng_next(rng);
	}
}

static uint64_t between(uint64_t value, uint64_t least, uint64_t most)
{
	return value < least ? least : value > most ? most : value;
}

static uint64_t choose(struct rng *rng, const struct choice *choices)
{
	unsigned int total = 0, at;
	const struct choice *c;

	for (c = choices; c->weight; c++)
		total += c->weight;
	at = rng_below(rng, total);
	for (c = choices; at >= c->weight; c++)
		at -= c->weight;
	if (c->label && !strcmp(c->label, ANY_LABEL))
		return any_number(rng);
	return c->value;
}

static void make_args(struct rng *rng, struct args *args, const struct field_spec *fields)
{
	unsigned int i;

	for (i = 0; i < FIELDS; i++)
		if (fields[i].choices)
			args->v[i] = choose(rng, fields[i].choices);
}

/* Flags that the opcode does not know are rare. */
static void make_op(struct rng *rng, struct args *op)
{
	make_args(rng, op, op_fields);
	if (one_in(rng, 8))
		return;
	if (op->v[OP_CODE] != GOCHAN_OP_SEND)
		op->v[OP_FLAGS] &= ~(uint64_t)GOCHAN_PASS_FD;
	if (op->v[OP_CODE] != GOCHAN_OP_RECV)
		op->v[OP_FLAGS] &= ~(uint64_t)(GOCHAN_TAKE_FD | GOCHAN_PEEK);
}

static enum kind choose_kind(struct rng *rng, const struct program *prog, bool first)
{
	unsigned int total = 0, at, i;
	unsigned int weights[KINDS];

	for (i = 0; i < KINDS; i++) {
		weights[i] = specs[i].weight;
		if ((first && !specs[i].comes_first) || (prog->ledger && specs[i].loses) ||
		    (prog->plain && (i == SELECT || i == FORK)))
			weights[i] = 0;
		total += weights[i];
	}
	at = rng_below(rng, total);
	for (i = 0; at >= weights[i]; i++)
		at -= weights[i];
	return i;
}

static void make_call_of(struct rng *rng, struct call *call, enum kind kind, unsigned int actor)
{
	unsigned int i;

	memset(call, 0, sizeof(*call));
	call->kind = kind;
	call->actor = actor;
	make_args(rng, &call->args, specs[kind].fields);
	if (one_in(rng, 12))
		call->fail = 1 + rng_below(rng, 8);
	if (!has_ops(kind))
		return;
	call->nr_ops = 1 + rng_below(rng, MAX_OPS);
	for (i = 0; i < call->nr_ops; i++)
		make_op(rng, &call->ops[i]);
}

/* ---- calls that go well ---- */

/* Of a channel that was made before all others: what fits into a message. */
static uint64_t size_that_fits(const struct program *prog, uint64_t slot)
{
	uint64_t size = 4096;
	bool fixed = false;
	unsigned int i;

	for (i = 0; i < prog->nr_calls; i++) {
		const struct call *call = &prog->calls[i];

		if (call->kind != SETUP || call->actor != FIRST_OF_ALL ||
		    call->args.v[SLOT] != slot)
			continue;
		size = call->args.v[ARG1];
		fixed = call->args.v[ARG2] & GOCHAN_FIXED;
	}
	if (fixed || size < LEAST_NUMBERED)
		return size;
	return size < 48 ? LEAST_NUMBERED : 48;
}

static uint64_t choose_channel(struct rng *rng, const struct program *prog)
{
	return prog->fills && !one_in(rng, 4) ? 0 : rng_below(rng, 2);
}

static bool chooses_send(struct rng *rng, const struct program *prog)
{
	return prog->fills ? !one_in(rng, 3) : one_in(rng, 2);
}

/* One of the first channels, and a buffer that is there. */
static void tame_op(struct rng *rng, const struct program *prog, struct args *op)
{
	op->v[OP_CODE] = chooses_send(rng, prog) ? GOCHAN_OP_SEND : GOCHAN_OP_RECV;
	op->v[OP_SLOT] = choose_channel(rng, prog);
	op->v[OP_BUF] = OWN;
	op->v[OP_LEN] = OP_MOST;
	op->v[OP_RESERVED] = 0;
	op->v[OP_FLAGS] = 0;
	if (op->v[OP_CODE] == GOCHAN_OP_SEND)
		op->v[OP_LEN] = size_that_fits(prog, op->v[OP_SLOT]);
	if (one_in(rng, 4))
		op->v[OP_FLAGS] = op->v[OP_CODE] == GOCHAN_OP_SEND ? GOCHAN_PASS_FD :
				  GOCHAN_TAKE_FD;
	op->v[OP_PASS] = rng_below(rng, 2);
}

static bool takes_one_buffer(enum kind kind)
{
	return kind == READ || kind == WRITE || kind == READV || kind == WRITEV;
}

/* Of reads half become writes. */
static void tame_kind(struct rng *rng, const struct program *prog, struct call *call)
{
	if (!prog->fills || one_in(rng, 2))
		return;
	if (call->kind == READ)
		call->kind = WRITE;
	else if (call->kind == READV)
		call->kind = WRITEV;
}

static bool takes_a_name(enum kind kind)
{
	return kind == LINK || kind == UNLINK || kind == OPEN;
}

/* The first name: that one channel was given, others open and take away. */
static void tame_name(struct rng *rng, const struct program *prog, struct call *call)
{
	uint64_t *v = call->args.v;

	v[ARG1] = 0;
	if (call->kind == OPEN)
		return;
	v[SLOT] = choose_channel(rng, prog);
	v[ARG2] = call->kind == LINK ? 0666 : 0;
	v[ARG3] = 0;
	v[WHERE] = OWN;
}

/* At random hardly any message would ever arrive. */
static void tame_call(struct rng *rng, const struct program *prog, struct call *call)
{
	uint64_t *v = call->args.v;
	unsigned int i;

	if (takes_a_name(call->kind))
		tame_name(rng, prog, call);
	if (!takes_one_buffer(call->kind) && !has_ops(call->kind))
		return;
	tame_kind(rng, prog, call);
	v[SLOT] = choose_channel(rng, prog);
	v[BUF] = OWN;
	if (takes_one_buffer(call->kind)) {
		v[LEN] = call->kind == READ || call->kind == READV ?
			 4096 : size_that_fits(prog, v[SLOT]) * (1 + rng_below(rng, 2));
		v[ARG1] = 0;
		v[ARG2] = -1;
		v[ARG3] = OWN;
		return;
	}
	v[WHERE] = OWN;
	v[LEN] = between(v[LEN], 1, 12);
	v[ARG1] &= call->kind == SELECT ? GOCHAN_ORDERED : GOCHAN_WAITFORONE;
	v[ARG3] = 0;
	if (one_in(rng, 2))
		v[ARG2] = NEVER;
	for (i = 0; i < call->nr_ops; i++)
		tame_op(rng, prog, &call->ops[i]);
}

static unsigned int choose_actor(struct rng *rng, const struct program *prog)
{
	return rng_below(rng, prog->actors);
}

static void make_call(struct rng *rng, const struct program *prog, struct call *call, bool first)
{
	make_call_of(rng, call, choose_kind(rng, prog, first),
		     first ? FIRST_OF_ALL : choose_actor(rng, prog));
	if (!one_in(rng, prog->fills ? 4 : 2))
		tame_call(rng, prog, call);
}

static struct call *append(struct program *prog)
{
	return &prog->calls[prog->nr_calls++];
}

/* A channel in a slot, most of them set up. */
static void make_channel(struct rng *rng, struct program *prog, unsigned int slot)
{
	struct call *call = append(prog);

	make_call_of(rng, call, MAKE, FIRST_OF_ALL);
	call->args.v[SLOT] = slot;
	call->fail = 0;
	if (one_in(rng, 4))
		return;
	call = append(prog);
	make_call_of(rng, call, SETUP, FIRST_OF_ALL);
	call->args.v[SLOT] = slot;
	call->fail = 0;
}

/*
 * Most calls send on one channel with a small buffer, so that it is full, many
 * wait there, and one that receives lets another of them go on.
 */
static void make_filled(struct rng *rng, struct program *prog)
{
	struct call *call;

	prog->fills = true;
	prog->actors = MAX_ACTORS - rng_below(rng, 3);
	prog->rounds = 2 + rng_below(rng, MAX_ROUNDS - 1);
	call = append(prog);
	make_call_of(rng, call, MAKE, FIRST_OF_ALL);
	call->fail = 0;
	call->args.v[SLOT] = 0;
	call->args.v[ARG1] = O_RDWR;
	call = append(prog);
	make_call_of(rng, call, SETUP, FIRST_OF_ALL);
	call->fail = 0;
	call->args = (struct args){
		.v = { [LEN] = 4 + rng_below(rng, 5), [ARG1] = 16U << rng_below(rng, 9),
		       [ARG2] = one_in(rng, 3) ? GOCHAN_CRED : 0, [WHERE] = OWN }
	};
}

static void generate(struct rng *rng, struct program *prog)
{
	unsigned int i, n;

	memset(prog, 0, sizeof(*prog));
	prog->ledger = one_in(rng, 2);
	prog->plain = one_in(rng, 4);
	prog->shifted = one_in(rng, 16);
	prog->nudged = !one_in(rng, 3);
	prog->rounds = one_in(rng, 2) ? 2 + rng_below(rng, MAX_ROUNDS - 1) : 1;
	prog->actors = 2 + rng_below(rng, MAX_ACTORS - 1);
	for (i = 0; i < MAX_ACTORS; i++)
		prog->process[i] = rng_below(rng, MAX_PROCESSES);
	n = 2 + rng_below(rng, 2);
	i = one_in(rng, 4);
	if (i)
		make_filled(rng, prog);
	for (; i < n; i++)
		make_channel(rng, prog, i);
	for (i = rng_below(rng, 6); i; i--)
		make_call(rng, prog, append(prog), true);
	for (i = prog->actors * (2 + rng_below(rng, 8)); i && prog->nr_calls < MAX_CALLS; i--)
		make_call(rng, prog, append(prog), false);
}

/* ---- changes ---- */

static struct call *some_call(struct rng *rng, struct program *prog)
{
	return &prog->calls[rng_below(rng, prog->nr_calls)];
}

static void remove_call(struct rng *rng, struct program *prog)
{
	const unsigned int at = rng_below(rng, prog->nr_calls);

	if (prog->nr_calls < 2)
		return;
	prog->nr_calls--;
	memmove(&prog->calls[at], &prog->calls[at + 1],
		(prog->nr_calls - at) * sizeof(prog->calls[0]));
}

static struct call *make_room(struct rng *rng, struct program *prog)
{
	const unsigned int at = rng_below(rng, prog->nr_calls + 1);

	if (prog->nr_calls == MAX_CALLS)
		return &prog->calls[MAX_CALLS - 1];
	memmove(&prog->calls[at + 1], &prog->calls[at],
		(prog->nr_calls - at) * sizeof(prog->calls[0]));
	prog->nr_calls++;
	return &prog->calls[at];
}

static void insert_call(struct rng *rng, struct program *prog)
{
	make_call(rng, prog, make_room(rng, prog), one_in(rng, 6));
}

/* The same again, by whomever. */
static void repeat_call(struct rng *rng, struct program *prog)
{
	const struct call call = *some_call(rng, prog);
	struct call *copy = make_room(rng, prog);

	*copy = call;
	if (copy->actor != FIRST_OF_ALL)
		copy->actor = choose_actor(rng, prog);
}

static void change_args(struct rng *rng, struct args *args, const struct field_spec *fields)
{
	const unsigned int i = rng_below(rng, FIELDS);

	if (fields[i].choices)
		args->v[i] = choose(rng, fields[i].choices);
}

static void change_call(struct rng *rng, struct program *prog)
{
	struct call *call = some_call(rng, prog);

	if (call->nr_ops && one_in(rng, 2))
		change_args(rng, &call->ops[rng_below(rng, call->nr_ops)], op_fields);
	else if (one_in(rng, 8))
		call->fail = rng_below(rng, 12);
	else
		change_args(rng, &call->args, specs[call->kind].fields);
}

static void change_ops(struct rng *rng, struct program *prog)
{
	struct call *call = some_call(rng, prog);

	if (!call->nr_ops)
		return;
	if (call->nr_ops < MAX_OPS && one_in(rng, 2))
		make_op(rng, &call->ops[call->nr_ops++]);
	else
		make_op(rng, &call->ops[rng_below(rng, call->nr_ops)]);
}

static void change_actors(struct rng *rng, struct program *prog)
{
	struct call *call = some_call(rng, prog);

	if (one_in(rng, 2))
		prog->process[choose_actor(rng, prog)] = rng_below(rng, MAX_PROCESSES);
	else if (call->actor != FIRST_OF_ALL)
		call->actor = choose_actor(rng, prog);
}

static void mutate(struct rng *rng, struct program *prog)
{
	static void (*const changes[])(struct rng *rng, struct program *prog) = {
		remove_call, insert_call, insert_call, repeat_call, change_call, change_call,
		change_call, change_ops, change_actors,
	};
	unsigned int n = 1 + rng_below(rng, 4);

	while (n--)
		changes[rng_below(rng, ARRAY_SIZE(changes))](rng, prog);
}

/* ---- what holds for all ---- */

/* An op's own buffer has an end; what a ledger sends is numbered, so it is there. */
static void fit_op(struct args *op, bool ledger)
{
	if (ledger && op->v[OP_CODE] == GOCHAN_OP_SEND) {
		op->v[OP_BUF] = OWN;
		op->v[OP_LEN] = between((uint32_t)op->v[OP_LEN], LEAST_NUMBERED, OP_MOST);
	}
	if (op->v[OP_BUF] == OWN)
		op->v[OP_LEN] = between((uint32_t)op->v[OP_LEN], 0, OP_MOST);
}

/*
 * In a ledger what was done and what came can be seen, and every process knows
 * where messages end.
 */
static void fit_to_ledger(struct call *call)
{
	uint64_t *v = call->args.v;

	if (has_ops(call->kind)) {
		v[LEN] = between(v[LEN], 0, OP_ROOMS);
		v[WHERE] = OWN;
		v[BUF] = OWN;
	} else if (call->kind == WRITE || call->kind == WRITEV) {
		v[LEN] = between(v[LEN], LEAST_NUMBERED, OP_MOST);
		v[BUF] = OWN;
		v[ARG3] = OWN;
	} else if (call->kind == SETUP && (uint32_t)v[ARG1]) {
		v[ARG1] = between((uint32_t)v[ARG1], LEAST_NUMBERED, UINT32_MAX);
	}
	if (call->kind == SETUP && call->actor != FIRST_OF_ALL)
		v[ARG2] &= ~(uint64_t)GOCHAN_FIXED;
}

/* What is done many times soon gives up, and so often at the wrong moment. */
static void fit_to_rounds(struct call *call)
{
	if (has_ops(call->kind) && call->args.v[ARG2] == NEVER)
		call->args.v[ARG2] = IN_5MS;
}

static void fit(struct program *prog)
{
	unsigned int i, j;

	for (i = 0; i < prog->nr_calls; i++) {
		struct call *call = &prog->calls[i];

		for (j = 0; j < call->nr_ops; j++)
			fit_op(&call->ops[j], prog->ledger);
		if (prog->ledger)
			fit_to_ledger(call);
		if (prog->rounds > 1)
			fit_to_rounds(call);
	}
}

void program_make(struct program *prog, const struct origin *from)
{
	unsigned int i;

	for (i = 0; i < from->depth; i++) {
		struct rng rng = rng_make(from->seed, from->numbers[i]);

		if (i)
			mutate(&rng, prog);
		else
			generate(&rng, prog);
	}
	fit(prog);
}
