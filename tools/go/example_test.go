// SPDX-License-Identifier: GPL-2.0

package gochan_test

import (
	"context"
	"fmt"
	"gochan"
	"os"
	"time"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func ExampleMake() {
	ctx := context.Background()
	ch, err := gochan.Make(gochan.Setup{Capacity: 2, MsgSize: 64})
	check(err)
	defer ch.Release()
	check(ch.Send(ctx, []byte("one")))
	check(ch.Send(ctx, []byte("two")))
	check(ch.CloseChannel())
	check(ch.Range(ctx, func(msg []byte) error {
		fmt.Println(string(msg))
		return nil
	}))
	// Output:
	// one
	// two
}

func ExampleChan() {
	type job struct{ ID, Size int64 }
	ctx := context.Background()
	ch, err := gochan.Make(gochan.Setup{Capacity: 1, MsgSize: gochan.SizeOf[job]()})
	check(err)
	defer ch.Release()
	jobs := gochan.Typed(ch, gochan.Binary[job]())
	check(jobs.Send(ctx, job{ID: 7, Size: 100}))
	received, err := jobs.Recv(ctx)
	check(err)
	fmt.Printf("%+v\n", received)
	// Output: {ID:7 Size:100}
}

func ExampleSelect() {
	results, err := gochan.Make(gochan.Setup{Capacity: 1, MsgSize: 64})
	check(err)
	defer results.Release()
	check(results.Send(context.Background(), []byte("done")))
	quit, err := gochan.Make(gochan.Setup{})
	check(err)
	defer quit.Release()

	for {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		result := gochan.RecvOp(results, nil)
		at, err := gochan.Select(ctx, gochan.RecvOp(quit, nil), result)
		cancel()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(at, string(result.Msg))
	}
	// Output:
	// 1 done
	// context deadline exceeded
}

func ExamplePollConn() {
	ch, err := gochan.Make(gochan.Setup{})
	check(err)
	defer ch.Release()
	r, w, err := os.Pipe()
	check(err)
	fmt.Fprint(w, "hello")
	at, err := gochan.Select(context.Background(), gochan.RecvOp(ch, nil),
		gochan.PollConn(r, gochan.PollIn))
	fmt.Println(at, err)
	// Output: 1 <nil>
}

func ExampleChannel_RecvLease() {
	ctx := context.Background()
	jobs, err := gochan.Make(gochan.Setup{Capacity: 4, MsgSize: 64, Flags: gochan.Acknowledged})
	check(err)
	defer jobs.Release()
	check(jobs.Send(ctx, []byte("job")))
	for i := 0; i < 2; i++ {
		msg, lease, err := jobs.RecvLease(ctx)
		check(err)
		fmt.Println(string(msg), lease.Seq, lease.Deliveries)
		if lease.Deliveries == 1 {
			check(lease.Requeue())
		} else {
			check(lease.Ack())
		}
	}
	// Output:
	// job 1 1
	// job 1 2
}
