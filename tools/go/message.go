// SPDX-License-Identifier: GPL-2.0
//go:build linux && !mips && !mipsle && !mips64 && !mips64le && !ppc64 && !ppc64le

// Sending and receiving single messages, and files with them.

package gochan

import (
	"context"
	"os"
)

// Send sends one message, of 0 to MsgSize bytes. It blocks until the message is buffered
// or, on an unbuffered channel, until a receiver has taken it. If it fails, nothing was
// sent.
//
// EPIPE, which matches ErrClosed: the channel is closed, or no receivers are left; there is
// no SIGPIPE. ctx.Err(): ctx is done; if it was before, nothing is tried. EMSGSIZE: the
// message is too long. EINVAL: its length is not MsgSize, on a channel with Fixed. EBADF: the
// handle may not send. ErrReleased: Release was called. EDQUOT, ENOSPC: a blocked message
// would exceed a limit. ENOMEM, EMFILE: for the descriptor by which a blocked call can be
// woken.
func (c *Channel) Send(ctx context.Context, msg []byte) error {
	_, err := Select(ctx, SendOp(c, msg))
	return err
}

// TrySend is Send, but never blocks: its error then matches ErrWouldBlock. On an unbuffered
// channel it succeeds only if a receiver is waiting: two peers that never block never meet.
func (c *Channel) TrySend(msg []byte) error {
	_, err := TrySelect(SendOp(c, msg))
	return err
}

// Recv receives one message. It blocks until there is one. If it fails, none was taken. On
// an acknowledged channel the message is acknowledged at once; see RecvLease.
//
// ErrClosed: the end, the channel is drained and either closed or without senders.
// ctx.Err(), ErrReleased, EBADF, ENOMEM, EMFILE, EDQUOT: as for Send.
func (c *Channel) Recv(ctx context.Context) ([]byte, error) {
	op := RecvOp(c, nil)
	_, err := Select(ctx, op)
	return received(op), err
}

// TryRecv is Recv, but never blocks: its error then matches ErrWouldBlock.
func (c *Channel) TryRecv() ([]byte, error) {
	op := RecvOp(c, nil)
	_, err := TrySelect(op)
	return received(op), err
}

// RecvInto is Recv into a buffer of the caller, and returns the length of the message. What
// is in the buffer beyond it is unspecified.
//
// EMSGSIZE: the message is longer than the buffer and remains in the channel; Error.Size is
// the length required. EINVAL: the buffer is empty, although messages need not be.
func (c *Channel) RecvInto(ctx context.Context, buf []byte) (int, error) {
	op := RecvOp(c, buf)
	if len(buf) == 0 && c.MsgSize() > 0 {
		return 0, einval("recv")
	}
	_, err := Select(ctx, op)
	return len(received(op)), err
}

// Peek returns the next message without taking it, once there is one. It does not take part
// in the order of receivers, and several may get the same message.
//
// Errors are those of Recv.
func (c *Channel) Peek(ctx context.Context) ([]byte, error) {
	op := RecvOp(c, nil).Peek()
	_, err := Select(ctx, op)
	return trimmed(op.Msg), err
}

// Range calls f for each message until the end of the channel, and then returns nil: Go's
// "for msg := range ch". It returns the error of f, if it is not nil, or that of Recv. f may
// keep the message.
func (c *Channel) Range(ctx context.Context, f func(msg []byte) error) error {
	for {
		msg, err := c.Recv(ctx)
		if err == ErrClosed {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(msg); err != nil {
			return err
		}
	}
}

// SendFile is Send with an open file, on an unbuffered channel: it returns when the receiver
// has its own descriptor for it.
//
// EOPNOTSUPP: the channel is buffered. os.ErrClosed: the file is closed.
func (c *Channel) SendFile(ctx context.Context, msg []byte, file *os.File) error {
	_, err := Select(ctx, SendOp(c, msg).PassFile(file))
	return err
}

// RecvFile is Recv with the file that was sent along, or nil if there was none. The
// descriptor is close-on-exec. Close the file after use.
//
// EMFILE: too many open files; the message remains in the channel.
func (c *Channel) RecvFile(ctx context.Context) ([]byte, *os.File, error) {
	op := RecvOp(c, nil).TakeFile()
	_, err := Select(ctx, op)
	return received(op), op.File, err
}

// SendChannel sends a handle of another channel, with an empty message: a chan chan T. The
// receiver gets its rights. The caller's handle remains, and usually is to be released, so
// that a hangup can be seen.
func (c *Channel) SendChannel(ctx context.Context, pass *Channel) error {
	file, err := pass.File()
	if err != nil {
		return err
	}
	defer file.Close()
	return c.SendFile(ctx, nil, file)
}

// RecvChannel receives a message and the handle of a channel that was sent along.
//
// EBADF: the message had no file. ENOTTY: the file is not a channel. In both cases, the
// message was taken.
func (c *Channel) RecvChannel(ctx context.Context) (*Channel, error) {
	_, file, err := c.RecvFile(ctx)
	if err != nil {
		return nil, err
	}
	if file == nil {
		return nil, ebadf("recv")
	}
	defer file.Close()
	return FromFile(file)
}

// trimmed returns a copy if much of the buffer is not used.
func trimmed(msg []byte) []byte {
	if len(msg) >= cap(msg)/2 {
		return msg
	}
	return append(make([]byte, 0, len(msg)), msg...)
}

// received returns the message of an op, and acknowledges it. The only error possible is
// that its lease has ended, and then it is delivered again.
func received(op *Op) []byte {
	if op.Lease != nil {
		_ = op.Lease.Ack()
	}
	return trimmed(op.Msg)
}
