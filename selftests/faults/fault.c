// SPDX-License-Identifier: GPL-2.0
/*
 * Every operation, repeated with its first, its second, ... request to the kernel
 * failing until none is left to fail. Each attempt succeeds, or is refused with
 * ENOMEM or EFAULT, or completes in part where R11 and R15 allow that. A refusal
 * changes nothing that INFO reports, leaks no descriptor, neither loses nor
 * duplicates nor damages a message (R1, R9), and charges the user nothing (R19).
 *
 * One failing request is not enough where the kernel has a fallback (kvmalloc):
 * there every allocation of the module fails.
 */
#include "trial.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define NAME		PREFIX "fault"

static long do_open_named(struct env *e) { return (void)e, ch_open(NAME, O_RDONLY); }
static long do_dup_write(struct env *e) { return ch_dup(e->ch, O_WRONLY); }
static long do_dup_read(struct env *e) { return ch_dup(e->ch, O_RDONLY); }
static long do_link(struct env *e) { return ch_link(e->ch, NAME); }
static long do_unlink(struct env *e) { return (void)e, ch_unlink(NAME); }
static long do_setup(struct env *e) { return ch_setup(e->fds[0], e->capacity, e->len, e->flags); }
static long do_batch(struct env *e) { return ops_batch(e->ch, e->ops, e->count, GOCHAN_NONBLOCK); }
static long do_close(struct env *e) { return ch_close(e->ch); }
static long do_close_fd(struct env *e) { return close(e->ch); }
static long do_load(struct env *e) { return (void)e, module_load_only(""); }
static long do_unload(struct env *e) { return (void)e, module_unload_only(); }

static long do_open(struct env *e)
{
	const int fd = open("/dev/gochan", O_RDWR | O_CLOEXEC);

	(void)e;
	return fd < 0 ? -errno : fd;
}

/* ---- fixtures ---- */

FIXTURE(fault) {
	struct env env;
};

FIXTURE_VARIANT(fault) {
	unsigned int capacity, len, flags;
};

FIXTURE_VARIANT_ADD(fault, unbuffered_small) { 0, 64, 0 };
FIXTURE_VARIANT_ADD(fault, unbuffered_medium) { 0, 1000, 0 };
FIXTURE_VARIANT_ADD(fault, unbuffered_large) { 0, LONGEST, 0 };
FIXTURE_VARIANT_ADD(fault, unbuffered_cred) { 0, 1000, GOCHAN_CRED };
FIXTURE_VARIANT_ADD(fault, buffered_small) { 2, 64, 0 };
FIXTURE_VARIANT_ADD(fault, buffered_medium) { 2, 1000, 0 };
FIXTURE_VARIANT_ADD(fault, buffered_large) { 2, LONGEST, 0 };
FIXTURE_VARIANT_ADD(fault, buffered_cred) { 2, LONGEST, GOCHAN_CRED };

FIXTURE_SETUP(fault)
{
	env_init(_metadata, &self->env, variant->capacity, variant->len, variant->flags);
}

FIXTURE_TEARDOWN(fault)
{
}

/* For what does not depend on the size of messages. */
FIXTURE(once) {
	struct env env;
	long long max_user_bytes;
};

FIXTURE_SETUP(once)
{
	env_init(_metadata, &self->env, 2, 64, GOCHAN_CRED);
	self->max_user_bytes = param("max_user_bytes");
}

FIXTURE_TEARDOWN(once)
{
	as_root();
	set_param("max_user_bytes", self->max_user_bytes);
	unlink_all();
}

/* ---- creating and naming ---- */

/* A new handle: O_RDWR on a channel of its own, else one more on ours. */
static void got_handle(struct env *e, long ret)
{
	const int mode = fcntl(ret, F_GETFL) & O_ACCMODE;

	EXPECT_EQ(mode == O_WRONLY ? 2U : 1U, ch_info(ret).send_handles);
	EXPECT_EQ(mode == O_RDONLY ? 2U : 1U, ch_info(ret).recv_handles);
	close(ret);
	unchanged(e, ret);
}

/* The channel, its user and the handle. */
TRIAL_F(once, s3_open, { .call = do_open, .done = got_handle, .least = 3 })

TRIAL_F(once, s3_dup, { .call = do_dup_write, .done = got_handle, .least = 2 })

/* Nothing has this name. */
static bool nothing_at(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "/dev/gochans/%s", name);
	return access(path, F_OK);
}

/* A channel that can be named: each once. */
static void need_unnamed(struct env *e)
{
	close(e->ch);
	e->ch = ch_unnamed(2, 64, GOCHAN_CRED, 0640);
	ASSERT_LE(0, e->ch);
}

static void need_name(struct env *e)
{
	if (!nothing_at(NAME))
		return;
	need_unnamed(e);
	ASSERT_EQ(0, do_link(e));
}

TRIAL_F(once, s3_open_named,
	{ .set = need_name, .call = do_open_named, .done = got_handle, .least = 1 })

/* A user of whom nothing is counted yet. */
static void need_name_as_user(struct env *e)
{
	need_name(e);
	ASSERT_EQ(0, chmod("/dev/gochans/" NAME, 0666));
	ASSERT_EQ(0, as_user(USER));
	/* to look at /proc/self/fd */
	ASSERT_EQ(0, prctl(PR_SET_DUMPABLE, 1));
}

static void got_handle_as_user(struct env *e, long ret)
{
	ASSERT_EQ(0, as_root());
	got_handle(e, ret);
}

static void refused_as_user(struct env *e, long ret)
{
	ASSERT_EQ(0, as_root());
	unchanged(e, ret);
}

TRIAL_F(once, s3_open_as_new_user,
	{ .set = need_name_as_user, .call = do_open_named, .done = got_handle_as_user,
	  .refused = refused_as_user, .least = 2 })

static void no_name(struct env *e, long ret)
{
	ASSERT_TRUE(nothing_at(NAME)) {
		TH_LOG("request %u: the name was left behind", e->n);
	}
	unchanged(e, ret);
}

