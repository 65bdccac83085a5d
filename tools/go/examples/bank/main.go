// SPDX-License-Identifier: GPL-2.0

// Bank transfers money between accounts in several processes, and audits their sum.
//
// An account is a channel with one message, its balance: who has received it owns the
// account. A transfer takes two accounts and an audit takes all, each by one Batch.
// Everyone takes accounts in ascending order, which prevents deadlock.
//
// Expected: all audits find the same sum.
package main

import (
	"context"
	"fmt"
	"gochan"
	"gochan/examples/internal/proc"
	"math/rand"
	"os/exec"
)

const (
	accounts  = 6
	opening   = 100
	tellers   = 3
	transfers = 50
)

var (
	ctx   = context.Background()
	codec = gochan.Binary[int64]()
)

// take receives the balances of accounts, in their order.
func take(chs ...*gochan.Channel) []int64 {
	ops := make([]*gochan.Op, len(chs))
	for i, ch := range chs {
		ops[i] = gochan.RecvOp(ch, nil)
	}
	_, err := gochan.Batch(ctx, ops...)
	proc.Check(err)
	balances := make([]int64, len(chs))
	for i, ch := range chs {
		balances[i], err = gochan.Typed(ch, codec).Value(ops[i])
		proc.Check(err)
	}
	return balances
}

func put(balances []int64, chs ...*gochan.Channel) {
	ops := make([]*gochan.Op, len(chs))
	for i, ch := range chs {
		var err error
		ops[i], err = gochan.Typed(ch, codec).SendOp(balances[i])
		proc.Check(err)
	}
	_, err := gochan.Batch(ctx, ops...)
	proc.Check(err)
}

func teller(number int, chs []*gochan.Channel) {
	random := rand.New(rand.NewSource(int64(number)))
	for i := 0; i < transfers; i++ {
		low := random.Intn(accounts - 1)
		high := low + 1 + random.Intn(accounts-1-low)
		amount := int64(random.Intn(101) - 50)
		balances := take(chs[low], chs[high])
		if balances[0] >= amount && balances[1] >= -amount {
			balances[0] -= amount
			balances[1] += amount
		}
		put(balances, chs[low], chs[high])
	}
}

func audit(chs []*gochan.Channel) {
	balances := take(chs...)
	sum := int64(0)
	for _, balance := range balances {
		sum += balance
	}
	put(balances, chs...)
	proc.Expect(sum == accounts*opening, "an audit finds the right sum")
}

func main() {
	proc.Main(map[string]proc.Worker{"teller": teller}, func() {
		var chs []*gochan.Channel
		for i := 0; i < accounts; i++ {
			ch, err := gochan.Make(gochan.Setup{Capacity: 1, MsgSize: 8})
			proc.Check(err)
			put([]int64{opening}, ch)
			chs = append(chs, ch)
		}
		// Never sent on: only the tellers have this end, so a hangup means all exited.
		alive, tellersEnd, err := gochan.Pair(gochan.Setup{})
		proc.Check(err)
		var cmds []*exec.Cmd
		for i := 0; i < tellers; i++ {
			cmds = append(cmds, proc.Start("teller", i, append(chs, tellersEnd)...))
		}
		proc.Check(tellersEnd.Release())
		for err = nil; err != gochan.ErrClosed; _, err = alive.TryRecv() {
			audit(chs)
		}
		proc.Wait(cmds)
		audit(chs)
		fmt.Println(tellers*transfers, "transfers: the sum was always", accounts*opening)
	})
}
