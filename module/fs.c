// SPDX-License-Identifier: GPL-2.0
/*
 * gochanfs: the filesystem whose device files are the named channels. Every mount is an
 * instance of its own, also in a user namespace. And the internal filesystem with the
 * inodes of duplicated handles on unnamed channels. What a handle does is in file.c.
 *
 * Everything lives in the dentry cache, as on ramfs: a linked dentry holds a reference
 * that is dropped by unlink, rmdir, rename over it, or by the end of the superblock.
 *
 * F1. The inode of a channel holds a reference to it from O_TMPFILE until evict_inode().
 *     A handle on the inode holds the inode through its path, and the channel by itself.
 * F2. i_nlink of such an inode is 0 (not linked yet), 1 (named), 0 (unlinked), and never
 *     anything else: gochan_fs_link() wants the O_TMPFILE state, which vfs_link() ends.
 * F3. The channel counts as named (chan_set_named()) before its dentry can be found, so
 *     that whoever opens the name finds it so; and until its dentry is unlinked.
 * F4. A name or directory is charged from link or mkdir until its inode is evicted, so
 *     that one which is unlinked but open stays charged.
 *
 * Locking: the VFS's. Linking and unlinking hold i_rwsem of the directory and, as for
 * rename over a name, of the inode; that serialises all changes of i_nlink. Inside it the
 * channel's lock is taken, never the other way round.
 *
 * Open against unlink: an open that has found the dentry holds it, and gets a handle even
 * if the name goes meanwhile, as on any filesystem. It ends the hangup (R6), a state,
 * which chan_clear_named() began. Through /proc/PID/fd an unlinked or not yet linked inode
 * can be opened again, by whoever its mode allows to.
 *
 * Open against umount: a handle holds the mount, umount(2) fails with EBUSY. After a
 * detaching one the superblock is shut down with the last handle, when nobody can be
 * blocked in the channel; names that still exist go then, in evict_inode().
 *
 * Module references: a superblock holds one through its type, and a file through its
 * fops. The internal filesystem is mounted while a file is on it (a permanent mount would
 * pin the module): the mount outlives the file's fops reference, its type does so for us.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/magic.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/pseudo_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "chan.h"
#include "compat.h"
#include "fs.h"
#include "handle.h"
#include "quota.h"
#include "trace.h"

#define ROOT_MODE	01777

/**
 * struct fs_inode - a channel or directory of a gochanfs
 * @vfs: the inode
 * @ch: of a device file the channel, a counted reference; constant until evicted
 * @charged_to: whom the name is charged to, a counted reference, or NULL; i_rwsem
 */
struct fs_inode {
	struct inode vfs;
	struct chan *ch;
	struct quota_user *charged_to;
};

/**
 * struct fs_options - mount options, in s_fs_info; constant
 * @mode: of the root directory
 * @uid: its owner
 * @gid: and group
 */
struct fs_options {
	umode_t mode;
	kuid_t uid;
	kgid_t gid;
};

static struct kmem_cache *inode_cache;
static const struct super_operations fs_super_ops;
static const struct inode_operations dir_inode_ops;

static inline struct fs_inode *to_fs_inode(const struct inode *inode)
{
	return container_of((struct inode *)inode, struct fs_inode, vfs);
}

static bool on_gochanfs(const struct inode *inode)
{
	return inode->i_sb->s_op == &fs_super_ops;
}

/* ---- inodes ---- */

static struct inode *fs_alloc_inode(struct super_block *sb)
{
	struct fs_inode *fi = alloc_inode_sb(sb, inode_cache, GFP_KERNEL);

	if (!fi)
		return NULL;
	fi->ch = NULL;
	fi->charged_to = NULL;
	return &fi->vfs;
}

static void fs_free_inode(struct inode *inode)
{
	kmem_cache_free(inode_cache, to_fs_inode(inode));
}

