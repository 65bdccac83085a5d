// SPDX-License-Identifier: GPL-2.0
/*
 * Names: the table of them, their device numbers and their device files,
 * /dev/gochans/NAME and /dev/gochans/UID/NAME.
 *
 * A name is reserved in the table before its device file appears, is live while the
 * file stands and was seen by us, and leaves the table only when the file is gone. Only
 * a live one can be opened, and only through the very inode that we saw: not through a
 * copy of the node, nor through an old one whose number was given out again.
 *
 * nodes_lock, a mutex, guards the table and chan.node. It is never held while
 * a device is added or removed, and no lock is taken inside it.
 */

#include <linux/capability.h>
#include <linux/cdev.h>
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/device.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/hashtable.h>
#include <linux/idr.h>
#include <linux/kdev_t.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/path.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/stringhash.h>
#include <linux/wait_bit.h>

#include "chan.h"
#include "compat.h"
#include "node.h"
#include "quota.h"

#define NODE_MINORS	(MINORMASK + 1)

/* "4294967295/", a name and the terminating NUL */
#define NODE_PATH_SIZE	(11 + GOCHAN_NAME_SIZE)

/* Where a node is in its life. */
enum node_state {
	NODE_RESERVED,
	NODE_LIVE,
	NODE_DYING,
};

/**
 * struct node - a name and its device file
 * @dev: the device; its release frees the node
 * @hash: place in nodes_by_path; nodes_lock
 * @state: nodes_lock
 * @inode: the device file, a counted reference; NULL unless live; nodes_lock
 * @ch: the channel, a counted reference
 * @user: whom the name is charged to
 * @uid: the device file's first owner
 * @gid: and group
 * @mode: and permissions
 * @path: the name below /dev/gochans
 * @name: the name, without the folder
 */
struct node {
	struct device dev;
	struct hlist_node hash;
	enum node_state state;
	struct inode *inode;
	struct chan *ch;
	struct quota_user *user;
	kuid_t uid;
	kgid_t gid;
	umode_t mode;
	char path[NODE_PATH_SIZE];
	const char *name;
};

static DEFINE_MUTEX(nodes_lock);
static DEFINE_HASHTABLE(nodes_by_path, 8);
static DEFINE_IDR(nodes_by_minor);
static unsigned int nr_named;		/* names in the table; nodes_lock */
static atomic_t nr_nodes;		/* struct nodes not freed yet */

static dev_t node_devt;
static struct cdev node_cdev;
static bool node_ready;			/* loading cannot fail any more */
static const struct cred *node_cred;	/* looks paths up as the kernel does */

/* ---- devices ---- */

static struct node *to_node(const struct device *dev)
{
	return container_of((struct device *)dev, struct node, dev);
}

static char *node_devnode(compat_const struct device *dev, umode_t *mode, kuid_t *uid,
			  kgid_t *gid)
{
	struct node *node = to_node(dev);

	/* Permissions of 0 alone would mean devtmpfs's default. */
	if (mode)
		*mode = S_IFCHR | node->mode;
	if (uid)
		*uid = node->uid;
	if (gid)
		*gid = node->gid;
	/* Without it the file of another name would be made, or removed. */
	return kasprintf(GFP_KERNEL | __GFP_NOFAIL, "gochans/%s", node->path);
}

static ssize_t capacity_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	return sysfs_emit(buf, "%u\n", chan_config(to_node(dev)->ch)->capacity);
}
static DEVICE_ATTR_RO(capacity);

static ssize_t msg_size_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	return sysfs_emit(buf, "%u\n", chan_config(to_node(dev)->ch)->msg_size);
}
static DEVICE_ATTR_RO(msg_size);

static ssize_t len_show(struct device *dev, struct device_attribute *attr,
			char *buf)
{
	struct gochan_info info;

	chan_info(to_node(dev)->ch, &info);
	return sysfs_emit(buf, "%u\n", info.len);
}
static DEVICE_ATTR_RO(len);

static ssize_t closed_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct gochan_info info;

	chan_info(to_node(dev)->ch, &info);
	return sysfs_emit(buf, "%u\n", info.closed);
}
static DEVICE_ATTR_RO(closed);

