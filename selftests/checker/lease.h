/* SPDX-License-Identifier: GPL-2.0 */
/* Leases of acknowledged channels: what the model of search.c knows of them. */
#ifndef SELFTESTS_LEASE_H
#define SELFTESTS_LEASE_H

#include "state.h"

void match_leases(struct search *s);
bool is_lease_wrong(const struct search *s, size_t recv, const struct lin_op **other,
		    const char **wrong);
struct entry *find_lease(const struct search *s, struct state *st, const struct lin_op *op);
unsigned int nr_leased(const struct search *s, const struct state *st);
bool has_leases(const struct search *s, const struct state *st, int process);
bool has_earlier(const struct search *s, const struct state *st, size_t lane);
bool is_place_of(const struct search *s, const struct state *st, size_t msg);
void drop_entry(struct state *st, struct entry *entry);
void return_entry(const struct search *s, struct state *st, struct entry *entry);
void return_all(const struct search *s, struct state *st, int process);

#endif