static void linked(struct env *e, long ret)
{
	int ch = ch_open(NAME, O_RDWR);

	ASSERT_LE(0, ch);
	EXPECT_EQ(2U, ch_info(ch).capacity);
	close(ch);
	ASSERT_EQ(0, do_unlink(e));
	no_name(e, ret);
}

/* A name is there entirely or not at all, and in no other place. */
TRIAL_F(once, s3_link,
	{ .set = need_unnamed, .call = do_link, .done = linked, .refused = no_name,
	  .least = 3 })

static long do_tmpfile(struct env *e)
{
	return (void)e, ch_unnamed_in("/dev/gochans", 0600);
}

static long do_mkdir(struct env *e)
{
	return (void)e, mkdir("/dev/gochans/" NAME, 0700) ? -errno : 0;
}

static void made_dir(struct env *e, long ret)
{
	ASSERT_EQ(0, rmdir("/dev/gochans/" NAME));
	no_name(e, ret);
}

static long do_mount(struct env *e)
{
	return (void)e, fs_mount();
}

static void mounted(struct env *e, long ret)
{
	ASSERT_EQ(0, umount("/dev/gochans"));
	unchanged(e, ret);
}

TRIAL_F(once, s3_tmpfile, { .call = do_tmpfile, .done = got_handle, .least = 4 })

TRIAL_F(once, s3_mkdir, { .call = do_mkdir, .done = made_dir, .refused = no_name, .least = 2 })

TRIAL_F(once, s3_mount, { .call = do_mount, .done = mounted, .least = 5 })

static void unlinked(struct env *e, long ret)
{
	if (ret)
		ASSERT_EQ(0, do_unlink(e));
	no_name(e, ret);
}

TRIAL_F(once, s3_unlink,
	{ .set = need_name, .call = do_unlink, .done = unlinked, .refused = unlinked,
	  .least = 0 })

static void make_hangup(struct env *e)
{
	close(e->ch);
	e->ch = ch_unnamed(1, 16, GOCHAN_HANGUP, 0600);
	ASSERT_LE(0, e->ch);
	ASSERT_EQ(0, do_link(e));
}

static void hung_up(struct env *e, long ret)
{
	close(e->ch);
	close(ret);
	e->ch = ch_open(NAME, O_WRONLY);
	ASSERT_LE(0, e->ch);
	ASSERT_EQ(ret < 0 ? 1 : -EPIPE, try_send_text(e->ch, "a")) {
		TH_LOG("request %u", e->n);
	}
	ASSERT_EQ(0, ch_unlink(NAME));
}

/*
 * R6: on a named channel with GOCHAN_HANGUP, a handle that could not be had does
 * not count as one that is gone.
 */
TRIAL_F(once, s3_r6_dup_hangup,
	{ .set = make_hangup, .call = do_dup_read, .done = hung_up, .refused = hung_up,
	  .least = 2 })

static void open_other(struct env *e)
{
	e->fds[0] = do_open(e);
	ASSERT_LE(0, e->fds[0]);
}

/* After a refusal the setup is as it was, and may be repeated. */
static void setup_ended(struct env *e, long ret)
{
	EXPECT_EQ(ret ? 0 : -EBUSY, do_setup(e));
	EXPECT_EQ(e->capacity, ch_info(e->fds[0]).capacity);
	close(e->fds[0]);
}

TEST_F(fault, s3_setup)
{
	TRIALS(self,
	       { .set = open_other, .call = do_setup, .done = setup_ended,
		 .refused = setup_ended, .least = variant->capacity ? 2 : 1 });
}

/* ---- messages ---- */

/* The same as do_send() and do_recv() in four segments. */
static long transfer4(struct env *e, char *buf, ssize_t (*call)(int, const struct iovec *, int))
{
	struct iovec iov[4];
	unsigned int i;
	long ret;

	for (i = 0; i < 4; i++)
		iov[i] = (struct iovec){ buf + i * (e->len / 4), e->len / 4 };
	ret = call(e->ch, iov, 4);
	return ret < 0 ? -errno : ret;
}

static long do_writev(struct env *e) { return transfer4(e, e->msg, writev); }
static long do_readv(struct env *e) { return transfer4(e, e->buf, readv); }

/* R4, R9: into the buffer, and out of it. */
TEST_F(fault, r1_r9_buffer)
{
	if (variant->capacity)
		TRIALS(self,
		       { .call = do_send, .kind = SEND, .least = 1 },
		       { .call = do_recv, .kind = RECV, .least = 1 });
}

TRIAL_F(fault, r1_r9_segments,
	{ .channel = BUFFERED, .call = do_writev, .kind = SEND, .least = 4 },
	{ .call = do_readv, .kind = RECV, .least = 4 })

/* A blocked receiver notices nothing of a send that fails. */
TRIAL_F(fault, r1_r9_send_to_receiver,
	{ .call = do_send, .kind = SEND, .peer = do_recv, .least = 1 })

/*
 * From a blocked sender, on a full channel: it stays blocked. A long message is
 * taken before it is copied: then its send is complete, and it is requeued.
 */
TRIAL_F(fault, r1_r2_r9_recv_from_sender,
	{ .full = true, .call = do_recv, .kind = RECV, .peer = do_send, .least = 1 })

/* A receiver that fails before it blocks, or when it has been given a message. */
TRIAL_F(fault, r1_r9_waiting_receiver,
	{ .call = do_recv, .kind = RECV, .peer = do_send, .blocks = true, .least = 1,
	  .requeues = 1 })

/* A sender that fails before it blocks leaves no trace. */
TRIAL_F(fault, r1_r9_waiting_sender,
	{ .full = true, .call = do_send, .kind = SEND, .peer = do_recv, .blocks = true,
	  .least = 1 })

/* ---- several messages in one read or write ---- */

static void need_messages(struct env *e)
{
	if (!ch_info(e->ch).len)
		ASSERT_EQ(e->len, do_send(e));
}

