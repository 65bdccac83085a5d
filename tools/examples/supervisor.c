// SPDX-License-Identifier: GPL-2.0
/*
 * A supervisor that waits in one select for results from its workers, for a
 * timer, and for the exit of any worker.
 *
 * A worker that dies is replaced, and its job is assigned again. A worker without
 * a result for some ticks is assumed to hang and is killed, and then treated like
 * any other that died. Results are sent on an unbuffered channel: once a worker is
 * dead, its result was either received or never sent, so no job is done twice. In
 * this example one job crashes its worker at the first attempt, and another hangs.
 *
 * Expected: all jobs are done, and two workers were replaced (or more, if a worker
 * appeared to hang because the machine is busy).
 */
#include <poll.h>
#include <sys/syscall.h>

#include <gochan.h>

#include "example.h"

enum { WORKERS = 3, JOBS = 12, CRASHES = 3, HANGS = 6, MAX_SILENT_TICKS = 10 };

#define TICK	(20 * 1000 * 1000)	/* in nanoseconds */

struct job {
	int number, attempt;
};

struct result {
	int worker, number, square;
};

struct worker {
	pid_t pid;
	int pidfd;		/* readable when the process has exited */
	int jobs;		/* capacity 1, so that assigning a job never blocks */
	bool busy;
	struct job job;
	int silent_ticks;
};

struct supervisor {
	int results, ticker;
	struct worker workers[WORKERS];
	int assigned, done, replaced;
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

static void reap(struct worker *worker)
{
	must(waitpid(worker->pid, NULL, 0), "waitpid");
	close(worker->pidfd);
	close(worker->jobs);
}

static void assign(struct worker *worker)
{
	must(gochan_send(worker->jobs, &worker->job, sizeof(worker->job)), "gochan_send");
	worker->busy = true;
	worker->silent_ticks = 0;
}

static void assign_next(struct supervisor *super, struct worker *worker)
{
	worker->busy = false;
	if (super->assigned == JOBS)
		return;
	worker->job = (struct job){ .number = super->assigned++ };
	assign(worker);
}

static void on_result(struct supervisor *super, const struct result *result)
{
	expect(!super->is_done[result->number], "a job is done exactly once");
	expect(result->square == result->number * result->number, "the result is right");
	super->is_done[result->number] = true;
	super->done++;
	assign_next(super, &super->workers[result->worker]);
}

static void on_tick(struct supervisor *super)
{
	uint64_t ticks;

	must(read(super->ticker, &ticks, sizeof(ticks)), "read");
	for (int i = 0; i < WORKERS; i++) {
		struct worker *worker = &super->workers[i];

		if (worker->busy && ++worker->silent_ticks == MAX_SILENT_TICKS) {
			printf("job %d hangs\n", worker->job.number);
			must(kill(worker->pid, SIGKILL), "kill");
		}
	}
}

static void on_death(struct supervisor *super, int self)
{
	struct worker *worker = &super->workers[self];

	reap(worker);
	super->replaced++;
	start(super, self);
	if (!worker->busy)
		return;
	printf("job %d lost its worker\n", worker->job.number);
	worker->job.attempt++;
	assign(worker);
}

static void handle_event(struct supervisor *super)
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
		assign_next(&super, &super.workers[i]);
	}
	while (super.done < JOBS)
		handle_event(&super);
	for (int i = 0; i < WORKERS; i++)
		must(gochan_close(super.workers[i].jobs), "gochan_close");
	wait_for_workers();
	printf("%d jobs done, %d workers replaced\n", super.done, super.replaced);
	expect(super.replaced >= 2, "at least two workers were replaced");
	return 0;
}
