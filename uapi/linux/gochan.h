/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * gochan - Go channels between processes: user space interface
 *
 * This header defines the structures, ioctls and flags of /dev/gochan and of
 * the channels on a gochanfs, usually mounted at /dev/gochans. <gochan.h>
 * declares the functions of libgochan, the C library on top of it.
 *
 * All structures have the same layout in 32-bit and 64-bit programs. Reserved
 * fields must be zero. Unknown flags and opcodes fail with EINVAL, unknown
 * ioctls with ENOTTY.
 */
#ifndef _UAPI_LINUX_GOCHAN_H
#define _UAPI_LINUX_GOCHAN_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Version of this interface, as reported in gochan_info.abi. */
#define GOCHAN_ABI		2

/* statfs.f_type of a gochanfs. */
#define GOCHAN_SUPER_MAGIC	0x676f6368

/* msg_size of a channel on which GOCHAN_IOC_SETUP was not called. */
#define GOCHAN_DEFAULT_MSG_SIZE	4096

/*
 * Channel flags, for gochan_setup.flags.
 *
 * GOCHAN_FIXED: every message is exactly msg_size bytes, and msg_size is not 0.
 * One read or write transfers as many whole messages as its buffer holds.
 *
 * GOCHAN_HANGUP: report hangup on a named channel as on an unnamed one, once a
 * handle with the right in question has been opened: with no handle left that
 * may send, receivers drain the channel and then see end of file; with none
 * left that may receive, sends fail with EPIPE. Without this flag a named
 * channel waits for the next open. Unnamed channels always report hangup.
 *
 * GOCHAN_CRED: a RECV op reports the sender's credentials in gochan_op.pid,
 * uid and gid: for a SEND op those of the sending task, for write(2) those of
 * the process that opened the handle.
 *
 * GOCHAN_ACK: an acknowledged channel, which is buffered. A RECV op leases its
 * message instead of taking it: it reports a lease, which GOCHAN_IOC_ACK or an
 * ACK op ends. A lease belongs to the caller's descriptor table and the handle;
 * when no descriptor of the handle is left in that table (close, exec, exit or
 * death of the process) its message is requeued at its place in the order of
 * sending. Until then it keeps its slot, and counts as inside the channel for
 * end of file. read(2) acknowledges at once.
 *
 * GOCHAN_DEADLETTER: of an acknowledged channel, messages that were returned
 * after max_deliveries deliveries are sent to the channel of dead_fd. While
 * that is full they keep their slots; when it is closed or hung up, or its
 * messages are shorter, they are dropped. There, their sender is the process
 * that has set up this channel.
 *
 * GOCHAN_DONE: of an acknowledged channel, the channel of done_fd, its done
 * channel, is sent a struct gochan_done for each message that is done: it was
 * acknowledged, or is given up. Such notices come in the order in which messages
 * are done. Until the done channel has its notice, a message keeps its slot, so
 * while that is full, sends to this channel may block, but no acknowledgment
 * does. When it is closed or hung up, notices are dropped. Their sender is the
 * process that has set up this channel. A SEND op reports the number of its
 * message in gochan_op.seq.
 */
#define GOCHAN_FIXED		0x01
#define GOCHAN_HANGUP		0x02
#define GOCHAN_CRED		0x04
#define GOCHAN_ACK		0x08
#define GOCHAN_DEADLETTER	0x10
#define GOCHAN_DONE		0x20

/*
 * Flags of an op (gochan_op.flags) and of a call (gochan_ops.flags).
 *
 * GOCHAN_NONBLOCK (call, or op of a BATCH): non-blocking, fail with EAGAIN
 * instead. A BATCH also honours O_NONBLOCK of an op's handle; a SELECT ignores
 * it.
 *
 * GOCHAN_ORDERED (SELECT): if several ops are ready, choose the first one
 * instead of a random one.
 *
 * GOCHAN_WAITFORONE (BATCH): only the first op may block.
 *
 * GOCHAN_RESUME (BATCH): begin with op number gochan_ops.index; and a signal
 * that interrupts an op, not only the first one, makes the call fail with EINTR
 * or, if its handler has SA_RESTART, resume with that op.
 *
 * GOCHAN_PEEK (RECV op): copy the message but leave it in the channel. Cannot
 * be combined with GOCHAN_TAKE_FD.
 *
 * GOCHAN_PASS_FD (SEND op): pass the open file of gochan_op.passed_fd along
 * with the message. Unbuffered channels only, else EOPNOTSUPP.
 *
 * GOCHAN_TAKE_FD (RECV op): install the passed file, if there is one, as a
 * close-on-exec descriptor and report it in gochan_op.passed_fd. Without this
 * flag the file is dropped and the message is received alone.
 *
 * GOCHAN_REQUEUE (GOCHAN_IOC_ACK, or ACK op of a BATCH): return the message
 * instead of acknowledging it.
 */
