// SPDX-License-Identifier: GPL-2.0
/*
 * A worker, for the tests of the bridge: receives jobs from an acknowledged channel with a
 * lease, appends the number of each to a file, which is the effect that is counted, and
 * acknowledges it. Exits with 0 when the channel is closed and drained.
 *
 *   worker [-d MS] [-b JOBS] [-k JOB] CHANNEL FILE
 *	-d  work for so long before the effect
 *	-b  block forever when so many jobs are done, with a lease of the next
 *	-k  kill itself at this job, at its first delivery by this channel, between effect and
 *	    acknowledgment
 *
 * A job is a number, possibly followed by a space and more.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gochan.h"

#define MSG_SIZE	(1 << 20)

static struct {
	long delay_ms;
	long block_after;
	long kill_at;
} options = { .block_after = -1, .kill_at = -1 };

static void sleep_ms(long ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static void have_effect(int file, long job)
{
	char line[32];
	int len;

	len = snprintf(line, sizeof(line), "%ld\n", job);
	if (write(file, line, len) != len)
		err(1, "effect");
}

static void work(int ch, int file, const char *job_text, const struct gochan_lease *lease)
{
	char *end;
	long job = strtol(job_text, &end, 10);

	if (end == job_text || (*end && *end != ' '))
		errx(1, "not a job: %.40s", job_text);
	if (options.delay_ms)
		sleep_ms(options.delay_ms);
	have_effect(file, job);
	if (job == options.kill_at && lease->deliveries == 1)
		raise(SIGKILL);
	if (gochan_ack(ch, lease))
		err(1, "acknowledge");
}

static void run(int ch, int file, char *buf)
{
	struct gochan_lease lease;
	long done = 0;
	size_t len;
	int ret;

	while ((ret = gochan_recv_lease(ch, buf, MSG_SIZE, &len, &lease)) > 0) {
		if (done++ == options.block_after)
			pause();
		buf[len] = '\0';
		work(ch, file, buf, &lease);
	}
	if (ret < 0)
		err(1, "receive");
}

int main(int argc, char **argv)
{
	char *buf = malloc(MSG_SIZE + 1);
	int option, ch, file;

	while ((option = getopt(argc, argv, "d:b:k:")) != -1) {
		if (option == 'd')
			options.delay_ms = strtol(optarg, NULL, 10);
		else if (option == 'b')
			options.block_after = strtol(optarg, NULL, 10);
		else if (option == 'k')
			options.kill_at = strtol(optarg, NULL, 10);
		else
			exit(2);
	}
	if (argc - optind != 2 || !buf)
		errx(2, "usage: worker [-d MS] [-b JOBS] [-k JOB] CHANNEL FILE");
	ch = gochan_open(argv[optind], O_RDONLY);
	if (ch < 0)
		err(1, "%s", argv[optind]);
	file = open(argv[optind + 1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (file < 0)
		err(1, "%s", argv[optind + 1]);
	run(ch, file, buf);
	return 0;
}
