// SPDX-License-Identifier: GPL-2.0
//go:build linux && !mips && !mipsle && !mips64 && !mips64le && !ppc64 && !ppc64le

package gochan

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// The layout, compared with what a C program, built from the header, prints.
func TestLayout(t *testing.T) {
	program := os.Getenv("GOCHAN_LAYOUT")
	if program == "" {
		t.Skip("GOCHAN_LAYOUT is not set to the C program")
	}
	var s kernelSetup
	var i kernelInfo
	var o kernelOp
	var c kernelOps
	var a kernelAck
	var d kernelDone
	ours := []any{
		"setup", unsafe.Sizeof(s), unsafe.Offsetof(s.capacity), unsafe.Offsetof(s.msgSize),
		unsafe.Offsetof(s.flags), unsafe.Offsetof(s.maxDeliveries),
		unsafe.Offsetof(s.deadFD), unsafe.Offsetof(s.doneFD),
		"info", unsafe.Sizeof(i), unsafe.Offsetof(i.abi), unsafe.Offsetof(i.flags),
		unsafe.Offsetof(i.capacity), unsafe.Offsetof(i.msgSize), unsafe.Offsetof(i.len),
		unsafe.Offsetof(i.closed), unsafe.Offsetof(i.sendersWaiting),
		unsafe.Offsetof(i.receiversWaiting), unsafe.Offsetof(i.sendHandles),
		unsafe.Offsetof(i.recvHandles), unsafe.Offsetof(i.leased),
		unsafe.Offsetof(i.maxDeliveries), unsafe.Offsetof(i.id), unsafe.Offsetof(i.sent),
		unsafe.Offsetof(i.received), unsafe.Offsetof(i.bytes), unsafe.Offsetof(i.requeued),
		unsafe.Offsetof(i.dropped), unsafe.Offsetof(i.sendBlocked),
		unsafe.Offsetof(i.recvBlocked), unsafe.Offsetof(i.done),
		unsafe.Offsetof(i.reserved),
		"op", unsafe.Sizeof(o), unsafe.Offsetof(o.fd), unsafe.Offsetof(o.opcode),
		unsafe.Offsetof(o.flags), unsafe.Offsetof(o.buf), unsafe.Offsetof(o.len),
		unsafe.Offsetof(o.result), unsafe.Offsetof(o.passedFD), unsafe.Offsetof(o.events),
		unsafe.Offsetof(o.pid), unsafe.Offsetof(o.uid), unsafe.Offsetof(o.gid),
		unsafe.Offsetof(o.deliveries), unsafe.Offsetof(o.lease), unsafe.Offsetof(o.seq),
		"ops", unsafe.Sizeof(c), unsafe.Offsetof(c.ops), unsafe.Offsetof(c.count),
		unsafe.Offsetof(c.flags), unsafe.Offsetof(c.timeout), unsafe.Offsetof(c.index),
		unsafe.Offsetof(c.reserved),
		"ack", unsafe.Sizeof(a), unsafe.Offsetof(a.lease), unsafe.Offsetof(a.flags),
		unsafe.Offsetof(a.reserved),
		"done", unsafe.Sizeof(d), unsafe.Offsetof(d.channel), unsafe.Offsetof(d.seq),
		unsafe.Offsetof(d.deliveries), unsafe.Offsetof(d.flags), doneDead,
		"ioctls", iocSetup, uint32(iocInfo), iocClose, iocDup, iocAck, uint32(iocSelect), uint32(iocBatch),
		"opcodes", opSend, opRecv, opPoll, opAck,
		"flags", flagNonblock, flagOrdered, flagWaitForOne, flagPeek, flagPassFD, flagTakeFD,
		flagResume, flagRequeue,
		"channel", uint32(Fixed), uint32(Hangup), uint32(Credentials), uint32(Acknowledged),
		uint32(flagDeadLetter), uint32(flagDone),
		"others", abi, resultClosed, uint64(timeoutNever),
		"system", PollIn, PollPri, PollOut, PollErr, PollHup,
		PollRdHup, int(RecvOnly), int(SendOnly), int(SendRecv), int(InfoOnly), oTmpfile,
		-atFDCWD, atSymlinkFollow, efdCloexec, efdNonblock, sigSetmask,
	}
	theirs, err := exec.Command(program).Output()
	must(t, err)
	equal(t, strings.TrimSpace(fmt.Sprintln(ours...)), strings.Join(strings.Fields(string(theirs)), " "))
}

