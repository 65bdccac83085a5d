// SPDX-License-Identifier: GPL-2.0
/*
 * debugged CASE: a program whose calls are logged, if GOCHAN_DEBUG says so, since the
 * library reads that when it is loaded. lib_debug and trace.sh run it. What the calls
 * return is printed on standard output, to be compared with what they return without a
 * log.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <gochan.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, SENDS = 50, UNTOUCHED = 77 };

static void show(const char *what, long ret)
{
	printf("%s: %ld, %s\n", what, ret, ret < 0 || errno != UNTOUCHED ? strerror(errno) : "-");
	errno = UNTOUCHED;
}

static void show_messages(void)
{
	const struct timespec past = { 0 };
	const int ch = gochan_make(2, 16, 0);
	char buf[16];
	size_t len;

	show("make", ch);
	show("send", gochan_send(ch, "hello", 5));
	show("recv", gochan_recv(ch, buf, sizeof(buf), &len));
	show("len", (long)len);
	show("try_send", gochan_try_send(ch, "abc", 3));
	show("recv, too small", gochan_recv(ch, buf, 2, &len));
	show("len", (long)len);
	show("try_recv", gochan_try_recv(ch, buf, sizeof(buf), NULL));
	show("try_recv", gochan_try_recv(ch, buf, sizeof(buf), NULL));
	show("send, too long", gochan_send(ch, buf, 17));
	show("recv_until", gochan_recv_until(ch, buf, sizeof(buf), NULL, &past));
	show("send, no channel", gochan_send(-1, "a", 1));
	show("send, no channel", gochan_send(STDIN_FILENO, "a", 1));
	show("len", gochan_len(ch));
	show("close", gochan_close(ch));
	show("close", gochan_close(ch));
	show("recv", gochan_recv(ch, buf, sizeof(buf), &len));
}

static void show_several(void)
{
	const int a = gochan_make(4, 16, 0), b = gochan_make(4, 16, 0);
	struct gochan_op ops[10];
	char buf[16];
	size_t len;

	for (int i = 0; i < 10; i++)
		ops[i] = GOCHAN_SEND(-1, "", 0);
	ops[0] = GOCHAN_POLL(a, POLLIN);
	ops[1] = GOCHAN_RECV(b, buf, sizeof(buf));
	show("select, none", gochan_select(ops, 10, 0, 0));
	show("send", gochan_send(b, "abc", 3));
	show("select", gochan_select(ops, 10, -1, 0));
	show("len", ops[1].len);
	show("select, no ops", gochan_select(ops, 0, 0, 0));
	ops[0] = GOCHAN_SEND(a, "a", 1);
	ops[1] = GOCHAN_SEND(b, "bc", 2);
	show("batch", gochan_batch(ops, 2, -1, 0));
	show("call", gochan_call(a, "ask", 3, b, buf, sizeof(buf), &len, -1));
	show("len", (long)len);
	show("call", gochan_call(a, "ask", 3, b, buf, sizeof(buf), &len, 0));
}

static void show_names(void)
{
	const struct gochan_setup setup = { .capacity = 1, .msg_size = 1 };

	gochan_unlink("ks-debug");
	show("create", gochan_create("ks-debug", 1, 1, 0, 0600));
	show("create", gochan_create_with("ks-debug", &setup, 0600));
	show("open", gochan_open("ks-debug", O_WRONLY));
	show("open", gochan_open("ks-no\nsuch channel", O_WRONLY));
	show("unlink", gochan_unlink("ks-debug"));
	show("unlink", gochan_unlink("ks-debug"));
}

static void show_groups(void)
{
	struct gochan_wg wg;
	int fds[2];

	show("pair", gochan_pair(fds, 1, 1, 0));
	show("dup", gochan_dup(fds[1], O_RDONLY));
	show("wg_init", gochan_wg_init(&wg, 2));
	show("wg_add", gochan_wg_add(&wg, 1));
	show("wg_done", gochan_wg_done(&wg));
	show("wg_done", gochan_wg_done(&wg));
	show("wg_wait", gochan_wg_wait(&wg));
}

/* A log does not end the time in which a channel can be set up. */
static void show_setup(void)
{
	const struct gochan_setup setup = { .capacity = 1, .msg_size = 1 };
	const struct timespec wrong = { .tv_nsec = -1 };
	const int ch = open("/dev/gochan", O_RDWR | O_CLOEXEC);

	show("recv_until", gochan_recv_until(ch, NULL, 0, NULL, &wrong));
	show("send_until", gochan_send_until(ch, NULL, 0, &wrong));
	show("setup", ioctl(ch, GOCHAN_IOC_SETUP, &setup));
}

