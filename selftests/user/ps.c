// SPDX-License-Identifier: GPL-2.0
/*
 * R22: gochan ps: the blocked tasks, their channels, since when, and what could end the wait.
 */
#include <kselftest_harness.h>

#include "../lib/actors.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define COMMAND		"gochan ps"
#define NAME		PREFIX "a b\033"
#define NAME_SHOWN	PREFIX "a b\\033"
#define NAME_JSON	PREFIX "a b\\u001b"

/* The titles, which are as far to the right as the numbers are wide. */
static bool is_titles(const char *line)
{
	return !strncmp(line + strspn(line, " "), "PID", 3);
}

FIXTURE(ps) {
	struct stage stage;
};

FIXTURE_SETUP(ps)
{
	ASSERT_TRUE(stage_open(&self->stage, 0));
}

FIXTURE_TEARDOWN(ps)
{
	stage_clear(&self->stage);
	unlink_all();
}

static int ps(struct stage *stage)
{
	return run_command(stage, COMMAND);
}

/* The line of a thread, with the spaces between columns reduced to one. */
static const char *row(const struct stage *stage, pid_t tid)
{
	static char text[512];
	const char *line, *c;
	int pid, other;
	char *to = text;

	*to = '\0';
	for (line = stage->output; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "%d %d", &pid, &other) == 2 && other == tid)
			break;
	}
	for (c = line; c && *c && *c != '\n'; c++) {
		if (*c != ' ' || c[1] != ' ')
			*to++ = *c;
	}
	*to = '\0';
	return text;
}

static const char *expected(const char *format, ...)
{
	static char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return text;
}

/* The row of a thread, but for the time, whose form it checks. */
static const char *row_without_time(const struct stage *stage, pid_t tid)
{
	static char text[512];
	double seconds;
	int start, end;

	snprintf(text, sizeof(text), "%s", row(stage, tid));
	for (start = 0; text[start]; start++) {
		end = 0;
		if (sscanf(text + start, " %lf%n", &seconds, &end) == 1 &&
		    text[start + end] == 's' && text[start + end + 1] == ' ') {
			memmove(text + start, text + start + end + 1,
				strlen(text + start + end + 1) + 1);
			return text;
		}
	}
	return "(no time)";
}

static void play_pause(struct stage *stage)
{
	(void)stage;
	for (;;)
		pause();
}

/* R22: a row for each task: what it does, and which processes could end the wait. */
TEST_F(ps, r22_rows)
{
	struct stage *s = &self->stage;
	const unsigned long long id0 = ch_info(s->r[0]).id, id1 = ch_info(s->r[1]).id,
				 id2 = ch_info(s->r[2]).id, id3 = ch_info(s->r[3]).id;
	const pid_t a = actor(s, "<0 +r1"), b = actor(s, ">1 +w2"), c = actor(s, "<2 >3"),
		    d = actor(s, "<2 % @"), e = actor_plays(s, "+w0 +r3", play_pause);

	stage_leave(s);
	ASSERT_EQ(0, ps(s));
	EXPECT_TRUE(is_titles(s->output));
	EXPECT_STREQ(expected("%d %d ps recv #%llu %d(ps)", a, a, id0, e),
		     row_without_time(s, a));
	EXPECT_STREQ(expected("%d %d ps send #%llu %d(ps)", b, b, id1, a),
		     row_without_time(s, b));
	EXPECT_TRUE(!strcmp(row_without_time(s, c),
			    expected("%d %d ps select <-#%llu, #%llu<- %d(ps), %d(ps)", c, c,
				     id2, id3, b, e)) ||
		    !strcmp(row_without_time(s, c),
			    expected("%d %d ps select #%llu<-, <-#%llu %d(ps), %d(ps)", c, c,
				     id3, id2, e, b)));
	EXPECT_STREQ(expected("%d %d ps select <-#%llu %d(ps), deadline, poll", d, d, id2, b),
		     row_without_time(s, d));
	EXPECT_STREQ("", row(s, e));
}

/* R22: a process is named once, although it has several handles. */
TEST_F(ps, r22_twice)
{
	struct stage *s = &self->stage;
	const unsigned long long id = ch_info(s->r[0]).id;
	pid_t a, b;

	ASSERT_EQ(s->w[1], dup3(s->w[0], s->w[1], O_CLOEXEC));
	a = actor(s, "<0");
	b = actor_plays(s, "+w0 +w1", play_pause);
	stage_leave(s);
	ASSERT_EQ(0, ps(s));
	EXPECT_STREQ(expected("%d %d ps recv #%llu %d(ps)", a, a, id, b), row_without_time(s, a));
}

