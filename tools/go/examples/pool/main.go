// SPDX-License-Identifier: GPL-2.0

// Pool has workers that die at work. Their jobs are on an acknowledged channel: a worker
// leases a job, and if it dies before it acknowledges the job, another one gets it. A job
// that has cost three workers their lives is put on the channel of dead letters.
//
// Expected: all jobs but one are done.
package main

import (
	"context"
	"fmt"
	"gochan"
	"gochan/examples/internal/proc"
	"os"
)

const (
	workers = 3
	jobs    = 12
	deadly  = 7
)

var (
	ctx   = context.Background()
	codec = gochan.Binary[int64]()
)

func work(_ int, chs []*gochan.Channel) {
	queue, done := gochan.Typed(chs[0], codec), gochan.Typed(chs[1], codec)
	for {
		job, lease, err := queue.RecvLease(ctx)
		if err == gochan.ErrClosed {
			return
		}
		proc.Check(err)
		if job == deadly || job%5 == 0 && lease.Deliveries == 1 {
			os.Exit(1)
		}
		proc.Check(done.Send(ctx, job))
		proc.Check(lease.Ack())
	}
}

// keep runs a worker again and again, until it exits without failure.
func keep(chs []*gochan.Channel, died chan<- int) {
	deaths := 0
	for proc.Start("work", 0, chs...).Wait() != nil {
		deaths++
	}
	died <- deaths
}

func main() {
	proc.Main(map[string]proc.Worker{"work": work}, func() {
		dead, err := gochan.Make(gochan.Setup{Capacity: jobs, MsgSize: 8})
		proc.Check(err)
		queue, err := gochan.Make(gochan.Setup{Capacity: jobs, MsgSize: 8,
			Flags: gochan.Acknowledged, MaxDeliveries: 3, DeadLetter: dead})
		proc.Check(err)
		done, err := gochan.Make(gochan.Setup{Capacity: jobs, MsgSize: 8})
		proc.Check(err)
		for job := int64(1); job <= jobs; job++ {
			proc.Check(gochan.Typed(queue, codec).Send(ctx, job))
		}
		proc.Check(queue.CloseChannel())
		died := make(chan int)
		for i := 0; i < workers; i++ {
			go keep([]*gochan.Channel{queue, done}, died)
		}
		deaths := 0
		for i := 0; i < workers; i++ {
			deaths += <-died
		}
		finished, err := done.Len()
		proc.Check(err)
		hopeless, err := gochan.Typed(dead, codec).Recv(ctx)
		proc.Check(err)
		fmt.Printf("%d jobs are done, %d workers died, job %d is given up\n", finished, deaths,
			hopeless)
	})
}
