// SPDX-License-Identifier: GPL-2.0

// Counter is incremented by 30 processes. It is a message in a channel of capacity 1: the
// worker that has received it owns it until it sends it back, as if it held a lock.
//
// Expected: no increment is lost.
package main

import (
	"context"
	"fmt"
	"gochan"
	"gochan/examples/internal/proc"
	"os/exec"
)

const workers = 30

var ctx = context.Background()

func increment(_ int, chs []*gochan.Channel) {
	// Nothing is ever sent: all workers block here until it is closed.
	_, err := chs[1].Recv(ctx)
	proc.Expect(err == gochan.ErrClosed, err)
	counter := gochan.Typed(chs[0], gochan.Binary[int64]())
	count, err := counter.Recv(ctx)
	proc.Check(err)
	proc.Check(counter.Send(ctx, count+1))
}

func main() {
	proc.Main(map[string]proc.Worker{"increment": increment}, func() {
		ch, err := gochan.Make(gochan.Setup{Capacity: 1, MsgSize: 8})
		proc.Check(err)
		begin, err := gochan.Make(gochan.Setup{})
		proc.Check(err)
		counter := gochan.Typed(ch, gochan.Binary[int64]())
		proc.Check(counter.Send(ctx, 0))
		var cmds []*exec.Cmd
		for i := 0; i < workers; i++ {
			cmds = append(cmds, proc.Start("increment", i, ch, begin))
		}
		proc.Check(begin.CloseChannel())
		proc.Wait(cmds)
		count, err := counter.Recv(ctx)
		proc.Check(err)
		fmt.Println("counted", count)
		proc.Expect(count == workers, "no increment was lost")
	})
}
