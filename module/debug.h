/* SPDX-License-Identifier: GPL-2.0 */
/*
 * debugfs (debug.c).
 */
#ifndef GOCHAN_DEBUG_H
#define GOCHAN_DEBUG_H

void gochan_debug_init(void);
void gochan_debug_exit(void);

#endif /* GOCHAN_DEBUG_H */