static void play_name(struct stage *stage)
{
	(void)stage;
	/* the control sequence introducer of the C1 set */
	prctl(PR_SET_NAME, "p\302\233");
	recv_text(ch_open(NAME, O_RDONLY));
}

/* R22: names, with escapes for what would change the terminal; nobody, or a newcomer. */
TEST_F(ps, r22_names)
{
	struct stage *s = &self->stage;
	pid_t a, b;

	ASSERT_EQ(0, close(ch_make_named(NAME, 0, 0600)));
	a = actor_plays(s, "", play_name);
	b = actor(s, "<0 +w0");
	stage_leave(s);
	ASSERT_TRUE(wait_blocked(a, a));
	ASSERT_EQ(0, ps(s));
	EXPECT_STREQ(expected("%d %d p\\302\\233 recv " NAME_SHOWN " whoever opens it", a, a),
		     row_without_time(s, a));
	EXPECT_TRUE(strstr(row(s, b), " nobody seen"));
	ASSERT_EQ(0, run_command(s, "gochan ps --json"));
	EXPECT_TRUE(output_has(s, "\"name\":\"" NAME_JSON "\""));
}

static pthread_t thread;
static int thread_tid[2];

static void *receive(void *stage)
{
	const pid_t tid = gettid();

	if (write(thread_tid[1], &tid, sizeof(tid)) == sizeof(tid))
		perform(stage, "<0");
	return NULL;
}

static void play_threads(struct stage *stage)
{
	pthread_create(&thread, NULL, receive, stage);
	perform(stage, "<1");
}

/* R22: threads, which another thread of their process could serve. */
TEST_F(ps, r22_threads)
{
	struct stage *s = &self->stage;
	pid_t pid, tid = 0, other;

	ASSERT_EQ(0, pipe(thread_tid));
	pid = actor_plays(s, "<0 <1 +w0", play_threads);
	other = actor(s, "<2 +w1 +w2");
	stage_leave(s);
	ASSERT_EQ(sizeof(tid), read(thread_tid[0], &tid, sizeof(tid)));
	ASSERT_TRUE(wait_blocked(pid, tid));
	ASSERT_TRUE(wait_blocked(pid, pid));
	ASSERT_EQ(0, ps(s));
	EXPECT_EQ(0, strncmp(row(s, tid), expected("%d %d ps recv ", pid, tid),
			     strlen(expected("%d %d ps recv ", pid, tid))));
	EXPECT_TRUE(strstr(row(s, tid), expected(" %d(ps)", pid)));
	EXPECT_TRUE(strstr(row(s, pid), expected(" %d(ps)", other)));
	ASSERT_EQ(0, run_command(s, expected("gochan ps -p %d", pid)));
	EXPECT_STRNE("", row(s, pid));
	EXPECT_STRNE("", row(s, tid));
	EXPECT_STREQ("", row(s, other));
}

/* R22: --json has all processes that could end a wait, and their descriptors. */
TEST_F(ps, r22_json)
{
	struct stage *s = &self->stage;
	const unsigned long long id = ch_info(s->r[0]).id;
	const int fd = s->w[0];
	pid_t a, others[5];
	int i;

	a = actor(s, "<0 +w0 @");
	for (i = 0; i < 5; i++)
		others[i] = actor_plays(s, "+w0", play_pause);
	stage_leave(s);
	ASSERT_EQ(0, ps(s));
	EXPECT_TRUE(strstr(row(s, a), " +2, deadline"));
	ASSERT_EQ(0, run_command(s, "gochan ps --json"));
	EXPECT_TRUE(output_has(s, "{\"pid\":%d,\"tid\":%d,\"command\":\"ps\",", a, a));
	EXPECT_TRUE(output_has(s, ",\"waits\":\"select\",\"seconds\":"));
	EXPECT_TRUE(output_has(s, ",\"deadline\":true,\"polls\":false,\"channels\":[{"));
	EXPECT_TRUE(output_has(s, "[{\"op\":\"recv\",\"id\":%llu,\"name\":null,", id));
	for (i = 0; i < 5; i++)
		EXPECT_TRUE(output_has(s, "{\"pid\":%d,\"command\":\"ps\",\"fd\":%d}",
				       others[i], fd));
	/* it waits itself */
	EXPECT_EQ(NULL, strstr(s->output, expected("{\"pid\":%d,\"command\":\"ps\",\"fd\":", a)));
	EXPECT_TRUE(output_has(s, "],\"not_listed\":0,\"not_visible\":0,"));
	EXPECT_TRUE(output_has(s, "\"hidden_processes\":0,\"proc_hides_others\":false}\n"));
}

