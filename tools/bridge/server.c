// SPDX-License-Identifier: GPL-2.0
/*
 * The connection to NATS. libnats connects again by itself, to any of the servers; the delay
 * grows and is random, so that many bridges do not come back at the same instant.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge.h"

#define RECONNECT_MIN_MS	50
#define RECONNECT_MAX_MS	4000
#define CONNECT_TIMEOUT_MS	5000
#define WRITE_TIMEOUT_MS	5000
#define CLOSE_TIMEOUT_MS	5000
#define PING_INTERVAL_MS	5000	/* two without an answer: the connection is dead */

static void on_disconnected(natsConnection *nc, void *closure)
{
	struct bridge *b = closure;

	(void)nc;
	__atomic_store_n(&b->counters.connected, 0, __ATOMIC_RELAXED);
	if (stopping(b))
		return;
	__atomic_store_n(&b->broken, true, __ATOMIC_RELEASE);
	log_line(LEVEL_WARNING, b, "the connection is lost; connecting again");
}

static void on_reconnected(natsConnection *nc, void *closure)
{
	char url[256] = "";
	struct bridge *b = closure;

	natsConnection_GetConnectedUrl(nc, url, sizeof(url));
	__atomic_add_fetch(&b->counters.reconnects, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&b->counters.connected, 1, __ATOMIC_RELAXED);
	log_line(LEVEL_INFO, b, "connected again to %s", url);
	event_signal(b->wake);
	event_signal(b->sender_wake);
}

/*
 * The last callback for this connection. Unless the bridge ends, libnats has given it up, for
 * instance because the user was denied again after a reconnect.
 */
static void on_closed(natsConnection *nc, void *closure)
{
	const char *detail = NULL;
	struct bridge *b = closure;

	natsConnection_GetLastError(nc, &detail);
	if (!stopping(b)) {
		log_line(LEVEL_ERROR, b, "the connection is closed: %s",
			 detail && *detail ? detail : "no reason is known");
		__atomic_store_n(&b->failed, true, __ATOMIC_RELEASE);
		bridge_stop(b);
	}
	event_signal(b->closed_fd);
}

/* Errors that the server reports outside of any call, such as missing permissions. */
static void on_error(natsConnection *nc, natsSubscription *sub, natsStatus status, void *closure)
{
	const char *detail = NULL;

	(void)sub;
	natsConnection_GetLastError(nc, &detail);
	if (status == NATS_NOT_PERMITTED || (detail && strstr(detail, "ermissions")))
		log_line(LEVEL_ERROR, closure,
			 "the server denies permission: %s; gochan-bridge(1) lists the subjects that a bridge uses",
			 detail ? detail : natsStatus_GetText(status));
	else
		log_line(LEVEL_WARNING, closure, "%s",
			 detail && *detail ? detail : natsStatus_GetText(status));
}

static int64_t reconnect_delay(natsConnection *nc, int attempts, void *closure)
{
	int64_t ms = RECONNECT_MIN_MS;

	(void)nc;
	(void)closure;
	while (--attempts > 0 && ms < RECONNECT_MAX_MS)
		ms *= 2;
	return ms / 2 + random() % ms;
}

/* libnats does not say why it cannot read one. */
static bool is_readable(const struct bridge *b, const char *file)
{
	if (!file || access(file, R_OK) == 0)
		return true;
	log_line(LEVEL_ERROR, b, "%s: %s", file, strerror(errno));
	return false;
}

/* A file with a secret must not be readable by others. */
static bool is_private(const struct bridge *b, const char *file)
{
	struct stat st;

	if (stat(file, &st)) {
		log_line(LEVEL_ERROR, b, "%s: %s", file, strerror(errno));
		return false;
	}
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 077))
		return true;
	log_line(LEVEL_ERROR, b, "%s: others may read it (mode %04o); use: chmod 600 %s", file,
		 st.st_mode & 07777, file);
	return false;
}

