// SPDX-License-Identifier: GPL-2.0
/*
 * gochan: Go's channels as device files. Load and unload, and the channels
 * made at load by the parameter channels=.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "chan.h"
#include "handle.h"
#include "node.h"
#include "quota.h"

#define CHANNELS_DEFAULT_MODE	0660

static char *channels = "";
module_param(channels, charp, 0444);
MODULE_PARM_DESC(channels, "named channels to make: NAME:CAPACITY[:SIZE[:MODE]],...");

static struct miscdevice gochan_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "gochan",
	.fops = &gochan_fops,
	.mode = 0666,
};

static int make_named(const char *name, const struct gochan_setup *setup, umode_t mode)
{
	struct chan *ch = chan_make();
	int err;

	if (IS_ERR(ch))
		return PTR_ERR(ch);
	err = chan_setup(ch, setup);
	if (!err)
		err = gochan_node_link(ch, name, mode);
	chan_put(ch);
	return err;
}

/* NAME:CAPACITY[:SIZE[:MODE]] */
static int make_described(char *text)
{
	struct gochan_setup setup = { .msg_size = GOCHAN_DEFAULT_MSG_SIZE };
	const char *name = strsep(&text, ":");
	const char *capacity = strsep(&text, ":");
	const char *size = strsep(&text, ":");
	u16 mode = CHANNELS_DEFAULT_MODE;

	if (!capacity || kstrtou32(capacity, 10, &setup.capacity) ||
	    (size && kstrtou32(size, 10, &setup.msg_size)) ||
	    (text && kstrtou16(text, 8, &mode)))
		return -EINVAL;
	return make_named(name, &setup, mode);
}

static int make_channels(void)
{
	char *list = kstrdup(channels, GFP_KERNEL);
	char *rest = list, *item;
	int err = 0;

	if (!list)
		return -ENOMEM;
	while (!err && *list && (item = strsep(&rest, ","))) {
		size_t at = item - list;

		err = make_described(item);
		if (err)
			pr_err("channels=%s: the part from \"%s\" failed: error %d\n",
			       channels, channels + at, err);
	}
	kfree(list);
	return err;
}

/* What can fail comes first: once a file can be opened, the module has to stay. */
static int __init gochan_init(void)
{
	int err;

	gochan_quota_init();
	err = chan_init();
	if (err)
		return err;
	err = gochan_node_init();
	if (err)
		goto exit;
	err = make_channels();
	if (err)
		goto unlink;
	err = gochan_node_serve(&gochan_fops);
	if (err)
		goto unlink;
	err = misc_register(&gochan_misc);
	if (err)
		goto unserve;
	gochan_node_set_ready();
	return 0;

unserve:
	gochan_node_unserve();
unlink:
	gochan_node_unlink_all();
	gochan_node_exit();
exit:
	chan_exit();
	/* insmod reports EEXIST as "already loaded". */
	return err == -EEXIST ? -EBUSY : err;
}

static void __exit gochan_exit(void)
{
	misc_deregister(&gochan_misc);
	gochan_node_unserve();
	gochan_node_exit();
	chan_exit();
}

module_init(gochan_init);
module_exit(gochan_exit);

MODULE_DESCRIPTION("Go channels between processes, as device files");
MODULE_AUTHOR("gochan developers");
MODULE_VERSION("0.1.0");
MODULE_LICENSE("GPL");
