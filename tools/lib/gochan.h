/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libgochan - Go channels between processes
 *
 * A channel is represented by a file descriptor: read(2), write(2), poll(2),
 * fork(2), dup(2), SCM_RIGHTS and close(2) work on it. Unless stated otherwise,
 * functions return 0 on success, and -1 with errno set on failure. All functions
 * are thread-safe; the library has no global state except that of GOCHAN_DEBUG and
 * gochan_dump_on() (see below), and sending and receiving do not allocate memory. All
 * descriptors returned are close-on-exec.
 *
 * The blocking calls - gochan_send(), gochan_recv(), gochan_recv_lease(), _until(),
 * gochan_select(), gochan_batch(), gochan_call() and gochan_wg_wait() - are
 * cancellation points, see pthreads(7); those that do not block, such as
 * gochan_try_send() or a select with a timeout of 0, are not. A call that is
 * cancelled while it is blocked has not done anything. But as with read(2), the
 * thread can be cancelled when the call has just succeeded. The cleanup handlers of
 * the thread can tell the two cases apart: after gochan_recv() and
 * gochan_recv_until(), *@len is SIZE_MAX if no message was received; after
 * gochan_select() and gochan_batch(), the result of each op that was not performed
 * is -ECANCELED; after gochan_wg_wait(), the number of members is valid. After
 * gochan_send() and gochan_send_until() the message may have been sent; where the
 * difference matters, use a batch of one op. After gochan_call(), the request may
 * have been sent, and *@replen is as *@len of gochan_recv().
 *
 * <linux/gochan.h> defines the structures, flags and ioctls underneath.
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

/* ---- creating, naming and sharing channels ------------------------------- */

/**
 * gochan_make - create an unnamed channel: Go's make(chan T, capacity)
 * @capacity: number of messages it can buffer; 0 for an unbuffered channel, on
 *	which a send completes when a receiver has taken the message
 * @msg_size: maximum message length in bytes; 0 for empty messages only
 * @flags: GOCHAN_FIXED, GOCHAN_HANGUP, GOCHAN_CRED, GOCHAN_ACK, or 0
 *
 * Return: a descriptor that may send and receive, or -1.
 * ENOENT: there is no /dev/gochan: the module is not loaded or, in a container, the
 * device was not passed in. ENOTTY: /dev/gochan is another file, such as one that was
 * there before the module was loaded. ENXIO: its device number is not the module's.
 * EOPNOTSUPP: the module is too old for this library. EPROTONOSUPPORT: this library is
 * too old for the module. EINVAL: a value is out of range, or a flag is unknown.
 * EDQUOT: a limit of the user, or of the owner of a user namespace that it is in,
 * would be exceeded: max_user_channels or max_user_bytes. ENOSPC: the limit of all
 * users, max_bytes, would be exceeded. ENOMEM, EMFILE, ENFILE.
 */
int gochan_make(uint32_t capacity, uint32_t msg_size, uint32_t flags);

/**
 * gochan_make_with - gochan_make() with all parameters of a channel
 * @setup: the parameters
 *
 * Return: as gochan_make(); EBADF and ELOOP for setup.dead_fd and setup.done_fd, see
 * GOCHAN_IOC_SETUP.
 */
int gochan_make_with(const struct gochan_setup *setup);

/**
 * gochan_pair - create a channel with one descriptor per direction, as pipe(2)
 * @fds: on success set to the receiving end, fds[0], and the sending end,
 *	fds[1]; unchanged on failure
 * @capacity: as for gochan_make()
 * @msg_size: as for gochan_make()
 * @flags: as for gochan_make()
 *
 * Once the last descriptor of one end is closed, explicitly or because its
 * processes have exited, the other end sees a hangup: receivers drain the
 * channel and then see end of file, and sends fail with EPIPE.
 *
 * Return: 0, or -1 with the errors of gochan_make().
 */
