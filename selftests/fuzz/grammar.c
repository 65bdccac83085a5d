// SPDX-License-Identifier: GPL-2.0
/*
 * The grammar: the calls, and the values that their arguments can have. A value
 * without a label is printed as a number; ANY is a random number.
 */
#include "prog.h"

#include <fcntl.h>
#include <linux/gochan.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "gen.h"

#define ANY	{ 0, ANY_LABEL, 1 }
#define END	{ 0, NULL, 0 }

static const struct choice slots[] = {
	{ 0, "s0", 18 }, { 1, "s1", 12 }, { 2, "s2", 6 }, { 3, "s3", 5 }, { 4, "s4", 3 },
	{ 5, "s5", 3 }, { 6, "s6", 2 }, { 7, "s7", 2 }, { 8, "s8", 2 }, { 9, "s9", 1 },
	{ 10, "s10", 1 }, { 11, "s11", 1 }, { SLOTS, "-1", 1 }, { SLOTS + 1, "9999", 1 },
	END
};

/* Mostly slots that have a channel. */
static const struct choice op_slots[] = {
	{ 0, "s0", 24 }, { 1, "s1", 14 }, { 2, "s2", 6 }, { 3, "s3", 5 }, { 4, "s4", 2 },
	{ 8, "s8", 2 }, { SLOTS, "-1", 2 }, { SLOTS + 1, "9999", 1 }, END
};

/* For new descriptors. */
static const struct choice new_slots[] = {
	{ 0, "s0", 1 }, { 1, "s1", 1 }, { 2, "s2", 3 }, { 3, "s3", 4 }, { 4, "s4", 4 },
	{ 5, "s5", 4 }, { 6, "s6", 4 }, { 7, "s7", 4 }, { 8, "s8", 4 }, { 9, "s9", 4 },
	{ 10, "s10", 4 }, { 11, "s11", 4 }, END
};

static const struct choice bufs[] = {
	{ OWN, "own", 24 }, { EDGE, "edge", 3 }, { EXACT, "exact", 3 }, { LAZY, "lazy", 3 },
	{ READ_ONLY, "ro", 2 }, { SHARED0, "shared0", 3 }, { SHARED1, "shared1", 3 },
	{ STALLED, "stalled", 4 }, { TRUNCATED, "truncated", 1 }, { NOWHERE, "NULL", 1 },
	{ KERNEL, "kernel", 1 }, { NONCANONICAL, "noncanonical", 1 }, { TOP, "top", 1 },
	END
};

/* For structures. */
static const struct choice places[] = {
	{ OWN, "own", 60 }, { EDGE, "edge", 1 }, { EXACT, "exact", 3 }, { LAZY, "lazy", 1 },
	{ READ_ONLY, "ro", 2 }, { SHARED0, "shared0", 1 }, { STALLED, "stalled", 2 },
	{ TRUNCATED, "truncated", 1 }, { NOWHERE, "NULL", 1 }, { KERNEL, "kernel", 1 },
	{ NONCANONICAL, "noncanonical", 1 }, { TOP, "top", 1 }, END
};

static const struct choice common_bufs[] = {
	{ SHARED0, "shared0", 3 }, { SHARED1, "shared1", 3 }, { STALLED, "stalled", 5 },
	{ TRUNCATED, "truncated", 1 }, END
};

static const struct choice lens[] = {
	{ 0, NULL, 2 }, { 1, NULL, 3 }, { 8, NULL, 3 }, { 16, NULL, 7 }, { 24, NULL, 7 },
	{ 48, NULL, 5 }, { 64, NULL, 6 }, { 128, NULL, 4 }, { 129, NULL, 4 }, { 200, NULL, 3 },
	{ 512, NULL, 2 }, { 513, NULL, 2 }, { 1000, NULL, 2 }, { 4096, NULL, 3 },
	{ 4097, NULL, 4 }, { 8000, NULL, 4 }, { 65536, NULL, 1 }, { 1 << 20, NULL, 1 },
	{ ~0U, NULL, 1 }, ANY, END
};

