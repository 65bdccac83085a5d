// SPDX-License-Identifier: GPL-2.0
/*
 * gochan ps: list the tasks that are blocked on channels.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "ps_leases.h"
#include "snapshot.h"
#include "table.h"

static const char help[] =
"Usage: gochan ps [OPTION...]\n"
"Lists the tasks that are blocked on channels, of all processes that you may look\n"
"at. Then, if there are any, it lists the messages that processes have received\n"
"from acknowledged channels and work on.\n"
"\n"
"  -p PID              only the tasks of this process\n"
"  -J, --json          print all that is known, as JSON\n"
"      --watch[=S]     print the list again every S seconds (default 1)\n"
"  -h, --help          show this help\n"
"\n"
"Columns of tasks:\n"
"  PID, TID, COMMAND   of the process and its thread\n"
"  WAITS               send, recv or select\n"
"  CHANNEL             its name, or #ID if it has none; of a select <-NAME for a\n"
"                      receive and NAME<- for a send\n"
"  SINCE               how long it has waited\n"
"  COULD BE ENDED BY   processes that may do the opposite there or have leases, a\n"
"                      deadline, or another descriptor that the select polls\n"
"\n"
"Columns of messages:\n"
"  PID, COMMAND        of the process\n"
"  CHANNEL             its name, or #ID if it has none\n"
"  MESSAGE             its number on the channel\n"
"  DELIVERIES          how often it was delivered, this time included\n"
"  LEASED              for how long\n";

enum { OPT_WATCH = OPT_OTHER };

static const struct option options[] = {
	{ "watch", optional_argument, NULL, OPT_WATCH },
	OPTION_JSON, OPTION_HELP, OPTION_END
};

#define MAX_ENDERS	3	/* in the table */

struct arguments {
	unsigned int pid;	/* or 0 */
	bool json;
	bool watch;
	long long watch_ns;
};

static const char *verb(const struct task *task)
{
	if (task->is_select)
		return "select";
	return task->waits->dir == SENDING ? "send" : "recv";
}

static bool is_listed(const struct task *task, const struct arguments *args)
{
	return task->activity == BLOCKED && task->waits &&
	       (!args->pid || task->process->pid == args->pid);
}

/* ---- processes that could end a wait ---- */

/* A single thread cannot end its own wait. */
static bool could_end(const struct hold *hold, const struct wait *wait)
{
	const struct process *process = hold->process;

	return may_serve(hold, wait->dir) &&
	       (process != wait->task->process || process->threads > 1);
}

/* Call @use for the processes that could end a wait of @task, each once. */
static void each_ender(const struct task *task,
		       void (*use)(const struct process *process, void *arg), void *arg)
{
	static size_t mark;
	const struct wait *wait;
	struct hold *hold;

	mark++;
	for (wait = task->waits; wait; wait = wait->next_of_task) {
		for (hold = wait->channel->holds; hold; hold = hold->next_of_channel) {
			struct process *process = hold->process;

			if (!could_end(hold, wait) || process->mark == mark)
				continue;
			process->mark = mark;
			use(process, arg);
		}
	}
}

/* ---- the table ---- */

enum { PID, TID, COMMAND, WAITS, CHANNEL, SINCE, ENDERS, COLUMNS };

static const char *const titles[COLUMNS] = {
	"PID", "TID", "COMMAND", "WAITS", "CHANNEL", "SINCE", "COULD BE ENDED BY"
};

enum { LIST_SIZE = 512 };	/* the list of a cell ends there */

__attribute__((format(printf, 2, 3)))
static void append(char *cell, const char *format, ...)
{
	const size_t len = strlen(cell);
	va_list args;

	va_start(args, format);
	vsnprintf(cell + len, LIST_SIZE - len, format, args);
	va_end(args);
}

static void append_item(char *cell, const char *item)
{
	append(cell, "%s%s", cell[0] ? ", " : "", item);
}

struct enders {
	char *cell;
	size_t count;
};

static void append_ender(const struct process *process, void *arg)
{
	struct enders *enders = arg;
	char command[LABEL_SIZE], item[LABEL_SIZE + 32];

	if (enders->count++ >= MAX_ENDERS)
		return;
	snprintf(item, sizeof(item), "%llu(%s)", (unsigned long long)process->pid,
		 command_label(process, command));
	append_item(enders->cell, item);
}

