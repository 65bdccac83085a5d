// SPDX-License-Identifier: GPL-2.0
//go:build linux && !mips && !mipsle && !mips64 && !mips64le && !ppc64 && !ppc64le

// Handles of channels: creating, duplicating, closing, releasing and inspecting them.
// Names are in name.go, sending and receiving in message.go.

package gochan

import (
	"math"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

const devGochan = "/dev/gochan"

// Flags are properties of a channel, chosen when it is created.
type Flags uint32

const (
	// Fixed: every message is exactly MsgSize bytes, which must not be 0.
	Fixed Flags = 0x01
	// Hangup: a named channel ends when no sender or no receiver is left, as an unnamed
	// one always does. Without this flag it waits for the next one to open it.
	Hangup Flags = 0x02
	// Credentials: received ops report who has sent the message, see Op.Cred.
	Credentials Flags = 0x04
	// Acknowledged: a message is leased by its receiver, and delivered again if the
	// receiver dies before it acknowledges it, see Lease. Needs a capacity.
	Acknowledged Flags = 0x08

	flagDeadLetter Flags = 0x10
	flagDone       Flags = 0x20
)

// Setup has the parameters of a new channel.
type Setup struct {
	// Capacity is the number of messages that can be buffered, at most the module
	// parameter max_capacity (65,536). 0: unbuffered, a send completes when a receiver
	// has taken the message.
	Capacity int

	// MsgSize is the maximum length of a message in bytes, at most the module parameter
	// max_msg_size (1 MiB). 0: only empty messages.
	MsgSize int

	Flags Flags

	// MaxDeliveries, of an acknowledged channel: a message that is returned after so
	// many deliveries is not delivered again, but sent to DeadLetter or dropped.
	// 0: unlimited.
	MaxDeliveries int

	// DeadLetter, of an acknowledged channel: a handle that may send on the channel
	// that gets the messages returned after MaxDeliveries deliveries, or nil. This
	// channel keeps it open for sending.
	DeadLetter *Channel

	// Done, of an acknowledged channel: a handle that may send on the channel that gets
	// a Notice of each message that is acknowledged or given up, or nil. Its messages
	// have at least NoticeSize bytes, with Fixed exactly that. This channel keeps it open
	// for sending.
	Done *Channel
}

// Rights say what a handle may do with its channel.
type Rights int

const (
	// RecvOnly may receive: Go's <-chan T.
	RecvOnly Rights = syscall.O_RDONLY
	// SendOnly may send, and close the channel: Go's chan<- T.
	SendOnly Rights = syscall.O_WRONLY
	// SendRecv may do both. Who has both rights never sees a hangup.
	SendRecv Rights = syscall.O_RDWR
	// InfoOnly may only ask for Info; opening a channel so needs permission for both.
	InfoOnly Rights = syscall.O_ACCMODE
)

// A Channel is a handle of this process on a channel: a descriptor with rights. All its
// methods may be called by several goroutines at a time. A nil *Channel is Go's nil
// channel: operations on it block until their context is done.
//
// There is no method named Close, because it could mean two things. CloseChannel is Go's
// close(ch), and ends the channel for all processes. Release gives up this handle, as
// (*os.File).Close does, and ends the channel only if it was the last one that could send
// or receive. A handle is not released by the garbage collector.
type Channel struct {
	fd      int
	rights  Rights
	flags   Flags
	cap     int
	msgSize int

	mu       sync.Mutex
	users    int // calls that use fd
	released bool
	unused   chan struct{} // closed when released and users is 0
	wakers   map[*waker]struct{}
}

// acquire keeps the descriptor open until drop is called.
func (c *Channel) acquire() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.released {
		return ErrReleased
	}
	c.users++
	return nil
}

func (c *Channel) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users--
	if c.released && c.users == 0 {
		close(c.unused)
	}
}

