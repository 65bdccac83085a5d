// SPDX-License-Identifier: GPL-2.0
/*
 * A supervisor that waits in one select for its workers' results, for a ticker,
 * and for the death of each worker.
 *
 * A worker that dies is replaced, and its job is given out once more. A worker
 * that has shown nothing for some ticks is taken to hang and is killed, and then
 * it is one that died. Results are sent on an unbuffered channel: when a worker
 * is dead its result was either received or never sent, and so no job is done
 * twice. Here one job crashes its worker at the first attempt, another hangs.
 *
 * Expect: all jobs done, and two workers replaced (more, where a busy machine
 * made one look as if it hung).
 */
#include <poll.h>
#include <sys/syscall.h>

#include <gochan.h>

#include "example.h"

enum { WORKERS = 3, JOBS = 12, CRASHES = 3, HANGS = 6, PATIENCE = 10 };

#define TICK	(20 * 1000 * 1000)	/* in nanoseconds */

struct job {
	int number, attempt;
};

struct result {
	int worker, number, square;
};

struct worker {
	pid_t pid;
	int pidfd;		/* readable when the process has ended */
	int jobs;		/* holds one, so that giving one out never blocks */
	bool busy;
	struct job job;
	int silent_ticks;
};

struct supervisor {
	int results, ticker;
	struct worker workers[WORKERS];
	int given, done, replaced;
	bool is_done[JOBS];
};

/* ---- the worker ------------------------------------------------------------ */

static void work(int self, int jobs, int results)
{
	struct job job;

	while (must(gochan_recv(jobs, &job, sizeof(job), NULL), "gochan_recv") > 0) {
		const struct result result = { self, job.number, job.number * job.number };

		if (job.number == CRASHES && job.attempt == 0)
			raise(SIGKILL);
		if (job.number == HANGS && job.attempt == 0)
			pause();
		must(gochan_send(results, &result, sizeof(result)), "gochan_send");
	}
}

/* ---- the supervisor -------------------------------------------------------- */

static void start(struct supervisor *super, int self)
{
	struct worker *worker = &super->workers[self];

	worker->jobs = must(gochan_make(1, sizeof(struct job), 0), "gochan_make");
	worker->silent_ticks = 0;
	worker->pid = fork_worker();
	if (worker->pid == 0) {
		work(self, worker->jobs, super->results);
		exit(0);
	}
	worker->pidfd = must((int)syscall(SYS_pidfd_open, worker->pid, 0), "pidfd_open");
}

static void bury(struct worker *worker)
{
	must(waitpid(worker->pid, NULL, 0), "waitpid");
	close(worker->pidfd);
	close(worker->jobs);
}

static void give(struct worker *worker)
{
	must(gochan_send(worker->jobs, &worker->job, sizeof(worker->job)), "gochan_send");
	worker->busy = true;
	worker->silent_ticks = 0;
}

static void give_next(struct supervisor *super, struct worker *worker)
{
	worker->busy = false;
	if (super->given == JOBS)
		return;
	worker->job = (struct job){ .number = super->given++ };
	give(worker);
}

static void on_result(struct supervisor *super, const struct result *result)
{
	expect(!super->is_done[result->number], "a job is done once");
	expect(result->square == result->number * result->number, "it is done well");
	super->is_done[result->number] = true;
	super->done++;
	give_next(super, &super->workers[result->worker]);
}

static void on_tick(struct supervisor *super)
{
	uint64_t ticks;

	must(read(super->ticker, &ticks, sizeof(ticks)), "read");
	for (int i = 0; i < WORKERS; i++) {
		struct worker *worker = &super->workers[i];

		if (worker->busy && ++worker->silent_ticks == PATIENCE) {
			printf("job %d hangs\n", worker->job.number);
			must(kill(worker->pid, SIGKILL), "kill");
		}
	}
}

static void on_death(struct supervisor *super, int self)
{
	struct worker *worker = &super->workers[self];

	bury(worker);
	super->replaced++;
	start(super, self);
	if (!worker->busy)
		return;
	printf("job %d lost its worker\n", worker->job.number);
	worker->job.attempt++;
	give(worker);
}

static void wait_for_something(struct supervisor *super)
{
	struct gochan_op ops[WORKERS + 2];
	struct result result;
	int which;

	for (int i = 0; i < WORKERS; i++)
		ops[i] = GOCHAN_POLL(super->workers[i].pidfd, POLLIN);
	ops[WORKERS] = GOCHAN_RECV(super->results, &result, sizeof(result));
	ops[WORKERS + 1] = GOCHAN_POLL(super->ticker, POLLIN);
	which = must(gochan_select(ops, WORKERS + 2, -1, 0), "gochan_select");
	if (which < WORKERS)
		on_death(super, which);
	else if (which == WORKERS)
		on_result(super, &result);
	else
		on_tick(super);
}

int main(void)
{
	struct supervisor super = {
		.results = must(gochan_make(0, sizeof(struct result), 0), "gochan_make"),
		.ticker = must(gochan_tick(TICK), "gochan_tick"),
	};

	for (int i = 0; i < WORKERS; i++) {
		start(&super, i);
		give_next(&super, &super.workers[i]);
	}
	while (super.done < JOBS)
		wait_for_something(&super);
	for (int i = 0; i < WORKERS; i++)
		must(gochan_close(super.workers[i].jobs), "gochan_close");
	wait_for_workers();
	printf("%d jobs done, %d workers replaced\n", super.done, super.replaced);
	expect(super.replaced >= 2, "two workers were replaced");
	return 0;
}
