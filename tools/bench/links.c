// SPDX-License-Identifier: GPL-2.0
/*
 * The peers: how to create a link with each IPC mechanism, and to send and receive
 * on it. The futex-based queue in shared memory is in shm.c.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <gochan.h>
#include <mqueue.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

const size_t sizes[] = { 8, 64, 512, 4096, 65536, 0 };

/* Reduce the number of messages for large sizes. */
unsigned int scale_messages(size_t size, unsigned int max)
{
	if (size >= 65536)
		return max / 64;
	return size >= 4096 ? max / 8 : max;
}

bool peer_can(const struct peer *peer, size_t size, int capacity)
{
	if (size < peer->min_size || size > peer->max_size)
		return false;
	if (peer->no_capacity)
		return capacity == NO_CAPACITY;
	return capacity > 0 || (capacity == 0 && peer->unbuffered);
}

void link_open(struct link *link, const struct peer *peer, size_t size, int capacity)
{
	link->peer = peer;
	link->size = size;
	peer->open(link, size, capacity);
}

void links_open(struct run *run, unsigned int count, int capacity)
{
	unsigned int i;

	run->links = calloc(count, sizeof(*run->links));
	if (!run->links)
		err(1, "links");
	run->nr_links = count;
	for (i = 0; i < count; i++)
		link_open(&run->links[i], run->point->peer, run->point->size, capacity);
}

static void check(const struct link *link, ssize_t got)
{
	if (got < 0)
		err(1, "%s", link->peer->name);
	if ((size_t)got != link->size)
		errx(1, "%s: %zd bytes of %zu", link->peer->name, got, link->size);
}

/* ---- common to all mechanisms that use read and write ---- */

static void fd_close(struct link *link)
{
	close(link->rfd);
	if (link->wfd != link->rfd)
		close(link->wfd);
}

static void fd_send(struct link *link, void *buf)
{
	check(link, write(link->wfd, buf, link->size));
}

static void fd_recv(struct link *link, void *buf)
{
	check(link, read(link->rfd, buf, link->size));
}

/* ---- gochan ---- */

static void set_fds(struct link *link, const int fds[2])
{
	link->rfd = fds[0];
	link->wfd = fds[1];
}

static void gochan_open_link(struct link *link, size_t size, int capacity)
{
	int fds[2];

	if (gochan_pair(fds, capacity, size, 0))
		err(1, "gochan_pair");
	set_fds(link, fds);
}

static void gochan_open_fixed(struct link *link, size_t size, int capacity)
{
	int fds[2];

	if (gochan_pair(fds, capacity, size, GOCHAN_FIXED))
		err(1, "gochan_pair");
	set_fds(link, fds);
}

static void gochan_open_ack(struct link *link, size_t size, int capacity)
{
	int fds[2];

	if (gochan_pair(fds, capacity, size, GOCHAN_ACK))
		err(1, "gochan_pair");
	set_fds(link, fds);
}

static void gochan_op_send(struct link *link, void *buf)
{
	if (gochan_send(link->wfd, buf, link->size))
		err(1, "gochan_send");
}

static void gochan_op_recv(struct link *link, void *buf)
{
	if (gochan_recv(link->rfd, buf, link->size, NULL) != 1)
		err(1, "gochan_recv");
}

const struct peer peer_gochan = {
	.name = "gochan",
	.max_size = 1 << 20,
	.unbuffered = true,
	.shared = 1 << 20,
	.open = gochan_open_link,
	.close = fd_close,
	.send = fd_send,
	.recv = fd_recv,
};

const struct peer peer_gochan_op = {
	.name = "gochan-op",
	.min_size = 64,
	.max_size = 64,
	.unbuffered = true,
	.shared = 1 << 20,
	.open = gochan_open_link,
	.close = fd_close,
	.send = gochan_op_send,
	.recv = gochan_op_recv,
};

const struct peer peer_gochan_fixed = {
	.name = "gochan-fixed",
	.max_size = 1 << 20,
	.unbuffered = true,
	.shared = 1 << 20,
	.open = gochan_open_fixed,
	.close = fd_close,
	.send = fd_send,
	.recv = fd_recv,
};

const struct peer peer_gochan_ack = {
	.name = "gochan-ack",
	.max_size = 1 << 20,
	.shared = 1 << 20,
	.open = gochan_open_ack,
	.close = fd_close,
	.send = fd_send,
	.recv = fd_recv,
};

/* One descriptor for both ends. */
static void gochan_open_make(struct link *link, size_t size, int capacity)
{
	link->rfd = gochan_make(capacity, size, 0);
	if (link->rfd < 0)
		err(1, "gochan_make");
	link->wfd = link->rfd;
}

const struct peer peer_gochan_make = {
	.name = "gochan",
	.max_size = 1 << 20,
	.unbuffered = true,
	.shared = 1 << 20,
	.open = gochan_open_make,
	.close = fd_close,
	.send = fd_send,
	.recv = fd_recv,
};

/* ---- pipes ---- */

static void pipe_open(struct link *link, size_t size, int capacity)
{
	int fds[2];

	(void)size;
	(void)capacity;
	if (pipe2(fds, O_CLOEXEC))
		err(1, "pipe2");
	set_fds(link, fds);
}

static void packet_open(struct link *link, size_t size, int capacity)
{
	int fds[2];

	(void)size;
	(void)capacity;
	if (pipe2(fds, O_CLOEXEC | O_DIRECT))
		err(1, "pipe2");
	set_fds(link, fds);
}

