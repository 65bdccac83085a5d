/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Making the kernel fail what the module asks of it: memory (failslab,
 * fail_page_alloc) and copies from and to user space (fail_usercopy), as in the
 * kernel's Documentation/fault-injection. Either the nth of these, counted for
 * one thread from a moment on (fail-nth), or all of a kind, whoever has called
 * the module. Only what is called from the module's text fails (require-start),
 * but older kernels count for the nth what the rest of the system call asks for,
 * too: then it fails on the way there. No test is here.
 */
#ifndef SELFTESTS_INJECT_H
#define SELFTESTS_INJECT_H

#include <stdbool.h>

/* More of them than that no operation has: it would go on for ever. */
#define INJECT_MOST	20000

/* What fails, for inject_all(). */
enum inject_kind {
	INJECT_SLAB,
	INJECT_PAGES,
	INJECT_COPIES,
	INJECT_KINDS
};

/*
 * By root, before all else, and again when the module was loaded anew: -errno,
 * which is -ENOENT on a kernel that cannot and without the module.
 */
int inject_setup(void);

/* What the rest of the kernel asks for fails, too, until the next setup. */
int inject_everywhere(void);

/* The calling thread's own; close(2) ends it. */
int inject_open(void);

/* The nth fails from here on. */
void inject_nth(int fd, unsigned int n);

/* That is over; how many more it would have taken: 0 when it happened. */
unsigned int inject_left(int fd);

/* That is over; did it happen? */
bool inject_end(int fd);

/* All of a kind, on or off. */
int inject_all(enum inject_kind kind, bool on);

#endif