static const struct choice capacities[] = {
	{ 0, NULL, 18 }, { 1, NULL, 6 }, { 2, NULL, 4 }, { 7, NULL, 3 }, { 64, NULL, 1 },
	{ 65536, NULL, 1 }, { 65537, NULL, 1 }, { ~0U, NULL, 1 }, ANY, END
};

static const struct choice msg_sizes[] = {
	{ 0, NULL, 1 }, { 1, NULL, 1 }, { 16, NULL, 4 }, { 24, NULL, 8 }, { 64, NULL, 8 },
	{ 128, NULL, 3 }, { 129, NULL, 2 }, { 512, NULL, 2 }, { 1000, NULL, 2 },
	{ 4096, NULL, 4 }, { 4097, NULL, 3 },
	{ 8000, NULL, 5 }, { 65536, NULL, 1 }, { 1 << 20, NULL, 1 }, { (1 << 20) + 1, NULL, 1 },
	{ ~0U, NULL, 1 }, ANY, END
};

static const struct choice chan_flags[] = {
	{ 0, "0", 12 }, { GOCHAN_FIXED, "FIXED", 5 }, { GOCHAN_CRED, "CRED", 5 },
	{ GOCHAN_HANGUP, "HANGUP", 3 }, { GOCHAN_FIXED | GOCHAN_CRED, "FIXED|CRED", 3 },
	{ GOCHAN_HANGUP | GOCHAN_CRED, "HANGUP|CRED", 2 },
	{ GOCHAN_FIXED | GOCHAN_HANGUP | GOCHAN_CRED, "FIXED|HANGUP|CRED", 1 },
	{ GOCHAN_ACK, "ACK", 6 }, { GOCHAN_ACK | GOCHAN_DEADLETTER, "ACK|DEADLETTER", 4 },
	{ GOCHAN_ACK | GOCHAN_DONE, "ACK|DONE", 4 },
	{ GOCHAN_ACK | GOCHAN_DONE | GOCHAN_DEADLETTER, "ACK|DONE|DEADLETTER", 3 },
	{ GOCHAN_ACK | GOCHAN_FIXED | GOCHAN_CRED, "ACK|FIXED|CRED", 2 }, ANY, END
};

static const struct choice deliveries[] = {
	{ 0, "0", 20 }, { 1, "1", 4 }, { 2, "2", 4 }, { ~0U, NULL, 1 }, ANY, END
};

static const struct choice leases[] = {
	{ LAST_LEASE, "last", 12 }, { 0, "0", 1 }, { ~0ULL, NULL, 1 }, ANY, END
};

static const struct choice ack_flags[] = {
	{ 0, "0", 8 }, { GOCHAN_REQUEUE, "REQUEUE", 8 }, ANY, END
};

static const struct choice zero[] = { { 0, NULL, 40 }, ANY, END };

static const struct choice make_flags[] = {
	{ O_RDWR, "O_RDWR", 16 }, { O_RDWR | O_NONBLOCK, "O_RDWR|O_NONBLOCK", 3 },
	{ O_RDWR | O_TMPFILE, "O_TMPFILE", 8 },
	{ O_RDWR | O_TMPFILE | O_EXCL, "O_TMPFILE|O_EXCL", 1 },
	{ O_WRONLY | O_TMPFILE, "O_WRONLY|O_TMPFILE", 1 },
	{ O_RDONLY, "O_RDONLY", 1 }, { O_WRONLY, "O_WRONLY", 1 },
	{ O_RDWR | O_TRUNC | O_APPEND, "O_RDWR|O_TRUNC|O_APPEND", 1 }, { O_PATH, "O_PATH", 1 },
	END
};

