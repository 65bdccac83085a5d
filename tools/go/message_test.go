// SPDX-License-Identifier: GPL-2.0
//go:build linux && !mips && !mipsle && !mips64 && !mips64le && !ppc64 && !ppc64le

package gochan

import (
	"bytes"
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func contextThatEnds() (context.Context, context.CancelFunc) {
	return context.WithTimeout(background, 10*time.Millisecond)
}

func TestSendRecv(t *testing.T) {
	for _, capacity := range []int{0, 1, 16} {
		ch := newChan(t, Setup{Capacity: capacity, MsgSize: 10000})
		sender := spawn(func() error {
			for size := 0; size <= 10000; size += 625 {
				msg := bytes.Repeat([]byte{byte(size / 625)}, size)
				if err := ch.Send(background, msg); err != nil {
					return err
				}
			}
			return ch.CloseChannel()
		})
		size := 0
		must(t, ch.Range(background, func(msg []byte) error {
			equal(t, string(msg), string(bytes.Repeat([]byte{byte(size / 625)}, size)))
			size += 625
			return nil
		}))
		must(t, <-sender)
		equal(t, size, 10625)
	}
}

func TestSizes(t *testing.T) {
	ch := newChan(t, Setup{Capacity: 1, MsgSize: 8})
	want(t, ch.Send(background, make([]byte, 9)), syscall.EMSGSIZE)
	must(t, ch.Send(background, []byte("12345678")))
	_, err := ch.RecvInto(background, make([]byte, 7))
	want(t, err, syscall.EMSGSIZE)
	var failed *Error
	same(t, errors.As(err, &failed), true)
	equal(t, failed.Size, 8)
	_, err = ch.RecvInto(background, nil)
	want(t, err, syscall.EINVAL)
	buf := make([]byte, 20)
	n, err := ch.RecvInto(background, buf)
	must(t, err)
	equal(t, string(buf[:n]), "12345678")

	empty := newChan(t, Setup{Capacity: 1})
	must(t, empty.Send(background, nil))
	n, err = empty.RecvInto(background, nil)
	must(t, err)
	equal(t, n, 0)
}

func TestTry(t *testing.T) {
	ch := newChan(t, Setup{MsgSize: 4})
	want(t, ch.TrySend(nil), ErrWouldBlock)
	want(t, ch.TrySend(nil), syscall.EAGAIN)
	_, err := ch.TryRecv()
	want(t, err, ErrWouldBlock)
	receiver := spawn(func() error {
		_, err := ch.Recv(background)
		return err
	})
	until(t, "a receiver is there", func() bool { return ch.TrySend(nil) == nil })
	must(t, <-receiver)
}

func TestPeek(t *testing.T) {
	ch := newChan(t, Setup{Capacity: 1, MsgSize: 64})
	peeker := spawn(func() error {
		msg, err := ch.Peek(background)
		if string(msg) != "seen" {
			t.Errorf("peeked %q", msg)
		}
		return err
	})
	must(t, ch.Send(background, []byte("seen")))
	must(t, <-peeker)
	equal(t, infoOf(t, ch).Len, 1)
	must(t, ch.CloseChannel())
	_, err := ch.Recv(background)
	must(t, err)
	_, err = ch.Peek(background)
	same(t, err, ErrClosed)
}

func TestRange(t *testing.T) {
	ch := newChan(t, Setup{Capacity: 2})
	stop := errors.New("stop")
	must(t, ch.Send(background, nil))
	must(t, ch.Send(background, nil))
	same(t, ch.Range(background, func([]byte) error { return stop }), stop)
	equal(t, infoOf(t, ch).Len, 1)
	ctx, cancel := contextThatEnds()
	defer cancel()
	want(t, ch.Range(ctx, func([]byte) error { return nil }), context.DeadlineExceeded)
}

func TestContext(t *testing.T) {
	ch := newChan(t, Setup{})
	ctx, cancel := context.WithCancel(background)
	sender := spawn(func() error { return ch.Send(ctx, nil) })
	untilSenders(t, ch, 1)
	cancel()
	same(t, <-sender, context.Canceled)
	// Nothing is left of it, and what is done is not tried.
	info := infoOf(t, ch)
	equal(t, info.SendersWaiting, 0)
	full := newChan(t, Setup{Capacity: 1})
	same(t, full.Send(ctx, nil), context.Canceled)
	equal(t, infoOf(t, full).Len, 0)
	_, err := full.Recv(ctx)
	same(t, err, context.Canceled)
	_, err = Batch(ctx, SendOp(full, nil))
	same(t, err, context.Canceled)
	_, err = Select(ctx)
	same(t, err, context.Canceled)

	ctx, cancel = contextThatEnds()
	defer cancel()
	same(t, ch.Send(ctx, nil), context.DeadlineExceeded)
}

// Cancelled sends and receives: what was sent is received, exactly once.
func TestContextRaces(t *testing.T) {
	for _, capacity := range []int{0, 4} {
		ch := newChan(t, Setup{Capacity: capacity, MsgSize: 8})
		values := Typed(ch, Binary[int64]())
		var sent, received, cancelled atomic.Int64
		var senders, receivers sync.WaitGroup
		last := spawnReceivers(&receivers, 4, func() bool {
			ctx, cancel := context.WithTimeout(background, 200*time.Microsecond)
			defer cancel()
			value, err := values.Recv(ctx)
			switch {
			case err == nil:
				received.Add(value)
			case errors.Is(err, context.DeadlineExceeded):
				cancelled.Add(1)
			case err == ErrClosed:
				return false
			default:
				t.Error(err)
				return false
			}
			return true
		})
		for s := 0; s < 4; s++ {
			senders.Add(1)
			go func(first int64) {
				defer senders.Done()
				for i := int64(0); i < 300; i++ {
					ctx, cancel := context.WithTimeout(background, 100*time.Microsecond)
					err := values.Send(ctx, first+i)
					cancel()
					if err == nil {
						sent.Add(first + i)
					} else if errors.Is(err, context.DeadlineExceeded) {
						cancelled.Add(1)
					} else {
						t.Error(err)
					}
				}
			}(int64(s+1) * 1000000)
		}
		senders.Wait()
		must(t, ch.CloseChannel())
		last()
		equal(t, received.Load(), sent.Load())
		info := infoOf(t, ch)
		equal(t, info.Sent, info.Received)
		equal(t, info.Len, 0)
		t.Logf("capacity %d: %d messages, %d cancelled", capacity, info.Sent, cancelled.Load())
		if info.Sent == 0 || cancelled.Load() == 0 {
			t.Error("not both happened")
		}
	}
}

// spawnReceivers calls receive in n goroutines until it returns false.
func spawnReceivers(group *sync.WaitGroup, n int, receive func() bool) (wait func()) {
	for i := 0; i < n; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for receive() {
			}
		}()
	}
	return group.Wait
}

