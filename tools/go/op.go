// SPDX-License-Identifier: GPL-2.0
//go:build linux && !mips && !mipsle && !mips64 && !mips64le && !ppc64 && !ppc64le

// Ops: what Select and Batch choose from or perform.

package gochan

import (
	"math"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// Events of PollOp, as of poll(2).
const (
	PollIn    = 0x001  // readable
	PollPri   = 0x002  // an exceptional condition
	PollOut   = 0x004  // writable
	PollErr   = 0x008  // an error; need not be asked for
	PollHup   = 0x010  // hangup; need not be asked for
	PollRdHup = 0x2000 // the peer has closed its end
)

// An Op is one send, receive, poll, or end of a lease, for Select and Batch. It is made by
// SendOp, RecvOp, PollOp, PollConn, AckOp or RequeueOp, and may be used again, but not by
// two calls at a time. The exported fields are its results; each call resets them.
type Op struct {
	// Err is the error of the op, nil if it was performed, or was not tried. That of a
	// receive at the end of the channel is ErrClosed.
	Err error

	// Msg is the message received: the beginning of the buffer given to RecvOp.
	Msg []byte

	// File is the file received by an op with TakeFile, or nil. Close it after use.
	File *os.File

	// Events are the events that occurred, of a poll.
	Events int

	// Cred is the sender, of a receive on a channel with Credentials.
	Cred Cred

	// Lease is what to acknowledge, of a receive on a channel with Acknowledged.
	Lease *Lease

	// Seq is the number of the message, of a send on a channel with Setup.Done: that in
	// its Notice, and in the Lease of each receiver.
	Seq uint64

	kind   uint16
	flags  uint16
	nonnil bool // whether the op names a descriptor at all
	ch     *Channel
	fd     int
	conn   syscall.Conn
	buf    []byte
	file   *os.File // to be passed
	lease  uint64
	events int

	// while a call uses the op
	room   []byte
	dup    int // of conn, or -1
	passed int // of file, or -1
}

// Cred identifies the sender of a message. For a message sent by write(2) it is the process
// that has opened the handle.
type Cred struct {
	PID int // in the receiver's pid namespace; 0 if it is not visible there
	UID int // effective user ID, in the receiver's user namespace
	GID int // effective group ID, likewise
}

// SendOp returns an op that sends msg. A nil channel is never ready.
func SendOp(ch *Channel, msg []byte) *Op {
	return &Op{kind: opSend, ch: ch, nonnil: ch != nil, buf: msg}
}

// RecvOp returns an op that receives a message into buf. With a buffer of length 0, one
// that is long enough for any message of the channel is allocated for each call. A nil
// channel is never ready. On a channel with Acknowledged the message is leased, see
// Op.Lease.
func RecvOp(ch *Channel, buf []byte) *Op {
	return &Op{kind: opRecv, ch: ch, nonnil: ch != nil, buf: buf}
}

// PollOp returns an op that is ready when one of events, or PollErr or PollHup, occurs on
// any pollable descriptor: a socket, a pipe, a timerfd, a pidfd. A negative one is never
// ready. The descriptor must remain open during the call.
func PollOp(fd int, events int) *Op {
	return &Op{kind: opPoll, nonnil: fd >= 0, fd: fd, events: events}
}

// PollConn is PollOp for an *os.File, a net.Conn of package net, or whatever else has a
// descriptor. The file may be closed by another goroutine during the call, which does not
// wake the call.
func PollConn(conn syscall.Conn, events int) *Op {
	return &Op{kind: opPoll, nonnil: true, conn: conn, events: events}
}

// AckOp returns an op that acknowledges a lease, for Batch only.
func AckOp(lease *Lease) *Op {
	return &Op{kind: opAck, ch: lease.ch, nonnil: true, lease: lease.id}
}

// RequeueOp returns an op that returns the message of a lease, for Batch only.
func RequeueOp(lease *Lease) *Op {
	return &Op{kind: opAck, ch: lease.ch, nonnil: true, lease: lease.id, flags: flagRequeue}
}

// PassFile makes a send pass an open file, too; and returns the op. The channel must be
// unbuffered, else the op fails with EOPNOTSUPP.
func (o *Op) PassFile(file *os.File) *Op {
	o.file = file
	o.flags |= flagPassFD
	return o
}

// TakeFile makes a receive accept a file, see Op.File; and returns the op. Without it, a
// file that was sent is dropped.
func (o *Op) TakeFile() *Op {
	o.flags |= flagTakeFD
	return o
}

// Peek makes a receive leave its message in the channel; and returns the op. It cannot be
// combined with TakeFile.
func (o *Op) Peek() *Op {
	o.flags |= flagPeek
	return o
}

func (o *Op) callName() string {
	switch {
	case o.kind == opSend:
		return "send"
	case o.kind == opRecv:
		return "recv"
	case o.kind == opPoll:
		return "poll"
	case o.flags&flagRequeue != 0:
		return "requeue"
	}
	return "ack"
}

// dupConn returns a descriptor of its own for the open file of conn.
func dupConn(conn syscall.Conn) (int, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return -1, err
	}
	var fd int
	var errno syscall.Errno
	if raw.Control(func(from uintptr) { fd, errno = dupFD(int(from)) }) != nil {
		return -1, os.ErrClosed
	}
	if errno != 0 {
		return -1, errno
	}
	return fd, nil
}

