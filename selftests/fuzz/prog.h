/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Programs of the fuzzer, and their origin: calls with arguments from given sets,
 * generated from numbers alone. grammar.c has the calls and their arguments, gen.c
 * generates and mutates programs, text.c prints them; none of these makes system
 * calls.
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
 * An actor's own memory has OP_ROOMS buffers of OP_ROOM bytes, one for each op. A
 * message in them has at most OP_LEN_MAX bytes, and a numbered one at least
 * MIN_NUMBERED.
 */
#define OP_ROOMS	12
#define OP_ROOM		8192
#define OP_LEN_MAX		8000
#define MIN_NUMBERED	16

/* The actor of the setup calls, which are executed before all others. */
#define SETUP_ACTOR	MAX_ACTORS

/* The arguments of a call; each kind of call uses some. */
enum field { SLOT, SLOT2, BUF, LEN, ARG1, ARG2, ARG3, WHERE, FIELDS };

/* The same for one op of a SELECT or BATCH. */
enum op_field { OP_SLOT, OP_CODE, OP_BUF, OP_LEN, OP_FLAGS, OP_PASS, OP_EVENTS, OP_LEASE };

enum kind {
	MAKE, SETUP, INFO, CLOSE_CHANNEL, ACK, DUP, LINK, UNLINK, OPEN, SELECT, BATCH, NEXT_LEN,
	OTHER_IOCTL, READ, WRITE, READV, WRITEV, POLL, EPOLL_CTL, EPOLL_WAIT, URING,
	FCNTL, CLOSE, DUP2, REOPEN, NEW_FD, SEND_FD, RECV_FD, SIGNAL, FORK, NODE,
	PARAM, RELOAD, BECOME, MEMORY, PAUSE, FDINFO, MISC, LIMIT, KINDS
};

/* Where a buffer or structure is. */
enum place {
	OWN,		/* the actor's own, and always valid */
	EDGE,		/* its second half is unmapped */
	EXACT,		/* followed by unmapped memory */
	LAZY,		/* populated when it is touched */
	READ_ONLY,
	SHARED0,	/* shared by the actors of the process, which change it */
	SHARED1,
	STALLED,	/* its page faults are resolved later, or never */
	TRUNCATED,	/* extends beyond the end of its file */
	NOWHERE,
	KERNEL,
	NONCANONICAL,
	TOP,
};

/* Deadlines; larger values are taken literally. */
enum when { NEVER, PAST, IN_50US, IN_1MS, IN_5MS, IN_1S, AT_MAX, BEYOND_MAX, WHENS };

/* Descriptors other than channels. */
enum new_fd { PIPE, EVENT, TIMER, SOCKETS, NULL_DEVICE, EPOLL, PIDFD, SIGNALFD };

enum memory { UNMAP, MAP, DROP, PROTECT_RO, PROTECT_NONE, STALL, ARRIVE, TRUNCATE };

enum node_act { CHMOD, CHOWN, REMOVE, RENAME, EXCHANGE, COPY, MAKE_DIR, CREATE, LIST, DETACH };

enum misc {
	SEEK, MMAP, SYNC, RESIZE, SPLICE_IN, SPLICE_OUT, SENDFILE_IN, SENDFILE_OUT, LOCK,
	STAT, PREAD,
};

enum fcntl_act { NONBLOCK_ON, NONBLOCK_OFF, ASYNC_ON, ASYNC_OFF, CLOEXEC };

#define LAST_LEASE	1	/* as a lease: the actor's last one */
#define NAMESPACE_ROOT	1	/* for BECOME */
#define DEFAULT	(~0ULL)	/* for PARAM */

/* A value of an argument; it is chosen with a probability proportional to @weight. */
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
	bool in_setup;	/* never blocks, may be a setup call */
	bool breaks_ledger;		/* would break the accounting of a ledger */
	struct field_spec fields[FIELDS];
};

struct args {
	uint64_t v[FIELDS];
};

/* @fail: the nth allocation or copy fails, 0 for none. */
struct call {
	uint8_t kind;
	uint8_t actor;
	uint8_t fail;
	uint8_t nr_ops;
	struct args args;
	struct args ops[MAX_OPS];
};

/*
 * @ledger: all messages are numbered and accounted for
 * @fills: most calls send on one channel, so that it is full
 * @no_residue: no call selects or forks, so that all messages copied are received
 * @time_ns: it runs in a time namespace
 * @nudge: blocked actors get a signal when there is no more progress
 * @rounds: how many times each actor executes all of its calls
 * @process: the process of each actor
 */
struct program {
	bool ledger;
	bool fills;
	bool no_residue;
	bool time_ns;
	bool nudge;
	uint8_t rounds;
	uint8_t actors;
	uint8_t process[MAX_ACTORS];
	uint8_t nr_calls;
	struct call calls[MAX_CALLS];
};

/*
 * The origin of a program: it is generated from the first number, and mutated by each
 * of the others. The origin determines the program.
 */
struct origin {
	uint64_t seed;
	unsigned int depth;
	uint32_t numbers[MAX_DEPTH];
};

extern const struct spec specs[KINDS];
extern const struct field_spec op_fields[FIELDS];
extern const char *const names[];	/* for LINK, UNLINK, OPEN and NODE, by value */
extern const char *const params[];	/* for PARAM */
#define NAMES	6
#define PARAMS	8

bool has_ops(enum kind kind);

struct rng {
	uint64_t state;
};

struct rng rng_make(uint64_t seed, uint64_t number);
uint64_t rng_next(struct rng *rng);
unsigned int rng_below(struct rng *rng, unsigned int n);

void program_make(struct program *prog, const struct origin *from);

/* Sizes of the buffers for origin_text() and call_text(). */
#define ORIGIN_TEXT	(24 + 12 * MAX_DEPTH)
#define CALL_TEXT	2048

bool origin_parse(struct origin *origin, const char *text);
void origin_text(const struct origin *origin, char *text);
void call_text(const struct call *call, char *text);
void program_print(const struct program *prog);

#endif
