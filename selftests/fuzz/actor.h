/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The executor, which runs one program: exec.c starts and watches the processes,
 * calls.c and ops.c execute the calls, slot.c has their descriptors, place.c their
 * memory, ledger.c the accounting of messages, check.c checks results, and stuck.c
 * detects lost wakeups.
 */
#ifndef FUZZ_ACTOR_H
#define FUZZ_ACTOR_H

#include <linux/gochan.h>

#include "board.h"
#include "prog.h"

/* The first unprivileged user. */
#define USER_ID		60001U

/*
 * The size of an actor's own memory: for messages, and for structures, which are a
 * struct gochan_ops and up to MAX_COUNT ops.
 */
#define MESSAGES	((size_t)OP_ROOM * OP_ROOMS)
#define MAX_COUNT	1040
#define STRUCTS		(128UL << 10)
#define STACK		(256UL << 10)

/* Fills buffers and what follows them, to detect stray writes. */
#define CANARY		0xa5
#define CANARY_LEN	64

/* A snapshot of a slot and its descriptor. */
struct slot {
	uint64_t at;
	int fd;
	bool is_channel;
	uint32_t generation;
};

struct process {
	uint64_t slots[SLOTS];
	uint32_t msg_size[SLOTS];	/* in ledger programs, where slots are not reused */
	bool fixed[SLOTS];
	char *shared[2];
	char *stalled;
	char *truncated;
	int truncated_fd;
	int uffd;
};

struct actor {
	unsigned int index;		/* or SETUP_ACTOR */
	const struct program *prog;
	struct process *process;
	struct board *board;
	const struct call *call;	/* the call that it executes */
	char *own;
	const char *own_ro;
	char *edge;
	char *lazy;
	char *stack;
	unsigned int sent;		/* numbered messages */
	uint64_t lease;			/* that a receive got last, or 0 */
	int fail_fd;			/* fail-nth of the thread, or -1 */
};

/* actor.c */
long or_errno(long ret);
void violation(struct actor *actor, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* exec.c */
void exec_program(const struct program *prog, struct board *board);

/* stuck.c */
bool is_stuck(const struct program *prog, const struct board *board, struct process *process,
	      unsigned int i);

/* calls.c */
void do_call(struct actor *actor, const struct call *call);

/* slot.c */
bool slot_unchanged(const struct actor *actor, struct slot slot);
struct slot slot_get(const struct process *process, uint64_t at);
void slot_read_info(struct process *process, uint64_t at);
void slot_put(struct actor *actor, uint64_t at, int fd, bool is_new);

/* ops.c */
long call_ops(struct actor *actor, const struct call *call, struct slot slot);

/* place.c */
void memory_make(void);
void memory_assign(struct process *process, struct actor *actors);
void uffd_of_process(struct process *process);
void *address(struct actor *actor, enum place place, uint64_t size, size_t offset);
void *put_struct(struct actor *actor, enum place place, const void *from, size_t size,
		 size_t offset);
long change_memory(struct process *process, enum place place, enum memory how);

/* ledger.c */
struct message_batch {
	unsigned int first, count;
	size_t piece;
};

struct message_batch ledger_write(struct actor *actor, char *buf, size_t len, size_t piece);
void ledger_sent(struct actor *actor, struct message_batch batch, unsigned int sent,
		 bool counts);
void ledger_received(struct actor *actor, const char *buf, size_t len, size_t piece, bool peek);
bool ledger_is_residue(const char *buf, size_t len, size_t room);
void ledger_unknown(struct actor *actor, unsigned int count);

/* check.c */
void check_result(struct actor *actor, const struct call *call, long ret);
void check_info(struct actor *actor, const struct gochan_info *info);
void canary_set(char *buf, size_t len);
bool canary_intact(const char *buf, size_t from, size_t to);
bool buffer_is_clean(const struct actor *actor, const char *buf, size_t len, size_t room);

#endif