#define GOCHAN_NONBLOCK		0x01
#define GOCHAN_ORDERED		0x02
#define GOCHAN_WAITFORONE	0x04
#define GOCHAN_PEEK		0x08
#define GOCHAN_PASS_FD		0x10
#define GOCHAN_TAKE_FD		0x20
#define GOCHAN_RESUME		0x40
#define GOCHAN_REQUEUE		0x80

/* Opcodes, for gochan_op.opcode. */
#define GOCHAN_OP_SEND		1
#define GOCHAN_OP_RECV		2
#define GOCHAN_OP_POLL		3
#define GOCHAN_OP_ACK		4	/* BATCH only */

/* gochan_op.result of a receive at end of file: closed (or hung up) and drained. */
#define GOCHAN_R_CLOSED		1

/* gochan_ops.timeout: no deadline. */
#define GOCHAN_TIMEOUT_NEVER	(~0ULL)

/**
 * struct gochan_setup - argument of GOCHAN_IOC_SETUP: Go's make(chan T, n)
 * @capacity: number of messages the channel can buffer, 0 for an unbuffered
 *	channel; at most the module parameter max_capacity
 * @msg_size: maximum message length in bytes, from 0 (only empty messages) to
 *	the module parameter max_msg_size
 * @flags: GOCHAN_FIXED, GOCHAN_HANGUP, GOCHAN_CRED, GOCHAN_ACK, which needs a
 *	capacity, GOCHAN_DEADLETTER and GOCHAN_DONE, which need GOCHAN_ACK
 * @max_deliveries: with GOCHAN_ACK, a message that is returned after so many
 *	deliveries is not delivered again, see GOCHAN_DEADLETTER; 0: unlimited
 * @dead_fd: with GOCHAN_DEADLETTER, a handle of another channel that may send;
 *	this channel counts as another one. Else zero
 * @done_fd: with GOCHAN_DONE, likewise; that channel's msg_size is at least
 *	the size of struct gochan_done, with GOCHAN_FIXED exactly that. Else zero
 */
struct gochan_setup {
	__u32 capacity;
	__u32 msg_size;
	__u32 flags;
	__u32 max_deliveries;
	__s32 dead_fd;
	__s32 done_fd;
};

