// SPDX-License-Identifier: GPL-2.0
/*
 * Executes each kind of call. The result is that of the system call, or -errno; 0 if
 * there is no single system call.
 */
#include "actor.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "guest.h"

#define FOLDER	"/dev/gochans/"

static struct slot slot_of(const struct actor *actor, const struct call *call, enum field field)
{
	return slot_get(actor->process, call->args.v[field]);
}

static long keep(struct actor *actor, const struct call *call, enum field field, int fd)
{
	if (fd < 0)
		return -errno;
	slot_put(actor, call->args.v[field], fd, false);
	return 0;
}

/* ---- making, naming ---- */

/* Not on the devtmpfs below, while another actor reloads the module. */
static int open_unnamed(int flags)
{
	const int dir = open("/dev/gochans", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;
	int fd = -ENODEV;

	if (dir < 0)
		return -errno;
	if (!fstatfs(dir, &fs) && fs.f_type == GOCHAN_SUPER_MAGIC)
		fd = or_errno(openat(dir, ".", flags, 0666));
	close(dir);
	return fd;
}

static long do_make(struct actor *actor, const struct call *call)
{
	const int flags = call->args.v[ARG1] | O_CLOEXEC;
	const int fd = (flags & O_TMPFILE) == O_TMPFILE ? open_unnamed(flags) :
		       or_errno(open("/dev/gochan", flags));

	if (fd < 0)
		return fd;
	slot_put(actor, call->args.v[SLOT], fd, !(flags & O_PATH));
	return 0;
}

static long do_setup(struct actor *actor, const struct call *call)
{
	const uint64_t *v = call->args.v;
	const struct gochan_setup setup = {
		.capacity = v[LEN],
		.msg_size = v[ARG1],
		.flags = v[ARG2],
		.max_deliveries = v[BUF],
		.dead_fd = v[ARG2] & GOCHAN_DEADLETTER ? slot_of(actor, call, SLOT2).fd : 0,
		.done_fd = v[ARG2] & GOCHAN_DONE ? slot_of(actor, call, ARG3).fd : 0,
	};
	const struct slot slot = slot_of(actor, call, SLOT);
	long ret;

	ret = or_errno(ioctl(slot.fd, GOCHAN_IOC_SETUP,
			     put_struct(actor, v[WHERE], &setup, sizeof(setup), 0)));
	if (!ret && actor->prog->ledger)
		slot_read_info(actor->process, slot.at);
	return ret;
}

static long do_info(struct actor *actor, const struct call *call)
{
	const struct slot slot = slot_of(actor, call, SLOT);
	const enum place place = call->args.v[WHERE];
	char blank[sizeof(struct gochan_info) + CANARY_LEN];
	char *at;
	long ret;

	canary_set(blank, sizeof(blank));
	at = put_struct(actor, place, blank, place == OWN ? sizeof(blank) :
						      sizeof(struct gochan_info), 0);
	ret = or_errno(ioctl(slot.fd, GOCHAN_IOC_INFO, at));
	if (ret || place != OWN || !slot_unchanged(actor, slot))
		return ret;
	check_info(actor, (struct gochan_info *)at);
	if (!canary_intact(at, sizeof(struct gochan_info), sizeof(blank)))
		violation(actor, "bytes after INFO were written");
	return ret;
}

static long do_close_channel(struct actor *actor, const struct call *call)
{
	return or_errno(ioctl(slot_of(actor, call, SLOT).fd, GOCHAN_IOC_CLOSE));
}

static long do_ack(struct actor *actor, const struct call *call)
{
	const uint64_t *v = call->args.v;
	const struct gochan_ack ack = {
		.lease = v[ARG2] == LAST_LEASE ? actor->lease : v[ARG2],
		.flags = v[ARG1],
		.reserved = v[ARG3],
	};

	return or_errno(ioctl(slot_of(actor, call, SLOT).fd, GOCHAN_IOC_ACK,
			      put_struct(actor, v[WHERE], &ack, sizeof(ack), 0)));
}

static long do_dup(struct actor *actor, const struct call *call)
{
	return keep(actor, call, SLOT2,
		    ioctl(slot_of(actor, call, SLOT).fd, GOCHAN_IOC_DUP, call->args.v[ARG1]));
}

static void name_path(const struct call *call, char *path, size_t size)
{
	snprintf(path, size, FOLDER "%s", names[call->args.v[ARG1]]);
}

static long do_link(struct actor *actor, const struct call *call)
{
	const int fd = slot_of(actor, call, SLOT).fd;
	char self[64], path[256];
	struct statfs fs;

	/*
	 * Handles on /dev/gochan cannot be named. While another actor reloads the module
	 * no gochanfs is mounted, and this would make a hard link on the devtmpfs below.
	 */
	if (!fstatfs(fd, &fs) && fs.f_type != GOCHAN_SUPER_MAGIC)
		return -EXDEV;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	name_path(call, path, sizeof(path));
	return or_errno(linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW));
}