int gochan_pair(int fds[2], uint32_t capacity, uint32_t msg_size, uint32_t flags);

/**
 * gochan_create - create a named channel
 * @name: "jobs" for /dev/gochans/jobs; a path, that is a name with a slash, is
 *	taken as it is
 * @capacity: as for gochan_make()
 * @msg_size: as for gochan_make()
 * @flags: as for gochan_make()
 * @mode: permission bits, 0 to 0777, less those of the umask
 *
 * The channel appears complete, in one step, and exists until gochan_unlink().
 *
 * Return: a descriptor that may send and receive, or -1.
 * EEXIST: the name is in use. ENOENT: the directory does not exist. ENODEV: it is not
 * on a gochanfs; in /dev/gochans, none is mounted. EACCES: no permission to write to
 * the directory, or the gochanfs is mounted nodev. EOPNOTSUPP: the module is too old
 * for this library. EPROTONOSUPPORT: this library is too old for the module. EINVAL: a
 * value is out of range, or a flag is unknown. EDQUOT: a limit of the user, or of the
 * owner of a user namespace that it is in, would be exceeded: max_user_channels,
 * max_user_bytes or max_user_named. ENOSPC: the limit of all users, max_bytes, would be
 * exceeded.
 * Other errors of open(2) and linkat(2).
 */
int gochan_create(const char *name, uint32_t capacity, uint32_t msg_size, uint32_t flags,
		  mode_t mode);

/**
 * gochan_create_with - gochan_create() with all parameters of a channel
 * @name: as for gochan_create()
 * @setup: the parameters
 * @mode: as for gochan_create()
 *
 * Return: as gochan_create().
 */
int gochan_create_with(const char *name, const struct gochan_setup *setup, mode_t mode);

/**
 * gochan_open - open a named channel
 * @name: as for gochan_create()
 * @oflags: O_RDONLY to receive, O_WRONLY to send, O_RDWR for both, O_ACCMODE
 *	for neither, which only allows gochan_info() (and needs permission for
 *	both); optionally with O_NONBLOCK
 *
 * Return: a descriptor, or -1.
 * ENOENT: no such channel, or no gochanfs is mounted. EACCES: the permissions do
 * not allow it, or the gochanfs is mounted nodev. EINVAL: any other flag. ENXIO: a
 * copy of a channel's device file. Other errors of open(2).
 */
int gochan_open(const char *name, int oflags);

/**
 * gochan_unlink - remove a channel's name; open descriptors remain usable
 * @name: as for gochan_create()
 *
 * This is unlink(2) of its path, whatever file that is. Permission to open the channel
 * is not required.
 *
 * Return: 0 or -1.
 * ENOENT: no such channel. EACCES, EPERM: no permission to remove a name from
 * the directory. Other errors of unlink(2).
 */
int gochan_unlink(const char *name);

/**
 * gochan_dup - create another handle on a channel, with the same or fewer rights
 * @ch: a channel
 * @oflags: O_RDONLY, O_WRONLY or O_RDWR; optionally with O_NONBLOCK
 *
 * Unlike dup(2), this creates a new open file description.
 *
 * Return: a descriptor, or -1.
 * EACCES: @ch lacks a requested right. EINVAL: any other flag. EBADF, ENOTTY,
 * EMFILE, ENFILE, ENOMEM.
 */
int gochan_dup(int ch, int oflags);

/**
 * gochan_close - close a channel: Go's close(ch)
 * @ch: a channel; the descriptor must allow sending
 *
 * From now on sends fail with EPIPE, including blocked ones; receivers drain the
 * channel and then see end of file. The descriptor itself stays open and still
 * needs close(2).
 *
 * Return: 0 or -1.
 * EALREADY: already closed. EBADF: the descriptor does not allow sending. EPERM:
 * the channel is named, and the caller neither owns its device file nor has
 * CAP_FOWNER. ENOTTY: not a channel.
 */
int gochan_close(int ch);