/* A pipe is a byte stream: a read may return part of a message. */
void read_whole(int fd, void *buf, size_t len)
{
	char *at = buf;
	ssize_t got;

	do {
		got = read(fd, at, len);
		if (got <= 0)
			err(1, "pipe");
		at += got;
		len -= got;
	} while (len);
}

static void pipe_recv(struct link *link, void *buf)
{
	read_whole(link->rfd, buf, link->size);
}

const struct peer peer_pipe = {
	.name = "pipe",
	.max_size = 65536,
	.no_capacity = true,
	.shared = 4096,		/* PIPE_BUF */
	.open = pipe_open,
	.close = fd_close,
	.send = fd_send,
	.recv = pipe_recv,
};

const struct peer peer_packet = {
	.name = "packet-pipe",
	.max_size = 4096,
	.no_capacity = true,
	.shared = 4096,
	.open = packet_open,
	.close = fd_close,
	.send = fd_send,
	.recv = fd_recv,
};

/* ---- sockets ---- */

static void socket_open(struct link *link, int type)
{
	int fds[2];

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds))
		err(1, "socketpair");
	set_fds(link, fds);
}

static void seqpacket_open(struct link *link, size_t size, int capacity)
{
	(void)size;
	(void)capacity;
	socket_open(link, SOCK_SEQPACKET);
}

static void dgram_open(struct link *link, size_t size, int capacity)
{
	(void)size;
	(void)capacity;
	socket_open(link, SOCK_DGRAM);
}

const struct peer peer_seqpacket = {
	.name = "seqpacket",
	.max_size = 65536,
	.no_capacity = true,
	.shared = 65536,
	.open = seqpacket_open,
	.close = fd_close,
	.send = fd_send,
	.recv = fd_recv,
};

const struct peer peer_dgram = {
	.name = "dgram",
	.max_size = 65536,
	.no_capacity = true,
	.shared = 65536,
	.open = dgram_open,
	.close = fd_close,
	.send = fd_send,
	.recv = fd_recv,
};

/* ---- message queues ---- */

static void mqueue_open(struct link *link, size_t size, int capacity)
{
	struct mq_attr attr = { .mq_maxmsg = capacity, .mq_msgsize = (long)size };
	char name[32];

	snprintf(name, sizeof(name), "/bench-%d", getpid());
	link->rfd = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	if (link->rfd < 0 || mq_unlink(name))
		err(1, "mq_open");
	link->wfd = link->rfd;
}

static void mqueue_send(struct link *link, void *buf)
{
	if (mq_send(link->wfd, buf, link->size, 0))
		err(1, "mq_send");
}

static void mqueue_recv(struct link *link, void *buf)
{
	check(link, mq_receive(link->rfd, buf, link->size, NULL));
}

const struct peer peer_mqueue = {
	.name = "mqueue",
	.max_size = 65536,
	.shared = 65536,
	.open = mqueue_open,
	.close = fd_close,
	.send = mqueue_send,
	.recv = mqueue_recv,
};

/* The size of a message does not include its type, a long in front of it. */
static void sysv_open(struct link *link, size_t size, int capacity)
{
	struct msqid_ds ds;

	link->id = msgget(IPC_PRIVATE, 0600);
	if (link->id < 0 || msgctl(link->id, IPC_STAT, &ds))
		err(1, "msgget");
	ds.msg_qbytes = size * capacity;
	if (msgctl(link->id, IPC_SET, &ds))
		err(1, "msgctl");
}

static void sysv_close(struct link *link)
{
	if (msgctl(link->id, IPC_RMID, NULL))
		err(1, "msgctl");
}

static void sysv_send(struct link *link, void *buf)
{
	*(long *)buf = 1;
	if (msgsnd(link->id, buf, link->size, 0))
		err(1, "msgsnd");
}

static void sysv_recv(struct link *link, void *buf)
{
	check(link, msgrcv(link->id, buf, link->size, 0, 0));
}

const struct peer peer_sysv = {
	.name = "sysv",
	.max_size = 65536,
	.shared = 65536,
	.open = sysv_open,
	.close = sysv_close,
	.send = sysv_send,
	.recv = sysv_recv,
};

/* ---- eventfd ---- */

/* EFD_SEMAPHORE: a read takes one message, which carries no data. */
static void eventfd_open(struct link *link, size_t size, int capacity)
{
	(void)size;
	(void)capacity;
	link->rfd = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
	if (link->rfd < 0)
		err(1, "eventfd");
	link->wfd = link->rfd;
}

static void eventfd_send(struct link *link, void *buf)
{
	const uint64_t one = 1;

	(void)buf;
	check(link, write(link->wfd, &one, sizeof(one)));
}

const struct peer peer_eventfd = {
	.name = "eventfd",
	.min_size = 8,
	.max_size = 8,
	.no_capacity = true,
	.shared = 8,
	.open = eventfd_open,
	.close = fd_close,
	.send = eventfd_send,
	.recv = fd_recv,
};

const struct peer *const peers[] = {
	&peer_gochan, &peer_gochan_op, &peer_pipe, &peer_packet, &peer_seqpacket, &peer_dgram,
	&peer_mqueue, &peer_sysv, &peer_eventfd, &peer_futex, NULL
};
