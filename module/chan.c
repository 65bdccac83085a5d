// SPDX-License-Identifier: GPL-2.0
/*
 * The channel: its ring, its two lines of waiters, send, receive and close.
 * Files, names and ioctls are elsewhere.
 *
 * What holds whenever a channel's lock is free ("inside" is the ring and the
 * returned messages together; an op is "live" until its waiter was won by
 * another op):
 *
 * I1. A live receiver stands in line only while nothing is inside and no live
 *     sender but its own select stands in the other line.
 * I2. A live sender stands in line only while capacity or more messages are
 *     inside and no live receiver but its own select stands in the other.
 * I3. On a closed channel nobody stands in line who would stand there for
 *     ever: senders never, receivers never once it is drained. The same holds
 *     while nobody is left at the other end. (Whoever brings such a state
 *     about sets it first, so that nobody new joins, and then clears the lines
 *     a few at a time.)
 * I4. A message is in one place: at its sender, inside, or at its receiver.
 *     What is inside leaves in the order of its sequence numbers, the order of
 *     sending; returned messages are older than those in the ring.
 * I5. An op that stands in line as a sender has its bytes in kernel memory, in
 *     the form in which the ring takes them.
 *
 * How somebody is served: under the lock, claim the waiter (one compare-and-
 * swap of waiter.won), move the message, write the op's results, take the op
 * out of line, set waiter.done. (Who has one op can be won only under this lock;
 * the short way does not claim it.) After that the waiter may be gone: only its
 * task is known still, which RCU keeps until it has been woken. A waiter that
 * gives up does so under the lock if it has one op: then it is still in line,
 * or it was served. A select claims itself instead (select.c).
 *
 * A select that was won elsewhere leaves dead ops in other lines until it has
 * taken them out itself; whoever comes across one takes it out, once.
 *
 * A sender that a full ring blocked is served as everybody is, but its waiter
 * is done only later (op_complete_late()). Until then it stands in the list of
 * those who are late, which it leaves under the lock like a line, though served.
 *
 * Copies to and from user space under the lock are made with page faults
 * disabled. One that fails is made again without the lock: a send then brings
 * its bytes to the heap first, a receive makes its pages present first.
 *
 * Locks: one channel's lock at a time, never two. Inside it only those of the
 * quotas, of completions, of delayed work, of pids, of the allocator and of the
 * scheduler; the wait queues are woken outside of it.
 */

#include <linux/cpumask.h>
#include <linux/fault-inject-usercopy.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/pid_namespace.h>
#include <linux/poll.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <linux/workqueue.h>

#include "chan.h"

/* What an op's step says beside 0, CHAN_CLOSED and -errno. */
enum step {
	STEP_STAGE = CHAN_CLOSED + 1,	/* bring the bytes to the heap first */
	STEP_PAY,			/* pay for them first */
	STEP_QUEUED,			/* it stands in line now */
	STEP_AGAIN,			/* what was found is gone: look again */
};

/**
 * struct slot - one place of the ring
 * @seq: place in the order of sending
 * @from: who sent it
 * @len: bytes of the message
 * @msg: the message, on channels with by_pointer
 * @data: the message, on the others
 */
struct slot {
	u64 seq;
	struct origin from;
	u32 len;
	union {
		struct msg *msg;
		DECLARE_FLEX_ARRAY(u8, data);
	};
};

/**
 * struct found - the message that a receive would take next
 * @data: its bytes
 * @len: how many
 * @from: who sent it
 * @msg: it as a heap message that can change hands, NULL if it is not one
 * @sender: the blocked sender that has it, NULL when it is inside
 */
struct found {
	const u8 *data;
	size_t len;
	struct origin *from;
	struct msg *msg;
	struct chan_op *sender;
};

/* As long as sleeping and being woken take on a virtual machine. */
static unsigned int spin_us = 50;
module_param(spin_us, uint, 0644);
MODULE_PARM_DESC(spin_us, "how long who has to wait looks whether it is served before it sleeps, microseconds");

static struct kmem_cache *chan_cache;
static atomic64_t last_id;

int chan_cache_init(void)
{
	chan_cache = KMEM_CACHE(chan, SLAB_ACCOUNT);
	return chan_cache ? 0 : -ENOMEM;
}

void chan_cache_exit(void)
{
	kmem_cache_destroy(chan_cache);
}

/* ---- origins and messages ---- */

static void origin_copy(struct origin *to, const struct origin *from)
{
	to->pid = get_pid(from->pid);
	to->uid = from->uid;
	to->gid = from->gid;
}

static void origin_drop(struct origin *from)
{
	put_pid(from->pid);
	from->pid = NULL;
}

static void origin_move(struct origin *to, struct origin *from)
{
	origin_drop(to);
	*to = *from;
	from->pid = NULL;
}

static struct msg *msg_alloc(size_t len, gfp_t gfp)
{
	bool apart = len >= PAGE_SIZE;
	struct msg *m = kmalloc(sizeof(*m) + (apart ? 0 : len), gfp);

	if (!m)
		return NULL;
	/* Long ones by themselves: sizes of 2^n shall not take 2^(n+1). */
	m->data = apart ? kvmalloc(len, gfp) : (u8 *)(m + 1);
	if (!m->data) {
		kfree(m);
		return NULL;
	}
	refcount_set(&m->refs, 1);
	m->next = NULL;
	m->from.pid = NULL;
	m->payer = NULL;
	m->len = len;
	return m;
}

static u64 msg_price(const struct msg *m)
{
	return m->len + sizeof(*m);
}

/* The caller pays, if its limits allow. */
static int msg_pay_as(struct msg *m, enum quota_kind kind)
{
	struct quota_user *user = quota_user_get();
	int err;

	if (!user)
		return -ENOMEM;
	err = quota_charge(user, kind, msg_price(m));
	if (err) {
		quota_user_put(user);
		return err;
	}
	m->payer = user;
	m->kind = kind;
	return 0;
}

static int msg_pay(struct msg *m)
{
	return m->payer ? 0 : msg_pay_as(m, QUOTA_BYTES);
}

static void msg_unpay(struct msg *m)
{
	if (!m->payer)
		return;
	if (m->kind == QUOTA_TAKEN)
		quota_unforce(m->payer, m->kind, msg_price(m));
	else
		quota_uncharge(m->payer, m->kind, msg_price(m));
	quota_user_put(m->payer);
	m->payer = NULL;
}

/*
 * The caller took the message and cannot copy it, or not yet: it pays instead
 * of the sender, as long as the message lies in the channel. Without a sender
 * who pays that cannot be refused, but who is over the limit by it waits for
 * no further message. Who is over it already leaves the charge where it is,
 * false.
 */
static bool msg_take_over(struct msg *m)
{
	struct quota_user *user = quota_user_get_nofail();

	if (m->payer == user && m->kind == QUOTA_TAKEN) {
		quota_user_put(user);
		return true;
	}
	if (m->payer && quota_user_over(user, QUOTA_TAKEN)) {
		quota_user_put(user);
		return false;
	}
	msg_unpay(m);
	m->payer = user;
	m->kind = QUOTA_TAKEN;
	quota_force(m->payer, m->kind, msg_price(m));
	return true;
}

/* By who has it beside its owner, and does not look at who pays for it. */
static void msg_unref(struct msg *m)
{
	if (!refcount_dec_and_test(&m->refs))
		return;
	origin_drop(&m->from);
	if (m->len >= PAGE_SIZE)
		kvfree(m->data);
	kfree(m);
}

/* By its owner: nobody pays from here on for what others look at. */
static void msg_put(struct msg *m)
{
	msg_unpay(m);
	msg_unref(m);
}

/* What a sender has not sent. */
static void msg_put_chain(struct msg *m)
{
	while (m) {
		struct msg *next = m->next;

		msg_put(m);
		m = next;
		cond_resched();
	}
}

static void msg_put_spent(struct msg *m)
{
	while (m) {
		struct msg *next = m->spent;

		msg_put(m);
		m = next;
		cond_resched();
	}
}

/* ---- waiters and wake-ups ---- */

void waiter_init(struct waiter *w)
{
	w->task = current;
	w->won = NULL;
	w->done = false;
	w->many = false;
	w->poked = NULL;
	w->skip = NULL;
}

/*
 * Decide that @w is served by @op. True for the one that decides, and again
 * for a sender of several messages that was won by its first.
 */
bool waiter_claim(struct waiter *w, struct chan_op *op)
{
	struct chan_op *won = cmpxchg(&w->won, NULL, op);

	return !won || won == op;
}

/* Was the waiter won by another of its ops? */
static bool op_dead(const struct chan_op *op)
{
	const struct chan_op *won = READ_ONCE(op->waiter->won);

	return won && won != op;
}

static inline void line_add(struct chan_line *line, struct chan_op *op)
{
	if (op->first)
		list_add(&op->node, &line->ops);
	else
		list_add_tail(&op->node, &line->ops);
	line->len++;
}

static inline void line_del_from(struct chan_line *line, struct chan_op *op)
{
	list_del_init(&op->node);
	line->len--;
}

static void line_del(struct chan_op *op)
{
	line_del_from(&op->ch->lines[op->dir], op);
}

/* The first in line who can be served; nobody is served by himself. */
static struct chan_op *line_first(struct chan *ch, enum chan_dir dir)
{
	struct chan_op *op, *next;

	list_for_each_entry_safe(op, next, &ch->lines[dir].ops, node) {
		if (op_dead(op))
			line_del(op);
		else if (op->waiter->task != current)
			return op;
	}
	return NULL;
}

/* The same, won; NULL when there is none left. */
static struct chan_op *line_claim_first(struct chan *ch, enum chan_dir dir)
{
	struct chan_op *op;

	while ((op = line_first(ch, dir))) {
		if (waiter_claim(op->waiter, op))
			return op;
		line_del(op);
	}
	return NULL;
}

/* A served op's task may go: from here on op and waiter may be gone. Whom to wake. */
static struct task_struct *op_let_go(struct chan_op *op)
{
	struct waiter *w = op->waiter;
	struct task_struct *task = w->task;

