// SPDX-License-Identifier: GPL-2.0
/*
 * gochan-bridge, which "gochan bridge" runs: the command line, and the channels that are
 * bridged, each by a thread. With a configuration file, a bridge that has failed is started
 * again after a while, and SIGHUP reads the file again.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "bridge.h"

#define RESTART_NS	(10 * NS_PER_S)	/* after a failure, with a configuration file */
#define TICK_MS		1000
#define METRICS_NS	(NS_PER_S / 2)	/* at least, between two writes */

static const char help[] =
"Usage: gochan bridge NAME nats://HOST[:PORT][,HOST...]/STREAM MODE [OPTION...]\n"
"       gochan bridge --config FILE [OPTION...]\n"
"Joins a channel of this machine with those of other machines, by NATS.\n"
"\n"
"      --queue            what is sent to NAME.send, on any machine, is received\n"
"                         from NAME on one of them; a JetStream stream is the queue\n"
"      --send             the sending half: what is sent to NAME goes to the stream\n"
"      --recv             the receiving half: NAME gets messages of the stream\n"
"      --call             a send to NAME.send returns when a receiver of NAME, on\n"
"                         any machine, has taken the message\n"
"      --cap N            make the channels that do not exist, with N slots (with\n"
"                         --call: without a buffer)\n"
"      --size BYTES       their maximum message length (default 4096)\n"
"      --capacity N       messages that the stream holds, if it is made\n"
"                         (default 1024)\n"
"      --replicas N       servers of a cluster that keep the stream (default 1)\n"
"      --storage TYPE     file or memory: where they keep it (default file)\n"
"      --ack-wait SECS    after a failure of a machine, its messages are delivered\n"
"                         elsewhere after that time (default 30)\n"
"      --duplicates SECS  how long a message that is published twice is recognized\n"
"                         (default 120)\n"
"      --creds FILE       credentials, as of 'nsc'\n"
"      --password FILE    a file with USER:PASSWORD\n"
"      --tls-ca FILE      certificates that are trusted; implies TLS\n"
"      --tls-cert FILE    the certificate to show, with --tls-key\n"
"      --tls-key FILE     its key\n"
"      --config FILE      several channels: options are settings, see\n"
"                         gochan-bridge(1)\n"
"      --metrics FILE     write counters to FILE every second, in the text format of\n"
"                         Prometheus; 'gochan top --bridges FILE' shows them\n"
"      --once             end when nothing is left to move\n"
"      --log FORMAT       text or json (default text)\n"
"  -v, --verbose          log more\n"
"  -h, --help             show this help\n"
"  -V, --version          print the version\n"
"\n"
"Exit status: 0 the queue was closed, nothing was left (--once), or stopped by a\n"
"signal, 1 error, 2 wrong usage.\n";

enum {
	OPT_SETTING = 256,	/* settings_set() knows it */
	OPT_MODE,
	OPT_CONFIG,
	OPT_ONCE,
	OPT_LOG,
	OPT_METRICS,
};

static const struct option options[] = {
	{ "queue", no_argument, NULL, OPT_MODE },
	{ "send", no_argument, NULL, OPT_MODE },
	{ "recv", no_argument, NULL, OPT_MODE },
	{ "call", no_argument, NULL, OPT_MODE },
	{ "cap", required_argument, NULL, OPT_SETTING },
	{ "size", required_argument, NULL, OPT_SETTING },
	{ "capacity", required_argument, NULL, OPT_SETTING },
	{ "replicas", required_argument, NULL, OPT_SETTING },
	{ "storage", required_argument, NULL, OPT_SETTING },
	{ "ack-wait", required_argument, NULL, OPT_SETTING },
	{ "duplicates", required_argument, NULL, OPT_SETTING },
	{ "creds", required_argument, NULL, OPT_SETTING },
	{ "password", required_argument, NULL, OPT_SETTING },
	{ "tls-ca", required_argument, NULL, OPT_SETTING },
	{ "tls-cert", required_argument, NULL, OPT_SETTING },
	{ "tls-key", required_argument, NULL, OPT_SETTING },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "once", no_argument, NULL, OPT_ONCE },
	{ "log", required_argument, NULL, OPT_LOG },
	{ "metrics", required_argument, NULL, OPT_METRICS },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/**
 * struct command - the command line
 * @settings: of the one channel
 * @config: the configuration file, or NULL
 * @metrics: the file for metrics, or NULL
 * @has_mode: a mode was given
 * @has_settings: an option was given that is a setting
 * @json: format of the log
 * @verbose: log more
 */
