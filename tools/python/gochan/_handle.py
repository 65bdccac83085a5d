# SPDX-License-Identifier: GPL-2.0
"""A channel's descriptor: what it is, its rights, its release. Messages are in _channel.py."""

from __future__ import annotations

import errno
import fcntl
import operator
import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Union

from . import _abi, _errors

_MODES = {"r": os.O_RDONLY, "w": os.O_WRONLY, "rw": os.O_RDWR}
_MODE_NAMES = {os.O_RDONLY: "r", os.O_WRONLY: "w", os.O_RDWR: "rw", os.O_ACCMODE: ""}


class HasFileno(Protocol):
    """Anything with a descriptor: a file, a socket, a Channel."""

    def fileno(self) -> int: ...


FileLike = Union[int, HasFileno]


@dataclass(frozen=True)
class Info:
    """A consistent snapshot of a channel, see struct gochan_info.

    id: identifies the channel until the module is unloaded
    capacity, msg_size, max_deliveries: as made, in messages, bytes and deliveries
    fixed, hangup, cred, ack, deadletter: as made, see Channel.make()
    done: the id of the channel that gets notices, 0 for none
    length: messages in the channel, without leased ones
    closed: whether close_channel() was called
    senders_waiting, receivers_waiting: how many are blocked
    send_handles, recv_handles: open handles that may send and receive
    leased: messages that are leased
    sent, received: messages since the channel was made
    bytes: payload in the channel
    requeued, dropped: messages returned to the channel, and given up without a
        dead-letter channel, since it was made
    send_blocked, recv_blocked: how often a send and a receive had to block since then
    """

    id: int
    capacity: int
    msg_size: int
    max_deliveries: int
    fixed: bool
    hangup: bool
    cred: bool
    ack: bool
    deadletter: bool
    done: int
    length: int
    closed: bool
    senders_waiting: int
    receivers_waiting: int
    send_handles: int
    recv_handles: int
    leased: int
    sent: int
    received: int
    bytes: int
    requeued: int
    dropped: int
    send_blocked: int
    recv_blocked: int


def descriptor(file: FileLike) -> int:
    """The number of a descriptor, or of an object that has one."""
    if isinstance(file, bool) or not (isinstance(file, int) or hasattr(file, "fileno")):
        raise TypeError(f"a descriptor, or an object with fileno(), is needed, not {kind(file)}")
    fd = file if isinstance(file, int) else file.fileno()
    if not 0 <= fd < 2**31:
        raise ValueError(f"not a descriptor: {fd}")
    return fd


def kind(value: object) -> str:
    """The type of a value, for a message."""
    return repr(type(value).__name__)


def u32(name: str, value: int) -> int:
    """Check that a number fits; the kernel checks the rest."""
    if isinstance(value, bool):
        raise TypeError(f"{name} is a number, not {kind(value)}")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is a number, not {kind(value)}") from None
    if not 0 <= number < 2**32:
        raise ValueError(f"{name} is out of range: {number}")
    return number


def open_flags(mode: str) -> int:
    """The flags of open(2) for the mode of a channel."""
    if not isinstance(mode, str):
        raise TypeError(f"a mode is a string, not {kind(mode)}")
    if mode not in _MODES:
        raise ValueError(f"a mode is 'r' (receive), 'w' (send) or 'rw', not {mode!r}")
    return _MODES[mode] | os.O_CLOEXEC