/* How many were moved: all, unless a request has failed. */
static unsigned int moved(struct env *e, long ret)
{
	const long one = e->len / FIXED_COUNT;

	ASSERT_EQ(0, ret % one);
	ASSERT_TRUE((e->hit && ret) || ret == e->len);
	return ret / one;
}

static void sent_some(struct env *e, long ret)
{
	EXPECT_EQ(moved(e, ret), ch_info(e->ch).len);
	EXPECT_EQ(ret, do_recv(e));
	EXPECT_TRUE(is_filled(e->buf, ret, 0));
}

static void received_some(struct env *e, long ret)
{
	EXPECT_EQ(FIXED_COUNT - moved(e, ret), ch_info(e->ch).len);
	if (ret < e->len)
		ret += ch_recv(e->ch, e->buf + ret, e->len - ret);
	EXPECT_EQ(e->len, ret);
	EXPECT_TRUE(is_filled(e->buf, e->len, 0));
}

/* R11: the messages ahead of the one that fails are sent, or received. */
TEST_F(fault, r1_r11_fixed)
{
	make_channel(&self->env, &(struct trial){ .channel = FIXED });
	self->env.len *= FIXED_COUNT;
	TRIALS(self,
	       { .call = do_send, .done = sent_some, .least = 2 },
	       { .set = need_messages, .call = do_recv, .done = received_some,
		 .least = 2 });
}

/* ---- select ---- */

/* If the last op moved a message, this returns what read or write would; else the index. */
static long select_ops(struct env *e, struct gochan_op *ops, unsigned int count)
{
	const long ret = ops_select(e->ch, ops, count, 0);
	const struct gochan_op *last = &ops[count - 1];

	if (ret != count - 1 || last->opcode == GOCHAN_OP_POLL || last->result)
		return ret;
	return last->len;
}

static long do_select(struct env *e) { return select_ops(e, e->ops, e->count); }

/* The last op is on the channel, the others receive from the idle one. */
static void set_ops(struct env *e, struct gochan_op last)
{
	unsigned int i;

	for (i = 0; i < e->count; i++)
		e->ops[i] = (struct gochan_op)GOCHAN_RECV(e->idle, e->buf, LONGEST);
	e->ops[e->count - 1] = last;
}

static void set_send(struct env *e)
{
	set_ops(e, (struct gochan_op)GOCHAN_SEND(e->ch, e->msg, e->len));
}

static void set_recv(struct env *e)
{
	set_ops(e, (struct gochan_op)GOCHAN_RECV(e->ch, e->buf, LONGEST));
}

/* One of a few ops, or of many, is ready: a send, and a receive. */
TRIAL_F(fault, r1_r14_select,
	{ .channel = ONE_MORE, .set = set_send, .call = do_select, .by_count = true,
	  .kind = SEND, .least = 1 },
	{ .set = set_recv, .call = do_select, .by_count = true, .kind = RECV, .least = 2 })

/* A select that blocks to send: its message is received, or it leaves no trace. */
TRIAL_F(fault, r1_r14_waiting_select_send,
	{ .channel = UNBUFFERED, .set = set_send, .call = do_select, .by_count = true,
	  .kind = SEND, .peer = do_recv, .blocks = true, .least = 1 })

/* A select that blocks to receive, and cannot copy its message, requeues it. */
TRIAL_F(fault, r1_r14_waiting_select_recv,
	{ .set = set_recv, .call = do_select, .by_count = true, .kind = RECV,
	  .peer = do_send, .blocks = true, .least = 2, .requeues = 2 })

/* The same with many ops that block. */
TEST_F(once, r1_r14_waiting_select_of_many)
{
	self->env.len = LONGEST;
	TRIALS(self,
	       { .channel = UNBUFFERED, .set = set_send, .call = do_select,
		 .count = MOST_OPS, .kind = SEND, .peer = do_recv, .blocks = true,
		 .least = MOST_OPS + 3 });
}

static void set_poll_ops(struct env *e)
{
	uint64_t events;
	unsigned int i;

	/* the event of the last attempt, if there was one */
	if (read(e->fds[0], &events, 8) != 8)
		ASSERT_EQ(EAGAIN, errno);
	for (i = 1; i < e->count; i++)
		e->ops[i] = (struct gochan_op)GOCHAN_POLL(e->fds[0], POLLIN);
	e->ops[0] = (struct gochan_op)GOCHAN_RECV(e->ch, e->buf, LONGEST);
}

static void make_event(struct env *e)
{
	const uint64_t one = 1;

	ASSERT_EQ(8, write(e->fds[0], &one, 8));
}

static void got_event(struct env *e, long ret)
{
	EXPECT_TRUE(e->blocked);
	EXPECT_EQ(POLLIN, e->ops[ret].events);
}

/* Ops that poll: more of them than fit in one of the kernel's poll tables. */
TEST_F(once, r14_poll_ops)
{
	self->env.fds[0] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_LE(0, self->env.fds[0]);
	TRIALS(self,
	       { .set = set_poll_ops, .call = do_select, .count = MOST_OPS,
		 .done = got_event, .blocks = true, .meet = make_event,
		 .least = MOST_OPS + 2 });
}

static void set_peek(struct env *e)
{
	set_recv(e);
	e->ops[0].flags = GOCHAN_PEEK;
}

/* A peek leaves the message in place, whether it succeeds or not. */
TRIAL_F(fault, r1_r14_peek,
	{ .channel = ONE_MORE, .set = set_peek, .call = do_select, .count = 1, .kind = PEEK,
	  .least = 3 })

/* ---- batch ---- */

static void set_batch(struct env *e)
{
	unsigned int i;

	for (i = 0; i < e->count; i += 2) {
		e->ops[i] = (struct gochan_op)GOCHAN_SEND(e->ch, e->msg, e->len);
		e->ops[i + 1] = (struct gochan_op)GOCHAN_RECV(e->ch, e->buf, LONGEST);
	}
}

