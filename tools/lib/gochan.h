/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The calls of libgochan: Go channels between processes
 *
 * A channel is a file descriptor: read, write, poll, fork, dup, SCM_RIGHTS and
 * close(2) work on it. Unless its comment says otherwise a call returns 0 on
 * success, and -1 with errno set on failure. All calls are thread-safe; none
 * keeps state, and sending and receiving allocate nothing. Every descriptor
 * that a call returns is close-on-exec.
 *
 * <linux/gochan.h> has the structures, flags and ioctls behind these calls.
 */
#ifndef _GOCHAN_H
#define _GOCHAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include <linux/gochan.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- making, naming, sharing ------------------------------------------- */

/**
 * gochan_make - make a channel without a name: make(chan T, capacity)
 * @capacity: messages that it holds; 0 for an unbuffered one, where a send
 *	returns when a receiver has taken the message
 * @msg_size: the longest message in bytes; 0 for one of empty messages only
 * @flags: GOCHAN_FIXED, GOCHAN_HANGUP, GOCHAN_CRED, or 0
 *
 * Return: a descriptor that may send and receive.
 * ENOENT: the module is not loaded. EINVAL: a value beyond the module's limit,
 * or an unknown flag. EDQUOT: over the user's limit. ENOMEM, EMFILE, ENFILE.
 */
int gochan_make(uint32_t capacity, uint32_t msg_size, uint32_t flags);

/**
 * gochan_pair - make a channel and split its rights, as pipe(2) does
 * @fds: comes back as the end that receives, fds[0], and the one that sends,
 *	fds[1]; unchanged on failure
 * @capacity: as for gochan_make()
 * @msg_size: as for gochan_make()
 * @flags: as for gochan_make()
 *
 * When the last descriptor of one end is gone, by close(2) or because its
 * processes died, the other end is told: receivers drain and then see the end,
 * senders get EPIPE. Errors as for gochan_make().
 */
int gochan_pair(int fds[2], uint32_t capacity, uint32_t msg_size, uint32_t flags);

/**
 * gochan_open - open a channel by its name
 * @name: "jobs" for the caller's own, and if there is none the system's;
 *	"1000/jobs" for that user's
 * @oflags: O_RDONLY to receive, O_WRONLY to send, O_RDWR for both, O_ACCMODE
 *	for neither, just to look (that takes permission for both); with
 *	O_NONBLOCK or without
 *
 * Return: a descriptor.
 * ENOENT: no such channel, or the module is not loaded. EACCES: the mode of
 * the device file does not admit the caller. EINVAL: not a name, or another
 * flag. Also what open(2) says of a device.
 */
int gochan_open(const char *name, int oflags);

/**
 * gochan_link - give a channel a name and a device file
 * @ch: a channel without a name, open for both directions
 * @name: 1 to 63 of A-Z a-z 0-9 . _ -, not beginning with . or -, not all
 *	digits; /dev/gochans/NAME for who has CAP_MKNOD, else
 *	/dev/gochans/UID/NAME
 * @mode: permission bits of the device file, at most 0777; the umask does not
 *	apply
 *
 * EBADF: the descriptor lacks a right. EBUSY: it has a name. EEXIST: the name
 * is taken. EINVAL: not a name, a mode beyond 0777, or over the system's limit
 * of names. EDQUOT: over the user's limit. ENODEV: /dev is not a devtmpfs.
 * ENOTTY: not a channel.
 */
int gochan_link(int ch, const char *name, mode_t mode);

/**
 * gochan_unlink - take a name away; open descriptors go on working
 * @name: found as gochan_open() finds it; the right to open it is not needed,
 *	unless it has 64 characters or more with its folder
 *
 * ENOENT: no such channel, or the module is not loaded. EPERM: the device file
 * is another user's. EINVAL: not a name.
 */
int gochan_unlink(const char *name);

/**
 * gochan_dup - a second descriptor for a channel, with the same or fewer rights
 * @ch: a channel
 * @oflags: O_RDONLY, O_WRONLY or O_RDWR; with O_NONBLOCK or without
 *
 * Unlike dup(2) it makes an open file of its own. Return: a descriptor.
 * EACCES: more rights than @ch has. EINVAL: another flag. EMFILE, ENFILE.
 */
int gochan_dup(int ch, int oflags);

/**
 * gochan_close - Go's close(ch): no more messages will be sent
 * @ch: a channel, open for sending
 *
 * Sends fail with EPIPE from now on, blocked ones included; receivers drain
 * what is inside and then see the end. The descriptor stays open: close(2) is
 * another thing. EALREADY: closed before. EBADF: not open for sending. EPERM:
 * the channel has a name and its device file is another user's.
 */
int gochan_close(int ch);

/* ---- sending and receiving --------------------------------------------- */

