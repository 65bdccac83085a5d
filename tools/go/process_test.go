// SPDX-License-Identifier: GPL-2.0
//go:build linux && !mips && !mipsle && !mips64 && !mips64le && !ppc64 && !ppc64le

// Several processes, signals and threads.

package gochan

import (
	"context"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
)

func init() {
	helpers["echo"] = func(chs []*Channel) {
		_ = chs[0].Range(background, func(msg []byte) error {
			return chs[1].Send(background, msg)
		})
	}
	helpers["holds a lease"] = func(chs []*Channel) {
		if _, _, err := chs[0].RecvLease(background); err != nil {
			panic(err)
		}
		_ = chs[1].Send(background, nil)
		_, _ = chs[1].Recv(background)
	}
	helpers["sends"] = func(chs []*Channel) {
		_ = chs[0].Send(background, nil)
	}
}

func TestProcess(t *testing.T) {
	requests, toHelper := newPair(t, Setup{MsgSize: 8})
	replies, fromHelper := newPair(t, Setup{MsgSize: 8})
	cmd := start(t, "echo", requests, fromHelper)
	must(t, requests.Release())
	must(t, fromHelper.Release())
	for i := 0; i < 100; i++ {
		must(t, toHelper.Send(background, []byte(strconv.Itoa(i))))
		msg, err := replies.Recv(background)
		must(t, err)
		equal(t, string(msg), strconv.Itoa(i))
	}
	must(t, toHelper.Release())
	_, err := replies.Recv(background)
	same(t, err, ErrClosed)
	must(t, cmd.Wait())
}

func TestKilledWorker(t *testing.T) {
	jobs := newChan(t, Setup{Capacity: 2, MsgSize: 8, Flags: Acknowledged})
	started := newChan(t, Setup{})
	must(t, jobs.Send(background, []byte("first")))
	must(t, jobs.Send(background, []byte("second")))
	worker := start(t, "holds a lease", jobs, started)
	_, err := started.Recv(background)
	must(t, err)
	equal(t, infoOf(t, jobs).Leased, 1)
	killed(worker)
	msg, lease, err := jobs.RecvLease(background)
	must(t, err)
	equal(t, string(msg), "first")
	equal(t, lease.Deliveries, 2)
	must(t, lease.Ack())
}

// A sender that is killed while it is blocked has sent nothing.
func TestKilledSender(t *testing.T) {
	recv, send := newPair(t, Setup{})
	sender := start(t, "sends", send)
	untilSenders(t, recv, 1)
	killed(sender)
	must(t, send.Release())
	_, err := recv.Recv(background)
	same(t, err, ErrClosed)
}

// signalThreads sends a signal to each thread, and returns how many there are.
func signalThreads(t *testing.T, sig syscall.Signal) {
	t.Helper()
	threads, err := os.ReadDir("/proc/self/task")
	must(t, err)
	for _, thread := range threads {
		tid, err := strconv.Atoi(thread.Name())
		must(t, err)
		syscall.RawSyscall(syscall.SYS_TGKILL, uintptr(os.Getpid()), uintptr(tid), uintptr(sig))
	}
}

// Signals, be they for preemption or for the program, do not end a call, nor send it to the
// end of the wait queue: it has blocked once.
func TestSignals(t *testing.T) {
	ch, other := newChan(t, Setup{}), newChan(t, Setup{})
	caught := make(chan os.Signal, 1000)
	signal.Notify(caught, syscall.SIGUSR1)
	defer signal.Stop(caught)
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	receiver := spawn(func() error {
		_, err := ch.Recv(ctx)
		return err
	})
	untilReceivers(t, ch, 1)
	sender := spawn(func() error {
		_, err := Batch(ctx, SendOp(other, nil), SendOp(other, nil))
		return err
	})
	untilSenders(t, other, 1)
	for i := 0; i < 20; i++ {
		signalThreads(t, syscall.SIGURG)
		signalThreads(t, syscall.SIGUSR1)
		must(t, syscall.Kill(os.Getpid(), syscall.SIGUSR1))
		<-caught
	}
	for i := 0; i < 2; i++ {
		_, err := other.Recv(background)
		must(t, err)
	}
	must(t, <-sender)
	must(t, ch.Send(background, nil))
	must(t, <-receiver)
	equal(t, infoOf(t, ch).RecvBlocked, 1)
	if blocked := infoOf(t, other).SendBlocked; blocked > 2 {
		t.Errorf("the sender has blocked %d times", blocked)
	}
}

// What the runtime does in all threads is not held up by those that wait.
func TestAllThreads(t *testing.T) {
	ch := newChan(t, Setup{})
	receiver := spawn(func() error {
		_, err := ch.Recv(background)
		return err
	})
	untilReceivers(t, ch, 1)
	must(t, syscall.Setgid(os.Getgid()))
	must(t, ch.Send(background, nil))
	must(t, <-receiver)
}
