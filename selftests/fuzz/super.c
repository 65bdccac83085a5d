// SPDX-License-Identifier: GPL-2.0
/*
 * The supervisor: runs programs for some time, each in processes of its own, and
 * checks after each for violations and leaks. It keeps the programs that reach new
 * coverage, and mutates them.
 *
 *   fuzz run SEED SECONDS [SITES]		stops at the first failure
 *   fuzz replay SEED:NUMBERS SECONDS [SITES]	runs one program repeatedly
 *   fuzz show SEED:NUMBERS			prints it
 *
 * SITES lists the instructions of the module that report to KCOV. Output lines that
 * begin with @ are for the host.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cover.h"
#include "actor.h"
#include "guest.h"

/* Seconds for a program to end by itself; for killed processes and references to go. */
#define PROGRAM_LIMIT	60
#define RELEASE_LIMIT	15

#define PROGRESS	10	/* seconds between two lines of output */
#define RELOAD_EVERY	50	/* programs */
#define MAX_CORPUS	4096

static struct board *board;
static struct origin corpus[MAX_CORPUS];
static unsigned int corpus_size;
static struct origin current;
static struct program program;
static int kmsg;
static int time_ns_fd;	/* a time namespace with an offset */
static unsigned int passed;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* ---- failing ---- */

static void print_actors(void)
{
	unsigned int i;

	for (i = 0; i < program.actors; i++) {
		printf("actor %u ", i);
		if (board->actors[i].in_call)
			printf("was in call %u\n", board->actors[i].at);
		else
			puts(board->actors[i].done ? "was done" : board->actors[i].tid ?
			     "was between calls" : "had not started");
	}
}

static void end(unsigned int failed)
{
	const unsigned int sites = cover_sites();

	if (sites)
		cover_print();
	printf("@result %u %u\n", passed, failed);
	fflush(stdout);
	exit(failed ? 1 : 0);
}

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void fail(const char *format, ...)
{
	char text[ORIGIN_TEXT];
	va_list args;

	origin_text(&current, text);
	printf("FAIL: ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\nprogram %s: ", text);
	program_print(&program);
	print_actors();
	printf("@failed %s\n", text);
	end(1);
	abort();
}

/* ---- the kernel log ---- */

static void open_log(void)
{
	kmsg = open("/dev/kmsg", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0 || lseek(kmsg, 0, SEEK_END) < 0)
		err(1, "/dev/kmsg");
}

/* Log the program, so that it is known if the machine crashes. */
static void log_program(void)
{
	char text[ORIGIN_TEXT], line[ORIGIN_TEXT + 16];
	int len;

	origin_text(&current, text);
	len = snprintf(line, sizeof(line), "fuzz: %s\n", text);
	if (write(kmsg, line, len) < 0)
		err(1, "/dev/kmsg");
}