/**
 * struct gochan_info - consistent snapshot of a channel's state
 * @abi: GOCHAN_ABI of the module
 * @flags: channel flags, as set up
 * @capacity: capacity in messages, as set up
 * @msg_size: maximum message length in bytes, as set up
 * @len: number of messages in the channel, without leased ones; a receive that cannot copy its
 *	message requeues it, so this can briefly exceed @capacity and can become
 *	non-zero again after other receivers have seen end of file
 * @closed: 1 after GOCHAN_IOC_CLOSE, else 0
 * @senders_waiting: number of blocked senders
 * @receivers_waiting: number of blocked receivers
 * @send_handles: number of open handles that may send
 * @recv_handles: number of open handles that may receive
 * @leased: number of messages that are leased
 * @max_deliveries: as set up
 * @id: identifies the channel until the module is unloaded
 * @sent: messages sent since the channel was created
 * @received: messages received since the channel was created; one that was
 *	requeued has to be received once more
 * @bytes: payload bytes in the channel
 * @requeued: messages requeued since the channel was created, because a receiver
 *	could not copy them, or their lease ended without an acknowledgment
 * @dropped: messages that were delivered max_deliveries times and dropped
 * @send_blocked: how often a send had to block since the channel was created; that
 *	of a select counts each time that it is queued on this channel
 * @recv_blocked: how often a receive had to block, likewise
 * @done: @id of the done channel, 0 for none
 * @reserved: zero
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
	__u32 leased;
	__u32 max_deliveries;
	__aligned_u64 id;
	__aligned_u64 sent;
	__aligned_u64 received;
	__aligned_u64 bytes;
	__aligned_u64 requeued;
	__aligned_u64 dropped;
	__aligned_u64 send_blocked;
	__aligned_u64 recv_blocked;
	__aligned_u64 done;
	__aligned_u64 reserved[3];
};

/**
 * struct gochan_op - one op of a SELECT or BATCH
 * @fd: [in] handle of a channel, or any pollable descriptor for
 *	GOCHAN_OP_POLL; a negative value is Go's nil channel, which is never
 *	ready
 * @opcode: [in] GOCHAN_OP_SEND, GOCHAN_OP_RECV, GOCHAN_OP_POLL or GOCHAN_OP_ACK
 * @flags: [in] GOCHAN_NONBLOCK, GOCHAN_PEEK, GOCHAN_PASS_FD, GOCHAN_TAKE_FD,
 *	GOCHAN_REQUEUE
 * @buf: [in] address of the message to send, or of the receive buffer; the
 *	contents of the buffer beyond the received message are unspecified
 * @len: [in] length of the message or size of the receive buffer, in bytes;
 *	[out] of a receive, the length of the message received or, if the
 *	receive failed with EMSGSIZE, the buffer size required
 * @result: [out] 0, GOCHAN_R_CLOSED or -errno
 * @passed_fd: [in] descriptor to pass with GOCHAN_PASS_FD; [out] of a receive,
 *	the descriptor installed by GOCHAN_TAKE_FD, or -1
 * @events: [in, out] poll(2) events requested and returned, GOCHAN_OP_POLL only
 * @pid: [out] GOCHAN_CRED: the sender's process ID in the receiver's PID
 *	namespace, 0 if it is not visible there
 * @uid: [out] GOCHAN_CRED: the sender's effective user ID in the receiver's
 *	user namespace, the overflow ID if it is not mapped
 * @gid: [out] GOCHAN_CRED: the sender's effective group ID, likewise
 * @deliveries: [out] GOCHAN_ACK: how often the message has been delivered, this
 *	time included; with GOCHAN_PEEK so far
 * @lease: [in] of an ACK op, the lease; [out] GOCHAN_ACK: the lease of the message
 *	received, 0 with GOCHAN_PEEK
 * @seq: [out] GOCHAN_ACK: the number of the message on its channel, from 1, the
 *	same at every delivery; GOCHAN_DONE: also of a SEND op that succeeded
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
	__u32 deliveries;
	__aligned_u64 lease;
	__aligned_u64 seq;
};

/**
 * struct gochan_ops - argument of GOCHAN_IOC_SELECT and GOCHAN_IOC_BATCH
 * @ops: [in] address of an array of struct gochan_op
 * @count: [in] number of ops; at most the module parameter max_select and
 *	65535
 * @flags: [in] GOCHAN_NONBLOCK, GOCHAN_ORDERED (SELECT), GOCHAN_WAITFORONE
 *	and GOCHAN_RESUME (BATCH)
 * @timeout: [in] deadline: absolute CLOCK_MONOTONIC time in nanoseconds, in
 *	the caller's time namespace, or GOCHAN_TIMEOUT_NEVER
 * @index: [out] SELECT: index of the op that happened or failed; BATCH: number
 *	of ops completed; [in] with GOCHAN_RESUME, number of ops to skip
 * @reserved: must be zero
 */
struct gochan_ops {
	__aligned_u64 ops;
	__u32 count;
	__u32 flags;
	__aligned_u64 timeout;
	__u32 index;
	__u32 reserved;
};

/**
 * struct gochan_ack - argument of GOCHAN_IOC_ACK
 * @lease: what a RECV op has reported
 * @flags: GOCHAN_REQUEUE, or 0
 * @reserved: must be zero
 */
struct gochan_ack {
	__aligned_u64 lease;
	__u32 flags;
	__u32 reserved;
};

/* gochan_done.flags: it was not acknowledged, but given up after max_deliveries. */
#define GOCHAN_DONE_DEAD	0x01

/**
 * struct gochan_done - a notice, the contents of a message on a done channel
 * @channel: gochan_info.id of the channel on which a message is done
 * @seq: the number of that message
 * @deliveries: how often it was delivered
 * @flags: 0, or GOCHAN_DONE_DEAD: it is in the dead-letter channel, or was dropped
 */
struct gochan_done {
	__aligned_u64 channel;
	__aligned_u64 seq;
	__u32 deliveries;
	__u32 flags;
};

/* Not assigned in Documentation/userspace-api/ioctl/ioctl-number.rst. */
#define GOCHAN_IOC_MAGIC	0xC5

