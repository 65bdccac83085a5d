// SPDX-License-Identifier: GPL-2.0
/*
 * The load of the bridge's benchmark: messages of a producer to a pool of workers that
 * acknowledge them, by channels, which a bridge joins, or by a plain client of NATS, which
 * uses the same stream and the same consumer.
 *
 *   load produce FROM COUNT SIZE BATCH PAUSE_US
 *	send so many messages of so many bytes; prints when it began
 *   load work TO COUNT WORKERS BATCH
 *	receive and acknowledge so many, by so many processes; prints "ready", and at the end
 *	when the last message came, and the median and the 99th percentile of the time that
 *	messages have taken
 *
 * -a, before the command: libnats sends each message at once, instead of after up to a
 * millisecond, together with what else there is then.
 *
 * FROM and TO are a channel, or nats://HOST/STREAM. BATCH is how many messages the producer
 * has in flight, and the worker receives in one call. Times are in nanoseconds of
 * CLOCK_MONOTONIC, which is the same on all machines that are network namespaces of one
 * kernel; a message begins with the time at which it was sent.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <nats/nats.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gochan.h"

#define BATCH_MAX	256
#define SIZE_MAX_BYTES	65536
#define IDLE_MS		100	/* after which a worker looks whether all is done */
#define WAIT_MS		30000
#define ACK_WAIT_NS	30000000000LL

/**
 * struct shared - what the workers share
 * @ready: workers that can receive
 * @done: messages that were received
 * @last: when the last one came
 * @times: how long each has taken
 */
struct shared {
	unsigned int ready;
	unsigned int done;
	uint64_t last;
	uint64_t times[];
};

/* The connection of this process. */
static struct {
	natsConnection *connection;
	jsCtx *js;
	char subject[128];
	const char *stream;
	bool send_asap;
} nats;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static unsigned int parse(const char *text, unsigned int min, unsigned int max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || *end || n < min || n > max)
		errx(2, "%s: not a number from %u to %u", text, min, max);
	return n;
}

/*
 * Memory whose pages are there: to fault them in, huge ones above all, would count as time of
 * the first messages.
 */
static void *touched_memory(size_t size)
{
	void *memory = malloc(size);

	if (!memory)
		err(1, "memory");
	memset(memory, 1, size);
	return memory;
}

static bool is_url(const char *name)
{
	return strncmp(name, "nats://", 7) == 0;
}

static void check(natsStatus status, const char *what)
{
	const char *detail = nats_GetLastError(NULL);

	if (status != NATS_OK)
		errx(1, "%s: %s", what, detail ? detail : natsStatus_GetText(status));
}

static void nats_open(const char *url, unsigned int in_flight)
{
	natsOptions *options = NULL;
	jsOptions js_options;
	char *server = strdup(url), *slash;

	slash = server ? strrchr(server, '/') : NULL;
	if (!slash || slash < server + 8)
		errx(2, "%s: not nats://HOST/STREAM", url);
	*slash = '\0';
	nats.stream = slash + 1;
	snprintf(nats.subject, sizeof(nats.subject), "gochan.%s", nats.stream);
	check(natsOptions_Create(&options), "options");
	check(natsOptions_SetURL(options, server), "URL");
	check(natsOptions_SetSendAsap(options, nats.send_asap), "options");
	check(natsConnection_Connect(&nats.connection, options), "connect");
	natsOptions_Destroy(options);
	jsOptions_Init(&js_options);
	js_options.PublishAsync.MaxPending = in_flight;
	js_options.PublishAsync.StallWait = WAIT_MS;
	check(natsConnection_JetStream(&nats.js, nats.connection, &js_options), "jetstream");
}

/* ---- the producer ---- */

static void publish(unsigned int i, const void *message, size_t size, bool wait)
{
	jsPubOptions options;
	char id[64];

	snprintf(id, sizeof(id), "%d-%u", getpid(), i);
	jsPubOptions_Init(&options);
	options.MsgId = id;
	if (wait)
		check(js_Publish(NULL, nats.js, nats.subject, message, size, &options, NULL),
		      "publish");
	else
		check(js_PublishAsync(nats.js, nats.subject, message, size, &options), "publish");
}

static void produce_nats(char *message, unsigned int count, size_t size, unsigned int batch,
			 unsigned int pause_us)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		const uint64_t sent = now();

		memcpy(message, &sent, sizeof(sent));
		publish(i, message, size, batch == 1);
		if (pause_us)
			usleep(pause_us);
	}
	if (batch > 1)
		check(js_PublishAsyncComplete(nats.js, NULL), "publish");
}

