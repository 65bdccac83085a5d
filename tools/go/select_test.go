// SPDX-License-Identifier: GPL-2.0
//go:build linux && !mips && !mipsle && !mips64 && !mips64le && !ppc64 && !ppc64le

package gochan

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestSelect(t *testing.T) {
	a, b := newChan(t, Setup{Capacity: 1, MsgSize: 8}), newChan(t, Setup{Capacity: 1, MsgSize: 8})
	must(t, b.Send(background, []byte("b")))
	buf := make([]byte, 4)
	ops := []*Op{RecvOp(a, nil), RecvOp(b, buf), RecvOp(nil, nil), PollOp(-1, PollIn)}
	at, err := Select(background, ops...)
	must(t, err)
	equal(t, at, 1)
	equal(t, string(ops[1].Msg), "b")
	equal(t, &ops[1].Msg[0], &buf[0])
	// Used again: blocked this time.
	result := spawn(func() error {
		at, err := Select(background, ops...)
		if at != 0 || string(ops[0].Msg) != "a" || ops[1].Msg != nil {
			t.Errorf("op %d", at)
		}
		return err
	})
	untilReceivers(t, b, 1)
	must(t, a.Send(background, []byte("a")))
	must(t, <-result)
	equal(t, infoOf(t, b).ReceiversWaiting, 0)
}

// Several ready: any of them, or the first one.
func TestSelectChoice(t *testing.T) {
	var count [2]int
	ready := []*Channel{newChan(t, Setup{Capacity: 1}), newChan(t, Setup{Capacity: 1})}
	for i := 0; i < 200; i++ {
		for _, ch := range ready {
			_ = ch.TrySend(nil)
		}
		at, err := Select(background, RecvOp(ready[0], nil), RecvOp(ready[1], nil))
		must(t, err)
		count[at]++
	}
	if count[0] < 50 || count[1] < 50 {
		t.Errorf("chosen: %v", count)
	}
	for i := 0; i < 20; i++ {
		_ = ready[1].TrySend(nil)
		_ = ready[0].TrySend(nil)
		at, err := SelectOrdered(background, RecvOp(ready[1], nil), RecvOp(ready[0], nil))
		must(t, err)
		equal(t, at, 0)
	}
}

func TestSelectPoll(t *testing.T) {
	ch := newChan(t, Setup{})
	r, w, err := os.Pipe()
	must(t, err)
	defer r.Close()
	poll := PollConn(r, PollIn)
	result := spawn(func() error {
		at, err := Select(background, RecvOp(ch, nil), poll)
		if at != 1 || poll.Events != PollIn {
			t.Errorf("op %d, events %#x", at, poll.Events)
		}
		return err
	})
	untilReceivers(t, ch, 1)
	_, err = w.Write([]byte("x"))
	must(t, err)
	must(t, <-result)
	must(t, w.Close())

	var fds [2]int
	must(t, syscall.Pipe(fds[:]))
	defer syscall.Close(fds[1])
	// Without a channel.
	at, err := Select(background, PollOp(fds[0], PollIn), PollOp(fds[1], PollOut))
	must(t, err)
	equal(t, at, 1)
	must(t, syscall.Close(fds[0]))
	_, err = Select(background, PollOp(100000, PollIn))
	want(t, err, syscall.EBADF)
	must(t, r.Close())
	_, err = Select(background, poll)
	want(t, err, os.ErrClosed)
}

