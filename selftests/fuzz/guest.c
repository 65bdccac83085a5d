// SPDX-License-Identifier: GPL-2.0
/*
 * The module, its parameters, names and charges, and fault injection; see guest.h.
 */
#define _XOPEN_SOURCE 700

#include "guest.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/gochan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "actor.h"

#define SYS_MODULE	"/sys/module/gochan"

/* An upper bound of the size of the module's code; no other code is that near. */
#define TEXT_SIZE	(256UL << 10)

/* ---- the module ---- */

bool module_is_loaded(void)
{
	return !access(SYS_MODULE "/refcnt", F_OK);
}

/* Its reference count. */
long module_users(void)
{
	char text[32];
	long ret = read_text(SYS_MODULE "/refcnt", text, sizeof(text));

	return ret < 0 ? ret : strtol(text, NULL, 10);
}

/* ---- parameters ---- */

static uint64_t defaults[PARAMS];

static void param_path(unsigned int which, char *path, size_t size)
{
	snprintf(path, size, SYS_MODULE "/parameters/%s", params[which]);
}

void params_save(void)
{
	char path[128], text[32];
	unsigned int i;

	for (i = 0; i < PARAMS; i++) {
		param_path(i, path, sizeof(path));
		if (read_text(path, text, sizeof(text)) < 0)
			err(1, "%s", path);
		defaults[i] = strtoull(text, NULL, 10);
	}
}

long param_set(unsigned int which, uint64_t value)
{
	char path[128], text[32];

	param_path(which, path, sizeof(path));
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return write_text(path, text);
}

long param_reset(unsigned int which)
{
	return param_set(which, defaults[which]);
}

void params_reset(void)
{
	unsigned int i;

	for (i = 0; i < PARAMS; i++)
		param_reset(i);
}

static void param_set_by_name(const char *name, uint64_t value)
{
	unsigned int i;

	for (i = 0; i < PARAMS; i++)
		if (!strcmp(params[i], name))
			param_set(i, value);
}

/* ---- charges ---- */

/* The charge for a channel with one slot of 64 bytes. */
static uint64_t min_charge;

/* Can a user whose limit is 0 bytes begin a blocking receive? */
static bool can_block(int ch)
{
	char byte;
	struct gochan_op op = { .fd = ch, .opcode = GOCHAN_OP_RECV, .buf = (uintptr_t)&byte,
				.len = 1 };
	struct gochan_ops ops = { .ops = (uintptr_t)&op, .count = 1, .timeout = 0 };

	return ioctl(ch, GOCHAN_IOC_BATCH, &ops) < 0 && errno == ETIMEDOUT;
}

/* Is anything charged to this user? Then a channel that just fits cannot be made. */
static const char *find_charge(uid_t uid)
{
	const char *what = NULL;
	int ch;

	param_set_by_name("max_user_channels", 1);
	param_set_by_name("max_user_bytes", min_charge);
	param_set_by_name("max_bytes", min_charge);
	if (as_user(uid))
		return "cannot become a user";
	ch = ch_make(1, 64, 0);
	if (ch < 0)
		what = ch == -EDQUOT ? "a user is still charged" :
		       ch == -ENOSPC ? "all users together are still charged" :
				       "a user cannot make a channel";
	as_root();
	if (!what) {
		param_set_by_name("max_user_bytes", 0);
		as_user(uid);
		if (!can_block(ch))
			what = "a user is still charged for messages";
		as_root();
	}
	if (ch >= 0)
		close(ch);
	return what;
}

/* Find the charge: the lowest limit that allows the channel. */
void charges_init(void)
{
	for (min_charge = 64; min_charge < 4096 && find_charge(USER_ID); min_charge++)
		;
	params_reset();
	if (min_charge == 4096)
		errx(1, "the charge for a channel was not found");
}

/* A description of what is still charged to a user after a program, or NULL. */
const char *charges_left(void)
{
	const char *what = find_charge(USER_ID) ?: find_charge(USER_ID + 1);

	params_reset();
	return what;
}

/* ---- fault injection ---- */

static const char *const faults[] = { "failslab", "fail_page_alloc", "fail_usercopy" };

static void fault_set(const char *name, const char *value)
{
	char path[128];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", faults[i], name);
		write_text(path, value);
	}
}

/* Injected faults apply to all allocations, and are not logged. */
void faults_prepare(void)
{
	fault_set("verbose", "0");
	fault_set("ignore-gfp-wait", "0");
	fault_set("min-order", "0");
}

/*
 * The module was loaded: restrict faults to its own requests. This works from Linux
 * 6.2 on; 6.1 ignores it for fail-nth.
 */
void faults_locate(void)
{
	char text[32], end[32];

	if (read_text(SYS_MODULE "/sections/.text", text, sizeof(text)) < 0)
		return;
	snprintf(end, sizeof(end), "%#lx", strtoul(text, NULL, 16) + TEXT_SIZE);
	fault_set("require-start", text);
	fault_set("require-end", end);
}