/* The next programs need /dev unchanged. */
static bool is_outside(const struct call *call)
{
	return !strcmp(names[call->args.v[ARG1]], "..");
}

static long do_unlink(struct actor *actor, const struct call *call)
{
	char path[256];

	(void)actor;
	if (is_outside(call))
		return -EINVAL;
	name_path(call, path, sizeof(path));
	return or_errno(unlink(path));
}

static long do_open(struct actor *actor, const struct call *call)
{
	char path[256];

	name_path(call, path, sizeof(path));
	return keep(actor, call, SLOT, open(path, call->args.v[ARG2] | O_CLOEXEC, 0600));
}

static long do_reopen(struct actor *actor, const struct call *call)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", slot_of(actor, call, SLOT).fd);
	return keep(actor, call, SLOT2, open(path, call->args.v[ARG2] | O_CLOEXEC, 0600));
}

/* ---- ioctls ---- */

static long do_ops(struct actor *actor, const struct call *call)
{
	return call_ops(actor, call, slot_of(actor, call, SLOT));
}

static long do_next_len(struct actor *actor, const struct call *call)
{
	const int zero = 0;

	return or_errno(ioctl(slot_of(actor, call, SLOT).fd, FIONREAD,
			      put_struct(actor, call->args.v[WHERE], &zero, sizeof(zero), 0)));
}

static long do_other_ioctl(struct actor *actor, const struct call *call)
{
	const struct slot slot = slot_of(actor, call, SLOT);
	const unsigned int cmd = call->args.v[ARG1];
	char blank[256] = {};
	long ret;

	ret = or_errno(ioctl(slot.fd, cmd, put_struct(actor, call->args.v[WHERE], blank,
						      sizeof(blank), 0)));
	if (_IOC_TYPE(cmd) == GOCHAN_IOC_MAGIC && ret != -ENOTTY && slot_unchanged(actor, slot) &&
	    (_IOC_NR(cmd) == 0 || _IOC_NR(cmd) > 8))
		violation(actor, "an unknown ioctl returned %ld", ret);
	return ret;
}

/* ---- read and write ---- */

/* The arguments of a read or write: one buffer, or two. */
struct transfer {
	struct slot slot;
	enum place place;
	size_t len;
	size_t piece;		/* in a ledger: the size of a message */
	char *buf;
	struct iovec iov[2];
};

static bool is_fixed(const struct actor *actor, struct slot slot)
{
	return slot.at < SLOTS && actor->process->fixed[slot.at];
}

static size_t piece_of(const struct actor *actor, struct slot slot, size_t len)
{
	return is_fixed(actor, slot) ? actor->process->msg_size[slot.at] : len;
}

static struct transfer transfer(struct actor *actor, const struct call *call)
{
	const bool two = call->kind == READV || call->kind == WRITEV;
	struct transfer t = {
		.slot = slot_of(actor, call, SLOT),
		.place = call->args.v[BUF],
		.len = call->args.v[LEN],
	};