func TestMake(t *testing.T) {
	ch := newChan(t, Setup{Capacity: 3, MsgSize: 8, Flags: Fixed | Credentials})
	equal(t, ch.Cap(), 3)
	equal(t, ch.MsgSize(), 8)
	equal(t, ch.Rights(), SendRecv)
	must(t, ch.Send(background, []byte("12345678")))
	n, err := ch.Len()
	must(t, err)
	equal(t, n, 1)
	info := infoOf(t, ch)
	equal(t, info, Info{ID: info.ID, Capacity: 3, MsgSize: 8, Flags: Fixed | Credentials, Len: 1,
		Bytes: 8, SendHandles: 1, RecvHandles: 1, Sent: 1})
	want(t, ch.Send(background, []byte("short")), syscall.EINVAL)
}

func TestMakeBadInput(t *testing.T) {
	before := descriptors(t)
	for _, setup := range []Setup{
		{Capacity: -1}, {MsgSize: -1}, {MaxDeliveries: -1}, {Capacity: 1 << 30},
		{MsgSize: 1 << 30}, {Capacity: math.MaxInt}, {Flags: 0x8000}, {Flags: Fixed},
		{Flags: Acknowledged}, {MaxDeliveries: 1}, {Flags: flagDeadLetter},
	} {
		_, err := Make(setup)
		want(t, err, syscall.EINVAL)
		_, _, err = Pair(setup)
		want(t, err, syscall.EINVAL)
	}
	equal(t, descriptors(t), before)
}

func TestPairHangsUp(t *testing.T) {
	recv, send := newPair(t, Setup{Capacity: 2, MsgSize: 4})
	equal(t, recv.Rights(), RecvOnly)
	equal(t, send.Rights(), SendOnly)
	must(t, send.Send(background, []byte("last")))
	must(t, send.Release())
	msg, err := recv.Recv(background)
	must(t, err)
	equal(t, string(msg), "last")
	_, err = recv.Recv(background)
	same(t, err, ErrClosed)

	recv, send = newPair(t, Setup{})
	must(t, recv.Release())
	err = send.Send(background, nil)
	want(t, err, ErrClosed)
	want(t, err, syscall.EPIPE)
	same(t, err.Error(), "gochan: send: channel closed, or no receivers")
}

func TestRights(t *testing.T) {
	recv, send := newPair(t, Setup{Capacity: 1, MsgSize: 4})
	want(t, recv.Send(background, nil), syscall.EBADF)
	_, err := send.Recv(background)
	want(t, err, syscall.EBADF)
	want(t, recv.CloseChannel(), syscall.EBADF)
	for _, rights := range []Rights{SendOnly, SendRecv} {
		_, err = recv.Dup(rights)
		want(t, err, syscall.EACCES)
		want(t, err, os.ErrPermission)
	}
	for _, rights := range []Rights{-1, InfoOnly, 4} {
		_, err = recv.Dup(rights)
		want(t, err, syscall.EINVAL)
	}
	copied, err := recv.Dup(RecvOnly)
	must(t, err)
	must(t, copied.Release())
}

func TestCloseChannel(t *testing.T) {
	ch := newChan(t, Setup{Capacity: 1, MsgSize: 4})
	must(t, ch.Send(background, []byte("full")))
	sender := spawn(func() error { return ch.Send(background, nil) })
	untilSenders(t, ch, 1)
	must(t, ch.CloseChannel())
	want(t, <-sender, ErrClosed)
	want(t, ch.CloseChannel(), syscall.EALREADY)
	want(t, ch.TrySend(nil), ErrClosed)
	_, err := ch.Recv(background)
	must(t, err)
	for i := 0; i < 2; i++ {
		_, err = ch.Recv(background)
		same(t, err, ErrClosed)
		_, err = ch.TryRecv()
		same(t, err, ErrClosed)
	}
	equal(t, infoOf(t, ch).Closed, true)
}

// Release ends blocked calls of this handle, and only of this one.
func TestRelease(t *testing.T) {
	ch := newChan(t, Setup{MsgSize: 4})
	other, err := ch.Dup(RecvOnly)
	must(t, err)
	const n = 5
	var released []<-chan error
	for i := 0; i < n; i++ {
		released = append(released, spawn(func() error {
			_, err := ch.Recv(background)
			return err
		}))
	}
	released = append(released, spawn(func() error {
		_, err := Select(background, RecvOp(other, nil), RecvOp(ch, nil))
		return err
	}))
	survivor := spawn(func() error {
		_, err := other.Recv(background)
		return err
	})
	untilReceivers(t, ch, n+2)
	must(t, ch.Release())
	for _, result := range released {
		err := <-result
		want(t, err, ErrReleased)
		want(t, err, os.ErrClosed)
	}
	// The last handle that may send is gone.
	same(t, <-survivor, ErrClosed)
	must(t, other.Release())
}

