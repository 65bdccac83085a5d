// SPDX-License-Identifier: GPL-2.0
/*
 * DESIGN 5, 6: the headers and the library in C++: they compile without warnings,
 * the structures have the same layout as in C, the calls link and work with C++
 * classes, lambdas and threads. lib.c tests the calls themselves. The kernel's
 * harness does not support C++, so this program prints the TAP output itself.
 */
#include <gochan.h>
#include <linux/gochan.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <unistd.h>
#include <utility>
#include <vector>

static_assert(sizeof(gochan_setup) == 24, "as in C");
static_assert(sizeof(struct gochan_info) == 144, "as in C");
static_assert(offsetof(struct gochan_info, recv_blocked) == 104, "as in C");
static_assert(sizeof(gochan_op) == 64 && alignof(gochan_op) == 8, "as in C");
static_assert(sizeof(gochan_ops) == 32 && alignof(gochan_ops) == 8, "as in C");
static_assert(offsetof(gochan_op, buf) == 8 && offsetof(gochan_op, seq) == 56, "as in C");
static_assert(std::is_trivially_copyable<gochan_op>::value, "as in C");
static_assert(std::is_standard_layout<gochan_op>::value, "as in C");

#define CHECK(condition)							\
	do {									\
		if (!(condition))						\
			throw std::logic_error(std::to_string(__LINE__) + ": "	\
					       #condition);			\
	} while (0)

namespace {

/* A typed channel as a C++ program could have it. */
template <typename T>
class channel {
	static_assert(std::is_trivially_copyable<T>::value, "a message is bytes");

public:
	explicit channel(uint32_t capacity) : fd_(gochan_make(capacity, sizeof(T), GOCHAN_FIXED))
	{
		CHECK(fd_ >= 0);
	}
	channel(channel &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
	channel(const channel &) = delete;
	channel &operator=(const channel &) = delete;
	~channel()
	{
		if (fd_ >= 0)
			::close(fd_);
	}

	bool send(const T &value) { return gochan_send(fd_, &value, sizeof(value)) == 0; }
	bool recv(T &value) { return gochan_recv(fd_, &value, sizeof(value), nullptr) == 1; }
	void close() { CHECK(gochan_close(fd_) == 0); }
	gochan_op send_op(const T &value) const { return GOCHAN_SEND(fd_, &value, sizeof(value)); }
	gochan_op recv_op(T &value) const { return GOCHAN_RECV(fd_, &value, sizeof(value)); }
	int fd() const { return fd_; }

private:
	int fd_;
};

struct point {
	int x, y;
};

void s6_class()
{
	channel<point> first(1);
	channel<point> ch(std::move(first));
	point got = {};

	CHECK(ch.send({ 1, 2 }));
	CHECK(gochan_len(ch.fd()) == 1 && gochan_cap(ch.fd()) == 1);
	CHECK(ch.recv(got) && got.x == 1 && got.y == 2);
	ch.close();
	CHECK(!ch.recv(got));
	CHECK(!ch.send(got) && errno == EPIPE);
}

void s6_threads()
{
	enum { SENDERS = 4, MESSAGES = 100 };
	channel<int> ch(0);
	std::vector<std::thread> senders;
	std::vector<int> seen(SENDERS * MESSAGES);
	int value;

	for (int s = 0; s < SENDERS; s++)
		senders.emplace_back([&ch, s] {
			for (int i = 0; i < MESSAGES; i++)
				ch.send(s * MESSAGES + i);
		});
	for (size_t i = 0; i < seen.size(); i++) {
		CHECK(ch.recv(value));
		seen.at(static_cast<size_t>(value))++;
	}
	for (auto &sender : senders)
		sender.join();
	for (const int count : seen)
		CHECK(count == 1);
}

void s6_select()
{
	channel<int> empty(1), full(1);
	int value = 0;
	const int more = 8;

	CHECK(full.send(7));
	std::vector<gochan_op> ops = { empty.recv_op(value), full.recv_op(value) };
	CHECK(gochan_select(ops.data(), static_cast<unsigned>(ops.size()), -1, 0) == 1);
	CHECK(value == 7 && ops[1].len == sizeof(int) && ops[1].result == 0);

	ops = { empty.recv_op(value), GOCHAN_SEND(-1, &more, sizeof(more)) };
	CHECK(gochan_select(ops.data(), 2, 0, 0) == -1 && errno == EAGAIN);
	CHECK(gochan_select(ops.data(), 2, 1000, GOCHAN_ORDERED) == -1 && errno == ETIMEDOUT);

	ops = { empty.send_op(more), empty.recv_op(value) };
	CHECK(gochan_batch(ops.data(), 2, -1, 0) == 2 && value == more);
	empty.close();
	ops = { empty.recv_op(value) };
	CHECK(gochan_select(ops.data(), 1, -1, 0) == 0 && ops[0].result == GOCHAN_R_CLOSED);
}

void s6_call()
{
	channel<int> requests(0), replies(0);
	std::thread server([&] {
		int number;

		while (requests.recv(number))
			replies.send(number * number);
	});
	const int number = 12;
	int square = 0;
	size_t len = 0;

	const int ret = gochan_call(requests.fd(), &number, sizeof(number), replies.fd(), &square,
				    sizeof(square), &len, -1);
	requests.close();
	server.join();
	CHECK(ret == 1 && len == sizeof(square) && square == 144);
}

void s6_timers()
{
	const int after = gochan_after(1000), tick = gochan_tick(1000);
	gochan_op op = GOCHAN_POLL(after, POLLIN);
	uint64_t ticks = 0;

	CHECK(after >= 0 && tick >= 0);
	CHECK(gochan_select(&op, 1, -1, 0) == 0 && (op.events & POLLIN));
	CHECK(read(tick, &ticks, sizeof(ticks)) == sizeof(ticks) && ticks > 0);
	close(after);
	close(tick);
}

void s6_wait_group()
{
	struct gochan_wg group = {};

	CHECK(gochan_wg_init(&group, 2) == 0);
	CHECK(gochan_wg_add(&group, 2) == 0);
	CHECK(gochan_wg_done(&group) == 0 && gochan_wg_done(&group) == 0);
	CHECK(gochan_wg_wait(&group) == 0);
	gochan_wg_destroy(&group);
}

void s6_names_and_rights()
{
	struct gochan_info info = {};
	int fds[2];

	CHECK(gochan_pair(fds, 2, 16, GOCHAN_CRED) == 0);
	CHECK(gochan_dup(fds[0], O_RDWR) == -1 && errno == EACCES);
	CHECK(gochan_info(fds[1], &info) == 0);
	CHECK(info.abi == GOCHAN_ABI && info.flags == GOCHAN_CRED && info.capacity == 2);
	close(fds[0]);
	close(fds[1]);

	const int created = gochan_create("ks-cxx", 1, 4, 0, 0600);
	CHECK(created >= 0);
	const int reopened = gochan_open("ks-cxx", O_RDWR);
	CHECK(gochan_unlink("ks-cxx") == 0);
	CHECK(reopened >= 0);
	close(created);
	close(reopened);
}

void s6_tries_and_deadlines()
{
	const timespec past = {};
	const channel<int> ch(1);
	int value = 1;

	CHECK(gochan_try_send(ch.fd(), &value, sizeof(value)) == 0);
	CHECK(gochan_try_send(ch.fd(), &value, sizeof(value)) == -1 && errno == EAGAIN);
	CHECK(gochan_send_until(ch.fd(), &value, sizeof(value), &past) == -1);
	CHECK(errno == ETIMEDOUT);
	CHECK(gochan_recv_until(ch.fd(), &value, sizeof(value), nullptr, &past) == 1);
	CHECK(gochan_try_recv(ch.fd(), &value, sizeof(value), nullptr) == -1 && errno == EAGAIN);
}

struct test {
	const char *name;
	void (*run)();
};

const test tests[] = {
	{ "s6_class", s6_class },
	{ "s6_threads", s6_threads },
	{ "s6_select", s6_select },
	{ "s6_call", s6_call },
	{ "s6_timers", s6_timers },
	{ "s6_wait_group", s6_wait_group },
	{ "s6_names_and_rights", s6_names_and_rights },
	{ "s6_tries_and_deadlines", s6_tries_and_deadlines },
};

bool passes(const test &test)
{
	try {
		test.run();
		return true;
	} catch (const std::exception &error) {
		std::printf("# %s (errno %d)\n", error.what(), errno);
		return false;
	}
}

} // namespace

int main()
{
	int number = 0, failed = 0;

	std::printf("TAP version 13\n1..%zu\n", sizeof(tests) / sizeof(tests[0]));
	for (const test &test : tests) {
		const bool passed = passes(test);

		failed += !passed;
		std::printf("%s %d %s\n", passed ? "ok" : "not ok", ++number, test.name);
		std::fflush(stdout);
	}
	return failed != 0;
}
