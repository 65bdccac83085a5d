/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module and what of it lies outside of channels: its file, parameters,
 * names, what users are charged. For the supervisor, and for programs that
 * change some of that.
 */
#ifndef FUZZ_GUEST_H
#define FUZZ_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../lib/common.h"

bool module_is_loaded(void);
long module_users(void);

void params_remember(void);
long param_set(unsigned int which, uint64_t value);
long param_reset(unsigned int which);
void params_reset(void);

void names_remove(void);

void charges_remember(void);
const char *charges_left(void);

void faults_prepare(void);
void faults_locate(void);

#endif
