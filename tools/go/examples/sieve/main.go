// SPDX-License-Identifier: GPL-2.0

// Sieve finds primes by a chain of processes.
//
//	2, 3, 4, 5, ... -> filter 2 -> filter 3 -> filter 5 -> ... -> main
//
// Each filter forwards the numbers that are not divisible by its prime. A number that
// reaches the end is the next prime, and main adds a filter for it. When main has enough it
// releases its end; the last filter then gets ErrClosed and exits, which ends the one
// before it, and so on.
//
// Expected: the first ten primes.
package main

import (
	"context"
	"errors"
	"fmt"
	"gochan"
	"gochan/examples/internal/proc"
	"os/exec"
)

const primes = 10

var (
	ctx   = context.Background()
	codec = gochan.Binary[int64]()
)

// forward returns false when no receiver is left.
func forward(to *gochan.Channel, number int64) bool {
	err := gochan.Typed(to, codec).Send(ctx, number)
	if errors.Is(err, gochan.ErrClosed) {
		return false
	}
	proc.Check(err)
	return true
}

func generate(_ int, chs []*gochan.Channel) {
	for number := int64(2); forward(chs[0], number); number++ {
	}
}

func filter(prime int, chs []*gochan.Channel) {
	for {
		number, err := gochan.Typed(chs[1], codec).Recv(ctx)
		if err == gochan.ErrClosed {
			return
		}
		proc.Check(err)
		if number%int64(prime) != 0 && !forward(chs[0], number) {
			return
		}
	}
}

// add appends a process to the chain; from: those before it, if any.
func add(name string, prime int64, from ...*gochan.Channel) (*gochan.Channel, *exec.Cmd) {
	end, in, err := gochan.Pair(gochan.Setup{MsgSize: 8})
	proc.Check(err)
	cmd := proc.Start(name, int(prime), append([]*gochan.Channel{in}, from...)...)
	// Only the new process may have these, else its exit is no hangup.
	for _, ch := range append(from, in) {
		proc.Check(ch.Release())
	}
	return end, cmd
}

func main() {
	proc.Main(map[string]proc.Worker{"generate": generate, "filter": filter}, func() {
		end, cmd := add("generate", 0)
		cmds := []*exec.Cmd{cmd}
		for i := 0; i < primes; i++ {
			prime, err := gochan.Typed(end, codec).Recv(ctx)
			proc.Check(err)
			fmt.Print(prime, " ")
			end, cmd = add("filter", prime, end)
			cmds = append(cmds, cmd)
		}
		fmt.Println()
		proc.Check(end.Release())
		proc.Wait(cmds)
	})
}