/**
 * gochan_send - send one message, blocking until it is taken or buffered
 * @ch: a channel, open for sending
 * @msg: the message
 * @len: its length in bytes, 0 included
 *
 * EPIPE: closed, or nobody is left to receive; nothing was sent and there is
 * no SIGPIPE. EMSGSIZE: longer than the channel's msg_size. EINVAL: not
 * exactly msg_size on a GOCHAN_FIXED channel. EAGAIN: it would block and the
 * descriptor is O_NONBLOCK. EINTR: a signal, without SA_RESTART, before
 * anything was sent. EBADF: not open for sending. EFAULT. ENOTTY: not a
 * channel. ENOMEM: no memory for the message. EDQUOT: over the user's limit
 * with what its blocked calls hold.
 */
int gochan_send(int ch, const void *msg, size_t len);

/**
 * gochan_recv - receive one message, blocking until there is one
 * @ch: a channel, open for receiving
 * @buf: room for the message; what lies behind one that is shorter is
 *	unspecified
 * @size: its size in bytes
 * @len: comes back as the length of the message, or with EMSGSIZE as the room
 *	needed; may be NULL
 *
 * Return: 1 a message, 0 the end: closed, or nobody is left to send, and
 * nothing is inside; -1 an error, and no message was taken. EMSGSIZE: the
 * message is longer than @size and stays where it was. EAGAIN, EINTR, EBADF,
 * EFAULT, ENOTTY, ENOMEM, EDQUOT as for gochan_send().
 */
int gochan_recv(int ch, void *buf, size_t size, size_t *len);

/* As gochan_send() and gochan_recv(), but EAGAIN instead of blocking. */
int gochan_try_send(int ch, const void *msg, size_t len);
int gochan_try_recv(int ch, void *buf, size_t size, size_t *len);

/*
 * As gochan_send() and gochan_recv(), but ETIMEDOUT when @deadline passes
 * first: an instant of CLOCK_MONOTONIC (not a duration), NULL for never. What
 * can be done at once is done even when it has passed. EINVAL: tv_nsec is not
 * 0 to 999999999.
 */
int gochan_send_until(int ch, const void *msg, size_t len, const struct timespec *deadline);
int gochan_recv_until(int ch, void *buf, size_t size, size_t *len,
		      const struct timespec *deadline);

/* ---- several at once ---------------------------------------------------- */

/* The length as an op has it; what does not fit is longer than any message. */
static inline uint32_t gochan_op_len(size_t len)
{
	return len < UINT32_MAX ? (uint32_t)len : UINT32_MAX;
}

/* An op that sends @len bytes at @msg on @ch; a negative @ch is never ready. */
static inline struct gochan_op GOCHAN_SEND(int ch, const void *msg, size_t len)
{
	struct gochan_op op;

	memset(&op, 0, sizeof(op));
	op.fd = ch;
	op.opcode = GOCHAN_OP_SEND;
	op.buf = (uintptr_t)msg;
	op.len = gochan_op_len(len);
	return op;
}

/* An op that receives from @ch; its len comes back as the message's length. */
static inline struct gochan_op GOCHAN_RECV(int ch, void *buf, size_t size)
{
	struct gochan_op op;

	memset(&op, 0, sizeof(op));
	op.fd = ch;
	op.opcode = GOCHAN_OP_RECV;
	op.buf = (uintptr_t)buf;
	op.len = gochan_op_len(size);
	return op;
}

/* An op that waits for poll(2)'s @events on any descriptor; see events after. */
static inline struct gochan_op GOCHAN_POLL(int fd, uint32_t events)
{
	struct gochan_op op;

	memset(&op, 0, sizeof(op));
	op.fd = fd;
	op.opcode = GOCHAN_OP_POLL;
	op.events = events;
	return op;
}

/**
 * gochan_select - of several ops exactly one happens, or none
 * @ops: made by GOCHAN_SEND(), GOCHAN_RECV() and GOCHAN_POLL(); make them anew
 *	for every call, as len and events come back changed
 * @n: how many, at most the module's max_select
 * @timeout_ns: how long to wait for one, in nanoseconds; negative for ever, 0
 *	not at all (Go's default case)
 * @flags: GOCHAN_ORDERED: the first of those that are ready, not a random one
 *
 * Return: the index of the op that happened; its result is GOCHAN_R_CLOSED for
 * a receive that saw the end, else 0. EAGAIN: none was ready and @timeout_ns
 * is 0. ETIMEDOUT: none within @timeout_ns. EINTR: a signal, without
 * SA_RESTART. EINVAL: a bad op, flag or count. Else the error of the one op
 * that has -errno in its result. ENOENT, EDQUOT, EMFILE, ENFILE: no op names a
 * channel and none could be made to wait on.
 */
