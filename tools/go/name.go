// SPDX-License-Identifier: GPL-2.0
//go:build linux && !mips && !mipsle && !mips64 && !mips64le && !ppc64 && !ppc64le

// Named channels, which are files of a gochanfs.

package gochan

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

const (
	devGochans = "/dev/gochans/"

	oTmpfile        = 0x400000 | syscall.O_DIRECTORY
	atFDCWD         = -0x64
	atSymlinkFollow = 0x400
)

// pathOf returns the path of a name: one without a slash is in /dev/gochans.
func pathOf(name string) string {
	if name == "" || strings.Contains(name, "/") {
		return name
	}
	return devGochans + name
}

func linkFD(fd int, name string) syscall.Errno {
	from, err := syscall.BytePtrFromString("/proc/self/fd/" + strconv.Itoa(fd))
	if err != nil {
		return syscall.EINVAL
	}
	to, err := syscall.BytePtrFromString(name)
	if err != nil {
		return syscall.EINVAL
	}
	cwd := atFDCWD
	_, _, errno := syscall.Syscall6(syscall.SYS_LINKAT, uintptr(cwd),
		uintptr(unsafe.Pointer(from)), uintptr(cwd), uintptr(unsafe.Pointer(to)),
		atSymlinkFollow, 0)
	return errno
}

// Create creates a named channel and returns a handle that may send and receive. "jobs" is
// /dev/gochans/jobs; a name with a slash is a path, on any gochanfs. perm are permission
// bits, 0 to 0777, of which the umask takes some away. The channel appears complete, in one
// step, and exists until Remove.
//
// EEXIST, which matches fs.ErrExist: the name is in use. ENOENT: the directory does not
// exist. ENODEV: it is not on a gochanfs; in /dev/gochans, none is mounted. EACCES: no
// permission to write to the directory, or the gochanfs is mounted nodev. EINVAL: perm has
// other bits. Other errors are those of Make.
func Create(name string, setup Setup, perm fs.FileMode) (*Channel, error) {
	if perm&^fs.ModePerm != 0 {
		return nil, newError("create", name, syscall.EINVAL)
	}
	if name == "" {
		return nil, newError("create", name, syscall.ENOENT)
	}
	file := pathOf(name)
	fd, err := syscall.Open(path.Dir(file)+"/", oTmpfile|syscall.O_RDWR|syscall.O_CLOEXEC,
		uint32(perm))
	if err == syscall.EOPNOTSUPP {
		err = syscall.ENODEV
	}
	if err != nil {
		return nil, &Error{Call: "create", Name: name, Err: err}
	}
	errno := setup.apply(fd)
	if errno == 0 {
		errno = linkFD(fd, file)
	}
	// A temporary file of another filesystem.
	if errno == syscall.ENOTTY {
		errno = syscall.ENODEV
	}
	if errno != 0 {
		syscall.Close(fd)
		return nil, newError("create", name, errno)
	}
	return adopt("create", name, fd)
}

// Open opens a named channel; see Create for the name.
//
// ENOENT, which matches fs.ErrNotExist: no such channel, or no gochanfs is mounted. EACCES,
// which matches fs.ErrPermission: the permissions do not allow it, or the gochanfs is
// mounted nodev. ENOTTY: not a channel. ENXIO: a copy of a channel's device file. EINVAL:
// rights is none of the constants.
func Open(name string, rights Rights) (*Channel, error) {
	if rights < RecvOnly || rights > InfoOnly {
		return nil, newError("open", name, syscall.EINVAL)
	}
	fd, err := syscall.Open(pathOf(name), int(rights)|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, &Error{Call: "open", Name: name, Err: err}
	}
	return adopt("open", name, fd)
}

// Remove removes the name of a channel; open handles remain usable. On a channel without
// Hangup, hangup begins to be reported. See Create for the name.
//
// ENOENT: no such channel. EACCES, EPERM: no permission to remove a name from the
// directory.
func Remove(name string) error {
	if err := syscall.Unlink(pathOf(name)); err != nil {
		return &Error{Call: "remove", Name: name, Err: err}
	}
	return nil
}