/*
 * GOCHAN_IOC_SETUP: choose capacity, message size and flags of a new channel,
 * that of a handle from /dev/gochan or from O_TMPFILE on a gochanfs. Allowed once,
 * before any other operation on the channel, and before it is named.
 *
 * EBUSY: the channel was already used or set up. EINVAL: a field is out of
 * range; or dead_fd and done_fd are the same channel, or messages of done_fd have
 * not the size of a notice. EBADF: dead_fd or done_fd is not a handle that may
 * send. ELOOP: it is this channel, or one that has a dead-letter or done channel
 * itself. EDQUOT: a limit of the user, or
 * of the owner of a user namespace that it is in, would be exceeded. ENOSPC: the
 * limit of all users, max_bytes, would be exceeded. ENOMEM, EFAULT.
 */
#define GOCHAN_IOC_SETUP	_IOW(GOCHAN_IOC_MAGIC, 1, struct gochan_setup)

/*
 * GOCHAN_IOC_INFO: report the channel's parameters and state. Allowed on any
 * handle, and the only ioctl on one opened for neither direction (O_ACCMODE),
 * where others fail with EBADF.
 *
 * EFAULT.
 */
#define GOCHAN_IOC_INFO		_IOR(GOCHAN_IOC_MAGIC, 2, struct gochan_info)

/*
 * GOCHAN_IOC_CLOSE: Go's close(ch). Sends fail with EPIPE from now on,
 * including blocked ones; receivers drain the channel and then see end of file.
 *
 * EBADF: the handle may not send. EPERM: the channel is named, and the caller
 * neither owns its device file nor has CAP_FOWNER over it. EALREADY: already closed.
 */
#define GOCHAN_IOC_CLOSE	_IO(GOCHAN_IOC_MAGIC, 3)

/*
 * GOCHAN_IOC_DUP: create another handle on the channel, with the same or fewer
 * rights. The argument, passed by value, is O_RDONLY, O_WRONLY or O_RDWR,
 * optionally with O_NONBLOCK; O_CLOEXEC is implied. Returns the descriptor. The
 * duplicate of a handle on a gochanfs is on the same path.
 *
 * EACCES: the handle lacks a requested right. EINVAL: any other flag. EMFILE,
 * ENFILE, ENOMEM.
 */
#define GOCHAN_IOC_DUP		_IO(GOCHAN_IOC_MAGIC, 4)

/*
 * GOCHAN_IOC_ACK: end a lease: the message is done or, with GOCHAN_REQUEUE,
 * returned to the channel, to be delivered once more.
 *
 * ESTALE: the lease was not got through this handle by this descriptor table, or
 * has ended. EBADF: the handle may not receive. EACCES: a security module forbids
 * what read(2) would do. EINVAL: a flag, or not an acknowledged channel. EFAULT.
 */
#define GOCHAN_IOC_ACK		_IOW(GOCHAN_IOC_MAGIC, 5, struct gochan_ack)

/*
 * GOCHAN_IOC_SELECT: wait until one of several ops is ready and perform exactly
 * that one; returns its index. May be issued on any handle: each op names its
 * own. An op that fails counts as ready: then the select fails with its error,
 * and gochan_ops.index and gochan_op.result tell which one it was.
 *
 * ETIMEDOUT: no op was ready by the deadline. EAGAIN: no op is ready, with
 * GOCHAN_NONBLOCK. EINTR: interrupted by a signal. EINVAL: invalid op, flag or
 * count. EBADF: an op's descriptor is not open, or lacks the right. EACCES: a
 * security module forbids what read(2) or write(2) would do there. EDQUOT,
 * ENOSPC: a blocked message would exceed a limit. EFAULT, ENOMEM.
 */
#define GOCHAN_IOC_SELECT	_IOWR(GOCHAN_IOC_MAGIC, 7, struct gochan_ops)

/*
 * GOCHAN_IOC_BATCH: perform the ops in order, each completing before the next
 * begins; returns how many completed. If the first op fails, the call fails
 * with its error; if a later one fails, the batch ends there and its
 * gochan_op.result has the error. May be issued on any handle.
 *
 * Errors: those of the op that failed, see GOCHAN_IOC_SELECT.
 */
#define GOCHAN_IOC_BATCH	_IOWR(GOCHAN_IOC_MAGIC, 8, struct gochan_ops)

#endif /* _UAPI_LINUX_GOCHAN_H */
