// SPDX-License-Identifier: GPL-2.0
/*
 * A client of NATS beside the bridge, for the tests: makes streams and shows their state.
 *
 *   nats SERVERS ready
 *	exit with 0 if JetStream answers
 *   nats SERVERS make STREAM [KEY=VALUE...]
 *	make a stream with the subject gochan.STREAM, see set_option()
 *   nats SERVERS get STREAM FIELD
 *	print a field of the stream, see print_stream()
 *   nats SERVERS consumer STREAM FIELD
 *	print a field of its consumer "gochan", see print_consumer()
 *   nats SERVERS show STREAM
 *	print what helps to understand a failure
 *   nats SERVERS publish SUBJECT COUNT SIZE
 *	publish messages into a stream
 *   nats SERVERS strand STREAM CAPACITY ACK_WAIT
 *	leave a message in the stream that is never delivered, see run_strand()
 *   nats SERVERS forget STREAM
 *	delete its consumer "gochan"
 *   nats SERVERS record STREAM
 *	until it is killed, print a line for each message that has to do with the jobs of a
 *	stream, see on_message()
 *
 * SERVERS is nats://HOST[,nats://HOST...]. A call that fails is not repeated: tests wait for
 * what they need.
 */
#include <err.h>
#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define TIMEOUT_MS		3000
#define RECONNECT_MS	100
#define MAX_SERVERS		8
#define NS_PER_S		1000000000LL
#define ACK_WAIT_MS		500

static natsConnection *nc;
static jsCtx *js;

static void check(natsStatus status, const char *what)
{
	const char *detail = nats_GetLastError(NULL);

	if (status != NATS_OK)
		errx(1, "%s: %s", what, detail && *detail ? detail : natsStatus_GetText(status));
}

static void open_connection(char *servers)
{
	const char *list[MAX_SERVERS];
	natsOptions *options = NULL;
	jsOptions js_options;
	char *server;
	int n = 0;

	while ((server = strsep(&servers, ",")) && n < MAX_SERVERS)
		list[n++] = server;
	check(natsOptions_Create(&options), "options");
	check(natsOptions_SetServers(options, list, n), "servers");
	check(natsOptions_SetTimeout(options, TIMEOUT_MS), "timeout");
	check(natsOptions_SetMaxReconnect(options, -1), "reconnect");
	check(natsOptions_SetReconnectWait(options, RECONNECT_MS), "reconnect");
	check(natsConnection_Connect(&nc, options), "connect");
	natsOptions_Destroy(options);
	jsOptions_Init(&js_options);
	js_options.Wait = TIMEOUT_MS;
	check(natsConnection_JetStream(&js, nc, &js_options), "JetStream");
}

static int run_ready(char **args)
{
	jsAccountInfo *info;

	(void)args;
	check(js_GetAccountInfo(&info, js, NULL, NULL), "JetStream");
	jsAccountInfo_Destroy(info);
	return 0;
}

/* The defaults are those of a stream that a bridge makes. */
static void set_option(jsStreamConfig *config, const char *key, const char *value)
{
	if (!strcmp(key, "subject"))
		config->Subjects[0] = value;
	else if (!strcmp(key, "retention"))
		config->Retention = !strcmp(value, "limits") ? js_LimitsPolicy :
							       js_InterestPolicy;
	else if (!strcmp(key, "discard"))
		config->Discard = js_DiscardOld;
	else if (!strcmp(key, "storage"))
		config->Storage = js_MemoryStorage;
	else if (!strcmp(key, "messages"))
		config->MaxMsgs = strtoll(value, NULL, 10);
	else if (!strcmp(key, "message_size"))
		config->MaxMsgSize = strtol(value, NULL, 10);
	else if (!strcmp(key, "age"))
		config->MaxAge = strtoll(value, NULL, 10) * NS_PER_S;
	else if (!strcmp(key, "replicas"))
		config->Replicas = strtoll(value, NULL, 10);
	else
		errx(2, "%s: no such option", key);
}

static int run_make(char **args)
{
	const char *subjects[2];
	char subject[128], marker[128];
	jsStreamConfig config;
	char **option, *key;

	snprintf(subject, sizeof(subject), "gochan.%s", args[0]);
	snprintf(marker, sizeof(marker), "gochan.%s.close", args[0]);
	subjects[0] = subject;
	subjects[1] = marker;
	jsStreamConfig_Init(&config);
	config.Name = args[0];
	config.Subjects = subjects;
	config.SubjectsLen = ARRAY_SIZE(subjects);
	config.Retention = js_WorkQueuePolicy;
	config.Discard = js_DiscardNew;
	config.MaxMsgs = 1024;
	for (option = args + 1; *option; option++) {
		key = strsep(option, "=");
		if (!*option)
			errx(2, "%s: not KEY=VALUE", key);
		set_option(&config, key, *option);
	}
	check(js_AddStream(NULL, js, &config, NULL, NULL), args[0]);
	return 0;
}