static void fs_init_once(void *p)
{
	struct fs_inode *fi = p;

	inode_init_once(&fi->vfs);
}

/* An inode for a file of the caller's in @dir. */
static struct inode *fs_new_inode(struct super_block *sb, const struct inode *dir,
				  umode_t mode)
{
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	inode->i_ino = get_next_ino();
	inode_init_owner(compat_nop_idmap, inode, dir, mode);
	compat_inode_init_ts(inode);
	if (!S_ISDIR(mode))
		return inode;
	inode->i_op = &dir_inode_ops;
	inode->i_fop = &simple_dir_operations;
	inc_nlink(inode);
	return inode;
}

/* Charge a name or directory to the caller's user: 0, -EDQUOT, -ENOMEM. */
static int fs_charge(struct inode *inode)
{
	struct quota_user *user = gochan_user_get();
	int err;

	if (!user)
		return -ENOMEM;
	err = gochan_charge(user, QUOTA_NAMES, 1);
	if (err) {
		gochan_user_put(user);
		return err;
	}
	to_fs_inode(inode)->charged_to = user;
	return 0;
}

static void fs_evict_inode(struct inode *inode)
{
	struct fs_inode *fi = to_fs_inode(inode);

	clear_inode(inode);
	if (fi->ch && inode->i_nlink)
		chan_clear_named(fi->ch);
	if (fi->ch)
		chan_put(fi->ch);
	if (fi->charged_to) {
		gochan_uncharge(fi->charged_to, QUOTA_NAMES, 1);
		gochan_user_put(fi->charged_to);
	}
}

/* ---- directories ---- */

/*
 * An open makes nothing, and `>` on a mistyped name says that there is no such file: also
 * where the VFS would rather say that the caller may not write to the directory.
 */
static struct dentry *fs_lookup(struct inode *dir, struct dentry *dentry,
				unsigned int flags)
{
	if ((flags & LOOKUP_OPEN) && dentry->d_name.len <= NAME_MAX)
		return ERR_PTR(-ENOENT);
	return simple_lookup(dir, dentry, flags);
}

/* open(O_TMPFILE): make a channel, on which the file is the first handle. */
static int fs_tmpfile(struct compat_idmap *idmap, struct inode *dir, struct file *file,
		      umode_t mode)
{
	struct inode *inode;
	struct chan *ch;

	/* Nobody could ever be at the other end. */
	if ((file->f_mode & (FMODE_READ | FMODE_WRITE)) != (FMODE_READ | FMODE_WRITE))
		return -EINVAL;
	ch = chan_make();
	if (IS_ERR(ch))
		return PTR_ERR(ch);
	inode = fs_new_inode(dir->i_sb, dir, S_IFCHR | (mode & 0777));
	if (!inode) {
		chan_put(ch);
		return -ENOMEM;
	}
	to_fs_inode(inode)->ch = ch;
	/* With i_rdev 0 device cgroups do not apply, and copies cannot be opened. */
	inode->i_fop = &gochan_fops;
	d_tmpfile(file, inode);
	return finish_open_simple(file, 0);
}

/* Name a channel that O_TMPFILE made; vfs_link() refuses one that was unlinked. */
static int fs_link(struct dentry *old_dentry, struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = d_inode(old_dentry);
	struct chan *ch = to_fs_inode(inode)->ch;
	int err;

	lockdep_assert_held_write(&inode->i_rwsem);
	if (!inode_owner_or_capable(compat_nop_idmap, inode))
		return -EPERM;
	if (inode->i_nlink)
		return -EMLINK;
	err = fs_charge(inode);
	if (err)
		return err;
	chan_set_named(ch);
	trace_gochan_link(chan_config(ch)->id, dentry);
	return simple_link(old_dentry, dir, dentry);
}

