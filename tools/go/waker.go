// SPDX-License-Identifier: GPL-2.0
//go:build linux && !mips && !mipsle && !mips64 && !mips64le && !ppc64 && !ppc64le

// Blocking: how a goroutine sleeps in an ioctl, and how a context or Release wakes it.
//
// An ioctl that blocks occupies its thread, and the runtime starts another one for the
// other goroutines. Two things are done about it:
//
// To cancel it, the ioctl is a SELECT of the ops and of a poll of an eventfd, to which a
// goroutine writes when the context is done, and which Release writes to. The kernel
// decides between the two, so an op that is cancelled has not happened.
//
// Signals are blocked in the thread meanwhile. Go's handlers have SA_RESTART, so a signal
// would not make the op fail; but the op would be restarted, at the end of the wait queue.
// Preemption (SIGURG) is not aimed at threads in system calls, apart from a race, but the
// kernel prefers the main thread for signals to the process, such as SIGCHLD, SIGWINCH or
// SIGPROF. The kernel gives a signal that one thread blocks to another one, and the
// runtime always has one that blocks none.

package gochan

import (
	"context"
	"runtime"
	"syscall"
	"unsafe"
)

// A waker is an eventfd that is readable once it was woken.
type waker struct{ fd int }

const (
	efdCloexec  = 0x80000
	efdNonblock = 0x800
)

func newWaker() (*waker, syscall.Errno) {
	fd, _, errno := syscall.Syscall(syscall.SYS_EVENTFD2, 0, efdCloexec|efdNonblock, 0)
	return &waker{int(fd)}, errno
}

func (w *waker) wake() {
	one := [8]byte{1, 1, 1, 1} // not 0 in either byte order, and far from overflow
	// The first write makes it readable; it does not matter whether others succeed.
	_, _ = syscall.Write(w.fd, one[:])
}

func (w *waker) close() { syscall.Close(w.fd) }

// watch wakes w when ctx is done, until the function that it returns is called.
func (w *waker) watch(ctx context.Context) (stop func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	stopped, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-ctx.Done():
			w.wake()
		case <-stopped:
		}
	}()
	return func() {
		close(stopped)
		<-ended
	}
}

// addWaker makes Release wake w; false if the channel is released already.
func (c *Channel) addWaker(w *waker) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.released {
		return false
	}
	c.wakers[w] = struct{}{}
	return true
}

func (c *Channel) removeWaker(w *waker) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.wakers, w)
}

func (c *Channel) isReleased() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.released
}

// waitingMask has the signals that are blocked while an op waits: all but those that are
// caused by the thread itself, and those by which the runtime (Setuid and others) and C
// libraries make all threads do something, and wait for it.
var waitingMask = ^signalSet(syscall.SIGILL, syscall.SIGTRAP, syscall.SIGBUS, syscall.SIGFPE,
	syscall.SIGSEGV, syscall.SIGSYS, 32, 33, 34)

func signalSet(signals ...syscall.Signal) (set uint64) {
	for _, signal := range signals {
		set |= 1 << (signal - 1)
	}
	return set
}

const sigSetmask = 2

func setSignalMask(set, old *uint64) {
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, sigSetmask, uintptr(unsafe.Pointer(set)),
		uintptr(unsafe.Pointer(old)), unsafe.Sizeof(*set), 0, 0)
}

// waitInSelect is the SELECT ioctl that blocks.
func (c *call) waitInSelect(fd int) syscall.Errno {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	setSignalMask(&waitingMask, &c.oldMask)
	_, errno := ioctl(fd, iocSelect, unsafe.Pointer(&c.arg))
	setSignalMask(&c.oldMask, nil)
	return errno
}