	t.piece = piece_of(actor, t.slot, t.len);
	t.buf = address(actor, t.place, t.len, 0);
	t.iov[0] = (struct iovec){ t.buf, t.len };
	if (!two)
		return t;
	t.iov[0].iov_len = t.len / 2;
	t.iov[1] = (struct iovec){ t.buf + t.len / 2, t.len - t.len / 2 };
	if (call->args.v[ARG3] != OWN) {
		t.iov[1].iov_base = address(actor, call->args.v[ARG3], t.len, 0);
		t.place = SHARED0;	/* so that it is not checked */
	}
	return t;
}

static bool can_be_checked(const struct transfer *t)
{
	return t->place == OWN && t->len + CANARY_LEN <= MESSAGES;
}

static void check_read(struct actor *actor, struct transfer *t, long ret)
{
	const size_t got = ret >= 0 ? (size_t)ret : t->len;
	const size_t begin = is_fixed(actor, t->slot) ? got : 0;

	if (!slot_unchanged(actor, t->slot))
		return;
	if (ret > 0 && (size_t)ret > t->len)
		violation(actor, "%ld bytes received into a buffer of %zu", ret, t->len);
	if (!can_be_checked(t)) {
		if (ret > 0)
			ledger_unknown(actor, ret / piece_of(actor, t->slot, ret));
		return;
	}
	if (!buffer_is_clean(actor, t->buf + begin, got - begin, t->len - begin))
		violation(actor, "bytes after the message were written");
	if (ret > 0)
		ledger_received(actor, t->buf, ret, piece_of(actor, t->slot, ret), false);
}

static long do_read(struct actor *actor, const struct call *call)
{
	struct transfer t = transfer(actor, call);
	long ret;

	if (can_be_checked(&t))
		canary_set(t.buf, t.len + CANARY_LEN);
	if (call->kind == READ)
		ret = read(t.slot.fd, t.buf, t.len);
	else
		ret = preadv2(t.slot.fd, t.iov, 2, call->args.v[ARG2], call->args.v[ARG1]);
	ret = or_errno(ret);
	check_read(actor, &t, ret);
	return ret;
}

static long do_write(struct actor *actor, const struct call *call)
{
	struct transfer t = transfer(actor, call);
	struct message_batch batch = {};
	long ret;

	if (t.place == OWN && t.len <= OP_ROOM)
		batch = ledger_write(actor, t.buf, t.len, t.piece);
	if (call->kind == WRITE)
		ret = write(t.slot.fd, t.buf, t.len);
	else
		ret = pwritev2(t.slot.fd, t.iov, 2, call->args.v[ARG2], call->args.v[ARG1]);
	ret = or_errno(ret);
	if (batch.count)
		ledger_sent(actor, batch, ret > 0 ? ret / batch.piece : 0, t.slot.at == 0);
	if (ret > 0 && slot_unchanged(actor, t.slot) && (size_t)ret > t.len)
		violation(actor, "%ld bytes sent of %zu", ret, t.len);
	return ret;
}

/* ---- waiting ---- */

static long do_poll(struct actor *actor, const struct call *call)
{
	struct pollfd pfds[] = {
		{ .fd = slot_of(actor, call, SLOT).fd, .events = call->args.v[ARG1] },
		{ .fd = slot_of(actor, call, SLOT2).fd, .events = call->args.v[ARG1] },
	};

	return or_errno(poll(pfds, 2, call->args.v[ARG2]));
}

static long do_epoll_ctl(struct actor *actor, const struct call *call)
{
	struct epoll_event event = { .events = call->args.v[ARG2] };

	return or_errno(epoll_ctl(slot_of(actor, call, SLOT).fd, call->args.v[ARG1],
				  slot_of(actor, call, SLOT2).fd, &event));
}

static long do_epoll_wait(struct actor *actor, const struct call *call)
{
	struct epoll_event events[4];

	return or_errno(epoll_wait(slot_of(actor, call, SLOT).fd, events, 4, call->args.v[ARG2]));
}

