// SPDX-License-Identifier: GPL-2.0
/*
 * gochan top: what passes on the named channels, or what bridges move, as a live table, as
 * plain tables or as JSON.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "json.h"
#include "screen.h"
#include "table.h"
#include "top.h"

static const char help[] =
"Usage: gochan top [OPTION...] [DIRECTORY|PATTERN]\n"
"       gochan top --bridges [OPTION...] [FILE]\n"
"Shows what passes on the named channels below /dev/gochans or another DIRECTORY\n"
"of a gochanfs, or on those whose name matches a PATTERN. On a terminal the table\n"
"is renewed until you press q; otherwise it is printed as with -b.\n"
"\n"
"      --bridges       show what bridges move, by the metrics in FILE or, without\n"
"                      it, of all that the service manager runs\n"
"  -b                  print the table after one interval\n"
"  -J, --json          print an object, on one line, for each channel after an\n"
"                      interval\n"
"  -n N                stop after N intervals; 0: never (default 1 with -b and\n"
"                      --json)\n"
"  -d S                the length of an interval in seconds (default 1)\n"
"  -s COLUMN           sort by it (default in), largest first\n"
"  -r                  sort in reverse\n"
"  -h, --help          show this help\n"
"\n"
"Columns of channels, of those that you may send to and receive from, else -:\n"
"  in, out             messages sent and received per second\n"
"  bytes               their bytes that are inside\n"
"  len, cap            messages inside, and capacity\n"
"  wait-send           tasks that wait to send\n"
"  wait-recv           tasks that wait to receive\n"
"  leased              messages that were received and not yet acknowledged\n"
"  name                names are sorted alphabetically\n"
"Columns of bridges, of whole runs where not per second:\n"
"  in                  messages per second that the stream has confirmed\n"
"  out                 messages per second that workers here have acknowledged\n"
"  held                messages of the stream that are on this machine\n"
"  retried             publications that were repeated\n"
"  duplicates          of these, that the stream had already\n"
"  redelivered         messages that were delivered before, here or elsewhere\n"
"  dead                messages that became dead letters here\n"
"  reconnects          connections after the first\n"
"  state               connected, disconnected, or gone\n"
"  mode, stream, name  as the bridge was started with\n"
"\n"
"Keys: < and > choose the column to sort by, r reverses, space renews, q quits.\n"
"\n"
"An object has time (in seconds since 1970), name, path, if you may see more the\n"
"fields of 'gochan info', and sent_per_second, received_per_second and interval\n"
"(in seconds), which are null for a channel that has just been found.\n";

static const struct option options[] = {
	{ "bridges", no_argument, NULL, OPT_OTHER }, OPTION_JSON, OPTION_HELP, OPTION_END,
};

struct top {
	const struct view *view;
	bool batch, json;
	bool has_count;
	unsigned int count;	/* of intervals, 0 for no end */
	long long interval_ns;
	const char *which;
	const char *sort_key;
	size_t *rows;		/* in the order in which they are shown */
	size_t count_rows;
};

/* qsort(3) has no argument for its callback. */
static struct {
	const struct view *view;
	int column;
	bool reverse;
} order;

/* ---- order ---- */

/* Unknown values are the last ones in either order. */
static int compare_values(double one, double other)
{
	if (isnan(one) || isnan(other))
		return isnan(one) - isnan(other);
	if (order.reverse)
		return (one > other) - (one < other);
	return (one < other) - (one > other);
}

static int compare_texts(size_t one, size_t other, int column)
{
	return strcmp(order.view->text(one, column), order.view->text(other, column));
}

/* By name if they are equal. */
static int compare_rows(const void *a, const void *b)
{
	const size_t one = *(const size_t *)a, other = *(const size_t *)b;
	const struct view *view = order.view;
	int result;

	if (order.column >= view->numbers) {
		result = compare_texts(one, other, order.column);
		if (order.reverse)
			result = -result;
	} else {
		result = compare_values(view->value(one, order.column),
					view->value(other, order.column));
	}
	return result ?: compare_texts(one, other, view->columns - 1);
}

static void sort(const struct top *top)
{
	if (top->rows)
		qsort(top->rows, top->count_rows, sizeof(*top->rows), compare_rows);
}