/* The channel has lost its name, that of the dentry. */
static void unnamed(const struct inode *inode, const struct dentry *dentry)
{
	struct chan *ch = to_fs_inode(inode)->ch;

	trace_gochan_unlink(chan_config(ch)->id, dentry);
	chan_clear_named(ch);
}

static int fs_unlink(struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = d_inode(dentry);
	int err;

	lockdep_assert_held_write(&inode->i_rwsem);
	err = simple_unlink(dir, dentry);
	if (!err)
		unnamed(inode, dentry);
	return err;
}

static int make_dir(struct inode *dir, struct dentry *dentry, umode_t mode)
{
	struct inode *inode;
	int err;

	inode = fs_new_inode(dir->i_sb, dir, S_IFDIR | mode);
	if (!inode)
		return -ENOMEM;
	err = fs_charge(inode);
	if (err) {
		iput(inode);
		return err;
	}
	inc_nlink(dir);
	compat_inode_touch(dir);
	compat_d_make_persistent(dentry, inode);
	return 0;
}

static compat_mkdir_type fs_mkdir(struct compat_idmap *idmap, struct inode *dir,
				  struct dentry *dentry, umode_t mode)
{
	return compat_mkdir_return(make_dir(dir, dentry, mode));
}

/* The dentries have their names from before the rename. */
static void trace_renamed(const struct inode *inode, const struct dentry *from,
			  const struct dentry *to)
{
	const struct chan *ch = to_fs_inode(inode)->ch;

	if (!S_ISCHR(inode->i_mode))
		return;
	trace_gochan_unlink(chan_config(ch)->id, from);
	trace_gochan_link(chan_config(ch)->id, to);
}

static int fs_rename(struct compat_idmap *idmap, struct inode *old_dir,
		     struct dentry *old_dentry, struct inode *new_dir,
		     struct dentry *new_dentry, unsigned int flags)
{
	struct inode *inode = d_inode(old_dentry), *over = d_inode(new_dentry);
	int err;

	if (flags == RENAME_EXCHANGE) {
		err = simple_rename_exchange(old_dir, old_dentry, new_dir, new_dentry);
		if (!err) {
			trace_renamed(inode, old_dentry, new_dentry);
			trace_renamed(over, new_dentry, old_dentry);
		}
		return err;
	}
	err = simple_rename(idmap, old_dir, old_dentry, new_dir, new_dentry, flags);
	if (err)
		return err;
	if (over && S_ISCHR(over->i_mode))
		unnamed(over, new_dentry);
	trace_renamed(inode, old_dentry, new_dentry);
	return 0;
}

static const struct inode_operations dir_inode_ops = {
	.lookup = fs_lookup,
	/* For an open that finds a negative dentry, and for mknod(2). */
	.create = compat_no_create,
	.tmpfile = fs_tmpfile,
	.link = fs_link,
	.unlink = fs_unlink,
	.mkdir = fs_mkdir,
	.rmdir = simple_rmdir,
	.rename = fs_rename,
};

/* ---- what file.c asks ---- */

/* The channel of a device file, not counted; NULL when it is not on a gochanfs. */
struct chan *gochan_fs_chan(const struct inode *inode)
{
	return on_gochanfs(inode) ? to_fs_inode(inode)->ch : NULL;
}

/* Does the inode of a gochanfs belong to the caller, or has it CAP_FOWNER over it? */
bool gochan_fs_owned(struct inode *inode)
{
	return inode_owner_or_capable(compat_nop_idmap, inode);
}

/* For fdinfo: the path of a named channel within its gochanfs; of others nothing. */
void gochan_fs_show_name(struct seq_file *m, struct inode *inode)
{
	/* Not that of the handle, which may be from before the channel was named. */
	struct dentry *dentry = on_gochanfs(inode) ? d_find_alias(inode) : NULL;

	if (!dentry)
		return;
	seq_puts(m, "gochan-name:\t");
	seq_dentry(m, dentry, " \t\n\\");
	seq_putc(m, '\n');
	dput(dentry);
}

