// SPDX-License-Identifier: GPL-2.0
/*
 * Linearizability. Processes perform random operations on a few channels and
 * record the time of each call and return; ../checker then decides whether Go
 * channels could have produced this history. The operations are sends, receives,
 * selects and batches, blocking or not, with deadlines, some to or from memory
 * that faults; processes are interrupted and killed; each channel ends by a close
 * or by a hangup of either side. On acknowledged channels (R21) a process also
 * acknowledges or returns what it has leased, or closes its handle instead and goes on
 * with a new one.
 *
 * GOCHAN_SEED=N in the environment repeats the random choices of a run, but not
 * its timing. A history that is rejected is written to GOCHAN_HISTORY=FILE.
 */
#include <kselftest_harness.h>

#include "../lib/common.h"
#include "../checker/linear.h"

#include <fcntl.h>
#include <gochan.h>
#include <sched.h>
#include <signal.h>

#define CHANNELS	3
#define WORKERS		6
#define LOG_MAX		4096
#define LOG_SPARE	64	/* more than one turn of a process, and its exit, adds */
#define ROUNDS		3
#define MOST_UNDECIDED	3
#define ROUND_OPS	1200	/* after so many operations a round ends */
#define ROUND_KILLS	6
#define PARTS		3	/* ops of a select or batch, at most */
#define LEASES		8	/* of a process on a channel, at most */
#define TICK_NS		1000000

enum { MAY_SEND = 1, MAY_RECV = 2 };
/* How a channel ends. */
enum ending { CLOSE, DROP_SENDERS, DROP_RECEIVERS, ENDINGS };

struct message {
	unsigned int value;
	unsigned int len;
	unsigned char fill[];
};

/* What one process did, and those that replaced it. */
struct log {
	bool ready;		/* it has its own handles and has closed the shared ones */
	unsigned int values;	/* messages made */
	unsigned int wrong;	/* impossible results */
	unsigned int groups;	/* selects and batches */
	unsigned int count;
	struct lin_op ops[LOG_MAX];
};

/* What all processes share; the first log is the test process's. */
struct shared {
	bool ending;
	enum ending endings[CHANNELS];
	struct log logs[1 + WORKERS];
};

/* The leases of a process on a channel. */
struct leases {
	unsigned int count;
	unsigned long long held[LEASES];
	unsigned long long past;	/* one that has ended, or 0 */
};

struct worker {
	pid_t pid;
	int process;
	unsigned int first_op;	/* of this process, in its log */
	unsigned int rights[CHANNELS];
	bool acked[CHANNELS];
	unsigned long long random;

	/* used by the process itself */
	struct shared *shared;
	struct log *log;
	int ch[CHANNELS];
	unsigned int msg_size;
	struct leases leases[CHANNELS];
	unsigned int pending[CHANNELS];	/* directions whose end it has still to see */
	bool ending;
	struct message *out[PARTS];
	struct message *in[PARTS];
	void *inaccessible;
};

struct run {
	const struct _fixture_variant_history *variant;
	struct shared *shared;
	struct worker workers[WORKERS];
	int ch[CHANNELS];
	unsigned long long random;
	unsigned int kills;
};

FIXTURE(history) {
	struct run run;
};

FIXTURE_VARIANT(history) {
	unsigned int capacity[CHANNELS];
	unsigned int msg_size;
	bool acked[CHANNELS];
	unsigned int max_deliveries;
};

FIXTURE_VARIANT_ADD(history, unbuffered) {
	.capacity = { 0, 0, 0 }, .msg_size = 64,
};

FIXTURE_VARIANT_ADD(history, unbuffered_large) {
	.capacity = { 0, 0, 0 }, .msg_size = 9000,
};

FIXTURE_VARIANT_ADD(history, one) {
	.capacity = { 1, 1, 1 }, .msg_size = 64,
};

FIXTURE_VARIANT_ADD(history, few) {
	.capacity = { 2, 3, 5 }, .msg_size = 64,
};

FIXTURE_VARIANT_ADD(history, few_large) {
	.capacity = { 1, 2, 5 }, .msg_size = 9000,
};

FIXTURE_VARIANT_ADD(history, mixed) {
	.capacity = { 0, 1, 64 }, .msg_size = 600,
};

FIXTURE_VARIANT_ADD(history, acked_one) {
	.capacity = { 1, 1, 1 }, .msg_size = 64, .acked = { true, true, true },
};

FIXTURE_VARIANT_ADD(history, acked_few) {
	.capacity = { 2, 3, 5 }, .msg_size = 64, .acked = { true, true, true },
};

FIXTURE_VARIANT_ADD(history, acked_few_large) {
	.capacity = { 1, 2, 5 }, .msg_size = 9000, .acked = { true, true, true },
};

FIXTURE_VARIANT_ADD(history, acked_and_plain) {
	.capacity = { 2, 5, 1 }, .msg_size = 600, .acked = { true, true, false },
};

FIXTURE_VARIANT_ADD(history, acked_dropped) {
	.capacity = { 2, 3, 5 }, .msg_size = 64, .acked = { true, true, true },
	.max_deliveries = 2,
};