	/* Pairs with waiter_sleep(): who sees done sees the results. */
	smp_store_release(&w->done, true);
	return task;
}

/* Serve a claimed op. Whom to wake. */
static struct task_struct *op_serve(struct chan_op *op, int result)
{
	op->result = result;
	line_del(op);
	return op_let_go(op);
}

static void wake_later(struct task_struct *task, struct chan_wake *wake)
{
	if (wake->nr < ARRAY_SIZE(wake->tasks))
		wake->tasks[wake->nr++] = task;
	else
		wake_up_process(task);
}

static void op_complete(struct chan_op *op, int result, struct chan_wake *wake)
{
	wake_later(op_serve(op, result), wake);
}

/* ---- senders that are woken late ---- */

/*
 * A sender that was blocked by a full ring is served as soon as there is room:
 * its message moves up. But if it were woken at once, it would find the ring
 * full again, and a stream would switch tasks twice for each message. So it
 * sleeps on until most of the ring was drained, or for LATE_JIFFIES when the
 * receiver does not go on, or until a signal or its deadline comes. (A pipe
 * wakes its writer once a page was drained, and only then.) Where receivers do
 * not go on, as when the channel is used as a semaphore, the next senders are
 * woken at once.
 */

/* Smaller rings are drained at once. */
#define LATE_CAPACITY_MIN	4

/* At least one whole. */
#define LATE_JIFFIES		2

/* More at a time are not kept from running. */
#define LATE_MAX		16

/* So many are woken at once after one who was late in vain. */
#define LATE_PROMPT		1024

static bool ring_low(const struct chan *ch)
{
	return ch->in_ring <= ch->capacity / 4;
}

/* The first in line was claimed and has sent all. */
static void op_complete_late(struct chan_op *op, struct chan_wake *wake)
{
	struct chan *ch = op->ch;

	if (ch->prompt || op->waiter->many || ring_low(ch) ||
	    ch->capacity < LATE_CAPACITY_MIN || ch->nr_late == LATE_MAX) {
		ch->prompt -= ch->prompt > 0;
		op_complete(op, 0, wake);
		return;
	}
	op->result = 0;
	op->late = true;
	line_del(op);
	list_add_tail(&op->node, &ch->late);
	if (ch->nr_late++)
		return;
	ch->late_since = jiffies;
	schedule_delayed_work(&ch->late_work, LATE_JIFFIES);
}

static void late_del(struct chan_op *op)
{
	op->late = false;
	list_del_init(&op->node);
	op->ch->nr_late--;
}

static void wake_late(struct chan *ch, struct chan_wake *wake)
{
	struct chan_op *op, *next;

	list_for_each_entry_safe(op, next, &ch->late, node) {
		late_del(op);
		wake_later(op_let_go(op), wake);
	}
}

/* After a receive: was it what those wait for who are late? */
static bool late_over(const struct chan *ch)
{
	return unlikely(ch->nr_late) && ring_low(ch);
}

/*
 * Who polls says so (chan_watch()), joins the queue and then takes our lock to
 * look, so that without a barrier we see either it, or it sees what we did.
 */
static inline unsigned int in_event(struct chan *ch)
{
	if (likely(!ch->watched))
		return 0;
	/* ordered by the lock, see above */
	return waitqueue_active(&ch->in_wait) || ch->in_async ? WAKE_IN : 0;
}

static inline unsigned int out_event(struct chan *ch)
{
	if (likely(!ch->watched))
		return 0;
	/* likewise */
	return waitqueue_active(&ch->out_wait) || ch->out_async ? WAKE_OUT : 0;
}

static void note_in(struct chan *ch, struct chan_wake *wake)
{
	wake->events |= in_event(ch);
}

static void note_out(struct chan *ch, struct chan_wake *wake)
{
	wake->events |= out_event(ch);
}

static void wake_pollers(struct chan *ch, unsigned int events)
{
	if (events & WAKE_IN) {
		wake_up_interruptible_poll(&ch->in_wait,
					   EPOLLIN | EPOLLRDNORM);
		kill_fasync(&ch->in_async, SIGIO, POLL_IN);
	}
	if (events & WAKE_OUT) {
		wake_up_interruptible_poll(&ch->out_wait,
					   EPOLLOUT | EPOLLWRNORM);
		kill_fasync(&ch->out_async, SIGIO, POLL_OUT);
	}
	if (events & WAKE_ENDED) {
		__wake_up(&ch->in_wait, TASK_INTERRUPTIBLE, 0,
			  poll_to_key(EPOLLIN | EPOLLRDNORM | EPOLLRDHUP |
				      EPOLLHUP));
		__wake_up(&ch->out_wait, TASK_INTERRUPTIBLE, 0,
			  poll_to_key(EPOLLOUT | EPOLLWRNORM | EPOLLERR));
		kill_fasync(&ch->in_async, SIGIO, POLL_HUP);
		kill_fasync(&ch->out_async, SIGIO, POLL_ERR);
	}
}

/* For those who leave the unlocking to another function. */
static void chan_lock(struct chan *ch)
	__acquires(&ch->lock)
{
	spin_lock(&ch->lock);
}

/* Tasks that were served may exit at once: RCU keeps them for us. */
static noinline void unlock_and_wake(struct chan *ch,
				     const struct chan_wake *wake)
	__releases(&ch->lock)
{
	unsigned int i;

	rcu_read_lock();
	spin_unlock(&ch->lock);
	for (i = 0; i < wake->nr; i++)
		wake_up_process(wake->tasks[i]);
	rcu_read_unlock();
}

static void unlock_and_wake_one(struct chan *ch, struct task_struct *task)
	__releases(&ch->lock)
{
	rcu_read_lock();
	spin_unlock(&ch->lock);
	wake_up_process(task);
	rcu_read_unlock();
}

static inline void unlock_and_tell(struct chan *ch, unsigned int events)
	__releases(&ch->lock)
{
	spin_unlock(&ch->lock);
	if (unlikely(events))
		wake_pollers(ch, events);
}

static inline void chan_unlock(struct chan *ch, struct chan_wake *wake)
	__releases(&ch->lock)
{
	if (wake->nr)
		unlock_and_wake(ch, wake);
	else
		spin_unlock(&ch->lock);
	if (unlikely(wake->events))
		wake_pollers(ch, wake->events);
	if (unlikely(wake->spent))
		msg_put_spent(wake->spent);
}

/* After one who looked in vain, at most so many sleep without a look. */
#define SPIN_SKIP_MAX	15

static bool waiter_poked(const struct waiter *w)
{
	/* poll's wait queues write it without a mark */
	return w->poked && data_race(READ_ONCE(*w->poked));
}

/* Has neither the processor nor the task anything else to do? */
static bool waiter_may_spin(const struct waiter *w)
{
	/* Pairs with op_let_go(). */
	return !smp_load_acquire(&w->done) && single_task_running() &&
	       !signal_pending(current) && !waiter_poked(w);
}

/*
 * Who is at the other end, on another processor, may serve us sooner than a task
 * falls asleep and is woken: then both go on without that, message after message.
 * Where it was in vain, as nobody comes for long, the next waiters in that line
 * sleep without a look. How many is left to chance: two who wait for each other,
 * each asleep when the other looks, come to look at the same time again.
 */
static noinline void waiter_spin(const struct waiter *w, ktime_t deadline)
{
	unsigned int us = READ_ONCE(spin_us);
	u8 skip = READ_ONCE(*w->skip);
	ktime_t now, end;

	if (skip) {
		WRITE_ONCE(*w->skip, skip - 1);
		return;
	}
	if (!us || !waiter_may_spin(w))
		return;
	now = ktime_get();
	end = ktime_add_us(now, us);
	while (now < deadline && waiter_may_spin(w)) {
		if (now >= end) {
			WRITE_ONCE(*w->skip,
				   get_random_u32() % (SPIN_SKIP_MAX + 1));
			return;
		}
		cond_resched();
		cpu_relax();
		now = ktime_get();
	}
}

/**
 * waiter_sleep() - wait until somebody has served the waiter
 * @w: the waiter, whose ops stand in their lines
 * @deadline: absolute CLOCK_MONOTONIC, KTIME_MAX for none
 *
 * Return: 0 when it was served. -ERESTARTSYS for a signal, -ETIMEDOUT, -EAGAIN
 * when it was poked; it may have been served all the same, and the caller
 * finds out.
 */
int waiter_sleep(struct waiter *w, ktime_t deadline)
{
	int err = 0;

	if (num_online_cpus() > 1 && w->skip)
		waiter_spin(w, deadline);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE | TASK_FREEZABLE);
		/* Pairs with op_let_go(). */
		if (smp_load_acquire(&w->done))
			break;
		err = -ERESTARTSYS;
		if (signal_pending(current))
			break;
		err = -EAGAIN;
		if (waiter_poked(w))
			break;
		err = -ETIMEDOUT;
		if (deadline == KTIME_MAX)
			schedule();
		else if (!schedule_hrtimeout_range(&deadline,
						   current->timer_slack_ns,
						   HRTIMER_MODE_ABS))
			break;
		err = 0;
	}
	__set_current_state(TASK_RUNNING);
	return err;
}

/* ---- states ---- */

/* Does an end without handles count as gone, or may somebody open the name? */
static inline bool hangs_up(const struct chan *ch, bool had)
{
	return !ch->name || ((ch->flags & GOCHAN_HANGUP) && had);
}

/* Do sends fail? */
static inline bool send_ended(const struct chan *ch)
{
	return ch->closed || (!ch->handles[CHAN_RECV] &&
			      hangs_up(ch, ch->had_receiver));
}

/* Will nothing more be sent? */
static inline bool no_more(const struct chan *ch)
{
	return ch->closed || (!ch->handles[CHAN_SEND] &&
			      hangs_up(ch, ch->had_sender));
}

static u64 inside(const struct chan *ch)
{
	return (u64)ch->in_ring + ch->nr_returned;
}

static bool has_room(const struct chan *ch)
{
	return inside(ch) < ch->capacity;
}