static struct attribute *node_attrs[] = {
	&dev_attr_capacity.attr,
	&dev_attr_msg_size.attr,
	&dev_attr_len.attr,
	&dev_attr_closed.attr,
	NULL
};
ATTRIBUTE_GROUPS(node);

static const struct device_type node_type = {
	.name = "gochan",
	.groups = node_groups,
	.devnode = node_devnode,
};

static struct class node_class = {
	.name = "gochan",
};

static void node_release(struct device *dev)
{
	kfree(to_node(dev));
	if (atomic_dec_and_test(&nr_nodes))
		wake_up_var(&nr_nodes);
}

/* ---- names ---- */

static bool name_valid(const char *name)
{
	size_t len = strnlen(name, GOCHAN_NAME_SIZE);
	bool digits = true;
	const char *c;

	if (!len || len == GOCHAN_NAME_SIZE || *name == '.' || *name == '-')
		return false;
	for (c = name; *c; c++) {
		if (!isascii(*c) || (!isalnum(*c) && !strchr("._-", *c)))
			return false;
		digits = digits && isdigit(*c);
	}
	return !digits;
}

static struct node *node_find(const char *path)
{
	struct node *node;

	hash_for_each_possible(nodes_by_path, node, hash,
			       full_name_hash(NULL, path, strlen(path)))
		if (!strcmp(node->path, path))
			return node;
	return NULL;
}

/* Put the node into the table: from here on nobody else gets its name. */
static int node_reserve(struct node *node)
{
	int minor, err = 0;

	mutex_lock(&nodes_lock);
	if (node_find(node->path)) {
		err = -EEXIST;
		goto unlock;
	}
	if (nr_named >= READ_ONCE(gochan_max_named)) {
		err = -EINVAL;
		goto unlock;
	}
	/* In turn, so that a number is not soon given out again. */
	minor = idr_alloc_cyclic(&nodes_by_minor, node, 0, NODE_MINORS,
				 GFP_KERNEL_ACCOUNT);
	if (minor < 0) {
		err = minor;
		goto unlock;
	}
	node->dev.devt = MKDEV(MAJOR(node_devt), minor);
	hash_add(nodes_by_path, &node->hash,
		 full_name_hash(NULL, node->path, strlen(node->path)));
	nr_named++;
	*chan_node(node->ch) = node;
unlock:
	mutex_unlock(&nodes_lock);
	return err;
}

static void node_unreserve(struct node *node)
{
	mutex_lock(&nodes_lock);
	hash_del(&node->hash);
	idr_remove(&nodes_by_minor, MINOR(node->dev.devt));
	nr_named--;
	*chan_node(node->ch) = NULL;
	mutex_unlock(&nodes_lock);
}

/* ---- the device file ---- */

/* The root folder of the host's first process. */
static int host_root(struct path *root)
{
	struct task_struct *init;
	int err = -ENODEV;

	rcu_read_lock();
	init = pid_task(find_pid_ns(1, &init_pid_ns), PIDTYPE_TGID);
	if (init)
		get_task_struct(init);
	rcu_read_unlock();
	if (!init)
		return err;

	task_lock(init);
	if (init->fs) {
		get_fs_root(init->fs, root);
		err = 0;
	}
	task_unlock(init);
	put_task_struct(init);
	return err;
}

/* What stands at a path of the host, as a file that is a mere reference. */
static struct file *host_lookup(const char *name)
{
	const struct cred *old;
	struct file *file;
	struct path root;
	int err;

	err = host_root(&root);
	if (err)
		return ERR_PTR(err);
	old = override_creds(node_cred);
	file = file_open_root(&root, name, O_PATH | O_NOFOLLOW, 0);
	revert_creds(old);
	path_put(&root);
	return file;
}

static bool is_device_file(const struct node *node, const struct inode *inode)
{
	return S_ISCHR(inode->i_mode) && inode->i_rdev == node->dev.devt &&
	       !strcmp(inode->i_sb->s_type->name, "devtmpfs");
}

/*
 * The inode of the device file just added, which device_add() does not vouch for. The
 * kernel keeps devtmpfs mounted, so that its inode may be kept without its mount.
 */