static int all(void)
{
	errno = UNTOUCHED;
	show_messages();
	show_several();
	show_names();
	show_groups();
	show_setup();
	return 0;
}

static int leases(void)
{
	const int ch = gochan_make(2, 16, GOCHAN_ACK);
	struct gochan_lease lease;
	struct gochan_op ops[2];
	char buf[16];

	errno = UNTOUCHED;
	show("make", ch);
	for (int i = 0; i < 2; i++)
		show("send", gochan_send(ch, "ab", 2));
	show("recv_lease", gochan_recv_lease(ch, buf, sizeof(buf), NULL, &lease));
	show("requeue", gochan_requeue(ch, &lease));
	show("ack", gochan_ack(ch, &lease));
	show("recv_lease", gochan_recv_lease(ch, buf, sizeof(buf), NULL, &lease));
	ops[0] = (struct gochan_op){
		.fd = ch, .opcode = GOCHAN_OP_ACK, .lease = lease.lease,
	};
	ops[1] = GOCHAN_RECV(ch, buf, sizeof(buf));
	show("batch", gochan_batch(ops, 2, -1, 0));
	ops[0].lease = ops[1].lease;
	ops[0].flags = GOCHAN_REQUEUE;
	show("batch", gochan_batch(ops, 1, -1, 0));
	ops[1] = GOCHAN_RECV(ch, buf, sizeof(buf));
	show("select", gochan_select(ops + 1, 1, -1, 0));
	show("ack", gochan_ack(ch, &(struct gochan_lease){ .lease = ops[1].lease }));
	show("send", gochan_send(ch, "ab", 2));
	show("recv", gochan_recv(ch, buf, sizeof(buf), NULL));
	return 0;
}

static void *send_many(void *arg)
{
	const int *ch = arg;

	for (int i = 0; i < SENDS; i++)
		gochan_send(*ch, "a", 1);
	return NULL;
}

static int threads(void)
{
	int ch = gochan_make(THREADS * SENDS, 1, 0);
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, send_many, &ch);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	return gochan_len(ch) != THREADS * SENDS;
}

static int forks(void)
{
	const int ch = gochan_make(2, 16, 0);
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(gochan_send(ch, "child", 5));
	if (wait(&status) != pid || status)
		return 1;
	return gochan_send(ch, "par", 3);
}

static void *recv_one(void *arg)
{
	const int *ch = arg;

	gochan_recv(*ch, NULL, 0, NULL);
	return NULL;
}

static int cancelled(void)
{
	int ch = gochan_make(0, 16, 0);
	struct gochan_info info;
	pthread_t thread;

	pthread_create(&thread, NULL, recv_one, &ch);
	while (!gochan_info(ch, &info) && info.receivers_waiting == 0)
		usleep(1000);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	return 0;
}

/* The numbers of descriptors that the log could have used belong to a file now. */
static int closed(void)
{
	int fds[8];

	for (int fd = 0; fd < 100; fd++)
		close(fd);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		fds[i] = open("data", O_RDWR | O_CREAT, 0600);
	return fds[7] != 7 || gochan_make(1, 1, 0) != 8 || lseek(fds[0], 0, SEEK_END) != 0;
}

static void *exec_send(void *arg)
{
	(void)arg;
	execlp("gochan", "gochan", "send", "jobs", "ab", NULL);
	_exit(1);
}

/* Not the first thread executes a program. */
static int threads_exec(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, exec_send, NULL);
	pthread_join(thread, NULL);
	return 1;
}

static int changes_directory(void)
{
	return chdir("/") || gochan_make(1, 1, 0) < 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} cases[] = {
		{ "all", all },
		{ "leases", leases },
		{ "threads", threads },
		{ "forks", forks },
		{ "cancelled", cancelled },
		{ "closed", closed },
		{ "changes_directory", changes_directory },
		{ "threads_exec", threads_exec },
	};

	if (argc != 2)
		errx(1, "usage: debugged CASE");
	/* So that the first channel is descriptor 3. */
	closefrom(STDERR_FILENO + 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[1], cases[i].name) == 0)
			return cases[i].run();
	}
	errx(1, "%s: no such case", argv[1]);
}
