// SPDX-License-Identifier: GPL-2.0
#include "stall.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common.h"

/* Map it at @where, or anywhere for NULL. */
int stall_at(struct stalled *stalled, void *where, size_t len)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	stalled->len = (len + page_size() - 1) & -page_size();
	stalled->map = mmap(where, stalled->len, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | (where ? MAP_FIXED : 0), -1, 0);
	stalled->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (stalled->map == MAP_FAILED || stalled->uffd < 0)
		return -errno;
	reg.range.start = (unsigned long)stalled->map;
	reg.range.len = stalled->len;
	if (ioctl(stalled->uffd, UFFDIO_API, &api) || ioctl(stalled->uffd, UFFDIO_REGISTER, &reg))
		return -errno;
	return 0;
}

int stall(struct stalled *stalled, size_t len)
{
	return stall_at(stalled, NULL, len);
}

/* Wait until a task is blocked in a fault on it. */
bool wait_stalled(const struct stalled *stalled)
{
	struct pollfd pfd = { .fd = stalled->uffd, .events = POLLIN };
	struct uffd_msg msg;

	return poll(&pfd, 1, WAIT_LIMIT * 1000) == 1 &&
	       read(stalled->uffd, &msg, sizeof(msg)) == sizeof(msg);
}

/* Unmap it: a task blocked on it gets EFAULT. */
void vanish(const struct stalled *stalled)
{
	munmap(stalled->map, stalled->len);
	close(stalled->uffd);
}

/* Resolve the fault, with as many bytes of content as the memory has. */
int arrive(const struct stalled *stalled, const void *content)
{
	struct uffdio_copy copy = {
		.dst = (unsigned long)stalled->map,
		.src = (unsigned long)content,
		.len = stalled->len,
	};

	return ioctl(stalled->uffd, UFFDIO_COPY, &copy) ? -errno : 0;
}
