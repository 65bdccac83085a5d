// SPDX-License-Identifier: GPL-2.0
/*
 * What the user chooses for a channel, on the command line or in the configuration file. A
 * URL is nats://HOST[:PORT][,HOST[:PORT]...]/STREAM, or tls://. Names and
 * passwords have no place in it, as everybody can see a command line.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge.h"
#include "../gochan/suggest.h"

static bool bad_url(const char *url, const char *problem)
{
	log_line(LEVEL_ERROR, NULL, "%s: %s; a URL is nats://HOST[:PORT][,HOST...]/STREAM", url,
		 problem);
	return false;
}

/* What JetStream allows everywhere, and what can be a part of a subject. */
static bool is_stream_name(const char *name)
{
	const char *c;

	for (c = name; *c; c++) {
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
			return false;
	}
	return c != name;
}

static unsigned int count_hosts(const char *hosts)
{
	unsigned int n = 1;

	for (; *hosts; hosts++)
		n += *hosts == ',';
	return n;
}

static bool has_empty_host(const char *hosts)
{
	return !*hosts || *hosts == ',' || *hosts == ':' || strstr(hosts, ",,") ||
	       strstr(hosts, ",:") || hosts[strlen(hosts) - 1] == ',';
}

/* "a,b" becomes "nats://a,nats://b". */
static char *expand_servers(const char *scheme, size_t scheme_len, char *hosts)
{
	char *text = NULL, *host, *rest = hosts;
	size_t size;
	FILE *file;

	file = open_memstream(&text, &size);
	if (!file)
		return NULL;
	while ((host = strsep(&rest, ",")))
		fprintf(file, "%.*s%s%s", (int)scheme_len, scheme, host, rest ? "," : "");
	fclose(file);
	return text;
}

static bool set_servers(struct settings *s, const char *url, size_t scheme_len, char *hosts)
{
	if (has_empty_host(hosts))
		return bad_url(url, "a host is missing");
	if (count_hosts(hosts) > SERVERS_MAX)
		return bad_url(url, "there are more than 16 servers");
	free(s->servers);
	s->servers = expand_servers(url, scheme_len, hosts);
	if (!s->servers)
		log_line(LEVEL_ERROR, NULL, "out of memory");
	return s->servers;
}

bool settings_set_url(struct settings *s, const char *url)
{
	const char *hosts, *slash;
	bool ok = false;
	char *copy;

	if (strncmp(url, "nats://", 7) != 0 && strncmp(url, "tls://", 6) != 0)
		return bad_url(url, "not a URL of a NATS server");
	hosts = strstr(url, "://") + 3;
	slash = strchr(hosts, '/');
	if (!slash)
		return bad_url(url, "the name of the stream is missing");
	if (memchr(hosts, '@', slash - hosts)) {
		log_line(LEVEL_ERROR, NULL,
			 "a user or password in the URL is seen by everybody; put it into a file of mode 0600, and use --password FILE or --creds FILE");
		return false;
	}
	if (!is_stream_name(slash + 1) || strlen(slash + 1) >= sizeof(s->stream))
		return bad_url(url,
			       "the name of a stream has letters, digits, '-' and '_', and at most 63");
	snprintf(s->stream, sizeof(s->stream), "%s", slash + 1);
	copy = strndup(hosts, slash - hosts);
	if (copy)
		ok = set_servers(s, url, hosts - url, copy);
	else
		log_line(LEVEL_ERROR, NULL, "out of memory");
	free(copy);
	return ok;
}

/* ---- single settings ---- */

static bool set_number(unsigned int *number, const char *key, const char *value,
		       unsigned int min, unsigned int max)
{
	unsigned long long n;
	char *end;

	n = strtoull(value, &end, 10);
	if (isdigit((unsigned char)*value) && !*end && n >= min && n <= max) {
		*number = n;
		return true;
	}
	log_line(LEVEL_ERROR, NULL, "%s %s: not a number from %u to %u", key, value, min, max);
	return false;
}

static bool set_text(char **text, const char *value)
{
	char *copy = strdup(value);

	if (!copy) {
		log_line(LEVEL_ERROR, NULL, "out of memory");
		return false;
	}
	free(*text);
	*text = copy;
	return true;
}

static const char *const mode_names[] = {
	[MODE_NONE] = "none", [MODE_SEND] = "send", [MODE_RECV] = "recv",
	[MODE_QUEUE] = "queue", [MODE_CALL] = "call",
};

const char *mode_name(enum mode mode)
{
	return mode_names[mode];
}

static bool set_mode(struct settings *s, const char *value)
{
	for (unsigned int mode = MODE_SEND; mode < ARRAY_SIZE(mode_names); mode++) {
		if (strcmp(value, mode_names[mode]) != 0)
			continue;
		s->mode = mode;
		return true;
	}
	log_line(LEVEL_ERROR, NULL, "mode %s: it is one of queue, send, recv and call", value);
	return false;
}