static void prepare_request(struct actor *actor, const struct call *call, struct io_uring *ring)
{
	const int fd = slot_of(actor, call, SLOT).fd;
	void *buf = address(actor, call->args.v[BUF], call->args.v[LEN], 0);
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	if (call->args.v[ARG1] == 1)
		io_uring_prep_write(sqe, fd, buf, call->args.v[LEN], -1);
	else if (call->args.v[ARG1] == 2)
		io_uring_prep_poll_add(sqe, fd, POLLIN | POLLOUT);
	else
		io_uring_prep_read(sqe, fd, buf, call->args.v[LEN], -1);
	io_uring_sqe_set_data64(sqe, 1);
	if (call->args.v[ARG1] == 3)
		io_uring_prep_cancel64(io_uring_get_sqe(ring), 1, 0);
}

static long do_uring(struct actor *actor, const struct call *call)
{
	struct __kernel_timespec limit = { .tv_nsec = 2000000 };
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	long ret;

	ret = io_uring_queue_init(4, &ring, 0);
	if (ret)
		return ret;
	prepare_request(actor, call, &ring);
	io_uring_submit(&ring);
	io_uring_wait_cqe_timeout(&ring, &cqe, &limit);
	io_uring_queue_exit(&ring);
	return 0;
}

/* ---- descriptors ---- */

static long async_on(int fd)
{
	struct f_owner_ex owner = { .type = F_OWNER_TID, .pid = gettid() };

	fcntl(fd, F_SETOWN_EX, &owner);
	return or_errno(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC));
}

static long do_fcntl(struct actor *actor, const struct call *call)
{
	const int fd = slot_of(actor, call, SLOT).fd;
	const int flags = fcntl(fd, F_GETFL);

	switch ((enum fcntl_act)call->args.v[ARG1]) {
	case NONBLOCK_ON:
		return or_errno(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
	case NONBLOCK_OFF:
		return or_errno(fcntl(fd, F_SETFL, flags & ~O_NONBLOCK));
	case ASYNC_ON:
		return async_on(fd);
	case ASYNC_OFF:
		return or_errno(fcntl(fd, F_SETFL, flags & ~O_ASYNC));
	default:
		return or_errno(fcntl(fd, F_SETFD, FD_CLOEXEC));
	}
}

static long do_close(struct actor *actor, const struct call *call)
{
	if (call->args.v[SLOT] < SLOTS)
		slot_put(actor, call->args.v[SLOT], -1, false);
	return 0;
}

static long do_dup2(struct actor *actor, const struct call *call)
{
	return keep(actor, call, SLOT2, dup(slot_of(actor, call, SLOT).fd));
}

static int new_timer(void)
{
	const struct itimerspec soon = { .it_value.tv_nsec = 3000000 };
	const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd >= 0)
		timerfd_settime(fd, 0, &soon, NULL);
	return fd;
}

static int new_signalfd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int new_single(enum new_fd which)
{
	switch (which) {
	case EVENT:
		return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	case TIMER:
		return new_timer();
	case NULL_DEVICE:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	case EPOLL:
		return epoll_create1(EPOLL_CLOEXEC);
	case PIDFD:
		return syscall(SYS_pidfd_open, getpid(), 0);
	default:
		return new_signalfd();
	}
}

static long do_new_fd(struct actor *actor, const struct call *call)
{
	const int sockets = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
	const enum new_fd which = call->args.v[ARG1];
	int fds[2], ret;

	if (which == PIPE)
		ret = pipe2(fds, O_CLOEXEC | O_NONBLOCK);
	else if (which == SOCKETS)
		ret = socketpair(AF_UNIX, sockets, 0, fds);
	else
		return keep(actor, call, SLOT, new_single(which));
	if (ret)
		return -errno;
	keep(actor, call, SLOT, fds[0]);
	return keep(actor, call, SLOT2, fds[1]);
}

