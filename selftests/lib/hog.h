/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A hog: a real-time thread that occupies a processor, so that other tasks
 * pinned to it do not run until hog_end().
 */
#ifndef SELFTESTS_HOG_H
#define SELFTESTS_HOG_H

#include <pthread.h>
#include <stdbool.h>

bool pin(pthread_t thread, int cpu);
bool hog_start(pthread_t *thread, int cpu);
void hog_end(pthread_t thread);

#endif
