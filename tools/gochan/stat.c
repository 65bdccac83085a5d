// SPDX-License-Identifier: GPL-2.0
/*
 * Parsing /proc/PID/stat.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "stat.h"

/*
 * "PID (COMMAND) STATE PPID PGRP SESSION TTY TPGID FLAGS ...", of which num_threads is the
 * 20th field. The command may have any characters.
 */
static bool parse(const char *line, struct stat_line *stat)
{
	const char *name = strchr(line, '('), *end = strrchr(line, ')');

	if (!name || !end)
		return false;
	snprintf(stat->command, sizeof(stat->command), "%.*s", (int)(end - name - 1), name + 1);
	return sscanf(end,
		      ") %c %d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %u",
		      &stat->state, &stat->parent, &stat->flags, &stat->threads) == 4;
}

bool stat_read(const char *path, struct stat_line *stat)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	char line[1024];
	ssize_t len;
	int err;

	if (fd < 0)
		return false;
	len = read(fd, line, sizeof(line) - 1);
	err = errno;
	close(fd);
	line[len > 0 ? len : 0] = '\0';
	if (len > 0 && parse(line, stat))
		return true;
	errno = len < 0 ? err : ESRCH;
	return false;
}
