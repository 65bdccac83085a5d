# SPDX-License-Identifier: GPL-2.0
"""Notices: what the kernel sends to a done channel."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar, Self

_LAYOUT = struct.Struct("=QQII")
_DEAD = 1


@dataclass(frozen=True)
class Notice:
    """A message is done on a channel made with done=.

    channel: Info.id of that channel
    seq: the number of the message, as Result.seq of its Send
    deliveries: how often it was delivered
    dead: whether it was given up, and not acknowledged
    """

    channel: int
    seq: int
    deliveries: int
    dead: bool

    SIZE: ClassVar[int] = _LAYOUT.size

    @classmethod
    def parse(cls, message: bytes) -> Self:
        """The notice in a message that a done channel has delivered.

        ValueError: it is no notice.
        """
        if len(message) != cls.SIZE:
            raise ValueError(f"a notice has {cls.SIZE} bytes, not {len(message)}")
        channel, seq, deliveries, flags = _LAYOUT.unpack(message)
        return cls(channel, seq, deliveries, bool(flags & _DEAD))
