// SPDX-License-Identifier: GPL-2.0
/*
 * R18 as ThreadSanitizer sees it: no race is reported between threads that
 * synchronize by channels, and one is between threads that do not.
 *
 * A case is what two threads do, and whether that is a race. If it is one, the
 * second thread starts when the first has finished, without TSan's knowledge, so
 * that the result is the same in every run. TSan's output is printed only if the
 * result is not the expected one.
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

/* Two channels (receiving and sending handle), and the data that threads exchange. */
static int ch[2], other[2];
static int data, answer, message;

static void require(bool good, const char *call)
{
	if (good)
		return;
	printf("# %s: %m\n", call);
	_exit(1);
}

static void send_on(const int fds[2])
{
	const int msg = 1;

	require(gochan_send(fds[1], &msg, sizeof(msg)) == 0, "gochan_send");
}

static void recv_on(const int fds[2])
{
	int msg;

	require(gochan_recv(fds[0], &msg, sizeof(msg), NULL) == 1, "gochan_recv");
}

static void check(int *what)
{
	require(*what == 0 || *what == 1, "data");
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
	check(&data);
}

static void recv_read(void)
{
	recv_on(ch);
	check(&data);
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
	check(&data);
}

static void write_close(void)
{
	data = 1;
	require(gochan_close(ch[1]) == 0, "gochan_close");
}

static void closed_read(void)
{
	int msg;

	require(gochan_recv(ch[0], &msg, sizeof(msg), NULL) == 0, "gochan_recv");
	check(&data);
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
	check(&data);
}

static void write_select(void)
{
	const int msg = 1;
	struct gochan_op ops[] = {
		GOCHAN_RECV(other[0], &message, sizeof(message)),
		GOCHAN_SEND(ch[1], &msg, sizeof(msg)),
	};

	data = 1;
	require(gochan_select(ops, 2, -1, 0) == 1, "gochan_select");
}

static void select_read(void)
{
	struct gochan_op ops[] = {
		GOCHAN_RECV(other[0], &message, sizeof(message)),
		GOCHAN_RECV(ch[0], &message, sizeof(message)),
		GOCHAN_POLL(-1, POLLIN),
	};

	require(gochan_select(ops, 3, -1, 0) == 1, "gochan_select");
	check(&data);
}

static void write_batch(void)
{
	const int msg = 1;
	struct gochan_op ops[] = {
		GOCHAN_SEND(other[1], &msg, sizeof(msg)),
		GOCHAN_SEND(ch[1], &msg, sizeof(msg)),
	};

	data = 1;
	require(gochan_batch(ops, 2, -1, 0) == 2, "gochan_batch");
}

static void write_call_read(void)
{
	const int msg = 1;
	int reply;

	data = 1;
	require(gochan_call(ch[1], &msg, sizeof(msg), other[0], &reply, sizeof(reply),
			    NULL, -1) == 1, "gochan_call");
	check(&answer);
}