func TestSelectFails(t *testing.T) {
	ch, other := newChan(t, Setup{Capacity: 1, MsgSize: 4}), newChan(t, Setup{})
	op := SendOp(ch, []byte("12345"))
	at, err := Select(background, RecvOp(other, nil), op)
	equal(t, at, 1)
	want(t, err, syscall.EMSGSIZE)
	same(t, op.Err, err)
	must(t, ch.CloseChannel())
	end := RecvOp(ch, nil)
	at, err = Select(background, RecvOp(other, nil), end)
	equal(t, at, 1)
	same(t, err, ErrClosed)
	same(t, end.Err, ErrClosed)
	at, err = TrySelect(RecvOp(other, nil))
	equal(t, at, -1)
	want(t, err, ErrWouldBlock)
	for _, op := range []*Op{
		PollOp(0, 1<<16), RecvOp(other, nil).Peek().TakeFile(), SendOp(other, nil).Peek(),
		SendOp(other, nil).TakeFile(), RecvOp(other, nil).PassFile(os.Stdin),
	} {
		_, err = Select(background, op)
		want(t, err, syscall.EINVAL)
	}
	many := make([]*Op, 2000)
	for i := range many {
		many[i] = RecvOp(other, nil)
	}
	at, err = Select(background, many...)
	equal(t, at, -1)
	want(t, err, syscall.EINVAL)
	equal(t, infoOf(t, other).RecvBlocked, 0)
}

// None, and nil channels only: until the context is done.
func TestSelectNothing(t *testing.T) {
	ctx, cancel := contextThatEnds()
	defer cancel()
	for _, ops := range [][]*Op{nil, {RecvOp(nil, nil), SendOp(nil, nil)}} {
		_, err := Select(ctx, ops...)
		want(t, err, context.DeadlineExceeded)
	}
}

func TestCredentials(t *testing.T) {
	ch := newChan(t, Setup{Capacity: 1, Flags: Credentials})
	must(t, ch.Send(background, nil))
	op := RecvOp(ch, nil)
	_, err := Select(background, op)
	must(t, err)
	equal(t, op.Cred, Cred{PID: os.Getpid(), UID: os.Geteuid(), GID: os.Getegid()})
}

func TestBatch(t *testing.T) {
	a, b := newChan(t, Setup{Capacity: 4, MsgSize: 4}), newChan(t, Setup{MsgSize: 4})
	n, err := Batch(background)
	must(t, err)
	equal(t, n, 0)

	// Blocks in the second op and in the last one.
	recvs := []*Op{RecvOp(a, nil), RecvOp(b, nil), RecvOp(a, nil), RecvOp(b, nil)}
	must(t, a.Send(background, []byte("1")))
	batch := spawn(func() error {
		n, err := Batch(background, recvs...)
		if n != 4 {
			t.Errorf("%d ops were performed", n)
		}
		return err
	})
	untilReceivers(t, b, 1)
	n, err = Batch(background, SendOp(a, []byte("3")), SendOp(b, []byte("2")),
		SendOp(b, []byte("4")))
	must(t, err)
	equal(t, n, 3)
	must(t, <-batch)
	var all []string
	for _, op := range recvs {
		must(t, op.Err)
		all = append(all, string(op.Msg))
	}
	equal(t, strings.Join(all, " "), "1 2 3 4")
}

func TestBatchEndsEarly(t *testing.T) {
	ch, unbuffered := newChan(t, Setup{Capacity: 2, MsgSize: 4}), newChan(t, Setup{})
	send := func() *Op { return SendOp(ch, nil) }
	bad := SendOp(ch, make([]byte, 5))
	n, err := Batch(background, send(), bad, send())
	equal(t, n, 1)
	want(t, err, syscall.EMSGSIZE)
	same(t, bad.Err, err)
	n, err = TryBatch(send(), send())
	equal(t, n, 1)
	want(t, err, ErrWouldBlock)
	n, err = BatchWaitForOne(background, RecvOp(ch, nil), RecvOp(ch, nil), RecvOp(ch, nil))
	equal(t, n, 2)
	want(t, err, ErrWouldBlock)
	first := spawn(func() error {
		n, err := BatchWaitForOne(background, RecvOp(unbuffered, nil), RecvOp(unbuffered, nil))
		if n != 1 {
			t.Errorf("%d ops were performed", n)
		}
		return err
	})
	must(t, unbuffered.Send(background, nil))
	want(t, <-first, ErrWouldBlock)

	ctx, cancel := contextThatEnds()
	defer cancel()
	n, err = Batch(ctx, send(), send(), send())
	equal(t, n, 2)
	same(t, err, context.DeadlineExceeded)
	must(t, ch.CloseChannel())
	end := RecvOp(ch, nil)
	n, err = Batch(background, RecvOp(ch, nil), RecvOp(ch, nil), end, send())
	equal(t, n, 3)
	want(t, err, syscall.EPIPE)
	same(t, end.Err, ErrClosed)
	many := make([]*Op, 2000)
	for i := range many {
		many[i] = RecvOp(unbuffered, nil)
	}
	n, err = Batch(background, many...)
	equal(t, n, 0)
	want(t, err, syscall.EINVAL)
}

