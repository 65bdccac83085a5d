// SPDX-License-Identifier: GPL-2.0

// Periodic is a process with a periodic task that can be stopped at any time.
//
// Wherever the task waits, for its next turn or for a receiver, it also receives from a stop
// channel. Nothing is ever sent there; closing it stops all tasks that wait for it.
//
// Expected: five beats, then it stops.
package main

import (
	"context"
	"errors"
	"fmt"
	"gochan"
	"gochan/examples/internal/proc"
	"os/exec"
	"time"
)

const (
	beats  = 5
	period = 20 * time.Millisecond
)

func beat(_ int, chs []*gochan.Channel) {
	out, stop := gochan.Typed(chs[0], gochan.Binary[int64]()), gochan.RecvOp(chs[1], nil)
	for number := int64(1); ; number++ {
		ctx, cancel := context.WithTimeout(context.Background(), period)
		_, err := gochan.Select(ctx, stop)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			return
		}
		op, err := out.SendOp(number)
		proc.Check(err)
		// The first one has priority.
		if at, _ := gochan.SelectOrdered(context.Background(), stop, op); at == 0 {
			return
		}
	}
}

func main() {
	proc.Main(map[string]proc.Worker{"beat": beat}, func() {
		ch, err := gochan.Make(gochan.Setup{MsgSize: 8})
		proc.Check(err)
		stop, err := gochan.Make(gochan.Setup{})
		proc.Check(err)
		cmd := proc.Start("beat", 0, ch, stop)
		for i := int64(1); i <= beats; i++ {
			number, err := gochan.Typed(ch, gochan.Binary[int64]()).Recv(context.Background())
			proc.Check(err)
			fmt.Println("beat", number)
			proc.Expect(number == i, "beats arrive in order")
		}
		proc.Check(stop.CloseChannel())
		proc.Wait([]*exec.Cmd{cmd})
		fmt.Println("stopped")
	})
}