static unsigned int random_below(unsigned long long *state, unsigned int n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (*state >> 32) % n;
}

static unsigned long long choose_seed(void)
{
	const char *given = getenv("GOCHAN_SEED");

	return given ? strtoull(given, NULL, 0) : (unsigned long long)now_ns();
}

FIXTURE_SETUP(history)
{
	const unsigned long long seed = choose_seed();

	TH_LOG("GOCHAN_SEED=%llu", seed);
	self->run.variant = variant;
	self->run.shared = mmap(NULL, sizeof(*self->run.shared), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->run.shared);
	/* an odd factor spreads neighbouring seeds; the state must not be 0 */
	self->run.random = (seed * 2 + 1) * 0x9e3779b97f4a7c15ULL;
}

FIXTURE_TEARDOWN(history)
{
}

/* ---- recording ---- */

/*
 * Record an operation that is about to be called, the @nth of one system call.
 * Its result is unknown until it returns.
 */
static struct lin_op *note_call(struct log *log, unsigned int nth, int process, int channel,
				enum lin_kind kind)
{
	struct lin_op *op = &log->ops[log->count + nth];

	*op = (struct lin_op){
		.process = process,
		.channel = channel,
		.kind = kind,
		.result = LIN_KILLED,
		.blocking = true,
		.nth = log->count + nth,
	};
	return op;
}

/* Set the call time of the @n operations just recorded, immediately before the call. */
static void note_called(struct log *log, unsigned int n)
{
	const long long now = now_ns();
	unsigned int i;

	for (i = 0; i < n; i++)
		log->ops[log->count + i].call = now;
	__atomic_store_n(&log->count, log->count + n, __ATOMIC_RELEASE);
}

/* The result is recorded: set the time, @now, that was read right after the call. */
static void note_returned(struct lin_op *op, long long now)
{
	__atomic_store_n(&op->ret, now, __ATOMIC_RELEASE);
}

static void note_result(struct log *log, struct lin_op *op, int err)
{
	op->error = err;
	if (!err)
		op->result = LIN_OK;
	else if (err == EPIPE || err == EALREADY)
		op->result = LIN_ENDED;
	else if (err == EAGAIN || err == EINTR || err == ETIMEDOUT)
		op->result = LIN_NOT_READY;
	else if (err == EFAULT)
		op->result = LIN_FAULT;
	else if (err == ESTALE)
		op->result = LIN_STALE;
	else
		log->wrong++;
}

/* ---- messages ---- */

static size_t make_message(struct worker *w, struct message *msg)
{
	msg->value = (unsigned int)w->process << 20 | ++w->log->values;
	msg->len = sizeof(*msg) + random_below(&w->random, w->msg_size - sizeof(*msg) + 1);
	memset(msg->fill, msg->value & 0xff, msg->len - sizeof(*msg));
	return msg->len;
}

static bool is_whole(const struct message *msg, size_t len)
{
	size_t i;

	if (len < sizeof(*msg) || msg->len != len)
		return false;
	for (i = 0; i < len - sizeof(*msg); i++)
		if (msg->fill[i] != (msg->value & 0xff))
			return false;
	return true;
}

/* Record a receive: it failed with @err, got a message, or, with neither, saw the end. */
static void note_received(struct worker *w, struct lin_op *op, int err, const struct message *msg,
			  size_t len)
{
	if (err || len) {
		note_result(w->log, op, err);
	} else {
		op->result = LIN_ENDED;
		w->pending[op->channel] &= ~MAY_RECV;
	}
	if (err || !len)
		return;
	op->value = msg->value;
	w->log->wrong += !is_whole(msg, len);
}

/* Record the lease that a RECV op reported. */
static void note_lease(struct worker *w, struct lin_op *op, const struct gochan_op *done)
{
	struct leases *leases = &w->leases[op->channel];

	op->lease = done->lease;
	op->seq = done->seq;
	op->deliveries = done->deliveries;
	if (!done->lease || leases->count == LEASES)
		w->log->wrong++;
	else
		leases->held[leases->count++] = done->lease;
}

static void note_sent(struct worker *w, struct lin_op *op, int err)
{
	note_result(w->log, op, err);
	if (err == EPIPE)
		w->pending[op->channel] &= ~MAY_SEND;
}

/* ---- one operation ---- */

/* Whether a read or write blocks: if not, by RWF_NOWAIT or O_NONBLOCK. */
enum how { BLOCKS, NOWAIT, NONBLOCK };

static enum how choose_how(struct worker *w, int channel)
{
	const unsigned int dice = random_below(&w->random, 8);
	const enum how how = dice < 4 ? BLOCKS : dice < 6 ? NOWAIT : NONBLOCK;

	fcntl(w->ch[channel], F_SETFL, how == NONBLOCK ? O_NONBLOCK : 0);
	return how;
}