/* "USER:PASSWORD" in the first line of a file. */
static natsStatus set_password(const struct bridge *b, natsOptions *options)
{
	const char *file = b->settings.password;
	char line[512], *password;
	natsStatus status;
	FILE *stream;

	stream = fopen(file, "re");
	if (!stream || !fgets(line, sizeof(line), stream)) {
		log_line(LEVEL_ERROR, b, "%s: %s", file, stream ? "empty" : strerror(errno));
		if (stream)
			fclose(stream);
		return NATS_ERR;
	}
	fclose(stream);
	line[strcspn(line, "\n")] = '\0';
	password = strchr(line, ':');
	if (!password) {
		log_line(LEVEL_ERROR, b, "%s: its first line is not USER:PASSWORD", file);
		return NATS_ERR;
	}
	*password++ = '\0';
	status = natsOptions_SetUserInfo(options, line, password);
	explicit_bzero(line, sizeof(line));
	return status;
}

static bool set_credentials(const struct bridge *b, natsOptions *options)
{
	const struct settings *s = &b->settings;
	natsStatus status = NATS_OK;

	if (s->creds) {
		if (!is_private(b, s->creds) || !is_readable(b, s->creds))
			return false;
		status = natsOptions_SetUserCredentialsFromFiles(options, s->creds, NULL);
	}
	if (s->password && status == NATS_OK) {
		if (!is_private(b, s->password))
			return false;
		return set_password(b, options) == NATS_OK;
	}
	if (status != NATS_OK)
		log_line(LEVEL_ERROR, b, "%s: %s", s->creds, nats_problem(status));
	return status == NATS_OK;
}

static bool uses_tls(const struct settings *s)
{
	return s->tls_ca || s->tls_cert || strncmp(s->servers, "tls://", 6) == 0;
}

static bool set_tls(const struct bridge *b, natsOptions *options)
{
	const struct settings *s = &b->settings;
	const char *file = s->tls_ca;
	natsStatus status = NATS_OK;

	if (s->tls_key && !is_private(b, s->tls_key))
		return false;
	if (!is_readable(b, s->tls_ca) || !is_readable(b, s->tls_cert) ||
	    !is_readable(b, s->tls_key))
		return false;
	if (uses_tls(s))
		status = natsOptions_SetSecure(options, true);
	if (status == NATS_OK && s->tls_ca)
		status = natsOptions_LoadCATrustedCertificates(options, s->tls_ca);
	if (status == NATS_OK && s->tls_cert) {
		file = s->tls_cert;
		status = natsOptions_LoadCertificatesChain(options, s->tls_cert, s->tls_key);
	}
	if (status != NATS_OK)
		log_line(LEVEL_ERROR, b, "%s: %s", file ? file : "TLS", nats_problem(status));
	return status == NATS_OK;
}

static natsStatus set_servers(const struct bridge *b, natsOptions *options)
{
	char *copy = strdup(b->settings.servers), *rest = copy, *url;
	const char *list[SERVERS_MAX];
	natsStatus status;
	int n = 0;

	if (!copy)
		return NATS_NO_MEMORY;
	while ((url = strsep(&rest, ",")) && n < (int)ARRAY_SIZE(list))
		list[n++] = url;
	status = natsOptions_SetServers(options, list, n);
	free(copy);
	return status;
}

static natsStatus set_behaviour(struct bridge *b, natsOptions *options)
{
	natsStatus status;

	status = set_servers(b, options);
	if (status == NATS_OK)
		status = natsOptions_SetName(options, "gochan-bridge");
	if (status == NATS_OK)
		status = natsOptions_SetTimeout(options, CONNECT_TIMEOUT_MS);
	if (status == NATS_OK)
		status = natsOptions_SetMaxReconnect(options, -1);
	if (status == NATS_OK)
		status = natsOptions_SetCustomReconnectDelay(options, reconnect_delay, b);
	/*
	 * What is published while there is no connection fails, so that it is not reordered;
	 * except for one message.
	 */
	if (status == NATS_OK)
		status = natsOptions_SetReconnectBufSize(options, 1);
	/* Without it, a write into a connection that is cut off blocks all threads. */
	if (status == NATS_OK)
		status = natsOptions_SetWriteDeadline(options, WRITE_TIMEOUT_MS);
	if (status == NATS_OK)
		status = natsOptions_SetPingInterval(options, PING_INTERVAL_MS);
	if (status == NATS_OK)
		status = natsOptions_SetFailRequestsOnDisconnect(options, true);
	if (status == NATS_OK)
		status = natsOptions_SetDisconnectedCB(options, on_disconnected, b);
	if (status == NATS_OK)
		status = natsOptions_SetReconnectedCB(options, on_reconnected, b);
	if (status == NATS_OK)
		status = natsOptions_SetClosedCB(options, on_closed, b);
	if (status == NATS_OK)
		status = natsOptions_SetErrorHandler(options, on_error, b);
	return status;
}

