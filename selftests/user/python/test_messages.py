# SPDX-License-Identifier: GPL-2.0
"""Sending and receiving single messages."""

import array
import errno
import math
import os
import time

import gochan
from common import TestCase, Thread, until_waiting


class Messages(TestCase):
    def test_order(self):
        channel = self.make(3)
        for message in b"one", b"", b"three":
            channel.send(message)
        self.assertEqual([channel.recv() for _ in range(3)], [b"one", b"", b"three"])

    def test_bytes_like(self):
        channel = self.make(1)
        for message in [
            b"abc", bytearray(b"abc"), memoryview(b"abc"), memoryview(b"a-b-c")[::2],
            array.array("B", b"abc"),
        ]:
            with self.subTest(message):
                channel.send(message)
                received = channel.recv()
                self.assertEqual((type(received), received), (bytes, b"abc"))

    def test_wrong_types(self):
        channel = self.make(1)
        for bad in "abc", 3, None, [1], 1.5, channel:
            for call in channel.send, channel.try_send:
                with self.subTest(bad), self.fails(TypeError, text="a message is bytes-like"):
                    call(bad)
        self.assertEqual(len(channel), 0)

    def test_sizes(self):
        channel = self.make(1, msg_size=2**20)
        for size in 0, 1, 4096, 4097, 2**20:
            message = os.urandom(size)
            channel.send(message)
            self.assertEqual(channel.recv(), message)
        with self.fails(gochan.MessageTooLong, errno.EMSGSIZE):
            channel.send(bytes(2**20 + 1))
        self.assertEqual(len(channel), 0)

    def test_only_empty_ones(self):
        channel = self.make(1, msg_size=0)
        channel.send(b"")
        self.assertEqual(channel.recv(), b"")
        with self.fails(gochan.MessageTooLong, errno.EMSGSIZE):
            channel.send(b"x")

    def test_fixed(self):
        channel = self.make(2, msg_size=4, fixed=True)
        channel.send(b"abcd")
        self.assertEqual(channel.recv(), b"abcd")
        for bad in b"", b"abc", b"abcdefgh":
            with self.subTest(bad), self.assertRaises(gochan.Error) as caught:
                channel.send(bad)
            self.assertIn(caught.exception.errno, (errno.EINVAL, errno.EMSGSIZE))

    def test_try(self):
        channel = self.make(1)
        self.assertIsNone(channel.try_recv())
        self.assertIs(channel.try_send(b""), True)
        self.assertIs(channel.try_send(b"two"), False)
        self.assertEqual(channel.try_recv(), b"")
        self.assertIsNone(channel.try_recv())

    def test_iteration(self):
        channel = self.make(3)
        for message in b"one", b"", b"three":
            channel.send(message)
        self.assertEqual(next(channel), b"one")
        channel.close_channel()
        self.assertEqual(list(channel), [b"", b"three"])
        self.assertEqual(list(channel), [])
        self.assertEqual(next(channel, None), None)

    def test_unbuffered(self):
        channel = self.make()
        self.assertFalse(channel.try_send(b"one"))
        sender = Thread(channel.send, b"one")
        until_waiting(channel, senders=1)
        self.assertEqual(channel.recv(), b"one")
        sender.join()
        receiver = Thread(channel.recv)
        until_waiting(channel, receivers=1)
        self.assertTrue(channel.try_send(b"two"))
        self.assertEqual(receiver.join(), b"two")

    def test_not_changed_while_it_waits(self):
        channel = self.make()
        message = bytearray(b"one")
        sender = Thread(channel.send, message)
        until_waiting(channel, senders=1)
        message[:] = b"longer"
        self.assertEqual(channel.recv(), b"one")
        sender.join()

    def test_closed_while_it_waits(self):
        for senders, receivers in (1, 0), (0, 1):
            channel = self.make()
            call = (lambda: channel.send(b"")) if senders else channel.recv
            waiting = Thread(call)
            until_waiting(channel, senders=senders, receivers=receivers)
            channel.close_channel()
            with self.fails(gochan.Closed, errno.EPIPE):
                waiting.join()

    def test_limit_while_it_waits(self):
        from common import as_alice, limit

        channel = self.make(msg_size=2**20)
        with limit("max_user_bytes", 2**16), as_alice():
            with self.fails(gochan.LimitExceeded, errno.EDQUOT):
                channel.send(bytes(2**20))

    def test_credentials(self):
        channel = self.make(1, cred=True)
        channel.send(b"one")
        sender = gochan.select([gochan.Recv(channel)]).sender
        self.assertEqual(sender, (os.getpid(), 0, 0))
        self.assertEqual((sender.pid, sender.uid, sender.gid), sender)
        plain = self.make(1)
        plain.send(b"one")
        self.assertIsNone(gochan.select([gochan.Recv(plain)]).sender)


class Timeouts(TestCase):
    def test_passes(self):
        channel = self.make()
        for call in channel.recv, channel.recv_fd, lambda t: channel.send(b"", t):
            for timeout in 0, 0.0, 0.02, 1e-9:
                before = time.monotonic()
                with self.subTest(timeout), self.fails(TimeoutError, errno.ETIMEDOUT):
                    call(timeout)
                self.assertGreaterEqual(time.monotonic() - before, timeout)

    def test_is_not_needed(self):
        channel = self.make(1)
        channel.send(b"one", 0)
        self.assertEqual(channel.recv(0), b"one")
        channel.send(b"one", timeout=5)
        self.assertEqual(channel.recv(timeout=5), b"one")

    def test_never(self):
        channel = self.make()
        for timeout in None, math.inf, 1e30, 2**70:
            receiver = Thread(channel.recv, timeout)
            until_waiting(channel, receivers=1)
            channel.send(b"one")
            self.assertEqual(receiver.join(), b"one")

    def test_bad(self):
        channel = self.make(1)
        for bad in -1, -0.001, math.nan, -math.inf:
            with self.subTest(bad), self.fails(ValueError, text="a timeout is not negative"):
                channel.recv(bad)
        for bad in "1", True, b"", [1]:
            with self.subTest(bad), self.fails(TypeError, text="a timeout is a number of"):
                channel.send(b"", bad)
        self.assertEqual(len(channel), 0)


class NonBlocking(TestCase):
    def test_descriptor(self):
        channel = self.make(1)
        os.set_blocking(channel.fileno(), False)
        with self.fails(BlockingIOError, errno.EAGAIN):
            channel.recv()
        channel.send(b"one")
        with self.fails(BlockingIOError, errno.EAGAIN):
            channel.send(b"two", 5)
        self.assertEqual(channel.recv(), b"one")
        # A select ignores it.
        with self.fails(TimeoutError, errno.ETIMEDOUT):
            gochan.select([gochan.Recv(channel)], 0.01)


class OtherInterfaces(TestCase):
    def test_read_and_write(self):
        channel = self.make(1)
        os.write(channel.fileno(), b"one")
        self.assertEqual(channel.recv(), b"one")
        channel.send(b"two")
        self.assertEqual(os.read(channel.fileno(), 100), b"two")

    def test_standard_select(self):
        import select

        channel = self.make(1)
        self.assertEqual(select.select([channel], [channel], [], 0), ([], [channel], []))
        channel.send(b"one")
        self.assertEqual(select.select([channel], [channel], [], 0), ([channel], [], []))