static bool waits_on_name(const struct task *task)
{
	const struct wait *wait;

	for (wait = task->waits; wait; wait = wait->next_of_task) {
		if (wait->channel->name)
			return true;
	}
	return false;
}

static void fill_enders(char *cell, const struct task *task)
{
	struct enders enders = { .cell = cell };

	each_ender(task, append_ender, &enders);
	if (enders.count > MAX_ENDERS)
		append(cell, " +%zu", enders.count - MAX_ENDERS);
	if (task->has_deadline)
		append_item(cell, "deadline");
	if (task->polls)
		append_item(cell, "poll");
	if (!cell[0] && waits_on_name(task))
		append_item(cell, "whoever opens it");
	if (!cell[0])
		append_item(cell, "nobody seen");
}

static void fill_channels(char *cell, const struct task *task)
{
	char label[LABEL_SIZE], item[LABEL_SIZE + 4];
	const struct wait *wait;

	for (wait = task->waits; wait; wait = wait->next_of_task) {
		channel_label(wait->channel, label);
		snprintf(item, sizeof(item), "%s%s%s",
			 task->is_select && wait->dir == RECEIVING ? "<-" : "", label,
			 task->is_select && wait->dir == SENDING ? "<-" : "");
		append_item(cell, item);
	}
}

static void fill_row(struct row *row, const struct graph *graph, const struct task *task)
{
	char since[DURATION_SIZE];

	*row = (struct row){ 0 };
	row_set(row, PID, "%llu", (unsigned long long)task->process->pid);
	row_set(row, TID, "%llu", (unsigned long long)task->tid);
	row_set_name(row, COMMAND, task->process->command);
	row_set(row, WAITS, "%s", verb(task));
	fill_channels(row->cell[CHANNEL], task);
	row_set(row, SINCE, "%s", duration(graph, task, since));
	fill_enders(row->cell[ENDERS], task);
}

static void print_table(const struct graph *graph, const struct arguments *args)
{
	struct table table = {
		.columns = COLUMNS, .titles = titles,
		.right = 1U << PID | 1U << TID | 1U << SINCE,
	};
	static struct row row;

	table_widen_titles(&table);
	for (size_t i = 0; i < graph->tasks.count; i++) {
		if (!is_listed(graph->tasks.items[i], args))
			continue;
		fill_row(&row, graph, graph->tasks.items[i]);
		table_widen(&table, &row);
	}
	table_print_titles(&table);
	putchar('\n');
	for (size_t i = 0; i < graph->tasks.count; i++) {
		if (!is_listed(graph->tasks.items[i], args))
			continue;
		fill_row(&row, graph, graph->tasks.items[i]);
		table_print(&table, &row);
		putchar('\n');
	}
}

/* ---- JSON ---- */

static void json_wait(const struct wait *wait)
{
	const struct channel *channel = wait->channel;
	const struct hold *hold;

	json_object(NULL);
	json_string("op", wait->dir == SENDING ? "send" : "recv");
	json_number("id", channel->id);
	if (channel->name)
		json_string("name", channel->name);
	else
		json_null("name");
	json_array("could_end");
	for (hold = channel->holds; hold; hold = hold->next_of_channel) {
		if (!could_end(hold, wait))
			continue;
		json_object(NULL);
		json_number("pid", hold->process->pid);
		json_string("command", hold->process->command);
		json_number("fd", (unsigned int)hold->fd);
		json_object_end();
	}
	json_array_end();
	json_object_end();
}

static void json_task(const struct graph *graph, const struct task *task)
{
	const struct wait *wait;

	json_new_line();
	json_object(NULL);
	json_number("pid", task->process->pid);
	json_number("tid", task->tid);
	json_string("command", task->process->command);
	json_string("waits", verb(task));
	if (task->since_ns == SINCE_UNKNOWN)
		json_null("seconds");
	else
		json_decimal("seconds", (double)(graph->now_ns - task->since_ns) / 1e9, 3);
	json_bool("deadline", task->has_deadline);
	json_bool("polls", task->polls);
	json_array("channels");
	for (wait = task->waits; wait; wait = wait->next_of_task)
		json_wait(wait);
	json_array_end();
	json_object_end();
}