static const struct choice open_flags[] = {
	{ O_RDWR, "O_RDWR", 5 }, { O_RDONLY, "O_RDONLY", 5 }, { O_WRONLY, "O_WRONLY", 5 },
	{ O_RDONLY | O_NONBLOCK, "O_RDONLY|O_NONBLOCK", 2 },
	{ O_WRONLY | O_NONBLOCK, "O_WRONLY|O_NONBLOCK", 2 }, { O_PATH, "O_PATH", 1 },
	{ O_RDWR | O_TRUNC | O_CREAT, "O_RDWR|O_TRUNC|O_CREAT", 1 }, END
};

static const struct choice dup_flags[] = {
	{ O_RDONLY, "O_RDONLY", 6 }, { O_WRONLY, "O_WRONLY", 6 }, { O_RDWR, "O_RDWR", 5 },
	{ O_RDWR | O_NONBLOCK, "O_RDWR|O_NONBLOCK", 2 },
	{ O_WRONLY | O_CLOEXEC, "O_WRONLY|O_CLOEXEC", 1 }, { O_ACCMODE, "O_ACCMODE", 1 },
	ANY, END
};

const char *const names[NAMES] = {
	"fz-a", "fz-b", "fz-c", "", "..", "fz-b/fz-a",
};

static const struct choice name_choices[] = {
	{ 0, "fz-a", 16 }, { 1, "fz-b", 6 }, { 2, "fz-c", 2 }, { 3, "", 1 }, { 4, "..", 1 },
	{ 5, "fz-b/fz-a", 3 }, END
};

static const struct choice modes[] = {
	{ 0666, "0666", 10 }, { 0600, "0600", 3 }, { 0, "0", 1 }, { 0777, "0777", 1 },
	{ 01777, "01777", 1 }, ANY, END
};

static const struct choice counts[] = {
	{ 0, NULL, 1 }, { 1, NULL, 6 }, { 2, NULL, 8 }, { 3, NULL, 8 }, { 4, NULL, 6 },
	{ 8, NULL, 2 }, { 9, NULL, 3 }, { 12, NULL, 2 }, { 40, NULL, 1 }, { 1024, NULL, 1 },
	{ 1025, NULL, 2 }, { 65536, NULL, 1 }, { ~0U, NULL, 1 }, END
};

static const struct choice select_flags[] = {
	{ 0, "0", 12 }, { GOCHAN_NONBLOCK, "NONBLOCK", 4 }, { GOCHAN_ORDERED, "ORDERED", 3 },
	{ GOCHAN_NONBLOCK | GOCHAN_ORDERED, "NONBLOCK|ORDERED", 1 },
	{ GOCHAN_WAITFORONE, "WAITFORONE", 1 }, ANY, END
};

static const struct choice batch_flags[] = {
	{ 0, "0", 12 }, { GOCHAN_NONBLOCK, "NONBLOCK", 4 },
	{ GOCHAN_WAITFORONE, "WAITFORONE", 4 },
	{ GOCHAN_NONBLOCK | GOCHAN_WAITFORONE, "NONBLOCK|WAITFORONE", 1 },
	{ GOCHAN_ORDERED, "ORDERED", 1 }, ANY, END
};

static const struct choice deadlines[] = {
	{ NEVER, "never", 6 }, { PAST, "0", 2 }, { IN_50US, "in 50 us", 6 },
	{ IN_1MS, "in 1 ms", 5 }, { IN_5MS, "in 5 ms", 3 },
	{ IN_1S, "in 1 s", 1 }, { AT_MAX, "2^63-1", 1 },
	{ BEYOND_MAX, "2^63", 1 }, ANY, END
};

static const struct choice opcodes[] = {
	{ GOCHAN_OP_SEND, "SEND", 12 }, { GOCHAN_OP_RECV, "RECV", 12 },
	{ GOCHAN_OP_POLL, "POLL", 4 }, { GOCHAN_OP_ACK, "ACK", 4 }, ANY, END
};

