# SPDX-License-Identifier: GPL-2.0
"""Channels in an asyncio event loop."""

import asyncio
import errno
import functools

import gochan
from common import TestCase, Thread, until_waiting


def in_loop(test):
    """Run an async test, at most for a minute."""

    @functools.wraps(test)
    def run(self):
        async def limited():
            async with asyncio.timeout(60):
                await test(self)

        asyncio.run(limited())

    return run


async def settle():
    """Let the other tasks run until they wait."""
    for _ in range(10):
        await asyncio.sleep(0)


class Async(TestCase):
    @in_loop
    async def test_send_and_receive(self):
        channel = self.make(1)
        await channel.asend(b"one")
        self.assertEqual(await channel.arecv(), b"one")

    @in_loop
    async def test_receive_waits(self):
        channel = self.make(1)
        task = asyncio.create_task(channel.arecv())
        await settle()
        self.assertFalse(task.done())
        channel.send(b"one")
        self.assertEqual(await task, b"one")
        self.assertEqual(channel.info().recv_blocked, 0)

    @in_loop
    async def test_send_waits(self):
        channel = self.make(1)
        channel.send(b"one")
        message = bytearray(b"two")
        task = asyncio.create_task(channel.asend(message))
        await settle()
        message[:] = b"else"
        self.assertFalse(task.done())
        self.assertEqual(channel.recv(), b"one")
        await task
        self.assertEqual(channel.recv(), b"two")

    @in_loop
    async def test_both_directions_at_once(self):
        full, empty = self.make(1), self.make(1)
        full.send(b"")
        tasks = [asyncio.create_task(full.asend(b"x")), asyncio.create_task(empty.arecv())]
        await settle()
        full.recv()
        empty.send(b"y")
        self.assertEqual(await asyncio.gather(*tasks), [None, b"y"])

    @in_loop
    async def test_iteration(self):
        channel = self.make(2)

        async def feed():
            for number in range(20):
                await channel.asend(b"%d" % number)
            channel.close_channel()

        task = asyncio.create_task(feed())
        got = [int(message) async for message in channel]
        self.assertEqual(got, list(range(20)))
        await task
        with self.fails(gochan.Closed, errno.EPIPE):
            await channel.arecv()
        with self.fails(gochan.Closed, errno.EPIPE):
            await channel.asend(b"")

    @in_loop
    async def test_others_run(self):
        """A channel that is always ready does not keep other tasks from running."""
        channel = self.make(100)
        for _ in range(100):
            channel.send(b"")
        channel.close_channel()
        turns = 0

        async def count():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(count())
        self.assertEqual(len([message async for message in channel]), 100)
        self.assertGreaterEqual(turns, 90)
        task.cancel()

    @in_loop
    async def test_in_order_of_arrival(self):
        channel = self.make(1)
        got = []

        async def receive(number):
            got.append((number, await channel.arecv()))

        tasks = [asyncio.create_task(receive(number)) for number in range(5)]
        await settle()
        for number in range(5):
            await channel.asend(b"%d" % number)
            while len(got) == number:
                await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        self.assertEqual(got, [(number, b"%d" % number) for number in range(5)])

    @in_loop
    async def test_with_thread(self):
        """On an unbuffered channel, a peer that blocks."""
        channel = self.make()
        thread = Thread(channel.send, b"one")
        self.assertEqual(await channel.arecv(), b"one")
        thread.join()
        thread = Thread(channel.recv)
        await channel.asend(b"two")
        self.assertEqual(thread.join(), b"two")

    @in_loop
    async def test_with_process(self):
        receiver, sender = self.pair(2)

        def work():
            receiver.release()
            for number in range(10):
                sender.send(b"%d" % number)

        worker = self.fork(work)
        sender.release()
        self.assertEqual([int(message) async for message in receiver], list(range(10)))
        self.ended(worker)

    @in_loop
    async def test_wrong_types(self):
        channel = self.make(1)
        with self.fails(TypeError, text="a message is bytes-like, not 'str'"):
            await channel.asend("x")
        with self.fails(gochan.Error, errno.EINVAL):
            await channel.arecv_lease()
        receiver, sender = self.pair(1)
        with self.fails(gochan.Error, errno.EBADF):
            await receiver.asend(b"")
        with self.fails(gochan.Error, errno.EBADF):
            await sender.arecv()

    def test_two_loops(self):
        channel = self.make(1)
        for number in range(2):
            task = asyncio.wait_for(channel.arecv(), 60)
            thread = Thread(asyncio.run, task)
            other = Thread(asyncio.run, asyncio.wait_for(channel.arecv(), 60))
            for _ in range(2):
                channel.send(b"%d" % number, 60)
            self.assertEqual([thread.join(), other.join()], [b"%d" % number] * 2)