/* A buffer for a message: populated, populated when touched, or inaccessible. */
static void *choose_buf(struct worker *w, unsigned int part)
{
	const unsigned int dice = random_below(&w->random, 16);

	if (!dice)
		return w->inaccessible;
	if (dice < 4)
		madvise(w->in[part], w->msg_size, MADV_DONTNEED);
	return w->in[part];
}

static void do_write(struct worker *w, int channel, enum how how)
{
	struct message *msg = w->out[0];
	const size_t len = make_message(w, msg);
	struct lin_op *op = note_call(w->log, 0, w->process, channel, LIN_SEND);
	const void *data = random_below(&w->random, 32) ? msg : w->inaccessible;
	long long now;
	ssize_t ret;

	op->value = msg->value;
	op->blocking = how == BLOCKS;
	note_called(w->log, 1);
	if (how == NOWAIT)
		ret = ch_try_send(w->ch[channel], data, len);
	else
		ret = ch_send(w->ch[channel], data, len);
	now = now_ns();
	note_sent(w, op, ret < 0 ? -ret : 0);
	w->log->wrong += ret >= 0 && ret != (ssize_t)len;
	note_returned(op, now);
}

static void do_read(struct worker *w, int channel, enum how how)
{
	struct lin_op *op = note_call(w->log, 0, w->process, channel, LIN_RECV);
	void *buf = choose_buf(w, 0);
	long long now;
	ssize_t ret;

	op->blocking = how == BLOCKS;
	note_called(w->log, 1);
	if (how == NOWAIT)
		ret = ch_try_recv(w->ch[channel], buf, w->msg_size);
	else
		ret = ch_recv(w->ch[channel], buf, w->msg_size);
	now = now_ns();
	note_received(w, op, ret < 0 ? -ret : 0, buf, ret < 0 ? 0 : ret);
	note_returned(op, now);
}

static void do_info(struct worker *w, int channel)
{
	struct lin_op *op = note_call(w->log, 0, w->process, channel, LIN_INFO);
	struct gochan_info info;
	long long now;

	note_called(w->log, 1);
	info = ch_info(w->ch[channel]);
	now = now_ns();
	op->result = LIN_OK;
	op->len = info.len;
	op->sent = info.sent;
	op->leased = info.leased;
	op->dropped = info.dropped;
	op->closed = info.closed;
	op->senders = info.senders_waiting;
	op->receivers = info.receivers_waiting;
	w->log->wrong += info.received + info.len != info.sent;
	if (w->acked[channel])
		w->log->wrong += info.len + info.leased > info.capacity;
	note_returned(op, now);
}

/* ---- leases ---- */

/* A lease to be ended, or one that has ended already; 0 if there is none. */
static unsigned long long choose_lease(struct worker *w, int channel)
{
	const struct leases *leases = &w->leases[channel];

	if (!(w->rights[channel] & MAY_RECV))
		return 0;
	if (!random_below(&w->random, 12))
		return leases->past;
	return leases->count ? leases->held[random_below(&w->random, leases->count)] : 0;
}

static struct lin_op *note_end_call(struct worker *w, unsigned int nth, int channel,
				    unsigned long long lease)
{
	const enum lin_kind kind = random_below(&w->random, 4) ? LIN_ACK : LIN_REQUEUE;
	struct lin_op *op = note_call(w->log, nth, w->process, channel, kind);

	op->lease = lease;
	return op;
}

static void note_ended(struct worker *w, struct lin_op *op, int err)
{
	struct leases *leases = &w->leases[op->channel];
	unsigned int i;

	note_result(w->log, op, err);
	if (err)
		return;
	for (i = 0; i < leases->count; i++)
		if (leases->held[i] == op->lease)
			leases->held[i] = leases->held[--leases->count];
	leases->past = op->lease;
}

static void do_end_lease(struct worker *w, int channel)
{
	const struct gochan_lease lease = { .lease = choose_lease(w, channel) };
	struct lin_op *op;
	long long now;
	int err;

	if (!lease.lease)
		return;
	op = note_end_call(w, 0, channel, lease.lease);
	note_called(w->log, 1);
	err = (op->kind == LIN_ACK ? gochan_ack : gochan_requeue)(w->ch[channel], &lease);
	err = err ? errno : 0;
	now = now_ns();
	note_ended(w, op, err);
	note_returned(op, now);
}

/* So that the process does not wait for itself. */
static void end_leases(struct worker *w)
{
	int i;

	for (i = 0; i < CHANNELS; i++)
		while (w->leases[i].count)
			do_end_lease(w, i);
}

/* ---- select and batch ---- */

struct call {
	struct gochan_op ops[PARTS];
	struct lin_op *notes[PARTS];
	unsigned int count;
};

static void add_part(struct worker *w, struct call *call, int channel, enum lin_kind kind,
		     bool blocking)
{
	const unsigned int n = call->count++;
	struct lin_op *note = note_call(w->log, n, w->process, channel, kind);
	size_t len;

	note->blocking = blocking;
	call->notes[n] = note;
	if (kind == LIN_SEND) {
		len = make_message(w, w->out[n]);
		note->value = w->out[n]->value;
		call->ops[n] = GOCHAN_SEND(w->ch[channel], w->out[n], len);
	} else {
		note->leasing = w->acked[channel];
		call->ops[n] = GOCHAN_RECV(w->ch[channel], choose_buf(w, n), w->msg_size);
	}
}