static struct inode *node_see(const struct node *node)
{
	struct inode *inode;
	struct file *file;
	char *name;

	name = kasprintf(GFP_KERNEL, "dev/gochans/%s", node->path);
	if (!name)
		return ERR_PTR(-ENOMEM);
	file = host_lookup(name);
	kfree(name);
	if (IS_ERR(file))
		return ERR_PTR(PTR_ERR(file) == -ENOMEM ? -ENOMEM : -ENODEV);

	inode = file_inode(file);
	if (is_device_file(node, inode))
		ihold(inode);
	else
		inode = ERR_PTR(-EEXIST);
	fput(file);
	return inode;
}

/* ---- linking ---- */

static struct node *node_alloc(struct chan *ch, const char *name, umode_t mode)
{
	struct node *node = kzalloc(sizeof(*node), GFP_KERNEL_ACCOUNT);

	if (!node)
		return NULL;
	node->uid = current_fsuid();
	node->gid = current_fsgid();
	node->mode = mode;
	node->ch = ch;
	if (capable(CAP_MKNOD))
		strscpy(node->path, name, sizeof(node->path));
	else
		snprintf(node->path, sizeof(node->path), "%u/%s",
			 from_kuid(&init_user_ns, node->uid), name);
	node->name = node->path + strlen(node->path) - strlen(name);

	atomic_inc(&nr_nodes);
	device_initialize(&node->dev);
	node->dev.class = &node_class;
	node->dev.type = &node_type;
	node->dev.release = node_release;
	dev_set_uevent_suppress(&node->dev, true);
	return node;
}

static int node_charge(struct node *node)
{
	int err;

	node->user = gochan_user_get();
	if (!node->user)
		return -ENOMEM;
	err = gochan_charge(node->user, QUOTA_NAMES, 1);
	if (err)
		gochan_user_put(node->user);
	return err;
}

static void node_uncharge(struct node *node)
{
	gochan_uncharge(node->user, QUOTA_NAMES, 1);
	gochan_user_put(node->user);
}

/* Make the device file of a reserved node, and the node live. */
static int node_add(struct node *node)
{
	struct inode *inode;
	int err;

	err = device_add(&node->dev);
	if (err)
		return err;
	inode = node_see(node);
	if (IS_ERR(inode)) {
		device_del(&node->dev);
		return PTR_ERR(inode);
	}
	mutex_lock(&nodes_lock);
	node->inode = inode;
	node->state = NODE_LIVE;
	mutex_unlock(&nodes_lock);
	return 0;
}

/*
 * Give a channel a name and a device file. -EINVAL for what is no name or passes
 * max_named, -EBUSY when the channel has a name, -EEXIST when the name is taken or
 * something else is at its path, -ENODEV without devtmpfs, -EDQUOT, -ENOMEM.
 */
int gochan_node_link(struct chan *ch, const char *name, umode_t mode)
{
	struct node *node;
	int err;

	if (!name_valid(name) || (mode & ~0777))
		return -EINVAL;
	node = node_alloc(ch, name, mode);
	if (!node)
		return -ENOMEM;
	err = dev_set_name(&node->dev, "%s", node->path);
	if (err)
		goto put;
	err = node_charge(node);
	if (err)
		goto put;
	err = chan_set_name(ch, node->name);
	if (err)
		goto uncharge;
	err = node_reserve(node);
	if (err)
		goto clear;
	/* The caller's file keeps us until the name does. */
	__module_get(THIS_MODULE);
	chan_get(ch);
	err = node_add(node);
	if (err)
		goto unreserve;
	return 0;

unreserve:
	node_unreserve(node);
	chan_put(ch);
	module_put(THIS_MODULE);
clear:
	chan_clear_name(ch);
uncharge:
	node_uncharge(node);
put:
	put_device(&node->dev);
	return err;
}

/* ---- unlinking ---- */

/* May the caller unlink and close? nodes_lock is held. */
static bool node_is_mine(const struct node *node)
{
	kuid_t owner = node->inode ? node->inode->i_uid : node->uid;

	return uid_eq(current_fsuid(), owner) || capable(CAP_FOWNER);
}

