# SPDX-License-Identifier: GPL-2.0
"""The steps of making a channel: its parameters, a descriptor, a name."""

from __future__ import annotations

import errno
import os

from . import _abi, _errors
from ._handle import Handle, kind, u32


def make_setup(
    capacity: int,
    msg_size: int,
    fixed: bool,
    hangup: bool,
    cred: bool,
    ack: bool,
    max_deliveries: int,
    dead: Handle | None,
    done: Handle | None,
) -> _abi.Setup:
    """The argument of IOC_SETUP."""
    for name, other in ("dead", dead), ("done", done):
        if other is not None and not isinstance(other, Handle):
            raise TypeError(f"{name} is a Channel or None, not {kind(other)}")
    flags = _abi.FIXED * bool(fixed) | _abi.HANGUP * bool(hangup) | _abi.CRED * bool(cred)
    flags |= _abi.ACK * bool(ack) | _abi.DEADLETTER * (dead is not None)
    flags |= _abi.DONE * (done is not None)
    return _abi.Setup(
        capacity=u32("capacity", capacity),
        msg_size=u32("msg_size", msg_size),
        flags=flags,
        max_deliveries=u32("max_deliveries", max_deliveries),
        dead_fd=0 if dead is None else dead.fileno(),
        done_fd=0 if done is None else done.fileno(),
    )


def path_of(name: str | os.PathLike[str]) -> str:
    """The path of a name: "jobs" is /dev/gochans/jobs."""
    path = os.fspath(name)
    if not isinstance(path, str):
        raise TypeError(f"a name is a string or a path, not {kind(name)}")
    return path if "/" in path or not path else _abi.NAMES + path


def open_device() -> int:
    """A new channel, to be set up."""
    try:
        return os.open(_abi.DEVICE, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError as error:
        error.add_note("The gochan module is not loaded, or this container lacks its device.")
        raise
    except OSError as error:
        raise _refused(error, _abi.DEVICE) from None


def open_unnamed(path: str, permissions: int) -> int:
    """A new channel in the directory of a path, to be set up and named."""
    # With the slash, so that "/jobs" is in "/".
    directory = path[: path.rfind("/") + 1]
    flags = os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC
    try:
        return os.open(directory, flags, permissions)
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            raise _not_on_gochanfs(path) from None
        raise _refused(error, path) from None


def link(fd: int, path: str) -> None:
    """Name a channel."""
    try:
        # The path is absolute: that there is a directory makes it linkat(2).
        os.link(f"/proc/self/fd/{fd}", path, src_dir_fd=fd)
    except OSError as error:
        raise _refused(error, path) from None


def check_version(fd: int, path: str | None) -> None:
    """Tell why SETUP has failed, if it is not a matter of its parameters."""
    try:
        _abi.read_info(fd)
    except OSError as error:
        if path is not None and error.errno == errno.ENOTTY:
            raise _not_on_gochanfs(path) from None
        raise _errors.Error(error.errno, error.strerror, path or _abi.DEVICE) from None


def _refused(error: OSError, path: str) -> OSError:
    """The exception for a path that could not be opened or made."""
    number = error.errno or errno.EIO
    if number in (errno.EDQUOT, errno.ENOSPC):
        return _errors.from_errno(number, path)
    return OSError(number, os.strerror(number), path)


def _not_on_gochanfs(path: str) -> _errors.Error:
    return _errors.Error(errno.ENODEV, "its directory is not on a gochanfs", path)