static void batch_done(struct env *e, long ret)
{
	const struct gochan_info *before = &e->before.info, now = ch_info(e->ch);
	long i;

	if (ret < e->count) {
		ASSERT_TRUE(e->hit && is_refusal(e->ops[ret].result)) {
			TH_LOG("request %u, result %ld", e->n, ret);
		}
	}
	for (i = 0; i < ret; i++)
		EXPECT_EQ(0, e->ops[i].result);
	EXPECT_EQ((ret + 1) / 2, now.sent - before->sent);
	EXPECT_EQ(ret / 2, now.received - before->received);
	ASSERT_EQ(ret % 2, now.len);
	if (ret % 2)
		ASSERT_EQ(e->len, do_recv(e));
	if (ret)
		EXPECT_TRUE(is_filled(e->buf, e->len, 0));
}

/* R15: sends and receives in turn; exactly those that were counted are done. */
TRIAL_F(fault, r1_r15_batch,
	{ .channel = ONE_MORE, .set = set_batch, .call = do_batch, .count = 8,
	  .done = batch_done, .least = 16 })

/* ---- acknowledged channels ---- */

static struct gochan_op lease_op;	/* the last receive that leased */

static long set_up_source(struct env *e, unsigned int flags)
{
	const struct gochan_setup setup = {
		.capacity = e->capacity,
		.msg_size = e->len,
		.flags = GOCHAN_ACK | flags,
		.max_deliveries = 1,
		.dead_fd = flags & GOCHAN_DEADLETTER ? e->ch : 0,
		.done_fd = flags & GOCHAN_DONE ? e->ch : 0,
	};

	return ioctl(e->fds[0], GOCHAN_IOC_SETUP, &setup) ? -errno : 0;
}

/* A source of dead letters, or of notices, which go to our channel. */
static long do_setup_source(struct env *e) { return set_up_source(e, GOCHAN_DEADLETTER); }
static long do_setup_done(struct env *e) { return set_up_source(e, GOCHAN_DONE); }

/* Only a channel that was set up counts as one that may send to ours. */
static void source_ended(struct env *e, long ret)
{
	EXPECT_EQ(ret ? 1U : 2U, ch_info(e->ch).send_handles);
	EXPECT_EQ(ret ? 0 : -EBUSY, do_setup_source(e));
	EXPECT_EQ(2U, ch_info(e->ch).send_handles);
	close(e->fds[0]);
	EXPECT_EQ(1U, ch_info(e->ch).send_handles);
}

TRIAL_F(once, r21_setup,
	{ .set = open_other, .call = do_setup_source, .done = source_ended,
	  .refused = source_ended, .least = 3 })

TRIAL_F(once, r21_setup_done,
	{ .set = open_other, .call = do_setup_done, .done = source_ended,
	  .refused = source_ended, .least = 3 })

/* A handle of which this table has leased nothing yet, and a message. */
static void need_owner(struct env *e)
{
	e->fds[0] = ch_dup(e->ch, O_RDONLY);
	ASSERT_LE(0, e->fds[0]);
	if (!ch_info(e->ch).len)
		put_message(e);
}

static long do_lease(struct env *e)
{
	const unsigned long cmd = e->count == 1 ? GOCHAN_IOC_BATCH : GOCHAN_IOC_SELECT;
	long ret;

	lease_op = (struct gochan_op)GOCHAN_RECV(e->fds[0], e->buf, LONGEST);
	ret = ops_call(e->ch, cmd, &lease_op, 1, GOCHAN_NONBLOCK, NULL);
	return ret < 0 ? ret : 0;
}

static long do_ack(struct env *e)
{
	const struct gochan_ack ack = { .lease = lease_op.lease };

	return ioctl(e->fds[0], GOCHAN_IOC_ACK, &ack) ? -errno : 0;
}

static long do_requeue(struct env *e)
{
	const struct gochan_ack ack = { .lease = lease_op.lease, .flags = GOCHAN_REQUEUE };

	return ioctl(e->fds[0], GOCHAN_IOC_ACK, &ack) ? -errno : 0;
}

/* What was not delivered is not counted as a delivery, either. */
static void leased(struct env *e, long ret)
{
	if (!ret) {
		EXPECT_TRUE(is_filled(e->buf, e->len, e->received));
		EXPECT_EQ(e->received + 1, lease_op.seq);
		EXPECT_EQ(1U, lease_op.deliveries);
		EXPECT_EQ(0, do_ack(e));
		e->received++;
	} else {
		EXPECT_EQ(1U, ch_info(e->ch).len);
		EXPECT_EQ(0U, ch_info(e->ch).leased);
	}
	close(e->fds[0]);
}

/*
 * What the first receive of an owner asks for: to read the call, and the op twice; the owner; to
 * write the payload, the length, the lease and, if they are wanted, the credentials. A kernel
 * with kmemleak adds what that allocates.
 */
static unsigned int lease_requests(unsigned int flags)
{
	return 7 + !!(flags & GOCHAN_CRED);
}

/* R21, R9: the first receive, which makes the owner: nothing is leased, or the message is. */
TEST_F(fault, r21_r9_lease)
{
	const unsigned int least = lease_requests(variant->flags);

	self->env.flags |= GOCHAN_ACK;
	TRIALS(self,
	       { .channel = BUFFERED, .set = need_owner, .call = do_lease, .count = 1,
		 .done = leased, .refused = leased, .least = least },
	       { .set = need_owner, .call = do_lease, .count = 2, .done = leased,
		 .refused = leased, .least = least });
}

/* The same by a thread that blocks before the message is sent. */
static long do_lease_waiting(struct env *e)
{
	long ret;

	lease_op = (struct gochan_op)GOCHAN_RECV(e->fds[0], e->buf, LONGEST);
	ret = ops_batch(e->ch, &lease_op, 1, 0);
	return ret < 0 ? ret : 0;
}

static void open_receiver(struct env *e)
{
	e->fds[0] = ch_dup(e->ch, O_RDONLY);
	ASSERT_LE(0, e->fds[0]);
}

/* A receive that had been given the message returns it. */
static void leased_waiting(struct env *e, long ret)
{
	if (ret && e->blocked) {
		e->requeued++;
		EXPECT_EQ(0, do_lease(e));
	}
	if (!ret || e->blocked) {
		leased(e, 0);
		return;
	}
	unchanged(e, ret);
	close(e->fds[0]);
}

