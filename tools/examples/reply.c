// SPDX-License-Identifier: GPL-2.0
/*
 * Requests that carry their own reply channel.
 *
 * Every client creates a channel, keeps the receiving end and passes the sending
 * end along with its request (Go's channel of channels). The server replies on the
 * channel that came with the request: it need not know its clients, and no client
 * can receive the reply meant for another. A client that exits early affects only
 * itself.
 *
 * Expected: nine clients get a reply, and the tenth, which does not wait for its
 * reply, does not block the server.
 */
#include <errno.h>

#include <gochan.h>

#include "example.h"

enum { CLIENTS = 10, IMPATIENT = 3 };

static void serve(int requests)
{
	int number;

	for (;;) {
		struct gochan_op op = GOCHAN_RECV(requests, &number, sizeof(number));
		int square;

		op.flags = GOCHAN_TAKE_FD;
		must(gochan_batch(&op, 1, -1, 0), "gochan_batch");
		if (op.result == GOCHAN_R_CLOSED)
			return;
		expect(op.passed_fd >= 0, "a request carries a channel");
		square = number * number;
		if (gochan_send(op.passed_fd, &square, sizeof(square)) < 0)
			expect(errno == EPIPE, "only a client that has left gets no reply");
		close(op.passed_fd);
	}
}

static void ask(int requests, int number)
{
	struct gochan_op op = GOCHAN_SEND(requests, &number, sizeof(number));
	int reply[2], answer;

	must(gochan_pair(reply, 0, sizeof(answer), 0), "gochan_pair");
	if (number == IMPATIENT)
		close(reply[0]);
	op.flags = GOCHAN_PASS_FD;
	op.passed_fd = reply[1];
	must(gochan_batch(&op, 1, -1, 0), "gochan_batch");
	if (number == IMPATIENT)
		return;

	/* Now only the server has the sending end: if it dies, the receive sees end of file. */
	close(reply[1]);
	expect(gochan_recv(reply[0], &answer, sizeof(answer), NULL) == 1, "a reply arrives");
	expect(answer == number * number, "it is the reply to this request");
}

int main(void)
{
	int requests[2];

	must(gochan_pair(requests, 0, sizeof(int), 0), "gochan_pair");
	if (fork_worker() == 0) {
		close(requests[1]);
		serve(requests[0]);
		exit(0);
	}
	close(requests[0]);
	for (int i = 0; i < CLIENTS; i++) {
		if (fork_worker() == 0) {
			ask(requests[1], i);
			exit(0);
		}
	}
	close(requests[1]);
	wait_for_workers();
	printf("%d clients were answered, 1 had left\n", CLIENTS - 1);
	return 0;
}
