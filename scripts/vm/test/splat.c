// SPDX-License-Identifier: GPL-2.0
/*
 * Triggers a kernel warning when it is loaded.
 */
#include <linux/bug.h>
#include <linux/init.h>
#include <linux/module.h>

static int __init splat_init(void)
{
	WARN(1, "splat\n");
	return 0;
}
module_init(splat_init);

MODULE_DESCRIPTION("Prints a kernel warning");
MODULE_LICENSE("GPL");
