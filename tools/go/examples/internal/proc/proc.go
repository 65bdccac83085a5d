// SPDX-License-Identifier: GPL-2.0

// Package proc has what the examples share: it runs workers, which are processes of the
// same program.
package proc

import (
	"fmt"
	"gochan"
	"os"
	"os/exec"
	"strconv"
)

// A Worker is what a process does with the channels that it was given, and a number.
type Worker func(number int, chs []*gochan.Channel)

// Main runs main; or, in a process that Start has started, the worker of that name.
func Main(workers map[string]Worker, main func()) {
	worker, is := workers[os.Getenv("WORKER")]
	if !is {
		main()
		return
	}
	number, _ := strconv.Atoi(os.Getenv("NUMBER"))
	count, _ := strconv.Atoi(os.Getenv("CHANNELS"))
	chs := make([]*gochan.Channel, count)
	for i := range chs {
		var err error
		// exec.Cmd.ExtraFiles begin with descriptor 3.
		chs[i], err = gochan.FromFD(3 + i)
		Check(err)
	}
	worker(number, chs)
}

// Start starts a worker. It gets handles with the rights of chs, which the caller still has.
func Start(name string, number int, chs ...*gochan.Channel) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "WORKER="+name, fmt.Sprint("NUMBER=", number),
		fmt.Sprint("CHANNELS=", len(chs)))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	for _, ch := range chs {
		file, err := ch.File()
		Check(err)
		// Else the handle would be kept open here.
		defer file.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, file)
	}
	Check(cmd.Start())
	return cmd
}

// Wait waits for workers, and fails if one has failed.
func Wait(cmds []*exec.Cmd) {
	for _, cmd := range cmds {
		Check(cmd.Wait())
	}
}

// Check ends the program if there is an error.
func Check(err error) {
	Expect(err == nil, err)
}

// Expect ends the program if what an example shows does not hold.
func Expect(holds bool, what any) {
	if !holds {
		fmt.Fprintln(os.Stderr, "failed:", what)
		os.Exit(1)
	}
}
