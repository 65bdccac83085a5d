// SPDX-License-Identifier: GPL-2.0
/*
 * gochan top: what passes on the named channels, as a live table, as plain tables or as
 * JSON.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "json.h"
#include "rates.h"
#include "screen.h"
#include "table.h"

static const char help[] =
"Usage: gochan top [OPTION...] [DIRECTORY|PATTERN]\n"
"Shows what passes on the named channels below /dev/gochans or another DIRECTORY\n"
"of a gochanfs, or on those whose name matches a PATTERN. On a terminal the table\n"
"is renewed until you press q; otherwise it is printed as with -b.\n"
"\n"
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
"Columns, of channels that you may send to and receive from, else -:\n"
"  in, out             messages sent and received per second\n"
"  bytes               their bytes that are inside\n"
"  len, cap            messages inside, and capacity\n"
"  wait-send           tasks that wait to send\n"
"  wait-recv           tasks that wait to receive\n"
"  leased              messages that were received and not yet acknowledged\n"
"  name                names are sorted alphabetically\n"
"\n"
"Keys: < and > choose the column to sort by, r reverses, space renews, q quits.\n"
"\n"
"An object has time (in seconds since 1970), name, path, if you may see more the\n"
"fields of 'gochan info', and sent_per_second, received_per_second and interval\n"
"(in seconds), which are null for a channel that has just been found.\n";

static const struct option options[] = { OPTION_JSON, OPTION_HELP, OPTION_END };

enum { IN, OUT, BYTES, LEN, CAP, SENDERS, RECEIVERS, LEASED, NAME, COLUMNS };

static const char *const columns[COLUMNS] = {
	"in", "out", "bytes", "len", "cap", "wait-send", "wait-recv", "leased", "name",
};

static const char *const titles[COLUMNS] = {
	"IN/S", "OUT/S", "BYTES", "LEN", "CAP", "WAIT-SEND", "WAIT-RECV", "LEASED", "NAME",
};

struct top {
	bool batch, json;
	bool has_count;
	unsigned int count;	/* of intervals, 0 for no end */
	long long interval_ns;
	const char *which;
	struct rates rates;
};

/* qsort(3) has no argument for its callback. */
static struct {
	int column;
	bool reverse;
} order = { .column = IN };

/* NAN if it is not known. */
static double value(const struct rate *rate, int column)
{
	const struct gochan_info *info = &rate->entry->info;

	if (!rate->entry->has_info)
		return NAN;
	switch (column) {
	case IN:
		return rate->in;
	case OUT:
		return rate->out;
	case BYTES:
		return (double)info->bytes;
	case LEN:
		return info->len;
	case CAP:
		return info->capacity;
	case SENDERS:
		return info->senders_waiting;
	case RECEIVERS:
		return info->receivers_waiting;
	case LEASED:
		return info->leased;
	default:
		return NAN;
	}
}

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

static int compare_rates(const void *a, const void *b)
{
	const struct rate *one = a, *other = b;
	int names = strcmp(one->entry->name, other->entry->name);
	int values = compare_values(value(one, order.column), value(other, order.column));

	if (order.column == NAME)
		return order.reverse ? -names : names;
	return values ?: names;
}

static void sort(const struct rates *rates)
{
	if (rates->list.count)
		qsort(rates->rates, rates->list.count, sizeof(*rates->rates), compare_rates);
}

/* ---- the table ---- */

/* Rates below 10 have a digit after the point. */
static void set_value(struct row *row, int column, double number)
{
	const bool fraction = column <= OUT && number > 0 && number < 9.95;

	if (isnan(number))
		row_set(row, column, "-");
	else
		row_set(row, column, "%.*f", fraction ? 1 : 0, number);
}

static void fill_row(struct row *row, const struct rate *rate)
{
	for (int i = 0; i < NAME; i++)
		set_value(row, i, value(rate, i));
	row_set_name(row, NAME, rate->entry->name);
}

/* A table as wide as the first @count channels need. */
static struct table layout(const struct rates *rates, size_t count)
{
	struct table table = { .columns = COLUMNS, .titles = titles, .right = ~(1U << NAME) };
	static struct row row;

	table_widen_titles(&table);
	for (size_t i = 0; i < count; i++) {
		fill_row(&row, &rates->rates[i]);
		table_widen(&table, &row);
	}
	return table;
}

