/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Histories of channels.
 *
 * A history is a set of operations, each with the instants of its call and its
 * return and with what it reported.
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
	LIN_HANDLES,		/* handles came, or went */
	LIN_INFO,		/* somebody looked */
};

enum lin_result {
	LIN_OK,
	LIN_ENDED,		/* EPIPE, the end, EALREADY */
	LIN_NOT_READY,		/* EAGAIN, EINTR, ETIMEDOUT: it could not be done */
	LIN_FAULT,		/* EFAULT */
	LIN_KILLED,		/* nobody knows; it returned when the process was gone */
	LIN_PASSED,		/* it did not happen: another op of its select did */
};

/**
 * struct lin_op - an operation
 * @call: when it was called
 * @ret: when it returned; no operation has an instant outside of these two
 * @who: which process; its operations come one after the other
 * @channel: index of the channel
 * @kind: what was asked for
 * @result: what was reported
 * @error: how an explanation names a @result other than LIN_OK, or 0
 * @blocking: it may wait in line
 * @select: the ops of one select have the same number; 0 for other operations
 * @batch: the ops of one batch have the same number, and come in their order
 * @nth: place among those that were called as one
 * @value: the message, another one for every send; for a LIN_RECV what came
 * @senders: LIN_HANDLES: how many more may send; LIN_INFO: how many wait to
 * @receivers: likewise
 * @len: LIN_INFO: messages inside
 * @sent: LIN_INFO: messages sent so far
 * @closed: LIN_INFO
 */
struct lin_op {
	long long call;
	long long ret;
	int who;
	int channel;
	enum lin_kind kind;
	enum lin_result result;
	int error;
	bool blocking;
	unsigned int select;
	unsigned int batch;
	unsigned int nth;
	unsigned int value;
	int senders;
	int receivers;
	unsigned int len;
	unsigned int sent;
	bool closed;
};

/**
 * struct lin_channel - a channel
 * @name: for explanations
 * @capacity: as in GOCHAN_IOC_SETUP
 * @senders: handles that may send, in the beginning
 * @receivers: likewise
 */
struct lin_channel {
	char name[16];
	unsigned int capacity;
	int senders;
	int receivers;
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
	LIN_UNDECIDED,		/* too much to search: no success */
};

void lin_print_op(const struct lin_history *history, const struct lin_op *op, FILE *to);

#endif