/* Acknowledge or return a message, if there is one. */
static void add_end_of_lease(struct worker *w, struct call *call, int channel)
{
	const unsigned long long lease = choose_lease(w, channel);
	const unsigned int n = call->count;

	if (!lease)
		return;
	call->notes[n] = note_end_call(w, n, channel, lease);
	call->ops[n] = (struct gochan_op){
		.fd = w->ch[channel],
		.opcode = GOCHAN_OP_ACK,
		.flags = call->notes[n]->kind == LIN_REQUEUE ? GOCHAN_REQUEUE : 0,
		.lease = lease,
	};
	call->count++;
}

static void note_recv_part(struct worker *w, struct call *call, unsigned int n, int err)
{
	const struct gochan_op *op = &call->ops[n];
	const bool end = op->result == GOCHAN_R_CLOSED;

	note_received(w, call->notes[n], err, w->in[n], err || end ? 0 : op->len);
	if (!err && !end && call->notes[n]->leasing)
		note_lease(w, call->notes[n], op);
}

static void note_part(struct worker *w, struct call *call, unsigned int n, int err)
{
	switch (call->notes[n]->kind) {
	case LIN_SEND:
		note_sent(w, call->notes[n], err);
		break;
	case LIN_RECV:
		note_recv_part(w, call, n, err);
		break;
	default:
		note_ended(w, call->notes[n], err);
	}
}

/* Record a select: one op happened or failed, or none was ready. */
static void note_select(struct worker *w, struct call *call, int ret, int err)
{
	unsigned int i;
	int at = ret;

	for (i = 0; ret < 0 && i < call->count; i++)
		if (call->ops[i].result == -err)
			at = i;
	for (i = 0; i < call->count; i++) {
		if (at < 0)
			note_result(w->log, call->notes[i], err);
		else if (at == (int)i)
			note_part(w, call, i, ret < 0 ? err : 0);
		else
			call->notes[i]->result = LIN_PASSED;
	}
}

/* Record a batch: @ret ops happened, the next one failed, the rest did not begin. */
static void note_batch(struct worker *w, struct call *call, int ret)
{
	const unsigned int done = ret < 0 ? 0 : ret;
	unsigned int i;

	for (i = 0; i < call->count; i++) {
		if (i > done)
			call->notes[i]->result = LIN_PASSED;
		else
			note_part(w, call, i, i < done ? 0 : -call->ops[i].result);
	}
}

static void note_call_returned(const struct call *call, long long now)
{
	unsigned int i;

	for (i = 0; i < call->count; i++)
		note_returned(call->notes[i], now);
}

/* None, zero or up to 1.5 ms. */
static long long choose_timeout(struct worker *w)
{
	const unsigned int dice = random_below(&w->random, 4);

	if (dice < 2)
		return dice ? -1 : 0;
	return random_below(&w->random, 1500000);
}

static enum lin_kind choose_kind(struct worker *w, int channel)
{
	if (w->rights[channel] == MAY_SEND)
		return LIN_SEND;
	if (w->rights[channel] == MAY_RECV)
		return LIN_RECV;
	return random_below(&w->random, 2) ? LIN_SEND : LIN_RECV;
}

static int choose_channel(struct worker *w)
{
	int channel;

	do {
		channel = random_below(&w->random, CHANNELS);
	} while (!w->rights[channel]);
	return channel;
}

static void do_select(struct worker *w)
{
	const unsigned int count = 1 + random_below(&w->random, PARTS);
	const long long timeout = choose_timeout(w);
	struct call call = {};
	long long now;
	int ret, err;

	w->log->groups++;
	while (call.count < count) {
		const int channel = choose_channel(w);

		add_part(w, &call, channel, choose_kind(w, channel), timeout != 0);
		call.notes[call.count - 1]->select =
			(unsigned int)w->process << 20 | w->log->groups;
	}
	note_called(w->log, count);
	ret = gochan_select(call.ops, count, timeout, 0);
	err = errno;
	now = now_ns();
	note_select(w, &call, ret, err);
	note_call_returned(&call, now);
}

/* On one channel, as the checker does not check the order across channels. */
static void do_batch(struct worker *w, int channel)
{
	const unsigned int flags = random_below(&w->random, 3) ? 0 : GOCHAN_WAITFORONE;
	const unsigned int count = 1 + random_below(&w->random, PARTS);
	const long long timeout = choose_timeout(w);
	struct call call = {};
	unsigned int i;
	long long now;
	int ret;

	fcntl(w->ch[channel], F_SETFL, 0);
	w->log->groups++;
	if (w->acked[channel])
		add_end_of_lease(w, &call, channel);
	while (call.count < count)
		add_part(w, &call, channel, choose_kind(w, channel),
			 timeout && !(flags && call.count));
	for (i = 0; i < count; i++)
		call.notes[i]->batch = (unsigned int)w->process << 20 | w->log->groups;
	note_called(w->log, count);
	ret = gochan_batch(call.ops, count, timeout, flags);
	now = now_ns();
	note_batch(w, &call, ret);
	note_call_returned(&call, now);
}

