/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module as a whole: loading, parameters, names and charges. For the supervisor,
 * and for calls that change them.
 */
#ifndef FUZZ_GUEST_H
#define FUZZ_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../lib/common.h"

bool module_is_loaded(void);
long module_users(void);

void params_save(void);
long param_set(unsigned int which, uint64_t value);
long param_reset(unsigned int which);
void params_reset(void);

void charges_init(void);
const char *charges_left(void);

void faults_prepare(void);
void faults_locate(void);

#endif