/* ---- sending and receiving ----------------------------------------------- */

/**
 * gochan_send - send one message
 * @ch: a channel; the descriptor must allow sending
 * @msg: the message
 * @len: its length in bytes, 0 to the channel's msg_size
 *
 * Blocks until the message is buffered or, on an unbuffered channel, until a
 * receiver has taken it. If it fails, nothing was sent.
 *
 * Return: 0 or -1.
 * EPIPE: the channel is closed, or no receivers are left; SIGPIPE is never sent.
 * EMSGSIZE: @len exceeds msg_size. EINVAL: @len is not msg_size on a
 * GOCHAN_FIXED channel. EAGAIN: it would block, and the descriptor is
 * O_NONBLOCK. EINTR: interrupted by a signal whose handler lacks SA_RESTART.
 * EBADF: the descriptor does not allow sending. EFAULT: invalid @msg. ENOTTY:
 * not a channel. ENOMEM: out of memory. EDQUOT, ENOSPC: a blocked message would
 * exceed the user's memory limit or the module-wide one.
 */
int gochan_send(int ch, const void *msg, size_t len);

/**
 * gochan_recv - receive one message
 * @ch: a channel; the descriptor must allow receiving
 * @buf: receive buffer; its contents beyond the message are unspecified
 * @size: size of @buf in bytes
 * @len: set to the length of the message, to 0 at end of file or, on EMSGSIZE,
 *	to the buffer size required; may be NULL
 *
 * Blocks until there is a message. If it fails, no message was taken.
 *
 * Return: 1 if a message was received; 0 at end of file, that is, the channel is
 * empty and either closed or without senders; -1 on error.
 * EMSGSIZE: the message is longer than @size and remains in the channel. EAGAIN,
 * EINTR, EBADF, EFAULT, ENOTTY, ENOMEM, EDQUOT: as for gochan_send().
 */
int gochan_recv(int ch, void *buf, size_t size, size_t *len);

/**
 * gochan_try_send - non-blocking gochan_send()
 * @ch: as for gochan_send()
 * @msg: as for gochan_send()
 * @len: as for gochan_send()
 *
 * On an unbuffered channel this succeeds only if a receiver is waiting: two
 * peers that never block never meet.
 *
 * Return: as gochan_send(); EAGAIN if it would block.
 */
int gochan_try_send(int ch, const void *msg, size_t len);

/**
 * gochan_try_recv - non-blocking gochan_recv()
 * @ch: as for gochan_recv()
 * @buf: as for gochan_recv()
 * @size: as for gochan_recv()
 * @len: as for gochan_recv()
 *
 * Return: as gochan_recv(); EAGAIN if it would block.
 */
int gochan_try_recv(int ch, void *buf, size_t size, size_t *len);

/**
 * gochan_send_until - gochan_send() with a deadline
 * @ch: as for gochan_send()
 * @msg: as for gochan_send()
 * @len: as for gochan_send()
 * @deadline: absolute CLOCK_MONOTONIC time, not a duration; NULL for no deadline
 *
 * A send that need not block succeeds even if the deadline has already passed.
 *
 * Return: as gochan_send(); ETIMEDOUT if @deadline passes first, EINVAL if
 * tv_nsec is not in the range 0 to 999999999.
 */
int gochan_send_until(int ch, const void *msg, size_t len, const struct timespec *deadline);

/**
 * gochan_recv_until - gochan_recv() with a deadline
 * @ch: as for gochan_recv()
 * @buf: as for gochan_recv()
 * @size: as for gochan_recv()
 * @len: as for gochan_recv()
 * @deadline: as for gochan_send_until()
 *
 * Return: as gochan_recv(); ETIMEDOUT and EINVAL as for gochan_send_until().
 */
int gochan_recv_until(int ch, void *buf, size_t size, size_t *len,
		      const struct timespec *deadline);

/* ---- acknowledged channels ----------------------------------------------- */