struct command {
	struct settings settings;
	const char *config;
	const char *metrics;
	bool has_mode;
	bool has_settings;
	bool json;
	bool verbose;
};

/**
 * struct running - the bridge of a channel, with its thread
 * @bridge: the bridge
 * @thread: runs it
 * @is_running: @thread is to be joined
 * @ended: it has returned; atomic
 * @ok: without a failure
 * @restart_at: when it is started again, or 0
 * @obsolete: the configuration file has it no more
 */
struct running {
	struct bridge bridge;
	pthread_t thread;
	bool is_running;
	bool ended;
	bool ok;
	int64_t restart_at;
	bool obsolete;
};

/* Those of the file, and those that end as they are in it no more. */
static struct running *list[2 * CHANNELS_MAX];
static int nr_running;

/* Channels that begin once no bridge of the same name is left. */
static struct settings waiting[CHANNELS_MAX];
static int nr_waiting;

static int ended_fd = -1;	/* eventfd: a thread has returned */

/* ---- one bridge ---- */

bool stopping(const struct bridge *b)
{
	struct pollfd fd = { .fd = b->stop_fd, .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

void bridge_stop(struct bridge *b)
{
	event_signal(b->stop_fd);
}

void bridge_ready(struct bridge *b)
{
	b->nr_made = 0;
	__atomic_store_n(&b->ready, true, __ATOMIC_RELEASE);
	event_signal(ended_fd);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void bridge_clear(struct bridge *b)
{
	/* Not to be told of the end of the connection. */
	bridge_stop(b);
	server_disconnect(b);
	channels_unmake(b);
	close_fd(&b->wake);
	close_fd(&b->send_fd);
	close_fd(&b->recv_fd);
	close_fd(&b->done_fd);
	b->sent_all = false;
	b->failed = false;
	b->broken = false;
	b->ready = false;
}

static void *run_thread(void *running)
{
	struct running *r = running;
	struct bridge *b = &r->bridge;

	r->ok = server_connect(b) && channels_open(b);
	if (r->ok && b->settings.mode == MODE_CALL)
		r->ok = call_run(b);
	else if (r->ok)
		r->ok = stream_open(b) && bridge_run(b);
	/* A stop while it was being set up is no failure. */
	r->ok |= stopping(b) && !b->failed;
	bridge_clear(b);
	__atomic_store_n(&r->ended, true, __ATOMIC_RELEASE);
	event_signal(ended_fd);
	return NULL;
}

static bool start(struct running *r)
{
	r->ended = false;
	r->restart_at = 0;
	event_clear(r->bridge.stop_fd);
	if (pthread_create(&r->thread, NULL, run_thread, r)) {
		log_line(LEVEL_ERROR, &r->bridge, "cannot make a thread");
		return false;
	}
	r->is_running = true;
	return true;
}

/* Takes over the contents of @settings. */
static bool add(struct settings *settings)
{
	struct running *r = calloc(1, sizeof(*r));

	if (r) {
		r->bridge.stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		r->bridge.closed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	}
	if (!r || r->bridge.stop_fd < 0 || r->bridge.closed_fd < 0) {
		log_line(LEVEL_ERROR, NULL, "%s: %s", settings->name, strerror(errno));
		settings_free(settings);
		free(r);
		return false;
	}
	r->bridge.settings = *settings;
	r->bridge.send_fd = -1;
	r->bridge.recv_fd = -1;
	r->bridge.done_fd = -1;
	r->bridge.wake = -1;
	r->bridge.sender_wake = -1;
	list[nr_running++] = r;
	return start(r);
}

/* ---- all of them ---- */

static void stop_all(void)
{
	for (int i = 0; i < nr_running; i++) {
		list[i]->obsolete = true;
		bridge_stop(&list[i]->bridge);
	}
}

static void forget(int i)
{
	sender_free(&list[i]->bridge);
	settings_free(&list[i]->bridge.settings);
	close_fd(&list[i]->bridge.stop_fd);
	close_fd(&list[i]->bridge.closed_fd);
	free(list[i]);
	list[i] = list[--nr_running];
}

/* Bridges that have ended are forgotten, or started again later. False if one has failed. */
static bool reap(bool restart)
{
	struct running *r;
	bool ok = true;
	int i = 0;

	while (i < nr_running) {
		r = list[i];
		if (r->is_running && __atomic_load_n(&r->ended, __ATOMIC_ACQUIRE)) {
			pthread_join(r->thread, NULL);
			r->is_running = false;
			ok &= r->ok;
			if (!r->ok && restart && !r->obsolete)
				r->restart_at = now_ns() + RESTART_NS;
		}
		if (r->restart_at && now_ns() >= r->restart_at && !start(r))
			r->restart_at = now_ns() + RESTART_NS;
		if (!r->is_running && (r->obsolete || !r->restart_at))
			forget(i);
		else
			i++;
	}
	return ok;
}

static bool is_running(const char *name)
{
	for (int i = 0; i < nr_running; i++) {
		if (!strcmp(list[i]->bridge.settings.name, name))
			return true;
	}
	return false;
}

static void start_waiting(void)
{
	int i = 0;

	while (i < nr_waiting) {
		if (is_running(waiting[i].name) || nr_running == ARRAY_SIZE(list)) {
			i++;
			continue;
		}
		add(&waiting[i]);
		waiting[i] = waiting[--nr_waiting];
	}
}

static void drop_waiting(void)
{
	while (nr_waiting)
		settings_free(&waiting[--nr_waiting]);
}

/* Does the bridge go on with these settings? */
static bool goes_on(const struct running *r, const struct settings *s)
{
	return !r->obsolete && settings_equal(&r->bridge.settings, s);
}

/* The configuration file was changed: what is in it only now begins, what is not ends. */
static void reload(const char *config)
{
	static struct settings settings[CHANNELS_MAX];
	int n = config_read(config, settings), i, j;

	if (n < 0) {
		log_line(LEVEL_WARNING, NULL, "the settings remain as they were");
		return;
	}
	drop_waiting();
	for (i = 0; i < nr_running; i++) {
		for (j = 0; j < n && !goes_on(list[i], &settings[j]); j++)
			;
		if (j < n)
			continue;
		list[i]->obsolete = true;
		bridge_stop(&list[i]->bridge);
	}
	for (j = 0; j < n; j++) {
		for (i = 0; i < nr_running && !goes_on(list[i], &settings[j]); i++)
			;
		if (i < nr_running)
			settings_free(&settings[j]);
		else
			waiting[nr_waiting++] = settings[j];
	}
	log_line(LEVEL_INFO, NULL, "%s was read again", config);
}

/* Has each bridge been set up, or failed? */
static bool all_tried(void)
{
	for (int i = 0; i < nr_running; i++) {
		if (!list[i]->restart_at &&
		    !__atomic_load_n(&list[i]->bridge.ready, __ATOMIC_ACQUIRE))
			return false;
	}
	return true;
}

static void write_metrics(void)
{
	static struct bridge *bridges[ARRAY_SIZE(list)];
	static int64_t at;

	if (!metrics_wanted() || now_ns() < at)
		return;
	at = now_ns() + METRICS_NS;
	for (int i = 0; i < nr_running; i++)
		bridges[i] = &list[i]->bridge;
	metrics_write(bridges, nr_running);
}

static int run(const struct command *c)
{
	struct signalfd_siginfo info;
	struct pollfd fds[2];
	bool ok = true, ready = false;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	fds[0] = (struct pollfd){ .fd = signalfd(-1, &set, SFD_CLOEXEC), .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = ended_fd, .events = POLLIN };
	while (nr_running) {
		if (!ready && all_tried()) {
			ready = true;
			sd_notify(0, "READY=1");
		}
		poll(fds, ARRAY_SIZE(fds), c->config || metrics_wanted() ? TICK_MS : -1);
		if (fds[1].revents)
			event_clear(ended_fd);
		ok &= reap(c->config);
		start_waiting();
		write_metrics();
		if (!fds[0].revents || read(fds[0].fd, &info, sizeof(info)) != sizeof(info))
			continue;
		if (info.ssi_signo == SIGHUP && c->config) {
			sd_notify(0, "RELOADING=1");
			reload(c->config);
			start_waiting();
			ready = false;
		} else {
			sd_notify(0, "STOPPING=1");
			drop_waiting();
			stop_all();
		}
	}
	return ok || c->config ? 0 : 1;
}

/* ---- the command line ---- */

static int usage(const char *format, const char *argument)
{
	fputs("gochan bridge: ", stderr);
	fprintf(stderr, format, argument);
	fputs("\nSee 'gochan bridge --help'.\n", stderr);
	return 2;
}

/* 0 to go on, 2 for wrong usage, -1 when all is done. */
static int parse_option(struct command *c, int opt, const char *name)
{
	switch (opt) {
	case OPT_MODE:
		if (c->has_mode)
			return usage("--%s: there can be one mode", name);
		c->has_mode = true;
		c->has_settings = true;
		return settings_set(&c->settings, "mode", name) ? 0 : 2;
	case OPT_SETTING:
		c->has_settings = true;
		return settings_set(&c->settings, name, optarg) ? 0 : 2;
	case OPT_CONFIG:
		c->config = optarg;
		return 0;
	case OPT_METRICS:
		c->metrics = optarg;
		return 0;
	case OPT_ONCE:
		c->settings.once = true;
		return 0;
	case OPT_LOG:
		c->json = !strcmp(optarg, "json");
		if (!c->json && strcmp(optarg, "text") != 0)
			return usage("--log %s: it is text or json", optarg);
		return 0;
	case 'v':
		c->verbose = true;
		return 0;
	case 'h':
		fputs(help, stdout);
		return -1;
	case 'V':
		printf("gochan-bridge %s, interface %d, libnats %s\n", VERSION, GOCHAN_ABI,
		       nats_GetVersion());
		return -1;
	default:
		fputs("See 'gochan bridge --help'.\n", stderr);
		return 2;
	}
}

static int parse(struct command *c, int argc, char **argv)
{
	int opt, index = 0, status = 0;

	c->settings.size = DEFAULT_SIZE;
	c->settings.ack_wait = DEFAULT_ACK_WAIT;
	c->settings.duplicates = DEFAULT_DUPLICATES;
	while (!status && (opt = getopt_long(argc, argv, "hvV", options, &index)) >= 0)
		status = parse_option(c, opt, options[index].name);
	if (status)
		return status;
	if (c->config) {
		if (c->has_settings || optind < argc || c->settings.once)
			return usage("%s has the channels and their settings", c->config);
		return 0;
	}
	if (optind + 2 != argc)
		return usage("%s", optind + 2 < argc ? "one NAME and one URL, please" :
			     "NAME and the URL are missing");
	if (strlen(argv[optind]) >= sizeof(c->settings.name))
		return usage("%s: the name is too long", argv[optind]);
	snprintf(c->settings.name, sizeof(c->settings.name), "%s", argv[optind]);
	if (!settings_set_url(&c->settings, argv[optind + 1]) || !settings_check(&c->settings)) {
		fputs("See 'gochan bridge --help'.\n", stderr);
		return 2;
	}
	return 0;
}

static bool add_all(struct command *c)
{
	static struct settings settings[CHANNELS_MAX];
	int n;

	if (!c->config)
		return add(&c->settings);
	n = config_read(c->config, settings);
	for (int i = 0; i < n; i++)
		add(&settings[i]);
	return n > 0;
}

int main(int argc, char **argv)
{
	char title[] = "gochan bridge";
	struct command c = { 0 };
	sigset_t set;
	int status;

	argv[0] = title;	/* with which getopt(3) begins its messages */
	status = parse(&c, argc, argv);
	if (status)
		return status < 0 ? 0 : status;
	log_setup(c.json, c.verbose);
	signal(SIGPIPE, SIG_IGN);
	/*
	 * On busy processors, threads that are woken for each message would preempt each other.
	 * A failure only makes the bridge slower.
	 */
	sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){ 0 });
	srandom(getpid() ^ (unsigned int)now_ns());
	/* Before there are threads, for signalfd(2). */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ended_fd < 0 || !metrics_start(c.metrics))
		return 1;
	status = add_all(&c) ? run(&c) : 1;
	metrics_end();
	nats_Close();
	return status;
}
