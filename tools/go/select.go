// SPDX-License-Identifier: GPL-2.0
//go:build linux && !mips && !mipsle && !mips64 && !mips64le && !ppc64 && !ppc64le

// Select and Batch, on which all sending and receiving is built.

package gochan

import (
	"context"
	"sync"
	"syscall"
	"unsafe"
)

// A call is what one SELECT or BATCH needs, on the heap, so that the addresses in it
// remain valid.
type call struct {
	name    string
	ops     []*Op
	kernel  []kernelOp // of ops, and one more for the waker
	arg     kernelOps
	oldMask uint64
	begun   int
	fd      int // the handle that the ioctls are issued on
	own     bool
}

var calls = sync.Pool{New: func() any { return new(call) }}

// newCall prepares a call; it is to be ended, whether or not that fails.
func newCall(name string, ops []*Op) (*call, error) {
	c := calls.Get().(*call)
	c.name, c.ops, c.begun, c.fd = name, ops, 0, -1
	if cap(c.kernel) <= len(ops) {
		c.kernel = make([]kernelOp, len(ops)+1)
	}
	c.kernel = c.kernel[:len(ops)+1]
	for i, o := range ops {
		if err := o.begin(); err != nil {
			return c, err
		}
		c.begun++
		c.kernel[i] = o.kernel()
		if c.fd < 0 && o.ch != nil {
			c.fd = o.ch.fd
		}
	}
	if c.fd >= 0 {
		return c, nil
	}
	// No op names a channel: use one that is created for this call.
	fd, err := syscall.Open(devGochan, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return c, &Error{Call: name, Err: err}
	}
	c.fd, c.own = fd, true
	return c, nil
}

func (c *call) end() {
	for _, o := range c.ops[:c.begun] {
		o.end()
	}
	if c.own {
		syscall.Close(c.fd)
	}
	c.ops, c.own = nil, false
	calls.Put(c)
}

// set prepares the argument for kernel ops, the first of which is first.
func (c *call) set(first *kernelOp, count int, flags uint32) {
	c.arg = kernelOps{
		ops:     uint64(uintptr(unsafe.Pointer(first))),
		count:   uint32(count),
		flags:   flags,
		timeout: timeoutNever,
		index:   ^uint32(0),
	}
}

// trySelect performs one of the ops, if one is ready: its index, or -1 and an errno.
func (c *call) trySelect(flags uint32) (int, syscall.Errno) {
	c.set(&c.kernel[0], len(c.ops), flags|flagNonblock)
	_, errno := ioctl(c.fd, iocSelect, unsafe.Pointer(&c.arg))
	return c.selected(errno, len(c.ops))
}

func (c *call) selected(errno syscall.Errno, count int) (int, syscall.Errno) {
	if c.arg.index < uint32(count) {
		return int(c.arg.index), 0
	}
	return -1, errno
}

// watched adds the waker to the channels of the ops from first to last; false if one of
// them is released.
func (c *call) watched(w *waker, first, last int) bool {
	ok := true
	for _, o := range c.ops[first:last] {
		ok = (o.ch == nil || o.ch.addWaker(w)) && ok
	}
	return ok
}

func (c *call) unwatched(w *waker, first, last int) {
	for _, o := range c.ops[first:last] {
		if o.ch != nil {
			o.ch.removeWaker(w)
		}
	}
}

// why returns the reason for which the waker was woken.
func (c *call) why(ctx context.Context, first, last int) error {
	for _, o := range c.ops[first:last] {
		if o.ch != nil && o.ch.isReleased() {
			return &Error{Call: c.name, Err: ErrReleased}
		}
	}
	return ctx.Err()
}

// block waits until one of the ops from first to last is ready, and performs it. It returns
// the index of the op; or -1 and ctx.Err(), ErrReleased or the error of the call.
func (c *call) block(ctx context.Context, flags uint32, first, last int) (int, error) {
	w, errno := newWaker()
	if errno != 0 {
		return -1, newError(c.name, "", errno)
	}
	defer w.close()
	defer c.unwatched(w, first, last)
	if !c.watched(w, first, last) {
		return -1, c.why(ctx, first, last)
	}
	defer w.watch(ctx)()

	// The waker's op follows the last one; what was there is put back.
	count := last - first
	saved := c.kernel[last]
	c.kernel[last] = kernelOp{fd: int32(w.fd), opcode: opPoll, events: PollIn}
	c.set(&c.kernel[first], count+1, flags)
	errno = c.waitInSelect(c.fd)
	c.kernel[last] = saved
	at, errno := c.selected(errno, count+1)
	if at == count {
		return -1, c.why(ctx, first, last)
	}
	if at < 0 {
		return -1, newError(c.name, "", errno)
	}
	return first + at, nil
}