/* Count anew. */
static enum status update(struct top *top)
{
	enum status status = top->view->update(top->which);
	size_t *rows;

	if (status != DONE)
		return status;
	top->count_rows = top->view->count();
	rows = reallocarray(top->rows, top->count_rows + 1, sizeof(*rows));
	if (!rows)
		return report_errno("top", ENOMEM);
	for (size_t i = 0; i < top->count_rows; i++)
		rows[i] = i;
	top->rows = rows;
	return DONE;
}

/* ---- the table ---- */

/* Rates below 10 have a digit after the point. */
static void set_value(const struct view *view, struct row *row, int column, double number)
{
	const bool fraction = column < view->rates && number > 0 && number < 9.95;

	if (isnan(number))
		row_set(row, column, "-");
	else
		row_set(row, column, "%.*f", fraction ? 1 : 0, number);
}

static void fill_row(const struct view *view, struct row *row, size_t i)
{
	for (int column = 0; column < view->numbers; column++)
		set_value(view, row, column, view->value(i, column));
	for (int column = view->numbers; column < view->columns; column++)
		row_set_name(row, column, view->text(i, column));
}

/* A table as wide as the first @count rows need. */
static struct table layout(const struct top *top, size_t count)
{
	const struct view *view = top->view;
	struct table table = { .columns = view->columns, .titles = view->titles,
			       .right = (1U << view->numbers) - 1 };
	static struct row row;

	table_widen_titles(&table);
	for (size_t i = 0; i < count; i++) {
		fill_row(view, &row, top->rows[i]);
		table_widen(&table, &row);
	}
	return table;
}

static void print_row(const struct top *top, const struct table *table, size_t i)
{
	static struct row row;

	fill_row(top->view, &row, top->rows[i]);
	table_print(table, &row);
}

static void print_table(const struct top *top)
{
	const struct table table = layout(top, top->count_rows);

	table_print_titles(&table);
	putchar('\n');
	for (size_t i = 0; i < top->count_rows; i++) {
		print_row(top, &table, i);
		putchar('\n');
	}
}

/* ---- JSON ---- */

static void print_objects(const struct top *top)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	for (size_t i = 0; i < top->count_rows; i++) {
		json_object(NULL);
		json_decimal("time", (double)now.tv_sec + (double)now.tv_nsec / 1e9, 3);
		top->view->json(top->rows[i]);
		json_object_end();
		json_end();
	}
}

/* ---- plain output, interval by interval ---- */

static void print(const struct top *top, bool first)
{
	sort(top);
	if (top->json) {
		print_objects(top);
		return;
	}
	if (!first)
		putchar('\n');
	print_table(top);
}

/* Regular, but without catching up on what was missed. */
static long long next_deadline(long long deadline, long long interval)
{
	const long long now = clock_now();

	return deadline + interval > now ? deadline + interval : now;
}

static enum status run_plain(struct top *top)
{
	enum status status = update(top);
	long long deadline = clock_now();

	for (unsigned int i = 0; status == DONE && (!top->count || i < top->count); i++) {
		deadline = next_deadline(deadline, top->interval_ns);
		clock_sleep_until(deadline);
		status = update(top);
		if (status != DONE)
			break;
		print(top, i == 0);
		if (fflush(stdout) != 0) {
			print_error("standard output: %s", strerror(errno));
			return FAILED;
		}
	}
	return status;
}

/* ---- the live table ---- */

static void draw_title(const struct top *top, int width)
{
	char title[256];

	snprintf(title, sizeof(title), "%zu %s  every %g s  by %s%s  %s",
		 top->count_rows, top->view->what, (double)top->interval_ns / 1e9,
		 top->view->keys[order.column], order.reverse ? ", reversed" : "",
		 "(q quit, < > column, r reverse)");
	printf("%.*s", width, title);
	screen_line_end();
}

static void draw_titles(const struct table *table)
{
	screen_highlight(true);
	table_print_titles(table);
	screen_highlight(false);
	screen_line_end();
}