static const struct choice op_flags[] = {
	{ 0, "0", 20 }, { GOCHAN_PEEK, "PEEK", 4 }, { GOCHAN_PASS_FD, "PASS_FD", 12 },
	{ GOCHAN_TAKE_FD, "TAKE_FD", 12 }, { GOCHAN_NONBLOCK, "NONBLOCK", 2 },
	{ GOCHAN_PEEK | GOCHAN_TAKE_FD, "PEEK|TAKE_FD", 1 },
	{ GOCHAN_PASS_FD | GOCHAN_NONBLOCK, "PASS_FD|NONBLOCK", 2 },
	{ GOCHAN_TAKE_FD | GOCHAN_NONBLOCK, "TAKE_FD|NONBLOCK", 1 },
	{ GOCHAN_PEEK | GOCHAN_NONBLOCK, "PEEK|NONBLOCK", 1 },
	{ GOCHAN_REQUEUE, "REQUEUE", 2 }, ANY, END
};

static const struct choice events[] = {
	{ POLLIN, "IN", 8 }, { POLLOUT, "OUT", 6 }, { POLLIN | POLLOUT, "IN|OUT", 4 },
	{ POLLPRI, "PRI", 1 }, { 0, "0", 1 }, { 0xffff, "0xffff", 1 }, ANY, END
};

static const struct choice epoll_events[] = {
	{ EPOLLIN | EPOLLOUT, "IN|OUT", 4 }, { EPOLLIN | EPOLLET, "IN|ET", 3 },
	{ EPOLLOUT | EPOLLET, "OUT|ET", 2 }, { EPOLLIN | EPOLLEXCLUSIVE, "IN|EXCLUSIVE", 2 },
	{ EPOLLIN | EPOLLONESHOT, "IN|ONESHOT", 1 }, { EPOLLRDHUP, "RDHUP", 1 }, ANY, END
};

static const struct choice epoll_acts[] = {
	{ EPOLL_CTL_ADD, "ADD", 5 }, { EPOLL_CTL_MOD, "MOD", 1 }, { EPOLL_CTL_DEL, "DEL", 1 },
	END
};

static const struct choice milliseconds[] = {
	{ 0, NULL, 3 }, { 1, NULL, 3 }, { 5, NULL, 2 }, { -1, "-1", 1 }, END
};

static const struct choice rwf[] = {
	{ 0, "0", 8 }, { RWF_NOWAIT, "NOWAIT", 6 }, { RWF_HIPRI, "HIPRI", 1 },
	{ RWF_APPEND, "APPEND", 1 }, { RWF_DSYNC, "DSYNC", 1 }, ANY, END
};

static const struct choice offsets[] = {
	{ -1, "-1", 12 }, { 0, "0", 1 }, { 4096, "4096", 1 }, END
};

static const struct choice ioctls[] = {
	{ _IO(GOCHAN_IOC_MAGIC, 0), "0xC5:0", 1 }, { _IO(GOCHAN_IOC_MAGIC, 9), "0xC5:9", 1 },
	{ _IOR(GOCHAN_IOC_MAGIC, 1, int), "0xC5:1, wrong size", 1 },
	{ _IOWR(GOCHAN_IOC_MAGIC, 7, struct gochan_op), "0xC5:7, wrong size", 1 },
	{ TCGETS, "TCGETS", 1 }, ANY, END
};

static const struct choice uring_acts[] = {
	{ 0, "read", 4 }, { 1, "write", 4 }, { 2, "poll", 3 }, { 3, "read, cancelled", 2 }, END
};

static const struct choice fcntls[] = {
	{ NONBLOCK_ON, "+O_NONBLOCK", 3 }, { NONBLOCK_OFF, "-O_NONBLOCK", 3 },
	{ ASYNC_ON, "+O_ASYNC", 3 }, { ASYNC_OFF, "-O_ASYNC", 1 }, { CLOEXEC, "+FD_CLOEXEC", 1 },
	END
};

