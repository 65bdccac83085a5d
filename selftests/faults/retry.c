// SPDX-License-Identifier: GPL-2.0
/*
 * Wrappers (ld --wrap) for the calls that other selftests make on channels. Each
 * call is made with its first, its second, ... request to the kernel failing, and
 * is repeated when it is refused for that. So a test passes only if a refused call
 * has no effect. A call that a failure has cut short (R11, R15) is continued.
 *
 * A call that may block is first made without blocking. If that fails for another
 * reason, the call is made as the test has it, without fault injection: a blocked
 * call that was refused and repeated would be queued anew, while the test may
 * depend on the order in the wait queue. fault.c tests blocked calls.
 *
 * Each call site tries all its failures again and again at first, and later only
 * now and then, to save time. How many calls were refused is printed at the end;
 * it is an error if none was.
 */
#include "retry.h"

#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/gochan.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Our descriptors begin here, out of the way of the tests'. */
#define OUR_FDS		600

/* So many calls of a site are tried, and then one of EACH. */
#define AT_FIRST	24
#define EACH		32

/* Longer ones are not tried. */
#define MOST_SEGMENTS	64
#define MOST_OPS	64

/* Shared by all processes of a program. */
static struct counts {
	unsigned long calls;	/* that were tried */
	unsigned long refused;
	unsigned long absorbed;	/* succeeded in spite of a failure */
	unsigned long cut;	/* succeeded in part */
} *counts;

/*
 * A call site, and which of its requests fails next. If two collide in the table,
 * or two threads are at one, they only try some other failure.
 */
struct site {
	unsigned long calls;
	unsigned int next;
};

static struct site sites[1024];

/* A descriptor that poll always finds ready. */
static int ready_fd;

/* A call that is being tried. */
struct try {
	struct site *site;
	int fd;			/* -1: no fault injection */
	unsigned int n;
	bool hit;
	sigset_t signals;
};

__attribute__((constructor)) static void begin(void)
{
	const int ret = inject_setup();

	/* programs that a test runs as another user go without */
	if (ret == -EACCES)
		return;
	if (ret) {
		printf("no faults can be injected: %s\n", strerror(-ret));
		exit(1);
	}
	ready_fd = fcntl(open("/dev/null", O_RDWR | O_CLOEXEC), F_DUPFD_CLOEXEC, OUR_FDS);
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (counts == MAP_FAILED)
		abort();
}

__attribute__((destructor)) static void end(void)
{
	if (!counts)
		return;
	printf("# faults: %lu calls, %lu refused, %lu absorbed, %lu cut short\n", counts->calls,
	       counts->refused, counts->absorbed, counts->cut);
	fflush(stdout);
	if (!counts->refused)
		_exit(1);
}

static void count(unsigned long *what)
{
	__atomic_fetch_add(what, 1, __ATOMIC_RELAXED);
}

static struct site *find_site(const void *caller, unsigned long which)
{
	const uint64_t key = ((uintptr_t)caller * 31 + which) * 0x9e3779b97f4a7c15ULL;

	return &sites[key >> 54];
}

/*
 * Begin to try a call, if it is its turn and a descriptor is free. Signals are
 * blocked meanwhile: setting up a signal frame should not be what fails. But not
 * SIGCHLD, which no test handles: blocked here it would not be ignored but would
 * go to another thread, restart its blocked call, and so queue that anew.
 */
static struct try try_begin(const void *caller, unsigned long which)
{
	struct try t = { .site = find_site(caller, which), .fd = -1 };
	const unsigned long calls = __atomic_fetch_add(&t.site->calls, 1, __ATOMIC_RELAXED);
	sigset_t all;
	int fd;

	if (!counts || (calls >= AT_FIRST && calls % EACH))
		return t;
	fd = inject_open();
	if (fd < 0)
		return t;
	t.fd = __real_fcntl(fd, F_DUPFD_CLOEXEC, OUR_FDS);
	syscall(SYS_close, fd);
	if (t.fd < 0)
		return t;
	sigfillset(&all);
	sigdelset(&all, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &all, &t.signals);
	t.n = __atomic_load_n(&t.site->next, __ATOMIC_RELAXED);
	count(&counts->calls);
	return t;
}

static bool is_tried(const struct try *t)
{
	return t->fd >= 0;
}

static void try_on(struct try *t)
{
	if (is_tried(t))
		inject_nth(t->fd, ++t->n);
}

