// SPDX-License-Identifier: GPL-2.0
/*
 * What is wrong with the module, its filesystem or its device, and what to do.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cmd.h"

#define MOUNT	"sudo mount -t gochan -o x-mount.mkdir gochan /dev/gochans"
#define GIVE	"a container has to be given it, as by docker run --device"
#define RELOAD	"remove it, unmount every gochanfs and reload the module"

static bool is_loaded(void)
{
	return access("/sys/module/gochan", F_OK) == 0;
}

/* Does modprobe(8) find the module? The kernel calls it for a mount. */
static bool is_installed(const char *release)
{
	char path[256], *line = NULL;
	bool found = false;
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", release);
	file = fopen(path, "re");
	if (!file)
		return false;
	/* Lines are "extra/gochan.ko.xz: what it depends on". */
	while (!found && getline(&line, &size, file) >= 0) {
		line[strcspn(line, ":")] = '\0';
		found = strstr(line, "gochan.ko");
	}
	free(line);
	fclose(file);
	return found;
}

/* Why the module cannot be loaded; NULL if it can be, or is. */
static const char *module_problem(void)
{
	static char problem[256];
	struct utsname kernel;

	uname(&kernel);
	if (is_loaded() || is_installed(kernel.release))
		return NULL;
	snprintf(problem, sizeof(problem),
		 "the module is neither loaded nor in /lib/modules/%s: install it for this kernel",
		 kernel.release);
	return problem;
}

/* Device files cannot be opened on a filesystem that is mounted so. */
bool report_nodev(const char *name, const char *path)
{
	struct statvfs st;

	if (statvfs(path, &st) || !(st.f_flag & ST_NODEV))
		return false;
	print_error("%s: channels cannot be opened on a filesystem mounted nodev; remount it: %s",
		    name, "mount -o remount,dev DIRECTORY");
	return true;
}

enum status report_no_mount(void)
{
	const char *problem = module_problem();

	if (!problem)
		problem = "no gochanfs is mounted: " MOUNT;
	print_error("%s", problem);
	return FAILED;
}

/* Has it the number that the module's device has now? */
static bool is_current(const struct stat *device)
{
	FILE *file = fopen("/sys/class/gochan/gochan/dev", "re");
	unsigned int major, minor;
	int fields;

	if (!file)
		return true;
	fields = fscanf(file, "%u:%u", &major, &minor);
	fclose(file);
	return fields != 2 || device->st_rdev == makedev(major, minor);
}

const char *device_problem(void)
{
	struct stat st;
	bool exists = stat(DEV_GOCHAN, &st) == 0;

	if (exists && !S_ISCHR(st.st_mode))
		return DEV_GOCHAN " is not the module's device, but an older file: " RELOAD;
	if (!is_loaded())
		return module_problem() ?: "the module is not loaded: sudo modprobe gochan";
	if (!exists)
		return DEV_GOCHAN " does not exist, although the module is loaded: " GIVE;
	if (!is_current(&st))
		return DEV_GOCHAN " has another number than the module's device: " RELOAD;
	return NULL;
}

enum status report_other_abi(int abi)
{
	if (abi < GOCHAN_ABI)
		print_error("the module: too old for this command, which needs interface %d; %s",
			    GOCHAN_ABI, "update it, then reload it");
	else
		print_error("%s: too old for the module, whose interface is later than %d; %s",
			    "this command", GOCHAN_ABI, "update it");
	return FAILED;
}
