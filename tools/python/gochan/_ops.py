# SPDX-License-Identifier: GPL-2.0
"""Ops, and the two calls that perform them: select and batch.

All sends and receives of the package come down to perform(): one ioctl, with an array of
ops that contain the addresses of the buffers.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import select as _select
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Union

from . import _abi, _errors
from ._handle import FileLike, Handle, descriptor, kind, u32
from ._lease import Lease
from ._make import open_device

Message = Union[bytes, bytearray, memoryview]


class Sender(NamedTuple):
    """The sender of a message on a channel made with cred=True.

    pid: its process ID here, 0 if it is not visible; uid, gid: its effective IDs here,
    65534 by default if they are not mapped. Of a message that came by write(2): those of
    the process that opened the descriptor.
    """

    pid: int
    uid: int
    gid: int


@dataclass(frozen=True)
class Result:
    """What an op has done.

    index: its place in the call
    op: the op
    message: received, or None: of another op, or at the end of the channel
    closed: of a receive, whether this is the end: the channel is closed or has no
        senders, and is drained
    lease: of Recv(lease=True), the lease
    fd: of Recv(take_fd=True), the descriptor that came with the message, which is the
        caller's to close, or None
    events: of Poll, the events that occurred, as of poll(2)
    sender: of a receive on a channel with cred=True
    seq: of a Send on a channel made with done=, the number of the message
    """

    index: int
    op: Op
    message: bytes | None = None
    closed: bool = False
    lease: Lease | None = None
    fd: int | None = None
    events: int = 0
    sender: Sender | None = None
    seq: int | None = None


class Batch(list[Result]):
    """The results of the ops of a batch that were completed, in order.

    error: why the next one failed, if not all were completed
    """

    error: OSError | None = None


def handle_fd(channel: object) -> int:
    """The descriptor of an op's channel; -1 for None."""
    if channel is None:
        return -1
    if not isinstance(channel, Handle):
        raise TypeError(f"a Channel or None is needed, not {kind(channel)}")
    return channel.fileno()


def to_bytes(message: Message) -> bytes:
    """The message as an object that does not move or change while it is sent."""
    if isinstance(message, bytes):
        return message
    try:
        return bytes(memoryview(message))
    except TypeError:
        raise TypeError(f"a message is bytes-like, not {kind(message)}") from None


@dataclass(frozen=True)
class Send:
    """An op that sends a message.

    channel: where to; None is Go's nil channel, which is never ready
    message: bytes-like, of 0 to msg_size bytes; exactly msg_size on a fixed channel
    fd: a descriptor, or an object with one, to pass along; unbuffered channels only.
        The receiver gets a duplicate, and the caller keeps its own.
    """

    channel: Handle | None
    message: Message
    fd: FileLike | None = None

    def _fill(self, slot: Any) -> object:
        slot.fd = handle_fd(self.channel)
        slot.opcode = _abi.OP_SEND
        data = to_bytes(self.message)
        slot.buf = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value
        slot.len = min(len(data), 2**32 - 1)
        if self.fd is not None:
            slot.flags = _abi.PASS_FD
            slot.passed_fd = descriptor(self.fd)
        return data

    def _result(self, index: int, slot: Any) -> Result:
        return Result(index, self, seq=slot.seq or None)


