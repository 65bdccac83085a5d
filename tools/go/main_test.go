// SPDX-License-Identifier: GPL-2.0
//go:build linux && !mips && !mipsle && !mips64 && !mips64le && !ppc64 && !ppc64le

// What the tests share. They need the module and a gochanfs at /dev/gochans.

package gochan

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

var background = context.Background()

// helpers are the functions that the test program runs as another process.
var helpers = map[string]func(chs []*Channel){}

const helperVar = "GOCHAN_TEST_HELPER"

func TestMain(m *testing.M) {
	name, channels := os.Getenv(helperVar), 0
	if name == "" {
		os.Exit(m.Run())
	}
	fmt.Sscanf(os.Getenv(helperVar+"_CHANNELS"), "%d", &channels)
	var chs []*Channel
	for i := 0; i < channels; i++ {
		ch, err := FromFD(3 + i)
		if err != nil {
			panic(err)
		}
		chs = append(chs, ch)
	}
	helpers[name](chs)
	os.Exit(0)
}

// start runs a helper, which gets handles with the rights of chs.
func start(t *testing.T, name string, chs ...*Channel) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), helperVar+"="+name,
		fmt.Sprintf("%s_CHANNELS=%d", helperVar, len(chs)))
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	for _, ch := range chs {
		file, err := ch.File()
		must(t, err)
		defer file.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, file)
	}
	must(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// want checks that errors.Is(err, target).
func want(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("error is %v, not %v", err, target)
	}
}

func equal[T comparable](t *testing.T, got, wanted T) {
	t.Helper()
	if got != wanted {
		t.Fatalf("got %v, not %v", got, wanted)
	}
}

// same is equal for errors, which are the very same ones, and other interfaces.
func same(t *testing.T, got, wanted any) {
	t.Helper()
	if got != wanted {
		t.Fatalf("got %v, not %v", got, wanted)
	}
}

func newChan(t *testing.T, setup Setup) *Channel {
	t.Helper()
	ch, err := Make(setup)
	must(t, err)
	t.Cleanup(func() { ch.Release() })
	return ch
}

func newPair(t *testing.T, setup Setup) (recv, send *Channel) {
	t.Helper()
	recv, send, err := Pair(setup)
	must(t, err)
	t.Cleanup(func() {
		recv.Release()
		send.Release()
	})
	return recv, send
}

func infoOf(t *testing.T, ch *Channel) Info {
	t.Helper()
	info, err := ch.Info()
	must(t, err)
	return info
}

// until waits for a state.
func until(t *testing.T, what string, reached func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !reached(); {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func untilSenders(t *testing.T, ch *Channel, n int) {
	t.Helper()
	until(t, "senders wait", func() bool { return infoOf(t, ch).SendersWaiting == n })
}

func untilReceivers(t *testing.T, ch *Channel, n int) {
	t.Helper()
	until(t, "receivers wait", func() bool { return infoOf(t, ch).ReceiversWaiting == n })
}

// spawn runs f in a goroutine; its error is received from the result.
func spawn(f func() error) <-chan error {
	result := make(chan error, 1)
	go func() { result <- f() }()
	return result
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(entries)
}

func killed(cmd *exec.Cmd) {
	cmd.Process.Signal(syscall.SIGKILL)
	cmd.Wait()
}
