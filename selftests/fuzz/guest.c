// SPDX-License-Identifier: GPL-2.0
/*
 * The module and what of it lies outside of channels; see guest.h.
 */
#define _XOPEN_SOURCE 700

#include "guest.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/gochan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "actor.h"

#define SYS_MODULE	"/sys/module/gochan"

/* As much as the module's code may be; nothing else is that near. */
#define TEXT_SIZE	(256UL << 10)

/* ---- the module ---- */

bool module_is_loaded(void)
{
	return !access(SYS_MODULE "/refcnt", F_OK);
}

/* How many hold it. */
long module_users(void)
{
	char text[32];
	long ret = read_text(SYS_MODULE "/refcnt", text, sizeof(text));

	return ret < 0 ? ret : strtol(text, NULL, 10);
}

/* ---- parameters ---- */

static uint64_t standard[PARAMS];

static void param_path(unsigned int which, char *path, size_t size)
{
	snprintf(path, size, SYS_MODULE "/parameters/%s", params[which]);
}

void params_remember(void)
{
	char path[128], text[32];
	unsigned int i;

	for (i = 0; i < PARAMS; i++) {
		param_path(i, path, sizeof(path));
		if (read_text(path, text, sizeof(text)) < 0)
			err(1, "%s", path);
		standard[i] = strtoull(text, NULL, 10);
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
	return param_set(which, standard[which]);
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

/* ---- names ---- */

static void unlink_name(int ch, const char *name)
{
	struct gochan_link link = {};
	char *slash;

	memcpy(link.name, name, strnlen(name, sizeof(link.name) - 1));
	slash = strchr(link.name, '!');
	if (slash)
		*slash = '/';
	ioctl(ch, GOCHAN_IOC_UNLINK, &link);
}

static int remove_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	remove(path);
	return 0;
}

/* All names, and what else lies where they go. */
void names_remove(void)
{
	const int ch = open("/dev/gochan", O_RDWR | O_CLOEXEC);
	DIR *dir = opendir("/sys/class/gochan");
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlink_name(ch, entry->d_name);
	if (dir)
		closedir(dir);
	if (ch >= 0)
		close(ch);
	nftw("/dev/gochans", remove_file, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- charges ---- */

/* What one message of 64 bytes in a channel costs. */
static uint64_t price;

/* A receive that would have to wait, by somebody who may have nothing. */
static bool may_wait(int ch)
{
	char byte;
	struct gochan_op op = { .fd = ch, .opcode = GOCHAN_OP_RECV, .buf = (uintptr_t)&byte,
				.len = 1 };
	struct gochan_ops ops = { .ops = (uintptr_t)&op, .count = 1, .timeout = 0 };

	return ioctl(ch, GOCHAN_IOC_BATCH, &ops) < 0 && errno == ETIMEDOUT;
}

/* Is nothing charged to this user? Then what just fits does fit. */
static const char *charged(uid_t uid)
{
	const char *what = NULL;
	int ch;

	param_set_by_name("max_user_channels", 1);
	param_set_by_name("max_user_bytes", price);
	param_set_by_name("max_bytes", price);
	if (as_user(uid))
		return "cannot become a user";
	ch = ch_make(1, 64, 0);
	if (ch < 0)
		what = ch == -EDQUOT ? "a user still owes" :
		       ch == -EINVAL ? "all users still owe" :
				       "a user cannot make a channel";
	as_root();
	if (!what) {
		param_set_by_name("max_user_bytes", 0);
		as_user(uid);
		if (!may_wait(ch))
			what = "a user still owes for messages put back";
		as_root();
	}
	if (ch >= 0)
		close(ch);
	return what;
}

/* Find the price: the limit at which it fits. */
void charges_remember(void)
{
	for (price = 64; price < 4096 && charged(USER_ID); price++)
		;
	params_reset();
	if (price == 4096)
		errx(1, "no price was found");
}

/* What a program left behind that is charged to a user, or NULL. */
const char *charges_left(void)
{
	const char *what = charged(USER_ID) ?: charged(USER_ID + 1);

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

/* Where a fault was asked for, any allocation may fail, and silently. */
void faults_prepare(void)
{
	fault_set("verbose", "0");
	fault_set("ignore-gfp-wait", "0");
	fault_set("min-order", "0");
}

/*
 * The module was loaded, and is there now. From Linux 6.2 on only what it asks
 * for fails; 6.1 does not look at that where the nth is to fail.
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