@dataclass(frozen=True)
class Recv:
    """An op that receives a message.

    channel: where from; None is Go's nil channel, which is never ready
    peek: leave the message in the channel, for this or another receiver
    lease: on an acknowledged channel, lease the message; otherwise it is acknowledged at
        once. On other channels this is an error.
    take_fd: take the file that comes with the message, if any; otherwise it is dropped
    """

    channel: Handle | None
    peek: bool = False
    lease: bool = False
    take_fd: bool = False

    def _fill(self, slot: Any) -> object:
        slot.fd = handle_fd(self.channel)
        slot.opcode = _abi.OP_RECV
        slot.flags = _abi.PEEK * self.peek | _abi.TAKE_FD * self.take_fd
        if self.channel is None:
            return None
        if self.lease and not self.channel._flags & _abi.ACK:
            raise _errors.Error(errno.EINVAL, "only messages of a channel with ack are leased")
        if self.lease and self.peek:
            raise ValueError("a message is either peeked at or leased")
        buffer = ctypes.create_string_buffer(max(self.channel._msg_size, 1))
        slot.buf = ctypes.addressof(buffer)
        slot.len = self.channel._msg_size
        return buffer

    def _result(self, index: int, slot: Any) -> Result:
        if slot.result == _abi.R_CLOSED or self.channel is None:
            return Result(index, self, closed=True)
        message = ctypes.string_at(slot.buf, slot.len)
        lease = sender = None
        if slot.lease:
            lease = Lease(self.channel, slot.lease, message, slot.seq, slot.deliveries)
            if not self.lease:
                lease.ack()
                lease = None
        if self.channel._flags & _abi.CRED:
            sender = Sender(slot.pid, slot.uid, slot.gid)
        fd = slot.passed_fd if self.take_fd and slot.passed_fd >= 0 else None
        return Result(index, self, message, lease=lease, fd=fd, sender=sender)


@dataclass(frozen=True)
class Poll:
    """An op that waits until a descriptor is ready, whatever kind of file it is.

    file: a descriptor or an object with fileno(), such as a socket, a pidfd or a timerfd;
        None is never ready
    events: as for poll(2): select.POLLIN (the default), POLLOUT, ...
    """

    file: FileLike | None
    events: int = _select.POLLIN

    def _fill(self, slot: Any) -> object:
        slot.fd = -1 if self.file is None else descriptor(self.file)
        slot.opcode = _abi.OP_POLL
        slot.events = u32("events", self.events)
        return self.file

    def _result(self, index: int, slot: Any) -> Result:
        return Result(index, self, events=slot.events)


@dataclass(frozen=True)
class Ack:
    """An op of a batch that ends a lease, as Lease.ack() and Lease.requeue() do."""

    lease: Lease
    requeue: bool = False

    def _fill(self, slot: Any) -> object:
        if not isinstance(self.lease, Lease):
            raise TypeError(f"a Lease is needed, not {kind(self.lease)}")
        slot.fd = self.lease._handle.fileno()
        slot.opcode = _abi.OP_ACK
        slot.flags = _abi.REQUEUE * self.requeue
        slot.lease = self.lease._number
        return None

    def _result(self, index: int, slot: Any) -> Result:
        self.lease._ended = True
        return Result(index, self)


Op = Union[Send, Recv, Poll, Ack]


class Call:
    """A SELECT or BATCH: its ops, as the kernel has them, and their buffers."""

    def __init__(self, ops: Iterable[Op], flags: int, timeout: float | None) -> None:
        self.ops: Sequence[Op] = list(ops)
        for op in self.ops:
            if not isinstance(op, (Send, Recv, Poll, Ack)):
                raise TypeError(f"an op is a Send, Recv, Poll or Ack, not {kind(op)}")
        self.slots = (_abi.Op * len(self.ops))()
        # The buffers have to live as long as the call.
        self.buffers = [op._fill(slot) for op, slot in zip(self.ops, self.slots)]
        self.arg = _abi.Ops(
            ops=ctypes.addressof(self.slots),
            count=len(self.ops),
            flags=flags,
            timeout=_abi.deadline(timeout),
        )

    def results(self, count: int) -> list[Result]:
        """The results of the first ops."""
        return [self.result(index) for index in range(count)]

    def result(self, index: int) -> Result:
        return self.ops[index]._result(index, self.slots[index])

    def check_handles(self) -> None:
        """Before the call is repeated: a signal handler may have released a Channel."""
        for op in self.ops:
            if isinstance(op, (Send, Recv)):
                handle_fd(op.channel)

    def abandon(self) -> None:
        """A signal's handler has raised: undo what was received, where that is possible."""
        for op, slot in list(zip(self.ops, self.slots))[: self.arg.index]:
            if not isinstance(op, Recv) or slot.result:
                continue
            if op.take_fd and slot.passed_fd >= 0:
                os.close(slot.passed_fd)
            if slot.lease and op.channel:
                lease = Lease(op.channel, slot.lease, b"", slot.seq, slot.deliveries)
                with contextlib.suppress(OSError, ValueError):
                    lease.requeue()

    def issue(self, request: int) -> int:
        """Issue the ioctl, on any channel of the ops, or else on one of its own."""
        for slot in self.slots:
            if slot.opcode != _abi.OP_POLL and slot.fd >= 0:
                return self._issue(slot.fd, request)
        fd = open_device()
        try:
            # An op with the number of this new descriptor names one that was not open.
            if any(slot.fd == fd for slot in self.slots):
                raise _errors.from_errno(errno.EBADF)
            return self._issue(fd, request)
        finally:
            os.close(fd)

    def _issue(self, fd: int, request: int) -> int:
        while True:
            try:
                return _abi.ioctl_once(fd, request, self.arg)
            except InterruptedError:
                self.check_handles()
            except OSError as error:
                _errors.reraise(error, self.failed())

    def failed(self) -> int | None:
        """The index of the op that has made the call fail, if it was one."""
        index: int = self.arg.index
        return index if index < len(self.ops) and self.slots[index].result < 0 else None


