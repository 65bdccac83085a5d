// SPDX-License-Identifier: GPL-2.0
/*
 * Checks of results: an error that is not documented for the call, success of a
 * call that must fail, stray writes.
 */
#include "actor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const short io_errors[] = {
	EAGAIN, EINTR, EFAULT, EMSGSIZE, EDQUOT, EINVAL, ENOMEM, EBADF, EOPNOTSUPP, ESPIPE, 0
};

static const short write_errors[] = {
	EAGAIN, EINTR, EFAULT, EMSGSIZE, EDQUOT, ENOSPC, EINVAL, ENOMEM, EBADF, EOPNOTSUPP,
	ESPIPE, EPIPE, 0
};

#define CHAN_FLAGS	(GOCHAN_FIXED | GOCHAN_HANGUP | GOCHAN_CRED | GOCHAN_ACK | \
			 GOCHAN_DEADLETTER | GOCHAN_DONE)

static const short ops_errors[] = {
	EAGAIN, ETIMEDOUT, EINTR, EFAULT, EMSGSIZE, EDQUOT, ENOSPC, EINVAL, ENOMEM, EBADF,
	EOPNOTSUPP, EPIPE, EMFILE, ESTALE, 0
};

static const short make_errors[] = {
	EINVAL, EDQUOT, ENOMEM, EMFILE, ENOENT, ENODEV, ENXIO, EACCES, EOVERFLOW, 0
};

static const short open_errors[] = {
	ENOENT, EACCES, ENXIO, ENODEV, ENOMEM, EMFILE, ENOTDIR, EISDIR, 0
};

static const short setup_errors[] = {
	EBUSY, EINVAL, EDQUOT, ENOSPC, ENOMEM, EFAULT, EBADF, ELOOP, 0
};

static const short fault_errors[] = { EFAULT, 0 };

static const short close_errors[] = { EBADF, EPERM, EALREADY, 0 };

static const short ack_errors[] = { EBADF, EFAULT, EINVAL, ESTALE, 0 };

static const short dup_errors[] = { EACCES, EINVAL, EMFILE, ENOMEM, 0 };

static const short link_errors[] = {
	ENOENT, EEXIST, EXDEV, EMLINK, EPERM, EACCES, ENOTDIR, EDQUOT, ENOMEM, EOVERFLOW, 0
};

static const short unlink_errors[] = { ENOENT, EPERM, EACCES, EISDIR, ENOTDIR, EINVAL, 0 };

static const short *const documented[KINDS] = {
	[MAKE] = make_errors, [SETUP] = setup_errors, [INFO] = fault_errors,
	[CLOSE_CHANNEL] = close_errors, [ACK] = ack_errors,
	[DUP] = dup_errors, [LINK] = link_errors, [UNLINK] = unlink_errors, [OPEN] = open_errors,
	[SELECT] = ops_errors, [BATCH] = ops_errors, [NEXT_LEN] = fault_errors, [READ] = io_errors,
	[READV] = io_errors, [WRITE] = write_errors, [WRITEV] = write_errors,
};

static bool is_documented(const struct call *call, int error)
{
	const short *e = documented[call->kind];

	if (!e || (call->fail && (error == ENOMEM || error == EFAULT)))
		return true;
	for (; *e; e++)
		if (*e == error)
			return true;
	return false;
}

static uint32_t flags_of(enum kind kind)
{
	return GOCHAN_NONBLOCK | (kind == SELECT ? GOCHAN_ORDERED :
						   GOCHAN_WAITFORONE | GOCHAN_RESUME);
}

/* The default limit, or the maximum if the program may change it. */
static uint32_t max_select(const struct program *prog)
{
	unsigned int i;

	for (i = 0; i < prog->nr_calls; i++)
		if (prog->calls[i].kind == PARAM &&
		    !strcmp(params[prog->calls[i].args.v[ARG1]], "max_select"))
			return UINT16_MAX;
	return 1024;
}

/* Are the arguments invalid in every state of the channel? */
static bool must_fail(const struct program *prog, const struct call *call)
{
	const uint64_t *v = call->args.v;

	switch (call->kind) {
	case SETUP:
		return ((uint32_t)v[ARG2] & ~CHAN_FLAGS) ||
		       (!(uint32_t)v[ARG1] && (v[ARG2] & GOCHAN_FIXED)) ||
		       (!(uint32_t)v[LEN] && (v[ARG2] & GOCHAN_ACK)) ||
		       (((uint32_t)v[BUF] || (v[ARG2] & (GOCHAN_DEADLETTER | GOCHAN_DONE))) &&
			!(v[ARG2] & GOCHAN_ACK));
	case ACK:
		return (uint32_t)v[ARG3] || ((uint32_t)v[ARG1] & ~GOCHAN_REQUEUE);
	case LINK:
		return v[ARG1] == 3 || v[ARG1] == 4;
	case SELECT:
	case BATCH:
		return (uint32_t)v[ARG3] || ((uint32_t)v[ARG1] & ~flags_of(call->kind)) ||
		       (uint32_t)v[LEN] > max_select(prog);
	case DUP:
		return (v[ARG1] & 3) == 3;
	default:
		return false;
	}
}

/* Is the structure present, with the intended contents? */
static bool is_readable(const struct call *call)
{
	const enum place place = call->args.v[WHERE];

	return place == OWN || place == EXACT || place == READ_ONLY;
}

void check_result(struct actor *actor, const struct call *call, long ret)
{
	if (ret < 0 && !is_documented(call, -ret))
		violation(actor, "%s is not documented",
			  strerrorname_np(-ret) ?: "an unknown error");
	if (ret >= 0 && is_readable(call) && must_fail(actor->prog, call))
		violation(actor, "invalid arguments were accepted, with result %ld", ret);
}

/* Check the INFO of a channel. */
void check_info(struct actor *actor, const struct gochan_info *info)
{
	size_t i;

	if (info->abi != GOCHAN_ABI || info->closed > 1 || (info->flags & ~CHAN_FLAGS) || !info->id)
		violation(actor, "INFO has impossible values");
	for (i = 0; i < ARRAY_SIZE(info->reserved); i++)
		if (info->reserved[i])
			violation(actor, "INFO has reserved fields that are not 0");
}

void canary_set(char *buf, size_t len)
{
	memset(buf, CANARY, len);
}

bool canary_intact(const char *buf, size_t from, size_t to)
{
	for (; from < to; from++)
		if ((unsigned char)buf[from] != CANARY)
			return false;
	return true;
}

static bool has_call(const struct program *prog, enum kind kind)
{
	unsigned int i;

	for (i = 0; i < prog->nr_calls; i++)
		if (prog->calls[i].kind == kind)
			return true;
	return false;
}

/*
 * May a message have been copied without being received? Its results could not be
 * written, the select that sent it was claimed for another op, or only its beginning
 * could be copied, as a fork had write-protected the pages.
 */
static bool may_have_residue(const struct actor *actor)
{
	return actor->call->fail || has_call(actor->prog, SELECT) ||
	       has_call(actor->prog, FORK);
}

/*
 * Nothing is written after the buffer. In the buffer, what follows the message is
 * the canary, or the end of a longer message that was copied but not received.
 */
bool buffer_is_clean(const struct actor *actor, const char *buf, size_t len, size_t room)
{
	if (!canary_intact(buf, room, room + CANARY_LEN))
		return false;
	if (canary_intact(buf, len, room))
		return true;
	return may_have_residue(actor) &&
	       (!actor->prog->ledger || ledger_is_residue(buf, len, room));
}
