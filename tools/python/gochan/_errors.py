# SPDX-License-Identifier: GPL-2.0
"""Exceptions: subclasses of OSError for what a program treats in a way of its own.

Others are those that Python has: TimeoutError, BlockingIOError, FileNotFoundError,
FileExistsError and PermissionError.
"""

from __future__ import annotations

import errno
import os
from typing import NoReturn


class Error(OSError):
    """An operation on a channel failed; `errno` says why.

    index: of a select or batch, the number of the op that failed; else None
    """

    index: int | None = None


class Closed(Error, BrokenPipeError):
    """The channel is closed, or hung up (errno EPIPE).

    For a send: nobody will ever receive the message, which was not sent. For a receive:
    the channel is drained as well, so that no message will ever come.
    """


class AlreadyClosed(Error):
    """close_channel() on a closed channel (errno EALREADY)."""


class MessageTooLong(Error):
    """The message is longer than msg_size, and was not sent (errno EMSGSIZE)."""


class LimitExceeded(Error):
    """A limit on channels, names or memory is reached.

    errno EDQUOT: one of the user, or of the owner of a user namespace that it is in, see
    max_user_* in /sys/module/gochan/parameters; ENOSPC: that of all users, max_bytes.
    """


class LeaseEnded(Error):
    """The lease has ended, or belongs to another process (errno ESTALE)."""


_KNOWN: dict[int, tuple[type[OSError], str]] = {
    errno.EPIPE: (Closed, "the channel is closed, or no receivers are left"),
    errno.EALREADY: (AlreadyClosed, "the channel is closed already"),
    errno.EMSGSIZE: (MessageTooLong, "the message is longer than the channel's msg_size"),
    errno.EDQUOT: (LimitExceeded, "a limit of the user is reached"),
    errno.ENOSPC: (LimitExceeded, "the limit of all users is reached"),
    errno.ESTALE: (LeaseEnded, "the lease has ended, or belongs to another process"),
    errno.EBADF: (Error, "the descriptor is not open, or does not have this right"),
    errno.ETIMEDOUT: (TimeoutError, "the timeout has passed"),
    errno.EAGAIN: (BlockingIOError, "it would block"),
    errno.EACCES: (PermissionError, os.strerror(errno.EACCES)),
    errno.EPERM: (PermissionError, os.strerror(errno.EPERM)),
}


def at_end() -> Closed:
    """The exception of a receive at the end."""
    return Closed(errno.EPIPE, "the channel is closed or has no senders, and is drained")


def from_errno(number: int, path: str | None = None) -> OSError:
    """The exception for an errno."""
    kind, text = _KNOWN.get(number, (Error, os.strerror(number)))
    return kind(number, text) if path is None else kind(number, text, path)


def reraise(error: OSError, index: int | None = None, path: str | None = None) -> NoReturn:
    """Raise the exception of this package for one of the system's."""
    new = from_errno(error.errno or errno.EIO, path)
    if isinstance(new, Error):
        new.index = index
    raise new from None
