// SPDX-License-Identifier: GPL-2.0
/*
 * Jobs through Redis, without persistence and by a Unix socket, in the two ways that its
 * documentation describes:
 *
 * - A list. A worker moves a job to a list of its own, from which it removes it when it is
 *   done.
 * - A stream with a consumer group. What is acknowledged stays in the stream, since to
 *   delete or trim it would cost more.
 *
 * "pipeline" writes several commands at once and then reads the replies: the
 * acknowledgments and the next receives of a worker, or what a producer sends.
 */
#include <err.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jobs.h"

#define SOCKET	"/tmp/redis"

/* ---- the server ---- */

static bool is_ready(void)
{
	redisContext *redis = redisConnectUnix(SOCKET);
	bool ready = redis && !redis->err;

	redisFree(redis);
	return ready;
}

static void setup(struct run *run)
{
	static const char *const argv[] = {
		"redis-server", "--port", "0", "--unixsocket", SOCKET, "--save", "",
		"--appendonly", "no", "--dir", "/tmp", NULL
	};

	(void)run;
	unlink(SOCKET);
	server_start(argv);
	wait_until(is_ready, argv[0]);
}

/* ---- commands ---- */

/* The connection of this process. */
static redisContext *connection(struct run *run)
{
	redisContext *redis = run->priv;

	if (redis)
		return redis;
	redis = redisConnectUnix(SOCKET);
	if (!redis || redis->err)
		errx(1, "redis: %s", redis ? redis->errstr : "no memory");
	run->priv = redis;
	return redis;
}

static redisReply *reply(redisContext *redis)
{
	redisReply *r;

	if (redisGetReply(redis, (void **)&r) != REDIS_OK)
		errx(1, "redis: %s", redis->errstr);
	if (r->type == REDIS_REPLY_ERROR)
		errx(1, "redis: %s", r->str);
	return r;
}

static void ignore_replies(redisContext *redis, unsigned int n)
{
	while (n--)
		freeReplyObject(reply(redis));
}

static void check(int ret)
{
	if (ret != REDIS_OK)
		errx(1, "redis: no memory");
}

/* Is that a job? A list that is empty has none. */
static bool is_job(const redisReply *r)
{
	if (r->type == REDIS_REPLY_NIL)
		return false;
	if (r->type != REDIS_REPLY_STRING || r->len != JOB_SIZE)
		errx(1, "redis: not a job");
	return true;
}

/* ---- a list ---- */

static void list_produce(struct run *run, unsigned int jobs)
{
	redisContext *redis = connection(run);
	const char *argv[2 + BATCH_MAX] = { "LPUSH", "jobs" };
	size_t lens[2 + BATCH_MAX] = { 5, 4 };
	unsigned int i, n;

	for (i = 2; i < 2 + BATCH_MAX; i++) {
		argv[i] = (char *)run->buf;
		lens[i] = JOB_SIZE;
	}
	for (; jobs; jobs -= n) {
		n = next_batch(run, jobs);
		check(redisAppendCommandArgv(redis, 2 + n, argv, lens));
		ignore_replies(redis, 1);
	}
}

static void list_move(redisContext *redis, unsigned int worker)
{
	check(redisAppendCommand(redis, "BLMOVE jobs working:%u RIGHT LEFT 0", worker));
}

static void list_try_move(redisContext *redis, unsigned int worker)
{
	check(redisAppendCommand(redis, "LMOVE jobs working:%u RIGHT LEFT", worker));
}

static void list_remove(redisContext *redis, unsigned int worker, const void *job)
{
	check(redisAppendCommand(redis, "LREM working:%u 1 %b", worker, job, (size_t)JOB_SIZE));
}

static void list_work(struct run *run, unsigned int worker, unsigned int jobs)
{
	redisContext *redis = connection(run);
	redisReply *r;

	while (jobs--) {
		list_move(redis, worker);
		r = reply(redis);
		if (!is_job(r))
			errx(1, "redis: no job");
		list_remove(redis, worker, r->str);
		ignore_replies(redis, 1);
		freeReplyObject(r);
	}
}

