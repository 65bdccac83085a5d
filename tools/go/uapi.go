// SPDX-License-Identifier: GPL-2.0
//go:build linux && !mips && !mipsle && !mips64 && !mips64le && !ppc64 && !ppc64le

// The structures and numbers of uapi/linux/gochan.h. Machines whose ioctl numbers are
// encoded differently are excluded above.

package gochan

import (
	"syscall"
	"unsafe"
)

// The version of the interface that this package is written for.
const abi = 2

// ioctls
const (
	iocSetup  = 0x4018c501
	iocInfo   = 0x8090c502
	iocClose  = 0xc503
	iocDup    = 0xc504
	iocAck    = 0x4010c505
	iocSelect = 0xc020c507
	iocBatch  = 0xc020c508
)

// opcodes
const (
	opSend = 1
	opRecv = 2
	opPoll = 3
	opAck  = 4
)

// flags of ops and calls
const (
	flagNonblock   = 0x01
	flagOrdered    = 0x02
	flagWaitForOne = 0x04
	flagPeek       = 0x08
	flagPassFD     = 0x10
	flagTakeFD     = 0x20
	flagResume     = 0x40
	flagRequeue    = 0x80
)

const (
	resultClosed = 1
	timeoutNever = ^uint64(0)
)

// struct gochan_setup
type kernelSetup struct {
	capacity      uint32
	msgSize       uint32
	flags         uint32
	maxDeliveries uint32
	deadFD        int32
	doneFD        int32
}

// struct gochan_info
type kernelInfo struct {
	abi              uint32
	flags            uint32
	capacity         uint32
	msgSize          uint32
	len              uint32
	closed           uint32
	sendersWaiting   uint32
	receiversWaiting uint32
	sendHandles      uint32
	recvHandles      uint32
	leased           uint32
	maxDeliveries    uint32
	id               uint64
	sent             uint64
	received         uint64
	bytes            uint64
	requeued         uint64
	dropped          uint64
	sendBlocked      uint64
	recvBlocked      uint64
	done             uint64
	reserved         [3]uint64
}

// struct gochan_op
type kernelOp struct {
	fd         int32
	opcode     uint16
	flags      uint16
	buf        uint64
	len        uint32
	result     int32
	passedFD   int32
	events     uint32
	pid        int32
	uid        uint32
	gid        uint32
	deliveries uint32
	lease      uint64
	seq        uint64
}

// struct gochan_ops
type kernelOps struct {
	ops      uint64
	count    uint32
	flags    uint32
	timeout  uint64
	index    uint32
	reserved uint32
}

// struct gochan_ack
type kernelAck struct {
	lease    uint64
	flags    uint32
	reserved uint32
}

// ioctl performs an ioctl that does not block. It is repeated if a signal interrupts it.
func ioctl(fd int, request uintptr, arg unsafe.Pointer) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request, uintptr(arg))
		if errno != syscall.EINTR {
			return int(n), errno
		}
	}
}

// ioctlValue is ioctl with an argument that is passed by value.
func ioctlValue(fd int, request, arg uintptr) (int, syscall.Errno) {
	n, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request, arg)
	return int(n), errno
}

// dupFD returns another descriptor, close-on-exec, of the same open file description.
func dupFD(fd int) (int, syscall.Errno) {
	n, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 0)
	return int(n), errno
}
