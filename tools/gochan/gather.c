// SPDX-License-Identifier: GPL-2.0
/*
 * Printing what a run has written into files, in one piece: workers take turns by a lock
 * on a file, which the kernel releases if its holder dies.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gather.h"

int gather_lock_make(void)
{
	return memfd_create("lock", MFD_CLOEXEC);
}

static void set_lock(int lock, short type)
{
	struct flock range = { .l_type = type, .l_whence = SEEK_SET };

	while (fcntl(lock, F_SETLKW, &range) < 0 && errno == EINTR)
		;
}

/* Children of the run may still write to the file: leave its offset alone. */
static bool copy_file(int from, int to)
{
	static char part[65536];
	off_t offset = 0;
	ssize_t len;

	while ((len = pread(from, part, sizeof(part), offset)) > 0) {
		if (!write_all(to, part, (size_t)len))
			return false;
		offset += len;
	}
	return len == 0;
}

int gather_print(const struct runner *r, int lock)
{
	int err = 0;

	set_lock(lock, F_WRLCK);
	if (!copy_file(r->files[RUN_OUTPUT], STDOUT_FILENO))
		err = -errno;
	copy_file(r->files[RUN_ERRORS], STDERR_FILENO);
	set_lock(lock, F_UNLCK);
	return err;
}