/* ---- handles ---- */

static int open_handle(struct log *log, int process, int ch, int channel, unsigned int rights)
{
	static const int modes[] = { [1] = O_WRONLY, [2] = O_RDONLY, [3] = O_RDWR };
	struct lin_op *op = note_call(log, 0, process, channel, LIN_HANDLES);
	int fd;

	op->senders = !!(rights & MAY_SEND);
	op->receivers = !!(rights & MAY_RECV);
	note_called(log, 1);
	fd = ch_dup(ch, modes[rights]);
	op->result = LIN_OK;
	log->wrong += fd < 0;
	note_returned(op, now_ns());
	return fd;
}

/* On an @acked channel that ends the leases, and then removes the handle. */
static void close_handle(struct log *log, int process, int ch, int channel, unsigned int rights,
			 bool acked)
{
	struct lin_op *ops = note_call(log, 0, process, channel, LIN_RETURN);
	struct lin_op *handles = note_call(log, acked, process, channel, LIN_HANDLES);
	long long now;

	handles->senders = -!!(rights & MAY_SEND);
	handles->receivers = -!!(rights & MAY_RECV);
	note_called(log, 1 + acked);
	log->wrong += close(ch) != 0;
	now = now_ns();
	for (; ops <= handles; ops++) {
		ops->result = LIN_OK;
		note_returned(ops, now);
	}
}

static void close_own_handle(struct worker *w, int ch, int channel, unsigned int rights)
{
	struct leases *leases = &w->leases[channel];

	close_handle(w->log, w->process, ch, channel, rights, w->acked[channel]);
	if (leases->count)
		leases->past = leases->held[0];
	leases->count = 0;
}

/* Replace the handle on the channel by one that has only @rights. */
static void narrow_rights(struct worker *w, int channel, unsigned int rights)
{
	const unsigned int had = w->rights[channel];
	const int old = w->ch[channel];

	if (had == rights)
		return;
	if (rights)
		w->ch[channel] = open_handle(w->log, w->process, old, channel, rights);
	close_own_handle(w, old, channel, had);
	w->rights[channel] = rights;
}

/* What the process has leased comes back, as if it had died. */
static void replace_handle(struct worker *w, int channel)
{
	const unsigned int rights = w->rights[channel];
	const int old = w->ch[channel];

	w->ch[channel] = open_handle(w->log, w->process, old, channel, rights);
	close_own_handle(w, old, channel, rights);
}

static void do_close(struct worker *w, int channel)
{
	struct lin_op *op = note_call(w->log, 0, w->process, channel, LIN_CLOSE);
	long long now;
	int ret;

	note_called(w->log, 1);
	ret = ch_close(w->ch[channel]);
	now = now_ns();
	note_result(w->log, op, -ret);
	note_returned(op, now);
}

/* ---- a process ---- */

/* The round ends: end the channel as chosen, then continue until its end was seen. */
static void end_channel(struct worker *w, int channel)
{
	const enum ending ending = w->shared->endings[channel];

	if (ending == DROP_SENDERS)
		narrow_rights(w, channel, w->rights[channel] & MAY_RECV);
	else if (ending == DROP_RECEIVERS)
		narrow_rights(w, channel, w->rights[channel] & MAY_SEND);
	else if (w->rights[channel] & MAY_SEND)
		do_close(w, channel);
	w->pending[channel] = w->rights[channel];
}

static void check_ending(struct worker *w)
{
	int i;

	if (w->ending || !__atomic_load_n(&w->shared->ending, __ATOMIC_ACQUIRE))
		return;
	w->ending = true;
	for (i = 0; i < CHANNELS; i++)
		end_channel(w, i);
}

static bool has_more_to_do(const struct worker *w)
{
	unsigned int left = 0;
	int i;

	for (i = 0; i < CHANNELS; i++)
		left |= w->pending[i];
	return (!w->ending || left) && w->log->count < LOG_MAX - LOG_SPARE;
}

static void do_one(struct worker *w, int channel, enum how how)
{
	if (choose_kind(w, channel) == LIN_SEND)
		do_write(w, channel, how);
	else
		do_read(w, channel, how);
}

static void do_something(struct worker *w)
{
	const unsigned int dice = random_below(&w->random, 32);
	const int channel = choose_channel(w);

	if (w->acked[channel] && !random_below(&w->random, 24))
		replace_handle(w, channel);
	else if (w->acked[channel] && random_below(&w->random, 2))
		do_end_lease(w, channel);
	if (dice < 4)
		do_info(w, channel);
	/* a waiter that INFO counted has to be found by a send or receive */
	if (dice < 3)
		do_one(w, channel, NOWAIT);
	else if (dice < 13)
		do_select(w);
	else if (dice < 18 || (w->acked[channel] && dice < 28))
		do_batch(w, channel);	/* a read leases nothing */
	else
		do_one(w, channel, choose_how(w, channel));
}

