// SPDX-License-Identifier: GPL-2.0
/*
 * R18 as ThreadSanitizer sees it: threads that hand each other data over
 * channels are not accused, threads that do not are.
 *
 * A case is what two threads do with data, and whether that is a race. In a race
 * the second thread begins when the first has finished, which TSan is not told:
 * so the result is the same in every run. What TSan wrote is shown only where the
 * result is another one than expected.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <gochan.h>

enum { ROUNDS = 10 };

/* Two channels, receiving and sending end of each, and what threads hand each other. */
static int ch[2], other[2];
static int data, answer, message;

static void need(bool good, const char *call)
{
	if (good)
		return;
	printf("# %s: %m\n", call);
	_exit(1);
}

static void send_on(const int fds[2])
{
	const int msg = 1;

	need(gochan_send(fds[1], &msg, sizeof(msg)) == 0, "gochan_send");
}

static void recv_on(const int fds[2])
{
	int msg;

	need(gochan_recv(fds[0], &msg, sizeof(msg), NULL) == 1, "gochan_recv");
}

static void see(int *what)
{
	need(*what == 0 || *what == 1, "data");
}

/* ---- what a thread does ---------------------------------------------------- */

static void write_send(void)
{
	data = 1;
	send_on(ch);
}

static void send_write(void)
{
	send_on(ch);
	data = 1;
}

static void send_read(void)
{
	send_on(ch);
	see(&data);
}

static void recv_read(void)
{
	recv_on(ch);
	see(&data);
}

static void write_recv(void)
{
	data = 1;
	recv_on(ch);
}

static void write_only(void)
{
	data = 1;
}

static void read_only(void)
{
	see(&data);
}

static void write_close(void)
{
	data = 1;
	need(gochan_close(ch[1]) == 0, "gochan_close");
}

static void end_read(void)
{
	int msg;

	need(gochan_recv(ch[0], &msg, sizeof(msg), NULL) == 0, "gochan_recv");
	see(&data);
}

static void write_send_other(void)
{
	data = 1;
	send_on(other);
}

static void send_recv(void)
{
	send_on(ch);
	recv_on(ch);
}

static void send_recv_read(void)
{
	send_recv();
	see(&data);
}

static void write_select(void)
{
	const int msg = 1;
	struct gochan_op ops[] = {
		GOCHAN_RECV(other[0], &message, sizeof(message)),
		GOCHAN_SEND(ch[1], &msg, sizeof(msg)),
	};

	data = 1;
	need(gochan_select(ops, 2, -1, 0) == 1, "gochan_select");
}

static void select_read(void)
{
	struct gochan_op ops[] = {
		GOCHAN_RECV(other[0], &message, sizeof(message)),
		GOCHAN_RECV(ch[0], &message, sizeof(message)),
		GOCHAN_POLL(-1, POLLIN),
	};

	need(gochan_select(ops, 3, -1, 0) == 1, "gochan_select");
	see(&data);
}

static void write_batch(void)
{
	const int msg = 1;
	struct gochan_op ops[] = {
		GOCHAN_SEND(other[1], &msg, sizeof(msg)),
		GOCHAN_SEND(ch[1], &msg, sizeof(msg)),
	};

	data = 1;
	need(gochan_batch(ops, 2, -1, 0) == 2, "gochan_batch");
}

static void write_call_read(void)
{
	const int msg = 1;
	int reply;

	data = 1;
	need(gochan_call(ch[1], &msg, sizeof(msg), other[0], &reply, sizeof(reply), NULL, -1) == 1,
	     "gochan_call");
	see(&answer);
}

static void recv_read_answer(void)
{
	recv_on(ch);
	see(&data);
	answer = 1;
	send_on(other);
}

/* A channel of capacity 1 as a mutex: sending locks, receiving unlocks. */
static void count_locked(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		send_on(ch);
		data = !data;
		recv_on(ch);
	}
}

/* The message is data itself: who sends it reads it, who receives it writes it. */
static void send_data(void)
{
	need(gochan_send(ch[1], &data, sizeof(data)) == 0, "gochan_send");
}