/* As in scripts/vm/boot, which decides in the end. */
static bool is_bad(const char *line)
{
	static const char *const bad[] = {
		"WARNING:", "BUG", "Oops", "Call Trace:", "general protection fault",
		"possible circular", "inconsistent lock", "suspicious RCU", "refcount_t:", "UBSAN:",
		"suspected memory leaks", "blocked for more than", "detected stall", "soft lockup",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (strstr(line, bad[i]))
			return true;
	return false;
}

static void check_log(void)
{
	char record[8192], *line;
	ssize_t len;

	while ((len = read(kmsg, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		if (len < 0)
			continue;
		record[len] = '\0';
		line = strchr(record, ';');
		line = line ? line + 1 : record;
		line[strcspn(line, "\n")] = '\0';
		if (!is_bad(line))
			continue;
		sleep(1);	/* until the whole report is logged */
		fail("the kernel log has: %s", line);
	}
}

/* The module was loaded, perhaps at another address. */
static void locate_module(void)
{
	cover_locate();
	faults_locate();
}

/* ---- one program ---- */

static void exec_child(void)
{
	const struct rlimit files = { 512, 1024 };

	if (program.time_ns && setns(time_ns_fd, CLONE_NEWTIME))
		err(1, "setns");
	close_range(3, 899, 0);
	setrlimit(RLIMIT_NOFILE, &files);
	exec_program(&program, board);
}

static pid_t start(void)
{
	const pid_t pid = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);

	if (pid < 0)
		fail("clone: %s", strerror(errno));
	if (!pid)
		exec_child();
	return pid;
}

/* Count polls instead of time, as a busy machine may not run this process for long. */
static bool wait_end(pid_t pid, unsigned int seconds)
{
	struct pollfd pfd = { .events = POLLIN };
	bool ended = false;

	pfd.fd = syscall(SYS_pidfd_open, pid, 0);
	if (pfd.fd < 0)
		fail("pidfd_open: %s", strerror(errno));
	while (!ended && seconds--)
		ended = poll(&pfd, 1, 1000) == 1;
	close(pfd.fd);
	return ended;
}

/* The program cannot be ended: report and reboot, as the guest would not shut down. */
static void cannot_be_killed(void)
{
	check_log();
	write_text("/proc/sysrq-trigger", "w");
	sleep(1);
	printf("FAIL: a program that was killed does not end\n");
	printf("@result %u 1\n", passed);
	program_print(&program);
	print_actors();
	fflush(stdout);
	reboot(RB_AUTOBOOT);
}

static void finish(pid_t pid)
{
	int status;

	if (!wait_end(pid, PROGRAM_LIMIT)) {
		kill(pid, SIGKILL);
		if (!wait_end(pid, RELEASE_LIMIT))
			cannot_be_killed();
		waitpid(pid, &status, 0);
		check_log();
		fail("its first process did not end by itself");
	}
	waitpid(pid, &status, 0);
	check_log();
	if (board->violations)
		fail("%s", board->violation);
	if (status)
		fail("its first process ended with status %#x", status);
}

/* Wait until everything that the program held is released, partly asynchronously. */
static void check_leftovers(void)
{
	unsigned int tries = RELEASE_LIMIT * 2000;
	const char *what;

	if (!module_is_loaded()) {
		if (module_load(""))
			fail("the module cannot be loaded");
		locate_module();
	}
	params_reset();
	unlink_all();
	/* The gochanfs is busy until the last handle on it is released. */
	do {
		umount2("/dev/gochans", 0);
	} while (module_users() && tries-- && !usleep(500));
	if (module_users())
		fail("the module still has %ld references", module_users());
	if (fs_mount())
		fail("the gochanfs cannot be mounted");
	what = charges_left();
	if (what)
		fail("%s", what);
	check_log();
}

static unsigned int collect(void)
{
	unsigned int new = 0, i;

	if (board->reloaded) {
		locate_module();
		cover_clear();
		return 0;
	}
	for (i = 0; i <= MAX_ACTORS; i++)
		new += cover_collect(i);
	return new;
}

/* Run the current program. Returns the number of new edges. */
static unsigned int run_program(unsigned int run)
{
	unsigned int new;

	program_make(&program, &current);
	memset(board, 0, sizeof(*board));
	board->run = run;
	cover_clear();
	log_program();
	finish(start());
	new = collect();
	check_leftovers();
	passed++;
	return new;
}

/* Unloading the module reveals what the last programs have leaked. */
static void reload(void)
{
	long ret;

	cover_begin(COVER_SUPERVISOR);
	ret = module_unload();
	cover_end(COVER_SUPERVISOR);
	cover_collect(COVER_SUPERVISOR);
	check_log();
	if (ret)
		fail("the module cannot be unloaded: %s", strerror(-ret));
	cover_begin(COVER_SUPERVISOR);
	ret = module_load("");
	cover_end(COVER_SUPERVISOR);
	if (ret)
		fail("the module cannot be loaded: %s", strerror(-ret));
	locate_module();
	cover_collect(COVER_SUPERVISOR);
	unlink_all();
	check_log();
}

/*
 * Check kmemleak when the module is unloaded. Which program leaked is not known.
 * Kmemleak ignores objects younger than 5 seconds.
 */
static void check_leaks(uint64_t seed)
{
	static const char path[] = "/sys/kernel/debug/kmemleak";
	char leaks[8192];
	int i;

	module_unload();
	sleep(6);
	/* a leak is reported only by the second scan */
	for (i = 0; i < 2; i++)
		if (write_text(path, "scan"))
			return;
	if (read_text(path, leaks, sizeof(leaks)) <= 0)
		return;
	printf("FAIL: one of the programs leaked memory:\n%s\n", leaks);
	printf("@failed %llu\n", (unsigned long long)seed);
	end(1);
}

/* ---- many programs ---- */

/* A new program, or a mutation of one of the corpus, preferably a recent one. */
static void choose(struct rng *rng, uint64_t seed, uint32_t number)
{
	const unsigned int at = corpus_size ? rng_below(rng, corpus_size) : 0;
	const unsigned int or = corpus_size ? rng_below(rng, corpus_size) : 0;

	current = (struct origin){ .seed = seed };
	if (corpus_size && rng_below(rng, 4))
		current = corpus[at > or ? at : or];
	if (current.depth == MAX_DEPTH)
		current.depth = 0;
	current.numbers[current.depth++] = number;
}

static void keep(void)
{
	if (corpus_size < MAX_CORPUS)
		corpus[corpus_size++] = current;
}

static void print_progress(double elapsed)
{
	printf("%4.0f s: %u programs, %.0f a minute", elapsed, passed, passed * 60 / elapsed);
	if (cover_sites())
		printf("; reached %u of %u sites, %u edges; %u programs kept", cover_reached(),
		       cover_sites(), cover_edges(), corpus_size);
	putchar('\n');
	fflush(stdout);
}

static void print_corpus(void)
{
	char text[ORIGIN_TEXT];
	unsigned int i;

	for (i = 0; i < corpus_size; i++) {
		origin_text(&corpus[i], text);
		printf("@corpus %s\n", text);
	}
}

/* Run programs from @seed, or @only one repeatedly. */
static void run(uint64_t seed, const struct origin *only, unsigned int seconds)
{
	const double begin = now();
	struct rng rng = rng_make(seed, ~0ULL);
	double shown = begin;
	uint32_t number = 0;

	do {
		number++;
		if (only)
			current = *only;
		else
			choose(&rng, seed, number);
		if (run_program(number) && !only)
			keep();
		if (number % RELOAD_EVERY == 0)
			reload();
		if (now() >= shown + PROGRESS) {
			shown = now();
			print_progress(shown - begin);
		}
	} while (now() < begin + seconds);
	print_progress(now() - begin);
	print_corpus();
	check_leaks(seed);
}

static void make_time_ns(void)
{
	const int own = open("/proc/self/ns/time", O_RDONLY | O_CLOEXEC);

	if (unshare(CLONE_NEWTIME) || write_text("/proc/self/timens_offsets", "monotonic 1000 0"))
		err(1, "time namespace");
	time_ns_fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (time_ns_fd < 0 || setns(own, CLONE_NEWTIME))
		err(1, "time namespace");
	close(own);
}

/* Collapsing into a huge page would unmap pages temporarily. */
static void disable_huge_pages(void)
{
	write_text("/sys/kernel/mm/transparent_hugepage/enabled", "never");
}

static void prepare(const char *sites)
{
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (board == MAP_FAILED)
		err(1, "mmap");
	disable_huge_pages();
	memory_make();
	cover_open(sites);
	faults_prepare();
	locate_module();
	params_save();
	charges_init();
	make_time_ns();
	open_log();
}

int main(int argc, char **argv)
{
	struct origin only;

	if (argc == 3 && !strcmp(argv[1], "show") && origin_parse(&only, argv[2])) {
		program_make(&program, &only);
		program_print(&program);
		return 0;
	}
	if (argc < 4)
		errx(2, "usage: fuzz run|replay|show ...");
	prepare(argv[4]);
	if (!strcmp(argv[1], "run"))
		run(strtoull(argv[2], NULL, 0), NULL, strtoul(argv[3], NULL, 0));
	else if (!strcmp(argv[1], "replay") && origin_parse(&only, argv[2]))
		run(only.seed, &only, strtoul(argv[3], NULL, 0));
	else
		errx(2, "no such program: %s", argv[2]);
	end(0);
	return 0;
}