static inline bool recv_ended(const struct chan *ch)
{
	return no_more(ch) && !inside(ch);
}

/* ---- ops ---- */

/**
 * chan_op_init() - begin an operation
 * @op: the op; the caller fills in the buffer, and @len or @room
 * @ch: its channel, which the caller keeps
 * @dir: CHAN_SEND or CHAN_RECV
 */
void chan_op_init(struct chan_op *op, struct chan *ch, enum chan_dir dir)
{
	memset(op, 0, sizeof(*op));
	INIT_LIST_HEAD(&op->node);
	op->ch = ch;
	op->dir = dir;
	op->todo = 1;
}

static void op_unhold(struct chan_op *op)
{
	if (!op->held)
		return;
	quota_uncharge(op->held, QUOTA_TAKEN, op->held_bytes);
	quota_user_put(op->held);
	op->held = NULL;
}

/* Does a receive pay for a message of this price? */
static bool op_holds(const struct chan_op *op, u64 bytes)
{
	return op->held && op->held_bytes >= bytes;
}

/* Has a receive its message together with others? See struct msg. */
static bool op_shares(const struct chan_op *op)
{
	return op->dir == CHAN_RECV && (op->peek || op->pass);
}

static void op_put_msg(struct chan_op *op)
{
	if (op->msg && op_shares(op))
		msg_unref(op->msg);
	else
		msg_put_chain(op->msg);
	op->msg = NULL;
}

/**
 * chan_op_release() - end an operation that stands in no line
 * @op: the op
 */
void chan_op_release(struct chan_op *op)
{
	op_put_msg(op);
	pass_put(op->pass);
	op->pass = NULL;
	origin_drop(&op->from);
	op_unhold(op);
}

static bool op_staged(const struct chan_op *op)
{
	return op->staged || op->msg;
}

static const u8 *op_data(const struct chan_op *op)
{
	return op->msg ? op->msg->data + op->pos : op->small;
}

/* The op's next message as one that can change hands, or NULL. */
static struct msg *op_movable(const struct chan_op *op)
{
	return op->msg && op->msg->len == op->len ? op->msg : NULL;
}

/*
 * Take the movable message away from its sender, or share it with one that
 * passes a file and may have to send it again.
 */
static struct msg *op_detach(struct chan_op *op)
{
	struct msg *m = op->msg;

	if (op->pass) {
		refcount_inc(&m->refs);
		return m;
	}
	op->msg = m->next;
	m->next = NULL;
	return m;
}

static void spend(struct msg *m, struct chan_wake *wake)
{
	m->spent = wake->spent;
	wake->spent = m;
}

/*
 * The op's next message has left it by copy. One that passes a file may have
 * to be sent again.
 */
static void op_advance(struct chan_op *op, struct chan_wake *wake)
{
	if (op->pass)
		return;
	if (!op->msg)
		return;
	op->pos += op->len;
	if (op->pos < op->msg->len)
		return;
	op->pos = 0;
	spend(op_detach(op), wake);
}

static void op_sent(struct chan_op *op)
{
	op->seq = ++op->ch->last_seq;
	op->count++;
	op->todo--;
}

static int stage_small(struct chan_op *op)
{
	if (op->len && ubuf_get(&op->ub, op->small, op->len))
		return -EFAULT;
	op->staged = true;
	return 0;
}

/* Copy to @m what may take for ever to come: if it is much, it is paid for. */
static int stage_copy(struct chan_op *op, struct msg *m)
{
	int err;

	if (m->len <= CHAN_FREE_MAX)
		return ubuf_get(&op->ub, m->data, m->len);
	if (!ubuf_get_nofault(&op->ub, m->data, m->len))
		return 0;
	err = msg_pay_as(m, QUOTA_STAGED);
	if (err)
		return err;
	err = ubuf_get(&op->ub, m->data, m->len);
	msg_unpay(m);
	return err;
}

/* Bring @len bytes of the op to one heap message. */
static struct msg *stage_block(struct chan_op *op, size_t len)
{
	struct msg *m = msg_alloc(len, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	int err = 0;

	if (!m)
		return ERR_PTR(-ENOMEM);
	if (op->staged)
		memcpy(m->data, op->small, len);
	else if (len)
		err = stage_copy(op, m);
	if (!err)
		return m;
	msg_put(m);
	return ERR_PTR(err);
}

/*
 * How many of an op's messages go into one block: those that are copied into
 * the ring anyway share one, the others change hands one by one.
 */
static u32 block_count(const struct chan_op *op)
{
	if (op->todo == 1 || op->len > CHAN_SMALL_MAX)
		return 1;
	return min_t(u32, op->todo, CHAN_FREE_MAX / op->len);
}

static struct msg *stage_paid_block(struct chan_op *op, size_t len, bool pay)
{
	struct msg *m = stage_block(op, len);
	int err;

	if (IS_ERR(m) || !pay)
		return m;
	err = msg_pay(m);
	if (!err)
		return m;
	msg_put(m);
	return ERR_PTR(err);
}

/*
 * Bring all that an op has to send to the heap. What is little is not paid for
 * unless it has to wait. Those before the first message that is not there, or
 * cannot be paid, are sent.
 */
static int chan_stage(struct chan_op *op)
{
	bool pay = op->todo > 1 && op->todo * op->len > CHAN_FREE_MAX;
	u32 n = 0, some, most = block_count(op);
	struct msg **tail = &op->msg;

	while (n < op->todo) {
		struct msg *m;

		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
		some = min(most, op->todo - n);
		m = stage_paid_block(op, some * op->len, pay);
		if (!IS_ERR(m)) {
			*tail = m;
			tail = &m->next;
			n += some;
		} else if (most > 1) {
			most = 1;	/* as many of them as can be had */
		} else if (n) {
			op->todo = n;
		} else {
			return PTR_ERR(m);
		}
	}
	return 0;
}

/* Pay for what is staged, so that it may wait. */
static int send_pay(struct chan_op *op)
{
	struct msg *m;
	int err = 0;

	for (m = op->msg; m && !err; m = m->next)
		err = msg_pay(m);
	return err;
}

/*
 * Pay for the message of op->len bytes that a receive is about to take by
 * pointer, or shares with others, until it has that, waits or is released.
 */
static int recv_pay(struct chan_op *op)
{
	u64 bytes = op->len + sizeof(struct msg);
	int err;

	if (op_holds(op, bytes))
		return 0;
	op_unhold(op);
	op->held = quota_user_get();
	if (!op->held)
		return -ENOMEM;
	err = quota_charge(op->held, QUOTA_TAKEN, bytes);
	if (err) {
		quota_user_put(op->held);
		op->held = NULL;
		return err;
	}
	op->held_bytes = bytes;
	return 0;
}

/* ---- sending ---- */

static inline struct slot *slot_at(const struct chan *ch, u32 n)
{
	u64 i = (u64)ch->head + n;

	if (i >= ch->capacity)
		i -= ch->capacity;
	return (struct slot *)(ch->slots + i * ch->stride);
}

/* The oldest message's. */
static inline struct slot *slot_first(const struct chan *ch)
{
	return (struct slot *)(ch->slots + ch->head * ch->stride);
}

/* A message was put into the ring's next slot. */
static void ring_add(struct chan *ch, struct slot *slot, u64 seq, size_t len)
{
	slot->seq = seq;
	slot->len = len;
	ch->in_ring++;
	ch->bytes += len;
}

/* The oldest message was taken from the ring. */
static void ring_del(struct chan *ch, size_t len)
{
	ch->head = ch->head + 1 == ch->capacity ? 0 : ch->head + 1;
	ch->in_ring--;
	ch->bytes -= len;
}

/* Put the op's next message into the ring, which has room. */
static int fill_slot(struct chan_op *op, struct chan_wake *wake)
{
	struct chan *ch = op->ch;
	struct slot *slot = slot_at(ch, ch->in_ring);

	if (ch->by_pointer) {
		if (!op_movable(op))
			return STEP_STAGE;
		slot->msg = op_detach(op);
		/* The slot is paid for. */
		msg_unpay(slot->msg);
	} else if (op_staged(op)) {
		memcpy(slot->data, op_data(op), op->len);
		op_advance(op, wake);
	} else if (ubuf_get_nofault(&op->ub, slot->data, op->len)) {
		return STEP_STAGE;
	}
	op_sent(op);
	origin_copy(&slot->from, &op->from);
	ring_add(ch, slot, op->seq, op->len);
	note_in(ch, wake);
	return 0;
}

/* The file, if any, goes with the message, whether it is wanted or not. */
static void pass_on(struct chan_op *op, struct chan_op *to)
{
	if (op->pass)
		to->pass = pass_get(op->pass);
}

/* A receiver that waited, and was won, has its message. */
static void op_land(struct chan_op *to, u64 seq, size_t len)
{
	to->seq = seq;
	to->len = len;
	to->landed = true;
}

/* Give the op's next message to @to, who waits for one and has the room. */
static int hand_over(struct chan_op *op, struct chan_op *to,
		     struct chan_wake *wake)
{
	bool lands = op->len <= CHAN_SMALL_MAX;

