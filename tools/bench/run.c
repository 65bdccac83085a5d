// SPDX-License-Identifier: GPL-2.0
/*
 * Runs and measures a point. Each point gets new processes and links. After some
 * messages for warming up, the measurement starts when the last process is ready
 * and stops when the last one is done.
 */
#include <err.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define WARM_UP_NS	80000000

/* State shared by the processes of a run and the one that waits for its result. */
struct shared {
	atomic_uint generation;
	atomic_uint arrived;
	atomic_uint running;
	bool result;
	bool idles;
	long long start, end, idle;
	atomic_llong switches;
	double figure;
};

long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Markers for the profiler (profile.c): nops that occur nowhere else. */
static inline void mark_begin(void)
{
	__asm__ volatile(".byte 0x0f, 0x1f, 0x80, 'G', 'o', 'c', 0x01" : : : "memory");
}

static inline void mark_end(void)
{
	__asm__ volatile(".byte 0x0f, 0x1f, 0x80, 'G', 'o', 'c', 0x02" : : : "memory");
}

/*
 * Block until all processes have arrived. The last one calls @action before it
 * wakes the others; its result is returned to all.
 */
static bool barrier_wait(struct shared *c, unsigned int processes, bool (*action)(struct shared *c))
{
	const unsigned int gen = atomic_load(&c->generation);

	if (atomic_fetch_add(&c->arrived, 1) + 1 < processes) {
		while (atomic_load(&c->generation) == gen)
			syscall(SYS_futex, &c->generation, FUTEX_WAIT, gen, NULL, NULL, 0);
		return c->result;
	}
	atomic_store(&c->arrived, 0);
	c->result = action(c);
	atomic_fetch_add(&c->generation, 1);
	if (processes > 1)
		syscall(SYS_futex, &c->generation, FUTEX_WAKE, processes, NULL, NULL, 0);
	return c->result;
}

/* The first call starts the warm-up time. */
static bool is_warm(struct shared *c)
{
	if (!c->start)
		c->start = now_ns();
	return now_ns() - c->start >= WARM_UP_NS;
}

/* How long the only CPU has been idle. /proc/stat counts in units of 10 ms. */
static long long idle_ns(void)
{
	static const char path[] = "/proc/timer_list";
	FILE *file = fopen(path, "r");
	long long ns = -1;
	char line[256];

	if (!file)
		err(1, "%s", path);
	while (ns < 0 && fgets(line, sizeof(line), file))
		sscanf(line, " .idle_sleeptime : %lld", &ns);
	fclose(file);
	if (ns < 0)
		errx(1, "%s: no idle time", path);
	return ns;
}

static bool begin(struct shared *c)
{
	if (c->idles)
		c->idle = idle_ns();
	c->start = now_ns();
	mark_begin();
	return true;
}

static void end(struct shared *c)
{
	if (atomic_fetch_sub(&c->running, 1) > 1)
		return;
	mark_end();
	c->end = now_ns();
	if (c->idles)
		c->idle = idle_ns() - c->idle;
}

static long long switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw + usage.ru_nivcsw;
}

static unsigned char *alloc_buf(size_t size)
{
	unsigned char *buf = aligned_alloc(4096, (size + 4095) / 4096 * 4096);

	if (!buf)
		err(1, "%zu bytes", size);
	memset(buf, 0x5a, size);
	return buf;
}

/*
 * With several processes, the scheduler needs some dozens of ticks to reach a
 * steady state.
 */
static void warm_up(struct run *run, struct shared *c, unsigned int me)
{
	const struct point *p = run->point;

	if (p->processes == 1 && !p->background) {
		p->work(run, me, p->messages / 8);
		return;
	}
	while (!barrier_wait(c, p->processes, is_warm))
		p->work(run, me, p->messages / 4);
}

/*
 * Give the kernel time to free what the previous point left behind (RCU, work
 * queues). With icount this takes no real time, since the clock of an idle guest
 * jumps ahead.
 */
static void wait_for_deferred_frees(void)
{
	const struct timespec t = { .tv_nsec = 50000000 };

	nanosleep(&t, NULL);
}

static void run_process(struct run *run, struct shared *c, unsigned int me)
{
	const struct point *p = run->point;
	long long before;

	run->buf = alloc_buf(p->size + 8);
	run->rep = alloc_buf(p->size + 8);
	warm_up(run, c, me);
	before = switches();
	atomic_fetch_add(&c->running, 1);
	barrier_wait(c, p->processes, begin);
	p->work(run, me, p->messages);
	end(c);
	atomic_fetch_add(&c->switches, switches() - before);
}

static pid_t start(struct run *run, struct shared *c, unsigned int me)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	run_process(run, c, me);
	_exit(0);
}

static void reap(pid_t pid, const struct point *p)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		err(1, "waitpid");
	if (status)
		errx(1, "%s/%s/%zu/%d failed", p->family->name, p->name, p->size, p->param);
}

static void run_processes(const struct point *p, struct shared *c)
{
	struct run run = { .point = p };
	pid_t pids[PROCESSES_MAX] = { 0 };
	unsigned int i;

	if (p->setup)
		p->setup(&run);
	if (p->measure) {
		c->figure = p->measure(&run);
		return;
	}
	for (i = 1; i < p->processes; i++)
		pids[i] = start(&run, c, i);
	run_process(&run, c, 0);
	for (i = 1; i < p->processes; i++)
		reap(pids[i], p);
}

/* Memory shared across fork(), populated to avoid page faults while measuring. */
void *shared_memory(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (mem == MAP_FAILED)
		err(1, "mmap");
	return mem;
}

void unshare_memory(void *mem, size_t size)
{
	if (munmap(mem, size))
		err(1, "munmap");
}

struct result point_run(const struct point *p)
{
	struct shared *c = shared_memory(sizeof(*c));
	struct result result;
	pid_t pid;

	c->idles = p->idles && count_instructions;
	wait_for_deferred_frees();
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run_processes(p, c);
		_exit(0);
	}
	reap(pid, p);
	result.cost = p->measure ? c->figure : (double)(c->end - c->start - c->idle) / p->messages;
	result.switches = p->measure ? 0 : (double)c->switches / p->messages;
	unshare_memory(c, sizeof(*c));
	return result;
}
