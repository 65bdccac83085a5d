// SPDX-License-Identifier: GPL-2.0
/*
 * Jobs through NATS JetStream: a stream in memory that keeps a job until it is acknowledged
 * (work queue retention), and one pull consumer with explicit acknowledgments, from which
 * all workers fetch. NATS has no Unix sockets, so clients connect by TCP on the loopback
 * device. A thread of the client library waits a millisecond for more to write; with "asap"
 * each message is written at once, which executes more.
 *
 * A batch of one is published and awaited; of several, so many are in flight. The protocol
 * acknowledges jobs one by one, and the server does not confirm that.
 */
#include <err.h>
#include <nats/nats.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jobs.h"

#define URL		"nats://127.0.0.1:4222"
#define WAIT_MS		5000

/* Of the point that is measured, inherited by its processes. */
static bool send_asap;

/* The connection of this process. */
struct client {
	natsConnection *connection;
	jsCtx *js;
	natsSubscription *pull;
};

static void check(natsStatus status, const char *what)
{
	const char *detail = nats_GetLastError(NULL);

	if (status != NATS_OK)
		errx(1, "nats: %s: %s", what, detail ? detail : natsStatus_GetText(status));
}

static natsStatus try_connect(struct client *c)
{
	natsOptions *options = NULL;
	natsStatus status;

	check(natsOptions_Create(&options), "options");
	check(natsOptions_SetURL(options, URL), "URL");
	check(natsOptions_SetSendAsap(options, send_asap), "options");
	status = natsConnection_Connect(&c->connection, options);
	natsOptions_Destroy(options);
	return status;
}

static void open_jetstream(struct client *c, int64_t in_flight)
{
	jsOptions options;

	jsOptions_Init(&options);
	options.PublishAsync.MaxPending = in_flight;
	options.PublishAsync.StallWait = WAIT_MS;
	check(natsConnection_JetStream(&c->js, c->connection, &options), "jetstream");
}

/* ---- the server ---- */

static void make_stream(struct client *c)
{
	const char *subject = "jobs";
	jsStreamConfig config;

	jsStreamConfig_Init(&config);
	config.Name = "JOBS";
	config.Subjects = &subject;
	config.SubjectsLen = 1;
	config.Storage = js_MemoryStorage;
	config.Retention = js_WorkQueuePolicy;
	check(js_AddStream(NULL, c->js, &config, NULL, NULL), "stream");
}

static void make_consumer(struct client *c)
{
	jsConsumerConfig config;

	jsConsumerConfig_Init(&config);
	config.Durable = "pool";
	config.AckPolicy = js_AckExplicit;
	check(js_AddConsumer(NULL, c->js, "JOBS", &config, NULL, NULL), "consumer");
}

/* The library's threads do not survive a fork(), so another process uses it for the setup. */
static void run_setup(void)
{
	struct client c = { 0 };
	natsStatus status;
	unsigned int i;

	for (i = 0; i < 600; i++) {
		status = try_connect(&c);
		if (status == NATS_OK)
			break;
		nats_Sleep(10);
	}
	check(status, "connect");
	open_jetstream(&c, 1);
	make_stream(&c);
	make_consumer(&c);
	_exit(0);
}

static void setup(struct run *run)
{
	static const char *const argv[] = {
		"nats-server", "--addr", "127.0.0.1", "--jetstream", "--store_dir", "/tmp/nats",
		NULL
	};
	int status;
	pid_t pid;

	(void)run;
	server_start(argv);
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0)
		run_setup();
	if (waitpid(pid, &status, 0) != pid || status)
		errx(1, "nats: no stream of jobs");
}

static void setup_asap(struct run *run)
{
	send_asap = true;
	setup(run);
}

/* ---- producer and workers ---- */

static struct client *client(struct run *run)
{
	struct client *c = run->priv;

	if (c)
		return c;
	c = calloc(1, sizeof(*c));
	if (!c)
		err(1, "nats");
	check(try_connect(c), "connect");
	open_jetstream(c, run->point->param);
	run->priv = c;
	return c;
}

static void produce_sync(struct client *c, const void *job, unsigned int jobs)
{
	while (jobs--)
		check(js_Publish(NULL, c->js, "jobs", job, JOB_SIZE, NULL, NULL), "publish");
}

static void produce(struct run *run, unsigned int jobs)
{
	struct client *c = client(run);

	if (run->point->param == 1) {
		produce_sync(c, run->buf, jobs);
		return;
	}
	while (jobs--)
		check(js_PublishAsync(c->js, "jobs", run->buf, JOB_SIZE, NULL), "publish");
	check(js_PublishAsyncComplete(c->js, NULL), "publish");
}

static void subscribe(struct client *c)
{
	jsSubOptions options;

	jsSubOptions_Init(&options);
	options.Stream = "JOBS";
	options.Consumer = "pool";
	check(js_PullSubscribe(&c->pull, c->js, "jobs", "pool", NULL, &options, NULL),
	      "subscribe");
}

static void acknowledge(natsMsgList *list)
{
	int i;

	for (i = 0; i < list->Count; i++) {
		if (natsMsg_GetDataLength(list->Msgs[i]) != JOB_SIZE)
			errx(1, "nats: not a job");
		check(natsMsg_Ack(list->Msgs[i], NULL), "acknowledge");
	}
}

static void work(struct run *run, unsigned int worker, unsigned int jobs)
{
	struct client *c = client(run);
	natsMsgList list;
	natsStatus status;

	(void)worker;
	if (!c->pull)
		subscribe(c);
	while (jobs) {
		status = natsSubscription_Fetch(&list, c->pull, next_batch(run, jobs), WAIT_MS,
						NULL);
		if (status == NATS_TIMEOUT)
			continue;
		check(status, "fetch");
		acknowledge(&list);
		jobs -= list.Count;
		natsMsgList_Destroy(&list);
	}
}

const struct method nats_methods[] = {
	{ "nats", { 1, 16 }, setup, produce, work },
	{ "nats-asap", { 1, 16 }, setup_asap, produce, work },
	{ 0 }
};