static void *map(size_t size, int prot)
{
	void *mem = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		_exit(1);
	return mem;
}

static void set_up_worker(struct worker *w)
{
	int i, shared;

	for (i = 0; i < PARTS; i++) {
		w->in[i] = map(w->msg_size, PROT_READ | PROT_WRITE);
		w->out[i] = map(w->msg_size, PROT_READ | PROT_WRITE);
	}
	w->inaccessible = map(w->msg_size, PROT_NONE);
	for (i = 0; i < CHANNELS; i++) {
		shared = w->ch[i];
		w->ch[i] = -1;
		if (w->rights[i])
			w->ch[i] = open_handle(w->log, w->process, shared, i, w->rights[i]);
		close(shared);
	}
	__atomic_store_n(&w->log->ready, true, __ATOMIC_RELEASE);
}

static void work(struct worker *w)
{
	set_up_worker(w);
	do {
		do_something(w);
		check_ending(w);
		if (w->ending)
			end_leases(w);
	} while (has_more_to_do(w));
}

/* ---- the test process ---- */

static void start(struct run *run, struct worker *w)
{
	random_below(&run->random, 2);
	w->random = run->random;
	w->log->ready = false;
	w->first_op = w->log->count;
	w->pid = child();
	if (w->pid)
		return;
	work(w);
	_exit(0);
}

/* A killed process did this when it released its handles, after its last operation. */
static struct lin_op *note_at_exit(struct worker *w, int channel, enum lin_kind kind,
				   long long began, long long now)
{
	struct lin_op *op = note_call(w->log, 0, w->process, channel, kind);

	op->call = began;
	op->ret = now;
	op->result = LIN_OK;
	w->log->count++;
	return op;
}

static void note_released(struct worker *w, int channel, long long began, long long now)
{
	int senders = 0, receivers = 0;
	struct lin_op *op;
	unsigned int i;

	for (i = w->first_op; i < w->log->count; i++) {
		op = &w->log->ops[i];
		if (op->kind != LIN_HANDLES || op->channel != channel)
			continue;
		senders += op->senders;
		receivers += op->receivers;
	}
	if (!senders && !receivers)
		return;
	if (w->acked[channel])
		note_at_exit(w, channel, LIN_RETURN, began, now);
	op = note_at_exit(w, channel, LIN_HANDLES, began, now);
	op->senders = -senders;
	op->receivers = -receivers;
}

/* The process has exited: operations that did not return took effect by now, if at all. */
static void note_exit(struct worker *w)
{
	const long long now = now_ns();
	const long long began = w->log->ops[w->log->count - 1].call;
	unsigned int i;

	for (i = w->first_op; i < w->log->count; i++) {
		if (w->log->ops[i].ret)
			continue;
		w->log->ops[i].ret = now;
		if (w->log->ops[i].kind == LIN_INFO)
			w->log->ops[i].result = LIN_PASSED;
	}
	for (i = 0; i < CHANNELS; i++)
		note_released(w, i, began, now);
	w->pid = 0;
}

static bool is_ready(const struct worker *w)
{
	return __atomic_load_n(&w->log->ready, __ATOMIC_ACQUIRE);
}

static bool replace(struct run *run, struct worker *w)
{
	int status;

	kill(w->pid, SIGKILL);
	status = reap(w->pid);
	if (status != 128 + SIGKILL)
		return false;
	note_exit(w);
	start(run, w);
	return true;
}

static unsigned int count_ops(const struct run *run)
{
	unsigned int i, n = 0;

	for (i = 0; i <= WORKERS; i++)
		n += __atomic_load_n(&run->shared->logs[i].count, __ATOMIC_RELAXED);
	return n;
}

/* Between two disturbances. */
static void tick(void)
{
	const struct timespec ts = { .tv_nsec = TICK_NS };

	nanosleep(&ts, NULL);
}

/* Interrupt a random process, or kill it if a kill is due. */
static bool disturb(struct run *run)
{
	struct worker *w = &run->workers[random_below(&run->random, WORKERS)];
	const unsigned int due = count_ops(run) * (ROUND_KILLS + 1) / ROUND_OPS;

	if (!is_ready(w))
		return true;
	if (run->kills < due && run->kills < ROUND_KILLS) {
		run->kills++;
		return replace(run, w);
	}
	if (random_below(&run->random, 2))
		kill(w->pid, SIGUSR1);
	return true;
}

/* Disturb the processes until they have done ROUND_OPS; false on a timeout. */
static bool disturb_all(struct run *run)
{
	const struct wait wait = wait_begin();

	while (count_ops(run) < ROUND_OPS) {
		if (!disturb(run) || !wait_more(&wait))
			return false;
		tick();
	}
	return true;
}

static bool wait_ready(const struct run *run)
{
	const struct wait wait = wait_begin();
	unsigned int i;

	for (i = 0; i < WORKERS; i++)
		while (!is_ready(&run->workers[i]))
			if (!wait_more(&wait))
				return false;
	return true;
}