/* ---- mounts ---- */

enum {
	OPT_MODE,
	OPT_UID,
	OPT_GID,
};

static const struct fs_parameter_spec fs_parameters[] = {
	fsparam_u32oct("mode", OPT_MODE),
	fsparam_u32("uid", OPT_UID),
	fsparam_u32("gid", OPT_GID),
	{}
};

static int fs_parse_param(struct fs_context *fc, struct fs_parameter *param)
{
	struct fs_options *options = fc->fs_private;
	struct fs_parse_result result;
	int opt = fs_parse(fc, fs_parameters, param, &result);
	kuid_t uid;
	kgid_t gid;

	switch (opt) {
	case OPT_MODE:
		if (result.uint_32 & ~07777)
			return invalfc(fc, "mode out of range");
		options->mode = result.uint_32;
		return 0;
	case OPT_UID:
		uid = make_kuid(current_user_ns(), result.uint_32);
		if (!kuid_has_mapping(fc->user_ns, uid))
			return invalfc(fc, "uid has no mapping");
		options->uid = uid;
		return 0;
	case OPT_GID:
		gid = make_kgid(current_user_ns(), result.uint_32);
		if (!kgid_has_mapping(fc->user_ns, gid))
			return invalfc(fc, "gid has no mapping");
		options->gid = gid;
		return 0;
	default:
		return opt;
	}
}

static int fs_show_options(struct seq_file *m, struct dentry *root)
{
	const struct fs_options *options = root->d_sb->s_fs_info;
	/* As they were given, since mount(8) gives them again for a remount. */
	struct user_namespace *ns = root->d_sb->s_user_ns;
	uid_t uid = from_kuid_munged(ns, options->uid);
	gid_t gid = from_kgid_munged(ns, options->gid);

	if (options->mode != ROOT_MODE)
		seq_printf(m, ",mode=%04o", options->mode);
	if (uid)
		seq_printf(m, ",uid=%u", uid);
	if (gid)
		seq_printf(m, ",gid=%u", gid);
	return 0;
}

static const struct super_operations fs_super_ops = {
	.alloc_inode = fs_alloc_inode,
	.free_inode = fs_free_inode,
	.evict_inode = fs_evict_inode,
	.statfs = simple_statfs,
	.show_options = fs_show_options,
};