func TestFilePassing(t *testing.T) {
	ch := newChan(t, Setup{MsgSize: 16})
	r, w, err := os.Pipe()
	must(t, err)
	defer r.Close()
	sender := spawn(func() error { return ch.SendFile(background, []byte("pipe"), w) })
	msg, file, err := ch.RecvFile(background)
	must(t, err)
	must(t, <-sender)
	equal(t, string(msg), "pipe")
	must(t, w.Close())
	_, err = file.Write([]byte("through"))
	must(t, err)
	must(t, file.Close())
	buf := make([]byte, 16)
	n, err := r.Read(buf)
	must(t, err)
	equal(t, string(buf[:n]), "through")

	want(t, ch.SendFile(background, nil, w), os.ErrClosed)
	sender = spawn(func() error { return ch.Send(background, nil) })
	_, file, err = ch.RecvFile(background)
	must(t, err)
	must(t, <-sender)
	equal(t, file, nil)
	buffered := newChan(t, Setup{Capacity: 1})
	want(t, buffered.SendFile(background, nil, r), syscall.EOPNOTSUPP)
}

// A request that carries its reply channel.
func TestChannelOfChannels(t *testing.T) {
	requests := newChan(t, Setup{MsgSize: 16})
	server := spawn(func() error {
		reply, err := requests.RecvChannel(background)
		if err != nil {
			return err
		}
		defer reply.Release()
		return reply.Send(background, []byte("answer"))
	})
	recv, send := newPair(t, Setup{MsgSize: 16})
	must(t, requests.SendChannel(background, send))
	must(t, send.Release())
	msg, err := recv.Recv(background)
	must(t, err)
	equal(t, string(msg), "answer")
	must(t, <-server)
	_, err = recv.Recv(background)
	same(t, err, ErrClosed)

	want(t, requests.SendChannel(background, send), ErrReleased)
	for file, errno := range map[*os.File]error{nil: syscall.EBADF, os.Stdin: syscall.ENOTTY} {
		op := SendOp(requests, nil)
		if file != nil {
			op.PassFile(file)
		}
		sender := spawn(func() error {
			_, err := Select(background, op)
			return err
		})
		_, err = requests.RecvChannel(background)
		want(t, err, errno)
		must(t, <-sender)
	}
}

// Hundreds of goroutines, each on a thread of its own.
func TestGoroutines(t *testing.T) {
	const n, each = 200, 5
	ch := newChan(t, Setup{MsgSize: 8})
	values := Typed(ch, Binary[int64]())
	var sum atomic.Int64
	var senders, receivers sync.WaitGroup
	wait := spawnReceivers(&receivers, n, func() bool {
		value, err := values.Recv(background)
		if err == nil {
			sum.Add(value)
		} else if err != ErrClosed {
			t.Error(err)
		}
		return err == nil
	})
	untilReceivers(t, ch, n)
	for i := 0; i < n; i++ {
		senders.Add(1)
		go func() {
			defer senders.Done()
			for i := int64(1); i <= each; i++ {
				if err := values.Send(background, i); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	senders.Wait()
	must(t, ch.CloseChannel())
	wait()
	equal(t, sum.Load(), n*each*(each+1)/2)
}
