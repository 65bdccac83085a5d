// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that are answered although workers die.
 *
 * The channel of requests is acknowledged, and a worker acknowledges a request after it has
 * sent the answer. If it dies before, the kernel gives the request to another worker, and
 * the caller, which waits in gochan_call(), notices nothing.
 *
 * As acknowledged channels are buffered, a request cannot carry its reply channel, as in
 * reply.c. So the reply channel has a name, and the request says which. The worker removes
 * the name when it has answered, so that none is left if the caller has died.
 *
 * A worker that dies between the answer and the acknowledgment has the request answered
 * twice. The second answer does no harm, because each call has a reply channel of its own,
 * which buffers one answer: it is never taken for that to the next call, and never blocks
 * the worker.
 *
 * Of eight requests one kills its worker before the answer, and one after it. One caller
 * leaves without waiting for its answer.
 *
 * Expected: all other calls return the right answer, and no name is left.
 */
#include <errno.h>
#include <fcntl.h>

#include <gochan.h>

#include "example.h"

enum { WORKERS = 3, CALLERS = 5, CALLS = 8, IMPATIENT = 2, EVERY = 8, NAME_SIZE = 32 };

#define DEADLINE	(20 * 1000 * 1000 * 1000LL)	/* in nanoseconds */

struct request {
	pid_t caller;
	int call, number;
};

/* Made of numbers, it is never the name of any other channel. */
static void reply_name(const struct request *request, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "reply-%d-%d", request->caller, request->call);
}

/* ---- a worker ------------------------------------------------------------------ */

static void send_answer(const struct request *request)
{
	const int square = request->number * request->number;
	char name[NAME_SIZE];
	int reply;

	reply_name(request, name);
	reply = gochan_open(name, O_WRONLY);
	if (reply < 0) {
		expect(errno == ENOENT, "the name is gone only if there was an answer");
		return;
	}
	if (gochan_try_send(reply, &square, sizeof(square)) < 0)
		expect(errno == EAGAIN, "the answer is refused only if there is one");
	gochan_unlink(name);
	close(reply);
}

static void serve(int requests)
{
	struct gochan_lease lease;
	struct request request;

	while (must(gochan_recv_lease(requests, &request, sizeof(request), NULL, &lease),
		    "gochan_recv_lease")) {
		if (lease.deliveries == 1 && lease.seq % EVERY == 1)
			raise(SIGKILL);
		send_answer(&request);
		if (lease.deliveries == 1 && lease.seq % EVERY == 5)
			raise(SIGKILL);
		must(gochan_ack(requests, &lease), "gochan_ack");
	}
}

static void start_worker(const int requests[2])
{
	if (fork_worker())
		return;
	close(requests[1]);
	serve(requests[0]);
	exit(0);
}

/* ---- a caller ------------------------------------------------------------------ */

static void ask(int requests, const struct request *request, bool wait)
{
	char name[NAME_SIZE];
	int reply, square, ret;

	reply_name(request, name);
	/* This descriptor may send, too, so the death of a worker is not the end of replies. */
	reply = must(gochan_create(name, 1, sizeof(square), 0, 0600), "gochan_create");
	if (!wait) {
		must(gochan_send(requests, request, sizeof(*request)), "gochan_send");
		exit(0);
	}
	ret = gochan_call(requests, request, sizeof(*request), reply, &square, sizeof(square),
			  NULL, DEADLINE);
	if (ret < 0)
		gochan_unlink(name);
	must(ret, "gochan_call");
	expect(square == request->number * request->number, "it is the answer to this call");
	close(reply);
}

static pid_t start_caller(const int requests[2], int caller)
{
	const pid_t pid = fork_worker();

	if (pid)
		return pid;
	close(requests[0]);
	for (int call = 0; call < CALLS; call++) {
		const struct request request = { getpid(), call, caller * CALLS + call };

		ask(requests[1], &request, caller != IMPATIENT);
	}
	exit(0);
}

/* ---- both ---------------------------------------------------------------------- */

/* Replace workers that were killed, until all have ended: how many were killed. */
static int supervise(const int requests[2])
{
	int killed = 0;
	int status;

	while (wait(&status) > 0) {
		expect(WIFSIGNALED(status) || WEXITSTATUS(status) == 0, "nobody fails");
		if (!WIFSIGNALED(status))
			continue;
		killed++;
		start_worker(requests);
	}
	return killed;
}

static bool name_is_left(pid_t caller)
{
	for (int call = 0; call < CALLS; call++) {
		const struct request request = { .caller = caller, .call = call };
		char name[NAME_SIZE];

		reply_name(&request, name);
		if (gochan_open(name, O_RDONLY) >= 0)
			return true;
	}
	return false;
}

int main(void)
{
	const int sent = (CALLERS - 1) * CALLS + 1;
	pid_t callers[CALLERS];
	int requests[2], killed;

	must(gochan_pair(requests, 16, sizeof(struct request), GOCHAN_ACK), "gochan_pair");
	for (int i = 0; i < WORKERS; i++)
		start_worker(requests);
	for (int i = 0; i < CALLERS; i++)
		callers[i] = start_caller(requests, i);
	close(requests[1]);
	killed = supervise(requests);
	printf("%d calls were answered, 1 caller had left, %d workers died\n", sent - 1, killed);
	expect(killed == (sent + 7) / EVERY + (sent + 3) / EVERY,
	       "each of these requests has killed one worker");
	for (int i = 0; i < CALLERS; i++)
		expect(!name_is_left(callers[i]), "no name is left");
	return 0;
}