class Cancelled(TestCase):
    @in_loop
    async def test_while_it_waits(self):
        for call in gochan.Channel.arecv, gochan.Channel.arecv_lease:
            channel = self.make(1, ack=True)
            task = asyncio.create_task(call(channel))
            await settle()
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            channel.send(b"one")
            self.assertEqual(await channel.arecv(), b"one")

    @in_loop
    async def test_send(self):
        channel = self.make(1)
        channel.send(b"one")
        task = asyncio.create_task(channel.asend(b"two"))
        await settle()
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertEqual(channel.recv(), b"one")
        self.assertIsNone(channel.try_recv())

    @in_loop
    async def test_at_every_step(self):
        """The message arrives, and the cancellation some steps of the loop later."""
        for steps in range(12):
            channel = self.make(1)
            task = asyncio.create_task(channel.arecv())
            await settle()
            channel.send(b"one")
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            try:
                got = await task
            except asyncio.CancelledError:
                got = channel.try_recv()
            self.assertEqual(got, b"one", steps)
            self.assertEqual(len(channel), 0)

    @in_loop
    async def test_timeouts(self):
        """Whatever the race of timeouts and messages yields, none is lost or doubled."""
        channel = self.make(1)
        sent = got = 0
        for number in range(200):
            thread = None if number % 2 else Thread(channel.send, b"%d" % number)
            sent += thread is not None
            try:
                async with asyncio.timeout(number % 7 * 0.0005):
                    await channel.arecv()
                    got += 1
            except TimeoutError:
                pass
            if thread:
                thread.join()
            while channel.try_recv() is not None:
                got += 1
        self.assertEqual(sent, got)

    @in_loop
    async def test_wakes_the_next(self):
        """One that is cancelled when it was just woken does not keep others from it."""
        channel = self.make(1)
        first = asyncio.create_task(channel.arecv())
        second = asyncio.create_task(channel.arecv())
        await settle()
        channel.send(b"one")
        await asyncio.sleep(0)
        first.cancel()
        done, _pending = await asyncio.wait([first, second], return_when="FIRST_COMPLETED")
        results = await asyncio.wait_for(second, 60) if first.cancelled() else first.result()
        self.assertEqual(results, b"one")
        self.assertTrue(done)
        second.cancel()

    @in_loop
    async def test_loop_is_left_clean(self):
        channel = self.make(1)
        loop = asyncio.get_running_loop()
        for _ in range(3):
            tasks = [asyncio.create_task(channel.arecv()) for _ in range(3)]
            await settle()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self.assertFalse(loop.remove_reader(channel.fileno()))

    @in_loop
    async def test_released(self):
        """Tasks that wait for a channel are told when it is released."""
        channel = self.make(1)
        tasks = [asyncio.create_task(channel.arecv()) for _ in range(2)]
        await settle()
        channel.release()
        for task in tasks:
            with self.fails(ValueError, text="was released"):
                await task
        with self.fails(ValueError, text="was released"):
            await channel.arecv()


class Leases(TestCase):
    @in_loop
    async def test_block(self):
        channel = self.make(1, ack=True)
        channel.send(b"one")
        with await channel.arecv_lease() as lease:
            self.assertEqual((lease.message, channel.info().leased), (b"one", 1))
        self.assertEqual((len(channel), channel.info().leased), (0, 0))

    @in_loop
    async def test_cancelled_in_block(self):
        channel = self.make(1, ack=True)
        channel.send(b"one")

        async def work():
            with await channel.arecv_lease():
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await settle()
        self.assertEqual(channel.info().leased, 1)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertEqual((await channel.arecv_lease()).deliveries, 2)

    @in_loop
    async def test_iteration(self):
        channel = self.make(3, ack=True)
        for message in b"one", b"two", b"three":
            channel.send(message)
        channel.close_channel()
        got = []
        async for lease in channel.aleases():
            with lease:
                got.append(lease.message)
        self.assertEqual(got, [b"one", b"two", b"three"])

    @in_loop
    async def test_end_waits(self):
        channel = self.make(1, ack=True)
        channel.send(b"one")
        channel.close_channel()
        lease = await channel.arecv_lease()
        task = asyncio.create_task(channel.arecv())
        await settle()
        lease.ack()
        with self.fails(gochan.Closed, errno.EPIPE):
            await task
        until_waiting(channel)
