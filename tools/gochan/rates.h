/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The named channels and how many messages passed on them per second since the list
 * before. A channel is known by its id: its name may be another one's by now.
 */
#ifndef GOCHAN_RATES_H
#define GOCHAN_RATES_H

#include "list.h"

struct rate {
	const struct entry *entry;
	double in, out;		/* sent and received per second, NAN if unknown */
	double seconds;		/* in which they passed, NAN if unknown */
};

struct rates {
	struct list list;
	struct rate *rates;	/* of list.count channels */
};

#define NO_RATES	{ .rates = NULL }

/* List the channels anew, @which as for list_channels(), and compare with the list before. */
enum status rates_update(struct rates *rates, const char *which);
void rates_free(struct rates *rates);

#endif /* GOCHAN_RATES_H */