TEST_F(fault, r21_r9_waiting_lease)
{
	self->env.flags |= GOCHAN_ACK;
	TRIALS(self,
	       { .channel = BUFFERED, .set = open_receiver, .call = do_lease_waiting, .count = 1,
		 .done = leased_waiting, .refused = leased_waiting, .blocks = true,
		 .meet = put_message, .least = lease_requests(variant->flags),
		 .requeues = 1 });
}

/* A message that is leased. */
static void need_lease(struct env *e)
{
	if (ch_info(e->ch).leased)
		return;
	if (e->fds[0])
		close(e->fds[0]);
	need_owner(e);
	ASSERT_EQ(0, do_lease(e));
}

static void acked(struct env *e, long ret)
{
	const struct gochan_info info = ch_info(e->ch);

	EXPECT_EQ(ret ? 1U : 0U, info.leased);
	EXPECT_EQ(0U, info.len);
	e->received += !ret;
}

static void returned(struct env *e, long ret)
{
	const struct gochan_info info = ch_info(e->ch);

	EXPECT_EQ(ret ? 1U : 0U, info.leased);
	EXPECT_EQ(ret ? 0U : 1U, info.len);
}

static void set_ack_op(struct env *e)
{
	need_lease(e);
	e->ops[0] = (struct gochan_op){
		.fd = e->fds[0],
		.opcode = GOCHAN_OP_ACK,
		.lease = lease_op.lease,
	};
}

static void batch_acked(struct env *e, long ret)
{
	EXPECT_EQ(1, ret);
	acked(e, 0);
}

/* R21: a lease ends, or is as it was. */
TEST_F(once, r21_ack)
{
	self->env.flags |= GOCHAN_ACK;
	TRIALS(self,
	       { .channel = BUFFERED, .set = need_lease, .call = do_ack, .done = acked,
		 .refused = acked, .least = 1 },
	       { .set = need_lease, .call = do_requeue, .done = returned, .refused = returned,
		 .least = 1 },
	       { .set = set_ack_op, .call = do_batch, .count = 1, .done = batch_acked,
		 .refused = acked, .least = 2 });
}

/* ---- files ---- */

static void need_pipe(struct env *e)
{
	if (!e->fds[0])
		ASSERT_EQ(0, pipe(e->fds));
}

static long do_pass(struct env *e)
{
	e->pass = (struct gochan_op)GOCHAN_SEND(e->ch, e->msg, e->len);
	e->pass.flags = GOCHAN_PASS_FD;
	e->pass.passed_fd = e->fds[1];
	return select_ops(e, &e->pass, 1);
}

static long do_take(struct env *e)
{
	e->take = (struct gochan_op)GOCHAN_RECV(e->ch, e->buf, LONGEST);
	e->take.flags = GOCHAN_TAKE_FD;
	e->take.passed_fd = -1;
	return select_ops(e, &e->take, 1);
}

/*
 * R16: a receiver that fails leaves message and file with their blocked sender,
 * and the file is received once.
 */
TRIAL_F(fault, r1_r16_take_file,
	{ .channel = UNBUFFERED, .set = need_pipe, .call = do_take, .kind = RECV,
	  .file = true, .peer = do_pass, .least = 3 })

/* The same with a receiver that is blocked before the message is there. */
TRIAL_F(fault, r1_r16_waiting_taker,
	{ .channel = UNBUFFERED, .set = need_pipe, .call = do_take, .kind = RECV,
	  .file = true, .peer = do_pass, .blocks = true, .least = 3 })

/* A sender that fails keeps its file, and nobody else has it. */
TRIAL_F(fault, r1_r16_pass_file,
	{ .channel = UNBUFFERED, .set = need_pipe, .call = do_pass, .kind = SEND,
	  .file = true, .peer = do_take, .least = 3 })

/* ---- calls that change nothing, and calls that cannot fail ---- */

static long do_info(struct env *e)
{
	return ioctl(e->ch, GOCHAN_IOC_INFO, &(struct gochan_info){}) ? -errno : 0;
}

static long do_poll(struct env *e)
{
	struct pollfd pfds[MOST_OPS];
	unsigned int i;

	for (i = 0; i < MOST_OPS; i++)
		pfds[i] = (struct pollfd){ .fd = e->ch, .events = POLLIN | POLLOUT };
	return poll(pfds, MOST_OPS, 0) < 0 ? -errno : 0;
}

static long do_epoll(struct env *e)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT };
	const int epoll = epoll_create1(EPOLL_CLOEXEC);
	long ret;

	if (epoll < 0)
		return -errno;
	ret = epoll_ctl(epoll, EPOLL_CTL_ADD, e->ch, &event) ? -errno : 0;
	close(epoll);
	return ret;
}

/* SIGIO for both directions, on and off. */
static long do_async(struct env *e)
{
	const int flags = fcntl(e->ch, F_GETFL);
	const long ret = fcntl(e->ch, F_SETFL, flags | O_ASYNC) ? -errno : 0;

	return fcntl(e->ch, F_SETFL, flags & ~O_ASYNC) ? -errno : ret;
}

TEST_F(once, s5_looks)
{
	need_name(&self->env);
	put_message(&self->env);
	TRIALS(self,
	       { .call = do_info, .done = unchanged, .least = 1 },
	       { .call = do_poll, .done = unchanged, .least = 1 },
	       { .call = do_epoll, .done = unchanged, .least = 1 },
	       { .call = do_async, .done = unchanged, .least = 1 });
}

/* R5, R6: what closes a channel, and close(2), makes no request that can fail. */
TEST_F(once, r5_ends)
{
	struct env *e = &self->env;

	for (e->n = 1; e->n <= 3; e->n++) {
		e->ch = ch_make(2, 64, GOCHAN_CRED);
		ASSERT_LE(0, e->ch);
		ASSERT_TRUE(peer_start(e, &e->peer, 0, do_recv));
		EXPECT_EQ(0, attempt(e, do_close));
		EXPECT_EQ(0, peer_end(&e->peer));
		EXPECT_EQ(0, attempt(e, do_close_fd));
		EXPECT_EQ(-1, fcntl(e->ch, F_GETFD));
	}
}