static void produce_channel(int ch, char *messages, unsigned int count, size_t size,
			    unsigned int batch, unsigned int pause_us)
{
	struct gochan_op ops[BATCH_MAX];
	unsigned int i, n;

	for (; count; count -= n) {
		n = count < batch ? count : batch;
		for (i = 0; i < n; i++) {
			const uint64_t sent = now();

			memcpy(messages + i * size, &sent, sizeof(sent));
			ops[i] = GOCHAN_SEND(ch, messages + i * size, size);
		}
		if (gochan_batch(ops, n, -1, 0) != (int)n)
			err(1, "send");
		if (pause_us)
			usleep(pause_us);
	}
}

static void produce(char **argv)
{
	const unsigned int count = parse(argv[1], 1, 10000000);
	const size_t size = parse(argv[2], sizeof(uint64_t), SIZE_MAX_BYTES);
	const unsigned int batch = parse(argv[3], 1, BATCH_MAX);
	const unsigned int pause_us = parse(argv[4], 0, 1000000);
	char *messages = touched_memory(batch * size);
	uint64_t start;
	int ch = -1;

	if (is_url(argv[0]))
		nats_open(argv[0], batch);
	else
		ch = gochan_open(argv[0], O_WRONLY);
	if (!nats.js && ch < 0)
		err(1, "%s", argv[0]);
	start = now();
	if (nats.js)
		produce_nats(messages, count, size, batch, pause_us);
	else
		produce_channel(ch, messages, count, size, batch, pause_us);
	printf("%" PRIu64 "\n", start);
	free(messages);
}

/* ---- workers ---- */

static void received(struct shared *shared, unsigned int count, const void *message)
{
	const uint64_t at = now();
	unsigned int i = __atomic_fetch_add(&shared->done, 1, __ATOMIC_ACQ_REL);
	uint64_t sent;

	if (i >= count)
		errx(1, "more messages than were sent");
	memcpy(&sent, message, sizeof(sent));
	shared->times[i] = at - sent;
	if (i + 1 == count)
		shared->last = at;
}

static bool all_done(const struct shared *shared, unsigned int count)
{
	return __atomic_load_n(&shared->done, __ATOMIC_ACQUIRE) >= count;
}

static natsSubscription *subscribe(void)
{
	natsSubscription *pull = NULL;
	jsSubOptions options;

	jsSubOptions_Init(&options);
	options.Stream = nats.stream;
	options.Config.Durable = "gochan";
	options.Config.FilterSubject = nats.subject;
	options.Config.AckPolicy = js_AckExplicit;
	options.Config.AckWait = ACK_WAIT_NS;
	options.Config.MaxDeliver = -1;
	options.Config.MaxAckPending = 65536;
	check(js_PullSubscribe(&pull, nats.js, nats.subject, "gochan", NULL, &options, NULL),
	      "subscribe");
	return pull;
}

/* Ask for a batch, which ends with a status after IDLE_MS. */
static void request(const char *inbox, unsigned int batch)
{
	char subject[192], text[96];

	snprintf(subject, sizeof(subject), "$JS.API.CONSUMER.MSG.NEXT.%s.gochan", nats.stream);
	snprintf(text, sizeof(text), "{\"batch\":%u,\"expires\":%lld}", batch,
		 IDLE_MS * 1000000LL);
	check(natsConnection_PublishRequestString(nats.connection, subject, inbox, text),
	      "request");
}

/* Receive a batch, or what there is of it. Now and then the server sends no status. */
static void work_batch(struct shared *shared, natsSubscription *sub, unsigned int count,
		       unsigned int batch)
{
	const char *reply;
	natsStatus status;
	natsMsg *msg;

	while (batch--) {
		status = natsSubscription_NextMsg(&msg, sub, 5 * IDLE_MS);
		if (status == NATS_TIMEOUT)
			return;
		check(status, "receive");
		reply = natsMsg_GetReply(msg);
		if (!reply || !*reply) {
			natsMsg_Destroy(msg);
			return;
		}
		received(shared, count, natsMsg_GetData(msg));
		check(natsConnection_PublishString(nats.connection, reply, "+ACK"),
		      "acknowledge");
		natsMsg_Destroy(msg);
	}
}

/*
 * Not by natsSubscription_Fetch(), whose requests overlap: in libnats 3.4 it then writes beyond
 * its list.
 */