/* Has it exited? It may still be blocked on a channel whose end it has not seen. */
static bool try_reap(struct worker *w, bool *ok)
{
	int status;

	kill(w->pid, SIGUSR1);
	if (waitpid(w->pid, &status, WNOHANG) != w->pid)
		return false;
	*ok &= !status;
	note_exit(w);
	return true;
}

static bool wait_exited(struct run *run)
{
	const struct wait wait = wait_begin();
	unsigned int i, left = WORKERS;
	bool ok = true;

	while (left) {
		for (i = 0; i < WORKERS; i++)
			left -= run->workers[i].pid && try_reap(&run->workers[i], &ok);
		if (!wait_more(&wait))
			return false;
		tick();
	}
	return ok;
}

/* End the round. The test process closes its handles, so that channels can hang up. */
static bool end(struct run *run)
{
	int i;

	if (!wait_ready(run))
		return false;
	for (i = 0; i < CHANNELS; i++)
		run->shared->endings[i] = random_below(&run->random, ENDINGS);
	__atomic_store_n(&run->shared->ending, true, __ATOMIC_RELEASE);
	for (i = 0; i < CHANNELS; i++)
		close_handle(&run->shared->logs[0], 0, run->ch[i], i, MAY_SEND | MAY_RECV,
			     false);
	return wait_exited(run);
}

/* The first has all rights, so that every channel has a sender and a receiver. */
static void begin_worker(struct run *run, unsigned int i)
{
	struct worker *w = &run->workers[i];
	unsigned int k;

	*w = (struct worker){
		.process = 1 + i,
		.shared = run->shared,
		.log = &run->shared->logs[1 + i],
		.msg_size = run->variant->msg_size,
	};
	for (k = 0; k < CHANNELS; k++) {
		w->acked[k] = run->variant->acked[k];
		w->rights[k] = i ? random_below(&run->random, 4) : MAY_SEND | MAY_RECV;
		w->ch[k] = run->ch[k];
	}
	/* a worker without any rights would be useless */
	w->rights[i % CHANNELS] |= i % 2 ? MAY_SEND : MAY_RECV;
	start(run, w);
}

static int make_channel(const struct run *run, unsigned int channel)
{
	const struct _fixture_variant_history *variant = run->variant;
	const struct gochan_setup setup = {
		.capacity = variant->capacity[channel],
		.msg_size = variant->msg_size,
		.flags = variant->acked[channel] ? GOCHAN_ACK : 0,
		.max_deliveries = variant->acked[channel] ? variant->max_deliveries : 0,
	};

	return gochan_make_with(&setup);
}

static bool begin(struct run *run)
{
	unsigned int i;

	memset(run->shared, 0, sizeof(*run->shared));
	run->kills = 0;
	for (i = 0; i < CHANNELS; i++) {
		run->ch[i] = make_channel(run, i);
		if (run->ch[i] < 0)
			return false;
	}
	for (i = 0; i < WORKERS; i++)
		begin_worker(run, i);
	return true;
}

/* ---- the history ---- */

static struct lin_history merge_logs(const struct run *run)
{
	const struct _fixture_variant_history *variant = run->variant;
	struct lin_history history = { .nr_channels = CHANNELS };
	const struct log *log;
	unsigned int i;

	for (i = 0; i < CHANNELS; i++) {
		history.channels[i] = (struct lin_channel){
			.name = { 'a' + i },
			.capacity = variant->capacity[i],
			.senders = 1,
			.receivers = 1,
			.acked = variant->acked[i],
			.max_deliveries = variant->max_deliveries,
		};
	}
	history.ops = calloc(count_ops(run), sizeof(*history.ops));
	for (log = run->shared->logs; log <= &run->shared->logs[WORKERS]; log++) {
		memcpy(&history.ops[history.nr_ops], log->ops, log->count * sizeof(*log->ops));
		history.nr_ops += log->count;
	}
	return history;
}

static void write_channel(const struct lin_channel *channel, FILE *to)
{
	fprintf(to, "channel %s %u %d %d", channel->name, channel->capacity, channel->senders,
		channel->receivers);
	if (channel->acked)
		fprintf(to, " ack %u", channel->max_deliveries);
	fputc('\n', to);
}

static void write_history(const struct lin_history *history)
{
	const char *path = getenv("GOCHAN_HISTORY");
	FILE *to = path ? fopen(path, "w") : NULL;
	size_t i;

	if (!to)
		return;
	fprintf(to, "history recorded accept\n");
	for (i = 0; i < history->nr_channels; i++)
		write_channel(&history->channels[i], to);
	for (i = 0; i < history->nr_ops; i++) {
		lin_print_op(history, &history->ops[i], to);
		fputc('\n', to);
	}
	fclose(to);
}

static void print_comment(const char *text)
{
	while (*text) {
		const int len = strcspn(text, "\n");

		fprintf(TH_LOG_STREAM, "# %.*s\n", len, text);
		text += len + (text[len] == '\n');
	}
}

static enum lin_verdict check(struct lin_history *history)
{
	enum lin_verdict verdict;
	char *why;
	size_t size;
	FILE *to = open_memstream(&why, &size);

