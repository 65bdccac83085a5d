/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Handles of channels among the descriptors of processes, and what their fdinfo says of
 * the channel and its waiters (R22).
 */
#ifndef GOCHAN_FDINFO_H
#define GOCHAN_FDINFO_H

#include <sys/types.h>

#include "cmd.h"

/* The module does not list more. */
#define FDINFO_WAITERS	64
#define FDINFO_LEASES	64

struct fdinfo_waiter {
	pid_t pid;		/* 0 if it is in another pid namespace, or has exited */
	pid_t tid;
	bool sends;		/* otherwise it receives */
	bool is_select;
	bool polls;		/* the select has ops that poll, which may end it */
	bool has_deadline;
	long long since_ns;	/* CLOCK_MONOTONIC */
};

struct fdinfo_lease {
	pid_t pid;		/* of the owner, 0 as for a waiter */
	uint64_t lease;
	uint64_t seq;
	unsigned int deliveries;
	long long since_ns;	/* CLOCK_MONOTONIC */
};

struct fdinfo {
	pid_t pid;
	pid_t tid;		/* @pid, or a thread whose descriptors are its own */
	int fd;
	uint64_t id;		/* of the channel */
	uint64_t handle;	/* the same for descriptors that share a handle */
	bool may_send;
	bool may_receive;
	char name[NAME_PATH_SIZE];	/* path in its gochanfs, with the slash, or "" */
	unsigned int capacity;
	unsigned int msg_size;
	unsigned int flags;
	unsigned int len;
	unsigned int leased;
	unsigned int closed;
	unsigned int send_handles;
	unsigned int recv_handles;
	unsigned int senders_waiting;
	unsigned int receivers_waiting;
	/* The first waiters; of the others of the first 64 only the number is told. */
	unsigned int waiters_of_others;	/* of other users */
	unsigned int waiters_more;	/* beyond the first 64 */
	unsigned int count;		/* of @waiters */
	struct fdinfo_waiter waiters[FDINFO_WAITERS];
	/* The same for leases. */
	unsigned int leases_of_others;
	unsigned int leases_more;
	unsigned int nr_leases;
	struct fdinfo_lease leases[FDINFO_LEASES];
};

/* What a walk has looked at. */
struct fdinfo_walk {
	unsigned int processes;
	unsigned int hidden;	/* processes that may not be looked at */
	bool hides_others;	/* /proc does not even list them (hidepid) */
};

/* Print an error message and return false if /proc is not mounted. */
bool proc_available(void);

/* Is there such a descriptor, and is it a handle of a channel? */
bool fdinfo_read(pid_t pid, int fd, struct fdinfo *info);

/*
 * Call @visit for all handles of all processes that the caller may look at, until it
 * returns -errno. Processes may come and go meanwhile. Returns 0, that, or -errno of
 * reading /proc.
 */
int fdinfo_walk(int (*visit)(const struct fdinfo *info, void *arg), void *arg,
		struct fdinfo_walk *walk);

#endif /* GOCHAN_FDINFO_H */