/* ---- charges ---- */

/* Each of these needs so little memory that the kernel has no fallback for it. */
static long cost_make(struct env *e)
{
	const int ch = do_open(e);
	const long ret = ch < 0 ? ch : ch_setup(ch, 2, 64, 0);

	close(ch);
	return ret;
}

/* A send that is queued until its deadline, which has passed. */
static long cost_wait(struct env *e)
{
	struct gochan_op op = GOCHAN_SEND(e->ch, e->msg, 1000);
	struct gochan_ops arg = { .ops = (unsigned long)&op, .count = 1 };
	const int ret = ioctl(e->ch, GOCHAN_IOC_SELECT, &arg);

	return ret < 0 && errno != ETIMEDOUT ? -errno : 0;
}

static long select_idle(struct env *e, unsigned int count)
{
	static struct gochan_op ops[1000];
	unsigned int i;
	int ret;

	for (i = 0; i < count; i++)
		ops[i] = (struct gochan_op)GOCHAN_RECV(e->idle, NULL, 1);
	ret = ops_select(e->idle, ops, count, GOCHAN_NONBLOCK);
	return ret == -EAGAIN ? 0 : ret;
}

static long cost_select(struct env *e) { return select_idle(e, 9); }
static long do_select_1000(struct env *e) { return select_idle(e, 1000); }

/* A message that is too long to be copied under the lock, and so is taken first. */
static long cost_recv(struct env *e)
{
	const int ch = ch_make(1, LONGEST, 0);
	long ret;

	if (ch < 0)
		return ch;
	ret = ch_send(ch, e->msg, LONGEST);
	if (ret > 0)
		ret = ch_recv(ch, e->buf, LONGEST);
	close(ch);
	return ret < 0 ? ret : 0;
}

/* The lease ends with the channel. */
static long cost_lease(struct env *e)
{
	const int ch = ch_make(2, 64, GOCHAN_ACK);
	struct gochan_op op = GOCHAN_RECV(ch, e->buf, 64);
	long ret;

	if (ch < 0)
		return ch;
	ret = ch_send(ch, e->msg, 64);
	if (ret > 0)
		ret = ops_batch(ch, &op, 1, GOCHAN_NONBLOCK);
	close(ch);
	return ret < 0 ? ret : 0;
}

static long call_with_limit(struct env *e, call_fn *call, long long bytes)
{
	as_root();
	if (set_param("max_user_bytes", bytes) || as_user(USER) || prctl(PR_SET_DUMPABLE, 1))
		abort();
	return call(e);
}

/* The lowest limit with which the call succeeds. */
static long long lowest_limit(struct env *e, call_fn *call)
{
	long long low = -1, high = 1 << 20, middle;

	while (high - low > 1) {
		middle = (low + high) / 2;
		if (call_with_limit(e, call, middle) == -EDQUOT)
			low = middle;
		else
			high = middle;
	}
	return high;
}

/* R19: with the lowest limit, a refusal that leaked a charge would be the last. */
TEST_F(once, r19_costs_nothing)
{
	static call_fn *const calls[] = {
		cost_make, cost_wait, cost_select, cost_recv, cost_lease,
	};
	struct env *e = &self->env;
	long long limit;
	unsigned int i;

	e->len = LONGEST;
	make_channel(e, &(struct trial){ .channel = UNBUFFERED });
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		limit = lowest_limit(e, calls[i]);
		EXPECT_LT(0, limit);
		EXPECT_EQ(-EDQUOT, call_with_limit(e, calls[i], limit - 1));
		EXPECT_EQ(0, call_with_limit(e, calls[i], limit));
		TRIALS(self, { .call = calls[i], .least = 2 });
	}
}

/* ---- every request of a kind fails ---- */

FIXTURE(all) {
	struct env env;
};

FIXTURE_SETUP(all)
{
	env_init(_metadata, &self->env, 0, 64, 0);
}

static void all_on(unsigned int kinds)
{
	unsigned int kind;

	for (kind = 0; kind < INJECT_KINDS; kind++)
		if (inject_all(kind, kinds & 1U << kind))
			abort();
}

FIXTURE_TEARDOWN(all)
{
	all_on(0);
}

#define ALL_MEMORY	(1U << INJECT_SLAB | 1U << INJECT_PAGES)
#define ALL		(ALL_MEMORY | 1U << INJECT_COPIES)

/* Make the call with all requests of these kinds failing; count it if it fails. */
static long call_with_all(struct env *e, unsigned int kinds, call_fn *call)
{
	long ret;

	e->before = state_of(e->ch);
	all_on(kinds);
	ret = call(e);
	all_on(0);
	if (ret >= 0)
		return ret;
	e->failed++;
	ASSERT_TRUE(is_refusal(ret)) {
		TH_LOG("kinds %u, result %ld", kinds, ret);
	}
	unchanged(e, ret);
	return ret;
}

/* R1: messages of all sizes, up to where the kernel has a fallback. */
TEST_F(all, r1_r9_messages)
{
	static const unsigned int lens[] = { 64, 1000, LONGEST, 10 * LONGEST };
	struct env *e = &self->env;
	unsigned int i, kinds;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		e->len = lens[i];
		make_channel(e, &(struct trial){ .channel = BUFFERED });
		for (kinds = 1; kinds <= ALL; kinds++) {
			if (call_with_all(e, kinds, do_send) < 0)
				ASSERT_EQ(e->len, do_send(e));
			memset(e->buf, 0, e->len);
			if (call_with_all(e, kinds, do_recv) < 0)
				ASSERT_EQ(e->len, do_recv(e));
			EXPECT_TRUE(is_filled(e->buf, e->len, 0));
		}
	}
	/* all without copies; sends of two sizes without slabs, with pages or not */
	EXPECT_EQ(ARRAY_SIZE(lens) * 2 * 4 + 2 * 2, e->failed);
}

