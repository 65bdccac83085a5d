// SPDX-License-Identifier: GPL-2.0

// Errors.

package gochan

import (
	"errors"
	"os"
	"strings"
	"syscall"
)

// ErrClosed reports the end of a channel. Receives return it when the channel is drained
// and either closed (CloseChannel) or hung up, that is, no handle is left that may send.
// The errors of sends on a channel that is closed, or without receivers, match it by
// errors.Is; they also match syscall.EPIPE.
var ErrClosed = errors.New("gochan: channel closed")

// ErrWouldBlock is matched, by errors.Is, by the errors of TrySend, TryRecv, TrySelect
// and TryBatch when the operation would block. So is syscall.EAGAIN.
var ErrWouldBlock = errors.New("gochan: operation would block")

// ErrReleased is matched, by errors.Is, by the errors of all methods of a Channel after
// its Release, and of operations that Release has interrupted. So is os.ErrClosed.
var ErrReleased error = releasedError{}

type releasedError struct{}

func (releasedError) Error() string { return "gochan: handle released" }

func (releasedError) Is(target error) bool { return target == os.ErrClosed }

// Error is an operation that failed, and why. Nothing has happened then: no message was
// sent or taken.
type Error struct {
	// Call is the operation: make, create, open, remove, adopt (FromFile, FromFD), dup
	// (also File), info, control, close (CloseChannel), release, send, recv, poll, ack,
	// requeue, select (of several ops) or batch.
	Call string

	// Name is the name of the channel, of operations on names.
	Name string

	// Err is the reason, usually a syscall.Errno; <linux/gochan.h> says what each
	// means.
	Err error

	// Size is the size of the buffer required, in bytes, of a receive that failed with
	// EMSGSIZE.
	Size int
}

// hints say what the text of an errno does not.
var hints = map[syscall.Errno]string{
	syscall.EPIPE:           "channel closed, or no receivers",
	syscall.EAGAIN:          "operation would block",
	syscall.ESTALE:          "lease has ended, or belongs to another process or handle",
	syscall.ENOTTY:          "not a channel",
	syscall.EALREADY:        "already closed",
	syscall.EDQUOT:          "limit of the user exceeded",
	syscall.ENOSPC:          "limit of all users exceeded",
	syscall.EOPNOTSUPP:      "not supported by the channel, or the module is too old",
	syscall.EPROTONOSUPPORT: "this package is too old for the module",
	syscall.EMSGSIZE:        "message too long",
}

// Error returns the operation, the name, if any, and the reason.
func (e *Error) Error() string {
	var text strings.Builder
	text.WriteString("gochan: " + e.Call)
	if e.Name != "" {
		text.WriteString(" " + e.Name)
	}
	reason := e.Err.Error()
	if errno, ok := e.Err.(syscall.Errno); ok && hints[errno] != "" {
		reason = hints[errno]
	}
	text.WriteString(": " + strings.TrimPrefix(reason, "gochan: "))
	return text.String()
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether the error is what ErrClosed or ErrWouldBlock stands for.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrClosed:
		return e.Err == syscall.EPIPE
	case ErrWouldBlock:
		return e.Err == syscall.EAGAIN
	}
	return false
}

// newError returns nil for errno 0.
func newError(call, name string, errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return &Error{Call: call, Name: name, Err: errno}
}
