// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a bridge: its threads, and the close of a queue.
 *
 * A queue is closed by closing the sending channel on any machine:
 *
 * 1. The bridge there moves what is in that channel, and then publishes the close marker, a
 *    message of a subject of its own, which stays in the stream.
 * 2. The bridges that see the marker close their sending channels, and move what is in them.
 * 3. When the stream has no message but the marker, it is sealed: from then on it takes
 *    nothing more. A message that comes only now stays in its sending channel, and the
 *    bridge there fails. Nobody can know of a machine that is cut off.
 * 4. When it is sealed and has no message, each bridge closes its receiving channel and ends.
 *
 * Bridges look at the stream from time to time, and when a marker is published.
 */
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bridge.h"

#define LOOK_NS		(2 * NS_PER_S)	/* between looks at the stream */
#define LOOK_CLOSED_NS	(100 * NS_PER_MS)	/* likewise, once it is closed */
#define TICK_MS		100
#define MARKER_RETRY_MS	500

/**
 * struct watch - the state of a bridge's main thread
 * @b: the bridge
 * @receiver: what moves messages to this machine, or NULL
 * @sender: thread
 * @has_sender: there is one
 * @close_sub: tells when a marker is published
 * @look_at: when to look at the stream next
 * @closed: the marker was seen
 * @floor: up to which messages of the stream were repaired
 * @repair_at: when to look for such messages next
 * @again_at: when to publish again what is there up to @again_floor; 0: nothing is there
 * @again_floor: see @again_at
 * @again_failed: the last attempt to do so has failed
 */
struct watch {
	struct bridge *b;
	struct receiver *receiver;
	pthread_t sender;
	bool has_sender;
	natsSubscription *close_sub;
	int64_t look_at;
	bool closed;
	uint64_t floor;
	int64_t repair_at;
	int64_t again_at;
	uint64_t again_floor;
	bool again_failed;
};

/* ---- the close marker ---- */

void publish_close(struct bridge *b)
{
	struct stream_state state;
	jsPubOptions options;
	natsStatus status;

	jsPubOptions_Init(&options);
	options.MsgId = "close";
	while (!stopping(b)) {
		/* Another machine may have closed it, and it may be sealed. */
		if (stream_get_state(b, &state) == NATS_OK && state.closed)
			return;
		status = js_Publish(NULL, b->js, b->close_subject, "", 0, &options, NULL);
		if (status == NATS_OK)
			return;
		log_line(LEVEL_DEBUG, b, "close marker: %s", nats_problem(status));
		poll(&(struct pollfd){ b->stop_fd, POLLIN, 0 }, 1, MARKER_RETRY_MS);
	}
}

static void on_marker(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *closure)
{
	struct bridge *b = closure;

	(void)nc;
	(void)sub;
	natsMsg_Destroy(msg);
	event_signal(b->wake);
}

/* ---- looking at the stream ---- */

/*
 * Has everything been received? A sealed stream may have messages that were acknowledged, as a
 * killed server forgets their deletion; then they cannot be removed any more.
 */
static bool is_drained(struct bridge *b, const struct stream_state *state)
{
	return !state->messages || (state->sealed && stream_is_drained(b));
}

/* The queue ends on this machine if all machines have moved everything. */
static bool is_ended(struct watch *w, const struct stream_state *state)
{
	struct bridge *b = w->b;

	if (!state->closed || !is_drained(b, state) ||
	    !__atomic_load_n(&b->sent_all, __ATOMIC_ACQUIRE))
		return false;
	if (!w->receiver)
		return true;
	if (!state->sealed) {
		stream_seal(b);
		return false;	/* something may have come before */
	}
	return receiver_used(w->receiver) == 0;
}

static bool is_done_once(struct watch *w, const struct stream_state *state)
{
	const struct bridge *b = w->b;

	return b->settings.once && __atomic_load_n(&b->sent_all, __ATOMIC_ACQUIRE) &&
	       (!w->receiver || (!state->messages && !receiver_used(w->receiver)));
}

/* While that fails, try it at each look; report it once. */
static void repair_again(struct watch *w)
{
	const char *stream = w->b->settings.stream;
	bool ok = stream_repair(w->b, w->receiver, w->again_floor, true);

	if (ok)
		w->again_at = 0;
	else if (!w->again_failed)
		log_line(LEVEL_WARNING, w->b,
			 "stream %s has messages that it does not deliver, and they could not be published again; if it is full of them, use: nats consumer rm %s gochan",
			 stream, stream);
	w->again_failed = !ok;
}

