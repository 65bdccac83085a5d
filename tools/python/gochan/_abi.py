# SPDX-License-Identifier: GPL-2.0
"""The kernel's interface: constants, structures and ioctls of <linux/gochan.h>.

The package issues the ioctls itself, by fcntl.ioctl(), instead of calling libgochan
through ctypes.CDLL: it then needs nothing but the module, and the deadlines are those of
the kernel, absolute, so that a call that is repeated after a signal waits no longer.
fcntl.ioctl() releases the GIL (for arguments of up to 1,024 bytes, as these are) and runs
signal handlers after EINTR. Python has no other way to get the address of a buffer, which
an op contains, than ctypes.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import math
import os
import time
from typing import Any

from ._errors import Error

ABI = 2
DEVICE = "/dev/gochan"
NAMES = "/dev/gochans/"

# Channel flags.
FIXED = 0x01
HANGUP = 0x02
CRED = 0x04
ACK = 0x08
DEADLETTER = 0x10
DONE = 0x20

# Flags of an op and of a call.
NONBLOCK = 0x01
ORDERED = 0x02
WAITFORONE = 0x04
PEEK = 0x08
PASS_FD = 0x10
TAKE_FD = 0x20
RESUME = 0x40
REQUEUE = 0x80

OP_SEND = 1
OP_RECV = 2
OP_POLL = 3
OP_ACK = 4

R_CLOSED = 1
TIMEOUT_NEVER = 2**64 - 1
NS_PER_SEC = 1_000_000_000


class Setup(ctypes.Structure):
    """struct gochan_setup"""

    _fields_ = [
        ("capacity", ctypes.c_uint32),
        ("msg_size", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("max_deliveries", ctypes.c_uint32),
        ("dead_fd", ctypes.c_int32),
        ("done_fd", ctypes.c_int32),
    ]


class Info(ctypes.Structure):
    """struct gochan_info"""

    _fields_ = [
        ("abi", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("capacity", ctypes.c_uint32),
        ("msg_size", ctypes.c_uint32),
        ("len", ctypes.c_uint32),
        ("closed", ctypes.c_uint32),
        ("senders_waiting", ctypes.c_uint32),
        ("receivers_waiting", ctypes.c_uint32),
        ("send_handles", ctypes.c_uint32),
        ("recv_handles", ctypes.c_uint32),
        ("leased", ctypes.c_uint32),
        ("max_deliveries", ctypes.c_uint32),
        ("id", ctypes.c_uint64),
        ("sent", ctypes.c_uint64),
        ("received", ctypes.c_uint64),
        ("bytes", ctypes.c_uint64),
        ("requeued", ctypes.c_uint64),
        ("dropped", ctypes.c_uint64),
        ("send_blocked", ctypes.c_uint64),
        ("recv_blocked", ctypes.c_uint64),
        ("done", ctypes.c_uint64),
        ("reserved", ctypes.c_uint64 * 3),
    ]


class Op(ctypes.Structure):
    """struct gochan_op"""

    _fields_ = [
        ("fd", ctypes.c_int32),
        ("opcode", ctypes.c_uint16),
        ("flags", ctypes.c_uint16),
        ("buf", ctypes.c_uint64),
        ("len", ctypes.c_uint32),
        ("result", ctypes.c_int32),
        ("passed_fd", ctypes.c_int32),
        ("events", ctypes.c_uint32),
        ("pid", ctypes.c_int32),
        ("uid", ctypes.c_uint32),
        ("gid", ctypes.c_uint32),
        ("deliveries", ctypes.c_uint32),
        ("lease", ctypes.c_uint64),
        ("seq", ctypes.c_uint64),
    ]


class Ops(ctypes.Structure):
    """struct gochan_ops"""

    _fields_ = [
        ("ops", ctypes.c_uint64),
        ("count", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("timeout", ctypes.c_uint64),
        ("index", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
    ]


class Ack(ctypes.Structure):
    """struct gochan_ack"""

    _fields_ = [
        ("lease", ctypes.c_uint64),
        ("flags", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
    ]


# The ioctl numbers as the architecture encodes them. On all that Debian's Python is built
# for but MIPS, PowerPC, Alpha and SPARC, "none" is 0.
_OLD = os.uname().machine.startswith(("mips", "ppc", "alpha", "sparc"))
_SIZE_BITS = 13 if _OLD else 14
_NONE, _READ, _WRITE = (1, 2, 4) if _OLD else (0, 2, 1)


def _ioc(direction: int, number: int, size: int = 0) -> int:
    return direction << (16 + _SIZE_BITS) | size << 16 | 0xC5 << 8 | number


IOC_SETUP = _ioc(_WRITE, 1, ctypes.sizeof(Setup))
IOC_INFO = _ioc(_READ, 2, ctypes.sizeof(Info))
IOC_CLOSE = _ioc(_NONE, 3)
IOC_DUP = _ioc(_NONE, 4)
IOC_ACK = _ioc(_WRITE, 5, ctypes.sizeof(Ack))
IOC_SELECT = _ioc(_READ | _WRITE, 7, ctypes.sizeof(Ops))
IOC_BATCH = _ioc(_READ | _WRITE, 8, ctypes.sizeof(Ops))

# What IOC_INFO was in version 1 of the interface.
_OLD_INFO = 128


def ioctl_once(fd: int, request: int, arg: Any) -> int:
    """Issue an ioctl. InterruptedError: a signal's handler was run, and did not raise."""
    result: int = fcntl.ioctl(fd, request, arg)
    return result


def ioctl(fd: int, request: int, arg: Any = 0) -> int:
    """Issue an ioctl, again after EINTR unless a signal's handler raises (PEP 475)."""
    while True:
        try:
            return ioctl_once(fd, request, arg)
        except InterruptedError:
            pass


def deadline(timeout: float | None) -> int:
    """Convert a timeout in seconds to gochan_ops.timeout, an absolute time."""
    if timeout is None:
        return TIMEOUT_NEVER
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise TypeError(f"a timeout is a number of seconds or None, not {type(timeout).__name__!r}")
    if not timeout >= 0:
        raise ValueError(f"a timeout is not negative: {timeout}")
    if math.isinf(timeout):
        return TIMEOUT_NEVER
    return min(time.monotonic_ns() + math.ceil(timeout * NS_PER_SEC), TIMEOUT_NEVER)


def read_info(fd: int) -> Info:
    """Issue IOC_INFO, and tell which side is too old if that is why it fails."""
    info = Info()
    try:
        ioctl(fd, IOC_INFO, info)
    except OSError as error:
        if error.errno != errno.ENOTTY:
            raise
        _check_old(fd)
        raise Error(errno.ENOTTY, "not a channel") from None
    if info.abi > ABI:
        raise Error(errno.EPROTONOSUPPORT, "this package is too old for the gochan module")
    return info


def _check_old(fd: int) -> None:
    try:
        ioctl(fd, _ioc(_READ, 2, _OLD_INFO), bytearray(_OLD_INFO))
    except OSError:
        return
    raise Error(errno.EOPNOTSUPP, "the gochan module is too old for this package")