/* Has the call to be repeated, which returned this? */
static bool try_again(struct try *t, long ret)
{
	const int error = errno;

	if (!is_tried(t))
		return false;
	if (t->n >= INJECT_MOST)
		abort();
	t->hit = inject_end(t->fd);
	errno = error;
	if (!t->hit || ret >= 0 || (error != ENOMEM && error != EFAULT))
		return false;
	count(&counts->refused);
	return true;
}

/* The site continues with the next request, or with the first if there is none. */
static void try_end(struct try *t)
{
	const int error = errno;

	if (!is_tried(t))
		return;
	if (t->hit)
		count(&counts->absorbed);
	__atomic_store_n(&t->site->next, t->hit ? t->n : 0, __ATOMIC_RELAXED);
	syscall(SYS_close, t->fd);
	pthread_sigmask(SIG_SETMASK, &t->signals, NULL);
	errno = error;
}

/* ---- reads and writes ---- */

/* One of the six calls that read or write. */
struct transfer {
	int fd;
	const struct iovec *iov;
	int count;
	int flags;
	bool is_vector;
	bool has_flags;
	bool out;
};

static ssize_t transfer_plain(const struct transfer *x)
{
	const struct iovec *iov = x->iov;

	if (!x->is_vector)
		return x->out ? __real_write(x->fd, iov->iov_base, iov->iov_len) :
				__real_read(x->fd, iov->iov_base, iov->iov_len);
	if (!x->has_flags)
		return x->out ? __real_writev(x->fd, iov, x->count) :
				__real_readv(x->fd, iov, x->count);
	return x->out ? __real_pwritev2(x->fd, iov, x->count, -1, x->flags) :
			__real_preadv2(x->fd, iov, x->count, -1, x->flags);
}

static ssize_t transfer_now(const struct transfer *x)
{
	const int flags = x->flags | RWF_NOWAIT;

	return x->out ? __real_pwritev2(x->fd, x->iov, x->count, -1, flags) :
			__real_preadv2(x->fd, x->iov, x->count, -1, flags);
}

/* The rest of a vector, without its first @done bytes. */
static int iov_rest(struct iovec *rest, const struct iovec *iov, int count, size_t done)
{
	int i, n = 0;

	for (i = 0; i < count; i++) {
		const size_t skip = done < iov[i].iov_len ? done : iov[i].iov_len;

		done -= skip;
		if (iov[i].iov_len > skip)
			rest[n++] = (struct iovec){ (char *)iov[i].iov_base + skip,
						    iov[i].iov_len - skip };
	}
	return n;
}

static struct gochan_info info_of(int fd)
{
	struct gochan_info info = {};
	const int error = errno;

	if (syscall(SYS_ioctl, fd, GOCHAN_IOC_INFO, &info))
		info.abi = 0;
	errno = error;
	return info;
}

/*
 * Continue after some of several messages (R11). The rest of a write blocks if the
 * call does, a read takes only what is there.
 */
static ssize_t transfer_rest(const struct transfer *x, ssize_t done)
{
	const int error = errno;
	struct transfer more = *x;
	struct iovec rest[MOST_SEGMENTS];
	ssize_t ret;

	more.iov = rest;
	more.count = iov_rest(rest, x->iov, x->count, done);
	if (!more.count)
		return done;
	more.is_vector = true;
	ret = x->out ? transfer_plain(&more) : transfer_now(&more);
	errno = error;
	return ret > 0 ? done + ret : done;
}

static ssize_t transfer(const struct transfer *x, const void *caller)
{
	struct gochan_info info;
	struct try t;
	ssize_t ret;

	if (x->fd < 0 || x->count > MOST_SEGMENTS)
		return transfer_plain(x);
	/* Like a read or write this counts as the first use, which ends the setup. */
	info = info_of(x->fd);
	if (!info.abi)
		return transfer_plain(x);
	t = try_begin(caller, x->out);
	if (!is_tried(&t))
		return transfer_plain(x);
	do {
		try_on(&t);
		ret = transfer_now(x);
	} while (try_again(&t, ret));
	try_end(&t);
	if (ret < 0)
		return transfer_plain(x);
	if (!ret || !(info.flags & GOCHAN_FIXED))
		return ret;
	if (t.hit)
		count(&counts->cut);
	return transfer_rest(x, ret);
}

