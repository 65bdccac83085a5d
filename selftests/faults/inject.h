/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fault injection into the module's requests to the kernel: memory (failslab,
 * fail_page_alloc) and copies from and to user space (fail_usercopy); see the
 * kernel's Documentation/fault-injection. Either one thread's nth request fails,
 * counted from a given moment (fail-nth), or all requests of a kind, whichever
 * task makes them. Only requests from the module's text fail (require-start), but
 * older kernels also count, and fail, for the nth those of the rest of the system
 * call. No test is here.
 */
#ifndef SELFTESTS_INJECT_H
#define SELFTESTS_INJECT_H

#include <stdbool.h>

/* No operation makes more requests: one that seems to would never end. */
#define INJECT_MOST	20000

/* Kinds of requests, for inject_all(). */
enum inject_kind {
	INJECT_SLAB,
	INJECT_PAGES,
	INJECT_COPIES,
	INJECT_KINDS
};

/*
 * To be called by root, first and again after the module was reloaded. Returns
 * -errno: -ENOENT without the module, and on a kernel without fault injection.
 */
int inject_setup(void);

/* Let requests of the rest of the kernel fail, too, until the next setup. */
int inject_everywhere(void);

/* Open the calling thread's fail-nth file; close(2) ends the injection. */
int inject_open(void);

/* Let the nth request from now on fail. */
void inject_nth(int fd, unsigned int n);

/* End that. How many more requests it would have taken; 0: one has failed. */
unsigned int inject_left(int fd);

/* End that. Has a request failed? */
bool inject_end(int fd);

/* Let all requests of a kind fail, or none. */
int inject_all(enum inject_kind kind, bool on);

/*
 * Let all allocations of nodes of XArrays fail, and no others: scripts/check has their slab
 * cache marked.
 */
int inject_nodes(bool on);

/* Let the next @count requests of a kind fail; and how many of them have not failed yet. */
int inject_some(enum inject_kind kind, unsigned int count);
unsigned int inject_rest(enum inject_kind kind);

#endif
