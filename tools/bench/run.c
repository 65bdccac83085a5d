// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a point and measures it: in processes of its own, with everything made
 * anew, first some messages to warm up, then, from when the last process is
 * ready until the last one is done, those that count.
 */
#include <err.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
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

/* What the processes of a run, and who waits for its result, have in common. */
struct common {
	atomic_uint meetings;
	atomic_uint arrived;
	atomic_uint running;
	bool verdict;
	long long start, end;
	atomic_llong switches;
	double figure;
};

long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* What the profiler (profile.c) looks for: a nop that nobody else has. */
static inline void mark_begin(void)
{
	__asm__ volatile(".byte 0x0f, 0x1f, 0x80, 'G', 'o', 'c', 0x01" : : : "memory");
}

static inline void mark_end(void)
{
	__asm__ volatile(".byte 0x0f, 0x1f, 0x80, 'G', 'o', 'c', 0x02" : : : "memory");
}

/*
 * Waits until all processes have come. The last one to come first does @act,
 * whose verdict is everybody's.
 */
static bool meet(struct common *c, unsigned int processes, bool (*act)(struct common *c))
{
	const unsigned int meeting = atomic_load(&c->meetings);

	if (atomic_fetch_add(&c->arrived, 1) + 1 < processes) {
		while (atomic_load(&c->meetings) == meeting)
			syscall(SYS_futex, &c->meetings, FUTEX_WAIT, meeting, NULL, NULL, 0);
		return c->verdict;
	}
	atomic_store(&c->arrived, 0);
	c->verdict = act(c);
	atomic_fetch_add(&c->meetings, 1);
	if (processes > 1)
		syscall(SYS_futex, &c->meetings, FUTEX_WAKE, processes, NULL, NULL, 0);
	return c->verdict;
}

/* The first meeting is the beginning. */
static bool is_warm(struct common *c)
{
	if (!c->start)
		c->start = now_ns();
	return now_ns() - c->start >= WARM_UP_NS;
}

static bool begin(struct common *c)
{
	c->start = now_ns();
	mark_begin();
	return true;
}

static void end(struct common *c)
{
	if (atomic_fetch_sub(&c->running, 1) > 1)
		return;
	mark_end();
	c->end = now_ns();
}

static long long switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw + usage.ru_nivcsw;
}

static unsigned char *touched(size_t size)
{
	unsigned char *buf = aligned_alloc(4096, (size + 4095) / 4096 * 4096);

	if (!buf)
		err(1, "%zu bytes", size);
	memset(buf, 0x5a, size);
	return buf;
}

/*
 * Where processes compete, the scheduler takes some dozen ticks to find the
 * rhythm that it then keeps.
 */
static void warm_up(struct run *run, struct common *c, unsigned int me)
{
	const struct point *p = run->point;

	if (p->processes == 1 && !p->crowd) {
		p->work(run, me, p->messages / 8);
		return;
	}
	while (!meet(c, p->processes, is_warm))
		p->work(run, me, p->messages / 4);
}

/*
 * What the last point has left to be freed later, is freed now. Who counts
 * instructions does not wait: the clock of an idle machine jumps.
 */
static void settle(void)
{
	const struct timespec t = { .tv_nsec = 50000000 };

	nanosleep(&t, NULL);
}

static void take_part(struct run *run, struct common *c, unsigned int me)
{
	const struct point *p = run->point;
	long long before;

	run->buf = touched(p->size + 8);
	run->rep = touched(p->size + 8);
	warm_up(run, c, me);
	before = switches();
	atomic_fetch_add(&c->running, 1);
	meet(c, p->processes, begin);
	p->work(run, me, p->messages);
	end(c);
	atomic_fetch_add(&c->switches, switches() - before);
}

static pid_t start(struct run *run, struct common *c, unsigned int me)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	take_part(run, c, me);
	_exit(0);
}

static void bury(pid_t pid, const struct point *p)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		err(1, "waitpid");
	if (status)
		errx(1, "%s/%s/%zu/%d failed", p->family->name, p->name, p->size, p->param);
}

static void conduct(const struct point *p, struct common *c)
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
	take_part(&run, c, 0);
	for (i = 1; i < p->processes; i++)
		bury(pids[i], p);
}

/* What is shared must not be copied-on-write. */
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
	struct common *c = shared_memory(sizeof(*c));
	struct result result;
	pid_t pid;

	settle();
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		conduct(p, c);
		_exit(0);
	}
	bury(pid, p);
	result.cost = p->measure ? c->figure : (double)(c->end - c->start) / p->messages;
	result.switches = p->measure ? 0 : (double)c->switches / p->messages;
	unshare_memory(c, sizeof(*c));
	return result;
}
