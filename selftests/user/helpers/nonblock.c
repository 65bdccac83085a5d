// SPDX-License-Identifier: GPL-2.0
/*
 * nonblock FD COMMAND...: run COMMAND with O_NONBLOCK set on the open file of FD.
 */
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd, flags;

	if (argc < 3)
		errx(1, "usage: nonblock FD COMMAND...");
	fd = (int)strtol(argv[1], NULL, 10);
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		err(1, "descriptor %d", fd);
	execvp(argv[2], argv + 2);
	err(1, "%s", argv[2]);
}
