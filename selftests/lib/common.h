/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Helpers shared by the tests: channels, a read or write in another thread or
 * process, waiting for a state, other users, names and module parameters.
 *
 * Calls that can fail return -errno; those that wait give up after WAIT_LIMIT.
 */
#ifndef SELFTESTS_COMMON_H
#define SELFTESTS_COMMON_H

#include <linux/gochan.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Seconds after which a test stops waiting for something and fails. */
#define WAIT_LIMIT	60

/* The harness's own timeout is too short for kernels with all debugging enabled. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 600

/* Unprivileged users, without processes of their own. */
#define USER		60001
#define OTHER		60002

/* The names of all channels that the tests make begin with it. */
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
int ch_make_with(const struct gochan_setup *setup);
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
 * Messages as strings. A receive returns the text, "(end)" for 0 bytes, or the
 * error as in "(EAGAIN)"; the string is valid until the thread's next call.
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
bool is_in_syscall(pid_t tid, long nr);
bool wait_in_syscall(pid_t tid, long nr);

/*
 * A job: one read or write in a thread or process of its own. A process closes
 * all descriptors but the channel's.
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
	long ret;		/* what read(2) or write(2) returned, or -errno */
	long switches;		/* voluntary context switches */
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

/* Users: as_root() undoes as_user(); become() and its like cannot be undone. */
int as_user(uid_t uid);
int as_root(void);
int become(uid_t uid);
int become_namespace_root(uid_t uid);
int become_root_of_subordinates(uid_t uid, uid_t first, unsigned int count);

/* Names */
int ch_unnamed_in(const char *dir, unsigned int mode);
int ch_unnamed(unsigned int capacity, unsigned int msg_size, unsigned int flags,
	       unsigned int mode);
int ch_link_at(int ch, const char *path);
int ch_link(int ch, const char *name);
int ch_unlink(const char *name);
int ch_open(const char *name, int oflags);
int ch_make_named(const char *name, unsigned int capacity, unsigned int mode);
void unlink_all(void);

/* How many lines match this extended regular expression; -1 if it is none. */
int count_matches(const char *text, const char *pattern);

/* Files */
int read_text(const char *path, char *buf, size_t size);
int write_text(const char *path, const char *text);
long long param(const char *name);
int set_param(const char *name, long long value);
int send_fd(int sock, int fd);
int recv_fd(int sock);

/* The module, loaded from $GOCHAN_KO or the running kernel's directory. */
int fs_mount(void);
int module_load_only(const char *parameters);
int module_load(const char *parameters);
int module_unload_only(void);
int module_unload(void);
bool module_loaded(void);

/* Memory */
void *map_pages(size_t count);
size_t page_size(void);
void fill(void *buf, size_t len, unsigned int seed);
bool is_filled(const void *buf, size_t len, unsigned int seed);

#endif
