// SPDX-License-Identifier: GPL-2.0
/*
 * Creating, duplicating, closing and inspecting channels. Names are in name.c,
 * sending and receiving in message.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "debug.h"
#include "gochan.h"
#include "internal.h"
#include "race.h"

/*
 * Sizes of struct gochan_info in the versions of the interface; the number of the
 * ioctl contains it. Its first member is the version.
 */
static const unsigned int info_sizes[] = {
	sizeof(struct gochan_info),
	144,	/* version 2 */
	128,	/* version 1 */
};

enum { MAX_INFO_SIZE = 512 };

/* A channel has GOCHAN_IOC_DUP in every version. */
static bool is_channel(int fd)
{
	int copy = ioctl(fd, GOCHAN_IOC_DUP, O_RDONLY), flags;

	if (copy >= 0) {
		close_fd(copy);
		return true;
	}
	if (errno == EACCES)
		return true;
	if (errno != EBADF)
		return false;
	/* A handle for neither direction knows only its own GOCHAN_IOC_INFO. */
	flags = fcntl(fd, F_GETFL);
	return flags >= 0 && (flags & O_ACCMODE) == O_ACCMODE;
}

int gochan_abi(int ch)
{
	uint32_t info[MAX_INFO_SIZE / sizeof(uint32_t)];

	for (size_t i = 0; i < sizeof(info_sizes) / sizeof(info_sizes[0]); i++) {
		if (ioctl(ch, _IOC(_IOC_READ, GOCHAN_IOC_MAGIC, _IOC_NR(GOCHAN_IOC_INFO),
				   info_sizes[i]), info) == 0)
			return (int)info[0];
		if (errno != ENOTTY && errno != EBADF)
			return -1;
	}
	if (is_channel(ch))
		return GOCHAN_ABI + 1;
	if (errno != EBADF)
		errno = ENOTTY;
	return -1;
}

int gochan_apply_setup(int ch, const struct gochan_setup *setup)
{
	int err = ioctl(ch, GOCHAN_IOC_SETUP, setup) < 0 ? errno : 0;
	/* No earlier, because SETUP has to be the first operation. */
	int abi = gochan_abi(ch);

	if (abi < 0)
		return -1;
	/* Another version explains any error of SETUP. */
	if (abi != GOCHAN_ABI)
		err = abi < GOCHAN_ABI ? EOPNOTSUPP : EPROTONOSUPPORT;
	if (!err)
		return 0;
	errno = err;
	return -1;
}

static int make(const struct gochan_setup *setup)
{
	int ch = open(DEV_GOCHAN, O_RDWR | O_CLOEXEC);

	if (ch < 0)
		return -1;
	if (gochan_apply_setup(ch, setup) == 0)
		return ch;
	close_fd(ch);
	return -1;
}

int gochan_make(uint32_t capacity, uint32_t msg_size, uint32_t flags)
{
	const struct gochan_setup setup = {
		.capacity = capacity,
		.msg_size = msg_size,
		.flags = flags,
	};
	struct watched w;
	int ch;

	watch_begin(&w, __func__, NULL);
	ch = make(&setup);
	return watch_end(&w, ch, ch);
}

int gochan_make_with(const struct gochan_setup *setup)
{
	struct watched w;
	int ch;

	watch_begin(&w, __func__, NULL);
	ch = make(setup);
	return watch_end(&w, ch, ch);
}

int gochan_pair(int fds[2], uint32_t capacity, uint32_t msg_size, uint32_t flags)
{
	int ch, receiver, sender;

	ch = gochan_make(capacity, msg_size, flags);
	if (ch < 0)
		return -1;
	receiver = gochan_dup(ch, O_RDONLY);
	if (receiver < 0)
		goto close_ch;
	sender = gochan_dup(ch, O_WRONLY);
	if (sender < 0)
		goto close_receiver;
	close_fd(ch);
	fds[0] = receiver;
	fds[1] = sender;
	return 0;

close_receiver:
	close_fd(receiver);
close_ch:
	close_fd(ch);
	return -1;
}

int gochan_dup(int ch, int oflags)
{
	struct watched w;

	watch_begin(&w, __func__, NULL);
	return watch_end(&w, ch, ioctl(ch, GOCHAN_IOC_DUP, (unsigned long)(oflags & ~O_CLOEXEC)));
}

int gochan_close(int ch)
{
	/* Close happens before a receive that sees end of file because of it (R18). */
	const struct gochan_op end = { .fd = ch, .opcode = GOCHAN_OP_RECV };
	struct watched w;

	watch_begin(&w, __func__, NULL);
	gochan_race_before(&end, 1);
	return watch_end(&w, ch, ioctl(ch, GOCHAN_IOC_CLOSE, 0));
}

int gochan_info(int ch, struct gochan_info *info)
{
	struct watched w;

	watch_begin(&w, __func__, NULL);
	return watch_end(&w, ch, ioctl(ch, GOCHAN_IOC_INFO, info));
}

ssize_t gochan_len(int ch)
{
	struct gochan_info info;

	if (gochan_info(ch, &info) < 0)
		return -1;
	return (ssize_t)info.len;
}

ssize_t gochan_cap(int ch)
{
	struct gochan_info info;

	if (gochan_info(ch, &info) < 0)
		return -1;
	return (ssize_t)info.capacity;
}