// use calls f with the descriptor; f returns an errno.
func (c *Channel) use(call string, f func(fd int) syscall.Errno) error {
	if c == nil {
		return &Error{Call: call, Err: syscall.EBADF}
	}
	if err := c.acquire(); err != nil {
		return &Error{Call: call, Err: err}
	}
	defer c.drop()
	return newError(call, "", f(c.fd))
}

// adopt makes a Channel of a descriptor, or closes it.
func adopt(call, name string, fd int) (*Channel, error) {
	flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFL, 0)
	var info kernelInfo
	if errno == 0 {
		_, errno = ioctl(fd, iocInfo, unsafe.Pointer(&info))
	}
	if errno == 0 && info.abi < abi {
		errno = syscall.EOPNOTSUPP
	}
	if errno == 0 && info.abi > abi {
		errno = syscall.EPROTONOSUPPORT
	}
	if errno != 0 {
		syscall.Close(fd)
		return nil, newError(call, name, errno)
	}
	return &Channel{
		fd:      fd,
		rights:  Rights(flags & syscall.O_ACCMODE),
		flags:   Flags(info.flags),
		cap:     int(info.capacity),
		msgSize: int(info.msgSize),
		unused:  make(chan struct{}),
		wakers:  make(map[*waker]struct{}),
	}, nil
}

func inRange(n int) bool { return n >= 0 && uint64(n) <= math.MaxUint32 }

// apply sets the new channel up. The descriptor stays open if it fails.
func (s *Setup) apply(fd int) syscall.Errno {
	if !inRange(s.Capacity) || !inRange(s.MsgSize) || !inRange(s.MaxDeliveries) {
		return syscall.EINVAL
	}
	k := kernelSetup{
		capacity:      uint32(s.Capacity),
		msgSize:       uint32(s.MsgSize),
		flags:         uint32(s.Flags),
		maxDeliveries: uint32(s.MaxDeliveries),
	}
	if s.DeadLetter != nil {
		if s.DeadLetter.acquire() != nil {
			return syscall.EBADF
		}
		defer s.DeadLetter.drop()
		k.flags |= uint32(flagDeadLetter)
		k.deadFD = int32(s.DeadLetter.fd)
	}
	if s.Done != nil {
		if s.Done.acquire() != nil {
			return syscall.EBADF
		}
		defer s.Done.drop()
		k.flags |= uint32(flagDone)
		k.doneFD = int32(s.Done.fd)
	}
	_, errno := ioctl(fd, iocSetup, unsafe.Pointer(&k))
	return errno
}

// Make creates an unnamed channel, Go's make(chan T, n), and returns a handle that may
// send and receive.
//
// ENOENT: there is no /dev/gochan, because the module is not loaded or, in a container, the
// device was not passed in. EINVAL: a parameter is out of range, or flags do not fit
// together. EBADF: DeadLetter or Done may not send, or is released. ELOOP: one of them has
// such a channel itself. EDQUOT: a limit of the user would be exceeded. ENOSPC: the
// limit of all users would be. EOPNOTSUPP: the module is too old for this package.
// EPROTONOSUPPORT: this package is too old for the module. ENOMEM, EMFILE, ENFILE.
func Make(setup Setup) (*Channel, error) {
	fd, err := syscall.Open(devGochan, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, &Error{Call: "make", Err: err}
	}
	if errno := setup.apply(fd); errno != 0 {
		syscall.Close(fd)
		return nil, newError("make", "", errno)
	}
	return adopt("make", "", fd)
}

// Pair creates an unnamed channel with a handle for each direction, as os.Pipe does. Once
// the last handle of one end is released, also by the exit of its process, the other end
// sees a hangup: receivers drain the channel and then get ErrClosed, and so do senders.
//
// Errors are those of Make.
func Pair(setup Setup) (recv, send *Channel, err error) {
	both, err := Make(setup)
	if err != nil {
		return nil, nil, err
	}
	defer both.Release()
	recv, err = both.Dup(RecvOnly)
	if err != nil {
		return nil, nil, err
	}
	send, err = both.Dup(SendOnly)
	if err != nil {
		recv.Release()
		return nil, nil, err
	}
	return recv, send, nil
}

