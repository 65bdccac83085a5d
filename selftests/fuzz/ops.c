// SPDX-License-Identifier: GPL-2.0
/*
 * SELECT and BATCH: their structures, and checks of the results in them.
 */
#include "actor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#define NS_PER_US	1000ULL

/* A call: @made is what was passed in, @there what was returned. */
struct ops_call {
	const struct call *call;
	struct gochan_ops ops;
	struct gochan_op made[MAX_COUNT];
	struct gochan_op *there;
	struct message_batch sends[OP_ROOMS];
	uint32_t filled;	/* entries of @made */
	bool visible;		/* all structures are where they can be checked */
};

static uint64_t deadline(uint64_t when)
{
	static const uint64_t in_us[WHENS] = {
		[IN_50US] = 50, [IN_1MS] = 1000, [IN_5MS] = 5000, [IN_1S] = 1000000
	};
	struct timespec now;

	switch (when) {
	case NEVER:
		return GOCHAN_TIMEOUT_NEVER;
	case PAST:
		return 0;
	case AT_MAX:
		return INT64_MAX;
	case BEYOND_MAX:
		return INT64_MAX + 1ULL;
	default:
		break;
	}
	if (when >= WHENS)
		return when;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec + in_us[when] * NS_PER_US;
}

static void fill_op(struct actor *actor, struct ops_call *c, uint32_t i)
{
	const struct args *op = &c->call->ops[i % c->call->nr_ops];
	const size_t offset = i % OP_ROOMS * OP_ROOM;
	const uint32_t len = op->v[OP_LEN];
	const enum place place = op->v[OP_BUF];

	c->made[i] = (struct gochan_op){
		.fd = slot_get(actor->process, op->v[OP_SLOT]).fd,
		.opcode = op->v[OP_CODE],
		.flags = op->v[OP_FLAGS],
		.buf = (uintptr_t)address(actor, place, len, offset),
		.len = len,
		.result = 0x5eed,
		.passed_fd = op->v[OP_CODE] == GOCHAN_OP_SEND ?
			     slot_get(actor->process, op->v[OP_PASS]).fd : 0x5eed,
		.events = op->v[OP_EVENTS],
		.pid = 0x5eed,
		.uid = 0x5eed,
		.gid = 0x5eed,
		.lease = op->v[OP_LEASE] == LAST_LEASE ? actor->lease : op->v[OP_LEASE],
	};
	if (i >= OP_ROOMS || place != OWN)
		return;
	if (actor->prog->ledger && op->v[OP_CODE] == GOCHAN_OP_SEND)
		c->sends[i] = ledger_write(actor, actor->own + offset, len, len);
	else
		canary_set(actor->own + offset, len + CANARY_LEN);
}

static void fill_ops(struct actor *actor, struct ops_call *c, const struct call *call)
{
	const uint32_t count = call->args.v[LEN];
	uint32_t i;

	c->call = call;
	memset(c->sends, 0, sizeof(c->sends));
	c->filled = count < MAX_COUNT ? count : MAX_COUNT;
	for (i = 0; i < c->filled; i++)
		fill_op(actor, c, i);
	c->ops = (struct gochan_ops){
		.count = count,
		.flags = call->args.v[ARG1],
		.timeout = deadline(call->args.v[ARG2]),
		.index = 0x5eed,
		.reserved = call->args.v[ARG3],
	};
}

static struct gochan_ops *put_ops(struct actor *actor, struct ops_call *c)
{
	const enum place ops_at = c->call->args.v[BUF];
	const enum place call_at = c->call->args.v[WHERE];

	c->visible = ops_at == OWN && call_at == OWN;
	c->there = put_struct(actor, ops_at, c->made, c->filled * sizeof(c->made[0]),
			      sizeof(c->ops));
	c->ops.ops = (uintptr_t)c->there;
	return put_struct(actor, call_at, &c->ops, sizeof(c->ops), 0);
}

/* ---- results ---- */

static bool is_own(const struct actor *actor, const struct gochan_op *op)
{
	return op->buf >= (uintptr_t)actor->own && op->buf < (uintptr_t)actor->own + MESSAGES;
}

/* Are the fields unchanged that an op of this kind does not write? */
static bool is_untouched(const struct gochan_op *made, const struct gochan_op *there)
{
	const bool recv = made->opcode == GOCHAN_OP_RECV;
	const bool poll = made->opcode == GOCHAN_OP_POLL;
	/* the number of its message, on a channel with GOCHAN_DONE */
	const bool sent = made->opcode == GOCHAN_OP_SEND && there->result == 0 && there->seq;

	return made->fd == there->fd && made->opcode == there->opcode &&
	       made->flags == there->flags && made->buf == there->buf &&
	       (recv || made->deliveries == there->deliveries) &&
	       (recv || made->lease == there->lease) &&
	       (recv || sent || made->seq == there->seq) &&
	       (recv || made->len == there->len) &&
	       (recv || made->passed_fd == there->passed_fd) &&
	       (recv || made->pid == there->pid) &&
	       (recv || made->uid == there->uid) &&
	       (recv || made->gid == there->gid) &&
	       (poll || made->events == there->events);
}

