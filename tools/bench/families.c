// SPDX-License-Identifier: GPL-2.0
/*
 * The families of the benchmark program; those of the worker pool's are in jobs/pool.c.
 */
#include "bench.h"

const struct family *const families[] = {
	&family_self, &family_pingpong, &family_stream, &family_batch, &family_seq,
	&family_mpsc, &family_mpmc, &family_select, &family_select_asleep, &family_select_rx,
	&family_select_both, &family_wake, &family_create, &family_memory, NULL
};