static void work_nats(struct shared *shared, const char *url, unsigned int count,
		      unsigned int batch)
{
	natsSubscription *consumer, *sub = NULL;
	natsInbox *inbox = NULL;

	nats_open(url, 1);
	consumer = subscribe();
	check(natsInbox_Create(&inbox), "inbox");
	check(natsConnection_SubscribeSync(&sub, nats.connection, inbox), "subscribe");
	__atomic_add_fetch(&shared->ready, 1, __ATOMIC_RELEASE);
	while (!all_done(shared, count)) {
		request(inbox, batch);
		work_batch(shared, sub, count, batch);
	}
	check(natsConnection_FlushTimeout(nats.connection, WAIT_MS), "flush");
	(void)consumer;
}

/* Wait for a message, and take what else is there. */
static unsigned int receive(struct gochan_op *ops, int ch, char *messages, size_t size,
			    unsigned int batch)
{
	unsigned int i;
	int got;

	for (i = 0; i < batch; i++)
		ops[i] = GOCHAN_RECV(ch, messages + i * size, size);
	got = gochan_select(ops, 1, IDLE_MS * 1000000LL, 0);
	if (got < 0 && (errno == ETIMEDOUT || errno == EAGAIN))
		return 0;
	if (got < 0 || ops[0].result == GOCHAN_R_CLOSED)
		err(1, "receive");
	if (batch == 1)
		return 1;
	got = gochan_batch(ops + 1, batch - 1, 0, 0);
	return 1 + (got > 0 ? got : 0);
}

static void work_channel(struct shared *shared, const char *name, unsigned int count,
			 unsigned int batch)
{
	struct gochan_op ops[BATCH_MAX], acks[BATCH_MAX];
	int ch = gochan_open(name, O_RDONLY);
	struct gochan_info info;
	unsigned int i, n;
	char *messages;

	if (ch < 0 || gochan_info(ch, &info) < 0)
		err(1, "%s", name);
	messages = touched_memory((size_t)batch * info.msg_size);
	__atomic_add_fetch(&shared->ready, 1, __ATOMIC_RELEASE);
	while (!all_done(shared, count)) {
		n = receive(ops, ch, messages, info.msg_size, batch);
		for (i = 0; i < n; i++) {
			received(shared, count, messages + i * info.msg_size);
			acks[i] = (struct gochan_op) {
				.fd = ch, .opcode = GOCHAN_OP_ACK, .lease = ops[i].lease,
			};
		}
		if (n && gochan_batch(acks, n, -1, 0) != (int)n)
			err(1, "acknowledge");
	}
	free(messages);
}

static int compare(const void *a, const void *b)
{
	const uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

	return (one > other) - (one < other);
}

static void print_times(struct shared *shared, unsigned int count)
{
	qsort(shared->times, count, sizeof(*shared->times), compare);
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", shared->last, shared->times[count / 2],
	       shared->times[count * 99 / 100]);
}

static void wait_for_workers(unsigned int workers)
{
	int status;

	while (workers--) {
		if (wait(&status) < 0 || status)
			errx(1, "a worker has failed");
	}
}

static void work(char **argv)
{
	const unsigned int count = parse(argv[1], 1, 10000000);
	const unsigned int workers = parse(argv[2], 1, 64);
	const unsigned int batch = parse(argv[3], 1, BATCH_MAX);
	struct shared *shared;
	unsigned int i;
	pid_t pid;

	shared = mmap(NULL, sizeof(*shared) + count * sizeof(uint64_t), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		err(1, "memory");
	for (i = 0; i < workers; i++) {
		pid = fork();
		if (pid < 0)
			err(1, "fork");
		if (pid)
			continue;
		if (is_url(argv[0]))
			work_nats(shared, argv[0], count, batch);
		else
			work_channel(shared, argv[0], count, batch);
		_exit(0);
	}
	while (__atomic_load_n(&shared->ready, __ATOMIC_ACQUIRE) < workers) {
		if (waitpid(-1, NULL, WNOHANG))
			errx(1, "a worker has failed");
		usleep(1000);
	}
	puts("ready");
	fflush(stdout);
	wait_for_workers(workers);
	print_times(shared, count);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "-a")) {
		nats.send_asap = true;
		argc--;
		argv++;
	}
	if (argc == 7 && !strcmp(argv[1], "produce"))
		produce(argv + 2);
	else if (argc == 6 && !strcmp(argv[1], "work"))
		work(argv + 2);
	else
		errx(2, "wrong arguments; see the beginning of load.c");
	return 0;
}
