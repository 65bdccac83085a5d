# SPDX-License-Identifier: GPL-2.0
"""Channel: making and opening channels, sending and receiving messages."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, Self

from . import _abi, _aio, _errors
from ._errors import Closed
from ._handle import FileLike, Handle, open_flags, u32
from ._lease import Lease
from ._make import check_version, link, make_setup, open_device, open_unnamed, path_of
from ._ops import Message, Recv, Result, Send, perform, to_bytes


def _message(result: Result) -> bytes:
    if result.message is None:
        raise _errors.at_end()
    return result.message


def _lease(result: Result) -> Lease:
    if result.lease is None:
        raise _errors.at_end()
    return result.lease


def _rebuild(cls: type[Channel], passed: Any) -> Channel:
    """The other side of Channel.__reduce__()."""
    return cls(passed.detach())


def unlink(name: str | os.PathLike[str]) -> None:
    """Remove a channel's name; its open descriptors remain usable.

    This is unlink(2) of its path. FileNotFoundError: there is no such name.
    PermissionError: no permission to remove names from its directory.
    """
    os.unlink(path_of(name))


class Channel(Handle):
    """A descriptor of a channel, to send and receive messages.

    A message is 0 to msg_size bytes. Use make(), pair(), create() or open(), or
    Channel(fd) for a descriptor that is a channel, such as one that was inherited or
    received; the Channel then owns it.

    Two things are called "close" elsewhere, and have names of their own here:
    close_channel() ends the communication of all processes, as Go's close(ch) does;
    release() gives up this descriptor, as a "with" block does at its end. There is no
    close().

    Timeouts are in seconds; None waits for ever. An operation that need not wait succeeds
    whatever the timeout is. Blocking calls release the GIL, so that other threads run, and
    are interrupted by a signal if its handler raises, as that of Ctrl-C does; nothing has
    been sent or received then. (As everywhere in Python, a signal can also come just after
    a receive: where that matters, use leases.) A Channel can be used by several threads.

    Iteration receives messages until the end of the channel.
    """

    def __init__(self, fd: FileLike) -> None:
        """Take over a descriptor.

        Error: it is not open (EBADF), or not a channel (ENOTTY), or this package and the
        module do not have the same version (EOPNOTSUPP, EPROTONOSUPPORT).
        """
        super().__init__(fd)
        self._queues = _aio.Queues()

    # ---- making channels ---------------------------------------------------------

    @classmethod
    def make(
        cls,
        capacity: int = 0,
        *,
        msg_size: int = 4096,
        fixed: bool = False,
        cred: bool = False,
        ack: bool = False,
        max_deliveries: int = 0,
        dead: Handle | None = None,
        done: Handle | None = None,
    ) -> Self:
        """Make an unnamed channel: Go's make(chan T, capacity).

        capacity: messages that it can buffer, 0 to max_capacity (65,536); 0 makes an
            unbuffered channel, on which a send returns when a receiver has the message
        msg_size: maximum length of a message, 0 to max_msg_size (1 MiB) bytes
        fixed: every message has exactly msg_size bytes
        cred: receives report who has sent the message, see Result.sender
        ack: an acknowledged channel, see recv_lease(); it has to be buffered
        max_deliveries: with ack, how often a message is delivered before it is given up,
            0 for ever
        dead: with ack, another channel, which gets the messages that are given up
        done: with ack, another channel, which gets a notice of each message that is
            acknowledged or given up, see Notice; its msg_size is at least Notice.SIZE

        FileNotFoundError: there is no /dev/gochan; the module is not loaded, or the device
        is not in this container. Error (EINVAL): a value or a combination is not allowed;
        ELOOP: dead or done has such a channel itself. LimitExceeded: of the user's
        channels or memory, or of all users' memory.
        """
        setup = make_setup(
            capacity, msg_size, fixed, False, cred, ack, max_deliveries, dead, done
        )
        return cls._set_up(open_device(), setup)

    @classmethod
    def pair(
        cls,
        capacity: int = 0,
        *,
        msg_size: int = 4096,
        fixed: bool = False,
        cred: bool = False,
        ack: bool = False,
        max_deliveries: int = 0,
        dead: Handle | None = None,
        done: Handle | None = None,
    ) -> tuple[Self, Self]:
        """Make a channel with a descriptor for each direction: (receiver, sender).

        When all processes have released one end, the other end sees that: receivers drain
        the channel and see its end, sends fail with Closed. A process that is forked has
        both ends, too, and should release the one that it does not use. Parameters and
        errors: as for make().
        """
        with cls.make(
            capacity,
            msg_size=msg_size,
            fixed=fixed,
            cred=cred,
            ack=ack,
            max_deliveries=max_deliveries,
            dead=dead,
            done=done,
        ) as both:
            receiver = both.dup("r")
            try:
                return receiver, both.dup("w")
            except BaseException:
                receiver.release()
                raise

    @classmethod
    def create(
        cls,
        name: str | os.PathLike[str],
        capacity: int = 0,
        *,
        msg_size: int = 4096,
        fixed: bool = False,
        hangup: bool = False,
        cred: bool = False,
        ack: bool = False,
        max_deliveries: int = 0,
        dead: Handle | None = None,
        done: Handle | None = None,
        permissions: int = 0o600,
    ) -> Self:
        """Create a named channel, which exists until unlink().

        name: "jobs" is /dev/gochans/jobs; a path, with a slash in it, is taken as it is
        hangup: report the end to receivers while nobody has the channel open to send, and
            Closed to senders while nobody has it open to receive; otherwise they wait for
            the next open
        permissions: as for chmod(2), 0 to 0o777, less those of the umask

        Other parameters and errors: as for make(). FileExistsError: the name is in use.
        FileNotFoundError: there is no such directory. Error (ENODEV): it is not on a
        gochanfs; in /dev/gochans, none is mounted. LimitExceeded: also of names. /proc has
        to be mounted.
        """
        path = path_of(name)
        if not 0 <= u32("permissions", permissions) <= 0o777:
            raise ValueError(f"permissions are out of range: {permissions:#o}")
        setup = make_setup(
            capacity, msg_size, fixed, hangup, cred, ack, max_deliveries, dead, done
        )
        channel = cls._set_up(open_unnamed(path, permissions), setup, path)
        try:
            link(channel.fileno(), path)
        except BaseException:
            channel.release()
            raise
        return channel

    @classmethod
    def open(cls, name: str | os.PathLike[str], mode: str = "rw") -> Self:
        """Open a named channel.

        name: as for create()
        mode: "r" to receive, "w" to send, "rw" for both

        FileNotFoundError: there is no such channel. PermissionError: not with this mode.
        Error (ENOTTY): it is another kind of file.
        """
        path = path_of(name)
        # Another kind of file could block here, such as a FIFO.
        fd = os.open(path, open_flags(mode) | os.O_NONBLOCK)
        try:
            channel = cls(fd)
        except _errors.Error as error:
            os.close(fd)
            raise _errors.Error(error.errno, error.strerror, path) from None
        os.set_blocking(fd, True)
        return channel

    @classmethod
    def _set_up(cls, fd: int, setup: _abi.Setup, path: str | None = None) -> Self:
        """Set up a new channel. No other operation may come before that."""
        try:
            try:
                _abi.ioctl(fd, _abi.IOC_SETUP, setup)
            except OSError as error:
                # That a side is too old explains any error.
                check_version(fd, path)
                _errors.reraise(error, path=path)
            return cls(fd)
        except BaseException:
            os.close(fd)
            raise

    def dup(self, mode: str) -> Self:
        """Make another handle of the channel, with the same or fewer rights.

        mode: "r" to receive, "w" to send, "rw" for both

        A process that keeps only a narrower handle lets others see the end, see pair().
        PermissionError: this one lacks the right.
        """
        flags = open_flags(mode) & ~os.O_CLOEXEC
        fd = self._ioctl(_abi.IOC_DUP, flags)
        try:
            return type(self)(fd)
        except BaseException:
            os.close(fd)
            raise

    def release(self) -> None:
        self._queues.fail()
        super().release()

    release.__doc__ = Handle.release.__doc__

    def __enter__(self) -> Self:
        self.fileno()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.release()

    def __reduce__(self) -> tuple[Any, ...]:
        """Only as an argument of a multiprocessing.Process that is being started."""
        from multiprocessing import context, reduction

        context.assert_spawning(self)
        return _rebuild, (type(self), reduction.DupFd(self.fileno()))

    # ---- sending and receiving -----------------------------------------------------

    def send(
        self, message: Message, timeout: float | None = None, *, fd: FileLike | None = None
    ) -> None:
        """Send a message. It blocks until the message is buffered or, on an unbuffered
        channel, until a receiver has it. If it fails, nothing was sent.

        message: bytes-like, of 0 to msg_size bytes, exactly msg_size on a fixed channel
        timeout: in seconds
        fd: a descriptor, or an object with fileno() such as a Channel, to pass along; on
            unbuffered channels only (Error, EOPNOTSUPP, elsewhere). Both sides then have
            it: release the own one if the receiver is to be the only one.

        Closed: the channel is closed, or no receivers are left. MessageTooLong.
        TimeoutError. Error (EINVAL): not msg_size bytes on a fixed channel; EBADF: the
        descriptor may not send. LimitExceeded: the message would exceed the user's memory
        while it waits. BlockingIOError: it would block, and the descriptor is O_NONBLOCK.
        """
        perform(Send(self, message, fd), 0, timeout)

    def try_send(self, message: Message, *, fd: FileLike | None = None) -> bool:
        """As send(), but return False instead of blocking.

        On an unbuffered channel a receiver has to be waiting: two peers that never block
        never meet.
        """
        try:
            perform(Send(self, message, fd), _abi.NONBLOCK, None)
        except BlockingIOError:
            return False
        return True

    def recv(self, timeout: float | None = None) -> bytes:
        """Receive a message. It blocks until there is one.

        On an acknowledged channel the message is acknowledged at once; see recv_lease().

        Closed: the end: the channel is closed or has no senders, and is drained.
        TimeoutError. Error (EBADF): the descriptor may not receive. LimitExceeded: the
        message exceeds the user's memory. BlockingIOError: it would block, and the
        descriptor is O_NONBLOCK.
        """
        return _message(perform(Recv(self), 0, timeout))

    def try_recv(self) -> bytes | None:
        """As recv(), but return None instead of blocking."""
        try:
            return _message(perform(Recv(self), _abi.NONBLOCK, None))
        except BlockingIOError:
            return None

    def recv_fd(self, timeout: float | None = None) -> tuple[bytes, int | None]:
        """As recv(), and take the file that comes with the message.

        Return the message and the new descriptor, which is close-on-exec and the caller's
        to close, or None if there was no file. Channel(fd) makes a Channel of it.

        Error (EMFILE): this process has no free descriptor; the message remains.
        """
        result = perform(Recv(self, take_fd=True), 0, timeout)
        return _message(result), result.fd

    def recv_lease(self, timeout: float | None = None) -> Lease:
        """Receive a message of an acknowledged channel (ack=True), to be acknowledged:

            with channel.recv_lease() as lease:
                work(lease.message)

        The message keeps its slot until then. It is delivered again, ahead of all later
        ones, if the block raises, or if this process dies or releases its last descriptor
        of the handle.

        Errors: as for recv(). Error (EINVAL): the channel is not acknowledged. Receivers
        see the end only when no message can come back: a process that receives while it
        has the last lease waits for itself.
        """
        return _lease(perform(Recv(self, lease=True), 0, timeout))

    def try_recv_lease(self) -> Lease | None:
        """As recv_lease(), but return None instead of blocking."""
        try:
            return _lease(perform(Recv(self, lease=True), _abi.NONBLOCK, None))
        except BlockingIOError:
            return None

    def __iter__(self) -> Self:
        """Receive messages until the end."""
        return self

    def __next__(self) -> bytes:
        try:
            return self.recv()
        except Closed:
            raise StopIteration from None

    def leases(self) -> Iterator[Lease]:
        """Iterate over leases, by recv_lease(), until the end."""
        return _Leases(self)

    # ---- asyncio -------------------------------------------------------------------

    async def asend(self, message: Message) -> None:
        """As send(), in an asyncio event loop. Cancelled, it has sent nothing.

        It does not block but waits until the channel is ready, and two peers of an
        unbuffered channel that never block never meet: there, the other peer has to use
        send(), recv() or select() in a thread or process of its own, or the channel needs
        a buffer. For timeouts, use asyncio.timeout().
        """
        data = to_bytes(message)
        await self._queues.perform(self.fileno, True, lambda: self.try_send(data) or None)

    async def arecv(self) -> bytes:
        """As recv(), in an asyncio event loop. Cancelled, it has taken no message.

        See asend() about unbuffered channels.
        """
        return await self._queues.perform(self.fileno, False, self.try_recv)

    async def arecv_lease(self) -> Lease:
        """As recv_lease(), in an asyncio event loop:

            with await channel.arecv_lease() as lease:
                await work(lease.message)

        If the task is cancelled in the block, the message is requeued.
        """
        return await self._queues.perform(self.fileno, False, self.try_recv_lease)

    def __aiter__(self) -> Self:
        """Receive messages until the end."""
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self.arecv()
        except Closed:
            raise StopAsyncIteration from None

    def aleases(self) -> AsyncIterator[Lease]:
        """Iterate over leases, by arecv_lease(), until the end."""
        return _Leases(self)


class _Leases:
    """The iterator of leases() and aleases()."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Lease:
        try:
            return self._channel.recv_lease()
        except Closed:
            raise StopIteration from None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Lease:
        try:
            return await self._channel.arecv_lease()
        except Closed:
            raise StopAsyncIteration from None