/* Take a node that was found out of its live state; nodes_lock is held. */
static int unlink_begin(struct node *node)
{
	if (!node || node->state != NODE_LIVE)
		return -ENOENT;
	if (!node_is_mine(node))
		return -EPERM;
	node->state = NODE_DYING;
	return 0;
}

static void node_remove(struct node *node)
{
	device_del(&node->dev);
	node_unreserve(node);
	chan_clear_name(node->ch);
	iput(node->inode);
	node_uncharge(node);
	chan_put(node->ch);
	put_device(&node->dev);
	module_put(THIS_MODULE);
}

/* Remove a channel's name: -ENOENT without one, -EPERM for who may not. */
int gochan_node_unlink(struct chan *ch)
{
	struct node *node;
	int err;

	mutex_lock(&nodes_lock);
	node = *chan_node(ch);
	err = unlink_begin(node);
	mutex_unlock(&nodes_lock);
	if (!err)
		node_remove(node);
	return err;
}

/* Remove the name @path below /dev/gochans; as gochan_node_unlink(). */
int gochan_node_unlink_path(const char *path)
{
	struct node *node;
	int err;

	mutex_lock(&nodes_lock);
	node = node_find(path);
	err = unlink_begin(node);
	mutex_unlock(&nodes_lock);
	if (!err)
		node_remove(node);
	return err;
}

/* Take all names away, when the module could not be loaded after all. */
void gochan_node_unlink_all(void)
{
	struct node *node;
	int minor = 0;

	while ((node = idr_get_next(&nodes_by_minor, &minor))) {
		node->state = NODE_DYING;
		node_remove(node);
	}
}

/* 0, or -EPERM when the channel is named and the caller may not close it. */
int gochan_node_may_close(struct chan *ch)
{
	const struct node *node;
	bool mine;

	mutex_lock(&nodes_lock);
	node = *chan_node(ch);
	mine = !node || node_is_mine(node);
	mutex_unlock(&nodes_lock);
	return mine ? 0 : -EPERM;
}

/* The channel behind a device file, with a reference; -ENXIO if it is not ours. */
struct chan *gochan_node_open(const struct inode *inode)
{
	struct chan *ch = ERR_PTR(-ENXIO);
	struct node *node;

	if (!READ_ONCE(node_ready))
		return ch;
	mutex_lock(&nodes_lock);
	node = idr_find(&nodes_by_minor, iminor(inode));
	if (node && node->state == NODE_LIVE && node->inode == inode) {
		ch = node->ch;
		chan_get(ch);
	}
	mutex_unlock(&nodes_lock);
	return ch;
}

/* Is it a device file of a named channel, and not /dev/gochan? */
bool gochan_node_is_named(const struct inode *inode)
{
	return imajor(inode) == MAJOR(node_devt);
}

/* ---- load and unload ---- */

int gochan_node_init(void)
{
	int err;

	node_cred = prepare_kernel_cred(&init_task);
	if (!node_cred)
		return -ENOMEM;
	err = class_register(&node_class);
	if (err)
		goto put_cred;
	err = alloc_chrdev_region(&node_devt, 0, NODE_MINORS, "gochan");
	if (err)
		goto unregister;
	return 0;

unregister:
	class_unregister(&node_class);
put_cred:
	put_cred(node_cred);
	return err;
}

void gochan_node_exit(void)
{
	unregister_chrdev_region(node_devt, NODE_MINORS);
	class_unregister(&node_class);
	wait_var_event(&nr_nodes, !atomic_read(&nr_nodes));
	idr_destroy(&nodes_by_minor);
	put_cred(node_cred);
}

/* Device files can be opened, once gochan_node_set_ready() was called. */
int gochan_node_serve(const struct file_operations *fops)
{
	cdev_init(&node_cdev, fops);
	node_cdev.owner = THIS_MODULE;
	return cdev_add(&node_cdev, node_devt, NODE_MINORS);
}

void gochan_node_set_ready(void)
{
	WRITE_ONCE(node_ready, true);
}

void gochan_node_unserve(void)
{
	cdev_del(&node_cdev);
}