union fd_control {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

static long do_send_fd(struct actor *actor, const struct call *call)
{
	const int fd = slot_of(actor, call, SLOT2).fd;
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	union fd_control control = {};
	const struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	return or_errno(sendmsg(slot_of(actor, call, SLOT).fd, &msg, MSG_DONTWAIT));
}

static long do_recv_fd(struct actor *actor, const struct call *call)
{
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	union fd_control control = {};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(slot_of(actor, call, SLOT).fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
		return -errno;
	if (!CMSG_FIRSTHDR(&msg))
		return -ENOMSG;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return keep(actor, call, SLOT2, fd);
}

/* ---- others ---- */

static long do_signal(struct actor *actor, const struct call *call)
{
	const unsigned int to = call->args.v[ARG1];
	const struct board *board = actor->board;

	if (to >= actor->prog->actors || !board->actors[to].tid)
		return -ESRCH;
	return or_errno(syscall(SYS_tgkill, board->actors[to].pid, board->actors[to].tid,
				(int)call->args.v[ARG2]));
}

/* Fork a process that holds all descriptors for a while. */
static long do_fork(struct actor *actor, const struct call *call)
{
	const pid_t pid = fork();

	(void)actor;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		usleep(call->args.v[ARG1]);
		_exit(0);
	}
	return or_errno(pid);
}

/* A copy of a device node must not open. */
static long copy_node(struct actor *actor, const char *path)
{
	char copy[64];
	struct stat st;
	int fd;

	if (stat(path, &st) || !S_ISCHR(st.st_mode))
		return -errno;
	snprintf(copy, sizeof(copy), "/tmp/copy-%u", actor->index);
	unlink(copy);
	if (mknod(copy, S_IFCHR | 0666, st.st_rdev))
		return -errno;
	fd = open(copy, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0) {
		violation(actor, "a copy of a node could be opened");
		close(fd);
	}
	unlink(copy);
	return 0;
}

/* Is there a file on a gochanfs that is neither a channel nor a directory? */
static bool is_stray(const char *path)
{
	const int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct statfs fs;
	struct stat st;
	bool stray;

	if (fd < 0)
		return false;
	stray = !fstatfs(fd, &fs) && fs.f_type == GOCHAN_SUPER_MAGIC && !fstat(fd, &st) &&
		!S_ISDIR(st.st_mode) && !(S_ISCHR(st.st_mode) && !st.st_rdev);
	close(fd);
	return stray;
}

/* Only channels and directories can be made. */
static long create_file(struct actor *actor, const char *path)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	mknod(path, S_IFCHR | 0600, makedev(1, 3));
	symlink("/dev/null", path);
	if (is_stray(path))
		violation(actor, "a file was created");
	return 0;
}

/* An instance that is detached while a named channel is open. */
static long mount_and_detach(const struct actor *actor)
{
	char dir[64], path[80];
	int ch, ret;

	snprintf(dir, sizeof(dir), "/tmp/mount-%u-%d", actor->index, getpid());
	mkdir(dir, 0700);
	ret = or_errno(mount("gochan", dir, "gochan", 0, NULL));
	if (!ret) {
		snprintf(path, sizeof(path), "%s/x", dir);
		ch = ch_unnamed_in(dir, 0600);
		ch_link_at(ch, path);
		umount2(dir, MNT_DETACH);
		close(ch);
	}
	rmdir(dir);
	return ret;
}

