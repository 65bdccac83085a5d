// SPDX-License-Identifier: GPL-2.0
/*
 * gochan ps: the messages of acknowledged channels that processes work on.
 */
#include "json.h"
#include "ps_leases.h"
#include "table.h"

/* ---- walking through them ---- */

struct listed {
	const struct channel *channel;
	const struct fdinfo_lease *lease;
	const char *command;
	double seconds;
};

static struct listed listed_of(const struct graph *graph, const struct channel *channel,
			       const struct fdinfo_lease *lease)
{
	const struct process *owner = index_find(&graph->processes, (uint64_t)lease->pid);
	long long age = graph->now_ns - lease->since_ns;

	return (struct listed){
		.channel = channel,
		.lease = lease,
		.command = owner ? owner->command : "?",
		/* The kernel's clock for this is coarse. */
		.seconds = age < 0 ? 0 : (double)age / 1e9,
	};
}

/* Call @use for each lease. Returns how many there are. */
static size_t each_lease(const struct graph *graph, unsigned int pid,
			 void (*use)(const struct listed *listed, void *arg), void *arg)
{
	size_t count = 0;

	for (size_t i = 0; i < graph->channels.count; i++) {
		const struct channel *channel = graph->channels.items[i];

		for (unsigned int n = 0; n < channel->nr_leases; n++) {
			const struct fdinfo_lease *lease = &channel->leases[n];
			const struct listed listed = listed_of(graph, channel, lease);

			if (pid && (pid_t)pid != lease->pid)
				continue;
			if (use)
				use(&listed, arg);
			count++;
		}
	}
	return count;
}

/* ---- the table ---- */

enum { PID, COMMAND, CHANNEL, MESSAGE, DELIVERIES, LEASED, COLUMNS };

static const char *const titles[COLUMNS] = {
	"PID", "COMMAND", "CHANNEL", "MESSAGE", "DELIVERIES", "LEASED",
};

static void fill_row(struct row *row, const struct listed *listed)
{
	const struct fdinfo_lease *lease = listed->lease;
	char text[LABEL_SIZE];

	*row = (struct row){ 0 };
	row_set(row, PID, "%d", lease->pid);
	row_set_name(row, COMMAND, listed->command);
	row_set(row, CHANNEL, "%s", channel_label(listed->channel, text));
	row_set(row, MESSAGE, "%llu", (unsigned long long)lease->seq);
	row_set(row, DELIVERIES, "%u", lease->deliveries);
	row_set_duration(row, LEASED, (long long)(listed->seconds * 1e9));
}

static void widen(const struct listed *listed, void *arg)
{
	static struct row row;

	fill_row(&row, listed);
	table_widen(arg, &row);
}

static void print_row(const struct listed *listed, void *arg)
{
	static struct row row;

	fill_row(&row, listed);
	table_print(arg, &row);
	putchar('\n');
}

void leases_print_table(const struct graph *graph, unsigned int pid)
{
	struct table table = {
		.columns = COLUMNS, .titles = titles,
		.right = 1U << PID | 1U << MESSAGE | 1U << DELIVERIES | 1U << LEASED,
	};

	table_widen_titles(&table);
	if (each_lease(graph, pid, widen, &table) == 0)
		return;
	putchar('\n');
	table_print_titles(&table);
	putchar('\n');
	each_lease(graph, pid, print_row, &table);
}

/* ---- JSON ---- */

static void print_object(const struct listed *listed, void *arg)
{
	const struct fdinfo_lease *lease = listed->lease;

	(void)arg;
	json_new_line();
	json_object(NULL);
	json_number("pid", (unsigned int)lease->pid);
	json_string("command", listed->command);
	json_number("id", listed->channel->id);
	if (listed->channel->name)
		json_string("name", listed->channel->name);
	else
		json_null("name");
	json_number("lease", lease->lease);
	json_number("message", lease->seq);
	json_number("deliveries", lease->deliveries);
	json_decimal("seconds", listed->seconds, 3);
	json_object_end();
}

void leases_print_json(const struct graph *graph, unsigned int pid)
{
	unsigned int not_listed = 0, not_visible = 0;

	json_array("leases");
	each_lease(graph, pid, print_object, NULL);
	json_array_end();
	for (size_t i = 0; i < graph->channels.count; i++) {
		const struct channel *channel = graph->channels.items[i];

		not_listed += channel->leases_not_listed;
		not_visible += channel->leases_not_visible;
	}
	json_number("leases_not_listed", not_listed);
	json_number("leases_not_visible", not_visible);
}

/* ---- what the table does not have ---- */

void leases_print_notes(const struct graph *graph)
{
	char label[LABEL_SIZE];

	for (size_t i = 0; i < graph->channels.count; i++) {
		const struct channel *channel = graph->channels.items[i];

		if (channel->leases_not_listed)
			print_error("%s: %u more messages are leased; the kernel lists only %d",
				    channel_label(channel, label), channel->leases_not_listed,
				    FDINFO_LEASES);
		if (channel->leases_not_visible)
			print_error("%s: %u more messages are leased, by other users",
				    channel_label(channel, label), channel->leases_not_visible);
	}
}