static const struct choice new_fds[] = {
	{ PIPE, "pipe", 1 }, { EVENT, "eventfd", 1 }, { TIMER, "timerfd", 2 },
	{ SOCKETS, "socketpair", 3 }, { NULL_DEVICE, "/dev/null", 1 }, { EPOLL, "epoll", 4 },
	{ PIDFD, "pidfd", 1 }, { SIGNALFD, "signalfd", 1 }, END
};

static const struct choice actors[] = {
	{ 0, "actor 0", 3 }, { 1, "actor 1", 3 }, { 2, "actor 2", 2 }, { 3, "actor 3", 2 },
	{ 4, "actor 4", 1 }, { 5, "actor 5", 1 }, END
};

static const struct choice signals[] = {
	{ SIGUSR1, "SIGUSR1", 6 }, { SIGUSR2, "SIGUSR2 (SA_RESTART)", 5 },
	{ SIGKILL, "SIGKILL", 3 },
	{ SIGSTOP, "SIGSTOP", 1 }, { SIGCONT, "SIGCONT", 2 }, END
};

static const struct choice microseconds[] = {
	{ 0, NULL, 4 }, { 100, NULL, 4 }, { 1000, NULL, 3 }, { 4000, NULL, 1 }, END
};

static const struct choice node_acts[] = {
	{ CHMOD, "chmod", 3 }, { CHOWN, "chown", 3 }, { REMOVE, "remove", 1 },
	{ RENAME, "rename", 2 }, { EXCHANGE, "exchange", 1 }, { COPY, "copy", 2 },
	{ MAKE_DIR, "mkdir", 2 }, { CREATE, "create a file", 1 }, { LIST, "list", 1 },
	{ DETACH, "mount, umount -l", 1 }, END
};

const char *const params[PARAMS] = {
	"max_msg_size", "max_capacity", "max_user_channels", "max_user_bytes", "max_user_named",
	"max_bytes", "max_select", "spin_us",
};

static const struct choice param_choices[] = {
	{ 0, "max_msg_size", 1 }, { 1, "max_capacity", 1 }, { 2, "max_user_channels", 2 },
	{ 3, "max_user_bytes", 4 }, { 4, "max_user_named", 1 }, { 5, "max_bytes", 3 },
	{ 6, "max_select", 1 }, { 7, "spin_us", 1 }, END
};

static const struct choice param_values[] = {
	{ 0, NULL, 3 }, { 1, NULL, 2 }, { 2, NULL, 1 }, { 100, NULL, 2 }, { 5000, NULL, 3 },
	{ 70000, NULL, 2 }, { 1 << 20, NULL, 1 }, { DEFAULT, "default", 4 }, END
};

static const struct choice users[] = {
	{ 0, "root", 3 }, { 60001, "60001", 4 }, { 60002, "60002", 2 },
	{ NAMESPACE_ROOT, "root of a user namespace", 1 }, END
};

static const struct choice memories[] = {
	{ UNMAP, "unmap", 3 }, { MAP, "map", 4 }, { DROP, "drop", 2 },
	{ PROTECT_RO, "read-only", 2 },
	{ PROTECT_NONE, "no access", 1 }, { STALL, "stall", 3 }, { ARRIVE, "arrive", 6 },
	{ TRUNCATE, "truncate", 1 }, END
};

static const struct choice misc_choices[] = {
	{ SEEK, "lseek", 1 }, { MMAP, "mmap", 1 }, { SYNC, "fsync", 1 },
	{ RESIZE, "ftruncate", 1 },
	{ SPLICE_IN, "splice to it", 2 }, { SPLICE_OUT, "splice from it", 2 },
	{ SENDFILE_IN, "sendfile to it", 1 }, { SENDFILE_OUT, "sendfile from it", 1 },
	{ LOCK, "flock", 1 }, { STAT, "fstat", 1 }, { PREAD, "pread", 1 }, END
};