static long do_node(struct actor *actor, const struct call *call)
{
	char path[256], other[64];

	if (is_outside(call))
		return -EINVAL;
	name_path(call, path, sizeof(path));
	switch ((enum node_act)call->args.v[ARG2]) {
	case CHMOD:
		return or_errno(chmod(path, call->args.v[ARG3] & 0777));
	case CHOWN:
		return or_errno(chown(path, call->args.v[ARG3] & 1 ? 0 : USER_ID, -1));
	case REMOVE:
		return or_errno(remove(path));
	case RENAME:
		snprintf(other, sizeof(other), FOLDER "moved-%u", actor->index);
		return or_errno(rename(path, other));
	case COPY:
		return copy_node(actor, path);
	case EXCHANGE:
		return or_errno(renameat2(AT_FDCWD, path, AT_FDCWD, FOLDER "fz-b",
					  RENAME_EXCHANGE));
	case MAKE_DIR:
		return or_errno(mkdir(path, call->args.v[ARG3] & 0777));
	case CREATE:
		return create_file(actor, path);
	case LIST:
		return or_errno(access(FOLDER, R_OK));
	case DETACH:
		return mount_and_detach(actor);
	default:
		return -EINVAL;
	}
}

static long do_param(struct actor *actor, const struct call *call)
{
	const unsigned int which = call->args.v[ARG1];

	(void)actor;
	if (call->args.v[ARG2] == DEFAULT)
		return param_reset(which);
	return param_set(which, call->args.v[ARG2]);
}

static long do_reload(struct actor *actor, const struct call *call)
{
	long ret = module_unload();

	(void)call;
	if (ret)
		return ret;
	__atomic_store_n(&actor->board->reloaded, true, __ATOMIC_SEQ_CST);
	return module_load("");
}

static void write_map(const char *path, const char *text)
{
	write_text(path, text);
}

/* Works only in a single-threaded process. */
static long enter_user_namespace(void)
{
	char map[64];

	if (unshare(CLONE_NEWUSER))
		return -errno;
	write_map("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", USER_ID);
	write_map("/proc/self/uid_map", map);
	write_map("/proc/self/gid_map", map);
	return 0;
}

/* By syscall(2), as the C library's functions change all threads. */
static long set_user(uid_t uid)
{
	if (uid && syscall(SYS_setresgid, uid, uid, 0))
		return -errno;
	if (syscall(SYS_setresuid, uid, uid, 0))
		return -errno;
	if (!uid && syscall(SYS_setresgid, 0, 0, 0))
		return -errno;
	return 0;
}

static long do_user(struct actor *actor, const struct call *call)
{
	const uid_t uid = call->args.v[ARG1];
	long ret;

	if (uid == NAMESPACE_ROOT && actor->index == SETUP_ACTOR)
		return 0;
	set_user(0);
	ret = set_user(uid == NAMESPACE_ROOT ? USER_ID : uid);
	/* else /proc/self would be owned by root */
	prctl(PR_SET_DUMPABLE, 1);
	if (ret || uid != NAMESPACE_ROOT)
		return ret;
	return enter_user_namespace();
}

static long do_memory(struct actor *actor, const struct call *call)
{
	return or_errno(change_memory(actor->process, call->args.v[BUF], call->args.v[ARG1]));
}

static long do_pause(struct actor *actor, const struct call *call)
{
	(void)actor;
	return or_errno(usleep(call->args.v[ARG1]));
}

static long do_fdinfo(struct actor *actor, const struct call *call)
{
	char path[64], text[1024];

	snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", slot_of(actor, call, SLOT).fd);
	return read_text(path, text, sizeof(text));
}

static long through_pipe(int fd, enum misc how)
{
	int pipe_fds[2];
	long ret;

	if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	if (how == SPLICE_IN) {
		ret = or_errno(write(pipe_fds[1], "0123456789abcdef", 16));
		if (ret > 0)
			ret = or_errno(splice(pipe_fds[0], NULL, fd, NULL, 16, SPLICE_F_NONBLOCK));
	} else {
		ret = or_errno(splice(fd, NULL, pipe_fds[1], NULL, 4096, SPLICE_F_NONBLOCK));
	}
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	return ret;
}