int gochan_select(struct gochan_op *ops, unsigned int n, int64_t timeout_ns, unsigned int flags);

/**
 * gochan_batch - several ops, one after the other, in one system call
 * @ops: as for gochan_select()
 * @n: how many
 * @timeout_ns: how long all of them together may wait; negative for ever, 0
 *	not at all
 * @flags: GOCHAN_WAITFORONE: only the first may wait
 *
 * Return: how many completed; fewer than @n when one failed, which has -errno
 * in its result. -1 when it was the first that failed; errors as for
 * gochan_select().
 */
int gochan_batch(struct gochan_op *ops, unsigned int n, int64_t timeout_ns, unsigned int flags);

/**
 * gochan_call - send a request and receive its reply, in one system call
 * @ch: a channel, open for sending
 * @req: the request
 * @reqlen: its length in bytes
 * @reply_ch: a channel, open for receiving
 * @rep: room for the reply
 * @repsize: its size in bytes
 * @replen: as @len of gochan_recv()
 * @timeout_ns: as for gochan_batch()
 *
 * The request is sent at most once: after EINTR it was not sent, and once it
 * was sent a signal does not end the wait for the reply. After ETIMEDOUT or
 * EAGAIN it may have been sent, and a reply may still come.
 *
 * Return: 1 a reply, 0 the end on @reply_ch, -1 an error of either op.
 */
int gochan_call(int ch, const void *req, size_t reqlen, int reply_ch, void *rep, size_t repsize,
		size_t *replen, int64_t timeout_ns);

/* ---- time, for a select ------------------------------------------------- */

/**
 * gochan_after - a descriptor that is readable once @ns nanoseconds are over
 * @ns: how long; 0 or less for at once
 *
 * For GOCHAN_POLL(fd, POLLIN); end it with close(2). It is a timerfd. Return: a
 * descriptor. EMFILE, ENFILE, ENOMEM.
 */
int gochan_after(int64_t ns);

/**
 * gochan_tick - a descriptor that becomes readable every @ns nanoseconds
 * @ns: how long, more than 0
 *
 * As gochan_after(), but read(2) of a uint64_t takes the ticks that came since
 * the last one, and it is not readable again before the next. EINVAL: @ns is 0
 * or less.
 */
int gochan_tick(int64_t ns);

/* ---- waiting for a group ------------------------------------------------ */

/**
 * struct gochan_wg - a wait group, as Go's sync.WaitGroup, for processes
 * @wait_fd: who waits receives here
 * @done_fd: members send here
 * @max: the most members
 * @members: members that the waiting process has still to wait for
 *
 * One process makes it, adds the members, forks them and waits; each member
 * says done once. It is for one wait, and for processes: who waits takes the
 * right to say done from its whole process, threads included.
 */
struct gochan_wg {
	int wait_fd;
	int done_fd;
	uint32_t max;
	uint32_t members;
};

/**
 * gochan_wg_init - make a wait group
 * @wg: comes back made; end it with gochan_wg_destroy()
 * @max: the most members, at most the module's max_capacity
 *
 * EINVAL: 0 or too many. Else as gochan_make().
 */
int gochan_wg_init(struct gochan_wg *wg, uint32_t max);

/**
 * gochan_wg_add - there are more members to wait for
 * @wg: the wait group, in the process that will wait
 * @n: how many more
 *
 * Call it before the members begin. EOVERFLOW: more than the most.
 */
int gochan_wg_add(struct gochan_wg *wg, uint32_t n);

/**
 * gochan_wg_done - a member is done; it does not block
 * @wg: the wait group
 *
 * EPIPE: nobody waits any more. Else as gochan_send().
 */
int gochan_wg_done(const struct gochan_wg *wg);

/**
 * gochan_wg_wait - wait until all members are done
 * @wg: the wait group
 *
 * EOWNERDEAD: every process that could say done is gone, and not all were
 * done; @wg->members tells how many are missing. EINTR: call it again.
 */
int gochan_wg_wait(struct gochan_wg *wg);

/* The end of a wait group in this process; it has ended for others when all did so. */
void gochan_wg_destroy(struct gochan_wg *wg);

/* ---- looking ------------------------------------------------------------ */

/**
 * gochan_info - a channel's state at one instant
 * @ch: a channel; the right to send or receive is not needed
 * @info: comes back filled, see struct gochan_info
 *
 * EBADF: not open. ENOTTY: not a channel.
 */
int gochan_info(int ch, struct gochan_info *info);

/* Go's len(ch) and cap(ch): messages inside, and how many it holds; or -1. */
ssize_t gochan_len(int ch);
ssize_t gochan_cap(int ch);

#ifdef __cplusplus
}
#endif

#endif /* _GOCHAN_H */