// A handle that is O_NONBLOCK, as an inherited one may be, changes nothing.
func TestNonblockingHandle(t *testing.T) {
	ch := newChan(t, Setup{})
	must(t, ch.Control(func(fd int) { must(t, syscall.SetNonblock(fd, true)) }))
	sender := spawn(func() error {
		_, err := Batch(background, SendOp(ch, nil), SendOp(ch, nil))
		return err
	})
	untilSenders(t, ch, 1)
	for i := 0; i < 2; i++ {
		_, err := ch.Recv(background)
		must(t, err)
	}
	must(t, <-sender)
}

func TestLease(t *testing.T) {
	ch := newChan(t, Setup{Capacity: 4, MsgSize: 8, Flags: Acknowledged})
	must(t, ch.Send(background, []byte("job 1")))
	must(t, ch.Send(background, []byte("job 2")))
	msg, lease, err := ch.RecvLease(background)
	must(t, err)
	equal(t, string(msg), "job 1")
	equal(t, lease.Seq, 1)
	equal(t, lease.Deliveries, 1)
	equal(t, infoOf(t, ch).Leased, 1)
	must(t, lease.Requeue())
	want(t, lease.Ack(), syscall.ESTALE)
	want(t, lease.Requeue(), syscall.ESTALE)
	msg, lease, err = ch.TryRecvLease()
	must(t, err)
	equal(t, string(msg), "job 1")
	equal(t, lease.Deliveries, 2)
	// From another goroutine, in one call with the next job.
	next := RecvOp(ch, nil)
	must(t, <-spawn(func() error {
		_, err := Batch(background, AckOp(lease), next)
		return err
	}))
	equal(t, next.Lease.Seq, 2)
	_, err = Batch(background, RequeueOp(next.Lease))
	must(t, err)
	_, err = Batch(background, AckOp(next.Lease))
	want(t, err, syscall.ESTALE)
	_, err = Select(background, AckOp(next.Lease))
	want(t, err, syscall.EINVAL)

	// Recv acknowledges at once.
	msg, err = ch.Recv(background)
	must(t, err)
	equal(t, string(msg), "job 2")
	equal(t, infoOf(t, ch).Leased, 0)
	_, _, err = ch.TryRecvLease()
	want(t, err, ErrWouldBlock)
}

func TestLeaseBadInput(t *testing.T) {
	ch := newChan(t, Setup{Capacity: 1})
	must(t, ch.Send(background, nil))
	_, _, err := ch.RecvLease(background)
	want(t, err, syscall.EINVAL)
	_, _, err = ch.TryRecvLease()
	want(t, err, syscall.EINVAL)
	equal(t, infoOf(t, ch).Len, 1)
}

// The handle that has received it is given up: the message comes back.
func TestLeaseOfReleasedHandle(t *testing.T) {
	ch := newChan(t, Setup{Capacity: 1, MsgSize: 8, Flags: Acknowledged})
	must(t, ch.Send(background, []byte("job")))
	worker, err := ch.Dup(RecvOnly)
	must(t, err)
	_, _, err = worker.RecvLease(background)
	must(t, err)
	receiver := spawn(func() error {
		msg, lease, err := ch.RecvLease(background)
		if err == nil && (string(msg) != "job" || lease.Deliveries != 2) {
			t.Errorf("%q, delivered %d times", msg, lease.Deliveries)
		}
		return err
	})
	untilReceivers(t, ch, 1)
	must(t, worker.Release())
	must(t, <-receiver)
}