	if (!lands && !op_movable(op))
		return STEP_STAGE;
	if (!lands && !op->msg->payer)
		return STEP_PAY;
	if (!waiter_claim(to->waiter, to)) {
		line_del(to);
		return 0;
	}
	if (lands) {
		memcpy(to->small, op_data(op), op->len);
		op_advance(op, wake);
	} else {
		to->msg = op_detach(op);
	}
	op_sent(op);
	origin_copy(&to->from, &op->from);
	pass_on(op, to);
	op_land(to, op->seq, op->len);
	op_complete(to, 0, wake);
	return 0;
}

/* A receiver in line whose room is too small for a message fails by it. */
static void refuse(struct chan_op *to, size_t len, struct chan_wake *wake)
{
	if (!waiter_claim(to->waiter, to)) {
		line_del(to);
		return;
	}
	to->len = len;
	op_complete(to, -EMSGSIZE, wake);
}

/* Send one message, or come a step nearer to that (0), or say why not. */
static int send_one(struct chan_op *op, struct chan_wake *wake)
{
	struct chan *ch = op->ch;
	struct chan_op *to;

	if (send_ended(ch))
		return -EPIPE;
	to = line_first(ch, CHAN_RECV);
	if (!to)
		return has_room(ch) ? fill_slot(op, wake) : -EAGAIN;
	/* Nobody is told of a message that may not exist. */
	if (!op_staged(op))
		return STEP_STAGE;
	if (to->room >= op->len)
		return hand_over(op, to, wake);
	refuse(to, op->len, wake);
	return 0;
}

/* Send what can be sent at once; 0 with op->todo left means: call again. */
static int send_some(struct chan_op *op, struct chan_wake *wake)
{
	unsigned int budget = CHAN_LOCKED_MSGS_MAX;
	int err = 0;

	while (!err && op->todo && budget--)
		err = send_one(op, wake);
	return err;
}

/* Stand in line. What those are to be told who poll. */
static inline unsigned int enqueue(struct chan_op *op, struct waiter *w)
{
	struct chan_line *line = &op->ch->lines[op->dir];

	op->waiter = w;
	line_add(line, op);
	if (line->len == 1)
		w->skip = &line->skip;
	/* An unbuffered channel becomes ready by who waits at its other end. */
	if (op->dir == CHAN_SEND)
		return in_event(op->ch);
	return op->ch->capacity ? 0 : out_event(op->ch);
}

/* What is still missing before the op can stand in line as a sender (I5). */
static int send_missing(const struct chan_op *op)
{
	const struct chan *ch = op->ch;

	if (ch->by_pointer ? !op_movable(op) : !op_staged(op))
		return STEP_STAGE;
	return op->msg && !op->msg->payer ? STEP_PAY : 0;
}

/* One turn of a send; with @w it stands in line afterwards if it has to. */
static int send_step(struct chan_op *op, struct waiter *w)
{
	struct chan_wake wake = {};
	int err;

	spin_lock(&op->ch->lock);
	err = send_some(op, &wake);
	if (err == -EAGAIN && w) {
		err = send_missing(op);
		if (!err) {
			wake.events |= enqueue(op, w);
			err = STEP_QUEUED;
		}
	}
	chan_unlock(op->ch, &wake);
	return err;
}

/* Take the op out of line. False if it was served before that. */
static bool give_up(struct chan_op *op)
{
	bool waiting;

	spin_lock(&op->ch->lock);
	waiting = !list_empty(&op->node) && !op->late;
	if (waiting)
		line_del(op);
	else if (op->late)
		late_del(op);
	spin_unlock(&op->ch->lock);
	return waiting;
}

/* Wait in line until the op is served; its verdict. */
static int op_wait(struct chan_op *op, ktime_t deadline)
{
	int err = waiter_sleep(op->waiter, deadline);

	if (err && give_up(op))
		return err;
	return op->result;
}

/**
 * chan_finish_send() - wait until the receiver has the file that is passed
 * @op: a send that was served; without a file there is nothing to do
 *
 * Return: 0; -EAGAIN when the receiver left the message, which is to be sent
 * again; -EINTR when the caller is being killed.
 */
int chan_finish_send(struct chan_op *op)
{
	int err;

	if (!op->pass)
		return 0;
	err = pass_wait(op->pass);
	if (err) {
		op->count--;
		op->todo++;
		op->first = true;
	}
	return err;
}

/* With @w a message that its receiver left is tried again, until @deadline. */
static int finish_send(struct chan_op *op, const struct waiter *w,
		       ktime_t deadline)
{
	int err = chan_finish_send(op);

	if (err != -EAGAIN || !w)
		return err;
	if (signal_pending(current))
		return -ERESTARTSYS;
	return ktime_get() >= deadline ? -ETIMEDOUT : 0;
}

/* Between the steps of a long operation. */
static int op_pause(const struct chan_op *op)
{
	cond_resched();
	if (fatal_signal_pending(current))
		return -EINTR;
	return op->count && signal_pending(current) ? -ERESTARTSYS : 0;
}

static int send_run(struct chan_op *op, struct waiter *w, ktime_t deadline)
{
	int err;

	do {
		if (w)
			waiter_init(w);
		err = send_step(op, w);
		if (err == STEP_STAGE)
			err = chan_stage(op);
		else if (err == STEP_PAY)
			err = send_pay(op);
		else if (err == STEP_QUEUED)
			err = op_wait(op, deadline);
		if (!err && !op->todo)
			err = finish_send(op, w, deadline);
	} while (!err && op->todo && !(err = op_pause(op)));
	return err;
}

/* A short message goes by the stack, several go by the heap. */
static int send_prepare(struct chan_op *op)
{
	if (op_staged(op))
		return 0;
	if (op->todo > 1)
		return chan_stage(op);
	if (op->small && op->len <= CHAN_SMALL_MAX)
		return stage_small(op);
	return 0;
}

/**
 * chan_send() - send op->todo messages of op->len bytes each
 * @op: the op
 * @nonblock: fail instead of waiting
 * @deadline: absolute CLOCK_MONOTONIC, KTIME_MAX for none
 *
 * Return: 0 when all were sent, or some (op->count tells) before something
 * came between. With none sent: -EPIPE on an ended channel, -EAGAIN,
 * -ETIMEDOUT, -ERESTARTSYS, -EINTR, -EFAULT, -ENOMEM, and -EDQUOT or -EINVAL as
 * quota_charge().
 */
int chan_send(struct chan_op *op, bool nonblock, ktime_t deadline)
{
	u8 small[CHAN_SMALL_MAX] __uninitialized;
	struct waiter w;
	int err;

	op->small = small;
	err = send_prepare(op);
	if (!err)
		err = send_run(op, nonblock ? NULL : &w, deadline);
	op->small = NULL;
	return op->count ? 0 : err;
}

/**
 * chan_try_send() - send one message if that can be done at once
 * @op: the op; op->small may be shared with others, see chan_unstage()
 *
 * Return: as chan_send().
 */
int chan_try_send(struct chan_op *op)
{
	int err = send_prepare(op);

	if (!err)
		err = send_run(op, NULL, 0);
	return err;
}

/**
 * chan_unstage() - forget what was brought to the kernel of a send
 * @op: a send of one message that was tried; what is paid for stays
 *
 * So op->small is free for others, and what several ops were tried with does not
 * add up, unpaid, while the next one's buffer does not arrive.
 */
void chan_unstage(struct chan_op *op)
{
	if (!op_staged(op) || (op->msg && op->msg->payer))
		return;
	ubuf_revert(&op->ub, op->len);
	op_put_msg(op);
	op->staged = false;
}

/**
 * chan_stage_to_wait() - bring what an op sends to where it can wait (I5)
 * @op: a send of one message
 * @small: CHAN_STAGE_MAX bytes for this op alone, or NULL
 *
 * What does not fit there goes to the heap, and is charged to the caller.
 *
 * Return: 0, -EFAULT, -ENOMEM, or as quota_charge().
 */
int chan_stage_to_wait(struct chan_op *op, u8 *small)
{
	int err;

	if (op->msg)
		return send_pay(op);
	if (op->staged)
		return 0;
	if (small && op->len <= CHAN_STAGE_MAX && !op->ch->by_pointer) {
		op->small = small;
		return stage_small(op);
	}
	err = chan_stage(op);
	return err ?: send_pay(op);
}

/* ---- receiving ---- */

/* Messages of blocked senders move up while there is room for them. */
static void refill(struct chan *ch, struct chan_wake *wake)
{
	struct chan_op *op;

	while (has_room(ch) && !send_ended(ch)) {
		op = line_claim_first(ch, CHAN_SEND);
		if (!op)
			return;
		/* I5: cannot fail */
		if (WARN_ON_ONCE(fill_slot(op, wake)))
			return;
		if (!op->todo)
			op_complete_late(op, wake);
	}
}

static bool find_message(struct chan *ch, struct found *f)
{
	f->sender = NULL;
	f->msg = list_first_entry_or_null(&ch->returned, struct msg, node);
	if (f->msg) {
		f->from = &f->msg->from;
		f->len = f->msg->len;
		f->data = f->msg->data;
		return true;
	}
	if (ch->in_ring) {
		struct slot *slot = slot_first(ch);

		f->from = &slot->from;
		f->len = slot->len;
		f->msg = ch->by_pointer ? slot->msg : NULL;
		f->data = f->msg ? f->msg->data : slot->data;
		return true;
	}
	if (send_ended(ch))
		return false;
	f->sender = line_first(ch, CHAN_SEND);
	if (!f->sender)
		return false;
	f->from = &f->sender->from;
	f->len = f->sender->len;
	f->data = op_data(f->sender);
	/* What is shared with its sender changes hands only if it must. */
	f->msg = f->sender->pass && f->len <= CHAN_LOCKED_COPY_MAX ?
			NULL : op_movable(f->sender);
	return true;
}

/* A message leaves the inside of the channel. */
static void take_inside(struct chan_op *op, struct found *f)
{
	struct chan *ch = op->ch;

	if (!list_empty(&ch->returned)) {
		list_del_init(&f->msg->node);
		ch->nr_returned--;
		ch->bytes -= f->len;
		op->seq = f->msg->seq;
	} else {
		op->seq = slot_first(ch)->seq;
		ring_del(ch, f->len);
	}
	origin_move(&op->from, f->from);
}

/* A blocked sender's message leaves it. False if the sender went elsewhere. */
static bool take_from_sender(struct chan_op *op, struct found *f,
			     struct chan_wake *wake)
{
	struct chan_op *sender = f->sender;

