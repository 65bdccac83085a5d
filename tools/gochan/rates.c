// SPDX-License-Identifier: GPL-2.0
/*
 * Rates of the named channels.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "rates.h"

static int compare_ids(uint64_t one, uint64_t other)
{
	return (one > other) - (one < other);
}

static int by_id(const void *a, const void *b)
{
	const struct entry *one = a, *other = b;

	return compare_ids(one->info.id, other->info.id);
}

/* The entry of the same channel in a list that is sorted by id; NULL if it is new. */
static const struct entry *find(const struct list *sorted, const struct entry *entry)
{
	const struct entry *found;

	if (!entry->has_info || !sorted->count)
		return NULL;
	found = bsearch(entry, sorted->entries, sorted->count, sizeof(*sorted->entries), by_id);
	return found && found->has_info ? found : NULL;
}

static struct rate rate_of(const struct entry *entry, const struct entry *before)
{
	struct rate rate = { .entry = entry, .in = NAN, .out = NAN, .seconds = NAN };

	if (!before || entry->time_ns <= before->time_ns)
		return rate;
	rate.seconds = (double)(entry->time_ns - before->time_ns) / 1e9;
	rate.in = (double)(entry->info.sent - before->info.sent) / rate.seconds;
	rate.out = (double)(entry->info.received - before->info.received) / rate.seconds;
	return rate;
}

enum status rates_update(struct rates *rates, const char *which)
{
	struct rates now = NO_RATES;
	enum status status;

	status = list_channels(&now.list, which, false);
	if (status == DONE)
		status = list_check_abi(&now.list);
	if (status != DONE)
		goto fail;
	now.rates = calloc(now.list.count + 1, sizeof(*now.rates));
	if (!now.rates) {
		status = report_errno("top", ENOMEM);
		goto fail;
	}
	if (rates->list.count)
		qsort(rates->list.entries, rates->list.count, sizeof(*rates->list.entries), by_id);
	for (size_t i = 0; i < now.list.count; i++) {
		const struct entry *entry = &now.list.entries[i];

		now.rates[i] = rate_of(entry, find(&rates->list, entry));
	}
	rates_free(rates);
	*rates = now;
	return DONE;

fail:
	rates_free(&now);
	return status;
}

void rates_free(struct rates *rates)
{
	free(rates->rates);
	list_free(&rates->list);
	*rates = (struct rates)NO_RATES;
}
