// SPDX-License-Identifier: GPL-2.0
/*
 * Ending the lease of a message that was received from an acknowledged channel. Those that
 * are not ended here end with the process, which requeues their messages.
 */
#include <errno.h>

#include "cmd.h"

static enum status end_failed(const char *label, int err)
{
	if (err != ESTALE)
		return report_errno(label, err);
	print_error("%s: the lease has ended, and the message is delivered again", label);
	return FAILED;
}

enum status lease_ack(const struct target *target, const struct gochan_op *op)
{
	const struct gochan_lease lease = { .lease = op->lease };

	if (!op->lease || gochan_ack(target->fd, &lease) == 0)
		return DONE;
	return end_failed(target->label, errno);
}

enum status lease_requeue(const struct target *target, const struct gochan_op *op)
{
	const struct gochan_lease lease = { .lease = op->lease };

	if (!op->lease || gochan_requeue(target->fd, &lease) == 0)
		return DONE;
	return end_failed(target->label, errno);
}

enum status check_acknowledged(const struct target *target, const struct gochan_info *info)
{
	if (info->flags & GOCHAN_ACK)
		return DONE;
	print_error("%s: its messages are not acknowledged; make it with --ack", target->label);
	return FAILED;
}