func TestRangeLease(t *testing.T) {
	ch := newChan(t, Setup{Capacity: 3, MsgSize: 8, Flags: Acknowledged})
	for _, job := range []string{"good", "bad", "panics"} {
		must(t, ch.Send(background, []byte(job)))
	}
	bad := errors.New("bad job")
	failed := map[string]int{}
	work := func(msg []byte, lease *Lease) error {
		job := string(msg)
		if job == "good" || lease.Deliveries > 1 {
			return nil
		}
		failed[job]++
		if job == "panics" {
			panic(job)
		}
		return bad
	}
	same(t, ch.RangeLease(background, work), bad)
	equal(t, infoOf(t, ch).Len, 2)
	func() {
		defer func() { same(t, recover(), any("panics")) }()
		_ = ch.RangeLease(background, work)
	}()
	equal(t, infoOf(t, ch).Len, 1)
	must(t, ch.CloseChannel())
	must(t, ch.RangeLease(background, work))
	equal(t, failed["bad"]+failed["panics"], 2)
	info := infoOf(t, ch)
	equal(t, info.Len+info.Leased, 0)
	equal(t, info.Requeued, 2)
	ctx, cancel := contextThatEnds()
	cancel()
	same(t, ch.RangeLease(ctx, work), ctx.Err())
}

func TestDeadLetter(t *testing.T) {
	dead := newChan(t, Setup{Capacity: 1, MsgSize: 8})
	ch := newChan(t, Setup{Capacity: 1, MsgSize: 8, Flags: Acknowledged, MaxDeliveries: 2,
		DeadLetter: dead})
	must(t, ch.Send(background, []byte("hopeless")))
	for i := 0; i < 2; i++ {
		_, lease, err := ch.RecvLease(background)
		must(t, err)
		must(t, lease.Requeue())
	}
	msg, err := dead.Recv(background)
	must(t, err)
	equal(t, string(msg), "hopeless")
	info := infoOf(t, ch)
	equal(t, info.MaxDeliveries, 2)
	equal(t, info.DeadLetter, true)
	equal(t, info.Flags, Acknowledged)
	_, err = Make(Setup{Capacity: 1, Flags: Acknowledged, MaxDeliveries: 1, DeadLetter: ch})
	want(t, err, syscall.ELOOP)
}

func TestDone(t *testing.T) {
	done := newChan(t, Setup{Capacity: 2, MsgSize: NoticeSize, Flags: Fixed})
	ch := newChan(t, Setup{Capacity: 2, MsgSize: 8, Flags: Acknowledged, MaxDeliveries: 1,
		Done: done})
	ops := []*Op{SendOp(ch, []byte("hopeless")), SendOp(ch, []byte("good"))}
	n, err := Batch(background, ops...)
	must(t, err)
	equal(t, n, 2)
	equal(t, ops[0].Seq, uint64(1))
	equal(t, ops[1].Seq, uint64(2))
	_, lease, err := ch.RecvLease(background)
	must(t, err)
	must(t, lease.Requeue())
	_, lease, err = ch.RecvLease(background)
	must(t, err)
	must(t, lease.Ack())
	id := infoOf(t, ch).ID
	for _, expected := range []Notice{{id, 1, 1, true}, {id, 2, 1, false}} {
		msg, err := done.Recv(background)
		must(t, err)
		notice, err := ParseNotice(msg)
		must(t, err)
		equal(t, notice, expected)
	}
	info := infoOf(t, ch)
	equal(t, info.Done, infoOf(t, done).ID)
	equal(t, info.Flags, Acknowledged)
	_, err = ParseNotice(nil)
	want(t, err, syscall.EINVAL)
	_, err = Make(Setup{Capacity: 1, Flags: Acknowledged, Done: ch})
	want(t, err, syscall.ELOOP)
	_, err = Make(Setup{Capacity: 1, Done: done})
	want(t, err, syscall.EINVAL)
	must(t, done.Release())
	_, err = Make(Setup{Capacity: 1, Flags: Acknowledged, Done: done})
	want(t, err, syscall.EBADF)
}