/**
 * struct gochan_lease - what a process has to tell of a message that it works on
 * @lease: identifies the delivery; 0 on a channel without GOCHAN_ACK
 * @seq: the number of the message on its channel, the same at every delivery; a key
 *	by which a job can be made idempotent
 * @deliveries: how often the message was delivered, this time included
 */
struct gochan_lease {
	uint64_t lease;
	uint64_t seq;
	uint32_t deliveries;
};

/**
 * gochan_recv_lease - receive a message from an acknowledged channel, to be acknowledged
 * @ch: a channel made with GOCHAN_ACK; the descriptor must allow receiving
 * @buf: as for gochan_recv()
 * @size: as for gochan_recv()
 * @len: as for gochan_recv()
 * @lease: set to the lease if a message was received
 *
 * The message keeps its slot until gochan_ack(). If the process exits or dies before, or
 * closes its last descriptor of @ch, the message is delivered again, ahead of all later
 * ones, to whoever receives next. gochan_recv() and read(2) acknowledge at once. A thread
 * that is cancelled just after this has received keeps the lease.
 *
 * Return: as gochan_recv(). At end of file, 0, no message can come back any more: a
 * process that receives while it has the last lease waits for itself.
 */
int gochan_recv_lease(int ch, void *buf, size_t size, size_t *len, struct gochan_lease *lease);

/**
 * gochan_ack - the message of a lease is done
 * @ch: the descriptor that received it, or a dup(2) of it
 * @lease: from gochan_recv_lease()
 *
 * Return: 0 or -1.
 * ESTALE: the lease has ended, or another process has got it, or through another
 * gochan_dup(). EINVAL: not an acknowledged channel. EBADF, ENOTTY.
 */
int gochan_ack(int ch, const struct gochan_lease *lease);

/**
 * gochan_requeue - return the message of a lease to its channel
 * @ch: as for gochan_ack()
 * @lease: as for gochan_ack()
 *
 * It is delivered again, or given up if that was its last delivery, see
 * gochan_setup.max_deliveries.
 *
 * Return: as gochan_ack().
 */
int gochan_requeue(int ch, const struct gochan_lease *lease);

/* ---- several ops in one call --------------------------------------------- */

/* Clamp a length to gochan_op.len; no message is as long as UINT32_MAX. */
static inline uint32_t gochan_op_len(size_t len)
{
	return len < UINT32_MAX ? (uint32_t)len : UINT32_MAX;
}

/**
 * GOCHAN_SEND - an op that sends a message
 * @ch: a channel; a negative value is Go's nil channel, which is never ready
 * @msg: the message
 * @len: its length in bytes
 *
 * Return: the op, for gochan_select() and gochan_batch().
 */
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

/**
 * GOCHAN_RECV - an op that receives a message
 * @ch: a channel; a negative value is Go's nil channel, which is never ready
 * @buf: receive buffer
 * @size: size of @buf in bytes
 *
 * Afterwards the op's len is the length of the message, and its result is
 * GOCHAN_R_CLOSED at end of file.
 *
 * Return: the op, for gochan_select() and gochan_batch().
 */
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