class Handle:
    """The base of Channel."""

    _fd = -1

    def __init__(self, fd: FileLike) -> None:
        number = descriptor(fd)
        try:
            info = _abi.read_info(number)
        except OSError as error:
            if error.errno != errno.EBADF:
                raise
            raise _errors.Error(errno.EBADF, f"descriptor {number} is not open") from None
        # They can no longer change.
        self._msg_size: int = info.msg_size
        self._flags: int = info.flags
        self._cap: int = info.capacity
        self._fd = number

    def fileno(self) -> int:
        """The descriptor. ValueError: it was released."""
        if self._fd < 0:
            raise ValueError("the descriptor of this Channel was released")
        return self._fd

    @property
    def released(self) -> bool:
        """Whether release() or detach() was called."""
        return self._fd < 0

    def release(self) -> None:
        """Release this descriptor, as close(2) does. The channel itself stays open.

        When the last descriptor with the right to send is released, in all processes,
        receivers of an unnamed channel drain it and see its end. Leases that this process
        got by its last descriptor of the handle end, and their messages are requeued. It
        does not wake a thread that is blocked on the descriptor. Async calls that wait for
        it fail with ValueError; then call this in the thread of their event loop. A second
        call does nothing.
        """
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def detach(self) -> int:
        """Return the descriptor, which is then the caller's to close."""
        fd, self._fd = self.fileno(), -1
        return fd

    def close_channel(self) -> None:
        """Close the channel, for all processes: Go's close(ch).

        From now on sends fail with Closed, including blocked ones; receivers drain the
        channel and then see its end. The descriptor remains, and still needs release().

        AlreadyClosed: it was closed before. Error (EBADF): the descriptor may not send.
        PermissionError: the channel is named, and another user's.
        """
        self._ioctl(_abi.IOC_CLOSE)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name == "close":
                raise AttributeError(
                    "a Channel has no close(): release() releases this descriptor,"
                    " close_channel() closes the channel for all processes"
                )
            raise AttributeError(f"{kind(self)} object has no attribute {name!r}")

    def info(self) -> Info:
        """A consistent snapshot of the channel's state. No right is needed."""
        raw = _abi.read_info(self.fileno())
        return Info(
            id=raw.id,
            capacity=raw.capacity,
            msg_size=raw.msg_size,
            max_deliveries=raw.max_deliveries,
            fixed=bool(raw.flags & _abi.FIXED),
            hangup=bool(raw.flags & _abi.HANGUP),
            cred=bool(raw.flags & _abi.CRED),
            ack=bool(raw.flags & _abi.ACK),
            deadletter=bool(raw.flags & _abi.DEADLETTER),
            done=raw.done,
            length=raw.len,
            closed=bool(raw.closed),
            senders_waiting=raw.senders_waiting,
            receivers_waiting=raw.receivers_waiting,
            send_handles=raw.send_handles,
            recv_handles=raw.recv_handles,
            leased=raw.leased,
            sent=raw.sent,
            received=raw.received,
            bytes=raw.bytes,
            requeued=raw.requeued,
            dropped=raw.dropped,
            send_blocked=raw.send_blocked,
            recv_blocked=raw.recv_blocked,
        )

    def __len__(self) -> int:
        """The number of messages in the channel, without leased ones: Go's len(ch)."""
        length: int = _abi.read_info(self.fileno()).len
        return length

    def __bool__(self) -> bool:
        """True, also of an empty channel."""
        return True

    @property
    def cap(self) -> int:
        """The number of messages that the channel can buffer: Go's cap(ch)."""
        return self._cap

    @property
    def msg_size(self) -> int:
        """The maximum length of a message in bytes."""
        return self._msg_size

    @property
    def mode(self) -> str:
        """The rights: "r" to receive, "w" to send, "rw" for both, "" for neither."""
        return _MODE_NAMES[fcntl.fcntl(self.fileno(), fcntl.F_GETFL) & os.O_ACCMODE]

    def _ioctl(self, request: int, arg: Any = 0) -> int:
        try:
            return _abi.ioctl(self.fileno(), request, arg)
        except OSError as error:
            _errors.reraise(error)

    def __repr__(self) -> str:
        if self._fd < 0:
            return "<gochan.Channel, released>"
        return f"<gochan.Channel fd={self._fd} cap={self._cap} msg_size={self._msg_size}>"

    def __del__(self) -> None:
        if self._fd >= 0:
            warnings.warn(f"never released: {self!r}", ResourceWarning, source=self)
            Handle.release(self)