static bool set_storage(struct settings *s, const char *value)
{
	s->memory = !strcmp(value, "memory");
	if (s->memory || !strcmp(value, "file"))
		return true;
	log_line(LEVEL_ERROR, NULL, "storage %s: it is file or memory", value);
	return false;
}

static bool unknown_key(const char *key)
{
	static const char *const keys[] = {
		"url", "mode", "cap", "size", "capacity", "replicas", "storage", "ack-wait",
		"duplicates", "creds", "password", "tls-ca", "tls-cert", "tls-key",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!is_similar(key, keys[i]))
			continue;
		log_line(LEVEL_ERROR, NULL, "unknown setting %s; did you mean %s?", key, keys[i]);
		return false;
	}
	log_line(LEVEL_ERROR, NULL, "unknown setting %s; gochan-bridge(1) lists them", key);
	return false;
}

bool settings_set(struct settings *s, const char *key, const char *value)
{
	if (!strcmp(key, "url"))
		return settings_set_url(s, value);
	if (!strcmp(key, "mode"))
		return set_mode(s, value);
	if (!strcmp(key, "storage"))
		return set_storage(s, value);
	if (!strcmp(key, "cap"))
		return set_number(&s->cap, key, value, 1, 65536);
	if (!strcmp(key, "size"))
		return set_number(&s->size, key, value, 0, 64 << 20);
	if (!strcmp(key, "capacity"))
		return set_number(&s->capacity, key, value, 1, 1000000000);
	if (!strcmp(key, "replicas"))
		return set_number(&s->replicas, key, value, 1, 5);
	if (!strcmp(key, "ack-wait"))
		return set_number(&s->ack_wait, key, value, 1, 86400);
	if (!strcmp(key, "duplicates"))
		return set_number(&s->duplicates, key, value, 1, 7 * 86400);
	if (!strcmp(key, "creds"))
		return set_text(&s->creds, value);
	if (!strcmp(key, "password"))
		return set_text(&s->password, value);
	if (!strcmp(key, "tls-ca"))
		return set_text(&s->tls_ca, value);
	if (!strcmp(key, "tls-cert"))
		return set_text(&s->tls_cert, value);
	if (!strcmp(key, "tls-key"))
		return set_text(&s->tls_key, value);
	return unknown_key(key);
}

/* ---- all settings of a channel ---- */

static bool incomplete(const struct settings *s, const char *problem)
{
	log_line(LEVEL_ERROR, NULL, "%s: %s", s->name, problem);
	return false;
}

bool settings_check(const struct settings *s)
{
	if (!s->servers)
		return incomplete(s, "no URL is given: nats://HOST/STREAM");
	if (!s->mode)
		return incomplete(s, "no mode is given: queue, send, recv or call");
	if (s->creds && s->password)
		return incomplete(s, "creds and password exclude each other");
	if (!s->tls_cert != !s->tls_key)
		return incomplete(s, "tls-cert and tls-key go together");
	if (s->mode == MODE_CALL && (s->capacity || s->replicas || s->memory))
		return incomplete(s, "calls have no stream, so no capacity, replicas or storage");
	if (s->mode == MODE_CALL && s->once)
		return incomplete(s, "there is no end of calls, so no --once");
	return true;
}

static bool equal_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool settings_equal(const struct settings *a, const struct settings *b)
{
	return !strcmp(a->name, b->name) && equal_text(a->servers, b->servers) &&
	       !strcmp(a->stream, b->stream) && a->mode == b->mode && a->cap == b->cap &&
	       a->size == b->size && a->capacity == b->capacity && a->replicas == b->replicas &&
	       a->memory == b->memory && a->ack_wait == b->ack_wait &&
	       a->duplicates == b->duplicates && equal_text(a->creds, b->creds) &&
	       equal_text(a->password, b->password) && equal_text(a->tls_ca, b->tls_ca) &&
	       equal_text(a->tls_cert, b->tls_cert) && equal_text(a->tls_key, b->tls_key);
}

static char *copy_text(const char *text, bool *ok)
{
	char *copy = text ? strdup(text) : NULL;

	*ok &= !text || copy;
	return copy;
}

bool settings_copy(struct settings *to, const struct settings *from)
{
	bool ok = true;

	*to = *from;
	to->servers = copy_text(from->servers, &ok);
	to->creds = copy_text(from->creds, &ok);
	to->password = copy_text(from->password, &ok);
	to->tls_ca = copy_text(from->tls_ca, &ok);
	to->tls_cert = copy_text(from->tls_cert, &ok);
	to->tls_key = copy_text(from->tls_key, &ok);
	if (!ok)
		log_line(LEVEL_ERROR, NULL, "out of memory");
	return ok;
}

void settings_free(struct settings *s)
{
	free(s->servers);
	free(s->creds);
	free(s->password);
	free(s->tls_ca);
	free(s->tls_cert);
	free(s->tls_key);
}