func TestReleased(t *testing.T) {
	ch := newChan(t, Setup{Capacity: 1, MsgSize: 4, Flags: Acknowledged})
	must(t, ch.Send(background, nil))
	_, lease, err := ch.RecvLease(background)
	must(t, err)
	must(t, ch.Release())
	want(t, ch.Release(), ErrReleased)
	want(t, ch.Send(background, nil), ErrReleased)
	_, err = ch.TryRecv()
	want(t, err, ErrReleased)
	_, err = ch.Info()
	want(t, err, ErrReleased)
	_, err = ch.Len()
	want(t, err, ErrReleased)
	_, err = ch.File()
	want(t, err, ErrReleased)
	_, err = ch.Dup(RecvOnly)
	want(t, err, ErrReleased)
	want(t, ch.CloseChannel(), ErrReleased)
	want(t, ch.Control(func(int) {}), ErrReleased)
	want(t, lease.Ack(), ErrReleased)
	_, err = Batch(background, AckOp(lease))
	want(t, err, ErrReleased)
	_, err = Make(Setup{Capacity: 1, Flags: Acknowledged, MaxDeliveries: 1, DeadLetter: ch})
	want(t, err, syscall.EBADF)
}

// Go's nil channel: never ready, and nothing else can be done with it.
func TestNil(t *testing.T) {
	var ch *Channel
	ctx, cancel := contextThatEnds()
	defer cancel()
	want(t, ch.Send(ctx, nil), ctx.Err())
	_, err := ch.TryRecv()
	want(t, err, ErrWouldBlock)
	_, _, err = ch.TryRecvLease()
	want(t, err, ErrWouldBlock)
	equal(t, ch.Cap()+ch.MsgSize(), 0)
	equal(t, ch.Rights(), InfoOnly)
	want(t, ch.CloseChannel(), syscall.EBADF)
	want(t, ch.Release(), syscall.EBADF)
	_, err = ch.Info()
	want(t, err, syscall.EBADF)
}

func TestFiles(t *testing.T) {
	recv, send := newPair(t, Setup{Capacity: 1, MsgSize: 4})
	file, err := send.File()
	must(t, err)
	// The same handle: it is given up only with the file.
	must(t, send.Release())
	_, err = file.Write([]byte("text"))
	must(t, err)
	again, err := FromFile(file)
	must(t, err)
	must(t, file.Close())
	equal(t, again.Rights(), SendOnly)
	must(t, recv.Control(func(fd int) {
		var stat syscall.Stat_t
		must(t, syscall.Fstat(fd, &stat))
		equal(t, stat.Mode&syscall.S_IFMT, syscall.S_IFCHR)
	}))
	msg, err := recv.Recv(background)
	must(t, err)
	equal(t, string(msg), "text")
	must(t, again.Release())
	_, err = recv.Recv(background)
	same(t, err, ErrClosed)
	_, err = FromFile(file)
	want(t, err, os.ErrClosed)
}

func isNonblocking(t *testing.T, file *os.File) bool {
	t.Helper()
	conn, err := file.SyscallConn()
	must(t, err)
	var flags uintptr
	must(t, conn.Control(func(fd uintptr) {
		flags, _, _ = syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFL, 0)
	}))
	return flags&syscall.O_NONBLOCK != 0
}

// What the documentation says of os.File and package io.
func TestIO(t *testing.T) {
	t.Cleanup(func() { Remove("go-test") })
	ch, err := Create("go-test", Setup{Capacity: 8, MsgSize: 8192}, 0o600)
	must(t, err)
	defer ch.Release()
	opened, err := os.Open("/dev/gochans/go-test")
	must(t, err)
	defer opened.Close()
	file, err := ch.File()
	must(t, err)
	defer file.Close()
	equal(t, isNonblocking(t, opened), true)
	equal(t, isNonblocking(t, file), false)

	must(t, ch.Send(background, make([]byte, 600)))
	_, err = io.ReadAll(file)
	want(t, err, syscall.EMSGSIZE)
	_, err = bufio.NewReaderSize(file, 512).ReadByte()
	want(t, err, syscall.EMSGSIZE)
	equal(t, infoOf(t, ch).Len, 1)
	n, err := opened.Read(make([]byte, 600))
	must(t, err)
	equal(t, n, 600)
	must(t, ch.Send(background, nil))
	_, err = file.Read(make([]byte, 600))
	same(t, err, io.EOF)

	w := bufio.NewWriter(file)
	fmt.Fprint(w, "one")
	fmt.Fprint(w, "two")
	must(t, w.Flush())
	msg, err := ch.Recv(background)
	must(t, err)
	equal(t, string(msg), "onetwo")

	// The poller wakes a blocked read of the one that does not block.
	reader := spawn(func() error {
		_, err := opened.Read(make([]byte, 600))
		return err
	})
	must(t, ch.Send(background, []byte("x")))
	must(t, <-reader)
}

