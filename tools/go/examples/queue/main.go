// SPDX-License-Identifier: GPL-2.0

// Queue has producers and consumers, which are processes, on a bounded queue.
//
// The queue is a channel with a capacity of eight jobs: producers block while it is full,
// consumers while it is empty. Every process has only the end that it uses. So after the
// last producer has exited, the consumers drain the queue and see its end.
//
// Expected: every job is consumed exactly once.
package main

import (
	"context"
	"fmt"
	"gochan"
	"gochan/examples/internal/proc"
	"os/exec"
)

const producers, consumers, jobs = 3, 4, 200

type report struct{ Jobs, Sum int64 }

var ctx = context.Background()

func produce(number int, chs []*gochan.Channel) {
	queue := gochan.Typed(chs[0], gochan.Binary[int64]())
	for i := 0; i < jobs; i++ {
		proc.Check(queue.Send(ctx, int64(number*jobs+i)))
	}
}

func consume(_ int, chs []*gochan.Channel) {
	queue := gochan.Typed(chs[0], gochan.Binary[int64]())
	var r report
	proc.Check(queue.Range(ctx, func(job int64) error {
		r.Jobs++
		r.Sum += job
		return nil
	}))
	proc.Check(gochan.Typed(chs[1], gochan.JSON[report]()).Send(ctx, r))
}

func main() {
	workers := map[string]proc.Worker{"produce": produce, "consume": consume}
	proc.Main(workers, func() {
		out, in, err := gochan.Pair(gochan.Setup{Capacity: 8, MsgSize: 8})
		proc.Check(err)
		reports, toReports, err := gochan.Pair(gochan.Setup{MsgSize: 100})
		proc.Check(err)
		var cmds []*exec.Cmd
		for i := 0; i < producers; i++ {
			cmds = append(cmds, proc.Start("produce", i, in))
		}
		for i := 0; i < consumers; i++ {
			cmds = append(cmds, proc.Start("consume", i, out, toReports))
		}
		for _, ch := range []*gochan.Channel{out, in, toReports} {
			proc.Check(ch.Release())
		}
		var all report
		proc.Check(gochan.Typed(reports, gochan.JSON[report]()).Range(ctx, func(r report) error {
			all.Jobs += r.Jobs
			all.Sum += r.Sum
			return nil
		}))
		proc.Wait(cmds)
		fmt.Printf("%d producers, %d consumers: %d jobs, sum %d\n", producers, consumers,
			all.Jobs, all.Sum)
		const n = producers * jobs
		proc.Expect(all == report{n, n * (n - 1) / 2}, "every job was consumed once")
	})
}