static long do_misc(struct actor *actor, const struct call *call)
{
	const int fd = slot_of(actor, call, SLOT).fd;
	const enum misc how = call->args.v[ARG1];
	struct stat st;

	switch (how) {
	case SEEK:
		return or_errno(lseek(fd, 1, SEEK_SET));
	case MMAP:
		return mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -errno : 0;
	case SYNC:
		return or_errno(fsync(fd));
	case RESIZE:
		return or_errno(ftruncate(fd, 1));
	case SPLICE_IN:
	case SPLICE_OUT:
		return through_pipe(fd, how);
	case SENDFILE_IN:
		return or_errno(sendfile(fd, actor->process->truncated_fd, NULL, 16));
	case SENDFILE_OUT:
		return or_errno(sendfile(actor->process->truncated_fd, fd, NULL, 16));
	case LOCK:
		return or_errno(flock(fd, LOCK_EX | LOCK_NB));
	case STAT:
		return or_errno(fstat(fd, &st));
	default:
		return or_errno(pread(fd, actor->own, 16, 8));
	}
}

static long do_limit(struct actor *actor, const struct call *call)
{
	struct rlimit limit;

	(void)actor;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = call->args.v[ARG1];
	return or_errno(setrlimit(RLIMIT_NOFILE, &limit));
}

static long (*const handlers[KINDS])(struct actor *actor, const struct call *call) = {
	[MAKE] = do_make, [SETUP] = do_setup, [INFO] = do_info, [CLOSE_CHANNEL] = do_close_channel,
	[ACK] = do_ack, [DUP] = do_dup,
	[LINK] = do_link, [UNLINK] = do_unlink, [OPEN] = do_open, [SELECT] = do_ops,
	[BATCH] = do_ops, [NEXT_LEN] = do_next_len, [OTHER_IOCTL] = do_other_ioctl,
	[READ] = do_read,
	[WRITE] = do_write, [READV] = do_read, [WRITEV] = do_write, [POLL] = do_poll,
	[EPOLL_CTL] = do_epoll_ctl, [EPOLL_WAIT] = do_epoll_wait, [URING] = do_uring,
	[FCNTL] = do_fcntl, [CLOSE] = do_close, [DUP2] = do_dup2, [REOPEN] = do_reopen,
	[NEW_FD] = do_new_fd, [SEND_FD] = do_send_fd, [RECV_FD] = do_recv_fd,
	[SIGNAL] = do_signal, [FORK] = do_fork, [NODE] = do_node, [PARAM] = do_param,
	[RELOAD] = do_reload, [BECOME] = do_user, [MEMORY] = do_memory, [PAUSE] = do_pause,
	[FDINFO] = do_fdinfo, [MISC] = do_misc, [LIMIT] = do_limit,
};

/*
 * Let the nth allocation or copy of the thread fail, 0 for none. It may be the copy of
 * this write(2) itself, which is then repeated.
 */
static void inject(const struct actor *actor, unsigned int which)
{
	char text[16];
	const int len = snprintf(text, sizeof(text), "%u", which);

	while (actor->fail_fd >= 0 && pwrite(actor->fail_fd, text, len, 0) < 0 && errno == EFAULT)
		;
}

/* A fault while the kernel sets up a signal handler would kill the process. */
static void block_signals(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGIO);
	pthread_sigmask(how, &set, NULL);
}

static long do_with_fault(struct actor *actor, const struct call *call)
{
	long ret;

	block_signals(SIG_BLOCK);
	inject(actor, call->fail);
	ret = handlers[call->kind](actor, call);
	inject(actor, 0);
	block_signals(SIG_UNBLOCK);
	return ret;
}

void do_call(struct actor *actor, const struct call *call)
{
	const struct slot slot = slot_of(actor, call, SLOT);
	const bool on_slot = specs[call->kind].fields[SLOT].choices && call->kind != MAKE &&
			     call->kind != OPEN && call->kind != NEW_FD;
	long ret;

	actor->call = call;
	/* fork makes many allocations, none of them the module's, and warns */
	if (call->fail && call->kind != FORK)
		ret = do_with_fault(actor, call);
	else
		ret = handlers[call->kind](actor, call);
	if (!on_slot || slot_unchanged(actor, slot))
		check_result(actor, call, ret);
}