static const struct choice fd_limits[] = {
	{ 16, NULL, 2 }, { 24, NULL, 1 }, { 512, NULL, 2 }, END
};

const struct field_spec op_fields[FIELDS] = {
	[OP_SLOT] = { "fd", op_slots }, [OP_CODE] = { "", opcodes }, [OP_BUF] = { "buf", bufs },
	[OP_LEN] = { "len", lens }, [OP_FLAGS] = { "flags", op_flags },
	[OP_PASS] = { "pass", slots }, [OP_EVENTS] = { "events", events },
	[OP_LEASE] = { "lease", leases },
};

const struct spec specs[KINDS] = {
	[MAKE] = { "make", 4, true, false, {
		[SLOT] = { "", new_slots }, [ARG1] = { "flags", make_flags } } },
	[SETUP] = { "SETUP", 4, true, false, {
		[SLOT] = { "", slots }, [LEN] = { "capacity", capacities },
		[ARG1] = { "msg_size", msg_sizes }, [ARG2] = { "flags", chan_flags },
		[BUF] = { "deliveries", deliveries }, [SLOT2] = { "dead", slots },
		[ARG3] = { "done", slots }, [WHERE] = { "at", places } } },
	[INFO] = { "INFO", 2, false, false, { [SLOT] = { "", slots },
	[WHERE] = { "at", places } } },
	[CLOSE_CHANNEL] = { "CLOSE", 2, false, false, { [SLOT] = { "", slots } } },
	[ACK] = { "ACK", 5, false, false, {
		[SLOT] = { "", slots }, [ARG1] = { "flags", ack_flags },
		[ARG2] = { "lease", leases }, [ARG3] = { "reserved", zero },
		[WHERE] = { "at", places } } },
	[DUP] = { "DUP", 4, true, false, {
		[SLOT] = { "", slots }, [SLOT2] = { "to", new_slots },
		[ARG1] = { "flags", dup_flags } } },
	[LINK] = { "linkat", 6, true, false, {
		[SLOT] = { "", slots }, [ARG1] = { "name", name_choices } } },
	[UNLINK] = { "unlink", 6, false, true, { [ARG1] = { "name", name_choices } } },
	[OPEN] = { "open", 4, true, false, {
		[SLOT] = { "", new_slots }, [ARG1] = { "name", name_choices },
		[ARG2] = { "flags", open_flags } } },
	[SELECT] = { "SELECT", 22, false, false, {
		[SLOT] = { "", slots }, [LEN] = { "count", counts },
		[ARG1] = { "flags", select_flags },
		[ARG2] = { "deadline", deadlines }, [ARG3] = { "reserved", zero },
		[WHERE] = { "at", places }, [BUF] = { "ops at", places } } },
	[BATCH] = { "BATCH", 16, false, false, {
		[SLOT] = { "", slots }, [LEN] = { "count", counts },
		[ARG1] = { "flags", batch_flags },
		[ARG2] = { "deadline", deadlines }, [ARG3] = { "reserved", zero },
		[WHERE] = { "at", places }, [BUF] = { "ops at", places } } },
	[NEXT_LEN] = { "FIONREAD", 2, false, false, {
		[SLOT] = { "", slots }, [WHERE] = { "at", places } } },
	[OTHER_IOCTL] = { "ioctl", 2, false, false, {
		[SLOT] = { "", slots }, [ARG1] = { "command", ioctls },
		[WHERE] = { "at", places } } },
	[READ] = { "read", 14, false, false, {
		[SLOT] = { "", slots }, [BUF] = { "buf", bufs }, [LEN] = { "len", lens } } },
	[WRITE] = { "write", 14, false, false, {
		[SLOT] = { "", slots }, [BUF] = { "buf", bufs }, [LEN] = { "len", lens } } },
	[READV] = { "preadv2", 8, false, false, {
		[SLOT] = { "", slots }, [BUF] = { "buf", bufs }, [LEN] = { "len", lens },
		[ARG1] = { "flags", rwf }, [ARG2] = { "offset", offsets },
		[ARG3] = { "2nd buf", bufs } } },
	[WRITEV] = { "pwritev2", 8, false, false, {
		[SLOT] = { "", slots }, [BUF] = { "buf", bufs }, [LEN] = { "len", lens },
		[ARG1] = { "flags", rwf }, [ARG2] = { "offset", offsets },
		[ARG3] = { "2nd buf", bufs } } },
	[POLL] = { "poll", 5, false, false, {
		[SLOT] = { "", slots }, [SLOT2] = { "and", slots }, [ARG1] = { "events", events },
		[ARG2] = { "ms", milliseconds } } },
	[EPOLL_CTL] = { "epoll_ctl", 4, true, false, {
		[SLOT] = { "", slots }, [SLOT2] = { "fd", slots }, [ARG1] = { "", epoll_acts },
		[ARG2] = { "events", epoll_events } } },
	[EPOLL_WAIT] = { "epoll_wait", 4, false, false, {
		[SLOT] = { "", slots }, [ARG2] = { "ms", milliseconds } } },
	[URING] = { "io_uring", 1, false, true, {
		[SLOT] = { "", slots }, [ARG1] = { "", uring_acts }, [BUF] = { "buf", bufs },
		[LEN] = { "len", lens } } },
	[FCNTL] = { "fcntl", 3, true, false, { [SLOT] = { "", slots }, [ARG1] = { "", fcntls } } },
	[CLOSE] = { "close", 3, false, true, { [SLOT] = { "", slots } } },
	[DUP2] = { "dup", 2, true, true, { [SLOT] = { "", slots },
	[SLOT2] = { "to", new_slots } } },
	[REOPEN] = { "open /proc/self/fd", 2, false, true, {
		[SLOT] = { "", slots }, [SLOT2] = { "to", new_slots },
		[ARG2] = { "flags", open_flags } } },
	[NEW_FD] = { "new", 3, true, false, {
		[SLOT] = { "", new_slots }, [SLOT2] = { "and", new_slots },
		[ARG1] = { "", new_fds } } },
	[SEND_FD] = { "sendmsg SCM_RIGHTS", 2, false, true, {
		[SLOT] = { "", slots }, [SLOT2] = { "fd", slots } } },
	[RECV_FD] = { "recvmsg SCM_RIGHTS", 2, false, true, {
		[SLOT] = { "", slots }, [SLOT2] = { "to", new_slots } } },
	[SIGNAL] = { "signal", 6, false, false, {
		[ARG1] = { "to", actors }, [ARG2] = { "", signals } } },
	[FORK] = { "fork", 2, false, false, { [ARG1] = { "us", microseconds } } },
	[NODE] = { "node", 5, false, true, {
		[ARG1] = { "name", name_choices }, [ARG2] = { "", node_acts },
		[ARG3] = { "to", modes } } },
	[PARAM] = { "parameter", 2, true, false, {
		[ARG1] = { "", param_choices }, [ARG2] = { "to", param_values } } },
	[RELOAD] = { "reload", 1, false, true, {} },
	[BECOME] = { "become", 4, true, false, { [ARG1] = { "", users } } },
	[MEMORY] = { "memory", 7, false, false, {
		[BUF] = { "", common_bufs }, [ARG1] = { "", memories } } },
	[PAUSE] = { "sleep", 4, false, false, { [ARG1] = { "us", microseconds } } },
	[FDINFO] = { "fdinfo", 1, false, false, { [SLOT] = { "", slots } } },
	[MISC] = { "misc", 2, false, true, {
		[SLOT] = { "", slots }, [ARG1] = { "", misc_choices } } },
	[LIMIT] = { "RLIMIT_NOFILE", 1, false, true, { [ARG1] = { "", fd_limits } } },
};

bool has_ops(enum kind kind)
{
	return kind == SELECT || kind == BATCH;
}
