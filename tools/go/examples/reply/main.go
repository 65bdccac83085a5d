// SPDX-License-Identifier: GPL-2.0

// Reply has requests that carry their own reply channel: Go's chan chan T, between
// processes. The server need not know its clients, and if one has exited, the send of its
// reply fails with ErrClosed instead of blocking.
//
// Expected: each client gets its own answer.
package main

import (
	"context"
	"fmt"
	"gochan"
	"gochan/examples/internal/proc"
	"os/exec"
	"strconv"
)

const clients = 5

var ctx = context.Background()

func client(number int, chs []*gochan.Channel) {
	reply, toReply, err := gochan.Pair(gochan.Setup{MsgSize: 20})
	proc.Check(err)
	file, err := toReply.File()
	proc.Check(err)
	proc.Check(chs[0].SendFile(ctx, []byte(strconv.Itoa(number)), file))
	proc.Check(file.Close())
	proc.Check(toReply.Release())
	msg, err := reply.Recv(ctx)
	proc.Check(err)
	proc.Expect(string(msg) == strconv.Itoa(number*number), "the answer is the client's own")
}

func answer(requests *gochan.Channel) error {
	msg, file, err := requests.RecvFile(ctx)
	if err != nil {
		return err
	}
	reply, err := gochan.FromFile(file)
	proc.Check(err)
	proc.Check(file.Close())
	defer reply.Release()
	number, err := strconv.Atoi(string(msg))
	proc.Check(err)
	return reply.Send(ctx, []byte(strconv.Itoa(number*number)))
}

func main() {
	proc.Main(map[string]proc.Worker{"client": client}, func() {
		requests, clientsEnd, err := gochan.Pair(gochan.Setup{MsgSize: 20})
		proc.Check(err)
		var cmds []*exec.Cmd
		for i := 0; i < clients; i++ {
			cmds = append(cmds, proc.Start("client", i, clientsEnd))
		}
		proc.Check(clientsEnd.Release())
		answers := 0
		for err = answer(requests); err == nil; err = answer(requests) {
			answers++
		}
		proc.Expect(err == gochan.ErrClosed, err)
		proc.Wait(cmds)
		fmt.Println(answers, "clients were answered")
	})
}