/*
 * R9: a message that could not be copied is requeued even if there is no memory
 * for that at first: its receiver waits until there is.
 */
TEST_F(all, r9_requeue)
{
	struct env *e = &self->env;

	/* the first request that fails is the copy of the message that it was given */
	ASSERT_TRUE(peer_start(e, &e->peer, 1, do_recv));
	all_on(ALL_MEMORY);
	put_message(e);
	usleep(200 * 1000);
	EXPECT_FALSE(__atomic_load_n(&e->peer.done, __ATOMIC_SEQ_CST));
	all_on(0);
	EXPECT_EQ(-EFAULT, peer_end(&e->peer));
	EXPECT_TRUE(e->peer.hit);
	take_message(e);
}

/* R19: a ring, and a select, for whose memory the kernel has a fallback. */
TEST_F(all, r19_large)
{
	struct env *e = &self->env;
	unsigned int kinds;

	e->capacity = 1000;
	e->len = 1000;
	for (kinds = 1; kinds <= ALL; kinds++) {
		open_other(e);
		setup_ended(e, call_with_all(e, kinds, do_setup));
		call_with_all(e, kinds, do_select_1000);
	}
	/* both without copies, and without any memory */
	EXPECT_EQ(2 * (4U + 1), e->failed);
}

/*
 * R22, R19: all channels are listed, for debugfs, in an array that needs a node for each 64 of
 * them. A channel for which there is none is not made, and not charged.
 */
TEST_F(all, s3_r19_r22_node)
{
	const long long limit = param("max_user_channels");
	unsigned int i, refused = 0;
	long ret;

	ASSERT_EQ(0, inject_nodes(true));
	EXPECT_EQ(0, set_param("max_user_channels", 1));
	EXPECT_EQ(0, as_user(USER));
	for (i = 0; i < 64; i++) {
		ret = do_open(&self->env);
		refused += ret < 0;
		if (ret >= 0)
			close(ret);
		else
			EXPECT_EQ(-ENOMEM, ret);
	}
	EXPECT_EQ(0, as_root());
	EXPECT_EQ(0, set_param("max_user_channels", limit));
	EXPECT_EQ(0, inject_nodes(false));
	EXPECT_LT(0U, refused);
}

/* R22: fdinfo, where there is no memory to list the waiters, has their number. */
TEST_F(all, r22_fdinfo)
{
	struct env *e = &self->env;
	char path[64], text[4096];
	int fd;

	ASSERT_TRUE(peer_start(e, &e->peer, 0, do_recv));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", e->ch);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	all_on(ALL_MEMORY);
	memset(text, 0, sizeof(text));
	EXPECT_LT(0, read(fd, text, sizeof(text) - 1));
	all_on(0);
	close(fd);
	EXPECT_NE(NULL, strstr(text, "gochan-waiters-more:\t1\n"));
	EXPECT_EQ(NULL, strstr(text, "gochan-waiter:"));
	put_message(e);
	EXPECT_EQ(e->len, peer_end(&e->peer));
	check_message(e);
}

#define MANY_FAILURES	100000U		/* the kernel tries 50 times a second */

/* Wait until an allocation has failed. */
static bool wait_refused(void)
{
	const struct wait wait = wait_begin();

	while (inject_rest(INJECT_SLAB) == MANY_FAILURES && wait_more(&wait))
		;
	return inject_rest(INJECT_SLAB) < MANY_FAILURES;
}

/*
 * R21: it takes no memory to return a message; for a dead letter, which is a copy, it is held
 * in its slot until there is some.
 */
TEST_F(all, r21_dead_letter)
{
	struct env *e = &self->env;
	struct gochan_info info;
	int dead;

	e->flags = GOCHAN_CRED;
	make_channel(e, &(struct trial){ .channel = BUFFERED });
	dead = e->ch;
	open_other(e);
	ASSERT_EQ(0, do_setup_source(e));
	e->ch = e->fds[0];
	put_message(e);
	ASSERT_EQ(0, do_lease(e));
	ASSERT_EQ(0, inject_some(INJECT_SLAB, MANY_FAILURES));
	EXPECT_EQ(0, do_requeue(e));
	EXPECT_TRUE(wait_refused());
	EXPECT_EQ(0U, ch_info(dead).len);
	info = ch_info(e->ch);
	EXPECT_EQ(0U, info.len + info.leased);
	EXPECT_EQ(0ULL, info.bytes + info.dropped);
	all_on(0);
	EXPECT_TRUE(wait_for_len(dead, 1));
	EXPECT_EQ(0ULL, ch_info(e->ch).dropped);
	e->ch = dead;
	take_message(e);
}

/* R21: it takes no memory to acknowledge; the notice is held until there is some for it. */
TEST_F(all, r21_notice)
{
	struct gochan_done notice = {};
	struct env *e = &self->env;
	struct gochan_info info;
	int done;

	close(e->ch);
	done = ch_make(1, sizeof(notice), GOCHAN_FIXED);
	e->ch = done;
	e->capacity = 1;
	open_other(e);
	ASSERT_EQ(0, do_setup_done(e));
	e->ch = e->fds[0];
	put_message(e);
	ASSERT_EQ(0, do_lease(e));
	ASSERT_EQ(0, inject_some(INJECT_SLAB, MANY_FAILURES));
	EXPECT_EQ(0, do_ack(e));
	EXPECT_TRUE(wait_refused());
	EXPECT_EQ(0U, ch_info(done).len);
	info = ch_info(e->ch);
	EXPECT_EQ(0U, info.len + info.leased);
	EXPECT_EQ(0, ch_poll(e->ch) & POLLOUT);
	all_on(0);
	EXPECT_TRUE(wait_for_len(done, 1));
	EXPECT_EQ((ssize_t)sizeof(notice), ch_recv(done, &notice, sizeof(notice)));
	EXPECT_EQ(lease_op.seq, notice.seq);
	EXPECT_EQ(info.id, notice.channel);
	close(e->ch);
	e->ch = done;
}

