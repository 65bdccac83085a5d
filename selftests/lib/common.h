/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of gochan share: channels, one read or write done by another
 * thread or process, waiting for a state to come about, other users, names
 * and module parameters. No test is here.
 *
 * Calls that can fail return -errno; those that wait fail after WAIT_LIMIT.
 */
#ifndef SELFTESTS_COMMON_H
#define SELFTESTS_COMMON_H

#include <linux/gochan.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Seconds after which what should have happened counts as never happening. */
#define WAIT_LIMIT	60

/* The harness' own limit for a test is short where a kernel checks everything. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 600

/* Users that have no privilege and, one hopes, no processes. */
#define USER		60001
#define OTHER		60002

/* All names that the tests give to channels begin so. */
#define PREFIX		"ks-"

/* Time */
struct wait {
	long long end_ns;
};

long long now_ns(void);
struct wait wait_begin(void);
bool wait_more(const struct wait *wait);

/* Channels */
int ch_setup(int ch, unsigned int capacity, unsigned int msg_size, unsigned int flags);
int ch_make(unsigned int capacity, unsigned int msg_size, unsigned int flags);
int ch_dup(int ch, int oflags);
int ch_pair(int fds[2], unsigned int capacity, unsigned int msg_size, unsigned int flags);
int ch_close(int ch);
struct gochan_info ch_info(int ch);
int ch_next_size(int ch);
short ch_poll(int ch);
ssize_t ch_send(int ch, const void *msg, size_t len);
ssize_t ch_recv(int ch, void *buf, size_t size);
ssize_t ch_try_send(int ch, const void *msg, size_t len);
ssize_t ch_try_recv(int ch, void *buf, size_t size);

/*
 * Messages as strings. What is received is the text, "(end)" for 0 bytes and
 * else the error as in "(EAGAIN)"; it is good until the thread's next call.
 */
ssize_t send_text(int ch, const char *text);
ssize_t try_send_text(int ch, const char *text);
const char *recv_text(int ch);
const char *try_recv_text(int ch);

bool wait_for_waiters(int ch, unsigned int senders, unsigned int receivers);
bool wait_for_len(int ch, unsigned int len);

/* Processes */
pid_t child(void);
int reap(pid_t pid);
int reap_killed(pid_t pid);
bool is_asleep(pid_t tid);
bool wait_asleep(pid_t tid);
bool wait_wchan(pid_t tid, const char *symbol);
bool wait_in_syscall(pid_t tid, long nr);

/*
 * A job: one read or write by a thread or by a process. A process keeps no
 * descriptor but the channel's.
 */
enum by { BY_THREAD, BY_PROCESS };

struct job {
	int ch;
	bool send;
	enum by by;
	void *buf;
	size_t len;
	pthread_t thread;
	pid_t id;		/* of the thread or process */
	long ret;		/* as of read(2) or write(2), or -errno */
	long switches;		/* how often it went to sleep */
	bool done;
	char data[];
};

struct job *job_start(enum by by, int ch, bool send, void *buf, size_t len);
struct job *job_send(enum by by, int ch, const void *msg, size_t len);
struct job *job_send_text(enum by by, int ch, const char *text);
struct job *job_recv(enum by by, int ch, size_t size);
bool job_done(const struct job *job);
void job_signal(const struct job *job, int sig);
long job_wait(struct job *job);
const char *job_text(struct job *job);
long job_kill(struct job *job);

/* Users: as_user() can be undone, become() and its like are for good. */
int as_user(uid_t uid);
int as_root(void);
int become(uid_t uid);
int become_namespace_root(uid_t uid);

/* Names */
int ch_link(int ch, const char *name, unsigned int mode);
int ch_unlink(const char *name);
int ch_unlink_handle(int ch);
int ch_open(const char *name, int oflags);
int ch_make_named(const char *name, unsigned int capacity, unsigned int mode);
void unlink_all(void);

/* Files */
int read_text(const char *path, char *buf, size_t size);
int write_text(const char *path, const char *text);
long attr(const char *name, const char *which);
long long param(const char *name);
int set_param(const char *name, long long value);
int send_fd(int sock, int fd);
int recv_fd(int sock);

/* The module itself, whose file is $GOCHAN_KO or the running kernel's. */
int module_load(const char *parameters);
int module_unload(void);
bool module_loaded(void);

/* Memory that faults */
void *map_pages(size_t count);
size_t page_size(void);
void fill(void *buf, size_t len, unsigned int seed);
bool is_filled(const void *buf, size_t len, unsigned int seed);

#endif
