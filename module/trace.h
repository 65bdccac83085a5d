/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints (R22). Those of messages, block, close, hangup and requeue are hit with the
 * channel's lock held, so that these events of a channel are in the order in which they
 * happened; unblock and select follow when the task runs again. pid and peer are thread
 * ids in the initial pid namespace.
 *
 * A select has a block event each time it joins a wait queue, and ends with a select event
 * instead of unblock events.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM gochan

#if !defined(GOCHAN_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define GOCHAN_TRACE_H

#include <linux/dcache.h>
#include <linux/tracepoint.h>

#include "chan.h"
#include "compat.h"

TRACE_DEFINE_ENUM(CHAN_SEND);
TRACE_DEFINE_ENUM(CHAN_RECV);

#define gochan_show_dir(dir)						\
	__print_symbolic(dir, { CHAN_SEND, "send" }, { CHAN_RECV, "recv" })

DECLARE_EVENT_CLASS(gochan_chan,

	TP_PROTO(u64 id),

	TP_ARGS(id),

	TP_STRUCT__entry(
		__field(u64, id)
	),

	TP_fast_assign(
		__entry->id = id;
	),

	TP_printk("id=%llu", __entry->id)
);

/* A channel was made. */
DEFINE_EVENT(gochan_chan, gochan_create,

	TP_PROTO(u64 id),

	TP_ARGS(id)
);

/* It was closed. */
DEFINE_EVENT(gochan_chan, gochan_close,

	TP_PROTO(u64 id),

	TP_ARGS(id)
);

/* GOCHAN_IOC_SETUP succeeded. */
TRACE_EVENT(gochan_setup,

	TP_PROTO(const struct chan_config *config),

	TP_ARGS(config),

	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, capacity)
		__field(u32, msg_size)
		__field(u32, flags)
	),

	TP_fast_assign(
		__entry->id = config->id;
		__entry->capacity = config->capacity;
		__entry->msg_size = config->msg_size;
		__entry->flags = config->flags;
	),

	TP_printk("id=%llu capacity=%u msg_size=%u flags=%#x",
		  __entry->id, __entry->capacity, __entry->msg_size, __entry->flags)
);

/* The last reference is gone, with @len messages inside. */
TRACE_EVENT(gochan_free,

	TP_PROTO(u64 id, u64 len),

	TP_ARGS(id, len),

	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, len)
	),

	TP_fast_assign(
		__entry->id = id;
		__entry->len = len;
	),

	TP_printk("id=%llu len=%llu", __entry->id, __entry->len)
);

DECLARE_EVENT_CLASS(gochan_message,

	TP_PROTO(u64 id, u64 seq, size_t len, pid_t pid, pid_t peer),

	TP_ARGS(id, seq, len, pid, peer),

	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, seq)
		__field(u32, len)
		__field(pid_t, pid)
		__field(pid_t, peer)
	),

	TP_fast_assign(
		__entry->id = id;
		__entry->seq = seq;
		__entry->len = len;
		__entry->pid = pid;
		__entry->peer = peer;
	),

	TP_printk("id=%llu seq=%llu len=%u pid=%d %s peer=%d",
		  __entry->id, __entry->seq, __entry->len, __entry->pid,
		  __entry->peer ? "handoff" : "buffered", __entry->peer)
);

/* @pid sent a message: to the ring, or handed off to @peer. */
DEFINE_EVENT(gochan_message, gochan_send,

	TP_PROTO(u64 id, u64 seq, size_t len, pid_t pid, pid_t peer),

	TP_ARGS(id, seq, len, pid, peer)
);

/* @pid received a message: one that was buffered, or handed off by @peer. */
DEFINE_EVENT(gochan_message, gochan_recv,

	TP_PROTO(u64 id, u64 seq, size_t len, pid_t pid, pid_t peer),

	TP_ARGS(id, seq, len, pid, peer)
);

/*
 * A message that was received is given back: it could not be copied, or its lease has ended
 * without an acknowledgment.
 */
TRACE_EVENT(gochan_requeue,

	TP_PROTO(u64 id, u64 seq, size_t len),

	TP_ARGS(id, seq, len),

	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, seq)
		__field(u32, len)
	),

	TP_fast_assign(
		__entry->id = id;
		__entry->seq = seq;
		__entry->len = len;
	),

	TP_printk("id=%llu seq=%llu len=%u", __entry->id, __entry->seq, __entry->len)
);