/**
 * GOCHAN_POLL - an op that waits for events on any pollable descriptor
 * @fd: the descriptor; a negative value is never ready
 * @events: requested events, as for poll(2)
 *
 * Afterwards the op's events are those that occurred.
 *
 * Return: the op, for gochan_select() and gochan_batch().
 */
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
 * gochan_select - wait until one of several ops is ready and perform that one
 * @ops: made by GOCHAN_SEND(), GOCHAN_RECV() and GOCHAN_POLL(). Initialize them
 *	again before each call, because len and events are overwritten
 * @n: number of ops, at most the module parameter max_select
 * @timeout_ns: timeout in nanoseconds; negative for none, 0 for a non-blocking
 *	call (Go's default case)
 * @flags: GOCHAN_ORDERED to choose the first ready op instead of a random one,
 *	or 0
 *
 * Whether the descriptors are O_NONBLOCK makes no difference, unlike in
 * gochan_batch().
 *
 * Return: the index of the op that was performed, whose result is
 * GOCHAN_R_CLOSED for a receive at end of file and else 0; or -1, when none was.
 * EAGAIN: no op was ready, and @timeout_ns is 0. ETIMEDOUT: no op became ready
 * within @timeout_ns. EINTR: interrupted by a signal whose handler lacks
 * SA_RESTART. EINVAL: invalid op, flag or count. ENOENT, EDQUOT, EMFILE, ENFILE:
 * no op names a channel, and creating a temporary one to wait on failed. Any
 * other error is that of the one op whose result is -errno.
 */
int gochan_select(struct gochan_op *ops, unsigned int n, int64_t timeout_ns, unsigned int flags);

/**
 * gochan_batch - perform several ops in order, in one system call
 * @ops: as for gochan_select()
 * @n: number of ops, at most the module parameter max_select
 * @timeout_ns: timeout in nanoseconds for all ops together; negative for none, 0
 *	for a non-blocking call
 * @flags: GOCHAN_WAITFORONE to let only the first op block, or 0
 *
 * Return: the number of ops completed, which is less than @n if one failed; its
 * result is then -errno. -1 if the first op failed; errors as for
 * gochan_select().
 */
int gochan_batch(struct gochan_op *ops, unsigned int n, int64_t timeout_ns, unsigned int flags);

/**
 * gochan_call - send a request and receive its reply, in one system call
 * @ch: a channel; the descriptor must allow sending
 * @req: the request
 * @reqlen: its length in bytes
 * @reply_ch: a channel; the descriptor must allow receiving
 * @rep: receive buffer for the reply
 * @repsize: size of @rep in bytes
 * @replen: as @len of gochan_recv()
 * @timeout_ns: as for gochan_batch()
 *
 * The request is sent at most once. A signal whose handler has SA_RESTART
 * interrupts neither the send nor the wait for the reply, nor does it extend the
 * timeout. After EINTR, ETIMEDOUT or EAGAIN the request may have been sent, and a
 * reply may still arrive; where the difference matters, use gochan_send() and
 * gochan_recv().
 *
 * If @ch is acknowledged, and its receivers acknowledge a request only after they have sent
 * the reply, the death of one of them does not end the call: another one gets the request.
 * Then let @reply_ch be a descriptor that may also send; with one that only receives, the
 * call ends when no receiver of requests has the other end any more. If one dies between
 * the reply and the acknowledgment, there will be a second reply: use a channel of capacity
 * 1 for each call, or compare numbers in request and reply. A request cannot carry a
 * channel (GOCHAN_PASS_FD) then, but the name of one.
 *
 * Return: 1 if a reply was received, 0 at end of file on @reply_ch, -1 if either
 * op failed; errors as for gochan_batch().
 */
int gochan_call(int ch, const void *req, size_t reqlen, int reply_ch, void *rep, size_t repsize,
		size_t *replen, int64_t timeout_ns);

/* ---- timers for select --------------------------------------------------- */

/**
 * gochan_after - create a timer that expires once
 * @ns: nanoseconds until it expires; at once if not positive
 *
 * The descriptor, a timerfd, becomes readable on expiry: use it with
 * GOCHAN_POLL(fd, POLLIN) and release it with close(2).
 *
 * Return: a descriptor, or -1: EMFILE, ENFILE, ENOMEM.
 */
int gochan_after(int64_t ns);

/**
 * gochan_tick - create a timer that expires periodically
 * @ns: period in nanoseconds, more than 0
 *
 * As gochan_after(), but after each expiry a read(2) of a uint64_t is needed. It
 * returns the number of expirations since the last read, after which the
 * descriptor is not readable until the next one.
 *
 * Return: a descriptor, or -1: EINVAL if @ns is not positive, EMFILE, ENFILE,
 * ENOMEM.
 */
int gochan_tick(int64_t ns);

/* ---- wait groups --------------------------------------------------------- */

/**
 * struct gochan_wg - wait group for processes, like Go's sync.WaitGroup
 * @wait_fd: the waiting process receives here
 * @done_fd: members send here; -1 once gochan_wg_wait() was called
 * @token_fd: a token for each member that is not done
 * @max: maximum number of members
 * @members: number of members that are not known to be done; valid in the
 *	waiting process only
 *
 * One process initializes the group, adds members, forks them and waits; each
 * member calls gochan_wg_done() once. A group can be waited for once. Members
 * must be processes, not threads of the waiting process: gochan_wg_wait() closes
 * @done_fd for all of its threads.
 */
struct gochan_wg {
	int wait_fd;
	int done_fd;
	int token_fd;
	uint32_t max;
	uint32_t members;
};

/**
 * gochan_wg_init - initialize a wait group
 * @wg: the wait group; release it with gochan_wg_destroy()
 * @max: maximum number of members, 1 to the module parameter max_capacity
 *
 * Return: 0 or -1. EINVAL: @max is out of range. Other errors as for
 * gochan_make().
 */
int gochan_wg_init(struct gochan_wg *wg, uint32_t max);

/**
 * gochan_wg_add - add members to wait for
 * @wg: the wait group, in the process that will wait
 * @n: number of members to add
 *
 * Must be called before these members start.
 *
 * Return: 0 or -1. EOVERFLOW: there would be more than the maximum.
 */
int gochan_wg_add(struct gochan_wg *wg, uint32_t n);

/**
 * gochan_wg_done - report that a member is done
 * @wg: the wait group
 *
 * Never blocks. As in Go, members are counted, not told apart: if one calls it
 * twice, the group is done one member too early, and it is the call of the last
 * one that fails.
 *
 * Return: 0 or -1. EOVERFLOW: it was called for all members before, also if
 * gochan_wg_wait() has returned since. EPIPE: no process waits for the group any
 * more. EBADF: gochan_wg_wait() was called in this process, or the group is
 * destroyed. Other errors as for gochan_send().
 */
int gochan_wg_done(const struct gochan_wg *wg);

/**
 * gochan_wg_wait - block until all members are done
 * @wg: the wait group
 *
 * Return: 0 or -1.
 * EOWNERDEAD: all processes that could call gochan_wg_done() have exited or
 * destroyed the group, but @wg->members members never did. EINTR: interrupted by
 * a signal whose handler lacks SA_RESTART; call it again to go on waiting. Other
 * errors as for gochan_recv().
 */
int gochan_wg_wait(struct gochan_wg *wg);

/**
 * gochan_wg_destroy - release a wait group in this process
 * @wg: the wait group; every process that has it must release its own copy
 */
void gochan_wg_destroy(struct gochan_wg *wg);

/* ---- inspecting channels ------------------------------------------------- */

/**
 * gochan_info - get a consistent snapshot of a channel's state
 * @ch: a channel; no right is needed
 * @info: filled in, see struct gochan_info
 *
 * Return: 0 or -1. EBADF: not an open descriptor. ENOTTY: not a channel.
 */
int gochan_info(int ch, struct gochan_info *info);

/**
 * gochan_abi - get the version of the interface of the module
 * @ch: a channel; no right is needed
 *
 * The library was built for version GOCHAN_ABI. With a module of another version
 * gochan_make() and gochan_create() fail, and other calls may fail with ENOTTY.
 *
 * Return: the version, where GOCHAN_ABI + 1 stands for any later one; or -1 with the
 * errors of gochan_info().
 */
int gochan_abi(int ch);

/**
 * gochan_len - number of messages in a channel: Go's len(ch)
 * @ch: a channel; no right is needed
 *
 * Return: the number, or -1 with the errors of gochan_info().
 */
ssize_t gochan_len(int ch);

/**
 * gochan_cap - number of messages a channel can buffer: Go's cap(ch)
 * @ch: a channel; no right is needed
 *
 * Return: the number, or -1 with the errors of gochan_info().
 */
ssize_t gochan_cap(int ch);

/* ---- why does it not move? ------------------------------------------------- */

/*
 * With GOCHAN_DEBUG in the environment when the library is loaded, it logs the calls
 * of the program, each on a line of its own:
 *
 *	12:34:56.789012 4711 4712 gochan_recv recv=3 id=17 len=5 result=1 took=0.000123
 *
 * that is: time of day (UTC) at which it returned, pid, tid, call, then its ops, with
 * the descriptor, the channel's ID (see struct gochan_info) and the length; its result,
 * or the name of the errno; and the seconds that it took. The length is that of the
 * message; of a receive that failed, it is the size of the buffer or, with EMSGSIZE,
 * the size needed. What was leased has lease=, seq= and deliveries= after that; ops
 * that acknowledge (ack=) or return (requeue=) have lease= in place of the length. A
 * select that succeeded shows the op that was performed, other calls the first 8 ops.
 * Calls without ops have ch= or name= instead. Calls that the library makes itself are
 * logged, too: gochan_pair() is one of gochan_make() and two of gochan_dup(),
 * gochan_len() is gochan_info(). A call that is cancelled while it is blocked has
 * result=cancelled. Timers are not logged, nor are system calls of the program, such as
 * read(2).
 *
 * GOCHAN_DEBUG is the file to append to if there is a slash in it; 0 or empty for none;
 * anything else, such as 1, for standard error. It is ignored by programs that run with
 * more rights than their user has, see secure_getenv(3). The log changes neither results
 * nor errno, and a line that cannot be written is lost.
 */

/**
 * gochan_dump - write the channels of this process, and their waiters, as text
 * @fd: the descriptor to write to
 *
 * For each descriptor that is a channel: its number, the channel's ID and name, rights,
 * messages and capacity, whether it is closed, and then each waiter that this process
 * may see (see proc(5) and ptrace(2)), with how long it has waited. Other threads are
 * among the waiters. The calling thread is not: even in a signal handler, its wait has
 * been interrupted. The call that was interrupted is shown first instead, if it is one
 * of this library (not a read(2) or write(2)) and gochan_dump_on() or GOCHAN_DEBUG was in
 * use when it began. A call that was left by siglongjmp(3) is still shown. If /proc is
 * not mounted, that is what the dump says.
 *
 * Async-signal-safe; leaves errno alone. It needs two free descriptors and 4 KiB of
 * stack. Each line is one write(2), so lines of several processes do not mix.
 */
void gochan_dump(int fd);

/**
 * gochan_dump_on - on a signal, dump to standard error and take the default action
 * @sig: the signal, such as SIGQUIT, which Ctrl-\ sends
 *
 * The signal's handler becomes one that calls gochan_dump(). Then the signal's default
 * action is taken, as if there were no handler: after SIGQUIT, say, there may be a core,
 * and the exit status is that of SIGQUIT. A second signal, while the first one's dump is
 * being written, takes its default action at once.
 *
 * After signals that by default do nothing (SIGURG, SIGWINCH, SIGCHLD, SIGCONT) or stop
 * the process (SIGTSTP, SIGTTIN, SIGTTOU), the process goes on, and the next one dumps
 * again; blocked calls are restarted. In the first process of a pid namespace, default
 * actions end nothing: there, other signals dump once, and are then ignored.
 *
 * The handler uses the alternate signal stack, if there is one. Children of fork(2) have
 * the same handler, programs executed have not.
 *
 * Return: 0 or -1. EINVAL: @sig is not a signal, or is SIGKILL or SIGSTOP.
 */
int gochan_dump_on(int sig);

#ifdef __cplusplus
}
#endif

#endif /* _GOCHAN_H */
