// SPDX-License-Identifier: GPL-2.0
/*
 * The local channels of a bridge: opened or made, checked, and locked, so that a channel has
 * one bridge. The lock, flock(2) of the channel's file, also excludes a loop on this machine:
 * a channel that a bridge fills cannot be one that a bridge empties.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "bridge.h"

int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

void event_signal(int fd)
{
	const uint64_t one = 1;

	/* It is readable already if this fails. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

void event_clear(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0)
		return;
}

/* ---- making ---- */

/* The messages of the done channel are short. */
static int make_channel(struct bridge *b, const char *name, uint32_t size, uint32_t flags,
			int done)
{
	const struct gochan_setup setup = {
		.capacity = b->settings.mode == MODE_CALL ? 0 : b->settings.cap,
		.msg_size = size,
		.flags = flags,
		.done_fd = done < 0 ? 0 : done,
	};
	int ch = gochan_create_with(name, &setup, 0600);

	if (ch >= 0) {
		snprintf(b->made[b->nr_made++], sizeof(b->made[0]), "%s", name);
		log_line(LEVEL_INFO, b, "made channel %s", name);
		return ch;
	}
	log_line(LEVEL_ERROR, b, "cannot make channel %s: %s", name,
		 errno == ENODEV ? "no gochanfs is mounted there; see gochan(4)" : strerror(errno));
	return -1;
}

void channels_unmake(struct bridge *b)
{
	while (b->nr_made)
		gochan_unlink(b->made[--b->nr_made]);
}

/* ---- opening ---- */

/* How to make a channel that is missing or wrong, for error messages. */
static void print_remedy(const struct bridge *b, const char *name, char *text, size_t size)
{
	const struct settings *s = &b->settings;
	size_t len = strlen(name);

	if (s->mode == MODE_CALL)
		snprintf(text, size, "gochan make %s", name);
	else if (len > 5 && strcmp(name + len - 5, ".done") == 0)
		snprintf(text, size, "gochan make %s --cap N --size %zu", name,
			 sizeof(struct gochan_done));
	else if (s->mode == MODE_RECV || (s->mode == MODE_QUEUE && !strcmp(name, s->name)))
		snprintf(text, size, "gochan make %s --ack --cap N --done %s.done", name, name);
	else
		snprintf(text, size, "gochan make %s --ack --cap N", name);
}

static void report_open(const struct bridge *b, const char *name, int oflags)
{
	char remedy[2 * NAME_SIZE];

	print_remedy(b, name, remedy, sizeof(remedy));
	switch (errno) {
	case ENOENT:
		log_line(LEVEL_ERROR, b, "no channel %s; make it with --cap N, or with: %s", name,
			 remedy);
		break;
	case EACCES:
		log_line(LEVEL_ERROR, b,
			 "no permission to %s channel %s; run the bridge as its owner, or make it with --mode 0660 and a group",
			 oflags == O_RDONLY ? "receive from" : oflags == O_WRONLY ? "send to" :
			 "receive from and send to", name);
		break;
	default:
		log_line(LEVEL_ERROR, b, "%s: %s", name, strerror(errno));
	}
}

static bool lock_channel(const struct bridge *b, const char *name, int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (errno == EWOULDBLOCK)
		log_line(LEVEL_ERROR, b,
			 "channel %s has a bridge already; a channel can have one, in one direction; stop the other one",
			 name);
	else
		log_line(LEVEL_ERROR, b, "%s: flock: %s", name, strerror(errno));
	return false;
}

/* Open and lock a channel; make it if it is missing and --cap was given. */
static int open_channel(struct bridge *b, const char *name, int oflags, uint32_t size,
			uint32_t flags, int done)
{
	int fd = gochan_open(name, oflags), made;

	if (fd < 0 && errno == ENOENT && b->settings.cap) {
		made = make_channel(b, name, size, flags, done);
		if (made < 0)
			return -1;
		fd = gochan_dup(made, oflags);
		close(made);
	}
	if (fd < 0) {
		report_open(b, name, oflags);
		return -1;
	}
	if (lock_channel(b, name, fd))
		return fd;
	close(fd);
	return -1;
}

/* ---- checking ---- */