/* R22: how long a task has waited. */
TEST_F(ps, r22_since)
{
	struct stage *s = &self->stage;
	const long long begin = now_ns();
	const pid_t pid = actor(s, "<0 +w0");
	const long long blocked = now_ns();
	const char *const seconds_key = "\"seconds\":";
	const char *at;
	double seconds;

	stage_leave(s);
	while (now_ns() - blocked < 300000000)
		sched_yield();
	ASSERT_EQ(0, run_command(s, "gochan ps --json"));
	at = strstr(s->output, expected("{\"pid\":%d,", pid));
	ASSERT_NE(NULL, at);
	seconds = strtod(strstr(at, seconds_key) + strlen(seconds_key), NULL);
	EXPECT_LE(0.3, seconds);
	EXPECT_GE((now_ns() - begin) / 1e9 + 0.02, seconds);
}

static void play_as_user(struct stage *stage)
{
	/* changing the ids made /proc/self root's */
	if (!become(USER) && !prctl(PR_SET_DUMPABLE, 1))
		perform(stage, "<0");
}

/* R22: a user sees its own tasks, and how much it does not see. */
TEST_F(ps, r22_user)
{
	struct stage *s = &self->stage;
	const pid_t a = actor_plays(s, "<0", play_as_user), b = actor(s, "<0 +w0");

	stage_leave(s);
	ASSERT_TRUE(wait_blocked(a, a));
	ASSERT_EQ(0, run_command_as(s, USER, "gochan ps"));
	EXPECT_STRNE("", row(s, a));
	EXPECT_STREQ("", row(s, b));
	EXPECT_TRUE(output_has(s, ": 1 more wait, of other users or pid namespaces\n"));
	EXPECT_TRUE(output_has(s, "processes that could not be looked at: "));
	ASSERT_EQ(0, run_command_as(s, OTHER, "gochan ps"));
	EXPECT_STREQ("", row(s, a));
	ASSERT_EQ(0, ps(s));
	EXPECT_STRNE("", row(s, a));
	EXPECT_STRNE("", row(s, b));
}

/* R22: --watch, until nobody reads. */
TEST_F(ps, r22_watch)
{
	struct stage *s = &self->stage;
	const char *second;

	actor(s, "<0 +w0");
	stage_leave(s);
	ASSERT_EQ(0, run_command(s, "gochan ps --watch=0.01 2>&1 | head -n 7"));
	second = strstr(s->output, "\n\n");
	ASSERT_NE(NULL, second);
	EXPECT_TRUE(is_titles(second + 2));
	ASSERT_EQ(0, run_command(s, "gochan ps --json --watch=0.01 | head -n 4"));
	EXPECT_TRUE(output_has(s, "}\n{\"waiters\":["));
}

/* R22: what is wrong is said. */
TEST_F(ps, r22_errors)
{
	struct stage *s = &self->stage;

	EXPECT_EQ(2, run_command(s, "gochan ps x"));
	EXPECT_EQ(2, run_command(s, "gochan ps -p x"));
	EXPECT_EQ(2, run_command(s, "gochan ps --watch=x"));
	EXPECT_EQ(1, run_command(s, "gochan ps -p 4194305"));
	EXPECT_TRUE(output_has(s, "gochan: -p 4194305: no such process\n"));
	EXPECT_EQ(1, run_command(s, "unshare -m sh -c 'umount -l /proc && gochan ps'"));
	EXPECT_TRUE(output_has(s, "gochan: /proc: not mounted, "));
	EXPECT_EQ(1, run_command(s, "ulimit -n 3; exec gochan ps"));
	EXPECT_TRUE(output_has(s, "gochan: /proc: Too many open files\n"));
	EXPECT_EQ(0, run_command(s, "gochan ps --help"));
}

TEST_HARNESS_MAIN
