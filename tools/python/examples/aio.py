# SPDX-License-Identifier: GPL-2.0
"""Channels in an asyncio event loop.

Three tasks double the numbers that a process sends. The channels have a buffer: on an
unbuffered channel, two peers that never block never meet. A receive that is cancelled by a
timeout has taken no message.

Expected: the sum of the doubled numbers.
"""

import asyncio
from multiprocessing import Process

from gochan import Channel

NUMBERS, TASKS = 100, 3


def count(numbers: Channel, out: Channel) -> None:
    numbers.release()
    with out:
        for number in range(NUMBERS):
            out.send(b"%d" % number)


async def double(numbers: Channel, doubled: Channel) -> None:
    async for message in numbers:
        await doubled.asend(b"%d" % (2 * int(message)))


async def add(doubled: Channel) -> int:
    """Add up what comes, until nothing has come for a while after the last one."""
    total = received = 0
    while True:
        try:
            async with asyncio.timeout(0.01):
                total += int(await doubled.arecv())
                received += 1
        except TimeoutError:
            if received == NUMBERS:
                return total


async def run(numbers: Channel, doubled: Channel) -> int:
    async with asyncio.TaskGroup() as group:
        for _ in range(TASKS):
            group.create_task(double(numbers, doubled))
        total = group.create_task(add(doubled))
    return total.result()


numbers, out = Channel.pair(4)
process = Process(target=count, args=(numbers, out))
process.start()
out.release()
with numbers, Channel.make(4) as doubled:
    total = asyncio.run(run(numbers, doubled))
process.join()
print(f"the sum is {total}")
assert total == 2 * sum(range(NUMBERS))