static void report_no_connection(const struct bridge *b, natsStatus status)
{
	const struct settings *s = &b->settings;
	const char *remedy = "is nats-server running there?";

	if (status == NATS_CONNECTION_AUTH_FAILED || status == NATS_NOT_PERMITTED)
		remedy = s->creds || s->password ?
			 "does the server know this user? Check the file with the secrets" :
			 "use --creds FILE or --password FILE";
	else if (status == NATS_SSL_ERROR || status == NATS_SECURE_CONNECTION_REQUIRED ||
		 status == NATS_SECURE_CONNECTION_WANTED)
		remedy = "see --tls-ca, --tls-cert and --tls-key";
	/* A server that misses it closes the connection after the handshake. */
	else if (status == NATS_PROTOCOL_ERROR && uses_tls(s) && !s->tls_cert)
		remedy = "does the server want a certificate? See --tls-cert";
	else if (status == NATS_ERR && s->creds)
		remedy = "does the file of --creds have a JWT and its seed?";
	log_line(LEVEL_ERROR, b, "cannot connect to %s: %s; %s", s->servers,
		 nats_problem(status), remedy);
}

/* JetStream has to be enabled, too. */
static bool open_jetstream(struct bridge *b)
{
	jsAccountInfo *info = NULL;
	jsErrCode code = 0;
	natsStatus status;

	status = natsConnection_JetStream(&b->js, b->nc, NULL);
	if (status == NATS_OK)
		status = js_GetAccountInfo(&info, b->js, NULL, &code);
	jsAccountInfo_Destroy(info);
	if (status == NATS_OK)
		return true;
	log_line(LEVEL_ERROR, b, "%s: JetStream: %s; %s", b->settings.servers,
		 nats_problem(status),
		 status == NATS_NO_RESPONDERS || code == JSNotEnabledErr ||
		 code == JSNotEnabledForAccountErr ?
		 "enable it in the server's configuration: jetstream {}" :
		 "gochan-bridge(1) lists the permissions that a bridge needs");
	return false;
}

bool server_connect(struct bridge *b)
{
	natsOptions *options = NULL;
	natsStatus status;

	event_clear(b->closed_fd);
	status = natsOptions_Create(&options);
	if (status == NATS_OK)
		status = set_behaviour(b, options);
	if (status != NATS_OK) {
		log_line(LEVEL_ERROR, b, "%s: %s", b->settings.servers, nats_problem(status));
		natsOptions_Destroy(options);
		return false;
	}
	if (!set_credentials(b, options) || !set_tls(b, options)) {
		natsOptions_Destroy(options);
		return false;
	}
	status = natsConnection_Connect(&b->nc, options);
	natsOptions_Destroy(options);
	if (status != NATS_OK) {
		report_no_connection(b, status);
		return false;
	}
	__atomic_store_n(&b->counters.connected, 1, __ATOMIC_RELAXED);
	return b->settings.mode == MODE_CALL || open_jetstream(b);
}

void server_disconnect(struct bridge *b)
{
	jsCtx_Destroy(b->js);
	b->js = NULL;
	if (!b->nc)
		return;
	/* Callbacks are called in another thread of libnats, and use the bridge. */
	natsConnection_Close(b->nc);
	poll(&(struct pollfd){ b->closed_fd, POLLIN, 0 }, 1, CLOSE_TIMEOUT_MS);
	natsConnection_Destroy(b->nc);
	b->nc = NULL;
	__atomic_store_n(&b->counters.connected, 0, __ATOMIC_RELAXED);
}