static void recv_read_answer(void)
{
	recv_on(ch);
	check(&data);
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

/* The message is data itself: a send reads it, a receive writes it. */
static void send_data(void)
{
	require(gochan_send(ch[1], &data, sizeof(data)) == 0, "gochan_send");
}

static void send_recv_data(void)
{
	send_on(ch);
	require(gochan_recv(ch[0], &data, sizeof(data), NULL) == 1, "gochan_recv");
}

/* ---- on an acknowledged channel ---- */

static void lease(struct gochan_lease *lease)
{
	int msg;

	require(gochan_recv_lease(ch[0], &msg, sizeof(msg), NULL, lease) == 1,
		"gochan_recv_lease");
}

static void end_by_op(const struct gochan_lease *lease, unsigned int flags)
{
	struct gochan_op op = {
		.fd = ch[0], .opcode = GOCHAN_OP_ACK, .flags = flags, .lease = lease->lease,
	};

	require(gochan_batch(&op, 1, -1, 0) == 1, "gochan_batch");
}

/* With one slot as a mutex: sending locks, acknowledging unlocks. */
static void count_leased(void)
{
	struct gochan_lease got;

	for (int i = 0; i < ROUNDS; i++) {
		send_on(ch);
		lease(&got);
		data = !data;
		require(gochan_ack(ch[0], &got) == 0, "gochan_ack");
	}
}

static void count_leased_by_op(void)
{
	struct gochan_lease got;

	for (int i = 0; i < ROUNDS; i++) {
		send_on(ch);
		lease(&got);
		data = !data;
		end_by_op(&got, 0);
	}
}

/* With one message as a mutex: leasing locks, returning unlocks. */
static void count_requeued(void)
{
	struct gochan_lease got;

	for (int i = 0; i < ROUNDS; i++) {
		lease(&got);
		data = !data;
		require(gochan_requeue(ch[0], &got) == 0, "gochan_requeue");
	}
}

static void send_count_requeued(void)
{
	send_on(ch);
	count_requeued();
}

static void count_requeued_by_op(void)
{
	struct gochan_lease got;

	for (int i = 0; i < ROUNDS; i++) {
		lease(&got);
		data = !data;
		end_by_op(&got, GOCHAN_REQUEUE);
	}
}

static void send_count_requeued_by_op(void)
{
	send_on(ch);
	count_requeued_by_op();
}

static void lease_ack_write(void)
{
	struct gochan_lease got;

	send_on(ch);
	lease(&got);
	require(gochan_ack(ch[0], &got) == 0, "gochan_ack");
	data = 1;
}

/* ---- the cases ------------------------------------------------------------- */

static const struct test {
	const char *name;
	void (*first)(void);
	void (*second)(void);
	unsigned int capacity;
	bool race;
	unsigned int flags;	/* of the channel */
} tests[] = {
	{ "race", write_only, read_only, 0, true, 0 },
	{ "race_after_send", send_write, recv_read, 1, true, 0 },
	{ "race_before_receive", send_read, write_recv, 1, true, 0 },
	{ "race_on_two_channels", write_send_other, send_recv_read, 1, true, 0 },
	{ "race_on_sent_buffer", send_data, write_only, 1, true, 0 },
	{ "race_on_received_buffer", send_recv_data, read_only, 1, true, 0 },
	{ "r18_send_before_receive", write_send, recv_read, 0, false, 0 },
	{ "r18_send_before_receive_buffered", write_send, recv_read, 4, false, 0 },
	{ "r18_receive_before_send_unbuffered", send_read, write_recv, 0, false, 0 },
	{ "r18_receive_before_send_buffered", count_locked, count_locked, 1, false, 0 },
	{ "r18_close_before_end", write_close, closed_read, 0, false, 0 },
	{ "r18_select", write_select, select_read, 0, false, 0 },
	{ "r18_batch", write_batch, recv_read, 0, false, 0 },
	{ "r18_call", write_call_read, recv_read_answer, 0, false, 0 },
	{ "race_after_ack", lease_ack_write, send_read, 1, true, GOCHAN_ACK },
	{ "r18_ack_before_send", count_leased, count_leased, 1, false, GOCHAN_ACK },
	{ "r18_ack_op_before_send", count_leased_by_op, count_leased_by_op, 1, false, GOCHAN_ACK },
	{ "r21_requeue_before_delivery", send_count_requeued, count_requeued, 1, false,
	  GOCHAN_ACK },
	{ "r21_requeue_op_before_delivery", send_count_requeued_by_op, count_requeued_by_op, 1,
	  false, GOCHAN_ACK },
};

/* A pipe that TSan does not see, as it does not intercept syscall(2). */
static int gate[2];

static void open_gate(void)
{
	require(syscall(SYS_write, gate[1], "", 1) == 1, "write");
}

static void wait_at_gate(void)
{
	char byte;

	require(syscall(SYS_read, gate[0], &byte, 1) == 1, "read");
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
	require(gochan_pair(ch, test->capacity, sizeof(int), test->flags) == 0, "gochan_pair");
	require(gochan_pair(other, 4, sizeof(int), 0) == 0, "gochan_pair");
	errno = pthread_create(&second, NULL, run_second, (void *)test);
	require(errno == 0, "pthread_create");
	test->first();
	if (test->race)
		open_gate();
	pthread_join(second, NULL);
	for (int i = 0; i < 2; i++) {
		close(ch[i]);
		close(other[i]);
	}
}

/* ---- reports of TSan ------------------------------------------------------- */

static bool found;

/* TSan gets its options from here: report every race, even one like those before. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "suppress_equal_stacks=0:suppress_equal_addresses=0:exitcode=0";
}

/* TSan calls this for every race that it reports. */
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
	require(ftruncate(log, 0) == 0, "ftruncate");
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

	require(pipe(gate) == 0, "pipe");
	require(dup2(log, STDERR_FILENO) >= 0, "dup2");
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..%zu\n", count);
	for (size_t i = 0; i < count; i++) {
		const bool passed = passes(&tests[i], log);

		failed |= !passed;
		printf("%s %zu %s\n", passed ? "ok" : "not ok", i + 1, tests[i].name);
	}
	return failed;
}
