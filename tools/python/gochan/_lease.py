# SPDX-License-Identifier: GPL-2.0
"""Leases: messages that are delivered again unless they are acknowledged."""

from __future__ import annotations

import contextlib
from types import TracebackType
from typing import Self

from . import _abi, _errors
from ._handle import Handle


class Lease:
    """A message of an acknowledged channel that this process works on.

    As a context manager it is acknowledged at the end of the block, and requeued if the
    block raises anything, KeyboardInterrupt and asyncio.CancelledError included. When the
    process dies, or releases its last descriptor of the handle, the kernel requeues it.
    A Lease that is forgotten keeps its message, and the message its slot, until then.

    message: what was received
    seq: the number of the message on its channel, the same at every delivery; a key by
        which a job can be made idempotent
    deliveries: how often the message was delivered, this time included
    """

    __slots__ = ("message", "seq", "deliveries", "_handle", "_number", "_ended")

    def __init__(
        self, handle: Handle, number: int, message: bytes, seq: int, deliveries: int
    ) -> None:
        """For this package: use Channel.recv_lease()."""
        self.message = message
        self.seq = seq
        self.deliveries = deliveries
        self._handle = handle
        self._number = number
        self._ended = False

    @property
    def ended(self) -> bool:
        """Whether ack() or requeue() has succeeded."""
        return self._ended

    def ack(self) -> None:
        """Tell the channel that the message is done.

        LeaseEnded: the lease has ended, or belongs to another process, such as the parent.
        ValueError: the Channel that it came from was released.
        """
        self._end(0)

    def requeue(self) -> None:
        """Return the message: it is delivered again, ahead of all later ones.

        After max_deliveries it goes to the dead-letter channel, or is dropped. Errors: as
        for ack().
        """
        self._end(_abi.REQUEUE)

    def _end(self, flags: int) -> None:
        self._handle._ioctl(_abi.IOC_ACK, _abi.Ack(lease=self._number, flags=flags))
        self._ended = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if self._ended:
            return
        if kind is None:
            self.ack()
            return
        # What the block has raised is of more interest than this.
        with contextlib.suppress(_errors.Error, ValueError):
            self.requeue()

    def __repr__(self) -> str:
        state = ", ended" if self._ended else ""
        return f"<gochan.Lease of message {self.seq}, delivery {self.deliveries}{state}>"