def perform(op: Op, flags: int, timeout: float | None) -> Result:
    """Perform one op. An error is raised as an exception of this package."""
    call = Call((op,), flags, timeout)
    call.issue(_abi.IOC_BATCH)
    return call.result(0)


def _select_ops(ops: Iterable[Op], flags: int, timeout: float | None) -> Result:
    call = Call(ops, flags, timeout)
    call.arg.index = len(call.ops)
    return call.result(call.issue(_abi.IOC_SELECT))


def select(
    ops: Iterable[Op], timeout: float | None = None, *, ordered: bool = False
) -> Result:
    """Wait until one of several ops is ready, and perform exactly that one.

    ops: Send, Recv and Poll, at most max_select (1,024) of them; several may be on the same
        channel. A receive at the end of its channel is ready: its Result is closed.
    timeout: in seconds; None to wait for ever. When it is 0, an op that is ready is
        performed nevertheless.
    ordered: of several ready ops choose the first one, instead of a random one

    Return the Result of the op. Whether descriptors are O_NONBLOCK makes no difference.

    TimeoutError: no op was ready in time. Closed, MessageTooLong and other Errors: an op
    failed, whose number is in Error.index. A signal whose handler raises ends the wait
    with that exception; nothing was sent or received then, unless the signal came when an
    op had just been performed (use leases where that matters).
    """
    return _select_ops(ops, _abi.ORDERED * ordered, timeout)


def try_select(ops: Iterable[Op], *, ordered: bool = False) -> Result | None:
    """As select(), but return None if no op is ready at once: Go's default case."""
    try:
        return _select_ops(ops, _abi.NONBLOCK | _abi.ORDERED * ordered, None)
    except BlockingIOError:
        return None


def batch(
    ops: Iterable[Op], timeout: float | None = None, *, wait_for_one: bool = False
) -> Batch:
    """Perform several ops in order, in one system call, each when the previous is done.

    ops: Send, Recv, Poll and Ack, at most max_select (1,024) of them
    timeout: in seconds for all of them together; None to wait for ever
    wait_for_one: only the first op may block

    Return the results of the ops that were completed. If they are not all, Batch.error is
    the exception of the one that failed. If that is the first one, it is raised: see
    select(). With wait_for_one, an op that would block has failed with BlockingIOError,
    and so has one on an O_NONBLOCK descriptor.

    If a signal's handler raises, leases that were received are returned; what else was
    sent and received stays so.
    """
    flags = _abi.RESUME | _abi.WAITFORONE * wait_for_one
    call = Call(ops, flags, timeout)
    try:
        count = call.issue(_abi.IOC_BATCH)
    except BaseException:
        call.abandon()
        raise
    done = Batch(call.results(count))
    if count < len(call.ops):
        done.error = _errors.from_errno(-call.slots[count].result)
    return done
