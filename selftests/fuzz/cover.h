/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Coverage of the module by KCOV: each thread of a program has a buffer, which the
 * supervisor reads when the program has ended.
 */
#ifndef FUZZ_COVER_H
#define FUZZ_COVER_H

#include <stdbool.h>
#include <stdio.h>

/* The supervisor's own buffer. */
#define COVER_SUPERVISOR	(MAX_ACTORS + 1)
#define COVER_BUFFERS		(MAX_ACTORS + 2)

void cover_open(const char *sites);
void cover_locate(void);
void cover_begin(unsigned int buffer);
void cover_end(unsigned int buffer);
unsigned int cover_collect(unsigned int buffer);
void cover_clear(void);

unsigned int cover_sites(void);
unsigned int cover_reached(void);
unsigned int cover_edges(void);
void cover_print(void);

#endif
