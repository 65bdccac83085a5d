/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * gochan - channels between processes: the contract with user space
 *
 * Here are the structures, ioctls and flags of /dev/gochan and of the nodes
 * under /dev/gochans, and nothing else; libgochan's <gochan.h> has the calls.
 * All structures are the same for 32-bit and 64-bit programs. Reserved fields
 * must be zero; unknown flags and opcodes are refused with EINVAL.
 */
#ifndef _UAPI_LINUX_GOCHAN_H
#define _UAPI_LINUX_GOCHAN_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The version of this interface that GOCHAN_IOC_INFO reports. */
#define GOCHAN_ABI		1

/* Room for a channel's name, its terminating NUL included. */
#define GOCHAN_NAME_SIZE	64

/* Message size of a channel for which GOCHAN_IOC_SETUP was never called. */
#define GOCHAN_DEFAULT_MSG_SIZE	4096

/*
 * Channel flags, for gochan_setup.flags.
 *
 * GOCHAN_FIXED: every message is exactly msg_size bytes; one read or write
 * moves as many whole messages as its buffer holds.
 * GOCHAN_HANGUP: a named channel, too, reports that nobody is left at its
 * other end, once it has had somebody there.
 * GOCHAN_CRED: a receive by GOCHAN_IOC_SELECT or GOCHAN_IOC_BATCH reports who
 * sent the message.
 */
#define GOCHAN_FIXED		0x01
#define GOCHAN_HANGUP		0x02
#define GOCHAN_CRED		0x04

/*
 * Flags of one op (gochan_op.flags) and of a call (gochan_ops.flags).
 *
 * GOCHAN_NONBLOCK (op of a BATCH, call): fail with EAGAIN instead of blocking.
 * A BATCH does not block on a handle that has O_NONBLOCK either; a SELECT does.
 * GOCHAN_ORDERED (SELECT): of several ready ops take the first, not a random
 * one.
 * GOCHAN_WAITFORONE (BATCH): only the first op may block.
 * GOCHAN_PEEK (RECV op): copy the message and leave it where it is; not with
 * GOCHAN_TAKE_FD.
 * GOCHAN_PASS_FD (SEND op): the message carries the file gochan_op.passed_fd.
 * GOCHAN_TAKE_FD (RECV op): install a passed file, close-on-exec, and report
 * its descriptor in gochan_op.passed_fd.
 */
#define GOCHAN_NONBLOCK		0x01
#define GOCHAN_ORDERED		0x02
#define GOCHAN_WAITFORONE	0x04
#define GOCHAN_PEEK		0x08
#define GOCHAN_PASS_FD		0x10
#define GOCHAN_TAKE_FD		0x20

/* Opcodes, for gochan_op.opcode. */
#define GOCHAN_OP_SEND		1
#define GOCHAN_OP_RECV		2
#define GOCHAN_OP_POLL		3

/* gochan_op.result of a receive on a channel that is closed and drained. */
#define GOCHAN_R_CLOSED		1

/* gochan_ops.timeout: never. */
#define GOCHAN_TIMEOUT_NEVER	(~0ULL)

/**
 * struct gochan_setup - what make(chan T, n) chooses
 * @capacity: messages that the channel holds, 0 for an unbuffered one; at
 *	most the module parameter max_capacity
 * @msg_size: the longest message in bytes, 0 to the module parameter
 *	max_msg_size
 * @flags: GOCHAN_FIXED, GOCHAN_HANGUP, GOCHAN_CRED
 * @reserved: zero
 */