static bool wrong_channel(const struct bridge *b, const char *name, const char *problem)
{
	char remedy[2 * NAME_SIZE];

	print_remedy(b, name, remedy, sizeof(remedy));
	log_line(LEVEL_ERROR, b, "channel %s %s; remove it and make it with: %s", name, problem,
		 remedy);
	return false;
}

static bool read_info(const struct bridge *b, const char *name, int fd, struct gochan_info *info)
{
	if (gochan_info(fd, info) == 0)
		return true;
	log_line(LEVEL_ERROR, b, "%s: %s", name, errno == ENOTTY ? "not a channel" :
		 strerror(errno));
	return false;
}

static bool is_acknowledged(const struct bridge *b, const char *name,
			    const struct gochan_info *info)
{
	if (info->flags & GOCHAN_ACK)
		return true;
	return wrong_channel(b, name,
			     "is not acknowledged, so its messages would die with a process");
}

/* Would a message of that length fit into one of NATS? */
static bool fits_server(const struct bridge *b, const char *name, uint32_t msg_size)
{
	int64_t max = natsConnection_GetMaxPayload(b->nc);

	if (msg_size + HEADER_ROOM <= max)
		return true;
	log_line(LEVEL_ERROR, b,
		 "channel %s takes messages of %u bytes, the server only %lld with %d for the header; use a --size of %lld, for which a channel that exists has to be removed, or raise max_payload of the server",
		 name, msg_size, (long long)max, HEADER_ROOM, (long long)max - HEADER_ROOM);
	return false;
}

static bool open_send(struct bridge *b, const char *name)
{
	struct gochan_info info;

	b->send_fd = open_channel(b, name, O_RDWR, b->settings.size, GOCHAN_ACK, -1);
	return b->send_fd >= 0 && read_info(b, name, b->send_fd, &info) &&
	       is_acknowledged(b, name, &info) && fits_server(b, name, info.msg_size);
}

static bool open_recv(struct bridge *b, const char *name)
{
	struct gochan_info info, done_info;
	char done_name[NAME_SIZE + 8];

	snprintf(done_name, sizeof(done_name), "%s.done", name);
	b->done_fd = open_channel(b, done_name, O_RDWR, sizeof(struct gochan_done), 0, -1);
	if (b->done_fd < 0)
		return false;
	b->recv_fd = open_channel(b, name, O_WRONLY, b->settings.size, GOCHAN_ACK | GOCHAN_DONE,
				  b->done_fd);
	if (b->recv_fd < 0 || !read_info(b, name, b->recv_fd, &info) ||
	    !read_info(b, done_name, b->done_fd, &done_info) || !is_acknowledged(b, name, &info))
		return false;
	if (!(info.flags & GOCHAN_DONE))
		return wrong_channel(b, name, "has no done channel");
	if (info.done != done_info.id)
		return wrong_channel(b, name, "has another done channel");
	return true;
}

static bool is_unbuffered(const struct bridge *b, const char *name, int fd)
{
	struct gochan_info info;

	if (!read_info(b, name, fd, &info))
		return false;
	if (info.capacity)
		return wrong_channel(b, name, "is buffered");
	return fits_server(b, name, info.msg_size);
}

static bool open_call(struct bridge *b, const char *send_name)
{
	b->send_fd = open_channel(b, send_name, O_RDWR, b->settings.size, 0, -1);
	if (b->send_fd < 0 || !is_unbuffered(b, send_name, b->send_fd))
		return false;
	b->recv_fd = open_channel(b, b->settings.name, O_WRONLY, b->settings.size, 0, -1);
	return b->recv_fd >= 0 && is_unbuffered(b, b->settings.name, b->recv_fd);
}

bool channels_open(struct bridge *b)
{
	char send_name[NAME_SIZE + 8];

	snprintf(send_name, sizeof(send_name), "%s.send", b->settings.name);
	switch (b->settings.mode) {
	case MODE_SEND:
		return open_send(b, b->settings.name);
	case MODE_RECV:
		return open_recv(b, b->settings.name);
	case MODE_CALL:
		return open_call(b, send_name);
	default:
		return open_send(b, send_name) && open_recv(b, b->settings.name);
	}
}

bool channel_close(const struct bridge *b, int fd, const char *which)
{
	if (gochan_close(fd) == 0 || errno == EALREADY)
		return true;
	log_line(LEVEL_ERROR, b, "cannot close the %s channel: %s; run the bridge as its owner",
		 which, strerror(errno));
	return false;
}