type point struct {
	X, Y  int32
	Valid bool
	_     [7]byte
}

type named struct {
	Name string
	Tags []string
}

func TestTyped(t *testing.T) {
	equal(t, SizeOf[point](), 16)
	points := Typed(newChan(t, Setup{Capacity: 2, MsgSize: SizeOf[point](), Flags: Fixed}),
		Binary[point]())
	p := point{X: 3, Y: -4, Valid: true}
	must(t, points.Send(background, p))
	must(t, points.TrySend(p))
	want(t, points.TrySend(p), ErrWouldBlock)
	got, err := points.Recv(background)
	must(t, err)
	equal(t, got, p)
	got, err = points.TryRecv()
	must(t, err)
	equal(t, got, p)
	_, err = points.TryRecv()
	want(t, err, ErrWouldBlock)

	for _, codec := range []Codec[named]{JSON[named](), Gob[named]()} {
		ch := newChan(t, Setup{Capacity: 2, MsgSize: 200})
		names := Typed(ch, codec)
		equal(t, names.Channel(), ch)
		op, err := names.SendOp(named{"first", []string{"a", "b"}})
		must(t, err)
		_, err = Select(background, op)
		must(t, err)
		op = names.RecvOp()
		_, err = Select(background, op)
		must(t, err)
		value, err := names.Value(op)
		must(t, err)
		equal(t, value.Name+strings.Join(value.Tags, ""), "firstab")
		want(t, names.Send(background, named{Name: strings.Repeat("x", 300)}), syscall.EMSGSIZE)
		must(t, names.Send(background, named{Name: "second"}))
		must(t, ch.CloseChannel())
		must(t, names.Range(background, func(value named) error {
			equal(t, value.Name, "second")
			return nil
		}))
		_, err = Select(background, op)
		same(t, err, ErrClosed)
		_, err = names.Value(op)
		same(t, err, ErrClosed)
	}
}

// A longer message is not the beginning of a value.
func TestBinaryLength(t *testing.T) {
	for size := 0; size < 12; size++ {
		_, err := Binary[int64]().Decode(make([]byte, size))
		equal(t, err == nil, size == 8)
	}
}

func TestTypedBadInput(t *testing.T) {
	ch := newChan(t, Setup{Capacity: 3, MsgSize: 16, Flags: Acknowledged})
	bad := func() {
		t.Helper()
		must(t, ch.Send(background, []byte("bad")))
	}
	for _, numbers := range []*Chan[int64]{
		Typed(ch, Binary[int64]()), Typed(ch, JSON[int64]()), Typed(ch, Gob[int64]()),
	} {
		bad()
		_, err := numbers.Recv(background)
		var failed *DecodeError
		same(t, errors.As(err, &failed), true)
		equal(t, string(failed.Msg), "bad")
		same(t, errors.Unwrap(failed) != nil && strings.Contains(err.Error(), "3 bytes"), true)
		bad()
		_, lease, err := numbers.RecvLease(background)
		same(t, errors.As(err, &failed), true)
		must(t, lease.Ack())
		bad()
		same(t, errors.As(numbers.Range(background, nil), &failed), true)
	}
	functions := Typed(ch, JSON[func()]())
	equal(t, functions.Send(background, nil) != nil, true)
	equal(t, functions.TrySend(nil) != nil, true)
	_, err := functions.SendOp(nil)
	same(t, err != nil, true)
	equal(t, infoOf(t, ch).Len, 0)
	defer func() { same(t, recover(), any("gochan: int is not of fixed size")) }()
	Binary[int]()
}