static void print_json(const struct graph *graph, const struct arguments *args)
{
	unsigned int not_listed = 0, not_visible = 0;

	json_object(NULL);
	json_array("waiters");
	for (size_t i = 0; i < graph->tasks.count; i++) {
		if (is_listed(graph->tasks.items[i], args))
			json_task(graph, graph->tasks.items[i]);
	}
	json_array_end();
	for (size_t i = 0; i < graph->channels.count; i++) {
		const struct channel *channel = graph->channels.items[i];

		not_listed += channel->not_listed;
		not_visible += channel->not_visible;
	}
	json_number("not_listed", not_listed);
	json_number("not_visible", not_visible);
	leases_print_json(graph, args->pid);
	json_number("hidden_processes", graph->walk.hidden);
	json_bool("proc_hides_others", graph->walk.hides_others);
	json_object_end();
	json_end();
}

/* ---- what the list does not have ---- */

static void print_notes(const struct graph *graph)
{
	char label[LABEL_SIZE];

	for (size_t i = 0; i < graph->channels.count; i++) {
		const struct channel *channel = graph->channels.items[i];

		if (channel->not_listed)
			print_error("%s: %u more wait; the kernel lists only the first %d",
				    channel_label(channel, label), channel->not_listed,
				    FDINFO_WAITERS);
		if (channel->not_visible)
			print_error("%s: %u more wait, of other users or pid namespaces",
				    channel_label(channel, label), channel->not_visible);
	}
	if (graph->walk.hidden)
		print_error("processes that could not be looked at: %u; root can",
			    graph->walk.hidden);
	if (graph->walk.hides_others)
		print_error("/proc: mounted so that it hides others' processes; root sees them");
}

/* ---- main ---- */

static bool lists_all(const struct graph *graph)
{
	for (size_t i = 0; i < graph->channels.count; i++) {
		const struct channel *channel = graph->channels.items[i];

		if (channel->not_listed)
			return false;
	}
	return true;
}

static enum status print_once(const struct arguments *args)
{
	struct graph graph;

	if (!snapshot_read(&graph))
		return FAILED;
	if (!lists_all(&graph) && !snapshot_read_threads(&graph)) {
		graph_free(&graph);
		return FAILED;
	}
	if (args->json) {
		print_json(&graph, args);
	} else {
		print_table(&graph, args);
		leases_print_table(&graph, args->pid);
		fflush(stdout);
		print_notes(&graph);
		leases_print_notes(&graph);
	}
	graph_free(&graph);
	return DONE;
}

static enum status print_forever(const struct arguments *args)
{
	const bool terminal = isatty(STDOUT_FILENO);
	enum status status;

	for (;;) {
		if (terminal)
			fputs("\033[H\033[2J", stdout);
		status = print_once(args);
		if (!terminal && !args->json)
			putchar('\n');
		/* Nobody may read it any more. */
		if (fflush(stdout) || status != DONE)
			return status;
		clock_sleep(args->watch_ns);
	}
}

static bool is_process(unsigned int pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	return access(path, F_OK) == 0;
}

static enum status run(int argc, char **argv)
{
	struct arguments args = { .watch_ns = 1000000000 };
	const struct command *self = &ps_command;
	int opt;

	while ((opt = getopt_long(argc, argv, "p:Jh", options, NULL)) != -1) {
		switch (opt) {
		case 'p':
			if (!opt_number(self, "-p", &args.pid))
				return USAGE;
			break;
		case OPT_JSON:
			args.json = true;
			break;
		case OPT_WATCH:
			args.watch = true;
			if (optarg && !opt_seconds(self, "--watch", &args.watch_ns))
				return USAGE;
			break;
		default:
			return help_or_usage(self, opt);
		}
	}
	if (optind != argc)
		return usage_error(self, "ps takes no arguments; see -p and 'gochan info'");
	if (!proc_available())
		return FAILED;
	if (args.pid && !is_process(args.pid)) {
		print_error("-p %u: no such process", args.pid);
		return FAILED;
	}
	return args.watch ? print_forever(&args) : print_once(&args);
}

const struct command ps_command = {
	.name = "ps",
	.summary = "list the tasks that are blocked on channels",
	.help = help,
	.run = run,
};