// begin resets the results and keeps the descriptors open, until end.
func (o *Op) begin() error {
	o.Err, o.Msg, o.File, o.Events, o.Cred, o.Lease = nil, nil, nil, 0, Cred{}, nil
	o.dup, o.passed, o.room = -1, -1, o.buf
	if o.ch != nil {
		if err := o.ch.acquire(); err != nil {
			return &Error{Call: o.callName(), Err: err}
		}
		if o.kind == opRecv && len(o.room) == 0 {
			o.room = make([]byte, o.ch.msgSize)
		}
	}
	var err error
	if o.conn != nil {
		o.dup, err = dupConn(o.conn)
	}
	if o.file != nil && err == nil {
		o.passed, err = dupConn(o.file)
	}
	if err != nil {
		o.end()
		return &Error{Call: o.callName(), Err: err}
	}
	return nil
}

func (o *Op) end() {
	for _, fd := range []int{o.dup, o.passed} {
		if fd >= 0 {
			syscall.Close(fd)
		}
	}
	o.room = nil
	if o.ch != nil {
		o.ch.drop()
	}
}

func address(b []byte) uint64 {
	if len(b) == 0 {
		return 0
	}
	return uint64(uintptr(unsafe.Pointer(&b[0])))
}

func clamp(n int) uint32 {
	if uint64(n) > math.MaxUint32 {
		return math.MaxUint32
	}
	return uint32(n)
}

// kernel returns the op as the kernel reads it. Its buffers are kept by the Op, which is
// on the heap, so that they do not move.
func (o *Op) kernel() kernelOp {
	k := kernelOp{fd: -1, opcode: o.kind, flags: o.flags, lease: o.lease}
	switch {
	case o.ch != nil:
		k.fd = int32(o.ch.fd)
	case o.dup >= 0:
		k.fd = int32(o.dup)
	case o.nonnil:
		k.fd = int32(o.fd)
	}
	if o.kind == opPoll {
		k.events = uint32(o.events)
		return k
	}
	if o.flags&flagPassFD != 0 {
		k.passedFD = int32(o.passed)
	}
	k.buf, k.len = address(o.room), clamp(len(o.room))
	return k
}

// finish takes over the results of an op that was performed or has failed.
func (o *Op) finish(k *kernelOp) {
	runtime.KeepAlive(o.room)
	if k.result < 0 {
		err := &Error{Call: o.callName(), Err: syscall.Errno(-k.result)}
		if o.kind == opRecv && err.Err == syscall.EMSGSIZE {
			err.Size = int(k.len)
		}
		o.Err = err
		return
	}
	if k.result == resultClosed {
		o.Err = ErrClosed
		return
	}
	o.Events = int(k.events)
	if o.kind == opSend {
		o.Seq = k.seq
	}
	if o.kind != opRecv {
		return
	}
	o.Msg = o.room[:k.len]
	o.Cred = Cred{PID: int(k.pid), UID: int(int32(k.uid)), GID: int(int32(k.gid))}
	if o.flags&flagTakeFD != 0 && k.passedFD >= 0 {
		o.File = os.NewFile(uintptr(k.passedFD), "gochan")
	}
	if o.ch.flags&Acknowledged != 0 {
		o.Lease = &Lease{Seq: k.seq, Deliveries: int(k.deliveries), id: k.lease, ch: o.ch}
	}
}