static void take_passed(struct actor *actor, const struct gochan_op *made,
			const struct gochan_op *there)
{
	if (!(made->flags & GOCHAN_TAKE_FD)) {
		if (there->passed_fd != -1)
			violation(actor, "an unrequested file was received");
	} else if (there->passed_fd >= 0) {
		slot_put(actor, 4 + actor->index, there->passed_fd, false);
	}
}

static bool is_user(uint32_t id)
{
	return id == 0 || id == USER_ID || id == USER_ID + 1 || id == 65534 || id == 0x5eed;
}

/* Check a receive that has a message. */
static void check_received(struct actor *actor, const struct ops_call *c, uint32_t i)
{
	const struct gochan_op *made = &c->made[i], *there = &c->there[i];
	const char *buf = (char *)(uintptr_t)made->buf;

	if (there->len > made->len)
		violation(actor, "op %u: %u bytes received into a buffer of %u", i, there->len,
			  made->len);
	if (!is_user(there->uid) || !is_user(there->gid) || there->pid < 0)
		violation(actor, "op %u: impossible credentials: %d %u %u", i, there->pid,
			  there->uid, there->gid);
	take_passed(actor, made, there);
	actor->lease = there->lease;
	if (!is_own(actor, made) || c->ops.count > OP_ROOMS) {
		if (!(made->flags & GOCHAN_PEEK))
			ledger_unknown(actor, 1);
		return;
	}
	if (!buffer_is_clean(actor, buf, there->len, made->len))
		violation(actor, "op %u: bytes after the message were written", i);
	ledger_received(actor, buf, there->len, there->len, made->flags & GOCHAN_PEEK);
}

static void account_op(struct actor *actor, const struct ops_call *c, uint32_t i, bool done)
{
	const struct gochan_op *made = &c->made[i], *there = &c->there[i];
	const bool on_ledger = made->fd == slot_get(actor->process, 0).fd;

	if (made->fd < 0)
		done = false;
	if (i < OP_ROOMS && made->opcode == GOCHAN_OP_SEND)
		ledger_sent(actor, c->sends[i], done, on_ledger);
	if (done && made->opcode == GOCHAN_OP_RECV && there->result == 0)
		check_received(actor, c, i);
	else if (made->opcode == GOCHAN_OP_RECV && is_own(actor, made) &&
		 c->ops.count <= OP_ROOMS &&
		 !canary_intact((char *)(uintptr_t)made->buf, made->len, made->len + CANARY_LEN))
		violation(actor, "op %u: bytes after the buffer were written", i);
}

static void check_select(struct actor *actor, const struct ops_call *c, long ret)
{
	const struct gochan_ops *ops = (void *)(actor->own + MESSAGES);
	uint32_t i;

	if (ret >= 0 && (ret >= c->ops.count || ops->index != ret))
		violation(actor, "index is %u, the result %ld", ops->index, ret);
	for (i = 0; i < c->filled; i++)
		account_op(actor, c, i, i == ret);
}

static void check_batch(struct actor *actor, const struct ops_call *c, long ret)
{
	const struct gochan_ops *ops = (void *)(actor->own + MESSAGES);
	uint32_t i;

	if (ret >= 0 && (ret > c->ops.count || ops->index != ret))
		violation(actor, "index is %u, the result %ld", ops->index, ret);
	for (i = 0; i < c->filled; i++)
		account_op(actor, c, i, (long)i < ret);
}

/* Check a call whose structures cannot be read. */
static void check_count(struct actor *actor, const struct ops_call *c, long ret)
{
	if (ret > (long)c->ops.count)
		violation(actor, "%ld of %u ops were done", ret, c->ops.count);
}

static void check_ops(struct actor *actor, const struct ops_call *c, long ret)
{
	uint32_t i;

	for (i = 0; i < c->filled; i++)
		if (!is_untouched(&c->made[i], &c->there[i]))
			violation(actor, "op %u: fields that belong to the caller were written", i);
	if (c->call->kind == SELECT)
		check_select(actor, c, ret);
	else
		check_batch(actor, c, ret);
}

long call_ops(struct actor *actor, const struct call *call, struct slot slot)
{
	struct ops_call c;
	struct gochan_ops *at;
	long ret;

	fill_ops(actor, &c, call);
	at = put_ops(actor, &c);
	ret = or_errno(ioctl(slot.fd, call->kind == SELECT ? GOCHAN_IOC_SELECT : GOCHAN_IOC_BATCH,
			     at));
	if (!slot_unchanged(actor, slot))
		return ret;
	if (c.visible)
		check_ops(actor, &c, ret);
	else
		check_count(actor, &c, ret);
	return ret;
}