/* The last line and column stay empty: to write there may scroll or wrap. */
static bool draw(const struct top *top)
{
	size_t shown = top->count_rows;
	struct table table;
	int rows, width;

	sort(top);
	screen_size(&rows, &width);
	if (rows <= 3)
		shown = 0;
	else if (shown > (size_t)rows - 3)
		shown = (size_t)rows - 3;
	table = layout(top, shown);
	table.limit = width > 1 ? width - 1 : 1;
	screen_draw_start();
	draw_title(top, table.limit);
	if (rows >= 3)
		draw_titles(&table);
	for (size_t i = 0; i < shown; i++) {
		print_row(top, &table, i);
		screen_line_end();
	}
	return screen_draw_end();
}

static void sort_by_next(int step)
{
	order.column = (order.column + order.view->columns + step) % order.view->columns;
}

enum action { REDRAW, RENEW, QUIT };

static enum action act(int key)
{
	switch (key) {
	case SCREEN_TIMEOUT:
	case ' ':
		return RENEW;
	case SCREEN_GONE:
	case 'q':
		return QUIT;
	case '<':
		sort_by_next(-1);
		return REDRAW;
	case '>':
		sort_by_next(1);
		return REDRAW;
	case 'r':
		order.reverse = !order.reverse;
		return REDRAW;
	default:
		return REDRAW;
	}
}

/* Show one interval. */
static enum action show(const struct top *top, long long deadline)
{
	enum action action;

	do {
		if (!draw(top))
			return QUIT;
		action = act(screen_wait(deadline));
	} while (action == REDRAW);
	return action;
}

static enum status run_live(struct top *top)
{
	enum status status;

	status = update(top);
	if (status != DONE)
		return status;
	if (!screen_start())
		return report_errno("terminal", errno);
	for (unsigned int i = 0; !top->count || i < top->count; i++) {
		if (show(top, clock_now() + top->interval_ns) == QUIT)
			break;
		status = update(top);
		if (status != DONE)
			break;
	}
	screen_end();
	return status;
}

/* ---- options ---- */

/* Once it is known what is shown. */
static bool set_order(const struct top *top)
{
	order.view = top->view;
	if (!top->sort_key)
		return true;
	for (int i = 0; i < top->view->columns; i++) {
		if (strcmp(top->sort_key, top->view->keys[i]) == 0) {
			order.column = i;
			return true;
		}
	}
	usage_error(&top_command, "-s %s: no such column", top->sort_key);
	return false;
}

static bool opt_interval(struct top *top)
{
	if (!opt_seconds(&top_command, "-d", &top->interval_ns))
		return false;
	if (top->interval_ns >= 1000000)
		return true;
	usage_error(&top_command, "-d %s: shorter than a millisecond", optarg);
	return false;
}

static enum status run_top(struct top *top)
{
	enum status status;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		top->batch = true;
	if (top->batch && !top->has_count)
		top->count = 1;
	status = top->batch ? run_plain(top) : run_live(top);
	top->view->free();
	free(top->rows);
	return status;
}

static enum status run(int argc, char **argv)
{
	const struct command *self = &top_command;
	struct top top = { .view = &channels_view, .interval_ns = 1000000000 };
	int opt;

	while ((opt = getopt_long(argc, argv, "bn:d:s:rJh", options, NULL)) != -1) {
		switch (opt) {
		case 'b':
			top.batch = true;
			break;
		case OPT_JSON:
			top.batch = true;
			top.json = true;
			break;
		case 'n':
			if (!opt_number(self, "-n", &top.count))
				return USAGE;
			top.has_count = true;
			break;
		case OPT_OTHER:
			top.view = &bridges_view;
			break;
		case 'd':
			if (!opt_interval(&top))
				return USAGE;
			break;
		case 's':
			top.sort_key = optarg;
			break;
		case 'r':
			order.reverse = true;
			break;
		default:
			return help_or_usage(self, opt);
		}
	}
	if (argc - optind > 1)
		return usage_error(self, "top takes at most one directory, pattern or file");
	top.which = argv[optind];
	if (!set_order(&top))
		return USAGE;
	return run_top(&top);
}

const struct command top_command = {
	.name = "top",
	.summary = "show what passes on the named channels",
	.help = help,
	.run = run,
};