struct gochan_setup {
	__u32 capacity;
	__u32 msg_size;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct gochan_link - a name for a channel
 * @name: 1 to 63 of A-Z a-z 0-9 . _ -, not beginning with . or -, not all
 *	digits, terminated by NUL; for GOCHAN_IOC_UNLINK also empty, or with
 *	the folder in front ("1000/jobs")
 * @mode: permission bits of the device file, 0 to 0777; zero for
 *	GOCHAN_IOC_UNLINK
 * @reserved: zero
 */
struct gochan_link {
	char name[GOCHAN_NAME_SIZE];
	__u32 mode;
	__u32 reserved;
};

/**
 * struct gochan_info - a channel's state at one instant
 * @abi: GOCHAN_ABI of the module
 * @flags: as chosen at setup
 * @capacity: as chosen at setup
 * @msg_size: as chosen at setup
 * @len: messages inside; may pass @capacity for a moment when a receiver puts
 *	a message back that it could not copy, also when others have seen the end
 *	meanwhile
 * @closed: 1 after GOCHAN_IOC_CLOSE, else 0
 * @senders_waiting: sends that are blocked
 * @receivers_waiting: receives that are blocked
 * @send_handles: open handles that may send
 * @recv_handles: open handles that may receive
 * @sent: messages sent since the channel was made
 * @received: messages received since the channel was made
 * @bytes: payload bytes inside
 * @name: the name given to GOCHAN_IOC_LINK, empty while there is none
 */
struct gochan_info {
	__u32 abi;
	__u32 flags;
	__u32 capacity;
	__u32 msg_size;
	__u32 len;
	__u32 closed;
	__u32 senders_waiting;
	__u32 receivers_waiting;
	__u32 send_handles;
	__u32 recv_handles;
	__aligned_u64 sent;
	__aligned_u64 received;
	__aligned_u64 bytes;
	char name[GOCHAN_NAME_SIZE];
};

/**
 * struct gochan_op - one send, receive or poll of a SELECT or BATCH
 * @fd: a channel, or for GOCHAN_OP_POLL any pollable descriptor; negative for
 *	Go's nil channel, which is never ready
 * @opcode: GOCHAN_OP_SEND, GOCHAN_OP_RECV or GOCHAN_OP_POLL
 * @flags: GOCHAN_NONBLOCK, GOCHAN_PEEK, GOCHAN_PASS_FD, GOCHAN_TAKE_FD
 * @buf: address of the message to send, or of the room for one; what lies in
 *	the room behind a message that came is unspecified
 * @len: bytes to send, or room; comes back as the bytes received or, with
 *	EMSGSIZE on a receive, as the bytes needed
 * @result: comes back as 0, GOCHAN_R_CLOSED or -errno
 * @passed_fd: with GOCHAN_PASS_FD the descriptor to pass; comes back from a
 *	receive as the descriptor installed, -1 for none
 * @events: for GOCHAN_OP_POLL as in poll(2), in and out
 * @pid: GOCHAN_CRED: comes back as the sender's process id in the receiver's
 *	pid namespace, 0 where it has none
 * @uid: GOCHAN_CRED: the sender's effective user id in the receiver's user
 *	namespace, the overflow id where it has none
 * @gid: GOCHAN_CRED: likewise the effective group id
 * @reserved: zero
 */
struct gochan_op {
	__s32 fd;
	__u16 opcode;
	__u16 flags;
	__aligned_u64 buf;
	__u32 len;
	__s32 result;
	__s32 passed_fd;
	__u32 events;
	__s32 pid;
	__u32 uid;
	__u32 gid;
	__u32 reserved;
};

/**
 * struct gochan_ops - the argument of GOCHAN_IOC_SELECT and GOCHAN_IOC_BATCH
 * @ops: address of an array of struct gochan_op
 * @count: its length, at most the module parameter max_select, and 65535
 * @flags: GOCHAN_NONBLOCK, GOCHAN_ORDERED (SELECT), GOCHAN_WAITFORONE (BATCH)
 * @timeout: absolute CLOCK_MONOTONIC nanoseconds in the caller's time
 *	namespace, GOCHAN_TIMEOUT_NEVER for none
 * @index: comes back as the op that happened or failed (SELECT), or as how
 *	many completed (BATCH)
 * @reserved: zero
 */
struct gochan_ops {
	__aligned_u64 ops;
	__u32 count;
	__u32 flags;
	__aligned_u64 timeout;
	__u32 index;
	__u32 reserved;
};

/* 0xC5 is free in the kernel's Documentation/userspace-api/ioctl/ioctl-number.rst. */
#define GOCHAN_IOC_MAGIC	0xC5

/*
 * GOCHAN_IOC_SETUP: choose capacity, message size and flags of an unnamed
 * channel, once, before any other operation on it.
 * EBUSY: it was used or set up already. EINVAL: a value out of range.
 * EDQUOT: over the user's limit. ENOMEM.
 */
#define GOCHAN_IOC_SETUP	_IOW(GOCHAN_IOC_MAGIC, 1, struct gochan_setup)

/* GOCHAN_IOC_INFO: what the channel is and what it holds; any handle. */
#define GOCHAN_IOC_INFO		_IOR(GOCHAN_IOC_MAGIC, 2, struct gochan_info)

/*
 * GOCHAN_IOC_CLOSE: Go's close(ch).
 * EBADF: the handle may not send. EPERM: the channel is named and neither its
 * node is the caller's nor has the caller CAP_FOWNER. EALREADY: closed before.
 */
#define GOCHAN_IOC_CLOSE	_IO(GOCHAN_IOC_MAGIC, 3)

/*
 * GOCHAN_IOC_DUP: a second handle on the channel. The argument, by value, is
 * O_RDONLY, O_WRONLY or O_RDWR, with O_NONBLOCK or without (O_CLOEXEC is
 * implied); returns the descriptor.
 * EACCES: more rights than the handle has. EINVAL: another flag.
 */
#define GOCHAN_IOC_DUP		_IO(GOCHAN_IOC_MAGIC, 4)

/*
 * GOCHAN_IOC_LINK: give an unnamed channel a name and a device file.
 * EBADF: the handle lacks a right. EBUSY: it has a name. EEXIST: the name is
 * taken, or something else stands at its path. EINVAL: not a name, or a mode
 * beyond 0777, or the system's limit of names. EDQUOT: the user's limit of
 * names. ENODEV: no devtmpfs on /dev.
 */
#define GOCHAN_IOC_LINK		_IOW(GOCHAN_IOC_MAGIC, 5, struct gochan_link)

/*
 * GOCHAN_IOC_UNLINK: take a name away: with an empty gochan_link.name that of
 * the handle's channel; else the name given, as it stands below /dev/gochans,
 * on any handle (so that a node can be removed by who may not open it).
 * ENOENT: no such name. EPERM: neither is the node the caller's nor has the
 * caller CAP_FOWNER.
 */
#define GOCHAN_IOC_UNLINK	_IOW(GOCHAN_IOC_MAGIC, 6, struct gochan_link)

/*
 * GOCHAN_IOC_SELECT: exactly one of several ops happens, or none; returns its
 * index. On any handle. ETIMEDOUT: none by the deadline. EAGAIN: none is ready
 * and GOCHAN_NONBLOCK was given. Otherwise the error of the op gochan_ops.index.
 */
#define GOCHAN_IOC_SELECT	_IOWR(GOCHAN_IOC_MAGIC, 7, struct gochan_ops)

/*
 * GOCHAN_IOC_BATCH: the ops one after the other; returns how many completed,
 * or the first one's error. On any handle.
 */
#define GOCHAN_IOC_BATCH	_IOWR(GOCHAN_IOC_MAGIC, 8, struct gochan_ops)

#endif /* _UAPI_LINUX_GOCHAN_H */