static int fs_fill_super(struct super_block *sb, struct fs_context *fc)
{
	struct fs_options *options = sb->s_fs_info;
	struct inode *root;

	/* A mount in a user namespace: only channels can be made here, no devices. */
	sb->s_iflags &= ~SB_I_NODEV;
	sb->s_iflags |= SB_I_NOEXEC;
	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_magic = GOCHAN_SUPER_MAGIC;
	sb->s_op = &fs_super_ops;
	sb->s_time_gran = 1;

	root = fs_new_inode(sb, NULL, S_IFDIR | options->mode);
	if (!root)
		return -ENOMEM;
	root->i_uid = options->uid;
	root->i_gid = options->gid;
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

static int fs_get_tree(struct fs_context *fc)
{
	struct fs_options *options = fc->fs_private;

	/* Moves to s_fs_info with the superblock. */
	fc->s_fs_info = options;
	fc->fs_private = NULL;
	return get_tree_nodev(fc, fs_fill_super);
}

static void fs_free_context(struct fs_context *fc)
{
	kfree(fc->fs_private);
	kfree(fc->s_fs_info);
}

static const struct fs_context_operations fs_context_ops = {
	.parse_param = fs_parse_param,
	.get_tree = fs_get_tree,
	.free = fs_free_context,
};

static int fs_init_context(struct fs_context *fc)
{
	struct fs_options *options = kzalloc(sizeof(*options), GFP_KERNEL_ACCOUNT);

	if (!options)
		return -ENOMEM;
	options->mode = ROOT_MODE;
	options->uid = current_fsuid();
	options->gid = current_fsgid();
	fc->fs_private = options;
	fc->ops = &fs_context_ops;
	return 0;
}

static void fs_kill_super(struct super_block *sb)
{
	struct fs_options *options = sb->s_fs_info;

	compat_kill_litter_super(sb);
	kfree(options);
}

static struct file_system_type gochan_fs_type = {
	.owner = THIS_MODULE,
	.name = "gochan",
	.init_fs_context = fs_init_context,
	.parameters = fs_parameters,
	.kill_sb = fs_kill_super,
	.fs_flags = FS_USERNS_MOUNT,
};
MODULE_ALIAS_FS("gochan");

/* ---- the internal filesystem ---- */

static struct vfsmount *internal_mount;		/* while internal_count is not 0 */
static int internal_count;			/* files; pin_fs_lock of libfs */

static int internal_init_context(struct fs_context *fc)
{
	if (!init_pseudo(fc, GOCHAN_SUPER_MAGIC))
		return -ENOMEM;
	/* Newer kernels set it, and an open through /proc would fail with EACCES. */
	fc->s_iflags &= ~SB_I_NODEV;
	return 0;
}

static struct file_system_type internal_fs_type = {
	.owner = THIS_MODULE,
	.name = "gochan_internal",
	.init_fs_context = internal_init_context,
	.kill_sb = kill_anon_super,
};

/* Each file has an inode of its own: strangers share no fsnotify marks and no locks. */
static struct inode *internal_inode(struct super_block *sb)
{
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	inode->i_ino = get_next_ino();
	inode->i_mode = S_IFCHR | 0600;
	inode->i_uid = current_fsuid();
	inode->i_gid = current_fsgid();
	/* As an anonymous inode, not labelled. */
	inode->i_flags |= S_PRIVATE;
	compat_inode_init_ts(inode);
	return inode;
}

/**
 * gochan_fs_internal_file() - a character device file without a name
 * @fops: its operations, whose release calls gochan_fs_release()
 * @private: its private_data
 * @flags: as for open
 *
 * It cannot be opened again through /proc: i_fop stays no_open_fops.
 *
 * Return: the file, or an error.
 */
struct file *gochan_fs_internal_file(const struct file_operations *fops, void *private,
				     int flags)
{
	struct inode *inode;
	struct file *file;
	int err;

	err = simple_pin_fs(&internal_fs_type, &internal_mount, &internal_count);
	if (err)
		return ERR_PTR(err);
	err = -ENOMEM;
	inode = internal_inode(internal_mount->mnt_sb);
	if (!inode)
		goto unpin;
	/* The caller's own file keeps the module. */
	__module_get(fops->owner);
	file = alloc_file_pseudo(inode, internal_mount, "gochan", flags, fops);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		goto put;
	}
	file->private_data = private;
	return file;

put:
	module_put(fops->owner);
	iput(inode);
unpin:
	simple_release_fs(&internal_mount, &internal_count);
	return ERR_PTR(err);
}

/* A file is released: if it is an internal one, the mount is kept by its path alone. */
void gochan_fs_release(const struct inode *inode)
{
	if (inode->i_sb->s_type == &internal_fs_type)
		simple_release_fs(&internal_mount, &internal_count);
}

/* ---- load and unload ---- */

int gochan_fs_init(void)
{
	inode_cache = kmem_cache_create("gochan_inode", sizeof(struct fs_inode), 0,
					SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT,
					fs_init_once);
	return inode_cache ? 0 : -ENOMEM;
}

/* From here on it can be mounted. */
int gochan_fs_register(void)
{
	return register_filesystem(&gochan_fs_type);
}

void gochan_fs_exit(void)
{
	/* fs_free_inode() is called by RCU. */
	rcu_barrier();
	kmem_cache_destroy(inode_cache);
}

void gochan_fs_unregister(void)
{
	unregister_filesystem(&gochan_fs_type);
}
