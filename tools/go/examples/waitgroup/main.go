// SPDX-License-Identifier: GPL-2.0

// Waitgroup waits until all of several processes are done, and detects that one never will
// be: the members send when they are done, and have the only handles that may send. In Go, a
// sync.WaitGroup with a missing member waits forever; here there is a hangup.
//
// Expected: first all are done, then one of them is missing.
package main

import (
	"context"
	"fmt"
	"gochan"
	"gochan/examples/internal/proc"
)

const members = 5

func member(number int, chs []*gochan.Channel) {
	if number < 0 {
		return // without being done
	}
	proc.Check(chs[0].Send(context.Background(), nil))
}

// wait starts members, of which some are never done; returns how many are.
func wait(missing int) (done int) {
	group, end, err := gochan.Pair(gochan.Setup{Capacity: members})
	proc.Check(err)
	defer group.Release()
	for i := 0; i < members; i++ {
		defer proc.Start("member", i-missing, end).Wait()
	}
	proc.Check(end.Release())
	proc.Check(group.Range(context.Background(), func([]byte) error {
		done++
		return nil
	}))
	return done
}

func main() {
	proc.Main(map[string]proc.Worker{"member": member}, func() {
		fmt.Println(wait(0), "of", members, "are done")
		fmt.Println(wait(1), "of", members, "are done")
	})
}