func TestNotAChannel(t *testing.T) {
	null, err := os.Open("/dev/null")
	must(t, err)
	defer null.Close()
	before := descriptors(t)
	_, err = FromFile(null)
	want(t, err, syscall.ENOTTY)
	_, err = FromFD(int(null.Fd()))
	want(t, err, syscall.ENOTTY)
	_, err = FromFD(-1)
	want(t, err, syscall.EBADF)
	_, err = Open("/dev/null", RecvOnly)
	want(t, err, syscall.ENOTTY)
	equal(t, descriptors(t), before)
}

// Nothing keeps a descriptor: not success, not failure, not a context.
func TestDescriptors(t *testing.T) {
	all := func() {
		ch := newChan(t, Setup{MsgSize: 4})
		ctx, cancel := contextThatEnds()
		_, err := Select(ctx, SendOp(ch, nil).PassFile(os.Stdin), PollConn(os.Stdin, PollPri),
			RecvOp(ch, nil))
		want(t, err, ctx.Err())
		cancel()
		result := spawn(func() error { return ch.SendFile(background, nil, os.Stdin) })
		_, file, err := ch.RecvFile(background)
		must(t, err)
		must(t, <-result)
		must(t, file.Close())
		_, err = TrySelect(SendOp(ch, make([]byte, 5)).PassFile(os.Stdin))
		want(t, err, syscall.EMSGSIZE)
		_, err = TrySelect()
		want(t, err, ErrWouldBlock)
		must(t, ch.Release())
	}
	all()
	before := descriptors(t)
	for i := 0; i < 20; i++ {
		all()
	}
	equal(t, descriptors(t), before)
}

func TestErrors(t *testing.T) {
	err := error(&Error{Call: "open", Name: "jobs", Err: syscall.ENOENT})
	same(t, err.Error(), "gochan: open jobs: no such file or directory")
	want(t, err, os.ErrNotExist)
	same(t, errors.Is(err, ErrClosed) || errors.Is(err, ErrWouldBlock), false)
	want(t, &Error{Call: "send", Err: syscall.EAGAIN}, ErrWouldBlock)
	equal(t, (&Error{Call: "recv", Err: ErrReleased}).Error(), "gochan: recv: handle released")
	same(t, errors.Is(ErrReleased, os.ErrClosed), true)
	same(t, errors.Is(ErrReleased, ErrClosed), false)
}

func TestNames(t *testing.T) {
	t.Cleanup(func() { Remove("go-test") })
	ch, err := Create("go-test", Setup{Capacity: 1, MsgSize: 4}, 0o640)
	must(t, err)
	stat, err := os.Stat("/dev/gochans/go-test")
	must(t, err)
	equal(t, stat.Mode().Perm()&^0o640, 0)
	_, err = Create("go-test", Setup{}, 0o600)
	want(t, err, os.ErrExist)
	want(t, err, syscall.EEXIST)

	send, err := Open("go-test", SendOnly)
	must(t, err)
	must(t, ch.Release())
	must(t, send.Send(background, []byte("kept")))
	must(t, send.Release())
	recv, err := Open("/dev/gochans/go-test", RecvOnly)
	must(t, err)
	equal(t, recv.Rights(), RecvOnly)
	msg, err := recv.Recv(background)
	must(t, err)
	equal(t, string(msg), "kept")
	info, err := Open("go-test", InfoOnly)
	must(t, err)
	_, err = info.Info()
	must(t, err)
	_, err = info.Recv(background)
	want(t, err, syscall.EBADF)
	must(t, info.Release())

	must(t, Remove("go-test"))
	want(t, Remove("go-test"), os.ErrNotExist)
	_, err = recv.Recv(background)
	same(t, err, ErrClosed)
	must(t, recv.Release())
}

func TestNamesBadInput(t *testing.T) {
	before := descriptors(t)
	for name, errno := range map[string]error{
		"": syscall.ENOENT, "no-directory/name": syscall.ENOENT, "/tmp/go-test": syscall.ENODEV,
		"/dev/gochans/.": syscall.EEXIST, "nul\x00": syscall.EINVAL,
		strings.Repeat("x", 300): syscall.ENAMETOOLONG,
	} {
		_, err := Create(name, Setup{}, 0o600)
		want(t, err, errno)
	}
	_, err := Create("go-test", Setup{}, 0o1600|os.ModeDir)
	want(t, err, syscall.EINVAL)
	_, err = Create("go-test", Setup{Flags: Fixed}, 0o600)
	want(t, err, syscall.EINVAL)
	_, err = Open("go-test", RecvOnly)
	want(t, err, os.ErrNotExist)
	_, err = Open("go-test", 4)
	want(t, err, syscall.EINVAL)
	equal(t, descriptors(t), before)
}
