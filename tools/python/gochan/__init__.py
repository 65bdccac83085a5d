# SPDX-License-Identifier: GPL-2.0
"""Go channels between processes, for Python: see README.md beside this package.

    import gochan

    receiver, sender = gochan.Channel.pair(capacity=4)

Channel has the operations on one channel; select(), try_select() and batch() perform
several. Exceptions are subclasses of OSError. The package needs the gochan kernel module,
and nothing else but Python's own library.
"""

from ._channel import Channel, unlink
from ._dump import dump, dump_on
from ._errors import AlreadyClosed, Closed, Error, LeaseEnded, LimitExceeded, MessageTooLong
from ._handle import Info
from ._lease import Lease
from ._notice import Notice
from ._ops import Ack, Batch, Poll, Recv, Result, Send, Sender, batch, select, try_select

__all__ = [
    "Ack",
    "AlreadyClosed",
    "Batch",
    "Channel",
    "Closed",
    "Error",
    "Info",
    "Lease",
    "LeaseEnded",
    "LimitExceeded",
    "MessageTooLong",
    "Notice",
    "Poll",
    "Recv",
    "Result",
    "Send",
    "Sender",
    "batch",
    "dump",
    "dump_on",
    "select",
    "try_select",
    "unlink",
]

__version__ = "0.2.0"
