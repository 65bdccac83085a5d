// SPDX-License-Identifier: GPL-2.0

/*
Package gochan has Go channels between processes: those of the gochan kernel module, which
are device files. It uses the module's ioctls directly, without cgo or the C library.

	recv, send, err := gochan.Pair(gochan.Setup{Capacity: 4, MsgSize: 64})

A Channel is a handle: a descriptor, with rights. Other processes get one by inheritance
(File and exec.Cmd.ExtraFiles, then FromFD), over a channel (SendChannel) or a Unix socket,
or by a name (Create, Open). A message is a slice of bytes; Chan[T] sends values. A message is
received whole, once, by one receiver. Waiting senders and receivers are served in their
order of arrival.

Errors match, by errors.Is, ErrClosed, ErrWouldBlock, ErrReleased, the error of the context,
or a syscall.Errno. After an error nothing has happened: no message was sent, and none was
taken.

# What is different from Go's channels

There are two ends. CloseChannel is close(ch), and ends the channel for all processes.
Release gives up a handle, as (*os.File).Close does. Once all handles that may send are
given up, an unnamed channel ends as well, without CloseChannel; and once all that may
receive are, sends fail. For that to happen, release what you do not use: the end that was
given to a child process, the file that File has returned, and do not hold both rights where
one will do. The garbage collector never releases a handle, since that could end a channel.

A send on a closed channel fails instead of panicking. A named channel does not end with
its processes, unless it was created with Hangup.

Cancelling a context races with the message, and the kernel decides: either the call has
failed with ctx.Err() and nothing happened, or it has succeeded. If a context is done
before, nothing is tried. As in Go, a select that finds several ops ready chooses at random.

# Threads and signals

A call that blocks occupies a thread, as a blocked read of a file does: hundreds are fine,
but the runtime ends a program that has 10,000 (see debug.SetMaxThreads). Wait for several
channels by one Select instead of several goroutines. It also needs a descriptor, an eventfd,
as long as it blocks; and a goroutine if its context can be cancelled.

Signals never make a call fail with EINTR. In the thread that waits they are blocked, so that
they do not cost it its place in the wait queue, as a restart would: the kernel delivers those
to the process, such as SIGTERM, SIGCHLD or those of a profiler, to another thread. Signals
to just this thread, by tgkill, wait for the end of the call. (Those by which the runtime
makes all threads change their user are not blocked.) A process that is stopped and
continued, or traced, may have to queue again.

Leases belong to the process, not to a goroutine: any may acknowledge.

# Files, io and non-blocking descriptors

Release does what (*os.File).Close does to blocked calls: they fail. close(2) of the descriptor
behind the package's back does not.

An os.File on a channel reads and writes messages, but most of package io takes a file for a
stream of bytes. Each Read is one message, and fails with EMSGSIZE, without taking it, if the
buffer is too small; an empty message looks like the end, io.EOF. io.ReadAll begins with a
buffer of 512 bytes and reads into what is left of it, and so does bufio.Reader with its
buffer: sooner or later that is too little for a message. io.ReadFull and json.Decoder ask
for parts of messages. What a bufio.Writer flushes (up to 4,096 bytes, or a longer slice as it
is) or io.Copy writes (up to 32 KiB) is one message, whatever parts it was written in. Use
Recv and Send.

A descriptor that is O_NONBLOCK never waits in a queue. Two peers of an unbuffered channel that
never block never meet. os.Open and os.OpenFile of a named channel make it non-blocking, since
it can be polled, and use the runtime's poller; so they are such peers, and so are TrySend and
TryRecv in a loop. Let one side use Send, Recv or Select of this package, or give the channel a
capacity. The files of File, os.NewFile on an inherited descriptor, and os.Stdin do block. Calls of
this package do not depend on O_NONBLOCK.

Do not put a goroutine between a Channel and a Go channel ("for ... { c <- ch.Recv() }"): it
takes a message before anybody wants it, which is lost if the process exits. If you must
select among both, let the goroutine that waits for the Go channel cancel the context.
*/
package gochan