/* ---- state ---- */

static void print_current(const jsStreamInfo *info)
{
	int i, current = 1;

	for (i = 0; info->Cluster && i < info->Cluster->ReplicasLen; i++)
		current += info->Cluster->Replicas[i]->Current &&
			   !info->Cluster->Replicas[i]->Offline;
	printf("%d\n", current);
}

/* messages, leader (server name), current (replicas that are up to date), sealed, ... */
static void print_stream(const jsStreamInfo *info, const char *field)
{
	if (!strcmp(field, "messages"))
		printf("%llu\n", (unsigned long long)info->State.Msgs);
	else if (!strcmp(field, "last"))
		printf("%llu\n", (unsigned long long)info->State.LastSeq);
	else if (!strcmp(field, "capacity"))
		printf("%lld\n", (long long)info->Config->MaxMsgs);
	else if (!strcmp(field, "replicas"))
		printf("%lld\n", (long long)info->Config->Replicas);
	else if (!strcmp(field, "sealed"))
		puts(info->Config->Sealed ? "yes" : "no");
	else if (!strcmp(field, "leader"))
		puts(info->Cluster && info->Cluster->Leader ? info->Cluster->Leader : "");
	else if (!strcmp(field, "current"))
		print_current(info);
	else
		errx(2, "%s: no such field of a stream", field);
}

static int run_get(char **args)
{
	jsStreamInfo *info;

	check(js_GetStreamInfo(&info, js, args[0], NULL, NULL), args[0]);
	print_stream(info, args[1]);
	jsStreamInfo_Destroy(info);
	return 0;
}

static void print_consumer(const jsConsumerInfo *info, const char *field)
{
	if (!strcmp(field, "unacknowledged"))
		printf("%lld\n", (long long)info->NumAckPending);
	else if (!strcmp(field, "redelivered"))
		printf("%lld\n", (long long)info->NumRedelivered);
	else if (!strcmp(field, "left"))
		printf("%llu\n", (unsigned long long)info->NumPending + info->NumAckPending);
	else
		errx(2, "%s: no such field of a consumer", field);
}

static int run_consumer(char **args)
{
	jsConsumerInfo *info;

	check(js_GetConsumerInfo(&info, js, args[0], "gochan", NULL, NULL), args[0]);
	print_consumer(info, args[1]);
	jsConsumerInfo_Destroy(info);
	return 0;
}

static void show_subjects(const jsStreamStateSubjects *subjects)
{
	int i;

	for (i = 0; subjects && i < subjects->Count; i++)
		printf("%s: %llu messages\n", subjects->List[i].Subject,
		       (unsigned long long)subjects->List[i].Msgs);
}

/* The messages that are in the stream, by number. */
static void show_messages(const char *stream, const jsStreamState *state)
{
	natsMsg *msg;
	uint64_t i;

	for (i = state->FirstSeq; i <= state->LastSeq; i++) {
		if (js_GetMsg(&msg, js, stream, i, NULL, NULL) != NATS_OK)
			continue;
		printf("%llu of %s: %.32s\n", (unsigned long long)i, natsMsg_GetSubject(msg),
		       natsMsg_GetData(msg));
		natsMsg_Destroy(msg);
	}
}

static int run_show(char **args)
{
	static const char *const stream_fields[] = { "messages", "last", "sealed", "leader" };
	static const char *const consumer_fields[] = { "left", "unacknowledged", "redelivered" };
	jsConsumerInfo *consumer;
	jsStreamInfo *stream;
	jsOptions options;
	unsigned int i;

	jsOptions_Init(&options);
	options.Stream.Info.SubjectsFilter = ">";
	check(js_GetStreamInfo(&stream, js, args[0], &options, NULL), args[0]);
	for (i = 0; i < ARRAY_SIZE(stream_fields); i++) {
		printf("%s: ", stream_fields[i]);
		print_stream(stream, stream_fields[i]);
	}
	show_subjects(stream->State.Subjects);
	show_messages(args[0], &stream->State);
	jsStreamInfo_Destroy(stream);
	check(js_GetConsumerInfo(&consumer, js, args[0], "gochan", NULL, NULL), "consumer");
	for (i = 0; i < ARRAY_SIZE(consumer_fields); i++) {
		printf("%s: ", consumer_fields[i]);
		print_consumer(consumer, consumer_fields[i]);
	}
	printf("delivered up to: %llu, acknowledged up to: %llu\n",
	       (unsigned long long)consumer->Delivered.Stream,
	       (unsigned long long)consumer->AckFloor.Stream);
	jsConsumerInfo_Destroy(consumer);
	return 0;
}