func doSelect(ctx context.Context, flags uint32, ops []*Op) (int, error) {
	if err := ctx.Err(); err != nil {
		return -1, err
	}
	c, err := newCall("select", ops)
	defer c.end()
	if err != nil {
		return -1, err
	}
	if len(ops) == 1 {
		c.name = ops[0].callName()
	}
	at, errno := c.trySelect(flags)
	if errno == syscall.EAGAIN && flags&flagNonblock == 0 {
		at, err = c.block(ctx, flags, 0, len(ops))
	} else {
		err = newError(c.name, "", errno)
	}
	if at < 0 {
		return -1, err
	}
	ops[at].finish(&c.kernel[at])
	return at, ops[at].Err
}

// Select waits until one of ops is ready, performs exactly that one, and returns its index;
// several ready: a random one. An op that fails is ready: then Select returns its index
// and error, also as Op.Err; for a receive at the end of its channel that is ErrClosed.
//
// The index is -1 if no op was performed: ctx is done, and the error is ctx.Err(); a
// handle was released meanwhile, ErrReleased; an op is invalid, EINVAL or EBADF; there are
// too many ops, EINVAL: one less than the module parameter max_select (1,024) are possible,
// and each channel of a blocked Select costs time. ENOMEM, EMFILE, EDQUOT, ENOSPC.
//
// For a timeout use context.WithTimeout. Without ops, and with nil channels only, Select
// blocks until ctx is done.
func Select(ctx context.Context, ops ...*Op) (int, error) {
	return doSelect(ctx, 0, ops)
}

// SelectOrdered is Select, but if several ops are ready it performs the first of them.
func SelectOrdered(ctx context.Context, ops ...*Op) (int, error) {
	return doSelect(ctx, flagOrdered, ops)
}

// TrySelect is Select with a default case: if no op is ready, it returns -1 and an error
// that matches ErrWouldBlock. As in TrySend, two peers of an unbuffered channel that never
// block never meet.
func TrySelect(ops ...*Op) (int, error) {
	return doSelect(context.Background(), flagNonblock, ops)
}

// tryBatch performs ops in order from the one at index on; returns the index of the first
// one that was not performed, and an errno if that is not due to an op.
func (c *call) tryBatch(index int) (int, syscall.Errno) {
	for i := index; i < len(c.ops); i++ {
		c.kernel[i].result = 0
	}
	c.set(&c.kernel[0], len(c.ops), flagNonblock|flagResume)
	c.arg.index = uint32(index)
	_, errno := ioctl(c.fd, iocBatch, unsafe.Pointer(&c.arg))
	done := int(c.arg.index)
	if done < len(c.ops) && c.kernel[done].result != 0 {
		errno = 0
	}
	return done, errno
}

// A BATCH cannot be cancelled by a descriptor, so it does what does not block, and the op
// that would block is done by a SELECT. The handle may be O_NONBLOCK: a SELECT ignores that.
func (c *call) batch(ctx context.Context, flags uint32) (int, error) {
	for n := 0; n < len(c.ops); n++ {
		done, errno := c.tryBatch(n)
		if errno != 0 {
			return done, newError(c.name, "", errno)
		}
		if n = done; n == len(c.ops) {
			return n, nil
		}
		blocks := flags&flagNonblock == 0 && (n == 0 || flags&flagWaitForOne == 0)
		if syscall.Errno(-c.kernel[n].result) != syscall.EAGAIN || !blocks {
			c.ops[n].finish(&c.kernel[n])
			return n, c.ops[n].Err
		}
		c.kernel[n].result = 0
		if _, err := c.block(ctx, 0, n, n+1); err != nil {
			return n, err
		}
		if c.kernel[n].result < 0 {
			c.ops[n].finish(&c.kernel[n])
			return n, c.ops[n].Err
		}
	}
	return len(c.ops), nil
}

func doBatch(ctx context.Context, flags uint32, ops []*Op) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	c, err := newCall("batch", ops)
	defer c.end()
	if err != nil {
		return 0, err
	}
	n, err := c.batch(ctx, flags)
	for i, o := range ops[:n] {
		o.finish(&c.kernel[i])
	}
	return n, err
}

// Batch performs ops in order, each completing before the next begins, in one system call
// if none blocks. It returns how many were performed; if these are not all, the error is
// that of the next one (also in its Op.Err), ctx.Err(), or as for Select. A receive at the
// end of its channel counts as performed, with ErrClosed in Op.Err.
func Batch(ctx context.Context, ops ...*Op) (int, error) {
	return doBatch(ctx, 0, ops)
}

// BatchWaitForOne is Batch, but only the first op may block. If a later one would, the
// batch ends there, with an error that matches ErrWouldBlock.
func BatchWaitForOne(ctx context.Context, ops ...*Op) (int, error) {
	return doBatch(ctx, flagWaitForOne, ops)
}

// TryBatch is Batch, but no op may block, see BatchWaitForOne.
func TryBatch(ops ...*Op) (int, error) {
	return doBatch(context.Background(), flagNonblock, ops)
}