static void send_recv_data(void)
{
	send_on(ch);
	need(gochan_recv(ch[0], &data, sizeof(data), NULL) == 1, "gochan_recv");
}

/* ---- the cases ------------------------------------------------------------- */

static const struct test {
	const char *name;
	void (*first)(void);
	void (*second)(void);
	unsigned int capacity;
	bool race;
} tests[] = {
	{ "race", write_only, read_only, 0, true },
	{ "race_after_the_send", send_write, recv_read, 1, true },
	{ "race_before_the_receive", send_read, write_recv, 1, true },
	{ "race_on_two_channels", write_send_other, send_recv_read, 1, true },
	{ "race_on_what_is_sent", send_data, write_only, 1, true },
	{ "race_on_what_is_received", send_recv_data, read_only, 1, true },
	{ "r18_send_before_receive", write_send, recv_read, 0, false },
	{ "r18_send_before_receive_buffered", write_send, recv_read, 4, false },
	{ "r18_receive_before_sent", send_read, write_recv, 0, false },
	{ "r18_receive_before_send_with_room", count_locked, count_locked, 1, false },
	{ "r18_close_before_end", write_close, end_read, 0, false },
	{ "r18_select", write_select, select_read, 0, false },
	{ "r18_batch", write_batch, recv_read, 0, false },
	{ "r18_call", write_call_read, recv_read_answer, 0, false },
};

/* A pipe used behind TSan's back: of system calls made like this it does not know. */
static int gate[2];

static void open_gate(void)
{
	need(syscall(SYS_write, gate[1], "", 1) == 1, "write");
}

static void wait_at_gate(void)
{
	char byte;

	need(syscall(SYS_read, gate[0], &byte, 1) == 1, "read");
}

static void *run_second(void *arg)
{
	const struct test *test = arg;

	if (test->race)
		wait_at_gate();
	test->second();
	return NULL;
}

static void run(const struct test *test)
{
	pthread_t second;

	data = 0;
	answer = 0;
	need(gochan_pair(ch, test->capacity, sizeof(int), 0) == 0, "gochan_pair");
	need(gochan_pair(other, 4, sizeof(int), 0) == 0, "gochan_pair");
	errno = pthread_create(&second, NULL, run_second, (void *)test);
	need(errno == 0, "pthread_create");
	test->first();
	if (test->race)
		open_gate();
	pthread_join(second, NULL);
	for (int i = 0; i < 2; i++) {
		close(ch[i]);
		close(other[i]);
	}
}

/* ---- what TSan says -------------------------------------------------------- */

static bool found;

/* TSan asks this for its options: each case counts, whatever it has in common with others. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "suppress_equal_stacks=0:suppress_equal_addresses=0:exitcode=0";
}

/* TSan calls this for every race that it has found. */
void __tsan_on_report(void *report);
void __tsan_on_report(void *report)
{
	(void)report;
	__atomic_store_n(&found, true, __ATOMIC_RELAXED);
}

/* What TSan wrote to standard error. */
static void show(int log)
{
	char line[256];
	FILE *file = fdopen(dup(log), "r");

	rewind(file);
	while (fgets(line, sizeof(line), file))
		printf("# %s", line);
	fclose(file);
}

static bool passes(const struct test *test, int log)
{
	need(ftruncate(log, 0) == 0, "ftruncate");
	lseek(log, 0, SEEK_SET);
	found = false;
	for (int i = 0; i < (test->race ? 1 : ROUNDS) && !found; i++)
		run(test);
	if (found == test->race)
		return true;
	show(log);
	printf("# %s was found\n", found ? "a race" : "no race");
	return false;
}

int main(void)
{
	const size_t count = sizeof(tests) / sizeof(*tests);
	const int log = memfd_create("log", 0);
	bool failed = false;

	need(pipe(gate) == 0, "pipe");
	need(dup2(log, STDERR_FILENO) >= 0, "dup2");
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..%zu\n", count);
	for (size_t i = 0; i < count; i++) {
		const bool passed = passes(&tests[i], log);

		failed |= !passed;
		printf("%s %zu %s\n", passed ? "ok" : "not ok", i + 1, tests[i].name);
	}
	return failed;
}