/* See repair.c. */
static void repair(struct watch *w, const struct stream_state *state)
{
	struct stream_state now = *state;
	uint64_t floor;

	if (now_ns() < w->repair_at)
		return;
	w->repair_at = now_ns() + LOOK_NS;
	floor = stream_ack_floor(w->b);
	if (!floor)
		return;		/* the server has not answered, or nothing is done with */
	/* The state is older than the floor. */
	if (now.first <= floor && stream_get_state(w->b, &now) != NATS_OK)
		return;
	if (!now.messages || now.first > floor) {
		w->again_at = 0;
		return;
	}
	if (w->again_at && now_ns() >= w->again_at) {
		repair_again(w);
		return;
	}
	if (!w->again_at) {
		w->again_at = now_ns() + w->b->settings.ack_wait * NS_PER_S;
		w->again_floor = floor;
	}
	if (floor != w->floor)
		stream_repair(w->b, w->receiver, floor, false);
	w->floor = floor;
}

/* True when the bridge is to end. */
static bool look(struct watch *w)
{
	struct bridge *b = w->b;
	struct stream_state state;
	natsStatus status;

	w->look_at = now_ns() + (w->closed || b->settings.once ? LOOK_CLOSED_NS : LOOK_NS);
	status = stream_get_state(b, &state);
	if (status == NATS_NOT_FOUND) {
		log_line(LEVEL_ERROR, b,
			 "stream %s is gone, and its messages with it; start the bridge again to make it again",
			 b->settings.stream);
		b->failed = true;
		return true;
	}
	if (status != NATS_OK)
		return false;
	if (state.closed && !w->closed) {
		w->closed = true;
		log_line(LEVEL_INFO, b, "stream %s is closed", b->settings.stream);
		if (b->send_fd >= 0 && !channel_close(b, b->send_fd, "sending")) {
			b->failed = true;
			return true;
		}
		/* The number of messages may be older than the marker. */
		return false;
	}
	if (w->receiver && state.messages && !state.sealed)
		repair(w, &state);
	if (is_ended(w, &state)) {
		if (b->recv_fd >= 0 && !channel_close(b, b->recv_fd, "receiving"))
			b->failed = true;
		return true;
	}
	return is_done_once(w, &state);
}

static void watch(struct watch *w)
{
	struct pollfd fds[] = {
		{ .fd = w->b->wake, .events = POLLIN },
		{ .fd = w->b->stop_fd, .events = POLLIN },
	};

	while (!stopping(w->b)) {
		if (poll(fds, ARRAY_SIZE(fds), TICK_MS) > 0 && fds[0].revents) {
			event_clear(w->b->wake);
			w->look_at = 0;
			if (w->receiver)
				receiver_reconnected(w->receiver);
		}
		if (w->receiver)
			receiver_tick(w->receiver);
		if (now_ns() >= w->look_at && look(w))
			return;
	}
}

/* ---- beginning and end ---- */

static bool start(struct watch *w)
{
	struct bridge *b = w->b;
	natsStatus status;

	status = natsConnection_Subscribe(&w->close_sub, b->nc, b->close_subject, on_marker, b);
	if (status != NATS_OK) {
		log_line(LEVEL_ERROR, b, "%s: %s", b->close_subject, nats_problem(status));
		return false;
	}
	if (b->recv_fd >= 0) {
		w->receiver = receiver_start(b);
		if (!w->receiver)
			return false;
	}
	b->sent_all = b->send_fd < 0;
	if (b->send_fd < 0)
		return true;
	if (pthread_create(&w->sender, NULL, send_thread, b)) {
		log_line(LEVEL_ERROR, b, "cannot make a thread");
		return false;
	}
	w->has_sender = true;
	return true;
}

/* The queue was closed before this bridge began: so are its channels. */
static bool was_closed(struct bridge *b, bool *ok)
{
	struct stream_state state;
	struct gochan_info info;

	if (stream_get_state(b, &state) != NATS_OK || !state.sealed || !is_drained(b, &state))
		return false;
	log_line(LEVEL_INFO, b,
		 "stream %s was closed; to begin anew, remove it (nats stream rm %s) and, on each machine, its closed channels (gochan rm), which would close the new one",
		 b->settings.stream, b->settings.stream);
	*ok = (b->send_fd < 0 || channel_close(b, b->send_fd, "sending")) &&
	      (b->recv_fd < 0 || channel_close(b, b->recv_fd, "receiving"));
	if (b->send_fd >= 0 && gochan_info(b->send_fd, &info) == 0 && info.len) {
		log_line(LEVEL_ERROR, b,
			 "%u messages came too late for the stream; they stay in the sending channel",
			 info.len);
		*ok = false;
	}
	return true;
}

bool bridge_run(struct bridge *b)
{
	struct watch w = { .b = b };
	bool ok;

	if (was_closed(b, &ok)) {
		bridge_ready(b);
		return ok;
	}
	b->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (start(&w)) {
		bridge_ready(b);
		log_line(LEVEL_INFO, b, "bridged to stream %s at %s", b->settings.stream,
			 b->settings.servers);
		watch(&w);
	} else if (!stopping(b)) {
		b->failed = true;
	}
	if (b->failed)
		bridge_stop(b);
	if (w.has_sender)
		pthread_join(w.sender, NULL);
	if (w.receiver)
		receiver_join(w.receiver);
	natsSubscription_Destroy(w.close_sub);
	return !b->failed;
}
