// SPDX-License-Identifier: GPL-2.0
/*
 * Prints the layout of the structures and the values of the constants, for bindings in
 * other languages to compare theirs with, see go.sh.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include <linux/gochan.h>

#define SIZE(s)		printf(#s " %zu", sizeof(struct gochan_##s))
#define OFFSET(s, f)	printf(" %zu", offsetof(struct gochan_##s, f))
#define VALUE(c)	printf(" %llu", (unsigned long long)(c))

static void print_setup(void)
{
	SIZE(setup);
	OFFSET(setup, capacity);
	OFFSET(setup, msg_size);
	OFFSET(setup, flags);
	OFFSET(setup, max_deliveries);
	OFFSET(setup, dead_fd);
	OFFSET(setup, done_fd);
	puts("");
}

static void print_info(void)
{
	SIZE(info);
	OFFSET(info, abi);
	OFFSET(info, flags);
	OFFSET(info, capacity);
	OFFSET(info, msg_size);
	OFFSET(info, len);
	OFFSET(info, closed);
	OFFSET(info, senders_waiting);
	OFFSET(info, receivers_waiting);
	OFFSET(info, send_handles);
	OFFSET(info, recv_handles);
	OFFSET(info, leased);
	OFFSET(info, max_deliveries);
	OFFSET(info, id);
	OFFSET(info, sent);
	OFFSET(info, received);
	OFFSET(info, bytes);
	OFFSET(info, requeued);
	OFFSET(info, dropped);
	OFFSET(info, send_blocked);
	OFFSET(info, recv_blocked);
	OFFSET(info, done);
	OFFSET(info, reserved);
	puts("");
}

static void print_done(void)
{
	SIZE(done);
	OFFSET(done, channel);
	OFFSET(done, seq);
	OFFSET(done, deliveries);
	OFFSET(done, flags);
	VALUE(GOCHAN_DONE_DEAD);
	puts("");
}

static void print_op(void)
{
	SIZE(op);
	OFFSET(op, fd);
	OFFSET(op, opcode);
	OFFSET(op, flags);
	OFFSET(op, buf);
	OFFSET(op, len);
	OFFSET(op, result);
	OFFSET(op, passed_fd);
	OFFSET(op, events);
	OFFSET(op, pid);
	OFFSET(op, uid);
	OFFSET(op, gid);
	OFFSET(op, deliveries);
	OFFSET(op, lease);
	OFFSET(op, seq);
	puts("");
}

static void print_calls(void)
{
	SIZE(ops);
	OFFSET(ops, ops);
	OFFSET(ops, count);
	OFFSET(ops, flags);
	OFFSET(ops, timeout);
	OFFSET(ops, index);
	OFFSET(ops, reserved);
	puts("");
	SIZE(ack);
	OFFSET(ack, lease);
	OFFSET(ack, flags);
	OFFSET(ack, reserved);
	puts("");
}

static void print_constants(void)
{
	printf("ioctls");
	VALUE(GOCHAN_IOC_SETUP);
	VALUE(GOCHAN_IOC_INFO);
	VALUE(GOCHAN_IOC_CLOSE);
	VALUE(GOCHAN_IOC_DUP);
	VALUE(GOCHAN_IOC_ACK);
	VALUE(GOCHAN_IOC_SELECT);
	VALUE(GOCHAN_IOC_BATCH);
	printf("\nopcodes");
	VALUE(GOCHAN_OP_SEND);
	VALUE(GOCHAN_OP_RECV);
	VALUE(GOCHAN_OP_POLL);
	VALUE(GOCHAN_OP_ACK);
	printf("\nflags");
	VALUE(GOCHAN_NONBLOCK);
	VALUE(GOCHAN_ORDERED);
	VALUE(GOCHAN_WAITFORONE);
	VALUE(GOCHAN_PEEK);
	VALUE(GOCHAN_PASS_FD);
	VALUE(GOCHAN_TAKE_FD);
	VALUE(GOCHAN_RESUME);
	VALUE(GOCHAN_REQUEUE);
	printf("\nchannel");
	VALUE(GOCHAN_FIXED);
	VALUE(GOCHAN_HANGUP);
	VALUE(GOCHAN_CRED);
	VALUE(GOCHAN_ACK);
	VALUE(GOCHAN_DEADLETTER);
	VALUE(GOCHAN_DONE);
	printf("\nothers");
	VALUE(GOCHAN_ABI);
	VALUE(GOCHAN_R_CLOSED);
	VALUE(GOCHAN_TIMEOUT_NEVER);
	puts("");
}

/* Those that the standard library of Go has no names for. */
static void print_system(void)
{
	printf("system");
	VALUE(POLLIN);
	VALUE(POLLPRI);
	VALUE(POLLOUT);
	VALUE(POLLERR);
	VALUE(POLLHUP);
	VALUE(POLLRDHUP);
	VALUE(O_RDONLY);
	VALUE(O_WRONLY);
	VALUE(O_RDWR);
	VALUE(O_ACCMODE);
	VALUE(O_TMPFILE);
	VALUE(-AT_FDCWD);
	VALUE(AT_SYMLINK_FOLLOW);
	VALUE(EFD_CLOEXEC);
	VALUE(EFD_NONBLOCK);
	VALUE(SIG_SETMASK);
	puts("");
}

int main(void)
{
	print_setup();
	print_info();
	print_op();
	print_calls();
	print_done();
	print_constants();
	print_system();
	return 0;
}
