// SPDX-License-Identifier: GPL-2.0
/*
 * What "gochan top" shows of channels.
 */
#include <math.h>

#include "json.h"
#include "rates.h"
#include "top.h"

enum { IN, OUT, BYTES, LEN, CAP, SENDERS, RECEIVERS, LEASED, NAME, COLUMNS };

static const char *const keys[COLUMNS] = {
	"in", "out", "bytes", "len", "cap", "wait-send", "wait-recv", "leased", "name",
};

static const char *const titles[COLUMNS] = {
	"IN/S", "OUT/S", "BYTES", "LEN", "CAP", "WAIT-SEND", "WAIT-RECV", "LEASED", "NAME",
};

static struct rates rates = NO_RATES;

static enum status update(const char *which)
{
	return rates_update(&rates, which);
}

static size_t count(void)
{
	return rates.list.count;
}

static double value(size_t row, int column)
{
	const struct rate *rate = &rates.rates[row];
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

static const char *text(size_t row, int column)
{
	(void)column;
	return rates.rates[row].entry->name;
}

static void json(size_t row)
{
	const struct rate *rate = &rates.rates[row];

	entry_json(rate->entry);
	json_decimal("sent_per_second", rate->in, 3);
	json_decimal("received_per_second", rate->out, 3);
	json_decimal("interval", rate->seconds, 6);
}

static void clear(void)
{
	rates_free(&rates);
}

const struct view channels_view = {
	.what = "channels",
	.columns = COLUMNS,
	.rates = BYTES,
	.numbers = NAME,
	.keys = keys,
	.titles = titles,
	.update = update,
	.count = count,
	.value = value,
	.text = text,
	.json = json,
	.free = clear,
};
