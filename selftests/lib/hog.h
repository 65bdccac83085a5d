/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A hog: a thread that leaves nobody else on its processor any time, so that
 * what is to run there stays as it is. No test is here.
 */
#ifndef SELFTESTS_HOG_H
#define SELFTESTS_HOG_H

#include <pthread.h>
#include <stdbool.h>

bool pin(pthread_t thread, int cpu);
bool hog_start(pthread_t *thread, int cpu);
void hog_end(pthread_t thread);

#endif