ssize_t __wrap_read(int fd, void *buf, size_t len)
{
	const struct iovec iov = { buf, len };
	const struct transfer x = { .fd = fd, .iov = &iov, .count = 1 };

	return transfer(&x, __builtin_return_address(0));
}

ssize_t __wrap_write(int fd, const void *buf, size_t len)
{
	const struct iovec iov = { (void *)buf, len };
	const struct transfer x = { .fd = fd, .iov = &iov, .count = 1, .out = true };

	return transfer(&x, __builtin_return_address(0));
}

ssize_t __wrap_readv(int fd, const struct iovec *iov, int count)
{
	const struct transfer x = { .fd = fd, .iov = iov, .count = count, .is_vector = true };

	return transfer(&x, __builtin_return_address(0));
}

ssize_t __wrap_writev(int fd, const struct iovec *iov, int count)
{
	const struct transfer x = {
		.fd = fd, .iov = iov, .count = count, .is_vector = true, .out = true,
	};

	return transfer(&x, __builtin_return_address(0));
}

ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int count, off_t at, int flags)
{
	const struct transfer x = {
		.fd = fd, .iov = iov, .count = count, .flags = flags, .is_vector = true,
		.has_flags = true,
	};

	if (at != -1)
		return __real_preadv2(fd, iov, count, at, flags);
	return transfer(&x, __builtin_return_address(0));
}

ssize_t __wrap_pwritev2(int fd, const struct iovec *iov, int count, off_t at, int flags)
{
	const struct transfer x = {
		.fd = fd, .iov = iov, .count = count, .flags = flags, .is_vector = true,
		.has_flags = true, .out = true,
	};

	if (at != -1)
		return __real_pwritev2(fd, iov, count, at, flags);
	return transfer(&x, __builtin_return_address(0));
}

/* ---- ioctls ---- */

/* The arguments of a SELECT or BATCH, to make the call again. */
struct saved {
	struct gochan_ops arg;
	struct gochan_op ops[MOST_OPS];
};

/*
 * Is this memory present and writable? If not, the test may be about that, and must
 * be the first to touch it.
 */
static bool is_usable(const void *at, size_t len)
{
	const uintptr_t page = sysconf(_SC_PAGESIZE);
	const uintptr_t first = (uintptr_t)at & -page;
	const size_t pages = ((uintptr_t)at + len - first + page - 1) / page;
	unsigned char present[16];
	size_t i;

	if (!at || pages > sizeof(present) || mincore((void *)first, pages * page, present))
		return false;
	for (i = 0; i < pages; i++)
		if (!(present[i] & 1))
			return false;
	return !madvise((void *)first, pages * page, MADV_POPULATE_WRITE);
}

static bool save_args(struct saved *saved, const struct gochan_ops *arg)
{
	const int error = errno;
	const struct gochan_op *ops;
	bool kept = false;

	if (!is_usable(arg, sizeof(*arg)))
		goto out;
	saved->arg = *arg;
	ops = (void *)(uintptr_t)arg->ops;
	if (!arg->count || arg->count > MOST_OPS || !is_usable(ops, arg->count * sizeof(*ops)))
		goto out;
	memcpy(saved->ops, ops, arg->count * sizeof(*ops));
	kept = true;
out:
	errno = error;
	return kept;
}

/* Restore the ops from @from on, and the index and flags of the call. */
static void restore_args(const struct saved *saved, struct gochan_ops *arg, unsigned int from)
{
	struct gochan_op *ops = (void *)(uintptr_t)saved->arg.ops;
	unsigned int i;

	arg->index = saved->arg.index;
	arg->flags = saved->arg.flags;
	for (i = from; i < saved->arg.count; i++) {
		ops[i].len = saved->ops[i].len;
		ops[i].result = saved->ops[i].result;
		ops[i].passed_fd = saved->ops[i].passed_fd;
	}
}

/*
 * Continue a batch after some of its ops (R15). A POLL op that is ready comes
 * first, so that this call, too, has completed an op, and a signal does not
 * restart it.
 */
