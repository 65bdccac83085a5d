// SPDX-License-Identifier: GPL-2.0
//go:build linux && !mips && !mipsle && !mips64 && !mips64le && !ppc64 && !ppc64le

// Acknowledged channels.

package gochan

import (
	"context"
	"syscall"
	"unsafe"
)

func einval(call string) error { return newError(call, "", syscall.EINVAL) }

func ebadf(call string) error { return newError(call, "", syscall.EBADF) }

// A Lease is a message that this process works on. It belongs to the process, so that any
// goroutine may end it, and to the handle that has received it. If the process exits or
// dies, or releases the handle, the message is delivered again, ahead of all later ones.
// Until then it keeps its place in the channel. A worker that hangs keeps its lease.
//
// A process that dies just before it acknowledges has done the job, and another one does it
// again: jobs must be idempotent, for which Seq is a key.
type Lease struct {
	// Seq is the number of the message on its channel, from 1, the same at every
	// delivery.
	Seq uint64
	// Deliveries is how often the message was delivered, this time included.
	Deliveries int

	id uint64
	ch *Channel
}

func (l *Lease) finish(call string, flags uint32) error {
	ack := kernelAck{lease: l.id, flags: flags}
	return l.ch.use(call, func(fd int) syscall.Errno {
		_, errno := ioctl(fd, iocAck, unsafe.Pointer(&ack))
		return errno
	})
}

// Ack acknowledges: the message is done.
//
// ESTALE: the lease has ended. ErrReleased: the handle was released, and with it the lease.
func (l *Lease) Ack() error { return l.finish("ack", 0) }

// Requeue returns the message to the channel, where it is delivered again, or given up if
// this was its last delivery, see Setup.MaxDeliveries.
//
// Errors are those of Ack.
func (l *Lease) Requeue() error { return l.finish("requeue", flagRequeue) }

// RecvLease receives a message from an acknowledged channel. The caller ends its lease by
// Ack or Requeue.
//
// EINVAL: the channel is not an acknowledged one. Other errors are those of Recv; at
// ErrClosed no message can come back any more. A process that waits for the end while it
// has the last lease waits for itself.
func (c *Channel) RecvLease(ctx context.Context) ([]byte, *Lease, error) {
	op := RecvOp(c, nil)
	if c != nil && c.flags&Acknowledged == 0 {
		return nil, nil, einval("recv")
	}
	_, err := Select(ctx, op)
	return trimmed(op.Msg), op.Lease, err
}

// TryRecvLease is RecvLease, but never blocks: its error then matches ErrWouldBlock.
func (c *Channel) TryRecvLease() ([]byte, *Lease, error) {
	op := RecvOp(c, nil)
	if c != nil && c.flags&Acknowledged == 0 {
		return nil, nil, einval("recv")
	}
	_, err := TrySelect(op)
	return trimmed(op.Msg), op.Lease, err
}

// RangeLease calls f for each message of an acknowledged channel until its end, and then
// returns nil. If f returns nil, the message is acknowledged; otherwise it is returned to
// the channel, and RangeLease returns the error of f. So it does if f panics.
func (c *Channel) RangeLease(ctx context.Context, f func(msg []byte, lease *Lease) error) error {
	for {
		msg, lease, err := c.RecvLease(ctx)
		if err == ErrClosed {
			return nil
		}
		if err != nil {
			return err
		}
		if err := work(msg, lease, f); err != nil {
			return err
		}
	}
}

func work(msg []byte, lease *Lease, f func([]byte, *Lease) error) (err error) {
	done := false
	defer func() {
		if !done {
			_ = lease.Requeue()
		}
	}()
	if err := f(msg, lease); err != nil {
		return err
	}
	done = true
	return lease.Ack()
}