/* R21: it takes no memory to end the leases of a process that dies. */
TEST_F(all, r21_killed)
{
	struct env *e = &self->env;
	pid_t pid;

	e->flags = GOCHAN_ACK;
	make_channel(e, &(struct trial){ .channel = BUFFERED });
	e->fds[0] = e->ch;
	put_message(e);
	pid = child();
	if (!pid)
		_exit(do_lease(e) ? 1 : raise(SIGSTOP));
	ASSERT_EQ(pid, waitpid(pid, NULL, WUNTRACED));
	EXPECT_EQ(1U, ch_info(e->ch).leased);
	all_on(ALL_MEMORY);
	EXPECT_EQ(128 + SIGKILL, reap_killed(pid));
	all_on(0);
	EXPECT_EQ(0U, ch_info(e->ch).leased);
	take_message(e);
}

/* ---- loading ---- */

#define TRACE		"/tmp/" PREFIX "loading"
#define INSTANCE	TRACE "/instances/" PREFIX "loading"
#define EXPEDITED	"/sys/kernel/rcu_expedited"
#define STEP		16

FIXTURE(loading) {
	struct env env;
};

/* A test loads hundreds of times, and each time waits for RCU often. */
FIXTURE_SETUP(loading)
{
	struct env *e = &self->env;

	ASSERT_EQ(0, write_text(EXPEDITED, "1"));
	umount2(TRACE, MNT_DETACH);
	ASSERT_TRUE(!mkdir(TRACE, 0700) || errno == EEXIST);
	ASSERT_EQ(0, mount("tracefs", TRACE, "tracefs", 0, NULL));
	rmdir(INSTANCE);
	ASSERT_EQ(0, mkdir(INSTANCE, 0700));
	ASSERT_EQ(0, write_text(INSTANCE "/events/initcall/initcall_start/enable", "1"));
	env_init(_metadata, e, 0, 64, 0);
	ASSERT_EQ(0, inject_everywhere());
	close(e->ch);
	close(e->idle);
	e->ch = -1;
	e->idle = -1;
	ASSERT_TRUE(module_loaded());
}

FIXTURE_TEARDOWN(loading)
{
	write_text(INSTANCE "/events/initcall/initcall_start/enable", "0");
	rmdir(INSTANCE);
	umount2(TRACE, MNT_DETACH);
	rmdir(TRACE);
	write_text(EXPEDITED, "0");
	if (!module_loaded())
		EXPECT_EQ(0, module_load(""));
}

/* Nothing of the module is left: no device, class or filesystem type. */
static void not_loaded(struct env *e, long ret)
{
	ASSERT_FALSE(module_loaded());
	ASSERT_TRUE(access("/dev/gochan", F_OK) && access("/sys/class/gochan", F_OK)) {
		TH_LOG("request %u, result %ld: something was left behind", e->n, ret);
	}
}

static void loaded(struct env *e, long ret)
{
	int ch;

	ASSERT_EQ(0, fs_mount());
	ch = ch_make_named(NAME, 2, 0600);
	ASSERT_LE(0, ch) {
		TH_LOG("request %u: %d", e->n, ch);
	}
	close(ch);
	ASSERT_EQ(0, module_unload());
	not_loaded(e, ret);
}

/*
 * How many requests the kernel's loader makes before it reads the parameters. It logs
 * some of their failures.
 */
static unsigned int requests_before_parameters(int fd)
{
	inject_nth(fd, INJECT_MOST);
	if (module_load_only("max_select=x") != -EINVAL)
		abort();
	return INJECT_MOST - inject_left(fd);
}

/* Load, with the nth request failing, and unload. */
static long load_briefly(struct env *e, unsigned int n)
{
	long ret;

	inject_nth(e->fault_fd, n);
	ret = module_load_only("");
	inject_end(e->fault_fd);
	if (!ret)
		ASSERT_EQ(0, module_unload_only());
	return ret;
}

/* Does the loader call the module's init function if the nth request fails? */
static bool calls_init(struct env *e, unsigned int n)
{
	int fd = open(INSTANCE "/trace", O_WRONLY | O_TRUNC | O_CLOEXEC);
	char text[4096];

	ASSERT_LE(0, fd);
	close(fd);
	load_briefly(e, n);
	ASSERT_LT(0, read_text(INSTANCE "/trace", text, sizeof(text)));
	return strstr(text, "initcall_start: ");
}

/*
 * At most how many requests the loader makes before it calls the init function: they are
 * not the module's. The last ones are for files in sysfs that it can do without: it
 * calls init then, and that succeeds. All others let the load fail.
 */
static unsigned int requests_before_init(struct env *e)
{
	unsigned int none = requests_before_parameters(e->fault_fd), first = INJECT_MOST;

	while (first - none > 1) {
		const unsigned int n = (none + first) / 2;

		if (calls_init(e, n))
			first = n;
		else
			none = n;
	}
	while (!load_briefly(e, first + STEP))
		first += STEP;
	return first;
}

/*
 * DESIGN 3: the module is loaded entirely or not at all. There are hundreds of
 * requests, most of them for slab caches.
 */
TEST_F_TIMEOUT(loading, s3_load, 1200)
{
	ASSERT_EQ(0, module_unload());
	TRIALS(self,
	       { .call = do_load, .done = loaded, .refused = not_loaded, .least = 50,
		 .first = requests_before_init(&self->env) });
}

static void unmount(struct env *e)
{
	(void)e;
	ASSERT_EQ(0, umount("/dev/gochans"));
}

static void load_again(struct env *e, long ret)
{
	if (ret) {
		ASSERT_TRUE(module_loaded());
		ASSERT_EQ(0, module_unload_only());
	}
	not_loaded(e, ret);
	ASSERT_EQ(0, module_load(""));
}

/* The module is unloaded entirely, or not at all. */
TRIAL_F(loading, s3_unload,
	{ .set = unmount, .call = do_unload, .done = load_again, .refused = load_again,
	  .least = 1 })

TEST_HARNESS_MAIN