static void list_work_pipeline(struct run *run, unsigned int worker, unsigned int jobs)
{
	redisContext *redis = connection(run);
	unsigned int i, want, acks, got = 0;
	redisReply *job[BATCH_MAX], *r;

	do {
		want = next_batch(run, jobs);
		acks = got;
		for (i = 0; i < acks; i++) {
			list_remove(redis, worker, job[i]->str);
			freeReplyObject(job[i]);
		}
		if (want)
			list_move(redis, worker);
		for (i = 1; i < want; i++)
			list_try_move(redis, worker);
		ignore_replies(redis, acks);
		for (got = i = 0; i < want; i++) {
			r = reply(redis);
			if (is_job(r))
				job[got++] = r;
			else
				freeReplyObject(r);
		}
		jobs -= got;
	} while (jobs || got);
}

/* ---- a stream ---- */

static void stream_setup(struct run *run)
{
	redisContext *redis;

	setup(run);
	redis = redisConnectUnix(SOCKET);
	if (!redis || redis->err)
		errx(1, "redis does not answer");
	check(redisAppendCommand(redis, "XGROUP CREATE jobs pool $ MKSTREAM"));
	ignore_replies(redis, 1);
	redisFree(redis);
}

static void stream_produce(struct run *run, unsigned int jobs)
{
	redisContext *redis = connection(run);
	unsigned int i, n;

	for (; jobs; jobs -= n) {
		n = next_batch(run, jobs);
		for (i = 0; i < n; i++)
			check(redisAppendCommand(redis, "XADD jobs * job %b", run->buf,
						 (size_t)JOB_SIZE));
		ignore_replies(redis, n);
	}
}

static void stream_read(redisContext *redis, unsigned int worker, unsigned int jobs)
{
	check(redisAppendCommand(redis,
				 "XREADGROUP GROUP pool %u COUNT %u BLOCK 0 STREAMS jobs >",
				 worker, jobs));
}

/* The entries of the only stream in a reply: [[name, [[id, [field, value]], ...]]]. */
static const redisReply *entries_of(const redisReply *r)
{
	const redisReply *entries, *job;
	size_t i;

	if (r->type != REDIS_REPLY_ARRAY || r->elements != 1)
		errx(1, "redis: no jobs");
	entries = r->element[0]->element[1];
	for (i = 0; i < entries->elements; i++) {
		job = entries->element[i]->element[1]->element[1];
		if (!is_job(job))
			errx(1, "redis: no job");
	}
	return entries;
}

static void stream_ack(redisContext *redis, const redisReply *entries)
{
	const char *argv[3 + BATCH_MAX] = { "XACK", "jobs", "pool" };
	size_t lens[3 + BATCH_MAX] = { 4, 4, 4 };
	size_t i;

	for (i = 0; i < entries->elements; i++) {
		argv[3 + i] = entries->element[i]->element[0]->str;
		lens[3 + i] = entries->element[i]->element[0]->len;
	}
	check(redisAppendCommandArgv(redis, 3 + i, argv, lens));
}

static void stream_work(struct run *run, unsigned int worker, unsigned int jobs)
{
	redisContext *redis = connection(run);
	redisReply *r;

	while (jobs--) {
		stream_read(redis, worker, 1);
		r = reply(redis);
		stream_ack(redis, entries_of(r));
		ignore_replies(redis, 1);
		freeReplyObject(r);
	}
}

static void stream_work_pipeline(struct run *run, unsigned int worker, unsigned int jobs)
{
	redisContext *redis = connection(run);
	redisReply *r = NULL;
	unsigned int want;
	bool acks;

	do {
		want = next_batch(run, jobs);
		acks = r;
		if (acks) {
			stream_ack(redis, entries_of(r));
			freeReplyObject(r);
			r = NULL;
		}
		if (want)
			stream_read(redis, worker, want);
		ignore_replies(redis, acks);
		if (want) {
			r = reply(redis);
			jobs -= entries_of(r)->elements;
		}
	} while (r);
}

const struct method redis_methods[] = {
	{ "redis-list", { 1 }, setup, list_produce, list_work },
	{ "redis-list-pipeline", { 1, 16 }, setup, list_produce, list_work_pipeline },
	{ "redis-stream", { 1 }, stream_setup, stream_produce, stream_work },
	{ "redis-stream-pipeline", { 1, 16 }, stream_setup, stream_produce,
	  stream_work_pipeline },
	{ 0 }
};
