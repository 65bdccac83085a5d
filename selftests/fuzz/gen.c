// SPDX-License-Identifier: GPL-2.0
/*
 * Generates programs from numbers, and mutates them step by step. The same numbers
 * always give the same program.
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

/* A number near a power of two, or any. */
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

/* Flags that are invalid for the opcode are rare. */
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
		if ((first && !specs[i].in_setup) || (prog->ledger && specs[i].breaks_ledger) ||
		    (prog->no_residue && (i == SELECT || i == FORK)))
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

/* ---- valid calls ---- */

/* A valid message size for a channel that the setup actor made. */
static uint64_t valid_size(const struct program *prog, uint64_t slot)
{
	uint64_t size = 4096;
	bool fixed = false;
	unsigned int i;

	for (i = 0; i < prog->nr_calls; i++) {
		const struct call *call = &prog->calls[i];

		if (call->kind != SETUP || call->actor != SETUP_ACTOR ||
		    call->args.v[SLOT] != slot)
			continue;
		size = call->args.v[ARG1];
		fixed = call->args.v[ARG2] & GOCHAN_FIXED;
	}
	if (fixed || size < MIN_NUMBERED)
		return size;
	return size < 48 ? MIN_NUMBERED : 48;
}

static uint64_t choose_channel(struct rng *rng, const struct program *prog)
{
	return prog->fills && !one_in(rng, 4) ? 0 : rng_below(rng, 2);
}

static bool chooses_send(struct rng *rng, const struct program *prog)
{
	return prog->fills ? !one_in(rng, 3) : one_in(rng, 2);
}

/* An op on one of the first channels, with a valid buffer. */
static void make_op_valid(struct rng *rng, const struct program *prog, struct args *op)
{
	static const uint64_t flags[] = {
		[GOCHAN_OP_SEND] = GOCHAN_PASS_FD, [GOCHAN_OP_RECV] = GOCHAN_TAKE_FD,
		[GOCHAN_OP_ACK] = GOCHAN_REQUEUE,
	};

	op->v[OP_CODE] = chooses_send(rng, prog) ? GOCHAN_OP_SEND : GOCHAN_OP_RECV;
	if (!prog->ledger && one_in(rng, 6))
		op->v[OP_CODE] = GOCHAN_OP_ACK;
	op->v[OP_SLOT] = choose_channel(rng, prog);
	op->v[OP_BUF] = OWN;
	op->v[OP_LEN] = OP_LEN_MAX;
	op->v[OP_LEASE] = LAST_LEASE;
	op->v[OP_FLAGS] = 0;
	if (op->v[OP_CODE] == GOCHAN_OP_SEND)
		op->v[OP_LEN] = valid_size(prog, op->v[OP_SLOT]);
	if (one_in(rng, 4))
		op->v[OP_FLAGS] = flags[op->v[OP_CODE]];
	op->v[OP_PASS] = rng_below(rng, 2);
}

static bool takes_one_buffer(enum kind kind)
{
	return kind == READ || kind == WRITE || kind == READV || kind == WRITEV;
}

/* Turn half of the reads into writes. */
static void prefer_writes(struct rng *rng, const struct program *prog, struct call *call)
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

/* Use the first name, so that links, opens and unlinks concern the same channel. */
static void make_name_valid(struct rng *rng, const struct program *prog, struct call *call)
{
	uint64_t *v = call->args.v;

	v[ARG1] = 0;
	if (call->kind == LINK)
		v[SLOT] = choose_channel(rng, prog);
}

