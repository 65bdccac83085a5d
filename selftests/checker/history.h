/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Histories of channels: a history is a set of operations, each with the times of
 * its call and return and with its result.
 */
#ifndef SELFTESTS_HISTORY_H
#define SELFTESTS_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define LIN_CHANNELS	8

enum lin_kind {
	LIN_SEND,
	LIN_RECV,
	LIN_CLOSE,
	LIN_HANDLES,		/* handles were opened or closed */
	LIN_INFO,		/* GOCHAN_IOC_INFO */
	LIN_ACK,		/* a lease is acknowledged */
	LIN_REQUEUE,		/* its message is returned */
	LIN_RETURN,		/* all of the process's are, as it closed its handle or died */
};

enum lin_result {
	LIN_OK,
	LIN_ENDED,		/* EPIPE, 0 bytes, EALREADY */
	LIN_NOT_READY,		/* EAGAIN, EINTR, ETIMEDOUT: it could not proceed */
	LIN_FAULT,		/* EFAULT */
	LIN_STALE,		/* ESTALE: there was no such lease */
	LIN_KILLED,		/* unknown; @ret is when the process was dead */
	LIN_PASSED,		/* did not happen: another op of its select did */
};

/**
 * struct lin_op - an operation
 * @call: when it was called
 * @ret: when it returned; it took effect between these two
 * @process: which process; its operations do not overlap
 * @channel: index of the channel
 * @kind: the operation
 * @result: its result
 * @error: errno, by which a @result other than LIN_OK is printed, or 0
 * @blocking: it may be queued
 * @select: the ops of one select have the same number; 0 for other operations
 * @batch: the ops of one batch have the same number, and happen in order
 * @nth: position in its system call
 * @value: the message, unique for every send; of a LIN_RECV the one received
 * @leasing: of a LIN_RECV on an acknowledged channel: a RECV op, which leases the message,
 *	not a read, which acknowledges it at once
 * @lease: the lease that a receive reported, or that is to be ended
 * @seq: the number of the message that a leasing receive reported
 * @deliveries: how often it had been delivered
 * @senders: LIN_HANDLES: change of handles that may send; LIN_INFO: blocked senders
 * @receivers: the same for receivers
 * @len: LIN_INFO: messages buffered
 * @sent: LIN_INFO: messages sent so far
 * @leased: LIN_INFO: messages leased
 * @dropped: LIN_INFO: messages dropped, as they had been delivered too often
 * @closed: LIN_INFO
 */
struct lin_op {
	long long call;
	long long ret;
	int process;
	int channel;
	enum lin_kind kind;
	enum lin_result result;
	int error;
	bool blocking;
	unsigned int select;
	unsigned int batch;
	unsigned int nth;
	unsigned int value;
	bool leasing;
	unsigned long long lease;
	unsigned int seq;
	unsigned int deliveries;
	int senders;
	int receivers;
	unsigned int len;
	unsigned int sent;
	unsigned int leased;
	unsigned int dropped;
	bool closed;
};

/**
 * struct lin_channel - a channel
 * @name: for explanations
 * @capacity: as in GOCHAN_IOC_SETUP
 * @senders: handles that may send, initially
 * @receivers: handles that may receive, initially
 * @acked: with GOCHAN_ACK
 * @max_deliveries: a message that is returned after so many is dropped; 0: never
 */
struct lin_channel {
	char name[16];
	unsigned int capacity;
	int senders;
	int receivers;
	bool acked;
	unsigned int max_deliveries;
};

struct lin_history {
	struct lin_channel channels[LIN_CHANNELS];
	size_t nr_channels;
	struct lin_op *ops;
	size_t nr_ops;
};

enum lin_verdict {
	LIN_ACCEPTED,
	LIN_REJECTED,
	LIN_UNDECIDED,		/* the search is too large */
};

void lin_print_op(const struct lin_history *history, const struct lin_op *op, FILE *to);

#endif