// FromFile makes a Channel of a file, such as one that was inherited. It has a descriptor
// of its own for the same handle; close the file if it is not needed any more. A channel
// from /dev/gochan that was not set up yet cannot be set up any more.
//
// ENOTTY: not a channel. EOPNOTSUPP, EPROTONOSUPPORT: as for Make. EMFILE.
func FromFile(file *os.File) (*Channel, error) {
	fd, err := dupConn(file)
	if err != nil {
		return nil, &Error{Call: "adopt", Err: err}
	}
	return adopt("adopt", "", fd)
}

// FromFD makes a Channel of a descriptor that was inherited, such as 3 for the first of
// exec.Cmd.ExtraFiles. It belongs to the Channel from now on, and becomes close-on-exec.
// If it is not a channel, it stays open.
//
// Errors are those of FromFile, and EBADF.
func FromFD(fd int) (*Channel, error) {
	copied, errno := dupFD(fd)
	if errno != 0 {
		return nil, newError("adopt", "", errno)
	}
	c, err := adopt("adopt", "", copied)
	if err != nil {
		return nil, err
	}
	syscall.Close(fd)
	return c, nil
}

// File returns a file with a descriptor of its own for the same handle, to pass to another
// process by exec.Cmd.ExtraFiles or a Unix socket, or to use with read and write. It has
// the rights of this handle: see Dup. As long as it is open, Release does not give up the
// handle; so close it once it was passed.
//
// EMFILE. ErrReleased.
func (c *Channel) File() (*os.File, error) {
	var fd int
	err := c.use("dup", func(from int) (errno syscall.Errno) {
		fd, errno = dupFD(from)
		return errno
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "gochan"), nil
}

// Control calls f with the descriptor, which stays open until f returns. It must not be
// closed, and a channel's descriptor should not be made non-blocking.
func (c *Channel) Control(f func(fd int)) error {
	return c.use("control", func(fd int) syscall.Errno {
		f(fd)
		return 0
	})
}

// Dup creates another handle on the channel, with the same or fewer rights. Leases belong
// to the handle that has received them.
//
// EACCES: the handle lacks a right. EBADF: it is InfoOnly. EINVAL: rights is none of
// RecvOnly, SendOnly and SendRecv. EMFILE, ENFILE, ENOMEM. ErrReleased.
func (c *Channel) Dup(rights Rights) (*Channel, error) {
	var fd int
	err := c.use("dup", func(from int) (errno syscall.Errno) {
		if rights < RecvOnly || rights > SendRecv {
			return syscall.EINVAL
		}
		fd, errno = ioctlValue(from, iocDup, uintptr(rights))
		return errno
	})
	if err != nil {
		return nil, err
	}
	return adopt("dup", "", fd)
}

// CloseChannel is Go's close(ch): it ends the channel for all processes. From now on,
// sends fail with EPIPE, which matches ErrClosed, blocked ones included; receivers drain
// the channel and then get ErrClosed. The handle remains and still needs Release, which is
// something else.
//
// EALREADY: already closed. EBADF: the handle may not send. EPERM: the channel is named,
// and the caller neither owns its device file nor has CAP_FOWNER. ErrReleased.
func (c *Channel) CloseChannel() error {
	return c.use("close", func(fd int) syscall.Errno {
		_, errno := ioctlValue(fd, iocClose, 0)
		return errno
	})
}

// Release gives up this handle, as (*os.File).Close does; it is not Go's close(ch), which
// is CloseChannel. Operations of other goroutines that are blocked on this handle fail with
// ErrReleased, without having happened. If no other descriptor of the handle is left in
// this process, its leased messages are returned to the channel; if the handle was the last
// one that may send or receive on an unnamed channel, the other side sees a hangup.
//
// A second call fails with ErrReleased.
func (c *Channel) Release() error {
	if c == nil {
		return &Error{Call: "release", Err: syscall.EBADF}
	}
	c.mu.Lock()
	if c.released {
		c.mu.Unlock()
		return &Error{Call: "release", Err: ErrReleased}
	}
	c.released = true
	for w := range c.wakers {
		w.wake()
	}
	if c.users == 0 {
		close(c.unused)
	}
	c.mu.Unlock()
	<-c.unused
	return os.NewSyscallError("close", syscall.Close(c.fd))
}

// Rights returns what the handle may do; of a nil channel InfoOnly.
func (c *Channel) Rights() Rights {
	if c == nil {
		return InfoOnly
	}
	return c.rights
}

// Cap returns the capacity in messages, as Go's cap(ch) does; of a nil channel 0.
func (c *Channel) Cap() int {
	if c == nil {
		return 0
	}
	return c.cap
}

// MsgSize returns the maximum length of a message in bytes; of a nil channel 0.
func (c *Channel) MsgSize() int {
	if c == nil {
		return 0
	}
	return c.msgSize
}

// Len returns the number of messages in the channel, without those that are leased, as
// Go's len(ch) does. It may exceed Cap while a receiver cannot copy its message.
//
// ErrReleased.
func (c *Channel) Len() (int, error) {
	info, err := c.Info()
	return info.Len, err
}

// Info is a consistent snapshot of a channel.
type Info struct {
	ID               uint64 // identifies the channel until the module is unloaded
	Capacity         int    // as set up, in messages
	MsgSize          int    // as set up, in bytes
	Flags            Flags  // as set up
	MaxDeliveries    int    // as set up
	DeadLetter       bool   // whether Setup.DeadLetter was set
	Done             uint64 // ID of Setup.Done, 0 if that was not set
	Len              int    // messages in the channel, without leased ones
	Leased           int    // messages that are leased
	Bytes            uint64 // payload in the channel
	Closed           bool   // whether CloseChannel was called
	SendersWaiting   int    // blocked senders
	ReceiversWaiting int    // blocked receivers
	SendHandles      int    // open handles that may send
	RecvHandles      int    // open handles that may receive
	Sent             uint64 // messages sent so far
	Received         uint64 // messages received so far
	Requeued         uint64 // messages returned so far
	Dropped          uint64 // messages dropped so far, after MaxDeliveries deliveries
	SendBlocked      uint64 // how often a send had to block so far
	RecvBlocked      uint64 // how often a receive had to block so far
}

// Info returns a snapshot of the channel. It needs no right.
//
// EBADF: a nil channel. ErrReleased.
func (c *Channel) Info() (Info, error) {
	var k kernelInfo
	err := c.use("info", func(fd int) syscall.Errno {
		_, errno := ioctl(fd, iocInfo, unsafe.Pointer(&k))
		return errno
	})
	if err != nil {
		return Info{}, err
	}
	return Info{
		ID:               k.id,
		Capacity:         int(k.capacity),
		MsgSize:          int(k.msgSize),
		Flags:            Flags(k.flags) &^ (flagDeadLetter | flagDone),
		MaxDeliveries:    int(k.maxDeliveries),
		DeadLetter:       Flags(k.flags)&flagDeadLetter != 0,
		Done:             k.done,
		Len:              int(k.len),
		Leased:           int(k.leased),
		Bytes:            k.bytes,
		Closed:           k.closed != 0,
		SendersWaiting:   int(k.sendersWaiting),
		ReceiversWaiting: int(k.receiversWaiting),
		SendHandles:      int(k.sendHandles),
		RecvHandles:      int(k.recvHandles),
		Sent:             k.sent,
		Received:         k.received,
		Requeued:         k.requeued,
		Dropped:          k.dropped,
		SendBlocked:      k.sendBlocked,
		RecvBlocked:      k.recvBlocked,
	}, nil
}