/* Take a message of the consumer, with or without acknowledging it. */
static void take_one(natsSubscription *sub, bool acknowledge)
{
	natsMsgList list;

	check(natsSubscription_Fetch(&list, sub, 1, 5000, NULL), "fetch");
	if (acknowledge)
		check(natsMsg_AckSync(list.Msgs[0], NULL, NULL), "acknowledge");
	natsMsgList_Destroy(&list);
}

static uint64_t ack_floor(const char *stream)
{
	jsConsumerInfo *info;
	uint64_t floor;

	check(js_GetConsumerInfo(&info, js, stream, "gochan", NULL, NULL), "consumer");
	floor = info->AckFloor.Stream;
	jsConsumerInfo_Destroy(info);
	return floor;
}

/*
 * Leave the first message in the stream as one with which its consumer is done, as a cluster
 * may do: it is delivered once, to nobody, and not again, which the consumer finds out when it
 * is asked for more. Others are acknowledged; print the number of the last one.
 */
static int run_strand(char **args)
{
	natsSubscription *sub;
	jsConsumerConfig config;
	jsSubOptions options;
	char subject[128];
	int last;

	snprintf(subject, sizeof(subject), "gochan.%s", args[0]);
	jsConsumerConfig_Init(&config);
	config.Durable = "gochan";
	config.FilterSubject = subject;
	config.AckPolicy = js_AckExplicit;
	config.AckWait = ACK_WAIT_MS * (NS_PER_S / 1000);
	config.MaxDeliver = 1;
	config.MaxAckPending = strtol(args[1], NULL, 10);
	check(js_AddConsumer(NULL, js, args[0], &config, NULL, NULL), "consumer");
	jsSubOptions_Init(&options);
	options.Stream = args[0];
	options.Consumer = "gochan";
	check(js_PullSubscribe(&sub, js, subject, "gochan", NULL, &options, NULL), "subscribe");
	take_one(sub, false);
	for (last = 2; ack_floor(args[0]) < 1; last++) {
		nats_Sleep(ACK_WAIT_MS);
		take_one(sub, true);
	}
	printf("%d\n", last - 1);
	config.AckWait = strtol(args[2], NULL, 10) * NS_PER_S;
	config.MaxDeliver = -1;
	check(js_AddConsumer(NULL, js, args[0], &config, NULL, NULL), "consumer");
	return 0;
}

static int run_publish(char **args)
{
	long count = strtol(args[1], NULL, 0), size = strtol(args[2], NULL, 0);
	char *payload = calloc(1, size + 1);

	if (!payload)
		err(1, "publish");
	memset(payload, 'x', size);
	while (count-- > 0)
		check(js_Publish(NULL, js, args[0], payload, size, NULL, NULL), args[0]);
	free(payload);
	return 0;
}

static int run_forget(char **args)
{
	check(js_DeleteConsumer(js, args[0], "gochan", NULL, NULL), args[0]);
	return 0;
}

/* ---- recording ---- */

/* "SUBJECT REPLY DATA". The reply is "-" if there is none; data can be empty. */
static void on_message(natsConnection *connection, natsSubscription *sub, natsMsg *msg,
		       void *closure)
{
	const char *reply = natsMsg_GetReply(msg);

	(void)connection;
	(void)sub;
	(void)closure;
	printf("%s %s %.*s\n", natsMsg_GetSubject(msg), reply ? reply : "-",
	       natsMsg_GetDataLength(msg), natsMsg_GetData(msg));
	natsMsg_Destroy(msg);
}

/*
 * Jobs on their way into the stream; to bridges, as answers to their requests, with the
 * subject for the acknowledgment as reply; and acknowledgments.
 */
static int run_record(char **args)
{
	const char *const formats[] = { "gochan.%s", "$JS.ACK.%s.>", "_INBOX.>" };
	natsSubscription *sub;
	char subject[128];
	unsigned int i;

	setlinebuf(stdout);
	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		snprintf(subject, sizeof(subject), formats[i], args[0]);
		check(natsConnection_Subscribe(&sub, nc, subject, on_message, NULL), subject);
	}
	check(natsConnection_Flush(nc), "flush");
	puts("recording");
	pause();
	return 0;
}

static const struct command {
	const char *name;
	int args;
	int (*run)(char **args);
} commands[] = {
	{ "ready", 0, run_ready },
	{ "make", 1, run_make },
	{ "get", 2, run_get },
	{ "consumer", 2, run_consumer },
	{ "show", 1, run_show },
	{ "publish", 3, run_publish },
	{ "strand", 3, run_strand },
	{ "forget", 1, run_forget },
	{ "record", 1, run_record },
};

int main(int argc, char **argv)
{
	const struct command *c;

	for (c = commands; argc >= 3 && c < commands + ARRAY_SIZE(commands); c++) {
		if (strcmp(argv[2], c->name) != 0 || argc - 3 < c->args)
			continue;
		open_connection(argv[1]);
		return c->run(argv + 3);
	}
	errx(2, "usage: nats SERVERS COMMAND [ARGUMENT...], see nats.c");
}