static int batch_rest(int fd, const struct saved *saved, struct gochan_ops *arg, int done)
{
	const int error = errno;
	struct gochan_op *ops = (void *)(uintptr_t)saved->arg.ops;
	struct gochan_ops more = saved->arg;
	struct gochan_op all[MOST_OPS + 1];
	int ret;

	restore_args(saved, arg, done);
	all[0] = (struct gochan_op){ .fd = ready_fd, .opcode = GOCHAN_OP_POLL, .events = POLLOUT };
	more.count -= done;
	memcpy(all + 1, ops + done, more.count * sizeof(*ops));
	more.ops = (uintptr_t)all;
	if (more.flags & GOCHAN_WAITFORONE)
		more.flags |= GOCHAN_NONBLOCK;
	more.count++;
	ret = syscall(SYS_ioctl, fd, GOCHAN_IOC_BATCH, &more);
	errno = error;
	memcpy(ops + done, all + 1, (more.count - 1) * sizeof(*ops));
	done += ret > 1 ? ret - 1 : 0;
	arg->index = done;
	return done;
}

static int try_ops(int fd, unsigned long cmd, struct gochan_ops *arg, const void *caller)
{
	struct try t = { .fd = -1 };
	struct saved saved;
	int ret;

	if (save_args(&saved, arg))
		t = try_begin(caller, cmd);
	if (!is_tried(&t))
		return __real_ioctl(fd, cmd, arg);
	do {
		restore_args(&saved, arg, 0);
		arg->flags |= GOCHAN_NONBLOCK;
		try_on(&t);
		ret = __real_ioctl(fd, cmd, arg);
	} while (try_again(&t, ret));
	try_end(&t);
	arg->flags = saved.arg.flags;
	if (ret < 0) {
		restore_args(&saved, arg, 0);
		return __real_ioctl(fd, cmd, arg);
	}
	if (cmd == GOCHAN_IOC_SELECT || (unsigned int)ret == saved.arg.count || !ret)
		return ret;
	if (t.hit)
		count(&counts->cut);
	if (saved.arg.flags & GOCHAN_RESUME) {
		restore_args(&saved, arg, ret);
		arg->index = ret;
		return __real_ioctl(fd, cmd, arg);
	}
	return batch_rest(fd, &saved, arg, ret);
}

int __wrap_ioctl(int fd, unsigned long cmd, ...)
{
	const void *caller = __builtin_return_address(0);
	struct try t;
	va_list args;
	void *arg;
	int ret;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	if (_IOC_TYPE(cmd) != GOCHAN_IOC_MAGIC)
		return __real_ioctl(fd, cmd, arg);
	if (cmd == GOCHAN_IOC_SELECT || cmd == GOCHAN_IOC_BATCH)
		return try_ops(fd, cmd, arg, caller);
	t = try_begin(caller, cmd);
	do {
		try_on(&t);
		ret = __real_ioctl(fd, cmd, arg);
	} while (try_again(&t, ret));
	try_end(&t);
	return ret;
}

/* ---- the others ---- */

int __wrap_open(const char *path, int flags, ...)
{
	const void *caller = __builtin_return_address(0);
	struct try t = { .fd = -1 };
	va_list args;
	int ret, mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, int) : 0;
	va_end(args);
	if (!strncmp(path, "/dev/gochan", strlen("/dev/gochan")))
		t = try_begin(caller, flags);
	do {
		try_on(&t);
		ret = __real_open(path, flags, mode);
	} while (try_again(&t, ret));
	try_end(&t);
	return ret;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	struct try t = try_begin(__builtin_return_address(0), 0);
	int ret = 0;

	if (!is_tried(&t))
		return __real_poll(fds, count, timeout);
	do {
		try_on(&t);
		ret = __real_poll(fds, count, 0);
	} while (try_again(&t, ret));
	try_end(&t);
	return ret > 0 ? ret : __real_poll(fds, count, timeout);
}

int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
	struct try t = try_begin(__builtin_return_address(0), op);
	int ret;

	do {
		try_on(&t);
		ret = __real_epoll_ctl(epoll, op, fd, event);
	} while (try_again(&t, ret));
	try_end(&t);
	return ret;
}

/* Only F_SETFL, with O_ASYNC, makes a request. */
int __wrap_fcntl(int fd, int cmd, ...)
{
	const void *caller = __builtin_return_address(0);
	struct try t = { .fd = -1 };
	va_list args;
	void *arg;
	int ret;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	if (cmd == F_SETFL)
		t = try_begin(caller, cmd);
	do {
		try_on(&t);
		ret = __real_fcntl(fd, cmd, arg);
	} while (try_again(&t, ret));
	try_end(&t);
	return ret;
}
