/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by grammar.c and gen.c. */
#ifndef FUZZ_GEN_H
#define FUZZ_GEN_H

/* The label of a choice that stands for any number. */
#define ANY_LABEL	"any"

#endif
