# SPDX-License-Identifier: GPL-2.0
"""Waiting for a channel in an asyncio event loop, by add_reader() and add_writer().

A task never holds a message that it could lose: it is only told that the channel may be
ready, and then performs the op itself, without awaiting anything in between. Tasks are
served in order of arrival, as blocked threads are.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Waiter:
    """A task that waits. It keeps its place when it is woken in vain."""

    __slots__ = ("future",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.future: asyncio.Future[None] = loop.create_future()


class Queue:
    """The tasks of one loop that wait for one direction of a descriptor."""

    def __init__(self, loop: asyncio.AbstractEventLoop, fd: int, sending: bool) -> None:
        self.loop = loop
        self.waiters: deque[Waiter] = deque()
        self._fd = fd
        self._remove = loop.remove_writer if sending else loop.remove_reader
        add = loop.add_writer if sending else loop.add_reader
        add(fd, self._wake)

    def _wake(self) -> None:
        """Wake the first one, unless it is about to run anyway."""
        if self.waiters and not self.waiters[0].future.done():
            self.waiters[0].future.set_result(None)

    def leave(self, waiter: Waiter) -> None:
        self.waiters.remove(waiter)
        if not self.waiters:
            self._remove(self._fd)

    def fail(self) -> None:
        """The descriptor is about to be released: end the waits with ValueError."""
        self._remove(self._fd)
        for waiter in self.waiters:
            if not waiter.future.done():
                waiter.future.set_result(None)


class Queues:
    """The tasks that wait for a channel, of all loops and both directions."""

    def __init__(self) -> None:
        self._queues: dict[tuple[asyncio.AbstractEventLoop, bool], Queue] = {}

    async def perform(
        self, fileno: Callable[[], int], sending: bool, attempt: Callable[[], T | None]
    ) -> T:
        """Call attempt() whenever the channel may be ready, until it does not return None."""
        loop = asyncio.get_running_loop()
        # Let other tasks run, even if the channel is always ready. If this one is
        # cancelled here, it has not done anything yet.
        await asyncio.sleep(0)
        fd = fileno()
        queue = self._queues.get((loop, sending))
        if queue is None:
            result = attempt()
            if result is not None:
                return result
            queue = self._queues[loop, sending] = Queue(loop, fd, sending)
        waiter = Waiter(loop)
        queue.waiters.append(waiter)
        try:
            while True:
                await waiter.future
                waiter.future = loop.create_future()
                fileno()
                result = attempt()
                if result is not None:
                    return result
        finally:
            queue.leave(waiter)
            if not queue.waiters:
                self._queues.pop((loop, sending), None)

    def fail(self) -> None:
        for queue in list(self._queues.values()):
            queue.fail()