/* The current task is queued, and will spin or sleep. */
TRACE_EVENT(gochan_block,

	TP_PROTO(u64 id, int dir, const struct waiter *w),

	TP_ARGS(id, dir, w),

	TP_STRUCT__entry(
		__field(u64, id)
		__field(int, dir)
		__field(bool, is_select)
		__field(bool, has_deadline)
	),

	TP_fast_assign(
		__entry->id = id;
		__entry->dir = dir;
		__entry->is_select = w->is_select;
		__entry->has_deadline = w->has_deadline;
	),

	TP_printk("id=%llu op=%s select=%d deadline=%d", __entry->id,
		  gochan_show_dir(__entry->dir), __entry->is_select,
		  __entry->has_deadline)
);

/* It goes on, with this verdict, after @waited nanoseconds. */
TRACE_EVENT(gochan_unblock,

	TP_PROTO(u64 id, int dir, int result, s64 waited),

	TP_ARGS(id, dir, result, waited),

	TP_STRUCT__entry(
		__field(u64, id)
		__field(int, dir)
		__field(int, result)
		__field(s64, waited)
	),

	TP_fast_assign(
		__entry->id = id;
		__entry->dir = dir;
		__entry->result = result;
		__entry->waited = waited;
	),

	TP_printk("id=%llu op=%s result=%d waited=%lld ns", __entry->id,
		  gochan_show_dir(__entry->dir), __entry->result, __entry->waited)
);

/* A message was leased by a RECV op of thread @pid. */
TRACE_EVENT(gochan_lease,

	TP_PROTO(u64 id, u64 lease, u64 seq, u32 deliveries, pid_t pid),

	TP_ARGS(id, lease, seq, deliveries, pid),

	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, lease)
		__field(u64, seq)
		__field(u32, deliveries)
		__field(pid_t, pid)
	),

	TP_fast_assign(
		__entry->id = id;
		__entry->lease = lease;
		__entry->seq = seq;
		__entry->deliveries = deliveries;
		__entry->pid = pid;
	),

	TP_printk("id=%llu lease=%llu seq=%llu deliveries=%u pid=%d", __entry->id,
		  __entry->lease, __entry->seq, __entry->deliveries, __entry->pid)
);

/*
 * A lease was acknowledged. A message that is returned has a requeue event instead, even if it
 * is not delivered again, as a dead letter.
 */
TRACE_EVENT(gochan_ack,

	TP_PROTO(u64 id, u64 lease, u64 seq),

	TP_ARGS(id, lease, seq),

	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, lease)
		__field(u64, seq)
	),

	TP_fast_assign(
		__entry->id = id;
		__entry->lease = lease;
		__entry->seq = seq;
	),

	TP_printk("id=%llu lease=%llu seq=%llu", __entry->id, __entry->lease, __entry->seq)
);

/* A SELECT ended: by the op with this index, or by none (-1); @result is 0 or -errno. */
TRACE_EVENT(gochan_select,

	TP_PROTO(u32 ops, int index, int result),

	TP_ARGS(ops, index, result),

	TP_STRUCT__entry(
		__field(u32, ops)
		__field(int, index)
		__field(int, result)
	),

	TP_fast_assign(
		__entry->ops = ops;
		__entry->index = index;
		__entry->result = result;
	),

	TP_printk("ops=%u index=%d result=%d", __entry->ops, __entry->index,
		  __entry->result)
);

/* The last handle that may send, or receive, is gone while others are left: R6 applies. */
TRACE_EVENT(gochan_hangup,

	TP_PROTO(u64 id, int dir),

	TP_ARGS(id, dir),

	TP_STRUCT__entry(
		__field(u64, id)
		__field(int, dir)
	),

	TP_fast_assign(
		__entry->id = id;
		__entry->dir = dir;
	),

	TP_printk("id=%llu side=%s", __entry->id, gochan_show_dir(__entry->dir))
);

DECLARE_EVENT_CLASS(gochan_name,

	TP_PROTO(u64 id, const struct dentry *dentry),

	TP_ARGS(id, dentry),

	TP_STRUCT__entry(
		__field(u64, id)
		__string(name, dentry->d_name.name)
	),

	TP_fast_assign(
		__entry->id = id;
		compat_assign_str(name, dentry->d_name.name);
		/* Else it could look like an event of its own. */
		strreplace(__get_str(name), '\n', '?');
	),

	TP_printk("id=%llu name=%s", __entry->id, __get_str(name))
);

/* The channel got this name, whose last component is told; a rename is unlink and link. */
DEFINE_EVENT(gochan_name, gochan_link,

	TP_PROTO(u64 id, const struct dentry *dentry),

	TP_ARGS(id, dentry)
);

/* The name was removed, changed by a rename, or another one was renamed over it. */
DEFINE_EVENT(gochan_name, gochan_unlink,

	TP_PROTO(u64 id, const struct dentry *dentry),

	TP_ARGS(id, dentry)
);

#endif /* GOCHAN_TRACE_H */

/* This part must be outside protection */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