static void print_channel(const struct table *table, const struct rate *rate)
{
	static struct row row;

	fill_row(&row, rate);
	table_print(table, &row);
}

static void print_table(const struct rates *rates)
{
	const struct table table = layout(rates, rates->list.count);

	table_print_titles(&table);
	putchar('\n');
	for (size_t i = 0; i < rates->list.count; i++) {
		print_channel(&table, &rates->rates[i]);
		putchar('\n');
	}
}

/* ---- JSON ---- */

static void print_object(const struct rate *rate, double time)
{
	json_object(NULL);
	json_decimal("time", time, 3);
	entry_json(rate->entry);
	json_decimal("sent_per_second", rate->in, 3);
	json_decimal("received_per_second", rate->out, 3);
	json_decimal("interval", rate->seconds, 6);
	json_object_end();
	json_end();
}

static void print_objects(const struct rates *rates)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	for (size_t i = 0; i < rates->list.count; i++)
		print_object(&rates->rates[i], (double)now.tv_sec + (double)now.tv_nsec / 1e9);
}

/* ---- plain output, interval by interval ---- */

static void print(const struct top *top, bool first)
{
	sort(&top->rates);
	if (top->json) {
		print_objects(&top->rates);
		return;
	}
	if (!first)
		putchar('\n');
	print_table(&top->rates);
}

/* Regular, but without catching up on what was missed. */
static long long next_deadline(long long deadline, long long interval)
{
	const long long now = clock_now();

	return deadline + interval > now ? deadline + interval : now;
}

static enum status run_plain(struct top *top)
{
	enum status status = rates_update(&top->rates, top->which);
	long long deadline = clock_now();

	for (unsigned int i = 0; status == DONE && (!top->count || i < top->count); i++) {
		deadline = next_deadline(deadline, top->interval_ns);
		clock_sleep_until(deadline);
		status = rates_update(&top->rates, top->which);
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

	snprintf(title, sizeof(title), "%zu channels  every %g s  by %s%s  %s",
		 top->rates.list.count, (double)top->interval_ns / 1e9, columns[order.column],
		 order.reverse ? ", reversed" : "", "(q quit, < > column, r reverse)");
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
	size_t shown = top->rates.list.count;
	struct table table;
	int rows, width;

	sort(&top->rates);
	screen_size(&rows, &width);
	if (rows <= 3)
		shown = 0;
	else if (shown > (size_t)rows - 3)
		shown = (size_t)rows - 3;
	table = layout(&top->rates, shown);
	table.limit = width > 1 ? width - 1 : 1;
	screen_draw_start();
	draw_title(top, table.limit);
	if (rows >= 3)
		draw_titles(&table);
	for (size_t i = 0; i < shown; i++) {
		print_channel(&table, &top->rates.rates[i]);
		screen_line_end();
	}
	return screen_draw_end();
}

static void sort_by_next(int step)
{
	order.column = (order.column + COLUMNS + step) % COLUMNS;
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

	status = rates_update(&top->rates, top->which);
	if (status != DONE)
		return status;
	if (!screen_start())
		return report_errno("terminal", errno);
	for (unsigned int i = 0; !top->count || i < top->count; i++) {
		if (show(top, clock_now() + top->interval_ns) == QUIT)
			break;
		status = rates_update(&top->rates, top->which);
		if (status != DONE)
			break;
	}
	screen_end();
	return status;
}

/* ---- options ---- */

static bool opt_sort(void)
{
	for (int i = 0; i < COLUMNS; i++) {
		if (strcmp(optarg, columns[i]) == 0) {
			order.column = i;
			return true;
		}
	}
	usage_error(&top_command, "-s %s: no such column", optarg);
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
	rates_free(&top->rates);
	return status;
}

static enum status run(int argc, char **argv)
{
	const struct command *self = &top_command;
	struct top top = { .interval_ns = 1000000000 };
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
		case 'd':
			if (!opt_interval(&top))
				return USAGE;
			break;
		case 's':
			if (!opt_sort())
				return USAGE;
			break;
		case 'r':
			order.reverse = true;
			break;
		default:
			return help_or_usage(self, opt);
		}
	}
	if (argc - optind > 1)
		return usage_error(self, "top takes at most one directory or pattern");
	top.which = argv[optind];
	return run_top(&top);
}

const struct command top_command = {
	.name = "top",
	.summary = "show what passes on the named channels",
	.help = help,
	.run = run,
};