	if (!waiter_claim(sender->waiter, sender)) {
		line_del(sender);
		return false;
	}
	origin_drop(&op->from);
	origin_copy(&op->from, f->from);
	if (f->msg)
		op_detach(sender);
	else
		op_advance(sender, wake);
	pass_on(sender, op);
	op_sent(sender);
	op->seq = sender->seq;
	if (!sender->todo)
		op_complete(sender, 0, wake);
	return true;
}

static bool take(struct chan_op *op, struct found *f, struct chan_wake *wake)
{
	struct chan *ch = op->ch;

	if (f->sender) {
		if (!take_from_sender(op, f, wake))
			return false;
	} else {
		take_inside(op, f);
		refill(ch, wake);
		if (late_over(ch))
			wake_late(ch, wake);
		if (has_room(ch))
			note_out(ch, wake);
	}
	if (recv_ended(ch))
		wake->events |= WAKE_ENDED;
	return true;
}

static int report_len(struct gochan_op __user *to, size_t len)
{
	if (should_fail_usercopy() || !user_write_access_begin(to, sizeof(*to)))
		return -EFAULT;
	/* last what is read again, as the room, if the call goes another way */
	unsafe_put_user(-1, &to->passed_fd, fault);
	unsafe_put_user(0, &to->result, fault);
	unsafe_put_user((u32)len, &to->len, fault);
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

static int report_origin(struct gochan_op __user *to, const struct origin *from)
{
	const struct gochan_op r = {
		.pid = pid_nr_ns(from->pid, task_active_pid_ns(current)),
		.uid = from_kuid_munged(current_user_ns(), from->uid),
		.gid = from_kgid_munged(current_user_ns(), from->gid),
	};

	return user_put(&to->pid, &r.pid, offsetof(struct gochan_op, reserved) -
					  offsetof(struct gochan_op, pid));
}

/* What a receive writes into its struct gochan_op, which it has. */
static int report(struct chan_op *op, const struct origin *from)
{
	struct gochan_op __user *to = op->report;

	if (report_len(to, op->len))
		return -EFAULT;
	return op->ch->flags & GOCHAN_CRED ? report_origin(to, from) : 0;
}

/* The message was not received after all: a repeated call needs its room. */
static void unreport(struct chan_op *op)
{
	if (op->report && put_user((u32)op->room, &op->report->len))
		pr_debug("the room of an op could not be put back\n");
}

/* The same at once, or not at all; -EFAULT: not present. */
static int report_nofault(struct chan_op *op, const struct origin *from)
{
	int err;

	if (!op->report)
		return 0;
	pagefault_disable();
	err = report(op, from);
	/* who sent it may lie on the next page: then the room is there no more */
	if (err)
		unreport(op);
	pagefault_enable();
	return err;
}

/* Copy what was found to the user, before it is taken; -EFAULT: not present. */
static int copy_found(struct chan_op *op, const struct found *f)
{
	int err;

	if (f->len && ubuf_put_nofault(&op->ub, f->data, f->len))
		return -EFAULT;
	err = report_nofault(op, f->from);
	if (err)
		ubuf_revert(&op->ub, f->len);
	return err;
}

static int recv_by_copy(struct chan_op *op, struct found *f,
			struct chan_wake *wake)
{
	if (copy_found(op, f))
		return -EFAULT;
	if (!op->peek && !take(op, f, wake)) {
		ubuf_revert(&op->ub, f->len);
		pagefault_disable();
		unreport(op);
		pagefault_enable();
		return STEP_AGAIN;
	}
	if (!op->peek && f->msg)
		spend(f->msg, wake);
	op->tries = 0;
	op->count++;
	op->todo--;
	return 0;
}

static int recv_by_pointer(struct chan_op *op, struct found *f,
			   struct chan_wake *wake)
{
	if (op->peek) {
		origin_drop(&op->from);
		origin_copy(&op->from, f->from);
		refcount_inc(&f->msg->refs);
	} else if (!take(op, f, wake)) {
		return STEP_AGAIN;
	}
	op->msg = f->msg;
	return 0;
}

/* Receive one message, or say why not; STEP_AGAIN: it was gone. */
static int recv_one(struct chan_op *op, struct chan_wake *wake)
{
	struct found f;

	if (!find_message(op->ch, &f))
		return recv_ended(op->ch) ? CHAN_CLOSED : -EAGAIN;
	op->len = f.len;
	if (f.len > op->room)
		return -EMSGSIZE;
	if (f.len <= CHAN_LOCKED_COPY_MAX)
		return recv_by_copy(op, &f, wake);
	if (!f.msg->payer && !op_holds(op, msg_price(f.msg)))
		return STEP_PAY;
	return recv_by_pointer(op, &f, wake);
}

/* Receive what is there, at most op->todo messages. */
static int recv_some(struct chan_op *op, struct chan_wake *wake)
{
	unsigned int budget = CHAN_LOCKED_MSGS_MAX;
	int err = 0;

	while (!err && op->todo && !op->msg && !op->pass && budget--) {
		err = recv_one(op, wake);
		if (err == STEP_AGAIN)
			err = 0;
	}
	return err;
}

/* One turn of a receive; with @w it stands in line afterwards if it has to. */
static int recv_step(struct chan_op *op, struct waiter *w)
{
	struct chan_wake wake = {};
	bool over = false;
	int err;

	if (w && unlikely(quota_any_taken()))
		over = quota_over(QUOTA_TAKEN);
	spin_lock(&op->ch->lock);
	err = recv_some(op, &wake);
	if (err == -EAGAIN && over && !op->count) {
		err = -EDQUOT;
	} else if (err == -EAGAIN && w && !op->count) {
		wake.events |= enqueue(op, w);
		err = STEP_QUEUED;
	}
	chan_unlock(op->ch, &wake);
	return err;
}

/* Whoever waits gets a message that came back. */
static void give_back(struct chan_op *to, struct msg *m, struct chan_wake *wake)
{
	to->msg = m;
	origin_move(&to->from, &m->from);
	op_land(to, m->seq, m->len);
	op_complete(to, 0, wake);
}

/* It lies inside again, at its place in the order of sending. */
static void add_returned(struct chan *ch, struct msg *m, struct chan_wake *wake)
{
	struct msg *pos;

	list_for_each_entry(pos, &ch->returned, node)
		if (pos->seq > m->seq)
			break;
	list_add_tail(&m->node, &pos->node);
	ch->nr_returned++;
	ch->bytes += m->len;
	note_in(ch, wake);
}

/* Put a message back, or come a step nearer to that; true when it is done. */
static bool put_back_locked(struct chan *ch, struct msg *m,
			    struct chan_wake *wake)
{
	struct chan_op *to = line_first(ch, CHAN_RECV);

	if (!to) {
		add_returned(ch, m, wake);
		return true;
	}
	if (to->room < m->len) {
		refuse(to, m->len, wake);
		return false;
	}
	if (!waiter_claim(to->waiter, to)) {
		line_del(to);
		return false;
	}
	give_back(to, m, wake);
	return true;
}

static bool put_back_step(struct chan *ch, struct msg *m)
{
	struct chan_wake wake = {};
	unsigned int budget = CHAN_LOCKED_MSGS_MAX;
	bool done = false;

	spin_lock(&ch->lock);
	while (!done && budget--)
		done = put_back_locked(ch, m, &wake);
	chan_unlock(ch, &wake);
	return done;
}

static void put_back(struct chan *ch, struct msg *m)
{
	while (!put_back_step(ch, m))
		cond_resched();
}

/* The message that the op was given, as one on the heap. */
static struct msg *op_reclaim(struct chan_op *op)
{
	struct msg *m = op->msg;

	if (!m) {
		/*
		 * It lies on our stack and must not be lost: at most
		 * CHAN_SMALL_MAX bytes, and rare.
		 */
		m = msg_alloc(op->len, GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
		memcpy(m->data, op->small, op->len);
	}
	op->msg = NULL;
	m->seq = op->seq;
	origin_move(&m->from, &op->from);
	msg_take_over(m);
	return m;
}

/*
 * What is left to copy of a message on the heap may take for ever: then the
 * caller pays for it, and not the sender, unless that is still its owner.
 */
static int pay_for_stall(struct chan_op *op)
{
	struct msg *m = op->msg;

	if (!m)
		return 0;
	if (op_shares(op))
		return recv_pay(op);
	return !m->payer || msg_take_over(m) ? 0 : -EDQUOT;
}

static int copy_heap(struct chan_op *op)
{
	struct msg *m = op->msg;
	int err;

	if (!ubuf_put_nofault(&op->ub, m->data, op->len))
		return 0;
	err = pay_for_stall(op);
	return err ?: ubuf_put(&op->ub, m->data, op->len);
}

/* The results of a message that was copied: they may take for ever, too. */
static int report_given(struct chan_op *op)
{
	int err;

	/* What is shared is not put back, so it need not be kept, nor paid for. */
	if (op_shares(op)) {
		op_put_msg(op);
		op_unhold(op);
	}
	if (!report_nofault(op, &op->from))
		return 0;
	err = pay_for_stall(op);
	if (err)
		return err;
	err = report(op, &op->from);
	if (err)
		unreport(op);
	return err;
}

/* Copy the message that the op was given to its user. */
static int copy_given(struct chan_op *op)
{
	int err = 0;

	op->landed = false;
	if (op->msg)
		err = copy_heap(op);
	else if (op->len)
		err = ubuf_put(&op->ub, op->small, op->len);
	if (!err)
		err = report_given(op);
	if (err)
		return err;
	op->count++;
	op->todo--;
	return 0;
}

/* The message was counted as received, but its file cannot be. */
static void uncount(struct chan_op *op)
{
	op->count--;
	op->todo++;
	unreport(op);
}

/*
 * A message with a file was copied, or not (@err): take the file if it is
 * wanted, and let its sender know whether it is to be sent again.
 */
static int finish_pass(struct chan_op *op, int err)
{
	struct chan *ch = op->ch;

	if (!err && op->take_fd) {
		err = pass_install(op->pass, &op->report->passed_fd);
		if (err)
			uncount(op);
	}
	if (err) {
		spin_lock(&ch->lock);
		ch->unsent++;
		spin_unlock(&ch->lock);
	}
	op_put_msg(op);
	pass_settle(op->pass, err ? -EAGAIN : 0);
	pass_put(op->pass);
	op->pass = NULL;
	return err;
}

/**
 * chan_finish_recv() - copy a message that a receive was given to its user
 * @op: the op; without such a message, or a file, there is nothing to do
 *
 * Return: 0; -EFAULT, -EDQUOT, -EINVAL, -ENOMEM, -EMFILE with the message put
 * back or left.
 */
int chan_finish_recv(struct chan_op *op)
{
	int err = 0;

	if (op->msg || op->landed)
		err = copy_given(op);
	if (op->pass)
		return finish_pass(op, err);
	if (err && !op->peek) {
		put_back(op->ch, op_reclaim(op));
		return err;
	}
	op_put_msg(op);
	return err;
}

/* The op's pages were not present under the lock: make them so. */
static int recv_fault_in(struct chan_op *op)
{
	if (fatal_signal_pending(current))
		return -EINTR;
	if (++op->tries > CHAN_FAULT_TRIES)
		return -EFAULT;
	if (ubuf_fault_in_writeable(&op->ub, op->len))
		return -EFAULT;
	if (op->report && fault_in_safe_writeable((void __user *)op->report,
						  sizeof(*op->report)))
		return -EFAULT;
	return 0;
}

static int recv_wait(struct chan_op *op, ktime_t deadline)
{
	/* If a message was paid for, somebody else took it. */
	op_unhold(op);
	return op_wait(op, deadline);
}

static int recv_run(struct chan_op *op, struct waiter *w, ktime_t deadline)
{
	int err;

	do {
		err = recv_step(op, w);
		if (err == -EFAULT)
			err = recv_fault_in(op);
		else if (err == STEP_PAY)
			err = recv_pay(op);
		else if (err == STEP_QUEUED)
			err = recv_wait(op, deadline);
		if (!err)
			err = chan_finish_recv(op);
	} while (!err && op->todo && !(err = op_pause(op)));
	return err;
}

/**
 * chan_recv() - receive a message, or up to op->todo of those that are there
 * @op: the op; the first message is waited for, the others are not. Only a
 *	GOCHAN_FIXED channel, with room for them, is asked for several. A peek
 *	does not wait here: it stands in no line
 * @nonblock: fail instead of waiting
 * @deadline: absolute CLOCK_MONOTONIC, KTIME_MAX for none
 *
 * Return: 0 when op->count messages were received, op->len bytes the last;
 * CHAN_CLOSED; -EMSGSIZE with the size needed in op->len; -EAGAIN, -ETIMEDOUT,
 * -ERESTARTSYS, -EINTR, -EFAULT; for a long message -ENOMEM, and -EDQUOT or
 * -EINVAL as quota_charge().
 */
int chan_recv(struct chan_op *op, bool nonblock, ktime_t deadline)
{
	u8 small[CHAN_SMALL_MAX] __uninitialized;
	struct waiter w;
	int err;

	waiter_init(&w);
	op->small = small;
	err = recv_run(op, nonblock || op->peek ? NULL : &w, deadline);
	op->small = NULL;
	return op->count ? 0 : err;
}

/**
 * chan_try_recv() - receive one message if there is one
 * @op: the op
 *
 * Return: as chan_recv().
 */
int chan_try_recv(struct chan_op *op)
{
	int err = recv_run(op, NULL, 0);

	if (err == -EAGAIN)
		op_unhold(op);
	return err;
}

/* ---- the short way ---- */

/*
 * Most messages are short, come from one plain buffer and find a free slot, or
 * a task that waits for nothing else. These are sent and received here in the
 * fewest steps, under the same lock and with the same result. Whatever is not
 * as simple is left to the steps above.
 */

static bool line_empty(const struct chan *ch, enum chan_dir dir)
{
	return list_empty(&ch->lines[dir].ops);
}

static inline int user_get_nofault(void *dst, const void __user *src,
				   size_t len)
{
	int err;

	pagefault_disable();
	err = user_get(dst, src, len);
	pagefault_enable();
	return err;
}

/* Into the ring, when nobody waits for it. */
static __always_inline bool quick_fill(struct chan *ch, const void __user *buf,
				       size_t len)
{
	struct slot *slot;

	if (unlikely(send_ended(ch)) || !line_empty(ch, CHAN_RECV) ||
	    !has_room(ch))
		return false;
	slot = slot_at(ch, ch->in_ring);
	if (user_get_nofault(slot->data, buf, len))
		return false;
	slot->from.pid = NULL;
	ring_add(ch, slot, ++ch->last_seq, len);
	return true;
}

/*
 * To the first receiver, if it waits in this line alone: then nobody else can
 * win it, and its stack has room. Whom to wake; NULL: not as simple.
 */
static struct task_struct *quick_hand_over(struct chan *ch,
					   const void __user *buf, size_t len)
{
	struct chan_line *line = &ch->lines[CHAN_RECV];
	struct chan_op *to;

	if (list_empty(&line->ops) || len > CHAN_SMALL_MAX || send_ended(ch))
		return NULL;
	to = list_first_entry(&line->ops, struct chan_op, node);
	if (to->waiter->many || to->room < len ||
	    user_get_nofault(to->small, buf, len))
		return NULL;
	op_land(to, ++ch->last_seq, len);
	to->result = 0;
	line_del_from(line, to);
	return op_let_go(to);
}

static bool quick_send(struct chan *ch, const void __user *buf, size_t len,
		       struct chan_wake *wake)
{
	struct task_struct *task;

	if (quick_fill(ch, buf, len)) {
		note_in(ch, wake);
		return true;
	}
	task = quick_hand_over(ch, buf, len);
	if (task)
		wake_later(task, wake);
	return task;
}

/* Stand in line with one short message. */
static noinline int quick_send_wait(struct chan *ch, const void __user *buf,
				    size_t len)
	__releases(&ch->lock)
{
	u8 small[CHAN_SMALL_MAX] __uninitialized;
	unsigned int events;
	struct chan_op op;
	struct waiter w;

	if (user_get_nofault(small, buf, len)) {
		spin_unlock(&ch->lock);
		return -EAGAIN;
	}
	waiter_init(&w);
	chan_op_init(&op, ch, CHAN_SEND);
	op.len = len;
	op.small = small;
	op.staged = true;
	events = enqueue(&op, &w);
	unlock_and_tell(ch, events);
	return op_wait(&op, KTIME_MAX);
}

/* Somebody waits, or this one has to. */
static noinline int quick_send_contended(struct chan *ch,
					 const void __user *buf, size_t len,
					 bool block)
	__releases(&ch->lock)
{
	struct task_struct *task = quick_hand_over(ch, buf, len);

	if (task) {
		unlock_and_wake_one(ch, task);
		return 0;
	}
	if (block && len <= CHAN_SMALL_MAX && !has_room(ch) &&
	    line_empty(ch, CHAN_RECV) && !send_ended(ch))
		return quick_send_wait(ch, buf, len);
	spin_unlock(&ch->lock);
	return -EAGAIN;
}

/**
 * chan_send_quick() - send a message in few steps, if need be wait in line
 * @ch: the channel, which is plain
 * @buf: the message in user space
 * @len: its length, at most msg_size
 * @block: whether to wait
 *
 * Return: as chan_send(), where -EAGAIN says nothing about why.
 */
int chan_send_quick(struct chan *ch, const void __user *buf, size_t len,
		    bool block)
{
	chan_lock(ch);
	if (!quick_fill(ch, buf, len))
		return quick_send_contended(ch, buf, len, block);
	unlock_and_tell(ch, in_event(ch));
	return 0;
}

/**
 * chan_send_several() - send messages if there is room for all, in few steps
 * @ch: the channel, without GOCHAN_CRED and not by_pointer
 * @buf: the messages in user space, one behind the other
 * @len: the length of each
 * @n: how many
 *
 * A write that has to wait with some of its messages must not let go of the
 * lock between those that went at once and those that wait: it is left alone.
 *
 * Return: how many were sent. Fewer says nothing about why.
 */
u32 chan_send_several(struct chan *ch, const void __user *buf, size_t len,
		      u32 n)
{
	struct chan_wake wake = {};
	u32 sent = 0;

	if (n > CHAN_LOCKED_MSGS_MAX)
		return 0;
	spin_lock(&ch->lock);
	if (inside(ch) + n > ch->capacity)
		goto unlock;
	while (sent < n && quick_send(ch, buf + sent * len, len, &wake))
		sent++;
unlock:
	chan_unlock(ch, &wake);
	return sent;
}

/* Copy a message and its length to the user; a fault leaves it where it is. */
static inline int quick_put(void __user *buf, const u8 *data, size_t len,
			    struct gochan_op __user *report)
{
	int err;

	pagefault_disable();
	err = user_put(buf, data, len);
	if (!err && report)
		err = report_len(report, len);
	pagefault_enable();
	return err;
}

/* The oldest message in the ring; its length, or -EAGAIN. */
static __always_inline int quick_take_slot(struct chan *ch, void __user *buf,
					   size_t room,
					   struct gochan_op __user *report)
{
	const struct slot *slot = slot_first(ch);
	u32 len;

	if (!ch->in_ring || unlikely(!list_empty(&ch->returned)))
		return -EAGAIN;
	len = slot->len;
	if (len > room || quick_put(buf, slot->data, len, report))
		return -EAGAIN;
	if (unlikely(slot->from.pid))
		put_pid(slot->from.pid);
	ring_del(ch, len);
	return len;
}

/* From the first sender, if it waits in this line alone with one message. */
static int quick_take_over(struct chan *ch, void __user *buf, size_t room,
			   struct gochan_op __user *report,
			   struct chan_wake *wake)
{
	struct chan_op *from = list_first_entry_or_null(&ch->lines[CHAN_SEND].ops,
							struct chan_op, node);
	int len;

	if (!from || inside(ch) || send_ended(ch) || from->waiter->many ||
	    from->msg || from->pass || from->len > room ||
	    quick_put(buf, from->small, from->len, report))
		return -EAGAIN;
	len = from->len;
	op_sent(from);
	op_complete(from, 0, wake);
	return len;
}

/* The next message, wherever it is. */
static __always_inline int quick_recv(struct chan *ch, void __user *buf,
				      size_t room,
				      struct gochan_op __user *report,
				      struct chan_wake *wake)
{
	int len = quick_take_slot(ch, buf, room, report);

	if (len < 0)
		return quick_take_over(ch, buf, room, report, wake);
	if (!line_empty(ch, CHAN_SEND))
		refill(ch, wake);
	return len;
}

/* After messages were received. */
static void quick_received(struct chan *ch, struct chan_wake *wake)
{
	if (late_over(ch))
		wake_late(ch, wake);
	if (has_room(ch))
		note_out(ch, wake);
	if (recv_ended(ch))
		wake->events |= WAKE_ENDED;
}

/* The message that a short op was given, while it waited, to its user. */
static inline int quick_finish(struct chan_op *op)
{
	int err = 0;

	if (op->msg || op->pass)
		return chan_finish_recv(op);
	if (op->len)
		err = user_put(op->ub.ptr, op->small, op->len);
	if (!err && op->report && report_len(op->report, op->len)) {
		unreport(op);
		err = -EFAULT;
	}
	if (err)
		put_back(op->ch, op_reclaim(op));
	return err;
}

/* Stand in line for one message. */
static noinline int quick_recv_wait(struct chan *ch, void __user *buf,
				    size_t room,
				    struct gochan_op __user *report)
	__releases(&ch->lock)
{
	u8 small[CHAN_SMALL_MAX] __uninitialized;
	unsigned int events;
	struct chan_op op;
	struct waiter w;
	int err;

	waiter_init(&w);
	chan_op_init(&op, ch, CHAN_RECV);
	op.ub.ptr = buf;
	op.room = room;
	op.small = small;
	op.report = report;
	events = enqueue(&op, &w);
	unlock_and_tell(ch, events);
	err = op_wait(&op, KTIME_MAX) ?: quick_finish(&op);
	/* There is nothing else left to release. */
	op_unhold(&op);
	if (err == -EMSGSIZE && report && put_user((u32)op.len, &report->len))
		pr_debug("the length of an op could not be written\n");
	if (err)
		return err == CHAN_CLOSED ? -ENODATA : err;
	return op.len;
}

static noinline void unlock_and_wake_late(struct chan *ch)
	__releases(&ch->lock)
{
	struct chan_wake wake = {};

	wake_late(ch, &wake);
	chan_unlock(ch, &wake);
}

/* Somebody waits to send, or the end is near. */
static noinline int quick_recv_contended(struct chan *ch, void __user *buf,
					 size_t room,
					 struct gochan_op __user *report)
	__releases(&ch->lock)
{
	struct chan_wake wake = {};
	int len;

	len = quick_recv(ch, buf, room, report, &wake);
	if (len >= 0)
		quick_received(ch, &wake);
	chan_unlock(ch, &wake);
	return len;
}

/**
 * chan_recv_quick() - receive a message in few steps, if need be wait in line
 * @ch: the channel, which is plain
 * @buf: room in user space
 * @room: how much
 * @block: whether to wait
 * @report: where to say the message's length, or NULL
 *
 * Return: the message's length, -ENODATA when the channel ended while it
 * waited; else as chan_recv(), where -EAGAIN says nothing about why.
 */
int chan_recv_quick(struct chan *ch, void __user *buf, size_t room, bool block,
		    struct gochan_op __user *report)
{
	unsigned int events;
	int len;

	chan_lock(ch);
	if (!line_empty(ch, CHAN_SEND) || no_more(ch))
		return quick_recv_contended(ch, buf, room, report);
	len = quick_take_slot(ch, buf, room, report);
	if (len < 0 && block && !inside(ch) && !quota_any_taken())
		return quick_recv_wait(ch, buf, room, report);
	if (len < 0) {
		spin_unlock(&ch->lock);
		return len;
	}
	events = out_event(ch);
	if (late_over(ch))
		unlock_and_wake_late(ch);
	else
		spin_unlock(&ch->lock);
	if (unlikely(events))
		wake_pollers(ch, events);
	return len;
}

/**
 * chan_recv_several() - receive what is there, in few steps
 * @ch: the channel, not by_pointer
 * @buf: room in user space, for one message behind the other
 * @len: the length of each
 * @n: most messages
 *
 * Return: how many were received. Fewer says nothing about why.
 */
u32 chan_recv_several(struct chan *ch, void __user *buf, size_t len, u32 n)
{
	struct chan_wake wake = {};
	u32 got = 0;

	n = min_t(u32, n, CHAN_LOCKED_MSGS_MAX);
	spin_lock(&ch->lock);
	while (got < n &&
	       quick_recv(ch, buf + got * len, len, NULL, &wake) >= 0)
		got++;
	if (got)
		quick_received(ch, &wake);
	chan_unlock(ch, &wake);
	return got;
}

/* ---- standing in many lines ---- */

static bool op_ready(struct chan_op *op)
{
	struct chan *ch = op->ch;
	struct found f;

	if (op->dir == CHAN_SEND)
		return send_ended(ch) || has_room(ch) ||
		       line_first(ch, CHAN_RECV);
	return find_message(ch, &f) || recv_ended(ch);
}

/**
 * chan_seems_ready() - whether an op may succeed or fail at once
 * @ch: the channel
 * @dir: CHAN_SEND or CHAN_RECV
 *
 * Without the lock: no more than a hint for who will try, and for who will not,
 * true of some moment of the call.
 */
bool chan_seems_ready(struct chan *ch, enum chan_dir dir)
{
	/* whoever acts upon it looks again, with the lock */
	if (data_race(ch->lines[!dir].len))
		return true;
	if (dir == CHAN_RECV)
		/* likewise */
		return data_race(inside(ch) || no_more(ch));
	/* likewise */
	return data_race(has_room(ch) || send_ended(ch));
}

/**
 * chan_join() - stand in a channel's lines, if nothing is ready there
 * @send: a staged send, or NULL
 * @recv: a receive on the same channel, or NULL
 * @w: the waiter
 *
 * Return: true when they stand in line; false when one of them need not wait,
 * and none of them stands in line.
 */
bool chan_join(struct chan_op *send, struct chan_op *recv, struct waiter *w)
{
	struct chan *ch = send ? send->ch : recv->ch;
	struct chan_wake wake = {};
	bool ready;

	spin_lock(&ch->lock);
	ready = (send && op_ready(send)) || (recv && op_ready(recv));
	if (!ready && send)
		wake.events |= enqueue(send, w);
	if (!ready && recv)
		wake.events |= enqueue(recv, w);
	chan_unlock(ch, &wake);
	return !ready;
}

/**
 * chan_leave() - leave the line, if the op still stands there
 * @op: the op
 */
void chan_leave(struct chan_op *op)
{
	give_up(op);
	op->waiter = NULL;
}

/**
 * chan_wait_served() - wait until who claimed the op has served it
 * @op: the op that its waiter was won by
 *
 * That happens under the channel's lock, and at once.
 */
void chan_wait_served(struct chan_op *op)
{
	spin_lock(&op->ch->lock);
	spin_unlock(&op->ch->lock);
}

/* ---- ends ---- */

/* Fail who stands in a line that ended, a few at a time; false when none. */
static bool fail_some(struct chan *ch, enum chan_dir dir, int result,
		      struct chan_wake *wake)
{
	unsigned int n;

	for (n = 0; n < ARRAY_SIZE(wake->tasks) / 2; n++) {
		struct chan_op *op = line_claim_first(ch, dir);

		if (!op)
			break;
		op_complete(op, result, wake);
	}
	return n;
}

/* Fail some of those whose line ended, and tell who polls; true for more. */
static bool settle_some(struct chan *ch, bool tell)
{
	struct chan_wake wake = {};
	bool more = false;

	spin_lock(&ch->lock);
	if (send_ended(ch))
		more |= fail_some(ch, CHAN_SEND, -EPIPE, &wake);
	if (recv_ended(ch))
		more |= fail_some(ch, CHAN_RECV, CHAN_CLOSED, &wake);
	if (tell && (send_ended(ch) || no_more(ch)))
		wake.events |= WAKE_ENDED;
	chan_unlock(ch, &wake);
	return more;
}

/* The channel's state changed: let everybody know whom it concerns (I3). */
static void settle(struct chan *ch)
{
	bool more = settle_some(ch, true);

	while (more) {
		cond_resched();
		more = settle_some(ch, false);
	}
}

/**
 * chan_close() - Go's close(ch)
 * @ch: the channel
 *
 * Return: 0, or -EALREADY.
 */
int chan_close(struct chan *ch)
{
	bool was;

	spin_lock(&ch->lock);
	was = ch->closed;
	ch->closed = true;
	spin_unlock(&ch->lock);
	if (was)
		return -EALREADY;
	settle(ch);
	return 0;
}

/**
 * chan_add_handle() - a handle begins
 * @ch: the channel
 * @may_send: it may send
 * @may_receive: it may receive
 */
void chan_add_handle(struct chan *ch, bool may_send, bool may_receive)
{
	spin_lock(&ch->lock);
	ch->handles[CHAN_SEND] += may_send;
	ch->handles[CHAN_RECV] += may_receive;
	ch->had_sender |= may_send;
	ch->had_receiver |= may_receive;
	spin_unlock(&ch->lock);
}

/**
 * chan_drop_handle() - a handle ends, and with the last one its side
 * @ch: the channel
 * @may_send: it could send
 * @may_receive: it could receive
 */
void chan_drop_handle(struct chan *ch, bool may_send, bool may_receive)
{
	bool ended;

	spin_lock(&ch->lock);
	ch->handles[CHAN_SEND] -= may_send;
	ch->handles[CHAN_RECV] -= may_receive;
	ended = send_ended(ch) || no_more(ch);
	spin_unlock(&ch->lock);
	if (ended)
		settle(ch);
}

/**
 * chan_set_name() - the channel has a name
 * @ch: the channel
 * @name: its name; stays until chan_clear_name()
 *
 * Return: 0, or -EBUSY when it has one.
 */
int chan_set_name(struct chan *ch, const char *name)
{
	int err = 0;

	spin_lock(&ch->lock);
	if (ch->name) {
		err = -EBUSY;
	} else {
		ch->name = name;
		/*
		 * For GOCHAN_HANGUP the one handle that names it is nobody: the
		 * channel waits for others.
		 */
		ch->had_sender = ch->handles[CHAN_SEND] > 1;
		ch->had_receiver = ch->handles[CHAN_RECV] > 1;
	}
	spin_unlock(&ch->lock);
	return err;
}

/**
 * chan_clear_name() - the name is gone; it may be that nobody is left
 * @ch: the channel
 */
void chan_clear_name(struct chan *ch)
{
	spin_lock(&ch->lock);
	ch->name = NULL;
	spin_unlock(&ch->lock);
	settle(ch);
}

/* ---- looking at it ---- */

/**
 * chan_watch() - somebody is about to wait for events on the channel's queues
 * @ch: the channel
 *
 * Call it before joining a queue. Who looks at the channel after that misses
 * nothing.
 */
void chan_watch(struct chan *ch)
{
	spin_lock(&ch->lock);
	/* Others look without the lock whether it was said. */
	WRITE_ONCE(ch->watched, true);
	spin_unlock(&ch->lock);
}

/**
 * chan_poll_mask() - what poll(2) is told
 * @ch: the channel
 * @may_send: the handle may send
 * @may_receive: the handle may receive
 *
 * Return: the events that hold now.
 */
__poll_t chan_poll_mask(struct chan *ch, bool may_send, bool may_receive)
{
	__poll_t mask = 0;
	struct found f;
	bool found;

	spin_lock(&ch->lock);
	if (may_receive) {
		found = find_message(ch, &f);
		if (found)
			mask |= EPOLLIN | EPOLLRDNORM;
		if (no_more(ch))
			mask |= found ? EPOLLRDHUP : EPOLLRDHUP | EPOLLHUP;
	}
	if (may_send) {
		if (send_ended(ch))
			mask |= EPOLLOUT | EPOLLWRNORM |
				(may_receive ? 0 : EPOLLERR);
		else if (has_room(ch) || line_first(ch, CHAN_RECV))
			mask |= EPOLLOUT | EPOLLWRNORM;
	}
	spin_unlock(&ch->lock);
	return mask;
}

/**
 * chan_info() - the channel's state at one instant
 * @ch: the channel
 * @info: where to; all of it is written
 */
void chan_info(struct chan *ch, struct gochan_info *info)
{
	memset(info, 0, sizeof(*info));
	info->abi = GOCHAN_ABI;
	info->flags = ch->flags;
	info->capacity = ch->capacity;
	info->msg_size = ch->msg_size;

	spin_lock(&ch->lock);
	info->len = inside(ch);
	info->closed = ch->closed;
	info->senders_waiting = ch->lines[CHAN_SEND].len;
	info->receivers_waiting = ch->lines[CHAN_RECV].len;
	info->send_handles = ch->handles[CHAN_SEND];
	info->recv_handles = ch->handles[CHAN_RECV];
	/* A message that was taken and is coming back counts as received. */
	info->sent = ch->last_seq - ch->unsent;
	info->received = info->sent - inside(ch);
	info->bytes = ch->bytes;
	if (ch->name)
		strscpy(info->name, ch->name, sizeof(info->name));
	spin_unlock(&ch->lock);
}

/**
 * chan_next_len() - size of the message that a receive would find
 * @ch: the channel
 *
 * Return: bytes, 0 when there is none.
 */
size_t chan_next_len(struct chan *ch)
{
	struct found f;
	size_t len = 0;

	spin_lock(&ch->lock);
	if (find_message(ch, &f))
		len = f.len;
	spin_unlock(&ch->lock);
	return len;
}

/* ---- life ---- */

static void late_work(struct work_struct *work)
{
	struct chan *ch = container_of(to_delayed_work(work), struct chan,
				       late_work);
	struct chan_wake wake = {};

	spin_lock(&ch->lock);
	if (!ch->nr_late)
		goto unlock;
	/* It may have been scheduled for those before. */
	if (time_before(jiffies, ch->late_since + LATE_JIFFIES)) {
		schedule_delayed_work(&ch->late_work, 1);
		goto unlock;
	}
	ch->prompt = LATE_PROMPT;
	wake_late(ch, &wake);
unlock:
	chan_unlock(ch, &wake);
}

/**
 * chan_make() - make(chan T): unbuffered, unnamed, charged to the caller
 *
 * Return: the channel with one reference, or an ERR_PTR: -ENOMEM, -EDQUOT.
 */
struct chan *chan_make(void)
{
	struct chan *ch = kmem_cache_zalloc(chan_cache, GFP_KERNEL);
	int err = -ENOMEM;

	if (!ch)
		return ERR_PTR(-ENOMEM);
	ch->charge.user = quota_user_get();
	if (!ch->charge.user)
		goto free;
	err = quota_charge(ch->charge.user, QUOTA_CHANNELS, 1);
	if (err)
		goto put_user;

	kref_init(&ch->ref);
	ch->id = atomic64_inc_return(&last_id);
	spin_lock_init(&ch->lock);
	ch->msg_size = GOCHAN_DEFAULT_MSG_SIZE;
	INIT_LIST_HEAD(&ch->lines[CHAN_SEND].ops);
	INIT_LIST_HEAD(&ch->lines[CHAN_RECV].ops);
	INIT_LIST_HEAD(&ch->returned);
	INIT_LIST_HEAD(&ch->late);
	INIT_DELAYED_WORK(&ch->late_work, late_work);
	init_waitqueue_head(&ch->in_wait);
	init_waitqueue_head(&ch->out_wait);
	return ch;

put_user:
	quota_user_put(ch->charge.user);
free:
	kmem_cache_free(chan_cache, ch);
	return ERR_PTR(err);
}

static void drop_contents(struct chan *ch)
{
	struct msg *m, *next;

	for (; ch->in_ring; ch->in_ring--) {
		struct slot *slot = slot_at(ch, ch->in_ring - 1);

		origin_drop(&slot->from);
		if (ch->by_pointer)
			msg_put(slot->msg);
		cond_resched();
	}
	list_for_each_entry_safe(m, next, &ch->returned, node)
		msg_put(m);
}

static void chan_free(struct kref *ref)
{
	struct chan *ch = container_of(ref, struct chan, ref);

	cancel_delayed_work_sync(&ch->late_work);
	drop_contents(ch);
	kvfree(ch->slots);
	quota_uncharge(ch->charge.user, QUOTA_BYTES, ch->charge.bytes);
	quota_uncharge(ch->charge.user, QUOTA_CHANNELS, 1);
	quota_user_put(ch->charge.user);
	kmem_cache_free(chan_cache, ch);
}

void chan_get(struct chan *ch)
{
	kref_get(&ch->ref);
}

void chan_put(struct chan *ch)
{
	kref_put(&ch->ref, chan_free);
}

static bool setup_valid(const struct gochan_setup *s)
{
	const u32 known = GOCHAN_FIXED | GOCHAN_HANGUP | GOCHAN_CRED;

	if ((s->flags & ~known) || s->reserved)
		return false;
	if (s->capacity > READ_ONCE(max_capacity))
		return false;
	if (s->msg_size > READ_ONCE(max_msg_size))
		return false;
	return s->msg_size || !(s->flags & GOCHAN_FIXED);
}

static size_t slot_size(u32 msg_size)
{
	if (msg_size > CHAN_LOCKED_COPY_MAX)
		return sizeof(struct slot);
	return ALIGN(max(sizeof(struct slot),
			 offsetof(struct slot, data) + msg_size), 8);
}

/* It is too late for setup from here on. */
static void set_used(struct chan *ch)
{
	bool plain = !(ch->flags & (GOCHAN_FIXED | GOCHAN_CRED)) &&
		     !ch->by_pointer;

	/* Pairs with chan_is_plain(). */
	smp_store_release(&ch->plain, plain);
	/* Pairs with chan_mark_used(). */
	smp_store_release(&ch->used, true);
}

/* Make the ring part of the channel, unless it was used meanwhile. */
static int adopt_ring(struct chan *ch, const struct gochan_setup *setup,
		      void *slots, u64 bytes)
{
	int err = 0;

	spin_lock(&ch->lock);
	if (ch->used) {
		err = -EBUSY;
	} else {
		ch->capacity = setup->capacity;
		ch->msg_size = setup->msg_size;
		ch->flags = setup->flags;
		ch->by_pointer = setup->capacity &&
				 setup->msg_size > CHAN_LOCKED_COPY_MAX;
		ch->stride = slot_size(setup->msg_size);
		ch->slots = slots;
		ch->charge.bytes = bytes;
		set_used(ch);
	}
	spin_unlock(&ch->lock);
	return err;
}

/**
 * chan_setup() - choose capacity, message size and flags
 * @ch: a channel that was not used yet
 * @setup: what is chosen
 *
 * Return: 0, -EBUSY when it is too late, -EINVAL, -ENOMEM, -EDQUOT.
 */
int chan_setup(struct chan *ch, const struct gochan_setup *setup)
{
	size_t stride = slot_size(setup->msg_size);
	u64 bytes = (u64)setup->capacity *
		    ((u64)setup->msg_size + sizeof(struct slot));
	void *slots = NULL;
	int err;

	if (!setup_valid(setup))
		return -EINVAL;
	/* Pairs with set_used(); adopt_ring() decides. */
	if (smp_load_acquire(&ch->used))
		return -EBUSY;
	err = quota_charge(ch->charge.user, QUOTA_BYTES, bytes);
	if (err)
		return err;
	if (setup->capacity) {
		err = -ENOMEM;
		slots = kvmalloc_array(setup->capacity, stride,
				       GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!slots)
			goto uncharge;
	}
	err = adopt_ring(ch, setup, slots, bytes);
	if (err)
		goto free;
	return 0;

free:
	kvfree(slots);
uncharge:
	quota_uncharge(ch->charge.user, QUOTA_BYTES, bytes);
	return err;
}

/* chan_mark_used() when it is the first that is done. */
void chan_mark_used_now(struct chan *ch)
{
	spin_lock(&ch->lock);
	set_used(ch);
	spin_unlock(&ch->lock);
}