	if (!to)
		abort();
	verdict = lin_check(history, to);
	fclose(to);
	print_comment(why);
	free(why);
	if (verdict != LIN_ACCEPTED)
		write_history(history);
	return verdict;
}

static unsigned int count_wrong(const struct shared *shared)
{
	unsigned int i, n = 0;

	for (i = 0; i <= WORKERS; i++)
		n += shared->logs[i].wrong;
	return n;
}

struct tally {
	unsigned int results[LIN_PASSED + 1];
	unsigned int operations;
	unsigned int leases;
	unsigned int redelivered;
	unsigned int acknowledged;
	unsigned int requeued;
	unsigned int stale;
};

static void tally_leases(struct tally *tally, const struct lin_op *op)
{
	const bool ok = op->result == LIN_OK;

	tally->leases += ok && op->leasing;
	tally->redelivered += ok && op->deliveries > 1;
	tally->acknowledged += ok && op->kind == LIN_ACK;
	tally->requeued += ok && op->kind == LIN_REQUEUE;
	tally->stale += op->result == LIN_STALE;
}

static void tally_up(struct tally *tally, const struct lin_history *history)
{
	size_t i;

	for (i = 0; i < history->nr_ops; i++) {
		tally_leases(tally, &history->ops[i]);
		if (history->ops[i].kind > LIN_RECV)
			continue;
		tally->results[history->ops[i].result]++;
		tally->operations += history->ops[i].result != LIN_PASSED;
	}
}

static void ignore(int sig)
{
	(void)sig;
}

/* The recorded history is one that Go channels, or acknowledged ones, could have produced. */
TEST_F(history, r1_r2_r3_r4_r5_r6_r7_r8_r9_r12_r14_r15_r21_linearizable)
{
	const struct sigaction action = { .sa_handler = ignore };
	struct tally tally = {};
	struct run *run = &self->run;
	unsigned int i, undecided = 0;
	int verdict;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	for (i = 0; i < ROUNDS; i++) {
		struct lin_history history;

		ASSERT_TRUE(begin(run));
		ASSERT_TRUE(disturb_all(run));
		ASSERT_TRUE(end(run));
		ASSERT_EQ(0U, count_wrong(run->shared));
		history = merge_logs(run);
		verdict = check(&history);
		/* too concurrent to decide, which is no failure: try another one */
		if (verdict == LIN_UNDECIDED && undecided++ < MOST_UNDECIDED) {
			i--;
		} else {
			ASSERT_EQ(LIN_ACCEPTED, verdict);
			tally_up(&tally, &history);
		}
		free(history.ops);
	}
	TH_LOG("%u sends and receives: %u done, %u closed, %u not ready, %u faulted, %u killed",
	       tally.operations, tally.results[LIN_OK], tally.results[LIN_ENDED],
	       tally.results[LIN_NOT_READY], tally.results[LIN_FAULT],
	       tally.results[LIN_KILLED]);
	EXPECT_LT(0U, tally.results[LIN_OK]);
	EXPECT_LT(0U, tally.results[LIN_ENDED]);
	EXPECT_LT(0U, tally.results[LIN_NOT_READY]);
	EXPECT_LT(0U, tally.results[LIN_FAULT]);
	if (!variant->acked[0])
		return;
	TH_LOG("%u leases: %u acknowledged, %u requeued, %u deliveries again, %u stale",
	       tally.leases, tally.acknowledged, tally.requeued, tally.redelivered, tally.stale);
	EXPECT_LT(0U, tally.acknowledged);
	EXPECT_LT(0U, tally.requeued);
	EXPECT_LT(0U, tally.redelivered);
	EXPECT_LT(0U, tally.stale);
}

/* ---- the clock ---- */

#define TURNS	500

/* Exchange timestamps; returns how often one from the peer was in the future. */
static int compare_clocks(int from, int to, unsigned int processor)
{
	long long mine, theirs;
	unsigned int i;
	int wrong = 0;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	sched_setaffinity(0, sizeof(set), &set);
	for (i = 0; i < TURNS; i++) {
		mine = now_ns();
		if (ch_send(to, &mine, sizeof(mine)) != sizeof(mine) ||
		    ch_recv(from, &theirs, sizeof(theirs)) != sizeof(theirs))
			return -1;
		wrong += now_ns() < theirs;
	}
	return wrong;
}

/* The clock is monotonic across CPUs, which the histories depend on. */
TEST(monotonic_clock)
{
	const unsigned int processors = sysconf(_SC_NPROCESSORS_ONLN);
	const int there = ch_make(1, sizeof(long long), 0);
	const int back = ch_make(1, sizeof(long long), 0);
	pid_t pid;

	ASSERT_LE(0, there);
	ASSERT_LE(0, back);
	pid = child();
	if (!pid)
		_exit(compare_clocks(there, back, 1 % processors) != 0);
	EXPECT_EQ(0, compare_clocks(back, there, 0));
	EXPECT_EQ(0, reap(pid));
}

TEST_HARNESS_MAIN
