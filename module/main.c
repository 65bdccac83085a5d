// SPDX-License-Identifier: GPL-2.0
/*
 * gochan: Go's channels as device files. Load and unload, and the device /dev/gochan.
 */

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/module.h>

#include "chan.h"
#include "compat.h"
#include "debug.h"
#include "fs.h"
#include "handle.h"
#include "quota.h"

bool gochan_loaded;

static dev_t gochan_devt;
static struct cdev *gochan_cdev;

static char *gochan_devnode(compat_const struct device *dev, umode_t *mode)
{
	if (mode)
		*mode = 0666;
	return NULL;
}

static struct class gochan_class = {
	.name = "gochan",
	.devnode = gochan_devnode,
};

/* Make /dev/gochan, which can be opened once gochan_loaded is set. */
static int device_init(void)
{
	struct device *dev;
	int err;

	err = alloc_chrdev_region(&gochan_devt, 0, 1, "gochan");
	if (err)
		return err;
	err = class_register(&gochan_class);
	if (err)
		goto unregister_region;
	err = -ENOMEM;
	gochan_cdev = cdev_alloc();
	if (!gochan_cdev)
		goto unregister_class;
	gochan_cdev->owner = THIS_MODULE;
	gochan_cdev->ops = &gochan_fops;
	err = cdev_add(gochan_cdev, gochan_devt, 1);
	if (err) {
		kobject_put(&gochan_cdev->kobj);
		goto unregister_class;
	}
	dev = device_create(&gochan_class, NULL, gochan_devt, NULL, "gochan");
	err = PTR_ERR_OR_ZERO(dev);
	if (err)
		goto del;
	return 0;

del:
	cdev_del(gochan_cdev);
unregister_class:
	class_unregister(&gochan_class);
unregister_region:
	unregister_chrdev_region(gochan_devt, 1);
	return err;
}

static void device_exit(void)
{
	device_destroy(&gochan_class, gochan_devt);
	cdev_del(gochan_cdev);
	class_unregister(&gochan_class);
	unregister_chrdev_region(gochan_devt, 1);
}

/* What can fail comes first: once something can be mounted, the module has to stay. */
static int __init gochan_init(void)
{
	int err;

	gochan_quota_init();
	err = chan_init();
	if (err)
		return err;
	err = gochan_fs_init();
	if (err)
		goto exit_chan;
	err = device_init();
	if (err)
		goto exit_fs;
	err = gochan_fs_register();
	if (err)
		goto exit_device;
	gochan_debug_init();
	WRITE_ONCE(gochan_loaded, true);
	return 0;

exit_device:
	device_exit();
exit_fs:
	gochan_fs_exit();
exit_chan:
	chan_exit();
	return err;
}

static void __exit gochan_exit(void)
{
	gochan_debug_exit();
	gochan_fs_unregister();
	device_exit();
	gochan_fs_exit();
	chan_exit();
}

module_init(gochan_init);
module_exit(gochan_exit);

MODULE_DESCRIPTION("Go channels between processes, as device files");
MODULE_AUTHOR("gochan developers");
MODULE_VERSION("0.2.0");
MODULE_LICENSE("GPL");