/* Make a call valid: of purely random calls hardly any would transfer a message. */
static void make_call_valid(struct rng *rng, const struct program *prog, struct call *call)
{
	uint64_t *v = call->args.v;
	unsigned int i;

	if (takes_a_name(call->kind))
		make_name_valid(rng, prog, call);
	if (!takes_one_buffer(call->kind) && !has_ops(call->kind))
		return;
	prefer_writes(rng, prog, call);
	v[SLOT] = choose_channel(rng, prog);
	v[BUF] = OWN;
	if (takes_one_buffer(call->kind)) {
		v[LEN] = call->kind == READ || call->kind == READV ?
			 4096 : valid_size(prog, v[SLOT]) * (1 + rng_below(rng, 2));
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
		make_op_valid(rng, prog, &call->ops[i]);
}

static unsigned int choose_actor(struct rng *rng, const struct program *prog)
{
	return rng_below(rng, prog->actors);
}

static void make_call(struct rng *rng, const struct program *prog, struct call *call, bool first)
{
	make_call_of(rng, call, choose_kind(rng, prog, first),
		     first ? SETUP_ACTOR : choose_actor(rng, prog));
	if (!one_in(rng, prog->fills ? 4 : 2))
		make_call_valid(rng, prog, call);
}

static struct call *append(struct program *prog)
{
	return &prog->calls[prog->nr_calls++];
}

/* Make a channel, most of the time with a SETUP. */
static void make_channel(struct rng *rng, struct program *prog, unsigned int slot)
{
	struct call *call = append(prog);

	make_call_of(rng, call, MAKE, SETUP_ACTOR);
	call->args.v[SLOT] = slot;
	call->fail = 0;
	if (one_in(rng, 4))
		return;
	call = append(prog);
	make_call_of(rng, call, SETUP, SETUP_ACTOR);
	call->args.v[SLOT] = slot;
	call->fail = 0;
}

/*
 * Most calls send on one channel of small capacity, so that it is full, many senders
 * are blocked, and each receive completes one of them.
 */
static void make_filled(struct rng *rng, struct program *prog)
{
	struct call *call;

	prog->fills = true;
	prog->actors = MAX_ACTORS - rng_below(rng, 3);
	prog->rounds = 2 + rng_below(rng, MAX_ROUNDS - 1);
	call = append(prog);
	make_call_of(rng, call, MAKE, SETUP_ACTOR);
	call->fail = 0;
	call->args.v[SLOT] = 0;
	call->args.v[ARG1] = O_RDWR;
	call = append(prog);
	make_call_of(rng, call, SETUP, SETUP_ACTOR);
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
	prog->no_residue = one_in(rng, 4);
	prog->time_ns = one_in(rng, 16);
	prog->nudge = !one_in(rng, 3);
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

/* ---- mutations ---- */

static struct call *random_call(struct rng *rng, struct program *prog)
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

static struct call *insert_at(struct rng *rng, struct program *prog)
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
	make_call(rng, prog, insert_at(rng, prog), one_in(rng, 6));
}

/* Duplicate a call, by any actor. */
static void repeat_call(struct rng *rng, struct program *prog)
{
	const struct call call = *random_call(rng, prog);
	struct call *copy = insert_at(rng, prog);

	*copy = call;
	if (copy->actor != SETUP_ACTOR)
		copy->actor = choose_actor(rng, prog);
}

static void mutate_args(struct rng *rng, struct args *args, const struct field_spec *fields)
{
	const unsigned int i = rng_below(rng, FIELDS);

	if (fields[i].choices)
		args->v[i] = choose(rng, fields[i].choices);
}

static void mutate_call(struct rng *rng, struct program *prog)
{
	struct call *call = random_call(rng, prog);

	if (call->nr_ops && one_in(rng, 2))
		mutate_args(rng, &call->ops[rng_below(rng, call->nr_ops)], op_fields);
	else if (one_in(rng, 8))
		call->fail = rng_below(rng, 12);
	else
		mutate_args(rng, &call->args, specs[call->kind].fields);
}

static void mutate_ops(struct rng *rng, struct program *prog)
{
	struct call *call = random_call(rng, prog);

	if (!call->nr_ops)
		return;
	if (call->nr_ops < MAX_OPS && one_in(rng, 2))
		make_op(rng, &call->ops[call->nr_ops++]);
	else
		make_op(rng, &call->ops[rng_below(rng, call->nr_ops)]);
}

static void mutate_actors(struct rng *rng, struct program *prog)
{
	struct call *call = random_call(rng, prog);

	if (one_in(rng, 2))
		prog->process[choose_actor(rng, prog)] = rng_below(rng, MAX_PROCESSES);
	else if (call->actor != SETUP_ACTOR)
		call->actor = choose_actor(rng, prog);
}

static void mutate(struct rng *rng, struct program *prog)
{
	static void (*const mutations[])(struct rng *rng, struct program *prog) = {
		remove_call, insert_call, insert_call, repeat_call, mutate_call, mutate_call,
		mutate_call, mutate_ops, mutate_actors,
	};
	unsigned int n = 1 + rng_below(rng, 4);

	while (n--)
		mutations[rng_below(rng, ARRAY_SIZE(mutations))](rng, prog);
}

/* ---- constraints ---- */

/* Own buffers are limited in size; messages of a ledger are numbered, so in own buffers. */
static void constrain_op(struct args *op, bool ledger)
{
	if (ledger && op->v[OP_CODE] == GOCHAN_OP_SEND) {
		op->v[OP_BUF] = OWN;
		op->v[OP_LEN] = between((uint32_t)op->v[OP_LEN], MIN_NUMBERED, OP_LEN_MAX);
	}
	if (op->v[OP_BUF] == OWN)
		op->v[OP_LEN] = between((uint32_t)op->v[OP_LEN], 0, OP_LEN_MAX);
}

/*
 * In a ledger program results and received messages must be visible, and every
 * process must know the size of messages.
 */
static void constrain_for_ledger(struct call *call)
{
	uint64_t *v = call->args.v;

	if (has_ops(call->kind)) {
		v[LEN] = between(v[LEN], 0, OP_ROOMS);
		v[WHERE] = OWN;
		v[BUF] = OWN;
	} else if (call->kind == WRITE || call->kind == WRITEV) {
		v[LEN] = between(v[LEN], MIN_NUMBERED, OP_LEN_MAX);
		v[BUF] = OWN;
		v[ARG3] = OWN;
	} else if (call->kind == SETUP && (uint32_t)v[ARG1]) {
		v[ARG1] = between((uint32_t)v[ARG1], MIN_NUMBERED, UINT32_MAX);
	}
	if (call->kind == SETUP && call->actor != SETUP_ACTOR)
		v[ARG2] &= ~(uint64_t)GOCHAN_FIXED;
	/* Messages of a ledger are received once. */
	if (call->kind == SETUP)
		v[ARG2] &= ~(uint64_t)GOCHAN_ACK;
}

/* Calls that are repeated have a short deadline, which often expires in a race. */
static void constrain_for_rounds(struct call *call)
{
	if (has_ops(call->kind) && call->args.v[ARG2] == NEVER)
		call->args.v[ARG2] = IN_5MS;
}

static void apply_constraints(struct program *prog)
{
	unsigned int i, j;

	for (i = 0; i < prog->nr_calls; i++) {
		struct call *call = &prog->calls[i];

		for (j = 0; j < call->nr_ops; j++)
			constrain_op(&call->ops[j], prog->ledger);
		if (prog->ledger)
			constrain_for_ledger(call);
		if (prog->rounds > 1)
			constrain_for_rounds(call);
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
	apply_constraints(prog);
}
