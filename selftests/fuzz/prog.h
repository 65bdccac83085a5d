/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a program of the fuzzer is, and where it comes from: calls with
 * arguments from given sets, made from numbers alone. grammar.c has the calls
 * and their arguments, gen.c makes and changes programs, text.c shows them;
 * none of them does a system call.
 */
#ifndef FUZZ_PROG_H
#define FUZZ_PROG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define MAX_ACTORS	6
#define MAX_CALLS	64
#define MAX_OPS		4
#define MAX_ROUNDS	32
#define MAX_PROCESSES	3
#define MAX_DEPTH	24
#define SLOTS		12

/*
 * An actor's own memory has a part for each of so many ops, and a message in it
 * at most so many bytes; at least so many have room for a number.
 */
#define OP_ROOMS	12
#define OP_ROOM		8192
#define OP_MOST		8000
#define LEAST_NUMBERED	16

/* Who does the calls that come before all others, one after the other. */
#define FIRST_OF_ALL	MAX_ACTORS

/* What a call's arguments are for; each kind of call uses some. */
enum field { SLOT, SLOT2, BUF, LEN, ARG1, ARG2, ARG3, WHERE, FIELDS };

/* The same for one op of a SELECT or BATCH. */
enum op_field { OP_SLOT, OP_CODE, OP_BUF, OP_LEN, OP_FLAGS, OP_PASS, OP_EVENTS, OP_RESERVED };

enum kind {
	MAKE, SETUP, INFO, END, DUP, LINK, UNLINK, OPEN, SELECT, BATCH, NEXT_LEN,
	ODD_IOCTL, READ, WRITE, READV, WRITEV, POLL, EPOLL_CTL, EPOLL_WAIT, URING,
	FCNTL, CLOSE, DUP2, REOPEN, NEW_FD, SEND_FD, RECV_FD, SIGNAL, FORK, NODE,
	PARAM, RELOAD, BECOME, MEMORY, PAUSE, LOOK, ODD, LIMIT, KINDS
};

/* Where bytes lie, or do not. */
enum place {
	OWN,		/* the actor's alone, and always there */
	EDGE,		/* its latter half is not there */
	EXACT,		/* what follows is not there */
	LAZY,		/* not there until it is touched */
	READ_ONLY,
	SHARED0,	/* of all actors of the process, who change it */
	SHARED1,
	STALLED,	/* arrives when somebody lets it, or never */
	TRUNCATED,	/* of a file that is too short */
	NOWHERE,
	KERNEL,
	NONCANONICAL,
	TOP,
};

/* Deadlines; whatever is larger stands for itself. */
enum when { NEVER, PAST, IN_50US, IN_1MS, IN_5MS, IN_1S, AT_MAX, BEYOND_MAX, WHENS };

/* Descriptors that are no channels. */
enum new_fd { PIPE, EVENT, TIMER, SOCKETS, NULL_DEVICE, EPOLL, PIDFD, SIGNALFD };

enum memory { UNMAP, MAP, DROP, PROTECT_RO, PROTECT_NONE, STALL, ARRIVE, TRUNCATE };

enum node_act { CHMOD, CHOWN, REMOVE, RENAME, COPY, STRAY, LIST, ATTRIBUTES };

enum odd {
	SEEK, MAP_IT, SYNC, RESIZE, SPLICE_IN, SPLICE_OUT, SENDFILE_IN, SENDFILE_OUT, LOCK,
	STAT, PREAD,
};

enum fcntl_act { NONBLOCK_ON, NONBLOCK_OFF, ASYNC_ON, ASYNC_OFF, CLOEXEC };

#define NAMESPACE_ROOT	1	/* for BECOME */
#define STANDARD	(~0ULL)	/* for PARAM */

/* One of the values that an argument may have, more often the heavier. */
struct choice {
	uint64_t value;
	const char *label;
	uint8_t weight;
};

struct field_spec {
	const char *name;
	const struct choice *choices;	/* the last has no weight; NULL: unused */
};

struct spec {
	const char *name;
	uint8_t weight;
	bool comes_first;	/* never blocks, is done before all others */
	bool loses;		/* not where every message is accounted for */
	struct field_spec fields[FIELDS];
};

struct args {
	uint64_t v[FIELDS];
};

/* @fail: the how many-th allocation or copy in it fails, 0 for none. */
struct call {
	uint8_t kind;
	uint8_t actor;
	uint8_t fail;
	uint8_t nr_ops;
	struct args args;
	struct args ops[MAX_OPS];
};

/*
 * @ledger: every message carries a number, and all are accounted for
 * @fills: most of its calls send on one channel, so that its buffer is full
 * @plain: what it copies is what it receives: no call selects or forks
 * @shifted: it lives in a time namespace
 * @nudged: who waits when nothing happens any more gets a signal
 * @rounds: how many times an actor does all of its calls
 * @process: in which process an actor is a thread
 */
struct program {
	bool ledger;
	bool fills;
	bool plain;
	bool shifted;
	bool nudged;
	uint8_t rounds;
	uint8_t actors;
	uint8_t process[MAX_ACTORS];
	uint8_t nr_calls;
	struct call calls[MAX_CALLS];
};

/*
 * Where a program comes from: made from the first number, and changed by each
 * of the others. It is all that is needed to have it again.
 */
struct origin {
	uint64_t seed;
	unsigned int depth;
	uint32_t numbers[MAX_DEPTH];
};

extern const struct spec specs[KINDS];
extern const struct field_spec op_fields[FIELDS];
extern const char *const names[];	/* for LINK, by value */
extern const char *const loads[];	/* channels= for RELOAD */
extern const char *const params[];	/* for PARAM */
#define NAMES	10
#define LOADS	6
#define PARAMS	9

bool has_ops(enum kind kind);

struct rng {
	uint64_t state;
};

struct rng rng_make(uint64_t seed, uint64_t number);
uint64_t rng_next(struct rng *rng);
unsigned int rng_below(struct rng *rng, unsigned int n);

void program_make(struct program *prog, const struct origin *from);

/* Enough for any. */
#define ORIGIN_TEXT	(24 + 12 * MAX_DEPTH)
#define CALL_TEXT	2048

bool origin_parse(struct origin *origin, const char *text);
void origin_text(const struct origin *origin, char *text);
void call_text(const struct call *call, char *text);
void program_print(const struct program *prog);

#endif
